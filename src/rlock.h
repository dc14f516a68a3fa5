/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_RLOCK_H
#define CONDVAR_RLOCK_H

/*
 * Owner and depth over a private lock: how often its owner holds it, and releasing all of that at once and
 * restoring it (what wait does). A mutex is the same with the depth limited to one.
 *
 * `owner` is 0 or the thread that holds the lock. Any thread may look at it, relaxed: a thread finds its
 * own number there only if it has written it itself, and has not taken it away. `depth` is written by the
 * owner only; others read it for cond_describe().
 */

#include <stdbool.h>
#include "condvar.h"
#include "port.h"
#include "mutex.h"
#include "internal.h"

static inline bool rlock_owned(const cond_lock_t *lock)
{
    return a_load_ptr(&lock->u_.local.as.mine.owner) == port_self();
}

/* 0, EDEADLK (a mutex that the caller has), EAGAIN (too deep), ETIMEDOUT: at once if the deadline is
   DEADLINE_PASSED, which makes it a try. */
INTERNAL int rlock_acquire(cond_lock_t *lock, int64_t deadline_ns);

/* One level. 0, EPERM. */
INTERNAL int rlock_release(cond_lock_t *lock);

/* All levels: how many there were, or 0 if the caller does not hold the lock. */
INTERNAL unsigned rlock_release_save(cond_lock_t *lock);

/* The way back; only for a thread that has waited in a condition. */
INTERNAL void rlock_acquire_restore(cond_lock_t *lock, unsigned depth);

#endif
