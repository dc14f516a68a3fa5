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

/* A thread that calls callbacks, or makes a request whose outcome it can return. On its stack. */
struct taskq_dispatcher {
    struct taskq_calls calls;
    const struct cond_task *caller; /* the task whose request this is, or NULL */
    int result;                /* of that request: EINPROGRESS until it is known */
};

/* Begin to dispatch on this thread; false if it does so already. */
INTERNAL_IF(HAVE_TASKS) bool taskq_begin_dispatch(struct taskq_dispatcher *dispatcher);

/* Call what is due, and what that makes due in turn. The end of what taskq_begin_dispatch() began. */
INTERNAL_IF(HAVE_TASKS) void taskq_end_dispatch(struct taskq_dispatcher *dispatcher);

/* After the lock was released or handed over: see to the callbacks that are due, now, or, if this thread dispatches
   already, when those before them have returned. Any thread. */
INTERNAL_IF(HAVE_TASKS) void taskq_call(struct taskq_calls *calls);

/* Push a task onto the stack of those that want the lock. True: it was empty, so the caller must call
   handoff_request(). The task may get the lock, and its memory may be gone, as soon as it is on the stack; the lock may be
   destroyed as soon as handoff_request() has set TASKS. Any thread. */
INTERNAL_IF(HAVE_TASKS) bool taskq_push(struct cond_task *task, cond_lock_t *lock);

/* Move the tasks of the stack to the end of the lock's list, in order of arrival. Caller must hold the lock. */
INTERNAL_IF(HAVE_TASKS) void taskq_drain(cond_lock_t *lock);

/* Make the task of a waiter that was taken out of the lock's list the lock's owner. False: the task had wanted to
   acquire the lock and was cancelled, so it does not get it. Its callback is due either way. Caller must hold the lock. */
INTERNAL_IF(HAVE_TASKS) bool taskq_grant(struct cond_waiter *waiter, cond_lock_t *lock, struct taskq_calls *calls);

/* The lock is destroyed: the tasks on its stack get ECANCELED. By the destroyer, or by a task that came too late. */
INTERNAL_IF(HAVE_TASKS) void taskq_abandon(cond_lock_t *lock);

/* What lock_owner() is when a task holds the lock. */
static inline uintptr_t taskq_owner(const struct cond_task *task)
{
    return (uintptr_t)task | LOCK_OWNER_TASK;
}

/* Whether tasks want the lock: on the stack, or, when no wait is active, in the lock's list. Relaxed: TASKS in the word
   says the former for sure. Caller must hold the lock. */
INTERNAL_IF(HAVE_TASKS) bool taskq_any(const cond_lock_t *lock);

#endif
