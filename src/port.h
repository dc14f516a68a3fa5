/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_PORT_H
#define CONDVAR_PORT_H

/*
 * What the library needs of a system: four functions, and a fifth one for tasks. One file in port/ defines them. They
 * deal with words, time and threads only. None of them may change errno, as the caller sees it.
 */

#include <stdint.h>
#include "internal.h"

/*
 * Sleep while *word == expected, until port_wake() on the same word, or until the monotonic clock reaches deadline_ns
 * (COND_FOREVER: no deadline). For port_wake(), the comparison and the sleep are one step. The function may return
 * early for any reason: callers check their word and the clock again.
 */
INTERNAL void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns);

/*
 * Wake up to `count` threads that sleep on the word: those that have slept longest, if the system can do that. The
 * word is used as an address only. Its memory may be in other use, or freed.
 */
INTERNAL void port_wake(const uint32_t *word, uint32_t count);

/* The monotonic clock, in nanoseconds. */
INTERNAL int64_t port_now(void);

/* An even number of the calling thread, never 0, for example the address of its control block. No two living threads
   have the same number. A thread keeps its number, also in the child of a fork. */
INTERNAL uintptr_t port_self(void);

/* The address of a pointer that each thread has for itself, NULL at first. Needed for tasks only. */
INTERNAL void **port_local(void);

#endif
