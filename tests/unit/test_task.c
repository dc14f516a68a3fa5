/* SPDX-License-Identifier: MIT */
/*
 * Tasks: threads on the same condition, recursion, two locks, and callbacks that make calls. test_asyncio.c has what
 * tasks share with asyncio's, test_task_misuse.c what each call returns in each state.
 */
#ifndef _DEFAULT_SOURCE
#  define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#endif
#include "mutex.h"
#include "port.h"
#include "waitq.h"
#include "fixture.h"
#ifdef HAVE_FORK
#  include <sys/mman.h>
#endif

_Static_assert(UINTPTR_MAX != UINT64_MAX || sizeof(cond_task_t) <= 96, "a task is at most 96 bytes");

/* ---- Threads on the same condition ---- */

static void wait_as(struct waiter *w, unsigned number, int64_t timeout_ns)
{
    struct waiter value = waiter_of(NULL, NULL, timeout_ns);
    value.number = number;
    waiter_start(w, value);
}

TEST_ON(ON(OWN_RLOCK) | ON(OWN_MUTEX), thread_cannot_use_a_tasks_lock)
{
    struct flag flag = {.value = true};
    job_acquire(&jobs[0]);
    assert_true(cond_locked(cond));
    assert_false(cond_owned(cond));
    assert_int_equal(cond_release(cond), EPERM);
    assert_int_equal(cond_wait(cond, 0), EPERM);
    assert_int_equal(cond_wait_for(cond, flag_is_set, &flag, 0), EPERM);
    assert_int_equal(cond_notify(cond, 1), EPERM);
    assert_int_equal(cond_notify_all(cond), EPERM);
    assert_int_equal(cond_recover(cond), EPERM);
    assert_int_equal(cond_try_acquire(cond), EBUSY);
    assert_int_equal(cond_acquire_timed(cond, COND_MS(1)), ETIMEDOUT);
    assert_int_equal(cond_destroy(cond), EBUSY);
    assert_int_equal(flag.calls, 0);
    assert_true(has_lock(&jobs[0]));
    job_release(&jobs[0]);
    /* A task cannot use a thread's lock. */
    OK(cond_acquire(cond));
    job_ask(&jobs[0]);
    assert_int_equal(cond_task_release(cond, &jobs[0].task), EPERM);
    assert_true(cond_owned(cond));
    OK(cond_release(cond));
    assert_called(&jobs[0], 0);
    job_release(&jobs[0]);
}

TEST_ON(ON(OWN_RLOCK), describe_names_the_task)
{
    char text[200], expected[200];
    job_acquire(&jobs[0]);
    job_acquire(&jobs[0]);
    assert_true(cond_describe(cond, text, sizeof text) > 0);
    (void)snprintf(expected, sizeof expected, "<cond(<locked rlock owner=task at 0x%jx depth=2 at 0x%jx>, 0)>",
                   (uintmax_t)(uintptr_t)&jobs[0].task, (uintmax_t)(uintptr_t)cond_get_lock(cond));
    assert_string_equal(text, expected);
    job_release(&jobs[0]);
    job_release(&jobs[0]);
    OK(cond_acquire(cond));
    assert_true(cond_describe(cond, text, sizeof text) > 0);
    assert_null(strstr(text, "task"));
    OK(cond_release(cond));
}

/* 1, 3, 5 are threads, the others tasks. Each wakes the next when it releases the lock. */
TEST_ON(ON(OWN_RLOCK) | ON(OWN_MUTEX) | ON(RLOCK_ELSEWHERE), tasks_and_threads_in_one_queue)
{
    struct waiter w[JOBS];
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i].then = job_leave;
        if (i % 2 == 0)
            job_come_and_wait(&jobs[i]);
        else
            wait_as(&w[i], i, i == 3 ? COND_SEC(1000000) : COND_FOREVER);
    }
    notify(3);
    assert_returns(&w[1], 0);
    ASSERT_ORDER(0, 1, 2);
    job_acquire(&jobs[0]);
    OK(cond_task_notify_all(cond, &jobs[0].task));
    assert_int_equal(order_count, 3);
    job_release(&jobs[0]);
    assert_returns(&w[3], 0);
    assert_returns(&w[5], 0);
    ASSERT_ORDER(0, 1, 2, 3, 4, 5);
}

TEST_ON(ON(OWN_RLOCK), cancelled_task_passes_on_to_a_thread)
{
    struct waiter w;
    jobs[0].then = job_leave;
    job_come_and_wait(&jobs[0]);
    wait_as(&w, 1, COND_FOREVER);
    OK(cond_acquire(cond));
    OK(cond_notify(cond, 1));
    job_cancel(&jobs[0]);
    OK(cond_release(cond));
    assert_returns(&w, 0);
    /* Some release has called the task: the thread's, if not this one. */
    assert_int_equal(job_outcome(&jobs[0]), ECANCELED);
    assert_int_equal(order_count, 2);
}

/* A notify skips a thread whose wait is over and chooses the next task. (A stop marks it as a deadline does.) */
TEST_ON(ON(OWN_RLOCK), expired_thread_is_skipped)
{
    struct waiter w, value = waiter_of(NULL, NULL, COND_FOREVER);
    cond_stop_t stop = {0};
    value.with_options = true;
    value.options.stop = &stop;
    waiter_start(&w, value);
    jobs[1].then = job_leave;
    job_come_and_wait(&jobs[1]);
    job_acquire(&jobs[2]);
    OK(cond_stop(&stop));
    assert_true(a_load(&cond->u_.local.waiters->next->state, acquire) & WAITER_EXPIRED);
    OK(cond_task_notify(cond, &jobs[2].task, 1));
    job_release(&jobs[2]);
    assert_returns(&w, ECANCELED);
    assert_int_equal(job_outcome(&jobs[1]), 0);
}

/* The releasing thread calls the callback. */
static _Atomic(uintptr_t) called_by;

static void note_caller(struct job *job, int result)
{
    atomic_store(&called_by, self_address());
    job_leave(job, result);
}

static void *acquire_and_release(void *arg)
{
    (void)arg;
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_notify(cond, 1) == 0);
    REQUIRE(cond_release(cond) == 0);
    REQUIRE(atomic_load(&called_by) == self_address());
    return NULL;
}

TEST_ON(ON(OWN_RLOCK), called_where_released)
{
    jobs[0].then = note_caller;
    job_come_and_wait(&jobs[0]);
    (void)finish(start(acquire_and_release, NULL));
    assert_int_equal(job_outcome(&jobs[0]), 0);
    assert_true(atomic_load(&called_by) != self_address());
}

/* A task belongs to no thread: one thread may acquire for it and another release. */
static void *release_on_another_thread(void *arg)
{
    struct job *job = arg;
    REQUIRE(cond_task_acquire(cond, &job->task) == 0);
    REQUIRE(cond_task_release(cond, &job->task) == 0);
    REQUIRE(cond_task_notify(cond, &job->task, 0) == 0);
    REQUIRE(cond_task_release(cond, &job->task) == 0);
    return NULL;
}

TEST_ON(ON(OWN_RLOCK), moves_between_threads)
{
    job_acquire(&jobs[0]);
    (void)finish(start(release_on_another_thread, &jobs[0]));
    assert_false(cond_locked(cond));
}

/* The release inside a thread's wait calls a task, which notifies that thread before it sleeps. */
static void notify_and_leave(struct job *job, int result)
{
    REQUIRE(result == 0);
    REQUIRE(cond_task_notify(cond, &job->task, 1) == 0);
    job_leave(job, result);
}

TEST_ON(ON(OWN_RLOCK), thread_is_notified_before_it_sleeps)
{
    jobs[0].then = notify_and_leave;
    OK(cond_acquire(cond));
    job_ask(&jobs[0]);
    OK(cond_wait(cond, COND_FOREVER));
    assert_true(cond_owned(cond));
    assert_int_equal(job_outcome(&jobs[0]), 0);
    OK(cond_release(cond));
}

/* While a thread starves (mutex.c), every second release frees the lock for it instead of handing it to a task. Here
   the test plays the starving thread. */
TEST_ON(ON(OWN_RLOCK), every_second_release_is_for_threads)
{
    uint32_t *word = &cond_get_lock(cond)->u_.local.as.mine.word;
    job_acquire(&jobs[0]);
    for (unsigned i = 1; i < JOBS; i++)
        job_ask(&jobs[i]);
    a_store(word, a_load(word, relaxed) | MUTEX_STARVING, relaxed);
    unsigned handed = 0, left = 0;
    for (unsigned i = 0; i + 1 < JOBS;) {
        job_release(&jobs[i]);
        if (has_lock(&jobs[i + 1])) {
            handed++;
            i++;
            continue;
        }
        left++;
        assert_waits(&jobs[i + 1]);
        assert_int_equal(a_load(word, relaxed) & (MUTEX_HELD | MUTEX_STARVING), MUTEX_STARVING);
        /* As a starving thread acquires it while another one starves. */
        a_store(word, a_load(word, relaxed) & ~(uint32_t)(MUTEX_STARVING | MUTEX_RESERVED), relaxed);
        OK(cond_acquire(cond));
        a_store(word, a_load(word, relaxed) | MUTEX_STARVING, relaxed);
        OK(cond_release(cond));
        assert_called(&jobs[i + 1], 0);
        i++;
    }
    assert_true(handed > 0 && left > 0);
    a_store(word, a_load(word, relaxed) & ~(uint32_t)(MUTEX_STARVING | MUTEX_RESERVED), relaxed);
    job_release(&jobs[JOBS - 1]);
}

/* ---- Recursion: each task has its own depth ---- */

static void acquire_levels(struct job *job, unsigned levels)
{
    for (unsigned i = 0; i < levels; i++)
        job_acquire(job);
}

/* It holds exactly this many levels. */
static void release_levels(struct job *job, unsigned levels)
{
    for (unsigned i = 0; i < levels; i++) {
        assert_true(has_lock(job));
        job_release(job);
    }
    assert_false(has_lock(job));
    assert_int_equal(cond_task_release(cond, &job->task), EPERM);
}

TEST_ON(ON(OWN_RLOCK) | ON(RLOCK_ELSEWHERE), wait_releases_and_restores_all_levels)
{
    static const unsigned levels[] = {1, 2, 3, 1000};
    enum { NOTIFIED, CANCELLED, CHOSEN_AND_CANCELLED, WAYS };
    for (size_t i = 0; i < LENGTH(levels); i++)
        for (int way = 0; way < WAYS; way++) {
            acquire_levels(&jobs[0], levels[i]);
            job_wait(&jobs[0]);
            assert_false(cond_locked(cond));
            acquire_levels(&jobs[1], 5); /* another depth */
            if (way != CANCELLED)
                OK(cond_task_notify(cond, &jobs[1].task, 1));
            if (way != NOTIFIED)
                job_cancel(&jobs[0]);
            for (unsigned level = 5; level > 0; level--) {
                assert_waits(&jobs[0]);
                job_release(&jobs[1]);
            }
            assert_called(&jobs[0], way == NOTIFIED ? 0 : ECANCELED);
            release_levels(&jobs[0], levels[i]);
        }
}

TEST_ON(ON(OWN_RLOCK), maximum_depth)
{
    acquire_levels(&jobs[0], COND_DEPTH_MAX);
    assert_int_equal(ASK(&jobs[0], cond_task_acquire(cond, &jobs[0].task)), EAGAIN);
    job_wait(&jobs[0]);
    notify(1);
    assert_called(&jobs[0], 0);
    assert_int_equal(ASK(&jobs[0], cond_task_acquire(cond, &jobs[0].task)), EAGAIN);
    for (unsigned i = 0; i < COND_DEPTH_MAX; i++)
        job_release(&jobs[0]);
    assert_false(cond_locked(cond));
}

TEST_ON(ON(OWN_RLOCK), recursion_is_each_tasks_own)
{
    acquire_levels(&jobs[0], 3);
    job_ask(&jobs[1]); /* another task of the same thread */
    assert_int_equal(cond_try_acquire(cond), EBUSY);
    assert_int_equal(cond_task_release(cond, &jobs[1].task), EPERM);
    release_levels(&jobs[0], 3);
    assert_called(&jobs[1], 0);
    release_levels(&jobs[1], 1);
    OK(cond_acquire(cond));
    job_ask(&jobs[0]);
    OK(cond_release(cond));
    release_levels(&jobs[0], 1); /* not the three of before */
}

TEST_ON(ON(OWN_MUTEX), mutex_is_not_recursive)
{
    job_acquire(&jobs[0]);
    assert_int_equal(ASK(&jobs[0], cond_task_acquire(cond, &jobs[0].task)), EDEADLK);
    assert_int_equal(job_outcome(&jobs[0]), -1);
    job_wait(&jobs[0]);
    notify(1);
    assert_called(&jobs[0], 0);
    assert_int_equal(ASK(&jobs[0], cond_task_acquire(cond, &jobs[0].task)), EDEADLK);
    release_levels(&jobs[0], 1);
}

/* ---- Two locks ---- */

TEST_ON(ON(OWN_RLOCK), one_task_two_locks)
{
    cond_t other = COND_INIT;
    job_acquire(&jobs[0]);
    OK(cond_task_acquire(&other, &jobs[1].task));
    /* It wants one lock, and holds and uses the other meanwhile. */
    assert_int_equal(ASK(&jobs[0], cond_task_acquire(&other, &jobs[0].task)), EINPROGRESS);
    OK(cond_task_notify(cond, &jobs[0].task, 1));
    assert_int_equal(cond_task_acquire(cond, &jobs[0].task), EBUSY);
    assert_int_equal(cond_task_wait(cond, &jobs[0].task), EBUSY);
    assert_true(has_lock(&jobs[0]));
    job_release(&jobs[0]);
    assert_int_equal(cond_task_release(cond, &jobs[0].task), EPERM);
    OK(cond_task_release(&other, &jobs[1].task));
    assert_int_equal(job_outcome(&jobs[0]), 0);
    /* It waits on one condition, and keeps the other lock. */
    job_acquire(&jobs[0]);
    assert_int_equal(ASK(&jobs[0], cond_task_wait(&other, &jobs[0].task)), EINPROGRESS);
    assert_true(has_lock(&jobs[0]));
    assert_false(cond_locked(&other));
    OK(cond_acquire(&other));
    OK(cond_notify(&other, 1));
    OK(cond_release(&other));
    assert_int_equal(job_outcome(&jobs[0]), 0);
    release_levels(&jobs[0], 1);
    OK(cond_task_release(&other, &jobs[0].task));
    OK(cond_destroy(&other));
}

/* The condition was destroyed as soon as the task was chosen. The task holds two levels of the lock and releases them
   by the calls on the lock. */
TEST_ON(ON(RLOCK_ELSEWHERE), chosen_of_a_destroyed_condition)
{
    cond_t brief;
    OK(cond_init(&brief, &subject.lock, 0));
    OK(ASK(&jobs[0], cond_task_acquire(&brief, &jobs[0].task)));
    OK(ASK(&jobs[0], cond_task_lock_acquire(&subject.lock, &jobs[0].task)));
    assert_int_equal(ASK(&jobs[0], cond_task_wait(&brief, &jobs[0].task)), EINPROGRESS);
    OK(cond_acquire(&brief));
    OK(cond_notify(&brief, 1));
    OK(cond_destroy(&brief));
    memset((void *)&brief, 0x5A, sizeof brief);
    OK(cond_lock_release(&subject.lock));
    assert_int_equal(job_outcome(&jobs[0]), 0);
    assert_int_equal(cond_lock_release(&subject.lock), EPERM); /* the thread does not hold it */
    assert_int_equal(cond_task_lock_release(&subject.lock, &jobs[1].task), EPERM);
    assert_int_equal(cond_lock_destroy(&subject.lock), EBUSY);
    OK(cond_task_lock_release(&subject.lock, &jobs[0].task));
    assert_true(cond_lock_locked(&subject.lock));
    OK(cond_task_lock_release(&subject.lock, &jobs[0].task));
    assert_false(cond_lock_locked(&subject.lock));
    assert_int_equal(cond_task_lock_release(&subject.lock, &jobs[0].task), EPERM);
}

/* A lock without a condition. */
TEST_ON(ON(RLOCK_ELSEWHERE), a_lock_by_itself)
{
    OK(ASK(&jobs[0], cond_task_lock_acquire(&subject.lock, &jobs[0].task)));
    assert_int_equal(ASK(&jobs[1], cond_task_lock_acquire(&subject.lock, &jobs[1].task)), EINPROGRESS);
    assert_int_equal(ASK(&jobs[2], cond_task_lock_acquire(&subject.lock, &jobs[2].task)), EINPROGRESS);
    OK(cond_task_cancel(&jobs[1].task));
    OK(cond_task_lock_release(&subject.lock, &jobs[0].task));
    assert_int_equal(job_outcome(&jobs[1]), ECANCELED);
    assert_int_equal(job_outcome(&jobs[2]), 0);
    OK(cond_task_lock_release(&subject.lock, &jobs[2].task));
}

/* ---- Callbacks ---- */

/* A result that is known before the call returns is returned, and no callback is called. */
TEST_ON(ON(OWN_RLOCK), wait_returns_0)
{
    jobs[1].then = notify_and_leave;
    acquire_levels(&jobs[0], 2);
    job_ask(&jobs[1]);
    OK(ASK(&jobs[0], cond_task_wait(cond, &jobs[0].task)));
    assert_int_equal(job_outcome(&jobs[1]), 0);
    release_levels(&jobs[0], 2);
}

static bool is_open(void *arg) { return *(bool *)arg; }

static bool door;

static void open_and_leave(struct job *job, int result)
{
    door = true;
    notify_and_leave(job, result);
}

TEST_ON(ON(OWN_RLOCK), wait_for_returns_0)
{
    door = false;
    jobs[1].then = open_and_leave;
    job_acquire(&jobs[0]);
    job_ask(&jobs[1]);
    OK(ASK(&jobs[0], cond_task_wait_for(cond, &jobs[0].task, is_open, &door)));
    release_levels(&jobs[0], 1);
}

static void cancel_first_and_leave(struct job *job, int result)
{
    REQUIRE(cond_task_cancel(&jobs[0].task) == 0);
    job_leave(job, result);
}

TEST_ON(ON(OWN_RLOCK), wait_returns_ecanceled)
{
    jobs[1].then = cancel_first_and_leave;
    acquire_levels(&jobs[0], 2);
    job_ask(&jobs[1]);
    assert_int_equal(ASK(&jobs[0], cond_task_wait(cond, &jobs[0].task)), ECANCELED);
    assert_int_equal(job_outcome(&jobs[1]), 0);
    release_levels(&jobs[0], 2);
}

/* A wait in a callback returns EINPROGRESS. The next callback is called after this one has returned. */
static bool within_callback;

static void wait_again(struct job *job, int result)
{
    REQUIRE(result == 0);
    REQUIRE(!within_callback); /* callbacks are not nested */
    within_callback = true;
    come_through(job->number);
    if (order_count < 20) {
        REQUIRE(cond_task_notify(cond, &job->task, 1) == 0);
        REQUIRE(ASK(job, cond_task_wait(cond, &job->task)) == EINPROGRESS);
    } else {
        REQUIRE(cond_task_notify_all(cond, &job->task) == 0);
        REQUIRE(cond_task_release(cond, &job->task) == 0);
    }
    within_callback = false;
}

TEST_ON(ON(OWN_RLOCK), callbacks_do_not_nest)
{
    for (unsigned i = 0; i < 3; i++) {
        job_come_and_wait(&jobs[i]);
        jobs[i].then = wait_again;
    }
    notify(1);
    assert_int_equal(order_count, 22);
    for (unsigned i = 0; i < order_count; i++)
        assert_int_equal(order[i], i % 3);
}

/* A callback may make a thread's calls, if they do not block. */
static void notify_as_thread(struct job *job, int result)
{
    job_leave(job, result);
    if (order_count == 1) {
        REQUIRE(cond_acquire(cond) == 0);
        REQUIRE(cond_notify(cond, 1) == 0);
        REQUIRE(cond_release(cond) == 0);
        REQUIRE(cond_try_acquire(cond) == EBUSY);
        REQUIRE(order_count == 1); /* the other task holds the lock; its callback is called after this one */
    }
}

TEST_ON(ON(OWN_RLOCK), callback_calls_as_a_thread)
{
    for (unsigned i = 0; i < 2; i++) {
        job_come_and_wait(&jobs[i]);
        jobs[i].then = notify_as_thread;
    }
    notify(1);
    ASSERT_ORDER(0, 1);
}

/* ---- Callbacks that free their objects, for AddressSanitizer ---- */

struct freed {
    cond_t cond;
    struct job *jobs[3];
    unsigned left;
};

static struct freed *freed;

static void free_job(struct job *job, int result)
{
    (void)result;
    bool last = --freed->left == 0;
    REQUIRE(cond_task_release(&freed->cond, &job->task) == 0);
    memset((void *)job, 0xA5, sizeof *job);
    free(job);
    if (last) {
        REQUIRE(cond_destroy(&freed->cond) == 0);
        memset((void *)freed, 0xA5, sizeof *freed);
        free(freed);
        freed = NULL;
    }
}

TEST_ON(ON(OWN_RLOCK), callback_frees_everything)
{
    enum { RELEASE, NOTIFY, CANCEL, WAYS };
    for (int way = 0; way < WAYS; way++) {
        freed = calloc(1, sizeof *freed);
        REQUIRE(freed != NULL);
        freed->left = 3;
        REQUIRE(cond_init(&freed->cond, NULL, 0) == 0);
        cond_t *its = &freed->cond;
        struct job *job[3];
        for (unsigned i = 0; i < 3; i++) {
            job[i] = malloc(sizeof *job[i]);
            REQUIRE(job[i] != NULL);
            job_make(job[i], i, free_job);
        }
        if (way == RELEASE) {
            OK(cond_acquire(its));
            for (unsigned i = 0; i < 3; i++)
                assert_int_equal(cond_task_acquire(its, &job[i]->task), EINPROGRESS);
            OK(cond_release(its));
        } else {
            for (unsigned i = 0; i < 3; i++) {
                OK(cond_task_acquire(its, &job[i]->task));
                assert_int_equal(cond_task_wait(its, &job[i]->task), EINPROGRESS);
            }
            if (way == NOTIFY) {
                OK(cond_acquire(its));
                OK(cond_notify_all(its));
                OK(cond_release(its));
            } else {
                for (unsigned i = 0; i < 3; i++)
                    OK(cond_task_cancel(&job[i]->task));
            }
        }
        assert_null(freed);
    }
}

/*
 * A task's wait has not returned, because a callback runs in it. Meanwhile another thread wakes the task, whose
 * callback makes a new task in the same memory. The wait of the old task must not take the new task's result for its
 * own, though both have the same address and the same number of requests.
 */
static atomic_int stage, old_called, new_called;

static void called_as_new(cond_task_t *task, int result)
{
    REQUIRE(result == 0);
    (void)atomic_fetch_add(&new_called, 1);
    REQUIRE(cond_task_release(cond, task) == 0);
}

static void called_as_old(cond_task_t *task, int result)
{
    REQUIRE(result == 0);
    (void)atomic_fetch_add(&old_called, 1);
    REQUIRE(cond_task_release(cond, task) == 0);
    memset((void *)task, 0xA5, sizeof *task);
    REQUIRE(cond_task_init(task, called_as_new, NULL) == 0);
    REQUIRE(cond_task_acquire(cond, task) == 0);
    REQUIRE(cond_task_wait(cond, task) == EINPROGRESS);
}

static void notify_the_new_one(struct job *job, int result)
{
    job_leave(job, result);
    atomic_store(&stage, 1);
    until(&stage, 2);
    REQUIRE(cond_task_acquire(cond, &job->task) == 0);
    REQUIRE(cond_task_notify(cond, &job->task, 1) == 0);
    REQUIRE(cond_task_release(cond, &job->task) == 0);
}

static void *notify_the_old_one(void *arg)
{
    (void)arg;
    until(&stage, 1);
    notify(1);
    atomic_store(&stage, 2);
    return NULL;
}

TEST_ON(ON(OWN_RLOCK), another_task_in_the_same_memory)
{
    static cond_task_t task;
    REQUIRE(cond_task_init(&task, called_as_old, NULL) == 0);
    jobs[0].then = notify_the_new_one;
    OK(cond_task_acquire(cond, &task));
    job_ask(&jobs[0]);
    pthread_t other = start(notify_the_old_one, NULL);
    assert_int_equal(cond_task_wait(cond, &task), EINPROGRESS);
    (void)finish(other);
    assert_int_equal(atomic_load(&old_called), 1);
    assert_int_equal(atomic_load(&new_called), 1);
}

/* ---- Long chains of callbacks need no stack ---- */

/* ThreadSanitizer is slow; a shorter chain shows the same. */
#if defined(__has_feature)
#  if __has_feature(thread_sanitizer)
#    define SLOW 1
#  endif
#endif
#if defined(SLOW) || defined(__SANITIZE_THREAD__)
enum { LINKS = 10000 };
#else
enum { LINKS = 100000 };
#endif

static const struct chain {
    bool waits; /* the tasks wait on the condition; otherwise they want the lock, which the test holds */
    int result; /* of each callback */
    bool notifies, cancels_next, releases, cancels_next_after_release; /* what each callback does, in this order */
    enum { NOTIFY_ONE, NOTIFY_ALL, RELEASE, CANCEL_FIRST, CANCEL_ALL_AND_RELEASE } begins; /* what the test does */
} chains[] = {
    {true, 0, true, false, true, false, NOTIFY_ONE},
    {true, 0, false, false, true, false, NOTIFY_ALL},
    {false, 0, false, false, true, false, RELEASE},
    {true, ECANCELED, false, true, true, false, CANCEL_FIRST},
    /* The lock is free, so the next callback is due inside this cancel. */
    {true, ECANCELED, false, false, true, true, CANCEL_FIRST},
    {false, ECANCELED, false, false, false, false, CANCEL_ALL_AND_RELEASE},
};

static const struct chain *chain;
static struct job *links;
static unsigned links_called;
static uintptr_t stack_low, stack_high;

static void link_called(struct job *job, int result)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (links_called++ == 0)
        stack_low = stack_high = here;
    if (here < stack_low)
        stack_low = here;
    if (here > stack_high)
        stack_high = here;
    REQUIRE(job->number == links_called - 1);
    REQUIRE(result == chain->result);
    bool has_next = job->number + 1 < LINKS;
    if (chain->notifies)
        REQUIRE(cond_task_notify(cond, &job->task, 1) == 0);
    if (chain->cancels_next && has_next)
        REQUIRE(cond_task_cancel(&job[1].task) == 0);
    if (chain->releases)
        REQUIRE(cond_task_release(cond, &job->task) == 0);
    if (chain->cancels_next_after_release && has_next)
        REQUIRE(cond_task_cancel(&job[1].task) == 0);
}

static void chain_begin(void)
{
    links_called = 0;
    if (!chain->waits)
        acquire();
    for (unsigned i = 0; i < LINKS; i++) {
        job_make(&links[i], i, link_called);
        REQUIRE(cond_task_acquire(cond, &links[i].task) == (chain->waits ? 0 : EINPROGRESS));
        if (chain->waits)
            REQUIRE(cond_task_wait(cond, &links[i].task) == EINPROGRESS);
    }
    for (unsigned i = 0; i < LINKS && chain->begins >= CANCEL_FIRST; i++)
        if (i == 0 || chain->begins == CANCEL_ALL_AND_RELEASE)
            job_cancel(&links[i]);
    if (chain->begins == NOTIFY_ONE || chain->begins == NOTIFY_ALL)
        notify(chain->begins == NOTIFY_ONE ? 1 : SIZE_MAX);
    if (!chain->waits)
        release();
}

TEST_ON(ON(OWN_RLOCK), chains_need_no_stack)
{
    links = calloc(LINKS, sizeof *links);
    REQUIRE(links != NULL);
    for (chain = chains; chain != chains + LENGTH(chains); chain++) {
        chain_begin();
        assert_int_equal(links_called, LINKS);
        assert_true(stack_high - stack_low < 1024);
    }
    free(links);
}

/* ---- Processes ---- */

#ifdef HAVE_FORK

static void child_starts_anew(UNUSED void *arg)
{
    REQUIRE(cond_reinit_after_fork(cond) == 0);
    REQUIRE(!cond_locked(cond));
    REQUIRE(cond_waiters(cond) == 0);
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_notify_all(cond) == 0);
    REQUIRE(cond_release(cond) == 0);
    REQUIRE(order_count == 0);
    job_make(&jobs[5], 5, job_leave);
    REQUIRE(cond_task_acquire(cond, &jobs[5].task) == 0);
    REQUIRE(cond_task_wait(cond, &jobs[5].task) == EINPROGRESS);
    notify(1);
    REQUIRE(order_count == 1);
    REQUIRE(cond_destroy(cond) == 0);
}

/* In the child no task waits, holds the lock or wants it, and no callback of the parent's tasks is called. */
TEST_ON(ON(OWN_RLOCK), reinit_in_a_child)
{
    for (unsigned i = 0; i < 4; i++)
        jobs[i].then = job_leave;
    job_come_and_wait(&jobs[0]);
    job_come_and_wait(&jobs[1]);
    job_acquire(&jobs[4]);
    OK(cond_task_notify(cond, &jobs[4].task, 1));
    job_ask(&jobs[2]);
    job_ask(&jobs[3]);
    in_child(child_starts_anew, NULL);
    job_release(&jobs[4]);
    assert_int_equal(order_count, 3);
    notify(1);
    assert_int_equal(order_count, 4);
}

/* A private condition in memory that two processes have mapped is a mistake. But no process follows the pointers of the
   other: its release leaves the task to a release of the task's own process. */
#  ifndef PROCESSES_LOOK_ALIKE /* a port without process numbers */
struct both {
    cond_t cond;
    atomic_int stage;
};

static void child_holds_the_lock(void *arg)
{
    struct both *both = arg;
    REQUIRE(cond_acquire(&both->cond) == 0);
    atomic_store(&both->stage, 1);
    until(&both->stage, 2);
    REQUIRE(cond_release(&both->cond) == 0);
}

TEST(other_process_leaves_tasks_alone)
{
    struct both *both = mmap(NULL, sizeof *both, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(both != MAP_FAILED);
    pid_t child = start_child(child_holds_the_lock, both);
    struct job *job = mmap(NULL, sizeof *job, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(job != MAP_FAILED); /* the child does not have this memory */
    job_make(job, 0, NULL);
    until(&both->stage, 1);
    ASSERT_IN_PROGRESS(job, cond_task_acquire(&both->cond, &job->task));
    atomic_store(&both->stage, 2);
    finish_child(child);
    assert_int_equal(job_outcome(job), -1);
    OK(cond_acquire(&both->cond));
    OK(cond_release(&both->cond));
    assert_int_equal(job_outcome(job), 0);
    OK(cond_task_release(&both->cond, &job->task));
    OK(cond_destroy(&both->cond));
    REQUIRE(munmap(job, sizeof *job) == 0 && munmap(both, sizeof *both) == 0);
}
#  endif

#endif

int main(void) { return RUN_TESTS("tasks"); }
