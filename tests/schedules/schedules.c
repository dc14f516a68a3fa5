/* SPDX-License-Identifier: MIT */
/*
 * The contract of wait, notify and the private and foreign lock: in all schedules of a few threads with a few
 * preemptions, and in many random schedules of more threads. A scenario states what must hold in every schedule.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "behind.h"
#include "mutex.h"
#include "port.h"
#include "section.h"
#include "tuning.h"

static int counter; /* used by the scenario, under the lock */
static unsigned evaluations;

static void reset(unsigned flags)
{
    section_reset(flags);
    counter = 0;
    evaluations = 0;
}

static void reset_mutex(void) { reset(COND_MUTEX); }
static void reset_rlock(void) { reset(COND_RLOCK); }
static bool all_wait(unsigned threads) { return cond_waiters(&cond) + cond_waiters(&other) == threads; }
static bool nobody_waits(void) { return all_wait(0); }
static bool one_waits(void) { return all_wait(1); }
static bool two_wait(void) { return all_wait(2); }
static bool three_wait(void) { return all_wait(3); }
static bool first_ended(void) { return sched_ended(0); }
static bool one_waits_or_first_ended(void) { return one_waits() || results[0] != -1; }
static bool three_wait_or_first_ended(void) { return three_wait() || (results[0] != -1 && two_wait()); }
static bool two_wait_or_first_ended(void) { return two_wait() || (results[0] != -1 && one_waits()); }

static bool counter_positive(void *arg)
{
    (void)arg;
    evaluations++;
    return counter > 0;
}

static bool is_true(void *arg)
{
    evaluations++;
    return *(int *)arg != 0;
}

/* ---- The lock ---- */

static void lock_body(unsigned thread)
{
    for (unsigned i = 0; i < 2; i++) {
        acquire();
        release();
    }
    end(thread);
}

static void lock_timed_body(unsigned thread)
{
    if (thread == 0) {
        int error = cond_lock_acquire_timed(&lock, 100);
        EXPECT(error == 0 || error == ETIMEDOUT);
        if (error == 0) {
            enter();
            release();
        }
        return;
    }
    lock_body(thread);
}

/* Thread 0 makes time pass, so that the others starve. */
static void lock_starving_body(unsigned thread)
{
    if (thread == 0) {
        sched_advance(COND_MS(2));
        sched_advance(COND_MS(2));
    } else if (thread == 3) {
        int error = cond_lock_acquire_timed(&lock, COND_MS(3));
        if (error == 0) {
            enter();
            release();
        }
    } else {
        lock_body(thread);
    }
}

/*
 * After a thread has set STARVING, other threads acquire the lock a bounded number of times before it. In the
 * scenarios below it starves because others acquire, or take turns by notify and wait. The contract has one
 * exception: if the lock was free for TUNING_STARVATION_NS and the starving thread did not take it, a running thread
 * may take it.
 */
enum { VICTIM = 2 }; /* the thread that starves */

static struct {
    bool pending;      /* the victim wants the lock */
    bool starves;      /* and since then the victim or an earlier thread has set STARVING */
    unsigned barged;   /* how often another thread acquired the lock since then */
    int64_t freed_ns;  /* when the lock was last freed */
} fair;

static bool is_kept(void) { return (*lock_word(&lock) & MUTEX_STARVING_ALL) != 0; }

static void fair_setup(void)
{
    reset(COND_MUTEX);
    memset(&fair, 0, sizeof fair);
}

/* Called by a thread that has just acquired the lock. */
static void fair_take(unsigned thread, unsigned at_most)
{
    sched_progress();
    bool was_free = cond_now() - fair.freed_ns >= TUNING_STARVATION_NS;
    if (thread == VICTIM)
        fair.pending = fair.starves = false;
    else if (fair.starves && !was_free)
        EXPECT(++fair.barged <= at_most);
}

/* Called before the thread releases the lock. */
static void fair_leave(void)
{
    if (!fair.starves)
        fair.barged = 0;
    fair.starves = fair.pending && is_kept();
    fair.freed_ns = cond_now();
}

static void fair_use(unsigned thread, unsigned at_most)
{
    fair.pending = fair.pending || thread == VICTIM;
    acquire();
    fair_take(thread, at_most);
    fair_leave();
    release();
}

static void let_time_pass(void)
{
    for (unsigned i = 0; i < 3; i++)
        sched_advance(COND_MS(2));
}

/* Thread 1 takes the lock again and again; thread 2 wants it once. */
static void barging_body(unsigned thread)
{
    if (thread == 0) {
        let_time_pass();
        return;
    }
    for (unsigned i = 0; i < (thread == VICTIM ? 1u : 8u); i++)
        fair_use(thread, 0);
}

/* Threads 0 and 1 take turns by notify and wait, and time passes while they hold the lock. Thread 2 wants the lock
   once. Each of the two may have begun to starve before thread 2, and may be chosen on the list's turn while it is on
   its way. */
enum { TURNS = 9, BARGED_BY_TURNS = 4 };

static void turns_body(unsigned thread)
{
    if (thread == VICTIM) {
        fair_use(thread, 0);
        return;
    }
    acquire();
    for (unsigned i = 0; i < TURNS; i++) {
        fair_take(thread, BARGED_BY_TURNS);
        sched_advance(COND_MS(1));
        EXPECT(cond_notify(&cond, 1) == 0);
        fair_leave();
        if (i + 1 < TURNS)
            (void)wait_on(&cond, NULL, NULL, COND_MS(20)); /* nobody notifies the last wait */
    }
    release();
}

/* The lock is free and reserved for a starving thread that does not run, for example because it has no core. Any
   other thread gets it within the starvation threshold. */
static void kept_setup(void)
{
    reset(COND_MUTEX);
    *lock_word(&lock) = MUTEX_STARVING | MUTEX_SLEEPERS;
}

static void kept_body(unsigned thread)
{
    int64_t began_ns = cond_now();
    if (thread == 0) {
        EXPECT(cond_lock_try_acquire(&lock) == EBUSY);
        EXPECT(cond_lock_acquire_timed(&lock, TUNING_STARVATION_NS / 2) == ETIMEDOUT);
        EXPECT(cond_now() - began_ns >= TUNING_STARVATION_NS / 2);
        return;
    }
    sched_until(first_ended);
    began_ns = cond_now();
    acquire();
    EXPECT(cond_now() - began_ns <= TUNING_STARVATION_NS);
    EXPECT(is_kept());
    *lock_word(&lock) -= MUTEX_STARVING; /* the starving thread times out */
    release();
}

/* More threads starve than the word can count, which 62 others help to fill until thread 0 releases. None of threads 1,
   2 and 3 may stay asleep: not when they take the lock, and not when thread 0 destroys it meanwhile. */
static bool first_holds, first_destroys;

static void uncounted_setup(void)
{
    reset(COND_MUTEX);
    first_holds = first_destroys = false;
}

static void uncounted_destroy_setup(void)
{
    uncounted_setup();
    first_destroys = true;
}

static bool first_has_it(void) { return first_holds; }

static bool others_starve(void)
{
    const uint32_t *word = lock_word(&lock);
    return sched_blocked_on(1, word) && sched_blocked_on(2, word) && sched_blocked_on(3, word);
}

static void uncounted_body(unsigned thread)
{
    uint32_t elsewhere = MUTEX_COUNTS_ALL ? 0 : MUTEX_STARVING_ALL - MUTEX_STARVING;
    if (thread == 0) {
        acquire();
        *lock_word(&lock) += elsewhere;
        first_holds = true;
        sched_until(others_starve);
        *lock_word(&lock) -= elsewhere; /* they time out */
    } else {
        sched_until(first_has_it);
        int error = cond_lock_acquire(&lock);
        EXPECT(error == 0 || (first_destroys && error == EINVAL));
        if (error != 0)
            return;
        enter();
    }
    release();
    if (thread == 0 && first_destroys) {
        int error = cond_lock_destroy(&lock);
        EXPECT(error == 0 || error == EBUSY);
        first_destroys = error == 0;
    }
}

static void uncounted_check(void)
{
    EXPECT(cond_lock_destroy(&lock) == (first_destroys ? EINVAL : 0));
}

static void try_body(unsigned thread)
{
    int error = thread == 0 ? cond_lock_acquire(&lock) : cond_lock_try_acquire(&lock);
    EXPECT(error == 0 || (thread != 0 && error == EBUSY));
    if (error == 0) {
        enter();
        release();
    }
}

/* ---- Wait and notify ---- */

/* Two threads wait, and two notifies wake one each. If a notification is lost, a thread sleeps for ever. */
static void notify_each_body(unsigned thread)
{
    if (thread < 2) {
        EXPECT(wait_once(thread, &cond, NULL, NULL, COND_FOREVER) == 0);
        return;
    }
    sched_until(two_wait);
    for (unsigned i = 0; i < 2; i++)
        notify(&cond, 1);
}

/* Thread 0 waits with a deadline that may pass at any step, thread 1 without one. One notify chooses exactly one of
   them: if thread 0 times out, it chooses thread 1. */
static void timeout_race_body(unsigned thread)
{
    if (thread < 2) {
        (void)wait_once(thread, &cond, NULL, NULL, thread == 0 ? COND_MS(1) : COND_FOREVER);
        return;
    }
    sched_until(two_wait_or_first_ended);
    notify(&cond, 1);
}

static bool was_quiet;

static void timeout_race_setup(void)
{
    reset(COND_RLOCK);
    was_quiet = false;
}

static void timeout_race_quiet(void)
{
    was_quiet = true;
    EXPECT(results[0] == 0 && results[1] == -1); /* thread 0 was chosen */
    EXPECT(cond_waiters(&cond) == 1);
    notify_all(&cond);
}

static void timeout_race_check(void)
{
    EXPECT(results[1] == 0);
    EXPECT(results[0] == (was_quiet ? 0 : ETIMEDOUT)); /* the notify chose exactly one */
    check_clean();
}

/* The same, but another thread stops thread 0, at any step and without the lock. */
static cond_stop_t stop;

static void stop_race_setup(void)
{
    timeout_race_setup();
    memset(&stop, 0, sizeof stop);
}

static int wait_stoppably(cond_pred_t *pred)
{
    leave();
    int result = cond_wait_with(&cond, &(cond_wait_options_t){.pred = pred, .stop = &stop});
    enter();
    EXPECT(cond_lock_owned(&lock));
    return result;
}

static void stop_race_body(unsigned thread)
{
    if (thread == 0) {
        acquire();
        results[0] = wait_stoppably(NULL);
        release();
    } else if (thread == 3) {
        EXPECT(cond_stop(&stop) == 0);
    } else {
        timeout_race_body(thread);
    }
}

static void stop_race_check(void)
{
    EXPECT(results[1] == 0);
    EXPECT(results[0] == (was_quiet ? 0 : ECANCELED));
    EXPECT(sched_stalls() == 0);
    check_clean();
}

/* A waiter that was woken finds its predicate false, because another thread was faster. It is stopped at any step,
   also while it goes back to sleep. */
static void stop_barged_body(unsigned thread)
{
    if (thread == 0) {
        acquire();
        results[0] = wait_stoppably(counter_positive);
        EXPECT(results[0] == (counter > 0 ? 0 : ECANCELED));
        release();
    } else if (thread == 1) {
        sched_until(one_waits_or_first_ended);
        add_and_notify(&counter);
        acquire();
        if (results[0] == -1)
            counter = 0;
        release();
    } else {
        EXPECT(cond_stop(&stop) == 0);
    }
}

/* Two of three waiters are notified: exactly the first two, in order. The third one stays. */
static void exact_body(unsigned thread)
{
    if (thread < 3) {
        (void)wait_once(thread, &cond, NULL, NULL, COND_FOREVER);
        return;
    }
    sched_until(three_wait);
    acquire();
    EXPECT(cond_notify(&cond, 2) == 0);
    EXPECT(cond_waiters(&cond) == 1);
    release();
}

static void exact_quiet(void)
{
    EXPECT(ended_count == 2 && ended[0] == arrived[0] && ended[1] == arrived[1]);
    EXPECT(cond_waiters(&cond) == 1);
    notify(&cond, SIZE_MAX);
}

static void exact_check(void)
{
    EXPECT(ended_count == 3 && ended[2] == arrived[2]);
    check_clean();
}

/* A broadcast while other threads want the lock. */
static void broadcast_body(unsigned thread)
{
    if (thread < 2) {
        EXPECT(wait_once(thread, &cond, NULL, NULL, COND_FOREVER) == 0);
    } else if (thread == 3) {
        lock_body(thread);
    } else {
        sched_until(two_wait);
        notify_all(&cond);
        acquire();
        release();
    }
}

/* A waiter holds the lock three levels deep. The wait releases all levels and restores them. */
static void recursion_body(unsigned thread)
{
    if (thread == 0) {
        for (unsigned i = 0; i < 3; i++)
            EXPECT(cond_lock_acquire(&lock) == 0);
        enter();
        int result = wait_on(&cond, NULL, NULL, COND_MS(1));
        EXPECT(result == 0 || result == ETIMEDOUT);
        leave();
        for (unsigned i = 0; i < 3; i++)
            EXPECT(cond_lock_release(&lock) == 0);
        EXPECT(cond_lock_release(&lock) == EPERM);
        return;
    }
    acquire();
    EXPECT(cond_lock_acquire(&lock) == 0);
    EXPECT(cond_notify(&cond, 1) == 0);
    EXPECT(cond_lock_release(&lock) == 0);
    release();
}

/* ---- Delegated predicates ---- */

static void take_item(void)
{
    acquire();
    EXPECT(wait_on(&cond, counter_positive, NULL, COND_FOREVER) == 0);
    EXPECT(counter > 0);
    counter--;
    release();
}

/* The notifier notifies first and changes the state afterwards, in one critical section. */
static void notify_first_body(unsigned thread)
{
    if (thread < 2) {
        take_item();
        return;
    }
    sched_until(two_wait);
    acquire();
    EXPECT(cond_notify(&cond, 2) == 0);
    EXPECT(cond_waiters(&cond) == 0);
    counter = 2;
    release();
}

/* A buffer for one item, two producers, two consumers, one condition, notify(1). A notification that is passed on
   must reach a waiter that can use it. */
static int buffer, taken;
static unsigned buffer_rounds;
static unsigned buffer_awaits; /* one bit for each thread that awaits. If all await, nobody notifies. */
static bool buffer_empty(void *arg) { (void)arg; return buffer == 0; }
static bool buffer_full(void *arg) { (void)arg; return buffer == 1; }

static void buffer_setup(void)
{
    reset(COND_RLOCK);
    buffer = taken = 0;
    buffer_rounds = 1;
    buffer_awaits = 0;
}

static void buffer_await_setup(void) { buffer_setup(); buffer_awaits = ~0u; }
static void buffer_mixed_setup(void) { buffer_setup(); buffer_awaits = 6; } /* a consumer, and the producer that waits */

static void crowd_setup(void)
{
    buffer_setup();
    buffer_rounds = 3;
}

static void crowd_await_setup(void) { crowd_setup(); buffer_awaits = ~0u; }
static void crowd_mixed_setup(void) { crowd_setup(); buffer_awaits = 0x5A5; }

static void buffer_use(unsigned thread, int64_t timeout_ns, bool all)
{
    bool producer = thread % 2 == 0;
    unsigned rounds = buffer_rounds;
    while (rounds > 0) {
        acquire();
        int result = (buffer_awaits >> thread & 1 ? await_on : wait_on)(&cond, producer ? buffer_empty : buffer_full, NULL,
                                                                        timeout_ns);
        if (result == 0) {
            EXPECT(buffer == (producer ? 0 : 1));
            buffer = producer ? 1 : 0;
            taken += producer ? 0 : 1;
            rounds--;
            if (buffer_awaits != ~0u)
                EXPECT((all ? cond_notify_all(&cond) : cond_notify(&cond, 1)) == 0);
        } else {
            EXPECT(result == ETIMEDOUT && buffer == (producer ? 1 : 0));
        }
        release();
    }
}

static void buffer_body(unsigned thread) { buffer_use(thread, COND_FOREVER, false); }
static void buffer_all_body(unsigned thread) { buffer_use(thread, COND_FOREVER, true); }
static void buffer_timed_body(unsigned thread) { buffer_use(thread, thread == 1 ? COND_MS(1) : COND_FOREVER, false); }

static void buffer_check(void)
{
    EXPECT(buffer == 0 && taken >= 2);
    check_clean();
}

/* The predicate of the first waiter is false: notify(1) wakes the second one, and the first one keeps its place. */
static int first_flag, second_flag;

static void pass_on_setup(void)
{
    reset(COND_RLOCK);
    first_flag = second_flag = 0;
}

static void pass_on_body(unsigned thread)
{
    if (thread < 2) {
        acquire();
        unsigned place = arrived_count++;
        arrived[place] = thread;
        EXPECT(wait_on(&cond, is_true, place == 0 ? &first_flag : &second_flag, COND_FOREVER) == 0);
        end(thread);
        release();
        return;
    }
    sched_until(two_wait);
    acquire();
    evaluations = 0;
    second_flag = 1;
    EXPECT(cond_notify(&cond, 1) == 0);
    release();
}

static void pass_on_quiet(void)
{
    EXPECT(ended_count == 1 && ended[0] == arrived[1]);
    EXPECT(evaluations == 3); /* the first, the second, and the second by itself once it holds the lock */
    EXPECT(cond_waiters(&cond) == 1);
    add_and_notify(&first_flag);
}

/* A waiter is notified while its predicate is true for a moment, and put back. When its deadline passes it returns
   ETIMEDOUT, or 0 if it was woken in time. It must not stay asleep. */
static void put_back_body(unsigned thread)
{
    if (thread == 0) {
        acquire();
        results[0] = wait_on(&cond, counter_positive, NULL, COND_MS(1));
        EXPECT((results[0] == 0) == (counter > 0));
        release();
        return;
    }
    sched_until(one_waits_or_first_ended);
    acquire();
    counter = 1;
    EXPECT(cond_notify(&cond, 1) == 0);
    counter = 0;
    release();
    acquire();
    release();
}

/* Another thread acquires the lock before the woken waiter and makes its predicate false. The waiter goes back to its
   place, and a later notify finds it. */
static void barged_body(unsigned thread)
{
    if (thread == 0) {
        take_item();
        return;
    }
    if (thread == 1) {
        sched_until(one_waits);
        add_and_notify(&counter);
        return;
    }
    acquire();
    if (counter > 0)
        counter--;
    else
        counter = -1; /* too early: no waiter was woken */
    bool took = counter == 0;
    if (counter < 0)
        counter = 0;
    release();
    if (took)
        add_and_notify(&counter);
}

/* A waiter that times out with its predicate false passes its notification on, whenever it times out. The second
   waiter's predicate is true, so it is woken. */
static void expired_passes_on_body(unsigned thread)
{
    acquire();
    if (thread < 2) {
        results[thread] = thread == 0 ? wait_on(&cond, is_true, &first_flag, COND_MS(1))
                                      : wait_on(&cond, is_true, &second_flag, COND_FOREVER);
        EXPECT(results[thread] == (thread == 0 ? ETIMEDOUT : 0));
    }
    release();
    if (thread < 2)
        return;
    sched_until(two_wait_or_first_ended);
    add_and_notify(&second_flag);
}

/* There are two kinds of items. Thread 1 is woken for an item of the first kind. Thread 0 has timed out, acquires the
   lock first and takes that item. Thread 0 itself was chosen by the notify for thread 2, which arrived in between, so
   it passes that notification on. */
static bool notified_once;

static bool was_notified_once(void) { return notified_once; }
static bool third_came(void) { return arrived_count == 1; }

static void takes_anothers_setup(void)
{
    pass_on_setup();
    notified_once = false;
}

static void takes_anothers_body(unsigned thread)
{
    if (thread == 3) {
        sched_until(two_wait_or_first_ended);
        add_and_notify(&first_flag);
        notified_once = true;
        sched_until(third_came);
        add_and_notify(&second_flag);
        return;
    }
    int *wanted = thread == 2 ? &second_flag : &first_flag;
    if (thread == 2)
        sched_until(was_notified_once);
    acquire();
    if (thread == 2)
        arrived_count++;
    results[thread] = wait_on(&cond, is_true, wanted, thread == 0 ? COND_MS(1) : COND_FOREVER);
    EXPECT(results[thread] == 0 || (thread == 0 && results[thread] == ETIMEDOUT));
    *wanted -= results[thread] == 0;
    release();
}

static void takes_anothers_quiet(void)
{
    EXPECT(first_flag == 0 || (results[0] != -1 && results[1] != -1));
    EXPECT(second_flag == 0 || results[2] != -1);
    EXPECT(cond_lock_acquire(&lock) == 0);
    first_flag = second_flag = 3;
    EXPECT(cond_notify_all(&cond) == 0);
    EXPECT(cond_lock_release(&lock) == 0);
}

/* ---- Await ---- */

/* Thread 0 awaits on the other condition, threads 1 and 2 on the first one. Thread 3 changes the state of their
   predicates. Each of its releases calls each predicate at most once, and those of one condition in order of arrival.
   This also holds after a waiter was woken in vain. */
static struct wish {
    int flag;
    unsigned place, looks; /* its number in order of arrival; calls of its predicate in this release of thread 3 */
} wishes[3];
static unsigned looked_until; /* the place of the last predicate on the first condition, in this release */
static uintptr_t changer;     /* thread 3, while it releases; else 0 */

static bool is_granted(void *arg)
{
    struct wish *wish = arg;
    if (port_self() == changer) {
        EXPECT(++wish->looks == 1);
        EXPECT(wish == &wishes[0] || wish->place > looked_until);
        looked_until = wish == &wishes[0] ? looked_until : wish->place;
    }
    return wish->flag != 0;
}

static void wishes_setup(void)
{
    reset(COND_RLOCK);
    memset(wishes, 0, sizeof wishes);
    changer = 0;
}

static void change_wishes(int first, int second, int third)
{
    acquire();
    wishes[0].flag = first;
    wishes[1].flag = second;
    wishes[2].flag = third;
    for (unsigned i = 0; i < 3; i++)
        wishes[i].looks = 0;
    looked_until = 0;
    leave();
    changer = port_self();
    EXPECT(cond_lock_release(&lock) == 0);
    changer = 0;
}

static void wishes_body(unsigned thread)
{
    if (thread < 3) {
        acquire();
        wishes[thread].place = ++arrived_count;
        EXPECT(await_on(thread == 0 ? &other : &cond, is_granted, &wishes[thread], COND_FOREVER) == 0);
        EXPECT(wishes[thread].flag != 0);
        release();
        return;
    }
    sched_until(three_wait);
    change_wishes(0, 0, 1);
    change_wishes(0, 0, 0); /* if this is before thread 2 has the lock, it was woken in vain */
    change_wishes(0, 0, 0);
    change_wishes(0, 1, 0);
    change_wishes(0, 0, 0);
}

static void wishes_quiet(void)
{
    for (unsigned i = 0; i < 3; i++)
        wishes[i].looks = 0;
    change_wishes(1, 1, 1);
}

/* A thread awaits with a deadline. Its predicate becomes true, and a faster thread may make it false again. The
   thread is counted exactly while it waits, and must not stay asleep while its predicate is true. */
static void await_timed_body(unsigned thread)
{
    if (thread == 0) {
        acquire();
        results[0] = await_on(&cond, counter_positive, NULL, COND_MS(1));
        EXPECT(results[0] == (counter > 0 ? 0 : ETIMEDOUT));
        EXPECT(cond_waiters(&cond) == 0);
        counter -= results[0] == 0;
        release();
        return;
    }
    sched_until(one_waits_or_first_ended);
    acquire();
    if (thread == 1) {
        counter++;
    } else if (counter > 0) {
        counter--;
        release();
        acquire();
        counter++;
    }
    EXPECT(cond_waiters(&cond) <= 1);
    release();
}

/* ---- Close and cancel ---- */

/* Thread 0 waits without a predicate, 1 with one that stays false, 2 awaits it. They may have a deadline. Thread 3
   closes the condition and destroys it at once. All waits return and do not touch the condition afterwards. */
static int64_t close_timeout_ns;

static void close_setup(void)
{
    pass_on_setup();
    close_timeout_ns = COND_FOREVER;
}

static void close_timed_setup(void)
{
    pass_on_setup();
    close_timeout_ns = COND_MS(1);
}

static bool close_may_begin(void)
{
    unsigned back = 0;
    for (unsigned i = 0; i < 3; i++)
        back += results[i] != -1;
    return cond_waiters(&cond) + back == 3;
}

static void close_body(unsigned thread)
{
    if (thread < 3) {
        acquire();
        results[thread] = thread == 2 ? await_on(&cond, is_true, &first_flag, close_timeout_ns)
                                      : wait_on(&cond, thread == 0 ? NULL : is_true, &first_flag, close_timeout_ns);
        EXPECT(results[thread] == ECANCELED || (results[thread] == ETIMEDOUT && close_timeout_ns != COND_FOREVER));
        release();
        return;
    }
    sched_until(close_may_begin);
    acquire();
    EXPECT(cond_close(&cond) == 0 && cond_closed(&cond));
    EXPECT(cond_waiters(&cond) == 0);
    EXPECT(cond_notify_all(&cond) == 0);
    release();
    EXPECT(cond_destroy(&cond) == 0);
    memset(&cond, 0x5A, sizeof cond);
}

/* The same while they arrive. A wait that begins after the close returns at once, 0 if its predicate is true. */
static void close_arrival_body(unsigned thread)
{
    acquire();
    if (thread == 3) {
        first_flag = 1;
        EXPECT(cond_close(&cond) == 0 && cond_close(&cond) == 0);
    } else {
        for (unsigned i = 0; i < 2; i++) {
            results[thread] = thread == 2 ? await_on(&cond, is_true, &first_flag, COND_FOREVER)
                                          : wait_on(&cond, thread == 0 ? NULL : is_true, &first_flag, COND_FOREVER);
            EXPECT(results[thread] == (thread != 0 && first_flag ? 0 : ECANCELED));
            first_flag = 0;
        }
    }
    release();
}

/* notify(1), then close: of two waits exactly the first one returns 0. A third thread waits with a false predicate on
   the other condition, which is closed too. */
static void close_notified_body(unsigned thread)
{
    if (thread == 3)
        sched_until(three_wait);
    acquire();
    if (thread == 3) {
        EXPECT(cond_notify(&cond, 1) == 0 && cond_notify(&other, 1) == 0);
        EXPECT(cond_close(&cond) == 0 && cond_close(&other) == 0);
    } else if (thread == 2) {
        EXPECT(wait_on(&other, is_true, &first_flag, COND_FOREVER) == ECANCELED);
    } else {
        unsigned place = arrived_count++;
        EXPECT(wait_on(&cond, NULL, NULL, COND_FOREVER) == (place == 0 ? 0 : ECANCELED));
    }
    release();
}

static cond_token_t token;

static void cancel_setup(void)
{
    pass_on_setup();
    token = (cond_token_t){0};
}

static bool two_wait_or_any_back(void) { return two_wait() || results[0] != -1 || results[1] != -1; }

/* Thread 0 waits with a token, 1 without. Thread 2 notifies once, 3 cancels. A chosen waiter keeps its notification.
   If the cancel came first, the notification goes to thread 1. */
static void cancel_body(unsigned thread)
{
    if (thread < 2) {
        acquire();
        arrived[arrived_count++] = thread;
        results[thread] = wait_by(&cond, NULL, NULL, COND_FOREVER, false, thread == 0 ? &token : NULL);
        EXPECT(results[thread] == 0 || (thread == 0 && results[thread] == ECANCELED && token.cancelled_));
        release();
        return;
    }
    sched_until(two_wait_or_any_back);
    acquire();
    if (thread == 2) {
        results[2] = (int)token.cancelled_; /* whether the cancel came first */
        EXPECT(cond_notify(&cond, 1) == 0);
    } else {
        EXPECT(cond_cancel(&cond, &token) == 0);
    }
    release();
}

static void cancel_quiet(void)
{
    EXPECT(results[0] == 0 && results[1] == -1 && arrived[0] == 0 && results[2] == 0);
    notify_all(&cond);
}

static void cancel_check(void)
{
    EXPECT((results[0] == 0) == (arrived[0] == 0 && results[2] == 0));
    EXPECT(results[1] == 0);
    check_clean();
}

/* Thread 0 waits with a token and is notified before the cancel, in one critical section, so it returns 0. Every
   later wait with the token returns ECANCELED. */
static void cancel_notified_body(unsigned thread)
{
    if (thread == 1)
        sched_until(one_waits_or_first_ended);
    acquire();
    if (thread == 1) {
        EXPECT(cond_notify(&cond, 1) == 0 && cond_cancel(&cond, &token) == 0);
    } else if (thread == 0) {
        results[0] = wait_by(&cond, NULL, NULL, COND_FOREVER, false, &token);
        EXPECT(results[0] == 0);
        EXPECT(wait_by(&cond, NULL, NULL, COND_FOREVER, false, &token) == ECANCELED);
        EXPECT(wait_by(&other, is_true, &first_flag, COND_FOREVER, true, &token) == ECANCELED);
    }
    release();
}

/* Thread 0 waits with a token and a false predicate, thread 1 with a true predicate. One notify and then the cancel,
   in one critical section: the notification is passed on. Thread 3 awaits a false predicate with the same token. */
static void cancel_passes_on_body(unsigned thread)
{
    if (thread == 2) {
        sched_until(three_wait);
        acquire();
        second_flag = 1;
        EXPECT(cond_notify(&cond, 1) == 0);
        EXPECT(cond_cancel(&cond, &token) == 0);
        EXPECT(cond_waiters(&cond) <= 1);
        release();
        return;
    }
    acquire();
    results[thread] = wait_by(&cond, is_true, thread == 1 ? &second_flag : &first_flag, COND_FOREVER, thread == 3,
                              thread == 1 ? NULL : &token);
    EXPECT(results[thread] == (thread == 1 ? 0 : ECANCELED));
    release();
}

/* ---- Two conditions, destruction, foreign locks ---- */

static void two_conditions_body(unsigned thread)
{
    if (thread < 2) {
        EXPECT(wait_once(thread, thread == 0 ? &cond : &other, NULL, NULL, COND_FOREVER) == 0);
        return;
    }
    sched_until(two_wait);
    notify(&other, 1);
}

static void two_conditions_quiet(void)
{
    EXPECT(ended_count == 1 && ended[0] == 1);
    notify_all(&other);
    notify_all(&cond);
}

static void two_conditions_check(void)
{
    EXPECT(ended_count == 2);
    check_clean();
}

/* The woken thread destroys the condition and reuses its memory at once. */
static cond_t doomed;

static void doomed_setup(void)
{
    reset(COND_RLOCK);
    EXPECT(cond_init(&doomed, NULL, 0) == 0);
}

static bool doomed_waits(void) { return cond_waiters(&doomed) == 1; }

static bool all_bytes(const void *memory, size_t size, unsigned char byte)
{
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)memory)[i] != byte)
            return false;
    return true;
}

static void doomed_body(unsigned thread)
{
    if (thread == 0) {
        EXPECT(cond_acquire(&doomed) == 0);
        EXPECT(cond_wait(&doomed, COND_FOREVER) == 0);
        EXPECT(cond_release(&doomed) == 0);
        EXPECT(cond_destroy(&doomed) == 0);
        memset(&doomed, 0x5A, sizeof doomed);
        return;
    }
    sched_until(doomed_waits);
    EXPECT(cond_acquire(&doomed) == 0);
    EXPECT(cond_notify(&doomed, 1) == 0);
    EXPECT(cond_release(&doomed) == 0);
}

static void doomed_check(void) { EXPECT(all_bytes(&doomed, sizeof doomed, 0x5A)); }

/* Destroy races with threads that acquire and wait. Either destroy or the other call returns an error, and no thread
   stays asleep. */
static int destroyed;

static void late_setup(void)
{
    doomed_setup();
    destroyed = -1;
}

static void late_body(unsigned thread)
{
    if (thread == 0) {
        destroyed = cond_destroy(&doomed);
        EXPECT(destroyed == 0 || destroyed == EBUSY);
        return;
    }
    int error = cond_acquire(&doomed);
    if (error == 0) {
        EXPECT(cond_wait(&doomed, COND_MS(1)) == ETIMEDOUT);
        EXPECT(cond_release(&doomed) == 0);
    } else {
        EXPECT(error == EINVAL);
    }
}

static void late_check(void) { EXPECT(cond_destroy(&doomed) == (destroyed == 0 ? EINVAL : 0)); }

/* The same with two threads that sleep for the lock. The release before the destroy wakes only one. Both must return
   EINVAL, and the other must not first wake up by itself. */
static void late_prompt_check(void)
{
    EXPECT(sched_stalls() == 0);
    late_check();
}

static void late_sleepers_body(unsigned thread)
{
    int error = cond_acquire(&doomed);
    EXPECT(error == 0 || (thread != 0 && error == EINVAL));
    if (error == 0) {
        sched_step();
        EXPECT(cond_release(&doomed) == 0);
    }
    if (thread == 0) {
        destroyed = cond_destroy(&doomed);
        EXPECT(destroyed == 0 || destroyed == EBUSY);
    }
}

/* The condition is destroyed while a woken waiter is on its way and its predicate is false, which the rules forbid.
   The waiter cannot go back to its place, so its wait returns EINVAL. */
static void cannot_go_back_body(unsigned thread)
{
    if (thread == 0) {
        acquire();
        results[0] = wait_on(&cond, counter_positive, NULL, COND_FOREVER);
        EXPECT(results[0] == (counter > 0 ? 0 : EINVAL));
        release();
        return;
    }
    sched_until(one_waits);
    add_and_notify(&counter);
    acquire();
    counter = 0;
    int error = cond_destroy(&cond);
    release();
    EXPECT(error == 0 || error == EBUSY);
    if (error == EBUSY)
        add_and_notify(&counter); /* the waiter has already gone back */
}

static void cannot_go_back_check(void) { EXPECT(!cond_lock_locked(&lock) && cond_lock_destroy(&lock) == 0); }

/* The notifier destroys the condition after its release, while the woken waiters are on their way. */
static void doomed_elsewhere_body(unsigned thread)
{
    if (thread < 2) {
        EXPECT(wait_once(thread, &cond, thread == 0 ? NULL : is_true, &first_flag, COND_FOREVER) == 0);
        return;
    }
    sched_until(two_wait);
    acquire();
    first_flag = 1;
    EXPECT(cond_notify_all(&cond) == 0);
    release();
    EXPECT(cond_destroy(&cond) == 0);
    memset(&cond, 0x5A, sizeof cond);
}

/* The condition does not own its lock, and its only waiter times out. The other thread does not acquire the lock.
   When destroy returns 0, the waiter no longer touches the condition. */
static void doomed_without_lock_body(unsigned thread)
{
    if (thread == 0) {
        EXPECT(wait_once(0, &cond, NULL, NULL, COND_MS(1)) == ETIMEDOUT);
        return;
    }
    sched_until(one_waits_or_first_ended);
    int error;
    while ((error = cond_destroy(&cond)) == EBUSY)
        sched_until(nobody_waits);
    EXPECT(error == 0);
    memset(&cond, 0x5A, sizeof cond);
}

/* Destroy races with another call, on a lock that is not private. The memory stays valid. */
static void doomed_beside_calls_body(unsigned thread)
{
    int error = thread == 0 ? cond_destroy(&cond) : cond_acquire(&cond);
    EXPECT(error == 0 || (thread == 1 && error == EINVAL));
    if (thread == 1 && error == 0)
        EXPECT(cond_lock_release(&lock) == 0);
}

static void doomed_beside_calls_check(void)
{
    EXPECT(cond_acquire(&cond) == EINVAL && cond_destroy(&cond) == EINVAL && cond_lock_destroy(&lock) == 0);
}

static void doomed_elsewhere_check(void)
{
    EXPECT(all_bytes(&cond, sizeof cond, 0x5A));
    EXPECT(cond_lock_destroy(&lock) == 0);
}

static void foreign_reset(void)
{
    behind_is_lost = false;
    behind_tries_when_lost = 0;
    EXPECT(cond_lock_init(&behind, COND_MUTEX) == 0);
    EXPECT(cond_lock_init_foreign(&lock, &behind_ops, &behind) == 0);
    EXPECT(cond_init(&cond, &lock, 0) == 0);
    EXPECT(cond_init(&other, &lock, 0) == 0);
}

/* Two threads destroy the condition, and a third one closes it. Only one destroy returns 0, and the close does not make
   the condition usable again. With a foreign lock, the two threads then destroy its handle too. */
static unsigned destroys, lock_destroys;

static void destroyed_by_two_setup(void)
{
    reset_rlock();
    destroys = lock_destroys = 0;
}

static void foreign_destroyed_by_two_setup(void)
{
    destroyed_by_two_setup();
    foreign_reset();
}

static void destroyed_by_two_body(unsigned thread)
{
    if (thread < 2) {
        int error = cond_destroy(&cond);
        EXPECT(error == 0 || error == EINVAL);
        destroys += error == 0;
        return;
    }
    acquire();
    int error = cond_close(&cond);
    EXPECT(error == 0 || error == EINVAL);
    release();
}

static void foreign_destroyed_by_two_body(unsigned thread)
{
    destroyed_by_two_body(thread);
    if (thread < 2) {
        int error = cond_lock_destroy(&lock);
        EXPECT(error == 0 || error == EINVAL);
        lock_destroys += error == 0;
    }
}

static void destroyed_by_two_check(void)
{
    EXPECT(destroys == 1 && cond_destroy(&cond) == EINVAL && !cond_closed(&cond));
    EXPECT(cond_acquire(&cond) == EINVAL && cond_lock_destroy(&lock) == 0);
}

static void foreign_destroyed_by_two_check(void)
{
    EXPECT(destroys == 1 && cond_destroy(&cond) == EINVAL);
    EXPECT(lock_destroys == 1 && cond_lock_destroy(&lock) == EINVAL);
}

/* Acquiring the foreign lock fails for good. There are three waiters on two conditions, with and without a deadline.
   The first waiter that gets the error wakes the others of its condition; a notify wakes those of the other
   condition. No waiter stays counted, all get the same error, and none touches a condition after destroy. */
static void lost_setup(void)
{
    reset_rlock();
    foreign_reset();
}

static void lost_waiter(unsigned thread, cond_t *where, cond_pred_t *pred, int64_t timeout_ns)
{
    EXPECT(cond_lock_acquire(&lock) == 0);
    counter = 0;
    results[thread] = pred != NULL ? cond_wait_for(where, pred, NULL, timeout_ns) : cond_wait(where, timeout_ns);
    if (results[thread] == ETIMEDOUT)
        EXPECT(cond_lock_release(&lock) == 0);
    else
        EXPECT(results[thread] == ENOTRECOVERABLE);
}

static bool lost_nobody_is_counted(void) { return cond.waiters_ == 0; }
static bool lost_or_expired(void) { return results[0] == ETIMEDOUT || lost_nobody_is_counted(); }

static void lost_body(unsigned thread)
{
    switch (thread) {
    case 0: lost_waiter(thread, &cond, NULL, COND_MS(1)); return;
    case 1: lost_waiter(thread, &cond, NULL, COND_FOREVER); return;
    case 2: lost_waiter(thread, &other, counter_positive, COND_FOREVER); return;
    default: break;
    }
    sched_until(three_wait_or_first_ended);
    EXPECT(cond_lock_acquire(&lock) == 0);
    behind_is_lost = true;
    EXPECT(cond_lock_release(&lock) == 0);
    sched_until(lost_or_expired);
    if (results[0] == ETIMEDOUT) { /* it returned before the lock was lost, so no waiter has got the error */
        EXPECT(cond_destroy(&cond) == EBUSY);
        EXPECT(cond_notify_all(&cond) == ENOTRECOVERABLE);
    }
    sched_until(lost_nobody_is_counted);
    EXPECT(cond_destroy(&cond) == 0);
    memset(&cond, 0x5A, sizeof cond);
    EXPECT(other.waiters_ == 1 && cond_lock_destroy(&lock) == EINVAL);
    if (results[0] == ETIMEDOUT) {
        EXPECT(cond_destroy(&other) == 0); /* which wakes the last one */
        memset(&other, 0x5A, sizeof other);
    } else {
        EXPECT(cond_notify(&other, 0) == EINVAL && other.waiters_ == 0);
    }
}

static void lost_check(void)
{
    EXPECT(all_bytes(&cond, sizeof cond, 0x5A));
    EXPECT(results[0] == ETIMEDOUT ? all_bytes(&other, sizeof other, 0x5A) : cond_destroy(&other) == 0);
    EXPECT(results[1] == ENOTRECOVERABLE && results[2] == ENOTRECOVERABLE);
    EXPECT(behind_tries_when_lost <= 1);
    EXPECT(evaluations == 1);
    EXPECT(cond_lock_acquire(&lock) == EINVAL && cond_lock_destroy(&lock) == EINVAL);
    EXPECT(lock.u_.local.active_waits == 0);
}

/* The waiter was chosen, its condition is destroyed, and then the lock is lost. */
static void lost_late_body(unsigned thread)
{
    if (thread == 0) {
        lost_waiter(thread, &cond, NULL, COND_FOREVER);
        return;
    }
    sched_until(one_waits);
    EXPECT(cond_lock_acquire(&lock) == 0);
    EXPECT(cond_notify(&cond, 1) == 0);
    EXPECT(cond_destroy(&cond) == 0);
    memset(&cond, 0x5A, sizeof cond);
    behind_is_lost = true;
    EXPECT(cond_lock_release(&lock) == 0);
}

static void lost_late_check(void)
{
    EXPECT(results[0] == ENOTRECOVERABLE);
    EXPECT(all_bytes(&cond, sizeof cond, 0x5A));
    EXPECT(cond_destroy(&other) == 0 && lock.u_.local.active_waits == 0);
}

static void foreign_rlock_setup(void) { reset_rlock(); foreign_reset(); }
static void foreign_setup(void) { buffer_setup(); foreign_reset(); }
static void foreign_pass_on_setup(void) { pass_on_setup(); foreign_reset(); }
static void foreign_cancel_setup(void) { cancel_setup(); foreign_reset(); }

static void foreign_pass_on_quiet(void)
{
    evaluations = 3; /* not compared: each waiter calls its own predicate, so it depends on the schedule */
    pass_on_quiet();
}

/* ---- More threads, random schedules ---- */

static void crowd_body(unsigned thread)
{
    buffer_use(thread, thread % 3 == 0 ? COND_US(50) : COND_FOREVER, thread % 4 == 1);
}

static void storm_body(unsigned thread)
{
    /* Waits with deadlines and without predicates. */
    for (unsigned i = 0; i < 3; i++) {
        acquire();
        if (thread % 2 == 0) {
            int result = wait_on(&cond, NULL, NULL, COND_US(10 * (thread + 1)));
            EXPECT(result == 0 || result == ETIMEDOUT);
            counter -= result == 0;
        } else {
            (void)cond_waiters(&cond);
            EXPECT(cond_notify(&cond, 1 + thread % 3) == 0);
        }
        release();
    }
}

static const struct scenario scenarios[] = {
    {"lock", 3, reset_mutex, lock_body, NULL, check_prompt, 2, 1, 20000, 0, 0},
    {"lock, timed", 3, reset_mutex, lock_timed_body, NULL, check_clean, 2, 1, 20000, 0, 0},
    {"lock, starving", 4, reset_mutex, lock_starving_body, NULL, check_clean, 2, 1, 50000, 0, 0},
    {"barging ends", 3, fair_setup, barging_body, NULL, check_clean, 3, 0, 20000, 0, 0},
    {"turns beside an acquirer", 3, fair_setup, turns_body, NULL, check_clean, 1, 0, 30000, 0, 0},
    {"a free lock is not kept", 2, kept_setup, kept_body, NULL, check_clean, 2, 0, 0, 0, 0},
    {"more starve than counted", 4, uncounted_setup, uncounted_body, NULL, check_clean, 2, 1, 20000, 0, 0},
    {"more starve, destroyed", 4, uncounted_destroy_setup, uncounted_body, NULL, uncounted_check, 2, 1, 20000, 0, 0},
    {"lock, try", 3, reset_rlock, try_body, NULL, check_prompt, 3, 0, 0, 0, 0},
    {"notify each", 3, reset_rlock, notify_each_body, NULL, check_prompt, 2, 1, 20000, 0, 0},
    {"timeout race", 3, timeout_race_setup, timeout_race_body, timeout_race_quiet, timeout_race_check, 2, 1, 20000, 0, 0},
    {"stop race", 4, stop_race_setup, stop_race_body, timeout_race_quiet, stop_race_check, 2, 0, 20000, 0, 0},
    {"stop, barged", 3, stop_race_setup, stop_barged_body, NULL, check_prompt, 3, 1, 20000, 0, 0},
    {"exact and in order", 4, reset_rlock, exact_body, exact_quiet, exact_check, 1, 1, 20000, 0, 0},
    {"broadcast", 4, reset_rlock, broadcast_body, NULL, check_prompt, 1, 1, 20000, 0, 0},
    {"recursion", 2, reset_rlock, recursion_body, NULL, check_clean, 4, 1, 0, 0, 0},
    {"notify before the change", 3, reset_rlock, notify_first_body, NULL, check_prompt, 2, 1, 20000, 0, 0},
    {"buffer, notify(1)", 4, buffer_setup, buffer_body, NULL, buffer_check, 1, 1, 50000, 0, 0},
    {"buffer, notify_all", 4, buffer_setup, buffer_all_body, NULL, buffer_check, 1, 1, 20000, 0, 0},
    {"buffer, timed", 4, buffer_setup, buffer_timed_body, NULL, buffer_check, 1, 1, 50000, 0, 0},
    {"pass on", 3, pass_on_setup, pass_on_body, pass_on_quiet, check_clean, 2, 1, 20000, 0, 0},
    {"put back", 2, reset_rlock, put_back_body, NULL, check_clean, 3, 2, 0, 0, 0},
    {"barged", 3, reset_rlock, barged_body, NULL, check_prompt, 2, 1, 20000, 0, 0},
    {"expired passes on", 3, pass_on_setup, expired_passes_on_body, NULL, check_clean, 2, 1, 20000, 0, 0},
    {"expired takes another's", 4, takes_anothers_setup, takes_anothers_body, takes_anothers_quiet, check_clean, 2, 0, 20000, 0, 0},
    {"await, in order", 4, wishes_setup, wishes_body, wishes_quiet, check_clean, 2, 0, 20000, 0, 0},
    {"await, timed", 3, reset_rlock, await_timed_body, NULL, check_clean, 2, 1, 20000, 0, 0},
    {"buffer, await", 4, buffer_await_setup, buffer_body, NULL, buffer_check, 1, 1, 20000, 0, 0},
    {"buffer, await, timed", 4, buffer_await_setup, buffer_timed_body, NULL, buffer_check, 1, 1, 20000, 0, 0},
    {"buffer, some await", 4, buffer_mixed_setup, buffer_body, NULL, buffer_check, 1, 1, 20000, 0, 0},
    {"close", 4, close_setup, close_body, NULL, doomed_elsewhere_check, 1, 1, 20000, 0, 0},
    {"close, timed", 4, close_timed_setup, close_body, NULL, doomed_elsewhere_check, 1, 1, 20000, 0, 0},
    {"close, while they arrive", 4, close_setup, close_arrival_body, NULL, check_clean, 1, 1, 20000, 0, 0},
    {"close after notify", 4, close_setup, close_notified_body, NULL, check_clean, 2, 1, 20000, 0, 0},
    {"cancel", 4, cancel_setup, cancel_body, cancel_quiet, cancel_check, 2, 1, 20000, 0, 0},
    {"cancel after notify", 2, cancel_setup, cancel_notified_body, NULL, check_clean, 3, 1, 0, 0, 0},
    {"cancel passes on", 4, cancel_setup, cancel_passes_on_body, NULL, check_clean, 1, 1, 20000, 0, 0},
    {"foreign, close after notify", 4, foreign_pass_on_setup, close_notified_body, NULL, check_clean, 1, 1, 10000, 0, 0},
    {"foreign, cancel", 4, foreign_cancel_setup, cancel_body, cancel_quiet, cancel_check, 1, 1, 10000, 0, 0},
    {"two conditions", 3, reset_rlock, two_conditions_body, two_conditions_quiet, two_conditions_check, 2, 1, 0, 0, 0},
    {"destroyed by the woken", 2, doomed_setup, doomed_body, NULL, doomed_check, 5, 1, 0, 0, 0},
    {"destroyed too early", 3, late_setup, late_body, NULL, late_check, 3, 1, 0, 0, 0},
    {"destroyed beside sleepers", 3, late_setup, late_sleepers_body, NULL, late_prompt_check, 3, 1, 20000, 0, 0},
    {"destroyed, cannot go back", 2, reset_rlock, cannot_go_back_body, NULL, cannot_go_back_check, 3, 1, 0, 0, 0},
    {"destroyed by the notifier", 3, pass_on_setup, doomed_elsewhere_body, NULL, doomed_elsewhere_check, 2, 1, 20000, 0, 0},
    {"destroyed without the lock", 2, reset_rlock, doomed_without_lock_body, NULL, doomed_elsewhere_check, 3, 1, 0, 0, 0},
    {"foreign, destroyed beside calls", 2, foreign_rlock_setup, doomed_beside_calls_body, NULL, doomed_beside_calls_check, 3, 0,
     0, 0, 0},
    {"destroyed by two", 3, destroyed_by_two_setup, destroyed_by_two_body, NULL, destroyed_by_two_check, 2, 0, 0, 0, 0},
    {"foreign, destroyed by two", 2, foreign_destroyed_by_two_setup, foreign_destroyed_by_two_body, NULL,
     foreign_destroyed_by_two_check, 2, 0, 0, 0, 0},
    {"foreign, lost", 4, lost_setup, lost_body, NULL, lost_check, 2, 0, 20000, 0, 0},
    {"foreign, lost by the chosen", 2, lost_setup, lost_late_body, NULL, lost_late_check, 4, 1, 0, 0, 0},
    {"foreign, buffer", 4, foreign_setup, buffer_body, NULL, buffer_check, 1, 1, 20000, 0, 0},
    {"foreign, exact", 4, foreign_rlock_setup, exact_body, exact_quiet, exact_check, 1, 1, 20000, 0, 0},
    {"foreign, pass on", 3, foreign_pass_on_setup, pass_on_body, foreign_pass_on_quiet, check_clean, 2, 1, 20000, 0, 0},
    {"crowd", 12, crowd_setup, crowd_body, NULL, buffer_check, 0, 3, 5000, 0, 0},
    {"crowd, await", 12, crowd_await_setup, crowd_body, NULL, buffer_check, 0, 3, 5000, 0, 0},
    {"crowd, some await", 12, crowd_mixed_setup, crowd_body, NULL, buffer_check, 0, 3, 5000, 0, 0},
    {"storm", 12, reset_rlock, storm_body, NULL, check_clean, 0, 3, 5000, 0, 0},
};

int main(int argc, char **argv)
{
    return sched_main(argc, argv, scenarios, (unsigned)(sizeof scenarios / sizeof *scenarios));
}
