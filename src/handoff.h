/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_HANDOFF_H
#define CONDVAR_HANDOFF_H

/* Release a lock, and choose who acquires it next. handoff.c has the rules. */

#include "condvar.h"
#include "internal.h"
#include "mutex.h"
#include "object.h"

/* The general case of handoff_release(). */
INTERNAL void handoff_release_contended(cond_lock_t *lock);

/* Release a private lock. Caller must hold it. As soon as the lock is free, its next holder may destroy it. */
static inline void handoff_release(cond_lock_t *lock)
{
    uint32_t held = MUTEX_HELD;
    /* Release: partner is the acquire of the next holder, in mutex.c. */
    if (OPTIMIZE_SIZE || lock->u_.local.notified != NULL || !a_cas(lock_word(lock), &held, 0, release, relaxed))
        handoff_release_contended(lock);
}

/* Make sure that a release drains the tasks. If the caller may take the lock, it acquires and releases it.
   Otherwise it sets TASKS for the next release. Called after a task was pushed onto an empty stack. */
INTERNAL_IF(HAVE_TASKS) void handoff_request(cond_lock_t *lock);

/* Destroy the lock. Threads that sleep on it return EINVAL. Tasks that want it get ECANCELED. Caller must hold the
   lock. */
INTERNAL void handoff_close(cond_lock_t *lock);

/* Wake the next waiter of a foreign lock, whose release the library does not see. False: there is none. Caller must
   hold the foreign lock. */
INTERNAL bool handoff_wake_next(cond_lock_t *lock);

#endif
