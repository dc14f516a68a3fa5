/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_PORT_SHARED_H
#define CONDVAR_PORT_SHARED_H

/*
 * What COND_SHARED needs of a system, on top of port.h: a robust mutex in shared memory, which tells its
 * next holder that the last one died, and sleeping on a word in shared memory. A system that lacks either
 * links port/no_shared.c, where robust_init() answers ENOTSUP and nothing else is ever called.
 * The same memory may be mapped at different addresses, in one process too.
 */

#include <stdbool.h>
#include <stdint.h>
#include "internal.h"

/* 0, ENOTSUP, or another error of the system. `mutex` is cond_lock_t.u_.robust. */
INTERNAL int robust_init(void *mutex);

/* Nobody is to use it any more. But whoever is in robust_acquire() may still get it, and releases it. */
INTERNAL void robust_destroy(void *mutex);

/* 0; EOWNERDEAD: held, and already fit for use again; EDEADLK: the caller has it; ETIMEDOUT. Nobody hangs here
   because another who sleeps here was killed, at whatever moment. */
INTERNAL int robust_acquire(void *mutex, int64_t deadline_ns);

/* 0, EPERM: the caller does not have it. */
INTERNAL int robust_release(void *mutex);

/* As port_wait() and port_wake(), between processes. The latter returns how many it has woken. */
INTERNAL void port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns);
INTERNAL uint32_t port_wake_shared(const uint32_t *word, uint32_t count);

/* A number other than 0 that no two living processes share; a forked child has another than its parent.
   This one is called for private conditions too, to find out that they are used by two processes. Where there
   are no processes, port/no_process.c has it. */
INTERNAL uint32_t port_process(void);

#endif
