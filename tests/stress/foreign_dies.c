/* SPDX-License-Identifier: MIT */
/*
 * A foreign lock that dies under its waiters: a robust pthread mutex whose holder has died, and that was then
 * given up. All waiters find that out at about the same time, when their time is over, and none may touch
 * the queue, which nobody guards any more. Each is told; the handle is of no more use.
 */
#include "stress.h"

enum { WAITERS = 16 };

struct game {
    pthread_mutex_t mutex;
    cond_lock_t lock;
    cond_t cond;
};

static void *wait_until_it_dies(void *arg)
{
    struct game *game = arg;
    int error = cond_acquire(&game->cond);
    if (error == 0)
        error = cond_wait(&game->cond, COND_MS(50));
    /* One of them may be the first to have it from the dead, or be through before that. */
    if (error == EOWNERDEAD || error == ETIMEDOUT)
        CHECK_OK(pthread_mutex_unlock(&game->mutex));
    else
        CHECK(error == ENOTRECOVERABLE || error == EINVAL, "a waiter was told %d", error);
    return NULL;
}

static void *die_with_it(void *arg)
{
    struct game *game = arg;
    int error = pthread_mutex_lock(&game->mutex);
    CHECK(error == 0 || error == EOWNERDEAD || error == ENOTRECOVERABLE, "lock answered %d", error);
    return NULL;
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    for (unsigned i = 0; i < stress_rounds(20); i++) {
        struct game game;
        pthread_mutexattr_t robust;
        pthread_t waiters[WAITERS];
        CHECK_OK(pthread_mutexattr_init(&robust));
        CHECK_OK(pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST));
        CHECK_OK(pthread_mutex_init(&game.mutex, &robust));
        CHECK_OK(cond_lock_init_pthread(&game.lock, &game.mutex));
        CHECK_OK(cond_init(&game.cond, &game.lock, 0));
        for (unsigned k = 0; k < WAITERS; k++)
            waiters[k] = stress_start(wait_until_it_dies, &game);
        stress_join(stress_start(die_with_it, &game));
        if (pthread_mutex_lock(&game.mutex) == EOWNERDEAD)
            CHECK_OK(pthread_mutex_unlock(&game.mutex)); /* given up */
        for (unsigned k = 0; k < WAITERS; k++)
            stress_join(waiters[k]);
    }
    return 0;
}
