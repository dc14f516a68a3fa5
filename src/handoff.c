/* SPDX-License-Identifier: MIT */
/*
 * The release of a private lock, and the choice of who acquires it next. Three groups want a lock:
 *
 *      the list          waiters that a notify has chosen, asleep on their own nodes; and tasks. A task cannot sleep,
 *                        so it is handed the lock (waitq.h)
 *      starving threads  threads that have waited for TUNING_STARVATION_NS, asleep on the lock's word (mutex.c)
 *      sleepers          threads that have waited for less, asleep on mutex_wakeups(): new arrivals, and waiters that
 *                        have expired
 *
 * A release chooses in this order:
 *
 *      1. The first waiter of the list that can go. A thread is woken after the word is free. A task becomes the owner,
 *         and the word stays HELD.
 *      2. Else a starving thread. The word is freed and RESERVED, and the thread is woken.
 *      3. Else a sleeper. The word is freed, and the sleeper is woken.
 *
 * Each release wakes one thread, whether or not the threads that were woken before have arrived. So a thread that is
 * slow to wake up delays no other thread, and a broadcast does not wake all waiters at once.
 *
 * Turns. While threads starve and the list is not empty, every second release skips step 1. So before a starving
 * thread acquires, at most one waiter of the list goes for each starving thread before it, and one more. It does not
 * matter how long the lock is held. An expired waiter acquires by the word, so this holds for it too. In return, a
 * waiter or a task in the list is delayed by at most one starving thread for each waiter or task before it.
 *
 * A RESERVED lock is free for starving threads only. So the woken thread finds it free, however long it takes to wake
 * up. mutex.c (2) says why a thread always takes the free word.
 *
 * Only the holder calls these functions, except handoff_request().
 */
#include "handoff.h"
#include "park.h"
#include "port.h"
#include "port_shared.h"
#include "taskq.h"
#include "waitq.h"

/* The number of this process in the bits of MUTEX_TASKS, never 0. Linux's numbers fit. Elsewhere two processes may have
   the same number here: then the misuse of a private lock by both is not detected. */
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

/* Whether this release is the turn of the starving threads. Called at most once per release, and only if threads starve
   and the list is not empty. */
static bool handoff_take_turn(cond_lock_t *lock)
{
    lock->flags_ ^= LOCK_STARVING_TURN;
    return !(lock->flags_ & LOCK_STARVING_TURN);
}

/* Remove the first waiter that can go from the list, or NULL. If it is a task, it owns the lock afterwards. */
static struct cond_waiter *handoff_pick(cond_lock_t *lock, struct taskq_calls *calls)
{
    struct cond_waiter *next;
    do
        next = waitq_pick(lock);
    while (HAVE_TASKS && next != NULL && waitq_is_task(next) && !taskq_grant(next, lock, calls));
    return next;
}

/* Clear SLEEPERS, then count a wake-up. After that this release must wake a sleeper. False: the word has changed.

   The order matters. A thread that goes to sleep reads `wakeups`, and then the word. If it reads the old count,
   port_wait() returns at once. If it reads the new count, it finds SLEEPERS cleared and sets it again: then the word
   cannot be freed without another claim. Relaxed: the bit guards no data, and mutex_count_wakeup() releases. */
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
    bool has_turn = false, is_starving_turn = false;
    bool has_picked = false; /* the list has not changed since it was searched: do not call its predicates again */
    bool wake_sleeper = false;
    uint32_t old = a_load(word, relaxed);
    for (;;) {
        if (HAVE_TASKS && handoff_has_tasks(old)) {
            /* Acquire: partner is the release in handoff_request(). */
            if (!a_cas_weak(word, &old, old % MUTEX_TASKS, acquire, relaxed))
                continue;
            old %= MUTEX_TASKS;
            taskq_drain(lock);
            has_picked = false;
        }
        bool threads_starve = (old & MUTEX_STARVING_ALL) != 0;
        if (threads_starve && !has_turn && lock->u_.local.notified != NULL) {
            has_turn = true;
            is_starving_turn = handoff_take_turn(lock);
        }
        if (next == NULL && !has_picked && !(threads_starve && is_starving_turn)) { /* M:starving-turn */
            has_picked = HAVE_AWAIT; /* M:look-once */
            next = handoff_pick(lock, &calls);
            if (next != NULL && waitq_is_task(next))
                break; /* the word stays HELD: the task owns the lock */
        }
        if (next == NULL && !threads_starve && (old & MUTEX_SLEEPERS)) {
            if (!handoff_claim_wakeup(lock, &old))
                continue;
            wake_sleeper = true;
        }
        /* Release: partner is the acquire of the next holder in mutex.c, which may destroy the lock. So from here on
           the lock is used as an address only. */
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
            /* Acquire: partner is the last holder's handoff_release(). Release: as above. */
        } else if (a_cas_weak(word, &old, requested | MUTEX_HELD, acq_rel, relaxed)) {
            handoff_release_contended(lock);
            return;
        }
    }
}
#endif

/* A later handoff_request() finds DESTROYED. */
void handoff_close(cond_lock_t *lock)
{
    uint32_t old = mutex_close(lock);
    if (HAVE_TASKS && handoff_has_tasks(old))
        taskq_abandon(lock);
}

bool handoff_wake_next(cond_lock_t *lock)
{
    struct cond_waiter *next = waitq_pick_unchecked(lock);
    if (next != NULL)
        park_wake(next);
    return next != NULL;
}
