/* SPDX-License-Identifier: MIT */
/*
 * Producers wait on one condition and consumers on another, both on one lock, in while loops around a plain
 * wait, and each notifies one of the other side: the classic, and a lost notification stops it for good.
 */
#include "buffer.h"

enum { CONSUMERS_MAX = 8 };

struct game {
    struct place place; /* its condition: not full */
    cond_t not_empty;
    struct buffer buffer;
    unsigned timed; /* percent */
};

struct worker {
    struct game *game;
    unsigned number;
    struct rng rng;
    pthread_t thread;
};

static void wait_on(struct worker *self, cond_t *cond)
{
    struct game *game = self->game;
    int64_t timeout_ns = rng_timeout(&self->rng, game->timed, COND_US(50));
    buffer_leave(&game->buffer);
    int error = cond_wait(cond, timeout_ns);
    buffer_enter(&game->buffer);
    CHECK(error == 0 || (error == ETIMEDOUT && timeout_ns != COND_FOREVER), "answered %d", error);
}

static void *produce(void *arg)
{
    struct worker *self = arg;
    struct game *game = self->game;
    struct buffer *buffer = &game->buffer;
    for (unsigned i = 0; i < buffer->per_producer; i++) {
        CHECK_OK(cond_acquire(&game->place.cond));
        buffer_enter(buffer);
        while (buffer_is_full(buffer))
            wait_on(self, &game->place.cond);
        buffer_put(buffer, self->number);
        CHECK_OK(cond_notify(&game->not_empty, 1));
        buffer_leave(buffer);
        CHECK_OK(cond_release(&game->place.cond));
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct worker *self = arg;
    struct game *game = self->game;
    struct buffer *buffer = &game->buffer;
    for (bool done = false; !done;) {
        CHECK_OK(cond_acquire(&game->not_empty));
        buffer_enter(buffer);
        while (buffer->count == 0 && !buffer_is_done(buffer))
            wait_on(self, &game->not_empty);
        done = buffer_is_done(buffer);
        if (!done) {
            buffer_take(buffer);
            CHECK_OK(cond_notify(&game->place.cond, 1));
            if (buffer_is_done(buffer))
                CHECK_OK(cond_notify_all(&game->not_empty));
        }
        buffer_leave(buffer);
        CHECK_OK(cond_release(&game->not_empty));
    }
    return NULL;
}

static void play(enum kind kind, unsigned timed, struct rng *rng)
{
    struct game game;
    struct worker workers[PRODUCERS_MAX + CONSUMERS_MAX];
    unsigned producers = (unsigned)rng_between(rng, 1, PRODUCERS_MAX);
    unsigned consumers = (unsigned)rng_between(rng, 1, CONSUMERS_MAX);
    game.timed = timed;
    buffer_make(&game.buffer, (unsigned)rng_between(rng, 1, 10), producers, stress_rounds(8000) / producers);
    place_make(&game.place, kind);
    CHECK_OK(cond_init(&game.not_empty, cond_get_lock(&game.place.cond), 0));
    for (unsigned i = 0; i < producers + consumers; i++) {
        workers[i] = (struct worker){.game = &game, .number = i, .rng = rng_make(rng_next(rng))};
        workers[i].thread = stress_start(i < producers ? produce : consume, &workers[i]);
    }
    for (unsigned i = 0; i < producers + consumers; i++)
        stress_join(workers[i].thread);
    buffer_check(&game.buffer);
    CHECK_OK(cond_destroy(&game.not_empty));
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        play(kind, 0, &rng);
        play(kind, 50, &rng);
    }
    return 0;
}
