/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_TIMESPEC_H
#define CONDVAR_TIMESPEC_H

/* Times as POSIX has them. */

#include <stdint.h>
#include <time.h>

/* Of a time that is not negative. What a 32-bit time_t cannot hold becomes the last second that it can: for a deadline that
   is early, and the caller looks at the clock again. */
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
