/* SPDX-License-Identifier: MIT */
/* A barrier: all threads wait until the last one has arrived. (docs/cookbook.md) */
#include <condvar.h>
#include <stdio.h>

enum { THREADS = 4, ROUNDS = 100 };

/* ---- The barrier ---- */

struct barrier {
    cond_t passed;
    unsigned threads; /* fixed */
    unsigned here;    /* guarded by the lock: how many threads have arrived */
    unsigned round;
};

struct arrival {
    struct barrier *barrier;
    unsigned round;
};

static bool is_round_over(void *arg)
{
    const struct arrival *mine = arg;
    return mine->barrier->round != mine->round;
}

static void barrier_wait(struct barrier *barrier)
{
    cond_acquire(&barrier->passed);
    struct arrival mine = {barrier, barrier->round};
    if (++barrier->here == barrier->threads) {
        barrier->here = 0;
        barrier->round++;
        cond_notify_all(&barrier->passed);
    }
    cond_wait_for(&barrier->passed, is_round_over, &mine, COND_FOREVER);
    cond_release(&barrier->passed);
}

/* ---- A program that uses it ---- */

static struct barrier barrier = {.threads = THREADS};
static int rounds[THREADS]; /* each is written by one thread, between two barriers */
static int wrong[THREADS];

static void *run(void *arg)
{
    int me = (int)((int *)arg - rounds);
    for (int round = 1; round <= ROUNDS; round++) {
        rounds[me] = round;
        barrier_wait(&barrier);
        for (int i = 0; i < THREADS; i++)
            wrong[me] += rounds[i] != round;
        barrier_wait(&barrier);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, run, &rounds[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%d rounds, ahead or behind: %d\n", ROUNDS, wrong[0] + wrong[1] + wrong[2] + wrong[3]);
    return 0;
}

/* Prints:
100 rounds, ahead or behind: 0
 */
