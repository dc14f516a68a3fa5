/* SPDX-License-Identifier: MIT */
/*
 * A pthread mutex as a foreign lock. POSIX does not tell who holds a mutex, nor its type, but a thread can
 * find out what wait needs: a mutex that it holds, and can acquire again without blocking, is recursive, and
 * a recursive one answers EPERM to a release that is one too many.
 *
 * glibc's mutex tells more: its type, its owner, and to that how often it is held. These members are part of glibc's ABI,
 * since programs have mutexes that were initialised when they were compiled.
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
enum { ADOPTED_TELLS = 1 };

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

/* Relaxed: a thread finds its own number there only if it has written it itself. */
static bool adopted_owner_is_caller(const pthread_mutex_t *mutex)
{
    return a_load_32(&mutex->__data.__owner) == (uint32_t)syscall(SYS_gettid);
}

/* How often a recursive mutex is held. Caller must hold it. */
static unsigned adopted_levels(const pthread_mutex_t *mutex)
{
    return mutex->__data.__count;
}
#else /* never asked */
enum { ADOPTED_TELLS = 0 };
static bool adopted_is_errorcheck(const pthread_mutex_t *mutex) { (void)mutex; return false; }
static bool adopted_is_recursive(const pthread_mutex_t *mutex) { (void)mutex; return false; }
static bool adopted_owner_is_caller(const pthread_mutex_t *mutex) { (void)mutex; return true; }
static unsigned adopted_levels(const pthread_mutex_t *mutex) { (void)mutex; return 1; }
#endif

static int adopted_acquire(void *object, int64_t deadline_ns)
{
    return until_acquire(object, deadline_ns);
}

/* A recursive mutex that was acquired once more. If it does not tell how often it is held, it may also have been free, which
   cannot be told apart without releasing it. */
static bool adopted_was_owned(pthread_mutex_t *mutex)
{
    if (ADOPTED_TELLS)
        return adopted_is_recursive(mutex) && adopted_levels(mutex) > 1;
    bool recursive = pthread_mutex_trylock(mutex) == 0;
    if (recursive)
        (void)pthread_mutex_unlock(mutex);
    return recursive;
}

/* EBUSY: somebody holds it, perhaps the caller. A recursive one is not the caller's then, and of the others only an errorcheck
   one has an owner. */
static bool adopted_owned(void *object)
{
    int error = pthread_mutex_trylock(object);
    if (error == EBUSY && adopted_is_errorcheck(object))
        return adopted_owner_is_caller(object);
    if (error == EBUSY && adopted_is_recursive(object))
        return false;
    if (error != 0 && error != EOWNERDEAD)
        return error != ENOTRECOVERABLE;
    bool owned = adopted_was_owned(object);
    (void)pthread_mutex_unlock(object);
    return owned;
}

/* To release a normal mutex that nobody holds is undefined. */
static int adopted_release(void *object)
{
    return adopted_owned(object) ? pthread_mutex_unlock(object) : EPERM;
}

static int adopted_release_save(void *object, unsigned *depth)
{
    if (pthread_mutex_trylock(object) != 0) {
        /* Not recursive, since the caller holds it; or too deep to be acquired again (EAGAIN). */
        *depth = 1;
        return pthread_mutex_unlock(object);
    }
    /* Recursive: one level is ours. A mutex of another type cannot come here, since the caller was found
       to hold it: adopted_owned(). */
    unsigned levels = 0;
    if (ADOPTED_TELLS) { /* ThreadSanitizer takes one release too many for a mistake */
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
    if (error == 0 && !ADOPTED_TELLS)
        lock->kind_ = LOCK_FOREIGN_NO_OWNER;
    return error;
}

#endif
