/* SPDX-License-Identifier: MIT */
/*
 * A task has been chosen by notify(1), and is cancelled before it has run. It gives up, another task waits,
 * and nobody passes the notification on.
 *
 * asyncio.Condition did that until CPython 3.13 (https://github.com/python/cpython/issues/112202). The peer is
 * asyncio_cancel.py.
 *
 * Here a cancel that comes first excludes the task from being let go, and its release hands what notify(1)
 * gave it to the next (src/taskq.c, waitq_pass_on() in src/waitq.c).
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
    if (!who_is(argc, argv, "ours"))
        return CANNOT;
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
    /* All there is to happen has happened: the callbacks ran in the release. */
    REQUIRE(answers[0] == ECANCELED);
    if (answers[1] != 0)
        verdict(SHOWN, "the first task was cancelled, the second one sleeps: the notification is gone");
    verdict(WELL, "the first task was cancelled; the second one was notified in its stead");
}
