/* SPDX-License-Identifier: MIT */
/* park.h: the handshake between a waiter and the thread that lets it go, and the budget for waiting awake. */
#include "unit.h"
#include "object.h"
#include "park.h"

static uint32_t state_of(struct cond_waiter *waiter)
{
    return a_load(&waiter->state, acquire);
}

/* ---- The handshake, one side at a time ---- */

TEST(let_go_before_it_sleeps)
{
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

TEST(expires)
{
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
TEST(woken_from_sleep)
{
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
TEST(chosen_does_not_expire)
{
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

TEST(a_fresh_lock_hopes_for_the_best)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    assert_int_equal(park_spin_budget(&lock.spin_), TUNING_SPIN_MAX);
}

/* A few in a row in vain, and it is given up, for ever longer; in between one try. */
TEST(in_vain_it_looks_ever_more_rarely)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    unsigned tries = 0, last_pause = 0;
    for (; tries < TUNING_SPIN_FAILURES; tries++) {
        assert_int_equal(park_spin_budget(&lock.spin_), TUNING_SPIN_MAX);
        park_spin_miss(&lock.spin_, park_spin_budget(&lock.spin_));
    }
    for (; tries < 30; tries++) {
        unsigned pause = 0;
        for (; park_spin_budget(&lock.spin_) == 0; pause++)
            park_spin_miss(&lock.spin_, 0);
        assert_true(last_pause == 0 || pause == last_pause || pause >= 2 * last_pause);
        last_pause = pause;
        assert_int_equal(park_spin_budget(&lock.spin_), TUNING_SPIN_TRIAL);
        park_spin_miss(&lock.spin_, park_spin_budget(&lock.spin_));
    }
    assert_true(last_pause >= 32 * TUNING_SPIN_PAUSE);
}

/* Who was rewarded after a short time need not look for long; and one reward ends a pause. */
TEST(it_looks_a_few_times_as_long_as_usual)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    for (unsigned i = 0; i < 10; i++)
        park_spin_hit(&lock.spin_, 5);
    assert_true(park_spin_budget(&lock.spin_) >= 3 * 5 && park_spin_budget(&lock.spin_) <= TUNING_SPIN_MIN + 3 * 10);
    for (unsigned i = 0; i < 10; i++)
        park_spin_hit(&lock.spin_, TUNING_SPIN_MAX);
    assert_int_equal(park_spin_budget(&lock.spin_), TUNING_SPIN_MAX);

    while (park_spin_budget(&lock.spin_) > 0)
        park_spin_miss(&lock.spin_, park_spin_budget(&lock.spin_));
    park_spin_hit(&lock.spin_, 5);
    assert_true(park_spin_budget(&lock.spin_) > 0 && park_spin_budget(&lock.spin_) < TUNING_SPIN_MAX);
}

/* Any 16 bits will do: what a race leaves behind is no worse than a wrong guess. */
TEST(any_value_is_right)
{
    for (unsigned value = 0; value <= UINT16_MAX; value += 7) {
        cond_lock_t lock = COND_RLOCK_INIT;
        lock.spin_ = (uint16_t)value;
        unsigned rounds = 0;
        for (; rounds < 100000 && park_spin_budget(&lock.spin_) == 0; rounds++)
            park_spin_miss(&lock.spin_, 0);
        assert_true(park_spin_budget(&lock.spin_) > 0 && park_spin_budget(&lock.spin_) <= TUNING_SPIN_TRIAL);
    }
}

/* Who polls neither waits awake nor learns anything from it. */
TEST(polling_teaches_nothing)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    struct cond_waiter waiter = {.timed = true};
    assert_false(park_sleep(&waiter, &lock, DEADLINE_PASSED));
    assert_int_equal(lock.spin_, 0);
}

int main(void) { return RUN_TESTS("park"); }
