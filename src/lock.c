/* SPDX-License-Identifier: MIT */
/* The lock handle: the calls of the header, handed on to the kind of lock. Private ones are rlock.c's. */
#include "lock.h"
#include "deadline.h"
#include "park.h"
#include "rlock.h"
#include "shared.h"
#include "task.h"
#include "waiter.h"

_Static_assert(sizeof(cond_lock_t) <= 64, "a lock is at most one cache line of 64 bytes");

/* A shared condition may be mapped anywhere, so it keeps the distance of its lock. */
cond_lock_t *cond_valid_lock(const cond_t *cond)
{
    cond_lock_t *lock = cond_private_lock(cond);
    if (!LOCK_OTHERS || lock != NULL || cond == NULL || !cond_is_alive(cond))
        return lock;
    if (cond->lock_ == NULL)
        lock = (cond_lock_t *)(uintptr_t)&cond->own_;
    else if (cond->state_ == COND_ALIVE)
        lock = cond->lock_;
    else
        lock = (cond_lock_t *)((uintptr_t)cond + (uintptr_t)cond->lock_);
    return lock_is_valid(lock) && lock_is_shared(lock) == (cond->state_ == COND_ALIVE_SHARED) ? lock : NULL;
}

int64_t cond_now(void)
{
    return port_now();
}

/* ---- Foreign locks ---- */

static int foreign_acquire(const cond_lock_t *lock, int64_t deadline_ns)
{
    return lock->u_.local.as.foreign.ops->acquire(lock->u_.local.as.foreign.object, deadline_ns);
}

static int foreign_release(const cond_lock_t *lock)
{
    return lock->u_.local.as.foreign.ops->release(lock->u_.local.as.foreign.object);
}

/* Whether it is held, as far as trying to acquire it tells: not one that is free or lost. */
static bool foreign_is_busy(const cond_lock_t *lock)
{
    int error = foreign_acquire(lock, DEADLINE_PASSED);
    if (lock_is_held_after(error))
        (void)foreign_release(lock);
    return error == ETIMEDOUT || error == EBUSY || error == EDEADLK;
}

/* As Python's Condition does for a lock that cannot tell: if it can't be acquired, it is the caller's. */
static bool foreign_owned(const cond_lock_t *lock)
{
    const cond_lock_ops_t *ops = lock->u_.local.as.foreign.ops;
    return ops->owned != NULL ? ops->owned(lock->u_.local.as.foreign.object) : foreign_is_busy(lock);
}

/* A recursive one can be acquired by its owner, so ask that first, if it can tell. */
static bool foreign_locked(const cond_lock_t *lock)
{
    return (lock->kind_ == LOCK_FOREIGN && foreign_owned(lock)) || foreign_is_busy(lock);
}

/* ---- What conditions need ---- */

int lock_release_save(cond_lock_t *lock, unsigned *depth)
{
    if (lock_is_not_foreign(lock)) {
        *depth = rlock_release_save(lock, port_self());
        return *depth != 0 ? 0 : EPERM;
    }
    const cond_lock_ops_t *ops = lock->u_.local.as.foreign.ops;
    *depth = 1;
    return ops->release_save != NULL ? ops->release_save(lock->u_.local.as.foreign.object, depth)
                                     : foreign_release(lock);
}

int lock_acquire_restore(cond_lock_t *lock, unsigned depth)
{
    if (lock_is_not_foreign(lock)) {
        rlock_acquire_restore(lock, port_self(), depth);
        return 0;
    }
    const cond_lock_ops_t *ops = lock->u_.local.as.foreign.ops;
    return ops->acquire_restore != NULL ? ops->acquire_restore(lock->u_.local.as.foreign.object, depth)
                                        : foreign_acquire(lock, COND_FOREVER);
}

void lock_give_up(cond_lock_t *lock)
{
    a_store_8(&lock->kind_, LOCK_DESTROYED);
}

void lock_let_go(cond_lock_t *lock)
{
    if (lock_is_not_foreign(lock))
        return; /* its release sees to it */
    struct cond_waiter *next = waiter_pick_blindly(lock);
    if (next != NULL)
        park_wake(next);
}

void lock_reinit(cond_lock_t *lock)
{
    struct cond_foreign_lock_ foreign = lock->u_.local.as.foreign;
    *lock = (cond_lock_t){.kind_ = lock->kind_};
    if (lock_is_foreign(lock))
        lock->u_.local.as.foreign = foreign;
}

/* ---- The calls of the header ---- */

int cond_lock_init(cond_lock_t *lock, unsigned flags)
{
    if (lock == NULL || (flags & ~(unsigned)(COND_MUTEX | COND_SHARED)) != 0)
        return EINVAL;
    if (flags & COND_SHARED)
        return shared_lock_init(lock, flags);
    *lock = (cond_lock_t){.kind_ = (uint8_t)flags};
    return 0;
}

#ifndef CONDVAR_NO_FOREIGN
int cond_lock_init_foreign(cond_lock_t *lock, const cond_lock_ops_t *ops, void *object)
{
    if (lock == NULL || ops == NULL || ops->acquire == NULL || ops->release == NULL ||
        (ops->release_save == NULL) != (ops->acquire_restore == NULL))
        return EINVAL;
    *lock = (cond_lock_t){.kind_ = LOCK_FOREIGN, .u_.local.as.foreign = {.ops = ops, .object = object}};
    return 0;
}
#endif

int cond_lock_destroy(cond_lock_t *lock)
{
    if (!lock_is_valid(lock))
        return EINVAL;
    if (lock_is_shared(lock))
        return shared_lock_destroy(lock);
    /* Acquire: partner is waiter_end(). A lock that is not free is not waited for. */
    const uint32_t *waits = &lock->u_.local.waits;
    bool is_private = lock_is_not_foreign(lock);
    if (a_load(waits, acquire) != 0 || (is_private && !mutex_try(lock)))
        return EBUSY;
    if (is_private && (a_load_32(waits) != 0 || waiter_first(lock) != NULL || task_any(lock))) {
        mutex_release(lock); /* somebody has begun to wait in between, or wants the lock */
        return EBUSY;
    }
    a_store_8(&lock->kind_, LOCK_DESTROYED);
    if (is_private)
        mutex_kill(lock);
    return 0;
}

/* Those of locks that are not private, or not valid: out of the way of the others. */
static COLD int acquire_other(cond_lock_t *lock, int64_t deadline_ns)
{
    if (!LOCK_OTHERS || lock == NULL)
        return EINVAL;
    if (lock_is_shared(lock))
        return shared_lock_acquire(lock, deadline_ns);
    return lock_is_foreign(lock) ? foreign_acquire(lock, deadline_ns) : EINVAL;
}

static COLD int release_other(cond_lock_t *lock)
{
    if (!LOCK_OTHERS || lock == NULL)
        return EINVAL;
    if (lock_is_shared(lock))
        return shared_lock_release(lock);
    return lock_is_foreign(lock) ? foreign_release(lock) : EINVAL;
}

static int acquire_until(cond_lock_t *lock, int64_t deadline_ns)
{
    return lock != NULL && lock_is_private(lock) ? rlock_acquire(lock, port_self(), deadline_ns)
                                                 : acquire_other(lock, deadline_ns);
}

int cond_lock_acquire(cond_lock_t *lock)
{
    return acquire_until(lock, COND_FOREVER);
}

int cond_lock_try_acquire(cond_lock_t *lock)
{
    return try_answer(acquire_until(lock, DEADLINE_PASSED));
}

APART int cond_lock_acquire_timed(cond_lock_t *lock, int64_t timeout_ns)
{
    return acquire_until(lock, deadline_after(timeout_ns));
}

int cond_lock_release(cond_lock_t *lock)
{
    return lock != NULL && lock_is_private(lock) ? rlock_release(lock, port_self()) : release_other(lock);
}

bool cond_lock_locked(const cond_lock_t *lock)
{
    if (!lock_is_valid(lock))
        return false;
    if (lock_is_shared(lock))
        return shared_lock_locked(lock);
    if (lock_is_foreign(lock))
        return foreign_locked(lock);
    return (a_load_32(&lock->u_.local.as.mine.word) & (MUTEX_HELD | MUTEX_FIFO)) != 0;
}

bool cond_lock_owned(const cond_lock_t *lock)
{
    if (!lock_is_valid(lock))
        return false;
    if (lock_is_shared(lock))
        return shared_lock_owned(lock);
    return lock_is_foreign(lock) ? foreign_owned(lock) : rlock_owned(lock);
}

int cond_lock_recover(cond_lock_t *lock)
{
    if (!lock_is_valid(lock))
        return EINVAL;
    if (!cond_lock_owned(lock))
        return EPERM;
    return lock_is_shared(lock) ? shared_lock_recover(lock) : EINVAL;
}
