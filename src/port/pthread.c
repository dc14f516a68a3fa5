/* SPDX-License-Identifier: MIT */
/*
 * A pthread mutex as a foreign lock. POSIX does not tell who holds a mutex, nor its type, but a thread can
 * find out what wait needs: a mutex that it holds, and can acquire again without blocking, is recursive, and
 * a recursive one answers EPERM to a release that is one too many.
 */
#include "condvar.h"
#ifdef COND_HAVE_PTHREAD_
#include <errno.h>
#include <pthread.h>
#include "../lock.h"
#include "pthread_until.h"

static int adopted_acquire(void *object, int64_t deadline_ns)
{
    return mutex_acquire_until(object, deadline_ns);
}

/* EBUSY: somebody holds it, perhaps the caller. Acquired twice: it is recursive, and either was the caller's
   or was free, which cannot be told apart without releasing it. Acquired once: it was free. */
static bool adopted_owned(void *object)
{
    int error = pthread_mutex_trylock(object);
    if (error != 0 && error != EOWNERDEAD)
        return error != ENOTRECOVERABLE;
    bool recursive = pthread_mutex_trylock(object) == 0;
    if (recursive)
        (void)pthread_mutex_unlock(object);
    (void)pthread_mutex_unlock(object);
    return recursive;
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
    while (pthread_mutex_unlock(object) == 0)
        levels++;
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
    if (error == 0)
        lock->kind_ = LOCK_FOREIGN_VAGUE;
    return error;
}

#else
typedef int condvar_no_pthread; /* ISO C wants a declaration in each file */
#endif
