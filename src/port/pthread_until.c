/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE /* pthread_mutex_clocklock */
#endif
#include "pthread_until.h"
#include <errno.h>
#include <time.h>
#include "../deadline.h"

static struct timespec timespec_of(int64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

#ifdef HAVE_PTHREAD_MUTEX_CLOCKLOCK
static int lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    struct timespec until = timespec_of(deadline_ns);
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
}
#else
/* Without it there is only a deadline on the wall clock, which may be set while we wait: so wait in short
   pieces, after each of which the caller looks at the monotonic clock. */
static int lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    struct timespec until;
    int64_t left = deadline_ns - port_now();
    left = left < 0 ? 0 : left < COND_MS(50) ? left : COND_MS(50);
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until = timespec_of((int64_t)until.tv_sec * 1000000000 + until.tv_nsec + left);
    return pthread_mutex_timedlock(mutex, &until);
}
#endif

int mutex_acquire_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    if (deadline_ns == COND_FOREVER)
        return pthread_mutex_lock(mutex);
    int error = pthread_mutex_trylock(mutex);
    if (error != EBUSY)
        return error;
    do
        error = lock_until(mutex, deadline_ns > 0 ? deadline_ns : 0);
    while (error == ETIMEDOUT && !deadline_passed(deadline_ns));
    return error;
}
