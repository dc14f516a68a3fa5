/* SPDX-License-Identifier: MIT */
/* Recursion over mutex.c. All functions: any thread; what they write is the caller's once it has the lock. */
#include "rlock.h"

static void set_owner(cond_lock_t *lock, uintptr_t owner, unsigned depth)
{
    a_store_ptr(&lock->u_.local.as.mine.owner, owner);
    if (depth > 1)
        a_store_32(&lock->depth_, depth - 1);
}

APART int rlock_acquire_again(cond_lock_t *lock)
{
    uint32_t more = a_load_32(&lock->depth_);
    if (lock->kind_ == COND_MUTEX)
        return EDEADLK;
    if (more == COND_DEPTH_MAX - 1)
        return EAGAIN;
    a_store_32(&lock->depth_, more + 1);
    return 0;
}

APART int rlock_acquire_contended(cond_lock_t *lock, uintptr_t who, int64_t deadline_ns)
{
    int error = mutex_acquire_contended(lock, deadline_ns, false);
    if (error == 0)
        set_owner(lock, who, 1);
    return error;
}

unsigned rlock_release_save(cond_lock_t *lock, uintptr_t who)
{
    if (!rlock_owned_by(lock, who))
        return 0;
    unsigned depth = rlock_depth(lock);
    a_store_ptr(&lock->u_.local.as.mine.owner, 0);
    if (depth > 1)
        a_store_32(&lock->depth_, 0);
    mutex_release(lock);
    return depth;
}

void rlock_acquire_restore(cond_lock_t *lock, uintptr_t who, unsigned depth)
{
    if (SMALL || !mutex_try(lock))
        (void)mutex_acquire_contended(lock, COND_FOREVER, true);
    set_owner(lock, who, depth);
}

#ifndef CONDVAR_NO_TASKS
void rlock_give(cond_lock_t *lock, uintptr_t who, unsigned depth)
{
    set_owner(lock, who, depth);
}
#endif
