/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_TIMESPEC_H
#define CONDVAR_TIMESPEC_H

/* Conversions between nanoseconds and struct timespec. */

#include <stdint.h>
#include <time.h>

/* `ns` is not negative. If a 32-bit time_t cannot hold it, the result is the last second that it can hold. A deadline
   is then early, and the caller checks the clock again. */
static inline struct timespec timespec_of(int64_t ns)
{
    int64_t s = ns / 1000000000;
    if (sizeof(time_t) < sizeof s && s > INT32_MAX)
        s = INT32_MAX;
    return (struct timespec){.tv_sec = (time_t)s, .tv_nsec = (long)(ns % 1000000000)};
}

static inline int64_t timespec_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

#endif
