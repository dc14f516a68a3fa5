/* SPDX-License-Identifier: MIT */
/* The core of the library as one unit, with names that the port in machine.cpp can see. The folder is src/, or a
   copy of it with a mutation. */
#include "cond.c"
#include "foreign.c"
#include "handoff.c"
#include "lock.c"
#include "mutex.c"
#include "rlock.c"
#include "shared.c"
#include "task.c"
#include "taskq.c"
#include "text.c"
#include "waitq.c"
