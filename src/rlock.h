/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_RLOCK_H
#define CONDVAR_RLOCK_H

/*
 * A private lock with an owner and a depth (object.h). A wait releases all levels at once, and restores them. A mutex
 * is the same with at most one level.
 *
 * Any thread may call these functions. They write the owner and the depth only while the caller holds the lock.
 */

#include <stdbool.h>
#include "condvar.h"
#include "deadline.h"
#include "handoff.h"
#include "internal.h"
#include "mutex.h"
#include "object.h"
#include "port.h"

static inline bool rlock_owned_by(const cond_lock_t *lock, uintptr_t who)
{
    return lock_owner(lock) == who;
}

static inline bool rlock_owned(const cond_lock_t *lock)
{
    return rlock_owned_by(lock, port_self());
}

/* Exact for the owner. Other threads may read an outdated value. */
static inline unsigned rlock_depth(const cond_lock_t *lock)
{
    return lock_owner(lock) != 0 ? lock_more_levels(lock) + 1 : 0;
}

/* The slow paths of rlock_acquire(): the caller owns the lock; the general case. */
INTERNAL int rlock_acquire_again(cond_lock_t *lock);
INTERNAL int rlock_acquire_contended(cond_lock_t *lock, uintptr_t who, int64_t deadline_ns);

/* In all calls, `who` is the caller: port_self(), or taskq_owner() of a task. */

/* EDEADLK: a mutex that the caller holds. EAGAIN: too deep. ETIMEDOUT. EINVAL: destroyed. DEADLINE_PASSED makes it a
   try. */
static inline int rlock_acquire(cond_lock_t *lock, uintptr_t who, int64_t deadline_ns)
{
    if (rlock_owned_by(lock, who))
        return rlock_acquire_again(lock);
    if (!OPTIMIZE_SIZE && deadline_ns == DEADLINE_PASSED && mutex_is_held(lock))
        return ETIMEDOUT;
    if (OPTIMIZE_SIZE || !mutex_try(lock))
        return rlock_acquire_contended(lock, who, deadline_ns);
    lock_set_owner(lock, who, 1);
    return 0;
}

/* The error of a try, from the error of an acquire with DEADLINE_PASSED. */
static inline int rlock_try_result(int error)
{
    return error == ETIMEDOUT ? EBUSY : error;
}

/* Release one level. EPERM: not held. */
static inline int rlock_release(cond_lock_t *lock, uintptr_t who)
{
    if (!rlock_owned_by(lock, who))
        return EPERM;
    uint32_t more = lock_more_levels(lock);
    if (more != 0) {
        lock_set_more_levels(lock, more - 1);
    } else {
        lock_set_owner(lock, 0, 0);
        handoff_release(lock);
    }
    return 0;
}

/* Release all levels. Returns their number, or 0 if the caller does not hold the lock. */
INTERNAL unsigned rlock_release_save(cond_lock_t *lock, uintptr_t who);

/* Acquire the lock again at this depth. Called by a waiter. `was_chosen` as in mutex_acquire_contended(). */
INTERNAL void rlock_acquire_restore(cond_lock_t *lock, uintptr_t who, unsigned depth, bool was_chosen);

#endif
