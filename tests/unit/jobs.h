/* SPDX-License-Identifier: MIT */
#ifndef JOBS_H
#define JOBS_H

/*
 * A condition and some jobs (job.h), made anew for each test. One thread plays the loop of all of them; so
 * every outcome is known at once.
 */

#include "unit.h"
#include "job.h"

enum { JOBS = 6 };

static cond_t cond;
static cond_lock_t lock_elsewhere;
static struct job jobs[JOBS];

static unsigned order[32], order_count; /* who came through, under the lock */

static inline void come_through(unsigned who)
{
    REQUIRE(order_count < LENGTH(order));
    order[order_count++] = who;
}

#define ASSERT_ORDER(...)                                                                               \
    do {                                                                                                \
        static const unsigned expected_[] = {__VA_ARGS__};                                              \
        assert_int_equal(order_count, LENGTH(expected_));                                               \
        assert_memory_equal(order, expected_, sizeof expected_);                                        \
    } while (0)

enum kind { OWN_RLOCK, OWN_MUTEX, RLOCK_ELSEWHERE, KINDS };

static const char *const kind_names[KINDS] = {"own rlock", "own mutex", "rlock elsewhere"};

static inline void make(enum kind kind)
{
    cond_lock_t *lock = kind == RLOCK_ELSEWHERE ? &lock_elsewhere : NULL;
    order_count = 0;
    REQUIRE(cond_lock_init(&lock_elsewhere, COND_RLOCK) == 0);
    REQUIRE(cond_init(&cond, lock, kind == OWN_MUTEX ? COND_MUTEX : COND_RLOCK) == 0);
    for (unsigned i = 0; i < JOBS; i++)
        job_make(&jobs[i], i, NULL);
}

/* The kind is the test's initial state, or that is NULL. */
static inline int set_up(void **state)
{
    make(*state != NULL ? *(const enum kind *)*state : OWN_RLOCK);
    return 0;
}

/* Nobody waits, and nobody holds the lock or wants it. */
static inline int tear_down(void **state)
{
    (void)state;
    return cond_waiters(&cond) == 0 && !cond_locked(&cond) && cond_destroy(&cond) == 0 &&
                   cond_lock_destroy(&lock_elsewhere) == 0
               ? 0
               : -1;
}

static inline void acquire(struct job *job)
{
    assert_int_equal(ASK(job, cond_task_acquire(&cond, &job->task)), 0);
}

/* Another one has it. */
static inline void ask_for_lock(struct job *job)
{
    assert_int_equal(ASK(job, cond_task_acquire(&cond, &job->task)), EINPROGRESS);
    assert_int_equal(job_outcome(job), -1);
}

/* It has the lock. */
static inline void begin_wait(struct job *job)
{
    assert_int_equal(ASK(job, cond_task_wait(&cond, &job->task)), EINPROGRESS);
    assert_int_equal(job_outcome(job), -1);
}

static inline void come_and_wait(struct job *job)
{
    acquire(job);
    begin_wait(job);
}

static inline void release(struct job *job)
{
    assert_int_equal(cond_task_release(&cond, &job->task), 0);
}

static inline void cancel(struct job *job)
{
    assert_int_equal(cond_task_cancel(&job->task), 0);
}

/* By a thread: this one. */
static inline void notify(size_t n)
{
    assert_int_equal(cond_acquire(&cond), 0);
    assert_int_equal(cond_notify(&cond, n), 0);
    assert_int_equal(cond_release(&cond), 0);
}

static inline bool has_lock(const struct job *job)
{
    char text[200], owner[64];
    REQUIRE(cond_describe(&cond, text, sizeof text) > 0);
    (void)snprintf(owner, sizeof owner, " owner=task at 0x%jx ", (uintmax_t)(uintptr_t)&job->task);
    return strstr(text, owner) != NULL;
}

/* Its request has come to this, and it has the lock. */
static inline void assert_called(struct job *job, int result)
{
    assert_int_equal(job_outcome(job), result);
    assert_true(has_lock(job));
}

static inline void assert_waits(struct job *job)
{
    assert_int_equal(job_outcome(job), -1);
    assert_false(has_lock(job));
}

/* What a job does that has come through. */
static inline void leave(struct job *job, int result)
{
    (void)result;
    come_through(job->number);
    REQUIRE(cond_task_release(&cond, &job->task) == 0);
}

struct truth {
    bool value;     /* under the lock */
    unsigned asked; /* under the lock: how often */
};

static inline bool is_true(void *arg)
{
    struct truth *truth = arg;
    truth->asked++;
    return truth->value;
}

static inline void begin_wait_for(struct job *job, struct truth *truth)
{
    acquire(job);
    assert_int_equal(ASK(job, cond_task_wait_for(&cond, &job->task, is_true, truth)), EINPROGRESS);
    assert_int_equal(job_outcome(job), -1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
