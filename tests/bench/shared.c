/* SPDX-License-Identifier: MIT */
/*
 * shared.c - how long a condition between processes takes, beside the other means of POSIX
 *
 *      shared [--repetitions N] [--turns N] [--items N]
 *
 * Two kinds of work, each done by processes made for it:
 *
 *      turns      two processes take turns: wait until it is mine, give it to the other one
 *      buffer     4 producers and 4 consumers on a buffer of 10 places
 *
 * each with all of these, used as an expert would:
 *
 *      condvar      this library, COND_SHARED: cond_wait_for, notify(1), one condition for both sides
 *      condvar, two the same with two conditions on one lock (the buffer only)
 *      robust       a robust process-shared pthread mutex, and a process-shared pthread_cond_t (two for the
 *                   buffer) and signal: it survives the death of a holder, but not of a waiter
 *      plain        the same with a mutex that is not robust: a death anywhere may hang it
 *      semaphores   POSIX semaphores: one for each side, and one as the buffer's lock
 *
 * Speed drifts, above all on virtual machines. So all kinds are measured in turn, in another order in each
 * repetition, and only ratios within one repetition are compared. Printed are medians, and the quartiles of the
 * ratios. The processes measure themselves from the time when all are ready, without fork and exit. Google Benchmark
 * is not used, because its loop runs in one process, and each of its repetitions would fork again.
 *
 * Exits 0, or 1 if something went wrong: an item that is missing counts, being slow does not.
 */
#define _GNU_SOURCE

#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "condvar.h"
#include "repeat.h"

enum { PLACES = 10, SIDE = 4, MOST_PROCESSES = 2 * SIDE };

struct result {
    int64_t start_ns, end_ns, cpu_ns;
    uint64_t sum; /* of the items taken, or the turns */
};

/* What the processes share. It is new for each measurement. */
struct arena {
    sem_t ready, go;
    struct result results[MOST_PROCESSES];

    _Alignas(64) struct {
        cond_lock_t lock;
        cond_t changed, not_full, not_empty;
    } ours;
    _Alignas(64) struct {
        pthread_mutex_t mutex;
        pthread_cond_t not_full, not_empty;
    } pthread;
    _Alignas(64) struct {
        sem_t lock, sides[2];
    } semaphores;

    /* Guarded by whichever of these is measured. */
    _Alignas(64) unsigned turn;
    unsigned first, count;
    unsigned ring[PLACES];
};

static struct arena *arena;
static size_t turns = 20000; /* of each of the two */
static size_t items = 10000; /* of each producer */

/* ---- The state, under the lock ---- */

static void push(unsigned item) { arena->ring[(arena->first + arena->count++) % PLACES] = item; }

static unsigned pop(void)
{
    unsigned item = arena->ring[arena->first];
    arena->first = (arena->first + 1) % PLACES;
    arena->count--;
    return item;
}

static bool has_room(void *arg) { return ((struct arena *)arg)->count < PLACES; }
static bool has_item(void *arg) { return ((struct arena *)arg)->count > 0; }
static bool is_mine(void *arg) { return arena->turn == *(unsigned *)arg; }

/* ---- This library ---- */

static void ours_init(void)
{
    CHECK(cond_lock_init(&arena->ours.lock, COND_SHARED | COND_MUTEX));
    CHECK(cond_init(&arena->ours.changed, NULL, COND_SHARED | COND_MUTEX));
    CHECK(cond_init(&arena->ours.not_full, &arena->ours.lock, 0));
    CHECK(cond_init(&arena->ours.not_empty, &arena->ours.lock, 0));
}

static void ours_turn(unsigned me)
{
    cond_t *changed = &arena->ours.changed;
    CHECK(cond_acquire(changed));
    CHECK(cond_wait_for(changed, is_mine, &me, COND_FOREVER));
    arena->turn = !me;
    CHECK(cond_notify(changed, 1));
    CHECK(cond_release(changed));
}

static void ours_put(unsigned item)
{
    cond_t *changed = &arena->ours.changed;
    CHECK(cond_acquire(changed));
    CHECK(cond_wait_for(changed, has_room, arena, COND_FOREVER));
    push(item);
    CHECK(cond_notify(changed, 1));
    CHECK(cond_release(changed));
}

static unsigned ours_take(void)
{
    cond_t *changed = &arena->ours.changed;
    CHECK(cond_acquire(changed));
    CHECK(cond_wait_for(changed, has_item, arena, COND_FOREVER));
    unsigned item = pop();
    CHECK(cond_notify(changed, 1));
    CHECK(cond_release(changed));
    return item;
}

static void two_put(unsigned item)
{
    CHECK(cond_acquire(&arena->ours.not_full));
    CHECK(cond_wait_for(&arena->ours.not_full, has_room, arena, COND_FOREVER));
    push(item);
    CHECK(cond_notify(&arena->ours.not_empty, 1));
    CHECK(cond_release(&arena->ours.not_full));
}

static unsigned two_take(void)
{
    CHECK(cond_acquire(&arena->ours.not_empty));
    CHECK(cond_wait_for(&arena->ours.not_empty, has_item, arena, COND_FOREVER));
    unsigned item = pop();
    CHECK(cond_notify(&arena->ours.not_full, 1));
    CHECK(cond_release(&arena->ours.not_empty));
    return item;
}

/* ---- pthreads ---- */

static void pthread_init(int robust)
{
    pthread_mutexattr_t mutex;
    pthread_condattr_t cond;
    CHECK(pthread_mutexattr_init(&mutex));
    CHECK(pthread_mutexattr_setpshared(&mutex, PTHREAD_PROCESS_SHARED));
    CHECK(pthread_mutexattr_setrobust(&mutex, robust));
    CHECK(pthread_mutex_init(&arena->pthread.mutex, &mutex));
    CHECK(pthread_condattr_init(&cond));
    CHECK(pthread_condattr_setpshared(&cond, PTHREAD_PROCESS_SHARED));
    CHECK(pthread_cond_init(&arena->pthread.not_full, &cond));
    CHECK(pthread_cond_init(&arena->pthread.not_empty, &cond));
}

static void robust_init(void) { pthread_init(PTHREAD_MUTEX_ROBUST); }
static void plain_init(void) { pthread_init(PTHREAD_MUTEX_STALLED); }

static void pthread_turn(unsigned me)
{
    CHECK(pthread_mutex_lock(&arena->pthread.mutex));
    while (arena->turn != me)
        CHECK(pthread_cond_wait(&arena->pthread.not_empty, &arena->pthread.mutex));
    arena->turn = !me;
    CHECK(pthread_cond_signal(&arena->pthread.not_empty));
    CHECK(pthread_mutex_unlock(&arena->pthread.mutex));
}

static void pthread_put(unsigned item)
{
    CHECK(pthread_mutex_lock(&arena->pthread.mutex));
    while (arena->count == PLACES)
        CHECK(pthread_cond_wait(&arena->pthread.not_full, &arena->pthread.mutex));
    push(item);
    CHECK(pthread_cond_signal(&arena->pthread.not_empty));
    CHECK(pthread_mutex_unlock(&arena->pthread.mutex));
}

static unsigned pthread_take(void)
{
    CHECK(pthread_mutex_lock(&arena->pthread.mutex));
    while (arena->count == 0)
        CHECK(pthread_cond_wait(&arena->pthread.not_empty, &arena->pthread.mutex));
    unsigned item = pop();
    CHECK(pthread_cond_signal(&arena->pthread.not_full));
    CHECK(pthread_mutex_unlock(&arena->pthread.mutex));
    return item;
}

/* ---- Semaphores ---- */

static void turn_semaphores_init(void)
{
    CHECK_ERRNO(sem_init(&arena->semaphores.sides[0], 1, 1));
    CHECK_ERRNO(sem_init(&arena->semaphores.sides[1], 1, 0));
}

static void buffer_semaphores_init(void)
{
    CHECK_ERRNO(sem_init(&arena->semaphores.lock, 1, 1));
    CHECK_ERRNO(sem_init(&arena->semaphores.sides[0], 1, PLACES));
    CHECK_ERRNO(sem_init(&arena->semaphores.sides[1], 1, 0));
}

static void semaphores_turn(unsigned me)
{
    CHECK_ERRNO(sem_wait(&arena->semaphores.sides[me]));
    arena->turn = !me;
    CHECK_ERRNO(sem_post(&arena->semaphores.sides[!me]));
}

static void semaphores_put(unsigned item)
{
    CHECK_ERRNO(sem_wait(&arena->semaphores.sides[0]));
    CHECK_ERRNO(sem_wait(&arena->semaphores.lock));
    push(item);
    CHECK_ERRNO(sem_post(&arena->semaphores.lock));
    CHECK_ERRNO(sem_post(&arena->semaphores.sides[1]));
}

static unsigned semaphores_take(void)
{
    CHECK_ERRNO(sem_wait(&arena->semaphores.sides[1]));
    CHECK_ERRNO(sem_wait(&arena->semaphores.lock));
    unsigned item = pop();
    CHECK_ERRNO(sem_post(&arena->semaphores.lock));
    CHECK_ERRNO(sem_post(&arena->semaphores.sides[0]));
    return item;
}

/* ---- Measuring ---- */

struct kind {
    const char *name;
    void (*init)(void);
    void (*turn)(unsigned me); /* or, for the buffer, the following two */
    void (*put)(unsigned item);
    unsigned (*take)(void);
};

enum { MOST_KINDS = 5 };

static const struct work {
    const char *name, *unit;
    unsigned processes;
    struct kind kinds[MOST_KINDS]; /* the first is what the others are compared with */
} works[] = {
    {"turns", "turn", 2, {
        {"condvar", ours_init, ours_turn, NULL, NULL},
        {"robust", robust_init, pthread_turn, NULL, NULL},
        {"plain", plain_init, pthread_turn, NULL, NULL},
        {"semaphores", turn_semaphores_init, semaphores_turn, NULL, NULL},
    }},
    {"buffer", "item", MOST_PROCESSES, {
        {"condvar", ours_init, NULL, ours_put, ours_take},
        {"condvar, two", ours_init, NULL, two_put, two_take},
        {"robust", robust_init, NULL, pthread_put, pthread_take},
        {"plain", plain_init, NULL, pthread_put, pthread_take},
        {"semaphores", buffer_semaphores_init, NULL, semaphores_put, semaphores_take},
    }},
};

enum { WORKS = sizeof works / sizeof *works };

/* ns for each turn or item. */
struct sample {
    double time, cpu;
};

static struct sample samples[WORKS][MOST_KINDS][MOST_REPETITIONS];

static int64_t cpu_now(void)
{
    struct rusage usage;
    CHECK_ERRNO(getrusage(RUSAGE_SELF, &usage));
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
           ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static _Noreturn void process(const struct kind *kind, unsigned number)
{
    struct result *result = &arena->results[number];
    uint64_t sum = 0;

    CHECK_ERRNO(sem_post(&arena->ready));
    CHECK_ERRNO(sem_wait(&arena->go));
    int64_t cpu_ns = cpu_now();
    result->start_ns = cond_now();
    if (kind->turn != NULL)
        for (; sum < turns; sum++)
            kind->turn(number);
    else if (number < SIDE)
        for (unsigned item = 1; item <= items; item++)
            kind->put(item);
    else
        for (size_t i = 0; i < items; i++)
            sum += kind->take();
    result->end_ns = cond_now();
    result->cpu_ns = cpu_now() - cpu_ns;
    result->sum = sum;
    _exit(0);
}

static struct sample measure(const struct work *work, const struct kind *kind)
{
    pid_t pids[MOST_PROCESSES];
    bool failed = false;

    memset(arena, 0, sizeof *arena);
    CHECK_ERRNO(sem_init(&arena->ready, 1, 0));
    CHECK_ERRNO(sem_init(&arena->go, 1, 0));
    kind->init();
    for (unsigned i = 0; i < work->processes; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            process(kind, i);
        check(pids[i] < 0 ? errno : 0, "fork");
    }
    for (unsigned i = 0; i < work->processes; i++)
        CHECK_ERRNO(sem_wait(&arena->ready));
    for (unsigned i = 0; i < work->processes; i++)
        CHECK_ERRNO(sem_post(&arena->go));
    for (unsigned i = 0; i < work->processes; i++) {
        int status;
        check(wait(&status) < 0 ? errno : 0, "wait");
        if (status != 0 && !failed) {
            failed = true;
            for (unsigned j = 0; j < work->processes; j++)
                (void)kill(pids[j], SIGKILL); /* they are not reaped as long as this loop runs, or fail */
        }
    }

    int64_t start_ns = INT64_MAX, end_ns = 0, cpu_ns = 0;
    uint64_t sum = 0;
    for (unsigned i = 0; i < work->processes; i++) {
        const struct result *r = &arena->results[i];
        start_ns = r->start_ns < start_ns ? r->start_ns : start_ns;
        end_ns = r->end_ns > end_ns ? r->end_ns : end_ns;
        cpu_ns += r->cpu_ns;
        sum += r->sum;
    }
    size_t done = kind->turn != NULL ? 2 * turns : SIDE * items;
    uint64_t expected = kind->turn != NULL ? done : (uint64_t)SIDE * items * (items + 1) / 2;
    if (failed || sum != expected) {
        fprintf(stderr, "shared: %s, %s: wrong\n", work->name, kind->name);
        exit(1);
    }
    return (struct sample){(double)(end_ns - start_ns) / (double)done, (double)cpu_ns / (double)done};
}

/* ---- The report ---- */

/* Condvar's divided by this kind's, within each repetition. */
static void print_ratio(size_t w, size_t k, size_t repetitions, bool of_cpu)
{
    double ratios[MOST_REPETITIONS];
    for (size_t r = 0; r < repetitions; r++) {
        const struct sample *ours = &samples[w][0][r], *theirs = &samples[w][k][r];
        ratios[r] = of_cpu ? ours->cpu / theirs->cpu : ours->time / theirs->time;
    }
    print_ratios(ratios, repetitions);
}

static void report(size_t w, size_t repetitions)
{
    const struct work *work = &works[w];
    printf("\n%-12s  ns for each %-4s   condvar's, divided by this\n", work->name, work->unit);
    printf("%-12s %8s %8s   %-18s   %s\n", "", "time", "CPU time", "time", "CPU time");
    for (size_t k = 0; k < MOST_KINDS && work->kinds[k].name != NULL; k++) {
        double times[MOST_REPETITIONS], cpus[MOST_REPETITIONS];
        for (size_t r = 0; r < repetitions; r++) {
            times[r] = samples[w][k][r].time;
            cpus[r] = samples[w][k][r].cpu;
        }
        printf("%-12s %8.0f %8.0f", work->kinds[k].name, percentile(times, repetitions, 50),
               percentile(cpus, repetitions, 50));
        if (k > 0) {
            print_ratio(w, k, repetitions, false);
            print_ratio(w, k, repetitions, true);
        }
        putchar('\n');
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"repetitions", required_argument, NULL, 'r'},
        {"turns", required_argument, NULL, 't'},
        {"items", required_argument, NULL, 'i'},
        {NULL, 0, NULL, 0},
    };
    size_t repetitions = 15;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'r': repetitions = parse(optarg, MOST_REPETITIONS); break;
        case 't': turns = parse(optarg, 100000000); break;
        case 'i': items = parse(optarg, 100000000); break;
        default: fputs("usage: shared [--repetitions N] [--turns N] [--items N]\n", stderr); exit(2);
        }
    arena = mmap(NULL, sizeof *arena, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(arena == MAP_FAILED ? errno : 0, "mmap");

    cpu_set_t cpus;
    CHECK_ERRNO(sched_getaffinity(0, sizeof cpus, &cpus));
    printf("%d core%s, %zu repetitions of %zu turns and %zu items\n", CPU_COUNT(&cpus),
           CPU_COUNT(&cpus) == 1 ? "" : "s", repetitions, 2 * turns, SIDE * items);
    fflush(stdout);
    for (size_t r = 0; r < repetitions; r++) {
        fprintf(stderr, "\rrepetition %zu of %zu", r + 1, repetitions);
        for (size_t w = 0; w < WORKS; w++) {
            size_t kinds = 0;
            while (kinds < MOST_KINDS && works[w].kinds[kinds].name != NULL)
                kinds++;
            for (size_t i = 0; i < kinds; i++) {
                size_t k = (i + r) % kinds;
                samples[w][k][r] = measure(&works[w], &works[w].kinds[k]);
            }
        }
    }
    fputc('\n', stderr);
    for (size_t w = 0; w < WORKS; w++)
        report(w, repetitions);
    return 0;
}
