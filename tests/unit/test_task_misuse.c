/* SPDX-License-Identifier: MIT */
/*
 * The misuse table of tasks: what each call returns in each state on each kind of lock, and that an error changed
 * nothing: not one byte of the condition, its lock, the task or another task. No predicate and no callback is called,
 * and errno is not changed. The table is STATE_LIST below.
 *
 * The calls are about one task; a second one brings about some of the states. One thread makes all calls.
 */
#include "unit.h"
#include "page.h"
#include "job.h"
#include "waitq.h"

/* ---- The table: states, and what the calls return there on a private lock ---- */

enum { NOT_TRIED = -1, DONE = 0, IN_PROGRESS = EINPROGRESS };
#define ROW(acquire, cancel, destroy, destroy_lock, ...)                                                               \
    {[ACQUIRE] = (acquire), [CANCEL] = (cancel), [DESTROY] = (destroy), [DESTROY_LOCK] = (destroy_lock), __VA_ARGS__,  \
     [WAIT_FOR_NULL] = EINVAL, [AWAIT_NULL] = EINVAL}
#define OTHERS(result)                                                                                                 \
    [WAIT] = (result), [WAIT_FOR_TRUE] = (result), [WAIT_FOR_FALSE] = (result), [RELEASE] = (result),                  \
    [AWAIT_TRUE] = (result), [AWAIT_FALSE] = (result), [NOTIFY_0] = (result), [NOTIFY_1] = (result),                   \
    [NOTIFY_ALL] = (result), [CLOSE] = (result)
#define HOLDER(wait, wait_for_true)                                                                                    \
    [WAIT] = (wait), [WAIT_FOR_TRUE] = (wait_for_true), [WAIT_FOR_FALSE] = (wait), [RELEASE] = DONE,                   \
    [AWAIT_TRUE] = (wait_for_true), [AWAIT_FALSE] = (wait), [NOTIFY_0] = DONE, [NOTIFY_1] = DONE,                      \
    [NOTIFY_ALL] = DONE, [CLOSE] = DONE

#define STATE_LIST(X)                                                                                                  \
    X(NO_CONDITION, "the condition is NULL", ROW(EINVAL, EINVAL, EINVAL, NOT_TRIED, OTHERS(EINVAL)))                   \
    X(DESTROYED, "the condition is destroyed", ROW(EINVAL, EINVAL, EINVAL, NOT_TRIED, OTHERS(EINVAL)))                 \
    X(DESTROYED_LOCK, "the condition's lock is destroyed", ROW(EINVAL, EINVAL, DONE, EINVAL, OTHERS(EINVAL)))          \
    X(NO_TASK, "the task is NULL", ROW(EINVAL, EINVAL, NOT_TRIED, NOT_TRIED, OTHERS(EINVAL)))                          \
    X(NO_INIT, "the task is all zero bits", ROW(EINVAL, EINVAL, NOT_TRIED, NOT_TRIED, OTHERS(EINVAL)))                 \
    X(FREE, "the lock is free", ROW(DONE, EINVAL, DONE, DONE, OTHERS(EPERM)))                                          \
    X(CLOSED, "the condition is closed, and the lock is free", ROW(DONE, EINVAL, DONE, DONE, OTHERS(EPERM)))           \
    X(ANOTHERS, "another task holds the lock", ROW(IN_PROGRESS, EINVAL, EBUSY, EBUSY, OTHERS(EPERM)))                  \
    X(THREADS, "a thread holds the lock", ROW(IN_PROGRESS, EINVAL, EBUSY, EBUSY, OTHERS(EPERM)))                       \
    X(WAITED_ON, "another task waits", ROW(DONE, EINVAL, EBUSY, EBUSY, OTHERS(EPERM)))                                 \
    X(MINE, "the task holds the lock", ROW(DONE, EINVAL, EBUSY, EBUSY, HOLDER(IN_PROGRESS, DONE)))                     \
    X(MINE_WAITED_ON, "the task holds the lock, another one waits",                                                    \
      ROW(DONE, EINVAL, EBUSY, EBUSY, HOLDER(IN_PROGRESS, DONE)))                                                      \
    X(MINE_CLOSED, "the condition is closed, and the task holds the lock",                                             \
      ROW(DONE, EINVAL, EBUSY, EBUSY, HOLDER(ECANCELED, DONE)))                                                        \
    X(DEEPEST, "the task holds the maximum depth",                                                                     \
      ROW(EAGAIN, EINVAL, EBUSY, EBUSY, HOLDER(IN_PROGRESS, DONE)))                                                    \
    X(ASKING, "the task wants the lock, which another one holds",                                                      \
      ROW(EBUSY, DONE, EBUSY, EBUSY, OTHERS(EPERM)))                                                                   \
    X(ASKING_ELSEWHERE, "the task holds this lock and wants another",                                                  \
      ROW(EBUSY, DONE, EBUSY, EBUSY, HOLDER(EBUSY, EBUSY)))                                                            \
    X(GIVING_UP, "the task wanted the lock and was cancelled", ROW(EBUSY, DONE, EBUSY, EBUSY, OTHERS(EPERM)))          \
    X(WAITING, "the task waits", ROW(EBUSY, DONE, EBUSY, EBUSY, OTHERS(EPERM)))                                        \
    X(WAITING_LOCKED, "the task waits, and another one holds the lock",                                                \
      ROW(EBUSY, DONE, EBUSY, EBUSY, OTHERS(EPERM)))                                                                   \
    X(CHOSEN, "the task was notified, and another one holds the lock",                                                 \
      ROW(EBUSY, DONE, EBUSY, EBUSY, OTHERS(EPERM)))                                                                   \
    X(CANCELLED, "the task waited and was cancelled, and another one holds the lock",                                  \
      ROW(EBUSY, DONE, EBUSY, EBUSY, OTHERS(EPERM)))                                                                   \
    X(CLOSED_ON, "the task waited, and another one holds the lock and has closed the condition",                       \
      ROW(EBUSY, DONE, EBUSY, EBUSY, OTHERS(EPERM)))                                                                   \
    X(AWAITING, "the task awaits", ROW(EBUSY, DONE, EBUSY, EBUSY, OTHERS(EPERM)))                                      \
    X(DECIDED, "the task's wait has ended, and it has the lock",                                                       \
      ROW(DONE, EINVAL, EBUSY, EBUSY, HOLDER(IN_PROGRESS, DONE)))

enum state {
#define X(name, text, ...) name,
    STATE_LIST(X)
#undef X
    STATES
};

static const char *const state_text[STATES] = {
#define X(name, text, ...) text,
    STATE_LIST(X)
#undef X
};

struct cell {
    enum state state;
    struct subject s;
    cond_t *cond;      /* what the calls get: &s.cond or NULL */
    cond_task_t *task; /* what the calls get: &job.task, &zeroed or NULL */
    cond_t second;
    struct job job, other;
    cond_task_t zeroed;
    unsigned calls; /* of predicates */
};

static bool state_has_kind(enum state state, enum kind kind)
{
    if (!kind_is_possible(kind))
        return false;
    if (state == DESTROYED_LOCK)
        return !kind_is_own(kind); /* a condition's own lock is destroyed with the condition */
    if (state == DEEPEST)
        return kind == OWN_RLOCK || kind == RLOCK_ELSEWHERE;
    return kind < PRIVATE_KINDS || state <= CLOSED || state == THREADS;
}

static struct cell *make(enum kind kind, enum state state)
{
    struct cell *c = calloc(1, sizeof *c);
    REQUIRE(c != NULL);
    c->state = state;
    subject_make(&c->s, kind);
    REQUIRE(cond_init(&c->second, NULL, 0) == 0);
    job_make(&c->job, 0, NULL);
    job_make(&c->other, 1, NULL);
    c->cond = state == NO_CONDITION ? NULL : &c->s.cond;
    c->task = state == NO_TASK ? NULL : state == NO_INIT ? &c->zeroed : &c->job.task;
    return c;
}

static void acquire_as(struct cell *c, struct job *job)
{
    REQUIRE(ASK(job, cond_task_acquire(&c->s.cond, &job->task)) == 0);
}

static void wait_as(struct cell *c, struct job *job)
{
    acquire_as(c, job);
    REQUIRE(ASK(job, cond_task_wait(&c->s.cond, &job->task)) == EINPROGRESS);
}

static bool is_never_true(UNUSED void *arg) { return false; }

static void enter_state(struct cell *c)
{
    struct job *job = &c->job, *other = &c->other;
    switch (c->state) {
    case DESTROYED: REQUIRE(cond_destroy(&c->s.cond) == 0); break;
    case DESTROYED_LOCK: REQUIRE(cond_lock_destroy(&c->s.lock) == 0); break;
    case CLOSED:
        REQUIRE(cond_acquire(&c->s.cond) == 0);
        REQUIRE(cond_close(&c->s.cond) == 0);
        REQUIRE(cond_release(&c->s.cond) == 0);
        break;
    case ANOTHERS: acquire_as(c, other); break;
    case THREADS: REQUIRE(cond_acquire(&c->s.cond) == 0); break;
    case WAITED_ON: wait_as(c, other); break;
    case MINE: acquire_as(c, job); break;
    case MINE_WAITED_ON:
        wait_as(c, other);
        acquire_as(c, job);
        break;
    case MINE_CLOSED:
        acquire_as(c, job);
        REQUIRE(cond_task_close(&c->s.cond, &job->task) == 0);
        break;
    case AWAITING:
        acquire_as(c, job);
        REQUIRE(ASK(job, cond_task_await(&c->s.cond, &job->task, is_never_true, NULL)) == EINPROGRESS);
        break;
    case DEEPEST:
        acquire_as(c, job);
        cond_get_lock(&c->s.cond)->depth_ = COND_DEPTH_MAX - 1; /* test_task goes there step by step */
        break;
    case ASKING:
    case GIVING_UP:
        acquire_as(c, other);
        REQUIRE(ASK(job, cond_task_acquire(&c->s.cond, &job->task)) == EINPROGRESS);
        if (c->state == GIVING_UP)
            REQUIRE(cond_task_cancel(&job->task) == 0);
        break;
    case ASKING_ELSEWHERE:
        acquire_as(c, job);
        REQUIRE(cond_task_acquire(&c->second, &other->task) == 0);
        REQUIRE(ASK(job, cond_task_acquire(&c->second, &job->task)) == EINPROGRESS);
        break;
    case WAITING: wait_as(c, job); break;
    case WAITING_LOCKED:
    case CHOSEN:
    case CANCELLED:
    case CLOSED_ON:
        wait_as(c, job);
        acquire_as(c, other);
        if (c->state == CHOSEN)
            REQUIRE(cond_task_notify(&c->s.cond, &other->task, 1) == 0);
        if (c->state == CANCELLED)
            REQUIRE(cond_task_cancel(&job->task) == 0);
        if (c->state == CLOSED_ON)
            REQUIRE(cond_task_close(&c->s.cond, &other->task) == 0);
        break;
    case DECIDED:
        wait_as(c, job);
        acquire_as(c, other);
        REQUIRE(cond_task_notify(&c->s.cond, &other->task, 1) == 0);
        REQUIRE(cond_task_release(&c->s.cond, &other->task) == 0);
        REQUIRE(job_outcome(job) == 0);
        break;
    default: break;
    }
}

/* Ends all waits and releases all locks, or REQUIRE ends the program. */
static void leave_state(struct cell *c)
{
    struct job *both[] = {&c->job, &c->other};
    cond_t *conds[] = {&c->s.cond, &c->second};
    /* If the call has destroyed the condition, a new one gives access to the lock. */
    if (cond_get_lock(&c->s.cond) == NULL && !kind_is_own(c->s.kind))
        (void)cond_init(&c->s.cond, &c->s.lock, 0);
    if (c->state == DEEPEST) {
        unsigned *depth = &cond_get_lock(&c->s.cond)->depth_;
        if (cond_task_release(&c->s.cond, &c->job.task) == 0)
            *depth = 0;
        else
            c->job.task.waiter_.state = c->job.task.waiter_.state % WAITER_DEPTH + WAITER_DEPTH; /* it waits */
    }
    while (cond_release(&c->s.cond) == 0)
        ;
    for (unsigned again = 0; again < 3; again++)
        for (size_t i = 0; i < LENGTH(both); i++) {
            (void)cond_task_cancel(&both[i]->task);
            for (size_t k = 0; k < LENGTH(conds); k++)
                while (cond_task_release(conds[k], &both[i]->task) == 0)
                    ;
        }
    if (c->state != DESTROYED && c->state != DESTROYED_LOCK) {
        REQUIRE(cond_waiters(&c->s.cond) == 0);
        int error = cond_destroy(&c->s.cond);
        REQUIRE(error == 0 || error == EINVAL); /* the call may have destroyed it */
        error = cond_lock_destroy(&c->s.lock);
        REQUIRE(error == 0 || error == EINVAL);
    }
    REQUIRE(cond_destroy(&c->second) == 0);
    REQUIRE(pthread_mutex_destroy(&c->s.mutex) == 0);
    free(c);
}

/* ---- The calls ---- */

static bool always(void *arg)
{
    ++*(unsigned *)arg;
    return true;
}

static bool never(void *arg)
{
    ++*(unsigned *)arg;
    return false;
}

static cond_lock_t *lock_of(struct cell *c)
{
    return kind_is_own(c->s.kind) ? cond_get_lock(&c->s.cond) : &c->s.lock;
}

#define CALL_LIST(X)                                                                                                   \
    X(ACQUIRE, "cond_task_acquire", cond_task_acquire(c->cond, c->task))                                               \
    X(WAIT, "cond_task_wait", cond_task_wait(c->cond, c->task))                                                        \
    X(WAIT_FOR_TRUE, "cond_task_wait_for(true)", cond_task_wait_for(c->cond, c->task, always, &c->calls))              \
    X(WAIT_FOR_FALSE, "cond_task_wait_for(false)", cond_task_wait_for(c->cond, c->task, never, &c->calls))             \
    X(WAIT_FOR_NULL, "cond_task_wait_for(NULL)", cond_task_wait_for(c->cond, c->task, NULL, NULL))                     \
    X(AWAIT_TRUE, "cond_task_await(true)", cond_task_await(c->cond, c->task, always, &c->calls))                       \
    X(AWAIT_FALSE, "cond_task_await(false)", cond_task_await(c->cond, c->task, never, &c->calls))                      \
    X(AWAIT_NULL, "cond_task_await(NULL)", cond_task_await(c->cond, c->task, NULL, NULL))                              \
    X(RELEASE, "cond_task_release", cond_task_release(c->cond, c->task))                                               \
    X(NOTIFY_0, "cond_task_notify(0)", cond_task_notify(c->cond, c->task, 0))                                          \
    X(NOTIFY_1, "cond_task_notify(1)", cond_task_notify(c->cond, c->task, 1))                                          \
    X(NOTIFY_ALL, "cond_task_notify_all", cond_task_notify_all(c->cond, c->task))                                      \
    X(CLOSE, "cond_task_close", cond_task_close(c->cond, c->task))                                                     \
    X(CANCEL, "cond_task_cancel", cond_task_cancel(c->task))                                                           \
    X(DESTROY, "cond_destroy", cond_destroy(c->cond))                                                                  \
    X(DESTROY_LOCK, "cond_lock_destroy", cond_lock_destroy(lock_of(c)))                                                \
    X(LOCK_ACQUIRE, "cond_task_lock_acquire", cond_task_lock_acquire(c->cond != NULL ? lock_of(c) : NULL, c->task))    \
    X(LOCK_RELEASE, "cond_task_lock_release", cond_task_lock_release(c->cond != NULL ? lock_of(c) : NULL, c->task))

enum call {
#define X(name, text, result) name,
    CALL_LIST(X)
#undef X
    CALLS
};

static const char *const call_text[CALLS] = {
#define X(name, text, result) text,
    CALL_LIST(X)
#undef X
};

static int make_call(enum call call, struct cell *c)
{
    switch (call) {
#define X(name, text, result)                                                                                          \
    case name: return result;
        CALL_LIST(X)
#undef X
    default: return -1;
    }
}

static const int results[STATES][CALLS] = {
#define X(name, text, ...) [name] = __VA_ARGS__,
    STATE_LIST(X)
#undef X
};

static int expected_result(enum state state, enum call call, enum kind kind)
{
    /* The calls on the lock return the same. A lock elsewhere outlives its condition. */
    if (call == LOCK_ACQUIRE || call == LOCK_RELEASE) {
        if (state == DESTROYED && !kind_is_own(kind))
            state = FREE;
        call = call == LOCK_ACQUIRE ? ACQUIRE : RELEASE;
    }
    int result = results[state][call];
    if (result == NOT_TRIED || (call >= DESTROY && kind >= PRIVATE_KINDS))
        return NOT_TRIED; /* test_misuse.c */
    /* With its lock elsewhere, a condition is busy only while a thread or task waits on it. */
    bool waited_on = state == WAITED_ON || state == MINE_WAITED_ON || state == WAITING ||
                     state == WAITING_LOCKED || state == CANCELLED || state == AWAITING;
    if (call == DESTROY && !kind_is_own(kind) && result == EBUSY && !waited_on)
        return DONE;
    if (call == ACQUIRE && result == DONE && kind_is_mutex(kind) &&
        (state == MINE || state == MINE_WAITED_ON || state == MINE_CLOSED || state == DECIDED))
        return EDEADLK;
    if (kind >= PRIVATE_KINDS && call != CANCEL && result != EINVAL)
        return ENOTSUP;
    return result;
}

/* ---- Test each cell ---- */

enum { NO_ERRNO = 4711 };

/* Not the mutex: cond_locked() tries it, and some implementations count that. */
static bool same_bytes(const struct cell *a, const struct cell *b)
{
    return memcmp(&a->s.cond, &b->s.cond, sizeof a->s.cond) == 0 &&
           memcmp(&a->second, &b->second, sizeof a->second) == 0 &&
           memcmp(&a->s.lock, &b->s.lock, sizeof a->s.lock) == 0 &&
           memcmp(&a->job, &b->job, sizeof a->job) == 0 && memcmp(&a->other, &b->other, sizeof a->other) == 0 &&
           memcmp(&a->zeroed, &b->zeroed, sizeof a->zeroed) == 0 && a->calls == b->calls;
}

static bool is_error(int result) { return result != 0 && result != EINPROGRESS; }

static bool test_cell(enum state state, enum call call, enum kind kind, int expected)
{
    struct cell *c = make(kind, state);
    struct cell before;
    enter_state(c);
    job_begin(&c->job);
    if (call > AWAIT_NULL && call != LOCK_ACQUIRE)
        atomic_store(&c->job.requester, 0); /* no request: its callback may run inside the call */
    memcpy(&before, c, sizeof before);
    errno = NO_ERRNO;
    int result = make_call(call, c);
    int error = errno;
    if (result == ECANCELED)
        before.calls = c->calls; /* on a closed condition the predicate is called first */
    const char *wrong = result != expected                             ? "wrong result"
                        : error != NO_ERRNO                            ? "errno was changed"
                        : is_error(result) && !same_bytes(c, &before) ? "an object was written"
                                                                       : NULL;
    atomic_store(&c->job.requester, 0);
    if (wrong == NULL) {
        leave_state(c);
        return true;
    }
    print_error("%s, %s, %s: %s: expected %s, got %s\n", call_text[call], state_text[state], kind_names[kind],
                wrong, error_name(expected), error_name(result));
    return false;
}

TEST(every_call_in_every_state)
{
    unsigned wrong = 0, tried = 0;
    for (int s = 0; s < STATES; s++)
        for (int call = 0; call < CALLS; call++)
            for (int kind = 0; kind < KINDS; kind++) {
                int expected = expected_result((enum state)s, (enum call)call, (enum kind)kind);
                if (expected == NOT_TRIED || !state_has_kind((enum state)s, (enum kind)kind))
                    continue;
                tried++;
                wrong += !test_cell((enum state)s, (enum call)call, (enum kind)kind, expected);
            }
    print_message("%u cells\n", tried);
    assert_int_equal(wrong, 0);
}

/* ---- Calls without a condition ---- */

static void never_called(cond_task_t *task, int result)
{
    (void)task, (void)result;
    REQUIRE(false);
}

TEST(making)
{
    int user;
    cond_task_t task, zeroed, before;
    memset(&task, 0x5A, sizeof task);
    memset(&zeroed, 0, sizeof zeroed);
    before = task;
    errno = NO_ERRNO;
    assert_int_equal(cond_task_init(NULL, never_called, &user), EINVAL);
    assert_int_equal(cond_task_init(&task, NULL, &user), EINVAL);
    assert_int_equal(cond_task_init(NULL, NULL, NULL), EINVAL);
    assert_memory_equal(&task, &before, sizeof task);
    assert_null(cond_task_user(NULL));
    assert_null(cond_task_user(&zeroed));
    OK(cond_task_init(&task, never_called, &user));
    assert_ptr_equal(cond_task_user(&task), &user);
    OK(cond_task_init(&task, never_called, NULL));
    assert_null(cond_task_user(&task));
    assert_int_equal(errno, NO_ERRNO);
}

/* Two wrong arguments at once. */
TEST(both_wrong)
{
    assert_int_equal(cond_task_acquire(NULL, NULL), EINVAL);
    assert_int_equal(cond_task_wait(NULL, NULL), EINVAL);
    assert_int_equal(cond_task_wait_for(NULL, NULL, NULL, NULL), EINVAL);
    assert_int_equal(cond_task_await(NULL, NULL, NULL, NULL), EINVAL);
    assert_int_equal(cond_task_close(NULL, NULL), EINVAL);
    assert_int_equal(cond_task_release(NULL, NULL), EINVAL);
    assert_int_equal(cond_task_lock_acquire(NULL, NULL), EINVAL);
    assert_int_equal(cond_task_lock_release(NULL, NULL), EINVAL);
    assert_int_equal(cond_task_notify(NULL, NULL, 1), EINVAL);
    assert_int_equal(cond_task_notify_all(NULL, NULL), EINVAL);
    assert_int_equal(cond_task_cancel(NULL), EINVAL);
}

/* ---- The same in the documentation ---- */

/* For a condition with its own recursive lock. The page says what the other calls return. */
static void print_page(FILE *out)
{
    static const enum call columns[] = {ACQUIRE, WAIT, WAIT_FOR_TRUE, RELEASE, CANCEL, DESTROY};
    (void)fprintf(out, "\n| state |");
    for (size_t i = 0; i < LENGTH(columns); i++)
        (void)fprintf(out, " `%s` |", call_text[columns[i]]);
    (void)fprintf(out, "\n|---|---|---|---|---|---|---|\n");
    for (int s = 0; s < STATES; s++) {
        if (s == DESTROYED_LOCK)
            continue; /* a separate lock only */
        (void)fprintf(out, "| %s |", state_text[s]);
        for (size_t i = 0; i < LENGTH(columns); i++) {
            int result = expected_result((enum state)s, columns[i], OWN_RLOCK);
            (void)fprintf(out, " %s |", result == NOT_TRIED ? "–" : result == 0 ? "0" : error_name(result));
        }
        (void)fprintf(out, "\n");
    }
}

int main(int argc, char *argv[])
{
    int status = page_command(argc, argv, "test_task_misuse", print_page);
    return status >= 0 ? status : RUN_TESTS("misuse of tasks");
}
