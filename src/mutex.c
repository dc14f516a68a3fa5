/* SPDX-License-Identifier: MIT */
/*
 * The word of a private lock. Its states, as bits (mutex.h):
 *
 *      0                       free
 *      HELD                    held, and a release need not wake a sleeper
 *      HELD|SLEEPERS           held, and a release must wake a sleeper
 *           SLEEPERS           free, and a sleeper may sleep: instead of a sleeper, the last release has woken a
 *                              waiter. A later release will wake a sleeper
 *      ...|n * STARVING        the same, and n threads starve: only starving threads and chosen waiters take the lock
 *      RESERVED|n * STARVING   free for starving threads only
 *      ...|process * TASKS     the same, and the next release by that process drains the tasks. Such a lock is free
 *                              only while threads starve, or if two processes use it by mistake
 *      HELD|DESTROYED          destroyed, for good
 *
 * A thread that waits for the lock goes through two stages:
 *
 *      sleeper ---(it has waited for TUNING_STARVATION_NS)---> starving ---> takes the lock, or times out
 *         |
 *         +----> takes the lock, or times out
 *
 * Sleepers compete with running threads. A running thread may take a free lock before a woken sleeper (barging). So the
 * lock is not idle while the sleeper wakes up. That is fast, but a sleeper can starve.
 *
 * So a sleeper sleeps for TUNING_STARVATION_NS at most. Then it starves: it adds itself to the number of starving
 * threads in the word, and sleeps on the word. While that number is not 0, only starving threads and chosen waiters
 * take the lock. A release wakes starving threads in order of arrival (handoff.c), and RESERVES the lock for them.
 * Otherwise a new arrival could take the lock, and the woken thread would sleep again behind all others. The number is
 * exact: one compare-exchange on the word adds a thread, and another one subtracts it when it takes the lock or times
 * out.
 *
 * With tasks, the word counts at most 63 threads. Further starving threads sleep on the word uncounted. While other
 * threads are counted, the uncounted ones too are woken in order. When a starving thread takes the lock or times out
 * and no thread is counted any more, it wakes one of them, which counts itself or takes the lock.
 *
 * Sleepers sleep on another word, mutex_wakeups(). Before it sleeps, a thread sets SLEEPERS. A release that wakes a
 * sleeper clears the bit, so that later releases do not wake another one. The woken thread cannot see whether others
 * sleep. So it sets the bit again when it takes the lock, goes back to sleep, begins to starve or times out. Hence:
 *
 *      (1) If a sleeper sleeps, then SLEEPERS is set, or a thread is awake that will set SLEEPERS.
 *
 * A thread begins to starve only while the lock is held. Until no thread starves, each release that frees the lock
 * wakes a starving thread, or a waiter that may take it. A woken thread takes a free lock even if it has timed out.
 * Hence:
 *
 *      (2) While counted threads starve and the lock is free, a thread that may take it is awake.
 *      (3) If an uncounted thread sleeps on the word, then the number is not 0, or a starving thread is awake that will
 *          count itself or wake a thread that sleeps on the word.
 *
 * The thread of (2) may get no core for long, for example at low priority. So another thread that finds the lock free,
 * but may not take it, waits for TUNING_STARVATION_NS, and then takes it.
 *
 * Any thread calls these functions, except mutex_close() and mutex_count_wakeup(), which are for the holder.
 */
#include "mutex.h"
#include "deadline.h"
#include "port.h"
#include "probe.h"
#include "tuning.h"

/* A thread that waits for the lock. On its stack, touched by this thread only. */
struct mutex_acquirer {
    bool was_chosen;     /* a release has woken this waiter: it may take the lock while threads starve */
    bool has_slept;      /* among the sleepers: it must set SLEEPERS, see (1) */
    bool past_threshold; /* it has waited for TUNING_STARVATION_NS */
    bool is_starving;    /* it has also slept on the word: it may take a RESERVED lock */
    bool is_counted;     /* it is starving, and counted in the word */
    bool found_free;     /* when until_ns was set, the lock was free, but this thread could not take it */
    bool may_barge;      /* at until_ns the word was still the same: this thread may take the free lock */
    int64_t until_ns;    /* the end of an interval of TUNING_STARVATION_NS (mutex_sleep()). 0: not set */
};

/* The word that this thread must leave behind when it takes the lock, times out, or begins to starve. If it has slept,
   SLEEPERS is set, see (1). If it is counted as starving, it is subtracted. */
static NOINLINE uint32_t mutex_with_duties(const struct mutex_acquirer *self, uint32_t word)
{
    if (self->has_slept) /* M:duty-sleepers */
        word |= MUTEX_SLEEPERS;
    if (self->is_counted) /* M:duty-starving */
        word -= MUTEX_STARVING;
    return word;
}

/* Whether this thread may take the lock in this state. */
static bool mutex_may_take(const struct mutex_acquirer *self, uint32_t word)
{
    if ((word & MUTEX_HELD) || !(word & MUTEX_STARVING_ALL) || self->is_starving)
        return !(word & MUTEX_HELD);
    return (self->was_chosen && !(word & MUTEX_RESERVED)) || self->may_barge;
}

/* Spin for a while: mostly the lock is held for less time than a sleep takes. The pauses grow, since each load takes
   the cache line of the word from the holder's core. Acquire: partner is the release in handoff_release(). */
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

/* This thread has taken the lock or timed out, and `word` is what it has left behind. */
static void mutex_wake_uncounted(const struct mutex_acquirer *self, cond_lock_t *lock, uint32_t word)
{
    if (!MUTEX_COUNTS_ALL && self->is_starving && !(word & MUTEX_STARVING_ALL)) /* M:wake-uncounted */
        port_wake(lock_word(lock), 1);
}

/* Sleep until a release wakes this thread. A thread past the threshold that finds the lock held sleeps on the word. Any
   other thread sleeps among the sleepers, until it has waited for TUNING_STARVATION_NS. `old` is the word, read after
   `wakeups`. If a release clears SLEEPERS and changes the count before the sleep, port_wait() returns at once. */
static COLD void mutex_sleep(struct mutex_acquirer *self, cond_lock_t *lock, uint32_t old, uint32_t wakeups,
                             int64_t deadline_ns)
{
    const uint32_t *place = mutex_wakeups(lock);
    uint32_t marked = old | MUTEX_SLEEPERS;
    bool starves = self->past_threshold && (old & MUTEX_HELD);
    bool fits = MUTEX_COUNTS_ALL || (old & MUTEX_STARVING_ALL) != MUTEX_STARVING_ALL;
    bool is_counted = self->is_counted || (starves && fits);
    if (starves)
        marked = mutex_with_duties(self, old) + (is_counted ? MUTEX_STARVING : 0);
    /* Relaxed, as below: the bits guard no data. */
    if (marked != old && !a_cas_weak(lock_word(lock), &old, marked, relaxed, relaxed))
        return;
    if (self->until_ns == 0 || self->found_free != !(old & MUTEX_HELD)) {
        self->found_free = !(old & MUTEX_HELD);
        self->until_ns = port_now() + TUNING_STARVATION_NS;
    }
    if (starves) {
        self->is_starving = true;
        self->is_counted = is_counted;
        place = lock_word(lock);
        wakeups = marked;
    }
    self->has_slept = !starves; /* a thread that starves has set SLEEPERS above if it had to */
    if (!starves && self->until_ns < deadline_ns) /* M:sleep-until-starving */
        deadline_ns = self->until_ns;
    port_wait(place, wakeups, deadline_ns);
    self->may_barge = false;
    if (port_now() >= self->until_ns) {
        self->until_ns = 0;
        self->past_threshold = true;
        /* If the word is unchanged, the lock has most probably stayed free. */
        self->may_barge = self->found_free && a_load(lock_word(lock), relaxed) == marked;
    }
}

int mutex_acquire_contended(cond_lock_t *lock, int64_t deadline_ns, bool was_chosen)
{
    uint32_t *word = lock_word(lock);
    struct mutex_acquirer self = {.was_chosen = was_chosen};

    bool is_contended = true;
    if (PROBE_ANY) /* with OPTIMIZE_SIZE, an acquire of a free lock comes here too */
        is_contended = !OPTIMIZE_SIZE || !mutex_may_take(&self, a_load_32(word));
    if (is_contended)
        PROBE_CONTENDED(lock, deadline_ns, was_chosen);
    if (deadline_ns != DEADLINE_PASSED && mutex_spin_acquire(&self, word))
        return 0;
    for (;;) {
        /* Acquire: partner is the release in mutex_count_wakeup(). */
        uint32_t wakeups = a_load(mutex_wakeups(lock), acquire);
        uint32_t old = a_load(word, relaxed);
        if (old & MUTEX_DESTROYED) { /* M:acquire-destroyed */
            /* A thread that slept may have consumed the only wake-up, so wake all. */
            if (self.has_slept) /* M:destroyed-wakes-all */
                port_wake(mutex_wakeups(lock), UINT32_MAX);
            if (!MUTEX_COUNTS_ALL && self.is_starving) /* M:destroyed-wakes-uncounted */
                port_wake(word, UINT32_MAX);
            return EINVAL;
        }
        if (mutex_may_take(&self, old)) {
            /* Acquire: partner is the release in handoff_release(). */
            uint32_t taken = mutex_with_duties(&self, old | MUTEX_HELD) & ~(uint32_t)MUTEX_RESERVED;
            if (a_cas_weak(word, &old, taken, acquire, relaxed)) {
                mutex_wake_uncounted(&self, lock, taken);
                return 0;
            }
        } else if (deadline_passed(deadline_ns)) {
            uint32_t left = mutex_with_duties(&self, old);
            if (left == old || a_cas_weak(word, &old, left, relaxed, relaxed)) {
                mutex_wake_uncounted(&self, lock, left);
                return ETIMEDOUT;
            }
        } else {
            mutex_sleep(&self, lock, old, wakeups, deadline_ns);
        }
    }
}

/* Acquire: partner is the release in handoff_request(). So the caller sees the tasks that were pushed before it. */
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
