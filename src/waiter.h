/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_WAITER_H
#define CONDVAR_WAITER_H

/*
 * A waiter is a thread in wait, as a node on its own stack, or a task; waiter.c says who is let go next.
 *
 * The lock protects the queue: everything here but `state` is touched by the holder of the lock only, so
 * there is nothing to order and nothing to retry. A waiter is in one of two queues, or in none:
 *
 *                          notify                    release, one at a time
 *      cond->u_.local.waiters  ------------------>  lock->u_.local.notified  ------------------>  let go
 *      in order of   <------------------  in the order
 *        arrival       predicate false,   of notification
 *                      back in its place
 *
 * `state` is the one word that the waiter and the holder race for, and the word that the waiter sleeps on:
 *
 *      0 ---(holder)---> CHOSEN ----(holder)---> GO          the waiter takes the lock and returns
 *      |                                          ^
 *      +---(holder, no deadline: at once)---------+
 *      |
 *      +---(waiter)----> EXPIRED                             the waiter takes the lock and leaves its queue
 *
 * ASLEEP joins any of them when the waiter announces that it sleeps. CHOSEN and EXPIRED exclude each other:
 * one compare-exchange decides. A waiter without a deadline cannot expire, and needs no CHOSEN.
 * When a waiter with a predicate is chosen its deadline still counts, until its predicate has been seen
 * true by the thread that lets it go: only then it is CHOSEN. So a waiter that is put back in its place
 * expires by itself, like any other. A task is chosen as late as that too, and EXPIRED says that it was
 * cancelled: then it has to be handed the lock like any that wants it (task.c).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "condvar.h"
#include "internal.h"

enum {
    WAITER_ASLEEP = 1,  /* set by the waiter: a wake-up must go through the system */
    WAITER_CHOSEN = 2,  /* set by the holder: its deadline no longer counts */
    WAITER_EXPIRED = 4, /* set by the waiter: no notify can have it any more */
    WAITER_GO = 8,      /* set by the thread that lets it go, who does not touch the node after */

    /* Tasks only. Between requests such a word is CHOSEN: there is nothing to cancel. */
    WAITER_ACQUIRES = 16, /* fixed for a request: it wants the lock, and waits in no condition */
    WAITER_DEPTH = 256, /* fixed for a request: from here on, how deep it is to hold the lock */
};

/* cond_waiter.where: in no queue, in the condition's, in the lock's. WANTS_LOCK: in the lock's too, but it
   waits for nothing else: a task that acquires, or whose wait was cancelled (task.c). */
enum { WAITER_NOWHERE, WAITER_QUEUED, WAITER_NOTIFIED, WAITER_WANTS_LOCK };

/* Whether it is part of a cond_task_t. */
static inline bool waiter_is_task(const struct cond_waiter *waiter)
{
#ifdef CONDVAR_NO_TASKS
    (void)waiter;
    return false;
#else
    return waiter->task;
#endif
}

/* All of these: the holder of the lock, only. */

/* Whether the waiters of this condition and the lock's notified ones, if there are any, are of this process:
   then their nodes may be touched. A private condition in memory that several processes have mapped is a
   mistake, but one that must not make a process write to its own stack at another's addresses. */
INTERNAL bool waiter_are_ours(const cond_t *cond, const cond_lock_t *lock);

/* Join the condition's queue as its last. */
INTERNAL void waiter_arrive(struct cond_waiter *waiter, cond_lock_t *lock);

/* Move the first n waiters that have not expired to the lock's queue. Complexity: those it passes. */
INTERNAL void waiter_notify(cond_t *cond, cond_lock_t *lock, size_t n);
INTERNAL void waiter_notify_all(cond_t *cond, cond_lock_t *lock);

#ifndef CONDVAR_NO_TASKS
/* Join the lock's queue as its last, to be handed the lock. A task that is in no queue. */
INTERNAL void waiter_want_lock(struct cond_waiter *waiter, cond_lock_t *lock);
#endif

/* The first of the lock's queue; NULL if there is none, or not of this process. */
INTERNAL const struct cond_waiter *waiter_first(const cond_lock_t *lock);

/* The holder of a private lock has waited for this, or would have if it were not true already: waiter_pick() is
   to know. */
INTERNAL void waiter_asked(cond_lock_t *lock, cond_pred_t *pred, const void *arg);

/*
 * Take the first notified waiter that can go out of the queue, and, if it is a thread, mark the lock: one
 * waiter is on its way. Those whose predicate is false go back to their places, and pass on what notify(n) gave
 * them. NULL if there is none, or if one is on its way, or if they are not of this process. Each predicate is
 * called once, and false ones are not looked at again until the next notify.
 *
 * Those who wait for the same as the holder has waited for are passed over, once each: if it runs on, a producer fills
 * the buffer before the producer that it would let go has begun to run, and that one has woken up for nothing.
 */
INTERNAL struct cond_waiter *waiter_pick(cond_lock_t *lock);

/* The same without a look at predicates, for a lock whose release cannot be seen. */
INTERNAL struct cond_waiter *waiter_pick_blindly(cond_lock_t *lock);

/* By a waiter that was let go and has the lock now: the next one may be let go. */
INTERNAL void waiter_landed(cond_lock_t *lock);

/* The last thing that a wait does to the lock: from here on the lock may be destroyed, when it is free. */
INTERNAL void waiter_end(cond_lock_t *lock);

/* By a waiter that was let go in vain: its predicate is false again. Back to its place. */
INTERNAL void waiter_return(struct cond_waiter *waiter, cond_lock_t *lock);

/* A waiter that gives up, or has expired, leaves the queue it is in, if any. */
INTERNAL void waiter_leave(struct cond_waiter *waiter, cond_lock_t *lock);

/* If the waiter was given something by notify(n), and does not use it: it goes to the next waiter after it that was
   there at that time, or that has a predicate, and so is let go only if it can use it. */
INTERNAL void waiter_pass_on(struct cond_waiter *waiter, cond_lock_t *lock);

#endif
