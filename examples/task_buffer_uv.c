/* SPDX-License-Identifier: MIT */
/*
 * task_buffer_uv.c - producers and consumers as tasks of libuv loops, and as a thread, on one condition
 *
 * The program of bounded_buffer.c without a thread for each worker. The producers are tasks of one loop, the consumers
 * are tasks of a loop on another thread, and one plain thread is a producer, too:
 *
 *      loop of the producers              buffer                   loop of the consumers
 *      producer 1, 2...  --- put --->  [ | | | | | ]  --- take --->  consumer 1, 2...
 *      a thread          --- put --->  one condition
 *
 * All of them wait on the same condition and wake each other. No wait blocks a loop. A consumer waits --time-limit
 * milliseconds for an item; then it prints a line and waits again. The tasks of both sides run the same steps:
 *
 *      step_pause -> step_acquire -> step_wait -> step_use -> step_pause -> ...
 *
 *     examples/run task_buffer_uv                                 short pauses
 *     examples/run task_buffer_uv --scale 1 --time-limit 500      real time, about half a minute
 *
 * docs/tasks.md explains tasks. uv_worker.h connects them to libuv.
 */
#include "uv_worker.h"

static double scale = 0.01; /* of the pauses */
static size_t time_limit_ms = 5, producers = 2, consumers = 3, items = 10, capacity = 10;
static size_t total;        /* items of all producers */

static struct uv_worker_loop producing, consuming;

static cond_t changed;             /* an item was put or taken; its lock guards all that follows */
static size_t *ring;
static size_t produced, claimed, consumed, timeouts;
static unsigned char *seen;        /* by item: how many times it was taken */

static size_t in_buffer(void) { return produced - consumed; }
static bool has_room(void *arg) { return (void)arg, in_buffer() < capacity; }
static bool has_item(void *arg) { return (void)arg, in_buffer() > 0; }
static bool is_producer(const struct uv_worker *worker) { return worker->loop == &producing; }

/* Caller must hold the lock for put() and take(). So the lines appear in the order of the events. */
static void put(size_t producer, size_t item)
{
    ring[produced++ % capacity] = item;
    printf("producer %zu: put item %zu: %zu items in the buffer\n", producer, item + 1, in_buffer());
}

static void take(size_t consumer)
{
    size_t item = ring[consumed++ % capacity];
    seen[item]++;
    printf("consumer %zu: took item %zu: %zu items in the buffer\n", consumer, item + 1, in_buffer());
}

/* ---- The steps: each makes one request, or a pause, at its end -------------------------------------- */

static uv_step_t step_acquire, step_wait, step_use;

static void step_pause(struct uv_worker *worker, int result)
{
    (void)result; /* always 0, as in step_acquire() */
    worker->step = step_acquire;
    uv_worker_pause(worker, (uint64_t)((is_producer(worker) ? 1000 : 3000) * scale));
}

static void step_acquire(struct uv_worker *worker, int result)
{
    (void)result;
    worker->step = step_wait; /* before the request: on_ready() may run before the request has returned */
    UV_REQUEST(worker, cond_task_acquire(&changed, &worker->task));
}

/* Caller must hold the lock. Returns without it, or with it if the predicate is true already. */
static void wait_for_turn(struct uv_worker *worker)
{
    worker->step = step_use;
    if (!is_producer(worker))
        uv_worker_begin_limit(worker, time_limit_ms);
    UV_REQUEST(worker, cond_task_wait_for(&changed, &worker->task, is_producer(worker) ? has_room : has_item, NULL));
}

static void step_wait(struct uv_worker *worker, int result)
{
    check(result, "cond_task_acquire"); /* the lock is held */
    if (is_producer(worker) ? worker->count == items : claimed == total) {
        CHECK(cond_task_release(&changed, &worker->task));
        uv_worker_end(worker);
        return;
    }
    claimed += !is_producer(worker);
    wait_for_turn(worker);
}

static void step_use(struct uv_worker *worker, int result)
{
    uv_worker_end_limit(worker);
    if (result == ECANCELED) { /* by the time limit; the lock is held all the same */
        timeouts++;
        printf("consumer %zu: no item for %zu ms: %zu items in the buffer\n", worker->number, time_limit_ms, in_buffer());
        wait_for_turn(worker);
        return;
    }
    check(result, "cond_task_wait_for");
    if (is_producer(worker))
        put(worker->number, (worker->number - 1) * items + worker->count++);
    else
        take(worker->number);
    CHECK(cond_task_notify(&changed, &worker->task, 1));
    CHECK(cond_task_release(&changed, &worker->task));
    step_pause(worker, 0);
}

/* The same on a thread. A thread may block. */
static void thread_produces(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < items; i++) {
        sleep_seconds(1 * scale);
        COND_WITH(&changed) {
            CHECK(cond_wait_for(&changed, has_room, NULL, COND_FOREVER));
            put(producers + 1, producers * items + i);
            CHECK(cond_notify(&changed, 1));
        }
    }
}

int main(int argc, char **argv)
{
    struct number_option options[] = {
        {"producers", "number of producers that are tasks", &producers, NULL, 1, 1000, false},
        {"consumers", "number of consumers", &consumers, NULL, 1, 1000, false},
        {"items", "items that each producer puts", &items, NULL, 1, 99900, false},
        {"capacity", "items that the buffer holds", &capacity, NULL, 1, 99900, false},
        {"time-limit", "time limit of a wait for an item, in ms", &time_limit_ms, NULL, 1, 60000, false},
        {"scale", "length of the pauses, times 1 s and 3 s", NULL, &scale, 0, 1000, false},
        {0},
    };
    uv_thread_t threads[3];
    read_options(argc, argv, NULL, "Tasks of libuv loops and a thread share a buffer of limited size.", options);

    CHECK(cond_init(&changed, NULL, COND_MUTEX));
    total = (producers + 1) * items;
    ring = allocate(capacity, sizeof *ring);
    seen = allocate(total, sizeof *seen);
    struct uv_worker *workers[] = {uv_worker_open(&producing, producers, step_pause),
                                   uv_worker_open(&consuming, consumers, step_acquire)};
    CHECK_UV(uv_thread_create(&threads[0], uv_worker_run, &consuming));
    CHECK_UV(uv_thread_create(&threads[1], uv_worker_run, &producing));
    CHECK_UV(uv_thread_create(&threads[2], thread_produces, NULL));
    for (size_t i = 0; i < 3; i++)
        CHECK_UV(uv_thread_join(&threads[i]));
    CHECK(cond_destroy(&changed));
    free(workers[0]);
    free(workers[1]);

    bool right = produced == total && consumed == total;
    for (size_t item = 0; item < total; item++)
        right = right && seen[item] == 1;
    printf("produced %zu, consumed %zu, left %zu\n", produced, consumed, in_buffer());
    printf("%zu waits ended by the time limit\n", timeouts);
    printf("each item seen exactly once: %s\n", right ? "yes" : "no");
    return end_program(right);
}
