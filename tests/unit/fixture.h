/* SPDX-License-Identifier: MIT */
#ifndef FIXTURE_H
#define FIXTURE_H

/*
 * A condition, made before each test on a kind of lock and destroyed after it, with threads and tasks that wait on it:
 *
 *      TEST_ON(KINDS, name) { ... }        runs once for each of these kinds
 *
 * Include it after headers of src/: their parameters would shadow the variables here.
 */

#include "unit.h"
#include "job.h"

static struct subject subject;
static cond_t *const cond = &subject.cond;

/* Under the lock: the numbers of the threads and tasks that returned from a wait, in order. */
static unsigned order[64], order_count;

UNUSED static void come_through(unsigned number)
{
    REQUIRE(order_count < LENGTH(order));
    order[order_count++] = number;
}

#define ASSERT_ORDER(...)                                                                                              \
    do {                                                                                                               \
        static const unsigned expected_[] = {__VA_ARGS__};                                                             \
        assert_int_equal(order_count, LENGTH(expected_));                                                              \
        assert_memory_equal(order, expected_, sizeof expected_);                                                       \
    } while (0)

/* Under the lock: what has_item() reads, and how often it was called. */
static int items, item_calls;

UNUSED static bool has_item(void *arg)
{
    (void)arg;
    item_calls++;
    return items > 0;
}

/* ---- One test for each kind of lock ---- */

#define ON(kind) (1u << (kind))
#define ON_PRIVATE (ON(PRIVATE_KINDS) - 1)
#define ON_ALL (ON(OWN_SHARED) - 1) /* those that one process uses */
#define ON_ELSEWHERE (ON_ALL & ~(ON(OWN_RLOCK) | ON(OWN_MUTEX)))
#define ON_RECURSIVE (ON(OWN_RLOCK) | ON(RLOCK_ELSEWHERE) | ON(FOREIGN))

enum { JOBS = 6 };
static struct job jobs[JOBS]; /* no callback does more than job_ready() at first */
static bool subject_ended;    /* the test has destroyed the condition itself */
UNUSED static unsigned fixture_index; /* which of several tests in one function this is */

struct fixture_case {
    enum kind kind;
    unsigned index;
};

static int fixture_set_up(void **state)
{
    const struct fixture_case *fixture_case = *state;
    subject_make(&subject, fixture_case->kind);
    fixture_index = fixture_case->index;
    subject_ended = false;
    order_count = 0;
    items = item_calls = 0;
    for (unsigned i = 0; i < JOBS; i++)
        job_make(&jobs[i], i, NULL);
    return 0;
}

static int fixture_tear_down(UNUSED void **state)
{
    return subject_ended || subject_unmake(&subject) ? 0 : -1;
}

UNUSED static void fixture_add(const char *name, CMUnitTestFunction test, unsigned kinds, unsigned index)
{
    static char names[LENGTH(unit_tests)][120];
    static struct fixture_case cases[LENGTH(unit_tests)];
    for (enum kind kind = OWN_RLOCK; kind < KINDS; kind = (enum kind)(kind + 1)) {
        if (!(kinds & ON(kind)) || !kind_is_possible(kind))
            continue;
        size_t i = unit_test_count;
        cases[i] = (struct fixture_case){kind, index};
        (void)snprintf(names[i], sizeof names[i], "%s: %s", name, kind_names[kind]);
        unit_add((struct CMUnitTest){names[i], test, fixture_set_up, fixture_tear_down, &cases[i]});
    }
}

#define TEST_ON(kinds, name)                                                                                           \
    static void name(void **state);                                                                                    \
    __attribute__((constructor)) static void name##_add(void) { fixture_add(#name, name, (kinds), 0); }                \
    static void name(UNUSED void **state)

/* ---- The calling thread ---- */

/* Any thread, or a forked child. (CMocka's assertions are for the thread of the test.) */

UNUSED static void acquire(void) { REQUIRE(cond_acquire(cond) == 0); }
UNUSED static void release(void) { REQUIRE(cond_release(cond) == 0); }

UNUSED static void notify(size_t n)
{
    acquire();
    REQUIRE(cond_notify(cond, n) == 0);
    release();
}

/* ---- Threads that wait ---- */

struct waiter {
    cond_t *cond;
    unsigned number, levels; /* how many levels deep it holds the lock */
    int64_t timeout_ns;
    cond_wait_options_t options; /* without a deadline */
    bool with_options;           /* calls cond_wait_with() */
    bool takes;                  /* takes an item if the wait returns 0 */
    pthread_t thread;
    int result;
    bool owned;         /* held the lock when the wait returned */
    unsigned came;      /* 1 for the first thread or task that returned */
    int64_t elapsed_ns;
};

static void *waiter_run(void *arg)
{
    struct waiter *w = arg;
    cond_wait_options_t options = w->options;
    cond_lock_t *lock = cond_get_lock(w->cond); /* the condition may be destroyed before the wait returns */
    for (unsigned i = 0; i < w->levels; i++)
        REQUIRE(cond_lock_acquire(lock) == 0);
    int64_t before_ns = cond_now();
    if (w->with_options) {
        options.deadline_ns = w->timeout_ns != COND_FOREVER ? cond_deadline(w->timeout_ns) : 0;
        w->result = cond_wait_with(w->cond, &options);
    } else {
        w->result = options.pred != NULL ? cond_wait_for(w->cond, options.pred, options.arg, w->timeout_ns)
                                         : cond_wait(w->cond, w->timeout_ns);
    }
    w->elapsed_ns = cond_now() - before_ns;
    w->owned = cond_lock_owned(lock);
    items -= w->result == 0 && w->takes;
    come_through(w->number);
    w->came = order_count;
    for (unsigned i = 0; i < w->levels; i++)
        REQUIRE(cond_lock_release(lock) == 0);
    return NULL;
}

UNUSED static struct waiter waiter_of(cond_pred_t *pred, void *arg, int64_t timeout_ns)
{
    return (struct waiter){.cond = cond, .levels = 1, .timeout_ns = timeout_ns, .options = {.pred = pred, .arg = arg}};
}

/* Starts the thread and returns when it waits. Caller must not hold the lock. The timeout must be long: if this thread
   stands still for so long, it never sees the other one wait. */
UNUSED static void waiter_start(struct waiter *w, struct waiter value)
{
    REQUIRE(value.timeout_ns >= COND_SEC(1000));
    size_t before = cond_waiters(value.cond);
    *w = value;
    w->thread = start(waiter_run, w);
    until_waiters(w->cond, before + 1);
}

UNUSED static void wait_in_thread(struct waiter *w, cond_pred_t *pred, void *arg, int64_t timeout_ns)
{
    waiter_start(w, waiter_of(pred, arg, timeout_ns));
}

UNUSED static void assert_returns(struct waiter *w, int result)
{
    (void)finish(w->thread);
    assert_int_equal(w->result, result);
    assert_true(w->owned);
}

/* `came` is 1 for the thread that returned first. */
UNUSED static void assert_comes(struct waiter *w, int result, unsigned came)
{
    assert_returns(w, result);
    assert_int_equal(w->came, came);
}

/* All return 0 and are the next ones to return, in any order: the order is not promised. */
UNUSED static void assert_all_come(struct waiter *all, unsigned count, unsigned from)
{
    unsigned seen = 0;
    for (unsigned i = 0; i < count; i++) {
        assert_returns(&all[i], 0);
        assert_in_range(all[i].came, from, from + count - 1);
        seen |= 1u << (all[i].came - from);
    }
    assert_int_equal(seen, (1u << count) - 1);
}

/* ---- Tasks: all callbacks are called by the test's thread, so each outcome is known at once ---- */

UNUSED static void job_acquire(struct job *job) { OK(ASK(job, cond_task_acquire(cond, &job->task))); }
UNUSED static void job_release(struct job *job) { OK(cond_task_release(cond, &job->task)); }
UNUSED static void job_cancel(struct job *job) { OK(cond_task_cancel(&job->task)); }

/* A request that must be in progress. */
#define ASSERT_IN_PROGRESS(job, call)                                                                                  \
    (assert_int_equal(ASK((job), (call)), EINPROGRESS), assert_int_equal(job_outcome(job), -1))

/* Acquire a lock that is held. */
UNUSED static void job_ask(struct job *job) { ASSERT_IN_PROGRESS(job, cond_task_acquire(cond, &job->task)); }

/* Caller must hold the lock as this task. */
UNUSED static void job_wait(struct job *job) { ASSERT_IN_PROGRESS(job, cond_task_wait(cond, &job->task)); }

UNUSED static void job_come_and_wait(struct job *job)
{
    job_acquire(job);
    job_wait(job);
}

UNUSED static void job_come_and_wait_for(struct job *job, struct flag *flag)
{
    job_acquire(job);
    ASSERT_IN_PROGRESS(job, cond_task_wait_for(cond, &job->task, flag_is_set, flag));
}

UNUSED static bool has_lock(const struct job *job)
{
    char text[200], owner[64];
    REQUIRE(cond_describe(cond, text, sizeof text) > 0);
    (void)snprintf(owner, sizeof owner, " owner=task at 0x%jx ", (uintmax_t)(uintptr_t)&job->task);
    return strstr(text, owner) != NULL;
}

/* Its callback got this result, and it holds the lock. */
UNUSED static void assert_called(struct job *job, int result)
{
    assert_int_equal(job_outcome(job), result);
    assert_true(has_lock(job));
}

UNUSED static void assert_waits(struct job *job)
{
    assert_int_equal(job_outcome(job), -1);
    assert_false(has_lock(job));
}

/* A callback that releases the lock. */
UNUSED static void job_leave(struct job *job, UNUSED int result)
{
    come_through(job->number);
    REQUIRE(cond_task_release(cond, &job->task) == 0);
}

#endif
