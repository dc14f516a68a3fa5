/* SPDX-License-Identifier: MIT */
/*
 * The condition: init and destroy, wait, notify, close and cancel. The caller of wait, notify, close and cancel must
 * hold the lock. Only the sleep happens without it:
 *
 *      wait:   join the queue, release all levels -> sleep (park.h) -> acquire all levels, then:
 *              woken:    call the predicate. If it is false, go back to the queue
 *              expired:  leave the queue, and pass on a notification that is not used
 *
 * Each of these calls finds the condition's lock and checks that the caller holds it. Private and foreign locks use
 * waitq.c from there on, shared locks use shared.c. Internal names begin with condi_, since cond_ is public.
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
 * The condition's foreign lock is lost (lock.h) with this error. Wake all waiters of the condition: no other thread
 * can wake them. If the caller is a waiter, it leaves too. A waiter that is no longer in the condition's queue must
 * not touch the condition, which may be destroyed. Returns the error with which all waiters return.
 */
static COLD int condi_leave_lost(cond_t *cond, struct cond_waiter *waiter, cond_lock_t *lock, int error)
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

/* If the lock of the condition is lost, wake all waiters. True: it is lost, and no waiter is left. */
static COLD bool condi_wake_if_lost(cond_t *cond)
{
    cond_lock_t *lock = cond->lock_;
    if (a_load_32(&cond->state_) > CONDI_CLOSED || lock == NULL || !lock_is_lost(lock)) /* M:lost-is-noticed */
        return false;
    (void)condi_leave_lost(cond, NULL, lock, ENOTRECOVERABLE);
    return true;
}

/* Whether a separate shared lock was destroyed before its condition. Then no call can change the count of waiters. */
static bool condi_lock_is_gone(const cond_t *cond)
{
    return HAVE_SHARED && a_load_32(&cond->state_) > CONDI_CLOSED && lock_of(cond) == NULL;
}

/* ---- Init and destroy ---- */

int cond_init(cond_t *cond, cond_lock_t *lock, unsigned flags)
{
    if (cond == NULL || flags > (COND_SHARED | COND_MUTEX))
        return EINVAL;
    if (lock != NULL && (!lock_is_valid(lock) ||
                         (flags != 0 && flags != (a_load_8(&lock->kind_) & ~LOCK_OWN_SHARED))))
        return EINVAL;
    bool is_shared = lock != NULL ? lock_is_shared(lock) : (flags & COND_SHARED) != 0;
    if (HAVE_SHARED && is_shared)
        return shared_init(cond, lock, flags);
    if (is_shared) {
        cond->state_ = CONDI_DESTROYED;
        return ENOTSUP;
    }
    *cond = (cond_t){.lock_ = lock, .own_ = {.kind_ = (uint8_t)flags}};
    return 0;
}

COLD int cond_destroy(cond_t *cond)
{
    if (cond == NULL || !condi_is_alive(cond))
        return EINVAL;
    /* Acquire: partner is the release in waitq_count_out() and in shared.c. If no waiter is counted, a separate lock is
       not touched: it may already be destroyed. */
    if (a_load(&cond->waiters_, acquire) != 0 && !(HAVE_FOREIGN && condi_wake_if_lost(cond)) &&
        !condi_lock_is_gone(cond))
        return EBUSY;
    if (cond->lock_ == NULL) {
        int error = cond_lock_destroy(&cond->own_);
        if (error != 0)
            return error;
    }
    /* Relaxed: other calls only check whether the condition is alive. An exchange: two threads may destroy it at the
       same time, and only one of them may get 0. */
    uint32_t before = a_exchange(&cond->state_, CONDI_DESTROYED, relaxed); /* M:destroyed */
    return before != CONDI_DESTROYED ? 0 : EINVAL;
}

int cond_reinit_after_fork(cond_t *cond)
{
    cond_lock_t *lock = lock_of(cond);
    int error = cond_lock_reinit_after_fork(lock);
    if (error == 0 && !lock_is_shared(lock)) { /* waiters of a shared condition exist in other processes */
        cond->u_.local.waiters = NULL;
        cond->waiters_ = 0;
    }
    return error;
}

/* ---- The lock ---- */

int cond_acquire(cond_t *cond)
{
    cond_lock_t *lock = OPTIMIZE_SIZE ? NULL : lock_private_of(cond);
    return lock != NULL ? rlock_acquire(lock, port_self(), COND_FOREVER)
                        : cond_lock_acquire(lock_of(cond));
}

int cond_try_acquire(cond_t *cond)
{
    cond_lock_t *lock = OPTIMIZE_SIZE ? NULL : lock_private_of(cond);
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
    cond_lock_t *lock = OPTIMIZE_SIZE ? NULL : lock_private_of(cond);
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
    if (HAVE_SHARED && error == 0)
        shared_repair(cond, lock);
    return error;
}

cond_lock_t *cond_get_lock(cond_t *cond)
{
    return lock_of(cond);
}

/* condi_held_lock() for a lock that is not private. */
static COLD int condi_held_nonprivate_lock(cond_t *cond, cond_lock_t **lock)
{
    *lock = lock_of(cond);
    if (*lock == NULL) {
        if (HAVE_FOREIGN && cond != NULL)
            (void)condi_wake_if_lost(cond);
        return EINVAL;
    }
    if (!cond_lock_owned(*lock)) {
        if (lock_is_shared(*lock))
            return shared_not_held(cond, *lock);
        /* No thread can hold a lost lock. So the caller wakes the waiters. */
        if (!lock_is_foreign(*lock) || a_load_32(&cond->waiters_) == 0 || !foreign_is_unrecoverable(*lock))
            return EPERM;
        return condi_leave_lost(cond, NULL, *lock, ENOTRECOVERABLE);
    }
    return lock_is_shared(*lock) || waitq_is_ours(cond, *lock) ? 0 : EINVAL;
}

/* Find the condition's lock. 0: the caller holds it, and may wait or notify. Else an error. */
static INLINE_IF_FAST int condi_held_lock(cond_t *cond, cond_lock_t **lock)
{
    *lock = lock_private_of(cond);
    if (*lock == NULL)
        return HAVE_NONPRIVATE ? condi_held_nonprivate_lock(cond, lock) : EINVAL;
    if (!rlock_owned(*lock))
        return EPERM;
    return waitq_is_ours(cond, *lock) ? 0 : EINVAL;
}

/* ---- Wait ---- */

static bool condi_check_pred(cond_lock_t *lock, cond_pred_t *pred, void *arg)
{
    waitq_note_holder_pred(lock, pred, arg);
    return pred(arg);
}

/* Before a wait or a further wait. Only cond_stop() may change `state` at the same time. If it does so before this
   exchange, the exchange reads its value, and the waiter sees the stop in its next check. If it does so later, the
   waiter expires, unless it is CHOSEN before. Acquire: partner is the release in park_expire(). */
static void condi_reset_waiter(struct cond_waiter *waiter)
{
    if (HAVE_CANCEL)
        (void)a_exchange(&waiter->state, 0, acquire);
    else
        a_store(&waiter->state, 0, relaxed);
}

static bool condi_is_stopped(const struct waitq_thread *self)
{
#if HAVE_CANCEL
    /* Acquire: partner is the release in cond_stop(). The lock orders a cond_cancel() and the waits on its condition.
       If the token is also used on other conditions, the program orders the cancel and their waits. */
    return self->token != NULL && a_load(&self->token->cancelled_, acquire) != 0; /* M:token-ends */
#else
    return (void)self, false;
#endif
}

/* Whether a waiter whose predicate is false may wait, or wait again: 0 or ECANCELED. */
static int condi_reason_not_to_wait(const struct waitq_thread *self)
{
    return condi_is_closed(self->waiter.cond) || condi_is_stopped(self) ? ECANCELED : 0;
}

/*
 * Release the lock, sleep, acquire the lock. The node is in a queue before, and in none afterwards. 0: woken.
 * ECANCELED: woken by a close or a cancel. ETIMEDOUT: expired. Any other error comes from a foreign lock. If the lock
 * cannot be acquired again, it is lost: `*lost` is set, and the node may still be in a queue. Else the lock is held.
 */
static int condi_wait_once(struct cond_waiter *waiter, cond_lock_t *lock, int64_t deadline_ns, bool *lost)
{
    unsigned depth;
    int error = lock_release_save(lock, &depth);
    if (error != 0) {
        /* The foreign lock refuses the release, though cond_lock_owned() was true. Nothing has changed. */
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

/* Wait on a private or a foreign lock. The members `cond`, `pred`, `arg`, `timed` and `awaits` of the node are set. */
static int condi_wait(cond_lock_t *lock, struct waitq_thread *self, int64_t deadline_ns)
{
    struct cond_waiter *waiter = &self->waiter;
    cond_pred_t *pred = waiter->pred;
    bool satisfied, lost = false;
    int error = condi_reason_not_to_wait(self); /* M:closed-begins */
    if (error != 0)
        return error;
    waitq_begin_wait(waiter, lock);
    for (;;) {
        error = condi_wait_once(waiter, lock, deadline_ns, &lost);
        if (HAVE_FOREIGN && lost)
            return condi_leave_lost(waiter->cond, waiter, lock, error);
        bool is_over = error == 0 || error == ETIMEDOUT || error == ECANCELED;
        satisfied = pred == NULL ? error == 0 : is_over && condi_check_pred(lock, pred, waiter->arg); /* M:satisfied */
        if (satisfied)
            error = 0;
        if (satisfied || error != 0)
            break;
        /* Woken, but the predicate is false: go back to the queue. */
        condi_reset_waiter(waiter);
        error = condi_reason_not_to_wait(self); /* M:looks-again */
        if (error == 0 && !waitq_may_go_back(waiter, lock))
            error = EINVAL; /* the condition was destroyed too early, or another process waits on it */
        if (error != 0)
            break;
        PROBE_AGAIN(waiter->cond, lock, deadline_ns);
        waitq_requeue(waiter, lock);
        lock_wake_next(lock);
    }
    /* A waiter passes on a notification that it does not use. A satisfied waiter must not touch the condition: it may
       already be destroyed. The same is true with EOWNERDEAD: then the caller has to repair the state, and uses the
       notification. */
    if (!satisfied && error != EOWNERDEAD)
        waitq_pass_on(waiter, lock); /* M:expired-passes-on */
    lock_wake_next(lock); /* M:chain */
    waitq_end_wait(lock);
    return error;
}

/* Wait on a lock of any kind. */
static int condi_wait_any(cond_lock_t *lock, struct waitq_thread *self, int64_t deadline_ns, bool can_be_stopped)
{
    struct cond_waiter *waiter = &self->waiter;
    cond_t *cond = waiter->cond;
    PROBE_WAIT(cond, lock, deadline_ns);
    int error = lock_is_shared(lock) ? shared_wait(cond, lock, waiter->pred, waiter->arg, deadline_ns)
                                     : condi_wait(lock, self, deadline_ns);
    if (can_be_stopped && error == ETIMEDOUT && condi_is_stopped(self)) /* M:stop-result */
        error = ECANCELED; /* (If the deadline has passed too, either error is right.) */
    PROBE_WAKE(cond, lock, error);
    return error;
}

/* All waits without options. `time_ns` is a timeout or a deadline. The clock is read only if the predicate is false. */
static INLINE_IF_FAST int condi_wait_for(cond_t *cond, cond_pred_t *pred, int64_t time_ns, void *arg, bool is_timeout)
{
    cond_lock_t *lock;
    int error = condi_held_lock(cond, &lock);
    if (error != 0 || (pred != NULL && condi_check_pred(lock, pred, arg)))
        return error;
    int64_t deadline_ns = is_timeout ? deadline_after(time_ns) : time_ns;
    struct waitq_thread self = {
        .waiter = {.cond = cond, .pred = pred, .arg = arg, .timed = OPTIMIZE_SIZE || deadline_ns != COND_FOREVER}};
    return condi_wait_any(lock, &self, deadline_ns, false);
}

int cond_wait_until(cond_t *cond, int64_t deadline_ns)
{
    return condi_wait_for(cond, NULL, deadline_ns, NULL, false);
}

int cond_wait(cond_t *cond, int64_t timeout_ns)
{
    return cond_wait_until(cond, deadline_after(timeout_ns));
}

int cond_wait_for_until(cond_t *cond, cond_pred_t *pred, void *arg, int64_t deadline_ns)
{
    return pred != NULL ? condi_wait_for(cond, pred, deadline_ns, arg, false) : EINVAL;
}

int cond_wait_for(cond_t *cond, cond_pred_t *pred, void *arg, int64_t timeout_ns)
{
    if (OPTIMIZE_SIZE)
        return cond_wait_for_until(cond, pred, arg, deadline_after(timeout_ns));
    return pred != NULL ? condi_wait_for(cond, pred, timeout_ns, arg, true) : EINVAL;
}

#if HAVE_AWAIT || HAVE_CANCEL
/* A wait with options: `pred`, `arg`, `awaits` and the token of `self` are set. A shared lock has none of these
   options, and a foreign lock has no await. */
static int condi_wait_with_options(cond_t *cond, struct waitq_thread *self, int64_t deadline_ns, bool can_be_stopped)
{
    cond_lock_t *lock;
    struct cond_waiter *waiter = &self->waiter;
    bool awaits = waitq_awaits(waiter);
    if (awaits && waiter->pred == NULL)
        return EINVAL;
    int error = condi_held_lock(cond, &lock);
    if (error != 0)
        return error;
    if (lock_is_shared(lock) || (awaits && lock_is_foreign(lock)))
        return ENOTSUP;
    if (waiter->pred != NULL && condi_check_pred(lock, waiter->pred, waiter->arg))
        return 0;
    waiter->cond = cond;
    waiter->timed = deadline_ns != COND_FOREVER || can_be_stopped;
    return condi_wait_any(lock, self, deadline_ns, can_be_stopped);
}
#endif

#if HAVE_AWAIT
int cond_await(cond_t *cond, cond_pred_t *pred, void *arg, int64_t timeout_ns)
{
    struct waitq_thread self = {.waiter = {.pred = pred, .arg = arg, .awaits = 1}};
    return condi_wait_with_options(cond, &self, deadline_after(timeout_ns), false);
}
#endif

#if HAVE_CANCEL
_Static_assert(offsetof(struct cond_stop_node, waiter_) == offsetof(struct waitq_thread, waiter) &&
                   offsetof(struct cond_stop_node, token_) == offsetof(struct waitq_thread, token),
               "a cond_stop_t begins with a struct waitq_thread");

/* A wait that cond_stop() can end. Its node is in `stop`, where cond_stop() finds it as long as `stop` exists. */
static int condi_wait_stoppably(cond_t *cond, cond_stop_t *stop, const struct cond_waiter *what, int64_t deadline_ns)
{
    struct cond_waiter *waiter = &stop->waiter_;
    struct waitq_thread *self = (struct waitq_thread *)(void *)stop;
    /* Relaxed: this only detects a misuse. A program whose threads share `stop` orders their waits. */
    if (a_exchange(&stop->busy_, 1, relaxed) != 0)
        return EBUSY;
    /* One member at a time: cond_stop() may be writing `state`. */
    waiter->task = waiter->cancelled = waiter->passes_on = false;
    waiter->queue = WAITER_UNQUEUED;
    waiter->awaits = what->awaits;
    waiter->pred = what->pred;
    waiter->arg = what->arg;
    stop->token_ = &stop->stopped_;
    condi_reset_waiter(waiter);
    int error = condi_wait_with_options(cond, self, deadline_ns, true);
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
    if (!HAVE_AWAIT && options->unnotified)
        return ENOTSUP;
    struct waitq_thread self = {.waiter = {.pred = options->pred, .arg = options->arg}, .token = options->token};
    if (HAVE_AWAIT)
        self.waiter.awaits = options->unnotified;
    if (options->stop == NULL)
        return condi_wait_with_options(cond, &self, deadline_ns, false);
    return options->token == NULL ? condi_wait_stoppably(cond, options->stop, &self.waiter, deadline_ns) : EINVAL;
}
#endif

/* ---- Notify ---- */

static NOINLINE_IF_FAST int condi_notify_waiters(cond_t *cond, cond_lock_t *lock, size_t n, bool all)
{
    if (!waitq_is_ours(cond, lock))
        return EINVAL;
    waitq_notify_some(cond, lock, n, all);
    return 0;
}

static COLD int condi_notify_nonprivate(cond_t *cond, size_t n, bool all)
{
    cond_lock_t *lock;
    int error = condi_held_lock(cond, &lock);
    if (error != 0)
        return error;
    if (lock_is_shared(lock)) {
        shared_notify(cond, lock, n);
        return 0;
    }
    error = condi_notify_waiters(cond, lock, n, all);
    lock_wake_next(lock);
    return error;
}

static inline int condi_notify(cond_t *cond, size_t n, bool all)
{
    cond_lock_t *lock = OPTIMIZE_SIZE ? NULL : lock_private_of(cond);
    if (lock == NULL)
        return condi_notify_nonprivate(cond, n, all);
    if (!rlock_owned(lock))
        return EPERM;
    if (cond->u_.local.waiters == NULL) {
        PROBE_NOTIFY(cond, lock, n);
        return 0;
    }
    return condi_notify_waiters(cond, lock, n, all);
}

int cond_notify(cond_t *cond, size_t n)
{
    return condi_notify(cond, n, false);
}

int cond_notify_all(cond_t *cond)
{
    return condi_notify(cond, SIZE_MAX, true);
}

#if HAVE_CANCEL
/* ---- Close and cancel ---- */

int cond_cancel(cond_t *cond, cond_token_t *token)
{
    cond_lock_t *lock;
    if (token == NULL)
        return EINVAL;
    int error = condi_held_lock(cond, &lock);
    if (error != 0)
        return error;
    if (lock_is_shared(lock))
        return ENOTSUP;
    /* Relaxed: written under the lock. For waits on other conditions see condi_is_stopped(). */
    a_store_32(&token->cancelled_, 1);
    waitq_cancel(cond, lock, token);
    lock_wake_next(lock);
    return 0;
}

int cond_stop(cond_stop_t *stop)
{
    if (stop == NULL)
        return EINVAL;
    /* Release: partner is the acquire in condi_is_stopped(). This comes before park_expire(), which ends the wait. */
    a_store(&stop->stopped_.cancelled_, 1, release);
    park_expire(&stop->waiter_);
    return 0;
}

int cond_close(cond_t *cond)
{
    cond_lock_t *lock;
    int error = condi_held_lock(cond, &lock);
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
    return lock_of(cond) != NULL && condi_is_closed(cond);
}
#endif

size_t cond_waiters(const cond_t *cond)
{
    /* Relaxed: exact under the lock, else possibly outdated. Partners: waitq_count_in(), waitq_count_out(), shared.c */
    return lock_of(cond) != NULL ? a_load_32(&cond->waiters_) : 0;
}
