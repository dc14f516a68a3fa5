/* SPDX-License-Identifier: MIT */
/*
 * The port to FreeRTOS in src/package/embedded, on the imitation in tests/cross/freertos: waits whose time ends when a
 * notify comes, by threads that end right after them. No ended thread is notified by the port: in FreeRTOS, the task's
 * memory may have been freed by then.
 *
 *      ended_tasks [--scale N] [--seed S]
 *      ended_tasks --control                   the port has a fault, which must be seen
 */
#include "stress.h"
#include <errno.h>
#include <signal.h>
#include "task.h"

static struct {
    struct place place;
    atomic_bool over;
} game;

static void *wait_twice_and_end(void *arg)
{
    cond_t *cond = &game.place.cond;
    struct rng rng = rng_make((uintptr_t)arg);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_OK(cond_acquire(cond));
        int result = cond_wait(cond, rng_between(&rng, 1000, 30000));
        CHECK(result == 0 || result == ETIMEDOUT, "cond_wait answered %d", result);
        CHECK_OK(cond_release(cond));
    }
    return NULL;
}

static void *notify_often(void *arg)
{
    cond_t *cond = &game.place.cond;
    struct rng rng = rng_make(0);
    while (!atomic_load(&game.over)) {
        CHECK_OK(cond_acquire(cond));
        CHECK_OK(cond_notify(cond, 1));
        CHECK_OK(cond_release(cond));
        stress_spin_until(cond_now() + rng_between(&rng, 0, 20000));
    }
    return arg;
}

/* The fault may as well read what is left of an ended thread's stack. */
static void fault_is_seen(int signal_number)
{
    (void)signal_number;
    _Exit(0);
}

int main(int argc, char **argv)
{
    bool control = argc > 1 && strcmp(argv[1], "--control") == 0;
    if (control)
        (void)signal(SIGSEGV, fault_is_seen);
    stress_begin(control ? 1 : argc, argv);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        place_make(&game.place, kind);
        atomic_store(&game.over, false);
        pthread_t notifier = stress_start(notify_often, NULL);
        for (unsigned i = 0; i < stress_rounds(1000) && !(control && imitation_late_notifications() > 0); i++)
            stress_join(stress_start(wait_twice_and_end, (void *)(uintptr_t)(i + 1)));
        atomic_store(&game.over, true);
        stress_join(notifier);
        place_unmake(&game.place);
    }
    unsigned late = imitation_late_notifications();
    printf("  %u notifications of threads that had ended\n", late);
    CHECK((late > 0) == control, control ? "the fault was not seen" : "an ended thread was notified");
    return 0;
}
