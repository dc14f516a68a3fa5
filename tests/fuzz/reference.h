/* SPDX-License-Identifier: MIT */
#ifndef REFERENCE_H
#define REFERENCE_H

/*
 * A reference model: the contract (docs/design.md, the rules in condvar.h) as a plain sequential program, without
 * atomics and sleeping. It has a lock with an owner, conditions with their waiters, and what each call does to them.
 * The test reports each event in the order in which it happens: the begin and the result of a call, a call of a
 * predicate, a callback. The model returns whether the event is possible.
 *
 * Where the contract leaves something open, the model follows both ways (either()). For example: which of two wins
 * when a deadline passes or a task is cancelled during a notify; and when exactly, between the begin and the return
 * of a release, the lock becomes free. So the model is in one of several states, and each result rules out some of
 * them. If none is left, no order of the calls explains what the library did. (Gavin Lowe, "Testing for
 * linearizability", 2017, calls this just-in-time linearization.)
 *
 * There is one lock and two conditions on it. Actors are the threads, then the tasks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REF_THREADS = 5, /* the last one is the test's own thread */
    REF_TASKS = 3,
    REF_ACTORS = REF_THREADS + REF_TASKS,
    REF_CONDS = 2,
    REF_NOBODY = REF_ACTORS,
    REF_NO_GATE = 0xFF,
    REF_TOKENS = 4,
    REF_FIRST_STOP = 2, /* a token with this number or a higher one stands for a cond_stop_t */
    REF_NO_TOKEN = 0xFF,
};

/* What the test knows, the same in all states of the model. */
struct ref_world {
    enum { REF_PRIVATE, REF_FOREIGN, REF_SHARED } kind;
    int64_t now_ns;
    bool gates[2];           /* the state of the predicates, under the lock */
    bool closed[REF_CONDS];  /* under the lock */
    bool tokens[REF_TOKENS]; /* cancelled, under the lock; or a stop has returned */
    unsigned stopping[REF_TOKENS]; /* calls of cond_stop() in progress */
    unsigned handoffs;       /* calls of tasks in progress that, without the lock, may release it and wake a waiter */
    bool may_starve; /* since the last release began, a thread may have waited for the starvation threshold */
    bool acquiring[REF_THREADS];    /* the thread is in an acquire */
    unsigned cancelling[REF_TASKS]; /* calls of cancel in progress */
    bool beginning[REF_TASKS]; /* the call that makes its request is in progress: there may be no request yet */
    bool cancelled[REF_TASKS]; /* a cancel of this request has returned 0 */
    uint32_t requested_from[REF_TASKS],
        requested_until[REF_TASKS]; /* when the task requested the lock: begin and end of its call */
};
extern struct ref_world ref_world;

/* Begin with a free lock and no waiters. */
void ref_reset(void);

/* How many states the model may be in. */
unsigned ref_states(void);

/* Whether there were too many states to store. Then the model accepts every event. */
bool ref_overflow(void);

/* ---- The events. Each returns whether it is possible. ---- */

bool ref_acquired(unsigned actor);
bool ref_deepened(unsigned actor, uint32_t by); /* so many more levels */
bool ref_release_begun(unsigned actor);
bool ref_released(unsigned actor);

/* The actor holds the lock and begins to wait. gate: its predicate, or REF_NO_GATE. `awaits`: it needs no notify. */
bool ref_wait_begun(unsigned actor, unsigned cond, unsigned gate, int64_t deadline_ns, bool awaits, unsigned token);
bool ref_wait_returned(unsigned thread, int result);

/* The predicate of a waiting thread was called by the thread itself, or by another one. */
bool ref_pred_called(unsigned thread, bool result);
bool ref_pred_called_for(unsigned waiter, unsigned caller);

bool ref_notified(unsigned actor, unsigned cond, size_t n, bool all);

/* The holder closes the condition, or cancels the token there. Set it in ref_world before. */
bool ref_closed(unsigned actor, unsigned cond);
bool ref_token_cancelled(unsigned actor, unsigned cond, unsigned token);

/* The actor's cond_stop() returns. */
bool ref_stopped(unsigned actor, unsigned token);

bool ref_task_requests(unsigned task);            /* the lock: the call begins */
bool ref_task_outcome(unsigned task, int result); /* by its callback, or returned by the call */
bool ref_task_acquired(unsigned task);            /* the call has returned 0 */
bool ref_cancelled(unsigned task, int result);
bool ref_handoff_ends(void); /* a call without the lock is about to return. It may have woken a waiter. */

/* cond_waiters() has returned this to the holder. */
bool ref_counted(unsigned cond, size_t count);

/* No thread can run, and no deadline is left. */
bool ref_all_blocked(void);

/* ---- Queries. They do not change the state. ---- */

/* True in all states: the lock is free, and only this thread can acquire it before another call is made. */
bool ref_surely_free(unsigned thread);

/* True in all states: the actor waits in a condition, was not chosen, and its wait does not end by itself. */
bool ref_surely_waits(unsigned actor);

void ref_print(void);

#endif
