/* SPDX-License-Identifier: MIT */
/*
 * notify first, the change after it, in one critical section. Predicates count when the lock is released, not
 * at the notify: each waiter comes through, and none was woken in vain.
 */
#include "stress.h"

enum { WAITERS_MAX = 6 };

struct game {
    struct place place;
    unsigned value; /* under the lock, as all below */
    unsigned waiters, through, rounds;
};

struct waiter {
    struct game *game;
    pthread_t thread; /* to be joined */
    pthread_t id;     /* under the lock: the same, known to itself */
    unsigned wanted;
    unsigned looks; /* of its own, in this wait */
};

static bool value_has_come(void *arg)
{
    struct waiter *self = arg;
    bool come = self->game->value >= self->wanted;
    if (pthread_equal(pthread_self(), self->id))
        CHECK(come || self->looks++ == 0, "woken in vain, for %u", self->wanted);
    return come;
}

static void *wait_for_each(void *arg)
{
    struct waiter *self = arg;
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    CHECK_OK(cond_acquire(cond));
    self->id = pthread_self();
    for (self->wanted = 1; self->wanted <= game->rounds; self->wanted++) {
        self->looks = 0;
        CHECK_OK(cond_wait_for(cond, value_has_come, self,
                               self->wanted % 2 ? COND_FOREVER : COND_SEC(100000)));
        CHECK_EQ(game->value, self->wanted);
        game->through++;
    }
    CHECK_OK(cond_release(cond));
    return NULL;
}

static void play(enum kind kind, unsigned waiters, struct rng *rng)
{
    struct game game = {.waiters = waiters, .rounds = stress_rounds(500)};
    struct waiter all[WAITERS_MAX];
    cond_t *cond = &game.place.cond;
    place_make(&game.place, kind);
    for (unsigned i = 0; i < waiters; i++) {
        all[i] = (struct waiter){.game = &game};
        all[i].thread = stress_start(wait_for_each, &all[i]);
    }
    for (unsigned round = 1; round <= game.rounds; round++) {
        ACQUIRE_WHEN(cond, cond_waiters(cond) == waiters && game.through == (round - 1) * waiters);
        if (rng_chance(rng, 50))
            CHECK_OK(cond_notify_all(cond));
        else
            for (unsigned left = waiters; left > 0;) {
                unsigned n = (unsigned)rng_between(rng, 1, left);
                CHECK_OK(cond_notify(cond, n));
                left -= n;
            }
        CHECK_EQ(cond_waiters(cond), 0);
        game.value = round;
        CHECK_OK(cond_release(cond));
    }
    for (unsigned i = 0; i < waiters; i++)
        stress_join(all[i].thread);
    CHECK_EQ(game.through, game.rounds * waiters);
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        play(kind, 1, &rng);
        play(kind, (unsigned)rng_between(&rng, 2, WAITERS_MAX), &rng);
    }
    return 0;
}
