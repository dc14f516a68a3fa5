/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_TUNING_H
#define CONDVAR_TUNING_H

/* Every number that was chosen by measuring rather than by reasoning; and one that the port's clock decides. */

/* How long a tick of port_now() is, where it counts in ticks of more than a microsecond (docs/porting.md): each
   timeout is longer by that, since it may begin at the end of a tick. */
#ifndef TUNING_CLOCK_TICK_NS
#  define TUNING_CLOCK_TICK_NS INT64_C(0)
#endif

/* The starvation threshold: from then on new arrivals do not overtake a thread that waits for a lock (MUTEX_STARVING).
   And a free lock is kept for a starving thread that long at most. Go's sync.Mutex has the same threshold. */
#ifndef TUNING_STARVATION_NS
#  define TUNING_STARVATION_NS INT64_C(1000000)
#endif

/* A small system has one core, mostly: there, to look in vain is all that waiting awake does. */
#ifdef CONDVAR_PORT_CUSTOM
#  ifndef TUNING_LOCK_SPIN
#    define TUNING_LOCK_SPIN 0u
#  endif
#  ifndef TUNING_SPIN_MAX
#    define TUNING_SPIN_MAX 0u
#  endif
#endif

/* How many times a thread looks at a lock's word before it sleeps. The pause after each look is twice as long as the
   one before, so 7 are 127 of the processor's pauses: about 3 microseconds, which outlasts a short critical section.
   Beside 20 looks that are one pause apart, with two idle cores, 2 to 16 threads take 0.45 times as long for a turn at
   the lock (tests/bench, rows hammer-N), and a buffer's item 0.5 times (unlimited-1x1); 5 and 6 looks are in
   between. */
#ifndef TUNING_LOCK_SPIN
#  define TUNING_LOCK_SPIN 7u
#endif

/* How many times a waiter looks whether it is let go, at most; and at least, if it looks at all. About 5 microseconds,
   what a sleep and a wake-up cost. */
#ifndef TUNING_SPIN_MAX
#  define TUNING_SPIN_MAX 200u
#endif
#define TUNING_SPIN_MIN 20u

/* After this many looks in vain in a row, waiters sleep at once, for this many sleeps. Then one looks again: a core may
   be idle now. If not, the next pause is twice as long, up to 64 times. */
#define TUNING_SPIN_FAILURES 4u
#define TUNING_SPIN_PAUSE 16u

/* And then it looks so many times: longer than an idle core takes to wake up, which on virtual machines is 10
   microseconds. Else two threads that take turns are never awake at the same time, and do not find out that they could
   be. With 200, such a turn takes 7 microseconds on two idle cores, with 1,000 and with 3,000 less than one
   (tests/bench, row turns-apart); on one core they cost the same. */
#define TUNING_SPIN_TRIAL (5 * TUNING_SPIN_MAX)

/* So many waiters with the predicate of the holder are skipped, to find one with another predicate. In a
   buffer of 10 places between 32 producers and 32 consumers, threads sleep 0.37 times for an item with 16, 0.49
   times with 2, and 0.54 times with none (tests/bench, row buffer-32x32). */
#define TUNING_SKIP_MAX 16u

/* How often who sleeps on a shared condition or lock looks whether something was lost to a kill (shared.c,
   port/robust.c): the longest time that a kill can delay others, against idle wake-ups of each sleeper. */
#define TUNING_HEARTBEAT_NS INT64_C(100000000)

#endif
