/* SPDX-License-Identifier: MIT */
/*
 * A waiter times out while the notifier holds the lock. It is still in the queue, so the notifier chooses it, but its
 * wait returns false. The waiter behind it stays asleep: the notification is lost.
 *
 * All versions of CPython's threading.Condition have this bug: wait() removes its waiter from the queue only after it
 * has the lock again (https://github.com/python/cpython/blob/v3.13.0/Lib/threading.py#L327-L373), and notify()
 * chooses the first ones in the queue. The peer is python_timeout.py.
 *
 * In this library a notify skips an expired waiter: the waiter has set this in its state word by a compare-exchange
 * (src/waitq.h).
 */
#include "case.h"

static cond_t cond = COND_INIT;
static atomic_int first_is_done, second_is_done;
static int waiting, first_result; /* under the lock */

static void *wait_in_line(void *timeout_ns)
{
    REQUIRE(cond_acquire(&cond) == 0);
    waiting++;
    int answer = cond_wait(&cond, *(int64_t *)timeout_ns);
    if (*(int64_t *)timeout_ns != COND_FOREVER)
        first_result = answer;
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

/* Whether a thread sleeps for the lock: MUTEX_SLEEPERS, src/mutex.h. */
static bool lock_is_wanted(void)
{
    const _Atomic uint32_t *word = (const _Atomic uint32_t *)&cond.own_.u_.local.as.mine.word;
    return (atomic_load(word) & 2) != 0;
}

int main(int argc, char **argv)
{
    (void)is_peer(argc, argv, "");
    int64_t soon_ns = COND_MS(50), never_ns = COND_FOREVER;
    begin(&soon_ns, 1);
    begin(&never_ns, 2);
    REQUIRE(cond_acquire(&cond) == 0);
    if (cond_waiters(&cond) != 2)
        verdict(CANNOT, "the first waiter timed out too early");
    while (!lock_is_wanted()) /* it has timed out, and wants the lock */
        pause_ns(COND_MS(1));
    REQUIRE(cond_notify(&cond, 1) == 0);
    REQUIRE(cond_release(&cond) == 0);
    await(&first_is_done, 1);
    REQUIRE(first_result == ETIMEDOUT);
    if (!comes_true(&second_is_done, 1))
        verdict(SHOWN, "the first waiter returns ETIMEDOUT, and the second one sleeps: the notification is lost");
    verdict(WORKS, "the first waiter timed out, and the second one was notified");
}
