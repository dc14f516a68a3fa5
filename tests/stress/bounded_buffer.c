/* SPDX-License-Identifier: MIT */
/*
 * Producers and consumers on one condition, with everything random: how many, how large the buffer, which
 * kind of lock and how deep, how they wait, how they notify, how they acquire. Nothing is lost or
 * duplicated, and no notification is: a lost one leaves everybody asleep.
 */
#include "buffer.h"

enum { CONSUMERS_MAX = 16 };

struct game {
    struct place place;
    struct buffer buffer;
    /* Fixed, in percent: */
    unsigned with_predicate; /* cond_wait_for rather than cond_wait in a loop */
    unsigned notify_one;     /* notify(1) rather than notify_all: needs predicates, so that it is passed on */
    unsigned timed;          /* waits with a timeout */
    unsigned odd_acquire;    /* try_acquire and acquire_timed rather than acquire */
    unsigned recursive;      /* more than one level */
};

struct worker {
    struct game *game;
    unsigned number;
    struct rng rng;
    pthread_t thread;
};

static bool can_put(void *arg)
{
    return !buffer_is_full(arg);
}

static bool can_take(void *arg)
{
    const struct buffer *buffer = arg;
    return buffer->count > 0 || buffer_is_done(buffer);
}

/* Comes back holding the lock, that many levels deep. */
static unsigned acquire(struct worker *self)
{
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    unsigned depth = 1;
    if (!rng_chance(&self->rng, game->odd_acquire)) {
        CHECK_OK(cond_acquire(cond));
    } else {
        for (int error = EBUSY; error != 0;) {
            if (rng_chance(&self->rng, 50)) {
                error = cond_try_acquire(cond);
                CHECK(error == 0 || error == EBUSY, "try_acquire answered %d", error);
            } else {
                error = cond_acquire_timed(cond, rng_between(&self->rng, -10, COND_US(30)));
                CHECK(error == 0 || error == ETIMEDOUT, "acquire_timed answered %d", error);
            }
            if (error != 0)
                stress_yield();
        }
    }
    if (kind_is_recursive(game->place.kind) && rng_chance(&self->rng, game->recursive))
        for (unsigned more = (unsigned)rng_between(&self->rng, 1, 4); more > 0; more--, depth++)
            CHECK_OK(cond_acquire(cond));
    buffer_enter(&game->buffer);
    return depth;
}

static void release(struct worker *self, unsigned depth)
{
    buffer_leave(&self->game->buffer);
    for (; depth > 0; depth--)
        CHECK_OK(cond_release(&self->game->place.cond));
}

static void wait_until(struct worker *self, cond_pred_t *ready)
{
    struct game *game = self->game;
    struct buffer *buffer = &game->buffer;
    while (!ready(buffer)) {
        int64_t timeout_ns = rng_timeout(&self->rng, game->timed, COND_US(100));
        bool with_predicate = rng_chance(&self->rng, game->with_predicate);
        buffer_leave(buffer);
        int error = with_predicate ? cond_wait_for(&game->place.cond, ready, buffer, timeout_ns)
                                   : cond_wait(&game->place.cond, timeout_ns);
        buffer_enter(buffer);
        CHECK(error == 0 || (error == ETIMEDOUT && timeout_ns != COND_FOREVER), "answered %d", error);
        if (with_predicate)
            CHECK((error == 0) == ready(buffer), "answered %d, and the predicate is %d", error,
                  ready(buffer));
    }
}

static void notify(struct worker *self)
{
    struct game *game = self->game;
    if (rng_chance(&self->rng, game->notify_one))
        CHECK_OK(cond_notify(&game->place.cond, (size_t)rng_between(&self->rng, 1, 2)));
    else
        CHECK_OK(cond_notify_all(&game->place.cond));
}

static void *produce(void *arg)
{
    struct worker *self = arg;
    struct buffer *buffer = &self->game->buffer;
    for (unsigned i = 0; i < buffer->per_producer; i++) {
        unsigned depth = acquire(self);
        wait_until(self, can_put);
        bool before = rng_chance(&self->rng, 20); /* notify before the change is as good */
        if (before)
            notify(self);
        buffer_put(buffer, self->number);
        if (!before)
            notify(self);
        release(self, depth);
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct worker *self = arg;
    struct buffer *buffer = &self->game->buffer;
    for (bool done = false; !done;) {
        unsigned depth = acquire(self);
        wait_until(self, can_take);
        done = buffer_is_done(buffer);
        if (!done)
            buffer_take(buffer);
        if (buffer_is_done(buffer))
            CHECK_OK(cond_notify_all(&self->game->place.cond));
        else
            notify(self);
        release(self, depth);
    }
    return NULL;
}

static unsigned often(struct rng *rng)
{
    static const unsigned percent[] = {0, 0, 20, 50, 100};
    return percent[rng_next(rng) % (sizeof percent / sizeof percent[0])];
}

static void play(struct rng *rng)
{
    struct game game;
    struct worker workers[PRODUCERS_MAX + CONSUMERS_MAX];
    unsigned producers = (unsigned)rng_between(rng, 1, rng_chance(rng, 50) ? 3 : PRODUCERS_MAX);
    unsigned consumers = (unsigned)rng_between(rng, 1, rng_chance(rng, 50) ? 3 : CONSUMERS_MAX);
    unsigned capacity = (unsigned)rng_between(rng, 1, rng_chance(rng, 50) ? 2 : CAPACITY_MAX);
    buffer_make(&game.buffer, capacity, producers, 3000 / producers);
    place_make(&game.place, (enum kind)(rng_next(rng) % KINDS));
    game.with_predicate = rng_chance(rng, 40) ? 100 : often(rng);
    /* A notify(1) that reaches a plain waiter of the wrong side is gone: that is the caller's mistake. */
    game.notify_one = game.with_predicate == 100 ? 100 - often(rng) : 0;
    game.timed = often(rng);
    game.odd_acquire = often(rng);
    game.recursive = often(rng);
    printf("  %u producers, %u consumers, capacity %u, %s, predicates %u%%, notify(1) %u%%, timed %u%%, "
           "odd acquires %u%%, recursive %u%%\n",
           producers, consumers, capacity, kind_names[game.place.kind], game.with_predicate, game.notify_one,
           game.timed, game.odd_acquire, game.recursive);
    fflush(stdout); /* if it hangs, this is what hung */
    for (unsigned i = 0; i < producers + consumers; i++) {
        workers[i] = (struct worker){.game = &game, .number = i, .rng = rng_make(rng_next(rng))};
        workers[i].thread = stress_start(i < producers ? produce : consume, &workers[i]);
    }
    for (unsigned i = 0; i < producers + consumers; i++)
        stress_join(workers[i].thread);
    buffer_check(&game.buffer);
    CHECK_EQ(cond_waiters(&game.place.cond), 0);
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (unsigned round = 0; round < stress_rounds(60); round++)
        play(&rng);
    return 0;
}
