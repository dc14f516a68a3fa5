/* SPDX-License-Identifier: MIT */
/*
 * A semaphore: a few tokens among many threads, each taken after a plain wait and given back with notify(1).
 * One notification lost, or taken by a thread that did not need it, and threads sleep beside free tokens: the
 * way in which glibc's condition variables failed (its bug 25847).
 */
#include "stress.h"

enum { THREADS = 24 };

struct game {
    struct place place;
    unsigned rounds, tokens_max; /* fixed */
    unsigned tokens, out;        /* under the lock */
};

struct member {
    struct game *game;
    struct rng rng;
    pthread_t thread;
};

static bool have_token(void *arg)
{
    return ((const struct game *)arg)->tokens > 0;
}

static void *run(void *arg)
{
    struct member *self = arg;
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    for (unsigned round = 0; round < game->rounds; round++) {
        CHECK_OK(cond_acquire(cond));
        if (rng_chance(&self->rng, 50))
            while (game->tokens == 0)
                CHECK_OK(cond_wait(cond, COND_FOREVER));
        else
            CHECK_OK(cond_wait_for(cond, have_token, game, COND_FOREVER));
        CHECK(game->tokens > 0, "came through without a token");
        game->tokens--;
        game->out++;
        CHECK_EQ(game->tokens + game->out, game->tokens_max);
        CHECK_OK(cond_release(cond));
        if (rng_chance(&self->rng, 5))
            stress_yield();
        CHECK_OK(cond_acquire(cond));
        game->tokens++;
        game->out--;
        CHECK_OK(cond_notify(cond, 1));
        CHECK_OK(cond_release(cond));
    }
    return NULL;
}

static void play(enum kind kind, unsigned tokens, struct rng *rng)
{
    struct game game = {.rounds = stress_rounds(1500), .tokens_max = tokens, .tokens = tokens};
    struct member members[THREADS];
    place_make(&game.place, kind);
    for (unsigned i = 0; i < THREADS; i++) {
        members[i] = (struct member){.game = &game, .rng = rng_make(rng_next(rng))};
        members[i].thread = stress_start(run, &members[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        stress_join(members[i].thread);
    CHECK_EQ(game.tokens, tokens);
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        play(kind, 1, &rng);
        play(kind, (unsigned)rng_between(&rng, 2, 6), &rng);
    }
    return 0;
}
