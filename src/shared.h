/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_SHARED_H
#define CONDVAR_SHARED_H

/* Locks and conditions in memory that processes share; shared.c has the argument. The lock's calls are
   those of rlock.h, with two more answers: EOWNERDEAD (held, in need of recover) and ENOTRECOVERABLE. */

#include <stdbool.h>
#include "condvar.h"
#include "internal.h"

#ifndef CONDVAR_NO_SHARED

INTERNAL int shared_lock_init(cond_lock_t *lock, unsigned flags); /* EBUSY: it is alive; EAGAIN: it is being made */
INTERNAL int shared_lock_make(cond_lock_t *lock, unsigned kind);  /* the same where nobody else can be making one */
INTERNAL int shared_lock_destroy(cond_lock_t *lock);              /* EBUSY */
INTERNAL int shared_lock_acquire(cond_lock_t *lock, int64_t deadline_ns);
INTERNAL int shared_lock_release(cond_lock_t *lock);
INTERNAL bool shared_lock_owned(const cond_lock_t *lock);
INTERNAL bool shared_lock_locked(const cond_lock_t *lock);
INTERNAL int shared_lock_recover(cond_lock_t *lock); /* the holder; EINVAL: nothing to recover */

/* What a call on cond that needs the lock answers to a caller that does not hold it: EPERM. But if the lock was given up,
   ENOTRECOVERABLE, and nobody waits on cond any more, be it that its waiters were killed. */
INTERNAL int shared_not_held(cond_t *cond, cond_lock_t *lock);

/* The holder. As wait() in cond.c; pred may be NULL. */
INTERNAL int shared_wait(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg, int64_t deadline_ns);

/* The holder. Let at least min(n, waiters) go. */
INTERNAL void shared_notify(cond_t *cond, cond_lock_t *lock, size_t n);

#ifndef CONDVAR_NO_CANCEL
/* The holder. Close the condition, and wake all. */
INTERNAL void shared_close(cond_t *cond, cond_lock_t *lock);
#endif

/* The holder. If the lock was recovered since the condition was last in order, its fields may be half changed: set all its
   waiters free. */
INTERNAL void shared_repair(cond_t *cond, cond_lock_t *lock);

#else /* no lock can be made shared, so the rest is never called */

static inline int shared_lock_init(cond_lock_t *lock, unsigned flags)
{
    *lock = (cond_lock_t){.kind_ = 0xDD}; /* LOCK_DESTROYED */
    (void)flags;
    return ENOTSUP;
}
static inline int shared_lock_destroy(cond_lock_t *lock) { (void)lock; return ENOTSUP; }
static inline int shared_lock_acquire(cond_lock_t *lock, int64_t deadline_ns)
{
    (void)lock, (void)deadline_ns;
    return ENOTSUP;
}
static inline int shared_lock_release(cond_lock_t *lock) { (void)lock; return ENOTSUP; }
static inline bool shared_lock_owned(const cond_lock_t *lock) { (void)lock; return false; }
static inline bool shared_lock_locked(const cond_lock_t *lock) { (void)lock; return false; }
static inline int shared_lock_recover(cond_lock_t *lock) { (void)lock; return ENOTSUP; }
static inline int shared_not_held(cond_t *cond, cond_lock_t *lock) { (void)cond, (void)lock; return EPERM; }
static inline int shared_wait(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg, int64_t deadline_ns)
{
    (void)cond, (void)lock, (void)pred, (void)arg, (void)deadline_ns;
    return ENOTSUP;
}
static inline void shared_notify(cond_t *cond, cond_lock_t *lock, size_t n) { (void)cond, (void)lock, (void)n; }
static inline void shared_close(cond_t *cond, cond_lock_t *lock) { (void)cond, (void)lock; }
static inline void shared_repair(cond_t *cond, cond_lock_t *lock) { (void)cond, (void)lock; }

#endif

#endif
