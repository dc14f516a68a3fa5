/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_LOCK_H
#define CONDVAR_LOCK_H

/* Calls on a lock that only conditions need. They are not public. */

#include "condvar.h"
#include "internal.h"
#include "object.h"

/* The condition's lock, or NULL if the condition or the lock is not valid. */
INTERNAL cond_lock_t *lock_of(const cond_t *cond);

/* Release all levels. `*depth` is the number of levels. After an error nothing has changed. Not for shared locks. */
INTERNAL int lock_release_save(cond_lock_t *lock, unsigned *depth);

/* Acquire the lock again at this depth. `was_chosen`: a release has woken this waiter. Only a foreign lock returns an
   error. With EOWNERDEAD it is held. Not for shared locks. */
INTERNAL int lock_acquire_restore(cond_lock_t *lock, unsigned depth, bool was_chosen);

/*
 * A foreign lock is lost if reacquiring it has failed for good: no thread can hold it any more. From then on its
 * handle is not valid. But waiters are still in the queues that the lock guarded, and must leave them. Until they have
 * left, a word of the handle guards the queues. lock_lose() acquires it, and lock_leave_lost() releases it.
 */

/* The lock is lost, with this error. Returns the error of the first call: all waiters return that one. */
INTERNAL int lock_lose(cond_lock_t *lock, int error);
INTERNAL void lock_leave_lost(cond_lock_t *lock);

/* Wake the next notified waiter if the lock is foreign: the library does not see the release of a foreign lock. False:
   no waiter was woken. Caller must hold the lock. */
INTERNAL bool lock_wake_next(cond_lock_t *lock);

#endif
