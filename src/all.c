/* SPDX-License-Identifier: MIT */
/* The library as one unit, see internal.h. The port comes last, since it includes the system's headers. */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include "port/which.h"
#ifdef CONDVAR_PORT_CUSTOM
/* Its functions are in the user's own files, so they alone cannot be static. */
#  include "port.h"
#  undef INTERNAL
#endif

#define INTERNAL static
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

#if defined(CONDVAR_PORT_LINUX)
#  include "port/linux.c"
#  include "port/pthread.c"
#  if !defined(CONDVAR_NO_SHARED) || defined(COND_HAVE_PTHREAD_)
#    include "port/pthread_until.c"
#  endif
#  include "port/robust.c"
#elif defined(CONDVAR_PORT_POSIX)
#  include "port/no_shared.c"
#  include "port/posix.c"
#  include "port/pthread.c"
#  ifdef COND_HAVE_PTHREAD_
#    include "port/pthread_until.c"
#  endif
#elif defined(CONDVAR_PORT_WINDOWS)
#  include "port/no_shared.c"
#  include "port/windows.c"
#else
#  include "port/no_process.c"
#  include "port/no_shared.c"
#endif

/* A program that was compiled without these macros misses cond_release() in this library (COND_LAYOUT_ in condvar.h).
   GNU ld prints this text then. Other linkers ignore it. It is in no program. */
#if (defined(CONDVAR_NO_TASKS) || defined(CONDVAR_NO_SHARED)) && defined(__GNUC__) && defined(__ELF__)
#  define LAYOUT_DIFFERS \
      "the library was compiled with CONDVAR_NO_TASKS or CONDVAR_NO_SHARED, this file without: define the same in both"
static const char layout_differs[] __attribute__((section(".gnu.warning.cond_release"), used)) = LAYOUT_DIFFERS;
static const char lock_layout_differs[] __attribute__((section(".gnu.warning.cond_lock_release"), used)) =
    LAYOUT_DIFFERS;
#endif
