/* SPDX-License-Identifier: MIT */
/*
 * A custom port that is as bad as port.h allows, and worse: port_wait() returns early for ever, and port_wake()
 * wakes nobody. The library has to work on it, if slowly. Not to be copied; docs/porting.md tells of good ones.
 *
 *      meson setup build -Dport=custom -Dport_sources=tests/cross/spinning_port.c
 */
#define _POSIX_C_SOURCE 200809L
#include <sched.h>
#include <stdint.h>
#include <time.h>
#include "port.h"

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    (void)word, (void)expected, (void)deadline_ns;
    (void)sched_yield();
}

void port_wake(const uint32_t *word, uint32_t count) { (void)word, (void)count; }

int64_t port_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static _Thread_local void *place;

uintptr_t port_self(void) { return (uintptr_t)&place; }

#ifndef CONDVAR_NO_TASKS
void **port_local(void) { return &place; }
#endif
