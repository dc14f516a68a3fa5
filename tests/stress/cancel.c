/* SPDX-License-Identifier: MIT */
/*
 * No call is a cancellation point: a thread that is cancelled while it waits, or acquires, goes on until the
 * call is done, and ends at the next point of its own.
 */
#include "stress.h"

struct game {
    struct place place;
    bool timed;             /* fixed */
    bool arrived, returned; /* under the lock */
    atomic_bool acquiring, acquired;
    atomic_bool cancelled; /* pthread_cancel has returned; the thread may have been faster than that */
};

static void end_here(struct game *game)
{
    while (!atomic_load(&game->cancelled))
        stress_yield();
    pthread_testcancel();
    CHECK(false, "the cancellation is lost");
}

static void *wait_and_end(void *arg)
{
    struct game *game = arg;
    cond_t *cond = &game->place.cond;
    CHECK_OK(cond_acquire(cond));
    game->arrived = true;
    CHECK_RESULT(cond_wait(cond, game->timed ? COND_MS(2) : COND_FOREVER), game->timed ? ETIMEDOUT : 0);
    game->returned = true;
    CHECK_OK(cond_release(cond));
    end_here(game);
    return NULL;
}

static void *acquire_and_end(void *arg)
{
    struct game *game = arg;
    cond_t *cond = &game->place.cond;
    atomic_store(&game->acquiring, true);
    CHECK_OK(game->timed ? cond_acquire_timed(cond, COND_SEC(100000)) : cond_acquire(cond));
    CHECK_OK(cond_release(cond));
    atomic_store(&game->acquired, true);
    end_here(game);
    return NULL;
}

static void join_cancelled(pthread_t thread)
{
    void *result;
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == PTHREAD_CANCELED, "it ended otherwise");
}

static void play(enum kind kind, bool timed)
{
    struct game game = {.timed = timed};
    cond_t *cond = &game.place.cond;
    place_make(&game.place, kind);

    pthread_t thread = stress_start(wait_and_end, &game);
    ACQUIRE_WHEN(cond, game.arrived);
    CHECK_EQ(pthread_cancel(thread), 0);
    atomic_store(&game.cancelled, true);
    if (!timed) {
        CHECK_EQ(cond_waiters(cond), 1);
        CHECK_OK(cond_release(cond));
        /* Time to do the wrong thing; it is right without. */
        stress_sleep_until(cond_now() + COND_US(200));
        CHECK_OK(cond_acquire(cond));
        CHECK(cond_waiters(cond) == 1 && !game.returned, "did not wait on");
        CHECK_OK(cond_notify(cond, 1));
    }
    CHECK_OK(cond_release(cond));
    join_cancelled(thread);
    CHECK(game.returned, "ended inside wait");

    CHECK_OK(cond_acquire(cond));
    atomic_store(&game.cancelled, false);
    thread = stress_start(acquire_and_end, &game);
    while (!atomic_load(&game.acquiring))
        stress_yield();
    CHECK_EQ(pthread_cancel(thread), 0);
    atomic_store(&game.cancelled, true);
    stress_sleep_until(cond_now() + COND_US(200));
    CHECK_OK(cond_release(cond));
    join_cancelled(thread);
    CHECK(atomic_load(&game.acquired), "ended inside acquire");
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
#ifdef STRESS_TSAN
    printf("  skipped: ThreadSanitizer's own bookkeeping can hang when threads end by cancellation\n");
    return 77;
#endif
    for (unsigned round = 0; round < stress_rounds(20); round++)
        for (enum kind kind = 0; kind < KINDS; kind++) {
            play(kind, false);
            play(kind, true);
        }
    return 0;
}
