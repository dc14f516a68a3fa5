/* SPDX-License-Identifier: MIT */
/*
 * The port to FreeRTOS, from its API reference (https://www.freertos.org/Documentation/02-Kernel/04-API-references).
 * The tests run it on an imitation of FreeRTOS. It was not run on FreeRTOS here. FreeRTOS 10.4.0 or later: it has more
 * than one notification for each task.
 *
 * FreeRTOSConfig.h needs:
 *
 *     configUSE_TASK_NOTIFICATIONS 1
 *     configTASK_NOTIFICATION_ARRAY_ENTRIES 2 or more
 *     INCLUDE_vTaskSuspend 1
 *     INCLUDE_xTaskGetCurrentTaskHandle 1, or configUSE_MUTEXES 1
 *     a TickType_t of 32 bits
 *
 * The library must know the length of a tick: TUNING_CLOCK_TICK_NS is 1000000000 / configTICK_RATE_HZ.
 */
#ifdef ESP_PLATFORM
#  include <freertos/FreeRTOS.h>
#  include <freertos/task.h>
#else
#  include <FreeRTOS.h>
#  include <task.h>
#endif
#include <stdbool.h>
#include <stddef.h>
#include "port.h"

/* The index of the task notification that belongs to the library. */
#ifndef CONDVAR_NOTIFICATION
#  define CONDVAR_NOTIFICATION 1
#endif
#if defined(configTASK_NOTIFICATION_ARRAY_ENTRIES) && \
    configTASK_NOTIFICATION_ARRAY_ENTRIES <= CONDVAR_NOTIFICATION
/* (ESP-IDF: CONFIG_FREERTOS_TASK_NOTIFICATION_ARRAY_ENTRIES) */
#  error \
      "libcondvar needs a task notification: set configTASK_NOTIFICATION_ARRAY_ENTRIES to CONDVAR_NOTIFICATION + 1."
#endif
#if defined(INCLUDE_xTaskGetCurrentTaskHandle) && !INCLUDE_xTaskGetCurrentTaskHandle && \
    !(defined(configUSE_MUTEXES) && configUSE_MUTEXES)
#  error "libcondvar needs xTaskGetCurrentTaskHandle(): set INCLUDE_xTaskGetCurrentTaskHandle to 1."
#endif

_Static_assert(sizeof(TickType_t) == 4, "libcondvar needs a TickType_t of 32 bits");

#define PORT_TICK_NS (INT64_C(1000000000) / configTICK_RATE_HZ)

/* A task in port_wait(), on its own stack. The fields are written in a critical section. */
struct port_sleeper {
    const uint32_t *word;
    TaskHandle_t task;
    struct port_sleeper *next;
    bool listed;
};

static struct port_sleeper *port_sleepers; /* in order of arrival */

/* ESP-IDF runs on two cores, so its critical sections have a lock. */
#ifdef ESP_PLATFORM
static portMUX_TYPE port_critical = portMUX_INITIALIZER_UNLOCKED;
#  define PORT_ENTER_CRITICAL() taskENTER_CRITICAL(&port_critical)
#  define PORT_EXIT_CRITICAL() taskEXIT_CRITICAL(&port_critical)
#else
#  define PORT_ENTER_CRITICAL() taskENTER_CRITICAL()
#  define PORT_EXIT_CRITICAL() taskEXIT_CRITICAL()
#endif

static struct port_sleeper **port_end_of(struct port_sleeper **list)
{
    while (*list != NULL)
        list = &(*list)->next;
    return list;
}

/* Rounded up: the n-th tick ends a wait for n ticks. */
static TickType_t port_ticks_until(int64_t deadline_ns)
{
    if (deadline_ns == INT64_MAX)
        return portMAX_DELAY;
    int64_t left_ns = deadline_ns > 0 ? deadline_ns - port_now() : 0;
    int64_t ticks = left_ns > 0 ? (left_ns - 1) / PORT_TICK_NS + 1 : 0;
    return ticks < portMAX_DELAY ? (TickType_t)ticks : portMAX_DELAY - 1;
}

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    struct port_sleeper self = {.word = word, .task = xTaskGetCurrentTaskHandle()};
    TickType_t ticks = port_ticks_until(deadline_ns);
    PORT_ENTER_CRITICAL();
    bool sleeps = __atomic_load_n(word, __ATOMIC_RELAXED) == expected;
    if (sleeps) {
        *port_end_of(&port_sleepers) = &self;
        self.listed = true;
    }
    PORT_EXIT_CRITICAL();
    if (!sleeps)
        return;

    uint32_t notified = ulTaskNotifyTakeIndexed(CONDVAR_NOTIFICATION, pdTRUE, ticks);
    PORT_ENTER_CRITICAL();
    bool taken_out = !self.listed;
    for (struct port_sleeper **link = &port_sleepers; *link != NULL && !taken_out; link = &(*link)->next)
        if (*link == &self) {
            *link = self.next;
            break;
        }
    PORT_EXIT_CRITICAL();
    /* port_wake() has taken the node out, and notifies this task later. If this task returned now, it could be deleted
       before that. So it waits for the notification. vTaskResume() and xTaskAbortDelay() may end a call without one.
       (If the task in port_wake() has a low priority and gets no processor, this wait may be long.) */
    while (taken_out && notified == 0)
        notified = ulTaskNotifyTakeIndexed(CONDVAR_NOTIFICATION, pdTRUE, portMAX_DELAY);
}

/* FreeRTOS forbids its calls in a critical section. So take the nodes out first, and notify their tasks afterwards. */
void port_wake(const uint32_t *word, uint32_t count)
{
    struct port_sleeper *woken = NULL;
    PORT_ENTER_CRITICAL();
    for (struct port_sleeper **link = &port_sleepers; *link != NULL && count > 0;) {
        struct port_sleeper *sleeper = *link;
        if (sleeper->word == word) {
            *link = sleeper->next;
            sleeper->next = NULL;
            sleeper->listed = false;
            *port_end_of(&woken) = sleeper;
            count--;
        } else {
            link = &sleeper->next;
        }
    }
    PORT_EXIT_CRITICAL();
    while (woken != NULL) { /* a node stays until its task is notified */
        struct port_sleeper *next = woken->next;
        (void)xTaskNotifyGiveIndexed(woken->task, CONDVAR_NOTIFICATION);
        woken = next;
    }
}

int64_t port_now(void)
{
    TimeOut_t now; /* the count of ticks, and how often it has wrapped */
    vTaskSetTimeOutState(&now);
    return (((int64_t)now.xOverflowCount << 32) + now.xTimeOnEntering) * PORT_TICK_NS;
}

uintptr_t port_self(void)
{
    return (uintptr_t)xTaskGetCurrentTaskHandle();
}
