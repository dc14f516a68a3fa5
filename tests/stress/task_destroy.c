/* SPDX-License-Identifier: MIT */
/*
 * Memory that the library must not use any more is freed at once. AddressSanitizer and ThreadSanitizer report a late
 * use; otherwise the next round shows it, which uses the same memory.
 *
 * Three threads use a condition at the same time, once each: as a thread, or with one or two tasks that they make for
 * it. The callback of a task frees the task, on any thread, so the task may not exist when its own call returns. The
 * last user destroys and frees the condition, and the lock if it is elsewhere, before the calls of the others have
 * returned. In half of the rounds they wait for each other first.
 */
#include "stress.h"

enum { RUNNERS = 3, TASKS_MAX = 2 };

struct block { /* on the heap, freed by the last to leave */
    struct subject subject;
    unsigned users;   /* fixed */
    bool meet;        /* fixed: they wait until all have arrived */
    unsigned arrived; /* under the lock */
    unsigned left;    /* under the lock */
};

struct user { /* on the heap, freed after its last release */
    cond_task_t task;
    struct block *block;
    bool patient; /* waits with a predicate */
    bool arrived;
};

static atomic_uint freed; /* blocks */

static bool all_arrived(void *arg)
{
    const struct block *block = arg;
    return block->arrived == block->users;
}

static void block_free(struct block *block)
{
    subject_unmake(&block->subject);
    memset((void *)block, 0xA5, sizeof *block); /* so that a late use fails without a sanitizer too */
    free(block);
    (void)atomic_fetch_add(&freed, 1);
}

/* The task holds the lock, by the result of its request or by its callback. */
static void use_lock(struct user *user)
{
    struct block *block = user->block;
    cond_t *cond = &block->subject.cond;
    if (!user->arrived) {
        user->arrived = true;
        block->arrived++;
        if (block->meet && all_arrived(block)) {
            CHECK_OK(cond_task_notify_all(cond, &user->task));
        } else if (block->meet) {
            int result = user->patient ? cond_task_wait_for(cond, &user->task, all_arrived, block)
                                       : cond_task_wait(cond, &user->task);
            if (result == EINPROGRESS)
                return; /* the task may not exist any more */
            CHECK_OK(result);
        }
    }
    bool last = ++block->left == block->users;
    CHECK_OK(cond_task_release(cond, &user->task));
    memset((void *)user, 0xA5, sizeof *user);
    free(user);
    if (last)
        block_free(block);
}

static void on_ready(cond_task_t *task, int result)
{
    CHECK_OK(result);
    use_lock(cond_task_user(task));
}

static void use_as_task(struct block *block, bool patient)
{
    struct user *user = calloc(1, sizeof *user);
    CHECK(user != NULL, "out of memory");
    user->block = block;
    user->patient = patient;
    CHECK_OK(cond_task_init(&user->task, on_ready, user));
    int result = cond_task_acquire(&block->subject.cond, &user->task);
    if (result == EINPROGRESS)
        return; /* the task may not exist any more */
    CHECK_OK(result);
    use_lock(user);
}

static void use_as_thread(struct block *block)
{
    cond_t *cond = &block->subject.cond;
    CHECK_OK(cond_acquire(cond));
    block->arrived++;
    if (block->meet && all_arrived(block))
        CHECK_OK(cond_notify_all(cond));
    else if (block->meet)
        CHECK_OK(cond_wait_for(cond, all_arrived, block, COND_FOREVER));
    bool last = ++block->left == block->users;
    CHECK_OK(cond_release(cond));
    if (last)
        block_free(block);
}

struct runner {
    pthread_t thread;
    _Atomic(struct block *) block; /* NULL when the thread has taken it */
    unsigned tasks;                /* with the block: 0 if it is to use it as a thread */
    atomic_bool over;
    struct rng rng;
};

static void *run(void *arg)
{
    struct runner *self = arg;
    for (;;) {
        struct block *block = atomic_load(&self->block);
        if (block != NULL) {
            unsigned tasks = self->tasks;
            atomic_store(&self->block, NULL);
            if (tasks == 0)
                use_as_thread(block);
            for (unsigned i = 0; i < tasks; i++)
                use_as_task(block, rng_chance(&self->rng, 50));
        } else if (atomic_load(&self->over)) {
            return NULL;
        } else {
            stress_yield();
        }
    }
}

static void run_case(enum kind kind, unsigned rounds, struct rng *rng)
{
    struct runner runners[RUNNERS];
    unsigned before = atomic_load(&freed);
    for (unsigned i = 0; i < RUNNERS; i++) {
        atomic_init(&runners[i].block, NULL);
        atomic_init(&runners[i].over, false);
        runners[i].rng = rng_make(rng_next(rng));
        runners[i].thread = stress_start(run, &runners[i]);
    }
    for (unsigned round = 0; round < rounds; round++) {
        unsigned tasks[RUNNERS];
        struct block *block = calloc(1, sizeof *block);
        CHECK(block != NULL, "out of memory");
        subject_make(&block->subject, kind);
        block->meet = rng_chance(rng, 50);
        for (unsigned i = 0; i < RUNNERS; i++) {
            tasks[i] = (unsigned)rng_between(rng, 0, TASKS_MAX);
            block->users += tasks[i] != 0 ? tasks[i] : 1;
        }
        for (unsigned i = 0; i < RUNNERS; i++) {
            while (atomic_load(&runners[i].block) != NULL)
                stress_yield(); /* it has not taken the last one */
            runners[i].tasks = tasks[i];
            atomic_store(&runners[i].block, block);
        }
    }
    for (unsigned i = 0; i < RUNNERS; i++) {
        while (atomic_load(&runners[i].block) != NULL)
            stress_yield();
        atomic_store(&runners[i].over, true);
    }
    TEAM_JOIN(runners, RUNNERS);
    CHECK_EQ(atomic_load(&freed) - before, rounds);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum kind kind = 0; kind < PRIVATE_KINDS; kind++)
        run_case(kind, stress_rounds(3000), &rng);
    return 0;
}
