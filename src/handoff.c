/* SPDX-License-Identifier: MIT */
/*
 * The release of a private lock, and the choice of who acquires it next. Three groups want a lock:
 *
 *      the list          chosen waiters, awaiting waiters, and tasks that acquire the lock (waitq.h). A thread sleeps
 *                        on its own node. A task cannot sleep, so it is handed the lock, and its callback is called
 *      starving threads  threads that have waited for TUNING_STARVATION_NS, asleep on the lock's word (mutex.c)
 *      sleepers          threads that have waited for less, asleep on mutex_wakeups(): new arrivals, and woken or
 *                        expired waiters that found the lock held
 *
 * A release chooses in this order:
 *
 *      1. The first waiter of the list that has not expired and whose predicate, if it has one, is true (waitq_pick()
 *         has the details). A thread is woken after the word was freed. A task becomes the owner, and the word stays
 *         HELD.
 *      2. Else a starving thread. The word is freed and RESERVED, and the thread is woken.
 *      3. Else a sleeper. The word is freed, and the sleeper is woken.
 *
 * Each release wakes at most one thread. It wakes a waiter even if waiters that were woken before have not acquired the
 * lock yet. So a waiter that is slow to wake up does not delay the wake-up of others, and a broadcast does not wake all
 * waiters at once. (There is one exception. A release has claimed a wake-up for a sleeper. Before it frees the word, a
 * thread begins to starve, or a cancelled task passes its notification on. Then the release may wake a second thread.)
 *
 * Turns. While threads starve and the list is not empty, every second release skips step 1. Turns are counted in
 * releases, so it makes no difference how long the holders keep the lock. If a starving thread has n starving threads
 * before it, at most n + 2 waiters of the list acquire the lock before it does. (One more than n + 1, because a thread
 * may begin to starve while a release that has picked a waiter takes its turn.) An expired waiter acquires the lock
 * like any other thread, and starves after the same time. If releases pick n waiters before one that can go, the
 * starving threads have at most n + 1 turns before it is picked.
 *
 * A RESERVED lock is free only for starving threads, and for a thread that has seen it unchanged for
 * TUNING_STARVATION_NS. So no new arrival takes it while the woken thread wakes up. By invariant (2) in mutex.c, a
 * thread that may take it is awake.
 *
 * Only the holder calls these functions, except handoff_request().
 */
#include "handoff.h"
#include "park.h"
#include "port.h"
#include "port_shared.h"
#include "probe.h"
#include "taskq.h"
#include "waitq.h"

/* The number of this process, reduced so that its product with MUTEX_TASKS fits in the word. Never 0. On Linux it need
   not be reduced. On other systems two processes may get the same number. If both then misuse one private lock, that is
   not detected. */
static uint32_t handoff_process(void)
{
    uint32_t number = waitq_process() % (UINT32_MAX / MUTEX_TASKS + 1);
    return number != 0 ? number : 1;
}

/* Whether tasks of this process want the lock. Tasks of other processes must not be touched (waitq_is_ours()). */
static bool handoff_has_tasks(uint32_t word)
{
    return word >= MUTEX_TASKS && word / MUTEX_TASKS == handoff_process();
}

/* Toggle the turn. True: this release is the turn of the starving threads. Called at most once per release, and only if
   threads starve and the list is not empty. */
static bool handoff_take_turn(cond_lock_t *lock)
{
    lock->flags_ ^= LOCK_STARVING_TURN;
    return !(lock->flags_ & LOCK_STARVING_TURN);
}

/* Remove from the list the first waiter that can go, and return it. NULL: there is none. If the waiter is a task, it
   owns the lock now. A task whose acquire was cancelled is removed too, but is not returned. */
static struct cond_waiter *handoff_pick(cond_lock_t *lock, struct taskq_calls *calls)
{
    struct cond_waiter *next;
    do
        next = waitq_pick(lock);
    while (HAVE_TASKS && next != NULL && waitq_is_task(next) && !taskq_grant(next, lock, calls));
    if (next != NULL)
        PROBE_HANDOVER(next->cond, lock, next);
    return next;
}

/* Clear SLEEPERS, then count a wake-up. After that this release must wake a sleeper. False: the compare-exchange has
   failed, and nothing has changed.

   The order matters. A thread that goes to sleep reads the count, and then the word. There are three cases:

   - It reads the new count. Then it also finds SLEEPERS cleared, and sets it again. If this release has not freed the
     word yet, the compare-exchange that frees it fails, and this release claims again. Otherwise a later release does.
   - It reads the old count, and sleeps before the count changes. Then port_wake() wakes it, or another sleeper.
   - It reads the old count, and the count changes before it sleeps. Then port_wait() returns at once.

   Relaxed is enough for the bit, which guards no data. The store in mutex_count_wakeup() has release order: a thread
   that reads the new count also sees the bit cleared. */
static bool handoff_claim_wakeup(cond_lock_t *lock, uint32_t *old)
{
    if (!a_cas_weak(lock_word(lock), old, *old & ~(uint32_t)MUTEX_SLEEPERS, relaxed, relaxed))
        return false;
    *old &= ~(uint32_t)MUTEX_SLEEPERS;
    mutex_count_wakeup(lock);
    return true;
}

void handoff_release_contended(cond_lock_t *lock)
{
    uint32_t *word = lock_word(lock), *wakeups = mutex_wakeups(lock);
    struct taskq_calls calls = TASKQ_NO_CALLS;
    struct cond_waiter *next = NULL;
    bool took_turn = false, is_starving_turn = false;
    bool has_searched = false; /* the list was searched, and no task has joined it since */
    bool wake_sleeper = false;
    uint32_t old = a_load(word, relaxed);
    /* If a compare-exchange below fails, the loop starts again. It keeps the waiter that it has picked, its turn, and
       the wake-up that it has claimed. */
    for (;;) {
        if (HAVE_TASKS && handoff_has_tasks(old)) {
            /* Acquire: partner is the release in handoff_request(). */
            if (!a_cas_weak(word, &old, old % MUTEX_TASKS, acquire, relaxed))
                continue;
            old %= MUTEX_TASKS;
            taskq_drain(lock);
            has_searched = false;
        }
        bool threads_starve = (old & MUTEX_STARVING_ALL) != 0;
        if (threads_starve && !took_turn && lock->u_.local.notified != NULL) {
            took_turn = true;
            is_starving_turn = handoff_take_turn(lock);
        }
        if (next == NULL && !has_searched && !(threads_starve && is_starving_turn)) { /* M:starving-turn */
            /* Without cond_await() a second search does no harm: each waiter whose predicate was false has left the
               list, so it is not called again. */
            has_searched = HAVE_AWAIT; /* M:look-once */
            next = handoff_pick(lock, &calls);
            if (next != NULL && waitq_is_task(next))
                break; /* the word stays HELD: the task owns the lock */
        }
        if (next == NULL && !threads_starve && (old & MUTEX_SLEEPERS)) {
            if (!handoff_claim_wakeup(lock, &old))
                continue;
            wake_sleeper = true;
        }
        /* Release: partner is the next holder's acquire (mutex_try(), ...). The next holder may destroy the lock. So
           once this has succeeded, the lock is used as an address only. */
        uint32_t freed = old & ~(uint32_t)MUTEX_HELD;
        if (threads_starve && next == NULL)
            freed |= MUTEX_RESERVED;
        if (a_cas_weak(word, &old, freed, release, relaxed)) /* M:free-word */
            break;
    }
    if (next != NULL && !waitq_is_task(next))
        park_wake(next); /* M:wake-next */
    if (next == NULL && (old & MUTEX_STARVING_ALL))
        port_wake(word, 1); /* M:wake-starving */
    if (wake_sleeper)
        port_wake(wakeups, 1); /* M:wake-sleeper */
    if (HAVE_TASKS)
        taskq_call(&calls);
}

#if HAVE_TASKS
void handoff_request(cond_lock_t *lock)
{
    uint32_t *word = lock_word(lock);
    uint32_t request = handoff_process() * MUTEX_TASKS;
    uint32_t old = a_load(word, relaxed);
    for (;;) {
        uint32_t requested = old % MUTEX_TASKS | request;
        if (old & MUTEX_DESTROYED) {
            taskq_abandon(lock);
            return;
        }
        if (old & (MUTEX_HELD | MUTEX_STARVING_ALL)) {
            /* Release: partner is the acquire in handoff_release_contended(), which drains the tasks. */
            if (a_cas_weak(word, &old, requested, release, relaxed))
                return;
        } else {
            /* Release: as above. Acquire: partner is the last holder's handoff_release(). */
            if (a_cas_weak(word, &old, requested | MUTEX_HELD, acq_rel, relaxed)) {
                handoff_release_contended(lock);
                return;
            }
        }
    }
}
#endif

/* The tasks that have requested the lock so far are abandoned here. A later handoff_request() finds DESTROYED, and
   abandons its task itself. */
void handoff_close(cond_lock_t *lock)
{
    uint32_t old = mutex_close(lock);
    if (HAVE_TASKS && handoff_has_tasks(old))
        taskq_abandon(lock);
}

bool handoff_wake_next(cond_lock_t *lock)
{
    struct cond_waiter *next = waitq_pick_unchecked(lock);
    if (next == NULL)
        return false;
    PROBE_HANDOVER(next->cond, lock, next);
    park_wake(next);
    return true;
}
