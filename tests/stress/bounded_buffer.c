/* SPDX-License-Identifier: MIT */
/*
 * Producers and consumers of a bounded buffer. No item is lost or duplicated, and no notification is: a lost one leaves
 * all threads asleep. Three sets of cases:
 *
 *      random      one condition, and everything is random: how many threads, how large the buffer, which kind of lock
 *                  and how deep, how they wait, notify and acquire
 *      two sides   producers wait on one condition and consumers on another, in while loops around a plain wait, and
 *                  each notifies one of the other side
 *      foreign     half of the threads use the foreign lock directly, as a program does that has it already: pthread
 *                  mutexes of three types, and a ticket lock with the required functions only
 */
#include "buffer.h"

enum { CONSUMERS_MAX = 16 };

/* ---- A ticket lock: strictly in order, and without an `owned` function ---- */

struct ticket_lock {
    pthread_mutex_t mutex;
    bool held; /* under the mutex, as all below */
    unsigned next, serving;
};

static void ticket_yield(struct ticket_lock *lock)
{
    CHECK_EQ(pthread_mutex_unlock(&lock->mutex), 0);
    stress_yield();
    CHECK_EQ(pthread_mutex_lock(&lock->mutex), 0);
}

static int ticket_acquire(void *object, int64_t deadline_ns)
{
    struct ticket_lock *lock = object;
    CHECK_EQ(pthread_mutex_lock(&lock->mutex), 0);
    /* A ticket cannot be given back. With a deadline, it is taken only if the lock is free. */
    while (deadline_ns != COND_FOREVER && (lock->held || lock->next != lock->serving)) {
        if (cond_now() >= deadline_ns) {
            CHECK_EQ(pthread_mutex_unlock(&lock->mutex), 0);
            return ETIMEDOUT;
        }
        ticket_yield(lock);
    }
    unsigned ticket = lock->next++;
    while (lock->held || lock->serving != ticket)
        ticket_yield(lock);
    lock->held = true;
    CHECK_EQ(pthread_mutex_unlock(&lock->mutex), 0);
    return 0;
}

static int ticket_release(void *object)
{
    struct ticket_lock *lock = object;
    CHECK_EQ(pthread_mutex_lock(&lock->mutex), 0);
    bool was_held = lock->held;
    lock->held = false;
    lock->serving += was_held;
    CHECK_EQ(pthread_mutex_unlock(&lock->mutex), 0);
    return was_held ? 0 : EPERM;
}

static const cond_lock_ops_t ticket_ops = {.acquire = ticket_acquire, .release = ticket_release};

/* ---- A case ---- */

/* Beside the kinds of lock of stress.h. */
enum { PTHREAD_ERRORCHECK = KINDS, TICKET, LOCKS };

static const char *lock_name(unsigned lock)
{
    return lock < KINDS ? kind_names[lock] : lock == TICKET ? "ticket lock" : "errorcheck pthread mutex";
}

static struct test {
    /* Fixed: */
    unsigned lock, producers, consumers;
    bool two_sides; /* two conditions */
    bool direct;    /* half of the threads use the foreign lock directly */
    /* Fixed, in percent: */
    unsigned with_predicate; /* cond_wait_for, not cond_wait in a loop */
    unsigned notify_one;     /* notify(1 or 2), not notify_all: needs predicates, or two sides */
    unsigned timed;          /* waits with a timeout */
    unsigned odd_acquire;    /* try_acquire and acquire_timed, not acquire */
    unsigned recursive;      /* several levels */

    struct subject subject;
    struct ticket_lock tickets;
    cond_t not_empty; /* with two sides, where consumers wait */
    struct buffer buffer;
} test;

struct worker {
    unsigned number;
    bool direct;
    struct rng rng;
    pthread_t thread;
};

static cond_t *condition_of(bool produces)
{
    return test.two_sides && !produces ? &test.not_empty : &test.subject.cond;
}

static void acquire_oddly(struct rng *rng)
{
    cond_t *cond = &test.subject.cond;
    for (int error = EBUSY; error != 0;) {
        if (rng_chance(rng, 50)) {
            error = cond_try_acquire(cond);
            CHECK(error == 0 || error == EBUSY, "try_acquire returned %d", error);
        } else {
            error = cond_acquire_timed(cond, rng_between(rng, -10, COND_US(30)));
            CHECK(error == 0 || error == ETIMEDOUT, "acquire_timed returned %d", error);
        }
        if (error != 0)
            stress_yield();
    }
}

static void acquire_once(struct worker *self)
{
    if (!self->direct)
        CHECK_OK(cond_acquire_timed(&test.subject.cond, rng_chance(&self->rng, 50) ? COND_FOREVER : COND_SEC(100000)));
    else if (test.lock == TICKET)
        CHECK_EQ(ticket_acquire(&test.tickets, COND_FOREVER), 0);
    else
        CHECK_EQ(pthread_mutex_lock(&test.subject.mutex), 0);
}

/* Returns the number of levels. */
static unsigned acquire(struct worker *self, bool produces)
{
    unsigned depth = 1;
    if (self->direct || (test.direct && rng_chance(&self->rng, 50)))
        acquire_once(self);
    else if (rng_chance(&self->rng, test.odd_acquire))
        acquire_oddly(&self->rng);
    else
        CHECK_OK(cond_acquire(condition_of(produces)));
    if (test.lock < KINDS && kind_is_recursive((enum kind)test.lock) && rng_chance(&self->rng, test.recursive))
        for (unsigned more = (unsigned)rng_between(&self->rng, 1, 4); more > 0; more--, depth++)
            acquire_once(self);
    buffer_enter(&test.buffer);
    return depth;
}

static void release(struct worker *self, bool produces, unsigned depth)
{
    buffer_leave(&test.buffer);
    for (; depth > 0; depth--) {
        if (!self->direct)
            CHECK_OK(cond_release(condition_of(produces)));
        else if (test.lock == TICKET)
            CHECK_EQ(ticket_release(&test.tickets), 0);
        else
            CHECK_EQ(pthread_mutex_unlock(&test.subject.mutex), 0);
    }
}

static void wait_until(struct worker *self, bool produces)
{
    cond_pred_t *ready = produces ? can_put : can_take;
    while (!ready(&test.buffer)) {
        int64_t timeout_ns = rng_timeout(&self->rng, test.timed, test.two_sides ? COND_US(50) : COND_US(100));
        bool with_predicate = rng_chance(&self->rng, test.with_predicate);
        buffer_leave(&test.buffer);
        int error = with_predicate ? cond_wait_for(condition_of(produces), ready, &test.buffer, timeout_ns)
                                   : cond_wait(condition_of(produces), timeout_ns);
        buffer_enter(&test.buffer);
        CHECK(error == 0 || (error == ETIMEDOUT && timeout_ns != COND_FOREVER), "wait returned %d", error);
        if (with_predicate)
            CHECK((error == 0) == ready(&test.buffer), "wait returned %d, and the predicate is %d", error,
                  ready(&test.buffer));
    }
}

/* Notify the other side. The last item ends the waits of all consumers. */
static void notify(struct worker *self, bool produces)
{
    cond_t *cond = condition_of(!produces);
    if (!rng_chance(&self->rng, test.notify_one))
        CHECK_OK(cond_notify_all(cond));
    else
        CHECK_OK(cond_notify(cond, test.two_sides || test.direct ? 1 : (size_t)rng_between(&self->rng, 1, 2)));
    if (buffer_is_done(&test.buffer))
        CHECK_OK(cond_notify_all(condition_of(false)));
}

static void *produce(void *arg)
{
    struct worker *self = arg;
    for (unsigned i = 0; i < test.buffer.per_producer; i++) {
        unsigned depth = acquire(self, true);
        wait_until(self, true);
        bool before = !test.two_sides && rng_chance(&self->rng, 20); /* a notify before the change is as good */
        if (before)
            notify(self, true);
        buffer_put(&test.buffer, self->number);
        if (!before)
            notify(self, true);
        release(self, true, depth);
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct worker *self = arg;
    for (bool done = false; !done;) {
        unsigned depth = acquire(self, false);
        wait_until(self, false);
        done = buffer_is_done(&test.buffer);
        if (!done)
            buffer_take(&test.buffer);
        notify(self, false);
        release(self, false, depth);
    }
    return NULL;
}

static void make_lock_and_conditions(void)
{
    cond_lock_t *lock = &test.subject.lock;
    if (test.lock < KINDS) {
        subject_make(&test.subject, (enum kind)test.lock);
    } else {
        pthread_mutex_make(&test.subject.mutex, PTHREAD_MUTEX_ERRORCHECK);
        pthread_mutex_make(&test.tickets.mutex, PTHREAD_MUTEX_NORMAL);
        CHECK_OK(test.lock == TICKET ? cond_lock_init_foreign(lock, &ticket_ops, &test.tickets)
                                     : stress_adopt(lock, &test.subject.mutex));
        test.subject.kind = PTHREAD_NORMAL; /* how to destroy it */
        CHECK_OK(cond_init(&test.subject.cond, lock, 0));
        stress_describe(&test.subject.cond);
    }
    CHECK_OK(cond_init(&test.not_empty, cond_get_lock(&test.subject.cond), 0));
}

static void destroy_lock_and_conditions(void)
{
    CHECK_EQ(cond_waiters(&test.subject.cond) + cond_waiters(&test.not_empty), 0);
    CHECK_OK(cond_destroy(&test.not_empty));
    subject_unmake(&test.subject);
    if (test.lock >= KINDS)
        CHECK_EQ(pthread_mutex_destroy(&test.tickets.mutex), 0);
}

/* What is set in `value`; the rest is zero. */
static void run_case(struct test value, unsigned capacity, unsigned items, struct rng *rng)
{
    struct worker workers[PRODUCERS_MAX + CONSUMERS_MAX];
    unsigned count = value.producers + value.consumers;
    test = value;
    printf("  %u producers, %u consumers, capacity %u, %s%s%s, predicates %u%%, notify(1) %u%%, timed %u%%, "
           "odd acquires %u%%, recursive %u%%\n",
           test.producers, test.consumers, capacity, lock_name(test.lock), test.two_sides ? ", two sides" : "",
           test.direct ? ", half direct" : "", test.with_predicate, test.notify_one, test.timed, test.odd_acquire,
           test.recursive);
    fflush(stdout); /* this is what hangs, if it hangs */
    buffer_make(&test.buffer, capacity, test.producers, items / test.producers);
    make_lock_and_conditions();
    TEAM_START(workers, count, i < test.producers ? produce : consume, .number = i, .direct = test.direct && i % 2,
               .rng = rng_make(rng_next(rng)));
    TEAM_JOIN(workers, count);
    buffer_check(&test.buffer);
#if !defined(__GLIBC__) || !defined(__linux__) /* whose recursive mutexes can be asked for their owner */
    if (test.lock != PTHREAD_RECURSIVE)
#endif
        if (test.direct)
            CHECK_RESULT(cond_notify_all(&test.subject.cond), EPERM); /* no thread holds the lock */
    destroy_lock_and_conditions();
}

static unsigned often(struct rng *rng)
{
    static const unsigned percent[] = {0, 0, 20, 50, 100};
    return percent[rng_next(rng) % (sizeof percent / sizeof percent[0])];
}

static void run_random(struct rng *rng)
{
    struct test value = {.lock = (unsigned)(rng_next(rng) % KINDS)};
    value.producers = (unsigned)rng_between(rng, 1, rng_chance(rng, 50) ? 3 : PRODUCERS_MAX);
    value.consumers = (unsigned)rng_between(rng, 1, rng_chance(rng, 50) ? 3 : CONSUMERS_MAX);
    unsigned capacity = (unsigned)rng_between(rng, 1, rng_chance(rng, 50) ? 2 : CAPACITY_MAX);
    value.with_predicate = rng_chance(rng, 40) ? 100 : often(rng);
    /* A notify(1) that chooses a plain waiter of the wrong side is used up: that is the caller's mistake. */
    value.notify_one = value.with_predicate == 100 ? 100 - often(rng) : 0;
    value.timed = often(rng);
    value.odd_acquire = often(rng);
    value.recursive = often(rng);
    run_case(value, capacity, 3000, rng);
}

static void run_two_sides(unsigned lock, unsigned timed, struct rng *rng)
{
    struct test value = {.lock = lock, .two_sides = true, .timed = timed, .notify_one = 100};
    value.producers = (unsigned)rng_between(rng, 1, PRODUCERS_MAX);
    value.consumers = (unsigned)rng_between(rng, 1, CONSUMERS_MAX / 2);
    run_case(value, (unsigned)rng_between(rng, 1, 10), stress_rounds(8000), rng);
}

static void run_foreign(unsigned lock, bool one, struct rng *rng)
{
    struct test value = {.lock = lock, .direct = true, .timed = 20, .recursive = 75, .producers = 4, .consumers = 4};
    value.with_predicate = one ? 100 : 50;
    value.notify_one = one ? 100 : 0;
    run_case(value, (unsigned)rng_between(rng, 1, 5), stress_rounds(4000), rng);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (unsigned round = 0; round < stress_rounds(60); round++)
        run_random(&rng);
    for (unsigned lock = 0; lock < KINDS; lock++)
        for (unsigned timed = 0; timed <= 50; timed += 50)
            run_two_sides(lock, timed, &rng);
    for (unsigned lock = KINDS > PRIVATE_KINDS ? PTHREAD_NORMAL : TICKET; lock < LOCKS; lock++)
        for (int one = 0; one < 2; one++)
            run_foreign(lock, one, &rng);
    return 0;
}
