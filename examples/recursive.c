/* SPDX-License-Identifier: MIT */
/*
 * recursive.c - wait() with a lock that is held three deep
 *
 * A condition's own lock is recursive: who holds it may acquire it again, in a function that does not know
 * that its caller did. wait() gives such a lock back entirely, so that another thread can bring about what
 * is waited for, and returns with it held as deep as before. (pthread_cond_wait() releases a recursive mutex
 * by one level only, and then waits for ever.)
 *
 *     examples/run recursive
 *
 * Exits 0 if the depth was 3 before and after, 1 if not.
 */
#define _POSIX_C_SOURCE 200809L

#include <condvar.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 3 };

static cond_t cond = COND_INIT; /* its lock guards the answer */
static int answer;

/* Stops the program if a call has not returned what it should. */
static void expect(int expected, int result, const char *call)
{
    if (result == expected)
        return;
    fprintf(stderr, "recursive: %s: %s; expected: %s\n", call, cond_strerror(result),
            cond_strerror(expected));
    exit(1);
}

static void expect_true(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "recursive: not true: %s\n", what);
    exit(1);
}

static void in_a_thread(void *(*thread)(void *), void *arg, pthread_t *id)
{
    int error = pthread_create(id, NULL, thread, arg);
    if (error != 0) {
        fprintf(stderr, "recursive: pthread_create: %s\n", strerror(error));
        exit(1);
    }
}

static void *try_acquire(void *result)
{
    *(int *)result = cond_try_acquire(&cond);
    if (*(int *)result == 0)
        expect(0, cond_release(&cond), "cond_release");
    return NULL;
}

/* What cond_try_acquire() says to a thread other than this one. */
static int another_thread_tries(void)
{
    int result = -1;
    pthread_t id;
    in_a_thread(try_acquire, &result, &id);
    pthread_join(id, NULL);
    return result;
}

static bool answered(void *arg)
{
    (void)arg;
    return answer != 0;
}

/* Started while main holds the lock: it gets in only because main's wait gives back all three levels. */
static void *answerer(void *arg)
{
    (void)arg;
    expect(0, cond_acquire(&cond), "cond_acquire");
    printf("other: has the lock while main waits\n");
    expect_true(cond_waiters(&cond) == 1, "main waits");
    answer = 42;
    expect(0, cond_notify(&cond, 1), "cond_notify");
    expect(0, cond_release(&cond), "cond_release");
    expect(EPERM, cond_release(&cond), "cond_release by a thread that holds it no more");
    return NULL;
}

int main(void)
{
    pthread_t other;

    for (int depth = 0; depth < DEPTH; depth++)
        expect(0, cond_acquire(&cond), "cond_acquire");
    printf("main: holds the lock %d deep\n", DEPTH);
    expect(EBUSY, another_thread_tries(), "cond_try_acquire by another thread");

    in_a_thread(answerer, NULL, &other);
    printf("main: waits\n");
    expect(0, cond_wait_for(&cond, answered, NULL, COND_SEC(60)), "cond_wait_for");
    expect_true(cond_owned(&cond), "main holds the lock after wait");
    printf("main: is back, the answer is %d\n", answer);
    expect_true(answer == 42, "the answer is 42");

    for (int released = 1; released <= DEPTH; released++) {
        expect(EBUSY, another_thread_tries(), "cond_try_acquire by another thread");
        expect(0, cond_release(&cond), "cond_release");
        printf("main: released %d of %d\n", released, DEPTH);
    }
    expect_true(!cond_owned(&cond), "main does not hold the lock any more");
    expect(EPERM, cond_release(&cond), "cond_release once too often");
    pthread_join(other, NULL);
    expect(0, another_thread_tries(), "cond_try_acquire by another thread");
    printf("the lock was %d deep before the wait and after it\n", DEPTH);

    expect(0, cond_destroy(&cond), "cond_destroy");
    return fflush(stdout) == 0 ? 0 : 1;
}
