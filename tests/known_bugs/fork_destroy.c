/* SPDX-License-Identifier: MIT */
/*
 * A process forks while one of its threads waits. The child does not have this thread, and pthread_cond_destroy()
 * waits for it.
 *
 * glibc does so since 2.25: destroy waits until all waiters have left, and the child has inherited their count
 * (https://sourceware.org/git/?p=glibc.git;a=blob;f=nptl/pthread_cond_destroy.c;hb=refs/tags/glibc-2.36). POSIX
 * leaves it undefined.
 *
 * In this library destroy never blocks. It returns EBUSY, and cond_reinit_after_fork() removes the waiters of the
 * parent.
 */
#include "case.h"
#include <signal.h>
#include <sys/wait.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pthread_cond = PTHREAD_COND_INITIALIZER;
static cond_t cond = COND_INIT;
static bool waits; /* under the lock */

static void *wait_pthread(void *arg)
{
    (void)pthread_mutex_lock(&mutex);
    waits = true;
    for (;;)
        (void)pthread_cond_wait(&pthread_cond, &mutex);
    return arg;
}

static void *wait_ours(void *arg)
{
    REQUIRE(cond_acquire(&cond) == 0);
    waits = true;
    (void)cond_wait(&cond, COND_FOREVER);
    return arg;
}

static void until_it_waits(bool peer)
{
    for (bool there = false; !there;) {
        REQUIRE((peer ? pthread_mutex_lock(&mutex) : cond_acquire(&cond)) == 0);
        there = waits;
        REQUIRE((peer ? pthread_mutex_unlock(&mutex) : cond_release(&cond)) == 0);
    }
}

int main(int argc, char **argv)
{
    bool peer = is_peer(argc, argv, "pthread");
    start(peer ? wait_pthread : wait_ours, NULL);
    until_it_waits(peer);
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (peer)
            _exit(pthread_cond_destroy(&pthread_cond) == 0 ? 0 : 1);
        bool good =
            cond_destroy(&cond) == EBUSY && cond_reinit_after_fork(&cond) == 0 && cond_destroy(&cond) == 0;
        _exit(good ? 0 : 1);
    }
    int status = 0;
    pid_t ended = 0;
    for (int looks = QUIET_LOOKS; ended == 0 && looks > 0; looks--) {
        pause_ns(QUIET_NS / QUIET_LOOKS);
        ended = waitpid(child, &status, WNOHANG);
    }
    if (ended == 0) {
        (void)kill(child, SIGKILL);
        verdict(SHOWN, "destroy in the child waits for a thread that does not exist");
    }
    REQUIRE(ended == child && WIFEXITED(status));
    REQUIRE(peer || WEXITSTATUS(status) == 0);
    verdict(WORKS, "%s in the child", peer ? "destroy returns" : "destroy returns EBUSY, and 0 after reinit,");
}
