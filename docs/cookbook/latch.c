/* SPDX-License-Identifier: MIT */
/* A latch: it opens once, when its count is 0, and stays open. (docs/cookbook.md) */
#include <condvar.h>
#include <stdio.h>

/* ---- The latch ---- */

struct latch {
    cond_t opened;
    unsigned count; /* guarded by the lock */
};

static bool is_open(void *arg) { return ((struct latch *)arg)->count == 0; }

static void latch_count_down(struct latch *latch)
{
    cond_acquire(&latch->opened);
    if (latch->count > 0 && --latch->count == 0)
        cond_notify_all(&latch->opened);
    cond_release(&latch->opened);
}

/* 0, or ETIMEDOUT. */
static int latch_wait(struct latch *latch, int64_t timeout_ns)
{
    cond_acquire(&latch->opened);
    int error = cond_wait_for(&latch->opened, is_open, latch, timeout_ns);
    cond_release(&latch->opened);
    return error;
}

/* ---- A program that uses it ---- */

static struct latch loaded = {.count = 3};
static int parts[3];

static void *load(void *arg)
{
    *(int *)arg = 7;
    latch_count_down(&loaded);
    return NULL;
}

int main(void)
{
    pthread_t threads[3];
    printf("timed out: %d\n", latch_wait(&loaded, COND_MS(10)) == ETIMEDOUT);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, load, &parts[i]);
    latch_wait(&loaded, COND_FOREVER);
    printf("loaded: %d\n", parts[0] + parts[1] + parts[2]);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

/* Prints:
timed out: 1
loaded: 21
 */
