/* SPDX-License-Identifier: MIT */
/*
 * The public calls on tasks. taskq.c says how a task gets the lock, and how it is called back.
 *
 * Calls of one task must not run at the same time, except cond_task_cancel(): any thread may call it at any time.
 */
#include "deadline.h"
#include "handoff.h"
#include "lock.h"
#include "rlock.h"
#include "taskq.h"
#include "waitq.h"

#if HAVE_TASKS
_Static_assert(sizeof(void *) != 8 || sizeof(cond_task_t) <= 96, "a task is at most 96 bytes");

/* ---- Requests ---- */

/* Release: partner is the acquire in cond_task_cancel(), which reads `lock_`. */
static void task_begin_request(cond_task_t *task, cond_lock_t *lock, void *dispatcher, uint32_t acquires,
                               uint32_t depth)
{
    task->lock_ = lock;
    task->loop_ = dispatcher;
    task->waiter_.queue = WAITER_UNQUEUED;
    task->waiter_.passes_on = false;
    task->waiter_.cancelled = false;
    a_store(&task->waiter_.state, depth * WAITER_DEPTH | acquires, release);
}

/* Join the tasks that want the lock. Called by the task, or by the thread that cancels its wait. The task may be freed,
   and the lock destroyed, before this returns. */
static void task_join(cond_task_t *task, cond_lock_t *lock)
{
    if (taskq_push(task, lock))
        handoff_request(lock);
}

/* ---- Public calls ---- */

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

/* EINVAL or ENOTSUP if the task cannot use the lock. */
static int task_check(const cond_task_t *task, const cond_lock_t *lock)
{
    if (!lock_is_valid(lock) || task == NULL || task->ready_ == NULL)
        return EINVAL;
    /* (A lock that is being destroyed passes here. The acquire then returns EINVAL or ECANCELED.) */
    return lock_is_shared(lock) || lock_is_foreign(lock) ? ENOTSUP : 0;
}

/* Find the condition's lock. 0: the task holds it. Else an error. */
static int task_held_lock(cond_t *cond, const cond_task_t *task, cond_lock_t **lock)
{
    *lock = lock_of(cond);
    int error = task_check(task, *lock);
    if (error != 0)
        return error;
    if (!rlock_owned_by(*lock, taskq_owner(task)))
        return EPERM;
    return waitq_is_ours(cond, *lock) ? 0 : EINVAL;
}

/* Whether the task has a request in progress. Relaxed: only the task's own calls begin a request. */
static bool task_is_busy(const cond_task_t *task)
{
    return !(a_load(&task->waiter_.state, relaxed) & WAITER_CHOSEN);
}

/* Make a request: acquire, or else wait on `cond`. Returns the result if the dispatcher of this call finds it, else
   EINPROGRESS. */
static int task_request(cond_t *cond, cond_task_t *task, cond_lock_t *lock, uint32_t acquires)
{
    struct taskq_dispatcher dispatcher = {.caller = task, .result = EINPROGRESS};
    bool is_mine = taskq_begin_dispatch(&dispatcher);
    task_begin_request(task, lock, is_mine ? &dispatcher : NULL, acquires, acquires ? 1 : rlock_depth(lock));
    if (acquires) {
        task->waiter_.cond = NULL; /* not the condition of its last wait */
        task_join(task, lock);
    } else {
        task->waiter_.cond = cond;
        waitq_begin_wait(&task->waiter_, lock);
        (void)rlock_release_save(lock, taskq_owner(task));
    }
    if (is_mine)
        taskq_end_dispatch(&dispatcher);
    return dispatcher.result;
}

int cond_task_lock_acquire(cond_lock_t *lock, cond_task_t *task)
{
    int error = task_check(task, lock);
    if (error != 0)
        return error;
    if (task_is_busy(task))
        return EBUSY;
    error = rlock_acquire(lock, taskq_owner(task), DEADLINE_PASSED);
    return error == ETIMEDOUT ? task_request(NULL, task, lock, WAITER_ACQUIRES) : error;
}

int cond_task_acquire(cond_t *cond, cond_task_t *task)
{
    return cond_task_lock_acquire(lock_of(cond), task);
}

static int task_wait(cond_t *cond, cond_task_t *task, cond_pred_t *pred, void *arg, bool awaits)
{
    cond_lock_t *lock;
    int error = task_held_lock(cond, task, &lock);
    if (error != 0)
        return error;
    if (task_is_busy(task))
        return EBUSY;
    if (pred != NULL && pred(arg))
        return 0;
    if (condi_is_closed(cond))
        return ECANCELED;
    task->waiter_.pred = pred;
    task->waiter_.arg = arg;
    task->waiter_.awaits = awaits;
    return task_request(cond, task, lock, 0);
}

int cond_task_wait(cond_t *cond, cond_task_t *task)
{
    return task_wait(cond, task, NULL, NULL, false);
}

int cond_task_wait_for(cond_t *cond, cond_task_t *task, cond_pred_t *pred, void *arg)
{
    return pred != NULL ? task_wait(cond, task, pred, arg, false) : EINVAL;
}

#if HAVE_AWAIT
int cond_task_await(cond_t *cond, cond_task_t *task, cond_pred_t *pred, void *arg)
{
    return pred != NULL ? task_wait(cond, task, pred, arg, true) : EINVAL;
}
#endif

int cond_task_lock_release(cond_lock_t *lock, cond_task_t *task)
{
    int error = task_check(task, lock);
    return error != 0 ? error : rlock_release(lock, taskq_owner(task));
}

int cond_task_release(cond_t *cond, cond_task_t *task)
{
    return cond_task_lock_release(lock_of(cond), task);
}

int cond_task_notify(cond_t *cond, cond_task_t *task, size_t n)
{
    cond_lock_t *lock;
    int error = task_held_lock(cond, task, &lock);
    if (error == 0)
        waitq_notify(cond, lock, n);
    return error;
}

int cond_task_notify_all(cond_t *cond, cond_task_t *task)
{
    cond_lock_t *lock;
    int error = task_held_lock(cond, task, &lock);
    if (error == 0)
        waitq_notify_all(cond, lock);
    return error;
}

#if HAVE_CANCEL
int cond_task_close(cond_t *cond, cond_task_t *task)
{
    cond_lock_t *lock;
    int error = task_held_lock(cond, task, &lock);
    if (error == 0)
        waitq_close(cond, lock);
    return error;
}
#endif

int cond_task_cancel(cond_task_t *task)
{
    if (task == NULL || task->ready_ == NULL)
        return EINVAL;
    /* Acquire: partner is the release in task_begin_request(). */
    uint32_t state = a_load(&task->waiter_.state, acquire);
    do {
        if (state & WAITER_CHOSEN)
            return EINVAL;
        if (state & WAITER_EXPIRED)
            return 0;
        /* Partners: taskq_grant() and waitq_beat_deadline(). The first one decides whether the request is cancelled. */
    /* M:cancel-race */
    } while (!a_cas_weak(&task->waiter_.state, &state, state | WAITER_EXPIRED, acquire, acquire));
    /* A task that acquires has joined before, and may be freed by now. A task that waits exists until it has
       joined. */
    if (!(state & WAITER_ACQUIRES))
        task_join(task, task->lock_);
    return 0;
}

#endif
