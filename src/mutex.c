/* SPDX-License-Identifier: MIT */
/*
 * The word of a private lock, as bits (mutex.h):
 *
 *      0                       free
 *      HELD                    held, nobody sleeps
 *      HELD|SLEEPERS           held, and a release must wake a sleeper
 *           SLEEPERS           free, with sleepers left asleep: the release has woken a waiter or a starving thread
 *                              instead, and a later release will wake a sleeper
 *      ...|n * STARVING        the same, and n threads starve: only they and chosen waiters take the lock
 *      RESERVED|n * STARVING   free, for one of them: only they take it
 *      ...|process * TASKS     the same, and the next release by that process drains the tasks. Free only while threads
 *                              starve, or with a process that has no right to be here
 *      HELD|DESTROYED          destroyed, for good
 *
 * A thread that waits for the lock goes through two stages:
 *
 *      sleeper ---(it has waited for TUNING_STARVATION_NS)---> starving ---> takes the lock, or times out
 *         |
 *         +----> takes the lock, or times out
 *
 * Sleepers compete with running threads: a running thread may take a free lock before a woken one (barging), so the lock
 * is not idle while the woken one is on its way. That is fast, and it starves. So a sleeper sleeps for
 * TUNING_STARVATION_NS at most, then counts itself in the word as starving, and sleeps on the word. While the number is
 * not 0, only starving threads and waiters that a release has chosen take the lock, and a release wakes starving threads
 * in their order, which is the order in which they came (handoff.c). What is freed for a starving thread is RESERVED, so that
 * it finds the lock free when it comes: else it would sleep again, as the last of all. The number is exact: a thread is
 * counted, takes the lock and times out by compare-exchanges on the one word. (If 63 are counted, more threads sleep on the
 * word without, and look again ten times a second: as long as others are counted, they are woken in their turn all the same.)
 *
 * Sleepers sleep on another word, mutex_wakeups(), and set SLEEPERS before. A release that wakes a sleeper clears the bit,
 * so that later releases wake nobody. A thread that was woken does not know who else sleeps: so it sets the bit again when
 * it takes the lock, goes back to sleep, begins to starve or times out. Hence:
 *
 *      (1) If a sleeper sleeps, then SLEEPERS is set, or a thread is awake that will set SLEEPERS.
 *
 * Threads begin to starve only while the lock is held. The release of that holder wakes one of them, or a waiter that may
 * take the lock, and so do all others until nobody starves. A woken thread takes the lock if it is free, even if its time
 * is up. Hence:
 *
 *      (2) While threads starve and the lock is free, a thread that may take it is awake.
 *
 * It may be awake and have no core: a thread of low priority, say. So a thread that finds the lock free and kept sleeps
 * for TUNING_STARVATION_NS, and then takes it all the same.
 */
#include "mutex.h"
#include "deadline.h"
#include "port.h"
#include "probe.h"
#include "tuning.h"

/* A thread that waits for the lock, on its own stack. */
struct mutex_acquirer {
    bool was_chosen;  /* a waiter that a release has woken: it may take the lock while others starve */
    bool has_slept;   /* among the sleepers: it must set SLEEPERS, see (1) */
    bool has_starved; /* it has waited for TUNING_STARVATION_NS */
    bool in_line;     /* and has slept on the word: it may take what a release has reserved */
    bool is_counted;  /* and counts as starving in the word */
    bool was_kept;    /* it has waited for TUNING_STARVATION_NS at a lock that was free and kept: it may take that, too */
    bool at_free;     /* its time runs since it has found the lock free and kept; else since it has found it held */
    int64_t until_ns; /* when that time is over; 0: none runs */
};

/* The word with the duties of this thread done, before it leaves or goes to sleep elsewhere. */
static NOINLINE uint32_t mutex_with_duties(const struct mutex_acquirer *self, uint32_t word)
{
    if (self->has_slept) /* M:duty-sleepers */
        word |= MUTEX_SLEEPERS;
    if (self->is_counted) /* M:duty-starving */
        word -= MUTEX_STARVING;
    return word;
}

static bool mutex_may_take(const struct mutex_acquirer *self, uint32_t word)
{
    if ((word & MUTEX_HELD) || !(word & MUTEX_STARVING_ALL) || self->in_line)
        return !(word & MUTEX_HELD);
    return (self->was_chosen && !(word & MUTEX_RESERVED)) || self->was_kept;
}

/* Spin for a while: the lock is mostly held for less time than a sleep takes. The pauses grow, since each look takes
   the cache line of the word from the core of the holder. Acquire: partner is the release in handoff_release(). */
static bool mutex_spin_acquire(const struct mutex_acquirer *self, uint32_t *word)
{
    for (unsigned iteration = 0; iteration != TUNING_LOCK_SPIN; iteration++) {
        uint32_t old = a_load(word, relaxed);
        if (mutex_may_take(self, old) && a_cas_weak(word, &old, old | MUTEX_HELD, acquire, relaxed))
            return true;
        for (unsigned pauses = 1u << iteration; pauses != 0; pauses--)
            a_pause();
    }
    return false;
}

/* Sleep until a release wakes this thread: on the word, if it starves; else among the sleepers, until its time is over at
   the latest. The word was `old`, after `wakeups` was read: so a release that clears SLEEPERS later changes that, and
   port_wait() returns. */
static COLD void mutex_sleep(struct mutex_acquirer *self, cond_lock_t *lock, uint32_t old, uint32_t wakeups,
                             int64_t deadline_ns)
{
    const uint32_t *place = mutex_wakeups(lock);
    uint32_t marked = old | MUTEX_SLEEPERS;
    bool in_line = self->has_starved && (old & MUTEX_HELD);
    bool is_counted = self->is_counted || (in_line && (MUTEX_COUNTS_ALL || (old & MUTEX_STARVING_ALL) != MUTEX_STARVING_ALL));
    if (in_line)
        marked = mutex_with_duties(self, old) + (is_counted ? MUTEX_STARVING : 0);
    /* Relaxed, as all below: the bits guard no data. */
    if (marked != old && !a_cas_weak(lock_word(lock), &old, marked, relaxed, relaxed))
        return;
    if (self->until_ns == 0 || self->at_free != !(old & MUTEX_HELD)) {
        self->at_free = !(old & MUTEX_HELD);
        /* (In line, and not counted, since too many starve: it looks by itself from time to time.) */
        self->until_ns = port_now() + (in_line && !MUTEX_COUNTS_ALL ? TUNING_HEARTBEAT_NS : TUNING_STARVATION_NS);
    }
    if (in_line) {
        self->in_line = true;
        self->is_counted = is_counted;
        place = lock_word(lock);
        wakeups = marked;
    }
    self->has_slept = !in_line; /* in line, its duty is done */
    if (!is_counted && self->until_ns < deadline_ns) /* M:sleep-until-starving */
        deadline_ns = self->until_ns;
    port_wait(place, wakeups, deadline_ns);
    self->was_kept = false;
    if (port_now() >= self->until_ns) {
        self->until_ns = 0;
        self->has_starved = true;
        self->was_kept = self->at_free && a_load(lock_word(lock), relaxed) == marked; /* nobody has taken it since */
    }
}

int mutex_acquire_contended(cond_lock_t *lock, int64_t deadline_ns, bool was_chosen)
{
    uint32_t *word = lock_word(lock);
    struct mutex_acquirer self = {.was_chosen = was_chosen};

    PROBE_CONTENDED(lock, deadline_ns, was_chosen);
    if (deadline_ns != DEADLINE_PASSED && mutex_spin_acquire(&self, word))
        return 0;
    for (;;) {
        /* Acquire: partner is mutex_count_wakeup(). */
        uint32_t wakeups = a_load(mutex_wakeups(lock), acquire);
        uint32_t old = a_load(word, relaxed);
        if (old & MUTEX_DESTROYED) { /* M:acquire-destroyed */
            /* A thread that slept may have consumed the only wake-up, so wake all. */
            if (self.has_slept) /* M:destroyed-wakes-all */
                port_wake(mutex_wakeups(lock), UINT32_MAX);
            return EINVAL;
        }
        if (mutex_may_take(&self, old)) {
            /* Acquire: partner is the release in handoff_release(). */
            uint32_t taken = mutex_with_duties(&self, old | MUTEX_HELD) & ~(uint32_t)MUTEX_RESERVED;
            if (a_cas_weak(word, &old, taken, acquire, relaxed))
                return 0;
        } else if (deadline_passed(deadline_ns)) {
            uint32_t left = mutex_with_duties(&self, old);
            if (left == old || a_cas_weak(word, &old, left, relaxed, relaxed))
                return ETIMEDOUT;
        } else {
            mutex_sleep(&self, lock, old, wakeups, deadline_ns);
        }
    }
}

/* Acquire: partner is handoff_request(), whose task is on the stack before. */
COLD uint32_t mutex_close(cond_lock_t *lock)
{
    uint32_t *word = lock_word(lock);
    uint32_t old = a_exchange(word, MUTEX_HELD | MUTEX_DESTROYED, acquire);
    mutex_count_wakeup(lock);
    if (old & (MUTEX_SLEEPERS | MUTEX_STARVING_ALL)) {
        port_wake(mutex_wakeups(lock), UINT32_MAX);
        port_wake(word, UINT32_MAX);
    }
    return old;
}
