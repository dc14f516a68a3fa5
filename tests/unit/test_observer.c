/* SPDX-License-Identifier: MIT */
/* cond_set_observer(): which events there are, with which arguments. For a library with CONDVAR_OBSERVER. */
#ifndef CONDVAR_OBSERVER
#  error "this is for a build with CONDVAR_OBSERVER"
#endif
#include "unit.h"
#ifndef CONDVAR_NO_TASKS
#  include "job.h"
#endif

/* ---- The events that were seen ---- */

static struct seen {
    int event;
    const cond_t *cond;
    const cond_lock_t *lock;
    int64_t value;
    bool locked;
    uintptr_t thread;
} seen[16];
static size_t seen_count, seen_next; /* under the mutex, as `seen` */
static pthread_mutex_t seen_mutex = PTHREAD_MUTEX_INITIALIZER;

static void see(int event, const cond_t *cond, const cond_lock_t *lock, int64_t value)
{
    /* (An observer of a program must not call the library. This call only reads the lock.) */
    bool locked = cond_lock_locked(lock);
    REQUIRE(pthread_mutex_lock(&seen_mutex) == 0);
    REQUIRE(seen_count < LENGTH(seen));
    seen[seen_count++] = (struct seen){event, cond, lock, value, locked, self_address()};
    REQUIRE(pthread_mutex_unlock(&seen_mutex) == 0);
}

static void see_all_but_contended(int event, const cond_t *cond, const cond_lock_t *lock, int64_t value)
{
    if (event != COND_EVENT_CONTENDED)
        see(event, cond, lock, value);
}

static void begin(cond_observer_t *observer)
{
    seen_count = seen_next = 0;
    cond_set_observer(observer);
}

/* Whether the next event is this one. */
static bool next_is(int event, const cond_t *cond, const cond_lock_t *lock, int64_t value)
{
    if (seen_next == seen_count)
        return false;
    const struct seen *s = &seen[seen_next++];
    return s->event == event && s->cond == cond && s->lock == lock && s->value == value && s->locked;
}

/* Whether there was no other event. */
static bool end(void)
{
    cond_set_observer(NULL);
    return seen_next == seen_count;
}

/* ---- One thread ---- */

TEST(events_of_one_thread)
{
    cond_t cond = COND_INIT;
    cond_lock_t *lock = cond_get_lock(&cond);
    OK(cond_acquire(&cond));
    begin(see);
    assert_int_equal(cond_wait_until(&cond, 1), ETIMEDOUT);
    assert_true(next_is(COND_EVENT_WAIT, &cond, lock, 1));
    assert_true(next_is(COND_EVENT_WAKE, &cond, lock, ETIMEDOUT));
    OK(cond_notify(&cond, 3));
    assert_true(next_is(COND_EVENT_NOTIFY, &cond, lock, 3));
    OK(cond_notify_all(&cond));
    assert_true(next_is(COND_EVENT_NOTIFY, &cond, lock, -1));

    /* A wait that returns at once is no event, and neither is an acquire of a free lock. */
    struct flag flag = {.value = true};
    OK(cond_wait_for(&cond, flag_is_set, &flag, COND_FOREVER));
    OK(cond_acquire(&cond));
    OK(cond_release(&cond));
    assert_true(end());
    assert_int_equal(cond_wait(&cond, 0), ETIMEDOUT);
    assert_true(end());
    OK(cond_release(&cond));
    OK(cond_destroy(&cond));
}

#ifndef CONDVAR_NO_CANCEL
TEST(events_of_a_cancel)
{
    cond_t cond = COND_INIT;
    cond_lock_t *lock = cond_get_lock(&cond);
    cond_token_t token = {0};
    OK(cond_acquire(&cond));
    begin(see);
    OK(cond_cancel(&cond, &token));
    assert_true(next_is(COND_EVENT_CANCEL, &cond, lock, (intptr_t)&token));
    assert_int_equal(cond_wait_with(&cond, &(cond_wait_options_t){.token = &token}), ECANCELED);
    assert_true(next_is(COND_EVENT_WAIT, &cond, lock, COND_FOREVER));
    assert_true(next_is(COND_EVENT_WAKE, &cond, lock, ECANCELED));
    OK(cond_close(&cond));
    assert_true(next_is(COND_EVENT_CANCEL, &cond, lock, 0));
    assert_true(end());
    OK(cond_release(&cond));
    OK(cond_destroy(&cond));
}

/* The result of the wait, also if the stop comes while it sleeps. */
static cond_t stopped_cond = COND_INIT;
static cond_stop_t stop_node;

static void *wait_to_be_stopped(void *arg)
{
    REQUIRE(cond_acquire(&stopped_cond) == 0);
    REQUIRE(cond_wait_with(&stopped_cond, &(cond_wait_options_t){.stop = &stop_node}) == ECANCELED);
    REQUIRE(cond_release(&stopped_cond) == 0);
    return arg;
}

TEST(events_of_a_stop)
{
    const cond_lock_t *lock = cond_get_lock(&stopped_cond);
    begin(see_all_but_contended);
    pthread_t thread = start(wait_to_be_stopped, NULL);
    until_waiters(&stopped_cond, 1);
    OK(cond_stop(&stop_node));
    (void)finish(thread);
    OK(cond_acquire(&stopped_cond));
    assert_int_equal(cond_wait_with(&stopped_cond, &(cond_wait_options_t){.stop = &stop_node}), ECANCELED);
    OK(cond_release(&stopped_cond));
    for (int i = 0; i < 2; i++) {
        assert_true(next_is(COND_EVENT_WAIT, &stopped_cond, lock, COND_FOREVER));
        assert_true(next_is(COND_EVENT_WAKE, &stopped_cond, lock, ECANCELED));
    }
    assert_true(end());
    OK(cond_destroy(&stopped_cond));
}
#endif

/* ---- Waiters ---- */

/* A predicate with the results of its next calls. */
struct waiter {
    cond_t *cond;
    const bool *results; /* NULL: a plain wait */
};

static bool next_result(void *arg) { return *((struct waiter *)arg)->results++; }

static void *wait_on_it(void *arg)
{
    struct waiter *w = arg;
    REQUIRE(cond_acquire(w->cond) == 0);
    REQUIRE((w->results != NULL ? cond_wait_for(w->cond, next_result, w, COND_FOREVER)
                                : cond_wait(w->cond, COND_FOREVER)) == 0);
    REQUIRE(cond_release(w->cond) == 0);
    return NULL;
}

static pthread_t start_waiter(struct waiter *w)
{
    pthread_t thread = start(wait_on_it, w);
    until_waiters(w->cond, 1);
    return thread;
}

static void notify_one(cond_t *cond)
{
    OK(cond_acquire(cond));
    OK(cond_notify(cond, 1));
    OK(cond_release(cond));
}

/* A handover is an event where the library sees the release, or wakes the waiter at the notify. */
static bool next_is_handover(enum kind kind, const cond_t *cond, const cond_lock_t *lock)
{
    if (kind >= OWN_SHARED)
        return true;
    int64_t waiter = seen_next < seen_count ? seen[seen_next].value : 0;
    return waiter != 0 && next_is(COND_EVENT_HANDOVER, cond, lock, waiter);
}

TEST(events_of_a_notify)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct subject s;
        if (!kind_is_possible(kind))
            continue;
        subject_make(&s, kind);
        const cond_lock_t *lock = cond_get_lock(&s.cond);
        struct waiter w = {.cond = &s.cond};
        pthread_t thread = start_waiter(&w);
        begin(see);
        notify_one(&s.cond);
        (void)finish(thread);
        assert_true(next_is(COND_EVENT_NOTIFY, &s.cond, lock, 1));
        assert_true(next_is_handover(kind, &s.cond, lock));
        assert_true(seen[seen_next - 1].thread == self_address());
        assert_true(next_is(COND_EVENT_WAKE, &s.cond, lock, 0));
        assert_true(seen[seen_next - 1].thread != self_address());
        assert_true(end());
        assert_true(subject_unmake(&s));
    }
}

/* Woken in vain: its predicate is false. On a private lock it is true when the release calls it. */
TEST(events_of_a_wait_that_goes_on)
{
    static const bool for_private[] = {false, true, false, true, true}, for_others[] = {false, false, true};
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct subject s;
        if (!kind_is_possible(kind))
            continue;
        subject_make(&s, kind);
        const cond_lock_t *lock = cond_get_lock(&s.cond);
        struct waiter w = {.cond = &s.cond, .results = kind < PRIVATE_KINDS ? for_private : for_others};
        pthread_t thread = start_waiter(&w);
        begin(see_all_but_contended);
        notify_one(&s.cond);
        while (cond_waiters(&s.cond) == 0)
            (void)sched_yield();
        notify_one(&s.cond);
        (void)finish(thread);
        for (int i = 0; i < 2; i++) {
            assert_true(next_is(COND_EVENT_NOTIFY, &s.cond, lock, 1));
            assert_true(next_is_handover(kind, &s.cond, lock));
            assert_true(i == 1 || next_is(COND_EVENT_AGAIN, &s.cond, lock, COND_FOREVER));
        }
        assert_true(next_is(COND_EVENT_WAKE, &s.cond, lock, 0));
        assert_true(end());
        assert_true(subject_unmake(&s));
    }
}

/* ---- Contended locks ---- */

TEST(event_of_a_contended_acquire)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    struct holder holder;
    holder_start(&holder, &lock);
    begin(see);
    assert_int_equal(cond_lock_acquire_timed(&lock, COND_MS(1)), ETIMEDOUT);
    assert_true(next_is(COND_EVENT_CONTENDED, NULL, &lock, 0));
    assert_true(end());
    holder_stop(&holder);
    OK(cond_lock_destroy(&lock));
}

static atomic_int chosen_contended, returned;

static void count_chosen_contended(int event, const cond_t *cond, const cond_lock_t *lock, int64_t value)
{
    (void)cond, (void)lock;
    if (event == COND_EVENT_CONTENDED && value == 1)
        (void)atomic_fetch_add(&chosen_contended, 1);
    if (event == COND_EVENT_WAKE)
        atomic_store(&returned, 1);
}

/* Woken in vain: this thread has acquired the lock again when the waiter is awake. (If it was too slow: try again.) */
TEST(event_of_a_woken_waiter_that_finds_the_lock_held)
{
    cond_t cond = COND_INIT;
    cond_set_observer(count_chosen_contended);
    while (atomic_load(&chosen_contended) == 0) {
        struct waiter w = {.cond = &cond};
        atomic_store(&returned, 0);
        pthread_t thread = start(wait_on_it, &w);
        until_waiters(&cond, 1);
        notify_one(&cond);
        OK(cond_acquire(&cond));
        while (atomic_load(&chosen_contended) == 0 && atomic_load(&returned) == 0)
            (void)sched_yield();
        OK(cond_release(&cond));
        (void)finish(thread);
    }
    cond_set_observer(NULL);
    OK(cond_destroy(&cond));
}

/* ---- Tasks ---- */

#ifndef CONDVAR_NO_TASKS
TEST(events_of_a_task)
{
    cond_t cond = COND_INIT;
    const cond_lock_t *lock = cond_get_lock(&cond);
    struct job job;
    job_make(&job, 0, NULL);
    begin(see);
    OK(ASK(&job, cond_task_acquire(&cond, &job.task)));
    assert_int_equal(ASK(&job, cond_task_wait(&cond, &job.task)), EINPROGRESS);
    notify_one(&cond);
    assert_true(next_is(COND_EVENT_NOTIFY, &cond, lock, 1));
    assert_true(next_is(COND_EVENT_HANDOVER, &cond, lock, (intptr_t)&job.task));
    OK(cond_task_notify(&cond, &job.task, 2));
    assert_true(next_is(COND_EVENT_NOTIFY, &cond, lock, 2));
    OK(cond_task_release(&cond, &job.task));
    assert_true(end());
    OK(cond_destroy(&cond));
}

/* A task that acquires uses no condition, whatever it has waited on before. A cancelled one is not handed the lock. */
TEST(events_of_a_task_that_acquires)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    cond_t cond = COND_INIT_WITH(&lock);
    struct job waited, cancelled;
    job_make(&waited, 0, NULL);
    job_make(&cancelled, 1, NULL);
    OK(ASK(&waited, cond_task_acquire(&cond, &waited.task)));
    assert_int_equal(ASK(&waited, cond_task_wait(&cond, &waited.task)), EINPROGRESS);
    notify_one(&cond);
    OK(cond_task_release(&cond, &waited.task));
    OK(cond_destroy(&cond));

    OK(cond_lock_acquire(&lock));
    assert_int_equal(ASK(&cancelled, cond_task_lock_acquire(&lock, &cancelled.task)), EINPROGRESS);
    assert_int_equal(ASK(&waited, cond_task_lock_acquire(&lock, &waited.task)), EINPROGRESS);
    OK(cond_task_cancel(&cancelled.task));
    begin(see);
    OK(cond_lock_release(&lock));
    assert_int_equal(job_outcome(&cancelled), ECANCELED);
    assert_int_equal(job_outcome(&waited), 0);
    assert_true(next_is(COND_EVENT_HANDOVER, NULL, &lock, (intptr_t)&waited.task));
    assert_true(end());
    OK(cond_task_lock_release(&lock, &waited.task));
    OK(cond_lock_destroy(&lock));
}
#endif

/* ---- Set and cleared while events happen ---- */

enum { ROUNDS = 2000 };

static int prepared; /* before the first cond_set_observer() */
static atomic_int observed, stopped;
static cond_t busy = COND_INIT;

static void observe_prepared(int event, const cond_t *cond, const cond_lock_t *lock, int64_t value)
{
    (void)event, (void)cond, (void)lock, (void)value;
    REQUIRE(prepared == 1);
    (void)atomic_fetch_add_explicit(&observed, 1, memory_order_relaxed);
}

static void *wait_in_a_loop(void *arg)
{
    while (atomic_load_explicit(&stopped, memory_order_relaxed) == 0) {
        REQUIRE(cond_acquire(&busy) == 0);
        REQUIRE(cond_wait(&busy, 0) == ETIMEDOUT);
        REQUIRE(cond_release(&busy) == 0);
    }
    return arg;
}

TEST(may_be_set_at_any_time)
{
    pthread_t thread = start(wait_in_a_loop, NULL);
    prepared = 1;
    for (int i = 0; i < ROUNDS || atomic_load(&observed) == 0; i++)
        cond_set_observer(i % 2 == 0 ? observe_prepared : NULL);
    atomic_store(&stopped, 1);
    (void)finish(thread);
    cond_set_observer(NULL);
    OK(cond_destroy(&busy));
}

int main(void) { return RUN_TESTS("observer"); }
