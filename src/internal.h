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

/* Kept out of the functions that call it, so that their short ways stay short, and save no registers: COLD if it is
   rarely called at all. */
#if defined(__GNUC__)
#  define COLD __attribute__((noinline, cold))
#  ifdef __OPTIMIZE_SIZE__
#    define APART
#  else
#    define APART __attribute__((noinline))
#  endif
#else
#  define COLD
#  define APART
#endif

/* Whether to be small (-Os) goes before being fast: then short ways beside the general ones are not worth their room,
   nor copies of a function in its callers. */
#ifdef __OPTIMIZE_SIZE__
enum { SMALL = 1 };
#  define INLINE __attribute__((noinline, unused))
#else
enum { SMALL = 0 };
#  define INLINE inline
#endif

#endif
