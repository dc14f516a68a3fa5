/* SPDX-License-Identifier: MIT */
/*
 * Processes wait on a shared condition. Another process closes it and is killed meanwhile, at a random moment:
 *
 *      shared_close [--rounds N] [--seed S]
 *
 * If it was closed by then, or another process closes it afterwards, then all waits end, and later ones end at once. No
 * process hangs. Now and then one of the waiters is killed too.
 */
#include "shared_process.h"

enum { WAITERS = 3 };

struct memory {
    cond_t cond;
    bool never;           /* what some wait for */
    atomic_uint waiting;  /* how many are about to wait */
    atomic_bool begun;    /* the closing process runs */
};

static struct memory *memory;

static void enter(void)
{
    int error = cond_acquire(&memory->cond);
    if (error == EOWNERDEAD)
        CHECK_OK(cond_recover(&memory->cond));
    else
        CHECK_OK(error);
}

static bool is_set(void *arg) { return *(const bool *)arg; }

/* After a recover, a wait without predicate may return 0 spuriously. */
static void wait_for_close(unsigned number)
{
    int error = 0;
    enter();
    memory->waiting++;
    while (error != ECANCELED) {
        error = number % 2 ? cond_wait(&memory->cond, COND_FOREVER)
                           : cond_wait_for(&memory->cond, is_set, &memory->never, COND_FOREVER);
        if (error == EOWNERDEAD)
            CHECK_OK(cond_recover(&memory->cond));
        else
            CHECK(error == ECANCELED || (error == 0 && number % 2), "wait returned %d (%s)", error,
                  cond_strerror(error));
    }
    CHECK(cond_closed(&memory->cond), "ended, and not closed");
    CHECK_EQ(cond_wait(&memory->cond, COND_FOREVER), ECANCELED);
    CHECK_OK(cond_release(&memory->cond));
}

static void close_it(unsigned number)
{
    (void)number;
    memory->begun = true;
    enter();
    CHECK_OK(cond_close(&memory->cond));
    CHECK_OK(cond_release(&memory->cond));
    for (;;)
        nap(COND_SEC(1)); /* to be killed */
}

static bool run_case(struct rng *rng)
{
    pid_t waiters[WAITERS];
    memory->waiting = 0;
    memory->begun = false;
    memset(&memory->cond, 0, sizeof memory->cond);
    make_shared(&memory->cond);
    for (unsigned i = 0; i < WAITERS; i++)
        waiters[i] = start_process(wait_for_close, i);
    if (rng_chance(rng, 70))
        AWAIT(memory->waiting == WAITERS);
    bool one_killed = rng_chance(rng, 20);
    if (one_killed)
        kill_process(waiters[0]);
    pid_t closer = start_process(close_it, 0);
    while (!memory->begun) /* not AWAIT(): the waiters may end as soon as it has begun */
        nap(COND_US(50));
    stress_spin_until(cond_now() + rng_between(rng, 0, rng_chance(rng, 80) ? COND_US(30) : COND_MS(1)));
    kill_process(closer);
    bool was_closed = cond_closed(&memory->cond);
    if (!was_closed) {
        enter();
        CHECK_OK(cond_close(&memory->cond));
        CHECK_OK(cond_release(&memory->cond));
    }
    for (unsigned i = one_killed; i < WAITERS; i++)
        await_end(waiters[i]);
    enter();
    CHECK(cond_closed(&memory->cond), "not closed any more");
    CHECK_EQ(cond_wait_for(&memory->cond, is_set, &memory->never, COND_FOREVER), ECANCELED);
    CHECK_OK(cond_notify_all(&memory->cond)); /* a killed waiter is counted until then */
    CHECK_OK(cond_release(&memory->cond));
    CHECK_OK(cond_destroy(&memory->cond));
    stress_forget(&memory->cond);
    return was_closed;
}

int main(int argc, char **argv)
{
    unsigned rounds = take_option(&argc, argv, "--rounds", 60);
    stress_begin(argc, argv);
    rounds = stress_rounds(rounds);
    memory = share_memory(sizeof *memory);
    struct rng rng = rng_make(0);
    unsigned before = 0;
    for (unsigned i = 0; i < rounds; i++)
        before += run_case(&rng);
    printf("  closed before the kill in %u of %u rounds\n", before, rounds);
    return 0;
}
