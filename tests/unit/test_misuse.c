/* SPDX-License-Identifier: MIT */
/*
 * The misuse table: each call in each wrong state and with each odd argument, what it returns on each kind of lock, and
 * that an error changed nothing.
 *
 *      test_misuse                 tests each cell
 *      test_misuse --markdown      prints the table as it stands in docs/reference/misuse.md
 *      test_misuse --check FILE    checks that FILE has the table, word for word, between its two marks
 *
 * Each cell has a condition and a lock of its own (struct cell). The calling thread brings them into the row's state,
 * with another thread where the state needs two.
 */
#include "unit.h"
#include "page.h"
#include "rlock.h"

/* ---- States ---- */

enum state {
    NO_STATE,
    ABSENT,
    DESTROYED,
    DESTROYED_LOCK,
    FREE,
    OTHERS,
    OTHERS_LEAVING,
    MINE,
    MINE_NOTIFIED,
    DEEPEST,
    WAITED,
    WAITED_MINE,
    CHOSEN_MINE,
    TOKEN_MINE,
    AWAITED_MINE,
    CLOSED,
    CLOSED_OTHERS,
    CLOSED_MINE,
};

static const char *const state_text[] = {
    [ABSENT] = "it is `NULL`",
    [DESTROYED] = "destroyed",
    [DESTROYED_LOCK] = "its lock is destroyed",
    [FREE] = "held by nobody",
    [OTHERS] = "held by another thread",
    [OTHERS_LEAVING] = "held by another thread, which releases it",
    [MINE] = "held by the caller",
    [MINE_NOTIFIED] = "held by the caller, and another thread notifies",
    [DEEPEST] = "held by the caller `COND_DEPTH_MAX` deep",
    [WAITED] = "waited on, held by nobody",
    [WAITED_MINE] = "waited on, held by the caller",
    [CHOSEN_MINE] = "a notified waiter has not returned, held by the caller",
    [TOKEN_MINE] = "waited on with the token, held by the caller",
    [AWAITED_MINE] = "awaited, held by the caller",
    [CLOSED] = "closed, held by nobody",
    [CLOSED_OTHERS] = "closed, held by another thread",
    [CLOSED_MINE] = "closed, held by the caller",
};

struct cell {
    enum state state;
    struct subject s;
    cond_lock_t *lock;     /* of the condition */
    cond_t *cond;          /* what the call gets: &s.cond or NULL */
    cond_lock_t *lock_arg; /* what a lock's call gets: lock or NULL */
    unsigned calls;        /* of predicates */
    cond_token_t token;
    struct holder holder; /* the other thread holds the lock */
    pthread_t other;      /* or it waits or notifies */
    bool has_other;
    int result; /* of the other thread's wait */
};

static bool is_never_true(UNUSED void *arg) { return false; }

/* Through the lock's own handle, because the condition may be destroyed before this wait returns. */
static void *other_waits(void *arg)
{
    struct cell *c = arg;
    REQUIRE(cond_lock_acquire(c->lock) == 0);
    c->result = c->state == TOKEN_MINE     ? cond_wait_with(&c->s.cond, &(cond_wait_options_t){.token = &c->token})
                : c->state == AWAITED_MINE ? cond_await(&c->s.cond, is_never_true, NULL, COND_FOREVER)
                                           : cond_wait(&c->s.cond, COND_FOREVER);
    REQUIRE(cond_lock_release(c->lock) == 0);
    return NULL;
}

static void *other_notifies(void *arg)
{
    struct cell *c = arg;
    until_waiters(&c->s.cond, 1);
    REQUIRE(cond_acquire(&c->s.cond) == 0);
    REQUIRE(cond_notify_all(&c->s.cond) == 0);
    REQUIRE(cond_release(&c->s.cond) == 0);
    return NULL;
}

static void let_other_release(struct cell *c) { atomic_store(&c->holder.stops, 1); }

/* ---- Into the state, and out of it ---- */

static struct cell *make(enum kind kind, enum state state)
{
    struct cell *c = calloc(1, sizeof *c);
    REQUIRE(c != NULL);
    subject_make(&c->s, kind);
    c->s.spinlock.recursive = false;
    c->state = state;
    c->lock = cond_get_lock(&c->s.cond);
    c->cond = state == ABSENT ? NULL : &c->s.cond;
    c->lock_arg = state == ABSENT ? NULL : c->lock;
    return c;
}

static void start_other(struct cell *c, void *(*function)(void *))
{
    c->has_other = true;
    c->other = start(function, c);
}

static void start_holder(struct cell *c)
{
    c->has_other = true;
    holder_start(&c->holder, c->lock);
}

static void acquire_it(struct cell *c) { REQUIRE(cond_acquire(&c->s.cond) == 0); }

static void enter_state(struct cell *c, bool of_lock)
{
    switch (c->state) {
    case ABSENT:
    case FREE: break;
    case DESTROYED: REQUIRE((of_lock ? cond_lock_destroy(c->lock) : cond_destroy(&c->s.cond)) == 0); break;
    case DESTROYED_LOCK: REQUIRE(cond_lock_destroy(c->lock) == 0); break;
    case OTHERS:
    case OTHERS_LEAVING: /* released when the call is about to be made */
        start_holder(c);
        break;
    case MINE: acquire_it(c); break;
    case MINE_NOTIFIED:
        acquire_it(c);
        start_other(c, other_notifies); /* when it gets the lock */
        break;
    case DEEPEST:
        /* In one step: test_rlock takes each level. */
        rlock_acquire_restore(c->lock, port_self(), COND_DEPTH_MAX, true);
        break;
    case WAITED:
    case WAITED_MINE:
    case CHOSEN_MINE:
    case TOKEN_MINE:
    case AWAITED_MINE:
        start_other(c, other_waits);
        until_waiters(&c->s.cond, 1);
        if (c->state != WAITED)
            acquire_it(c);
        if (c->state == CHOSEN_MINE)
            REQUIRE(cond_notify(&c->s.cond, 1) == 0);
        break;
    case CLOSED:
    case CLOSED_OTHERS:
    case CLOSED_MINE:
        acquire_it(c);
        REQUIRE(cond_close(&c->s.cond) == 0);
        if (c->state != CLOSED_MINE)
            REQUIRE(cond_release(&c->s.cond) == 0);
        if (c->state == CLOSED_OTHERS)
            start_holder(c);
        break;
    case NO_STATE:
        REQUIRE(false);
    }
}

/* Of the other thread's wait, in the end. */
static int expected_result(const struct cell *c)
{
    bool waits = c->state >= WAITED && c->state <= AWAITED_MINE && c->state != CHOSEN_MINE;
    return (waits && cond_closed(&c->s.cond)) || (c->state == TOKEN_MINE && c->token.cancelled_ != 0) ? ECANCELED : 0;
}

/* Only after a cell that passed: otherwise the state is not known. */
static void leave_state(struct cell *c)
{
    let_other_release(c);
    if (cond_waiters(&c->s.cond) != 0) {
        if (c->state == WAITED)
            acquire_it(c);
        REQUIRE((c->state == AWAITED_MINE ? cond_close(&c->s.cond) : cond_notify_all(&c->s.cond)) == 0);
    }
    if (c->state == DEEPEST)
        REQUIRE(rlock_release_save(c->lock, port_self()) == COND_DEPTH_MAX);
    while (cond_lock_owned(c->lock))
        REQUIRE(cond_lock_release(c->lock) == 0);
    if (c->has_other) {
        int expected = expected_result(c);
        (void)finish(c->holder.lock != NULL ? c->holder.thread : c->other);
        REQUIRE(c->result == expected);
    }
    free(c);
}

/* ---- Snapshots of a cell ---- */

struct snapshot {
    int described;
    char text[200];
    bool locked, owned;
    size_t waiters;
    unsigned depth;
    uint32_t cancelled;
    unsigned char bytes[sizeof(cond_t) + sizeof(cond_lock_t)];
};

static void take_snapshot(const struct cell *c, struct snapshot *snapshot)
{
    *snapshot = (struct snapshot){.described = 0};
    snapshot->described = cond_describe(&c->s.cond, snapshot->text, sizeof snapshot->text);
    snapshot->locked = cond_lock_locked(c->lock);
    snapshot->owned = cond_lock_owned(c->lock);
    snapshot->waiters = cond_waiters(&c->s.cond);
    if (snapshot->owned)
        snapshot->depth = c->s.kind == FOREIGN      ? c->s.spinlock.depth
                          : c->s.kind == OWN_SHARED ? c->lock->depth_
                                                  : rlock_depth(c->lock);
    snapshot->cancelled = c->token.cancelled_; /* (only this thread cancels) */
    if (!c->has_other) { /* no other thread uses it */
        memcpy(snapshot->bytes, &c->s.cond, sizeof c->s.cond);
        memcpy(snapshot->bytes + sizeof c->s.cond, &c->s.lock, sizeof c->s.lock);
    }
}

static bool same_view(const struct snapshot *a, const struct snapshot *b)
{
    return a->described == b->described && strcmp(a->text, b->text) == 0 && a->locked == b->locked &&
           a->owned == b->owned && a->waiters == b->waiters && a->depth == b->depth;
}

/* What a call changes if it does not fail. */
enum effect { NOTHING, ACQUIRED, CHOSEN, CANCELS, CLOSES, END_OF_CONDITION, END_OF_LOCK };

static const char *const effect_text[] = {
    [NOTHING] = "",
    [ACQUIRED] = "held by the caller, one level deeper",
    [CHOSEN] = "all waiters are notified",
    [CANCELS] = "the waits with the token end",
    [CLOSES] = "closed, all waits end",
    [END_OF_CONDITION] = "destroyed",
    [END_OF_LOCK] = "destroyed",
};

static bool effect_is(enum effect effect, struct cell *c, const struct snapshot *before,
                      const struct snapshot *after)
{
    switch (effect) {
    case ACQUIRED:
        return after->locked && after->owned && after->waiters == before->waiters &&
               after->depth == before->depth + 1;
    case CANCELS:
        if (cond_closed(&c->s.cond) || after->cancelled == 0)
            return false;
        /* fall through */
    case CHOSEN:
        return before->waiters != 0 && after->waiters == 0 && after->locked == before->locked &&
               after->owned == before->owned && after->depth == before->depth;
    case CLOSES:
        return cond_closed(&c->s.cond) && strstr(before->text, "closed") == NULL && after->waiters == 0 &&
               after->locked == before->locked && after->owned == before->owned && after->depth == before->depth;
    case END_OF_CONDITION: return after->described == -EINVAL && cond_get_lock(&c->s.cond) == NULL;
    case END_OF_LOCK: return after->described == -EINVAL && cond_lock_try_acquire(c->lock) == EINVAL;
    default: return same_view(before, after);
    }
}

/* ---- Results as text ---- */

static const char *deadline_name(int64_t deadline_ns)
{
    return deadline_ns == COND_FOREVER ? "forever" : deadline_ns <= cond_now() ? "now, or past" : "later";
}

static const char *length_name(int length) { return length > 0 ? "its length" : error_name(length); }
static int cond_describe_any(const void *object, char *text, size_t size) { return cond_describe(object, text, size); }
static int lock_describe_any(const void *object, char *text, size_t size)
{
    return cond_lock_describe(object, text, size);
}

static const char *description_name(const void *object, int (*function)(const void *, char *, size_t))
{
    char text[200] = "#";
    int length = function(object, text, sizeof text);
    return length > 0 || strcmp(text, "#") == 0 ? length_name(length) : "and writes";
}

static bool is_entered(cond_t *c)
{
    bool entered = false;
    COND_WITH (c)
        entered = true;
    return entered;
}

static bool is_false(void *arg)
{
    ++*(unsigned *)arg;
    return false;
}

static bool is_true(void *arg)
{
    ++*(unsigned *)arg;
    return true;
}

/* ---- The calls of the table ---- */

struct call {
    int line; /* of this file: the calls have this order in the documentation */
    const char *text;
    const char *(*run)(struct cell *cell);
};

/* A call by its text and its result as text. The arguments have the names that the table has. */
#define ASK(name, text, result)                                                                                        \
    static const char *run_##name(struct cell *cell)                                                                   \
    {                                                                                                                  \
        cond_t *c = cell->cond;                                                                                        \
        cond_lock_t *l = cell->lock_arg;                                                                               \
        cond_token_t *token = &cell->token;                                                                            \
        void *arg = &cell->calls, *object = &cell->s.spinlock;                                                         \
        const cond_lock_ops_t *ops = &spinlock_ops_required;                                                           \
        (void)c, (void)l, (void)token, (void)arg, (void)object, (void)ops;                                             \
        return result;                                                                                                 \
    }                                                                                                                  \
    static const struct call name = {__LINE__, text, run_##name};
#define CALL_AS(name, text, result) ASK(name, text, error_name(result))
#define CALL(name, result) CALL_AS(name, #result, result)
/* The other thread releases the lock meanwhile. */
#define CALL_RELEASED(name, result) CALL_AS(name, #result, (let_other_release(cell), result))
#define WITH(...) cond_wait_with(c, &(cond_wait_options_t){__VA_ARGS__})
#define IS_FALSE .pred = is_false, .arg = arg
#define IS_TRUE .pred = is_true, .arg = arg

/* On a condition. */
CALL(acquire, cond_acquire(c))
CALL(try_acquire, cond_try_acquire(c))
CALL_AS(acquire_timed_ms, "cond_acquire_timed(c, 1 ms)", cond_acquire_timed(c, COND_MS(1)))
CALL(acquire_timed_1, cond_acquire_timed(c, 1))
CALL(acquire_timed_0, cond_acquire_timed(c, 0))
CALL(acquire_timed_minus_1, cond_acquire_timed(c, -1))
CALL(acquire_timed_min, cond_acquire_timed(c, INT64_MIN))
CALL_RELEASED(acquire_timed_huge, cond_acquire_timed(c, INT64_MAX - 1))
CALL_RELEASED(acquire_timed_forever, cond_acquire_timed(c, COND_FOREVER))
CALL(acquire_until_now, cond_acquire_until(c, cond_now()))
CALL(acquire_until_min, cond_acquire_until(c, INT64_MIN))
CALL_RELEASED(acquire_until_forever, cond_acquire_until(c, COND_FOREVER))
CALL(release, cond_release(c))
CALL(wait_forever, cond_wait(c, COND_FOREVER))
CALL(wait_huge, cond_wait(c, INT64_MAX - 1))
CALL(wait_1, cond_wait(c, 1))
CALL(wait_0, cond_wait(c, 0))
CALL(wait_minus_1, cond_wait(c, -1))
CALL(wait_min, cond_wait(c, INT64_MIN))
CALL(wait_until_forever, cond_wait_until(c, COND_FOREVER))
CALL(wait_until_huge, cond_wait_until(c, INT64_MAX - 1))
CALL(wait_until_now, cond_wait_until(c, cond_now()))
CALL(wait_until_0, cond_wait_until(c, 0))
CALL(wait_until_minus_1, cond_wait_until(c, -1))
CALL(wait_until_min, cond_wait_until(c, INT64_MIN))
CALL(wait_for_true, cond_wait_for(c, is_true, arg, COND_FOREVER))
CALL(wait_for_true_min, cond_wait_for(c, is_true, arg, INT64_MIN))
CALL_AS(wait_for_null, "cond_wait_for(c, NULL, arg, COND_FOREVER)", cond_wait_for(c, NULL, NULL, COND_FOREVER))
CALL_AS(wait_for_ms, "cond_wait_for(c, is_false, arg, 1 ms)", cond_wait_for(c, is_false, arg, COND_MS(1)))
CALL(wait_for_0, cond_wait_for(c, is_false, arg, 0))
CALL(wait_for_minus_1, cond_wait_for(c, is_false, arg, -1))
CALL(wait_for_min, cond_wait_for(c, is_false, arg, INT64_MIN))
CALL(wait_for_until_true, cond_wait_for_until(c, is_true, arg, INT64_MIN))
CALL_AS(wait_for_until_null, "cond_wait_for_until(c, NULL, arg, COND_FOREVER)",
        cond_wait_for_until(c, NULL, NULL, COND_FOREVER))
CALL(wait_for_until_now, cond_wait_for_until(c, is_false, arg, cond_now()))
CALL(wait_for_until_min, cond_wait_for_until(c, is_false, arg, INT64_MIN))
CALL(await_true, cond_await(c, is_true, arg, COND_FOREVER))
CALL(await_true_min, cond_await(c, is_true, arg, INT64_MIN))
CALL_AS(await_null, "cond_await(c, NULL, arg, COND_FOREVER)", cond_await(c, NULL, NULL, COND_FOREVER))
CALL_AS(await_ms, "cond_await(c, is_false, arg, 1 ms)", cond_await(c, is_false, arg, COND_MS(1)))
CALL(await_0, cond_await(c, is_false, arg, 0))
CALL(await_min, cond_await(c, is_false, arg, INT64_MIN))
CALL(with_null, cond_wait_with(c, NULL))
CALL_AS(with_zeros, "cond_wait_with(c, {all zero})", WITH(.pred = NULL))
CALL_AS(with_deadline_now, "cond_wait_with(c, {deadline now})", WITH(.deadline_ns = cond_now()))
CALL_AS(with_deadline_min, "cond_wait_with(c, {deadline INT64_MIN})", WITH(.deadline_ns = INT64_MIN))
CALL_AS(with_always, "cond_wait_with(c, {is_true})", WITH(IS_TRUE))
CALL_AS(with_never_min, "cond_wait_with(c, {is_false, deadline INT64_MIN})", WITH(IS_FALSE, .deadline_ns = INT64_MIN))
CALL_AS(with_token_min, "cond_wait_with(c, {token, deadline INT64_MIN})",
        WITH(.token = token, .deadline_ns = INT64_MIN))
CALL_AS(with_cancelled, "cond_wait_with(c, {cancelled token})", (token->cancelled_ = 1, WITH(.token = token)))
CALL_AS(with_cancelled_never, "cond_wait_with(c, {cancelled token, is_false})",
        (token->cancelled_ = 1, WITH(IS_FALSE, .token = token)))
CALL_AS(with_cancelled_always, "cond_wait_with(c, {cancelled token, is_true})",
        (token->cancelled_ = 1, WITH(IS_TRUE, .token = token)))
CALL_AS(with_unnotified_only, "cond_wait_with(c, {unnotified})", WITH(.unnotified = true))
CALL_AS(with_unnotified_always, "cond_wait_with(c, {unnotified, is_true})", WITH(IS_TRUE, .unnotified = true))
CALL_AS(with_unnotified_never, "cond_wait_with(c, {unnotified, is_false, deadline INT64_MIN})",
        WITH(IS_FALSE, .unnotified = true, .deadline_ns = INT64_MIN))
CALL(notify_1, cond_notify(c, 1))
CALL(notify_0, cond_notify(c, 0))
CALL(notify_max, cond_notify(c, SIZE_MAX))
CALL(notify_all, cond_notify_all(c))
CALL(cancel_null, cond_cancel(c, NULL))
CALL(cancel, cond_cancel(c, token))
CALL(close_it, cond_close(c))
ASK(closed, "cond_closed(c)", cond_closed(c) ? "true" : "false")
ASK(locked, "cond_locked(c)", cond_locked(c) ? "true" : "false")
ASK(owned, "cond_owned(c)", cond_owned(c) ? "true" : "false")
ASK(waiters, "cond_waiters(c)", cond_waiters(c) == 0 ? "0" : "more")
ASK(get_lock, "cond_get_lock(c)", cond_get_lock(c) == NULL ? "NULL" : "a lock")
CALL(recover, cond_recover(c))
CALL(reinit, cond_reinit_after_fork(c))
ASK(describe, "cond_describe(c, text, size)", description_name(c, cond_describe_any))
CALL_AS(describe_to_null, "cond_describe(c, NULL, size)", cond_describe(c, NULL, 8))
ASK(describe_to_nothing, "cond_describe(c, NULL, 0)", length_name(cond_describe(c, NULL, 0)))
ASK(with, "COND_WITH(c)", is_entered(c) ? "entered" : "not entered")
CALL(destroy, cond_destroy(c))

/* On a lock. */
CALL(lock_acquire, cond_lock_acquire(l))
CALL(lock_try_acquire, cond_lock_try_acquire(l))
CALL_AS(lock_acquire_timed_ms, "cond_lock_acquire_timed(l, 1 ms)", cond_lock_acquire_timed(l, COND_MS(1)))
CALL(lock_acquire_timed_0, cond_lock_acquire_timed(l, 0))
CALL(lock_acquire_timed_minus_1, cond_lock_acquire_timed(l, -1))
CALL(lock_acquire_timed_min, cond_lock_acquire_timed(l, INT64_MIN))
CALL_RELEASED(lock_acquire_timed_huge, cond_lock_acquire_timed(l, INT64_MAX - 1))
CALL_RELEASED(lock_acquire_timed_forever, cond_lock_acquire_timed(l, COND_FOREVER))
CALL(lock_acquire_until_now, cond_lock_acquire_until(l, cond_now()))
CALL(lock_acquire_until_min, cond_lock_acquire_until(l, INT64_MIN))
CALL_RELEASED(lock_acquire_until_forever, cond_lock_acquire_until(l, COND_FOREVER))
CALL(lock_release, cond_lock_release(l))
ASK(lock_locked, "cond_lock_locked(l)", cond_lock_locked(l) ? "true" : "false")
ASK(lock_owned, "cond_lock_owned(l)", cond_lock_owned(l) ? "true" : "false")
CALL(lock_recover, cond_lock_recover(l))
CALL(lock_reinit, cond_lock_reinit_after_fork(l))
ASK(lock_describe, "cond_lock_describe(l, text, size)", description_name(l, lock_describe_any))
CALL_AS(lock_describe_to_null, "cond_lock_describe(l, NULL, size)", cond_lock_describe(l, NULL, 8))
ASK(lock_describe_to_nothing, "cond_lock_describe(l, NULL, 0)", length_name(cond_lock_describe(l, NULL, 0)))
CALL(lock_destroy, cond_lock_destroy(l))

/* Init functions. Their objects are in use, so a call that writes to them is detected. */
static const cond_lock_ops_t no_acquire = {.release = spinlock_release};
static const cond_lock_ops_t no_release = {.acquire = spinlock_acquire};
static const cond_lock_ops_t no_restore = {
    .acquire = spinlock_acquire, .release = spinlock_release, .release_save = spinlock_release_save};
static const cond_lock_ops_t no_save = {
    .acquire = spinlock_acquire, .release = spinlock_release, .acquire_restore = spinlock_acquire_restore};
#ifdef COND_HAVE_PTHREAD_
static pthread_mutex_t some_mutex = PTHREAD_MUTEX_INITIALIZER;
#endif

CALL_AS(make_null_lock, "cond_lock_init(NULL, 0)", cond_lock_init(NULL, COND_RLOCK))
CALL(make_null_shared_lock, cond_lock_init(NULL, COND_SHARED))
CALL(make_lock_of_4, cond_lock_init(l, 4))
CALL(make_lock_of_all, cond_lock_init(l, UINT_MAX))
CALL_AS(make_lock_of_shared_and_4, "cond_lock_init(l, COND_SHARED + 4)", cond_lock_init(l, COND_SHARED | 4))
CALL(make_null_foreign, cond_lock_init_foreign(NULL, ops, object))
CALL(make_foreign_of_null, cond_lock_init_foreign(l, NULL, object))
CALL_AS(make_foreign_no_acquire, "cond_lock_init_foreign(l, ops without acquire, object)",
        cond_lock_init_foreign(l, &no_acquire, object))
CALL_AS(make_foreign_no_release, "cond_lock_init_foreign(l, ops without release, object)",
        cond_lock_init_foreign(l, &no_release, object))
CALL_AS(make_foreign_no_restore, "cond_lock_init_foreign(l, release_save without acquire_restore, object)",
        cond_lock_init_foreign(l, &no_restore, object))
CALL_AS(make_foreign_no_save, "cond_lock_init_foreign(l, acquire_restore without release_save, object)",
        cond_lock_init_foreign(l, &no_save, object))
#ifdef COND_HAVE_PTHREAD_
CALL_AS(make_null_pthread, "cond_lock_init_pthread(NULL, mutex)", cond_lock_init_pthread(NULL, &some_mutex))
CALL(make_pthread_of_null, cond_lock_init_pthread(l, NULL))
#endif
CALL_AS(make_null_cond, "cond_init(NULL, NULL, 0)", cond_init(NULL, NULL, COND_RLOCK))
CALL_AS(make_null_cond_on_lock, "cond_init(NULL, l, 0)", cond_init(NULL, l, COND_RLOCK))
CALL(make_cond_of_4, cond_init(c, NULL, 4))
CALL(make_cond_of_all, cond_init(c, NULL, UINT_MAX))
CALL(make_cond_on_lock_of_4, cond_init(c, l, 4))
CALL_AS(make_mutex_cond_on_rlock, "cond_init(c, an rlock, COND_MUTEX)", cond_init(c, l, COND_MUTEX))
CALL_AS(make_shared_cond_on_rlock, "cond_init(c, an rlock, COND_SHARED)", cond_init(c, l, COND_SHARED))
CALL(make_shared_again, cond_init(c, NULL, COND_SHARED))
CALL_AS(make_cond_on_destroyed, "cond_init(c, a destroyed lock, 0)", cond_init(c, l, COND_RLOCK))
CALL(stop_null, cond_stop(NULL))
ASK(text_of_minus_1, "cond_strerror(-1)", cond_strerror(-1) != NULL ? "a text" : "NULL")
ASK(text_of_any, "cond_strerror(INT_MAX)", cond_strerror(INT_MAX) != NULL ? "a text" : "NULL")
ASK(deadline_of_min, "cond_deadline(INT64_MIN)", deadline_name(cond_deadline(INT64_MIN)))
ASK(deadline_of_0, "cond_deadline(0)", deadline_name(cond_deadline(0)))
ASK(deadline_of_huge, "cond_deadline(INT64_MAX - 1)", deadline_name(cond_deadline(INT64_MAX - 1)))
ASK(deadline_of_forever, "cond_deadline(COND_FOREVER)", deadline_name(cond_deadline(COND_FOREVER)))

/* ---- The table ---- */

enum { COLUMNS = 4, STATES_MAX = 5, CALLS_MAX = 20 };

/* Each of the calls returns this in each of the states. */
struct row {
    enum state states[STATES_MAX]; /* the rest is NO_STATE */
    const char *results[COLUMNS];  /* NULL: this kind of lock has no such state */
    enum effect effect;            /* if the call does not fail */
    const struct call *calls[CALLS_MAX];
};

#define EACH(result) {(result), (result), (result), (result)}
#define NOT_FOREIGN(result) {(result), (result), (result), "ENOTSUP"}
#define PRIVATE(result) {(result), (result), (result), NULL}
#define BY_RECURSIVE_AND_NOT {"0", "EDEADLK", "0", "EDEADLK"}
#define BY_RECURSIVE_ONLY(result) {(result), NULL, (result), NULL}

/* Columns: a condition's own rlock, its own mutex, an rlock elsewhere, a foreign lock elsewhere. */
static const struct row condition_rows[] = {
    {{ABSENT, DESTROYED, DESTROYED_LOCK}, EACH("EINVAL"), NOTHING,
     {&acquire, &try_acquire, &acquire_timed_ms, &acquire_until_now, &release, &wait_forever, &wait_until_forever,
      &wait_for_true, &wait_for_until_true, &await_true, &with_zeros, &with_cancelled, &with_unnotified_always,
      &notify_1, &notify_all, &cancel, &close_it, &recover, &reinit}},
    {{OTHERS}, EACH("EBUSY"), NOTHING, {&try_acquire}},
    {{FREE}, EACH("0"), ACQUIRED,
     {&acquire_timed_0, &acquire_timed_minus_1, &acquire_timed_min, &acquire_until_now, &acquire_until_min}},
    {{OTHERS}, EACH("ETIMEDOUT"), NOTHING,
     {&acquire_timed_ms, &acquire_timed_1, &acquire_timed_0, &acquire_timed_minus_1, &acquire_timed_min,
      &acquire_until_now, &acquire_until_min}},
    {{MINE}, BY_RECURSIVE_AND_NOT, ACQUIRED,
     {&acquire, &try_acquire, &acquire_timed_ms, &acquire_timed_min, &acquire_until_now}},
    {{DEEPEST}, BY_RECURSIVE_ONLY("EAGAIN"), NOTHING, {&acquire, &try_acquire, &acquire_timed_ms, &acquire_until_now}},
    {{CLOSED}, EACH("0"), ACQUIRED, {&acquire, &try_acquire, &acquire_timed_ms, &acquire_until_now}},
    {{CLOSED_OTHERS}, EACH("EBUSY"), NOTHING, {&try_acquire}},
    {{FREE, OTHERS_LEAVING}, EACH("0"), ACQUIRED, {&acquire_timed_huge}},
    {{OTHERS_LEAVING}, EACH("0"), ACQUIRED, {&acquire_timed_forever, &acquire_until_forever}},
    {{FREE, OTHERS, WAITED, CLOSED, CLOSED_OTHERS}, EACH("EPERM"), NOTHING,
     {&release, &wait_forever, &wait_until_forever, &wait_for_true, &wait_for_until_true, &with_zeros, &with_cancelled,
      &cancel, &close_it}},
    {{FREE, OTHERS}, EACH("EPERM"), NOTHING, {&wait_0}},
    {{FREE}, EACH("EPERM"), NOTHING, {&wait_min, &wait_until_min, &wait_for_min}},
    {{MINE}, EACH("ETIMEDOUT"), NOTHING,
     {&wait_1, &wait_0, &wait_minus_1, &wait_min, &wait_until_now, &wait_until_0, &wait_until_minus_1, &wait_until_min,
      &wait_for_ms, &wait_for_0, &wait_for_minus_1, &wait_for_min, &wait_for_until_now, &wait_for_until_min,
      &with_deadline_now, &with_deadline_min, &with_never_min, &with_token_min}},
    {{CLOSED_MINE, MINE}, EACH("0"), NOTHING, {&wait_for_true, &wait_for_until_true}},
    {{ABSENT, FREE, MINE, CLOSED_MINE}, EACH("EINVAL"), NOTHING,
     {&wait_for_null, &await_null, &with_null, &with_unnotified_only, &cancel_null}},
    {{ABSENT, FREE, MINE}, EACH("EINVAL"), NOTHING, {&wait_for_until_null}},
    {{MINE}, NOT_FOREIGN("ETIMEDOUT"), NOTHING, {&await_ms, &await_min, &with_unnotified_never}},
    {{DEEPEST}, BY_RECURSIVE_ONLY("ETIMEDOUT"), NOTHING, {&wait_0, &wait_for_min, &wait_for_until_min, &await_min}},
    {{WAITED_MINE}, EACH("ETIMEDOUT"), NOTHING, {&wait_0}},
    {{MINE, WAITED_MINE}, NOT_FOREIGN("ETIMEDOUT"), NOTHING, {&await_0}},
    {{AWAITED_MINE}, PRIVATE("ETIMEDOUT"), NOTHING, {&wait_0, &await_0}},
    {{CLOSED_MINE}, EACH("ECANCELED"), NOTHING,
     {&wait_forever, &wait_0, &wait_until_forever, &wait_for_min, &wait_for_until_min, &with_zeros, &with_never_min,
      &with_token_min}},
    {{MINE_NOTIFIED}, EACH("0"), NOTHING,
     {&wait_forever, &wait_huge, &wait_until_forever, &wait_until_huge, &with_zeros}},
    {{CLOSED_MINE}, NOT_FOREIGN("ECANCELED"), NOTHING, {&await_min, &with_unnotified_never}},
    {{MINE, CLOSED_MINE}, EACH("0"), NOTHING, {&with_always}},
    {{CLOSED_MINE, MINE}, EACH("ECANCELED"), NOTHING, {&with_cancelled}},
    {{MINE}, EACH("ECANCELED"), NOTHING, {&with_cancelled_never}},
    {{ABSENT, DESTROYED}, EACH("EINVAL"), NOTHING, {&notify_0, &notify_max, &destroy}},
    {{FREE, OTHERS, WAITED}, EACH("EPERM"), NOTHING,
     {&await_true, &with_unnotified_always, &notify_1, &notify_0, &notify_max, &notify_all, &recover}},
    {{MINE}, EACH("0"), NOTHING, {&wait_for_true_min, &with_cancelled_always, &notify_max, &notify_all}},
    {{MINE}, NOT_FOREIGN("0"), NOTHING, {&await_true, &await_true_min}},
    {{CLOSED}, EACH("EPERM"), NOTHING, {&await_true}},
    {{CLOSED_MINE}, NOT_FOREIGN("0"), NOTHING, {&await_true}},
    {{MINE, CLOSED_MINE}, NOT_FOREIGN("0"), NOTHING, {&with_unnotified_always}},
    {{MINE, CHOSEN_MINE}, EACH("0"), NOTHING, {&notify_1}},
    {{MINE, WAITED_MINE}, EACH("0"), NOTHING, {&notify_0}},
    {{WAITED_MINE}, EACH("0"), CHOSEN, {&notify_max, &notify_all}},
    {{CLOSED_MINE, MINE, WAITED_MINE}, EACH("0"), NOTHING, {&cancel}},
    {{AWAITED_MINE}, PRIVATE("0"), NOTHING, {&notify_1, &notify_all, &cancel}},
    {{TOKEN_MINE}, EACH("0"), CANCELS, {&cancel}},
    {{ABSENT, DESTROYED, DESTROYED_LOCK, FREE, OTHERS}, EACH("false"), NOTHING, {&closed}},
    {{CLOSED, CLOSED_OTHERS}, EACH("true"), NOTHING, {&closed}},
    {{ABSENT, DESTROYED, DESTROYED_LOCK}, EACH("false"), NOTHING, {&locked}},
    {{OTHERS}, EACH("true"), NOTHING, {&locked}},
    {{CLOSED}, EACH("false"), NOTHING, {&locked}},
    {{CLOSED_OTHERS}, EACH("true"), NOTHING, {&locked}},
    {{ABSENT, DESTROYED, DESTROYED_LOCK, OTHERS, CLOSED_OTHERS}, EACH("false"), NOTHING, {&owned}},
    {{CLOSED_MINE}, EACH("true"), NOTHING, {&owned}},
    {{ABSENT, DESTROYED, DESTROYED_LOCK, CHOSEN_MINE}, EACH("0"), NOTHING, {&waiters}},
    {{AWAITED_MINE}, PRIVATE("more"), NOTHING, {&waiters}},
    {{CLOSED}, EACH("0"), NOTHING, {&waiters, &reinit}},
    {{ABSENT, DESTROYED, DESTROYED_LOCK}, EACH("NULL"), NOTHING, {&get_lock}},
    {{CLOSED}, EACH("a lock"), NOTHING, {&get_lock}},
    {{MINE}, EACH("EINVAL"), NOTHING, {&recover}},
    {{CLOSED, CLOSED_OTHERS}, EACH("EPERM"), NOTHING, {&notify_1, &notify_all, &recover}},
    {{CLOSED_MINE}, EACH("0"), NOTHING, {&notify_1, &notify_all, &close_it}},
    {{MINE}, EACH("0"), CLOSES, {&close_it}},
    {{DEEPEST}, BY_RECURSIVE_ONLY("0"), CLOSES, {&close_it}},
    {{WAITED_MINE, CHOSEN_MINE, TOKEN_MINE}, EACH("0"), CLOSES, {&close_it}},
    {{AWAITED_MINE}, PRIVATE("0"), CLOSES, {&close_it}},
    {{CLOSED_MINE}, EACH("EINVAL"), NOTHING, {&recover}},
    {{ABSENT, DESTROYED, DESTROYED_LOCK}, EACH("-EINVAL"), NOTHING, {&describe}},
    {{FREE}, EACH("-EINVAL"), NOTHING, {&describe_to_null}},
    {{ABSENT}, EACH("-EINVAL"), NOTHING, {&describe_to_nothing}},
    {{OTHERS, CLOSED}, EACH("its length"), NOTHING, {&describe_to_nothing}},
    {{ABSENT, DESTROYED, DESTROYED_LOCK}, EACH("not entered"), NOTHING, {&with}},
    {{MINE}, {"entered", "not entered", "entered", "not entered"}, NOTHING, {&with}},
    {{DEEPEST}, BY_RECURSIVE_ONLY("not entered"), NOTHING, {&with}},
    {{CLOSED}, EACH("entered"), NOTHING, {&with}},
    {{DESTROYED_LOCK}, {"EINVAL", "EINVAL", "0", "0"}, END_OF_CONDITION, {&destroy}},
    {{OTHERS, MINE}, {"EBUSY", "EBUSY", "0", "0"}, END_OF_CONDITION, {&destroy}},
    {{DEEPEST}, {"EBUSY", NULL, "0", NULL}, END_OF_CONDITION, {&destroy}},
    {{WAITED, WAITED_MINE}, EACH("EBUSY"), NOTHING, {&destroy}},
    {{CHOSEN_MINE}, {"EBUSY", "EBUSY", "0", "0"}, END_OF_CONDITION, {&destroy}},
    {{AWAITED_MINE}, PRIVATE("EBUSY"), NOTHING, {&destroy}},
    {{CLOSED}, EACH("0"), END_OF_CONDITION, {&destroy}},
    {{CLOSED_OTHERS, CLOSED_MINE}, {"EBUSY", "EBUSY", "0", "0"}, END_OF_CONDITION, {&destroy}},
};

/* Columns: an rlock, a mutex, a foreign lock; each with a condition on it. */
#define LOCK_MINE {"0", "EDEADLK", "EDEADLK", NULL}
#define LOCK_DEEPEST {"EAGAIN", NULL, NULL, NULL}

static const struct row lock_rows[] = {
    {{ABSENT, DESTROYED}, EACH("EINVAL"), NOTHING,
     {&lock_acquire, &lock_try_acquire, &lock_acquire_timed_ms, &lock_acquire_until_now, &lock_release, &lock_recover,
      &lock_reinit, &lock_destroy}},
    {{OTHERS}, EACH("EBUSY"), NOTHING, {&lock_try_acquire}},
    {{FREE}, EACH("0"), ACQUIRED,
     {&lock_acquire_timed_0, &lock_acquire_timed_minus_1, &lock_acquire_timed_min, &lock_acquire_until_now,
      &lock_acquire_until_min}},
    {{OTHERS}, EACH("ETIMEDOUT"), NOTHING,
     {&lock_acquire_timed_ms, &lock_acquire_timed_0, &lock_acquire_timed_minus_1, &lock_acquire_timed_min,
      &lock_acquire_until_now, &lock_acquire_until_min}},
    {{MINE}, LOCK_MINE, ACQUIRED,
     {&lock_acquire, &lock_try_acquire, &lock_acquire_timed_ms, &lock_acquire_timed_min, &lock_acquire_until_now}},
    {{DEEPEST}, LOCK_DEEPEST, NOTHING,
     {&lock_acquire, &lock_try_acquire, &lock_acquire_timed_ms, &lock_acquire_until_now}},
    {{FREE, OTHERS_LEAVING}, EACH("0"), ACQUIRED, {&lock_acquire_timed_huge}},
    {{OTHERS_LEAVING}, EACH("0"), ACQUIRED, {&lock_acquire_timed_forever, &lock_acquire_until_forever}},
    {{FREE, OTHERS, WAITED}, EACH("EPERM"), NOTHING, {&lock_release, &lock_recover}},
    {{ABSENT, DESTROYED}, EACH("false"), NOTHING, {&lock_locked}},
    {{OTHERS}, EACH("true"), NOTHING, {&lock_locked}},
    {{ABSENT, DESTROYED, OTHERS}, EACH("false"), NOTHING, {&lock_owned}},
    {{MINE}, EACH("EINVAL"), NOTHING, {&lock_recover}},
    {{FREE}, EACH("0"), NOTHING, {&lock_reinit}},
    {{ABSENT, DESTROYED}, EACH("-EINVAL"), NOTHING, {&lock_describe}},
    {{FREE}, EACH("-EINVAL"), NOTHING, {&lock_describe_to_null}},
    {{ABSENT}, EACH("-EINVAL"), NOTHING, {&lock_describe_to_nothing}},
    {{OTHERS}, EACH("its length"), NOTHING, {&lock_describe_to_nothing}},
    {{OTHERS, MINE}, {"EBUSY", "EBUSY", NULL, NULL}, NOTHING, {&lock_destroy}},
    {{DEEPEST}, {"EBUSY", NULL, NULL, NULL}, NOTHING, {&lock_destroy}},
    {{WAITED, CHOSEN_MINE}, {"EBUSY", "EBUSY", "EBUSY", NULL}, NOTHING, {&lock_destroy}},
};

/* A shared condition: what differs from the tables above. */
static const struct row shared_rows[] = {
    {{FREE, OTHERS}, EACH("EPERM"), NOTHING,
     {&await_true, &with_unnotified_always, &with_token_min, &with_cancelled, &cancel, &close_it}},
    {{MINE, CLOSED_MINE}, EACH("ENOTSUP"), NOTHING,
     {&await_true, &with_unnotified_always, &with_token_min, &with_cancelled, &cancel}},
    {{MINE}, EACH("EINVAL"), NOTHING, {&await_null, &with_unnotified_only, &with_null, &cancel_null}},
    {{MINE}, EACH("0"), CLOSES, {&close_it}},
    {{CLOSED_MINE}, EACH("0"), NOTHING, {&close_it, &wait_for_true, &notify_all}},
    {{DESTROYED, FREE}, EACH("false"), NOTHING, {&closed}},
    {{CLOSED}, EACH("true"), NOTHING, {&closed}},
    {{CLOSED}, EACH("EPERM"), NOTHING, {&wait_forever}},
    {{CLOSED_MINE}, EACH("ECANCELED"), NOTHING, {&wait_forever, &wait_for_min, &with_zeros}},
    {{MINE}, EACH("ETIMEDOUT"), NOTHING, {&wait_for_until_min}},
    {{CLOSED}, EACH("0"), NOTHING, {&reinit}},
    {{CLOSED}, EACH("EBUSY"), NOTHING, {&make_shared_again}},
    {{CLOSED}, EACH("0"), END_OF_CONDITION, {&destroy}},
};

/* Init functions on objects that exist already, and calls without an object. */
static const struct row make_rows[] = {
    {{FREE}, EACH("EINVAL"), NOTHING,
     {&make_null_lock, &make_null_shared_lock, &make_lock_of_4, &make_lock_of_all, &make_lock_of_shared_and_4,
      &make_null_foreign, &make_foreign_of_null, &make_foreign_no_acquire, &make_foreign_no_release,
      &make_foreign_no_restore, &make_foreign_no_save, &make_null_cond, &make_null_cond_on_lock, &make_cond_of_4,
      &make_cond_of_all, &make_cond_on_lock_of_4, &make_mutex_cond_on_rlock, &make_shared_cond_on_rlock, &stop_null}},
#ifdef COND_HAVE_PTHREAD_
    {{FREE}, EACH("EINVAL"), NOTHING, {&make_null_pthread, &make_pthread_of_null}},
#endif
    {{DESTROYED_LOCK}, EACH("EINVAL"), NOTHING, {&make_cond_on_destroyed}},
    {{FREE}, EACH("a text"), NOTHING, {&text_of_minus_1, &text_of_any}},
    {{FREE}, EACH("now, or past"), NOTHING, {&deadline_of_min, &deadline_of_0}},
    {{FREE}, EACH("forever"), NOTHING, {&deadline_of_huge, &deadline_of_forever}},
};

/* ---- Sections ---- */

static const struct section {
    const char *title;
    const struct row *rows;
    size_t row_count;
    bool with_state; /* has columns for the state and for the effect */
    struct {
        enum kind kind;
        const char *title;
    } columns[COLUMNS];
    size_t column_count;
} sections[] = {
    {"Initialising, texts and deadlines", make_rows, LENGTH(make_rows), false, {{RLOCK_ELSEWHERE, "answer"}}, 1},
    {"Locks", lock_rows, LENGTH(lock_rows), true,
     {{RLOCK_ELSEWHERE, "rlock"}, {MUTEX_ELSEWHERE, "mutex"}, {FOREIGN, "foreign"}}, 3},
    {"Conditions", condition_rows, LENGTH(condition_rows), true,
     {{OWN_RLOCK, "own rlock"},
      {OWN_MUTEX, "own mutex"},
      {RLOCK_ELSEWHERE, "rlock elsewhere"},
      {FOREIGN, "foreign"}}, 4},
    {"Shared conditions", shared_rows, LENGTH(shared_rows), true, {{OWN_SHARED, "shared"}}, 1},
};

enum { MAKING, LOCKS, CONDITIONS, SHARED_CONDITIONS };

/* ---- Trying the cells ---- */

enum { NO_ERRNO = 4711 };

/* Whether this result means that the call did nothing. */
static bool is_refusal(const char *result)
{
    static const char *const refusals[] = {"EINVAL", "-EINVAL", "EPERM", "EBUSY", "EAGAIN", "EDEADLK", "ENOTSUP"};
    for (size_t i = 0; i < LENGTH(refusals); i++)
        if (strcmp(result, refusals[i]) == 0)
            return true;
    return false;
}

static const char *what_is_wrong(const struct row *row, const struct call *call, const char *expected,
                                 const char *result, int error, struct cell *c, const struct snapshot *before,
                                 const struct snapshot *after)
{
    bool refused = is_refusal(expected);
    if (strcmp(result, expected) != 0)
        return "wrong result";
    if (error != NO_ERRNO)
        return "errno was changed";
    if (refused && c->calls != 0)
        return "the predicate was called";
    if (refused && call == &cancel && after->cancelled != before->cancelled)
        return "the token was cancelled";
    if (refused && memcmp(before->bytes, after->bytes, sizeof before->bytes) != 0)
        return "an object was written";
    bool effective = strcmp(result, "0") == 0;
    return effect_is(effective ? row->effect : NOTHING, c, before, after) ? NULL : "wrong change";
}

static bool test_cell(const struct section *section, const struct row *row, const struct call *call, enum state state,
                      size_t column)
{
    struct snapshot before, after;
    struct cell *c = make(section->columns[column].kind, state);
    const char *expected = row->results[column];
    enter_state(c, section == &sections[LOCKS]);
    take_snapshot(c, &before);
    errno = NO_ERRNO;
    const char *result = call->run(c);
    int error = errno;
    take_snapshot(c, &after);
    const char *wrong = what_is_wrong(row, call, expected, result, error, c, &before, &after);
    if (wrong == NULL) {
        leave_state(c);
        return true;
    }
    print_error("%s, %s, %s: %s: expected %s, got %s\n    before: %s\n    after:  %s\n", call->text,
                state_text[state], section->columns[column].title, wrong, expected, result, before.text, after.text);
    return false;
}

/* A call in a state: a line of the documentation. The last one has no row. */
struct line {
    const struct row *row;
    const struct call *call;
    enum state state;
};

static const struct line *lines_of(const struct section *section)
{
    static struct line lines[500];
    size_t count = 0;
    for (const struct row *row = section->rows; row != section->rows + section->row_count; row++)
        for (size_t k = 0; k < CALLS_MAX && row->calls[k] != NULL; k++)
            for (size_t i = 0; i < STATES_MAX && row->states[i] != NO_STATE; i++) {
                size_t at = count++;
                REQUIRE(count < LENGTH(lines));
                for (; at > 0 && lines[at - 1].call->line > row->calls[k]->line; at--)
                    lines[at] = lines[at - 1];
                lines[at] = (struct line){row, row->calls[k], row->states[i]};
            }
    lines[count].row = NULL;
    return lines;
}

static void test_section(const struct section *section)
{
    unsigned wrong = 0;
    for (const struct line *l = lines_of(section); l->row != NULL; l++)
        for (size_t column = 0; column < section->column_count; column++)
            wrong += l->row->results[column] != NULL && !test_cell(section, l->row, l->call, l->state, column);
    assert_int_equal(wrong, 0);
}

TEST(making) { test_section(&sections[MAKING]); }
TEST(locks) { test_section(&sections[LOCKS]); }
TEST(conditions) { test_section(&sections[CONDITIONS]); }

TEST(shared_conditions)
{
    if (!kind_is_possible(OWN_SHARED))
        skip(); /* not on this system */
    test_section(&sections[SHARED_CONDITIONS]);
}

/* ---- As text ---- */

/* NULL: this cell does not exist. */
static void print_cell(FILE *out, const char *text, const char *quote, size_t width)
{
    if (text == NULL)
        text = "-";
    int padding = (int)(width - strlen(text));
    (void)fprintf(out, " %s%s%s%*s |", quote, text, quote, padding, "");
}

static size_t max(size_t a, size_t b) { return a > b ? a : b; }

static void print_section(FILE *out, const struct section *section)
{
    const struct line *lines = lines_of(section);
    static const char call_title[] = "call", state_title[] = "the object is", effect_title[] = "changed by 0";
    size_t call_width = strlen(call_title);
    size_t state_width = strlen(state_title);
    size_t effect_width = strlen(effect_title);
    size_t result_width[COLUMNS];
    for (size_t column = 0; column < section->column_count; column++)
        result_width[column] = strlen(section->columns[column].title);
    for (const struct line *l = lines; l->row != NULL; l++) {
        call_width = max(call_width, strlen(l->call->text));
        state_width = max(state_width, strlen(state_text[l->state]));
        effect_width = max(effect_width, strlen(effect_text[l->row->effect]));
        for (size_t column = 0; column < section->column_count; column++)
            if (l->row->results[column] != NULL)
                result_width[column] = max(result_width[column], strlen(l->row->results[column]));
    }

    (void)fprintf(out, "\n## %s\n\n|", section->title);
    print_cell(out, call_title, "", call_width + 2);
    if (section->with_state)
        print_cell(out, state_title, "", state_width);
    for (size_t column = 0; column < section->column_count; column++)
        print_cell(out, section->columns[column].title, "", result_width[column]);
    if (section->with_state)
        print_cell(out, effect_title, "", effect_width);
    size_t columns = section->column_count + (section->with_state ? 3 : 1);
    (void)fputs("\n|", out);
    for (size_t column = 0; column < columns; column++)
        (void)fputs("---|", out);
    (void)fputs("\n", out);

    for (const struct line *l = lines; l->row != NULL; l++) {
        (void)fputs("|", out);
        print_cell(out, l->call->text, "`", call_width);
        if (section->with_state)
            print_cell(out, state_text[l->state], "", state_width);
        for (size_t column = 0; column < section->column_count; column++)
            print_cell(out, l->row->results[column], "", result_width[column]);
        if (section->with_state)
            print_cell(out, effect_text[l->row->effect], "", effect_width);
        (void)fputs("\n", out);
    }
}

static void print_table(FILE *out)
{
    for (size_t i = 0; i < LENGTH(sections); i++)
        print_section(out, &sections[i]);
}

int main(int argc, char *argv[])
{
    int status = page_command(argc, argv, "test_misuse", print_table);
    return status >= 0 ? status : RUN_TESTS("misuse");
}
