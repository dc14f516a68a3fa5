/* SPDX-License-Identifier: MIT */
#ifndef SCRIPTED_H
#define SCRIPTED_H

/*
 * A scripted port: the library's own sources run over a kernel that a test plays. Threads are coroutines,
 * one runs at a time, and another can be run before any atomic operation of the library and at any call of
 * the port. So a test tries orders instead of hoping for them, and an order that fails can be run again.
 *
 * An order is a sequence of choices. They come from a depth-first search over all orders with at most so
 * many preemptions (most bugs need one or two: Musuvathi and Qadeer, "Iterative context bounding for
 * systematic testing of multithreaded programs", PLDI 2007), or from a seeded random number generator.
 *
 * The fake kernel sleeps and wakes first come, first served, returns early from port_wait() when the order
 * says so, and lets time pass only when the order or the test says so. It can kill threads, as if each were
 * a process of its own; a robust mutex that a killed one held tells its next owner. Orders here are sequentially
 * consistent; weak memory is not modelled.
 */

#include <stdbool.h>
#include <stdint.h>

enum { SCHED_THREADS_MAX = 72, SCHED_ROBUST_MAX = 8 /* robust mutexes that there can be */ };

/* What is to be explored: a program for a few threads. */
struct scenario {
    const char *name;
    unsigned threads;
    void (*setup)(void);          /* before each order */
    void (*body)(unsigned thread); /* thread 0, 1, ... */
    /* Called when no thread can go on and no deadline is left, to look at what must be true then, and to
       make the rest go on. Runs as a thread of its own. NULL: such a state is a lost wake-up. */
    void (*quiet)(void);
    void (*check)(void);          /* after all threads have ended */
    unsigned preemptions;         /* for the search: at most so many */
    unsigned early_returns;       /* port_wait() returns for no reason: at most so many */
    unsigned random_orders;       /* and then so many random orders */
    unsigned kills;               /* so many threads die, at any step, of those with a number below... */
    unsigned mortal;              /* ...this one */
};

/* The main function of a program that explores scenarios, and prints what was done. An order that fails ends
   the program. Arguments: a scenario's name or `all`, the seed, how many preemptions more, at most how many
   orders of each kind (for builds in which each is slow; 0: all), and what is wrong with the port: `early`, it never
   lets anybody sleep for long; `mute`, it wakes nobody; `timeless`, it knows no deadlines; or several of these. */
int sched_main(int argc, char **argv, const struct scenario *scenarios, unsigned count);

/* Run the one order in which nobody is preempted, and the first that can go on does. */
void sched_run_once(const struct scenario *scenario);

/* Run one order that is written down: the script gives a byte each time that something is to be chosen, who goes on
   and after how many steps the next is chosen among it. It must end in zeros: with them whoever runs goes on. `quiet`
   is called each time that nobody can go on, until all threads have ended. */
void sched_run_script(const struct scenario *scenario, uint8_t (*next_byte)(void));

/* In a body, with a script: whether the script may run others within what follows, if it does not sleep. */
void sched_preemptible(bool yes);

/* How often another thread than before has gone on, in this order. */
unsigned long sched_switches(void);

/* Called when something has failed, before the program ends; NULL: nothing. */
extern void (*sched_failed)(void);

/* Outside of threads: who holds a robust mutex dies. */
void sched_holders_die(void);

/* In a body: the running thread's process dies, and another one that holds nothing goes on in its place. */
void sched_die_and_go_on(void);

/* Who port_process() says that we are: 1 at first. */
void sched_be_process(uint32_t number);

/* In a scenario or its body: say what is wrong, with the order that led there, and end the program with status 1. */
#define EXPECT(condition) ((condition) ? (void)0 : sched_fail(__FILE__, __LINE__, #condition))
_Noreturn void sched_fail(const char *file, int line, const char *what);

/* In a body: another thread may run here. */
void sched_step(void);

/* In a body, or outside: time passes. */
void sched_advance(int64_t ns);

/* In a body: something was done, so deadlines that came were not for nothing. */
void sched_goes_on(void);

/* In a body: run others until this is true. It must not step. */
void sched_until(bool (*true_now)(void));

/* Whether a thread's body has returned, or it was killed. */
bool sched_ended(unsigned thread);

/* Whether a thread was killed. */
bool sched_killed(unsigned thread);

/* Whether a thread sleeps in the port. */
bool sched_blocked(unsigned thread);

/* How often in this order nobody could go on before a deadline came. */
unsigned sched_stalls(void);

/* Calls of port_wait() and port_wake() by the running thread so far, those that found nothing to do too. */
unsigned sched_system_calls(void);

#endif
