/* SPDX-License-Identifier: MIT */
/*
 * thread_pool.c - a pool of threads: submit jobs, wait for results, shut down when all jobs are done
 *
 *     examples/run thread_pool [JOBS]     job N counts the steps of the Collatz sequence from N to 1
 *
 * Workers wait for jobs at one condition, and others wait for results at another, on the same lock. The shutdown is
 * cond_close() of the first. It needs no flag in the predicate: cond_wait_for() returns 0 as long as there is a job, and
 * ECANCELED when there is none and the condition is closed.
 *
 * Exits 0, or 1 if the output could not be written, and 2 for arguments that make no sense.
 */
#include <condvar.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 4, JOBS_DEFAULT = 10, JOBS_MAX = 100000 };

struct job {
    int (*run)(int number);
    int number;
    int result;       /* under the lock, as the rest */
    bool is_done;
    struct job *next; /* in the queue */
};

static cond_lock_t lock = COND_MUTEX_INIT;
static cond_t submitted = COND_INIT_WITH(&lock); /* workers wait here; closed by the shutdown */
static cond_t done = COND_INIT_WITH(&lock);      /* pool_result() waits here */
static struct job *first, **end = &first;        /* under the lock: the queue */
static pthread_t workers[WORKERS];

static void check(int error, const char *call)
{
    if (error == 0)
        return;
    fprintf(stderr, "thread_pool: %s: %s\n", call, strerror(error));
    exit(1);
}

static void acquire(void) { check(cond_lock_acquire(&lock), "cond_lock_acquire"); }
static void release(void) { check(cond_lock_release(&lock), "cond_lock_release"); }

static bool has_job(void *queue) { return *(struct job **)queue != NULL; }
static bool is_done(void *job) { return ((struct job *)job)->is_done; }

static void *worker(void *arg)
{
    int error;
    acquire();
    while ((error = cond_wait_for(&submitted, has_job, &first, COND_FOREVER)) == 0) {
        struct job *job = first;
        first = job->next;
        end = first != NULL ? end : &first;
        release();
        int result = job->run(job->number);
        acquire();
        job->result = result;
        job->is_done = true;
        check(cond_notify_all(&done), "cond_notify_all");
    }
    check(error == ECANCELED ? 0 : error, "cond_wait_for");
    release();
    return arg;
}

static void pool_start(void)
{
    for (int i = 0; i < WORKERS; i++)
        check(pthread_create(&workers[i], NULL, worker, NULL), "pthread_create");
}

/* ECANCELED: the pool is shut down. The job must stay where it is until it is done. */
static int pool_submit(struct job *job)
{
    acquire();
    int error = cond_closed(&submitted) ? ECANCELED : cond_notify(&submitted, 1);
    if (error == 0) {
        *end = job;
        end = &job->next;
    }
    release();
    return error;
}

static int pool_result(struct job *job)
{
    acquire();
    check(cond_wait_for(&done, is_done, job, COND_FOREVER), "cond_wait_for");
    release();
    return job->result;
}

/* Returns when all jobs that were submitted are done, and the workers have ended. */
static void pool_shut_down(void)
{
    acquire();
    check(cond_close(&submitted), "cond_close");
    release();
    for (int i = 0; i < WORKERS; i++)
        check(pthread_join(workers[i], NULL), "pthread_join");
}

/* ---- A program that uses it ------------------------------------------------------------------------- */

static int collatz(int number)
{
    int steps = 0;
    for (long long n = number; n != 1; steps++)
        n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    return steps;
}

static int exit_status(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "thread_pool: write error: %s\n", strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    static struct job jobs[JOBS_MAX + 1];
    char *rest = NULL;
    long count = argc > 1 ? strtol(argv[1], &rest, 10) : JOBS_DEFAULT;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        printf("usage: thread_pool [JOBS]\n");
        return exit_status();
    }
    if (argc > 2 || (rest != NULL && *rest != '\0') || count < 1 || count > JOBS_MAX) {
        fprintf(stderr, "thread_pool: '%s': expected one number from 1 to %d\n", argv[argc - 1], JOBS_MAX);
        return 2;
    }

    pool_start();
    for (int i = 0; i <= count; i++)
        jobs[i] = (struct job){.run = collatz, .number = i + 1};
    for (int i = 0; i < count; i++)
        check(pool_submit(&jobs[i]), "pool_submit");
    printf("job 1: %d steps\n", pool_result(&jobs[0]));
    pool_shut_down();
    for (int i = 1; i < count; i++)
        printf("job %d: %d steps\n", i + 1, jobs[i].result);
    printf("%ld jobs done; one more: %s\n", count, pool_submit(&jobs[count]) == ECANCELED ? "refused" : "accepted");
    return exit_status();
}
