/* SPDX-License-Identifier: MIT */
/*
 * What the library may not touch any more is freed at once, over and over. It tells under AddressSanitizer
 * and ThreadSanitizer, and otherwise by what the next round makes of the same memory.
 *
 * - A waiter destroys and frees the condition, and the lock in it or beside it, as soon as it is woken.
 * - The notifier destroys and frees the condition as soon as it has notified all and released the lock, which
 *   lives elsewhere, while the waiters are on their way. The last of them destroys the lock.
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

struct order { /* to one waiting thread */
    _Atomic(struct lock_block *) block; /* NULL again when it is picked up */
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
    memset((void *)cond, 0xA5, sizeof *cond); /* so that a late look is seen even without a sanitizer */
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
    bool brief = block->notifier_frees && rng_chance(rng, 50);
    int error;
    switch (rng_next(rng) % 3) {
    case 0:
        CHECK_OK(cond_wait(cond, COND_FOREVER));
        break;
    case 1:
        CHECK_OK(cond_wait_for(cond, flag_is_set, &block->flag, COND_FOREVER));
        break;
    default:
        /* May expire before the notify, with it, or never. It may leave before the notifier is there only
           where the notifier is not counting on it. */
        error = cond_wait(cond, brief ? rng_between(rng, 0, COND_US(200)) : COND_SEC(100000));
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
    /* The condition may be gone from here on. */
    cond_lock_t *lock = &block->subject.lock;
    if (last && !block->notifier_frees)
        cond_free(block);
    CHECK_OK(cond_lock_release(lock));
    if (last)
        block_free(block);
}

static void *run_waiter(void *arg)
{
    struct order *order = arg;
    for (;;) {
        struct lock_block *block = atomic_exchange(&order->block, NULL);
        if (block != NULL)
            wait_and_free(block, &order->rng);
        else if (atomic_load(&order->over))
            return NULL;
        else
            stress_yield();
    }
}

static void run_case(enum kind kind, bool notifier_frees, unsigned waiters, struct rng *rng)
{
    struct order orders[WAITERS_MAX];
    pthread_t threads[WAITERS_MAX];
    for (unsigned i = 0; i < waiters; i++) {
        atomic_init(&orders[i].block, NULL);
        orders[i].rng = rng_make(rng_next(rng));
        atomic_init(&orders[i].over, false);
        threads[i] = stress_start(run_waiter, &orders[i]);
    }
    for (unsigned round = 0; round < stress_rounds(1500); round++) {
        struct lock_block *block = block_make(kind, waiters + notifier_frees, notifier_frees);
        cond_t *cond = block->cond;
        cond_lock_t *lock = &block->subject.lock;
        for (unsigned i = 0; i < waiters; i++) {
            struct lock_block *none = NULL;
            while (!atomic_compare_exchange_weak(&orders[i].block, &none, block)) {
                none = NULL;
                stress_yield(); /* it has not picked up the last one */
            }
        }
        ACQUIRE_WHEN(cond, block->arrived == waiters);
        block->flag = true;
        CHECK_OK(rng_chance(rng, 50) ? cond_notify_all(cond) : cond_notify(cond, WAITERS_MAX));
        CHECK_OK(cond_release(cond));
        if (!notifier_frees)
            continue; /* nothing of it may be looked at now */
        cond_free(block);
        CHECK_OK(cond_lock_acquire(lock));
        bool last = --block->present == 0;
        CHECK_OK(cond_lock_release(lock));
        if (last)
            block_free(block);
    }
    for (unsigned i = 0; i < waiters; i++) {
        while (atomic_load(&orders[i].block) != NULL)
            stress_yield();
        atomic_store(&orders[i].over, true);
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
