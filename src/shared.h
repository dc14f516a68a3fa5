/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_SHARED_H
#define CONDVAR_SHARED_H

/* Locks and conditions in memory that processes share; shared.c has the argument. The lock's calls are
   those of rlock.h, with two more answers: EOWNERDEAD (held, in need of recover) and ENOTRECOVERABLE. */

#include <stdbool.h>
#include "condvar.h"
#include "internal.h"

INTERNAL_IF(HAVE_SHARED) int shared_lock_init(cond_lock_t *lock, unsigned flags); /* EBUSY: it is alive; EAGAIN: it is being made */
INTERNAL_IF(HAVE_SHARED) int shared_lock_make(cond_lock_t *lock, unsigned kind);  /* the same where nobody else can be making one */
INTERNAL_IF(HAVE_SHARED) int shared_lock_destroy(cond_lock_t *lock);              /* EBUSY */
INTERNAL_IF(HAVE_SHARED) int shared_lock_acquire(cond_lock_t *lock, int64_t deadline_ns);
INTERNAL_IF(HAVE_SHARED) int shared_lock_release(cond_lock_t *lock);
INTERNAL_IF(HAVE_SHARED) bool shared_lock_owned(const cond_lock_t *lock);
INTERNAL_IF(HAVE_SHARED) bool shared_lock_locked(const cond_lock_t *lock);
INTERNAL_IF(HAVE_SHARED) int shared_lock_recover(cond_lock_t *lock); /* the holder; EINVAL: nothing to recover */

/* cond_init() for a shared lock, or, if it is NULL, for an own one with these flags. EBUSY, EAGAIN: as shared_lock_init(). */
INTERNAL_IF(HAVE_SHARED) int shared_init(cond_t *cond, cond_lock_t *lock, unsigned flags);

/* What a call on cond that needs the lock answers to a caller that does not hold it: EPERM. But if the lock was given up,
   ENOTRECOVERABLE, and nobody waits on cond any more, be it that its waiters were killed. */
INTERNAL_IF(HAVE_SHARED) int shared_not_held(cond_t *cond, cond_lock_t *lock);

/* The holder. As wait() in cond.c; pred may be NULL. */
INTERNAL_IF(HAVE_SHARED) int shared_wait(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg, int64_t deadline_ns);

/* The holder. Let at least min(n, waiters) go. */
INTERNAL_IF(HAVE_SHARED) void shared_notify(cond_t *cond, cond_lock_t *lock, size_t n);

/* The holder. Close the condition, and wake all. */
INTERNAL_IF(HAVE_SHARED) void shared_close(cond_t *cond, cond_lock_t *lock);

/* The holder. If the lock was recovered since the condition was last in order, its fields may be half changed: set all its
   waiters free. */
INTERNAL_IF(HAVE_SHARED) void shared_repair(cond_t *cond, cond_lock_t *lock);

#endif
