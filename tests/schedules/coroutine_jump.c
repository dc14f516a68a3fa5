/* SPDX-License-Identifier: MIT */
/*
 * Coroutines without ucontext.h. On Windows each is a fiber, and a switch is no system call. Elsewhere each is a thread,
 * and all but one wait for their turn. That needs only C11 and pthreads.
 */
#include "coroutine.h"
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#ifdef _WIN32
#  include <windows.h>
#else
#  include <pthread.h>
#endif

struct coroutine {
#ifdef _WIN32
    void *fiber;
#else
    pthread_cond_t turn_came;
    bool has_turn; /* under the mutex */
#endif
    bool restarted; /* by the running one, as all below: abandons what it ran before */
    void (*run)(void *arg);
    void *arg;
    jmp_buf top;
};

static struct coroutine *running;

static void run_from_the_top(struct coroutine *self)
{
    (void)setjmp(self->top); /* coroutine_switch() jumps here to start it anew */
    self->restarted = false;
    self->run(self->arg);
    abort();
}

#ifdef _WIN32
static void CALLBACK begin(void *arg) { run_from_the_top(arg); }

static bool is_made(struct coroutine *coroutine)
{
    enum { STACK_SIZE = 128 * 1024 };
    coroutine->fiber = running == NULL ? ConvertThreadToFiber(NULL) : CreateFiber(STACK_SIZE, begin, coroutine);
    return coroutine->fiber != NULL;
}

static void pass_turn(struct coroutine *self, struct coroutine *to)
{
    (void)self;
    SwitchToFiber(to->fiber);
}
#else
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void await_turn(struct coroutine *self)
{
    (void)pthread_mutex_lock(&mutex);
    while (!self->has_turn)
        (void)pthread_cond_wait(&self->turn_came, &mutex);
    self->has_turn = false;
    (void)pthread_mutex_unlock(&mutex);
}

static void *begin(void *arg)
{
    await_turn(arg);
    run_from_the_top(arg);
    return NULL;
}

static bool is_made(struct coroutine *coroutine)
{
    pthread_t thread;
    return pthread_cond_init(&coroutine->turn_came, NULL) == 0 &&
           (running == NULL ||
            (pthread_create(&thread, NULL, begin, coroutine) == 0 && pthread_detach(thread) == 0));
}

static void pass_turn(struct coroutine *self, struct coroutine *to)
{
    (void)pthread_mutex_lock(&mutex);
    to->has_turn = true;
    (void)pthread_cond_signal(&to->turn_came);
    (void)pthread_mutex_unlock(&mutex);
    await_turn(self);
}
#endif

struct coroutine *coroutine_new(void)
{
    struct coroutine *coroutine = calloc(1, sizeof *coroutine);
    if (coroutine == NULL || !is_made(coroutine))
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
    pass_turn(self, to);
    if (self->restarted)
        longjmp(self->top, 1);
}

_Noreturn void coroutine_leave(struct coroutine *to)
{
    coroutine_switch(to);
    abort();
}
