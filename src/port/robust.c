/* SPDX-License-Identifier: MIT */
/*
 * The robust mutex of port_shared.h: PTHREAD_MUTEX_ROBUST of POSIX. Its type is errorcheck, so an acquire by the owner
 * returns EDEADLK, without a system call. shared.c counts recursion.
 *
 * The C library keeps a list of a thread's robust mutexes, which the kernel reads when the thread dies. On 32-bit
 * systems glibc's list is singly linked. A release searches the list for the address by which the mutex was acquired.
 * If the memory is also mapped at another address, a release by that address fails. So on these systems the mutex
 * stores the address by which it was acquired.
 */
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

/* Whether a try by the owner returns EDEADLK. With musl it returns EBUSY, and only a wait returns EDEADLK. */
#ifdef __GLIBC__
#  define ROBUST_TRY_FINDS_OWNER true
#else
#  define ROBUST_TRY_FINDS_OWNER false
#endif

struct robust_mutex {
    pthread_mutex_t mutex;
#ifdef ROBUST_ONE_WAY
    pthread_mutex_t *acquired_as; /* by the owner only */
#endif
};

_Static_assert(sizeof(struct robust_mutex) <= COND_ROBUST_WORDS_ * sizeof(uint64_t),
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

/* pthread_mutex_destroy() is not called. A sleeper may acquire the mutex after it. Then glibc would refuse to release
   the mutex, which would stay in that thread's list. A mutex of glibc or musl uses no other memory. */
void robust_destroy(void *mutex)
{
    (void)mutex;
}

/* A sleeper that is killed when it has just been woken may lose the wake-up: the kernel passes it on only while the
   mutex is free. Another thread may have acquired it first. That thread does not see that others sleep, and its
   release wakes no thread (Linux 6.18, glibc 2.36; tests/known_bugs/robust_forgets.c). So each sleeper tries at every
   heartbeat, and once more before it times out. */
static int robust_lock(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    int error = pthread_mutex_trylock(mutex);
    bool over = ROBUST_TRY_FINDS_OWNER && deadline_ns == DEADLINE_PASSED;
    while (error == EBUSY && !over) {
        int64_t heartbeat_ns = port_now() + TUNING_HEARTBEAT_NS;
        error = until_acquire(mutex, heartbeat_ns < deadline_ns ? heartbeat_ns : deadline_ns);
        if (error == ETIMEDOUT) {
            over = deadline_passed(deadline_ns);
            error = pthread_mutex_trylock(mutex);
        }
    }
    return error == EBUSY ? ETIMEDOUT : error;
}

/* The mutex is made consistent at once, because the caller notes in a flag of the lock that the last holder died. If
   this thread dies before it has set the flag, the next holder gets EOWNERDEAD again. */
int robust_acquire(void *mutex, int64_t deadline_ns)
{
    int error = robust_lock(mutex, deadline_ns);
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
    /* Only the owner may use that address. */
    if (pthread_mutex_trylock(mutex) == EDEADLK)
        mutex = ((struct robust_mutex *)mutex)->acquired_as;
#endif
    return pthread_mutex_unlock(mutex);
}
