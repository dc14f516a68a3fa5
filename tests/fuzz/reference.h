/* SPDX-License-Identifier: MIT */
#ifndef REFERENCE_H
#define REFERENCE_H

/*
 * A reference model: what the contract promises (docs/design.md, the rules in condvar.h), as a plain sequential
 * program. It knows no atomics, no sleeping and no hurry: a lock with an owner, conditions with their waiters, and
 * what each call does to them. It is told of each call when it begins, when it returns and with what result, and of
 * each look at a predicate and each callback, in the order in which they happen; and says whether that can be.
 *
 * Where the contract leaves something open, the model goes both ways (either()): who wins when a deadline has passed,
 * or a task is cancelled, at the time of a notify; and when exactly, between the begin and the return of a release,
 * the lock becomes free. So the model is in one of several states, of which each result that is observed refutes some.
 * When it has refuted all, the library has done what no order of the calls explains. (Gavin Lowe, "Testing for
 * linearizability", 2017, calls this just-in-time linearization.)
 *
 * One lock and two conditions on it. Actors are threads first, then tasks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REF_THREADS = 5, /* the last one is the test's own */
    REF_TASKS = 3,
    REF_ACTORS = REF_THREADS + REF_TASKS,
    REF_CONDS = 2,
    REF_NOBODY = REF_ACTORS,
    REF_NO_GATE = 0xFF,
    REF_TOKENS = 2,
    REF_NO_TOKEN = 0xFF,
};

/* What is known for sure, whatever state the model is in. The test keeps it. */
struct ref_world {
    enum { REF_PRIVATE, REF_FOREIGN, REF_SHARED } kind;
    int64_t now_ns;
    bool gates[2];   /* what predicates look at, under the lock */
    bool closed[REF_CONDS];  /* under the lock */
    bool tokens[REF_TOKENS]; /* cancelled; under the lock */
    unsigned knocks; /* calls under way that come without the lock and may let somebody go: of tasks */
    bool may_starve; /* since the last release began, a thread may have waited for the lock for as long as the starvation
                        threshold */
    bool acquiring[REF_THREADS];    /* the thread is in an acquire */
    unsigned cancelling[REF_TASKS]; /* calls of cancel under way */
    bool beginning[REF_TASKS]; /* the call that makes its request is under way: there may be no request yet */
    bool cancelled[REF_TASKS]; /* a cancel of this request has returned 0 */
    uint32_t asked_from[REF_TASKS],
        asked_until[REF_TASKS]; /* when the task asked for the lock: its call's time */
};
extern struct ref_world ref_world;

/* Begin: nobody holds the lock, and nobody waits. */
void ref_reset(void);

/* How many states the model may be in. 0: what has happened cannot be. */
unsigned ref_states(void);

/* Whether there were more states than there is room for: then the model says nothing any more. */
bool ref_overflow(void);

/* ---- What happens. Each returns whether it can be. ---- */

bool ref_acquired(unsigned actor);
bool ref_deepened(unsigned actor, uint32_t by); /* held, and by so much more now */
bool ref_release_begun(unsigned actor);
bool ref_released(unsigned actor);

/* The actor holds the lock and begins to wait; gate: REF_NO_GATE is a plain wait. `awaits`: it needs no notify. `token`:
   REF_NO_TOKEN, or what ends it. */
bool ref_wait_begun(unsigned actor, unsigned cond, unsigned gate, int64_t deadline_ns, bool awaits, unsigned token);
bool ref_wait_returned(unsigned thread, int result);

/* A predicate was called in a wait: by the waiter, or by another. */
bool ref_looked(unsigned thread, bool saw);
bool ref_looked_for(unsigned waiter, unsigned looker);

bool ref_notified(unsigned actor, unsigned cond, size_t n, bool all);

/* The holder closes the condition, or cancels the token there: after ref_world says so. */
bool ref_closed(unsigned actor, unsigned cond);
bool ref_token_cancelled(unsigned actor, unsigned cond, unsigned token);

bool ref_task_asks(unsigned task);             /* for the lock: the call begins */
bool ref_task_told(unsigned task, int result); /* by its callback, or by the call itself */
bool ref_task_acquired(unsigned task);         /* the call has returned 0 */
bool ref_cancelled(unsigned task, int result);
bool ref_knock_ends(void); /* a call that comes without the lock is about to return: it has let somebody go, or has not */

/* The holder is told that so many wait. */
bool ref_counted(unsigned cond, size_t count);

/* Nobody can go on, and no deadline is left. */
bool ref_all_rest(void);

/* ---- Questions that change nothing. ---- */

/* Surely: nobody holds the lock, and nobody but this thread can get it before somebody makes another call. */
bool ref_surely_free(unsigned thread);

/* Surely: the task waits in a condition, and was not chosen. */
bool ref_surely_waits(unsigned actor);

void ref_print(void);

#endif
