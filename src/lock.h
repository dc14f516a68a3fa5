/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_LOCK_H
#define CONDVAR_LOCK_H

/* The lock handle as the rest of the library sees it: one of the kinds, each with the same calls. */

#include <stdbool.h>
#include "condvar.h"

/* cond_lock_t.kind_: COND_RLOCK, COND_MUTEX, or one of these. */
enum {
    LOCK_FOREIGN = 16,
    LOCK_DESTROYED = 0xDD,
};

/* cond_lock_t.flags_, under the lock. */
enum {
    LOCK_IN_FLIGHT = 1,     /* a waiter was let go and does not have the lock yet; it clears the mark itself */
    LOCK_SLEEPERS_TURN = 2, /* when both wait: the next release wakes a sleeper too (mutex.c) */
};

/* cond_t.state_ */
enum {
    COND_ALIVE = 0,
    COND_DESTROYED = 0xDD,
};

static inline bool lock_is_private(const cond_lock_t *lock)
{
    return lock->kind_ <= COND_MUTEX;
}

/* Whether there is a lock to work with. */
static inline bool lock_is_valid(const cond_lock_t *lock)
{
    return lock != NULL && (lock_is_private(lock) || lock->kind_ == LOCK_FOREIGN);
}

static inline cond_lock_t *cond_lock_of(const cond_t *cond)
{
    return cond->lock_ != NULL ? cond->lock_ : (cond_lock_t *)(uintptr_t)&cond->own_;
}

/* The condition's lock, or NULL if there is nothing to work with. */
static inline cond_lock_t *cond_valid_lock(const cond_t *cond)
{
    if (cond == NULL || cond->state_ != COND_ALIVE)
        return NULL;
    cond_lock_t *lock = cond_lock_of(cond);
    return lock_is_valid(lock) ? lock : NULL;
}

/* Release entirely; 0 and the depth, or an error with nothing changed. */
int lock_release_save(cond_lock_t *lock, unsigned *depth);

/* Hold again as deep. Only a foreign lock fails; with EOWNERDEAD it is held. */
int lock_acquire_restore(cond_lock_t *lock, unsigned depth);

/* On a lock whose release is not seen: let one notified waiter go now. Under the lock. */
void lock_let_go(cond_lock_t *lock);

/* Back to the state after init. For the child of a fork. */
void lock_reinit(cond_lock_t *lock);

#endif
