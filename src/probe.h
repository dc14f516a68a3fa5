/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_PROBE_H
#define CONDVAR_PROBE_H

/*
 * Static probes for tracers (docs/tracing.md). A probe is one nop instruction, and a note in the file that says where
 * it is and which registers hold the arguments. Without CONDVAR_PROBES there is no instruction. The arguments are
 * values that the code has anyway: nothing is computed or read for a probe.
 */

#ifdef CONDVAR_PROBES
#  include <sys/sdt.h>
#  if defined(__clang__) /* it warns about macros of that header */
#    pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#  endif
#  define PROBE_(name, a, b, c) DTRACE_PROBE3(condvar, name, a, b, c)
#else
#  define PROBE_(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif

/* A wait begins, with the lock held. COND_FOREVER: no deadline. */
#define PROBE_WAIT(cond, lock, deadline_ns) PROBE_(wait, cond, lock, deadline_ns)

/* A wait has returned this result (0, ETIMEDOUT, ...). The condition and the lock may be destroyed already. */
#define PROBE_WAKE(cond, lock, result) PROBE_(wake, cond, lock, result)

/* A notify of at most n waiters. SIZE_MAX: notify_all. */
#define PROBE_NOTIFY(cond, lock, n) PROBE_(notify, cond, lock, n)

/* A cancel with this token. NULL: a close. */
#define PROBE_CANCEL(cond, lock, token) PROBE_(cancel, cond, lock, token)

/* A thread could not acquire a private lock at once. `was_chosen`: a release has woken this waiter. */
#define PROBE_CONTENDED(lock, deadline_ns, was_chosen) PROBE_(contended, lock, deadline_ns, (int)(was_chosen))

/* A release wakes this waiter, or makes this task the owner of the lock. */
#define PROBE_HANDOVER(cond, lock, waiter) PROBE_(handover, cond, lock, waiter)

#endif
