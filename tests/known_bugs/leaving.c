/* SPDX-License-Identifier: MIT */
/*
 * A waiter times out and is preempted while it leaves. The signaller waits for it, so its time depends on the waiter.
 *
 * musl's pthread_cond_signal() waits until all waiters that have begun to leave are out of its list
 * (https://git.musl-libc.org/cgit/musl/tree/src/thread/pthread_cond_timedwait.c?h=v1.2.3, "Wait for any waiters in
 * the LEAVING state").
 *
 * In this library a waiter leaves with the lock held, and a notifier holds the lock, so they wait for each other only
 * for the lock. To show that, the waiter is stopped before each single instruction of its wait, from the end of its
 * sleep on (step.h).
 *
 * The peer `pthread` is the C library of this build.
 */
#include "case.h"
#include "step.h"

#define LEAST_NS COND_MS(5)
static int64_t limit_ns = LEAST_NS; /* long enough that it sleeps although it runs in single steps */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pthread_cond = PTHREAD_COND_INITIALIZER;
static cond_t cond = COND_INIT;
static atomic_int ended;

static void *wait_pthread(void *arg)
{
    struct timespec until;
    (void)pthread_mutex_lock(&mutex);
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)limit_ns;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    step_begin();
    (void)pthread_cond_timedwait(&pthread_cond, &mutex, &until);
    step_end();
    (void)pthread_mutex_unlock(&mutex);
    atomic_store(&ended, 1);
    return arg;
}

static void *wait_ours(void *arg)
{
    REQUIRE(cond_acquire(&cond) == 0);
    step_begin();
    (void)cond_wait(&cond, limit_ns);
    step_end();
    REQUIRE(cond_release(&cond) == 0);
    atomic_store(&ended, 1);
    return arg;
}

static void *notify_pthread(void *arg)
{
    (void)pthread_cond_signal(&pthread_cond);
    atomic_store(&notified, 1);
    return arg;
}

int main(int argc, char **argv)
{
    bool peer = is_peer(argc, argv, "pthread");
    if (!STEP_HERE)
        verdict(CANNOT, "single steps are for x86-64 only");
    int with_lock = 0;
    for (int at = 0;; at += atomic_load(&step.held_up)) {
        step_prepare(at, COND_SEC(3600));
        step.from_timeout = true;
        atomic_store(&ended, 0);
        atomic_store(&notified, 0);
        pthread_t waiter = start(peer ? wait_pthread : wait_ours, NULL);
        while (atomic_load(&step.held_up) == 0 && atomic_load(&ended) == 0)
            pause_ns(COND_US(50));
        if (atomic_load(&step.held_up) == 0) {
            REQUIRE(pthread_join(waiter, NULL) == 0);
            if (atomic_load(&step.counts) == 0) { /* it was too slow to sleep */
                limit_ns += limit_ns / 4;
                REQUIRE(limit_ns < COND_SEC(60));
                continue;
            }
            REQUIRE(at > 10);
            verdict(WORKS,
                    "no signaller waited, wherever a waiter was held up: %d instructions, and %d with the lock",
                    at - with_lock, with_lock);
        }
        if (!peer && cond_locked(&cond)) {
            with_lock++; /* the other thread waits for the lock, as it should */
        } else {
            pthread_t notifier = start(peer ? notify_pthread : notify_ours, &cond);
            if (!comes_true(&notified, 1))
                verdict(SHOWN, "a signaller waits for a waiter that leaves, stopped at its instruction %d", at);
            REQUIRE(pthread_join(notifier, NULL) == 0);
        }
        atomic_store(&step.may_go, 1);
        REQUIRE(pthread_join(waiter, NULL) == 0);
        if (limit_ns > LEAST_NS) /* it was extended once: the machine may be faster now */
            limit_ns -= limit_ns / 4;
    }
}
