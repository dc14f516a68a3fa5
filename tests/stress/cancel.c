/* SPDX-License-Identifier: MIT */
/*
 * No call is a cancellation point: a thread that is cancelled while it waits or acquires completes the call, and ends
 * at its next own cancellation point. The same is true if the call runs a function of the program that has a
 * cancellation point: the callback of a task, an operation of a foreign lock. (The program first checks that these
 * functions have one.)
 */
#include "stress.h"

struct test {
    struct subject subject;
    bool timed;             /* fixed */
    bool arrived, returned; /* under the lock */
    atomic_bool acquiring, acquired;
    atomic_bool cancelled; /* pthread_cancel() has returned; the thread may be faster */
};

static void end_here(struct test *test)
{
    while (!atomic_load(&test->cancelled))
        stress_yield();
    pthread_testcancel();
    CHECK(false, "the cancellation is lost");
}

static void *wait_and_end(void *arg)
{
    struct test *test = arg;
    cond_t *cond = &test->subject.cond;
    CHECK_OK(cond_acquire(cond));
    test->arrived = true;
    CHECK_RESULT(cond_wait(cond, test->timed ? COND_MS(2) : COND_FOREVER), test->timed ? ETIMEDOUT : 0);
    test->returned = true;
    CHECK_OK(cond_release(cond));
    end_here(test);
    return NULL;
}

static void *acquire_and_end(void *arg)
{
    struct test *test = arg;
    cond_t *cond = &test->subject.cond;
    atomic_store(&test->acquiring, true);
    CHECK_OK(test->timed ? cond_acquire_timed(cond, COND_SEC(100000)) : cond_acquire(cond));
    CHECK_OK(cond_release(cond));
    atomic_store(&test->acquired, true);
    end_here(test);
    return NULL;
}

static void join_cancelled(pthread_t thread)
{
    void *result;
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED, "it was not cancelled");
}

static void run_case(enum kind kind, bool timed)
{
    struct test test = {.timed = timed};
    cond_t *cond = &test.subject.cond;
    subject_make(&test.subject, kind);

    pthread_t thread = stress_start(wait_and_end, &test);
    ACQUIRE_WHEN(cond, test.arrived);
    CHECK_EQ(pthread_cancel(thread), 0);
    atomic_store(&test.cancelled, true);
    if (!timed) {
        CHECK_EQ(cond_waiters(cond), 1);
        CHECK_OK(cond_release(cond));
        /* Time for a wrong return. */
        stress_sleep_until(cond_now() + COND_US(200));
        CHECK_OK(cond_acquire(cond));
        CHECK(cond_waiters(cond) == 1 && !test.returned, "the wait has ended");
        CHECK_OK(cond_notify(cond, 1));
    }
    CHECK_OK(cond_release(cond));
    join_cancelled(thread);
    CHECK(test.returned, "cancelled inside wait");

    CHECK_OK(cond_acquire(cond));
    atomic_store(&test.cancelled, false);
    thread = stress_start(acquire_and_end, &test);
    while (!atomic_load(&test.acquiring))
        stress_yield();
    CHECK_EQ(pthread_cancel(thread), 0);
    atomic_store(&test.cancelled, true);
    stress_sleep_until(cond_now() + COND_US(200));
    CHECK_OK(cond_release(cond));
    join_cancelled(thread);
    CHECK(atomic_load(&test.acquired), "cancelled inside acquire");
    subject_unmake(&test.subject);
}

/* ---- Functions of the program that are cancellation points ---- */

#ifndef STRESS_CANCEL_STAYS

struct user {
    cond_t cond;
    cond_lock_t lock;
    pthread_mutex_t mutex;
    void (*run)(struct user *user);
    bool done;
#ifndef CONDVAR_NO_TASKS
    cond_task_t tasks[3];
    unsigned called;
#endif
};

static int cancellable_acquire(void *object, int64_t deadline_ns)
{
    pthread_testcancel();
    if (deadline_ns == COND_FOREVER)
        return pthread_mutex_lock(object);
    return pthread_mutex_trylock(object) == 0 ? 0 : ETIMEDOUT;
}

static int cancellable_release(void *object)
{
    pthread_testcancel();
    return pthread_mutex_unlock(object);
}

static bool held(void *object)
{
    (void)object; /* only the holder calls it */
    return true;
}

static void *cancel_itself(void *arg)
{
    struct user *user = arg;
    CHECK_EQ(pthread_cancel(pthread_self()), 0);
    user->run(user);
    user->done = true;
    pthread_testcancel();
    CHECK(false, "the cancellation is lost");
    return NULL;
}

static void run_cancelled(struct user *user, void (*run)(struct user *), bool ends_inside)
{
    user->run = run;
    user->done = false;
    join_cancelled(stress_start(cancel_itself, user));
    CHECK_EQ(user->done, !ends_inside);
}

static void acquire_directly(struct user *user) { (void)cancellable_acquire(&user->mutex, COND_FOREVER); }

static void wait_on_foreign(struct user *user)
{
    CHECK_OK(cond_acquire(&user->cond));
    CHECK_RESULT(cond_wait(&user->cond, 0), ETIMEDOUT);
    CHECK_OK(cond_notify_all(&user->cond));
    CHECK_OK(cond_release(&user->cond));
}

static void test_foreign(void)
{
    static const cond_lock_ops_t ops = {.acquire = cancellable_acquire, .release = cancellable_release, .owned = held};
    struct user user = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    CHECK_OK(cond_lock_init_foreign(&user.lock, &ops, &user.mutex));
    CHECK_OK(cond_init(&user.cond, &user.lock, 0));
    run_cancelled(&user, acquire_directly, true);
    run_cancelled(&user, wait_on_foreign, false);
    CHECK_EQ(cond_waiters(&user.cond), 0);
    CHECK_OK(cond_destroy(&user.cond));
    CHECK_OK(cond_lock_destroy(&user.lock));
    CHECK_EQ(pthread_mutex_destroy(&user.mutex), 0);
}

#ifndef CONDVAR_NO_TASKS
static void on_ready(cond_task_t *task, int result)
{
    struct user *user = cond_task_user(task);
    pthread_testcancel(); /* as in eventfd_write() */
    CHECK_EQ(result, 0);
    user->called++;
    CHECK_OK(cond_task_release(&user->cond, task));
}

static void call_directly(struct user *user) { on_ready(&user->tasks[0], 0); }

static void release_to_tasks(struct user *user)
{
    CHECK_OK(cond_acquire(&user->cond));
    for (unsigned i = 0; i < 3; i++)
        CHECK_RESULT(cond_task_acquire(&user->cond, &user->tasks[i]), EINPROGRESS);
    CHECK_OK(cond_release(&user->cond));
}

static void test_tasks(void)
{
    struct user user = {.cond = COND_INIT};
    for (unsigned i = 0; i < 3; i++)
        CHECK_OK(cond_task_init(&user.tasks[i], on_ready, &user));
    run_cancelled(&user, call_directly, true);
    run_cancelled(&user, release_to_tasks, false);
    CHECK_EQ(user.called, 3);
    CHECK_OK(cond_destroy(&user.cond));
}
#else
static void test_tasks(void) {}
#endif
#endif

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
#ifdef STRESS_TSAN
    printf("  skipped: under ThreadSanitizer, threads that end by cancellation can hang\n");
    return 77;
#endif
#ifndef STRESS_CANCEL_STAYS /* on this port cancellation stays enabled: docs/porting.md */
    test_foreign();
    test_tasks();
#endif
    for (unsigned round = 0; round < stress_rounds(20); round++)
        for (enum kind kind = 0; kind < KINDS; kind++) {
            run_case(kind, false);
            run_case(kind, true);
        }
    return 0;
}
