/* SPDX-License-Identifier: MIT */
/* Waits of all kinds, and with -DDEADLOCK two threads in a deadlock, for gdb_commands.sh, until look_here() is called. */
#define _GNU_SOURCE
#ifdef SINGLE
#  include "condvar_single.h"
#else
#  include <condvar.h>
#endif
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

cond_lock_t first = COND_MUTEX_INIT, second = COND_RLOCK_INIT;
cond_t idle = COND_INIT;                      /* nobody waits: not in the list */
cond_t queue = COND_INIT;                     /* two wait; main holds it, and one acquires */
cond_lock_t lock = COND_RLOCK_INIT;
cond_t on_lock = COND_INIT_WITH(&lock);       /* one awaits */
cond_t by_task = COND_INIT_WITH(&lock);       /* a task awaits: found by way of the lock only */
cond_task_t task;
cond_t shared;                                /* one waits */
cond_lock_t shared_lock;                      /* held by main, one acquires */
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
cond_lock_t adopted;
cond_t on_mutex;                              /* one waits */

static void check(int error)
{
    if (error != 0)
        abort();
}

static void start(void *(*run)(void *), void *arg, const char *name)
{
    pthread_t thread;
    check(pthread_create(&thread, NULL, run, arg));
    check(pthread_setname_np(thread, name));
}

static void *waits(void *arg)
{
    check(cond_acquire(arg));
    check(cond_wait(arg, COND_FOREVER));
    return arg;
}

static bool never(void *arg) { return arg == NULL; }

static void *awaits(void *arg)
{
    check(cond_acquire(arg));
    check(cond_await(arg, never, arg, COND_FOREVER));
    return arg;
}

static void ready(cond_task_t *called, int result)
{
    (void)called, (void)result;
    abort();
}

static void *acquires(void *arg)
{
    check(cond_lock_acquire(arg));
    return arg;
}

/* Until every other thread of the process sleeps in the kernel. */
static void wait_until_asleep(void)
{
    for (int asleep = 0; asleep < 3; usleep(50000)) {
        FILE *states = popen("cat /proc/$PPID/task/*/stat", "r");
        char line[512];
        int running = 0;
        if (states == NULL)
            abort();
        while (fgets(line, sizeof line, states) != NULL) {
            const char *state = strrchr(line, ')');
            running += state != NULL && state[2] == 'R';
        }
        (void)pclose(states);
        asleep = running == 0 ? asleep + 1 : 0;
    }
}

#ifdef DEADLOCK
static pthread_barrier_t both;

static void *first_then_second(void *arg)
{
    check(cond_lock_acquire(&first));
    (void)pthread_barrier_wait(&both);
    check(cond_lock_acquire(&second));
    return arg;
}

static void *second_then_first(void *arg)
{
    check(cond_lock_acquire(&second));
    (void)pthread_barrier_wait(&both);
    check(cond_lock_acquire(&first));
    return arg;
}
#endif

void look_here(void);
__attribute__((noinline)) void look_here(void)
{
    __asm__ volatile("");
}

int main(void)
{
#ifdef DEADLOCK
    check(pthread_barrier_init(&both, NULL, 3));
    start(first_then_second, NULL, "one");
    start(second_then_first, NULL, "two");
    (void)pthread_barrier_wait(&both); /* "three" must find the lock held */
    start(acquires, &first, "three");
#endif
    start(waits, &queue, "waits-1");
    while (cond_waiters(&queue) < 1) /* it is the one that the notify chooses */
        usleep(1000);
    start(waits, &queue, "waits-2");
    start(awaits, &on_lock, "awaits");
    check(cond_init(&shared, NULL, COND_SHARED));
    start(waits, &shared, "in-shared");
    check(cond_lock_init(&shared_lock, COND_SHARED | COND_MUTEX));
    check(cond_lock_acquire(&shared_lock));
    start(acquires, &shared_lock, "gets-shared");
    check(cond_lock_init_pthread(&adopted, &mutex));
    check(cond_init(&on_mutex, &adopted, 0));
    start(waits, &on_mutex, "in-foreign");
    while (cond_waiters(&queue) < 2 || cond_waiters(&on_lock) < 1 || cond_waiters(&shared) < 1 ||
           cond_waiters(&on_mutex) < 1)
        usleep(1000);
    check(cond_lock_acquire(&lock)); /* until "awaits" has released it */
    check(cond_lock_release(&lock));
    check(cond_task_init(&task, ready, NULL));
    check(cond_task_acquire(&by_task, &task));
    check(cond_task_await(&by_task, &task, never, &by_task) == EINPROGRESS ? 0 : EINVAL);
    check(cond_acquire(&queue));
    start(acquires, cond_get_lock(&queue), "acquires");
    check(cond_notify(&queue, 1));
    wait_until_asleep();
    look_here();
    return 0;
}
