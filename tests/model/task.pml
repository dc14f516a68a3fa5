/* SPDX-License-Identifier: MIT */
/*
 * Tasks, with cancel: src/task.c and taskq.c over the private lock. A task that does not hold the lock joins those
 * that want it, requests a release, and the release hands it the lock. A wait or an acquire of a task may be
 * cancelled at any time.
 *
 *      task:      acquire; while (no ticket) wait; take one; release      once; it ends when it is cancelled
 *      waiter:    the same, a thread
 *      notifier:  acquire; make n tickets; notify(n) or notify_all; release        NOTIFIES times
 *      canceller: cancels any task, CANCELS times
 *
 * TASKS tasks have the numbers from 0, then come THREADS waiters, then the notifier. A callback only posts: its task
 * continues by itself at any later time.
 *
 * Checked: as in cond.pml; each request has exactly one callback; a cancelled wait holds the lock; a wait that was
 * cancelled although a notify had chosen it passes the notification on; and with DESTROY the last one destroys the
 * lock, and no call touches it afterwards, not even a request.
 *
 * What is left out, besides what waitq.inc and mutex.inc leave out:
 * - The loops of callbacks, and results that are known within the call (tests/unit/test_task.c).
 * - The links of the stack: a push finds it empty or not, and the drain takes all in order of arrival.
 * - Tasks of other processes; a lock destroyed too early (taskq_abandon()); starving threads (task_fair.pml).
 */
#define N (TASKS + THREADS + 1)
#define W (TASKS + THREADS)
byte tickets;
#include "taskq.inc"

byte begun, finished;
byte users = N;

/* The end of everybody: the last one destroys the lock. By the holder. */
inline leave_for_ever(me)
{
    atomic { users--; last = (users == 0) };
    release_with_tasks(me);
#ifdef DESTROY
    if
    :: atomic { last -> LOCK_IS_THERE MUST(stuck_at_lock, word == 0); gone = true }
    :: atomic { !last }
    fi;
#endif
    finished++
}

/* ---- Who uses it ---- */

proctype task(byte me)
{
    LOCALS;
    bool last, cancelled;
    /* @task.c task_begin_request */
    atomic { ADD(calls, me); state[me] = ACQUIRES };
    join(me); /* @task.c task_request */
end_called:
    atomic {
        IN(posted, me) ->
        DROP(posted, me);
        cancelled = HAS(me, EXPIRED);
        if
        :: HAS(me, ACQUIRES) && cancelled -> goto given_up
        :: !HAS(me, ACQUIRES) ->
            MUST(two_holders, holder == me); /* for a wait the lock is held, cancelled or not */
            MUST(not_exact, cancelled || IN(given, me));
            DROP(given, me);
            DROP(waiting, me);
            forget_arrival(me)
        :: else -> MUST(two_holders, holder == me)
        fi;
        state[me] = CHOSEN;
        if
        :: cancelled -> cancelled = false; goto out
        :: !cancelled && tickets > 0 -> tickets--; goto out
        :: else
        fi;
        /* @task.c task_request */
        waitq_begin_wait(me);
        ADD(calls, me)
    };
    release_with_tasks(me); /* @task.c task_request */
    goto end_called;
given_up:
    /* It has not got the lock; it comes back as a thread, so as to count itself out. */
    atomic { state[me] = CHOSEN };
    acquire(me, false);
out:
    leave_for_ever(me)
}

proctype waiter(byte me)
{
    LOCALS;
    bool last;
    acquire(me, false);
again:
    if
    :: atomic { tickets > 0 -> tickets-- }
    :: atomic { tickets == 0 -> waitq_begin_wait(me) };
        release_with_tasks(me);
        park_sleep(me);
        acquire(me, false);
        atomic {
            DROP(given, me);
            DROP(waiting, me);
            forget_arrival(me);
            state[me] = 0
        };
        goto again
    fi;
    leave_for_ever(me)
}

proctype notifier(byte me)
{
    LOCALS;
    bool last;
    byte left = NOTIFIES, n;
    do
    :: left > 0 ->
        acquire(me, false);
        atomic {
            if
            :: n = 1
            :: n = 2
            :: n = ALL
            fi;
            left--;
            tickets = tickets + (n == ALL -> 1 : n);
            waitq_notify(n); /* @task.c cond_task_notify */
            n = 0
        };
        if
        :: left > 0 -> release_with_tasks(me)
        :: left == 0 -> break
        fi
    od;
    leave_for_ever(me)
}

/* @task.c cond_task_cancel */
proctype canceller(byte me)
{
    LOCALS;
    byte left = CANCELS, who;
end_canceller:
    do
    :: atomic {
        left > 0 ->
        who = 0;
        do
        :: who < TASKS - 1 -> who++
        :: break
        od;
        left--;
#ifdef M_CANCEL_DOES_NOT_RACE
        if
        :: IN(calls, who) && !HAS(who, EXPIRED) -> state[who] = state[who] | EXPIRED
#else
        if
        :: !HAS(who, CHOSEN | EXPIRED) && IN(calls, who) -> state[who] = state[who] | EXPIRED
#endif
        :: else -> who = NOBODY
        fi;
        if
        :: who != NOBODY && HAS(who, ACQUIRES) -> who = NOBODY
        :: else
        fi
       };
       if
       :: atomic { who == NOBODY -> who = 0 }
       :: atomic { who != NOBODY }; join(who); atomic { who = 0 } /* @task.c cond_task_cancel */
       fi
    od
}

proctype quiet()
{
    timeout;
#ifndef DESTROY
    MUST(stuck_at_lock, holder == NOBODY && word == 0 && NOBODY_SLEEPS);
#else
    MUST(stuck_at_lock, gone || holder == NOBODY);
#endif
    MUST(stuck_notified, len(notified) == 0 && len(stack) == 0 && given == 0);
    MUST(lost_notification, tickets == 0 || waiting == 0);
    MUST(not_finished, finished == N || (tickets == 0 && finished + COUNT(waiting) == N))
}

init {
    atomic {
        byte i = 0;
        do
        :: i < TASKS -> run task(i); i++
        :: else -> break
        od;
        do
        :: i < W -> run waiter(i); i++
        :: else -> break
        od;
        run notifier(W);
        run canceller(W + 1);
        run quiet()
    }
}
