/* SPDX-License-Identifier: MIT */
/*
 * The wall clock is set while a thread waits with a timeout. The usual loop around pthread_cond_timedwait() has a
 * deadline on the wall clock, unless pthread_condattr_setclock() chose another one. After a step of one hour its
 * timeout of thirty seconds ends at once, or an hour too late.
 *
 * (https://pubs.opengroup.org/onlinepubs/9699919799/functions/pthread_cond_timedwait.html, "Rationale: Choice of
 * clock".)
 *
 * In this library all deadlines are on the monotonic clock.
 *
 * The test does not change the machine's clock. libfaketime (https://github.com/wolfcw/libfaketime) gives this
 * process another time of day, which it reads from a file at each call. The monotonic clock does not change.
 */
#include "case.h"
#include <glob.h>
#include <pthread.h>

static const int64_t limit_ns = COND_SEC(30);

static char step_file[] = "/tmp/known_bugs-clock-XXXXXX";

static int64_t wall_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void set_step(const char *file, const char *step)
{
    FILE *out = fopen(file, "w");
    REQUIRE(out != NULL);
    REQUIRE(fprintf(out, "%s\n", step) > 0);
    REQUIRE(fclose(out) == 0);
}

/* The same program once more, with libfaketime. */
static void run_faked(char **argv)
{
    glob_t found;
    if (glob("/usr/lib*/*/faketime/libfaketimeMT.so.1", 0, NULL, &found) != 0 &&
        glob("/usr/lib*/faketime/libfaketimeMT.so.1", 0, NULL, &found) != 0)
        verdict(CANNOT, "libfaketime is not installed (Debian: faketime)");
    int file = mkstemp(step_file);
    REQUIRE(file >= 0);
    (void)close(file);
    set_step(step_file, "+0");
    (void)setenv("KNOWN_BUGS_CLOCK", step_file, 1);
    (void)setenv("FAKETIME_TIMESTAMP_FILE", step_file, 1);
    (void)setenv("FAKETIME_NO_CACHE", "1", 1);
    (void)setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1);
    (void)setenv("DONT_FAKE_MONOTONIC", "1", 1);
    (void)setenv("LD_PRELOAD", found.gl_pathv[0], 1);
    (void)execv(argv[0], argv);
    verdict(CANNOT, "%s: %s", argv[0], strerror(errno));
}

/* Forth by an hour; the monotonic clock stays as it is. */
static void step_clock(void)
{
    int64_t wall = wall_ns(), real = cond_now();
    set_step(getenv("KNOWN_BUGS_CLOCK"), "+1h");
    int64_t change_ns = wall_ns() - wall, passed_ns = cond_now() - real;
    bool stepped = change_ns > COND_SEC(3000), steady = passed_ns >= 0 && passed_ns < COND_SEC(1000);
    if (stepped && steady)
        return;
    (void)unlink(getenv("KNOWN_BUGS_CLOCK"));
    verdict(CANNOT, "libfaketime %s",
            stepped ? "changes the monotonic clock too" : "does not change the time of a process that runs");
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pthread_cond = PTHREAD_COND_INITIALIZER;
static cond_t cond = COND_INIT;
static bool waits, ready; /* under the lock */
static atomic_int ended;
static int answer;
static int64_t took_ns;

static bool is_ready(void *arg) { (void)arg; return ready; }

static void *wait_pthread(void *arg)
{
    int64_t began_ns = cond_now();
    (void)pthread_mutex_lock(&mutex);
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(limit_ns / 1000000000);
    waits = true;
    while (!ready && answer == 0)
        answer = pthread_cond_timedwait(&pthread_cond, &mutex, &until);
    took_ns = cond_now() - began_ns;
    (void)pthread_mutex_unlock(&mutex);
    atomic_store(&ended, 1);
    return arg;
}

static void *wait_ours(void *arg)
{
    int64_t began_ns = cond_now();
    (void)cond_acquire(&cond);
    waits = true;
    answer = cond_wait_for(&cond, is_ready, NULL, limit_ns);
    took_ns = cond_now() - began_ns;
    (void)cond_release(&cond);
    atomic_store(&ended, 1);
    return arg;
}

static void acquire(bool peer) { REQUIRE((peer ? pthread_mutex_lock(&mutex) : cond_acquire(&cond)) == 0); }
static void release(bool peer) { REQUIRE((peer ? pthread_mutex_unlock(&mutex) : cond_release(&cond)) == 0); }

static void notify(bool peer)
{
    REQUIRE((peer ? pthread_cond_signal(&pthread_cond) : cond_notify(&cond, 1)) == 0);
}

int main(int argc, char **argv)
{
    bool peer = is_peer(argc, argv, "pthread");
    if (getenv("KNOWN_BUGS_CLOCK") == NULL)
        run_faked(argv);
    start(peer ? wait_pthread : wait_ours, NULL);
    for (bool there = false; !there; release(peer)) {
        acquire(peer);
        there = waits;
    }
    step_clock();
    acquire(peer);
    notify(peer); /* in vain: it is not ready, so it waits until its deadline */
    release(peer);
    bool over = comes_true(&ended, 1);
    (void)unlink(getenv("KNOWN_BUGS_CLOCK"));
    if (over)
        verdict(answer == ETIMEDOUT ? SHOWN : ERROR, "a timeout of 30 s ended after %.1f s",
                (double)took_ns / 1e9);
    acquire(peer);
    ready = true;
    notify(peer);
    release(peer);
    await(&ended, 1);
    REQUIRE(answer == 0);
    verdict(WORKS, "a timeout of 30 s stays one after the step");
}
