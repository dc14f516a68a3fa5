/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_DEADLINE_H
#define CONDVAR_DEADLINE_H

/* Deadlines: nanoseconds on the monotonic clock. COND_FOREVER never passes. DEADLINE_PASSED has always passed. No
   clock is read for the two, except with -Os. */

#include <stdbool.h>
#include <stdint.h>
#include "condvar.h"
#include "internal.h"
#include "port.h"
#include "tuning.h"

#define DEADLINE_PASSED INT64_MIN

/* now_ns + timeout_ns, or COND_FOREVER if the sum overflows. */
static inline int64_t deadline_add(int64_t now_ns, int64_t timeout_ns)
{
    int64_t sum_ns = (int64_t)((uint64_t)now_ns + (uint64_t)timeout_ns);
    bool overflows = (sum_ns & ~(now_ns | timeout_ns)) < 0; /* negative, and the two are not */
    return overflows || timeout_ns == COND_FOREVER ? COND_FOREVER : sum_ns;
}

/* The deadline timeout_ns after now_ns. */
static inline int64_t deadline_from(int64_t now_ns, int64_t timeout_ns)
{
    return timeout_ns <= 0 ? DEADLINE_PASSED : deadline_add(now_ns, timeout_ns);
}

/* The deadline timeout_ns from now. The clock is read only if needed, or if the code has to be small. A clock with a
   coarse tick shows the beginning of the tick, so a tick is added. */
static NOINLINE int64_t deadline_after(int64_t timeout_ns)
{
    if (OPTIMIZE_SIZE)
        return timeout_ns <= 0 ? DEADLINE_PASSED : cond_deadline(timeout_ns);
    bool known = timeout_ns <= 0 || timeout_ns == COND_FOREVER;
    return deadline_from(known ? 0 : port_now() + TUNING_CLOCK_TICK_NS, timeout_ns);
}

static INLINE_IF_FAST bool deadline_passed(int64_t deadline_ns)
{
    if (!OPTIMIZE_SIZE && (deadline_ns == DEADLINE_PASSED || deadline_ns == COND_FOREVER))
        return deadline_ns == DEADLINE_PASSED;
    return port_now() >= deadline_ns;
}

#endif
