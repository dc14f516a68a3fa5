/* SPDX-License-Identifier: MIT */
/*
 * Is there an order of events that explains which waiters returned? Threads wait and notify while they are preempted at
 * the worst places (disturb.h). All events are recorded and then checked (history.h): each notification must have
 * reached a waiter, and the waiters must be those that the condition promises to choose.
 *
 *      linearizable [--peer glibc] [--disturb KIND,KIND...] [--scale N] [--seed S]
 *
 * Three modes:
 *
 *      mixed       waits with and without deadlines, notify(n) and notify_all at random. On private locks some waiters
 *                  are in cond_await(), for tickets that are made without a notify
 *      tickets     one thread makes tickets, one at a time, with a notify for each; waiters take them. Nothing else
 *                  wakes a waiter, so a lost notification is a waiter that sleeps beside a ticket
 *      predicates  the same with cond_wait_for(), some with deadlines
 *
 * A notification is reported as lost only after a quiet phase: no disturbance, the lock is free, and all threads are
 * asleep for three seconds (quiet.h).
 *
 * With --peer, pthread_cond_t is the condition, with tickets and four waiters. That of glibc before 2.41 loses
 * notifications (https://sourceware.org/bugzilla/show_bug.cgi?id=25847), and this program detects it.
 */
#include "disturb.h"
#include "history.h"
#include <semaphore.h>

enum { WAITERS = 8, NOTIFIERS = 2, MEMBERS = WAITERS + NOTIFIERS };
enum { LOG_FULL = HISTORY_ROOM - 4 * MEMBERS };

enum object { SHARED = KINDS, GLIBC, OBJECTS };
enum mode { MIXED, TICKETS, PREDICATES, MODES };
static const char *const mode_names[] = {"mixed", "tickets", "predicates"};

struct member {
    unsigned number;
    pthread_t thread;
    sem_t begin;
    struct rng rng;
};

static struct {
    enum object object; /* fixed in a case, as the next */
    enum mode mode;
    struct subject subject;
    pthread_mutex_t mutex; /* GLIBC: instead of a subject */
    pthread_cond_t cond;
    unsigned waiters; /* fixed in a batch, as all to `over`: how many take part */
    unsigned notifiers;
    unsigned full;
    bool over;
    struct history history; /* under the lock, as all to the end of these */
    bool pause;
    unsigned tickets;
    unsigned given, taken;
    unsigned inside;
    atomic_uint at_line; /* members that do not take part now */
    struct member members[MEMBERS];
    cpu_set_t cores;
} test;

static struct {
    unsigned long batches, events, returned, expired, spurious, taken;
    int64_t longest_ns;
} total;

/* ---- The condition under test ---- */

static const char *object_name(enum object object)
{
    return object < SHARED ? kind_names[object] : object == SHARED ? "shared" : "pthread_cond_t";
}

static void object_make(void)
{
    memset((void *)&test.subject, 0, sizeof test.subject);
    if (test.object < SHARED) {
        subject_make(&test.subject, (enum kind)test.object);
    } else if (test.object == SHARED) {
        make_shared(&test.subject.cond);
    } else {
        CHECK_EQ(pthread_mutex_init(&test.mutex, NULL), 0);
        CHECK_EQ(pthread_cond_init(&test.cond, NULL), 0);
    }
}

static void object_unmake(void)
{
    if (test.object < SHARED) {
        subject_unmake(&test.subject);
    } else if (test.object == SHARED) {
        CHECK_OK(cond_destroy(&test.subject.cond));
        stress_forget(&test.subject.cond);
    } else {
        CHECK_EQ(pthread_cond_destroy(&test.cond), 0);
        CHECK_EQ(pthread_mutex_destroy(&test.mutex), 0);
    }
}

static void enter(void)
{
    if (test.object == GLIBC)
        CHECK_EQ(pthread_mutex_lock(&test.mutex), 0);
    else
        CHECK_OK(cond_acquire(&test.subject.cond));
    CHECK_EQ(test.inside++, 0);
}

static bool try_enter(void)
{
    int error = test.object == GLIBC ? pthread_mutex_trylock(&test.mutex) : cond_try_acquire(&test.subject.cond);
    if (error == 0)
        CHECK_EQ(test.inside++, 0);
    else
        CHECK_RESULT(error, EBUSY);
    return error == 0;
}

static void leave(void)
{
    CHECK_EQ(--test.inside, 0);
    if (test.object == GLIBC)
        CHECK_EQ(pthread_mutex_unlock(&test.mutex), 0);
    else
        CHECK_OK(cond_release(&test.subject.cond));
}

/* Recorded before the call, with the time after it. */
static void notify(int n)
{
    history_add(&test.history, (struct event){.what = NOTIFIES, .value = n});
    struct event *event = &test.history.events[test.history.count - 1];
    if (test.object == GLIBC)
        CHECK_EQ(n == HISTORY_ALL ? pthread_cond_broadcast(&test.cond) : pthread_cond_signal(&test.cond), 0);
    else
        CHECK_OK(n == HISTORY_ALL ? cond_notify_all(&test.subject.cond)
                                  : cond_notify(&test.subject.cond, (size_t)n));
    event->time_ns = cond_now();
    test.pause = test.pause || test.history.count >= test.full;
}

/* With a predicate, other things than notifications end a wait. */
static int wait_once(struct member *self, cond_pred_t *pred, bool awaits, int64_t timeout_ns)
{
    int64_t deadline_ns =
        timeout_ns == COND_FOREVER ? COND_FOREVER : cond_now() + (timeout_ns > 0 ? timeout_ns : 0);
    int result;
    history_add(&test.history,
                (struct event){.what = WAITS, .waiter = self->number, .awaits = awaits, .time_ns = deadline_ns});
    CHECK_EQ(--test.inside, 0);
    if (test.object == GLIBC)
        result = pthread_cond_wait(&test.cond, &test.mutex);
    else if (awaits)
        result = cond_await(&test.subject.cond, pred, NULL, timeout_ns);
    else if (pred != NULL)
        result = cond_wait_for(&test.subject.cond, pred, NULL, timeout_ns);
    else
        result = cond_wait(&test.subject.cond, timeout_ns);
    int64_t now_ns = cond_now();
    CHECK_EQ(test.inside++, 0);
    CHECK(result == 0 || (result == ETIMEDOUT && deadline_ns != COND_FOREVER), "the wait returned %d", result);
    CHECK(pred == NULL || (result == 0) == pred(NULL), "the wait returned %d, and there are %u tickets", result,
          test.tickets);
    history_add(&test.history,
                (struct event){.what = RETURNS, .waiter = self->number, .value = result, .time_ns = now_ns});
    test.pause = test.pause || test.history.count >= test.full;
    return result;
}

/* ---- The members ---- */

static bool have_ticket(void *arg) { (void)arg; return test.tickets > 0 || test.pause; }

static void take_ticket(struct member *self)
{
    while (test.tickets == 0 && !test.pause) {
        if (test.mode == TICKETS) {
            (void)wait_once(self, NULL, false, COND_FOREVER);
        } else {
            (void)wait_once(self, have_ticket, test.mode == MIXED, rng_timeout(&self->rng, 30, COND_US(100)));
        }
    }
    if (test.tickets > 0) {
        test.tickets--;
        test.taken++;
    }
}

static void run_waiter(struct member *self)
{
    for (;;) {
        enter();
        do {
            if (test.pause) {
                leave();
                return;
            }
            if (test.mode == MIXED && ((enum kind)test.object >= PRIVATE_KINDS || rng_chance(&self->rng, 75)))
                (void)wait_once(
                    self, NULL, false,
                    rng_timeout(&self->rng, 50, rng_chance(&self->rng, 50) ? COND_US(50) : COND_MS(1)));
            else
                take_ticket(self);
        } while (rng_chance(&self->rng, 20));
        leave();
        disturb_yield(&self->rng);
    }
}

static int some(struct rng *rng)
{
    static const int numbers[] = {0, 1, 1, 1, 1, 2, 3, WAITERS + 1, HISTORY_ALL, 1};
    return numbers[rng_next(rng) % (sizeof numbers / sizeof *numbers)];
}

static void run_notifier(struct member *self)
{
    for (bool over = false; !over;) {
        enter();
        over = test.pause;
        if (!over && test.mode == MIXED) {
            notify(some(&self->rng));
            if (test.tickets == 0 && rng_chance(&self->rng, 30)) {
                test.tickets++;
                test.given++;
            }
        } else if (!over && test.tickets == 0) {
            /* While the lock is held, before the change and after it is the same. */
            bool notify_first = rng_chance(&self->rng, 50);
            if (notify_first)
                notify(1);
            test.tickets++;
            test.given++;
            if (!notify_first)
                notify(1);
        }
        leave();
        disturb_yield(&self->rng);
        if (test.mode == MIXED && rng_chance(&self->rng, 50))
            stress_spin_until(cond_now() + rng_between(&self->rng, 0, COND_US(20)));
    }
}

static void *run(void *arg)
{
    struct member *self = arg;
    disturb_join();
    for (;;) {
        disturb_rest();
        (void)atomic_fetch_add(&test.at_line, 1);
        while (sem_wait(&self->begin) != 0)
            CHECK_EQ(errno, EINTR);
        if (test.over)
            return NULL;
        /* Not the peer's notifier: it would mostly nap with the lock held. */
        if (self->number < WAITERS || test.object != GLIBC)
            disturb_work();
        if (self->number < WAITERS)
            run_waiter(self);
        else
            run_notifier(self);
    }
}

/* ---- A batch ---- */

static bool all_asleep(void)
{
    unsigned long long used = 0;
    for (unsigned i = 0; i < MEMBERS; i++)
        if (quiet_look(getpid(), disturb.members[i].thread, &used) != 'S')
            return false;
    return true;
}

static enum promise promise(void)
{
    return test.mode == PREDICATES ? NOTHING : test.object < SHARED ? EXACT : POSIX;
}

static _Noreturn void report(const struct verdict *verdict, const char *violation)
{
    history_print(&test.history, verdict->where);
    stress_fail(__FILE__, __LINE__, mode_names[test.mode],
                "%s: %s; %u notified and %u other waiters sleep, %u tickets", object_name(test.object),
                violation, verdict->owed, verdict->waiting, test.tickets);
}

/* Whether no thread is on its way. What is owed is on its way, or lost. So is a waiter that is not counted as waiting:
   on a foreign lock each notified waiter calls its predicate, and is queued again if that is false. */
static bool is_settled(const struct verdict *verdict, bool all_notified)
{
    bool on_the_way = (test.object < SHARED && cond_waiters(&test.subject.cond) != verdict->waiting) ||
                      verdict->owed > 0 || verdict->waiting_timed > 0 || verdict->awaiting > 0 ||
                      (verdict->waiting > 0 && (all_notified || (test.mode == PREDICATES && test.tickets > 0)));
    return verdict->violation == NULL && !on_the_way && atomic_load(&test.at_line) + verdict->waiting == MEMBERS;
}

/* Ends the batch. Returns, with the lock held, when no thread is on its way; after a notify_all, none waits either. If
   all sleep before that, a notification is lost. */
static struct verdict settle(bool all_notified)
{
    struct verdict verdict = {0};
    unsigned looks = 0, count = 0;
    disturb_off();
    for (;;) {
        bool entered = try_enter();
        if (entered) {
            test.pause = true;
            verdict = history_check(&test.history, promise());
            if (verdict.violation != NULL && !verdict.undecided)
                report(&verdict, verdict.violation);
            if (is_settled(&verdict, all_notified))
                return verdict;
            if (test.history.count != count)
                looks = 0;
            count = test.history.count;
        }
        looks = all_asleep() ? looks + 1 : 0;
        if (looks > QUIET_LOOKS) {
            CHECK(entered, "%s, %s: all threads sleep, and the lock is held", object_name(test.object),
                  mode_names[test.mode]);
            report(&verdict, verdict.violation != NULL ? verdict.violation : "a notification is lost");
        }
        if (entered)
            leave();
        nap(looks > 5 ? QUIET_BETWEEN_LOOKS_NS : COND_US(200)); /* mostly it takes no time */
    }
}

/* Until the history is full, or does not grow any more: that may be a lost notification. */
static void run_until_full(void)
{
    for (unsigned count = 0, unchanged = 0; unchanged < 50;) {
        nap(rng_between(&disturb.rng, COND_US(500), COND_MS(2)));
        disturb_pin(&test.cores);
        unchanged++;
        if (try_enter()) {
            bool over = test.pause;
            if (test.history.count != count)
                unchanged = 0;
            count = test.history.count;
            leave();
            if (over)
                return;
        }
    }
}

static void run_batch(unsigned kinds)
{
    test.history.count = 0;
    test.pause = false;
    test.tickets = 0;
    (void)atomic_fetch_sub(&test.at_line, test.waiters + test.notifiers);
    disturb_on(kinds);
    for (unsigned i = 0; i < test.waiters + test.notifiers; i++)
        CHECK_EQ(sem_post(&test.members[i < test.waiters ? i : i - test.waiters + WAITERS].begin), 0);
    run_until_full();
    struct verdict verdict = settle(false);
    notify(HISTORY_ALL);
    leave();
    verdict = settle(true);
    leave();

    total.batches++;
    total.events += test.history.count;
    total.returned += verdict.notified;
    total.expired += verdict.expired;
    total.spurious += promise() == POSIX ? verdict.spurious : 0;
    if (verdict.longest_ns > total.longest_ns)
        total.longest_ns = verdict.longest_ns;
}

static void print_total(void)
{
    printf(
        "  %lu batches, %lu events: %lu waits returned 0 (%lu of them spuriously, on shared locks), %lu timed "
        "out, %lu tickets; longest from notify to return %.1f ms; %lu signals, %lu naps in %s\n",
        total.batches, total.events, total.returned, total.spurious, total.expired, total.taken,
        (double)total.longest_ns / 1e6, atomic_load(&disturb.signals), atomic_load(&disturb.naps),
        disturb.code.name);
    fflush(stdout);
}

static void run_case(enum object object, enum mode mode, unsigned allowed)
{
    struct rng *rng = &disturb.rng;
    test.object = object;
    test.mode = mode;
    test.given = test.taken = 0;
    test.waiters = object == GLIBC ? 4 : (unsigned)rng_between(rng, 1, WAITERS);
    test.notifiers = mode == MIXED ? (unsigned)rng_between(rng, 1, NOTIFIERS) : 1;
    test.full = object == GLIBC ? LOG_FULL : (unsigned)rng_between(rng, LOG_FULL / 16, LOG_FULL);
    unsigned kinds = object == GLIBC ? allowed : allowed & (unsigned)rng_next(rng);
    object_make();
    run_batch(kinds);
    object_unmake();
    CHECK(test.taken <= test.given && test.given <= test.taken + 1, "%u tickets given, %u taken", test.given,
          test.taken);
    total.taken += test.taken;
}

/* ---- The command ---- */

static unsigned disturbances(char *names)
{
    unsigned kinds = 0;
    for (char *rest = NULL, *name = strtok_r(names, ",", &rest); name != NULL;
         name = strtok_r(NULL, ",", &rest)) {
        unsigned kind = 0;
        while (1u << kind < DISTURBANCES && strcmp(name, disturbance_names[kind]) != 0)
            kind++;
        if (1u << kind == DISTURBANCES) {
            fprintf(stderr, "--disturb: %s is not one of yields, signals, aimed, pinned, stopped\n", name);
            exit(2);
        }
        kinds |= 1u << kind;
    }
    return kinds;
}

int main(int argc, char **argv)
{
    const char *peer = stress_take(&argc, argv, "--peer");
    char *names = stress_take(&argc, argv, "--disturb");
    unsigned kinds = names != NULL ? disturbances(names) : DISTURBANCES - 1;
    bool ours = peer == NULL;
    if (!ours && strcmp(peer, "glibc") != 0) {
        fprintf(stderr, "--peer must be glibc\n");
        return 2;
    }
    stress_begin(argc, argv);
    if (kinds & STOPPED)
        disturb_by_parent();
    disturb_begin(ours ? code_of_library() : code_of_pthread_cond());
    CHECK_EQ(sched_getaffinity(0, sizeof test.cores, &test.cores), 0);
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct member *member = &test.members[i];
        member->number = i;
        member->rng = rng_make(i);
        CHECK_EQ(sem_init(&member->begin, 0, 0), 0);
        member->thread = stress_start(run, member);
    }
    while (atomic_load(&test.at_line) < MEMBERS)
        stress_yield();

    int64_t print_ns = cond_now() + COND_SEC(10);
    for (unsigned round = stress_rounds(ours ? 1 : 100); round > 0; round--) {
        if (ours) {
            for (enum object object = 0; object <= SHARED; object++)
                for (enum mode mode = 0; mode < MODES; mode++)
                    run_case(object, mode, kinds);
        } else {
            run_case(GLIBC, TICKETS, kinds);
        }
        if (round > 1 && cond_now() >= print_ns) {
            print_total();
            print_ns += COND_SEC(10);
        }
    }
    disturb_off();
    test.over = true;
    for (unsigned i = 0; i < MEMBERS; i++)
        CHECK_EQ(sem_post(&test.members[i].begin), 0);
    TEAM_JOIN(test.members, MEMBERS);
    print_total();
    return 0;
}
