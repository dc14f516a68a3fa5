/* SPDX-License-Identifier: MIT */
/*
 * The table of tests/stress/timeouts.c on bare metal: examples/cortex_m/run with this in place of its main.c
 * (MAIN). For each way to wait and each timeout: none ends early, the answer is right, nobody is counted as
 * waiting afterwards, and the lock is held as it should be. What has no end that one could wait for is ended by
 * the other thread. Then timeouts that end about when a notify comes: who answers 0 was notified, and who was not
 * in time is not early.
 *
 * EARLY makes the clock of the test run behind, to see that it judges.
 */
#include "condvar_single.h"
#include "kernel.h"

static const struct {
    int64_t ns;
    bool ends;
} timeouts[] = {
    {INT64_MIN, true},
    {-1, true},
    {0, true},
    {1, true},
    {COND_US(1), true},
    {COND_MS(1), true},
    {COND_MS(1) + 1, true},
    {COND_MS(17), true},
    {COND_MS(100), true},
    {COND_SEC(50 * 24 * 3600), false},
    {COND_SEC(INT64_C(31557600) * 290), false},
    {INT64_MAX - 1, false},
    {COND_FOREVER, false},
};
enum { TIMEOUTS = sizeof timeouts / sizeof timeouts[0], RACES = 300 };
enum way { WAIT, WAIT_UNTIL, WAIT_FOR, ACQUIRE, WAYS };

static cond_t cond = COND_INIT, asked = COND_INIT;
static bool flag; /* under cond's lock, as all below */
static unsigned played;
static enum { NOTHING, END_WAIT, RACE, HOLD, LET_GO, STOP } order; /* to the other thread; under asked's lock */
static int64_t race_ns;                                            /* fixed while the order is RACE */
static unsigned returned;

static void check(bool right, const char *what, unsigned way, unsigned i)
{
    if (right)
        return;
    console_write(what);
    console_write(": way ");
    console_write_number(way);
    console_write(", timeout ");
    console_write_number(i);
    console_write("\n");
    program_exit(1);
}

static bool is_set(void *arg) { return *(const bool *)arg; }

static bool done(void *arg) { (void)arg; return order == NOTHING; }

static bool told(void *arg) { return !done(arg); }

static void tell(int what, bool and_wait)
{
    COND_WITH (&asked) {
        order = what;
        check(cond_notify_all(&asked) == 0, "notify_all", WAYS, 0);
        if (and_wait)
            check(cond_wait_for(&asked, done, NULL, COND_FOREVER) == 0, "wait_for", WAYS, 0);
    }
}

static int64_t clock_of_test(void)
{
#ifdef EARLY
    return cond_now() - COND_MS(1);
#else
    return cond_now();
#endif
}

static void sleep_until(int64_t deadline_ns)
{
    const uint32_t word = 0;
    while (kernel_now() < deadline_ns)
        kernel_sleep_on(&word, 0, deadline_ns);
}

/* Does what it is told. Its priority is lower: what it ends has begun to wait. */
static void help(void *arg)
{
    (void)arg;
    for (;;) {
        check(cond_acquire(&asked) == 0, "acquire", WAYS, 1);
        check(cond_wait_for(&asked, told, NULL, COND_FOREVER) == 0, "wait_for", WAYS, 1);
        int what = order;
        check(cond_release(&asked) == 0, "release", WAYS, 1);
        if (what == STOP)
            return;
        if (what == RACE)
            sleep_until(race_ns);
        check(cond_acquire(&cond) == 0, "acquire", WAYS, 2);
        if (what == HOLD) {
            tell(NOTHING, false); /* and on with it held, until LET_GO */
            check(cond_acquire(&asked) == 0, "acquire", WAYS, 3);
            while (order != LET_GO)
                check(cond_wait(&asked, COND_FOREVER) == 0, "wait", WAYS, 3);
            check(cond_release(&asked) == 0, "release", WAYS, 3);
        } else {
            flag = true;
            check(cond_notify(&cond, 1) == 0, "notify", WAYS, 2);
        }
        check(cond_release(&cond) == 0, "release", WAYS, 2);
        tell(NOTHING, false);
    }
}

static int wait_in(enum way way, int64_t timeout_ns, int64_t deadline_ns)
{
    switch (way) {
    case WAIT: return cond_wait(&cond, timeout_ns);
    case WAIT_UNTIL: return cond_wait_until(&cond, deadline_ns);
    case WAIT_FOR: return cond_wait_for(&cond, is_set, &flag, timeout_ns);
    default: return cond_acquire_timed(&cond, timeout_ns);
    }
}

static void play(enum way way, unsigned i)
{
    int64_t timeout_ns = timeouts[i].ns, now_ns = cond_now();
    int64_t deadline_ns =
        timeout_ns > 0 && now_ns > COND_FOREVER - timeout_ns ? COND_FOREVER : now_ns + timeout_ns;
    flag = false;
    if (way == ACQUIRE) {
        tell(HOLD, true);
        if (!timeouts[i].ends)
            tell(LET_GO, false);
    } else {
        check(cond_acquire(&cond) == 0, "acquire", way, i);
        if (!timeouts[i].ends)
            tell(END_WAIT, false);
    }
    int answer = wait_in(way, timeout_ns, deadline_ns);
    bool held = way != ACQUIRE || !timeouts[i].ends;
    check(answer == (timeouts[i].ends ? ETIMEDOUT : 0), "the wrong answer", way, i);
    check(answer == 0 || clock_of_test() >= deadline_ns, "early", way, i);
    check(cond_waiters(&cond) == 0, "somebody is counted", way, i);
    check(cond_owned(&cond) == held, held ? "the lock is not held" : "the lock is held", way, i);
    check(!held || cond_release(&cond) == 0, "release", way, i);
    if (timeouts[i].ends && way == ACQUIRE)
        tell(LET_GO, true);
    else if (!timeouts[i].ends)
        COND_WITH (&asked)
            check(cond_wait_for(&asked, done, NULL, COND_FOREVER) == 0, "wait_for", way, i);
    played++;
}

/* A timeout and a notify that come at about the same time. */
static void race(unsigned i)
{
    int64_t deadline_ns = cond_now() + COND_MS(3);
    race_ns = deadline_ns - COND_MS(1) + (int64_t)i * (COND_MS(2) / RACES);
    tell(RACE, false);
    COND_WITH (&cond) {
        flag = false;
        int answer = cond_wait_until(&cond, deadline_ns);
        check(answer == 0 || (answer == ETIMEDOUT && clock_of_test() >= deadline_ns), "early or wrong", WAYS,
              i);
        check(answer != 0 || flag, "nobody has notified", WAYS, i);
        returned += answer == 0;
        check(cond_waiters(&cond) == 0, "somebody is counted", WAYS, i);
    }
    COND_WITH (&asked)
        check(cond_wait_for(&asked, done, NULL, COND_FOREVER) == 0, "wait_for", WAYS, i);
}

static void wait_in_turn(void *arg)
{
    (void)arg;
    for (unsigned way = WAIT; way < WAYS; way++)
        for (unsigned i = 0; i < TIMEOUTS; i++)
            play((enum way)way, i);
    for (unsigned i = 0; i < RACES; i++)
        race(i);
    check(returned > 0 && returned < RACES, "no race", returned, RACES);
    console_write_number(played);
    console_write(" timeouts, none early; ");
    console_write_number(returned);
    console_write(" of ");
    console_write_number(RACES);
    console_write(" waits were notified in time\n");
    program_exit(0);
}

int main(void)
{
    kernel_thread(wait_in_turn, NULL, 2);
    kernel_thread(help, NULL, 1);
    kernel_run();
}
