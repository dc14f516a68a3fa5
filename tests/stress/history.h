/* SPDX-License-Identifier: MIT */
#ifndef STRESS_HISTORY_H
#define STRESS_HISTORY_H

/*
 * Events of waits and notifications, recorded with the lock held, so that they have one order. history_check() compares
 * them with a promise:
 *
 *      EXACT   notify(n) chooses the first n waiters that have not expired, each of them returns, in any order, and no
 *              other returns 0: section 3 of the contract
 *      POSIX   each notification is for a thread that waited at that time. So each can be given to a waiter of its own
 *              that returns. A waiter that returns without one was woken spuriously, which is allowed
 *      NOTHING only that no wait times out early: for waits that end for other reasons too
 *
 * A waiter in cond_await() is chosen by no notify, and may return 0 at any time. The caller checks its predicate.
 *
 * For POSIX, each notification is given, in order, to the present waiter that returns first. If that fails, nothing
 * else succeeds: each notification can be given within an interval of time, and serving the earliest end first is
 * optimal.
 *
 * A notification that was given to a waiter that has not returned is `owed`: it may be on its way. While a wait with a
 * deadline has not ended, its result is not known, so a violation is `undecided`: a notify that seems to have chosen
 * this waiter may have found it expired.
 */

#include "stress.h"

enum { HISTORY_ROOM = 16384, HISTORY_WAITERS = 16, HISTORY_ALL = INT_MAX };

enum what { WAITS, NOTIFIES, RETURNS };

struct event {
    enum what what;
    unsigned waiter;
    bool awaits;     /* WAITS: in cond_await() */
    int value;       /* NOTIFIES: how many, or HISTORY_ALL; RETURNS: with what */
    int64_t time_ns; /* WAITS: the deadline; NOTIFIES, RETURNS: when that was done */

    /* By history_check(). */
    unsigned returns; /* WAITS: which event, or `count` */
    int64_t given_ns; /* WAITS: when it was notified; 0 if it was not */
};

struct history {
    unsigned count;
    struct event events[HISTORY_ROOM];
};

enum promise { EXACT, POSIX, NOTHING };

struct verdict {
    const char *violation; /* NULL if there is none */
    bool undecided;        /* a later event may explain it */
    unsigned where;        /* at which event */
    unsigned owed;
    unsigned waiting; /* others that have not returned */
    unsigned waiting_timed;
    unsigned awaiting; /* of `waiting`: in cond_await() */
    unsigned notified, expired, spurious; /* how many have returned so */
    int64_t longest_ns;                      /* from notify to return */
};

/* With the lock held. */
static inline void history_add(struct history *history, struct event event)
{
    CHECK(history->count < HISTORY_ROOM, "the history is too long");
    history->events[history->count++] = event;
}

/* Numbers of events of waits that have not ended, in the order in which they began. */
struct waits {
    unsigned count;
    unsigned at[HISTORY_WAITERS];
};

static inline void waits_remove(struct waits *waits, unsigned i)
{
    waits->count--;
    for (; i < waits->count; i++)
        waits->at[i] = waits->at[i + 1];
}

static inline unsigned waits_find(const struct waits *waits, unsigned event)
{
    unsigned i = 0;
    while (i < waits->count && waits->at[i] != event)
        i++;
    return i;
}

/* What the wait will return, or -1 if it has not returned. */
static inline int history_outcome(const struct history *history, unsigned wait)
{
    unsigned returns = history->events[wait].returns;
    return returns < history->count ? history->events[returns].value : -1;
}

/* ---- The two promises: a notification, and a return. Each function returns what is wrong, or NULL. ---- */

static inline const char *exact_notify(struct history *history, const struct event *notify, struct waits *queue,
                                       struct waits *chosen)
{
    for (int n = notify->value; n > 0 && queue->count > 0;) {
        unsigned wait = queue->at[0];
        waits_remove(queue, 0);
        if (history_outcome(history, wait) == ETIMEDOUT) {
            if (history->events[wait].time_ns > notify->time_ns)
                return "a notify skipped a waiter that had not timed out and was never notified";
            continue;
        }
        history->events[wait].given_ns = notify->time_ns;
        chosen->at[chosen->count++] = wait;
        n--;
    }
    return NULL;
}

static inline const char *exact_return(struct waits *chosen, unsigned wait)
{
    unsigned found = waits_find(chosen, wait);
    if (found == chosen->count)
        return "returned 0, and no notify had chosen it";
    waits_remove(chosen, found);
    return NULL;
}

static inline const char *posix_notify(struct history *history, const struct event *notify,
                                       struct waits *present)
{
    for (int n = notify->value; n > 0; n--) {
        unsigned best = UINT_MAX, best_returns = UINT_MAX;
        for (unsigned i = 0; i < present->count; i++) {
            const struct event *wait = &history->events[present->at[i]];
            if (wait->given_ns == 0 && wait->returns < best_returns &&
                history_outcome(history, present->at[i]) != ETIMEDOUT) {
                best = present->at[i];
                best_returns = wait->returns;
            }
        }
        if (best != UINT_MAX) {
            history->events[best].given_ns = notify->time_ns;
            continue;
        }
        for (unsigned i = 0; i < present->count; i++) {
            const struct event *wait = &history->events[present->at[i]];
            if (wait->given_ns == 0 && wait->time_ns > notify->time_ns)
                return "a notification chose no waiter, though one waited that had not timed out";
        }
        break;
    }
    return NULL;
}

/* ---- The check ---- */

static inline void history_pair(struct history *history)
{
    unsigned wait_of[HISTORY_WAITERS] = {0};
    for (unsigned i = 0; i < history->count; i++) {
        struct event *event = &history->events[i];
        event->returns = history->count;
        event->given_ns = 0;
        if (event->what == WAITS)
            wait_of[event->waiter] = i;
        else if (event->what == RETURNS)
            history->events[wait_of[event->waiter]].returns = i;
    }
}

/* With the lock held. */
static inline struct verdict history_check(struct history *history, enum promise promise)
{
    struct verdict verdict = {.violation = NULL};
    struct waits present = {0, {0}}, queue = {0, {0}}, chosen = {0, {0}};
    unsigned wait_of[HISTORY_WAITERS] = {0};
    history_pair(history);
    for (unsigned i = 0; i < history->count; i++) {
        const struct event *event = &history->events[i];
        if (event->what == WAITS && event->time_ns != COND_FOREVER && event->returns == history->count)
            verdict.undecided = true;
    }
    for (unsigned i = 0; i < history->count && verdict.violation == NULL; i++) {
        struct event *event = &history->events[i];
        unsigned wait = wait_of[event->waiter];
        const struct event *began = &history->events[wait];
        verdict.where = i;
        if (event->what == WAITS) {
            wait_of[event->waiter] = i;
            present.at[present.count++] = i;
            if (promise == EXACT && !event->awaits)
                queue.at[queue.count++] = i;
        } else if (event->what == NOTIFIES) {
            verdict.violation = promise == EXACT   ? exact_notify(history, event, &queue, &chosen)
                                : promise == POSIX ? posix_notify(history, event, &present)
                                                   : NULL;
        } else {
            waits_remove(&present, waits_find(&present, wait));
            if (event->value == 0) {
                verdict.notified++;
                verdict.spurious += began->given_ns == 0;
                if (began->given_ns != 0 && event->time_ns - began->given_ns > verdict.longest_ns)
                    verdict.longest_ns = event->time_ns - began->given_ns;
                if (promise == EXACT && !began->awaits)
                    verdict.violation = exact_return(&chosen, wait);
            } else {
                unsigned found = waits_find(&queue, wait);
                if (found < queue.count)
                    waits_remove(&queue, found);
                verdict.expired++;
                if (event->time_ns < began->time_ns)
                    verdict.violation = "timed out early";
            }
        }
    }
    for (unsigned i = 0; i < present.count; i++) {
        const struct event *wait = &history->events[present.at[i]];
        verdict.owed += wait->given_ns != 0;
        verdict.waiting += wait->given_ns == 0;
        verdict.waiting_timed += wait->given_ns == 0 && wait->time_ns != COND_FOREVER;
        verdict.awaiting += wait->awaits;
    }
    return verdict;
}

/* The events up to `last`. */
static inline void history_print(const struct history *history, unsigned last)
{
    unsigned first = last > 40 ? last - 40 : 0;
    int64_t since_ns = 0;
    for (unsigned i = first; i <= last && i < history->count; i++) {
        const struct event *event = &history->events[i];
        if (since_ns == 0 && event->what != WAITS)
            since_ns = event->time_ns;
        fprintf(stderr, "  %5u ", i);
        if (event->what == WAITS) {
            fprintf(stderr, "waiter %u %s", event->waiter, event->awaits ? "awaits" : "waits");
            if (event->time_ns != COND_FOREVER)
                fprintf(stderr, ", until %.1f us", (double)(event->time_ns - since_ns) / 1000);
            if (event->given_ns == 0)
                fprintf(stderr, ": gets no notification");
        } else if (event->what == NOTIFIES && event->value == HISTORY_ALL) {
            fprintf(stderr, "notify all, at %.1f us", (double)(event->time_ns - since_ns) / 1000);
        } else if (event->what == NOTIFIES) {
            fprintf(stderr, "notify %d, at %.1f us", event->value, (double)(event->time_ns - since_ns) / 1000);
        } else {
            fprintf(stderr, "waiter %u returns %d, at %.1f us", event->waiter, event->value,
                    (double)(event->time_ns - since_ns) / 1000);
        }
        fputc('\n', stderr);
    }
}

#endif
