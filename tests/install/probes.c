/* SPDX-License-Identifier: MIT */
/* A program that passes each probe, for probes.sh: two waits that are notified, one that is woken in vain, one that
   times out, one that is cancelled, one on a closed condition, and one contended acquire. */
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

/* True when a release calls it, but false when the woken waiter calls it; then true. */
static bool changes(void *arg)
{
    static const bool results[] = {false, true, false, true, true};
    return results[(*(int *)arg)++];
}

static void *waits_again(void *arg)
{
    check(0, cond_acquire(&cond));
    check(0, cond_wait_for(&cond, changes, arg, COND_FOREVER));
    check(0, cond_release(&cond));
    return arg;
}

static void until_waiters(size_t n)
{
    while (cond_waiters(&cond) < n)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
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
    until_waiters(2);
    check(0, cond_acquire(&cond));
    check(0, pthread_create(&threads[2], NULL, wants, NULL));
    check(0, pthread_join(threads[2], NULL));
    check(0, cond_notify_all(&cond));
    check(0, cond_release(&cond));
    for (int i = 0; i < 2; i++)
        check(0, pthread_join(threads[i], NULL));

    int calls = 0;
    check(0, pthread_create(&threads[0], NULL, waits_again, &calls));
    for (int i = 0; i < 2; i++) {
        until_waiters(1);
        check(0, cond_acquire(&cond));
        check(0, cond_notify(&cond, 1));
        check(0, cond_release(&cond));
    }
    check(0, pthread_join(threads[0], NULL));

    check(0, cond_acquire(&cond));
    check(ETIMEDOUT, cond_wait(&cond, COND_MS(5)));
    check(0, cond_cancel(&cond, &token));
    check(ECANCELED, cond_wait_with(&cond, &(cond_wait_options_t){.token = &token}));
    check(0, cond_close(&cond));
    check(ECANCELED, cond_wait(&cond, COND_FOREVER));
    check(0, cond_release(&cond));
    return 0;
}
