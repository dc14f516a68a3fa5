/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_MUTEX_H
#define CONDVAR_MUTEX_H

/*
 * The private lock without owner and depth: one word, and what a release owes to the notified waiters.
 * mutex.c has the states and the argument. The short ways are here, to be compiled into their callers.
 */

#include "atomic.h"
#include "condvar.h"
#include "internal.h"

enum {
    MUTEX_HELD = 1,     /* somebody has it */
    MUTEX_SLEEPERS = 2, /* somebody may sleep on the word, and must be woken by a release */
    MUTEX_FIFO = 4,     /* somebody has waited too long: newcomers queue. Set by a thread that has slept,
                           and cleared by the same thread when it has the lock or gives up */
    MUTEX_DEAD = 8,     /* with HELD, for ever: it was destroyed */
    MUTEX_TASKS = 256,  /* from here on: 0, or the process of a task that wants the lock and waits for a
                           release; set by mutex_knock() */
};

/* Whether the lock was free and is now the caller's. Acquire: partner is the release in mutex_release(). */
static inline bool mutex_try(cond_lock_t *lock)
{
    uint32_t free = 0;
    return a_cas(&lock->u_.local.as.mine.word, &free, MUTEX_HELD, acquire, relaxed);
}

/* Whether a try would be in vain. Relaxed: a glimpse, as if the try had been made then. */
static inline bool mutex_is_hopeless(const cond_lock_t *lock)
{
    return (a_load_32(&lock->u_.local.as.mine.word) & (MUTEX_HELD | MUTEX_DEAD)) == MUTEX_HELD;
}

/* Acquire it, or ETIMEDOUT, or EINVAL if it is dead. A veteran has waited in the condition, and may go before
   newcomers. */
INTERNAL int mutex_acquire_contended(cond_lock_t *lock, int64_t deadline_ns, bool veteran);

INTERNAL void mutex_release_contended(cond_lock_t *lock);

#ifndef CONDVAR_NO_TASKS
/* By the first task to join lock->tasks: see that a release looks there, by making one if the lock is free. */
INTERNAL void mutex_knock(cond_lock_t *lock);
#endif

/* The holder: nobody gets it any more. Who came too late to see that it is being destroyed is told. */
INTERNAL void mutex_kill(cond_lock_t *lock);

/* Release: partner is the acquire of whoever has the lock next. The lock may be gone when it is free. */
static inline void mutex_release(cond_lock_t *lock)
{
    uint32_t held = MUTEX_HELD;
    if (SMALL || lock->u_.local.notified != NULL ||
        !a_cas(&lock->u_.local.as.mine.word, &held, 0, release, relaxed))
        mutex_release_contended(lock);
}

#endif
