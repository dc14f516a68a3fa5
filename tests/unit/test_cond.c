/* SPDX-License-Identifier: MIT */
/* cond.c: a condition on each kind of lock. */
#include "unit.h"
#include "object.h"
#include "mutex.h"
#include "waitq.h"
#include "fixture.h"

/* Returns when a waiter has this bit in its state. */
static void until_state(struct cond_waiter *waiter, uint32_t bit)
{
    while (!(a_load(&waiter->state, acquire) & bit))
        (void)sched_yield();
}

/* Caller must hold the lock. */
static struct cond_waiter *first_waiter(void) { return cond->u_.local.waiters->next; }

/* ---- First come, first served ---- */

TEST_ON(ON_ALL, first_come_first_served)
{
    enum { WAITERS = 6 };
    struct waiter w[WAITERS];
    for (unsigned i = 0; i < WAITERS; i++)
        wait_in_thread(&w[i], NULL, NULL, i % 2 == 0 ? COND_FOREVER : COND_SEC(1000000));
    notify(0);
    assert_int_equal(cond_waiters(cond), WAITERS);
    notify(2);
    assert_all_come(w, 2, 1);
    acquire();
    assert_int_equal(order_count, 2);
    assert_int_equal(cond_waiters(cond), WAITERS - 2);
    OK(cond_notify(cond, 1));
    assert_int_equal(cond_waiters(cond), WAITERS - 3);
    release();
    assert_comes(&w[2], 0, 3);
    acquire();
    OK(cond_notify_all(cond));
    assert_int_equal(cond_waiters(cond), 0);
    assert_int_equal(order_count, 3); /* no waiter returns while the lock is held */
    release();
    assert_all_come(&w[3], WAITERS - 3, 4);
}

TEST_ON(ON_ALL, more_than_there_are)
{
    struct waiter w[3], late;
    notify(SIZE_MAX);
    notify(1);
    for (unsigned i = 0; i < LENGTH(w); i++)
        wait_in_thread(&w[i], NULL, NULL, COND_FOREVER);
    notify(SIZE_MAX);
    assert_all_come(w, LENGTH(w), 1);
    /* A notification that chose no waiter is not kept for a later one. */
    late = waiter_of(NULL, NULL, COND_MS(1));
    late.thread = start(waiter_run, &late);
    assert_comes(&late, ETIMEDOUT, 4);
}

TEST_ON(ON_ALL, wait_begins_after_a_notify)
{
    struct waiter first, second;
    wait_in_thread(&first, NULL, NULL, COND_FOREVER);
    acquire();
    OK(cond_notify(cond, 1));
    /* The notify is not for this later wait, but the release in it wakes `first`. */
    assert_int_equal(cond_wait(cond, COND_MS(1)), ETIMEDOUT);
    release();
    assert_comes(&first, 0, 1);
    wait_in_thread(&second, NULL, NULL, COND_FOREVER);
    notify(1);
    assert_comes(&second, 0, 2);
}

/* ---- The lock, through a wait ---- */

TEST_ON(ON_ALL, wait_releases_and_restores_all_levels)
{
    static const unsigned levels[] = {1, 2, 3, 1000};
    for (size_t i = 0; i < LENGTH(levels) && (i == 0 || kind_is_recursive(subject.kind)); i++)
        for (int timed_out = 0; timed_out < 2; timed_out++) {
            struct waiter w = waiter_of(NULL, NULL, timed_out ? COND_MS(1) : COND_FOREVER);
            w.levels = levels[i];
            w.thread = start(waiter_run, &w);
            if (!timed_out) {
                until_waiters(cond, 1);
                notify(1);
            }
            assert_returns(&w, timed_out ? ETIMEDOUT : 0);
            assert_false(cond_locked(cond)); /* it released exactly as many levels */
        }
}

TEST_ON(ON_RECURSIVE, notifier_holds_several_levels)
{
    struct waiter w;
    wait_in_thread(&w, NULL, NULL, COND_FOREVER);
    for (unsigned i = 0; i < 3; i++)
        acquire();
    OK(cond_notify(cond, 1));
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(order_count, 0);
        release();
    }
    assert_comes(&w, 0, 1);
}

/* ---- Time ---- */

TEST_ON(ON_ALL, no_wait_returns_early)
{
    static const int64_t timeouts[] = {1, COND_US(1), COND_US(60), COND_MS(1), COND_MS(3)};
    struct flag flag = {false, 0};
    acquire();
    for (size_t i = 0; i < 3 * LENGTH(timeouts); i++) {
        int64_t timeout_ns = timeouts[i / 3], before_ns = cond_now();
        assert_int_equal(i % 3 == 0   ? cond_wait(cond, timeout_ns)
                         : i % 3 == 1 ? cond_wait_until(cond, before_ns + timeout_ns)
                                      : cond_wait_for(cond, flag_is_set, &flag, timeout_ns),
                         ETIMEDOUT);
        assert_true(cond_now() - before_ns >= timeout_ns);
        assert_true(cond_owned(cond));
        assert_int_equal(cond_waiters(cond), 0);
    }
    release();
}

TEST(no_acquire_returns_early)
{
    cond_t held = COND_INIT;
    held.own_.u_.local.as.mine.word = MUTEX_HELD; /* no thread will release it */
    for (unsigned ms = 0; ms <= 3; ms++) {
        int64_t before_ns = cond_now();
        assert_int_equal(cond_acquire_timed(&held, COND_MS(ms)), ETIMEDOUT);
        assert_true(cond_now() - before_ns >= COND_MS(ms));
    }
    assert_int_equal(cond_try_acquire(&held), EBUSY);
}

/* A timeout of 0 or less, or a past deadline: the wait releases the lock, but does not sleep. */
TEST_ON(ON_ALL, polls)
{
    static const int64_t nothing[] = {0, -1, -COND_SEC(1), INT64_MIN + 1, INT64_MIN};
    acquire();
    for (size_t i = 0; i < LENGTH(nothing); i++) {
        struct flag flag = {false, 0};
        assert_int_equal(cond_wait(cond, nothing[i]), ETIMEDOUT);
        assert_int_equal(cond_wait_until(cond, nothing[i]), ETIMEDOUT);
        assert_int_equal(cond_wait_until(cond, cond_now()), ETIMEDOUT);
        assert_int_equal(cond_wait_for(cond, flag_is_set, &flag, nothing[i]), ETIMEDOUT);
        assert_true(flag.calls >= 1);
        assert_int_equal(cond_waiters(cond), 0);
    }
    release();
}

TEST_ON(ON_ALL, far_timeouts_never_expire)
{
    static const int64_t far[] = {COND_FOREVER, INT64_MAX - 1, INT64_MAX / 2, COND_SEC(1000000)};
    for (size_t i = 0; i < LENGTH(far); i++) {
        struct waiter w;
        OK(cond_acquire_timed(cond, far[i]));
        release();
        wait_in_thread(&w, NULL, NULL, far[i]);
        notify(1);
        assert_returns(&w, 0);
    }
}

static void *wait_until_deadline(void *arg)
{
    int64_t deadline_ns = *(const int64_t *)arg;
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_wait_until(cond, deadline_ns) == 0);
    REQUIRE(cond_release(cond) == 0);
    return NULL;
}

TEST_ON(ON_ALL, wait_until_is_notified)
{
    int64_t deadlines_ns[] = {cond_now() + COND_SEC(1000000), INT64_MAX - 1, COND_FOREVER};
    for (size_t i = 0; i < LENGTH(deadlines_ns); i++) {
        pthread_t thread = start(wait_until_deadline, &deadlines_ns[i]);
        until_waiters(cond, 1);
        notify(1);
        (void)finish(thread);
    }
}

/* ---- A notification is never lost ---- */

/*
 * Starts n waits one after the other. True: all of them wait, and the caller holds the lock, so that deadlines can pass
 * meanwhile. False: one has returned already, because this machine was slow; then none waits any more, and the caller
 * tries again with a longer timeout.
 */
static bool all_wait(struct waiter *w, unsigned n)
{
    order_count = 0;
    for (unsigned i = 0; i < n; i++) {
        w[i].thread = start(waiter_run, &w[i]);
        acquire();
        while (cond_waiters(cond) + order_count != i + 1) {
            release();
            (void)sched_yield();
            acquire();
        }
        if (i + 1 < n)
            release();
    }
    if (order_count == 0)
        return true;
    OK(cond_notify_all(cond));
    release();
    for (unsigned i = 0; i < n; i++)
        (void)finish(w[i].thread);
    return false;
}

/* The first waiter's deadline passes while the notifier holds the lock. The notify chooses the second waiter. */
TEST_ON(ON_ALL, notify_skips_an_expired_waiter)
{
    for (int with_pred = 0; with_pred < 2; with_pred++) {
        struct waiter w[2];
        struct flag flag = {false, 0};
        int64_t timeout_ns = COND_MS(2);
        do {
            timeout_ns *= 2;
            w[0] = waiter_of(with_pred ? flag_is_set : NULL, &flag, timeout_ns);
            w[1] = waiter_of(NULL, NULL, COND_FOREVER);
        } while (!all_wait(w, 2));
        until_state(first_waiter(), WAITER_EXPIRED);
        OK(cond_notify(cond, 1));
        assert_int_equal(cond_waiters(cond), 0);
        release();
        assert_returns(&w[0], ETIMEDOUT);
        assert_true(w[0].elapsed_ns >= timeout_ns);
        assert_returns(&w[1], 0);
    }
}

/* ---- Predicates ---- */

TEST_ON(ON_ALL, already_true)
{
    static const int64_t timeouts[] = {COND_FOREVER, 0, INT64_MIN, COND_MS(1)};
    struct flag flag = {true, 0};
    acquire();
    for (unsigned i = 0; i < LENGTH(timeouts); i++) {
        OK(cond_wait_for(cond, flag_is_set, &flag, timeouts[i]));
        assert_int_equal(flag.calls, i + 1);
    }
    release();
}

static bool is_second_call(void *arg) { return ++*(unsigned *)arg == 2; }

/* No notify, but the predicate is true when the wait times out. */
TEST_ON(ON_ALL, true_when_timed_out)
{
    unsigned calls = 0;
    acquire();
    OK(cond_wait_for(cond, is_second_call, &calls, COND_MS(1)));
    assert_int_equal(calls, 2);
    release();
}

/* The change may come after the notify, in the same critical section. */
TEST_ON(ON_ALL, notified_before_the_change)
{
    struct waiter w;
    struct flag flag = {false, 0};
    wait_in_thread(&w, flag_is_set, &flag, COND_FOREVER);
    acquire();
    unsigned calls = flag.calls;
    OK(cond_notify(cond, 1));
    assert_int_equal(flag.calls, calls); /* notify does not call it */
    flag.value = true;
    release();
    assert_comes(&w, 0, 1);
}

/* A waiter with a false predicate is left asleep or queued again, and is counted as waiting. */
TEST_ON(ON_ALL, false_predicates_keep_their_places)
{
    enum { WAITERS = 4 };
    struct waiter w[WAITERS];
    struct flag flag[WAITERS] = {{false, 0}};
    for (unsigned i = 0; i < WAITERS; i++)
        wait_in_thread(&w[i], flag_is_set, &flag[i], COND_FOREVER);
    acquire();
    OK(cond_notify_all(cond));
    release();
    until_waiters(cond, WAITERS);
    acquire();
    assert_int_equal(order_count, 0);
    for (unsigned i = 0; i < WAITERS; i++) {
        assert_int_equal(flag[i].calls, 2); /* by itself at first, and for the notify_all */
        flag[i].value = true;
    }
    OK(cond_notify(cond, WAITERS));
    release();
    assert_all_come(w, WAITERS, 1);
}

/* The notification passes from a false predicate to the next waiter. */
TEST_ON(ON_ALL, passes_on_to_the_next_waiter)
{
    struct waiter a, b, c;
    struct flag flag_a = {false, 0}, flag_b = {false, 0};
    wait_in_thread(&a, flag_is_set, &flag_a, COND_FOREVER);
    wait_in_thread(&b, flag_is_set, &flag_b, COND_FOREVER);
    wait_in_thread(&c, NULL, NULL, COND_FOREVER);
    acquire();
    flag_b.value = true;
    OK(cond_notify(cond, 1));
    release();
    assert_comes(&b, 0, 1);
    until_waiters(cond, 2); /* a is back in its place, before c */
    notify(1);
    assert_comes(&c, 0, 2);        /* a passes it on again */
    until_waiters(cond, 1);
    acquire();
    flag_a.value = true;
    OK(cond_notify(cond, 1));
    release();
    assert_comes(&a, 0, 3);
}

/* Starts two waiters and notifies the first before its deadline. True: the caller holds the lock. False: too late. */
static bool first_is_notified_in_time(struct waiter *w, struct flag *flag, int64_t timeout_ns)
{
    *flag = (struct flag){false, 0};
    w[0] = waiter_of(flag_is_set, flag, timeout_ns);
    w[1] = waiter_of(NULL, NULL, COND_FOREVER);
    if (!all_wait(w, 2))
        return false;
    flag->value = true;
    OK(cond_notify(cond, 1));
    if (cond_waiters(cond) == 1)
        return true;
    release();
    (void)finish(w[0].thread);
    (void)finish(w[1].thread);
    return false;
}

/* A waiter is notified with a true predicate, and its deadline passes before the release. If the predicate stays true
   the wait returns 0. If it is false again the wait times out, and the notification passes to the next waiter. */
TEST_ON(ON_ALL, deadline_passes_after_the_notify)
{
    for (int stays_true = 0; stays_true < 2; stays_true++) {
        struct waiter w[2];
        struct flag flag;
        int64_t timeout_ns = COND_MS(4);
        while (!first_is_notified_in_time(w, &flag, timeout_ns))
            timeout_ns *= 2;
        if (subject.kind < PRIVATE_KINDS) {
            until_state(cond_get_lock(cond)->u_.local.notified->next, WAITER_EXPIRED);
        } else { /* the notify woke it: it reads no clock, but its deadline passes */
            int64_t since_ns = cond_now();
            while (cond_now() - since_ns < timeout_ns)
                (void)sched_yield();
        }
        flag.value = stays_true != 0;
        release();
        assert_returns(&w[0], stays_true ? 0 : ETIMEDOUT);
        if (stays_true) {
            assert_int_equal(cond_waiters(cond), 1);
            notify(1);
        }
        assert_returns(&w[1], 0);
    }
}

/* The same, the predicate stays true, but the condition is destroyed meanwhile and its memory is used again. */
TEST(satisfied_waiter_does_not_touch_its_condition)
{
    bool chosen = false;
    for (int64_t timeout_ns = COND_MS(4); !chosen; timeout_ns *= 2) {
        struct flag flag = {false, 0};
        subject_make(&subject, RLOCK_ELSEWHERE);
        struct waiter w = waiter_of(flag_is_set, &flag, timeout_ns);
        if (all_wait(&w, 1)) {
            flag.value = true;
            OK(cond_notify(cond, 1));
            chosen = subject.lock.u_.local.notified != NULL; /* in time */
            if (chosen) {
                until_state(subject.lock.u_.local.notified->next, WAITER_EXPIRED);
                OK(cond_destroy(cond));
                *cond = (cond_t){.lock_ = &subject.lock};
                cond->u_.local.waiters = (struct cond_waiter *)1; /* a pointer that must not be followed */
            }
            OK(cond_lock_release(&subject.lock));
            (void)finish(w.thread);
            if (chosen)
                assert_int_equal(w.result, 0);
            cond->u_.local.waiters = NULL;
        }
        assert_true(subject_unmake(&subject));
    }
}

/* The library does not see the release of a foreign lock: the woken waiter finds its predicate false and passes on. */
TEST_ON(ON(FOREIGN) | ON(FOREIGN_REQUIRED) | ON(PTHREAD_MUTEX), woken_with_a_false_predicate)
{
    struct waiter a, b, late;
    struct flag flag = {false, 0};
    wait_in_thread(&a, flag_is_set, &flag, COND_SEC(1000000));
    wait_in_thread(&b, NULL, NULL, COND_SEC(1000000));
    acquire();
    flag.value = true;
    OK(cond_notify(cond, 1));
    assert_int_equal(cond_waiters(cond), 1);
    flag.value = false; /* `a` is awake and wants the lock */
    release();
    assert_comes(&b, 0, 1);
    until_waiters(cond, 1);
    wait_in_thread(&late, NULL, NULL, COND_FOREVER);
    acquire();
    flag.value = true;
    OK(cond_notify(cond, 1)); /* `a` is still the first */
    release();
    assert_comes(&a, 0, 2);
    notify(1);
    assert_comes(&late, 0, 3);
}

/* ---- Several conditions on one lock ---- */

TEST_ON(ON_ELSEWHERE, several_conditions_on_one_lock)
{
    cond_t other;
    struct waiter w[3], *a = &w[0], *b = &w[1], *c = &w[2];
    OK(cond_init(&other, &subject.lock, 0));
    assert_ptr_equal(cond_get_lock(&other), cond_get_lock(cond));
    wait_in_thread(a, NULL, NULL, COND_FOREVER);
    waiter_start(b, (struct waiter){.cond = &other, .levels = 1, .timeout_ns = COND_FOREVER});
    wait_in_thread(c, NULL, NULL, COND_FOREVER);

    acquire();
    assert_true(cond_owned(&other));
    OK(cond_notify_all(&other));
    assert_int_equal(cond_waiters(&other), 0);
    assert_int_equal(cond_waiters(cond), 2);
    release();
    assert_comes(b, 0, 1);

    waiter_start(b, *b);
    acquire();
    OK(cond_notify(cond, 1));
    OK(cond_notify(&other, 1));
    OK(cond_notify(cond, 1));
    release();
    assert_all_come(w, LENGTH(w), 2);
    OK(cond_destroy(&other));
}

/* ---- The end of a condition ---- */

/* A chosen waiter does not touch its condition if the lock is elsewhere: the memory may be used again before it
   returns. */
TEST_ON(ON_ELSEWHERE, freed_before_the_waiters_return)
{
    cond_t *freed = malloc(sizeof *freed);
    assert_non_null(freed);
    OK(cond_init(freed, &subject.lock, 0));
    struct waiter w[3];
    for (unsigned i = 0; i < LENGTH(w); i++)
        waiter_start(&w[i], (struct waiter){.cond = freed, .levels = 1, .timeout_ns = COND_SEC(1000000)});
    assert_int_equal(cond_destroy(freed), EBUSY);
    acquire();
    assert_int_equal(cond_destroy(freed), EBUSY);
    OK(cond_notify_all(freed));
    OK(cond_destroy(freed));
    memset(freed, 0xFF, sizeof *freed);
    free(freed);
    release();
    for (unsigned i = 0; i < LENGTH(w); i++)
        assert_returns(&w[i], 0);
}

/* With the lock inside the condition, destroy must wait until the waiters have released it. */
TEST_ON(ON(OWN_RLOCK) | ON(OWN_MUTEX), busy_until_the_waiters_return)
{
    struct waiter w;
    wait_in_thread(&w, NULL, NULL, COND_FOREVER);
    assert_int_equal(cond_destroy(cond), EBUSY);
    acquire();
    assert_int_equal(cond_destroy(cond), EBUSY);
    OK(cond_notify(cond, 1));
    assert_int_equal(cond_waiters(cond), 0);
    assert_int_equal(cond_destroy(cond), EBUSY);
    release();
    while (cond_destroy(cond) == EBUSY)
        (void)sched_yield();
    (void)finish(w.thread);
    assert_int_equal(w.result, 0);
    assert_int_equal(cond_acquire(cond), EINVAL);
    subject_ended = true;
}

/* ---- Making conditions ---- */

static cond_t all_zero;
static cond_t static_cond = COND_INIT;
static cond_lock_t static_mutex = COND_MUTEX_INIT;
static cond_t static_on_mutex = COND_INIT_WITH(&static_mutex);

TEST(static_initialisers)
{
    cond_t *conds[] = {&all_zero, &static_cond, &static_on_mutex};
    for (size_t i = 0; i < LENGTH(conds); i++) {
        OK(cond_acquire(conds[i]));
        assert_int_equal(cond_acquire(conds[i]), i == 2 ? EDEADLK : 0);
        assert_int_equal(cond_wait(conds[i], COND_US(1)), ETIMEDOUT);
        OK(cond_release(conds[i]));
        assert_int_equal(cond_release(conds[i]), i == 2 ? EPERM : 0);
        struct waiter w;
        waiter_start(&w, (struct waiter){.cond = conds[i], .levels = 1, .timeout_ns = COND_FOREVER});
        OK(cond_acquire(conds[i]));
        OK(cond_notify_all(conds[i]));
        OK(cond_release(conds[i]));
        assert_returns(&w, 0);
    }
    assert_ptr_equal(cond_get_lock(&static_on_mutex), &static_mutex);
    assert_non_null(cond_get_lock(&all_zero));
}

TEST(init_over_garbage)
{
    for (unsigned flags = COND_RLOCK; flags <= COND_MUTEX; flags++) {
        cond_t made;
        memset(&made, 0xA5, sizeof made);
        OK(cond_init(&made, NULL, flags));
        assert_int_equal(cond_waiters(&made), 0);
        OK(cond_acquire(&made));
        assert_int_equal(cond_try_acquire(&made), flags == COND_MUTEX ? EDEADLK : 0);
        assert_int_equal(cond_wait(&made, 0), ETIMEDOUT);
        assert_int_equal(cond_destroy(&made), EBUSY);
        OK(cond_release(&made));
    }
}

/* ---- COND_WITH ---- */

static bool is_free(void) { return !cond_owned(cond) && !cond_locked(cond); }

static int left_by_return(void)
{
    COND_WITH (cond) {
        if (cond_owned(cond))
            return 1;
    }
    return 0;
}

static bool left_by_goto(void)
{
    bool inside = false;
    COND_WITH (cond) {
        inside = cond_owned(cond);
        if (inside)
            goto out;
        inside = false;
    }
out:
    return inside && is_free();
}

TEST_ON(ON(OWN_RLOCK), with)
{
    unsigned entered = 0;
    COND_WITH (cond) {
        assert_true(cond_owned(cond));
        entered++;
    }
    assert_int_equal(entered, 1);
    assert_true(is_free());

    COND_WITH (cond) {
        entered++;
        if (entered != 0)
            break;
        entered = 1000;
    }
    assert_int_equal(entered, 2);
    assert_true(is_free());

    COND_WITH (cond) {
        entered++;
        if (entered != 0)
            continue;
        entered = 1000;
    }
    assert_int_equal(entered, 3);
    assert_true(is_free());
    assert_int_equal(left_by_return(), 1);
    assert_true(is_free());
    assert_true(left_by_goto());

    /* In a loop, break leaves the block only. */
    for (unsigned i = 0; i < 3; i++) {
        COND_WITH (cond) {
            entered++;
            break;
        }
        assert_true(is_free());
    }
    assert_int_equal(entered, 6);

    /* A block in a block releases its own level. */
    COND_WITH (cond) {
        COND_WITH (cond) {
            entered++;
        }
        assert_true(cond_owned(cond));
        for (unsigned i = 0; i < 2; i++)
            COND_WITH (cond)
                entered++;
        assert_true(cond_owned(cond));
    }
    assert_int_equal(entered, 9);
    assert_true(is_free());
}

TEST_ON(ON(OWN_MUTEX), with_is_not_entered_on_failure)
{
    cond_t destroyed = COND_INIT;
    bool entered = false;
    OK(cond_destroy(&destroyed));
    COND_WITH (&destroyed)
        entered = true;
    assert_false(entered);
    COND_WITH ((cond_t *)NULL)
        entered = true;
    assert_false(entered);
    COND_WITH (cond) {
        COND_WITH (cond) /* EDEADLK */
            entered = true;
        assert_false(entered);
        assert_true(cond_owned(cond)); /* the inner block released nothing */
    }
    assert_true(is_free());
}

static void *wait_within(void *arg)
{
    cond_t *brief = arg;
    COND_WITH (brief)
        REQUIRE(cond_wait(brief, COND_FOREVER) == 0);
    return NULL;
}

/* The condition of a block is destroyed: by its notifier, or in the block. The block releases the lock all the same. */
TEST_ON(ON(RLOCK_ELSEWHERE) | ON(MUTEX_ELSEWHERE), with_releases_after_its_condition_was_destroyed)
{
    cond_t brief;
    OK(cond_init(&brief, &subject.lock, 0));
    pthread_t thread = start(wait_within, &brief);
    until_waiters(&brief, 1);
    acquire();
    OK(cond_notify(&brief, 1));
    OK(cond_destroy(&brief));
    memset((void *)&brief, 0x5A, sizeof brief);
    release();
    (void)finish(thread);
    assert_true(is_free());

    OK(cond_init(&brief, &subject.lock, 0));
    COND_WITH (&brief)
        OK(cond_destroy(&brief));
    assert_true(is_free());
}

static int acquire_with_eownerdead(void *object, int64_t deadline_ns)
{
    int error = spinlock_acquire(object, deadline_ns);
    return error == 0 ? EOWNERDEAD : error;
}

/* With EOWNERDEAD the lock is held. */
TEST(with_is_entered_on_eownerdead)
{
    static const cond_lock_ops_t ops = {
        .acquire = acquire_with_eownerdead, .release = spinlock_release, .owned = spinlock_owned};
    struct spinlock spinlock = {.recursive = false};
    cond_lock_t lock;
    cond_t on_it;
    bool entered = false;
    OK(cond_lock_init_foreign(&lock, &ops, &spinlock));
    OK(cond_init(&on_it, &lock, 0));
    COND_WITH (&on_it)
        entered = spinlock_owned(&spinlock);
    assert_true(entered);
    assert_false(spinlock_owned(&spinlock));
}

/* ---- fork ---- */

#ifdef HAVE_FORK
static void require_as_good_as_new(void)
{
    struct flag no = {false, 0}, yes = {true, 0};
    REQUIRE(!cond_locked(cond) && !cond_owned(cond) && cond_waiters(cond) == 0);
    REQUIRE(cond_release(cond) == EPERM);
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_owned(cond));
    REQUIRE(cond_wait(cond, COND_US(10)) == ETIMEDOUT);
    REQUIRE(cond_wait_for(cond, flag_is_set, &no, 0) == ETIMEDOUT);
    REQUIRE(cond_wait_for(cond, flag_is_set, &yes, COND_FOREVER) == 0);
    REQUIRE(cond_notify(cond, SIZE_MAX) == 0);
    REQUIRE(cond_notify_all(cond) == 0);
    REQUIRE(cond_release(cond) == 0);
    REQUIRE(cond_destroy(cond) == 0);
    REQUIRE(cond_acquire(cond) == EINVAL);
}

static void child_reinits(UNUSED void *arg)
{
    REQUIRE(cond_reinit_after_fork(cond) == 0);
    require_as_good_as_new();
}

/* Destroy may fail, but it returns. */
static void child_destroys(UNUSED void *arg)
{
    int error = cond_destroy(cond);
    REQUIRE(error == 0 || error == EBUSY);
    if (error == 0) {
        REQUIRE(cond_acquire(cond) == EINVAL);
    } else {
        REQUIRE(cond_reinit_after_fork(cond) == 0);
        REQUIRE(cond_destroy(cond) == 0);
    }
}

/* In the child, the threads that hold the lock and wait do not exist. */
TEST_ON(ON_PRIVATE, fork_while_other_threads_hold_and_wait)
{
    struct waiter w[3];
    struct holder holder;
    for (unsigned i = 0; i < LENGTH(w); i++)
        wait_in_thread(&w[i], NULL, NULL, COND_FOREVER);
    in_child(child_reinits, NULL);
    in_child(child_destroys, NULL);
    holder_start(&holder, cond_get_lock(cond));
    in_child(child_reinits, NULL);
    in_child(child_destroys, NULL);
    holder_stop(&holder);
    /* Nothing has changed in the parent. */
    assert_int_equal(cond_waiters(cond), LENGTH(w));
    notify(SIZE_MAX);
    assert_all_come(w, LENGTH(w), 1);
}

static void child_holds_the_lock(UNUSED void *arg)
{
    struct flag no = {false, 0};
    REQUIRE(cond_owned(cond));
    REQUIRE(cond_wait_for(cond, flag_is_set, &no, COND_US(10)) == ETIMEDOUT);
    REQUIRE(cond_owned(cond));
    REQUIRE(cond_release(cond) == 0);
    require_as_good_as_new();
}

/* A lock that the forking thread holds is held in the child too. The child may reinit it nevertheless. */
TEST_ON(ON_PRIVATE, fork_while_holding)
{
    acquire();
    in_child(child_holds_the_lock, NULL);
    in_child(child_reinits, NULL);
    in_child(child_destroys, NULL);
    assert_true(cond_owned(cond));
    release();
}

/* The first reinit frees the lock, the second one finds it free. Chosen waiters do not exist in the child. The child
   leaves the foreign lock as it is: held by the forking thread. */
static void child_reinits_two(UNUSED void *arg)
{
    cond_t other;
    REQUIRE(cond_init(&other, &subject.lock, 0) == 0);
    REQUIRE(cond_reinit_after_fork(cond) == 0);
    REQUIRE(cond_reinit_after_fork(&other) == 0);
    if (subject.kind == FOREIGN) {
        REQUIRE(cond_owned(cond));
        REQUIRE(cond_release(cond) == 0);
    }
    require_as_good_as_new();
    REQUIRE(cond_acquire(&other) == 0);
    REQUIRE(cond_release(&other) == 0);
    REQUIRE(cond_destroy(&other) == 0);
}

TEST_ON(ON(RLOCK_ELSEWHERE) | ON(MUTEX_ELSEWHERE) | ON(FOREIGN), fork_with_chosen_waiters)
{
    struct waiter w[2];
    for (unsigned k = 0; k < LENGTH(w); k++)
        wait_in_thread(&w[k], NULL, NULL, COND_FOREVER);
    acquire();
    OK(cond_notify(cond, 1));
    in_child(child_reinits_two, NULL);
    OK(cond_notify(cond, 1));
    release();
    assert_all_come(w, LENGTH(w), 1);
}
#endif

/* ---- Cancellation ---- */

struct cancelled {
    bool before;      /* it cancels itself before its first call */
    atomic_int ready; /* may be cancelled now */
    unsigned passed;  /* how many calls have returned; under the lock until the notify */
    int results[8];
};

/* Returns when a thread is about to sleep for the lock: the word of a mutex has a bit for it. */
static void until_sleepers(void)
{
    while (!(a_load_32(&cond_get_lock(cond)->u_.local.as.mine.word) & MUTEX_SLEEPERS))
        (void)sched_yield();
}

static void note(struct cancelled *c, int result) { c->results[c->passed++] = result; }

static void *run_cancelled(void *arg)
{
    struct cancelled *c = arg;
    struct flag no = {false, 0};
    if (c->before)
        REQUIRE(pthread_cancel(pthread_self()) == 0);
    atomic_store(&c->ready, 1);
    note(c, cond_acquire(cond)); /* contended */
    note(c, cond_wait(cond, COND_US(10)));
    note(c, cond_wait_for(cond, flag_is_set, &no, COND_US(10)));
    note(c, cond_wait(cond, COND_FOREVER)); /* until notified */
    note(c, cond_notify_all(cond));
    note(c, cond_release(cond));
    note(c, cond_acquire_timed(cond, COND_FOREVER));
    note(c, cond_release(cond));
    pthread_testcancel();
    return NULL;
}

TEST_ON(ON(OWN_RLOCK) | ON(OWN_MUTEX), not_a_cancellation_point)
{
    enum { BEFORE, IN_ACQUIRE, IN_WAIT, MOMENTS };
    for (int moment = BEFORE; moment < MOMENTS; moment++) {
        static const int expected[] = {0, ETIMEDOUT, ETIMEDOUT, 0, 0, 0, 0, 0};
        struct cancelled c = {.before = moment == BEFORE};
        acquire();
        pthread_t thread = start(run_cancelled, &c);
        until(&c.ready, 1);
        until_sleepers();
        if (moment == IN_ACQUIRE)
            OK(pthread_cancel(thread));
        release();
        for (bool last = false; !last; (void)sched_yield()) {
            acquire();
            last = c.passed == 3 && cond_waiters(cond) == 1;
            if (last) {
                until_state(first_waiter(), WAITER_ASLEEP);
                if (moment == IN_WAIT)
                    OK(pthread_cancel(thread));
                OK(cond_notify(cond, 1));
            }
            release();
        }
        assert_ptr_equal(finish(thread), PTHREAD_CANCELED);
        assert_int_equal(c.passed, LENGTH(expected));
        assert_memory_equal(c.results, expected, sizeof expected);
    }
}

/* ---- errno ---- */

#define KEEPS_ERRNO(call)                                                                                              \
    do {                                                                                                               \
        errno = 4711;                                                                                                  \
        (void)(call);                                                                                                  \
        assert_int_equal(errno, 4711);                                                                                 \
    } while (0)

static void *notify_a_sleeper(UNUSED void *arg)
{
    until_waiters(cond, 1);
    REQUIRE(cond_acquire(cond) == 0);
    until_state(first_waiter(), WAITER_ASLEEP);
    REQUIRE(cond_notify(cond, 1) == 0);
    REQUIRE(cond_release(cond) == 0);
    return NULL;
}

static void *hold_until_a_thread_sleeps(void *holds)
{
    REQUIRE(cond_acquire(cond) == 0);
    atomic_store((atomic_int *)holds, 1);
    until_sleepers();
    REQUIRE(cond_release(cond) == 0);
    return NULL;
}

TEST_ON(ON_ALL, errno_is_not_changed)
{
    struct flag no = {false, 0};
    char text[200];
    KEEPS_ERRNO(cond_release(NULL));
    KEEPS_ERRNO(cond_wait(cond, COND_MS(1))); /* EPERM */
    KEEPS_ERRNO(cond_notify(cond, 1));
    KEEPS_ERRNO(cond_acquire(cond));
    if (subject.kind != PTHREAD_MUTEX)
        KEEPS_ERRNO(cond_acquire(cond)); /* a level deeper, or EDEADLK */
    KEEPS_ERRNO(cond_try_acquire(cond));
    KEEPS_ERRNO(cond_acquire_timed(cond, COND_US(10)));
    KEEPS_ERRNO(cond_wait(cond, COND_US(100)));
    KEEPS_ERRNO(cond_wait(cond, INT64_MIN));
    KEEPS_ERRNO(cond_wait_until(cond, cond_now() + COND_US(100)));
    KEEPS_ERRNO(cond_wait_for(cond, flag_is_set, &no, COND_US(100)));
    KEEPS_ERRNO(cond_notify(cond, SIZE_MAX));
    KEEPS_ERRNO(cond_notify_all(cond));
    KEEPS_ERRNO(cond_locked(cond));
    KEEPS_ERRNO(cond_owned(cond));
    KEEPS_ERRNO(cond_waiters(cond));
    KEEPS_ERRNO(cond_recover(cond));
    KEEPS_ERRNO(cond_describe(cond, text, sizeof text));
    KEEPS_ERRNO(cond_strerror(EPERM));
    KEEPS_ERRNO(cond_strerror(-1));
    KEEPS_ERRNO(cond_now());
    KEEPS_ERRNO(cond_get_lock(cond));
    pthread_t thread = start(notify_a_sleeper, NULL);
    KEEPS_ERRNO(cond_wait(cond, COND_FOREVER)); /* sleeps in the kernel and is woken */
    (void)finish(thread);
    do
        KEEPS_ERRNO(cond_release(cond));
    while (cond_owned(cond));
    if (subject.kind < PRIVATE_KINDS) {
        atomic_int holds = 0;
        thread = start(hold_until_a_thread_sleeps, &holds);
        until(&holds, 1);
        KEEPS_ERRNO(cond_acquire(cond));
        (void)finish(thread);
        KEEPS_ERRNO(cond_release(cond));
    }
    KEEPS_ERRNO(cond_reinit_after_fork(cond));
    KEEPS_ERRNO(cond_destroy(cond));
    KEEPS_ERRNO(cond_destroy(cond));
    KEEPS_ERRNO(cond_init(cond, NULL, 1000));
    KEEPS_ERRNO(cond_init(cond, NULL, COND_SHARED));
    KEEPS_ERRNO(cond_init(cond, NULL, 0));
    KEEPS_ERRNO(cond_lock_init(&subject.lock, COND_MUTEX));
    KEEPS_ERRNO(cond_lock_destroy(&subject.lock));
    OK(pthread_mutex_destroy(&subject.mutex));
    subject_ended = true;
}

int main(void) { return RUN_TESTS("cond"); }
