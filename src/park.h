/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_PARK_H
#define CONDVAR_PARK_H

/*
 * How a waiter sleeps and is woken: spin for a while, then sleep on waiter->state.
 *
 *      the waiter                              the releasing thread
 *      1. state |= ASLEEP  (compare-exchange)  1. old = exchange(state, GO)
 *      2. port_wait(state)                     2. if old has ASLEEP: port_wake(state)
 *
 * GO may come at three times:
 *
 *      before the waiter's step 1      its compare-exchange fails, and it does not sleep
 *      between its steps 1 and 2       port_wait() finds another value, and returns
 *      after its step 2                the releasing thread sees ASLEEP, and wakes the waiter
 *
 * cond_stop() does the same with EXPIRED in place of GO: one compare-exchange sets EXPIRED and reads ASLEEP. So the
 * same argument holds.
 */

#include "atomic.h"
#include "deadline.h"
#include "port.h"
#include "tuning.h"
#include "waitq.h"

/*
 * Spinning. A sleep and a wake-up cost several microseconds. Spinning is cheaper if the waiter is woken within that
 * time. Otherwise spinning about doubles the cost. On one core it never helps. So each lock records in `spin_` how long
 * its waiters had to spin. (A shared condition has its own record, `spin`.) The record has one of two forms:
 *
 *      upper 6 bits                         lower 10 bits
 *      misses in a row, < PARK_SPIN_OFF     usual iterations    spin for at most a few times the usual iterations
 *      PARK_SPIN_OFF + backoff              sleeps left         sleep so many times without spinning, then try again
 *
 * In a new lock all bits are zero, and waiters spin. Relaxed throughout: any value is correct, and a lost update does
 * no harm.
 */
enum { PARK_SPIN_FIELD = 1024, PARK_SPIN_OFF = TUNING_SPIN_FAILURES, PARK_SPIN_BACKOFF_MAX = 6 };

static inline unsigned park_spin_budget(const uint16_t *spin)
{
#if !TUNING_SPIN_MAX
    (void)spin;
    return 0;
#else
    unsigned learned = a_load_16(spin), low = learned % PARK_SPIN_FIELD;
    if (learned / PARK_SPIN_FIELD >= PARK_SPIN_OFF)
        return low == 0 ? TUNING_SPIN_TRIAL : 0;
    unsigned budget = low == 0 ? TUNING_SPIN_MAX : TUNING_SPIN_MIN + 3 * low;
    return budget < TUNING_SPIN_MAX ? budget : TUNING_SPIN_MAX;
#endif
}

/* The waiter was woken after this many iterations. */
static inline void park_spin_hit(uint16_t *spin, unsigned iterations)
{
    unsigned learned = a_load_16(spin);
    unsigned usual = learned / PARK_SPIN_FIELD < PARK_SPIN_OFF ? learned % PARK_SPIN_FIELD : iterations;
    usual = (3 * usual + iterations) / 4 + 1;
    a_store_16(spin, usual < PARK_SPIN_FIELD ? usual : PARK_SPIN_FIELD - 1);
}

/* The waiter has to sleep after this many iterations. */
static inline void park_spin_miss(uint16_t *spin, unsigned iterations)
{
    unsigned learned = a_load_16(spin);
    unsigned high = learned / PARK_SPIN_FIELD, low = learned % PARK_SPIN_FIELD;
    if (iterations == 0) {
        if (high >= PARK_SPIN_OFF && low > 0)
            low--;
    } else {
        high = high < PARK_SPIN_OFF + PARK_SPIN_BACKOFF_MAX ? high + 1 : high;
        if (high >= PARK_SPIN_OFF)
            low = (TUNING_SPIN_PAUSE << (high - PARK_SPIN_OFF)) - 1;
    }
    a_store_16(spin, high * PARK_SPIN_FIELD + low);
}

/* ---- The handshake ---- */

/* Wake the waiter. A private lock has been released before. A foreign one is still held, or lost. As soon as `state` is
   GO, the waiter may return, and its node no longer exists. Release: partner is the acquire in park_sleep(). So the
   waiter reuses its stack only after the last access here. */
static inline void park_wake(struct cond_waiter *waiter)
{
    uint32_t *state = &waiter->state;
    if (a_exchange(state, WAITER_GO, acq_rel) & WAITER_ASLEEP)
        port_wake(state, 1); /* M:wake-asleep */
}

/* Let the waiter expire now, unless it is CHOSEN or has GO. Called by any thread, whatever locks it holds. The node
   must exist until this has returned. Release: partner is the acquire in park_sleep() and in condi_reset_waiter().
   After that acquire, the waiter checks whether it was stopped. The acquire must read what was written here, so `state`
   is written even if it does not change. */
static inline void park_expire(struct cond_waiter *waiter)
{
    uint32_t *state = &waiter->state;
    uint32_t next, old = a_load(state, relaxed);
    do
        next = old & (WAITER_CHOSEN | WAITER_GO) ? old : old | WAITER_EXPIRED; /* M:stop-chosen */
    while (!a_cas_weak(state, &old, next, release, relaxed));
    if ((next & WAITER_EXPIRED) && (old & WAITER_ASLEEP))
        port_wake(state, 1); /* M:wake-stopped */
}

/* Sleep until a release wakes the waiter (true), or until it expires (false): its deadline passes, or it is stopped,
   before it is CHOSEN. Called by the waiter, without the lock. */
static inline bool park_sleep(struct cond_waiter *waiter, cond_lock_t *lock, int64_t deadline_ns)
{
    unsigned budget = deadline_ns == DEADLINE_PASSED ? 0 : park_spin_budget(&lock->spin_);
    for (unsigned i = 0; i < budget; i++) {
        /* Acquire, here and below: partner is the release in park_wake() and park_expire(). */
        if (a_load(&waiter->state, acquire) & WAITER_GO) {
            park_spin_hit(&lock->spin_, i);
            return true;
        }
        a_pause();
    }
    if (TUNING_SPIN_MAX && deadline_ns != DEADLINE_PASSED)
        park_spin_miss(&lock->spin_, budget);

    uint32_t state = a_load(&waiter->state, acquire);
    while (!(state & WAITER_GO)) {
        if (HAVE_CANCEL && (state & WAITER_EXPIRED)) /* M:stopped */
            return false;
        if (!(state & WAITER_CHOSEN) && deadline_passed(deadline_ns)) {
            /* Partner: waitq_beat_deadline(). Exactly one of the two sets its bit, and the other one finds it. */
            if (a_cas(&waiter->state, &state, state | WAITER_EXPIRED, acquire, acquire)) /* M:expire */
                return false;
        } else if (!(state & WAITER_ASLEEP)) {
            if (a_cas(&waiter->state, &state, state | WAITER_ASLEEP, acquire, acquire)) /* M:announce */
                state |= WAITER_ASLEEP;
        } else {
            port_wait(&waiter->state, state, state & WAITER_CHOSEN ? COND_FOREVER : deadline_ns);
            state = a_load(&waiter->state, acquire);
        }
    }
    return true;
}

#endif
