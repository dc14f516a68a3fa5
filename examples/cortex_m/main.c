/* SPDX-License-Identifier: MIT */
/*
 * Two producers and a consumer share a buffer of 10 places, on bare metal.
 *
 * The consumer has the higher priority, so it runs as soon as it can take an item. The producers have equal priority,
 * take turns, and can be interrupted at any instruction. One producer sleeps after every 500 items. At the end the
 * consumer waits for an item that does not come. This wait must time out after 20 ms, and not earlier.
 *
 * Prints the first steps. Ends with status 0 if each item was taken exactly once, and with 1 if not.
 */
#include "condvar_single.h"
#include "kernel.h"

enum { PRODUCERS = 2, ITEMS = 5000, CAPACITY = 10, SHOWN = 12 };

static struct {
    cond_t changed; /* an item was put or taken; its lock guards all other members */
    uint32_t ring[CAPACITY];
    uint32_t first, count;
    uint32_t max_count; /* the highest count so far */
    uint32_t waits;     /* how many times a producer found the buffer full, or the consumer found it empty */
    uint32_t steps;
    uint8_t seen[PRODUCERS * ITEMS]; /* by item: how many times it was taken */
} buffer;

static void check(int error)
{
    if (error == 0)
        return;
    console_write("error ");
    console_write_number((uint32_t)error);
    console_write("\n");
    program_exit(1);
}

static bool has_room(void *arg)
{
    (void)arg;
    return buffer.count < CAPACITY;
}

static bool has_item(void *arg)
{
    (void)arg;
    return buffer.count > 0;
}

/* Caller must hold the lock, so that the lines appear in the order of the events. */
static void show(const char *what, uint32_t item)
{
    if (++buffer.steps > SHOWN)
        return;
    console_write(what);
    console_write_number(item);
    console_write(": ");
    console_write_number(buffer.count);
    console_write(" in the buffer\n");
    if (buffer.steps == SHOWN)
        console_write("and so on\n");
}

static void put(uint32_t item)
{
    check(cond_acquire(&buffer.changed));
    buffer.waits += !has_room(NULL);
    check(cond_wait_for(&buffer.changed, has_room, NULL, COND_FOREVER));
    buffer.ring[(buffer.first + buffer.count++) % CAPACITY] = item;
    if (buffer.max_count < buffer.count)
        buffer.max_count = buffer.count;
    show("put item ", item);
    check(cond_notify(&buffer.changed, 1));
    check(cond_release(&buffer.changed));
}

/* Returns 0 and the item, or ETIMEDOUT. */
static int take(uint32_t *item, int64_t timeout_ns)
{
    check(cond_acquire(&buffer.changed));
    buffer.waits += !has_item(NULL);
    int error = cond_wait_for(&buffer.changed, has_item, NULL, timeout_ns);
    if (error == 0) {
        *item = buffer.ring[buffer.first];
        buffer.first = (buffer.first + 1) % CAPACITY;
        buffer.count--;
        show("took item ", *item);
        check(cond_notify(&buffer.changed, 1));
    }
    check(cond_release(&buffer.changed));
    return error;
}

static void sleep_ms(int64_t ms)
{
    const uint32_t word = 0; /* no thread wakes it */
    kernel_sleep_on(&word, 0, kernel_now() + COND_MS(ms));
}

static void produce(void *arg)
{
    const uint32_t number = *(const uint32_t *)arg;
    for (uint32_t i = 0; i < ITEMS; i++) {
#ifdef LOSE_AN_ITEM /* a fault, to test that the program detects it */
        if (i == LOSE_AN_ITEM)
            continue;
#endif
        put(number * ITEMS + i);
        if (number == 0 && i % 500 == 499)
            sleep_ms(3);
    }
}

static _Noreturn void end(bool right)
{
    console_write("at most ");
    console_write_number(buffer.max_count);
    console_write(" in the buffer of ");
    console_write_number(CAPACITY);
    console_write(right ? ", each item seen exactly once: yes\n" : ", each item seen exactly once: no\n");
    program_exit(right ? 0 : 1);
}

static void consume(void *arg)
{
    uint32_t item = 0, taken = 0;
    (void)arg;
    sleep_ms(5); /* so that the producers fill the buffer first */
    while (taken < PRODUCERS * ITEMS && take(&item, COND_SEC(2)) == 0) {
        taken++;
        buffer.seen[item]++;
        if (taken % 1000 == 0)
            sleep_ms(2);
    }

    int64_t begun_ns = cond_now();
    bool right = take(&item, COND_MS(20)) == ETIMEDOUT;
    int64_t waited_us = (cond_now() - begun_ns) / 1000;
    for (uint32_t i = 0; i < PRODUCERS * ITEMS; i++)
        right = right && buffer.seen[i] == 1;
    console_write("took ");
    console_write_number(taken);
    console_write(" items, waited ");
    console_write_number(buffer.waits);
    console_write(" times, the last time for ");
    console_write_number((uint32_t)waited_us);
    console_write(" us\n");
    end(right && taken == PRODUCERS * ITEMS && buffer.max_count <= CAPACITY && waited_us >= 20000 &&
        cond_waiters(&buffer.changed) == 0);
}

int main(void)
{
    static uint32_t numbers[PRODUCERS];
    for (uint32_t i = 0; i < PRODUCERS; i++) {
        numbers[i] = i;
        kernel_thread(produce, &numbers[i], 1);
    }
    kernel_thread(consume, NULL, 2);
    kernel_run();
}
