/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_PROBE_H
#define CONDVAR_PROBE_H

/*
 * The events of the library, for tracers and for an observer (docs/tracing.md). The arguments are values that the code
 * has anyway: nothing is computed or read for an event.
 *
 * CONDVAR_PROBES     an event is a static probe: one nop instruction, and a note in the file that says where it is and
 *                    which registers hold the arguments
 * CONDVAR_OBSERVER   an event calls the observer, if there is one (cond_set_observer() in condvar.h)
 *
 * Without both there is no instruction.
 */

#include "condvar.h"
#include "internal.h"

#ifdef CONDVAR_PROBES
#  include <sys/sdt.h>
#  if defined(__clang__) /* it warns about macros of that header */
#    pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#  endif
#  define PROBE_TRACE_(name, a, b, c) DTRACE_PROBE3(condvar, name, a, b, c)
#else
#  define PROBE_TRACE_(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif

#ifdef CONDVAR_OBSERVER
/* Call the observer, if there is one. */
INTERNAL void probe_observe(int event, const cond_t *cond, const cond_lock_t *lock, int64_t value);
#  define PROBE_OBSERVE_(event, cond, lock, value) probe_observe(COND_EVENT_##event, cond, lock, value)
#else
#  define PROBE_OBSERVE_(event, cond, lock, value) ((void)0)
#endif

#if defined(CONDVAR_PROBES) || defined(CONDVAR_OBSERVER)
#  define PROBE_ANY 1
#else
#  define PROBE_ANY 0
#endif

/* `value` for a tracer, and as a number for the observer. */
#define PROBE_(name, event, cond, lock, value, number)   \
    do {                                                 \
        PROBE_TRACE_(name, cond, lock, value);           \
        PROBE_OBSERVE_(event, cond, lock, number);       \
    } while (0)

/* A wait begins, with the lock held. COND_FOREVER: no deadline. */
#define PROBE_WAIT(cond, lock, deadline_ns) PROBE_(wait, WAIT, cond, lock, deadline_ns, deadline_ns)

/* A woken waiter has found its predicate false, and waits again. With the lock held. */
#define PROBE_AGAIN(cond, lock, deadline_ns) PROBE_(again, AGAIN, cond, lock, deadline_ns, deadline_ns)

/* A wait has returned this result (0, ETIMEDOUT, ...). The condition and the lock may be destroyed already. */
#define PROBE_WAKE(cond, lock, result) PROBE_(wake, WAKE, cond, lock, result, result)

/* A notify of at most n waiters. SIZE_MAX: notify_all. */
#define PROBE_NOTIFY(cond, lock, n) PROBE_(notify, NOTIFY, cond, lock, n, (intptr_t)(n))

/* A cancel with this token. NULL: a close. */
#define PROBE_CANCEL(cond, lock, token) PROBE_(cancel, CANCEL, cond, lock, token, (intptr_t)(token))

/* A release wakes this waiter, or makes this task the owner of the lock. */
#define PROBE_HANDOVER(cond, lock, waiter) PROBE_(handover, HANDOVER, cond, lock, waiter, (intptr_t)(waiter))

/* A thread could not acquire a private lock at once. `was_chosen`: a release has woken this waiter. */
#define PROBE_CONTENDED(lock, deadline_ns, was_chosen)                 \
    do {                                                               \
        PROBE_TRACE_(contended, lock, deadline_ns, (int)(was_chosen)); \
        PROBE_OBSERVE_(CONTENDED, NULL, lock, (was_chosen));           \
    } while (0)

#endif
