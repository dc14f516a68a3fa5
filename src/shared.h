/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_SHARED_H
#define CONDVAR_SHARED_H

/*
 * Locks and conditions in memory that processes share. shared.c explains how they work. The calls on the lock are
 * those of rlock.h, with two more errors: EOWNERDEAD (held, recover is needed) and ENOTRECOVERABLE (lost).
 */

#include <stdbool.h>
#include "condvar.h"
#include "internal.h"

/* ---- The lock ---- */

/* EBUSY: the lock is in use already. EAGAIN: another process is initialising it. */
INTERNAL_IF(HAVE_SHARED) int shared_lock_init(cond_lock_t *lock, unsigned flags);

/* Initialise a lock that no other process can be initialising. */
INTERNAL_IF(HAVE_SHARED) int shared_lock_make(cond_lock_t *lock, unsigned kind);

/* EBUSY: the lock is held, or a thread waits on its condition. */
INTERNAL_IF(HAVE_SHARED) int shared_lock_destroy(cond_lock_t *lock);
INTERNAL_IF(HAVE_SHARED) int shared_lock_acquire(cond_lock_t *lock, int64_t deadline_ns);
INTERNAL_IF(HAVE_SHARED) int shared_lock_release(cond_lock_t *lock);
INTERNAL_IF(HAVE_SHARED) bool shared_lock_owned(const cond_lock_t *lock);
INTERNAL_IF(HAVE_SHARED) bool shared_lock_locked(const cond_lock_t *lock);

/* Caller must hold the lock. EINVAL: there is nothing to recover. */
INTERNAL_IF(HAVE_SHARED) int shared_lock_recover(cond_lock_t *lock);

/* ---- The condition ---- */

/* Initialise a condition on `lock`, or, if that is NULL, on a lock of its own with these flags. Errors of
   shared_lock_init(). */
INTERNAL_IF(HAVE_SHARED) int shared_init(cond_t *cond, cond_lock_t *lock, unsigned flags);

/* The error for a caller that does not hold the lock: EPERM, or ENOTRECOVERABLE if the lock is lost. A lost lock also
   frees all tickets of the condition, so killed waiters are not counted any more. */
INTERNAL_IF(HAVE_SHARED) int shared_not_held(cond_t *cond, cond_lock_t *lock);

/* ---- Caller must hold the lock from here on. ---- */

/* Wait, as condi_wait() in cond.c. `pred` may be NULL. */
INTERNAL_IF(HAVE_SHARED) int shared_wait(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg,
                                         int64_t deadline_ns);

/* Let at least min(n, waiters) waiters return. */
INTERNAL_IF(HAVE_SHARED) void shared_notify(cond_t *cond, cond_lock_t *lock, size_t n);

/* Close the condition, and wake all waiters. */
INTERNAL_IF(HAVE_SHARED) void shared_close(cond_t *cond, cond_lock_t *lock);

/* If the lock was recovered since the last call, free the tickets of all waiters. A killed holder may have left the
   fields half changed. */
INTERNAL_IF(HAVE_SHARED) void shared_repair(cond_t *cond, cond_lock_t *lock);

#endif
