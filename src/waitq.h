/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_WAITQ_H
#define CONDVAR_WAITQ_H

/*
 * The queues of waiters. A waiter is a thread or a task in a wait. Its node is a struct cond_waiter (condvar.h). The
 * node of a thread is on its stack, or in its cond_stop_t. The node of a task is in its cond_task_t. A waiter is in one
 * of two queues, or in none:
 *
 *                                  notify                             release (handoff.c)
 *      cond->u_.local.waiters  --------------->  lock->u_.local.notified  ------------->  GO
 *      in order of arrival     <---------------  in order of notification
 *                              predicate false:
 *                              back to its place
 *
 * An awaiting waiter (cond_await) joins the lock's list at once. It stays there while its predicate is false.
 *
 * close and cancel move waiters to the lock's list, as a notify does, and mark them `cancelled`. In the list, they mark
 * the waiters that have a predicate. A release wakes a cancelled waiter whatever its predicate is. A thread then calls
 * its predicate itself. The predicate of a task is called by the releasing thread.
 *
 * The lock protects the queues: only its holder changes them and touches the nodes in them, except `state`. So the
 * queues need no lock of their own.
 *
 * `state` is atomic. The waiter and the holder compete to change it, and the waiter sleeps on it:
 *
 *      0 ---(holder)---> CHOSEN ----(holder)---> GO          the waiter acquires the lock and returns
 *      |                                          ^
 *      +---(holder, if there is no deadline)------+
 *      |
 *      +---(waiter)----> EXPIRED                             the waiter acquires the lock and leaves its queue
 *      +---(cond_stop)-> EXPIRED                             the same
 *
 * ASLEEP is added when the waiter announces that it will sleep. A thread never gets both CHOSEN and EXPIRED: one
 * compare-exchange decides. A waiter without a deadline cannot expire, so it needs no CHOSEN. (Here a waiter that
 * cond_stop() can end counts as a waiter with a deadline.)
 *
 * A waiter without a predicate becomes CHOSEN at the notify. A waiter with a predicate becomes CHOSEN when a releasing
 * thread has found the predicate true. Until then it can expire, also after it has gone back to its place. A task
 * becomes CHOSEN when a release picks it. A task whose wait was cancelled is EXPIRED. It is handed the lock like a task
 * that acquires (taskq.c).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "condvar.h"
#include "internal.h"
#include "object.h"
#include "port_shared.h"

/* cond_waiter.state */
enum {
    WAITER_ASLEEP = 1,  /* set by the waiter: waking it takes a system call */
    WAITER_CHOSEN = 2,  /* set by the holder: the deadline no longer counts */
    WAITER_EXPIRED = 4, /* no notify can choose it any more. Of a task: the result is ECANCELED */
    WAITER_GO = 8,      /* set by the releasing thread, which does not touch the node afterwards */

    /* Tasks only. Between requests the state of a task is CHOSEN: there is nothing to cancel. */
    WAITER_ACQUIRES = 16, /* fixed for a request: the task wants the lock, and waits on no condition */
    WAITER_DEPTH = 256,   /* fixed for a request: from this bit on, the depth at which the task will hold the lock */
};

/* cond_waiter.queue */
enum {
    WAITER_UNQUEUED,    /* in no queue */
    WAITER_QUEUED,      /* in the condition's queue */
    WAITER_NOTIFIED,    /* in the lock's list: a notify has chosen it, or it awaits */
    WAITER_WANTS_LOCK,  /* in the lock's list: a task that acquires, or whose wait was cancelled */
};

/* A thread in a wait: its node, and the members that a task does not have. */
struct waitq_thread {
    struct cond_waiter waiter;
#if HAVE_CANCEL
    const cond_token_t *token; /* fixed: the token that ends the wait, or NULL */
#endif
};

/* The number of this process. Without COND_SHARED the program is one process. */
static inline uint32_t waitq_process(void)
{
    return HAVE_SHARED ? port_process() : 1;
}

/* Whether the waiter is part of a cond_task_t. */
static inline bool waitq_is_task(const struct cond_waiter *waiter)
{
    return HAVE_TASKS && waiter->task;
}

/* Whether the waiter is in cond_await() or cond_task_await(). */
static inline bool waitq_awaits(const struct cond_waiter *waiter)
{
    return HAVE_AWAIT && waiter->awaits;
}

/* Whether a close or a cancel has ended the wait. */
static inline bool waitq_is_cancelled(const struct cond_waiter *waiter)
{
    return HAVE_CANCEL && waiter->cancelled;
}

/* ---- Caller must hold the lock from here on. ---- */

/* Whether the waiters of this condition and those in the lock's list belong to this process. If not, their nodes must
   not be touched. A program that uses a private condition in two processes is wrong. But even then a process must not
   write into its own memory at the address of a node of the other process. */
INTERNAL bool waitq_is_ours(const cond_t *cond, const cond_lock_t *lock);

/* Whether the waiter may go back to its condition's queue, or pass its notification on to another waiter there: the
   condition is neither destroyed nor closed, and all waiters belong to this process. */
static inline bool waitq_may_go_back(const struct cond_waiter *waiter, const cond_lock_t *lock)
{
    return a_load_32(&waiter->cond->state_) == CONDI_ALIVE && /* M:back-among-ours */
           (!HAVE_SHARED || waitq_is_ours(waiter->cond, lock));
}

/* Join the condition's queue as its last waiter. An awaiting waiter joins the lock's list instead. */
INTERNAL void waitq_begin_wait(struct cond_waiter *waiter, cond_lock_t *lock);

/* End a wait: `active_waits` no longer counts it. As soon as the lock is then released, it may be destroyed. */
INTERNAL void waitq_end_wait(cond_lock_t *lock);

/* Move the first n waiters that have not expired to the lock's list. `all`: a notify_all. Then n is SIZE_MAX, and the
   chosen waiters do not pass on their notifications. */
INTERNAL void waitq_notify_some(cond_t *cond, cond_lock_t *lock, size_t n, bool all);

static inline void waitq_notify(cond_t *cond, cond_lock_t *lock, size_t n)
{
    waitq_notify_some(cond, lock, n, false);
}

static inline void waitq_notify_all(cond_t *cond, cond_lock_t *lock)
{
    waitq_notify_some(cond, lock, SIZE_MAX, true);
}

/* waitq_notify_all() of a condition whose foreign lock is lost (lock.h). The condition is not touched afterwards. */
INTERNAL void waitq_notify_lost(cond_t *cond, cond_lock_t *lock);

#if HAVE_CANCEL
/* End the waits on the condition that carry this token, or all waits on it if the token is NULL. Exception: a waiter
   without a predicate returns 0 if a notify has already chosen it. */
INTERNAL void waitq_cancel(cond_t *cond, cond_lock_t *lock, const cond_token_t *token);

/* Close the condition, and end all waits on it. */
INTERNAL void waitq_close(cond_t *cond, cond_lock_t *lock);
#endif

/* Add a task to the lock's list as the last waiter. The task must be in no queue. */
INTERNAL void waitq_want_lock(struct cond_waiter *waiter, cond_lock_t *lock);

/* Whether the lock's list has waiters of this process. */
INTERNAL bool waitq_any_notified(const cond_lock_t *lock);

/* Store a hash of the predicate that the holder waits for, or has found true. waitq_pick() uses it. */
INTERNAL void waitq_note_holder_pred(cond_lock_t *lock, cond_pred_t *pred, const void *arg);

/*
 * Pick the first waiter of the lock's list that can go: remove it from the list, and return it. A waiter can go if it
 * has not expired, and its predicate, if it has one, is true. (A cancelled waiter needs no true predicate. A task that
 * wants the lock can always go.) NULL if no waiter can go, or if the waiters belong to another process.
 *
 * A waiter whose predicate is false goes back to its place in the condition's queue. If a notify(n) has chosen it, it
 * passes its notification on. The next waiter may be one that this call has already put back. So one call of this
 * function may call a predicate twice.
 *
 * Waiters with the predicate that the releasing thread last waited for are skipped, once each. When such a waiter runs,
 * its predicate is often false again: a producer usually fills the buffer itself before another producer runs.
 */
INTERNAL struct cond_waiter *waitq_pick(cond_lock_t *lock);

/* The same without calling predicates, for a lock whose releases the library does not see. */
INTERNAL struct cond_waiter *waitq_pick_unchecked(cond_lock_t *lock);

/* The waiter was woken, and its predicate is false again: put it back in its place. Called by the waiter. */
INTERNAL void waitq_requeue(struct cond_waiter *waiter, cond_lock_t *lock);

/* Remove the waiter from its queue, if it is in one. Called when it has expired, or gives up. */
INTERNAL void waitq_leave(struct cond_waiter *waiter, cond_lock_t *lock);

/* Called when the waiter does not use its notification. If a notify(n) has chosen the waiter, choose in its place the
   next one that arrived after it. That one must have arrived before the notify, or have a predicate. (With a predicate,
   a waiter is woken only if it can use the notification.) */
INTERNAL void waitq_pass_on(struct cond_waiter *waiter, cond_lock_t *lock);

#endif
