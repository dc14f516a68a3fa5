/* SPDX-License-Identifier: MIT */
/*
 * A cancelled task loses its notification: notify(1) chooses a task, which is cancelled before it runs. Another task
 * waits, and the notification is not passed on to it.
 *
 * asyncio.Condition did that until CPython 3.13 (https://github.com/python/cpython/issues/112202). The peer is
 * asyncio_cancel.py.
 *
 * In this library a cancel that comes first prevents the task from being woken. Its release passes the notification on
 * (src/taskq.c, waitq_pass_on() in src/waitq.c).
 */
#include "case.h"

static cond_t cond = COND_INIT;
static int answers[2] = {EINPROGRESS, EINPROGRESS};

static void ready(cond_task_t *task, int result)
{
    *(int *)cond_task_user(task) = result;
    REQUIRE(cond_task_release(&cond, task) == 0);
}

int main(int argc, char **argv)
{
    (void)is_peer(argc, argv, "");
    cond_task_t tasks[2];
    for (int i = 0; i < 2; i++) {
        REQUIRE(cond_task_init(&tasks[i], ready, &answers[i]) == 0);
        REQUIRE(cond_task_acquire(&cond, &tasks[i]) == 0);
        REQUIRE(cond_task_wait(&cond, &tasks[i]) == EINPROGRESS);
    }
    REQUIRE(cond_acquire(&cond) == 0);
    REQUIRE(cond_notify(&cond, 1) == 0);
    REQUIRE(cond_task_cancel(&tasks[0]) == 0);
    REQUIRE(cond_release(&cond) == 0);
    /* Everything has happened: the callbacks ran in the release. */
    REQUIRE(answers[0] == ECANCELED);
    if (answers[1] != 0)
        verdict(SHOWN, "the first task was cancelled, and the second one sleeps: the notification is lost");
    verdict(WORKS, "the first task was cancelled; the second one was notified instead");
}
