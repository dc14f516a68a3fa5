/* SPDX-License-Identifier: MIT */
/* The port to Linux: futexes, as man 2 futex has them. Private ones: the words are one process's. */
#define _GNU_SOURCE
#include "../port.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "condvar.h"

/* FUTEX_WAIT_BITSET takes the deadline itself, on the monotonic clock; FUTEX_WAIT would take a timeout and
   prolong it with each signal. */
void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    int saved = errno;
    struct timespec until;
    struct timespec *limit = NULL;
    if (deadline_ns != COND_FOREVER) {
        if (deadline_ns < 0)
            deadline_ns = 0;
        until.tv_sec = (time_t)(deadline_ns / 1000000000);
        until.tv_nsec = (long)(deadline_ns % 1000000000);
        limit = &until;
    }
    (void)syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, limit, NULL,
                  FUTEX_BITSET_MATCH_ANY);
    errno = saved;
}

void port_wake(const uint32_t *word, uint32_t count)
{
    int saved = errno;
    (void)syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG,
                  count < INT_MAX ? (int)count : INT_MAX, NULL, NULL, 0);
    errno = saved;
}

int64_t port_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The thread control block's address: of the forking thread, the child's thread keeps it. */
uintptr_t port_self(void)
{
    return (uintptr_t)pthread_self();
}
