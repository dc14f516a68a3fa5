/* SPDX-License-Identifier: MIT */
/*
 * No wake-up is lost at a private lock. A thread that sleeps for a lock wakes up by itself after the starvation
 * threshold, which would hide a loss. So the library is compiled into this program with an infinite threshold, and once
 * more with a threshold of 2 microseconds, so that threads starve all the time. Threads and tasks acquire, try, wait,
 * notify, time out, are cancelled and recurse at random on one lock. If no round ends for a while, a thread or task
 * sleeps for ever.
 *
 *      PROGRAM [--scale N] [--seed S]
 */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include "all.c"
/* (The library ends here.) The counts of wake-ups begin near their end. */
#include "../counters.h"
#include "stress.h"

enum { THREADS = 4, LOOPS = 2, TASKS = 3, THREAD_STEPS = 600, LOOP_STEPS = 900 };

#ifndef HANGS_NS
#  define HANGS_NS COND_SEC(60)
#endif

static cond_lock_t shared_lock;
static cond_t plain, with_pred;
static int items; /* under the lock */
static atomic_uint rounds;
static atomic_bool all_done;

static bool has_item(void *arg) { (void)arg; return items > 0; }

static void use_lock(struct rng *rng)
{
    switch (rng_next(rng) % 8) {
    case 0: (void)cond_wait(&plain, (int64_t)(rng_next(rng) % 80000)); break;
    case 1:
        if (cond_wait_for(&with_pred, has_item, NULL, (int64_t)(rng_next(rng) % 80000)) == 0)
            items--;
        break;
    case 2: CHECK_OK(cond_notify(&plain, 1)); break;
    case 3: CHECK_OK(cond_notify_all(&plain)); break;
    case 4:
        items++;
        CHECK_OK(cond_notify(&with_pred, 1));
        break;
    case 5:
        items += 2;
        CHECK_OK(cond_notify_all(&with_pred));
        break;
    default: break;
    }
}

static void *run_thread(void *arg)
{
    struct rng *rng = arg;
    for (unsigned step = 0; step < THREAD_STEPS; step++) {
        unsigned how = (unsigned)(rng_next(rng) % 16);
        int error = how < 1   ? cond_lock_try_acquire(&shared_lock)
                    : how < 4 ? cond_lock_acquire_timed(&shared_lock, 1000 + (int64_t)(rng_next(rng) % 60000))
                              : cond_lock_acquire(&shared_lock);
        if (error != 0)
            continue;
        if (rng_chance(rng, 30))
            CHECK_OK(cond_lock_acquire(&shared_lock));
        if (rng_chance(rng, 12))
            stress_yield();
        else
            stress_spin_until(cond_now() + (int64_t)(rng_next(rng) % 1000));
        use_lock(rng);
        while (cond_lock_release(&shared_lock) == 0)
            ;
        if (rng_chance(rng, 25))
            stress_yield();
    }
    return NULL;
}

/* Whether a loop may make a call for a task. */
enum { IDLE, BUSY, DONE };

struct client {
    cond_task_t task;
    atomic_int state;
    int result; /* once it is DONE */
};

static void on_ready(cond_task_t *task, int result)
{
    struct client *client = cond_task_user(task);
    client->result = result;
    atomic_store(&client->state, DONE);
}

static void end_request(struct client *client, int result)
{
    if (result == EINPROGRESS)
        return;
    client->result = result;
    atomic_store(&client->state, DONE);
}

static void run_client(struct client *client, struct rng *rng)
{
    if (cond_task_notify(&plain, &client->task, 1) == 0) { /* otherwise its acquire was cancelled */
        if (rng_chance(rng, 25)) {
            atomic_store(&client->state, BUSY);
            end_request(client, cond_task_wait(&plain, &client->task));
            return;
        }
        while (cond_task_release(&plain, &client->task) == 0)
            ;
    }
    atomic_store(&client->state, IDLE);
}

static void *run_loop(void *arg)
{
    struct rng *rng = arg;
    struct client clients[TASKS];
    for (unsigned i = 0; i < TASKS; i++) {
        atomic_init(&clients[i].state, IDLE);
        CHECK_OK(cond_task_init(&clients[i].task, on_ready, &clients[i]));
    }
    for (unsigned step = 0; step < LOOP_STEPS; step++) {
        struct client *client = &clients[rng_next(rng) % TASKS];
        switch (atomic_load(&client->state)) {
        case IDLE:
            atomic_store(&client->state, BUSY);
            end_request(client, cond_task_acquire(&plain, &client->task));
            break;
        case BUSY:
            if (rng_chance(rng, 12))
                (void)cond_task_cancel(&client->task);
            break;
        case DONE: run_client(client, rng); break;
        }
        if (rng_chance(rng, 25))
            stress_yield();
    }
    for (unsigned left = TASKS; left > 0; stress_yield()) {
        left = 0;
        for (unsigned i = 0; i < TASKS; i++) {
            int state = atomic_load(&clients[i].state);
            if (state == BUSY) {
                (void)cond_task_cancel(&clients[i].task);
                left++;
            } else if (state == DONE) {
                while (cond_task_release(&plain, &clients[i].task) == 0)
                    ;
                atomic_store(&clients[i].state, IDLE);
            }
        }
    }
    return NULL;
}

static void *watch(void *arg)
{
    (void)arg;
    unsigned last = 0;
    int64_t since_ns = cond_now();
    while (!atomic_load(&all_done)) {
        stress_sleep_until(cond_now() + COND_MS(100));
        if (atomic_load(&rounds) != last) {
            last = atomic_load(&rounds);
            since_ns = cond_now();
        }
        CHECK(cond_now() - since_ns < HANGS_NS,
              "a thread or a task sleeps and is not woken, in round %u: word 0x%x, depth_ 0x%x", last,
              (unsigned)a_load_32(lock_word(&shared_lock)), (unsigned)a_load_32(&shared_lock.depth_));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    pthread_t watcher = stress_start(watch, NULL);
    for (unsigned round = 0; round < stress_rounds(40); round++) {
        pthread_t threads[THREADS + LOOPS];
        struct rng rngs[THREADS + LOOPS];
        items = 0;
        CHECK_OK(cond_lock_init(&shared_lock, COND_RLOCK));
        CHECK_OK(cond_init(&plain, &shared_lock, 0));
        CHECK_OK(cond_init(&with_pred, &shared_lock, 0));
        for (unsigned i = 0; i < THREADS + LOOPS; i++) {
            rngs[i] = rng_make(rng_next(&rng));
            threads[i] = stress_start(i < THREADS ? run_thread : run_loop, &rngs[i]);
        }
        stress_join_all(threads, THREADS + LOOPS);
        CHECK_OK(cond_destroy(&plain));
        CHECK_OK(cond_destroy(&with_pred));
        CHECK_OK(cond_lock_destroy(&shared_lock));
        atomic_fetch_add(&rounds, 1);
    }
    atomic_store(&all_done, true);
    stress_join(watcher);
    return 0;
}
