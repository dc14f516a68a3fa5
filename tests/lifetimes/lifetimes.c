/* SPDX-License-Identifier: MIT */
/*
 * Lifetimes. A thread or process A is in a call of the library and stops before one of its instructions, another one
 * in each run (stepper.h). There B ends a lifetime: it destroys the condition or the lock, a process is killed, or a
 * lock is lost. Then A continues. Each run is a process of its own, so a crash or a hang ends only that run.
 *
 *      lifetimes [--seconds N | --every K] [--seed S] [--only WORD] [--at N] [--jobs N] [--control]
 *                [--list] [--verbose]
 *
 * A case is a call of A (`calls`), the end of a lifetime (`meanwhile_names`) and a kind of lock (`kind_names`). A new
 * call or a new end is a line of these tables and a function. Each case tries the moment when A is woken, and then
 * instructions: as many as there is time for, or every K-th. The seed chooses them. A failure is printed with the
 * number of the instruction, for --at (-1: when A is woken; 2147483647: when A sleeps, or has returned).
 *
 * B does only what condvar.h allows. It destroys a condition when it holds the lock, or has held it, and all waiters
 * are notified. While A holds the lock, B can do nothing, except to try a destroy that must return EBUSY because the
 * condition's own lock is held. After destroy has returned 0, B protects the memory (mprotect) if no thread may touch
 * it: may_be_unmapped(). Otherwise the memory stays until A has finished.
 *
 * At the end of a run:
 *
 *      - A has returned with a result that the contract allows. If the result means that the lock is held, its release
 *        returns 0.
 *      - Others can acquire and release the lock. No waiter is counted, and destroy returns 0.
 *      - Another waiter that a notify was meant for has returned.
 *      - After munmap() of a shared lock and condition, A can use another shared condition. (That would touch a
 *        robust mutex that is still in A's robust list.)
 *
 * The exit status is 0 if nothing failed. With --control, which is for a mutation of the library (mutations.sh), it
 * is 0 if something failed, and the failure is printed.
 */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include "condvar.h"
#include "stepper.h"

/* ---- Kinds of lock ---- */

enum kind {
    OWN_RLOCK,
    OWN_MUTEX,
    ELSEWHERE,
    FOREIGN,
    ADOPTED,
    ADOPTED_RECURSIVE,
    ADOPTED_ROBUST,
    SHARED_OWN,
    SHARED_OWN_MUTEX,
    SHARED_ELSEWHERE,
    KINDS
};

static const char *const kind_names[KINDS] = {
    "own-rlock",         "own-mutex",      "elsewhere",  "foreign",          "adopted",
    "adopted-recursive", "adopted-robust", "shared-own", "shared-own-mutex", "shared-elsewhere",
};

static bool is_own(enum kind kind)
{
    return kind <= OWN_MUTEX || kind == SHARED_OWN || kind == SHARED_OWN_MUTEX;
}

static bool is_shared(enum kind kind) { return kind >= SHARED_OWN; }

/* ---- What happens meanwhile ---- */

enum meanwhile {
    DESTROY,        /* notify all, release, destroy the condition */
    DESTROY_HELD,   /* notify all, destroy the condition, release: the lock is elsewhere */
    DESTROY_ASLEEP, /* acquire, let A go on until it sleeps; then as DESTROY, before A runs again */
    DESTROY_LOCK,   /* notify all, release, destroy the condition and the lock outside it */
    NOTIFY,         /* no end of a lifetime: one notify for A and for another waiter after it */
    KILLED,         /* A is a process, and is killed */
    HOLDER_KILLED,  /* a process that holds the lock is killed; the next holder recovers */
    GIVEN_UP,       /* the same; the next holder releases without recover */
    LOST,           /* acquiring the foreign lock fails for good */
    CLOSE,          /* no end of a lifetime either, as the next two: close the condition */
    CANCEL,         /* cancel A's token */
    STOP,           /* stop A's wait, at any instruction: that needs no lock */
    MEANWHILES
};

static const char *const meanwhile_names[MEANWHILES] = {
    "destroy", "destroy-held",  "destroy-asleep", "destroy-lock", "notify",
    "killed",  "holder-killed", "given-up",       "lost",         "close",
    "cancel",  "stop",
};

/* ---- The world of one run ---- */

enum { NONE = -1, PAGE = 4096 };

struct foreign_lock {
    pthread_mutex_t mutex;
    _Atomic uintptr_t owner;
    atomic_int lost;
};

/* The condition and the lock are on separate pages of one mapping. This is another mapping, which stays. */
struct world {
    struct stepper stepper;
    atomic_int begin;    /* A may begin */
    atomic_int in_place; /* A is about to call */
    atomic_int result;   /* of A's call; NONE until then */
    atomic_int outcome;  /* of a task's request; NONE until then */
    atomic_int released; /* what A's release returned; NONE if there was none */
    atomic_int through;  /* A no longer touches the objects */
    atomic_int finish;   /* they are unmapped: A uses the other condition and returns */
    atomic_int flag;     /* the predicate */
    atomic_int die;      /* the process that holds the lock, or can acquire it, is killed now */
    atomic_int holds;    /* it holds the lock */
    atomic_int tried;    /* or it cannot acquire it */
    atomic_int waiter_result, waiter_released, waiter_through; /* the other waiter */
    struct foreign_lock foreign;
    pthread_mutex_t mutex;
    cond_task_t task;
    cond_token_t token;
    cond_stop_t stop;
    cond_t other;
};

static struct world *world;
static char *objects;
static cond_t *cond;
static cond_lock_t *lock; /* outside the condition, or NULL */
static enum kind kind;
static enum meanwhile meanwhile;
static const struct call *call;
static pid_t a_process, holder_process; /* or 0 */
static pthread_t a_thread, waiter_thread;
static bool a_is_thread, has_waiter;
static bool b_holds;                    /* B holds the lock */
static bool cond_is_gone, lock_is_gone; /* destroyed */
static bool is_lost;                    /* acquiring the lock fails for good */
static bool holder_was_killed;          /* with the lock held: a later call must return EOWNERDEAD */
static atomic_bool was_told;            /* it has */

/* In memory that the driver shares with a run: what has failed. */
struct report {
    int instructions;
    char text[256];
};
static struct report *report;

__attribute__((format(printf, 1, 2))) static _Noreturn void fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(report->text, sizeof report->text, format, values);
    va_end(values);
    if (a_process > 0)
        (void)kill(a_process, SIGKILL);
    if (holder_process > 0)
        (void)kill(holder_process, SIGKILL);
    _exit(1);
}

/* A condition without which the run has no meaning. */
#define REQUIRE(condition) ((condition) ? (void)0 : fail("%s:%d: failed: %s", __FILE__, __LINE__, #condition))

/* A call that must return 0. */
#define MUST(call_) must(call_, #call_)
static void must(int result, const char *what)
{
    if (result != 0)
        fail("%s returns %d (%s)", what, result, cond_strerror(result));
}

/* The time limit of each step. All sleepers here are woken, or have a heartbeat ten times a second. */
static const int64_t limit_ns = COND_SEC(5);

static void pause_us(long us)
{
    struct timespec pause = {0, us * 1000};
    (void)nanosleep(&pause, NULL);
}

static void await(const atomic_int *word, const char *what)
{
    int64_t end_ns = cond_now() + limit_ns;
    for (unsigned looks = 0; atomic_load(word) == 0; looks++) {
        if (cond_now() > end_ns)
            fail("hangs: %s", what);
        if (looks < 20)
            (void)sched_yield();
        else
            pause_us(50);
    }
}

/* ---- A foreign lock ---- */

static _Thread_local char self_mark;

static int foreign_acquire(void *object, int64_t deadline_ns)
{
    struct foreign_lock *foreign = object;
    if (atomic_load(&foreign->lost) != 0)
        return EIO;
    if (atomic_load(&foreign->owner) == (uintptr_t)&self_mark)
        return EDEADLK;
    int error = pthread_mutex_trylock(&foreign->mutex);
    while (error == EBUSY && cond_now() < deadline_ns) {
        pause_us(20);
        error = pthread_mutex_trylock(&foreign->mutex);
    }
    if (error == 0)
        atomic_store(&foreign->owner, (uintptr_t)&self_mark);
    return error == EBUSY ? ETIMEDOUT : error;
}

static int foreign_release(void *object)
{
    struct foreign_lock *foreign = object;
    if (atomic_load(&foreign->owner) != (uintptr_t)&self_mark)
        return EPERM;
    atomic_store(&foreign->owner, 0);
    return pthread_mutex_unlock(&foreign->mutex);
}

static bool foreign_owned(void *object)
{
    return atomic_load(&((struct foreign_lock *)object)->owner) == (uintptr_t)&self_mark;
}

/* ---- The objects ---- */

static void make_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    REQUIRE(pthread_mutexattr_init(&attributes) == 0);
    if (kind == ADOPTED_RECURSIVE)
        REQUIRE(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE) == 0);
    if (kind == ADOPTED_ROBUST)
        REQUIRE(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
    REQUIRE(pthread_mutex_init(mutex, &attributes) == 0);
    REQUIRE(pthread_mutexattr_destroy(&attributes) == 0);
}

static void make_objects(void)
{
    static const cond_lock_ops_t foreign_ops = {
        .acquire = foreign_acquire, .release = foreign_release, .owned = foreign_owned};
    objects = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(objects != MAP_FAILED);
    cond = (cond_t *)(void *)objects;
    lock = is_own(kind) ? NULL : (cond_lock_t *)(void *)(objects + PAGE);
    unsigned flags = (is_shared(kind) ? COND_SHARED : 0) |
                     (kind == OWN_MUTEX || kind == SHARED_OWN_MUTEX ? COND_MUTEX : COND_RLOCK);
    if (kind == FOREIGN) {
        REQUIRE(pthread_mutex_init(&world->foreign.mutex, NULL) == 0);
        MUST(cond_lock_init_foreign(lock, &foreign_ops, &world->foreign));
    } else if (kind == ADOPTED || kind == ADOPTED_RECURSIVE || kind == ADOPTED_ROBUST) {
        make_mutex(&world->mutex);
        MUST(cond_lock_init_pthread(lock, &world->mutex));
    } else if (lock != NULL) {
        MUST(cond_lock_init(lock, flags));
    }
    MUST(cond_init(cond, lock, lock == NULL ? flags : 0));
    MUST(cond_init(&world->other, NULL, COND_SHARED));
}

/* The lock, whether or not there is still a condition on it. */
static int lock_acquire(int64_t timeout_ns)
{
    return lock != NULL ? cond_lock_acquire_timed(lock, timeout_ns) : cond_acquire_timed(cond, timeout_ns);
}

static int lock_release(void) { return lock != NULL ? cond_lock_release(lock) : cond_release(cond); }

static int lock_recover(void)
{
    return cond_is_gone && lock != NULL ? cond_lock_recover(lock) : cond_recover(cond);
}

/* ---- The calls of A ---- */

/* Who holds the lock when the call begins. */
enum holder { NOBODY, BY_A, BY_B, BY_TASK };

/* What a call may return. */
enum {
    MAY_EXPIRE = 1,   /* ETIMEDOUT, by itself */
    MAY_BE_BUSY = 2,  /* EBUSY */
    ACQUIRES = 4,     /* 0: the lock is held then */
    WAITS = 8,        /* on the condition, until a notify, and holds the lock then */
    RELEASES = 16,    /* the lock is free then */
    DESTROYS = 32,    /* 0 or EBUSY or EINVAL */
    OF_TASK = 64,     /* by the task; its callback may come later */
    HAS_WAITER = 128, /* another thread waits and is notified */
    HAS_PRED = 256,   /* a thread's wait, until `flag` is set */
};

struct call {
    const char *name;
    int (*run)(void);
    enum holder holder;
    int rules;
    unsigned meanwhiles; /* bits */
    unsigned kinds;      /* bits */
};

/* The bits of a set. */
#define BIT(number) (1u << (number))
#define DESTROYED (BIT(DESTROY) | BIT(DESTROY_HELD) | BIT(DESTROY_LOCK))
#define DESTROYED_ASLEEP (DESTROYED | BIT(DESTROY_ASLEEP))
#define DEATHS (BIT(KILLED) | BIT(HOLDER_KILLED) | BIT(GIVEN_UP))
#define ALL_KINDS (BIT(KINDS) - 1)
#define PRIVATE_KINDS (BIT(OWN_RLOCK) | BIT(OWN_MUTEX) | BIT(ELSEWHERE))
#define SHARED_KINDS (BIT(SHARED_OWN) | BIT(SHARED_OWN_MUTEX) | BIT(SHARED_ELSEWHERE))
#define NOT_SHARED_KINDS (ALL_KINDS & ~SHARED_KINDS)

/* Short enough that a run does not take long, long enough that A sleeps before. */
enum { EXPIRES_NS = 2000000 };

/* The condition is destroyed together with its lock, or not at all: by the lock, if that is outside the condition. */
static bool acquires_by_lock(void) { return lock != NULL && meanwhile == DESTROY_LOCK; }
static int run_acquire(void) { return acquires_by_lock() ? cond_lock_acquire(lock) : cond_acquire(cond); }

static int run_acquire_timed(void)
{
    return acquires_by_lock() ? cond_lock_acquire_timed(lock, COND_SEC(60))
                              : cond_acquire_timed(cond, COND_SEC(60));
}

static int run_acquire_expires(void)
{
    return acquires_by_lock() ? cond_lock_acquire_timed(lock, EXPIRES_NS)
                              : cond_acquire_timed(cond, EXPIRES_NS);
}

static int run_try_acquire(void)
{
    return acquires_by_lock() ? cond_lock_try_acquire(lock) : cond_try_acquire(cond);
}

static int run_release(void) { return cond_release(cond); }

/* `error`: what the call before has returned. */
static int then_release(int error) { return error != 0 ? error : cond_release(cond); }

static int run_notify(void) { return then_release(cond_notify(cond, 1)); }
static int run_notify_all(void) { return then_release(cond_notify_all(cond)); }
static int run_close(void) { return then_release(cond_close(cond)); }
static int run_cancel(void) { return then_release(cond_cancel(cond, &world->token)); }

static int run_recover(void)
{
    int error = cond_recover(cond);
    return then_release(error == EINVAL ? 0 : error); /* the other waiter may have done it */
}

static int run_wait(void) { return cond_wait(cond, COND_FOREVER); }
static int run_wait_timed(void) { return cond_wait(cond, COND_SEC(60)); }
static int run_wait_expires(void) { return cond_wait(cond, EXPIRES_NS); }

static bool flag_is_set(void *arg) { (void)arg; return atomic_load(&world->flag) != 0; }

static int run_wait_for(void) { return cond_wait_for(cond, flag_is_set, NULL, COND_FOREVER); }
static int run_wait_for_expires(void) { return cond_wait_for(cond, flag_is_set, NULL, EXPIRES_NS); }

static int run_await(void) { return cond_await(cond, flag_is_set, NULL, COND_FOREVER); }
static int run_await_expires(void) { return cond_await(cond, flag_is_set, NULL, EXPIRES_NS); }

static int run_wait_token(void)
{
    cond_wait_options_t options = {.token = &world->token};
    return cond_wait_with(cond, &options);
}

static int run_wait_stop(void)
{
    cond_wait_options_t options = {.stop = &world->stop};
    return cond_wait_with(cond, &options);
}

static int run_destroy(void) { return cond_destroy(cond); }

static void task_ready(cond_task_t *task, int outcome)
{
    (void)task;
    atomic_store(&world->outcome, outcome);
}

static int run_task_acquire(void) { return cond_task_acquire(cond, &world->task); }
static int run_task_release(void) { return cond_task_release(cond, &world->task); }
static int run_task_wait(void) { return cond_task_wait(cond, &world->task); }
static int run_task_wait_for(void) { return cond_task_wait_for(cond, &world->task, flag_is_set, NULL); }
static int run_task_cancel(void) { return cond_task_cancel(&world->task); }

static const struct call calls[] = {
    {"acquire", run_acquire, BY_B, ACQUIRES, DESTROYED_ASLEEP | DEATHS | BIT(CLOSE), ALL_KINDS},
    {"acquire-free", run_acquire, NOBODY, ACQUIRES, DESTROYED_ASLEEP | DEATHS, ALL_KINDS},
    {"acquire-timed", run_acquire_timed, BY_B, ACQUIRES, DESTROYED_ASLEEP | DEATHS, ALL_KINDS},
    {"acquire-expires", run_acquire_expires, BY_B, ACQUIRES | MAY_EXPIRE, DESTROYED | DEATHS, ALL_KINDS},
    {"try-acquire", run_try_acquire, NOBODY, ACQUIRES | MAY_BE_BUSY, DESTROYED | DEATHS, ALL_KINDS},
    {"release", run_release, BY_A, RELEASES, DESTROYED | BIT(KILLED) | BIT(CLOSE), ALL_KINDS},
    {"notify", run_notify, BY_A, RELEASES | HAS_WAITER, DESTROYED | BIT(KILLED) | BIT(CLOSE), ALL_KINDS},
    {"notify-all", run_notify_all, BY_A, RELEASES | HAS_WAITER, DESTROYED | BIT(KILLED) | BIT(CLOSE), ALL_KINDS},
    {"close", run_close, BY_A, RELEASES | HAS_WAITER, DESTROYED | BIT(KILLED) | BIT(CLOSE), ALL_KINDS},
    {"cancel", run_cancel, BY_A, RELEASES | HAS_WAITER, DESTROYED | BIT(CLOSE), NOT_SHARED_KINDS},
    {"recover", run_recover, BY_A, RELEASES | HAS_WAITER, BIT(KILLED), SHARED_KINDS},
    {"wait", run_wait, BY_A, WAITS, DESTROYED_ASLEEP | DEATHS | BIT(NOTIFY) | BIT(CLOSE), ALL_KINDS},
    {"wait-timed", run_wait_timed, BY_A, WAITS, DESTROYED_ASLEEP | DEATHS | BIT(NOTIFY), ALL_KINDS},
    {"wait-expires", run_wait_expires, BY_A, WAITS | MAY_EXPIRE,
     DESTROYED | DEATHS | BIT(NOTIFY) | BIT(LOST) | BIT(CLOSE), ALL_KINDS},
    {"wait-for", run_wait_for, BY_A, WAITS | HAS_PRED, DESTROYED_ASLEEP | DEATHS | BIT(NOTIFY) | BIT(CLOSE), ALL_KINDS},
    {"wait-for-expires", run_wait_for_expires, BY_A, WAITS | HAS_PRED | MAY_EXPIRE,
     DESTROYED | DEATHS | BIT(NOTIFY) | BIT(LOST) | BIT(CLOSE), ALL_KINDS},
    {"await", run_await, BY_A, WAITS | HAS_PRED, DESTROYED_ASLEEP | BIT(NOTIFY) | BIT(CLOSE), PRIVATE_KINDS},
    {"await-expires", run_await_expires, BY_A, WAITS | HAS_PRED | MAY_EXPIRE, DESTROYED | BIT(NOTIFY) | BIT(CLOSE),
     PRIVATE_KINDS},
    {"wait-token", run_wait_token, BY_A, WAITS, DESTROYED_ASLEEP | BIT(NOTIFY) | BIT(CLOSE) | BIT(CANCEL),
     NOT_SHARED_KINDS},
    {"wait-stop", run_wait_stop, BY_A, WAITS, DESTROYED_ASLEEP | BIT(NOTIFY) | BIT(CLOSE) | BIT(STOP),
     NOT_SHARED_KINDS},
    {"wait-lost", run_wait, BY_A, WAITS, BIT(LOST), ALL_KINDS},
    {"destroy", run_destroy, NOBODY, DESTROYS, BIT(DESTROY), ALL_KINDS},
    {"task-acquire", run_task_acquire, BY_B, ACQUIRES | OF_TASK, DESTROYED, PRIVATE_KINDS},
    {"task-release", run_task_release, BY_TASK, RELEASES | OF_TASK, DESTROYED, PRIVATE_KINDS},
    {"task-wait", run_task_wait, BY_TASK, WAITS | OF_TASK, DESTROYED | BIT(CLOSE), PRIVATE_KINDS},
    {"task-wait-for", run_task_wait_for, BY_TASK, WAITS | OF_TASK, DESTROYED | BIT(CLOSE), PRIVATE_KINDS},
    {"task-cancel", run_task_cancel, BY_TASK, WAITS | OF_TASK | MAY_EXPIRE, BIT(DESTROY),
     BIT(OWN_RLOCK) | BIT(OWN_MUTEX)},
};
enum { CALLS = sizeof calls / sizeof *calls };

/* The final result of A's call, or of the request that it made. */
static int final_result(void)
{
    return call->rules & OF_TASK && (call->rules & (ACQUIRES | WAITS)) && atomic_load(&world->outcome) != NONE
               ? atomic_load(&world->outcome)
               : atomic_load(&world->result);
}

static bool is_combination(const struct call *the_call, enum meanwhile what, enum kind of)
{
    if (!(the_call->meanwhiles & BIT(what)) || !(the_call->kinds & BIT(of)))
        return false;
    bool waits = (the_call->rules & WAITS) != 0;
    switch (what) {
    case DESTROY:
    case DESTROY_ASLEEP: return of != ADOPTED_ROBUST;
    case DESTROY_HELD:
    case DESTROY_LOCK: return !is_own(of) && of != ADOPTED_ROBUST;
    case NOTIFY: return of != ADOPTED_ROBUST;
    case KILLED:
    case HOLDER_KILLED: return is_shared(of);
    case GIVEN_UP:
        /* No thread can wake a waiter on an adopted mutex that was given up, only its deadline. */
        return is_shared(of) || (of == ADOPTED_ROBUST && waits && (the_call->rules & MAY_EXPIRE));
    case LOST: return of == FOREIGN;
    case CLOSE:
    case CANCEL:
    case STOP: return true;
    default: return false;
    }
}

/* ---- A ---- */

/* Tasks release by the lock, where that is possible. */
int cond_task_lock_release(cond_lock_t *the_lock, cond_task_t *task) __attribute__((weak));

static bool tasks_release_by_lock(void) { return cond_task_lock_release != NULL && lock != NULL; }

/* Only the handle of a foreign lock is destroyed, and the lock may be held: then its holder releases the lock itself.
   */
static bool releases_without_handle(void)
{
    return meanwhile == DESTROY_LOCK && !is_shared(kind) && kind != ELSEWHERE;
}

static int release_as_a(void)
{
    if (releases_without_handle())
        return kind == FOREIGN ? foreign_release(&world->foreign) : pthread_mutex_unlock(&world->mutex);
    if (!(call->rules & OF_TASK))
        return lock_release();
    return tasks_release_by_lock() ? cond_task_lock_release(lock, &world->task)
                                   : cond_task_release(cond, &world->task);
}

static void await_outcome(void)
{
    while (atomic_load(&world->result) == EINPROGRESS && atomic_load(&world->outcome) == NONE)
        pause_us(50); /* B has the time limit */
}

static void *run_a(void *arg)
{
    await(&world->begin, "the beginning");
    if (strcmp(call->name, "recover") == 0)
        (void)cond_acquire(cond);
    else if (call->holder == BY_A)
        MUST(cond_acquire(cond));
    else if (call->holder == BY_TASK)
        MUST(cond_task_acquire(cond, &world->task));
    if (call->run == run_task_cancel)
        REQUIRE(cond_task_wait(cond, &world->task) == EINPROGRESS);
    atomic_store(&world->in_place, 1);
    if (call->holder == NOBODY) /* B must have seen it before it can go on */
        await(&world->in_place, "A");
    stepper_begin(&world->stepper);
    int result = call->run();
    stepper_end();
    report->instructions = atomic_load(&world->stepper.seen);
    atomic_store(&world->result, call->run == run_task_cancel && result == 0 ? EINPROGRESS : result);
    await_outcome();
    result = final_result();
    if (result == EOWNERDEAD && meanwhile != GIVEN_UP)
        MUST(lock_recover());
    if ((call->rules & (ACQUIRES | WAITS)) &&
        (result == 0 || result == EOWNERDEAD ||
         ((call->rules & WAITS) && (result == ETIMEDOUT || result == ECANCELED))))
        atomic_store(&world->released, release_as_a());
    atomic_store(&world->through, 1);
    while (atomic_load(&world->finish) == 0) /* B has the time limit */
        pause_us(50);
    MUST(cond_acquire(&world->other));
    MUST(cond_notify(&world->other, 1));
    MUST(cond_release(&world->other));
    return arg;
}

/* Another waiter, without deadline and predicate. */
static void *run_waiter(void *arg)
{
    MUST(lock_acquire(COND_FOREVER));
    int result = cond_wait(cond, COND_FOREVER);
    atomic_store(&world->waiter_result, result);
    if (result == EOWNERDEAD)
        MUST(lock_recover());
    if (result == 0 || result == EOWNERDEAD || result == ECANCELED)
        atomic_store(&world->waiter_released, lock_release());
    atomic_store(&world->waiter_through, 1);
    return arg;
}

/* A process that holds the lock and is killed. Or it first tries to acquire the lock. */
static _Noreturn void run_holder(void)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (call->holder == BY_B) {
        MUST(cond_acquire(cond));
        atomic_store(&world->holds, 1);
    }
    await(&world->die, "its end");
    if (atomic_load(&world->holds) == 0)
        atomic_store(&world->tried, lock_acquire(0) == 0 ? 1 : 2);
    else
        atomic_store(&world->tried, 1);
    (void)kill(getpid(), SIGKILL);
    _exit(1);
}

/* ---- B ---- */

/* After destroy has returned 0: whether no thread may touch the memory, although A's call may not have returned. */
static bool may_be_unmapped(void)
{
    if (call->rules & RELEASES)
        return !is_shared(kind) ||
               !has_waiter; /* B has held the lock since, so A's release no longer touches it */
    if (!(call->rules & WAITS) || is_shared(kind))
        return false; /* acquire uses the object, and so does waiting for a shared lock */
    return !(call->rules & OF_TASK) || lock == NULL || tasks_release_by_lock();
}

static void unmap(void *object)
{
    if (may_be_unmapped())
        REQUIRE(mprotect(object, PAGE, PROT_NONE) == 0);
}

static void destroy_cond(void)
{
    int result = cond_is_gone ? 0 : cond_destroy(cond);
    if (result == 0) {
        cond_is_gone = true;
        unmap(cond);
    } else if (result != EBUSY && !(result == EINVAL && (call->rules & DESTROYS))) {
        fail("destroy returns %d (%s)", result, cond_strerror(result));
    }
}

static void destroy_lock(void)
{
    int result = lock_is_gone ? 0 : cond_lock_destroy(lock);
    if (result == 0) {
        lock_is_gone = true;
        unmap(lock);
    } else if (result != EBUSY && !is_lost) {
        fail("destroy of the lock returns %d (%s)", result, cond_strerror(result));
    }
}

enum where { STOPPED, ASLEEP, RETURNED };

/* The state of A: it has stopped for the n-th time, it sleeps, or its call has returned. */
static enum where await_a(int n)
{
    int seen = -1;
    pid_t process = a_is_thread ? getpid() : a_process;
    int64_t end_ns = cond_now() + limit_ns;
    for (;;) {
        if (a_process > 0 && waitpid(a_process, NULL, WNOHANG | WNOWAIT) != 0) {
            siginfo_t ended = {0};
            if (waitid(P_PID, (id_t)a_process, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                ended.si_pid == a_process)
                return RETURNED;
        }
        if (atomic_load(&world->result) != NONE)
            return RETURNED;
        if (atomic_load(&world->stepper.stopped) >= n)
            return STOPPED;
        /* A call that times out continues by itself. (Reading /proc takes time.) */
        if (!(call->rules & MAY_EXPIRE) && atomic_load(&world->stepper.seen) == seen &&
            stepper_sleeps(&world->stepper, process))
            return ASLEEP;
        seen = atomic_load(&world->stepper.seen);
        if (cond_now() > end_ns)
            fail("hangs: A neither stops nor sleeps");
        pause_us(20);
    }
}

/* Whether B can acquire the lock now. It cannot while A is stopped and holds it. */
static bool b_acquires(void)
{
    if (b_holds || lock_is_gone || is_lost)
        return b_holds;
    int result = lock_acquire(0);
    b_holds = result == 0 || result == EOWNERDEAD;
    if (result == EOWNERDEAD)
        atomic_store(&was_told, true);
    if (result == EOWNERDEAD && meanwhile == GIVEN_UP) {
        b_holds = false;
        MUST(lock_release());
        is_lost = true;
    } else if (result == EOWNERDEAD) {
        MUST(lock_recover());
    } else if (result == ENOTRECOVERABLE && meanwhile == GIVEN_UP) {
        is_lost = true;
    } else if (result != 0 && result != ETIMEDOUT && !(result == EINVAL && (call->rules & DESTROYS))) {
        fail("an acquire by others returns %d (%s)", result, cond_strerror(result));
    }
    return b_holds;
}

static void b_releases(void)
{
    if (b_holds)
        MUST(lock_release());
    b_holds = false;
}

static void notify_all(void)
{
    atomic_store(&world->flag, 1);
    if (!cond_is_gone && (call->rules & WAITS || has_waiter))
        MUST(cond_notify_all(cond));
}

/* A has stopped before its first sleep or during it: release the lock that it waits for. True if that may end its
   sleep. */
static void wake_a(void)
{
    if (b_acquires()) {
        notify_all();
        atomic_store(&world->stepper.woken, meanwhile != DESTROY_ASLEEP);
        b_releases();
    }
}

static void act_destroy(enum where where)
{
    if (meanwhile == DESTROY_ASLEEP && world->stepper.at >= 0) {
        if (where == ASLEEP) {
            wake_a();
            where = await_a(1);
        }
        if (where == STOPPED && b_acquires()) {
            stepper_let_go(&world->stepper, false);
            where = await_a(2);
        }
    }
    if (!b_acquires()) {
        if (lock == NULL)
            destroy_cond();
        return;
    }
    notify_all();
    if (meanwhile == DESTROY_HELD)
        destroy_cond();
    atomic_store(&world->stepper.woken, 1);
    b_releases();
    /* A continues to its stop; or it is woken and stops at once; or it sleeps until B has finished. */
    if (where == ASLEEP && world->stepper.at >= 0 && meanwhile != DESTROY_ASLEEP)
        (void)await_a(1);
    destroy_cond();
    if (meanwhile == DESTROY_LOCK && cond_is_gone)
        destroy_lock();
}

static void start_waiter(void)
{
    size_t before = cond_waiters(cond);
    has_waiter = true;
    REQUIRE(pthread_create(&waiter_thread, NULL, run_waiter, NULL) == 0);
    int64_t end_ns = cond_now() + limit_ns;
    for (size_t now = before; now <= before;) {
        if (cond_now() > end_ns)
            fail("hangs: another waiter cannot begin");
        pause_us(20);
        if (b_acquires())
            now = cond_waiters(cond);
        if (now <= before)
            b_releases();
    }
}

static void act_notify(void)
{
    if (!b_acquires())
        return;
    b_releases();
    start_waiter(); /* B holds the lock when it returns */
    atomic_store(&world->flag, 1);
    MUST(cond_notify(cond, 1));
    b_releases();
}

static void *lock_and_end(void *arg)
{
    if (pthread_mutex_trylock(&world->mutex) == 0)
        *(bool *)arg = true;
    return NULL;
}

static void act_holder_killed(void)
{
    bool is_held = false;
    if (kind == ADOPTED_ROBUST) {
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, lock_and_end, &is_held) == 0);
        REQUIRE(pthread_join(thread, NULL) == 0);
    } else if (holder_process > 0) {
        atomic_store(&world->die, 1);
        await(&world->tried, "a process that is to be killed");
        is_held = atomic_load(&world->tried) == 1;
        REQUIRE(waitpid(holder_process, NULL, 0) == holder_process);
        holder_process = 0;
    }
    holder_was_killed = is_held && kind != ADOPTED_ROBUST;
    if (!is_held || meanwhile != GIVEN_UP)
        return;
    if (kind == ADOPTED_ROBUST) {
        int result = pthread_mutex_trylock(&world->mutex);
        if (result == EOWNERDEAD)
            REQUIRE(pthread_mutex_unlock(&world->mutex) == 0);
        is_lost = result == EOWNERDEAD || result == ENOTRECOVERABLE;
    } else if (b_acquires()) {
        b_releases(); /* GIVEN_UP: not held, or A was faster and did not recover */
    }
}

static void act_lost(void)
{
    if (!b_acquires())
        return;
    if (!(call->rules & MAY_EXPIRE))
        notify_all();
    atomic_store(&world->foreign.lost, 1);
    is_lost = true;
    b_releases();
}

/* Notify all; or the action itself of CLOSE, CANCEL and STOP. */
static void end_waits(void)
{
    switch (meanwhile) {
    case CLOSE: MUST(cond_close(cond)); break;
    case CANCEL: MUST(cond_cancel(cond, &world->token)); break;
    case STOP: MUST(cond_stop(&world->stop)); break;
    default: notify_all(); break;
    }
}

static void act_end_waits(void)
{
    if (meanwhile == STOP || b_acquires())
        end_waits();
    b_releases();
}

/* The action of B. Where B cannot act, it does nothing, and the checks follow at the end of the run. */
static void act(enum where where)
{
    switch (meanwhile) {
    case DESTROY:
    case DESTROY_HELD:
    case DESTROY_ASLEEP:
    case DESTROY_LOCK: act_destroy(where); break;
    case NOTIFY: act_notify(); break;
    case KILLED:
        if (where == ASLEEP && world->stepper.at == STEPPER_ASLEEP)
            (void)kill(a_process, SIGKILL);
        else if (where == ASLEEP)
            wake_a();
        break;
    case HOLDER_KILLED:
    case GIVEN_UP:
        atomic_store(&world->stepper.woken, 1);
        act_holder_killed();
        break;
    case LOST: act_lost(); break;
    case CLOSE:
    case CANCEL:
    case STOP: act_end_waits(); break;
    default: break;
    }
}

/* ---- The end of a run: everything finishes ---- */

static bool a_is_through(void)
{
    siginfo_t ended = {0};
    if (atomic_load(&world->through) != 0)
        return true;
    return a_process > 0 && waitid(P_PID, (id_t)a_process, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ended.si_pid == a_process;
}

/* Whether the notification of NOTIFY has woken a waiter. */
static bool notification_has_come(void)
{
    return !has_waiter || (atomic_load(&world->result) == 0 || atomic_load(&world->waiter_through) != 0);
}

static void await_notification(void)
{
    int64_t end_ns = cond_now() + limit_ns;
    while (!notification_has_come()) {
        if (cond_now() > end_ns)
            fail("a notification is lost: A has %s, and the next waiter stays asleep",
                 atomic_load(&world->result) == NONE ? "not returned" : "not used it");
        pause_us(50);
    }
    /* A private or foreign lock is exact: not both. But a waiter whose predicate is true needs no notification. */
    bool has_pred = (call->rules & HAS_PRED) != 0;
    while (a_is_through() && has_waiter && !has_pred && !is_shared(kind) && atomic_load(&world->result) == 0) {
        if (b_acquires()) {
            if (cond_waiters(cond) != 1)
                fail("one notification has woken two");
            b_releases();
            return;
        }
    }
}

static void await_through(void)
{
    int64_t end_ns = cond_now() + limit_ns;
    bool waiter_notified = meanwhile != KILLED;
    for (unsigned looks = 0;; looks++) {
        bool waiter_is_through = !has_waiter || atomic_load(&world->waiter_through) != 0;
        if (a_is_through() && waiter_is_through)
            return;
        if (cond_now() > end_ns) {
            char text[160] = "";
            if (!cond_is_gone || !may_be_unmapped())
                (void)cond_describe(cond, text, sizeof text);
            fail("hangs: %s does not return; %s", a_is_through() ? "the other waiter" : "A", text);
        }
        if (meanwhile == KILLED && !waiter_notified && a_is_through() && b_acquires()) {
            /* A was killed, perhaps with a notification. One notification must wake the other waiter. */
            MUST(cond_notify(cond, 1));
            waiter_notified = true;
        } else if (meanwhile == KILLED && a_is_through() && !waiter_notified) {
            /* Its call returns EOWNERDEAD, or the lock becomes free. */
        } else if (!is_lost && !cond_is_gone && !(meanwhile == KILLED && a_is_through()) && !holder_was_killed &&
                   !lock_is_gone && looks > 4 && b_acquires()) {
            /* B could not act before. (A must detect by itself that the holder was killed.) */
            end_waits();
        } else if (meanwhile == GIVEN_UP && looks > 4 && is_shared(kind)) {
            (void)b_acquires(); /* releases it without recover if the holder died */
        }
        b_releases();
        pause_us(50);
    }
}

static void check_answers(void)
{
    int result = final_result(), released = atomic_load(&world->released);
    bool has_returned = atomic_load(&world->result) != NONE;
    bool is_death = meanwhile == HOLDER_KILLED || meanwhile == GIVEN_UP || meanwhile == KILLED;
    bool is_legal = result == 0 || (result == ETIMEDOUT && (call->rules & MAY_EXPIRE)) ||
                    (result == EBUSY && (call->rules & (MAY_BE_BUSY | DESTROYS))) ||
                    (result == EOWNERDEAD && is_death) ||
                    (result == ENOTRECOVERABLE && meanwhile == GIVEN_UP) ||
                    (result == EIO && meanwhile == LOST) || (result == ECANCELED && (call->rules & OF_TASK)) ||
                    (result == ECANCELED && meanwhile >= CLOSE && (call->rules & WAITS));
    if (result == EINVAL && (cond_is_gone || lock_is_gone))
        is_legal = (call->rules & (ACQUIRES | DESTROYS)) || is_shared(kind);
    if (has_returned && !is_legal)
        fail("A's call returns %d (%s)", result, cond_strerror(result));
    if (released != NONE && released != 0)
        fail("A's call returns %d (%s), and its release %d (%s)", result, cond_strerror(result), released,
             cond_strerror(released));
    if (has_waiter && atomic_load(&world->waiter_released) > 0)
        fail("the other wait returns %d, and its release %d", atomic_load(&world->waiter_result),
             atomic_load(&world->waiter_released));
    bool waits_for_pred = (call->rules & (HAS_PRED | MAY_EXPIRE)) == HAS_PRED;
    if (waits_for_pred && has_returned && result != 0 && !is_death && !cond_is_gone && meanwhile != CLOSE)
        fail("A's predicate is true, and its wait returns %d (%s)", result, cond_strerror(result));
}

/* The lock is free, no thread waits, and what is left can be destroyed. */
static void check_objects(void)
{
    int64_t end_ns = cond_now() + limit_ns;
    if ((call->rules & DESTROYS) && atomic_load(&world->result) == 0)
        cond_is_gone = true;
    if (!is_lost && !lock_is_gone && !(lock == NULL && cond_is_gone)) {
        for (; !b_acquires() && !is_lost; pause_us(50))
            if (cond_now() > end_ns)
                fail("others cannot acquire the lock");
        int result = final_result();
        if (holder_was_killed && !is_lost && result != EOWNERDEAD && !atomic_load(&was_told))
            fail("the holder was killed, and no call returns EOWNERDEAD: A's returns %d (%s)", result,
                 cond_strerror(result));
        if (!is_lost && !cond_is_gone && (call->rules & WAITS || has_waiter))
            MUST(cond_notify_all(cond)); /* killed waiters are counted until then (condvar.h) */
        b_releases();
    }
    end_ns = cond_now() + limit_ns;
    if (!cond_is_gone && cond_waiters(cond) != 0)
        fail("%zu waiters are still counted", cond_waiters(cond));
    while (!cond_is_gone) {
        destroy_cond();
        if (cond_now() > end_ns)
            fail("destroy always returns EBUSY");
        if (!cond_is_gone)
            pause_us(50);
    }
    while (lock != NULL && !lock_is_gone) {
        destroy_lock();
        if (is_lost)
            break; /* its handle may be unusable */
        if (cond_now() > end_ns)
            fail("destroy of the lock always returns EBUSY");
        if (!lock_is_gone)
            pause_us(50);
    }
}

static void check_robust_list(void)
{
    REQUIRE(munmap(objects, 2 * PAGE) == 0);
    atomic_store(&world->finish, 1);
    if (a_is_thread)
        REQUIRE(pthread_join(a_thread, NULL) == 0);
    if (a_process > 0) {
        int status;
        REQUIRE(waitpid(a_process, &status, 0) == a_process);
        a_process = 0;
        if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
            fail("process A crashes: signal %d", WTERMSIG(status));
        if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
            _exit(1); /* it has printed the reason */
    }
    if (has_waiter)
        REQUIRE(pthread_join(waiter_thread, NULL) == 0);
    int result = cond_acquire_timed(&world->other, limit_ns);
    if (result != 0)
        fail("another condition cannot be used afterwards: %d", result);
    MUST(cond_release(&world->other));
}

/* ---- A run ---- */

static void start_a(void)
{
    if (meanwhile == HOLDER_KILLED || (meanwhile == GIVEN_UP && is_shared(kind))) {
        holder_process = fork();
        REQUIRE(holder_process >= 0);
        if (holder_process == 0)
            run_holder();
        if (call->holder == BY_B)
            await(&world->holds, "the holder");
    } else if (strcmp(call->name, "recover") != 0 && call->holder == BY_B) {
        MUST(cond_acquire(cond));
        b_holds = true;
    }
    if (meanwhile == KILLED) {
        a_process = fork();
        REQUIRE(a_process >= 0);
        if (a_process == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            b_holds = false;
            (void)run_a(NULL);
            _exit(0);
        }
    } else {
        a_is_thread = true;
        REQUIRE(pthread_create(&a_thread, NULL, run_a, NULL) == 0);
    }
}

/* A process has died with the lock held. A must recover it. */
static void kill_a_process(void)
{
    pid_t process = fork();
    REQUIRE(process >= 0);
    if (process == 0) {
        MUST(cond_acquire(cond));
        (void)kill(getpid(), SIGKILL);
    }
    REQUIRE(waitpid(process, NULL, 0) == process);
}

static _Noreturn void run_case(int at)
{
    (void)alarm(30);
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(world != MAP_FAILED);
    world->stepper.at = at;
    world->stepper.kill = meanwhile == KILLED;
    world->stepper.again = meanwhile == DESTROY_ASLEEP;
    atomic_store(&world->result, NONE);
    atomic_store(&world->outcome, NONE);
    atomic_store(&world->released, NONE);
    atomic_store(&world->waiter_released, NONE);
    make_objects();
    MUST(cond_task_init(&world->task, task_ready, NULL));
    start_a();
    bool waiter_first = (call->rules & HAS_WAITER) || (meanwhile == KILLED && call->holder != BY_B);
    if (waiter_first) {
        start_waiter(); /* and begin */
        b_releases();
    }
    if (strcmp(call->name, "recover") == 0)
        kill_a_process();
    atomic_store(&world->begin, 1);
    await(&world->in_place, "A");

    enum where where = await_a(1);
    act(where);
    if (meanwhile == KILLED && at >= 0 && where == ASLEEP)
        (void)await_a(1);
    stepper_let_go(&world->stepper, true);
    if (meanwhile == NOTIFY)
        await_notification();
    await_through();
    check_answers();
    check_objects();
    check_robust_list();
    _exit(0);
}

/* ---- The driver ---- */

enum { SECONDS = 30, ROUNDS = 2 }; /* without --every: the time, and at least so many rounds */

static struct {
    int every; /* 0: use `seconds` */
    int seconds;
    int64_t end_ns;
    int only_at, jobs;
    bool has_at, control, list, verbose;
    const char *only;
    uint64_t seed;
} options = {.seconds = SECONDS};

struct row {
    const struct call *call;
    enum meanwhile meanwhile;
    enum kind kind;
    int instructions, runs, failures;
    int first_at;
    char first[256];
};

enum { ROWS_MAX = 1024, FAILURES_ENOUGH = 3 };
static struct {
    int count;
    struct row rows[ROWS_MAX];
} * table;

static void row_name(const struct row *row, char *name, size_t size)
{
    (void)snprintf(name, size, "%s/%s/%s", row->call->name, meanwhile_names[row->meanwhile],
                   kind_names[row->kind]);
}

/* One run, in a process of its own. Returns false if it fails. */
static bool run_once(struct row *row, int at)
{
    report->text[0] = '\0';
    pid_t process = fork();
    if (process == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        call = row->call;
        meanwhile = row->meanwhile;
        kind = row->kind;
        run_case(at);
    }
    int status = 0;
    if (process < 0 || waitpid(process, &status, 0) != process) {
        perror("fork");
        _exit(2);
    }
    row->runs++;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (row->failures++ == 0) {
        row->first_at = at;
        if (WIFSIGNALED(status))
            (void)snprintf(row->first, sizeof row->first, "%s: signal %d",
                           WTERMSIG(status) == SIGALRM ? "hangs" : "crashes", WTERMSIG(status));
        else
            (void)snprintf(row->first, sizeof row->first, "%s", report->text);
        if (options.verbose) {
            char name[128];
            row_name(row, name, sizeof name);
            fprintf(stderr, "%s --at %d: %s\n", name, at, row->first);
        }
    }
    return false;
}

/* The first round of a case counts the instructions, and tries the moments that are no instruction. */
static void run_first(struct row *row)
{
    if (options.has_at) {
        (void)run_once(row, options.only_at);
        return;
    }
    report->instructions = 0;
    (void)run_once(row, STEPPER_NEVER);
    row->instructions = report->instructions;
    if (row->meanwhile == KILLED)
        (void)run_once(row, STEPPER_ASLEEP);
    if (row->call->holder != NOBODY && !(row->call->rules & (RELEASES | MAY_EXPIRE | OF_TASK)))
        (void)run_once(row, STEPPER_ON_WAKING); /* it sleeps */
}

/* The next instruction of a case: every K-th; or, by the golden ratio, one that is far from those before. False: none
   is left. */
static bool run_next(struct row *row, int round)
{
    uint64_t mixed = (options.seed + (uint64_t)(row - table->rows) * 7919 + 1) * UINT64_C(0x9E3779B97F4A7C15);
    if (options.has_at || row->failures >= (options.control ? 1 : FAILURES_ENOUGH))
        return false;
    int at =
        (int)((mixed >> 32) % (uint64_t)(options.every != 0 ? options.every : 1)) + (round - 1) * options.every;
    if (options.every == 0) {
        uint64_t part = mixed + (uint64_t)round * UINT64_C(0x9E3779B97F4A7C15);
        at = (int)((part >> 32) * (uint64_t)row->instructions >> 32);
    }
    if (at >= row->instructions)
        return false;
    (void)run_once(row, at);
    return true;
}

static void make_rows(void)
{
    for (unsigned i = 0; i < CALLS; i++)
        for (int what = 0; what < MEANWHILES; what++)
            for (int of = 0; of < KINDS; of++) {
                struct row row = {.call = &calls[i], .meanwhile = (enum meanwhile)what, .kind = (enum kind)of};
                char name[128];
                row_name(&row, name, sizeof name);
                if (is_combination(row.call, row.meanwhile, row.kind) &&
                    (options.only == NULL || strstr(name, options.only) != NULL) && table->count < ROWS_MAX)
                    table->rows[table->count++] = row;
            }
}

static void work(int number)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        _exit(2);
    /* Each case belongs to one worker. It goes in rounds, so that all cases have equally many runs when the time
       ends. */
    for (int i = number; i < table->count; i += options.jobs)
        run_first(&table->rows[i]);
    bool any = true;
    for (int round = 1; any && (options.every != 0 || round <= ROUNDS || cond_now() < options.end_ns);
         round++) {
        any = false;
        for (int i = number;
             i < table->count && (options.every != 0 || round <= ROUNDS || cond_now() < options.end_ns);
             i += options.jobs)
            any = run_next(&table->rows[i], round) || any;
    }
    _exit(0);
}

/* The library's code: that of the file with cond_wait(). */
static int look_for_text(struct dl_phdr_info *info, size_t size, void *arg)
{
    const uintptr_t *wanted = arg;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr,
                  end = begin + info->dlpi_phdr[i].p_memsz;
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X) && *wanted >= begin &&
            *wanted < end && end - begin < STEPPER_TEXT_MAX) {
            stepping.text_begin = begin;
            stepping.text_end = end;
            return 1;
        }
    }
    return 0;
}

static int print_report(void)
{
    int runs = 0, instructions = 0, failed = 0;
    for (int i = 0; i < table->count; i++) {
        const struct row *row = &table->rows[i];
        char name[128];
        row_name(row, name, sizeof name);
        runs += row->runs;
        instructions += row->instructions;
        if (options.verbose)
            printf("%-50s %4d instructions, %4d runs\n", name, row->instructions, row->runs);
        if (row->failures == 0)
            continue;
        failed++;
        printf("%s --at %d: %s (%d of %d runs)\n", name, row->first_at, row->first, row->failures, row->runs);
    }
    printf("%d cases, %d instructions, %d runs: %d cases failed\n", table->count, instructions, runs, failed);
    return options.control ? failed == 0 : failed != 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: lifetimes [--seconds N | --every K] [--seed S] [--only WORD] [--at N] [--jobs N] "
                    "[--control] [--list] "
                    "[--verbose]\n");
    return 2;
}

int main(int argc, char **argv)
{
    options.seed = (uint64_t)cond_now() % 1000000007;
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--control") == 0)
            options.control = true;
        else if (strcmp(argv[i], "--list") == 0)
            options.list = true;
        else if (strcmp(argv[i], "--verbose") == 0)
            options.verbose = true;
        else if (strcmp(argv[i], "--every") == 0 && has_value)
            options.every = atoi(argv[++i]);
        else if (strcmp(argv[i], "--seconds") == 0 && has_value)
            options.seconds = atoi(argv[++i]);
        else if (strcmp(argv[i], "--seed") == 0 && has_value)
            options.seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--only") == 0 && has_value)
            options.only = argv[++i];
        else if (strcmp(argv[i], "--jobs") == 0 && has_value)
            options.jobs = atoi(argv[++i]);
        else if (strcmp(argv[i], "--at") == 0 && has_value)
            options.only_at = atoi(argv[++i]), options.has_at = true;
        else
            return usage();
    }
    if (options.every < 0 || options.seconds < 0)
        return usage();
    options.end_ns = cond_now() + options.seconds * COND_SEC(1);
    cond_t probe = COND_INIT;
    if (!STEPPER_HERE || cond_init(&probe, NULL, COND_SHARED) != 0) {
        printf("single steps are for x86-64 Linux only\n");
        return 77;
    }
    uintptr_t wanted = (uintptr_t)dlsym(RTLD_DEFAULT, "cond_wait");
    if (dl_iterate_phdr(look_for_text, &wanted) == 0) {
        printf("the library is not a shared library\n");
        return 77;
    }
    table = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED)
        return 2;
    make_rows();
    if (options.list) {
        for (int i = 0; i < table->count; i++) {
            char name[128];
            row_name(&table->rows[i], name, sizeof name);
            printf("%s\n", name);
        }
        return 0;
    }
    if (options.every != 0)
        printf("lifetimes --seed %" PRIu64 " --every %d\n", options.seed, options.every);
    else
        printf("lifetimes --seed %" PRIu64 " --seconds %d\n", options.seed, options.seconds);
    fflush(stdout);
    cpu_set_t cores;
    if (options.jobs < 1)
        options.jobs = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    for (int i = 0; i < options.jobs; i++)
        if (fork() == 0)
            work(i);
    int status, bad = 0;
    while (wait(&status) > 0)
        bad |= status;
    if (bad != 0) {
        fprintf(stderr, "a worker has failed\n");
        return 2;
    }
    return print_report();
}
