/* SPDX-License-Identifier: MIT */
/*
 * A foreign lock that is lost while threads wait: it was given up, as a robust mutex is whose holder has died.
 * Some wait for a short time, again and again, and find that out at about the same time; the others wait for ever,
 * and leave with them. Each gets the error. The condition is destroyed as soon as nobody waits in it, and its memory is
 * used for something else.
 *
 * (The lock is made here: with a real robust mutex, glibc 2.36 leaves threads asleep in pthread_mutex_lock()
 * when several wait for one that was given up, with or without a condition.)
 */
#include "stress.h"

enum { WAITERS = 16 };

struct mortal {
    pthread_mutex_t mutex;
    bool dead; /* under the mutex */
};

static int mortal_acquire(void *object, int64_t deadline_ns)
{
    struct mortal *mortal = object;
    int error = 0;
    (void)deadline_ns; /* the test waits for the lock for ever, or not at all */
    CHECK_OK(pthread_mutex_lock(&mortal->mutex));
    if (mortal->dead) {
        error = ENOTRECOVERABLE;
        CHECK_OK(pthread_mutex_unlock(&mortal->mutex));
    }
    return error;
}

static int mortal_release(void *object)
{
    return pthread_mutex_unlock(&((struct mortal *)object)->mutex);
}

static bool mortal_owned(void *object)
{
    (void)object; /* only its holder asks */
    return true;
}

struct test {
    struct mortal mortal;
    cond_lock_t lock;
    cond_t cond;
    unsigned arrived; /* under the lock */
};

static void *wait_until_it_dies(void *arg)
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
        .acquire = mortal_acquire, .release = mortal_release, .owned = mortal_owned};
    stress_begin(argc, argv);
    for (unsigned i = 0; i < stress_rounds(50); i++) {
        struct test test = {.mortal = {.mutex = PTHREAD_MUTEX_INITIALIZER}};
        pthread_t waiters[WAITERS];
        CHECK_OK(cond_lock_init_foreign(&test.lock, &ops, &test.mortal));
        CHECK_OK(cond_init(&test.cond, &test.lock, 0));
        for (unsigned k = 0; k < WAITERS; k++)
            waiters[k] = stress_start(wait_until_it_dies, &test);
        for (CHECK_OK(pthread_mutex_lock(&test.mortal.mutex)); test.arrived < WAITERS;
             CHECK_OK(pthread_mutex_lock(&test.mortal.mutex))) {
            CHECK_OK(pthread_mutex_unlock(&test.mortal.mutex));
            stress_yield();
        }
        test.mortal.dead = true;
        CHECK_OK(pthread_mutex_unlock(&test.mortal.mutex));
        int error;
        while ((error = cond_destroy(&test.cond)) == EBUSY)
            stress_yield();
        CHECK_EQ(error, 0);
        memset(&test.cond, 0x5A, sizeof test.cond);
        stress_join_all(waiters, WAITERS);
        CHECK(cond_lock_acquire(&test.lock) != 0, "a lock that is lost was acquired");
    }
    return 0;
}
