/* SPDX-License-Identifier: MIT */
/*
 * What the documentation of asyncio's Condition says
 * (https://docs.python.org/3/library/asyncio-sync.html#asyncio.Condition): `asyncio` below has a test for each
 * sentence, and runs it on each kind of lock that a task can use. test_task.c has what asyncio does not have.
 *
 * Most tests are scripts. A step is a call of task N, and `=` the result if it is not the usual one:
 *
 *      N:acquire, N:release, N:cancel, N:notify, N:notify_two, N:notify_all    return 0
 *      N:ask (acquire a lock that is held), N:wait, N:wait_yes,                return EINPROGRESS
 *      N:wait_no (wait_for, with one of two predicates)
 *      N:come, N:come_yes, N:come_no (acquire and wait)
 *
 * or it says something of the task
 *
 *      N:called        the callback got 0, and the task holds the lock
 *      N:cancelled     the same with ECANCELED
 *      N:got, N:ended  the callback got 0 or ECANCELED
 *      N:waits         no callback was called, and the task does not hold the lock
 *      N:has, N:hasnot the task holds the lock, or does not
 *      N:leaves        from now on its callback releases the lock
 *
 * or it has no task:
 *
 *      notify=N        by a thread, which acquires and releases
 *      acquire, notify, release    the three parts of that
 *      locked, unlocked, waiters=N
 *      order=NNN       the tasks whose callbacks released the lock, in order
 *      yes, no         the predicate `yes` is true, or false, from now on
 */
#include "fixture.h"

static struct flag yes, no;

/* ---- Scripts ---- */

static void step_check(const char *step, const char *actual, const char *expected)
{
    if (strcmp(actual, expected) != 0)
        fail_msg("%s: got %s, expected %s", step, actual, expected);
}

static void step_require(const char *step, bool condition)
{
    step_check(step, condition ? "true" : "false", "true");
}

static int step_wait(struct job *job, const char *what)
{
    struct flag *flag = strcmp(what, "_yes") == 0 ? &yes : &no;
    return ASK(job, *what == '\0' ? cond_task_wait(cond, &job->task)
                                  : cond_task_wait_for(cond, &job->task, flag_is_set, flag));
}

static void task_step(const char *step, struct job *job, const char *verb, const char *expected)
{
    bool has = has_lock(job);
    int result = 0, outcome = job_outcome(job);
    if (strcmp(verb, "acquire") == 0) {
        result = ASK(job, cond_task_acquire(cond, &job->task));
    } else if (strcmp(verb, "ask") == 0) {
        result = ASK(job, cond_task_acquire(cond, &job->task));
        expected = "EINPROGRESS";
    } else if (strncmp(verb, "wait", 4) == 0 && strcmp(verb, "waits") != 0) {
        result = step_wait(job, verb + 4);
        expected = *expected != '\0' ? expected : "EINPROGRESS";
    } else if (strncmp(verb, "come", 4) == 0) {
        job_acquire(job);
        result = step_wait(job, verb + 4);
        expected = "EINPROGRESS";
    } else if (strcmp(verb, "release") == 0) {
        result = cond_task_release(cond, &job->task);
    } else if (strcmp(verb, "cancel") == 0) {
        result = cond_task_cancel(&job->task);
    } else if (strcmp(verb, "notify") == 0) {
        result = cond_task_notify(cond, &job->task, 1);
    } else if (strcmp(verb, "notify_two") == 0) {
        result = cond_task_notify(cond, &job->task, 2);
    } else if (strcmp(verb, "notify_all") == 0) {
        result = cond_task_notify_all(cond, &job->task);
    } else if (strcmp(verb, "leaves") == 0) {
        job->then = job_leave;
    } else {
        step_require(step, strcmp(verb, "called") == 0      ? outcome == 0 && has
                           : strcmp(verb, "cancelled") == 0 ? outcome == ECANCELED && has
                           : strcmp(verb, "got") == 0       ? outcome == 0
                           : strcmp(verb, "ended") == 0     ? outcome == ECANCELED
                           : strcmp(verb, "waits") == 0     ? outcome == -1 && !has
                           : strcmp(verb, "has") == 0       ? has
                           : strcmp(verb, "hasnot") == 0    ? !has
                                                            : false);
    }
    step_check(step, error_name(result), *expected != '\0' ? expected : "0");
    if (result == EINPROGRESS)
        step_require(step, job_outcome(job) == -1);
}

static void other_step(const char *step, const char *verb, const char *value)
{
    char text[sizeof order / sizeof *order + 1] = "";
    if (strcmp(verb, "notify") == 0 && *value != '\0') {
        notify((size_t)strtoull(value, NULL, 10));
    } else if (strcmp(verb, "notify") == 0) {
        OK(cond_notify(cond, 1));
    } else if (strcmp(verb, "acquire") == 0) {
        acquire();
    } else if (strcmp(verb, "release") == 0) {
        release();
    } else if (strcmp(verb, "yes") == 0 || strcmp(verb, "no") == 0) {
        yes.value = *verb == 'y';
    } else if (strcmp(verb, "order") == 0) {
        for (unsigned i = 0; i < order_count; i++)
            text[i] = (char)('0' + order[i]);
        step_check(step, text, value);
    } else {
        step_require(step, strcmp(verb, "locked") == 0     ? cond_locked(cond)
                           : strcmp(verb, "unlocked") == 0 ? !cond_locked(cond)
                           : strcmp(verb, "waiters") == 0  ? cond_waiters(cond) == strtoull(value, NULL, 10)
                                                           : false);
    }
}

static void run_script(const char *script)
{
    char step[64];
    int length;
    yes = no = (struct flag){false, 0};
    for (; sscanf(script, "%63s%n", step, &length) == 1; script += length) {
        char verb[64] = "", value[64] = "";
        unsigned number;
        if (sscanf(step, "%u:%63[a-z_]=%63s", &number, verb, value) >= 2)
            task_step(step, &jobs[number], verb, value);
        else if (sscanf(step, "%63[a-z_]=%63s", verb, value) >= 1)
            other_step(step, verb, value);
        else
            fail_msg("%s is no step", step);
    }
}

/* ---- Tests that are no scripts ---- */

/* The first, one in the middle, the last, and several. */
static void acquire_cancelled(void)
{
    static const unsigned cancelled[][3] = {{1}, {3}, {5}, {1, 3, 5}, {1, 2, 3}};
    for (size_t c = 0; c < LENGTH(cancelled); c++) {
        job_acquire(&jobs[0]);
        for (unsigned i = 1; i < JOBS; i++)
            job_ask(&jobs[i]);
        for (unsigned i = 0; i < 3 && cancelled[c][i] != 0; i++) {
            job_cancel(&jobs[cancelled[c][i]]);
            job_cancel(&jobs[cancelled[c][i]]); /* a second cancel changes nothing */
        }
        assert_true(has_lock(&jobs[0]));
        job_release(&jobs[0]);
        for (unsigned i = 1; i < JOBS; i++) {
            bool gave_up = false;
            for (unsigned j = 0; j < 3; j++)
                gave_up = gave_up || cancelled[c][j] == i;
            if (!gave_up) {
                assert_called(&jobs[i], 0);
                job_release(&jobs[i]);
            }
            assert_int_equal(job_outcome(&jobs[i]), gave_up ? ECANCELED : 0);
            assert_false(has_lock(&jobs[i]));
            assert_int_equal(cond_task_release(cond, &jobs[i].task), EPERM);
        }
        assert_false(cond_locked(cond));
    }
}

static void wait_until_notified(void)
{
    run_script("0:come");
    for (unsigned i = 0; i < 100; i++)
        run_script("1:acquire 1:release notify=0");
    run_script("0:waits notify=1 0:called 0:release");
}

static void wait_for_without_lock(void)
{
    struct flag flag = {true, 0};
    for (int held = 0; held < 2; held++) {
        if (held)
            job_acquire(&jobs[1]);
        assert_int_equal(ASK(&jobs[0], cond_task_wait_for(cond, &jobs[0].task, flag_is_set, &flag)), EPERM);
        assert_int_equal(flag.calls, 0);
    }
    job_release(&jobs[1]);
}

static void wait_for_true(void)
{
    run_script("0:acquire 1:ask yes 0:wait_yes=0");
    assert_int_equal(yes.calls, 1);
    /* The lock was held all the time. */
    run_script("0:has 1:waits 0:release 1:release");
}

static void wait_for_calls_again(void)
{
    run_script("0:come_yes");
    for (unsigned i = 0; i < 3; i++) {
        unsigned calls = yes.calls;
        notify(1);
        assert_true(yes.calls > calls);
        assert_waits(&jobs[0]);
        assert_int_equal(cond_waiters(cond), 1);
    }
    acquire();
    OK(cond_notify(cond, 1));
    yes.value = true; /* after the notify, in the same critical section */
    release();
    assert_called(&jobs[0], 0);
    job_release(&jobs[0]);
}

static void predicate_of_one_call(void)
{
    run_script("0:come_no 0:cancel 0:cancelled");
    unsigned calls = no.calls;
    job_wait(&jobs[0]);
    notify(1);
    assert_called(&jobs[0], 0);
    job_ask(&jobs[1]);
    job_release(&jobs[0]);
    job_release(&jobs[1]);
    assert_int_equal(no.calls, calls);
}

static void conditions_share_a_lock(void)
{
    cond_t other;
    OK(cond_init(&other, cond_get_lock(cond), 0));
    for (unsigned i = 0; i < JOBS; i++) {
        job_acquire(&jobs[i]);
        jobs[i].then = job_leave;
        ASSERT_IN_PROGRESS(&jobs[i], cond_task_wait(i % 2 ? &other : cond, &jobs[i].task));
    }
    assert_int_equal(cond_waiters(cond), 3);
    assert_int_equal(cond_waiters(&other), 3);
    OK(cond_acquire(&other));
    assert_true(cond_owned(cond));
    OK(cond_notify(&other, 2));
    OK(cond_notify_all(cond));
    release();
    ASSERT_ORDER(1, 3, 0, 2, 4); /* the order of notification */
    job_cancel(&jobs[5]);
    assert_int_equal(job_outcome(&jobs[5]), ECANCELED);
    OK(cond_destroy(&other));
}

/* ---- The table ---- */

#define ALL_LEAVE "0:leaves 1:leaves 2:leaves 3:leaves 4:leaves 5:leaves "
#define ALL_COME "0:come 1:come 2:come 3:come 4:come 5:come "
#define WITHOUT_LOCK(call)                                                                                             \
    "0:come 1:" call "=EPERM 0:" call "=EPERM 2:acquire 1:" call "=EPERM waiters=1 2:release 0:waits notify=1 0:release"

static const struct {
    const char *says;
    const char *script;
    void (*test)(void); /* instead of a script */
} asyncio[] = {
    {"acquire() sets an unlocked lock to locked and returns", "0:acquire locked 0:has 0:release", NULL},
    {"acquire() waits until the lock is unlocked",
     "0:acquire 1:ask 1:waits 0:release 1:called locked 1:release", NULL},
    {"acquire() is fair: the first that waited is the first to proceed",
     "0:acquire 1:ask 2:ask 3:ask 4:ask 5:ask 0:release 1:called 2:waits 3:waits 4:waits 5:waits "
     "1:release 2:called 3:waits 4:waits 5:waits 2:release 3:called 4:waits 5:waits 3:release 4:called 5:waits "
     "4:release 5:called 5:release", NULL},
    {"acquire(), cancelled, gives up its place and nothing else", NULL, acquire_cancelled},
    {"locked() is true if the lock is acquired",
     "unlocked 0:acquire locked 0:wait unlocked notify=1 locked 0:release unlocked", NULL},
    {"release() allows exactly one to proceed",
     "0:acquire 1:ask 2:ask 0:release 1:called 2:waits 1:release 2:called 2:release unlocked", NULL},
    {"release() of an unlocked lock is an error", "0:release=EPERM 0:acquire 0:release 0:release=EPERM unlocked", NULL},
    {"notify(n) wakes n, the first of them",
     ALL_LEAVE ALL_COME "notify=0 order= notify=1 order=0 notify=3 order=0123 waiters=2 notify=1 notify=1 order=012345",
     NULL},
    {"notify(n) wakes all if fewer wait, and keeps nothing for later ones",
     "notify=1 notify=18446744073709551615 " ALL_LEAVE ALL_COME
     "notify=18446744073709551615 order=012345 0:come 0:waits notify=1 order=0123450", NULL},
    {"notify() without the lock is an error", WITHOUT_LOCK("notify"), NULL},
    /* No task returns while the lock is held. */
    {"notify_all() wakes all", "1:leaves 2:leaves 3:leaves 4:leaves 5:leaves " ALL_COME
     "notify=1 0:called 0:notify_all waiters=0 order= 0:release order=12345", NULL},
    {"notify_all() without the lock is an error", WITHOUT_LOCK("notify_all"), NULL},
    {"wait() without the lock is an error",
     "0:wait=EPERM waiters=0 unlocked 1:acquire 0:wait=EPERM waiters=0 locked 1:release", NULL},
    {"wait() releases the lock",
     "0:acquire 1:ask 0:wait 1:called waiters=1 1:wait unlocked waiters=2 notify=2 0:release 1:release", NULL},
    {"wait() blocks until it is notified, and not less", NULL, wait_until_notified},
    {"wait(), once awakened, re-acquires the lock",
     "0:come 1:acquire 1:notify waiters=0 0:waits 1:release 0:called 0:release", NULL},
    /* At once if the lock is free, otherwise when it is; and then the task can wait again. */
    {"wait(), cancelled, re-acquires the lock before it says so",
     "0:come 0:cancel 0:cancelled waiters=0 0:cancel=EINVAL 0:release 0:come 1:acquire 0:cancel 0:waits 1:release "
     "0:cancelled 0:release 0:come notify=1 0:called 0:release", NULL},
    {"wait(), cancelled before a notify, is skipped",
     "0:come 1:come 2:come 3:acquire 0:cancel 3:notify 3:release 1:called 1:release 0:cancelled 0:release 2:waits "
     "notify=1 2:release", NULL},
    /* asyncio lost this notification until 3.13. */
    {"wait(), cancelled while it re-acquires, passes its notification on",
     ALL_LEAVE "0:come 1:come 2:come 3:come 4:come 5:acquire 5:notify_two 0:cancel 1:cancel 0:cancel 0:waits "
     "5:release 0:ended 1:ended 2:got 3:got 4:waits notify=1 4:got", NULL},
    {"wait(), cancelled, passes nothing to a task that came after the notify",
     "0:come 1:acquire 1:notify 0:cancel 1:wait 0:cancelled 0:release 1:waits notify=1 1:release", NULL},
    {"wait(), cancelled after notify_all(), passes nothing on",
     "0:leaves 1:leaves 0:come 1:come 2:acquire 2:notify_all 0:cancel 2:wait 0:ended 1:got 2:waits notify=1 2:release",
     NULL},
    {"wait_for() without the lock is an error", NULL, wait_for_without_lock},
    {"wait_for() returns at once if the predicate is true", NULL, wait_for_true},
    {"wait_for() waits repeatedly until the predicate is true", NULL, wait_for_calls_again},
    /* The task keeps its place. */
    {"wait_for(), with a false predicate, passes its notification on",
     "0:come_yes 1:come 2:come notify=1 0:waits 1:called yes 1:notify 1:release 0:called 2:waits 0:release notify=1 "
     "2:called 2:release", NULL},
    /* While it waits; after a notify for a false predicate; after a notify for a true one, which task 2 can use. */
    {"wait_for(), cancelled, re-acquires the lock before it says so",
     "0:come_no 0:cancel 0:cancelled 0:release 0:come_no notify=1 0:cancel 0:cancelled 0:release "
     "0:come_yes 1:come_no 2:come_yes 0:leaves 2:leaves acquire yes notify 0:cancel release 0:ended 1:waits 2:got "
     "1:cancel 1:cancelled 1:release", NULL},
    {"wait_for()'s predicate is not called for a later wait()", NULL, predicate_of_one_call},
    {"several conditions may share one lock", NULL, conditions_share_a_lock},
};

static void run_sentence(UNUSED void **state)
{
    if (asyncio[fixture_index].test != NULL)
        asyncio[fixture_index].test();
    else
        run_script(asyncio[fixture_index].script);
}

int main(void)
{
    for (unsigned i = 0; i < LENGTH(asyncio); i++)
        fixture_add(asyncio[i].says, run_sentence, ON(OWN_RLOCK) | ON(OWN_MUTEX) | ON(RLOCK_ELSEWHERE), i);
    return RUN_TESTS("asyncio");
}
