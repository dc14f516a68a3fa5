/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_LOCK_H
#define CONDVAR_LOCK_H

/* A lock of any kind, as the conditions use it: what cond_lock_acquire() and its like do not offer. */

#include "condvar.h"
#include "internal.h"
#include "object.h"

/* The condition's lock, or NULL if the condition or the lock is not valid. */
INTERNAL cond_lock_t *lock_of(const cond_t *cond);

/* Release all levels; 0 and the depth, or an error with nothing changed. Not of a shared lock. */
INTERNAL int lock_release_save(cond_lock_t *lock, unsigned *depth);

/* Acquire the lock again, as deep. `was_chosen`: a release has woken this waiter; it has not expired. Only a foreign lock
   fails; with EOWNERDEAD it is held. Not of a shared lock. */
INTERNAL int lock_acquire_restore(cond_lock_t *lock, unsigned depth, bool was_chosen);

/*
 * A foreign lock is lost when nobody can hold it any more: reacquiring it has failed for good. Its handle is not valid from
 * then on. But waiters are left in the queues that it has guarded, and must leave them. Then a word of the handle guards the
 * queues in its place: lock_lose() acquires it, lock_leave_lost() releases it.
 */

/* The lock is lost, for the reason `error`. Returns the first reason that was given, which all waiters get. */
INTERNAL int lock_lose(cond_lock_t *lock, int error);
INTERNAL void lock_leave_lost(cond_lock_t *lock);

/* If the library does not see the lock's release: wake the next notified waiter now. False: there is none. Caller must hold
   the lock. */
INTERNAL bool lock_wake_next(cond_lock_t *lock);

#endif
