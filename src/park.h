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

/* ---- Waiting awake: the budget is kept in the lock, as how often it has been disappointed. All zero bits
   is a fresh lock, which hopes for the best. Relaxed throughout: it is a guess, and any value is right. ---- */

static inline unsigned spin_budget(const cond_lock_t *lock)
{
    unsigned halvings = a_load_16(&lock->spin_) / TUNING_SPIN_HALVE;
    return halvings < 16 ? TUNING_SPIN_MAX >> halvings : 0;
}

static inline void spin_learn(cond_lock_t *lock, bool rewarded)
{
    unsigned disappointed = a_load_16(&lock->spin_);
    if (rewarded)
        disappointed = disappointed > TUNING_SPIN_HALVE ? disappointed - TUNING_SPIN_HALVE : 0;
    else if (++disappointed >= 8 * TUNING_SPIN_HALVE + TUNING_SPIN_PROBE)
        disappointed = 2 * TUNING_SPIN_HALVE;
    a_store_16(&lock->spin_, (uint16_t)disappointed);
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
            spin_learn(lock, true);
            return true;
        }
        a_pause();
    }
    if (deadline_ns != DEADLINE_PASSED)
        spin_learn(lock, false);

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
