/* SPDX-License-Identifier: MIT */
/*
 * The private lock by itself: who acquires it as a newcomer, with a deadline or without, who sleeps on its word, forbidden
 * overtaking, waiters that are let go beside them, and its end: src/mutex.c, and cond_lock_destroy() in src/lock.c.
 *
 *      locker:   acquire, or give up; release        LOCKS times, or for ever (FOREVER)
 *      waiter:   acquire; wait; release              once; each locker notifies one, the last one all
 *      last:     who releases last destroys the lock and gives its memory back (DESTROY), while others are
 *                still on their way out of a release
 *
 * TOO_EARLY: somebody destroys it whenever it is free, though others come: each of them is told, and nobody sleeps on.
 *
 * LOCKERS lockers have the numbers from 0, WAITERS waiters those after. MAY_GIVE_UP: they have deadlines, passed at any time or
 * never. PATIENCE: patience ends at any time or never.
 *
 * Promises: mutual exclusion; when nothing moves any more, everybody is done, and nobody sleeps (no deadlock); nothing of
 * the lock is touched when it is gone. And for FOREVER, as a formula: who is out of patience gets the lock, though others
 * come again and again (weak fairness, and wake-ups in turn: IN_TURN). That holds for two threads. For more it holds only if
 * port_wait() does not return early again and again, JOINED and NEVER_EARLY: whoever has been in port_wait() counts as one
 * that has slept, and may overtake, even if it returned at once since the word had changed. Two threads that time and again
 * are in each other's way at that very point can so keep out a third. `rows` has that, as the limit of what is promised.
 */
#define N (LOCKERS + WAITERS)
#define W N /* so that each has one number only */
#ifdef LIVE
#define FORBIDS_OVERTAKING(me) wanted = (wanted || me == 0);
bool wanted; /* nobody's memory: thread 0 has forbidden overtaking, and has not got the lock yet */
#endif
#define UNTIMED
#include "mutex.inc"

byte users = N;         /* under the lock: who has still to come. The last one destroys it. */
byte lockers = LOCKERS; /* under the lock: and how many lockers of them */
byte finished;

#ifdef LIVE
ltl served { [] (wanted -> <> !wanted) }
#endif

inline pay()
{
    do
    DUTIES
    :: IDLE -> break
    od
}

/* @lock.c cond_lock_destroy | a_store_8(&lock->kind_, LOCK_DESTROYED); */
inline destroy(me)
{
    /* It is the last one, so it must succeed. @lock.c cond_lock_destroy | if (a_load(waits, acquire) != 0 || (is_private && !mutex_try(lock))) */
    atomic { LOCK_IS_THERE MUST(stuck_at_lock, word == 0 && waiting == 0); word = HELD; taken(me) };
    atomic { LOCK_IS_THERE word = HELD | DEAD; holder = NOBODY }; /* @mutex.c mutex_kill | uint32_t old = a_exchange(word, MUTEX_HELD | MUTEX_DEAD, acquire); */
    atomic { gone = true }
}

proctype locker(byte me)
{
    LOCK_LOCALS;
    byte times = LOCKS;
    bool last;
again:
    acquire(me, true, true);
    if
    :: atomic { holder == me ->
#ifdef LIVE
           if
           :: me == 0 -> wanted = false
           :: else
           fi;
#endif
#ifndef FOREVER
           times--;
#endif
           if
           :: times == 0 -> users--; lockers--; last = (users == 0)
           :: else
           fi;
           if
           :: waiting != 0 && lockers > 0 -> waiter_notify(1)
           :: waiting != 0 && lockers == 0 -> waiter_notify(ALL)
           :: waiting == 0
           fi;
           release_pick(me) };
       atomic { release_free() }
    :: atomic { holder != me ->
           if
           :: word & DEAD -> times = 0 /* it was told so */
           :: else /* it has given up: another time */
           fi }
    fi;
    if
    :: times > 0 -> goto again
    :: times == 0 -> pay()
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
proctype waiter(byte me)
{
    LOCK_LOCALS;
    bool last;
    acquire(me, false, false);
    atomic {
        if
        :: lockers > 0 -> waiter_arrive(me); release_pick(me)
        :: lockers == 0 -> goto leave
        fi
    };
    atomic { release_free() };
    park_sleep(me);
    atomic { veteran = true };
    acquire(me, false, true);
    atomic {
        waiter_landed(me);
        DROP(given, me);
        DROP(waiting, me);
        d_step { forget_arrival(me) };
        state[me] = 0;
leave:  users--;
        last = (users == 0);
        release_pick(me)
    };
    atomic { release_free() };
    pay();
#if defined(DESTROY) && !defined(TOO_EARLY)
    if
    :: last -> destroy(me)
    :: !last
    fi;
#endif
    finished++
}
#endif

#ifdef TOO_EARLY
/* Somebody destroys the lock whenever it is free, though others still want it; its memory stays. Once. */
proctype destroyer(byte me)
{
    atomic { word == 0 -> word = HELD; holder = me };
    atomic {
        /* @mutex.c mutex_kill | port_wake(word, UINT32_MAX); */
        if
        :: word & SLEEPERS -> word = HELD | DEAD; wake_all_on_word()
        :: else -> word = HELD | DEAD
        fi
    }
}
#endif

#ifndef LIVE
#ifdef M_NEVER
bool never_; /* what tells the steps that no search has taken must see this one */
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
    MUST(stuck_notified, len(notified) == 0 && !in_flight && flying == 0 && given == 0);
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
#ifndef LIVE
        run quiet()
#endif
    }
}
