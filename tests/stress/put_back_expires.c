/* SPDX-License-Identifier: MIT */
/*
 * A waiter in cond_wait_for is notified, and does not come through, since its predicate turns false before it
 * does. It waits on in its place, and its deadline counts as if nothing had happened: also when it passes
 * between the notify and the return to its place. What the notify gave it goes to the next waiter.
 */
#include "stress.h"

enum variant {
    HELD_PAST_DEADLINE,   /* notify and change back, and hold the lock until the deadline has passed */
    RELEASED_AT_ONCE,     /* the deadline comes when the waiter is back in its place */
    RELEASED_AT_DEADLINE, /* ... or at that very moment */
    STOLEN,               /* let go with a true predicate, and somebody is faster at the lock */
    VARIANTS
};

struct game {
    struct place place;
    bool flag;                          /* under the lock, as all below */
    bool second_flag;
    bool arrived, returned, second_returned;
    int64_t timeout_ns, deadline_ns;    /* deadline_ns: not later than the waiter's own */
    int64_t returned_ns;
    int result;
};

static bool flag_is_set(void *arg)
{
    return *(bool *)arg;
}

static void *wait_timed(void *arg)
{
    struct game *game = arg;
    cond_t *cond = &game->place.cond;
    CHECK_OK(cond_acquire(cond));
    game->arrived = true;
    game->deadline_ns = cond_now() + game->timeout_ns;
    game->result = cond_wait_for(cond, flag_is_set, &game->flag, game->timeout_ns);
    game->returned_ns = cond_now();
    game->returned = true;
    if (game->result == 0)
        CHECK(game->flag, "came through with a false predicate");
    else
        CHECK_EQ(game->result, ETIMEDOUT);
    CHECK(game->result == 0 || !game->flag, "timed out with a true predicate");
    CHECK(game->result == 0 || game->returned_ns >= game->deadline_ns, "timed out %" PRId64 " ns early",
          game->deadline_ns - game->returned_ns);
    game->flag = false;
    CHECK_OK(cond_release(cond));
    return NULL;
}

static void *wait_second(void *arg)
{
    struct game *game = arg;
    cond_t *cond = &game->place.cond;
    CHECK_OK(cond_acquire(cond));
    CHECK_OK(cond_wait_for(cond, flag_is_set, &game->second_flag, COND_FOREVER));
    game->second_returned = true;
    CHECK_OK(cond_release(cond));
    return NULL;
}

/* Whether the waiter was in the queue when it was notified, and did not come through. */
static bool play(enum kind kind, enum variant variant, bool with_second, struct rng *rng, struct spread *late)
{
    struct game game = {.timeout_ns = rng_between(rng, COND_MS(1), COND_MS(3))};
    cond_t *cond = &game.place.cond;
    pthread_t second = pthread_self();
    place_make(&game.place, kind);

    pthread_t first = stress_start(wait_timed, &game);
    ACQUIRE_WHEN(cond, game.arrived);
    CHECK_OK(cond_release(cond));
    if (with_second) {
        second = stress_start(wait_second, &game);
        ACQUIRE_WHEN(cond, cond_waiters(cond) + game.returned == 2);
    } else {
        CHECK_OK(cond_acquire(cond));
    }

    bool in_time = !game.returned;
    game.second_flag = with_second;
    game.flag = in_time;
    CHECK_OK(cond_notify(cond, 1));
    if (variant == STOLEN) {
        CHECK_OK(cond_release(cond));
        CHECK_OK(cond_acquire(cond));
    }
    game.flag = false;
    if (variant == HELD_PAST_DEADLINE)
        stress_sleep_until(game.deadline_ns + rng_between(rng, COND_US(100), COND_MS(1)));
    else if (variant == RELEASED_AT_DEADLINE)
        stress_spin_until(game.deadline_ns + rng_between(rng, -COND_US(60), COND_US(60)));
    CHECK_OK(cond_release(cond));

    stress_join(first);
    CHECK(variant == STOLEN || !in_time || game.result == ETIMEDOUT,
          "its predicate was never true at a release");
    if (with_second) {
        /* The first one used the notification, or else it was passed on: then nothing more is needed here. */
        if (game.result == 0) {
            CHECK_OK(cond_acquire(cond));
            CHECK_OK(cond_notify(cond, 1));
            CHECK_OK(cond_release(cond));
        }
        stress_join(second);
        CHECK(game.second_returned, "joined, and did not return?");
    }
    CHECK_EQ(cond_waiters(cond), 0);
    place_unmake(&game.place);
    if (game.result == ETIMEDOUT)
        spread_add(late, game.returned_ns - game.deadline_ns);
    return in_time && game.result == ETIMEDOUT;
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    struct spread late = {NULL, 0, 0};
    for (enum kind kind = 0; kind < KINDS; kind++) {
        printf("  %s: put back and expired:", kind_names[kind]);
        for (enum variant variant = 0; variant < VARIANTS; variant++) {
            unsigned put_back = 0, rounds = stress_rounds(30);
            for (unsigned round = 0; round < rounds; round++)
                put_back += play(kind, variant, round % 2, &rng, &late);
            printf(" %u of %u", put_back, rounds);
        }
        printf("\n");
    }
    spread_print(&late, "late");
    return 0;
}
