/* SPDX-License-Identifier: MIT */
/*
 * uv_worker.h - tasks of libcondvar on loops of libuv; task_buffer_uv.c uses it
 *
 * A worker is a task and a chain of steps. A step is a function that runs on the thread of the worker's loop. Before a
 * step returns, it selects the next step (worker->step) and makes one request. The next step gets the result of the
 * request.
 *
 * - The library may call on_ready() on any thread, so on_ready() only posts: it puts the worker into the queue of its
 *   loop and wakes the loop by uv_async_send(). The queue is necessary, because libuv may combine several sends into
 *   one callback.
 * - A time limit is a timer that cancels the request. The next step then gets ECANCELED, and after a wait the lock is
 *   held all the same. If the timer is too late, the step gets 0, as without a timer.
 */
#ifndef EXAMPLES_UV_WORKER_H
#define EXAMPLES_UV_WORKER_H

#include "common.h"

#include <uv.h>

struct uv_worker;
typedef void uv_step_t(struct uv_worker *worker, int result);

struct uv_worker_loop {
    uv_loop_t uv;
    uv_async_t posted;              /* wakes the loop: the queue is not empty */
    uv_mutex_t mutex;               /* guards the queue */
    struct uv_worker *first, *last; /* the queue */
    size_t running;                 /* workers that have not ended; only for the thread of the loop */
};

/* Only for the thread of the loop, except where a comment says otherwise. */
struct uv_worker {
    cond_task_t task;
    struct uv_worker_loop *loop; /* fixed */
    uv_timer_t timer;            /* for a pause or for a time limit */
    uv_step_t *step;             /* the next step */
    int result;                  /* its argument; written by the thread that posts the worker */
    struct uv_worker *next;      /* in the queue; guarded by the mutex of the loop */
    size_t number;               /* 1, 2, ... */
    size_t count;                /* for the steps; 0 at first */
};

/* Ends the program with a message if a call of libuv returns an error. */
#define CHECK_UV(call) check_uv((call), #call)

static inline void check_uv(int error, const char *call)
{
    if (error != 0)
        fail(call, uv_strerror(error));
}

/* Any thread may call it: the loop will run the next step of the worker. */
static inline void uv_worker_post(struct uv_worker *worker, int result)
{
    struct uv_worker_loop *loop = worker->loop;
    worker->result = result;
    worker->next = NULL;
    uv_mutex_lock(&loop->mutex);
    if (loop->first == NULL)
        loop->first = worker;
    else
        loop->last->next = worker;
    loop->last = worker;
    /* Send before the unlock: after it the loop may run the worker to its end, and close. */
    CHECK_UV(uv_async_send(&loop->posted));
    uv_mutex_unlock(&loop->mutex);
}

/* The callback of the library. Any thread may call it, with any locks held, so it runs no step. */
static inline void uv_worker_on_ready(cond_task_t *task, int result)
{
    uv_worker_post(cond_task_user(task), result);
}

/*
 * The last call of a step. `result` is what a cond_task_* request has returned. A result that is known at once is
 * posted, too: if the next step were called here, the stack would grow with each step.
 */
static inline void uv_worker_requested(struct uv_worker *worker, int result, const char *call)
{
    if (result == 0 || result == ECANCELED)
        uv_worker_post(worker, result);
    else if (result != EINPROGRESS)
        check(result, call);
}

#define UV_REQUEST(worker, call) uv_worker_requested((worker), (call), #call)

static inline void uv_worker_on_pause_end(uv_timer_t *timer)
{
    struct uv_worker *worker = timer->data;
    worker->step(worker, 0);
}

/* The last call of a step: the next step runs after a pause. */
static inline void uv_worker_pause(struct uv_worker *worker, uint64_t pause_ms)
{
    CHECK_UV(uv_timer_start(&worker->timer, uv_worker_on_pause_end, pause_ms, 0));
}

static inline void uv_worker_on_time_limit(uv_timer_t *timer)
{
    struct uv_worker *worker = timer->data;
    int error = cond_task_cancel(&worker->task);
    if (error != EINVAL) /* EINVAL: too late, the result is known and the next step gets it */
        check(error, "cond_task_cancel");
}

/* Sets a time limit for the next request. The next step must first call uv_worker_end_limit(). */
static inline void uv_worker_begin_limit(struct uv_worker *worker, uint64_t limit_ms)
{
    CHECK_UV(uv_timer_start(&worker->timer, uv_worker_on_time_limit, limit_ms, 0));
}

/* Timer and steps run on one thread. So a timer that was stopped here cannot cancel a later request. */
static inline void uv_worker_end_limit(struct uv_worker *worker)
{
    CHECK_UV(uv_timer_stop(&worker->timer));
}

/* The last call of the last step. The loop ends with its last worker. */
static inline void uv_worker_end(struct uv_worker *worker)
{
    uv_close((uv_handle_t *)&worker->timer, NULL);
    if (--worker->loop->running == 0)
        uv_close((uv_handle_t *)&worker->loop->posted, NULL);
}

/* Runs the next steps of all posted workers. */
static inline void uv_worker_on_posted(uv_async_t *posted)
{
    struct uv_worker_loop *loop = posted->data;
    uv_mutex_lock(&loop->mutex);
    struct uv_worker *worker = loop->first;
    loop->first = NULL;
    uv_mutex_unlock(&loop->mutex);
    while (worker != NULL) {
        struct uv_worker *next = worker->next; /* before the step, which may post the worker again */
        worker->step(worker, worker->result);
        worker = next;
    }
}

/* Makes a loop. Returns its workers, which begin with this step. */
static inline struct uv_worker *uv_worker_open(struct uv_worker_loop *loop, size_t count, uv_step_t *step)
{
    struct uv_worker *workers = allocate(count, sizeof *workers);
    CHECK_UV(uv_loop_init(&loop->uv));
    CHECK_UV(uv_async_init(&loop->uv, &loop->posted, uv_worker_on_posted));
    CHECK_UV(uv_mutex_init(&loop->mutex));
    loop->posted.data = loop;
    loop->running = count;
    for (size_t i = 0; i < count; i++) {
        struct uv_worker *worker = &workers[i];
        worker->loop = loop;
        worker->step = step;
        worker->number = i + 1;
        CHECK(cond_task_init(&worker->task, uv_worker_on_ready, worker));
        CHECK_UV(uv_timer_init(&loop->uv, &worker->timer));
        worker->timer.data = worker;
        uv_worker_post(worker, 0);
    }
    return workers;
}

/* Runs the loop until its last worker has ended. A function for uv_thread_create(). */
static inline void uv_worker_run(void *arg)
{
    struct uv_worker_loop *loop = arg;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    CHECK_UV(uv_loop_close(&loop->uv)); /* UV_EBUSY if something is still open */
}

#endif
