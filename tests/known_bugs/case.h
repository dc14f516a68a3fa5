/* SPDX-License-Identifier: MIT */
#ifndef CASE_H
#define CASE_H

/*
 * What the cases share. A case is a program with one scenario, in which a known condition variable has failed.
 *
 *      PROGRAM WHO        WHO: `ours`, or a peer that the program has
 *
 * It prints one line, and its exit status is
 *
 *      0    it works
 *      1    the bug is shown
 *      77   it cannot be tried here
 *
 * or it hangs for ever, if that is the bug: watch.c detects it. Any other status is an error of the case. A bug is
 * reported only after QUIET_NS without other activity, in which a correct condition would have finished.
 */

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "condvar.h"

#define QUIET_NS COND_SEC(2)
#define QUIET_LOOKS 400 /* between them the others can run, also after a virtual machine has stood still */

enum { WORKS = 0, SHOWN = 1, CANNOT = 77, ERROR = 99 };

__attribute__((format(printf, 2, 3))) static inline _Noreturn void verdict(int status, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    printf("\n");
    fflush(stdout);
    _Exit(status); /* threads may be asleep for ever */
}

/* A condition without which the case has no meaning. */
#define REQUIRE(condition) \
  ((condition) ? (void)0 : verdict(ERROR, "%s:%d: failed: %s", __FILE__, __LINE__, #condition))

static inline void pause_ns(int64_t ns)
{
    struct timespec left = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    while (nanosleep(&left, &left) != 0)
        ;
}

static inline pthread_t start(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, run, arg) == 0);
    return thread;
}

/* Whether the word gets this value or a greater one, now or within QUIET_NS. */
static inline bool comes_true(const atomic_int *word, int value)
{
    for (int looks = QUIET_LOOKS; atomic_load(word) < value; looks--) {
        if (looks == 0)
            return false;
        pause_ns(QUIET_NS / QUIET_LOOKS);
    }
    return true;
}

/* Wait for something that another thread will certainly do. */
static inline void await(const atomic_int *word, int value)
{
    while (atomic_load(word) != value)
        pause_ns(COND_US(200));
}

static inline bool who_is(int argc, char **argv, const char *name)
{
    return argc == 2 && strcmp(argv[1], name) == 0;
}

/* Whether this is the peer of that name. If it is neither the peer nor `ours`, the program ends here. */
static inline bool is_peer(int argc, char **argv, const char *name)
{
    bool peer = who_is(argc, argv, name);
    if (!peer && !who_is(argc, argv, "ours"))
        exit(CANNOT);
    return peer;
}

static atomic_int notified; /* a thread that notifies has returned from it */

/* A thread that notifies one waiter of the condition. */
static inline void *notify_ours(void *cond)
{
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_notify(cond, 1) == 0);
    REQUIRE(cond_release(cond) == 0);
    atomic_store(&notified, 1);
    return NULL;
}

#endif
