/* SPDX-License-Identifier: MIT */
#ifndef UNIT_H
#define UNIT_H

/*
 * Shared by all unit tests; include it first.
 *
 *      TEST(name) { ... }                  defines a test and registers it
 *      int main(void) { return RUN_TESTS("module"); }
 *
 * CMocka's assertions leave a test by longjmp, so only the main thread may use them. Other threads store what they saw,
 * or use REQUIRE, which ends the program. No test sleeps to wait for another thread: it reads the condition's state
 * under the lock instead.
 */

#ifndef _POSIX_C_SOURCE
#  define _POSIX_C_SOURCE 200809L
#endif

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
#ifdef __has_include
#  if __has_include(<sys/wait.h>)
#    define HAVE_FORK 1
#    include <sys/wait.h>
#    include <unistd.h>
#    ifdef __linux__
#      include <signal.h>
#      include <sys/prctl.h>
#    endif
#  endif
#endif

#include <cmocka.h>

#include "condvar.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define UNUSED __attribute__((unused))

/* ---- The list of tests ---- */

static struct CMUnitTest unit_tests[400];
static size_t unit_test_count;

UNUSED static void unit_add(struct CMUnitTest test)
{
    if (unit_test_count == LENGTH(unit_tests))
        abort();
    unit_tests[unit_test_count++] = test;
}

/* A test with cmocka's set-up and tear-down functions, and with the set-up's initial state. */
#define TEST_IN(name, set_up, tear_down, initial_state)                                                                \
    static void name(void **state);                                                                                    \
    __attribute__((constructor)) static void name##_add(void)                                                          \
    {                                                                                                                  \
        unit_add((struct CMUnitTest){#name, name, (set_up), (tear_down), (initial_state)});                            \
    }                                                                                                                  \
    static void name(UNUSED void **state)
#define TEST(name) TEST_IN(name, NULL, NULL, NULL)

#define RUN_TESTS(module) _cmocka_run_group_tests((module), unit_tests, unit_test_count, NULL, NULL)

/* ---- Assertions ---- */

/* A call of the library that must return 0. */
#define OK(call) assert_int_equal((call), 0)

/* By any thread. */
#define REQUIRE(condition) ((condition) ? (void)0 : require_failed(#condition, __FILE__, __LINE__))

static inline void require_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "%s:%d: not true: %s\n", file, line, condition);
    (void)fflush(stderr);
    _Exit(1);
}

UNUSED static const char *error_name(int error)
{
    static const struct {
        int error;
        const char *name;
    } names[] = {
        {0, "0"},           {EINVAL, "EINVAL"}, {-EINVAL, "-EINVAL"},     {EPERM, "EPERM"},         {EBUSY, "EBUSY"},
        {EAGAIN, "EAGAIN"}, {EINTR, "EINTR"},   {EDEADLK, "EDEADLK"},     {ENOTSUP, "ENOTSUP"},     {ENOMEM, "ENOMEM"},
        {ETIMEDOUT, "ETIMEDOUT"},               {ECANCELED, "ECANCELED"}, {EINPROGRESS, "EINPROGRESS"},
    };
    for (size_t i = 0; i < LENGTH(names); i++)
        if (names[i].error == error)
            return names[i].name;
    return "another error";
}

/* ---- Threads and processes ---- */

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

/* A number for the calling thread. */
static inline uintptr_t self_address(void)
{
    static _Thread_local char self;
    return (uintptr_t)&self;
}

/* Returns when another thread has set *word to `value` or higher. */
static inline void until(atomic_int *word, int value)
{
    while (atomic_load(word) < value)
        (void)sched_yield();
}

/* Returns when n threads wait on the condition. Caller must not hold the lock: the waiters need it. */
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

/* A thread that holds a lock from holder_start() to holder_stop(). */
struct holder {
    cond_lock_t *lock;
    pthread_t thread;
    atomic_int holds, stops;
};

static inline void *holder_run(void *arg)
{
    struct holder *holder = arg;
    REQUIRE(cond_lock_acquire(holder->lock) == 0);
    atomic_store(&holder->holds, 1);
    until(&holder->stops, 1);
    REQUIRE(cond_lock_release(holder->lock) == 0);
    return NULL;
}

static inline void holder_start(struct holder *holder, cond_lock_t *lock)
{
    holder->lock = lock;
    atomic_init(&holder->holds, 0);
    atomic_init(&holder->stops, 0);
    holder->thread = start(holder_run, holder);
    until(&holder->holds, 1);
}

static inline void holder_stop(struct holder *holder)
{
    atomic_store(&holder->stops, 1);
    (void)finish(holder->thread);
}

#ifdef HAVE_FORK
/* Starts a child process that runs `function` and exits with status 0. By the thread of the test only. */
static inline pid_t start_child(void (*function)(void *), void *arg)
{
    (void)fflush(NULL);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
#  ifdef __linux__
        /* A program that has failed leaves no child with its output open: Meson would wait for that. */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
#  endif
        function(arg);
        _Exit(0);
    }
    return child;
}

static inline void finish_child(pid_t child)
{
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
}

static inline void in_child(void (*function)(void *), void *arg) { finish_child(start_child(function, arg)); }
#endif

/* ---- Predicates ---- */

/* What a predicate reads, and how often it was called. Both under the lock. */
struct flag {
    bool value;
    unsigned calls;
};

static inline bool flag_is_set(void *arg)
{
    struct flag *flag = arg;
    flag->calls++;
    return flag->value;
}

#ifndef CONDVAR_NO_FOREIGN

/* ---- A foreign lock: a recursive or plain spinlock, as a program may have its own ---- */

struct spinlock {
    _Atomic(uintptr_t) owner; /* self_address() of the holder, or 0 */
    unsigned depth;           /* by the owner only */
    bool recursive;           /* fixed after init */
    int restore_error;        /* what spinlock_acquire_restore() returns */
};

static inline bool spinlock_owned(void *object)
{
    struct spinlock *spinlock = object;
    return atomic_load(&spinlock->owner) == self_address();
}

static inline int spinlock_acquire(void *object, int64_t deadline_ns)
{
    struct spinlock *spinlock = object;
    if (spinlock_owned(spinlock)) {
        if (!spinlock->recursive)
            return EDEADLK;
        spinlock->depth++;
        return 0;
    }
    for (;;) {
        uintptr_t free = 0;
        if (atomic_compare_exchange_strong(&spinlock->owner, &free, self_address())) {
            spinlock->depth = 1;
            return 0;
        }
        if (deadline_ns != COND_FOREVER && cond_now() >= deadline_ns)
            return ETIMEDOUT;
        (void)sched_yield();
    }
}

static inline int spinlock_release_save(void *object, unsigned *depth)
{
    struct spinlock *spinlock = object;
    if (!spinlock_owned(spinlock))
        return EPERM;
    *depth = spinlock->depth;
    spinlock->depth = 0;
    atomic_store(&spinlock->owner, 0);
    return 0;
}

static inline int spinlock_release(void *object)
{
    struct spinlock *spinlock = object;
    unsigned depth;
    if (!spinlock_owned(spinlock))
        return EPERM;
    return spinlock->depth == 1 ? spinlock_release_save(object, &depth) : (spinlock->depth--, 0);
}

/* As a robust mutex does: with EOWNERDEAD it is held, with another error it is not. */
static inline int spinlock_acquire_restore(void *object, unsigned depth)
{
    struct spinlock *spinlock = object;
    if (spinlock->restore_error == 0 || spinlock->restore_error == EOWNERDEAD) {
        int error = spinlock_acquire(spinlock, COND_FOREVER);
        if (error != 0)
            return error;
        spinlock->depth = depth;
    }
    return spinlock->restore_error;
}

/* All functions, one fewer pair, and only the required ones. */
static const cond_lock_ops_t spinlock_ops_all = {spinlock_acquire, spinlock_release, spinlock_owned,
                                                 spinlock_release_save, spinlock_acquire_restore};
UNUSED static const cond_lock_ops_t spinlock_ops_owned = {
    .acquire = spinlock_acquire, .release = spinlock_release, .owned = spinlock_owned};
UNUSED static const cond_lock_ops_t spinlock_ops_required = {.acquire = spinlock_acquire, .release = spinlock_release};

/* ---- A condition on each kind of lock ---- */

enum kind {
    OWN_RLOCK,
    OWN_MUTEX,
    RLOCK_ELSEWHERE, /* the lock is not inside the condition, here and below */
    MUTEX_ELSEWHERE,
    PRIVATE_KINDS,
    FOREIGN = PRIVATE_KINDS, /* with all functions */
    FOREIGN_REQUIRED,        /* with the required functions only */
    PTHREAD_MUTEX,
    OWN_SHARED,
    SHARED_ELSEWHERE,
    KINDS
};

UNUSED static const char *const kind_names[KINDS] = {
    "own rlock",          "own mutex",     "rlock elsewhere", "mutex elsewhere",       "foreign lock",
    "small foreign lock", "pthread mutex", "own shared lock", "shared lock elsewhere",
};

struct subject {
    enum kind kind;
    cond_t cond;
    cond_lock_t lock; /* if it is not inside the condition */
    struct spinlock spinlock;
    pthread_mutex_t mutex;
};

static inline bool kind_is_own(enum kind kind)
{
    return kind == OWN_RLOCK || kind == OWN_MUTEX || kind == OWN_SHARED;
}

static inline bool kind_is_mutex(enum kind kind) { return kind == OWN_MUTEX || kind == MUTEX_ELSEWHERE; }

static inline bool kind_is_recursive(enum kind kind)
{
    return kind == OWN_RLOCK || kind == RLOCK_ELSEWHERE || kind == FOREIGN;
}

/* Not every system has every kind. */
static inline bool kind_is_possible(enum kind kind)
{
#ifndef COND_HAVE_PTHREAD_
    if (kind == PTHREAD_MUTEX)
        return false;
#endif
    cond_lock_t lock;
    if (kind < OWN_SHARED)
        return true;
    memset((void *)&lock, 0, sizeof lock);
    return cond_lock_init(&lock, COND_SHARED) == 0 && cond_lock_destroy(&lock) == 0;
}

static inline void subject_make(struct subject *s, enum kind kind)
{
    unsigned flags = kind_is_mutex(kind) ? COND_MUTEX : kind >= OWN_SHARED ? COND_SHARED : COND_RLOCK;
    *s = (struct subject){.kind = kind, .spinlock.recursive = kind == FOREIGN};
    REQUIRE(pthread_mutex_init(&s->mutex, NULL) == 0);
    if (kind == FOREIGN || kind == FOREIGN_REQUIRED)
        REQUIRE(cond_lock_init_foreign(&s->lock, kind == FOREIGN ? &spinlock_ops_all : &spinlock_ops_required,
                                       &s->spinlock) == 0);
#ifdef COND_HAVE_PTHREAD_
    else if (kind == PTHREAD_MUTEX)
        REQUIRE(cond_lock_init_pthread(&s->lock, &s->mutex) == 0);
#endif
    else if (!kind_is_own(kind))
        REQUIRE(cond_lock_init(&s->lock, flags) == 0);
    REQUIRE(cond_init(&s->cond, kind_is_own(kind) ? NULL : &s->lock, kind_is_own(kind) ? flags : 0) == 0);
}

/* True if no thread waits, the lock is free, and all was destroyed. A lock inside the condition ends with the
   condition. */
static inline bool subject_unmake(struct subject *s)
{
    cond_lock_t *lock = cond_get_lock(&s->cond);
    return cond_waiters(&s->cond) == 0 && !cond_locked(&s->cond) && cond_destroy(&s->cond) == 0 &&
           cond_lock_destroy(lock) == (kind_is_own(s->kind) ? EINVAL : 0) && pthread_mutex_destroy(&s->mutex) == 0;
}

#endif

#endif
