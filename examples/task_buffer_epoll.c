/* SPDX-License-Identifier: MIT */
/*
 * task_buffer_epoll.c - tasks on an event loop of epoll and an eventfd; other loops need the same parts
 *
 * Two producers are workers of one loop, three consumers are workers of another loop, and the main thread is the third
 * producer. Each loop runs on its own thread. All use one buffer of 10 places and one condition. docs/tasks.md
 * explains the parts.
 */
#include "common.h"

#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SIDE = 3, ITEMS = 50, CAPACITY = 10, TIME_LIMIT_MS = 1 };

struct worker {
    cond_task_t task;
    struct loop *loop;
    struct worker *next; /* in the list of the loop */
    int result;          /* of the last request */
    int line;            /* where work() continues */
    int item, end;       /* a producer: the next item and the end of its items. A consumer only counts */
};

struct loop {
    _Atomic(struct worker *) ready; /* a list of the workers that can continue, the last one first */
    int wakeup;                     /* an eventfd. Never closed: on_ready() may still be about to write */
    int running;                    /* workers that have not ended; only for the thread of the loop */
    struct worker workers[SIDE];
};

static struct loop producing, consuming;
static cond_t changed = COND_INIT; /* an item was put or taken; its lock guards all that follows */
static int ring[CAPACITY], produced, consumed, cancelled, seen[SIDE * ITEMS];

/* Any thread may call it, with any locks held. So it does no work: it posts the worker to its loop. */
static void on_ready(cond_task_t *task, int result)
{
    struct worker *worker = cond_task_user(task);
    struct loop *loop = worker->loop; /* read it now: a worker in the list may end at any time */
    worker->result = result;
    worker->next = atomic_load(&loop->ready);
    while (!atomic_compare_exchange_weak(&loop->ready, &worker->next, worker))
        ;
    eventfd_write(loop->wakeup, 1);
}

/*
 * Makes a request and returns from work(). When the result is known, work() continues here with the result. A result
 * that is known at once is posted, too. The line is set first, because on_ready() may run before the call returns.
 */
#define AWAIT(worker, request)                                                                          \
    do {                                                                                                \
        (worker)->line = __LINE__;                                                                      \
        int result_ = (request);                                                                        \
        if (result_ != EINPROGRESS)                                                                     \
            on_ready(&(worker)->task, result_);                                                         \
        return;                                                                                         \
    case __LINE__:;                                                                                     \
    } while (0)

static bool has_room(void *arg) { return (void)arg, produced - consumed < CAPACITY; }
static bool has_item(void *arg) { return (void)arg, produced - consumed > 0; }
static void put(int item) { ring[produced++ % CAPACITY] = item; }
static void take(void) { seen[ring[consumed++ % CAPACITY]]++; }

/* A producer or a consumer. Local variables do not survive an AWAIT, so all state is in the worker. */
static void work(struct worker *worker, int result)
{
    bool produces = worker->loop == &producing;
    switch (worker->line) {
    case 0:
        for (; worker->item < worker->end; worker->item++) {
            do
                AWAIT(worker, cond_task_acquire(&changed, &worker->task));
            while (result == ECANCELED); /* the time limit has ended the acquire: the lock is not held */
            check(result, "cond_task_acquire");
            do
                AWAIT(worker, cond_task_wait_for(&changed, &worker->task, produces ? has_room : has_item, NULL));
            while (result == ECANCELED && ++cancelled); /* the time limit has ended the wait: the lock is held */
            check(result, "cond_task_wait_for");
            if (produces)
                put(worker->item);
            else
                take();
            CHECK(cond_task_notify(&changed, &worker->task, 1));
            CHECK(cond_task_release(&changed, &worker->task));
        }
        worker->loop->running--;
    }
}

static void *run(void *arg)
{
    struct loop *loop = arg;
    struct epoll_event event = {.events = EPOLLIN}; /* a server would add its sockets to this epoll */
    eventfd_t count;                                /* not needed: the list has the workers */
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, loop->wakeup, &event) != 0)
        fail("epoll_ctl", strerror(errno));
    while (loop->running > 0) {
        if (epoll_wait(epoll, &event, 1, TIME_LIMIT_MS) == 1)
            eventfd_read(loop->wakeup, &count); /* before the list is taken, or a post could be missed */
        else
            for (int i = 0; i < SIDE; i++) /* EINVAL: there is nothing to cancel, or it is too late */
                (void)cond_task_cancel(&loop->workers[i].task);
        for (struct worker *next, *w = atomic_exchange(&loop->ready, NULL); w != NULL; w = next) {
            next = w->next; /* before work(), which may post the worker again */
            work(w, w->result);
        }
    }
    return close(epoll), NULL;
}

static pthread_t start(struct loop *loop, int workers)
{
    loop->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (struct worker *w = loop->workers; loop->running < workers; loop->running++, w++) {
        *w = (struct worker){.loop = loop, .item = loop->running * ITEMS, .end = (loop->running + 1) * ITEMS};
        CHECK(cond_task_init(&w->task, on_ready, w));
        on_ready(&w->task, 0);
    }
    return start_thread(run, loop);
}

int main(int argc, char **argv)
{
    struct number_option no_options = {0};
    read_options(argc, argv, NULL, "Tasks of two event loops and a thread share a buffer.", &no_options);

    pthread_t producers = start(&producing, SIDE - 1), consumers = start(&consuming, SIDE);
    for (int item = (SIDE - 1) * ITEMS; item < SIDE * ITEMS; item++, sleep_seconds(0.003))
        COND_WITH(&changed) {
            CHECK(cond_wait_for(&changed, has_room, NULL, COND_FOREVER));
            put(item);
            CHECK(cond_notify(&changed, 1));
        }
    pthread_join(producers, NULL);
    pthread_join(consumers, NULL);
    CHECK(cond_destroy(&changed));

    bool right = produced == consumed;
    for (int item = 0; item < SIDE * ITEMS; item++)
        right = right && seen[item] == 1;
    printf("produced %d, consumed %d, left %d\n", produced, consumed, produced - consumed);
    printf("%d waits cancelled, each item taken exactly once: %s\n", cancelled, right ? "yes" : "no");
    return end_program(right);
}
