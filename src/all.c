/* SPDX-License-Identifier: MIT */
/* The library as one unit, see internal.h. The port comes last, since it includes the system's headers. */
#define _GNU_SOURCE
#include "port/which.h"
#ifdef CONDVAR_PORT_CUSTOM
/* Its functions are in the user's own files, so they alone cannot be static. */
#  include "port.h"
#  undef INTERNAL
#endif

#define INTERNAL static
#include "cond.c"
#include "lock.c"
#include "mutex.c"
#include "rlock.c"
#include "shared.c"
#include "task.c"
#include "text.c"
#include "waiter.c"

#if defined(CONDVAR_PORT_LINUX)
#  include "port/linux.c"
#  include "port/pthread.c"
#  include "port/pthread_until.c"
#  include "port/robust.c"
#elif defined(CONDVAR_PORT_POSIX)
#  include "port/no_shared.c"
#  include "port/posix.c"
#  include "port/pthread.c"
#  include "port/pthread_until.c"
#elif defined(CONDVAR_PORT_WINDOWS)
#  include "port/no_shared.c"
#  include "port/windows.c"
#else
#  include "port/no_process.c"
#  include "port/no_shared.c"
#endif
