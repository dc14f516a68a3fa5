/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_TASKQ_H
#define CONDVAR_TASKQ_H

/* Tasks that want the lock, and callbacks that are due. taskq.c explains how they work. */

#include <stdbool.h>
#include <stddef.h>
#include "atomic.h"
#include "condvar.h"
#include "internal.h"
#include "object.h"
#include "waitq.h"

/* Tasks whose callbacks are due, in order. On the stack of the thread that will call them, and touched by it only. */
struct taskq_calls {
    struct cond_task *first, *last;
};

#define TASKQ_NO_CALLS {NULL, NULL}

/* The loop in which a thread calls callbacks (taskq.c). On the stack of the thread, and touched by it only. */
struct taskq_dispatcher {
    struct taskq_calls calls;
    const struct cond_task *caller; /* the task in whose request the loop runs, or NULL */
    int result;                     /* the result of that request. EINPROGRESS until it is known */
};

/* Make this the dispatcher of the calling thread. False: the thread has one already. */
INTERNAL_IF(HAVE_TASKS) bool taskq_begin_dispatch(struct taskq_dispatcher *dispatcher);

/* Call the callbacks that are due, and those that become due meanwhile. Then the thread has no dispatcher any more. */
INTERNAL_IF(HAVE_TASKS) void taskq_end_dispatch(struct taskq_dispatcher *dispatcher);

/* Call the callbacks. If the thread has a dispatcher already, only add them to it. Called by any thread, after the lock
   was released or handed off. */
INTERNAL_IF(HAVE_TASKS) void taskq_call(struct taskq_calls *calls);

/* Push a task onto the stack of those that want the lock. True: the stack was empty, so the caller must call
   handoff_request(). If the stack was not empty, the task may be freed and the lock destroyed as soon as the task is on
   it. Otherwise as soon as handoff_request() has set TASKS. Called by any thread. */
INTERNAL_IF(HAVE_TASKS) bool taskq_push(struct cond_task *task, cond_lock_t *lock);

/* Move all tasks from the stack to the end of the lock's list, in order of arrival. Caller must hold the lock. */
INTERNAL_IF(HAVE_TASKS) void taskq_drain(cond_lock_t *lock);

/* Make a task the owner of the lock. Its waiter must be in no queue. False: the task wanted to acquire and was
   cancelled, so it does not get the lock. Its callback is due in both cases. Caller must hold the lock. */
INTERNAL_IF(HAVE_TASKS) bool taskq_grant(struct cond_waiter *waiter, cond_lock_t *lock, struct taskq_calls *calls);

/* The lock is destroyed: the tasks on its stack get ECANCELED. Called by the thread that destroys it, or by a thread
   that pushed a task too late. */
INTERNAL_IF(HAVE_TASKS) void taskq_abandon(cond_lock_t *lock);

/* The value of lock_owner() while the task holds the lock. */
static inline uintptr_t taskq_owner(const struct cond_task *task)
{
    return (uintptr_t)task | LOCK_OWNER_TASK;
}

/* Whether tasks want the lock: they are on the stack, or in the lock's list. No wait may be active, so the list has no
   other waiters. Relaxed: a task that comes later finds the word destroyed. Caller must hold the lock. */
INTERNAL_IF(HAVE_TASKS) bool taskq_any(const cond_lock_t *lock);

#endif
