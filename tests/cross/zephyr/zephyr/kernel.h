/* SPDX-License-Identifier: MIT */
#ifndef ZEPHYR_IMITATION_H
#define ZEPHYR_IMITATION_H

/*
 * What port_zephyr.c uses of Zephyr, imitated by POSIX threads. The names and what they do are those of Zephyr's API
 * reference; nothing of it is copied. Ticks are counted on the monotonic clock.
 */

#include <pthread.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#ifndef CONFIG_SYS_CLOCK_TICKS_PER_SEC
#  define CONFIG_SYS_CLOCK_TICKS_PER_SEC 100
#endif
#define IMITATION_TICK_NS (INT64_C(1000000000) / CONFIG_SYS_CLOCK_TICKS_PER_SEC)

typedef struct {
    int64_t ticks; /* -1: forever */
} k_timeout_t;
#define K_FOREVER ((k_timeout_t){-1})
#define K_NO_WAIT ((k_timeout_t){0})
#define K_TICKS(t) ((k_timeout_t){(t)})

struct k_mutex {
    pthread_mutex_t mutex;
};

/* With CONFIG_OBJ_CORE_CONDVAR, k_condvar_init() puts the object into a list of the kernel. If one is left at the end,
   the program exits with 3. */
struct k_obj_core {
    int linked;
};
struct k_condvar {
    pthread_cond_t cond;
    struct k_obj_core obj_core;
};
#ifdef CONFIG_OBJ_CORE_CONDVAR
static int imitation_linked;
#  define K_OBJ_CORE(object) (&(object)->obj_core)
static inline void imitation_link(struct k_obj_core *core, int linked)
{
    core->linked = linked;
    (void)__atomic_add_fetch(&imitation_linked, linked ? 1 : -1, __ATOMIC_RELAXED);
}
static inline void k_obj_core_unlink(struct k_obj_core *core)
{
    imitation_link(core, 0);
}
__attribute__((destructor)) static void imitation_end(void)
{
    if (__atomic_load_n(&imitation_linked, __ATOMIC_RELAXED) != 0)
        _exit(3);
}
#endif

#define K_MUTEX_DEFINE(name) static struct k_mutex name = {PTHREAD_MUTEX_INITIALIZER}

static inline int64_t k_uptime_ticks(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec) / IMITATION_TICK_NS;
}

static inline int k_mutex_lock(struct k_mutex *mutex, k_timeout_t timeout)
{
    (void)timeout; /* forever */
    return -pthread_mutex_lock(&mutex->mutex);
}

static inline int k_mutex_unlock(struct k_mutex *mutex)
{
    return -pthread_mutex_unlock(&mutex->mutex);
}

static inline int k_condvar_init(struct k_condvar *condvar)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
#ifdef CONFIG_OBJ_CORE_CONDVAR
    imitation_link(&condvar->obj_core, 1);
#endif
    return -pthread_cond_init(&condvar->cond, &monotonic);
}

static inline int k_condvar_signal(struct k_condvar *condvar)
{
    return -pthread_cond_signal(&condvar->cond);
}

static inline int k_condvar_wait(struct k_condvar *condvar, struct k_mutex *mutex, k_timeout_t timeout)
{
    if (timeout.ticks < 0)
        return -pthread_cond_wait(&condvar->cond, &mutex->mutex);
    int64_t end_ns = (k_uptime_ticks() + timeout.ticks) * IMITATION_TICK_NS;
    struct timespec end = {.tv_sec = (time_t)(end_ns / 1000000000), .tv_nsec = (long)(end_ns % 1000000000)};
    return -pthread_cond_timedwait(&condvar->cond, &mutex->mutex, &end);
}

static inline void *k_current_get(void)
{
    static _Thread_local uint64_t thread;
    return &thread;
}

#endif
