/* SPDX-License-Identifier: MIT */
/* A private lock with an owner and a depth: rlock.h. */
#include "rlock.h"

NOINLINE_IF_FAST int rlock_acquire_again(cond_lock_t *lock)
{
    uint32_t more = lock_more_levels(lock);
    if (lock->kind_ == COND_MUTEX)
        return EDEADLK;
    if (more == COND_DEPTH_MAX - 1)
        return EAGAIN;
    lock_set_more_levels(lock, more + 1);
    return 0;
}

NOINLINE_IF_FAST int rlock_acquire_contended(cond_lock_t *lock, uintptr_t who, int64_t deadline_ns)
{
    int error = mutex_acquire_contended(lock, deadline_ns, false);
    if (error == 0)
        lock_set_owner(lock, who, 1);
    return error;
}

unsigned rlock_release_save(cond_lock_t *lock, uintptr_t who)
{
    if (!rlock_owned_by(lock, who))
        return 0;
    unsigned depth = lock_more_levels(lock) + 1; /* M:save-depth */
    lock_set_owner(lock, 0, 0);
    if (depth > 1)
        lock_set_more_levels(lock, 0);
    handoff_release(lock);
    return depth;
}

void rlock_acquire_restore(cond_lock_t *lock, uintptr_t who, unsigned depth, bool was_chosen)
{
    if (OPTIMIZE_SIZE || !mutex_try(lock))
        (void)mutex_acquire_contended(lock, COND_FOREVER, was_chosen);
    lock_set_owner(lock, who, depth); /* M:restore-depth */
}
