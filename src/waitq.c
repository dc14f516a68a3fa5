/* SPDX-License-Identifier: MIT */
/*
 * The queues of waiters: a condition's, and the list of notified waiters of a lock. waitq.h has the drawing. Invariants,
 * whenever the lock is free:
 *
 * - cond->u_.local.waiters is in order of arrival. Its nodes, and the awaiting waiters of the condition in the lock's list
 *   that are not cancelled, are cond->waiters_ in number.
 * - lock->u_.local.notified is in the order of notification, or of arrival for those that await.
 * - A node is in at most one of them, and `queue` says in which.
 * - If lock->u_.local.notified is not empty, then somebody holds the lock or is on its way to it: a waiter that was woken,
 *   or that has expired, or a starving thread (mutex.c). Its release looks at the list again. Or all in it are awaiting
 *   waiters whose predicates are false.
 * - A task in lock->u_.local.notified is handed the lock by the release that picks it.
 */
#include "waitq.h"
#include "port.h"
#include "port_shared.h"
#include "probe.h"
#include "tuning.h"

/* ---- Circular lists: a list is a pointer to its last node, or NULL. ---- */

static struct cond_waiter *waitq_first(struct cond_waiter *list)
{
    return list != NULL ? list->next : NULL;
}

/* The node after this one in `list`, or NULL. */
static struct cond_waiter *waitq_next(struct cond_waiter *list, struct cond_waiter *waiter)
{
    return waiter != list ? waiter->next : NULL;
}

/* Insert after `place`, or as the first where that is NULL. */
static NOINLINE void waitq_insert(struct cond_waiter **list, struct cond_waiter *place, struct cond_waiter *waiter)
{
    if (*list == NULL) {
        waiter->next = waiter->prev = waiter;
        *list = waiter;
        return;
    }
    struct cond_waiter *before = place != NULL ? place : *list;
    waiter->prev = before;
    waiter->next = before->next;
    before->next->prev = waiter; /* NOLINT(clang-analyzer-core.NullDereference): it is a ring */
    before->next = waiter;
    if (place == *list)
        *list = waiter;
}

static NOINLINE void waitq_unlink(struct cond_waiter **list, struct cond_waiter *waiter)
{
    if (waiter->next == waiter) {
        *list = NULL;
        return;
    }
    waiter->prev->next = waiter->next;
    waiter->next->prev = waiter->prev;
    if (*list == waiter)
        *list = waiter->prev;
}

/* ---- The condition's queue, with its count ---- */

/* Written under the lock only; cond_waiters() may read it without. */
static void waitq_count_in(cond_t *cond)
{
    a_store_32(&cond->waiters_, a_load_32(&cond->waiters_) + 1);
}

/* Release: partner is cond_destroy(), which may be called without the lock: so after the last waiter is counted out, nothing
   touches the condition. */
static void waitq_count_out(cond_t *cond)
{
    a_store(&cond->waiters_, a_load_32(&cond->waiters_) - 1, release);
}

static INLINE_IF_FAST void waitq_enqueue(cond_t *cond, struct cond_waiter *place, struct cond_waiter *waiter)
{
    waitq_insert(&cond->u_.local.waiters, place, waiter);
    waiter->queue = WAITER_QUEUED;
    waiter->passes_on = false;
    waitq_count_in(cond);
}

/* The process whose nodes are in the queue of a condition or in the list of a lock. */
#if HAVE_SHARED
#  define WAITQ_PROCESS_OF(owner) ((owner)->u_.local.process)
#  define WAITQ_SET_PROCESS(owner, number) ((owner)->u_.local.process = (number))
#else
#  define WAITQ_PROCESS_OF(owner) ((void)(owner), waitq_process())
#  define WAITQ_SET_PROCESS(owner, number) ((void)(owner), (void)(number))
#endif

static bool waitq_notified_are_ours(const cond_lock_t *lock)
{
    return !HAVE_SHARED || !lock_is_private(lock) || lock->u_.local.notified == NULL ||
           WAITQ_PROCESS_OF(lock) == waitq_process();
}

bool waitq_is_ours(const cond_t *cond, const cond_lock_t *lock)
{
    return (cond->u_.local.waiters == NULL || WAITQ_PROCESS_OF(cond) == waitq_process()) &&
           waitq_notified_are_ours(lock);
}

/* Join the lock's list after `place`, or as the first: a waiter that is in no queue. `process`: the waiter's. */
static NOINLINE void waitq_join_list(struct cond_waiter *waiter, cond_lock_t *lock, struct cond_waiter *place, uint32_t process)
{
    waitq_insert(&lock->u_.local.notified, place, waiter);
    WAITQ_SET_PROCESS(lock, process);
    waiter->queue = WAITER_NOTIFIED;
    waiter->skipped = false;
}

/* Leave the queue that the waiter is in: the condition's, or the lock's list. */
static NOINLINE void waitq_remove(struct cond_waiter *waiter, cond_lock_t *lock)
{
    bool is_queued = waiter->queue == WAITER_QUEUED;
    bool is_counted = is_queued;
    if (waitq_awaits(waiter) && waiter->queue == WAITER_NOTIFIED && !waitq_is_cancelled(waiter)) /* M:await-counts */
        is_counted = true;
    waitq_unlink(is_queued ? &waiter->cond->u_.local.waiters : &lock->u_.local.notified, waiter);
    waiter->queue = WAITER_UNQUEUED;
    if (is_counted)
        waitq_count_out(waiter->cond);
}

static void waitq_await(struct cond_waiter *waiter, cond_lock_t *lock, struct cond_waiter *place)
{
    waiter->passes_on = false;
    waitq_join_list(waiter, lock, place, WAITQ_PROCESS_OF(waiter->cond));
    waitq_count_in(waiter->cond);
}

void waitq_begin_wait(struct cond_waiter *waiter, cond_lock_t *lock)
{
    WAITQ_SET_PROCESS(waiter->cond, waitq_process());
    a_store_32(&lock->u_.local.active_waits, a_load_32(&lock->u_.local.active_waits) + 1);
    waiter->arrival = waiter->cond->u_.local.arrivals++;
    if (waitq_awaits(waiter)) {
        waitq_await(waiter, lock, lock->u_.local.notified);
        return;
    }
    waitq_enqueue(waiter->cond, waiter->cond->u_.local.waiters, waiter); /* M:enqueue-last */
}

void waitq_end_wait(cond_lock_t *lock)
{
    /* Release: partner is the acquire in cond_lock_destroy(). */
    a_store(&lock->u_.local.active_waits, a_load_32(&lock->u_.local.active_waits) - 1, release);
}

/* ---- Choosing ---- */

/* Decide that the waiter's deadline counts no longer; false if it has expired. Relaxed: what the winner and the loser
   do next, they do with the lock held. Partner: the waiter's compare-exchange in park_sleep(). */
static bool waitq_beat_deadline(struct cond_waiter *waiter)
{
    if (!OPTIMIZE_SIZE && !waiter->timed)
        return true;
    uint32_t state = a_load(&waiter->state, relaxed);
    do {
        if (state & (WAITER_EXPIRED | WAITER_CHOSEN))
            return (state & WAITER_CHOSEN) != 0;
    } while (!a_cas_weak(&waiter->state, &state, state | WAITER_CHOSEN, relaxed, relaxed));
    return true;
}

static bool waitq_has_expired(struct cond_waiter *waiter)
{
    return (OPTIMIZE_SIZE || waiter->timed) && (a_load(&waiter->state, relaxed) & WAITER_EXPIRED) != 0;
}

enum { WAITQ_HORIZON_MAX = 0xFFFFFF }; /* cond_waiter.horizon, at most */

/* Move one waiter from its condition's queue to the lock's list; or, if it has expired, to none: it has nothing to do with
   the condition any more. A plain wait of a thread has no deadline any more then. `horizon`: how many waiters had arrived
   after it by the time of the notify. */
static NOINLINE bool waitq_choose(struct cond_waiter *waiter, cond_lock_t *lock, bool passes_on, uint32_t horizon)
{
    uint32_t process = WAITQ_PROCESS_OF(waiter->cond);
    waitq_remove(waiter, lock); /* the last access to the condition, if nobody else is counted */
    if (waiter->pred != NULL || waitq_is_task(waiter) ? waitq_has_expired(waiter) : !waitq_beat_deadline(waiter))
        return false; /* M:choose-expired */
    waitq_join_list(waiter, lock, lock->u_.local.notified, process);
    waiter->passes_on = passes_on;
    waiter->horizon = horizon & WAITQ_HORIZON_MAX;
    return true;
}

/* How many have arrived after the waiter. If they are too many to be counted, what it passes on may go to one that came
   after the notify. */
static uint32_t waitq_arrived_since(const struct cond_waiter *waiter)
{
    uint64_t since = waiter->cond->u_.local.arrivals - waiter->arrival - 1;
    return since < WAITQ_HORIZON_MAX ? (uint32_t)since : WAITQ_HORIZON_MAX;
}

void waitq_notify_some(cond_t *cond, cond_lock_t *lock, size_t n, bool all)
{
    PROBE_NOTIFY(cond, lock, n);
    while (n > 0 && cond->u_.local.waiters != NULL) { /* M:notify-limit */
        struct cond_waiter *waiter = waitq_first(cond->u_.local.waiters);
        if (waitq_choose(waiter, lock, !all, waitq_arrived_since(waiter)))
            n--; /* M:notify-count */
    }
}

/* The condition may be destroyed as soon as nobody is counted, so the caller counts until its last access. */
void waitq_notify_lost(cond_t *cond, cond_lock_t *lock)
{
    waitq_count_in(cond); /* M:lost-counts */
    waitq_notify_all(cond, lock);
    waitq_count_out(cond);
}

#if HAVE_CANCEL
static bool waitq_has_token(struct cond_waiter *waiter, const cond_token_t *token)
{
    return token == NULL ||
           (!waitq_is_task(waiter) &&
            ((struct waitq_thread *)((uintptr_t)waiter - offsetof(struct waitq_thread, waiter)))->token == token);
}

void waitq_cancel(cond_t *cond, cond_lock_t *lock, const cond_token_t *token)
{
    PROBE_CANCEL(cond, lock, token);
    struct cond_waiter *next = waitq_first(lock->u_.local.notified);
    while (next != NULL) {
        struct cond_waiter *waiter = next;
        next = waitq_next(lock->u_.local.notified, next);
        if (waiter->queue != WAITER_NOTIFIED || waiter->cond != cond || !waitq_has_token(waiter, token))
            continue;
        /* Nobody waits on a closed condition, and it may be destroyed: even a task that is cancelled does not touch it. */
        if (token == NULL) /* M:close-keeps */
            waiter->passes_on = false;
        if (waiter->pred == NULL || waitq_is_cancelled(waiter)) /* M:cancel-keeps */
            continue;
        if (waitq_awaits(waiter))
            waitq_count_out(cond);
        waiter->cancelled = true; /* M:cancel-marks */
    }
    next = waitq_first(cond->u_.local.waiters);
    while (next != NULL) {
        struct cond_waiter *waiter = next;
        next = waitq_next(cond->u_.local.waiters, next);
        if (waitq_has_token(waiter, token) && waitq_choose(waiter, lock, false, 0))
            waiter->cancelled = true; /* M:cancel-chooses */
    }
}

void waitq_close(cond_t *cond, cond_lock_t *lock)
{
    /* Relaxed: partner is condi_is_closed(), without the lock. */
    a_store_32(&cond->state_, CONDI_CLOSED);
    waitq_cancel(cond, lock, NULL);
}
#endif

void waitq_pass_on(struct cond_waiter *waiter, cond_lock_t *lock)
{
    cond_t *cond = waiter->cond;
    if (!waiter->passes_on || !waitq_may_go_back(waiter, lock))
        return;
    waiter->passes_on = false;
    struct cond_waiter *next = waiter->queue == WAITER_QUEUED ? waitq_next(cond->u_.local.waiters, waiter)
                                                              : waitq_first(cond->u_.local.waiters);
    while (next != NULL) {
        struct cond_waiter *candidate = next;
        next = waitq_next(cond->u_.local.waiters, next);
        if (candidate->arrival <= waiter->arrival)
            continue;
        uint64_t distance = candidate->arrival - waiter->arrival;
        bool was_there = distance <= waiter->horizon || waiter->horizon == WAITQ_HORIZON_MAX;
        uint32_t horizon = waiter->horizon == WAITQ_HORIZON_MAX ? WAITQ_HORIZON_MAX
                           : was_there                          ? waiter->horizon - (uint32_t)distance
                                                                : 0;
        /* M:pass-on-later */
        if ((was_there || candidate->pred != NULL) && waitq_choose(candidate, lock, true, horizon))
            return;
    }
}

/* ---- Back to the condition's queue ---- */

/* Back to its place, and what a notify(n) gave the waiter to the next. The waiter is in no queue. `hint`: a node that was put
   back just before, or NULL; since a broadcast puts waiters back in order, each finds its place at once. */
static NOINLINE void waitq_put_back(struct cond_waiter *waiter, cond_lock_t *lock, struct cond_waiter *hint)
{
    cond_t *cond = waiter->cond;
    struct cond_waiter *place = NULL;
    struct cond_waiter *next = waitq_first(cond->u_.local.waiters);
    if (!OPTIMIZE_SIZE && hint != NULL && hint->cond == cond && hint->queue == WAITER_QUEUED && hint->arrival < waiter->arrival) {
        place = hint;
        next = waitq_next(cond->u_.local.waiters, hint);
    }
    while (next != NULL && next->arrival < waiter->arrival) { /* M:place-found */
        place = next;
        next = waitq_next(cond->u_.local.waiters, next);
    }
    bool passes_on = waiter->passes_on;
    waitq_enqueue(cond, place, waiter);
    waiter->passes_on = passes_on;
    waitq_pass_on(waiter, lock);
}

/* ---- Picking ---- */

static struct cond_waiter *waitq_take(struct cond_waiter *waiter, cond_lock_t *lock)
{
    PROBE_HANDOVER(waiter->cond, lock, waiter);
    waitq_remove(waiter, lock);
    return waiter;
}

void waitq_want_lock(struct cond_waiter *waiter, cond_lock_t *lock)
{
    waitq_insert(&lock->u_.local.notified, lock->u_.local.notified, waiter);
    waiter->queue = WAITER_WANTS_LOCK;
    WAITQ_SET_PROCESS(lock, waitq_process());
}

bool waitq_any_notified(const cond_lock_t *lock)
{
    return lock->u_.local.notified != NULL && waitq_notified_are_ours(lock);
}

#if UINTPTR_MAX > 0xFFFFFFFFu
enum { WAITQ_SKIPS = 1 };

/* The thread and its predicate, as one number that is not 0. If two have the same number, then a waiter may be skipped
   without need, and no more. */
static uint32_t waitq_pred_hash(cond_pred_t *pred, const void *arg)
{
    uint64_t mixed = ((uintptr_t)pred + 31 * (uint64_t)(uintptr_t)arg) ^ (uint64_t)port_self() << 1;
    return (uint32_t)(mixed * UINT64_C(0x9E3779B97F4A7C15) >> 32) | 1;
}

void waitq_note_holder_pred(cond_lock_t *lock, cond_pred_t *pred, const void *arg)
{
    if (lock_is_private(lock))
        lock_private(lock)->holder_pred = waitq_pred_hash(pred, arg);
}

/* Whether the waiter has the predicate that the holder has waited for, and may be skipped for that. */
static bool waitq_same_pred_as_holder(const struct cond_waiter *waiter, const cond_lock_t *lock)
{
    return waiter->pred != NULL && !waiter->skipped &&
           lock_private(lock)->holder_pred == waitq_pred_hash(waiter->pred, waiter->arg);
}
#else
enum { WAITQ_SKIPS = 0 };

void waitq_note_holder_pred(cond_lock_t *lock, cond_pred_t *pred, const void *arg)
{
    (void)lock, (void)pred, (void)arg;
}

static bool waitq_same_pred_as_holder(const struct cond_waiter *waiter, const cond_lock_t *lock)
{
    (void)waiter, (void)lock;
    return false;
}
#endif

/* Whether the waiter would go now; or why it does not. */
enum waitq_verdict { WAITQ_GOES, WAITQ_EXPIRED, WAITQ_SKIPPED, WAITQ_FALSE, WAITQ_STILL_FALSE };

static enum waitq_verdict waitq_judge(struct cond_waiter *waiter, cond_lock_t *lock, bool skip)
{
    if (waitq_is_task(waiter) && waiter->queue == WAITER_WANTS_LOCK)
        return WAITQ_GOES;
    if (waitq_has_expired(waiter))
        return WAITQ_EXPIRED;
    if (skip && waitq_same_pred_as_holder(waiter, lock))
        return WAITQ_SKIPPED;
    /* (A condition that was destroyed too early has no place to go back to.) */
    if (!waitq_is_cancelled(waiter) && waiter->pred != NULL && !waiter->pred(waiter->arg) &&
        waitq_may_go_back(waiter, lock))
        return waitq_awaits(waiter) ? WAITQ_STILL_FALSE : WAITQ_FALSE; /* M:await-false */
    return waitq_beat_deadline(waiter) ? WAITQ_GOES : WAITQ_EXPIRED; /* M:judge-race */
}

/* The first waiter that can go, still in the list. With `skip`: only among those that have another predicate than the
   holder, and that stand before too many that have the same. An expired waiter stays in the list: it leaves by itself
   when it has the lock. `seen`: the last one that a search with `skip` has looked at, or NULL. Of those up to it only the
   skipped ones are looked at now, so that no predicate is called twice. A search with `skip` sets it. */
static struct cond_waiter *waitq_first_to_go(cond_lock_t *lock, bool skip, struct cond_waiter **seen)
{
    struct cond_waiter *kept = NULL; /* the last one that was looked at and stays, or NULL */
    struct cond_waiter *put = NULL;  /* the last one that was put back, or NULL */
    struct cond_waiter *seen_until = HAVE_AWAIT ? *seen : NULL;
    unsigned skipped = 0;
    for (;;) {
        struct cond_waiter *list = lock->u_.local.notified;
        struct cond_waiter *waiter = kept != NULL ? waitq_next(list, kept) : waitq_first(list);
        if (waiter == NULL || skipped == TUNING_SKIP_MAX) {
            if (HAVE_AWAIT)
                *seen = kept;
            return NULL;
        }
        bool was_seen = seen_until != NULL && !waitq_same_pred_as_holder(waiter, lock);
        if (HAVE_AWAIT && waiter == seen_until)
            seen_until = NULL;
        enum waitq_verdict verdict = was_seen ? WAITQ_STILL_FALSE : waitq_judge(waiter, lock, skip);
        if (verdict == WAITQ_GOES)
            return waiter;
        if (verdict == WAITQ_FALSE) {
            waitq_unlink(&lock->u_.local.notified, waiter);
            waitq_put_back(waiter, lock, put);
            put = waiter;
        } else {
            kept = waiter;
            skipped += verdict == WAITQ_SKIPPED;
        }
    }
}

struct cond_waiter *waitq_pick(cond_lock_t *lock)
{
    struct cond_waiter *seen = NULL;
    if (!waitq_notified_are_ours(lock))
        return NULL;
    struct cond_waiter *waiter = WAITQ_SKIPS ? waitq_first_to_go(lock, true, &seen) : NULL;
    if (waiter == NULL)
        waiter = waitq_first_to_go(lock, false, &seen);
    if (waiter == NULL)
        return NULL;
    for (struct cond_waiter *before = waitq_first(lock->u_.local.notified); WAITQ_SKIPS && before != waiter;
         before = before->next)
        before->skipped = true;
    return waitq_take(waiter, lock);
}

struct cond_waiter *waitq_pick_unchecked(cond_lock_t *lock)
{
    struct cond_waiter *waiter = waitq_first(lock->u_.local.notified);
    while (waiter != NULL && !waitq_beat_deadline(waiter))
        waiter = waitq_next(lock->u_.local.notified, waiter);
    return waiter != NULL ? waitq_take(waiter, lock) : NULL;
}

/* To its place in the lock's list: after those of the condition that await and arrived earlier, and before all that may have
   come later. So with none of them it is the first. */
static void waitq_await_again(struct cond_waiter *waiter, cond_lock_t *lock)
{
    struct cond_waiter *place = NULL;
    struct cond_waiter *next = waitq_first(lock->u_.local.notified);
    for (; next != NULL; next = waitq_next(lock->u_.local.notified, next))
        if (waitq_awaits(next) && next->queue == WAITER_NOTIFIED && next->cond == waiter->cond && /* M:await-place */
            next->arrival < waiter->arrival)
            place = next;
    waitq_await(waiter, lock, place);
}

void waitq_requeue(struct cond_waiter *waiter, cond_lock_t *lock)
{
    if (waitq_awaits(waiter)) {
        waitq_await_again(waiter, lock);
        return;
    }
    waitq_put_back(waiter, lock, NULL);
}

void waitq_leave(struct cond_waiter *waiter, cond_lock_t *lock)
{
    if (waiter->queue != WAITER_UNQUEUED)
        waitq_remove(waiter, lock);
}
