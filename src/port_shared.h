/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_PORT_SHARED_H
#define CONDVAR_PORT_SHARED_H

/*
 * What COND_SHARED needs of a system, in addition to port.h: sleeping on a word in shared memory, and a robust mutex in
 * shared memory, which reports to its next holder that the last one died. Systems without them use port/no_shared.c:
 * its robust_init() returns ENOTSUP, and the other functions are not called. One process may map the same memory twice,
 * at different addresses.
 */

#include <stdbool.h>
#include <stdint.h>
#include "internal.h"

/* Initialise the mutex. ENOTSUP, or another error of the system. `mutex` is cond_lock_t.u_.robust. */
INTERNAL int robust_init(void *mutex);

/* A thread that is in robust_acquire(), or about to call it, may still acquire the mutex. It then releases the
   mutex. */
INTERNAL void robust_destroy(void *mutex);

/* EOWNERDEAD: held, and usable again. EDEADLK: the caller holds it. ETIMEDOUT. If another thread is killed while it
   sleeps here, no caller hangs. */
INTERNAL int robust_acquire(void *mutex, int64_t deadline_ns);

/* EPERM: the caller does not hold it. */
INTERNAL int robust_release(void *mutex);

/* As port_wait() and port_wake(), between processes. port_wake_shared() returns how many threads it has woken. */
INTERNAL void port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns);
INTERNAL uint32_t port_wake_shared(const uint32_t *word, uint32_t count);

/* The number of this process, never 0. No two living processes have the same number, nor do a parent and a forked
   child. Called for private conditions too, to detect that two processes use the same one. port/no_process.c is for
   systems without processes. */
INTERNAL uint32_t port_process(void);

#endif
