/* SPDX-License-Identifier: MIT */
#ifndef COUNTERS_H
#define COUNTERS_H

/*
 * Each condition that is made has counters that are about to wrap. For counters.c, and to be included before
 * a stress program (-include).
 *
 * The counters of the library:
 *
 *      arrivals, of private conditions         64 bits: begun where 32 end
 *      arrivals, free_below, notified_below    32 bits, of shared ones: tickets, compared by their distance
 *      sequence                                32 bits, of shared ones; the lowest bit is no part of it
 *      recoveries                              6 bits, of shared ones and their lock
 *
 * All others count what is there now, not what has been.
 */
#include "condvar.h"

static inline int counters_near_their_end(cond_t *cond, cond_lock_t *lock, unsigned flags)
{
    const uint32_t nearly = UINT32_MAX - 3;
    int error = cond_init(cond, lock, flags);
    if (error != 0)
        return error;
    if (flags & COND_SHARED) {
        enum { RECOVERIES = 60, RECOVERY = 4 }; /* LOCK_RECOVERY, src/lock.h */
        struct cond_shared_queue_ *queue = &cond->u_.shared;
        queue->sequence = nearly;
        queue->arrivals = queue->free_below = queue->notified_below = nearly;
        queue->recoveries = RECOVERIES;
        cond->own_.flags_ = RECOVERIES * RECOVERY;
    } else {
        cond->u_.local.arrivals = nearly;
    }
    return 0;
}

#define cond_init(cond, lock, flags) counters_near_their_end(cond, lock, flags)

#endif
