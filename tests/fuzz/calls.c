/* SPDX-License-Identifier: MIT */
#include "calls.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "behind.h"
#include "condvar.h"
#include "lock.h"
#include "port.h"
#include "reference.h"
#include "scripted.h"
#include "tuning.h"

/* ---- The bytes ---- */

static const uint8_t *bytes, *all_bytes;
static size_t bytes_left, bytes_size;
void (*calls_failed)(const uint8_t *bytes, size_t size);

/* Zero after the end: then no thread is interrupted. */
static uint8_t next_byte(void)
{
    if (bytes_left == 0)
        return 0;
    bytes_left--;
    return *bytes++;
}

/* ---- The objects, and what the test knows about them ---- */

enum kind {
    RLOCK,
    MUTEX,
    OWN_RLOCK,
    OWN_MUTEX,
    FOREIGN,
    FOREIGN_RECURSIVE,
    FOREIGN_VAGUE,
    SHARED,
    SHARED_OWN,
    KINDS
};

static const char *const kind_names[KINDS] = {"a recursive lock",
                                              "a mutex",
                                              "the first's own recursive lock",
                                              "the first's own mutex",
                                              "a foreign mutex",
                                              "a foreign recursive lock",
                                              "a foreign mutex without owned()",
                                              "a shared mutex",
                                              "the first's own shared recursive lock"};

static enum kind kind;
static bool recursive;
static cond_lock_t lock;
static cond_t conds[REF_CONDS];

/* A thread or a task. */
struct actor {
    uint32_t depth;  /* the levels that it holds */
    unsigned gate;   /* the predicate of its wait */
    bool first_look; /* it has not called the predicate yet */
};
static struct actor actors[REF_ACTORS];

struct task {
    cond_task_t task;
    bool busy;        /* a request is in progress */
    bool in_use;      /* another call is in progress */
    bool waits;       /* the request is a wait */
    unsigned request; /* its number */
    uintptr_t caller; /* the thread in the request's call, or 0 */
    unsigned within;  /* how deep its callbacks are nested */
};
static struct task tasks[REF_TASKS];

static bool aged;         /* this run has made tickets old */
static int64_t sleeps_since_ns[REF_THREADS]; /* since when the thread is in a call that may sleep, or INT64_MAX */
static unsigned long made, given_up;
static unsigned long made_by_then; /* calls made when all waiters were last woken */
static unsigned vain;              /* how often no call returned since the time before */
static bool loud;

enum { THREADS = REF_THREADS - 1 };

/* The running thread's number in the model. */
static unsigned me(void)
{
    uintptr_t thread = port_self() / 16 - 1; /* as scripted.c numbers them */
    return thread < THREADS ? (unsigned)thread : THREADS;
}

/* ---- The trace ---- */

struct line {
    unsigned thread;
    const char *what;
    int about;
    long long number;
};
enum { LINES = 8192 };
static struct line lines[LINES];
static unsigned long line_count;

static void print_line(const struct line *line)
{
    fprintf(stderr, "thread %u: ", line->thread);
    fprintf(stderr, line->what, line->about, line->number); /* each has at most these two, in this order */
    fprintf(stderr, "\n");
}

/* `what` is a format for an int and a long long. It may use none, the first or both. */
static void note(const char *what, int about, long long number)
{
    struct line line = {me(), what, about, number};
    lines[line_count++ % LINES] = line;
    if (loud)
        print_line(&line);
}

static void print_trace(void)
{
    fprintf(stderr, "two conditions on %s; thread %d is the test itself\n", kind_names[kind], THREADS);
    if (!loud) {
        unsigned long from = line_count > LINES ? line_count - LINES : 0;
        for (unsigned long i = from; i < line_count; i++)
            print_line(&lines[i % LINES]);
    }
    ref_print();
    if (calls_failed != NULL)
        calls_failed(all_bytes, bytes_size);
}

/* ---- Events for the model ---- */

static uint32_t time_of_events;

static void note_starvation(void)
{
    for (unsigned i = 0; i < REF_THREADS; i++)
        ref_world.may_starve |= sleeps_since_ns[i] <= port_now() - TUNING_STARVATION_NS;
}

/* Whether the thread may sleep from here on. */
static void may_sleep(unsigned thread, bool yes)
{
    note_starvation();
    sleeps_since_ns[thread] = yes ? port_now() : INT64_MAX;
}

/* Called where a call begins or returns. */
static void world(void)
{
    ref_world.now_ns = port_now();
    note_starvation();
    time_of_events++;
}

#define MODEL(event) (world(), EXPECT(event))

/* The same where a release begins. The test does not know when it takes place, so a thread that starves until it
   returns counts. */
#define MODEL_RELEASE(event) (ref_world.may_starve = false, MODEL(event))

static void returned(const char *what, int result)
{
    made++;
    sched_progress();
    note(what, result, 0);
}

/* For the holder, cond_waiters() is exact. */
static void count_waiters(void)
{
    for (unsigned i = 0; i < REF_CONDS; i++) {
        size_t waiting = cond_waiters(&conds[i]);
        if (loud)
            note("  %d wait in cond %lld", (int)waiting, i);
        MODEL(ref_counted(i, waiting));
        EXPECT(cond_closed(&conds[i]) == ref_world.closed[i]);
    }
}

static bool pred(void *arg)
{
    struct actor *waiter = arg;
    unsigned who = (unsigned)(waiter - actors);
    unsigned looker = me();
    bool value = ref_world.gates[waiter->gate];
    note(value ? "  sees that the predicate of actor %d is true"
               : "  sees that the predicate of actor %d is false",
         (int)who, 0);
    if (waiter->first_look)
        waiter->first_look = false; /* before it waits, with the lock held */
    else if (looker == who)
        MODEL(ref_pred_called(who, value));
    else
        MODEL(ref_pred_called_for(who, looker));
    return value;
}

/* Whether the lock can be acquired at once, if no other thread runs. */
static bool surely_free(unsigned thread)
{
    world();
    return ref_surely_free(thread);
}

/* ---- Foreign locks (behind.h) ---- */

static int behind_save(void *object, unsigned *depth) { return lock_release_save(object, depth); }
static int behind_restore(void *object, unsigned depth)
{
    return behind_is_lost ? ENOTRECOVERABLE : lock_acquire_restore(object, depth, true);
}

static const cond_lock_ops_t vague_ops = {.acquire = behind_acquire, .release = behind_release};
static const cond_lock_ops_t recursive_ops = {.acquire = behind_acquire,
                                              .release = behind_release,
                                              .owned = behind_owned,
                                              .release_save = behind_save,
                                              .acquire_restore = behind_restore};

/* ---- Threads ---- */

static const int64_t timeouts[8] = {COND_FOREVER, 0, -1, 1, 100, COND_US(50), COND_MS(2), INT64_MAX - 5};
static const size_t counts[4] = {1, 2, 0, SIZE_MAX};

/* What acquire returns to the holder. */
static int again(const struct actor *self)
{
    return !recursive ? EDEADLK : self->depth == COND_DEPTH_MAX ? EAGAIN : 0;
}

static void call_acquire(unsigned thread, unsigned how, unsigned which, int64_t timeout_ns)
{
    struct actor *self = &actors[thread];
    cond_t *cond = &conds[which];
    int64_t began_ns = port_now();
    bool free = surely_free(thread);
    unsigned long switches = sched_switches();
    int result;
    note(how < 3   ? "cond_acquire(cond %d)"
         : how < 5 ? "cond_try_acquire(cond %d)"
                   : "cond_acquire_timed(cond %d, %lld)",
         (int)which, timeout_ns);
    ref_world.acquiring[thread] = true;
    may_sleep(thread, true);
    if (how < 3)
        result = how == 0 ? cond_acquire(cond) : cond_lock_acquire(cond_get_lock(cond));
    else if (how < 5)
        result = how == 3 ? cond_try_acquire(cond) : cond_lock_try_acquire(cond_get_lock(cond));
    else if (how < 7)
        result = how == 5 ? cond_acquire_timed(cond, timeout_ns)
                          : cond_lock_acquire_timed(cond_get_lock(cond), timeout_ns);
    else
        result = which == 0 ? cond_acquire_until(cond, cond_deadline(timeout_ns))
                            : cond_lock_acquire_until(cond_get_lock(cond), cond_deadline(timeout_ns));
    may_sleep(thread, false);
    ref_world.acquiring[thread] = false;
    returned("acquire: %d", result);
    if (self->depth > 0) {
        int expected = again(self);
        EXPECT(result == expected);
        if (result != 0)
            return;
    } else if (result == EBUSY || result == ETIMEDOUT) {
        EXPECT(result == (how < 3 ? 0 : how < 5 ? EBUSY : ETIMEDOUT));
        EXPECT(how < 5 || timeout_ns <= 0 || port_now() - began_ns >= timeout_ns);
        EXPECT(!free || switches != sched_switches());
        return;
    }
    EXPECT(result == 0);
    MODEL(ref_acquired(thread));
    self->depth++;
    count_waiters();
}

static void call_release(unsigned thread, unsigned how, unsigned which)
{
    struct actor *self = &actors[thread];
    note("cond_release(cond %d)", (int)which, 0);
    if (self->depth > 0)
        MODEL_RELEASE(ref_release_begun(thread));
    int result = how == 0 ? cond_release(&conds[which]) : cond_lock_release(cond_get_lock(&conds[which]));
    returned("release: %d", result);
    EXPECT(result == (self->depth > 0 ? 0 : EPERM));
    if (result != 0)
        return;
    if (--self->depth == 0)
        MODEL(ref_released(thread));
}

/* The kinds of wait. */
enum wait { WAIT, WAIT_UNTIL, WAIT_FOR, WAIT_FOR_UNTIL, AWAIT, WAIT_WITH, WAIT_FOR_WITH, AWAIT_WITH };

static bool has_pred(enum wait how) { return how != WAIT && how != WAIT_UNTIL && how != WAIT_WITH; }
static bool has_token(enum wait how) { return how >= WAIT_WITH; }
static bool awaits(enum wait how) { return how == AWAIT || how == AWAIT_WITH; }

static cond_token_t tokens[REF_FIRST_STOP];
static cond_stop_t stops[REF_TOKENS]; /* from REF_FIRST_STOP on */
static unsigned token_users[REF_TOKENS]; /* waits that carry it */
static unsigned last_user[REF_TOKENS];   /* the thread that was the last to begin one */

static int wait_with(cond_t *cond, enum wait how, struct actor *self, int64_t deadline_ns, unsigned token)
{
    cond_wait_options_t options = {.pred = has_pred(how) ? pred : NULL,
                                   .arg = self,
                                   .deadline_ns = deadline_ns == COND_FOREVER ? 0 : deadline_ns,
                                   .token = has_token(how) && token < REF_FIRST_STOP ? &tokens[token] : NULL,
                                   .stop = has_token(how) && token >= REF_FIRST_STOP ? &stops[token] : NULL,
                                   .unnotified = how == AWAIT_WITH};
    token_users[token] += has_token(how);
    if (has_token(how))
        last_user[token] = (unsigned)(self - actors);
    int result = cond_wait_with(cond, &options);
    token_users[token] -= has_token(how);
    return result;
}

static int make_wait(cond_t *cond, enum wait how, struct actor *self, int64_t timeout_ns, int64_t deadline_ns,
                     unsigned token)
{
    switch (how) {
    case WAIT: return cond_wait(cond, timeout_ns);
    case WAIT_UNTIL:
        if (timeout_ns % 2 != 0)
            return wait_with(cond, how, self, deadline_ns, token); /* without a token: the same */
        return cond_wait_until(cond, deadline_ns);
    case WAIT_FOR: return cond_wait_for(cond, pred, self, timeout_ns);
    case WAIT_FOR_UNTIL:
        if (timeout_ns % 2 != 0)
            return wait_with(cond, how, self, deadline_ns, token);
        return cond_wait_for_until(cond, pred, self, deadline_ns);
    case AWAIT: return cond_await(cond, pred, self, timeout_ns);
    default: return wait_with(cond, how, self, deadline_ns, token);
    }
}

/* What this wait returns at once, or EINPROGRESS. */
static int wait_at_once(const struct actor *self, enum wait how, unsigned which, unsigned gate, unsigned token)
{
    if (self->depth == 0)
        return EPERM;
    if ((has_token(how) && kind >= SHARED) || (awaits(how) && kind >= FOREIGN))
        return ENOTSUP;
    if (has_pred(how) && ref_world.gates[gate])
        return 0;
    return ref_world.closed[which] || (has_token(how) && ref_world.tokens[token]) ? ECANCELED : EINPROGRESS;
}

/* Another wait uses the stop. */
static void wait_with_busy_stop(cond_t *cond, unsigned token)
{
    world();
    if (!ref_surely_waits(last_user[token]))
        return;
    sched_preemptible(false);
    int result = cond_wait_with(cond, &(cond_wait_options_t){.stop = &stops[token]});
    sched_preemptible(true);
    returned("wait with a busy stop: %d", result);
    EXPECT(result == EBUSY);
}

static void call_wait(unsigned thread, enum wait how, unsigned which, unsigned gate, int64_t timeout_ns, unsigned token)
{
    struct actor *self = &actors[thread];
    cond_t *cond = &conds[which];
    int64_t began_ns = port_now();
    int64_t deadline_ns = timeout_ns <= 0                         ? INT64_MIN
                          : timeout_ns >= COND_FOREVER - began_ns ? COND_FOREVER
                                                                  : began_ns + timeout_ns;
    int at_once = wait_at_once(self, how, which, gate, token);
    if (kind == FOREIGN_VAGUE && self->depth == 0)
        return; /* this lock cannot detect the misuse */
    if (has_token(how) && token >= REF_FIRST_STOP && token_users[token] > 0) {
        wait_with_busy_stop(cond, token);
        return;
    }
    EXPECT(deadline_ns < 0 || cond_deadline(timeout_ns) == deadline_ns);
    note(awaits(how)     ? "cond_await(cond %d, ..., %lld)"
         : has_pred(how) ? "cond_wait_for(cond %d, ..., %lld)"
                         : "cond_wait(cond %d, %lld)",
         (int)which, timeout_ns);
    if (has_token(how))
        note("  with token %d", (int)token, 0);
    self->gate = gate;
    self->first_look = has_pred(how);
    if (at_once == EINPROGRESS)
        MODEL_RELEASE(ref_wait_begun(thread, which, has_pred(how) ? gate : REF_NO_GATE, deadline_ns, awaits(how),
                                     has_token(how) ? token : REF_NO_TOKEN));
    uint32_t depth = self->depth;
    may_sleep(thread, true);
    int result = make_wait(cond, how, self, timeout_ns, deadline_ns, token);
    may_sleep(thread, false);
    returned("wait: %d", result);
    if (at_once != EINPROGRESS) {
        EXPECT(result == at_once);
        return;
    }
    EXPECT(result == 0 || result == ETIMEDOUT || result == ECANCELED);
    EXPECT(result != ETIMEDOUT || port_now() >= deadline_ns);
    EXPECT(result != ECANCELED || ref_world.closed[which] ||
           (has_token(how) && (ref_world.tokens[token] || ref_world.stopping[token] > 0)));
    EXPECT(!has_pred(how) || ref_world.gates[gate] == (result == 0));
    MODEL(ref_wait_returned(thread, result));
    self->depth = depth;
    count_waiters();
    if (kind != FOREIGN_VAGUE)
        EXPECT(cond_owned(cond));
}

/* One of the waits without a predicate, or with one. */
static void call_some_wait(unsigned thread, bool with_pred, unsigned variant, unsigned how, unsigned which, unsigned gate,
                           int64_t timeout_ns)
{
    static const enum wait plain[8] = {WAIT, WAIT, WAIT, WAIT, WAIT, WAIT_WITH, WAIT_WITH, WAIT_WITH};
    static const enum wait for_pred[8] = {WAIT_FOR, WAIT_FOR, WAIT_FOR_UNTIL, AWAIT, AWAIT, AWAIT, WAIT_FOR_WITH, AWAIT_WITH};
    enum wait chosen = with_pred ? for_pred[variant] : plain[variant] == WAIT && how % 2 != 0 ? WAIT_UNTIL : plain[variant];
    call_wait(thread, chosen, which, gate, timeout_ns, how / 2 % REF_TOKENS);
}

/* Close is for the holder, and permanent. */
static void call_close(unsigned thread, unsigned which)
{
    struct actor *self = &actors[thread];
    if (kind == FOREIGN_VAGUE && self->depth == 0)
        return;
    note("cond_close(cond %d)", (int)which, 0);
    if (self->depth > 0)
        ref_world.closed[which] = true;
    int result = cond_close(&conds[which]);
    returned("close: %d", result);
    EXPECT(result == (self->depth > 0 ? 0 : EPERM));
    if (result != 0)
        return;
    MODEL(ref_closed(thread, which));
    count_waiters();
}

/* By any thread, with or without the lock. A stop that no call uses may be reset. */
static void call_stop(unsigned thread, unsigned token)
{
    if (ref_world.tokens[token] && token_users[token] == 0 && ref_world.stopping[token] == 0) {
        note("stop %d is reset", (int)token, 0);
        ref_world.tokens[token] = false;
        stops[token] = (cond_stop_t){.busy_ = 0};
        return;
    }
    note("cond_stop(stop %d)", (int)token, 0);
    ref_world.stopping[token]++;
    int result = cond_stop(&stops[token]);
    returned("stop: %d", result);
    EXPECT(result == 0);
    MODEL(ref_stopped(thread, token));
    ref_world.tokens[token] = true;
    ref_world.stopping[token]--;
}

/* A token that no wait uses may be reset. */
static void call_cancel(unsigned thread, unsigned which, unsigned token)
{
    struct actor *self = &actors[thread];
    if (token >= REF_FIRST_STOP) {
        call_stop(thread, token);
        return;
    }
    if (kind == FOREIGN_VAGUE && self->depth == 0)
        return;
    if (ref_world.tokens[token] && token_users[token] == 0 && self->depth > 0) {
        note("token %d is reset", (int)token, 0);
        ref_world.tokens[token] = false;
        tokens[token] = (cond_token_t){0};
        return;
    }
    note("cond_cancel(cond %d, token %lld)", (int)which, token);
    bool is_done = self->depth > 0 && kind < SHARED;
    ref_world.tokens[token] |= is_done;
    int result = cond_cancel(&conds[which], &tokens[token]);
    returned("cancel: %d", result);
    EXPECT(result == (is_done ? 0 : self->depth > 0 ? ENOTSUP : EPERM));
    if (result != 0)
        return;
    MODEL(ref_token_cancelled(thread, which, token));
    count_waiters();
}

static void call_notify(unsigned thread, unsigned how, unsigned which)
{
    struct actor *self = &actors[thread];
    bool all = how >= 4;
    size_t n = counts[how % 4];
    if (kind == FOREIGN_VAGUE && self->depth == 0)
        return;
    note(all ? "cond_notify_all(cond %d)" : "cond_notify(cond %d, %lld)", (int)which, (long long)n);
    int result = all ? cond_notify_all(&conds[which]) : cond_notify(&conds[which], n);
    returned("notify: %d", result);
    EXPECT(result == (self->depth > 0 ? 0 : EPERM));
    if (result != 0)
        return;
    MODEL(ref_notified(thread, which, n, all));
    count_waiters();
}

/* Queries. For the holder their results are exact. */
static void call_look(unsigned thread, unsigned how, unsigned which)
{
    struct actor *self = &actors[thread];
    cond_t *cond = &conds[which];
    char text[160];
    note("looks at cond %d", (int)which, 0);
    made++;
    switch (how) {
    case 0: EXPECT(cond_waiters(cond) <= REF_ACTORS); break;
    case 1: {
        bool free = surely_free(thread);
        unsigned long switches = sched_switches();
        bool locked = cond_locked(cond);
        EXPECT(locked || self->depth == 0 || kind == FOREIGN_VAGUE);
        EXPECT(!locked || !free || switches != sched_switches());
        break;
    }
    case 2: {
        bool owned = cond_owned(cond);
        EXPECT(owned == (self->depth > 0) || kind == FOREIGN_VAGUE);
        break;
    }
    default: {
        size_t size = how == 3 ? sizeof text : how;
        memset(text, 'x', sizeof text);
        int length = how % 2 != 0 ? cond_describe(cond, text, size) : cond_lock_describe(cond_get_lock(cond), text, size);
        EXPECT(length > 20 && length < (int)sizeof text);
        EXPECT(strlen(text) == ((size_t)length < size ? (size_t)length : size - 1));
        break;
    }
    }
}

/* A block with COND_WITH, left in one of the possible ways. */
static void call_with(unsigned thread, unsigned how, unsigned which)
{
    struct actor *self = &actors[thread];
    unsigned entered = 0;
    if (self->depth > 0 && again(self) != 0) {
        COND_WITH (&conds[which])
            entered++;
        EXPECT(entered == 0);
        return;
    }
    note("COND_WITH(cond %d)", (int)which, 0);
    ref_world.acquiring[thread] = true;
    may_sleep(thread, true);
    do {
        COND_WITH (&conds[which]) {
            may_sleep(thread, false);
            ref_world.acquiring[thread] = false;
            MODEL(ref_acquired(thread));
            self->depth++;
            entered++;
            call_notify(thread, how, which);
            MODEL_RELEASE(ref_release_begun(thread));
            note("the block ends", 0, 0);
            if (how % 2 == 0)
                break;
            if (how % 3 == 0)
                continue;
        }
    } while (0);
    EXPECT(entered == 1);
    returned("the block has ended", 0);
    if (--self->depth == 0)
        MODEL(ref_released(thread));
}

/* Changes the state of a predicate. */
static void call_change(unsigned thread, unsigned gate, bool open)
{
    if (actors[thread].depth == 0)
        return;
    note("gate %d becomes %lld", (int)gate, open);
    ref_world.gates[gate] = open;
}

/* As after very many acquires. */
static void call_deepen(unsigned thread)
{
    struct actor *self = &actors[thread];
    if (kind == SHARED && self->depth > 0) {
        /* As after so many waits that tickets are as old as they may be. Only once: no thread can sleep longer. */
        for (unsigned i = 0; i < REF_CONDS && !aged; i++) {
            struct cond_shared_queue_ *queue = &conds[i].u_.shared;
            uint32_t before = queue->arrivals;
            queue->arrivals = queue->free_below + UINT32_MAX;
            queue->laps = (uint16_t)(queue->laps + (queue->arrivals < before));
        }
        aged = true;
        return;
    }
    if (!recursive || self->depth == 0 || self->depth >= COND_DEPTH_MAX)
        return;
    uint32_t by = COND_DEPTH_MAX - self->depth;
    note("actor %d now holds %lld levels", (int)thread, (long long)COND_DEPTH_MAX);
    (kind == FOREIGN_RECURSIVE ? &behind : cond_get_lock(&conds[0]))->depth_ += by;
    self->depth += by;
    MODEL(ref_deepened(thread, by));
}

/* The reverse. Single releases would take too long. */
static void drop_levels(unsigned actor)
{
    struct actor *self = &actors[actor];
    if (self->depth <= 8)
        return;
    uint32_t by = self->depth - 1;
    (kind == FOREIGN_RECURSIVE ? &behind : cond_get_lock(&conds[0]))->depth_ -= by;
    self->depth -= by;
    MODEL(ref_deepened(actor, -by));
}

/* Calls that return an error, always or in this state. */
static void call_misuse(unsigned thread, unsigned how, unsigned which)
{
    struct actor *self = &actors[thread];
    cond_t *cond = &conds[which];
    note("misuse %lld of cond %d", (int)which, how);
    made++;
    switch (how) {
    case 0:
        if (self->depth > 0 && kind != FOREIGN_VAGUE)
            EXPECT(cond_recover(cond) == EINVAL);
        break;
    case 1:
        if (self->depth == 0 && kind != FOREIGN_VAGUE)
            EXPECT(cond_recover(cond) == EPERM);
        break;
    case 2:
        /* The condition's own lock is held; or any lock, while a thread waits. */
        if (self->depth > 0 && cond->lock_ == NULL)
            EXPECT(cond_destroy(cond) == EBUSY);
        break;
    case 3:
        if (self->depth > 0 && cond_waiters(cond) > 0)
            EXPECT(cond_destroy(cond) == EBUSY);
        break;
    case 4:
        if (self->depth > 0 && (kind < FOREIGN || cond_waiters(cond) > 0) && kind < SHARED)
            EXPECT(cond_lock_destroy(cond_get_lock(cond)) == EBUSY);
        break;
    case 5: EXPECT(cond_wait_for(cond, NULL, NULL, 0) == EINVAL); break;
    case 6:
        if (kind >= FOREIGN) {
            cond_task_t *task = &tasks[0].task;
            EXPECT(cond_task_acquire(cond, task) == ENOTSUP && cond_task_wait(cond, task) == ENOTSUP &&
                   cond_task_wait_for(cond, task, pred, NULL) == ENOTSUP &&
                   cond_task_await(cond, task, pred, NULL) == ENOTSUP && cond_task_close(cond, task) == ENOTSUP &&
                   cond_task_release(cond, task) == ENOTSUP && cond_task_notify(cond, task, 1) == ENOTSUP &&
                   cond_task_notify_all(cond, task) == ENOTSUP);
        }
        break;
    default:
        EXPECT(cond_task_wait_for(cond, &tasks[0].task, NULL, NULL) == EINVAL &&
               cond_task_await(cond, &tasks[0].task, NULL, NULL) == EINVAL && cond_await(cond, NULL, NULL, 0) == EINVAL &&
               cond_cancel(cond, NULL) == EINVAL && cond_wait_with(cond, NULL) == EINVAL);
    }
}

/* ---- Tasks ---- */

static void call_task(unsigned number, unsigned byte);

static void end_request(struct task *task)
{
    ref_world.beginning[task - tasks] = false;
    task->busy = task->waits = false;
}

static void on_ready(cond_task_t *which, int result)
{
    struct task *task = cond_task_user(which);
    unsigned number = (unsigned)(task - tasks);
    note("  callback of task %d: %lld", (int)number, result);
    EXPECT(which == &task->task && task->busy);
    EXPECT(task->caller != port_self()); /* never inside the call that made the request */
    MODEL(ref_task_outcome(REF_THREADS + number, result));
    if (!task->waits)
        actors[REF_THREADS + number].depth = result == 0;
    end_request(task);
    task->caller = 0;
    if (actors[REF_THREADS + number].depth > 0)
        count_waiters();
    /* Sometimes it makes its next call in the callback. */
    if (task->within < 2 && bytes_left > 0) {
        unsigned byte = next_byte();
        task->within++;
        if (byte % 2 == 1)
            call_task(number, byte / 2);
        task->within--;
    }
}

/* The request's call has returned. Its callback may have run before that, and may have made another request. */
static void request_returned(unsigned number, unsigned request, int result)
{
    struct task *task = &tasks[number];
    struct actor *self = &actors[REF_THREADS + number];
    if (task->request != request || !task->busy) {
        EXPECT(result == EINPROGRESS);
        return;
    }
    task->caller = 0;
    if (result == EINPROGRESS) {
        ref_world.beginning[number] = false;
        if (!task->waits)
            ref_world.requested_until[number] = ++time_of_events;
        return;
    }
    if (!task->waits && result == 0)
        MODEL(ref_task_acquired(REF_THREADS + number));
    else
        MODEL(ref_task_outcome(REF_THREADS + number, result));
    if (!task->waits)
        self->depth = result == 0;
    end_request(task);
}

static void begin_request(struct task *task, bool waits)
{
    unsigned number = (unsigned)(task - tasks);
    task->busy = true;
    task->waits = waits;
    task->request++;
    task->caller = port_self();
    ref_world.cancelled[number] = false;
    ref_world.beginning[number] = true;
    ref_world.requested_from[number] = ++time_of_events;
    ref_world.requested_until[number] = UINT32_MAX;
}

static void task_acquire(unsigned number, unsigned which)
{
    struct task *task = &tasks[number];
    struct actor *self = &actors[REF_THREADS + number];
    note("cond_task_acquire(task %d, cond %lld)", (int)number, which);
    if (self->depth > 0) {
        task->in_use = true;
        int result = cond_task_acquire(&conds[which], &task->task);
        task->in_use = false;
        returned("task_acquire: %d", result);
        EXPECT(result == again(self));
        if (result == 0) {
            self->depth++;
            MODEL(ref_acquired(REF_THREADS + number));
        }
        return;
    }
    begin_request(task, false);
    unsigned request = task->request;
    MODEL(ref_task_requests(REF_THREADS + number));
    ref_world.handoffs++;
    int result = cond_task_acquire(&conds[which], &task->task);
    returned("task_acquire: %d", result);
    EXPECT(result == 0 || result == EINPROGRESS || result == ECANCELED);
    request_returned(number, request, result);
    MODEL(ref_handoff_ends());
    ref_world.handoffs--;
}

static int make_task_wait(cond_t *cond, cond_task_t *task, enum wait how, struct actor *self)
{
    return how == WAIT       ? cond_task_wait(cond, task)
           : how == WAIT_FOR ? cond_task_wait_for(cond, task, pred, self)
                             : cond_task_await(cond, task, pred, self);
}

static void task_wait(unsigned number, unsigned which, unsigned gate, enum wait how)
{
    struct task *task = &tasks[number];
    struct actor *self = &actors[REF_THREADS + number];
    int at_once = wait_at_once(self, how, which, gate, 0);
    note(how == AWAIT      ? "cond_task_await(task %d, cond %lld, ...)"
         : how == WAIT_FOR ? "cond_task_wait_for(task %d, cond %lld, ...)"
                           : "cond_task_wait(task %d, cond %lld)",
         (int)number, which);
    self->gate = gate;
    self->first_look = has_pred(how);
    if (at_once != EINPROGRESS) {
        task->in_use = true;
        int result = make_task_wait(&conds[which], &task->task, how, self);
        task->in_use = false;
        returned("task_wait: %d", result);
        EXPECT(result == at_once);
        return;
    }
    begin_request(task, true);
    unsigned request = task->request;
    MODEL_RELEASE(ref_wait_begun(REF_THREADS + number, which, has_pred(how) ? gate : REF_NO_GATE, COND_FOREVER,
                                 awaits(how), REF_NO_TOKEN));
    int result = make_task_wait(&conds[which], &task->task, how, self);
    returned("task_wait: %d", result);
    EXPECT(result == 0 || result == EINPROGRESS || result == ECANCELED);
    request_returned(number, request, result);
}

static void task_release(unsigned number, unsigned which)
{
    struct task *task = &tasks[number];
    struct actor *self = &actors[REF_THREADS + number];
    note("cond_task_release(task %d, cond %lld)", (int)number, which);
    if (self->depth > 0)
        MODEL_RELEASE(ref_release_begun(REF_THREADS + number));
    task->in_use = true;
    int result = self->depth % 2 == 0 ? cond_task_release(&conds[which], &task->task)
                                      : cond_task_lock_release(cond_get_lock(&conds[which]), &task->task);
    task->in_use = false;
    returned("task_release: %d", result);
    EXPECT(result == (self->depth > 0 ? 0 : EPERM));
    if (result == 0 && --self->depth == 0)
        MODEL(ref_released(REF_THREADS + number));
}

static void task_notify(unsigned number, unsigned which, unsigned how)
{
    struct task *task = &tasks[number];
    struct actor *self = &actors[REF_THREADS + number];
    bool all = how >= 4;
    size_t n = counts[how % 4];
    note("cond_task_notify(task %d, cond %lld)", (int)number, which);
    task->in_use = true;
    int result = all ? cond_task_notify_all(&conds[which], &task->task)
                     : cond_task_notify(&conds[which], &task->task, n);
    task->in_use = false;
    returned("task_notify: %d", result);
    EXPECT(result == (self->depth > 0 ? 0 : EPERM));
    if (result != 0)
        return;
    MODEL(ref_notified(REF_THREADS + number, which, n, all));
    count_waiters();
}

static void task_close(unsigned number, unsigned which)
{
    struct task *task = &tasks[number];
    struct actor *self = &actors[REF_THREADS + number];
    note("cond_task_close(task %d, cond %lld)", (int)number, which);
    if (self->depth > 0)
        ref_world.closed[which] = true;
    task->in_use = true;
    int result = cond_task_close(&conds[which], &task->task);
    task->in_use = false;
    returned("task_close: %d", result);
    EXPECT(result == (self->depth > 0 ? 0 : EPERM));
    if (result != 0)
        return;
    MODEL(ref_closed(REF_THREADS + number, which));
    count_waiters();
}

static void task_cancel(unsigned number)
{
    struct task *task = &tasks[number];
    note("cond_task_cancel(task %d)", (int)number, 0);
    if (task->busy && task->waits && ref_world.cancelling[number] == 0 && !ref_world.cancelled[number]) {
        ref_world.requested_from[number] = ++time_of_events;
        ref_world.requested_until[number] = UINT32_MAX;
    }
    ref_world.cancelling[number]++;
    ref_world.handoffs++;
    int result = cond_task_cancel(&task->task);
    returned("task_cancel: %d", result);
    EXPECT(result == 0 || result == EINVAL);
    MODEL(ref_cancelled(REF_THREADS + number, result));
    if (result == 0 && !ref_world.cancelled[number]) {
        ref_world.cancelled[number] = true;
        if (task->waits)
            ref_world.requested_until[number] = ++time_of_events;
    }
    ref_world.handoffs--;
    ref_world.cancelling[number]--;
}

/* While its request is in progress, a task cannot make another one. */
static void task_misuse(unsigned number, unsigned which)
{
    struct task *task = &tasks[number];
    if (ref_world.beginning[number] || ref_world.cancelling[number] > 0 ||
        !ref_surely_waits(REF_THREADS + number))
        return;
    note("the busy task %d acquires cond %lld", (int)number, which);
    sched_preemptible(false);
    int result = cond_task_acquire(&conds[which], &task->task);
    sched_preemptible(true);
    returned("task_acquire: %d", result);
    EXPECT(result == EBUSY);
}

/* One call for a task, if it can make one now. */
static void call_task(unsigned number, unsigned byte)
{
    struct task *task = &tasks[number];
    unsigned how = byte % 8, which = byte / 8 % REF_CONDS, rest = byte / 16;
    if (kind >= FOREIGN)
        return;
    if (how == 7) {
        task_cancel(number);
        return;
    }
    if (task->busy) {
        task_misuse(number, which);
        return;
    }
    /* A cancel in progress is for a request that has ended. It must not cancel the next one. */
    if (task->in_use || (ref_world.cancelling[number] > 0 && how != 4 && how != 5 && how != 6))
        return;
    switch (how) {
    case 0: task_acquire(number, which); break;
    case 1: task_wait(number, which, 0, WAIT); break;
    case 2: task_wait(number, which, rest % 2, WAIT_FOR); break;
    case 3: task_wait(number, which, rest % 2, rest / 2 % 2 == 0 ? WAIT_FOR : AWAIT); break;
    case 4: task_notify(number, which, rest % 8); break;
    case 6:
        if (rest % 8 == 7) {
            task_close(number, which);
            break;
        }
        task_release(number, which);
        break;
    default: task_release(number, which); break;
    }
}

/* ---- A condition that is destroyed while others use it. The model does not have it: the checks are here. ---- */

static cond_t doomed;
static bool doomed_lives, doomed_is_poisoned, doomed_is_closed;
static unsigned doomed_destroyers; /* threads in cond_destroy() */
static unsigned doomed_users; /* threads in calls that may touch it. After a release that wakes a waiter, a call may not. */

enum { POISON = 0x5A };

/* After the destroy its memory may be reused, so the library must not write to it. */
static void check_poison(void)
{
    for (size_t i = 0; i < sizeof doomed && doomed_is_poisoned; i++)
        EXPECT(((const unsigned char *)&doomed)[i] == POISON);
}

/* Whether a call may return EINVAL because it is destroyed. */
static bool is_told(void) { return !doomed_lives || doomed_destroyers > 0; }

static void destroy_doomed(void)
{
    bool lived = doomed_lives;
    doomed_destroyers++;
    int result = cond_destroy(&doomed);
    doomed_destroyers--;
    returned("destroys the third condition: %d", result);
    EXPECT(result == 0 ? doomed_lives : result == EBUSY ? lived : result == EINVAL && is_told());
    if (result != 0)
        return;
    doomed_lives = false;
    if (doomed_users == 1) {
        memset(&doomed, POISON, sizeof doomed);
        doomed_is_poisoned = true;
    }
}

static void wait_on_doomed(int64_t timeout_ns, bool destroys)
{
    int result = cond_acquire(&doomed);
    returned("acquires the third condition: %d", result);
    EXPECT(result == 0 || (result == EINVAL && is_told()));
    if (result != 0)
        return;
    result = cond_wait(&doomed, timeout_ns);
    returned("waits on the third condition: %d", result);
    EXPECT(result == 0 || result == ETIMEDOUT || (result == ECANCELED && doomed_is_closed));
    EXPECT(cond_release(&doomed) == 0);
    if (destroys && doomed_lives)
        destroy_doomed();
}

static void notify_doomed(bool all, bool closes)
{
    int result = cond_acquire(&doomed);
    returned("acquires the third condition to notify: %d", result);
    EXPECT(result == 0 || (result == EINVAL && is_told()));
    if (result != 0) {
        doomed_users--;
        return;
    }
    doomed_is_closed |= closes;
    EXPECT((closes ? cond_close(&doomed) : all ? cond_notify_all(&doomed) : cond_notify(&doomed, 1)) == 0);
    doomed_users--; /* from here on a woken waiter may destroy it */
    EXPECT(cond_release(&doomed) == 0);
}

/* A task of this thread. It releases the lock as soon as it has it. */
static cond_task_t doomed_tasks[REF_THREADS];
static bool doomed_task_busy[REF_THREADS];

static void end_doomed_task(cond_task_t *task, int result)
{
    EXPECT(result == 0 || (result == ECANCELED && is_told()));
    doomed_task_busy[task - doomed_tasks] = false;
    doomed_users--;
    if (result == 0)
        EXPECT(cond_task_release(&doomed, task) == 0);
}

static void acquire_doomed_as_task(unsigned thread)
{
    cond_task_t *task = &doomed_tasks[thread];
    if (doomed_task_busy[thread])
        return;
    EXPECT(cond_task_init(task, end_doomed_task, NULL) == 0);
    doomed_task_busy[thread] = true;
    doomed_users++;
    int result = cond_task_acquire(&doomed, task);
    returned("acquires the third condition as a task: %d", result);
    if (result == EINVAL) {
        EXPECT(is_told());
        doomed_task_busy[thread] = false;
        doomed_users--;
    } else if (result != EINPROGRESS) {
        end_doomed_task(task, result);
    }
}

static void call_doomed(unsigned thread, unsigned how, int64_t timeout_ns)
{
    if (!doomed_lives) {
        if (doomed_users > 0)
            return;
        check_poison();
        doomed_is_poisoned = doomed_is_closed = false;
        doomed_lives = true;
        EXPECT(cond_init(&doomed, NULL, how & 1 ? COND_MUTEX : COND_RLOCK) == 0);
    }
    note(how < 3    ? "is about to wait on the third condition, %d, %lld ns"
         : how == 3 ? "is about to acquire the third condition as a task"
         : how < 7  ? "is about to destroy the third condition"
                    : "is about to notify the third condition",
         (int)how, timeout_ns);
    if (how == 3) {
        acquire_doomed_as_task(thread);
        return;
    }
    doomed_users++;
    if (how < 3)
        wait_on_doomed(timeout_ns, how == 0);
    else if (how < 7)
        destroy_doomed();
    if (how == 7)
        notify_doomed(timeout_ns > 0, timeout_ns == 1);
    else
        doomed_users--;
}

/* A predicate: of a bool. */
static bool is_set(void *arg) { return *(const bool *)arg; }

/* ---- A shared condition whose holders die. The model does not have it, but each call has one correct result. ---- */

static cond_t mortal;
static bool mortal_lives;
static bool mortal_orphaned; /* its last holder died, and it was not recovered yet */
static bool mortal_lost;     /* it was released without recover */
static bool mortal_open;     /* the predicate */
static bool mortal_closed;
static unsigned mortal_users;
static unsigned mortal_recoveries;
static unsigned mortal_plain[REF_THREADS]; /* in a wait without a predicate: 1 + the recoveries before it; else 0 */

static int mortal_result(void) { return mortal_lost ? ENOTRECOVERABLE : mortal_orphaned ? EOWNERDEAD : 0; }

/* Initialise it, again if it is lost and no thread uses it. */
static void begin_mortal(void)
{
    if (mortal_users > 0 || (mortal_lives && !mortal_lost))
        return;
    sched_preemptible(false);
    if (mortal_lives) /* it is lost, so not even dead waiters are counted */
        EXPECT(cond_waiters(&mortal) == 0 && cond_destroy(&mortal) == 0);
    memset(&mortal, 0, sizeof mortal);
    EXPECT(cond_init(&mortal, NULL, COND_SHARED) == 0);
    mortal_lives = true;
    mortal_orphaned = mortal_lost = mortal_closed = false;
    sched_preemptible(true);
}

static bool acquire_mortal(void)
{
    int result = cond_acquire(&mortal);
    returned("acquires the mortal condition: %d", result);
    EXPECT(result == mortal_result());
    return result != ENOTRECOVERABLE;
}

/* The lock is held, and its last holder may have died. */
static void recover_mortal(void)
{
    EXPECT(cond_recover(&mortal) == (mortal_orphaned ? 0 : EINVAL));
    mortal_recoveries += mortal_orphaned;
    mortal_orphaned = false;
}

static void release_mortal(void)
{
    mortal_lost = mortal_orphaned;
    EXPECT(cond_release(&mortal) == 0);
}

/* Call it with the lock held. Returns whether it is held afterwards. */
static bool use_mortal(unsigned thread, unsigned how, int64_t timeout_ns)
{
    if (how >= 4) {
        mortal_open = how % 2 == 0;
        mortal_closed |= timeout_ns == 1;
        EXPECT((timeout_ns == 1 ? cond_close(&mortal) : how < 6 ? cond_notify(&mortal, 1) : cond_notify_all(&mortal)) == 0);
        EXPECT(cond_closed(&mortal) == mortal_closed);
        return true;
    }
    bool at_once = how >= 2 && mortal_open;
    mortal_plain[thread] = how < 2 ? mortal_recoveries + 1 : 0;
    int result = how < 2 ? cond_wait(&mortal, timeout_ns)
                         : cond_wait_for(&mortal, is_set, &mortal_open, timeout_ns);
    mortal_plain[thread] = 0;
    returned("waits on the mortal condition: %d", result);
    EXPECT(result == (at_once ? 0 : mortal_result()) || (result == ETIMEDOUT && mortal_result() == 0) ||
           (result == ECANCELED && mortal_result() == 0 && mortal_closed));
    return result != ENOTRECOVERABLE;
}

static void call_mortal(unsigned thread, unsigned how, unsigned rest, int64_t timeout_ns)
{
    bool recovers = rest % 4 != 0;
    bool dies = rest / 4 % 2 != 0 && (kind < SHARED || actors[thread].depth == 0); /* it must not die with another shared lock */
    begin_mortal();
    note("uses the mortal condition, %d, %lld", (int)how, rest);
    mortal_users++;
    bool held = acquire_mortal();
    if (held && recovers)
        recover_mortal();
    if (held)
        held = use_mortal(thread, how, timeout_ns);
    if (held && dies) {
        note("dies with the mortal condition", 0, 0);
        mortal_orphaned = true;
        mortal_users--;
        sched_die_and_go_on();
        return;
    }
    if (held)
        release_mortal();
    mortal_users--;
}

/* Whether a waiter wakes up by itself: the holder has died, or the lock was recovered. */
static bool mortal_waiter_wakes(void)
{
    for (unsigned i = 0; i < REF_THREADS; i++)
        if (mortal_plain[i] != 0 && mortal_plain[i] != mortal_recoveries + 1)
            return true;
    return mortal_orphaned || mortal_lost;
}

/* By the test's own thread, when no thread can run: wakes the waiters. */
static void wake_mortal(void)
{
    if (mortal_waiter_wakes())
        return;
    int result = cond_acquire(&mortal); /* meanwhile a thread may run and die */
    EXPECT(result == mortal_result());
    if (result == ENOTRECOVERABLE)
        return;
    recover_mortal();
    mortal_open = true;
    EXPECT(cond_notify_all(&mortal) == 0);
    release_mortal();
}

/* ---- A condition whose lock outlives it. It is destroyed while woken waiters are on their way. ---- */

static cond_lock_t outer;
static cond_t hasty;
static bool hasty_lives, hasty_open, hasty_closed;
static unsigned hasty_users;

static void wait_on_hasty(int64_t timeout_ns)
{
    int result = timeout_ns % 2 == 0 ? cond_wait_for(&hasty, is_set, &hasty_open, timeout_ns)
                                     : cond_await(&hasty, is_set, &hasty_open, timeout_ns);
    returned("waits on the hasty condition: %d", result);
    EXPECT(result == 0 ? hasty_open
                       : result == ETIMEDOUT || (result == EINVAL && !hasty_lives) || (result == ECANCELED && hasty_closed));
}

static void call_hasty(unsigned how, int64_t timeout_ns)
{
    if (!hasty_lives && hasty_users == 0) {
        hasty_lives = true;
        hasty_closed = false;
        EXPECT(cond_init(&hasty, &outer, 0) == 0);
    }
    note("uses the hasty condition, %d, %lld ns", (int)how, timeout_ns);
    hasty_users++;
    EXPECT(cond_lock_acquire(&outer) == 0);
    if (hasty_lives && how < 4) {
        wait_on_hasty(timeout_ns);
    } else if (hasty_lives) {
        hasty_open = how % 2 == 0;
        hasty_closed = hasty_closed || timeout_ns > 1000;
        EXPECT((hasty_closed ? cond_close(&hasty) : cond_notify_all(&hasty)) == 0);
        if (how >= 6 && cond_waiters(&hasty) == 0) { /* an awaiting waiter is still counted */
            note("destroys it", 0, 0);
            EXPECT(cond_destroy(&hasty) == 0);
            hasty_lives = false;
        }
    }
    EXPECT(cond_lock_release(&outer) == 0);
    hasty_users--;
}

static void wake_hasty(void)
{
    EXPECT(cond_lock_acquire(&outer) == 0);
    hasty_open = true;
    if (hasty_lives)
        EXPECT(cond_notify_all(&hasty) == 0);
    EXPECT(cond_lock_release(&outer) == 0);
}

/* ---- A run ---- */

static void setup(void)
{
    unsigned first = next_byte();
    kind = first % KINDS;
    recursive = kind == RLOCK || kind == OWN_RLOCK || kind == FOREIGN_RECURSIVE || kind == SHARED_OWN;
    memset(&ref_world, 0, sizeof ref_world);
    ref_world.kind = kind >= SHARED ? REF_SHARED : kind >= FOREIGN ? REF_FOREIGN : REF_PRIVATE;
    ref_reset();
    memset(actors, 0, sizeof actors);
    memset(tasks, 0, sizeof tasks);
    memset(tokens, 0, sizeof tokens);
    memset(stops, 0, sizeof stops);
    memset(token_users, 0, sizeof token_users);
    memset(conds, 0, sizeof conds);
    memset(&doomed, 0, sizeof doomed);
    memset(doomed_task_busy, 0, sizeof doomed_task_busy);
    doomed_lives = doomed_is_poisoned = doomed_is_closed = false;
    doomed_users = 0;
    mortal_lives = mortal_open = mortal_closed = false;
    mortal_users = 0;
    mortal_recoveries = 0;
    memset(mortal_plain, 0, sizeof mortal_plain);
    hasty_lives = hasty_open = hasty_closed = false;
    hasty_users = 0;
    EXPECT(cond_lock_init(&outer, COND_MUTEX) == 0);
    line_count = 0;
    time_of_events = 0;
    vain = 0;
    made_by_then = 0;
    for (unsigned i = 0; i < REF_THREADS; i++)
        sleeps_since_ns[i] = INT64_MAX;
    behind_is_lost = aged = false;
    memset(&lock, 0, sizeof lock);
    cond_lock_t *both = &lock;
    if (kind == OWN_RLOCK || kind == OWN_MUTEX || kind == SHARED_OWN) {
        static const unsigned flags[KINDS] = {[OWN_MUTEX] = COND_MUTEX, [SHARED_OWN] = COND_SHARED};
        EXPECT(cond_init(&conds[0], NULL, flags[kind]) == 0);
        both = cond_get_lock(&conds[0]);
        EXPECT(both == &conds[0].own_);
    } else if (kind >= FOREIGN && kind <= FOREIGN_VAGUE) {
        EXPECT(cond_lock_init(&behind, kind == FOREIGN_RECURSIVE ? COND_RLOCK : COND_MUTEX) == 0);
        EXPECT(cond_lock_init_foreign(&lock,
                                      kind == FOREIGN         ? &behind_ops
                                      : kind == FOREIGN_VAGUE ? &vague_ops
                                                              : &recursive_ops,
                                      &behind) == 0);
    } else {
        EXPECT(cond_lock_init(&lock, kind == SHARED  ? COND_SHARED | COND_MUTEX
                                     : kind == MUTEX ? COND_MUTEX
                                                     : COND_RLOCK) == 0);
    }
    for (unsigned i = 0; i < REF_CONDS; i++)
        if (both == &lock || i > 0)
            EXPECT(cond_init(&conds[i], both, 0) == 0);
    for (unsigned i = 0; i < REF_TASKS; i++)
        EXPECT(cond_task_init(&tasks[i].task, on_ready, &tasks[i]) == 0);
}

static void call(unsigned thread)
{
    unsigned op = next_byte(), more = next_byte();
    unsigned which = op / 128, how = more % 8, gate = more / 8 % 2;
    int64_t timeout_ns = timeouts[more / 16 % 8];
    switch (op % 16) {
    case 0:
    case 1: call_acquire(thread, how, which, timeout_ns); break;
    case 2:
    case 3: call_release(thread, how % 2, which); break;
    case 4: call_some_wait(thread, false, op / 16 % 8, how, which, gate, timeout_ns); break;
    case 5: call_some_wait(thread, true, op / 16 % 8, how, which, gate, timeout_ns); break;
    case 6:
    case 7: call_notify(thread, how, which); break;
    case 8: call_change(thread, gate, how % 2); break;
    case 9:
        if (op / 16 % 8 == 7)
            call_close(thread, which);
        else if (op / 16 % 8 >= 4)
            call_cancel(thread, which, how % REF_TOKENS);
        else
            call_look(thread, how, which);
        break;
    case 10: call_with(thread, how, which); break;
    case 11:
        if (how == 0)
            call_deepen(thread);
        else
            call_misuse(thread, how, which);
        break;
    case 12:
        note("time passes", 0, 0);
        sched_advance(how < 4 ? (int64_t)1 << (more / 8) % 16 : COND_MS(how));
        break;
    case 14:
        if (which == 0)
            call_task((op / 16) % REF_TASKS, more);
        else
            call_hasty(how, timeout_ns);
        break;
    case 15:
        if (which == 0)
            call_doomed(thread, how, timeout_ns);
        else
            call_mortal(thread, how, op / 16, timeout_ns);
        break;
    default: call_task((op / 16) % REF_TASKS, more);
    }
}

static void release_all(unsigned thread)
{
    drop_levels(thread);
    while (actors[thread].depth > 0)
        call_release(thread, 0, 0);
}

static void body(unsigned thread)
{
    while (bytes_left > 0)
        call(thread);
    release_all(thread);
}

/* The task that holds the lock releases it. */
static bool release_for_tasks(void)
{
    for (unsigned i = 0; i < REF_TASKS; i++) {
        if (actors[REF_THREADS + i].depth == 0 || tasks[i].busy)
            continue;
        drop_levels(REF_THREADS + i);
        while (actors[REF_THREADS + i].depth > 0 && !tasks[i].busy)
            task_release(i, 0);
        return true;
    }
    return false;
}

/* By the test's own thread. */
static void wake_all(void)
{
    if (doomed_lives && cond_waiters(&doomed) > 0) {
        doomed_users++;
        notify_doomed(true, false);
        return;
    }
    if (mortal_users > 0) {
        wake_mortal();
        return;
    }
    if (hasty_users > 0) {
        wake_hasty();
        return;
    }
    if (release_for_tasks())
        return;
    call_acquire(THREADS, 3, 0, 0);
    if (actors[THREADS].depth == 0)
        return; /* a waiter of a shared lock holds it during its heartbeat */
    for (unsigned i = 0; i < REF_CONDS; i++) {
        call_change(THREADS, i, true);
        call_notify(THREADS, 4, i);
    }
    call_release(THREADS, 0, 0);
}

/* All threads wait. Checks that they may, and wakes all. */
static void quiet(void)
{
    note("no thread can run", 0, 0);
    MODEL(ref_all_blocked());
    /* Some woken waiter must have returned since the last time; on a shared lock, at some time. */
    vain = made == made_by_then ? vain + 1 : 0;
    EXPECT(vain < 1000);
    wake_all();
    made_by_then = made;
}

/* All threads have ended. Ends the requests of tasks. Then no waiter may be left. */
static void check(void)
{
    note("all threads have ended", 0, 0);
    bool more = true;
    for (unsigned rounds = 0; more; rounds++) {
        EXPECT(rounds < 100);
        more = release_for_tasks();
        for (unsigned i = 0; i < REF_TASKS; i++)
            if (tasks[i].busy) {
                task_cancel(i);
                more = true;
            }
    }
    MODEL(ref_all_blocked());
    EXPECT(!cond_locked(&conds[0]));
    for (unsigned i = 0; i < REF_CONDS; i++) {
        MODEL(ref_counted(i, cond_waiters(&conds[i])));
        EXPECT(cond_waiters(&conds[i]) == 0 || kind >= SHARED);
    }
    EXPECT(doomed_users == 0 && mortal_users == 0 && hasty_users == 0);
    check_poison();
    if (doomed_lives)
        EXPECT(cond_destroy(&doomed) == 0);
}

/* ---- After the run: calls that need one thread, or destroy an object ---- */

/* A task that the model does not have. */
static cond_task_t extra;
static int extra_result;

static void extra_ready(cond_task_t *task, int result)
{
    EXPECT(task == &extra);
    extra_result = result;
}

static void destroy_all(void)
{
    bool owns = cond_get_lock(&conds[0]) == &conds[0].own_;
    EXPECT(cond_destroy(&conds[1]) == 0);
    EXPECT(cond_destroy(&conds[0]) == 0);
    EXPECT(cond_destroy(&conds[0]) == EINVAL && cond_get_lock(&conds[0]) == NULL);
    if (!owns) {
        EXPECT(cond_lock_destroy(&lock) == 0);
        EXPECT(cond_lock_destroy(&lock) == EINVAL && cond_lock_acquire(&lock) == EINVAL &&
               cond_lock_release(&lock) == EINVAL && !cond_lock_locked(&lock) && !cond_lock_owned(&lock));
        EXPECT(cond_init(&conds[0], &lock, 0) == EINVAL);
    }
    EXPECT(cond_acquire(&conds[0]) == EINVAL && cond_wait(&conds[0], 0) == EINVAL &&
           cond_notify(&conds[0], 1) == EINVAL && cond_release(&conds[0]) == EINVAL &&
           cond_reinit_after_fork(&conds[0]) == EINVAL && cond_describe(&conds[0], NULL, 0) == -EINVAL &&
           cond_waiters(&conds[0]) == 0 && cond_task_acquire(&conds[0], &tasks[0].task) == EINVAL &&
           cond_close(&conds[0]) == EINVAL && !cond_closed(&conds[0]) && cond_cancel(&conds[0], &tokens[0]) == EINVAL &&
           cond_await(&conds[0], pred, &actors[0], 0) == EINVAL);
}

static void misuse_nothing(void)
{
    cond_lock_t other;
    cond_t none = COND_INIT;
    cond_task_t task = {.ready_ = NULL};
    EXPECT(cond_acquire(NULL) == EINVAL && cond_destroy(NULL) == EINVAL && cond_notify_all(NULL) == EINVAL &&
           cond_init(NULL, NULL, 0) == EINVAL && cond_init(&none, NULL, 99) == EINVAL &&
           cond_lock_reinit_after_fork(NULL) == EINVAL && cond_lock_describe(NULL, NULL, 0) == -EINVAL &&
           cond_version()[0] != '\0' && cond_close(NULL) == EINVAL && cond_stop(NULL) == EINVAL && !cond_closed(NULL) &&
           cond_lock_init(NULL, 0) == EINVAL && cond_lock_init(&other, 99) == EINVAL &&
           cond_lock_destroy(NULL) == EINVAL && cond_lock_recover(NULL) == EINVAL &&
           cond_lock_release(NULL) == EINVAL && cond_lock_acquire_timed(NULL, 1) == EINVAL &&
           cond_lock_init_foreign(&other, NULL, NULL) == EINVAL && cond_now() > 0);
    EXPECT(cond_task_init(NULL, extra_ready, NULL) == EINVAL && cond_task_init(&task, NULL, NULL) == EINVAL &&
           cond_task_cancel(NULL) == EINVAL && cond_task_user(NULL) == NULL &&
           cond_task_acquire(&none, NULL) == EINVAL && cond_task_release(NULL, &tasks[0].task) == EINVAL &&
           cond_task_close(&none, &tasks[0].task) == EPERM && cond_task_notify(&none, &tasks[0].task, 1) == EPERM && cond_task_notify_all(&none, &task) == EINVAL);
    /* No robust mutex is left. */
    cond_t shared[SCHED_ROBUST_MAX + 1];
    memset(shared, 0, sizeof shared);
    unsigned made_of_them = 0;
    while (cond_init(&shared[made_of_them], NULL, COND_SHARED) == 0)
        EXPECT(++made_of_them <= SCHED_ROBUST_MAX);
    EXPECT(cond_acquire(&shared[made_of_them]) == EINVAL);
    while (made_of_them > 0)
        EXPECT(cond_destroy(&shared[--made_of_them]) == 0);

    static const int errors[] = {0,       EINVAL,     EPERM,           EDEADLK,     EAGAIN,    EBUSY, ETIMEDOUT,
                                 ENOTSUP, EOWNERDEAD, ENOTRECOVERABLE, EINPROGRESS, ECANCELED, -1};
    for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++)
        EXPECT(cond_strerror(errors[i])[0] != '\0' &&
               (i == 0 || strcmp(cond_strerror(errors[i]), cond_strerror(errors[i - 1])) != 0));
}

/* As in the child of a fork: the holder and the waiters no longer exist. */
static void fork_while_held(void)
{
    EXPECT(cond_acquire(&conds[0]) == 0);
    if (kind < FOREIGN) {
        /* A task stands for a waiting thread. */
        EXPECT(cond_release(&conds[0]) == 0 && cond_task_acquire(&conds[0], &extra) == 0 &&
               cond_task_wait(&conds[0], &extra) == EINPROGRESS && cond_acquire(&conds[0]) == 0);
        EXPECT(cond_waiters(&conds[0]) == 1);
    }
    if (kind != OWN_RLOCK && kind != OWN_MUTEX)
        EXPECT(cond_lock_reinit_after_fork(cond_get_lock(&conds[0])) == 0);
    EXPECT(cond_reinit_after_fork(&conds[0]) == 0);
    EXPECT(kind >= FOREIGN || (!cond_locked(&conds[0]) && cond_waiters(&conds[0]) == 0));
    if (kind >= FOREIGN)
        EXPECT(cond_release(&conds[0]) == 0); /* a foreign lock does not change */
}

/* A private condition in memory that another process shares. That process must not use the queue, nor the lock's
   list, in which an awaiting waiter is. */
static void two_processes(bool awaits_it)
{
    static bool never;
    EXPECT(cond_task_acquire(&conds[0], &extra) == 0);
    EXPECT((awaits_it ? cond_task_await(&conds[0], &extra, is_set, &never) : cond_task_wait(&conds[0], &extra)) == EINPROGRESS);
    sched_be_process(2);
    EXPECT(cond_acquire(&conds[0]) == 0 && cond_wait(&conds[0], 0) == EINVAL && cond_close(&conds[0]) == EINVAL);
    EXPECT(awaits_it || (cond_notify(&conds[0], 1) == EINVAL && cond_notify_all(&conds[0]) == EINVAL));
    EXPECT(cond_release(&conds[0]) == 0);
    sched_be_process(1);
    extra_result = -1;
    EXPECT(cond_task_cancel(&extra) == 0 && extra_result == ECANCELED);
    EXPECT(cond_task_release(&conds[0], &extra) == 0);
}

/* A foreign lock that fails during a wait. */
static void lose_the_lock(void)
{
    EXPECT(cond_acquire(&conds[0]) == 0);
    behind_is_lost = true;
    EXPECT(cond_wait(&conds[0], 0) == ENOTRECOVERABLE);
    EXPECT(cond_acquire(&conds[0]) == EINVAL && cond_wait(&conds[0], 0) == EINVAL);
}

/* The holder of a shared lock dies. The lock is recovered twice, and the third time it is released without recover. */
static void die_while_held(void)
{
    EXPECT(cond_init(&conds[0], kind == SHARED ? &lock : NULL, COND_SHARED | (kind == SHARED)) == EBUSY);
    EXPECT(cond_reinit_after_fork(&conds[0]) == 0); /* a shared condition does not change */
    for (unsigned i = 0; i < 3; i++) {
        EXPECT(cond_acquire(&conds[0]) == 0 && cond_wait(&conds[0], 0) == ETIMEDOUT);
        sched_holders_die();
        EXPECT(!cond_locked(&conds[0]));
        EXPECT(cond_acquire(&conds[0]) == EOWNERDEAD && cond_wait(&conds[0], 0) == EOWNERDEAD);
        if (i == 0)
            EXPECT(cond_recover(&conds[0]) == 0 && cond_recover(&conds[0]) == EINVAL);
        else if (i == 1)
            EXPECT(cond_lock_recover(cond_get_lock(&conds[0])) == 0 && cond_notify(&conds[0], 1) == 0);
        EXPECT(cond_release(&conds[0]) == 0);
    }
    EXPECT(cond_acquire(&conds[0]) == ENOTRECOVERABLE);
}

/* A foreign lock without owned(), while another actor holds it: its release_save() fails, and the call has no effect.
   */
static void borrow_the_lock(void)
{
    static const cond_lock_ops_t ops = {.acquire = behind_acquire,
                                        .release = behind_release,
                                        .release_save = behind_save,
                                        .acquire_restore = behind_restore};
    cond_t direct = COND_INIT_WITH(&behind), borrowed;
    cond_lock_t handle;
    EXPECT(cond_lock_init_foreign(&handle, &ops, &behind) == 0 && cond_init(&borrowed, &handle, 0) == 0);
    EXPECT(cond_task_acquire(&direct, &extra) == 0);
    EXPECT(cond_wait(&borrowed, 0) == EPERM && cond_waiters(&borrowed) == 0 &&
           cond_release(&borrowed) == EPERM);
    EXPECT(cond_task_release(&direct, &extra) == 0);
    EXPECT(cond_destroy(&borrowed) == 0 && cond_lock_destroy(&handle) == 0 && cond_destroy(&direct) == 0);
}

/* One thread destroys the objects. */
static void afterwards(unsigned how)
{
    EXPECT(cond_task_init(&extra, extra_ready, NULL) == 0);
    EXPECT(cond_closed(&conds[0]) == ref_world.closed[0]);
    /* No wait can begin on a closed condition. */
    switch (ref_world.closed[0] && how % 8 != 1 ? 0 : how % 8) {
    case 1: misuse_nothing(); break;
    case 2:
        if (kind < SHARED)
            fork_while_held();
        break;
    case 3:
        if (kind < FOREIGN)
            two_processes(how / 8 % 2 != 0);
        else if (kind < SHARED)
            borrow_the_lock();
        break;
    case 4:
        if (kind >= SHARED) {
            die_while_held();
            return;
        }
        if (kind == FOREIGN || kind == FOREIGN_RECURSIVE) {
            lose_the_lock();
            return;
        }
        break;
    default: break;
    }
    destroy_all();
}

/* ---- The interface ---- */

unsigned long calls_made(void) { return made; }
unsigned long calls_given_up(void) { return given_up; }
void calls_print(int yes) { loud = yes != 0; }

void calls_run(const uint8_t *from, size_t size)
{
    bytes = all_bytes = from;
    bytes_left = bytes_size = size;
    sched_failed = print_trace;
    unsigned how = next_byte(), threads = next_byte();
    struct scenario scenario = {.name = "calls",
                                .threads = 1 + threads % THREADS,
                                .setup = setup,
                                .body = body,
                                .quiet = quiet,
                                .check = check,
                                .early_returns = threads / 4 % 4 * 4};
    sched_run_script(&scenario, next_byte);
    afterwards(how);
    given_up += ref_overflow();
}
