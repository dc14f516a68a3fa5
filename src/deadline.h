/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_DEADLINE_H
#define CONDVAR_DEADLINE_H

/*
 * Deadlines: nanoseconds on the monotonic clock. COND_FOREVER never passes; DEADLINE_PASSED has, without
 * a look at the clock.
 */

#include <stdbool.h>
#include <stdint.h>
#include "condvar.h"
#include "internal.h"
#include "port.h"
#include "tuning.h"

#define DEADLINE_PASSED INT64_MIN

/* The deadline timeout_ns after now_ns. What lies too far ahead is COND_FOREVER. */
static inline int64_t deadline_from(int64_t now_ns, int64_t timeout_ns)
{
    if (timeout_ns <= 0)
        return DEADLINE_PASSED;
    if (now_ns > 0 && timeout_ns >= COND_FOREVER - now_ns)
        return COND_FOREVER;
    return timeout_ns == COND_FOREVER ? COND_FOREVER : now_ns + timeout_ns;
}

/* The deadline timeout_ns from now, with a look at the clock only if it matters. A clock that ticks shows the beginning
   of its tick, so now may be later than it shows, by up to a tick. */
static OUTLINE int64_t deadline_after(int64_t timeout_ns)
{
    bool known = timeout_ns <= 0 || timeout_ns == COND_FOREVER;
    return deadline_from(known ? 0 : port_now() + TUNING_CLOCK_TICK_NS, timeout_ns);
}

static INLINE_IF_FAST bool deadline_passed(int64_t deadline_ns)
{
    if (deadline_ns == DEADLINE_PASSED || deadline_ns == COND_FOREVER)
        return deadline_ns == DEADLINE_PASSED;
    return port_now() >= deadline_ns;
}

#endif
