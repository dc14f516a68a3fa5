/* SPDX-License-Identifier: MIT */
/*
 * Waiting on a foreign lock: the chain. Its release is not seen, so a notify lets the first notified waiter go at once,
 * and each waiter the next one when it has the lock: lock_let_go() in src/lock.c, waiter_pick_blindly() in src/waiter.c,
 * and wait() in src/cond.c.
 *
 * The lock is anybody's: it is taken when it is free, by whoever comes first, and nothing else is known of it. The workload
 * and the promises are cond.pml's; `stuck_at_lock` is that the lock is held for ever. PRED: waits are wait_for, whose
 * predicate each waiter looks at itself.
 *
 * What is left out: what waiter.inc tells; and a lock that cannot be acquired again (tests/unit/test_cond.c).
 */
#define N (W + 1)
#define PREDICATE(i) true /* picked without a look */
#define BLINDLY
#ifndef KINDS
#define KINDS 1
#endif
#define KIND(i) ((i) % KINDS)
#define DUTIES GO_DUTY
#define GO_DUTY PARK_WAKE(next, wake_it) /* @lock.c lock_let_go | park_wake(next); */
#define IDLE (next == NOBODY)
#include "waiter.inc"

byte tickets[KINDS];
byte holder = NOBODY;
byte begun, finished;

inline acquire(me)
{
    atomic { holder == NOBODY -> holder = me }
}

/* By the holder; what it is to wake is woken in steps of their own, before it releases. */
inline let_next_go()
{
#ifdef M_CHAIN_BREAKS
    skip
#else
    waiter_pick(next, NOBODY) /* @lock.c lock_let_go | struct cond_waiter *next = waiter_pick_blindly(lock); */
#endif
}

/* Pay, and do `then`. */
inline release(me)
{
    do
    DUTIES
    :: atomic { IDLE -> MUST(two_holders, holder == me); holder = NOBODY } -> break
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
    MUST(stuck_at_lock, holder == NOBODY);
    MUST(stuck_notified, len(notified) == 0 && !in_flight && flying == 0 && given == 0);
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
    bool went, content;
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
    release(me); /* @cond.c wait_once | int error = lock_release_save(lock, &depth); */
    park_sleep(me); /* @cond.c wait_once | bool went = park_sleep(waiter, lock, deadline_ns); */
    acquire(me); /* @cond.c wait_once | error = lock_acquire_restore(lock, depth); */
    atomic {
        went = HAS(me, GO);
        if
        :: went && HAS(me, GO) -> waiter_landed(me) /* @cond.c wait_once | waiter_landed(lock); */
        :: else -> waiter_leave(me) /* @cond.c wait_once | waiter_leave(waiter, lock); */
        fi;
#ifdef PRED
        content = (tickets[KIND(me)] > 0); /* @cond.c wait | content = pred == NULL ? error == 0 : (error == 0 || error == ETIMEDOUT) && ask(lock, pred, arg); */
        if
        :: !content && went ->
            /* @cond.c wait | waiter_return(&waiter, lock); */
            went = false;
            state[me] = 0; /* @cond.c wait | a_store(&waiter.state, 0, relaxed); */
            d_step { put_back(me) };
            goto back
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
        state[me] = 0
    }
    /* A step of its own, as all that let_next_go() does: somebody may expire in between. */
    atomic {
        let_next_go(); /* @cond.c wait | lock_let_go(lock); */
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
    atomic { let_next_go(); goto sleep } /* @cond.c wait | lock_let_go(lock); */
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
            waiter_notify(n); /* @cond.c notify_other | error = notify_waiters(cond, lock, n, all); */
            n = 0
        }
        atomic { let_next_go() } /* @cond.c notify_other | lock_let_go(lock); */
        release(me)
    :: else -> break
    od;
    atomic { ended++; WHEN_INACTIVE }
}

#ifndef ANYTIME
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
#ifndef ANYTIME
        run quiet()
#endif
    }
}
