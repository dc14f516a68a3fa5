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
 * the lock that finds the count changed sets all its waiters free and begins anew. (The count has six bits. A
 * condition on which nobody waits or notifies for exactly 64 recoveries misses them; its next notify_all
 * puts it right.)
 */
#include "shared.h"
#include "atomic.h"
#include "deadline.h"
#include "object.h"
#include "park.h"
#include "port_shared.h"
#include "probe.h"

#ifndef CONDVAR_NO_SHARED
/* ---- The lock. Its flags are under the mutex, and `depth_` is written under it. ---- */

/* The flags as others may read them: relaxed, they are written under the mutex. */
static uint8_t flags_of(const cond_lock_t *lock)
{
    return a_load_8(&lock->flags_);
}

static uint16_t recoveries_of(const cond_lock_t *lock)
{
    return flags_of(lock) / LOCK_RECOVERY;
}

static void *mutex_of(const cond_lock_t *lock)
{
    return (void *)(uintptr_t)lock->u_.robust;
}

int shared_lock_init(cond_lock_t *lock, unsigned flags)
{
    *lock = (cond_lock_t){.kind_ = (uint8_t)flags};
    int error = robust_init(mutex_of(lock));
    if (error != 0)
        lock->kind_ = LOCK_DESTROYED;
    return error;
}

/* Get the mutex and see what its last holder left; 0 and EOWNERDEAD: held. */
static int enter(cond_lock_t *lock, int64_t deadline_ns)
{
    int error = robust_acquire(mutex_of(lock), deadline_ns);
    if (error == EOWNERDEAD)
        a_store_8(&lock->flags_, flags_of(lock) | LOCK_OWNER_DIED);
    else if (error != 0)
        return error;
    if (flags_of(lock) & LOCK_LOST) {
        (void)robust_release(mutex_of(lock));
        return ENOTRECOVERABLE;
    }
    return flags_of(lock) & LOCK_OWNER_DIED ? EOWNERDEAD : 0; /* M:owner-died */
}

/* The condition whose own lock this is: LOCK_OWN_SHARED. */
static cond_t *cond_of(cond_lock_t *lock)
{
    return (cond_t *)((uintptr_t)lock - offsetof(cond_t, own_));
}

/* By the owner. What notifies owe to sleepers is paid when the lock is free: woken before, they would only
   run into the lock, and on one core at once. The condition is used as an address only by then. */
static int unlock(cond_lock_t *lock)
{
    const uint32_t *sequence = NULL;
    uint16_t owed = 0;
    if (lock->kind_ & LOCK_OWN_SHARED) {
        cond_t *cond = cond_of(lock);
        sequence = &cond->u_.shared.sequence;
        owed = cond->u_.shared.owed;
        cond->u_.shared.owed = 0;
    }
    int error = robust_release(mutex_of(lock));
    if (owed != 0) /* M:pay-owed */
        (void)port_wake_shared(sequence, owed < UINT16_MAX ? owed : UINT32_MAX);
    return error;
}

/* 0, EPERM. */
static int leave(cond_lock_t *lock)
{
    if (!shared_lock_owned(lock))
        return EPERM;
    if (flags_of(lock) & LOCK_OWNER_DIED)
        a_store_8(&lock->flags_, flags_of(lock) | LOCK_LOST);
    return unlock(lock);
}

int shared_lock_acquire(cond_lock_t *lock, int64_t deadline_ns)
{
    int error = enter(lock, deadline_ns);
    if (lock_is_held_after(error)) {
        a_store_32(&lock->depth_, 1);
    } else if (error == EDEADLK && !(lock->kind_ & COND_MUTEX)) {
        if (a_load_32(&lock->depth_) == COND_DEPTH_MAX)
            return EAGAIN;
        a_store_32(&lock->depth_, a_load_32(&lock->depth_) + 1);
        return 0;
    }
    return error;
}

int shared_lock_release(cond_lock_t *lock)
{
    /* Relaxed: for the owner the depth is its own; for others the mutex answers. */
    if (a_load_32(&lock->depth_) <= 1)
        return leave(lock);
    if (!shared_lock_owned(lock))
        return EPERM;
    a_store_32(&lock->depth_, a_load_32(&lock->depth_) - 1);
    return 0;
}

/* Try the mutex: EDEADLK is the caller's own. If it was free it is put back as it was; that its holder died
   is noted in the flags, for the next one. */
static int probe(const cond_lock_t *lock)
{
    cond_lock_t *tried = (cond_lock_t *)(uintptr_t)lock;
    int error = robust_acquire(mutex_of(lock), DEADLINE_PASSED);
    if (error == EOWNERDEAD)
        a_store_8(&tried->flags_, flags_of(tried) | LOCK_OWNER_DIED);
    if (lock_is_held_after(error))
        (void)robust_release(mutex_of(lock));
    return error;
}

bool shared_lock_owned(const cond_lock_t *lock)
{
    return probe(lock) == EDEADLK;
}

bool shared_lock_locked(const cond_lock_t *lock)
{
    return !lock_is_held_after(probe(lock));
}

int shared_lock_recover(cond_lock_t *lock)
{
    if (!(flags_of(lock) & LOCK_OWNER_DIED))
        return EINVAL;
    a_store_8(&lock->flags_, (uint8_t)((flags_of(lock) & ~LOCK_OWNER_DIED) + LOCK_RECOVERY));
    return 0;
}

int shared_lock_destroy(cond_lock_t *lock)
{
    int error = robust_acquire(mutex_of(lock), DEADLINE_PASSED);
    if (!lock_is_held_after(error))
        return EBUSY;
    if ((lock->kind_ & LOCK_OWN_SHARED) && a_load_32(&cond_of(lock)->waiters_) != 0) {
        (void)unlock(lock); /* GCOVR_EXCL_LINE: somebody has begun to wait in between */
        return EBUSY; /* GCOVR_EXCL_LINE */
    }
    lock->kind_ = LOCK_DESTROYED;
    (void)robust_release(mutex_of(lock));
    robust_destroy(mutex_of(lock));
    return 0;
}

/* ---- The condition. Under the lock, except where it says otherwise. ---- */

enum { SEQUENCE_SLEEPERS = 1, SEQUENCE_STEP = 2 };

/* Tickets wrap; a is before b if it is less than half the numbers away. */
static bool before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static void count_waiters(cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    a_store_32(&cond->waiters_, queue->old_waiters + queue->new_waiters - queue->grants);
}

/* Wake up to n sleepers, if there may be any: by the release of the condition's own lock, or now. Relaxed, here
   and where waiters announce themselves: what makes this safe is that the kernel compares the word again
   when they go to sleep. */
static void wake(cond_t *cond, uint32_t n, uint32_t announced)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (!(announced & SEQUENCE_SLEEPERS))
        return;
    if (cond->lock_ != NULL)
        (void)port_wake_shared(&queue->sequence, n); /* M:wake-elsewhere */
    else
        queue->owed = (uint16_t)(n < (uint32_t)UINT16_MAX - queue->owed ? queue->owed + n : UINT16_MAX);
}

/* Change the sequence, so that nobody falls asleep who has not seen this, and wake up to n. Only when all
   are woken nobody is left who sleeps. */
static void announce(cond_t *cond, uint32_t n)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    uint32_t old = a_load(&queue->sequence, relaxed);
    uint32_t next;
    do
        next = (n == UINT32_MAX ? old & ~(uint32_t)SEQUENCE_SLEEPERS : old) + SEQUENCE_STEP;
    /* Release: partner is the acquire in sleep_until_granted(); who sees it, sees the grants. */
    while (!a_cas_weak(&queue->sequence, &old, next, release, relaxed));
    wake(cond, n, old);
}

/* Everybody who has a ticket by now may go; the counts begin anew. */
static void set_all_free(cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    /* In this order: a kill in between takes nothing from anybody. */
    a_store(&queue->free_below, queue->arrivals, relaxed);
    a_store(&queue->notified_below, queue->arrivals, relaxed);
    a_store(&queue->grants, 0, relaxed);
    queue->old_waiters = queue->new_waiters = 0;
}

void shared_repair(cond_t *cond, cond_lock_t *lock)
{
    a_store_16(&cond->u_.shared.recoveries, recoveries_of(lock));
    set_all_free(cond); /* M:repair-frees */
    count_waiters(cond);
    announce(cond, UINT32_MAX);
}

static void repair_if_needed(cond_t *cond, cond_lock_t *lock)
{
    if (a_load_16(&cond->u_.shared.recoveries) != recoveries_of(lock))
        shared_repair(cond, lock);
}

void shared_notify(cond_t *cond, cond_lock_t *lock, size_t n)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    uint32_t waiting, woken = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    PROBE_NOTIFY(cond, lock, n);
    repair_if_needed(cond, lock);
    if (cond_is_closed(cond))
        return; /* those who wait have been ended by the close, and leave by themselves */
    waiting = queue->old_waiters + queue->new_waiters;
    if (n == 0 || waiting == 0)
        return;
    if (queue->grants > 0 && queue->new_waiters > 0) { /* M:newcomers */
        a_store(&queue->free_below, queue->notified_below, relaxed);
        a_store(&queue->grants, 0, relaxed);
        queue->old_waiters = 0;
        waiting = queue->new_waiters;
        woken = UINT32_MAX;
    }
    if (n >= waiting - queue->grants) {
        set_all_free(cond);
        woken = UINT32_MAX;
    } else {
        a_store(&queue->grants, queue->grants + (uint32_t)n, relaxed); /* M:grant-count */
        a_store(&queue->notified_below, queue->arrivals, relaxed);
        queue->old_waiters = waiting;
        queue->new_waiters = 0;
    }
    count_waiters(cond);
    announce(cond, woken);
}

/* Grants nothing: a waiter for which there is a grant returns 0, and the others see that the condition is closed. If the
   closing process is killed before it has woken them, they see it at their next heartbeat. */
void shared_close(cond_t *cond, cond_lock_t *lock)
{
    repair_if_needed(cond, lock);
    /* Release: partner is cond_is_alive(), in processes that come later. */
    a_store(&cond->state_, COND_CLOSED_SHARED, release); /* M:close-shared */
    announce(cond, UINT32_MAX); /* M:close-wakes */
}

/* What a waiter carries. */
struct ticket {
    uint32_t number;
    uint32_t looked; /* the sequence at which its predicate was last false */
    bool has_looked;
};

static void arrive(struct ticket *ticket, cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (queue->arrivals - queue->free_below > UINT32_MAX / 4) { /* M:old-tickets */
        /* Tickets wrap, so none may grow too old: once in a billion waits all are set free. */
        bool anybody = queue->old_waiters + queue->new_waiters > 0;
        set_all_free(cond);
        if (anybody)
            announce(cond, UINT32_MAX);
    }
    ticket->number = queue->arrivals++;
    ticket->has_looked = false;
    queue->new_waiters++;
    count_waiters(cond);
}

enum claim { NOTHING, GRANT, FREE };

/* What there is for this ticket. Without the lock it is a guess, to be made sure of with it: grants last. */
static enum claim claim_of(const struct ticket *ticket, cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (before(ticket->number, a_load(&queue->free_below, relaxed)))
        return FREE;
    if (before(ticket->number, a_load(&queue->notified_below, relaxed)) &&
        a_load(&queue->grants, relaxed) > 0)
        return GRANT;
    return NOTHING;
}

/* Leave with what there was. */
static void depart(const struct ticket *ticket, cond_t *cond, enum claim claim)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (claim == FREE)
        return; /* no longer counted */
    if (before(ticket->number, queue->notified_below))
        queue->old_waiters--;
    else
        queue->new_waiters--;
    if (claim == GRANT)
        a_store(&queue->grants, queue->grants - 1, relaxed);
    else if (queue->grants > queue->old_waiters)
        a_store(&queue->grants, queue->old_waiters, relaxed);
    count_waiters(cond);
}

/* Without the lock: until there seems to be something for this ticket, or the deadline has passed. */
static void sleep_until_granted(const struct ticket *ticket, cond_t *cond, cond_lock_t *lock,
                                int64_t deadline_ns)
{
    uint32_t *sequence = &cond->u_.shared.sequence;
    uint32_t spins = deadline_ns == DEADLINE_PASSED ? 0 : park_spin_budget(lock);
    uint32_t spun = 0;
    int64_t heartbeat_ns = 0; /* the next one; a sleep that ends early, by a signal, does not put it off */
    for (;;) {
        /* Acquire: partner is announce(). */
        uint32_t seen = a_load(sequence, acquire);
        enum claim claim = claim_of(ticket, cond);
        bool looked = ticket->has_looked && (seen & ~(uint32_t)SEQUENCE_SLEEPERS) == ticket->looked;
        if (claim == FREE || (claim == GRANT && !looked)) {
            if (spun > 0 && spun < spins)
                park_spin_hit(lock, spun);
            return;
        }
        if (deadline_passed(deadline_ns) || cond_is_closed(cond))
            return;
        /* Relaxed: a recover is seen at the latest at the next heartbeat. */
        if (a_load_16(&cond->u_.shared.recoveries) != recoveries_of(lock))
            return; /* GCOVR_EXCL_LINE: a waiter that is awake just when the lock is recovered */
        if (spun < spins) {
            spun++;
            a_pause();
            if (spun == spins)
                park_spin_miss(lock, spins);
            continue;
        }
        if (spins == 0 && spun == 0) {
            spun++; /* so that waiting awake is tried again some time */
            park_spin_miss(lock, 0);
        }
        if (!(seen & SEQUENCE_SLEEPERS)) {
            if (!a_cas(sequence, &seen, seen | SEQUENCE_SLEEPERS, relaxed, relaxed))
                continue;
            seen |= SEQUENCE_SLEEPERS;
        }
        if (heartbeat_ns == 0)
            heartbeat_ns = port_now() + TUNING_HEARTBEAT_NS;
        /* M:heartbeat */
        port_wait_shared(sequence, seen, heartbeat_ns < deadline_ns ? heartbeat_ns : deadline_ns);
        if (port_now() >= heartbeat_ns) {
            heartbeat_ns = 0;
            (void)probe(lock); /* M:holder-lives */
            if (flags_of(lock) & LOCK_OWNER_DIED) /* (which stays when it is lost) */
                return;
        }
    }
}

int shared_wait(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg, int64_t deadline_ns)
{
    struct ticket ticket;
    unsigned depth = a_load_32(&lock->depth_);
    if (flags_of(lock) & LOCK_OWNER_DIED)
        return EOWNERDEAD; /* recover first: to wait is to release */
    repair_if_needed(cond, lock);
    if (cond_is_closed(cond))
        return ECANCELED;
    arrive(&ticket, cond);
    for (;;) {
        (void)unlock(lock);
        sleep_until_granted(&ticket, cond, lock, deadline_ns);
        int error = enter(lock, COND_FOREVER);
        if (!lock_is_held_after(error))
            return error; /* given up by another process while this one slept */
        a_store_32(&lock->depth_, depth);
        if (error != 0)
            return error; /* recover will set everything right, this waiter's count too */
        repair_if_needed(cond, lock);

        enum claim claim = claim_of(&ticket, cond); /* M:woken-claim */
        bool content = pred != NULL ? pred(arg) : claim != NOTHING;
        bool closed = !content && cond_is_closed(cond);
        bool expired = !content && deadline_passed(deadline_ns);
        if (content || closed || expired) {
            depart(&ticket, cond, content || claim == FREE ? claim : NOTHING);
            if (!content && claim == GRANT)
                wake(cond, 1, a_load(&cond->u_.shared.sequence, relaxed));
            return content ? 0 : closed ? ECANCELED : ETIMEDOUT;
        }
        if (claim == FREE)
            arrive(&ticket, cond); /* set free for nothing: its predicate is false */
        ticket.looked = a_load(&cond->u_.shared.sequence, relaxed) & ~(uint32_t)SEQUENCE_SLEEPERS;
        ticket.has_looked = true;
        if (claim == GRANT) /* M:pass-grant */
            wake(cond, 1, a_load(&cond->u_.shared.sequence, relaxed));
    }
}

#endif
