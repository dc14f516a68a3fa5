/* SPDX-License-Identifier: MIT */
/*
 * The shared condition, with processes that are killed at any step: src/shared.c, on a robust mutex (robust.pml).
 *
 * W waiters share tickets. A notifier makes some, NOTIFIES times, and notifies as many waiters or all, as in cond.pml.
 * KILLS processes are killed at any step. The kernel then frees the mutex of a dead holder, marks it, and removes the
 * dead process from its list of sleepers. A process that gets EOWNERDEAD calls recover and looks at the tickets again.
 * ONES, TWOS: the notifier notifies 1 each time, or 2. TIMED: so many times the deadline of a wait passes. PRED: waits
 * are wait_for. CLOSE: the notifier closes the condition instead of a notify, any time, and may notify afterwards.
 *
 * Checked when no process can run: none sleeps for the mutex; no live process waits while there is a ticket, whichever
 * was killed; no deadline has passed; and if there is no ticket, as many waits have returned as the notifies owe
 * (without PRED and KILLS: `owed`). Checked at any time: no wait returns 0 that began after the last notify, unless a
 * repair frees all waiters. So no notification is stolen. After a close no wait begins, no wait goes on after its
 * waiter has acquired the lock, a wait ends with ECANCELED only if others can use all earlier notifications, and a
 * notify wakes no waiter.
 *
 * KINDS=2 is as in cond.pml. TWO_CROWDS: two processes wait once, whatever tickets there are; then a notify; two more,
 * and another notify. This is the smallest case in which new arrivals can steal.
 *
 * What is left out, and why the result is the same:
 * - The heartbeat comes only when it would find something. Otherwise the sleeper would go back to sleep unchanged.
 *   Without KILLS it never comes, since then no waiter may depend on it.
 * - Tickets and recoveries do not wrap (shared_schedules.c has that). There is no lost or destroyed lock, no recursion,
 *   and no spinning.
 * - Data that only the holder reads is changed in one step with its neighbours: if the holder is killed, the next one
 *   frees all waiters, whatever the counts are. Data that others read (free_below, notified_below, grants, sequence) is
 *   changed in separate steps, before each of which the holder may be killed.
 * - The kernel wakes sleepers first in, first out, as the chain of wait_for needs.
 */
#define NOTIFIER W
#define N (W + 1)
#define NOBODY 255
#define ALL 255
#define BIT(i) (1 << (i))
#define IN(set, i) (((set) & BIT(i)) != 0)
#define ADD(set, i) set = set | BIT(i)
#define DROP(set, i) set = set & (255 - BIT(i))
#define COUNT(set) (((set) & 1) + (((set) >> 1) & 1) + (((set) >> 2) & 1) + (((set) >> 3) & 1))

#define MUST(not_broken, condition) not_broken = !(condition); assert(!not_broken)
hidden byte two_holders, stolen, stuck_at_lock, lost_notification, overdue, too_few, not_finished, waits_on_closed;

/* The robust mutex, and the lock's flags. */
byte mutex = NOBODY;
bool mutex_dead;   /* its holder died, and no later call has returned EOWNERDEAD */
bool owner_died;   /* LOCK_OWNER_DIED */
byte lock_recoveries;

/* cond->u_.shared */
byte arrivals, free_below, notified_below, grants, old_waiters, new_waiters, recoveries;
byte sequence;     /* its steps only */
bool sleepers;     /* SEQUENCE_SLEEPERS */
byte owed_wakes;   /* owed */
#define EVERYBODY 100

#ifdef CLOSE
bool closed;       /* CONDI_CLOSED_SHARED */
#define CLOSED closed
#else
#define CLOSED false
#endif
#ifdef M_CLOSED_UNCHECKED
#define CHECKS_CLOSED false
#else
#define CHECKS_CLOSED CLOSED /* with the lock held. @shared.c shared_wait */
#endif
#ifdef M_SLEEPS_ON_CLOSED
#define SLEEPER_SEES_CLOSED false
#else
#define SLEEPER_SEES_CLOSED CLOSED /* @shared.c shared_sleep */
#endif

chan asleep = [N] of { byte }; /* the kernel's: who sleeps on the sequence */
byte killed;
#ifndef KINDS
#define KINDS 1
#endif
#define KIND(i) ((i) % KINDS)
byte tickets[KINDS];

/* Nobody's memory. */
byte waiting, due;
byte pool;         /* who waits, and was there at the last notify, or is set free by a repair */
byte promised;     /* how many of them are to return */
byte old_pool, old_promised; /* the same of a notify before that, as long as it is owed something */
byte finished, begun;
#ifdef TIMED
byte expiries = TIMED; /* how many more waits may expire: each draws a ticket, and tickets do not wrap here */
#endif

#define FREE 2
#define GRANT 1
#define NOTHING 0
/* @shared.c shared_claim_of */
#define CLAIM (number < free_below -> FREE : (number < notified_below && grants > 0 -> GRANT : NOTHING))
/* What ends a sleep, for a sleeper that has read this sequence. @shared.c shared_sleep */
#define SEES_SOMETHING(read) (CLAIM == FREE || (CLAIM == GRANT && !(has_looked && looked == read)) || \
                              recoveries != lock_recoveries || SLEEPER_SEES_CLOSED)

#ifdef M_SLEEP_UNSAID
#define SAID false
#else
#define SAID true
#endif
#define ASLEEP(me) (asleep??[eval(me)])

/* ---- The lock ---- */

/* Held after it; `died` is EOWNERDEAD. Killed before it has noted that, it leaves the mutex as it was.
   @shared.c shared_enter */
inline enter(me)
{
    atomic { mutex == NOBODY -> mutex = me; died = mutex_dead };
    atomic {
        if
        :: died -> owner_died = true; mutex_dead = false /* @shared.c shared_enter */
        :: else
        fi;
        died = owner_died
    }
}

/* What is owed is paid when the lock is free. @shared.c shared_unlock */
inline unlock(me)
{
    atomic { MUST(two_holders, mutex == me); owed = owed_wakes; owed_wakes = 0 };
    atomic { mutex = NOBODY };
#ifdef M_DOES_NOT_PAY
    owed = 0;
#else
    atomic { wake_sleepers(owed); owed = 0 }; /* @shared.c shared_unlock */
#endif
    skip
}

/* The oldest n. */
inline wake_sleepers(n)
{
    do
    :: n > 0 && nempty(asleep) -> asleep?_; n--
    :: n == 0 || empty(asleep) -> break
    od
}

/* ---- The condition ---- */

/* @shared.c shared_wake */
inline owe(n)
{
    if
    :: sleepers -> owed_wakes = (owed_wakes + n > EVERYBODY -> EVERYBODY : owed_wakes + n)
    :: else
    fi
}

/* @shared.c shared_announce */
inline announce(n)
{
#ifndef M_NOT_ANNOUNCED
    atomic { sequence++; n_ = sleepers; if :: n == EVERYBODY -> sleepers = false :: else fi };
#endif
    atomic { if :: n_ -> owed_wakes = (owed_wakes + n > EVERYBODY -> EVERYBODY : owed_wakes + n) :: else fi; n_ = 0 } /* @shared.c shared_announce */
}

/* @shared.c shared_free_all */
inline set_all_free()
{
    atomic { free_below = arrivals };
    atomic { notified_below = arrivals };
    atomic { grants = 0; old_waiters = 0; new_waiters = 0 }
}

/* @shared.c shared_abandon */
inline abandon()
{
    atomic { pool = waiting };
#ifndef M_REPAIR_SETS_NOBODY_FREE
    set_all_free();
#endif
    announce(EVERYBODY)
}

/* @shared.c shared_repair */
inline repair()
{
    atomic { recoveries = lock_recoveries };
    abandon()
}

/* @shared.c shared_repair */
inline repair_if_needed()
{
    if
    :: atomic { recoveries != lock_recoveries }; repair() /* unreached in shared: recover repairs the only condition */
    :: atomic { recoveries == lock_recoveries }
    fi
}

/* By the user who was told EOWNERDEAD. @shared.c shared_lock_recover */
inline recover()
{
    if
    :: atomic { died -> died = false; owner_died = false; lock_recoveries++ }; repair()
    :: atomic { !died }
    fi
}

/* @shared.c shared_notify */
inline shared_notify(n)
{
    repair_if_needed();
    atomic {
#ifdef M_NOTIFIES_CLOSED
        waiting_ = old_waiters + new_waiters;
#else
        waiting_ = (CLOSED -> 0 : old_waiters + new_waiters); /* @shared.c shared_notify */
#endif
        woken = (n == ALL -> EVERYBODY : n);
        if
        :: waiting_ > 0 && !CLOSED ->
            if
            :: old_promised == 0 && promised > 0 -> old_pool = pool; old_promised = promised
            :: else
            fi;
            promised = (n > COUNT(waiting) - promised -> COUNT(waiting) : promised + n);
            pool = waiting
        :: else
        fi
    };
    if
    :: atomic { waiting_ > 0 };
        if
#ifdef M_NEWCOMERS_STEAL
        :: atomic { false }
#else
        /* @shared.c shared_notify */
        :: atomic { grants > 0 && new_waiters > 0 -> free_below = notified_below };
           atomic { grants = 0; old_waiters = 0; waiting_ = new_waiters; woken = EVERYBODY }
        :: atomic { !(grants > 0 && new_waiters > 0) }
#endif
#ifdef M_NEWCOMERS_STEAL
        :: atomic { true }
#endif
        fi;
        if
        /* @shared.c shared_notify */
        :: atomic { n >= waiting_ - grants -> woken = EVERYBODY }; set_all_free()
        /* @shared.c shared_notify */
        :: atomic { n < waiting_ - grants -> grants = grants + n };
           atomic { notified_below = arrivals; old_waiters = waiting_; new_waiters = 0 }
        fi;
        announce(woken)
    :: atomic { waiting_ == 0 }
    fi;
    atomic { waiting_ = 0; woken = 0 }
}

#ifdef CLOSE
/* @shared.c shared_close */
inline shared_close()
{
    repair_if_needed();
    atomic { closed = true };
#ifndef M_CLOSE_WAKES_NOBODY
    announce(EVERYBODY)
#endif
}
#endif

/* @shared.c shared_arrive */
inline arrive(me)
{
    number = arrivals;
    arrivals++;
    has_looked = false;
    new_waiters++
}

/* @shared.c shared_depart */
inline depart(claim)
{
    if
    :: claim != FREE ->
        if
        :: number < notified_below -> old_waiters--
        :: else -> new_waiters--
        fi;
        if
        :: claim == GRANT -> grants-- /* unreached in shared: who expires has none @shared.c shared_depart */
        :: claim != GRANT && grants > old_waiters -> grants = old_waiters /* unreached in shared: a satisfied waiter has one @shared.c shared_depart */
        :: else
        fi
    :: else
    fi
}

/* Without the lock. @shared.c shared_sleep */
inline sleep_until_granted(me)
{
end_sleep:
    do
    :: atomic { !ASLEEP(me) -> seen = sequence }; /* @shared.c shared_sleep */
        if
        :: atomic { SEES_SOMETHING(seen) -> seen = 0 } -> break
#ifdef TIMED
        :: atomic { IN(due, me) -> seen = 0 } -> break
#endif
        :: atomic { !SEES_SOMETHING(seen) };
#ifndef M_SLEEP_UNSAID
            atomic { if :: seen == sequence -> sleepers = true :: else -> goto again_asleep fi }; /* @shared.c shared_sleep */
#endif
            atomic { /* the kernel compares. @shared.c shared_sleep */
                if
                :: seen == sequence && (sleepers || !SAID) -> asleep!me
                :: else
                fi
            };
again_asleep:
            seen = 0
        fi
#ifdef TIMED
    :: atomic { ASLEEP(me) && IN(due, me) -> asleep??eval(me) }
#endif
#if KILLS > 0 && !defined(M_NO_HEARTBEAT)
    /* The heartbeat, if it finds something. @shared.c shared_sleep */
    :: atomic { ASLEEP(me) && SEES_SOMETHING(sequence) -> asleep??eval(me) }
    :: atomic { ASLEEP(me) && ((mutex == NOBODY && mutex_dead) || owner_died) ->
            asleep??eval(me); owner_died = true; mutex_dead = (mutex != NOBODY && mutex_dead); seen = 0 } -> break
#endif
    od
}
/* @shared.c shared_wait */
inline begin_wait(me)
{
    MUST(waits_on_closed, !CLOSED);
    arrive(me);
    ADD(waiting, me);
#ifdef TIMED
    if
    :: expiries > 0 -> ADD(due, me); expiries--
    :: DROP(due, me)
    fi
#endif
}

inline end_wait(me)
{
    DROP(waiting, me);
    DROP(due, me);
    DROP(pool, me);
    DROP(old_pool, me);
    promised = (promised > COUNT(pool) -> COUNT(pool) : promised);
    old_promised = (old_promised > COUNT(old_pool) -> COUNT(old_pool) : old_promised);
    old_pool = (old_promised > 0 -> old_pool : 0);
    number = 0; looked = 0; has_looked = false
}

#ifdef PRED
#define CONTENT (tickets[KIND(me)] > 0) /* @shared.c shared_wait */
#elif defined(M_CLOSED_FIRST)
#define CONTENT (claim != NOTHING && !CLOSED)
#else
#define CONTENT (claim != NOTHING)
#endif

#ifdef TWO_CROWDS
byte crowds = 1;
#define MAY_COME(me) ((me) < 2 * crowds)
#define HAS_ENOUGH IN(returned, me) /* a process that has waited once ends */
#define TAKE_TICKET DROP(returned, me)
byte returned;
#else
#define MAY_COME(me) true
#define HAS_ENOUGH (tickets[KIND(me)] > 0)
#define TAKE_TICKET tickets[KIND(me)]--
#endif

proctype waiter(byte me)
{
    byte number, looked, seen, owed, claim;
    bool died, has_looked, n_;
    atomic { begun == me && MAY_COME(me) -> begun++ };
    {
        enter(me);
check:  recover();
        do
        :: atomic { HAS_ENOUGH -> TAKE_TICKET; break }
        :: atomic { !HAS_ENOUGH && CHECKS_CLOSED -> break } /* @shared.c shared_wait */
        :: atomic { !HAS_ENOUGH && !CHECKS_CLOSED };
            repair_if_needed();
            atomic { begin_wait(me) };
            do
            :: unlock(me);
                sleep_until_granted(me);
                enter(me);
                if
                :: atomic { died };
                    abandon(); /* @shared.c shared_wait */
                    atomic { end_wait(me); goto check } /* @shared.c shared_wait */
                :: atomic { !died }
                fi;
                repair_if_needed();
                atomic {
                    claim = CLAIM; /* @shared.c shared_wait */
                    if
                    :: CONTENT ->
#ifndef PRED
                        MUST(stolen, IN(pool, me));
                        promised = (promised > 0 -> promised - 1 : 0);
                        old_promised = (old_promised > 0 && IN(old_pool, me) -> old_promised - 1 : old_promised);
#endif
#ifdef TWO_CROWDS
                        ADD(returned, me);
#endif
                        depart(claim); /* @shared.c shared_wait */
                        end_wait(me);
                        claim = 0;
                        break
                    :: !(CONTENT) && (IN(due, me) || CHECKS_CLOSED) ->
#if KILLS == 0 && !defined(PRED)
                        MUST(too_few, !CLOSED || !IN(pool, me) || promised < COUNT(pool));
#endif
                        depart((claim == FREE -> FREE : NOTHING));
                        end_wait(me);
                        if
                        :: claim == GRANT -> owe(1) /* @shared.c shared_wait */
                        :: else
                        fi;
                        claim = 0;
                        break
                    :: !(CONTENT) && !(IN(due, me) || CHECKS_CLOSED) ->
                        MUST(waits_on_closed, !CLOSED);
                        if
                        :: claim == FREE -> arrive(me) /* @shared.c shared_wait */
                        :: else
                        fi;
                        /* @shared.c shared_wait */
                        looked = sequence; has_looked = true;
#ifndef M_CHAIN_BREAKS
                        if
                        :: claim == GRANT -> owe(1) /* @shared.c shared_wait */
                        :: else
                        fi;
#endif
                        claim = 0
                    fi
                }
            od
        od;
        unlock(me);
        finished++
    } unless { IN(killed, me) }
}

proctype notifier(byte me)
{
    byte left = NOTIFIES, n, kind, owed, waiting_, woken;
    bool died, n_;
    {
        do
        :: left > 0 ->
#ifdef TWO_CROWDS
            atomic { COUNT(waiting) + finished == 2 * crowds };
#endif
            enter(me);
            recover();
            atomic {
                if
#ifdef CLOSE
                :: n = 0
#endif
#ifndef TWOS
                :: n = 1
#endif
#ifndef ONES
                :: n = 2
#endif
#if !defined(ONES) && !defined(TWOS)
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
#ifndef TWO_CROWDS
                tickets[kind] = tickets[kind] + (n == ALL -> 1 : n);
#endif
                kind = 0
            };
            if
            :: atomic { n > 0 }; shared_notify(n)
#ifdef CLOSE
            :: atomic { n == 0 }; shared_close()
#endif
            fi;
            unlock(me);
#ifdef TWO_CROWDS
            atomic { crowds++ };
#endif
            n = 0
        :: left == 0 -> break
        od
    } unless { IN(killed, me) }
}

#if KILLS > 0
/* kill -9, and what the kernel does then. */
proctype killer()
{
    byte times = KILLS, who;
end_killer:
    do
    :: atomic {
        times > 0 ->
        times--;
        who = 0;
        do
        :: who < NOTIFIER -> who++
        :: break
        od;
        ADD(killed, who);
        if
        :: mutex == who -> mutex = NOBODY; mutex_dead = true
        :: else
        fi;
        if
        :: asleep??[eval(who)] -> asleep??eval(who)
        :: else
        fi;
        DROP(waiting, who); DROP(due, who); DROP(pool, who);
        promised = 0; old_promised = 0; old_pool = 0;
        who = 0
       }
    :: atomic { times > 0 -> times = 0 } /* or not */
    od
}
#endif

proctype quiet()
{
    timeout;
    MUST(stuck_at_lock, mutex == NOBODY);
#if KINDS > 1
    MUST(lost_notification, (tickets[0] == 0 || (waiting & 85) == 0) && (tickets[1] == 0 || (waiting & 170) == 0));
#else
    MUST(lost_notification, tickets[0] == 0 || waiting == 0);
#endif
    MUST(overdue, (waiting & due) == 0);
    MUST(not_finished, !CLOSED || waiting == 0);
#if KILLS == 0 && !defined(PRED)
    MUST(too_few, promised == 0 && old_promised == 0);
#endif
#if KILLS == 0
    MUST(not_finished, finished == W || waiting != 0)
#endif
}

init {
    atomic {
        byte i = 0;
        do
        :: i < W -> run waiter(i); i++
        :: else -> break
        od;
        run notifier(W);
#if KILLS > 0
        run killer();
#endif
        run quiet()
    }
}
