/* SPDX-License-Identifier: MIT */
/*
 * A thread waits while it holds a recursive lock two levels deep. wait() releases only one level, so no other thread
 * gets the lock and none can notify.
 *
 * pthread_cond_wait() does so with a recursive mutex, and POSIX warns of it
 * (https://pubs.opengroup.org/onlinepubs/9699919799/functions/pthread_mutexattr_gettype.html, "Application usage").
 *
 * In this library wait releases all levels and restores them (src/rlock.h), also those of an adopted pthread mutex.
 */
#include "case.h"

static pthread_mutex_t mutex;
static pthread_cond_t pthread_cond = PTHREAD_COND_INITIALIZER;
static cond_t cond;
static cond_lock_t lock;
static atomic_int waits, woken;

static void *wait_pthread(void *arg)
{
    (void)pthread_mutex_lock(&mutex);
    (void)pthread_mutex_lock(&mutex);
    atomic_store(&waits, 1);
    (void)pthread_cond_wait(&pthread_cond, &mutex);
    (void)pthread_mutex_unlock(&mutex);
    (void)pthread_mutex_unlock(&mutex);
    atomic_store(&woken, 1);
    return arg;
}

static void *notify_pthread(void *arg)
{
    (void)pthread_mutex_lock(&mutex);
    (void)pthread_cond_signal(&pthread_cond);
    (void)pthread_mutex_unlock(&mutex);
    atomic_store(&notified, 1);
    return arg;
}

static void *wait_ours(void *arg)
{
    REQUIRE(cond_acquire(&cond) == 0);
    REQUIRE(cond_acquire(&cond) == 0);
    atomic_store(&waits, 1);
    REQUIRE(cond_wait(&cond, COND_FOREVER) == 0);
    REQUIRE(cond_release(&cond) == 0);
    REQUIRE(cond_release(&cond) == 0); /* all levels are held again */
    atomic_store(&woken, 1);
    return arg;
}

int main(int argc, char **argv)
{
    pthread_mutexattr_t recursive;
    REQUIRE(pthread_mutexattr_init(&recursive) == 0);
    REQUIRE(pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE) == 0);
    REQUIRE(pthread_mutex_init(&mutex, &recursive) == 0);

    bool peer = who_is(argc, argv, "pthread");
    if (who_is(argc, argv, "ours")) {
        REQUIRE(cond_init(&cond, NULL, COND_RLOCK) == 0);
    } else if (who_is(argc, argv, "ours-adopted")) {
        REQUIRE(cond_lock_init_pthread(&lock, &mutex) == 0);
        REQUIRE(cond_init(&cond, &lock, 0) == 0);
    } else if (!peer) {
        return CANNOT;
    }
    start(peer ? wait_pthread : wait_ours, NULL);
    await(&waits, 1);
    /* It holds the lock now. The next holder can get it only from wait(). */
    start(peer ? notify_pthread : notify_ours, &cond);
    if (!comes_true(&notified, 1))
        verdict(SHOWN, "wait() has released one of two levels: the notifier does not get the lock");
    if (!comes_true(&woken, 1))
        verdict(SHOWN, "it was notified, and sleeps");
    verdict(WORKS, "wait() released two levels, and restored them");
}
