/* SPDX-License-Identifier: MIT */
#ifndef SCRIPTED_H
#define SCRIPTED_H

/*
 * A scripted port: the library's sources run over a fake kernel. Threads are coroutines, and one runs at a time. The
 * scheduler can switch threads before each atomic operation of the library and at each call of the port. So a test
 * explores schedules systematically, and a schedule that fails can run again.
 *
 * A schedule is a sequence of choices. They come from a depth-first search over all schedules with a limited number of
 * preemptions, or from a seeded random number generator. Most bugs need one or two preemptions (Musuvathi and Qadeer,
 * "Iterative context bounding for systematic testing of multithreaded programs", PLDI 2007).
 *
 * The fake kernel wakes sleepers first in, first out. It returns early from port_wait() and makes time pass only when
 * the schedule or the test chooses that. It can kill threads, as if each were a process; the next owner of a robust
 * mutex that a killed thread held gets EOWNERDEAD. Schedules are sequentially consistent: weak memory is not
 * modelled.
 */

#include <stdbool.h>
#include <stdint.h>

enum { SCHED_THREADS_MAX = 72, SCHED_ROBUST_MAX = 8 /* robust mutexes at a time */ };

/* A program for a few threads, to be explored. */
struct scenario {
    const char *name;
    unsigned threads;
    void (*setup)(void);           /* before each schedule */
    void (*body)(unsigned thread); /* thread 0, 1, ... */
    /* Called as a thread of its own when no thread can run and no deadline is left. It checks what must then be true,
       and makes the other threads run again. NULL: this state is a lost wake-up. */
    void (*quiet)(void);
    void (*check)(void);           /* after all threads have ended */
    unsigned preemptions;          /* limit of the search */
    unsigned early_returns;        /* limit of early returns of port_wait() */
    unsigned random_schedules;     /* after the search */
    unsigned kills;                /* so many threads are killed, at any step... */
    unsigned mortal;               /* ...of those with a number below this one */
};

/* The main function of a program that explores scenarios and prints how many schedules ran. A schedule that fails
   ends the program. Arguments: a scenario's name or `all`; the seed; how many preemptions more; at most how many
   schedules of each kind (0: all); and how the port is broken: `early`, port_wait() returns early; `mute`,
   port_wake() wakes no thread; `timeless`, port_wait() has no deadlines; or several of these. */
int sched_main(int argc, char **argv, const struct scenario *scenarios, unsigned count);

/* Run the one schedule without preemptions, in which the first thread that can run does. */
void sched_run_once(const struct scenario *scenario);

/* Run one schedule that a script has chosen. The script returns a byte for each choice, for example which thread runs
   next and for how many steps. It must end in zeros, with which the running thread keeps running. `quiet` is called
   each time that no thread can run, until all threads have ended. */
void sched_run_script(const struct scenario *scenario, uint8_t (*next_byte)(void));

/* In a body, with a script: whether the script may run other threads from here on, except while this one sleeps. */
void sched_preemptible(bool yes);

/* The number of thread switches in this schedule. */
unsigned long sched_switches(void);

/* Called when something has failed, before the program ends; NULL: nothing. */
extern void (*sched_failed)(void);

/* Outside of threads: every holder of a robust mutex dies. */
void sched_holders_die(void);

/* In a body: the running thread's process dies, and another process that holds nothing runs in its place. */
void sched_die_and_go_on(void);

/* What port_process() returns: 1 at first. */
void sched_be_process(uint32_t number);

/* In a scenario: if the condition is false, print it and the schedule, and end the program with status 1. */
#define EXPECT(condition) ((condition) ? (void)0 : sched_fail(__FILE__, __LINE__, #condition))
_Noreturn void sched_fail(const char *file, int line, const char *what);

/* In a body: another thread may run here. */
void sched_step(void);

/* In a body, or outside: time passes. */
void sched_advance(int64_t ns);

/* In a body: the threads make progress, so the deadlines that passed were not in vain. */
void sched_progress(void);

/* In a body: run other threads until this is true. It must not step. */
void sched_until(bool (*true_now)(void));

/* Whether a thread's body has returned, or it was killed. */
bool sched_ended(unsigned thread);

/* Whether a thread was killed. */
bool sched_killed(unsigned thread);

/* Whether a thread sleeps in the port. */
bool sched_blocked(unsigned thread);

/* Whether it sleeps on this word. */
bool sched_blocked_on(unsigned thread, const uint32_t *word);

/* How often in this schedule no thread could run before a deadline passed. */
unsigned sched_stalls(void);

/* How often the running thread has called port_wait() and port_wake(), also those calls that had nothing to do. */
unsigned sched_system_calls(void);

#endif
