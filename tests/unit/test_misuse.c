/* SPDX-License-Identifier: MIT */
/*
 * The misuse matrix: every call with every wrong state and every odd argument, what it answers on each kind
 * of lock, and that it has changed nothing. The table below is all there is to it:
 *
 *      test_misuse                 tries every cell
 *      test_misuse --markdown      prints the table as it stands in docs/reference/misuse.md
 *      test_misuse --check FILE    tells whether FILE has it, word for word, between its two marks
 *
 * Each cell has a condition and a lock of its own (struct subject), brought into the row's state by the
 * calling thread and, where the state takes two, by another one.
 */
#include "unit.h"
#include "rlock.h"

/* ---- States and kinds ---- */

enum kind { OWN_RLOCK, OWN_MUTEX, RLOCK_ELSEWHERE, MUTEX_ELSEWHERE, FOREIGN, OWN_SHARED };

enum state {
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
    [CHOSEN_MINE] = "a notified waiter on its way, held by the caller",
    [TOKEN_MINE] = "waited on with the token, held by the caller",
    [AWAITED_MINE] = "awaited, held by the caller",
    [CLOSED] = "closed, held by nobody",
    [CLOSED_OTHERS] = "closed, held by another thread",
    [CLOSED_MINE] = "closed, held by the caller",
};

struct subject {
    enum kind kind;
    enum state state;
    cond_t *cond;       /* what the call gets: &living, or NULL */
    cond_lock_t *lock;  /* what a lock's call gets: the condition's lock, or NULL */
    cond_t living;
    cond_lock_t *handle; /* living's lock */
    cond_lock_t elsewhere;
    struct toy toy;
    unsigned asked; /* how often a predicate was called */
    cond_token_t token;
    pthread_t other;
    bool has_other;
    atomic_int holds, let_go;
    int result; /* what the other thread's wait returned */
};

static void *other_holds(void *arg)
{
    struct subject *s = arg;
    REQUIRE(cond_lock_acquire(s->handle) == 0);
    atomic_store(&s->holds, 1);
    until(&s->let_go, 1);
    REQUIRE(cond_lock_release(s->handle) == 0);
    return NULL;
}

/* By the lock's own handle, since the condition may be destroyed before this thread is through. */
static void *other_waits(void *arg)
{
    struct subject *s = arg;
    REQUIRE(cond_lock_acquire(s->handle) == 0);
    s->result = cond_wait(&s->living, COND_FOREVER);
    REQUIRE(cond_lock_release(s->handle) == 0);
    return NULL;
}

static void *other_waits_with_token(void *arg)
{
    struct subject *s = arg;
    REQUIRE(cond_lock_acquire(s->handle) == 0);
    s->result = cond_wait_with(&s->living, &(cond_wait_options_t){.token = &s->token});
    REQUIRE(cond_lock_release(s->handle) == 0);
    return NULL;
}

static bool is_false(void *arg)
{
    (void)arg;
    return false;
}

static void *other_awaits(void *arg)
{
    struct subject *s = arg;
    REQUIRE(cond_lock_acquire(s->handle) == 0);
    s->result = cond_await(&s->living, is_false, NULL, COND_FOREVER);
    REQUIRE(cond_lock_release(s->handle) == 0);
    return NULL;
}

static void *other_notifies(void *arg)
{
    struct subject *s = arg;
    until_waiters(&s->living, 1);
    REQUIRE(cond_acquire(&s->living) == 0);
    REQUIRE(cond_notify_all(&s->living) == 0);
    REQUIRE(cond_release(&s->living) == 0);
    return NULL;
}

static void start_other(struct subject *s, void *(*function)(void *))
{
    s->other = start(function, s);
    s->has_other = true;
}

static void acquire_levels(struct subject *s, unsigned levels)
{
    for (unsigned i = 0; i < levels; i++)
        REQUIRE(cond_acquire(&s->living) == 0);
}

/* ---- Into the state, and out of it ---- */

static struct subject *make(enum kind kind, enum state state)
{
    struct subject *s = calloc(1, sizeof *s);
    REQUIRE(s != NULL);
    s->kind = kind;
    s->state = state;
    cond_lock_t *lock = kind <= OWN_MUTEX || kind == OWN_SHARED ? NULL : &s->elsewhere;
    unsigned flags = kind == OWN_MUTEX ? COND_MUTEX : kind == OWN_SHARED ? COND_SHARED : COND_RLOCK;
    if (kind == FOREIGN)
        REQUIRE(cond_lock_init_foreign(lock, &toy_ops_all, &s->toy) == 0);
    else if (lock != NULL)
        REQUIRE(cond_lock_init(lock, kind == MUTEX_ELSEWHERE ? COND_MUTEX : COND_RLOCK) == 0);
    REQUIRE(cond_init(&s->living, lock, flags) == 0);
    s->handle = cond_get_lock(&s->living);
    s->cond = state == ABSENT ? NULL : &s->living;
    s->lock = state == ABSENT ? NULL : s->handle;
    return s;
}

static void enter_state(struct subject *s, bool of_lock)
{
    switch (s->state) {
    case ABSENT:
    case FREE:
        break;
    case DESTROYED:
        REQUIRE((of_lock ? cond_lock_destroy(s->handle) : cond_destroy(&s->living)) == 0);
        break;
    case DESTROYED_LOCK:
        REQUIRE(cond_lock_destroy(s->handle) == 0);
        break;
    case OTHERS:
    case OTHERS_LEAVING: /* once the call is about to be made */
        start_other(s, other_holds);
        until(&s->holds, 1);
        break;
    case MINE:
        acquire_levels(s, 1);
        break;
    case MINE_NOTIFIED:
        acquire_levels(s, 1);
        start_other(s, other_notifies); /* once it can have the lock */
        break;
    case DEEPEST:
        /* At once: test_rlock goes there step by step. */
        rlock_acquire_restore(s->handle, port_self(), COND_DEPTH_MAX, true);
        break;
    case WAITED:
    case WAITED_MINE:
    case CHOSEN_MINE:
    case TOKEN_MINE:
    case AWAITED_MINE:
        start_other(s, s->state == TOKEN_MINE     ? other_waits_with_token
                       : s->state == AWAITED_MINE ? other_awaits
                                                  : other_waits);
        until_waiters(&s->living, 1);
        if (s->state != WAITED)
            acquire_levels(s, 1);
        if (s->state == CHOSEN_MINE)
            REQUIRE(cond_notify(&s->living, 1) == 0);
        break;
    case CLOSED:
    case CLOSED_OTHERS:
    case CLOSED_MINE:
        acquire_levels(s, 1);
        REQUIRE(cond_close(&s->living) == 0);
        if (s->state != CLOSED_MINE)
            REQUIRE(cond_release(&s->living) == 0);
        if (s->state == CLOSED_OTHERS) {
            start_other(s, other_holds);
            until(&s->holds, 1);
        }
        break;
    }
}

/* What the other thread's wait returns in the end. */
static int expected_result(const struct subject *s)
{
    bool waits = s->state >= WAITED && s->state <= AWAITED_MINE && s->state != CHOSEN_MINE;
    return (waits && cond_closed(&s->living)) || (s->state == TOKEN_MINE && s->token.cancelled_ != 0) ? ECANCELED : 0;
}

/* Only after a cell that was right: else nobody knows what state this is. */
static void leave_state(struct subject *s)
{
    atomic_store(&s->let_go, 1);
    if (cond_waiters(&s->living) != 0) {
        if (s->state == WAITED)
            acquire_levels(s, 1);
        REQUIRE((s->state == AWAITED_MINE ? cond_close(&s->living) : cond_notify_all(&s->living)) == 0);
    }
    if (s->state == DEEPEST)
        REQUIRE(rlock_release_save(s->handle, port_self()) == COND_DEPTH_MAX);
    while (cond_lock_owned(s->handle))
        REQUIRE(cond_lock_release(s->handle) == 0);
    if (s->has_other) {
        int expected = expected_result(s);
        (void)finish(s->other);
        REQUIRE(s->result == expected);
    }
    free(s);
}

/* ---- What can be seen of it ---- */

struct snapshot {
    int described;
    char text[200];
    bool locked, owned;
    size_t waiters;
    unsigned depth;
    uint32_t cancelled;
    unsigned char bytes[sizeof(cond_t) + sizeof(cond_lock_t)];
};

static void take_snapshot(const struct subject *s, struct snapshot *snapshot)
{
    *snapshot = (struct snapshot){.described = 0};
    snapshot->described = cond_describe(&s->living, snapshot->text, sizeof snapshot->text);
    snapshot->locked = cond_lock_locked(s->handle);
    snapshot->owned = cond_lock_owned(s->handle);
    snapshot->waiters = cond_waiters(&s->living);
    if (snapshot->owned)
        snapshot->depth = s->kind == FOREIGN      ? s->toy.depth
                          : s->kind == OWN_SHARED ? s->handle->depth_
                                                  : rlock_depth(s->handle);
    snapshot->cancelled = s->token.cancelled_; /* (only this thread cancels) */
    if (!s->has_other) { /* nobody else reads or writes it */
        memcpy(snapshot->bytes, &s->living, sizeof s->living);
        memcpy(snapshot->bytes + sizeof s->living, &s->elsewhere, sizeof s->elsewhere);
    }
}

static bool same_view(const struct snapshot *a, const struct snapshot *b)
{
    return a->described == b->described && strcmp(a->text, b->text) == 0 && a->locked == b->locked &&
           a->owned == b->owned && a->waiters == b->waiters && a->depth == b->depth;
}

/* What a call has changed that did not fail. */
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

static bool effect_is(enum effect effect, struct subject *s, const struct snapshot *before,
                      const struct snapshot *after)
{
    switch (effect) {
    case ACQUIRED:
        return after->locked && after->owned && after->waiters == before->waiters &&
               after->depth == before->depth + 1;
    case CANCELS:
        if (cond_closed(&s->living) || after->cancelled == 0)
            return false;
        /* fall through */
    case CHOSEN:
        return before->waiters != 0 && after->waiters == 0 && after->locked == before->locked &&
               after->owned == before->owned && after->depth == before->depth;
    case CLOSES:
        return cond_closed(&s->living) && strstr(before->text, "closed") == NULL && after->waiters == 0 &&
               after->locked == before->locked && after->owned == before->owned && after->depth == before->depth;
    case END_OF_CONDITION:
        return after->described == -EINVAL && cond_get_lock(&s->living) == NULL;
    case END_OF_LOCK:
        return after->described == -EINVAL && cond_lock_try_acquire(s->handle) == EINVAL;
    default:
        return same_view(before, after);
    }
}

/* ---- Answers ---- */

static const char *error_name(int error)
{
    static const struct {
        int error;
        const char *name;
    } names[] = {
        {0, "0"},           {EINVAL, "EINVAL"}, {-EINVAL, "-EINVAL"},     {EPERM, "EPERM"},
        {EBUSY, "EBUSY"},   {EAGAIN, "EAGAIN"}, {EDEADLK, "EDEADLK"},     {ENOTSUP, "ENOTSUP"},
        {ENOMEM, "ENOMEM"}, {EINTR, "EINTR"},   {ETIMEDOUT, "ETIMEDOUT"}, {ECANCELED, "ECANCELED"},
    };
    for (size_t i = 0; i < LENGTH(names); i++)
        if (names[i].error == error)
            return names[i].name;
    return "another error";
}

static const char *truth_name(bool truth)
{
    return truth ? "true" : "false";
}

static bool never(void *arg)
{
    ++*(unsigned *)arg;
    return false;
}

static bool always(void *arg)
{
    ++*(unsigned *)arg;
    return true;
}

/* ---- The calls: one function for each that the table tries ---- */

#define CALL(name, answer)                                                                              \
    static const char *name(struct subject *s)                                                          \
    {                                                                                                   \
        (void)s;                                                                                        \
        return answer;                                                                                  \
    }

/* On a condition. */
CALL(acquire, error_name(cond_acquire(s->cond)))
CALL(try_acquire, error_name(cond_try_acquire(s->cond)))
CALL(acquire_timed_min, error_name(cond_acquire_timed(s->cond, INT64_MIN)))
CALL(acquire_timed_minus_1, error_name(cond_acquire_timed(s->cond, -1)))
CALL(acquire_timed_0, error_name(cond_acquire_timed(s->cond, 0)))
CALL(acquire_timed_1, error_name(cond_acquire_timed(s->cond, 1)))
CALL(acquire_timed_ms, error_name(cond_acquire_timed(s->cond, COND_MS(1))))
CALL(acquire_timed_huge,
     (atomic_store(&s->let_go, 1), error_name(cond_acquire_timed(s->cond, INT64_MAX - 1))))
CALL(acquire_timed_forever,
     (atomic_store(&s->let_go, 1), error_name(cond_acquire_timed(s->cond, COND_FOREVER))))
CALL(acquire_until_min, error_name(cond_acquire_until(s->cond, INT64_MIN)))
CALL(acquire_until_now, error_name(cond_acquire_until(s->cond, cond_now())))
CALL(acquire_until_forever,
     (atomic_store(&s->let_go, 1), error_name(cond_acquire_until(s->cond, COND_FOREVER))))
CALL(release, error_name(cond_release(s->cond)))
CALL(wait_min, error_name(cond_wait(s->cond, INT64_MIN)))
CALL(wait_minus_1, error_name(cond_wait(s->cond, -1)))
CALL(wait_0, error_name(cond_wait(s->cond, 0)))
CALL(wait_1, error_name(cond_wait(s->cond, 1)))
CALL(wait_huge, error_name(cond_wait(s->cond, INT64_MAX - 1)))
CALL(wait_forever, error_name(cond_wait(s->cond, COND_FOREVER)))
CALL(wait_until_min, error_name(cond_wait_until(s->cond, INT64_MIN)))
CALL(wait_until_minus_1, error_name(cond_wait_until(s->cond, -1)))
CALL(wait_until_0, error_name(cond_wait_until(s->cond, 0)))
CALL(wait_until_now, error_name(cond_wait_until(s->cond, cond_now())))
CALL(wait_until_huge, error_name(cond_wait_until(s->cond, INT64_MAX - 1)))
CALL(wait_until_forever, error_name(cond_wait_until(s->cond, COND_FOREVER)))
CALL(wait_for_null, error_name(cond_wait_for(s->cond, NULL, NULL, COND_FOREVER)))
CALL(wait_for_true, error_name(cond_wait_for(s->cond, always, &s->asked, COND_FOREVER)))
CALL(wait_for_true_min, error_name(cond_wait_for(s->cond, always, &s->asked, INT64_MIN)))
CALL(wait_for_min, error_name(cond_wait_for(s->cond, never, &s->asked, INT64_MIN)))
CALL(wait_for_minus_1, error_name(cond_wait_for(s->cond, never, &s->asked, -1)))
CALL(wait_for_0, error_name(cond_wait_for(s->cond, never, &s->asked, 0)))
CALL(wait_for_ms, error_name(cond_wait_for(s->cond, never, &s->asked, COND_MS(1))))
CALL(wait_for_until_null, error_name(cond_wait_for_until(s->cond, NULL, NULL, COND_FOREVER)))
CALL(wait_for_until_true, error_name(cond_wait_for_until(s->cond, always, &s->asked, INT64_MIN)))
CALL(wait_for_until_now, error_name(cond_wait_for_until(s->cond, never, &s->asked, cond_now())))
CALL(wait_for_until_min, error_name(cond_wait_for_until(s->cond, never, &s->asked, INT64_MIN)))
CALL(await_null, error_name(cond_await(s->cond, NULL, NULL, COND_FOREVER)))
CALL(await_true, error_name(cond_await(s->cond, always, &s->asked, COND_FOREVER)))
CALL(await_true_min, error_name(cond_await(s->cond, always, &s->asked, INT64_MIN)))
CALL(await_min, error_name(cond_await(s->cond, never, &s->asked, INT64_MIN)))
CALL(await_0, error_name(cond_await(s->cond, never, &s->asked, 0)))
CALL(await_ms, error_name(cond_await(s->cond, never, &s->asked, COND_MS(1))))

/* Waits with these options. */
#define WITH(...) error_name(cond_wait_with(s->cond, &(cond_wait_options_t){__VA_ARGS__}))
#define NEVER .pred = never, .arg = &s->asked
#define ALWAYS .pred = always, .arg = &s->asked
CALL(with_null, error_name(cond_wait_with(s->cond, NULL)))
CALL(with_zeros, WITH(.pred = NULL))
CALL(with_deadline_now, WITH(.deadline_ns = cond_now()))
CALL(with_deadline_min, WITH(.deadline_ns = INT64_MIN))
CALL(with_never_min, WITH(NEVER, .deadline_ns = INT64_MIN))
CALL(with_always, WITH(ALWAYS))
CALL(with_token_min, WITH(.token = &s->token, .deadline_ns = INT64_MIN))
CALL(with_cancelled, (s->token.cancelled_ = 1, WITH(.token = &s->token)))
CALL(with_cancelled_never, (s->token.cancelled_ = 1, WITH(NEVER, .token = &s->token)))
CALL(with_cancelled_always, (s->token.cancelled_ = 1, WITH(ALWAYS, .token = &s->token)))
CALL(with_unnotified_only, WITH(.unnotified = true))
CALL(with_unnotified_never, WITH(NEVER, .unnotified = true, .deadline_ns = INT64_MIN))
CALL(with_unnotified_always, WITH(ALWAYS, .unnotified = true))

CALL(notify_0, error_name(cond_notify(s->cond, 0)))
CALL(notify_1, error_name(cond_notify(s->cond, 1)))
CALL(notify_max, error_name(cond_notify(s->cond, SIZE_MAX)))
CALL(notify_all, error_name(cond_notify_all(s->cond)))
CALL(cancel_null, error_name(cond_cancel(s->cond, NULL)))
CALL(cancel, error_name(cond_cancel(s->cond, &s->token)))
CALL(close_it, error_name(cond_close(s->cond)))
CALL(closed, truth_name(cond_closed(s->cond)))
CALL(locked, truth_name(cond_locked(s->cond)))
CALL(owned, truth_name(cond_owned(s->cond)))
CALL(waiters, cond_waiters(s->cond) == 0 ? "0" : "more")
CALL(get_lock, cond_get_lock(s->cond) == NULL ? "NULL" : "a lock")
CALL(recover, error_name(cond_recover(s->cond)))
CALL(reinit, error_name(cond_reinit_after_fork(s->cond)))
CALL(destroy, error_name(cond_destroy(s->cond)))

static const char *describe(struct subject *s)
{
    char text[200] = "#";
    int result = cond_describe(s->cond, text, sizeof text);
    return result > 0 ? "its length" : strcmp(text, "#") == 0 ? error_name(result) : "and writes";
}

static const char *describe_to_null(struct subject *s)
{
    return error_name(cond_describe(s->cond, NULL, 8));
}

static const char *describe_to_nothing(struct subject *s)
{
    int result = cond_describe(s->cond, NULL, 0);
    return result > 0 ? "its length" : error_name(result);
}

static const char *with(struct subject *s)
{
    bool entered = false;
    COND_WITH (s->cond)
        entered = true;
    return entered ? "entered" : "not entered";
}

/* On a lock. */
CALL(lock_acquire, error_name(cond_lock_acquire(s->lock)))
CALL(lock_try_acquire, error_name(cond_lock_try_acquire(s->lock)))
CALL(lock_acquire_timed_min, error_name(cond_lock_acquire_timed(s->lock, INT64_MIN)))
CALL(lock_acquire_timed_minus_1, error_name(cond_lock_acquire_timed(s->lock, -1)))
CALL(lock_acquire_timed_0, error_name(cond_lock_acquire_timed(s->lock, 0)))
CALL(lock_acquire_timed_ms, error_name(cond_lock_acquire_timed(s->lock, COND_MS(1))))
CALL(lock_acquire_timed_huge,
     (atomic_store(&s->let_go, 1), error_name(cond_lock_acquire_timed(s->lock, INT64_MAX - 1))))
CALL(lock_acquire_timed_forever,
     (atomic_store(&s->let_go, 1), error_name(cond_lock_acquire_timed(s->lock, COND_FOREVER))))
CALL(lock_acquire_until_min, error_name(cond_lock_acquire_until(s->lock, INT64_MIN)))
CALL(lock_acquire_until_now, error_name(cond_lock_acquire_until(s->lock, cond_now())))
CALL(lock_acquire_until_forever,
     (atomic_store(&s->let_go, 1), error_name(cond_lock_acquire_until(s->lock, COND_FOREVER))))
CALL(lock_release, error_name(cond_lock_release(s->lock)))
CALL(lock_locked, truth_name(cond_lock_locked(s->lock)))
CALL(lock_owned, truth_name(cond_lock_owned(s->lock)))
CALL(lock_recover, error_name(cond_lock_recover(s->lock)))
CALL(lock_reinit, error_name(cond_lock_reinit_after_fork(s->lock)))
CALL(lock_destroy, error_name(cond_lock_destroy(s->lock)))

static const char *lock_describe(struct subject *s)
{
    char text[200] = "#";
    int result = cond_lock_describe(s->lock, text, sizeof text);
    return result > 0 ? "its length" : strcmp(text, "#") == 0 ? error_name(result) : "and writes";
}

static const char *lock_describe_to_null(struct subject *s)
{
    return error_name(cond_lock_describe(s->lock, NULL, 8));
}

static const char *lock_describe_to_nothing(struct subject *s)
{
    int result = cond_lock_describe(s->lock, NULL, 0);
    return result > 0 ? "its length" : error_name(result);
}

/* Of things to be made. The subject is in use, so that a call that writes to it is found out. */
static int dummy_acquire(void *object, int64_t deadline_ns)
{
    (void)object;
    (void)deadline_ns;
    return 0;
}

static int dummy_release(void *object)
{
    (void)object;
    return 0;
}

static int dummy_release_save(void *object, unsigned *depth)
{
    (void)object;
    *depth = 1;
    return 0;
}

static int dummy_acquire_restore(void *object, unsigned depth)
{
    (void)object;
    (void)depth;
    return 0;
}

static const cond_lock_ops_t no_acquire = {.release = dummy_release};
static const cond_lock_ops_t no_release = {.acquire = dummy_acquire};
static const cond_lock_ops_t no_restore = {.acquire = dummy_acquire,
                                           .release = dummy_release,
                                           .release_save = dummy_release_save};
static const cond_lock_ops_t no_save = {.acquire = dummy_acquire,
                                        .release = dummy_release,
                                        .acquire_restore = dummy_acquire_restore};
#ifdef COND_HAVE_PTHREAD_
static pthread_mutex_t some_mutex = PTHREAD_MUTEX_INITIALIZER;
#endif

CALL(make_null_lock, error_name(cond_lock_init(NULL, COND_RLOCK)))
CALL(make_null_shared_lock, error_name(cond_lock_init(NULL, COND_SHARED)))
CALL(make_lock_of_4, error_name(cond_lock_init(s->handle, 4)))
CALL(make_lock_of_all, error_name(cond_lock_init(s->handle, UINT_MAX)))
CALL(make_lock_of_shared_and_4, error_name(cond_lock_init(s->handle, COND_SHARED | 4)))
CALL(make_null_foreign, error_name(cond_lock_init_foreign(NULL, &toy_ops_least, &s->toy)))
CALL(make_foreign_of_null, error_name(cond_lock_init_foreign(s->handle, NULL, &s->toy)))
CALL(make_foreign_no_acquire, error_name(cond_lock_init_foreign(s->handle, &no_acquire, &s->toy)))
CALL(make_foreign_no_release, error_name(cond_lock_init_foreign(s->handle, &no_release, &s->toy)))
CALL(make_foreign_no_restore, error_name(cond_lock_init_foreign(s->handle, &no_restore, &s->toy)))
CALL(make_foreign_no_save, error_name(cond_lock_init_foreign(s->handle, &no_save, &s->toy)))
#ifdef COND_HAVE_PTHREAD_
CALL(make_null_pthread, error_name(cond_lock_init_pthread(NULL, &some_mutex)))
CALL(make_pthread_of_null, error_name(cond_lock_init_pthread(s->handle, NULL)))
#endif
CALL(make_null_cond, error_name(cond_init(NULL, NULL, COND_RLOCK)))
CALL(make_null_cond_on_lock, error_name(cond_init(NULL, s->handle, COND_RLOCK)))
CALL(make_cond_of_4, error_name(cond_init(&s->living, NULL, 4)))
CALL(make_cond_of_all, error_name(cond_init(&s->living, NULL, UINT_MAX)))
CALL(make_cond_on_lock_of_4, error_name(cond_init(&s->living, s->handle, 4)))
CALL(make_mutex_cond_on_rlock, error_name(cond_init(&s->living, s->handle, COND_MUTEX)))
CALL(make_shared_cond_on_rlock, error_name(cond_init(&s->living, s->handle, COND_SHARED)))
CALL(make_shared_again, error_name(cond_init(&s->living, NULL, COND_SHARED)))
CALL(make_cond_on_destroyed, error_name(cond_init(&s->living, s->handle, COND_RLOCK)))
CALL(stop_null, error_name(cond_stop(NULL)))
CALL(words_of_minus_1, cond_strerror(-1) != NULL ? "words" : "NULL")
CALL(words_of_any, cond_strerror(INT_MAX) != NULL ? "words" : "NULL")

static const char *deadline_name(int64_t deadline_ns)
{
    return deadline_ns == COND_FOREVER ? "forever" : deadline_ns <= cond_now() ? "now, or past" : "later";
}

CALL(deadline_of_min, deadline_name(cond_deadline(INT64_MIN)))
CALL(deadline_of_0, deadline_name(cond_deadline(0)))
CALL(deadline_of_huge, deadline_name(cond_deadline(INT64_MAX - 1)))
CALL(deadline_of_forever, deadline_name(cond_deadline(COND_FOREVER)))

/* ---- The table ---- */

enum { COLUMNS = 4 };

struct row {
    const char *call;
    const char *(*run)(struct subject *s);
    enum state state;
    const char *answers[COLUMNS]; /* NULL: there is no such state on this kind */
    enum effect effect;           /* of the answers that are no errors */
};

#define EACH(answer) {(answer), (answer), (answer), (answer)}

/* What is true of every call that takes a condition, and of every call of the holder. */
#define DEAD_CONDITION(call, run, answer)                                                               \
    {call, run, ABSENT, EACH(answer), NOTHING},                                                         \
    {call, run, DESTROYED, EACH(answer), NOTHING},                                                      \
    {call, run, DESTROYED_LOCK, EACH(answer), NOTHING}
#define NOT_THE_HOLDER(call, run)                                                                       \
    {call, run, FREE, EACH("EPERM"), NOTHING},                                                          \
    {call, run, OTHERS, EACH("EPERM"), NOTHING},                                                        \
    {call, run, WAITED, EACH("EPERM"), NOTHING}
/* What is true of every wait with this predicate, of the calls of the holder, and of acquire, on a closed condition. */
#define CLOSED_WAIT(call, run, answer)                                                                  \
    {call, run, CLOSED, EACH("EPERM"), NOTHING},                                                        \
    {call, run, CLOSED_OTHERS, EACH("EPERM"), NOTHING},                                                 \
    {call, run, CLOSED_MINE, EACH(answer), NOTHING}
/* A foreign lock's release is not seen. */
#define NOT_FOREIGN(answer) {(answer), (answer), (answer), "ENOTSUP"}
#define PRIVATE(answer) {(answer), (answer), (answer), NULL}
#define BY_RECURSIVE_AND_NOT {"0", "EDEADLK", "0", "EDEADLK"}
#define BY_RECURSIVE_ONLY(answer) {(answer), NULL, (answer), NULL}

/* On: a condition's own rlock, its own mutex, an rlock elsewhere, a foreign lock elsewhere. */
static const struct row condition_rows[] = {
    DEAD_CONDITION("cond_acquire(c)", acquire, "EINVAL"),
    {"cond_acquire(c)", acquire, MINE, BY_RECURSIVE_AND_NOT, ACQUIRED},
    {"cond_acquire(c)", acquire, DEEPEST, BY_RECURSIVE_ONLY("EAGAIN"), NOTHING},
    {"cond_acquire(c)", acquire, CLOSED, EACH("0"), ACQUIRED},

    DEAD_CONDITION("cond_try_acquire(c)", try_acquire, "EINVAL"),
    {"cond_try_acquire(c)", try_acquire, OTHERS, EACH("EBUSY"), NOTHING},
    {"cond_try_acquire(c)", try_acquire, MINE, BY_RECURSIVE_AND_NOT, ACQUIRED},
    {"cond_try_acquire(c)", try_acquire, DEEPEST, BY_RECURSIVE_ONLY("EAGAIN"), NOTHING},
    {"cond_try_acquire(c)", try_acquire, CLOSED, EACH("0"), ACQUIRED},
    {"cond_try_acquire(c)", try_acquire, CLOSED_OTHERS, EACH("EBUSY"), NOTHING},

    DEAD_CONDITION("cond_acquire_timed(c, 1 ms)", acquire_timed_ms, "EINVAL"),
    {"cond_acquire_timed(c, 1 ms)", acquire_timed_ms, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_acquire_timed(c, 1 ms)", acquire_timed_ms, MINE, BY_RECURSIVE_AND_NOT, ACQUIRED},
    {"cond_acquire_timed(c, 1 ms)", acquire_timed_ms, DEEPEST, BY_RECURSIVE_ONLY("EAGAIN"), NOTHING},
    {"cond_acquire_timed(c, 1)", acquire_timed_1, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_acquire_timed(c, 0)", acquire_timed_0, FREE, EACH("0"), ACQUIRED},
    {"cond_acquire_timed(c, 0)", acquire_timed_0, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_acquire_timed(c, -1)", acquire_timed_minus_1, FREE, EACH("0"), ACQUIRED},
    {"cond_acquire_timed(c, -1)", acquire_timed_minus_1, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_acquire_timed(c, INT64_MIN)", acquire_timed_min, FREE, EACH("0"), ACQUIRED},
    {"cond_acquire_timed(c, INT64_MIN)", acquire_timed_min, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_acquire_timed(c, INT64_MIN)", acquire_timed_min, MINE, BY_RECURSIVE_AND_NOT, ACQUIRED},
    {"cond_acquire_timed(c, INT64_MAX - 1)", acquire_timed_huge, FREE, EACH("0"), ACQUIRED},
    {"cond_acquire_timed(c, INT64_MAX - 1)", acquire_timed_huge, OTHERS_LEAVING, EACH("0"), ACQUIRED},
    {"cond_acquire_timed(c, COND_FOREVER)", acquire_timed_forever, OTHERS_LEAVING, EACH("0"), ACQUIRED},
    {"cond_acquire_timed(c, 1 ms)", acquire_timed_ms, CLOSED, EACH("0"), ACQUIRED},

    DEAD_CONDITION("cond_acquire_until(c, cond_now())", acquire_until_now, "EINVAL"),
    {"cond_acquire_until(c, cond_now())", acquire_until_now, FREE, EACH("0"), ACQUIRED},
    {"cond_acquire_until(c, cond_now())", acquire_until_now, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_acquire_until(c, cond_now())", acquire_until_now, MINE, BY_RECURSIVE_AND_NOT, ACQUIRED},
    {"cond_acquire_until(c, cond_now())", acquire_until_now, DEEPEST, BY_RECURSIVE_ONLY("EAGAIN"), NOTHING},
    {"cond_acquire_until(c, cond_now())", acquire_until_now, CLOSED, EACH("0"), ACQUIRED},
    {"cond_acquire_until(c, INT64_MIN)", acquire_until_min, FREE, EACH("0"), ACQUIRED},
    {"cond_acquire_until(c, INT64_MIN)", acquire_until_min, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_acquire_until(c, COND_FOREVER)", acquire_until_forever, OTHERS_LEAVING, EACH("0"), ACQUIRED},

    DEAD_CONDITION("cond_release(c)", release, "EINVAL"),
    NOT_THE_HOLDER("cond_release(c)", release),
    {"cond_release(c)", release, CLOSED, EACH("EPERM"), NOTHING},
    {"cond_release(c)", release, CLOSED_OTHERS, EACH("EPERM"), NOTHING},

    DEAD_CONDITION("cond_wait(c, COND_FOREVER)", wait_forever, "EINVAL"),
    NOT_THE_HOLDER("cond_wait(c, COND_FOREVER)", wait_forever),
    CLOSED_WAIT("cond_wait(c, COND_FOREVER)", wait_forever, "ECANCELED"),
    {"cond_wait(c, COND_FOREVER)", wait_forever, MINE_NOTIFIED, EACH("0"), NOTHING},
    {"cond_wait(c, INT64_MAX - 1)", wait_huge, MINE_NOTIFIED, EACH("0"), NOTHING},
    {"cond_wait(c, 1)", wait_1, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait(c, 0)", wait_0, FREE, EACH("EPERM"), NOTHING},
    {"cond_wait(c, 0)", wait_0, OTHERS, EACH("EPERM"), NOTHING},
    {"cond_wait(c, 0)", wait_0, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait(c, 0)", wait_0, DEEPEST, BY_RECURSIVE_ONLY("ETIMEDOUT"), NOTHING},
    {"cond_wait(c, 0)", wait_0, WAITED_MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait(c, 0)", wait_0, AWAITED_MINE, PRIVATE("ETIMEDOUT"), NOTHING},
    {"cond_wait(c, 0)", wait_0, CLOSED_MINE, EACH("ECANCELED"), NOTHING},
    {"cond_wait(c, -1)", wait_minus_1, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait(c, INT64_MIN)", wait_min, FREE, EACH("EPERM"), NOTHING},
    {"cond_wait(c, INT64_MIN)", wait_min, MINE, EACH("ETIMEDOUT"), NOTHING},

    DEAD_CONDITION("cond_wait_until(c, COND_FOREVER)", wait_until_forever, "EINVAL"),
    NOT_THE_HOLDER("cond_wait_until(c, COND_FOREVER)", wait_until_forever),
    CLOSED_WAIT("cond_wait_until(c, COND_FOREVER)", wait_until_forever, "ECANCELED"),
    {"cond_wait_until(c, COND_FOREVER)", wait_until_forever, MINE_NOTIFIED, EACH("0"), NOTHING},
    {"cond_wait_until(c, INT64_MAX - 1)", wait_until_huge, MINE_NOTIFIED, EACH("0"), NOTHING},
    {"cond_wait_until(c, cond_now())", wait_until_now, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_until(c, 0)", wait_until_0, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_until(c, -1)", wait_until_minus_1, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_until(c, INT64_MIN)", wait_until_min, FREE, EACH("EPERM"), NOTHING},
    {"cond_wait_until(c, INT64_MIN)", wait_until_min, MINE, EACH("ETIMEDOUT"), NOTHING},

    DEAD_CONDITION("cond_wait_for(c, is_true, arg, COND_FOREVER)", wait_for_true, "EINVAL"),
    NOT_THE_HOLDER("cond_wait_for(c, is_true, arg, COND_FOREVER)", wait_for_true),
    CLOSED_WAIT("cond_wait_for(c, is_true, arg, COND_FOREVER)", wait_for_true, "0"),
    {"cond_wait_for(c, is_true, arg, COND_FOREVER)", wait_for_true, MINE, EACH("0"), NOTHING},
    {"cond_wait_for(c, is_true, arg, INT64_MIN)", wait_for_true_min, MINE, EACH("0"), NOTHING},
    {"cond_wait_for(c, NULL, arg, COND_FOREVER)", wait_for_null, ABSENT, EACH("EINVAL"), NOTHING},
    {"cond_wait_for(c, NULL, arg, COND_FOREVER)", wait_for_null, FREE, EACH("EINVAL"), NOTHING},
    {"cond_wait_for(c, NULL, arg, COND_FOREVER)", wait_for_null, MINE, EACH("EINVAL"), NOTHING},
    {"cond_wait_for(c, is_false, arg, 1 ms)", wait_for_ms, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_for(c, is_false, arg, 0)", wait_for_0, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_for(c, is_false, arg, -1)", wait_for_minus_1, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_for(c, is_false, arg, INT64_MIN)", wait_for_min, FREE, EACH("EPERM"), NOTHING},
    {"cond_wait_for(c, is_false, arg, INT64_MIN)", wait_for_min, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_for(c, is_false, arg, INT64_MIN)", wait_for_min, DEEPEST, BY_RECURSIVE_ONLY("ETIMEDOUT"),
     NOTHING},
    {"cond_wait_for(c, is_false, arg, INT64_MIN)", wait_for_min, CLOSED_MINE, EACH("ECANCELED"), NOTHING},
    {"cond_wait_for(c, NULL, arg, COND_FOREVER)", wait_for_null, CLOSED_MINE, EACH("EINVAL"), NOTHING},

    DEAD_CONDITION("cond_wait_for_until(c, is_true, arg, INT64_MIN)", wait_for_until_true, "EINVAL"),
    NOT_THE_HOLDER("cond_wait_for_until(c, is_true, arg, INT64_MIN)", wait_for_until_true),
    CLOSED_WAIT("cond_wait_for_until(c, is_true, arg, INT64_MIN)", wait_for_until_true, "0"),
    {"cond_wait_for_until(c, is_true, arg, INT64_MIN)", wait_for_until_true, MINE, EACH("0"), NOTHING},
    {"cond_wait_for_until(c, NULL, arg, COND_FOREVER)", wait_for_until_null, ABSENT, EACH("EINVAL"), NOTHING},
    {"cond_wait_for_until(c, NULL, arg, COND_FOREVER)", wait_for_until_null, FREE, EACH("EINVAL"), NOTHING},
    {"cond_wait_for_until(c, NULL, arg, COND_FOREVER)", wait_for_until_null, MINE, EACH("EINVAL"), NOTHING},
    {"cond_wait_for_until(c, is_false, arg, cond_now())", wait_for_until_now, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_for_until(c, is_false, arg, INT64_MIN)", wait_for_until_min, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_for_until(c, is_false, arg, INT64_MIN)", wait_for_until_min, DEEPEST,
     BY_RECURSIVE_ONLY("ETIMEDOUT"), NOTHING},
    {"cond_wait_for_until(c, is_false, arg, INT64_MIN)", wait_for_until_min, CLOSED_MINE, EACH("ECANCELED"),
     NOTHING},

    DEAD_CONDITION("cond_await(c, is_true, arg, COND_FOREVER)", await_true, "EINVAL"),
    NOT_THE_HOLDER("cond_await(c, is_true, arg, COND_FOREVER)", await_true),
    {"cond_await(c, is_true, arg, COND_FOREVER)", await_true, MINE, NOT_FOREIGN("0"), NOTHING},
    {"cond_await(c, is_true, arg, COND_FOREVER)", await_true, CLOSED, EACH("EPERM"), NOTHING},
    {"cond_await(c, is_true, arg, COND_FOREVER)", await_true, CLOSED_MINE, NOT_FOREIGN("0"), NOTHING},
    {"cond_await(c, is_true, arg, INT64_MIN)", await_true_min, MINE, NOT_FOREIGN("0"), NOTHING},
    {"cond_await(c, NULL, arg, COND_FOREVER)", await_null, ABSENT, EACH("EINVAL"), NOTHING},
    {"cond_await(c, NULL, arg, COND_FOREVER)", await_null, FREE, EACH("EINVAL"), NOTHING},
    {"cond_await(c, NULL, arg, COND_FOREVER)", await_null, MINE, EACH("EINVAL"), NOTHING},
    {"cond_await(c, NULL, arg, COND_FOREVER)", await_null, CLOSED_MINE, EACH("EINVAL"), NOTHING},
    {"cond_await(c, is_false, arg, 1 ms)", await_ms, MINE, NOT_FOREIGN("ETIMEDOUT"), NOTHING},
    {"cond_await(c, is_false, arg, 0)", await_0, MINE, NOT_FOREIGN("ETIMEDOUT"), NOTHING},
    {"cond_await(c, is_false, arg, 0)", await_0, WAITED_MINE, NOT_FOREIGN("ETIMEDOUT"), NOTHING},
    {"cond_await(c, is_false, arg, 0)", await_0, AWAITED_MINE, PRIVATE("ETIMEDOUT"), NOTHING},
    {"cond_await(c, is_false, arg, INT64_MIN)", await_min, MINE, NOT_FOREIGN("ETIMEDOUT"), NOTHING},
    {"cond_await(c, is_false, arg, INT64_MIN)", await_min, DEEPEST, BY_RECURSIVE_ONLY("ETIMEDOUT"), NOTHING},
    {"cond_await(c, is_false, arg, INT64_MIN)", await_min, CLOSED_MINE, NOT_FOREIGN("ECANCELED"), NOTHING},

    {"cond_wait_with(c, NULL)", with_null, ABSENT, EACH("EINVAL"), NOTHING},
    {"cond_wait_with(c, NULL)", with_null, FREE, EACH("EINVAL"), NOTHING},
    {"cond_wait_with(c, NULL)", with_null, MINE, EACH("EINVAL"), NOTHING},
    {"cond_wait_with(c, NULL)", with_null, CLOSED_MINE, EACH("EINVAL"), NOTHING},
    DEAD_CONDITION("cond_wait_with(c, {all zero})", with_zeros, "EINVAL"),
    NOT_THE_HOLDER("cond_wait_with(c, {all zero})", with_zeros),
    CLOSED_WAIT("cond_wait_with(c, {all zero})", with_zeros, "ECANCELED"),
    {"cond_wait_with(c, {all zero})", with_zeros, MINE_NOTIFIED, EACH("0"), NOTHING},
    {"cond_wait_with(c, {deadline now})", with_deadline_now, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_with(c, {deadline INT64_MIN})", with_deadline_min, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_with(c, {is_true})", with_always, MINE, EACH("0"), NOTHING},
    {"cond_wait_with(c, {is_true})", with_always, CLOSED_MINE, EACH("0"), NOTHING},
    {"cond_wait_with(c, {is_false, deadline INT64_MIN})", with_never_min, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_with(c, {is_false, deadline INT64_MIN})", with_never_min, CLOSED_MINE, EACH("ECANCELED"), NOTHING},
    {"cond_wait_with(c, {token, deadline INT64_MIN})", with_token_min, MINE, EACH("ETIMEDOUT"), NOTHING},
    {"cond_wait_with(c, {token, deadline INT64_MIN})", with_token_min, CLOSED_MINE, EACH("ECANCELED"), NOTHING},
    DEAD_CONDITION("cond_wait_with(c, {cancelled token})", with_cancelled, "EINVAL"),
    NOT_THE_HOLDER("cond_wait_with(c, {cancelled token})", with_cancelled),
    CLOSED_WAIT("cond_wait_with(c, {cancelled token})", with_cancelled, "ECANCELED"),
    {"cond_wait_with(c, {cancelled token})", with_cancelled, MINE, EACH("ECANCELED"), NOTHING},
    {"cond_wait_with(c, {cancelled token, is_false})", with_cancelled_never, MINE, EACH("ECANCELED"), NOTHING},
    {"cond_wait_with(c, {cancelled token, is_true})", with_cancelled_always, MINE, EACH("0"), NOTHING},
    {"cond_wait_with(c, {unnotified})", with_unnotified_only, ABSENT, EACH("EINVAL"), NOTHING},
    {"cond_wait_with(c, {unnotified})", with_unnotified_only, FREE, EACH("EINVAL"), NOTHING},
    {"cond_wait_with(c, {unnotified})", with_unnotified_only, MINE, EACH("EINVAL"), NOTHING},
    {"cond_wait_with(c, {unnotified})", with_unnotified_only, CLOSED_MINE, EACH("EINVAL"), NOTHING},
    DEAD_CONDITION("cond_wait_with(c, {unnotified, is_true})", with_unnotified_always, "EINVAL"),
    NOT_THE_HOLDER("cond_wait_with(c, {unnotified, is_true})", with_unnotified_always),
    {"cond_wait_with(c, {unnotified, is_true})", with_unnotified_always, MINE, NOT_FOREIGN("0"), NOTHING},
    {"cond_wait_with(c, {unnotified, is_true})", with_unnotified_always, CLOSED_MINE, NOT_FOREIGN("0"), NOTHING},
    {"cond_wait_with(c, {unnotified, is_false, deadline INT64_MIN})", with_unnotified_never, MINE,
     NOT_FOREIGN("ETIMEDOUT"), NOTHING},
    {"cond_wait_with(c, {unnotified, is_false, deadline INT64_MIN})", with_unnotified_never, CLOSED_MINE,
     NOT_FOREIGN("ECANCELED"), NOTHING},

    DEAD_CONDITION("cond_notify(c, 1)", notify_1, "EINVAL"),
    NOT_THE_HOLDER("cond_notify(c, 1)", notify_1),
    {"cond_notify(c, 1)", notify_1, MINE, EACH("0"), NOTHING},
    {"cond_notify(c, 1)", notify_1, CHOSEN_MINE, EACH("0"), NOTHING},
    {"cond_notify(c, 1)", notify_1, AWAITED_MINE, PRIVATE("0"), NOTHING},
    CLOSED_WAIT("cond_notify(c, 1)", notify_1, "0"),
    {"cond_notify(c, 0)", notify_0, ABSENT, EACH("EINVAL"), NOTHING},
    {"cond_notify(c, 0)", notify_0, DESTROYED, EACH("EINVAL"), NOTHING},
    NOT_THE_HOLDER("cond_notify(c, 0)", notify_0),
    {"cond_notify(c, 0)", notify_0, MINE, EACH("0"), NOTHING},
    {"cond_notify(c, 0)", notify_0, WAITED_MINE, EACH("0"), NOTHING},
    {"cond_notify(c, SIZE_MAX)", notify_max, ABSENT, EACH("EINVAL"), NOTHING},
    {"cond_notify(c, SIZE_MAX)", notify_max, DESTROYED, EACH("EINVAL"), NOTHING},
    NOT_THE_HOLDER("cond_notify(c, SIZE_MAX)", notify_max),
    {"cond_notify(c, SIZE_MAX)", notify_max, MINE, EACH("0"), NOTHING},
    {"cond_notify(c, SIZE_MAX)", notify_max, WAITED_MINE, EACH("0"), CHOSEN},

    DEAD_CONDITION("cond_notify_all(c)", notify_all, "EINVAL"),
    NOT_THE_HOLDER("cond_notify_all(c)", notify_all),
    {"cond_notify_all(c)", notify_all, MINE, EACH("0"), NOTHING},
    {"cond_notify_all(c)", notify_all, WAITED_MINE, EACH("0"), CHOSEN},
    {"cond_notify_all(c)", notify_all, AWAITED_MINE, PRIVATE("0"), NOTHING},
    CLOSED_WAIT("cond_notify_all(c)", notify_all, "0"),

    {"cond_cancel(c, NULL)", cancel_null, ABSENT, EACH("EINVAL"), NOTHING},
    {"cond_cancel(c, NULL)", cancel_null, FREE, EACH("EINVAL"), NOTHING},
    {"cond_cancel(c, NULL)", cancel_null, MINE, EACH("EINVAL"), NOTHING},
    {"cond_cancel(c, NULL)", cancel_null, CLOSED_MINE, EACH("EINVAL"), NOTHING},
    DEAD_CONDITION("cond_cancel(c, token)", cancel, "EINVAL"),
    NOT_THE_HOLDER("cond_cancel(c, token)", cancel),
    CLOSED_WAIT("cond_cancel(c, token)", cancel, "0"),
    {"cond_cancel(c, token)", cancel, MINE, EACH("0"), NOTHING},
    {"cond_cancel(c, token)", cancel, WAITED_MINE, EACH("0"), NOTHING},
    {"cond_cancel(c, token)", cancel, AWAITED_MINE, PRIVATE("0"), NOTHING},
    {"cond_cancel(c, token)", cancel, TOKEN_MINE, EACH("0"), CANCELS},

    DEAD_CONDITION("cond_close(c)", close_it, "EINVAL"),
    NOT_THE_HOLDER("cond_close(c)", close_it),
    CLOSED_WAIT("cond_close(c)", close_it, "0"),
    {"cond_close(c)", close_it, MINE, EACH("0"), CLOSES},
    {"cond_close(c)", close_it, DEEPEST, BY_RECURSIVE_ONLY("0"), CLOSES},
    {"cond_close(c)", close_it, WAITED_MINE, EACH("0"), CLOSES},
    {"cond_close(c)", close_it, CHOSEN_MINE, EACH("0"), CLOSES},
    {"cond_close(c)", close_it, TOKEN_MINE, EACH("0"), CLOSES},
    {"cond_close(c)", close_it, AWAITED_MINE, PRIVATE("0"), CLOSES},

    DEAD_CONDITION("cond_closed(c)", closed, "false"),
    {"cond_closed(c)", closed, FREE, EACH("false"), NOTHING},
    {"cond_closed(c)", closed, OTHERS, EACH("false"), NOTHING},
    {"cond_closed(c)", closed, CLOSED, EACH("true"), NOTHING},
    {"cond_closed(c)", closed, CLOSED_OTHERS, EACH("true"), NOTHING},

    DEAD_CONDITION("cond_locked(c)", locked, "false"),
    {"cond_locked(c)", locked, OTHERS, EACH("true"), NOTHING},
    {"cond_locked(c)", locked, CLOSED, EACH("false"), NOTHING},
    {"cond_locked(c)", locked, CLOSED_OTHERS, EACH("true"), NOTHING},
    DEAD_CONDITION("cond_owned(c)", owned, "false"),
    {"cond_owned(c)", owned, OTHERS, EACH("false"), NOTHING},
    {"cond_owned(c)", owned, CLOSED_OTHERS, EACH("false"), NOTHING},
    {"cond_owned(c)", owned, CLOSED_MINE, EACH("true"), NOTHING},
    DEAD_CONDITION("cond_waiters(c)", waiters, "0"),
    {"cond_waiters(c)", waiters, CHOSEN_MINE, EACH("0"), NOTHING},
    {"cond_waiters(c)", waiters, AWAITED_MINE, PRIVATE("more"), NOTHING},
    {"cond_waiters(c)", waiters, CLOSED, EACH("0"), NOTHING},
    DEAD_CONDITION("cond_get_lock(c)", get_lock, "NULL"),
    {"cond_get_lock(c)", get_lock, CLOSED, EACH("a lock"), NOTHING},

    DEAD_CONDITION("cond_recover(c)", recover, "EINVAL"),
    NOT_THE_HOLDER("cond_recover(c)", recover),
    {"cond_recover(c)", recover, MINE, EACH("EINVAL"), NOTHING},
    CLOSED_WAIT("cond_recover(c)", recover, "EINVAL"),

    DEAD_CONDITION("cond_reinit_after_fork(c)", reinit, "EINVAL"),
    {"cond_reinit_after_fork(c)", reinit, CLOSED, EACH("0"), NOTHING},

    DEAD_CONDITION("cond_describe(c, text, size)", describe, "-EINVAL"),
    {"cond_describe(c, NULL, size)", describe_to_null, FREE, EACH("-EINVAL"), NOTHING},
    {"cond_describe(c, NULL, 0)", describe_to_nothing, ABSENT, EACH("-EINVAL"), NOTHING},
    {"cond_describe(c, NULL, 0)", describe_to_nothing, OTHERS, EACH("its length"), NOTHING},
    {"cond_describe(c, NULL, 0)", describe_to_nothing, CLOSED, EACH("its length"), NOTHING},

    DEAD_CONDITION("COND_WITH(c)", with, "not entered"),
    {"COND_WITH(c)", with, MINE, {"entered", "not entered", "entered", "not entered"}, NOTHING},
    {"COND_WITH(c)", with, DEEPEST, BY_RECURSIVE_ONLY("not entered"), NOTHING},
    {"COND_WITH(c)", with, CLOSED, EACH("entered"), NOTHING},

    {"cond_destroy(c)", destroy, ABSENT, EACH("EINVAL"), NOTHING},
    {"cond_destroy(c)", destroy, DESTROYED, EACH("EINVAL"), NOTHING},
    {"cond_destroy(c)", destroy, DESTROYED_LOCK, {"EINVAL", "EINVAL", "0", "0"}, END_OF_CONDITION},
    {"cond_destroy(c)", destroy, OTHERS, {"EBUSY", "EBUSY", "0", "0"}, END_OF_CONDITION},
    {"cond_destroy(c)", destroy, MINE, {"EBUSY", "EBUSY", "0", "0"}, END_OF_CONDITION},
    {"cond_destroy(c)", destroy, DEEPEST, {"EBUSY", NULL, "0", NULL}, END_OF_CONDITION},
    {"cond_destroy(c)", destroy, WAITED, EACH("EBUSY"), NOTHING},
    {"cond_destroy(c)", destroy, WAITED_MINE, EACH("EBUSY"), NOTHING},
    {"cond_destroy(c)", destroy, CHOSEN_MINE, {"EBUSY", "EBUSY", "0", "0"}, END_OF_CONDITION},
    {"cond_destroy(c)", destroy, AWAITED_MINE, PRIVATE("EBUSY"), NOTHING},
    {"cond_destroy(c)", destroy, CLOSED, EACH("0"), END_OF_CONDITION},
    {"cond_destroy(c)", destroy, CLOSED_OTHERS, {"EBUSY", "EBUSY", "0", "0"}, END_OF_CONDITION},
    {"cond_destroy(c)", destroy, CLOSED_MINE, {"EBUSY", "EBUSY", "0", "0"}, END_OF_CONDITION},
};

/* On: an rlock, a mutex, a foreign lock; each with a condition on it. */
#define DEAD_LOCK(call, run, answer)                                                                    \
    {call, run, ABSENT, EACH(answer), NOTHING},                                                         \
    {call, run, DESTROYED, EACH(answer), NOTHING}
#define LOCK_MINE {"0", "EDEADLK", "EDEADLK", NULL}
#define LOCK_DEEPEST {"EAGAIN", NULL, NULL, NULL}

static const struct row lock_rows[] = {
    DEAD_LOCK("cond_lock_acquire(l)", lock_acquire, "EINVAL"),
    {"cond_lock_acquire(l)", lock_acquire, MINE, LOCK_MINE, ACQUIRED},
    {"cond_lock_acquire(l)", lock_acquire, DEEPEST, LOCK_DEEPEST, NOTHING},

    DEAD_LOCK("cond_lock_try_acquire(l)", lock_try_acquire, "EINVAL"),
    {"cond_lock_try_acquire(l)", lock_try_acquire, OTHERS, EACH("EBUSY"), NOTHING},
    {"cond_lock_try_acquire(l)", lock_try_acquire, MINE, LOCK_MINE, ACQUIRED},
    {"cond_lock_try_acquire(l)", lock_try_acquire, DEEPEST, LOCK_DEEPEST, NOTHING},

    DEAD_LOCK("cond_lock_acquire_timed(l, 1 ms)", lock_acquire_timed_ms, "EINVAL"),
    {"cond_lock_acquire_timed(l, 1 ms)", lock_acquire_timed_ms, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_lock_acquire_timed(l, 1 ms)", lock_acquire_timed_ms, MINE, LOCK_MINE, ACQUIRED},
    {"cond_lock_acquire_timed(l, 1 ms)", lock_acquire_timed_ms, DEEPEST, LOCK_DEEPEST, NOTHING},
    {"cond_lock_acquire_timed(l, 0)", lock_acquire_timed_0, FREE, EACH("0"), ACQUIRED},
    {"cond_lock_acquire_timed(l, 0)", lock_acquire_timed_0, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_lock_acquire_timed(l, -1)", lock_acquire_timed_minus_1, FREE, EACH("0"), ACQUIRED},
    {"cond_lock_acquire_timed(l, -1)", lock_acquire_timed_minus_1, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_lock_acquire_timed(l, INT64_MIN)", lock_acquire_timed_min, FREE, EACH("0"), ACQUIRED},
    {"cond_lock_acquire_timed(l, INT64_MIN)", lock_acquire_timed_min, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_lock_acquire_timed(l, INT64_MIN)", lock_acquire_timed_min, MINE, LOCK_MINE, ACQUIRED},
    {"cond_lock_acquire_timed(l, INT64_MAX - 1)", lock_acquire_timed_huge, FREE, EACH("0"), ACQUIRED},
    {"cond_lock_acquire_timed(l, INT64_MAX - 1)", lock_acquire_timed_huge, OTHERS_LEAVING, EACH("0"),
     ACQUIRED},
    {"cond_lock_acquire_timed(l, COND_FOREVER)", lock_acquire_timed_forever, OTHERS_LEAVING, EACH("0"),
     ACQUIRED},

    DEAD_LOCK("cond_lock_acquire_until(l, cond_now())", lock_acquire_until_now, "EINVAL"),
    {"cond_lock_acquire_until(l, cond_now())", lock_acquire_until_now, FREE, EACH("0"), ACQUIRED},
    {"cond_lock_acquire_until(l, cond_now())", lock_acquire_until_now, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_lock_acquire_until(l, cond_now())", lock_acquire_until_now, MINE, LOCK_MINE, ACQUIRED},
    {"cond_lock_acquire_until(l, cond_now())", lock_acquire_until_now, DEEPEST, LOCK_DEEPEST, NOTHING},
    {"cond_lock_acquire_until(l, INT64_MIN)", lock_acquire_until_min, FREE, EACH("0"), ACQUIRED},
    {"cond_lock_acquire_until(l, INT64_MIN)", lock_acquire_until_min, OTHERS, EACH("ETIMEDOUT"), NOTHING},
    {"cond_lock_acquire_until(l, COND_FOREVER)", lock_acquire_until_forever, OTHERS_LEAVING, EACH("0"), ACQUIRED},

    DEAD_LOCK("cond_lock_release(l)", lock_release, "EINVAL"),
    NOT_THE_HOLDER("cond_lock_release(l)", lock_release),

    DEAD_LOCK("cond_lock_locked(l)", lock_locked, "false"),
    {"cond_lock_locked(l)", lock_locked, OTHERS, EACH("true"), NOTHING},
    DEAD_LOCK("cond_lock_owned(l)", lock_owned, "false"),
    {"cond_lock_owned(l)", lock_owned, OTHERS, EACH("false"), NOTHING},

    DEAD_LOCK("cond_lock_recover(l)", lock_recover, "EINVAL"),
    NOT_THE_HOLDER("cond_lock_recover(l)", lock_recover),
    {"cond_lock_recover(l)", lock_recover, MINE, EACH("EINVAL"), NOTHING},

    DEAD_LOCK("cond_lock_reinit_after_fork(l)", lock_reinit, "EINVAL"),
    {"cond_lock_reinit_after_fork(l)", lock_reinit, FREE, EACH("0"), NOTHING},

    DEAD_LOCK("cond_lock_describe(l, text, size)", lock_describe, "-EINVAL"),
    {"cond_lock_describe(l, NULL, size)", lock_describe_to_null, FREE, EACH("-EINVAL"), NOTHING},
    {"cond_lock_describe(l, NULL, 0)", lock_describe_to_nothing, ABSENT, EACH("-EINVAL"), NOTHING},
    {"cond_lock_describe(l, NULL, 0)", lock_describe_to_nothing, OTHERS, EACH("its length"), NOTHING},

    DEAD_LOCK("cond_lock_destroy(l)", lock_destroy, "EINVAL"),
    {"cond_lock_destroy(l)", lock_destroy, OTHERS, {"EBUSY", "EBUSY", NULL, NULL}, NOTHING},
    {"cond_lock_destroy(l)", lock_destroy, MINE, {"EBUSY", "EBUSY", NULL, NULL}, NOTHING},
    {"cond_lock_destroy(l)", lock_destroy, DEEPEST, {"EBUSY", NULL, NULL, NULL}, NOTHING},
    {"cond_lock_destroy(l)", lock_destroy, WAITED, {"EBUSY", "EBUSY", "EBUSY", NULL}, NOTHING},
    {"cond_lock_destroy(l)", lock_destroy, CHOSEN_MINE, {"EBUSY", "EBUSY", "EBUSY", NULL}, NOTHING},
};

/* On: a condition that processes share. What it does otherwise than those above. */
#define SHARED(call, run, state, answer, effect) {call, run, state, {(answer), NULL, NULL, NULL}, effect}
#define SHARED_HOLDER(call, run)                                                                        \
    SHARED(call, run, FREE, "EPERM", NOTHING), SHARED(call, run, OTHERS, "EPERM", NOTHING)
#define SHARED_CANNOT(call, run)                                                                        \
    SHARED_HOLDER(call, run), SHARED(call, run, MINE, "ENOTSUP", NOTHING),                              \
        SHARED(call, run, CLOSED_MINE, "ENOTSUP", NOTHING)

static const struct row shared_rows[] = {
    SHARED_CANNOT("cond_await(c, is_true, arg, COND_FOREVER)", await_true),
    SHARED("cond_await(c, NULL, arg, COND_FOREVER)", await_null, MINE, "EINVAL", NOTHING),
    SHARED_CANNOT("cond_wait_with(c, {unnotified, is_true})", with_unnotified_always),
    SHARED_CANNOT("cond_wait_with(c, {token, deadline INT64_MIN})", with_token_min),
    SHARED_CANNOT("cond_wait_with(c, {cancelled token})", with_cancelled),
    SHARED("cond_wait_with(c, {unnotified})", with_unnotified_only, MINE, "EINVAL", NOTHING),
    SHARED("cond_wait_with(c, NULL)", with_null, MINE, "EINVAL", NOTHING),
    SHARED_CANNOT("cond_cancel(c, token)", cancel),
    SHARED("cond_cancel(c, NULL)", cancel_null, MINE, "EINVAL", NOTHING),

    SHARED_HOLDER("cond_close(c)", close_it),
    SHARED("cond_close(c)", close_it, MINE, "0", CLOSES),
    SHARED("cond_close(c)", close_it, CLOSED_MINE, "0", NOTHING),
    SHARED("cond_closed(c)", closed, DESTROYED, "false", NOTHING),
    SHARED("cond_closed(c)", closed, FREE, "false", NOTHING),
    SHARED("cond_closed(c)", closed, CLOSED, "true", NOTHING),
    SHARED("cond_wait(c, COND_FOREVER)", wait_forever, CLOSED, "EPERM", NOTHING),
    SHARED("cond_wait(c, COND_FOREVER)", wait_forever, CLOSED_MINE, "ECANCELED", NOTHING),
    SHARED("cond_wait_for(c, is_true, arg, COND_FOREVER)", wait_for_true, CLOSED_MINE, "0", NOTHING),
    SHARED("cond_wait_for(c, is_false, arg, INT64_MIN)", wait_for_min, CLOSED_MINE, "ECANCELED", NOTHING),
    SHARED("cond_wait_for_until(c, is_false, arg, INT64_MIN)", wait_for_until_min, MINE, "ETIMEDOUT", NOTHING),
    SHARED("cond_wait_with(c, {all zero})", with_zeros, CLOSED_MINE, "ECANCELED", NOTHING),
    SHARED("cond_notify_all(c)", notify_all, CLOSED_MINE, "0", NOTHING),
    SHARED("cond_reinit_after_fork(c)", reinit, CLOSED, "0", NOTHING),
    SHARED("cond_init(c, NULL, COND_SHARED)", make_shared_again, CLOSED, "EBUSY", NOTHING),
    SHARED("cond_destroy(c)", destroy, CLOSED, "0", END_OF_CONDITION),
};

/* The things to be made are there already, in the state that is told, and stay as they are. */
#define MAKE(call, run, answer) {call, run, FREE, {(answer), NULL, NULL, NULL}, NOTHING}

static const struct row make_rows[] = {
    MAKE("cond_lock_init(NULL, 0)", make_null_lock, "EINVAL"),
    MAKE("cond_lock_init(NULL, COND_SHARED)", make_null_shared_lock, "EINVAL"),
    MAKE("cond_lock_init(l, 4)", make_lock_of_4, "EINVAL"),
    MAKE("cond_lock_init(l, UINT_MAX)", make_lock_of_all, "EINVAL"),
    MAKE("cond_lock_init(l, COND_SHARED + 4)", make_lock_of_shared_and_4, "EINVAL"),
    MAKE("cond_lock_init_foreign(NULL, ops, object)", make_null_foreign, "EINVAL"),
    MAKE("cond_lock_init_foreign(l, NULL, object)", make_foreign_of_null, "EINVAL"),
    MAKE("cond_lock_init_foreign(l, ops without acquire, object)", make_foreign_no_acquire, "EINVAL"),
    MAKE("cond_lock_init_foreign(l, ops without release, object)", make_foreign_no_release, "EINVAL"),
    MAKE("cond_lock_init_foreign(l, release_save without acquire_restore, object)", make_foreign_no_restore,
         "EINVAL"),
    MAKE("cond_lock_init_foreign(l, acquire_restore without release_save, object)", make_foreign_no_save,
         "EINVAL"),
#ifdef COND_HAVE_PTHREAD_
    MAKE("cond_lock_init_pthread(NULL, mutex)", make_null_pthread, "EINVAL"),
    MAKE("cond_lock_init_pthread(l, NULL)", make_pthread_of_null, "EINVAL"),
#endif
    MAKE("cond_init(NULL, NULL, 0)", make_null_cond, "EINVAL"),
    MAKE("cond_init(NULL, l, 0)", make_null_cond_on_lock, "EINVAL"),
    MAKE("cond_init(c, NULL, 4)", make_cond_of_4, "EINVAL"),
    MAKE("cond_init(c, NULL, UINT_MAX)", make_cond_of_all, "EINVAL"),
    MAKE("cond_init(c, l, 4)", make_cond_on_lock_of_4, "EINVAL"),
    MAKE("cond_init(c, an rlock, COND_MUTEX)", make_mutex_cond_on_rlock, "EINVAL"),
    MAKE("cond_init(c, an rlock, COND_SHARED)", make_shared_cond_on_rlock, "EINVAL"),
    {"cond_init(c, a destroyed lock, 0)", make_cond_on_destroyed, DESTROYED_LOCK, {"EINVAL"}, NOTHING},
    MAKE("cond_stop(NULL)", stop_null, "EINVAL"),
    MAKE("cond_strerror(-1)", words_of_minus_1, "words"),
    MAKE("cond_strerror(INT_MAX)", words_of_any, "words"),
    MAKE("cond_deadline(INT64_MIN)", deadline_of_min, "now, or past"),
    MAKE("cond_deadline(0)", deadline_of_0, "now, or past"),
    MAKE("cond_deadline(INT64_MAX - 1)", deadline_of_huge, "forever"),
    MAKE("cond_deadline(COND_FOREVER)", deadline_of_forever, "forever"),
};

/* ---- The four parts of the table ---- */

static const struct section {
    const char *title;
    const struct row *rows;
    size_t row_count;
    bool with_state; /* has columns for the state and for what has changed */
    struct {
        enum kind kind;
        const char *title;
    } columns[COLUMNS];
    size_t column_count;
} sections[] = {
    {"Making and telling", make_rows, LENGTH(make_rows), false, {{RLOCK_ELSEWHERE, "answer"}}, 1},
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

/* Whether an answer says that nothing was done at all. */
static bool is_refusal(const char *answer)
{
    static const char *const refusals[] = {"EINVAL", "-EINVAL", "EPERM", "EBUSY", "EAGAIN", "EDEADLK",
                                           "ENOTSUP"};
    for (size_t i = 0; i < LENGTH(refusals); i++)
        if (strcmp(answer, refusals[i]) == 0)
            return true;
    return false;
}

static const char *what_is_wrong(const struct row *row, const char *expected, const char *answer,
                                 int error, struct subject *s, const struct snapshot *before,
                                 const struct snapshot *after)
{
    bool refused = is_refusal(expected);
    if (strcmp(answer, expected) != 0)
        return "the answer";
    if (error != NO_ERRNO)
        return "errno was touched";
    if (refused && s->asked != 0)
        return "the predicate was called";
    if (refused && row->run == cancel && after->cancelled != before->cancelled)
        return "the token was cancelled";
    if (refused && memcmp(before->bytes, after->bytes, sizeof before->bytes) != 0)
        return "something was written";
    bool effective = strcmp(answer, "0") == 0;
    return effect_is(effective ? row->effect : NOTHING, s, before, after) ? NULL : "what has changed";
}

static bool try_cell(const struct section *section, const struct row *row, size_t column)
{
    struct snapshot before, after;
    struct subject *s = make(section->columns[column].kind, row->state);
    const char *expected = row->answers[column];
    enter_state(s, section == &sections[LOCKS]);
    take_snapshot(s, &before);
    errno = NO_ERRNO;
    const char *answer = row->run(s);
    int error = errno;
    take_snapshot(s, &after);
    const char *wrong = what_is_wrong(row, expected, answer, error, s, &before, &after);
    if (wrong == NULL) {
        leave_state(s);
        return true;
    }
    print_error("%s, %s, %s: %s: expected %s, got %s\n    before: %s\n    after:  %s\n", row->call,
                state_text[row->state], section->columns[column].title, wrong, expected, answer, before.text,
                after.text);
    return false;
}

static void try_section(const struct section *section)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < section->row_count; i++)
        for (size_t column = 0; column < section->column_count; column++)
            if (section->rows[i].answers[column] != NULL && !try_cell(section, &section->rows[i], column))
                wrong++;
    assert_int_equal(wrong, 0);
}

static void making(void **state)
{
    (void)state;
    try_section(&sections[MAKING]);
}

static void locks(void **state)
{
    (void)state;
    try_section(&sections[LOCKS]);
}

static void conditions(void **state)
{
    (void)state;
    try_section(&sections[CONDITIONS]);
}

static void shared_conditions(void **state)
{
    (void)state;
    cond_t cond;
    memset(&cond, 0, sizeof cond);
    int error = cond_init(&cond, NULL, COND_SHARED);
    if (error == ENOTSUP)
        skip(); /* not on this system */
    assert_int_equal(error, 0);
    assert_int_equal(cond_destroy(&cond), 0);
    try_section(&sections[SHARED_CONDITIONS]);
}

/* ---- As text ---- */

/* NULL: there is nothing to say about this. */
static void print_cell(FILE *out, const char *text, const char *quote, size_t width)
{
    if (text == NULL)
        text = "-";
    int padding = (int)(width - strlen(text));
    (void)fprintf(out, " %s%s%s%*s |", quote, text, quote, padding, "");
}

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void print_section(FILE *out, const struct section *section)
{
    static const char call_title[] = "call", state_title[] = "the object is", effect_title[] = "changed by 0";
    size_t call_width = strlen(call_title);
    size_t state_width = strlen(state_title);
    size_t effect_width = strlen(effect_title);
    size_t answer_width[COLUMNS];
    for (size_t column = 0; column < section->column_count; column++)
        answer_width[column] = strlen(section->columns[column].title);
    for (size_t i = 0; i < section->row_count; i++) {
        const struct row *row = &section->rows[i];
        call_width = max(call_width, strlen(row->call));
        state_width = max(state_width, strlen(state_text[row->state]));
        effect_width = max(effect_width, strlen(effect_text[row->effect]));
        for (size_t column = 0; column < section->column_count; column++)
            if (row->answers[column] != NULL)
                answer_width[column] = max(answer_width[column], strlen(row->answers[column]));
    }

    (void)fprintf(out, "\n## %s\n\n|", section->title);
    print_cell(out, call_title, "", call_width + 2);
    if (section->with_state)
        print_cell(out, state_title, "", state_width);
    for (size_t column = 0; column < section->column_count; column++)
        print_cell(out, section->columns[column].title, "", answer_width[column]);
    if (section->with_state)
        print_cell(out, effect_title, "", effect_width);
    size_t columns = section->column_count + (section->with_state ? 3 : 1);
    (void)fputs("\n|", out);
    for (size_t column = 0; column < columns; column++)
        (void)fputs("---|", out);
    (void)fputs("\n", out);

    for (size_t i = 0; i < section->row_count; i++) {
        const struct row *row = &section->rows[i];
        (void)fputs("|", out);
        print_cell(out, row->call, "`", call_width);
        if (section->with_state)
            print_cell(out, state_text[row->state], "", state_width);
        for (size_t column = 0; column < section->column_count; column++)
            print_cell(out, row->answers[column], "", answer_width[column]);
        if (section->with_state)
            print_cell(out, effect_text[row->effect], "", effect_width);
        (void)fputs("\n", out);
    }
}

static void print_table(FILE *out)
{
    for (size_t i = 0; i < LENGTH(sections); i++)
        print_section(out, &sections[i]);
}

static const char begin_mark[] = "<!-- printed by tests/unit/test_misuse --markdown -->\n";
static const char end_mark[] = "\n<!-- end of what it prints -->\n";

/* The whole of a stream, with a closing zero. */
static char *contents_of(FILE *file)
{
    size_t size = 0, length = 0;
    char *text = NULL;
    do {
        size += 65536;
        text = realloc(text, size);
        REQUIRE(text != NULL);
        length += fread(text + length, 1, size - length - 1, file);
    } while (length == size - 1);
    text[length] = '\0';
    return text;
}

static char *table_text(void)
{
    FILE *file = tmpfile();
    REQUIRE(file != NULL);
    print_table(file);
    rewind(file);
    char *text = contents_of(file);
    (void)fclose(file);
    return text;
}

static int check(const char *name)
{
    FILE *file = fopen(name, "r");
    if (file == NULL) {
        (void)fprintf(stderr, "%s cannot be read: %s\n", name, strerror(errno));
        return 1;
    }
    char *text = contents_of(file);
    char *table = table_text();
    (void)fclose(file);
    char *begin = strstr(text, begin_mark);
    char *end = begin != NULL ? strstr(begin, end_mark) : NULL;
    bool same = false;
    if (end != NULL) {
        begin += strlen(begin_mark);
        same = (size_t)(end - begin) == strlen(table) && memcmp(begin, table, strlen(table)) == 0;
    }
    if (!same)
        (void)fprintf(stderr,
                      "%s does not have the table that the tests have. It belongs between\n"
                      "these two lines, and is printed by test_misuse --markdown:\n%s%s",
                      name, begin_mark, end_mark + 1);
    free(text);
    free(table);
    return same ? 0 : 1;
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(making),
        cmocka_unit_test(locks),
        cmocka_unit_test(conditions),
        cmocka_unit_test(shared_conditions),
    };
    if (argc == 2 && strcmp(argv[1], "--markdown") == 0) {
        print_table(stdout);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        return check(argv[2]);
    return cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
}
