/* SPDX-License-Identifier: MIT */
#ifndef STRESS_H
#define STRESS_H

/*
 * Shared by the stress programs; include it first. Each program runs real threads, ends by itself and exits with 0, or
 * with 1 and a line that says where and what was wrong.
 *
 *      PROGRAM [--scale N] [--seed S]
 *
 * N multiplies the number of rounds (0.1 for an emulator, 1000 for a soak). S picks the random numbers; it is printed,
 * so that a failure can be repeated. A program that hangs has failed too, and its caller must end it: no program has an
 * upper limit on time, because every limit is too short for some machine.
 *
 * Nothing but C11 and POSIX threads is needed. Only stress_start() makes threads.
 */

#ifndef _XOPEN_SOURCE
#  define _XOPEN_SOURCE 700
#endif

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "condvar.h"

#if defined(__has_feature)
#  if __has_feature(thread_sanitizer)
#    define STRESS_TSAN 1
#  elif __has_feature(address_sanitizer)
#    define STRESS_ASAN 1
#  endif
#endif
#if defined(__SANITIZE_THREAD__)
#  define STRESS_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#  define STRESS_ASAN 1
#endif

/* A thousand threads must fit in a small address space; under a sanitizer frames are larger. */
#if defined(STRESS_TSAN) || defined(STRESS_ASAN)
#  define STRESS_STACK ((size_t)512 * 1024)
#else
#  define STRESS_STACK ((size_t)64 * 1024)
#endif

#if defined(STRESS_TSAN) && !defined(__GLIBC__)
/* Releasing a recursive pthread mutex until EPERM is the only way to find its depth (src/port/pthread.c).
   ThreadSanitizer reports that. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) { return "mutex:adopted_release_save\n"; }
#endif

/* ---- Failures ---- */

static struct {
    const char *name;
    double scale;
    uint64_t seed;
} stress;

/* The conditions that a failure describes. Relaxed: the list must not order what the library should order. */
enum { STRESS_CONDS = 16 };
static _Atomic(cond_t *) stress_conds[STRESS_CONDS];

static inline void stress_replace(cond_t *old, cond_t *new)
{
    for (unsigned i = 0; i < STRESS_CONDS; i++) {
        cond_t *expected = old;
        if (atomic_compare_exchange_strong_explicit(&stress_conds[i], &expected, new, memory_order_relaxed,
                                                    memory_order_relaxed))
            return;
    }
}

/* Until stress_forget(), which must come before the condition's memory is freed. At most STRESS_CONDS are described. */
static inline void stress_describe(cond_t *cond) { stress_replace(NULL, cond); }
static inline void stress_forget(cond_t *cond) { stress_replace(cond, NULL); }

static inline void stress_describe_all(void)
{
    for (unsigned i = 0; i < STRESS_CONDS; i++) {
        char text[256];
        const cond_t *cond = atomic_load_explicit(&stress_conds[i], memory_order_relaxed);
        if (cond != NULL && cond_describe(cond, text, sizeof text) > 0)
            fprintf(stderr, "  %s\n", text);
    }
}

#if defined(__MINGW_PRINTF_FORMAT)
__attribute__((format(__MINGW_PRINTF_FORMAT, 4, 5)))
#elif defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
static inline _Noreturn void stress_fail(const char *file, int line, const char *what,
                                         const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fflush(stdout);
    fprintf(stderr, "%s:%d: %s: ", file, line, what);
    vfprintf(stderr, format, values);
    fprintf(stderr, " (--seed %" PRIu64 ")\n", stress.seed);
    stress_describe_all();
    fflush(stderr);
    va_end(values);
    _Exit(1); /* exit() would clean up what other threads still use */
}

#define CHECK(condition, ...)                                                                           \
    do {                                                                                                \
        if (!(condition))                                                                               \
            stress_fail(__FILE__, __LINE__, #condition, __VA_ARGS__);                                   \
    } while (0)

/* Two integers of any type. */
#define CHECK_EQ(actual, expected)                                                                      \
    stress_equal(__FILE__, __LINE__, #actual, (long long)(actual), (long long)(expected))

/* A call of the library that must return `expected`. */
#define CHECK_RESULT(call, expected) stress_result(__FILE__, __LINE__, #call, (call), (expected))
#define CHECK_OK(call) CHECK_RESULT(call, 0)

static inline void stress_equal(const char *file, int line, const char *what, long long actual,
                                long long expected)
{
    if (actual != expected)
        stress_fail(file, line, what, "is %lld, not %lld", actual, expected);
}

static inline void stress_result(const char *file, int line, const char *what, int actual, int expected)
{
    if (actual != expected)
        stress_fail(file, line, what, "returned %d (%s), not %d (%s)", actual, cond_strerror(actual),
                    expected, cond_strerror(expected));
}

#ifdef STRESS_COUNTED
#  include "counters.h"
#else
#  define stress_task_waited(result) ((void)(result))
#endif

/* ---- The program ---- */

/* Takes `name VALUE` out of the arguments, before stress_begin(). NULL if it is not there. */
static inline char *stress_take(int *argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < *argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            char *value = argv[i + 1];
            *argc -= 2;
            for (; i < *argc; i++)
                argv[i] = argv[i + 2];
            return value;
        }
    }
    return NULL;
}

static inline void stress_begin(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    stress.name = slash != NULL ? slash + 1 : argv[0];
    stress.scale = 1;
    stress.seed = (uint64_t)cond_now() % 1000000007;
    for (int i = 1; i < argc; i++) {
        char *end = argv[i];
        if (strcmp(argv[i], "--scale") == 0 && i + 1 < argc)
            stress.scale = strtod(argv[++i], &end);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            stress.seed = strtoull(argv[++i], &end, 10);
        if (end == argv[i] || *end != '\0' || !(stress.scale > 0)) {
            fprintf(stderr, "usage: %s [--scale N] [--seed S]\n", stress.name);
            exit(2);
        }
    }
    printf("%s --seed %" PRIu64 " --scale %g\n", stress.name, stress.seed, stress.scale);
    fflush(stdout);
#ifdef STRESS_COUNTED
    stress_count();
#endif
}

/* The number of rounds, if a default run makes n. */
static inline unsigned stress_rounds(unsigned n)
{
    double rounds = n * stress.scale;
    return rounds < 1 ? 1 : rounds < UINT_MAX ? (unsigned)rounds : UINT_MAX;
}

/* ---- Random numbers: splitmix64. Each thread has its own generator, or the lock guards it. ---- */

struct rng {
    uint64_t state;
};

static inline struct rng rng_make(uint64_t stream)
{
    return (struct rng){(stress.seed + 1) * UINT64_C(0xD1342543DE82EF95) +
                        stream * UINT64_C(0x2545F4914F6CDD1D)};
}

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Both ends included. */
static inline int64_t rng_between(struct rng *rng, int64_t low, int64_t high)
{
    return low + (int64_t)(rng_next(rng) % (uint64_t)(high - low + 1));
}

static inline bool rng_chance(struct rng *rng, unsigned percent) { return rng_next(rng) % 100 < percent; }

/* In so many percent of all cases a timeout up to longest_ns, otherwise COND_FOREVER. */
static inline int64_t rng_timeout(struct rng *rng, unsigned percent, int64_t longest_ns)
{
    return rng_chance(rng, percent) ? rng_between(rng, -10, longest_ns) : COND_FOREVER;
}

/* ---- Threads ---- */

static inline pthread_t stress_start(void *(*run)(void *), void *arg)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK_EQ(pthread_attr_init(&attributes), 0);
    /* Some systems need larger stacks. */
    for (size_t size = STRESS_STACK; pthread_attr_setstacksize(&attributes, size) != 0; size *= 2)
        CHECK(size < SIZE_MAX / 2, "no stack size is right");
    int error = pthread_create(&thread, &attributes, run, arg);
    CHECK(error == 0, "cannot create a thread: %s", strerror(error));
    CHECK_EQ(pthread_attr_destroy(&attributes), 0);
    return thread;
}

static inline void stress_join(pthread_t thread) { CHECK_EQ(pthread_join(thread, NULL), 0); }

static inline void stress_join_all(const pthread_t *threads, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        stress_join(threads[i]);
}

/* Let other threads run. */
static inline void stress_yield(void) { (void)sched_yield(); }

static inline struct timespec stress_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

static inline void stress_sleep_until(int64_t time_ns)
{
    for (int64_t left_ns; (left_ns = time_ns - cond_now()) > 0;) {
        struct timespec left = stress_timespec(left_ns);
        (void)nanosleep(&left, NULL);
    }
}

/* More exact than a sleep. */
static inline void stress_spin_until(int64_t time_ns)
{
    while (cond_now() < time_ns)
        ;
}

/* Acquire the condition's lock when `ready`, which the lock guards, is true. So the programs wait for other threads by
   reading their state, never by sleeping long enough. */
#define ACQUIRE_WHEN(cond, ready)                                                                       \
    for (CHECK_OK(cond_acquire(cond)); !(ready); CHECK_OK(cond_acquire(cond))) {                        \
        CHECK_OK(cond_release(cond));                                                                   \
        stress_yield();                                                                                 \
    }

/* Starts `count` threads on an array of structs with a member `thread`. The rest initialises element i. */
#define TEAM_START(team, count, run, ...)                                                                              \
    for (unsigned i = 0; i < (count); i++) {                                                                           \
        (team)[i] = (__typeof__(*(team))){__VA_ARGS__};                                                                \
        (team)[i].thread = stress_start((run), &(team)[i]);                                                            \
    }
#define TEAM_JOIN(team, count)                                                                                         \
    for (unsigned i = 0; i < (count); i++)                                                                             \
    stress_join((team)[i].thread)

/* ---- A condition on each kind of lock ---- */

enum kind {
    OWN_RLOCK,
    OWN_MUTEX,
    OTHER_RLOCK, /* the lock is not inside the condition */
    OTHER_MUTEX,
    PRIVATE_KINDS,
    PTHREAD_NORMAL = PRIVATE_KINDS,
    PTHREAD_RECURSIVE,
#ifdef COND_HAVE_PTHREAD_
    KINDS
#else
    KINDS = PRIVATE_KINDS
#endif
};

static const char *const kind_names[] = {
    "own recursive lock", "own mutex", "recursive lock elsewhere", "mutex elsewhere",
    "pthread mutex", "recursive pthread mutex",
};

struct subject {
    cond_t cond;
    cond_lock_t lock;
    pthread_mutex_t mutex;
    enum kind kind;
};

static inline bool kind_is_own(enum kind kind) { return kind == OWN_RLOCK || kind == OWN_MUTEX; }

static inline bool kind_is_recursive(enum kind kind)
{
    return kind == OWN_RLOCK || kind == OTHER_RLOCK || kind == PTHREAD_RECURSIVE;
}

/* ENOTSUP where there is no cond_lock_init_pthread(). */
static inline int stress_adopt(cond_lock_t *lock, pthread_mutex_t *mutex)
{
#ifdef COND_HAVE_PTHREAD_
    return cond_lock_init_pthread(lock, mutex);
#else
    (void)lock, (void)mutex;
    return ENOTSUP;
#endif
}

static inline void pthread_mutex_make(pthread_mutex_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQ(pthread_mutexattr_settype(&attributes, type), 0);
    CHECK_EQ(pthread_mutex_init(mutex, &attributes), 0);
    CHECK_EQ(pthread_mutexattr_destroy(&attributes), 0);
}

/* The lock, if it is not inside the condition. */
static inline void subject_make_lock(struct subject *subject, enum kind kind)
{
    unsigned flags = kind == OWN_MUTEX || kind == OTHER_MUTEX ? COND_MUTEX : COND_RLOCK;
    subject->kind = kind;
    if (kind >= PRIVATE_KINDS) {
        pthread_mutex_make(&subject->mutex,
                           kind == PTHREAD_RECURSIVE ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
        CHECK_OK(stress_adopt(&subject->lock, &subject->mutex));
    } else if (!kind_is_own(kind)) {
        CHECK_OK(cond_lock_init(&subject->lock, flags));
    }
}

static inline void subject_make(struct subject *subject, enum kind kind)
{
    subject_make_lock(subject, kind);
    CHECK_OK(cond_init(&subject->cond, kind_is_own(kind) ? NULL : &subject->lock,
                       kind == OWN_MUTEX ? COND_MUTEX : COND_RLOCK));
    stress_describe(&subject->cond);
}

static inline void subject_unmake_lock(struct subject *subject)
{
    if (!kind_is_own(subject->kind))
        CHECK_OK(cond_lock_destroy(&subject->lock));
    if (subject->kind >= PRIVATE_KINDS)
        CHECK_EQ(pthread_mutex_destroy(&subject->mutex), 0);
}

/* Fails if a thread still uses the condition, so it is the last check of a case. */
static inline void subject_unmake(struct subject *subject)
{
    CHECK_OK(cond_destroy(&subject->cond));
    stress_forget(&subject->cond);
    subject_unmake_lock(subject);
}

/* ---- Times, which are printed and not asserted ---- */

struct spread {
    int64_t *values;
    size_t count, room;
};

static inline void spread_add(struct spread *spread, int64_t value)
{
    if (spread->count == spread->room) {
        spread->room = spread->room != 0 ? 2 * spread->room : 256;
        spread->values = realloc(spread->values, spread->room * sizeof *spread->values);
        CHECK(spread->values != NULL, "out of memory");
    }
    spread->values[spread->count++] = value;
}

static inline int spread_compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return a < b ? -1 : a > b;
}

static inline void spread_print(struct spread *spread, const char *what)
{
    if (spread->count != 0) {
        qsort(spread->values, spread->count, sizeof *spread->values, spread_compare);
        printf("  %s: median %.1f us, 99th %.1f us, longest %.1f us, of %zu\n", what,
               (double)spread->values[spread->count / 2] / 1000,
               (double)spread->values[spread->count - 1 - spread->count / 100] / 1000,
               (double)spread->values[spread->count - 1] / 1000, spread->count);
    }
    free(spread->values);
    *spread = (struct spread){NULL, 0, 0};
}

#endif
