/* SPDX-License-Identifier: MIT */
/*
 * The queues of waiters: the queue of a condition, and the list of notified waiters of a lock. waitq.h has the drawing.
 *
 *      choose    a notify moves a waiter from the condition's queue to the lock's list
 *      pick      a release takes a waiter out of the lock's list, to wake it or to hand it the lock
 *      put back  a waiter whose predicate is false is returned to the condition's queue
 *      pass on   a waiter that a notify(n) has chosen does not use the notification: another one is chosen instead
 *
 * Invariants, whenever the lock is free:
 *
 * - cond->u_.local.waiters is in order of arrival.
 * - cond->waiters_ is the number of nodes in that queue, plus the number of the condition's awaiting waiters
 *   (cond_await) that are in the lock's list and are not cancelled.
 * - lock->u_.local.notified is in order of notification. An awaiting waiter counts as notified when it arrives. If it
 *   was woken and its predicate is false again, it may go before waiters that were notified earlier
 *   (waitq_await_again()).
 * - A node is in at most one queue. Its `queue` says which.
 * - If lock->u_.local.notified is not empty, some awake thread will acquire the lock, and its release searches the list
 *   again. That thread was woken by a release, or is an expired waiter, a starving thread, or in cond_task_cancel().
 *   There is one exception: all waiters in the list await, and all their predicates are false.
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

/* Insert after `place`, or as the first node if `place` is NULL. */
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

/* Relaxed: written under the lock. cond_waiters() may read it without the lock. */
static void waitq_count_in(cond_t *cond)
{
    a_store_32(&cond->waiters_, a_load_32(&cond->waiters_) + 1);
}

/* Release: partner is the acquire in cond_destroy(), which may be called without the lock. So once the last waiter has
   been counted out, no waiter may touch the condition. */
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
    return !HAVE_SHARED || lock->u_.local.notified == NULL || /* M:notified-are-ours */
           WAITQ_PROCESS_OF(lock) == waitq_process();
}

bool waitq_is_ours(const cond_t *cond, const cond_lock_t *lock)
{
    return (cond->u_.local.waiters == NULL || WAITQ_PROCESS_OF(cond) == waitq_process()) &&
           waitq_notified_are_ours(lock);
}

/* Insert the waiter into the lock's list after `place`, or as the first node if `place` is NULL. The waiter must be in
   no queue. `process` is the process of the waiter. */
static NOINLINE void waitq_join_list(struct cond_waiter *waiter, cond_lock_t *lock, struct cond_waiter *place,
                                     uint32_t process)
{
    waitq_insert(&lock->u_.local.notified, place, waiter);
    WAITQ_SET_PROCESS(lock, process);
    waiter->queue = WAITER_NOTIFIED;
    waiter->skipped = false;
}

/* Remove the waiter from the queue that it is in. */
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

/* Try to set CHOSEN, after which the waiter's deadline no longer counts. False: the waiter has expired. A waiter
   without a deadline needs no CHOSEN. Partners: park_sleep(), park_expire() and cond_task_cancel(), which set EXPIRED.
   Relaxed is enough: the caller holds the lock, and an expired waiter acquires it before it touches a queue. */
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

/* cond_waiter.horizon is the number of waiters that arrived after this waiter, and before the notify that chose it.
   WAITQ_HORIZON_MAX means "this many or more". */
enum { WAITQ_HORIZON_MAX = 0xFFFFFF };

/* Move one waiter from its condition's queue to the lock's list. If it has expired, only remove it from the queue, and
   return false. A thread that waits without a predicate becomes CHOSEN here, if it has a deadline. `horizon`: how many
   waiters had arrived after it by the time of the notify (see waitq_pass_on()). */
static NOINLINE bool waitq_choose(struct cond_waiter *waiter, cond_lock_t *lock, bool passes_on, uint32_t horizon)
{
    uint32_t process = WAITQ_PROCESS_OF(waiter->cond);
    waitq_remove(waiter, lock); /* from here on, the condition may be destroyed if no other waiter is counted */
    if (waiter->pred != NULL || waitq_is_task(waiter) ? waitq_has_expired(waiter) : !waitq_beat_deadline(waiter))
        return false; /* M:choose-expired */
    waitq_join_list(waiter, lock, lock->u_.local.notified, process);
    waiter->passes_on = passes_on;
    waiter->horizon = horizon & WAITQ_HORIZON_MAX;
    return true;
}

/* How many waiters have arrived after this one, at most WAITQ_HORIZON_MAX. At WAITQ_HORIZON_MAX the number is not
   exact: the notification may be passed on to a plain waiter that arrived after the notify. */
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

/* The condition may be destroyed as soon as no waiter is counted. So the caller is counted until its last access. */
void waitq_notify_lost(cond_t *cond, cond_lock_t *lock)
{
    if (!waitq_is_ours(cond, lock))
        return;
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
        /* If the condition is being closed, its chosen waiters must not pass on their notifications. To do so, they
           would access the condition. It may be destroyed as soon as the second loop has emptied the queue. */
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
    /* Not a store: if no waiter is counted, another thread may destroy the condition at the same time, without the
       lock. A destroyed condition stays destroyed. Relaxed: partner is condi_is_closed(), exact under the lock. */
    uint32_t state = CONDI_ALIVE;
    (void)a_cas(&cond->state_, &state, CONDI_CLOSED, relaxed, relaxed); /* M:close-alive */
    waitq_cancel(cond, lock, NULL);
}
#endif

/* `distance` is k if the candidate is the k-th waiter that arrived after `waiter`. If k is at most the waiter's
   horizon, the candidate arrived before the notify. Then its own horizon is `waiter->horizon - k`. If the candidate
   arrived after the notify, its own horizon is 0. */
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

/* Put the waiter, which is in no queue, back in its place in the condition's queue, and pass its notification on.
   `hint`: the node that was put back just before, or NULL. After a broadcast, a release puts waiters back in order
   of arrival. So the place is usually right after `hint`. */
static NOINLINE void waitq_put_back(struct cond_waiter *waiter, cond_lock_t *lock, struct cond_waiter *hint)
{
    cond_t *cond = waiter->cond;
    struct cond_waiter *place = NULL;
    struct cond_waiter *next = waitq_first(cond->u_.local.waiters);
    if (!OPTIMIZE_SIZE && hint != NULL && hint->cond == cond && hint->queue == WAITER_QUEUED &&
        hint->arrival < waiter->arrival) {
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

/* A release skips waiters with the predicate that the releasing thread last waited for (waitq_pick()). On machines with
   32 bits it does not: struct cond_private_lock_ has no room there for the hash. */
#if UINTPTR_MAX > 0xFFFFFFFFu
enum { WAITQ_SKIPS = 1 };

/* A hash of the predicate, its argument and the calling thread. It includes the thread, so that only the thread that
   has stored a hash computes an equal one. Never 0: if no hash was stored, holder_pred is 0. If two predicates have the
   same hash, a waiter may be skipped once without need. There is no other harm. */
static uint32_t waitq_pred_hash(cond_pred_t *pred, const void *arg)
{
    /* Two products: else a small difference of `arg` could equal a small difference of the threads' numbers. */
    const uint64_t golden_ratio = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t mixed = ((uintptr_t)pred + 31 * (uint64_t)(uintptr_t)arg) * golden_ratio ^ (uint64_t)port_self();
    return (uint32_t)(mixed * golden_ratio >> 32) | 1;
}

void waitq_note_holder_pred(cond_lock_t *lock, cond_pred_t *pred, const void *arg)
{
    if (lock_is_private(lock))
        lock_private(lock)->holder_pred = waitq_pred_hash(pred, arg);
}

/* Whether the waiter has the predicate that the holder has last waited for. */
static bool waitq_same_pred_as_holder(const struct cond_waiter *waiter, const cond_lock_t *lock)
{
    return waiter->pred != NULL && lock_private(lock)->holder_pred == waitq_pred_hash(waiter->pred, waiter->arg);
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

/* What a release does with a waiter in the list. */
enum waitq_verdict {
    WAITQ_GOES,    /* it is picked */
    WAITQ_EXPIRED, /* it stays in the list, and leaves when it has acquired the lock */
    WAITQ_FALSE,   /* its predicate is false: it goes back to its condition's queue */
    WAITQ_AWAITS,  /* its predicate is false, and it stays in the list, since it awaits */
};

/* The predicate of a cancelled waiter is not called here. A thread calls its own predicate when it has the lock, and
   taskq_grant() calls the predicate of a task. A waiter whose condition was destroyed too early has no queue to go back
   to. It is picked too. A thread finds the condition destroyed when it has acquired the lock. */
static enum waitq_verdict waitq_judge(struct cond_waiter *waiter, cond_lock_t *lock)
{
    if (waitq_is_task(waiter) && waiter->queue == WAITER_WANTS_LOCK)
        return WAITQ_GOES;
    if (waitq_has_expired(waiter))
        return WAITQ_EXPIRED;
    if (!waitq_is_cancelled(waiter) && waiter->pred != NULL && !waiter->pred(waiter->arg) &&
        waitq_may_go_back(waiter, lock))
        return waitq_awaits(waiter) ? WAITQ_AWAITS : WAITQ_FALSE; /* M:await-false */
    return waitq_beat_deadline(waiter) ? WAITQ_GOES : WAITQ_EXPIRED; /* M:judge-race */
}

/* A position in the lock's list, between two waiters. */
struct waitq_position {
    struct cond_waiter *kept;     /* the waiter before the position, or NULL at the beginning */
    struct cond_waiter *put_back; /* the last waiter that went back to its condition, or NULL */
};

/* The waiter after the position, or NULL. */
static struct cond_waiter *waitq_at(const struct waitq_position *position, const cond_lock_t *lock)
{
    struct cond_waiter *list = lock->u_.local.notified;
    return position->kept != NULL ? waitq_next(list, position->kept) : waitq_first(list);
}

/* Judge the waiter after the position. True: it can go. False: it has gone back to its condition's queue, or it stays
   in the list, and the position is now after it. */
static NOINLINE_IF_FAST bool waitq_check(struct cond_waiter *waiter, cond_lock_t *lock,
                                         struct waitq_position *position)
{
    enum waitq_verdict verdict = waitq_judge(waiter, lock);
    if (verdict == WAITQ_FALSE) {
        waitq_unlink(&lock->u_.local.notified, waiter);
        waitq_put_back(waiter, lock, position->put_back);
        position->put_back = waiter;
    } else {
        position->kept = waiter;
    }
    return verdict == WAITQ_GOES;
}

/* Whether waitq_search_others() skips the waiter: it has the holder's predicate, has not expired, and no waiter behind
   it in the list was picked. */
static bool waitq_may_skip(struct cond_waiter *waiter, const cond_lock_t *lock)
{
    return WAITQ_SKIPS && !waiter->skipped && waiter->queue == WAITER_NOTIFIED &&
           waitq_same_pred_as_holder(waiter, lock) && !waitq_has_expired(waiter);
}

/* The first search. It returns the first waiter that can go, and skips waiters with the predicate that the holder last
   waited for. It gives up after TUNING_SKIP_MAX skipped waiters. `*end`: the position that it has reached. */
static struct cond_waiter *waitq_search_others(cond_lock_t *lock, struct waitq_position *end)
{
    struct cond_waiter *waiter;
    unsigned skipped = 0;
    while (skipped != TUNING_SKIP_MAX && (waiter = waitq_at(end, lock)) != NULL) {
        if (waitq_may_skip(waiter, lock)) {
            skipped++;
            end->kept = waiter;
        } else if (waitq_check(waiter, lock, end)) {
            return waiter;
        }
    }
    return NULL;
}

/* The second search. It judges waiters that the first search has skipped or has not reached, and returns the first one
   that can go. `end`: the last waiter that the first search left in the list, or NULL. Up to `end`, the first search
   has judged each waiter that it has not skipped. Waiters that await are not judged twice. */
static struct cond_waiter *waitq_search_rest(cond_lock_t *lock, const struct cond_waiter *end)
{
    struct waitq_position position = {NULL, NULL};
    struct cond_waiter *waiter;
    while ((waiter = waitq_at(&position, lock)) != NULL) {
        bool was_judged = HAVE_AWAIT && end != NULL && !waitq_may_skip(waiter, lock);
        if (waiter == end)
            end = NULL;
        if (was_judged)
            position.kept = waiter;
        else if (waitq_check(waiter, lock, &position))
            return waiter;
    }
    return NULL;
}

struct cond_waiter *waitq_pick(cond_lock_t *lock)
{
    struct waitq_position end = {NULL, NULL};
    if (!waitq_notified_are_ours(lock))
        return NULL;
    struct cond_waiter *waiter = WAITQ_SKIPS ? waitq_search_others(lock, &end) : NULL;
    if (waiter == NULL)
        waiter = waitq_search_rest(lock, end.kept);
    if (waiter == NULL)
        return NULL;
    /* This waiter goes before those in front of it. Mark them, so that no later release skips them. */
    struct cond_waiter *before = waitq_first(lock->u_.local.notified);
    for (; WAITQ_SKIPS && before != waiter; before = before->next)
        before->skipped = true;
    return waitq_take(waiter, lock);
}

struct cond_waiter *waitq_pick_unchecked(cond_lock_t *lock)
{
    struct cond_waiter *waiter = waitq_notified_are_ours(lock) ? waitq_first(lock->u_.local.notified) : NULL;
    while (waiter != NULL && !waitq_beat_deadline(waiter))
        waiter = waitq_next(lock->u_.local.notified, waiter);
    return waiter != NULL ? waitq_take(waiter, lock) : NULL;
}

/* Put an awaiting waiter back in its place in the lock's list: after the awaiting waiters of its condition that arrived
   before it. If there are none, it becomes the first of the list: it must not lose its place, and the list does not
   show which of the other waiters were notified before it. */
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
