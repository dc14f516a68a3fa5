/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_PTHREAD_UNTIL_H
#define CONDVAR_PTHREAD_UNTIL_H

/* Lock a pthread mutex until a deadline on the monotonic clock, which POSIX has only since 2024. */

#include <pthread.h>
#include <stdint.h>
#include "../internal.h"

/* The result of pthread_mutex_lock(), or ETIMEDOUT. One try if the deadline has passed. EDEADLK: the mutex is of the
   errorcheck type, and the caller holds it. */
INTERNAL int until_acquire(pthread_mutex_t *mutex, int64_t deadline_ns);

#endif
