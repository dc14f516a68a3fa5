/* SPDX-License-Identifier: MIT */
/* A static condition on a pthread mutex that the program already has. (docs/cookbook.md) */
#include <condvar.h>
#include <stdio.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* the program has it already */
static int jobs;                                          /* under the mutex */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static cond_lock_t handle;
static cond_t submitted = COND_INIT_WITH(&handle);

static void make_handle(void)
{
    cond_lock_init_pthread(&handle, &mutex);
}

static bool has_job(void *arg) { return *(int *)arg > 0; }

int take(int64_t timeout_ns)
{
    pthread_once(&once, make_handle); /* in each function that others call */
    pthread_mutex_lock(&mutex);
    int error = cond_wait_for(&submitted, has_job, &jobs, timeout_ns);
    if (error == 0)
        jobs--;
    pthread_mutex_unlock(&mutex);
    return error;
}

int submit(void)
{
    pthread_once(&once, make_handle);
    pthread_mutex_lock(&mutex);
    jobs++;
    int error = cond_notify(&submitted, 1);
    pthread_mutex_unlock(&mutex);
    return error;
}

static void *work(void *arg)
{
    *(int *)arg = take(COND_FOREVER);
    return NULL;
}

int main(void)
{
    pthread_t worker;
    int error;
    printf("without its handle: %s\n", cond_notify(&submitted, 1) == EPERM ? "EPERM" : "works");
    pthread_create(&worker, NULL, work, &error);
    printf("submitted: %d\n", submit());
    pthread_join(worker, NULL);
    printf("taken: %d, left: %d\n", error, jobs);
    return 0;
}

/* Prints:
without its handle: EPERM
submitted: 0
taken: 0, left: 0
 */
