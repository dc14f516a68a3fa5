/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_OBJECT_H
#define CONDVAR_OBJECT_H

/*
 * What the bytes of cond_lock_t and cond_t mean: which kind a lock is of, whether an object is alive, where the
 * parts of a private lock are. Everything else of the library stands on this.
 */

#include <stdbool.h>
#include "atomic.h"
#include "condvar.h"
#include "internal.h"

/* cond_lock_t.kind_: COND_RLOCK or COND_MUTEX, with COND_SHARED or without, or one of these. */
enum {
    LOCK_OWN_SHARED = 4, /* added to a shared kind: the lock is cond_t.own_ of a condition */
    LOCK_FOREIGN = 16,
    LOCK_FOREIGN_NO_OWNER = 17, /* its `owned` is also true for a recursive lock that is free (port/pthread.c) */
    LOCK_FOREIGN_LOST = 18, /* nobody can hold it any more: the handle is not valid (lock.h) */
    LOCK_DESTROYED = 0xDD,
};

/* cond_lock_t.flags_, under the lock. */
enum {
    LOCK_STARVING_TURN = 1, /* the next release that finds both is the turn of the starving threads (handoff.c) */

    /* Shared locks have these instead (shared.c). */
    LOCK_OWNER_DIED = 1, /* and nobody has called recover yet */
    LOCK_LOST = 2,       /* it was released so */
};

/* cond_lock_t.depth_ of a shared lock: these upper bits, which no memory has by chance, from the beginning of
   cond_lock_init() to the end of cond_lock_destroy(), and how often its owner holds it. */
#define LOCK_SHARED_MARK 0x5EC00000u
#define LOCK_SHARED_MARK_BITS (~(uint32_t)COND_DEPTH_MAX)

/* cond_t.state_. The shared ones are numbers that no memory has by chance. */
enum {
    CONDI_ALIVE = 0,
    CONDI_CLOSED = 1, /* on a private or a foreign lock; under the lock */
    CONDI_DESTROYED = 0xDD,
    CONDI_ALIVE_SHARED = 0x5EC04D17,
    CONDI_INIT_SHARED = 0x5EC04D18, /* a process is in cond_init() */
    CONDI_CLOSED_SHARED = 0x5EC04D19,
};

/* ---- The kind of a lock ---- */

static inline bool lock_is_private(const cond_lock_t *lock)
{
    return a_load_8(&lock->kind_) <= COND_MUTEX;
}

/* A macro, so that it is a constant where the feature is left out, and calls that stand behind it are removed. */
#define lock_is_shared(lock) (HAVE_SHARED && lock_has_shared_kind(lock))

static inline bool lock_has_shared_kind(const cond_lock_t *lock)
{
    /* Acquire: partner is the end of shared_lock_make() in another process, which may have just made the lock. */
    return (a_load_byte(&lock->kind_, acquire) & ~(COND_MUTEX | LOCK_OWN_SHARED)) == COND_SHARED;
}

static inline bool lock_is_foreign(const cond_lock_t *lock)
{
    return HAVE_FOREIGN && (a_load_8(&lock->kind_) & ~1) == LOCK_FOREIGN;
}

/* Whether the lock was foreign, and is lost. Not NULL. */
static inline bool lock_is_lost(const cond_lock_t *lock)
{
    return HAVE_FOREIGN && a_load_8(&lock->kind_) == LOCK_FOREIGN_LOST;
}

/* Of a lock that is valid and not shared: whether it is private. */
static inline bool lock_is_not_foreign(const cond_lock_t *lock)
{
    return !HAVE_FOREIGN || lock_is_private(lock);
}

/* Whether `lock` is a lock that the library can work with. */
static inline bool lock_is_valid(const cond_lock_t *lock)
{
    return lock != NULL && (lock_is_private(lock) || lock_is_shared(lock) || lock_is_foreign(lock));
}

/* Whether the caller holds a lock after an attempt to acquire it has returned `error`. */
static inline bool lock_is_held_after(int error)
{
    return error == 0 || error == EOWNERDEAD;
}

/* ---- The parts of a lock ---- */

static inline struct cond_private_lock_ *lock_private(const cond_lock_t *lock)
{
    return (struct cond_private_lock_ *)(uintptr_t)&lock->u_.local.as.mine;
}

static inline struct cond_foreign_lock_ *lock_foreign(const cond_lock_t *lock)
{
    return (struct cond_foreign_lock_ *)(uintptr_t)&lock->u_.local.as.foreign;
}

/* Atomic: mutex.h has its bits. */
static inline uint32_t *lock_word(const cond_lock_t *lock)
{
    return &lock_private(lock)->word;
}

enum { LOCK_OWNER_TASK = 1 }; /* in the owner, the lowest bit: the rest is the address of a cond_task_t */

/* 0, or the holder: a thread, by its number, or a task, by its address and LOCK_OWNER_TASK. Relaxed: a thread finds its
   own number there only if it has written it itself and has not cleared it since. The owner of a task is written
   when the task is handed the lock; its callback, or the call that made the request, then happens after. */
static inline uintptr_t lock_owner(const cond_lock_t *lock)
{
    return a_load_ptr(&lock_private(lock)->owner);
}

/* `depth_` is two numbers. The low bits count the levels beyond the first, and are 0 whenever the lock is free: so the
   first level costs no store. The others count wake-ups of sleepers (mutex.h). Both are written by the owner only. */
#define LOCK_LEVELS COND_DEPTH_MAX
#define LOCK_WAKEUP (COND_DEPTH_MAX + 1)

/* The levels beyond the first. Exact for the owner. */
static inline uint32_t lock_more_levels(const cond_lock_t *lock)
{
    return a_load_32(&lock->depth_) & LOCK_LEVELS;
}

/* Release: as in mutex_count_wakeup(), since sleepers look at the same word. */
static inline void lock_set_more_levels(cond_lock_t *lock, uint32_t more)
{
    a_store(&lock->depth_, (a_load_32(&lock->depth_) & ~LOCK_LEVELS) | more, release);
}

/* By the new holder, or by the holder for the task that it hands the lock to. */
static inline void lock_set_owner(cond_lock_t *lock, uintptr_t owner, unsigned depth)
{
    a_store_ptr(&lock_private(lock)->owner, owner);
    if (depth > 1)
        lock_set_more_levels(lock, depth - 1);
}

/* ---- The condition ---- */

/* Acquire: partner is the end of cond_init() in another process, which may have just made the condition. */
static inline uint32_t condi_state(const cond_t *cond)
{
    return a_load(&cond->state_, acquire);
}

/* Open or closed. */
static inline bool condi_state_is_alive(uint32_t state)
{
    return state <= CONDI_CLOSED || state == CONDI_ALIVE_SHARED || state == CONDI_CLOSED_SHARED;
}

static inline bool condi_is_alive(const cond_t *cond)
{
    if (!HAVE_SHARED)
        return a_load_32(&cond->state_) <= CONDI_CLOSED; /* relaxed: as in lock_private_of() */
    return condi_state_is_alive(condi_state(cond));
}

/* Relaxed: exact under the lock. Partner: cond_close(). */
static inline bool condi_is_closed(const cond_t *cond)
{
    if (!HAVE_CANCEL && !HAVE_SHARED)
        return false;
    uint32_t state = a_load_32(&cond->state_);
    return state == CONDI_CLOSED || state == CONDI_CLOSED_SHARED;
}

/* The condition's lock if that is a private one, else NULL: the fast path of most calls. */
static inline cond_lock_t *lock_private_of(const cond_t *cond)
{
    /* Relaxed: a condition on a private lock has been alive since it was made. */
    if (cond == NULL || a_load_32(&cond->state_) > CONDI_CLOSED)
        return NULL;
    cond_lock_t *lock = cond->lock_ != NULL ? cond->lock_ : (cond_lock_t *)(uintptr_t)&cond->own_;
    return lock_is_private(lock) ? lock : NULL;
}

#endif
