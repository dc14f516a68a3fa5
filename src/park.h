/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_PARK_H
#define CONDVAR_PARK_H

/*
 * Sleeping and waking: the handshake between a waiter and the thread that lets it go, over waiter->state,
 * and waiting awake for a while before it.
 *
 *      the waiter                              the thread that lets it go
 *      1. state |= ASLEEP  (compare-exchange)  1. old = exchange(state, GO)
 *      2. port_wait(state)                     2. if old has ASLEEP: port_wake(state)
 *
 * If GO comes before 1 the compare-exchange fails, and nobody sleeps; if it comes between 1 and 2,
 * port_wait() sees another value and returns; if it comes after 2, the waker has seen ASLEEP and wakes.
 */

#include "atomic.h"
#include "deadline.h"
#include "port.h"
#include "tuning.h"
#include "waiter.h"

/*
 * Waiting awake. To be let go within a microsecond is worth looking for it: a sleep and a wake-up cost
 * several. To look in vain costs as much as that, on each core that does, and on one core it is always in
 * vain. So the lock learns how long its waiters had to look. Its `spin_` is either of:
 *
 *      failed (6 bits, below SPIN_OFF) | usual (10 bits)    look, for at most a few times as long as usual
 *      SPIN_OFF + patience             | left               don't, `left` sleeps long; then try again
 *
 * All zero bits is a fresh lock, which hopes for the best. Relaxed throughout: it is a guess, any value is
 * right, and a lost update does no harm.
 */
enum { SPIN_FIELD = 1024, SPIN_OFF = TUNING_SPIN_FAILURES, SPIN_PATIENCE_MAX = 6 };

static inline unsigned spin_budget(const cond_lock_t *lock)
{
#if !TUNING_SPIN_MAX
    (void)lock;
    return 0;
#else
    unsigned learned = a_load_16(&lock->spin_), low = learned % SPIN_FIELD;
    if (learned / SPIN_FIELD >= SPIN_OFF)
        return low == 0 ? TUNING_SPIN_TRIAL : 0;
    unsigned budget = low == 0 ? TUNING_SPIN_MAX : TUNING_SPIN_MIN + 3 * low;
    return budget < TUNING_SPIN_MAX ? budget : TUNING_SPIN_MAX;
#endif
}

/* It was let go while it looked for the `looks`th time. */
static inline void spin_rewarded(cond_lock_t *lock, unsigned looks)
{
    unsigned learned = a_load_16(&lock->spin_);
    unsigned usual = learned / SPIN_FIELD < SPIN_OFF ? learned % SPIN_FIELD : looks;
    usual = (3 * usual + looks) / 4 + 1;
    a_store_16(&lock->spin_, usual < SPIN_FIELD ? usual : SPIN_FIELD - 1);
}

/* It has to sleep, after that many looks. */
static inline void spin_in_vain(cond_lock_t *lock, unsigned looks)
{
    unsigned learned = a_load_16(&lock->spin_);
    unsigned high = learned / SPIN_FIELD, low = learned % SPIN_FIELD;
    if (looks == 0) {
        if (high >= SPIN_OFF && low > 0)
            low--;
    } else {
        high = high < SPIN_OFF + SPIN_PATIENCE_MAX ? high + 1 : high;
        if (high >= SPIN_OFF)
            low = (TUNING_SPIN_PAUSE << (high - SPIN_OFF)) - 1;
    }
    a_store_16(&lock->spin_, high * SPIN_FIELD + low);
}

/* ---- The handshake ---- */

/* By the thread that lets the waiter go, after it has freed the lock, or with it. The node may be gone as
   soon as GO is in it. Release: partner is the acquire in park_sleep(), so that the waiter reuses its stack
   only after the last access here. */
static inline void park_wake(struct cond_waiter *waiter)
{
    uint32_t *state = &waiter->state;
    if (a_exchange(state, WAITER_GO, acq_rel) & WAITER_ASLEEP)
        port_wake(state, 1);
}

/* By the waiter, without the lock: until it is let go (true), or its deadline has passed and no notify
   had chosen it by then (false). */
static inline bool park_sleep(struct cond_waiter *waiter, cond_lock_t *lock, int64_t deadline_ns)
{
    unsigned budget = deadline_ns == DEADLINE_PASSED ? 0 : spin_budget(lock);
    for (unsigned i = 0; i < budget; i++) {
        /* Acquire: partner is park_wake(). */
        if (a_load(&waiter->state, acquire) & WAITER_GO) {
            spin_rewarded(lock, i);
            return true;
        }
        a_pause();
    }
    if (TUNING_SPIN_MAX && deadline_ns != DEADLINE_PASSED)
        spin_in_vain(lock, budget);

    uint32_t state = a_load(&waiter->state, acquire);
    while (!(state & WAITER_GO)) {
        if (!(state & WAITER_CHOSEN) && deadline_passed(deadline_ns)) {
            /* Partner: beat_deadline(). Exactly one of the two succeeds; the other sees its bit. */
            if (a_cas(&waiter->state, &state, state | WAITER_EXPIRED, acquire, acquire))
                return false;
        } else if (!(state & WAITER_ASLEEP)) {
            if (a_cas(&waiter->state, &state, state | WAITER_ASLEEP, acquire, acquire))
                state |= WAITER_ASLEEP;
        } else {
            port_wait(&waiter->state, state, state & WAITER_CHOSEN ? COND_FOREVER : deadline_ns);
            state = a_load(&waiter->state, acquire);
        }
    }
    return true;
}

#endif
