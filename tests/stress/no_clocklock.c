/* SPDX-License-Identifier: MIT */
/*
 * Timed acquires of pthread mutexes, adopted and shared, on a system without pthread_mutex_clocklock()
 * (tests/cross/no_clocklock.h) whose wall clock stands still, as if it were set back again and again. A thread that
 * sleeps until a later time of this clock sleeps for ever. Timeouts must end all the same, and a release must be
 * noticed.
 */
#include "stress.h"
#include <errno.h>

#undef clock_gettime
#undef pthread_mutex_timedlock

enum { STILL_S = 1700000000 };

static atomic_uint tries; /* of pthread_mutex_timedlock() */

int fake_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_REALTIME)
        return clock_gettime(clock, now);
    *now = (struct timespec){.tv_sec = STILL_S};
    return 0;
}

/* The real function detects the owner's own mutex. It does not sleep: 1970 is past. */
int fake_timedlock(pthread_mutex_t *mutex, const struct timespec *until)
{
    int error;
    (void)atomic_fetch_add(&tries, 1);
    do
        error = pthread_mutex_timedlock(mutex, &(struct timespec){0});
    while (error == ETIMEDOUT && (until->tv_sec > STILL_S || (until->tv_sec == STILL_S && until->tv_nsec > 0)) &&
           sched_yield() == 0);
    return error;
}

#ifdef CLOCKLOCK_REFUSES
int fake_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until)
{
    (void)mutex, (void)clock, (void)until;
    return EINVAL;
}
#endif

enum { SHARED_OWN = KINDS, SHARED_ELSEWHERE, ALL_KINDS };

static struct test {
    struct subject subject;
    int64_t timeout_ns; /* fixed while a thread runs */
    int result;
} test;

/* False if the system lacks this kind. */
static bool make(unsigned kind)
{
    memset(&test, 0, sizeof test);
    if (kind < KINDS) {
        subject_make(&test.subject, (enum kind)kind);
        return true;
    }
    test.subject.kind = kind == SHARED_OWN ? OWN_RLOCK : OTHER_RLOCK;
    int error = kind == SHARED_OWN ? cond_init(&test.subject.cond, NULL, COND_SHARED)
                                   : cond_lock_init(&test.subject.lock, COND_SHARED);
    CHECK(error == 0 || error == ENOTSUP, "cond_init returned %d", error);
    if (error == 0 && kind == SHARED_ELSEWHERE)
        CHECK_OK(cond_init(&test.subject.cond, &test.subject.lock, 0));
    return error == 0;
}

static void *acquire(void *arg)
{
    cond_t *cond = &test.subject.cond;
    int64_t deadline_ns = test.timeout_ns > 0 ? cond_now() + test.timeout_ns : INT64_MIN;
    test.result = cond_acquire_timed(cond, test.timeout_ns);
    if (test.result == 0)
        CHECK_OK(cond_release(cond));
    else
        CHECK(cond_now() >= deadline_ns, "early");
    return arg;
}

static void run_case(unsigned kind)
{
    static const int64_t timeouts_ns[] = {-1, 0, 1, COND_US(10), COND_MS(1), COND_MS(60), COND_MS(200)};
    cond_t *cond = &test.subject.cond;
    CHECK_OK(cond_acquire(cond));
    for (size_t i = 0; i < sizeof timeouts_ns / sizeof *timeouts_ns; i++) {
        test.timeout_ns = timeouts_ns[i];
        stress_join(stress_start(acquire, NULL));
        CHECK_RESULT(test.result, ETIMEDOUT);
    }
    /* Released while another thread waits for it. */
    test.timeout_ns = COND_SEC(100000);
    unsigned before = atomic_load(&tries);
    pthread_t thread = stress_start(acquire, NULL);
    while (kind >= PRIVATE_KINDS && atomic_load(&tries) == before)
        stress_yield();
    CHECK_OK(cond_release(cond));
    stress_join(thread);
    CHECK_OK(test.result);
    if (kind >= KINDS) { /* the mutex detects its owner */
        CHECK_OK(cond_acquire(cond));
        CHECK_OK(cond_acquire_timed(cond, COND_SEC(100000)));
        CHECK_OK(cond_release(cond));
        CHECK_OK(cond_release(cond));
    }
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    for (unsigned round = 0; round < stress_rounds(3); round++) {
        for (unsigned kind = 0; kind < ALL_KINDS; kind++) {
            if (!make(kind))
                continue;
            run_case(kind);
            subject_unmake(&test.subject);
        }
    }
    CHECK(atomic_load(&tries) > 0, "no mutex was acquired by pthread_mutex_timedlock()");
    printf("  %u tries\n", atomic_load(&tries));
    return 0;
}
