/* SPDX-License-Identifier: MIT */
/* A program that uses the library correctly, for valgrind.sh; with -DRACE one that forgets the lock once, with
   -DRACE_LATE one that looks once after it has released it. */
#include <condvar.h>
#include <stdlib.h>
#include <time.h>

enum { ROOM = 2, ITEMS = 40, THREADS = 2 };

static void check(int expected, int error)
{
    if (error != expected)
        abort();
}

/* ---- A buffer: on a condition with its own lock, on two with a lock elsewhere, and on an adopted mutex ---- */

struct buffer {
    cond_t *not_full, *not_empty;
    int used, items[ROOM];
    long sum;
};

static cond_t own = COND_INIT;
static struct buffer on_own = {.not_full = &own, .not_empty = &own};

static cond_lock_t lock = COND_MUTEX_INIT;
static cond_t not_full = COND_INIT_WITH(&lock), not_empty = COND_INIT_WITH(&lock);
static struct buffer on_lock = {.not_full = &not_full, .not_empty = &not_empty};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static cond_lock_t adopted;
static cond_t on_mutex;
static struct buffer on_adopted = {.not_full = &on_mutex, .not_empty = &on_mutex};

static bool has_room(void *arg) { return ((struct buffer *)arg)->used < ROOM; }
static bool has_item(void *arg) { return ((struct buffer *)arg)->used > 0; }

static void *produce(void *arg)
{
    struct buffer *buffer = arg;
    for (int i = 1; i <= ITEMS; i++) {
        check(0, cond_acquire(buffer->not_full));
        check(0, cond_wait_for(buffer->not_full, has_room, buffer, COND_FOREVER));
        buffer->items[buffer->used++] = i;
        check(0, cond_notify(buffer->not_empty, 1));
        check(0, cond_release(buffer->not_full));
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct buffer *buffer = arg;
    for (int i = 1; i <= ITEMS; i++) {
        check(0, cond_acquire(buffer->not_empty));
        check(0, cond_wait_for(buffer->not_empty, has_item, buffer, COND_SEC(60)));
        buffer->sum += buffer->items[--buffer->used];
        check(0, cond_notify(buffer->not_full, 1));
        check(0, cond_release(buffer->not_empty));
    }
#ifdef RACE_LATE
    buffer->sum++;
#endif
    return NULL;
}

/* ---- Plain waits: a broadcast, three levels deep; and some that time out ---- */

static cond_t gate = COND_INIT;
static int waiting, passed;

static void *passes(void *arg)
{
    for (int i = 0; i < 3; i++)
        check(0, cond_acquire(&gate));
    check(ETIMEDOUT, cond_wait(&gate, COND_MS(1)));
    waiting++;
    check(0, cond_wait(&gate, COND_FOREVER));
    passed++;
    for (int i = 0; i < 3; i++)
        check(0, cond_release(&gate));
    return arg;
}

static void open_gate(void)
{
    for (bool all = false; !all; nanosleep(&(struct timespec){0, 5000000}, NULL))
        COND_WITH(&gate) {
            all = waiting == THREADS;
            if (all)
                check(0, cond_notify_all(&gate));
        }
}

/* ---- try_acquire ---- */

static cond_lock_t tried = COND_RLOCK_INIT;
static int successes;

static void *tries(void *arg)
{
    for (int i = 0; i < 20; i++) {
        if (cond_lock_try_acquire(&tried) == 0 || cond_lock_acquire_timed(&tried, COND_MS(1)) == 0) {
            successes++;
            check(0, cond_lock_release(&tried));
        }
    }
#ifdef RACE
    successes++;
#endif
    return arg;
}

static void run(void *(*first)(void *), void *(*second)(void *), void *arg)
{
    pthread_t threads[2 * THREADS];
    for (int i = 0; i < 2 * THREADS; i++)
        check(0, pthread_create(&threads[i], NULL, i % 2 ? first : second, arg));
    if (first == passes)
        open_gate();
    for (int i = 0; i < 2 * THREADS; i++)
        check(0, pthread_join(threads[i], NULL));
}

static void *nothing(void *arg) { return arg; }

int main(void)
{
    check(0, cond_lock_init_pthread(&adopted, &mutex));
    check(0, cond_init(&on_mutex, &adopted, 0));
    run(produce, consume, &on_own);
    run(produce, consume, &on_lock);
    run(produce, consume, &on_adopted);
    run(passes, nothing, NULL);
    run(tries, tries, NULL);
    check(0, cond_destroy(&own));
    check(0, cond_destroy(&gate));
    check(0, cond_destroy(&on_mutex));
    check(0, cond_lock_destroy(&tried));
    return 0;
}
