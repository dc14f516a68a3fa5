/* SPDX-License-Identifier: MIT */
/*
 * COND_SHARED, call by call: between the processes of a fork, between programs that know only a file, and
 * over two mappings of the same memory in one process. What happens at each step of a kill is in
 * tests/property/shared_orders.c, and with real kills in tests/stress/shared_*.c.
 *
 *      test_shared                 the tests
 *      test_shared --peer FILE     the other program of some of them, which shares the memory of FILE
 *
 * A process that dies while it holds the lock is one that ends without releasing it: to the system that is
 * the same as a kill. Children judge by REQUIRE, which ends them with status 1.
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
/* EPERM is the mutex's own answer to a release by one who does not hold it, which is a mistake to
   ThreadSanitizer. Here such mistakes are made on purpose. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "mutex:robust_release\n";
}
#endif

enum { MEMORY = 4096, TURNS = 200 };

/* What is in the shared memory. */
struct memory {
    cond_t cond;        /* on its own lock */
    cond_lock_t lock;   /* of the two below */
    cond_t left, right;
    bool open;          /* under a lock, as all below */
    int turn;
    int through;
    pid_t asked;        /* who was in a predicate last */
    atomic_int step;
};

static const char *program;

/* ---- Memory and processes ---- */

static struct memory *map_file(int file)
{
    void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    REQUIRE(memory != MAP_FAILED);
    return memory;
}

static struct memory *map_new(void)
{
    void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    return memory;
}

/* Its processes are gone. */
static void unmap(struct memory *memory)
{
    REQUIRE(munmap(memory, MEMORY) == 0);
}

typedef void role(struct memory *memory);

static pid_t start_role(role *play, struct memory *memory)
{
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        play(memory);
        _Exit(0);
    }
    return child;
}

static void await_end(pid_t child)
{
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
}

/* Let another process do something, from beginning to end. */
static void elsewhere(role *play, struct memory *memory)
{
    await_end(start_role(play, memory));
}

static void make(cond_t *cond, unsigned flags)
{
    OK(cond_init(cond, NULL, COND_SHARED | flags));
}

static bool is_open(void *arg)
{
    struct memory *memory = arg;
    memory->asked = getpid();
    return memory->open;
}

/* The caller holds it exactly so deep, and no longer when this returns. */
static void require_depth(cond_t *cond, int depth)
{
    for (int i = 0; i < depth; i++) {
        REQUIRE(cond_owned(cond));
        REQUIRE(cond_release(cond) == 0);
    }
    REQUIRE(!cond_owned(cond));
    REQUIRE(cond_release(cond) == EPERM);
}

/* ---- The lock ---- */

static void find_it_held(struct memory *memory)
{
    REQUIRE(cond_locked(&memory->cond));
    REQUIRE(!cond_owned(&memory->cond));
    REQUIRE(cond_try_acquire(&memory->cond) == EBUSY);
    REQUIRE(cond_acquire_timed(&memory->cond, 0) == ETIMEDOUT);
    int64_t began_ns = cond_now();
    REQUIRE(cond_acquire_timed(&memory->cond, COND_MS(2)) == ETIMEDOUT);
    REQUIRE(cond_now() - began_ns >= COND_MS(2));
    REQUIRE(cond_release(&memory->cond) == EPERM);
    REQUIRE(cond_wait(&memory->cond, 0) == EPERM);
    REQUIRE(cond_wait_until(&memory->cond, 0) == EPERM);
    REQUIRE(cond_wait_for(&memory->cond, is_open, memory, 0) == EPERM);
    REQUIRE(cond_notify(&memory->cond, 1) == EPERM);
    REQUIRE(cond_notify_all(&memory->cond) == EPERM);
    REQUIRE(cond_recover(&memory->cond) == EPERM);
    REQUIRE(cond_destroy(&memory->cond) == EBUSY);
    REQUIRE(cond_reinit_after_fork(&memory->cond) == 0); /* leaves the living alone */
    REQUIRE(cond_try_acquire(&memory->cond) == EBUSY);
    REQUIRE(cond_init(&memory->cond, NULL, COND_SHARED) == EBUSY);
}

static void use_the_free_lock(struct memory *memory)
{
    REQUIRE(!cond_locked(&memory->cond));
    REQUIRE(cond_release(&memory->cond) == EPERM);
    REQUIRE(cond_notify(&memory->cond, 1) == EPERM);
    REQUIRE(cond_wait(&memory->cond, 0) == EPERM);
    REQUIRE(cond_try_acquire(&memory->cond) == 0);
    REQUIRE(cond_release(&memory->cond) == 0);
    REQUIRE(cond_acquire_timed(&memory->cond, COND_FOREVER) == 0);
    REQUIRE(cond_recover(&memory->cond) == EINVAL);
    REQUIRE(cond_release(&memory->cond) == 0);
}

TEST(the_lock_is_one_for_all_processes)
{
    for (unsigned flags = COND_RLOCK; flags <= COND_MUTEX; flags++) {
        struct memory *memory = map_new();
        make(&memory->cond, flags);
        elsewhere(use_the_free_lock, memory);
        OK(cond_acquire(&memory->cond));
        if (flags == COND_RLOCK)
            OK(cond_acquire(&memory->cond));
        elsewhere(find_it_held, memory);
        assert_true(cond_owned(&memory->cond));
        assert_int_equal(cond_recover(&memory->cond), EINVAL);
        assert_int_equal(cond_destroy(&memory->cond), EBUSY);
        require_depth(&memory->cond, flags == COND_RLOCK ? 2 : 1);
        elsewhere(use_the_free_lock, memory);
        OK(cond_destroy(&memory->cond));
        unmap(memory);
    }
}

TEST(a_mutex_is_not_recursive)
{
    struct memory *memory = map_new();
    make(&memory->cond, COND_MUTEX);
    OK(cond_acquire(&memory->cond));
    assert_int_equal(cond_acquire(&memory->cond), EDEADLK);
    assert_int_equal(cond_try_acquire(&memory->cond), EDEADLK);
    assert_int_equal(cond_acquire_timed(&memory->cond, COND_MS(1)), EDEADLK);
    require_depth(&memory->cond, 1);
    OK(cond_destroy(&memory->cond));
    unmap(memory);
}

TEST(recursion_has_an_end)
{
    struct memory *memory = map_new();
    make(&memory->cond, COND_RLOCK);
    for (unsigned depth = 0; depth < COND_DEPTH_MAX; depth++)
        REQUIRE(cond_acquire(&memory->cond) == 0);
    assert_int_equal(cond_acquire(&memory->cond), EAGAIN);
    assert_int_equal(cond_try_acquire(&memory->cond), EAGAIN);
    for (unsigned depth = 0; depth < COND_DEPTH_MAX; depth++)
        REQUIRE(cond_release(&memory->cond) == 0);
    assert_false(cond_owned(&memory->cond));
    OK(cond_destroy(&memory->cond));
    unmap(memory);
}

/* ---- Wait and notify ---- */

static void wait_at_depth_3(struct memory *memory)
{
    cond_t *cond = &memory->cond;
    for (int i = 0; i < 3; i++)
        REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_wait(cond, COND_MS(1)) == ETIMEDOUT);
    REQUIRE(cond_wait_until(cond, cond_now()) == ETIMEDOUT);
    memory->step = 1;
    REQUIRE(cond_wait(cond, COND_FOREVER) == 0);
    memory->through++;
    require_depth(cond, 3);
}

TEST(wait_gives_back_and_restores_all_levels)
{
    struct memory *memory = map_new();
    make(&memory->cond, COND_RLOCK);
    pid_t waiter = start_role(wait_at_depth_3, memory);
    until(&memory->step, 1);
    until_waiters(&memory->cond, 1); /* the lock can be had, so it was given back */
    assert_int_equal(cond_destroy(&memory->cond), EBUSY);
    OK(cond_acquire(&memory->cond));
    OK(cond_notify(&memory->cond, 1));
    assert_int_equal(cond_waiters(&memory->cond), 0);
    assert_int_equal(memory->through, 0);
    OK(cond_release(&memory->cond));
    await_end(waiter);
    assert_int_equal(memory->through, 1);
    OK(cond_destroy(&memory->cond));
    unmap(memory);
}

static void wait_until_open(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    REQUIRE(cond_wait_for(&memory->cond, is_open, memory, COND_US(100)) == ETIMEDOUT);
    REQUIRE(memory->asked == getpid());
    memory->step = 1;
    REQUIRE(cond_wait_for(&memory->cond, is_open, memory, COND_FOREVER) == 0);
    REQUIRE(memory->open && memory->asked == getpid());
    memory->through++;
    REQUIRE(cond_release(&memory->cond) == 0);
}

TEST(the_waiter_itself_evaluates_its_predicate)
{
    struct memory *memory = map_new();
    make(&memory->cond, COND_RLOCK);
    pid_t waiter = start_role(wait_until_open, memory);
    until(&memory->step, 1);
    until_waiters(&memory->cond, 1);
    for (int i = 0; i < 10; i++) {
        OK(cond_acquire(&memory->cond));
        OK(cond_notify(&memory->cond, 1)); /* for nothing */
        OK(cond_release(&memory->cond));
    }
    OK(cond_acquire(&memory->cond));
    memory->open = true;
    OK(cond_notify(&memory->cond, 1));
    OK(cond_release(&memory->cond));
    await_end(waiter);
    assert_int_equal(memory->asked, waiter);
    OK(cond_acquire(&memory->cond));
    OK(cond_wait_for(&memory->cond, is_open, memory, 0)); /* true at once */
    assert_int_equal(memory->asked, getpid());
    OK(cond_release(&memory->cond));
    OK(cond_destroy(&memory->cond));
    unmap(memory);
}

static void wait_once(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    REQUIRE(cond_wait(&memory->cond, COND_FOREVER) == 0);
    memory->through++;
    REQUIRE(cond_release(&memory->cond) == 0);
}

static int through(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    int result = memory->through;
    REQUIRE(cond_release(&memory->cond) == 0);
    return result;
}

TEST(notify_lets_at_least_so_many_go)
{
    enum { WAITERS = 6 };
    for (size_t n = 1; n <= WAITERS + 1; n++) {
        struct memory *memory = map_new();
        pid_t waiters[WAITERS];
        make(&memory->cond, COND_RLOCK);
        for (int i = 0; i < WAITERS; i++)
            waiters[i] = start_role(wait_once, memory);
        until_waiters(&memory->cond, WAITERS);
        OK(cond_acquire(&memory->cond));
        OK(cond_notify(&memory->cond, 0));
        assert_int_equal(cond_waiters(&memory->cond), WAITERS);
        OK(cond_notify(&memory->cond, n));
        assert_int_equal(cond_waiters(&memory->cond), n < WAITERS ? WAITERS - n : 0);
        OK(cond_release(&memory->cond));
        while (through(memory) < (int)(n < WAITERS ? n : WAITERS))
            (void)sched_yield();
        OK(cond_acquire(&memory->cond));
        OK(cond_notify_all(&memory->cond));
        assert_int_equal(cond_waiters(&memory->cond), 0);
        OK(cond_release(&memory->cond));
        for (int i = 0; i < WAITERS; i++)
            await_end(waiters[i]);
        assert_int_equal(memory->through, WAITERS);
        OK(cond_destroy(&memory->cond));
        unmap(memory);
    }
}

static void wait_for_the_close(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    REQUIRE(cond_wait(&memory->cond, COND_FOREVER) == ECANCELED);
    memory->through++;
    REQUIRE(cond_release(&memory->cond) == 0);
}

static void wait_for_open_or_close(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    REQUIRE(cond_wait_for(&memory->cond, is_open, memory, COND_SEC(1000)) == ECANCELED);
    memory->through++;
    REQUIRE(cond_release(&memory->cond) == 0);
}

static void find_it_closed(struct memory *memory)
{
    REQUIRE(cond_init(&memory->cond, NULL, COND_SHARED) == EBUSY);
    REQUIRE(cond_closed(&memory->cond));
    REQUIRE(cond_acquire(&memory->cond) == 0);
    REQUIRE(cond_wait(&memory->cond, COND_FOREVER) == ECANCELED);
    REQUIRE(cond_wait_for(&memory->cond, is_open, memory, COND_FOREVER) == ECANCELED);
    memory->open = true;
    REQUIRE(cond_wait_for(&memory->cond, is_open, memory, COND_FOREVER) == 0);
    memory->open = false;
    REQUIRE(cond_notify_all(&memory->cond) == 0);
    REQUIRE(cond_release(&memory->cond) == 0);
}

TEST(close_ends_the_waits_of_all_processes)
{
    struct memory *memory = map_new();
    make(&memory->cond, COND_SHARED);
    pid_t children[] = {start_role(wait_for_the_close, memory), start_role(wait_for_open_or_close, memory),
                        start_role(wait_for_the_close, memory)};
    until_waiters(&memory->cond, LENGTH(children));
    assert_int_equal(cond_close(&memory->cond), EPERM);
    OK(cond_acquire(&memory->cond));
    assert_false(cond_closed(&memory->cond));
    OK(cond_close(&memory->cond));
    assert_true(cond_closed(&memory->cond));
    OK(cond_close(&memory->cond));
    OK(cond_notify_all(&memory->cond));
    assert_int_equal(cond_cancel(&memory->cond, &(cond_token_t){0}), ENOTSUP);
    assert_int_equal(cond_await(&memory->cond, is_open, memory, 0), ENOTSUP);
    OK(cond_release(&memory->cond));
    for (unsigned i = 0; i < LENGTH(children); i++)
        await_end(children[i]);
    assert_int_equal(memory->through, LENGTH(children));
    assert_int_equal(cond_waiters(&memory->cond), 0);
    elsewhere(find_it_closed, memory);
    OK(cond_destroy(&memory->cond));
    make(&memory->cond, COND_SHARED);
    assert_false(cond_closed(&memory->cond));
    OK(cond_destroy(&memory->cond));
    unmap(memory);
}

/* It has marked the condition, and is killed before anybody is woken: they see it by themselves. */
static void close_and_die(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    REQUIRE(cond_close(&memory->cond) == 0);
    _exit(0);
}

static void wait_for_the_death_or_the_close(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    int result = cond_wait(&memory->cond, COND_FOREVER);
    REQUIRE(result == EOWNERDEAD || result == ECANCELED);
    if (result == EOWNERDEAD)
        REQUIRE(cond_recover(&memory->cond) == 0);
    REQUIRE(cond_closed(&memory->cond));
    REQUIRE(cond_wait(&memory->cond, COND_FOREVER) == ECANCELED);
    REQUIRE(cond_release(&memory->cond) == 0);
}

TEST(closed_by_a_killed_process)
{
    struct memory *memory = map_new();
    make(&memory->cond, COND_SHARED);
    pid_t waiter = start_role(wait_for_the_death_or_the_close, memory);
    until_waiters(&memory->cond, 1);
    await_end(start_role(close_and_die, memory));
    await_end(waiter);
    assert_true(cond_closed(&memory->cond));
    OK(cond_destroy(&memory->cond));
    unmap(memory);
}

TEST(describe_tells_what_it_is)
{
    struct memory *memory = map_new();
    char text[200], small[8];
    make(&memory->cond, COND_MUTEX);
    int length = cond_describe(&memory->cond, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_non_null(strstr(text, "unlocked shared mutex"));
    assert_non_null(strstr(text, ", 0)>"));
    assert_non_null(strstr(text, " depth=0 "));
    OK(cond_acquire(&memory->cond));
    length = cond_describe(&memory->cond, text, sizeof text);
    assert_non_null(strstr(text, "<locked shared mutex"));
    assert_non_null(strstr(text, " depth=1 "));
    assert_int_equal(cond_describe(&memory->cond, small, sizeof small), length);
    assert_int_equal(strlen(small), sizeof small - 1);
    OK(cond_release(&memory->cond));
    assert_true(cond_describe(&memory->cond, text, sizeof text) > 0);
    assert_non_null(strstr(text, " depth=0 ")); /* and not that of its last holder */
    OK(cond_destroy(&memory->cond));
    unmap(memory);
}

/* ---- Life ---- */

TEST(after_destroy_everything_answers_einval)
{
    struct memory *memory = map_new();
    cond_t *cond = &memory->cond;
    cond_lock_t *lock = &memory->lock;
    char text[100];
    make(cond, COND_RLOCK);
    OK(cond_lock_init(lock, COND_SHARED));
    OK(cond_init(&memory->left, lock, COND_SHARED));
    assert_ptr_equal(cond_get_lock(&memory->left), lock);
    OK(cond_destroy(&memory->left));
    OK(cond_destroy(cond));
    OK(cond_lock_destroy(lock));

    assert_int_equal(cond_destroy(cond), EINVAL);
    assert_int_equal(cond_acquire(cond), EINVAL);
    assert_int_equal(cond_try_acquire(cond), EINVAL);
    assert_int_equal(cond_acquire_timed(cond, 0), EINVAL);
    assert_int_equal(cond_release(cond), EINVAL);
    assert_int_equal(cond_wait(cond, 0), EINVAL);
    assert_int_equal(cond_wait_until(cond, 0), EINVAL);
    assert_int_equal(cond_wait_for(cond, is_open, memory, 0), EINVAL);
    assert_int_equal(cond_notify(cond, 1), EINVAL);
    assert_int_equal(cond_notify_all(cond), EINVAL);
    assert_int_equal(cond_recover(cond), EINVAL);
    assert_int_equal(cond_reinit_after_fork(cond), EINVAL);
    assert_int_equal(cond_describe(cond, text, sizeof text), -EINVAL);
    assert_false(cond_locked(cond));
    assert_false(cond_owned(cond));
    assert_int_equal(cond_waiters(cond), 0);
    assert_null(cond_get_lock(cond));
    assert_int_equal(cond_lock_destroy(lock), EINVAL);
    assert_int_equal(cond_lock_acquire(lock), EINVAL);
    assert_int_equal(cond_lock_try_acquire(lock), EINVAL);
    assert_int_equal(cond_lock_acquire_timed(lock, 0), EINVAL);
    assert_int_equal(cond_lock_release(lock), EINVAL);
    assert_int_equal(cond_lock_recover(lock), EINVAL);
    assert_false(cond_lock_locked(lock));
    assert_false(cond_lock_owned(lock));
    assert_int_equal(cond_init(&memory->left, lock, 0), EINVAL);

    make(cond, COND_RLOCK); /* the memory can be used again */
    OK(cond_destroy(cond));
    unmap(memory);
}

static void init_over_a_living_one(struct memory *memory)
{
    struct memory before = *memory;
    REQUIRE(cond_init(&memory->cond, NULL, COND_SHARED) == EBUSY);
    REQUIRE(cond_init(&memory->cond, NULL, COND_SHARED | COND_MUTEX) == EBUSY);
    REQUIRE(cond_init(&memory->cond, &memory->lock, COND_SHARED) == EBUSY);
    REQUIRE(cond_init(&memory->left, &memory->lock, 0) == EBUSY);
    REQUIRE(memcmp(&before, memory, sizeof before) == 0);
}

/* Held or free, by whomever; and nothing has changed. */
static void init_over_a_living_lock(struct memory *memory)
{
    struct memory before = *memory;
    for (unsigned flags = COND_SHARED; flags <= (COND_SHARED | COND_MUTEX); flags++)
        REQUIRE(cond_lock_init(&memory->lock, flags) == EBUSY);
    REQUIRE(memcmp(&before, memory, sizeof before) == 0);
}

TEST(init_over_a_living_lock_is_refused)
{
    struct memory *memory = map_new();
    cond_lock_t *lock = &memory->lock;
    for (int round = 0; round < 2; round++) { /* the second time where one was destroyed */
        OK(cond_lock_init(lock, COND_SHARED));
        elsewhere(init_over_a_living_lock, memory);
        OK(cond_lock_acquire(lock));
        OK(cond_lock_acquire(lock));
        init_over_a_living_lock(memory);
        elsewhere(init_over_a_living_lock, memory);
        assert_true(cond_lock_owned(lock));
        OK(cond_lock_release(lock));
        init_over_a_living_lock(memory);
        OK(cond_lock_release(lock));
        init_over_a_living_lock(memory);
        OK(cond_lock_destroy(lock));
    }
    memset(lock, 0xA5, sizeof *lock); /* any memory else will do */
    OK(cond_lock_init(lock, COND_SHARED));
    OK(cond_lock_destroy(lock));
    unmap(memory);
}

/* While another process makes it, both calls say so. */
TEST(init_tells_that_another_is_making_it)
{
    struct memory *memory = map_new();
    memory->cond.state_ = 0x5EC04D18; /* COND_INIT_SHARED, src/object.h */
    assert_int_equal(cond_init(&memory->cond, NULL, COND_SHARED), EAGAIN);
    assert_int_equal(cond_acquire(&memory->cond), EINVAL);
    memory->lock.depth_ = 0x5EC00000; /* LOCK_SHARED_MARK */
    memory->lock.kind_ = 0xDD;        /* LOCK_DESTROYED */
    assert_int_equal(cond_lock_init(&memory->lock, COND_SHARED), EAGAIN);
    assert_int_equal(cond_lock_acquire(&memory->lock), EINVAL);
    unmap(memory);
}

TEST(init_over_a_living_one_is_refused)
{
    struct memory *memory = map_new();
    make(&memory->cond, COND_RLOCK);
    OK(cond_lock_init(&memory->lock, COND_SHARED));
    OK(cond_init(&memory->left, &memory->lock, 0));
    OK(cond_acquire(&memory->cond));
    elsewhere(init_over_a_living_one, memory);
    OK(cond_release(&memory->cond));
    elsewhere(init_over_a_living_one, memory);
    pid_t waiter = start_role(wait_once, memory);
    until_waiters(&memory->cond, 1);
    elsewhere(init_over_a_living_one, memory);
    OK(cond_acquire(&memory->cond));
    OK(cond_notify(&memory->cond, 1));
    OK(cond_release(&memory->cond));
    await_end(waiter);
    OK(cond_destroy(&memory->cond));
    unmap(memory);
}

/* ---- Holders that die ---- */

static void die_with_the_lock(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    REQUIRE(cond_acquire(&memory->cond) == 0);
}

static void cannot_recover(struct memory *memory)
{
    REQUIRE(cond_recover(&memory->cond) == EPERM);
}

TEST(acquire_says_that_the_holder_died)
{
    struct memory *memory = map_new();
    make(&memory->cond, COND_RLOCK);
    for (int way = 0; way < 3; way++) {
        elsewhere(die_with_the_lock, memory);
        assert_int_equal(way == 0 ? cond_acquire(&memory->cond)
                         : way == 1 ? cond_try_acquire(&memory->cond)
                                    : cond_acquire_timed(&memory->cond, COND_SEC(1)),
                         EOWNERDEAD);
        assert_true(cond_owned(&memory->cond));
        OK(cond_acquire(&memory->cond)); /* recursively: the lock is held */
        elsewhere(cannot_recover, memory);
        OK(cond_recover(&memory->cond));
        assert_int_equal(cond_recover(&memory->cond), EINVAL);
        require_depth(&memory->cond, 2);
        elsewhere(use_the_free_lock, memory);
    }
    OK(cond_destroy(&memory->cond));
    unmap(memory);
}

TEST(looking_does_not_forget_that_the_holder_died)
{
    struct memory *memory = map_new();
    char text[100];
    make(&memory->cond, COND_RLOCK);
    elsewhere(die_with_the_lock, memory);
    (void)cond_locked(&memory->cond);
    assert_false(cond_owned(&memory->cond));
    assert_int_equal(cond_notify(&memory->cond, 1), EPERM);
    assert_int_equal(cond_release(&memory->cond), EPERM);
    assert_int_equal(cond_recover(&memory->cond), EPERM);
    assert_true(cond_describe(&memory->cond, text, sizeof text) > 0);
    assert_int_equal(cond_acquire(&memory->cond), EOWNERDEAD);
    OK(cond_recover(&memory->cond));
    require_depth(&memory->cond, 1);
    OK(cond_destroy(&memory->cond));
    unmap(memory);
}

static void wait_for_a_death(struct memory *memory)
{
    cond_t *cond = &memory->cond;
    for (int i = 0; i < 3; i++)
        REQUIRE(cond_acquire(cond) == 0);
    int error = memory->open ? cond_wait(cond, COND_FOREVER)
                             : cond_wait_for(cond, is_open, memory, COND_FOREVER);
    REQUIRE(error == EOWNERDEAD);
    REQUIRE(cond_owned(cond));
    REQUIRE(cond_recover(cond) == 0);
    REQUIRE(cond_recover(cond) == EINVAL);
    require_depth(cond, 3);
}

static void nothing(int signal)
{
    (void)signal;
}

static void wait_for_a_death_among_signals(struct memory *memory)
{
    const struct itimerval often = {{0, 20000}, {0, 20000}}; /* microseconds: each sleep is cut short */
    struct sigaction action = {.sa_flags = SA_RESTART};
    action.sa_handler = nothing;
    REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
    REQUIRE(setitimer(ITIMER_REAL, &often, NULL) == 0);
    wait_for_a_death(memory);
}

static void notify_and_die(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    REQUIRE(cond_notify(&memory->cond, 1) == 0);
}

TEST(wait_says_that_the_holder_died)
{
    /* It has notified before; or it has not, and no other call is made by anybody, in the end among signals. */
    for (int round = 0; round < 5; round++) {
        struct memory *memory = map_new();
        make(&memory->cond, COND_RLOCK);
        memory->open = round % 2;
        pid_t waiter = start_role(round < 4 ? wait_for_a_death : wait_for_a_death_among_signals, memory);
        until_waiters(&memory->cond, 1);
        elsewhere(round < 2 ? notify_and_die : die_with_the_lock, memory);
        await_end(waiter);
        elsewhere(use_the_free_lock, memory);
        OK(cond_destroy(&memory->cond));
        unmap(memory);
    }
}

/* It runs no more when this returns. */
static void stop(pid_t child)
{
    int status;
    REQUIRE(kill(child, SIGSTOP) == 0);
    REQUIRE(waitpid(child, &status, WUNTRACED) == child);
    REQUIRE(WIFSTOPPED(status));
}

static void find_it_lost(struct memory *memory)
{
    REQUIRE(cond_wait(&memory->cond, 0) == ENOTRECOVERABLE);
    REQUIRE(cond_notify(&memory->cond, 1) == ENOTRECOVERABLE);
    REQUIRE(cond_notify_all(&memory->cond) == ENOTRECOVERABLE);
    REQUIRE(cond_acquire(&memory->cond) == ENOTRECOVERABLE);
    REQUIRE(cond_try_acquire(&memory->cond) == ENOTRECOVERABLE);
    REQUIRE(cond_acquire_timed(&memory->cond, COND_SEC(1)) == ENOTRECOVERABLE);
    REQUIRE(!cond_owned(&memory->cond));
    REQUIRE(cond_release(&memory->cond) == EPERM);
    REQUIRE(cond_recover(&memory->cond) == EPERM);
}

static void wait_for_the_loss(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    memory->step = 1;
    REQUIRE(cond_wait(&memory->cond, COND_FOREVER) == ENOTRECOVERABLE);
    REQUIRE(!cond_owned(&memory->cond));
}

TEST(without_recover_it_is_lost_for_all)
{
    struct memory *memory = map_new();
    make(&memory->cond, COND_RLOCK);
    elsewhere(die_with_the_lock, memory);
    assert_int_equal(cond_acquire(&memory->cond), EOWNERDEAD);
    OK(cond_acquire(&memory->cond));
    OK(cond_release(&memory->cond)); /* one level of two: not yet */
    assert_true(cond_owned(&memory->cond));
    OK(cond_release(&memory->cond));
    find_it_lost(memory);
    elsewhere(find_it_lost, memory);
    OK(cond_destroy(&memory->cond));
    make(&memory->cond, COND_RLOCK);
    elsewhere(use_the_free_lock, memory);
    OK(cond_destroy(&memory->cond));
    unmap(memory);
}

TEST(a_waiter_learns_of_the_loss)
{
    struct memory *memory = map_new();
    make(&memory->cond, COND_RLOCK);
    pid_t waiter = start_role(wait_for_the_loss, memory);
    until(&memory->step, 1);
    until_waiters(&memory->cond, 1);
    OK(cond_acquire(&memory->cond));
    pid_t dead = start_role(die_with_the_lock, memory);
    OK(cond_notify(&memory->cond, 1));
    stop(waiter); /* so that it is not the one to be told */
    OK(cond_release(&memory->cond));
    await_end(dead);
    assert_int_equal(cond_acquire(&memory->cond), EOWNERDEAD);
    OK(cond_release(&memory->cond));
    assert_int_equal(kill(waiter, SIGCONT), 0);
    await_end(waiter);
    unmap(memory);
}

static void find_left_lost(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->left) == 0);
    REQUIRE(cond_wait(&memory->left, memory->open ? COND_SEC(1000) : COND_FOREVER) == ENOTRECOVERABLE);
    REQUIRE(!cond_owned(&memory->left));
    REQUIRE(cond_acquire(&memory->left) == ENOTRECOVERABLE);
}

static void die_with_left(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->left) == 0);
}

/* Three wait: with a limit of time, without one, and one that is killed there. None stays counted, on a lock of the
   condition's own or elsewhere, and the memory can be used again. */
TEST(nobody_stays_counted_on_a_lost_lock)
{
    for (int elsewhere_too = 0; elsewhere_too < 2; elsewhere_too++) {
        struct memory *memory = map_new();
        cond_t *cond = &memory->left;
        OK(cond_lock_init(&memory->lock, COND_SHARED));
        OK(cond_init(cond, elsewhere_too ? &memory->lock : NULL, COND_SHARED));
        pid_t waiters[3];
        for (int i = 0; i < 3; i++) {
            memory->open = i == 1;
            waiters[i] = start_role(find_left_lost, memory);
            until_waiters(cond, (size_t)i + 1);
        }
        OK(cond_acquire(cond));
        assert_int_equal(kill(waiters[0], SIGKILL), 0);
        assert_int_equal(waitpid(waiters[0], NULL, 0), waiters[0]);
        pid_t dead = start_role(die_with_left, memory);
        stop(waiters[1]); /* so that they are not the ones to be told */
        stop(waiters[2]);
        OK(cond_release(cond));
        await_end(dead);
        assert_int_equal(cond_acquire(cond), EOWNERDEAD);
        OK(cond_release(cond));
        assert_int_equal(kill(waiters[1], SIGCONT), 0);
        assert_int_equal(kill(waiters[2], SIGCONT), 0);
        await_end(waiters[1]);
        await_end(waiters[2]);
        assert_int_equal(cond_waiters(cond), 0);
        assert_int_equal(cond_notify_all(cond), ENOTRECOVERABLE);
        OK(cond_destroy(cond));
        OK(cond_init(cond, NULL, COND_SHARED));
        OK(cond_destroy(cond));
        OK(cond_lock_destroy(&memory->lock));
        unmap(memory);
    }
}

static void be_killed_there(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->left) == 0);
    (void)cond_wait(&memory->left, COND_FOREVER);
}

/* There is nobody else to find out: a notify that is answered ENOTRECOVERABLE forgets the killed. */
TEST(notify_all_forgets_the_killed_on_a_lost_lock)
{
    struct memory *memory = map_new();
    OK(cond_lock_init(&memory->lock, COND_SHARED));
    OK(cond_init(&memory->left, &memory->lock, 0));
    pid_t waiter = start_role(be_killed_there, memory);
    until_waiters(&memory->left, 1);
    OK(cond_acquire(&memory->left));
    assert_int_equal(kill(waiter, SIGKILL), 0);
    assert_int_equal(waitpid(waiter, NULL, 0), waiter);
    OK(cond_release(&memory->left));
    elsewhere(die_with_left, memory);
    assert_int_equal(cond_acquire(&memory->left), EOWNERDEAD);
    OK(cond_release(&memory->left));
    assert_int_equal(cond_waiters(&memory->left), 1);
    assert_int_equal(cond_destroy(&memory->left), EBUSY);
    assert_int_equal(cond_notify_all(&memory->left), ENOTRECOVERABLE);
    assert_int_equal(cond_waiters(&memory->left), 0);
    OK(cond_destroy(&memory->left));
    OK(cond_lock_destroy(&memory->lock));
    unmap(memory);
}

/* ---- Several conditions on one lock ---- */

static void wait_left_for_a_recover(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->left) == 0);
    int error = cond_wait(&memory->left, COND_FOREVER);
    REQUIRE(error == 0 || error == EOWNERDEAD);
    if (error == EOWNERDEAD)
        REQUIRE(cond_recover(&memory->left) == 0);
    REQUIRE(cond_release(&memory->left) == 0);
}

static void die_with_right(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->right) == 0);
}

/* However many recoveries there are, and wherever their count begins, a waiter on another condition of the lock is set
   free by them. It is stopped meanwhile, so that it cannot look in between. */
TEST(recoveries_set_waiters_of_other_conditions_free)
{
    static const struct {
        unsigned count, first;
    } cases[] = {{1, 0}, {64, 0}, {256, 0}, {1, UINT16_MAX}, {3, UINT16_MAX - 1}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct memory *memory = map_new();
        OK(cond_lock_init(&memory->lock, COND_SHARED));
        memory->lock.spin_ = (uint16_t)cases[i].first; /* recoveries of a shared lock, src/shared.c */
        OK(cond_init(&memory->left, &memory->lock, 0));
        OK(cond_init(&memory->right, &memory->lock, 0));
        memory->lock.spin_ = (uint16_t)cases[i].first;
        memory->left.u_.shared.recoveries = memory->right.u_.shared.recoveries = (uint16_t)cases[i].first;
        pid_t waiter = start_role(wait_left_for_a_recover, memory);
        until_waiters(&memory->left, 1);
        OK(cond_acquire(&memory->left));
        stop(waiter);
        OK(cond_release(&memory->left));
        for (unsigned n = 0; n < cases[i].count; n++) {
            elsewhere(die_with_right, memory);
            assert_int_equal(cond_acquire(&memory->right), EOWNERDEAD);
            OK(cond_recover(&memory->right));
            OK(cond_release(&memory->right));
        }
        assert_int_equal(kill(waiter, SIGCONT), 0);
        await_end(waiter);
        OK(cond_acquire(&memory->left));
        assert_int_equal(cond_waiters(&memory->left), 0);
        OK(cond_release(&memory->left));
        unmap(memory);
    }
}

/* Of the condition whose own lock it is, at once, whichever call recovers. */
TEST(recover_of_its_own_lock_sets_waiters_free)
{
    struct memory *memory = map_new();
    make(&memory->left, COND_RLOCK);
    pid_t waiter = start_role(wait_left_for_a_recover, memory);
    until_waiters(&memory->left, 1);
    OK(cond_acquire(&memory->left));
    pid_t dead = start_role(die_with_left, memory);
    stop(waiter);
    OK(cond_release(&memory->left));
    await_end(dead);
    assert_int_equal(cond_acquire(&memory->left), EOWNERDEAD);
    assert_int_equal(cond_waiters(&memory->left), 1);
    OK(cond_lock_recover(cond_get_lock(&memory->left)));
    assert_int_equal(cond_waiters(&memory->left), 0);
    OK(cond_release(&memory->left));
    assert_int_equal(kill(waiter, SIGCONT), 0);
    await_end(waiter);
    OK(cond_destroy(&memory->left));
    unmap(memory);
}

static void wait_on(cond_t *cond, struct memory *memory)
{
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_wait_for(cond, is_open, memory, COND_FOREVER) == 0);
    memory->through++;
    REQUIRE(cond_release(cond) == 0);
}

static void wait_left(struct memory *memory) { wait_on(&memory->left, memory); }
static void wait_right(struct memory *memory) { wait_on(&memory->right, memory); }

static void die_with_the_common_lock(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->right) == 0);
    REQUIRE(cond_notify_all(&memory->right) == 0);
}

TEST(conditions_share_a_lock)
{
    struct memory *memory = map_new();
    OK(cond_lock_init(&memory->lock, COND_SHARED));
    OK(cond_init(&memory->left, &memory->lock, 0));
    OK(cond_init(&memory->right, &memory->lock, COND_SHARED));
    pid_t left = start_role(wait_left, memory), right = start_role(wait_right, memory);
    until_waiters(&memory->left, 1);
    until_waiters(&memory->right, 1);
    /* They are told of the death by whoever is first; here nobody but this one may be. */
    OK(cond_acquire(&memory->left));
    assert_int_equal(kill(left, SIGSTOP), 0);
    assert_int_equal(kill(right, SIGSTOP), 0);
    assert_int_equal(waitpid(left, NULL, WUNTRACED), left);
    assert_int_equal(waitpid(right, NULL, WUNTRACED), right);
    OK(cond_release(&memory->left));
    elsewhere(die_with_the_common_lock, memory);
    assert_int_equal(cond_acquire(&memory->left), EOWNERDEAD);
    OK(cond_lock_recover(&memory->lock));
    assert_int_equal(cond_recover(&memory->right), EINVAL); /* one recover is enough */
    assert_int_equal(kill(left, SIGCONT), 0);
    assert_int_equal(kill(right, SIGCONT), 0);
    memory->open = true;
    OK(cond_notify(&memory->left, 1));
    OK(cond_notify(&memory->right, 1));
    OK(cond_release(&memory->right));
    await_end(left);
    await_end(right);
    assert_int_equal(memory->through, 2);
    OK(cond_destroy(&memory->left));
    OK(cond_destroy(&memory->right));
    OK(cond_lock_destroy(&memory->lock));
    unmap(memory);
}

/* ---- Stopped for long ---- */

static void wait_plainly(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    REQUIRE(cond_wait(&memory->cond, COND_SEC(20)) == 0);
    REQUIRE(cond_release(&memory->cond) == 0);
}

static void wait_for_open(struct memory *memory)
{
    REQUIRE(cond_acquire(&memory->cond) == 0);
    REQUIRE(cond_wait_for(&memory->cond, is_open, memory, COND_SEC(20)) == 0);
    REQUIRE(cond_release(&memory->cond) == 0);
}

/* A waiter is notified and does not come, since it is stopped, while others wait 2^31 times, or 2^32: its ticket looks like
   one that is to come, or like one of the others. It has its notification, and they are counted as they are. */
TEST(a_stopped_waiter_keeps_its_notification)
{
    for (int round = 0; round < 8; round++) {
        struct memory *memory = map_new();
        struct cond_shared_queue_ *queue = &memory->cond.u_.shared;
        bool lap = round % 2;
        make(&memory->cond, COND_RLOCK);
        if (round < 4)
            queue->arrivals = queue->free_below = queue->notified_below = UINT32_MAX;
        pid_t stopped = start_role(round / 2 % 2 ? wait_for_open : wait_plainly, memory);
        until_waiters(&memory->cond, 1);
        OK(cond_acquire(&memory->cond));
        stop(stopped);
        uint32_t ticket = queue->arrivals - 1;
        memory->open = true;
        OK(cond_notify_all(&memory->cond));
        /* As if so many had waited and gone. */
        queue->free_below = queue->notified_below = queue->arrivals = lap ? ticket : ticket + UINT32_MAX / 2 + 5;
        queue->laps = (uint16_t)(queue->laps + lap);
        OK(cond_release(&memory->cond));
        pid_t other = start_role(wait_once, memory);
        until_waiters(&memory->cond, 1);
        assert_int_equal(kill(stopped, SIGCONT), 0);
        await_end(stopped);
        OK(cond_acquire(&memory->cond));
        assert_int_equal(cond_waiters(&memory->cond), 1);
        OK(cond_notify(&memory->cond, 1));
        assert_int_equal(cond_waiters(&memory->cond), 0);
        OK(cond_release(&memory->cond));
        await_end(other);
        OK(cond_destroy(&memory->cond));
        unmap(memory);
    }
}

/* ---- Destroyed beside others ---- */

struct late {
    struct memory *memory;
    cond_t *other; /* a shared condition that lives on */
    bool waits;
    atomic_int began;
};

/* Whatever it is told, it can act on; and it has no mutex left in its list, or `other` would meet it there. */
static void *come_late(void *arg)
{
    struct late *late = arg;
    cond_t *cond = &late->memory->cond;
    if (!late->waits)
        atomic_store(&late->began, 1);
    int error = cond_acquire(cond);
    if (error == 0 && late->waits) {
        atomic_store(&late->began, 1);
        error = cond_wait(cond, COND_FOREVER);
    }
    REQUIRE(error == 0 || error == EINVAL);
    if (error == 0)
        REQUIRE(cond_release(cond) == 0);
    return arg;
}

static void *come_late_and_use_another(void *arg)
{
    struct late *late = arg;
    (void)come_late(arg);
    atomic_store(&late->began, 2);
    until(&late->began, 3); /* the memory is gone */
    REQUIRE(cond_acquire(late->other) == 0);
    REQUIRE(cond_release(late->other) == 0);
    return arg;
}

TEST(destroy_beside_one_that_sleeps_at_the_lock)
{
    struct memory *lasting = map_new();
    make(&lasting->cond, COND_RLOCK);
    for (int round = 0; round < 200; round++) {
        struct late late = {.memory = map_new(), .other = &lasting->cond, .waits = round % 2};
        cond_t *cond = &late.memory->cond;
        make(cond, round % 4 < 2 ? COND_RLOCK : COND_MUTEX);
        if (!late.waits)
            OK(cond_acquire(cond));
        pthread_t thread = start(come_late_and_use_another, &late);
        until(&late.began, 1);
        if (late.waits) {
            OK(cond_acquire(cond));
            OK(cond_notify_all(cond));
        } else {
            for (int i = 0; i < round; i++)
                (void)sched_yield(); /* it may be asleep by now, or not */
        }
        OK(cond_release(cond));
        int error;
        while ((error = cond_destroy(cond)) != 0)
            assert_int_equal(error, EBUSY);
        until(&late.began, 2);
        unmap(late.memory);
        atomic_store(&late.began, 3);
        (void)finish(thread);
    }
    OK(cond_destroy(&lasting->cond));
    unmap(lasting);
}

/* ---- The same memory at two addresses ---- */

struct pair {
    struct memory *here, *there;
    bool lock_elsewhere;
};

static cond_t *cond_at(struct memory *memory, const struct pair *pair)
{
    return pair->lock_elsewhere ? &memory->left : &memory->cond;
}

static bool is_turn_1(void *arg) { return ((struct memory *)arg)->turn == 1; }
static bool is_turn_0(void *arg) { return ((struct memory *)arg)->turn == 0; }

static void *take_turns_there(void *arg)
{
    const struct pair *pair = arg;
    struct memory *memory = pair->there;
    cond_t *cond = cond_at(memory, pair);
    for (int i = 0; i < TURNS; i++) {
        REQUIRE(cond_acquire(cond) == 0);
        if (i % 2)
            REQUIRE(cond_wait_for(cond, is_turn_1, memory, COND_FOREVER) == 0);
        while (memory->turn != 1)
            REQUIRE(cond_wait(cond, COND_FOREVER) == 0);
        memory->turn = 0;
        REQUIRE(cond_notify(cond, 1) == 0);
        REQUIRE(cond_release(cond) == 0);
    }
    return NULL;
}

TEST(two_mappings_are_one_condition)
{
#ifdef TSAN
    skip(); /* to it, a mutex at two addresses is two */
#endif
    int file = memfd_create("condvar", MFD_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, MEMORY), 0);
    struct pair pair = {.here = map_file(file), .there = map_file(file)};
    assert_ptr_not_equal(pair.here, pair.there);
    make(&pair.here->cond, COND_RLOCK);
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
        for (int i = 0; i < TURNS; i++) {
            OK(cond_acquire(here));
            OK(cond_wait_for(here, is_turn_0, pair.here, COND_FOREVER));
            pair.here->turn = 1;
            OK(cond_notify_all(here));
            OK(cond_release(here));
        }
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

/* ---- Programs that know only a file ---- */

static int open_named(const char *name)
{
    int file = strncmp(name, "/proc/", 6) == 0 ? open(name, O_RDWR | O_CLOEXEC) : shm_open(name, O_RDWR, 0);
    REQUIRE(file >= 0);
    return file;
}

static int be_peer(const char *name)
{
    /* Something else is where the memory might have been. */
    REQUIRE(mmap(NULL, MEMORY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    struct memory *memory = map_file(open_named(name));
    struct pair pair = {memory, memory, true};
    (void)take_turns_there(&pair);
    REQUIRE(cond_init(&memory->left, NULL, COND_SHARED) == EBUSY);
    REQUIRE(cond_acquire(&memory->left) == 0); /* and dies with it */
    memory->asked = getpid();
    _Exit(0);
}

static void play_with_peer(const char *name, int file)
{
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, MEMORY), 0);
    struct memory *memory = map_file(file);
    OK(cond_lock_init(&memory->lock, COND_SHARED | COND_MUTEX));
    OK(cond_init(&memory->left, &memory->lock, 0));
    pid_t peer = fork();
    REQUIRE(peer >= 0);
    if (peer == 0) {
        (void)execl(program, program, "--peer", name, (char *)NULL);
        _Exit(2);
    }
    for (int i = 0; i < TURNS; i++) {
        OK(cond_acquire(&memory->left));
        OK(cond_wait_for(&memory->left, is_turn_0, memory, COND_FOREVER));
        memory->turn = 1;
        OK(cond_notify(&memory->left, 1));
        OK(cond_release(&memory->left));
    }
    await_end(peer);
    assert_int_equal(cond_acquire(&memory->left), EOWNERDEAD);
    assert_int_equal(memory->asked, peer);
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
    play_with_peer(name, file);
}

TEST(unrelated_programs_by_shm_open)
{
    char name[64];
    (void)snprintf(name, sizeof name, "/condvar-test-%ld", (long)getpid());
    int file = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    play_with_peer(name, file);
    (void)shm_unlink(name);
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc == 3 && strcmp(argv[1], "--peer") == 0)
        return be_peer(argv[2]);
    cond_t cond;
    memset(&cond, 0, sizeof cond);
    if (cond_init(&cond, NULL, COND_SHARED) == ENOTSUP)
        return 77;
    return RUN_TESTS("shared");
}
