/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_WAITQ_H
#define CONDVAR_WAITQ_H

/*
 * The queues of waiters. A waiter (struct cond_waiter in condvar.h) is a node: a thread in a wait, with the node on its
 * own stack, or a task, with the node in its cond_task_t. A waiter is in one of two queues, or in none:
 *
 *                                  notify                             release (handoff.c)
 *      cond->u_.local.waiters  --------------->  lock->u_.local.notified  ------------->  GO
 *      in order of arrival     <---------------  in order of notification
 *                              predicate false:
 *                              back to its place
 *
 * An awaiting waiter (cond_await) joins the lock's list at once. It stays there while its predicate is false.
 *
 * close and cancel move waiters to the lock's list, as a notify does, and mark them `cancelled`. They also mark the
 * waiters that are already in the list. A release wakes a cancelled waiter whatever its predicate is. The waiter then
 * calls its predicate itself.
 *
 * The lock protects the queues: only its holder calls the functions below and touches the nodes, except `state`. So the
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
 * ASLEEP is added when the waiter announces that it will sleep. CHOSEN and EXPIRED exclude each other: one
 * compare-exchange decides. A waiter without a deadline cannot expire, so it needs no CHOSEN.
 *
 * A waiter without a predicate becomes CHOSEN at the notify. A waiter with a predicate becomes CHOSEN when a releasing
 * thread has found the predicate true. Until then its deadline counts, so a waiter that goes back to its place can
 * expire. A task becomes CHOSEN when a release picks it. EXPIRED in a task means that it was cancelled: then it is
 * handed the lock like any task that wants the lock (taskq.c).
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
    WAITER_ASLEEP = 1,  /* set by the waiter: to wake it takes a system call */
    WAITER_CHOSEN = 2,  /* set by the holder: the deadline no longer counts */
    WAITER_EXPIRED = 4, /* set by the waiter or by cond_stop(): no notify can choose it any more */
    WAITER_GO = 8,      /* set by the releasing thread, which does not touch the node afterwards */

    /* Tasks only. Between requests the state of a task is CHOSEN: there is nothing to cancel. */
    WAITER_ACQUIRES = 16, /* fixed for a request: it wants the lock, and waits on no condition */
    WAITER_DEPTH = 256,   /* fixed for a request: the bits from here on are the depth at which it will hold the lock */
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
   not be touched. To use a private condition in two processes is a mistake of the program. But then no process may
   write to its own stack at the address of a node in the other one. */
INTERNAL bool waitq_is_ours(const cond_t *cond, const cond_lock_t *lock);

/* Whether a waiter that is in no queue may go back to its condition, or choose another waiter of it: the condition is
   neither destroyed nor closed, and all waiters belong to this process. */
static inline bool waitq_may_go_back(const struct cond_waiter *waiter, const cond_lock_t *lock)
{
    return a_load_32(&waiter->cond->state_) == CONDI_ALIVE && /* M:back-among-ours */
           (!HAVE_SHARED || waitq_is_ours(waiter->cond, lock));
}

/* Join the condition's queue as its last waiter. An awaiting waiter joins the lock's list instead. */
INTERNAL void waitq_begin_wait(struct cond_waiter *waiter, cond_lock_t *lock);

/* The last access of a wait to the lock. As soon as the lock is free afterwards, it may be destroyed. */
INTERNAL void waitq_end_wait(cond_lock_t *lock);

/* Move the first n waiters that have not expired to the lock's list. `all`: n is no limit, and the chosen waiters need
   not pass on what they do not use. */
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
/* End the waits on the condition that carry this token, or all of them if it is NULL. A waiter without a predicate
   that a notify has already chosen returns 0 all the same. */
INTERNAL void waitq_cancel(cond_t *cond, cond_lock_t *lock, const cond_token_t *token);

/* Close the condition, and end all waits on it. */
INTERNAL void waitq_close(cond_t *cond, cond_lock_t *lock);
#endif

/* Join the lock's list as its last waiter: a task that is in no queue. */
INTERNAL void waitq_want_lock(struct cond_waiter *waiter, cond_lock_t *lock);

/* Whether the lock's list has waiters of this process. */
INTERNAL bool waitq_any_notified(const cond_lock_t *lock);

/* Note that the holder waits for this predicate, or has found it true. waitq_pick() uses the note. */
INTERNAL void waitq_note_holder_pred(cond_lock_t *lock, cond_pred_t *pred, const void *arg);

/*
 * Remove the first waiter that can go from the lock's list, and return it. NULL if no waiter can go, or if the waiters
 * belong to another process.
 *
 * A waiter whose predicate is false goes back to its place in the condition's queue, and passes on what a notify(n)
 * gave it. So one call may call a predicate a second time: if the waiter went back, and a waiter that had been skipped
 * then passes its notification on to it.
 *
 * Waiters with the predicate that the releasing thread last waited for are skipped, once each: a producer usually fills
 * the buffer itself before another producer runs.
 */
INTERNAL struct cond_waiter *waitq_pick(cond_lock_t *lock);

/* The same without calling predicates, for a lock whose releases the library does not see. */
INTERNAL struct cond_waiter *waitq_pick_unchecked(cond_lock_t *lock);

/* The waiter was woken, and its predicate is false again: put it back in its place. Called by the waiter. */
INTERNAL void waitq_requeue(struct cond_waiter *waiter, cond_lock_t *lock);

/* Remove the waiter from its queue, if it is in one. Called when it has expired, or gives up. */
INTERNAL void waitq_leave(struct cond_waiter *waiter, cond_lock_t *lock);

/* If a notify(n) chose the waiter, and the waiter does not use the notification: choose the next waiter that arrived
   after it. That waiter must have been there at the notify, or have a predicate: then it goes only if it can use the
   notification. */
INTERNAL void waitq_pass_on(struct cond_waiter *waiter, cond_lock_t *lock);

#endif
