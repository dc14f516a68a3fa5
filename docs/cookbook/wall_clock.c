/* SPDX-License-Identifier: MIT */
/* A wait until a time of the wall clock. (docs/cookbook.md) */
#include <condvar.h>
#include <stdio.h>
#include <time.h>

/* The nanoseconds until `when`, at most an hour. Negative if `when` is past. */
static int64_t until(const struct timespec *when)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    int64_t seconds = (int64_t)when->tv_sec - now.tv_sec;
    return seconds >= 3600 ? COND_SEC(3600) : COND_SEC(seconds) + (when->tv_nsec - now.tv_nsec);
}

/* As cond_wait_for(), until a time of the wall clock. Reads that clock at least once a second. */
static int wait_for_until_wall(cond_t *cond, cond_pred_t *pred, void *arg,
                               const struct timespec *when)
{
    for (;;) {
        int64_t left_ns = until(when);
        int error = cond_wait_for(cond, pred, arg, left_ns < COND_SEC(1) ? left_ns : COND_SEC(1));
        if (error != ETIMEDOUT || left_ns <= 0)
            return error;
    }
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

int main(void)
{
    cond_t cond = COND_INIT;
    struct timespec when;
    timespec_get(&when, TIME_UTC); /* 20 ms from now; a program would use mktime() */
    when.tv_nsec += 20 * 1000 * 1000;
    if (when.tv_nsec >= 1000000000) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000;
    }
    cond_acquire(&cond);
    int error = wait_for_until_wall(&cond, never, NULL, &when);
    cond_release(&cond);
    printf("timed out: %d, too early: %d\n", error == ETIMEDOUT, until(&when) > 0);
    return cond_destroy(&cond);
}

/* Prints:
timed out: 1, too early: 0
 */
