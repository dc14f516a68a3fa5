/* SPDX-License-Identifier: MIT */
/*
 * The public interface: the installed header and library only. That this program links shows what is exported. The rest
 * is a small use of each call, as in the manual.
 */
#include "unit.h"
#include <dlfcn.h>

/* ---- What is exported ---- */

TEST(every_call_is_there)
{
    typedef void function(void);
    function *const calls[] = {
        (function *)cond_now,
        (function *)cond_deadline,
        (function *)cond_version,
        (function *)cond_lock_init,
        (function *)cond_lock_init_foreign,
        (function *)cond_lock_init_pthread,
        (function *)cond_lock_destroy,
        (function *)cond_lock_acquire,
        (function *)cond_lock_try_acquire,
        (function *)cond_lock_acquire_timed,
        (function *)cond_lock_acquire_until,
        (function *)cond_lock_release,
        (function *)cond_lock_locked,
        (function *)cond_lock_owned,
        (function *)cond_lock_recover,
        (function *)cond_lock_reinit_after_fork,
        (function *)cond_lock_describe,
        (function *)cond_init,
        (function *)cond_destroy,
        (function *)cond_acquire,
        (function *)cond_try_acquire,
        (function *)cond_acquire_timed,
        (function *)cond_acquire_until,
        (function *)cond_release,
        (function *)cond_wait,
        (function *)cond_wait_until,
        (function *)cond_wait_for,
        (function *)cond_wait_for_until,
        (function *)cond_await,
        (function *)cond_wait_with,
        (function *)cond_notify,
        (function *)cond_notify_all,
        (function *)cond_cancel,
        (function *)cond_close,
        (function *)cond_closed,
        (function *)cond_locked,
        (function *)cond_owned,
        (function *)cond_waiters,
        (function *)cond_get_lock,
        (function *)cond_recover,
        (function *)cond_reinit_after_fork,
        (function *)cond_describe,
        (function *)cond_strerror,
        (function *)cond_task_init,
        (function *)cond_task_acquire,
        (function *)cond_task_wait,
        (function *)cond_task_wait_for,
        (function *)cond_task_await,
        (function *)cond_task_release,
        (function *)cond_task_lock_acquire,
        (function *)cond_task_lock_release,
        (function *)cond_task_notify,
        (function *)cond_task_notify_all,
        (function *)cond_task_close,
        (function *)cond_task_cancel,
        (function *)cond_task_user,
    };
    for (size_t i = 0; i < LENGTH(calls); i++)
        assert_true(calls[i] != NULL);
}

/* Internal functions are not exported: programs may have functions of these names. */
TEST(internals_are_hidden)
{
    static const char *const names[] = {
        "lock_acquire_restore", "lock_wake_next", "lock_release_save", "lock_give_up", "lock_of",
        "handoff_release_contended", "handoff_request", "handoff_close", "handoff_wake_next",
        "mutex_acquire_contended", "mutex_close",
        "port_local", "port_now", "port_self", "port_wait", "port_wake",
        "taskq_drain", "taskq_push", "taskq_grant", "taskq_call", "taskq_abandon",
        "foreign_acquire", "foreign_owned",
        "rlock_acquire", "rlock_acquire_restore", "rlock_release", "rlock_release_save",
        "waitq_begin_wait", "waitq_end_wait", "waitq_any_notified", "waitq_want_lock", "waitq_leave",
        "waitq_notify_some", "waitq_cancel", "waitq_close", "waitq_pass_on", "waitq_pick", "waitq_pick_unchecked",
        "waitq_note_holder_pred",
        "waitq_requeue",
    };
    void *program = dlopen(NULL, RTLD_NOW);
    assert_non_null(program);
    for (size_t i = 0; i < LENGTH(names); i++)
        assert_null(dlsym(program, names[i]));
    (void)dlclose(program);
}

/* ---- The example of the manual: workers and jobs ---- */

enum { JOBS = 1000, WORKERS = 3 };

struct shop {
    cond_t cond;
    int jobs;    /* under the lock: not done yet */
    bool closed; /* under the lock: there will be no more jobs */
    int done;    /* under the lock */
};

static bool have_job_or_closed(void *arg)
{
    struct shop *shop = arg;
    return shop->jobs > 0 || shop->closed;
}

static void *worker(void *arg)
{
    struct shop *shop = arg;
    for (;;) {
        COND_WITH (&shop->cond) {
            REQUIRE(cond_wait_for(&shop->cond, have_job_or_closed, shop, COND_FOREVER) == 0);
            if (shop->jobs == 0)
                return NULL;
            shop->jobs--;
            shop->done++;
        }
    }
}

TEST(jobs_are_done)
{
    struct shop shop = {.cond = COND_INIT};
    pthread_t workers[WORKERS];
    for (unsigned i = 0; i < WORKERS; i++)
        workers[i] = start(worker, &shop);
    for (int i = 0; i < JOBS; i++) {
        OK(cond_acquire(&shop.cond));
        shop.jobs++;
        OK(cond_notify(&shop.cond, 1));
        OK(cond_release(&shop.cond));
    }
    COND_WITH (&shop.cond) {
        shop.closed = true;
        OK(cond_notify_all(&shop.cond));
    }
    for (unsigned i = 0; i < WORKERS; i++)
        (void)finish(workers[i]);
    assert_int_equal(shop.done, JOBS);
    assert_int_equal(shop.jobs, 0);
    OK(cond_destroy(&shop.cond));
}

/* ---- The same with a while loop, two conditions on one mutex, and deadlines ---- */

struct buffer {
    cond_lock_t mutex;
    cond_t not_empty, not_full;
    int items[4];
    unsigned head, count; /* under the lock */
    int64_t sum;          /* by the consumer */
};

static void *consumer(void *arg)
{
    struct buffer *buffer = arg;
    int item = 0;
    do {
        REQUIRE(cond_lock_acquire(&buffer->mutex) == 0);
        int64_t deadline_ns = cond_now() + COND_SEC(1000000);
        while (buffer->count == 0)
            REQUIRE(cond_wait_until(&buffer->not_empty, deadline_ns) == 0);
        item = buffer->items[buffer->head];
        buffer->head = (buffer->head + 1) % LENGTH(buffer->items);
        buffer->count--;
        REQUIRE(cond_notify(&buffer->not_full, 1) == 0);
        REQUIRE(cond_lock_release(&buffer->mutex) == 0);
        buffer->sum += item;
    } while (item != 0);
    return NULL;
}

TEST(items_pass_through_a_buffer)
{
    struct buffer buffer = {.mutex = COND_MUTEX_INIT,
                            .not_empty = COND_INIT_WITH(&buffer.mutex),
                            .not_full = COND_INIT_WITH(&buffer.mutex)};
    pthread_t thread = start(consumer, &buffer);
    for (int item = JOBS; item >= 0; item--) {
        OK(cond_lock_acquire_timed(&buffer.mutex, COND_FOREVER));
        while (buffer.count == LENGTH(buffer.items))
            OK(cond_wait(&buffer.not_full, COND_FOREVER));
        buffer.items[(buffer.head + buffer.count++) % LENGTH(buffer.items)] = item;
        OK(cond_notify(&buffer.not_empty, 1));
        OK(cond_lock_release(&buffer.mutex));
    }
    (void)finish(thread);
    assert_true(buffer.sum == (int64_t)JOBS * (JOBS + 1) / 2);
    OK(cond_destroy(&buffer.not_empty));
    OK(cond_destroy(&buffer.not_full));
    OK(cond_lock_destroy(&buffer.mutex));
}

/* ---- A pthread mutex that the program also locks directly ---- */

struct adopter {
    pthread_mutex_t mutex;
    cond_lock_t lock;
    cond_t cond;
    bool ready; /* under the mutex */
};

static void *gets_ready(void *arg)
{
    struct adopter *adopter = arg;
    REQUIRE(pthread_mutex_lock(&adopter->mutex) == 0);
    adopter->ready = true;
    REQUIRE(cond_notify_all(&adopter->cond) == 0);
    REQUIRE(pthread_mutex_unlock(&adopter->mutex) == 0);
    return NULL;
}

TEST(a_mutex_is_adopted)
{
    struct adopter adopter = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    OK(cond_lock_init_pthread(&adopter.lock, &adopter.mutex));
    OK(cond_init(&adopter.cond, &adopter.lock, 0));
    OK(pthread_mutex_lock(&adopter.mutex));
    pthread_t thread = start(gets_ready, &adopter);
    while (!adopter.ready)
        OK(cond_wait(&adopter.cond, COND_FOREVER));
    OK(pthread_mutex_unlock(&adopter.mutex));
    (void)finish(thread);
    OK(cond_destroy(&adopter.cond));
    OK(cond_lock_destroy(&adopter.lock));
    OK(pthread_mutex_destroy(&adopter.mutex));
}

/* ---- A lock without a condition, and the calls that ask a condition ---- */

TEST(a_lock_by_itself)
{
    struct spinlock spinlock = {.recursive = true};
    cond_lock_t lock;
    OK(cond_lock_init(&lock, COND_RLOCK));
    for (int kind = 0; kind < 2; kind++) {
        OK(cond_lock_acquire(&lock));
        OK(cond_lock_try_acquire(&lock));
        assert_true(cond_lock_owned(&lock));
        assert_int_equal(cond_lock_recover(&lock), EINVAL);
        OK(cond_lock_release(&lock));
        OK(cond_lock_release(&lock));
        assert_int_equal(cond_lock_release(&lock), EPERM);
        assert_false(cond_lock_locked(&lock));
        OK(cond_lock_destroy(&lock));
        assert_int_equal(cond_lock_acquire(&lock), EINVAL);
        OK(cond_lock_init_foreign(&lock, &spinlock_ops_all, &spinlock));
    }
}

TEST(a_condition_can_be_asked)
{
    cond_t cond;
    char text[200];
    OK(cond_init(&cond, NULL, COND_MUTEX));
    assert_false(cond_locked(&cond));
    OK(cond_acquire_timed(&cond, COND_MS(1)));
    assert_true(cond_locked(&cond));
    assert_true(cond_owned(&cond));
    assert_true(cond_lock_owned(cond_get_lock(&cond)));
    assert_int_equal(cond_try_acquire(&cond), EDEADLK);
    assert_string_not_equal(cond_strerror(EDEADLK), cond_strerror(EPERM));
    assert_int_equal(cond_wait(&cond, COND_US(10)), ETIMEDOUT);
    assert_int_equal(cond_waiters(&cond), 0);
    assert_int_equal(cond_recover(&cond), EINVAL);
    int length = cond_describe(&cond, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_int_equal(cond_destroy(&cond), EBUSY);
    OK(cond_reinit_after_fork(&cond)); /* as if this thread had forked */
    assert_false(cond_owned(&cond));
    OK(cond_destroy(&cond));
}

int main(void) { return RUN_TESTS("api"); }
