/* SPDX-License-Identifier: MIT */
#ifndef SECTION_H
#define SECTION_H

/*
 * A private lock with two conditions, for scenarios of threads: the critical section and the waits in it, with their
 * checks.
 */
#include <errno.h>
#include "condvar.h"
#include "scripted.h"

static cond_lock_t lock;
static cond_t cond, other;
static int inside;                     /* in the critical section: at most one */
static int results[SCHED_THREADS_MAX]; /* what the thread's wait returned, or -1 */
static unsigned arrived[SCHED_THREADS_MAX], arrived_count; /* the threads that began wait_once(), in that order */
static unsigned ended[SCHED_THREADS_MAX], ended_count;     /* those whose wait returned, in that order */

static void section_reset(unsigned flags)
{
    EXPECT(cond_lock_init(&lock, flags) == 0);
    EXPECT(cond_init(&cond, &lock, 0) == 0);
    EXPECT(cond_init(&other, &lock, 0) == 0);
    inside = 0;
    arrived_count = ended_count = 0;
    for (unsigned i = 0; i < SCHED_THREADS_MAX; i++)
        results[i] = -1;
}

/* Other threads may run in the critical section, but must not enter it. */
static void enter(void)
{
    EXPECT(inside++ == 0);
    sched_step();
}

static void leave(void)
{
    sched_step();
    EXPECT(--inside == 0);
}

static void acquire(void)
{
    EXPECT(cond_lock_acquire(&lock) == 0);
    enter();
}

static void release(void)
{
    leave();
    EXPECT(cond_lock_release(&lock) == 0);
}

static void notify(cond_t *which, size_t n)
{
    acquire();
    EXPECT(cond_notify(which, n) == 0);
    release();
}

static void notify_all(cond_t *which)
{
    acquire();
    EXPECT(cond_notify_all(which) == 0);
    release();
}

/* A change that one waiter waits for, and a notify for it. */
static void add_and_notify(int *what)
{
    acquire();
    ++*what;
    EXPECT(cond_notify(&cond, 1) == 0);
    release();
}

static void end(unsigned who) { ended[ended_count++] = who; }

/* Leaves the critical section for the wait. */
static int wait_by(cond_t *which, cond_pred_t *pred, void *arg, int64_t timeout_ns, bool awaits, cond_token_t *carries)
{
    cond_wait_options_t options = {.pred = pred, .arg = arg, .token = carries, .unnotified = awaits};
    leave();
    int64_t began_ns = cond_now();
    options.deadline_ns = cond_deadline(timeout_ns);
    int result = carries != NULL ? cond_wait_with(which, &options)
                 : awaits        ? cond_await(which, pred, arg, timeout_ns)
                 : pred != NULL  ? cond_wait_for(which, pred, arg, timeout_ns)
                                 : cond_wait(which, timeout_ns);
    enter();
    EXPECT(cond_lock_owned(&lock));
    EXPECT(result != ETIMEDOUT || cond_now() - began_ns >= timeout_ns);
    return result;
}

static int wait_on(cond_t *which, cond_pred_t *pred, void *arg, int64_t timeout_ns)
{
    return wait_by(which, pred, arg, timeout_ns, false, NULL);
}

static int await_on(cond_t *which, cond_pred_t *pred, void *arg, int64_t timeout_ns)
{
    return wait_by(which, pred, arg, timeout_ns, true, NULL);
}

/* All that the thread does is this wait. */
static int wait_once(unsigned thread, cond_t *which, cond_pred_t *pred, void *arg, int64_t timeout_ns)
{
    acquire();
    arrived[arrived_count++] = thread;
    results[thread] = wait_on(which, pred, arg, timeout_ns);
    end(thread);
    release();
    return results[thread];
}

/* After all threads have ended. */
static void check_clean(void)
{
    EXPECT(inside == 0);
    EXPECT(cond_waiters(&cond) == 0 && cond_waiters(&other) == 0);
    EXPECT(!cond_lock_locked(&lock));
    EXPECT(cond_destroy(&cond) == 0 && cond_destroy(&other) == 0);
    EXPECT(cond_lock_destroy(&lock) == 0);
}

/* Also: no thread had to wait until time passed. A sleeper that is not woken wakes up by itself when it starves, so
   only this check detects a lost wake-up of the lock. */
static void check_prompt(void)
{
    EXPECT(sched_stalls() == 0);
    check_clean();
}

#endif
