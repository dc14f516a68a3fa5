/* SPDX-License-Identifier: MIT */
/*
 * cond_await(), cond_close(), cond_cancel() and cond_wait_with(): what ends a wait other than a notify, on every kind of
 * lock that has it, for threads and tasks.
 */
#include "unit.h"
#include "job.h"
#ifdef __has_include
#  if __has_include(<sys/wait.h>)
#    define HAVE_FORK 1
#    include <sys/wait.h>
#    include <unistd.h>
#  endif
#endif

/* ---- A condition on each kind of lock ---- */

enum kind { OWN_RLOCK, OWN_MUTEX, RLOCK_ELSEWHERE, MUTEX_ELSEWHERE, PRIVATE_KINDS, FOREIGN = PRIVATE_KINDS, KINDS };

struct place {
    cond_t cond;
    cond_lock_t lock; /* where it is not the condition's own */
    struct toy toy;   /* under a foreign lock */
    int items;        /* under the lock: what the predicates look at */
    int calls;        /* under the lock: of predicates */
};

static void make(struct place *place, enum kind kind)
{
    cond_lock_t *lock = kind >= RLOCK_ELSEWHERE ? &place->lock : NULL;
    *place = (struct place){.items = 0};
    if (kind == FOREIGN)
        REQUIRE(cond_lock_init_foreign(lock, &toy_ops_all, &place->toy) == 0);
    else if (lock != NULL)
        REQUIRE(cond_lock_init(lock, kind == MUTEX_ELSEWHERE ? COND_MUTEX : COND_RLOCK) == 0);
    REQUIRE(cond_init(&place->cond, lock, kind == OWN_MUTEX ? COND_MUTEX : COND_RLOCK) == 0);
}

static void unmake(struct place *place)
{
    cond_lock_t *lock = cond_get_lock(&place->cond);
    assert_int_equal(cond_waiters(&place->cond), 0);
    assert_int_equal(cond_destroy(&place->cond), 0);
    if (lock == &place->lock)
        assert_int_equal(cond_lock_destroy(lock), 0);
}

static bool has_item(void *arg)
{
    struct place *place = arg;
    place->calls++;
    return place->items > 0;
}

static void acquire(struct place *place) { assert_int_equal(cond_acquire(&place->cond), 0); }
static void release(struct place *place) { assert_int_equal(cond_release(&place->cond), 0); }

/* ---- A thread that waits ---- */

enum how { WAIT, WAIT_FOR, AWAIT };

struct waits {
    struct place *place;
    enum how how;
    int64_t timeout_ns;
    cond_token_t *token;
    cond_stop_t *stop;
    bool takes; /* an item, if the result is 0 */
    pthread_t thread;
    int result;
    bool owned;
};

static void *do_wait(void *arg)
{
    struct waits *w = arg;
    struct place *place = w->place;
    cond_wait_options_t options = {.pred = w->how != WAIT ? has_item : NULL,
                                   .arg = place,
                                   .deadline_ns = w->timeout_ns != COND_FOREVER ? cond_deadline(w->timeout_ns) : 0,
                                   .token = w->token,
                                   .stop = w->stop,
                                   .unnotified = w->how == AWAIT};
    cond_lock_t *lock = cond_get_lock(&place->cond); /* the condition may be destroyed when the wait is over */
    REQUIRE(cond_lock_acquire(lock) == 0);
    w->result = cond_wait_with(&place->cond, &options);
    w->owned = cond_lock_owned(lock);
    if (w->result == 0 && w->takes)
        place->items--;
    REQUIRE(cond_lock_release(lock) == 0);
    return NULL;
}

/* Returns when it waits. The caller does not hold the lock. */
static void wait_until_stopped(struct waits *w, struct place *place, enum how how, cond_token_t *token, cond_stop_t *stop)
{
    size_t before = cond_waiters(&place->cond);
    *w = (struct waits){
        .place = place, .how = how, .timeout_ns = COND_FOREVER, .token = token, .stop = stop, .takes = how != WAIT};
    w->thread = start(do_wait, w);
    until_waiters(&place->cond, before + 1);
}

static void wait_in_thread(struct waits *w, struct place *place, enum how how, cond_token_t *token)
{
    wait_until_stopped(w, place, how, token, NULL);
}

static void assert_returns(struct waits *w, int result)
{
    (void)finish(w->thread);
    assert_int_equal(w->result, result);
    assert_true(w->owned);
}

#define FOR_EACH_KIND(kind, count) for (enum kind kind = OWN_RLOCK; (int)(kind) < (int)(count); kind = (enum kind)((int)(kind) + 1))

/* ---- Await ---- */

static void await_needs_no_notify(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, PRIVATE_KINDS) {
        struct place place;
        struct waits w[3];
        make(&place, kind);
        for (unsigned i = 0; i < LENGTH(w); i++)
            wait_in_thread(&w[i], &place, AWAIT, NULL);
        acquire(&place);
        assert_int_equal(cond_notify_all(&place.cond), 0); /* chooses none of them */
        release(&place);
        acquire(&place);
        assert_int_equal(cond_waiters(&place.cond), LENGTH(w));
        place.items = 1;
        release(&place);
        /* The first takes it. The others stay, and are counted. */
        assert_returns(&w[0], 0);
        acquire(&place);
        assert_int_equal(cond_waiters(&place.cond), LENGTH(w) - 1);
        assert_int_equal(place.items, 0);
        place.items = 2;
        release(&place);
        for (unsigned i = 1; i < LENGTH(w); i++)
            assert_returns(&w[i], 0);
        assert_int_equal(place.items, 0);
        unmake(&place);
    }
}

/* The first that arrived is the first that is woken: it alone can find an item that it does not take away. */
static void await_wakes_in_order_of_arrival(void **state)
{
    (void)state;
    struct place place;
    struct waits w[4];
    make(&place, OWN_MUTEX);
    for (unsigned i = 0; i < LENGTH(w); i++)
        wait_in_thread(&w[i], &place, AWAIT, NULL);
    for (unsigned i = 0; i < LENGTH(w); i++) {
        acquire(&place);
        place.items = 1;
        release(&place);
        assert_returns(&w[i], 0);
        assert_int_equal(cond_waiters(&place.cond), LENGTH(w) - 1 - i);
    }
    unmake(&place);
}

static void await_calls_each_predicate_once_a_release(void **state)
{
    (void)state;
    struct place place;
    struct waits w[5];
    make(&place, OWN_RLOCK);
    for (unsigned i = 0; i < LENGTH(w); i++)
        wait_in_thread(&w[i], &place, AWAIT, NULL);
    for (unsigned i = 0; i < 3; i++) {
        acquire(&place);
        place.calls = 0;
        release(&place);
        acquire(&place);
        assert_int_equal(place.calls, LENGTH(w));
        place.calls = 0;
        /* A poll of the same predicate: the release must not skip it for that, nor call it twice. */
        assert_int_equal(cond_wait_for(&place.cond, has_item, &place, 0), ETIMEDOUT);
        assert_int_equal(place.calls, LENGTH(w) + 2);
        release(&place);
    }
    acquire(&place);
    place.items = LENGTH(w);
    release(&place);
    for (unsigned i = 0; i < LENGTH(w); i++)
        assert_returns(&w[i], 0);
    unmake(&place);
}

static void await_restores_the_depth_and_times_out(void **state)
{
    (void)state;
    struct place place;
    make(&place, OWN_RLOCK);
    acquire(&place);
    acquire(&place);
    assert_int_equal(cond_await(&place.cond, has_item, &place, 0), ETIMEDOUT);
    assert_int_equal(cond_await(&place.cond, has_item, &place, COND_MS(1)), ETIMEDOUT);
    assert_int_equal(cond_waiters(&place.cond), 0);
    place.items = 1;
    assert_int_equal(cond_await(&place.cond, has_item, &place, COND_FOREVER), 0);
    release(&place);
    assert_true(cond_owned(&place.cond));
    release(&place);
    assert_false(cond_owned(&place.cond));
    unmake(&place);
}

static void await_is_refused_where_releases_are_not_seen(void **state)
{
    (void)state;
    struct place place;
    make(&place, FOREIGN);
    acquire(&place);
    assert_int_equal(cond_await(&place.cond, has_item, &place, 0), ENOTSUP);
    assert_int_equal(place.calls, 0);
    assert_int_equal(cond_wait_with(&place.cond, &(cond_wait_options_t){.pred = has_item, .arg = &place, .unnotified = true}),
                     ENOTSUP);
    release(&place);
    unmake(&place);
}

/* ---- Close ---- */

static void close_ends_all_waits(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, KINDS) {
        struct place place;
        struct waits plain[2], timed, pred, awaits;
        make(&place, kind);
        wait_in_thread(&plain[0], &place, WAIT, NULL);
        wait_in_thread(&plain[1], &place, WAIT, NULL);
        wait_in_thread(&pred, &place, WAIT_FOR, NULL);
        if (kind != FOREIGN)
            wait_in_thread(&awaits, &place, AWAIT, NULL);
        timed = (struct waits){.place = &place, .how = WAIT, .timeout_ns = COND_SEC(1000)};
        size_t before = cond_waiters(&place.cond);
        timed.thread = start(do_wait, &timed);
        until_waiters(&place.cond, before + 1);

        acquire(&place);
        assert_false(cond_closed(&place.cond));
        assert_int_equal(cond_close(&place.cond), 0);
        assert_true(cond_closed(&place.cond));
        assert_int_equal(cond_waiters(&place.cond), 0);
        assert_int_equal(cond_close(&place.cond), 0);
        release(&place);
        assert_returns(&plain[0], ECANCELED);
        assert_returns(&plain[1], ECANCELED);
        assert_returns(&pred, ECANCELED);
        assert_returns(&timed, ECANCELED);
        if (kind != FOREIGN)
            assert_returns(&awaits, ECANCELED);

        /* And later ones. */
        acquire(&place);
        assert_int_equal(cond_wait(&place.cond, COND_FOREVER), ECANCELED);
        assert_int_equal(cond_wait(&place.cond, 0), ECANCELED);
        assert_int_equal(cond_wait_until(&place.cond, cond_deadline(COND_SEC(1000))), ECANCELED);
        assert_int_equal(cond_wait_for(&place.cond, has_item, &place, COND_FOREVER), ECANCELED);
        if (kind != FOREIGN)
            assert_int_equal(cond_await(&place.cond, has_item, &place, COND_FOREVER), ECANCELED);
        place.items = 1;
        assert_int_equal(cond_wait_for(&place.cond, has_item, &place, COND_FOREVER), 0);
        if (kind != FOREIGN)
            assert_int_equal(cond_await(&place.cond, has_item, &place, COND_FOREVER), 0);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        assert_int_equal(cond_notify_all(&place.cond), 0);
        assert_true(cond_owned(&place.cond));
        assert_int_equal(cond_cancel(&place.cond, &(cond_token_t){0}), 0);
        release(&place);
        assert_int_equal(cond_try_acquire(&place.cond), 0);
        release(&place);
        assert_true(cond_closed(&place.cond));
        unmake(&place);
        assert_false(cond_closed(&place.cond));
        make(&place, kind);
        assert_false(cond_closed(&place.cond));
        unmake(&place);
    }
}

/* What is in the buffer can be drained. */
static void close_leaves_true_predicates_alone(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, KINDS) {
        struct place place;
        struct waits w[3];
        make(&place, kind);
        for (unsigned i = 0; i < LENGTH(w); i++)
            wait_in_thread(&w[i], &place, kind == FOREIGN ? WAIT_FOR : i % 2 == 0 ? WAIT_FOR : AWAIT, NULL);
        acquire(&place);
        place.items = 2;
        assert_int_equal(cond_close(&place.cond), 0);
        release(&place);
        int zeros = 0;
        for (unsigned i = 0; i < LENGTH(w); i++) {
            (void)finish(w[i].thread);
            assert_true(w[i].owned);
            assert_true(w[i].result == 0 || w[i].result == ECANCELED);
            zeros += w[i].result == 0;
        }
        assert_int_equal(zeros, 2);
        assert_int_equal(place.items, 0);
        unmake(&place);
    }
}

/* Of plain waiters, those that a notify has chosen before keep it. */
static void close_after_notify(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, KINDS) {
        struct place place;
        struct waits w[3];
        make(&place, kind);
        for (unsigned i = 0; i < LENGTH(w); i++)
            wait_in_thread(&w[i], &place, WAIT, NULL);
        acquire(&place);
        assert_int_equal(cond_notify(&place.cond, 2), 0);
        assert_int_equal(cond_close(&place.cond), 0);
        release(&place);
        assert_returns(&w[0], 0);
        assert_returns(&w[1], 0);
        assert_returns(&w[2], ECANCELED);
        unmake(&place);
    }
}

/* The condition may be destroyed once it is closed and nobody waits, before those whose wait has ended return. */
static void destroy_right_after_close(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct place place;
        struct waits w[3];
        make(&place, round % 2 == 0 ? RLOCK_ELSEWHERE : MUTEX_ELSEWHERE);
        wait_in_thread(&w[0], &place, WAIT, NULL);
        wait_in_thread(&w[1], &place, AWAIT, NULL);
        wait_in_thread(&w[2], &place, WAIT, NULL);
        acquire(&place);
        assert_int_equal(cond_close(&place.cond), 0);
        assert_int_equal(cond_destroy(&place.cond), 0);
        memset((void *)&place.cond, 0xA5, sizeof place.cond);
        assert_int_equal(cond_lock_release(&place.lock), 0);
        for (unsigned i = 0; i < LENGTH(w); i++)
            assert_returns(&w[i], ECANCELED);
        assert_int_equal(cond_lock_destroy(&place.lock), 0);
    }
}

#ifdef HAVE_FORK
static void closed_in_a_child_too(void **state)
{
    (void)state;
    struct place place;
    make(&place, OWN_RLOCK);
    acquire(&place);
    assert_int_equal(cond_close(&place.cond), 0);
    pid_t child = fork();
    if (child == 0) {
        REQUIRE(cond_reinit_after_fork(&place.cond) == 0);
        REQUIRE(cond_closed(&place.cond));
        REQUIRE(cond_acquire(&place.cond) == 0);
        REQUIRE(cond_wait(&place.cond, COND_FOREVER) == ECANCELED);
        REQUIRE(cond_release(&place.cond) == 0);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    release(&place);
    unmake(&place);
}
#endif

/* ---- Cancel ---- */

static void cancel_ends_the_waits_with_the_token(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, KINDS) {
        struct place place;
        struct waits mine[3], others, without;
        cond_token_t token = {0}, other = {0};
        make(&place, kind);
        wait_in_thread(&mine[0], &place, WAIT, &token);
        wait_in_thread(&others, &place, WAIT, &other);
        wait_in_thread(&mine[1], &place, WAIT_FOR, &token);
        wait_in_thread(&without, &place, WAIT, NULL);
        wait_in_thread(&mine[2], &place, kind == FOREIGN ? WAIT_FOR : AWAIT, &token);
        acquire(&place);
        assert_int_equal(cond_cancel(&place.cond, &token), 0);
        assert_int_equal(cond_waiters(&place.cond), 2);
        release(&place);
        for (unsigned i = 0; i < LENGTH(mine); i++)
            assert_returns(&mine[i], ECANCELED);
        /* Every later wait with it, on this condition and on another; the predicate goes first. */
        struct place elsewhere;
        make(&elsewhere, OWN_MUTEX);
        struct place *places[] = {&place, &elsewhere};
        for (unsigned i = 0; i < LENGTH(places); i++) {
            struct place *p = places[i];
            acquire(p);
            assert_int_equal(cond_wait_with(&p->cond, &(cond_wait_options_t){.token = &token}), ECANCELED);
            cond_wait_options_t with_pred = {.pred = has_item, .arg = p, .token = &token};
            assert_int_equal(cond_wait_with(&p->cond, &with_pred), ECANCELED);
            p->items = 1;
            assert_int_equal(cond_wait_with(&p->cond, &with_pred), 0);
            p->items = 0;
            release(p);
        }
        unmake(&elsewhere);
        acquire(&place);
        assert_int_equal(cond_notify_all(&place.cond), 0);
        release(&place);
        assert_returns(&others, 0);
        assert_returns(&without, 0);
        unmake(&place);
    }
}

/* A plain waiter that was chosen returns 0. One with a predicate that is false passes its notification on. */
static void cancel_after_notify(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, KINDS) {
        struct place place;
        struct waits first, second, third;
        cond_token_t token = {0};
        make(&place, kind);
        wait_in_thread(&first, &place, WAIT, &token);
        acquire(&place);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        assert_int_equal(cond_cancel(&place.cond, &token), 0);
        release(&place);
        assert_returns(&first, 0);

        token = (cond_token_t){0};
        wait_in_thread(&second, &place, WAIT_FOR, &token);
        wait_in_thread(&third, &place, WAIT, NULL);
        acquire(&place);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        assert_int_equal(cond_cancel(&place.cond, &token), 0);
        release(&place);
        assert_returns(&second, ECANCELED);
        assert_returns(&third, 0);
        unmake(&place);
    }
}

/* ---- Stop ---- */

/* Without the lock, by its holder, and before the wait. Every later wait ends at once, unless its predicate is true. */
static void stop_ends_the_wait(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, KINDS) {
        for (enum how how = WAIT; how <= (kind == FOREIGN ? WAIT_FOR : AWAIT); how++) {
            for (int holder = 0; holder < 2; holder++) {
                struct place place;
                struct waits stopped, stays;
                cond_stop_t stop = {0};
                make(&place, kind);
                wait_until_stopped(&stopped, &place, how, NULL, &stop);
                wait_in_thread(&stays, &place, how, NULL);
                if (holder)
                    acquire(&place);
                assert_int_equal(cond_stop(&stop), 0);
                assert_int_equal(cond_stop(&stop), 0);
                if (holder)
                    release(&place);
                assert_returns(&stopped, ECANCELED);
                acquire(&place);
                assert_int_equal(cond_waiters(&place.cond), 1);
                cond_wait_options_t options = {.pred = how != WAIT ? has_item : NULL, .arg = &place, .stop = &stop};
                assert_int_equal(cond_wait_with(&place.cond, &options), ECANCELED);
                options.deadline_ns = cond_now();
                assert_int_equal(cond_wait_with(&place.cond, &options), ECANCELED);
                place.items = 1;
                assert_int_equal(cond_wait_with(&place.cond, &options), how != WAIT ? 0 : ECANCELED);
                assert_int_equal(cond_notify(&place.cond, 1), 0);
                release(&place);
                assert_returns(&stays, 0);
                unmake(&place);
            }
        }
    }
}

/* As a deadline that comes after the notify: a plain waiter that was chosen returns 0, one with a predicate that is false
   passes its notification on, and a notify skips one that was stopped before. */
static void stop_and_notify(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, KINDS) {
        struct place place;
        struct waits first, second;
        make(&place, kind);
        for (int pass = 0; pass < 3; pass++) {
            cond_stop_t stop = {0};
            wait_until_stopped(&first, &place, pass == 1 ? WAIT_FOR : WAIT, NULL, &stop);
            if (pass != 0)
                wait_in_thread(&second, &place, WAIT, NULL);
            acquire(&place);
            if (pass == 2)
                assert_int_equal(cond_stop(&stop), 0);
            assert_int_equal(cond_notify(&place.cond, 1), 0);
            assert_int_equal(cond_stop(&stop), 0);
            release(&place);
            assert_returns(&first, pass == 0 ? 0 : ECANCELED);
            if (pass != 0)
                assert_returns(&second, 0);
        }
        unmake(&place);
    }
}

/* Its storage may be used for one wait after the other. */
static void stop_is_used_again(void **state)
{
    (void)state;
    struct place place;
    struct waits w;
    cond_stop_t stop = {0};
    make(&place, OWN_RLOCK);
    acquire(&place);
    assert_int_equal(cond_wait_with(&place.cond, &(cond_wait_options_t){.stop = &stop, .deadline_ns = cond_now()}), ETIMEDOUT);
    release(&place);
    for (int i = 0; i < 3; i++) {
        wait_until_stopped(&w, &place, WAIT, NULL, &stop);
        acquire(&place);
        assert_int_equal(cond_wait_with(&place.cond, &(cond_wait_options_t){.stop = &stop}), EBUSY);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        release(&place);
        assert_returns(&w, 0);
    }
    unmake(&place);
}

static void stop_is_refused(void **state)
{
    (void)state;
    cond_t cond = COND_INIT;
    cond_stop_t stop = {0};
    cond_token_t token = {0};
    assert_int_equal(cond_stop(NULL), EINVAL);
    assert_int_equal(cond_wait_with(&cond, &(cond_wait_options_t){.stop = &stop}), EPERM);
    assert_int_equal(cond_acquire(&cond), 0);
    assert_int_equal(cond_wait_with(&cond, &(cond_wait_options_t){.stop = &stop, .token = &token}), EINVAL);
    assert_int_equal(cond_wait_with(&cond, &(cond_wait_options_t){.stop = &stop, .unnotified = true}), EINVAL);
    assert_int_equal(cond_release(&cond), 0);
    assert_int_equal(cond_destroy(&cond), 0);
    assert_int_equal(cond_wait_with(&cond, &(cond_wait_options_t){.stop = &stop}), EINVAL);
    if (cond_init(&cond, NULL, COND_SHARED) == 0) {
        assert_int_equal(cond_acquire(&cond), 0);
        assert_int_equal(cond_wait_with(&cond, &(cond_wait_options_t){.stop = &stop}), ENOTSUP);
        assert_int_equal(cond_release(&cond), 0);
        assert_int_equal(cond_destroy(&cond), 0);
    }
}

/* ---- Options ---- */

static void options_are_the_other_waits(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, KINDS) {
        struct place place;
        make(&place, kind);
        cond_wait_options_t nothing = {.deadline_ns = cond_now()}, pred = {.pred = has_item, .arg = &place, .deadline_ns = -1};
        assert_int_equal(cond_wait_with(&place.cond, &nothing), EPERM);
        acquire(&place);
        assert_int_equal(cond_wait_with(&place.cond, NULL), EINVAL);
        assert_int_equal(cond_wait_with(&place.cond, &nothing), ETIMEDOUT);
        assert_int_equal(cond_wait_with(&place.cond, &pred), ETIMEDOUT);
        assert_int_equal(cond_wait_with(&place.cond, &(cond_wait_options_t){.unnotified = true}), EINVAL);
        place.items = 1;
        assert_int_equal(cond_wait_with(&place.cond, &pred), 0);
        pred.deadline_ns = 0; /* none */
        assert_int_equal(cond_wait_with(&place.cond, &pred), 0);
        release(&place);
        struct waits w;
        place.items = 0;
        wait_in_thread(&w, &place, WAIT, NULL);
        acquire(&place);
        assert_int_equal(cond_notify(&place.cond, 1), 0);
        release(&place);
        assert_returns(&w, 0);
        unmake(&place);
    }
}

static void deadlines(void **state)
{
    (void)state;
    struct place place;
    make(&place, OWN_MUTEX);
    assert_true(cond_deadline(COND_FOREVER) == COND_FOREVER);
    assert_true(cond_deadline(COND_FOREVER - 1) == COND_FOREVER);
    int64_t before = cond_now(), deadline = cond_deadline(COND_SEC(1)), after = cond_now();
    assert_true(deadline >= before + COND_SEC(1) && deadline <= after + COND_SEC(1));
    assert_true(cond_deadline(0) <= cond_now());
    assert_true(cond_deadline(-5) <= cond_now());
    assert_true(cond_deadline(INT64_MIN) < 0);
    assert_true(cond_deadline(-cond_now()) != 0);
    static const int64_t half = COND_SEC(0.5), third = COND_MS(1.5), fraction = COND_US(0.25);
    assert_true(half == 500000000 && third == 1500000 && fraction == 250);
    _Static_assert(COND_SEC(2) == 2000000000 && COND_MS(3) == 3000000 && COND_US(4) == 4000, "constant expressions");

    acquire(&place);
    assert_int_equal(cond_wait_for_until(&place.cond, has_item, &place, cond_now()), ETIMEDOUT);
    assert_int_equal(cond_wait_for_until(&place.cond, NULL, &place, cond_now()), EINVAL);
    deadline = cond_deadline(COND_MS(2));
    assert_int_equal(cond_wait_for_until(&place.cond, has_item, &place, deadline), ETIMEDOUT);
    assert_true(cond_now() >= deadline);
    release(&place);
    assert_int_equal(cond_wait_for_until(&place.cond, has_item, &place, 0), EPERM);
    assert_int_equal(cond_acquire_until(&place.cond, 0), 0);
    assert_int_equal(cond_acquire_until(&place.cond, COND_FOREVER), EDEADLK);
    assert_int_equal(cond_lock_acquire_until(cond_get_lock(&place.cond), COND_FOREVER), EDEADLK);
    release(&place);
    assert_int_equal(cond_acquire_until(NULL, COND_FOREVER), EINVAL);
    assert_int_equal(cond_lock_acquire_until(NULL, COND_FOREVER), EINVAL);
    unmake(&place);
}

struct holds {
    cond_lock_t *lock;
    atomic_int holds, leaves;
};

static void *hold(void *arg)
{
    struct holds *holds = arg;
    REQUIRE(cond_lock_acquire(holds->lock) == 0);
    atomic_store(&holds->holds, 1);
    until(&holds->leaves, 1);
    REQUIRE(cond_lock_release(holds->lock) == 0);
    return NULL;
}

static void acquire_until_a_deadline(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, KINDS) {
        struct place place;
        make(&place, kind);
        struct holds holds = {.lock = cond_get_lock(&place.cond)};
        pthread_t thread = start(hold, &holds);
        until(&holds.holds, 1);
        assert_int_equal(cond_acquire_until(&place.cond, 0), ETIMEDOUT);
        int64_t deadline = cond_deadline(COND_MS(2));
        assert_int_equal(cond_lock_acquire_until(holds.lock, deadline), ETIMEDOUT);
        assert_true(cond_now() >= deadline);
        atomic_store(&holds.leaves, 1);
        assert_int_equal(cond_acquire_until(&place.cond, COND_FOREVER), 0);
        release(&place);
        (void)finish(thread);
        unmake(&place);
    }
}

/* ---- Tasks ---- */

static void task_acquire(struct place *place, struct job *job)
{
    assert_int_equal(ASK(job, cond_task_acquire(&place->cond, &job->task)), 0);
}

static void task_release(struct place *place, struct job *job)
{
    assert_int_equal(cond_task_release(&place->cond, &job->task), 0);
}

static void tasks_await(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, PRIVATE_KINDS) {
        struct place place;
        struct job job[2];
        make(&place, kind);
        for (unsigned i = 0; i < LENGTH(job); i++) {
            job_make(&job[i], i, NULL);
            task_acquire(&place, &job[i]);
            assert_int_equal(ASK(&job[i], cond_task_await(&place.cond, &job[i].task, has_item, &place)), EINPROGRESS);
        }
        assert_int_equal(cond_waiters(&place.cond), 2);
        acquire(&place);
        release(&place);
        assert_int_equal(job_outcome(&job[0]), -1);
        acquire(&place);
        place.items = 1;
        release(&place);
        assert_int_equal(job_outcome(&job[0]), 0);
        assert_int_equal(job_outcome(&job[1]), -1);
        place.items = 0;
        task_release(&place, &job[0]);
        assert_int_equal(job_outcome(&job[1]), -1);
        assert_int_equal(cond_task_cancel(&job[1].task), 0);
        assert_int_equal(job_outcome(&job[1]), ECANCELED);
        assert_int_equal(cond_waiters(&place.cond), 0);
        task_release(&place, &job[1]);
        task_acquire(&place, &job[0]);
        place.items = 1;
        assert_int_equal(ASK(&job[0], cond_task_await(&place.cond, &job[0].task, has_item, &place)), 0);
        task_release(&place, &job[0]);
        unmake(&place);
    }
}

static void tasks_and_close(void **state)
{
    (void)state;
    FOR_EACH_KIND(kind, PRIVATE_KINDS) {
        struct place place;
        struct job plain, pred, awaits, chosen, closes;
        make(&place, kind);
        job_make(&plain, 0, NULL);
        job_make(&pred, 1, NULL);
        job_make(&awaits, 2, NULL);
        job_make(&chosen, 3, NULL);
        job_make(&closes, 4, NULL);
        task_acquire(&place, &chosen);
        assert_int_equal(ASK(&chosen, cond_task_wait(&place.cond, &chosen.task)), EINPROGRESS);
        task_acquire(&place, &plain);
        assert_int_equal(ASK(&plain, cond_task_wait(&place.cond, &plain.task)), EINPROGRESS);
        task_acquire(&place, &pred);
        assert_int_equal(ASK(&pred, cond_task_wait_for(&place.cond, &pred.task, has_item, &place)), EINPROGRESS);
        task_acquire(&place, &awaits);
        assert_int_equal(ASK(&awaits, cond_task_await(&place.cond, &awaits.task, has_item, &place)), EINPROGRESS);
        assert_int_equal(cond_task_close(&place.cond, &closes.task), EPERM);
        task_acquire(&place, &closes);
        assert_int_equal(cond_task_notify(&place.cond, &closes.task, 1), 0);
        place.items = 1;
        assert_int_equal(cond_task_close(&place.cond, &closes.task), 0);
        assert_int_equal(cond_waiters(&place.cond), 0);
        assert_int_equal(cond_task_close(&place.cond, &closes.task), 0);
        task_release(&place, &closes);
        /* In the lock's list the awaiting one stands first; it finds the item. */
        assert_int_equal(job_outcome(&awaits), 0);
        place.items = 0;
        task_release(&place, &awaits);
        assert_int_equal(job_outcome(&chosen), 0);
        task_release(&place, &chosen);
        assert_int_equal(job_outcome(&plain), ECANCELED);
        task_release(&place, &plain);
        assert_int_equal(job_outcome(&pred), ECANCELED);
        assert_int_equal(ASK(&pred, cond_task_wait(&place.cond, &pred.task)), ECANCELED);
        assert_int_equal(ASK(&pred, cond_task_wait_for(&place.cond, &pred.task, has_item, &place)), ECANCELED);
        assert_int_equal(ASK(&pred, cond_task_await(&place.cond, &pred.task, has_item, &place)), ECANCELED);
        place.items = 1;
        assert_int_equal(ASK(&pred, cond_task_wait_for(&place.cond, &pred.task, has_item, &place)), 0);
        task_release(&place, &pred);
        unmake(&place);
    }
}

/* ---- The lock by itself ---- */

static void lock_describes_itself(void **state)
{
    (void)state;
    char text[200], of_cond[300];
    struct place place;
    make(&place, RLOCK_ELSEWHERE);
    acquire(&place);
    acquire(&place);
    assert_true(cond_lock_describe(&place.lock, text, sizeof text) > 0);
    assert_true(cond_describe(&place.cond, of_cond, sizeof of_cond) > 0);
    assert_non_null(strstr(of_cond, text));
    assert_non_null(strstr(text, "<locked rlock owner=0x"));
    assert_non_null(strstr(text, " depth=2 at 0x"));
    char few[8];
    assert_int_equal(cond_lock_describe(&place.lock, few, sizeof few), (int)strlen(text));
    assert_memory_equal(few, "<locked", 7);
    assert_int_equal(cond_close(&place.cond), 0);
    assert_true(cond_describe(&place.cond, of_cond, sizeof of_cond) > 0);
    assert_non_null(strstr(of_cond, ", 0, closed)>"));
    release(&place);
    release(&place);
    assert_int_equal(cond_lock_describe(&place.lock, NULL, 0), cond_lock_describe(&place.lock, text, sizeof text));
    assert_int_equal(cond_lock_describe(NULL, text, sizeof text), -EINVAL);
    assert_int_equal(cond_lock_describe(&place.lock, NULL, 1), -EINVAL);
    unmake(&place);
    assert_int_equal(cond_lock_describe(&place.lock, text, sizeof text), -EINVAL);
}

#ifdef HAVE_FORK
static void lock_is_free_in_the_child(void **state)
{
    (void)state;
    cond_lock_t lock;
    for (unsigned flags = COND_RLOCK; flags <= COND_MUTEX; flags++) {
        assert_int_equal(cond_lock_init(&lock, flags), 0);
        struct holds holds = {.lock = &lock};
        pthread_t thread = start(hold, &holds);
        until(&holds.holds, 1);
        pid_t child = fork();
        if (child == 0) {
            REQUIRE(cond_lock_try_acquire(&lock) == EBUSY);
            REQUIRE(cond_lock_reinit_after_fork(&lock) == 0);
            REQUIRE(cond_lock_try_acquire(&lock) == 0);
            REQUIRE(cond_lock_try_acquire(&lock) == (flags == COND_MUTEX ? EDEADLK : 0));
            _exit(0);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        atomic_store(&holds.leaves, 1);
        (void)finish(thread);
        assert_int_equal(cond_lock_destroy(&lock), 0);
    }
    assert_int_equal(cond_lock_reinit_after_fork(&lock), EINVAL);
    assert_int_equal(cond_lock_reinit_after_fork(NULL), EINVAL);
}
#endif

/* ---- COND_WITH and COND_GUARD ---- */

static int guarded(cond_lock_t *lock, cond_t *cond, int how)
{
    COND_GUARD(lock);
    if (!cond_lock_owned(lock))
        return -1;
    if (how == 0)
        return 0;
    {
        COND_GUARD(cond);
        if (how == 1)
            goto out;
    }
out:
    return cond_lock_owned(lock) ? 1 : 2;
}

static void with_and_guard_take_conditions_and_locks(void **state)
{
    (void)state;
    struct place place;
    make(&place, RLOCK_ELSEWHERE);
    unsigned entered = 0, rounds = 0;
    COND_WITH(&place.cond) {
        COND_WITH(&place.lock)
            entered++;
        assert_true(cond_owned(&place.cond));
    }
    assert_int_equal(entered, 1);
    assert_false(cond_owned(&place.cond));
    /* A break leaves the block of COND_WITH; with COND_GUARD it leaves the loop. */
    for (; rounds < 3; rounds++)
        COND_WITH(&place.lock)
            break;
    assert_int_equal(rounds, 3);
    for (rounds = 0; rounds < 3; rounds++) {
        COND_GUARD(&place.lock);
        assert_true(cond_lock_owned(&place.lock));
        if (rounds == 1)
            break;
    }
    assert_int_equal(rounds, 1);
    assert_false(cond_lock_owned(&place.lock));
    for (int how = 0; how < 3; how++) {
        assert_int_equal(guarded(&place.lock, &place.cond, how), how == 0 ? 0 : 1);
        assert_false(cond_lock_locked(&place.lock));
    }
    /* Neither releases what it could not acquire. */
    cond_lock_t mutex = COND_MUTEX_INIT;
    assert_int_equal(cond_lock_acquire(&mutex), 0);
    entered = 0;
    COND_WITH(&mutex)
        entered++;
    {
        COND_GUARD(&mutex);
        entered += cond_lock_owned(&mutex) ? 10 : 0;
    }
    assert_int_equal(entered, 10);
    assert_true(cond_lock_owned(&mutex));
    assert_int_equal(cond_lock_release(&mutex), 0);
    assert_int_equal(cond_lock_destroy(&mutex), 0);
    assert_int_equal(guarded(&mutex, &place.cond, 0), -1);
    unmake(&place);
}

static void version(void **state)
{
    (void)state;
    char text[32];
    (void)snprintf(text, sizeof text, "%d.%d.%d", COND_VERSION_MAJOR, COND_VERSION_MINOR, COND_VERSION_PATCH);
    assert_string_equal(cond_version(), text);
#ifdef MESON_VERSION
    assert_string_equal(cond_version(), MESON_VERSION);
#endif
    assert_int_equal(COND_VERSION, COND_VERSION_MAJOR * 10000 + COND_VERSION_MINOR * 100 + COND_VERSION_PATCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(await_needs_no_notify),
        cmocka_unit_test(await_wakes_in_order_of_arrival),
        cmocka_unit_test(await_calls_each_predicate_once_a_release),
        cmocka_unit_test(await_restores_the_depth_and_times_out),
        cmocka_unit_test(await_is_refused_where_releases_are_not_seen),
        cmocka_unit_test(close_ends_all_waits),
        cmocka_unit_test(close_leaves_true_predicates_alone),
        cmocka_unit_test(close_after_notify),
        cmocka_unit_test(destroy_right_after_close),
#ifdef HAVE_FORK
        cmocka_unit_test(closed_in_a_child_too),
        cmocka_unit_test(lock_is_free_in_the_child),
#endif
        cmocka_unit_test(cancel_ends_the_waits_with_the_token),
        cmocka_unit_test(cancel_after_notify),
        cmocka_unit_test(stop_ends_the_wait),
        cmocka_unit_test(stop_and_notify),
        cmocka_unit_test(stop_is_used_again),
        cmocka_unit_test(stop_is_refused),
        cmocka_unit_test(options_are_the_other_waits),
        cmocka_unit_test(deadlines),
        cmocka_unit_test(acquire_until_a_deadline),
        cmocka_unit_test(tasks_await),
        cmocka_unit_test(tasks_and_close),
        cmocka_unit_test(lock_describes_itself),
        cmocka_unit_test(with_and_guard_take_conditions_and_locks),
        cmocka_unit_test(version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
