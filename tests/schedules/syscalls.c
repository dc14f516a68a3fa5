/* SPDX-License-Identifier: MIT */
/*
 * How many system calls the library makes, counted by the scripted port. On a private lock:
 * - a notify makes none, whatever n is, and the release after it makes one;
 * - a broadcast to N waiters, from their sleep to their return, makes at most 2N + 2;
 * - an uncontended acquire or release makes none;
 * - a broadcast to N waiters whose predicates are all false costs N evaluations and no system call.
 */
#include <errno.h>
#include <stdio.h>
#include "condvar.h"
#include "scripted.h"

enum { WAITERS = 64 };

static cond_t cond;
static unsigned evaluations, notify_calls, total_calls;
static size_t notified;
static bool go;

static bool never(void *arg)
{
    (void)arg;
    evaluations++;
    return go;
}

static void setup(void)
{
    EXPECT(cond_init(&cond, NULL, 0) == 0);
    evaluations = notify_calls = total_calls = 0;
    go = false;
}

static bool all_sleep(void)
{
    for (unsigned i = 0; i < WAITERS; i++)
        if (!sched_blocked(i))
            return false;
    return cond_waiters(&cond) == WAITERS;
}

static void waiter(cond_pred_t *pred)
{
    EXPECT(cond_acquire(&cond) == 0);
    EXPECT((pred != NULL ? cond_wait_for(&cond, pred, NULL, COND_FOREVER) : cond_wait(&cond, COND_FOREVER)) == 0);
    EXPECT(cond_release(&cond) == 0);
    total_calls += sched_system_calls();
}

/* Choose `n` waiters; n == 0 stands for notify_all. */
static void notifier(size_t n)
{
    sched_until(all_sleep);
    EXPECT(cond_acquire(&cond) == 0);
    EXPECT(sched_system_calls() == 0);
    EXPECT((n == 0 ? cond_notify_all(&cond) : cond_notify(&cond, n)) == 0);
    notify_calls = sched_system_calls();
    notified = n == 0 ? WAITERS : n;
    EXPECT(cond_waiters(&cond) == WAITERS - notified);
    EXPECT(cond_release(&cond) == 0);
    EXPECT(sched_system_calls() == 1); /* a release wakes one waiter, however many were notified */
    total_calls += sched_system_calls();
}

static void broadcast_body(unsigned thread) { thread < WAITERS ? waiter(NULL) : notifier(0); }

static void broadcast_check(void)
{
    EXPECT(notify_calls == 0);
    EXPECT(total_calls <= 2 * WAITERS + 2);
    printf("broadcast to %d: %u system calls\n", WAITERS, total_calls);
}

static void notify_one_body(unsigned thread) { thread < WAITERS ? waiter(NULL) : notifier(1); }
static void notify_ten_body(unsigned thread) { thread < WAITERS ? waiter(NULL) : notifier(10); }

/* All chosen waiters have returned. Notify the others, so that the program can end. */
static void notify_quiet(void)
{
    EXPECT(notify_calls == 0);
    EXPECT(cond_waiters(&cond) == WAITERS - notified);
    EXPECT(cond_acquire(&cond) == 0);
    EXPECT(cond_notify_all(&cond) == 0);
    EXPECT(cond_release(&cond) == 0);
}

static void false_body(unsigned thread)
{
    if (thread < WAITERS) {
        waiter(never);
        return;
    }
    sched_until(all_sleep);
    EXPECT(cond_acquire(&cond) == 0);
    evaluations = 0;
    EXPECT(cond_notify_all(&cond) == 0);
    EXPECT(cond_release(&cond) == 0);
    notify_calls = sched_system_calls();
}

static void false_quiet(void)
{
    EXPECT(evaluations == WAITERS);
    EXPECT(notify_calls == 0); /* no waiter was woken */
    EXPECT(cond_waiters(&cond) == WAITERS);
    EXPECT(cond_acquire(&cond) == 0);
    go = true;
    EXPECT(cond_notify_all(&cond) == 0);
    EXPECT(cond_release(&cond) == 0);
}

static void alone_body(unsigned thread)
{
    (void)thread;
    for (unsigned i = 0; i < 100; i++) {
        EXPECT(cond_acquire(&cond) == 0);
        EXPECT(cond_acquire(&cond) == 0);
        EXPECT(cond_notify(&cond, 1) == 0);
        EXPECT(cond_notify_all(&cond) == 0);
        EXPECT(cond_release(&cond) == 0);
        EXPECT(cond_release(&cond) == 0);
        EXPECT(cond_try_acquire(&cond) == 0);
        EXPECT(cond_acquire_timed(&cond, COND_SEC(1)) == 0);
        EXPECT(cond_release(&cond) == 0);
        EXPECT(cond_release(&cond) == 0);
    }
    EXPECT(sched_system_calls() == 0);
}

static const struct scenario scenarios[] = {
    {"broadcast", WAITERS + 1, setup, broadcast_body, NULL, broadcast_check, 0, 0, 0, 0, 0},
    {"notify(1)", WAITERS + 1, setup, notify_one_body, notify_quiet, NULL, 0, 0, 0, 0, 0},
    {"notify(10)", WAITERS + 1, setup, notify_ten_body, notify_quiet, NULL, 0, 0, 0, 0, 0},
    {"false broadcast", WAITERS + 1, setup, false_body, false_quiet, NULL, 0, 0, 0, 0, 0},
    {"alone", 1, setup, alone_body, NULL, NULL, 0, 0, 0, 0, 0},
};

int main(void)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        sched_run_once(&scenarios[i]);
    return 0;
}
