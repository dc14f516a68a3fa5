/* SPDX-License-Identifier: MIT */
/*
 * condvar_single.h - the whole of libcondvar in one file
 *
 * Copy it into a program, and include it wherever conditions are used. In exactly one C file, before anything else:
 *
 *     #define CONDVAR_IMPLEMENTATION
 *     #include "condvar_single.h"
 *
 * That file is compiled as C11 or later. With pthreads, link them (-pthread); on Windows, -lsynchronization.
 *
 * The port is that of the system that the compiler compiles for, or one of these, defined for that file:
 *
 *     CONDVAR_PORT_LINUX, CONDVAR_PORT_POSIX, CONDVAR_PORT_WINDOWS
 *     CONDVAR_PORT_CUSTOM: four functions of your own, port_wait(), port_wake(), port_now() and port_self(), and
 *         for tasks port_local(). What they must do stands below, by their names. Needed then are <limits.h>,
 *         <stdatomic.h>, <stdbool.h>, <stddef.h> and <stdint.h>, and atomic operations on words of the size of a
 *         pointer; and memset() and memcpy(), which compilers take for granted.
 *
 * The macros CONDVAR_NO_*, which leave things out, must be the same in all files: best on the compiler's command line.
 *
 * Made by src/single_header.py from include/condvar.h and src/: changes belong there.
 */
#if defined(CONDVAR_IMPLEMENTATION) && !defined(CONDVAR_IMPLEMENTED_)
#  if defined(__cplusplus)
#    error "CONDVAR_IMPLEMENTATION is C: define it in a file that is compiled as C11. C++ can include the header without."
#  endif
#  include "port/which.h"
#  if defined(CONDVAR_PORT_LINUX) || defined(CONDVAR_PORT_POSIX)
/* (By glibc's macros: which functions it declares is settled by the first of its headers.) */
#    if defined(_FEATURES_H) && defined(__GLIBC__) && !defined(__USE_GNU)
#      error "Include condvar_single.h before all others where CONDVAR_IMPLEMENTATION is defined, or compile that file with -D_GNU_SOURCE: a header before it has settled that functions which it needs are not declared."
#    endif
#    ifndef _GNU_SOURCE
#      define _GNU_SOURCE
#    endif
#  elif defined(CONDVAR_PORT_WINDOWS)
#    if defined(_WIN32_WINNT) && _WIN32_WINNT < 0x0602
#      error "Include condvar_single.h before all others where CONDVAR_IMPLEMENTATION is defined, or compile that file with -D_WIN32_WINNT=0x0602: WaitOnAddress() is in Windows 8 and later only."
#    endif
#    ifndef _WIN32_WINNT
#      define _WIN32_WINNT 0x0602
#    endif
#  endif
#endif

/* Where these are not the port's locks, their header may be there all the same. */
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
