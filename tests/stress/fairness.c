/* SPDX-License-Identifier: MIT */
/*
 * No thread starves at the lock. Some threads hold it nearly always and acquire it again at once, until all others have
 * had their share: a plain acquirer, one with a timeout that it never reaches, and a waiter that was notified. If a
 * thread starves, this program does not end. It prints how long they waited; starvation.c judges that.
 *
 * Private locks only: for others, no library can promise it.
 */
#include "stress.h"

enum { HAMMERERS = 16, HOGS_MAX = 3, VICTIMS = 3 };

struct test {
    struct subject subject;
    unsigned share;         /* fixed: how often each must acquire the lock */
    int64_t hold_ns;        /* fixed: how long a hog holds the lock */
    unsigned ring;          /* fixed: how many hand it round */
    unsigned inside;        /* under the lock, as all below */
    unsigned hungry;        /* threads without their share */
    bool waiting;
    int64_t notified_ns;    /* when the waiter was notified */
    atomic_uint hogged;     /* how often a hog has had the lock */
};

struct member {
    struct test *test;
    pthread_t thread;
    unsigned number;
    struct spread waited;
};

static void be_inside(struct test *test, int64_t ns)
{
    CHECK_EQ(test->inside++, 0);
    if (ns > 0)
        stress_spin_until(cond_now() + ns);
    CHECK_EQ(--test->inside, 0);
}

static void *hammer(void *arg)
{
    struct member *self = arg;
    struct test *test = self->test;
    bool all_served = false;
    for (unsigned had = 0; !all_served;) {
        int64_t before_ns = cond_now();
        CHECK_OK(cond_acquire(&test->subject.cond));
        if (had < test->share)
            spread_add(&self->waited, cond_now() - before_ns);
        be_inside(test, 0);
        if (had % 16 == self->number)
            stress_yield(); /* as if its time slice ended while it holds the lock */
        if (++had == test->share)
            test->hungry--;
        all_served = test->hungry == 0;
        CHECK_OK(cond_release(&test->subject.cond));
    }
    return NULL;
}

static void *hog(void *arg)
{
    struct member *self = arg;
    struct test *test = self->test;
    for (bool all_served = false; !all_served;) {
        CHECK_OK(cond_acquire(&test->subject.cond));
        (void)atomic_fetch_add_explicit(&test->hogged, 1, memory_order_relaxed);
        be_inside(test, test->hold_ns);
        if (test->waiting) {
            test->waiting = false;
            test->notified_ns = cond_now();
            CHECK_OK(cond_notify(&test->subject.cond, 1));
        }
        all_served = test->hungry == 0;
        CHECK_OK(cond_release(&test->subject.cond));
    }
    return NULL;
}

static void *be_victim(void *arg)
{
    struct member *self = arg;
    struct test *test = self->test;
    cond_t *cond = &test->subject.cond;
    for (unsigned had = 0; had < test->share; had++) {
        /* Acquire when a hog holds the lock, and once only if it does not. */
        unsigned hogged = atomic_load_explicit(&test->hogged, memory_order_relaxed);
        while (atomic_load_explicit(&test->hogged, memory_order_relaxed) == hogged)
            stress_yield();
        int64_t before_ns = cond_now();
        if (self->number == 1)
            CHECK_OK(cond_acquire_timed(cond, COND_SEC(100000)));
        else
            CHECK_OK(cond_acquire(cond));
        if (self->number == 2) {
            test->waiting = true;
            CHECK_OK(cond_wait(cond, COND_FOREVER));
            before_ns = test->notified_ns;
        }
        spread_add(&self->waited, cond_now() - before_ns);
        be_inside(test, 0);
        if (had + 1 == test->share)
            test->hungry--;
        CHECK_OK(cond_release(cond));
    }
    return NULL;
}

/* ---- Notified waiters that hand the lock round ---- */

/* Each notifies the next and waits: each release wakes a waiter, and the lock is never free for long. */
static void *hand_round(void *arg)
{
    struct member *self = arg;
    struct test *test = self->test;
    cond_t *cond = &test->subject.cond;
    CHECK_OK(cond_acquire(cond));
    while (test->hungry != 0) {
        (void)atomic_fetch_add_explicit(&test->hogged, 1, memory_order_relaxed);
        be_inside(test, test->hold_ns);
        CHECK_OK(cond_notify(cond, 1));
        if (cond_waiters(cond) < test->ring - 1) /* a woken thread will notify this one */
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

static void test_hammer(enum kind kind)
{
    struct test test = {.share = stress_rounds(1000), .hungry = HAMMERERS};
    struct member members[HAMMERERS];
    subject_make(&test.subject, kind);
    TEAM_START(members, HAMMERERS, hammer, .test = &test, .number = i);
    TEAM_JOIN(members, HAMMERERS);
    subject_unmake(&test.subject);
    print_all(members, HAMMERERS, "16 threads hammer");
}

static void test_hogs(enum kind kind, unsigned hogs, int64_t hold_ns)
{
    static const char *const names[VICTIMS] = {"acquire beside hogs", "acquire_timed beside hogs",
                                               "notified waiter beside hogs"};
    struct test test = {.share = stress_rounds(100), .hungry = VICTIMS, .hold_ns = hold_ns};
    struct member members[VICTIMS + HOGS_MAX];
    subject_make(&test.subject, kind);
    TEAM_START(members, VICTIMS + hogs, i < VICTIMS ? be_victim : hog, .test = &test, .number = i);
    TEAM_JOIN(members, VICTIMS + hogs);
    subject_unmake(&test.subject);
    for (unsigned i = 0; i < VICTIMS; i++)
        print_all(&members[i], 1, names[i]);
}

static void test_ring(enum kind kind)
{
    enum { RING = 4, ACQUIRERS = 2 };
    struct test test = {
        .share = stress_rounds(100), .hungry = ACQUIRERS, .hold_ns = COND_US(100), .ring = RING};
    struct member members[ACQUIRERS + RING];
    subject_make(&test.subject, kind);
    TEAM_START(members, ACQUIRERS + RING, i < ACQUIRERS ? be_victim : hand_round, .test = &test, .number = i);
    TEAM_JOIN(members, ACQUIRERS + RING);
    subject_unmake(&test.subject);
    print_all(members, ACQUIRERS, "acquire beside a ring of notified waiters");
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    for (enum kind kind = 0; kind < PRIVATE_KINDS; kind++) {
        printf("  %s:\n", kind_names[kind]);
        test_hammer(kind);
        test_hogs(kind, kind % 2 ? 1 : HOGS_MAX, kind < 2 ? COND_US(20) : COND_US(200));
        test_ring(kind);
    }
    return 0;
}
