/* SPDX-License-Identifier: MIT */
/*
 * What shared.pml assumes: no process sleeps for ever on the robust mutex of a shared lock. The mutex is that of glibc
 * 2.36 on Linux, as the author of this file understands both (docs/museum.md has the sources). By itself it lets
 * sleepers hang when one is killed. src/port/robust.c prevents that.
 *
 * W processes acquire the mutex and release it, ROUNDS times each. KILLS of them are killed at any step. The word has
 * the owner and two bits: there may be sleepers, and the owner died. Checked: there is one holder at a time, and when
 * no process can run none sleeps on the mutex.
 *
 * The heartbeat comes when it would find the mutex free. Otherwise the sleeper would go back to sleep. So with KILLS
 * no process can sleep on a free mutex for ever, and the question is whether the mutex becomes free. Without KILLS
 * the heartbeat never comes for that, since then no process may depend on it. But it comes up to BEATS times at any
 * step, to check that it does no harm.
 */
#define NOBODY 255
#define BIT(i) (1 << (i))
#define IN(set, i) (((set) & BIT(i)) != 0)
#define ADD(set, i) set = set | BIT(i)
#define DROP(set, i) set = set & (255 - BIT(i))
#define MUST(not_broken, condition) not_broken = !(condition); assert(!not_broken)
#ifndef BEATS
#define BEATS 0
#endif
hidden byte two_holders, stuck_at_lock;

byte owner = NOBODY;
bool sleepers;             /* FUTEX_WAITERS */
bool died;                 /* FUTEX_OWNER_DIED */

byte pending;              /* list_op_pending: who is about to acquire or to release */
chan asleep = [W] of { byte };
byte killed;
byte beats = BEATS;

#define ASLEEP(me) (asleep??[eval(me)])

inline wake_one()
{
#ifndef M_WAKES_NOBODY
    if
    :: nempty(asleep) -> asleep?_
    :: empty(asleep)
    fi
#else
    skip
#endif
}

/* It was free, or is taken over from a dead one, which leaves the bit of the sleepers. */
inline take(me, others_may_sleep)
{
    owner = me;
    sleepers = (died && sleepers) || others_may_sleep;
    died = false
}

proctype process(byte me)
{
    byte rounds = ROUNDS, seen;
    bool have_slept, seen_sleepers, wakes; /* have_slept is assume_other_futex_waiters */
    {
        do
        :: rounds > 0 ->
            atomic { rounds--; ADD(pending, me) };
try:        /* pthread_mutex_trylock(). @port/robust.c robust_lock */
            if
            :: atomic { owner == NOBODY -> take(me, false) }
            :: atomic { owner != NOBODY };
again:          do
                /* pthread_mutex_clocklock(). @port/robust.c robust_lock */
                :: atomic { owner == NOBODY -> take(me, have_slept) } -> break
                :: atomic { owner != NOBODY -> sleepers = true; have_slept = true; seen = owner };
                    atomic { /* the kernel compares */
                        if
                        :: owner == seen && sleepers -> asleep!me; seen = 0
                        :: else -> seen = 0; goto again
                        fi
                    };
                    if
                    :: atomic { !ASLEEP(me) }
                    :: atomic { ASLEEP(me) && beats > 0 -> beats--; asleep??eval(me); have_slept = false; goto try }
#if KILLS > 0 && !defined(M_NO_HEARTBEAT)
                    :: atomic { ASLEEP(me) && owner == NOBODY -> asleep??eval(me); have_slept = false; goto try }
#endif
                    fi
                od
            fi;
            atomic { DROP(pending, me); have_slept = false };

            atomic { MUST(two_holders, owner == me); ADD(pending, me) };
            atomic { MUST(two_holders, owner == me); wakes = sleepers; owner = NOBODY; sleepers = false };
            atomic { if :: wakes -> wake_one() :: else fi; wakes = false };
            atomic { DROP(pending, me) }
        :: rounds == 0 -> break
        od
    } unless { IN(killed, me) }
}

#if KILLS > 0
/* kill -9, and what the kernel does then: handle_futex_death(). */
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
        :: who < W - 1 -> who++
        :: break
        od;
        ADD(killed, who);
        if
        :: ASLEEP(who) -> asleep??eval(who)
        :: else
        fi;
        if
        :: owner == who -> owner = NOBODY; died = true; if :: sleepers -> wake_one() :: else fi
        :: owner != who && IN(pending, who) && owner == NOBODY -> wake_one()
        :: else
        fi;
        DROP(pending, who);
        who = 0
       }
    :: atomic { times > 0 -> times = 0 } /* or not */
    od
}
#endif

proctype quiet()
{
    timeout;
    MUST(stuck_at_lock, len(asleep) == 0 && owner == NOBODY)
}

init {
    atomic {
        byte i = 0;
        do
        :: i < W -> run process(i); i++
        :: else -> break
        od;
#if KILLS > 0
        run killer();
#endif
        run quiet()
    }
}
