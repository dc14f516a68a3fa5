/* SPDX-License-Identifier: MIT */
/*
 * Tasks, with cancel: src/task.c over the private lock. Tasks join those that want the lock without having it, knock, and
 * are handed it by a release; a wait or an acquire of a task may be cancelled at any time.
 *
 *      task:      acquire; while (no ticket) wait; take one; release      once; gives up when it is cancelled
 *      waiter:    the same, a thread
 *      notifier:  acquire; make n tickets; notify(n) or notify_all; release        NOTIFIES times
 *      canceller: cancels any task, CANCELS times
 *
 * TASKS tasks have the numbers from 0, then come THREADS waiters, then the notifier. What a callback does is to post: its
 * task goes on by itself, whenever it likes.
 *
 * Promises: those of cond.pml; a task is called back once for each request; a cancelled wait has the lock; one that was
 * cancelled though a notify had chosen it hands that on (no lost notification); and with DESTROY, who is done last
 * destroys the lock, and nobody touches it after, a knock least of all.
 *
 * What is left out beside that of waiter.inc and mutex.inc:
 * - The loops of callbacks, and outcomes that are known within the call (tests/unit/test_task.c).
 * - The stack's links: who pushes finds it empty or not, the drain takes all, in the order in which they came.
 * - Tasks of other processes; a lock destroyed too early (task_abandon()); patience (lock.pml).
 */
#define N (TASKS + THREADS + 1)
#define W (TASKS + THREADS)
#define PRED
#define PRESENT_ONLY
#define KIND(i) NOBODY
#define PREDICATE(i) true /* waits have no predicates, but tasks are chosen late, as if they had */
#define ACQUIRES 16
#define IS_TASK(i) ((i) < TASKS)
byte tickets;
byte wants;   /* WAITER_WANTS_LOCK */
byte posted;  /* nobody's memory, or the program's: who was called back */
byte calls;   /* nobody's memory: whose request is under way */
chan stack = [W] of { byte }; /* lock->tasks */
#include "mutex.inc"

byte begun, finished;
byte users = N;

/* ---- The stack and the knock ---- */

/* @task.c join | while (!a_cas_ptr_weak(stack, &latest, (uintptr_t)task, release, relaxed)); */
inline join(t)
{
    atomic { LOCK_IS_THERE knock = (len(stack) == 0); stack!t };
#ifdef M_NOBODY_KNOCKS
    atomic { knock = false };
#endif
#ifdef M_EVERYBODY_KNOCKS
    atomic { knock = true };
#endif
    if
    :: atomic { !knock }
    /* @mutex.c mutex_knock | if (a_cas_weak(word, &old, knocked, release, relaxed)) */
    :: atomic { knock && (word & (HELD | FIFO)) -> LOCK_IS_THERE word = word | KNOCK; knock = false }
    /* @mutex.c mutex_knock | } else if (a_cas_weak(word, &old, knocked | MUTEX_HELD, acq_rel, relaxed)) { */
    :: atomic { knock && !(word & (HELD | FIFO)) -> LOCK_IS_THERE word = word | KNOCK | HELD; knock = false; taken(me) };
       release_with_tasks(me)
    fi
}

/* In the order in which they came. For use in an atomic. */
inline task_drain()
{
#ifndef M_NOT_DRAINED
    do
    :: nempty(stack) ->
        stack?y_;
        if
        :: !HAS(y_, ACQUIRES) -> /* a wait that was cancelled */
            waiter_leave(y_); /* @task.c task_drain | waiter_leave(waiter, lock); */
#ifndef M_CANCELLED_KEEPS
            waiter_pass_on(y_); /* @task.c task_drain | waiter_pass_on(waiter, lock); */
#endif
            DROP(given, y_)
        :: else
        fi;
        notified!y_; /* @waiter.c waiter_want_lock | append(&lock->u_.local.notified, waiter); */
        ADD(wants, y_)
    :: empty(stack) -> break
    od;
    y_ = 0
#endif
    skip
}

/* ---- The release ---- */

/* Who goes with it: waiter_pick(), and task_take() for a task. `next` is a thread to wake, `heir` a task that has the lock.
   @mutex.c pick | while (next != NULL && waiter_is_task(next) && !task_take(next, lock, calls)); */
inline pick_with_tasks()
{
    next = NOBODY;
    heir = NOBODY;
    do
    :: in_flight -> break
    :: !in_flight && nempty(notified) ->
        notified?y_;
        if
        :: IN(wants, y_) -> /* @waiter.c first_to_go | if (waiter_is_task(waiter) && waiter->where == WAITER_WANTS_LOCK) */
            DROP(wants, y_);
            if
            /* @task.c task_take | bool given_up = acquires && (state & WAITER_EXPIRED); */
#ifndef M_CANCELLED_GETS_IT
            :: HAS(y_, ACQUIRES) && HAS(y_, EXPIRED) -> state[y_] = state[y_] | CHOSEN; ADD(due_calls, y_)
            :: !(HAS(y_, ACQUIRES) && HAS(y_, EXPIRED)) -> heir = y_
#else
            :: heir = y_
#endif
            fi
        :: !IN(wants, y_) && IS_TASK(y_) && HAS(y_, EXPIRED) -> kept!y_
        :: !IN(wants, y_) && IS_TASK(y_) && !HAS(y_, EXPIRED) -> heir = y_
        :: !IS_TASK(y_) -> next = y_; let_go(next); break
        fi;
        if
        :: heir != NOBODY ->
            /* @task.c task_take | rlock_give(lock, owner_of(task), state / WAITER_DEPTH); */
            state[heir] = state[heir] | CHOSEN;
            ADD(due_calls, heir);
            break
        :: else
        fi
    :: !in_flight && empty(notified) -> break
    od;
    do
    :: nempty(notified) -> notified?y_; kept!y_
    :: empty(notified) -> break
    od;
    do
    :: nempty(kept) -> kept?y_; notified!y_
    :: empty(kept) -> break
    od;
    y_ = 0
}

/* The holder, from its last look at the word. */
inline release_with_tasks(me)
{
    do
    :: atomic {
        (word & KNOCK) || !picked ->
        LOCK_IS_THERE
        MUST(two_holders, holder == me);
        if
        :: word & KNOCK -> word = word & (255 - KNOCK); task_drain() /* @mutex.c mutex_release_contended | task_drain(lock); */
        :: else
        fi;
        if
        :: next == NOBODY -> pick_with_tasks()
        :: else
        fi;
        picked = true;
        if
        :: heir != NOBODY -> holder = heir; heir = NOBODY; picked = false; break /* handed over: the word stays HELD */
        :: else
        fi
       }
#ifdef M_FREED_BLINDLY
    :: atomic { picked -> word = word & (255 - KNOCK); release_free(); picked = false; break }
#else
    :: atomic { !(word & KNOCK) && picked -> release_free(); picked = false; break } /* @mutex.c mutex_release_contended | if (a_cas_weak(word, &old, freed, release, relaxed)) */
#endif
    od;
    pay();
    do
    /* @mutex.c mutex_release_contended | task_call(&calls); */
    :: atomic { IN(due_calls, 0) -> DROP(due_calls, 0); post(0) }
#if TASKS > 1
    :: atomic { IN(due_calls, 1) -> DROP(due_calls, 1); post(1) }
#endif
#if TASKS > 2
    :: atomic { IN(due_calls, 2) -> DROP(due_calls, 2); post(2) }
#endif
    :: atomic { due_calls == 0 } -> break
    od
}

inline post(t)
{
    MUST(not_chosen, IN(calls, t)); /* once for each request */
    DROP(calls, t);
    ADD(posted, t)
}

inline pay()
{
    do
    DUTIES
    :: atomic { IDLE } -> break
    od
}

#define LOCALS LOCK_LOCALS; bool knock, picked; byte heir = NOBODY; byte due_calls

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
    /* @task.c begin_request | a_store(&task->waiter_.state, depth * WAITER_DEPTH | acquires, release); */
    atomic { ADD(calls, me); state[me] = ACQUIRES };
    join(me); /* @task.c request | join(task, lock); */
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
        /* @task.c request | waiter_arrive(&task->waiter_, lock); */
        waiter_arrive(me);
        ADD(calls, me)
    };
    release_with_tasks(me); /* @task.c request | (void)rlock_release_save(lock, owner_of(task)); */
    goto end_called;
given_up:
    /* It has not got the lock; it comes back as a thread, so as to count itself out. */
    atomic { state[me] = CHOSEN };
    acquire(me, false, false);
out:
    leave_for_ever(me)
}

proctype waiter(byte me)
{
    LOCALS;
    bool last;
    acquire(me, false, false);
again:
    if
    :: atomic { tickets > 0 -> tickets-- }
    :: atomic { tickets == 0 -> waiter_arrive(me) };
        release_with_tasks(me);
        park_sleep(me);
        acquire(me, false, false);
        atomic {
            waiter_landed(me);
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
        acquire(me, false, false);
        atomic {
            if
            :: n = 1
            :: n = 2
            :: n = ALL
            fi;
            left--;
            tickets = tickets + (n == ALL -> 1 : n);
            waiter_notify(n); /* @task.c cond_task_notify | waiter_notify(cond, lock, n); */
            n = 0
        };
        if
        :: left > 0 -> release_with_tasks(me)
        :: left == 0 -> break
        fi
    od;
    leave_for_ever(me)
}

/* @task.c cond_task_cancel | } while (!a_cas_weak(&task->waiter_.state, &state, state | WAITER_EXPIRED, acquire, acquire)); */
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
       :: atomic { who != NOBODY }; join(who); atomic { who = 0 } /* @task.c cond_task_cancel | join(task, task->lock_); */
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
    MUST(stuck_notified, len(notified) == 0 && len(stack) == 0 && !in_flight && flying == 0 && given == 0);
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
