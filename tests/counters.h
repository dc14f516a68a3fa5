/* SPDX-License-Identifier: MIT */
#ifndef COUNTERS_H
#define COUNTERS_H

/*
 * Each condition and lock that is made has counters that are about to wrap: cond_init(), cond_lock_init() and the
 * static initialisers begin them near their end. For test programs, to be included before them (-include): the option
 * -Dcounters=near_end does so for all. docs/testing/counters.md has the list of all counters. Memory that is all zero
 * bits, and so a condition without an initialiser, begins where it always does.
 */
#include "condvar.h"

enum {
    COUNTERS_LEFT = 3, /* so often a counter is incremented before its end */
};

/* The arrivals of a private condition have 64 bits; near the end of 32, for whoever would compare fewer. */
#define COUNTERS_ARRIVALS (UINT32_MAX - COUNTERS_LEFT)

/* The wake-ups in `depth_`: its upper 12 bits. The lower ones are levels, which are 0 when the lock is free. */
#define COUNTERS_DEPTH (UINT32_MAX - COUNTERS_LEFT * (COND_DEPTH_MAX + 1) - COND_DEPTH_MAX)

static inline int counters_lock_init(cond_lock_t *lock, unsigned flags)
{
    int error = cond_lock_init(lock, flags);
    if (error != 0)
        return error;
    if (flags & COND_SHARED)
        lock->spin_ = UINT16_MAX - COUNTERS_LEFT; /* of a shared lock: recoveries */
    else
        lock->depth_ = COUNTERS_DEPTH;
    return 0;
}

static inline int counters_cond_init(cond_t *cond, cond_lock_t *lock, unsigned flags)
{
    int error = cond_init(cond, lock, flags);
    if (error != 0)
        return error;
#ifndef CONDVAR_NO_SHARED
    if ((lock != NULL ? lock->kind_ : flags) & COND_SHARED) {
        struct cond_shared_queue_ *queue = &cond->u_.shared;
        if (lock == NULL)
            cond->own_.spin_ = UINT16_MAX - COUNTERS_LEFT;
        queue->sequence =
            UINT32_MAX - COUNTERS_LEFT; /* an even number: the lowest bit is no part of the counter */
        queue->arrivals = queue->free_below = queue->notified_below = UINT32_MAX - COUNTERS_LEFT;
        queue->laps = UINT16_MAX;
        queue->recoveries = (lock != NULL ? lock : &cond->own_)->spin_;
        return 0;
    }
#endif
    cond->u_.local.arrivals = COUNTERS_ARRIVALS;
    if (lock == NULL)
        cond->own_.depth_ = COUNTERS_DEPTH;
    return 0;
}

#define cond_lock_init(lock, flags) counters_lock_init(lock, flags)
#define cond_init(cond, lock, flags) counters_cond_init(cond, lock, flags)

#undef COND_RLOCK_INIT
#undef COND_MUTEX_INIT
#undef COND_INIT
#undef COND_INIT_WITH
#define COND_RLOCK_INIT      \
  {                          \
    .depth_ = COUNTERS_DEPTH \
  }
#define COND_MUTEX_INIT                           \
  {                                               \
    .kind_ = COND_MUTEX, .depth_ = COUNTERS_DEPTH \
  }
#define COND_INIT                                                             \
  {                                                                           \
    .u_ = {.local = {.arrivals = COUNTERS_ARRIVALS}}, .own_ = COND_RLOCK_INIT \
  }
#define COND_INIT_WITH(lock)                                           \
  {                                                                    \
    .lock_ = (lock), .u_ = {.local = {.arrivals = COUNTERS_ARRIVALS} } \
  }

#endif
