/* SPDX-License-Identifier: MIT */
/*
 * Several conditions on one lock, with random notify(n) on any of them, by threads between their own waits.
 * A list under the same lock says which waiters are chosen: exactly the first n of each condition. Each of them
 * returns once, in any order, and nobody else returns from a wait.
 */
#include "stress.h"

enum { THREADS = 14, CONDITIONS = 3 };

struct game {
    struct place place;                /* its condition is the first */
    cond_t more[CONDITIONS - 1];
    unsigned rounds;                   /* fixed */
    unsigned at_work;                  /* under the lock, as all below */
    unsigned queue[CONDITIONS][THREADS], queued[CONDITIONS];
    unsigned chosen[THREADS], chosen_count; /* chosen, and not returned yet */
    uint64_t waits;
};

struct member {
    struct game *game;
    unsigned number;
    struct rng rng;
    pthread_t thread;
};

static cond_t *condition(struct game *game, unsigned i)
{
    return i == 0 ? &game->place.cond : &game->more[i - 1];
}

static void notify(struct game *game, struct rng *rng)
{
    unsigned which = (unsigned)(rng_next(rng) % CONDITIONS);
    unsigned *queue = game->queue[which], *queued = &game->queued[which];
    unsigned n = (unsigned)rng_between(rng, 0, rng_chance(rng, 50) ? 2 : THREADS);
    CHECK_EQ(cond_waiters(condition(game, which)), *queued);
    if (rng_chance(rng, 20)) {
        n = THREADS;
        CHECK_OK(cond_notify_all(condition(game, which)));
    } else {
        CHECK_OK(cond_notify(condition(game, which), n));
    }
    if (n > *queued)
        n = *queued;
    memcpy(&game->chosen[game->chosen_count], queue, n * sizeof *queue);
    game->chosen_count += n;
    *queued -= n;
    memmove(queue, queue + n, *queued * sizeof *queue);
    CHECK_EQ(cond_waiters(condition(game, which)), *queued);
}

static void wait_in_turn(struct member *self)
{
    struct game *game = self->game;
    unsigned which = (unsigned)(rng_next(&self->rng) % CONDITIONS);
    game->queue[which][game->queued[which]++] = self->number;
    game->waits++;
    CHECK_OK(cond_wait(condition(game, which), rng_chance(&self->rng, 50) ? COND_FOREVER : COND_SEC(100000)));
    unsigned i = 0;
    while (i < game->chosen_count && game->chosen[i] != self->number)
        i++;
    CHECK(i < game->chosen_count, "thread %u returned, and no notify has chosen it", self->number);
    game->chosen[i] = game->chosen[--game->chosen_count];
}

static void *run(void *arg)
{
    struct member *self = arg;
    struct game *game = self->game;
    struct rng *rng = &self->rng;
    for (unsigned round = 0; round < game->rounds; round++) {
        unsigned depth = kind_is_recursive(game->place.kind) && rng_chance(rng, 30) ? 3 : 1;
        for (unsigned i = 0; i < depth; i++)
            CHECK_OK(cond_acquire(&game->place.cond));
        if (rng_chance(rng, 50))
            notify(game, rng);
        wait_in_turn(self);
        if (rng_chance(rng, 50))
            notify(game, rng);
        if (rng_chance(rng, 10))
            stress_yield();
        for (unsigned i = 0; i < depth; i++)
            CHECK_OK(cond_release(&game->place.cond));
    }
    CHECK_OK(cond_acquire(&game->place.cond));
    game->at_work--;
    CHECK_OK(cond_release(&game->place.cond));
    return NULL;
}

static void play(enum kind kind, struct rng *rng)
{
    struct game game = {.rounds = stress_rounds(1000), .at_work = THREADS};
    struct member members[THREADS];
    place_make(&game.place, kind);
    for (unsigned i = 1; i < CONDITIONS; i++)
        CHECK_OK(cond_init(condition(&game, i), cond_get_lock(&game.place.cond), 0));
    for (unsigned i = 0; i < THREADS; i++) {
        members[i] = (struct member){.game = &game, .number = i, .rng = rng_make(rng_next(rng))};
        members[i].thread = stress_start(run, &members[i]);
    }
    for (bool over = false; !over; stress_yield()) {
        CHECK_OK(cond_acquire(&game.place.cond));
        notify(&game, rng);
        over = game.at_work == 0;
        CHECK_OK(cond_release(&game.place.cond));
    }
    for (unsigned i = 0; i < THREADS; i++)
        stress_join(members[i].thread);
    CHECK_EQ(game.waits, (uint64_t)THREADS * game.rounds);
    CHECK_EQ(game.chosen_count, 0);
    for (unsigned i = 1; i < CONDITIONS; i++)
        CHECK_OK(cond_destroy(condition(&game, i)));
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum kind kind = 0; kind < KINDS; kind++)
        play(kind, &rng);
    return 0;
}
