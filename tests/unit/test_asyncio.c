/* SPDX-License-Identifier: MIT */
/*
 * What the documentation of asyncio's Condition says
 * (https://docs.python.org/3/library/asyncio-sync.html#asyncio.Condition), call by call: the table at the end
 * has a test for each sentence, which has the sentence for a name, and is run on each kind of lock that a task
 * can use. What asyncio does not have is in test_task.c.
 */
#include "jobs.h"

/* ---- acquire, locked, release ---- */

static void acquire_unlocked(void **state)
{
    (void)state;
    acquire(&jobs[0]);
    assert_true(cond_locked(&cond));
    assert_true(has_lock(&jobs[0]));
    assert_int_equal(job_outcome(&jobs[0]), -1); /* the answer was the outcome */
    release(&jobs[0]);
}

static void acquire_waits(void **state)
{
    (void)state;
    acquire(&jobs[0]);
    ask_for_lock(&jobs[1]);
    assert_waits(&jobs[1]);
    release(&jobs[0]);
    assert_called(&jobs[1], 0);
    assert_true(cond_locked(&cond));
    release(&jobs[1]);
}

static void acquire_is_fair(void **state)
{
    (void)state;
    acquire(&jobs[0]);
    for (unsigned i = 1; i < JOBS; i++)
        ask_for_lock(&jobs[i]);
    for (unsigned i = 0; i < JOBS; i++) {
        release(&jobs[i]);
        for (unsigned later = i + 2; later < JOBS; later++)
            assert_waits(&jobs[later]);
        if (i + 1 < JOBS)
            assert_called(&jobs[i + 1], 0);
    }
}

/* The first, one in the middle, the last, and all that there are. */
static void acquire_cancelled(void **state)
{
    (void)state;
    static const unsigned cancelled[][3] = {{1}, {3}, {5}, {1, 3, 5}, {1, 2, 3}};
    for (size_t c = 0; c < LENGTH(cancelled); c++) {
        acquire(&jobs[0]);
        for (unsigned i = 1; i < JOBS; i++) {
            ask_for_lock(&jobs[i]);
            jobs[i].then = NULL;
        }
        for (unsigned i = 0; i < 3 && cancelled[c][i] != 0; i++) {
            cancel(&jobs[cancelled[c][i]]);
            cancel(&jobs[cancelled[c][i]]); /* once more is the same */
        }
        assert_true(has_lock(&jobs[0]));
        release(&jobs[0]);
        for (unsigned i = 1; i < JOBS; i++) {
            bool gave_up = false;
            for (unsigned j = 0; j < 3; j++)
                gave_up = gave_up || cancelled[c][j] == i;
            if (!gave_up) {
                assert_called(&jobs[i], 0);
                release(&jobs[i]);
            }
            assert_int_equal(job_outcome(&jobs[i]), gave_up ? ECANCELED : 0);
            assert_false(has_lock(&jobs[i]));
            assert_int_equal(cond_task_release(&cond, &jobs[i].task), EPERM);
        }
        assert_false(cond_locked(&cond));
    }
}

static void locked_tells(void **state)
{
    (void)state;
    assert_false(cond_locked(&cond));
    acquire(&jobs[0]);
    assert_true(cond_locked(&cond));
    begin_wait(&jobs[0]);
    assert_false(cond_locked(&cond));
    notify(1);
    assert_true(cond_locked(&cond));
    release(&jobs[0]);
    assert_false(cond_locked(&cond));
}

static void release_lets_one_go(void **state)
{
    (void)state;
    acquire(&jobs[0]);
    ask_for_lock(&jobs[1]);
    ask_for_lock(&jobs[2]);
    release(&jobs[0]);
    assert_called(&jobs[1], 0);
    assert_waits(&jobs[2]);
    release(&jobs[1]);
    assert_called(&jobs[2], 0);
    release(&jobs[2]);
    assert_false(cond_locked(&cond));
}

static void release_unlocked(void **state)
{
    (void)state;
    assert_int_equal(cond_task_release(&cond, &jobs[0].task), EPERM);
    acquire(&jobs[0]);
    release(&jobs[0]);
    assert_int_equal(cond_task_release(&cond, &jobs[0].task), EPERM);
    assert_false(cond_locked(&cond));
}

/* ---- notify, notify_all ---- */

static void all_wait(void)
{
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i].then = leave;
        come_and_wait(&jobs[i]);
    }
}

static void notify_at_most(void **state)
{
    (void)state;
    all_wait();
    notify(0);
    assert_int_equal(order_count, 0);
    notify(1);
    ASSERT_ORDER(0);
    notify(3);
    ASSERT_ORDER(0, 1, 2, 3);
    assert_int_equal(cond_waiters(&cond), JOBS - 4);
    notify(1);
    notify(1);
    ASSERT_ORDER(0, 1, 2, 3, 4, 5);
}

static void notify_fewer(void **state)
{
    (void)state;
    notify(1);
    notify(SIZE_MAX);
    all_wait();
    notify(SIZE_MAX);
    ASSERT_ORDER(0, 1, 2, 3, 4, 5);
    /* What was left over is not kept for whoever comes later. */
    come_and_wait(&jobs[0]);
    assert_waits(&jobs[0]);
    notify(1);
    ASSERT_ORDER(0, 1, 2, 3, 4, 5, 0);
}

static void notify_all_wakes_all(void **state)
{
    (void)state;
    all_wait();
    jobs[0].then = NULL;
    notify(1);
    assert_called(&jobs[0], 0);
    assert_int_equal(cond_task_notify_all(&cond, &jobs[0].task), 0);
    assert_int_equal(cond_waiters(&cond), 0);
    assert_int_equal(order_count, 0); /* nobody comes through while the lock is held */
    release(&jobs[0]);
    ASSERT_ORDER(1, 2, 3, 4, 5);
}

static int task_notify_one(struct job *job)
{
    return cond_task_notify(&cond, &job->task, 1);
}

static int task_notify_all(struct job *job)
{
    return cond_task_notify_all(&cond, &job->task);
}

static void refused_without_lock(int (*call)(struct job *job))
{
    come_and_wait(&jobs[0]);
    assert_int_equal(call(&jobs[1]), EPERM);
    assert_int_equal(call(&jobs[0]), EPERM); /* it waits, so it does not have it */
    acquire(&jobs[2]);
    assert_int_equal(call(&jobs[1]), EPERM);
    assert_int_equal(cond_waiters(&cond), 1);
    release(&jobs[2]);
    assert_waits(&jobs[0]);
    notify(1);
    release(&jobs[0]);
}

static void notify_without_lock(void **state)
{
    (void)state;
    refused_without_lock(task_notify_one);
}

static void notify_all_without_lock(void **state)
{
    (void)state;
    refused_without_lock(task_notify_all);
}

/* ---- wait ---- */

static void wait_without_lock(void **state)
{
    (void)state;
    for (int others = 0; others < 2; others++) {
        if (others)
            acquire(&jobs[1]);
        assert_int_equal(ASK(&jobs[0], cond_task_wait(&cond, &jobs[0].task)), EPERM);
        assert_int_equal(cond_waiters(&cond), 0);
        assert_int_equal(cond_locked(&cond), others);
    }
    release(&jobs[1]);
}

static void wait_releases(void **state)
{
    (void)state;
    acquire(&jobs[0]);
    ask_for_lock(&jobs[1]);
    begin_wait(&jobs[0]);
    assert_called(&jobs[1], 0);
    assert_int_equal(cond_waiters(&cond), 1);
    begin_wait(&jobs[1]);
    assert_false(cond_locked(&cond));
    assert_int_equal(cond_waiters(&cond), 2);
    notify(2);
    release(&jobs[0]);
    release(&jobs[1]);
}

static void wait_until_notified(void **state)
{
    (void)state;
    come_and_wait(&jobs[0]);
    for (unsigned i = 0; i < 100; i++) { /* nothing else lets it go */
        acquire(&jobs[1]);
        release(&jobs[1]);
        notify(0);
    }
    assert_waits(&jobs[0]);
    notify(1);
    assert_called(&jobs[0], 0);
    release(&jobs[0]);
}

static void wait_reacquires(void **state)
{
    (void)state;
    come_and_wait(&jobs[0]);
    acquire(&jobs[1]);
    assert_int_equal(cond_task_notify(&cond, &jobs[1].task, 1), 0);
    assert_int_equal(cond_waiters(&cond), 0);
    assert_waits(&jobs[0]); /* notified, but the lock is not free */
    release(&jobs[1]);
    assert_called(&jobs[0], 0);
    release(&jobs[0]);
}

static void wait_cancelled(void **state)
{
    (void)state;
    /* The lock is free: it is told at once. */
    come_and_wait(&jobs[0]);
    cancel(&jobs[0]);
    assert_called(&jobs[0], ECANCELED);
    assert_int_equal(cond_waiters(&cond), 0);
    assert_int_equal(cond_task_cancel(&jobs[0].task), EINVAL);
    release(&jobs[0]);
    /* It is not: as soon as it is. */
    come_and_wait(&jobs[0]);
    acquire(&jobs[1]);
    cancel(&jobs[0]);
    assert_waits(&jobs[0]);
    release(&jobs[1]);
    assert_called(&jobs[0], ECANCELED);
    release(&jobs[0]);
    /* And it can wait again. */
    come_and_wait(&jobs[0]);
    notify(1);
    assert_called(&jobs[0], 0);
    release(&jobs[0]);
}

/* A notify passes over a task that was cancelled before. */
static void wait_cancelled_first(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        come_and_wait(&jobs[i]);
    acquire(&jobs[3]);
    cancel(&jobs[0]);
    assert_int_equal(cond_task_notify(&cond, &jobs[3].task, 1), 0);
    release(&jobs[3]);
    assert_called(&jobs[1], 0);
    release(&jobs[1]);
    assert_called(&jobs[0], ECANCELED);
    release(&jobs[0]);
    assert_waits(&jobs[2]);
    notify(1);
    release(&jobs[2]);
}

/* Chosen, and on its way to the lock: asyncio lost this notification until 3.13. */
static void wait_cancelled_last(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        come_and_wait(&jobs[i]);
        jobs[i].then = leave;
    }
    acquire(&jobs[5]);
    assert_int_equal(cond_task_notify(&cond, &jobs[5].task, 2), 0);
    cancel(&jobs[0]);
    cancel(&jobs[1]);
    cancel(&jobs[0]); /* once more is the same */
    assert_waits(&jobs[0]);
    release(&jobs[5]);
    assert_int_equal(order_count, 4);
    assert_int_equal(job_outcome(&jobs[0]), ECANCELED);
    assert_int_equal(job_outcome(&jobs[1]), ECANCELED);
    assert_int_equal(job_outcome(&jobs[2]), 0); /* these two have it now */
    assert_int_equal(job_outcome(&jobs[3]), 0);
    assert_waits(&jobs[4]);
    notify(1);
    assert_int_equal(job_outcome(&jobs[4]), 0);
}

/* Who came after the notify has no right to it. */
static void wait_cancelled_for_nobody(void **state)
{
    (void)state;
    come_and_wait(&jobs[0]);
    acquire(&jobs[1]);
    assert_int_equal(cond_task_notify(&cond, &jobs[1].task, 1), 0);
    cancel(&jobs[0]);
    begin_wait(&jobs[1]);
    assert_called(&jobs[0], ECANCELED);
    release(&jobs[0]);
    assert_waits(&jobs[1]);
    notify(1);
    release(&jobs[1]);
}

/* A notify_all has given everybody his own. */
static void wait_cancelled_of_all(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        come_and_wait(&jobs[i]);
        jobs[i].then = leave;
    }
    acquire(&jobs[2]);
    assert_int_equal(cond_task_notify_all(&cond, &jobs[2].task), 0);
    cancel(&jobs[0]);
    begin_wait(&jobs[2]);
    assert_int_equal(order_count, 2);
    assert_int_equal(job_outcome(&jobs[0]), ECANCELED);
    assert_int_equal(job_outcome(&jobs[1]), 0);
    assert_waits(&jobs[2]);
    notify(1);
    release(&jobs[2]);
}

/* ---- wait_for ---- */

static void wait_for_without_lock(void **state)
{
    (void)state;
    struct truth truth = {.value = true};
    for (int others = 0; others < 2; others++) {
        if (others)
            acquire(&jobs[1]);
        assert_int_equal(ASK(&jobs[0], cond_task_wait_for(&cond, &jobs[0].task, is_true, &truth)), EPERM);
        assert_int_equal(truth.asked, 0);
    }
    release(&jobs[1]);
}

static void wait_for_true(void **state)
{
    (void)state;
    struct truth truth = {.value = true};
    acquire(&jobs[0]);
    ask_for_lock(&jobs[1]);
    assert_int_equal(ASK(&jobs[0], cond_task_wait_for(&cond, &jobs[0].task, is_true, &truth)), 0);
    assert_int_equal(truth.asked, 1);
    assert_true(has_lock(&jobs[0]));
    assert_waits(&jobs[1]); /* the lock was held all the time */
    release(&jobs[0]);
    release(&jobs[1]);
}

static void wait_for_rechecks(void **state)
{
    (void)state;
    struct truth truth = {.value = false};
    begin_wait_for(&jobs[0], &truth);
    for (unsigned i = 0; i < 3; i++) {
        unsigned asked = truth.asked;
        notify(1);
        assert_true(truth.asked > asked);
        assert_waits(&jobs[0]);
        assert_int_equal(cond_waiters(&cond), 1);
    }
    assert_int_equal(cond_acquire(&cond), 0);
    assert_int_equal(cond_notify(&cond, 1), 0);
    truth.value = true; /* after the notify, in the same critical section */
    assert_int_equal(cond_release(&cond), 0);
    assert_called(&jobs[0], 0);
    release(&jobs[0]);
}

/* One that cannot use it leaves it to the next, and keeps its place. */
static void wait_for_passes_on(void **state)
{
    (void)state;
    struct truth truth = {.value = false};
    begin_wait_for(&jobs[0], &truth);
    come_and_wait(&jobs[1]);
    come_and_wait(&jobs[2]);
    notify(1);
    assert_waits(&jobs[0]);
    assert_called(&jobs[1], 0);
    truth.value = true;
    assert_int_equal(cond_task_notify(&cond, &jobs[1].task, 1), 0);
    release(&jobs[1]);
    assert_called(&jobs[0], 0);
    assert_waits(&jobs[2]);
    release(&jobs[0]);
    notify(1);
    assert_called(&jobs[2], 0);
    release(&jobs[2]);
}

static void wait_for_cancelled(void **state)
{
    (void)state;
    struct truth no = {.value = false}, yes = {.value = false};
    /* It waits. */
    begin_wait_for(&jobs[0], &no);
    cancel(&jobs[0]);
    assert_called(&jobs[0], ECANCELED);
    release(&jobs[0]);
    /* It was notified in vain, and put back. */
    begin_wait_for(&jobs[0], &no);
    notify(1);
    cancel(&jobs[0]);
    assert_called(&jobs[0], ECANCELED);
    release(&jobs[0]);
    /* It is notified and its predicate true; the next but one can use that, too. */
    begin_wait_for(&jobs[0], &yes);
    begin_wait_for(&jobs[1], &no);
    begin_wait_for(&jobs[2], &yes);
    jobs[0].then = jobs[2].then = leave;
    assert_int_equal(cond_acquire(&cond), 0);
    yes.value = true;
    assert_int_equal(cond_notify(&cond, 1), 0);
    cancel(&jobs[0]);
    assert_int_equal(cond_release(&cond), 0);
    assert_int_equal(job_outcome(&jobs[0]), ECANCELED);
    assert_waits(&jobs[1]);
    assert_int_equal(job_outcome(&jobs[2]), 0);
    cancel(&jobs[1]);
    assert_called(&jobs[1], ECANCELED);
    release(&jobs[1]);
}

/* A predicate is its own call's, and no later one's. */
static void wait_for_is_forgotten(void **state)
{
    (void)state;
    struct truth no = {.value = false};
    begin_wait_for(&jobs[0], &no);
    cancel(&jobs[0]);
    assert_called(&jobs[0], ECANCELED);
    unsigned asked = no.asked;
    begin_wait(&jobs[0]);
    notify(1);
    assert_called(&jobs[0], 0);
    ask_for_lock(&jobs[1]);
    release(&jobs[0]);
    release(&jobs[1]);
    assert_int_equal(no.asked, asked);
}

/* ---- several conditions on one lock ---- */

static void conditions_share_a_lock(void **state)
{
    (void)state;
    cond_t other;
    cond_lock_t *lock = cond_get_lock(&cond);
    assert_int_equal(cond_init(&other, lock, 0), 0);
    for (unsigned i = 0; i < JOBS; i++) {
        acquire(&jobs[i]);
        jobs[i].then = leave;
        assert_int_equal(ASK(&jobs[i], cond_task_wait(i % 2 ? &other : &cond, &jobs[i].task)), EINPROGRESS);
    }
    assert_int_equal(cond_waiters(&cond), 3);
    assert_int_equal(cond_waiters(&other), 3);
    assert_int_equal(cond_acquire(&other), 0);
    assert_true(cond_owned(&cond));
    assert_int_equal(cond_notify(&other, 2), 0);
    assert_int_equal(cond_notify_all(&cond), 0);
    assert_int_equal(cond_release(&cond), 0);
    ASSERT_ORDER(1, 3, 0, 2, 4); /* in the order of notification */
    cancel(&jobs[5]);
    assert_int_equal(job_outcome(&jobs[5]), ECANCELED);
    assert_int_equal(cond_destroy(&other), 0);
}

/* ---- The table ---- */

static const struct {
    const char *says;
    CMUnitTestFunction test;
} asyncio[] = {
    {"acquire() sets an unlocked lock to locked and returns", acquire_unlocked},
    {"acquire() waits until the lock is unlocked", acquire_waits},
    {"acquire() is fair: the first that waited is the first to proceed", acquire_is_fair},
    {"acquire(), cancelled, gives up its place and nothing else", acquire_cancelled},
    {"locked() is true if the lock is acquired", locked_tells},
    {"release() allows exactly one to proceed", release_lets_one_go},
    {"release() of an unlocked lock is an error", release_unlocked},
    {"notify(n) wakes n, the first of them", notify_at_most},
    {"notify(n) wakes all if fewer wait", notify_fewer},
    {"notify() without the lock is an error", notify_without_lock},
    {"notify_all() wakes all", notify_all_wakes_all},
    {"notify_all() without the lock is an error", notify_all_without_lock},
    {"wait() without the lock is an error", wait_without_lock},
    {"wait() releases the lock", wait_releases},
    {"wait() blocks until it is notified, and not less", wait_until_notified},
    {"wait(), once awakened, re-acquires the lock", wait_reacquires},
    {"wait(), cancelled, re-acquires the lock before it says so", wait_cancelled},
    {"wait(), cancelled before a notify, is passed over", wait_cancelled_first},
    {"wait(), cancelled while it re-acquires, hands its notification on", wait_cancelled_last},
    {"wait(), cancelled, hands nothing to who came after the notify", wait_cancelled_for_nobody},
    {"wait(), cancelled after notify_all(), hands nothing on", wait_cancelled_of_all},
    {"wait_for() without the lock is an error", wait_for_without_lock},
    {"wait_for() returns at once if the predicate is true", wait_for_true},
    {"wait_for() waits repeatedly until the predicate is true", wait_for_rechecks},
    {"wait_for(), notified in vain, lets the next have it", wait_for_passes_on},
    {"wait_for(), cancelled, re-acquires the lock before it says so", wait_for_cancelled},
    {"wait_for()'s predicate is of no concern to a wait() after it", wait_for_is_forgotten},
    {"several conditions may share one lock", conditions_share_a_lock},
};

int main(void)
{
    static enum kind kinds[KINDS] = {OWN_RLOCK, OWN_MUTEX, RLOCK_ELSEWHERE};
    static char names[KINDS * LENGTH(asyncio)][120];
    struct CMUnitTest tests[KINDS * LENGTH(asyncio)];
    for (size_t i = 0; i < LENGTH(tests); i++) {
        enum kind kind = kinds[i % KINDS];
        (void)snprintf(names[i], sizeof names[i], "%s: %s", kind_names[kind], asyncio[i / KINDS].says);
        tests[i] = (struct CMUnitTest){names[i], asyncio[i / KINDS].test, set_up, tear_down,
                                       &kinds[i % KINDS]};
    }
    return cmocka_run_group_tests_name("asyncio", tests, NULL, NULL);
}
