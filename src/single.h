/* SPDX-License-Identifier: MIT */
/*
 * condvar_single.h - the whole of libcondvar in one file
 *
 * Copy it into a program, and include it wherever conditions are used. In exactly one C file, before anything else:
 *
 *     #define CONDVAR_IMPLEMENTATION
 *     #include "condvar_single.h"
 *
 * That file must be compiled as C11 or later. Link with -pthread, or on Windows with -lsynchronization.
 *
 * The port is chosen by the compiler's target. To choose another one, define one of these macros for that file:
 *
 *     CONDVAR_PORT_LINUX, CONDVAR_PORT_POSIX, CONDVAR_PORT_WINDOWS
 *     CONDVAR_PORT_CUSTOM: your own port, four functions port_wait(), port_wake(), port_now() and port_self(), and for
 *         tasks port_local(). Their declarations below say what they must do. This needs the headers <limits.h>,
 *         <stdatomic.h>, <stdbool.h>, <stddef.h> and <stdint.h>, atomic operations on pointer-sized words, and the
 *         functions memset() and memcpy(), which compilers call.
 *
 * Internal names begin with the name of a part: atomic operations a_, conditions condi_, others lock_, waitq_, mutex_,
 * park_ and so on. Macros of the implementation are undefined at its end.
 *
 * The macros CONDVAR_NO_*, which leave out features, and CONDVAR_OBSERVER, which adds cond_set_observer(), must be the
 * same in all files of the program: best on the compiler's command line.
 *
 * This file is made by src/single_header.py from include/condvar.h and src/. Change those files instead.
 */
#if defined(CONDVAR_IMPLEMENTATION) && !defined(CONDVAR_IMPLEMENTED_) && defined(__cplusplus)
#  error "CONDVAR_IMPLEMENTATION is C: define it in a C11 file. C++ includes the header without it."
#  define CONDVAR_IMPLEMENTED_ /* so that this is the only error, as below */
#endif
#if defined(CONDVAR_IMPLEMENTATION) && !defined(CONDVAR_IMPLEMENTED_)
#  include "port/which.h"
#  if defined(CONDVAR_PORT_LINUX) || defined(CONDVAR_PORT_POSIX)
/* (glibc decides which functions it declares when its first header is included.) */
#    if defined(_FEATURES_H) && defined(__GLIBC__) && !defined(__USE_GNU)
#      error "Include condvar_single.h before all others, or compile this file with -D_GNU_SOURCE."
#      define CONDVAR_IMPLEMENTED_
#    endif
#    ifndef _GNU_SOURCE
#      define _GNU_SOURCE
#    endif
#  elif defined(CONDVAR_PORT_WINDOWS)
#    if defined(_WIN32_WINNT) && _WIN32_WINNT < 0x0602
#      error "Include condvar_single.h before all others, or compile this file with -D_WIN32_WINNT=0x0602."
#      define CONDVAR_IMPLEMENTED_
#    endif
#    ifndef _WIN32_WINNT
#      define _WIN32_WINNT 0x0602
#    endif
#  endif
#endif

/* <pthread.h> may exist, although the port does not use pthreads. */
#if !defined(CONDVAR_NO_PTHREAD) && !defined(CONDVAR_PORT_LINUX) && !defined(CONDVAR_PORT_POSIX)
#  if defined(CONDVAR_PORT_CUSTOM) || defined(CONDVAR_PORT_WINDOWS) || \
      !(defined(__linux__) || defined(__unix__) || defined(__APPLE__) || defined(__HAIKU__))
#    define CONDVAR_NO_PTHREAD
#  endif
#endif

#include "condvar.h"

#ifdef CONDVAR_PORT_CUSTOM
#  ifdef __cplusplus
extern "C" {
#  endif
#  include "port.h"
#  ifdef __cplusplus
}
#  endif
#endif

#if defined(CONDVAR_IMPLEMENTATION) && !defined(CONDVAR_IMPLEMENTED_)
#define CONDVAR_IMPLEMENTED_
#include "all.c"
#endif
