/* SPDX-License-Identifier: MIT */
/* Foreign locks: foreign.h. Cancellation is disabled while an operation of the user runs. Otherwise a thread could be
   cancelled in it, and its waiter would stay in the queue. */
#include "foreign.h"
#include "deadline.h"
#include "port/cancel.h"

static const cond_lock_ops_t *foreign_ops(const cond_lock_t *lock)
{
    return lock_foreign(lock)->ops;
}

static void *foreign_object(const cond_lock_t *lock)
{
    return lock_foreign(lock)->object;
}

int foreign_acquire(const cond_lock_t *lock, int64_t deadline_ns)
{
    int cancel = port_disable_cancel();
    int error = foreign_ops(lock)->acquire(foreign_object(lock), deadline_ns);
    port_enable_cancel(cancel);
    return error;
}

int foreign_release(const cond_lock_t *lock)
{
    int cancel = port_disable_cancel();
    int error = foreign_ops(lock)->release(foreign_object(lock));
    port_enable_cancel(cancel);
    return error;
}

/* The error of a try. If the try acquires the lock, the lock is released again. */
static int foreign_probe(const cond_lock_t *lock)
{
    int error = foreign_acquire(lock, DEADLINE_PASSED);
    if (lock_is_held_after(error))
        (void)foreign_release(lock);
    return error;
}

/* Whether a try finds the lock held. A lost lock is not held. */
static bool foreign_is_busy(const cond_lock_t *lock)
{
    int error = foreign_probe(lock);
    return error == ETIMEDOUT || error == EBUSY || error == EDEADLK;
}

bool foreign_is_unrecoverable(const cond_lock_t *lock)
{
    return foreign_probe(lock) == ENOTRECOVERABLE;
}

/* Without `owned`, assume as Python's Condition does: if a try fails, the caller owns the lock. */
bool foreign_owned(const cond_lock_t *lock)
{
    if (foreign_ops(lock)->owned == NULL)
        return foreign_is_busy(lock);
    int cancel = port_disable_cancel();
    bool owned = foreign_ops(lock)->owned(foreign_object(lock));
    port_enable_cancel(cancel);
    return owned;
}

/* A try by the owner of a recursive lock succeeds, although the lock is held. So call `owned` first if it is
   reliable. */
bool foreign_locked(const cond_lock_t *lock)
{
    return (a_load_8(&lock->kind_) == LOCK_FOREIGN && foreign_owned(lock)) || foreign_is_busy(lock);
}

int foreign_release_save(const cond_lock_t *lock, unsigned *depth)
{
    *depth = 1;
    if (foreign_ops(lock)->release_save == NULL)
        return foreign_release(lock);
    int cancel = port_disable_cancel();
    int error = foreign_ops(lock)->release_save(foreign_object(lock), depth);
    port_enable_cancel(cancel);
    return error;
}

/* After one waiter has found the lock lost, the other waiters do not try: they were woken to leave. */
int foreign_acquire_restore(const cond_lock_t *lock, unsigned depth)
{
    if (lock_is_lost(lock)) /* M:lost-is-not-tried */
        return ENOTRECOVERABLE;
    if (foreign_ops(lock)->acquire_restore == NULL)
        return foreign_acquire(lock, COND_FOREVER);
    int cancel = port_disable_cancel();
    int error = foreign_ops(lock)->acquire_restore(foreign_object(lock), depth);
    port_enable_cancel(cancel);
    return error;
}
