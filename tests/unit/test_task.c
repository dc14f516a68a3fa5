/* SPDX-License-Identifier: MIT */
/*
 * Tasks, beyond what they have in common with asyncio's (test_asyncio.c): threads on the same condition,
 * recursion, two locks, callbacks that call. What is answered to whom in which state is in test_task_misuse.c.
 */
#ifndef _DEFAULT_SOURCE
#  define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#endif
#include "mutex.h" /* before the globals of jobs.h, which its parameters would shadow */
#include "port.h"
#include "waitq.h"
#include "jobs.h"
#ifdef __has_include
#  if __has_include(<sys/wait.h>)
#    define HAVE_FORK 1
#    include <sys/mman.h>
#    include <sys/wait.h>
#    include <unistd.h>
#  endif
#endif

_Static_assert(UINTPTR_MAX != UINT64_MAX || sizeof(cond_task_t) <= 96, "a task is at most 96 bytes");

/* ---- Threads on the same condition ---- */

struct waits {
    unsigned number;
    int64_t timeout_ns;
    pthread_t thread;
    int result;
    bool owned; /* when it came through */
};

static void *do_wait(void *arg)
{
    struct waits *w = arg;
    REQUIRE(cond_acquire(&cond) == 0);
    w->result = cond_wait(&cond, w->timeout_ns);
    w->owned = cond_owned(&cond);
    come_through(w->number);
    REQUIRE(cond_release(&cond) == 0);
    return NULL;
}

/* Returns when it waits: its time must be long. The caller does not hold the lock. */
static void wait_in_thread(struct waits *w, unsigned number, int64_t timeout_ns)
{
    size_t before = cond_waiters(&cond);
    *w = (struct waits){.number = number, .timeout_ns = timeout_ns};
    w->thread = start(do_wait, w);
    until_waiters(&cond, before + 1);
}

static void assert_comes(struct waits *w, int result)
{
    (void)finish(w->thread);
    assert_int_equal(w->result, result);
    assert_true(w->owned);
}

static void thread_cannot_use_a_tasks_lock(void **state)
{
    (void)state;
    struct truth truth = {.value = true};
    acquire(&jobs[0]);
    assert_true(cond_locked(&cond));
    assert_false(cond_owned(&cond));
    assert_int_equal(cond_release(&cond), EPERM);
    assert_int_equal(cond_wait(&cond, 0), EPERM);
    assert_int_equal(cond_wait_for(&cond, is_true, &truth, 0), EPERM);
    assert_int_equal(cond_notify(&cond, 1), EPERM);
    assert_int_equal(cond_notify_all(&cond), EPERM);
    assert_int_equal(cond_recover(&cond), EPERM);
    assert_int_equal(cond_try_acquire(&cond), EBUSY);
    assert_int_equal(cond_acquire_timed(&cond, COND_MS(1)), ETIMEDOUT);
    assert_int_equal(cond_destroy(&cond), EBUSY);
    assert_int_equal(truth.asked, 0);
    assert_true(has_lock(&jobs[0]));
    release(&jobs[0]);
    /* And the other way round. */
    assert_int_equal(cond_acquire(&cond), 0);
    ask_for_lock(&jobs[0]);
    assert_int_equal(cond_task_release(&cond, &jobs[0].task), EPERM);
    assert_true(cond_owned(&cond));
    assert_int_equal(cond_release(&cond), 0);
    assert_called(&jobs[0], 0);
    release(&jobs[0]);
}

static void described_as_the_tasks(void **state)
{
    (void)state;
    char text[200], expected[200];
    acquire(&jobs[0]);
    acquire(&jobs[0]);
    assert_true(cond_describe(&cond, text, sizeof text) > 0);
    (void)snprintf(expected, sizeof expected, "<cond(<locked rlock owner=task at 0x%jx depth=2 at 0x%jx>, 0)>",
                   (uintmax_t)(uintptr_t)&jobs[0].task, (uintmax_t)(uintptr_t)cond_get_lock(&cond));
    assert_string_equal(text, expected);
    release(&jobs[0]);
    release(&jobs[0]);
    assert_int_equal(cond_acquire(&cond), 0);
    assert_true(cond_describe(&cond, text, sizeof text) > 0);
    assert_null(strstr(text, "task"));
    assert_int_equal(cond_release(&cond), 0);
}

/* 1, 3, 5 are threads, the others tasks. Each is let go by the one before. */
static void tasks_and_threads_in_one_queue(void **state)
{
    (void)state;
    struct waits w[JOBS];
    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i].then = leave;
        if (i % 2 == 0)
            come_and_wait(&jobs[i]);
        else
            wait_in_thread(&w[i], i, i == 3 ? COND_SEC(1000000) : COND_FOREVER);
    }
    notify(3);
    assert_comes(&w[1], 0);
    ASSERT_ORDER(0, 1, 2);
    acquire(&jobs[0]);
    assert_int_equal(cond_task_notify_all(&cond, &jobs[0].task), 0);
    assert_int_equal(order_count, 3);
    release(&jobs[0]);
    assert_comes(&w[3], 0);
    assert_comes(&w[5], 0);
    ASSERT_ORDER(0, 1, 2, 3, 4, 5);
}

static void cancelled_task_hands_on_to_a_thread(void **state)
{
    (void)state;
    struct waits w;
    jobs[0].then = leave;
    come_and_wait(&jobs[0]);
    wait_in_thread(&w, 1, COND_FOREVER);
    assert_int_equal(cond_acquire(&cond), 0);
    assert_int_equal(cond_notify(&cond, 1), 0);
    cancel(&jobs[0]);
    assert_int_equal(cond_release(&cond), 0);
    assert_comes(&w, 0);
    /* The thread's release let the task go, if not its own wait. */
    assert_int_equal(job_outcome(&jobs[0]), ECANCELED);
    assert_int_equal(order_count, 2);
}

/* The notification of a thread whose time is over goes to the task that comes next. */
static void expired_thread_is_passed_over(void **state)
{
    (void)state;
    struct waits w;
    wait_in_thread(&w, 0, COND_MS(20));
    jobs[1].then = leave;
    come_and_wait(&jobs[1]);
    acquire(&jobs[2]);
    struct cond_waiter *first = cond.u_.local.waiters->next;
    while (!(a_load(&first->state, acquire) & WAITER_EXPIRED))
        (void)sched_yield();
    assert_int_equal(cond_task_notify(&cond, &jobs[2].task, 1), 0);
    release(&jobs[2]);
    assert_comes(&w, ETIMEDOUT);
    assert_int_equal(job_outcome(&jobs[1]), 0);
}

/* The callback is called by the thread that releases, whoever that is. */
static _Atomic(uintptr_t) called_by;

static void note_caller(struct job *job, int result)
{
    atomic_store(&called_by, toy_self());
    leave(job, result);
}

static void *acquire_and_release(void *arg)
{
    (void)arg;
    REQUIRE(cond_acquire(&cond) == 0);
    REQUIRE(cond_notify(&cond, 1) == 0);
    REQUIRE(cond_release(&cond) == 0);
    REQUIRE(atomic_load(&called_by) == toy_self());
    return NULL;
}

static void called_where_released(void **state)
{
    (void)state;
    jobs[0].then = note_caller;
    come_and_wait(&jobs[0]);
    (void)finish(start(acquire_and_release, NULL));
    assert_int_equal(job_outcome(&jobs[0]), 0);
    assert_true(atomic_load(&called_by) != toy_self());
}

/* A task is on no thread: what one acquires for it another may release. */
static void *release_on_another_thread(void *arg)
{
    struct job *job = arg;
    REQUIRE(cond_task_acquire(&cond, &job->task) == 0);
    REQUIRE(cond_task_release(&cond, &job->task) == 0);
    REQUIRE(cond_task_notify(&cond, &job->task, 0) == 0);
    REQUIRE(cond_task_release(&cond, &job->task) == 0);
    return NULL;
}

static void moves_between_threads(void **state)
{
    (void)state;
    acquire(&jobs[0]);
    (void)finish(start(release_on_another_thread, &jobs[0]));
    assert_false(cond_locked(&cond));
}

/* While the thread is on its way to sleep, its release calls back a task that notifies it. */
static void notify_and_leave(struct job *job, int result)
{
    REQUIRE(result == 0);
    REQUIRE(cond_task_notify(&cond, &job->task, 1) == 0);
    leave(job, result);
}

static void thread_is_notified_on_its_way_to_sleep(void **state)
{
    (void)state;
    jobs[0].then = notify_and_leave;
    assert_int_equal(cond_acquire(&cond), 0);
    ask_for_lock(&jobs[0]);
    assert_int_equal(cond_wait(&cond, COND_FOREVER), 0);
    assert_true(cond_owned(&cond));
    assert_int_equal(job_outcome(&jobs[0]), 0);
    assert_int_equal(cond_release(&cond), 0);
}

/* While a thread starves (mutex.c), every second release frees the word for it, instead of handing the lock to a task. Here
   no thread does, so that the test can look. */
static void every_second_release_is_for_threads(void **state)
{
    (void)state;
    uint32_t *word = &cond_get_lock(&cond)->u_.local.as.mine.word;
    acquire(&jobs[0]);
    for (unsigned i = 1; i < JOBS; i++)
        ask_for_lock(&jobs[i]);
    a_store(word, a_load(word, relaxed) | MUTEX_STARVING, relaxed);
    unsigned handed = 0, left = 0;
    for (unsigned i = 0; i + 1 < JOBS;) {
        release(&jobs[i]);
        if (has_lock(&jobs[i + 1])) {
            handed++;
            i++;
            continue;
        }
        left++;
        assert_waits(&jobs[i + 1]);
        assert_int_equal(a_load(word, relaxed) & (MUTEX_HELD | MUTEX_STARVING), MUTEX_STARVING);
        /* As a starving thread takes it, while another one starves. */
        a_store(word, a_load(word, relaxed) & ~(uint32_t)(MUTEX_STARVING | MUTEX_RESERVED), relaxed);
        assert_int_equal(cond_acquire(&cond), 0);
        a_store(word, a_load(word, relaxed) | MUTEX_STARVING, relaxed);
        assert_int_equal(cond_release(&cond), 0);
        assert_called(&jobs[i + 1], 0);
        i++;
    }
    assert_true(handed > 0 && left > 0);
    a_store(word, a_load(word, relaxed) & ~(uint32_t)(MUTEX_STARVING | MUTEX_RESERVED), relaxed);
    release(&jobs[JOBS - 1]);
}

/* ---- Recursion, of each task for itself ---- */

static void acquire_levels(struct job *job, unsigned levels)
{
    for (unsigned i = 0; i < levels; i++)
        acquire(job);
}

/* It holds the lock exactly so deep. */
static void release_levels(struct job *job, unsigned levels)
{
    for (unsigned i = 0; i < levels; i++) {
        assert_true(has_lock(job));
        release(job);
    }
    assert_false(has_lock(job));
    assert_int_equal(cond_task_release(&cond, &job->task), EPERM);
}

static void wait_gives_all_levels_back_and_restores_them(void **state)
{
    (void)state;
    static const unsigned levels[] = {1, 2, 3, 1000};
    enum { NOTIFIED, CANCELLED, CHOSEN_AND_CANCELLED, WAYS };
    for (size_t i = 0; i < LENGTH(levels); i++)
        for (int way = 0; way < WAYS; way++) {
            acquire_levels(&jobs[0], levels[i]);
            begin_wait(&jobs[0]);
            assert_false(cond_locked(&cond));
            acquire_levels(&jobs[1], 5); /* another depth, meanwhile */
            if (way != CANCELLED)
                assert_int_equal(cond_task_notify(&cond, &jobs[1].task, 1), 0);
            if (way != NOTIFIED)
                cancel(&jobs[0]);
            for (unsigned level = 5; level > 0; level--) {
                assert_waits(&jobs[0]);
                release(&jobs[1]);
            }
            assert_called(&jobs[0], way == NOTIFIED ? 0 : ECANCELED);
            release_levels(&jobs[0], levels[i]);
        }
}

static void as_deep_as_can_be(void **state)
{
    (void)state;
    acquire_levels(&jobs[0], COND_DEPTH_MAX);
    assert_int_equal(ASK(&jobs[0], cond_task_acquire(&cond, &jobs[0].task)), EAGAIN);
    begin_wait(&jobs[0]);
    notify(1);
    assert_called(&jobs[0], 0);
    assert_int_equal(ASK(&jobs[0], cond_task_acquire(&cond, &jobs[0].task)), EAGAIN);
    for (unsigned i = 0; i < COND_DEPTH_MAX; i++)
        release(&jobs[0]);
    assert_false(cond_locked(&cond));
}

static void recursion_is_each_tasks_own(void **state)
{
    (void)state;
    acquire_levels(&jobs[0], 3);
    ask_for_lock(&jobs[1]); /* same thread, another task */
    assert_int_equal(cond_try_acquire(&cond), EBUSY);
    assert_int_equal(cond_task_release(&cond, &jobs[1].task), EPERM);
    release_levels(&jobs[0], 3);
    assert_called(&jobs[1], 0);
    release_levels(&jobs[1], 1);
    assert_int_equal(cond_acquire(&cond), 0);
    ask_for_lock(&jobs[0]);
    assert_int_equal(cond_release(&cond), 0);
    release_levels(&jobs[0], 1); /* and not what it had once */
}

static void mutex_is_not_recursive(void **state)
{
    (void)state;
    acquire(&jobs[0]);
    assert_int_equal(ASK(&jobs[0], cond_task_acquire(&cond, &jobs[0].task)), EDEADLK);
    assert_int_equal(job_outcome(&jobs[0]), -1);
    begin_wait(&jobs[0]);
    notify(1);
    assert_called(&jobs[0], 0);
    assert_int_equal(ASK(&jobs[0], cond_task_acquire(&cond, &jobs[0].task)), EDEADLK);
    release_levels(&jobs[0], 1);
}

/* ---- Two locks ---- */

static void one_task_two_locks(void **state)
{
    (void)state;
    cond_t other = COND_INIT;
    acquire(&jobs[0]);
    assert_int_equal(cond_task_acquire(&other, &jobs[1].task), 0);
    /* It waits for the one, and holds and uses the other meanwhile. */
    assert_int_equal(ASK(&jobs[0], cond_task_acquire(&other, &jobs[0].task)), EINPROGRESS);
    assert_int_equal(cond_task_notify(&cond, &jobs[0].task, 1), 0);
    assert_int_equal(cond_task_acquire(&cond, &jobs[0].task), EBUSY);
    assert_int_equal(cond_task_wait(&cond, &jobs[0].task), EBUSY);
    assert_true(has_lock(&jobs[0]));
    release(&jobs[0]);
    assert_int_equal(cond_task_release(&cond, &jobs[0].task), EPERM);
    assert_int_equal(cond_task_release(&other, &jobs[1].task), 0);
    assert_int_equal(job_outcome(&jobs[0]), 0);
    /* It waits on the one, and keeps the other. */
    acquire(&jobs[0]);
    assert_int_equal(ASK(&jobs[0], cond_task_wait(&other, &jobs[0].task)), EINPROGRESS);
    assert_true(has_lock(&jobs[0]));
    assert_false(cond_locked(&other));
    assert_int_equal(cond_acquire(&other), 0);
    assert_int_equal(cond_notify(&other, 1), 0);
    assert_int_equal(cond_release(&other), 0);
    assert_int_equal(job_outcome(&jobs[0]), 0);
    release_levels(&jobs[0], 1);
    assert_int_equal(cond_task_release(&other, &jobs[0].task), 0);
    assert_int_equal(cond_destroy(&other), 0);
}

/* A condition that was destroyed as soon as the task was chosen: the task has the lock, two levels deep, and only the lock
   leads to it. */
static void chosen_of_a_destroyed_condition_releases_by_the_lock(void **state)
{
    (void)state;
    cond_t brief;
    assert_int_equal(cond_init(&brief, &lock_elsewhere, 0), 0);
    assert_int_equal(ASK(&jobs[0], cond_task_acquire(&brief, &jobs[0].task)), 0);
    assert_int_equal(ASK(&jobs[0], cond_task_lock_acquire(&lock_elsewhere, &jobs[0].task)), 0);
    assert_int_equal(ASK(&jobs[0], cond_task_wait(&brief, &jobs[0].task)), EINPROGRESS);
    assert_int_equal(cond_acquire(&brief), 0);
    assert_int_equal(cond_notify(&brief, 1), 0);
    assert_int_equal(cond_destroy(&brief), 0);
    memset((void *)&brief, 0x5A, sizeof brief);
    assert_int_equal(cond_lock_release(&lock_elsewhere), 0);
    assert_int_equal(job_outcome(&jobs[0]), 0);
    assert_int_equal(cond_lock_release(&lock_elsewhere), EPERM); /* a thread's call: the task is no thread */
    assert_int_equal(cond_task_lock_release(&lock_elsewhere, &jobs[1].task), EPERM);
    assert_int_equal(cond_lock_destroy(&lock_elsewhere), EBUSY);
    assert_int_equal(cond_task_lock_release(&lock_elsewhere, &jobs[0].task), 0);
    assert_true(cond_lock_locked(&lock_elsewhere));
    assert_int_equal(cond_task_lock_release(&lock_elsewhere, &jobs[0].task), 0);
    assert_false(cond_lock_locked(&lock_elsewhere));
    assert_int_equal(cond_task_lock_release(&lock_elsewhere, &jobs[0].task), EPERM);
}

/* There never was a condition. */
static void a_lock_by_itself(void **state)
{
    (void)state;
    assert_int_equal(ASK(&jobs[0], cond_task_lock_acquire(&lock_elsewhere, &jobs[0].task)), 0);
    assert_int_equal(ASK(&jobs[1], cond_task_lock_acquire(&lock_elsewhere, &jobs[1].task)), EINPROGRESS);
    assert_int_equal(ASK(&jobs[2], cond_task_lock_acquire(&lock_elsewhere, &jobs[2].task)), EINPROGRESS);
    assert_int_equal(cond_task_cancel(&jobs[1].task), 0);
    assert_int_equal(cond_task_lock_release(&lock_elsewhere, &jobs[0].task), 0);
    assert_int_equal(job_outcome(&jobs[1]), ECANCELED);
    assert_int_equal(job_outcome(&jobs[2]), 0);
    assert_int_equal(cond_task_lock_release(&lock_elsewhere, &jobs[2].task), 0);
}

/* ---- Callbacks ---- */

/* What is known within the call is its answer, and no callback. */
static void wait_is_answered_with_0(void **state)
{
    (void)state;
    jobs[1].then = notify_and_leave;
    acquire_levels(&jobs[0], 2);
    ask_for_lock(&jobs[1]);
    assert_int_equal(ASK(&jobs[0], cond_task_wait(&cond, &jobs[0].task)), 0);
    assert_int_equal(job_outcome(&jobs[1]), 0);
    release_levels(&jobs[0], 2);
}

static bool is_open(void *arg)
{
    return *(bool *)arg;
}

static bool door;

static void open_and_leave(struct job *job, int result)
{
    door = true;
    notify_and_leave(job, result);
}

static void wait_for_is_answered_with_0(void **state)
{
    (void)state;
    door = false;
    jobs[1].then = open_and_leave;
    acquire(&jobs[0]);
    ask_for_lock(&jobs[1]);
    assert_int_equal(ASK(&jobs[0], cond_task_wait_for(&cond, &jobs[0].task, is_open, &door)), 0);
    release_levels(&jobs[0], 1);
}

static void cancel_first_and_leave(struct job *job, int result)
{
    REQUIRE(cond_task_cancel(&jobs[0].task) == 0);
    leave(job, result);
}

static void wait_is_answered_with_ecanceled(void **state)
{
    (void)state;
    jobs[1].then = cancel_first_and_leave;
    acquire_levels(&jobs[0], 2);
    ask_for_lock(&jobs[1]);
    assert_int_equal(ASK(&jobs[0], cond_task_wait(&cond, &jobs[0].task)), ECANCELED);
    assert_int_equal(job_outcome(&jobs[1]), 0);
    release_levels(&jobs[0], 2);
}

/* Its own wait answers EINPROGRESS from within a callback: the outcome comes when that has returned. */
static bool within_callback;

static void wait_again(struct job *job, int result)
{
    REQUIRE(result == 0);
    REQUIRE(!within_callback); /* the second runs after the first has returned */
    within_callback = true;
    come_through(job->number);
    if (order_count < 20) {
        REQUIRE(cond_task_notify(&cond, &job->task, 1) == 0);
        REQUIRE(ASK(job, cond_task_wait(&cond, &job->task)) == EINPROGRESS);
    } else {
        REQUIRE(cond_task_notify_all(&cond, &job->task) == 0);
        REQUIRE(cond_task_release(&cond, &job->task) == 0);
    }
    within_callback = false;
}

static void callbacks_do_not_nest(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        come_and_wait(&jobs[i]);
        jobs[i].then = wait_again;
    }
    notify(1);
    assert_int_equal(order_count, 22);
    for (unsigned i = 0; i < order_count; i++)
        assert_int_equal(order[i], i % 3);
}

/* A thread's calls in a callback are like any other thread's, as long as they need not block. */
static void notify_as_thread(struct job *job, int result)
{
    leave(job, result);
    if (order_count == 1) {
        REQUIRE(cond_acquire(&cond) == 0);
        REQUIRE(cond_notify(&cond, 1) == 0);
        REQUIRE(cond_release(&cond) == 0);
        REQUIRE(cond_try_acquire(&cond) == EBUSY);
        REQUIRE(order_count == 1); /* the other has the lock, and its callback comes after this one */
    }
}

static void callback_calls_as_a_thread(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        come_and_wait(&jobs[i]);
        jobs[i].then = notify_as_thread;
    }
    notify(1);
    ASSERT_ORDER(0, 1);
}

/* ---- Callbacks that end things: AddressSanitizer looks at these ---- */

struct doomed {
    cond_t cond;
    struct job *jobs[3];
    unsigned left;
};

static struct doomed *doomed;

static void free_job(struct job *job, int result)
{
    (void)result;
    bool last = --doomed->left == 0;
    REQUIRE(cond_task_release(&doomed->cond, &job->task) == 0);
    memset((void *)job, 0xA5, sizeof *job);
    free(job);
    if (last) {
        REQUIRE(cond_destroy(&doomed->cond) == 0);
        memset((void *)doomed, 0xA5, sizeof *doomed);
        free(doomed);
        doomed = NULL;
    }
}

static void callback_frees_everything(void **state)
{
    (void)state;
    enum { RELEASE, NOTIFY, CANCEL, WAYS };
    for (int way = 0; way < WAYS; way++) {
        doomed = calloc(1, sizeof *doomed);
        REQUIRE(doomed != NULL);
        doomed->left = 3;
        REQUIRE(cond_init(&doomed->cond, NULL, 0) == 0);
        cond_t *its = &doomed->cond;
        struct job *job[3];
        for (unsigned i = 0; i < 3; i++) {
            job[i] = malloc(sizeof *job[i]);
            REQUIRE(job[i] != NULL);
            job_make(job[i], i, free_job);
        }
        if (way == RELEASE) {
            assert_int_equal(cond_acquire(its), 0);
            for (unsigned i = 0; i < 3; i++)
                assert_int_equal(cond_task_acquire(its, &job[i]->task), EINPROGRESS);
            assert_int_equal(cond_release(its), 0);
        } else {
            for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(cond_task_acquire(its, &job[i]->task), 0);
                assert_int_equal(cond_task_wait(its, &job[i]->task), EINPROGRESS);
            }
            if (way == NOTIFY) {
                assert_int_equal(cond_acquire(its), 0);
                assert_int_equal(cond_notify_all(its), 0);
                assert_int_equal(cond_release(its), 0);
            } else {
                for (unsigned i = 0; i < 3; i++)
                    assert_int_equal(cond_task_cancel(&job[i]->task), 0);
            }
        }
        assert_null(doomed);
    }
}

/*
 * A task's wait is still in its call here, where a callback runs, when another thread lets the task go and its
 * callback makes a new task of its memory. The new task's outcome is not the old one's, though it has the same
 * address and has made as many requests.
 */
static atomic_int stage, old_called, new_called;

static void called_as_new(cond_task_t *task, int result)
{
    REQUIRE(result == 0);
    (void)atomic_fetch_add(&new_called, 1);
    REQUIRE(cond_task_release(&cond, task) == 0);
}

static void called_as_old(cond_task_t *task, int result)
{
    REQUIRE(result == 0);
    (void)atomic_fetch_add(&old_called, 1);
    REQUIRE(cond_task_release(&cond, task) == 0);
    memset((void *)task, 0xA5, sizeof *task);
    REQUIRE(cond_task_init(task, called_as_new, NULL) == 0);
    REQUIRE(cond_task_acquire(&cond, task) == 0);
    REQUIRE(cond_task_wait(&cond, task) == EINPROGRESS);
}

static void notify_the_new_one(struct job *job, int result)
{
    leave(job, result);
    atomic_store(&stage, 1);
    until(&stage, 2);
    REQUIRE(cond_task_acquire(&cond, &job->task) == 0);
    REQUIRE(cond_task_notify(&cond, &job->task, 1) == 0);
    REQUIRE(cond_task_release(&cond, &job->task) == 0);
}

static void *notify_the_old_one(void *arg)
{
    (void)arg;
    until(&stage, 1);
    notify(1);
    atomic_store(&stage, 2);
    return NULL;
}

static void another_task_in_the_same_place(void **state)
{
    (void)state;
    static cond_task_t task;
    REQUIRE(cond_task_init(&task, called_as_old, NULL) == 0);
    jobs[0].then = notify_the_new_one;
    assert_int_equal(cond_task_acquire(&cond, &task), 0);
    ask_for_lock(&jobs[0]);
    pthread_t other = start(notify_the_old_one, NULL);
    assert_int_equal(cond_task_wait(&cond, &task), EINPROGRESS);
    (void)finish(other);
    assert_int_equal(atomic_load(&old_called), 1);
    assert_int_equal(atomic_load(&new_called), 1);
}

/* ---- Long chains need no stack ---- */

/* ThreadSanitizer takes its time, and sees the same stack in a shorter chain. */
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

static struct job *links;
static unsigned links_called;
static uintptr_t stack_low, stack_high;

static void note_stack(struct job *job)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    if (links_called++ == 0)
        stack_low = stack_high = here;
    if (here < stack_low)
        stack_low = here;
    if (here > stack_high)
        stack_high = here;
    REQUIRE(job->number == links_called - 1);
}

static void notify_next(struct job *job, int result)
{
    REQUIRE(result == 0);
    note_stack(job);
    REQUIRE(cond_task_notify(&cond, &job->task, 1) == 0);
    REQUIRE(cond_task_release(&cond, &job->task) == 0);
}

static void only_release(struct job *job, int result)
{
    REQUIRE(result == 0);
    note_stack(job);
    REQUIRE(cond_task_release(&cond, &job->task) == 0);
}

static void cancel_next(struct job *job, int result)
{
    REQUIRE(result == ECANCELED);
    note_stack(job);
    if (job->number + 1 < LINKS)
        REQUIRE(cond_task_cancel(&links[job->number + 1].task) == 0);
    REQUIRE(cond_task_release(&cond, &job->task) == 0);
}

/* The same when the lock is free: the next one's callback is due within this cancel. */
static void release_and_cancel_next(struct job *job, int result)
{
    REQUIRE(result == ECANCELED);
    note_stack(job);
    REQUIRE(cond_task_release(&cond, &job->task) == 0);
    if (job->number + 1 < LINKS)
        REQUIRE(cond_task_cancel(&links[job->number + 1].task) == 0);
}

static void only_note(struct job *job, int result)
{
    REQUIRE(result == ECANCELED);
    note_stack(job);
}

static void links_make(void (*then)(struct job *job, int result), bool wait)
{
    links_called = 0;
    if (!wait)
        REQUIRE(cond_acquire(&cond) == 0);
    for (unsigned i = 0; i < LINKS; i++) {
        job_make(&links[i], i, then);
        if (wait) {
            REQUIRE(cond_task_acquire(&cond, &links[i].task) == 0);
            REQUIRE(cond_task_wait(&cond, &links[i].task) == EINPROGRESS);
        } else {
            REQUIRE(cond_task_acquire(&cond, &links[i].task) == EINPROGRESS);
        }
    }
}

static void assert_all_called(void)
{
    assert_int_equal(links_called, LINKS);
    assert_true(stack_high - stack_low < 1024);
}

static void chains_need_no_stack(void **state)
{
    (void)state;
    links = calloc(LINKS, sizeof *links);
    REQUIRE(links != NULL);
    /* Each notifies the next. */
    links_make(notify_next, true);
    notify(1);
    assert_all_called();
    /* All are notified at once. */
    links_make(only_release, true);
    notify(SIZE_MAX);
    assert_all_called();
    /* All want the lock. */
    links_make(only_release, false);
    assert_int_equal(cond_release(&cond), 0);
    assert_all_called();
    /* Each cancels the next. */
    links_make(cancel_next, true);
    cancel(&links[0]);
    assert_all_called();
    links_make(release_and_cancel_next, true);
    cancel(&links[0]);
    assert_all_called();
    /* All give up wanting the lock. */
    links_make(only_note, false);
    for (unsigned i = 0; i < LINKS; i++)
        cancel(&links[i]);
    assert_int_equal(cond_release(&cond), 0);
    assert_all_called();
    free(links);
}

/* ---- Processes ---- */

#ifdef HAVE_FORK

/* In the child nobody waits, holds the lock or wants it; and none of the parent's tasks is called there. */
static void child_begins_anew(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        jobs[i].then = leave;
    come_and_wait(&jobs[0]);
    come_and_wait(&jobs[1]);
    acquire(&jobs[4]);
    assert_int_equal(cond_task_notify(&cond, &jobs[4].task, 1), 0);
    ask_for_lock(&jobs[2]);
    ask_for_lock(&jobs[3]);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        REQUIRE(cond_reinit_after_fork(&cond) == 0);
        REQUIRE(!cond_locked(&cond));
        REQUIRE(cond_waiters(&cond) == 0);
        REQUIRE(cond_acquire(&cond) == 0);
        REQUIRE(cond_notify_all(&cond) == 0);
        REQUIRE(cond_release(&cond) == 0);
        REQUIRE(order_count == 0);
        job_make(&jobs[5], 5, leave);
        REQUIRE(cond_task_acquire(&cond, &jobs[5].task) == 0);
        REQUIRE(cond_task_wait(&cond, &jobs[5].task) == EINPROGRESS);
        notify(1);
        REQUIRE(order_count == 1);
        REQUIRE(cond_destroy(&cond) == 0);
        _exit(0);
    }
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
    release(&jobs[4]);
    assert_int_equal(order_count, 3);
    notify(1);
    assert_int_equal(order_count, 4);
}

/* A private condition in memory that two processes have mapped is a mistake, but one process does not follow
   the other's pointers: its release leaves the task to a release of the task's own process. */
#  ifndef PROCESSES_LOOK_ALIKE
static void other_process_leaves_my_tasks_alone(void **state)
{
    (void)state;
    struct {
        cond_t cond;
        atomic_int stage;
    } *both = mmap(NULL, sizeof *both, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(both != MAP_FAILED);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        REQUIRE(cond_acquire(&both->cond) == 0);
        atomic_store(&both->stage, 1);
        until(&both->stage, 2);
        REQUIRE(cond_release(&both->cond) == 0);
        _exit(0);
    }
    struct job *job = mmap(NULL, sizeof *job, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(job != MAP_FAILED); /* which the child does not have */
    job_make(job, 0, NULL);
    until(&both->stage, 1);
    assert_int_equal(ASK(job, cond_task_acquire(&both->cond, &job->task)), EINPROGRESS);
    atomic_store(&both->stage, 2);
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
    assert_int_equal(job_outcome(job), -1);
    assert_int_equal(cond_acquire(&both->cond), 0);
    assert_int_equal(cond_release(&both->cond), 0);
    assert_int_equal(job_outcome(job), 0);
    assert_int_equal(cond_task_release(&both->cond, &job->task), 0);
    assert_int_equal(cond_destroy(&both->cond), 0);
    REQUIRE(munmap(job, sizeof *job) == 0 && munmap(both, sizeof *both) == 0);
}
#  endif

#endif

/* ---- All of them ---- */

int main(void)
{
    static enum kind kinds[KINDS] = {OWN_RLOCK, OWN_MUTEX, RLOCK_ELSEWHERE};
#define TEST_OF(function, kind)                                                                         \
    cmocka_unit_test_prestate_setup_teardown(function, set_up, tear_down, &kinds[kind])
    const struct CMUnitTest tests[] = {
        TEST_OF(thread_cannot_use_a_tasks_lock, OWN_RLOCK),
        TEST_OF(thread_cannot_use_a_tasks_lock, OWN_MUTEX),
        TEST(described_as_the_tasks),
        TEST_OF(tasks_and_threads_in_one_queue, OWN_RLOCK),
        TEST_OF(tasks_and_threads_in_one_queue, OWN_MUTEX),
        TEST_OF(tasks_and_threads_in_one_queue, RLOCK_ELSEWHERE),
        TEST(cancelled_task_hands_on_to_a_thread),
        TEST(expired_thread_is_passed_over),
        TEST(called_where_released),
        TEST(moves_between_threads),
        TEST(thread_is_notified_on_its_way_to_sleep),
        TEST(every_second_release_is_for_threads),
        TEST_OF(wait_gives_all_levels_back_and_restores_them, OWN_RLOCK),
        TEST_OF(wait_gives_all_levels_back_and_restores_them, RLOCK_ELSEWHERE),
        TEST(as_deep_as_can_be),
        TEST(recursion_is_each_tasks_own),
        TEST_OF(mutex_is_not_recursive, OWN_MUTEX),
        TEST(one_task_two_locks),
        TEST(chosen_of_a_destroyed_condition_releases_by_the_lock),
        TEST(a_lock_by_itself),
        TEST(wait_is_answered_with_0),
        TEST(wait_for_is_answered_with_0),
        TEST(wait_is_answered_with_ecanceled),
        TEST(callbacks_do_not_nest),
        TEST(callback_calls_as_a_thread),
        TEST(callback_frees_everything),
        TEST(another_task_in_the_same_place),
        TEST(chains_need_no_stack),
#ifdef HAVE_FORK
        TEST(child_begins_anew),
#  ifndef PROCESSES_LOOK_ALIKE /* to a port that numbers none */
        TEST(other_process_leaves_my_tasks_alone),
#  endif
#endif
    };
    return cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
}
