/* SPDX-License-Identifier: MIT */
/*
 * cond_lock_init_pthread(): a pthread mutex as a foreign lock. POSIX has no call that returns the owner or the type of
 * a mutex. But a thread can find out what wait needs. A mutex that it holds, and can acquire again without blocking,
 * is recursive. A recursive mutex returns EPERM if it is released once too often, and so it shows its depth.
 *
 * A mutex of glibc shows more: its type, its owner and its depth. These members belong to glibc's ABI, since programs
 * contain mutexes that were initialised when they were compiled.
 */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include "../lock.h"
#include "pthread_until.h"

#if HAVE_PTHREAD_LOCK

#if defined(__GLIBC__) && defined(__linux__)
#  include <sys/syscall.h>
#  include <unistd.h>
enum { ADOPTED_HAS_OWNER = 1 };

static bool adopted_is(const pthread_mutex_t *mutex, int type)
{
    return (mutex->__data.__kind & 3) == type;
}

static bool adopted_is_errorcheck(const pthread_mutex_t *mutex)
{
    return adopted_is(mutex, PTHREAD_MUTEX_ERRORCHECK_NP);
}

static bool adopted_is_recursive(const pthread_mutex_t *mutex)
{
    return adopted_is(mutex, PTHREAD_MUTEX_RECURSIVE_NP);
}

/* Relaxed is enough: only the thread itself writes or clears its own number. */
static bool adopted_owner_is_caller(const pthread_mutex_t *mutex)
{
    return a_load_32(&mutex->__data.__owner) == (uint32_t)syscall(SYS_gettid);
}

/* The depth of a recursive mutex. Caller must hold it. */
static unsigned adopted_levels(const pthread_mutex_t *mutex)
{
    return mutex->__data.__count;
}
#else /* never called */
enum { ADOPTED_HAS_OWNER = 0 };
static bool adopted_is_errorcheck(const pthread_mutex_t *mutex) { (void)mutex; return false; }
static bool adopted_is_recursive(const pthread_mutex_t *mutex) { (void)mutex; return false; }
static bool adopted_owner_is_caller(const pthread_mutex_t *mutex) { (void)mutex; return true; }
static unsigned adopted_levels(const pthread_mutex_t *mutex) { (void)mutex; return 1; }
#endif

static int adopted_acquire(void *object, int64_t deadline_ns)
{
    return until_acquire(object, deadline_ns);
}

/* Called after a try has acquired the mutex. Whether the caller held the mutex before that. Without glibc a recursive
   mutex that was free looks the same as one that the caller held. */
static bool adopted_was_owned(pthread_mutex_t *mutex)
{
    if (ADOPTED_HAS_OWNER)
        return adopted_is_recursive(mutex) && adopted_levels(mutex) > 1;
    bool recursive = pthread_mutex_trylock(mutex) == 0;
    if (recursive)
        (void)pthread_mutex_unlock(mutex);
    return recursive;
}

/* EBUSY: a thread holds the mutex, possibly the caller. If the mutex is recursive, it is another thread. If it is
   errorcheck, compare the owner. If it is normal, assume that it is the caller.
   EINVAL: the caller's priority is above the ceiling of the mutex (PTHREAD_PRIO_PROTECT), so it does not hold it. */
static bool adopted_owned(void *object)
{
    int error = pthread_mutex_trylock(object);
    if (error == EBUSY && adopted_is_errorcheck(object))
        return adopted_owner_is_caller(object);
    if (error == EBUSY && adopted_is_recursive(object))
        return false;
    if (error != 0 && error != EOWNERDEAD)
        return error != ENOTRECOVERABLE && error != EINVAL;
    bool owned = adopted_was_owned(object);
    (void)pthread_mutex_unlock(object);
    return owned;
}

/* Check first: the release of a normal mutex that no thread holds is undefined. */
static int adopted_release(void *object)
{
    return adopted_owned(object) ? pthread_mutex_unlock(object) : EPERM;
}

static int adopted_release_save(void *object, unsigned *depth)
{
    if (pthread_mutex_trylock(object) != 0) {
        /* The caller holds it, and the try failed. So it is not recursive, or has its maximum depth (EAGAIN). */
        *depth = 1;
        return pthread_mutex_unlock(object);
    }
    /* The mutex is recursive, and the try has added one level. With another type the try fails, because the caller
       holds the mutex (adopted_owned() has checked that). */
    unsigned levels = 0;
    if (ADOPTED_HAS_OWNER) { /* without a release too many, which ThreadSanitizer would report */
        levels = adopted_levels(object);
        for (unsigned left = levels; left > 0; left--)
            (void)pthread_mutex_unlock(object);
    } else {
        while (pthread_mutex_unlock(object) == 0)
            levels++;
    }
    *depth = levels - 1;
    return levels > 1 ? 0 : EPERM;
}

static int adopted_acquire_restore(void *object, unsigned depth)
{
    int error = pthread_mutex_lock(object);
    for (unsigned level = 1; level < depth; level++)
        (void)pthread_mutex_lock(object);
    return error;
}

int cond_lock_init_pthread(cond_lock_t *lock, pthread_mutex_t *mutex)
{
    static const cond_lock_ops_t ops = {
        .acquire = adopted_acquire,
        .release = adopted_release,
        .owned = adopted_owned,
        .release_save = adopted_release_save,
        .acquire_restore = adopted_acquire_restore,
    };
    int error = mutex != NULL ? cond_lock_init_foreign(lock, &ops, mutex) : EINVAL;
    if (error == 0 && !ADOPTED_HAS_OWNER)
        lock->kind_ = LOCK_FOREIGN_NO_OWNER;
    return error;
}

#endif
