/* SPDX-License-Identifier: MIT */
#include "reference.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "condvar.h"

/* Where an actor is on its way through a wait, or a task through a request. */
enum standing {
    IDLE,
    WAITS,    /* in its condition's queue */
    NOTIFIED, /* in the lock's: a notify, a close or a cancel has moved it there, or it awaits */
    EXPIRED,  /* gave up, and was passed over: no notify can have it any more */
    GOING,    /* a thread that was woken, and does not have the lock yet: there may be several, and any is next */
    LANDED,   /* a thread that has the lock, and has looked at its predicate */
    RETURNS,  /* the same, but somebody was faster: it goes back to its place, and releases the lock */
    WANTS,    /* a task that is to be handed the lock, and waits for nothing else */
    TOLD,     /* a task whose outcome is decided */
};

struct actor {
    uint8_t standing;
    uint8_t cond;
    uint8_t gate;
    bool acquires;    /* of a task that WANTS: it has not waited */
    bool gives_up;    /* of a task: it was cancelled in time */
    bool awaits;      /* it is in the lock's queue as long as its predicate is false */
    bool is_ended;    /* by a close or by its token: it goes whatever its predicate is */
    uint8_t token;    /* what ends it, or REF_NO_TOKEN */
    bool ticket;      /* was chosen by notify(n), which it passes on if it can't use it... */
    uint32_t horizon; /* ...to those that had arrived by then */
    uint32_t arrival; /* its place in its condition's queue */
    uint32_t turn;    /* its place in the lock's queue */
    uint32_t depth;   /* how deep it will hold the lock again */
    int32_t outcome;  /* of LANDED, and TOLD */
    int64_t deadline_ns;
};

struct reference {
    uint8_t owner;
    uint8_t asker;        /* the thread that has begun to wait for a predicate last */
    bool releasing;       /* the owner is in a call that releases the lock, at some moment of it */
    bool picks_next;      /* the next release that finds somebody in the lock's queue must pick: it is not the sleepers'
                             turn twice in a row, and the first turn is the queue's */
    uint32_t depth;
    uint32_t arrivals[REF_CONDS], turns;
    uint32_t owed[REF_CONDS]; /* shared: so many plain waiters must go */
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

/* Where nothing says which: both. */
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

/* The next way through the same event. */
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

/* What an event is about. */
struct event {
    unsigned actor, cond, gate;
    int64_t deadline_ns;
    size_t n;
    int result;
    bool flag;
};

/* The states in which this could happen, after it has happened. */
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
        return false; /* the states before are worth printing */
    struct reference *before = states;
    states = others;
    others = before;
    state_count = other_count;
    return true;
}

void ref_reset(void)
{
    memset(&states[0], 0, sizeof states[0]);
    states[0].owner = states[0].asker = REF_NOBODY;
    states[0].picks_next = true;
    state_count = 1;
    overflow = false;
}

unsigned ref_states(void)
{
    return state_count;
}

bool ref_overflow(void)
{
    return overflow;
}

/* ---- Waiters ---- */

static bool is_task(unsigned actor)
{
    return actor >= REF_THREADS;
}

static bool pred_is_true(const struct actor *a)
{
    return a->gate == REF_NO_GATE || ref_world.gates[a->gate];
}

/* Whether no notify can have it any more. After a deadline, and during a cancel, that may be or not. */
static bool has_given_up(struct reference *m, unsigned actor)
{
    struct actor *a = &m->actors[actor];
    if (!is_task(actor))
        return a->deadline_ns <= ref_world.now_ns && either();
    if (!a->gives_up && ref_world.cancelling[actor - REF_THREADS] > 0)
        a->gives_up = either();
    return a->gives_up;
}

/* The first of a condition's queue that came after `arrival`; `from` 0: of all. */
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

/* Not those in `but`, who may be passed over. */
static unsigned next_notified(const struct reference *m, unsigned but)
{
    unsigned next = REF_NOBODY;
    for (unsigned i = 0; i < REF_ACTORS; i++)
        if (m->actors[i].standing == NOTIFIED && !(but >> i & 1) &&
            (next == REF_NOBODY || m->actors[i].turn < m->actors[next].turn))
            next = i;
    return next;
}

/* A task that wants the lock, and that no other one comes before for sure. */
static unsigned next_wanting(const struct reference *m)
{
    unsigned next = REF_NOBODY;
    for (unsigned i = REF_THREADS; i < REF_ACTORS; i++) {
        bool is_first = m->actors[i].standing == WANTS;
        for (unsigned j = REF_THREADS; j < REF_ACTORS; j++)
            if (m->actors[j].standing == WANTS &&
                ref_world.asked_until[j - REF_THREADS] < ref_world.asked_from[i - REF_THREADS])
                is_first = false;
        if (is_first && (next == REF_NOBODY || either()))
            next = i;
    }
    return next;
}

/* A notification for this waiter, or is it too late? A thread in a plain wait is chosen for good. */
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

/* What notify(n) gave it goes to the next that was there at that time, or has a predicate. */
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

/* Somebody who awaits has found the predicate false again: to its place, after those on the condition that await and came
   before. */
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

/* A task gets the lock, or is told that it need not wait for it any more. */
static bool hand_over(struct reference *m, unsigned task)
{
    struct actor *a = &m->actors[task];
    bool gave_up = has_given_up(m, task);
    a->standing = TOLD;
    a->outcome = gave_up || (a->is_ended && (a->gate == REF_NO_GATE || !pred_is_true(a))) ? ECANCELED : 0;
    if (gave_up && a->acquires)
        return false;
    m->owner = (uint8_t)task;
    m->depth = a->depth;
    return true;
}

/* Waits that were cancelled end: what they were given goes to others, and they want the lock. */
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

/* Whether somebody may be in the lock's queue. */
static bool any_notified(const struct reference *m)
{
    for (unsigned i = 0; i < REF_ACTORS; i++)
        if (m->actors[i].standing == NOTIFIED || m->actors[i].standing == EXPIRED ||
            m->actors[i].standing == WANTS)
            return true;
    return false;
}

/* The lock is free. Wake one, or hand it to a task: one at each release, whether or not those woken before have the lock
   by now. */
static void pick(struct reference *m)
{
    drain(m);
    if (any_notified(m)) {
        /* The sleepers' turn, and a thread starves: then nobody is picked. */
        if (ref_world.may_starve && !m->picks_next && either()) {
            m->picks_next = true;
            return;
        }
        m->picks_next = false;
    }
    unsigned stay = 0; /* those that await something else */
    for (;;) {
        unsigned task = next_wanting(m);
        unsigned waiter = next_notified(m, stay);
        /* Between those who were notified and those who want it anyway, no order is promised. And while somebody
           asks, it may be before the release or after it. */
        if (task != REF_NOBODY && (waiter == REF_NOBODY || either())) {
            if (either() || hand_over(m, task))
                return;
            continue;
        }
        if (waiter == REF_NOBODY)
            return;
        /* Who was given it by this very release has just asked, and others come first. */
        if (waiter == m->asker) {
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
            a->standing = GOING;
            return;
        } else if (hand_over(m, waiter)) {
            return;
        }
    }
}

/* The same on a lock whose release is not seen: at once, and without a look at the predicate. By a notify, and by each
   waiter that has the lock again. */
static void pick_blindly(struct reference *m)
{
    unsigned waiter;
    if (ref_world.kind != REF_FOREIGN)
        return;
    while ((waiter = next_notified(m, 0)) != REF_NOBODY) {
        if (!has_given_up(m, waiter)) {
            m->actors[waiter].standing = GOING;
            return;
        }
        m->actors[waiter].standing = EXPIRED;
    }
}

/* The release that is under way takes place. */
static void settle(struct reference *m)
{
    if (!m->releasing)
        return;
    struct actor *a = &m->actors[m->owner];
    if (a->standing == RETURNS && a->awaits) {
        await_again(m, m->owner);
    } else if (a->standing == RETURNS) {
        a->standing = WAITS;
        pass_on(m, m->owner);
        pick_blindly(m);
    }
    m->releasing = false;
    m->owner = REF_NOBODY;
    m->depth = 0;
    if (ref_world.kind == REF_PRIVATE)
        pick(m);
}

/* What may have happened without anybody being told. */
static void meanwhile(struct reference *m)
{
    if (m->releasing && either())
        settle(m);
    for (unsigned i = 0; i < ref_world.knocks; i++)
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

bool ref_acquired(unsigned actor)
{
    return happens(acquired, (struct event){.actor = actor});
}

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

bool ref_release_begun(unsigned actor)
{
    return happens(release_begun, (struct event){.actor = actor});
}

static bool released(struct reference *m, const struct event *e)
{
    if (m->owner == e->actor)
        settle(m);
    return true;
}

bool ref_released(unsigned actor)
{
    return happens(released, (struct event){.actor = actor});
}

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
        m->asker = (uint8_t)e->actor;
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

/* The waiter has the lock again: after it was let go, or its time is over. */
static bool land(struct reference *m, unsigned thread, bool let_go)
{
    struct actor *a = &m->actors[thread];
    if (let_go && ref_world.kind == REF_SHARED)
        let_go = a->standing == WAITS; /* more may go than were notified */
    else if (let_go)
        let_go = a->standing == GOING;
    else if ((a->standing != WAITS && a->standing != NOTIFIED && a->standing != EXPIRED) ||
             a->deadline_ns > ref_world.now_ns)
        return false;
    else
        let_go = true;
    return let_go && take(m, thread, a->depth);
}

/* Whether the looker may be about to let go of the lock, and look for this waiter. */
static bool looked_for(const struct reference *m, unsigned actor, unsigned looker)
{
    const struct actor *a = &m->actors[actor];
    bool holds = m->owner == REF_NOBODY ? ref_world.knocks > 0 : m->releasing;
    /* Who releases for a task may be any thread. And the release may have taken place, and a call without the lock since. */
    if (m->owner < REF_THREADS && m->owner != looker && ref_world.knocks == 0)
        holds = false;
    return holds && (a->standing == WAITS || a->standing == NOTIFIED || a->standing == RETURNS);
}

static bool looked(struct reference *m, const struct event *e)
{
    struct actor *a = &m->actors[e->actor];
    if (pred_is_true(a) != e->flag)
        return false;
    /* For itself as for others, in a release that it makes while it waits? */
    if (looked_for(m, e->actor, e->actor) && either())
        return true;
    meanwhile(m);
    bool closed = ref_world.kind == REF_SHARED && ref_world.closed[a->cond]; /* then it comes by itself */
    bool let_go = a->standing == GOING || (ref_world.kind == REF_SHARED && (closed || either()));
    if (!land(m, e->actor, let_go))
        return false;
    if (!e->flag && let_go && !must_end(a)) {
        a->standing = RETURNS;
        m->releasing = true;
        return true;
    }
    a->standing = LANDED;
    a->outcome = e->flag ? 0 : let_go ? ECANCELED : ETIMEDOUT;
    return true;
}

bool ref_looked(unsigned thread, bool saw)
{
    return happens(looked, (struct event){.actor = thread, .flag = saw});
}

/* (Before the release takes place, so it does not change the states: it refutes only.) */
bool ref_looked_for(unsigned waiter, unsigned looker)
{
    for (unsigned i = 0; i < state_count; i++)
        if (looked_for(&states[i], waiter, looker))
            return true;
    return overflow;
}

/* Whether a plain wait on a shared condition may have been ended by its close: so many are left as must return 0. */
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
    if (a->gate != REF_NO_GATE) {
        if (a->standing != LANDED || a->outcome != e->result)
            return false;
    } else {
        meanwhile(m);
        if (!land(m, e->actor, e->result != ETIMEDOUT))
            return false;
        if (ref_world.kind == REF_SHARED ? e->result == ECANCELED && !ends_on_shared(m, a)
                                         : e->result != ETIMEDOUT && a->is_ended != (e->result == ECANCELED))
            return false;
    }
    if (e->result != 0)
        pass_on(m, e->actor);
    if (e->result == 0 && m->owed[a->cond] > 0)
        m->owed[a->cond]--;
    a->standing = IDLE;
    pick_blindly(m);
    return true;
}

bool ref_wait_returned(unsigned thread, int result)
{
    return happens(wait_returned, (struct event){.actor = thread, .result = result});
}

/* ---- Notify ---- */

/* On a shared lock: at least so many, if they all wait for no predicate. */
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
        if (!ref_world.closed[e->cond]) /* who waits then, goes by itself */
            owe(m, e->cond, e->n);
        return true;
    }
    size_t left = e->n;
    unsigned waiter;
    while (left > 0 && (waiter = next_waiter(m, e->cond, 0)) != REF_NOBODY)
        if (choose(m, waiter, !e->flag, m->arrivals[e->cond]))
            left--;
    pick_blindly(m);
    return true;
}

bool ref_notified(unsigned actor, unsigned cond, size_t n, bool all)
{
    return happens(notified,
                   (struct event){.actor = actor, .cond = cond, .n = all ? SIZE_MAX : n, .flag = all});
}

/* ---- Close and cancel ---- */

/* The waits on the condition that carry the token, or all (REF_NO_TOKEN), end. Not those without a predicate that a notify
   has chosen. */
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
    pick_blindly(m);
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

/* Whether cond_waiters() has it. */
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
            *(has_given_up(m, i) && is_task(i) ? &perhaps : &surely) += 1;
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

static bool task_asks(struct reference *m, const struct event *e)
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

bool ref_task_asks(unsigned task)
{
    return happens(task_asks, (struct event){.actor = task});
}

static bool task_told(struct reference *m, const struct event *e)
{
    struct actor *a = &m->actors[e->actor];
    meanwhile(m);
    if (a->standing != TOLD || a->outcome != e->result)
        return false;
    if ((a->outcome == 0 || !a->acquires) && (m->owner != e->actor || m->releasing))
        return false;
    a->standing = IDLE;
    return true;
}

bool ref_task_told(unsigned task, int result)
{
    return happens(task_told, (struct event){.actor = task, .result = result});
}

/* At once, or by its own request. */
static bool task_acquired(struct reference *m, const struct event *e)
{
    struct actor *a = &m->actors[e->actor];
    if (either())
        return task_told(m, &(struct event){.actor = e->actor, .result = 0});
    meanwhile(m);
    if (a->standing != WANTS || !take(m, e->actor, 1))
        return false;
    a->standing = IDLE;
    a->outcome = 0;
    return true;
}

bool ref_task_acquired(unsigned task)
{
    return happens(task_acquired, (struct event){.actor = task});
}

static bool cancelled(struct reference *m, const struct event *e)
{
    struct actor *a = &m->actors[e->actor];
    unsigned task = e->actor - REF_THREADS;
    meanwhile(m);
    bool decided = a->standing == IDLE || a->standing == TOLD;
    if (e->result == 0) {
        if (decided && !(a->gives_up && a->outcome == ECANCELED))
            return false;
        a->gives_up = true;
        return true;
    }
    /* Too late: then nobody else's cancel can be why it was given up, but one before. */
    bool by_this = a->gives_up && !ref_world.cancelled[task] && ref_world.cancelling[task] == 1;
    return (decided || ref_world.beginning[task]) && !by_this;
}

bool ref_cancelled(unsigned task, int result)
{
    return happens(cancelled, (struct event){.actor = task, .result = result});
}

static bool knock_ends(struct reference *m, const struct event *e)
{
    (void)e;
    meanwhile(m);
    return true;
}

bool ref_knock_ends(void)
{
    return happens(knock_ends, (struct event){0});
}

/* ---- Rest ---- */

/* Nobody has anything to do for this one. */
static bool rests(const struct actor *a)
{
    if (a->standing == NOTIFIED)
        return a->awaits && !a->is_ended && !pred_is_true(a);
    return a->standing == IDLE || (a->standing == WAITS && !ref_world.closed[a->cond]);
}

static bool all_rest(struct reference *m, const struct event *e)
{
    (void)e;
    settle(m);
    if (m->owner != REF_NOBODY)
        return true; /* then it is a task's, and all may wait for that */
    for (unsigned i = 0; i < REF_ACTORS; i++) {
        const struct actor *a = &m->actors[i];
        if (!rests(a))
            return false;
        if (i < REF_THREADS && ref_world.acquiring[i])
            return false;
        if (a->standing == WAITS && a->gate == REF_NO_GATE && m->owed[a->cond] > 0)
            return false;
    }
    return true;
}

bool ref_all_rest(void)
{
    return happens(all_rest, (struct event){0});
}

bool ref_surely_free(unsigned thread)
{
    for (unsigned i = 0; i < state_count; i++) {
        const struct reference *m = &states[i];
        if (m->owner != REF_NOBODY)
            return false;
        for (unsigned j = 0; j < REF_ACTORS; j++) {
            const struct actor *a = &m->actors[j];
            bool stays = rests(a) && (a->standing == IDLE || a->deadline_ns > ref_world.now_ns);
            if (j != thread && (!stays || (j < REF_THREADS && ref_world.acquiring[j])))
                return false;
        }
    }
    return !overflow && ref_world.knocks == 0 &&
           ref_world.kind == REF_PRIVATE; /* others are tried by who looks */
}

bool ref_surely_waits(unsigned actor)
{
    for (unsigned i = 0; i < state_count; i++)
        if (states[i].actors[actor].standing != WAITS || states[i].actors[actor].gives_up)
            return false;
    return !overflow;
}

void ref_print(void)
{
    static const char *const names[] = {"idle",   "waits",   "notified", "expired", "going",
                                        "landed", "returns", "wants",    "told"};
    fprintf(stderr, "the model, %u states%s; at %lld ns, gates %d %d, %u knock\n", state_count,
            state_count > 4 ? ", the first 4" : "", (long long)ref_world.now_ns, ref_world.gates[0],
            ref_world.gates[1], ref_world.knocks);
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
