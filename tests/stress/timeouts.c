/* SPDX-License-Identifier: MIT */
/*
 * A table of timeouts that each port must pass: for each kind of lock, each way to wait and each timeout. No wait ends
 * early by cond_now(), nor by the system's own clock, which may be finer: a port whose clock counts ticks declares them
 * (docs/porting.md). Both clocks agree. A wait whose timeout is too long for a test is ended by a notify or a release.
 * Afterwards the lock is held or not, as it must be, no waiter is counted, and errno is not changed. The program prints
 * how late the waits end.
 *
 *      timeouts [--scale N] [--seed S]
 *      timeouts --early                    a control: some end early, by the system's clock only
 */
#include "stress.h"
#include <errno.h>

#define YEARS(n) COND_SEC(INT64_C(31557600) * (n))

static const struct timeout {
    const char *name;
    int64_t ns;
    bool ends;
} timeouts[] = {
    {"INT64_MIN", INT64_MIN, true},
    {"-1 ns", -1, true},
    {"0", 0, true},
    {"1 ns", 1, true},
    {"1 us", COND_US(1), true},
    {"1 ms", COND_MS(1), true},
    {"1 ms + 1 ns", COND_MS(1) + 1, true},
    {"17 ms", COND_MS(17), true},
    {"100 ms", COND_MS(100), true},
    /* Beyond what 32 bits of milliseconds, 31 bits of seconds, or a timespec may hold. */
    {"50 days", COND_SEC(50 * 24 * 3600), false},
    {"70 years", YEARS(70), false},
    {"290 years", YEARS(290), false},
    {"INT64_MAX - 1", INT64_MAX - 1, false},
    {"COND_FOREVER", COND_FOREVER, false},
};

enum way { WAIT, WAIT_UNTIL, WAIT_FOR, ACQUIRE, WAYS };

static const char *const way_names[WAYS] = {"cond_wait", "cond_wait_until", "cond_wait_for",
                                            "cond_acquire_timed"};

struct test {
    struct subject subject;
    bool shared; /* fixed, as these two */
    enum way way;
    int64_t timeout_ns;
    bool arrived, returned; /* under the lock, as all below */
    bool flag;
    int result;
    int64_t deadline_ns; /* not later than the waiter's own */
    int64_t late_ns;
};

static bool expects_early; /* fixed */

/* Shorter ticks need not be declared. */
enum { UNDECLARED_TICK_NS = 1000 };

/* Beside the kinds of lock of stress.h. */
enum { SHARED_OWN = KINDS, ALL_KINDS };

/* False if the system lacks this kind. */
static bool make(struct test *test, unsigned kind)
{
    memset(test, 0, sizeof *test);
    if (kind < KINDS) {
        subject_make(&test->subject, (enum kind)kind);
        return true;
    }
    test->subject.kind = OWN_RLOCK;
    test->shared = true;
    int error = cond_init(&test->subject.cond, NULL, COND_SHARED);
    CHECK(error == 0 || error == ENOTSUP, "cond_init returned %d", error);
    return error == 0;
}

static void unmake(struct test *test)
{
    CHECK_EQ(cond_waiters(&test->subject.cond), 0);
    subject_unmake(&test->subject);
}

static const char *name_of(unsigned kind) { return kind < KINDS ? kind_names[kind] : "own shared lock"; }
static bool flag_is_set(void *arg) { return *(bool *)arg; }

static int64_t deadline_after(int64_t now_ns, int64_t timeout_ns)
{
    return timeout_ns > 0 && now_ns > COND_FOREVER - timeout_ns ? COND_FOREVER : now_ns + timeout_ns;
}

static int wait_in(struct test *test)
{
    cond_t *cond = &test->subject.cond;
    switch (test->way) {
    case WAIT: return cond_wait(cond, test->timeout_ns);
    case WAIT_UNTIL: return cond_wait_until(cond, test->deadline_ns);
    case WAIT_FOR: return cond_wait_for(cond, flag_is_set, &test->flag, test->timeout_ns);
    default: return cond_acquire_timed(cond, test->timeout_ns);
    }
}

static int64_t system_now(void)
{
    struct timespec now;
    CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A deadline is as coarse as the library's clock; a timeout is a duration. */
static void check_duration(const struct test *test, int64_t took_ns)
{
    if (test->way == WAIT_UNTIL || test->timeout_ns <= 0 || took_ns > test->timeout_ns - UNDECLARED_TICK_NS)
        return;
    if (expects_early) {
        printf("  %s: %" PRId64 " ns ended after %" PRId64 "\n", way_names[test->way], test->timeout_ns, took_ns);
        fflush(stdout);
        _Exit(0);
    }
    CHECK(false, "%s: %" PRId64 " ns ended after %" PRId64 ", by the system's clock", way_names[test->way],
          test->timeout_ns, took_ns);
}

static void *run(void *arg)
{
    struct test *test = arg;
    cond_t *cond = &test->subject.cond;
    if (test->way != ACQUIRE)
        CHECK_OK(cond_acquire(cond));
    test->arrived = true;
    test->deadline_ns = deadline_after(cond_now(), test->timeout_ns);
    int64_t began_ns = system_now();
    errno = ENOTTY;
    int result = wait_in(test);
    int64_t now_ns = cond_now(), took_ns = system_now() - began_ns;
#ifndef STRESS_TSAN /* it opens files before it suppresses a report (stress.h) */
    CHECK_EQ(errno, ENOTTY);
#endif
    CHECK(result == 0 || result == ETIMEDOUT, "%s returned %d", way_names[test->way], result);
    CHECK(result == 0 || now_ns >= test->deadline_ns, "%s ended %" PRId64 " ns early", way_names[test->way],
          test->deadline_ns - now_ns);
    if (result == ETIMEDOUT)
        check_duration(test, took_ns);
    if (test->way != ACQUIRE || result == 0) {
        test->returned = true;
        CHECK(cond_owned(cond), "does not hold the lock");
        CHECK_OK(cond_release(cond));
    }
    test->result = result;
    test->late_ns = result == ETIMEDOUT && test->timeout_ns > 0 ? now_ns - test->deadline_ns : 0;
    return NULL;
}

/* A wait that begins right after a tick of a coarse clock never ends early. So begin at a random time. */
static void begin_at_any_time(struct rng *rng)
{
    int64_t until_ns = system_now() + rng_between(rng, 0, COND_MS(10));
    while (system_now() < until_ns)
        stress_yield();
}

/* One wait that times out. For cond_acquire_timed() this thread holds the lock all the time. */
static void test_expiring(struct test *test, struct spread *late)
{
    cond_t *cond = &test->subject.cond;
    if (test->way == ACQUIRE)
        CHECK_OK(cond_acquire(cond));
    stress_join(stress_start(run, test));
    if (test->way == ACQUIRE)
        CHECK_OK(cond_release(cond));
    CHECK_RESULT(test->result, ETIMEDOUT);
    if (test->timeout_ns > 0)
        spread_add(late, test->late_ns);
}

/* One wait that this thread must end. It has time to fall asleep. */
static void test_endless(struct test *test)
{
    cond_t *cond = &test->subject.cond;
    pthread_t waiter;
    if (test->way == ACQUIRE) {
        CHECK_OK(cond_acquire(cond));
        waiter = stress_start(run, test);
        stress_sleep_until(cond_now() + COND_MS(3));
    } else {
        waiter = stress_start(run, test);
        ACQUIRE_WHEN(cond, cond_waiters(cond) == 1);
        CHECK_OK(cond_release(cond));
        stress_sleep_until(cond_now() + COND_MS(3));
        CHECK_OK(cond_acquire(cond));
        CHECK(!test->returned, "%s returned by itself", way_names[test->way]);
        CHECK_EQ(cond_waiters(cond), 1);
        test->flag = true;
        CHECK_OK(cond_notify(cond, 1));
        CHECK_EQ(cond_waiters(cond), 0);
    }
    CHECK_OK(cond_release(cond));
    stress_join(waiter);
    CHECK_OK(test->result);
}

static void *wait_patiently(void *arg)
{
    struct test *test = arg;
    CHECK_OK(cond_acquire(&test->subject.cond));
    CHECK_OK(cond_wait(&test->subject.cond, COND_FOREVER));
    CHECK_OK(cond_release(&test->subject.cond));
    return NULL;
}

/*
 * One wait whose deadline passes while the notifier holds the lock. It notifies shortly before the deadline or shortly
 * after it. If before, the waiter was chosen. If after, the waiter or the next one was chosen: nothing else wakes the
 * next one.
 */
static void test_notified(struct test *test, bool before)
{
    cond_t *cond = &test->subject.cond;
    pthread_t waiter = stress_start(run, test);
    ACQUIRE_WHEN(cond, test->arrived);
    CHECK_OK(cond_release(cond));
    pthread_t patient = stress_start(wait_patiently, test);
    ACQUIRE_WHEN(cond, cond_waiters(cond) + test->returned == 2);
    bool late = test->returned;
    if (before) {
        test->flag = !late;
        CHECK_OK(cond_notify(cond, 1));
        late = late || cond_now() >= test->deadline_ns;
        CHECK_EQ(late ? 1 : cond_waiters(cond), 1);
    }
    stress_sleep_until(test->deadline_ns + COND_MS(2));
    if (!before) {
        test->flag = true;
        CHECK_OK(cond_notify(cond, 1));
    }
    CHECK_OK(cond_release(cond));
    stress_join(waiter);
    if (before && !test->shared) /* there, no order is promised: the other may be chosen */
        CHECK(test->result == 0 || late, "was notified in time, and returned %d", test->result);
    if (test->result == 0) {
        CHECK_OK(cond_acquire(cond));
        CHECK_OK(cond_notify_all(cond));
        CHECK_OK(cond_release(cond));
    }
    stress_join(patient);
}

/* Two clocks: the system's is read between two reads of the library's. */
struct clocks {
    int64_t outer_ns, system_ns, inner_ns;
};

static struct clocks clocks_at_start(void)
{
    struct clocks clocks = {.outer_ns = cond_now()};
    clocks.system_ns = system_now();
    clocks.inner_ns = cond_now();
    return clocks;
}

/* The clocks may be coarse. */
static void clocks_agree(const struct clocks *start)
{
    int64_t inner_ns = cond_now() - start->inner_ns;
    int64_t system_ns = system_now() - start->system_ns;
    int64_t outer_ns = cond_now() - start->outer_ns;
    int64_t slack_ns = COND_MS(20) + system_ns / 100;
    CHECK(inner_ns <= system_ns + slack_ns && system_ns <= outer_ns + slack_ns,
          "cond_now() counts %" PRId64 " to %" PRId64 " ns, and the system %" PRId64, inner_ns, outer_ns,
          system_ns);
}

static void *read_the_clock(void *arg)
{
    atomic_llong *latest = arg; /* of all threads */
    for (unsigned i = 0; i < 20000; i++) {
        long long seen = atomic_load(latest);
        long long now_ns = cond_now();
        CHECK(now_ns >= seen, "the clock went back by %lld ns", seen - now_ns);
        while (seen < now_ns && !atomic_compare_exchange_weak(latest, &seen, now_ns))
            ;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    expects_early = argc > 1 && strcmp(argv[1], "--early") == 0;
    stress_begin(expects_early ? 1 : argc, argv);
    struct clocks start = clocks_at_start();
    struct test test;
    struct spread late = {NULL, 0, 0};
    struct rng rng = rng_make(0);
    unsigned waits = 0;
    for (unsigned kind = 0; kind < ALL_KINDS; kind++) {
        if (!make(&test, kind)) {
            printf("  %s: not on this system\n", name_of(kind));
            continue;
        }
        subject_unmake(&test.subject);
        for (enum way way = WAIT; way < WAYS; way++) {
            for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
                unsigned rounds = timeouts[i].ns > COND_MS(1) ? 1 : stress_rounds(10);
                for (unsigned round = 0; round < rounds; round++, waits++) {
                    (void)make(&test, kind);
                    test.way = way;
                    test.timeout_ns = timeouts[i].ns;
                    if (timeouts[i].ends && timeouts[i].ns > COND_MS(1))
                        begin_at_any_time(&rng);
                    if (timeouts[i].ends)
                        test_expiring(&test, &late);
                    else
                        test_endless(&test);
                    unmake(&test);
                }
            }
            for (unsigned i = 0; way != ACQUIRE && i < 2 * stress_rounds(3); i++, waits++) {
                (void)make(&test, kind);
                test.way = way;
                test.timeout_ns = COND_MS(10);
                test_notified(&test, i % 2 == 0);
                unmake(&test);
            }
        }
        printf("  %s: %zu timeouts in %d ways\n", name_of(kind), sizeof timeouts / sizeof *timeouts, WAYS);
        fflush(stdout);
    }
    clocks_agree(&start);

    atomic_llong latest = 0;
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++)
        threads[i] = stress_start(read_the_clock, &latest);
    stress_join_all(threads, 4);
    CHECK(!expects_early, "no wait ended early");
    spread_print(&late, "late");
    printf("  %u waits\n", waits);
    return 0;
}
