/* SPDX-License-Identifier: MIT */
/* Conditions of all kinds, in the states that gdb.sh expects when look_here() is called. */
#define _GNU_SOURCE
#include <condvar.h>
#include <stdlib.h>
#include <unistd.h>

cond_t idle = COND_INIT;
cond_t held = COND_INIT;       /* by the thread "deep", three deep; two wait */
cond_t mutex;                  /* by main */
cond_lock_t elsewhere = COND_RLOCK_INIT;
cond_t on_elsewhere = COND_INIT_WITH(&elsewhere);
pthread_mutex_t adopted = PTHREAD_MUTEX_INITIALIZER;
cond_lock_t foreign;
cond_t on_foreign;
cond_t shared, gone;
cond_t closed = COND_INIT;
cond_t busy = COND_INIT; /* held by main; one waits, one awaits, and one was cancelled and has not been woken */
cond_token_t token;
struct {
    cond_lock_t lock;
    cond_t cond;
    cond_t closed;
} both;

static void check(int error)
{
    if (error != 0)
        abort();
}

static void *waits(void *arg)
{
    check(cond_acquire(&held));
    check(cond_wait(&held, COND_FOREVER));
    return arg;
}

static bool never(void *arg) { return arg == &busy; }

static void *waits_on_busy(void *arg)
{
    const cond_wait_options_t *options = arg;
    check(cond_acquire(&busy));
    check(cond_wait_with(&busy, options));
    return arg;
}

static void *holds(void *arg)
{
    pthread_setname_np(pthread_self(), "deep");
    for (int i = 0; i < 3; i++)
        check(cond_acquire(&held));
    *(volatile int *)arg = 1;
    while (*(volatile int *)arg)
        pause();
    return arg;
}

void look_here(void);
__attribute__((noinline)) void look_here(void)
{
    __asm__ volatile("");
}

int main(void)
{
    pthread_t thread;
    static volatile int ready;
    check(cond_init(&mutex, NULL, COND_MUTEX));
    check(cond_acquire(&mutex));
    check(cond_lock_init_pthread(&foreign, &adopted));
    check(cond_init(&on_foreign, &foreign, 0));
    check(cond_init(&shared, NULL, COND_MUTEX | COND_SHARED));
    check(cond_acquire(&shared));
    check(cond_lock_init(&both.lock, COND_SHARED));
    check(cond_init(&both.cond, &both.lock, 0));
    check(cond_init(&both.closed, &both.lock, 0));
    check(cond_lock_acquire(&both.lock));
    check(cond_close(&both.closed));
    check(cond_lock_release(&both.lock));
    check(cond_acquire(&closed));
    check(cond_close(&closed));
    check(cond_release(&closed));
    check(cond_destroy(&gone));
    for (int i = 0; i < 2; i++)
        check(pthread_create(&thread, NULL, waits, NULL));
    while (cond_waiters(&held) < 2)
        usleep(100);
    check(pthread_create(&thread, NULL, holds, (void *)&ready));
    while (!ready)
        usleep(100);
    static cond_wait_options_t options[] = {{.arg = NULL}, {.pred = never, .unnotified = true}, {.token = &token}};
    for (int i = 0; i < 3; i++)
        check(pthread_create(&thread, NULL, waits_on_busy, &options[i]));
    while (cond_waiters(&busy) < 3)
        usleep(100);
    check(cond_acquire(&busy));
    check(cond_cancel(&busy, &token));
    look_here();
    return 0;
}
