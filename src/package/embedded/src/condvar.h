/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_EMBEDDED_H
#define CONDVAR_EMBEDDED_H

/*
 * condvar.h - libcondvar for microcontrollers: the settings, and condvar_single.h
 *
 * Include this header where conditions are used. condvar_single.h has the manual.
 *
 *     macro                port                      defined
 *     CONDVAR_FREERTOS     ports/port_freertos.c     by you; by this header for ESP-IDF and for Arduino on an ESP32
 *     CONDVAR_ZEPHYR       ports/port_zephyr.c       by this header for Zephyr
 *     neither              your own functions        see README.md
 *
 * Define your macros for all files of the program: in the options of the compiler, or here. CONDVAR_NO_AWAIT and the
 * others of its kind leave features out; condvar_single.h lists them.
 */

/* __GCC_ATOMIC_LONG_LOCK_FREE: 2 means always. gcc and clang have it. ESP-IDF has functions for processors without. */
#if defined(__GCC_ATOMIC_LONG_LOCK_FREE) && __GCC_ATOMIC_LONG_LOCK_FREE < 2 && !defined(CONDVAR_ATOMIC_CALLS) && \
    !defined(ESP_PLATFORM)
/* Define CONDVAR_ATOMIC_CALLS if your system has functions for them: __atomic_compare_exchange_4() and the others. */
#  error "libcondvar: this processor has no atomic operations on 32 bits. See src/condvar.h."
#endif

#if !defined(CONDVAR_FREERTOS) && !defined(CONDVAR_ZEPHYR)
#  if defined(__ZEPHYR__)
#    define CONDVAR_ZEPHYR
#  elif defined(ESP_PLATFORM)
#    define CONDVAR_FREERTOS
#  endif
#endif

/* These two ports have no port_local(), which tasks need. */
#if (defined(CONDVAR_FREERTOS) || defined(CONDVAR_ZEPHYR)) && !defined(CONDVAR_NO_TASKS)
#  define CONDVAR_NO_TASKS
#endif
#ifndef CONDVAR_NO_SHARED
#  define CONDVAR_NO_SHARED
#endif
#ifndef CONDVAR_PORT_CUSTOM
#  define CONDVAR_PORT_CUSTOM
#endif

/* The clocks of both kernels count ticks. The library makes each timeout longer by one tick, so that none ends
   early. */
#if defined(CONDVAR_IMPLEMENTATION) && !defined(TUNING_CLOCK_TICK_NS)
#  if defined(CONDVAR_ZEPHYR)
#    include <zephyr/kernel.h>
#    define TUNING_CLOCK_TICK_NS (INT64_C(1000000000) / CONFIG_SYS_CLOCK_TICKS_PER_SEC + 1)
#  elif defined(CONDVAR_FREERTOS)
#    ifdef ESP_PLATFORM
#      include <freertos/FreeRTOS.h>
#    else
#      include <FreeRTOS.h>
#    endif
#    define TUNING_CLOCK_TICK_NS (INT64_C(1000000000) / configTICK_RATE_HZ + 1)
#  endif
#endif

#include "condvar_single.h"

#endif
