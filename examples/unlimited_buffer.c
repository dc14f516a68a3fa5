/* SPDX-License-Identifier: MIT */
/*
 * unlimited_buffer.c - a buffer that only consumers wait for, with a `while` loop and notify(2)
 *
 * The oldest form of the pattern, as in the manual of Python's threading.Condition: a consumer waits in a
 * loop until there is an item; the producer, which never waits, puts two items at a time and wakes two
 * consumers. The loop is needed, as everywhere with cond_wait(): between the notify and the return of the
 * wait another consumer may come and take the item. (cond_wait_for() does without the loop.)
 * COND_WITH holds the lock for a block and releases it however the block is left.
 *
 *     examples/run unlimited_buffer
 *
 * Exits 0 if each item was taken exactly once, 1 if not.
 */
#define _POSIX_C_SOURCE 200809L

#include <condvar.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONSUMERS = 4, ROUNDS = 20, ITEMS = 2 * ROUNDS };

struct item {
    struct item *next;
    int number;
};

/* All zero bits, or COND_INIT, is a condition that is ready to use. */
static cond_t changed = COND_INIT; /* its lock guards everything below */
static struct item *first;
static struct item *last;
static int in_buffer;
static int consumed;
static int seen[ITEMS + 1]; /* by item number: how often it was taken */
static bool closed;         /* no more items will come */

static void check(int error, const char *call)
{
    if (error == 0)
        return;
    fprintf(stderr, "unlimited_buffer: %s: %s\n", call, cond_strerror(error));
    exit(1);
}

static void put(int number)
{
    struct item *item = malloc(sizeof *item);
    if (item == NULL) {
        fprintf(stderr, "unlimited_buffer: not enough memory\n");
        exit(1);
    }
    *item = (struct item){.next = NULL, .number = number};
    if (first == NULL)
        first = item;
    else
        last->next = item;
    last = item;
    in_buffer++;
    printf("producer: put item %d: %d items in the buffer\n", number, in_buffer);
}

static void *producer(void *arg)
{
    (void)arg;
    for (int round = 0; round < ROUNDS; round++) {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        COND_WITH(&changed) {
            put(2 * round + 1);
            put(2 * round + 2);
            check(cond_notify(&changed, 2), "cond_notify");
        }
    }
    COND_WITH(&changed) {
        closed = true;
        check(cond_notify_all(&changed), "cond_notify_all");
    }
    return NULL;
}

/* Returns false when there is nothing left and nothing will come. */
static bool take(int consumer)
{
    struct item *item = NULL;

    COND_WITH(&changed) {
        while (first == NULL && !closed)
            check(cond_wait(&changed, COND_FOREVER), "cond_wait");
        if (first == NULL)
            return false; /* and COND_WITH has released the lock (by GCC and Clang; else use break) */
        item = first;
        first = item->next;
        in_buffer--;
        consumed++;
        seen[item->number]++;
        printf("consumer %d: took item %d: %d items in the buffer\n", consumer, item->number, in_buffer);
    }
    free(item);
    return true;
}

static void *consumer(void *arg)
{
    while (take(*(const int *)arg))
        nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    return NULL;
}

static pthread_t start(void *(*thread)(void *), void *arg)
{
    pthread_t id;
    int error = pthread_create(&id, NULL, thread, arg);
    if (error != 0) {
        fprintf(stderr, "unlimited_buffer: pthread_create: %s\n", strerror(error));
        exit(1);
    }
    return id;
}

int main(void)
{
    static int numbers[CONSUMERS];
    pthread_t consumers[CONSUMERS];
    bool right = true;

    for (int i = 0; i < CONSUMERS; i++) {
        numbers[i] = i + 1;
        consumers[i] = start(consumer, &numbers[i]);
    }
    pthread_t the_producer = start(producer, NULL);
    pthread_join(the_producer, NULL);
    for (int i = 0; i < CONSUMERS; i++)
        pthread_join(consumers[i], NULL);

    for (int number = 1; number <= ITEMS; number++)
        if (seen[number] != 1) {
            fprintf(stderr, "unlimited_buffer: item %d was taken %d times\n", number, seen[number]);
            right = false;
        }
    printf("produced %d, consumed %d, left %d\n", ITEMS, consumed, in_buffer);
    check(cond_destroy(&changed), "cond_destroy");
    return right && consumed == ITEMS && in_buffer == 0 && fflush(stdout) == 0 ? 0 : 1;
}
