/* SPDX-License-Identifier: MIT */
/*
 * Some waiters' time is over while the notifier holds the lock; another waiter, that came last, waits on. The
 * notify(1) that comes then is not for the expired ones, though they are still in the queue: it goes to the
 * last. Where a waiter has not noticed yet that its time is over it may be notified; then the last stays.
 * Either way exactly one of them is.
 */
#include "stress.h"

enum { EXPIRING_MAX = 4 };

struct round {
    struct place *place;
    unsigned arrived, expired, chosen; /* under the lock, as all below */
    unsigned left; /* of those that may expire: how many are still in wait */
};

struct waiter {
    struct round *round;
    int64_t timeout_ns;
    bool with_predicate;
    int result; /* under the lock */
    pthread_t thread;
};

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void *wait_once(void *arg)
{
    struct waiter *self = arg;
    struct round *round = self->round;
    cond_t *cond = &round->place->cond;
    CHECK_OK(cond_acquire(cond));
    round->arrived++;
    int64_t earliest_ns = self->timeout_ns != COND_FOREVER ? cond_now() + self->timeout_ns : 0;
    self->result = self->with_predicate ? cond_wait_for(cond, never, NULL, self->timeout_ns)
                                        : cond_wait(cond, self->timeout_ns);
    if (self->result == ETIMEDOUT) {
        CHECK(cond_now() >= earliest_ns, "timed out %" PRId64 " ns early", earliest_ns - cond_now());
        round->expired++;
    } else {
        CHECK_EQ(self->result, 0);
        CHECK(!self->with_predicate, "came through with a false predicate");
        round->chosen++;
    }
    if (self->timeout_ns != COND_FOREVER)
        round->left--;
    CHECK_OK(cond_release(cond));
    return NULL;
}

/* How long things take here, found out as we go: a slow machine needs longer. */
struct pace {
    int64_t timeout_ns; /* so that a waiter's time is not over before the last one has come */
    int64_t hold_ns;    /* so that all notice that theirs is */
};

/* Whether the scenario came about: every waiter that could expire had, and one was still in the queue. */
static bool play(enum kind kind, struct rng *rng, struct pace *pace)
{
    struct place place;
    struct waiter waiters[EXPIRING_MAX + 1];
    unsigned expiring = (unsigned)rng_between(rng, 1, EXPIRING_MAX);
    struct round round = {.place = &place, .left = expiring};
    cond_t *cond = &place.cond;
    place_make(&place, kind);

    for (unsigned i = 0; i <= expiring; i++) {
        bool last = i == expiring;
        waiters[i] = (struct waiter){
            .round = &round,
            .timeout_ns = last ? COND_FOREVER : rng_between(rng, pace->timeout_ns / 4, pace->timeout_ns),
            .with_predicate = !last && rng_chance(rng, 30),
        };
        waiters[i].thread = stress_start(wait_once, &waiters[i]);
        ACQUIRE_WHEN(cond, round.arrived == i + 1);
        CHECK_OK(cond_release(cond));
    }

    CHECK_OK(cond_acquire(cond));
    size_t queued = cond_waiters(cond);
    stress_sleep_until(cond_now() + pace->timeout_ns + pace->hold_ns);
    CHECK_EQ(cond_waiters(cond), queued); /* they cannot leave while we hold the lock */
    CHECK_OK(cond_notify(cond, 1));
    CHECK_OK(cond_release(cond));

    ACQUIRE_WHEN(cond, round.left == 0);
    bool all_expired = round.expired == expiring;
    if (all_expired) {
        CHECK(cond_waiters(cond) == 0, "the notification is lost: all others expired, and the last waits on");
    } else {
        CHECK_EQ(round.chosen, 1);
        CHECK(cond_waiters(cond) == 1, "two were notified");
        CHECK_OK(cond_notify(cond, 1));
        round.chosen--;
    }
    CHECK_OK(cond_release(cond));
    for (unsigned i = 0; i <= expiring; i++)
        stress_join(waiters[i].thread);
    CHECK_EQ(round.chosen, 1);
    CHECK_EQ(waiters[expiring].result, 0);
    place_unmake(&place);
    if (!all_expired)
        pace->hold_ns += pace->hold_ns / 4;
    else if (queued == 1)
        pace->timeout_ns += pace->timeout_ns / 4;
    return all_expired && queued > 1;
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        unsigned skipped = 0, tries = 0, wanted = stress_rounds(30);
        struct pace pace = {.timeout_ns = COND_MS(2), .hold_ns = COND_MS(1)};
        for (; skipped < wanted; tries++)
            skipped += play(kind, &rng, &pace);
        printf("  %s: %u skipped in %u rounds\n", kind_names[kind], skipped, tries);
    }
    return 0;
}
