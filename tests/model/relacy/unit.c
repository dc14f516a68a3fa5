/* SPDX-License-Identifier: MIT */
/* The core of the library as one unit, with names that the port in machine.cpp can see. The folder is src/, or a
   copy of it that has a fault. */
#include "cond.c"
#include "lock.c"
#include "mutex.c"
#include "rlock.c"
#include "shared.c"
#include "task.c"
#include "text.c"
#include "waiter.c"
