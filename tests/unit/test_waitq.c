/* SPDX-License-Identifier: MIT */
/*
 * waitq.c: the queues of waiters, and which waiter is next. All of it is under the lock, so the tests have no threads:
 * nodes lie in an array, and the test does to a node what its waiting thread would do (set EXPIRED, leave, go back).
 *
 * Most tests are scripts. Nodes are named by letters; `others-` in front of a step means the second condition.
 *
 *      plain=abc, timed=abc, pred=abc, timed-pred=abc   arrive, in this order; with a deadline, a predicate, or both
 *      notify=N, notify-all                             choose waiters
 *      true=abc, false=abc                              set predicates
 *      expire=abc, leave=abc, pass-on=abc, requeue=abc  what waiting threads do
 *      pick=a, unchecked=a                              a release takes this node; - if it takes none
 *      waiting=abc, notified=abc                        what the queues hold, in this order
 *      unqueued=abc                                     these are in no queue
 *      calls=N                                          so many predicates were called
 */
#include "unit.h"
#include "object.h"
#include "tuning.h"
#include "waitq.h"

enum { NODES = 16 };

/* One lock, two conditions on it, and nodes, each with a flag for its predicate. */
static struct {
    cond_lock_t lock;
    cond_t cond, other;
    struct cond_waiter w[NODES];
    struct flag flag[NODES];
} f;

static int set_up(UNUSED void **state)
{
    memset((void *)&f, 0, sizeof f);
    REQUIRE(cond_lock_init(&f.lock, COND_RLOCK) == 0);
    REQUIRE(cond_init(&f.cond, &f.lock, 0) == 0);
    REQUIRE(cond_init(&f.other, &f.lock, 0) == 0);
    return 0;
}

#define TEST_F(name) TEST_IN(name, set_up, NULL, NULL)
#define SCRIPT(name, script)                                                                                           \
    TEST_F(name) { run_script(script); }

enum { PLAIN = 0, TIMED = 1, PRED = 2 };

/* Whether a chosen waiter is marked. One without a deadline is marked only if the library is compiled for size. */
static bool is_marked(bool timed) { return OPTIMIZE_SIZE || timed; }

static void arrive_at(cond_t *cond, unsigned i, unsigned kind)
{
    f.flag[i] = (struct flag){false, 0};
    f.w[i] = (struct cond_waiter){.cond = cond, .timed = (kind & TIMED) != 0};
    if (kind & PRED) {
        f.w[i].pred = flag_is_set;
        f.w[i].arg = &f.flag[i];
    }
    waitq_begin_wait(&f.w[i], &f.lock);
}

/* As the compare-exchange of a waiter whose deadline has passed. */
static void expire(unsigned i)
{
    assert_int_equal(f.w[i].state & (WAITER_CHOSEN | WAITER_GO), 0);
    f.w[i].state |= WAITER_EXPIRED;
}

/* The queue holds these nodes and no others, in this order, in both directions. */
static void assert_queue(struct cond_waiter *queue, uint8_t membership, const char *expected)
{
    struct cond_waiter *waiter = queue;
    for (const char *name = expected; *name != '\0'; name++) {
        assert_non_null(waiter);
        assert_ptr_equal(waiter->next->prev, waiter);
        waiter = waiter->next;
        assert_int_equal(waiter - f.w, *name - 'a');
        assert_int_equal(waiter->queue, membership);
    }
    assert_ptr_equal(waiter, queue);
    assert_true((*expected == '\0') == (queue == NULL));
}

static void assert_waiting(cond_t *cond, const char *expected)
{
    assert_queue(cond->u_.local.waiters, WAITER_QUEUED, expected);
    assert_int_equal(cond_waiters(cond), strlen(expected));
}

static void assert_notified(const char *expected)
{
    assert_queue(f.lock.u_.local.notified, WAITER_NOTIFIED, expected);
}

static void assert_picked(struct cond_waiter *picked, char name)
{
    if (name == '-') {
        assert_null(picked);
        return;
    }
    assert_non_null(picked);
    assert_int_equal(picked - f.w, name - 'a');
    assert_int_equal(picked->queue, WAITER_UNQUEUED);
}

static unsigned calls(void)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < NODES; i++)
        sum += f.flag[i].calls;
    return sum;
}

/* ---- Scripts ---- */

enum verb {
    V_PLAIN, V_TIMED, V_PRED, V_TIMED_PRED, V_TRUE, V_FALSE, V_EXPIRE, V_LEAVE, V_PASS_ON, V_REQUEUE, V_UNQUEUED,
    V_EACH, /* those above are for each node of their argument */
    V_NOTIFY = V_EACH, V_NOTIFY_ALL, V_PICK, V_UNCHECKED, V_WAITING, V_NOTIFIED, V_CALLS, VERBS
};

static const char *const verbs[VERBS] = {
    "plain", "timed", "pred", "timed-pred", "true", "false", "expire", "leave", "pass-on", "requeue", "unqueued",
    "notify", "notify-all", "pick", "unchecked", "waiting", "notified", "calls",
};

static void run_verb_on(enum verb verb, cond_t *cond, unsigned i)
{
    switch (verb) {
    case V_PLAIN: case V_TIMED: case V_PRED: case V_TIMED_PRED: arrive_at(cond, i, (unsigned)verb); break;
    case V_TRUE: case V_FALSE: f.flag[i].value = verb == V_TRUE; break;
    case V_EXPIRE: expire(i); break;
    case V_LEAVE: waitq_leave(&f.w[i], &f.lock); break;
    case V_PASS_ON: waitq_pass_on(&f.w[i], &f.lock); break;
    case V_REQUEUE: waitq_requeue(&f.w[i], &f.lock); break;
    default: assert_int_equal(f.w[i].queue, WAITER_UNQUEUED);
    }
}

static void run_verb(enum verb verb, cond_t *cond, const char *arg)
{
    switch (verb) {
    case V_NOTIFY: waitq_notify(cond, &f.lock, (size_t)strtoull(arg, NULL, 10)); break;
    case V_NOTIFY_ALL: waitq_notify_all(cond, &f.lock); break;
    case V_PICK: assert_picked(waitq_pick(&f.lock), *arg); break;
    case V_UNCHECKED: assert_picked(waitq_pick_unchecked(&f.lock), *arg); break;
    case V_WAITING: assert_waiting(cond, arg); break;
    case V_NOTIFIED: assert_notified(arg); break;
    case V_CALLS: assert_int_equal(calls(), strtoul(arg, NULL, 10)); break;
    default:
        for (; *arg != '\0'; arg++)
            run_verb_on(verb, cond, (unsigned)(*arg - 'a'));
    }
}

static void run_script(const char *script)
{
    char step[64];
    int length;
    for (; sscanf(script, "%63s%n", step, &length) == 1; script += length) {
        cond_t *cond = strncmp(step, "others-", 7) == 0 ? &f.other : &f.cond;
        char *verb = step + (cond == &f.other ? 7 : 0), *equals = strchr(verb, '=');
        const char *arg = equals != NULL ? equals + 1 : "";
        int v = 0;
        if (equals != NULL)
            *equals = '\0';
        while (v < VERBS && strcmp(verb, verbs[v]) != 0)
            v++;
        if (v == VERBS)
            fail_msg("%s is no step", verb);
        run_verb((enum verb)v, cond, arg);
    }
    assert_int_equal(f.lock.flags_, 0);
}

/* ---- Arrivals ---- */

TEST_F(arrival_is_a_place)
{
    run_script("waiting= plain=abcd waiting=abcd notified=");
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(f.w[i].arrival, i);
    assert_int_equal(f.cond.u_.local.arrivals, 4);
}

TEST_F(arrivals_are_counted_by_the_condition)
{
    run_script("plain=a others-plain=b plain=c waiting=ac others-waiting=b");
    assert_int_equal(f.w[2].arrival, 1);
    assert_int_equal(f.cond.u_.local.arrivals, 2);
    assert_int_equal(f.other.u_.local.arrivals, 1);
}

/* ---- Notify ---- */

SCRIPT(notify_without_waiters,
       "notify=0 notify=1 notify=18446744073709551615 notify-all waiting= notified= pick=- unchecked=-")
SCRIPT(notify_0_chooses_none, "plain=abc notify=0 waiting=abc notified=")

TEST_F(notify_n_chooses_the_first_n)
{
    run_script("plain=abcde notify=2 waiting=cde notified=ab");
    assert_true(f.w[0].passes_on && f.w[1].passes_on);
    assert_int_equal(f.w[1].horizon, 3);
    run_script("notify=1 waiting=de notified=abc plain=f notify=2 waiting=f notified=abcde");
    assert_int_equal(f.w[4].horizon, 1);
}

SCRIPT(notify_of_huge_n_chooses_all,
       "plain=abc notify=18446744073709551615 waiting= notified=abc plain=d notify=2 waiting= notified=abcd")

/* A release calls the predicates, not notify. */
TEST_F(notify_all_chooses_all)
{
    run_script("plain=abc pred=d notify-all waiting= notified=abcd calls=0");
    for (unsigned i = 0; i < 4; i++)
        assert_false(f.w[i].passes_on);
}

/* Expired waiters have left the queues, and find that when they run. */
SCRIPT(notify_skips_expired_waiters,
       "timed=abcde expire=ac notify=2 notified=bd waiting=e unqueued=ac leave=ac notified=bd waiting=e")
SCRIPT(notify_skips_expired_waiters_with_predicates,
       "timed-pred=abc expire=a notify=1 notified=b waiting=c unqueued=a")
SCRIPT(notify_all_skips_expired_waiters, "timed=abcd expire=bd notify-all notified=ac waiting=")
SCRIPT(notify_when_all_have_expired, "timed=abc expire=abc notify=1 notified= waiting=")

/* The deadline of a wait without a predicate counts until the notify. With a predicate it counts until the predicate
   was true. Without a deadline nothing is to be decided, so no atomic read-modify-write is needed (but see
   is_marked()). */
TEST_F(chosen_decides_the_race_with_the_deadline)
{
    run_script("plain=a timed=b pred=c timed-pred=d notify=4");
    assert_int_equal(f.w[0].state, is_marked(false) ? WAITER_CHOSEN : 0);
    assert_int_equal(f.w[1].state, WAITER_CHOSEN);
    assert_int_equal(f.w[2].state, 0);
    assert_int_equal(f.w[3].state, 0);
    run_script("true=cd pick=a pick=b pick=c pick=d");
    assert_int_equal(f.w[2].state, is_marked(false) ? WAITER_CHOSEN : 0);
    assert_int_equal(f.w[3].state, WAITER_CHOSEN);
}

/* ASLEEP is a bit of the same word: a notify must not clear it. */
TEST_F(notify_keeps_asleep)
{
    run_script("timed=a");
    f.w[0].state = WAITER_ASLEEP;
    run_script("notify=1");
    assert_int_equal(f.w[0].state, WAITER_ASLEEP | WAITER_CHOSEN);
}

/* ---- Pick ---- */

SCRIPT(pick_takes_them_in_order, "plain=abcd notify=3 pick=a pick=b pick=c pick=- waiting=d")

#if UINTPTR_MAX > 0xFFFFFFFFu /* locks remember the predicate of the holder's last wait */

/* Nodes a, b, ... wait for one of two flags, X for the second, and are notified. */
static void notify_two_kinds(const char *kinds)
{
    for (unsigned i = 0; kinds[i] != '\0'; i++) {
        arrive_at(&f.cond, i, PRED);
        f.w[i].arg = &f.flag[kinds[i] == 'X' ? NODES - 1 : NODES - 2];
    }
    f.flag[NODES - 2].value = f.flag[NODES - 1].value = true;
    waitq_notify_all(&f.cond, &f.lock);
}

/* The holder's last wait was for the flag of X. */
static void holder_waited_for_X(void) { waitq_note_holder_pred(&f.lock, flag_is_set, &f.flag[NODES - 1]); }

TEST_F(other_predicates_go_first)
{
    notify_two_kinds("XXxX");
    holder_waited_for_X();
    run_script("pick=c notified=abd");
    assert_int_equal(f.flag[NODES - 1].calls, 0); /* predicates of skipped waiters are not called */
}

/* Skipped waiters are next, even if the next holder has waited for the same. */
TEST_F(no_waiter_is_skipped_twice)
{
    notify_two_kinds("XXxx");
    holder_waited_for_X();
    run_script("pick=c pick=a pick=b pick=d");
}

TEST_F(same_predicate_goes_if_no_other_is_true)
{
    notify_two_kinds("XxX");
    f.flag[NODES - 2].value = false;
    holder_waited_for_X();
    run_script("pick=a");
    assert_int_equal(f.flag[NODES - 2].calls, 1);
    run_script("waiting=b");
    assert_false(f.w[2].skipped);
    run_script("pick=c");
}

/* A holder that has not waited, or has waited for something else, takes the waiters in order. */
TEST_F(holder_with_another_predicate)
{
    notify_two_kinds("XxX");
    run_script("pick=a");
    waitq_note_holder_pred(&f.lock, flag_is_set, &f.flag[0]);
    run_script("pick=b pick=c");
}

TEST_F(waiters_without_predicate_are_not_skipped)
{
    run_script("plain=abc notify-all");
    holder_waited_for_X();
    run_script("pick=a pick=b");
}

TEST_F(skipped_again_after_a_second_notify)
{
    notify_two_kinds("Xx");
    holder_waited_for_X();
    run_script("pick=b");
    assert_true(f.w[0].skipped);
    f.flag[NODES - 1].value = false;
    run_script("pick=- waiting=a notify=1");
    assert_false(f.w[0].skipped);
}

/* A release does not search a long list of waiters with the holder's predicate. */
TEST_F(no_more_than_so_many_are_skipped)
{
    struct cond_waiter crowd[TUNING_SKIP_MAX + 1];
    for (unsigned i = 0; i <= TUNING_SKIP_MAX; i++) {
        crowd[i] = (struct cond_waiter){.cond = &f.cond, .pred = flag_is_set, .arg = &f.flag[NODES - 1]};
        if (i == TUNING_SKIP_MAX)
            crowd[i].arg = &f.flag[NODES - 2];
        waitq_begin_wait(&crowd[i], &f.lock);
    }
    f.flag[NODES - 2].value = f.flag[NODES - 1].value = true;
    waitq_notify_all(&f.cond, &f.lock);
    holder_waited_for_X();
    assert_ptr_equal(waitq_pick(&f.lock), &crowd[0]);
    holder_waited_for_X();
    assert_ptr_equal(waitq_pick(&f.lock), &crowd[TUNING_SKIP_MAX]);
}
#endif

/* Each pick takes one waiter, whether or not those before have returned, and calls no more predicates than needed. */
SCRIPT(each_pick_takes_one_more,
       "pred=abcd true=abc notify=4 pick=a calls=1 pick=b calls=2 pick=c calls=3 notified=d pick=- waiting=d")

/* ---- Passing a notification on ---- */

TEST_F(false_predicate_passes_on)
{
    run_script("pred=abc true=b notify=1 pick=b notified= waiting=ac calls=2");
    assert_false(f.w[0].passes_on);
}

/* A private condition in memory that processes share: another process has begun to wait meanwhile. Its nodes are not in
   this process, so no waiter goes back among them, and nothing is passed on to them. */
TEST_F(another_process_waits)
{
    struct cond_waiter *elsewhere = (struct cond_waiter *)(uintptr_t)16;
    run_script("pred=a notify=1");
    assert_true(waitq_may_go_back(&f.w[0], &f.lock));
    f.cond.u_.local.waiters = elsewhere;
    f.cond.u_.local.process += 77;
    assert_false(waitq_may_go_back(&f.w[0], &f.lock));
    run_script("pick=a"); /* its predicate is false: the waiter finds that itself */
    assert_true(f.w[0].passes_on);
    waitq_pass_on(&f.w[0], &f.lock);
    assert_ptr_equal(f.cond.u_.local.waiters, elsewhere);
    f.cond.u_.local.process -= 77;
    f.cond.u_.local.waiters = NULL;
    assert_true(waitq_may_go_back(&f.w[0], &f.lock));
}

/* The same, and there the lock's list has nodes of the other process. The lock may be foreign: a process-shared mutex. */
TEST_F(another_process_was_notified)
{
    struct cond_waiter *elsewhere = (struct cond_waiter *)(uintptr_t)16;
    static const uint8_t kinds[] = {COND_RLOCK, LOCK_FOREIGN};
    for (unsigned i = 0; i < 2; i++) {
        f.lock.kind_ = kinds[i];
        f.cond.u_.local.waiters = f.lock.u_.local.notified = elsewhere;
        f.cond.u_.local.process = f.lock.u_.local.process = waitq_process() + 77;
        assert_false(waitq_is_ours(&f.cond, &f.lock));
        assert_false(waitq_any_notified(&f.lock));
        assert_null(waitq_pick(&f.lock));
        assert_null(waitq_pick_unchecked(&f.lock));
        waitq_notify_lost(&f.cond, &f.lock);
        assert_ptr_equal(f.cond.u_.local.waiters, elsewhere);
        assert_ptr_equal(f.lock.u_.local.notified, elsewhere);
        f.cond.u_.local.waiters = NULL; /* only in the list: then a notify must not touch it */
        assert_false(waitq_is_ours(&f.cond, &f.lock));
    }
    f.lock.kind_ = COND_RLOCK;
    f.lock.u_.local.notified = NULL;
}

TEST_F(passes_on_to_a_plain_waiter)
{
    run_script("pred=a timed=b notify=1 pick=b waiting=a");
    assert_int_equal(f.w[1].state, WAITER_CHOSEN);
}

/* A notification is for the waiters that had arrived before it, ... */
TEST_F(does_not_pass_on_to_later_arrivals)
{
    run_script("pred=ab notify=1 plain=c pick=- waiting=abc");
    assert_int_equal(f.flag[0].calls, 1);
    assert_int_equal(f.flag[1].calls, 1);
}

/* ... and for those with true predicates. */
TEST_F(passes_on_to_later_arrivals_with_true_predicates)
{
    run_script("pred=ab notify=1 pred=c plain=d pred=e pick=- waiting=abcde");
    assert_int_equal(f.flag[4].calls, 1);
    run_script("notify=1 true=e leave=d pick=e waiting=abc");
}

/* A notification that was passed on twice still counts from the same moment. Node a gives up, as if it had expired. */
TEST_F(passed_on_keeps_its_moment)
{
    run_script("pred=ab notify=1 plain=c pass-on=a notified=ab");
    assert_int_equal(f.w[1].horizon, 0);
    assert_true(f.w[1].passes_on);
    run_script("leave=ab pass-on=b notified= waiting=c");
}

TEST_F(passes_on_past_expired_waiters)
{
    run_script("timed=abcd");
    f.w[0].pred = flag_is_set;
    f.w[0].arg = &f.flag[0];
    run_script("notify=1 expire=bc pick=d unqueued=bc waiting=a");
}

/* Not backwards: the notification has already passed the waiters in front. Node a passes nothing on, it only goes back.
   */
TEST_F(passes_on_only_to_those_behind)
{
    run_script("pred=abc true=a notify=1 pick=a notify=1 false=a");
    f.w[0].passes_on = false;
    run_script("requeue=a waiting=ac leave=b pass-on=b notified=c waiting=a");
}

SCRIPT(passes_on_once, "plain=abcd notify=1 leave=a pass-on=aa notified=b waiting=cd")

/* Node a was not notified. Node b was notified by notify_all, as all others. */
SCRIPT(has_nothing_to_pass_on,
       "plain=abc leave=a pass-on=a notified= waiting=bc notify-all plain=d leave=b pass-on=b notified=c waiting=d")

/* A notification that was used is not passed on at the next wait. */
TEST_F(arriving_again_has_nothing_to_pass_on)
{
    run_script("plain=ab notify=1 pick=a");
    waitq_begin_wait(&f.w[0], &f.lock);
    run_script("waiting=ba leave=a pass-on=a notified= waiting=b");
}

/* A broadcast to N waiters with false predicates calls N predicates, once. */
SCRIPT(broadcast_of_false_predicates, "pred=abcdefghijklmnop notify-all pick=- calls=16 waiting=abcdefghijklmnop "
                                      "notified= pick=- calls=16")

TEST_F(notify_n_of_false_predicates)
{
    for (unsigned n = 1; n <= NODES; n++) {
        f.cond.u_.local.waiters = NULL;
        f.cond.waiters_ = 0;
        run_script("pred=abcdefghijklmnop");
        waitq_notify(&f.cond, &f.lock, n);
        run_script("pick=-");
        for (unsigned i = 0; i < NODES; i++)
            assert_int_equal(f.flag[i].calls, 1);
        run_script("waiting=abcdefghijklmnop notified=");
    }
}

SCRIPT(broadcast_of_one_true_predicate,
       "pred=abcdef true=d notify-all pick=d waiting=abc notified=ef pick=- waiting=abcef calls=6")

/* ---- Back in its place ---- */

/* A woken waiter whose predicate is false again goes back to its place among the others. */
TEST_F(returns_to_its_place)
{
    static const char *const others[] = {"bcd", "acd", "abd", "abc"};
    for (unsigned i = 0; i < 4; i++) {
        f.cond.u_.local.waiters = NULL;
        f.cond.waiters_ = 0;
        run_script("pred=abcd notify-all");
        f.flag[i].value = true;
        assert_picked(waitq_pick(&f.lock), (char)('a' + i));
        run_script("pick=-");
        assert_waiting(&f.cond, others[i]);
        f.flag[i].value = false;
        waitq_requeue(&f.w[i], &f.lock);
        run_script("waiting=abcd notified=");
    }
}

TEST_F(returns_to_an_empty_queue)
{
    run_script("pred=a true=a notify=1 pick=a requeue=a waiting=a");
    assert_int_equal(f.w[0].arrival, 0); /* its old place */
    run_script("pred=b waiting=ab");
}

SCRIPT(returning_passes_on, "pred=ab true=a notify=1 pick=a pred=c requeue=a waiting=ac notified=b")

/* Queued again among later arrivals, and among those that the same pick has queued again. */
SCRIPT(queued_again_between_others, "pred=abcdef notify=4 leave=ef plain=g true=c pick=c waiting=abg notified=d "
                                    "requeue=c pick=- waiting=abcdg")

/* The hint is wrong where the order of notification is not the order of arrival: b goes back first, then a before it.
   */
SCRIPT(queued_again_before_the_hint, "pred=ab true=a notify=1 pick=a notify=1 notified=b false=a requeue=a notify=1 "
                                     "notified=ba pick=- waiting=ab")

/* The hint is wrong where it is in the queue of another condition. */
SCRIPT(queued_again_each_at_its_condition,
       "pred=a others-pred=b pred=c others-pred=d pred=e others-pred=f notify=1 others-notify-all notify-all "
       "notified=abdfce pick=- waiting=ace others-waiting=bdf")

SCRIPT(several_conditions_in_the_order_of_notification,
       "plain=a others-plain=b plain=c others-plain=d others-notify=1 notify=2 notified=bac waiting= others-waiting=d "
       "others-notify=1 pick=b pick=a pick=c pick=d")

SCRIPT(passes_on_within_its_condition, "pred=a others-plain=b notify=1 pick=- waiting=a others-waiting=b")

/* ---- Expired after the notify ---- */

/* An expired waiter stays in the list until it leaves by itself, because it will use its node. Its predicate is not
   called. It passes its notification on. */
TEST_F(expired_among_the_notified)
{
    run_script("timed-pred=abcd true=abcd notify=3 expire=ac pick=b notified=ac pick=- notified=ac");
    assert_int_equal(f.flag[0].calls + f.flag[2].calls, 0);
    run_script("leave=a pass-on=a notified=cd leave=c pass-on=c notified=d pick=d waiting=");
}

/* A waiter that is queued again was never CHOSEN, so it can expire. */
TEST_F(queued_again_can_expire)
{
    run_script("timed-pred=ab notify-all pick=-");
    assert_int_equal(f.w[0].state, 0);
    run_script("expire=a notify=1 notified=b waiting=");
}

/* ---- Leaving ---- */

/* The second `leave=a` finds it in no queue. An emptied queue can be used again. */
SCRIPT(leaves_from_anywhere,
       "plain=abcde leave=c waiting=abde leave=e waiting=abd leave=a waiting=bd leave=a waiting=bd notify-all plain=a "
       "leave=d notified=b waiting=a leave=b notified= leave=a waiting= unqueued=a plain=ab waiting=ab")

/* ---- Locks whose release the library does not see ---- */

TEST_F(pick_unchecked_calls_no_predicate)
{
    run_script("timed-pred=abc notify=2 unchecked=a");
    assert_int_equal(f.w[0].state, WAITER_CHOSEN);
    assert_int_equal(f.w[1].state, 0); /* not woken yet: its deadline counts */
    run_script("unchecked=b unchecked=- calls=0 waiting=c");
}

SCRIPT(pick_unchecked_skips_expired_waiters,
       "timed-pred=abc notify-all expire=ab unchecked=c notified=ab unchecked=-")

/* ---- A condition that was destroyed too early ---- */

/* The waiters have no queue to go back to, so they are woken, and cond_wait_for() finds out. */
TEST_F(destroyed_condition_is_not_touched)
{
    run_script("pred=ab others-pred=c true=c notify-all others-notify-all");
    OK(cond_destroy(&f.cond));
    cond_t destroyed = f.cond;
    run_script("pick=a pick=b pick=c");
    assert_memory_equal(&destroyed, &f.cond, sizeof destroyed);
}

/* A chosen waiter without a predicate does not use its condition: it may not exist any more. */
TEST_F(chosen_waiter_needs_no_condition)
{
    run_script("plain=abc notify-all");
    for (unsigned i = 0; i < 3; i++)
        f.w[i].cond = NULL;
    run_script("pick=a pick=b pick=c");
}

/* ---- Against a model ---- */

/*
 * A slow and simple model of the same rules, in arrays and loops. Random steps, among them all that waiting threads do
 * by themselves, drive the real queues and the model, which are compared after each step.
 */
struct model {
    struct model_node {
        enum { ABSENT, QUEUED, NOTIFIED, UNQUEUED, WOKEN } at;
        bool timed, pred, expired, chosen, passes_on;
        unsigned cond;
        uint64_t arrival, chosen_at;
    } node[NODES];
    unsigned notified[NODES], notified_count;
    uint64_t arrivals[2];
    unsigned calls[NODES];
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

/* The first node in the condition's queue whose arrival is at least `from`; or NODES. */
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
    m->node[i].at = UNQUEUED;
}

static bool model_choose(struct model *m, unsigned i, bool passes_on, uint64_t chosen_at)
{
    struct model_node *node = &m->node[i];
    node->at = UNQUEUED;
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

static unsigned model_pick(struct model *m, const struct flag *flag, bool unchecked)
{
    for (unsigned k = 0; k < m->notified_count;) {
        unsigned i = m->notified[k];
        if (m->node[i].expired) {
            k++;
        } else if (unchecked || !m->node[i].pred) {
            return model_wake(m, i);
        } else {
            m->calls[i]++;
            if (flag[i].value)
                return model_wake(m, i);
            model_remove(m, i);
            m->node[i].at = QUEUED;
            model_pass_on(m, i);
        }
    }
    return NODES;
}

static void assert_same_queue(const struct model *m, unsigned cond)
{
    cond_t *real = cond == 0 ? &f.cond : &f.other;
    char expected[NODES + 1] = "";
    unsigned i;
    size_t n = 0;
    for (uint64_t from = 0; (i = model_first(m, cond, from)) != NODES; from = m->node[i].arrival + 1)
        expected[n++] = (char)('a' + i);
    assert_waiting(real, expected);
}

static void assert_same(const struct model *m)
{
    char expected[NODES + 1] = "";
    assert_same_queue(m, 0);
    assert_same_queue(m, 1);
    for (unsigned k = 0; k < m->notified_count; k++)
        expected[k] = (char)('a' + m->notified[k]);
    assert_notified(expected);
    assert_int_equal(f.cond.u_.local.arrivals, m->arrivals[0]);
    assert_int_equal(f.other.u_.local.arrivals, m->arrivals[1]);
    assert_int_equal(f.lock.flags_, 0);
    for (unsigned i = 0; i < NODES; i++) {
        const struct model_node *node = &m->node[i];
        if (node->at == ABSENT)
            continue;
        assert_int_equal(f.flag[i].calls, m->calls[i]);
        assert_int_equal((f.w[i].state & WAITER_CHOSEN) != 0, node->chosen);
        assert_int_equal(f.w[i].passes_on, node->passes_on);
        if (node->at == NOTIFIED && node->passes_on)
            assert_int_equal(f.w[i].horizon, node->chosen_at > node->arrival ? node->chosen_at - node->arrival - 1 : 0);
    }
}

static void arrive_in_both(struct model *m, unsigned i, unsigned kind, unsigned cond)
{
    arrive_at(cond == 0 ? &f.cond : &f.other, i, kind);
    m->calls[i] = 0;
    m->node[i] = (struct model_node){.at = QUEUED,
                                     .timed = (kind & TIMED) != 0,
                                     .pred = (kind & PRED) != 0,
                                     .cond = cond,
                                     .arrival = m->arrivals[cond]++};
}

/* As a wait does, with the lock held, when node i has timed out or was cancelled. */
static void give_up_in_both(struct model *m, unsigned i)
{
    waitq_leave(&f.w[i], &f.lock);
    model_remove(m, i);
    if (!m->node[i].pred || !f.flag[i].value) {
        waitq_pass_on(&f.w[i], &f.lock);
        model_pass_on(m, i);
    }
    m->node[i].at = ABSENT;
}

/* As a wait does when it was woken and holds the lock. */
static void come_back_in_both(struct model *m, unsigned i)
{
    m->node[i].at = ABSENT;
    if (m->node[i].pred && !f.flag[i].value) {
        f.w[i].state = 0;
        waitq_requeue(&f.w[i], &f.lock);
        m->node[i].chosen = false;
        m->node[i].at = QUEUED;
        model_pass_on(m, i);
    }
}

static void pick_in_both(struct model *m, bool unchecked)
{
    struct cond_waiter *real = unchecked ? waitq_pick_unchecked(&f.lock) : waitq_pick(&f.lock);
    unsigned expected = model_pick(m, f.flag, unchecked);
    if (expected == NODES)
        assert_null(real);
    else
        assert_ptr_equal(real, &f.w[expected]);
}

static void random_step(struct model *m, struct random *random, bool unchecked)
{
    unsigned i = random_below(random, NODES);
    unsigned cond = random_below(random, 2);
    unsigned n = random_below(random, 4);
    struct model_node *node = &m->node[i];
    bool waits = node->at == QUEUED || node->at == NOTIFIED || node->at == UNQUEUED;
    switch (random_below(random, 8)) {
    case 0:
    case 1:
        if (node->at == ABSENT)
            arrive_in_both(m, i, random_below(random, 4), cond);
        break;
    case 2: f.flag[i].value = !f.flag[i].value; break;
    case 3:
        if (waits && node->timed && !node->chosen && !node->expired) {
            expire(i);
            node->expired = true;
        }
        break;
    case 4:
        if (waits && (node->expired || (node->at == QUEUED && n == 0)))
            give_up_in_both(m, i);
        break;
    case 5:
        if (n == 0)
            waitq_notify_all(cond == 0 ? &f.cond : &f.other, &f.lock);
        else
            waitq_notify(cond == 0 ? &f.cond : &f.other, &f.lock, n);
        model_notify(m, cond, n == 0 ? NODES : n, n != 0);
        break;
    case 6: pick_in_both(m, unchecked); break;
    default:
        if (node->at == WOKEN)
            come_back_in_both(m, i);
    }
}

TEST_F(agrees_with_the_model)
{
    enum { SEEDS = 200, STEPS = 1000 };
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct random random = {.state = seed * UINT64_C(0x9E3779B97F4A7C15)};
        struct model m = {0};
        (void)set_up(NULL);
        for (unsigned step = 0; step < STEPS; step++) {
            random_step(&m, &random, seed % 4 == 0);
            assert_same(&m);
        }
    }
}

int main(void) { return RUN_TESTS("waitq"); }
