/* SPDX-License-Identifier: MIT */
/*
 * Small scenarios of the contract, each on the kinds of lock that its row in `scenarios` names:
 *
 *      scenarios [--only NAME] [--scale N] [--seed S]
 */
#define STRESS_PREDICATES_COUNT
#include "stress.h"

enum { MEMBERS_MAX = 1000, CONDITIONS = 3 };

/* A thread of a scenario. */
struct member {
    unsigned number;
    struct rng rng;
    pthread_t thread;   /* to be joined */
    pthread_t id;       /* under the lock: the same, known to the thread itself */
    unsigned own_calls; /* of its predicate, by itself, in this wait */
    unsigned wanted;    /* the value or generation for which it waits */
    bool flag;          /* what its predicate reads */
    bool called;
    int64_t timeout_ns;
    int result;
};

static struct member members[MEMBERS_MAX];

static struct {
    struct subject subject;
    unsigned rounds, waiters, tokens_max; /* fixed */
    /* Under the lock: */
    unsigned inside; /* threads in the critical section */
    unsigned value, tokens, arrived, through, in_vain, calls, notified, expired, at_work, left;
    bool over;
    int64_t deadline_ns, returned_ns;
} test;

static enum kind kind;
static cond_t *const cond = &test.subject.cond;
static struct rng rng; /* of the main thread */

static void case_begin(void)
{
    memset((void *)&test, 0, sizeof test);
    subject_make(&test.subject, kind);
}

static void team_start(unsigned count, void *(*run)(void *))
{
    TEAM_START(members, count, run, .number = i, .rng = rng_make(rng_next(&rng)), .timeout_ns = COND_FOREVER);
}

static void team_join(unsigned count) { TEAM_JOIN(members, count); }

static void case_end(unsigned count)
{
    team_join(count);
    CHECK_EQ(cond_waiters(cond), 0);
    subject_unmake(&test.subject);
}

static void enter(void) { CHECK_EQ(test.inside++, 0); }
static void leave(void) { CHECK_EQ(--test.inside, 0); }
static void acquire(void) { CHECK_OK(cond_acquire(cond)); }
static void release(void) { CHECK_OK(cond_release(cond)); }

/* Fewer with a small --scale, where threads are slow. */
static unsigned many(void) { return stress.scale < 0.5 ? MEMBERS_MAX / 5 : MEMBERS_MAX; }
static bool flag_is_set(void *arg) { return *(bool *)arg; }

/* Whether the waiter itself calls its predicate, not the releasing thread. */
static bool is_own_call(const struct member *self) { return pthread_equal(pthread_self(), self->id); }

/* ---- tokens: a semaphore ---- */

/*
 * Few tokens among many threads: each takes one after a wait and gives it back with notify(1). A lost notification
 * leaves threads asleep beside free tokens, as glibc's condition variables did (bug 25847).
 */
static bool have_token(void *arg) { (void)arg; return test.tokens > 0; }

static void *take_tokens(void *arg)
{
    struct member *self = arg;
    for (unsigned round = 0; round < test.rounds; round++) {
        acquire();
        if (rng_chance(&self->rng, 50))
            while (test.tokens == 0)
                CHECK_OK(cond_wait(cond, COND_FOREVER));
        else
            CHECK_OK(cond_wait_for(cond, have_token, NULL, COND_FOREVER));
        CHECK(test.tokens > 0, "returned without a token");
        test.tokens--;
        test.value++;
        CHECK_EQ(test.tokens + test.value, test.tokens_max);
        release();
        if (rng_chance(&self->rng, 5))
            stress_yield();
        acquire();
        test.tokens++;
        test.value--;
        CHECK_OK(cond_notify(cond, 1));
        release();
    }
    return NULL;
}

static void run_tokens(void)
{
    enum { THREADS = 24 };
    for (int few = 0; few < 2; few++) {
        case_begin();
        test.rounds = stress_rounds(1500);
        test.tokens = test.tokens_max = few ? (unsigned)rng_between(&rng, 2, 6) : 1;
        team_start(THREADS, take_tokens);
        team_join(THREADS);
        CHECK_EQ(test.tokens, test.tokens_max);
        case_end(0);
    }
}

/* ---- barrier: the last thread to arrive notifies all others, with and without predicates ---- */

enum { BARRIER_THREADS = 32 };

static bool generation_is_over(void *arg) { return test.value != ((const struct member *)arg)->wanted; }

/* `value` counts generations. `through` counts the threads that have passed the last one. */
static void *pass_barriers(void *arg)
{
    struct member *self = arg;
    for (self->wanted = 0; self->wanted < test.rounds; self->wanted++) {
        acquire();
        CHECK_EQ(test.value, self->wanted);
        if (++test.arrived == BARRIER_THREADS) {
            test.arrived = test.through = 0;
            test.value++;
            CHECK_OK(cond_notify_all(cond));
        } else if (self->wanted % 2) {
            CHECK_OK(cond_wait_for(cond, generation_is_over, self, COND_FOREVER));
        } else {
            CHECK_OK(cond_wait(cond, COND_FOREVER)); /* without a loop: there are no spurious wake-ups */
        }
        CHECK_EQ(test.value, self->wanted + 1);
        test.through++;
        release();
    }
    return NULL;
}

static void run_barrier(void)
{
    case_begin();
    test.rounds = stress_rounds(300);
    team_start(BARRIER_THREADS, pass_barriers);
    team_join(BARRIER_THREADS);
    CHECK_EQ(test.value, test.rounds);
    CHECK_EQ(test.through, BARRIER_THREADS);
    case_end(0);
}

/* ---- turns: eight threads pass a turn round with notify_all, and only the next one is woken ---- */

enum { TURN_THREADS = 8 };

static bool is_my_turn(void *arg)
{
    struct member *self = arg;
    bool mine = test.value == self->number;
    if (is_own_call(self) && self->own_calls++ > 0 && !mine)
        test.in_vain++;
    return mine;
}

static void *pass_turns(void *arg)
{
    struct member *self = arg;
    for (unsigned round = 0; round < test.rounds; round++) {
        acquire();
        self->id = pthread_self();
        self->own_calls = 0;
        CHECK_OK(cond_wait_for(cond, is_my_turn, self, kind == OTHER_MUTEX ? COND_SEC(3600) : COND_FOREVER));
        CHECK_EQ(test.value, self->number);
        test.through++;
        test.value = (test.value + 1) % TURN_THREADS;
        CHECK_OK(cond_notify_all(cond));
        release();
    }
    return NULL;
}

static void run_turns(void)
{
    case_begin();
    test.rounds = stress_rounds(kind == OWN_RLOCK ? 10000 : kind == OTHER_MUTEX ? 2000 : 500);
    team_start(TURN_THREADS, pass_turns);
    team_join(TURN_THREADS);
    CHECK_EQ(test.through, TURN_THREADS * test.rounds);
    if (kind < PRIVATE_KINDS) /* on a foreign lock each notify_all wakes all threads */
        CHECK_EQ(test.in_vain, 0);
    case_end(0);
}

/* ---- exact: 1,000 waiters and notify(10), a hundred times: the ten that arrived first return, in any order ---- */

enum { AT_ONCE = 10 };

static bool is_later_call(void *arg)
{
    bool *called = arg;
    bool later = *called;
    *called = true;
    return later;
}

static void *wait_for_ten(void *arg)
{
    struct member *self = arg;
    acquire();
    unsigned number = test.arrived++;
    if (kind == OWN_MUTEX)
        CHECK_OK(cond_wait_for(cond, is_later_call, &self->called, COND_FOREVER));
    else
        CHECK_OK(cond_wait(cond, kind == OTHER_MUTEX ? COND_SEC(100000) : COND_FOREVER));
    /* The next ten are notified when all of these have returned. */
    CHECK(number < test.notified && number >= test.notified - AT_ONCE, "%u returned, and %u were notified", number,
          test.notified);
    test.through++;
    release();
    return NULL;
}

static void run_exact(void)
{
    unsigned waiters = many();
    case_begin();
    team_start(waiters, wait_for_ten);
    ACQUIRE_WHEN(cond, cond_waiters(cond) == waiters);
    while (test.notified < waiters) {
        CHECK_EQ(test.through, test.notified);
        CHECK_OK(cond_notify(cond, AT_ONCE));
        test.notified += AT_ONCE;
        CHECK_EQ(cond_waiters(cond), waiters - test.notified);
        release();
        ACQUIRE_WHEN(cond, test.through >= test.notified);
    }
    CHECK_EQ(test.through, waiters);
    release();
    case_end(waiters);
}

/* ---- order: several conditions on one lock ---- */

/*
 * Threads notify any of three conditions between their own waits. Lists under the lock say which waiters are chosen:
 * the first n of each condition. Each of them returns once, in any order, and no other thread returns.
 */
enum { ORDER_THREADS = 14 };

static struct {
    cond_t more[CONDITIONS - 1];
    unsigned queue[CONDITIONS][ORDER_THREADS], queued[CONDITIONS];
    unsigned chosen[ORDER_THREADS], chosen_count; /* and not returned yet */
} order;

static cond_t *condition(unsigned i) { return i == 0 ? cond : &order.more[i - 1]; }

static void notify_any(struct rng *any)
{
    unsigned which = (unsigned)(rng_next(any) % CONDITIONS);
    unsigned *queue = order.queue[which], *queued = &order.queued[which];
    unsigned n = (unsigned)rng_between(any, 0, rng_chance(any, 50) ? 2 : ORDER_THREADS);
    CHECK_EQ(cond_waiters(condition(which)), *queued);
    if (rng_chance(any, 20)) {
        n = ORDER_THREADS;
        CHECK_OK(cond_notify_all(condition(which)));
    } else {
        CHECK_OK(cond_notify(condition(which), n));
    }
    if (n > *queued)
        n = *queued;
    memcpy(&order.chosen[order.chosen_count], queue, n * sizeof *queue);
    order.chosen_count += n;
    *queued -= n;
    memmove(queue, queue + n, *queued * sizeof *queue);
    CHECK_EQ(cond_waiters(condition(which)), *queued);
}

static void wait_in_order(struct member *self)
{
    unsigned which = (unsigned)(rng_next(&self->rng) % CONDITIONS);
    order.queue[which][order.queued[which]++] = self->number;
    test.through++;
    CHECK_OK(cond_wait(condition(which), rng_chance(&self->rng, 50) ? COND_FOREVER : COND_SEC(100000)));
    unsigned i = 0;
    while (i < order.chosen_count && order.chosen[i] != self->number)
        i++;
    CHECK(i < order.chosen_count, "thread %u returned, and no notify has chosen it", self->number);
    order.chosen[i] = order.chosen[--order.chosen_count];
}

static void *notify_and_wait(void *arg)
{
    struct member *self = arg;
    for (unsigned round = 0; round < test.rounds; round++) {
        unsigned depth = kind_is_recursive(kind) && rng_chance(&self->rng, 30) ? 3 : 1;
        for (unsigned i = 0; i < depth; i++)
            acquire();
        if (rng_chance(&self->rng, 50))
            notify_any(&self->rng);
        wait_in_order(self);
        if (rng_chance(&self->rng, 50))
            notify_any(&self->rng);
        if (rng_chance(&self->rng, 10))
            stress_yield();
        for (unsigned i = 0; i < depth; i++)
            release();
    }
    acquire();
    test.at_work--;
    release();
    return NULL;
}

static void run_order(void)
{
    case_begin();
    memset((void *)&order, 0, sizeof order);
    test.rounds = stress_rounds(1000);
    test.at_work = ORDER_THREADS;
    for (unsigned i = 1; i < CONDITIONS; i++)
        CHECK_OK(cond_init(condition(i), cond_get_lock(cond), 0));
    team_start(ORDER_THREADS, notify_and_wait);
    for (bool over = false; !over; stress_yield()) {
        acquire();
        notify_any(&rng);
        over = test.at_work == 0;
        release();
    }
    team_join(ORDER_THREADS);
    CHECK_EQ(test.through, ORDER_THREADS * test.rounds);
    CHECK_EQ(order.chosen_count, 0);
    for (unsigned i = 1; i < CONDITIONS; i++)
        CHECK_OK(cond_destroy(condition(i)));
    case_end(0);
}

/* ---- passes_on: notify(n) chooses the first n waiters whose predicates are true ---- */

/*
 * The others keep their places, as a later notify shows. A list says which waiters must return, in any order. A waiter
 * that arrives after the notify is not chosen instead.
 */
enum { PASS_MAX = 8 };

static struct {
    struct member *queue[PASS_MAX]; /* under the lock: in order of arrival */
    unsigned queued;
    struct member *through[PASS_MAX]; /* under the lock: those that returned since the last notify */
} passes;

static void *wait_again_and_again(void *arg)
{
    struct member *self = arg;
    acquire();
    for (;;) {
        passes.queue[passes.queued++] = self;
        CHECK_OK(cond_wait_for(cond, flag_is_set, &self->flag, COND_FOREVER));
        CHECK(self->flag, "returned with a false predicate");
        if (test.over)
            break;
        CHECK(test.through < PASS_MAX, "too many returned");
        passes.through[test.through++] = self;
        self->flag = false;
    }
    release();
    return NULL;
}

static bool is_among(const struct member *waiter, struct member *const *waiters, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (waiters[i] == waiter)
            return true;
    return false;
}

/* Notify n in one or two pieces, and check who returns. Caller must hold the lock, and all wait; again afterwards. */
static void notify_and_compare(unsigned n)
{
    struct member *expected[PASS_MAX], *left[PASS_MAX];
    unsigned expected_count = 0, left_count = 0;
    for (unsigned i = 0; i < test.waiters; i++) {
        if (passes.queue[i]->flag && expected_count < n)
            expected[expected_count++] = passes.queue[i];
        else
            left[left_count++] = passes.queue[i];
    }
    memcpy(passes.queue, left, sizeof left);
    passes.queued = left_count;
    test.through = 0;
    if (n > 1 && rng_chance(&rng, 30)) {
        unsigned part = (unsigned)rng_between(&rng, 1, n - 1);
        CHECK_OK(cond_notify(cond, part));
        CHECK_OK(cond_notify(cond, n - part));
    } else {
        CHECK_OK(n == PASS_MAX && rng_chance(&rng, 50) ? cond_notify_all(cond) : cond_notify(cond, n));
    }
    release();
    /* A notified waiter does not count as waiting, so all have returned or are queued again when all are counted. */
    ACQUIRE_WHEN(cond, cond_waiters(cond) == test.waiters);
    CHECK_EQ(test.through, expected_count);
    for (unsigned i = 0; i < expected_count; i++)
        CHECK(is_among(expected[i], passes.through, expected_count), "number %u of %u did not return, another did", i,
              expected_count);
}

static void run_passes_on(void)
{
    case_begin();
    passes.queued = 0;
    test.waiters = (unsigned)rng_between(&rng, 3, PASS_MAX);
    team_start(test.waiters, wait_again_and_again);

    /* The plain case: the first predicate is false, the second is true; then the first returns, before the third. */
    ACQUIRE_WHEN(cond, cond_waiters(cond) == test.waiters);
    struct member *first = passes.queue[0], *second = passes.queue[1], *third = passes.queue[2];
    second->flag = true;
    notify_and_compare(1);
    CHECK(test.through == 1 && passes.through[0] == second, "the second did not return");
    CHECK(passes.queue[0] == first && passes.queue[1] == third, "the list is wrong");
    first->flag = third->flag = true;
    notify_and_compare(1);
    CHECK(test.through == 1 && passes.through[0] == first, "the first has lost its place");
    third->flag = false;

    /* All predicates are false, and this thread begins to wait before the notification is passed on to it. */
    CHECK_OK(cond_notify(cond, 1));
    CHECK_RESULT(cond_wait(cond, COND_MS(1)), ETIMEDOUT);
    release();
    ACQUIRE_WHEN(cond, cond_waiters(cond) == test.waiters);

    for (unsigned round = 0; round < stress_rounds(1000); round++) {
        unsigned percent = (unsigned)rng_between(&rng, 0, 100);
        for (unsigned i = 0; i < test.waiters; i++)
            members[i].flag = rng_chance(&rng, percent);
        notify_and_compare((unsigned)rng_between(&rng, 1, PASS_MAX));
    }
    test.over = true;
    for (unsigned i = 0; i < test.waiters; i++)
        members[i].flag = true;
    CHECK_OK(cond_notify_all(cond));
    release();
    case_end(test.waiters);
}

/* ---- false_broadcast: a notify of 1,000 waiters with false predicates calls each once and wakes none ---- */

static bool is_over(void *arg)
{
    struct member *self = arg;
    test.calls++;
    test.in_vain += is_own_call(self);
    return test.over;
}

static void *wait_until_over(void *arg)
{
    struct member *self = arg;
    acquire();
    self->id = pthread_self();
    CHECK_OK(cond_wait_for(cond, is_over, self, COND_FOREVER));
    test.through++;
    release();
    return NULL;
}

static void run_false_broadcast(void)
{
    static const size_t n[] = {SIZE_MAX, 1, 10, SIZE_MAX};
    unsigned waiters = many();
    case_begin();
    team_start(waiters, wait_until_over);
    ACQUIRE_WHEN(cond, cond_waiters(cond) == waiters);
    CHECK_EQ(test.calls, waiters);
    for (unsigned round = 0; round < stress_rounds(50); round++) {
        unsigned before = test.calls;
        CHECK_OK(round % 4 == 0 ? cond_notify_all(cond) : cond_notify(cond, n[round % 4]));
        CHECK_EQ(test.calls, before); /* not at the notify, but at the first release */
        release();
        acquire();
        CHECK_EQ(test.calls - before, waiters);
        release();
        stress_yield();
        acquire();
        CHECK_EQ(test.calls - before, waiters);
        CHECK_EQ(cond_waiters(cond), waiters);
        CHECK_EQ(test.in_vain, waiters); /* own calls: the first ones, before the waiters slept */
        CHECK_EQ(test.through, 0);
    }
    test.over = true;
    CHECK_OK(cond_notify_all(cond));
    release();
    team_join(waiters);
    CHECK_EQ(test.through, waiters);
    case_end(0);
}

/* ---- change_after_notify: predicates count at the release, so the change may come after the notify ---- */

static bool value_has_come(void *arg)
{
    struct member *self = arg;
    bool come = test.value >= self->wanted;
    if (is_own_call(self))
        CHECK(come || self->own_calls++ == 0, "woken in vain, for %u", self->wanted);
    return come;
}

static void *wait_for_each_value(void *arg)
{
    struct member *self = arg;
    acquire();
    self->id = pthread_self();
    for (self->wanted = 1; self->wanted <= test.rounds; self->wanted++) {
        self->own_calls = 0;
        CHECK_OK(cond_wait_for(cond, value_has_come, self, self->wanted % 2 ? COND_FOREVER : COND_SEC(100000)));
        CHECK_EQ(test.value, self->wanted);
        test.through++;
    }
    release();
    return NULL;
}

static void run_change_after_notify(void)
{
    for (int several = 0; several < 2; several++) {
        unsigned waiters = several ? (unsigned)rng_between(&rng, 2, 6) : 1;
        case_begin();
        test.rounds = stress_rounds(500);
        team_start(waiters, wait_for_each_value);
        for (unsigned round = 1; round <= test.rounds; round++) {
            ACQUIRE_WHEN(cond, cond_waiters(cond) == waiters && test.through == (round - 1) * waiters);
            if (rng_chance(&rng, 50))
                CHECK_OK(cond_notify_all(cond));
            else
                for (unsigned left = waiters; left > 0;) {
                    unsigned n = (unsigned)rng_between(&rng, 1, left);
                    CHECK_OK(cond_notify(cond, n));
                    left -= n;
                }
            CHECK_EQ(cond_waiters(cond), 0);
            test.value = round;
            release();
        }
        team_join(waiters);
        CHECK_EQ(test.through, test.rounds * waiters);
        case_end(0);
    }
}

/* ---- expired_is_skipped: deadlines pass while the notifier holds the lock ---- */

/*
 * The last waiter has no deadline. A notify(1) skips the expired waiters, which are still queued, and chooses the last.
 * A waiter that has not noticed its deadline may be chosen instead; then the last one stays. Exactly one is chosen.
 */
static void *wait_with_timeout(void *arg)
{
    struct member *self = arg;
    acquire();
    test.arrived++;
    bool with_pred = self->wanted != 0;
    int64_t earliest_ns = self->timeout_ns != COND_FOREVER ? cond_now() + self->timeout_ns : 0;
    self->result = with_pred ? cond_wait_for(cond, flag_is_set, &self->flag, self->timeout_ns)
                             : cond_wait(cond, self->timeout_ns);
    if (self->result == ETIMEDOUT) {
        CHECK(cond_now() >= earliest_ns, "timed out %" PRId64 " ns early", earliest_ns - cond_now());
        test.expired++;
    } else {
        CHECK_EQ(self->result, 0);
        CHECK(!with_pred, "returned with a false predicate");
        test.notified++;
    }
    test.left -= self->timeout_ns != COND_FOREVER;
    release();
    return NULL;
}

/* Found out during the run: a slow machine needs longer. */
struct pace {
    int64_t timeout_ns; /* so that no deadline passes before the last waiter has arrived */
    int64_t hold_ns;    /* so that all waiters notice theirs */
};

/* Whether all waiters with a deadline had expired, and one was still queued. */
static bool expire_some(struct pace *pace)
{
    unsigned expiring = (unsigned)rng_between(&rng, 1, 4);
    case_begin();
    test.left = expiring;
    for (unsigned i = 0; i <= expiring; i++) {
        bool last = i == expiring;
        members[i] = (struct member){
            .timeout_ns = last ? COND_FOREVER : rng_between(&rng, pace->timeout_ns / 4, pace->timeout_ns),
            .wanted = !last && rng_chance(&rng, 30),
        };
        members[i].thread = stress_start(wait_with_timeout, &members[i]);
        ACQUIRE_WHEN(cond, test.arrived == i + 1);
        release();
    }
    acquire();
    size_t queued = cond_waiters(cond);
    stress_sleep_until(cond_now() + pace->timeout_ns + pace->hold_ns);
    CHECK_EQ(cond_waiters(cond), queued); /* they cannot leave while this thread holds the lock */
    CHECK_OK(cond_notify(cond, 1));
    release();

    ACQUIRE_WHEN(cond, test.left == 0);
    bool all_expired = test.expired == expiring;
    if (all_expired) {
        CHECK(cond_waiters(cond) == 0, "the notification is lost: all others expired, and the last one waits");
    } else {
        CHECK_EQ(test.notified, 1);
        CHECK(cond_waiters(cond) == 1, "two were notified");
        CHECK_OK(cond_notify(cond, 1));
        test.notified--;
    }
    release();
    team_join(expiring + 1);
    CHECK_EQ(test.notified, 1);
    CHECK_EQ(members[expiring].result, 0);
    case_end(0);
    if (!all_expired)
        pace->hold_ns += pace->hold_ns / 4;
    else if (queued == 1)
        pace->timeout_ns += pace->timeout_ns / 4;
    return all_expired && queued > 1;
}

static void run_expired_is_skipped(void)
{
    unsigned skipped = 0, tries = 0, wanted = stress_rounds(30);
    struct pace pace = {.timeout_ns = COND_MS(2), .hold_ns = COND_MS(1)};
    for (; skipped < wanted; tries++)
        skipped += expire_some(&pace);
    printf("    %u skipped in %u rounds\n", skipped, tries);
}

/* ---- requeued_expires: notified, false again, queued again, and then the deadline passes ---- */

/*
 * The deadline counts as if no notify had happened, also when it passes between the notify and the return to the queue.
 * The notification passes to the next waiter.
 */
enum variant {
    HELD_PAST_DEADLINE,   /* notify, change back, and hold the lock until the deadline has passed */
    RELEASED_AT_ONCE,     /* the deadline passes when the waiter is queued again */
    RELEASED_AT_DEADLINE, /* ... or at that moment */
    STOLEN,               /* woken with a true predicate, but another thread acquires the lock first */
    VARIANTS
};

static void *wait_timed(void *arg)
{
    struct member *self = arg;
    acquire();
    test.arrived = 1;
    test.deadline_ns = cond_now() + self->timeout_ns;
    self->result = cond_wait_for(cond, flag_is_set, &self->flag, self->timeout_ns);
    test.returned_ns = cond_now();
    test.through = 1;
    CHECK(self->result == 0 || self->result == ETIMEDOUT, "the wait returned %d", self->result);
    CHECK((self->result == 0) == self->flag, "returned %d, and the predicate is %d", self->result, self->flag);
    CHECK(self->result == 0 || test.returned_ns >= test.deadline_ns, "timed out %" PRId64 " ns early",
          test.deadline_ns - test.returned_ns);
    self->flag = false;
    release();
    return NULL;
}

static void *wait_second(void *arg)
{
    struct member *self = arg;
    acquire();
    CHECK_OK(cond_wait_for(cond, flag_is_set, &self->flag, COND_FOREVER));
    release();
    return NULL;
}

/* Whether the first waiter was queued at the notify and timed out. */
static bool requeue_and_expire(enum variant variant, bool with_second, struct spread *late)
{
    struct member *first = &members[0], *second = &members[1];
    case_begin();
    *first = (struct member){.timeout_ns = rng_between(&rng, COND_MS(1), COND_MS(3))};
    *second = (struct member){.number = 1};
    first->thread = stress_start(wait_timed, first);
    ACQUIRE_WHEN(cond, test.arrived == 1);
    release();
    if (with_second) {
        second->thread = stress_start(wait_second, second);
        ACQUIRE_WHEN(cond, cond_waiters(cond) + test.through == 2);
    } else {
        acquire();
    }
    bool in_time = test.through == 0;
    second->flag = with_second;
    first->flag = in_time;
    CHECK_OK(cond_notify(cond, 1));
    if (variant == STOLEN) {
        release();
        acquire();
    }
    first->flag = false;
    if (variant == HELD_PAST_DEADLINE)
        stress_sleep_until(test.deadline_ns + rng_between(&rng, COND_US(100), COND_MS(1)));
    else if (variant == RELEASED_AT_DEADLINE)
        stress_spin_until(test.deadline_ns + rng_between(&rng, -COND_US(60), COND_US(60)));
    release();
    stress_join(first->thread);
    CHECK(variant == STOLEN || !in_time || first->result == ETIMEDOUT, "its predicate was never true at a release");
    if (with_second && first->result == 0) { /* it used the notification; otherwise that was passed on */
        acquire();
        CHECK_OK(cond_notify(cond, 1));
        release();
    }
    if (with_second)
        stress_join(second->thread);
    case_end(0);
    if (first->result == ETIMEDOUT)
        spread_add(late, test.returned_ns - test.deadline_ns);
    return in_time && first->result == ETIMEDOUT;
}

static void run_requeued_expires(void)
{
    struct spread late = {NULL, 0, 0};
    printf("    queued again and expired:");
    for (enum variant variant = 0; variant < VARIANTS; variant++) {
        unsigned expired = 0, rounds = stress_rounds(30);
        for (unsigned round = 0; round < rounds; round++)
            expired += requeue_and_expire(variant, round % 2, &late);
        printf(" %u of %u", expired, rounds);
    }
    printf("\n");
    spread_print(&late, "late");
}

/* ---- recursion: waits at random depths release all levels and restore them ---- */

enum { DEPTH_THREADS = 6, DEPTH_MAX = 12 };

static bool value_is_wanted(void *arg) { return test.value >= ((const struct member *)arg)->wanted; }

static void wait_somehow(struct member *self)
{
    int64_t timeout_ns = rng_chance(&self->rng, 50) ? COND_FOREVER : rng_between(&self->rng, 0, COND_US(100));
    int error;
    leave();
    if (rng_chance(&self->rng, 50)) {
        error = cond_wait(cond, timeout_ns);
    } else {
        self->wanted = test.value + (unsigned)rng_between(&self->rng, 0, 3);
        error = cond_wait_for(cond, value_is_wanted, self, timeout_ns);
        CHECK((error == 0) == value_is_wanted(self), "returned %d, and the value is %u of %u", error, test.value,
              self->wanted);
    }
    enter();
    CHECK(error == 0 || (error == ETIMEDOUT && timeout_ns != COND_FOREVER), "returned %d", error);
    *(error == 0 ? &test.notified : &test.expired) += 1;
}

static void *wait_at_depths(void *arg)
{
    struct member *self = arg;
    for (unsigned round = 0; round < test.rounds; round++) {
        unsigned depth = (unsigned)rng_between(&self->rng, 1, DEPTH_MAX);
        for (unsigned i = 0; i < depth; i++)
            CHECK_OK(rng_chance(&self->rng, 80) || i == 0 ? cond_acquire(cond) : cond_try_acquire(cond));
        enter();
        for (unsigned waits = (unsigned)rng_between(&self->rng, 1, 3); waits > 0; waits--) {
            wait_somehow(self);
            /* One level more or less before the next wait. */
            bool less = depth > 1 && rng_chance(&self->rng, 50);
            CHECK_OK(less ? cond_release(cond) : cond_acquire(cond));
            depth = less ? depth - 1 : depth + 1;
        }
        leave();
        for (; depth > 0; depth--) {
            CHECK(cond_owned(cond), "%u levels are missing", depth);
            release();
        }
        if (kind < PRIVATE_KINDS) /* ThreadSanitizer reports such a release of a pthread mutex */
            CHECK_RESULT(cond_release(cond), EPERM);
    }
    acquire();
    test.at_work--;
    release();
    return NULL;
}

static void run_recursion(void)
{
    case_begin();
    test.rounds = stress_rounds(1000);
    test.at_work = DEPTH_THREADS;
    team_start(DEPTH_THREADS, wait_at_depths);
    for (bool over = false; !over; stress_yield()) {
        unsigned depth = (unsigned)rng_between(&rng, 1, DEPTH_MAX);
        for (unsigned i = 0; i < depth; i++)
            acquire();
        enter();
        test.value++;
        CHECK_OK(rng_chance(&rng, 50) ? cond_notify_all(cond)
                                      : cond_notify(cond, (size_t)rng_between(&rng, 1, DEPTH_THREADS)));
        over = test.at_work == 0;
        leave();
        for (unsigned i = 0; i < depth; i++)
            release();
    }
    team_join(DEPTH_THREADS);
    printf("    %u notified, %u expired\n", test.notified, test.expired);
    case_end(0);
}

/* ---- The table ---- */

#define ON(one) (1u << (one))
enum { ALL = (1u << KINDS) - 1 };

static const struct scenario {
    const char *name;
    void (*run)(void);
    unsigned kinds;
} scenarios[] = {
    {"tokens", run_tokens, ALL},
    {"barrier", run_barrier, ALL},
    {"turns", run_turns, ON(OWN_RLOCK) | ON(OTHER_MUTEX) | ON(PTHREAD_NORMAL)},
    {"exact", run_exact, ON(OWN_RLOCK) | ON(OTHER_MUTEX) | ON(OWN_MUTEX) | ON(PTHREAD_NORMAL)},
    {"order", run_order, ALL},
    {"passes_on", run_passes_on, ALL},
    {"false_broadcast", run_false_broadcast, ON(OWN_RLOCK) | ON(OTHER_MUTEX)},
    {"change_after_notify", run_change_after_notify, ALL},
    {"expired_is_skipped", run_expired_is_skipped, ALL},
    {"requeued_expires", run_requeued_expires, ALL},
    {"recursion", run_recursion, ON(OWN_RLOCK) | ON(OTHER_RLOCK) | ON(PTHREAD_RECURSIVE)},
};

int main(int argc, char **argv)
{
    const char *only = stress_take(&argc, argv, "--only");
    unsigned found = 0;
    stress_begin(argc, argv);
    for (const struct scenario *s = scenarios; s != scenarios + sizeof scenarios / sizeof *scenarios; s++) {
        if (only != NULL && strcmp(only, s->name) != 0)
            continue;
        found++;
        rng = rng_make(0);
        for (unsigned round = 0; round < (s->run == run_exact ? stress_rounds(1) : 1); round++)
            for (kind = 0; kind < KINDS; kind++)
                if (s->kinds & ON(kind)) {
                    printf("  %s, %s\n", s->name, kind_names[kind]);
                    fflush(stdout); /* this is what hangs, if it hangs */
                    s->run();
                }
    }
    if (found == 0) {
        fprintf(stderr, "scenarios: there is no %s\n", only);
        return 2;
    }
    return 0;
}
