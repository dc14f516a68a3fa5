/* SPDX-License-Identifier: MIT */
/* Each coroutine is a thread, and all but one wait for their turn. It needs only C11 and pthreads. */
#include "coroutine.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

struct coroutine {
    pthread_cond_t turn_came;
    bool has_turn;  /* under the mutex */
    bool restarted; /* by the running one, as all below: abandons what it ran before */
    void (*run)(void *arg);
    void *arg;
    jmp_buf top;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct coroutine *running;

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
    struct coroutine *self = arg;
    await_turn(self);
    (void)setjmp(self->top); /* here it comes back to when it is started anew */
    self->restarted = false;
    self->run(self->arg);
    abort();
}

struct coroutine *coroutine_new(void)
{
    struct coroutine *coroutine = calloc(1, sizeof *coroutine);
    pthread_t thread;
    if (coroutine == NULL || pthread_cond_init(&coroutine->turn_came, NULL) != 0)
        abort();
    if (running == NULL)
        running = coroutine;
    else if (pthread_create(&thread, NULL, begin, coroutine) != 0 || pthread_detach(thread) != 0)
        abort();
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
    (void)pthread_mutex_lock(&mutex);
    to->has_turn = true;
    (void)pthread_cond_signal(&to->turn_came);
    (void)pthread_mutex_unlock(&mutex);
    await_turn(self);
    if (self->restarted)
        longjmp(self->top, 1);
}

_Noreturn void coroutine_leave(struct coroutine *to)
{
    coroutine_switch(to);
    abort();
}
