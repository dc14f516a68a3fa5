/* SPDX-License-Identifier: MIT */
/*
 * To be included before everything else (-include): a system without pthread_mutex_clocklock(), as musl and glibc
 * before 2.30 are, and with a wall clock and a pthread_mutex_timedlock() of the test (tests/stress/no_clocklock.c).
 */
#ifndef NO_CLOCKLOCK_H
#define NO_CLOCKLOCK_H

#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

/* How glibc and the build tell that it is there. */
#undef __GLIBC_PREREQ
#undef HAVE_PTHREAD_MUTEX_CLOCKLOCK

int fake_clock_gettime(clockid_t clock, struct timespec *now);
int fake_timedlock(pthread_mutex_t *mutex, const struct timespec *until);

#define clock_gettime fake_clock_gettime
#define pthread_mutex_timedlock fake_timedlock

/* What is not there must not be called. */
#pragma GCC poison pthread_mutex_clocklock

#endif
