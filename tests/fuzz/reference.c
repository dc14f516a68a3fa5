/* SPDX-License-Identifier: MIT */
#include "reference.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "condvar.h"

/* The state of an actor's wait, or of a task's request. */
enum standing {
    IDLE,
    WAITS,      /* in the condition's queue */
    NOTIFIED,   /* in the lock's list: a notify, a close or a cancel has moved it there, or it awaits */
    EXPIRED,    /* it has timed out or was cancelled, and a notify has skipped it */
    WOKEN,      /* a thread that was woken and does not hold the lock yet. There may be several, and any may be next. */
    REACQUIRED, /* a thread that holds the lock and has called its predicate */
    GOES_BACK,  /* the same, but its predicate is false: it goes back to its place and releases the lock */
    WANTS,      /* a task that waits only for the lock */
    DECIDED,    /* a task whose outcome is decided */
};

struct actor {
    uint8_t standing;
    uint8_t cond;
    uint8_t gate;
    bool acquires;    /* a task that WANTS: it has not waited */
    bool gives_up;    /* a task: it was cancelled in time. A thread: it was stopped in time */
    bool awaits;      /* it is in the lock's list as long as its predicate is false */
    bool is_ended;    /* by a close or by its token: it ends whatever its predicate is */
    uint8_t token;    /* or REF_NO_TOKEN */
    bool ticket;      /* chosen by notify(n). If it cannot use the notification, it passes it on... */
    uint32_t horizon; /* ...to a waiter that had arrived by then */
    uint32_t arrival; /* its place in the condition's queue */
    uint32_t turn;    /* its place in the lock's list */
    uint32_t depth;   /* the levels to restore */
    int32_t outcome;  /* if REACQUIRED or DECIDED */
    int64_t deadline_ns;
};

struct reference {
    uint8_t owner;
    uint8_t last_pred_waiter; /* the thread that last began to wait with a predicate */
    bool releasing;       /* the owner is in a call that releases the lock at some time */
    bool picks_next;      /* the next release must pick from the lock's list if it can. Sleepers never have two turns in a
                             row, and the list has the first turn. */
    uint32_t depth;
    uint32_t arrivals[REF_CONDS], turns;
    uint32_t owed[REF_CONDS]; /* shared lock: so many waits without a predicate must return 0 */
    struct actor actors[REF_ACTORS];
};

struct ref_world ref_world;

enum { STATES_MAX = 2048, CHOICES_MAX = 40 };
static struct reference buffers[2][STATES_MAX];
static struct reference *states = buffers[0], *others = buffers[1];
static unsigned state_count, other_count;
static bool overflow;

/* ---- Both ways ---- */

static bool path[CHOICES_MAX];
static unsigned path_at, path_length;

/* Where the contract allows both. */
static bool either(void)
{
    if (path_at == CHOICES_MAX) {
        overflow = true;
        return false;
    }
    if (path_at == path_length)
        path[path_length++] = false;
    return path[path_at++];
}

/* The next combination of ways through the same event. */
static bool next_path(void)
{
    while (path_length > 0 && path[path_length - 1])
        path_length--;
    if (path_length == 0)
        return false;
    path[path_length - 1] = true;
    return true;
}

static void keep(const struct reference *m)
{
    for (unsigned i = 0; i < other_count; i++)
        if (memcmp(&others[i], m, sizeof *m) == 0)
            return;
    if (other_count == STATES_MAX)
        overflow = true;
    else
        others[other_count++] = *m;
}

/* The arguments of an event. */
struct event {
    unsigned actor, cond, gate;
    int64_t deadline_ns;
    size_t n;
    int result;
    bool flag;
};

/* Replaces the states by those after the event. False, and no change, if the event is possible in no state. */
static bool happens(bool (*event)(struct reference *m, const struct event *e), struct event e)
{
    if (overflow)
        return true;
    other_count = 0;
    for (unsigned i = 0; i < state_count; i++) {
        path_length = 0;
        do {
            struct reference m;
            memcpy(&m, &states[i], sizeof m); /* the padding, too */
            path_at = 0;
            if (event(&m, &e))
                keep(&m);
        } while (!overflow && next_path());
    }
    if (other_count == 0 && !overflow)
        return false; /* the test prints the states before the event */
    struct reference *before = states;
    states = others;
    others = before;
    state_count = other_count;
    return true;
}

void ref_reset(void)
{
    memset(&states[0], 0, sizeof states[0]);
    states[0].owner = states[0].last_pred_waiter = REF_NOBODY;
    states[0].picks_next = true;
    state_count = 1;
    overflow = false;
}

unsigned ref_states(void) { return state_count; }
bool ref_overflow(void) { return overflow; }

/* ---- Waiters ---- */

static bool is_task(unsigned actor) { return actor >= REF_THREADS; }
static bool pred_is_true(const struct actor *a) { return a->gate == REF_NO_GATE || ref_world.gates[a->gate]; }
static bool is_stop(unsigned token) { return token >= REF_FIRST_STOP && token != REF_NO_TOKEN; }

/* Whether a cond_stop() of its wait has begun. */
static bool stop_has_begun(const struct actor *a)
{
    return is_stop(a->token) && (ref_world.tokens[a->token] || ref_world.stopping[a->token] > 0);
}

/* Whether a thread can still expire, if it is in a queue. */
static bool can_expire(const struct actor *a) { return a->standing != NOTIFIED || a->gate != REF_NO_GATE; }

/* Whether a notify can no longer choose it. After its deadline, and during a stop or a cancel, both are possible. */
static bool has_given_up(struct reference *m, unsigned actor)
{
    struct actor *a = &m->actors[actor];
    if (!is_task(actor)) {
        if (!a->gives_up && is_stop(a->token) && ref_world.stopping[a->token] > 0 && can_expire(a))
            a->gives_up = either();
        return a->gives_up || (a->deadline_ns <= ref_world.now_ns && either());
    }
    if (!a->gives_up && ref_world.cancelling[actor - REF_THREADS] > 0)
        a->gives_up = either();
    return a->gives_up;
}

/* The first waiter of the condition's queue with an arrival of at least `from`. */
static unsigned next_waiter(const struct reference *m, unsigned cond, uint32_t from)
{
    unsigned next = REF_NOBODY;
    for (unsigned i = 0; i < REF_ACTORS; i++) {
        const struct actor *a = &m->actors[i];
        if (a->standing == WAITS && a->cond == cond && a->arrival >= from &&
            (next == REF_NOBODY || a->arrival < m->actors[next].arrival))
            next = i;
    }
    return next;
}

/* The first waiter of the lock's list, without those in `but` (bits). */
static unsigned next_notified(const struct reference *m, unsigned but)
{
    unsigned next = REF_NOBODY;
    for (unsigned i = 0; i < REF_ACTORS; i++)
        if (m->actors[i].standing == NOTIFIED && !(but >> i & 1) &&
            (next == REF_NOBODY || m->actors[i].turn < m->actors[next].turn))
            next = i;
    return next;
}

/* A task that wants the lock, unless another task surely requested it earlier. */
static unsigned next_wanting(const struct reference *m)
{
    unsigned next = REF_NOBODY;
    for (unsigned i = REF_THREADS; i < REF_ACTORS; i++) {
        bool is_first = m->actors[i].standing == WANTS;
        for (unsigned j = REF_THREADS; j < REF_ACTORS; j++)
            if (m->actors[j].standing == WANTS &&
                ref_world.requested_until[j - REF_THREADS] < ref_world.requested_from[i - REF_THREADS])
                is_first = false;
        if (is_first && (next == REF_NOBODY || either()))
            next = i;
    }
    return next;
}

/* Chooses this waiter, unless it is too late. A chosen thread without a predicate can no longer time out. */
static bool choose(struct reference *m, unsigned actor, bool ticket, uint32_t horizon)
{
    struct actor *a = &m->actors[actor];
    if (has_given_up(m, actor)) {
        a->standing = EXPIRED;
        return false;
    }
    a->standing = NOTIFIED;
    a->turn = m->turns++;
    a->ticket = ticket;
    a->horizon = horizon;
    if (!is_task(actor) && a->gate == REF_NO_GATE)
        a->deadline_ns = COND_FOREVER;
    return true;
}

/* Its notification goes to the next waiter that had arrived before the notify, or that has a predicate. */
static void pass_on(struct reference *m, unsigned actor)
{
    struct actor *a = &m->actors[actor];
    if (!a->ticket)
        return;
    a->ticket = false;
    for (uint32_t from = a->arrival + 1;;) {
        unsigned next = next_waiter(m, a->cond, from);
        if (next == REF_NOBODY)
            return;
        struct actor *other = &m->actors[next];
        from = other->arrival + 1;
        bool may_have_it = other->arrival < a->horizon || other->gate != REF_NO_GATE;
        if (may_have_it && choose(m, next, true, a->horizon))
            return;
    }
}

/* ---- The lock ---- */

/* The predicate of a woken awaiting waiter is false. It goes back to its place: after the earlier awaiting waiters of
   the condition. */
static void await_again(struct reference *m, unsigned actor)
{
    struct actor *a = &m->actors[actor];
    unsigned before = REF_NOBODY;
    uint32_t turn = 0;
    for (unsigned i = 0; i < REF_ACTORS; i++) {
        const struct actor *b = &m->actors[i];
        if (b->standing == NOTIFIED && b->awaits && b->cond == a->cond && b->arrival < a->arrival &&
            (before == REF_NOBODY || b->turn > m->actors[before].turn))
            before = i;
    }
    if (before != REF_NOBODY)
        turn = m->actors[before].turn + 1;
    for (unsigned i = 0; i < REF_ACTORS; i++)
        if (m->actors[i].standing == NOTIFIED && m->actors[i].turn >= turn)
            m->actors[i].turn++;
    m->turns++;
    a->turn = turn;
    a->standing = NOTIFIED;
}

/* A task gets the lock, or its cancelled request ends without the lock. */
static bool hand_off(struct reference *m, unsigned task)
{
    struct actor *a = &m->actors[task];
    bool gave_up = has_given_up(m, task);
    a->standing = DECIDED;
    a->outcome = gave_up || (a->is_ended && (a->gate == REF_NO_GATE || !pred_is_true(a))) ? ECANCELED : 0;
    if (gave_up && a->acquires)
        return false;
    m->owner = (uint8_t)task;
    m->depth = a->depth;
    return true;
}

/* Cancelled waits end: they pass their notification on, and want the lock. */
static void drain(struct reference *m)
{
    for (unsigned i = REF_THREADS; i < REF_ACTORS; i++) {
        struct actor *a = &m->actors[i];
        if ((a->standing == WAITS || a->standing == NOTIFIED || a->standing == EXPIRED) && has_given_up(m, i) &&
            either()) {
            a->standing = WANTS;
            pass_on(m, i);
        }
    }
}

/* Whether the lock's list may not be empty. */
static bool any_notified(const struct reference *m)
{
    for (unsigned i = 0; i < REF_ACTORS; i++)
        if (m->actors[i].standing == NOTIFIED || m->actors[i].standing == EXPIRED ||
            m->actors[i].standing == WANTS)
            return true;
    return false;
}

/* The lock is free. Each release wakes one waiter or hands the lock to one task, whether or not earlier woken waiters
   have acquired the lock. */
static void pick(struct reference *m)
{
    drain(m);
    if (any_notified(m)) {
        /* It is the sleepers' turn and a thread starves: then no waiter is picked. */
        if (ref_world.may_starve && !m->picks_next && either()) {
            m->picks_next = true;
            return;
        }
        m->picks_next = false;
    }
    unsigned stay = 0; /* bits: awaiting waiters whose predicate is false */
    for (;;) {
        unsigned task = next_wanting(m);
        unsigned waiter = next_notified(m, stay);
        /* The contract has no order between notified waiters and tasks that want the lock. A request in progress may
           come before the release or after it. */
        if (task != REF_NOBODY && (waiter == REF_NOBODY || either())) {
            if (either() || hand_off(m, task))
                return;
            continue;
        }
        if (waiter == REF_NOBODY)
            return;
        /* The waiter that makes this release has just begun to wait, and others may come first. */
        if (waiter == m->last_pred_waiter) {
            unsigned other = next_notified(m, stay | 1u << waiter);
            if (other != REF_NOBODY && either())
                waiter = other;
        }
        struct actor *a = &m->actors[waiter];
        if (has_given_up(m, waiter)) {
            a->standing = EXPIRED;
        } else if (!pred_is_true(a) && !a->is_ended && a->awaits) {
            stay |= 1u << waiter;
        } else if (!pred_is_true(a) && !a->is_ended) {
            a->standing = WAITS;
            pass_on(m, waiter);
        } else if (!is_task(waiter)) {
            a->standing = WOKEN;
            return;
        } else if (hand_off(m, waiter)) {
            return;
        }
    }
}

/* The same on a foreign lock, whose release the library does not see: at once, without calling the predicate. It is
   done by a notify, and by each waiter that has acquired the lock again. */
static void pick_unchecked(struct reference *m)
{
    unsigned waiter;
    if (ref_world.kind != REF_FOREIGN)
        return;
    while ((waiter = next_notified(m, 0)) != REF_NOBODY) {
        if (!has_given_up(m, waiter)) {
            m->actors[waiter].standing = WOKEN;
            return;
        }
        m->actors[waiter].standing = EXPIRED;
    }
}

/* The release in progress takes place. */
static void settle(struct reference *m)
{
    if (!m->releasing)
        return;
    struct actor *a = &m->actors[m->owner];
    if (a->standing == GOES_BACK && a->awaits) {
        await_again(m, m->owner);
    } else if (a->standing == GOES_BACK) {
        a->standing = WAITS;
        pass_on(m, m->owner);
        pick_unchecked(m);
    }
    m->releasing = false;
    m->owner = REF_NOBODY;
    m->depth = 0;
    if (ref_world.kind == REF_PRIVATE)
        pick(m);
}

/* What may have happened since the last event. */
static void meanwhile(struct reference *m)
{
    if (m->releasing && either())
        settle(m);
    for (unsigned i = 0; i < ref_world.handoffs; i++)
        if (m->owner == REF_NOBODY && either())
            pick(m);
}

static bool take(struct reference *m, unsigned actor, uint32_t depth)
{
    settle(m);
    if (m->owner != REF_NOBODY)
        return false;
    m->owner = (uint8_t)actor;
    m->depth = depth;
    return true;
}

static bool acquired(struct reference *m, const struct event *e)
{
    if (m->owner == e->actor && !m->releasing) {
        m->depth++;
        return true;
    }
    meanwhile(m);
    return take(m, e->actor, 1);
}

bool ref_acquired(unsigned actor) { return happens(acquired, (struct event){.actor = actor}); }

static bool deepened(struct reference *m, const struct event *e)
{
    m->depth += (uint32_t)e->n;
    return m->owner == e->actor;
}

bool ref_deepened(unsigned actor, uint32_t by)
{
    return happens(deepened, (struct event){.actor = actor, .n = by});
}

static bool release_begun(struct reference *m, const struct event *e)
{
    if (m->owner != e->actor || m->releasing)
        return false;
    if (m->depth > 1)
        m->depth--;
    else
        m->releasing = true;
    return true;
}

bool ref_release_begun(unsigned actor) { return happens(release_begun, (struct event){.actor = actor}); }

static bool released(struct reference *m, const struct event *e)
{
    if (m->owner == e->actor)
        settle(m);
    return true;
}

bool ref_released(unsigned actor) { return happens(released, (struct event){.actor = actor}); }

/* ---- Waiting ---- */

static bool wait_begun(struct reference *m, const struct event *e)
{
    struct actor *a = &m->actors[e->actor];
    if (m->owner != e->actor || m->releasing || a->standing != IDLE)
        return false;
    a->awaits = e->flag;
    a->standing = a->awaits ? NOTIFIED : WAITS;
    a->turn = a->awaits ? m->turns++ : a->turn;
    a->cond = (uint8_t)e->cond;
    a->gate = (uint8_t)e->gate;
    a->token = (uint8_t)e->n;
    a->acquires = a->gives_up = a->ticket = a->is_ended = false;
    a->arrival = m->arrivals[e->cond]++;
    a->depth = m->depth;
    a->deadline_ns = e->deadline_ns;
    m->releasing = true;
    if (e->gate != REF_NO_GATE)
        m->last_pred_waiter = (uint8_t)e->actor;
    return true;
}

bool ref_wait_begun(unsigned actor, unsigned cond, unsigned gate, int64_t deadline_ns, bool awaits, unsigned token)
{
    return happens(wait_begun, (struct event){.actor = actor,
                                              .cond = cond,
                                              .gate = gate,
                                              .deadline_ns = deadline_ns,
                                              .flag = awaits,
                                              .n = token});
}

/* Whether the waiter, awake, must not wait (again), since the condition is closed or its token cancelled. */
static bool must_end(const struct actor *a)
{
    return a->is_ended || ref_world.closed[a->cond] || (a->token != REF_NO_TOKEN && ref_world.tokens[a->token]);
}

/* The waiter acquires the lock again, after it was woken or timed out. */
static bool reacquire(struct reference *m, unsigned thread, bool woken)
{
    struct actor *a = &m->actors[thread];
    if (woken && ref_world.kind == REF_SHARED)
        woken = a->standing == WAITS; /* a shared notify may wake more waiters */
    else if (woken)
        woken = a->standing == WOKEN;
    else if ((a->standing != WAITS && a->standing != NOTIFIED && a->standing != EXPIRED) ||
             (a->deadline_ns > ref_world.now_ns && !(stop_has_begun(a) && can_expire(a))))
        return false;
    else
        woken = true;
    return woken && take(m, thread, a->depth);
}

/* Whether the caller may be in a release in which it calls this waiter's predicate. */
static bool may_call_pred_for(const struct reference *m, unsigned actor, unsigned caller)
{
    const struct actor *a = &m->actors[actor];
    bool holds = m->owner == REF_NOBODY ? ref_world.handoffs > 0 : m->releasing;
    /* Any thread may release for a task. The release may also have taken place already, before a call without the
       lock. */
    if (m->owner < REF_THREADS && m->owner != caller && ref_world.handoffs == 0)
        holds = false;
    return holds && (a->standing == WAITS || a->standing == NOTIFIED || a->standing == GOES_BACK);
}

static bool pred_called(struct reference *m, const struct event *e)
{
    struct actor *a = &m->actors[e->actor];
    if (pred_is_true(a) != e->flag)
        return false;
    /* It may also call its own predicate in a release that it makes while it waits. */
    if (may_call_pred_for(m, e->actor, e->actor) && either())
        return true;
    meanwhile(m);
    bool closed = ref_world.kind == REF_SHARED && ref_world.closed[a->cond]; /* then it wakes up by itself */
    bool woken = a->standing == WOKEN || (ref_world.kind == REF_SHARED && (closed || either()));
    if (!reacquire(m, e->actor, woken))
        return false;
    if (!e->flag && woken && !must_end(a)) {
        a->standing = GOES_BACK;
        m->releasing = true;
        return true;
    }
    a->standing = REACQUIRED;
    a->outcome = e->flag ? 0 : woken ? ECANCELED : ETIMEDOUT;
    return true;
}

bool ref_pred_called(unsigned thread, bool saw)
{
    return happens(pred_called, (struct event){.actor = thread, .flag = saw});
}

/* This is before the release takes place, so the states do not change. */
bool ref_pred_called_for(unsigned waiter, unsigned caller)
{
    for (unsigned i = 0; i < state_count; i++)
        if (may_call_pred_for(&states[i], waiter, caller))
            return true;
    return overflow;
}

/* Whether the close may have ended this wait without a predicate on a shared condition: enough others are left that
   must return 0. */
static bool ends_on_shared(const struct reference *m, const struct actor *ended)
{
    uint32_t left = 0;
    for (unsigned i = 0; i < REF_THREADS; i++)
        left += m->actors[i].standing == WAITS && m->actors[i].cond == ended->cond && &m->actors[i] != ended;
    return ref_world.closed[ended->cond] && left >= m->owed[ended->cond];
}

static bool wait_returned(struct reference *m, const struct event *e)
{
    struct actor *a = &m->actors[e->actor];
    bool is_stopped = e->result == ECANCELED && stop_has_begun(a);
    if (is_stopped && m->owner == e->actor && m->releasing && either()) {
        /* It was stopped before it released the lock: before its wait began, or before it went back. */
        bool had_begun = a->standing == GOES_BACK;
        m->releasing = false;
        if (!had_begun) {
            a->standing = IDLE;
            return true;
        }
    } else if (a->gate != REF_NO_GATE) {
        if (a->standing != REACQUIRED || (a->outcome != e->result && !(is_stopped && a->outcome == ETIMEDOUT)))
            return false;
    } else {
        bool expired = e->result == ETIMEDOUT || (is_stopped && !a->is_ended);
        meanwhile(m);
        if (!reacquire(m, e->actor, !expired))
            return false;
        if (ref_world.kind == REF_SHARED ? e->result == ECANCELED && !ends_on_shared(m, a)
                                         : !expired && a->is_ended != (e->result == ECANCELED))
            return false;
    }
    if (e->result != 0)
        pass_on(m, e->actor);
    if (e->result == 0 && m->owed[a->cond] > 0)
        m->owed[a->cond]--;
    a->standing = IDLE;
    pick_unchecked(m);
    return true;
}

bool ref_wait_returned(unsigned thread, int result)
{
    return happens(wait_returned, (struct event){.actor = thread, .result = result});
}

/* ---- Notify ---- */

/* On a shared lock at least n waits must return 0, if no waiter has a predicate. */
static void owe(struct reference *m, unsigned cond, size_t n)
{
    uint32_t plain = 0;
    bool all_plain = true;
    for (unsigned i = 0; i < REF_THREADS; i++)
        if (m->actors[i].standing == WAITS && m->actors[i].cond == cond) {
            plain++;
            all_plain = all_plain && m->actors[i].gate == REF_NO_GATE;
        }
    n = n < plain ? n : plain;
    m->owed[cond] = !all_plain ? 0 : m->owed[cond] + n < plain ? m->owed[cond] + (uint32_t)n : plain;
}

static bool notified(struct reference *m, const struct event *e)
{
    if (m->owner != e->actor || m->releasing)
        return false;
    if (ref_world.kind == REF_SHARED) {
        if (!ref_world.closed[e->cond]) /* after a close waiters wake up by themselves */
            owe(m, e->cond, e->n);
        return true;
    }
    size_t left = e->n;
    unsigned waiter;
    while (left > 0 && (waiter = next_waiter(m, e->cond, 0)) != REF_NOBODY)
        if (choose(m, waiter, !e->flag, m->arrivals[e->cond]))
            left--;
    pick_unchecked(m);
    return true;
}

bool ref_notified(unsigned actor, unsigned cond, size_t n, bool all)
{
    return happens(notified,
                   (struct event){.actor = actor, .cond = cond, .n = all ? SIZE_MAX : n, .flag = all});
}

/* ---- Close and cancel ---- */

/* The waits on the condition with this token, or all waits (REF_NO_TOKEN), end. Chosen waits without a predicate do
   not. */
static bool ended(struct reference *m, const struct event *e)
{
    if (m->owner != e->actor || m->releasing)
        return false;
    bool all = e->n == REF_NO_TOKEN;
    if (ref_world.kind == REF_SHARED)
        return true;
    for (unsigned i = 0; i < REF_ACTORS; i++) {
        struct actor *a = &m->actors[i];
        bool is_there = a->standing == NOTIFIED || (a->standing == EXPIRED && a->awaits);
        if (!is_there || a->cond != e->cond || (!all && a->token != e->n))
            continue;
        a->ticket = a->ticket && !all;
        a->is_ended = a->is_ended || a->gate != REF_NO_GATE;
    }
    uint32_t from = 0;
    unsigned waiter;
    while ((waiter = next_waiter(m, e->cond, from)) != REF_NOBODY) {
        struct actor *a = &m->actors[waiter];
        from = a->arrival + 1;
        if ((all || a->token == e->n) && choose(m, waiter, false, 0))
            a->is_ended = true;
    }
    pick_unchecked(m);
    return true;
}

bool ref_closed(unsigned actor, unsigned cond)
{
    return happens(ended, (struct event){.actor = actor, .cond = cond, .n = REF_NO_TOKEN});
}

bool ref_token_cancelled(unsigned actor, unsigned cond, unsigned token)
{
    return happens(ended, (struct event){.actor = actor, .cond = cond, .n = token});
}

/* Its waits that were not chosen have expired. If another thread holds the lock, it may have chosen them before, in a
   call that has not returned yet. */
static bool stopped(struct reference *m, const struct event *e)
{
    meanwhile(m);
    for (unsigned i = 0; i < REF_THREADS; i++) {
        struct actor *a = &m->actors[i];
        bool is_queued = a->standing == WAITS || a->standing == NOTIFIED || a->standing == GOES_BACK;
        if (a->token == e->n && is_queued && can_expire(a) && !a->gives_up)
            a->gives_up = m->owner == e->actor || either();
    }
    return true;
}

bool ref_stopped(unsigned actor, unsigned token)
{
    return happens(stopped, (struct event){.actor = actor, .n = token});
}

/* Whether cond_waiters() counts it. */
static bool is_counted(const struct actor *a)
{
    return a->awaits ? (a->standing == NOTIFIED || a->standing == EXPIRED) && !a->is_ended : a->standing == WAITS;
}

static bool counted(struct reference *m, const struct event *e)
{
    size_t surely = 0, perhaps = 0;
    for (unsigned i = 0; i < REF_ACTORS; i++) {
        const struct actor *a = &m->actors[i];
        if (is_counted(a) && a->cond == e->cond)
            *(is_task(i) && has_given_up(m, i) ? &perhaps : &surely) += 1;
    }
    if (ref_world.kind == REF_SHARED)
        return e->n <= surely;
    return e->n >= surely && e->n <= surely + perhaps;
}

bool ref_counted(unsigned cond, size_t count)
{
    return happens(counted, (struct event){.cond = cond, .n = count});
}

/* ---- Tasks ---- */

static bool task_requests(struct reference *m, const struct event *e)
{
    struct actor *a = &m->actors[e->actor];
    if (a->standing != IDLE)
        return false;
    a->standing = WANTS;
    a->acquires = true;
    a->gives_up = a->ticket = a->awaits = a->is_ended = false;
    a->depth = 1;
    return true;
}

bool ref_task_requests(unsigned task) { return happens(task_requests, (struct event){.actor = task}); }

static bool task_outcome(struct reference *m, const struct event *e)
{
    struct actor *a = &m->actors[e->actor];
    meanwhile(m);
    if (a->standing != DECIDED || a->outcome != e->result)
        return false;
    if ((a->outcome == 0 || !a->acquires) && (m->owner != e->actor || m->releasing))
        return false;
    a->standing = IDLE;
    return true;
}

bool ref_task_outcome(unsigned task, int result)
{
    return happens(task_outcome, (struct event){.actor = task, .result = result});
}

/* The call has acquired the lock at once, or its request was handed the lock before it returned. */
static bool task_acquired(struct reference *m, const struct event *e)
{
    struct actor *a = &m->actors[e->actor];
    if (either())
        return task_outcome(m, &(struct event){.actor = e->actor, .result = 0});
    meanwhile(m);
    if (a->standing != WANTS || !take(m, e->actor, 1))
        return false;
    a->standing = IDLE;
    a->outcome = 0;
    return true;
}

bool ref_task_acquired(unsigned task) { return happens(task_acquired, (struct event){.actor = task}); }

static bool cancelled(struct reference *m, const struct event *e)
{
    struct actor *a = &m->actors[e->actor];
    unsigned task = e->actor - REF_THREADS;
    meanwhile(m);
    bool decided = a->standing == IDLE || a->standing == DECIDED;
    if (e->result == 0) {
        if (decided && !(a->gives_up && a->outcome == ECANCELED))
            return false;
        a->gives_up = true;
        return true;
    }
    /* Too late: then only an earlier cancel can be the reason why it gave up. */
    bool by_this = a->gives_up && !ref_world.cancelled[task] && ref_world.cancelling[task] == 1;
    return (decided || ref_world.beginning[task]) && !by_this;
}

bool ref_cancelled(unsigned task, int result)
{
    return happens(cancelled, (struct event){.actor = task, .result = result});
}

static bool handoff_ends(struct reference *m, const struct event *e)
{
    (void)e;
    meanwhile(m);
    return true;
}

bool ref_handoff_ends(void) { return happens(handoff_ends, (struct event){0}); }

/* ---- All blocked ---- */

/* It needs another call to continue. */
static bool is_blocked(const struct actor *a)
{
    if (a->standing != IDLE && stop_has_begun(a))
        return false;
    if (a->standing == NOTIFIED)
        return a->awaits && !a->is_ended && !pred_is_true(a);
    return a->standing == IDLE || (a->standing == WAITS && !ref_world.closed[a->cond]);
}

static bool all_blocked(struct reference *m, const struct event *e)
{
    (void)e;
    settle(m);
    if (m->owner != REF_NOBODY)
        return true; /* a task holds it, and all may wait for that */
    for (unsigned i = 0; i < REF_ACTORS; i++) {
        const struct actor *a = &m->actors[i];
        if (!is_blocked(a))
            return false;
        if (i < REF_THREADS && ref_world.acquiring[i])
            return false;
        if (a->standing == WAITS && a->gate == REF_NO_GATE && m->owed[a->cond] > 0)
            return false;
    }
    return true;
}

bool ref_all_blocked(void) { return happens(all_blocked, (struct event){0}); }

bool ref_surely_free(unsigned thread)
{
    for (unsigned i = 0; i < state_count; i++) {
        const struct reference *m = &states[i];
        if (m->owner != REF_NOBODY)
            return false;
        for (unsigned j = 0; j < REF_ACTORS; j++) {
            const struct actor *a = &m->actors[j];
            bool stays = is_blocked(a) && (a->standing == IDLE || a->deadline_ns > ref_world.now_ns);
            if (j != thread && (!stays || (j < REF_THREADS && ref_world.acquiring[j])))
                return false;
        }
    }
    return !overflow && ref_world.handoffs == 0 &&
           ref_world.kind == REF_PRIVATE; /* queries may acquire other locks for a moment */
}

bool ref_surely_waits(unsigned actor)
{
    for (unsigned i = 0; i < state_count; i++) {
        const struct actor *a = &states[i].actors[actor];
        if (a->standing != WAITS || a->gives_up || states[i].owner == actor ||
            a->deadline_ns <= ref_world.now_ns || stop_has_begun(a))
            return false;
    }
    return !overflow;
}

void ref_print(void)
{
    static const char *const names[] = {"idle",   "waits",   "notified", "expired", "woken",
                                        "reacquired", "goes back", "wants", "decided"};
    fprintf(stderr, "the model, %u states%s; at %lld ns, gates %d %d, %u handoffs\n", state_count,
            state_count > 4 ? ", the first 4" : "", (long long)ref_world.now_ns, ref_world.gates[0],
            ref_world.gates[1], ref_world.handoffs);
    for (unsigned i = 0; i < state_count && i < 4; i++) {
        const struct reference *m = &states[i];
        fprintf(stderr, "  owner %d%s, depth %u%s\n", m->owner == REF_NOBODY ? -1 : m->owner,
                m->releasing ? " releasing" : "", m->depth, m->picks_next ? ", picks next" : "");
        for (unsigned j = 0; j < REF_ACTORS; j++) {
            const struct actor *a = &m->actors[j];
            if (a->standing != IDLE)
                fprintf(stderr, "    actor %u: %s cond %u gate %d place %u turn %u%s%s%s%s\n", j, names[a->standing],
                        a->cond, a->gate == REF_NO_GATE ? -1 : a->gate, a->arrival, a->turn,
                        a->ticket ? ", may pass on" : "", a->gives_up ? ", gives up" : "",
                        a->awaits ? ", awaits" : "", a->is_ended ? ", ended" : "");
        }
    }
}
