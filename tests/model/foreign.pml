/* SPDX-License-Identifier: MIT */
/*
 * Waiting on a foreign lock: the chain. The library does not see its release, so each notify wakes the first notified
 * waiter at once. Each waiter that ends its wait, or goes back to it, wakes the next one when it has the lock:
 * handoff_wake_next() in src/handoff.c, waitq_pick_unchecked() in src/waitq.c, and wait() in src/cond.c.
 *
 * Any thread may acquire the lock when it is free; nothing else is known of it. The workload and the checks are those
 * of cond.pml; `stuck_at_lock` means that the lock is held for ever. PRED: waits are wait_for, and each waiter
 * evaluates its own predicate.
 *
 * What is left out, besides what waitq.inc leaves out: a lock that cannot be acquired again (tests/unit/test_cond.c).
 */
#define N (W + 1)
#define PREDICATE(i) true /* picked unchecked */
#define UNCHECKED
#ifndef KINDS
#define KINDS 1
#endif
#define KIND(i) ((i) % KINDS)
#define DUTIES GO_DUTY
#define GO_DUTY PARK_WAKE(next, wake_it) /* @handoff.c handoff_wake_next */
#define IDLE (next == NOBODY)
#include "waitq.inc"

byte tickets[KINDS];
byte holder = NOBODY;
byte begun, finished;

inline acquire(me)
{
    atomic { holder == NOBODY -> holder = me }
}

/* By the holder. Waking the waiter is separate steps, before the holder releases. */
inline wake_next()
{
#ifdef M_CHAIN_BREAKS
    skip
#else
    waitq_pick(next, NOBODY) /* @handoff.c handoff_wake_next */
#endif
}

/* The waiter to be woken comes first. */
inline release(me)
{
    do
    DUTIES
    :: atomic { IDLE -> MUST(two_holders, holder == me); holder = NOBODY } -> break
    od
}

/* The part of a wait before the sleep. @cond.c condi_wait */
inline begin_wait()
{
    waitq_begin_wait(me);
#ifdef TIMED
    ADD(timed, me);
#endif
#if defined(TIMED) && !defined(ANYTIME)
    if
    :: ADD(due, me)
    :: DROP(due, me)
    fi
#endif
}

byte ended; /* those that have ended */

/* True when no thread can run. */
inline quiet_promises()
{
    MUST(stuck_at_lock, holder == NOBODY);
    MUST(stuck_notified, len(notified) == 0 && given == 0);
#if KINDS > 1
    MUST(lost_notification, (tickets[0] == 0 || (waiting & 85) == 0) && (tickets[1] == 0 || (waiting & 170) == 0));
#else
    MUST(lost_notification, tickets[0] == 0 || waiting == 0);
#endif
    MUST(overdue, (waiting & due) == 0);
#ifndef ROUNDS
    MUST(not_finished, finished == W)
#endif
}

inline when_inactive()
{
    if
    :: COUNT(parked) + ended == N -> quiet_promises()
    :: else
    fi
}

proctype waiter(byte me)
{
    byte next = NOBODY;
    bool wake_it;
    bool woken, satisfied;
    atomic { begun == me -> begun++ };
again:
    acquire(me);
    atomic {
        if
        :: tickets[KIND(me)] > 0 -> goto use
        :: else -> begin_wait()
        fi;
sleep:  skip
    }
    release(me); /* @cond.c condi_wait_once */
    park_sleep(me); /* @cond.c condi_wait_once */
    acquire(me); /* @cond.c condi_wait_once */
    atomic {
        woken = HAS(me, GO);
        if
        :: woken
        :: else -> waitq_leave(me) /* @cond.c condi_wait_once */
        fi;
#ifdef PRED
        satisfied = (tickets[KIND(me)] > 0); /* @cond.c condi_wait */
        if
        :: !satisfied && woken ->
            /* @cond.c condi_wait */
            woken = false;
            state[me] = 0; /* @cond.c condi_wait */
            d_step { waitq_put_back(me) };
            goto back
        :: !satisfied && !woken -> d_step { waitq_pass_on(me) } /* @cond.c condi_wait */
        :: satisfied
        fi;
        satisfied = false;
#else
        /* It returns 0 because it was chosen, and only then. @cond.c condi_wait */
        MUST(not_chosen, woken == IN(given, me));
#endif
        woken = false;
        DROP(given, me);
        DROP(waiting, me);
        DROP(due, me);
        d_step { forget_arrival(me) };
        state[me] = 0
    }
    /* A separate step, as all steps of wake_next(): a waiter may time out in between. */
    atomic {
        wake_next(); /* @cond.c condi_wait */
        if
        :: tickets[KIND(me)] > 0
        :: else -> begin_wait(); goto sleep
        fi;
use:
        tickets[KIND(me)]--
    }
    release(me);
#ifdef ROUNDS
    goto again;
#else
    atomic { finished++; ended++; WHEN_INACTIVE }
    goto done;
#endif
back:
    atomic { wake_next(); goto sleep } /* @cond.c condi_wait */
#ifndef ROUNDS
done:
    skip
#endif
}

proctype notifier(byte me)
{
    byte next = NOBODY;
    bool wake_it;
    byte left = NOTIFIES, n, kind;
    do
    :: left > 0 ->
        acquire(me);
        atomic {
            if
            :: n = 1
            :: n = 2
            :: n = ALL
            fi;
            left--;
#if KINDS > 1
            if
            :: kind = 0
            :: kind = 1
            fi;
#endif
            tickets[kind] = tickets[kind] + (n == ALL -> 1 : n);
            kind = 0;
            waitq_notify(n); /* @cond.c condi_notify_nonprivate */
            n = 0
        }
        atomic { wake_next() } /* @cond.c condi_notify_nonprivate */
        release(me)
    :: else -> break
    od;
    atomic { ended++; WHEN_INACTIVE }
}

#ifndef ANYTIME
/* When no thread can run. */
proctype quiet()
{
    timeout;
    quiet_promises()
}
#endif

init {
    atomic {
        byte i = 0;
        do
        :: i < W -> run waiter(i); i++
        :: else -> break
        od;
        run notifier(W);
#ifndef ANYTIME
        run quiet()
#endif
    }
}
