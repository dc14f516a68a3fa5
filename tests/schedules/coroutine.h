/* SPDX-License-Identifier: MIT */
#ifndef COROUTINE_H
#define COROUTINE_H

/*
 * Stacks of which one runs at a time, until it hands over to another. Done in three ways, of which the build takes
 * one: coroutine_ucontext.c and, on Windows, coroutine_fibers.c, which are fast; and coroutine_threads.c, for
 * systems that have neither.
 */

struct coroutine;

/* A new one that runs nothing yet. The first is for the thread of the program itself, which runs already. */
struct coroutine *coroutine_new(void);

/* It shall call run(arg) when it is next handed over to; what it did before, it never goes on with. `run` must not
   return, but call coroutine_leave(). */
void coroutine_start(struct coroutine *coroutine, void (*run)(void *arg), void *arg);

/* By the one that runs: hand over, and go on here when somebody hands back. */
void coroutine_switch(struct coroutine *to);

/* The same, for good. */
_Noreturn void coroutine_leave(struct coroutine *to);

#endif
