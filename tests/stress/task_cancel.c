/* SPDX-License-Identifier: MIT */
/*
 * Cancels race with notifies and with releases. Each request has one outcome, and it agrees with the result of the
 * cancel: 0 means ECANCELED, EINVAL means that the cancel came too late.
 *
 * - Waits. n are notified, and at least n waiters are not cancelled. So exactly n waits return 0: a task that was
 *   chosen and then cancelled has passed its notification on. Threads wait among the tasks, some with a deadline. With
 *   predicates: n tokens are given with the notify, and n are taken.
 * - Acquires. Cancelled tasks end without the lock, the others acquire it in the order of arrival.
 */
#include "stress.h"

enum { DOOMED = 8, SAFE = 5, TASKS = DOOMED + SAFE };
enum { TIMED = 2, PATIENT = 2, THREADS = TIMED + PATIENT };
enum { CANCELLERS = 2 };

/* Of a task's request: */
enum { SPARED = -1, TO_BE_CANCELLED = -2 }; /* or the result of the cancel */
enum { UNKNOWN = -1 };                      /* or its outcome */

struct client {
    cond_task_t task;
    struct test *test;
    unsigned number;
    bool comes;         /* it acquires in order to wait */
    atomic_int outcome;
    int cancel;         /* by its canceller, and by the main thread between rounds */
};

struct test {
    struct subject subject;
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
    atomic_uint handled; /* by the cancellers in this round */
    struct client clients[TASKS];
};

static bool has_token(void *arg) { return ((const struct test *)arg)->tokens > 0; }

static void come_through(struct test *test, int result)
{
    CHECK_EQ(test->inside++, 0);
    *(result == 0 ? &test->chosen : result == ECANCELED ? &test->cancelled : &test->expired) += 1;
    if (result == 0 && test->with_predicate) {
        CHECK(test->tokens > 0, "woken without a token");
        test->tokens--;
    }
    CHECK_EQ(--test->inside, 0);
}

/* The task holds the lock. No notify comes before all wait, so the wait is in progress. */
static void begin_wait(struct client *self)
{
    struct test *test = self->test;
    cond_t *cond = &test->subject.cond;
    self->comes = false;
    test->queued++;
    int result = test->with_predicate ? cond_task_wait_for(cond, &self->task, has_token, test)
                                      : cond_task_wait(cond, &self->task);
    CHECK_RESULT(result, EINPROGRESS);
}

static void on_ready(cond_task_t *task, int result)
{
    struct client *self = cond_task_user(task);
    struct test *test = self->test;
    CHECK(result == 0 || result == ECANCELED, "the callback got %d", result);
    if (self->comes) {
        CHECK_OK(result);
        begin_wait(self);
        return;
    }
    int before = atomic_exchange(&self->outcome, result);
    CHECK(before == UNKNOWN, "two outcomes, %d and %d", before, result);
    if (test->acquires && result == ECANCELED) {
        CHECK_RESULT(cond_task_release(&test->subject.cond, task), EPERM);
        return;
    }
    if (!test->acquires) {
        stress_task_waited(result);
    } else {
        CHECK(test->next <= self->number, "%u comes before %u", test->next - 1, self->number);
        test->next = self->number + 1;
    }
    come_through(test, result);
    CHECK_OK(cond_task_release(&test->subject.cond, task));
}

/* ---- Cancellers ---- */

struct canceller {
    struct test *test;
    unsigned number;
    struct rng rng;
    pthread_t thread;
};

static void *run_canceller(void *arg)
{
    struct canceller *self = arg;
    struct test *test = self->test;
    for (unsigned round = 1;; round++) {
        unsigned now;
        while ((now = atomic_load(&test->cancel_round)) < round)
            stress_yield();
        if (now == UINT_MAX)
            return NULL;
        for (unsigned i = self->number; i < DOOMED; i += CANCELLERS) {
            struct client *client = &test->clients[i];
            (void)atomic_fetch_add(&test->handled, 1);
            if (client->cancel == SPARED)
                continue;
            if (rng_chance(&self->rng, 50))
                stress_spin_until(cond_now() + rng_between(&self->rng, 0, COND_US(2)));
            client->cancel = cond_task_cancel(&client->task);
            CHECK(client->cancel == 0 || client->cancel == EINVAL, "cancel returned %d", client->cancel);
            if (client->cancel == 0 && rng_chance(&self->rng, 50)) {
                int again = cond_task_cancel(&client->task); /* 0, or EINVAL if its callback was called */
                CHECK(again == 0 || again == EINVAL, "a second cancel returned %d", again);
            }
        }
        (void)atomic_fetch_add(&test->cancellers_done, 1);
    }
}

static void begin_cancelling(struct test *test)
{
    atomic_store(&test->handled, 0);
    atomic_store(&test->cancellers_done, 0);
    (void)atomic_fetch_add(&test->cancel_round, 1);
}

/* Until some are cancelled, or are about to be. */
static void until_some_are_cancelled(struct test *test, struct rng *rng)
{
    unsigned some = (unsigned)rng_between(rng, 0, DOOMED);
    while (atomic_load(&test->handled) < some)
        stress_yield();
}

/* How many cancels returned 0. */
static unsigned end_cancelling(struct test *test)
{
    unsigned cancelled = 0;
    while (atomic_load(&test->cancellers_done) < CANCELLERS)
        stress_yield();
    for (unsigned i = 0; i < TASKS; i++)
        cancelled += test->clients[i].cancel == 0;
    return cancelled;
}

/* ---- Threads that wait ---- */

struct waiter {
    struct test *test;
    bool timed;
    unsigned round;
    pthread_t thread;
};

static bool round_has_come(void *arg)
{
    const struct waiter *self = arg;
    return self->test->round >= self->round || self->test->over;
}

static void *run_waiter(void *arg)
{
    struct waiter *self = arg;
    struct test *test = self->test;
    cond_t *cond = &test->subject.cond;
    CHECK_OK(cond_acquire(cond));
    for (self->round = 1;; self->round++) {
        CHECK_OK(cond_wait_for(&test->gate, round_has_come, self, COND_FOREVER));
        if (test->over)
            break;
        test->queued++;
        int64_t timeout_ns = self->timed ? test->deadline_ns - cond_now() : COND_FOREVER;
        int result = test->with_predicate ? cond_wait_for(cond, has_token, test, timeout_ns)
                                          : cond_wait(cond, timeout_ns);
        CHECK(result == 0 || (self->timed && result == ETIMEDOUT), "a thread's wait returned %d", result);
        come_through(test, result);
    }
    CHECK_OK(cond_release(cond));
    return NULL;
}

/* ---- Rounds ---- */

static void begin_round(struct test *test, struct rng *rng)
{
    test->queued = test->chosen = test->cancelled = test->expired = test->tokens = test->next = 0;
    for (unsigned i = 0; i < TASKS; i++) {
        struct client *client = &test->clients[i];
        atomic_store(&client->outcome, UNKNOWN);
        client->comes = !test->acquires;
        client->cancel = i < DOOMED && rng_chance(rng, 80) ? TO_BE_CANCELLED : SPARED;
    }
}

static void check_outcomes(struct test *test)
{
    for (unsigned i = 0; i < TASKS; i++) {
        int outcome = atomic_load(&test->clients[i].outcome);
        CHECK(outcome == (test->clients[i].cancel == 0 ? ECANCELED : 0),
              "the cancel of task %u returned %d, and its callback got %d", i, test->clients[i].cancel, outcome);
    }
}

/* Adds the number of cancels that came too late. */
static void test_waits(struct test *test, struct rng *rng, unsigned *late)
{
    cond_t *cond = &test->subject.cond;
    ACQUIRE_WHEN(cond, cond_waiters(&test->gate) == THREADS);
    begin_round(test, rng);
    CHECK_OK(cond_release(cond));
    /* Tasks wait, then the threads, then tasks. Those to be cancelled are anywhere. */
    unsigned threads_at = (unsigned)rng_between(rng, 0, TASKS - 1);
    unsigned first = (unsigned)rng_between(rng, 0, TASKS - 1);
    for (unsigned i = 0; i < TASKS; i++) {
        struct client *client = &test->clients[(first + i * 5) % TASKS];
        if (i == threads_at) {
            CHECK_OK(cond_acquire(cond));
            test->round++;
            test->deadline_ns = cond_now() + rng_between(rng, COND_US(20), COND_US(100));
            CHECK_OK(cond_notify_all(&test->gate));
            CHECK_OK(cond_release(cond));
        }
        int result = cond_task_acquire(cond, &client->task);
        if (result != EINPROGRESS) {
            CHECK_OK(result);
            begin_wait(client);
        }
    }
    ACQUIRE_WHEN(cond, test->queued == TASKS + THREADS);
    CHECK_OK(cond_release(cond));

    begin_cancelling(test);
    if (rng_chance(rng, 50))
        until_some_are_cancelled(test, rng);
    CHECK_OK(cond_acquire(cond));
    unsigned n = (unsigned)rng_between(rng, 1, SAFE + PATIENT);
    bool at_once = rng_chance(rng, 50);
    test->tokens = test->with_predicate ? n : 0;
    for (unsigned i = 0; i < (at_once ? 1 : n); i++)
        CHECK_OK(cond_notify(cond, at_once ? n : 1));
    if (rng_chance(rng, 50))
        until_some_are_cancelled(test, rng); /* after they were chosen */
    CHECK_OK(cond_release(cond));
    unsigned cancelled = end_cancelling(test);

    /* All outcomes, and then no thread or task is on its way. */
    ACQUIRE_WHEN(cond, test->chosen >= n && test->cancelled >= cancelled &&
                           test->chosen + test->cancelled + test->expired + cond_waiters(cond) ==
                               TASKS + THREADS);
    CHECK_EQ(test->chosen, n);
    CHECK_EQ(test->cancelled, cancelled);
    CHECK_EQ(test->tokens, 0);
    size_t rest = cond_waiters(cond);
    unsigned expired = test->expired;
    test->tokens = test->with_predicate ? (unsigned)rest : 0;
    CHECK_OK(cond_notify_all(cond));
    CHECK_OK(cond_release(cond));
    ACQUIRE_WHEN(cond, test->chosen + test->expired == n + rest + expired);
    CHECK_EQ(test->tokens, test->with_predicate ? test->expired - expired : 0);
    CHECK_OK(cond_release(cond));
    check_outcomes(test);
    for (unsigned i = 0; i < TASKS; i++)
        *late += test->clients[i].cancel == EINVAL;
}

static void test_acquires(struct test *test, struct rng *rng, unsigned *late)
{
    cond_t *cond = &test->subject.cond;
    CHECK_OK(cond_acquire(cond));
    begin_round(test, rng);
    for (unsigned i = 0; i < TASKS; i++)
        CHECK_RESULT(cond_task_acquire(cond, &test->clients[i].task), EINPROGRESS);
    begin_cancelling(test);
    until_some_are_cancelled(test, rng);
    CHECK_OK(cond_release(cond));
    unsigned cancelled = end_cancelling(test);
    for (unsigned i = 0; i < TASKS; i++)
        while (atomic_load(&test->clients[i].outcome) == UNKNOWN)
            stress_yield();
    check_outcomes(test);
    ACQUIRE_WHEN(cond, true);
    CHECK_EQ(test->chosen, TASKS - cancelled);
    CHECK_EQ(test->cancelled, 0);
    CHECK_OK(cond_release(cond));
    for (unsigned i = 0; i < TASKS; i++)
        *late += test->clients[i].cancel == EINVAL;
}

static void run_case(enum kind kind, bool acquires, bool with_predicate, unsigned rounds, struct rng *rng)
{
    struct test test = {.acquires = acquires, .with_predicate = with_predicate};
    struct waiter waiters[THREADS];
    struct canceller cancellers[CANCELLERS];
    unsigned late = 0;
    subject_make(&test.subject, kind);
    CHECK_OK(cond_init(&test.gate, cond_get_lock(&test.subject.cond), 0));
    for (unsigned i = 0; i < TASKS; i++) {
        test.clients[i].test = &test;
        test.clients[i].number = i;
        CHECK_OK(cond_task_init(&test.clients[i].task, on_ready, &test.clients[i]));
    }
    TEAM_START(waiters, THREADS, run_waiter, .test = &test, .timed = i < TIMED);
    TEAM_START(cancellers, CANCELLERS, run_canceller, .test = &test, .number = i, .rng = rng_make(rng_next(rng)));
    for (unsigned i = 0; i < rounds; i++) {
        if (acquires)
            test_acquires(&test, rng, &late);
        else
            test_waits(&test, rng, &late);
    }
    ACQUIRE_WHEN(&test.subject.cond, cond_waiters(&test.gate) == THREADS);
    test.over = true;
    CHECK_OK(cond_notify_all(&test.gate));
    CHECK_OK(cond_release(&test.subject.cond));
    atomic_store(&test.cancel_round, UINT_MAX);
    TEAM_JOIN(waiters, THREADS);
    TEAM_JOIN(cancellers, CANCELLERS);
    CHECK_OK(cond_destroy(&test.gate));
    subject_unmake(&test.subject);
    printf("  %s, %s: %u of about %u cancels came too late\n", kind_names[kind],
           acquires ? "acquires" : with_predicate ? "waits with predicates" : "waits", late,
           rounds * DOOMED * 4 / 5);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum kind kind = 0; kind < PRIVATE_KINDS; kind++) {
        run_case(kind, false, false, stress_rounds(500), &rng);
        run_case(kind, false, true, stress_rounds(500), &rng);
        run_case(kind, true, false, stress_rounds(1000), &rng);
    }
    return 0;
}
