/* SPDX-License-Identifier: MIT */
/*
 * The condition: wait, notify, init and destroy. Everything happens with the condition's lock held, except the sleep
 * itself:
 *
 *      wait:   join the queue | release all levels -> sleep (park.h) -> acquire all levels |
 *              woken:    look at the predicate; if it is false, back into the queue
 *              expired:  leave the queue that the node is in; pass on the notification that it does not use
 */
#include "deadline.h"
#include "foreign.h"
#include "lock.h"
#include "park.h"
#include "probe.h"
#include "rlock.h"
#include "shared.h"
#include "waitq.h"

_Static_assert(sizeof(cond_t) <= (COND_ROBUST_WORDS_ > 5 ? 104 : 96),
               "a condition with its lock is at most 96 bytes, or 104 where a pthread mutex has 48");

/* ---- The lock is lost ---- */

/*
 * The condition's foreign lock is lost, for the reason `error` if that was not known: those that wait on the condition leave,
 * since nobody else can wake them. Each gets the error that is returned. If the caller is itself a waiter, it leaves too; and if
 * it is no longer in the condition's queue, it does not touch the condition, which may be destroyed.
 */
static COLD int leave_lost(cond_t *cond, struct cond_waiter *waiter, cond_lock_t *lock, int error)
{
    error = lock_lose(lock, error);
    if (waiter == NULL || waiter->queue == WAITER_QUEUED)
        waitq_notify_lost(cond, lock); /* M:lost-wakes-all */
    if (waiter != NULL)
        waitq_leave(waiter, lock);
    while (lock_wake_next(lock))
        ;
    if (waiter != NULL)
        waitq_end_wait(lock); /* M:lost-ends */
    lock_leave_lost(lock);
    return error;
}

/* If the lock of the condition, which is not NULL, is lost: wake those that still wait. True: nobody waits now. */
static COLD bool wake_if_lost(cond_t *cond)
{
    cond_lock_t *lock = cond->lock_;
    if (a_load_32(&cond->state_) > COND_CLOSED || lock == NULL || !lock_is_lost(lock)) /* M:lost-is-noticed */
        return false;
    (void)leave_lost(cond, NULL, lock, ENOTRECOVERABLE);
    return true;
}

/* ---- Life ---- */

#ifndef CONDVAR_NO_SHARED
/* A condition that processes share may be alive already, made by another of them: only memory that
   is not is begun, and by one process only. */
static int init_shared(cond_t *cond, cond_lock_t *lock, unsigned flags)
{
    /* Relaxed: who uses what another process has made looks again, in cond_is_alive(). */
    ANNOTATE_DEFINED(&cond->state_);
    uint32_t before = a_load(&cond->state_, relaxed);
    if (before == COND_ALIVE_SHARED || before == COND_CLOSED_SHARED || before == COND_INIT_SHARED ||
        !a_cas(&cond->state_, &before, COND_INIT_SHARED, relaxed, relaxed))
        return before == COND_ALIVE_SHARED || before == COND_CLOSED_SHARED ? EBUSY : EAGAIN;
    if (lock == NULL) {
        int error = shared_lock_make(&cond->own_, flags | LOCK_OWN_SHARED);
        if (error != 0) {
            a_store(&cond->state_, COND_DESTROYED, relaxed);
            return error;
        }
    }
    cond->lock_ = lock != NULL ? (cond_lock_t *)((uintptr_t)lock - (uintptr_t)cond) : NULL;
    cond->waiters_ = 0;
    cond->u_.shared = (struct cond_shared_queue_){0};
    /* Release: partner is cond_is_alive(). */
    a_store(&cond->state_, COND_ALIVE_SHARED, release);
    return 0;
}
#else
static int init_shared(cond_t *cond, cond_lock_t *lock, unsigned flags)
{
    (void)lock, (void)flags;
    cond->state_ = COND_DESTROYED;
    return ENOTSUP;
}
#endif

int cond_init(cond_t *cond, cond_lock_t *lock, unsigned flags)
{
    if (cond == NULL || flags > (COND_SHARED | COND_MUTEX) ||
        (lock != NULL && (!lock_is_valid(lock) || (flags != 0 && flags != (lock->kind_ & ~LOCK_OWN_SHARED)))))
        return EINVAL;
    if (lock != NULL ? lock_is_shared(lock) : (flags & COND_SHARED) != 0)
        return init_shared(cond, lock, flags);
    *cond = (cond_t){.lock_ = lock, .own_ = {.kind_ = (uint8_t)flags}}; /* (which is not used if there is another) */
    return 0;
}

int cond_destroy(cond_t *cond)
{
    if (cond == NULL || !cond_is_alive(cond))
        return EINVAL;
    /* Acquire: partner is waitq_count_out(). A lock elsewhere is not looked at if nobody waits: it may be gone. */
    if (a_load(&cond->waiters_, acquire) != 0 && !(HAVE_FOREIGN && wake_if_lost(cond)))
        return EBUSY;
    if (cond->lock_ == NULL) {
        int error = cond_lock_destroy(&cond->own_);
        if (error != 0)
            return error;
    }
    /* Relaxed: other calls only look whether they may go on. */
    a_store_32(&cond->state_, COND_DESTROYED); /* M:destroyed */
    return 0;
}

int cond_reinit_after_fork(cond_t *cond)
{
    cond_lock_t *lock = lock_of(cond);
    int error = cond_lock_reinit_after_fork(lock);
    if (error == 0 && !lock_is_shared(lock)) { /* a shared one's waiters live on in other processes */
        cond->u_.local.waiters = NULL;
        cond->waiters_ = 0;
    }
    return error;
}

/* ---- The lock ---- */

int cond_acquire(cond_t *cond)
{
    cond_lock_t *lock = OPTIMIZE_SIZE ? NULL : private_lock_of(cond);
    return lock != NULL ? rlock_acquire(lock, port_self(), COND_FOREVER)
                        : cond_lock_acquire(lock_of(cond));
}

int cond_try_acquire(cond_t *cond)
{
    cond_lock_t *lock = OPTIMIZE_SIZE ? NULL : private_lock_of(cond);
    return lock != NULL ? rlock_try_result(rlock_acquire(lock, port_self(), DEADLINE_PASSED))
                        : cond_lock_try_acquire(lock_of(cond));
}

int cond_acquire_timed(cond_t *cond, int64_t timeout_ns)
{
    return cond_lock_acquire_timed(lock_of(cond), timeout_ns);
}

int cond_acquire_until(cond_t *cond, int64_t deadline_ns)
{
    return cond_lock_acquire_until(lock_of(cond), deadline_ns);
}

int cond_release(cond_t *cond)
{
    cond_lock_t *lock = OPTIMIZE_SIZE ? NULL : private_lock_of(cond);
    return lock != NULL ? rlock_release(lock, port_self()) : cond_lock_release(lock_of(cond));
}

bool cond_locked(const cond_t *cond)
{
    return cond_lock_locked(lock_of(cond));
}

bool cond_owned(const cond_t *cond)
{
    return cond_lock_owned(lock_of(cond));
}

int cond_recover(cond_t *cond)
{
    cond_lock_t *lock = lock_of(cond);
    int error = cond_lock_recover(lock);
    if (error == 0)
        shared_repair(cond, lock);
    return error;
}

cond_lock_t *cond_get_lock(cond_t *cond)
{
    return lock_of(cond);
}

static COLD int held_nonprivate_lock(cond_t *cond, cond_lock_t **lock)
{
    *lock = lock_of(cond);
    if (*lock == NULL) {
        if (HAVE_FOREIGN && cond != NULL)
            (void)wake_if_lost(cond);
        return EINVAL;
    }
    if (!cond_lock_owned(*lock)) {
        if (lock_is_shared(*lock))
            return shared_not_held(cond, *lock);
        /* Nobody holds a lock that is lost, so nobody could wake its waiters. */
        if (!lock_is_foreign(*lock) || a_load_32(&cond->waiters_) == 0 || !foreign_is_unrecoverable(*lock))
            return EPERM;
        return leave_lost(cond, NULL, *lock, ENOTRECOVERABLE);
    }
    return lock_is_shared(*lock) || waitq_is_ours(cond, *lock) ? 0 : EINVAL;
}

/* The lock of a condition on which the caller may wait or notify. */
static INLINE_IF_FAST int held_lock(cond_t *cond, cond_lock_t **lock)
{
    *lock = private_lock_of(cond);
    if (*lock == NULL)
        return HAVE_NONPRIVATE ? held_nonprivate_lock(cond, lock) : EINVAL;
    if (!rlock_owned(*lock))
        return EPERM;
    return waitq_is_ours(cond, *lock) ? 0 : EINVAL;
}

/* ---- Wait ---- */

static bool check_pred(cond_lock_t *lock, cond_pred_t *pred, void *arg)
{
    waitq_note_holder_pred(lock, pred, arg);
    return pred(arg);
}

/* Nobody else has the node now, except for cond_stop(). If that came before, the waiter sees it when it looks afterwards,
   since this exchange reads what it wrote; if it comes later it finds 0, and lets the waiter expire. Acquire: partner is
   park_expire(). */
static void waiter_reset(struct cond_waiter *waiter)
{
#ifdef CONDVAR_NO_CANCEL
    a_store(&waiter->state, 0, relaxed);
#else
    (void)a_exchange(&waiter->state, 0, acquire);
#endif
}

static bool has_cancelled_token(const struct waitq_thread *self)
{
#ifdef CONDVAR_NO_CANCEL
    (void)self;
    return false;
#else
    /* Acquire: partner is cond_stop(). (Whoever has cancelled a token on another condition orders the two by itself.) */
    return self->token != NULL && a_load(&self->token->cancelled_, acquire) != 0; /* M:token-ends */
#endif
}

/* Why a waiter whose predicate is false must not wait (again): 0, ECANCELED. */
static int reason_not_to_wait(const struct waitq_thread *self)
{
    return cond_is_closed(self->waiter.cond) || has_cancelled_token(self) ? ECANCELED : 0;
}

/*
 * One wait of a node that is in a queue: 0 when it was woken, ECANCELED if that was because of a close or a cancel,
 * ETIMEDOUT when it has expired, with the lock held either way and the node in no queue. Or an error of a foreign lock,
 * which is held with EOWNERDEAD and lost otherwise. If it is lost, the node may still be in a queue.
 */
static int wait_once(struct cond_waiter *waiter, cond_lock_t *lock, int64_t deadline_ns, bool *lost)
{
    unsigned depth;
    int error = lock_release_save(lock, &depth);
    if (error != 0) {
        /* The foreign lock says that the caller does not hold it, though cond_lock_owned() said so: nothing has happened. */
        waitq_leave(waiter, lock);
        return error;
    }
    bool woken = park_sleep(waiter, lock, deadline_ns);
    error = lock_acquire_restore(lock, depth, woken);
    *lost = !lock_is_held_after(error);
    if (*lost)
        return error;
    if (!woken)
        waitq_leave(waiter, lock);
    return error != 0 ? error : !woken ? ETIMEDOUT : waitq_is_cancelled(waiter) ? ECANCELED : 0;
}

/* The node has `cond`, and what it waits for. */
static int wait(cond_lock_t *lock, struct waitq_thread *self, int64_t deadline_ns)
{
    struct cond_waiter *waiter = &self->waiter;
    cond_pred_t *pred = waiter->pred;
    bool satisfied, lost = false;
    int error = reason_not_to_wait(self); /* M:closed-begins */
    if (error != 0)
        return error;
    waitq_begin_wait(waiter, lock);
    for (;;) {
        error = wait_once(waiter, lock, deadline_ns, &lost);
        if (HAVE_FOREIGN && lost)
            return leave_lost(waiter->cond, waiter, lock, error);
        bool is_over = error == 0 || error == ETIMEDOUT || error == ECANCELED;
        satisfied = pred == NULL ? error == 0 : is_over && check_pred(lock, pred, waiter->arg); /* M:satisfied */
        if (satisfied)
            error = 0;
        if (satisfied || error != 0)
            break;
        /* Woken, but another thread was faster and made the predicate false: back to its place. */
        waiter_reset(waiter);
        error = reason_not_to_wait(self); /* M:looks-again */
        if (error == 0 && !waitq_may_go_back(waiter, lock))
            error = EINVAL; /* destroyed too early, or another process waits: there is no place to go back to */
        if (error != 0)
            break;
        waitq_requeue(waiter, lock);
        lock_wake_next(lock);
    }
    /* A satisfied waiter must not touch the condition, which may be destroyed: so it does not even pass on a notification
       that came after its deadline. Others pass on what they do not use. */
    if (!satisfied)
        waitq_pass_on(waiter, lock); /* M:expired-passes-on */
    lock_wake_next(lock); /* M:chain */
    waitq_end_wait(lock);
    return error;
}

static int wait_any(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg, int64_t deadline_ns)
{
    struct waitq_thread self = {
        .waiter = {.cond = cond, .pred = pred, .arg = arg, .timed = OPTIMIZE_SIZE || deadline_ns != COND_FOREVER}};
    PROBE_WAIT(cond, lock, deadline_ns);
    int error = lock_is_shared(lock) ? shared_wait(cond, lock, pred, arg, deadline_ns) : wait(lock, &self, deadline_ns);
    PROBE_WAKE(cond, lock, error);
    return error;
}

/* With a timeout the clock is read only if the predicate is false. */
static INLINE_IF_FAST int wait_for(cond_t *cond, cond_pred_t *pred, int64_t time_ns, void *arg, bool is_timeout)
{
    cond_lock_t *lock;
    int error = held_lock(cond, &lock);
    if (error != 0 || (pred != NULL && check_pred(lock, pred, arg)))
        return error;
    return wait_any(cond, lock, pred, arg, is_timeout ? deadline_after(time_ns) : time_ns);
}

int cond_wait_until(cond_t *cond, int64_t deadline_ns)
{
    return wait_for(cond, NULL, deadline_ns, NULL, false);
}

int cond_wait(cond_t *cond, int64_t timeout_ns)
{
    return cond_wait_until(cond, deadline_after(timeout_ns));
}

int cond_wait_for_until(cond_t *cond, cond_pred_t *pred, void *arg, int64_t deadline_ns)
{
    return pred != NULL ? wait_for(cond, pred, deadline_ns, arg, false) : EINVAL;
}

int cond_wait_for(cond_t *cond, cond_pred_t *pred, void *arg, int64_t timeout_ns)
{
    if (OPTIMIZE_SIZE)
        return cond_wait_for_until(cond, pred, arg, deadline_after(timeout_ns));
    return pred != NULL ? wait_for(cond, pred, timeout_ns, arg, true) : EINVAL;
}

#if !defined(CONDVAR_NO_AWAIT) || !defined(CONDVAR_NO_CANCEL)
/* A wait with options that a shared lock does not have, and await a foreign one neither. */
static int wait_specially(cond_t *cond, struct waitq_thread *self, int64_t deadline_ns, bool can_be_stopped)
{
    cond_lock_t *lock;
    struct cond_waiter *waiter = &self->waiter;
    bool awaits = waitq_awaits(waiter);
    if (awaits && waiter->pred == NULL)
        return EINVAL;
    int error = held_lock(cond, &lock);
    if (error != 0)
        return error;
    if (lock_is_shared(lock) || (awaits && lock_is_foreign(lock)))
        return ENOTSUP;
    if (waiter->pred != NULL && check_pred(lock, waiter->pred, waiter->arg))
        return 0;
    waiter->cond = cond;
    waiter->timed = deadline_ns != COND_FOREVER || can_be_stopped;
    PROBE_WAIT(cond, lock, deadline_ns);
    error = wait(lock, self, deadline_ns);
    PROBE_WAKE(cond, lock, error);
    return error;
}
#endif

#ifndef CONDVAR_NO_AWAIT
int cond_await(cond_t *cond, cond_pred_t *pred, void *arg, int64_t timeout_ns)
{
    struct waitq_thread self = {.waiter = {.pred = pred, .arg = arg, .awaits = 1}};
    return wait_specially(cond, &self, deadline_after(timeout_ns), false);
}
#endif

#ifndef CONDVAR_NO_CANCEL
_Static_assert(offsetof(struct cond_stop_node, waiter_) == offsetof(struct waitq_thread, waiter) &&
                   offsetof(struct cond_stop_node, token_) == offsetof(struct waitq_thread, token),
               "a cond_stop_t begins with a struct waitq_thread");

/* The wait's node is in `stop`, where cond_stop() finds it for as long as the caller keeps it. */
static int wait_stoppably(cond_t *cond, cond_stop_t *stop, const struct cond_waiter *what, int64_t deadline_ns)
{
    struct cond_waiter *waiter = &stop->waiter_;
    struct waitq_thread *self = (struct waitq_thread *)(void *)stop;
    /* Relaxed: it finds a misuse, and orders nothing. Whoever lets another thread use `stop` orders the two waits. */
    if (a_exchange(&stop->busy_, 1, relaxed) != 0)
        return EBUSY;
    /* All but the state, which cond_stop() may be writing. */
    waiter->task = waiter->cancelled = waiter->passes_on = false;
    waiter->queue = WAITER_UNQUEUED;
    waiter->awaits = what->awaits;
    waiter->pred = what->pred;
    waiter->arg = what->arg;
    stop->token_ = &stop->stopped_;
    waiter_reset(waiter);
    int error = wait_specially(cond, self, deadline_ns, true);
    if (error == ETIMEDOUT && has_cancelled_token(self)) /* (If the deadline has passed, too, either answer is right.) */
        error = ECANCELED;
    a_store(&stop->busy_, 0, relaxed);
    return error;
}

int cond_wait_with(cond_t *cond, const cond_wait_options_t *options)
{
    if (options == NULL)
        return EINVAL;
    int64_t deadline_ns = options->deadline_ns != 0 ? options->deadline_ns : COND_FOREVER;
    if (!options->unnotified && options->token == NULL && options->stop == NULL)
        return options->pred != NULL ? cond_wait_for_until(cond, options->pred, options->arg, deadline_ns)
                                     : cond_wait_until(cond, deadline_ns);
#ifdef CONDVAR_NO_AWAIT
    if (options->unnotified)
        return ENOTSUP;
#endif
    struct waitq_thread self = {.waiter = {.pred = options->pred, .arg = options->arg}, .token = options->token};
#ifndef CONDVAR_NO_AWAIT
    self.waiter.awaits = options->unnotified;
#endif
    if (options->stop == NULL)
        return wait_specially(cond, &self, deadline_ns, false);
    return options->token == NULL ? wait_stoppably(cond, options->stop, &self.waiter, deadline_ns) : EINVAL;
}
#endif

/* ---- Notify ---- */

static NOINLINE int notify_waiters(cond_t *cond, cond_lock_t *lock, size_t n, bool all)
{
    if (!waitq_is_ours(cond, lock))
        return EINVAL;
    waitq_notify_some(cond, lock, n, all);
    return 0;
}

static COLD int notify_nonprivate(cond_t *cond, size_t n, bool all)
{
    cond_lock_t *lock;
    int error = held_lock(cond, &lock);
    if (error != 0)
        return error;
    if (lock_is_shared(lock)) {
        shared_notify(cond, lock, n);
        return 0;
    }
    error = notify_waiters(cond, lock, n, all);
    lock_wake_next(lock);
    return error;
}

static inline int notify(cond_t *cond, size_t n, bool all)
{
    cond_lock_t *lock = OPTIMIZE_SIZE ? NULL : private_lock_of(cond);
    if (lock == NULL)
        return notify_nonprivate(cond, n, all);
    if (!rlock_owned(lock))
        return EPERM;
    if (cond->u_.local.waiters == NULL) {
        PROBE_NOTIFY(cond, lock, n);
        return 0;
    }
    return notify_waiters(cond, lock, n, all);
}

int cond_notify(cond_t *cond, size_t n)
{
    return notify(cond, n, false);
}

int cond_notify_all(cond_t *cond)
{
    return notify(cond, SIZE_MAX, true);
}

#ifndef CONDVAR_NO_CANCEL
/* ---- Close and cancel ---- */

int cond_cancel(cond_t *cond, cond_token_t *token)
{
    cond_lock_t *lock;
    if (token == NULL)
        return EINVAL;
    int error = held_lock(cond, &lock);
    if (error != 0)
        return error;
    if (lock_is_shared(lock))
        return ENOTSUP;
    /* Relaxed: under the lock, and see has_cancelled_token(). */
    a_store_32(&token->cancelled_, 1);
    waitq_cancel(cond, lock, token);
    lock_wake_next(lock);
    return 0;
}

int cond_stop(cond_stop_t *stop)
{
    if (stop == NULL)
        return EINVAL;
    /* Release: partner is has_cancelled_token(). Before park_expire(), which decides the wait. */
    a_store(&stop->stopped_.cancelled_, 1, release);
    park_expire(&stop->waiter_);
    return 0;
}

int cond_close(cond_t *cond)
{
    cond_lock_t *lock;
    int error = held_lock(cond, &lock);
    if (error != 0)
        return error;
    if (lock_is_shared(lock)) {
        shared_close(cond, lock);
        return 0;
    }
    waitq_close(cond, lock);
    lock_wake_next(lock);
    return 0;
}

bool cond_closed(const cond_t *cond)
{
    return lock_of(cond) != NULL && cond_is_closed(cond);
}
#endif

size_t cond_waiters(const cond_t *cond)
{
    /* Relaxed: a glimpse, or exact under the lock. Partner: waitq_count_in() and its like. */
    return lock_of(cond) != NULL ? a_load_32(&cond->waiters_) : 0;
}
