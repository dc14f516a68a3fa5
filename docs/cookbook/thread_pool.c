/* SPDX-License-Identifier: MIT */
/* A thread pool: jobs are functions, and the shutdown completes those that were submitted. (docs/cookbook.md) */
#include <condvar.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORKERS = 3, JOBS = 100 };

struct job {
    void (*run)(void *arg);
    void *arg;
    struct job *next;
};

static cond_t submitted = COND_INIT; /* its lock guards the list; closed by the shutdown */
static struct job *first, **end = &first;

static bool has_job(void *arg) { return *(struct job **)arg != NULL; }

static void *work(void *arg)
{
    cond_acquire(&submitted);
    while (cond_wait_for(&submitted, has_job, &first, COND_FOREVER) == 0) {
        struct job *job = first;
        first = job->next;
        if (first == NULL)
            end = &first;
        cond_release(&submitted);
        job->run(job->arg);
        free(job);
        cond_acquire(&submitted);
    }
    cond_release(&submitted);
    return arg;
}

/* 0; ECANCELED: the pool is shut down; ENOMEM. */
static int submit(void (*run)(void *arg), void *arg)
{
    struct job *job = malloc(sizeof *job);
    if (job == NULL)
        return ENOMEM;
    *job = (struct job){run, arg, NULL};
    cond_acquire(&submitted);
    int error = cond_closed(&submitted) ? ECANCELED : 0;
    if (error == 0) {
        *end = job;
        end = &job->next;
        cond_notify(&submitted, 1);
    }
    cond_release(&submitted);
    if (error != 0)
        free(job);
    return error;
}

static void square(void *arg) { *(int *)arg *= *(int *)arg; }

int main(void)
{
    static int numbers[JOBS];
    pthread_t workers[WORKERS];
    long sum = 0;
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&workers[i], NULL, work, NULL);
    for (int i = 0; i < JOBS; i++) {
        numbers[i] = i;
        submit(square, &numbers[i]);
    }

    cond_acquire(&submitted);
    cond_close(&submitted); /* no more jobs; the workers end when the list is empty */
    cond_release(&submitted);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    for (int i = 0; i < JOBS; i++)
        sum += numbers[i];
    printf("%ld; one more job is refused: %d\n", sum, submit(square, &numbers[0]) == ECANCELED);
    return 0;
}

/* Prints:
328350; one more job is refused: 1
 */
