/* SPDX-License-Identifier: MIT */
/*
 * Signals interrupt waiters all the time: a timer at 1 kHz signals the process, and another thread signals each waiter
 * at about that rate. No wait returns early or without a reason, and errno is not changed. The program prints how late
 * they return, beside how late clock_nanosleep() does under the same signals.
 */
#include "stress.h"
#include <errno.h>
#include <signal.h>
#include <sys/time.h>

enum { WAITERS = 6, SLEEPERS = 2, NOTIFIED = 2, THREADS = WAITERS + SLEEPERS + NOTIFIED };

static atomic_uint handled;

static void count_signal(int number)
{
    (void)number;
    (void)atomic_fetch_add_explicit(&handled, 1, memory_order_relaxed);
}

struct member {
    pthread_t thread;
    atomic_bool present; /* gets signals */
    unsigned rounds;
    struct rng rng;
    struct spread late; /* its own, until it is joined */
};

/* A lock that the main thread holds all the time. */
static cond_lock_t held = COND_MUTEX_INIT;

/* Tokens: each notify gives one. */
static cond_t tokens_cond = COND_INIT;
static unsigned tokens_given, tokens_taken; /* under its lock */
static atomic_bool over;

static bool never(void *arg) { (void)arg; return false; }

/* Waits of each kind; no notify ends them. */
static void *run_waiter(void *arg)
{
    struct member *self = arg;
    cond_t cond = COND_INIT;
    CHECK_OK(cond_acquire(&cond));
    for (unsigned round = 0; round < self->rounds; round++) {
        int64_t timeout_ns = rng_between(&self->rng, COND_US(100), COND_MS(8));
        int64_t deadline_ns = cond_now() + timeout_ns;
        int error;
        errno = ENOTTY;
        switch (round % 4) {
        case 0: error = cond_wait_until(&cond, deadline_ns); break;
        case 1: error = cond_wait(&cond, timeout_ns); break;
        case 2: error = cond_wait_for(&cond, never, NULL, timeout_ns); break;
        default: error = cond_lock_acquire_timed(&held, timeout_ns); break;
        }
        int64_t now_ns = cond_now();
        CHECK_EQ(errno, ENOTTY);
        CHECK_RESULT(error, ETIMEDOUT);
        CHECK(now_ns >= deadline_ns, "way %u returned %" PRId64 " ns early", round % 4, deadline_ns - now_ns);
        spread_add(&self->late, now_ns - deadline_ns);
    }
    CHECK_OK(cond_release(&cond));
    CHECK_OK(cond_destroy(&cond));
    atomic_store(&self->present, false);
    return NULL;
}

static void *run_sleeper(void *arg)
{
    struct member *self = arg;
    for (unsigned round = 0; round < self->rounds; round++) {
        int64_t until_ns = cond_now() + rng_between(&self->rng, COND_US(100), COND_MS(8));
        struct timespec until = stress_timespec(until_ns);
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
            ;
        spread_add(&self->late, cond_now() - until_ns);
    }
    atomic_store(&self->present, false);
    return NULL;
}

/* Each return takes a token that was given before: there are no spurious wake-ups. */
static void *run_notified(void *arg)
{
    struct member *self = arg;
    CHECK_OK(cond_acquire(&tokens_cond));
    while (!atomic_load(&over)) {
        CHECK_OK(cond_wait(&tokens_cond, COND_FOREVER));
        tokens_taken++;
        CHECK(tokens_taken <= tokens_given, "woken without a notify");
    }
    CHECK_OK(cond_release(&tokens_cond));
    atomic_store(&self->present, false);
    return NULL;
}

static struct member members[THREADS];

static void *run_signaller(void *arg)
{
    /* This thread ends before a member is joined: until then pthread_kill() may name it. */
    while (!atomic_load((atomic_bool *)arg)) {
        for (unsigned i = 0; i < THREADS; i++)
            if (atomic_load(&members[i].present))
                CHECK_EQ(pthread_kill(members[i].thread, SIGUSR1), 0);
        stress_sleep_until(cond_now() + COND_MS(1));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = count_signal; /* and no SA_RESTART */
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    struct itimerval timer = {.it_interval = {.tv_usec = 1000}, .it_value = {.tv_usec = 1000}};
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);

    CHECK_OK(cond_lock_acquire(&held));
    atomic_bool silence = false;
    for (unsigned i = 0; i < THREADS; i++) {
        members[i].rounds = stress_rounds(400);
        members[i].rng = rng_make(i);
        atomic_store(&members[i].present, true); /* the thread clears it */
        members[i].thread = stress_start(i < WAITERS              ? run_waiter
                                         : i < WAITERS + SLEEPERS ? run_sleeper
                                                                  : run_notified,
                                         &members[i]);
    }
    pthread_t signaller = stress_start(run_signaller, &silence);

    /* Tokens, one at a time and only when both wait, until the others have ended. */
    for (bool busy = true; busy;) {
        ACQUIRE_WHEN(&tokens_cond, cond_waiters(&tokens_cond) == NOTIFIED);
        CHECK_EQ(tokens_taken, tokens_given);
        tokens_given++;
        CHECK_OK(cond_notify(&tokens_cond, 1));
        CHECK_OK(cond_release(&tokens_cond));
        stress_sleep_until(cond_now() + COND_MS(1));
        busy = false;
        for (unsigned i = 0; i < WAITERS + SLEEPERS; i++)
            busy = busy || atomic_load(&members[i].present);
    }
    ACQUIRE_WHEN(&tokens_cond, cond_waiters(&tokens_cond) == NOTIFIED);
    CHECK_EQ(tokens_taken, tokens_given);
    atomic_store(&over, true);
    tokens_given += NOTIFIED;
    CHECK_OK(cond_notify_all(&tokens_cond));
    CHECK_OK(cond_release(&tokens_cond));

    atomic_store(&silence, true);
    stress_join(signaller);
    struct spread waits = {NULL, 0, 0}, sleeps = {NULL, 0, 0};
    for (unsigned i = 0; i < THREADS; i++) {
        stress_join(members[i].thread);
        for (size_t j = 0; j < members[i].late.count; j++)
            spread_add(i < WAITERS ? &waits : &sleeps, members[i].late.values[j]);
        free(members[i].late.values);
    }
    timer = (struct itimerval){.it_interval = {.tv_usec = 0}};
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, NULL), 0);
    CHECK_OK(cond_lock_release(&held));
    CHECK_OK(cond_lock_destroy(&held));
    CHECK_EQ(tokens_taken, tokens_given);
    CHECK_OK(cond_destroy(&tokens_cond));
    CHECK(atomic_load(&handled) > 0, "no signal came");
    printf("  %u signals, %u tokens\n", atomic_load(&handled), tokens_taken);
    spread_print(&waits, "waits late");
    spread_print(&sleeps, "clock_nanosleep late");
    return 0;
}
