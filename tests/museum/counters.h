/* SPDX-License-Identifier: MIT */
#ifndef COUNTERS_H
#define COUNTERS_H

/*
 * Each condition that is made has counters that are about to wrap. For counters.c, and to be included before
 * another test (-include): a stress program, tests/unit/test_shared.c, tests/property/shared_orders.c.
 *
 * The counters of the library:
 *
 *      arrivals, of private conditions         64 bits: begun where 32 end
 *      arrivals, free_below, notified_below    32 bits, of shared ones: tickets, compared by their distance
 *      laps                                    16 bits, of shared ones: how often their arrivals began anew
 *      sequence                                32 bits, of shared ones; the lowest bit is no part of it
 *      recoveries                              16 bits, of shared ones and their lock
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
    if (cond->state_ != 0) { /* COND_ALIVE, src/object.h: a private one */
        struct cond_shared_queue_ *queue = &cond->u_.shared;
        queue->sequence = nearly;
        queue->arrivals = queue->free_below = queue->notified_below = nearly;
        queue->laps = UINT16_MAX;
        cond_lock_t *its_lock = cond_get_lock(cond);
        if (its_lock->spin_ == 0) /* recoveries of a shared lock */
            its_lock->spin_ = UINT16_MAX - 1;
        queue->recoveries = its_lock->spin_;
    } else {
        cond->u_.local.arrivals = nearly;
    }
    return 0;
}

#define cond_init(cond, lock, flags) counters_near_their_end(cond, lock, flags)

#endif
