/* SPDX-License-Identifier: MIT */
/*
 * The lock handle: the public calls on a cond_lock_t. Each call depends on the kind of the lock: private (rlock.c),
 * foreign (foreign.c) or shared (shared.c). `kind_` is fixed by init, until destroy or the loss of a foreign lock.
 */
#include "lock.h"
#include "deadline.h"
#include "foreign.h"
#include "handoff.h"
#include "rlock.h"
#include "shared.h"
#include "taskq.h"
#include "waitq.h"

_Static_assert(sizeof(cond_lock_t) <= 64, "a lock is at most one cache line of 64 bytes");

/* A shared condition may be mapped at any address, so it stores the distance of its lock. */
NOINLINE_IF_FAST cond_lock_t *lock_of(const cond_t *cond)
{
    cond_lock_t *lock = lock_private_of(cond);
    if (!HAVE_NONPRIVATE || lock != NULL || cond == NULL)
        return lock;
    /* Read the state once: another thread may be in cond_destroy(). */
    uint32_t state = condi_state(cond);
    if (!condi_state_is_alive(state))
        return NULL;
    if (cond->lock_ == NULL)
        lock = (cond_lock_t *)(uintptr_t)&cond->own_;
    else if (state <= CONDI_CLOSED) /* M:state-once */
        lock = cond->lock_;
    else
        lock = (cond_lock_t *)((uintptr_t)cond + (uintptr_t)cond->lock_);
    return lock_is_valid(lock) && lock_is_shared(lock) == (state > CONDI_CLOSED) ? lock : NULL;
}

/* ---- Time, and the version ---- */

int64_t cond_now(void)
{
    return port_now();
}

int64_t cond_deadline(int64_t timeout_ns)
{
    int64_t deadline_ns = deadline_add(port_now() + (timeout_ns > 0 ? TUNING_CLOCK_TICK_NS : 0), timeout_ns);
    /* Not 0, which means no deadline in cond_wait_options_t. */
    return deadline_ns != 0 ? deadline_ns : -1;
}

#define LOCK_STRING(macro) LOCK_STRING_(macro)
#define LOCK_STRING_(text) #text

const char *cond_version(void)
{
    return LOCK_STRING(COND_VERSION_MAJOR) "." LOCK_STRING(COND_VERSION_MINOR) "." LOCK_STRING(COND_VERSION_PATCH);
}

/* ---- Calls for conditions (lock.h) ---- */

int lock_release_save(cond_lock_t *lock, unsigned *depth)
{
    if (lock_was_foreign(lock))
        return foreign_release_save(lock, depth);
    *depth = rlock_release_save(lock, port_self());
    return !HAVE_NONPRIVATE || *depth != 0 ? 0 : EPERM; /* (a wait has checked before that the caller holds it) */
}

int lock_acquire_restore(cond_lock_t *lock, unsigned depth, bool was_chosen)
{
    if (lock_was_foreign(lock))
        return foreign_acquire_restore(lock, depth);
    rlock_acquire_restore(lock, port_self(), depth, was_chosen);
    return 0;
}

/* `depth_` of a foreign lock is 0 until the lock is lost. Then this bit is a small lock that guards the queues, and the
   bits above it are the first error. */
enum { LOCK_LOST_HELD = 1 };

int lock_lose(cond_lock_t *lock, int error)
{
    uint32_t old = a_load(&lock->depth_, relaxed), held;
    do {
        while (old & LOCK_LOST_HELD) {
            port_wait(&lock->depth_, old, COND_FOREVER);
            old = a_load(&lock->depth_, relaxed);
        }
        held = (old != 0 ? old : (uint32_t)error * 2) | LOCK_LOST_HELD;
        /* Acquire: partner is the release in lock_leave_lost(). */
    } while (!a_cas_weak(&lock->depth_, &old, held, acquire, relaxed));
    a_store_8(&lock->kind_, LOCK_FOREIGN_LOST);
    return (int)(held / 2);
}

/* As soon as the bit is cleared, the handle may be destroyed. Each call wakes a sleeper without checking whether there
   is one, because calls are rare. */
void lock_leave_lost(cond_lock_t *lock)
{
    uint32_t *word = &lock->depth_;
    /* Release: partner is the acquire in lock_lose(). */
    a_store(word, a_load(word, relaxed) & ~(uint32_t)LOCK_LOST_HELD, release);
    port_wake(word, 1);
}

bool lock_wake_next(cond_lock_t *lock)
{
    return lock_was_foreign(lock) && handoff_wake_next(lock);
}

/* Set all members to 0, except the kind. */
static NOINLINE void lock_reset(cond_lock_t *lock, unsigned kind)
{
    *lock = (cond_lock_t){.kind_ = (uint8_t)kind};
}

/* ---- Public calls ---- */

int cond_lock_init(cond_lock_t *lock, unsigned flags)
{
    if (lock == NULL || (flags & ~(unsigned)(COND_MUTEX | COND_SHARED)) != 0)
        return EINVAL;
    if (HAVE_SHARED && (flags & COND_SHARED))
        return shared_lock_init(lock, flags);
    lock_reset(lock, flags & COND_SHARED ? LOCK_DESTROYED : flags);
    return flags & COND_SHARED ? ENOTSUP : 0;
}

#if HAVE_FOREIGN
int cond_lock_init_foreign(cond_lock_t *lock, const cond_lock_ops_t *ops, void *object)
{
    if (lock == NULL || ops == NULL || ops->acquire == NULL || ops->release == NULL ||
        (ops->release_save == NULL) != (ops->acquire_restore == NULL))
        return EINVAL;
    *lock = (cond_lock_t){.kind_ = LOCK_FOREIGN, .u_.local.as.foreign = {.ops = ops, .object = object}};
    return 0;
}
#endif

COLD int cond_lock_destroy(cond_lock_t *lock)
{
    if (!lock_is_valid(lock))
        return EINVAL;
    if (lock_is_shared(lock))
        return shared_lock_destroy(lock);
    /* Acquire: partner is the release in waitq_end_wait(). Destroy does not wait for a lock that is held. */
    const uint32_t *active_waits = &lock->u_.local.active_waits;
    bool is_private = !lock_was_foreign(lock);
    if (a_load(active_waits, acquire) != 0 || (is_private && !mutex_try(lock)))
        return EBUSY;
    /* M:destroy-again */
    if (is_private && (a_load_32(active_waits) != 0 || (HAVE_TASKS && taskq_any(lock)))) {
        handoff_release(lock); /* a wait has begun in between, or a task wants the lock */
        return EBUSY;
    }
    if (!is_private) {
        if (!lock_is_foreign(lock))
            return EINVAL; /* another thread has just destroyed it */
        /* Relaxed, and an exchange: as in cond_destroy(). It changes the depth, not `kind_`: some processors have no
           exchange of one byte. */
        uint32_t before = a_exchange(&lock->depth_, LOCK_DEPTH_DESTROYED, relaxed); /* M:destroyed-lock */
        if (before == LOCK_DEPTH_DESTROYED)
            return EINVAL;
    }
    a_store_8(&lock->kind_, LOCK_DESTROYED);
    if (is_private)
        handoff_close(lock);
    return 0;
}

/* For locks that are foreign, shared or not valid. Not inlined, so that the calls on private locks stay fast. */
static COLD int lock_acquire_nonprivate(cond_lock_t *lock, int64_t deadline_ns)
{
    if (lock == NULL)
        return EINVAL;
    if (lock_is_shared(lock))
        return shared_lock_acquire(lock, deadline_ns);
    return lock_is_foreign(lock) ? foreign_acquire(lock, deadline_ns) : EINVAL;
}

static COLD int lock_release_nonprivate(cond_lock_t *lock)
{
    if (lock == NULL)
        return EINVAL;
    if (lock_is_shared(lock))
        return shared_lock_release(lock);
    return lock_is_foreign(lock) ? foreign_release(lock) : EINVAL;
}

static int lock_acquire_until(cond_lock_t *lock, int64_t deadline_ns)
{
    return lock != NULL && lock_is_private(lock) ? rlock_acquire(lock, port_self(), deadline_ns)
           : HAVE_NONPRIVATE                     ? lock_acquire_nonprivate(lock, deadline_ns)
                                                 : EINVAL;
}

int cond_lock_acquire(cond_lock_t *lock)
{
    return lock_acquire_until(lock, COND_FOREVER);
}

int cond_lock_try_acquire(cond_lock_t *lock)
{
    return rlock_try_result(lock_acquire_until(lock, DEADLINE_PASSED));
}

NOINLINE_IF_FAST int cond_lock_acquire_timed(cond_lock_t *lock, int64_t timeout_ns)
{
    return lock_acquire_until(lock, deadline_after(timeout_ns));
}

int cond_lock_acquire_until(cond_lock_t *lock, int64_t deadline_ns)
{
    return lock_acquire_until(lock, deadline_ns);
}

int cond_lock_release(cond_lock_t *lock)
{
    return lock != NULL && lock_is_private(lock) ? rlock_release(lock, port_self())
           : HAVE_NONPRIVATE                     ? lock_release_nonprivate(lock)
                                                 : EINVAL;
}

bool cond_lock_locked(const cond_lock_t *lock)
{
    if (!lock_is_valid(lock))
        return false;
    if (lock_is_shared(lock))
        return shared_lock_locked(lock);
    if (lock_is_foreign(lock))
        return foreign_locked(lock);
    return (a_load_32(lock_word(lock)) & (MUTEX_HELD | MUTEX_STARVING_ALL)) != 0;
}

bool cond_lock_owned(const cond_lock_t *lock)
{
    if (!lock_is_valid(lock))
        return false;
    if (lock_is_shared(lock))
        return shared_lock_owned(lock);
    return lock_is_foreign(lock) ? foreign_owned(lock) : rlock_owned(lock);
}

int cond_lock_reinit_after_fork(cond_lock_t *lock)
{
    if (!lock_is_valid(lock))
        return EINVAL;
    if (lock_is_shared(lock)) /* its holder and its waiters exist in other processes */
        return 0;
    struct cond_foreign_lock_ foreign = *lock_foreign(lock);
    lock_reset(lock, lock->kind_);
    if (lock_is_foreign(lock))
        *lock_foreign(lock) = foreign;
    return 0;
}

int cond_lock_recover(cond_lock_t *lock)
{
    if (!lock_is_valid(lock))
        return EINVAL;
    if (!cond_lock_owned(lock))
        return EPERM;
    return lock_is_shared(lock) ? shared_lock_recover(lock) : EINVAL;
}
