/* SPDX-License-Identifier: MIT */
/*
 * A barrier that many threads pass again and again: the last to come notifies all others, with predicates and
 * without. Nobody passes before all have come, and none is left behind.
 */
#include "stress.h"

enum { THREADS = 32 };

struct game {
    struct place place;
    unsigned rounds;     /* fixed */
    unsigned generation; /* under the lock, as all below */
    unsigned arrived;
    unsigned passed[2];  /* of even and odd generations: two are never under way together with a third */
};

struct member {
    struct game *game;
    unsigned generation; /* the one that it waits to be over */
    pthread_t thread;
};

static bool generation_is_over(void *arg)
{
    const struct member *self = arg;
    return self->game->generation != self->generation;
}

static void *run(void *arg)
{
    struct member *self = arg;
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    for (self->generation = 0; self->generation < game->rounds; self->generation++) {
        CHECK_OK(cond_acquire(cond));
        CHECK_EQ(game->generation, self->generation);
        if (++game->arrived == THREADS) {
            game->arrived = 0;
            game->generation++;
            game->passed[game->generation % 2] = 0;
            CHECK_OK(cond_notify_all(cond));
        } else if (self->generation % 2) {
            CHECK_OK(cond_wait_for(cond, generation_is_over, self, COND_FOREVER));
        } else {
            CHECK_OK(cond_wait(cond, COND_FOREVER)); /* no loop: nothing else wakes it */
        }
        CHECK_EQ(game->generation, self->generation + 1);
        game->passed[game->generation % 2]++;
        CHECK_OK(cond_release(cond));
    }
    return NULL;
}

static void play(enum kind kind)
{
    struct game game = {.rounds = stress_rounds(300)};
    struct member members[THREADS];
    place_make(&game.place, kind);
    for (unsigned i = 0; i < THREADS; i++) {
        members[i] = (struct member){.game = &game};
        members[i].thread = stress_start(run, &members[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        stress_join(members[i].thread);
    CHECK_EQ(game.generation, game.rounds);
    CHECK_EQ(game.passed[game.generation % 2], THREADS);
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    for (enum kind kind = 0; kind < KINDS; kind++)
        play(kind);
    return 0;
}
