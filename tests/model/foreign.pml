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
 * LOST: one acquire in a wait fails, and from then on each acquire does. Each kind of waiter has a condition of its own.
 * A destroyer then destroys the conditions, as cond_destroy() does: it wakes the waiters that are still there. (So does
 * a notify or a wait.) Checked: each waiter leaves and stays neither queued nor counted; a destroyed condition is not
 * touched, nor the handle of the lock after the last waiter has left it.
 *
 * What is left out, besides what waitq.inc leaves out: how a thread sleeps in lock_lose() until the word is free.
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
#ifdef LOST
hidden byte cond_; /* that of a kind of waiter */
#define IN_COND(i) (KIND(i) == cond_)
#endif
#include "waitq.inc"

byte tickets[KINDS];
byte holder = NOBODY;
byte begun, finished;

#ifndef LOST
#define ACQUIRE(me, failed, may_break) atomic { holder == NOBODY -> holder = me }
#else
bool broken;    /* the foreign lock: no acquire succeeds any more */
bool lost;      /* LOCK_FOREIGN_LOST */
bool lost_held; /* LOCK_LOST_HELD */
byte active_waits;
byte counting;  /* conditions on which waitq_notify_lost() is counted */
byte gone;      /* destroyed conditions */
hidden byte cond_touched_after_destroy, not_left;

#define ACQUIRE(me, failed, may_break) \
    if \
    :: atomic { holder == NOBODY && !broken -> holder = me } \
    :: atomic { broken || (may_break && holder == NOBODY) -> broken = true } -> goto failed \
    fi
#define COUNTED(cond) (IN(counting, cond) || (queued & (KINDS == 1 -> 255 : (cond == 0 -> 85 : 170))) != 0)
#define TOUCH_COND(cond) MUST(cond_touched_after_destroy, !IN(gone, cond))
#define TOUCH_LOCK MUST(lock_touched_after_destroy, active_waits > 0 || lost_held)
#ifdef M_LOST_UNGUARDED
#define MAY_LOSE true
#else
#define MAY_LOSE (!lost_held)
#endif
#ifdef M_LOST_UNCOUNTED
#define COUNT_IN(cond) skip
#else
#define COUNT_IN(cond) ADD(counting, cond)
#endif

/* `moves`: the thread wakes the waiters of the condition. @cond.c condi_leave_lost */
inline lose(moves, cond)
{
    atomic { MAY_LOSE -> lost_held = true }; /* @lock.c lock_lose */
    atomic { lost = true }; /* @lock.c lock_lose */
    if
#ifndef M_LOST_WAKES_NOBODY
    :: atomic { moves -> TOUCH_COND(cond); COUNT_IN(cond) }; /* @waitq.c waitq_notify_lost */
        atomic { TOUCH_COND(cond); cond_ = cond; waitq_notify(ALL) }; /* @waitq.c waitq_notify_lost */
        atomic { TOUCH_COND(cond); DROP(counting, cond) } /* @waitq.c waitq_notify_lost */
    :: atomic { !(moves) }
#else
    :: atomic { true }
#endif
    fi
}

/* @cond.c condi_leave_lost: lock_wake_next() */
inline wake_all()
{
    do
    :: atomic { IDLE -> TOUCH_LOCK; waitq_pick(next, NOBODY); if :: next == NOBODY -> break :: else fi }
    PARK_WAKE(next, wake_it)
    od
}
#endif

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
#ifdef LOST
    active_waits++;
#endif
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

inline forget_wait()
{
    DROP(given, me);
    DROP(waiting, me);
    DROP(due, me);
    d_step { forget_arrival(me) };
    state[me] = 0
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
#ifdef LOST
    MUST(not_left, !broken || (waiting == 0 && queued == 0 && active_waits == 0))
#elif !defined(ROUNDS)
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
#ifdef LOST
    byte left;
#endif
    atomic { begun == me -> begun++ };
again:
    ACQUIRE(me, done, false);
    atomic {
        if
        :: tickets[KIND(me)] > 0 -> goto use
        :: else -> begin_wait()
        fi;
sleep:  skip
    }
    release(me); /* @cond.c condi_wait_once */
    park_sleep(me); /* @cond.c condi_wait_once */
    ACQUIRE(me, fails, true); /* @cond.c condi_wait_once */
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
#ifdef LOST
        active_waits--;
#endif
        forget_wait()
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
#ifdef LOST
fails: /* @foreign.c foreign_acquire_restore */
    lose(IN(queued, me), KIND(me));
#ifndef M_LOST_STAYS_QUEUED
    atomic { waitq_leave(me) }; /* @cond.c condi_leave_lost */
#endif
#ifndef M_LOST_LEAVES_FIRST
    wake_all();
#endif
    atomic { left = active_waits }; /* @cond.c condi_leave_lost: waitq_end_wait() */
    atomic { active_waits = left - 1; left = 0 };
    atomic { lost_held = false }; /* @lock.c lock_leave_lost */
#ifdef M_LOST_LEAVES_FIRST
    wake_all();
#endif
    atomic { forget_wait() };
#endif
#if !defined(ROUNDS) || defined(LOST)
done:
    skip
#endif
}

#ifdef LOST
/* @cond.c cond_destroy @cond.c condi_wake_if_lost */
proctype destroyer()
{
    byte next = NOBODY, cond = KINDS;
    bool wake_it;
end_destroyer:
    do
    :: atomic { broken && cond > 0 -> cond-- };
        if
        :: atomic { !COUNTED(cond) -> ADD(gone, cond) }
#ifndef M_LOST_UNNOTICED
        :: atomic { lost && COUNTED(cond) };
            lose(true, cond);
            wake_all();
            atomic { lost_held = false; ADD(gone, cond) }
#endif
        fi
    od
}
#endif

proctype notifier(byte me)
{
    byte next = NOBODY;
    bool wake_it;
    byte left = NOTIFIES, n, kind;
    do
    :: left > 0 ->
        ACQUIRE(me, over, false);
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
#ifdef LOST
            cond_ = kind;
#endif
            kind = 0;
            waitq_notify(n); /* @cond.c condi_notify_nonprivate */
            n = 0
        }
        atomic { wake_next() } /* @cond.c condi_notify_nonprivate */
        release(me)
    :: else -> break
    od;
over:
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
#ifdef LOST
        run destroyer();
#endif
#ifndef ANYTIME
        run quiet()
#endif
    }
}
