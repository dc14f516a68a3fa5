/* SPDX-License-Identifier: MIT */
/* Recursion over mutex.c. All functions: any thread; what they write is the caller's once it has the lock. */
#include "rlock.h"
#include <errno.h>
#include "lock.h"

static void set_owner(cond_lock_t *lock, uintptr_t owner, unsigned depth)
{
    a_store_ptr(&lock->u_.local.as.mine.owner, owner);
    a_store_32(&lock->depth_, depth);
}

/* The owner acquires again. */
static int deepen(cond_lock_t *lock)
{
    if (lock->kind_ == COND_MUTEX)
        return EDEADLK;
    if (rlock_depth(lock) == COND_DEPTH_MAX)
        return EAGAIN;
    a_store_32(&lock->depth_, rlock_depth(lock) + 1);
    return 0;
}

int rlock_acquire(cond_lock_t *lock, uintptr_t who, int64_t deadline_ns)
{
    if (rlock_owned_by(lock, who))
        return deepen(lock);
    if (!mutex_try(lock)) {
        int error = mutex_acquire_contended(lock, deadline_ns, false);
        if (error != 0)
            return error;
    }
    set_owner(lock, who, 1);
    return 0;
}

int rlock_release(cond_lock_t *lock, uintptr_t who)
{
    if (!rlock_owned_by(lock, who))
        return EPERM;
    if (rlock_depth(lock) > 1) {
        a_store_32(&lock->depth_, rlock_depth(lock) - 1);
    } else {
        set_owner(lock, 0, 0);
        mutex_release(lock);
    }
    return 0;
}

unsigned rlock_release_save(cond_lock_t *lock, uintptr_t who)
{
    if (!rlock_owned_by(lock, who))
        return 0;
    unsigned depth = rlock_depth(lock);
    set_owner(lock, 0, 0);
    mutex_release(lock);
    return depth;
}

void rlock_acquire_restore(cond_lock_t *lock, uintptr_t who, unsigned depth)
{
    if (!mutex_try(lock))
        (void)mutex_acquire_contended(lock, COND_FOREVER, true);
    set_owner(lock, who, depth);
}

#ifndef CONDVAR_NO_TASKS
void rlock_give(cond_lock_t *lock, uintptr_t who, unsigned depth)
{
    set_owner(lock, who, depth);
}
#endif
