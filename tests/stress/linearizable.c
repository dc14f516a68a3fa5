/* SPDX-License-Identifier: MIT */
/*
 * Is there an order that explains who returned? Threads wait, and others notify, while they are preempted in
 * the worst places (disturb.h). All of it is written down, and then looked at (history.h): every notification
 * must have found its waiter, and the waiters must be those that the condition promises to choose.
 *
 *      linearizable [--peer glibc] [--disturb KIND,KIND...] [--scale N] [--seed S]
 *
 * Three games:
 *
 *      mixed       waits with and without deadlines, notify(n) and notify_all at random
 *      tickets     one who makes tickets, one at a time, with a notify for each; waiters take them. Nothing
 *                  else wakes anybody: a lost notification is a waiter that sleeps beside a ticket
 *      predicates  the same with cond_wait_for(), some with deadlines
 *
 * A notification is called lost only after a quiet phase: no disturbance, nobody holds the lock, and for three
 * seconds all threads are asleep (quiet.h).
 *
 * With --peer, pthread_cond_t is the condition, with tickets and four waiters: that of glibc before 2.41 loses
 * notifications (https://sourceware.org/bugzilla/show_bug.cgi?id=25847), and is convicted. So this program
 * finds such things.
 */
#include "disturb.h"
#include "history.h"
#include <semaphore.h>

enum { WAITERS = 8, NOTIFIERS = 2, MEMBERS = WAITERS + NOTIFIERS };
enum { LOG_FULL = HISTORY_ROOM - 4 * MEMBERS };

enum subject { SHARED = KINDS, GLIBC, SUBJECTS };
enum game_kind { MIXED, TICKETS, PREDICATES, GAMES };
static const char *const game_names[] = {"mixed", "tickets", "predicates"};

struct member {
    unsigned number;
    pthread_t thread;
    sem_t begin;
    struct rng rng;
};

static struct {
    enum subject subject; /* fixed in a game, as the next */
    enum game_kind kind;
    struct place place;
    pthread_mutex_t mutex; /* GLIBC: instead of a place */
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
    atomic_uint at_line; /* members that are not in the game */
    struct member members[MEMBERS];
    cpu_set_t cores;
} game;

static struct {
    unsigned long batches, events, returned, expired, for_nothing, taken;
    int64_t longest_ns;
} total;

/* ---- The condition under test ---- */

static const char *subject_name(enum subject subject)
{
    return subject < SHARED ? kind_names[subject] : subject == SHARED ? "shared" : "pthread_cond_t";
}

static void subject_make(void)
{
    memset((void *)&game.place, 0, sizeof game.place);
    if (game.subject < SHARED) {
        place_make(&game.place, (enum kind)game.subject);
    } else if (game.subject == SHARED) {
        make_shared(&game.place.cond);
    } else {
        CHECK_EQ(pthread_mutex_init(&game.mutex, NULL), 0);
        CHECK_EQ(pthread_cond_init(&game.cond, NULL), 0);
    }
}

static void subject_unmake(void)
{
    if (game.subject < SHARED) {
        place_unmake(&game.place);
    } else if (game.subject == SHARED) {
        CHECK_OK(cond_destroy(&game.place.cond));
        stress_forget(&game.place.cond);
    } else {
        CHECK_EQ(pthread_cond_destroy(&game.cond), 0);
        CHECK_EQ(pthread_mutex_destroy(&game.mutex), 0);
    }
}

static void enter(void)
{
    if (game.subject == GLIBC)
        CHECK_EQ(pthread_mutex_lock(&game.mutex), 0);
    else
        CHECK_OK(cond_acquire(&game.place.cond));
    CHECK_EQ(game.inside++, 0);
}

static bool try_enter(void)
{
    int error = game.subject == GLIBC ? pthread_mutex_trylock(&game.mutex) : cond_try_acquire(&game.place.cond);
    if (error == 0)
        CHECK_EQ(game.inside++, 0);
    else
        CHECK_RESULT(error, EBUSY);
    return error == 0;
}

static void leave(void)
{
    CHECK_EQ(--game.inside, 0);
    if (game.subject == GLIBC)
        CHECK_EQ(pthread_mutex_unlock(&game.mutex), 0);
    else
        CHECK_OK(cond_release(&game.place.cond));
}

/* Written down before it is done, with the time after it. */
static void notify(int n)
{
    history_add(&game.history, (struct event){.what = NOTIFIES, .value = n});
    struct event *event = &game.history.events[game.history.count - 1];
    if (game.subject == GLIBC)
        CHECK_EQ(n == HISTORY_ALL ? pthread_cond_broadcast(&game.cond) : pthread_cond_signal(&game.cond), 0);
    else
        CHECK_OK(n == HISTORY_ALL ? cond_notify_all(&game.place.cond)
                                  : cond_notify(&game.place.cond, (size_t)n));
    event->time_ns = cond_now();
    game.pause = game.pause || game.history.count >= game.full;
}

/* A wait of this member. With a predicate, it is not decided by notifications only, and not written down. */
static int wait_once(struct member *self, cond_pred_t *pred, int64_t timeout_ns)
{
    int64_t deadline_ns =
        timeout_ns == COND_FOREVER ? COND_FOREVER : cond_now() + (timeout_ns > 0 ? timeout_ns : 0);
    int result;
    history_add(&game.history, (struct event){.what = WAITS, .who = self->number, .time_ns = deadline_ns});
    CHECK_EQ(--game.inside, 0);
    if (game.subject == GLIBC)
        result = pthread_cond_wait(&game.cond, &game.mutex);
    else if (pred != NULL)
        result = cond_wait_for(&game.place.cond, pred, NULL, timeout_ns);
    else
        result = cond_wait(&game.place.cond, timeout_ns);
    int64_t now_ns = cond_now();
    CHECK_EQ(game.inside++, 0);
    CHECK(result == 0 || (result == ETIMEDOUT && deadline_ns != COND_FOREVER), "the wait answered %d", result);
    CHECK(pred == NULL || (result == 0) == pred(NULL), "the wait answered %d, and there are %u tickets", result,
          game.tickets);
    history_add(&game.history,
                (struct event){.what = RETURNS, .who = self->number, .value = result, .time_ns = now_ns});
    game.pause = game.pause || game.history.count >= game.full;
    return result;
}

/* ---- The members ---- */

static bool have_ticket(void *arg)
{
    (void)arg;
    return game.tickets > 0 || game.pause;
}

static void take_ticket(struct member *self)
{
    while (game.tickets == 0 && !game.pause) {
        if (game.kind == TICKETS) {
            (void)wait_once(self, NULL, COND_FOREVER);
        } else {
            (void)wait_once(self, have_ticket, rng_timeout(&self->rng, 30, COND_US(100)));
        }
    }
    if (game.tickets > 0) {
        game.tickets--;
        game.taken++;
    }
}

static void run_waiter(struct member *self)
{
    for (;;) {
        enter();
        do {
            if (game.pause) {
                leave();
                return;
            }
            if (game.kind == MIXED)
                (void)wait_once(
                    self, NULL,
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
        over = game.pause;
        if (!over && game.kind == MIXED) {
            notify(some(&self->rng));
        } else if (!over && game.tickets == 0) {
            /* Before the change or after it makes no difference to who holds the lock. */
            bool notify_first = rng_chance(&self->rng, 50);
            if (notify_first)
                notify(1);
            game.tickets++;
            game.given++;
            if (!notify_first)
                notify(1);
        }
        leave();
        disturb_yield(&self->rng);
        if (game.kind == MIXED && rng_chance(&self->rng, 50))
            stress_spin_until(cond_now() + rng_between(&self->rng, 0, COND_US(20)));
    }
}

static void *run(void *arg)
{
    struct member *self = arg;
    disturb_join();
    for (;;) {
        disturb_rest();
        (void)atomic_fetch_add(&game.at_line, 1);
        while (sem_wait(&self->begin) != 0)
            CHECK_EQ(errno, EINTR);
        if (game.over)
            return NULL;
        /* The peer's notifier naps in the lock mostly, and then nothing happens at all. */
        if (self->number < WAITERS || game.subject != GLIBC)
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
    return game.kind == PREDICATES ? NOTHING : game.subject < SHARED ? EXACT : POSIX;
}

static _Noreturn void convict(const struct verdict *verdict, const char *violation)
{
    history_print(&game.history, verdict->where);
    stress_fail(__FILE__, __LINE__, game_names[game.kind],
                "%s: %s; %u who were notified and %u others sleep, %u tickets", subject_name(game.subject),
                violation, verdict->owed, verdict->waiting, game.tickets);
}

/* Whether all have come as far as they can. What is owed is on its way, or lost. So is who waits and is not counted as
   waiting: on a foreign lock each of those who were notified looks at his predicate, and goes back if it is false. */
static bool is_settled(const struct verdict *verdict, bool all_notified)
{
    bool on_the_way = (game.subject < SHARED && cond_waiters(&game.place.cond) != verdict->waiting) ||
                      verdict->owed > 0 || verdict->waiting_timed > 0 ||
                      (verdict->waiting > 0 && (all_notified || (game.kind == PREDICATES && game.tickets > 0)));
    return verdict->violation == NULL && !on_the_way && atomic_load(&game.at_line) + verdict->waiting == MEMBERS;
}

/* End the batch. Returns, with the lock held, when nobody is on the way any more; after a notify_all, nobody
   waits either. If that never comes about because all sleep, a notification is lost. */
static struct verdict settle(bool all_notified)
{
    struct verdict verdict = {0};
    unsigned looks = 0, count = 0;
    disturb_off();
    for (;;) {
        bool entered = try_enter();
        if (entered) {
            game.pause = true;
            verdict = history_check(&game.history, promise());
            if (verdict.violation != NULL && !verdict.undecided)
                convict(&verdict, verdict.violation);
            if (is_settled(&verdict, all_notified))
                return verdict;
            if (game.history.count != count)
                looks = 0;
            count = game.history.count;
        }
        looks = all_asleep() ? looks + 1 : 0;
        if (looks > QUIET_LOOKS) {
            CHECK(entered, "%s, %s: everybody sleeps, and the lock is held", subject_name(game.subject),
                  game_names[game.kind]);
            convict(&verdict, verdict.violation != NULL ? verdict.violation : "a notification is lost");
        }
        if (entered)
            leave();
        nap(looks > 5 ? QUIET_BETWEEN_LOOKS_NS : COND_US(200)); /* mostly it takes no time at all */
    }
}

/* Until the history is full; or does not grow any more, which may be a loss. */
static void let_play(void)
{
    for (unsigned count = 0, unchanged = 0; unchanged < 50;) {
        nap(rng_between(&disturb.rng, COND_US(500), COND_MS(2)));
        disturb_pin(&game.cores);
        unchanged++;
        if (try_enter()) {
            bool over = game.pause;
            if (game.history.count != count)
                unchanged = 0;
            count = game.history.count;
            leave();
            if (over)
                return;
        }
    }
}

static void play_batch(unsigned kinds)
{
    game.history.count = 0;
    game.pause = false;
    game.tickets = 0;
    (void)atomic_fetch_sub(&game.at_line, game.waiters + game.notifiers);
    disturb_on(kinds);
    for (unsigned i = 0; i < game.waiters + game.notifiers; i++)
        CHECK_EQ(sem_post(&game.members[i < game.waiters ? i : i - game.waiters + WAITERS].begin), 0);
    let_play();
    struct verdict verdict = settle(false);
    notify(HISTORY_ALL);
    leave();
    verdict = settle(true);
    leave();

    total.batches++;
    total.events += game.history.count;
    total.returned += verdict.notified;
    total.expired += verdict.expired;
    total.for_nothing += promise() == POSIX ? verdict.for_nothing : 0;
    if (verdict.longest_ns > total.longest_ns)
        total.longest_ns = verdict.longest_ns;
}

static void print_total(void)
{
    printf(
        "  %lu batches, %lu events: %lu waits returned 0 (%lu of them on shared locks for nothing), %lu timed "
        "out, %lu tickets; longest from notify to return %.1f ms; %lu signals, %lu naps in %s\n",
        total.batches, total.events, total.returned, total.for_nothing, total.expired, total.taken,
        (double)total.longest_ns / 1e6, atomic_load(&disturb.signals), atomic_load(&disturb.naps),
        disturb.code.name);
    fflush(stdout);
}

static void play(enum subject subject, enum game_kind kind, unsigned allowed)
{
    struct rng *rng = &disturb.rng;
    game.subject = subject;
    game.kind = kind;
    game.given = game.taken = 0;
    game.waiters = subject == GLIBC ? 4 : (unsigned)rng_between(rng, 1, WAITERS);
    game.notifiers = kind == MIXED ? (unsigned)rng_between(rng, 1, NOTIFIERS) : 1;
    game.full = subject == GLIBC ? LOG_FULL : (unsigned)rng_between(rng, LOG_FULL / 16, LOG_FULL);
    unsigned kinds = subject == GLIBC ? allowed : allowed & (unsigned)rng_next(rng);
    subject_make();
    play_batch(kinds);
    subject_unmake();
    CHECK(game.taken <= game.given && game.given <= game.taken + 1, "%u tickets given, %u taken", game.given,
          game.taken);
    total.taken += game.taken;
}

/* ---- The command ---- */

/* Take `name VALUE` out of the arguments; NULL if it is not there. */
static char *take_word(int *argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < *argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            char *value = argv[i + 1];
            *argc -= 2;
            for (; i < *argc; i++)
                argv[i] = argv[i + 2];
            return value;
        }
    }
    return NULL;
}

static unsigned disturbances(char *names)
{
    unsigned kinds = 0;
    for (char *rest = NULL, *name = strtok_r(names, ",", &rest); name != NULL;
         name = strtok_r(NULL, ",", &rest)) {
        unsigned kind = 0;
        while (1u << kind < DISTURBANCES && strcmp(name, disturbance_names[kind]) != 0)
            kind++;
        if (1u << kind == DISTURBANCES) {
            fprintf(stderr, "--disturb: %s is none of yields, signals, aimed, pinned, stopped\n", name);
            exit(2);
        }
        kinds |= 1u << kind;
    }
    return kinds;
}

int main(int argc, char **argv)
{
    const char *peer = take_word(&argc, argv, "--peer");
    char *names = take_word(&argc, argv, "--disturb");
    unsigned kinds = names != NULL ? disturbances(names) : DISTURBANCES - 1;
    bool ours = peer == NULL;
    if (!ours && strcmp(peer, "glibc") != 0) {
        fprintf(stderr, "--peer can be glibc\n");
        return 2;
    }
    stress_begin(argc, argv);
    if (kinds & STOPPED)
        disturb_by_parent();
    disturb_begin(ours ? code_of_library() : code_of_pthread_cond());
    CHECK_EQ(sched_getaffinity(0, sizeof game.cores, &game.cores), 0);
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct member *member = &game.members[i];
        member->number = i;
        member->rng = rng_make(i);
        CHECK_EQ(sem_init(&member->begin, 0, 0), 0);
        member->thread = stress_start(run, member);
    }
    while (atomic_load(&game.at_line) < MEMBERS)
        stress_yield();

    int64_t print_ns = cond_now() + COND_SEC(10);
    for (unsigned round = stress_rounds(ours ? 1 : 100); round > 0; round--) {
        if (ours) {
            for (enum subject subject = 0; subject <= SHARED; subject++)
                for (enum game_kind kind = 0; kind < GAMES; kind++)
                    play(subject, kind, kinds);
        } else {
            play(GLIBC, TICKETS, kinds);
        }
        if (round > 1 && cond_now() >= print_ns) {
            print_total();
            print_ns += COND_SEC(10);
        }
    }
    disturb_off();
    game.over = true;
    for (unsigned i = 0; i < MEMBERS; i++)
        CHECK_EQ(sem_post(&game.members[i].begin), 0);
    for (unsigned i = 0; i < MEMBERS; i++)
        stress_join(game.members[i].thread);
    print_total();
    return 0;
}
