/* SPDX-License-Identifier: MIT */
/*
 * unlimited_buffer.c - consumers wait in a `while` loop; the producer never waits and calls cond_notify(2)
 *
 * This is the oldest form of the pattern, as in the manual of Python's threading.Condition. The producer puts two items
 * at a time and wakes two consumers. A consumer calls cond_wait() in a loop until there is an item. The loop is
 * necessary: between the notify and the return of the wait, another consumer may take the item. (cond_wait_for()
 * contains this loop.)
 *
 * COND_WITH acquires the lock for a block. It releases the lock however the block is left.
 *
 *     examples/run unlimited_buffer
 */
#include "common.h"

enum { CONSUMERS = 4, ROUNDS = 20, ITEMS = 2 * ROUNDS };

struct item {
    struct item *next;
    int number;
};

static cond_t changed = COND_INIT; /* its lock guards all that follows */
static struct item *first, *last;  /* a list: the buffer */
static int in_buffer;
static int consumed;
static int seen[ITEMS + 1];        /* by item number: how many times it was taken */
static bool no_more_items;         /* the producer has ended */

/* Caller must hold the lock. */
static void put(int number)
{
    struct item *item = allocate(1, sizeof *item);
    item->number = number;
    if (first == NULL)
        first = item;
    else
        last->next = item;
    last = item;
    in_buffer++;
    printf("producer: put item %d: %d items in the buffer\n", number, in_buffer);
}

static void *produce(void *arg)
{
    for (int round = 0; round < ROUNDS; round++) {
        sleep_seconds(0.002);
        COND_WITH(&changed) {
            put(2 * round + 1);
            put(2 * round + 2);
            CHECK(cond_notify(&changed, 2));
        }
    }
    COND_WITH(&changed) {
        no_more_items = true;
        CHECK(cond_notify_all(&changed));
    }
    return arg;
}

/* Returns false if the buffer is empty and the producer has ended. */
static bool take(int consumer)
{
    struct item *item = NULL;

    COND_WITH(&changed) {
        while (first == NULL && !no_more_items)
            CHECK(cond_wait(&changed, COND_FOREVER));
        if (first == NULL)
            break; /* leaves the block of COND_WITH */
        item = first;
        first = item->next;
        in_buffer--;
        consumed++;
        seen[item->number]++;
        printf("consumer %d: took item %d: %d items in the buffer\n", consumer, item->number, in_buffer);
    }
    bool taken = item != NULL;
    free(item);
    return taken;
}

static void *consume(void *arg)
{
    while (take(*(const int *)arg))
        sleep_seconds(0.003);
    return NULL;
}

int main(int argc, char **argv)
{
    static int numbers[CONSUMERS];
    pthread_t consumers[CONSUMERS];
    struct number_option no_options = {0};
    read_options(argc, argv, NULL, "A producer puts two items at a time; consumers wait in a loop.", &no_options);

    for (int i = 0; i < CONSUMERS; i++) {
        numbers[i] = i + 1;
        consumers[i] = start_thread(consume, &numbers[i]);
    }
    pthread_t producer = start_thread(produce, NULL);
    pthread_join(producer, NULL);
    for (int i = 0; i < CONSUMERS; i++)
        pthread_join(consumers[i], NULL);
    CHECK(cond_destroy(&changed));

    bool right = consumed == ITEMS && in_buffer == 0;
    for (int number = 1; number <= ITEMS; number++)
        right = right && seen[number] == 1;
    printf("produced %d, consumed %d, left %d\n", ITEMS, consumed, in_buffer);
    return end_program(right);
}
