/* SPDX-License-Identifier: MIT */
/*
 * wait, notify(n), notify_all and timeouts on a private lock: src/cond.c over src/mutex.c, waiter.c and park.h.
 *
 * W waiters share tickets; a notifier makes some, NOTIFIES times, and notifies as many as it has made, or everybody:
 *
 *      waiter:     acquire; while (no ticket) wait; take one; release      once, or again and again (ROUNDS)
 *      notifier:   acquire; make n tickets; notify(n) or notify_all; release
 *
 * n is 1, 2 or all (ONES: 1). With TIMED every wait has a deadline, which passes at any time or never. With PRED waits are wait_for: the predicate is
 * that there is a ticket, and it is looked at by releases. KINDS=2: waiters with even numbers want tickets of one kind,
 * those with odd numbers of another, so that a notify may meet one that can't use what there is.
 *
 * Promises, as assertions: mutual exclusion; each notify chooses exactly min(n, those who can be woken); a wait returns 0
 * if and only if a notify chose it; at most one woken waiter is in flight; a waiter is not touched after it was let go.
 * And when nothing moves any more (`quiet`): nobody sleeps at the lock, nobody who was chosen sleeps, nobody waits while
 * there is a ticket, nobody is over his deadline. That is: no deadlock, and no notification was lost.
 *
 * LIVE: instead of the latter, as a formula, with weak fairness: who was let go returns.
 *
 * What is left out beside that of waiter.inc and mutex.inc:
 * - Overtaking is never forbidden (FIFO); lock.pml has that.
 * - Waiters are all alike, so the first one to do something is called 0, the next one 1.
 */
#define N (W + 1)
#ifndef KINDS
#define KINDS 1
#endif
#define KIND(i) ((i) % KINDS)
#define PREDICATE(i) (tickets[KIND(i)] > 0)
#define LIKE(i) (i < W -> KIND(i) : NOBODY) /* @waiter.c waiter_asked | lock->u_.local.as.mine.asked = question(pred, arg); */
byte tickets[KINDS];
#include "mutex.inc"

byte begun;    /* how many waiters have begun */
byte finished; /* and have had a ticket, and are done */

#ifdef LIVE
/* Waiter 0 was let go, and does not have the lock yet. */
#define LET_GO (HAS(0, GO) && IN(waiting, 0))
ltl returns { [] (LET_GO -> <> !LET_GO) }
#endif

/* What is still owed after the last release. */
inline pay()
{
    do
    DUTIES
    :: IDLE -> break
    od
}

/* The part of a wait that is done before sleeping. @cond.c wait | waiter_arrive(&waiter, lock); */
inline begin_wait()
{
    waiter_arrive(me);
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

byte ended; /* who has ended */

/* What is so when nothing moves. */
inline quiet_promises()
{
    MUST(stuck_at_lock, holder == NOBODY && word == 0 && NOBODY_SLEEPS);
    MUST(stuck_notified, len(notified) == 0 && !in_flight && flying == 0 && given == 0);
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
    bool went, content;
    atomic { begun == me -> begun++ };
again:
    acquire(me, false, false);
    atomic {
        if
        :: tickets[KIND(me)] > 0 -> goto use
        :: else -> begin_wait()
        fi;
sleep:  /* @cond.c wait_once | int error = lock_release_save(lock, &depth); */
        release_pick(me)
    }
    atomic { release_free() }
    park_sleep(me); /* @cond.c wait_once | bool went = park_sleep(waiter, lock, deadline_ns); */
    acquire(me, false, false); /* @cond.c wait_once | error = lock_acquire_restore(lock, depth); */
    atomic {
        went = HAS(me, GO);
        if
        :: went && HAS(me, GO) -> waiter_landed(me) /* @cond.c wait_once | waiter_landed(lock); */
        :: else -> waiter_leave(me) /* @cond.c wait_once | waiter_leave(waiter, lock); */
        fi;
#ifdef PRED
        content = PREDICATE(me); /* @cond.c wait | content = pred == NULL ? error == 0 : (error == 0 || error == ETIMEDOUT) && ask(lock, pred, arg); */
        if
        :: !content && went ->
            /* @cond.c wait | waiter_return(&waiter, lock); */
            went = false;
            state[me] = 0; /* @cond.c wait | a_store(&waiter.state, 0, relaxed); */
            d_step { put_back(me) };
            goto sleep
        :: !content && !went -> d_step { waiter_pass_on(me) } /* @cond.c wait | if (!content) waiter_pass_on(&waiter, lock); */
        :: content
        fi;
        content = false;
#else
        /* It returns 0 because it was chosen, and only then. @cond.c wait | if (!content) */
        MUST(not_chosen, went == IN(given, me));
#endif
        went = false;
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
    atomic { release_free() }
#ifdef ROUNDS
    goto again
#else
    pay();
    atomic { finished++; ended++; WHEN_INACTIVE }
#endif
}

proctype notifier(byte me)
{
    LOCK_LOCALS;
    byte left = NOTIFIES, n, kind;
    do
    :: left > 0 ->
        acquire(me, false, false);
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
            waiter_notify(n); /* @cond.c notify_waiters | waiter_notify(cond, lock, n); */
            n = 0
        };
        /* (In between a chosen one may expire.) */
        atomic { release_pick(me) };
        atomic { release_free() }
    :: else -> break
    od;
    pay();
    atomic { ended++; WHEN_INACTIVE }
}

#if !defined(LIVE) && !defined(ANYTIME)
/* When nothing moves. */
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
