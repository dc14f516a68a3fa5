/* SPDX-License-Identifier: MIT */
/*
 * thread_pool.c - a thread pool: submit jobs, wait for their results, shut the pool down when all jobs are done
 *
 *     examples/run thread_pool --jobs 100     job N counts the steps of the Collatz sequence from N to 1
 *
 * Workers wait for jobs on one condition. pool_result() waits for a result on another condition. Both conditions use
 * the same lock.
 *
 * pool_shut_down() closes the condition on which the workers wait. On a closed condition cond_wait_for() returns 0 as
 * long as the predicate is true, that is, as long as there is a job. Then it returns ECANCELED. So the predicate needs
 * no flag for the shutdown.
 */
#include "common.h"

/* ---- The pool --------------------------------------------------------------------------------------- */

enum { WORKERS = 4 };

struct job {
    int (*run)(int number);
    int number;
    int result;       /* guarded by the lock, as all that follows */
    bool is_done;
    struct job *next; /* in the queue */
};

static cond_lock_t lock = COND_MUTEX_INIT;
static cond_t submitted = COND_INIT_WITH(&lock); /* workers wait here for jobs */
static cond_t done = COND_INIT_WITH(&lock);      /* pool_result() waits here */
static struct job *first;                        /* the queue; guarded by the lock */
static struct job **end = &first;                /* where the queue ends */
static pthread_t workers[WORKERS];

static bool has_job(void *arg)
{
    return *(struct job **)arg != NULL;
}

static bool is_done(void *arg)
{
    return ((struct job *)arg)->is_done;
}

/* Caller must hold the lock, and the queue must not be empty. */
static struct job *take_first(void)
{
    struct job *job = first;
    first = job->next;
    if (first == NULL)
        end = &first;
    return job;
}

static void *worker(void *arg)
{
    int error;
    CHECK(cond_lock_acquire(&lock));
    while ((error = cond_wait_for(&submitted, has_job, &first, COND_FOREVER)) == 0) {
        struct job *job = take_first();
        CHECK(cond_lock_release(&lock));
        int result = job->run(job->number);
        CHECK(cond_lock_acquire(&lock));
        job->result = result;
        job->is_done = true;
        CHECK(cond_notify_all(&done));
    }
    CHECK(cond_lock_release(&lock));
    if (error != ECANCELED)
        check(error, "cond_wait_for");
    return arg;
}

static void pool_start(void)
{
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start_thread(worker, NULL);
}

/* Returns ECANCELED if the pool is shut down. The memory of the job must stay valid until the job is done. */
static int pool_submit(struct job *job)
{
    int error = ECANCELED;
    CHECK(cond_lock_acquire(&lock));
    if (!cond_closed(&submitted)) {
        *end = job;
        end = &job->next;
        error = cond_notify(&submitted, 1);
    }
    CHECK(cond_lock_release(&lock));
    return error;
}

static int pool_result(struct job *job)
{
    CHECK(cond_lock_acquire(&lock));
    CHECK(cond_wait_for(&done, is_done, job, COND_FOREVER));
    CHECK(cond_lock_release(&lock));
    return job->result;
}

/* Returns when all submitted jobs are done and the workers have ended. */
static void pool_shut_down(void)
{
    CHECK(cond_lock_acquire(&lock));
    CHECK(cond_close(&submitted));
    CHECK(cond_lock_release(&lock));
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
}

/* ---- A program that uses the pool ------------------------------------------------------------------- */

static int collatz(int number)
{
    int steps = 0;
    for (long long n = number; n != 1; steps++)
        n = n % 2 == 0 ? n / 2 : 3 * n + 1;
    return steps;
}

int main(int argc, char **argv)
{
    size_t count = 10;
    struct number_option options[] = {{"jobs", "number of jobs", &count, NULL, 1, 100000, false}, {0}};
    read_options(argc, argv, NULL, "Workers run jobs. Job N counts the Collatz steps from N to 1.", options);

    struct job *jobs = allocate(count + 1, sizeof *jobs);
    for (size_t i = 0; i <= count; i++)
        jobs[i] = (struct job){.run = collatz, .number = (int)i + 1};
    pool_start();
    for (size_t i = 0; i < count; i++)
        CHECK(pool_submit(&jobs[i]));
    printf("job 1: %d steps\n", pool_result(&jobs[0]));
    pool_shut_down();
    for (size_t i = 1; i < count; i++)
        printf("job %d: %d steps\n", jobs[i].number, jobs[i].result);
    bool refused = pool_submit(&jobs[count]) == ECANCELED;
    printf("%zu jobs done; one more: %s\n", count, refused ? "refused" : "accepted");
    free(jobs);
    return end_program(refused);
}
