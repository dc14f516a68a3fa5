/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_TUNING_H
#define CONDVAR_TUNING_H

/* Every number that was chosen by measuring rather than by reasoning. */

/* A thread that has waited this long for a lock, and is still overtaken, asks that nobody overtakes any
   more (MUTEX_FIFO). Go's sync.Mutex and nsync chose about the same. */
#define TUNING_PATIENCE_NS INT64_C(1000000)

/* How many times a thread looks at a word before it sleeps, at most: with pauses, about what a sleep and
   a wake-up cost. */
#ifndef TUNING_SPIN_MAX
#  define TUNING_SPIN_MAX 200u
#endif

/* The budget is halved after this many disappointments in a row, more or less, until it is zero. */
#define TUNING_SPIN_HALVE 4u

/* After this many sleeps without a try, waiting awake is tried again: a core may be idle now. */
#define TUNING_SPIN_PROBE 64u

/* How often a waiter on a shared condition looks whether something was lost to a kill (shared.c): the longest
   time that a kill can delay a notification, against idle wake-ups of each sleeper. */
#define TUNING_HEARTBEAT_NS INT64_C(100000000)

#endif
