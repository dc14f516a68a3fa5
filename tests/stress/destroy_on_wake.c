/* SPDX-License-Identifier: MIT */
/*
 * Memory that the library must not use any more is freed at once. AddressSanitizer and ThreadSanitizer report a late
 * use; otherwise the next round shows it, which uses the same memory.
 *
 * - A waiter destroys and frees the condition, and the lock in it or beside it, as soon as it is woken.
 * - The notifier destroys and frees the condition as soon as it has notified all waiters and released the lock, which
 *   is elsewhere, before the waiters return. The last waiter destroys the lock.
 * - Three threads use a condition at the same time, once each: as a thread, or with one or two tasks that they make for
 *   it. The callback of a task frees the task, on any thread, so the task may not exist when its own call returns. The
 *   last user destroys and frees the condition, and the lock if it is elsewhere, before the calls of the others have
 *   returned. In half of the rounds they wait for each other first.
 */
#include "stress.h"

/* ---- A thread that uses one block of memory after the other ---- */

struct runner {
    void (*use)(struct runner *self, void *block);
    _Atomic(void *) block; /* NULL when the thread has taken it */
    unsigned tasks;        /* with the block: 0 if it is to use it as a thread */
    atomic_bool over;
    struct rng rng;
    pthread_t thread;
};

static void *run(void *arg)
{
    struct runner *self = arg;
    for (;;) {
        void *block = atomic_load(&self->block);
        if (block != NULL)
            self->use(self, block); /* which sets `block` to NULL first */
        else if (atomic_load(&self->over))
            return NULL;
        else
            stress_yield();
    }
}

static void runner_start(struct runner *self, void (*use)(struct runner *self, void *block), struct rng *rng)
{
    self->use = use;
    atomic_init(&self->block, NULL);
    atomic_init(&self->over, false);
    self->rng = rng_make(rng_next(rng));
    self->thread = stress_start(run, self);
}

/* Until the thread has taken its last block. */
static void runner_wait(struct runner *self)
{
    while (atomic_load(&self->block) != NULL)
        stress_yield();
}

static void runners_end(struct runner *runners, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        runner_wait(&runners[i]);
        atomic_store(&runners[i].over, true);
    }
    TEAM_JOIN(runners, count);
}

/* ---- Waiters and a notifier ---- */

enum { WAITERS_MAX = 6 };

struct lock_block { /* on the heap, freed by the last to leave */
    struct subject subject; /* its lock; its condition too, where the lock is the condition's own */
    cond_t *cond;       /* that one, or another on the heap */
    unsigned arrived;   /* under the lock, as all below */
    unsigned present;
    bool flag;
    bool notifier_frees; /* fixed */
};

static bool flag_is_set(void *arg) { return *(bool *)arg; }

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

static void wait_and_free(struct runner *self, void *arg)
{
    struct lock_block *block = arg;
    struct rng *rng = &self->rng;
    atomic_store(&self->block, NULL);
    enum kind kind = block->subject.kind;
    cond_t *cond = block->cond;
    CHECK_OK(cond_acquire(cond));
    block->arrived++;
    bool short_wait = block->notifier_frees && rng_chance(rng, 50);
    int error;
    switch (rng_next(rng) % 3) {
    case 0: CHECK_OK(cond_wait(cond, COND_FOREVER)); break;
    case 1: CHECK_OK(cond_wait_for(cond, flag_is_set, &block->flag, COND_FOREVER)); break;
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

static void run_waiters(enum kind kind, bool notifier_frees, unsigned waiters, struct rng *rng)
{
    struct runner runners[WAITERS_MAX];
    for (unsigned i = 0; i < waiters; i++)
        runner_start(&runners[i], wait_and_free, rng);
    for (unsigned round = 0; round < stress_rounds(1500); round++) {
        struct lock_block *block = block_make(kind, waiters + notifier_frees, notifier_frees);
        cond_t *cond = block->cond;
        cond_lock_t *lock = &block->subject.lock;
        for (unsigned i = 0; i < waiters; i++) {
            runner_wait(&runners[i]);
            atomic_store(&runners[i].block, block);
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
    runners_end(runners, waiters);
}

/* ---- Threads and tasks ---- */

enum { RUNNERS = 3, TASKS_MAX = 2 };

struct task_block { /* on the heap, freed by the last to leave */
    struct subject subject;
    unsigned users;   /* fixed */
    bool meet;        /* fixed: they wait until all have arrived */
    unsigned arrived; /* under the lock */
    unsigned left;    /* under the lock */
};

struct user { /* on the heap, freed after its last release */
    cond_task_t task;
    struct task_block *block;
    bool patient; /* waits with a predicate */
    bool arrived;
};

static atomic_uint freed; /* blocks */

static bool all_arrived(void *arg)
{
    const struct task_block *block = arg;
    return block->arrived == block->users;
}

static void task_block_free(struct task_block *block)
{
    subject_unmake(&block->subject);
    memset((void *)block, 0xA5, sizeof *block); /* so that a late use fails without a sanitizer too */
    free(block);
    (void)atomic_fetch_add(&freed, 1);
}

/* The task holds the lock, by the result of its request or by its callback. */
static void use_lock(struct user *user)
{
    struct task_block *block = user->block;
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
        task_block_free(block);
}

static void on_ready(cond_task_t *task, int result)
{
    CHECK_OK(result);
    use_lock(cond_task_user(task));
}

static void use_as_task(struct task_block *block, bool patient)
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

static void use_as_thread(struct task_block *block)
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
        task_block_free(block);
}

static void use_block(struct runner *self, void *arg)
{
    unsigned tasks = self->tasks;
    atomic_store(&self->block, NULL);
    if (tasks == 0)
        use_as_thread(arg);
    for (unsigned i = 0; i < tasks; i++)
        use_as_task(arg, rng_chance(&self->rng, 50));
}

static void run_tasks(enum kind kind, unsigned rounds, struct rng *rng)
{
    struct runner runners[RUNNERS];
    unsigned before = atomic_load(&freed);
    for (unsigned i = 0; i < RUNNERS; i++)
        runner_start(&runners[i], use_block, rng);
    for (unsigned round = 0; round < rounds; round++) {
        unsigned tasks[RUNNERS];
        struct task_block *block = calloc(1, sizeof *block);
        CHECK(block != NULL, "out of memory");
        subject_make(&block->subject, kind);
        block->meet = rng_chance(rng, 50);
        for (unsigned i = 0; i < RUNNERS; i++) {
            tasks[i] = (unsigned)rng_between(rng, 0, TASKS_MAX);
            block->users += tasks[i] != 0 ? tasks[i] : 1;
        }
        for (unsigned i = 0; i < RUNNERS; i++) {
            runner_wait(&runners[i]);
            runners[i].tasks = tasks[i];
            atomic_store(&runners[i].block, block);
        }
    }
    runners_end(runners, RUNNERS);
    CHECK_EQ(atomic_load(&freed) - before, rounds);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        run_waiters(kind, false, 1, &rng);
        run_waiters(kind, false, (unsigned)rng_between(&rng, 2, WAITERS_MAX), &rng);
        if (!kind_is_own(kind)) {
            run_waiters(kind, true, 1, &rng);
            run_waiters(kind, true, (unsigned)rng_between(&rng, 2, WAITERS_MAX), &rng);
        }
    }
    for (enum kind kind = 0; kind < PRIVATE_KINDS; kind++)
        run_tasks(kind, stress_rounds(3000), &rng);
    return 0;
}
