/* SPDX-License-Identifier: MIT */
/*
 * A counter of 32 bits wraps, after minutes or years. Code that compares such numbers by size then takes the newest
 * waiter for the oldest one, or the reverse.
 *
 * A shared condition has such a counter. A sequence number that is only compared for equality misses a wake-up after
 * exactly 2^32 signals between the waiter's test and its sleep. This is one reason why musl now uses them only
 * between processes (https://git.musl-libc.org/cgit/musl/commit/?id=37195db8ec31300a87bc7ec09d2adcf299e9203d). Go
 * compares tickets by their distance (https://github.com/golang/go/blob/go1.21.0/src/runtime/sema.go, `less`).
 *
 * So does this library (before() in src/shared.c). Private conditions count to 2^64. Here all counters begin three
 * before their end (counters.h). The peer is a mutation of this library that compares tickets by size
 * (counters_mutation.sh).
 */
#include "case.h"
#include "../counters.h"

static cond_t cond;
static atomic_int through;

static void *wait_once(void *arg)
{
    REQUIRE(cond_acquire(&cond) == 0);
    REQUIRE(cond_wait(&cond, COND_FOREVER) == 0);
    atomic_fetch_add(&through, 1);
    REQUIRE(cond_release(&cond) == 0);
    return arg;
}

/* In each round `n` threads wait and are notified one by one. */
static void play(unsigned flags, const char *kind)
{
    int error = cond_init(&cond, NULL, flags);
    if (error == ENOTSUP)
        return;
    REQUIRE(error == 0);
    for (int n = 1; n <= 4; n++) {
        pthread_t waiters[4];
        atomic_store(&through, 0);
        for (int i = 0; i < n; i++)
            waiters[i] = start(wait_once, NULL);
        for (int there = 0; there != n; pause_ns(COND_US(100))) {
            REQUIRE(cond_acquire(&cond) == 0);
            there = (int)cond_waiters(&cond);
            REQUIRE(cond_release(&cond) == 0);
        }
        for (int i = 1; i <= n; i++) {
            REQUIRE(cond_acquire(&cond) == 0);
            REQUIRE(cond_notify(&cond, 1) == 0);
            REQUIRE(cond_release(&cond) == 0);
            if (!comes_true(&through, i))
                verdict(SHOWN, "%s: with %d waiters, notify(1) wakes no waiter", kind, n - i + 1);
        }
        for (int i = 0; i < n; i++)
            REQUIRE(pthread_join(waiters[i], NULL) == 0);
    }
    REQUIRE(cond_destroy(&cond) == 0);
}

int main(int argc, char **argv)
{
    (void)is_peer(argc, argv, "");
    play(0, "private");
    cond = (cond_t)COND_INIT;
    play(COND_SHARED, "shared");
    verdict(WORKS, "10 waits on each kind, and each is notified");
}
