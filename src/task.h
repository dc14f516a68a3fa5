/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_TASK_H
#define CONDVAR_TASK_H

/*
 * Tasks, as the lock's release sees them: waiters that are handed the lock and called back. task.c has the
 * whole story. With CONDVAR_NO_TASKS nothing of it is left.
 */

#include <stdbool.h>
#include <stddef.h>
#include "atomic.h"
#include "condvar.h"
#include "internal.h"

/* Tasks whose callbacks are due, the first first. On the stack of the thread that will call them. */
struct task_calls {
    struct cond_task *first, *last;
};

#define TASK_NO_CALLS {NULL, NULL}

#ifndef CONDVAR_NO_TASKS

/* The holder: those that have asked for the lock join its queue. */
INTERNAL void task_drain(cond_lock_t *lock);

/* The holder: end the request of a waiter that was taken out of the lock's queue. True: the lock is the
   task's from now on. False: it has given up, and does not want it. Its callback is due either way. */
INTERNAL bool task_take(struct cond_waiter *waiter, cond_lock_t *lock, struct task_calls *calls);

/* Anybody, after the lock was released or handed over: see to the callbacks, now or when those under way
   on this thread have returned. */
INTERNAL void task_call(struct task_calls *calls);

/* The lock is dead: tell those that have asked for it. By whoever has killed it, or has knocked too late. */
INTERNAL void task_abandon(cond_lock_t *lock);

/* The holder: whether tasks have asked for the lock that it does not know yet. */
static inline bool task_any(const cond_lock_t *lock)
{
    return a_load_ptr(&lock->u_.local.as.mine.tasks) != 0; /* relaxed: a knock tells for sure */
}

#else

static inline void task_drain(cond_lock_t *lock) { (void)lock; }
static inline void task_abandon(cond_lock_t *lock) { (void)lock; }
static inline bool task_take(struct cond_waiter *waiter, cond_lock_t *lock, struct task_calls *calls)
{
    (void)waiter, (void)lock, (void)calls;
    return false;
}
static inline void task_call(struct task_calls *calls) { (void)calls; }
static inline bool task_any(const cond_lock_t *lock) { (void)lock; return false; }

#endif

#endif
