/* SPDX-License-Identifier: MIT */
/* The library as one unit, see internal.h. The port comes last, since it includes the system's headers. */
#define _GNU_SOURCE
#define INTERNAL static
#include "cond.c"
#include "lock.c"
#include "mutex.c"
#include "rlock.c"
#include "shared.c"
#include "task.c"
#include "text.c"
#include "waiter.c"

#include "port/linux.c"
#include "port/pthread.c"
#include "port/pthread_until.c"
#include "port/robust.c"
