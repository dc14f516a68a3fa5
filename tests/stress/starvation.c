/* SPDX-License-Identifier: MIT */
/*
 * No thread or task starves at a private lock. A request is an attempt to get the lock: it begins when
 * a thread or a task calls acquire, when a notify chooses a waiter, or when a waiter's deadline passes, and it
 * ends when the lock is held. A request that has waited for the starvation threshold, about a millisecond,
 * may be overtaken a small number of times from then on, whatever else competes and however long the lock is held.
 * This program counts it. A request is overtaken when a request that began later gets the lock.
 *
 *      PROGRAM [--scale N] [--seed S] [--unfair]
 *
 * The competitors want the lock all the time, so the lock is nearly never free:
 *
 *      turns       two threads: each notifies the other one and waits
 *      holder      acquires and releases, again and again
 *      task        the same, on an event loop; every fourth time it waits and is notified
 *
 * Beside them are threads that hold the lock for no time:
 *
 *      acquirer    acquires and releases, again and again
 *      timed       the same with a timeout; every second timeout is short, and the thread gives up then
 *      expired     waits with a timeout; it is notified while its predicate is false, and its deadline passes before
 *                  the lock is released
 *      notified    waits until its predicate is true, and is notified
 *
 * What is judged: how often a request was overtaken after it had waited for the threshold.
 *
 *   - At most one overtaking in a millisecond is counted (all are printed in brackets), and one less for each
 *     millisecond in which the thread was runnable and had no core (Linux says how long that was). The lock cannot see
 *     that a thread has no core, and must not stay free for it for long. If the lock is held for a microsecond, it
 *     changes hands thousands of times meanwhile. If it is held for a millisecond or longer, nearly each overtaking is
 *     counted.
 *   - One request in a hundred may exceed the bound, and one in any case; none may exceed it MAX_FACTOR times.
 *     Otherwise the scenario is run again; it is unfair if that happens three times in a row. (On a busy machine a
 *     woken thread may have no core, and all that sleep behind it wait; but hardly three times in a row.)
 *   - A request that waits for LIMIT_NS after the end of the scenario has starved. That is unfair at once.
 *
 * With --unfair the lock is one of this program's own, and the program fails if it is not found unfair.
 */
#include "loop.h"

#define THRESHOLD_NS COND_US(1200)  /* the library's, and a little more: clocks are read before and after */
#define APART_NS COND_US(900)       /* of two overtakings that are closer together one is counted */
#define LIMIT_NS COND_SEC(2)        /* still waiting so long after the end of a scenario: starved */
#define TIMEOUT_NS COND_MS(10)      /* of `expired` */
#define SHORT_TIMEOUT_NS COND_MS(2) /* of `timed` */
#define NO_REQUEST INT64_MAX

enum { MEMBERS_MAX = 24, MAX_FACTOR = 4, TRIES = 3 };
enum role { TURNS, HOLDER, TASK, ACQUIRER, TIMED, EXPIRED, NOTIFIED, ROLES };

static const char *const role_names[ROLES] = {
    "turns", "holder", "task", "acquirer", "timed", "expired", "notified",
};

/* The members of a scenario, and how long the lock is held. */
struct scenario {
    const char *name;
    unsigned competitors; /* threads that hold the lock for a while; tasks, where there are none */
    unsigned members[ROLES];
};

struct hold {
    int64_t ns;
    bool asleep; /* else it computes */
    int64_t duration_ns;
};

struct test {
    cond_lock_t lock;
    struct loop loop;
    const struct hold *hold;
    struct member *members;
    unsigned count;
    atomic_bool ending;        /* the time is over: members that are no competitors leave after their request */
    atomic_bool over;          /* all leave, and nothing is counted any more */
    atomic_uint victims_there; /* members that are no competitors and have not left */
    atomic_uint members_there; /* all that have not left */
    unsigned inside;           /* under the lock: how many hold it */
};

struct member {
    struct test *test;
    enum role role;
    pthread_t thread;
    cond_t cond; /* no other member waits here, so a notify chooses this one */
    cond_task_t task;
    struct post post;
    struct member *partner;  /* of `turns` */
    unsigned requests;       /* by itself only, as the next two */
    int64_t without_core_ns; /* without_core(), before its request */
    int64_t noted_ns;        /* when that was read */
    bool waits;              /* under the lock: is to be notified */
    bool ready;              /* under the lock: its predicate */
    int64_t expires_ns;      /* under the lock: is to be notified shortly before; or NO_REQUEST */
    /* Relaxed: by the member itself without the lock, by others under it. A count may be off by one. */
    _Atomic int64_t since_ns;   /* when its request begins or has begun; or NO_REQUEST */
    _Atomic int64_t counted_ns; /* when the last overtaking was counted */
    atomic_uint overtaken;      /* its request, after it had waited for the threshold: as is counted */
    atomic_uint all;            /* the same: all overtakings */
    /* Under the lock: of the requests that have waited for the threshold. */
    struct spread counts;
    unsigned most; /* all overtakings of one request */
    int64_t longest_ns;
};

/* How often a request may be overtaken: by the contract 8 times with a few competing threads. */
static unsigned bound_of(const struct scenario *scenario)
{
    return scenario->competitors <= 4 ? 8 : 2 * scenario->competitors + 8;
}

/* ---- A lock that is not fair: others get it only if no thread that takes turns has wanted it for a while ---- */

static _Thread_local bool is_favoured;
static atomic_bool unfair_held;
static _Atomic int64_t unfair_released_ns;

static int unfair_acquire(void *object, int64_t deadline_ns)
{
    (void)object;
    for (;;) {
        int64_t now_ns = cond_now();
        if ((is_favoured || now_ns - atomic_load(&unfair_released_ns) > COND_SEC(1)) &&
            !atomic_exchange(&unfair_held, true))
            return 0;
        if (now_ns >= deadline_ns)
            return ETIMEDOUT;
        if (is_favoured)
            stress_yield();
        else
            stress_sleep_until(now_ns + COND_MS(1));
    }
}

static int unfair_release(void *object)
{
    (void)object;
    atomic_store(&unfair_released_ns, cond_now());
    atomic_store(&unfair_held, false);
    return 0;
}

static const cond_lock_ops_t unfair_ops = {.acquire = unfair_acquire, .release = unfair_release};

/* ---- For how long a thread had no core ---- */

/* In nanoseconds, since it was started: runnable, and not running. 0 where the system does not say it. */
static int64_t without_core(void)
{
    int64_t running_ns, waiting_ns = 0;
    FILE *file = fopen("/proc/thread-self/schedstat", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%" SCNd64 " %" SCNd64, &running_ns, &waiting_ns) != 2)
        waiting_ns = 0;
    (void)fclose(file);
    return waiting_ns;
}

/* ---- Requests ---- */

static void request_begin(struct member *self, int64_t ns)
{
    atomic_store_explicit(&self->overtaken, 0, memory_order_relaxed);
    atomic_store_explicit(&self->all, 0, memory_order_relaxed);
    atomic_store_explicit(&self->counted_ns, 0, memory_order_relaxed);
    atomic_store_explicit(&self->since_ns, ns, memory_order_relaxed);
}

static void request_cancel(struct member *self)
{
    atomic_store_explicit(&self->since_ns, NO_REQUEST, memory_order_relaxed);
}

static bool is_over(struct test *test) { return atomic_load_explicit(&test->over, memory_order_relaxed); }

/* Before the thread's own request. (Reading costs about as much as a sleep, so it is rare.) */
static void note_without_core(struct member *self)
{
    int64_t now_ns = cond_now();
    if (now_ns - self->noted_ns > COND_US(200)) {
        self->noted_ns = now_ns;
        self->without_core_ns = without_core();
    }
}

/* The lock is held, and so one member at a time is here. */
static void overtake(struct member *other, int64_t now_ns)
{
    (void)atomic_fetch_add_explicit(&other->all, 1, memory_order_relaxed);
    if (now_ns - atomic_load_explicit(&other->counted_ns, memory_order_relaxed) < APART_NS)
        return;
    atomic_store_explicit(&other->counted_ns, now_ns, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&other->overtaken, 1, memory_order_relaxed);
}

/* The caller has the lock. */
static void request_end(struct member *self)
{
    struct test *test = self->test;
    int64_t since_ns = atomic_load_explicit(&self->since_ns, memory_order_relaxed);
    int64_t now_ns = cond_now();
    for (struct member *other = test->members; other != test->members + test->count && !is_over(test);
         other++) {
        int64_t other_ns = atomic_load_explicit(&other->since_ns, memory_order_relaxed);
        if (other_ns < since_ns && now_ns - other_ns > THRESHOLD_NS)
            overtake(other, now_ns);
    }
    request_cancel(self);
    if (now_ns - since_ns <= THRESHOLD_NS)
        return;
    int64_t overtaken = atomic_load_explicit(&self->overtaken, memory_order_relaxed);
    if (overtaken > 0 && self->role != TASK) {
        overtaken -= (without_core() - self->without_core_ns + APART_NS / 2) / APART_NS;
        self->noted_ns = 0;
    }
    spread_add(&self->counts, overtaken < 0 ? 0 : overtaken);
    unsigned all = atomic_load_explicit(&self->all, memory_order_relaxed);
    if (self->most < all)
        self->most = all;
    if (self->longest_ns < now_ns - since_ns)
        self->longest_ns = now_ns - since_ns;
}

/* ---- What is done with the lock held ---- */

static void notify(struct member *self, struct member *other)
{
    if (self != NULL && self->role == TASK)
        CHECK_OK(cond_task_notify(&other->cond, &self->task, 1));
    else
        CHECK_OK(cond_notify(&other->cond, 1));
}

/* `self` is NULL for the main thread. */
static void notify_waiter(struct member *self, struct member *other)
{
    if (other->waits) {
        other->waits = false;
        other->ready = true;
        request_begin(other, cond_now());
        notify(self, other);
    }
}

static bool is_competitor(const struct member *self) { return self->role <= TASK; }

/* Notify all members that are to be notified, and hold the lock for a while. */
static void use_lock(struct member *self)
{
    struct test *test = self->test;
    int64_t now_ns = cond_now();
    int64_t hold_ns = is_competitor(self) ? test->hold->ns : 0;
    int64_t last_ns = now_ns; /* the latest deadline of members notified with false predicates */
    CHECK_EQ(test->inside++, 0);
    for (struct member *other = test->members; other != test->members + test->count; other++) {
        if (other->role != TURNS || other == self->partner)
            notify_waiter(self, other);
        if (other->expires_ns > now_ns && other->expires_ns - now_ns < hold_ns + COND_MS(1)) {
            notify(self, other);
            if (last_ns < other->expires_ns)
                last_ns = other->expires_ns;
            other->expires_ns = NO_REQUEST;
        }
    }
    if (hold_ns > 0 && test->hold->asleep)
        stress_sleep_until(now_ns + hold_ns);
    else if (hold_ns > 0)
        stress_spin_until(now_ns + hold_ns);
    stress_spin_until(last_ns + (last_ns > now_ns ? COND_US(50) : 0));
    CHECK_EQ(--test->inside, 0);
}

static bool is_to_leave(struct member *self)
{
    return atomic_load_explicit(is_competitor(self) ? &self->test->over : &self->test->ending,
                                memory_order_relaxed);
}

static void leave(struct member *self)
{
    if (!is_competitor(self))
        (void)atomic_fetch_sub(&self->test->victims_there, 1);
    (void)atomic_fetch_sub(&self->test->members_there, 1);
}

/* ---- The roles ---- */

static void acquire(struct member *self)
{
    cond_lock_t *lock = &self->test->lock;
    int error = ETIMEDOUT;
    while (error == ETIMEDOUT) {
        note_without_core(self);
        request_begin(self, cond_now());
        if (self->role != TIMED)
            error = cond_lock_acquire(lock);
        else if (self->requests++ % 2 == 0)
            error = cond_lock_acquire_timed(lock, COND_SEC(1000));
        else
            error = cond_lock_acquire_timed(lock, SHORT_TIMEOUT_NS);
        if (error == ETIMEDOUT)
            request_cancel(self);
    }
    CHECK_OK(error);
}

static bool never(void *arg) { (void)arg; return false; }

static bool is_ready(void *arg)
{
    struct member *self = arg;
    return self->ready;
}

/* Release the lock and acquire it again. */
static void reacquire(struct member *self)
{
    note_without_core(self);
    if (self->role == TURNS) {
        self->waits = true;
        CHECK_OK(cond_wait(&self->cond, COND_FOREVER));
    } else if (self->role == NOTIFIED) {
        self->waits = true;
        self->ready = false;
        CHECK_OK(cond_wait_for(&self->cond, is_ready, self, COND_FOREVER));
    } else if (self->role == EXPIRED) {
        self->expires_ns = cond_now() + TIMEOUT_NS;
        request_begin(self, self->expires_ns);
        CHECK_RESULT(cond_wait_for(&self->cond, never, NULL, TIMEOUT_NS), ETIMEDOUT);
        self->expires_ns = NO_REQUEST;
    } else {
        CHECK_OK(cond_lock_release(&self->test->lock));
        acquire(self);
    }
}

static void *run_thread(void *arg)
{
    struct member *self = arg;
    is_favoured = self->role == TURNS;
    for (acquire(self);; reacquire(self)) {
        request_end(self);
        use_lock(self);
        if (is_to_leave(self))
            break;
    }
    CHECK_OK(cond_lock_release(&self->test->lock));
    leave(self);
    return NULL;
}

static void acquire_task(struct member *self)
{
    request_begin(self, cond_now());
    int result = cond_task_acquire(&self->cond, &self->task);
    if (result == EINPROGRESS)
        return;
    CHECK_OK(result);
    loop_post(&self->test->loop, &self->post);
}

/* The task holds the lock. This is called again when it holds it again. */
static void run_task(struct post *post)
{
    struct member *self = (struct member *)((uintptr_t)post - offsetof(struct member, post));
    request_end(self);
    use_lock(self);
    if (is_to_leave(self)) {
        CHECK_OK(cond_task_release(&self->cond, &self->task));
        leave(self);
    } else if (++self->requests % 4 == 0) {
        self->waits = true;
        CHECK_RESULT(cond_task_wait(&self->cond, &self->task), EINPROGRESS);
    } else {
        CHECK_OK(cond_task_release(&self->cond, &self->task));
        acquire_task(self);
    }
}

static void on_ready(cond_task_t *task, int result)
{
    struct member *self = cond_task_user(task);
    CHECK_OK(result);
    loop_post(&self->test->loop, &self->post);
}

/* ---- A scenario ---- */

static void members_start(struct test *test, const struct scenario *scenario)
{
    for (enum role role = 0; role < ROLES; role++) {
        for (unsigned i = 0; i < scenario->members[role]; i++) {
            struct member *self = &test->members[test->count];
            *self = (struct member){
                .test = test, .role = role, .post = {.run = run_task}, .expires_ns = NO_REQUEST};
            if (role == TURNS)
                self->partner = &test->members[test->count ^ 1];
            request_cancel(self);
            CHECK_OK(cond_init(&self->cond, &test->lock, 0));
            CHECK_OK(cond_task_init(&self->task, on_ready, self));
            test->count++;
            if (!is_competitor(self))
                (void)atomic_fetch_add(&test->victims_there, 1);
            (void)atomic_fetch_add(&test->members_there, 1);
        }
    }
    for (struct member *self = test->members; self != test->members + test->count; self++) {
        if (self->role == TASK)
            acquire_task(self);
        else
            self->thread = stress_start(run_thread, self);
    }
}

/* Returns whether a member has starved. */
static bool members_end(struct test *test)
{
    atomic_store_explicit(&test->ending, true, memory_order_relaxed);
    int64_t limit_ns = cond_now() + LIMIT_NS;
    while (atomic_load(&test->victims_there) != 0 && cond_now() < limit_ns)
        stress_sleep_until(cond_now() + COND_MS(1));
    bool starved = atomic_load(&test->victims_there) != 0;
    atomic_store_explicit(&test->over, true, memory_order_relaxed);
    limit_ns = cond_now() + 5 * LIMIT_NS;
    while (atomic_load(&test->members_there) != 0) {
        CHECK(cond_now() < limit_ns, "%u have not left, though no competitor wants the lock",
              atomic_load(&test->members_there));
        CHECK_OK(cond_lock_acquire_timed(&test->lock, 5 * LIMIT_NS));
        for (struct member *self = test->members; self != test->members + test->count; self++)
            notify_waiter(NULL, self);
        CHECK_OK(cond_lock_release(&test->lock));
        stress_sleep_until(cond_now() + COND_MS(1));
    }
    for (struct member *self = test->members; self != test->members + test->count; self++)
        if (self->role != TASK)
            stress_join(self->thread);
    return starved;
}

enum verdict { FAIR, DOUBTFUL, UNFAIR };

/* Prints the counts of the members of one role, and judges them. */
static enum verdict judge(const struct test *test, enum role role, unsigned bound)
{
    struct spread all = {NULL, 0, 0};
    unsigned most = 0;
    int64_t longest_ns = 0;
    for (const struct member *self = test->members; self != test->members + test->count; self++) {
        if (self->role != role)
            continue;
        for (size_t i = 0; i < self->counts.count; i++)
            spread_add(&all, self->counts.values[i]);
        if (most < self->most)
            most = self->most;
        if (longest_ns < self->longest_ns)
            longest_ns = self->longest_ns;
    }
    if (all.count == 0)
        return FAIR;
    qsort(all.values, all.count, sizeof *all.values, spread_compare);
    int64_t median = all.values[all.count / 2];
    int64_t nearly_all = all.values[all.count - 1 - all.count / 100];
    int64_t longest = all.values[all.count - 1];
    size_t bad = 0;
    while (bad != all.count && all.values[all.count - 1 - bad] > bound)
        bad++;
    enum verdict verdict = bad > 1 + all.count / 100 || longest > MAX_FACTOR * bound ? DOUBTFUL : FAIR;
    printf("; %s %zu: %" PRId64 " %" PRId64 " %" PRId64 " (%u), %.0f ms%s", role_names[role], all.count, median,
           nearly_all, longest, most, (double)longest_ns / 1e6, verdict != FAIR ? " UNFAIR" : "");
    free(all.values);
    return verdict;
}

static enum verdict run_scenario(const struct scenario *scenario, const struct hold *hold, unsigned flags,
                                 bool unfair)
{
    struct member members[MEMBERS_MAX];
    struct test test = {.hold = hold, .members = members};
    if (unfair)
        CHECK_OK(cond_lock_init_foreign(&test.lock, &unfair_ops, &unfair_held));
    else
        CHECK_OK(cond_lock_init(&test.lock, flags));
    loop_start(&test.loop);
    members_start(&test, scenario);
    stress_sleep_until(cond_now() + (int64_t)((double)hold->duration_ns * stress.scale));
    bool starved = members_end(&test);
    loop_stop(&test.loop);
    loop_join(&test.loop);
    const char *lock_name = unfair ? "unfair lock" : flags & COND_MUTEX ? "mutex" : "recursive";
    printf("  %s, %u, %s, %g us %s", scenario->name, scenario->competitors, lock_name, (double)hold->ns / 1e3,
           hold->asleep ? "asleep" : "computing");
    enum verdict verdict = starved ? UNFAIR : FAIR;
    for (enum role role = 0; role < ROLES; role++) {
        enum verdict of_role = judge(&test, role, bound_of(scenario));
        if (verdict < of_role)
            verdict = of_role;
    }
    printf("%s\n", starved ? "; STARVED" : "");
    fflush(stdout);
    for (unsigned i = 0; i < test.count; i++) {
        CHECK_OK(cond_destroy(&members[i].cond));
        free(members[i].counts.values);
    }
    CHECK_OK(cond_lock_destroy(&test.lock));
    return verdict;
}

/* clang-format off */
static const struct scenario scenarios[] = {
    {"threads beside tasks", 3, {[TASK] = 3, [ACQUIRER] = 1, [EXPIRED] = 1}},
    {"acquirer beside waiters", 2, {[TURNS] = 2, [ACQUIRER] = 1}},
    {"mix", 2, {[TURNS] = 2, [HOLDER] = 0, [TASK] = 2, [ACQUIRER] = 1, [TIMED] = 1, [EXPIRED] = 1, [NOTIFIED] = 1}},
    {"mix", 4, {[TURNS] = 2, [HOLDER] = 2, [TASK] = 2, [ACQUIRER] = 1, [TIMED] = 1, [EXPIRED] = 2, [NOTIFIED] = 1}},
    {"mix", 12, {[TURNS] = 6, [HOLDER] = 6, [TASK] = 2, [ACQUIRER] = 1, [TIMED] = 1, [EXPIRED] = 2, [NOTIFIED] = 1}},
};

static const struct hold holds[] = {
    {0, false, COND_MS(150)},
    {COND_US(10), false, COND_MS(150)}, {COND_US(10), true, COND_MS(150)},
    {COND_MS(1), false, COND_MS(200)},  {COND_MS(1), true, COND_MS(200)},
    {COND_MS(10), false, COND_MS(400)}, {COND_MS(10), true, COND_MS(400)},
};
/* clang-format on */

enum { SCENARIOS = sizeof scenarios / sizeof *scenarios, HOLDS = sizeof holds / sizeof *holds };

/* Run again while the verdict is doubtful. */
static bool is_fair(const struct scenario *scenario, const struct hold *hold, unsigned flags, unsigned tries)
{
    enum verdict verdict = DOUBTFUL;
    for (unsigned try = 0; verdict == DOUBTFUL && try != tries; try++)
        verdict = run_scenario(scenario, hold, flags, false);
    return verdict == FAIR;
}

int main(int argc, char **argv)
{
    bool unfair = argc > 1 && strcmp(argv[argc - 1], "--unfair") == 0;
    unsigned unfair_count = 0;
    stress_begin(argc - unfair, argv);
    printf("  Scenario, competitors, lock, how long it is held; role, requests that waited for the threshold: "
           "how often\n"
           "  they were overtaken then, median, 99 %%, maximum (and maximum of all), longest wait\n");
    for (unsigned i = 0; i < SCENARIOS && !unfair; i++)
        for (unsigned j = 0; j < HOLDS; j++)
            for (unsigned flags = COND_RLOCK; flags <= COND_MUTEX; flags++)
                unfair_count += !is_fair(&scenarios[i], &holds[j], flags, unfair_count == 0 ? TRIES : 1);
    if (unfair) {
        CHECK(run_scenario(&scenarios[1], &holds[3], COND_RLOCK, true) != FAIR, "%s",
              "a lock that is not fair was not detected");
        return 0;
    }
    CHECK(unfair_count == 0, "%u of %u were not fair", unfair_count, 2 * SCENARIOS * HOLDS);
    return 0;
}
