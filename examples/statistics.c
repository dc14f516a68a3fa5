/* SPDX-License-Identifier: MIT */
/*
 * statistics.c - count what happens at each lock, in the program itself
 *
 *     examples/run statistics --threads 8 --items 100000
 *
 * The library calls an observer for each event, if it was built with -Dobserver=enabled. (This example is compiled with
 * its own copy of the library, so it needs no other build.) At its end the program prints a table of all locks:
 *
 *     contended      acquires that found the lock held
 *     waits          waits on all conditions of the lock
 *     in vain        wake-ups in vain: a woken waiter found the lock held, or its predicate false
 *     longest wait   from the beginning of a wait to its end
 */
#include "common.h"

/* ---- The statistics ---------------------------------------------------------------------------------- */

enum { MAX_LOCKS = 100 };

static struct counts {
    const cond_lock_t *lock;
    const char *name; /* NULL: the program has not named it */
    size_t contended, waits, in_vain;
    int64_t longest_ns;
} all_counts[MAX_LOCKS];
static size_t locks; /* in the table */
/* Guards both. It is no lock of the library, since an observer must not call the library. */
static pthread_mutex_t counts_mutex = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int64_t began_ns; /* when this thread began its wait */

/* Caller must hold the mutex. The locks that do not fit share the last row. */
static struct counts *counts_of(const cond_lock_t *lock)
{
    size_t i = 0;
    while (i < locks && i < MAX_LOCKS - 1 && all_counts[i].lock != lock)
        i++;
    if (i == locks)
        all_counts[locks++].lock = lock;
    return &all_counts[i];
}

/* Called by any thread, mostly while it holds the lock. */
static void observe(int event, const cond_t *cond, const cond_lock_t *lock, int64_t value)
{
    (void)cond;
    int64_t now_ns = cond_now();
    pthread_mutex_lock(&counts_mutex);
    struct counts *counts = counts_of(lock);
    if (event == COND_EVENT_WAIT) {
        counts->waits++;
        began_ns = now_ns;
    } else if (event == COND_EVENT_WAKE) {
        if (counts->longest_ns < now_ns - began_ns)
            counts->longest_ns = now_ns - began_ns;
    } else if (event == COND_EVENT_CONTENDED && value == 0) {
        counts->contended++;
    } else if (event == COND_EVENT_CONTENDED || event == COND_EVENT_AGAIN) {
        counts->in_vain++; /* this thread is a woken waiter */
    }
    pthread_mutex_unlock(&counts_mutex);
}

static void name_lock(const cond_lock_t *lock, const char *name)
{
    pthread_mutex_lock(&counts_mutex);
    counts_of(lock)->name = name;
    pthread_mutex_unlock(&counts_mutex);
}

static void print_statistics(void)
{
    printf("%-18s  %-8s  %9s  %9s  %9s  %s\n", "lock", "name", "contended", "waits", "in vain", "longest wait");
    for (const struct counts *c = all_counts; c < all_counts + locks; c++)
        printf("%-18p  %-8s  %9zu  %9zu  %9zu  %9.3f ms\n", (const void *)c->lock, c->name != NULL ? c->name : "-",
               c->contended, c->waits, c->in_vain, (double)c->longest_ns / 1e6);
}

/* ---- A program with two locks ------------------------------------------------------------------------ */

enum { CAPACITY = 2, MAX_THREADS = 100 };

static size_t threads = 4, items = 1000;

static cond_t changed = COND_INIT; /* its lock guards the buffer */
static size_t buffer[CAPACITY], first, count;
static cond_lock_t sum_lock = COND_MUTEX_INIT;
static size_t sum; /* of all items that were taken; guarded by sum_lock */

static bool has_room(void *arg) { return *(size_t *)arg < CAPACITY; }
static bool has_item(void *arg) { return *(size_t *)arg > 0; }

static void *produce(void *arg)
{
    for (size_t item = 1; item <= items; item++) {
        CHECK(cond_acquire(&changed));
        CHECK(cond_wait_for(&changed, has_room, &count, COND_FOREVER));
        buffer[(first + count++) % CAPACITY] = item;
        CHECK(cond_notify(&changed, 1));
        CHECK(cond_release(&changed));
    }
    return arg;
}

static void *consume(void *arg)
{
    for (size_t taken = 0; taken < items; taken++) {
        CHECK(cond_acquire(&changed));
        CHECK(cond_wait_for(&changed, has_item, &count, COND_FOREVER));
        size_t item = buffer[first];
        first = (first + 1) % CAPACITY;
        count--;
        CHECK(cond_notify(&changed, 1));
        CHECK(cond_release(&changed));

        CHECK(cond_lock_acquire(&sum_lock));
        sum += item;
        CHECK(cond_lock_release(&sum_lock));
    }
    return arg;
}

int main(int argc, char **argv)
{
    struct number_option options[] = {
        {"threads", "number of producers, and of consumers", &threads, NULL, 1, MAX_THREADS, false},
        {"items", "items that each producer puts", &items, NULL, 1, 1000000, false},
        {0},
    };
    pthread_t started[2 * MAX_THREADS];
    read_options(argc, argv, NULL, "Producers and consumers share a buffer. Prints counts for each lock.", options);
    name_lock(cond_get_lock(&changed), "buffer");
    name_lock(&sum_lock, "sum");
    cond_set_observer(observe);
    for (size_t i = 0; i < threads; i++)
        started[i] = start_thread(consume, NULL);
    while (cond_waiters(&changed) < threads) /* so each consumer waits */
        sleep_seconds(0.001);
    for (size_t i = threads; i < 2 * threads; i++)
        started[i] = start_thread(produce, NULL);
    for (size_t i = 0; i < 2 * threads; i++)
        pthread_join(started[i], NULL);
    cond_set_observer(NULL);

    print_statistics();
    printf("the sum of %zu items is %zu\n", threads * items, sum);
    return end_program(sum == threads * (items * (items + 1) / 2));
}
