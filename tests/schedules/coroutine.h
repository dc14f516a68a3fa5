/* SPDX-License-Identifier: MIT */
#ifndef COROUTINE_H
#define COROUTINE_H

/*
 * Coroutines: stacks of which one runs at a time, until it switches to another. The build uses one of two
 * implementations: coroutine_ucontext.c, or coroutine_jump.c for systems without ucontext.h.
 */

struct coroutine;

/* A new coroutine. The first one stands for the program's own thread, which already runs. */
struct coroutine *coroutine_new(void);

/* The next switch to the coroutine calls run(arg). What it ran before is abandoned. `run` must not return: it calls
   coroutine_leave(). */
void coroutine_start(struct coroutine *coroutine, void (*run)(void *arg), void *arg);

/* By the running coroutine: switch to another. Returns when another switches back. */
void coroutine_switch(struct coroutine *to);

/* The same, for good. */
_Noreturn void coroutine_leave(struct coroutine *to);

#endif
