/* SPDX-License-Identifier: MIT */
/*
 * The positive control: the condition variable of glibc 2.25 to 2.40, with its algorithm of two groups as the author of
 * this file understands it. It loses wake-ups (https://sourceware.org/bugzilla/show_bug.cgi?id=25847). A search that
 * does not detect this, at the size at which our models are searched, would prove nothing. The source of 2.36, the
 * version of Debian 12:
 *
 *      https://sourceware.org/git/?p=glibc.git;a=blob;f=nptl/pthread_cond_wait.c;hb=glibc-2.36
 *      https://sourceware.org/git/?p=glibc.git;a=blob;f=nptl/pthread_cond_signal.c;hb=glibc-2.36
 *      https://sourceware.org/git/?p=glibc.git;a=blob;f=nptl/pthread_cond_common.c;hb=glibc-2.36
 *
 * Variables have the names of the source. The workload is that of cond.pml: W waiters share tickets, a notifier makes
 * SIGNALS of them and signals each, and a waiter that finds no ticket waits again. The bug needs a waiter of an old
 * group that takes a signal of a newer group, and puts one back in case it has. With NO_STEALING no waiter does so.
 * Then the search must find nothing, which shows that it detects this bug and no other.
 *
 * Steps: each atomic access to a shared word is one step. Accesses with the internal lock held, to data of the holder
 * only, are joined with the access before. The mutex is a plain blocking one. Deadlines are not modelled: without
 * them a lost wake-up stays lost.
 */
#define N (W + 1)
#define NOBODY 255

byte wseq2;               /* __wseq >> 1 */
bit wseq_g2;              /* __wseq & 1: the index of G2 */
byte g1_start2;           /* __g1_start >> 1 */
bit g1_start_bit;         /* __g1_start & 1 */
byte g_signals[2];        /* twice the number of signals, and 1: closed */
byte g_refs[2];           /* twice the number of waiters that may block, and 1: a signaller wants to be woken */
short g_size[2];
byte orig_size;           /* __g1_orig_size */
byte wrefs;

/* The kernel: who sleeps on g_signals[0], on g_signals[1]; and the signaller, who sleeps on g_refs. */
byte asleep[2];
bool signaller_sleeps;

bool mutex;
byte tickets;
byte waiting;
byte begun;
hidden byte lost_notification;

#define BIT(i) (1 << (i))
#define IN(set, i) (((set) & BIT(i)) != 0)
#define ADD(set, i) set = set | BIT(i)
#define DROP(set, i) set = set & (255 - BIT(i))

inline futex_wake_one(g)
{
    if
    :: IN(asleep[g], 0) -> DROP(asleep[g], 0)
    :: IN(asleep[g], 1) -> DROP(asleep[g], 1)
    :: IN(asleep[g], 2) -> DROP(asleep[g], 2)
    :: IN(asleep[g], 3) -> DROP(asleep[g], 3)
    :: asleep[g] == 0
    fi
}

/* __condvar_dec_grefs(): the last one wakes the signaller that waits for it. */
inline dec_grefs(g)
{
    g_refs[g] = g_refs[g] - 2;
    if
    :: g_refs[g] == 1 -> g_refs[g] = 0; signaller_sleeps = false
    :: else
    fi
}

proctype waiter(byte me)
{
    bit g, start_bit;
    byte seq, start2, s;
    atomic { begun == me -> begun++ };
again:
end_again:
    atomic { !mutex -> mutex = true };
check:
    atomic {
        if
        :: tickets > 0 -> tickets--; mutex = false; goto taken
        :: else
        fi;
        /* __pthread_cond_wait_common(): a position, in what is G2 now. */
        ADD(waiting, me);
        g = wseq_g2;
        seq = wseq2;
        wseq2++;
        wrefs++
    }
    atomic { mutex = false };
    do
    :: atomic {
        s = g_signals[g];
        if
        :: s & 1 -> goto done /* closed */
        :: !(s & 1) && s != 0 -> skip
        :: s == 0 -> goto block
        fi
       };
grab:  atomic {
        /* The compare-exchange; what it finds otherwise is looked at as at the top. */
#ifdef NO_STEALING
        if
        :: seq < g1_start2 -> goto done
        :: else
        fi;
#endif
        if
        :: g_signals[g] == s && s != 0 && !(s & 1) -> g_signals[g] = s - 2; s = 0; goto grabbed
        :: else -> s = 0
        fi
       }
    :: false ->
block:  atomic { g_refs[g] = g_refs[g] + 2 };
        atomic {
            if
            :: (g_signals[g] & 1) -> dec_grefs(g); goto done
            :: else
            fi
        };
        atomic {
            if
            :: seq < g1_start2 -> dec_grefs(g); goto done
            :: else
            fi
        };
        atomic { /* futex_wait(g_signals, 0) */
            if
            :: g_signals[g] == 0 -> ADD(asleep[g], me)
            :: else
            fi
        };
end_sleep:
        atomic { !IN(asleep[g], me) -> dec_grefs(g) }
    od;
grabbed:
#ifdef NO_STEALING
    goto done;
#endif
    /* It may have taken the signal of a newer group. */
    atomic {
        start2 = g1_start2; start_bit = g1_start_bit;
        if
        :: !(seq < start2 && (start_bit ^ 1) == g) -> start2 = 0; start_bit = 0; goto done
        :: else
        fi
    };
    atomic { s = g_signals[g] };
    do
    :: atomic { g1_start2 != start2 || g1_start_bit != start_bit -> goto give_back_done };
    :: atomic { g1_start2 == start2 && g1_start_bit == start_bit };
       atomic {
        if
        :: s & 1 -> goto give_back_wake
        :: !(s & 1) && g_signals[g] == s -> g_signals[g] = s + 2; goto give_back_wake
        :: else -> s = g_signals[g]
        fi
       }
    od;
give_back_wake:
    atomic { futex_wake_one(g) };
give_back_done:
    atomic { s = 0; start2 = 0; start_bit = 0 };
done:
    atomic { s = 0; wrefs--; g = 0; seq = 0 };
end_mutex:
    atomic { !mutex -> mutex = true; DROP(waiting, me); goto check };
taken:
    goto again
}

/* __pthread_cond_signal(), with the mutex held. */
proctype signaller()
{
    byte left = SIGNALS, wseq;
    bit g1;
    bool found;
end_signaller:
    do
    :: atomic { left > 0 && !mutex -> mutex = true; left--; tickets++ };
        atomic {
            if
            :: wrefs == 0 -> goto unlock
            :: else
            fi;
            wseq = wseq2; g1 = wseq_g2 ^ 1;
            if
            :: g_size[g1] != 0 -> goto put
            :: else
            fi;
            /* __condvar_quiesce_and_switch_g1() */
            if
            :: wseq - g1_start2 - orig_size + g_size[g1 ^ 1] == 0 -> goto unlock
            :: else
            fi;
            g_signals[g1] = g_signals[g1] | 1
        };
        do
        :: atomic { g_refs[g1] >> 1 == 0 -> break }
        :: atomic { g_refs[g1] >> 1 != 0 -> g_refs[g1] = g_refs[g1] | 1 };
           atomic { /* futex_wait(g_refs): the compare is with the value with the flag */
            if
            :: g_refs[g1] >> 1 != 0 && (g_refs[g1] & 1) -> signaller_sleeps = true
            :: else
            fi
           };
end_quiesce:
           atomic { !signaller_sleeps }
        od;
        atomic {
            g1_start2 = g1_start2 + orig_size;
            g1_start_bit = g1 /* adding or taking away 1 makes the lowest bit the index of the new G2 */
        };
        atomic { g_signals[g1] = 0 };
        atomic {
            wseq = wseq2;
            wseq_g2 = wseq_g2 ^ 1;
            g1 = g1 ^ 1;
            orig_size = wseq - g1_start2;
            g_size[g1] = g_size[g1] + orig_size;
            if
            :: g_size[g1] == 0 -> goto unlock
            :: else
            fi
        };
put:    atomic { g_signals[g1] = g_signals[g1] + 2; g_size[g1] = g_size[g1] - 1 };
        atomic { futex_wake_one(g1) };
unlock: atomic { mutex = false; wseq = 0; g1 = 0 }
    od
}

proctype quiet()
{
    timeout;
    lost_notification = tickets > 0 && waiting > 0;
    assert(!lost_notification)
}

init {
    atomic {
        byte i = 0;
        g1_start_bit = 0;
        do
        :: i < W -> run waiter(i); i++
        :: else -> break
        od;
        run signaller();
        run quiet()
    }
}
