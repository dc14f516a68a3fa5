/* SPDX-License-Identifier: MIT */
/*
 * A foreign lock that dies under its waiters: it was given up while they slept, as a robust mutex is whose
 * holder has died. All find that out at about the same time, when their time is over, and none may touch the
 * queue, which nobody guards any more. Each is told; the handle is of no more use.
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

struct game {
    struct mortal mortal;
    cond_lock_t lock;
    cond_t cond;
};

static void *wait_until_it_dies(void *arg)
{
    struct game *game = arg;
    int error = cond_acquire(&game->cond);
    if (error == 0)
        error = cond_wait(&game->cond, COND_MS(20));
    /* One that is late, or through before it dies. */
    if (error == ETIMEDOUT)
        CHECK_OK(mortal_release(&game->mortal));
    else
        CHECK(error == ENOTRECOVERABLE || error == EINVAL, "a waiter was told %d", error);
    return NULL;
}

int main(int argc, char **argv)
{
    static const cond_lock_ops_t ops = {
        .acquire = mortal_acquire, .release = mortal_release, .owned = mortal_owned};
    stress_begin(argc, argv);
    for (unsigned i = 0; i < stress_rounds(50); i++) {
        struct game game = {.mortal = {.mutex = PTHREAD_MUTEX_INITIALIZER}};
        pthread_t waiters[WAITERS];
        CHECK_OK(cond_lock_init_foreign(&game.lock, &ops, &game.mortal));
        CHECK_OK(cond_init(&game.cond, &game.lock, 0));
        for (unsigned k = 0; k < WAITERS; k++)
            waiters[k] = stress_start(wait_until_it_dies, &game);
        CHECK_OK(pthread_mutex_lock(&game.mortal.mutex));
        game.mortal.dead = true;
        CHECK_OK(pthread_mutex_unlock(&game.mortal.mutex));
        for (unsigned k = 0; k < WAITERS; k++)
            stress_join(waiters[k]);
        CHECK(cond_lock_acquire(&game.lock) != 0, "a dead lock was acquired");
    }
    return 0;
}
