/* SPDX-License-Identifier: MIT */
/*
 * waitq.c: the queues of waiters, and which waiter goes next. It is logic under the lock, so here are no threads: nodes
 * lie in an array, and the test does to a node what its waiting thread would do (set EXPIRED, leave, go back).
 */
#include "unit.h"
#include "object.h"
#include "tuning.h"
#include "waitq.h"

enum { NODES = 16 };

struct truth {
    bool value;
    unsigned asked; /* how often */
};

/* One lock, two conditions on it, and nodes: each with a truth to wait for, if it is told to. */
struct fixture {
    cond_lock_t lock;
    cond_t cond, other;
    struct cond_waiter w[NODES];
    struct truth truth[NODES];
};

static bool is_true(void *arg)
{
    struct truth *truth = arg;
    truth->asked++;
    return truth->value;
}

static void make(struct fixture *f)
{
    REQUIRE(cond_lock_init(&f->lock, COND_RLOCK) == 0);
    REQUIRE(cond_init(&f->cond, &f->lock, 0) == 0);
    REQUIRE(cond_init(&f->other, &f->lock, 0) == 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    REQUIRE(f != NULL);
    make(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

enum { PLAIN = 0, TIMED = 1, PRED = 2 };

/* Whether a waiter that is chosen is marked: one without a deadline only by a library that is compiled for size. */
static bool is_marked(bool timed)
{
    return OPTIMIZE_SIZE || timed;
}

static void arrive_at(struct fixture *f, cond_t *cond, unsigned i, unsigned kind)
{
    f->truth[i] = (struct truth){false, 0};
    f->w[i] = (struct cond_waiter){.cond = cond, .timed = (kind & TIMED) != 0};
    if (kind & PRED) {
        f->w[i].pred = is_true;
        f->w[i].arg = &f->truth[i];
    }
    waitq_begin_wait(&f->w[i], &f->lock);
}

/* Nodes 0 to n-1, one after the other. */
static void arrive(struct fixture *f, unsigned n, unsigned kind)
{
    for (unsigned i = 0; i < n; i++)
        arrive_at(f, &f->cond, i, kind);
}

/* What the waiter's compare-exchange does when its deadline has passed. */
static void expire(struct fixture *f, unsigned i)
{
    assert_int_equal(f->w[i].state & (WAITER_CHOSEN | WAITER_GO), 0);
    f->w[i].state |= WAITER_EXPIRED;
}

/* The queue holds these nodes and no others, in this order, backwards as well. */
static void assert_queue_(struct fixture *f, struct cond_waiter *queue, uint8_t membership, const char *expected)
{
    struct cond_waiter *waiter = queue;
    for (const char *name = expected; *name != '\0'; name++) {
        assert_non_null(waiter);
        assert_ptr_equal(waiter->next->prev, waiter);
        waiter = waiter->next;
        assert_int_equal(waiter - f->w, *name - 'a');
        assert_int_equal(waiter->queue, membership);
    }
    assert_ptr_equal(waiter, queue);
    assert_true((*expected == '\0') == (queue == NULL));
}

/* Nodes are named by letters, 'a' is node 0. */
static void assert_waiting_at(struct fixture *f, cond_t *cond, const char *expected)
{
    assert_queue_(f, cond->u_.local.waiters, WAITER_QUEUED, expected);
    assert_int_equal(cond_waiters(cond), strlen(expected));
}

#define assert_waiting(f, expected) assert_waiting_at((f), &(f)->cond, (expected))
#define assert_notified(f, expected) assert_queue_((f), (f)->lock.u_.local.notified, WAITER_NOTIFIED, (expected))

static void assert_picked(struct fixture *f, struct cond_waiter *picked, char name)
{
    assert_non_null(picked);
    assert_int_equal(picked - f->w, name - 'a');
    assert_int_equal(picked->queue, WAITER_UNQUEUED);
}

static unsigned asked(struct fixture *f)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < NODES; i++)
        sum += f->truth[i].asked;
    return sum;
}

/* ---- Arriving ---- */

static void arrival_is_a_place(void **state)
{
    struct fixture *f = *state;
    assert_waiting(f, "");
    arrive(f, 4, PLAIN);
    assert_waiting(f, "abcd");
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(f->w[i].arrival, i);
    assert_int_equal(f->cond.u_.local.arrivals, 4);
    assert_notified(f, "");
}

/* Places are the condition's. */
static void arrivals_are_counted_by_the_condition(void **state)
{
    struct fixture *f = *state;
    arrive_at(f, &f->cond, 0, PLAIN);
    arrive_at(f, &f->other, 1, PLAIN);
    arrive_at(f, &f->cond, 2, PLAIN);
    assert_waiting(f, "ac");
    assert_waiting_at(f, &f->other, "b");
    assert_int_equal(f->w[2].arrival, 1);
    assert_int_equal(f->cond.u_.local.arrivals, 2);
    assert_int_equal(f->other.u_.local.arrivals, 1);
}

/* ---- Choosing ---- */

static void notify_nobody(void **state)
{
    struct fixture *f = *state;
    waitq_notify(&f->cond, &f->lock, 0);
    waitq_notify(&f->cond, &f->lock, 1);
    waitq_notify(&f->cond, &f->lock, SIZE_MAX);
    waitq_notify_all(&f->cond, &f->lock);
    assert_waiting(f, "");
    assert_notified(f, "");
    assert_null(waitq_pick(&f->lock));
    assert_null(waitq_pick_unchecked(&f->lock));
    assert_int_equal(f->lock.flags_, 0);
}

static void notify_0_chooses_nobody(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, PLAIN);
    waitq_notify(&f->cond, &f->lock, 0);
    assert_waiting(f, "abc");
    assert_notified(f, "");
}

static void notify_n_chooses_the_first_n(void **state)
{
    struct fixture *f = *state;
    arrive(f, 5, PLAIN);
    waitq_notify(&f->cond, &f->lock, 2);
    assert_waiting(f, "cde");
    assert_notified(f, "ab");
    assert_true(f->w[0].passes_on && f->w[1].passes_on);
    assert_int_equal(f->w[1].horizon, 3);
    waitq_notify(&f->cond, &f->lock, 1);
    assert_waiting(f, "de");
    assert_notified(f, "abc");
    arrive_at(f, &f->cond, 5, PLAIN);
    waitq_notify(&f->cond, &f->lock, 2);
    assert_waiting(f, "f");
    assert_notified(f, "abcde");
    assert_int_equal(f->w[4].horizon, 1);
}

static void notify_of_huge_n_chooses_all(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, PLAIN);
    waitq_notify(&f->cond, &f->lock, SIZE_MAX);
    assert_waiting(f, "");
    assert_notified(f, "abc");
    arrive_at(f, &f->cond, 3, PLAIN);
    waitq_notify(&f->cond, &f->lock, 2);
    assert_waiting(f, "");
    assert_notified(f, "abcd");
}

static void notify_all_chooses_all(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, PLAIN);
    arrive_at(f, &f->cond, 3, PRED);
    waitq_notify_all(&f->cond, &f->lock);
    assert_waiting(f, "");
    assert_notified(f, "abcd");
    for (unsigned i = 0; i < 4; i++)
        assert_false(f->w[i].passes_on);
    assert_int_equal(asked(f), 0); /* predicates are for the release */
}

static void notify_skips_the_expired(void **state)
{
    struct fixture *f = *state;
    arrive(f, 5, TIMED);
    expire(f, 0);
    expire(f, 2);
    waitq_notify(&f->cond, &f->lock, 2);
    assert_notified(f, "bd");
    assert_waiting(f, "e");
    /* They have nothing to do with the condition any more, and find so when they come. */
    assert_int_equal(f->w[0].queue, WAITER_UNQUEUED);
    assert_int_equal(f->w[2].queue, WAITER_UNQUEUED);
    waitq_leave(&f->w[0], &f->lock);
    waitq_leave(&f->w[2], &f->lock);
    assert_notified(f, "bd");
    assert_waiting(f, "e");
}

static void notify_skips_the_expired_with_a_predicate(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, TIMED | PRED);
    expire(f, 0);
    waitq_notify(&f->cond, &f->lock, 1);
    assert_notified(f, "b");
    assert_waiting(f, "c");
    assert_int_equal(f->w[0].queue, WAITER_UNQUEUED);
}

static void notify_all_skips_the_expired(void **state)
{
    struct fixture *f = *state;
    arrive(f, 4, TIMED);
    expire(f, 1);
    expire(f, 3);
    waitq_notify_all(&f->cond, &f->lock);
    assert_notified(f, "ac");
    assert_waiting(f, "");
}

static void notify_when_all_have_expired(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, TIMED);
    for (unsigned i = 0; i < 3; i++)
        expire(f, i);
    waitq_notify(&f->cond, &f->lock, 1);
    assert_notified(f, "");
    assert_waiting(f, "");
}

/* A plain wait's deadline counts until it is notified; one with a predicate counts until the predicate was
   seen true. Who has no deadline needs no decision, and so no atomic read-modify-write (but see is_marked()). */
static void chosen_decides_the_race_with_the_deadline(void **state)
{
    struct fixture *f = *state;
    arrive_at(f, &f->cond, 0, PLAIN);
    arrive_at(f, &f->cond, 1, TIMED);
    arrive_at(f, &f->cond, 2, PRED);
    arrive_at(f, &f->cond, 3, TIMED | PRED);
    waitq_notify(&f->cond, &f->lock, 4);
    assert_int_equal(f->w[0].state, is_marked(false) ? WAITER_CHOSEN : 0);
    assert_int_equal(f->w[1].state, WAITER_CHOSEN);
    assert_int_equal(f->w[2].state, 0);
    assert_int_equal(f->w[3].state, 0);
    f->truth[2].value = f->truth[3].value = true;
    for (unsigned i = 0; i < 4; i++) {
        assert_picked(f, waitq_pick(&f->lock), (char)('a' + i));
    }
    assert_int_equal(f->w[2].state, is_marked(false) ? WAITER_CHOSEN : 0);
    assert_int_equal(f->w[3].state, WAITER_CHOSEN);
}

/* A waiter that sleeps has said so in the same word; being chosen must not make that forgotten. */
static void chosen_leaves_asleep(void **state)
{
    struct fixture *f = *state;
    arrive(f, 1, TIMED);
    f->w[0].state = WAITER_ASLEEP;
    waitq_notify(&f->cond, &f->lock, 1);
    assert_int_equal(f->w[0].state, WAITER_ASLEEP | WAITER_CHOSEN);
}

/* ---- Letting go ---- */

static void pick_takes_them_in_order(void **state)
{
    struct fixture *f = *state;
    arrive(f, 4, PLAIN);
    waitq_notify(&f->cond, &f->lock, 3);
    for (char name = 'a'; name <= 'c'; name++) {
        assert_picked(f, waitq_pick(&f->lock), name);
    }
    assert_null(waitq_pick(&f->lock));
    assert_int_equal(f->lock.flags_, 0);
    assert_waiting(f, "d");
}

#if UINTPTR_MAX > 0xFFFFFFFFu /* where locks remember it */

/* Nodes a, b, ... are notified, each waiting for one of two truths: capital letters for the second. */
static void notify_two_kinds(struct fixture *f, const char *kinds)
{
    for (unsigned i = 0; kinds[i] != '\0'; i++) {
        arrive_at(f, &f->cond, i, PRED);
        f->w[i].arg = &f->truth[kinds[i] == 'X' ? NODES - 1 : NODES - 2];
    }
    f->truth[NODES - 2].value = f->truth[NODES - 1].value = true;
    waitq_notify_all(&f->cond, &f->lock);
}

/* The holder has waited for what capital letters wait for. */
static void holder_is_like_X(struct fixture *f)
{
    waitq_note_holder_pred(&f->lock, is_true, &f->truth[NODES - 1]);
}

static void pick_it(struct fixture *f, char name)
{
    assert_picked(f, waitq_pick(&f->lock), name);
}

static void who_is_unlike_the_holder_goes_first(void **state)
{
    struct fixture *f = *state;
    notify_two_kinds(f, "XXxX");
    holder_is_like_X(f);
    pick_it(f, 'c');
    assert_int_equal(f->truth[NODES - 1].asked, 0); /* who is passed over is not asked */
    assert_notified(f, "abd");
}

/* They have their turn after it, though the next holder is like them too. */
static void nobody_is_passed_over_twice(void **state)
{
    struct fixture *f = *state;
    notify_two_kinds(f, "XXxx");
    holder_is_like_X(f);
    pick_it(f, 'c');
    pick_it(f, 'a');
    pick_it(f, 'b');
    pick_it(f, 'd');
}

static void who_is_like_the_holder_goes_if_nobody_else_can(void **state)
{
    struct fixture *f = *state;
    notify_two_kinds(f, "XxX");
    f->truth[NODES - 2].value = false;
    holder_is_like_X(f);
    pick_it(f, 'a');
    assert_int_equal(f->truth[NODES - 2].asked, 1);
    assert_waiting(f, "b");
    assert_false(f->w[2].skipped);
    pick_it(f, 'c');
}

/* Who has notified without having waited himself lets them go as they were notified; so does who has waited
   for something else. */
static void a_holder_that_has_not_waited_is_like_nobody(void **state)
{
    struct fixture *f = *state;
    notify_two_kinds(f, "XxX");
    pick_it(f, 'a');
    waitq_note_holder_pred(&f->lock, is_true, &f->truth[0]);
    pick_it(f, 'b');
    pick_it(f, 'c');
}

/* A wait without a predicate is like none. */
static void who_asks_nothing_is_not_passed_over(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, PLAIN);
    waitq_notify_all(&f->cond, &f->lock);
    holder_is_like_X(f);
    pick_it(f, 'a');
    pick_it(f, 'b');
}

/* To be notified again is to be at the end again, and may be passed over again. */
static void a_notification_forgets_who_was_overtaken(void **state)
{
    struct fixture *f = *state;
    notify_two_kinds(f, "Xx");
    holder_is_like_X(f);
    pick_it(f, 'b');
    assert_true(f->w[0].skipped);
    f->truth[NODES - 1].value = false;
    assert_null(waitq_pick(&f->lock));
    assert_waiting(f, "a");
    waitq_notify(&f->cond, &f->lock, 1);
    assert_false(f->w[0].skipped);
}

/* A crowd of one kind is not looked through at each release. */
static void a_crowd_like_the_holder_is_not_looked_through(void **state)
{
    struct fixture *f = *state;
    struct cond_waiter crowd[TUNING_SKIP_MAX + 1];
    for (unsigned i = 0; i <= TUNING_SKIP_MAX; i++) {
        crowd[i] = (struct cond_waiter){.cond = &f->cond, .pred = is_true, .arg = &f->truth[NODES - 1]};
        if (i == TUNING_SKIP_MAX)
            crowd[i].arg = &f->truth[NODES - 2];
        waitq_begin_wait(&crowd[i], &f->lock);
    }
    f->truth[NODES - 2].value = f->truth[NODES - 1].value = true;
    waitq_notify_all(&f->cond, &f->lock);
    holder_is_like_X(f);
    assert_ptr_equal(waitq_pick(&f->lock), &crowd[0]);
    holder_is_like_X(f);
    assert_ptr_equal(waitq_pick(&f->lock), &crowd[TUNING_SKIP_MAX]);
}
#endif

/* Each pick takes one more, whether or not those taken before have come back; and looks at no more than it needs. */
static void each_pick_takes_one_more(void **state)
{
    struct fixture *f = *state;
    arrive(f, 4, PRED);
    f->truth[0].value = f->truth[1].value = f->truth[2].value = true;
    waitq_notify(&f->cond, &f->lock, 4);
    for (unsigned i = 0; i < 3; i++) {
        assert_picked(f, waitq_pick(&f->lock), (char)('a' + i));
        assert_int_equal(asked(f), i + 1);
    }
    assert_notified(f, "d");
    assert_null(waitq_pick(&f->lock));
    assert_waiting(f, "d");
}

/* notify(1) meets two of which only the second is true: it comes through, the first keeps its place. */
static void false_predicate_passes_on(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, PRED);
    f->truth[1].value = true;
    waitq_notify(&f->cond, &f->lock, 1);
    assert_picked(f, waitq_pick(&f->lock), 'b');
    assert_notified(f, "");
    assert_waiting(f, "ac");
    assert_int_equal(asked(f), 2);
    assert_false(f->w[0].passes_on);
}

/* A private condition in memory that processes share: while a waiter was on its way, another process has begun to wait. Its
   nodes are not here, so nobody goes back among them, and nothing is passed on to them. */
static void another_process_waits(void **state)
{
    struct fixture *f = *state;
    struct cond_waiter *elsewhere = (struct cond_waiter *)(uintptr_t)16;
    arrive_at(f, &f->cond, 0, PRED);
    waitq_notify(&f->cond, &f->lock, 1);
    assert_true(waitq_may_go_back(&f->w[0], &f->lock));
    f->cond.u_.local.waiters = elsewhere;
    f->cond.u_.local.process += 77;
    assert_false(waitq_may_go_back(&f->w[0], &f->lock));
    assert_picked(f, waitq_pick(&f->lock), 'a'); /* though its predicate is false: it finds that out itself */
    assert_true(f->w[0].passes_on);
    waitq_pass_on(&f->w[0], &f->lock);
    assert_ptr_equal(f->cond.u_.local.waiters, elsewhere);
    f->cond.u_.local.process -= 77;
    f->cond.u_.local.waiters = NULL;
    assert_true(waitq_may_go_back(&f->w[0], &f->lock));
}

static void passes_on_to_a_plain_waiter(void **state)
{
    struct fixture *f = *state;
    arrive_at(f, &f->cond, 0, PRED);
    arrive_at(f, &f->cond, 1, TIMED);
    waitq_notify(&f->cond, &f->lock, 1);
    assert_picked(f, waitq_pick(&f->lock), 'b');
    assert_int_equal(f->w[1].state, WAITER_CHOSEN);
    assert_waiting(f, "a");
}

/* The notification is for those who were there when it was made. */
static void does_not_pass_on_to_later_arrivals(void **state)
{
    struct fixture *f = *state;
    arrive(f, 2, PRED);
    waitq_notify(&f->cond, &f->lock, 1);
    arrive_at(f, &f->cond, 2, PLAIN);
    assert_null(waitq_pick(&f->lock));
    assert_waiting(f, "abc");
    assert_int_equal(f->truth[0].asked, 1);
    assert_int_equal(f->truth[1].asked, 1);
    assert_int_equal(f->lock.flags_, 0);
}

/* ... except to those with predicates, which are let go only if they can use it. */
static void passes_on_to_later_arrivals_that_can_use_it(void **state)
{
    struct fixture *f = *state;
    arrive(f, 2, PRED);
    waitq_notify(&f->cond, &f->lock, 1);
    arrive_at(f, &f->cond, 2, PRED);
    arrive_at(f, &f->cond, 3, PLAIN);
    arrive_at(f, &f->cond, 4, PRED);
    assert_null(waitq_pick(&f->lock));
    assert_waiting(f, "abcde");
    assert_int_equal(f->truth[4].asked, 1);
    waitq_notify(&f->cond, &f->lock, 1);
    f->truth[4].value = true;
    waitq_leave(&f->w[3], &f->lock);
    assert_picked(f, waitq_pick(&f->lock), 'e');
    assert_waiting(f, "abc");
}

/* Passed on twice, it is still the same notification, of the same moment. */
static void passed_on_keeps_its_moment(void **state)
{
    struct fixture *f = *state;
    arrive(f, 2, PRED);
    waitq_notify(&f->cond, &f->lock, 1);
    arrive_at(f, &f->cond, 2, PLAIN);
    waitq_pass_on(&f->w[0], &f->lock); /* a gives up, as if it had expired */
    assert_notified(f, "ab");
    assert_int_equal(f->w[1].horizon, 0);
    assert_true(f->w[1].passes_on);
    waitq_leave(&f->w[0], &f->lock);
    waitq_leave(&f->w[1], &f->lock);
    waitq_pass_on(&f->w[1], &f->lock);
    assert_notified(f, "");
    assert_waiting(f, "c");
}

static void passes_on_over_the_expired(void **state)
{
    struct fixture *f = *state;
    arrive(f, 4, TIMED);
    f->w[0].pred = is_true;
    f->w[0].arg = &f->truth[0];
    waitq_notify(&f->cond, &f->lock, 1);
    expire(f, 1);
    expire(f, 2);
    assert_picked(f, waitq_pick(&f->lock), 'd');
    assert_int_equal(f->w[1].queue, WAITER_UNQUEUED);
    assert_int_equal(f->w[2].queue, WAITER_UNQUEUED);
    assert_waiting(f, "a");
}

/* Not backwards: who stands before it has been passed by this notification already. */
static void passes_on_only_to_those_behind(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, PRED);
    f->truth[0].value = true;
    waitq_notify(&f->cond, &f->lock, 1);
    assert_picked(f, waitq_pick(&f->lock), 'a');
    waitq_notify(&f->cond, &f->lock, 1); /* b */
    f->truth[0].value = false;
    f->w[0].passes_on = false; /* nothing to pass on: it only goes back */
    waitq_requeue(&f->w[0], &f->lock);
    assert_waiting(f, "ac");
    waitq_leave(&f->w[1], &f->lock);
    waitq_pass_on(&f->w[1], &f->lock);
    assert_notified(f, "c");
    assert_waiting(f, "a");
}

static void gives_once(void **state)
{
    struct fixture *f = *state;
    arrive(f, 4, PLAIN);
    waitq_notify(&f->cond, &f->lock, 1);
    waitq_leave(&f->w[0], &f->lock);
    waitq_pass_on(&f->w[0], &f->lock);
    waitq_pass_on(&f->w[0], &f->lock);
    assert_notified(f, "b");
    assert_waiting(f, "cd");
}

static void has_nothing_to_pass_on(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, PLAIN);
    waitq_leave(&f->w[0], &f->lock); /* was not notified */
    waitq_pass_on(&f->w[0], &f->lock);
    assert_notified(f, "");
    assert_waiting(f, "bc");
    waitq_notify_all(&f->cond, &f->lock);
    arrive_at(f, &f->cond, 3, PLAIN);
    waitq_leave(&f->w[1], &f->lock); /* by notify_all: all others have been told themselves */
    waitq_pass_on(&f->w[1], &f->lock);
    assert_notified(f, "c");
    assert_waiting(f, "d");
}

/* What an earlier notify(n) gave, and was taken, is not there any more at the next wait. */
static void arriving_again_has_nothing_to_pass_on(void **state)
{
    struct fixture *f = *state;
    arrive(f, 2, PLAIN);
    waitq_notify(&f->cond, &f->lock, 1);
    assert_picked(f, waitq_pick(&f->lock), 'a');
    waitq_begin_wait(&f->w[0], &f->lock);
    assert_waiting(f, "ba");
    waitq_leave(&f->w[0], &f->lock);
    waitq_pass_on(&f->w[0], &f->lock);
    assert_notified(f, "");
    assert_waiting(f, "b");
}

/* A broadcast of N false predicates is N evaluations, and then they are left in peace. */
static void broadcast_of_false_predicates(void **state)
{
    struct fixture *f = *state;
    arrive(f, NODES, PRED);
    waitq_notify_all(&f->cond, &f->lock);
    assert_null(waitq_pick(&f->lock));
    assert_int_equal(asked(f), NODES);
    assert_waiting(f, "abcdefghijklmnop");
    assert_notified(f, "");
    assert_int_equal(f->lock.flags_, 0);
    assert_null(waitq_pick(&f->lock));
    assert_int_equal(asked(f), NODES);
}

static void notify_n_of_false_predicates(void **state)
{
    struct fixture *f = *state;
    for (unsigned n = 1; n <= NODES; n++) {
        f->cond.u_.local.waiters = NULL;
        f->cond.waiters_ = 0;
        arrive(f, NODES, PRED);
        waitq_notify(&f->cond, &f->lock, n);
        assert_null(waitq_pick(&f->lock));
        for (unsigned i = 0; i < NODES; i++)
            assert_int_equal(f->truth[i].asked, 1);
        assert_waiting(f, "abcdefghijklmnop");
        assert_notified(f, "");
    }
}

static void broadcast_of_which_one_is_true(void **state)
{
    struct fixture *f = *state;
    arrive(f, 6, PRED);
    f->truth[3].value = true;
    waitq_notify_all(&f->cond, &f->lock);
    assert_picked(f, waitq_pick(&f->lock), 'd');
    assert_waiting(f, "abc");
    assert_notified(f, "ef");
    assert_null(waitq_pick(&f->lock));
    assert_waiting(f, "abcef");
    assert_int_equal(asked(f), 6);
}

/* ---- Back in its place ---- */

/* Let go, overtaken, and its predicate is false again: wherever the others are by now. */
static void returns_to_its_place(void **state)
{
    struct fixture *f = *state;
    static const char *const before[] = {"bcd", "acd", "abd", "abc"};
    for (unsigned i = 0; i < 4; i++) {
        f->cond.u_.local.waiters = NULL;
        f->cond.waiters_ = 0;
        arrive(f, 4, PRED);
        waitq_notify_all(&f->cond, &f->lock);
        f->truth[i].value = true;
        assert_picked(f, waitq_pick(&f->lock), (char)('a' + i));
        assert_null(waitq_pick(&f->lock));
        assert_waiting(f, before[i]);
        f->truth[i].value = false;
        waitq_requeue(&f->w[i], &f->lock);
        assert_waiting(f, "abcd");
        assert_notified(f, "");
    }
}

static void returns_to_an_empty_queue(void **state)
{
    struct fixture *f = *state;
    arrive(f, 1, PRED);
    f->truth[0].value = true;
    waitq_notify(&f->cond, &f->lock, 1);
    assert_picked(f, waitq_pick(&f->lock), 'a');
    waitq_requeue(&f->w[0], &f->lock);
    assert_waiting(f, "a");
    assert_int_equal(f->w[0].arrival, 0); /* its place, not a new one */
    arrive_at(f, &f->cond, 1, PRED);
    assert_waiting(f, "ab");
}

static void returning_passes_on(void **state)
{
    struct fixture *f = *state;
    arrive(f, 2, PRED);
    f->truth[0].value = true;
    waitq_notify(&f->cond, &f->lock, 1);
    assert_picked(f, waitq_pick(&f->lock), 'a');
    arrive_at(f, &f->cond, 2, PRED);
    waitq_requeue(&f->w[0], &f->lock);
    assert_waiting(f, "ac");
    assert_notified(f, "b");
}

/* Being put back among later arrivals, and among those that this same pick put back. */
static void put_back_between_others(void **state)
{
    struct fixture *f = *state;
    arrive(f, 6, PRED);
    waitq_notify(&f->cond, &f->lock, 4);
    for (unsigned i = 4; i < 6; i++)
        waitq_leave(&f->w[i], &f->lock); /* nobody to pass on to */
    arrive_at(f, &f->cond, 6, PLAIN);
    f->truth[2].value = true;
    assert_picked(f, waitq_pick(&f->lock), 'c');
    assert_waiting(f, "abg");
    assert_notified(f, "d");
    waitq_requeue(&f->w[2], &f->lock);
    assert_null(waitq_pick(&f->lock));
    assert_waiting(f, "abcdg");
}

/* The hint is of no use where the order of notification is not the order of arrival ... */
static void put_back_before_the_hint(void **state)
{
    struct fixture *f = *state;
    arrive(f, 2, PRED);
    f->truth[0].value = true;
    waitq_notify(&f->cond, &f->lock, 1);
    assert_picked(f, waitq_pick(&f->lock), 'a');
    waitq_notify(&f->cond, &f->lock, 1);
    assert_notified(f, "b");
    f->truth[0].value = false;
    waitq_requeue(&f->w[0], &f->lock);
    waitq_notify(&f->cond, &f->lock, 1);
    assert_notified(f, "ba");
    assert_null(waitq_pick(&f->lock)); /* b goes back first, then a, which stands before it */
    assert_waiting(f, "ab");
}

/* ... or where it is in the queue of another condition. */
static void put_back_each_to_its_condition(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 6; i++)
        arrive_at(f, i % 2 == 0 ? &f->cond : &f->other, i, PRED);
    waitq_notify(&f->cond, &f->lock, 1);
    waitq_notify_all(&f->other, &f->lock);
    waitq_notify_all(&f->cond, &f->lock);
    assert_notified(f, "abdfce");
    assert_null(waitq_pick(&f->lock));
    assert_waiting(f, "ace");
    assert_waiting_at(f, &f->other, "bdf");
}

static void several_conditions_in_the_order_of_notification(void **state)
{
    struct fixture *f = *state;
    arrive_at(f, &f->cond, 0, PLAIN);
    arrive_at(f, &f->other, 1, PLAIN);
    arrive_at(f, &f->cond, 2, PLAIN);
    arrive_at(f, &f->other, 3, PLAIN);
    waitq_notify(&f->other, &f->lock, 1);
    waitq_notify(&f->cond, &f->lock, 2);
    assert_notified(f, "bac");
    assert_waiting(f, "");
    assert_waiting_at(f, &f->other, "d");
    waitq_notify(&f->other, &f->lock, 1);
    for (const char *name = "bacd"; *name != '\0'; name++) {
        assert_picked(f, waitq_pick(&f->lock), *name);
    }
}

/* A notification is passed on within its condition. */
static void passes_on_to_no_other_condition(void **state)
{
    struct fixture *f = *state;
    arrive_at(f, &f->cond, 0, PRED);
    arrive_at(f, &f->other, 1, PLAIN);
    waitq_notify(&f->cond, &f->lock, 1);
    assert_null(waitq_pick(&f->lock));
    assert_waiting(f, "a");
    assert_waiting_at(f, &f->other, "b");
}

/* ---- Expired after it was notified ---- */

/* It stays until it leaves by itself, since it will touch its node; and it is not asked. */
static void expired_among_the_notified(void **state)
{
    struct fixture *f = *state;
    arrive(f, 4, TIMED | PRED);
    for (unsigned i = 0; i < 4; i++)
        f->truth[i].value = true;
    waitq_notify(&f->cond, &f->lock, 3);
    expire(f, 0);
    expire(f, 2);
    assert_picked(f, waitq_pick(&f->lock), 'b');
    assert_notified(f, "ac");
    assert_null(waitq_pick(&f->lock));
    assert_notified(f, "ac");
    assert_int_equal(f->truth[0].asked + f->truth[2].asked, 0);
    /* They come, find no use for it, and hand it on. */
    waitq_leave(&f->w[0], &f->lock);
    waitq_pass_on(&f->w[0], &f->lock);
    assert_notified(f, "cd");
    waitq_leave(&f->w[2], &f->lock);
    waitq_pass_on(&f->w[2], &f->lock);
    assert_notified(f, "d");
    assert_picked(f, waitq_pick(&f->lock), 'd');
    assert_waiting(f, "");
}

/* A waiter that is put back was never CHOSEN, so it can expire in its place like any other. */
static void put_back_can_expire(void **state)
{
    struct fixture *f = *state;
    arrive(f, 2, TIMED | PRED);
    waitq_notify_all(&f->cond, &f->lock);
    assert_null(waitq_pick(&f->lock));
    assert_int_equal(f->w[0].state, 0);
    expire(f, 0);
    waitq_notify(&f->cond, &f->lock, 1);
    assert_notified(f, "b");
    assert_waiting(f, "");
}

/* ---- Leaving ---- */

static void leaves_from_anywhere(void **state)
{
    struct fixture *f = *state;
    arrive(f, 5, PLAIN);
    waitq_leave(&f->w[2], &f->lock);
    assert_waiting(f, "abde");
    waitq_leave(&f->w[4], &f->lock);
    assert_waiting(f, "abd");
    waitq_leave(&f->w[0], &f->lock);
    assert_waiting(f, "bd");
    waitq_leave(&f->w[0], &f->lock); /* is in no queue */
    assert_waiting(f, "bd");
    waitq_notify_all(&f->cond, &f->lock);
    arrive_at(f, &f->cond, 0, PLAIN);
    waitq_leave(&f->w[3], &f->lock);
    assert_notified(f, "b");
    assert_waiting(f, "a");
    waitq_leave(&f->w[1], &f->lock);
    assert_notified(f, "");
    waitq_leave(&f->w[0], &f->lock);
    assert_waiting(f, "");
    assert_int_equal(f->w[0].queue, WAITER_UNQUEUED);
    arrive(f, 2, PLAIN); /* an emptied queue is as good as new */
    assert_waiting(f, "ab");
}

/* ---- Locks whose release cannot be seen ---- */

static void pick_unchecked_asks_nobody(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, TIMED | PRED);
    waitq_notify(&f->cond, &f->lock, 2);
    assert_picked(f, waitq_pick_unchecked(&f->lock), 'a');
    assert_int_equal(f->w[0].state, WAITER_CHOSEN);
    assert_int_equal(f->w[1].state, 0); /* not yet let go: its deadline counts */
    assert_picked(f, waitq_pick_unchecked(&f->lock), 'b');
    assert_null(waitq_pick_unchecked(&f->lock));
    assert_int_equal(asked(f), 0);
    assert_waiting(f, "c");
}

static void pick_unchecked_skips_the_expired(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, TIMED | PRED);
    waitq_notify_all(&f->cond, &f->lock);
    expire(f, 0);
    expire(f, 1);
    assert_picked(f, waitq_pick_unchecked(&f->lock), 'c');
    assert_notified(f, "ab");
    assert_null(waitq_pick_unchecked(&f->lock));
    assert_int_equal(f->lock.flags_, 0);
}

/* ---- A condition destroyed too early ---- */

/* It has no queue to go back to, so the waiter is let go, and cond_wait_for() tells it. */
static void destroyed_condition_is_not_touched(void **state)
{
    struct fixture *f = *state;
    arrive(f, 2, PRED);
    arrive_at(f, &f->other, 2, PRED);
    f->truth[2].value = true;
    waitq_notify_all(&f->cond, &f->lock);
    waitq_notify_all(&f->other, &f->lock);
    assert_int_equal(cond_destroy(&f->cond), 0);
    cond_t grave = f->cond;
    for (const char *name = "abc"; *name != '\0'; name++) {
        assert_picked(f, waitq_pick(&f->lock), *name);
    }
    assert_memory_equal(&grave, &f->cond, sizeof grave);
}

/* A plain waiter that was chosen has nothing to do with its condition any more: it may not even be there. */
static void chosen_waiter_needs_no_condition(void **state)
{
    struct fixture *f = *state;
    arrive(f, 3, PLAIN);
    waitq_notify_all(&f->cond, &f->lock);
    for (unsigned i = 0; i < 3; i++)
        f->w[i].cond = NULL;
    for (const char *name = "abc"; *name != '\0'; name++) {
        assert_picked(f, waitq_pick(&f->lock), *name);
    }
}

/* ---- Against a model ---- */

/*
 * The same rules once more, in arrays and loops: a model too slow to use and too simple to be wrong. The
 * real queues and the model are driven by the same random steps, among them all that waiting threads do by
 * themselves, and compared after each.
 */
struct model {
    struct model_node {
        enum { ABSENT, QUEUED, NOTIFIED, NOWHERE, WOKEN } at;
        bool timed, pred, expired, chosen, passes_on;
        unsigned cond;
        uint64_t arrival, chosen_at;
    } node[NODES];
    unsigned notified[NODES], notified_count;
    uint64_t arrivals[2];
    unsigned asked[NODES];
};

struct random {
    uint64_t state;
};

/* Marsaglia's xorshift64. */
static unsigned random_below(struct random *random, unsigned limit)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return (unsigned)(random->state >> 32) % limit;
}

/* The queued node of a condition that arrived first, of those with an arrival from `from` on; or NODES. */
static unsigned model_first(const struct model *m, unsigned cond, uint64_t from)
{
    unsigned best = NODES;
    for (unsigned i = 0; i < NODES; i++)
        if (m->node[i].at == QUEUED && m->node[i].cond == cond && m->node[i].arrival >= from &&
            (best == NODES || m->node[i].arrival < m->node[best].arrival))
            best = i;
    return best;
}

static void model_remove(struct model *m, unsigned i)
{
    unsigned kept = 0;
    for (unsigned k = 0; k < m->notified_count; k++)
        if (m->notified[k] != i)
            m->notified[kept++] = m->notified[k];
    m->notified_count = kept;
    m->node[i].at = NOWHERE;
}

static bool model_choose(struct model *m, unsigned i, bool passes_on, uint64_t chosen_at)
{
    struct model_node *node = &m->node[i];
    node->at = NOWHERE;
    if (node->expired)
        return false;
    node->at = NOTIFIED;
    node->chosen = is_marked(node->timed) && !node->pred;
    node->passes_on = passes_on;
    node->chosen_at = chosen_at;
    m->notified[m->notified_count++] = i;
    return true;
}

static void model_notify(struct model *m, unsigned cond, unsigned n, bool passes_on)
{
    unsigned i;
    while (n > 0 && (i = model_first(m, cond, 0)) != NODES)
        if (model_choose(m, i, passes_on, m->arrivals[cond]))
            n--;
}

static void model_pass_on(struct model *m, unsigned i)
{
    struct model_node *node = &m->node[i];
    unsigned next;
    if (!node->passes_on)
        return;
    node->passes_on = false;
    for (uint64_t from = node->arrival + 1; (next = model_first(m, node->cond, from)) != NODES;) {
        from = m->node[next].arrival + 1;
        if ((from <= node->chosen_at || m->node[next].pred) && model_choose(m, next, true, node->chosen_at))
            return;
    }
}

static unsigned model_wake(struct model *m, unsigned i)
{
    model_remove(m, i);
    m->node[i].at = WOKEN;
    m->node[i].chosen = is_marked(m->node[i].timed);
    return i;
}

static unsigned model_pick(struct model *m, const struct truth *truth, bool unchecked)
{
    for (unsigned k = 0; k < m->notified_count;) {
        unsigned i = m->notified[k];
        if (m->node[i].expired) {
            k++;
        } else if (unchecked || !m->node[i].pred) {
            return model_wake(m, i);
        } else {
            m->asked[i]++;
            if (truth[i].value)
                return model_wake(m, i);
            model_remove(m, i);
            m->node[i].at = QUEUED;
            model_pass_on(m, i);
        }
    }
    return NODES;
}

static void assert_same_queue(struct fixture *f, const struct model *m, unsigned cond)
{
    cond_t *real = cond == 0 ? &f->cond : &f->other;
    char expected[NODES + 1] = "";
    unsigned i;
    size_t n = 0;
    for (uint64_t from = 0; (i = model_first(m, cond, from)) != NODES; from = m->node[i].arrival + 1)
        expected[n++] = (char)('a' + i);
    assert_waiting_at(f, real, expected);
}

static void assert_same(struct fixture *f, const struct model *m)
{
    char expected[NODES + 1] = "";
    assert_same_queue(f, m, 0);
    assert_same_queue(f, m, 1);
    for (unsigned k = 0; k < m->notified_count; k++)
        expected[k] = (char)('a' + m->notified[k]);
    assert_notified(f, expected);
    assert_int_equal(f->cond.u_.local.arrivals, m->arrivals[0]);
    assert_int_equal(f->other.u_.local.arrivals, m->arrivals[1]);
    assert_int_equal(f->lock.flags_, 0);
    for (unsigned i = 0; i < NODES; i++) {
        const struct model_node *node = &m->node[i];
        if (node->at == ABSENT)
            continue;
        assert_int_equal(f->truth[i].asked, m->asked[i]);
        assert_int_equal((f->w[i].state & WAITER_CHOSEN) != 0, node->chosen);
        assert_int_equal(f->w[i].passes_on, node->passes_on);
        if (node->at == NOTIFIED && node->passes_on)
            assert_int_equal(f->w[i].horizon, node->chosen_at > node->arrival ? node->chosen_at - node->arrival - 1 : 0);
    }
}

static void arrive_in_both(struct fixture *f, struct model *m, unsigned i, unsigned kind, unsigned cond)
{
    arrive_at(f, cond == 0 ? &f->cond : &f->other, i, kind);
    m->asked[i] = 0;
    m->node[i] = (struct model_node){.at = QUEUED,
                                     .timed = (kind & TIMED) != 0,
                                     .pred = (kind & PRED) != 0,
                                     .cond = cond,
                                     .arrival = m->arrivals[cond]++};
}

/* What cond_wait_for() and its kin do with the lock held once the node i has expired, or given up. */
static void give_up_in_both(struct fixture *f, struct model *m, unsigned i)
{
    waitq_leave(&f->w[i], &f->lock);
    model_remove(m, i);
    if (!m->node[i].pred || !f->truth[i].value) {
        waitq_pass_on(&f->w[i], &f->lock);
        model_pass_on(m, i);
    }
    m->node[i].at = ABSENT;
}

/* And once it was woken and has the lock. */
static void come_back_in_both(struct fixture *f, struct model *m, unsigned i)
{
    m->node[i].at = ABSENT;
    if (m->node[i].pred && !f->truth[i].value) {
        f->w[i].state = 0;
        waitq_requeue(&f->w[i], &f->lock);
        m->node[i].chosen = false;
        m->node[i].at = QUEUED;
        model_pass_on(m, i);
    }
}

static void pick_in_both(struct fixture *f, struct model *m, bool unchecked)
{
    struct cond_waiter *real = unchecked ? waitq_pick_unchecked(&f->lock) : waitq_pick(&f->lock);
    unsigned expected = model_pick(m, f->truth, unchecked);
    if (expected == NODES)
        assert_null(real);
    else
        assert_ptr_equal(real, &f->w[expected]);
}

static void random_step(struct fixture *f, struct model *m, struct random *random, bool unchecked)
{
    unsigned i = random_below(random, NODES);
    unsigned cond = random_below(random, 2);
    unsigned n = random_below(random, 4);
    struct model_node *node = &m->node[i];
    bool waits = node->at == QUEUED || node->at == NOTIFIED || node->at == NOWHERE;
    switch (random_below(random, 8)) {
    case 0:
    case 1:
        if (node->at == ABSENT)
            arrive_in_both(f, m, i, random_below(random, 4), cond);
        break;
    case 2:
        f->truth[i].value = !f->truth[i].value;
        break;
    case 3:
        if (waits && node->timed && !node->chosen && !node->expired) {
            expire(f, i);
            node->expired = true;
        }
        break;
    case 4:
        if (waits && (node->expired || (node->at == QUEUED && n == 0)))
            give_up_in_both(f, m, i);
        break;
    case 5:
        if (n == 0)
            waitq_notify_all(cond == 0 ? &f->cond : &f->other, &f->lock);
        else
            waitq_notify(cond == 0 ? &f->cond : &f->other, &f->lock, n);
        model_notify(m, cond, n == 0 ? NODES : n, n != 0);
        break;
    case 6:
        pick_in_both(f, m, unchecked);
        break;
    default:
        if (node->at == WOKEN)
            come_back_in_both(f, m, i);
    }
}

static void agrees_with_the_model(void **state)
{
    enum { SEEDS = 200, STEPS = 1000 };
    struct fixture *f = *state;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct random random = {.state = seed * UINT64_C(0x9E3779B97F4A7C15)};
        struct model m = {0};
        memset(f, 0, sizeof *f);
        make(f);
        for (unsigned step = 0; step < STEPS; step++) {
            random_step(f, &m, &random, seed % 4 == 0);
            assert_same(f, &m);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(arrival_is_a_place),
        TEST(arrivals_are_counted_by_the_condition),
        TEST(notify_nobody),
        TEST(notify_0_chooses_nobody),
        TEST(notify_n_chooses_the_first_n),
        TEST(notify_of_huge_n_chooses_all),
        TEST(notify_all_chooses_all),
        TEST(notify_skips_the_expired),
        TEST(notify_skips_the_expired_with_a_predicate),
        TEST(notify_all_skips_the_expired),
        TEST(notify_when_all_have_expired),
        TEST(chosen_decides_the_race_with_the_deadline),
        TEST(chosen_leaves_asleep),
        TEST(pick_takes_them_in_order),
#if UINTPTR_MAX > 0xFFFFFFFFu
        TEST(who_is_unlike_the_holder_goes_first),
        TEST(nobody_is_passed_over_twice),
        TEST(who_is_like_the_holder_goes_if_nobody_else_can),
        TEST(a_holder_that_has_not_waited_is_like_nobody),
        TEST(who_asks_nothing_is_not_passed_over),
        TEST(a_notification_forgets_who_was_overtaken),
        TEST(a_crowd_like_the_holder_is_not_looked_through),
#endif
        TEST(each_pick_takes_one_more),
        TEST(false_predicate_passes_on),
        TEST(another_process_waits),
        TEST(passes_on_to_a_plain_waiter),
        TEST(does_not_pass_on_to_later_arrivals),
        TEST(passes_on_to_later_arrivals_that_can_use_it),
        TEST(passed_on_keeps_its_moment),
        TEST(passes_on_over_the_expired),
        TEST(passes_on_only_to_those_behind),
        TEST(gives_once),
        TEST(has_nothing_to_pass_on),
        TEST(arriving_again_has_nothing_to_pass_on),
        TEST(broadcast_of_false_predicates),
        TEST(notify_n_of_false_predicates),
        TEST(broadcast_of_which_one_is_true),
        TEST(returns_to_its_place),
        TEST(returns_to_an_empty_queue),
        TEST(returning_passes_on),
        TEST(put_back_between_others),
        TEST(put_back_before_the_hint),
        TEST(put_back_each_to_its_condition),
        TEST(several_conditions_in_the_order_of_notification),
        TEST(passes_on_to_no_other_condition),
        TEST(expired_among_the_notified),
        TEST(put_back_can_expire),
        TEST(leaves_from_anywhere),
        TEST(pick_unchecked_asks_nobody),
        TEST(pick_unchecked_skips_the_expired),
        TEST(destroyed_condition_is_not_touched),
        TEST(chosen_waiter_needs_no_condition),
        TEST(agrees_with_the_model),
    };
    return cmocka_run_group_tests_name("waitq", tests, NULL, NULL);
}
