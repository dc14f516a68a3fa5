/* SPDX-License-Identifier: MIT */
#ifndef FREERTOS_IMITATION_H
#define FREERTOS_IMITATION_H

/*
 * What port_freertos.c uses of FreeRTOS, imitated by POSIX threads (freertos.c): a thread is a task.
 * The names and what they do are those of FreeRTOS's API reference; nothing of it is copied.
 */

#include <stdint.h>

#ifndef configTICK_RATE_HZ
#  define configTICK_RATE_HZ 100
#endif

#ifndef INCLUDE_xTaskGetCurrentTaskHandle
#  define INCLUDE_xTaskGetCurrentTaskHandle 1
#endif
#ifndef configTASK_NOTIFICATION_ARRAY_ENTRIES
#  define configTASK_NOTIFICATION_ARRAY_ENTRIES 2
#endif

typedef uint32_t TickType_t;
typedef long BaseType_t;
typedef unsigned long UBaseType_t;

#define pdTRUE ((BaseType_t)1)
#define pdPASS pdTRUE
#define portMAX_DELAY UINT32_MAX /* for ever, as with INCLUDE_vTaskSuspend */

#endif
