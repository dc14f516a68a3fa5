/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_MUTEX_H
#define CONDVAR_MUTEX_H

/*
 * The word of a private lock: try, acquire, destroy. mutex.c has its states, and says why no wake-up is lost. handoff.h
 * releases the lock. The fast paths stand here, to be inlined.
 */

#include "atomic.h"
#include "condvar.h"
#include "internal.h"
#include "object.h"

/* The bits of lock_word(). */
enum {
    MUTEX_HELD = 1,      /* a thread or a task holds the lock */
    MUTEX_SLEEPERS = 2,  /* a thread may be asleep among the sleepers: a release must wake one */
    MUTEX_DESTROYED = 4, /* with HELD, for good */
    MUTEX_RESERVED = 8,  /* the lock is free for starving threads only */
    MUTEX_STARVING = 16, /* the lowest bit of the number of starving threads. While the number is not 0, only these
                            threads and waiters that a release has woken take the lock */
    MUTEX_STARVING_ALL = HAVE_TASKS ? 0x3F0 : 0x7FFFFFF0, /* the bits of that number */
    MUTEX_COUNTS_ALL = !HAVE_TASKS, /* that number cannot overflow. With tasks it can, so it stops at its maximum */
    MUTEX_TASKS = 0x400, /* the lowest bit of the number of a process with tasks that want the lock (handoff.c). While
                            it is not 0, the next release drains the tasks (taskq.h). Set by handoff_request() */
};

/* The word on which sleepers sleep. It counts wake-ups: a release counts one before it wakes a sleeper. (The levels are
   in the same word. When they change, a thread that is about to sleep reads the lock again.) Starving threads sleep on
   lock_word(). */
static inline uint32_t *mutex_wakeups(const cond_lock_t *lock)
{
    return (uint32_t *)(uintptr_t)&lock->depth_;
}

/* Caller must hold the lock. Release: partner is the acquire in mutex_acquire_contended(). A thread that reads this
   count also reads the earlier changes of lock_word(). */
static inline void mutex_count_wakeup(cond_lock_t *lock)
{
    a_store(mutex_wakeups(lock), a_load(mutex_wakeups(lock), relaxed) + LOCK_WAKEUP, release);
}

/* Acquire the lock if it is free and no bit is set. Acquire: partner is the release in handoff_release(). */
static inline bool mutex_try(cond_lock_t *lock)
{
    uint32_t free = 0;
    return a_cas(lock_word(lock), &free, MUTEX_HELD, acquire, relaxed);
}

/* Whether the lock is held, so that a try would fail. Relaxed: the result is as if the try had been made at this
   moment. */
static inline bool mutex_is_held(const cond_lock_t *lock)
{
    return (a_load_32(lock_word(lock)) & (MUTEX_HELD | MUTEX_DESTROYED)) == MUTEX_HELD;
}

/* Acquire the lock. `was_chosen`: a release has woken the caller. It may take the lock while threads starve, unless the
   lock is RESERVED. ETIMEDOUT. EINVAL: destroyed. */
INTERNAL int mutex_acquire_contended(cond_lock_t *lock, int64_t deadline_ns, bool was_chosen);

/* Destroy the word, and wake all threads that sleep on the lock: they return EINVAL. Caller must hold the lock.
   Returns the old word. A later attempt to change the word finds DESTROYED. */
INTERNAL uint32_t mutex_close(cond_lock_t *lock);

#endif
