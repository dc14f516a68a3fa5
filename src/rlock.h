/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_RLOCK_H
#define CONDVAR_RLOCK_H

/*
 * Owner and depth over a private lock: how often its owner holds it, and releasing all of that at once and
 * restoring it (what wait does). A mutex is the same with the depth limited to one.
 *
 * `owner` is 0, or who holds the lock: a thread, by its number, or a task, by its address and RLOCK_TASK. Any
 * thread may look at it, relaxed: a thread finds its own number there only if it has written it itself, and
 * has not taken it away. A task's is written when it is handed the lock, and it knows so by being called
 * back. `depth_` says how often the owner holds the lock beyond once, is written by the owner only, and is 0
 * whenever the lock is free, so that the first level costs no store. Others read it for cond_describe().
 */

#include <stdbool.h>
#include "condvar.h"
#include "deadline.h"
#include "internal.h"
#include "mutex.h"
#include "port.h"

enum { RLOCK_TASK = 1 }; /* in `owner`, the lowest bit: the rest is a cond_task_t's address */

static inline bool rlock_owned_by(const cond_lock_t *lock, uintptr_t who)
{
    return a_load_ptr(&lock->u_.local.as.mine.owner) == who;
}

static inline bool rlock_owned(const cond_lock_t *lock)
{
    return rlock_owned_by(lock, port_self());
}

/* For the owner, and a glimpse for others. */
static inline unsigned rlock_depth(const cond_lock_t *lock)
{
    return a_load_ptr(&lock->u_.local.as.mine.owner) != 0 ? a_load_32(&lock->depth_) + 1 : 0;
}

/* rlock_acquire() by its owner, and when it is not free. */
INTERNAL int rlock_acquire_again(cond_lock_t *lock);
INTERNAL int rlock_acquire_contended(cond_lock_t *lock, uintptr_t who, int64_t deadline_ns);

/* `who` is the caller in these: port_self(), or a task with RLOCK_TASK. */

/* 0, EDEADLK (a mutex that the caller has), EAGAIN (too deep), ETIMEDOUT: at once if the deadline is
   DEADLINE_PASSED, which makes it a try. */
static inline int rlock_acquire(cond_lock_t *lock, uintptr_t who, int64_t deadline_ns)
{
    if (rlock_owned_by(lock, who))
        return rlock_acquire_again(lock);
    if (!SMALL && deadline_ns == DEADLINE_PASSED && mutex_is_hopeless(lock))
        return ETIMEDOUT;
    if (SMALL || !mutex_try(lock))
        return rlock_acquire_contended(lock, who, deadline_ns);
    a_store_ptr(&lock->u_.local.as.mine.owner, who);
    return 0;
}

/* What a try answers, of what an acquire until DEADLINE_PASSED did. */
static inline int try_answer(int error)
{
    return error == ETIMEDOUT ? EBUSY : error;
}

/* One level. 0, EPERM. */
static inline int rlock_release(cond_lock_t *lock, uintptr_t who)
{
    if (!rlock_owned_by(lock, who))
        return EPERM;
    uint32_t more = a_load_32(&lock->depth_);
    if (more != 0) {
        a_store_32(&lock->depth_, more - 1);
    } else {
        a_store_ptr(&lock->u_.local.as.mine.owner, 0);
        mutex_release(lock);
    }
    return 0;
}

/* All levels: how many there were, or 0 if the caller does not hold the lock. */
INTERNAL unsigned rlock_release_save(cond_lock_t *lock, uintptr_t who);

/* The way back; only for a thread that has waited in a condition. */
INTERNAL void rlock_acquire_restore(cond_lock_t *lock, uintptr_t who, unsigned depth);

#ifndef CONDVAR_NO_TASKS
/* The holder, that is whoever releases the lock: make it somebody else's instead of free. */
INTERNAL void rlock_give(cond_lock_t *lock, uintptr_t who, unsigned depth);
#endif

#endif
