/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_INTERNAL_H
#define CONDVAR_INTERNAL_H

/*
 * How functions that one file of the library has and others call are declared. The library is compiled as
 * one unit (all.c), in which they are static: a static library then has no names but the public ones, and
 * the compiler sees through the calls. Tests that reach inside compile each file by itself.
 */
#ifndef INTERNAL
#  define INTERNAL
#endif

/* Not inlined, so that the fast paths of the callers stay short and save no registers. COLD: rarely called at all. */
#if defined(__GNUC__)
#  define COLD __attribute__((noinline, cold))
#  ifdef __OPTIMIZE_SIZE__
#    define NOINLINE_IF_FAST
#  else
#    define NOINLINE_IF_FAST __attribute__((noinline))
#  endif
#else
#  define COLD
#  define NOINLINE_IF_FAST
#endif

/* Not inlined, with -Os neither: it has several callers. */
#if defined(__GNUC__)
#  define NOINLINE __attribute__((noinline, unused))
#else
#  define NOINLINE
#endif

/* With -Os size goes before speed: no fast paths beside the general ones, and no copies of a function in its callers. */
#ifdef __OPTIMIZE_SIZE__
enum { OPTIMIZE_SIZE = 1 };
#  define INLINE_IF_FAST __attribute__((noinline, unused))
#else
enum { OPTIMIZE_SIZE = 0 };
#  define INLINE_IF_FAST inline
#endif

#endif
