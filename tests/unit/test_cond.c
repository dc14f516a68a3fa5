/* SPDX-License-Identifier: MIT */
/* cond.c: what a condition does, on every kind of lock that it can have. */
#include "unit.h"
#ifdef __has_include
#  if __has_include(<sys/wait.h>)
#    define HAVE_FORK 1
#    include <sys/wait.h>
#    include <unistd.h>
#  endif
#endif
#include "object.h"
#include "mutex.h"
#include "waitq.h"

/* ---- The kinds of lock ---- */

enum kind {
    OWN_RLOCK,
    OWN_MUTEX,
    RLOCK_ELSEWHERE,
    MUTEX_ELSEWHERE,
    FOREIGN_ALL,   /* with every function that there may be */
    FOREIGN_LEAST, /* with acquire and release only */
    PTHREAD_MUTEX,
#ifdef COND_HAVE_PTHREAD_
    KINDS
#else
    KINDS = PTHREAD_MUTEX /* which cannot be had */
#endif
};

struct place {
    cond_t cond;
    cond_lock_t lock;      /* where it is not the condition's own */
    struct toy toy;        /* under a foreign lock */
    pthread_mutex_t mutex; /* under PTHREAD_MUTEX */
    unsigned came;         /* under the lock: threads that have come through */
};

static bool kind_is_recursive(enum kind kind)
{
    return kind == OWN_RLOCK || kind == RLOCK_ELSEWHERE || kind == FOREIGN_ALL;
}

static void make(struct place *place, enum kind kind)
{
    cond_lock_t *lock = &place->lock;
    *place = (struct place){.toy = {.recursive = kind == FOREIGN_ALL}};
    REQUIRE(pthread_mutex_init(&place->mutex, NULL) == 0);
    switch (kind) {
    case OWN_RLOCK:
    case OWN_MUTEX:
        lock = NULL;
        break;
    case RLOCK_ELSEWHERE:
    case MUTEX_ELSEWHERE:
        REQUIRE(cond_lock_init(lock, kind == MUTEX_ELSEWHERE ? COND_MUTEX : COND_RLOCK) == 0);
        break;
#ifdef COND_HAVE_PTHREAD_
    case PTHREAD_MUTEX:
        REQUIRE(cond_lock_init_pthread(lock, &place->mutex) == 0);
        break;
#endif
    default:
        REQUIRE(cond_lock_init_foreign(lock, kind == FOREIGN_ALL ? &toy_ops_all : &toy_ops_least,
                                       &place->toy) == 0);
    }
    REQUIRE(cond_init(&place->cond, lock, kind == OWN_MUTEX ? COND_MUTEX : COND_RLOCK) == 0);
}

static void unmake(struct place *place)
{
    assert_int_equal(cond_waiters(&place->cond), 0);
    assert_false(cond_locked(&place->cond));
    cond_lock_t *lock = cond_get_lock(&place->cond);
    assert_int_equal(cond_destroy(&place->cond), 0);
    assert_int_equal(cond_lock_destroy(lock), lock == &place->lock ? 0 : EINVAL);
    assert_int_equal(pthread_mutex_destroy(&place->mutex), 0);
}

/* ---- Threads that wait ---- */

struct waits {
    struct place *place;
    cond_t *cond;
    unsigned levels; /* how deep it holds the lock */
    cond_pred_t *pred;
    void *arg;
    int64_t timeout_ns;
    pthread_t thread;
    int result;
    bool owned;         /* when it came through */
    unsigned came;      /* the how manieth it was */
    int64_t elapsed_ns; /* how long it took */
};

static void *do_wait(void *arg)
{
    struct waits *w = arg;
    for (unsigned i = 0; i < w->levels; i++)
        REQUIRE(cond_acquire(w->cond) == 0);
    int64_t before_ns = cond_now();
    w->result = w->pred != NULL ? cond_wait_for(w->cond, w->pred, w->arg, w->timeout_ns)
                                : cond_wait(w->cond, w->timeout_ns);
    w->elapsed_ns = cond_now() - before_ns;
    w->owned = cond_owned(w->cond);
    w->came = ++w->place->came;
    for (unsigned i = 0; i < w->levels; i++)
        REQUIRE(cond_release(w->cond) == 0);
    return NULL;
}

/* Starts it, and returns when it waits: its time must be long. The caller does not hold the lock. */
static void wait_in_thread(struct waits *w, struct place *place, cond_pred_t *pred, void *arg,
                           int64_t timeout_ns)
{
    size_t before = cond_waiters(&place->cond);
    *w = (struct waits){.place = place, .cond = &place->cond, .levels = 1, .pred = pred, .arg = arg,
                        .timeout_ns = timeout_ns};
    w->thread = start(do_wait, w);
    until_waiters(&place->cond, before + 1);
}

static void assert_comes(struct waits *w, int result, unsigned came)
{
    (void)finish(w->thread);
    assert_int_equal(w->result, result);
    assert_true(w->owned);
    assert_int_equal(w->came, came);
}

/* Several were chosen, and come through from the how manieth on: which of them first is not promised. */
static void assert_all_come(struct waits *all, unsigned count, unsigned from)
{
    unsigned places = 0;
    for (unsigned i = 0; i < count; i++) {
        (void)finish(all[i].thread);
        assert_int_equal(all[i].result, 0);
        assert_true(all[i].owned);
        assert_in_range(all[i].came, from, from + count - 1);
        places |= 1u << (all[i].came - from);
    }
    assert_int_equal(places, (1u << count) - 1);
}

struct truth {
    bool value;     /* under the lock */
    unsigned asked; /* under the lock: how often */
};

static bool is_true(void *arg)
{
    struct truth *truth = arg;
    truth->asked++;
    return truth->value;
}

/* Until a waiter has seen its deadline pass, or is about to sleep, ... */
static void until_state(struct cond_waiter *waiter, uint32_t bit)
{
    while (!(a_load(&waiter->state, acquire) & bit))
        (void)sched_yield();
}

/* With the lock held: the first one. */
static struct cond_waiter *first_waiter(cond_t *cond)
{
    return cond->u_.local.waiters->next;
}

static void acquire_it(struct place *place)
{
    assert_int_equal(cond_acquire(&place->cond), 0);
}

static void release_it(struct place *place)
{
    assert_int_equal(cond_release(&place->cond), 0);
}

static void notify(struct place *place, size_t n)
{
    acquire_it(place);
    assert_int_equal(cond_notify(&place->cond, n), 0);
    release_it(place);
}

/* ---- First come, first served ---- */

static void first_come_first_served(void **state)
{
    (void)state;
    enum { WAITERS = 6 };
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        struct waits w[WAITERS];
        make(&place, kind);
        for (unsigned i = 0; i < WAITERS; i++)
            wait_in_thread(&w[i], &place, NULL, NULL, i % 2 == 0 ? COND_FOREVER : COND_SEC(1000000));
        notify(&place, 0);
        assert_int_equal(cond_waiters(&place.cond), WAITERS);
        notify(&place, 2);
        assert_all_come(w, 2, 1);
        acquire_it(&place);
        assert_int_equal(place.came, 2);
        assert_int_equal(cond_waiters(&place.cond), WAITERS - 2);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        assert_int_equal(cond_waiters(&place.cond), WAITERS - 3);
        release_it(&place);
        assert_comes(&w[2], 0, 3);
        acquire_it(&place);
        assert_int_equal(cond_notify_all(&place.cond), 0);
        assert_int_equal(cond_waiters(&place.cond), 0);
        assert_int_equal(place.came, 3); /* nobody comes through while the lock is held */
        release_it(&place);
        assert_all_come(&w[3], WAITERS - 3, 4);
        unmake(&place);
    }
}

static void more_than_there_are(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        struct waits w[3], late;
        make(&place, kind);
        notify(&place, SIZE_MAX);
        notify(&place, 1);
        for (unsigned i = 0; i < LENGTH(w); i++)
            wait_in_thread(&w[i], &place, NULL, NULL, COND_FOREVER);
        notify(&place, SIZE_MAX);
        assert_all_come(w, LENGTH(w), 1);
        /* What was given to nobody is not kept for whoever comes later. */
        late = (struct waits){.place = &place, .cond = &place.cond, .levels = 1, .timeout_ns = COND_MS(1)};
        late.thread = start(do_wait, &late);
        assert_comes(&late, ETIMEDOUT, 4);
        unmake(&place);
    }
}

static void arrives_while_others_are_on_their_way(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        struct waits first, second;
        make(&place, kind);
        wait_in_thread(&first, &place, NULL, NULL, COND_FOREVER);
        acquire_it(&place);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        /* This wait begins after the notify: it is not for us, but our release is what lets `first` go. */
        assert_int_equal(cond_wait(&place.cond, COND_MS(1)), ETIMEDOUT);
        release_it(&place);
        assert_comes(&first, 0, 1);
        wait_in_thread(&second, &place, NULL, NULL, COND_FOREVER);
        notify(&place, 1);
        assert_comes(&second, 0, 2);
        unmake(&place);
    }
}

/* ---- The lock, through a wait ---- */

static void wait_gives_all_levels_back_and_restores_them(void **state)
{
    (void)state;
    static const unsigned levels[] = {1, 2, 3, 1000};
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < LENGTH(levels) && (i == 0 || kind_is_recursive(kind)); i++)
            for (int timed_out = 0; timed_out < 2; timed_out++) {
                struct place place;
                make(&place, kind);
                struct waits w = {.place = &place, .cond = &place.cond, .levels = levels[i],
                                  .timeout_ns = timed_out ? COND_MS(1) : COND_FOREVER};
                w.thread = start(do_wait, &w);
                if (!timed_out) {
                    until_waiters(&place.cond, 1);
                    notify(&place, 1);
                }
                assert_comes(&w, timed_out ? ETIMEDOUT : 0, 1);
                unmake(&place); /* it had exactly as many levels to release */
            }
}

static void notifier_holds_it_deep(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        struct waits w;
        if (!kind_is_recursive(kind))
            continue;
        make(&place, kind);
        wait_in_thread(&w, &place, NULL, NULL, COND_FOREVER);
        for (unsigned i = 0; i < 3; i++)
            acquire_it(&place);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(place.came, 0);
            release_it(&place);
        }
        assert_comes(&w, 0, 1);
        unmake(&place);
    }
}

/* ---- Time ---- */

static bool never(void *arg)
{
    ++*(unsigned *)arg;
    return false;
}

static void never_early(void **state)
{
    (void)state;
    static const int64_t timeouts[] = {1, COND_US(1), COND_US(60), COND_MS(1), COND_MS(3)};
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        unsigned asked = 0;
        make(&place, kind);
        acquire_it(&place);
        for (size_t i = 0; i < LENGTH(timeouts); i++) {
            int64_t before_ns = cond_now();
            assert_int_equal(cond_wait(&place.cond, timeouts[i]), ETIMEDOUT);
            assert_true(cond_now() - before_ns >= timeouts[i]);

            before_ns = cond_now();
            assert_int_equal(cond_wait_until(&place.cond, before_ns + timeouts[i]), ETIMEDOUT);
            assert_true(cond_now() - before_ns >= timeouts[i]);

            before_ns = cond_now();
            assert_int_equal(cond_wait_for(&place.cond, never, &asked, timeouts[i]), ETIMEDOUT);
            assert_true(cond_now() - before_ns >= timeouts[i]);
            assert_true(cond_owned(&place.cond));
            assert_int_equal(cond_waiters(&place.cond), 0);
        }
        release_it(&place);
        unmake(&place);
    }
}

static void acquire_is_never_early(void **state)
{
    (void)state;
    struct place place;
    make(&place, OWN_MUTEX);
    place.cond.own_.u_.local.as.mine.word = MUTEX_HELD; /* by nobody who would ever release it */
    for (unsigned ms = 0; ms <= 3; ms++) {
        int64_t before_ns = cond_now();
        assert_int_equal(cond_acquire_timed(&place.cond, COND_MS(ms)), ETIMEDOUT);
        assert_true(cond_now() - before_ns >= COND_MS(ms));
    }
    assert_int_equal(cond_try_acquire(&place.cond), EBUSY);
}

/* A timeout of nothing or less, and a deadline in the past, poll: they give the lock up, but do not sleep. */
static void polls(void **state)
{
    (void)state;
    static const int64_t nothing[] = {0, -1, -COND_SEC(1), INT64_MIN + 1, INT64_MIN};
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        make(&place, kind);
        acquire_it(&place);
        for (size_t i = 0; i < LENGTH(nothing); i++) {
            unsigned asked = 0;
            assert_int_equal(cond_wait(&place.cond, nothing[i]), ETIMEDOUT);
            assert_int_equal(cond_wait_until(&place.cond, nothing[i]), ETIMEDOUT);
            assert_int_equal(cond_wait_until(&place.cond, cond_now()), ETIMEDOUT);
            assert_int_equal(cond_wait_for(&place.cond, never, &asked, nothing[i]), ETIMEDOUT);
            assert_true(asked >= 1);
            assert_int_equal(cond_waiters(&place.cond), 0);
        }
        release_it(&place);
        unmake(&place);
    }
}

static void far_is_forever(void **state)
{
    (void)state;
    static const int64_t far[] = {COND_FOREVER, INT64_MAX - 1, INT64_MAX / 2, COND_SEC(1000000)};
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < LENGTH(far); i++) {
            struct place place;
            struct waits w;
            make(&place, kind);
            assert_int_equal(cond_acquire_timed(&place.cond, far[i]), 0);
            release_it(&place);
            wait_in_thread(&w, &place, NULL, NULL, far[i]);
            notify(&place, 1);
            assert_comes(&w, 0, 1);
            unmake(&place);
        }
}

struct until_thread {
    struct place *place;
    int64_t deadline_ns;
    int result;
};

static void *wait_until_deadline(void *arg)
{
    struct until_thread *u = arg;
    REQUIRE(cond_acquire(&u->place->cond) == 0);
    u->result = cond_wait_until(&u->place->cond, u->deadline_ns);
    REQUIRE(cond_release(&u->place->cond) == 0);
    return NULL;
}

static void wait_until_is_notified(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        make(&place, kind);
        struct until_thread u[] = {
            {.place = &place, .deadline_ns = cond_now() + COND_SEC(1000000), .result = -1},
            {.place = &place, .deadline_ns = INT64_MAX - 1, .result = -1},
            {.place = &place, .deadline_ns = COND_FOREVER, .result = -1},
        };
        for (size_t i = 0; i < LENGTH(u); i++) {
            pthread_t thread = start(wait_until_deadline, &u[i]);
            until_waiters(&place.cond, 1);
            notify(&place, 1);
            (void)finish(thread);
            assert_int_equal(u[i].result, 0);
        }
        unmake(&place);
    }
}

/* ---- A notification is never lost ---- */

/*
 * Starts n waits one after the other. True: they all wait, and the lock is held by the caller, so that their
 * deadlines can pass under its eyes. False: one has come through already, since time was short for this
 * machine; then none waits any more, and the caller gives them more time.
 */
static bool all_wait(struct place *place, struct waits *w, unsigned n)
{
    place->came = 0;
    for (unsigned i = 0; i < n; i++) {
        w[i].place = place;
        w[i].cond = &place->cond;
        w[i].levels = 1;
        w[i].thread = start(do_wait, &w[i]);
        acquire_it(place);
        while (cond_waiters(&place->cond) + place->came != i + 1) {
            release_it(place);
            (void)sched_yield();
            acquire_it(place);
        }
        if (i + 1 < n)
            release_it(place);
    }
    if (place->came == 0)
        return true;
    assert_int_equal(cond_notify_all(&place->cond), 0);
    release_it(place);
    for (unsigned i = 0; i < n; i++)
        (void)finish(w[i].thread);
    return false;
}

/* A's deadline passes while the notifier holds the lock; B waits too. What is notified is B. */
static void expired_waiter_swallows_nothing(void **state)
{
    (void)state;
    for (int with_pred = 0; with_pred < 2; with_pred++)
        for (enum kind kind = 0; kind < KINDS; kind++) {
            struct place place;
            struct waits w[2];
            struct truth truth = {false, 0};
            int64_t timeout_ns = COND_MS(2);
            make(&place, kind);
            do {
                timeout_ns *= 2;
                w[0] = (struct waits){.timeout_ns = timeout_ns, .arg = &truth};
                w[0].pred = with_pred ? is_true : NULL;
                w[1] = (struct waits){.timeout_ns = COND_FOREVER};
            } while (!all_wait(&place, w, 2));
            until_state(first_waiter(&place.cond), WAITER_EXPIRED);
            assert_int_equal(cond_notify(&place.cond, 1), 0);
            assert_int_equal(cond_waiters(&place.cond), 0);
            release_it(&place);
            (void)finish(w[0].thread);
            (void)finish(w[1].thread);
            assert_int_equal(w[0].result, ETIMEDOUT);
            assert_true(w[0].elapsed_ns >= timeout_ns);
            assert_int_equal(w[1].result, 0);
            unmake(&place);
        }
}

/* ---- Predicates ---- */

static void already_true(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        static const int64_t timeouts[] = {COND_FOREVER, 0, INT64_MIN, COND_MS(1)};
        struct place place;
        struct truth truth = {true, 0};
        make(&place, kind);
        acquire_it(&place);
        for (unsigned i = 0; i < LENGTH(timeouts); i++) {
            assert_int_equal(cond_wait_for(&place.cond, is_true, &truth, timeouts[i]), 0);
            assert_int_equal(truth.asked, i + 1);
        }
        release_it(&place);
        unmake(&place);
    }
}

static bool at_the_second_look(void *arg)
{
    return ++*(unsigned *)arg == 2;
}

/* Nobody told it, but at the end of its time it is true. */
static void true_at_the_end_of_the_time(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        unsigned looks = 0;
        make(&place, kind);
        acquire_it(&place);
        assert_int_equal(cond_wait_for(&place.cond, at_the_second_look, &looks, COND_MS(1)), 0);
        assert_int_equal(looks, 2);
        release_it(&place);
        unmake(&place);
    }
}

/* The change may come after the notify, in the same critical section. */
static void notified_before_the_change(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        struct waits w;
        struct truth truth = {false, 0};
        make(&place, kind);
        wait_in_thread(&w, &place, is_true, &truth, COND_FOREVER);
        acquire_it(&place);
        unsigned asked = truth.asked;
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        assert_int_equal(truth.asked, asked); /* not at the moment of notify */
        truth.value = true;
        release_it(&place);
        assert_comes(&w, 0, 1);
        unmake(&place);
    }
}

/* A false predicate: its waiter is left asleep, or put back, and counted as waiting all the time to come. */
static void false_predicates_keep_their_places(void **state)
{
    (void)state;
    enum { WAITERS = 4 };
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        struct waits w[WAITERS];
        struct truth truth[WAITERS] = {{false, 0}};
        make(&place, kind);
        for (unsigned i = 0; i < WAITERS; i++)
            wait_in_thread(&w[i], &place, is_true, &truth[i], COND_FOREVER);
        acquire_it(&place);
        assert_int_equal(cond_notify_all(&place.cond), 0);
        release_it(&place);
        until_waiters(&place.cond, WAITERS);
        acquire_it(&place);
        assert_int_equal(place.came, 0);
        for (unsigned i = 0; i < WAITERS; i++) {
            assert_int_equal(truth[i].asked, 2); /* by itself at first, and once for the notify_all */
            truth[i].value = true;
        }
        assert_int_equal(cond_notify(&place.cond, WAITERS), 0);
        release_it(&place);
        assert_all_come(w, WAITERS, 1);
        unmake(&place);
    }
}

/* notify(1) meets two of which only the second can use it. */
static void passes_on_to_the_one_that_can_use_it(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        struct waits a, b, c;
        struct truth truth_a = {false, 0}, truth_b = {false, 0};
        make(&place, kind);
        wait_in_thread(&a, &place, is_true, &truth_a, COND_FOREVER);
        wait_in_thread(&b, &place, is_true, &truth_b, COND_FOREVER);
        wait_in_thread(&c, &place, NULL, NULL, COND_FOREVER);
        acquire_it(&place);
        truth_b.value = true;
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        release_it(&place);
        assert_comes(&b, 0, 1);
        until_waiters(&place.cond, 2); /* a is back in its place, before c */
        notify(&place, 1);
        assert_comes(&c, 0, 2);        /* since a passes it on again */
        until_waiters(&place.cond, 1);
        acquire_it(&place);
        truth_a.value = true;
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        release_it(&place);
        assert_comes(&a, 0, 3);
        unmake(&place);
    }
}

/*
 * Notified with a true predicate, which turns false before the release, and its deadline passes meanwhile. If
 * it stays true then it has come, late or not. What it does not use, the one behind it gets.
 */

/* Two wait, and the first, whose time is not over yet, is notified; the lock is held. Or else not. */
static bool first_is_notified_in_time(struct place *place, struct waits *w, struct truth *truth,
                                      int64_t timeout_ns)
{
    *truth = (struct truth){false, 0};
    w[0] = (struct waits){.timeout_ns = timeout_ns, .pred = is_true, .arg = truth};
    w[1] = (struct waits){.timeout_ns = COND_FOREVER};
    if (!all_wait(place, w, 2))
        return false;
    truth->value = true;
    assert_int_equal(cond_notify(&place->cond, 1), 0);
    if (cond_waiters(&place->cond) == 1)
        return true;
    release_it(place);
    (void)finish(w[0].thread);
    (void)finish(w[1].thread);
    return false;
}

static void deadline_passes_among_the_notified(void **state)
{
    (void)state;
    for (int stays_true = 0; stays_true < 2; stays_true++)
        for (enum kind kind = 0; kind < KINDS; kind++) {
            struct place place;
            struct waits w[2];
            struct truth truth;
            int64_t timeout_ns = COND_MS(4);
            make(&place, kind);
            while (!first_is_notified_in_time(&place, w, &truth, timeout_ns))
                timeout_ns *= 2;
            if (kind <= MUTEX_ELSEWHERE) {
                until_state(cond_get_lock(&place.cond)->u_.local.notified->next, WAITER_EXPIRED);
            } else {
                /* It was let go at once, and does not look at the clock: its time is over in any case. */
                int64_t since_ns = cond_now();
                while (cond_now() - since_ns < timeout_ns)
                    (void)sched_yield();
            }
            truth.value = stays_true != 0;
            release_it(&place);
            (void)finish(w[0].thread);
            assert_int_equal(w[0].result, stays_true ? 0 : ETIMEDOUT);
            if (stays_true) {
                assert_int_equal(cond_waiters(&place.cond), 1);
                notify(&place, 1);
            }
            (void)finish(w[1].thread);
            assert_int_equal(w[1].result, 0);
            unmake(&place);
        }
}

/* The same, and it stays true; but meanwhile the condition is destroyed, and its memory is another one's. */
static void content_without_its_condition(void **state)
{
    (void)state;
    bool chosen = false;
    for (int64_t timeout_ns = COND_MS(4); !chosen; timeout_ns *= 2) {
        struct place place;
        struct truth truth = {false, 0};
        struct waits w = {.timeout_ns = timeout_ns, .pred = is_true, .arg = &truth};
        make(&place, RLOCK_ELSEWHERE);
        if (all_wait(&place, &w, 1)) {
            truth.value = true;
            assert_int_equal(cond_notify(&place.cond, 1), 0);
            chosen = place.lock.u_.local.notified != NULL; /* its time was not over yet */
            if (chosen) {
                until_state(place.lock.u_.local.notified->next, WAITER_EXPIRED);
                assert_int_equal(cond_destroy(&place.cond), 0);
                place.cond = (cond_t){.lock_ = &place.lock};
                place.cond.u_.local.waiters = (struct cond_waiter *)1; /* not to be followed */
            }
            release_it(&place);
            (void)finish(w.thread);
            if (chosen)
                assert_int_equal(w.result, 0);
            place.cond.u_.local.waiters = NULL;
        }
        unmake(&place);
    }
}

/* On a lock whose release is not seen, the waiter itself finds that it was let go in vain, and hands on. */
static void let_go_in_vain_on_a_foreign_lock(void **state)
{
    (void)state;
    static const enum kind kinds[] = {FOREIGN_ALL, FOREIGN_LEAST, PTHREAD_MUTEX};
    for (size_t i = 0; i < LENGTH(kinds) && kinds[i] < KINDS; i++) {
        struct place place;
        struct waits a, b, late;
        struct truth truth = {false, 0};
        make(&place, kinds[i]);
        wait_in_thread(&a, &place, is_true, &truth, COND_SEC(1000000));
        wait_in_thread(&b, &place, NULL, NULL, COND_SEC(1000000));
        acquire_it(&place);
        truth.value = true;
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        assert_int_equal(cond_waiters(&place.cond), 1);
        truth.value = false; /* a is on its way to the lock, which we have */
        release_it(&place);
        assert_comes(&b, 0, 1);
        until_waiters(&place.cond, 1);
        wait_in_thread(&late, &place, NULL, NULL, COND_FOREVER);
        acquire_it(&place);
        truth.value = true;
        assert_int_equal(cond_notify(&place.cond, 1), 0); /* the first one is still a */
        release_it(&place);
        assert_comes(&a, 0, 2);
        notify(&place, 1);
        assert_comes(&late, 0, 3);
        unmake(&place);
    }
}

/* ---- Several conditions on one lock ---- */

static void several_conditions_on_one_lock(void **state)
{
    (void)state;
    for (enum kind kind = RLOCK_ELSEWHERE; kind < KINDS; kind++) {
        struct place place;
        cond_t other;
        struct waits w[3], *a = &w[0], *b = &w[1], *c = &w[2];
        make(&place, kind);
        assert_int_equal(cond_init(&other, &place.lock, 0), 0);
        assert_ptr_equal(cond_get_lock(&other), cond_get_lock(&place.cond));
        wait_in_thread(a, &place, NULL, NULL, COND_FOREVER);
        *b = (struct waits){.place = &place, .cond = &other, .levels = 1, .timeout_ns = COND_FOREVER};
        b->thread = start(do_wait, b);
        until_waiters(&other, 1);
        wait_in_thread(c, &place, NULL, NULL, COND_FOREVER);

        acquire_it(&place);
        assert_true(cond_owned(&other));
        assert_int_equal(cond_notify_all(&other), 0);
        assert_int_equal(cond_waiters(&other), 0);
        assert_int_equal(cond_waiters(&place.cond), 2);
        release_it(&place);
        assert_comes(b, 0, 1);

        b->thread = start(do_wait, b);
        until_waiters(&other, 1);
        acquire_it(&place);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        assert_int_equal(cond_notify(&other, 1), 0);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        release_it(&place);
        assert_all_come(w, LENGTH(w), 2);
        assert_int_equal(cond_destroy(&other), 0);
        unmake(&place);
    }
}

/* ---- The end of a condition ---- */

/* A waiter that was chosen does not touch a condition whose lock lives elsewhere: its memory may be used for
   anything before the waiter has come through. */
struct leaves {
    cond_lock_t *lock;
    cond_t *cond;
    int result;
};

static void *wait_and_forget(void *arg)
{
    struct leaves *l = arg;
    REQUIRE(cond_lock_acquire(l->lock) == 0);
    l->result = cond_wait(l->cond, COND_SEC(1000000));
    REQUIRE(cond_lock_release(l->lock) == 0);
    return NULL;
}

static void freed_before_the_woken_are_through(void **state)
{
    (void)state;
    for (enum kind kind = RLOCK_ELSEWHERE; kind < KINDS; kind++) {
        struct place place;
        make(&place, kind);
        cond_t *cond = malloc(sizeof *cond);
        assert_non_null(cond);
        assert_int_equal(cond_init(cond, &place.lock, 0), 0);
        struct leaves leaves[3];
        pthread_t threads[3];
        for (unsigned i = 0; i < LENGTH(leaves); i++) {
            leaves[i] = (struct leaves){.lock = &place.lock, .cond = cond, .result = -1};
            threads[i] = start(wait_and_forget, &leaves[i]);
        }
        until_waiters(cond, LENGTH(leaves));
        assert_int_equal(cond_destroy(cond), EBUSY);
        acquire_it(&place);
        assert_int_equal(cond_destroy(cond), EBUSY);
        assert_int_equal(cond_notify_all(cond), 0);
        assert_int_equal(cond_destroy(cond), 0);
        memset(cond, 0xFF, sizeof *cond);
        free(cond);
        release_it(&place);
        for (unsigned i = 0; i < LENGTH(leaves); i++) {
            (void)finish(threads[i]);
            assert_int_equal(leaves[i].result, 0);
        }
        unmake(&place);
    }
}

/* On its own lock it must wait until they are through. */
static void own_lock_is_busy_until_the_woken_are_through(void **state)
{
    (void)state;
    for (enum kind kind = OWN_RLOCK; kind <= OWN_MUTEX; kind++) {
        struct place place;
        struct waits w;
        make(&place, kind);
        wait_in_thread(&w, &place, NULL, NULL, COND_FOREVER);
        assert_int_equal(cond_destroy(&place.cond), EBUSY);
        acquire_it(&place);
        assert_int_equal(cond_destroy(&place.cond), EBUSY);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        assert_int_equal(cond_waiters(&place.cond), 0);
        assert_int_equal(cond_destroy(&place.cond), EBUSY);
        release_it(&place);
        while (cond_destroy(&place.cond) == EBUSY)
            (void)sched_yield();
        (void)finish(w.thread);
        assert_int_equal(w.result, 0);
        assert_int_equal(cond_acquire(&place.cond), EINVAL);
    }
}

/* ---- Making conditions ---- */

static cond_t all_zero;
static cond_t static_cond = COND_INIT;
static cond_lock_t static_mutex = COND_MUTEX_INIT;
static cond_t static_on_mutex = COND_INIT_WITH(&static_mutex);

static void static_initialisers(void **state)
{
    (void)state;
    cond_t *conds[] = {&all_zero, &static_cond, &static_on_mutex};
    for (size_t i = 0; i < LENGTH(conds); i++) {
        struct place place = {.came = 0};
        assert_int_equal(cond_acquire(conds[i]), 0);
        assert_int_equal(cond_acquire(conds[i]), i == 2 ? EDEADLK : 0);
        assert_int_equal(cond_wait(conds[i], COND_US(1)), ETIMEDOUT);
        assert_int_equal(cond_release(conds[i]), 0);
        assert_int_equal(cond_release(conds[i]), i == 2 ? EPERM : 0);
        struct waits w = {.place = &place, .cond = conds[i], .levels = 1, .timeout_ns = COND_FOREVER};
        w.thread = start(do_wait, &w);
        until_waiters(conds[i], 1);
        assert_int_equal(cond_acquire(conds[i]), 0);
        assert_int_equal(cond_notify_all(conds[i]), 0);
        assert_int_equal(cond_release(conds[i]), 0);
        assert_comes(&w, 0, 1);
    }
    assert_ptr_equal(cond_get_lock(&static_on_mutex), &static_mutex);
    assert_non_null(cond_get_lock(&all_zero));
}

static void init_over_garbage(void **state)
{
    (void)state;
    static const unsigned kinds[] = {COND_RLOCK, COND_MUTEX};
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        cond_t cond;
        memset(&cond, 0xA5, sizeof cond);
        assert_int_equal(cond_init(&cond, NULL, kinds[i]), 0);
        assert_int_equal(cond_waiters(&cond), 0);
        assert_int_equal(cond_acquire(&cond), 0);
        assert_int_equal(cond_try_acquire(&cond), kinds[i] == COND_MUTEX ? EDEADLK : 0);
        assert_int_equal(cond_wait(&cond, 0), ETIMEDOUT);
        assert_int_equal(cond_destroy(&cond), EBUSY);
        assert_int_equal(cond_release(&cond), 0);
    }
}

/* ---- COND_WITH ---- */

static bool free_again(cond_t *cond)
{
    return !cond_owned(cond) && !cond_locked(cond);
}

static int left_by_return(cond_t *cond)
{
    COND_WITH (cond) {
        if (cond_owned(cond))
            return 1;
    }
    return 0;
}

static bool left_by_goto(cond_t *cond)
{
    bool inside = false;
    COND_WITH (cond) {
        inside = cond_owned(cond);
        if (inside)
            goto out;
        inside = false;
    }
out:
    return inside && free_again(cond);
}

static void with(void **state)
{
    (void)state;
    cond_t cond = COND_INIT;
    unsigned entered = 0;

    COND_WITH (&cond) {
        assert_true(cond_owned(&cond));
        entered++;
    }
    assert_int_equal(entered, 1);
    assert_true(free_again(&cond));

    COND_WITH (&cond) {
        entered++;
        if (entered != 0)
            break;
        entered = 1000;
    }
    assert_int_equal(entered, 2);
    assert_true(free_again(&cond));

    COND_WITH (&cond) {
        entered++;
        if (entered != 0)
            continue;
        entered = 1000;
    }
    assert_int_equal(entered, 3);
    assert_true(free_again(&cond));

    assert_int_equal(left_by_return(&cond), 1);
    assert_true(free_again(&cond));
    assert_true(left_by_goto(&cond));

    /* In a loop of the caller's; break leaves the block only. */
    for (unsigned i = 0; i < 3; i++) {
        COND_WITH (&cond) {
            entered++;
            break;
        }
        assert_true(free_again(&cond));
    }
    assert_int_equal(entered, 6);

    /* One inside the other: each releases its own level. */
    COND_WITH (&cond) {
        COND_WITH (&cond) {
            entered++;
        }
        assert_true(cond_owned(&cond));
        for (unsigned i = 0; i < 2; i++)
            COND_WITH (&cond)
                entered++;
        assert_true(cond_owned(&cond));
    }
    assert_int_equal(entered, 9);
    assert_true(free_again(&cond));
}

static void with_is_not_entered_on_failure(void **state)
{
    (void)state;
    cond_t mutex, dead = COND_INIT;
    bool entered = false;
    assert_int_equal(cond_destroy(&dead), 0);
    COND_WITH (&dead)
        entered = true;
    assert_false(entered);
    COND_WITH ((cond_t *)NULL)
        entered = true;
    assert_false(entered);

    assert_int_equal(cond_init(&mutex, NULL, COND_MUTEX), 0);
    COND_WITH (&mutex) {
        COND_WITH (&mutex) /* EDEADLK */
            entered = true;
        assert_false(entered);
        assert_true(cond_owned(&mutex)); /* and so it was not released */
    }
    assert_true(free_again(&mutex));
}

/* The condition is destroyed while a block waits in it and has been chosen: the block has the lock, and gives it back. */
struct brief {
    cond_lock_t lock;
    cond_t cond;
    int result;
};

static void *wait_within(void *arg)
{
    struct brief *brief = arg;
    COND_WITH (&brief->cond)
        brief->result = cond_wait(&brief->cond, COND_FOREVER);
    return NULL;
}

static void with_releases_though_its_condition_is_destroyed(void **state)
{
    (void)state;
    struct brief brief = {.lock = COND_RLOCK_INIT, .result = -1};
    pthread_t thread;
    assert_int_equal(cond_init(&brief.cond, &brief.lock, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, wait_within, &brief), 0);
    for (REQUIRE(cond_lock_acquire(&brief.lock) == 0); cond_waiters(&brief.cond) == 0;
         REQUIRE(cond_lock_acquire(&brief.lock) == 0)) {
        REQUIRE(cond_lock_release(&brief.lock) == 0);
        (void)sched_yield();
    }
    assert_int_equal(cond_notify(&brief.cond, 1), 0);
    assert_int_equal(cond_destroy(&brief.cond), 0);
    memset((void *)&brief.cond, 0x5A, sizeof brief.cond);
    assert_int_equal(cond_lock_release(&brief.lock), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(brief.result, 0);
    assert_false(cond_lock_locked(&brief.lock));
    assert_int_equal(cond_lock_destroy(&brief.lock), 0);

    /* In the block itself. */
    assert_int_equal(cond_lock_init(&brief.lock, COND_MUTEX), 0);
    assert_int_equal(cond_init(&brief.cond, &brief.lock, 0), 0);
    COND_WITH (&brief.cond)
        assert_int_equal(cond_destroy(&brief.cond), 0);
    assert_false(cond_lock_locked(&brief.lock));
    assert_int_equal(cond_lock_destroy(&brief.lock), 0);
}

/* A block that was entered owing a recovery has the lock, too. */
static int acquire_of_the_dead(void *object, int64_t deadline_ns)
{
    int error = toy_acquire(object, deadline_ns);
    return error == 0 ? EOWNERDEAD : error;
}

static void with_is_entered_on_eownerdead(void **state)
{
    (void)state;
    static const cond_lock_ops_t ops = {.acquire = acquire_of_the_dead, .release = toy_release,
                                        .owned = toy_owned};
    struct toy toy = {.recursive = false};
    cond_lock_t lock;
    cond_t cond;
    bool entered = false;
    assert_int_equal(cond_lock_init_foreign(&lock, &ops, &toy), 0);
    assert_int_equal(cond_init(&cond, &lock, 0), 0);
    COND_WITH (&cond)
        entered = toy_owned(&toy);
    assert_true(entered);
    assert_false(toy_owned(&toy));
}

/* ---- fork ---- */

struct fork_holder {
    struct place *place;
    atomic_int holds, let_go;
};

#ifdef HAVE_FORK
static void in_the_child(void (*check)(struct place *), struct place *place)
{
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        check(place);
        _Exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static bool true_now(void *arg)
{
    (void)arg;
    return true;
}

static void require_as_good_as_new(struct place *place)
{
    cond_t *cond = &place->cond;
    unsigned asked = 0;
    REQUIRE(!cond_locked(cond) && !cond_owned(cond) && cond_waiters(cond) == 0);
    REQUIRE(cond_release(cond) == EPERM);
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_owned(cond));
    REQUIRE(cond_wait(cond, COND_US(10)) == ETIMEDOUT);
    REQUIRE(cond_wait_for(cond, never, &asked, 0) == ETIMEDOUT);
    REQUIRE(cond_wait_for(cond, true_now, NULL, COND_FOREVER) == 0);
    REQUIRE(cond_notify(cond, SIZE_MAX) == 0);
    REQUIRE(cond_notify_all(cond) == 0);
    REQUIRE(cond_release(cond) == 0);
    REQUIRE(cond_destroy(cond) == 0);
    REQUIRE(cond_acquire(cond) == EINVAL);
}

static void child_reinits(struct place *place)
{
    REQUIRE(cond_reinit_after_fork(&place->cond) == 0);
    require_as_good_as_new(place);
}

static void child_destroys(struct place *place)
{
    int error = cond_destroy(&place->cond); /* comes back, whatever it says */
    REQUIRE(error == 0 || error == EBUSY);
    if (error == 0) {
        REQUIRE(cond_acquire(&place->cond) == EINVAL);
    } else {
        REQUIRE(cond_reinit_after_fork(&place->cond) == 0);
        REQUIRE(cond_destroy(&place->cond) == 0);
    }
}

static void *hold_for_the_fork(void *arg)
{
    struct fork_holder *holder = arg;
    REQUIRE(cond_acquire(&holder->place->cond) == 0);
    atomic_store(&holder->holds, 1);
    until(&holder->let_go, 1);
    REQUIRE(cond_release(&holder->place->cond) == 0);
    return NULL;
}

/* The child inherits a lock that a thread holds which does not exist there, and waiters likewise. */
static void fork_while_others_hold_and_wait(void **state)
{
    (void)state;
    for (enum kind kind = OWN_RLOCK; kind <= MUTEX_ELSEWHERE; kind++) {
        struct place place;
        struct waits w[3];
        make(&place, kind);
        struct fork_holder holder = {.place = &place};
        for (unsigned i = 0; i < LENGTH(w); i++)
            wait_in_thread(&w[i], &place, NULL, NULL, COND_FOREVER);
        in_the_child(child_reinits, &place);
        in_the_child(child_destroys, &place);
        pthread_t thread = start(hold_for_the_fork, &holder);
        until(&holder.holds, 1);
        in_the_child(child_reinits, &place);
        in_the_child(child_destroys, &place);
        atomic_store(&holder.let_go, 1);
        (void)finish(thread);
        /* All that was in the child only. */
        assert_int_equal(cond_waiters(&place.cond), LENGTH(w));
        notify(&place, SIZE_MAX);
        assert_all_come(w, LENGTH(w), 1);
        unmake(&place);
    }
}

static void child_goes_on_holding(struct place *place)
{
    unsigned asked = 0;
    REQUIRE(cond_owned(&place->cond));
    REQUIRE(cond_wait_for(&place->cond, never, &asked, COND_US(10)) == ETIMEDOUT);
    REQUIRE(cond_owned(&place->cond));
    REQUIRE(cond_release(&place->cond) == 0);
    require_as_good_as_new(place);
}

/* What the forking thread holds, it holds in the child too, and can reinit it nevertheless. */
static void fork_while_holding(void **state)
{
    (void)state;
    for (enum kind kind = OWN_RLOCK; kind <= MUTEX_ELSEWHERE; kind++) {
        struct place place;
        make(&place, kind);
        acquire_it(&place);
        in_the_child(child_goes_on_holding, &place);
        in_the_child(child_reinits, &place);
        in_the_child(child_destroys, &place);
        assert_true(cond_owned(&place.cond));
        release_it(&place);
        unmake(&place);
    }
}

/* The lock of several conditions is freed by the first, and the others follow; chosen waiters are forgotten,
   and the foreign lock is left as it is: held here by the forking thread. */
static void child_reinits_two(struct place *place)
{
    cond_t other;
    REQUIRE(cond_init(&other, &place->lock, 0) == 0);
    REQUIRE(cond_reinit_after_fork(&place->cond) == 0);
    REQUIRE(cond_reinit_after_fork(&other) == 0);
    if (place->lock.kind_ == LOCK_FOREIGN) {
        REQUIRE(cond_owned(&place->cond));
        REQUIRE(cond_release(&place->cond) == 0);
    }
    require_as_good_as_new(place);
    REQUIRE(cond_acquire(&other) == 0);
    REQUIRE(cond_release(&other) == 0);
    REQUIRE(cond_destroy(&other) == 0);
}

static void fork_with_chosen_waiters(void **state)
{
    (void)state;
    static const enum kind kinds[] = {RLOCK_ELSEWHERE, MUTEX_ELSEWHERE, FOREIGN_ALL};
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        struct place place;
        struct waits w[2];
        make(&place, kinds[i]);
        for (unsigned k = 0; k < LENGTH(w); k++)
            wait_in_thread(&w[k], &place, NULL, NULL, COND_FOREVER);
        acquire_it(&place);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        in_the_child(child_reinits_two, &place);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        release_it(&place);
        assert_all_come(w, LENGTH(w), 1);
        unmake(&place);
    }
}

#endif

/* ---- Cancellation ---- */

struct cancelled {
    struct place *place;
    bool before;      /* cancels itself before it begins */
    atomic_int ready; /* may be cancelled now */
    unsigned passed;  /* how many calls have returned; under the lock until it was notified */
    int results[8];
};

/* A mutex's word that somebody is about to sleep on says so. */
static void until_sleepers(cond_t *cond)
{
    while (!(a_load_32(&cond_get_lock(cond)->u_.local.as.mine.word) & MUTEX_SLEEPERS))
        (void)sched_yield();
}

static void note(struct cancelled *c, int result)
{
    c->results[c->passed++] = result;
}

static void *goes_on_though_cancelled(void *arg)
{
    struct cancelled *c = arg;
    cond_t *cond = &c->place->cond;
    unsigned asked = 0;
    if (c->before)
        REQUIRE(pthread_cancel(pthread_self()) == 0);
    atomic_store(&c->ready, 1);
    note(c, cond_acquire(cond)); /* contended */
    note(c, cond_wait(cond, COND_US(10)));
    note(c, cond_wait_for(cond, never, &asked, COND_US(10)));
    note(c, cond_wait(cond, COND_FOREVER)); /* until notified */
    note(c, cond_notify_all(cond));
    note(c, cond_release(cond));
    note(c, cond_acquire_timed(cond, COND_FOREVER));
    note(c, cond_release(cond));
    pthread_testcancel();
    return NULL;
}

static void not_a_cancellation_point(void **state)
{
    (void)state;
    enum { BEFORE, IN_ACQUIRE, IN_WAIT, MOMENTS };
    for (int moment = BEFORE; moment < MOMENTS; moment++)
        for (enum kind kind = OWN_RLOCK; kind <= OWN_MUTEX; kind++) {
            static const int expected[] = {0, ETIMEDOUT, ETIMEDOUT, 0, 0, 0, 0, 0};
            struct place place;
            make(&place, kind);
            struct cancelled c = {.place = &place, .before = moment == BEFORE};
            acquire_it(&place);
            pthread_t thread = start(goes_on_though_cancelled, &c);
            until(&c.ready, 1);
            until_sleepers(&place.cond);
            if (moment == IN_ACQUIRE)
                assert_int_equal(pthread_cancel(thread), 0);
            release_it(&place);
            for (bool last = false; !last; (void)sched_yield()) {
                acquire_it(&place);
                last = c.passed == 3 && cond_waiters(&place.cond) == 1;
                if (last) {
                    until_state(first_waiter(&place.cond), WAITER_ASLEEP);
                    if (moment == IN_WAIT)
                        assert_int_equal(pthread_cancel(thread), 0);
                    assert_int_equal(cond_notify(&place.cond, 1), 0);
                }
                release_it(&place);
            }
            assert_ptr_equal(finish(thread), PTHREAD_CANCELED);
            assert_int_equal(c.passed, LENGTH(expected));
            for (size_t i = 0; i < LENGTH(expected); i++)
                assert_int_equal(c.results[i], expected[i]);
            unmake(&place);
        }
}

/* ---- errno ---- */

#define KEEPS_ERRNO(call)                                                                               \
    do {                                                                                                \
        errno = 4711;                                                                                   \
        (void)(call);                                                                                   \
        assert_int_equal(errno, 4711);                                                                  \
    } while (0)

static void *acquire_and_notify(void *arg)
{
    cond_t *cond = arg;
    until_waiters(cond, 1);
    REQUIRE(cond_acquire(cond) == 0);
    until_state(first_waiter(cond), WAITER_ASLEEP);
    REQUIRE(cond_notify(cond, 1) == 0);
    REQUIRE(cond_release(cond) == 0);
    return NULL;
}

static void *hold_until_somebody_sleeps(void *arg)
{
    struct fork_holder *holder = arg;
    cond_t *cond = &holder->place->cond;
    REQUIRE(cond_acquire(cond) == 0);
    atomic_store(&holder->holds, 1);
    until_sleepers(cond);
    REQUIRE(cond_release(cond) == 0);
    return NULL;
}

static void errno_is_left_alone(void **state)
{
    (void)state;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        unsigned asked = 0;
        char text[200];
        make(&place, kind);
        cond_t *cond = &place.cond;
        KEEPS_ERRNO(cond_release(NULL));
        KEEPS_ERRNO(cond_wait(cond, COND_MS(1))); /* EPERM */
        KEEPS_ERRNO(cond_notify(cond, 1));
        KEEPS_ERRNO(cond_acquire(cond));
        if (kind != PTHREAD_MUTEX)
            KEEPS_ERRNO(cond_acquire(cond)); /* deeper, or EDEADLK */
        KEEPS_ERRNO(cond_try_acquire(cond));
        KEEPS_ERRNO(cond_acquire_timed(cond, COND_US(10)));
        KEEPS_ERRNO(cond_wait(cond, COND_US(100)));
        KEEPS_ERRNO(cond_wait(cond, INT64_MIN));
        KEEPS_ERRNO(cond_wait_until(cond, cond_now() + COND_US(100)));
        KEEPS_ERRNO(cond_wait_for(cond, never, &asked, COND_US(100)));
        KEEPS_ERRNO(cond_notify(cond, SIZE_MAX));
        KEEPS_ERRNO(cond_notify_all(cond));
        KEEPS_ERRNO(cond_locked(cond));
        KEEPS_ERRNO(cond_owned(cond));
        KEEPS_ERRNO(cond_waiters(cond));
        KEEPS_ERRNO(cond_recover(cond));
        KEEPS_ERRNO(cond_describe(cond, text, sizeof text));
        KEEPS_ERRNO(cond_strerror(EPERM));
        KEEPS_ERRNO(cond_strerror(-1));
        KEEPS_ERRNO(cond_now());
        KEEPS_ERRNO(cond_get_lock(cond));
        pthread_t thread = start(acquire_and_notify, cond);
        KEEPS_ERRNO(cond_wait(cond, COND_FOREVER)); /* asleep in the kernel, and woken */
        (void)finish(thread);
        do
            KEEPS_ERRNO(cond_release(cond));
        while (cond_owned(cond));
        if (kind <= MUTEX_ELSEWHERE) {
            struct fork_holder holder = {.place = &place};
            thread = start(hold_until_somebody_sleeps, &holder);
            until(&holder.holds, 1);
            KEEPS_ERRNO(cond_acquire(cond));
            (void)finish(thread);
            KEEPS_ERRNO(cond_release(cond));
        }
        KEEPS_ERRNO(cond_reinit_after_fork(cond));
        KEEPS_ERRNO(cond_destroy(cond));
        KEEPS_ERRNO(cond_destroy(cond));
        KEEPS_ERRNO(cond_init(cond, NULL, 1000));
        KEEPS_ERRNO(cond_init(cond, NULL, COND_SHARED));
        KEEPS_ERRNO(cond_init(cond, NULL, 0));
        KEEPS_ERRNO(cond_lock_init(&place.lock, COND_MUTEX));
        KEEPS_ERRNO(cond_lock_destroy(&place.lock));
        assert_int_equal(pthread_mutex_destroy(&place.mutex), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_come_first_served),
        cmocka_unit_test(more_than_there_are),
        cmocka_unit_test(arrives_while_others_are_on_their_way),
        cmocka_unit_test(wait_gives_all_levels_back_and_restores_them),
        cmocka_unit_test(notifier_holds_it_deep),
        cmocka_unit_test(never_early),
        cmocka_unit_test(acquire_is_never_early),
        cmocka_unit_test(polls),
        cmocka_unit_test(far_is_forever),
        cmocka_unit_test(wait_until_is_notified),
        cmocka_unit_test(expired_waiter_swallows_nothing),
        cmocka_unit_test(already_true),
        cmocka_unit_test(true_at_the_end_of_the_time),
        cmocka_unit_test(notified_before_the_change),
        cmocka_unit_test(false_predicates_keep_their_places),
        cmocka_unit_test(passes_on_to_the_one_that_can_use_it),
        cmocka_unit_test(deadline_passes_among_the_notified),
        cmocka_unit_test(content_without_its_condition),
        cmocka_unit_test(let_go_in_vain_on_a_foreign_lock),
        cmocka_unit_test(several_conditions_on_one_lock),
        cmocka_unit_test(freed_before_the_woken_are_through),
        cmocka_unit_test(own_lock_is_busy_until_the_woken_are_through),
        cmocka_unit_test(static_initialisers),
        cmocka_unit_test(init_over_garbage),
        cmocka_unit_test(with),
        cmocka_unit_test(with_is_not_entered_on_failure),
        cmocka_unit_test(with_releases_though_its_condition_is_destroyed),
        cmocka_unit_test(with_is_entered_on_eownerdead),
#ifdef HAVE_FORK
        cmocka_unit_test(fork_while_others_hold_and_wait),
        cmocka_unit_test(fork_while_holding),
        cmocka_unit_test(fork_with_chosen_waiters),
#endif
        cmocka_unit_test(not_a_cancellation_point),
        cmocka_unit_test(errno_is_left_alone),
    };
    return cmocka_run_group_tests_name("cond", tests, NULL, NULL);
}
