/* SPDX-License-Identifier: MIT */
/*
 * fork while threads of the parent wait, and while the forking thread holds the lock, or another thread, or none. The
 * child has none of these threads: it reinitialises the conditions and uses them. Nothing changes in the parent.
 */
#include "stress.h"
#include <sys/wait.h>
#include <unistd.h>

enum { WAITERS = 4 };

enum held { BY_NONE, BY_ME, BY_ANOTHER, HELDS };

struct test {
    struct subject subject;
    cond_t second;       /* on the same lock */
    bool open;           /* under the lock, as all below */
    unsigned through;
    atomic_bool holding; /* the other thread holds the lock */
    atomic_bool stops;   /* and must release it */
};

static bool is_open(void *arg) { return ((const struct test *)arg)->open; }

static void *wait_for_open(void *arg)
{
    struct test *test = arg;
    CHECK_OK(cond_acquire(&test->subject.cond));
    CHECK_OK(cond_wait_for(&test->subject.cond, is_open, test, COND_FOREVER));
    test->through++;
    CHECK_OK(cond_release(&test->subject.cond));
    return NULL;
}

static void *wait_plainly(void *arg)
{
    struct test *test = arg;
    CHECK_OK(cond_acquire(&test->second));
    while (!test->open)
        CHECK_OK(cond_wait(&test->second, COND_SEC(100000)));
    test->through++;
    CHECK_OK(cond_release(&test->second));
    return NULL;
}

static void *hold(void *arg)
{
    struct test *test = arg;
    CHECK_OK(cond_acquire(&test->subject.cond));
    atomic_store(&test->holding, true);
    while (!atomic_load(&test->stops))
        stress_yield();
    CHECK_OK(cond_release(&test->subject.cond));
    return NULL;
}

static void start_waiters(struct test *test, pthread_t *threads)
{
    for (unsigned i = 0; i < WAITERS; i++)
        threads[i] = stress_start(i % 2 ? wait_plainly : wait_for_open, test);
    ACQUIRE_WHEN(&test->subject.cond, cond_waiters(&test->subject.cond) + cond_waiters(&test->second) == WAITERS);
}

static void end_waits(struct test *test, pthread_t *threads)
{
    test->open = true;
    CHECK_OK(cond_notify_all(&test->subject.cond));
    CHECK_OK(cond_notify_all(&test->second));
    CHECK_OK(cond_release(&test->subject.cond));
    stress_join_all(threads, WAITERS);
    CHECK_EQ(test->through, WAITERS);
}

static void be_child(struct test *test)
{
    cond_t *cond = &test->subject.cond;
    /* It does not block. */
    CHECK_RESULT(cond_destroy(cond), EBUSY);
    CHECK_OK(cond_reinit_after_fork(cond));
    CHECK_OK(cond_reinit_after_fork(&test->second));
    CHECK_EQ(cond_waiters(cond) + cond_waiters(&test->second), 0);
    if (test->subject.kind < PRIVATE_KINDS) {
        CHECK(!cond_locked(cond) && !cond_owned(cond), "held after reinit");
        CHECK_RESULT(cond_release(cond), EPERM);
    }
    CHECK_OK(cond_acquire(cond));
    CHECK_RESULT(cond_wait(cond, COND_US(100)), ETIMEDOUT);
    CHECK_RESULT(cond_wait_for(&test->second, is_open, test, COND_US(100)), ETIMEDOUT);
    CHECK_OK(cond_notify_all(cond));
    CHECK_OK(cond_release(cond));
#if !defined(STRESS_TSAN) && !defined(STRESS_EMULATED) /* they cannot start threads in such a child */
    pthread_t threads[WAITERS];
    start_waiters(test, threads);
    end_waits(test, threads);
#endif
    CHECK_OK(cond_destroy(&test->second));
    subject_unmake(&test->subject);
    _Exit(0);
}

static void run_case(enum kind kind, enum held held)
{
    static struct test test;
    pthread_t threads[WAITERS], holder = pthread_self();
    memset((void *)&test, 0, sizeof test);
    subject_make(&test.subject, kind);
    CHECK_OK(cond_init(&test.second, cond_get_lock(&test.subject.cond), 0));
    start_waiters(&test, threads);
    if (held != BY_ME)
        CHECK_OK(cond_release(&test.subject.cond));
    else if (kind_is_recursive(kind))
        CHECK_OK(cond_acquire(&test.subject.cond));
    if (held == BY_ANOTHER) {
        holder = stress_start(hold, &test);
        while (!atomic_load(&test.holding))
            stress_yield();
    }

    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0, "fork failed");
    if (child == 0)
        be_child(&test);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);

    if (held == BY_ANOTHER) {
        atomic_store(&test.stops, true);
        stress_join(holder);
    }
    if (held != BY_ME)
        CHECK_OK(cond_acquire(&test.subject.cond));
    else if (kind_is_recursive(kind))
        CHECK_OK(cond_release(&test.subject.cond));
    CHECK_EQ(cond_waiters(&test.subject.cond) + cond_waiters(&test.second), WAITERS);
    end_waits(&test, threads);
    CHECK_OK(cond_destroy(&test.second));
    subject_unmake(&test.subject);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    for (unsigned round = 0; round < stress_rounds(15); round++) {
        for (enum kind kind = 0; kind < KINDS; kind++) {
            /* A held pthread mutex stays held in the child. */
            for (enum held held = 0; held < (kind < PRIVATE_KINDS ? HELDS : BY_ME); held++)
                run_case(kind, held);
        }
    }
    return 0;
}
