/* SPDX-License-Identifier: MIT */
/*
 * COND_SHARED: the lock is a robust pthread mutex, and waiters are numbers instead of nodes, since a node on
 * a stack means nothing to another process, and is gone with a killed one.
 *
 * Each waiter draws a ticket when it arrives. A notify does not choose waiters; it grants that some of those
 * who have a ticket by now may go:
 *
 *      tickets    0 ......... free_below ......... notified_below ......... arrivals
 *                   may go        old: `grants`            new: not notified yet
 *                                 of them may go
 *
 * Tickets wrap, so they are compared by their distance from free_below. And a waiter may be stopped for as long as its
 * process is: so a ticket is pending exactly if it lies between free_below and arrivals, and was drawn in the same lap
 * of 2^32 tickets; every other ticket may go.
 *
 * A waiter takes its grant with the lock held, on its way out. So a waiter that is killed before that, or
 * stopped, has taken nothing with it: the grant is there for the next. And a waiter that arrives after a
 * notify cannot take what was granted before it came, which is how notifications get stolen (glibc's bug
 * 25847). Only when a notify finds grants that nobody has taken yet, and newcomers too, all the old ones are
 * set free, so that the newcomers' notify cannot be taken by the old ones, nor theirs by newcomers: then more
 * wake than were asked for, never fewer. When as many are granted as there are waiters, all are set free too;
 * at this point waiters that have died without a word are forgotten.
 *
 * Waiters sleep in the kernel on `sequence`, which changes with each notify; its lowest bit says that some
 * may sleep. The kernel forgets who is killed. Whoever is woken looks whether there is something for it
 * (without the lock), and only then takes the lock. Three things can be lost to a kill, and only these: a
 * woken waiter does not come; a notifier has granted and not woken yet; a holder dies, and since all others
 * sleep nobody acquires the lock and is told. So sleepers look by themselves every TUNING_HEARTBEAT_NS: at
 * the grants, and whether the lock's holder lives.
 *
 * A waiter with a predicate takes the lock and looks for itself. If the predicate is false it leaves the
 * grant where it is and wakes the next sleeper; the kernel wakes in order, so the chain ends at a waiter that
 * has looked since that notify. (Linux wakes higher real-time priorities first. Of those, two that have looked
 * may wake each other, and the chain ends too early; the heartbeat of the others makes up for it.)
 *
 * A holder that is killed may leave the fields half changed. cond_recover() counts, and every condition of
 * the lock that finds the count changed sets all its waiters free and begins anew. (The count has 16 bits, and sleepers
 * look ten times a second. A condition on which nobody waits or notifies for exactly 65,536 recoveries misses them; its
 * next notify_all puts it right.)
 *
 * A lock that is released without a recover is lost. Nobody can wait on its conditions any more, so each call that is
 * answered ENOTRECOVERABLE sets the waiters of its condition free, to be answered the same.
 *
 * Destroy does not know who sleeps at the mutex. So the mutex outlives it: whoever gets it sees, with the mutex held, that
 * the lock is destroyed, releases it for the next, and answers EINVAL.
 */
#include "shared.h"
#include "atomic.h"
#include "deadline.h"
#include "object.h"
#include "park.h"
#include "port_shared.h"
#include "probe.h"

#if HAVE_SHARED
/* ---- The lock. Its flags are under the mutex; `depth_` and `spin_`, its recoveries, are written under it. ---- */

static void shared_abandon(cond_t *cond);

/* The flags as others may read them: relaxed, they are written under the mutex. */
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
    /* Relaxed: who uses what another process has made looks again, in lock_is_shared(). */
    ANNOTATE_DEFINED(&lock->depth_);
    uint32_t before = a_load(&lock->depth_, relaxed);
    if ((before & LOCK_SHARED_MARK_BITS) == LOCK_SHARED_MARK || /* M:lock-alive */
        !a_cas(&lock->depth_, &before, LOCK_SHARED_MARK, relaxed, relaxed))
        return lock_is_shared(lock) ? EBUSY : EAGAIN;
    return shared_lock_make(lock, flags);
}

/* The condition whose own lock this is: LOCK_OWN_SHARED. */
static cond_t *shared_cond_of(cond_lock_t *lock)
{
    return (cond_t *)((uintptr_t)lock - offsetof(cond_t, own_));
}

static bool shared_is_own(const cond_lock_t *lock)
{
    return (a_load_8(&lock->kind_) & LOCK_OWN_SHARED) != 0;
}

/* By the owner. What notifies owe to sleepers is paid when the lock is free: woken before, they would only
   run into the lock, and on one core at once. The condition is used as an address only by then. */
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

/* Get the mutex and see what its last holder left; 0 and EOWNERDEAD: held. If the lock is lost, the waiters of `cond` are
   set free (NULL: of none). */
static int shared_enter(cond_lock_t *lock, cond_t *cond, int64_t deadline_ns)
{
    int error = robust_acquire(shared_mutex(lock), deadline_ns);
    if (!lock_is_held_after(error))
        return error;
    if (!lock_is_shared(lock)) { /* M:enter-destroyed */
        (void)robust_release(shared_mutex(lock));
        return EINVAL;
    }
    if (error == EOWNERDEAD)
        a_store_8(&lock->flags_, shared_flags(lock) | LOCK_OWNER_DIED);
    if (shared_flags(lock) & LOCK_LOST) {
        if (cond != NULL)
            shared_abandon(cond); /* M:lost-frees */
        (void)shared_unlock(lock);
        return ENOTRECOVERABLE;
    }
    return shared_flags(lock) & LOCK_OWNER_DIED ? EOWNERDEAD : 0; /* M:owner-died */
}

/* 0, EPERM. */
static int shared_leave(cond_lock_t *lock)
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
    (void)shared_enter(lock, cond, DEADLINE_PASSED);
    return ENOTRECOVERABLE;
}

int shared_lock_release(cond_lock_t *lock)
{
    /* Relaxed: for the owner the depth is its own; for others the mutex answers. */
    if (shared_depth(lock) <= 1)
        return shared_leave(lock);
    if (!shared_lock_owned(lock))
        return EPERM;
    shared_set_depth(lock, shared_depth(lock) - 1);
    return 0;
}

/* Try the mutex: EDEADLK is the caller's own. If it was free it is put back as it was; that its holder died
   is noted in the flags, for the next one. */
static int shared_test_owner(const cond_lock_t *lock)
{
    cond_lock_t *tried = (cond_lock_t *)(uintptr_t)lock;
    int error = robust_acquire(shared_mutex(lock), DEADLINE_PASSED);
    if (error == EOWNERDEAD)
        a_store_8(&tried->flags_, shared_flags(tried) | LOCK_OWNER_DIED);
    if (lock_is_held_after(error))
        (void)robust_release(shared_mutex(lock));
    return error;
}

bool shared_lock_owned(const cond_lock_t *lock)
{
    return shared_test_owner(lock) == EDEADLK;
}

bool shared_lock_locked(const cond_lock_t *lock)
{
    return !lock_is_held_after(shared_test_owner(lock));
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
    int error = robust_acquire(shared_mutex(lock), DEADLINE_PASSED);
    if (!lock_is_held_after(error))
        return EBUSY;
    if (shared_is_own(lock) && a_load_32(&shared_cond_of(lock)->waiters_) != 0) {
        (void)shared_unlock(lock); /* GCOVR_EXCL_LINE: somebody has begun to wait in between */
        return EBUSY; /* GCOVR_EXCL_LINE */
    }
    /* Others see this with the mutex held, or in the first look of their call, which may be a relaxed one: it says EINVAL. */
    a_store_8(&lock->kind_, LOCK_DESTROYED);
    (void)robust_release(shared_mutex(lock));
    robust_destroy(shared_mutex(lock));
    a_store_32(&lock->depth_, 0); /* from now on it may be made anew */
    return 0;
}

/* ---- The condition. Under the lock, except where it says otherwise. ---- */

/* A condition that processes share may be alive already, made by another of them: only memory that
   is not is begun, and by one process only. */
int shared_init(cond_t *cond, cond_lock_t *lock, unsigned flags)
{
    /* Relaxed: who uses what another process has made looks again, in condi_is_alive(). */
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
    /* Release: partner is condi_is_alive(). */
    a_store(&cond->state_, CONDI_ALIVE_SHARED, release);
    return 0;
}

enum { SHARED_SLEEPERS = 1, SHARED_STEP = 2 };

/* Tickets wrap; of those that are pending, and the limits between them, the one nearer to free_below is before. */
static bool shared_before(uint32_t a, uint32_t b, uint32_t free_below)
{
    return a - free_below < b - free_below;
}

/* How many have a pending ticket: old ones and new ones. */
static uint32_t shared_pending(const cond_t *cond)
{
    return a_load_32(&cond->waiters_) + cond->u_.shared.grants;
}

/* So many have a pending ticket; and as many as are granted are not counted any more. Release: partner is
   cond_destroy(). For a waiter that leaves because it has expired, this is the last it does with the condition. */
static void shared_set_pending(cond_t *cond, uint32_t count)
{
    a_store(&cond->waiters_, count - cond->u_.shared.grants, release);
}

/* Wake up to n sleepers, if there may be any: by the release of the condition's own lock, or now. Relaxed, here
   and where waiters announce themselves: what makes this safe is that the kernel compares the word again
   when they go to sleep. */
static void shared_wake(cond_t *cond, uint32_t n, uint32_t announced)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (!(announced & SHARED_SLEEPERS))
        return;
    if (cond->lock_ != NULL)
        (void)port_wake_shared(&queue->sequence, n); /* M:wake-elsewhere */
    else
        queue->owed = (uint16_t)(n < (uint32_t)UINT16_MAX - queue->owed ? queue->owed + n : UINT16_MAX);
}

/* Change the sequence, so that nobody falls asleep who has not seen this, and wake up to n. Only when all
   are woken nobody is left who sleeps. */
static void shared_announce(cond_t *cond, uint32_t n)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    uint32_t old = a_load(&queue->sequence, relaxed);
    uint32_t next;
    do
        next = (n == UINT32_MAX ? old & ~(uint32_t)SHARED_SLEEPERS : old) + SHARED_STEP;
    /* Release: partner is the acquire in shared_sleep(); who sees it, sees the grants. */
    while (!a_cas_weak(&queue->sequence, &old, next, release, relaxed));
    shared_wake(cond, n, old);
}

/* Everybody who has a ticket by now may go; the counts begin anew. */
static void shared_set_all_free(cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    /* In this order: a kill in between takes nothing from anybody. */
    a_store(&queue->free_below, queue->arrivals, relaxed);
    a_store(&queue->notified_below, queue->arrivals, relaxed);
    a_store(&queue->grants, 0, relaxed);
    queue->old_waiters = 0;
    shared_set_pending(cond, 0);
}

/* The lock is lost, or its holder died: nobody is to stay asleep, or counted. */
static void shared_abandon(cond_t *cond)
{
    shared_set_all_free(cond); /* M:repair-frees */
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
    uint32_t waiting, newcomers, woken = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    PROBE_NOTIFY(cond, lock, n);
    shared_repair(cond, lock);
    if (condi_is_closed(cond))
        return; /* those who wait have been ended by the close, and leave by themselves */
    waiting = shared_pending(cond);
    newcomers = waiting - queue->old_waiters;
    if (n == 0 || waiting == 0)
        return;
    if (queue->grants > 0 && newcomers > 0) { /* M:newcomers */
        a_store(&queue->free_below, queue->notified_below, relaxed);
        a_store(&queue->grants, 0, relaxed);
        queue->old_waiters = 0;
        waiting = newcomers;
        woken = UINT32_MAX;
    }
    if (n >= waiting - queue->grants) {
        shared_set_all_free(cond);
        woken = UINT32_MAX;
    } else {
        a_store(&queue->grants, queue->grants + (uint32_t)n, relaxed); /* M:grant-count */
        a_store(&queue->notified_below, queue->arrivals, relaxed);
        queue->old_waiters = waiting;
        shared_set_pending(cond, waiting);
    }
    shared_announce(cond, woken);
}

/* Grants nothing: a waiter for which there is a grant returns 0, and the others see that the condition is closed. If the
   closing process is killed before it has woken them, they see it at their next heartbeat. */
void shared_close(cond_t *cond, cond_lock_t *lock)
{
    PROBE_CANCEL(cond, lock, (void *)NULL);
    shared_repair(cond, lock);
    /* Release: partner is condi_is_alive(), in processes that come later. */
    a_store(&cond->state_, CONDI_CLOSED_SHARED, release); /* M:close-shared */
    shared_announce(cond, UINT32_MAX); /* M:close-wakes */
}

/* What a waiter carries. */
struct shared_ticket {
    uint32_t number;
    uint16_t lap;    /* `laps` when it was drawn */
    uint32_t looked; /* the sequence at which its predicate was last false */
    bool has_looked;
};

static void shared_arrive(struct shared_ticket *ticket, cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (queue->arrivals - queue->free_below == UINT32_MAX) { /* M:old-tickets */
        /* There are no more numbers: once in 2^32 waits without a notify that sets all free, they are set free here. */
        bool anybody = shared_pending(cond) > 0;
        shared_set_all_free(cond);
        if (anybody)
            shared_announce(cond, UINT32_MAX);
    }
    ticket->number = queue->arrivals;
    ticket->lap = a_load_16(&queue->laps);
    ticket->has_looked = false;
    if (ticket->number == UINT32_MAX)
        a_store_16(&queue->laps, ticket->lap + 1);
    a_store(&queue->arrivals, ticket->number + 1, relaxed);
    shared_set_pending(cond, shared_pending(cond) + 1);
}

enum shared_claim { SHARED_NOTHING, SHARED_GRANT, SHARED_FREE };

/* What there is for this ticket. Without the lock it is a guess, to be made sure of with it: grants last. Relaxed: whoever
   sets waiters free or grants something then changes the sequence, by which a sleeper has seen it (shared_announce()). */
static enum shared_claim shared_claim_of(const struct shared_ticket *ticket, cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    uint32_t free_below = a_load(&queue->free_below, relaxed);
    uint32_t arrivals = a_load(&queue->arrivals, relaxed);
    /* A pending ticket that is not below `arrivals` was drawn before that began anew. */
    uint16_t lap = (uint16_t)(a_load_16(&queue->laps) - (ticket->number >= arrivals));
    if (!shared_before(ticket->number, arrivals, free_below) || ticket->lap != lap) /* M:pending */
        return SHARED_FREE;
    if (shared_before(ticket->number, a_load(&queue->notified_below, relaxed), free_below) &&
        a_load(&queue->grants, relaxed) > 0)
        return SHARED_GRANT;
    return SHARED_NOTHING;
}

/* Leave with what there was. */
static void shared_depart(const struct shared_ticket *ticket, cond_t *cond, enum shared_claim claim)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (claim == SHARED_FREE)
        return; /* no longer counted */
    uint32_t left = shared_pending(cond) - 1;
    if (shared_before(ticket->number, queue->notified_below, queue->free_below))
        queue->old_waiters--;
    if (claim == SHARED_GRANT)
        a_store(&queue->grants, queue->grants - 1, relaxed);
    else if (queue->grants > queue->old_waiters)
        a_store(&queue->grants, queue->old_waiters, relaxed);
    shared_set_pending(cond, left);
}

/* Without the lock: until there seems to be something for this ticket, or the deadline has passed. */
static void shared_sleep(struct shared_ticket *ticket, cond_t *cond, cond_lock_t *lock, int64_t deadline_ns)
{
    uint32_t *sequence = &cond->u_.shared.sequence;
    uint16_t *spin = &cond->u_.shared.spin;
    uint32_t spins = deadline_ns == DEADLINE_PASSED ? 0 : park_spin_budget(spin);
    uint32_t spun = 0;
    int64_t heartbeat_ns = 0; /* the next one; a sleep that ends early, by a signal, does not put it off */
    for (;;) {
        /* Acquire: partner is shared_announce(). */
        uint32_t seen = a_load(sequence, acquire);
        enum shared_claim claim = shared_claim_of(ticket, cond);
        bool looked = ticket->has_looked && (seen & ~(uint32_t)SHARED_SLEEPERS) == ticket->looked;
        if (claim == SHARED_FREE || (claim == SHARED_GRANT && !looked)) {
            if (spun > 0 && spun < spins)
                park_spin_hit(spin, spun);
            return;
        }
        if (deadline_passed(deadline_ns) || condi_is_closed(cond))
            return;
        /* Relaxed: a recover is seen at the latest at the next heartbeat. */
        if (a_load_16(&cond->u_.shared.recoveries) != shared_recoveries(lock))
            return; /* GCOVR_EXCL_LINE: a waiter that is awake just when the lock is recovered */
        if (spun < spins) {
            spun++;
            a_pause();
            if (spun == spins)
                park_spin_miss(spin, spins);
            continue;
        }
        if (spins == 0 && spun == 0) {
            spun++; /* so that waiting awake is tried again some time */
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
            ticket->has_looked = false; /* a waiter that was stopped for 2^31 notifies finds the same sequence again */
            (void)shared_test_owner(lock); /* M:holder-lives */
            /* (The flag stays when the lock is lost.) */
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
        return EOWNERDEAD; /* recover first: to wait is to release */
    shared_repair(cond, lock);
    if (condi_is_closed(cond)) /* M:closed-stays */
        return ECANCELED;
    shared_arrive(&ticket, cond);
    for (;;) {
        (void)shared_unlock(lock);
        shared_sleep(&ticket, cond, lock, deadline_ns);
        int error = shared_enter(lock, cond, COND_FOREVER);
        if (!lock_is_held_after(error))
            return error; /* given up, or destroyed, while this one slept */
        shared_set_depth(lock, depth);
        if (error != 0) {
            shared_abandon(cond); /* recover will do it again; if there is none, nobody stays counted */
            return error;
        }
        shared_repair(cond, lock);

        enum shared_claim claim = shared_claim_of(&ticket, cond); /* M:woken-claim */
        bool satisfied = pred != NULL ? pred(arg) : claim != SHARED_NOTHING;
        bool closed = !satisfied && condi_is_closed(cond);
        bool expired = !satisfied && deadline_passed(deadline_ns);
        if (!satisfied && !condi_is_alive(cond))
            return EINVAL; /* destroyed too early, on a lock elsewhere: there is no place to go back to */
        if (satisfied || closed || expired) {
            if (!satisfied && claim == SHARED_GRANT)
                shared_wake(cond, 1, a_load(&cond->u_.shared.sequence, relaxed));
            shared_depart(&ticket, cond, satisfied || claim == SHARED_FREE ? claim : SHARED_NOTHING);
            return satisfied ? 0 : closed ? ECANCELED : ETIMEDOUT;
        }
        if (claim == SHARED_FREE)
            shared_arrive(&ticket, cond); /* set free for nothing: its predicate is false */
        ticket.looked = a_load(&cond->u_.shared.sequence, relaxed) & ~(uint32_t)SHARED_SLEEPERS;
        ticket.has_looked = true;
        if (claim == SHARED_GRANT) /* M:pass-grant */
            shared_wake(cond, 1, a_load(&cond->u_.shared.sequence, relaxed));
    }
}

#endif
