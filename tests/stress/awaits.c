/* SPDX-License-Identifier: MIT */
/*
 * Producers and consumers on one condition, with cond_await() only: no thread notifies. Some waits have deadlines; some
 * are ended by a token and begin again. The last producer closes the condition, and the consumers take the rest and
 * end. A release that does not call a predicate leaves all threads asleep.
 */
#include "buffer.h"

enum { WORKERS_MAX = 8 };

struct test {
    struct subject subject;
    struct buffer buffer;
    unsigned producers_left; /* under the lock */
    unsigned timed;          /* fixed, in percent: waits with a deadline */
    unsigned cancelled;      /* fixed, in percent: rounds that end another worker's wait */
    struct worker *workers;  /* fixed */
    unsigned worker_count;   /* fixed */
};

struct worker {
    struct test *test;
    unsigned number;
    bool produces;
    cond_token_t token; /* under the lock: a new one after each wait that it ended */
    struct rng rng;
    pthread_t thread;
};

static bool has_item(void *arg) { return ((const struct buffer *)arg)->count > 0; }

/* The result, the lock held: 0 if and only if the predicate is true. */
static int await(struct worker *self, cond_pred_t *pred)
{
    struct test *test = self->test;
    int64_t timeout_ns = rng_timeout(&self->rng, test->timed, COND_US(100));
    cond_wait_options_t options = {.pred = pred,
                                   .arg = &test->buffer,
                                   .deadline_ns = cond_deadline(timeout_ns),
                                   .token = &self->token,
                                   .unnotified = true};
    buffer_leave(&test->buffer);
    int error = test->cancelled > 0 ? cond_wait_with(&test->subject.cond, &options)
                                    : cond_await(&test->subject.cond, pred, &test->buffer, timeout_ns);
    buffer_enter(&test->buffer);
    CHECK_EQ(error == 0, pred(&test->buffer));
    CHECK(error == 0 || error == ECANCELED || (error == ETIMEDOUT && timeout_ns != COND_FOREVER), "await returned %d",
          error);
    return error;
}

/* True if the predicate is true; false if the condition is closed. */
static bool await_until_closed(struct worker *self, cond_pred_t *pred)
{
    for (;;) {
        int error = await(self, pred);
        if (error == 0)
            return true;
        if (error == ECANCELED && cond_closed(&self->test->subject.cond))
            return false;
        CHECK(error != ECANCELED || self->token.cancelled_ != 0, "ended without a cancel");
        self->token = (cond_token_t){0};
    }
}

static void *run(void *arg)
{
    struct worker *self = arg;
    struct test *test = self->test;
    struct buffer *buffer = &test->buffer;
    unsigned left = self->produces ? buffer->per_producer : UINT_MAX;
    for (; left > 0; left--) {
        CHECK_OK(cond_acquire(&test->subject.cond));
        buffer_enter(buffer);
        bool more = await_until_closed(self, self->produces ? can_put : has_item);
        if (more && self->produces)
            buffer_put(buffer, self->number);
        else if (more)
            buffer_take(buffer);
        if (more && rng_chance(&self->rng, test->cancelled)) {
            struct worker *other = &test->workers[rng_between(&self->rng, 0, test->worker_count - 1)];
            CHECK_OK(cond_cancel(&test->subject.cond, &other->token));
        }
        if (self->produces && left == 1 && --test->producers_left == 0)
            CHECK_OK(cond_close(&test->subject.cond));
        CHECK(more || !self->produces, "a producer finds it closed");
        buffer_leave(buffer);
        CHECK_OK(cond_release(&test->subject.cond));
        if (!more)
            break;
    }
    return NULL;
}

static void run_case(enum kind kind, unsigned producers, unsigned consumers, unsigned capacity, unsigned items,
                     unsigned timed, unsigned cancelled)
{
    struct worker workers[WORKERS_MAX];
    struct test test = {.producers_left = producers,
                        .timed = timed,
                        .cancelled = cancelled,
                        .workers = workers,
                        .worker_count = producers + consumers};
    subject_make(&test.subject, kind);
    buffer_make(&test.buffer, capacity, producers, items);
    for (unsigned i = 0; i < test.worker_count; i++)
        workers[i] = (struct worker){.test = &test, .number = i, .produces = i < producers, .rng = rng_make(i)};
    for (unsigned i = 0; i < test.worker_count; i++)
        workers[i].thread = stress_start(run, &workers[i]);
    TEAM_JOIN(workers, test.worker_count);
    buffer_check(&test.buffer);
    CHECK_EQ(cond_waiters(&test.subject.cond), 0);
    subject_unmake(&test.subject);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    run_case(OWN_MUTEX, 4, 4, 2, stress_rounds(3000), 0, 0);
    run_case(OTHER_RLOCK, 4, 4, 10, stress_rounds(3000), 20, 0);
    run_case(OTHER_MUTEX, 2, 4, 1, stress_rounds(2000), 10, 20);
    run_case(OWN_RLOCK, 1, 3, 4, stress_rounds(2000), 0, 10);
    return 0;
}
