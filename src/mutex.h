/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_MUTEX_H
#define CONDVAR_MUTEX_H

/*
 * The word of a private lock: trying it, waiting for it, closing it. mutex.c has the states and the argument;
 * handoff.h releases it. The fast paths are here, to be inlined.
 */

#include "atomic.h"
#include "condvar.h"
#include "internal.h"
#include "object.h"

enum {
    MUTEX_HELD = 1,      /* a thread or a task holds the lock */
    MUTEX_SLEEPERS = 2,  /* a thread may sleep among the sleepers: a release must wake one */
    MUTEX_DESTROYED = 4, /* with HELD, for good */
    MUTEX_RESERVED = 8,  /* the lock was freed for a starving thread: nobody else takes it */
    MUTEX_STARVING = 16, /* times the number of threads that starve. While it is not 0, only they and waiters that a
                            release has woken take the lock */
    MUTEX_STARVING_ALL = HAVE_TASKS ? 0x3F0 : 0x7FFFFFF0, /* the bits of that number */
    MUTEX_COUNTS_ALL = !HAVE_TASKS, /* all starving threads fit in these bits; else only so many are counted */
    MUTEX_TASKS = 0x400, /* from this bit on: 0, or the process of a task that wants the lock (handoff.c). The next
                            release drains the tasks (taskq.h). Set by handoff_request() */
};

/* What sleepers sleep on: a release that wakes one of them counts that in it before. (The levels in it change too, and then
   a thread that is about to sleep looks again.) Starving threads sleep on lock_word(). */
static inline uint32_t *mutex_wakeups(const cond_lock_t *lock)
{
    return (uint32_t *)(uintptr_t)&lock->depth_;
}

/* Caller must hold the lock. Release: partner is the acquire in mutex_acquire_contended(): a thread that reads this number
   sees what happened to the word before. */
static inline void mutex_count_wakeup(cond_lock_t *lock)
{
    a_store(mutex_wakeups(lock), a_load(mutex_wakeups(lock), relaxed) + LOCK_WAKEUP, release);
}

/* True if the lock was free and is the caller's now. Acquire: partner is the release in handoff_release(). */
static inline bool mutex_try(cond_lock_t *lock)
{
    uint32_t free = 0;
    return a_cas(lock_word(lock), &free, MUTEX_HELD, acquire, relaxed);
}

/* Whether the lock is held, so that a try would fail. Relaxed: as if the try had been made at this moment. */
static inline bool mutex_is_held(const cond_lock_t *lock)
{
    return (a_load_32(lock_word(lock)) & (MUTEX_HELD | MUTEX_DESTROYED)) == MUTEX_HELD;
}

/* Acquire the lock. 0, ETIMEDOUT, EINVAL (destroyed). `was_chosen`: the caller is a waiter that a release has woken, so it
   may take a lock that new arrivals may not. */
INTERNAL int mutex_acquire_contended(cond_lock_t *lock, int64_t deadline_ns, bool was_chosen);

/* Destroy the word, and wake all that wait for it: they return EINVAL. Caller must hold the lock. Returns the word as it
   was: whoever changes it later finds DESTROYED. */
INTERNAL uint32_t mutex_close(cond_lock_t *lock);

#endif
