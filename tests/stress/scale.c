/* SPDX-License-Identifier: MIT */
/*
 * Large numbers: 10,000 waiters on one condition; 10,000 conditions on one lock; the maximum depth of a lock; threads
 * with the smallest stacks; and a lock that is held for a long time while 1,000 threads want it.
 *
 *      scale [--threads N] [--hold SECONDS] [--seed S]
 *
 * The program prints the time and memory that it took. If the system has fewer threads, it uses fewer and says so.
 */
#include "shared_process.h"
#include "quiet.h"
#include <sys/resource.h>

enum { HUNGRY = 1000 }; /* that want a held lock */

static unsigned threads_max;

/* ---- The limits of the system ---- */

static unsigned long read_number(const char *path)
{
    unsigned long number = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return ULONG_MAX;
    if (fscanf(file, "%lu", &number) != 1) /* "max" */
        number = ULONG_MAX;
    (void)fclose(file);
    return number;
}

static void limit_threads(unsigned long limit, const char *what)
{
    if (limit < threads_max) {
        threads_max = (unsigned)limit;
        printf("  no more than %u threads, because of %s\n", threads_max, what);
    }
}

/* Half of each limit, because other programs run too. */
static void read_limits(void)
{
    struct rlimit processes;
    CHECK_EQ(getrlimit(RLIMIT_NPROC, &processes), 0);
    if (processes.rlim_cur != RLIM_INFINITY)
        limit_threads((unsigned long)processes.rlim_cur / 2, "RLIMIT_NPROC");
    limit_threads(read_number("/proc/sys/kernel/threads-max") / 2, "kernel.threads-max");
    limit_threads(read_number("/proc/sys/kernel/pid_max") / 2, "kernel.pid_max");
    limit_threads(read_number("/proc/sys/vm/max_map_count") / 4,
                  "vm.max_map_count"); /* a stack and its guard */
    char line[512], path[600];
    FILE *groups = fopen("/proc/self/cgroup", "r");
    while (groups != NULL && fgets(line, sizeof line, groups) != NULL) {
        const char *group = strrchr(line, ':');
        if (group == NULL)
            continue;
        line[strcspn(line, "\n")] = '\0';
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup%s/pids.max", group + 1);
        limit_threads(read_number(path) / 2, "the control group's pids.max");
        (void)snprintf(path, sizeof path, "/sys/fs/cgroup/pids%s/pids.max", group + 1);
        limit_threads(read_number(path) / 2, "the control group's pids.max");
    }
    if (groups != NULL)
        (void)fclose(groups);
#if defined(STRESS_TSAN) || defined(STRESS_ASAN)
    limit_threads(500, "the sanitizer");
#endif
}

static unsigned long resident_kib(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file != NULL) {
        if (fscanf(file, "%*u %lu", &pages) != 1)
            pages = 0;
        (void)fclose(file);
    }
    return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

static double cpu_s(void)
{
    struct timespec used;
    CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static double since_s(int64_t start_ns) { return (double)(cond_now() - start_ns) / 1e9; }

/* ---- Threads with small stacks ---- */

/* 16 KiB, if that is allowed. Some systems need more, to save the registers for a signal handler. */
static size_t small_stack(void)
{
#if defined(STRESS_TSAN) || defined(STRESS_ASAN)
    return STRESS_STACK;
#else
    long least = sysconf(_SC_THREAD_STACK_MIN);
    return least > 16384 ? (size_t)least : 16384;
#endif
}

/* False if the system has no more. */
static bool start_small(pthread_t *thread, void *(*run)(void *), void *arg)
{
    pthread_attr_t attributes;
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attributes, small_stack()), 0);
    int error = pthread_create(thread, &attributes, run, arg);
    CHECK_EQ(pthread_attr_destroy(&attributes), 0);
    CHECK(error == 0 || error == EAGAIN, "cannot create a thread: %s", strerror(error));
    return error == 0;
}

/* As many as the system has. */
static unsigned start_crowd(pthread_t *threads, unsigned count, void *(*run)(void *), void *arg)
{
    unsigned started = 0;
    while (started < count && start_small(&threads[started], run, arg))
        started++;
    if (started < count)
        printf("  the system had only %u threads of %u\n", started, count);
    CHECK(started > 0, "not a single thread could be started");
    return started;
}

static void join_crowd(const pthread_t *threads, unsigned count) { stress_join_all(threads, count); }

/* ---- Waiters on one condition; or on one each, with one lock ---- */

struct crowd {
    cond_lock_t lock;
    cond_t *conds;
    unsigned conds_count; /* fixed */
    unsigned arrived;     /* under the lock, as the next */
    unsigned through;
    bool *notified; /* number -> whether it was notified */
};

static void *run_in_crowd(void *arg)
{
    struct crowd *crowd = arg;
    CHECK_OK(cond_lock_acquire(&crowd->lock));
    unsigned number = crowd->arrived++;
    CHECK_OK(cond_wait(&crowd->conds[number % crowd->conds_count], COND_FOREVER));
    CHECK(crowd->notified[number], "waiter %u returned, and was not notified", number);
    crowd->through++;
    CHECK_OK(cond_lock_release(&crowd->lock));
    return NULL;
}

/* Notify half of the waiters or, with `all`, the others, with the lock held: the first half on one condition; on many
   conditions each for itself, in the order `order`. */
static void notify_half(struct crowd *crowd, const unsigned *order, unsigned count, bool all)
{
    unsigned half = count / 2, from = all ? half : 0, until = all ? count : half;
    for (unsigned i = from; i < until; i++)
        crowd->notified[order[i]] = true;
    if (crowd->conds_count == 1) {
        CHECK_EQ(cond_waiters(&crowd->conds[0]), count - from);
        CHECK_OK(all ? cond_notify_all(&crowd->conds[0]) : cond_notify(&crowd->conds[0], half));
        CHECK_EQ(cond_waiters(&crowd->conds[0]), count - until);
        return;
    }
    for (unsigned i = from; i < until; i++) {
        CHECK_EQ(cond_waiters(&crowd->conds[order[i]]), 1);
        CHECK_OK(cond_notify(&crowd->conds[order[i]], 1));
    }
}

static void test_crowd(bool one_condition)
{
    struct crowd crowd = {.conds_count = one_condition ? 1 : threads_max};
    pthread_t *threads = calloc(threads_max, sizeof *threads);
    crowd.notified = calloc(threads_max, sizeof *crowd.notified);
    crowd.conds = calloc(crowd.conds_count, sizeof *crowd.conds);
    CHECK(threads != NULL && crowd.notified != NULL && crowd.conds != NULL, "out of memory");
    CHECK_OK(cond_lock_init(&crowd.lock, COND_MUTEX));
    for (unsigned i = 0; i < crowd.conds_count; i++)
        CHECK_OK(cond_init(&crowd.conds[i], &crowd.lock, 0));
    unsigned long before_kib = resident_kib();
    int64_t start_ns = cond_now();
    unsigned count = start_crowd(threads, threads_max, run_in_crowd, &crowd);
    ACQUIRE_WHEN(&crowd.conds[0], crowd.arrived == count);
    double arriving_s = since_s(start_ns);
    unsigned long kib = resident_kib() - before_kib;

    /* In the order of arrival, or in random order. */
    struct rng rng = rng_make(1);
    unsigned *order = calloc(count, sizeof *order);
    CHECK(order != NULL, "out of memory");
    for (unsigned i = 0; i < count; i++)
        order[i] = i;
    for (unsigned i = count - 1; !one_condition && i > 0; i--) {
        unsigned other = (unsigned)rng_between(&rng, 0, i), number = order[i];
        order[i] = order[other];
        order[other] = number;
    }
    double notifying_s = 0, through_s = 0;
    for (unsigned all = 0; all < 2; all++) {
        start_ns = cond_now();
        notify_half(&crowd, order, count, all);
        notifying_s += since_s(start_ns);
        CHECK_OK(cond_lock_release(&crowd.lock));
        ACQUIRE_WHEN(&crowd.conds[0], crowd.through >= (all ? count : count / 2));
        through_s += since_s(start_ns);
        CHECK_EQ(crowd.through, all ? count : count / 2);
    }
    CHECK_OK(cond_lock_release(&crowd.lock));
    join_crowd(threads, count);
    for (unsigned i = 0; i < crowd.conds_count; i++)
        CHECK_OK(cond_destroy(&crowd.conds[i]));
    CHECK_OK(cond_lock_destroy(&crowd.lock));
    printf("  %u waiters on %u condition%s: all waiting after %.2f s, with %lu KiB (%.1f KiB each); notified in "
           "%.3f ms, all returned in %.2f s\n",
           count, crowd.conds_count, one_condition ? "" : "s of one lock", arriving_s, kib, (double)kib / count,
           notifying_s * 1e3, through_s);
    free(order);
    free(crowd.conds);
    free(crowd.notified);
    free(threads);
}

/* ---- Recursion ---- */

static void *acquire_once(void *arg)
{
    cond_t *cond = arg;
    CHECK_OK(cond_acquire(cond));
    CHECK_OK(cond_notify(cond, 1));
    CHECK_OK(cond_release(cond));
    return NULL;
}

static void test_recursion(void)
{
    cond_t cond = COND_INIT;
    pthread_t other;
    int64_t start_ns = cond_now();
    for (unsigned depth = 0; depth < COND_DEPTH_MAX; depth++)
        CHECK_OK(cond_acquire(&cond));
    CHECK_RESULT(cond_acquire(&cond), EAGAIN);
    CHECK_RESULT(cond_try_acquire(&cond), EAGAIN);
    /* The wait releases all levels and restores them. */
    CHECK(start_small(&other, acquire_once, &cond), "not a single thread could be started");
    CHECK_OK(cond_wait(&cond, COND_FOREVER));
    CHECK_RESULT(cond_acquire(&cond), EAGAIN);
    CHECK_RESULT(cond_wait(&cond, COND_MS(1)), ETIMEDOUT);
    stress_join(other);
    for (unsigned depth = 0; depth < COND_DEPTH_MAX; depth++)
        CHECK_OK(cond_release(&cond));
    CHECK_RESULT(cond_release(&cond), EPERM);
    CHECK_OK(cond_destroy(&cond));
    printf("  %u levels acquired and released in %.3f s\n", COND_DEPTH_MAX, since_s(start_ns));
}

/* ---- Small stacks ---- */

static bool is_true(void *arg) { return *(bool *)arg; }
static void ready(cond_task_t *task, int result) { (void)task, (void)result; }
static void *do_nothing(void *arg) { return arg; }

static void *do_everything(void *arg)
{
    cond_t *shared = arg;
    cond_t cond = COND_INIT;
    cond_task_t task;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    cond_lock_t lock;
    bool flag = false;
    char text[128];
    CHECK_OK(cond_acquire(&cond));
    CHECK_RESULT(cond_wait(&cond, COND_US(10)), ETIMEDOUT);
    CHECK_RESULT(cond_wait_for(&cond, is_true, &flag, COND_US(10)), ETIMEDOUT);
    CHECK_OK(cond_notify_all(&cond));
    CHECK(cond_describe(&cond, text, sizeof text) > 0, "not described");
    CHECK_OK(cond_release(&cond));
    CHECK_OK(cond_task_init(&task, ready, NULL));
    CHECK_OK(cond_task_acquire(&cond, &task));
    CHECK_RESULT(cond_task_wait(&cond, &task), EINPROGRESS);
    CHECK_OK(cond_task_cancel(&task));
    CHECK_OK(cond_task_release(&cond, &task));
    CHECK_OK(cond_destroy(&cond));
    CHECK_OK(stress_adopt(&lock, &mutex));
    CHECK_OK(cond_init(&cond, &lock, 0));
    CHECK_OK(cond_acquire(&cond));
    CHECK_RESULT(cond_wait(&cond, COND_US(10)), ETIMEDOUT);
    CHECK_OK(cond_release(&cond));
    CHECK_OK(cond_acquire(shared));
    CHECK_RESULT(cond_wait(shared, COND_US(10)), ETIMEDOUT);
    CHECK_OK(cond_notify_all(shared));
    CHECK_OK(cond_release(shared));
    return NULL;
}

/* How many bytes of a stack are written, including those of the system. */
static size_t stack_used(void *(*run)(void *), void *arg)
{
    enum { PAINT = 0xA5 };
    size_t size = small_stack(), untouched = 0;
    unsigned char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(stack != MAP_FAILED, "out of memory");
    memset(stack, PAINT, size);
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setstack(&attributes, stack, size), 0);
    CHECK_EQ(pthread_create(&thread, &attributes, run, arg), 0);
    CHECK_EQ(pthread_attr_destroy(&attributes), 0);
    stress_join(thread);
    while (untouched < size && stack[untouched] == PAINT)
        untouched++;
    CHECK_EQ(munmap(stack, size), 0);
    return size - untouched;
}

static void test_stacks(void)
{
    cond_t *shared = share_memory(sizeof *shared);
    make_shared(shared);
    (void)stack_used(do_everything, shared); /* the first call of a function links it */
    size_t nothing = stack_used(do_nothing, NULL), all = stack_used(do_everything, shared);
    CHECK(all < small_stack(), "no byte of a stack of %zu bytes is left", small_stack());
    printf("  every kind of wait on a stack of %zu bytes: %zu are used, %zu of them by a thread that does "
           "nothing\n",
           small_stack(), all, nothing);
    CHECK_OK(cond_destroy(shared));
    stress_forget(shared);
    CHECK_EQ(munmap(shared, sizeof *shared), 0);
}

/* ---- A lock that is held ---- */

struct hunger {
    cond_lock_t lock;
    int64_t hold_ns; /* fixed */
    atomic_uint started;
    unsigned served; /* under the lock */
    atomic_uint gave_up;
};

/* One third each: no timeout, a timeout that is never reached, and one that is reached. */
static void *run_hungry(void *arg)
{
    struct hunger *hunger = arg;
    unsigned number = atomic_fetch_add(&hunger->started, 1);
    int64_t timeout_ns = number % 3 == 0   ? COND_FOREVER
                         : number % 3 == 1 ? COND_SEC(100000)
                                           : hunger->hold_ns / 2;
    int64_t start_ns = cond_now();
    int error = cond_lock_acquire_timed(&hunger->lock, timeout_ns);
    if (number % 3 == 2 && error != 0) {
        CHECK_RESULT(error, ETIMEDOUT);
        CHECK(cond_now() - start_ns >= timeout_ns, "timed out early");
        (void)atomic_fetch_add(&hunger->gave_up, 1);
        return NULL;
    }
    CHECK_OK(error);
    hunger->served++;
    CHECK_OK(cond_lock_release(&hunger->lock));
    return NULL;
}

static void test_hunger(unsigned hold_s)
{
    struct hunger hunger = {.hold_ns = COND_SEC((int64_t)hold_s)};
    pthread_t *threads = calloc(HUNGRY, sizeof *threads);
    CHECK(threads != NULL, "out of memory");
    CHECK_OK(cond_lock_init(&hunger.lock, COND_RLOCK));
    CHECK_OK(cond_lock_acquire(&hunger.lock));
    unsigned wanted = threads_max < HUNGRY ? threads_max : HUNGRY;
    unsigned count = start_crowd(threads, wanted, run_hungry, &hunger);
    while (atomic_load(&hunger.started) < count)
        stress_yield();
    double cpu_before_s = cpu_s();
    nap(hunger.hold_ns);
    CHECK_EQ(hunger.served, 0);
    double held_cpu_s = cpu_s() - cpu_before_s;
    unsigned gave_up = atomic_load(&hunger.gave_up);
    int64_t start_ns = cond_now();
    CHECK_OK(cond_lock_release(&hunger.lock));
    join_crowd(threads, count);
    CHECK_EQ(hunger.served + atomic_load(&hunger.gave_up), count);
    CHECK(!cond_lock_locked(&hunger.lock), "locked, and no thread holds it");
    CHECK_OK(cond_lock_destroy(&hunger.lock));
    printf("  a lock held for %u s with %u waiting for it: %.3f s of CPU time meanwhile, %u timed out, the "
           "others acquired it within %.3f s\n",
           hold_s, count, held_cpu_s, gave_up, since_s(start_ns));
    free(threads);
}

int main(int argc, char **argv)
{
    threads_max = take_option(&argc, argv, "--threads", 10000);
    unsigned hold_s = take_option(&argc, argv, "--hold", 1);
    stress_begin(argc, argv);
    read_limits();
    test_crowd(true);
    test_crowd(false);
    test_recursion();
#if defined(STRESS_TSAN) || defined(STRESS_ASAN)
    puts("  stacks are not measured: a sanitizer uses them too");
    (void)test_stacks;
#else
    test_stacks();
#endif
    test_hunger(hold_s);
    return 0;
}
