/* SPDX-License-Identifier: MIT */
/*
 * The misuse matrix of tasks: what each call answers in each state, on each kind of lock, and that an error
 * has changed nothing: not one byte of the condition, of its lock, of the task, of another task; no predicate
 * is asked, nobody is called back, and errno stays what it was. `answers` below is all there is to it.
 *
 * There is one task that the calls are about, and another one that gets in its way. One thread plays both.
 */
#include "unit.h"
#include "job.h"
#include "waitq.h"

/* ---- Kinds and states ---- */

enum kind {
    OWN_RLOCK,
    OWN_MUTEX,
    RLOCK_ELSEWHERE,
    MUTEX_ELSEWHERE,
    FOREIGN,
    PTHREAD,
    SHARED,
    SHARED_ELSEWHERE,
    KINDS
};

static const char *const kind_text[KINDS] = {
    "own rlock",    "own mutex",     "rlock elsewhere", "mutex elsewhere",
    "foreign lock", "pthread mutex", "own shared lock", "shared lock elsewhere",
};

enum state {
    NO_CONDITION,
    DESTROYED,
    DESTROYED_LOCK,
    NO_TASK,
    NO_INIT,
    FREE,
    CLOSED,
    ANOTHERS,
    THREADS,
    WAITED_ON,
    MINE,
    MINE_WAITED_ON,
    MINE_CLOSED,
    DEEPEST,
    ASKING,
    ASKING_ELSEWHERE,
    GIVING_UP,
    WAITING,
    WAITING_LOCKED,
    CHOSEN,
    CANCELLED,
    CLOSED_ON,
    AWAITING,
    DECIDED,
    STATES
};

static const char *const state_text[STATES] = {
    [NO_CONDITION] = "the condition is NULL",
    [DESTROYED] = "the condition is destroyed",
    [DESTROYED_LOCK] = "the condition's lock is destroyed",
    [NO_TASK] = "the task is NULL",
    [NO_INIT] = "the task is all zero bits",
    [FREE] = "nobody holds the lock",
    [CLOSED] = "the condition is closed, and nobody holds the lock",
    [ANOTHERS] = "another task holds the lock",
    [THREADS] = "a thread holds the lock",
    [WAITED_ON] = "another task waits",
    [MINE] = "the task holds the lock",
    [MINE_WAITED_ON] = "the task holds the lock, another one waits",
    [MINE_CLOSED] = "the condition is closed, and the task holds the lock",
    [DEEPEST] = "the task holds the lock as deep as can be",
    [ASKING] = "the task has asked for the lock that another one holds",
    [ASKING_ELSEWHERE] = "the task holds this lock and has asked for another",
    [GIVING_UP] = "the task has asked for the lock and was cancelled",
    [WAITING] = "the task waits",
    [WAITING_LOCKED] = "the task waits, and another one holds the lock",
    [CHOSEN] = "the task was notified, and another one holds the lock",
    [CANCELLED] = "the task waited and was cancelled, and another one holds the lock",
    [CLOSED_ON] = "the task waited, and another one holds the lock and has closed the condition",
    [AWAITING] = "the task awaits",
    [DECIDED] = "the task's wait has ended, and it has the lock",
};

struct subject {
    enum kind kind;
    enum state state;
    cond_t *cond;      /* what the calls get: &living, or NULL */
    cond_task_t *task; /* what the calls get: &job.task, &zeroed, or NULL */
    cond_t living, second;
    cond_lock_t elsewhere;
    struct toy toy;
    pthread_mutex_t mutex;
    struct job job, other;
    cond_task_t zeroed;
    unsigned asked; /* how often a predicate was called */
};

static bool kind_is_private(enum kind kind)
{
    return kind <= MUTEX_ELSEWHERE;
}

static bool kind_is_mutex(enum kind kind)
{
    return kind == OWN_MUTEX || kind == MUTEX_ELSEWHERE;
}

static bool kind_is_own(enum kind kind)
{
    return kind == OWN_RLOCK || kind == OWN_MUTEX || kind == SHARED;
}

/* Not every system has everything. */
static bool kind_is_possible(enum kind kind)
{
#ifndef COND_HAVE_PTHREAD_
    if (kind == PTHREAD)
        return false;
#endif
    cond_lock_t lock;
    if (kind < SHARED)
        return true;
    memset((void *)&lock, 0, sizeof lock);
    return cond_lock_init(&lock, COND_SHARED) == 0 && cond_lock_destroy(&lock) == 0;
}

static bool state_has_kind(enum state state, enum kind kind)
{
    if (!kind_is_possible(kind))
        return false;
    if (state == DESTROYED_LOCK)
        return !kind_is_own(kind); /* an own lock is destroyed with its condition */
    if (state == DEEPEST)
        return kind == OWN_RLOCK || kind == RLOCK_ELSEWHERE;
    return kind_is_private(kind) || state <= CLOSED || state == THREADS;
}

static struct subject *make(enum kind kind, enum state state)
{
    struct subject *s = calloc(1, sizeof *s);
    REQUIRE(s != NULL);
    s->kind = kind;
    s->state = state;
    unsigned flags = kind_is_mutex(kind) ? COND_MUTEX : kind >= SHARED ? COND_SHARED : COND_RLOCK;
    REQUIRE(pthread_mutex_init(&s->mutex, NULL) == 0);
    if (kind == FOREIGN)
        REQUIRE(cond_lock_init_foreign(&s->elsewhere, &toy_ops_all, &s->toy) == 0);
#ifdef COND_HAVE_PTHREAD_
    else if (kind == PTHREAD)
        REQUIRE(cond_lock_init_pthread(&s->elsewhere, &s->mutex) == 0);
#endif
    else
        REQUIRE(cond_lock_init(&s->elsewhere, flags) == 0);
    bool own = kind_is_own(kind);
    REQUIRE(cond_init(&s->living, own ? NULL : &s->elsewhere, own ? flags : 0) == 0);
    REQUIRE(cond_init(&s->second, NULL, 0) == 0);
    job_make(&s->job, 0, NULL);
    job_make(&s->other, 1, NULL);
    s->cond = state == NO_CONDITION ? NULL : &s->living;
    s->task = state == NO_TASK ? NULL : state == NO_INIT ? &s->zeroed : &s->job.task;
    return s;
}

static void acquire_as(struct subject *s, struct job *job)
{
    REQUIRE(ASK(job, cond_task_acquire(&s->living, &job->task)) == 0);
}

static void wait_as(struct subject *s, struct job *job)
{
    acquire_as(s, job);
    REQUIRE(ASK(job, cond_task_wait(&s->living, &job->task)) == EINPROGRESS);
}

static bool is_false(void *arg)
{
    (void)arg;
    return false;
}

static void enter_state(struct subject *s)
{
    struct job *job = &s->job, *other = &s->other;
    switch (s->state) {
    case DESTROYED:
        REQUIRE(cond_destroy(&s->living) == 0);
        break;
    case DESTROYED_LOCK:
        REQUIRE(cond_lock_destroy(&s->elsewhere) == 0);
        break;
    case CLOSED:
        REQUIRE(cond_acquire(&s->living) == 0);
        REQUIRE(cond_close(&s->living) == 0);
        REQUIRE(cond_release(&s->living) == 0);
        break;
    case ANOTHERS:
        acquire_as(s, other);
        break;
    case THREADS:
        REQUIRE(cond_acquire(&s->living) == 0);
        break;
    case WAITED_ON:
        wait_as(s, other);
        break;
    case MINE:
        acquire_as(s, job);
        break;
    case MINE_WAITED_ON:
        wait_as(s, other);
        acquire_as(s, job);
        break;
    case MINE_CLOSED:
        acquire_as(s, job);
        REQUIRE(cond_task_close(&s->living, &job->task) == 0);
        break;
    case AWAITING:
        acquire_as(s, job);
        REQUIRE(ASK(job, cond_task_await(&s->living, &job->task, is_false, NULL)) == EINPROGRESS);
        break;
    case DEEPEST:
        acquire_as(s, job);
        cond_get_lock(&s->living)->depth_ = COND_DEPTH_MAX - 1; /* test_task goes there step by step */
        break;
    case ASKING:
    case GIVING_UP:
        acquire_as(s, other);
        REQUIRE(ASK(job, cond_task_acquire(&s->living, &job->task)) == EINPROGRESS);
        if (s->state == GIVING_UP)
            REQUIRE(cond_task_cancel(&job->task) == 0);
        break;
    case ASKING_ELSEWHERE:
        acquire_as(s, job);
        REQUIRE(cond_task_acquire(&s->second, &other->task) == 0);
        REQUIRE(ASK(job, cond_task_acquire(&s->second, &job->task)) == EINPROGRESS);
        break;
    case WAITING:
        wait_as(s, job);
        break;
    case WAITING_LOCKED:
    case CHOSEN:
    case CANCELLED:
    case CLOSED_ON:
        wait_as(s, job);
        acquire_as(s, other);
        if (s->state == CHOSEN)
            REQUIRE(cond_task_notify(&s->living, &other->task, 1) == 0);
        if (s->state == CANCELLED)
            REQUIRE(cond_task_cancel(&job->task) == 0);
        if (s->state == CLOSED_ON)
            REQUIRE(cond_task_close(&s->living, &other->task) == 0);
        break;
    case DECIDED:
        wait_as(s, job);
        acquire_as(s, other);
        REQUIRE(cond_task_notify(&s->living, &other->task, 1) == 0);
        REQUIRE(cond_task_release(&s->living, &other->task) == 0);
        REQUIRE(job_outcome(job) == 0);
        break;
    default:
        break;
    }
}

/* Whatever there is comes to its end, else REQUIRE ends the program: nothing is held or waited for for ever. */
static void leave_state(struct subject *s)
{
    struct job *both[] = {&s->job, &s->other};
    cond_t *conds[] = {&s->living, &s->second};
    /* If the call has destroyed the condition, another one leads to the lock. */
    if (cond_get_lock(&s->living) == NULL && !kind_is_own(s->kind))
        (void)cond_init(&s->living, &s->elsewhere, 0);
    if (s->state == DEEPEST) {
        unsigned *depth = &cond_get_lock(&s->living)->depth_;
        if (cond_task_release(&s->living, &s->job.task) == 0)
            *depth = 0;
        else
            s->job.task.waiter_.state = s->job.task.waiter_.state % WAITER_DEPTH + WAITER_DEPTH; /* it waits */
    }
    while (cond_release(&s->living) == 0)
        ;
    for (unsigned again = 0; again < 3; again++)
        for (size_t i = 0; i < LENGTH(both); i++) {
            (void)cond_task_cancel(&both[i]->task);
            for (size_t c = 0; c < LENGTH(conds); c++)
                while (cond_task_release(conds[c], &both[i]->task) == 0)
                    ;
        }
    if (s->state != DESTROYED && s->state != DESTROYED_LOCK) {
        REQUIRE(cond_waiters(&s->living) == 0);
        int error = cond_destroy(&s->living);
        REQUIRE(error == 0 || error == EINVAL); /* the call may have done that */
        error = cond_lock_destroy(&s->elsewhere);
        REQUIRE(error == 0 || error == EINVAL);
    }
    REQUIRE(cond_destroy(&s->second) == 0);
    REQUIRE(pthread_mutex_destroy(&s->mutex) == 0);
    free(s);
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

enum call {
    ACQUIRE,
    WAIT,
    WAIT_FOR_TRUE,
    WAIT_FOR_FALSE,
    WAIT_FOR_NULL,
    AWAIT_TRUE,
    AWAIT_FALSE,
    AWAIT_NULL,
    RELEASE,
    NOTIFY_0,
    NOTIFY_1,
    NOTIFY_ALL,
    CLOSE,
    CANCEL,
    DESTROY,
    DESTROY_LOCK,
    LOCK_ACQUIRE,
    LOCK_RELEASE,
    CALLS
};

static const char *const call_text[CALLS] = {
    "cond_task_acquire", "cond_task_wait", "cond_task_wait_for(true)", "cond_task_wait_for(false)",
    "cond_task_wait_for(NULL)", "cond_task_await(true)", "cond_task_await(false)", "cond_task_await(NULL)",
    "cond_task_release", "cond_task_notify(0)", "cond_task_notify(1)", "cond_task_notify_all", "cond_task_close",
    "cond_task_cancel", "cond_destroy", "cond_lock_destroy", "cond_task_lock_acquire", "cond_task_lock_release",
};

static cond_lock_t *lock_of(struct subject *s)
{
    return kind_is_own(s->kind) ? cond_get_lock(&s->living) : &s->elsewhere;
}

static int make_call(enum call call, struct subject *s)
{
    switch (call) {
    case ACQUIRE: return cond_task_acquire(s->cond, s->task);
    case WAIT: return cond_task_wait(s->cond, s->task);
    case WAIT_FOR_TRUE: return cond_task_wait_for(s->cond, s->task, always, &s->asked);
    case WAIT_FOR_FALSE: return cond_task_wait_for(s->cond, s->task, never, &s->asked);
    case WAIT_FOR_NULL: return cond_task_wait_for(s->cond, s->task, NULL, NULL);
    case AWAIT_TRUE: return cond_task_await(s->cond, s->task, always, &s->asked);
    case AWAIT_FALSE: return cond_task_await(s->cond, s->task, never, &s->asked);
    case AWAIT_NULL: return cond_task_await(s->cond, s->task, NULL, NULL);
    case RELEASE: return cond_task_release(s->cond, s->task);
    case NOTIFY_0: return cond_task_notify(s->cond, s->task, 0);
    case NOTIFY_1: return cond_task_notify(s->cond, s->task, 1);
    case NOTIFY_ALL: return cond_task_notify_all(s->cond, s->task);
    case CLOSE: return cond_task_close(s->cond, s->task);
    case CANCEL: return cond_task_cancel(s->task);
    case DESTROY: return cond_destroy(s->cond);
    case DESTROY_LOCK: return cond_lock_destroy(lock_of(s));
    case LOCK_ACQUIRE: return cond_task_lock_acquire(s->cond != NULL ? lock_of(s) : NULL, s->task);
    case LOCK_RELEASE: return cond_task_lock_release(s->cond != NULL ? lock_of(s) : NULL, s->task);
    default: return -1;
    }
}

/* ---- The table: what the calls answer on a private lock ---- */

enum { NOT_TRIED = -1 };
#define OK 0
#define UNDER_WAY EINPROGRESS
#define ROW(acquire, cancel, destroy, destroy_lock, ...)                                                \
    {[ACQUIRE] = (acquire), [CANCEL] = (cancel), [DESTROY] = (destroy), [DESTROY_LOCK] = (destroy_lock),    \
     __VA_ARGS__, [WAIT_FOR_NULL] = EINVAL, [AWAIT_NULL] = EINVAL}
#define OTHERS(answer)                                                                                  \
    [WAIT] = (answer), [WAIT_FOR_TRUE] = (answer), [WAIT_FOR_FALSE] = (answer), [RELEASE] = (answer),       \
    [AWAIT_TRUE] = (answer), [AWAIT_FALSE] = (answer), [NOTIFY_0] = (answer), [NOTIFY_1] = (answer),        \
    [NOTIFY_ALL] = (answer), [CLOSE] = (answer)
#define HOLDER(wait, wait_for_true)                                                                     \
    [WAIT] = (wait), [WAIT_FOR_TRUE] = (wait_for_true), [WAIT_FOR_FALSE] = (wait), [RELEASE] = OK,          \
    [AWAIT_TRUE] = (wait_for_true), [AWAIT_FALSE] = (wait), [NOTIFY_0] = OK, [NOTIFY_1] = OK,               \
    [NOTIFY_ALL] = OK, [CLOSE] = OK

static const int answers[STATES][CALLS] = {
    [NO_CONDITION] = ROW(EINVAL, EINVAL, EINVAL, NOT_TRIED, OTHERS(EINVAL)),
    [DESTROYED] = ROW(EINVAL, EINVAL, EINVAL, NOT_TRIED, OTHERS(EINVAL)),
    [DESTROYED_LOCK] = ROW(EINVAL, EINVAL, OK, EINVAL, OTHERS(EINVAL)),
    [NO_TASK] = ROW(EINVAL, EINVAL, NOT_TRIED, NOT_TRIED, OTHERS(EINVAL)),
    [NO_INIT] = ROW(EINVAL, EINVAL, NOT_TRIED, NOT_TRIED, OTHERS(EINVAL)),
    [FREE] = ROW(OK, EINVAL, OK, OK, OTHERS(EPERM)),
    [CLOSED] = ROW(OK, EINVAL, OK, OK, OTHERS(EPERM)),
    [ANOTHERS] = ROW(UNDER_WAY, EINVAL, EBUSY, EBUSY, OTHERS(EPERM)),
    [THREADS] = ROW(UNDER_WAY, EINVAL, EBUSY, EBUSY, OTHERS(EPERM)),
    [WAITED_ON] = ROW(OK, EINVAL, EBUSY, EBUSY, OTHERS(EPERM)),
    [MINE] = ROW(OK, EINVAL, EBUSY, EBUSY, HOLDER(UNDER_WAY, OK)),
    [MINE_WAITED_ON] = ROW(OK, EINVAL, EBUSY, EBUSY, HOLDER(UNDER_WAY, OK)),
    [MINE_CLOSED] = ROW(OK, EINVAL, EBUSY, EBUSY, HOLDER(ECANCELED, OK)),
    [DEEPEST] = ROW(EAGAIN, EINVAL, EBUSY, EBUSY, HOLDER(UNDER_WAY, OK)),
    [ASKING] = ROW(EBUSY, OK, EBUSY, EBUSY, OTHERS(EPERM)),
    [ASKING_ELSEWHERE] = ROW(EBUSY, OK, EBUSY, EBUSY, HOLDER(EBUSY, EBUSY)),
    [GIVING_UP] = ROW(EBUSY, OK, EBUSY, EBUSY, OTHERS(EPERM)),
    [WAITING] = ROW(EBUSY, OK, EBUSY, EBUSY, OTHERS(EPERM)),
    [WAITING_LOCKED] = ROW(EBUSY, OK, EBUSY, EBUSY, OTHERS(EPERM)),
    [CHOSEN] = ROW(EBUSY, OK, EBUSY, EBUSY, OTHERS(EPERM)),
    [CANCELLED] = ROW(EBUSY, OK, EBUSY, EBUSY, OTHERS(EPERM)),
    [CLOSED_ON] = ROW(EBUSY, OK, EBUSY, EBUSY, OTHERS(EPERM)),
    [AWAITING] = ROW(EBUSY, OK, EBUSY, EBUSY, OTHERS(EPERM)),
    [DECIDED] = ROW(OK, EINVAL, EBUSY, EBUSY, HOLDER(UNDER_WAY, OK)),
};

static int answer_for(enum state state, enum call call, enum kind kind)
{
    /* By the lock: the same, and it is there when the condition is not, if it is elsewhere. */
    if (call == LOCK_ACQUIRE || call == LOCK_RELEASE) {
        if (state == DESTROYED && !kind_is_own(kind))
            state = FREE;
        call = call == LOCK_ACQUIRE ? ACQUIRE : RELEASE;
    }
    int answer = answers[state][call];
    if (answer == NOT_TRIED || (call >= DESTROY && !kind_is_private(kind)))
        return NOT_TRIED; /* test_misuse.c */
    /* The condition with a lock elsewhere knows only who waits on it. */
    bool waited_on = state == WAITED_ON || state == MINE_WAITED_ON || state == WAITING ||
                     state == WAITING_LOCKED || state == CANCELLED || state == AWAITING;
    if (call == DESTROY && !kind_is_own(kind) && answer == EBUSY && !waited_on)
        return OK;
    if (call == ACQUIRE && answer == OK && kind_is_mutex(kind) &&
        (state == MINE || state == MINE_WAITED_ON || state == MINE_CLOSED || state == DECIDED))
        return EDEADLK;
    if (!kind_is_private(kind) && call != CANCEL && answer != EINVAL)
        return ENOTSUP;
    return answer;
}

/* ---- Trying the cells ---- */

enum { NO_ERRNO = 4711 };

static const char *error_name(int error)
{
    static const struct {
        int error;
        const char *name;
    } names[] = {
        {0, "0"},
        {EINVAL, "EINVAL"},
        {EPERM, "EPERM"},
        {EBUSY, "EBUSY"},
        {EAGAIN, "EAGAIN"},
        {EDEADLK, "EDEADLK"},
        {ENOTSUP, "ENOTSUP"},
        {EINPROGRESS, "EINPROGRESS"},
        {ECANCELED, "ECANCELED"},
    };
    for (size_t i = 0; i < LENGTH(names); i++)
        if (names[i].error == error)
            return names[i].name;
    return "another error";
}

/* The mutex is looked at by trying it, which some implementations count. */
static bool same_bytes(const struct subject *a, const struct subject *b)
{
    return memcmp(&a->living, &b->living, sizeof a->living) == 0 &&
           memcmp(&a->second, &b->second, sizeof a->second) == 0 &&
           memcmp(&a->elsewhere, &b->elsewhere, sizeof a->elsewhere) == 0 &&
           memcmp(&a->job, &b->job, sizeof a->job) == 0 && memcmp(&a->other, &b->other, sizeof a->other) == 0 &&
           memcmp(&a->zeroed, &b->zeroed, sizeof a->zeroed) == 0 && a->asked == b->asked;
}

static bool is_error(int answer)
{
    return answer != 0 && answer != EINPROGRESS;
}

static bool try_cell(enum state state, enum call call, enum kind kind, int expected)
{
    struct subject *s = make(kind, state);
    struct subject before;
    enter_state(s);
    job_begin(&s->job);
    if (call > AWAIT_NULL && call != LOCK_ACQUIRE)
        atomic_store(&s->job.asking, 0); /* no request: it may be called back from within */
    memcpy(&before, s, sizeof before);
    errno = NO_ERRNO;
    int answer = make_call(call, s);
    int error = errno;
    if (answer == ECANCELED)
        before.asked = s->asked; /* a closed condition's waiter looks at its predicate first */
    const char *wrong = answer != expected                             ? "the answer"
                        : error != NO_ERRNO                            ? "errno was touched"
                        : is_error(answer) && !same_bytes(s, &before) ? "something was written"
                                                                       : NULL;
    atomic_store(&s->job.asking, 0);
    if (wrong == NULL) {
        leave_state(s);
        return true;
    }
    print_error("%s, %s, %s: %s: expected %s, got %s\n", call_text[call], state_text[state], kind_text[kind],
                wrong, error_name(expected), error_name(answer));
    return false;
}

static void every_call_in_every_state(void **state)
{
    (void)state;
    unsigned wrong = 0, tried = 0;
    for (int s = 0; s < STATES; s++)
        for (int call = 0; call < CALLS; call++)
            for (int kind = 0; kind < KINDS; kind++) {
                int expected = answer_for((enum state)s, (enum call)call, (enum kind)kind);
                if (expected == NOT_TRIED || !state_has_kind((enum state)s, (enum kind)kind))
                    continue;
                tried++;
                wrong += !try_cell((enum state)s, (enum call)call, (enum kind)kind, expected);
            }
    print_message("%u cells\n", tried);
    assert_int_equal(wrong, 0);
}

/* ---- What is not about a condition ---- */

static void never_called(cond_task_t *task, int result)
{
    (void)task, (void)result;
    REQUIRE(false);
}

static void making(void **state)
{
    (void)state;
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
    assert_int_equal(cond_task_init(&task, never_called, &user), 0);
    assert_ptr_equal(cond_task_user(&task), &user);
    assert_int_equal(cond_task_init(&task, never_called, NULL), 0);
    assert_null(cond_task_user(&task));
    assert_int_equal(errno, NO_ERRNO);
}

/* What is wrong in two ways. */
static void both_wrong(void **state)
{
    (void)state;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(making),
        cmocka_unit_test(both_wrong),
        cmocka_unit_test(every_call_in_every_state),
    };
    return cmocka_run_group_tests_name("misuse of tasks", tests, NULL, NULL);
}
