/* SPDX-License-Identifier: MIT */
/*
 * To be included before everything else (-include): Linux with glibc looks as macOS does to the port to POSIX,
 * as far as that port knows of macOS. No deadlines on the monotonic clock, but timeouts; and for a mutex neither.
 */
#ifndef AS_MACOS_H
#define AS_MACOS_H

#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define __APPLE__ 1
#undef HAVE_PTHREAD_MUTEX_CLOCKLOCK

static inline int pthread_cond_timedwait_relative_np(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                                     const struct timespec *timeout)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + timeout->tv_nsec;
    until.tv_sec += timeout->tv_sec + (time_t)(ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &until);
}

/* What is not there must not be called. */
#pragma GCC poison pthread_condattr_setclock pthread_mutex_timedlock pthread_mutex_clocklock

#endif
