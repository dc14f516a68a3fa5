/* SPDX-License-Identifier: MIT */
/*
 * Nobody starves at the lock. Threads that hold it nearly always, and take it again at once, go on until the
 * others have had their share: a plain acquirer, one with a timeout that it never reaches, and a waiter that
 * was notified. If one starves this program does not end. How long they waited is printed, not judged
 * (starvation.c does that).
 * Private locks only: of others no library can promise it.
 */
#include "stress.h"

enum { HAMMERERS = 16, HOGS_MAX = 3, VICTIMS = 3 };

struct game {
    struct place place;
    unsigned share;         /* fixed: what each must have had */
    int64_t hold_ns;        /* fixed: how long a hog holds the lock */
    unsigned ring;          /* fixed: how many hand it round */
    unsigned inside;        /* under the lock, as all below */
    unsigned hungry;        /* threads that have not had their share */
    bool waiting;
    int64_t notified_ns;    /* when the waiter was notified */
    atomic_uint hogged;     /* how often a hog has had the lock */
};

struct member {
    struct game *game;
    pthread_t thread;
    unsigned number;
    struct spread waited;
};

static void be_inside(struct game *game, int64_t ns)
{
    CHECK_EQ(game->inside++, 0);
    if (ns > 0)
        stress_spin_until(cond_now() + ns);
    CHECK_EQ(--game->inside, 0);
}

static void *hammer(void *arg)
{
    struct member *self = arg;
    struct game *game = self->game;
    bool all_fed = false;
    for (unsigned had = 0; !all_fed;) {
        int64_t before_ns = cond_now();
        CHECK_OK(cond_acquire(&game->place.cond));
        if (had < game->share)
            spread_add(&self->waited, cond_now() - before_ns);
        be_inside(game, 0);
        if (had % 16 == self->number)
            stress_yield(); /* as if its time slice were over while it holds the lock: now the others come */
        if (++had == game->share)
            game->hungry--;
        all_fed = game->hungry == 0;
        CHECK_OK(cond_release(&game->place.cond));
    }
    return NULL;
}

static void *hog(void *arg)
{
    struct member *self = arg;
    struct game *game = self->game;
    for (bool all_fed = false; !all_fed;) {
        CHECK_OK(cond_acquire(&game->place.cond));
        (void)atomic_fetch_add_explicit(&game->hogged, 1, memory_order_relaxed);
        be_inside(game, game->hold_ns);
        if (game->waiting) {
            game->waiting = false;
            game->notified_ns = cond_now();
            CHECK_OK(cond_notify(&game->place.cond, 1));
        }
        all_fed = game->hungry == 0;
        CHECK_OK(cond_release(&game->place.cond));
    }
    return NULL;
}

static void *be_victim(void *arg)
{
    struct member *self = arg;
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    for (unsigned had = 0; had < game->share; had++) {
        /* Come when a hog has the lock, and not twice in a row when it is not there. */
        unsigned hogged = atomic_load_explicit(&game->hogged, memory_order_relaxed);
        while (atomic_load_explicit(&game->hogged, memory_order_relaxed) == hogged)
            stress_yield();
        int64_t before_ns = cond_now();
        if (self->number == 1)
            CHECK_OK(cond_acquire_timed(cond, COND_SEC(100000)));
        else
            CHECK_OK(cond_acquire(cond));
        if (self->number == 2) {
            game->waiting = true;
            CHECK_OK(cond_wait(cond, COND_FOREVER));
            before_ns = game->notified_ns;
        }
        spread_add(&self->waited, cond_now() - before_ns);
        be_inside(game, 0);
        if (had + 1 == game->share)
            game->hungry--;
        CHECK_OK(cond_release(cond));
    }
    return NULL;
}

/* ---- Notified waiters that hand the lock round ---- */

/* Each notifies the next and waits: every release lets a waiter go, and the lock is never free for long. */
static void *hand_round(void *arg)
{
    struct member *self = arg;
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    CHECK_OK(cond_acquire(cond));
    while (game->hungry != 0) {
        (void)atomic_fetch_add_explicit(&game->hogged, 1, memory_order_relaxed);
        be_inside(game, game->hold_ns);
        CHECK_OK(cond_notify(cond, 1));
        if (cond_waiters(cond) < game->ring - 1) /* somebody is on the way, who will notify us */
            CHECK_OK(cond_wait(cond, COND_FOREVER));
    }
    CHECK_OK(cond_notify_all(cond));
    CHECK_OK(cond_release(cond));
    return NULL;
}

static void print_all(struct member *members, unsigned count, const char *what)
{
    struct spread all = {NULL, 0, 0};
    for (unsigned i = 0; i < count; i++) {
        for (size_t j = 0; j < members[i].waited.count; j++)
            spread_add(&all, members[i].waited.values[j]);
        free(members[i].waited.values);
    }
    spread_print(&all, what);
}

static void play_hammer(enum kind kind)
{
    struct game game = {.share = stress_rounds(1000), .hungry = HAMMERERS};
    struct member members[HAMMERERS];
    place_make(&game.place, kind);
    for (unsigned i = 0; i < HAMMERERS; i++) {
        members[i] = (struct member){.game = &game, .number = i};
        members[i].thread = stress_start(hammer, &members[i]);
    }
    for (unsigned i = 0; i < HAMMERERS; i++)
        stress_join(members[i].thread);
    place_unmake(&game.place);
    print_all(members, HAMMERERS, "16 threads hammer");
}

static void play_hogs(enum kind kind, unsigned hogs, int64_t hold_ns)
{
    static const char *const names[VICTIMS] = {"acquire beside hogs", "acquire_timed beside hogs",
                                               "notified waiter beside hogs"};
    struct game game = {.share = stress_rounds(100), .hungry = VICTIMS, .hold_ns = hold_ns};
    struct member members[VICTIMS + HOGS_MAX];
    place_make(&game.place, kind);
    for (unsigned i = 0; i < VICTIMS + hogs; i++) {
        members[i] = (struct member){.game = &game, .number = i};
        members[i].thread = stress_start(i < VICTIMS ? be_victim : hog, &members[i]);
    }
    for (unsigned i = 0; i < VICTIMS + hogs; i++)
        stress_join(members[i].thread);
    place_unmake(&game.place);
    for (unsigned i = 0; i < VICTIMS; i++)
        print_all(&members[i], 1, names[i]);
}

static void play_ring(enum kind kind)
{
    enum { RING = 4, ACQUIRERS = 2 };
    struct game game = {
        .share = stress_rounds(100), .hungry = ACQUIRERS, .hold_ns = COND_US(100), .ring = RING};
    struct member members[ACQUIRERS + RING];
    place_make(&game.place, kind);
    for (unsigned i = 0; i < ACQUIRERS + RING; i++) {
        members[i] = (struct member){.game = &game, .number = i};
        members[i].thread = stress_start(i < ACQUIRERS ? be_victim : hand_round, &members[i]);
    }
    for (unsigned i = 0; i < ACQUIRERS + RING; i++)
        stress_join(members[i].thread);
    place_unmake(&game.place);
    print_all(members, ACQUIRERS, "acquire beside a ring of notified waiters");
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    for (enum kind kind = 0; kind < PRIVATE_KINDS; kind++) {
        printf("  %s:\n", kind_names[kind]);
        play_hammer(kind);
        play_hogs(kind, kind % 2 ? 1 : HOGS_MAX, kind < 2 ? COND_US(20) : COND_US(200));
        play_ring(kind);
    }
    return 0;
}
