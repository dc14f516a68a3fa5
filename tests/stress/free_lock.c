/* SPDX-License-Identifier: MIT */
/*
 * A free lock that no thread may acquire. Threads of three priorities share one core (SCHED_FIFO):
 *
 *      low         waits for the lock, for longer than the starvation threshold, so the lock is reserved for it
 *      middle      computes: `low` gets no core
 *      high        wants the lock, which is free
 *
 * The lock may be reserved for `low` for about the starvation threshold, a millisecond. Then `high` must get it: the
 * program fails after LIMIT_NS. A lock that stays reserved keeps `high` waiting until `middle` ends.
 *
 * The same with notified waiters is measured and not judged: `low` and `high` wait on a condition, both are notified,
 * `low` first, and the release wakes `low`, which gets no core. No thread holds the lock, so none wakes `high`
 * (docs/design.md).
 *
 * The status is 77 if the system refuses SCHED_FIFO. `middle` computes for less time than the kernel leaves to such
 * threads before it throttles them (/proc/sys/kernel/sched_rt_runtime_us, 950 ms of each second).
 */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include "stress.h"

#define COMPUTE_NS COND_MS(300)
#define LIMIT_NS COND_MS(20)
#define PAUSE_NS COND_MS(300) /* until the kernel's accounting of `middle` is over */

enum priority { LOW = 1, MIDDLE, HIGH, MAIN };

struct test {
    cond_t cond;
    int core;
    bool waiters; /* fixed: `low` and `high` are notified */
    atomic_bool low_got, high_got;
    atomic_bool computes, free; /* `middle` computes; the lock has been released */
    int64_t high_ns;        /* how long `high` waited */
};

/* Of the calling thread. False if the system refuses it. */
static bool set_core_and_priority(int core, enum priority priority)
{
    struct sched_param param = {.sched_priority = sched_get_priority_min(SCHED_FIFO) + (int)priority - 1};
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET((size_t)core, &cores);
    return pthread_setaffinity_np(pthread_self(), sizeof cores, &cores) == 0 &&
           pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) == 0;
}

static void *run_low(void *arg)
{
    struct test *test = arg;
    CHECK(set_core_and_priority(test->core, LOW), "%s", "refused, but allowed before");
    CHECK_OK(cond_acquire(&test->cond));
    if (test->waiters)
        CHECK_OK(cond_wait(&test->cond, COND_FOREVER));
    atomic_store(&test->low_got, true);
    CHECK_OK(cond_release(&test->cond));
    return NULL;
}

static void *run_middle(void *arg)
{
    struct test *test = arg;
    CHECK(set_core_and_priority(test->core, MIDDLE), "%s", "refused, but allowed before");
    atomic_store(&test->computes, true);
    for (int64_t end_ns = cond_now() + COMPUTE_NS; cond_now() < end_ns && !atomic_load(&test->high_got);)
        ;
    return NULL;
}

static void *run_high(void *arg)
{
    struct test *test = arg;
    CHECK(set_core_and_priority(test->core, HIGH), "%s", "refused, but allowed before");
    int64_t since_ns = 0;
    if (test->waiters) {
        CHECK_OK(cond_acquire(&test->cond));
        CHECK_OK(cond_wait(&test->cond, COND_FOREVER));
    } else {
        while (!atomic_load(&test->free))
            stress_sleep_until(cond_now() + COND_US(100));
        since_ns = cond_now();
        CHECK_OK(cond_acquire(&test->cond));
    }
    test->high_ns = cond_now() - since_ns; /* of a waiter: the time at which it had the lock */
    atomic_store(&test->high_got, true);
    CHECK_OK(cond_release(&test->cond));
    return NULL;
}

/* Let the others run on this thread's core. */
static void nap(void) { stress_sleep_until(cond_now() + COND_MS(3)); }

static void acquire_when_waiting(cond_t *cond, size_t waiters)
{
    for (CHECK_OK(cond_acquire(cond)); cond_waiters(cond) != waiters; CHECK_OK(cond_acquire(cond))) {
        CHECK_OK(cond_release(cond));
        nap();
    }
}

/* How long `high` had to wait, in nanoseconds; or -1 if `low` got the lock before all was ready. */
static int64_t run_once(unsigned flags, bool waiters, int core)
{
    struct test test = {.core = core, .waiters = waiters};
    CHECK_OK(cond_init(&test.cond, NULL, flags));
    CHECK_OK(cond_acquire(&test.cond));
    pthread_t low = stress_start(run_low, &test), high;
    int64_t since_ns = 0;
    if (waiters) {
        CHECK_OK(cond_release(&test.cond));
        acquire_when_waiting(&test.cond, 1);
        high = stress_start(run_high, &test);
        CHECK_OK(cond_release(&test.cond));
        acquire_when_waiting(&test.cond, 2);
        CHECK_OK(cond_notify_all(&test.cond));
    } else {
        /* During the nap `low` waits for longer than the threshold, and starves from then on. */
        high = stress_start(run_high, &test);
        nap();
    }
    pthread_t middle = stress_start(run_middle, &test);
    while (!atomic_load(&test.computes))
        nap();
    bool ready = !atomic_load(&test.low_got);
    since_ns = cond_now();
    CHECK_OK(cond_release(&test.cond));
    atomic_store(&test.free, true);
    stress_join(middle);
    stress_join(high);
    stress_join(low);
    CHECK_OK(cond_destroy(&test.cond));
    return !ready ? -1 : test.high_ns - (waiters ? since_ns : 0);
}

/* Returns whether `high` got the lock in time. */
static bool measure(unsigned flags, bool waiters, int core)
{
    const unsigned rounds = stress_rounds(waiters ? 2 : 5);
    struct spread waited = {NULL, 0, 0};
    unsigned late = 0;
    for (unsigned had = 0, tried = 0; had < rounds; tried++) {
        CHECK(tried < 20 * rounds, "%s", "the thread of low priority is always first");
        int64_t ns = run_once(flags, waiters, core);
        stress_sleep_until(cond_now() + (ns > LIMIT_NS ? PAUSE_NS : 0));
        if (ns < 0)
            continue;
        had++;
        late += ns >= LIMIT_NS;
        spread_add(&waited, ns);
    }
    printf("  %s, %s: %u of %zu late\n", flags & COND_MUTEX ? "mutex" : "recursive lock",
           waiters ? "notified behind a thread that gets no core (not judged)"
                   : "free lock, reserved for a thread that gets no core",
           late, waited.count);
    bool good = late <= waited.count / 3; /* the host of a virtual machine may take the core away for a while */
    spread_print(&waited, "waited");
    return good;
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    cpu_set_t cores;
    CHECK_EQ(sched_getaffinity(0, sizeof cores, &cores), 0);
    int core = CPU_SETSIZE - 1;
    while (!CPU_ISSET((size_t)core, &cores))
        core--;
    /* This thread has the highest priority on the same core, so no other runs between its release and its acquire. */
    if (!set_core_and_priority(core, MAIN)) {
        printf("  not run: SCHED_FIFO is refused\n");
        return 77;
    }
    unsigned bad = 0;
    for (unsigned flags = COND_RLOCK; flags <= COND_MUTEX; flags++) {
        bad += !measure(flags, false, core);
        (void)measure(flags, true, core);
    }
    CHECK(bad == 0, "%s", "a running thread did not get a free lock");
    return 0;
}
