/* SPDX-License-Identifier: MIT */
/*
 * A port to FreeRTOS: a list of sleepers, each with a task notification. docs/porting.md explains it. The tests compile
 * this file and run it on an imitation of FreeRTOS (tests/cross/freertos).
 *
 * It needs configUSE_TASK_NOTIFICATIONS, configTASK_NOTIFICATION_ARRAY_ENTRIES of 2 at least, INCLUDE_vTaskSuspend, a
 * TickType_t of 32 bits, and -DTUNING_CLOCK_TICK_NS=1000000000/configTICK_RATE_HZ: its clock counts in ticks.
 */
#include <FreeRTOS.h>
#include <task.h>
#include <stdbool.h>
#include <stddef.h>
#include "port.h"

enum { NOTIFICATION = 1 }; /* an index that no other part of the program uses */

#define TICK_NS (INT64_C(1000000000) / configTICK_RATE_HZ)

struct sleeper {
    const uint32_t *word;
    TaskHandle_t task;
    struct sleeper *next; /* only in a critical section, like `first` */
    bool listed;
};

static struct sleeper *first; /* the sleepers, in order of arrival */

static struct sleeper **end_of(struct sleeper **list)
{
    while (*list != NULL)
        list = &(*list)->next;
    return list;
}

/* Rounded up: a wait for n ticks ends at the n-th interrupt of the clock. */
static TickType_t ticks_until(int64_t deadline_ns)
{
    if (deadline_ns == INT64_MAX)
        return portMAX_DELAY;
    int64_t left_ns = deadline_ns > 0 ? deadline_ns - port_now() : 0;
    int64_t ticks = left_ns > 0 ? (left_ns - 1) / TICK_NS + 1 : 0;
    return ticks < portMAX_DELAY ? (TickType_t)ticks : portMAX_DELAY - 1;
}

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    struct sleeper self = {.word = word, .task = xTaskGetCurrentTaskHandle()};
    TickType_t ticks = ticks_until(deadline_ns);
    taskENTER_CRITICAL();
    bool sleeps = __atomic_load_n(word, __ATOMIC_RELAXED) == expected;
    if (sleeps) {
        *end_of(&first) = &self;
        self.listed = true;
    }
    taskEXIT_CRITICAL();
    if (!sleeps)
        return;

    uint32_t notified = ulTaskNotifyTakeIndexed(NOTIFICATION, pdTRUE, ticks);
    taskENTER_CRITICAL();
    bool taken_out = !self.listed;
    for (struct sleeper **link = &first; *link != NULL && !taken_out; link = &(*link)->next)
        if (*link == &self) {
            *link = self.next;
            break;
        }
    taskEXIT_CRITICAL();
    if (taken_out && notified == 0) /* timed out, but port_wake() has it: take its notification */
        (void)ulTaskNotifyTakeIndexed(NOTIFICATION, pdTRUE, portMAX_DELAY);
}

void port_wake(const uint32_t *word, uint32_t count)
{
    struct sleeper *woken = NULL;
    taskENTER_CRITICAL();
    for (struct sleeper **link = &first; *link != NULL && count > 0;) {
        struct sleeper *sleeper = *link;
        if (sleeper->word == word) {
            *link = sleeper->next;
            sleeper->next = NULL;
            sleeper->listed = false;
            *end_of(&woken) = sleeper;
            count--;
        } else {
            link = &sleeper->next;
        }
    }
    taskEXIT_CRITICAL();
    while (woken != NULL) { /* each sleeper returns only after its notification */
        struct sleeper *next = woken->next;
        (void)xTaskNotifyGiveIndexed(woken->task, NOTIFICATION);
        woken = next;
    }
}

int64_t port_now(void)
{
    TimeOut_t now; /* the count of ticks, and how often it has wrapped */
    vTaskSetTimeOutState(&now);
    return (((int64_t)now.xOverflowCount << 32) + now.xTimeOnEntering) * TICK_NS;
}

uintptr_t port_self(void)
{
    return (uintptr_t)xTaskGetCurrentTaskHandle();
}
