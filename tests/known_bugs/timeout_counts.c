/* SPDX-License-Identifier: MIT */
/*
 * A condition made of events counts its waiters. A wait that times out does not count itself out. The last waiter of
 * a broadcast should reset the event, but the count never gets there. The event stays set, and from then on each wait
 * returns at once.
 *
 * TinyCThread for Windows has this bug: _cnd_timedwait_win32() returns for WAIT_TIMEOUT before the line that counts
 * down (https://github.com/tinycthread/tinycthread/blob/master/source/tinycthread.c). It has no Debian package, and
 * needs Windows events, so the peer is a model of the algorithm, written for this test, on events made of pthreads.
 *
 * In this library a waiter that times out leaves its queue with the lock held (waitq_leave() in src/waitq.c), and the
 * count is that of the queue.
 */
#include "case.h"

/* ---- The model ---- */

/* Two events: ONE resets itself when it wakes a thread, ALL must be reset. */
static struct {
    pthread_mutex_t guard;
    pthread_cond_t changed;
    bool one, all;
    int waiters;
} events = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false, 0};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static int model_wait(int64_t timeout_ns)
{
    struct timespec until;
    int error = 0;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(timeout_ns / 1000000000);
    until.tv_nsec += (long)(timeout_ns % 1000000000);
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_mutex_lock(&events.guard);
    events.waiters++;
    (void)pthread_mutex_unlock(&mutex);
    while (!events.one && !events.all && error == 0)
        error = pthread_cond_timedwait(&events.changed, &events.guard, &until);
    if (!events.one && !events.all) {
        /* The bug: it should count down here. */
        (void)pthread_mutex_unlock(&events.guard);
        (void)pthread_mutex_lock(&mutex);
        return ETIMEDOUT;
    }
    bool by_all = !events.one;
    events.one = false;
    events.waiters--;
    if (by_all && events.waiters == 0)
        events.all = false;
    (void)pthread_mutex_unlock(&events.guard);
    (void)pthread_mutex_lock(&mutex);
    return 0;
}

static void model_notify_all(void)
{
    (void)pthread_mutex_lock(&events.guard);
    if (events.waiters > 0)
        events.all = true;
    (void)pthread_cond_broadcast(&events.changed);
    (void)pthread_mutex_unlock(&events.guard);
}

/* ---- The scenario ---- */

static cond_t cond = COND_INIT;
static bool ours;
static atomic_int woken;
static int waiting; /* under the lock */

static void acquire(void) { REQUIRE((ours ? cond_acquire(&cond) : pthread_mutex_lock(&mutex)) == 0); }
static void release(void) { REQUIRE((ours ? cond_release(&cond) : pthread_mutex_unlock(&mutex)) == 0); }

static int wait_for_ns(int64_t timeout_ns)
{
    return ours ? cond_wait(&cond, timeout_ns) : model_wait(timeout_ns);
}

static void *wait_long(void *arg)
{
    acquire();
    waiting = 1;
    REQUIRE(wait_for_ns(COND_SEC(3600)) == 0);
    release();
    atomic_store(&woken, 1);
    return arg;
}

int main(int argc, char **argv)
{
    ours = !is_peer(argc, argv, "model");
    acquire();
    REQUIRE(wait_for_ns(COND_MS(1)) == ETIMEDOUT);
    release();

    start(wait_long, NULL);
    for (bool there = false; !there; release()) {
        acquire();
        there = waiting == 1;
        if (there && ours)
            REQUIRE(cond_notify_all(&cond) == 0);
        else if (there)
            model_notify_all();
    }
    await(&woken, 1);

    /* There are no more notifies, so each wait must time out. */
    unsigned early = 0;
    for (int i = 0; i < 20; i++) {
        acquire();
        early += wait_for_ns(COND_MS(2)) == 0;
        release();
    }
    if (early > 0)
        verdict(SHOWN, "after a timeout and a broadcast, %u of 20 waits return at once, unnotified", early);
    verdict(WORKS, "20 waits of 20 time out");
}
