/* SPDX-License-Identifier: MIT */
/*
 * Waits at random depths give the lock back entirely, for others take it meanwhile, and hold it as deep as
 * before when they return, whether notified or expired.
 */
#include "stress.h"

enum { THREADS = 6, DEPTH_MAX = 12 };

struct game {
    struct place place;
    unsigned rounds; /* fixed */
    unsigned inside; /* under the lock, as all below */
    unsigned value;
    unsigned at_work; /* threads that have not ended */
    unsigned notified, expired;
};

struct member {
    struct game *game;
    pthread_t thread;
    struct rng rng;
    unsigned wanted; /* under the lock: what value it waits for */
};

static bool value_has_come(void *arg)
{
    const struct member *self = arg;
    return self->game->value >= self->wanted;
}

static void enter(struct game *game)
{
    CHECK_EQ(game->inside++, 0);
}

static void leave(struct game *game)
{
    CHECK_EQ(--game->inside, 0);
}

static void wait_somehow(struct member *self)
{
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    int64_t timeout_ns = rng_chance(&self->rng, 50) ? COND_FOREVER : rng_between(&self->rng, 0, COND_US(100));
    int error;
    leave(game);
    if (rng_chance(&self->rng, 50)) {
        error = cond_wait(cond, timeout_ns);
    } else {
        self->wanted = game->value + (unsigned)rng_between(&self->rng, 0, 3);
        error = cond_wait_for(cond, value_has_come, self, timeout_ns);
        CHECK((error == 0) == value_has_come(self), "answered %d, and the value is %u of %u", error,
              game->value, self->wanted);
    }
    enter(game);
    CHECK(error == 0 || (error == ETIMEDOUT && timeout_ns != COND_FOREVER), "answered %d", error);
    *(error == 0 ? &game->notified : &game->expired) += 1;
}

static void *run(void *arg)
{
    struct member *self = arg;
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    for (unsigned round = 0; round < game->rounds; round++) {
        unsigned depth = (unsigned)rng_between(&self->rng, 1, DEPTH_MAX);
        for (unsigned i = 0; i < depth; i++)
            CHECK_OK(rng_chance(&self->rng, 80) || i == 0 ? cond_acquire(cond) : cond_try_acquire(cond));
        enter(game);
        for (unsigned waits = (unsigned)rng_between(&self->rng, 1, 3); waits > 0; waits--) {
            wait_somehow(self);
            /* Deeper or less deep before the next wait. */
            if (depth > 1 && rng_chance(&self->rng, 50)) {
                CHECK_OK(cond_release(cond));
                depth--;
            } else {
                CHECK_OK(cond_acquire(cond));
                depth++;
            }
        }
        leave(game);
        for (; depth > 0; depth--) {
            CHECK(cond_owned(cond), "%u levels are missing", depth);
            CHECK_OK(cond_release(cond));
        }
        /* One more is one too many. (A pthread mutex tells, too, but ThreadSanitizer takes offence.) */
        if (game->place.kind < PRIVATE_KINDS)
            CHECK_RESULT(cond_release(cond), EPERM);
    }
    CHECK_OK(cond_acquire(cond));
    game->at_work--;
    CHECK_OK(cond_release(cond));
    return NULL;
}

static void play(enum kind kind, struct rng *rng)
{
    struct game game = {.rounds = stress_rounds(1000), .at_work = THREADS};
    struct member members[THREADS];
    cond_t *cond = &game.place.cond;
    place_make(&game.place, kind);
    for (unsigned i = 0; i < THREADS; i++) {
        members[i] = (struct member){.game = &game, .rng = rng_make(rng_next(rng))};
        members[i].thread = stress_start(run, &members[i]);
    }
    for (bool over = false; !over;) {
        unsigned depth = (unsigned)rng_between(rng, 1, DEPTH_MAX);
        for (unsigned i = 0; i < depth; i++)
            CHECK_OK(cond_acquire(cond));
        enter(&game);
        game.value++;
        CHECK_OK(rng_chance(rng, 50) ? cond_notify_all(cond)
                                     : cond_notify(cond, (size_t)rng_between(rng, 1, THREADS)));
        over = game.at_work == 0;
        leave(&game);
        for (unsigned i = 0; i < depth; i++)
            CHECK_OK(cond_release(cond));
        stress_yield();
    }
    for (unsigned i = 0; i < THREADS; i++)
        stress_join(members[i].thread);
    printf("  %s: %u notified, %u expired\n", kind_names[kind], game.notified, game.expired);
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    play(OWN_RLOCK, &rng);
    play(OTHER_RLOCK, &rng);
    if (PTHREAD_RECURSIVE < KINDS)
        play(PTHREAD_RECURSIVE, &rng);
    return 0;
}
