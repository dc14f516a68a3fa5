/* SPDX-License-Identifier: MIT */
/*
 * Many threads acquire with very short timeouts, beside threads that hold the lock and waiters that time out and must
 * acquire it again. One thread at a time holds the lock, no thread hangs, and afterwards the lock is free and works.
 *
 * And the smallest such case: one thread sleeps with a timeout, another without. A release wakes the first just when it
 * times out, and another thread acquires the lock before it. The first gives up, and its wake-up must not be lost for
 * the other, which no other thread will wake.
 */
#include "stress.h"

enum { THREADS = 12 };

struct test {
    struct subject subject;
    unsigned rounds; /* fixed */
    unsigned inside; /* under the lock, as all below */
    unsigned got, missed, notified, expired;
};

struct member {
    struct test *test;
    pthread_t thread;
    struct rng rng;
};

static void enter(struct test *test) { CHECK_EQ(test->inside++, 0); }
static void leave(struct test *test) { CHECK_EQ(--test->inside, 0); }

static void *run(void *arg)
{
    struct member *self = arg;
    struct test *test = self->test;
    struct rng *rng = &self->rng;
    cond_t *cond = &test->subject.cond;
    unsigned missed = 0;
    for (unsigned round = 0; round < test->rounds; round++) {
        if (rng_chance(rng, 10)) {
            CHECK_OK(cond_acquire(cond));
        } else {
            int64_t timeout_ns = rng_between(rng, 0, rng_chance(rng, 50) ? COND_US(5) : COND_US(50));
            int64_t deadline_ns = cond_now() + timeout_ns;
            int error = cond_acquire_timed(cond, timeout_ns);
            if (error != 0) {
                CHECK_RESULT(error, ETIMEDOUT);
                CHECK(cond_now() >= deadline_ns, "timed out early");
                CHECK(test->subject.kind >= PRIVATE_KINDS || !cond_owned(cond), "timed out, and holds it");
                missed++;
                continue;
            }
        }
        enter(test);
        test->got++;
        test->missed += missed;
        missed = 0;
        if (rng_chance(rng, 30))
            stress_spin_until(cond_now() + rng_between(rng, 0, COND_US(60)));
        if (rng_chance(rng, 30))
            CHECK_OK(cond_notify(cond, (size_t)rng_between(rng, 1, 3)));
        if (rng_chance(rng, 30)) {
            leave(test);
            int error = cond_wait(cond, rng_between(rng, 0, COND_US(80)));
            enter(test);
            CHECK(error == 0 || error == ETIMEDOUT, "wait returned %d", error);
            *(error == 0 ? &test->notified : &test->expired) += 1;
        }
        leave(test);
        CHECK_OK(cond_release(cond));
    }
    return NULL;
}

static void run_case(enum kind kind, struct rng *rng)
{
    struct test test = {.rounds = stress_rounds(1000)};
    struct member members[THREADS];
    cond_t *cond = &test.subject.cond;
    subject_make(&test.subject, kind);
    TEAM_START(members, THREADS, run, .test = &test, .rng = rng_make(rng_next(rng)));
    TEAM_JOIN(members, THREADS);
    CHECK(!cond_locked(cond), "all threads have ended, and it is locked");
    CHECK_EQ(cond_waiters(cond), 0);
    CHECK_OK(cond_try_acquire(cond));
    CHECK_OK(cond_release(cond));
    CHECK_OK(cond_acquire_timed(cond, 0));
    CHECK_OK(cond_release(cond));
    printf("  %s: %u acquired, %u timed out, %u notified, %u expired\n", kind_names[kind], test.got,
           test.missed, test.notified, test.expired);
    subject_unmake(&test.subject);
}

/* ---- Two sleepers ---- */

struct pair {
    struct subject subject;
    unsigned rounds;           /* fixed */
    _Atomic(int64_t) deadline_ns; /* of this round; not later than that of the timed thread */
    atomic_uint round; /* the number of this round */
    atomic_uint timed_starts, timed_returned, patient_starts, patient_returned; /* the number of the round */
};

static void await(atomic_uint *round, unsigned number)
{
    while (atomic_load(round) != number)
        stress_yield();
}

static void *be_timed(void *arg)
{
    struct pair *pair = arg;
    cond_t *cond = &pair->subject.cond;
    struct rng rng = rng_make(1);
    for (unsigned round = 1; round <= pair->rounds; round++) {
        await(&pair->round, round);
        int64_t timeout_ns = rng_between(&rng, COND_US(100), COND_US(300));
        atomic_store(&pair->deadline_ns, cond_now() + timeout_ns);
        atomic_store(&pair->timed_starts, round);
        int error = cond_acquire_timed(cond, timeout_ns);
        if (error == 0)
            CHECK_OK(cond_release(cond));
        else
            CHECK_RESULT(error, ETIMEDOUT);
        atomic_store(&pair->timed_returned, round);
    }
    return NULL;
}

static void *be_patient(void *arg)
{
    struct pair *pair = arg;
    cond_t *cond = &pair->subject.cond;
    for (unsigned round = 1; round <= pair->rounds; round++) {
        await(&pair->timed_starts, round);
        atomic_store(&pair->patient_starts, round);
        CHECK_OK(cond_acquire(cond));
        CHECK_OK(cond_release(cond));
        atomic_store(&pair->patient_returned, round);
    }
    return NULL;
}

static void test_pair(enum kind kind, struct rng *rng)
{
    struct pair pair = {.rounds = stress_rounds(600)};
    cond_t *cond = &pair.subject.cond;
    subject_make(&pair.subject, kind);
    pthread_t timed = stress_start(be_timed, &pair), patient = stress_start(be_patient, &pair);
    for (unsigned round = 1; round <= pair.rounds; round++) {
        CHECK_OK(cond_acquire(cond));
        atomic_store(&pair.round, round);
        await(&pair.patient_starts, round);
        stress_spin_until(atomic_load(&pair.deadline_ns) + rng_between(rng, -COND_US(40), COND_US(80)));
        CHECK_OK(cond_release(cond));
        CHECK_OK(cond_acquire(cond));
        stress_spin_until(cond_now() + rng_between(rng, 0, COND_US(150)));
        CHECK_OK(cond_release(cond));
        await(&pair.patient_returned, round); /* this thread does not use the lock */
        await(&pair.timed_returned, round);
    }
    stress_join(timed);
    stress_join(patient);
    subject_unmake(&pair.subject);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum kind kind = 0; kind < KINDS; kind++)
        run_case(kind, &rng);
    for (enum kind kind = 0; kind < PRIVATE_KINDS; kind++)
        test_pair(kind, &rng);
    return 0;
}
