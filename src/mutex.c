/* SPDX-License-Identifier: MIT */
/*
 * The private lock's word, as bits (mutex.h):
 *
 *      0                       free
 *      HELD                    held, nobody sleeps
 *      HELD|SLEEPERS           held, and a release must wake one that sleeps on the word
 *           SLEEPERS           free, with sleepers left asleep: a notified waiter was let go instead, and
 *                              its release will see to them
 *      ...|FIFO                the same, with overtaking forbidden
 *      ...|process * TASKS     the same, and that process's next release drains lock->tasks (task.c); free only
 *                              with FIFO, or with a process that has nothing to do here
 *      HELD|DEAD               destroyed, for ever
 *
 * Who sleeps on the word has set SLEEPERS before. A release that wakes one clears the bit, so that releases
 * until then wake nobody; a thread that has slept sets it again when it takes the lock, when it goes back to
 * sleep and when it gives up, since it does not know who else sleeps. So:
 *
 *      (1) If a thread sleeps on the word, then SLEEPERS is set, or a thread is awake that will set it or
 *          has been woken and will take the lock.
 *
 * Overtaking makes a lock fast, since it is not idle while a woken thread is on its way, and starves. A
 * thread that has slept, and is overtaken though it has waited for TUNING_PATIENCE_NS, sets FIFO. From then
 * on only threads that have slept take the lock, mostly in the order in which the system wakes them, and
 * waiters that are let go; newcomers queue up. The thread that has set FIFO clears it. While FIFO is set
 * and the lock is free, then
 *
 *      (2) a thread that may take the lock is awake: by (1), because whoever sets FIFO sets SLEEPERS with it
 *          and newcomers cannot take the lock without it.
 *
 * Waiters that a condition has notified do not sleep on the word but on their node, and are let go by a
 * release, one at a time (waiter.c). They may overtake newcomers even under FIFO. When there is somebody
 * to let go and somebody asleep on the word too, the sleepers get every second release.
 *
 * A task that is let go does not come for the lock but is handed it, HELD staying set. Then a sleeper cannot
 * be woken to take it; so under FIFO, when by (2) somebody will come for a free lock, every second release
 * frees it and leaves the task to the next. And for FIFO to be set, every second hand-over before that wakes
 * a sleeper.
 */
#include "mutex.h"
#include "deadline.h"
#include "lock.h"
#include "park.h"
#include "port_shared.h"
#include "probe.h"
#include "task.h"

/* What a thread remembers while it waits for the lock. */
struct attempt {
    bool veteran;     /* has slept, on the word or in a condition: FIFO does not hold it back */
    bool slept;       /* has slept on the word: answers for SLEEPERS */
    bool fifo;        /* has set FIFO: answers for it */
    int64_t since_ns; /* when it first went to sleep, once it has slept */
};

/* The word with the caller's duties done: see (1), and FIFO's last sentence. */
static uint32_t settled(const struct attempt *self, uint32_t word)
{
    if (self->slept)
        word |= MUTEX_SLEEPERS;
    if (self->fifo)
        word &= ~(uint32_t)MUTEX_FIFO;
    return word;
}

static bool may_take(const struct attempt *self, uint32_t word)
{
    return !(word & MUTEX_HELD) && (self->veteran || !(word & MUTEX_FIFO));
}

/* Wait awake for a while: the lock is mostly held for less time than it takes to sleep. The looks become rarer, for
   each takes the word from the core of whoever works with the lock. Acquire: partner is mutex_release(). */
static bool take_awake(struct attempt *self, uint32_t *word)
{
    for (unsigned look = 0; look != TUNING_LOCK_SPIN; look++) {
        uint32_t old = a_load(word, relaxed);
        if (may_take(self, old) && a_cas_weak(word, &old, old | MUTEX_HELD, acquire, relaxed))
            return true;
        for (unsigned pauses = 1u << look; pauses != 0; pauses--)
            a_pause();
    }
    return false;
}

static bool out_of_patience(struct attempt *self)
{
    if (!self->slept) {
        self->since_ns = port_now();
        return false;
    }
    return !self->fifo && port_now() - self->since_ns >= TUNING_PATIENCE_NS;
}

int mutex_acquire_contended(cond_lock_t *lock, int64_t deadline_ns, bool veteran)
{
    uint32_t *word = &lock->u_.local.as.mine.word;
    struct attempt self = {.veteran = veteran};

    PROBE_CONTENDED(lock, deadline_ns, veteran);
    if (deadline_ns != DEADLINE_PASSED && take_awake(&self, word))
        return 0;
    for (;;) {
        uint32_t old = a_load(word, relaxed);
        if (old & MUTEX_DEAD) {
            /* Who has slept may be the one by whom, as in (1), the others go on; mutex_kill() does not see them. */
            if (self.slept)
                port_wake(word, UINT32_MAX);
            return EINVAL;
        }
        if (may_take(&self, old)) {
            /* Acquire: partner is mutex_release(). */
            if (a_cas_weak(word, &old, settled(&self, old | MUTEX_HELD), acquire, relaxed))
                return 0;
        } else if (deadline_passed(deadline_ns)) {
            /* Relaxed, as all below: the bits carry no data. (Who has set FIFO has slept.) */
            if (!self.slept || a_cas_weak(word, &old, settled(&self, old), relaxed, relaxed))
                return ETIMEDOUT;
        } else {
            uint32_t marked = old | MUTEX_SLEEPERS;
            bool fifo = out_of_patience(&self) && !(old & MUTEX_FIFO);
            if (fifo)
                marked |= MUTEX_FIFO;
            if (marked != old && !a_cas_weak(word, &old, marked, relaxed, relaxed))
                continue;
            self.fifo = self.fifo || fifo;
            port_wait(word, marked, deadline_ns);
            self.slept = self.veteran = true;
        }
    }
}

/* Whether to leave the lock to those who sleep on the word, though a task comes next. */
static bool leave_to_sleepers(cond_lock_t *lock, uint32_t word)
{
    const struct cond_waiter *next = waiter_first(lock);
    if (!(word & MUTEX_FIFO) || next == NULL || !waiter_is_task(next))
        return false;
    lock->flags_ ^= LOCK_SLEEPERS_TURN;
    return !(lock->flags_ & LOCK_SLEEPERS_TURN);
}

/* The lock was handed to a task. Somebody who sleeps on the word must wake up now and then to find out that
   it is out of patience: every second time. Its callback is still to come, so the lock stays. Relaxed: HELD
   stays. */
static void wake_beside_task(cond_lock_t *lock, uint32_t old)
{
    uint32_t *word = &lock->u_.local.as.mine.word;
    if ((old & (MUTEX_SLEEPERS | MUTEX_FIFO)) != MUTEX_SLEEPERS)
        return;
    lock->flags_ ^= LOCK_SLEEPERS_TURN;
    if (lock->flags_ & LOCK_SLEEPERS_TURN)
        return;
    while (!a_cas_weak(word, &old, old & ~(uint32_t)MUTEX_SLEEPERS, relaxed, relaxed))
        ;
    port_wake(word, 1);
}

/* Who is let go by this release, or NULL. A task has the lock then. */
static struct cond_waiter *pick(cond_lock_t *lock, struct task_calls *calls)
{
    struct cond_waiter *next;
    do
        next = waiter_pick(lock);
    while (next != NULL && waiter_is_task(next) && !task_take(next, lock, calls));
    return next;
}

/* Whether tasks of this process want the lock. Those of others are no business of ours (waiter_are_ours). */
static bool have_tasks(uint32_t word)
{
#ifdef CONDVAR_NO_TASKS
    (void)word;
    return false;
#else
    return word >= MUTEX_TASKS && word / MUTEX_TASKS == port_process();
#endif
}

void mutex_release_contended(cond_lock_t *lock)
{
    uint32_t *word = &lock->u_.local.as.mine.word;
    struct task_calls calls = TASK_NO_CALLS;
    struct cond_waiter *next = NULL;
    bool both_turn = false;
    bool wake_sleeper = false;
    uint32_t freed;
    uint32_t old = a_load(word, relaxed);
    for (;;) {
        if (have_tasks(old)) {
            /* Acquire: partner is mutex_knock(). */
            if (!a_cas_weak(word, &old, old % MUTEX_TASKS, acquire, relaxed))
                continue;
            old %= MUTEX_TASKS;
            task_drain(lock);
        }
        if (next == NULL && !leave_to_sleepers(lock, old)) {
            next = pick(lock, &calls);
            if (next != NULL && waiter_is_task(next)) {
                wake_beside_task(lock, old);
                task_call(&calls);
                return;
            }
            both_turn = (lock->flags_ & LOCK_SLEEPERS_TURN) != 0;
            if (next != NULL)
                lock->flags_ ^= LOCK_SLEEPERS_TURN;
        }
        wake_sleeper = (old & MUTEX_SLEEPERS) && (next == NULL || both_turn);
        freed = old - old % MUTEX_TASKS + (old & MUTEX_FIFO);
        if (!wake_sleeper)
            freed |= old & MUTEX_SLEEPERS;
        /* Release: partner is the acquire of the next holder, who may destroy the lock. So from here on
           the lock is an address, and nothing in it is looked at. */
        if (a_cas_weak(word, &old, freed, release, relaxed))
            break;
    }
    if (next != NULL)
        park_wake(next);
    if (wake_sleeper)
        port_wake(word, 1);
    task_call(&calls);
}

#ifndef CONDVAR_NO_TASKS
void mutex_knock(cond_lock_t *lock)
{
    uint32_t *word = &lock->u_.local.as.mine.word;
    uint32_t knock = port_process() * MUTEX_TASKS;
    uint32_t old = a_load(word, relaxed);
    for (;;) {
        uint32_t knocked = old % MUTEX_TASKS | knock;
        if (old & MUTEX_DEAD) {
            task_abandon(lock);
            return;
        }
        if (old & (MUTEX_HELD | MUTEX_FIFO)) {
            /* Release: partner is the release of the lock, which is then to see the task. */
            if (a_cas_weak(word, &old, knocked, release, relaxed))
                return;
            /* Acquire: partner is mutex_release(), as for any holder. */
        } else if (a_cas_weak(word, &old, knocked | MUTEX_HELD, acq_rel, relaxed)) {
            mutex_release_contended(lock);
            return;
        }
    }
}
#endif

/* Acquire: partner is mutex_knock(). Who knocks later finds DEAD. */
void mutex_kill(cond_lock_t *lock)
{
    uint32_t *word = &lock->u_.local.as.mine.word;
    uint32_t old = a_exchange(word, MUTEX_HELD | MUTEX_DEAD, acquire);
    if (have_tasks(old))
        task_abandon(lock);
    if (old & MUTEX_SLEEPERS)
        port_wake(word, UINT32_MAX);
}
