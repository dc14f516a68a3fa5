/* SPDX-License-Identifier: MIT */
/*
 * 1,000 tasks on two loops and four threads, with producers and consumers among both, use one bounded buffer. Threads
 * and tasks cancel tasks at random, and those try again. No item is lost or duplicated, and no notification is: a lost
 * one leaves all asleep.
 *
 * Most tasks continue on their loop, some in the callback, on whichever thread that is.
 */
#define BUFFER_PRODUCERS_MAX 502
#include "buffer.h"
#include "loop.h"

enum { LOOPS = 2, TASKS = 1000, THREADS = 4, CANCELLERS = 1 };

/* How they wait, and which they notify. */
enum way {
    PREDICATES,  /* cond_task_wait_for, and notify(1), which skips false predicates */
    TWO_SIDES,   /* two conditions on one lock, a plain wait in a while loop, notify(1) */
    NOTIFY_ALL,  /* either kind of wait, one condition, notify_all */
    WAYS
};

static const char *const way_names[WAYS] = {"predicates", "two conditions", "notify_all"};

struct test {
    struct subject subject; /* its condition: not full, or either */
    cond_t not_empty;   /* TWO_SIDES */
    struct buffer buffer;
    enum way way;         /* fixed, as all below */
    unsigned cancels;     /* percent: how often a task with the lock cancels another */
    unsigned at_once;     /* percent: how often it continues in the callback */
    struct loop loops[LOOPS];
    struct client *clients;
    atomic_uint live; /* clients that have not ended */
    atomic_uint cancels_taken, cancelled;
};

struct client {
    struct post post;
    cond_task_t task;
    struct test *test;
    struct loop *loop;
    struct rng rng;
    unsigned number;
    bool produces;
    unsigned left;  /* to be produced */
    unsigned depth; /* how deep it holds the lock */
    enum { OUTSIDE, ACQUIRES, INSIDE, WAITS } state;
    bool with_predicate; /* in WAITS */
    atomic_bool asked;   /* a request is in progress */
    int outcome;         /* of it, when it has ended */
};

static cond_t *condition_of(struct test *test, bool produces)
{
    return test->way == TWO_SIDES && !produces ? &test->not_empty : &test->subject.cond;
}

/* By a task or, with `task` NULL, by a thread. */
static void notify(struct test *test, cond_task_t *task, bool has_produced)
{
    cond_t *cond = condition_of(test, !has_produced);
    bool all = test->way == NOTIFY_ALL || buffer_is_done(&test->buffer);
    if (task != NULL)
        CHECK_OK(all ? cond_task_notify_all(cond, task) : cond_task_notify(cond, task, 1));
    else
        CHECK_OK(all ? cond_notify_all(cond) : cond_notify(cond, 1));
    if (test->way == TWO_SIDES && buffer_is_done(&test->buffer)) { /* the waits of all consumers end */
        if (task != NULL)
            CHECK_OK(cond_task_notify_all(&test->not_empty, task));
        else
            CHECK_OK(cond_notify_all(&test->not_empty));
    }
}

static void cancel_any(struct test *test, struct rng *rng)
{
    struct client *client = &test->clients[rng_next(rng) % TASKS];
    int error = cond_task_cancel(&client->task);
    CHECK(error == 0 || error == EINVAL, "cancel returned %d", error);
    if (error == 0)
        (void)atomic_fetch_add_explicit(&test->cancels_taken, 1, memory_order_relaxed);
}

/* ---- Tasks ---- */

static void run_client(struct client *self, int outcome);

static void run_post(struct post *post)
{
    struct client *self = (struct client *)((uintptr_t)post - offsetof(struct client, post));
    run_client(self, self->outcome);
}

static void on_ready(cond_task_t *task, int result)
{
    struct client *self = cond_task_user(task);
    CHECK(atomic_exchange(&self->asked, false), "a callback without a request");
    CHECK(result == 0 || result == ECANCELED, "the callback got %d", result);
    if (self->state == WAITS)
        stress_task_waited(result);
    self->outcome = result;
    if (rng_chance(&self->rng, self->test->at_once))
        run_client(self, result);
    else
        loop_post(self->loop, &self->post);
}

static void begin_request(struct client *self) { atomic_store(&self->asked, true); }

/* True if the result is known. If not, the task may already run on another thread. */
static bool is_known(struct client *self, int result)
{
    if (result == EINPROGRESS)
        return false;
    CHECK(atomic_exchange(&self->asked, false), "a callback, and then the call returns %d", result);
    return true;
}

static void come_in(struct client *self)
{
    struct test *test = self->test;
    self->depth = 1;
    if (kind_is_recursive(test->subject.kind) && rng_chance(&self->rng, 20))
        for (unsigned more = (unsigned)rng_between(&self->rng, 1, 3); more > 0; more--, self->depth++)
            CHECK_OK(cond_task_acquire(&test->subject.cond, &self->task));
    buffer_enter(&test->buffer);
}

static void go_out(struct client *self)
{
    buffer_leave(&self->test->buffer);
    self->state = OUTSIDE;
    for (; self->depth > 0; self->depth--)
        CHECK_OK(cond_task_release(&self->test->subject.cond, &self->task));
}

static void end(struct test *test)
{
    if (atomic_fetch_sub(&test->live, 1) == 1)
        for (unsigned i = 0; i < LOOPS; i++)
            loop_stop(&test->loops[i]);
}

/* Returns when the client has ended, when a request is in progress, and to let others run. */
static void run_client(struct client *self, int outcome)
{
    struct test *test = self->test;
    struct buffer *buffer = &test->buffer;
    for (;;) {
        switch (self->state) {
        case OUTSIDE:
            self->state = ACQUIRES;
            begin_request(self);
            outcome = cond_task_acquire(&test->subject.cond, &self->task);
            if (!is_known(self, outcome))
                return;
            break;
        case ACQUIRES:
            if (outcome == ECANCELED) { /* without the lock */
                (void)atomic_fetch_add_explicit(&test->cancelled, 1, memory_order_relaxed);
                self->state = OUTSIDE;
                loop_post(self->loop, &self->post);
                return;
            }
            CHECK_RESULT(outcome, 0);
            self->state = INSIDE;
            come_in(self);
            break;
        case WAITS:
            buffer_enter(buffer);
            self->state = INSIDE;
            if (outcome == ECANCELED) {
                (void)atomic_fetch_add_explicit(&test->cancelled, 1, memory_order_relaxed);
                if (rng_chance(&self->rng, 50)) { /* give up, and try again later */
                    go_out(self);
                    loop_post(self->loop, &self->post);
                    return;
                }
            } else if (self->with_predicate) {
                CHECK(self->produces ? can_put(buffer) : can_take(buffer), "the predicate is false");
            }
            break;
        case INSIDE:
            if (rng_chance(&self->rng, test->cancels))
                cancel_any(test, &self->rng);
            if (rng_chance(&self->rng, 2))
                stress_yield(); /* as if its time slice ended while it holds the lock */
            if (self->produces ? !can_put(buffer) : !can_take(buffer)) {
                cond_t *cond = condition_of(test, self->produces);
                self->with_predicate = test->way == PREDICATES || (test->way == NOTIFY_ALL && self->number % 2);
                self->state = WAITS;
                buffer_leave(buffer);
                begin_request(self);
                cond_pred_t *ready = self->produces ? can_put : can_take;
                outcome = self->with_predicate ? cond_task_wait_for(cond, &self->task, ready, buffer)
                                               : cond_task_wait(cond, &self->task);
                if (!is_known(self, outcome))
                    return;
                break;
            }
            bool ended = false;
            if (self->produces) {
                buffer_put(buffer, self->number);
                notify(test, &self->task, true);
                ended = --self->left == 0;
            } else if (buffer->count > 0) {
                buffer_take(buffer);
                notify(test, &self->task, false);
            } else {
                ended = true;
            }
            go_out(self);
            if (ended)
                end(test);
            else
                loop_post(self->loop, &self->post);
            return;
        }
    }
}

/* ---- Threads ---- */

struct worker {
    struct test *test;
    unsigned number; /* as a producer; or none */
    bool produces;
    struct rng rng;
    pthread_t thread;
};

static void *work(void *arg)
{
    struct worker *self = arg;
    struct test *test = self->test;
    struct buffer *buffer = &test->buffer;
    cond_t *cond = condition_of(test, self->produces);
    cond_pred_t *ready = self->produces ? can_put : can_take;
    unsigned left = buffer->per_producer;
    for (bool ended = false; !ended;) {
        CHECK_OK(cond_acquire(cond));
        buffer_enter(buffer);
        while (!ready(buffer)) {
            int64_t timeout_ns = rng_timeout(&self->rng, 30, COND_US(100));
            buffer_leave(buffer);
            int error = test->way != TWO_SIDES ? cond_wait_for(cond, ready, buffer, timeout_ns)
                                               : cond_wait(cond, timeout_ns);
            buffer_enter(buffer);
            CHECK(error == 0 || (error == ETIMEDOUT && timeout_ns != COND_FOREVER), "returned %d", error);
        }
        if (self->produces) {
            buffer_put(buffer, self->number);
            notify(test, NULL, true);
            ended = --left == 0;
        } else if (buffer->count > 0) {
            buffer_take(buffer);
            notify(test, NULL, false);
        } else {
            ended = true;
        }
        buffer_leave(buffer);
        CHECK_OK(cond_release(cond));
        if (rng_chance(&self->rng, test->cancels))
            cancel_any(test, &self->rng);
    }
    return NULL;
}

/* Cancels tasks all the time. */
static void *cancel_all_the_time(void *arg)
{
    struct worker *self = arg;
    while (atomic_load(&self->test->live) != 0) {
        cancel_any(self->test, &self->rng);
        stress_yield();
    }
    return NULL;
}

/* ---- A case ---- */

static void run_case(enum way way, enum kind kind, unsigned per_producer, struct rng *rng)
{
    static struct test test;
    struct worker workers[THREADS + CANCELLERS];
    unsigned producers = 0;
    memset((void *)&test, 0, sizeof test);
    test.way = way;
    test.cancels = (unsigned)rng_between(rng, 0, 20);
    test.at_once = (unsigned)rng_between(rng, 0, 30);
    subject_make(&test.subject, kind);
    CHECK_OK(cond_init(&test.not_empty, cond_get_lock(&test.subject.cond), 0));
    buffer_make(&test.buffer, (unsigned)rng_between(rng, 1, CAPACITY_MAX), TASKS / 2 + THREADS / 2,
                per_producer);
    test.clients = calloc(TASKS, sizeof *test.clients);
    CHECK(test.clients != NULL, "out of memory");
    atomic_store(&test.live, TASKS);
    printf("  %s, %s, capacity %u, %u %% cancel, %u %% continue at once: ", kind_names[kind], way_names[way],
           test.buffer.capacity, test.cancels, test.at_once);
    fflush(stdout); /* this is what hangs, if it hangs */

    for (unsigned i = 0; i < TASKS; i++) {
        struct client *client = &test.clients[i];
        bool produces = i / LOOPS % 2 == 0; /* on each loop as many */
        *client = (struct client){.post = {.run = run_post},
                                  .test = &test,
                                  .loop = &test.loops[i % LOOPS],
                                  .rng = rng_make(rng_next(rng)),
                                  .number = produces ? producers++ : 0,
                                  .produces = produces,
                                  .left = per_producer};
        CHECK_OK(cond_task_init(&client->task, on_ready, client));
    }
    for (unsigned i = 0; i < LOOPS; i++)
        loop_start(&test.loops[i]);
    for (unsigned i = 0; i < THREADS + CANCELLERS; i++) {
        bool produces = i < THREADS / 2;
        workers[i] = (struct worker){.test = &test,
                                     .number = produces ? producers++ : 0,
                                     .produces = produces,
                                     .rng = rng_make(rng_next(rng))};
        workers[i].thread = stress_start(i < THREADS ? work : cancel_all_the_time, &workers[i]);
    }
    for (unsigned i = 0; i < TASKS; i++)
        loop_post(test.clients[i].loop, &test.clients[i].post);

    TEAM_JOIN(workers, THREADS + CANCELLERS);
    for (unsigned i = 0; i < LOOPS; i++)
        loop_join(&test.loops[i]);
    buffer_check(&test.buffer);
    CHECK_EQ(cond_waiters(&test.subject.cond), 0);
    CHECK_OK(cond_destroy(&test.not_empty));
    subject_unmake(&test.subject);
    free(test.clients);
    unsigned taken = atomic_load(&test.cancels_taken), cancelled = atomic_load(&test.cancelled);
    CHECK(cancelled <= taken && (cancelled != 0) == (taken != 0), "%u cancels, %u outcomes", taken, cancelled);
    printf("%" PRIu64 " items, %u cancelled\n", test.buffer.total, cancelled);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (unsigned round = 0; round < stress_rounds(4); round++)
        for (enum way way = 0; way < WAYS; way++) /* (notify_all is slow: it wakes all each time) */
            run_case(way, (enum kind)(rng_next(&rng) % PRIVATE_KINDS), way == NOTIFY_ALL ? 2 : 50, &rng);
    return 0;
}
