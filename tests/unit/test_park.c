/* SPDX-License-Identifier: MIT */
/* park.h: the handshake between a waiter and the thread that lets it go, and the budget for waiting awake. */
#include "unit.h"
#include "lock.h"
#include "park.h"

static uint32_t state_of(struct cond_waiter *waiter)
{
    return a_load(&waiter->state, acquire);
}

/* ---- The handshake, one side at a time ---- */

static void let_go_before_it_sleeps(void **state)
{
    (void)state;
    static const int64_t deadlines[] = {COND_FOREVER, DEADLINE_PASSED, 1};
    for (size_t i = 0; i < LENGTH(deadlines); i++) {
        cond_lock_t lock = COND_RLOCK_INIT;
        struct cond_waiter waiter = {.timed = true};
        park_wake(&waiter);
        assert_int_equal(state_of(&waiter), WAITER_GO);
        assert_true(park_sleep(&waiter, &lock, deadlines[i]));
        assert_int_equal(state_of(&waiter), WAITER_GO);
    }
}

static void expires(void **state)
{
    (void)state;
    cond_lock_t lock = COND_RLOCK_INIT;
    struct cond_waiter polls = {.timed = true};
    assert_false(park_sleep(&polls, &lock, DEADLINE_PASSED));
    assert_int_equal(state_of(&polls), WAITER_EXPIRED); /* it has not even thought of sleeping */
    for (unsigned ms = 1; ms <= 3; ms++) {
        struct cond_waiter waiter = {.timed = true};
        int64_t deadline_ns = port_now() + COND_MS(ms);
        assert_false(park_sleep(&waiter, &lock, deadline_ns));
        assert_true(port_now() >= deadline_ns);
        assert_int_equal(state_of(&waiter) & ~(uint32_t)WAITER_ASLEEP, WAITER_EXPIRED);
    }
}

struct sleeper {
    struct cond_waiter waiter;
    cond_lock_t lock;
    int64_t deadline_ns;
    bool went;
};

static void *sleep_on_it(void *arg)
{
    struct sleeper *s = arg;
    s->went = park_sleep(&s->waiter, &s->lock, s->deadline_ns);
    return NULL;
}

/* ASLEEP is announced before the sleep, so the waker that sees it has somebody to wake, or nearly. */
static void woken_from_sleep(void **state)
{
    (void)state;
    static const int64_t deadlines[] = {COND_FOREVER, INT64_MAX - 1};
    for (size_t i = 0; i < LENGTH(deadlines); i++) {
        struct sleeper s = {.waiter = {.timed = true}, .deadline_ns = deadlines[i]};
        pthread_t thread = start(sleep_on_it, &s);
        while (!(state_of(&s.waiter) & WAITER_ASLEEP))
            (void)sched_yield();
        park_wake(&s.waiter);
        (void)finish(thread);
        assert_true(s.went);
    }
}

/* Its deadline no longer counts: it can only be let go. */
static void chosen_does_not_expire(void **state)
{
    (void)state;
    static const int64_t deadlines[] = {DEADLINE_PASSED, 1};
    for (size_t i = 0; i < LENGTH(deadlines); i++) {
        struct sleeper s = {.waiter = {.timed = true, .state = WAITER_CHOSEN}, .deadline_ns = deadlines[i]};
        pthread_t thread = start(sleep_on_it, &s);
        while (!(state_of(&s.waiter) & WAITER_ASLEEP))
            (void)sched_yield();
        assert_int_equal(state_of(&s.waiter), WAITER_CHOSEN | WAITER_ASLEEP);
        park_wake(&s.waiter);
        (void)finish(thread);
        assert_true(s.went);
    }
}

/* ---- The budget ---- */

static void a_fresh_lock_hopes_for_the_best(void **state)
{
    (void)state;
    cond_lock_t lock = COND_RLOCK_INIT;
    assert_int_equal(spin_budget(&lock), TUNING_SPIN_MAX);
    spin_learn(&lock, true);
    assert_int_equal(spin_budget(&lock), TUNING_SPIN_MAX);
}

static void disappointment_lowers_it_to_nothing_and_it_tries_again(void **state)
{
    (void)state;
    cond_lock_t lock = COND_RLOCK_INIT;
    unsigned last = spin_budget(&lock);
    unsigned given_up = 0, steps = 0;
    while (spin_budget(&lock) <= last) {
        last = spin_budget(&lock);
        given_up += last == 0;
        spin_learn(&lock, false);
        assert_true(++steps < 10000);
    }
    /* Few tries are made for nothing, and after many sleeps without one there is another. */
    assert_true(given_up >= TUNING_SPIN_PROBE / 2);
    assert_true(spin_budget(&lock) < TUNING_SPIN_MAX);
    for (steps = 0; steps < 100000; steps++) {
        spin_learn(&lock, false);
        assert_true(spin_budget(&lock) <= TUNING_SPIN_MAX / 2);
    }
}

static void reward_raises_it(void **state)
{
    (void)state;
    cond_lock_t lock = COND_RLOCK_INIT;
    for (unsigned i = 0; i < 3 * TUNING_SPIN_HALVE; i++)
        spin_learn(&lock, false);
    for (unsigned last = spin_budget(&lock); last < TUNING_SPIN_MAX; last = spin_budget(&lock)) {
        spin_learn(&lock, true);
        assert_true(spin_budget(&lock) > last);
    }
}

/* Who polls neither waits awake nor learns anything from it. */
static void polling_teaches_nothing(void **state)
{
    (void)state;
    cond_lock_t lock = COND_RLOCK_INIT;
    struct cond_waiter waiter = {.timed = true};
    assert_false(park_sleep(&waiter, &lock, DEADLINE_PASSED));
    assert_int_equal(lock.spin_, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(let_go_before_it_sleeps),
        cmocka_unit_test(expires),
        cmocka_unit_test(woken_from_sleep),
        cmocka_unit_test(chosen_does_not_expire),
        cmocka_unit_test(a_fresh_lock_hopes_for_the_best),
        cmocka_unit_test(disappointment_lowers_it_to_nothing_and_it_tries_again),
        cmocka_unit_test(reward_raises_it),
        cmocka_unit_test(polling_teaches_nothing),
    };
    return cmocka_run_group_tests_name("park", tests, NULL, NULL);
}
