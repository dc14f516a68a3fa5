/* SPDX-License-Identifier: MIT */
/*
 * notify(n) within 50 us of the moment when several waiters notice that their deadline has passed. Other waiters have
 * no deadline, so that there are always n to choose: exactly n waits return 0, and the others with a deadline return
 * ETIMEDOUT, not early. With predicates: n tokens are given with the notify, and n are taken.
 */
#include "stress.h"

enum { WAITERS_MAX = 8, ROUNDS = 100 };

/* How many wait, with and without a deadline. With fewer there are more rounds in a second. */
static const struct size {
    unsigned timed, patient;
} sizes[] = {{5, 3}, {1, 1}, {2, 1}};
enum { SIZES = sizeof sizes / sizeof *sizes };

struct test {
    struct subject subject;
    cond_t gate;          /* on the same lock: between rounds */
    struct size size;     /* fixed */
    bool with_predicate;  /* fixed */
    unsigned rounds;      /* fixed */
    unsigned round;       /* under the lock, as all below */
    int64_t deadline_ns;
    unsigned arrived, timed_returned, patient_returned, chosen;
    unsigned timed_chosen;
    unsigned tokens;
};

struct waiter {
    struct test *test;
    bool timed;
    unsigned round;
    pthread_t thread;
};

static bool round_has_come(void *arg)
{
    const struct waiter *self = arg;
    return self->test->round >= self->round;
}

static bool has_token(void *arg) { return ((const struct test *)arg)->tokens > 0; }

static void *run(void *arg)
{
    struct waiter *self = arg;
    struct test *test = self->test;
    cond_t *cond = &test->subject.cond;
    CHECK_OK(cond_acquire(cond));
    for (self->round = 1; self->round <= test->rounds; self->round++) {
        CHECK_OK(cond_wait_for(&test->gate, round_has_come, self, COND_FOREVER));
        int64_t deadline_ns = self->timed ? test->deadline_ns : COND_FOREVER;
        test->arrived++;
        int error;
        if (test->with_predicate) {
            /* A relative timeout: its deadline is a little later than the others'. */
            error = cond_wait_for(cond, has_token, test,
                                  self->timed ? deadline_ns - cond_now() : COND_FOREVER);
            CHECK((error == 0) == (test->tokens > 0), "returned %d with %u tokens", error, test->tokens);
            if (error == 0)
                test->tokens--;
        } else {
            error = cond_wait_until(cond, deadline_ns);
        }
        if (error != 0) {
            CHECK_RESULT(error, ETIMEDOUT);
            CHECK(cond_now() >= deadline_ns, "timed out early");
        }
        test->chosen += error == 0;
        test->timed_chosen += error == 0 && self->timed;
        *(self->timed ? &test->timed_returned : &test->patient_returned) += 1;
    }
    CHECK_OK(cond_release(cond));
    return NULL;
}

/* Of all cases; a long run prints them now and then. */
static struct {
    unsigned long rounds, rounds_max, chosen, notified;
    int64_t print_ns;
} total;

static void count(unsigned notified, unsigned chosen)
{
    total.rounds++;
    total.notified += notified;
    total.chosen += chosen;
    if (cond_now() >= total.print_ns) {
        total.print_ns = cond_now() + COND_SEC(10);
        printf("  %lu of %lu rounds: notify chose %lu waiters, %lu waits returned 0\n", total.rounds,
               total.rounds_max, total.notified, total.chosen);
        fflush(stdout);
    }
}

static void run_case(enum kind kind, bool with_predicate, struct size size, struct rng *rng)
{
    struct test test = {.size = size, .with_predicate = with_predicate, .rounds = stress_rounds(ROUNDS)};
    struct waiter waiters[WAITERS_MAX];
    const unsigned all = size.timed + size.patient;
    cond_t *cond = &test.subject.cond;
    unsigned early = 0, between = 0, late = 0;
    int64_t ahead_ns = COND_US(200); /* from now to the deadline: so that all wait by then; adapted during the run */
    int64_t aim_ns = COND_US(20); /* from the deadline to the notify: sleepers wake up late; adapted too */
    subject_make(&test.subject, kind);
    CHECK_OK(cond_init(&test.gate, cond_get_lock(cond), 0));
    TEAM_START(waiters, all, run, .test = &test, .timed = i < size.timed);
    for (unsigned round = 1; round <= test.rounds; round++) {
        ACQUIRE_WHEN(cond, cond_waiters(&test.gate) == all);
        test.round = round;
        test.arrived = test.timed_returned = test.patient_returned = test.chosen = test.timed_chosen = 0;
        int64_t deadline_ns = test.deadline_ns = cond_now() + rng_between(rng, ahead_ns, 2 * ahead_ns);
        CHECK_OK(cond_notify_all(&test.gate));
        CHECK_OK(cond_release(cond));

        ACQUIRE_WHEN(cond, test.arrived == all);
        CHECK_OK(cond_release(cond));
        if (cond_now() > deadline_ns - COND_US(20))
            ahead_ns += ahead_ns < COND_MS(1) ? COND_US(20) : 0;
        else
            ahead_ns -= ahead_ns > COND_US(30) ? COND_US(1) : 0;
        int64_t spread_ns = rng_chance(rng, 50) ? COND_US(50) : COND_US(5);
        stress_spin_until(deadline_ns + aim_ns + rng_between(rng, -spread_ns, spread_ns));

        CHECK_OK(cond_acquire(cond));
        unsigned n = (unsigned)rng_between(rng, 1, size.patient);
        size_t before = cond_waiters(cond);
        CHECK_EQ(before, all - test.timed_returned);
        if (with_predicate)
            test.tokens = n;
        CHECK_OK(cond_notify(cond, n));
        size_t after = cond_waiters(cond);
        CHECK(before - after >= n, "%zu waited, and after a notify(%u) %zu do", before, n, after);
        CHECK_OK(cond_release(cond));

        /* A notified waiter does not count as waiting until it is queued again. */
        ACQUIRE_WHEN(cond, test.timed_returned == size.timed &&
                           test.patient_returned + cond_waiters(cond) == size.patient);
        CHECK_EQ(test.chosen, n);
        CHECK_EQ(test.tokens, 0);
        count(n, test.chosen);
        if (test.timed_chosen == 0) {
            late++; /* nearly all had expired */
            aim_ns -= COND_US(2);
        } else if (test.timed_chosen == n && before == all) {
            early++; /* none had expired, or only some behind the first */
            aim_ns += COND_US(2);
        } else {
            between++;
        }
        if (with_predicate)
            test.tokens = size.patient - test.patient_returned;
        CHECK_OK(cond_notify_all(cond));
        CHECK_OK(cond_release(cond));
    }
    TEAM_JOIN(waiters, all);
    CHECK_OK(cond_destroy(&test.gate));
    subject_unmake(&test.subject);
    printf("  %u with a deadline and %u without, %s%s: notify came first %u times, the deadline %u times, %u times "
           "between two of them\n",
           size.timed, size.patient, kind_names[kind], with_predicate ? ", with predicates" : "", early, late, between);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    total.rounds_max = 2UL * KINDS * SIZES * stress_rounds(ROUNDS);
    total.print_ns = cond_now() + COND_SEC(10);
    for (unsigned test = 0; test < 2 * KINDS * SIZES; test++)
        run_case((enum kind)(test / 2 % KINDS), test % 2 == 1, sizes[test / 2 / KINDS], &rng);
    CHECK_EQ(total.chosen, total.notified);
    printf("  %lu rounds: notify chose %lu waiters, and as many waits returned 0\n", total.rounds,
           total.notified);
    return 0;
}
