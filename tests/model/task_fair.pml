/* SPDX-License-Identifier: MIT */
/*
 * Fairness beside tasks: src/handoff.c. All run for ever:
 *
 *      task:      acquire; release
 *      expired:   a waiter that a notify has chosen, and that has timed out: it sleeps on the lock's word or is on its
 *                 way to it, with its node in the list. It gets the lock, leaves the list, and soon is there again.
 *      locker:    acquire; release
 *
 * TASKS tasks have the numbers from 0, then come EXPIREDS waiters, then LOCKERS lockers. Wake-ups are in turn
 * (IN_TURN).
 *
 * Checked for SUBJECT, as formulas with weak fairness:
 *
 *      a waiter or locker that acquires gets the lock, if it starves as soon as it has slept;
 *      the callback of a task that wants the lock runs.
 *
 * OVERTAKEN=K in place of the formula: once SUBJECT, a waiter or locker, counts as starving, others acquire the lock at
 * most K times before it.
 */
#define N (TASKS + EXPIREDS + LOCKERS)
#define W N
#define STARVES_SOON(me) (me == SUBJECT)
#if SUBJECT < TASKS
#define IS_SERVED(me)
#else
bool wanted; /* no memory of the library: SUBJECT acquires; OVERTAKEN: and is counted as starving */
#define MAY_STARVE(me) (me == SUBJECT || !wanted || (SLEEPS(SUBJECT) && (word & HELD))) /* as in lock.pml */
#ifdef OVERTAKEN
byte overtakes;
#define BEGINS_TO_STARVE(me) if :: me == SUBJECT -> wanted = true :: else fi;
#define IS_GRANTED(t) \
    if \
    :: wanted -> overtakes++; MUST(overtaken_too_often, overtakes <= OVERTAKEN) \
    :: else \
    fi;
#define IS_SERVED(me) \
    if \
    :: me == SUBJECT -> wanted = false; overtakes = 0 \
    :: else -> IS_GRANTED(me) \
    fi;
#else
#define IS_SERVED(me) if :: me == SUBJECT -> wanted = false :: else fi;
#endif
#endif
#include "taskq.inc"

#ifdef LIVE
#if SUBJECT < TASKS
#define WANTED IN(calls, SUBJECT)
ltl called_back { [] (WANTED -> <> !WANTED) }
#else
ltl served { [] (wanted -> <> !wanted) }
#endif
#endif

inline begins(me)
{
#if SUBJECT >= TASKS && !defined(OVERTAKEN)
    if
    :: me == SUBJECT -> wanted = true
    :: else
    fi
#else
    skip
#endif
}

proctype task(byte me)
{
    LOCALS;
again:
    if
    /* @task.c cond_task_acquire */
    :: atomic { !(word & (HELD | STARVING_ALL)) -> word = word | HELD; taken(me) }
    :: atomic { word & (HELD | STARVING_ALL) -> ADD(calls, me); state[me] = ACQUIRES };
       join(me);
end_called:
       atomic { IN(posted, me) -> DROP(posted, me); MUST(two_holders, holder == me); state[me] = CHOSEN }
    fi;
    release_with_tasks(me);
    goto again
}

#if EXPIREDS > 0
proctype expired(byte me)
{
    LOCALS;
again:
#ifdef M_EXPIRED_MAY_TAKE
    atomic { begins(me); was_chosen = true };
#else
    atomic { begins(me) };
#endif
    acquire(me, false);
    atomic { waitq_leave(me); notified!me }; /* (it waits, is notified, and expires again, at once) */
    release_with_tasks(me);
    goto again
}
#endif

#if LOCKERS > 0
proctype locker(byte me)
{
    LOCALS;
again:
    atomic { begins(me) };
    acquire(me, false);
    release_with_tasks(me);
    goto again
}
#endif

init {
    atomic {
        byte i = 0;
        do
        :: i < TASKS -> run task(i); i++
        :: else -> break
        od;
#if EXPIREDS > 0
        do
        :: i < TASKS + EXPIREDS -> state[i] = EXPIRED; notified!i; run expired(i); i++
        :: else -> break
        od;
#endif
#if LOCKERS > 0
        do
        :: i < N -> run locker(i); i++
        :: else -> break
        od
#endif
    }
}
