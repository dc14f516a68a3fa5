/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_PORT_H
#define CONDVAR_PORT_H

/*
 * What the library needs of a system: four functions, and a fifth for tasks, implemented by one file in
 * port/. They know words, time and threads, and nothing of conditions. None of them may touch errno, as seen
 * by the caller.
 */

#include <stdint.h>
#include "internal.h"

/*
 * Sleep while *word == expected, until port_wake() on the same word, or until the monotonic clock reaches
 * deadline_ns (COND_FOREVER: no limit). Comparing and falling asleep are one step, as seen by port_wake().
 * It may return early for any reason: callers look at their word and at the clock themselves.
 */
INTERNAL void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns);

/*
 * Wake up to `count` threads that sleep on word, those that have slept longest first if the system can.
 * The word is used as an address only: its memory may be in other use, or gone.
 */
INTERNAL void port_wake(const uint32_t *word, uint32_t count);

/* The monotonic clock, in nanoseconds. */
INTERNAL int64_t port_now(void);

/* An even number other than 0 that no two living threads share, and that a thread keeps: its control block's
   address, say. In the child of a fork the forking thread keeps its number. */
INTERNAL uintptr_t port_self(void);

/* A place for a pointer, NULL at first, of which each thread has one for itself. Only for tasks. */
INTERNAL void **port_local(void);

#endif
