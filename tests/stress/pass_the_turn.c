/* SPDX-License-Identifier: MIT */
/*
 * Eight threads on one condition, each waiting for its turn, pass the turn round with notify_all: the herd
 * stays asleep. A thread that is woken finds its predicate true; none is woken in vain.
 */
#include "stress.h"

enum { PLAYERS = 8 };

struct game {
    struct place place;
    unsigned turn; /* under the lock, as all below */
    unsigned in_vain;
    uint64_t turns;
    unsigned rounds;
    bool timed;
};

struct player {
    struct game *game;
    unsigned number;
    unsigned looks; /* its own, in this wait */
    pthread_t thread; /* to be joined */
    pthread_t id;     /* under the lock: the same, known to itself */
};

static bool my_turn(void *arg)
{
    struct player *self = arg;
    bool mine = self->game->turn == self->number;
    if (pthread_equal(pthread_self(), self->id) && self->looks++ > 0 && !mine)
        self->game->in_vain++;
    return mine;
}

static void *run(void *arg)
{
    struct player *self = arg;
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    for (unsigned round = 0; round < game->rounds; round++) {
        CHECK_OK(cond_acquire(cond));
        if (round == 0)
            self->id = pthread_self();
        self->looks = 0;
        CHECK_OK(cond_wait_for(cond, my_turn, self, game->timed ? COND_SEC(3600) : COND_FOREVER));
        CHECK_EQ(game->turn, self->number);
        game->turns++;
        game->turn = (game->turn + 1) % PLAYERS;
        CHECK_OK(cond_notify_all(cond));
        CHECK_OK(cond_release(cond));
    }
    return NULL;
}

static void play(enum kind kind, unsigned rounds, bool timed)
{
    struct game game = {.rounds = rounds, .timed = timed};
    struct player players[PLAYERS];
    place_make(&game.place, kind);
    for (unsigned i = 0; i < PLAYERS; i++) {
        players[i] = (struct player){.game = &game, .number = i};
        players[i].thread = stress_start(run, &players[i]);
    }
    for (unsigned i = 0; i < PLAYERS; i++)
        stress_join(players[i].thread);
    CHECK_EQ(game.turns, (uint64_t)PLAYERS * rounds);
    if (kind < PRIVATE_KINDS)
        CHECK_EQ(game.in_vain, 0);
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    play(OWN_RLOCK, stress_rounds(10000), false);
    play(OTHER_MUTEX, stress_rounds(2000), true);
    if (PTHREAD_NORMAL < KINDS)
        play(PTHREAD_NORMAL, stress_rounds(500), false); /* all are woken each time: finishing is enough */
    return 0;
}
