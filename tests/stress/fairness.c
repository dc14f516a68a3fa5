/* SPDX-License-Identifier: MIT */
/*
 * No thread and no task starves at the lock. Some hold it nearly always and acquire it again at once, until all others
 * have had their share. If one starves, this program does not end. It prints how long they waited; starvation.c judges
 * that. Four cases:
 *
 *      repeat      16 threads acquire and release, again and again
 *      holders     threads that hold the lock for a while, beside a plain acquirer, one with a timeout that it never
 *                  reaches, and a waiter that is notified
 *      ring        waiters that notify each other, so that each release wakes one, beside two acquirers
 *      tasks       16 tasks on a loop acquire again as soon as they have released, so a release always finds a task.
 *                  Threads acquire again at once, or with a timeout, or wait and are notified by the tasks
 *
 * Private locks only: for others, no library can promise it.
 */
#include "loop.h"

enum { MEMBERS_MAX = 16, TASKS = 16 };

static struct {
    unsigned share;  /* fixed: how often each must acquire the lock */
    int64_t hold_ns; /* fixed: how long some hold it */
    struct subject subject;
    struct loop loop;
    unsigned inside;     /* under the lock, as all below: how many hold it */
    unsigned unserved;   /* threads and tasks without their share */
    unsigned tasks_left; /* tasks that have not ended */
    bool waiting;        /* the waiter is to be notified */
    int64_t notified_ns; /* when it was */
    atomic_uint held;    /* how often a thread that holds the lock for a while has acquired it */
} test;

static cond_t *const cond = &test.subject.cond;

struct member {
    unsigned number, had; /* had: how often it has acquired the lock */
    pthread_t thread;
    struct spread waited;
};

static void release(void) { CHECK_OK(cond_release(cond)); }

/* Caller must hold the lock. */
static void hold(int64_t ns)
{
    CHECK_EQ(test.inside++, 0);
    if (ns > 0)
        stress_spin_until(cond_now() + ns);
    CHECK_EQ(--test.inside, 0);
}

static void count_share(unsigned *had)
{
    if (++*had == test.share)
        test.unserved--;
}

static void case_begin(enum kind kind, unsigned share, int64_t hold_ns, unsigned unserved)
{
    memset((void *)&test, 0, sizeof test);
    test.share = share;
    test.hold_ns = hold_ns;
    test.unserved = unserved;
    subject_make(&test.subject, kind);
}

static void print_waited(struct member *members, unsigned count, const char *what)
{
    struct spread all = {NULL, 0, 0};
    for (unsigned i = 0; i < count; i++) {
        for (size_t j = 0; j < members[i].waited.count; j++)
            spread_add(&all, members[i].waited.values[j]);
        free(members[i].waited.values);
    }
    spread_print(&all, what);
}

/* ---- repeat ---- */

static void *repeat(void *arg)
{
    struct member *self = arg;
    for (bool over = false; !over; release()) {
        int64_t before_ns = cond_now();
        CHECK_OK(cond_acquire(cond));
        if (self->had < test.share)
            spread_add(&self->waited, cond_now() - before_ns);
        hold(0);
        if (self->had % 16 == self->number)
            stress_yield(); /* as if its time slice ended while it holds the lock */
        count_share(&self->had);
        over = test.unserved == 0;
    }
    return NULL;
}

static void run_repeat(enum kind kind)
{
    struct member members[MEMBERS_MAX];
    case_begin(kind, stress_rounds(1000), 0, MEMBERS_MAX);
    TEAM_START(members, MEMBERS_MAX, repeat, .number = i);
    TEAM_JOIN(members, MEMBERS_MAX);
    subject_unmake(&test.subject);
    print_waited(members, MEMBERS_MAX, "16 threads repeat");
}

/* ---- holders, and what runs beside them ---- */

enum { PLAIN, TIMED, WAITER, ROLES };

static void *hold_again_and_again(void *arg)
{
    for (bool over = false; !over; release()) {
        CHECK_OK(cond_acquire(cond));
        (void)atomic_fetch_add_explicit(&test.held, 1, memory_order_relaxed);
        hold(test.hold_ns);
        if (test.waiting) {
            test.waiting = false;
            test.notified_ns = cond_now();
            CHECK_OK(cond_notify(cond, 1));
        }
        over = test.unserved == 0;
    }
    return arg;
}

static void *acquire_beside(void *arg)
{
    struct member *self = arg;
    while (self->had < test.share) {
        /* Begin while another thread holds the lock, and only once if none does. */
        unsigned held = atomic_load_explicit(&test.held, memory_order_relaxed);
        while (atomic_load_explicit(&test.held, memory_order_relaxed) == held)
            stress_yield();
        int64_t before_ns = cond_now();
        CHECK_OK(self->number == TIMED ? cond_acquire_timed(cond, COND_SEC(100000)) : cond_acquire(cond));
        if (self->number == WAITER) {
            test.waiting = true;
            CHECK_OK(cond_wait(cond, COND_FOREVER));
            before_ns = test.notified_ns;
        }
        spread_add(&self->waited, cond_now() - before_ns);
        hold(0);
        count_share(&self->had);
        release();
    }
    return NULL;
}

static void run_holders(enum kind kind, unsigned holders, int64_t hold_ns)
{
    static const char *const names[ROLES] = {"acquire beside holders", "acquire_timed beside holders",
                                             "notified waiter beside holders"};
    struct member members[MEMBERS_MAX];
    case_begin(kind, stress_rounds(100), hold_ns, ROLES);
    TEAM_START(members, ROLES + holders, i < ROLES ? acquire_beside : hold_again_and_again, .number = i);
    TEAM_JOIN(members, ROLES + holders);
    subject_unmake(&test.subject);
    for (unsigned i = 0; i < ROLES; i++)
        print_waited(&members[i], 1, names[i]);
}

/* ---- ring ---- */

enum { RING = 4, RING_ACQUIRERS = 2 };

/* Each notifies the next and waits: each release wakes a waiter, and the lock is never free for long. */
static void *pass_round(void *arg)
{
    CHECK_OK(cond_acquire(cond));
    while (test.unserved != 0) {
        (void)atomic_fetch_add_explicit(&test.held, 1, memory_order_relaxed);
        hold(test.hold_ns);
        CHECK_OK(cond_notify(cond, 1));
        if (cond_waiters(cond) < RING - 1) /* a woken thread will notify this one */
            CHECK_OK(cond_wait(cond, COND_FOREVER));
    }
    CHECK_OK(cond_notify_all(cond));
    release();
    return arg;
}

static void run_ring(enum kind kind)
{
    struct member members[MEMBERS_MAX];
    case_begin(kind, stress_rounds(100), COND_US(100), RING_ACQUIRERS);
    TEAM_START(members, RING_ACQUIRERS + RING, i < RING_ACQUIRERS ? acquire_beside : pass_round, .number = i);
    TEAM_JOIN(members, RING_ACQUIRERS + RING);
    subject_unmake(&test.subject);
    print_waited(members, RING_ACQUIRERS, "acquire beside a ring of notified waiters");
}

/* ---- tasks ---- */

struct client {
    struct post post;
    cond_task_t task;
    unsigned had;
};

static void use_lock(unsigned *had)
{
    CHECK_EQ(test.inside++, 0);
    count_share(had);
    if (*had % 16 == 0)
        stress_yield(); /* as if its time slice ended while it holds the lock */
    CHECK_EQ(--test.inside, 0);
}

/* The task holds the lock. This is called again when it holds it again. */
static void run_client(struct post *post)
{
    struct client *self = (struct client *)((uintptr_t)post - offsetof(struct client, post));
    use_lock(&self->had);
    CHECK_OK(cond_task_notify(cond, &self->task, 1));
    bool over = test.unserved == 0;
    bool last = over && --test.tasks_left == 0;
    CHECK_OK(cond_task_release(cond, &self->task));
    if (last)
        loop_stop(&test.loop);
    if (over)
        return;
    int result = cond_task_acquire(cond, &self->task);
    if (result == EINPROGRESS)
        return;
    CHECK_OK(result);
    loop_post(&test.loop, &self->post);
}

static void on_ready(cond_task_t *task, int result)
{
    struct client *self = cond_task_user(task);
    CHECK_OK(result);
    loop_post(&test.loop, &self->post);
}

static void *run_beside_tasks(void *arg)
{
    struct member *self = arg;
    for (bool over = false; !over; release()) {
        int64_t before_ns = cond_now();
        CHECK_OK(self->number == TIMED ? cond_acquire_timed(cond, COND_SEC(100000)) : cond_acquire(cond));
        if (self->number == WAITER)
            CHECK_OK(cond_wait(cond, COND_FOREVER));
        if (self->had < test.share)
            spread_add(&self->waited, cond_now() - before_ns);
        use_lock(&self->had);
        if (test.hold_ns > 0)
            stress_spin_until(cond_now() + test.hold_ns);
        /* A waiter ends with its share: it could wait for ever when the tasks have ended. */
        over = test.unserved == 0 || (self->number == WAITER && self->had >= test.share);
    }
    return NULL;
}

static void run_tasks(enum kind kind, unsigned threads, unsigned share, int64_t hold_ns)
{
    struct client clients[TASKS];
    struct member members[MEMBERS_MAX];
    case_begin(kind, share, hold_ns, TASKS + threads);
    test.tasks_left = TASKS;
    loop_start(&test.loop);
    /* All tasks want the lock before the first one runs. */
    CHECK_OK(cond_acquire(cond));
    for (unsigned i = 0; i < TASKS; i++) {
        clients[i] = (struct client){.post = {.run = run_client}};
        CHECK_OK(cond_task_init(&clients[i].task, on_ready, &clients[i]));
        CHECK_RESULT(cond_task_acquire(cond, &clients[i].task), EINPROGRESS);
    }
    /* One waiter, one with a timeout, and the others plain. */
    TEAM_START(members, threads, run_beside_tasks, .number = i == 0 ? WAITER : i == 1 ? TIMED : PLAIN);
    release();
    TEAM_JOIN(members, threads);
    loop_join(&test.loop);
    for (unsigned i = 0; i < TASKS; i++)
        CHECK(clients[i].had >= test.share, "task %u had the lock %u times", i, clients[i].had);
    subject_unmake(&test.subject);
    print_waited(&members[0], 1, "notified waiter beside tasks");
    print_waited(&members[1], 1, "acquire_timed beside tasks");
    print_waited(&members[2], threads - 2, "acquire beside tasks");
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    for (enum kind kind = 0; kind < PRIVATE_KINDS; kind++) {
        printf("  %s:\n", kind_names[kind]);
        fflush(stdout); /* this is what hangs, if it hangs */
        run_repeat(kind);
        run_holders(kind, kind % 2 ? 1 : 3, kind < 2 ? COND_US(20) : COND_US(200));
        run_ring(kind);
        run_tasks(kind, 4, stress_rounds(50), 0);
        /* So many, and for so long, that a thread always starves. */
        run_tasks(kind, 12, stress_rounds(10), COND_US(200));
    }
    return 0;
}
