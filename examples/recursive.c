/* SPDX-License-Identifier: MIT */
/*
 * recursive.c - a wait while the lock is held three levels deep
 *
 * The lock of a condition is recursive by default: its holder may acquire it again, for example in a function that is
 * called with the lock held and without it. cond_wait_for() releases all levels, so another thread can make the
 * predicate true. When the wait returns, the lock is held as deep as before. (pthread_cond_wait() releases only
 * one level of a recursive mutex. The other thread then never gets the mutex, and the wait never ends.)
 *
 *     examples/run recursive
 */
#include "common.h"

enum { DEPTH = 3 };

static cond_t cond = COND_INIT; /* its lock guards the answer */
static int answer;

/* Ends the program if a call does not return what it should. */
static void expect(int expected, int result, const char *call)
{
    if (result == expected)
        return;
    fprintf(stderr, "%s: %s: %s; expected: %s\n", program_name, call, cond_strerror(result), cond_strerror(expected));
    exit(1);
}

static void expect_true(bool condition, const char *what)
{
    if (!condition)
        fail("not true", what);
}

static void *try_acquire(void *result)
{
    *(int *)result = cond_try_acquire(&cond);
    if (*(int *)result == 0)
        CHECK(cond_release(&cond));
    return NULL;
}

/* Returns what cond_try_acquire() returns to another thread. */
static int try_in_another_thread(void)
{
    int result = -1;
    pthread_t thread = start_thread(try_acquire, &result);
    pthread_join(thread, NULL);
    return result;
}

static bool is_answered(void *arg)
{
    return *(const int *)arg != 0;
}

/* The main thread holds the lock when this thread starts. This thread gets it when the wait has released all levels. */
static void *give_answer(void *arg)
{
    CHECK(cond_acquire(&cond));
    printf("other: has the lock while main waits\n");
    expect_true(cond_waiters(&cond) == 1, "main waits");
    answer = 42;
    CHECK(cond_notify(&cond, 1));
    CHECK(cond_release(&cond));
    expect(EPERM, cond_release(&cond), "cond_release by a thread that does not hold the lock");
    return arg;
}

int main(int argc, char **argv)
{
    struct number_option no_options = {0};
    read_options(argc, argv, NULL, "A thread waits while it holds the lock three levels deep.", &no_options);

    for (int depth = 0; depth < DEPTH; depth++)
        CHECK(cond_acquire(&cond));
    printf("main: holds the lock %d levels deep\n", DEPTH);
    expect(EBUSY, try_in_another_thread(), "cond_try_acquire by another thread");

    pthread_t other = start_thread(give_answer, NULL);
    printf("main: waits\n");
    CHECK(cond_wait_for(&cond, is_answered, &answer, COND_SEC(60)));
    expect_true(cond_owned(&cond), "main holds the lock after the wait");
    printf("main: the wait has returned, the answer is %d\n", answer);

    for (int released = 1; released <= DEPTH; released++) {
        expect(EBUSY, try_in_another_thread(), "cond_try_acquire by another thread");
        CHECK(cond_release(&cond));
        printf("main: released %d of %d levels\n", released, DEPTH);
    }
    expect_true(!cond_owned(&cond), "main does not hold the lock after the last release");
    expect(EPERM, cond_release(&cond), "cond_release once more");
    pthread_join(other, NULL);
    expect(0, try_in_another_thread(), "cond_try_acquire by another thread");
    printf("the lock was held %d levels deep before the wait and after it\n", DEPTH);

    CHECK(cond_destroy(&cond));
    return end_program(answer == 42);
}
