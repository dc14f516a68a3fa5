/* SPDX-License-Identifier: MIT */
/*
 * wait, notify(n), notify_all and timeouts on a private lock: src/cond.c over src/mutex.c, handoff.c, waitq.c and
 * park.h.
 *
 * W waiters share tickets. A notifier makes some, NOTIFIES times, and notifies as many waiters, or all:
 *
 *      waiter:     acquire; while (no ticket) wait; take one; release      once, or again and again (ROUNDS)
 *      notifier:   acquire; make n tickets; notify(n) or notify_all; release
 *
 * n is 1, 2 or all (ONES: 1). With TIMED every wait has a deadline, which passes at any time or never. With PRED
 * waits are wait_for: releases evaluate the predicate that there is a ticket. KINDS=2: waiters with even and odd
 * numbers want different kinds of tickets, so that a notify may choose a waiter that cannot use what there is.
 *
 * Checked by assertions: mutual exclusion; each notify chooses exactly min(n, waiters that can be woken); a wait
 * returns 0 if and only if a notify chose it; a waiter is not touched after it was woken. And when no thread can run
 * (`quiet`): no thread sleeps for the lock, no chosen waiter sleeps, no thread waits while there is a ticket, and no
 * deadline has passed. So there is no deadlock, and no notification was lost.
 *
 * LIVE checks in place of the latter, as a formula with weak fairness: a woken waiter returns.
 *
 * What is left out, besides what waitq.inc and mutex.inc leave out:
 * - Barging is never forbidden (no thread starves); lock.pml has that.
 * - Waiters are interchangeable, so the first one to act is called 0, the next one 1.
 */
#define N (W + 1)
#ifndef KINDS
#define KINDS 1
#endif
#define KIND(i) ((i) % KINDS)
#define PREDICATE(i) (tickets[KIND(i)] > 0)
#define HOLDER_PRED(i) (i < W -> KIND(i) : NOBODY) /* @waitq.c waitq_note_holder_pred */
byte tickets[KINDS];
#include "mutex.inc"

byte begun;    /* how many waiters have begun */
byte finished; /* and have taken a ticket and finished */

#ifdef LIVE
/* Waiter 0 was woken and does not hold the lock yet. */
#define WOKEN (HAS(0, GO) && IN(waiting, 0))
ltl returns { [] (WOKEN -> <> !WOKEN) }
#endif

/* What is still owed after the last release. */
inline finish_release()
{
    do
    DUTIES
    :: IDLE -> break
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
    MUST(stuck_at_lock, holder == NOBODY && word == 0 && NOBODY_SLEEPS);
    MUST(stuck_notified, len(notified) == 0 && given == 0);
#if KINDS > 1
    MUST(lost_notification, (tickets[0] == 0 || (waiting & 85) == 0) && (tickets[1] == 0 || (waiting & 170) == 0));
#else
    MUST(lost_notification, tickets[0] == 0 || waiting == 0);
#endif
    MUST(overdue, (waiting & due) == 0);
#if !defined(ROUNDS) && KINDS == 1
    MUST(not_finished, finished == W)
#endif
}

inline when_inactive()
{
    if
    :: COUNT(parked) + COUNT(asleep) + ended == N -> quiet_promises()
    :: else
    fi
}

proctype waiter(byte me)
{
    LOCK_LOCALS;
    bool woken, satisfied;
    atomic { begun == me -> begun++ };
again:
    acquire(me, false);
    atomic {
        if
        :: tickets[KIND(me)] > 0 -> goto use
        :: else -> begin_wait()
        fi;
sleep:  /* @cond.c condi_wait_once */
        release_pick(me)
    }
    release_free();
    park_sleep(me); /* @cond.c condi_wait_once */
    acquire(me, false); /* @cond.c condi_wait_once */
    atomic {
        woken = HAS(me, GO);
        if
        :: woken
        :: else -> waitq_leave(me) /* @cond.c condi_wait_once */
        fi;
#ifdef PRED
        satisfied = PREDICATE(me); /* @cond.c condi_wait */
        if
        :: !satisfied && woken ->
            /* @cond.c condi_wait */
            woken = false;
            state[me] = 0; /* @cond.c condi_wait */
            d_step { waitq_put_back(me) };
            goto sleep
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
        state[me] = 0;
        if
        :: tickets[KIND(me)] > 0
        :: else -> begin_wait(); goto sleep
        fi;
use:
        tickets[KIND(me)]--;
        release_pick(me)
    }
    release_free();
#ifdef ROUNDS
    goto again
#else
    finish_release();
    atomic { finished++; ended++; WHEN_INACTIVE }
#endif
}

proctype notifier(byte me)
{
    LOCK_LOCALS;
    byte left = NOTIFIES, n, kind;
    do
    :: left > 0 ->
        acquire(me, false);
        atomic {
            if
            :: n = 1
#ifndef ONES
            :: n = 2
            :: n = ALL
#endif
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
            waitq_notify(n); /* @cond.c condi_notify_waiters */
            n = 0
        };
        /* in between a chosen waiter may time out */
        atomic { release_pick(me) };
        release_free()
    :: else -> break
    od;
    finish_release();
    atomic { ended++; WHEN_INACTIVE }
}

#if !defined(LIVE) && !defined(ANYTIME)
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
#if !defined(LIVE) && !defined(ANYTIME)
        run quiet()
#endif
    }
}
