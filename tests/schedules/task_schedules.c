/* SPDX-License-Identifier: MIT */
/*
 * Tasks and threads on one condition: in all schedules with a few preemptions, and in many random schedules. A
 * scripted thread makes the calls of a task and runs other threads until the callback has run, as an event loop does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mutex.h"
#include "port.h"
#include "section.h"

#if defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define SCHEDULES_ASAN 1
#  endif
#endif
#if defined(SCHEDULES_ASAN) || defined(__SANITIZE_ADDRESS__)
#  include <sanitizer/asan_interface.h>
#  define POISON(object, size) ASAN_POISON_MEMORY_REGION(object, size)
#  define UNPOISON(object, size) ASAN_UNPOISON_MEMORY_REGION(object, size)
#else
#  define POISON(object, size) ((void)(object), (void)(size))
#  define UNPOISON(object, size) ((void)(object), (void)(size))
#endif

enum { ACTORS = 6 };

/* A task and its request. */
struct actor {
    cond_task_t task;
    uintptr_t calling; /* the thread that is in the call that makes the request, or 0 */
    int result;        /* what its callback got */
    unsigned calls;    /* of its callback in this request: at most one */
    void (*then)(struct actor *actor); /* what its callback does, or NULL */
};

/* An actor has the number of the thread that makes its calls, so results[] and ended[] are also of requests. */
static struct actor actors[ACTORS];
static int gate;       /* what predicates depend on, under the lock */
static unsigned depths[SCHED_THREADS_MAX + 2]; /* how deep callbacks are nested on each thread */

static void on_ready(cond_task_t *task, int result)
{
    struct actor *actor = cond_task_user(task);
    EXPECT(actor->calling != port_self()); /* never inside the call that made the request */
    EXPECT(++actor->calls == 1);
    EXPECT(result == 0 || result == ECANCELED);
    unsigned *depth = &depths[port_self() / 16];
    EXPECT(*depth == 0 || actor->then == NULL); /* the stack does not grow */
    if (actor->then != NULL) {
        ++*depth;
        actor->result = result;
        actor->then(actor);
        --*depth;
    }
    actor->result = result;
}

static void setup(void)
{
    section_reset(COND_RLOCK);
    gate = 0;
    memset(depths, 0, sizeof depths);
    for (unsigned i = 0; i < ACTORS; i++) {
        actors[i] = (struct actor){.calling = 0};
        EXPECT(cond_task_init(&actors[i].task, on_ready, &actors[i]) == 0);
    }
}

static bool called_0(void) { return actors[0].calls != 0; }
static bool called_1(void) { return actors[1].calls != 0; }
static bool called_2(void) { return actors[2].calls != 0; }
static bool called_3(void) { return actors[3].calls != 0; }
static bool (*const called[])(void) = {called_0, called_1, called_2, called_3};

/* The result of a request, at once or by the callback. */
#define REQUEST(i, call)                                                                                \
    (actors[i].calls = 0, actors[i].calling = port_self(), outcome(i, (call)))

static int outcome(unsigned i, int returned)
{
    struct actor *actor = &actors[i];
    actor->calling = 0;
    if (returned != EINPROGRESS) {
        EXPECT(actor->calls == 0);
        return returned;
    }
    sched_until(called[i]);
    return actor->result;
}

static int acquire_as(unsigned i)
{
    int result = REQUEST(i, cond_task_acquire(&cond, &actors[i].task));
    if (result == 0)
        enter();
    return result;
}

static void release_as(unsigned i)
{
    leave();
    EXPECT(cond_task_release(&cond, &actors[i].task) == 0);
}

static int wait_as(unsigned i, cond_pred_t *pred, void *arg)
{
    leave();
    int result = REQUEST(i, pred != NULL ? cond_task_wait_for(&cond, &actors[i].task, pred, arg)
                                         : cond_task_wait(&cond, &actors[i].task));
    enter();
    return result;
}

static bool is_positive(void *arg) { return *(int *)arg > 0; }

/* All that the task does is this wait. */
static int wait_once_as(unsigned i, cond_pred_t *pred, void *arg)
{
    EXPECT(acquire_as(i) == 0);
    results[i] = wait_as(i, pred, arg);
    end(i);
    release_as(i);
    return results[i];
}

/* ---- The lock ---- */

/* Tasks 0 and 1, and threads from 2 on, which hold the lock for this time. */
static void take_twice(unsigned thread, int64_t hold_ns)
{
    for (unsigned i = 0; i < 2; i++) {
        if (thread < 2) {
            EXPECT(acquire_as(thread) == 0);
            release_as(thread);
        } else {
            acquire();
            if (hold_ns != 0)
                sched_advance(hold_ns);
            release();
        }
    }
}

static void lock_body(unsigned thread) { take_twice(thread, 0); }

/* Thread 3 makes time pass, so that thread 2 starves. */
static void starving_body(unsigned thread)
{
    if (thread == 3) {
        acquire();
        for (unsigned i = 0; i < 3; i++) {
            sched_step();
            sched_advance(COND_MS(1));
        }
        release();
    } else {
        lock_body(thread);
    }
}

/* Thread 2 has a deadline, and thread 3 makes time pass while it holds the lock. So thread 2 starves beside tasks and
   times out, in any order. */
static void timed_body(unsigned thread)
{
    if (thread == 2) {
        int error = cond_acquire_timed(&cond, COND_US(1500));
        EXPECT(error == 0 || error == ETIMEDOUT);
        if (error == 0) {
            enter();
            release();
        }
    } else {
        starving_body(thread);
    }
}

/*
 * Tasks 0 and 1 hand each other the lock and hold it for a while. Thread 2 waits, and thread 3 notifies it. The
 * deadline of thread 2 passes before the lock is released, so it is expired in the lock's list and acquires the lock
 * by its word. From when it starves, tasks get the lock at most twice before it: the task that is just handed the
 * lock, and the task on the list's turn.
 */
enum { BARGED_BY_TASKS = 2 };
static bool expired_is_back, expired_starves, notifier_is_through;
static unsigned barged_by_tasks;

static void expired_setup(void)
{
    setup();
    expired_is_back = expired_starves = notifier_is_through = false;
    barged_by_tasks = 0;
}

static bool waits_or_is_back(void) { return cond_waiters(&cond) == 1 || expired_is_back; }

static void expired_body(unsigned thread)
{
    if (thread == 2) {
        acquire();
        gate = 0;
        EXPECT(wait_on(&cond, is_positive, &gate, COND_MS(2)) == ETIMEDOUT);
        expired_is_back = true;
        release();
    } else if (thread == 3) {
        sched_until(waits_or_is_back);
        acquire();
        EXPECT(cond_notify(&cond, 1) == 0);
        sched_advance(COND_MS(3));
        notifier_is_through = true; /* so the thread that starves is not this one */
        release();
    } else {
        for (unsigned i = 0; i < 5; i++) {
            EXPECT(acquire_as(thread) == 0);
            if (expired_starves && !expired_is_back)
                EXPECT(++barged_by_tasks <= BARGED_BY_TASKS);
            sched_advance(COND_MS(1));
            expired_starves = notifier_is_through && (*lock_word(&lock) & MUTEX_STARVING_ALL) != 0;
            release_as(thread);
        }
    }
}

/* Threads hold the lock as long as the starvation threshold. So they starve beside tasks and get every second
   release. Tasks must get the other releases. */
static void tasks_beside_starving_body(unsigned thread) { take_twice(thread, COND_MS(1)); }

/* A release is about to wake a sleeper when a task requests the lock and gets it instead. The sleeper must still be
   woken, by this release or by that of the task, and not only when it starves. */
static void beside_sleeper_body(unsigned thread)
{
    if (thread == 1) {
        EXPECT(acquire_as(1) == 0);
        release_as(1);
    } else {
        acquire();
        release();
    }
}

static void recursion_body(unsigned thread)
{
    if (thread == 1) {
        notify(&cond, 1);
        return;
    }
    EXPECT(acquire_as(0) == 0);
    EXPECT(cond_task_acquire(&cond, &actors[0].task) == 0);
    EXPECT(cond_task_acquire(&cond, &actors[0].task) == 0);
    EXPECT(cond_release(&cond) == EPERM && !cond_owned(&cond));
    EXPECT(cond_task_release(&cond, &actors[1].task) == EPERM);
    gate = 1;
    int result = wait_as(0, is_positive, &gate);
    EXPECT(result == 0);
    for (unsigned i = 0; i < 2; i++)
        EXPECT(cond_task_release(&cond, &actors[0].task) == 0);
    release_as(0);
    EXPECT(cond_task_release(&cond, &actors[0].task) == EPERM);
}

/* ---- Notify: exact and in order, for threads and tasks ---- */

static bool two_wait(void) { return cond_waiters(&cond) == 2; }
static bool two_wait_or_cancelled(void) { return two_wait() || results[1] != -1; }
static bool two_wait_or_notified(void) { return two_wait() || results[3] != -1; }
static bool three_wait(void) { return cond_waiters(&cond) == 3; }

/* 0 and 1 are tasks, 2 is a thread; they arrive in any order. 3 notifies each of them. */
static void notify_body(unsigned thread)
{
    if (thread == 3) {
        sched_until(three_wait);
        for (unsigned i = 0; i < 3; i++)
            notify(&cond, 1);
        return;
    }
    EXPECT((thread == 2 ? wait_once(2, &cond, NULL, NULL, COND_FOREVER) : wait_once_as(thread, NULL, NULL)) == 0);
}

/* Two of three waiters are notified. */
static void notify_two_body(unsigned thread)
{
    if (thread == 3) {
        sched_until(three_wait);
        notify(&cond, 2);
        return;
    }
    notify_body(thread);
}

static void notify_two_quiet(void)
{
    EXPECT(ended_count == 2 && cond_waiters(&cond) == 1);
    notify_all(&cond);
}

/* A task notifies a task and a thread. */
static void task_notifies_body(unsigned thread)
{
    if (thread != 1) {
        notify_body(thread);
        return;
    }
    sched_until(two_wait);
    EXPECT(acquire_as(1) == 0);
    EXPECT(cond_task_notify_all(&cond, &actors[1].task) == 0);
    release_as(1);
}

/* Two of two tasks and a thread are notified. The thread may have timed out, and one task may be cancelled. */
static bool all_came(void) { return three_wait() || (two_wait() && results[2] == ETIMEDOUT); }

static bool was_quiet;

static void expires_setup(void)
{
    setup();
    was_quiet = false;
}

static void expires_body(unsigned thread)
{
    if (thread == 3) {
        sched_until(all_came);
        acquire();
        EXPECT(cond_notify(&cond, 1) == 0);
        sched_advance(COND_MS(1));
        EXPECT(cond_notify(&cond, 1) == 0);
        release();
        results[3] = cond_task_cancel(&actors[0].task);
        EXPECT(results[3] == 0 || results[3] == EINVAL);
    } else if (thread == 2) {
        int result = wait_once(2, &cond, NULL, NULL, COND_MS(1));
        EXPECT(result == 0 || result == ETIMEDOUT);
    } else {
        (void)wait_once_as(thread, NULL, NULL);
    }
}

/* Two are woken, if so many neither timed out nor were cancelled. */
static void expect_two(void)
{
    unsigned expired = results[2] == ETIMEDOUT, cancelled = results[0] == ECANCELED, woken = 0;
    for (unsigned i = 0; i < 3; i++)
        woken += results[i] == 0;
    EXPECT(cancelled == (results[3] == 0));
    EXPECT(woken == (expired + cancelled == 2 ? 1 : 2));
    EXPECT(woken + expired + cancelled + cond_waiters(&cond) == 3);
}

static void expires_quiet(void)
{
    was_quiet = true;
    expect_two();
    notify_all(&cond);
}

static void expires_check(void)
{
    if (!was_quiet)
        expect_two();
    check_clean();
}

/* The predicate of the first waiter, a task, stays false. */
static void passes_on_body(unsigned thread)
{
    static int never;
    never = 0;
    if (thread == 0) {
        EXPECT(wait_once_as(0, is_positive, &never) == ECANCELED);
    } else if (thread == 1) {
        sched_until(called_0);
    } else if (thread == 2) {
        EXPECT(wait_once(2, &cond, NULL, NULL, COND_FOREVER) == 0);
    } else {
        sched_until(two_wait);
        notify(&cond, 2);
    }
}

static void passes_on_quiet(void)
{
    EXPECT(results[2] == 0 && cond_waiters(&cond) == 1);
    EXPECT(cond_task_cancel(&actors[0].task) == 0);
}

/* ---- Cancel ---- */

/* 1 cancels task 0 while 3 notifies once: either the task or thread 2 gets the notification. */
static void cancel_body(unsigned thread)
{
    if (thread == 0) {
        int result = wait_once_as(0, NULL, NULL);
        EXPECT(result == 0 || result == ECANCELED);
    } else if (thread == 1) {
        sched_until(two_wait_or_notified);
        int error = cond_task_cancel(&actors[0].task);
        EXPECT(error == 0 || error == EINVAL);
        results[1] = error;
        EXPECT(error == EINVAL || cond_task_cancel(&actors[0].task) != EBUSY);
    } else if (thread == 2) {
        EXPECT(wait_once(2, &cond, NULL, NULL, COND_FOREVER) == 0);
    } else {
        sched_until(two_wait_or_cancelled);
        acquire();
        results[3] = 0;
        EXPECT(cond_notify(&cond, 1) == 0);
        release();
    }
}

static void cancel_quiet(void)
{
    EXPECT(results[0] == 0 && results[1] == EINVAL && results[2] == -1);
    notify(&cond, 1);
}

static void cancel_check(void)
{
    EXPECT((results[0] == ECANCELED) == (results[1] == 0));
    check_clean();
}

/* A predicate becomes true and its task is cancelled. Thread 2 can use the notification instead. */
static void cancel_pred_body(unsigned thread)
{
    if (thread == 0) {
        EXPECT(acquire_as(0) == 0);
        results[0] = wait_as(0, is_positive, &gate);
        EXPECT(results[0] == ECANCELED || (results[0] == 0 && gate > 0));
        if (results[0] == 0)
            gate--;
        release_as(0);
    } else if (thread == 2) {
        acquire();
        results[2] = wait_on(&cond, is_positive, &gate, COND_FOREVER);
        EXPECT(results[2] == 0 && gate > 0);
        gate--;
        release();
    } else if (thread == 3) {
        sched_until(two_wait_or_cancelled);
        acquire();
        gate++;
        results[3] = 0;
        EXPECT(cond_notify(&cond, 1) == 0);
        release();
    } else {
        cancel_body(thread);
    }
}

static void cancel_pred_quiet(void)
{
    EXPECT(results[0] == 0 && results[2] == -1 && gate == 0);
    add_and_notify(&gate);
}

/* A task's request for the lock is cancelled, while threads and tasks use the lock. */
static void cancel_acquire_body(unsigned thread)
{
    if (thread < 2) {
        int result = acquire_as(thread);
        results[thread] = result;
        EXPECT(result == 0 || result == ECANCELED);
        if (result == 0)
            release_as(thread);
    } else if (thread == 2) {
        acquire();
        release();
    } else {
        int error = cond_task_cancel(&actors[0].task);
        EXPECT(error == 0 || error == EINVAL);
        results[3] = error;
    }
}

static void cancel_acquire_check(void)
{
    EXPECT(results[1] == 0);
    EXPECT((results[0] == ECANCELED) == (results[3] == 0));
    check_clean();
}

/* ---- Await and close ---- */

static int await_as(unsigned i, cond_pred_t *pred, void *arg)
{
    leave();
    int result = REQUEST(i, cond_task_await(&cond, &actors[i].task, pred, arg));
    enter();
    return result;
}

/* Tasks 0 and 1 and thread 2 await one item each. 3 makes three items, one at a time, without a notify. The thread
   may be faster than a task. */
static void await_body(unsigned thread)
{
    if (thread == 3) {
        for (unsigned i = 0; i < 3; i++) {
            acquire();
            gate++;
            release();
        }
        return;
    }
    if (thread == 2) {
        acquire();
        results[2] = await_on(&cond, is_positive, &gate, COND_FOREVER);
    } else {
        EXPECT(acquire_as(thread) == 0);
        results[thread] = await_as(thread, is_positive, &gate);
    }
    EXPECT(results[thread] == 0 && gate > 0);
    gate--;
    if (thread == 2)
        release();
    else
        release_as(thread);
}

/* Task 0 and thread 2 await the same item, and 1 cancels the task. */
static void await_cancel_body(unsigned thread)
{
    if (thread == 0) {
        EXPECT(acquire_as(0) == 0);
        results[0] = await_as(0, is_positive, &gate);
        EXPECT(results[0] == 0 ? gate > 0 : results[0] == ECANCELED);
        gate -= results[0] == 0;
        release_as(0);
    } else if (thread == 1) {
        sched_until(two_wait_or_notified);
        results[1] = cond_task_cancel(&actors[0].task);
        EXPECT(results[1] == 0 || results[1] == EINVAL);
    } else if (thread == 2) {
        acquire();
        results[2] = await_on(&cond, is_positive, &gate, COND_FOREVER);
        EXPECT(results[2] == 0 && gate > 0);
        gate--;
        release();
    } else {
        sched_until(two_wait_or_cancelled);
        acquire();
        gate++;
        results[3] = 0;
        release();
    }
}

static void await_cancel_quiet(void)
{
    EXPECT(results[0] == 0 && results[2] == -1 && gate == 0);
    acquire();
    gate++;
    release();
}

/* Task 0 and thread 2 wait without a predicate, task 1 awaits one that is true at most at the close. 3 notifies once,
   closes, and then cancels task 0. The chosen waiter returns 0, except if it is the task and was cancelled. The close
   ends the others. */
static unsigned first_waiter; /* 0 or 2: the one that the notify chooses */

static void close_setup(void)
{
    setup();
    first_waiter = ACTORS;
}

static void close_body(unsigned thread)
{
    if (thread == 0) {
        EXPECT(acquire_as(0) == 0);
        first_waiter = first_waiter == ACTORS ? 0 : first_waiter;
        results[0] = wait_as(0, NULL, NULL);
        release_as(0);
    } else if (thread == 1) {
        EXPECT(acquire_as(1) == 0);
        results[1] = await_as(1, is_positive, &gate);
        EXPECT(results[1] == 0 ? gate > 0 : results[1] == ECANCELED);
        gate = 0;
        EXPECT(await_as(1, is_positive, &gate) == ECANCELED); /* no wait begins after the close */
        release_as(1);
    } else if (thread == 2) {
        acquire();
        first_waiter = first_waiter == ACTORS ? 2 : first_waiter;
        results[2] = wait_on(&cond, NULL, NULL, COND_FOREVER);
        release();
    } else {
        sched_until(three_wait);
        acquire();
        gate = first_waiter == 0;
        EXPECT(cond_notify(&cond, 1) == 0);
        EXPECT(cond_task_close(&cond, &actors[3].task) == EPERM);
        EXPECT(cond_close(&cond) == 0 && cond_waiters(&cond) == 0);
        release();
        results[3] = cond_task_cancel(&actors[0].task);
        EXPECT(results[3] == 0 || results[3] == EINVAL);
    }
}

static void close_check(void)
{
    EXPECT(results[2] == (first_waiter == 2 ? 0 : ECANCELED));
    EXPECT(results[0] == (first_waiter == 0 && results[3] != 0 ? 0 : ECANCELED));
    check_clean();
}

/* Two tasks wait, and the first one is notified. The condition is closed, destroyed and initialised again, and then
   that task is cancelled. Its notification was for the old condition, so no waiter on the new one may get it. */
static void release_elsewhere(struct actor *actor) { EXPECT(cond_task_release(&other, &actor->task) == 0); }

static void init_again_setup(void)
{
    setup();
    for (unsigned i = 0; i < 2; i++) {
        actors[i].then = release_elsewhere;
        EXPECT(cond_task_acquire(&cond, &actors[i].task) == 0);
        EXPECT(cond_task_wait(&cond, &actors[i].task) == EINPROGRESS);
    }
}

static void init_again_body(unsigned thread)
{
    (void)thread;
    acquire();
    EXPECT(cond_notify(&cond, 1) == 0 && cond_close(&cond) == 0);
    EXPECT(cond_destroy(&cond) == 0 && cond_init(&cond, &lock, 0) == 0);
    cond.u_.local.arrivals = 1; /* as after an earlier wait */
    EXPECT(cond_task_cancel(&actors[0].task) == 0);
    EXPECT(wait_on(&cond, NULL, NULL, COND_MS(1)) == ETIMEDOUT);
    release();
    EXPECT(actors[0].result == ECANCELED && actors[1].result == ECANCELED);
}

/* ---- Callbacks that call ---- */

/* The task notifies the next one and releases the lock, in its callback. */
static void hand_off(struct actor *actor)
{
    EXPECT(actor->result == 0);
    enter();
    EXPECT(cond_task_notify(&cond, &actor->task, 1) == 0);
    leave();
    end((unsigned)(actor - actors));
    EXPECT(cond_task_release(&cond, &actor->task) == 0);
}

static void chain_setup(void)
{
    setup();
    for (unsigned i = 0; i < ACTORS; i++) {
        actors[i].then = hand_off;
        EXPECT(cond_task_acquire(&cond, &actors[i].task) == 0);
        EXPECT(cond_task_wait(&cond, &actors[i].task) == EINPROGRESS);
    }
}

static void chain_body(unsigned thread)
{
    acquire();
    if (thread == 0)
        EXPECT(cond_notify(&cond, 1) == 0);
    release();
}

static void chain_check(void)
{
    EXPECT(ended_count == ACTORS);
    for (unsigned i = 0; i < ACTORS; i++)
        EXPECT(ended[i] == i);
    check_clean();
}

/* A task's wait hands the lock to another task, whose callback notifies the first one, inside the call of its wait. */
static void within_setup(void)
{
    setup();
    actors[1].then = hand_off;
    EXPECT(cond_task_acquire(&cond, &actors[1].task) == 0);
    EXPECT(cond_task_wait(&cond, &actors[1].task) == EINPROGRESS);
}

static void within_body(unsigned thread)
{
    if (thread == 1) {
        acquire();
        release();
        return;
    }
    EXPECT(acquire_as(0) == 0);
    EXPECT(cond_task_notify(&cond, &actors[0].task, 1) == 0);
    EXPECT(wait_as(0, NULL, NULL) == 0);
    release_as(0);
}

/* ---- Destruction ---- */

static cond_t doomed;
static unsigned users; /* threads and tasks that still use it */

/* The memory is reused from here on. AddressSanitizer detects reads of it, doomed_check() writes. */
static void overwrite(void *object, size_t size)
{
    memset(object, 0x5A, size);
    POISON(object, size);
}

static void use_up(void)
{
    if (--users > 0)
        return;
    EXPECT(cond_destroy(&doomed) == 0);
    overwrite(&doomed, sizeof doomed);
}

/* The last user destroys it and reuses the memory. */
static void doom(struct actor *actor)
{
    EXPECT(cond_task_release(&doomed, &actor->task) == 0);
    overwrite(&actor->task, sizeof actor->task);
    use_up();
}

static void doomed_setup(void)
{
    setup();
    EXPECT(cond_init(&doomed, NULL, 0) == 0);
    users = 3;
    actors[0].then = actors[1].then = doom;
}

/* The actor's task requests the lock; the result may still come by the callback. The call may run callbacks. */
static int request_lock(struct actor *actor, cond_t *condition)
{
    actor->calling = port_self();
    int returned = cond_task_acquire(condition, &actor->task);
    actor->calling = 0;
    return returned;
}

/* A task acquires it, and does what its callback does. */
static void enter_doomed(struct actor *actor)
{
    int returned = request_lock(actor, &doomed);
    EXPECT(returned == 0 || returned == EINPROGRESS);
    if (returned == 0)
        actor->then(actor);
}

/* A thread and two tasks acquire it once. */
static void doomed_body(unsigned thread)
{
    if (thread == 2) {
        EXPECT(cond_acquire(&doomed) == 0);
        EXPECT(cond_release(&doomed) == 0);
        use_up();
    } else {
        enter_doomed(&actors[thread]);
    }
}

/* The same after a wait that a thread ends by a notify. */
static void doom_after_wait(struct actor *actor)
{
    actor->then = doom;
    actor->calls = 0;
    actor->calling = port_self();
    int returned = cond_task_wait(&doomed, &actor->task);
    actor->calling = 0;
    EXPECT(returned == 0 || returned == EINPROGRESS);
    if (returned == 0)
        doom(actor);
}

static void doomed_wait_setup(void)
{
    doomed_setup();
    actors[0].then = actors[1].then = doom_after_wait;
}

static bool two_wait_on_doomed(void) { return cond_waiters(&doomed) == 2; }

static void doomed_wait_body(unsigned thread)
{
    if (thread == 2) {
        sched_until(two_wait_on_doomed);
        EXPECT(cond_acquire(&doomed) == 0);
        EXPECT(cond_notify_all(&doomed) == 0);
        EXPECT(cond_release(&doomed) == 0);
        use_up();
    } else {
        enter_doomed(&actors[thread]);
    }
}

static void doomed_check(void)
{
    unsigned char expected[sizeof doomed];
    memset(expected, 0x5A, sizeof expected);
    EXPECT(users == 0);
    UNPOISON(&doomed, sizeof doomed);
    for (unsigned i = 0; i < 2; i++)
        UNPOISON(&actors[i].task, sizeof actors[i].task);
    EXPECT(memcmp(&doomed, expected, sizeof doomed) == 0);
    for (unsigned i = 0; i < 2; i++)
        EXPECT(memcmp(&actors[i].task, expected, sizeof actors[i].task) == 0);
}

/* ---- Destroyed too early: while tasks request the lock ---- */

static int destroyed; /* what the destroy returned */

static void release_in_callback(struct actor *actor)
{
    if (actor->result == 0)
        EXPECT(cond_task_release(&cond, &actor->task) == 0);
}

static void early_setup(void)
{
    setup();
    for (unsigned i = 0; i < 2; i++)
        actors[i].then = release_in_callback;
}

/* A request from before the destroy ends with ECANCELED, a later one with EINVAL. Or the destroy returns EBUSY. */
static void early_body(unsigned thread)
{
    if (thread == 2) {
        destroyed = cond_lock_destroy(&lock);
        EXPECT(destroyed == 0 || destroyed == EBUSY);
        return;
    }
    struct actor *actor = &actors[thread];
    int returned = request_lock(actor, &cond);
    results[thread] = returned;
    if (returned == 0)
        EXPECT(cond_task_release(&cond, &actor->task) == 0);
}

static void early_check(void)
{
    for (unsigned i = 0; i < 2; i++) {
        EXPECT((actors[i].calls == 1) == (results[i] == EINPROGRESS));
        int outcome = actors[i].calls == 1 ? actors[i].result : results[i];
        EXPECT(outcome == 0 || ((outcome == ECANCELED || outcome == EINVAL) && destroyed == 0));
    }
    if (destroyed != 0)
        check_clean();
}

/* ---- All of them ---- */

static const struct scenario scenarios[] = {
    /* name, threads, setup, body, quiet, check_clean, preemptions, early returns, random schedules, kills, mortal */
    {"lock", 3, setup, lock_body, NULL, check_clean, 3, 1, 20000, 0, 0},
    {"lock, starving", 4, setup, starving_body, NULL, check_clean, 2, 1, 20000, 0, 0},
    {"lock, timed", 4, setup, timed_body, NULL, check_clean, 2, 1, 20000, 0, 0},
    {"expired beside tasks", 4, expired_setup, expired_body, NULL, check_clean, 2, 0, 40000, 0, 0},
    {"tasks beside starving threads", 4, setup, tasks_beside_starving_body, NULL, check_clean, 2, 0, 20000, 0, 0},
    {"a task beside a sleeper", 3, setup, beside_sleeper_body, NULL, check_prompt, 3, 0, 20000, 0, 0},
    {"recursion", 2, setup, recursion_body, NULL, check_clean, 3, 1, 0, 0, 0},
    {"notify each", 4, setup, notify_body, NULL, check_clean, 2, 1, 20000, 0, 0},
    {"notify two of three", 4, setup, notify_two_body, notify_two_quiet, check_clean, 2, 1, 20000, 0, 0},
    {"a task notifies", 3, setup, task_notifies_body, NULL, check_clean, 2, 1, 10000, 0, 0},
    {"one expires", 4, expires_setup, expires_body, expires_quiet, expires_check, 2, 1, 40000, 0, 0},
    {"pass on", 4, setup, passes_on_body, passes_on_quiet, check_clean, 2, 1, 10000, 0, 0},
    {"cancel", 4, setup, cancel_body, cancel_quiet, cancel_check, 2, 1, 40000, 0, 0},
    {"cancel, predicate", 4, setup, cancel_pred_body, cancel_pred_quiet, check_clean, 2, 1, 40000, 0, 0},
    {"cancel an acquire", 4, setup, cancel_acquire_body, NULL, cancel_acquire_check, 2, 1, 40000, 0, 0},
    {"await", 4, setup, await_body, NULL, check_clean, 2, 1, 20000, 0, 0},
    {"await, cancel", 4, setup, await_cancel_body, await_cancel_quiet, check_clean, 2, 1, 20000, 0, 0},
    {"close", 4, close_setup, close_body, NULL, close_check, 2, 1, 20000, 0, 0},
    {"initialised again after the close", 1, init_again_setup, init_again_body, NULL, check_clean, 1, 0, 0, 0, 0},
    {"chain", 3, chain_setup, chain_body, NULL, chain_check, 3, 0, 10000, 0, 0},
    {"within the call", 2, within_setup, within_body, NULL, check_clean, 3, 0, 10000, 0, 0},
    {"destroyed by the last", 3, doomed_setup, doomed_body, NULL, doomed_check, 3, 1, 40000, 0, 0},
    {"destroyed after a wait", 3, doomed_wait_setup, doomed_wait_body, NULL, doomed_check, 3, 1, 40000, 0, 0},
    {"destroyed too early", 3, early_setup, early_body, NULL, early_check, 3, 1, 40000, 0, 0},
};

int main(int argc, char **argv)
{
    return sched_main(argc, argv, scenarios, sizeof scenarios / sizeof scenarios[0]);
}
