/* SPDX-License-Identifier: MIT */
/* A program that passes each probe, for probes.sh: two waits that are notified, one that times out, one that is
   cancelled, one on a closed condition, and one contended acquire. */
#include <condvar.h>
#include <stdlib.h>
#include <time.h>

static cond_t cond = COND_INIT;
static cond_token_t token;

static void check(int expected, int error)
{
    if (error != expected)
        abort();
}

static void *waits(void *arg)
{
    check(0, cond_acquire(&cond));
    check(0, cond_wait(&cond, COND_FOREVER));
    check(0, cond_release(&cond));
    return arg;
}

static void *wants(void *arg)
{
    check(ETIMEDOUT, cond_acquire_timed(&cond, COND_MS(20)));
    return arg;
}

int main(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 2; i++)
        check(0, pthread_create(&threads[i], NULL, waits, NULL));
    while (cond_waiters(&cond) < 2)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    check(0, cond_acquire(&cond));
    check(0, pthread_create(&threads[2], NULL, wants, NULL));
    check(0, pthread_join(threads[2], NULL));
    check(0, cond_notify_all(&cond));
    check(0, cond_release(&cond));
    for (int i = 0; i < 2; i++)
        check(0, pthread_join(threads[i], NULL));
    check(0, cond_acquire(&cond));
    check(ETIMEDOUT, cond_wait(&cond, COND_MS(5)));
    check(0, cond_cancel(&cond, &token));
    check(ECANCELED, cond_wait_with(&cond, &(cond_wait_options_t){.token = &token}));
    check(0, cond_close(&cond));
    check(ECANCELED, cond_wait(&cond, COND_FOREVER));
    check(0, cond_release(&cond));
    return 0;
}
