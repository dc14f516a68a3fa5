/* SPDX-License-Identifier: MIT */
/*
 * notify(n) chooses the first n waiters whose predicates are true, in order of arrival. The others keep their
 * places, which a later notify shows. A list says which waiters must return, whatever the predicates are; in
 * which order they get the lock is not promised. A waiter that arrives after the notify is not chosen instead.
 */
#include "stress.h"

enum { WAITERS_MAX = 8 };

struct waiter;

struct game {
    struct place place;
    unsigned waiters;                         /* fixed */
    struct waiter *queue[WAITERS_MAX];        /* under the lock, as all below: in order of arrival */
    unsigned queued;
    struct waiter *through[WAITERS_MAX];      /* the waiters that returned since the last notify */
    unsigned came_through;
    bool over;
};

struct waiter {
    struct game *game;
    pthread_t thread;
    bool flag;
};

static bool flag_is_set(void *arg)
{
    return ((struct waiter *)arg)->flag;
}

static void *wait_again_and_again(void *arg)
{
    struct waiter *self = arg;
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    CHECK_OK(cond_acquire(cond));
    for (;;) {
        game->queue[game->queued++] = self;
        CHECK_OK(cond_wait_for(cond, flag_is_set, self, COND_FOREVER));
        CHECK(self->flag, "came through with a false predicate");
        if (game->over)
            break;
        CHECK(game->came_through < WAITERS_MAX, "too many came through");
        game->through[game->came_through++] = self;
        self->flag = false;
    }
    CHECK_OK(cond_release(cond));
    return NULL;
}

static bool is_among(const struct waiter *waiter, struct waiter *const *waiters, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (waiters[i] == waiter)
            return true;
    return false;
}

/* With the lock held, and everybody waiting: notify(n) in one or several pieces, and what must come of it.
   Comes back with the lock held and everybody waiting again. */
static void notify_and_compare(struct game *game, unsigned n, struct rng *rng)
{
    cond_t *cond = &game->place.cond;
    struct waiter *expected[WAITERS_MAX], *left[WAITERS_MAX];
    unsigned expected_count = 0, left_count = 0;
    for (unsigned i = 0; i < game->waiters; i++) {
        if (game->queue[i]->flag && expected_count < n)
            expected[expected_count++] = game->queue[i];
        else
            left[left_count++] = game->queue[i];
    }
    memcpy(game->queue, left, sizeof left);
    game->queued = left_count;
    game->came_through = 0;

    if (n > 1 && rng_chance(rng, 30)) {
        unsigned part = (unsigned)rng_between(rng, 1, n - 1);
        CHECK_OK(cond_notify(cond, part));
        CHECK_OK(cond_notify(cond, n - part));
    } else {
        CHECK_OK(n == WAITERS_MAX && rng_chance(rng, 50) ? cond_notify_all(cond) : cond_notify(cond, n));
    }
    CHECK_OK(cond_release(cond));

    /* Who is notified does not count as waiting; so this is when nobody is on the way any more. */
    ACQUIRE_WHEN(cond, cond_waiters(cond) == game->waiters);
    CHECK_EQ(game->came_through, expected_count);
    for (unsigned i = 0; i < expected_count; i++)
        CHECK(is_among(expected[i], game->through, expected_count), "number %u of %u did not return, another did", i,
              expected_count);
}

static void play(enum kind kind, struct rng *rng)
{
    struct game game = {.waiters = (unsigned)rng_between(rng, 3, WAITERS_MAX)};
    struct waiter all[WAITERS_MAX];
    cond_t *cond = &game.place.cond;
    place_make(&game.place, kind);
    for (unsigned i = 0; i < game.waiters; i++) {
        all[i] = (struct waiter){.game = &game};
        all[i].thread = stress_start(wait_again_and_again, &all[i]);
    }

    /* The plain case: the first cannot use it, the second can; then the first, before the third. */
    ACQUIRE_WHEN(cond, cond_waiters(cond) == game.waiters);
    struct waiter *first = game.queue[0], *second = game.queue[1], *third = game.queue[2];
    second->flag = true;
    notify_and_compare(&game, 1, rng);
    CHECK(game.came_through == 1 && game.through[0] == second, "the second was not let go");
    CHECK(game.queue[0] == first && game.queue[1] == third, "the list is wrong");
    first->flag = third->flag = true;
    notify_and_compare(&game, 1, rng);
    CHECK(game.came_through == 1 && game.through[0] == first, "the first has lost its place");
    third->flag = false;

    /* Nobody can use it, and we wait ourselves when it is passed on: it is not for us. */
    CHECK_OK(cond_notify(cond, 1));
    CHECK_RESULT(cond_wait(cond, COND_MS(1)), ETIMEDOUT);
    CHECK_OK(cond_release(cond));
    ACQUIRE_WHEN(cond, cond_waiters(cond) == game.waiters);

    for (unsigned round = 0; round < stress_rounds(1000); round++) {
        unsigned percent = (unsigned)rng_between(rng, 0, 100);
        for (unsigned i = 0; i < game.waiters; i++)
            all[i].flag = rng_chance(rng, percent);
        notify_and_compare(&game, (unsigned)rng_between(rng, 1, WAITERS_MAX), rng);
    }

    game.over = true;
    for (unsigned i = 0; i < game.waiters; i++)
        all[i].flag = true;
    CHECK_OK(cond_notify_all(cond));
    CHECK_OK(cond_release(cond));
    for (unsigned i = 0; i < game.waiters; i++)
        stress_join(all[i].thread);
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
