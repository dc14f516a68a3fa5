/* SPDX-License-Identifier: MIT */
/*
 * The private lock by itself: new arrivals, deadlines, sleeping threads, starving threads, waiters that are woken
 * beside them, and destruction: src/mutex.c, src/handoff.c, and cond_lock_destroy() in src/lock.c.
 *
 *      locker:   acquire, or time out; release       LOCKS times, or for ever (FOREVER)
 *      waiter:   acquire; wait; release              once; each locker notifies one, the last one all
 *                wait, again and again               FOREVER; with TURNS it notifies one before each wait
 *      last:     the thread that releases last destroys the lock and frees its memory (DESTROY), while others may still
 *                be in a release
 *
 * TOO_EARLY: a thread destroys the lock whenever it is free, although others will acquire it: each of them gets an
 * error, and none stays asleep.
 *
 * LOCKERS lockers have the numbers from 0, WAITERS waiters those after. MAY_TIME_OUT and STARVE are sets of threads
 * (bits): the deadlines of the first may pass at any time, the second may starve at any time (TUNING_STARVATION_NS).
 * Other threads sleep until they are woken, so that neither hides a lost wake-up.
 *
 * Checked: mutual exclusion; when no thread can run, all have finished, and none sleeps (no deadlock); no thread
 * touches the lock after its memory was freed.
 *
 * Checked with FOREVER, for thread SUBJECT (0), with wake-ups in turn (IN_TURN):
 *
 *      LIVE          with weak fairness: once it counts as starving, it gets the lock, or times out.
 *      LIVE SOON     the same from the beginning of acquire, if it starves as soon as it has slept; or from the notify that
 *                    chose it, if it is a waiter.
 *      OVERTAKEN=K   once it counts as starving, others acquire the lock at most K times before it.
 *      NO_CORE       SUBJECT is 1. Thread 0 does nothing more once it counts as starving, and thread 1 still gets the lock,
 *                    since it starves too.
 *
 * These checks are about threads that have a core. So while SUBJECT is awake no other thread begins to starve:
 * TUNING_STARVATION_NS is longer than a step takes. (LATE: another may begin even then, as in all models that are not
 * about fairness.)
 *
 * For two threads that is enough. For more, a thread that begins to starve must also count itself before the next
 * release: JOINED and NEVER_EARLY. Otherwise it may acquire the lock which was freed for SUBJECT, and do so again and
 * again, if it begins to starve just before that release each time. `rows` has that as the limit of the contract.
 */
#define N (LOCKERS + WAITERS)
#define W N /* each thread has one number */
#ifndef SUBJECT
#define SUBJECT 0
#endif

#if defined(LIVE) || defined(OVERTAKEN)
bool wanted; /* no memory of the library: SUBJECT counts as starving (SOON: acquires) and does not hold the lock yet */
#if defined(SOON) && SUBJECT >= LOCKERS
#define SUBJECT_IS_AWAKE (HAS(SUBJECT, GO) && IN(given, SUBJECT) && !IN(parked, SUBJECT) && !(SLEEPS(SUBJECT) && (word & HELD)))
#else
#define SUBJECT_IS_AWAKE (wanted && !(SLEEPS(SUBJECT) && (word & HELD)))
#endif
#ifdef NO_CORE
bool has_no_core; /* no memory of the library: thread 0 has no core */
#define BEGINS_TO_STARVE(me) if :: me == 0 -> has_no_core = true :: else fi;
#define IS_SERVED(me) if :: me == SUBJECT -> wanted = false :: else fi;
#define HAS_CORE(me) (me != 0 || !has_no_core)
#define MAY_STARVE(me) (me == SUBJECT || (me == 0 && !SUBJECT_IS_AWAKE))
#define STARVES_SOON(me) (me == SUBJECT)
#else
#ifndef LATE
#define MAY_STARVE(me) (me == SUBJECT || !SUBJECT_IS_AWAKE)
#endif
#ifdef OVERTAKEN
byte overtakes;
#define IS_SERVED(me) \
    if \
    :: me == SUBJECT -> wanted = false; overtakes = 0 \
    :: me != SUBJECT && wanted -> overtakes++; MUST(overtaken_too_often, overtakes <= OVERTAKEN) \
    :: else \
    fi;
#else
#define IS_SERVED(me) if :: me == SUBJECT -> wanted = false :: else fi;
#endif
#ifdef SOON
#define STARVES_SOON(me) (me == SUBJECT)
#else
#define BEGINS_TO_STARVE(me) if :: me == SUBJECT -> wanted = true :: else fi;
#endif
#endif
#endif
#define UNTIMED
#include "mutex.inc"

byte users = N;         /* under the lock: threads that will still use it. The last one destroys it. */
byte lockers = LOCKERS; /* under the lock: how many of them are lockers */
byte finished;

#ifdef LIVE
#if SUBJECT < LOCKERS || !defined(SOON)
ltl served { [] (wanted -> <> !wanted) }
#else
#ifdef LEAVES
#define CHOSEN_ONE (finished == 1 && IN(given, SUBJECT))
#else
#define CHOSEN_ONE IN(given, SUBJECT)
#endif
ltl served { [] (CHOSEN_ONE -> <> !CHOSEN_ONE) }
#endif
#endif

inline finish_release()
{
    do
    DUTIES
    :: IDLE -> break
    od
}

/* @lock.c cond_lock_destroy */
inline destroy(me)
{
    /* It is the last one, so it must succeed. @lock.c cond_lock_destroy */
    atomic { LOCK_IS_THERE MUST(stuck_at_lock, word == 0 && waiting == 0); word = HELD; taken(me) };
    atomic { LOCK_IS_THERE word = HELD | DESTROYED; holder = NOBODY; fresh = 0 }; /* @mutex.c mutex_close */
    atomic { gone = true }
}

proctype locker(byte me)
{
    LOCK_LOCALS;
    byte times = LOCKS;
    bool last;
again:
#if defined(SOON) || defined(NO_CORE)
    if
    :: me == SUBJECT -> wanted = true
    :: else
    fi;
#endif
#ifdef MAY_TIME_OUT
    acquire(me, IN(MAY_TIME_OUT, me));
#else
    acquire(me, false);
#endif
    if
    :: atomic { holder == me ->
#ifndef FOREVER
           times--;
#endif
           if
           :: times == 0 -> users--; lockers--; last = (users == 0)
           :: else
           fi;
           if
           :: waiting != 0 && lockers > 0 -> waitq_notify(1)
           :: waiting != 0 && lockers == 0 -> waitq_notify(ALL)
           :: waiting == 0
           fi;
           release_pick(me) };
       release_free()
    :: atomic { holder != me ->
#if defined(LIVE) || defined(OVERTAKEN)
           if
           :: me == SUBJECT -> wanted = false
           :: else
           fi;
#endif
           if
           :: word & DESTROYED -> times = 0 /* acquire has returned an error */
#ifdef LEAVES
           :: else -> times = 0
#else
           :: else /* it has timed out: try again */
#endif
           fi }
    fi;
    if
    :: times > 0 -> goto again
    :: times == 0 -> finish_release()
    fi;
#if defined(DESTROY) && !defined(TOO_EARLY)
    if
    :: last -> destroy(me)
    :: !last
    fi;
#endif
    finished++
}

#if WAITERS > 0
inline end_wait(me)
{
    DROP(given, me);
    DROP(waiting, me);
    d_step { forget_arrival(me) };
    state[me] = 0
}

proctype waiter(byte me)
{
    LOCK_LOCALS;
#ifndef FOREVER
    bool last;
    acquire(me, false);
    atomic {
        if
        :: lockers > 0 -> waitq_begin_wait(me); release_pick(me)
        :: lockers == 0 -> goto leave
        fi
    };
    release_free();
    park_sleep(me);
    atomic { was_chosen = true };
    acquire(me, false);
    atomic {
        end_wait(me);
leave:  users--;
        last = (users == 0);
        release_pick(me)
    };
    release_free();
    finish_release();
#if defined(DESTROY) && !defined(TOO_EARLY)
    if
    :: last -> destroy(me)
    :: !last
    fi;
#endif
    finished++
#else
    acquire(me, false);
again:
    atomic {
#ifdef TURNS
        if
        :: waiting != 0 -> waitq_notify(1)
        :: waiting == 0
        fi;
#endif
        waitq_begin_wait(me);
        release_pick(me)
    };
    release_free();
    park_sleep(me);
    atomic { was_chosen = true };
    acquire(me, false);
    atomic { end_wait(me); goto again }
#endif
}
#endif

#ifdef TOO_EARLY
/* A thread destroys the lock once, when it is free, although others still want it. Its memory stays. */
proctype destroyer(byte me)
{
    byte closed;
    atomic { word == 0 -> word = HELD; holder = me };
    atomic { closed = word; word = HELD | DESTROYED }; /* @mutex.c mutex_close */
#ifndef M_CLOSE_NOT_COUNTED
    atomic { fresh = 0 };
#endif
    if
    :: atomic { closed & SLEEPERS -> asleep = 0 } /* @mutex.c mutex_close */
    :: atomic { !(closed & SLEEPERS) }
    fi
#ifdef STARVE
    ;
    if
    :: atomic { closed & STARVING_ALL -> wake_all_starving() } /* @mutex.c mutex_close */
    :: atomic { !(closed & STARVING_ALL) }
    fi
#endif
}
#endif

#if !defined(LIVE) && !defined(OVERTAKEN)
#ifdef M_NEVER
bool never_; /* the check for steps that no search takes must report this one */
#endif

proctype quiet()
{
    timeout;
#ifdef TOO_EARLY
    MUST(stuck_at_lock, NOBODY_SLEEPS);
#elif defined(DESTROY)
    MUST(stuck_at_lock, gone);
#else
    MUST(stuck_at_lock, holder == NOBODY && word == 0 && NOBODY_SLEEPS);
#endif
    MUST(stuck_notified, len(notified) == 0 && given == 0);
#ifdef M_NEVER
    if
    :: finished > N -> never_ = true
    :: else
    fi;
#endif
    MUST(not_finished, finished == N)
}
#endif

init {
    atomic {
        byte i = 0;
        do
        :: i < LOCKERS -> run locker(i); i++
        :: else -> break
        od;
#if WAITERS > 0
        do
        :: i < N -> run waiter(i); i++
        :: else -> break
        od;
#endif
#ifdef TOO_EARLY
        run destroyer(N);
#endif
#if !defined(LIVE) && !defined(OVERTAKEN)
        run quiet()
#endif
    }
}
