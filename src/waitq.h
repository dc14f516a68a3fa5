/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_WAITQ_H
#define CONDVAR_WAITQ_H

/*
 * A waiter is a thread in a wait, as a node on its own stack, or a task (struct cond_waiter in condvar.h). Two queues
 * hold waiters; waitq.c has their invariants.
 *
 * The lock protects the queue: only the holder of the lock touches what is declared here, except `state`. So there is
 * nothing to order and nothing to retry. A waiter is in one of the two queues, or in none:
 *
 *                          notify                    release (handoff.c)
 *      cond->u_.local.waiters  ------------------>  lock->u_.local.notified  ------------------>  GO
 *      in order of   <------------------  in the order
 *        arrival       predicate false:   of notification
 *                      back in its place
 *
 * An awaiting waiter (cond_await) is in the lock's list from the beginning, and stays there while its predicate is false.
 *
 * close and cancel move waiters to the lock's list as a notify does, and mark those that they find there: `cancelled`. Such a
 * waiter goes when its turn comes, whatever its predicate is, and calls it by itself.
 *
 * `state` is the one word that the waiter and the holder race for, and the word that the waiter sleeps on:
 *
 *      0 ---(holder)---> CHOSEN ----(holder)---> GO          the waiter takes the lock and returns
 *      |                                          ^
 *      +---(holder, no deadline: at once)---------+
 *      |
 *      +---(waiter)----> EXPIRED                             the waiter takes the lock and leaves its queue
 *      +---(cond_stop)-> EXPIRED                             the same
 *
 * ASLEEP joins any of them when the waiter announces that it sleeps. CHOSEN and EXPIRED exclude each other: one
 * compare-exchange decides. A waiter without a deadline cannot expire, and needs no CHOSEN.
 *
 * The deadline of a waiter with a predicate still counts after a notify, until a releasing thread has found the
 * predicate true: only then the waiter becomes CHOSEN. So a waiter that is put back in its place expires like any other.
 * A task becomes CHOSEN as late as that too; EXPIRED says that it was cancelled, and then it is handed the lock like any
 * task that wants it (taskq.c).
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
    WAITER_EXPIRED = 4, /* set by the waiter or cond_stop(): no notify can choose it any more */
    WAITER_GO = 8,      /* set by the releasing thread, which does not touch the node afterwards */

    /* Tasks only. Between requests the state of a task is CHOSEN: there is nothing to cancel. */
    WAITER_ACQUIRES = 16, /* fixed for a request: it wants the lock, and waits on no condition */
    WAITER_DEPTH = 256,   /* fixed for a request: from this bit on, how deep it will hold the lock */
};

/* cond_waiter.queue: in none; in the condition's; in the lock's, chosen by a notify; in the lock's, as a task that waits
   for nothing else (it acquires, or its wait was cancelled). */
enum { WAITER_UNQUEUED, WAITER_QUEUED, WAITER_NOTIFIED, WAITER_WANTS_LOCK };

/* A thread in a wait. Its node, and what a task does not have. */
struct waitq_thread {
    struct cond_waiter waiter;
#if HAVE_CANCEL
    const cond_token_t *token; /* fixed: ends the wait, or NULL */
#endif
};

/* This process. Without COND_SHARED a program is one process. */
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

/* Caller must hold the lock in all that follows. */

/* Whether the waiters of this condition, and those in the lock's list, are of this process, so that their nodes may be
   touched. To use a private condition from two processes is a mistake, but it must not make one of them write to its own
   stack at addresses of the other. */
INTERNAL bool waitq_is_ours(const cond_t *cond, const cond_lock_t *lock);

/* Whether a waiter that was taken out of its queues may go back, and choose another: its condition is alive, and all waiters
   are of this process. */
static inline bool waitq_may_go_back(const struct cond_waiter *waiter, const cond_lock_t *lock)
{
    return a_load_32(&waiter->cond->state_) == CONDI_ALIVE && /* M:back-among-ours */
           (!HAVE_SHARED || waitq_is_ours(waiter->cond, lock));
}

/* Join the condition's queue as its last; an awaiting waiter joins the lock's list. */
INTERNAL void waitq_begin_wait(struct cond_waiter *waiter, cond_lock_t *lock);

/* The last access of a wait to the lock: from here on the lock may be destroyed when it is free. */
INTERNAL void waitq_end_wait(cond_lock_t *lock);

/* Move the first n waiters that have not expired to the lock's list. `all`: they pass nothing on, since everybody was chosen. */
INTERNAL void waitq_notify_some(cond_t *cond, cond_lock_t *lock, size_t n, bool all);

static inline void waitq_notify(cond_t *cond, cond_lock_t *lock, size_t n)
{
    waitq_notify_some(cond, lock, n, false);
}

static inline void waitq_notify_all(cond_t *cond, cond_lock_t *lock)
{
    waitq_notify_some(cond, lock, SIZE_MAX, true);
}

/* Move all, and then do not touch the condition any more. The foreign lock is lost: lock_lose(). */
INTERNAL void waitq_notify_lost(cond_t *cond, cond_lock_t *lock);

#if HAVE_CANCEL
/* End the waits on the condition that carry this token, or, if it is NULL, all of them. Not those of waiters without a
   predicate that a notify has chosen: they return 0. */
INTERNAL void waitq_cancel(cond_t *cond, cond_lock_t *lock, const cond_token_t *token);

/* Close the condition, and end all waits on it. */
INTERNAL void waitq_close(cond_t *cond, cond_lock_t *lock);
#endif

/* Join the lock's list as its last: a task that is in no queue. */
INTERNAL void waitq_want_lock(struct cond_waiter *waiter, cond_lock_t *lock);

/* Whether the lock's list has waiters, or tasks, of this process. */
INTERNAL bool waitq_any_notified(const cond_lock_t *lock);


/* The holder of a private lock waits for this predicate, or would if it were not true: waitq_pick() makes use of it. */
INTERNAL void waitq_note_holder_pred(cond_lock_t *lock, cond_pred_t *pred, const void *arg);

/*
 * Take the first waiter that can go out of the lock's list. NULL if there is none, or if they are of another process.
 * Waiters whose predicate is false go back to their places, and pass on what a notify(n) gave them. Each predicate is
 * called at most once, and not again before the next notify, or, of an awaiting waiter, the next release.
 *
 * Waiters with the predicate that the releasing thread last waited for are skipped, once each: a producer usually fills the
 * buffer itself before another producer runs, and that one would have been woken for nothing.
 */
INTERNAL struct cond_waiter *waitq_pick(cond_lock_t *lock);

/* The same without looking at predicates, for a lock whose release the library does not see. */
INTERNAL struct cond_waiter *waitq_pick_unchecked(cond_lock_t *lock);

/* A waiter was woken, and its predicate is false again: back to its place. By the waiter. */
INTERNAL void waitq_requeue(struct cond_waiter *waiter, cond_lock_t *lock);

/* Leave the queue that the waiter is in, if any: it has expired, or it gives up. */
INTERNAL void waitq_leave(struct cond_waiter *waiter, cond_lock_t *lock);

/* If a notify(n) chose the waiter, and the waiter does not use that: choose the next one instead, which arrived after it and
   was there at the time of that notify, or has a predicate and so goes only if it can use the notification. */
INTERNAL void waitq_pass_on(struct cond_waiter *waiter, cond_lock_t *lock);

#endif
