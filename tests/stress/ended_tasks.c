/* SPDX-License-Identifier: MIT */
/*
 * The port to FreeRTOS in src/package/embedded, on the imitation in tests/cross/freertos: waits whose deadline passes
 * when a notify comes, by threads that end right after. The port must not notify a thread that has ended: in FreeRTOS,
 * the task's memory may have been freed.
 *
 *      ended_tasks [--scale N] [--seed S]
 *      ended_tasks --control                   the port has a fault, which must be detected
 */
#include "stress.h"
#include <errno.h>
#include <signal.h>
#include "task.h"

static struct {
    struct subject subject;
    atomic_bool over;
} test;

static void *wait_twice_and_end(void *arg)
{
    cond_t *cond = &test.subject.cond;
    struct rng rng = rng_make((uintptr_t)arg);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_OK(cond_acquire(cond));
        int result = cond_wait(cond, rng_between(&rng, 1000, 30000));
        CHECK(result == 0 || result == ETIMEDOUT, "cond_wait returned %d", result);
        CHECK_OK(cond_release(cond));
    }
    return NULL;
}

static void *notify_often(void *arg)
{
    cond_t *cond = &test.subject.cond;
    struct rng rng = rng_make(0);
    while (!atomic_load(&test.over)) {
        CHECK_OK(cond_acquire(cond));
        CHECK_OK(cond_notify(cond, 1));
        CHECK_OK(cond_release(cond));
        stress_spin_until(cond_now() + rng_between(&rng, 0, 20000));
    }
    return arg;
}

/* The fault may also crash, in the memory of an ended thread's stack. */
static void fault_is_detected(int signal_number)
{
    (void)signal_number;
    _Exit(0);
}

int main(int argc, char **argv)
{
    bool control = argc > 1 && strcmp(argv[1], "--control") == 0;
    if (control)
        (void)signal(SIGSEGV, fault_is_detected);
    stress_begin(control ? 1 : argc, argv);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        subject_make(&test.subject, kind);
        atomic_store(&test.over, false);
        pthread_t notifier = stress_start(notify_often, NULL);
        unsigned rounds = control ? 100000 : stress_rounds(1000); /* the control: until it is detected */
        for (unsigned i = 0; i < rounds && !(control && imitation_late_notifications() > 0); i++)
            stress_join(stress_start(wait_twice_and_end, (void *)(uintptr_t)(i + 1)));
        atomic_store(&test.over, true);
        stress_join(notifier);
        subject_unmake(&test.subject);
    }
    unsigned late = imitation_late_notifications();
    printf("  %u notifications of threads that had ended\n", late);
    CHECK((late > 0) == control, control ? "the fault was not detected" : "an ended thread was notified");
    return 0;
}
