/* SPDX-License-Identifier: MIT */
/*
 * A release: who goes next. Three kinds want the lock:
 *
 *      the list          waiters that a notify has chosen, asleep on their own nodes; and tasks, to which the lock is
 *                        handed, since they cannot sleep for it (waitq.h)
 *      starving threads  which have waited for TUNING_STARVATION_NS, asleep on the lock's word (mutex.c)
 *      sleepers          which have not, asleep on mutex_wakeups(): they came for the lock, or come back from a wait
 *
 * A release takes the first of the list that can go, frees the word and wakes that waiter; or makes that task the owner,
 * and leaves the word HELD. If nobody in the list can go, it wakes a starving thread, or else a sleeper. It does so whether
 * or not those woken before have arrived: so a waiter that is slow to arrive delays nobody; and since each release wakes
 * one, a broadcast wakes no herd.
 *
 * Turns. While threads starve, and the list is not empty, every second release is theirs: it picks nobody from the list, but
 * reserves the word and wakes a starving thread.
 *
 * A reserved lock is free for starving threads only, so the one that was woken gets it, however long it takes to come. So a
 * starving thread is overtaken by one of the list for each starving thread before it, and once more, however long the lock
 * is held. This includes an expired waiter, which comes back by the word. A task, or a waiter in the list, is delayed by one
 * starving thread for each that stands before it. What makes the free word safe: mutex.c, (2).
 */
#include "handoff.h"
#include "park.h"
#include "port.h"
#include "port_shared.h"
#include "taskq.h"
#include "waitq.h"

/* This process, in as many bits as the word has for it, and not 0. (Linux's numbers fit. Elsewhere two processes may have
   the same one here: then a mistake, a private lock that both use, is not noticed.) */
static uint32_t handoff_process(void)
{
    uint32_t number = waitq_process() % (UINT32_MAX / MUTEX_TASKS + 1);
    return number != 0 ? number : 1;
}

/* Whether tasks of this process want the lock. Those of other processes are not touched (waitq_is_ours()). */
static bool handoff_has_tasks(uint32_t word)
{
    return word >= MUTEX_TASKS && word / MUTEX_TASKS == handoff_process();
}

/* Whether this release is the turn of the starving threads. To be asked once a release, if there are both. */
static bool handoff_take_turn(cond_lock_t *lock)
{
    lock->flags_ ^= LOCK_STARVING_TURN;
    return !(lock->flags_ & LOCK_STARVING_TURN);
}

/* The first of the list that can go, out of the list, or NULL. If it is a task, that is the owner now. */
static struct cond_waiter *handoff_pick(cond_lock_t *lock, struct taskq_calls *calls)
{
    struct cond_waiter *next;
    do
        next = waitq_pick(lock);
    while (HAVE_TASKS && next != NULL && waitq_is_task(next) && !taskq_grant(next, lock, calls));
    return next;
}

/* Clear SLEEPERS, and increment what sleepers sleep on: then this release must wake one of them. In this order, with the
   lock held: a thread that goes to sleep reads `wakeups` and then the word. If it reads the old number, port_wait() returns.
   If it reads the new one, it finds SLEEPERS cleared, and sets it again: then the word cannot be freed without another
   claim. False: the word has changed. */
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
    bool knows_turn = false, is_their_turn = false;
    bool has_looked = false; /* at the list as it is now: so no predicate of an awaiting waiter is called twice */
    bool wake_sleeper = false;
    uint32_t old = a_load(word, relaxed);
    for (;;) {
        if (HAVE_TASKS && handoff_has_tasks(old)) {
            /* Acquire: partner is handoff_request(). */
            if (!a_cas_weak(word, &old, old % MUTEX_TASKS, acquire, relaxed))
                continue;
            old %= MUTEX_TASKS;
            taskq_drain(lock);
            has_looked = false;
        }
        bool threads_starve = (old & MUTEX_STARVING_ALL) != 0;
        if (threads_starve && !knows_turn && lock->u_.local.notified != NULL) {
            knows_turn = true;
            is_their_turn = handoff_take_turn(lock);
        }
        if (next == NULL && !has_looked && !(threads_starve && is_their_turn)) { /* M:starving-turn */
            has_looked = HAVE_AWAIT; /* M:look-once */
            next = handoff_pick(lock, &calls);
            if (next != NULL && waitq_is_task(next))
                break; /* the word stays HELD: the lock is the task's now */
        }
        if (next == NULL && !threads_starve && (old & MUTEX_SLEEPERS)) {
            if (!handoff_claim_wakeup(lock, &old))
                continue;
            wake_sleeper = true;
        }
        /* Release: partner is the acquire of the next holder, in mutex.c, who may destroy the lock. So from here on
           the lock is an address only. */
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
            /* Release: partner is the release of the lock that drains the tasks. */
            if (a_cas_weak(word, &old, requested, release, relaxed))
                return;
            /* Acquire: partner is handoff_release(), as for any holder. */
        } else if (a_cas_weak(word, &old, requested | MUTEX_HELD, acq_rel, relaxed)) {
            handoff_release_contended(lock);
            return;
        }
    }
}
#endif

/* Whoever requests later finds DESTROYED. */
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
