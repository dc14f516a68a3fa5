/* SPDX-License-Identifier: MIT */
/*
 * The port to Linux, by futexes (man 2 futex). 64-bit systems have one system call, SYS_futex. 32-bit systems have a
 * second one since Linux 5.1, SYS_futex_time64, for deadlines beyond 2^31 seconds. The newest ones (riscv32) have only
 * that.
 */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include "../port.h"
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "../port_shared.h"
#include "condvar.h"
#include "timespec.h"

/* The kernel's numbers, which never change. Not all systems have the header <linux/futex.h> (musl). */
enum { FUTEX_OP_WAKE = 1, FUTEX_OP_WAIT_BITSET = 9, FUTEX_OP_PRIVATE = 128 };

/* Who may use the word: the threads of one process, or several processes. */
enum { FUTEX_ONE_PROCESS = FUTEX_OP_PRIVATE, FUTEX_PROCESSES = 0 };

#ifndef SYS_futex
#  define SYS_futex SYS_futex_time64
#endif

/* The type of a time in SYS_futex, whatever the C library's time_t is. */
#if defined(__x86_64__) /* x32 too */
typedef int64_t futex_long;
#else
typedef long futex_long;
#endif

/* FUTEX_WAIT_BITSET takes a deadline on the monotonic clock. (FUTEX_WAIT takes a timeout, which would start again
   after each signal.) NULL: no deadline. */
static long futex_sleep(long call, const uint32_t *word, uint32_t expected, const void *deadline, int scope)
{
    const uint32_t any = UINT32_MAX;
    return syscall(call, word, FUTEX_OP_WAIT_BITSET | scope, expected, deadline, NULL, any);
}

/* Sleep until the deadline. Sleep less long if the deadline does not fit into the kernel's type. */
static void futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns, int scope)
{
    int saved = errno;
    bool limited = deadline_ns != COND_FOREVER; /* M:linux-deadline */
    int64_t s = deadline_ns > 0 ? deadline_ns / 1000000000 : 0;
    long ns = deadline_ns > 0 ? (long)(deadline_ns % 1000000000) : 0;
    bool done = false;
#ifdef SYS_futex_time64
    struct {
        int64_t s, ns;
    } until64 = {s, ns};
    /* An older kernel does not have this call (ENOSYS). Some sandboxes forbid it (EPERM). */
    done = futex_sleep(SYS_futex_time64, word, expected, limited ? &until64 : NULL, scope) == 0 ||
           (errno != ENOSYS && errno != EPERM);
#endif
    const int64_t max_s = sizeof(futex_long) < sizeof s ? INT32_MAX : INT64_MAX;
    struct {
        futex_long s, ns;
    } until = {(futex_long)(s < max_s ? s : max_s), ns};
    if (!done)
        (void)futex_sleep(SYS_futex, word, expected, limited ? &until : NULL, scope);
    errno = saved; /* M:linux-errno */
}

/* (A wake-up has no deadline, so SYS_futex suffices on 32-bit systems, too.) */
static uint32_t futex_wake(const uint32_t *word, uint32_t count, int scope)
{
    int saved = errno;
    long woken = syscall(SYS_futex, word, FUTEX_OP_WAKE | scope, count < INT_MAX ? (int)count : INT_MAX, NULL, NULL, 0);
    errno = saved;
    return woken > 0 ? (uint32_t)woken : 0;
}

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    futex_wait(word, expected, deadline_ns, FUTEX_ONE_PROCESS);
}

NOINLINE_IF_FAST void port_wake(const uint32_t *word, uint32_t count)
{
    (void)futex_wake(word, count, FUTEX_ONE_PROCESS);
}

void port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    futex_wait(word, expected, deadline_ns, FUTEX_PROCESSES);
}

uint32_t port_wake_shared(const uint32_t *word, uint32_t count)
{
    return futex_wake(word, count, FUTEX_PROCESSES);
}

NOINLINE_IF_FAST int64_t port_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return timespec_ns(now); /* M:linux-clock */
}

/* The address of the thread control block. The child of a fork keeps that of the forking thread. On x86-64 the block
   begins with its own address, by the ABI (Drepper, "ELF Handling For Thread-Local Storage", 3.4.6). On AArch64 a
   register has it. So no call is needed. */
uintptr_t port_self(void)
{
#if defined(__x86_64__) && defined(__LP64__) && defined(__GNUC__)
    uintptr_t self;
    __asm__("movq %%fs:0, %0" : "=r"(self));
    return self;
#elif defined(__aarch64__) && defined(__GNUC__)
    return (uintptr_t)__builtin_thread_pointer();
#else
    return (uintptr_t)pthread_self();
#endif
}

/* With glibc, the variable is at a fixed distance from the thread control block, so no call is needed to find it.
   glibc reserves a few bytes there for libraries that are loaded by dlopen(). musl reserves none, so dlopen() could not
   load the library with a variable there. With musl a call finds the variable, which dlopen() and pthread_create()
   allocate. */
void **port_local(void)
{
#if defined(__GNUC__) && defined(__GLIBC__)
    __attribute__((tls_model("initial-exec")))
#endif
    static _Thread_local void *place;
    return &place;
}

/* getpid() is a system call, so its result is kept in a page that the kernel clears in a forked child. In three cases
   the result is not kept:
   - The kernel cannot clear the page (before Linux 4.14).
   - madvise() accepts any advice, as in QEMU when it runs programs for other processors.
   - Pages are larger than this object. The kernel clears whole pages, and would clear what follows the object. */
uint32_t port_process(void)
{
    static struct {
        _Alignas(4096) _Atomic uint32_t number;
    } page;
    uint32_t number = atomic_load_explicit(&page.number, memory_order_relaxed);
    if (number == 0) {
        int saved = errno;
        number = (uint32_t)getpid();
        bool fits = sysconf(_SC_PAGESIZE) == (long)sizeof page; /* M:linux-page */
        if (fits && madvise(&page, sizeof page, -1) != 0 && madvise(&page, sizeof page, MADV_WIPEONFORK) == 0)
            atomic_store_explicit(&page.number, number, memory_order_relaxed);
        errno = saved;
    }
    return number;
}
