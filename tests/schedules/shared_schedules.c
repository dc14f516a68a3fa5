/* SPDX-License-Identifier: MIT */
/*
 * The contract of a shared lock and condition: in all schedules of a few processes with a few preemptions. One
 * process may be killed at any step. schedules.c has the private lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "condvar.h"
#include "scripted.h"

static cond_t cond;
static int inside, items;
static int results[SCHED_THREADS_MAX]; /* what a wait returned, or -1 */

static void setup(void)
{
    memset(&cond, 0, sizeof cond);
    EXPECT(cond_init(&cond, NULL, COND_SHARED) == 0);
    EXPECT(cond_init(&cond, NULL, COND_SHARED) == EBUSY); /* another process must not initialise it again */
    inside = items = 0;
    for (unsigned i = 0; i < SCHED_THREADS_MAX; i++)
        results[i] = -1;
}

/* The same on a lock outside the condition. Then the notify wakes the sleepers, not the release. */
static cond_lock_t lock;

static void elsewhere_setup(void)
{
    setup();
    memset(&lock, 0, sizeof lock);
    EXPECT(cond_lock_init(&lock, COND_SHARED | COND_MUTEX) == 0);
    memset(&cond, 0, sizeof cond);
    EXPECT(cond_init(&cond, &lock, 0) == 0);
}

/* The same with tickets that wrap, and after so many waits without a notify that tickets must restart. */
static void wrap_setup(void)
{
    setup();
    cond.u_.shared.arrivals = UINT32_MAX - 1;
    cond.u_.shared.notified_below = cond.u_.shared.free_below = UINT32_MAX - 1;
}

static void old_setup(void)
{
    setup();
    cond.u_.shared.arrivals = cond.u_.shared.free_below + UINT32_MAX;
}

/* The critical section. Returns true if its last holder died: then the state is as that holder left it. */
static bool acquire(void)
{
    int error = cond_acquire(&cond);
    EXPECT(error == 0 || error == EOWNERDEAD);
    if (error == EOWNERDEAD) {
        inside = 0;
        EXPECT(cond_recover(&cond) == 0);
    }
    EXPECT(inside++ == 0);
    return error == EOWNERDEAD;
}

static void release(void)
{
    sched_step();
    EXPECT(--inside == 0);
    EXPECT(cond_release(&cond) == 0);
}

static void notify(size_t n)
{
    (void)acquire();
    EXPECT(cond_notify(&cond, n) == 0);
    release();
}

static void notify_all(void)
{
    (void)acquire();
    EXPECT(cond_notify_all(&cond) == 0);
    release();
}

static int wait_for(cond_pred_t *pred, int64_t timeout_ns)
{
    EXPECT(--inside == 0);
    int64_t began_ns = cond_now();
    int result = pred != NULL ? cond_wait_for(&cond, pred, NULL, timeout_ns) : cond_wait(&cond, timeout_ns);
    EXPECT(result == 0 || result == ETIMEDOUT || result == EOWNERDEAD || (result == ECANCELED && cond_closed(&cond)));
    EXPECT(result != ETIMEDOUT || cond_now() - began_ns >= timeout_ns);
    if (result == EOWNERDEAD) {
        inside = 0;
        EXPECT(cond_recover(&cond) == 0);
    }
    EXPECT(cond_owned(&cond));
    EXPECT(inside++ == 0);
    return result;
}

static void check_clean(void)
{
    /* The last holder may have died. */
    int error = cond_acquire(&cond);
    EXPECT(error == 0 || error == EOWNERDEAD);
    if (error == EOWNERDEAD)
        EXPECT(cond_recover(&cond) == 0);
    EXPECT(cond_notify_all(&cond) == 0); /* no longer counts killed waiters */
    EXPECT(cond_waiters(&cond) == 0);
    EXPECT(cond_release(&cond) == 0);
    EXPECT(cond_destroy(&cond) == 0);
}

/* If no process is killed, no waiter depends on its heartbeat. */
static void check_prompt(void)
{
    EXPECT(sched_stalls() == 0);
    check_clean();
}

static bool two_wait(void) { return cond_waiters(&cond) == 2; }
static bool have_item(void *arg) { (void)arg; return items > 0; }

static void lock_body(unsigned thread)
{
    (void)thread;
    for (unsigned i = 0; i < 2; i++) {
        (void)acquire();
        release();
    }
}

/* Two threads wait, and there are two notifies. */
static void notify_each_body(unsigned thread)
{
    if (thread < 2) {
        (void)acquire();
        results[thread] = wait_for(NULL, COND_FOREVER);
        EXPECT(results[thread] == 0);
        release();
        return;
    }
    sched_until(two_wait);
    for (unsigned i = 0; i < 2; i++) {
        notify(1);
    }
}

/* One notify for two waiters. The first one may be killed at any step: then the second one gets it. */
static bool two_wait_or_killed(void) { return two_wait() || sched_killed(0); }

static void notify_one_body(unsigned thread)
{
    if (thread < 2) {
        (void)acquire();
        results[thread] = wait_for(NULL, COND_FOREVER);
        release();
        return;
    }
    sched_until(two_wait_or_killed);
    /* If the first one was killed before it waited, the other may not have arrived yet. */
    (void)acquire();
    items = (int)cond_waiters(&cond);
    EXPECT(cond_notify(&cond, 1) == 0);
    release();
}

static void notify_one_quiet(void)
{
    /* Or the first one was killed after it had taken its notification, with the lock held. */
    bool died_inside = acquire();
    EXPECT(items < 2 || results[0] == 0 || results[1] != -1 || died_inside);
    EXPECT(cond_notify_all(&cond) == 0);
    release();
}

/* The holder is killed, and only a waiter is left. The waiter must get EOWNERDEAD. */
static void holder_body(unsigned thread)
{
    (void)acquire();
    if (thread == 1)
        results[1] = wait_for(NULL, COND_FOREVER);
    release();
}

static void holder_quiet(void)
{
    EXPECT(!acquire());
    EXPECT(cond_notify_all(&cond) == 0);
    release();
}

/* A notification is for the waiters of its time. It goes to one of the first two, also if later waiters are notified
   too (glibc bug 25847 in small). */
static bool notified;
static bool first_were_notified(void) { return notified; }
static unsigned late;
static bool late_wait(void) { return late == 2; }

static void steal_setup(void)
{
    setup();
    notified = false;
    late = 0;
}

static void steal_body(unsigned thread)
{
    if (thread < 4) {
        bool is_late = thread >= 2;
        if (is_late)
            sched_until(first_were_notified);
        (void)acquire();
        late += is_late;
        results[thread] = wait_for(NULL, COND_FOREVER);
        release();
        return;
    }
    sched_until(two_wait);
    (void)acquire();
    EXPECT(cond_notify(&cond, 1) == 0);
    notified = true;
    release();
    sched_until(late_wait);
    notify(1);
}

static void steal_quiet(void)
{
    EXPECT(results[0] == 0 || results[1] == 0);
    EXPECT((results[0] == 0) + (results[1] == 0) + (results[2] == 0) + (results[3] == 0) >= 2);
    notify_all();
}

/* Consumers wait for items with a predicate. The producer or a consumer may be killed at any step. In the end another
   producer makes enough items. */
static unsigned done;

static void items_setup(void)
{
    setup();
    done = 0;
}

static void items_body(unsigned thread)
{
    (void)acquire();
    if (thread == 0) {
        items++;
        EXPECT(cond_notify(&cond, 1) == 0);
    } else {
        results[thread] = wait_for(have_item, COND_FOREVER);
        if (results[thread] == 0) {
            EXPECT(items > 0);
            items--;
            done++;
        }
    }
    release();
}

static void items_quiet(void)
{
    (void)acquire();
    /* No live waiter is left while there is an item, even if its producer died before it could notify, because
       recovery wakes all waiters. Killed waiters are still counted. */
    EXPECT(items == 0 || cond_waiters(&cond) == 0 || sched_killed(1) || sched_killed(2));
    items = 10;
    EXPECT(cond_notify_all(&cond) == 0);
    release();
}

/* Two kinds of predicates on one condition, notify(1): a waiter that cannot use its notification wakes the next one. */
static int buffer;
static bool buffer_empty(void *arg) { (void)arg; return buffer == 0; }
static bool buffer_full(void *arg) { (void)arg; return buffer == 1; }

static void buffer_setup(void)
{
    setup();
    buffer = 0;
}

static void buffer_body(unsigned thread)
{
    bool producer = thread % 2 == 0;
    (void)acquire();
    EXPECT(wait_for(producer ? buffer_empty : buffer_full, COND_FOREVER) == 0);
    EXPECT(buffer == (producer ? 0 : 1));
    buffer = producer;
    EXPECT(cond_notify(&cond, 1) == 0);
    release();
}

/* notify(1) wakes the longest sleeper, but only the predicate of the other waiter is true. That waiter must be woken
   too, before its heartbeat. */
static unsigned arrived;
static int come[2];
static bool mine(void *arg) { return *(int *)arg != 0; }

static void chain_setup(void)
{
    setup();
    arrived = 0;
    come[0] = come[1] = 0;
}

static void chain_body(unsigned thread)
{
    if (thread < 2) {
        (void)acquire();
        unsigned place = arrived++;
        EXPECT(--inside == 0);
        EXPECT(cond_wait_for(&cond, mine, &come[place], COND_FOREVER) == 0);
        EXPECT(inside++ == 0);
        if (place == 1)
            EXPECT(sched_stalls() == 0);
        release();
        return;
    }
    sched_until(two_wait);
    (void)acquire();
    come[1] = 1;
    EXPECT(cond_notify(&cond, 1) == 0);
    release();
}

static void chain_quiet(void)
{
    (void)acquire();
    EXPECT(cond_waiters(&cond) <= 1);
    come[0] = 1;
    EXPECT(cond_notify_all(&cond) == 0);
    release();
}

/* Thread 0 closes the condition and may be killed at any step. Thread 1 waits without a predicate, 2 with a false
   one. Both waits return, and later waits return at once. If thread 0 was killed before the close, another thread
   closes. */
static void close_body(unsigned thread)
{
    (void)acquire();
    if (thread == 0) {
        EXPECT(cond_close(&cond) == 0);
        sched_step();
        EXPECT(cond_close(&cond) == 0);
    } else {
        results[thread] = wait_for(thread == 1 ? NULL : have_item, COND_FOREVER);
        /* (After a recover a plain wait may return without need.) */
        EXPECT(results[thread] == ECANCELED || (sched_killed(0) && results[thread] != ETIMEDOUT));
        for (unsigned i = 0; i < 2 && cond_closed(&cond); i++)
            EXPECT(wait_for(NULL, COND_FOREVER) == ECANCELED && cond_closed(&cond));
    }
    release();
}

static void close_quiet(void)
{
    (void)acquire();
    EXPECT(sched_killed(0) && !cond_closed(&cond));
    EXPECT(cond_close(&cond) == 0);
    release();
}

/* Two wait, one notify, and the close, in one critical section: one of them returns 0, the other is ended by the
   close. */
static void close_notified_body(unsigned thread)
{
    if (thread == 2)
        sched_until(two_wait);
    (void)acquire();
    if (thread == 2)
        EXPECT(cond_notify(&cond, 1) == 0 && cond_close(&cond) == 0 && cond_notify(&cond, 1) == 0);
    else
        results[thread] = wait_for(NULL, COND_FOREVER);
    release();
}

static void close_notified_check(void)
{
    EXPECT((results[0] == 0) + (results[1] == 0) == 1 && results[0] + results[1] == ECANCELED);
    check_prompt();
}

/* A deadline, a close, and a later wait. */
static void close_timed_body(unsigned thread)
{
    (void)acquire();
    if (thread == 0) {
        EXPECT(cond_close(&cond) == 0);
    } else {
        results[thread] = wait_for(NULL, COND_MS(1));
        EXPECT(results[thread] == (cond_closed(&cond) ? ECANCELED : ETIMEDOUT)); /* on a shared one the close counts */
    }
    release();
}

static void timed_body(unsigned thread)
{
    (void)acquire();
    if (thread < 2) {
        results[thread] = wait_for(NULL, COND_MS(1 + 150 * thread));
    } else {
        EXPECT(cond_notify(&cond, 1) == 0);
    }
    release();
}

static void poll_body(unsigned thread)
{
    (void)thread;
    for (unsigned i = 0; i < 3; i++) {
        (void)acquire();
        EXPECT(wait_for(NULL, 0) == ETIMEDOUT);
        release();
    }
}

static void recursion_body(unsigned thread)
{
    for (unsigned i = 0; i < 3; i++)
        EXPECT(cond_acquire(&cond) == 0);
    if (thread == 0)
        EXPECT(cond_wait(&cond, COND_MS(1)) != EPERM);
    else
        EXPECT(cond_notify(&cond, 1) == 0);
    for (unsigned i = 0; i < 3; i++)
        EXPECT(cond_release(&cond) == 0);
    EXPECT(cond_release(&cond) == EPERM);
}

/* The condition and its lock are destroyed as early as possible, while one thread wants the lock and another has
   waited. A thread that then gets the mutex must get EINVAL and not hold the lock, or hold a lock that it can
   release. */
static cond_lock_t *its_lock;
static unsigned ended;
static bool others_ended(void) { return ended == 2; }

static void destroyed_setup(void)
{
    setup();
    ended = 0;
    its_lock = cond_get_lock(&cond);
}

static void destroyed_elsewhere_setup(void)
{
    elsewhere_setup();
    ended = 0;
    its_lock = &lock;
}

static void destroy_both(void)
{
    if (cond_destroy(&cond) == EBUSY) {
        sched_until(others_ended);
        EXPECT(cond_destroy(&cond) == 0);
    }
    if (its_lock == &lock && cond_lock_destroy(&lock) == EBUSY) {
        sched_until(others_ended);
        EXPECT(cond_lock_destroy(&lock) == 0);
    }
}

static void destroyed_body(unsigned thread)
{
    int error = cond_lock_acquire(its_lock);
    EXPECT(error == 0 || (error == EINVAL && thread > 0));
    if (thread == 0) {
        EXPECT(cond_notify_all(&cond) == 0);
        EXPECT(cond_lock_release(its_lock) == 0);
        destroy_both();
        return;
    }
    if (error == 0 && thread == 2)
        error = cond_wait(&cond, COND_MS(1));
    EXPECT(error == 0 || error == ETIMEDOUT || error == EINVAL);
    if (error != EINVAL || cond_lock_owned(its_lock))
        EXPECT(cond_lock_release(its_lock) == 0);
    ended++;
}

/* Two threads destroy the same: one gets 0. EBUSY: the other one has acquired the mutex to destroy it. */
static void destroyed_by_two_body(unsigned thread)
{
    (void)thread;
    int error = its_lock == &lock ? cond_lock_destroy(&lock) : cond_destroy(&cond);
    EXPECT(error == 0 || error == EINVAL || error == EBUSY);
    ended += error == 0;
}

static void check_destroyed_by_two(void)
{
    EXPECT(ended == 1);
    EXPECT(cond_lock_destroy(its_lock) == EINVAL);
    EXPECT(its_lock != &lock || cond_destroy(&cond) == 0);
}

static void check_destroyed(void)
{
    EXPECT(cond_acquire(&cond) == EINVAL);
    EXPECT(cond_lock_acquire(its_lock) == EINVAL);
    EXPECT(cond_init(&cond, NULL, COND_SHARED) == 0);
    EXPECT(cond_destroy(&cond) == 0);
}

/* Only the condition is destroyed, after a notify but too early: the predicate of its waiter is false. */
static bool one_waits(void) { return cond_waiters(&cond) == 1; }

static void early_body(unsigned thread)
{
    if (thread == 1)
        sched_until(one_waits);
    EXPECT(cond_lock_acquire(&lock) == 0);
    if (thread == 1) {
        EXPECT(cond_notify_all(&cond) == 0);
        EXPECT(cond_destroy(&cond) == 0);
    } else {
        int error = cond_wait_for(&cond, have_item, NULL, COND_FOREVER);
        EXPECT(error == EINVAL);
    }
    EXPECT(cond_lock_release(&lock) == 0);
}

/* The condition is closed and destroyed before its waiters have left: one without a predicate, one with a false one. */
static void closed_early_body(unsigned thread)
{
    if (thread == 2)
        sched_until(two_wait);
    EXPECT(cond_lock_acquire(&lock) == 0);
    if (thread == 2) {
        EXPECT(cond_close(&cond) == 0 && cond_notify_all(&cond) == 0);
        EXPECT(cond_destroy(&cond) == 0);
    } else {
        int error = thread == 0 ? cond_wait(&cond, COND_FOREVER)
                                : cond_wait_for(&cond, have_item, NULL, COND_FOREVER);
        EXPECT(error == EINVAL);
    }
    EXPECT(cond_lock_release(&lock) == 0);
}

static void check_early(void) { EXPECT(cond_lock_destroy(&lock) == 0); }

/* A holder dies, and the next one releases the lock without recover. All waits return, and no waiter stays counted. */
static void lost_body(unsigned thread)
{
    int error = cond_acquire(&cond);
    if (thread == 2) {
        sched_die_and_go_on(); /* with the lock, or with nothing */
        error = cond_acquire(&cond);
        EXPECT(error == EOWNERDEAD || error == ENOTRECOVERABLE);
    } else if (error == 0) {
        error = cond_wait(&cond, COND_FOREVER);
        EXPECT(error == EOWNERDEAD || error == ENOTRECOVERABLE);
    }
    EXPECT((error == ENOTRECOVERABLE) != cond_owned(&cond));
    if (error == EOWNERDEAD)
        EXPECT(cond_release(&cond) == 0);
}

static void lost_late_body(unsigned thread)
{
    if (thread == 2)
        sched_until(two_wait);
    lost_body(thread);
}

static void check_lost(void)
{
    EXPECT(cond_waiters(&cond) == 0);
    EXPECT(cond_acquire(&cond) == ENOTRECOVERABLE);
    EXPECT(cond_notify_all(&cond) == ENOTRECOVERABLE);
    EXPECT(cond_wait(&cond, 0) == ENOTRECOVERABLE);
    EXPECT(cond_release(&cond) == EPERM);
    EXPECT(cond_destroy(&cond) == 0);
}

static void check_lost_promptly(void)
{
    EXPECT(sched_stalls() == 0);
    check_lost();
}

/* A chosen waiter does not run while very many others wait. Its old ticket then looks like a future or a pending one.
   */
static void stopped_body(unsigned thread)
{
    (void)acquire();
    if (thread < 2) {
        int result = wait_for(thread == 0 ? NULL : have_item, COND_FOREVER);
        EXPECT(result == 0);
        EXPECT(cond_waiters(&cond) == 0);
        release();
        return;
    }
    release();
    sched_until(two_wait);
    (void)acquire();
    struct cond_shared_queue_ *queue = &cond.u_.shared;
    uint32_t first = queue->arrivals - 2;
    items = 1;
    EXPECT(cond_notify_all(&cond) == 0);
    if (thread == 2) {
        queue->free_below = queue->notified_below = queue->arrivals = first + UINT32_MAX / 2 + 7;
    } else {
        queue->free_below = queue->notified_below = first;
        queue->arrivals = first + 2;
        queue->laps++;
    }
    release();
}

static void stopped_lap_body(unsigned thread) { stopped_body(thread == 2 ? 3 : thread); }

/* Two processes initialise a lock in fresh memory at the same time. */
static unsigned made;
static bool lock_made(void) { return made > 0; }

static void begin_setup(void)
{
    memset(&lock, 0, sizeof lock);
    made = 0;
    inside = 0;
}

static void begin_body(unsigned thread)
{
    (void)thread;
    int error = cond_lock_init(&lock, COND_SHARED);
    made += error == 0;
    if (error == EAGAIN) {
        sched_until(lock_made);
        error = cond_lock_init(&lock, COND_SHARED);
        EXPECT(error == EBUSY);
    }
    EXPECT(error == 0 || error == EBUSY);
    EXPECT(cond_lock_acquire(&lock) == 0);
    EXPECT(inside++ == 0);
    EXPECT(cond_lock_init(&lock, COND_SHARED) == EBUSY); /* and it stays held */
    EXPECT(cond_lock_owned(&lock));
    sched_step();
    EXPECT(--inside == 0);
    EXPECT(cond_lock_release(&lock) == 0);
}

static void check_begun(void)
{
    EXPECT(made == 1);
    EXPECT(cond_lock_destroy(&lock) == 0);
    EXPECT(cond_lock_init(&lock, COND_SHARED) == 0);
    EXPECT(cond_lock_destroy(&lock) == 0);
}

static const struct scenario scenarios[] = {
    {"lock", 3, setup, lock_body, NULL, check_clean, 2, 0, 20000, 0, 0},
    {"lock, killed", 3, setup, lock_body, NULL, check_clean, 1, 0, 20000, 1, 3},
    {"notify each", 3, setup, notify_each_body, NULL, check_prompt, 1, 0, 20000, 0, 0},
    {"a waiter is killed", 3, setup, notify_one_body, notify_one_quiet, check_clean, 0, 0, 50000, 1, 1},
    {"notify each, wrapping", 3, wrap_setup, notify_each_body, NULL, check_prompt, 1, 0, 0, 0, 0},
    {"timed, wrapping", 3, wrap_setup, timed_body, NULL, check_clean, 1, 0, 0, 0, 0},
    {"polls, old", 2, old_setup, poll_body, NULL, check_clean, 1, 0, 0, 0, 0},
    {"notify each, elsewhere", 3, elsewhere_setup, notify_each_body, NULL, check_prompt, 1, 0, 20000, 0, 0},
    {"killed, elsewhere", 3, elsewhere_setup, notify_one_body, notify_one_quiet, check_clean, 0, 0, 20000, 1, 1},
    {"a holder is killed", 2, setup, holder_body, holder_quiet, check_clean, 2, 0, 20000, 1, 1},
    {"no notification is stolen", 5, steal_setup, steal_body, steal_quiet, check_clean, 0, 0, 50000, 0, 0},
    {"a producer is killed", 3, items_setup, items_body, items_quiet, check_clean, 0, 0, 50000, 1, 1},
    {"anybody is killed", 3, items_setup, items_body, items_quiet, check_clean, 0, 0, 50000, 1, 3},
    {"buffer, notify(1)", 4, buffer_setup, buffer_body, NULL, check_prompt, 0, 1, 50000, 0, 0},
    {"chain", 3, chain_setup, chain_body, chain_quiet, check_clean, 1, 0, 0, 0, 0},
    {"close", 3, setup, close_body, NULL, check_prompt, 1, 0, 20000, 0, 0},
    {"close, elsewhere", 3, elsewhere_setup, close_body, NULL, check_prompt, 1, 0, 20000, 0, 0},
    {"close, killed", 3, setup, close_body, close_quiet, check_clean, 1, 0, 50000, 1, 1},
    {"close, killed, elsewhere", 3, elsewhere_setup, close_body, close_quiet, check_clean, 0, 0, 20000, 1, 1},
    {"close after notify", 3, setup, close_notified_body, NULL, close_notified_check, 1, 0, 20000, 0, 0},
    {"close, timed", 3, setup, close_timed_body, NULL, check_clean, 1, 0, 20000, 0, 0},
    {"timed", 3, setup, timed_body, NULL, check_clean, 1, 0, 20000, 0, 0},
    {"recursion", 2, setup, recursion_body, NULL, check_clean, 3, 1, 0, 0, 0},
    {"destroyed", 3, destroyed_setup, destroyed_body, NULL, check_destroyed, 2, 0, 20000, 0, 0},
    {"destroyed, elsewhere", 3, destroyed_elsewhere_setup, destroyed_body, NULL, check_destroyed, 2, 0, 20000, 0, 0},
    {"destroyed by two", 2, destroyed_setup, destroyed_by_two_body, NULL, check_destroyed_by_two, 3, 0, 0, 0, 0},
    {"destroyed by two, elsewhere", 2, destroyed_elsewhere_setup, destroyed_by_two_body, NULL, check_destroyed_by_two, 3,
     0, 0, 0, 0},
    {"destroyed early", 2, elsewhere_setup, early_body, NULL, check_early, 2, 0, 0, 0, 0},
    {"closed and destroyed early", 3, elsewhere_setup, closed_early_body, NULL, check_early, 1, 0, 20000, 0, 0},
    {"lost", 3, setup, lost_body, NULL, check_lost, 1, 0, 20000, 0, 0},
    {"lost, elsewhere", 3, elsewhere_setup, lost_body, NULL, check_lost, 1, 0, 20000, 0, 0},
    {"lost, promptly", 3, setup, lost_late_body, NULL, check_lost_promptly, 1, 0, 0, 0, 0},
    {"stopped for long", 3, setup, stopped_body, NULL, check_clean, 1, 0, 5000, 0, 0},
    {"stopped for a lap", 3, setup, stopped_lap_body, NULL, check_clean, 1, 0, 5000, 0, 0},
    {"begun by two", 2, begin_setup, begin_body, NULL, check_begun, 3, 0, 0, 0, 0},
};

int main(int argc, char **argv)
{
    return sched_main(argc, argv, scenarios, (unsigned)(sizeof scenarios / sizeof *scenarios));
}
