/* SPDX-License-Identifier: MIT */
/*
 * await and close on a private lock: src/cond.c over src/mutex.c, handoff.c, waitq.c and park.h.
 *
 *      awaiter:    acquire; await a ticket; take it; release              AWAITERS of them, the first numbers
 *      plain:      acquire; wait; release                                             PLAIN of them
 *      maker:      acquire; make a ticket; notify(1), if there is a plain one; release    MAKES times
 *                  acquire; close; release                                            with CLOSE, at the end
 *      locker:     acquire; release                                                   LOCKERS of them, LOCKS times
 *
 * No thread notifies an awaiter: each release evaluates its predicate. With TIMED awaiters have a deadline, which
 * passes at any time or never. STARVE: as in lock.pml.
 *
 * Checked: mutual exclusion; a waiter is not touched after it was woken; a notify chooses exactly as many waiters as
 * it should, and no awaiter. And when no thread can run (`quiet`): no thread sleeps for the lock, no awaiter sleeps
 * while there is a ticket, no chosen waiter sleeps, no deadline has passed, and no thread waits on a closed
 * condition.
 *
 * LIVE, with weak fairness and wake-ups in turn (IN_TURN): a locker makes the ticket, and no thread takes it. The
 * awaiters from TRUE_ONES on await something else. The plain waiters and the lockers run for ever, and the lockers
 * notify the plain waiters. An awaiter whose predicate stays true returns. (While it is awake no other thread begins
 * to starve, as in lock.pml.)
 */
#ifndef PLAIN
#define PLAIN 0
#endif
#ifndef LOCKERS
#define LOCKERS 0
#endif
#ifndef MAKES
#define MAKES 1
#endif
#ifndef TRUE_ONES
#define TRUE_ONES AWAITERS
#endif
#define W (AWAITERS + PLAIN)
#define MAKER W
#ifdef LIVE
#define MAKERS 0 /* a locker makes the ticket */
#else
#define MAKERS 1
#endif
#define N (W + MAKERS + LOCKERS)
#define PRED
#define AWAIT
#define AWAITS(i) ((i) < AWAITERS)
#define ENDED(i) IN(ended, i)
#define KIND(i) ((i) < AWAITERS -> 0 : 1)
#define NONE_PUT_BACK /* the plain ones have no predicate, and the awaiters stay in the list */
#define PREDICATE(i) ((i) >= AWAITERS || ((i) < TRUE_ONES && tickets > 0))
#define HOLDER_PRED(i) (AWAITS(i) -> 0 : NOBODY) /* @waitq.c waitq_note_holder_pred */
byte tickets;
bool closed; /* @waitq.c waitq_close */
byte ended;  /* cond_waiter.cancelled */

#ifdef LIVE
#define STARVES_SOON(me) (me == 0)
#define SUBJECT_IS_AWAKE (HAS(0, GO) && IN(waiting, 0) && !IN(parked, 0) && !(SLEEPS(0) && (word & HELD)))
#define MAY_STARVE(me) (me == 0 || !SUBJECT_IS_AWAKE)
#endif
#include "mutex.inc"

byte finished;

#ifdef LIVE
ltl returns { ! (<> [] (IN(waiting, 0) && tickets > 0)) }
#endif

inline finish_release()
{
    do
    DUTIES
    :: IDLE -> break
    od
}

/* An awaiter joins the lock's list. @waitq.c waitq_await */
inline await_begin(me)
{
    MUST(gone_waiter, !IN(queued, me) && !(notified??[eval(me)]));
    state[me] = 0;
    order!me;
    notified!me;
    ADD(waiting, me);
#ifdef TIMED
    ADD(timed, me);
    if
    :: ADD(due, me)
    :: DROP(due, me)
    fi
#endif
}

/* After the awaiters that arrived earlier. @waitq.c waitq_await_again */
inline await_again(me)
{
#ifdef M_NOT_AWAITED_AGAIN
    skip
#else
    d_step {
        seen_ = 0; after_ = 0; i_ = len(order);
        do
        :: i_ > 0 ->
            i_--;
            order?x_;
            after_ = (x_ == me -> 1 : after_);
            seen_ = (after_ -> seen_ : seen_ | BIT(x_));
            order!x_
        :: else -> break
        od;
        left_ = 0; i_ = 0; k_ = len(notified);
        do
        :: i_ < k_ ->
            notified?x_;
            i_++;
            left_ = (AWAITS(x_) && IN(seen_, x_) -> i_ : left_);
            notified!x_
        :: else -> break
        od;
        i_ = 0;
        do
        :: i_ <= k_ ->
            if
            :: i_ == left_ -> notified!me
            :: else
            fi;
            if
            :: i_ < k_ -> notified?x_; notified!x_
            :: else
            fi;
            i_++
        :: else -> break
        od;
        seen_ = 0; after_ = 0; left_ = 0; i_ = 0; k_ = 0; x_ = 0
    }
#endif
}

/* @waitq.c waitq_close @waitq.c waitq_cancel */
inline close()
{
    d_step {
        closed = true;
        i_ = 0;
        do
        :: i_ < AWAITERS ->
#ifndef M_CLOSE_SKIPS_LIST
            ended = (notified??[eval(i_)] -> ended | BIT(i_) : ended); /* @waitq.c waitq_cancel */
#endif
            i_++
        :: else -> break
        od;
        i_ = len(order);
        do
        :: i_ > 0 ->
            i_--;
            order?x_;
            order!x_;
            if
#ifndef M_CLOSE_SKIPS_QUEUE
            :: IN(queued, x_) -> waitq_choose(false); ADD(ended, x_) /* @waitq.c waitq_cancel */
#endif
            :: else
            fi
        :: else -> break
        od;
        x_ = 0; i_ = 0; moved_ = 0
    }
}

#ifndef LIVE
/* True when no thread can run. */
proctype quiet()
{
    timeout;
    MUST(stuck_at_lock, holder == NOBODY && word == 0 && NOBODY_SLEEPS);
    MUST(stuck_notified, given == 0);
    MUST(lost_notification, tickets == 0 || (waiting & (BIT(TRUE_ONES) - 1)) == 0);
    MUST(overdue, (waiting & due) == 0);
    MUST(not_finished, !closed || (waiting == 0 && finished == N))
}
#endif

proctype awaiter(byte me)
{
    LOCK_LOCALS;
    bool woken;
    acquire(me, false);
    atomic {
        if
        :: !PREDICATE(me) && !closed -> await_begin(me)
        :: else -> goto use
        fi;
sleep:  /* @cond.c condi_wait_once */
        release_pick(me)
    };
    release_free();
    park_sleep(me);
    atomic { was_chosen = HAS(me, GO) };
    acquire(me, false);
    atomic {
        woken = HAS(me, GO);
        if
        :: woken
        :: else -> waitq_leave(me) /* @cond.c condi_wait_once */
        fi;
        if
        :: woken && !PREDICATE(me) && !ENDED(me) && !closed -> /* @cond.c condi_wait */
            woken = false;
            state[me] = 0;
            await_again(me); /* @waitq.c waitq_requeue */
            goto sleep
        :: else
        fi;
        woken = false;
        DROP(waiting, me);
        DROP(ended, me);
        DROP(due, me);
        d_step { forget_arrival(me) };
        state[me] = 0;
use:
#ifndef LIVE
        tickets = (tickets > 0 -> tickets - 1 : 0);
#endif
        release_pick(me)
    };
    release_free();
    finish_release();
    finished++
}

#if PLAIN > 0
proctype plain(byte me)
{
    LOCK_LOCALS;
    acquire(me, false);
again:
    atomic {
        if
        :: !closed -> waitq_begin_wait(me)
        :: else -> goto leave
        fi;
        release_pick(me)
    };
    release_free();
    park_sleep(me);
    atomic { was_chosen = true };
    acquire(me, false);
    atomic {
        DROP(given, me);
        DROP(waiting, me);
        DROP(ended, me);
        d_step { forget_arrival(me) };
        state[me] = 0;
#ifdef LIVE
        goto again;
#endif
leave:  release_pick(me)
    };
    release_free();
    finish_release();
    finished++
}
#endif

#ifndef LIVE
proctype maker()
{
    LOCK_LOCALS;
    byte left = MAKES;
    do
    :: left > 0 ->
        acquire(MAKER, false);
        atomic {
            left--;
            tickets++;
#if PLAIN > 0
            waitq_notify(1);
#endif
            release_pick(MAKER)
        };
        release_free()
    :: else -> break
    od;
#ifdef CLOSE
    acquire(MAKER, false);
    atomic { close(); release_pick(MAKER) };
    release_free();
#endif
    finish_release();
    finished++
}

#endif

#if LOCKERS > 0
proctype locker(byte me)
{
    LOCK_LOCALS;
#ifdef LIVE
again:
    acquire(me, false);
    atomic {
        if
        :: tickets = 1
        :: true
        fi;
#if PLAIN > 0
        if
        :: queued != 0 -> waitq_notify(1)
        :: queued == 0
        fi;
#endif
        release_pick(me)
    };
    release_free();
    goto again
#else
    byte times = LOCKS;
    do
    :: times > 0 ->
        acquire(me, false);
        atomic { times--; release_pick(me) };
        release_free()
    :: else -> break
    od;
    finish_release();
    finished++
#endif
}
#endif

init {
    atomic {
        byte i = 0;
        do
        :: i < AWAITERS -> run awaiter(i); i++
        :: else -> break
        od;
#if PLAIN > 0
        do
        :: i < W -> run plain(i); i++
        :: else -> break
        od;
#endif
#ifndef LIVE
        run maker();
#endif
#if LOCKERS > 0
        i = W + MAKERS;
        do
        :: i < N -> run locker(i); i++
        :: else -> break
        od;
#endif
#ifndef LIVE
        run quiet()
#endif
    }
}
