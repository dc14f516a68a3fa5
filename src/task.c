/* SPDX-License-Identifier: MIT */
/*
 * Tasks: waiters that are called back instead of woken up (condvar.h). In a condition's queue and in the
 * lock's, a task is a waiter like any other. What is different is how it gets the lock:
 *
 *      cond_task_acquire,        lock->tasks          lock->notified
 *      cond_task_cancel   ---->  a stack, latest ---> in order  --------->  owner = task, ready(task, result)
 *      (without the lock) push   first         drain            pick
 *                                              `----- by the holder, in a release -----'
 *
 * A thread sleeps until the lock is free. A task can't, so it leaves word, and whoever releases the lock does
 * not free it but makes the task its owner. Tasks come without the lock, so the stack they join is the one
 * place that the lock does not protect: push is a compare-exchange, and only the holder takes things out, all
 * at once.
 *
 * The first to join an empty stack knocks (mutex.c): it marks the lock's word, so that the holder's release
 * drains the stack, or takes the free lock itself and releases it at once, with the same effect. Those who
 * find others there leave that to the first. So there is one knock for each time that the stack is
 * drained, it comes after the push and before the drain, and until then no task of that stack can be
 * let go: the lock is safe from destruction until the knock, the last access of a joining task.
 *
 * `state` of a task's waiter is what its holder and a cancel race for:
 *
 *      CHOSEN ----(request)---> 0 or ACQUIRES ----(holder)---> CHOSEN                    result 0
 *                                     |
 *                                     +--(cancel)---> EXPIRED ----(holder)---> CHOSEN    result ECANCELED
 *
 *
 * Callbacks are called in a loop, in task_call(), and what they set off in turn is called by the same loop,
 * after they have returned: the stack does not grow. The loop knows that it is there by port_local(). A
 * request is such a loop, too, and the task knows it: so what comes of the request within its call is
 * returned by it.
 */
#ifndef CONDVAR_NO_TASKS
#include "task.h"
#include "atomic.h"
#include "deadline.h"
#include "lock.h"
#include "mutex.h"
#include "port.h"
#include "rlock.h"
#include "waiter.h"

_Static_assert(sizeof(void *) != 8 || sizeof(cond_task_t) <= 96, "a task is at most 96 bytes");

static uintptr_t owner_of(const cond_task_t *task)
{
    return (uintptr_t)task | RLOCK_TASK;
}

static struct cond_task *task_of(struct cond_waiter *waiter)
{
    return (struct cond_task *)((uintptr_t)waiter - offsetof(struct cond_task, waiter_));
}

/* ---- Callbacks ---- */

/* The loop that calls. */
struct loop {
    struct task_calls calls;
    const cond_task_t *caller; /* whose request this is, or NULL */
    int result;                /* of it: EINPROGRESS until it is known */
};

static void append_call(struct task_calls *calls, struct cond_task *task)
{
    task->next_ = NULL;
    if (calls->first == NULL)
        calls->first = task;
    else
        calls->last->next_ = task;
    calls->last = task;
}

static struct cond_task *take_call(struct task_calls *calls)
{
    struct cond_task *task = calls->first;
    if (task != NULL)
        calls->first = task->next_;
    return task;
}

static bool begin_loop(struct loop *loop)
{
    void **current = port_local();
    if (*current != NULL)
        return false;
    *current = loop;
    return true;
}

/* After `ready` a task is not touched: it may be gone. So may the loop's caller by now, and another task be
   at its address, or the caller may have made another request elsewhere: but only a request that was made in
   this very loop names it, since no other loop has its address meanwhile. */
static void end_loop(struct loop *loop)
{
    struct cond_task *task;
    while ((task = take_call(&loop->calls)) != NULL) {
        /* Relaxed: the holder, this thread, has decided it. */
        int result = a_load(&task->waiter_.state, relaxed) & WAITER_EXPIRED ? ECANCELED : 0;
        if (task == loop->caller && task->loop_ == loop)
            loop->result = result;
        else
            task->ready_(task, result);
    }
    *port_local() = NULL;
}

void task_call(struct task_calls *calls)
{
    struct cond_task *task;
    if (calls->first == NULL)
        return;
    struct loop mine = {.caller = NULL};
    bool is_mine = begin_loop(&mine);
    struct loop *loop = *port_local();
    while ((task = take_call(calls)) != NULL)
        append_call(&loop->calls, task);
    if (is_mine)
        end_loop(&mine);
}

/* ---- Requests ---- */

/* Release: partner is the acquire in cond_task_cancel(), which needs the lock's address. */
static void begin_request(cond_task_t *task, cond_lock_t *lock, void *loop, uint32_t acquires, uint32_t depth)
{
    task->lock_ = lock;
    task->loop_ = loop;
    task->waiter_.where = WAITER_NOWHERE;
    task->waiter_.passes_on = false;
    a_store(&task->waiter_.state, depth * WAITER_DEPTH | acquires, release);
}

/* By the task, or by who cancels it: join those that want the lock. The task may be let go, and gone, as soon
   as it has joined; and the lock after the knock. Release: partner is task_drain(). */
static void join(cond_task_t *task, cond_lock_t *lock)
{
    struct cond_task **stack = &lock->u_.local.as.mine.tasks;
    uintptr_t latest = a_load_ptr(stack);
    do
        task->next_ = (struct cond_task *)latest;
    while (!a_cas_ptr_weak(stack, &latest, (uintptr_t)task, release, relaxed));
    if (latest == 0)
        mutex_knock(lock);
}

void task_drain(cond_lock_t *lock)
{
    /* Acquire: partner is join(). */
    struct cond_task *latest =
        (struct cond_task *)a_exchange_ptr(&lock->u_.local.as.mine.tasks, 0, acquire);
    struct cond_task *earliest = NULL;
    while (latest != NULL) {
        struct cond_task *before = latest->next_;
        latest->next_ = earliest;
        earliest = latest;
        latest = before;
    }
    for (struct cond_task *task = earliest; task != NULL; task = task->next_) {
        struct cond_waiter *waiter = &task->waiter_;
        /* Relaxed: this bit is fixed. */
        if (!(a_load(&waiter->state, relaxed) & WAITER_ACQUIRES)) {
            waiter_leave(waiter, lock); /* a wait that was cancelled */
            waiter_pass_on(waiter, lock);
        }
        waiter_want_lock(waiter, lock);
    }
}

void task_abandon(cond_lock_t *lock)
{
    struct task_calls calls = TASK_NO_CALLS;
    /* Acquire: partner is join(). */
    struct cond_task *task = (struct cond_task *)a_exchange_ptr(&lock->u_.local.as.mine.tasks, 0, acquire);
    while (task != NULL) {
        struct cond_task *before = task->next_;
        /* Relaxed: a cancel at the same time has the same outcome. */
        a_store(&task->waiter_.state, WAITER_EXPIRED | WAITER_CHOSEN, relaxed);
        append_call(&calls, task);
        task = before;
    }
    task_call(&calls);
}

bool task_take(struct cond_waiter *waiter, cond_lock_t *lock, struct task_calls *calls)
{
    struct cond_task *task = task_of(waiter);
    /* Relaxed, as in beat_deadline(). Partner: cond_task_cancel(). */
    uint32_t state = a_load(&waiter->state, relaxed);
    while (!(state & WAITER_CHOSEN) &&
           !a_cas_weak(&waiter->state, &state, state | WAITER_CHOSEN, relaxed, relaxed))
        ;
    bool acquires = (state & WAITER_ACQUIRES) != 0;
    bool given_up = acquires && (state & WAITER_EXPIRED);
    if (!given_up)
        rlock_give(lock, owner_of(task), state / WAITER_DEPTH);
    if (!acquires)
        waiter_end(lock);
    append_call(calls, task);
    return !given_up;
}

/* ---- The calls of the header ---- */

int cond_task_init(cond_task_t *task, cond_task_ready_t *ready, void *user)
{
    if (task == NULL || ready == NULL)
        return EINVAL;
    *task = (cond_task_t){
        .waiter_ = {.state = WAITER_CHOSEN, .timed = 1, .task = 1}, .ready_ = ready, .user_ = user};
    return 0;
}

void *cond_task_user(const cond_task_t *task)
{
    return task != NULL ? task->user_ : NULL;
}

/* The lock that a task can use. */
static int usable_lock(cond_t *cond, const cond_task_t *task, cond_lock_t **lock)
{
    *lock = cond_valid_lock(cond);
    if (*lock == NULL || task == NULL || task->ready_ == NULL)
        return EINVAL;
    /* (One that is being destroyed just now is none of these: who acquires it is told.) */
    return lock_is_shared(*lock) || lock_is_foreign(*lock) ? ENOTSUP : 0;
}

/* The same for the owner of the lock. */
static int held_lock_of(cond_t *cond, const cond_task_t *task, cond_lock_t **lock)
{
    int error = usable_lock(cond, task, lock);
    if (error != 0)
        return error;
    if (!rlock_owned_by(*lock, owner_of(task)))
        return EPERM;
    return waiter_are_ours(cond, *lock) ? 0 : EINVAL;
}

/* Relaxed: only the task's own calls begin a request, and a request that has ended does not begin again. */
static bool is_busy(const cond_task_t *task)
{
    return !(a_load(&task->waiter_.state, relaxed) & WAITER_CHOSEN);
}

/* Make a request and see whether its outcome is known at the end: `act` joins a queue. */
static int request(cond_t *cond, cond_task_t *task, cond_lock_t *lock, uint32_t acquires)
{
    struct loop loop = {.caller = task, .result = EINPROGRESS};
    bool is_mine = begin_loop(&loop);
    begin_request(task, lock, is_mine ? &loop : NULL, acquires, acquires ? 1 : rlock_depth(lock));
    if (acquires) {
        join(task, lock);
    } else {
        task->waiter_.cond = cond;
        waiter_arrive(&task->waiter_, lock);
        (void)rlock_release_save(lock, owner_of(task));
    }
    if (is_mine)
        end_loop(&loop);
    return loop.result;
}

int cond_task_acquire(cond_t *cond, cond_task_t *task)
{
    cond_lock_t *lock;
    int error = usable_lock(cond, task, &lock);
    if (error != 0)
        return error;
    if (is_busy(task))
        return EBUSY;
    error = rlock_acquire(lock, owner_of(task), DEADLINE_PASSED);
    return error == ETIMEDOUT ? request(cond, task, lock, WAITER_ACQUIRES) : error;
}

static int wait_as_task(cond_t *cond, cond_task_t *task, cond_pred_t *pred, void *arg)
{
    cond_lock_t *lock;
    int error = held_lock_of(cond, task, &lock);
    if (error != 0)
        return error;
    if (is_busy(task))
        return EBUSY;
    if (pred != NULL && pred(arg))
        return 0;
    task->waiter_.pred = pred;
    task->waiter_.arg = arg;
    return request(cond, task, lock, 0);
}

int cond_task_wait(cond_t *cond, cond_task_t *task)
{
    return wait_as_task(cond, task, NULL, NULL);
}

int cond_task_wait_for(cond_t *cond, cond_task_t *task, cond_pred_t *pred, void *arg)
{
    return pred != NULL ? wait_as_task(cond, task, pred, arg) : EINVAL;
}

int cond_task_release(cond_t *cond, cond_task_t *task)
{
    cond_lock_t *lock;
    int error = usable_lock(cond, task, &lock);
    return error != 0 ? error : rlock_release(lock, owner_of(task));
}

int cond_task_notify(cond_t *cond, cond_task_t *task, size_t n)
{
    cond_lock_t *lock;
    int error = held_lock_of(cond, task, &lock);
    if (error == 0)
        waiter_notify(cond, lock, n);
    return error;
}

int cond_task_notify_all(cond_t *cond, cond_task_t *task)
{
    cond_lock_t *lock;
    int error = held_lock_of(cond, task, &lock);
    if (error == 0)
        waiter_notify_all(cond, lock);
    return error;
}

int cond_task_cancel(cond_task_t *task)
{
    if (task == NULL || task->ready_ == NULL)
        return EINVAL;
    /* Acquire: partner is begin_request(). */
    uint32_t state = a_load(&task->waiter_.state, acquire);
    do {
        if (state & WAITER_CHOSEN)
            return EINVAL;
        if (state & WAITER_EXPIRED)
            return 0;
        /* Partners: task_take() and beat_deadline(). Exactly one succeeds; the other sees its bit. */
    } while (!a_cas_weak(&task->waiter_.state, &state, state | WAITER_EXPIRED, acquire, acquire));
    /* An acquire is among those that want the lock, and may be gone. A wait stays until it has joined them. */
    if (!(state & WAITER_ACQUIRES))
        join(task, task->lock_);
    return 0;
}

#else
typedef int condvar_no_tasks; /* ISO C wants a declaration in each file */
#endif
