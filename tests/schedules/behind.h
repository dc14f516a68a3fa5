/* SPDX-License-Identifier: MIT */
#ifndef BEHIND_H
#define BEHIND_H

/* A foreign lock: another private lock, `behind`, behind the functions of cond_lock_ops_t. */
#include <errno.h>
#include "condvar.h"
#include "scripted.h"

static cond_lock_t behind;
static bool behind_is_lost; /* acquiring it fails for good */
static unsigned behind_tries_when_lost;

static inline int behind_acquire(void *object, int64_t deadline_ns)
{
    int error = deadline_ns == COND_FOREVER ? cond_lock_acquire(object)
                : cond_lock_acquire_timed(object, deadline_ns <= cond_now() ? 0 : deadline_ns - cond_now());
    if (error != 0 || !behind_is_lost)
        return error;
    behind_tries_when_lost += deadline_ns == COND_FOREVER;
    EXPECT(cond_lock_release(object) == 0);
    return ENOTRECOVERABLE;
}

static inline int behind_release(void *object) { return cond_lock_release(object); }
static inline bool behind_owned(void *object) { return cond_lock_owned(object); }

static const cond_lock_ops_t behind_ops = {
    .acquire = behind_acquire, .release = behind_release, .owned = behind_owned};

#endif
