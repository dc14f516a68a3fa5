/* SPDX-License-Identifier: MIT */
/*
 * To be included before everything else (-include): a system without pthread_mutex_clocklock(), as musl and glibc
 * before 2.30 are, and with a wall clock and a pthread_mutex_timedlock() of the test (tests/stress/no_clocklock.c).
 *
 * With CLOCKLOCK_REFUSES the function exists and returns EINVAL, as glibc's does for a mutex with PTHREAD_PRIO_INHERIT
 * before Linux 5.14.
 */
#ifndef NO_CLOCKLOCK_H
#define NO_CLOCKLOCK_H

#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

/* How glibc and the build tell that it is there. */
#undef __GLIBC_PREREQ
#undef HAVE_PTHREAD_MUTEX_CLOCKLOCK
#ifdef CLOCKLOCK_REFUSES
#  define HAVE_PTHREAD_MUTEX_CLOCKLOCK
#endif

int fake_clock_gettime(clockid_t clock, struct timespec *now);
int fake_timedlock(pthread_mutex_t *mutex, const struct timespec *until);

#define clock_gettime fake_clock_gettime
#define pthread_mutex_timedlock fake_timedlock

#ifdef CLOCKLOCK_REFUSES
int fake_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until);
#  define pthread_mutex_clocklock fake_clocklock
#else
/* What is not there must not be called. */
#  pragma GCC poison pthread_mutex_clocklock
#endif

#endif
