/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_RLOCK_H
#define CONDVAR_RLOCK_H

/*
 * Recursion over a private lock: its owner and its depth (object.h), and what a wait does: release all levels at once,
 * and restore them. A mutex is the same with at most one level.
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

/* Exact for the owner; others may read a value that has changed already. */
static inline unsigned rlock_depth(const cond_lock_t *lock)
{
    return lock_owner(lock) != 0 ? lock_more_levels(lock) + 1 : 0;
}

/* rlock_acquire() by the owner, and when the lock is not free. */
INTERNAL int rlock_acquire_again(cond_lock_t *lock);
INTERNAL int rlock_acquire_contended(cond_lock_t *lock, uintptr_t who, int64_t deadline_ns);

/* `who` is the caller: port_self(), or taskq_owner() of a task. */

/* 0, EDEADLK (a mutex that the caller has), EAGAIN (too deep), ETIMEDOUT: at once if the deadline is
   DEADLINE_PASSED, which makes it a try. */
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

/* What a try returns, from what an acquire until DEADLINE_PASSED has returned. */
static inline int rlock_try_result(int error)
{
    return error == ETIMEDOUT ? EBUSY : error;
}

/* One level. 0, EPERM. */
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

/* All levels: how many there were, or 0 if the caller does not hold the lock. */
INTERNAL unsigned rlock_release_save(cond_lock_t *lock, uintptr_t who);

/* Acquire the lock again, as deep. By a waiter; `was_chosen` as for mutex_acquire_contended(). */
INTERNAL void rlock_acquire_restore(cond_lock_t *lock, uintptr_t who, unsigned depth, bool was_chosen);

#endif
