/* SPDX-License-Identifier: MIT */
/*
 * Destroy during other calls, in memory that stays. Each call returns 0 or EINVAL, and none races with destroy:
 * ThreadSanitizer reports that, the plain build checks the results.
 *
 * - One thread releases the lock and destroys its object; others acquire, try and ask meanwhile.
 * - The lock is elsewhere: one thread calls destroy, without the lock, until no thread waits, and frees the memory at
 *   once. A waiter times out meanwhile.
 */
#include "stress.h"

enum { CALLERS = 2 };

struct victim {
    enum kind kind;
    bool is_lock; /* the lock is destroyed, not the condition */
    struct subject subject;
    atomic_uint begun;
};

static void *call(void *arg)
{
    struct victim *victim = arg;
    struct subject *subject = &victim->subject;
    atomic_fetch_add_explicit(&victim->begun, 1, memory_order_relaxed);
    for (unsigned i = 0; i < 20; i++) {
        int error = victim->is_lock ? cond_lock_acquire(&subject->lock)
                    : i % 2 == 0    ? cond_acquire(&subject->cond)
                                    : cond_try_acquire(&subject->cond);
        CHECK(error == 0 || error == EINVAL || (error == EBUSY && i % 2 == 1), "acquire returned %d", error);
        if (error == 0) {
            error = victim->is_lock ? cond_lock_release(&subject->lock) : cond_release(&subject->cond);
            /* (A condition with its lock elsewhere is destroyed while the lock is held.) */
            if (error == EINVAL && !victim->is_lock && !kind_is_own(victim->kind))
                error = cond_lock_release(&subject->lock);
            CHECK_EQ(error, 0);
        }
        if (victim->is_lock) {
            (void)cond_lock_locked(&subject->lock);
        } else {
            CHECK_EQ(cond_waiters(&subject->cond), 0);
            (void)cond_locked(&subject->cond);
        }
    }
    return NULL;
}

static void destroy_beside_calls(enum kind kind, bool is_lock)
{
    struct victim victim = {.kind = kind, .is_lock = is_lock};
    struct subject *subject = &victim.subject;
    pthread_t callers[CALLERS];
    subject_make_lock(subject, kind);
    CHECK_OK(cond_init(&subject->cond, kind_is_own(kind) ? NULL : &subject->lock, 0));
    CHECK_OK(cond_acquire(&subject->cond));
    for (unsigned i = 0; i < CALLERS; i++)
        callers[i] = stress_start(call, &victim);
    while (atomic_load_explicit(&victim.begun, memory_order_relaxed) < CALLERS)
        stress_yield();
    CHECK_OK(cond_release(&subject->cond));
    int error;
    while ((error = is_lock ? cond_lock_destroy(&subject->lock) : cond_destroy(&subject->cond)) == EBUSY)
        stress_yield();
    CHECK_EQ(error, 0);
    CHECK_RESULT(is_lock ? cond_lock_destroy(&subject->lock) : cond_destroy(&subject->cond), EINVAL);
    stress_join_all(callers, CALLERS);
    if (is_lock)
        CHECK_OK(cond_destroy(&subject->cond));
    else if (!kind_is_own(kind))
        CHECK_OK(cond_lock_destroy(&subject->lock));
    if (kind >= PRIVATE_KINDS)
        CHECK_EQ(pthread_mutex_destroy(&subject->mutex), 0);
}

/* ---- Until no thread waits ---- */

struct waiting {
    struct subject subject; /* its lock */
    cond_t *cond;       /* on the heap */
    bool arrived;       /* under the lock */
};

static void *wait_a_little(void *arg)
{
    struct waiting *waiting = arg;
    cond_t *cond = waiting->cond;
    CHECK_OK(cond_lock_acquire(&waiting->subject.lock));
    waiting->arrived = true;
    CHECK_RESULT(cond_wait(cond, COND_US(50)), ETIMEDOUT);
    CHECK_OK(cond_lock_release(&waiting->subject.lock));
    return NULL;
}

static void destroy_until_no_thread_waits(enum kind kind)
{
    struct waiting waiting = {.arrived = false};
    cond_lock_t *lock = &waiting.subject.lock;
    subject_make_lock(&waiting.subject, kind);
    waiting.cond = malloc(sizeof *waiting.cond);
    CHECK(waiting.cond != NULL, "out of memory");
    CHECK_OK(cond_init(waiting.cond, lock, 0));
    pthread_t waiter = stress_start(wait_a_little, &waiting);
    for (CHECK_OK(cond_lock_acquire(lock)); !waiting.arrived; CHECK_OK(cond_lock_acquire(lock))) {
        CHECK_OK(cond_lock_release(lock));
        stress_yield();
    }
    CHECK_OK(cond_lock_release(lock));
    int error;
    while ((error = cond_destroy(waiting.cond)) == EBUSY)
        stress_yield();
    CHECK_EQ(error, 0);
    memset(waiting.cond, 0x5A, sizeof *waiting.cond);
    free(waiting.cond);
    stress_join(waiter);
    subject_unmake_lock(&waiting.subject);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    for (unsigned round = 0; round < stress_rounds(300); round++)
        for (enum kind kind = 0; kind < KINDS; kind++) {
            destroy_beside_calls(kind, false);
            if (kind_is_own(kind))
                continue;
            if (kind < PRIVATE_KINDS)
                destroy_beside_calls(kind, true);
            destroy_until_no_thread_waits(kind);
        }
    return 0;
}
