/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_INTERNAL_H
#define CONDVAR_INTERNAL_H

/*
 * How the files of the library are joined, which features they have, and what is inlined.
 *
 * The library is compiled as one unit: all.c includes the other files, and internal functions are static there. So a
 * static library exports public names only, and the compiler optimizes across files. Some tests compile each file by
 * itself.
 */

#include "condvar.h"

/* A function that one file defines and others call. */
#ifndef INTERNAL
#  define INTERNAL
#endif

/*
 * HAVE_... is 0 if CONDVAR_NO_... leaves the feature out (condvar.h), else 1. There are two ways to use it:
 *
 *      if (HAVE_TASKS && ...)  around statements: the compiler removes them if the feature is left out
 *      #if HAVE_TASKS          around definitions that use types or members which condvar.h leaves out
 *
 * INTERNAL_IF(HAVE_...) declares a function of a feature. If the feature is left out, the function is not defined, and
 * nothing calls it.
 */
#ifdef CONDVAR_NO_TASKS
#  define HAVE_TASKS 0
#else
#  define HAVE_TASKS 1
#endif
#ifdef CONDVAR_NO_SHARED
#  define HAVE_SHARED 0
#else
#  define HAVE_SHARED 1
#endif
#ifdef CONDVAR_NO_FOREIGN
#  define HAVE_FOREIGN 0
#else
#  define HAVE_FOREIGN 1
#endif
#ifdef COND_HAVE_PTHREAD_ /* by condvar.h */
#  define HAVE_PTHREAD_LOCK 1
#else
#  define HAVE_PTHREAD_LOCK 0
#endif
#ifdef CONDVAR_NO_TEXT
#  define HAVE_TEXT 0
#else
#  define HAVE_TEXT 1
#endif
#ifdef CONDVAR_NO_AWAIT
#  define HAVE_AWAIT 0
#else
#  define HAVE_AWAIT 1
#endif
#ifdef CONDVAR_NO_CANCEL
#  define HAVE_CANCEL 0
#else
#  define HAVE_CANCEL 1
#endif
#define HAVE_NONPRIVATE (HAVE_SHARED || HAVE_FOREIGN)

#define INTERNAL_IF(have) INTERNAL_IF_(have)
#define INTERNAL_IF_(have) INTERNAL_IF_##have
#define INTERNAL_IF_0 extern
#define INTERNAL_IF_1 INTERNAL

/*
 * Inlining. NOINLINE: never. NOINLINE_IF_FAST: not inlined, so that the fast paths of the callers stay short and save
 * no registers; but with -Os as the compiler chooses. INLINE_IF_FAST: inlined, but one copy with -Os. COLD: rarely
 * called. With OPTIMIZE_SIZE (-Os) there are no fast paths beside the general ones.
 */
#if defined(__GNUC__)
#  define UNUSED __attribute__((unused))
#  define NOINLINE __attribute__((noinline, unused))
#  define COLD __attribute__((noinline, cold))
#else
#  define UNUSED
#  define NOINLINE
#  define COLD
#endif
#ifdef __OPTIMIZE_SIZE__
#  define OPTIMIZE_SIZE 1
#  define NOINLINE_IF_FAST
#  define INLINE_IF_FAST NOINLINE
#else
#  define OPTIMIZE_SIZE 0
#  define NOINLINE_IF_FAST NOINLINE
#  define INLINE_IF_FAST inline
#endif

#endif
