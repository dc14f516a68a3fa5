/* SPDX-License-Identifier: MIT */
/* lock.c and port/pthread.c: the lock handle over each kind of lock. */
#include "unit.h"
#include "lock.h"
#include "mutex.h"
#include "waitq.h"

/* ---- What another thread finds ---- */

struct question {
    cond_lock_t *lock;
    int try_acquire, release;
    bool locked, owned;
};

static void *ask(void *arg)
{
    struct question *q = arg;
    q->locked = cond_lock_locked(q->lock);
    q->owned = cond_lock_owned(q->lock);
    q->try_acquire = cond_lock_try_acquire(q->lock);
    q->release = q->try_acquire == 0 ? cond_lock_release(q->lock) : 0;
    return NULL;
}

static struct question other_finds(cond_lock_t *lock)
{
    struct question q = {.lock = lock};
    (void)finish(start(ask, &q));
    return q;
}

static void assert_other_finds_it_free(cond_lock_t *lock)
{
    struct question q = other_finds(lock);
    assert_false(q.locked);
    assert_int_equal(q.try_acquire, 0);
    assert_int_equal(q.release, 0);
}

static void assert_other_finds_it_held(cond_lock_t *lock)
{
    struct question q = other_finds(lock);
    assert_true(q.locked);
    assert_int_equal(q.try_acquire, EBUSY);
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
            assert_int_equal(cond_lock_acquire(lock), 0);
            assert_int_equal(cond_lock_release(lock), 0);
            assert_true(cond_lock_owned(lock));
        } else {
            assert_int_equal(cond_lock_acquire(lock), EDEADLK);
            assert_int_equal(cond_lock_try_acquire(lock), EDEADLK);
            assert_int_equal(cond_lock_acquire_timed(lock, 0), EDEADLK);
        }
        assert_int_equal(cond_lock_release(lock), 0);
        assert_false(cond_lock_owned(lock));
        assert_other_finds_it_free(lock);
        assert_int_equal(cond_lock_release(lock), EPERM);
        assert_int_equal(cond_lock_recover(lock), EPERM);
    }
}

static void private_locks(void **state)
{
    (void)state;
    cond_lock_t rlock, mutex;
    assert_int_equal(cond_lock_init(&rlock, COND_RLOCK), 0);
    assert_works(&rlock, true);
    assert_int_equal(cond_lock_destroy(&rlock), 0);
    assert_int_equal(cond_lock_init(&mutex, COND_MUTEX), 0);
    assert_works(&mutex, false);
    assert_int_equal(cond_lock_destroy(&mutex), 0);
}

static cond_lock_t all_zero;
static cond_lock_t static_rlock = COND_RLOCK_INIT;
static cond_lock_t static_mutex = COND_MUTEX_INIT;

static void static_initialisers(void **state)
{
    (void)state;
    assert_works(&all_zero, true);
    assert_works(&static_rlock, true);
    assert_works(&static_mutex, false);
    cond_lock_t zeroed;
    memset(&zeroed, 0, sizeof zeroed);
    assert_works(&zeroed, true);
}

/* init makes the same as the initialisers, whatever was in the memory. */
static void init_over_garbage(void **state)
{
    (void)state;
    cond_lock_t lock;
    static const unsigned kinds[] = {COND_RLOCK, COND_MUTEX};
    for (size_t i = 0; i < LENGTH(kinds); i++) {
        memset(&lock, 0xA5, sizeof lock);
        assert_int_equal(cond_lock_init(&lock, kinds[i]), 0);
        assert_works(&lock, kinds[i] == COND_RLOCK);
    }
}

static void timed_on_a_held_lock(void **state)
{
    (void)state;
    cond_lock_t lock = COND_MUTEX_INIT;
    /* The holder without a thread: a number that is nobody's. */
    lock.u_.local.as.mine.word = MUTEX_HELD;
    lock.depth_ = 1;
    static const int64_t timeouts[] = {INT64_MIN, -1, 0, 1, COND_US(10), COND_MS(2)};
    for (size_t i = 0; i < LENGTH(timeouts); i++) {
        int64_t before_ns = cond_now();
        assert_int_equal(cond_lock_acquire_timed(&lock, timeouts[i]), ETIMEDOUT);
        assert_true(timeouts[i] <= 0 || cond_now() - before_ns >= timeouts[i]);
    }
    assert_int_equal(cond_lock_destroy(&lock), EBUSY);
}

static void destroyed_locks(void **state)
{
    (void)state;
    struct toy toy = {.recursive = false};
    for (unsigned kind = 0; kind < 3; kind++) {
        cond_lock_t lock;
        if (kind < 2)
            assert_int_equal(cond_lock_init(&lock, kind), 0);
        else
            assert_int_equal(cond_lock_init_foreign(&lock, &toy_ops_all, &toy), 0);
        assert_int_equal(cond_lock_destroy(&lock), 0);
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
        assert_int_equal(cond_lock_init(&lock, COND_MUTEX), 0); /* the memory can have a new lock */
        assert_works(&lock, false);
    }
}

/* A waiter that was chosen, or let go, comes back to the lock: not to be destroyed yet. */
static void destroy_with_waiters_on_their_way(void **state)
{
    (void)state;
    cond_lock_t lock = COND_RLOCK_INIT;
    lock.u_.local.active_waits = 1;
    assert_int_equal(cond_lock_destroy(&lock), EBUSY);
    lock.u_.local.active_waits = 0;
    assert_false(cond_lock_locked(&lock)); /* no trace of the attempts */
    assert_int_equal(cond_lock_destroy(&lock), 0);
}

/* ---- Foreign locks ---- */

static void foreign_locks(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct toy toy = {.recursive = false};
        cond_lock_t lock;
        assert_int_equal(cond_lock_init_foreign(&lock, toy_ops(which), &toy), 0);
        assert_false(cond_lock_locked(&lock));
        assert_false(cond_lock_owned(&lock));
        assert_other_finds_it_free(&lock);
        assert_int_equal(cond_lock_acquire(&lock), 0);
        assert_true(toy_owned(&toy));
        assert_true(cond_lock_locked(&lock));
        assert_true(cond_lock_owned(&lock));
        assert_other_finds_it_held(&lock);
        /* Without `owned`, held by anybody is held. */
        assert_true(other_finds(&lock).owned == (toy_ops(which)->owned == NULL));
        assert_int_equal(cond_lock_acquire_timed(&lock, 0), EDEADLK);
        assert_int_equal(cond_lock_release(&lock), 0);
        assert_false(toy_owned(&toy));
        /* Acquired by hand is the same. */
        assert_int_equal(toy_acquire(&toy, COND_FOREVER), 0);
        assert_true(cond_lock_owned(&lock));
        assert_int_equal(cond_lock_release(&lock), 0);
        assert_int_equal(cond_lock_release(&lock), EPERM);
        assert_int_equal(cond_lock_recover(&lock), EPERM);
        assert_int_equal(cond_lock_destroy(&lock), 0);
        assert_int_equal(toy_acquire(&toy, 0), 0); /* the object lives on */
    }
}

/* A foreign lock that answers what it is told, and writes down what it was asked. */
struct parrot {
    int answer;
    int64_t deadline_ns;
    unsigned acquires, releases, depth;
};

static int parrot_acquire(void *object, int64_t deadline_ns)
{
    struct parrot *parrot = object;
    parrot->acquires++;
    parrot->deadline_ns = deadline_ns;
    return parrot->answer;
}

static int parrot_release(void *object)
{
    struct parrot *parrot = object;
    parrot->releases++;
    return parrot->answer;
}

static int parrot_release_save(void *object, unsigned *depth)
{
    struct parrot *parrot = object;
    *depth = parrot->depth;
    return parrot->answer;
}

static int parrot_acquire_restore(void *object, unsigned depth)
{
    struct parrot *parrot = object;
    parrot->depth = depth;
    return parrot->answer;
}

static const cond_lock_ops_t parrot_ops_least = {.acquire = parrot_acquire, .release = parrot_release};
static const cond_lock_ops_t parrot_ops_save = {.acquire = parrot_acquire,
                                                .release = parrot_release,
                                                .release_save = parrot_release_save,
                                                .acquire_restore = parrot_acquire_restore};

static void foreign_errors_are_passed_on(void **state)
{
    (void)state;
    static const int answers[] = {0, EINVAL, EAGAIN, EDEADLK, EOWNERDEAD, ENOTRECOVERABLE, EPERM, 12345};
    struct parrot parrot = {0};
    cond_lock_t lock;
    assert_int_equal(cond_lock_init_foreign(&lock, &parrot_ops_least, &parrot), 0);
    for (size_t i = 0; i < LENGTH(answers); i++) {
        parrot.answer = answers[i];
        assert_int_equal(cond_lock_acquire(&lock), answers[i]);
        assert_int_equal(cond_lock_try_acquire(&lock), answers[i]);
        assert_int_equal(cond_lock_acquire_timed(&lock, 7), answers[i]);
        assert_int_equal(cond_lock_release(&lock), answers[i]);
        unsigned depth;
        assert_int_equal(lock_release_save(&lock, &depth), answers[i]);
        assert_int_equal(lock_acquire_restore(&lock, 1, true), answers[i]);
    }
    /* Only this one has a name of its own where there was no time to be out of. */
    parrot.answer = ETIMEDOUT;
    assert_int_equal(cond_lock_try_acquire(&lock), EBUSY);
    assert_int_equal(cond_lock_acquire_timed(&lock, 7), ETIMEDOUT);
}

static void foreign_deadlines(void **state)
{
    (void)state;
    struct parrot parrot = {0};
    cond_lock_t lock;
    assert_int_equal(cond_lock_init_foreign(&lock, &parrot_ops_least, &parrot), 0);
    assert_int_equal(cond_lock_acquire(&lock), 0);
    assert_true(parrot.deadline_ns == COND_FOREVER);
    assert_int_equal(cond_lock_try_acquire(&lock), 0);
    assert_true(parrot.deadline_ns <= cond_now());
    assert_int_equal(cond_lock_acquire_timed(&lock, -1), 0);
    assert_true(parrot.deadline_ns <= cond_now());
    assert_int_equal(cond_lock_acquire_timed(&lock, COND_SEC(100)), 0);
    assert_true(parrot.deadline_ns > cond_now());
    assert_true(parrot.deadline_ns <= cond_now() + COND_SEC(100));
    assert_int_equal(cond_lock_acquire_timed(&lock, INT64_MAX - 1), 0);
    assert_true(parrot.deadline_ns == COND_FOREVER);
    assert_int_equal(lock_acquire_restore(&lock, 1, true), 0); /* wait comes back without a time limit */
    assert_true(parrot.deadline_ns == COND_FOREVER);
}

/* What wait uses: the pair if it is there, else one release and one acquire. */
static void foreign_release_save(void **state)
{
    (void)state;
    struct parrot parrot = {.depth = 5};
    cond_lock_t lock;
    unsigned depth = 0;
    assert_int_equal(cond_lock_init_foreign(&lock, &parrot_ops_save, &parrot), 0);
    assert_int_equal(lock_release_save(&lock, &depth), 0);
    assert_int_equal(depth, 5);
    assert_int_equal(lock_acquire_restore(&lock, 4, true), 0);
    assert_int_equal(parrot.depth, 4);
    assert_int_equal(parrot.releases + parrot.acquires, 0);

    assert_int_equal(cond_lock_init_foreign(&lock, &parrot_ops_least, &parrot), 0);
    assert_int_equal(lock_release_save(&lock, &depth), 0);
    assert_int_equal(depth, 1);
    assert_int_equal(parrot.releases, 1);
    assert_int_equal(lock_acquire_restore(&lock, 1, true), 0);
    assert_int_equal(parrot.acquires, 1);
}

/* Foreign, recursive and held three deep: wait releases all of it, if the lock says how. */
static void *notify_one(void *arg)
{
    cond_t *cond = arg;
    until_waiters(cond, 1); /* by acquiring the lock: it is free */
    REQUIRE(cond_acquire(cond) == 0);
    REQUIRE(cond_notify(cond, 1) == 0);
    REQUIRE(cond_release(cond) == 0);
    return NULL;
}

static void wait_three_deep_on_a_foreign_lock(void **state)
{
    (void)state;
    struct toy toy = {.recursive = true};
    cond_lock_t lock;
    cond_t cond;
    assert_int_equal(cond_lock_init_foreign(&lock, &toy_ops_all, &toy), 0);
    assert_int_equal(cond_init(&cond, &lock, 0), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cond_acquire(&cond), 0);
    pthread_t thread = start(notify_one, &cond);
    assert_int_equal(cond_wait(&cond, COND_FOREVER), 0);
    assert_true(toy_owned(&toy));
    assert_int_equal(toy.depth, 3);
    assert_int_equal(cond_wait(&cond, COND_US(1)), ETIMEDOUT);
    assert_int_equal(toy.depth, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(cond_release(&cond), 0);
    assert_int_equal(cond_release(&cond), EPERM);
    (void)finish(thread);
}

/* A lock that cannot be had back: wait says so, and the condition has forgotten the waiter. */
struct broken {
    struct toy toy;
    int restore_error;
};

static int broken_acquire(void *object, int64_t deadline_ns)
{
    return toy_acquire(&((struct broken *)object)->toy, deadline_ns);
}

static int broken_release(void *object)
{
    return toy_release(&((struct broken *)object)->toy);
}

static bool broken_owned(void *object)
{
    return toy_owned(&((struct broken *)object)->toy);
}

static int broken_release_save(void *object, unsigned *depth)
{
    return toy_release_save(&((struct broken *)object)->toy, depth);
}

static int broken_acquire_restore(void *object, unsigned depth)
{
    struct broken *broken = object;
    /* As a robust mutex does: with EOWNERDEAD it is held. */
    if (broken->restore_error == 0 || broken->restore_error == EOWNERDEAD)
        (void)toy_acquire_restore(&broken->toy, depth);
    return broken->restore_error;
}

static void wait_passes_on_what_restore_says(void **state)
{
    (void)state;
    static const cond_lock_ops_t ops = {broken_acquire, broken_release, broken_owned, broken_release_save,
                                        broken_acquire_restore};
    static const int errors[] = {EOWNERDEAD, ENOTRECOVERABLE, EINVAL};
    for (size_t i = 0; i < LENGTH(errors); i++) {
        struct broken broken = {.toy = {.recursive = true}};
        cond_lock_t lock;
        cond_t cond;
        assert_int_equal(cond_lock_init_foreign(&lock, &ops, &broken), 0);
        assert_int_equal(cond_init(&cond, &lock, 0), 0);
        assert_int_equal(cond_acquire(&cond), 0);
        broken.restore_error = errors[i];
        assert_int_equal(cond_wait(&cond, 0), errors[i]);
        assert_true(cond_owned(&cond) == (errors[i] == EOWNERDEAD));
        assert_int_equal(cond_waiters(&cond), 0);
        broken.restore_error = 0;
        if (errors[i] != EOWNERDEAD) {
            /* Nobody can have such a lock any more. */
            assert_int_equal(cond_acquire(&cond), EINVAL);
            assert_int_equal(cond_notify(&cond, 1), EINVAL);
            assert_int_equal(cond_lock_acquire(&lock), EINVAL);
            /* But nobody is counted as waiting, and the condition can be destroyed. */
            assert_int_equal(cond_destroy(&cond), 0);
            assert_int_equal(cond_lock_destroy(&lock), EINVAL);
            continue;
        }
        assert_int_equal(cond_notify(&cond, 1), 0); /* nobody: the waiter's node is gone */
        assert_int_equal(cond_wait(&cond, 0), ETIMEDOUT);
        assert_int_equal(cond_release(&cond), 0);
        assert_int_equal(cond_destroy(&cond), 0);
    }
}

/* The others that wait on the condition are woken, and get the same error, whatever the lock would have told them. The lock
   of a second condition is the same: its waiters are woken when it is used. */
enum { LEFT_WAITING = 4 };

struct left_waiting {
    struct broken broken;
    cond_lock_t lock;
    cond_t cond, second;
    atomic_int first_errors;
};

static int broken_acquire_or_first(void *object, unsigned depth)
{
    struct left_waiting *left = (struct left_waiting *)object; /* `broken` is its first member */
    int error = broken_acquire_restore(object, depth);
    return error != 0 && atomic_fetch_add(&left->first_errors, 1) > 0 ? EAGAIN : error;
}

static void *wait_for_ever(void *arg)
{
    struct left_waiting *left = arg;
    REQUIRE(cond_acquire(&left->cond) == 0);
    REQUIRE(cond_wait(&left->cond, COND_FOREVER) == EIO);
    return NULL;
}

static void *wait_for_ever_on_second(void *arg)
{
    struct left_waiting *left = arg;
    REQUIRE(cond_acquire(&left->second) == 0);
    REQUIRE(cond_wait(&left->second, COND_FOREVER) == EIO);
    return NULL;
}

static void a_lost_lock_takes_all_along(void **state)
{
    (void)state;
    static const cond_lock_ops_t ops = {broken_acquire, broken_release, broken_owned, broken_release_save,
                                        broken_acquire_or_first};
    for (int by_destroy = 0; by_destroy < 2; by_destroy++) {
        struct left_waiting left = {.broken = {.toy = {.recursive = true}}};
        pthread_t threads[LEFT_WAITING];
        assert_int_equal(cond_lock_init_foreign(&left.lock, &ops, &left), 0);
        assert_int_equal(cond_init(&left.cond, &left.lock, 0), 0);
        assert_int_equal(cond_init(&left.second, &left.lock, 0), 0);
        for (unsigned i = 0; i < LEFT_WAITING; i++)
            threads[i] = start(i < 2 ? wait_for_ever : wait_for_ever_on_second, &left);
        for (REQUIRE(cond_acquire(&left.cond) == 0); cond_waiters(&left.cond) + cond_waiters(&left.second) < LEFT_WAITING;
             REQUIRE(cond_acquire(&left.cond) == 0)) {
            REQUIRE(cond_release(&left.cond) == 0);
            (void)sched_yield();
        }
        left.broken.restore_error = EIO;
        assert_int_equal(cond_wait(&left.cond, 0), EIO);
        (void)finish(threads[0]);
        (void)finish(threads[1]);
        assert_int_equal(cond_destroy(&left.cond), 0);
        if (by_destroy == 0)
            assert_int_equal(cond_notify_all(&left.second), EINVAL);
        assert_int_equal(cond_destroy(&left.second), 0);
        (void)finish(threads[2]);
        (void)finish(threads[3]);
        assert_int_equal(atomic_load(&left.first_errors), 1);
        assert_int_equal(left.lock.u_.local.active_waits, 0);
        assert_int_equal(cond_lock_destroy(&left.lock), EINVAL);
    }
}

static int refuse_to_release(void *object)
{
    (void)object;
    return EPERM;
}

/* The lock knows better than the condition who holds it: nothing has happened, nobody waits. */
static void wait_passes_on_what_release_says(void **state)
{
    (void)state;
    static const cond_lock_ops_t ops = {.acquire = toy_acquire, .release = refuse_to_release};
    struct toy toy = {.recursive = false};
    cond_lock_t lock;
    cond_t cond;
    assert_int_equal(cond_lock_init_foreign(&lock, &ops, &toy), 0);
    assert_int_equal(cond_init(&cond, &lock, 0), 0);
    assert_int_equal(cond_acquire(&cond), 0);
    assert_int_equal(cond_wait(&cond, COND_FOREVER), EPERM);
    assert_int_equal(cond_waiters(&cond), 0);
    assert_true(toy_owned(&toy));
    assert_int_equal(cond_destroy(&cond), 0);
}

/* ---- pthread mutexes ---- */

#ifdef COND_HAVE_PTHREAD_

/* ThreadSanitizer counts it as a mistake to unlock a mutex that is not held, even where POSIX has an error for
   it. That error is tested here, and is how the library finds out the depth of a recursive mutex. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "report_mutex_bugs=0";
}

static void make_pthread_mutex(pthread_mutex_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    REQUIRE(pthread_mutexattr_init(&attributes) == 0);
    REQUIRE(pthread_mutexattr_settype(&attributes, type) == 0);
    REQUIRE(pthread_mutex_init(mutex, &attributes) == 0);
    REQUIRE(pthread_mutexattr_destroy(&attributes) == 0);
}

static const int pthread_types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE,
                                    PTHREAD_MUTEX_DEFAULT};

static void pthread_mutexes(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(pthread_types); i++) {
        pthread_mutex_t mutex;
        cond_lock_t lock;
        make_pthread_mutex(&mutex, pthread_types[i]);
        assert_int_equal(cond_lock_init_pthread(&lock, &mutex), 0);
        assert_false(cond_lock_locked(&lock));
        assert_other_finds_it_free(&lock);

        assert_int_equal(cond_lock_acquire(&lock), 0);
        assert_true(cond_lock_owned(&lock));
        assert_other_finds_it_held(&lock);
        assert_int_equal(cond_lock_release(&lock), 0);
        assert_other_finds_it_free(&lock);

        assert_int_equal(cond_lock_try_acquire(&lock), 0);
        assert_int_equal(pthread_mutex_unlock(&mutex), 0); /* the same mutex all the time */
        assert_int_equal(cond_lock_acquire_timed(&lock, COND_MS(1)), 0);
        assert_int_equal(pthread_mutex_unlock(&mutex), 0);
        assert_int_equal(pthread_mutex_lock(&mutex), 0);
        assert_int_equal(cond_lock_release(&lock), 0);

        assert_int_equal(cond_lock_destroy(&lock), 0);
        assert_int_equal(pthread_mutex_lock(&mutex), 0); /* which outlives its handle */
        assert_int_equal(pthread_mutex_unlock(&mutex), 0);
        assert_int_equal(pthread_mutex_destroy(&mutex), 0);
    }
}

struct holder {
    pthread_mutex_t *mutex;
    atomic_int holds, let_go;
};

static void *hold_mutex(void *arg)
{
    struct holder *holder = arg;
    REQUIRE(pthread_mutex_lock(holder->mutex) == 0);
    atomic_store(&holder->holds, 1);
    until(&holder->let_go, 1);
    REQUIRE(pthread_mutex_unlock(holder->mutex) == 0);
    return NULL;
}

static void pthread_mutex_held_by_another(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(pthread_types); i++) {
        pthread_mutex_t mutex;
        cond_lock_t lock;
        make_pthread_mutex(&mutex, pthread_types[i]);
        struct holder holder = {.mutex = &mutex};
        assert_int_equal(cond_lock_init_pthread(&lock, &mutex), 0);
        pthread_t thread = start(hold_mutex, &holder);
        until(&holder.holds, 1);
        assert_true(cond_lock_locked(&lock));
        assert_int_equal(cond_lock_try_acquire(&lock), EBUSY);
        static const int64_t timeouts[] = {INT64_MIN, -1, 0, 1, COND_MS(2)};
        for (size_t k = 0; k < LENGTH(timeouts); k++) {
            int64_t before_ns = cond_now();
            assert_int_equal(cond_lock_acquire_timed(&lock, timeouts[k]), ETIMEDOUT);
            assert_true(timeouts[k] <= 0 || cond_now() - before_ns >= timeouts[k]);
        }
        if (pthread_types[i] == PTHREAD_MUTEX_ERRORCHECK || pthread_types[i] == PTHREAD_MUTEX_RECURSIVE) {
            cond_t cond;
            assert_int_equal(cond_lock_release(&lock), EPERM);
#if defined(__GLIBC__) && defined(__linux__) /* whose mutexes tell */
            assert_false(cond_lock_owned(&lock));
            assert_int_equal(cond_init(&cond, &lock, 0), 0);
            assert_int_equal(cond_notify(&cond, 1), EPERM);
            assert_int_equal(cond_notify_all(&cond), EPERM);
            assert_int_equal(cond_wait(&cond, 0), EPERM);
            assert_int_equal(cond_destroy(&cond), 0);
#else
            (void)cond;
#endif
        }
        atomic_store(&holder.let_go, 1);
        assert_int_equal(cond_lock_acquire_timed(&lock, INT64_MAX - 1), 0); /* when it comes, it comes */
        assert_int_equal(cond_lock_release(&lock), 0);
        (void)finish(thread);
        assert_int_equal(pthread_mutex_destroy(&mutex), 0);
    }
}

static void pthread_mutex_held_by_the_caller(void **state)
{
    (void)state;
    pthread_mutex_t mutex;
    cond_lock_t lock;
    make_pthread_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK);
    assert_int_equal(cond_lock_init_pthread(&lock, &mutex), 0);
    assert_int_equal(cond_lock_release(&lock), EPERM);
    assert_int_equal(cond_lock_acquire(&lock), 0);
    assert_int_equal(cond_lock_acquire(&lock), EDEADLK);
#ifdef __APPLE__ /* whose mutexes have no deadlines (src/port/pthread_until.c) */
    assert_int_equal(cond_lock_acquire_timed(&lock, COND_MS(10)), ETIMEDOUT);
#else
    assert_int_equal(cond_lock_acquire_timed(&lock, COND_SEC(100)), EDEADLK);
#endif
    assert_int_equal(cond_lock_release(&lock), 0);
    assert_int_equal(cond_lock_release(&lock), EPERM);
    assert_int_equal(pthread_mutex_destroy(&mutex), 0);
}

/* Nobody holds it, so the caller does not: for the types of which POSIX lets it be found out. */
static void pthread_mutex_held_by_nobody(void **state)
{
    (void)state;
    static const int types[] = {
        PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK,
#if defined(__GLIBC__) && defined(__linux__)
        PTHREAD_MUTEX_RECURSIVE,
#endif
    };
    for (size_t i = 0; i < LENGTH(types); i++) {
        pthread_mutex_t mutex;
        cond_lock_t lock;
        cond_t cond;
        make_pthread_mutex(&mutex, types[i]);
        assert_int_equal(cond_lock_init_pthread(&lock, &mutex), 0);
        assert_int_equal(cond_init(&cond, &lock, 0), 0);
        assert_false(cond_owned(&cond));
        assert_int_equal(cond_wait(&cond, COND_FOREVER), EPERM);
        assert_int_equal(cond_notify(&cond, 1), EPERM);
        assert_int_equal(cond_notify_all(&cond), EPERM);
        assert_other_finds_it_free(&lock);
        assert_int_equal(pthread_mutex_destroy(&mutex), 0);
    }
    /* A recursive one at least does not wait without it. */
    pthread_mutex_t mutex;
    cond_lock_t lock;
    cond_t cond;
    make_pthread_mutex(&mutex, PTHREAD_MUTEX_RECURSIVE);
    assert_int_equal(cond_lock_init_pthread(&lock, &mutex), 0);
    assert_int_equal(cond_init(&cond, &lock, 0), 0);
    assert_int_equal(cond_wait(&cond, COND_FOREVER), EPERM);
    assert_int_equal(cond_waiters(&cond), 0);
    assert_other_finds_it_free(&lock);
    assert_int_equal(pthread_mutex_destroy(&mutex), 0);
}

static void wait_on_pthread_mutexes(void **state)
{
    (void)state;
    for (size_t i = 0; i < LENGTH(pthread_types); i++) {
        pthread_mutex_t mutex;
        cond_lock_t lock;
        cond_t cond;
        make_pthread_mutex(&mutex, pthread_types[i]);
        assert_int_equal(cond_lock_init_pthread(&lock, &mutex), 0);
        assert_int_equal(cond_init(&cond, &lock, 0), 0);
        /* Held three deep where that can be: all three are given up, and held again. */
        unsigned depth = pthread_types[i] == PTHREAD_MUTEX_RECURSIVE ? 3 : 1;
        for (unsigned level = 0; level < depth; level++)
            assert_int_equal(pthread_mutex_lock(&mutex), 0);
        pthread_t thread = start(notify_one, &cond);
        assert_int_equal(cond_wait(&cond, COND_FOREVER), 0);
        assert_other_finds_it_held(&lock);
        (void)finish(thread);
        assert_int_equal(cond_wait(&cond, COND_MS(1)), ETIMEDOUT);
        for (unsigned level = 0; level < depth; level++) {
            assert_other_finds_it_held(&lock);
            assert_int_equal(pthread_mutex_unlock(&mutex), 0);
        }
        assert_other_finds_it_free(&lock);
        if (pthread_types[i] == PTHREAD_MUTEX_RECURSIVE)
            assert_int_equal(pthread_mutex_unlock(&mutex), EPERM);
        assert_int_equal(cond_destroy(&cond), 0);
        assert_int_equal(cond_lock_destroy(&lock), 0);
        assert_int_equal(pthread_mutex_destroy(&mutex), 0);
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_locks),
        cmocka_unit_test(static_initialisers),
        cmocka_unit_test(init_over_garbage),
        cmocka_unit_test(timed_on_a_held_lock),
        cmocka_unit_test(destroyed_locks),
        cmocka_unit_test(destroy_with_waiters_on_their_way),
        cmocka_unit_test(foreign_locks),
        cmocka_unit_test(foreign_errors_are_passed_on),
        cmocka_unit_test(foreign_deadlines),
        cmocka_unit_test(foreign_release_save),
        cmocka_unit_test(wait_three_deep_on_a_foreign_lock),
        cmocka_unit_test(wait_passes_on_what_restore_says),
        cmocka_unit_test(a_lost_lock_takes_all_along),
        cmocka_unit_test(wait_passes_on_what_release_says),
#ifdef COND_HAVE_PTHREAD_
        cmocka_unit_test(pthread_mutexes),
        cmocka_unit_test(pthread_mutex_held_by_another),
        cmocka_unit_test(pthread_mutex_held_by_the_caller),
        cmocka_unit_test(pthread_mutex_held_by_nobody),
        cmocka_unit_test(wait_on_pthread_mutexes),
#endif
    };
    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
