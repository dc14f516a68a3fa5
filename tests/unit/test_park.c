/* SPDX-License-Identifier: MIT */
/* park.h: how a waiter sleeps and the releasing thread wakes it, and how long a waiter spins first. */
#include "unit.h"
#include "object.h"
#include "park.h"

static uint32_t state_of(struct cond_waiter *waiter) { return a_load(&waiter->state, acquire); }

/* ---- Sleep and wake, one side at a time ---- */

TEST(woken_before_it_sleeps)
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
    assert_int_equal(state_of(&polls), WAITER_EXPIRED); /* it did not announce a sleep */
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
    bool woken;
};

static void *sleep_on_it(void *arg)
{
    struct sleeper *s = arg;
    s->woken = park_sleep(&s->waiter, &s->lock, s->deadline_ns);
    return NULL;
}

/* The waiter sets ASLEEP before it sleeps, so a waker that sees the bit must wake it. */
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
        assert_true(s.woken);
    }
}

/* The deadline of a chosen waiter does not count: only a wake ends its sleep. */
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
        assert_true(s.woken);
    }
}

/* ---- The spin budget ---- */

TEST(a_new_lock_spins_longest)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    assert_int_equal(park_spin_budget(&lock.spin_), TUNING_SPIN_MAX);
}

/* After a few misses in a row the threads stop spinning, with one trial in between, for longer and longer. */
TEST(misses_make_spinning_rare)
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

/* The budget is a few times the usual hit. One hit ends a pause. */
TEST(budget_follows_the_hits)
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

/* Each value of the 16 bits is valid: a race leaves a wrong guess at worst. */
TEST(any_value_is_valid)
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

/* A poll neither spins nor changes the budget. */
TEST(a_poll_changes_no_budget)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    struct cond_waiter waiter = {.timed = true};
    assert_false(park_sleep(&waiter, &lock, DEADLINE_PASSED));
    assert_int_equal(lock.spin_, 0);
}

int main(void) { return RUN_TESTS("park"); }
