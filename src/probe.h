/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_PROBE_H
#define CONDVAR_PROBE_H

/*
 * Where a tracer can look in (docs/tracing.md): one instruction that does nothing, and a note in the file
 * that says where it is and in which registers the arguments are. Without CONDVAR_PROBES not even that. The
 * arguments are addresses and numbers that are at hand: nothing is computed or read for a probe.
 */

#ifdef CONDVAR_PROBES
#  include <sys/sdt.h>
#  if defined(__clang__) /* whose pedantry looks into the macros of that header */
#    pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#  endif
#  define PROBE_(name, a, b, c) DTRACE_PROBE3(condvar, name, a, b, c)
#else
#  define PROBE_(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif

/* A wait begins, with the lock held. COND_FOREVER: without a deadline. */
#define PROBE_WAIT(cond, lock, deadline_ns) PROBE_(wait, cond, lock, deadline_ns)

/* It has ended, with this result (0, ETIMEDOUT, ...). The addresses may be those of objects that are gone. */
#define PROBE_WAKE(cond, lock, result) PROBE_(wake, cond, lock, result)

/* A notify, of at most n; all of them: SIZE_MAX. */
#define PROBE_NOTIFY(cond, lock, n) PROBE_(notify, cond, lock, n)

/* A cancel with this token; a close: NULL. */
#define PROBE_CANCEL(cond, lock, token) PROBE_(cancel, cond, lock, token)

/* A thread did not get a private lock at once; `was_chosen`: it is a waiter that a release has woken. */
#define PROBE_CONTENDED(lock, deadline_ns, was_chosen) PROBE_(contended, lock, deadline_ns, (int)(was_chosen))

/* A release wakes this waiter, or makes this task the owner of the lock. */
#define PROBE_HANDOVER(cond, lock, waiter) PROBE_(handover, cond, lock, waiter)

#endif
