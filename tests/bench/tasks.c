/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - a condition that goes round 1,000 tasks of one loop, beside what the loop itself takes to go on
 *
 *      tasks [--repetitions N] [--turns N] [--tasks N] [--only NUMBER]
 *
 * Everything happens on one thread, in a loop whose workers take turns. A turn is one of these:
 *
 *      post       post the next worker: the cheapest thing that the loop can do
 *      tasks      notify(1) and wait: the lock goes to the next task, whose callback posts it
 *
 * and the loop one of these. Any thread may post to each of them, as a task's callback needs it:
 *
 *      list       an atomic list, and nothing to sleep on: a loop that is never idle
 *      eventfd    the same with an eventfd and an epoll, as in examples/task_buffer_epoll.c
 *      libuv      a queue with a mutex and uv_async_send(), as in examples/task_buffer_uv.c
 *      uv alone   uv_async_send() without a queue: the callback knows whose turn it is
 *
 * All are measured in turn, in each repetition in another order, and what is compared are the ratios within one
 * repetition: times drift, on virtual machines most of all. Printed are medians, and the quartiles of the
 * ratios. --only does one of them only (1, 2...), for a profiler.
 *
 * Exits 0, 1 if a turn was out of order, and 2 for arguments that make no sense. Being slow is no error.
 */
#define _GNU_SOURCE

#include <getopt.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_UV
#  include <uv.h>
#endif
#include "condvar.h"
#include "repeat.h"

struct worker {
    struct worker *next;  /* in the loop's queue */
    struct worker *after; /* fixed: whose turn is the next one */
    void (*turn)(struct worker *worker);
    cond_task_t task;
};

static struct worker *workers;
static size_t worker_count = 1000;
static size_t turns = 200000;

/* Of one measurement. */
static void (*post)(struct worker *worker); /* to the loop */
static struct worker *expected;             /* whose turn it is */
static size_t left;                         /* turns */
static bool running;                        /* until they are done */
static cond_t cond;

/* ---- The turns ---- */

/* The common part of both. Returns false at the end. */
static inline bool count_turn(const struct worker *worker)
{
    if (worker != expected) {
        fputs("tasks: a turn is out of order\n", stderr);
        exit(1);
    }
    expected = worker->after;
    running = --left > 0;
    return running;
}

static void post_turn(struct worker *worker)
{
    if (count_turn(worker))
        post(worker->after);
}

static void release_task(struct worker *worker) { CHECK(cond_task_release(&cond, &worker->task)); }

static void check_waits(int result)
{
    if (result != EINPROGRESS)
        check(result == 0 ? EIO : result, "cond_task_wait");
}

static void task_turn(struct worker *worker)
{
    if (!count_turn(worker)) {
        release_task(worker);
        return;
    }
    CHECK(cond_task_notify(&cond, &worker->task, 1));
    check_waits(cond_task_wait(&cond, &worker->task));
}

static void on_ready(cond_task_t *task, int result)
{
    check(result, "ready");
    post(cond_task_user(task));
}

/* All tasks wait, in order, and the first one is notified. */
static void begin_tasks(void)
{
    CHECK(cond_init(&cond, NULL, COND_MUTEX));
    for (size_t i = 0; i < worker_count; i++) {
        cond_task_t *task = &workers[i].task;
        CHECK(cond_task_init(task, on_ready, &workers[i]));
        CHECK(cond_task_acquire(&cond, task));
        check_waits(cond_task_wait(&cond, task));
    }
    CHECK(cond_acquire(&cond));
    CHECK(cond_notify(&cond, 1));
    CHECK(cond_release(&cond));
}

/* All wait again, but for the one that had the last turn. Without the loop, which is closed. */
static void end_tasks(void)
{
    post = release_task;
    CHECK(cond_acquire(&cond));
    CHECK(cond_notify_all(&cond));
    CHECK(cond_release(&cond));
    CHECK(cond_destroy(&cond));
}

/* ---- A list, the latest first ---- */

static struct worker *_Atomic list;

static void list_post(struct worker *worker)
{
    worker->next = atomic_load_explicit(&list, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&list, &worker->next, worker, memory_order_release,
                                                  memory_order_relaxed))
        ;
}

static void run_all(struct worker *worker)
{
    while (worker != NULL) {
        struct worker *next = worker->next; /* its turn may post it again */
        worker->turn(worker);
        worker = next;
    }
}

static void list_run_once(void) { run_all(atomic_exchange_explicit(&list, NULL, memory_order_acquire)); }

static void list_open(void) {}
static void list_close(void) {}

static void list_run(void)
{
    while (running)
        list_run_once();
}

/* ---- The same with an eventfd ---- */

static int wakeup, epoll;

static void eventfd_post(struct worker *worker)
{
    list_post(worker);
    CHECK_ERRNO(eventfd_write(wakeup, 1));
}

static void eventfd_open(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    CHECK_ERRNO(wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    CHECK_ERRNO(epoll = epoll_create1(EPOLL_CLOEXEC));
    CHECK_ERRNO(epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event));
}

static void eventfd_run(void)
{
    struct epoll_event event;
    eventfd_t writes;
    while (running) {
        CHECK_ERRNO(epoll_wait(epoll, &event, 1, -1));
        CHECK_ERRNO(eventfd_read(wakeup, &writes));
        list_run_once();
    }
}

static void eventfd_close(void)
{
    close(epoll);
    close(wakeup);
}

/* ---- libuv ---- */

#ifdef HAVE_UV
static uv_loop_t loop;
static uv_async_t async;
static uv_mutex_t mutex; /* guards the following */
static struct worker *first, *last;

#define CHECK_UV(call) check(-(call), #call) /* its errors are negative ones of the system */

static void queue_post(struct worker *worker)
{
    worker->next = NULL;
    uv_mutex_lock(&mutex);
    if (first != NULL) {
        last->next = worker;
    } else {
        first = worker;
        CHECK_UV(uv_async_send(&async));
    }
    last = worker;
    uv_mutex_unlock(&mutex);
}

static void close_if_done(void)
{
    if (!running)
        uv_close((uv_handle_t *)&async, NULL);
}

static void on_queue(uv_async_t *handle)
{
    (void)handle;
    uv_mutex_lock(&mutex);
    struct worker *worker = first;
    first = NULL;
    uv_mutex_unlock(&mutex);
    run_all(worker);
    close_if_done();
}

static void alone_post(struct worker *worker)
{
    (void)worker;
    CHECK_UV(uv_async_send(&async));
}

static void on_alone(uv_async_t *handle)
{
    (void)handle;
    expected->turn(expected);
    close_if_done();
}

static void uv_open(uv_async_cb callback)
{
    CHECK_UV(uv_loop_init(&loop));
    CHECK_UV(uv_async_init(&loop, &async, callback));
    CHECK_UV(uv_mutex_init(&mutex));
}

static void queue_open(void) { uv_open(on_queue); }
static void alone_open(void) { uv_open(on_alone); }
static void uv_run_all(void) { (void)uv_run(&loop, UV_RUN_DEFAULT); }

static void uv_close_all(void)
{
    CHECK_UV(uv_loop_close(&loop));
    uv_mutex_destroy(&mutex);
}
#endif

/* ---- Measuring ---- */

struct kind {
    const char *loop;
    void (*open)(void), (*run)(void), (*close)(void);
    void (*post)(struct worker *worker);
    bool tasks;
    int compared[2]; /* of tasks: with which of these, or -1 */
};

static const struct kind kinds[] = {
    {"list", list_open, list_run, list_close, list_post, false, {-1, -1}},
    {"list", list_open, list_run, list_close, list_post, true, {0, -1}},
    {"eventfd", eventfd_open, eventfd_run, eventfd_close, eventfd_post, false, {-1, -1}},
    {"eventfd", eventfd_open, eventfd_run, eventfd_close, eventfd_post, true, {2, -1}},
#ifdef HAVE_UV
    {"uv alone", alone_open, uv_run_all, uv_close_all, alone_post, false, {-1, -1}},
    {"libuv", queue_open, uv_run_all, uv_close_all, queue_post, false, {-1, -1}},
    {"libuv", queue_open, uv_run_all, uv_close_all, queue_post, true, {5, 4}},
#endif
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static double samples[KINDS][MOST_REPETITIONS]; /* ns for each turn */

/* This thread's time, user and system: it never sleeps, so that is all but what others take from it. */
static double cpu_now(void)
{
    struct timespec now;
    CHECK_ERRNO(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now));
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double measure(const struct kind *kind)
{
    for (size_t i = 0; i < worker_count; i++) {
        workers[i] = (struct worker){.after = &workers[(i + 1) % worker_count]};
        workers[i].turn = kind->tasks ? task_turn : post_turn;
    }
    post = kind->post;
    expected = workers;
    left = turns;
    running = true;
    kind->open();
    if (kind->tasks)
        begin_tasks();
    else
        post(workers);
    double start_ns = cpu_now();
    kind->run();
    double end_ns = cpu_now();
    kind->close();
    if (kind->tasks)
        end_tasks();
    return (end_ns - start_ns) / (double)turns;
}

/* ---- The report ---- */

static void print_ratio(size_t ours, size_t theirs, size_t repetitions)
{
    double ratios[MOST_REPETITIONS];
    for (size_t r = 0; r < repetitions; r++)
        ratios[r] = samples[ours][r] / samples[theirs][r];
    print_ratios(ratios, repetitions);
    printf(" of %s", kinds[theirs].loop);
}

static const char *what_of(size_t kind) { return kinds[kind].tasks ? "tasks" : "post"; }

static void report(size_t repetitions)
{
    printf("\nns for each turn         tasks divided by post\n");
    for (size_t k = 0; k < KINDS; k++) {
        double times[MOST_REPETITIONS];
        memcpy(times, samples[k], repetitions * sizeof *times);
        printf("%-9s %-6s %7.1f", kinds[k].loop, what_of(k), percentile(times, repetitions, 50));
        for (size_t i = 0; i < 2 && kinds[k].compared[i] >= 0; i++)
            print_ratio(k, (size_t)kinds[k].compared[i], repetitions);
        putchar('\n');
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"repetitions", required_argument, NULL, 'r'},
        {"turns", required_argument, NULL, 't'},
        {"tasks", required_argument, NULL, 'n'},
        {"only", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    size_t repetitions = 15, only = 0;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'r': repetitions = parse(optarg, MOST_REPETITIONS); break;
        case 't': turns = parse(optarg, 1000000000); break;
        case 'n': worker_count = parse(optarg, 1000000); break;
        case 'o': only = parse(optarg, KINDS); break;
        default:
            fputs("usage: tasks [--repetitions N] [--turns N] [--tasks N] [--only NUMBER]\n", stderr);
            exit(2);
        }
    workers = calloc(worker_count, sizeof *workers);
    check(workers == NULL ? ENOMEM : 0, "calloc");
    printf("%zu tasks of %zu bytes, %zu repetitions of %zu turns\n", worker_count, sizeof(cond_task_t),
           repetitions, turns);
    if (only > 0) {
        printf("%s %s: %.1f ns\n", kinds[only - 1].loop, what_of(only - 1), measure(&kinds[only - 1]));
        return 0;
    }
    fflush(stdout);
    for (size_t r = 0; r < repetitions; r++) {
        fprintf(stderr, "\rrepetition %zu of %zu", r + 1, repetitions);
        for (size_t i = 0; i < KINDS; i++)
            samples[(i + r) % KINDS][r] = measure(&kinds[(i + r) % KINDS]);
    }
    fputc('\n', stderr);
    report(repetitions);
    free(workers);
    return 0;
}
