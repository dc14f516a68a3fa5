/* SPDX-License-Identifier: MIT */
/*
 * A process that waits on a shared condition is killed, or stopped. Another process notifies.
 *
 * CPython's multiprocessing.Condition.notify() waits, with the lock held, until each woken waiter has replied
 * (https://github.com/python/cpython/blob/v3.13.0/Lib/multiprocessing/synchronize.py#L277-L302). A dead process never
 * replies, a stopped one only when it is continued. The peer is multiprocessing_dies.py.
 *
 * In this library notify waits for no reply. The grant stays in shared memory until some waiter takes it
 * (src/shared.c).
 */
#include "case.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static cond_t *cond;

int main(int argc, char **argv)
{
    bool stop = who_is(argc, argv, "ours-stopped");
    if (!stop && !who_is(argc, argv, "ours-killed"))
        return CANNOT;
    cond = mmap(NULL, sizeof *cond, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(cond != MAP_FAILED);
    int error = cond_init(cond, NULL, COND_SHARED);
    if (error == ENOTSUP)
        verdict(CANNOT, "there are no shared conditions on this system");
    REQUIRE(error == 0);

    pid_t waiter = fork();
    REQUIRE(waiter >= 0);
    if (waiter == 0) {
        (void)cond_acquire(cond);
        (void)cond_wait(cond, COND_FOREVER);
        (void)cond_release(cond);
        _exit(0);
    }
    for (size_t waiting = 0; waiting == 0;) {
        REQUIRE(cond_acquire(cond) == 0);
        waiting = cond_waiters(cond);
        REQUIRE(cond_release(cond) == 0);
    }
    /* It has released the lock to wait. Whether it sleeps already makes no difference. */
    int status;
    REQUIRE(kill(waiter, stop ? SIGSTOP : SIGKILL) == 0);
    REQUIRE(waitpid(waiter, &status, WUNTRACED) == waiter);
    REQUIRE(stop ? WIFSTOPPED(status) : WIFSIGNALED(status));
    start(notify_ours, cond);
    bool returned = comes_true(&notified, 1);
    if (stop) {
        REQUIRE(kill(waiter, SIGCONT) == 0);
        REQUIRE(waitpid(waiter, &status, 0) == waiter);
        REQUIRE(WIFEXITED(status));
    }
    verdict(returned ? WORKS : SHOWN, returned ? "notify() returns" : "notify() waits for the waiter");
}
