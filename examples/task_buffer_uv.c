/* SPDX-License-Identifier: MIT */
/*
 * task_buffer_uv.c - producers and consumers as tasks of libuv loops, and a thread, on one condition
 *
 * The program of bounded_buffer.c without a thread for each of its workers. Producers are tasks of one loop,
 * consumers are tasks of another, which runs on another thread, and one plain thread produces, too:
 *
 *      producers' loop                    buffer                   consumers' loop
 *      producer 1, 2...  --- put --->  [ | | | | | ]  --- take --->  consumer 1, 2...
 *      thread            --- put --->  one condition
 *
 * All wait on the same condition, and wake each other; no loop is ever blocked. Making an item takes 1 second
 * and using one takes 3, times --scale. A consumer that has waited for --patience gives up, says so, and waits
 * again.
 *
 * How it is done (docs/tasks.md has the reasons):
 *
 * - Each worker is a task with a step: the function with which it goes on when its request is done. A step says
 *   which one is next, makes a request, and ends.
 * - on_ready() may be called on any thread, so it posts: it puts the worker into the queue of its loop, and
 *   wakes that by uv_async_send(). The queue is needed, since several sends may become one callback.
 * - A wait with a time limit is a uv_timer that cancels. The step is told ECANCELED, and the lock is held all
 *   the same. If the timer was a moment too late the step is told 0, as if there had been none.
 *
 *     examples/run task_buffer_uv                                  short pauses
 *     examples/run task_buffer_uv --scale 1 --patience 500         real time, about half a minute
 *     examples/run task_buffer_uv --producers 4 --consumers 3 --items 1000 --capacity 1 --scale 0
 *
 * Exits 0 if each item was seen exactly once, 1 if not, and 2 for arguments that make no sense.
 */
#define _POSIX_C_SOURCE 200809L

#include <condvar.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define MAKING_S 1.0 /* how long a producer works on an item, before --scale */
#define USING_S 3.0  /* and a consumer */

struct settings {
    double scale;
    uint64_t patience_ms;
    size_t producers; /* that are tasks */
    size_t consumers;
    size_t items;     /* for each producer */
    size_t capacity;
};

struct buffer {
    cond_t changed; /* an item was put in or taken out; its lock guards everything below */
    size_t *ring;
    size_t first;
    size_t count;
    size_t most;     /* the highest count that there has been */
    size_t produced;
    size_t claimed;  /* how many items consumers have taken, or have begun to wait for */
    size_t consumed;
    size_t given_up; /* how many waits a timer has ended */
    unsigned char *seen; /* by item: how often it was taken */
};

/* All fixed before the threads start, except for what is in the buffer. */
static struct settings settings = {
    .scale = 0.01, .patience_ms = 5, .producers = 2, .consumers = 3, .items = 10, .capacity = 10};
static size_t to_take; /* by all consumers together: everything */
static struct buffer buffer;

/* Stops the program if a call has failed. */
static void check(int error, const char *call)
{
    if (error == 0)
        return;
    fprintf(stderr, "task_buffer_uv: %s: %s\n", call, cond_strerror(error));
    exit(1);
}

static void check_uv(int error, const char *call)
{
    if (error == 0)
        return;
    fprintf(stderr, "task_buffer_uv: %s: %s\n", call, uv_strerror(error));
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "task_buffer_uv: not enough memory\n");
        exit(1);
    }
    return memory;
}

/* ---- Workers and their loops: what would be the same in any program --------------------------------- */

struct loop {
    uv_loop_t uv;
    uv_async_t posted; /* the queue is not empty */
    uv_mutex_t mutex;  /* guards the queue */
    struct worker *first, *last;
    size_t running;    /* by its own thread only: how many workers have not ended */
};

typedef void step_t(struct worker *worker, int result);

/* By its loop's thread only, except where it says otherwise. */
struct worker {
    cond_task_t task;
    struct loop *loop;   /* fixed */
    uv_timer_t timer;    /* for pauses, and for waits with a time limit */
    step_t *step;        /* how it goes on when it is posted */
    int result;          /* what the step will be told: by who posts it */
    struct worker *next; /* in the queue: under the loop's mutex */
    size_t number;       /* its name */
    size_t made;         /* a producer: how many items */
};

/* Any thread: the worker's next step may be done. */
static void post(struct worker *worker, int result)
{
    struct loop *loop = worker->loop;
    worker->result = result;
    worker->next = NULL;
    uv_mutex_lock(&loop->mutex);
    if (loop->first != NULL) {
        loop->last->next = worker;
    } else {
        loop->first = worker;
        /* Before the unlock: after that the loop may get this worker, be through with it, and close. */
        check_uv(uv_async_send(&loop->posted), "uv_async_send");
    }
    loop->last = worker;
    uv_mutex_unlock(&loop->mutex);
}

/* The library's callback, on any thread, maybe of the other loop: so the step must not be done here. */
static void on_ready(cond_task_t *task, int result)
{
    post(cond_task_user(task), result);
}

/* Do the steps of all workers that were posted. */
static void on_posted(uv_async_t *async)
{
    struct loop *loop = async->data;
    uv_mutex_lock(&loop->mutex);
    struct worker *worker = loop->first;
    loop->first = NULL;
    uv_mutex_unlock(&loop->mutex);
    while (worker != NULL) {
        struct worker *next = worker->next; /* the step may post the worker again, or end it */
        worker->step(worker, worker->result);
        worker = next;
    }
}

/* What a step does last: `result` is what its request has returned. If that is the outcome already it is
   posted, too, since a next step called from here would be one within the other. */
static void go_on(struct worker *worker, int result, const char *call)
{
    if (result == 0 || result == ECANCELED)
        post(worker, result);
    else if (result != EINPROGRESS)
        check(result, call);
}

static void on_pause_over(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    worker->step(worker, 0);
}

static uint64_t scaled_ms(double seconds)
{
    return (uint64_t)(seconds * settings.scale * 1000 + 0.999);
}

/* Or this: to go on with the next step after a while. */
static void go_on_after(struct worker *worker, double seconds)
{
    uint64_t pause_ms = scaled_ms(seconds);
    if (pause_ms == 0)
        post(worker, 0);
    else
        check_uv(uv_timer_start(&worker->timer, on_pause_over, pause_ms, 0), "uv_timer_start");
}

static void on_time_over(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    int error = cond_task_cancel(&worker->task);
    /* EINVAL: a notify was faster, and the worker is posted, or just about to be, with 0. */
    if (error != EINVAL)
        check(error, "cond_task_cancel");
}

/* From now on the worker's request is cancelled when the time is over. The next step has to end_time_limit().
   All of it happens on the loop's thread, so a timer that is stopped cannot cancel a later request. */
static void begin_time_limit(struct worker *worker, uint64_t limit_ms)
{
    check_uv(uv_timer_start(&worker->timer, on_time_over, limit_ms, 0), "uv_timer_start");
}

static void end_time_limit(struct worker *worker)
{
    check_uv(uv_timer_stop(&worker->timer), "uv_timer_stop");
}

/* Or this: there is no next step. When all of its workers have ended the loop has nothing left, and ends. */
static void end(struct worker *worker)
{
    struct loop *loop = worker->loop;
    uv_close((uv_handle_t *)&worker->timer, NULL);
    if (--loop->running == 0)
        uv_close((uv_handle_t *)&loop->posted, NULL);
}

/* Returns its workers, which begin with this step. */
static struct worker *open_loop(struct loop *loop, size_t count, step_t *step)
{
    struct worker *workers = allocate(count, sizeof *workers);
    check_uv(uv_loop_init(&loop->uv), "uv_loop_init");
    check_uv(uv_async_init(&loop->uv, &loop->posted, on_posted), "uv_async_init");
    check_uv(uv_mutex_init(&loop->mutex), "uv_mutex_init");
    loop->posted.data = loop;
    loop->running = count;
    for (size_t i = 0; i < count; i++) {
        struct worker *worker = &workers[i];
        worker->loop = loop;
        worker->step = step;
        worker->number = i + 1;
        check(cond_task_init(&worker->task, on_ready, worker), "cond_task_init");
        check_uv(uv_timer_init(&loop->uv, &worker->timer), "uv_timer_init");
        worker->timer.data = worker;
        post(worker, 0);
    }
    return workers;
}

static void run_loop(void *arg)
{
    struct loop *loop = arg;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    check_uv(uv_loop_close(&loop->uv), "uv_loop_close"); /* UV_EBUSY, if something is still open */
}

/* ---- The buffer: all of these with the lock held ---------------------------------------------------- */

static bool has_room(void *arg)
{
    const struct buffer *b = arg;
    return b->count < settings.capacity;
}

static bool has_item(void *arg)
{
    const struct buffer *b = arg;
    return b->count > 0;
}

/* The lines are printed with the lock held, so that they come in the order of the events. */
static void put(struct buffer *b, size_t producer, size_t item)
{
    b->ring[(b->first + b->count) % settings.capacity] = item;
    b->count++;
    b->produced++;
    if (b->most < b->count)
        b->most = b->count;
    printf("producer %zu: put item %zu: %zu items in the buffer\n", producer, item + 1, b->count);
}

static void take(struct buffer *b, size_t consumer)
{
    size_t item = b->ring[b->first];
    b->first = (b->first + 1) % settings.capacity;
    b->count--;
    b->consumed++;
    if (b->seen[item] < 2)
        b->seen[item]++;
    printf("consumer %zu: took item %zu: %zu items in the buffer\n", consumer, item + 1, b->count);
}

/* ---- A producer: makes an item, acquires, waits for room, puts, and so on --------------------------- */

static void producer_has_room(struct worker *worker, int result);
static void producer_has_lock(struct worker *worker, int result);
static void producer_has_made(struct worker *worker, int result);

static void producer_begins(struct worker *worker, int result)
{
    check(result, "producer_begins");
    if (worker->made == settings.items) {
        end(worker);
        return;
    }
    worker->step = producer_has_made;
    go_on_after(worker, MAKING_S);
}

static void producer_has_made(struct worker *worker, int result)
{
    check(result, "producer_has_made");
    worker->step = producer_has_lock; /* before the request: on_ready() may come before the call has returned */
    go_on(worker, cond_task_acquire(&buffer.changed, &worker->task), "cond_task_acquire");
}

static void producer_has_lock(struct worker *worker, int result)
{
    struct buffer *b = &buffer;
    check(result, "producer_has_lock");
    if (!has_room(b))
        printf("producer %zu: waits, the buffer is full: %zu items in the buffer\n", worker->number, b->count);
    worker->step = producer_has_room;
    go_on(worker, cond_task_wait_for(&b->changed, &worker->task, has_room, b), "cond_task_wait_for");
}

static void producer_has_room(struct worker *worker, int result)
{
    struct buffer *b = &buffer;
    check(result, "producer_has_room");
    put(b, worker->number, (worker->number - 1) * settings.items + worker->made);
    worker->made++;
    check(cond_task_notify(&b->changed, &worker->task, 1), "cond_task_notify");
    check(cond_task_release(&b->changed, &worker->task), "cond_task_release");
    producer_begins(worker, 0);
}

/* The same on a thread, which may block. Between it and the tasks there is no difference in the buffer. */
static void thread_produces(void *arg)
{
    const size_t number = settings.producers + 1;
    struct buffer *b = arg;
    for (size_t i = 0; i < settings.items; i++) {
        uv_sleep((unsigned)scaled_ms(MAKING_S));
        check(cond_acquire(&b->changed), "cond_acquire");
        if (!has_room(b))
            printf("producer %zu: waits, the buffer is full: %zu items in the buffer\n", number, b->count);
        check(cond_wait_for(&b->changed, has_room, b, COND_FOREVER), "cond_wait_for");
        put(b, number, (number - 1) * settings.items + i);
        check(cond_notify(&b->changed, 1), "cond_notify");
        check(cond_release(&b->changed), "cond_release");
    }
}

/* ---- A consumer: acquires, waits for an item, but not for too long, takes it, uses it, and so on ---- */

static void consumer_has_item(struct worker *worker, int result);
static void consumer_has_lock(struct worker *worker, int result);

static void consumer_begins(struct worker *worker, int result)
{
    check(result, "consumer_begins");
    worker->step = consumer_has_lock;
    go_on(worker, cond_task_acquire(&buffer.changed, &worker->task), "cond_task_acquire");
}

static void consumer_waits(struct worker *worker)
{
    struct buffer *b = &buffer;
    worker->step = consumer_has_item;
    begin_time_limit(worker, settings.patience_ms);
    go_on(worker, cond_task_wait_for(&b->changed, &worker->task, has_item, b), "cond_task_wait_for");
}

static void consumer_has_lock(struct worker *worker, int result)
{
    struct buffer *b = &buffer;
    check(result, "consumer_has_lock");
    if (b->claimed == to_take) { /* the other consumers take all that is still to be taken */
        check(cond_task_release(&b->changed, &worker->task), "cond_task_release");
        end(worker);
        return;
    }
    b->claimed++;
    if (!has_item(b))
        printf("consumer %zu: waits, the buffer is empty: %zu items in the buffer\n", worker->number, b->count);
    consumer_waits(worker);
}

static void consumer_has_item(struct worker *worker, int result)
{
    struct buffer *b = &buffer;
    end_time_limit(worker);
    if (result == ECANCELED) { /* it has no item, but the lock */
        b->given_up++;
        printf("consumer %zu: nothing came for %llu ms, waits again: %zu items in the buffer\n", worker->number,
               (unsigned long long)settings.patience_ms, b->count);
        consumer_waits(worker);
        return;
    }
    check(result, "consumer_has_item");
    take(b, worker->number);
    check(cond_task_notify(&b->changed, &worker->task, 1), "cond_task_notify");
    check(cond_task_release(&b->changed, &worker->task), "cond_task_release");
    worker->step = consumer_begins;
    go_on_after(worker, USING_S);
}

/* ---- The result ------------------------------------------------------------------------------------- */

/* Whether every item was taken once, and the buffer was never overfull. */
static bool tally(const struct buffer *b)
{
    bool right = true;
    for (size_t item = 0; item < to_take; item++)
        if (b->seen[item] != 1) {
            const char *what = b->seen[item] == 0 ? "lost" : "seen twice";
            fprintf(stderr, "task_buffer_uv: item %zu was %s\n", item + 1, what);
            right = false;
        }
    printf("produced %zu, consumed %zu, left %zu\n", b->produced, b->consumed, b->count);
    printf("%zu waits ended by a timer\n", b->given_up);
    printf("at most %zu in the buffer of %zu, each item seen exactly once: %s\n", b->most, settings.capacity,
           right ? "yes" : "no");
    return right && b->produced == to_take && b->consumed == to_take && b->count == 0 &&
           b->most <= settings.capacity;
}

/* ---- The arguments ---------------------------------------------------------------------------------- */

static const char usage[] =
    "usage: task_buffer_uv [--scale S] [--patience MS] [--producers N] [--consumers N] [--items N]\n"
    "                      [--capacity N]\n"
    "\n"
    "The consumers take everything that is produced, and nothing is left.\n"
    "\n"
    "  --scale S      how long the pauses of 1 and 3 seconds really last, in seconds for each\n"
    "                 second; 1 is real time, 0 is no pauses; default 0.01\n"
    "  --patience MS  how long a consumer waits before it gives up and waits again, 1 to 60000;\n"
    "                 default 5\n"
    "  --producers N  how many producers are tasks, 1 to 1000; default 2. One more is a thread\n"
    "  --consumers N  how many consumers, 1 to 1000; default 3\n"
    "  --items N      how many items each producer makes, 1 to 1000000; default 10\n"
    "  --capacity N   how many items the buffer holds, 1 to 1000000; default 10\n";

static _Noreturn void bad_argument(const char *option, const char *text, const char *wanted)
{
    fprintf(stderr, "task_buffer_uv: --%s wants %s, not '%s'\n", option, wanted, text);
    exit(2);
}

static size_t parse_count(const char *option, const char *text, unsigned long max)
{
    char *end = NULL;
    char wanted[64];
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < 1 || n > max) {
        snprintf(wanted, sizeof wanted, "a number from 1 to %lu", max);
        bad_argument(option, text, wanted);
    }
    return (size_t)n;
}

static double parse_scale(const char *option, const char *text)
{
    char *end = NULL;
    double scale = strtod(text, &end);
    if (end == text || *end != '\0' || !(scale >= 0.0 && scale <= 1000.0))
        bad_argument(option, text, "a number from 0 to 1000");
    return scale;
}

static void parse_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"scale", required_argument, NULL, 's'},     {"patience", required_argument, NULL, 't'},
        {"producers", required_argument, NULL, 'p'}, {"consumers", required_argument, NULL, 'c'},
        {"items", required_argument, NULL, 'i'},     {"capacity", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},            {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 's': settings.scale = parse_scale("scale", optarg); break;
        case 't': settings.patience_ms = parse_count("patience", optarg, 60000); break;
        case 'p': settings.producers = parse_count("producers", optarg, 1000); break;
        case 'c': settings.consumers = parse_count("consumers", optarg, 1000); break;
        case 'i': settings.items = parse_count("items", optarg, 1000000); break;
        case 'k': settings.capacity = parse_count("capacity", optarg, 1000000); break;
        case 'h': fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(2); /* getopt_long has said why */
        }
    if (optind < argc) {
        fprintf(stderr, "task_buffer_uv: unexpected argument '%s'\n%s", argv[optind], usage);
        exit(2);
    }
    if ((settings.producers + 1) * settings.items > 100000000) {
        fprintf(stderr, "task_buffer_uv: more than 100000000 items in all\n");
        exit(2);
    }
    to_take = (settings.producers + 1) * settings.items;
}

int main(int argc, char **argv)
{
    static struct loop producing, consuming;
    uv_thread_t threads[3];

    parse_arguments(argc, argv);
    check(cond_init(&buffer.changed, NULL, COND_MUTEX), "cond_init");
    buffer.ring = allocate(settings.capacity, sizeof *buffer.ring);
    buffer.seen = allocate(to_take, sizeof *buffer.seen);
    struct worker *producers = open_loop(&producing, settings.producers, producer_begins);
    struct worker *consumers = open_loop(&consuming, settings.consumers, consumer_begins);

    check_uv(uv_thread_create(&threads[0], run_loop, &consuming), "uv_thread_create");
    check_uv(uv_thread_create(&threads[1], run_loop, &producing), "uv_thread_create");
    check_uv(uv_thread_create(&threads[2], thread_produces, &buffer), "uv_thread_create");
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
        check_uv(uv_thread_join(&threads[i]), "uv_thread_join");

    bool right = tally(&buffer);
    check(cond_destroy(&buffer.changed), "cond_destroy");
    uv_mutex_destroy(&producing.mutex);
    uv_mutex_destroy(&consuming.mutex);
    free(producers);
    free(consumers);
    free(buffer.ring);
    free(buffer.seen);
    if (fflush(stdout) != 0) {
        perror("task_buffer_uv: standard output");
        return 1;
    }
    if (!right)
        fprintf(stderr, "task_buffer_uv: the tally is wrong\n");
    return right ? 0 : 1;
}
