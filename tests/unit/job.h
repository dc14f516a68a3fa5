/* SPDX-License-Identifier: MIT */
#ifndef JOB_H
#define JOB_H

/*
 * A task as the unit tests drive it: by hand, from the test itself, which looks at the outcome of each
 * request. Included after unit.h.
 *
 *      answer = ASK(&job, cond_task_wait(&cond, &job.task));
 *
 * makes a request, and from then on the callback is checked: it comes at most once, only if the request
 * answered EINPROGRESS, with 0 or ECANCELED, and not on the thread that is within the request. CMocka's
 * assertions would leave a callback by longjmp, and the library with it; so here they are REQUIRE.
 */

struct job {
    cond_task_t task;
    void (*then)(struct job *job, int result); /* what its callback does, or NULL; it may free the job */
    _Atomic(uintptr_t) asking;                 /* toy_self() of the thread that is within its request, or 0 */
    atomic_int calls;                          /* callbacks of its last request: 0 or 1 */
    atomic_int result;                         /* what the last one was told */
    unsigned number;
};

static inline void job_ready(cond_task_t *task, int result)
{
    struct job *job = cond_task_user(task);
    REQUIRE(task == &job->task);
    REQUIRE(result == 0 || result == ECANCELED);
    REQUIRE(atomic_load(&job->asking) != toy_self());
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
    atomic_store(&job->asking, toy_self());
}

/* Not for a job that may be gone by now. */
static inline int job_end(struct job *job, int answer)
{
    atomic_store(&job->asking, 0);
    if (answer != EINPROGRESS)
        REQUIRE(atomic_load(&job->calls) == 0);
    return answer;
}

/* What the request came to, or -1 as long as nobody knows. */
static inline int job_outcome(struct job *job)
{
    return atomic_load(&job->calls) != 0 ? atomic_load(&job->result) : -1;
}

#define ASK(job, call) (job_begin(job), job_end((job), (call)))

#endif
