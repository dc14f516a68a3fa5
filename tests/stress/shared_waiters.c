/* SPDX-License-Identifier: MIT */
/*
 * Processes that wait on a shared condition and are killed. Three parts:
 *
 *      kills       16 processes wait in plain cond_wait. Some are killed before, while and after one is notified. After
 *                  each notify a living waiter returns.
 *      stops       some of the 16 are stopped instead, so the woken one may not run. Notify does not wait for it, and a
 *                  living one returns.
 *      notifiers   the process that publishes and notifies is killed at any step, and all that was published is
 *                  consumed.
 *
 * In all parts no other process uses the lock while a return is awaited, so only the library itself can repair a lost
 * wake-up.
 */
#include "shared_process.h"
#include <sys/time.h>

enum { WAITERS = 16, CONSUMERS = 4 };

static struct memory {
    cond_t cond;
    atomic_uint returns;        /* under the lock, but the first process reads them without, as all below */
    atomic_uint waits[WAITERS]; /* how many each has begun */
    atomic_bool waiting[WAITERS];
    atomic_uint published, consumed;
    atomic_uint recoveries;
} *memory;

static pid_t processes[WAITERS];
static unsigned started;

static void recover_if(int error)
{
    if (error == EOWNERDEAD) {
        CHECK_OK(cond_recover(&memory->cond));
        memory->recoveries++;
    } else {
        CHECK_OK(error);
    }
}

static void enter(void) { recover_if(cond_acquire(&memory->cond)); }
static void leave(void) { CHECK_OK(cond_release(&memory->cond)); }

static void wait_and_count(unsigned number)
{
    enter();
    for (;;) {
        memory->waits[number]++;
        memory->waiting[number] = true;
        int error = cond_wait(&memory->cond, COND_FOREVER);
        memory->waiting[number] = false;
        recover_if(error);
        if (error == 0)
            memory->returns++;
    }
}

static void start_waiter(unsigned number)
{
    memory->waiting[number] = false;
    processes[number] = start_process(wait_and_count, number);
    started++;
}

static void kill_waiter(unsigned number)
{
    if (processes[number] != 0)
        kill_process(processes[number]);
    processes[number] = 0;
}

static void start_missing(void)
{
    for (unsigned i = 0; i < WAITERS; i++)
        if (processes[i] == 0)
            start_waiter(i);
}

static bool all_wait(void)
{
    for (unsigned i = 0; i < WAITERS; i++)
        if (!memory->waiting[i])
            return false;
    return true;
}

/* Acquire the lock when all wait. */
static void enter_when_all_wait(void)
{
    for (enter(); !all_wait(); enter()) {
        leave();
        check_children();
        nap(COND_US(50));
    }
}

/* The same, and no notification is on its way and no killed process is counted. */
static void enter_without_leftovers(void)
{
    unsigned waits[WAITERS];
    enter_when_all_wait();
    for (unsigned i = 0; i < WAITERS; i++)
        waits[i] = memory->waits[i];
    CHECK_OK(cond_notify_all(&memory->cond));
    leave();
    for (unsigned i = 0; i < WAITERS; i++)
        AWAIT(memory->waits[i] != waits[i]);
    enter_when_all_wait();
    CHECK_EQ(cond_waiters(&memory->cond), WAITERS);
}

/* Kills up to n. */
static void kill_some(struct rng *rng, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        kill_waiter((unsigned)rng_between(rng, 0, WAITERS - 1));
}

static void await_return(unsigned before) { AWAIT(memory->returns != before); }

static void test_kills(struct rng *rng, unsigned notifies)
{
    struct spread late = {0};
    for (unsigned i = 0; i < notifies; i++) {
        /* At most 3 times 4 are killed at a time, so some are left. */
        start_missing();
        if (i % 4 == 0)
            enter_without_leftovers();
        else
            enter_when_all_wait();
        kill_some(rng, (unsigned)rng_between(rng, 0, 4));
        unsigned before = memory->returns;
        CHECK_OK(cond_notify(&memory->cond, 1));
        int64_t notified_ns = cond_now();
        if (rng_chance(rng, 50))
            kill_some(rng, (unsigned)rng_between(rng, 0, 4));
        leave();
        if (rng_chance(rng, 50))
            stress_spin_until(cond_now() + rng_between(rng, 0, COND_US(50)));
        kill_some(rng, (unsigned)rng_between(rng, 0, 4));
        await_return(before);
        spread_add(&late, cond_now() - notified_ns);
    }
    spread_print(&late, "kills: a living waiter returns after");
    printf("  kills: %u waiters killed, %u recoveries\n", started - WAITERS, memory->recoveries);
    fflush(stdout);
}

static void test_stops(struct rng *rng, unsigned notifies)
{
    struct spread took = {0}, late = {0};
    for (unsigned i = 0; i < notifies; i++) {
        start_missing();
        /* All sleep without the lock, and it is held here: no process is stopped with it. */
        enter_without_leftovers();
        bool stopped[WAITERS] = {false};
        for (int64_t n = i % 2 ? WAITERS - 1 : rng_between(rng, 1, WAITERS - 1); n > 0; n--) {
            unsigned victim = (unsigned)rng_between(rng, 0, WAITERS - 2);
            if (i % 2)
                victim = (unsigned)n - 1;
            if (!stopped[victim])
                stop_process(processes[victim]);
            stopped[victim] = true;
        }
        unsigned before = memory->returns;
        int64_t began_ns = cond_now();
        CHECK_OK(cond_notify(&memory->cond, 1));
        spread_add(&took, cond_now() - began_ns);
        leave();
        await_return(before);
        spread_add(&late, cond_now() - began_ns);
        for (unsigned j = 0; j < WAITERS; j++) {
            if (stopped[j] && rng_chance(rng, 10))
                kill_waiter(j);
            else if (stopped[j])
                CHECK_EQ(kill(processes[j], SIGCONT), 0);
        }
    }
    /* A notify that waits for a stopped process never ends. How long it takes depends on the machine too, but half of
       them must be fast. */
    qsort(took.values, took.count, sizeof *took.values, spread_compare);
    int64_t median_ns = took.values[(took.count - 1) / 2];
    CHECK(took.count < 8 || median_ns < COND_MS(10), "half of the notifies took more than %lld ns",
          (long long)median_ns);
    spread_print(&took, "stops: notify took");
    spread_print(&late, "stops: a living waiter returns after");
    fflush(stdout);
}

/* ---- Killed notifiers ---- */

static void consume(unsigned number)
{
    (void)number;
    enter();
    for (;;) {
        while (memory->published == memory->consumed)
            recover_if(cond_wait(&memory->cond, COND_FOREVER));
        memory->consumed++;
    }
}

/* A kill by another process mostly happens in a system call. An alarm happens anywhere. */
static void die(int signal)
{
    (void)signal;
    (void)raise(SIGKILL);
}

static void publish(unsigned number)
{
    struct rng rng = rng_make(1000 + number);
    struct itimerval alarm = {.it_value.tv_usec = (suseconds_t)rng_between(&rng, 50, 1500)};
    CHECK(signal(SIGALRM, die) != SIG_ERR, "cannot handle SIGALRM");
    CHECK_EQ(setitimer(ITIMER_REAL, &alarm, NULL), 0);
    for (;;) {
        enter();
        memory->published++;
        CHECK_OK(rng_chance(&rng, 80) ? cond_notify(&memory->cond, 1) : cond_notify(&memory->cond, 2));
        leave();
        if (rng_chance(&rng, 10))
            stress_spin_until(cond_now() + rng_between(&rng, 0, COND_US(100)));
    }
}

static void test_notifiers(unsigned kills)
{
    pid_t consumers[CONSUMERS];
    for (unsigned i = 0; i < CONSUMERS; i++)
        consumers[i] = start_process(consume, i);
    struct spread late = {0};
    unsigned before = memory->recoveries;
    for (unsigned i = 0; i < kills; i++) {
        pid_t notifier = start_process(publish, i);
        await_kill(notifier);
        /* A process must acquire to find that the holder died. The rest is done by the waiters. */
        int64_t killed_ns = cond_now();
        enter();
        leave();
        AWAIT(memory->consumed == memory->published);
        spread_add(&late, cond_now() - killed_ns);
    }
    for (unsigned i = 0; i < CONSUMERS; i++)
        kill_process(consumers[i]);
    spread_print(&late, "notifiers: all was consumed after");
    printf("  notifiers: %u published and consumed, %u killed, %u recoveries\n", memory->consumed, kills,
           memory->recoveries - before);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    memory = share_memory(sizeof *memory);
    make_shared(&memory->cond);

    test_kills(&rng, stress_rounds(300));
    test_stops(&rng, stress_rounds(40));
    for (unsigned i = 0; i < WAITERS; i++)
        kill_waiter(i);
    test_notifiers(stress_rounds(100));

    enter();
    CHECK_OK(cond_notify_all(&memory->cond)); /* uncounts the killed */
    CHECK_EQ(cond_waiters(&memory->cond), 0);
    leave();
    CHECK_OK(cond_destroy(&memory->cond));
    return 0;
}
