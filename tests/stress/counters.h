/* SPDX-License-Identifier: MIT */
#ifndef STRESS_COUNTERS_H
#define STRESS_COUNTERS_H

/*
 * What the soak (soak.c) gets from the programs that it runs: how many waits a notify, a release, a timeout or a cancel
 * ended, and the like. Part of stress.h if STRESS_COUNTED is defined: the waits of threads are counted, and SIGQUIT
 * makes a program that hangs describe its conditions.
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

/* In memory that the programs and the soak share. Relaxed: they order nothing. */
struct stress_counters {
    atomic_ullong handovers, timeouts, cancels, kills;
    _Atomic int64_t longest_wait_ns;
};

/* The environment variable with the name of the file. Without it nothing is counted. */
#define STRESS_COUNTERS "STRESS_COUNTERS"
static struct stress_counters *stress_counters;

static inline void stress_add(atomic_ullong *counter)
{
    (void)atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Counts a wait that began at start_ns, and returns its result. */
static inline int stress_waited(int64_t start_ns, int result)
{
    if (stress_counters == NULL)
        return result;
    int64_t took_ns = cond_now() - start_ns;
    int64_t longest_ns = atomic_load_explicit(&stress_counters->longest_wait_ns, memory_order_relaxed);
    while (took_ns > longest_ns &&
           !atomic_compare_exchange_weak_explicit(&stress_counters->longest_wait_ns, &longest_ns, took_ns,
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
    if (result == 0)
        stress_add(&stress_counters->handovers);
    else if (result == ETIMEDOUT)
        stress_add(&stress_counters->timeouts);
    return result;
}

static inline int64_t stress_wait_begins(void) { return stress_counters != NULL ? cond_now() : 0; }

static inline int stress_cancelled(int result)
{
    if (stress_counters != NULL && result == 0)
        stress_add(&stress_counters->cancels);
    return result;
}

static inline void stress_killed(void)
{
    if (stress_counters != NULL)
        stress_add(&stress_counters->kills);
}

static inline int stress_wait(cond_t *cond, int64_t timeout_ns)
{
    int64_t start_ns = stress_wait_begins();
    return stress_waited(start_ns, cond_wait(cond, timeout_ns));
}

static inline int stress_wait_until(cond_t *cond, int64_t deadline_ns)
{
    int64_t start_ns = stress_wait_begins();
    return stress_waited(start_ns, cond_wait_until(cond, deadline_ns));
}

/*
 * A call whose predicate is true at once does not wait, and is not counted. So the predicate is called once more. (A
 * predicate around it would have an `arg` of its own for each wait, and the library would believe that all predicates
 * differ.) Calls of a program with STRESS_PREDICATES_COUNT are not counted: its predicates count how often they are
 * called.
 */
static inline bool stress_will_wait(cond_pred_t *pred, void *arg)
{
#ifdef STRESS_PREDICATES_COUNT
    return (void)pred, (void)arg, false;
#else
    return stress_counters != NULL && !pred(arg);
#endif
}

/* cond_wait_for() or cond_await() */
static inline int stress_wait_pred(int (*wait)(cond_t *, cond_pred_t *, void *, int64_t), cond_t *cond,
                                   cond_pred_t *pred, void *arg, int64_t timeout_ns)
{
    if (!stress_will_wait(pred, arg))
        return wait(cond, pred, arg, timeout_ns);
    int64_t start_ns = stress_wait_begins();
    return stress_waited(start_ns, wait(cond, pred, arg, timeout_ns));
}

static inline int stress_wait_with(cond_t *cond, const cond_wait_options_t *options)
{
    if (options->pred != NULL && !stress_will_wait(options->pred, options->arg))
        return cond_wait_with(cond, options);
    int64_t start_ns = stress_wait_begins();
    return stress_waited(start_ns, cond_wait_with(cond, options));
}

/* The result of a task's wait. (Its length is not measured.) */
static inline void stress_task_waited(int result)
{
    if (stress_counters != NULL && result == 0)
        stress_add(&stress_counters->handovers);
}

#define cond_wait(cond, timeout_ns) stress_wait(cond, timeout_ns)
#define cond_wait_until(cond, deadline_ns) stress_wait_until(cond, deadline_ns)
#define cond_wait_for(cond, pred, arg, timeout_ns) stress_wait_pred(cond_wait_for, cond, pred, arg, timeout_ns)
#define cond_await(cond, pred, arg, timeout_ns) stress_wait_pred(cond_await, cond, pred, arg, timeout_ns)
#define cond_wait_with(cond, options) stress_wait_with(cond, options)
#define cond_task_cancel(task) stress_cancelled(cond_task_cancel(task))

static inline void stress_on_quit(int number)
{
    (void)number;
    stress_describe_all(); /* the program hangs, so no thread is in stdio */
    _Exit(1);
}

static inline void stress_count(void)
{
    const char *path = getenv(STRESS_COUNTERS);
    if (path == NULL)
        return;
    int file = open(path, O_RDWR);
    CHECK(file >= 0, "cannot open %s", path);
    stress_counters = mmap(NULL, sizeof *stress_counters, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(stress_counters != MAP_FAILED, "cannot map %s", path);
    (void)close(file);
    (void)signal(SIGQUIT, stress_on_quit);
}

#endif
