/* SPDX-License-Identifier: MIT */
/*
 * A waiter's time is over while the notifier holds the lock; it is still in the queue, and the notification
 * is spent on it, though it answers that its time is over. The waiter behind it sleeps on: the notification
 * is gone.
 *
 * CPython's threading.Condition does that, in every version up to now: wait() takes its waiter out of the
 * queue only when it has the lock again
 * (https://github.com/python/cpython/blob/v3.13.0/Lib/threading.py#L327-L373), and notify() takes the first
 * ones in the queue. The peer is python_timeout.py.
 *
 * Here a waiter that has expired is passed over: it has said so in its own word, by compare-exchange
 * (src/waitq.h).
 */
#include "case.h"

static cond_t cond = COND_INIT;
static atomic_int first_is_done, second_is_done;
static int waiting, first_answer; /* under the lock */

static void *wait_in_line(void *timeout_ns)
{
    REQUIRE(cond_acquire(&cond) == 0);
    waiting++;
    int answer = cond_wait(&cond, *(int64_t *)timeout_ns);
    if (*(int64_t *)timeout_ns != COND_FOREVER)
        first_answer = answer;
    REQUIRE(cond_release(&cond) == 0);
    atomic_store(*(int64_t *)timeout_ns != COND_FOREVER ? &first_is_done : &second_is_done, 1);
    return NULL;
}

static void begin(int64_t *timeout_ns, int place)
{
    start(wait_in_line, timeout_ns);
    for (bool begun = false; !begun;) {
        REQUIRE(cond_acquire(&cond) == 0);
        begun = waiting == place;
        REQUIRE(cond_release(&cond) == 0);
    }
}

/* Whether somebody sleeps on the lock: MUTEX_SLEEPERS, src/mutex.h. */
static bool lock_is_wanted(void)
{
    const _Atomic uint32_t *word = (const _Atomic uint32_t *)&cond.own_.u_.local.as.mine.word;
    return (atomic_load(word) & 2) != 0;
}

int main(int argc, char **argv)
{
    if (!who_is(argc, argv, "ours"))
        return CANNOT;
    int64_t soon_ns = COND_MS(50), never_ns = COND_FOREVER;
    begin(&soon_ns, 1);
    begin(&never_ns, 2);
    REQUIRE(cond_acquire(&cond) == 0);
    if (cond_waiters(&cond) != 2)
        verdict(CANNOT, "the first waiter's time was over too early to try");
    while (!lock_is_wanted()) /* its time is over: it wants the lock back */
        pause_ns(COND_MS(1));
    REQUIRE(cond_notify(&cond, 1) == 0);
    REQUIRE(cond_release(&cond) == 0);
    await(&first_is_done, 1);
    REQUIRE(first_answer == ETIMEDOUT);
    if (!comes_true(&second_is_done, 1))
        verdict(SHOWN, "the first waiter answers ETIMEDOUT, the second one sleeps: the notification is gone");
    verdict(WELL, "the first waiter's time was over; the second one was notified");
}
