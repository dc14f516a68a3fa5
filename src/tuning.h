/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_TUNING_H
#define CONDVAR_TUNING_H

/* Every number that was found by measuring; and one that the port's clock decides. */

/* The length of a tick of port_now(), if it is more than a microsecond (docs/porting.md). Each timeout is longer by a
   tick, since it may begin at the end of one. */
#ifndef TUNING_CLOCK_TICK_NS
#  define TUNING_CLOCK_TICK_NS INT64_C(0)
#endif

/* The starvation threshold: when a thread has waited for a lock that long, new arrivals cannot take the lock before it
   (mutex.c). Another thread takes a lock that stays free and reserved that long. Go's sync.Mutex has the same
   threshold. */
#ifndef TUNING_STARVATION_NS
#  define TUNING_STARVATION_NS INT64_C(1000000)
#endif

/* Most small systems have one core. There spinning never helps. */
#ifdef CONDVAR_PORT_CUSTOM
#  ifndef TUNING_LOCK_SPIN
#    define TUNING_LOCK_SPIN 0u
#  endif
#  ifndef TUNING_SPIN_MAX
#    define TUNING_SPIN_MAX 0u
#  endif
#endif

/* How many times a thread reads a lock's word before it sleeps. Each pause is twice as long as the one before, so 7
   iterations are 127 pauses of the processor: about 3 microseconds, which is longer than a short critical section.
   Compared with 20 iterations of one pause each, on two idle cores, 2 to 16 threads take 0.45 times as long for an
   acquire and a release (tests/bench, rows hammer-N). An item of a buffer takes 0.5 times as long (unlimited-1x1). 5
   and 6 are in between. */
#ifndef TUNING_LOCK_SPIN
#  define TUNING_LOCK_SPIN 7u
#endif

/* How many iterations a waiter spins at most, except in a trial; and at least, if it spins. The maximum is about 5
   microseconds, the cost of a sleep and a wake-up. */
#ifndef TUNING_SPIN_MAX
#  define TUNING_SPIN_MAX 200u
#endif
#define TUNING_SPIN_MIN 20u

/* After TUNING_SPIN_FAILURES misses in a row, waiters pause: they sleep without spinning. The waiter number
   TUNING_SPIN_PAUSE spins again, a trial: a core may be idle now. If it misses too, the pause doubles, up to 64
   times TUNING_SPIN_PAUSE. */
#define TUNING_SPIN_FAILURES 4u
#define TUNING_SPIN_PAUSE 16u

/* How many iterations that trial has. It is longer than an idle core takes to wake up, which is 10 microseconds on
   virtual machines. Otherwise two threads that take turns are never awake at the same time, and each trial misses.
   With 200, such a turn takes 7 microseconds on two idle cores. With 1,000 and 3,000 it takes less than one
   (tests/bench, row turns-apart). On one core they cost the same. */
#define TUNING_SPIN_TRIAL (5 * TUNING_SPIN_MAX)

/* How many waiters with the holder's predicate are skipped at most, to find one with another predicate. In a buffer of
   10 places between 32 producers and 32 consumers, threads sleep 0.37 times for an item with 16, 0.49 times with 2,
   and 0.54 times with 0 (tests/bench, row buffer-32x32). */
#define TUNING_SKIP_MAX 16u

/* The time after which a sleeper on a shared condition or lock checks for a killed process (shared.c, port/robust.c). A
   kill delays others by this time at most. Each check costs a wake-up. */
#define TUNING_HEARTBEAT_NS INT64_C(100000000)

#endif
