/* SPDX-License-Identifier: MIT */
/*
 * bounded_buffer.c - producers and consumers share a buffer of limited size
 *
 * By default one producer puts 20 items into the buffer, one consumer takes 10 of them, and the buffer holds at most
 * 10 items. The producer works for 1 second on each item and the consumer for 3 seconds, times --scale.
 *
 * Producers and consumers wait on the same condition, each side with its own predicate. Both sides call
 * cond_notify(1). A notification skips a waiter whose predicate is false (a producer while the buffer is full) and
 * goes to the next waiter. So one condition is enough, and nobody needs cond_notify_all().
 *
 *     examples/run bounded_buffer                  short pauses
 *     examples/run bounded_buffer --scale 1        real time, about 31 seconds
 *     examples/run bounded_buffer --producers 4 --consumers 3 --items 1000 --capacity 1 --scale 0
 */
#include "common.h"

static double scale = 0.01; /* of the pauses */
static size_t producers = 1, consumers = 1, items = 20, capacity = 10;
static size_t to_take = 10; /* by all consumers together */

/* All bits are 0, so the condition is ready to use. */
static struct buffer {
    cond_t changed;      /* an item was put or taken; its lock guards all other members */
    size_t *ring;
    size_t first, count; /* the items in the ring */
    size_t max_count;    /* the highest count so far */
    size_t produced;
    size_t claimed;      /* items that consumers have taken or wait for */
    size_t consumed;
    unsigned char *seen; /* by item: how many times it was taken */
} buffer;

static bool has_room(void *arg) { return ((struct buffer *)arg)->count < capacity; }
static bool has_item(void *arg) { return ((struct buffer *)arg)->count > 0; }

/* put() and take() print while they hold the lock, so that the lines appear in the order of the events. */
static void put(struct buffer *b, size_t producer, size_t item)
{
    CHECK(cond_acquire(&b->changed));
    if (!has_room(b))
        printf("producer %zu: waits, the buffer is full: %zu items in the buffer\n", producer, b->count);
    CHECK(cond_wait_for(&b->changed, has_room, b, COND_FOREVER));

    b->ring[(b->first + b->count) % capacity] = item;
    b->count++;
    b->produced++;
    if (b->max_count < b->count)
        b->max_count = b->count;
    printf("producer %zu: put item %zu: %zu items in the buffer\n", producer, item + 1, b->count);

    CHECK(cond_notify(&b->changed, 1));
    CHECK(cond_release(&b->changed));
}

/* Returns false if the consumers have claimed all items already. */
static bool take(struct buffer *b, size_t consumer)
{
    CHECK(cond_acquire(&b->changed));
    if (b->claimed == to_take) {
        CHECK(cond_release(&b->changed));
        return false;
    }
    b->claimed++;
    if (!has_item(b))
        printf("consumer %zu: waits, the buffer is empty: %zu items in the buffer\n", consumer, b->count);
    CHECK(cond_wait_for(&b->changed, has_item, b, COND_FOREVER));

    size_t item = b->ring[b->first];
    b->first = (b->first + 1) % capacity;
    b->count--;
    b->consumed++;
    b->seen[item]++;
    printf("consumer %zu: took item %zu: %zu items in the buffer\n", consumer, item + 1, b->count);

    CHECK(cond_notify(&b->changed, 1));
    CHECK(cond_release(&b->changed));
    return true;
}

/* ---- The threads and the check of the result -------------------------------------------------------- */

static void *produce(void *arg)
{
    const size_t number = *(const size_t *)arg;
    for (size_t i = 0; i < items; i++) {
        sleep_seconds(1 * scale);
        put(&buffer, number, (number - 1) * items + i);
    }
    return NULL;
}

static void *consume(void *arg)
{
    while (take(&buffer, *(const size_t *)arg))
        sleep_seconds(3 * scale);
    return NULL;
}

/* Returns whether each item was taken once or is still in the buffer, and the count never exceeded the capacity. */
static bool is_right(struct buffer *b, size_t total)
{
    bool right = b->produced == total && b->consumed == to_take && b->count == total - to_take;
    for (size_t i = 0; i < b->count; i++)
        b->seen[b->ring[(b->first + i) % capacity]]++;
    for (size_t item = 0; item < total; item++)
        right = right && b->seen[item] == 1;
    printf("produced %zu, consumed %zu, left %zu\n", b->produced, b->consumed, b->count);
    printf("at most %zu in the buffer of %zu, each item seen exactly once: %s\n", b->max_count, capacity,
           right ? "yes" : "no");
    return right && b->max_count <= capacity;
}

static const char about[] =
    "Producers and consumers share a buffer of limited size. By default the consumers take 10 items.\n"
    "With any option but --scale they take all items.";

int main(int argc, char **argv)
{
    enum { MAX = 1000 };
    static pthread_t threads[2 * MAX];
    static size_t numbers[2 * MAX]; /* 1, 2, ...: the names of the producers and of the consumers */
    struct number_option options[] = {
        {"producers", "number of producers", &producers, NULL, 1, MAX, false},
        {"consumers", "number of consumers", &consumers, NULL, 1, MAX, false},
        {"items", "items that each producer puts", &items, NULL, 1, 100000, false},
        {"capacity", "items that the buffer holds", &capacity, NULL, 1, 100000, false},
        {"scale", "length of the pauses, times 1 s and 3 s", NULL, &scale, 0, 1000, false},
        {0},
    };
    read_options(argc, argv, NULL, about, options);
    const size_t total = producers * items;
    if (options[0].given || options[1].given || options[2].given || options[3].given)
        to_take = total;

    buffer.ring = allocate(capacity, sizeof *buffer.ring);
    buffer.seen = allocate(total, sizeof *buffer.seen);
    for (size_t i = 0; i < producers + consumers; i++) {
        numbers[i] = i < producers ? i + 1 : i - producers + 1;
        threads[i] = start_thread(i < producers ? produce : consume, &numbers[i]);
    }
    for (size_t i = 0; i < producers + consumers; i++)
        pthread_join(threads[i], NULL);

    bool right = is_right(&buffer, total);
    CHECK(cond_destroy(&buffer.changed));
    return end_program(right);
}
