/* SPDX-License-Identifier: MIT */
/* lock.c and port/pthread.c: the lock handle over each kind of lock. */
#include "unit.h"
#include "lock.h"
#include "mutex.h"
#include "waitq.h"

/* ---- What another thread finds ---- */

struct finding {
    cond_lock_t *lock;
    int try_acquire, release;
    bool locked, owned;
};

static void *find(void *arg)
{
    struct finding *f = arg;
    f->locked = cond_lock_locked(f->lock);
    f->owned = cond_lock_owned(f->lock);
    f->try_acquire = cond_lock_try_acquire(f->lock);
    f->release = f->try_acquire == 0 ? cond_lock_release(f->lock) : 0;
    return NULL;
}

static struct finding other_finds(cond_lock_t *lock)
{
    struct finding f = {.lock = lock};
    (void)finish(start(find, &f));
    return f;
}

static void assert_other_finds_it_free(cond_lock_t *lock)
{
    struct finding f = other_finds(lock);
    assert_false(f.locked);
    OK(f.try_acquire);
    OK(f.release);
}

static void assert_other_finds_it_held(cond_lock_t *lock)
{
    struct finding f = other_finds(lock);
    assert_true(f.locked);
    assert_int_equal(f.try_acquire, EBUSY);
}

/* ---- Private locks ---- */

static void assert_works(cond_lock_t *lock, bool recursive)
{
    assert_false(cond_lock_locked(lock));
    assert_false(cond_lock_owned(lock));
    assert_other_finds_it_free(lock);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(i == 0   ? cond_lock_acquire(lock)
                         : i == 1 ? cond_lock_try_acquire(lock)
                                  : cond_lock_acquire_timed(lock, 0),
                         0);
        assert_true(cond_lock_locked(lock));
        assert_true(cond_lock_owned(lock));
        assert_other_finds_it_held(lock);
        assert_false(other_finds(lock).owned);
        assert_int_equal(cond_lock_recover(lock), EINVAL);
        if (recursive) {
            OK(cond_lock_acquire(lock));
            OK(cond_lock_release(lock));
            assert_true(cond_lock_owned(lock));
        } else {
            assert_int_equal(cond_lock_acquire(lock), EDEADLK);
            assert_int_equal(cond_lock_try_acquire(lock), EDEADLK);
            assert_int_equal(cond_lock_acquire_timed(lock, 0), EDEADLK);
        }
        OK(cond_lock_release(lock));
        assert_false(cond_lock_owned(lock));
        assert_other_finds_it_free(lock);
        assert_int_equal(cond_lock_release(lock), EPERM);
        assert_int_equal(cond_lock_recover(lock), EPERM);
    }
}

static cond_lock_t all_zero;
static cond_lock_t static_rlock = COND_RLOCK_INIT;
static cond_lock_t static_mutex = COND_MUTEX_INIT;

TEST(static_initialisers)
{
    assert_works(&all_zero, true);
    assert_works(&static_rlock, true);
    assert_works(&static_mutex, false);
    cond_lock_t zeroed;
    memset(&zeroed, 0, sizeof zeroed);
    assert_works(&zeroed, true);
}

/* init makes the same lock, whatever the memory held before. */
TEST(init_over_garbage)
{
    for (unsigned flags = COND_RLOCK; flags <= COND_MUTEX; flags++) {
        cond_lock_t lock;
        memset(&lock, 0xA5, sizeof lock);
        OK(cond_lock_init(&lock, flags));
        assert_works(&lock, flags == COND_RLOCK);
        OK(cond_lock_destroy(&lock));
    }
}

/* Each timeout ends with ETIMEDOUT, and not early. Another thread holds the lock. */
static void assert_times_out(cond_lock_t *lock)
{
    static const int64_t timeouts[] = {INT64_MIN, -1, 0, 1, COND_US(10), COND_MS(2)};
    for (size_t i = 0; i < LENGTH(timeouts); i++) {
        int64_t before_ns = cond_now();
        assert_int_equal(cond_lock_acquire_timed(lock, timeouts[i]), ETIMEDOUT);
        assert_true(timeouts[i] <= 0 || cond_now() - before_ns >= timeouts[i]);
    }
}

TEST(timed_on_a_held_lock)
{
    cond_lock_t lock = COND_MUTEX_INIT;
    lock.u_.local.as.mine.word = MUTEX_HELD; /* by no thread */
    lock.depth_ = 1;
    assert_times_out(&lock);
    assert_int_equal(cond_lock_destroy(&lock), EBUSY);
}

TEST(destroyed_locks)
{
    struct spinlock spinlock = {.recursive = false};
    for (unsigned kind = 0; kind < 3; kind++) {
        cond_lock_t lock;
        if (kind < 2)
            OK(cond_lock_init(&lock, kind));
        else
            OK(cond_lock_init_foreign(&lock, &spinlock_ops_all, &spinlock));
        OK(cond_lock_destroy(&lock));
        assert_int_equal(cond_lock_acquire(&lock), EINVAL);
        assert_int_equal(cond_lock_try_acquire(&lock), EINVAL);
        assert_int_equal(cond_lock_acquire_timed(&lock, 1), EINVAL);
        assert_int_equal(cond_lock_release(&lock), EINVAL);
        assert_int_equal(cond_lock_recover(&lock), EINVAL);
        assert_int_equal(cond_lock_destroy(&lock), EINVAL);
        assert_false(cond_lock_locked(&lock));
        assert_false(cond_lock_owned(&lock));
        cond_t cond;
        assert_int_equal(cond_init(&cond, &lock, 0), EINVAL);
        OK(cond_lock_init(&lock, COND_MUTEX)); /* the memory can be used again */
        assert_works(&lock, false);
    }
}

/* A waiter that was chosen or woken will acquire the lock: it must not be destroyed yet. */
TEST(destroy_with_active_waits)
{
    cond_lock_t lock = COND_RLOCK_INIT;
    lock.u_.local.active_waits = 1;
    assert_int_equal(cond_lock_destroy(&lock), EBUSY);
    lock.u_.local.active_waits = 0;
    assert_false(cond_lock_locked(&lock)); /* the attempts changed nothing */
    OK(cond_lock_destroy(&lock));
}

/* ---- Foreign locks ---- */

/* A condition on a foreign lock. */
static void make_foreign(cond_t *cond, cond_lock_t *lock, const cond_lock_ops_t *ops, void *object)
{
    OK(cond_lock_init_foreign(lock, ops, object));
    OK(cond_init(cond, lock, 0));
}

TEST(foreign_locks)
{
    static const cond_lock_ops_t *const ops[] = {&spinlock_ops_all, &spinlock_ops_owned, &spinlock_ops_required};
    for (size_t i = 0; i < LENGTH(ops); i++) {
        struct spinlock spinlock = {.recursive = false};
        cond_lock_t lock;
        OK(cond_lock_init_foreign(&lock, ops[i], &spinlock));
        assert_false(cond_lock_locked(&lock));
        assert_false(cond_lock_owned(&lock));
        assert_other_finds_it_free(&lock);
        OK(cond_lock_acquire(&lock));
        assert_true(spinlock_owned(&spinlock));
        assert_true(cond_lock_locked(&lock));
        assert_true(cond_lock_owned(&lock));
        assert_other_finds_it_held(&lock);
        /* Without an `owned` function, any holder counts. */
        assert_true(other_finds(&lock).owned == (ops[i]->owned == NULL));
        assert_int_equal(cond_lock_acquire_timed(&lock, 0), EDEADLK);
        OK(cond_lock_release(&lock));
        assert_false(spinlock_owned(&spinlock));
        /* Acquired directly. */
        assert_int_equal(spinlock_acquire(&spinlock, COND_FOREVER), 0);
        assert_true(cond_lock_owned(&lock));
        OK(cond_lock_release(&lock));
        assert_int_equal(cond_lock_release(&lock), EPERM);
        assert_int_equal(cond_lock_recover(&lock), EPERM);
        OK(cond_lock_destroy(&lock));
        assert_int_equal(spinlock_acquire(&spinlock, 0), 0); /* the object still exists */
    }
}

/* A foreign lock that returns `result` and records its arguments. */
struct recorder {
    int result;
    int64_t deadline_ns;
    unsigned acquires, releases, depth;
};

static int recorder_acquire(void *object, int64_t deadline_ns)
{
    struct recorder *recorder = object;
    recorder->acquires++;
    recorder->deadline_ns = deadline_ns;
    return recorder->result;
}

static int recorder_release(void *object)
{
    struct recorder *recorder = object;
    recorder->releases++;
    return recorder->result;
}

static int recorder_release_save(void *object, unsigned *depth)
{
    struct recorder *recorder = object;
    *depth = recorder->depth;
    return recorder->result;
}

static int recorder_acquire_restore(void *object, unsigned depth)
{
    struct recorder *recorder = object;
    recorder->depth = depth;
    return recorder->result;
}

static const cond_lock_ops_t recorder_ops_least = {.acquire = recorder_acquire, .release = recorder_release};
static const cond_lock_ops_t recorder_ops_save = {.acquire = recorder_acquire,
                                                .release = recorder_release,
                                                .release_save = recorder_release_save,
                                                .acquire_restore = recorder_acquire_restore};

TEST(foreign_errors_are_passed_on)
{
    static const int results[] = {0, EINVAL, EAGAIN, EDEADLK, EOWNERDEAD, ENOTRECOVERABLE, EPERM, 12345};
    struct recorder recorder = {0};
    cond_lock_t lock;
    OK(cond_lock_init_foreign(&lock, &recorder_ops_least, &recorder));
    for (size_t i = 0; i < LENGTH(results); i++) {
        recorder.result = results[i];
        assert_int_equal(cond_lock_acquire(&lock), results[i]);
        assert_int_equal(cond_lock_try_acquire(&lock), results[i]);
        assert_int_equal(cond_lock_acquire_timed(&lock, 7), results[i]);
        assert_int_equal(cond_lock_release(&lock), results[i]);
        unsigned depth;
        assert_int_equal(lock_release_save(&lock, &depth), results[i]);
        assert_int_equal(lock_acquire_restore(&lock, 1, true), results[i]);
    }
    /* try_acquire has no timeout, so it returns EBUSY instead. */
    recorder.result = ETIMEDOUT;
    assert_int_equal(cond_lock_try_acquire(&lock), EBUSY);
    assert_int_equal(cond_lock_acquire_timed(&lock, 7), ETIMEDOUT);
}

TEST(foreign_deadlines)
{
    struct recorder recorder = {0};
    cond_lock_t lock;
    OK(cond_lock_init_foreign(&lock, &recorder_ops_least, &recorder));
    OK(cond_lock_acquire(&lock));
    assert_true(recorder.deadline_ns == COND_FOREVER);
    OK(cond_lock_try_acquire(&lock));
    assert_true(recorder.deadline_ns <= cond_now());
    OK(cond_lock_acquire_timed(&lock, -1));
    assert_true(recorder.deadline_ns <= cond_now());
    OK(cond_lock_acquire_timed(&lock, COND_SEC(100)));
    assert_true(recorder.deadline_ns > cond_now());
    assert_true(recorder.deadline_ns <= cond_now() + COND_SEC(100));
    OK(cond_lock_acquire_timed(&lock, INT64_MAX - 1));
    assert_true(recorder.deadline_ns == COND_FOREVER);
    OK(lock_acquire_restore(&lock, 1, true)); /* wait acquires without a deadline */
    assert_true(recorder.deadline_ns == COND_FOREVER);
}

/* A wait uses the pair if there is one, otherwise release and acquire. */
TEST(foreign_release_save)
{
    struct recorder recorder = {.depth = 5};
    cond_lock_t lock;
    unsigned depth = 0;
    OK(cond_lock_init_foreign(&lock, &recorder_ops_save, &recorder));
    OK(lock_release_save(&lock, &depth));
    assert_int_equal(depth, 5);
    OK(lock_acquire_restore(&lock, 4, true));
    assert_int_equal(recorder.depth, 4);
    assert_int_equal(recorder.releases + recorder.acquires, 0);

    OK(cond_lock_init_foreign(&lock, &recorder_ops_least, &recorder));
    OK(lock_release_save(&lock, &depth));
    assert_int_equal(depth, 1);
    assert_int_equal(recorder.releases, 1);
    OK(lock_acquire_restore(&lock, 1, true));
    assert_int_equal(recorder.acquires, 1);
}

/* A foreign recursive lock, held three levels deep: wait releases all levels. */
static void *notify_one(void *arg)
{
    cond_t *cond = arg;
    until_waiters(cond, 1); /* it acquires the lock, so the lock is free */
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_notify(cond, 1) == 0);
    REQUIRE(cond_release(cond) == 0);
    return NULL;
}

TEST(wait_three_deep_on_a_foreign_lock)
{
    struct spinlock spinlock = {.recursive = true};
    cond_lock_t lock;
    cond_t cond;
    make_foreign(&cond, &lock, &spinlock_ops_all, &spinlock);
    for (unsigned i = 0; i < 3; i++)
        OK(cond_acquire(&cond));
    pthread_t thread = start(notify_one, &cond);
    OK(cond_wait(&cond, COND_FOREVER));
    assert_true(spinlock_owned(&spinlock));
    assert_int_equal(spinlock.depth, 3);
    assert_int_equal(cond_wait(&cond, COND_US(1)), ETIMEDOUT);
    assert_int_equal(spinlock.depth, 3);
    for (unsigned i = 0; i < 3; i++)
        OK(cond_release(&cond));
    assert_int_equal(cond_release(&cond), EPERM);
    (void)finish(thread);
}

/* A lock that cannot be acquired again: wait returns its error, and the waiter has left the condition's queue. */
TEST(wait_returns_the_error_of_restore)
{
    static const int errors[] = {EOWNERDEAD, ENOTRECOVERABLE, EINVAL};
    for (size_t i = 0; i < LENGTH(errors); i++) {
        struct spinlock spinlock = {.recursive = true};
        cond_lock_t lock;
        cond_t cond;
        make_foreign(&cond, &lock, &spinlock_ops_all, &spinlock);
        OK(cond_acquire(&cond));
        spinlock.restore_error = errors[i];
        assert_int_equal(cond_wait(&cond, 0), errors[i]);
        assert_true(cond_owned(&cond) == (errors[i] == EOWNERDEAD));
        assert_int_equal(cond_waiters(&cond), 0);
        spinlock.restore_error = 0;
        if (errors[i] != EOWNERDEAD) {
            /* The lock is lost for good, but the condition can be destroyed. */
            assert_int_equal(cond_acquire(&cond), EINVAL);
            assert_int_equal(cond_notify(&cond, 1), EINVAL);
            assert_int_equal(cond_lock_acquire(&lock), EINVAL);
            OK(cond_destroy(&cond));
            assert_int_equal(cond_lock_destroy(&lock), EINVAL);
            continue;
        }
        OK(cond_notify(&cond, 1)); /* no waiter is left in the queue */
        assert_int_equal(cond_wait(&cond, 0), ETIMEDOUT);
        OK(cond_release(&cond));
        OK(cond_destroy(&cond));
    }
}

/* A chosen waiter gets EOWNERDEAD. It returns with the notification, and does not touch the condition, which may be
   destroyed already: no other waiter is chosen instead. */
struct repairer {
    struct spinlock spinlock;
    cond_lock_t lock;
    cond_t cond;
    struct flag flag;
    bool has_pred;
};

static void *wait_and_repair(void *arg)
{
    struct repairer *r = arg;
    REQUIRE(cond_acquire(&r->cond) == 0);
    REQUIRE((r->has_pred ? cond_wait_for(&r->cond, flag_is_set, &r->flag, COND_FOREVER)
                         : cond_wait(&r->cond, COND_FOREVER)) == EOWNERDEAD);
    r->spinlock.restore_error = 0;
    REQUIRE(cond_release(&r->cond) == 0);
    return NULL;
}

static void *wait_for_a_notify(void *arg)
{
    cond_t *cond = arg;
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_wait(cond, COND_FOREVER) == 0);
    REQUIRE(cond_release(cond) == 0);
    return NULL;
}

TEST(a_chosen_waiter_keeps_its_notification_if_the_owner_died)
{
    for (int has_pred = 0; has_pred < 2; has_pred++) {
        struct repairer r = {.spinlock = {.recursive = true}, .has_pred = has_pred != 0};
        OK(cond_lock_init_foreign(&r.lock, &spinlock_ops_all, &r.spinlock));
        OK(cond_init(&r.cond, &r.lock, 0));
        pthread_t chosen = start(wait_and_repair, &r);
        until_waiters(&r.cond, 1);
        pthread_t other = start(wait_for_a_notify, &r.cond);
        until_waiters(&r.cond, 2);
        OK(cond_acquire(&r.cond));
        r.spinlock.restore_error = EOWNERDEAD;
        OK(cond_notify(&r.cond, 1));
        OK(cond_release(&r.cond));
        (void)finish(chosen);
        assert_int_equal(cond_waiters(&r.cond), 1);
        OK(cond_acquire(&r.cond));
        OK(cond_notify(&r.cond, 1));
        OK(cond_release(&r.cond));
        (void)finish(other);
        OK(cond_destroy(&r.cond));
        OK(cond_lock_destroy(&r.lock));
    }
}

/* The other waiters of the condition are woken and return the same error, whatever the lock would have returned to
   them. So are those of a second condition on the lock, when that one is used. */
struct lost_lock {
    struct spinlock spinlock; /* first: the functions below get a pointer to it */
    cond_lock_t lock;
    cond_t cond, second;
    atomic_int first_errors;
};

static int restore_with_another_error(void *object, unsigned depth)
{
    struct lost_lock *lost = object;
    int error = spinlock_acquire_restore(object, depth);
    return error != 0 && atomic_fetch_add(&lost->first_errors, 1) > 0 ? EAGAIN : error;
}

static void *wait_for_eio(void *arg)
{
    cond_t *cond = arg;
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_wait(cond, COND_FOREVER) == EIO);
    return NULL;
}

TEST(a_lost_lock_ends_all_waits)
{
    static const cond_lock_ops_t ops = {spinlock_acquire, spinlock_release, spinlock_owned, spinlock_release_save,
                                        restore_with_another_error};
    for (int by_destroy = 0; by_destroy < 2; by_destroy++) {
        struct lost_lock lost = {.spinlock = {.recursive = true}};
        pthread_t threads[4];
        make_foreign(&lost.cond, &lost.lock, &ops, &lost);
        OK(cond_init(&lost.second, &lost.lock, 0));
        for (unsigned i = 0; i < LENGTH(threads); i++)
            threads[i] = start(wait_for_eio, i < 2 ? &lost.cond : &lost.second);
        until_waiters(&lost.cond, 2);
        until_waiters(&lost.second, 2);
        OK(cond_acquire(&lost.cond));
        lost.spinlock.restore_error = EIO;
        assert_int_equal(cond_wait(&lost.cond, 0), EIO);
        (void)finish(threads[0]);
        (void)finish(threads[1]);
        OK(cond_destroy(&lost.cond));
        if (by_destroy == 0)
            assert_int_equal(cond_notify_all(&lost.second), EINVAL);
        OK(cond_destroy(&lost.second));
        (void)finish(threads[2]);
        (void)finish(threads[3]);
        assert_int_equal(atomic_load(&lost.first_errors), 1);
        assert_int_equal(lost.lock.u_.local.active_waits, 0);
        assert_int_equal(cond_lock_destroy(&lost.lock), EINVAL);
    }
}

static int refuse_to_release(void *object) { (void)object; return EPERM; }

/* The foreign lock refuses the release: wait returns its error and has changed nothing. */
TEST(wait_returns_the_error_of_release)
{
    static const cond_lock_ops_t ops = {.acquire = spinlock_acquire, .release = refuse_to_release};
    struct spinlock spinlock = {.recursive = false};
    cond_lock_t lock;
    cond_t cond;
    make_foreign(&cond, &lock, &ops, &spinlock);
    OK(cond_acquire(&cond));
    assert_int_equal(cond_wait(&cond, COND_FOREVER), EPERM);
    assert_int_equal(cond_waiters(&cond), 0);
    assert_true(spinlock_owned(&spinlock));
    OK(cond_destroy(&cond));
}

/* ---- pthread mutexes ---- */

#ifdef COND_HAVE_PTHREAD_

/* Each operation contains a cancellation point. */
static int cancellable_acquire(void *object, int64_t deadline_ns)
{
    pthread_testcancel();
    return spinlock_acquire(object, deadline_ns);
}

static int cancellable_release(void *object)
{
    pthread_testcancel();
    return spinlock_release(object);
}

static bool cancellable_owned(void *object)
{
    pthread_testcancel();
    return spinlock_owned(object);
}

static int cancellable_release_save(void *object, unsigned *depth)
{
    pthread_testcancel();
    return spinlock_release_save(object, depth);
}

static int cancellable_acquire_restore(void *object, unsigned depth)
{
    pthread_testcancel();
    return spinlock_acquire_restore(object, depth);
}

static void *call_with_a_pending_cancel(void *arg)
{
    cond_t *cond = arg;
    REQUIRE(pthread_cancel(pthread_self()) == 0);
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_owned(cond) && cond_locked(cond));
    REQUIRE(cond_wait(cond, COND_MS(1)) == ETIMEDOUT);
    REQUIRE(cond_notify(cond, 1) == 0);
    REQUIRE(cond_close(cond) == 0);
    REQUIRE(cond_release(cond) == 0);
    REQUIRE(!cond_owned(cond) && cond_destroy(cond) == 0);
    pthread_testcancel();
    return NULL;
}

TEST(operations_run_with_cancellation_disabled)
{
    static const cond_lock_ops_t ops = {cancellable_acquire, cancellable_release, cancellable_owned,
                                        cancellable_release_save, cancellable_acquire_restore};
    struct spinlock spinlock = {.recursive = true};
    cond_lock_t lock;
    cond_t cond;
    OK(cond_lock_init_foreign(&lock, &ops, &spinlock));
    OK(cond_init(&cond, &lock, 0));
    assert_ptr_equal(finish(start(call_with_a_pending_cancel, &cond)), PTHREAD_CANCELED);
    assert_int_equal(cond_destroy(&cond), EINVAL); /* the thread has come that far */
    assert_false(spinlock_owned(&spinlock));
    OK(cond_lock_destroy(&lock));
}

#if defined(__GLIBC__) && defined(_POSIX_THREAD_PRIO_PROTECT) && _POSIX_THREAD_PRIO_PROTECT > 0
static void *call_above_the_ceiling(void *arg)
{
    cond_t *cond = arg;
    REQUIRE(!cond_owned(cond));
    REQUIRE(cond_wait(cond, 0) == EPERM);
    REQUIRE(cond_notify(cond, 1) == EPERM);
    REQUIRE(cond_release(cond) == EPERM);
    return NULL;
}

/* A thread whose priority is above the ceiling of a mutex can neither acquire it nor hold it. */
TEST(a_thread_above_the_ceiling_is_not_the_holder)
{
    const struct sched_param high = {.sched_priority = 10};
    pthread_mutexattr_t kind;
    pthread_mutex_t mutex;
    pthread_attr_t urgent;
    pthread_t thread;
    cond_lock_t lock;
    cond_t cond;
    OK(pthread_mutexattr_init(&kind));
    OK(pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_PROTECT));
    OK(pthread_mutexattr_setprioceiling(&kind, high.sched_priority - 5));
    OK(pthread_mutex_init(&mutex, &kind));
    OK(pthread_mutexattr_destroy(&kind));
    OK(cond_lock_init_pthread(&lock, &mutex));
    OK(cond_init(&cond, &lock, 0));
    OK(pthread_attr_init(&urgent));
    OK(pthread_attr_setinheritsched(&urgent, PTHREAD_EXPLICIT_SCHED));
    OK(pthread_attr_setschedpolicy(&urgent, SCHED_FIFO));
    OK(pthread_attr_setschedparam(&urgent, &high));
    int error = pthread_create(&thread, &urgent, call_above_the_ceiling, &cond);
    OK(pthread_attr_destroy(&urgent));
    if (error == 0)
        (void)finish(thread);
    OK(cond_destroy(&cond));
    OK(cond_lock_destroy(&lock));
    OK(pthread_mutex_destroy(&mutex));
    if (error != 0)
        skip(); /* it needs the right to real-time priorities */
}
#endif

/* The library releases a recursive mutex until EPERM to find its depth. That is defined by POSIX, and tested here, but
   ThreadSanitizer reports it. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "report_mutex_bugs=0"; }

struct adopted {
    int type;
    pthread_mutex_t mutex;
    cond_lock_t lock;
    cond_t cond;
};

static void adopt(struct adopted *a, int type)
{
    pthread_mutexattr_t attributes;
    a->type = type;
    REQUIRE(pthread_mutexattr_init(&attributes) == 0);
    REQUIRE(pthread_mutexattr_settype(&attributes, type) == 0);
    REQUIRE(pthread_mutex_init(&a->mutex, &attributes) == 0);
    REQUIRE(pthread_mutexattr_destroy(&attributes) == 0);
    OK(cond_lock_init_pthread(&a->lock, &a->mutex));
    OK(cond_init(&a->cond, &a->lock, 0));
}

/* The mutex can be used after its handle was destroyed. */
static void disown(struct adopted *a)
{
    OK(cond_destroy(&a->cond));
    OK(cond_lock_destroy(&a->lock));
    OK(pthread_mutex_lock(&a->mutex));
    OK(pthread_mutex_unlock(&a->mutex));
    OK(pthread_mutex_destroy(&a->mutex));
}

static const int pthread_types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE,
                                    PTHREAD_MUTEX_DEFAULT};

TEST(pthread_mutexes)
{
    for (size_t i = 0; i < LENGTH(pthread_types); i++) {
        struct adopted a;
        adopt(&a, pthread_types[i]);
        assert_false(cond_lock_locked(&a.lock));
        assert_other_finds_it_free(&a.lock);

        OK(cond_lock_acquire(&a.lock));
        assert_true(cond_lock_owned(&a.lock));
        assert_other_finds_it_held(&a.lock);
        OK(cond_lock_release(&a.lock));
        assert_other_finds_it_free(&a.lock);

        /* Acquired by the handle and released directly, and the other way round. */
        OK(cond_lock_try_acquire(&a.lock));
        OK(pthread_mutex_unlock(&a.mutex));
        OK(cond_lock_acquire_timed(&a.lock, COND_MS(1)));
        OK(pthread_mutex_unlock(&a.mutex));
        OK(pthread_mutex_lock(&a.mutex));
        OK(cond_lock_release(&a.lock));
        disown(&a);
    }
}

TEST(pthread_mutex_held_by_another)
{
    for (size_t i = 0; i < LENGTH(pthread_types); i++) {
        struct adopted a;
        struct holder holder;
        adopt(&a, pthread_types[i]);
        holder_start(&holder, &a.lock);
        assert_true(cond_lock_locked(&a.lock));
        assert_int_equal(cond_lock_try_acquire(&a.lock), EBUSY);
        assert_times_out(&a.lock);
        if (a.type == PTHREAD_MUTEX_ERRORCHECK || a.type == PTHREAD_MUTEX_RECURSIVE) {
            assert_int_equal(cond_lock_release(&a.lock), EPERM);
#if defined(__GLIBC__) && defined(__linux__) /* its mutexes can be asked for their owner */
            assert_false(cond_lock_owned(&a.lock));
            assert_int_equal(cond_notify(&a.cond, 1), EPERM);
            assert_int_equal(cond_notify_all(&a.cond), EPERM);
            assert_int_equal(cond_wait(&a.cond, 0), EPERM);
#endif
        }
        atomic_store(&holder.stops, 1);
        OK(cond_lock_acquire_timed(&a.lock, INT64_MAX - 1));
        OK(cond_lock_release(&a.lock));
        holder_stop(&holder);
        disown(&a);
    }
}

TEST(pthread_mutex_held_by_the_caller)
{
    struct adopted a;
    adopt(&a, PTHREAD_MUTEX_ERRORCHECK);
    assert_int_equal(cond_lock_release(&a.lock), EPERM);
    OK(cond_lock_acquire(&a.lock));
    assert_int_equal(cond_lock_acquire(&a.lock), EDEADLK);
#ifdef __APPLE__ /* its mutexes have no deadlines (src/port/pthread_until.c) */
    assert_int_equal(cond_lock_acquire_timed(&a.lock, COND_MS(10)), ETIMEDOUT);
#else
    assert_int_equal(cond_lock_acquire_timed(&a.lock, COND_SEC(100)), EDEADLK);
#endif
    OK(cond_lock_release(&a.lock));
    assert_int_equal(cond_lock_release(&a.lock), EPERM);
    disown(&a);
}

/* No thread holds it, and the calls detect that. Of a recursive mutex only glibc tells it, but wait detects it always.
   */
TEST(pthread_mutex_held_by_no_thread)
{
    static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE};
    for (size_t i = 0; i < LENGTH(types); i++) {
        struct adopted a;
        adopt(&a, types[i]);
        assert_int_equal(cond_wait(&a.cond, COND_FOREVER), EPERM);
        assert_int_equal(cond_waiters(&a.cond), 0);
#if !defined(__GLIBC__) || !defined(__linux__)
        if (a.type != PTHREAD_MUTEX_RECURSIVE)
#endif
        {
            assert_false(cond_owned(&a.cond));
            assert_int_equal(cond_notify(&a.cond, 1), EPERM);
            assert_int_equal(cond_notify_all(&a.cond), EPERM);
        }
        assert_other_finds_it_free(&a.lock);
        disown(&a);
    }
}

/* A recursive mutex is held three levels deep: all are released, and held again. */
TEST(wait_on_pthread_mutexes)
{
    for (size_t i = 0; i < LENGTH(pthread_types); i++) {
        struct adopted a;
        adopt(&a, pthread_types[i]);
        unsigned depth = a.type == PTHREAD_MUTEX_RECURSIVE ? 3 : 1;
        for (unsigned level = 0; level < depth; level++)
            OK(pthread_mutex_lock(&a.mutex));
        pthread_t thread = start(notify_one, &a.cond);
        OK(cond_wait(&a.cond, COND_FOREVER));
        assert_other_finds_it_held(&a.lock);
        (void)finish(thread);
        assert_int_equal(cond_wait(&a.cond, COND_MS(1)), ETIMEDOUT);
        for (unsigned level = 0; level < depth; level++) {
            assert_other_finds_it_held(&a.lock);
            OK(pthread_mutex_unlock(&a.mutex));
        }
        assert_other_finds_it_free(&a.lock);
        if (a.type == PTHREAD_MUTEX_RECURSIVE)
            assert_int_equal(pthread_mutex_unlock(&a.mutex), EPERM);
        disown(&a);
    }
}

#endif

int main(void) { return RUN_TESTS("lock"); }
