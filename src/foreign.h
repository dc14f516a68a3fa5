/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_FOREIGN_H
#define CONDVAR_FOREIGN_H

/*
 * A lock that somebody else made, by its operations (cond_lock_ops_t). The library does not see its releases; so
 * whoever notifies, and each waiter that leaves a wait, wakes the next waiter by itself (handoff_wake_next()).
 */

#include "condvar.h"
#include "internal.h"
#include "object.h"

INTERNAL int foreign_acquire(const cond_lock_t *lock, int64_t deadline_ns);
INTERNAL int foreign_release(const cond_lock_t *lock);
INTERNAL bool foreign_owned(const cond_lock_t *lock);
INTERNAL bool foreign_locked(const cond_lock_t *lock);

/* Whether the lock says that nobody can hold it any more. Of a lock that the caller does not hold. */
INTERNAL bool foreign_is_unrecoverable(const cond_lock_t *lock);

/* Release all levels, and say how many there were; acquire as many again, without a time limit. */
INTERNAL int foreign_release_save(const cond_lock_t *lock, unsigned *depth);
INTERNAL int foreign_acquire_restore(const cond_lock_t *lock, unsigned depth);

#endif
