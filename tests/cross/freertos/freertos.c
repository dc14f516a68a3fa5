/* SPDX-License-Identifier: MIT */
/*
 * A few calls of FreeRTOS by POSIX threads: FreeRTOS.h and task.h. Ticks are counted on the monotonic clock, and their
 * count of 32 bits begins shortly before its end. The memory of tasks that have ended is kept, so that a notification
 * which comes too late can be counted; and each notification is late by up to 40 microseconds, as if another task had
 * run meanwhile. One of eight calls that would wait returns 0 at once, as after xTaskAbortDelay().
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include "task.h"
#ifndef CONDVAR_NO_TASKS
#  include "port.h"
#endif

enum { INDEXES = 2, TICKS_TO_OVERFLOW = 100 };

#define TICK_NS (INT64_C(1000000000) / configTICK_RATE_HZ)

struct imitated_task {
    pthread_mutex_t mutex;
    pthread_cond_t notified;
    uint32_t notifications[INDEXES]; /* under the mutex */
    atomic_bool ended;
    void *local; /* port_local() */
};

static pthread_mutex_t critical = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static pthread_key_t current; /* fixed by prepare(), as the next */
static int64_t began_ns;
static atomic_uint late;

static int64_t clock_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void end_task(void *task) { atomic_store(&((TaskHandle_t)task)->ended, true); }

static void prepare(void)
{
    (void)pthread_key_create(&current, end_task);
    began_ns = clock_ns() / TICK_NS * TICK_NS;
}

/* Whole ticks since the clock began, which was before the program did. */
static int64_t ticks_now(void)
{
    (void)pthread_once(&prepared, prepare);
    return INT64_C(0x100000000) - TICKS_TO_OVERFLOW + (clock_ns() - began_ns) / TICK_NS;
}

TaskHandle_t xTaskGetCurrentTaskHandle(void)
{
    (void)pthread_once(&prepared, prepare);
    TaskHandle_t task = pthread_getspecific(current);
    if (task == NULL) {
        pthread_condattr_t monotonic;
        task = calloc(1, sizeof *task);
        if (task == NULL)
            abort();
        (void)pthread_condattr_init(&monotonic);
        (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        (void)pthread_cond_init(&task->notified, &monotonic);
        (void)pthread_condattr_destroy(&monotonic);
        (void)pthread_mutex_init(&task->mutex, NULL);
        (void)pthread_setspecific(current, task);
    }
    return task;
}

void imitation_enter_critical(void) { (void)pthread_mutex_lock(&critical); }
void imitation_exit_critical(void) { (void)pthread_mutex_unlock(&critical); }

void vTaskSetTimeOutState(TimeOut_t *now)
{
    int64_t ticks = ticks_now();
    now->xOverflowCount = (BaseType_t)(ticks >> 32);
    now->xTimeOnEntering = (TickType_t)ticks;
}

/* A number that differs from call to call. */
static unsigned scattered(void)
{
    static atomic_uint calls;
    return atomic_fetch_add(&calls, 1) * 2654435761u >> 16;
}

uint32_t ulTaskNotifyTakeIndexed(UBaseType_t index, BaseType_t clear, TickType_t ticks)
{
    TaskHandle_t task = xTaskGetCurrentTaskHandle();
    int64_t end_ns = ((clock_ns() - began_ns) / TICK_NS + ticks) * TICK_NS + began_ns;
    struct timespec end = {.tv_sec = (time_t)(end_ns / 1000000000), .tv_nsec = (long)(end_ns % 1000000000)};
    (void)pthread_mutex_lock(&task->mutex);
    int error = scattered() % 8 == 0 ? ETIMEDOUT : 0;
    while (task->notifications[index] == 0 && error != ETIMEDOUT) {
        if (ticks == portMAX_DELAY)
            (void)pthread_cond_wait(&task->notified, &task->mutex);
        else
            error = pthread_cond_timedwait(&task->notified, &task->mutex, &end);
    }
    uint32_t before = task->notifications[index];
    if (before > 0)
        task->notifications[index] = clear ? 0 : before - 1;
    (void)pthread_mutex_unlock(&task->mutex);
    return before;
}

BaseType_t xTaskNotifyGiveIndexed(TaskHandle_t task, UBaseType_t index)
{
    int64_t end_ns = clock_ns() + scattered() % 40000;
    while (clock_ns() < end_ns)
        ;
    if (atomic_load(&task->ended))
        atomic_fetch_add(&late, 1);
    (void)pthread_mutex_lock(&task->mutex);
    task->notifications[index]++;
    (void)pthread_cond_signal(&task->notified);
    (void)pthread_mutex_unlock(&task->mutex);
    return pdPASS;
}

unsigned imitation_late_notifications(void) { return atomic_load(&late); }

#ifndef CONDVAR_NO_TASKS
void **port_local(void) { return &xTaskGetCurrentTaskHandle()->local; }
#endif
