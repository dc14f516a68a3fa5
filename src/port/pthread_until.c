/* SPDX-License-Identifier: MIT */
/* Acquire a pthread mutex, with a deadline: pthread_until.h. By pthread_mutex_clocklock() if the system has it, else by
   tries. Also by tries if glibc refuses that call. */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include "pthread_until.h"
#include <errno.h>
#include <time.h>
#include "../deadline.h"
#include "timespec.h"

#if defined(__SANITIZE_THREAD__)
#  define UNTIL_TSAN
#elif defined(__has_feature)
#  if __has_feature(thread_sanitizer)
#    define UNTIL_TSAN
#  endif
#endif
#ifdef UNTIL_TSAN
#  include <sanitizer/tsan_interface.h>
#endif

/* The build or glibc says whether the function exists. (ThreadSanitizer of gcc 12 does not support it, and reports
   races on the data that the mutex guards.) */
#if defined(HAVE_PTHREAD_MUTEX_CLOCKLOCK)
#  define UNTIL_CLOCKLOCK
#elif defined(__GLIBC_PREREQ) && defined(__USE_GNU) && !defined(UNTIL_TSAN) && !defined(__APPLE__)
#  if __GLIBC_PREREQ(2, 30)
#    define UNTIL_CLOCKLOCK
#  endif
#endif

/* A sixteenth of the time waited so far, at least 50 us and at most 10 ms. So a mutex that is released soon is
   acquired soon, and a thread that waits for long does not try often. */
static int64_t until_pause(int64_t waited_ns)
{
    int64_t pause_ns = waited_ns / 16;
    return pause_ns < COND_US(50) ? COND_US(50) : pause_ns < COND_MS(10) ? pause_ns : COND_MS(10);
}

/* Try once. pthread_mutex_timedlock() with a deadline in 1970 does not sleep. Unlike pthread_mutex_trylock(), it
   returns EDEADLK to the owner of an errorcheck mutex. macOS does not have it. */
static int until_try(pthread_mutex_t *mutex)
{
#ifdef __APPLE__
    int error = pthread_mutex_trylock(mutex);
    return error == EBUSY ? ETIMEDOUT : error;
#else
    int error = pthread_mutex_timedlock(mutex, &(struct timespec){0}); /* M:no-clocklock */
#  ifdef UNTIL_TSAN
    if (error == EOWNERDEAD) { /* acquired: ThreadSanitizer (gcc 12, clang 14) does not see that */
        __tsan_mutex_pre_lock(mutex, __tsan_mutex_try_lock);
        __tsan_mutex_post_lock(mutex, __tsan_mutex_try_lock, 1);
    }
#  endif
    return error;
#endif
}

/* pthread_mutex_timedlock() has deadlines on the wall clock only. If the clock is set back by hours, a thread would
   sleep for hours. So try now and then. An acquire is not a cancellation point. nanosleep() is one, so cancellation is
   disabled. */
static int until_poll(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    int saved = errno;
    int cancel_state;
    int64_t began_ns = port_now();
    int error = until_try(mutex);
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    for (int64_t now_ns = began_ns; error == ETIMEDOUT && now_ns < deadline_ns; now_ns = port_now()) {
        int64_t pause_ns = until_pause(now_ns - began_ns);
        struct timespec pause = timespec_of(pause_ns < deadline_ns - now_ns ? pause_ns : deadline_ns - now_ns);
        (void)nanosleep(&pause, NULL); /* by the monotonic clock */
        error = until_try(mutex);
    }
    (void)pthread_setcancelstate(cancel_state, NULL);
    errno = saved;
    return error;
}

static int until_lock(pthread_mutex_t *mutex, int64_t deadline_ns)
{
#ifdef UNTIL_CLOCKLOCK
    struct timespec until = timespec_of(deadline_ns);
    int error = pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
    /* glibc returns EINVAL for a mutex with PTHREAD_PRIO_INHERIT if the kernel has no FUTEX_LOCK_PI2 (before Linux
       5.14). If there is another reason, the first try returns EINVAL too. */
    if (error != EINVAL) /* M:clocklock-refuses */
        return error;
#endif
    return until_poll(mutex, deadline_ns);
}

int until_acquire(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    if (deadline_ns == COND_FOREVER)
        return pthread_mutex_lock(mutex);
    int error = pthread_mutex_trylock(mutex);
    if (error != EBUSY)
        return error;
    do
        error = until_lock(mutex, deadline_ns > 0 ? deadline_ns : 0);
    while (error == ETIMEDOUT && !deadline_passed(deadline_ns));
    return error;
}
