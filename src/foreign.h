/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_FOREIGN_H
#define CONDVAR_FOREIGN_H

/*
 * Foreign locks: locks of another library, used through the operations in cond_lock_ops_t. This library does not see
 * their releases. So a notifier, and each waiter that returns, wakes the next waiter itself (handoff_wake_next()).
 *
 * The functions return the errors of the operations.
 */

#include "condvar.h"
#include "internal.h"
#include "object.h"

INTERNAL int foreign_acquire(const cond_lock_t *lock, int64_t deadline_ns);
INTERNAL int foreign_release(const cond_lock_t *lock);
INTERNAL bool foreign_owned(const cond_lock_t *lock);
INTERNAL bool foreign_locked(const cond_lock_t *lock);

/* Whether a try returns ENOTRECOVERABLE: no thread can hold the lock any more. Caller must not hold the lock. */
INTERNAL bool foreign_is_unrecoverable(const cond_lock_t *lock);

/* Release all levels and store their number; acquire as many levels again, without a deadline. */
INTERNAL int foreign_release_save(const cond_lock_t *lock, unsigned *depth);
INTERNAL int foreign_acquire_restore(const cond_lock_t *lock, unsigned depth);

#endif
