/* SPDX-License-Identifier: MIT */
/* Windows's fibers, of one thread: to hand over is no system call. */
#include "coroutine.h"
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <windows.h>

enum { STACK_SIZE = 128 * 1024 };

struct coroutine {
    void *fiber;
    bool restarted; /* abandons what it ran before */
    void (*run)(void *arg);
    void *arg;
    jmp_buf top;
};

static struct coroutine *running;

static void CALLBACK begin(void *arg)
{
    struct coroutine *self = arg;
    (void)setjmp(self->top); /* here it comes back to when it is started anew */
    self->restarted = false;
    self->run(self->arg);
    abort();
}

struct coroutine *coroutine_new(void)
{
    struct coroutine *coroutine = calloc(1, sizeof *coroutine);
    if (coroutine == NULL)
        abort();
    coroutine->fiber = running == NULL ? ConvertThreadToFiber(NULL) : CreateFiber(STACK_SIZE, begin, coroutine);
    if (coroutine->fiber == NULL)
        abort();
    if (running == NULL)
        running = coroutine;
    return coroutine;
}

void coroutine_start(struct coroutine *coroutine, void (*run)(void *arg), void *arg)
{
    coroutine->run = run;
    coroutine->arg = arg;
    coroutine->restarted = true;
}

void coroutine_switch(struct coroutine *to)
{
    struct coroutine *self = running;
    running = to;
    SwitchToFiber(to->fiber);
    if (self->restarted)
        longjmp(self->top, 1);
}

_Noreturn void coroutine_leave(struct coroutine *to)
{
    coroutine_switch(to);
    abort();
}
