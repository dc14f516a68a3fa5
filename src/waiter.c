/* SPDX-License-Identifier: MIT */
/*
 * Who is let go next. waiter.h has the drawing. Invariants, whenever the lock is free:
 *
 * - cond->u_.local.waiters is in order of arrival, and holds exactly cond->waiters_ nodes.
 * - lock->u_.local.notified is in the order of notification.
 * - A node is in at most one of them, and `where` says in which.
 * - LOCK_IN_FLIGHT is set from the moment that a waiter is picked until that waiter has the lock.
 * - If lock->u_.local.notified is not empty then somebody holds the lock or is on its way to it, and will pick.
 * - A task in lock->u_.local.notified is handed the lock by whoever picks it, and is never in flight.
 */
#include "waiter.h"
#include "atomic.h"
#include "lock.h"
#include "port.h"
#include "port_shared.h"
#include "probe.h"
#include "tuning.h"

/* ---- The circular queue: a queue is a pointer to its last node, or NULL. ---- */

static struct cond_waiter *first(struct cond_waiter *queue)
{
    return queue != NULL ? queue->next : NULL;
}

/* The node after this one in `queue`, or NULL. */
static struct cond_waiter *following(struct cond_waiter *queue, struct cond_waiter *waiter)
{
    return waiter != queue ? waiter->next : NULL;
}

/* Insert after `place`, or as the first where that is NULL. */
static void insert_after(struct cond_waiter **queue, struct cond_waiter *place, struct cond_waiter *waiter)
{
    if (*queue == NULL) {
        waiter->next = waiter->prev = waiter;
        *queue = waiter;
        return;
    }
    struct cond_waiter *before = place != NULL ? place : *queue;
    waiter->prev = before;
    waiter->next = before->next;
    before->next->prev = waiter; /* NOLINT(clang-analyzer-core.NullDereference): it is a ring */
    before->next = waiter;
    if (place == *queue)
        *queue = waiter;
}

static void append(struct cond_waiter **queue, struct cond_waiter *waiter)
{
    insert_after(queue, *queue, waiter);
}

static void unlink_from(struct cond_waiter **queue, struct cond_waiter *waiter)
{
    if (waiter->next == waiter) {
        *queue = NULL;
        return;
    }
    waiter->prev->next = waiter->next;
    waiter->next->prev = waiter->prev;
    if (*queue == waiter)
        *queue = waiter->prev;
}

/* ---- The condition's queue, with its count. ---- */

/* Relaxed: written under the lock only; cond_waiters() reads it at any time, as a glimpse. */
static void count(cond_t *cond, uint32_t difference)
{
    a_store_32(&cond->waiters_, a_load_32(&cond->waiters_) + difference);
}

static INLINE void enqueue_after(cond_t *cond, struct cond_waiter *place, struct cond_waiter *waiter)
{
    insert_after(&cond->u_.local.waiters, place, waiter);
    waiter->where = WAITER_QUEUED;
    waiter->passes_on = false;
    count(cond, 1);
}

static INLINE void dequeue(cond_t *cond, struct cond_waiter *waiter)
{
    unlink_from(&cond->u_.local.waiters, waiter);
    waiter->where = WAITER_NOWHERE;
    count(cond, (uint32_t)-1);
}

/* The process whose nodes are in the queue of a condition or a lock. Without COND_SHARED there is only one. */
#ifndef CONDVAR_NO_SHARED
#  define process_of(owner) ((owner)->u_.local.process)
#  define set_process(owner, number) ((owner)->u_.local.process = (number))
#else
#  define process_of(owner) ((void)(owner), port_process())
#  define set_process(owner, number) ((void)(owner), (void)(number))
#endif

static bool notified_are_ours(const cond_lock_t *lock)
{
    return !lock_is_private(lock) || lock->u_.local.notified == NULL ||
           process_of(lock) == port_process();
}

bool waiter_are_ours(const cond_t *cond, const cond_lock_t *lock)
{
    return (cond->u_.local.waiters == NULL || process_of(cond) == port_process()) &&
           notified_are_ours(lock);
}

void waiter_arrive(struct cond_waiter *waiter, cond_lock_t *lock)
{
    set_process(waiter->cond, port_process());
    a_store_32(&lock->u_.local.waits, a_load_32(&lock->u_.local.waits) + 1);
    waiter->arrival = waiter->cond->u_.local.arrivals++;
    enqueue_after(waiter->cond, waiter->cond->u_.local.waiters, waiter);
}

/* ---- Choosing ---- */

/* Decide that the waiter's deadline counts no longer; false if it has expired. Relaxed: what the winner
   and the loser do next, they do with the lock. Partner: the waiter's compare-exchange in park_sleep(). */
static bool beat_deadline(struct cond_waiter *waiter)
{
    if (!waiter->timed)
        return true;
    uint32_t state = a_load(&waiter->state, relaxed);
    do {
        if (state & (WAITER_EXPIRED | WAITER_CHOSEN))
            return (state & WAITER_CHOSEN) != 0;
    } while (!a_cas_weak(&waiter->state, &state, state | WAITER_CHOSEN, relaxed, relaxed));
    return true;
}

static bool has_expired(struct cond_waiter *waiter)
{
    return waiter->timed && (a_load(&waiter->state, relaxed) & WAITER_EXPIRED) != 0;
}

enum { UNCOUNTED = 0xFFFFFF }; /* cond_waiter.later, at most */

/* Move one waiter of a condition's queue to the lock's, unless it has expired: then it is in no queue, and
   has nothing to do with the condition any more. `later`: how many had arrived after it by then. */
static bool choose(struct cond_waiter *waiter, cond_lock_t *lock, bool passes_on, uint32_t later)
{
    uint32_t cond_process = process_of(waiter->cond);
    dequeue(waiter->cond, waiter);
    if (waiter->pred != NULL || waiter_is_task(waiter) ? has_expired(waiter) : !beat_deadline(waiter))
        return false;
    append(&lock->u_.local.notified, waiter);
    set_process(lock, cond_process);
    waiter->where = WAITER_NOTIFIED;
    waiter->passes_on = passes_on;
    waiter->overtaken = false;
    waiter->later = later & UNCOUNTED;
    return true;
}

/* How many have arrived after it. If they are too many to be counted, what it passes on may go to one that came
   after the notify. */
static uint32_t later_than(const struct cond_waiter *waiter)
{
    uint64_t later = waiter->cond->u_.local.arrivals - waiter->arrival - 1;
    return later < UNCOUNTED ? (uint32_t)later : UNCOUNTED;
}

void waiter_notify(cond_t *cond, cond_lock_t *lock, size_t n)
{
    PROBE_NOTIFY(cond, lock, n);
    while (n > 0 && cond->u_.local.waiters != NULL) {
        struct cond_waiter *waiter = first(cond->u_.local.waiters);
        if (choose(waiter, lock, true, later_than(waiter)))
            n--;
    }
}

void waiter_notify_all(cond_t *cond, cond_lock_t *lock)
{
    PROBE_NOTIFY(cond, lock, SIZE_MAX);
    while (cond->u_.local.waiters != NULL)
        (void)choose(first(cond->u_.local.waiters), lock, false, 0);
}

void waiter_pass_on(struct cond_waiter *waiter, cond_lock_t *lock)
{
    cond_t *cond = waiter->cond;
    if (!waiter->passes_on || cond->state_ != COND_ALIVE)
        return;
    waiter->passes_on = false;
    struct cond_waiter *next = waiter->where == WAITER_QUEUED ? following(cond->u_.local.waiters, waiter)
                                                              : first(cond->u_.local.waiters);
    while (next != NULL) {
        struct cond_waiter *candidate = next;
        next = following(cond->u_.local.waiters, next);
        if (candidate->arrival <= waiter->arrival)
            continue;
        uint64_t distance = candidate->arrival - waiter->arrival;
        bool was_there = distance <= waiter->later || waiter->later == UNCOUNTED;
        uint32_t later = waiter->later == UNCOUNTED ? UNCOUNTED : was_there ? waiter->later - (uint32_t)distance : 0;
        if ((was_there || candidate->pred != NULL) && choose(candidate, lock, true, later))
            return;
    }
}

/* ---- Letting go ---- */

/*
 * Back to its place in the condition's queue, and what notify(n) gave it to the next. `hint` is a node that
 * was put back just before, or NULL: a broadcast to N waiters puts them back in order, so that each finds
 * its place at once.
 */
static void put_back(struct cond_waiter *waiter, cond_lock_t *lock, struct cond_waiter *hint)
{
    cond_t *cond = waiter->cond;
    struct cond_waiter *place = NULL;
    struct cond_waiter *next = first(cond->u_.local.waiters);
    if (hint != NULL && hint->cond == cond && hint->where == WAITER_QUEUED && hint->arrival < waiter->arrival) {
        place = hint;
        next = following(cond->u_.local.waiters, hint);
    }
    while (next != NULL && next->arrival < waiter->arrival) {
        place = next;
        next = following(cond->u_.local.waiters, next);
    }
    bool passes_on = waiter->passes_on;
    enqueue_after(cond, place, waiter);
    waiter->passes_on = passes_on;
    waiter_pass_on(waiter, lock);
}

static struct cond_waiter *let_go(struct cond_waiter *waiter, cond_lock_t *lock)
{
    PROBE_HANDOVER(waiter->cond, lock, waiter);
    unlink_from(&lock->u_.local.notified, waiter);
    waiter->where = WAITER_NOWHERE;
    if (!waiter_is_task(waiter))
        lock->flags_ |= LOCK_IN_FLIGHT;
    return waiter;
}

#ifndef CONDVAR_NO_TASKS
void waiter_want_lock(struct cond_waiter *waiter, cond_lock_t *lock)
{
    append(&lock->u_.local.notified, waiter);
    waiter->where = WAITER_WANTS_LOCK;
    set_process(lock, port_process());
}
#endif

const struct cond_waiter *waiter_first(const cond_lock_t *lock)
{
    return notified_are_ours(lock) ? first(lock->u_.local.notified) : NULL;
}

#if UINTPTR_MAX > 0xFFFFFFFFu
enum { ASKED = 1 };

/* The thread and what it has asked for, as one number that is not 0. If two have the same, then somebody may be
   passed over without need, no more. */
static uint32_t question(cond_pred_t *pred, const void *arg)
{
    uint64_t mixed = ((uintptr_t)pred + 31 * (uint64_t)(uintptr_t)arg) ^ (uint64_t)port_self() << 1;
    return (uint32_t)(mixed * UINT64_C(0x9E3779B97F4A7C15) >> 32) | 1;
}

void waiter_asked(cond_lock_t *lock, cond_pred_t *pred, const void *arg)
{
    if (lock_is_private(lock))
        lock->u_.local.as.mine.asked = question(pred, arg);
}

/* Whether the waiter waits for what the holder has waited for, and may be passed over for that. */
static bool is_like_holder(const struct cond_waiter *waiter, const cond_lock_t *lock)
{
    return waiter->pred != NULL && !waiter->overtaken &&
           lock->u_.local.as.mine.asked == question(waiter->pred, waiter->arg);
}
#else
enum { ASKED = 0 };

void waiter_asked(cond_lock_t *lock, cond_pred_t *pred, const void *arg)
{
    (void)lock, (void)pred, (void)arg;
}

static bool is_like_holder(const struct cond_waiter *waiter, const cond_lock_t *lock)
{
    (void)waiter, (void)lock;
    return false;
}
#endif

/* The first that can go; or only among those that are unlike the holder, and come before many that are like it. */
static struct cond_waiter *first_to_go(cond_lock_t *lock, bool unlike_holder)
{
    struct cond_waiter *stays = NULL; /* the last one looked at that is still there: it has expired, or is like
                                         the holder */
    struct cond_waiter *put = NULL;   /* the last one that was put back */
    unsigned alike = 0;
    for (;;) {
        struct cond_waiter *waiter =
            stays != NULL ? following(lock->u_.local.notified, stays) : first(lock->u_.local.notified);
        if (waiter == NULL || alike == TUNING_ALIKE)
            return NULL;
        if (waiter_is_task(waiter) && waiter->where == WAITER_WANTS_LOCK)
            return waiter;
        if (has_expired(waiter)) {
            stays = waiter;
        } else if (unlike_holder && is_like_holder(waiter, lock)) {
            stays = waiter;
            alike++;
        } else if (waiter->pred == NULL || waiter->pred(waiter->arg) || waiter->cond->state_ != COND_ALIVE) {
            /* (A condition that was destroyed too early has no place to go back to.) */
            if (beat_deadline(waiter))
                return waiter;
            stays = waiter;
        } else {
            unlink_from(&lock->u_.local.notified, waiter);
            put_back(waiter, lock, put);
            put = waiter;
        }
    }
}

struct cond_waiter *waiter_pick(cond_lock_t *lock)
{
    if ((lock->flags_ & LOCK_IN_FLIGHT) || !notified_are_ours(lock))
        return NULL;
    struct cond_waiter *waiter = ASKED ? first_to_go(lock, true) : NULL;
    if (waiter == NULL)
        waiter = first_to_go(lock, false);
    if (waiter == NULL)
        return NULL;
    for (struct cond_waiter *passed = first(lock->u_.local.notified); ASKED && passed != waiter;
         passed = passed->next)
        passed->overtaken = true;
    return let_go(waiter, lock);
}

struct cond_waiter *waiter_pick_blindly(cond_lock_t *lock)
{
    struct cond_waiter *waiter = first(lock->u_.local.notified);
    if (lock->flags_ & LOCK_IN_FLIGHT)
        return NULL;
    while (waiter != NULL && !beat_deadline(waiter))
        waiter = following(lock->u_.local.notified, waiter);
    return waiter != NULL ? let_go(waiter, lock) : NULL;
}

void waiter_end(cond_lock_t *lock)
{
    /* Release: partner is the acquire in cond_lock_destroy(). */
    a_store(&lock->u_.local.waits, a_load_32(&lock->u_.local.waits) - 1, release);
}

void waiter_landed(cond_lock_t *lock)
{
    lock->flags_ &= (uint8_t)~LOCK_IN_FLIGHT;
}

void waiter_return(struct cond_waiter *waiter, cond_lock_t *lock)
{
    put_back(waiter, lock, NULL);
}

void waiter_leave(struct cond_waiter *waiter, cond_lock_t *lock)
{
    if (waiter->where == WAITER_QUEUED)
        dequeue(waiter->cond, waiter);
    else if (waiter->where != WAITER_NOWHERE)
        unlink_from(&lock->u_.local.notified, waiter);
    waiter->where = WAITER_NOWHERE;
}
