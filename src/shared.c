/* SPDX-License-Identifier: MIT */
/*
 * COND_SHARED: locks and conditions in memory that processes share. The lock is a robust pthread mutex. A waiter is
 * represented by a number, its ticket. A private condition has a list of nodes on the waiters' stacks instead
 * (waitq.h). A list is impossible here: another process cannot use the address of a node, and the node disappears when
 * its process is killed.
 *
 * A condition contains its lock (own_), or it uses a separate lock that several conditions share. Then lock_ is not an
 * address, but the distance of that lock from the condition: processes may map the memory at different addresses.
 *
 * Tickets. Each waiter draws a ticket when it arrives. A notify chooses no particular waiters. It adds to a count,
 * `grants`. Each grant permits one waiter to return, and only waiters that had a ticket at the notify may use it:
 *
 *      tickets    0 ......... free_below ......... notified_below ......... arrivals
 *                    free:               old:                    new:
 *                    all may return      `grants` of them        not notified yet
 *                                        may return
 *
 * A ticket is pending if it is old or new. Every other ticket is free. Tickets wrap around, so they are compared by
 * their distance from free_below. The distance does not suffice: while the process of a waiter is stopped, other
 * waiters can draw 2^32 tickets or more. So the condition also counts how often `arrivals` has wrapped around (`laps`),
 * and a ticket stores the lap in which it was drawn.
 *
 * Grants. A waiter takes a grant when it has acquired the lock, just before it returns. If its process is stopped or
 * killed before, the grant is left for another old waiter. A waiter that arrives after a notify cannot take a grant of
 * that notify. (Otherwise it could steal the notification of another one, as in glibc bug 25847.)
 *
 * A notify makes new tickets old, and there is one count of grants for all old tickets. So if grants of an earlier
 * notify are left, the new waiters could use grants that belong to earlier waiters. To prevent that, the notify first
 * frees the tickets that were old before. Hence a notify of n may wake more than n waiters, and at least min(n,
 * waiters). A notify for all waiters frees all tickets.
 *
 * A killed waiter stays counted until its ticket is freed.
 *
 * Sleep. Waiters sleep in the kernel on `sequence`. A notify, a close and a recover change it. A waiter sets its lowest
 * bit before it sleeps. The kernel removes killed processes from its queue. A woken waiter first checks, without
 * the lock, whether it has a grant or a free ticket. If not, it sleeps again. It also ends its sleep at its deadline,
 * after a close or a recover, and if the holder of the lock has died.
 *
 * Wake-up. If the lock is separate, a notify wakes the sleepers itself. If it is the condition's own, the notify only
 * notes in `owed` how many sleepers are to be woken, and the release of the lock wakes them. Sleepers that are woken
 * while the lock is held would only wait for it.
 *
 * Predicates. A waiter with a predicate acquires the lock and calls the predicate itself. If the predicate is false,
 * the waiter does not take the grant. It wakes the next sleeper and sleeps again, as the last in the kernel's queue. If
 * it is woken once more, and there was no notify since, it sleeps again without waking another one. So this chain of
 * wake-ups ends when each waiter was woken once. (Linux wakes higher real-time priorities first. So two waiters of high
 * priority may wake each other, and the chain ends before it reaches the others. The others find the grant at their
 * next heartbeat.)
 *
 * Kills. A kill can delay other processes in three ways. A woken waiter is killed before it has woken the next one. A
 * notifier is killed after it has added grants, and before it has woken a waiter. A holder is killed while all others
 * sleep: then no thread acquires the lock, and none gets EOWNERDEAD. So each sleeper wakes up every
 * TUNING_HEARTBEAT_NS, its heartbeat, and checks its ticket and the lock's holder.
 *
 * Recovery. A killed holder may leave the fields half changed. cond_recover() increments a count in the lock. Each
 * condition has a copy of that count. If a call on the condition finds that the two differ, it repairs the condition:
 * it frees all tickets, sets `grants` and `waiters_` to 0, and wakes all waiters. (The count has 16 bits. Sleepers
 * compare it at each heartbeat, ten times a second. A condition without any wait or notify during exactly 65,536
 * recoveries misses them. Its next notify_all repairs it.)
 *
 * Loss. If a holder has died, and the lock is then released without a cond_recover(), the lock is lost: no thread can
 * acquire it any more. If a call on a condition finds the lock lost, it returns ENOTRECOVERABLE and frees the tickets
 * of the condition, so that its waiters return ENOTRECOVERABLE too.
 *
 * Destroy. Destroy cannot see which threads sleep on the mutex. So robust_destroy() leaves the mutex usable. A thread
 * that acquires the mutex later finds the lock destroyed, releases the mutex for the next thread, and returns EINVAL.
 */
#include "shared.h"
#include "atomic.h"
#include "deadline.h"
#include "object.h"
#include "park.h"
#include "port_shared.h"
#include "probe.h"

#if HAVE_SHARED
/* ---- The lock ---- */

/* Between init and destroy, the mutex of a lock guards writes to `flags_`, `depth_` and `spin_` (the recoveries). */

static void shared_abandon(cond_t *cond);

/* Relaxed: exact under the mutex. Other threads may read older flags. */
static uint8_t shared_flags(const cond_lock_t *lock)
{
    return a_load_8(&lock->flags_);
}

static uint16_t shared_recoveries(const cond_lock_t *lock)
{
    return a_load_16(&lock->spin_);
}

static uint32_t shared_depth(const cond_lock_t *lock)
{
    return a_load_32(&lock->depth_) & COND_DEPTH_MAX;
}

static void shared_set_depth(cond_lock_t *lock, uint32_t depth)
{
    a_store_32(&lock->depth_, LOCK_SHARED_MARK | depth);
}

static void *shared_mutex(const cond_lock_t *lock)
{
    return (void *)(uintptr_t)lock->u_.robust;
}

int shared_lock_make(cond_lock_t *lock, unsigned kind)
{
    a_store_8(&lock->kind_, LOCK_DESTROYED);
    a_store_8(&lock->flags_, 0);
    a_store_16(&lock->spin_, 0);
    shared_set_depth(lock, 0);
    int error = robust_init(shared_mutex(lock));
    if (error != 0)
        a_store_32(&lock->depth_, 0);
    else
        a_store_byte(&lock->kind_, kind, release); /* Release: partner is lock_is_shared(). */
    return error;
}

int shared_lock_init(cond_lock_t *lock, unsigned flags)
{
    /* Relaxed: the mark only decides which process initialises the lock. A thread that uses the lock later loads
       `kind_` with acquire, in lock_is_shared(). */
    ANNOTATE_DEFINED(&lock->depth_);
    uint32_t before = a_load(&lock->depth_, relaxed);
    if ((before & LOCK_SHARED_MARK_BITS) == LOCK_SHARED_MARK || /* M:lock-alive */
        !a_cas(&lock->depth_, &before, LOCK_SHARED_MARK, relaxed, relaxed))
        return lock_is_shared(lock) ? EBUSY : EAGAIN;
    return shared_lock_make(lock, flags);
}

/* The condition that contains this lock, which must have LOCK_OWN_SHARED. */
static cond_t *shared_cond_of(cond_lock_t *lock)
{
    return (cond_t *)((uintptr_t)lock - offsetof(cond_t, own_));
}

static bool shared_is_own(const cond_lock_t *lock)
{
    return (a_load_8(&lock->kind_) & LOCK_OWN_SHARED) != 0;
}

/* Release the mutex, and then wake as many sleepers as `owed` says. Caller must hold the mutex. After the release the
   condition is used as an address only. */
static int shared_unlock(cond_lock_t *lock)
{
    const uint32_t *sequence = NULL;
    uint16_t owed = 0;
    if (shared_is_own(lock)) {
        cond_t *cond = shared_cond_of(lock);
        sequence = &cond->u_.shared.sequence;
        owed = cond->u_.shared.owed;
        cond->u_.shared.owed = 0;
    }
    int error = robust_release(shared_mutex(lock));
    if (owed != 0) /* M:pay-owed */
        (void)port_wake_shared(sequence, owed < UINT16_MAX ? owed : UINT32_MAX);
    return error;
}

/* Acquire the mutex. robust_acquire() makes it consistent after EOWNERDEAD, so the next thread that acquires it gets 0.
   So LOCK_OWNER_DIED is set here. */
static int shared_acquire_mutex(cond_lock_t *lock, int64_t deadline_ns)
{
    int error = robust_acquire(shared_mutex(lock), deadline_ns);
    if (error == EOWNERDEAD)
        a_store_8(&lock->flags_, shared_flags(lock) | LOCK_OWNER_DIED);
    return error;
}

/* The same, but EINVAL if the lock was destroyed before the caller acquired the mutex. */
static int shared_acquire_alive(cond_lock_t *lock, int64_t deadline_ns)
{
    int error = shared_acquire_mutex(lock, deadline_ns);
    if (!lock_is_held_after(error) || lock_is_shared(lock)) /* M:enter-destroyed */
        return error;
    (void)robust_release(shared_mutex(lock));
    return EINVAL;
}

/* Acquire the mutex and check the state of the lock. After 0 and EOWNERDEAD the caller holds it. If the lock is lost,
   the tickets of `cond` are freed, unless it is NULL. */
static int shared_enter(cond_lock_t *lock, cond_t *cond, int64_t deadline_ns)
{
    int error = shared_acquire_alive(lock, deadline_ns);
    if (!lock_is_held_after(error))
        return error;
    if (shared_flags(lock) & LOCK_LOST) {
        if (cond != NULL)
            shared_abandon(cond); /* M:lost-frees */
        (void)shared_unlock(lock);
        return ENOTRECOVERABLE;
    }
    return shared_flags(lock) & LOCK_OWNER_DIED ? EOWNERDEAD : 0; /* M:owner-died */
}

/* Release the lock at its last level. If a holder has died, and no thread has called recover since, the lock becomes
   lost. EPERM: not held. */
static int shared_release_last(cond_lock_t *lock)
{
    if (!shared_lock_owned(lock))
        return EPERM;
    if (shared_flags(lock) & LOCK_OWNER_DIED) {
        a_store_8(&lock->flags_, shared_flags(lock) | LOCK_LOST);
        if (shared_is_own(lock))
            shared_abandon(shared_cond_of(lock)); /* M:give-up-frees */
    }
    return shared_unlock(lock);
}

int shared_lock_acquire(cond_lock_t *lock, int64_t deadline_ns)
{
    int error = shared_enter(lock, shared_is_own(lock) ? shared_cond_of(lock) : NULL, deadline_ns);
    if (lock_is_held_after(error)) {
        shared_set_depth(lock, 1);
    } else if (error == EDEADLK && !(a_load_8(&lock->kind_) & COND_MUTEX)) {
        if (shared_depth(lock) == COND_DEPTH_MAX)
            return EAGAIN;
        shared_set_depth(lock, shared_depth(lock) + 1);
        return 0;
    }
    return error;
}

int shared_not_held(cond_t *cond, cond_lock_t *lock)
{
    if (!(shared_flags(lock) & LOCK_LOST))
        return EPERM;
    /* A thread that holds a lost lock releases it at once; or it is killed, or stopped. */
    (void)shared_enter(lock, cond, deadline_after(TUNING_HEARTBEAT_NS));
    return ENOTRECOVERABLE;
}

int shared_lock_release(cond_lock_t *lock)
{
    /* Relaxed: only the owner writes the depth. Another thread may read any depth. It gets EPERM on both paths. */
    if (shared_depth(lock) <= 1)
        return shared_release_last(lock);
    if (!shared_lock_owned(lock))
        return EPERM;
    shared_set_depth(lock, shared_depth(lock) - 1);
    return 0;
}

/* Find the owner of the mutex. EDEADLK: the caller. ETIMEDOUT: another thread. 0 or EOWNERDEAD: nobody. In that case
   this function has acquired the mutex and released it again. */
static int shared_find_owner(const cond_lock_t *lock)
{
    int error = shared_acquire_mutex((cond_lock_t *)(uintptr_t)lock, DEADLINE_PASSED);
    if (lock_is_held_after(error))
        (void)robust_release(shared_mutex(lock));
    return error;
}

bool shared_lock_owned(const cond_lock_t *lock)
{
    return shared_find_owner(lock) == EDEADLK;
}

bool shared_lock_locked(const cond_lock_t *lock)
{
    return !lock_is_held_after(shared_find_owner(lock));
}

int shared_lock_recover(cond_lock_t *lock)
{
    if (!(shared_flags(lock) & LOCK_OWNER_DIED))
        return EINVAL;
    a_store_16(&lock->spin_, shared_recoveries(lock) + 1);
    a_store_8(&lock->flags_, shared_flags(lock) & ~LOCK_OWNER_DIED);
    if (shared_is_own(lock))
        shared_repair(shared_cond_of(lock), lock);
    return 0;
}

int shared_lock_destroy(cond_lock_t *lock)
{
    int error = shared_acquire_alive(lock, DEADLINE_PASSED);
    if (!lock_is_held_after(error))
        return error == EINVAL ? EINVAL : EBUSY; /* EINVAL: another thread has just destroyed it */
    if (shared_is_own(lock) && a_load_32(&shared_cond_of(lock)->waiters_) != 0) {
        (void)shared_unlock(lock);
        return EBUSY;
    }
    /* Relaxed is enough: a thread that acquires the mutex later sees this, and returns EINVAL. A thread that sees this
       without the mutex returns EINVAL too. */
    a_store_8(&lock->kind_, LOCK_DESTROYED);
    (void)robust_release(shared_mutex(lock));
    robust_destroy(shared_mutex(lock));
    a_store_32(&lock->depth_, 0); /* from now on it may be initialised again */
    return 0;
}

/* ---- The condition. Caller must hold the lock, except where the comment says otherwise. ---- */

/* Called without the lock. Another process may have initialised the condition already, or be doing so. A
   compare-exchange decides which process initialises it. */
int shared_init(cond_t *cond, cond_lock_t *lock, unsigned flags)
{
    /* Relaxed: this only decides which process initialises the condition. A thread that uses it later loads `state_`
       with acquire, in condi_state(). */
    ANNOTATE_DEFINED(&cond->state_);
    uint32_t before = a_load(&cond->state_, relaxed);
    if (before == CONDI_ALIVE_SHARED || before == CONDI_CLOSED_SHARED || before == CONDI_INIT_SHARED ||
        !a_cas(&cond->state_, &before, CONDI_INIT_SHARED, relaxed, relaxed))
        return before == CONDI_ALIVE_SHARED || before == CONDI_CLOSED_SHARED ? EBUSY : EAGAIN;
    if (lock == NULL) {
        int error = shared_lock_make(&cond->own_, flags | LOCK_OWN_SHARED);
        if (error != 0) {
            a_store(&cond->state_, CONDI_DESTROYED, relaxed);
            return error;
        }
    }
    cond->lock_ = lock != NULL ? (cond_lock_t *)((uintptr_t)lock - (uintptr_t)cond) : NULL;
    cond->waiters_ = 0;
    cond->u_.shared = (struct cond_shared_queue_){0};
    /* Release: partner is the acquire in condi_state(). */
    a_store(&cond->state_, CONDI_ALIVE_SHARED, release);
    return 0;
}

/* `sequence`: a waiter sets the lowest bit before it sleeps on it. shared_announce() adds the step. */
enum { SHARED_SLEEPERS = 1, SHARED_STEP = 2 };

/* Neither closed nor destroyed. Relaxed: exact under the lock. */
static bool shared_is_open(const cond_t *cond)
{
    return a_load_32(&cond->state_) == CONDI_ALIVE_SHARED;
}

/* Whether a comes before b, counted from free_below. Each is a ticket, notified_below or arrivals. */
static bool shared_before(uint32_t a, uint32_t b, uint32_t free_below)
{
    return a - free_below < b - free_below;
}

/* How many tickets are pending, old and new. */
static uint32_t shared_pending(const cond_t *cond)
{
    return a_load_32(&cond->waiters_) + cond->u_.shared.grants;
}

/* Set the number of pending tickets. `waiters_` is that number minus the grants: the result of cond_waiters(). Release:
   partner is the acquire in cond_destroy(), which may destroy the condition when it reads 0. So a waiter that
   leaves without a grant accesses nothing of the condition after this store, except the lock in it. (For a waiter with
   a grant, the notify has already reduced the count.) */
static void shared_set_pending(cond_t *cond, uint32_t count)
{
    a_store(&cond->waiters_, count - cond->u_.shared.grants, release);
}

/* Wake at most n sleepers: now, or at the release if the lock is the condition's own. `sequence`: queue->sequence
   before any change by the caller. Without SHARED_SLEEPERS in it, no wake-up is needed. The flag needs no memory order:
   it is in the word that the kernel compares before a waiter falls asleep. */
static void shared_wake(cond_t *cond, uint32_t n, uint32_t sequence)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (!(sequence & SHARED_SLEEPERS))
        return;
    if (cond->lock_ != NULL)
        (void)port_wake_shared(&queue->sequence, n); /* M:wake-elsewhere */
    else
        queue->owed = (uint16_t)(n < (uint32_t)UINT16_MAX - queue->owed ? queue->owed + n : UINT16_MAX);
}

/* Change the sequence, and wake at most n sleepers. A waiter that has read the old sequence cannot fall asleep any
   more, and checks again. SHARED_SLEEPERS is cleared only if all sleepers are woken. */
static void shared_announce(cond_t *cond, uint32_t n)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    uint32_t old = a_load(&queue->sequence, relaxed);
    uint32_t next;
    do
        next = (n == UINT32_MAX ? old & ~(uint32_t)SHARED_SLEEPERS : old) + SHARED_STEP;
    /* Release: partner is the acquire in shared_sleep(). A waiter that sees the new sequence sees the grants. */
    while (!a_cas_weak(&queue->sequence, &old, next, release, relaxed));
    shared_wake(cond, n, old);
}

/* Free all tickets, and set the counts to 0. */
static void shared_free_all(cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    /* The tickets are freed before the grants are cleared. So if the caller is killed in between, a waiter that could
       use a grant has a free ticket. */
    a_store(&queue->free_below, queue->arrivals, relaxed);
    a_store(&queue->notified_below, queue->arrivals, relaxed);
    a_store(&queue->grants, 0, relaxed);
    queue->old_waiters = 0;
    shared_set_pending(cond, 0);
}

/* Free all tickets, and wake all waiters: the lock is lost, or its holder died. */
static void shared_abandon(cond_t *cond)
{
    shared_free_all(cond); /* M:repair-frees */
    shared_announce(cond, UINT32_MAX);
}

void shared_repair(cond_t *cond, cond_lock_t *lock)
{
    if (a_load_16(&cond->u_.shared.recoveries) == shared_recoveries(lock))
        return;
    a_store_16(&cond->u_.shared.recoveries, shared_recoveries(lock));
    shared_abandon(cond);
}

void shared_notify(cond_t *cond, cond_lock_t *lock, size_t n)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    uint32_t waiting, new_waiters, woken = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    PROBE_NOTIFY(cond, lock, n);
    shared_repair(cond, lock);
    if (condi_is_closed(cond)) {
        /* The close has ended all waits: no grants are added. But killed waiters are still counted. */
        if (n >= a_load_32(&cond->waiters_))
            shared_set_pending(cond, queue->grants); /* waiters_ = 0 */
        return;
    }
    waiting = shared_pending(cond);
    new_waiters = waiting - queue->old_waiters;
    if (n == 0 || waiting == 0)
        return;
    if (queue->grants > 0 && new_waiters > 0) { /* M:newcomers */
        a_store(&queue->free_below, queue->notified_below, relaxed);
        a_store(&queue->grants, 0, relaxed);
        queue->old_waiters = 0;
        waiting = new_waiters;
        woken = UINT32_MAX;
    }
    if (n >= waiting - queue->grants) {
        shared_free_all(cond);
        woken = UINT32_MAX;
    } else {
        a_store(&queue->grants, queue->grants + (uint32_t)n, relaxed); /* M:grant-count */
        a_store(&queue->notified_below, queue->arrivals, relaxed);
        queue->old_waiters = waiting;
        shared_set_pending(cond, waiting);
    }
    shared_announce(cond, woken);
}

/* A close adds no grants. A waiter still returns 0 if its predicate is true, or if it has no predicate and can use an
   earlier grant. The others find the condition closed. If this process is killed before it has woken them, they find
   that at their next heartbeat. */
void shared_close(cond_t *cond, cond_lock_t *lock)
{
    PROBE_CANCEL(cond, lock, (void *)NULL);
    shared_repair(cond, lock);
    /* A compare-exchange, for the reason in waitq_close(). Release: partner is the acquire in condi_state(), in all
       processes that use the condition after the close. */
    uint32_t state = CONDI_ALIVE_SHARED;
    (void)a_cas(&cond->state_, &state, CONDI_CLOSED_SHARED, release, relaxed); /* M:close-shared */
    shared_announce(cond, UINT32_MAX); /* M:close-wakes */
}

/* The ticket of a waiter, on its stack. */
struct shared_ticket {
    uint32_t number;   /* `number` and `lap` are fixed until the waiter draws a new ticket */
    uint16_t lap;      /* `laps` when it was drawn */
    uint32_t false_at; /* the sequence at which the predicate was false, if `was_false` */
    bool was_false;
};

/* Draw a ticket. */
static void shared_arrive(struct shared_ticket *ticket, cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (queue->arrivals - queue->free_below == UINT32_MAX) { /* M:old-tickets */
        /* No ticket was freed during the last 2^32 - 1 waits, so no number is left: free all tickets. */
        bool has_waiters = shared_pending(cond) > 0;
        shared_free_all(cond);
        if (has_waiters)
            shared_announce(cond, UINT32_MAX);
    }
    ticket->number = queue->arrivals;
    ticket->lap = a_load_16(&queue->laps);
    ticket->was_false = false;
    if (ticket->number == UINT32_MAX)
        a_store_16(&queue->laps, ticket->lap + 1);
    a_store(&queue->arrivals, ticket->number + 1, relaxed);
    shared_set_pending(cond, shared_pending(cond) + 1);
}

/* What the waiter with a ticket may use: nothing, a grant, or its free ticket. */
enum shared_claim { SHARED_NOTHING, SHARED_GRANT, SHARED_FREE };

/* May be called without the lock. Then the result may be outdated, and the waiter calls this again with the lock held.
   Relaxed is enough: a notify writes these fields, and then the sequence with release (shared_announce()). The waiter
   reads the sequence with acquire (shared_sleep()), and then these fields. */
static enum shared_claim shared_claim_of(const struct shared_ticket *ticket, cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    uint32_t free_below = a_load(&queue->free_below, relaxed);
    uint32_t arrivals = a_load(&queue->arrivals, relaxed);
    /* A pending ticket has a number below `arrivals`, unless `arrivals` has wrapped around since the ticket was drawn.
       Then the ticket is of the lap before. */
    uint16_t lap = (uint16_t)(a_load_16(&queue->laps) - (ticket->number >= arrivals));
    if (!shared_before(ticket->number, arrivals, free_below) || ticket->lap != lap) /* M:pending */
        return SHARED_FREE;
    if (shared_before(ticket->number, a_load(&queue->notified_below, relaxed), free_below) &&
        a_load(&queue->grants, relaxed) > 0)
        return SHARED_GRANT;
    return SHARED_NOTHING;
}

/* The waiter leaves: its ticket is no longer counted, and its grant, if it uses one, is taken. */
static void shared_depart(const struct shared_ticket *ticket, cond_t *cond, enum shared_claim claim)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (claim == SHARED_FREE)
        return; /* a free ticket is not counted */
    if (!shared_is_open(cond) && a_load_32(&cond->waiters_) == 0 && claim == SHARED_NOTHING)
        return; /* a notify has set the count to 0 after the close */
    uint32_t left = shared_pending(cond) - 1;
    if (shared_before(ticket->number, queue->notified_below, queue->free_below))
        queue->old_waiters--;
    if (claim == SHARED_GRANT)
        a_store(&queue->grants, queue->grants - 1, relaxed);
    else if (queue->grants > queue->old_waiters)
        a_store(&queue->grants, queue->old_waiters, relaxed);
    shared_set_pending(cond, left);
}

/* Called without the lock. Sleep until the ticket seems to have a claim, the deadline has passed, or the condition was
   closed, and perhaps destroyed since. Also return if the lock's holder has died, or the lock was recovered, lost or
   destroyed. */
static void shared_sleep(struct shared_ticket *ticket, cond_t *cond, cond_lock_t *lock, int64_t deadline_ns)
{
    uint32_t *sequence = &cond->u_.shared.sequence;
    uint16_t *spin = &cond->u_.shared.spin;
    uint32_t spins = deadline_ns == DEADLINE_PASSED ? 0 : park_spin_budget(spin);
    uint32_t spun = 0;
    int64_t heartbeat_ns = 0; /* the time of the next heartbeat, or 0: not set. Signals do not delay it */
    for (;;) {
        /* Acquire: partner is shared_announce(). */
        uint32_t seen = a_load(sequence, acquire);
        enum shared_claim claim = shared_claim_of(ticket, cond);
        /* If there was no notify since the predicate was false, a grant is of no use. */
        bool was_false = ticket->was_false && (seen & ~(uint32_t)SHARED_SLEEPERS) == ticket->false_at;
        if (claim == SHARED_FREE || (claim == SHARED_GRANT && !was_false)) {
            if (spun > 0 && spun < spins)
                park_spin_hit(spin, spun);
            return;
        }
        if (deadline_passed(deadline_ns) || !shared_is_open(cond)) /* M:sleeps-closed */
            return;
        /* Relaxed: a recover is seen at the next heartbeat at the latest. */
        if (a_load_16(&cond->u_.shared.recoveries) != shared_recoveries(lock))
            return; /* GCOVR_EXCL_LINE: recovered while it was awake, or through another condition */
        if (spun < spins) {
            spun++;
            a_pause();
            if (spun == spins)
                park_spin_miss(spin, spins);
            continue;
        }
        if (spins == 0 && spun == 0) {
            spun++; /* count one sleep per call: after enough sleeps without spinning, a waiter spins again */
            park_spin_miss(spin, 0);
        }
        if (!(seen & SHARED_SLEEPERS)) {
            if (!a_cas(sequence, &seen, seen | SHARED_SLEEPERS, relaxed, relaxed))
                continue;
            seen |= SHARED_SLEEPERS;
        }
        if (heartbeat_ns == 0)
            heartbeat_ns = port_now() + TUNING_HEARTBEAT_NS;
        /* M:heartbeat */
        port_wait_shared(sequence, seen, heartbeat_ns < deadline_ns ? heartbeat_ns : deadline_ns);
        if (port_now() >= heartbeat_ns) {
            heartbeat_ns = 0;
            /* After 2^31 notifies, `sequence` is equal to `false_at` again. So compare them until the next heartbeat
               only. */
            ticket->was_false = false;
            (void)shared_find_owner(lock); /* M:holder-lives */
            /* (A lost lock has this flag too.) */
            if ((shared_flags(lock) & LOCK_OWNER_DIED) || !lock_is_shared(lock))
                return;
        }
    }
}

int shared_wait(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg, int64_t deadline_ns)
{
    struct shared_ticket ticket;
    unsigned depth = shared_depth(lock);
    if (shared_flags(lock) & LOCK_OWNER_DIED)
        return EOWNERDEAD; /* the wait would release the lock, and the lock would be lost */
    shared_repair(cond, lock);
    if (condi_is_closed(cond)) /* M:closed-stays */
        return ECANCELED;
    shared_arrive(&ticket, cond);
    for (;;) {
        (void)shared_unlock(lock);
        shared_sleep(&ticket, cond, lock, deadline_ns);
        int error = shared_enter(lock, cond, COND_FOREVER);
        if (!lock_is_held_after(error))
            return error; /* the lock was lost or destroyed meanwhile */
        shared_set_depth(lock, depth);
        if (error != 0) {
            /* The caller may release the lock without a recover. That release frees the tickets only if the lock is the
               condition's own. */
            shared_abandon(cond);
            return error;
        }
        shared_repair(cond, lock);

        enum shared_claim claim = shared_claim_of(&ticket, cond); /* M:woken-claim */
        bool satisfied = pred != NULL ? pred(arg) : claim != SHARED_NOTHING;
        bool closed = !satisfied && condi_is_closed(cond);
        bool expired = !satisfied && deadline_passed(deadline_ns);
        if (!satisfied && !condi_is_alive(cond))
            return EINVAL; /* the condition was destroyed during the wait, but not its lock, which is a separate one */
        if (satisfied || closed || expired) {
            if (!satisfied && claim == SHARED_GRANT)
                shared_wake(cond, 1, a_load(&cond->u_.shared.sequence, relaxed));
            shared_depart(&ticket, cond, satisfied || claim == SHARED_FREE ? claim : SHARED_NOTHING);
            return satisfied ? 0 : closed ? ECANCELED : ETIMEDOUT;
        }
        PROBE_AGAIN(cond, lock, deadline_ns);
        if (claim == SHARED_FREE)
            shared_arrive(&ticket, cond); /* its predicate is false: wait again */
        ticket.false_at = a_load(&cond->u_.shared.sequence, relaxed) & ~(uint32_t)SHARED_SLEEPERS;
        ticket.was_false = true;
        if (claim == SHARED_GRANT) /* M:pass-grant */
            shared_wake(cond, 1, a_load(&cond->u_.shared.sequence, relaxed));
    }
}

#endif
