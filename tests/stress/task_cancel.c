/* SPDX-License-Identifier: MIT */
/*
 * Cancels race with notifies, and with releases, and every request has one outcome, which agrees with what the
 * cancel was told: 0 means ECANCELED, EINVAL means that it came too late.
 *
 * - Waits. n are notified, and there are always n who are not cancelled. So exactly n waits return 0: who was
 *   chosen and then cancelled has handed it on. Threads wait among the tasks, some with a deadline. With
 *   predicates: n tokens are given with the notify, and n are taken.
 * - Acquires. Tasks that are cancelled come back without the lock, the others with it, in the order in which
 *   they came.
 */
#include "stress.h"

enum { DOOMED = 8, SAFE = 5, TASKS = DOOMED + SAFE };
enum { TIMED = 2, PATIENT = 2, THREADS = TIMED + PATIENT };
enum { CANCELLERS = 2 };

/* What is to become of a task's request. */
enum { SPARED = -1, TO_BE_CANCELLED = -2 }; /* or what the cancel was told */
enum { UNKNOWN = -1 };                      /* or its outcome */

struct client {
    cond_task_t task;
    struct game *game;
    unsigned number;
    bool comes;         /* it acquires in order to wait */
    atomic_int outcome;
    int cancel;         /* by its canceller, and by the main thread between rounds */
};

struct game {
    struct place place;
    cond_t gate;         /* on the same lock: threads, between rounds */
    bool with_predicate; /* fixed */
    bool acquires;       /* fixed: they want the lock only */
    unsigned round;      /* under the lock, as all to the end of these */
    bool over;
    int64_t deadline_ns;
    unsigned queued;     /* tasks that wait, threads that wait */
    unsigned chosen, cancelled, expired; /* waits that returned 0, ECANCELED, ETIMEDOUT */
    unsigned tokens;
    unsigned inside;     /* in the critical section */
    unsigned next;       /* acquires: the least number that may come now */
    atomic_uint cancel_round, cancellers_done;
    atomic_uint dealt_with; /* by the cancellers in this round */
    struct client clients[TASKS];
};

static bool has_token(void *arg)
{
    return ((const struct game *)arg)->tokens > 0;
}

static void come_through(struct game *game, int result)
{
    CHECK_EQ(game->inside++, 0);
    *(result == 0 ? &game->chosen : result == ECANCELED ? &game->cancelled : &game->expired) += 1;
    if (result == 0 && game->with_predicate) {
        CHECK(game->tokens > 0, "let go without a token");
        game->tokens--;
    }
    CHECK_EQ(--game->inside, 0);
}

/* It has the lock. Nobody notifies before all wait, so it is under way in any case. */
static void begin_wait(struct client *self)
{
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    self->comes = false;
    game->queued++;
    int answer = game->with_predicate ? cond_task_wait_for(cond, &self->task, has_token, game)
                                      : cond_task_wait(cond, &self->task);
    CHECK_RESULT(answer, EINPROGRESS);
}

static void on_ready(cond_task_t *task, int result)
{
    struct client *self = cond_task_user(task);
    struct game *game = self->game;
    CHECK(result == 0 || result == ECANCELED, "the callback was told %d", result);
    if (self->comes) {
        CHECK_OK(result);
        begin_wait(self);
        return;
    }
    int before = atomic_exchange(&self->outcome, result);
    CHECK(before == UNKNOWN, "two outcomes, %d and %d", before, result);
    if (game->acquires && result == ECANCELED) {
        CHECK_RESULT(cond_task_release(&game->place.cond, task), EPERM);
        return;
    }
    if (game->acquires) {
        CHECK(game->next <= self->number, "%u comes before %u", game->next - 1, self->number);
        game->next = self->number + 1;
    }
    come_through(game, result);
    CHECK_OK(cond_task_release(&game->place.cond, task));
}

/* ---- Who cancels ---- */

struct canceller {
    struct game *game;
    unsigned number;
    struct rng rng;
    pthread_t thread;
};

static void *run_canceller(void *arg)
{
    struct canceller *self = arg;
    struct game *game = self->game;
    for (unsigned round = 1;; round++) {
        unsigned now;
        while ((now = atomic_load(&game->cancel_round)) < round)
            stress_yield();
        if (now == UINT_MAX)
            return NULL;
        for (unsigned i = self->number; i < DOOMED; i += CANCELLERS) {
            struct client *client = &game->clients[i];
            (void)atomic_fetch_add(&game->dealt_with, 1);
            if (client->cancel == SPARED)
                continue;
            if (rng_chance(&self->rng, 50))
                stress_spin_until(cond_now() + rng_between(&self->rng, 0, COND_US(2)));
            client->cancel = cond_task_cancel(&client->task);
            CHECK(client->cancel == 0 || client->cancel == EINVAL, "cancel answered %d", client->cancel);
            if (client->cancel == 0 && rng_chance(&self->rng, 50)) {
                int again = cond_task_cancel(&client->task); /* 0, or EINVAL if it has been told */
                CHECK(again == 0 || again == EINVAL, "once more answered %d", again);
            }
        }
        (void)atomic_fetch_add(&game->cancellers_done, 1);
    }
}

static void begin_cancelling(struct game *game)
{
    atomic_store(&game->dealt_with, 0);
    atomic_store(&game->cancellers_done, 0);
    (void)atomic_fetch_add(&game->cancel_round, 1);
}

/* Until some are cancelled, or about to be. */
static void until_some_are_cancelled(struct game *game, struct rng *rng)
{
    unsigned some = (unsigned)rng_between(rng, 0, DOOMED);
    while (atomic_load(&game->dealt_with) < some)
        stress_yield();
}

/* How many were told 0. */
static unsigned end_cancelling(struct game *game)
{
    unsigned told = 0;
    while (atomic_load(&game->cancellers_done) < CANCELLERS)
        stress_yield();
    for (unsigned i = 0; i < TASKS; i++)
        told += game->clients[i].cancel == 0;
    return told;
}

/* ---- Threads that wait ---- */

struct waiter {
    struct game *game;
    bool timed;
    unsigned round;
    pthread_t thread;
};

static bool round_has_come(void *arg)
{
    const struct waiter *self = arg;
    return self->game->round >= self->round || self->game->over;
}

static void *run_waiter(void *arg)
{
    struct waiter *self = arg;
    struct game *game = self->game;
    cond_t *cond = &game->place.cond;
    CHECK_OK(cond_acquire(cond));
    for (self->round = 1;; self->round++) {
        CHECK_OK(cond_wait_for(&game->gate, round_has_come, self, COND_FOREVER));
        if (game->over)
            break;
        game->queued++;
        int64_t timeout_ns = self->timed ? game->deadline_ns - cond_now() : COND_FOREVER;
        int result = game->with_predicate ? cond_wait_for(cond, has_token, game, timeout_ns)
                                          : cond_wait(cond, timeout_ns);
        CHECK(result == 0 || (self->timed && result == ETIMEDOUT), "a thread's wait answered %d", result);
        come_through(game, result);
    }
    CHECK_OK(cond_release(cond));
    return NULL;
}

/* ---- Rounds ---- */

static void begin_round(struct game *game, struct rng *rng)
{
    game->queued = game->chosen = game->cancelled = game->expired = game->tokens = game->next = 0;
    for (unsigned i = 0; i < TASKS; i++) {
        struct client *client = &game->clients[i];
        atomic_store(&client->outcome, UNKNOWN);
        client->comes = !game->acquires;
        client->cancel = i < DOOMED && rng_chance(rng, 80) ? TO_BE_CANCELLED : SPARED;
    }
}

static void check_outcomes(struct game *game)
{
    for (unsigned i = 0; i < TASKS; i++) {
        int outcome = atomic_load(&game->clients[i].outcome);
        CHECK(outcome == (game->clients[i].cancel == 0 ? ECANCELED : 0),
              "the cancel of task %u was told %d, and the task %d", i, game->clients[i].cancel, outcome);
    }
}

/* Adds how many of those that were cancelled came too late. */
static void play_waits(struct game *game, struct rng *rng, unsigned *late)
{
    cond_t *cond = &game->place.cond;
    ACQUIRE_WHEN(cond, cond_waiters(&game->gate) == THREADS);
    begin_round(game, rng);
    CHECK_OK(cond_release(cond));
    /* They queue up: tasks, the threads somewhere between them, tasks. Those to be cancelled are anywhere. */
    unsigned threads_at = (unsigned)rng_between(rng, 0, TASKS - 1);
    unsigned first = (unsigned)rng_between(rng, 0, TASKS - 1);
    for (unsigned i = 0; i < TASKS; i++) {
        struct client *client = &game->clients[(first + i * 5) % TASKS];
        if (i == threads_at) {
            CHECK_OK(cond_acquire(cond));
            game->round++;
            game->deadline_ns = cond_now() + rng_between(rng, COND_US(20), COND_US(100));
            CHECK_OK(cond_notify_all(&game->gate));
            CHECK_OK(cond_release(cond));
        }
        int answer = cond_task_acquire(cond, &client->task);
        if (answer != EINPROGRESS) {
            CHECK_OK(answer);
            begin_wait(client);
        }
    }
    ACQUIRE_WHEN(cond, game->queued == TASKS + THREADS);
    CHECK_OK(cond_release(cond));

    begin_cancelling(game);
    if (rng_chance(rng, 50))
        until_some_are_cancelled(game, rng);
    CHECK_OK(cond_acquire(cond));
    unsigned n = (unsigned)rng_between(rng, 1, SAFE + PATIENT);
    bool at_once = rng_chance(rng, 50);
    game->tokens = game->with_predicate ? n : 0;
    for (unsigned i = 0; i < (at_once ? 1 : n); i++)
        CHECK_OK(cond_notify(cond, at_once ? n : 1));
    if (rng_chance(rng, 50))
        until_some_are_cancelled(game, rng); /* who were chosen */
    CHECK_OK(cond_release(cond));
    unsigned told = end_cancelling(game);

    /* All the outcomes that there will be, and then nobody is on the way. */
    ACQUIRE_WHEN(cond, game->chosen >= n && game->cancelled >= told &&
                           game->chosen + game->cancelled + game->expired + cond_waiters(cond) ==
                               TASKS + THREADS);
    CHECK_EQ(game->chosen, n);
    CHECK_EQ(game->cancelled, told);
    CHECK_EQ(game->tokens, 0);
    size_t rest = cond_waiters(cond);
    unsigned expired = game->expired;
    game->tokens = game->with_predicate ? (unsigned)rest : 0;
    CHECK_OK(cond_notify_all(cond));
    CHECK_OK(cond_release(cond));
    ACQUIRE_WHEN(cond, game->chosen + game->expired == n + rest + expired);
    CHECK_EQ(game->tokens, game->with_predicate ? game->expired - expired : 0);
    CHECK_OK(cond_release(cond));
    check_outcomes(game);
    for (unsigned i = 0; i < TASKS; i++)
        *late += game->clients[i].cancel == EINVAL;
}

static void play_acquires(struct game *game, struct rng *rng, unsigned *late)
{
    cond_t *cond = &game->place.cond;
    CHECK_OK(cond_acquire(cond));
    begin_round(game, rng);
    for (unsigned i = 0; i < TASKS; i++)
        CHECK_RESULT(cond_task_acquire(cond, &game->clients[i].task), EINPROGRESS);
    begin_cancelling(game);
    until_some_are_cancelled(game, rng);
    CHECK_OK(cond_release(cond));
    unsigned told = end_cancelling(game);
    for (unsigned i = 0; i < TASKS; i++)
        while (atomic_load(&game->clients[i].outcome) == UNKNOWN)
            stress_yield();
    check_outcomes(game);
    ACQUIRE_WHEN(cond, true);
    CHECK_EQ(game->chosen, TASKS - told);
    CHECK_EQ(game->cancelled, 0);
    CHECK_OK(cond_release(cond));
    for (unsigned i = 0; i < TASKS; i++)
        *late += game->clients[i].cancel == EINVAL;
}

static void play(enum kind kind, bool acquires, bool with_predicate, unsigned rounds, struct rng *rng)
{
    struct game game = {.acquires = acquires, .with_predicate = with_predicate};
    struct waiter waiters[THREADS];
    struct canceller cancellers[CANCELLERS];
    unsigned late = 0;
    place_make(&game.place, kind);
    CHECK_OK(cond_init(&game.gate, cond_get_lock(&game.place.cond), 0));
    for (unsigned i = 0; i < TASKS; i++) {
        game.clients[i].game = &game;
        game.clients[i].number = i;
        CHECK_OK(cond_task_init(&game.clients[i].task, on_ready, &game.clients[i]));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        waiters[i] = (struct waiter){.game = &game, .timed = i < TIMED};
        waiters[i].thread = stress_start(run_waiter, &waiters[i]);
    }
    for (unsigned i = 0; i < CANCELLERS; i++) {
        cancellers[i] = (struct canceller){.game = &game, .number = i, .rng = rng_make(rng_next(rng))};
        cancellers[i].thread = stress_start(run_canceller, &cancellers[i]);
    }
    for (unsigned i = 0; i < rounds; i++) {
        if (acquires)
            play_acquires(&game, rng, &late);
        else
            play_waits(&game, rng, &late);
    }
    ACQUIRE_WHEN(&game.place.cond, cond_waiters(&game.gate) == THREADS);
    game.over = true;
    CHECK_OK(cond_notify_all(&game.gate));
    CHECK_OK(cond_release(&game.place.cond));
    atomic_store(&game.cancel_round, UINT_MAX);
    for (unsigned i = 0; i < THREADS; i++)
        stress_join(waiters[i].thread);
    for (unsigned i = 0; i < CANCELLERS; i++)
        stress_join(cancellers[i].thread);
    CHECK_OK(cond_destroy(&game.gate));
    place_unmake(&game.place);
    printf("  %s, %s: %u of about %u cancels came too late\n", kind_names[kind],
           acquires ? "acquires" : with_predicate ? "waits with predicates" : "waits", late,
           rounds * DOOMED * 4 / 5);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum kind kind = 0; kind < PRIVATE_KINDS; kind++) {
        play(kind, false, false, stress_rounds(500), &rng);
        play(kind, false, true, stress_rounds(500), &rng);
        play(kind, true, false, stress_rounds(1000), &rng);
    }
    return 0;
}
