/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_HANDOFF_H
#define CONDVAR_HANDOFF_H

/*
 * Releasing a lock, and deciding who goes next. handoff.c has the rules.
 */

#include "condvar.h"
#include "internal.h"
#include "mutex.h"
#include "object.h"

INTERNAL void handoff_release_contended(cond_lock_t *lock);

/* Release a private lock. Caller must hold it. The lock may be destroyed by the next holder as soon as it is free. */
static inline void handoff_release(cond_lock_t *lock)
{
    uint32_t held = MUTEX_HELD;
    /* Release: partner is the acquire of the next holder, in mutex.c. */
    if (OPTIMIZE_SIZE || lock->u_.local.notified != NULL || !a_cas(lock_word(lock), &held, 0, release, relaxed))
        handoff_release_contended(lock);
}

/* See to it that a release drains the tasks: of the holder, or, if the lock is free, one by the caller. By the task that
   was the first on an empty stack. */
INTERNAL_IF(HAVE_TASKS) void handoff_request(cond_lock_t *lock);

/* Destroy the lock: threads that sleep on it and tasks that want it get EINVAL and ECANCELED. Caller must hold it. */
INTERNAL void handoff_close(cond_lock_t *lock);

/* The next waiter of a lock whose release the library does not see: wake it now. False: there is none. Caller must hold the
   foreign lock. */
INTERNAL bool handoff_wake_next(cond_lock_t *lock);

#endif
