/* SPDX-License-Identifier: MIT */
/* The library as one unit: internal.h. The port comes before the core, since it includes the system's headers. */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
/* A program may compile this file with its own warnings. These two do not suit the library: it is C, and its functions
   acquire and release a lock for their callers. */
#if defined(__GNUC__)
#  pragma GCC diagnostic push
#  pragma GCC diagnostic ignored "-Wc++-compat"
#  if defined(__clang__)
#    pragma clang diagnostic ignored "-Wthread-safety-analysis"
#  endif
#endif
#include "port/which.h"
#ifdef CONDVAR_PORT_CUSTOM
/* The functions of this port are in the user's own files, so they are not static. */
#  include "port.h"
#  undef INTERNAL
#endif

#define INTERNAL static UNUSED
#include "deadline.h"
#include "lock.h"
#include "port_shared.h"

#if defined(CONDVAR_PORT_LINUX)
#  include "port/linux.c"
#  include "port/pthread_until.c"
#  include "port/pthread.c"
#  include "port/robust.c"
#elif defined(CONDVAR_PORT_POSIX)
#  include "port/posix.c"
#  include "port/pthread_until.c"
#  include "port/pthread.c"
#  include "port/no_shared.c"
#elif defined(CONDVAR_PORT_WINDOWS)
#  include "port/windows.c"
#  include "port/no_shared.c"
#else
#  include "port/no_process.c"
#  include "port/no_shared.c"
#endif

#include "probe.c"
#include "waitq.c"
#include "mutex.c"
#include "taskq.c"
#include "handoff.c"
#include "rlock.c"
#include "foreign.c"
#include "shared.c"
#include "lock.c"
#include "cond.c"
#include "task.c"
#include "text.c"

/* A program that was compiled without these macros misses these calls in this library (COND_LAYOUT_ in condvar.h). GNU
   ld prints this text then. Other linkers ignore it. It is in no program. */
#if (defined(CONDVAR_NO_TASKS) || defined(CONDVAR_NO_SHARED)) && defined(__GNUC__) && defined(__ELF__)
#  define ALL_WARNING(call)                                                                        \
    static const char all_##call[] __attribute__((section(".gnu.warning." #call), used)) =         \
        "the library was compiled with CONDVAR_NO_TASKS or CONDVAR_NO_SHARED, this file without: " \
        "define the same in both"
ALL_WARNING(cond_release);
ALL_WARNING(cond_lock_release);
ALL_WARNING(cond_lock_init_foreign);
ALL_WARNING(cond_lock_init_pthread);
#endif

#if defined(__GNUC__)
#  pragma GCC diagnostic pop
#endif
