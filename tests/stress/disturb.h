/* SPDX-License-Identifier: MIT */
#ifndef STRESS_DISTURB_H
#define STRESS_DISTURB_H

/*
 * Preemption at the worst places, on Linux. Each thread that has called disturb_join() and does not rest gets
 *
 *      SIGNALS   signals from a timer of its own, every 100 us on average
 *      AIMED     the same, and a signal that interrupts the code under test sleeps there for up to 1 ms. So a window of
 *                one instruction is open for a thousand times as long as all other code takes
 *      PINNED    a random core, or the same core for all
 *
 * The code under test is a range of addresses: the shared library, or some functions of the C library. A thread that
 * sleeps in a system call is not in it.
 *
 * STOPPED: the parent process stops and continues this one, see disturb_by_parent().
 */

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <ucontext.h>
#include "quiet.h"
#include "shared_process.h"

#ifndef sigev_notify_thread_id
#  define sigev_notify_thread_id _sigev_un._tid /* glibc before 2.41 lacks the name */
#endif

enum disturbance { YIELDS = 1, SIGNALS = 2, AIMED = 4, PINNED = 8, STOPPED = 16, DISTURBANCES = 32 };

static const char *const disturbance_names[] = {"yields", "signals", "aimed", "pinned", "stopped"};

enum { DISTURB_SIGNAL = SIGUSR1, DISTURBED_MAX = 64 };
#define DISTURB_EVERY_NS COND_US(100)
#define DISTURB_NAP_NS COND_MS(1)

struct code {
    uintptr_t low, high; /* first address, and the one behind the last */
    const char *name;
};

struct disturbed {
    timer_t timer;
    pid_t thread;
    struct rng rng;      /* by its signal handler only, once the timer is armed */
    atomic_bool resting; /* by its owner: gets no signals */
};

static struct {
    struct code code;   /* fixed */
    atomic_uint kinds;  /* of enum disturbance */
    atomic_bool *stops; /* in memory shared with the parent: STOPPED is on */
    atomic_uint count;  /* of members */
    struct disturbed members[DISTURBED_MAX];
    atomic_ulong signals, naps;
    struct rng rng; /* of disturb_pin() */
} disturb;

static _Thread_local struct disturbed *disturbed_self;

/* ---- The code under test ---- */

static inline int disturb_find_text(struct dl_phdr_info *object, size_t size, void *arg)
{
    struct code *code = arg;
    (void)size;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        uintptr_t low = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
        uintptr_t high = low + object->dlpi_phdr[i].p_memsz;
        if (object->dlpi_phdr[i].p_type == PT_LOAD && low <= code->low && code->low < high) {
            *code = (struct code){low, high, object->dlpi_name};
            return 1;
        }
    }
    return 0;
}

static inline uintptr_t disturb_symbol(const char *name) { return (uintptr_t)dlsym(RTLD_DEFAULT, name); }

/* The mapping of the library, or of the program if the library is in it. */
static inline struct code code_of_library(void)
{
    struct code code = {disturb_symbol("cond_wait"), 0, ""};
    if (code.low == 0)
        code.low = (uintptr_t)cond_wait;
    CHECK(dl_iterate_phdr(disturb_find_text, &code) == 1, "cond_wait() is in no mapping");
    if (code.name[0] == '\0')
        code.name = "the program and the library in it";
    return code;
}

/* glibc's condition variables. Their functions lie side by side, and those of the attributes behind them; otherwise all
   of the C library counts. */
static inline struct code code_of_pthread_cond(void)
{
    struct code code = {disturb_symbol("pthread_cond_broadcast"), disturb_symbol("pthread_condattr_destroy"),
                        "pthread_cond_*()"};
    uintptr_t wait = disturb_symbol("pthread_cond_wait"), signal = disturb_symbol("pthread_cond_signal");
    if (code.low <= wait && code.low <= signal && wait < code.high && signal < code.high &&
        code.high - code.low < 65536)
        return code;
    code.low = wait;
    CHECK(dl_iterate_phdr(disturb_find_text, &code) == 1, "pthread_cond_wait() is in no mapping");
    return code;
}

/* The address at which a thread was interrupted, or 0 if it is not known. */
static inline uintptr_t disturb_address(const void *context)
{
    const mcontext_t *machine = &((const ucontext_t *)context)->uc_mcontext;
#if defined(__x86_64__)
    return (uintptr_t)machine->gregs[REG_RIP];
#elif defined(__i386__)
    return (uintptr_t)machine->gregs[REG_EIP];
#elif defined(__aarch64__)
    return (uintptr_t)machine->pc;
#else
    (void)machine;
    return 0;
#endif
}

/* ---- Timers ---- */

static inline void disturb_arm(struct disturbed *self, int64_t after_ns)
{
    struct itimerspec when = {.it_value = stress_timespec(after_ns)};
    (void)timer_settime(self->timer, 0, &when, NULL);
}

static inline void disturb_on_signal(int number, siginfo_t *info, void *context)
{
    struct disturbed *self = disturbed_self;
    unsigned kinds = atomic_load_explicit(&disturb.kinds, memory_order_relaxed);
    (void)number, (void)info;
    if (self == NULL || !(kinds & (SIGNALS | AIMED)) ||
        atomic_load_explicit(&self->resting, memory_order_relaxed))
        return;
    int saved = errno;
    uintptr_t address = disturb_address(context);
    (void)atomic_fetch_add_explicit(&disturb.signals, 1, memory_order_relaxed);
    if ((kinds & AIMED) && disturb.code.low <= address && address < disturb.code.high) {
        struct timespec nap = stress_timespec(rng_between(&self->rng, 0, DISTURB_NAP_NS));
        (void)atomic_fetch_add_explicit(&disturb.naps, 1, memory_order_relaxed);
        (void)nanosleep(&nap, NULL);
    }
    disturb_arm(self, rng_between(&self->rng, 1, 2 * DISTURB_EVERY_NS));
    errno = saved;
}

/* By the main thread, before it starts others. */
static inline void disturb_begin(struct code code)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = disturb_on_signal;
    action.sa_flags = SA_SIGINFO; /* and no SA_RESTART */
    CHECK_EQ(sigaction(DISTURB_SIGNAL, &action, NULL), 0);
    disturb.code = code;
    disturb.rng = rng_make(UINT64_C(0xD157));
}

/* By each thread that is to be disturbed, once; it must not end. It rests until disturb_work(). */
static inline void disturb_join(void)
{
    unsigned number = atomic_load(&disturb.count);
    do
        CHECK(number < DISTURBED_MAX, "too many threads");
    while (!atomic_compare_exchange_weak(&disturb.count, &number, number + 1));
    struct disturbed *self = &disturb.members[number];
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = DISTURB_SIGNAL;
    self->thread = event.sigev_notify_thread_id = quiet_thread();
    self->rng = rng_make(number + 1000);
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &self->timer), 0);
    atomic_store(&self->resting, true);
    disturbed_self = self;
}

/* By a member. */
static inline void disturb_rest(void)
{
    atomic_store_explicit(&disturbed_self->resting, true, memory_order_relaxed);
}

static inline void disturb_work(void)
{
    atomic_store_explicit(&disturbed_self->resting, false, memory_order_relaxed);
    disturb_arm(disturbed_self, DISTURB_EVERY_NS);
}

/* ---- Cores ---- */

/* One of these cores, or all. */
static inline cpu_set_t disturb_cores(const cpu_set_t *all)
{
    cpu_set_t cores = *all;
    if (rng_chance(&disturb.rng, 20))
        return cores;
    int64_t left = rng_between(&disturb.rng, 1, CPU_COUNT(all));
    CPU_ZERO(&cores);
    for (size_t core = 0; core < CPU_SETSIZE && left > 0; core++)
        if (CPU_ISSET(core, all) && --left == 0)
            CPU_SET(core, &cores);
    return cores;
}

/* By the main thread, now and then: pin one member, or all. */
static inline void disturb_pin(const cpu_set_t *all)
{
    if (!(atomic_load(&disturb.kinds) & PINNED))
        return;
    cpu_set_t cores = disturb_cores(all);
    unsigned count = atomic_load(&disturb.count);
    unsigned victim = (unsigned)rng_between(&disturb.rng, 0, 2 * (int64_t)count);
    for (unsigned i = 0; i < count; i++)
        if (victim >= count || victim == i)
            (void)sched_setaffinity(disturb.members[i].thread, sizeof cores, &cores);
}

/* ---- The parent ---- */

/* Returns in a child process. The parent stops the child now and then, and exits with its status. Caller must have no
   other threads. */
static inline void disturb_by_parent(void)
{
    disturb.stops = share_memory(sizeof *disturb.stops);
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0, "cannot fork: %s", strerror(errno));
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        return;
    }
    struct rng rng = rng_make(UINT64_C(0x5709));
    int status;
    pid_t ended;
    while ((ended = waitpid(child, &status, WNOHANG)) == 0) {
        nap(rng_between(&rng, COND_US(100), COND_MS(10)));
        if (!atomic_load(disturb.stops))
            continue;
        CHECK_EQ(kill(child, SIGSTOP), 0);
        nap(rng_between(&rng, COND_US(10), COND_MS(2)));
        CHECK_EQ(kill(child, SIGCONT), 0);
    }
    CHECK_EQ(ended, child);
    if (WIFSIGNALED(status))
        fprintf(stderr, "ended by signal %d\n", WTERMSIG(status));
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* ---- All together ---- */

/* By the main thread, while all members rest. */
static inline void disturb_on(unsigned kinds)
{
    atomic_store(&disturb.kinds, kinds);
    if (disturb.stops != NULL)
        atomic_store(disturb.stops, (kinds & STOPPED) != 0);
}

/* A member may still nap for a millisecond. */
static inline void disturb_off(void) { disturb_on(0); }

/* Yields now and then. */
static inline void disturb_yield(struct rng *rng)
{
    if ((atomic_load_explicit(&disturb.kinds, memory_order_relaxed) & YIELDS) && rng_chance(rng, 20))
        stress_yield();
}

#endif
