/* SPDX-License-Identifier: MIT */
/*
 * 1,000 waiters, and notify(10) a hundred times: exactly ten more return each time, and exactly the ten that
 * arrived first, in any order among them. Their order of arrival is known because each waiter takes its number
 * and begins to wait under one lock.
 */
#include "stress.h"

enum { WAITERS_MAX = 1000, AT_ONCE = 10 };

static unsigned waiters; /* fixed by main(): fewer with a small --scale, where threads are slow */

enum how { PLAIN, TIMED, PREDICATE };

struct game {
    struct place place;
    enum how how;      /* fixed */
    unsigned arrivals; /* under the lock, as all below */
    unsigned through;
    unsigned notified;
};

static bool always_but_first(void *arg)
{
    bool *asked = arg;
    bool answer = *asked;
    *asked = true;
    return answer;
}

static void *wait_once(void *arg)
{
    struct game *game = arg;
    cond_t *cond = &game->place.cond;
    bool asked = false;
    CHECK_OK(cond_acquire(cond));
    unsigned number = game->arrivals++;
    if (game->how == PREDICATE)
        CHECK_OK(cond_wait_for(cond, always_but_first, &asked, COND_FOREVER));
    else
        CHECK_OK(cond_wait(cond, game->how == TIMED ? COND_SEC(100000) : COND_FOREVER));
    /* The next ten are notified when all of these are through. */
    CHECK(number < game->notified && number >= game->notified - AT_ONCE, "%u returned, and %u were notified", number,
          game->notified);
    game->through++;
    CHECK_OK(cond_release(cond));
    return NULL;
}

static void play(enum kind kind, enum how how)
{
    static pthread_t threads[WAITERS_MAX];
    struct game game = {.how = how};
    cond_t *cond = &game.place.cond;
    place_make(&game.place, kind);
    for (unsigned i = 0; i < waiters; i++)
        threads[i] = stress_start(wait_once, &game);
    ACQUIRE_WHEN(cond, cond_waiters(cond) == waiters);
    while (game.notified < waiters) {
        CHECK_EQ(game.through, game.notified);
        CHECK_OK(cond_notify(cond, AT_ONCE));
        game.notified += AT_ONCE;
        CHECK_EQ(cond_waiters(cond), waiters - game.notified);
        CHECK_OK(cond_release(cond));
        ACQUIRE_WHEN(cond, game.through >= game.notified);
    }
    CHECK_EQ(game.through, waiters);
    CHECK_OK(cond_release(cond));
    for (unsigned i = 0; i < waiters; i++)
        stress_join(threads[i]);
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    waiters = stress.scale < 0.5 ? WAITERS_MAX / 5 : WAITERS_MAX;
    for (unsigned round = 0; round < stress_rounds(1); round++) {
        play(OWN_RLOCK, PLAIN);
        play(OTHER_MUTEX, TIMED);
        play(OWN_MUTEX, PREDICATE);
        if (PTHREAD_NORMAL < KINDS)
            play(PTHREAD_NORMAL, PLAIN);
    }
    return 0;
}
