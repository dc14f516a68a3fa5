/* SPDX-License-Identifier: MIT */
/*
 * cond_await(), cond_close(), cond_cancel(), cond_stop() and cond_wait_with(): what ends a wait other than a notify, on
 * each kind of lock that has it, for threads and tasks.
 */
#include "fixture.h"

#define ON_SEEN (ON_PRIVATE | ON(FOREIGN))

/* ---- A thread that waits with options ---- */

enum how { WAIT, WAIT_FOR, AWAIT };

/* Await is for private locks: the library must see each release. */
static enum how await_if_possible(void) { return subject.kind == FOREIGN ? WAIT_FOR : AWAIT; }

static void wait_with(struct waiter *w, enum how how, cond_token_t *token, cond_stop_t *stop, int64_t timeout_ns)
{
    struct waiter value = waiter_of(how != WAIT ? has_item : NULL, NULL, timeout_ns);
    value.with_options = true;
    value.options.token = token;
    value.options.stop = stop;
    value.options.unnotified = how == AWAIT;
    value.takes = how != WAIT;
    waiter_start(w, value);
}

static void wait_until_stopped(struct waiter *w, enum how how, cond_stop_t *stop)
{
    wait_with(w, how, NULL, stop, COND_FOREVER);
}

static void wait_how(struct waiter *w, enum how how, cond_token_t *token)
{
    wait_with(w, how, token, NULL, COND_FOREVER);
}

/* ---- Await ---- */

TEST_ON(ON_PRIVATE, await_needs_no_notify)
{
    struct waiter w[3];
    for (unsigned i = 0; i < LENGTH(w); i++)
        wait_how(&w[i], AWAIT, NULL);
    acquire();
    OK(cond_notify_all(cond)); /* chooses none of them */
    release();
    acquire();
    assert_int_equal(cond_waiters(cond), LENGTH(w));
    items = 1;
    release();
    /* The first takes it. The others stay, and are counted. */
    assert_returns(&w[0], 0);
    acquire();
    assert_int_equal(cond_waiters(cond), LENGTH(w) - 1);
    assert_int_equal(items, 0);
    items = 2;
    release();
    for (unsigned i = 1; i < LENGTH(w); i++)
        assert_returns(&w[i], 0);
    assert_int_equal(items, 0);
}

/* A release wakes the first that arrived: only that one can find the item. */
TEST_ON(ON(OWN_MUTEX), await_wakes_in_order_of_arrival)
{
    struct waiter w[4];
    for (unsigned i = 0; i < LENGTH(w); i++)
        wait_how(&w[i], AWAIT, NULL);
    for (unsigned i = 0; i < LENGTH(w); i++) {
        acquire();
        items = 1;
        release();
        assert_returns(&w[i], 0);
        assert_int_equal(cond_waiters(cond), LENGTH(w) - 1 - i);
    }
}

TEST_ON(ON(OWN_RLOCK), await_calls_each_predicate_once_a_release)
{
    struct waiter w[5];
    for (unsigned i = 0; i < LENGTH(w); i++)
        wait_how(&w[i], AWAIT, NULL);
    for (unsigned i = 0; i < 3; i++) {
        acquire();
        item_calls = 0;
        release();
        acquire();
        assert_int_equal(item_calls, LENGTH(w));
        item_calls = 0;
        /* This thread polls the same predicate: the release in it still calls each waiter's predicate, and once. */
        assert_int_equal(cond_wait_for(cond, has_item, NULL, 0), ETIMEDOUT);
        assert_int_equal(item_calls, LENGTH(w) + 2);
        release();
    }
    acquire();
    items = LENGTH(w);
    release();
    for (unsigned i = 0; i < LENGTH(w); i++)
        assert_returns(&w[i], 0);
}

TEST_ON(ON(OWN_RLOCK), await_restores_the_depth_and_times_out)
{
    acquire();
    acquire();
    assert_int_equal(cond_await(cond, has_item, NULL, 0), ETIMEDOUT);
    assert_int_equal(cond_await(cond, has_item, NULL, COND_MS(1)), ETIMEDOUT);
    assert_int_equal(cond_waiters(cond), 0);
    items = 1;
    OK(cond_await(cond, has_item, NULL, COND_FOREVER));
    release();
    assert_true(cond_owned(cond));
    release();
    assert_false(cond_owned(cond));
}

TEST_ON(ON(FOREIGN), await_is_refused_where_releases_are_not_seen)
{
    acquire();
    assert_int_equal(cond_await(cond, has_item, NULL, 0), ENOTSUP);
    assert_int_equal(item_calls, 0);
    assert_int_equal(cond_wait_with(cond, &(cond_wait_options_t){.pred = has_item, .unnotified = true}),
                     ENOTSUP);
    release();
}

/* ---- Close ---- */

TEST_ON(ON_SEEN, close_ends_all_waits)
{
    bool seen = subject.kind != FOREIGN;
    struct waiter plain[2], timed, pred, awaits;
    wait_how(&plain[0], WAIT, NULL);
    wait_how(&plain[1], WAIT, NULL);
    wait_how(&pred, WAIT_FOR, NULL);
    wait_how(&awaits, await_if_possible(), NULL);
    wait_with(&timed, WAIT, NULL, NULL, COND_SEC(1000));
    acquire();
    assert_false(cond_closed(cond));
    OK(cond_close(cond));
    assert_true(cond_closed(cond));
    assert_int_equal(cond_waiters(cond), 0);
    OK(cond_close(cond));
    release();
    struct waiter *all[] = {&plain[0], &plain[1], &pred, &timed, &awaits};
    for (size_t i = 0; i < LENGTH(all); i++)
        assert_returns(all[i], ECANCELED);

    /* Later waits end too, but for those whose predicate is true. */
    acquire();
    assert_int_equal(cond_wait(cond, COND_FOREVER), ECANCELED);
    assert_int_equal(cond_wait(cond, 0), ECANCELED);
    assert_int_equal(cond_wait_until(cond, cond_deadline(COND_SEC(1000))), ECANCELED);
    assert_int_equal(cond_wait_for(cond, has_item, NULL, COND_FOREVER), ECANCELED);
    if (seen)
        assert_int_equal(cond_await(cond, has_item, NULL, COND_FOREVER), ECANCELED);
    items = 1;
    OK(cond_wait_for(cond, has_item, NULL, COND_FOREVER));
    if (seen)
        OK(cond_await(cond, has_item, NULL, COND_FOREVER));
    OK(cond_notify(cond, 1));
    OK(cond_notify_all(cond));
    assert_true(cond_owned(cond));
    OK(cond_cancel(cond, &(cond_token_t){0}));
    release();
    OK(cond_try_acquire(cond));
    release();
    assert_true(cond_closed(cond));
    assert_true(subject_unmake(&subject));
    assert_false(cond_closed(cond));
    subject_make(&subject, subject.kind);
    assert_false(cond_closed(cond));
}

/* Waits with true predicates return 0, so a buffer can be drained. */
TEST_ON(ON_SEEN, close_leaves_true_predicates_alone)
{
    struct waiter w[3];
    for (unsigned i = 0; i < LENGTH(w); i++)
        wait_how(&w[i], i % 2 == 0 ? WAIT_FOR : await_if_possible(), NULL);
    acquire();
    items = 2;
    OK(cond_close(cond));
    release();
    int zeros = 0;
    for (unsigned i = 0; i < LENGTH(w); i++) {
        (void)finish(w[i].thread);
        assert_true(w[i].owned);
        assert_true(w[i].result == 0 || w[i].result == ECANCELED);
        zeros += w[i].result == 0;
    }
    assert_int_equal(zeros, 2);
    assert_int_equal(items, 0);
}

/* A waiter without a predicate that was chosen before the close returns 0. */
TEST_ON(ON_SEEN, close_after_notify)
{
    struct waiter w[3];
    for (unsigned i = 0; i < LENGTH(w); i++)
        wait_how(&w[i], WAIT, NULL);
    acquire();
    OK(cond_notify(cond, 2));
    OK(cond_close(cond));
    release();
    assert_returns(&w[0], 0);
    assert_returns(&w[1], 0);
    assert_returns(&w[2], ECANCELED);
}

/* A closed condition without waiters may be destroyed before the threads whose wait was ended return. */
TEST_ON(ON(RLOCK_ELSEWHERE) | ON(MUTEX_ELSEWHERE), destroy_right_after_close)
{
    for (unsigned round = 0; round < 100; round++) {
        struct waiter w[3];
        wait_how(&w[0], WAIT, NULL);
        wait_how(&w[1], AWAIT, NULL);
        wait_how(&w[2], WAIT, NULL);
        acquire();
        OK(cond_close(cond));
        OK(cond_destroy(cond));
        memset((void *)cond, 0xA5, sizeof *cond);
        OK(cond_lock_release(&subject.lock));
        for (unsigned i = 0; i < LENGTH(w); i++)
            assert_returns(&w[i], ECANCELED);
        OK(cond_lock_destroy(&subject.lock));
        subject_make(&subject, subject.kind);
        order_count = 0;
    }
}

#ifdef HAVE_FORK
static void child_finds_it_closed(UNUSED void *arg)
{
    REQUIRE(cond_reinit_after_fork(cond) == 0);
    REQUIRE(cond_closed(cond));
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_wait(cond, COND_FOREVER) == ECANCELED);
    REQUIRE(cond_release(cond) == 0);
}

TEST_ON(ON(OWN_RLOCK), closed_in_a_child_too)
{
    acquire();
    OK(cond_close(cond));
    in_child(child_finds_it_closed, NULL);
    release();
}
#endif

/* ---- Cancel ---- */

TEST_ON(ON_SEEN, cancel_ends_the_waits_with_the_token)
{
    struct waiter mine[3], others, without;
    cond_token_t token = {0}, other = {0};
    wait_how(&mine[0], WAIT, &token);
    wait_how(&others, WAIT, &other);
    wait_how(&mine[1], WAIT_FOR, &token);
    wait_how(&without, WAIT, NULL);
    wait_how(&mine[2], await_if_possible(), &token);
    acquire();
    OK(cond_cancel(cond, &token));
    assert_int_equal(cond_waiters(cond), 2);
    release();
    for (unsigned i = 0; i < LENGTH(mine); i++)
        assert_returns(&mine[i], ECANCELED);
    /* Later waits with the token end too, on this condition and on another, unless the predicate is true. */
    struct subject elsewhere;
    subject_make(&elsewhere, OWN_MUTEX);
    cond_t *conds[] = {cond, &elsewhere.cond};
    for (unsigned i = 0; i < LENGTH(conds); i++) {
        cond_wait_options_t with_pred = {.pred = has_item, .token = &token};
        OK(cond_acquire(conds[i]));
        assert_int_equal(cond_wait_with(conds[i], &(cond_wait_options_t){.token = &token}), ECANCELED);
        assert_int_equal(cond_wait_with(conds[i], &with_pred), ECANCELED);
        items = 1;
        OK(cond_wait_with(conds[i], &with_pred));
        items = 0;
        OK(cond_release(conds[i]));
    }
    assert_true(subject_unmake(&elsewhere));
    acquire();
    OK(cond_notify_all(cond));
    release();
    assert_returns(&others, 0);
    assert_returns(&without, 0);
}

/* A chosen waiter without a predicate returns 0. One with a false predicate passes its notification on. */
TEST_ON(ON_SEEN, cancel_after_notify)
{
    struct waiter first, second, third;
    cond_token_t token = {0};
    wait_how(&first, WAIT, &token);
    acquire();
    OK(cond_notify(cond, 1));
    OK(cond_cancel(cond, &token));
    release();
    assert_returns(&first, 0);

    token = (cond_token_t){0};
    wait_how(&second, WAIT_FOR, &token);
    wait_how(&third, WAIT, NULL);
    acquire();
    OK(cond_notify(cond, 1));
    OK(cond_cancel(cond, &token));
    release();
    assert_returns(&second, ECANCELED);
    assert_returns(&third, 0);
}

/* ---- Stop ---- */

/* Stop without the lock, by the holder, and before the wait. Later waits end at once, unless the predicate is true. */
TEST_ON(ON_SEEN, stop_ends_the_wait)
{
    for (unsigned round = 0; round < 2 * (await_if_possible() + 1u); round++) {
        enum how how = (enum how)(round / 2);
        bool holder = round % 2;
        struct waiter stopped, stays;
        cond_stop_t stop = {0};
        cond_wait_options_t options = {.pred = how != WAIT ? has_item : NULL, .stop = &stop};
        items = 0;
        wait_until_stopped(&stopped, how, &stop);
        wait_how(&stays, how, NULL);
        if (holder)
            acquire();
        OK(cond_stop(&stop));
        OK(cond_stop(&stop));
        if (holder)
            release();
        assert_returns(&stopped, ECANCELED);
        acquire();
        assert_int_equal(cond_waiters(cond), 1);
        assert_int_equal(cond_wait_with(cond, &options), ECANCELED);
        options.deadline_ns = cond_now();
        assert_int_equal(cond_wait_with(cond, &options), ECANCELED);
        items = 1;
        assert_int_equal(cond_wait_with(cond, &options), how != WAIT ? 0 : ECANCELED);
        OK(cond_notify(cond, 1));
        release();
        assert_returns(&stays, 0);
    }
}

/* A stop has the same effect as a deadline: a chosen waiter without a predicate returns 0, one with a false predicate
   passes its notification on, and a notify skips a waiter that was stopped before. */
TEST_ON(ON_SEEN, stop_and_notify)
{
    struct waiter first, second;
    for (int pass = 0; pass < 3; pass++) {
        cond_stop_t stop = {0};
        wait_until_stopped(&first, pass == 1 ? WAIT_FOR : WAIT, &stop);
        if (pass != 0)
            wait_how(&second, WAIT, NULL);
        acquire();
        if (pass == 2)
            OK(cond_stop(&stop));
        OK(cond_notify(cond, 1));
        OK(cond_stop(&stop));
        release();
        assert_returns(&first, pass == 0 ? 0 : ECANCELED);
        if (pass != 0)
            assert_returns(&second, 0);
    }
}

/* One stop serves one wait after the other. */
TEST_ON(ON(OWN_RLOCK), stop_is_used_again)
{
    struct waiter w;
    cond_stop_t stop = {0};
    acquire();
    assert_int_equal(cond_wait_with(cond, &(cond_wait_options_t){.stop = &stop, .deadline_ns = cond_now()}), ETIMEDOUT);
    release();
    for (int i = 0; i < 3; i++) {
        wait_until_stopped(&w, WAIT, &stop);
        acquire();
        assert_int_equal(cond_wait_with(cond, &(cond_wait_options_t){.stop = &stop}), EBUSY);
        OK(cond_notify(cond, 1));
        release();
        assert_returns(&w, 0);
    }
}

static int wait_with_stop(cond_t *on, cond_wait_options_t options)
{
    cond_stop_t stop = {0};
    options.stop = &stop;
    return cond_wait_with(on, &options);
}

TEST_ON(ON(OWN_RLOCK), stop_is_refused)
{
    cond_wait_options_t none = {.pred = NULL};
    cond_token_t token = {0};
    assert_int_equal(cond_stop(NULL), EINVAL);
    assert_int_equal(wait_with_stop(cond, none), EPERM);
    acquire();
    assert_int_equal(wait_with_stop(cond, (cond_wait_options_t){.token = &token}), EINVAL);
    assert_int_equal(wait_with_stop(cond, (cond_wait_options_t){.unnotified = true}), EINVAL);
    release();
    OK(cond_destroy(cond));
    assert_int_equal(wait_with_stop(cond, none), EINVAL);
    if (cond_init(cond, NULL, COND_SHARED) == 0) {
        acquire();
        assert_int_equal(wait_with_stop(cond, none), ENOTSUP);
        release();
        OK(cond_destroy(cond));
    }
    subject_ended = true;
}

/* ---- Options ---- */

TEST_ON(ON_SEEN, options_give_the_other_waits)
{
    cond_wait_options_t nothing = {.deadline_ns = cond_now()}, pred = {.pred = has_item, .deadline_ns = -1};
    assert_int_equal(cond_wait_with(cond, &nothing), EPERM);
    acquire();
    assert_int_equal(cond_wait_with(cond, NULL), EINVAL);
    assert_int_equal(cond_wait_with(cond, &nothing), ETIMEDOUT);
    assert_int_equal(cond_wait_with(cond, &pred), ETIMEDOUT);
    assert_int_equal(cond_wait_with(cond, &(cond_wait_options_t){.unnotified = true}), EINVAL);
    items = 1;
    OK(cond_wait_with(cond, &pred));
    pred.deadline_ns = 0; /* none */
    OK(cond_wait_with(cond, &pred));
    release();
    struct waiter w;
    items = 0;
    wait_how(&w, WAIT, NULL);
    notify(1);
    assert_returns(&w, 0);
}

TEST_ON(ON(OWN_MUTEX), deadlines)
{
    assert_true(cond_deadline(COND_FOREVER) == COND_FOREVER);
    assert_true(cond_deadline(COND_FOREVER - 1) == COND_FOREVER);
    int64_t before = cond_now(), deadline = cond_deadline(COND_SEC(1)), after = cond_now();
    assert_true(deadline >= before + COND_SEC(1) && deadline <= after + COND_SEC(1));
    assert_true(cond_deadline(0) <= cond_now());
    assert_true(cond_deadline(-5) <= cond_now());
    assert_true(cond_deadline(INT64_MIN) < 0);
    assert_true(cond_deadline(-cond_now()) != 0);
    static const int64_t half = COND_SEC(0.5), third = COND_MS(1.5), fraction = COND_US(0.25);
    assert_true(half == 500000000 && third == 1500000 && fraction == 250);
    _Static_assert(COND_SEC(2) == 2000000000 && COND_MS(3) == 3000000 && COND_US(4) == 4000, "constant expressions");

    acquire();
    assert_int_equal(cond_wait_for_until(cond, has_item, NULL, cond_now()), ETIMEDOUT);
    assert_int_equal(cond_wait_for_until(cond, NULL, NULL, cond_now()), EINVAL);
    deadline = cond_deadline(COND_MS(2));
    assert_int_equal(cond_wait_for_until(cond, has_item, NULL, deadline), ETIMEDOUT);
    assert_true(cond_now() >= deadline);
    release();
    assert_int_equal(cond_wait_for_until(cond, has_item, NULL, 0), EPERM);
    OK(cond_acquire_until(cond, 0));
    assert_int_equal(cond_acquire_until(cond, COND_FOREVER), EDEADLK);
    assert_int_equal(cond_lock_acquire_until(cond_get_lock(cond), COND_FOREVER), EDEADLK);
    release();
    assert_int_equal(cond_acquire_until(NULL, COND_FOREVER), EINVAL);
    assert_int_equal(cond_lock_acquire_until(NULL, COND_FOREVER), EINVAL);
}

TEST_ON(ON_SEEN, acquire_until_a_deadline)
{
    struct holder holder;
    holder_start(&holder, cond_get_lock(cond));
    assert_int_equal(cond_acquire_until(cond, 0), ETIMEDOUT);
    int64_t deadline = cond_deadline(COND_MS(2));
    assert_int_equal(cond_lock_acquire_until(holder.lock, deadline), ETIMEDOUT);
    assert_true(cond_now() >= deadline);
    atomic_store(&holder.stops, 1);
    OK(cond_acquire_until(cond, COND_FOREVER));
    release();
    holder_stop(&holder);
}

/* ---- Tasks ---- */

TEST_ON(ON_PRIVATE, tasks_await)
{
    for (unsigned i = 0; i < 2; i++) {
        job_acquire(&jobs[i]);
        ASSERT_IN_PROGRESS(&jobs[i], cond_task_await(cond, &jobs[i].task, has_item, NULL));
    }
    assert_int_equal(cond_waiters(cond), 2);
    acquire();
    release();
    assert_waits(&jobs[0]);
    acquire();
    items = 1;
    release();
    assert_called(&jobs[0], 0);
    assert_waits(&jobs[1]);
    items = 0;
    job_release(&jobs[0]);
    assert_waits(&jobs[1]);
    job_cancel(&jobs[1]);
    assert_called(&jobs[1], ECANCELED);
    assert_int_equal(cond_waiters(cond), 0);
    job_release(&jobs[1]);
    job_acquire(&jobs[0]);
    items = 1;
    OK(ASK(&jobs[0], cond_task_await(cond, &jobs[0].task, has_item, NULL)));
    job_release(&jobs[0]);
}

TEST_ON(ON_PRIVATE, tasks_and_close)
{
    struct job *plain = &jobs[0], *pred = &jobs[1], *awaits = &jobs[2], *chosen = &jobs[3], *closes = &jobs[4];
    job_come_and_wait(chosen);
    job_come_and_wait(plain);
    job_acquire(pred);
    ASSERT_IN_PROGRESS(pred, cond_task_wait_for(cond, &pred->task, has_item, NULL));
    job_acquire(awaits);
    ASSERT_IN_PROGRESS(awaits, cond_task_await(cond, &awaits->task, has_item, NULL));
    assert_int_equal(cond_task_close(cond, &closes->task), EPERM);
    job_acquire(closes);
    OK(cond_task_notify(cond, &closes->task, 1));
    items = 1;
    OK(cond_task_close(cond, &closes->task));
    assert_int_equal(cond_waiters(cond), 0);
    OK(cond_task_close(cond, &closes->task));
    job_release(closes);
    /* The awaiting task is the first in the lock's list, and finds the item. */
    assert_called(awaits, 0);
    items = 0;
    job_release(awaits);
    assert_called(chosen, 0);
    job_release(chosen);
    assert_called(plain, ECANCELED);
    job_release(plain);
    assert_called(pred, ECANCELED);
    assert_int_equal(ASK(pred, cond_task_wait(cond, &pred->task)), ECANCELED);
    assert_int_equal(ASK(pred, cond_task_wait_for(cond, &pred->task, has_item, NULL)), ECANCELED);
    assert_int_equal(ASK(pred, cond_task_await(cond, &pred->task, has_item, NULL)), ECANCELED);
    items = 1;
    OK(ASK(pred, cond_task_wait_for(cond, &pred->task, has_item, NULL)));
    job_release(pred);
}

/* ---- The lock by itself ---- */

TEST_ON(ON(RLOCK_ELSEWHERE), lock_describes_itself)
{
    char text[200], of_cond[300];
    acquire();
    acquire();
    assert_true(cond_lock_describe(&subject.lock, text, sizeof text) > 0);
    assert_true(cond_describe(cond, of_cond, sizeof of_cond) > 0);
    assert_non_null(strstr(of_cond, text));
    assert_non_null(strstr(text, "<locked rlock owner=0x"));
    assert_non_null(strstr(text, " depth=2 at 0x"));
    char few[8];
    assert_int_equal(cond_lock_describe(&subject.lock, few, sizeof few), (int)strlen(text));
    assert_memory_equal(few, "<locked", 7);
    OK(cond_close(cond));
    assert_true(cond_describe(cond, of_cond, sizeof of_cond) > 0);
    assert_non_null(strstr(of_cond, ", 0, closed)>"));
    release();
    release();
    assert_int_equal(cond_lock_describe(&subject.lock, NULL, 0), cond_lock_describe(&subject.lock, text, sizeof text));
    assert_int_equal(cond_lock_describe(NULL, text, sizeof text), -EINVAL);
    assert_int_equal(cond_lock_describe(&subject.lock, NULL, 1), -EINVAL);
    assert_true(subject_unmake(&subject));
    subject_ended = true;
    assert_int_equal(cond_lock_describe(&subject.lock, text, sizeof text), -EINVAL);
}

#ifdef HAVE_FORK
static void child_reinits_the_lock(UNUSED void *arg)
{
    REQUIRE(cond_lock_try_acquire(&subject.lock) == EBUSY);
    REQUIRE(cond_lock_reinit_after_fork(&subject.lock) == 0);
    REQUIRE(cond_lock_try_acquire(&subject.lock) == 0);
    REQUIRE(cond_lock_try_acquire(&subject.lock) == (subject.kind == MUTEX_ELSEWHERE ? EDEADLK : 0));
}

TEST_ON(ON(RLOCK_ELSEWHERE) | ON(MUTEX_ELSEWHERE), lock_is_free_in_the_child)
{
    struct holder holder;
    holder_start(&holder, &subject.lock);
    in_child(child_reinits_the_lock, NULL);
    holder_stop(&holder);
    assert_true(subject_unmake(&subject));
    subject_ended = true;
    assert_int_equal(cond_lock_reinit_after_fork(&subject.lock), EINVAL);
    assert_int_equal(cond_lock_reinit_after_fork(NULL), EINVAL);
}
#endif

/* ---- COND_WITH and COND_GUARD ---- */

static int guarded(cond_lock_t *lock, int how)
{
    COND_GUARD(lock);
    if (!cond_lock_owned(lock))
        return -1;
    if (how == 0)
        return 0;
    {
        COND_GUARD(cond);
        if (how == 1)
            goto out;
    }
out:
    return cond_lock_owned(lock) ? 1 : 2;
}

TEST_ON(ON(RLOCK_ELSEWHERE), with_and_guard_take_conditions_and_locks)
{
    unsigned entered = 0, rounds = 0;
    COND_WITH(cond) {
        COND_WITH(&subject.lock)
            entered++;
        assert_true(cond_owned(cond));
    }
    assert_int_equal(entered, 1);
    assert_false(cond_owned(cond));
    /* A break leaves the block of COND_WITH; with COND_GUARD it leaves the loop. */
    for (; rounds < 3; rounds++)
        COND_WITH(&subject.lock)
            break;
    assert_int_equal(rounds, 3);
    for (rounds = 0; rounds < 3; rounds++) {
        COND_GUARD(&subject.lock);
        assert_true(cond_lock_owned(&subject.lock));
        if (rounds == 1)
            break;
    }
    assert_int_equal(rounds, 1);
    assert_false(cond_lock_owned(&subject.lock));
    for (int how = 0; how < 3; how++) {
        assert_int_equal(guarded(&subject.lock, how), how == 0 ? 0 : 1);
        assert_false(cond_lock_locked(&subject.lock));
    }
    /* Neither releases what it could not acquire. */
    cond_lock_t mutex = COND_MUTEX_INIT;
    OK(cond_lock_acquire(&mutex));
    entered = 0;
    COND_WITH(&mutex)
        entered++;
    {
        COND_GUARD(&mutex);
        entered += cond_lock_owned(&mutex) ? 10 : 0;
    }
    assert_int_equal(entered, 10);
    assert_true(cond_lock_owned(&mutex));
    OK(cond_lock_release(&mutex));
    OK(cond_lock_destroy(&mutex));
    assert_int_equal(guarded(&mutex, 0), -1);
}

TEST(version)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%d.%d.%d", COND_VERSION_MAJOR, COND_VERSION_MINOR, COND_VERSION_PATCH);
    assert_string_equal(cond_version(), text);
#ifdef MESON_VERSION
    assert_string_equal(cond_version(), MESON_VERSION);
#endif
    assert_int_equal(COND_VERSION, COND_VERSION_MAJOR * 10000 + COND_VERSION_MINOR * 100 + COND_VERSION_PATCH);
}

int main(void) { return RUN_TESTS("cancel"); }
