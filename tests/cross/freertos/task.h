/* SPDX-License-Identifier: MIT */
#ifndef FREERTOS_IMITATION_TASK_H
#define FREERTOS_IMITATION_TASK_H

#include "FreeRTOS.h"

typedef struct imitated_task *TaskHandle_t;

typedef struct {
    BaseType_t xOverflowCount;
    TickType_t xTimeOnEntering;
} TimeOut_t;

#define taskENTER_CRITICAL() imitation_enter_critical()
#define taskEXIT_CRITICAL() imitation_exit_critical()
void imitation_enter_critical(void);
void imitation_exit_critical(void);

TaskHandle_t xTaskGetCurrentTaskHandle(void);
void vTaskSetTimeOutState(TimeOut_t *now);
uint32_t ulTaskNotifyTakeIndexed(UBaseType_t index, BaseType_t clear, TickType_t ticks);
BaseType_t xTaskNotifyGiveIndexed(TaskHandle_t task, UBaseType_t index);

/* How often a task was notified that had ended, which in FreeRTOS may be freed memory by then. */
unsigned imitation_late_notifications(void);

#endif
