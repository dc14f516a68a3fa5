/* SPDX-License-Identifier: MIT */
/*
 * Memory that the library must not use any more is freed at once. AddressSanitizer and ThreadSanitizer report a late
 * use; otherwise the next round shows it, which uses the same memory.
 *
 * - A waiter destroys and frees the condition, and the lock in it or beside it, as soon as it is woken.
 * - The notifier destroys and frees the condition as soon as it has notified all waiters and released the lock, which
 *   is elsewhere, before the waiters return. The last waiter destroys the lock.
 */
#include "stress.h"

enum { WAITERS_MAX = 6 };

struct lock_block { /* on the heap, freed by the last to leave */
    struct subject subject; /* its lock; its condition too, where the lock is the condition's own */
    cond_t *cond;       /* that one, or another on the heap */
    unsigned arrived;   /* under the lock, as all below */
    unsigned present;
    bool flag;
    bool notifier_frees; /* fixed */
};

struct job { /* of one waiting thread */
    _Atomic(struct lock_block *) block; /* NULL when the thread has taken it */
    atomic_bool over;
    struct rng rng;
};

static bool flag_is_set(void *arg)
{
    return *(bool *)arg;
}

static struct lock_block *block_make(enum kind kind, unsigned waiters, bool notifier_frees)
{
    struct lock_block *block = calloc(1, sizeof *block);
    CHECK(block != NULL, "out of memory");
    block->present = waiters;
    block->notifier_frees = notifier_frees;
    if (kind_is_own(kind)) {
        subject_make(&block->subject, kind);
        block->cond = &block->subject.cond;
    } else {
        subject_make_lock(&block->subject, kind);
        block->cond = malloc(sizeof *block->cond);
        CHECK(block->cond != NULL, "out of memory");
        CHECK_OK(cond_init(block->cond, &block->subject.lock, 0));
    }
    return block;
}

static void cond_free(struct lock_block *block)
{
    cond_t *cond = block->cond;
    block->cond = NULL;
    CHECK_OK(cond_destroy(cond));
    memset((void *)cond, 0xA5, sizeof *cond); /* so that a late use fails without a sanitizer too */
    free(cond);
}

static void block_free(struct lock_block *block)
{
    if (kind_is_own(block->subject.kind))
        stress_forget(&block->subject.cond);
    subject_unmake_lock(&block->subject);
    memset((void *)&block->subject, 0xA5, sizeof block->subject);
    free(block);
}

static void wait_and_free(struct lock_block *block, struct rng *rng)
{
    enum kind kind = block->subject.kind;
    cond_t *cond = block->cond;
    CHECK_OK(cond_acquire(cond));
    block->arrived++;
    bool short_wait = block->notifier_frees && rng_chance(rng, 50);
    int error;
    switch (rng_next(rng) % 3) {
    case 0:
        CHECK_OK(cond_wait(cond, COND_FOREVER));
        break;
    case 1:
        CHECK_OK(cond_wait_for(cond, flag_is_set, &block->flag, COND_FOREVER));
        break;
    default:
        /* May expire before the notify, with it, or never. It may return before the notifier arrives only where the
           notifier does not rely on it. */
        error = cond_wait(cond, short_wait ? rng_between(rng, 0, COND_US(200)) : COND_SEC(100000));
        CHECK(error == 0 || error == ETIMEDOUT, "returned %d", error);
        break;
    }
    bool last = --block->present == 0;
    if (kind_is_own(kind)) {
        CHECK_OK(cond_release(cond));
        if (last) {
            CHECK_OK(cond_destroy(cond));
            block_free(block);
        }
        return;
    }
    /* From here on the condition may not exist. */
    cond_lock_t *lock = &block->subject.lock;
    if (last && !block->notifier_frees)
        cond_free(block);
    CHECK_OK(cond_lock_release(lock));
    if (last)
        block_free(block);
}

static void *run_waiter(void *arg)
{
    struct job *job = arg;
    for (;;) {
        struct lock_block *block = atomic_exchange(&job->block, NULL);
        if (block != NULL)
            wait_and_free(block, &job->rng);
        else if (atomic_load(&job->over))
            return NULL;
        else
            stress_yield();
    }
}

static void run_case(enum kind kind, bool notifier_frees, unsigned waiters, struct rng *rng)
{
    struct job jobs[WAITERS_MAX];
    pthread_t threads[WAITERS_MAX];
    for (unsigned i = 0; i < waiters; i++) {
        atomic_init(&jobs[i].block, NULL);
        jobs[i].rng = rng_make(rng_next(rng));
        atomic_init(&jobs[i].over, false);
        threads[i] = stress_start(run_waiter, &jobs[i]);
    }
    for (unsigned round = 0; round < stress_rounds(1500); round++) {
        struct lock_block *block = block_make(kind, waiters + notifier_frees, notifier_frees);
        cond_t *cond = block->cond;
        cond_lock_t *lock = &block->subject.lock;
        for (unsigned i = 0; i < waiters; i++) {
            struct lock_block *none = NULL;
            while (!atomic_compare_exchange_weak(&jobs[i].block, &none, block)) {
                none = NULL;
                stress_yield(); /* it has not taken the last one */
            }
        }
        ACQUIRE_WHEN(cond, block->arrived == waiters);
        block->flag = true;
        CHECK_OK(rng_chance(rng, 50) ? cond_notify_all(cond) : cond_notify(cond, WAITERS_MAX));
        CHECK_OK(cond_release(cond));
        if (!notifier_frees)
            continue; /* the block may not exist any more */
        cond_free(block);
        CHECK_OK(cond_lock_acquire(lock));
        bool last = --block->present == 0;
        CHECK_OK(cond_lock_release(lock));
        if (last)
            block_free(block);
    }
    for (unsigned i = 0; i < waiters; i++) {
        while (atomic_load(&jobs[i].block) != NULL)
            stress_yield();
        atomic_store(&jobs[i].over, true);
    }
    stress_join_all(threads, waiters);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        run_case(kind, false, 1, &rng);
        run_case(kind, false, (unsigned)rng_between(&rng, 2, WAITERS_MAX), &rng);
        if (!kind_is_own(kind)) {
            run_case(kind, true, 1, &rng);
            run_case(kind, true, (unsigned)rng_between(&rng, 2, WAITERS_MAX), &rng);
        }
    }
    return 0;
}
