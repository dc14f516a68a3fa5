/* SPDX-License-Identifier: MIT */
#ifndef STRESS_HISTORY_H
#define STRESS_HISTORY_H

/*
 * Who waited, who was notified, who returned, and with what: written down with the lock held, so that there is
 * one order of all that happened. Afterwards: does it agree with what a condition promises?
 *
 *      EXACT   notify(n) chooses the first n waiters that have not expired, each of them returns, in any order, and
 *              nobody else returns 0: section 3 of the contract
 *      POSIX   each notification is for somebody who waited at that time. So there is a way to give each to a
 *              waiter of its own, that returns; who returns without one was woken for nothing, which is allowed
 *
 *      NOTHING nothing, but what holds always: no time is over before it is. For waits that end for other reasons
 *
 * For POSIX such a way is found by giving each notification, in order, to the waiter that returns first of
 * those there. If that fails then nothing else succeeds: whom a notification can be given to is an interval of
 * time, and to serve those first who leave first is then the best one can do.
 *
 * What has been given to somebody who has not returned yet is `owed`. It may be on its way. And if a wait with a deadline
 * is not over yet, then nobody knows what it will answer, and a violation is `undecided`: a notify that seems to have
 * chosen it may have found it expired.
 */

#include "stress.h"

enum { HISTORY_ROOM = 16384, HISTORY_WAITERS = 16, HISTORY_ALL = INT_MAX };

enum what { WAITS, NOTIFIES, RETURNS };

struct event {
    enum what what;
    unsigned who;
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
    bool undecided;        /* it may be explained by what has not happened yet */
    unsigned where;        /* at which event */
    unsigned owed;
    unsigned waiting; /* others, who have not returned */
    unsigned waiting_timed;
    unsigned notified, expired, for_nothing; /* how many have returned so */
    int64_t longest_ns;                      /* from notify to return */
};

/* With the lock held. */
static inline void history_add(struct history *history, struct event event)
{
    CHECK(history->count < HISTORY_ROOM, "the history is too long");
    history->events[history->count++] = event;
}

/* The waits that are under way, in the order in which they began: numbers of events. */
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

/* What a wait will answer; -1 if it has not. */
static inline int history_outcome(const struct history *history, unsigned wait)
{
    unsigned returns = history->events[wait].returns;
    return returns < history->count ? history->events[returns].value : -1;
}

/* ---- The two promises: a notification, and a return. Each answers what is wrong, or NULL. ---- */

static inline const char *exact_notify(struct history *history, const struct event *notify, struct waits *queue,
                                       struct waits *chosen)
{
    for (int n = notify->value; n > 0 && queue->count > 0;) {
        unsigned wait = queue->at[0];
        waits_remove(queue, 0);
        if (history_outcome(history, wait) == ETIMEDOUT) {
            if (history->events[wait].time_ns > notify->time_ns)
                return "a notify passed over a waiter whose time was not over, and which was never notified";
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
    unsigned place = waits_find(chosen, wait);
    if (place == chosen->count)
        return "returned 0, and no notify had chosen it";
    waits_remove(chosen, place);
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
                return "a notification was for nobody, though somebody waited whose time was not over";
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
            wait_of[event->who] = i;
        else if (event->what == RETURNS)
            history->events[wait_of[event->who]].returns = i;
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
        unsigned wait = wait_of[event->who];
        const struct event *began = &history->events[wait];
        verdict.where = i;
        if (event->what == WAITS) {
            wait_of[event->who] = i;
            present.at[present.count++] = i;
            if (promise == EXACT)
                queue.at[queue.count++] = i;
        } else if (event->what == NOTIFIES) {
            verdict.violation = promise == EXACT   ? exact_notify(history, event, &queue, &chosen)
                                : promise == POSIX ? posix_notify(history, event, &present)
                                                   : NULL;
        } else {
            waits_remove(&present, waits_find(&present, wait));
            if (event->value == 0) {
                verdict.notified++;
                verdict.for_nothing += began->given_ns == 0;
                if (began->given_ns != 0 && event->time_ns - began->given_ns > verdict.longest_ns)
                    verdict.longest_ns = event->time_ns - began->given_ns;
                if (promise == EXACT)
                    verdict.violation = exact_return(&chosen, wait);
            } else {
                unsigned place = waits_find(&queue, wait);
                if (place < queue.count)
                    waits_remove(&queue, place);
                verdict.expired++;
                if (event->time_ns < began->time_ns)
                    verdict.violation = "timed out before its time was over";
            }
        }
    }
    for (unsigned i = 0; i < present.count; i++) {
        const struct event *wait = &history->events[present.at[i]];
        verdict.owed += wait->given_ns != 0;
        verdict.waiting += wait->given_ns == 0;
        verdict.waiting_timed += wait->given_ns == 0 && wait->time_ns != COND_FOREVER;
    }
    return verdict;
}

/* What came before event `last`, and it. */
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
            fprintf(stderr, "waiter %u waits", event->who);
            if (event->time_ns != COND_FOREVER)
                fprintf(stderr, ", until %.1f us", (double)(event->time_ns - since_ns) / 1000);
            if (event->given_ns == 0)
                fprintf(stderr, ": is given nothing");
        } else if (event->what == NOTIFIES && event->value == HISTORY_ALL) {
            fprintf(stderr, "notify all, at %.1f us", (double)(event->time_ns - since_ns) / 1000);
        } else if (event->what == NOTIFIES) {
            fprintf(stderr, "notify %d, at %.1f us", event->value, (double)(event->time_ns - since_ns) / 1000);
        } else {
            fprintf(stderr, "waiter %u returns %d, at %.1f us", event->who, event->value,
                    (double)(event->time_ns - since_ns) / 1000);
        }
        fputc('\n', stderr);
    }
}

#endif
