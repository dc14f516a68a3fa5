/* SPDX-License-Identifier: MIT */
#ifndef STEP_H
#define STEP_H

/*
 * Preemption at each instruction: a thread runs in single steps, by the processor's trap flag, and stops before a
 * chosen instruction while other threads run. If each instruction is chosen once, the test covers everything that can
 * happen between two instructions of this thread. Only x86-64: STEP_HERE says so.
 *
 * Only one thread at a time may step.
 */

#include <signal.h>
#include <ucontext.h>
#include "case.h"

#if defined(__x86_64__) && defined(__linux__)
#  define STEP_HERE 1
#else
#  define STEP_HERE 0
#endif

static struct {
    bool from_timeout;  /* count from the end of a sleep that timed out */
    atomic_int counts;  /* whether instructions are counted */
    atomic_int held_up; /* whether the thread is stopped, or was */
    atomic_int may_go;  /* continues it */
    int at;             /* the number of the instruction */
    int seen;
    int64_t longest_ns; /* at most so long */
} step;

/* More instructions than any wait here has. */
enum { STEP_LIMIT = 100000 };

/* Whether a system call has just returned ETIMEDOUT. The first trap after it comes one instruction late. */
static inline bool step_timed_out(const void *context)
{
#if STEP_HERE
    static bool calls;
    const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *next = (const uint8_t *)(uintptr_t)registers[REG_RIP];
    bool called = calls;
    calls = next[0] == 0x0F && next[1] == 0x05;
    return called && registers[REG_RAX] == -ETIMEDOUT;
#else
    (void)context;
    return false;
#endif
}

static inline void step_trapped(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    if (step.from_timeout && step_timed_out(context))
        atomic_store(&step.counts, 1);
    if (atomic_load(&step.counts) == 0 || step.seen++ != step.at)
        return;
    int saved = errno;
    int64_t end_ns = cond_now() + step.longest_ns;
    atomic_store(&step.held_up, 1);
    while (atomic_load(&step.may_go) == 0 && cond_now() < end_ns)
        pause_ns(COND_US(20));
    errno = saved;
}

/* Call it before the thread begins. The thread stops before instruction `at`. */
static inline void step_prepare(int at, int64_t longest_ns)
{
    struct sigaction action = {.sa_sigaction = step_trapped, .sa_flags = SA_SIGINFO};
    REQUIRE(sigaction(SIGTRAP, &action, NULL) == 0);
    REQUIRE(at < STEP_LIMIT);
    step.from_timeout = false;
    step.at = at;
    step.seen = 0;
    step.longest_ns = longest_ns;
    atomic_store(&step.counts, 0);
    atomic_store(&step.held_up, 0);
    atomic_store(&step.may_go, 0);
}

static inline void step_begin(void)
{
#if STEP_HERE
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
#endif
}

static inline void step_end(void)
{
#if STEP_HERE
    __asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
#endif
}

#endif
