/* SPDX-License-Identifier: MIT */
/*
 * task_buffer_epoll.c - tasks on a loop of one's own, of an epoll and an eventfd: the recipe for any loop
 *
 * Two producers are workers of one loop and three consumers of another, each loop on a thread of its own; the
 * main thread is the third producer. Between them are a buffer of 10 places and one condition. Why it is done
 * in this way: docs/tasks.md. Exits 0 if each item was taken exactly once, and 1 if not.
 */
#define _GNU_SOURCE
#include <condvar.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SIDE = 3, ITEMS = 50, CAPACITY = 10, PATIENCE_MS = 1, PAUSE_US = 3000 };

struct worker {
    cond_task_t task;
    struct loop *loop;
    struct worker *next; /* in the loop's list */
    int result;          /* of what it has waited for */
    int line;            /* where work() goes on */
    int item, end;       /* a producer's next item, and what comes after its last; a consumer counts only */
};

struct loop {
    _Atomic(struct worker *) ready; /* a list: who can go on, the latest first */
    int wakeup;                     /* an eventfd, written after each. Never closed: one may be on its way */
    int running;                    /* by the loop's thread: how many workers have not ended */
    struct worker workers[SIDE];
};

static struct loop producing, consuming;
static cond_t changed = COND_INIT; /* an item was put in or taken out. Its lock guards what follows */
static int ring[CAPACITY], produced, consumed, cancelled, seen[SIDE * ITEMS];

static void check(int error)
{
    if (error != 0)
        exit((fprintf(stderr, "task_buffer_epoll: %s\n", cond_strerror(error)), 1));
}

/* On any thread, and maybe with a lock held: so it does no work, but posts the worker to its loop. */
static void on_ready(cond_task_t *task, int result)
{
    struct worker *worker = cond_task_user(task);
    struct loop *loop = worker->loop; /* once the worker is in the list, it may be gone */
    worker->result = result;
    worker->next = atomic_load(&loop->ready);
    while (!atomic_compare_exchange_weak(&loop->ready, &worker->next, worker))
        ;
    eventfd_write(loop->wakeup, 1);
}

/* Leaves work(), which goes on here when the request is done, with the outcome in `result`. One that is known
   at once takes the same way. The line is set first, since on_ready() may be faster than the call. */
#define AWAIT(worker, request)                                                                          \
    do {                                                                                                \
        (worker)->line = __LINE__;                                                                      \
        int outcome_ = (request);                                                                       \
        if (outcome_ != EINPROGRESS)                                                                    \
            on_ready(&(worker)->task, outcome_);                                                        \
        return;                                                                                         \
    case __LINE__:;                                                                                     \
    } while (0)

static bool has_room(void *arg) { return (void)arg, produced - consumed < CAPACITY; }
static bool has_item(void *arg) { return (void)arg, produced - consumed > 0; }
static void put(int item) { ring[produced++ % CAPACITY] = item; }
static void take(void) { seen[ring[consumed++ % CAPACITY]]++; }

/* A producer or a consumer. What it must remember while it waits is in `worker`: no local survives an AWAIT. */
static void work(struct worker *worker, int result)
{
    bool produces = worker->loop == &producing;
    cond_pred_t *possible = produces ? has_room : has_item;
    switch (worker->line) {
    case 0:
        for (; worker->item < worker->end; worker->item++) {
            do
                AWAIT(worker, cond_task_acquire(&changed, &worker->task));
            while (result == ECANCELED); /* it has no lock */
            do
                AWAIT(worker, cond_task_wait_for(&changed, &worker->task, possible, NULL));
            while (result == ECANCELED && ++cancelled); /* it has the lock, as after any wait */
            check(result);
            produces ? put(worker->item) : take();
            check(cond_task_notify(&changed, &worker->task, 1));
            check(cond_task_release(&changed, &worker->task));
        }
        worker->loop->running--;
    }
}

static void *run(void *arg)
{
    struct loop *loop = arg;
    struct epoll_event event = {.events = EPOLLIN}; /* a server's sockets would be in this epoll, too */
    eventfd_t writes;                               /* how many: not needed, the list says who was posted */
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, loop->wakeup, &event) == 0 ? 0 : errno);
    while (loop->running > 0) {
        if (epoll_wait(epoll, &event, 1, PATIENCE_MS) == 1)
            eventfd_read(loop->wakeup, &writes); /* before the list is taken, or a post may be overlooked */
        else
            for (int i = 0; i < SIDE; i++) /* a timeout. EINVAL: too late, it is done, and work() is told 0 */
                (void)cond_task_cancel(&loop->workers[i].task);
        for (struct worker *next, *w = atomic_exchange(&loop->ready, NULL); w != NULL; w = next) {
            next = w->next; /* before it is posted again */
            work(w, w->result);
        }
    }
    return close(epoll), NULL;
}

static pthread_t start(struct loop *loop, int workers)
{
    pthread_t thread;
    loop->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    for (struct worker *w = loop->workers; loop->running < workers; loop->running++, w++) {
        *w = (struct worker){.loop = loop, .item = loop->running * ITEMS, .end = (loop->running + 1) * ITEMS};
        check(cond_task_init(&w->task, on_ready, w));
        on_ready(&w->task, 0);
    }
    check(pthread_create(&thread, NULL, run, loop));
    return thread;
}

int main(void)
{
    pthread_t producers = start(&producing, SIDE - 1), consumers = start(&consuming, SIDE);
    bool right = true;
    for (int item = (SIDE - 1) * ITEMS; item < SIDE * ITEMS; item++, usleep(PAUSE_US))
        COND_WITH(&changed) {
            check(cond_wait_for(&changed, has_room, NULL, COND_FOREVER));
            put(item);
            check(cond_notify(&changed, 1));
        }
    pthread_join(producers, NULL);
    pthread_join(consumers, NULL);
    for (int item = 0; item < SIDE * ITEMS; item++)
        right = right && seen[item] == 1;
    printf("produced %d, consumed %d, left %d\n", produced, consumed, produced - consumed);
    printf("%d waits cancelled, each item taken exactly once: %s\n", cancelled, right ? "yes" : "no");
    return right && cond_destroy(&changed) == 0 ? 0 : 1;
}
