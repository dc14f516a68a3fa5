/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_PTHREAD_UNTIL_H
#define CONDVAR_PTHREAD_UNTIL_H

/* Lock a pthread mutex until a deadline on the monotonic clock, which POSIX has only since 2024. */

#include <pthread.h>
#include <stdint.h>
#include "../internal.h"

/* What pthread_mutex_lock() returns, or ETIMEDOUT; with a deadline that has passed: after one try. A mutex
   that tells its owner answers EDEADLK to it, however short the deadline. */
INTERNAL int until_acquire(pthread_mutex_t *mutex, int64_t deadline_ns);

#endif
