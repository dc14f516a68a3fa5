/* SPDX-License-Identifier: MIT */
/* SIGINT and SIGTERM end the program cleanly. (docs/cookbook.md) */
#define _POSIX_C_SOURCE 200809L
#include <condvar.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static cond_t changed = COND_INIT;
static int jobs = 3; /* under the condition's lock */

static bool has_job(void *arg) { return *(int *)arg > 0; }

static void *wait_for_signal(void *arg)
{
    int number;
    sigwait(arg, &number);
    cond_acquire(&changed);
    cond_close(&changed);
    cond_release(&changed);
    printf("%s\n", number == SIGTERM ? "SIGTERM" : "SIGINT");
    return NULL;
}

static void *work(void *arg)
{
    int *done = arg;
    cond_acquire(&changed);
    while (cond_wait_for(&changed, has_job, &jobs, COND_FOREVER) == 0) {
        jobs--;
        ++*done;
    }
    cond_release(&changed);
    return NULL;
}

int main(void)
{
    sigset_t signals;
    pthread_t listener, worker;
    int done = 0;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before the first thread: threads inherit the mask */
    pthread_create(&listener, NULL, wait_for_signal, &signals);
    pthread_create(&worker, NULL, work, &done);

    kill(getpid(), SIGTERM); /* as another program or Ctrl-C would */

    pthread_join(listener, NULL);
    pthread_join(worker, NULL);
    printf("%d jobs done\n", done);
    return 0;
}

/* Prints:
SIGTERM
3 jobs done
 */
