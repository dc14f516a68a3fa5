/* SPDX-License-Identifier: MIT */
/*
 * Tasks: waiters that are called back instead of woken (condvar.h). In a condition's queue and in the lock's list a
 * task is a waiter like any other. It gets the lock in another way:
 *
 *      cond_task_acquire,        lock->tasks            the lock's list
 *      cond_task_cancel   ---->  a stack,     --------> in order     --------->  owner = task, ready(task, result)
 *      (without the lock) push   latest first  drain                    pick
 *                                             `----- by the holder, in a release -----'
 *
 * A thread can sleep until the lock is free. A task cannot sleep. So a release does not free the lock for a task, but
 * makes the task its owner. A task that requests the lock does not hold it. So the lock cannot guard the stack: a push
 * is a compare-exchange, and one exchange removes all tasks.
 *
 * A thread that pushes a task onto an empty stack then calls handoff_request(). If the lock is held, or if threads
 * starve, the call sets TASKS in the word, so that the next release drains the stack. Otherwise the call acquires and
 * releases the lock, with the same effect. A thread that pushes a task onto other tasks does nothing more. So for each
 * drain exactly one thread makes this call, and the call is its last access to the lock. Before the call, no task on
 * the stack can get the lock and destroy it.
 *
 * The holder and cond_task_cancel() compete to change the `state` of a task's waiter:
 *
 *      CHOSEN ----(request)---> 0 or ACQUIRES ----(holder)---> CHOSEN                    result 0
 *                                     |
 *                                     +--(cancel)---> EXPIRED ----(holder)---> CHOSEN    result ECANCELED
 *
 * If a close has ended a wait without a true predicate, the holder sets EXPIRED and CHOSEN.
 *
 * Callbacks are called in a loop, the dispatcher. A callback that makes other callbacks due adds them to the same loop,
 * so that callbacks do not nest. A thread finds its dispatcher by port_local(). A request outside a callback has a
 * dispatcher too, and the task points to it (`loop_`). If that loop finds the result of the request, the request
 * returns it.
 */
#include "taskq.h"
#include "port.h"
#include "port/cancel.h"

#if HAVE_TASKS

static struct cond_task *taskq_task_of(struct cond_waiter *waiter)
{
    return (struct cond_task *)((uintptr_t)waiter - offsetof(struct cond_task, waiter_));
}

/* ---- Callbacks ---- */

static void taskq_append_call(struct taskq_calls *calls, struct cond_task *task)
{
    task->next_ = NULL;
    if (calls->first == NULL)
        calls->first = task;
    else
        calls->last->next_ = task;
    calls->last = task;
}

static struct cond_task *taskq_take_call(struct taskq_calls *calls)
{
    struct cond_task *task = calls->first;
    if (task != NULL)
        calls->first = task->next_;
    return task;
}

bool taskq_begin_dispatch(struct taskq_dispatcher *dispatcher)
{
    void **current = port_local();
    if (*current != NULL) /* M:nested-dispatch */
        return false;
    *current = dispatcher;
    return true;
}

/* Cancellation is disabled: `ready` may contain a cancellation point, such as eventfd_write(), and the other callbacks
   must be called too. */
static void taskq_call_back(struct cond_task *task, int result)
{
    int cancel = port_disable_cancel();
    task->ready_(task, result);
    port_enable_cancel(cancel);
}

/* A task is not touched after `ready`: it may be freed. The caller may be freed too, and its address reused. Or it
   may have made another request. So compare `loop_` too: only the request of this call has this dispatcher. */
void taskq_end_dispatch(struct taskq_dispatcher *dispatcher)
{
    struct cond_task *task;
    while ((task = taskq_take_call(&dispatcher->calls)) != NULL) {
        /* Relaxed: this thread has decided the result itself. */
        int result = a_load(&task->waiter_.state, relaxed) & WAITER_EXPIRED ? ECANCELED : 0;
        if (task == dispatcher->caller && task->loop_ == dispatcher) /* M:own-request */
            dispatcher->result = result;
        else
            taskq_call_back(task, result);
    }
    *port_local() = NULL;
}

void taskq_call(struct taskq_calls *calls)
{
    struct cond_task *task;
    if (calls->first == NULL)
        return;
    struct taskq_dispatcher mine = {.caller = NULL};
    bool is_mine = taskq_begin_dispatch(&mine);
    struct taskq_dispatcher *dispatcher = *port_local();
    while ((task = taskq_take_call(calls)) != NULL)
        taskq_append_call(&dispatcher->calls, task);
    if (is_mine)
        taskq_end_dispatch(&mine);
}

/* ---- The stack ---- */

bool taskq_push(struct cond_task *task, cond_lock_t *lock)
{
    struct cond_task **stack = &lock_private(lock)->tasks;
    uintptr_t latest = a_load_ptr(stack);
    do
        task->next_ = (struct cond_task *)latest;
    /* Release: partner is the acquire in taskq_take_all(). */
    while (!a_cas_ptr_weak(stack, &latest, (uintptr_t)task, release, relaxed));
    return latest == 0; /* M:first-pushed */
}

bool taskq_any(const cond_lock_t *lock)
{
    return a_load_ptr(&lock_private(lock)->tasks) != 0 || waitq_any_notified(lock);
}

/* The whole stack, latest first. */
static struct cond_task *taskq_take_all(cond_lock_t *lock)
{
    /* Acquire: partner is the release in taskq_push(). */
    return (struct cond_task *)a_exchange_ptr(&lock_private(lock)->tasks, 0, acquire);
}

void taskq_drain(cond_lock_t *lock)
{
    struct cond_task *latest = taskq_take_all(lock);
    struct cond_task *earliest = NULL;
    while (latest != NULL) {
        struct cond_task *before = latest->next_;
        latest->next_ = earliest;
        earliest = latest;
        latest = before;
    }
    for (struct cond_task *task = earliest; task != NULL; task = task->next_) {
        struct cond_waiter *waiter = &task->waiter_;
        /* Relaxed: this bit is fixed for a request. */
        if (!(a_load(&waiter->state, relaxed) & WAITER_ACQUIRES)) {
            waitq_leave(waiter, lock); /* the wait of this task was cancelled */
            waitq_pass_on(waiter, lock); /* M:cancelled-passes-on */
        }
        waitq_want_lock(waiter, lock);
    }
}

bool taskq_grant(struct cond_waiter *waiter, cond_lock_t *lock, struct taskq_calls *calls)
{
    struct cond_task *task = taskq_task_of(waiter);
    /* Partner: cond_task_cancel(). Relaxed: the lock guards all other data of the task. */
    uint32_t state = a_load(&waiter->state, relaxed);
    while (!(state & WAITER_CHOSEN) &&
           !a_cas_weak(&waiter->state, &state, state | WAITER_CHOSEN, relaxed, relaxed))
        ;
    /* (After CHOSEN only the holder changes the state.) */
    bool is_ended = waitq_is_cancelled(waiter) && !(state & WAITER_EXPIRED);
    if (is_ended && (waiter->pred == NULL || !waiter->pred(waiter->arg))) /* M:grant-closed */
        a_store(&waiter->state, state | WAITER_EXPIRED | WAITER_CHOSEN, relaxed);
    bool acquires = (state & WAITER_ACQUIRES) != 0;
    bool was_cancelled = acquires && (state & WAITER_EXPIRED); /* M:grant-cancelled */
    if (!was_cancelled)
        lock_set_owner(lock, taskq_owner(task), state / WAITER_DEPTH);
    if (!acquires)
        waitq_end_wait(lock);
    taskq_append_call(calls, task);
    return !was_cancelled;
}

void taskq_abandon(cond_lock_t *lock)
{
    struct taskq_calls calls = TASKQ_NO_CALLS;
    struct cond_task *task = taskq_take_all(lock);
    while (task != NULL) {
        struct cond_task *before = task->next_;
        /* Relaxed: a cancel at the same time has the same result. */
        a_store(&task->waiter_.state, WAITER_EXPIRED | WAITER_CHOSEN, relaxed);
        taskq_append_call(&calls, task);
        task = before;
    }
    taskq_call(&calls);
}
#endif
