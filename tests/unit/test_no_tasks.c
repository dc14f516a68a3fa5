/* SPDX-License-Identifier: MIT */
/* The library without tasks (CONDVAR_NO_TASKS): its header declares none of them, and threads can use it. */
#ifndef CONDVAR_NO_TASKS
#  error "this is for a build with CONDVAR_NO_TASKS"
#endif
#include "unit.h"

/* An error if the header declares one of them. */
typedef char cond_task_t, cond_task_ready_t, cond_task_init, cond_task_acquire, cond_task_wait,
    cond_task_wait_for, cond_task_release, cond_task_notify, cond_task_notify_all, cond_task_cancel,
    cond_task_lock_acquire, cond_task_lock_release, cond_task_user;

static cond_t cond = COND_INIT;
static int turn; /* under the lock */

enum { THREADS = 3, ROUNDS = 300 };

static bool is_my_turn(void *arg) { return turn % THREADS == *(int *)arg; }

static void *take_turns(void *arg)
{
    for (int round = 0; round < ROUNDS; round++) {
        REQUIRE(cond_acquire(&cond) == 0);
        REQUIRE(cond_wait_for(&cond, is_my_turn, arg, COND_FOREVER) == 0);
        turn++;
        REQUIRE(cond_notify(&cond, 1) == 0);
        REQUIRE(cond_release(&cond) == 0);
    }
    return NULL;
}

TEST(threads_take_turns)
{
    static int numbers[THREADS] = {0, 1, 2};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(take_turns, &numbers[i]);
    for (int i = 0; i < THREADS; i++)
        (void)finish(threads[i]);
    assert_int_equal(turn, THREADS * ROUNDS);
    OK(cond_destroy(&cond));
}

TEST(locks_of_each_kind)
{
    static cond_lock_t mutex = COND_MUTEX_INIT, rlock = COND_RLOCK_INIT;
    static cond_t on_mutex = COND_INIT_WITH(&mutex), on_rlock = COND_INIT_WITH(&rlock);
    char text[200];
    OK(cond_acquire(&on_mutex));
    assert_int_equal(cond_acquire(&on_mutex), EDEADLK);
    assert_int_equal(cond_wait(&on_mutex, COND_MS(1)), ETIMEDOUT);
    assert_true(cond_describe(&on_mutex, text, sizeof text) > 0);
    assert_non_null(strstr(text, "locked mutex owner=0x"));
    OK(cond_destroy(&on_mutex));
    assert_int_equal(cond_lock_destroy(&mutex), EBUSY);
    OK(cond_lock_release(&mutex));
    OK(cond_lock_destroy(&mutex));
    OK(cond_acquire(&on_rlock));
    OK(cond_acquire(&on_rlock));
    assert_int_equal(cond_wait(&on_rlock, 0), ETIMEDOUT);
    OK(cond_release(&on_rlock));
    OK(cond_release(&on_rlock));
    assert_int_equal(cond_release(&on_rlock), EPERM);
}

int main(void) { return RUN_TESTS("no tasks"); }
