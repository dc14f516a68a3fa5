/* SPDX-License-Identifier: MIT */
#ifndef UNIT_H
#define UNIT_H

/*
 * What the unit tests share. To be included first.
 *
 * CMocka's assertions leave a test by longjmp, so they are for the main thread only: other threads write down
 * what they saw and leave judging to it. No test sleeps to make sure of something; a thread is known to wait
 * when the condition, asked under the lock, says so.
 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "condvar.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* ---- Threads ---- */

/* By any thread: what must be true for the test to make sense at all. */
#define REQUIRE(truth) ((truth) ? (void)0 : require_failed(#truth, __FILE__, __LINE__))

static inline void require_failed(const char *truth, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: not true: %s\n", file, line, truth);
    (void)fflush(stderr);
    _Exit(1);
}

static inline pthread_t start(void *(*function)(void *), void *arg)
{
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, function, arg) == 0);
    return thread;
}

static inline void *finish(pthread_t thread)
{
    void *result;
    REQUIRE(pthread_join(thread, &result) == 0);
    return result;
}

/* Until another thread has set *word to `value`, or higher. */
static inline void until(atomic_int *word, int value)
{
    while (atomic_load(word) < value)
        (void)sched_yield();
}

/* Until n threads wait on the condition. The caller does not hold the lock: only so can they come to wait. */
static inline void until_waiters(cond_t *cond, size_t n)
{
    for (;;) {
        REQUIRE(cond_acquire(cond) == 0);
        size_t waiters = cond_waiters(cond);
        REQUIRE(cond_release(cond) == 0);
        if (waiters == n)
            return;
        (void)sched_yield();
    }
}

/* ---- A foreign lock ---- */

/* A lock as a program might have made it for itself: it spins. */
struct toy {
    _Atomic(uintptr_t) owner; /* toy_self() of its holder, or 0 */
    unsigned depth;           /* by the owner: how often it holds it */
    bool recursive;           /* fixed */
};

static inline uintptr_t toy_self(void)
{
    static _Thread_local char self;
    return (uintptr_t)&self;
}

static inline bool toy_owned(void *object)
{
    struct toy *toy = object;
    return atomic_load(&toy->owner) == toy_self();
}

static inline int toy_acquire(void *object, int64_t deadline_ns)
{
    struct toy *toy = object;
    if (toy_owned(toy)) {
        if (!toy->recursive)
            return EDEADLK;
        toy->depth++;
        return 0;
    }
    for (;;) {
        uintptr_t nobody = 0;
        if (atomic_compare_exchange_strong(&toy->owner, &nobody, toy_self())) {
            toy->depth = 1;
            return 0;
        }
        if (deadline_ns != COND_FOREVER && cond_now() >= deadline_ns)
            return ETIMEDOUT;
        (void)sched_yield();
    }
}

static inline int toy_release(void *object)
{
    struct toy *toy = object;
    if (!toy_owned(toy))
        return EPERM;
    if (--toy->depth == 0)
        atomic_store(&toy->owner, 0);
    return 0;
}

static inline int toy_release_save(void *object, unsigned *depth)
{
    struct toy *toy = object;
    if (!toy_owned(toy))
        return EPERM;
    *depth = toy->depth;
    toy->depth = 0;
    atomic_store(&toy->owner, 0);
    return 0;
}

static inline int toy_acquire_restore(void *object, unsigned depth)
{
    struct toy *toy = object;
    int error = toy_acquire(toy, COND_FOREVER);
    toy->depth = depth;
    return error;
}

/* Every function that there may be, and no more than there must be. */
static const cond_lock_ops_t toy_ops_all = {toy_acquire, toy_release, toy_owned, toy_release_save,
                                            toy_acquire_restore};
static const cond_lock_ops_t toy_ops_owned = {.acquire = toy_acquire, .release = toy_release,
                                              .owned = toy_owned};
static const cond_lock_ops_t toy_ops_least = {.acquire = toy_acquire, .release = toy_release};

static inline const cond_lock_ops_t *toy_ops(int which)
{
    return which == 0 ? &toy_ops_all : which == 1 ? &toy_ops_owned : &toy_ops_least;
}

#endif
