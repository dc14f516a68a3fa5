/* SPDX-License-Identifier: MIT */
/* rlock.c: owner and depth, all levels released and restored; and the word of the mutex under it, mutex.c. */
#include "unit.h"
#include "deadline.h"
#include "object.h"
#include "rlock.h"
#include "tuning.h"

/* As cond_lock_try_acquire(). */
static int try_acquire(cond_lock_t *lock)
{
    int error = rlock_acquire(lock, port_self(), DEADLINE_PASSED);
    return error == ETIMEDOUT ? EBUSY : error;
}

static uint32_t word_of(const cond_lock_t *lock) { return a_load_32(&lock->u_.local.as.mine.word); }
static unsigned depth_of(const cond_lock_t *lock) { return rlock_depth(lock); }

static void assert_free(const cond_lock_t *lock)
{
    assert_int_equal(word_of(lock), 0);
    assert_int_equal(depth_of(lock), 0);
    assert_int_equal(a_load_ptr(&lock->u_.local.as.mine.owner), 0);
    assert_false(rlock_owned(lock));
}

static void assert_mine(const cond_lock_t *lock, unsigned depth)
{
    assert_true(word_of(lock) & MUTEX_HELD);
    assert_true(rlock_owned(lock));
    assert_int_equal(a_load_ptr(&lock->u_.local.as.mine.owner), port_self());
    assert_int_equal(depth_of(lock), depth);
}

/* ---- Another thread, which holds the lock from other_holds() to other_releases() ---- */

struct other {
    cond_lock_t *lock;
    unsigned depth;
    atomic_int holds, stops;
    pthread_t thread;
};

static void *run_other(void *arg)
{
    struct other *other = arg;
    for (unsigned i = 0; i < other->depth; i++)
        REQUIRE(rlock_acquire(other->lock, port_self(), COND_FOREVER) == 0);
    atomic_store(&other->holds, 1);
    until(&other->stops, 1);
    for (unsigned i = 0; i < other->depth; i++)
        REQUIRE(rlock_release(other->lock, port_self()) == 0);
    return NULL;
}

static void other_holds(struct other *other, cond_lock_t *lock, unsigned depth)
{
    *other = (struct other){.lock = lock, .depth = depth};
    other->thread = start(run_other, other);
    until(&other->holds, 1);
}

static void other_releases(struct other *other)
{
    atomic_store(&other->stops, 1);
    (void)finish(other->thread);
}

static void *try_it(void *arg)
{
    cond_lock_t *lock = arg;
    int error = try_acquire(lock);
    if (error == 0)
        REQUIRE(rlock_release(lock, port_self()) == 0);
    return (void *)(intptr_t)error;
}

/* Whether another thread can acquire it now. */
static int try_by_other(cond_lock_t *lock) { return (int)(intptr_t)finish(start(try_it, lock)); }

/* ---- Depth ---- */

TEST(acquire_and_release)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    assert_free(&lock);
    for (unsigned depth = 1; depth <= 3; depth++) {
        OK(rlock_acquire(&lock, port_self(), COND_FOREVER));
        assert_mine(&lock, depth);
    }
    for (unsigned depth = 3; depth > 1; depth--) {
        OK(rlock_release(&lock, port_self()));
        assert_mine(&lock, depth - 1);
        assert_int_equal(try_by_other(&lock), EBUSY);
    }
    OK(rlock_release(&lock, port_self()));
    assert_free(&lock);
    assert_int_equal(try_by_other(&lock), 0);
}

/* Each call adds a level. */
TEST(each_acquire_is_a_level)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    assert_int_equal(try_acquire(&lock), 0);
    assert_int_equal(try_acquire(&lock), 0);
    OK(rlock_acquire(&lock, port_self(), DEADLINE_PASSED));
    OK(rlock_acquire(&lock, port_self(), port_now() + COND_SEC(100)));
    OK(rlock_acquire(&lock, port_self(), COND_FOREVER));
    assert_mine(&lock, 5);
    assert_int_equal(rlock_release_save(&lock, port_self()), 5);
    assert_free(&lock);
}

static void saves_and_restores(cond_lock_t *lock, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++)
        OK(rlock_acquire(lock, port_self(), COND_FOREVER));
    assert_mine(lock, depth);
    assert_int_equal(try_by_other(lock), EBUSY);
    assert_int_equal(rlock_release_save(lock, port_self()), depth);
    assert_free(lock);
    assert_int_equal(try_by_other(lock), 0);
    rlock_acquire_restore(lock, port_self(), depth, true);
    assert_mine(lock, depth);
    assert_int_equal(try_by_other(lock), EBUSY);
    for (unsigned i = depth; i > 0; i--) {
        assert_true(rlock_owned(lock));
        OK(rlock_release(lock, port_self()));
    }
    assert_free(lock);
}

TEST(save_and_restore)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    saves_and_restores(&lock, 1);
    saves_and_restores(&lock, 3);
    saves_and_restores(&lock, COND_DEPTH_MAX);
    cond_lock_t mutex = COND_MUTEX_INIT;
    saves_and_restores(&mutex, 1);
}

TEST(no_deeper_than_the_maximum)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    rlock_acquire_restore(&lock, port_self(), COND_DEPTH_MAX - 1, true);
    OK(rlock_acquire(&lock, port_self(), COND_FOREVER));
    assert_mine(&lock, COND_DEPTH_MAX);
    assert_int_equal(rlock_acquire(&lock, port_self(), COND_FOREVER), EAGAIN);
    assert_int_equal(rlock_acquire(&lock, port_self(), DEADLINE_PASSED), EAGAIN);
    assert_int_equal(rlock_acquire(&lock, port_self(), port_now() + COND_SEC(100)), EAGAIN);
    assert_int_equal(try_acquire(&lock), EAGAIN);
    assert_mine(&lock, COND_DEPTH_MAX);
    OK(rlock_release(&lock, port_self()));
    assert_mine(&lock, COND_DEPTH_MAX - 1);
    assert_int_equal(try_acquire(&lock), 0);
    assert_int_equal(rlock_release_save(&lock, port_self()), COND_DEPTH_MAX);
    assert_free(&lock);
}

TEST(mutex_has_one_level)
{
    cond_lock_t mutex = COND_MUTEX_INIT;
    OK(rlock_acquire(&mutex, port_self(), COND_FOREVER));
    assert_int_equal(rlock_acquire(&mutex, port_self(), COND_FOREVER), EDEADLK);
    assert_int_equal(rlock_acquire(&mutex, port_self(), DEADLINE_PASSED), EDEADLK);
    assert_int_equal(rlock_acquire(&mutex, port_self(), port_now() + COND_SEC(100)), EDEADLK);
    assert_int_equal(try_acquire(&mutex), EDEADLK);
    assert_mine(&mutex, 1);
    OK(rlock_release(&mutex, port_self()));
    assert_free(&mutex);
    assert_int_equal(rlock_release(&mutex, port_self()), EPERM);
    assert_free(&mutex);
}

/* ---- Between threads ---- */

TEST(not_the_holder)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    assert_int_equal(rlock_release(&lock, port_self()), EPERM);
    OK(rlock_release_save(&lock, port_self()));
    assert_free(&lock);

    struct other other;
    other_holds(&other, &lock, 2);
    assert_int_equal(rlock_release(&lock, port_self()), EPERM);
    OK(rlock_release_save(&lock, port_self()));
    assert_false(rlock_owned(&lock));
    assert_int_equal(word_of(&lock), MUTEX_HELD);
    assert_int_equal(depth_of(&lock), 2);
    other_releases(&other);
    assert_free(&lock);
}

TEST(held_by_another)
{
    static const unsigned kinds[] = {COND_RLOCK, COND_MUTEX};
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        cond_lock_t lock;
        struct other other;
        OK(cond_lock_init(&lock, kinds[i]));
        other_holds(&other, &lock, 1);
        assert_int_equal(try_acquire(&lock), EBUSY);
        assert_int_equal(rlock_acquire(&lock, port_self(), DEADLINE_PASSED), ETIMEDOUT);
        assert_int_equal(word_of(&lock), MUTEX_HELD); /* a try changes nothing */
        for (unsigned ms = 1; ms <= 3; ms++) {
            int64_t deadline_ns = port_now() + COND_MS(ms);
            assert_int_equal(rlock_acquire(&lock, port_self(), deadline_ns), ETIMEDOUT);
            assert_true(port_now() >= deadline_ns);
        }
        assert_false(rlock_owned(&lock));
        assert_int_equal(depth_of(&lock), 1);
        other_releases(&other);
        OK(rlock_acquire(&lock, port_self(), DEADLINE_PASSED));
        assert_mine(&lock, 1);
        OK(rlock_release(&lock, port_self()));
        assert_free(&lock);
    }
}

struct acquirer {
    cond_lock_t *lock;
    int64_t deadline_ns;
    unsigned depth; /* 0: acquire; else restore */
    int result;
    bool owned;
    unsigned found;
};

static void *acquire_it(void *arg)
{
    struct acquirer *a = arg;
    if (a->depth != 0)
        rlock_acquire_restore(a->lock, port_self(), a->depth, true);
    else
        a->result = rlock_acquire(a->lock, port_self(), a->deadline_ns);
    a->owned = rlock_owned(a->lock);
    a->found = depth_of(a->lock);
    if (a->owned)
        REQUIRE(rlock_release_save(a->lock, port_self()) == a->found);
    return NULL;
}

/* Returns when a thread is about to sleep: it has set a bit in the word. */
static void until_sleepers(cond_lock_t *lock)
{
    while (!(word_of(lock) & MUTEX_SLEEPERS))
        (void)sched_yield();
}

/* A release wakes the sleeping thread, in each way to acquire, at each depth of the holder. */
TEST(release_wakes_the_sleeper)
{
    struct acquirer acquirers[] = {
        {.deadline_ns = COND_FOREVER},
        {.deadline_ns = INT64_MAX - 1},
        {.depth = 1},
        {.depth = 7},
    };
    for (unsigned saved = 0; saved < 2; saved++)
        for (size_t i = 0; i < LENGTH(acquirers); i++) {
            cond_lock_t lock = COND_RLOCK_INIT;
            struct acquirer *a = &acquirers[i];
            a->lock = &lock;
            rlock_acquire_restore(&lock, port_self(), 2, false);
            pthread_t thread = start(acquire_it, a);
            until_sleepers(&lock);
            if (saved != 0) {
                assert_int_equal(rlock_release_save(&lock, port_self()), 2);
            } else {
                OK(rlock_release(&lock, port_self()));
                assert_true((word_of(&lock) & MUTEX_HELD) != 0); /* one level of two */
                OK(rlock_release(&lock, port_self()));
            }
            (void)finish(thread);
            assert_int_equal(a->result, 0);
            assert_true(a->owned);
            assert_int_equal(a->found, a->depth != 0 ? a->depth : 1);
            /* It has set SLEEPERS again; its release cleared the bit and found no sleeper. */
            assert_free(&lock);
        }
}

TEST(several_sleepers_all_acquire)
{
    enum { THREADS = 8 };
    cond_lock_t lock = COND_RLOCK_INIT;
    struct acquirer acquirers[THREADS];
    pthread_t threads[THREADS];
    OK(rlock_acquire(&lock, port_self(), COND_FOREVER));
    for (unsigned i = 0; i < THREADS; i++) {
        acquirers[i] = (struct acquirer){.lock = &lock, .deadline_ns = COND_FOREVER, .depth = i % 3};
        threads[i] = start(acquire_it, &acquirers[i]);
    }
    until_sleepers(&lock);
    OK(rlock_release(&lock, port_self()));
    for (unsigned i = 0; i < THREADS; i++) {
        (void)finish(threads[i]);
        assert_true(acquirers[i].owned);
    }
    assert_free(&lock);
}

/* ---- The bits of the word, without any race ---- */

/* While a thread starves, new arrivals do not take the lock, nor does an expired waiter; a waiter that
   was chosen does. */
TEST(no_barging_while_a_thread_starves)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    lock.u_.local.as.mine.word = MUTEX_STARVING | MUTEX_SLEEPERS;
    assert_int_equal(try_acquire(&lock), EBUSY);
    assert_int_equal(rlock_acquire(&lock, port_self(), DEADLINE_PASSED), ETIMEDOUT);
    assert_int_equal(rlock_acquire(&lock, port_self(), port_now()), ETIMEDOUT);
    assert_int_equal(word_of(&lock), MUTEX_STARVING | MUTEX_SLEEPERS);
    assert_int_equal(depth_of(&lock), 0);
    assert_true(cond_lock_locked(&lock)); /* reserved for that thread */
    rlock_acquire_restore(&lock, port_self(), 2, true);
    assert_mine(&lock, 2);
    assert_int_equal(word_of(&lock), MUTEX_HELD | MUTEX_STARVING | MUTEX_SLEEPERS);
    OK(rlock_release(&lock, port_self()));
    OK(rlock_release(&lock, port_self()));
    /* It is reserved for the starving thread now; sleepers are not woken meanwhile. */
    assert_int_equal(word_of(&lock), MUTEX_RESERVED | MUTEX_STARVING | MUTEX_SLEEPERS);
}

/* If the starving thread does not acquire it, the lock is reserved for about the starvation threshold. */
TEST(a_free_lock_is_reserved_for_a_short_time)
{
    for (unsigned was_waiting = 0; was_waiting < 2; was_waiting++) {
        cond_lock_t lock = COND_RLOCK_INIT;
        lock.u_.local.as.mine.word = MUTEX_STARVING;
        int64_t began_ns = port_now();
        if (was_waiting)
            rlock_acquire_restore(&lock, port_self(), 1, false);
        else
            OK(rlock_acquire(&lock, port_self(), COND_FOREVER));
        assert_true(port_now() - began_ns >= TUNING_STARVATION_NS);
        assert_mine(&lock, 1);
        assert_int_equal(word_of(&lock) & MUTEX_STARVING_ALL, MUTEX_STARVING);
    }
}

/* The count of starving threads has a maximum; more threads only sleep. */
TEST(the_count_of_starving_threads_is_limited)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    lock.u_.local.as.mine.word = MUTEX_HELD | MUTEX_STARVING_ALL;
    assert_int_equal(rlock_acquire(&lock, port_self(), port_now() + 3 * TUNING_STARVATION_NS), ETIMEDOUT);
    /* It has slept (SLEEPERS), or it got no core before its deadline. */
    assert_int_equal(word_of(&lock) | MUTEX_SLEEPERS, MUTEX_HELD | MUTEX_STARVING_ALL | MUTEX_SLEEPERS);
    lock.u_.local.as.mine.word -= MUTEX_STARVING;
    assert_int_equal(rlock_acquire(&lock, port_self(), port_now() + 3 * TUNING_STARVATION_NS), ETIMEDOUT);
    assert_int_equal(word_of(&lock) | MUTEX_SLEEPERS,
                     MUTEX_HELD | (MUTEX_STARVING_ALL - MUTEX_STARVING) | MUTEX_SLEEPERS);
}

/* A thread that times out leaves no count behind, and SLEEPERS at most. */
TEST(a_thread_that_times_out_does_its_duties)
{
    for (unsigned i = 1; i <= 2; i++) {
        cond_lock_t lock = COND_RLOCK_INIT;
        struct other other;
        other_holds(&other, &lock, 1);
        assert_int_equal(rlock_acquire(&lock, port_self(), port_now() + 2 * i * TUNING_STARVATION_NS / 3), ETIMEDOUT);
        uint32_t word = word_of(&lock);
        assert_true(word == MUTEX_HELD || word == (MUTEX_HELD | MUTEX_SLEEPERS));
        other_releases(&other);
        assert_free(&lock);
    }
}

/* A thread that has waited for the threshold counts as starving, until it has the lock or times out. */
TEST(a_thread_starves_by_itself)
{
    for (unsigned gives_up = 0; gives_up < 2; gives_up++) {
        cond_lock_t lock = COND_RLOCK_INIT;
        OK(rlock_acquire(&lock, port_self(), COND_FOREVER));
        struct acquirer a = {.lock = &lock};
        a.deadline_ns = gives_up != 0 ? port_now() + 20 * TUNING_STARVATION_NS : COND_FOREVER;
        pthread_t thread = start(acquire_it, &a);
        /* (If this thread is late, the other one may have timed out already.) */
        while (!(word_of(&lock) & MUTEX_STARVING_ALL) && port_now() < a.deadline_ns)
            (void)sched_yield();
        if (gives_up != 0)
            (void)finish(thread);
        assert_int_equal(word_of(&lock) & MUTEX_STARVING_ALL, gives_up != 0 ? 0 : MUTEX_STARVING);
        OK(rlock_release(&lock, port_self()));
        if (gives_up == 0)
            (void)finish(thread);
        assert_int_equal(a.result, gives_up != 0 ? ETIMEDOUT : 0);
        assert_free(&lock);
    }
}

int main(void) { return RUN_TESTS("rlock"); }
