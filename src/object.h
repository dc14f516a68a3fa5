/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_OBJECT_H
#define CONDVAR_OBJECT_H

/*
 * What the bytes of cond_lock_t and cond_t mean: the kind of a lock, the state of a condition, the parts of a private
 * lock. Most other files build on this one.
 */

#include <stdbool.h>
#include "atomic.h"
#include "condvar.h"
#include "internal.h"

/* cond_lock_t.kind_. A private lock: COND_RLOCK or COND_MUTEX. A shared lock: COND_SHARED is added to that. Also: */
enum {
    LOCK_OWN_SHARED = 4,        /* also added to the kind of a shared lock that is the member own_ of a cond_t */
    LOCK_FOREIGN = 16,
    LOCK_FOREIGN_NO_OWNER = 17, /* its `owned` also returns true for a free recursive mutex (port/pthread.c) */
    LOCK_FOREIGN_LOST = 18,     /* no thread can hold it any more, and the handle is not valid (lock.h) */
    LOCK_DESTROYED = 0xDD,
};

/* cond_lock_t.flags_, under the lock. */
enum {
    LOCK_STARVING_TURN = 1, /* private: the next turn belongs to the starving threads (handoff.c) */
    LOCK_OWNER_DIED = 1,    /* shared: its holder died, and no thread has called recover since (shared.c) */
    LOCK_LOST = 2,          /* shared: it was released without a recover */
};

/* cond_lock_t.depth_ of a shared lock: a mark in the upper bits, and the number of levels in the lower ones. The mark
   is there from cond_lock_init() to cond_lock_destroy(). Memory that is no shared lock is unlikely to contain it. */
#define LOCK_SHARED_MARK 0x5EC00000u
#define LOCK_SHARED_MARK_BITS (~(uint32_t)COND_DEPTH_MAX)

/* cond_lock_t.depth_ of a foreign lock after cond_lock_destroy(). */
#define LOCK_DEPTH_DESTROYED UINT32_MAX

/* cond_t.state_. Memory that is no shared condition is unlikely to contain a ..._SHARED number. */
enum {
    CONDI_ALIVE = 0,
    CONDI_CLOSED = 1, /* on a private or a foreign lock. Under the lock */
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

/* A macro: where the feature is left out it is the constant 0, so the compiler removes the code behind it. */
#define lock_is_shared(lock) (HAVE_SHARED && lock_has_shared_kind(lock))

static inline bool lock_has_shared_kind(const cond_lock_t *lock)
{
    /* Acquire: partner is the release in shared_lock_make(), possibly in another process. */
    return (a_load_byte(&lock->kind_, acquire) & ~(COND_MUTEX | LOCK_OWN_SHARED)) == COND_SHARED;
}

static inline bool lock_is_foreign(const cond_lock_t *lock)
{
    return HAVE_FOREIGN && (a_load_8(&lock->kind_) & ~1) == LOCK_FOREIGN;
}

/* Whether the lock is a lost foreign lock. */
static inline bool lock_is_lost(const cond_lock_t *lock)
{
    return HAVE_FOREIGN && a_load_8(&lock->kind_) == LOCK_FOREIGN_LOST;
}

/* Whether the lock is not private: foreign, lost or destroyed. The lock must not be shared. */
static inline bool lock_was_foreign(const cond_lock_t *lock)
{
    return HAVE_FOREIGN && !lock_is_private(lock);
}

/* Whether `lock` can be used: not NULL, not destroyed, not lost. */
static inline bool lock_is_valid(const cond_lock_t *lock)
{
    return lock != NULL && (lock_is_private(lock) || lock_is_shared(lock) || lock_is_foreign(lock));
}

/* Whether the caller holds the lock after acquire has returned `error`. */
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

enum { LOCK_OWNER_TASK = 1 }; /* the lowest bit of the owner. The rest is then the address of a cond_task_t */

/* The owner: 0, the number of a thread (port_self()), or the address of a task with LOCK_OWNER_TASK. Relaxed is
   enough. Only a thread itself writes or clears its own number. A task becomes the owner when it is handed the lock.
   That happens before its callback, or before its request returns. */
static inline uintptr_t lock_owner(const cond_lock_t *lock)
{
    return a_load_ptr(&lock_private(lock)->owner);
}

/* `depth_` of a private lock holds two numbers. The low bits count the levels beyond the first. They are 0 while the
   lock is free, so the first level costs no store. The high bits count wake-ups of sleepers (mutex.h). Only the holder
   writes. */
#define LOCK_LEVELS COND_DEPTH_MAX
#define LOCK_WAKEUP (COND_DEPTH_MAX + 1)

/* The levels beyond the first. Exact for the owner. */
static inline uint32_t lock_more_levels(const cond_lock_t *lock)
{
    return a_load_32(&lock->depth_) & LOCK_LEVELS;
}

/* Release: partner is the acquire in mutex_acquire_contended(). This store also writes the count of wake-ups, so it
   needs the order of mutex_count_wakeup(). */
static inline void lock_set_more_levels(cond_lock_t *lock, uint32_t more)
{
    a_store(&lock->depth_, (a_load_32(&lock->depth_) & ~LOCK_LEVELS) | more, release);
}

/* `owner`: the caller, the task that is handed the lock, or 0 before a release. Caller must hold the lock. */
static inline void lock_set_owner(cond_lock_t *lock, uintptr_t owner, unsigned depth)
{
    a_store_ptr(&lock_private(lock)->owner, owner);
    if (depth > 1)
        lock_set_more_levels(lock, depth - 1);
}

/* ---- The condition ---- */

/* Acquire: partner is the release in shared_init() and shared_close(), possibly in another process. */
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

/* Relaxed: exact under the lock. Partners: waitq_close() and shared_close(). */
static inline bool condi_is_closed(const cond_t *cond)
{
    if (!HAVE_CANCEL && !HAVE_SHARED)
        return false;
    uint32_t state = a_load_32(&cond->state_);
    return state == CONDI_CLOSED || state == CONDI_CLOSED_SHARED;
}

/* The condition's lock if it is private, else NULL. The fast path of most calls. */
static inline cond_lock_t *lock_private_of(const cond_t *cond)
{
    /* Relaxed: the state is set before other threads can use a condition on a private lock. */
    if (cond == NULL || a_load_32(&cond->state_) > CONDI_CLOSED)
        return NULL;
    cond_lock_t *lock = cond->lock_ != NULL ? cond->lock_ : (cond_lock_t *)(uintptr_t)&cond->own_;
    return lock_is_private(lock) ? lock : NULL;
}

#endif
