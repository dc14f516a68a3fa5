/* SPDX-License-Identifier: MIT */
/* The port to Linux: futexes, as man 2 futex has them. */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include "../port.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "../port_shared.h"
#include "condvar.h"

/* Between the threads of one process, or between processes: the kernel then finds the word by its page. */
enum { ONE_PROCESS = FUTEX_PRIVATE_FLAG, PROCESSES = 0 };

/* FUTEX_WAIT_BITSET takes the deadline itself, on the monotonic clock; FUTEX_WAIT would take a timeout and
   prolong it with each signal. */
static void futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns, int scope)
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
    (void)syscall(SYS_futex, word, FUTEX_WAIT_BITSET | scope, expected, limit, NULL,
                  FUTEX_BITSET_MATCH_ANY);
    errno = saved;
}

static uint32_t futex_wake(const uint32_t *word, uint32_t count, int scope)
{
    int saved = errno;
    long woken = syscall(SYS_futex, word, FUTEX_WAKE | scope, count < INT_MAX ? (int)count : INT_MAX, NULL,
                         NULL, 0);
    errno = saved;
    return woken > 0 ? (uint32_t)woken : 0;
}

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    futex_wait(word, expected, deadline_ns, ONE_PROCESS);
}

void port_wake(const uint32_t *word, uint32_t count)
{
    (void)futex_wake(word, count, ONE_PROCESS);
}

void port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    futex_wait(word, expected, deadline_ns, PROCESSES);
}

uint32_t port_wake_shared(const uint32_t *word, uint32_t count)
{
    return futex_wake(word, count, PROCESSES);
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

#ifndef CONDVAR_NO_TASKS
void **port_local(void)
{
    static _Thread_local void *place;
    return &place;
}
#endif

/* The process's number, kept where the kernel clears it in a forked child, since asking for it is a system
   call. Where the kernel cannot do that (before 4.14, or with larger pages) it is asked each time. */
uint32_t port_process(void)
{
    static struct {
        _Alignas(4096) _Atomic uint32_t number;
    } page;
    int saved = errno;
    uint32_t number = atomic_load_explicit(&page.number, memory_order_relaxed);
    if (number == 0) {
        number = (uint32_t)getpid();
        if (madvise(&page, sizeof page, MADV_WIPEONFORK) == 0)
            atomic_store_explicit(&page.number, number, memory_order_relaxed);
        errno = saved;
    }
    return number;
}
