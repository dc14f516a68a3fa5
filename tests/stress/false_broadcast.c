/* SPDX-License-Identifier: MIT */
/*
 * notify_all over 1,000 waiters whose predicates are all false costs 1,000 evaluations, and wakes nobody; and
 * so does a notify(n), which is passed on from one to the next. Private locks only: on another the waiters
 * look for themselves.
 */
#include "stress.h"

enum { WAITERS_MAX = 1000 };

static unsigned waiters; /* fixed by main(): fewer with a small --scale, where threads are slow */

struct game {
    struct place place;
    bool open;            /* under the lock, as all below */
    unsigned evaluations; /* by whomever */
    unsigned own_looks;   /* by waiters themselves */
    unsigned through;
};

struct waiter {
    struct game *game;
    pthread_t thread; /* to be joined */
    pthread_t id;     /* under the lock: the same, known to itself */
};

static bool is_open(void *arg)
{
    struct waiter *self = arg;
    self->game->evaluations++;
    if (pthread_equal(pthread_self(), self->id))
        self->game->own_looks++;
    return self->game->open;
}

static void *wait_until_open(void *arg)
{
    struct waiter *self = arg;
    cond_t *cond = &self->game->place.cond;
    CHECK_OK(cond_acquire(cond));
    self->id = pthread_self();
    CHECK_OK(cond_wait_for(cond, is_open, self, COND_FOREVER));
    self->game->through++;
    CHECK_OK(cond_release(cond));
    return NULL;
}

static void play(enum kind kind)
{
    static struct waiter all[WAITERS_MAX];
    struct game game = {.open = false};
    cond_t *cond = &game.place.cond;
    place_make(&game.place, kind);
    for (unsigned i = 0; i < waiters; i++) {
        all[i] = (struct waiter){.game = &game};
        all[i].thread = stress_start(wait_until_open, &all[i]);
    }
    ACQUIRE_WHEN(cond, cond_waiters(cond) == waiters);
    CHECK_EQ(game.evaluations, waiters);

    for (unsigned round = 0; round < stress_rounds(50); round++) {
        unsigned before = game.evaluations;
        unsigned way = round % 4;
        CHECK_OK(way == 0   ? cond_notify_all(cond)
                 : way == 1 ? cond_notify(cond, 1)
                 : way == 2 ? cond_notify(cond, 10)
                            : cond_notify(cond, SIZE_MAX));
        CHECK_EQ(game.evaluations, before); /* not at the notify */
        CHECK_OK(cond_release(cond));
        CHECK_OK(cond_acquire(cond));
        CHECK_EQ(game.evaluations - before, waiters);
        /* A second release has nothing left to look at. */
        CHECK_OK(cond_release(cond));
        stress_yield();
        CHECK_OK(cond_acquire(cond));
        CHECK_EQ(game.evaluations - before, waiters);
        CHECK_EQ(cond_waiters(cond), waiters);
        CHECK_EQ(game.own_looks, waiters); /* the first looks: nobody was woken */
        CHECK_EQ(game.through, 0);
    }

    game.open = true;
    CHECK_OK(cond_notify_all(cond));
    CHECK_OK(cond_release(cond));
    for (unsigned i = 0; i < waiters; i++)
        stress_join(all[i].thread);
    CHECK_EQ(game.through, waiters);
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    waiters = stress.scale < 0.5 ? WAITERS_MAX / 5 : WAITERS_MAX;
    play(OWN_RLOCK);
    play(OTHER_MUTEX);
    return 0;
}
