/* SPDX-License-Identifier: MIT */
/* A program on the embedded bundle, for embedded.sh: a buffer of one item, and timeouts on a clock that ticks every
   10 ms. Exits with 1 if an item is lost, and with 2 if a timeout ends early. */
#include <pthread.h>
#include <time.h>
#include "condvar.h"

enum { ITEMS = 1000, TIMEOUTS = 20 };

static cond_t cond = COND_INIT;
static int item; /* 0: the buffer is empty. Guarded by the condition's lock */

static bool is_full(void *arg) { return *(int *)arg != 0; }
static bool is_empty(void *arg) { return !is_full(arg); }

static void *produce(void *arg)
{
    for (int i = 1; i <= ITEMS; i++)
        COND_WITH (&cond) {
            (void)cond_wait_for(&cond, is_empty, &item, COND_FOREVER);
            item = i;
            (void)cond_notify(&cond, 1);
        }
    return arg;
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int main(void)
{
    pthread_t thread;
    int status = 0;
    if (pthread_create(&thread, NULL, produce, NULL) != 0)
        return 1;
    for (int i = 1; i <= ITEMS; i++)
        COND_WITH (&cond) {
            if (cond_wait_for(&cond, is_full, &item, COND_SEC(60)) != 0 || item != i)
                return 1;
            item = 0;
            (void)cond_notify(&cond, 1);
        }
    (void)pthread_join(thread, NULL);

    for (int i = 0; i < TIMEOUTS; i++) {
        (void)nanosleep(&(struct timespec){0, 8000000}, NULL); /* into the tick */
        COND_WITH (&cond) {
            int64_t began_ns = now_ns();
            if (cond_wait(&cond, COND_MS(15)) != ETIMEDOUT)
                return 1;
            if (now_ns() - began_ns < COND_MS(15))
                status = 2;
        }
    }
    return status;
}
