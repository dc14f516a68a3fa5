/* SPDX-License-Identifier: MIT */
#ifndef JOB_H
#define JOB_H

/*
 * A task that a test drives by hand, reading the result of each request. Include it after unit.h.
 *
 *      result = ASK(&job, cond_task_wait(cond, &job.task));
 *
 * makes a request. Its callback is checked with REQUIRE, since a CMocka assertion would leave the library by longjmp:
 * it comes once at most, only if the request returned EINPROGRESS, with 0 or ECANCELED, and not on the requesting
 * thread while the request runs.
 */

struct job {
    cond_task_t task;
    void (*then)(struct job *job, int result); /* called by the callback; may free the job. Or NULL */
    _Atomic(uintptr_t) requester;              /* self_address() of the thread inside a request, or 0 */
    atomic_int calls;                          /* callbacks of the last request: 0 or 1 */
    atomic_int result;                         /* of the last callback */
    unsigned number;
};

static inline void job_ready(cond_task_t *task, int result)
{
    struct job *job = cond_task_user(task);
    REQUIRE(task == &job->task);
    REQUIRE(result == 0 || result == ECANCELED);
    REQUIRE(atomic_load(&job->requester) != self_address());
    atomic_store(&job->result, result);
    REQUIRE(atomic_fetch_add(&job->calls, 1) == 0);
    if (job->then != NULL)
        job->then(job, result);
}

static inline void job_make(struct job *job, unsigned number, void (*then)(struct job *job, int result))
{
    memset((void *)job, 0, sizeof *job);
    job->number = number;
    job->then = then;
    REQUIRE(cond_task_init(&job->task, job_ready, job) == 0);
}

static inline void job_begin(struct job *job)
{
    atomic_store(&job->calls, 0);
    atomic_store(&job->result, -1);
    atomic_store(&job->requester, self_address());
}

/* The job must still exist. */
static inline int job_end(struct job *job, int result)
{
    atomic_store(&job->requester, 0);
    if (result != EINPROGRESS)
        REQUIRE(atomic_load(&job->calls) == 0);
    return result;
}

/* What the callback of the last request got, or -1 as long as it was not called. */
static inline int job_outcome(struct job *job)
{
    return atomic_load(&job->calls) != 0 ? atomic_load(&job->result) : -1;
}

#define ASK(job, call) (job_begin(job), job_end((job), (call)))

#endif
