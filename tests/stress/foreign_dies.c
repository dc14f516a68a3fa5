/* SPDX-License-Identifier: MIT */
/*
 * A foreign lock that is lost while threads wait, as a robust mutex whose holder died and did not recover it. Some
 * threads wait for a short time, again and again, and get the error at about the same time; the others wait without a
 * deadline and are woken with them. Each wait returns the error. The condition is destroyed as soon as no thread waits,
 * and its memory is used again.
 *
 * (The lock is one of this program: with a real robust mutex, glibc 2.36 leaves threads asleep in pthread_mutex_lock()
 * if several want a mutex that is not recoverable, with or without a condition.)
 */
#include "stress.h"

enum { WAITERS = 16 };

struct losable {
    pthread_mutex_t mutex;
    bool lost; /* under the mutex */
};

static int losable_acquire(void *object, int64_t deadline_ns)
{
    struct losable *losable = object;
    int error = 0;
    (void)deadline_ns; /* the test acquires without a deadline */
    CHECK_OK(pthread_mutex_lock(&losable->mutex));
    if (losable->lost) {
        error = ENOTRECOVERABLE;
        CHECK_OK(pthread_mutex_unlock(&losable->mutex));
    }
    return error;
}

static int losable_release(void *object) { return pthread_mutex_unlock(&((struct losable *)object)->mutex); }

static bool losable_owned(void *object)
{
    (void)object; /* only the holder calls it */
    return true;
}

struct test {
    struct losable losable;
    cond_lock_t lock;
    cond_t cond;
    unsigned arrived; /* under the lock */
};

static void *wait_until_it_is_lost(void *arg)
{
    struct test *test = arg;
    CHECK_OK(cond_acquire(&test->cond));
    bool timed = test->arrived++ % 4 == 0;
    int error;
    do
        error = cond_wait(&test->cond, timed ? COND_MS(2) : COND_FOREVER);
    while (timed && error == ETIMEDOUT);
    CHECK_EQ(error, ENOTRECOVERABLE);
    return NULL;
}

int main(int argc, char **argv)
{
    static const cond_lock_ops_t ops = {
        .acquire = losable_acquire, .release = losable_release, .owned = losable_owned};
    stress_begin(argc, argv);
    for (unsigned i = 0; i < stress_rounds(50); i++) {
        struct test test = {.losable = {.mutex = PTHREAD_MUTEX_INITIALIZER}};
        pthread_t waiters[WAITERS];
        CHECK_OK(cond_lock_init_foreign(&test.lock, &ops, &test.losable));
        CHECK_OK(cond_init(&test.cond, &test.lock, 0));
        for (unsigned k = 0; k < WAITERS; k++)
            waiters[k] = stress_start(wait_until_it_is_lost, &test);
        for (CHECK_OK(pthread_mutex_lock(&test.losable.mutex)); test.arrived < WAITERS;
             CHECK_OK(pthread_mutex_lock(&test.losable.mutex))) {
            CHECK_OK(pthread_mutex_unlock(&test.losable.mutex));
            stress_yield();
        }
        test.losable.lost = true;
        CHECK_OK(pthread_mutex_unlock(&test.losable.mutex));
        int error;
        while ((error = cond_destroy(&test.cond)) == EBUSY)
            stress_yield();
        CHECK_EQ(error, 0);
        memset(&test.cond, 0x5A, sizeof test.cond);
        stress_join_all(waiters, WAITERS);
        CHECK(cond_lock_acquire(&test.lock) != 0, "a lost lock was acquired");
    }
    return 0;
}
