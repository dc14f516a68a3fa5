/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_LOCK_H
#define CONDVAR_LOCK_H

/* The lock handle as the rest of the library sees it: one of the kinds, each with the same calls. */

#include <stdbool.h>
#include "atomic.h"
#include "condvar.h"
#include "internal.h"

/* cond_lock_t.kind_: COND_RLOCK or COND_MUTEX, with COND_SHARED or without, or one of these. */
enum {
    LOCK_OWN_SHARED = 4, /* to a shared kind: it is cond_t.own_ of a condition */
    LOCK_FOREIGN = 16,
    LOCK_FOREIGN_VAGUE = 17, /* its `owned` says yes to a free recursive lock too (port/pthread.c) */
    LOCK_DESTROYED = 0xDD,
};

/* cond_lock_t.flags_, under the lock. */
enum {
    LOCK_IN_FLIGHT = 1,     /* a waiter was let go and does not have the lock yet; it clears the mark itself */
    LOCK_SLEEPERS_TURN = 2, /* when both wait: the next release wakes a sleeper too (mutex.c) */

    /* Shared locks have these instead (shared.c). */
    LOCK_OWNER_DIED = 1, /* and nobody has called recover yet */
    LOCK_LOST = 2,       /* it was released so */
    LOCK_RECOVERY = 4,   /* the rest of the byte counts recoveries */
};

/* cond_t.state_. The shared ones are numbers that no memory has by chance. */
enum {
    COND_ALIVE = 0,
    COND_DESTROYED = 0xDD,
    COND_ALIVE_SHARED = 0x5EC04D17,
    COND_INIT_SHARED = 0x5EC04D18, /* a process is in cond_init() */
};

static inline bool lock_is_private(const cond_lock_t *lock)
{
    return a_load_8(&lock->kind_) <= COND_MUTEX;
}

static inline bool lock_is_shared(const cond_lock_t *lock)
{
#ifdef CONDVAR_NO_SHARED
    (void)lock;
    return false;
#else
    return (a_load_8(&lock->kind_) & ~(COND_MUTEX | LOCK_OWN_SHARED)) == COND_SHARED;
#endif
}

static inline bool lock_is_foreign(const cond_lock_t *lock)
{
#ifdef CONDVAR_NO_FOREIGN
    (void)lock;
    return false;
#else
    return (a_load_8(&lock->kind_) & ~1) == LOCK_FOREIGN;
#endif
}

/* Of a lock that is valid and not shared: whether it is private. */
static inline bool lock_is_not_foreign(const cond_lock_t *lock)
{
#ifdef CONDVAR_NO_FOREIGN
    (void)lock;
    return true;
#else
    return lock_is_private(lock);
#endif
}

/* Whether there are locks that are not private. */
#if defined(CONDVAR_NO_SHARED) && defined(CONDVAR_NO_FOREIGN)
enum { LOCK_OTHERS = 0 };
#else
enum { LOCK_OTHERS = 1 };
#endif

/* Whether there is a lock to work with. */
static inline bool lock_is_valid(const cond_lock_t *lock)
{
    return lock != NULL && (lock_is_private(lock) || lock_is_shared(lock) || lock_is_foreign(lock));
}

static inline bool cond_is_alive(const cond_t *cond)
{
    /* Acquire: partner is init_shared() in another process, which it may have just left. */
    uint32_t state = a_load(&cond->state_, acquire);
    return state == COND_ALIVE || state == COND_ALIVE_SHARED;
}

/* The condition's lock if it is a private one, else NULL: the short way of most calls. */
static inline cond_lock_t *cond_private_lock(const cond_t *cond)
{
    /* Relaxed: a private one has been alive since it was made. (A shared one may be made just now.) */
    if (cond == NULL || a_load_32(&cond->state_) != COND_ALIVE)
        return NULL;
    cond_lock_t *lock = cond->lock_ != NULL ? cond->lock_ : (cond_lock_t *)(uintptr_t)&cond->own_;
    return lock_is_private(lock) ? lock : NULL;
}

/* The condition's lock, or NULL if there is nothing to work with. */
INTERNAL cond_lock_t *cond_valid_lock(const cond_t *cond);

/* Whether a lock is held after an attempt to acquire it has answered this. */
static inline bool lock_is_held_after(int error)
{
    return error == 0 || error == EOWNERDEAD;
}

/* Release entirely; 0 and the depth, or an error with nothing changed. */
INTERNAL int lock_release_save(cond_lock_t *lock, unsigned *depth);

/* Hold again as deep. Only a foreign lock fails; with EOWNERDEAD it is held. */
INTERNAL int lock_acquire_restore(cond_lock_t *lock, unsigned depth);

/* A foreign lock that could not be acquired again: nobody can have it any more, nor touch what it guarded. So
   its handle is of no more use; any thread may say so. */
INTERNAL void lock_give_up(cond_lock_t *lock);

/* On a lock whose release is not seen: let one notified waiter go now. Under the lock. */
INTERNAL void lock_let_go(cond_lock_t *lock);

/* Back to the state after init. For the child of a fork. */
INTERNAL void lock_reinit(cond_lock_t *lock);

#endif
