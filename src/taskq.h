/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_TASKQ_H
#define CONDVAR_TASKQ_H

/*
 * Tasks on their way to the lock, and callbacks that are due. taskq.c has the argument. With CONDVAR_NO_TASKS
 * nothing of it is left.
 */

#include <stdbool.h>
#include <stddef.h>
#include "atomic.h"
#include "condvar.h"
#include "internal.h"
#include "object.h"
#include "waitq.h"

/* Tasks whose callbacks are due, in order, on the stack of the thread that will call them. */
struct taskq_calls {
    struct cond_task *first, *last;
};

#define TASKQ_NO_CALLS {NULL, NULL}

#ifndef CONDVAR_NO_TASKS

/* A thread that calls callbacks, or makes a request whose outcome it can return. On its stack. */
struct taskq_dispatcher {
    struct taskq_calls calls;
    const cond_task_t *caller; /* the task whose request this is, or NULL */
    int result;                /* of that request: EINPROGRESS until it is known */
};

/* Begin to dispatch on this thread; false if it does so already. */
INTERNAL bool taskq_begin_dispatch(struct taskq_dispatcher *dispatcher);

/* Call what is due, and what that makes due in turn. The end of what taskq_begin_dispatch() began. */
INTERNAL void taskq_end_dispatch(struct taskq_dispatcher *dispatcher);

/* After the lock was released or handed over: see to the callbacks that are due, now, or, if this thread dispatches
   already, when those before them have returned. Any thread. */
INTERNAL void taskq_call(struct taskq_calls *calls);

/* Push a task onto the stack of those that want the lock. True: it was empty, so the caller must call
   handoff_request(). The task may get the lock, and its memory may be gone, as soon as it is on the stack; the lock may be
   destroyed as soon as handoff_request() has set TASKS. Any thread. */
INTERNAL bool taskq_push(cond_task_t *task, cond_lock_t *lock);

/* Move the tasks of the stack to the end of the lock's list, in order of arrival. Caller must hold the lock. */
INTERNAL void taskq_drain(cond_lock_t *lock);

/* Make the task of a waiter that was taken out of the lock's list the lock's owner. False: the task had wanted to
   acquire the lock and was cancelled, so it does not get it. Its callback is due either way. Caller must hold the lock. */
INTERNAL bool taskq_grant(struct cond_waiter *waiter, cond_lock_t *lock, struct taskq_calls *calls);

/* The lock is destroyed: the tasks on its stack get ECANCELED. By the destroyer, or by a task that came too late. */
INTERNAL void taskq_abandon(cond_lock_t *lock);

/* What lock_owner() is when a task holds the lock. */
static inline uintptr_t taskq_owner(const cond_task_t *task)
{
    return (uintptr_t)task | LOCK_OWNER_TASK;
}

/* Whether tasks want the lock: on the stack, or, when no wait is active, in the lock's list. Relaxed: TASKS in the word
   says the former for sure. Caller must hold the lock. */
static inline bool taskq_any(const cond_lock_t *lock)
{
    return a_load_ptr(&lock->u_.local.as.mine.tasks) != 0 || waitq_any_notified(lock);
}

#else

static inline void taskq_drain(cond_lock_t *lock) { (void)lock; }
static inline void taskq_abandon(cond_lock_t *lock) { (void)lock; }
static inline bool taskq_grant(struct cond_waiter *waiter, cond_lock_t *lock, struct taskq_calls *calls)
{
    (void)waiter, (void)lock, (void)calls;
    return false;
}
static inline void taskq_call(struct taskq_calls *calls) { (void)calls; }
static inline bool taskq_any(const cond_lock_t *lock) { (void)lock; return false; }

#endif

#endif
