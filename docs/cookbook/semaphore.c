/* SPDX-License-Identifier: MIT */
/* A semaphore with timeouts on the monotonic clock. (docs/cookbook.md) */
#include <condvar.h>
#include <errno.h>
#include <stdio.h>

enum { THREADS = 8, UNITS = 3 };

/* ---- The semaphore ---- */

struct semaphore {
    cond_t posted;
    unsigned count; /* guarded by the lock */
};

static bool is_positive(void *arg) { return *(unsigned *)arg > 0; }

/* 0, or ETIMEDOUT. With a timeout of 0 it never blocks. */
static int semaphore_wait(struct semaphore *semaphore, int64_t timeout_ns)
{
    int64_t deadline_ns = cond_deadline(timeout_ns); /* of both steps */
    int error = cond_acquire_until(&semaphore->posted, deadline_ns);
    if (error != 0)
        return error;
    error = cond_wait_for_until(&semaphore->posted, is_positive, &semaphore->count, deadline_ns);
    if (error == 0)
        semaphore->count--;
    cond_release(&semaphore->posted);
    return error;
}

static void semaphore_post(struct semaphore *semaphore)
{
    cond_acquire(&semaphore->posted);
    semaphore->count++;
    cond_notify(&semaphore->posted, 1);
    cond_release(&semaphore->posted);
}

/* ---- A program that uses it ---- */

static struct semaphore units = {.count = UNITS};
static cond_t counted = COND_INIT;
static int in_use, most_in_use;

static void *use(void *arg)
{
    for (int i = 0; i < 100; i++) {
        semaphore_wait(&units, COND_FOREVER);
        COND_WITH(&counted)
            most_in_use = ++in_use > most_in_use ? in_use : most_in_use;
        COND_WITH(&counted)
            in_use--;
        semaphore_post(&units);
    }
    return arg;
}

int main(void)
{
    pthread_t threads[THREADS];
    int taken = 0;
    while (semaphore_wait(&units, 0) == 0)
        taken++;
    printf("taken without waiting: %d, then %s\n", taken,
           semaphore_wait(&units, COND_MS(5)) == ETIMEDOUT ? "a timeout" : "no timeout");
    for (int i = 0; i < taken; i++)
        semaphore_post(&units);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, use, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("at most %d in use: %s\n", UNITS, most_in_use <= UNITS ? "yes" : "no");
    printf("left: %u\n", units.count);
    return 0;
}

/* Prints:
taken without waiting: 3, then a timeout
at most 3 in use: yes
left: 3
 */
