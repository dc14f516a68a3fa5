/* SPDX-License-Identifier: MIT */
/* A bounded queue with timeouts and a shutdown. (docs/cookbook.md) */
#include <condvar.h>
#include <stdio.h>

enum { PLACES = 4, ITEMS = 1000 };

struct queue {
    cond_t changed; /* its lock guards the rest */
    int items[PLACES];
    unsigned first, count;
};

static bool has_room(void *arg) { return ((struct queue *)arg)->count < PLACES; }
static bool has_item(void *arg) { return ((struct queue *)arg)->count > 0; }

/* 0; ETIMEDOUT: there was no room; ECANCELED: the queue is closed. */
static int put(struct queue *q, int item, int64_t timeout_ns)
{
    cond_acquire(&q->changed);
    int error = cond_wait_for(&q->changed, has_room, q, timeout_ns);
    if (error == 0 && cond_closed(&q->changed))
        error = ECANCELED;
    if (error == 0) {
        q->items[(q->first + q->count++) % PLACES] = item;
        cond_notify(&q->changed, 1);
    }
    cond_release(&q->changed);
    return error;
}

/* 0; ETIMEDOUT: there was no item; ECANCELED: the queue is closed, and empty. */
static int take(struct queue *q, int *item, int64_t timeout_ns)
{
    cond_acquire(&q->changed);
    int error = cond_wait_for(&q->changed, has_item, q, timeout_ns);
    if (error == 0) {
        *item = q->items[q->first];
        q->first = (q->first + 1) % PLACES;
        q->count--;
        cond_notify(&q->changed, 1);
    }
    cond_release(&q->changed);
    return error;
}

static void close_queue(struct queue *q)
{
    cond_acquire(&q->changed);
    cond_close(&q->changed);
    cond_release(&q->changed);
}

static void *consume(void *arg)
{
    long sum = 0;
    int item, error;
    while ((error = take(arg, &item, COND_FOREVER)) == 0)
        sum += item;
    printf("closed: %d, the sum is %ld\n", error == ECANCELED, sum);
    return NULL;
}

int main(void)
{
    static struct queue queue; /* all zero bits: an empty queue */
    int item;
    printf("timed out: %d\n", take(&queue, &item, COND_MS(10)) == ETIMEDOUT);

    pthread_t consumer;
    pthread_create(&consumer, NULL, consume, &queue);
    for (int i = 1; i <= ITEMS; i++)
        put(&queue, i, COND_FOREVER);
    close_queue(&queue);
    pthread_join(consumer, NULL);
    printf("closed: %d\n", put(&queue, 0, COND_FOREVER) == ECANCELED);
    return 0;
}

/* Prints:
timed out: 1
closed: 1, the sum is 500500
closed: 1
 */
