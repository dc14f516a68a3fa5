/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE /* pthread_mutex_clocklock */
#endif
#include "pthread_until.h"
#include <errno.h>
#include <time.h>
#include "../deadline.h"
#include "timespec.h"

#if defined(__SANITIZE_THREAD__)
#  define UNDER_TSAN
#elif defined(__has_feature)
#  if __has_feature(thread_sanitizer)
#    define UNDER_TSAN
#  endif
#endif
#ifdef UNDER_TSAN
#  include <sanitizer/tsan_interface.h>
#endif

/* The build may know; glibc tells, where _GNU_SOURCE is in force. (ThreadSanitizer of gcc 12 does not know this function,
   and takes what it guards for races.) */
#if !defined(HAVE_PTHREAD_MUTEX_CLOCKLOCK) && defined(__GLIBC_PREREQ) && defined(__USE_GNU) && \
    !defined(UNDER_TSAN) && !defined(__APPLE__)
#  if __GLIBC_PREREQ(2, 30)
#    define HAVE_PTHREAD_MUTEX_CLOCKLOCK
#  endif
#endif

#if defined(HAVE_PTHREAD_MUTEX_CLOCKLOCK)
static int lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    struct timespec until = timespec_of(deadline_ns);
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
}
#else
/* How long to wait without a look at the clock. */
static int64_t piece_until(int64_t deadline_ns, int64_t longest_ns)
{
    int64_t left_ns = deadline_ns - port_now();
    return left_ns < 0 ? 0 : left_ns < longest_ns ? left_ns : longest_ns;
}

#  ifdef __APPLE__
/* There is no deadline at all for a mutex: so look at it now and then. (The owner of a mutex that tells is not
   told EDEADLK, but ETIMEDOUT.) Sleeping is a cancellation point, and acquiring a lock is not. */
static int lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    int saved = errno;
    int cancel_state;
    struct timespec piece = timespec_of(piece_until(deadline_ns, COND_MS(1)));
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    (void)nanosleep(&piece, NULL);
    (void)pthread_setcancelstate(cancel_state, NULL);
    errno = saved;
    int error = pthread_mutex_trylock(mutex);
    return error == EBUSY ? ETIMEDOUT : error;
}
#  else
/* There is only a deadline on the wall clock, which may be set while we wait: so wait in short pieces, after each
   of which the caller looks at the monotonic clock. */
static int lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until = timespec_of(timespec_ns(until) + piece_until(deadline_ns, COND_MS(50)));
    int error = pthread_mutex_timedlock(mutex, &until);
#    ifdef UNDER_TSAN
    if (error == EOWNERDEAD) { /* acquired, which ThreadSanitizer (gcc 12, clang 14) does not know */
        __tsan_mutex_pre_lock(mutex, __tsan_mutex_try_lock);
        __tsan_mutex_post_lock(mutex, __tsan_mutex_try_lock, 1);
    }
#    endif
    return error;
}
#  endif
#endif

int mutex_acquire_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    if (deadline_ns == COND_FOREVER)
        return pthread_mutex_lock(mutex);
    int error = pthread_mutex_trylock(mutex);
    if (error != EBUSY)
        return error;
    do
        error = lock_until(mutex, deadline_ns > 0 ? deadline_ns : 0);
    while (error == ETIMEDOUT && !deadline_passed(deadline_ns));
    return error;
}
