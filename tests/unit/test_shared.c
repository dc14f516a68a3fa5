/* SPDX-License-Identifier: MIT */
/*
 * COND_SHARED, call by call: between forked processes, between programs that share only a file, and over two mappings
 * of the same memory in one process. tests/schedules/shared_schedules.c tries a kill at each step,
 * tests/stress/shared_*.c real kills.
 *
 *      test_shared                 the tests
 *      test_shared --peer FILE     the other program of some tests, which shares the memory of FILE
 *
 * A process that "dies" with the lock exits without releasing it: to the system that is the same as a kill. Child
 * processes check with REQUIRE, which ends them with status 1.
 */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE /* memfd_create */
#endif
#include "unit.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#  define TSAN 1
#elif defined(__has_feature)
#  if __has_feature(thread_sanitizer)
#    define TSAN 1
#  endif
#endif

#ifdef TSAN
/* Some tests release a mutex that the caller does not hold, and expect EPERM. ThreadSanitizer reports that. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) { return "mutex:robust_release\n"; }
#endif

enum { MEMORY = 4096, TURNS = 200 };

static struct memory {
    cond_t cond;      /* on its own lock */
    cond_lock_t lock; /* of the next two, in some tests */
    cond_t left, right;
    bool open; /* under a lock, as all below */
    int turn;
    int through;
    pid_t caller; /* of the last predicate */
    atomic_int step;
} *memory;

static cond_t *cond; /* that the test is about: &memory->cond, if the test does not say otherwise */
static const char *program;

/* ---- Memory and processes ---- */

static struct memory *map(int file, int flags)
{
    void *mapped = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | flags, file, 0);
    REQUIRE(mapped != MAP_FAILED);
    return mapped;
}

static void unmap(struct memory *mapped) { REQUIRE(munmap(mapped, MEMORY) == 0); }

static void map_new(void)
{
    memory = map(-1, MAP_ANONYMOUS);
    cond = &memory->cond;
}

static void make(unsigned flags) { REQUIRE(cond_init(cond, NULL, COND_SHARED | flags) == 0); }

static int set_up(void **state)
{
    map_new();
    make(*(const unsigned *)*state);
    return 0;
}

/* The test may have destroyed the condition. */
static int tear_down(UNUSED void **state)
{
    int error = cond_destroy(&memory->cond);
    unmap(memory);
    return error == 0 || error == EINVAL ? 0 : -1;
}

#define TEST_SHARED(flags, name)                                                                                       \
    static unsigned name##_flags = (flags);                                                                            \
    TEST_IN(name, set_up, tear_down, &name##_flags)

/* The condition and its memory, anew for the next round of a test. */
static void renew(unsigned flags)
{
    OK(cond_destroy(&memory->cond));
    unmap(memory);
    map_new();
    make(flags);
}

/* Renew the memory. `cond` is the left condition, with its own lock or on the separate one. */
static void renew_left(bool separate_lock)
{
    renew(COND_RLOCK);
    cond = &memory->left;
    OK(cond_lock_init(&memory->lock, COND_SHARED));
    OK(cond_init(cond, separate_lock ? &memory->lock : NULL, COND_SHARED));
}

/* Two conditions on one lock beside the test's own, and `cond` is the left one. */
static void make_left_and_right(void)
{
    OK(cond_lock_init(&memory->lock, COND_SHARED));
    OK(cond_init(&memory->left, &memory->lock, 0));
    OK(cond_init(&memory->right, &memory->lock, COND_SHARED));
    cond = &memory->left;
}

/* What a child process does. */
typedef void role(void);

static void run_role(void *function) { (*(role **)function)(); }
static pid_t start_role(role *function) { return start_child(run_role, &function); }

/* Runs it in another process. */
static void elsewhere(role *function) { finish_child(start_role(function)); }

/* Returns when the process is stopped. */
static void stop(pid_t child)
{
    int status;
    REQUIRE(kill(child, SIGSTOP) == 0);
    REQUIRE(waitpid(child, &status, WUNTRACED) == child);
    REQUIRE(WIFSTOPPED(status));
}

static void kill_child(pid_t child)
{
    REQUIRE(kill(child, SIGKILL) == 0);
    REQUIRE(waitpid(child, NULL, 0) == child);
}

static void continue_and_finish(pid_t child)
{
    REQUIRE(kill(child, SIGCONT) == 0);
    finish_child(child);
}

/* ---- Calls, by any process ---- */

static void acquire(void) { REQUIRE(cond_acquire(cond) == 0); }
static void release(void) { REQUIRE(cond_release(cond) == 0); }

static void notify(size_t n)
{
    acquire();
    REQUIRE(cond_notify(cond, n) == 0);
    release();
}

/* Acquire after the holder died. */
static void acquire_after_death(void) { REQUIRE(cond_acquire(cond) == EOWNERDEAD); }

static bool is_open(UNUSED void *arg)
{
    memory->caller = getpid();
    return memory->open;
}

/* The caller holds exactly this many levels, and releases them. */
static void require_depth(int depth)
{
    for (int i = 0; i < depth; i++) {
        REQUIRE(cond_owned(cond));
        release();
    }
    REQUIRE(!cond_owned(cond));
    REQUIRE(cond_release(cond) == EPERM);
}

/* Roles that several tests use. */
static void die_with_the_lock(void) { acquire(); }

static void wait_once(void)
{
    acquire();
    REQUIRE(cond_wait(cond, COND_FOREVER) == 0);
    memory->through++;
    release();
}

/* ---- The lock ---- */

static void find_it_held(void)
{
    REQUIRE(cond_locked(cond));
    REQUIRE(!cond_owned(cond));
    REQUIRE(cond_try_acquire(cond) == EBUSY);
    REQUIRE(cond_acquire_timed(cond, 0) == ETIMEDOUT);
    int64_t began_ns = cond_now();
    REQUIRE(cond_acquire_timed(cond, COND_MS(2)) == ETIMEDOUT);
    REQUIRE(cond_now() - began_ns >= COND_MS(2));
    REQUIRE(cond_release(cond) == EPERM);
    REQUIRE(cond_wait(cond, 0) == EPERM);
    REQUIRE(cond_wait_until(cond, 0) == EPERM);
    REQUIRE(cond_wait_for(cond, is_open, NULL, 0) == EPERM);
    REQUIRE(cond_notify(cond, 1) == EPERM);
    REQUIRE(cond_notify_all(cond) == EPERM);
    REQUIRE(cond_recover(cond) == EPERM);
    REQUIRE(cond_destroy(cond) == EBUSY);
    REQUIRE(cond_reinit_after_fork(cond) == 0); /* changes nothing while the holder lives */
    REQUIRE(cond_try_acquire(cond) == EBUSY);
    REQUIRE(cond_init(cond, NULL, COND_SHARED) == EBUSY);
}

static void use_the_free_lock(void)
{
    REQUIRE(!cond_locked(cond));
    REQUIRE(cond_release(cond) == EPERM);
    REQUIRE(cond_notify(cond, 1) == EPERM);
    REQUIRE(cond_wait(cond, 0) == EPERM);
    REQUIRE(cond_try_acquire(cond) == 0);
    release();
    REQUIRE(cond_acquire_timed(cond, COND_FOREVER) == 0);
    REQUIRE(cond_recover(cond) == EINVAL);
    release();
}

static void find_one_lock(int depth)
{
    elsewhere(use_the_free_lock);
    for (int i = 0; i < depth; i++)
        acquire();
    elsewhere(find_it_held);
    assert_true(cond_owned(cond));
    assert_int_equal(cond_recover(cond), EINVAL);
    assert_int_equal(cond_destroy(cond), EBUSY);
    require_depth(depth);
    elsewhere(use_the_free_lock);
}

TEST_SHARED(COND_RLOCK, an_rlock_is_one_for_all_processes) { find_one_lock(2); }
TEST_SHARED(COND_MUTEX, a_mutex_is_one_for_all_processes) { find_one_lock(1); }

TEST_SHARED(COND_MUTEX, a_mutex_is_not_recursive)
{
    acquire();
    assert_int_equal(cond_acquire(cond), EDEADLK);
    assert_int_equal(cond_try_acquire(cond), EDEADLK);
    assert_int_equal(cond_acquire_timed(cond, COND_MS(1)), EDEADLK);
    require_depth(1);
}

TEST_SHARED(COND_RLOCK, recursion_has_an_end)
{
    for (unsigned depth = 0; depth < COND_DEPTH_MAX; depth++)
        acquire();
    assert_int_equal(cond_acquire(cond), EAGAIN);
    assert_int_equal(cond_try_acquire(cond), EAGAIN);
    for (unsigned depth = 0; depth < COND_DEPTH_MAX; depth++)
        release();
    assert_false(cond_owned(cond));
}

/* ---- Wait and notify ---- */

static void wait_at_depth_3(void)
{
    for (int i = 0; i < 3; i++)
        acquire();
    REQUIRE(cond_wait(cond, COND_MS(1)) == ETIMEDOUT);
    REQUIRE(cond_wait_until(cond, cond_now()) == ETIMEDOUT);
    memory->step = 1;
    REQUIRE(cond_wait(cond, COND_FOREVER) == 0);
    memory->through++;
    require_depth(3);
}

TEST_SHARED(COND_RLOCK, wait_releases_and_restores_all_levels)
{
    pid_t waiter = start_role(wait_at_depth_3);
    until(&memory->step, 1);
    until_waiters(cond, 1); /* it acquires the lock, so all levels were released */
    assert_int_equal(cond_destroy(cond), EBUSY);
    acquire();
    OK(cond_notify(cond, 1));
    assert_int_equal(cond_waiters(cond), 0);
    assert_int_equal(memory->through, 0);
    release();
    finish_child(waiter);
    assert_int_equal(memory->through, 1);
}

static void wait_until_open(void)
{
    acquire();
    REQUIRE(cond_wait_for(cond, is_open, NULL, COND_US(100)) == ETIMEDOUT);
    REQUIRE(memory->caller == getpid());
    memory->step = 1;
    REQUIRE(cond_wait_for(cond, is_open, NULL, COND_FOREVER) == 0);
    REQUIRE(memory->open && memory->caller == getpid());
    memory->through++;
    release();
}

TEST_SHARED(COND_RLOCK, the_waiter_calls_its_predicate)
{
    pid_t waiter = start_role(wait_until_open);
    until(&memory->step, 1);
    until_waiters(cond, 1);
    for (int i = 0; i < 10; i++)
        notify(1); /* the predicate is false */
    acquire();
    memory->open = true;
    OK(cond_notify(cond, 1));
    release();
    finish_child(waiter);
    assert_int_equal(memory->caller, waiter);
    acquire();
    OK(cond_wait_for(cond, is_open, NULL, 0)); /* true at once */
    assert_int_equal(memory->caller, getpid());
    release();
}

static int through(void)
{
    acquire();
    int result = memory->through;
    release();
    return result;
}

TEST_SHARED(COND_RLOCK, notify_wakes_at_least_so_many)
{
    enum { WAITERS = 6 };
    for (size_t n = 1; n <= WAITERS + 1; n++) {
        pid_t waiters[WAITERS];
        renew(COND_RLOCK);
        for (int i = 0; i < WAITERS; i++)
            waiters[i] = start_role(wait_once);
        until_waiters(cond, WAITERS);
        acquire();
        OK(cond_notify(cond, 0));
        assert_int_equal(cond_waiters(cond), WAITERS);
        OK(cond_notify(cond, n));
        assert_int_equal(cond_waiters(cond), n < WAITERS ? WAITERS - n : 0);
        release();
        while (through() < (int)(n < WAITERS ? n : WAITERS))
            (void)sched_yield();
        acquire();
        OK(cond_notify_all(cond));
        assert_int_equal(cond_waiters(cond), 0);
        release();
        for (int i = 0; i < WAITERS; i++)
            finish_child(waiters[i]);
        assert_int_equal(memory->through, WAITERS);
    }
}

static void wait_for_the_close(void)
{
    acquire();
    REQUIRE(cond_wait(cond, COND_FOREVER) == ECANCELED);
    memory->through++;
    release();
}

static void wait_for_open_or_close(void)
{
    acquire();
    REQUIRE(cond_wait_for(cond, is_open, NULL, COND_SEC(1000)) == ECANCELED);
    memory->through++;
    release();
}

static void find_it_closed(void)
{
    REQUIRE(cond_init(cond, NULL, COND_SHARED) == EBUSY);
    REQUIRE(cond_closed(cond));
    acquire();
    REQUIRE(cond_wait(cond, COND_FOREVER) == ECANCELED);
    REQUIRE(cond_wait_for(cond, is_open, NULL, COND_FOREVER) == ECANCELED);
    memory->open = true;
    REQUIRE(cond_wait_for(cond, is_open, NULL, COND_FOREVER) == 0);
    memory->open = false;
    REQUIRE(cond_notify_all(cond) == 0);
    release();
}

TEST_SHARED(COND_RLOCK, close_ends_the_waits_of_all_processes)
{
    pid_t children[] = {start_role(wait_for_the_close), start_role(wait_for_open_or_close),
                        start_role(wait_for_the_close)};
    until_waiters(cond, LENGTH(children));
    assert_int_equal(cond_close(cond), EPERM);
    acquire();
    assert_false(cond_closed(cond));
    OK(cond_close(cond));
    assert_true(cond_closed(cond));
    OK(cond_close(cond));
    OK(cond_notify_all(cond));
    assert_int_equal(cond_cancel(cond, &(cond_token_t){0}), ENOTSUP);
    assert_int_equal(cond_await(cond, is_open, NULL, 0), ENOTSUP);
    release();
    for (unsigned i = 0; i < LENGTH(children); i++)
        finish_child(children[i]);
    assert_int_equal(memory->through, LENGTH(children));
    assert_int_equal(cond_waiters(cond), 0);
    elsewhere(find_it_closed);
    OK(cond_destroy(cond));
    make(COND_RLOCK);
    assert_false(cond_closed(cond));
}

/* The closing process has marked the condition and dies before it wakes a waiter: the waiters find the mark themselves.
   */
static void close_and_die(void)
{
    acquire();
    REQUIRE(cond_close(cond) == 0);
}

static void wait_for_the_death_or_the_close(void)
{
    acquire();
    int result = cond_wait(cond, COND_FOREVER);
    REQUIRE(result == EOWNERDEAD || result == ECANCELED);
    if (result == EOWNERDEAD)
        REQUIRE(cond_recover(cond) == 0);
    REQUIRE(cond_closed(cond));
    REQUIRE(cond_wait(cond, COND_FOREVER) == ECANCELED);
    release();
}

TEST_SHARED(COND_RLOCK, closed_by_a_killed_process)
{
    pid_t waiter = start_role(wait_for_the_death_or_the_close);
    until_waiters(cond, 1);
    elsewhere(close_and_die);
    finish_child(waiter);
    assert_true(cond_closed(cond));
}

TEST_SHARED(COND_MUTEX, describe_names_the_lock)
{
    char text[200], small[8];
    int length = cond_describe(cond, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_non_null(strstr(text, "unlocked shared mutex"));
    assert_non_null(strstr(text, ", 0)>"));
    assert_non_null(strstr(text, " depth=0 "));
    acquire();
    length = cond_describe(cond, text, sizeof text);
    assert_non_null(strstr(text, "<locked shared mutex"));
    assert_non_null(strstr(text, " depth=1 "));
    assert_int_equal(cond_describe(cond, small, sizeof small), length);
    assert_int_equal(strlen(small), sizeof small - 1);
    release();
    assert_true(cond_describe(cond, text, sizeof text) > 0);
    assert_non_null(strstr(text, " depth=0 ")); /* not that of the last holder */
}

/* ---- Life ---- */

TEST_SHARED(COND_RLOCK, each_call_returns_einval_after_destroy)
{
    cond_lock_t *lock = &memory->lock;
    char text[100];
    OK(cond_lock_init(lock, COND_SHARED));
    OK(cond_init(&memory->left, lock, COND_SHARED));
    assert_ptr_equal(cond_get_lock(&memory->left), lock);
    OK(cond_destroy(&memory->left));
    OK(cond_destroy(cond));
    OK(cond_lock_destroy(lock));

    const int results[] = {
        cond_destroy(cond), cond_acquire(cond), cond_try_acquire(cond), cond_acquire_timed(cond, 0), cond_release(cond),
        cond_wait(cond, 0), cond_wait_until(cond, 0), cond_wait_for(cond, is_open, NULL, 0), cond_notify(cond, 1),
        cond_notify_all(cond), cond_recover(cond), cond_reinit_after_fork(cond), cond_lock_destroy(lock),
        cond_lock_acquire(lock), cond_lock_try_acquire(lock), cond_lock_acquire_timed(lock, 0), cond_lock_release(lock),
        cond_lock_recover(lock), cond_init(&memory->left, lock, 0), -cond_describe(cond, text, sizeof text),
    };
    for (size_t i = 0; i < LENGTH(results); i++)
        assert_int_equal(results[i], EINVAL);
    assert_false(cond_locked(cond) || cond_owned(cond) || cond_lock_locked(lock) || cond_lock_owned(lock));
    assert_int_equal(cond_waiters(cond), 0);
    assert_null(cond_get_lock(cond));

    make(COND_RLOCK); /* the memory can be used again */
}

static void init_over_a_living_one(void)
{
    struct memory before = *memory;
    REQUIRE(cond_init(cond, NULL, COND_SHARED) == EBUSY);
    REQUIRE(cond_init(cond, NULL, COND_SHARED | COND_MUTEX) == EBUSY);
    REQUIRE(cond_init(cond, &memory->lock, COND_SHARED) == EBUSY);
    REQUIRE(cond_init(&memory->left, &memory->lock, 0) == EBUSY);
    REQUIRE(memcmp(&before, memory, sizeof before) == 0);
}

/* Whether it is held or free; and nothing is written. */
static void init_over_a_living_lock(void)
{
    struct memory before = *memory;
    for (unsigned flags = COND_SHARED; flags <= (COND_SHARED | COND_MUTEX); flags++)
        REQUIRE(cond_lock_init(&memory->lock, flags) == EBUSY);
    REQUIRE(memcmp(&before, memory, sizeof before) == 0);
}

TEST_SHARED(COND_RLOCK, init_over_a_living_lock_is_refused)
{
    cond_lock_t *lock = &memory->lock;
    for (int round = 0; round < 2; round++) { /* the second time over a destroyed lock */
        OK(cond_lock_init(lock, COND_SHARED));
        elsewhere(init_over_a_living_lock);
        OK(cond_lock_acquire(lock));
        OK(cond_lock_acquire(lock));
        init_over_a_living_lock();
        elsewhere(init_over_a_living_lock);
        assert_true(cond_lock_owned(lock));
        OK(cond_lock_release(lock));
        init_over_a_living_lock();
        OK(cond_lock_release(lock));
        init_over_a_living_lock();
        OK(cond_lock_destroy(lock));
    }
    memset(lock, 0xA5, sizeof *lock); /* any other memory is fine */
    OK(cond_lock_init(lock, COND_SHARED));
    OK(cond_lock_destroy(lock));
}

/* Another process is inside init. */
TEST_SHARED(COND_RLOCK, init_during_another_init)
{
    memory->cond.state_ = 0x5EC04D18; /* CONDI_INIT_SHARED, src/object.h */
    assert_int_equal(cond_init(cond, NULL, COND_SHARED), EAGAIN);
    assert_int_equal(cond_acquire(cond), EINVAL);
    memory->lock.depth_ = 0x5EC00000; /* LOCK_SHARED_MARK */
    memory->lock.kind_ = 0xDD;        /* LOCK_DESTROYED */
    assert_int_equal(cond_lock_init(&memory->lock, COND_SHARED), EAGAIN);
    assert_int_equal(cond_lock_acquire(&memory->lock), EINVAL);
}

TEST_SHARED(COND_RLOCK, init_over_a_living_one_is_refused)
{
    OK(cond_lock_init(&memory->lock, COND_SHARED));
    OK(cond_init(&memory->left, &memory->lock, 0));
    acquire();
    elsewhere(init_over_a_living_one);
    release();
    elsewhere(init_over_a_living_one);
    pid_t waiter = start_role(wait_once);
    until_waiters(cond, 1);
    acquire();
    stop(waiter); /* or it could change the object meanwhile */
    release();
    elsewhere(init_over_a_living_one);
    notify(1);
    continue_and_finish(waiter);
}

/* ---- Holders that die ---- */

static void die_with_two_levels(void)
{
    acquire();
    acquire();
}

static void cannot_recover(void) { REQUIRE(cond_recover(cond) == EPERM); }

TEST_SHARED(COND_RLOCK, acquire_reports_a_dead_holder)
{
    for (int way = 0; way < 3; way++) {
        elsewhere(die_with_two_levels);
        assert_int_equal(way == 0   ? cond_acquire(cond)
                         : way == 1 ? cond_try_acquire(cond)
                                    : cond_acquire_timed(cond, COND_SEC(1)),
                         EOWNERDEAD);
        assert_true(cond_owned(cond));
        acquire(); /* one level deeper: the lock is held */
        elsewhere(cannot_recover);
        OK(cond_recover(cond));
        assert_int_equal(cond_recover(cond), EINVAL);
        require_depth(2);
        elsewhere(use_the_free_lock);
    }
}

TEST_SHARED(COND_RLOCK, other_calls_keep_the_report)
{
    char text[100];
    elsewhere(die_with_the_lock);
    (void)cond_locked(cond);
    assert_false(cond_owned(cond));
    assert_int_equal(cond_notify(cond, 1), EPERM);
    assert_int_equal(cond_release(cond), EPERM);
    assert_int_equal(cond_recover(cond), EPERM);
    assert_true(cond_describe(cond, text, sizeof text) > 0);
    acquire_after_death();
    OK(cond_recover(cond));
    require_depth(1);
}

static void wait_for_a_death(void)
{
    for (int i = 0; i < 3; i++)
        acquire();
    int error = memory->open ? cond_wait(cond, COND_FOREVER)
                             : cond_wait_for(cond, is_open, NULL, COND_FOREVER);
    REQUIRE(error == EOWNERDEAD);
    REQUIRE(cond_owned(cond));
    REQUIRE(cond_recover(cond) == 0);
    REQUIRE(cond_recover(cond) == EINVAL);
    require_depth(3);
}

static void ignore(UNUSED int signal) {}

static void wait_for_a_death_among_signals(void)
{
    const struct itimerval often = {{0, 20000}, {0, 20000}}; /* microseconds */
    struct sigaction action = {.sa_flags = SA_RESTART};
    action.sa_handler = ignore;
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
    REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
    wait_for_a_death();
}

static void notify_and_die(void)
{
    acquire();
    REQUIRE(cond_notify(cond, 1) == 0);
}

/* The holder has notified before, or not. In the latter case no process makes another call, and in the last round
   signals interrupt the waiter. */
TEST_SHARED(COND_RLOCK, wait_reports_a_dead_holder)
{
    for (int round = 0; round < 5; round++) {
        renew(COND_RLOCK);
        memory->open = round % 2;
        pid_t waiter = start_role(round < 4 ? wait_for_a_death : wait_for_a_death_among_signals);
        until_waiters(cond, 1);
        elsewhere(round < 2 ? notify_and_die : die_with_two_levels);
        finish_child(waiter);
        elsewhere(use_the_free_lock);
    }
}

static void find_it_lost(void)
{
    REQUIRE(cond_wait(cond, 0) == ENOTRECOVERABLE);
    REQUIRE(cond_notify(cond, 1) == ENOTRECOVERABLE);
    REQUIRE(cond_notify_all(cond) == ENOTRECOVERABLE);
    REQUIRE(cond_acquire(cond) == ENOTRECOVERABLE);
    REQUIRE(cond_try_acquire(cond) == ENOTRECOVERABLE);
    REQUIRE(cond_acquire_timed(cond, COND_SEC(1)) == ENOTRECOVERABLE);
    REQUIRE(!cond_owned(cond));
    REQUIRE(cond_release(cond) == EPERM);
    REQUIRE(cond_recover(cond) == EPERM);
}

static void wait_for_the_loss(void)
{
    acquire();
    memory->step = 1;
    REQUIRE(cond_wait(cond, COND_FOREVER) == ENOTRECOVERABLE);
    REQUIRE(!cond_owned(cond));
}

TEST_SHARED(COND_RLOCK, without_recover_the_lock_is_lost_for_all)
{
    elsewhere(die_with_two_levels);
    acquire_after_death();
    acquire();
    release(); /* one level of two */
    assert_true(cond_owned(cond));
    release();
    find_it_lost();
    elsewhere(find_it_lost);
    OK(cond_destroy(cond));
    make(COND_RLOCK);
    elsewhere(use_the_free_lock);
}

TEST_SHARED(COND_RLOCK, wait_reports_a_lost_lock)
{
    pid_t waiter = start_role(wait_for_the_loss);
    until(&memory->step, 1);
    until_waiters(cond, 1);
    acquire();
    pid_t holder = start_role(die_with_two_levels);
    OK(cond_notify(cond, 1));
    stop(waiter); /* so that this process gets EOWNERDEAD */
    release();
    finish_child(holder);
    acquire_after_death();
    release();
    continue_and_finish(waiter);
}

static void find_it_lost_in_wait(void)
{
    acquire();
    REQUIRE(cond_wait(cond, memory->open ? COND_SEC(1000) : COND_FOREVER) == ENOTRECOVERABLE);
    REQUIRE(!cond_owned(cond));
    REQUIRE(cond_acquire(cond) == ENOTRECOVERABLE);
}

/* Three wait: with a deadline, without one, and one that is killed there. All are uncounted in the end, on a lock
   inside the condition or elsewhere, and the memory can be used again. */
TEST_SHARED(COND_RLOCK, no_waiter_stays_counted_on_a_lost_lock)
{
    for (int separate_lock = 0; separate_lock < 2; separate_lock++) {
        pid_t waiters[3];
        renew_left(separate_lock);
        for (int i = 0; i < 3; i++) {
            memory->open = i == 1;
            waiters[i] = start_role(find_it_lost_in_wait);
            until_waiters(cond, (size_t)i + 1);
        }
        acquire();
        kill_child(waiters[0]);
        pid_t holder = start_role(die_with_the_lock);
        stop(waiters[1]); /* so that this process gets EOWNERDEAD */
        stop(waiters[2]);
        release();
        finish_child(holder);
        acquire_after_death();
        release();
        continue_and_finish(waiters[1]);
        continue_and_finish(waiters[2]);
        assert_int_equal(cond_waiters(cond), 0);
        assert_int_equal(cond_notify_all(cond), ENOTRECOVERABLE);
        OK(cond_destroy(cond));
        OK(cond_init(cond, NULL, COND_SHARED));
        OK(cond_destroy(cond));
        OK(cond_lock_destroy(&memory->lock));
    }
}

static void wait_to_be_killed(void)
{
    acquire();
    (void)cond_wait(cond, COND_FOREVER);
}

/* Start a first waiter and kill it. It stays counted. */
static void kill_a_waiter(void)
{
    pid_t waiter = start_role(wait_to_be_killed);
    until_waiters(cond, 1);
    acquire();
    kill_child(waiter);
    release();
}

/* A notify on a lost lock uncounts the killed waiters: no other process can. */
TEST_SHARED(COND_RLOCK, notify_all_uncounts_killed_waiters_on_a_lost_lock)
{
    make_left_and_right();
    kill_a_waiter();
    elsewhere(die_with_the_lock);
    acquire_after_death();
    release();
    assert_int_equal(cond_waiters(cond), 1);
    assert_int_equal(cond_destroy(cond), EBUSY);
    assert_int_equal(cond_notify_all(cond), ENOTRECOVERABLE);
    assert_int_equal(cond_waiters(cond), 0);
    OK(cond_destroy(cond));
    OK(cond_lock_destroy(&memory->lock));
}

static void wait_until_closed(void)
{
    acquire();
    REQUIRE(cond_wait(cond, COND_FOREVER) == ECANCELED);
    release();
}

static void wait_until_closed_and_destroyed(void)
{
    acquire();
    REQUIRE(cond_wait(cond, COND_FOREVER) == EINVAL);
    REQUIRE(cond_lock_release(&memory->lock) == 0);
}

/* A closed condition counts a killed waiter until notify_all, as an open one does. Another waiter has not left yet. It
   is not counted twice when it leaves. On a separate lock (1, 2) the condition may even be destroyed before (2). */
TEST_SHARED(COND_RLOCK, notify_all_uncounts_killed_waiters_on_a_closed_condition)
{
    for (int way = 0; way < 3; way++) {
        renew_left(way > 0);
        kill_a_waiter();
        pid_t slow = start_role(way < 2 ? wait_until_closed : wait_until_closed_and_destroyed);
        until_waiters(cond, 2);
        acquire();
        stop(slow);
        OK(cond_close(cond));
        release();
        assert_int_equal(cond_waiters(cond), 2);
        assert_int_equal(cond_destroy(cond), EBUSY);
        acquire();
        OK(cond_notify(cond, 1));
        assert_int_equal(cond_waiters(cond), 2);
        OK(cond_notify_all(cond));
        assert_int_equal(cond_waiters(cond), 0);
        release();
        if (way == 2)
            OK(cond_destroy(cond));
        continue_and_finish(slow);
        assert_int_equal(cond_waiters(cond), 0);
        assert_int_equal(cond_destroy(cond), way == 2 ? EINVAL : 0);
        OK(cond_lock_destroy(&memory->lock));
    }
}

static void wait_until_destroyed(void)
{
    acquire();
    REQUIRE(cond_wait(cond, COND_FOREVER) == EINVAL);
}

/* A shared lock does not count the waiters of its conditions. A condition can be destroyed after its lock, though one
   waiter was killed, and another one could not leave the queue. */
TEST_SHARED(COND_RLOCK, a_condition_can_be_destroyed_after_its_lock)
{
    make_left_and_right();
    kill_a_waiter();
    pid_t waiter = start_role(wait_until_destroyed);
    until_waiters(cond, 2);
    assert_int_equal(cond_destroy(cond), EBUSY);
    int error;
    while ((error = cond_lock_destroy(&memory->lock)) == EBUSY) /* a waiter looks at it: its heartbeat */
        ;
    OK(error);
    finish_child(waiter);
    OK(cond_destroy(cond));
    assert_int_equal(cond_destroy(cond), EINVAL);
    OK(cond_destroy(&memory->right));
    make_left_and_right();
    assert_int_equal(cond_waiters(cond), 0);
}

/* ---- Several conditions on one lock ---- */

static void wait_for_a_recover(void)
{
    acquire();
    int error = cond_wait(cond, COND_FOREVER);
    REQUIRE(error == 0 || error == EOWNERDEAD);
    if (error == EOWNERDEAD)
        REQUIRE(cond_recover(cond) == 0);
    release();
}

/* Recoveries end the wait of a waiter on another condition of the lock, however many there are, and wherever their
   count begins. The waiter is stopped meanwhile. */
TEST_SHARED(COND_RLOCK, recoveries_end_waits_on_other_conditions)
{
    static const struct {
        unsigned count, first;
    } cases[] = {{1, 0}, {64, 0}, {256, 0}, {1, UINT16_MAX}, {3, UINT16_MAX - 1}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        renew(COND_RLOCK);
        make_left_and_right();
        memory->lock.spin_ = (uint16_t)cases[i].first; /* recoveries of a shared lock, src/shared.c */
        memory->left.u_.shared.recoveries = memory->right.u_.shared.recoveries = (uint16_t)cases[i].first;
        pid_t waiter = start_role(wait_for_a_recover);
        until_waiters(cond, 1);
        acquire();
        stop(waiter);
        release();
        cond = &memory->right;
        for (unsigned n = 0; n < cases[i].count; n++) {
            elsewhere(die_with_the_lock);
            acquire_after_death();
            OK(cond_recover(cond));
            release();
        }
        cond = &memory->left;
        continue_and_finish(waiter);
        acquire();
        assert_int_equal(cond_waiters(cond), 0);
        release();
    }
}

/* A recover of the lock inside a condition ends the waits on it at once, whichever call recovers. */
TEST_SHARED(COND_RLOCK, recover_ends_waits_on_its_own_condition)
{
    pid_t waiter = start_role(wait_for_a_recover);
    until_waiters(cond, 1);
    acquire();
    pid_t holder = start_role(die_with_the_lock);
    stop(waiter);
    release();
    finish_child(holder);
    acquire_after_death();
    assert_int_equal(cond_waiters(cond), 1);
    OK(cond_lock_recover(cond_get_lock(cond)));
    assert_int_equal(cond_waiters(cond), 0);
    release();
    continue_and_finish(waiter);
}

/* A destroy of the lock inside a condition counts the waiters with the lock held. cond_destroy() does so too, if a wait
   begins after its own count. The waiter is stopped, so that it does not find the death first. */
TEST_SHARED(COND_RLOCK, a_refused_destroy_keeps_the_report)
{
    pid_t waiter = start_role(wait_for_a_recover);
    until_waiters(cond, 1);
    acquire();
    stop(waiter);
    release();
    elsewhere(die_with_the_lock);
    assert_int_equal(cond_destroy(cond), EBUSY);
    assert_int_equal(cond_lock_destroy(cond_get_lock(cond)), EBUSY);
    acquire_after_death();
    OK(cond_recover(cond));
    release();
    continue_and_finish(waiter);
}

static void wait_for_open_on_it(void)
{
    acquire();
    REQUIRE(cond_wait_for(cond, is_open, NULL, COND_FOREVER) == 0);
    memory->through++;
    release();
}

static void notify_all_and_die(void)
{
    acquire();
    REQUIRE(cond_notify_all(cond) == 0);
}

TEST_SHARED(COND_RLOCK, conditions_share_a_lock)
{
    make_left_and_right();
    pid_t left = start_role(wait_for_open_on_it);
    cond = &memory->right;
    pid_t right = start_role(wait_for_open_on_it);
    until_waiters(&memory->left, 1);
    until_waiters(&memory->right, 1);
    acquire();
    stop(left); /* so that this process gets EOWNERDEAD */
    stop(right);
    release();
    elsewhere(notify_all_and_die);
    cond = &memory->left;
    acquire_after_death();
    OK(cond_lock_recover(&memory->lock));
    assert_int_equal(cond_recover(&memory->right), EINVAL); /* one recover is enough */
    REQUIRE(kill(right, SIGCONT) == 0 && kill(left, SIGCONT) == 0);
    memory->open = true;
    OK(cond_notify(&memory->left, 1));
    OK(cond_notify(&memory->right, 1));
    OK(cond_release(&memory->right));
    finish_child(left);
    finish_child(right);
    assert_int_equal(memory->through, 2);
    OK(cond_destroy(&memory->left));
    OK(cond_destroy(&memory->right));
    OK(cond_lock_destroy(&memory->lock));
}

/* ---- Stopped for long ---- */

static void wait_plainly(void)
{
    acquire();
    REQUIRE(cond_wait(cond, COND_SEC(20)) == 0);
    release();
}

static void wait_for_open(void)
{
    acquire();
    REQUIRE(cond_wait_for(cond, is_open, NULL, COND_SEC(20)) == 0);
    release();
}

/* A notified waiter is stopped while others wait 2^31 times, or 2^32 times: its ticket looks like one of the future, or
   like one of the others. It keeps its notification, and the others are counted as they are. */
TEST_SHARED(COND_RLOCK, a_stopped_waiter_keeps_its_notification)
{
    for (int round = 0; round < 8; round++) {
        renew(COND_RLOCK);
        struct cond_shared_queue_ *queue = &cond->u_.shared;
        bool lap = round % 2;
        if (round < 4)
            queue->arrivals = queue->free_below = queue->notified_below = UINT32_MAX;
        pid_t stopped = start_role(round / 2 % 2 ? wait_for_open : wait_plainly);
        until_waiters(cond, 1);
        acquire();
        stop(stopped);
        uint32_t ticket = queue->arrivals - 1;
        memory->open = true;
        OK(cond_notify_all(cond));
        /* As if so many had waited. */
        queue->free_below = queue->notified_below = queue->arrivals = lap ? ticket : ticket + UINT32_MAX / 2 + 5;
        queue->laps = (uint16_t)(queue->laps + lap);
        release();
        pid_t other = start_role(wait_once);
        until_waiters(cond, 1);
        continue_and_finish(stopped);
        acquire();
        assert_int_equal(cond_waiters(cond), 1);
        OK(cond_notify(cond, 1));
        assert_int_equal(cond_waiters(cond), 0);
        release();
        finish_child(other);
    }
}

/* ---- Destroy beside other threads ---- */

struct late {
    cond_t *late;  /* destroyed meanwhile */
    bool waits;
    atomic_int stage;
};

/* Each call returns 0 or EINVAL. The thread's list of robust mutexes must not keep the destroyed one: after that memory
   was unmapped, acquiring the lock of `cond` would follow the list. */
static void *use_both(void *arg)
{
    struct late *l = arg;
    if (!l->waits)
        atomic_store(&l->stage, 1);
    int error = cond_acquire(l->late);
    if (error == 0 && l->waits) {
        atomic_store(&l->stage, 1);
        error = cond_wait(l->late, COND_FOREVER);
    }
    REQUIRE(error == 0 || error == EINVAL);
    if (error == 0)
        REQUIRE(cond_release(l->late) == 0);
    atomic_store(&l->stage, 2);
    until(&l->stage, 3);
    acquire();
    release();
    return NULL;
}

TEST_SHARED(COND_RLOCK, destroy_beside_a_thread_that_wants_the_lock)
{
    for (int round = 0; round < 200; round++) {
        struct memory *brief = map(-1, MAP_ANONYMOUS);
        struct late l = {.late = &brief->cond, .waits = round % 2};
        OK(cond_init(l.late, NULL, COND_SHARED | (round % 4 < 2 ? COND_RLOCK : COND_MUTEX)));
        if (!l.waits)
            OK(cond_acquire(l.late));
        pthread_t thread = start(use_both, &l);
        until(&l.stage, 1);
        if (l.waits) {
            OK(cond_acquire(l.late));
            OK(cond_notify_all(l.late));
        } else {
            for (int i = 0; i < round % 20; i++)
                (void)sched_yield(); /* the thread may be asleep by now, or not */
        }
        OK(cond_release(l.late));
        int error;
        while ((error = cond_destroy(l.late)) != 0)
            assert_int_equal(error, EBUSY);
        until(&l.stage, 2);
        unmap(brief);
        atomic_store(&l.stage, 3);
        (void)finish(thread);
    }
}

/* ---- The same memory at two addresses ---- */

struct pair {
    struct memory *here, *there;
    bool lock_elsewhere;
};

static cond_t *cond_at(struct memory *mapped, const struct pair *pair)
{
    return pair->lock_elsewhere ? &mapped->left : &mapped->cond;
}

static bool is_turn_1(void *arg) { return ((struct memory *)arg)->turn == 1; }
static bool is_turn_0(void *arg) { return ((struct memory *)arg)->turn == 0; }

/* Two threads or processes call this, with `mine` 0 and 1. */
static void take_turns(struct memory *mapped, cond_t *on, int mine)
{
    for (int i = 0; i < TURNS; i++) {
        REQUIRE(cond_acquire(on) == 0);
        if (i % 2)
            REQUIRE(cond_wait_for(on, mine ? is_turn_1 : is_turn_0, mapped, COND_FOREVER) == 0);
        while (mapped->turn != mine)
            REQUIRE(cond_wait(on, COND_FOREVER) == 0);
        mapped->turn = 1 - mine;
        REQUIRE((mine ? cond_notify(on, 1) : cond_notify_all(on)) == 0);
        REQUIRE(cond_release(on) == 0);
    }
}

static void *take_turns_there(void *arg)
{
    const struct pair *pair = arg;
    take_turns(pair->there, cond_at(pair->there, pair), 1);
    return NULL;
}

TEST(two_mappings_are_one_condition)
{
#ifdef TSAN
    skip(); /* it takes one mutex at two addresses for two */
#endif
    int file = memfd_create("condvar", MFD_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, MEMORY), 0);
    struct pair pair = {.here = map(file, 0), .there = map(file, 0)};
    assert_ptr_not_equal(pair.here, pair.there);
    OK(cond_init(&pair.here->cond, NULL, COND_SHARED));
    OK(cond_lock_init(&pair.there->lock, COND_SHARED));
    OK(cond_init(&pair.there->left, &pair.there->lock, 0));

    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        pair.lock_elsewhere = elsewhere;
        cond_t *here = cond_at(pair.here, &pair), *there = cond_at(pair.there, &pair);
        if (elsewhere) {
            assert_ptr_equal(cond_get_lock(here), &pair.here->lock);
            assert_ptr_equal(cond_get_lock(there), &pair.there->lock);
        }
        /* Acquire by one, release by the other. */
        OK(cond_acquire(here));
        assert_true(cond_owned(there) && cond_locked(there));
        OK(cond_acquire(there));
        assert_int_equal(cond_wait(there, COND_MS(1)), ETIMEDOUT);
        OK(cond_notify(here, 1));
        OK(cond_release(there));
        OK(cond_release(there));
        assert_false(cond_owned(here));
        assert_int_equal(cond_init(there, NULL, COND_SHARED), EBUSY);

        pthread_t thread = start(take_turns_there, &pair);
        take_turns(pair.here, here, 0);
        (void)finish(thread);
        assert_int_equal(pair.here->turn, 0);
        OK(cond_destroy(there));
        assert_int_equal(cond_acquire(here), EINVAL);
    }
    OK(cond_lock_destroy(&pair.here->lock));
    unmap(pair.here);
    unmap(pair.there);
    (void)close(file);
}

/* ---- Programs that share only a file ---- */

static int open_named(const char *name)
{
    int file = strncmp(name, "/proc/", 6) == 0 ? open(name, O_RDWR | O_CLOEXEC) : shm_open(name, O_RDWR, 0);
    REQUIRE(file >= 0);
    return file;
}

static int be_peer(const char *name)
{
    /* So that the memory has another address here. */
    REQUIRE(mmap(NULL, MEMORY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    memory = map(open_named(name), 0);
    take_turns(memory, &memory->left, 1);
    REQUIRE(cond_init(&memory->left, NULL, COND_SHARED) == EBUSY);
    REQUIRE(cond_acquire(&memory->left) == 0); /* and exits */
    memory->caller = getpid();
    _Exit(0);
}

static void test_with_peer(const char *name, int file)
{
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, MEMORY), 0);
    memory = map(file, 0);
    OK(cond_lock_init(&memory->lock, COND_SHARED | COND_MUTEX));
    OK(cond_init(&memory->left, &memory->lock, 0));
    pid_t peer = fork();
    REQUIRE(peer >= 0);
    if (peer == 0) {
        (void)execl(program, program, "--peer", name, (char *)NULL);
        _Exit(2);
    }
    take_turns(memory, &memory->left, 0);
    finish_child(peer);
    assert_int_equal(cond_acquire(&memory->left), EOWNERDEAD);
    assert_int_equal(memory->caller, peer);
    OK(cond_recover(&memory->left));
    OK(cond_release(&memory->left));
    OK(cond_destroy(&memory->left));
    OK(cond_lock_destroy(&memory->lock));
    unmap(memory);
    (void)close(file);
}

TEST(unrelated_programs_by_memfd)
{
    char name[64];
    int file = memfd_create("condvar", MFD_CLOEXEC);
    (void)snprintf(name, sizeof name, "/proc/%ld/fd/%d", (long)getpid(), file);
    test_with_peer(name, file);
}

TEST(unrelated_programs_by_shm_open)
{
    char name[64];
    (void)snprintf(name, sizeof name, "/condvar-test-%ld", (long)getpid());
    int file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    test_with_peer(name, file);
    (void)shm_unlink(name);
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 3 && strcmp(argv[1], "--peer") == 0)
        return be_peer(argv[2]);
    if (!kind_is_possible(OWN_SHARED))
        return 77;
    return RUN_TESTS("shared");
}
