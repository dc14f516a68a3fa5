/* SPDX-License-Identifier: MIT */
/*
 * A robust mutex that processes share, of pthreads: POSIX's PTHREAD_MUTEX_ROBUST. It is of the errorcheck
 * type, since that one tells its owner from others without a system call; recursion is counted above it.
 *
 * A thread's robust mutexes are in a list, for the kernel to find when the thread dies. On 32-bit systems that
 * of glibc can be followed one way only: to release a mutex is to go through it, and look for the address by
 * which the mutex was acquired. By another mapping it is never found. So there that address is remembered.
 */
#ifndef CONDVAR_NO_SHARED
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include "../port_shared.h"
#include <errno.h>
#include <pthread.h>
#include "../deadline.h"
#include "../tuning.h"
#include "condvar.h"
#include "pthread_until.h"

#if defined(__PTHREAD_MUTEX_HAVE_PREV) && !__PTHREAD_MUTEX_HAVE_PREV
#  define ROBUST_ONE_WAY 1
#endif

/* Whether a try by the owner is answered EDEADLK; that of musl is answered EBUSY, and only waiting tells. A try that does
   not wait leaves no trace, for which its holder would have to pay. */
#ifdef __GLIBC__
#  define TRY_TELLS_OWNER true
#else
#  define TRY_TELLS_OWNER false
#endif

struct robust_mutex {
    pthread_mutex_t mutex;
#ifdef ROBUST_ONE_WAY
    pthread_mutex_t *acquired_as; /* written and read by the owner only */
#endif
};

_Static_assert(sizeof(struct robust_mutex) <= sizeof ((cond_lock_t *)0)->u_.robust,
               "COND_ROBUST_WORDS_ in condvar.h is too small for this system's pthread_mutex_t");

int robust_init(void *mutex)
{
    pthread_mutexattr_t kind;
    int error = pthread_mutexattr_init(&kind);
    if (error != 0)
        return error; /* GCOVR_EXCL_LINE: for a system that has no memory left */
    if (pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED) != 0 ||
        pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) != 0 ||
        pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK) != 0)
        error = ENOTSUP; /* GCOVR_EXCL_LINE: for a system without such mutexes */
    if (error == 0)
        error = pthread_mutex_init(mutex, &kind);
    (void)pthread_mutexattr_destroy(&kind);
    return error;
}

/* Not pthread_mutex_destroy(): after that glibc refuses to release a mutex which a sleeper has got since, and the mutex
   stays in the list of that thread. A mutex of glibc or musl has nothing but its bytes. */
void robust_destroy(void *mutex)
{
    (void)mutex;
}

/* A sleeper that is killed when it has just been woken may take the wake-up with it: the kernel passes it on only
   while the mutex is free. One that was quicker to acquire it does not know that others are asleep, and wakes nobody
   when it releases (Linux 6.18, glibc 2.36; tests/known_bugs/robust_forgets.c). So nobody sleeps longer than a heartbeat
   without a look at the mutex, nor is told that his time is over without one. */
static int acquire_awake(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    int error = pthread_mutex_trylock(mutex);
    bool over = TRY_TELLS_OWNER && deadline_ns == DEADLINE_PASSED;
    while (error == EBUSY && !over) {
        int64_t heartbeat_ns = port_now() + TUNING_HEARTBEAT_NS;
        error = mutex_acquire_until(mutex, heartbeat_ns < deadline_ns ? heartbeat_ns : deadline_ns);
        if (error == ETIMEDOUT) {
            over = deadline_passed(deadline_ns);
            error = pthread_mutex_trylock(mutex);
        }
    }
    return error == EBUSY ? ETIMEDOUT : error;
}

/* The library remembers in its own flags that the last holder died, so the mutex itself is made fit for use
   at once. A holder that dies before it has noted this down leaves it owner-dead again. */
int robust_acquire(void *mutex, int64_t deadline_ns)
{
    int error = acquire_awake(mutex, deadline_ns);
    if (error == EOWNERDEAD)
        (void)pthread_mutex_consistent(mutex);
#ifdef ROBUST_ONE_WAY
    if (error == 0 || error == EOWNERDEAD)
        ((struct robust_mutex *)mutex)->acquired_as = mutex;
#endif
    return error;
}

int robust_release(void *mutex)
{
#ifdef ROBUST_ONE_WAY
    /* To anybody else that address means nothing. */
    if (pthread_mutex_trylock(mutex) == EDEADLK)
        mutex = ((struct robust_mutex *)mutex)->acquired_as;
#endif
    return pthread_mutex_unlock(mutex);
}

#else
typedef int condvar_no_robust_port; /* ISO C wants a declaration in each file */
#endif
