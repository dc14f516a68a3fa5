/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_H
#define CONDVAR_H

/*
 * condvar.h - condition variables that contain their lock
 *
 * A condition variable lets a thread wait until another thread has changed some state. Here the condition and
 * its lock are one object, cond_t. (Several conditions can also use one separate lock.) A thread acquires the
 * lock and reads the state that the lock guards. If the state is not the one it needs, it waits. The calls and
 * their semantics are those of Python's threading.Condition
 * (https://docs.python.org/3/library/threading.html#condition-objects).
 *
 *
 * Example: a queue of jobs
 *
 *     #include <condvar.h>
 *
 *     static cond_t cond = COND_INIT;
 *     static int jobs;                         // guarded by the lock of cond
 *
 *     static bool have_job(void *arg)
 *     {
 *         return *(int *)arg > 0;
 *     }
 *
 *     void take_job(void)                      // called by the consumers
 *     {
 *         cond_acquire(&cond);
 *         cond_wait_for(&cond, have_job, &jobs, COND_FOREVER);
 *         jobs--;                              // have_job() is true, and the lock is held
 *         cond_release(&cond);
 *     }
 *
 *     void add_job(void)                       // called by the producers
 *     {
 *         cond_acquire(&cond);
 *         jobs++;
 *         cond_notify(&cond, 1);               // wakes one consumer when the lock is released
 *         cond_release(&cond);
 *     }
 *
 *
 * Terms
 *
 *     holder         the thread or task that holds the lock
 *     waiter         a thread or task that waits on a condition
 *     notify         a call that chooses waiters, such as cond_notify()
 *     chosen         selected by a notify; a release of the lock then wakes the waiter
 *     notification   what a notify gives to each waiter that it chooses. If the waiter cannot use it, because its
 *                    predicate is false, the notification goes to another waiter
 *     expired        the deadline of the waiter passed before a notify chose the waiter. (With a predicate: before a
 *                    release found the predicate true)
 *     separate lock  a lock outside the condition, given to cond_init() or COND_INIT_WITH()
 *     private lock   made by this library for the threads and tasks of one process
 *     shared lock    made by this library for several processes (COND_SHARED)
 *     foreign lock   made by the program, and used through cond_lock_init_foreign() or cond_lock_init_pthread()
 *     task           a unit of work of an event loop. It waits without blocking a thread: see "Tasks"
 *
 *
 * Rules
 *
 * - Errors. A call returns 0 or a positive errno value. A call that returns an error has changed nothing,
 *   unless its comment says otherwise. docs/reference/misuse.md is a table of all misuses and their errors.
 * - No call changes errno, prints or aborts. The library itself allocates no memory.
 * - Callers. Any thread may call any function, except where the comment says "Caller must hold the lock." No
 *   function may be called from a signal handler.
 * - Time is int64_t nanoseconds on the monotonic clock. Setting the wall clock changes nothing. Timeouts are
 *   relative, deadlines are absolute. With a timeout of 0 or less, an acquire tries once, and a wait releases the
 *   lock and acquires it again. COND_FOREVER never expires. A deadline that is too far away to be represented
 *   never expires either. A wait never times out early. Signals neither end nor prolong a wait.
 * - Recursion. A wait releases all levels of the lock. When it returns, the lock is held as many levels deep as
 *   before; cond_wait() lists the exceptions.
 * - Notifications. A notify chooses waiters in the order of their arrival. It skips expired waiters, so no
 *   notification is lost. Chosen waiters are woken in the same order, unless they have predicates. Which of the
 *   woken waiters acquires the lock first is not specified. There are no spurious wakeups. (Shared conditions
 *   promise less: see "Processes".)
 * - Cancellation. No call is a cancellation point: a pthread_cancel() takes effect at a later cancellation point.
 * - Destroy. A call on a destroyed object returns EINVAL (or false, 0, NULL) while the memory of the object
 *   exists.
 *
 *
 * Contents
 *
 *     Time; The condition; Acquire and release; Wait; Notify; Await; Close, cancel, stop; State of a condition;
 *     Locks; Texts and versions; Tasks; Processes; Statistics; Static analysis; Leaving out features; Private
 *
 * #ifndef CONDVAR_NO_... marks declarations that a small system can leave out: see "Leaving out features".
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where the system has them: <errno.h>, and <pthread.h> for cond_lock_init_pthread(). */
#if !defined(__has_include)
#  include <errno.h>
#else
#  if __has_include(<errno.h>)
#    include <errno.h>
#  endif
#  if __STDC_HOSTED__ && __has_include(<pthread.h>) && !defined(CONDVAR_NO_PTHREAD) && !defined(CONDVAR_NO_FOREIGN)
#    include <pthread.h>
#    define COND_HAVE_PTHREAD_ 1
#  endif
#endif

/* Each function is exported. */
#if defined(__GNUC__)
#  define COND_API __attribute__((visibility("default")))
#else
#  define COND_API
#endif

/* Attributes for clang -Wthread-safety: see "Static analysis". Empty for other compilers. */
#if defined(__clang__) && defined(__has_attribute)
#  if __has_attribute(assert_capability)
#    define COND_ANALYSIS_(attribute) __attribute__((attribute))
#    define COND_HELD(cond) cond_held_(cond)
#  endif
#endif
#ifndef COND_ANALYSIS_
#  define COND_ANALYSIS_(attribute)
#  define COND_HELD(cond) ((void)(cond))
#endif
#define COND_REQUIRES(...) COND_ANALYSIS_(requires_capability(__VA_ARGS__))
#define COND_ACQUIRES_(object) COND_ANALYSIS_(acquire_capability(object))
#define COND_TRIES_(object) COND_ANALYSIS_(try_acquire_capability(0, object))
#define COND_RELEASES_(object) COND_ANALYSIS_(release_capability(object))

/*
 * CONDVAR_NO_TASKS and CONDVAR_NO_SHARED change the layout of a condition. If one of them is defined, cond_init(), the
 * three cond_lock_init calls and the calls whose names end in `release` get other names, for example
 * cond_release_CONDVAR_NO_TASKS(). A file that calls one of these functions does not link with a library that was
 * compiled with other settings. The name of the missing function shows the settings of the file.
 */
#if defined(CONDVAR_NO_TASKS) && defined(CONDVAR_NO_SHARED)
#  define COND_LAYOUT_(name) name##_CONDVAR_NO_TASKS_CONDVAR_NO_SHARED
#elif defined(CONDVAR_NO_TASKS)
#  define COND_LAYOUT_(name) name##_CONDVAR_NO_TASKS
#elif defined(CONDVAR_NO_SHARED)
#  define COND_LAYOUT_(name) name##_CONDVAR_NO_SHARED
#endif
#ifdef COND_LAYOUT_
#  define cond_init COND_LAYOUT_(cond_init)
#  define cond_release COND_LAYOUT_(cond_release)
#  define cond_lock_init COND_LAYOUT_(cond_lock_init)
#  define cond_lock_init_foreign COND_LAYOUT_(cond_lock_init_foreign)
#  define cond_lock_init_pthread COND_LAYOUT_(cond_lock_init_pthread)
#  define cond_lock_release COND_LAYOUT_(cond_lock_release)
#  define cond_task_release COND_LAYOUT_(cond_task_release)
#  define cond_task_lock_release COND_LAYOUT_(cond_task_lock_release)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Time ------------------------------------------------------------------------------------------------ */

/* A timeout or a deadline that never expires. */
#define COND_FOREVER INT64_MAX

/* Microseconds, milliseconds and seconds as nanoseconds. Fractions are allowed: COND_SEC(0.5) is half a second. They
   are rounded towards 0. */
#define COND_US(n) ((int64_t)((n) * INT64_C(1000)))
#define COND_MS(n) ((int64_t)((n) * INT64_C(1000000)))
#define COND_SEC(n) ((int64_t)((n) * INT64_C(1000000000)))

/** The current time of the monotonic clock in nanoseconds. POSIX: CLOCK_MONOTONIC. */
COND_API int64_t cond_now(void);

/**
 * The deadline that is timeout_ns from now, for the calls whose names end in `_until`. COND_FOREVER if timeout_ns
 * is COND_FOREVER, or if the deadline is too far away to be represented. Never 0, because 0 means "no deadline"
 * in cond_wait_options_t.
 */
COND_API int64_t cond_deadline(int64_t timeout_ns);

/* ---- The condition --------------------------------------------------------------------------------------- */

/*
 * A condition, with a lock of its own or on a separate lock. All members are private, and its size may change.
 *
 *     static cond_t cond = COND_INIT;                    // its own recursive lock; the same as all zero bits
 *     static cond_t not_full = COND_INIT_WITH(&lock);    // on a separate private or foreign lock: "Locks"
 */
typedef struct cond cond_t;

/* A lock by itself: see "Locks". */
typedef struct cond_lock cond_lock_t;

/* Flags for cond_init() and cond_lock_init(). */
enum {
    COND_RLOCK = 0,  /* recursive: the holder may acquire it again (Python's RLock) */
    COND_MUTEX = 1,  /* not recursive: a second acquire by the holder returns EDEADLK (Python's Lock) */
    COND_SHARED = 2, /* or-ed to one of these: for memory that several processes share; see "Processes" */
};

/* The maximum number of levels of a recursive lock: about a million. A recursive function on a stack of 8 MiB cannot
   reach it: each call would have only 8 bytes. */
#define COND_DEPTH_MAX 0xFFFFFu

/**
 * Initialise a condition. If `lock` is NULL, the condition gets its own lock, of the kind `flags`. Otherwise
 * the condition uses `lock`, which must outlive it; `flags` is then 0 or the flags of `lock`. The condition
 * must not be in use.
 * EINVAL: cond is NULL; unknown flags; flags that differ from those of `lock`; `lock` was destroyed.
 * ENOTSUP: COND_SHARED on a system that has no robust process-shared mutexes.
 * EBUSY: there is a shared condition in this memory already. It is ready to use, and stays as it is.
 * EAGAIN: another process is initialising a shared condition in this memory. Until it is done, other calls
 * return EINVAL.
 */
COND_API int cond_init(cond_t *cond, cond_lock_t *lock, unsigned flags);

/**
 * Destroy a condition, and its own lock with it. Never waits for a holder. (If a foreign lock was lost, it may wait
 * for a short time, for a thread that is about to leave.)
 *
 * A condition on a separate private or foreign lock may be destroyed as soon as all its waiters have been chosen.
 * Their waits need not have returned yet. (Shared conditions: see "Processes".)
 * - Three kinds of waiters do not touch the condition again: chosen waiters, waiters in cond_await() that a release
 *   has woken, and waiters whose wait cond_close() has ended. They return with the lock held. After a destroy
 *   they release it by cond_lock_release(), and tasks by cond_task_lock_release().
 * - If a chosen waiter has a predicate, the predicate must stay true until the wait returns. The same
 *   holds for a waiter in cond_await() that a release has woken. It also holds if the condition is closed meanwhile:
 *   cond_close() does not see a waiter that a release has woken before.
 * - A chosen task must not be cancelled any more.
 *
 * Other calls on the condition may run at the same time: each takes effect before the destroy, or returns
 * EINVAL. Two rules apply:
 * - If the lock is a separate one and the caller does not hold it, no thread may begin to wait during the destroy.
 * - The memory must stay until these other calls have returned. It need not stay for waits that cond_waiters() does
 *   not count: those of the three kinds above, and those that a lost foreign lock has ended (cond_wait()).
 *
 * EINVAL: NULL, destroyed.
 * EBUSY: a thread or a task waits; or the condition's own lock is held, or a woken waiter is still acquiring it.
 */
COND_API int cond_destroy(cond_t *cond);

/* ---- Acquire and release --------------------------------------------------------------------------------- */

/**
 * Acquire the condition's lock, or one more level of it if it is recursive and the caller holds it.
 *
 * Fairness of private locks. A running thread may acquire a free lock before a woken thread does (barging). A
 * thread starves if it does not get the lock within the starvation threshold, about 1 ms. The time is counted from
 * the beginning of the acquire. For a waiter it is counted from its wake-up or its deadline.
 *
 * Let n be the number of threads that starve already when a thread begins to starve. Before this thread gets the lock,
 * threads that do not starve get it n times at most, plus a few. How long they hold it does not matter. Of the
 * threads that starve, the system may wake those of higher real-time priority first. Rare exceptions: design.md,
 * "Limits".
 *
 * A free lock may be reserved for starving threads. Another thread can acquire it only if it stays free for 1 ms.
 * Meanwhile cond_try_acquire() returns EBUSY, and a timed acquire may return ETIMEDOUT. (If the starving thread
 * gets no core, this is so for each acquire until it runs.)
 *
 * EINVAL: NULL, destroyed.
 * EDEADLK: the lock is a mutex, and the caller holds it.
 * EAGAIN: the caller holds the lock COND_DEPTH_MAX levels deep.
 * EOWNERDEAD: the last holder of a shared lock was killed. The caller holds the lock now; see "Processes".
 * ENOTRECOVERABLE: a shared lock was released after EOWNERDEAD without cond_recover().
 * Other errors come from a foreign lock.
 */
COND_API int cond_acquire(cond_t *cond) COND_ACQUIRES_(*cond);

/** As cond_acquire(), without waiting. EBUSY: another thread or a task holds the lock, or it is reserved. */
COND_API int cond_try_acquire(cond_t *cond) COND_TRIES_(*cond);

/** Acquire the lock within timeout_ns. ETIMEDOUT: timed out. Other errors: as cond_acquire(). */
COND_API int cond_acquire_timed(cond_t *cond, int64_t timeout_ns) COND_TRIES_(*cond);

/** As cond_acquire_timed(), with a deadline in the time of cond_now(). */
COND_API int cond_acquire_until(cond_t *cond, int64_t deadline_ns) COND_TRIES_(*cond);

/**
 * Release one level of the lock. Caller must hold the lock. A thread must not end while it holds a private
 * lock. The system may give its thread control block to a new thread, which would then count as the holder.
 * EINVAL: NULL, destroyed. EPERM: the caller does not hold the lock.
 */
COND_API int cond_release(cond_t *cond) COND_RELEASES_(*cond);

/*
 * Hold the lock for a block.
 *
 *     COND_WITH(&cond) { ... }    holds the lock for the block, as Python's `with cond:` does
 *     COND_GUARD(&cond);          holds the lock from here to the end of the enclosing block
 *
 * Both take a cond_t * or a cond_lock_t *. Other types do not compile.
 *
 * - The block may be left at its end, or by break, continue, return or goto: one level of the lock is released.
 *   With compilers other than GCC and Clang, COND_WITH releases only at the end of its block and at a continue.
 *   COND_GUARD needs GCC, Clang or C++.
 * - COND_WITH is a loop that runs once. So a `break` or `continue` in its block leaves the block, not the loop
 *   around it. COND_GUARD has no such loop: prefer it in loops.
 * - EOWNERDEAD: the lock is held, and the block is entered. Call cond_recover().
 * - Any other error of cond_acquire(): COND_WITH does not enter its block, and COND_GUARD does nothing. To
 *   detect this with COND_WITH, set a variable in its block. With COND_GUARD, call cond_owned() after it. (It also
 *   returns true after EDEADLK and EAGAIN.) Or use cond_acquire().
 * - The release does not use the condition, only its lock. So a condition on a separate lock may be destroyed
 *   before the block ends.
 */

/* ---- Wait ------------------------------------------------------------------------------------------------ */

/*
 * The predicate of a waiter: true if the waiter need not wait any longer.
 *
 * It is always called with the lock held, by the waiter or by a thread that releases the lock. So it must use
 * only `arg` and the state that the lock guards. It must not block, and must not call this library. It must
 * return normally: no longjmp(), no exception, no pthread_exit(), and no cancellation point. Otherwise the lock
 * would stay held for ever.
 */
typedef bool cond_pred_t(void *arg);

/**
 * Release all levels of the lock, wait until a notify chooses the caller, and acquire the same number of levels
 * again. Caller must hold the lock.
 *
 * The lock is held again after:
 * 0: a notify chose the caller.
 * ETIMEDOUT: no notify chose the caller within timeout_ns.
 * ECANCELED: the condition was closed before a notify chose the caller.
 * EOWNERDEAD: a holder of the shared lock was killed; see "Processes". A foreign lock may return it too. If a notify
 * had chosen the caller, its notification is used up.
 *
 * Nothing has changed after:
 * EINVAL: NULL, destroyed. (If a shared condition is destroyed during a wait: see "Processes".)
 * EPERM: the caller does not hold the lock.
 *
 * The lock is not held after:
 * ENOTRECOVERABLE: a shared lock was released after EOWNERDEAD without cond_recover().
 * Any other error: a foreign lock returned it when the wait acquired the lock again. The lock is lost: nobody can
 * ever hold it again. (If the lock returned it when the wait released the lock, nothing has changed.)
 * - All waiters on a lost lock return this error once they are woken.
 * - All chosen waiters on the lock are woken. If the caller was not chosen, all waiters of its condition are woken.
 * - All other waiters on the lock stay asleep. To wake the waiters of a condition, call a notify, a wait or
 *   cond_destroy() on it. That notify or wait returns EINVAL. cond_destroy() destroys the condition and returns 0.
 * - All other calls with the lost lock return EINVAL. The memory of its cond_lock_t must stay until all waits on it
 *   have returned.
 * - If a thread that does not hold the lock calls a wait or a notify, the library may try to acquire the lock. If
 *   this returns ENOTRECOVERABLE, the lock is lost too.
 */
COND_API int cond_wait(cond_t *cond, int64_t timeout_ns) COND_REQUIRES(*cond);

/** As cond_wait(), with a deadline in the time of cond_now(). */
COND_API int cond_wait_until(cond_t *cond, int64_t deadline_ns) COND_REQUIRES(*cond);

/**
 * Wait until pred(arg) is true. Caller must hold the lock. Returns at once if the predicate is true already.
 * While it is false, a notify does not end the wait, and the waiter keeps its place in the queue.
 * 0: the predicate is true.
 * ETIMEDOUT: the predicate is false, and timeout_ns has passed.
 * ECANCELED: the predicate is false, and the condition is closed.
 * EINVAL: pred is NULL. Other errors: as cond_wait().
 */
COND_API int cond_wait_for(cond_t *cond, cond_pred_t *pred, void *arg, int64_t timeout_ns) COND_REQUIRES(*cond);

/** As cond_wait_for(), with a deadline in the time of cond_now(). */
COND_API int cond_wait_for_until(cond_t *cond, cond_pred_t *pred, void *arg, int64_t deadline_ns) COND_REQUIRES(*cond);

/* ---- Notify ---------------------------------------------------------------------------------------------- */

/**
 * Choose the first n waiters, or all if there are fewer. Caller must hold the lock.
 *
 * Each release of a private lock then wakes one chosen waiter, even if the waiters woken before have not acquired the
 * lock yet. Waiters are woken in order of arrival, but waiters with predicates may be skipped. While threads starve
 * (cond_acquire()), every second release wakes a starving thread instead.
 *
 * If the predicate of a chosen waiter is false, its wait goes on, and its notification goes to the next waiter
 * that can use it. A notify calls no predicate. So it may come before or after the change of the
 * state, as long as the lock is not released in between.
 *
 * The call makes a system call only if the lock is foreign, or is a separate shared lock. (On Linux with pages larger
 * than 4 KiB a notify that finds waiters calls getpid().)
 * EINVAL: NULL, destroyed. EPERM: the caller does not hold the lock.
 * ENOTRECOVERABLE: a shared lock was released after EOWNERDEAD without cond_recover().
 */
COND_API int cond_notify(cond_t *cond, size_t n) COND_REQUIRES(*cond);

/** Choose all waiters; as cond_notify(). */
COND_API int cond_notify_all(cond_t *cond) COND_REQUIRES(*cond);

/* ---- Await: wait without a notify ------------------------------------------------------------------------ */

#ifndef CONDVAR_NO_AWAIT
/**
 * Wait until pred(arg) is true, as cond_wait_for(), but without a notify: releases of the lock call the
 * predicate. Caller must hold the lock. Similar calls: Abseil's Mutex::Await(), nsync's nsync_mu_wait().
 *
 * Chosen waiters and waiters in cond_await() are in one list of the lock. A waiter joins it when a notify chooses
 * it, or when its cond_await() begins. A release goes through this list, and wakes the first waiter that has no
 * predicate or whose predicate is true. cond_waiters() counts waiters in cond_await(), and cond_notify() does not
 * choose them.
 *
 * Errors: as cond_wait_for(). ENOTSUP: the lock is foreign (the program may release it without this library), or
 * it is shared (another process could not call the predicate).
 */
COND_API int cond_await(cond_t *cond, cond_pred_t *pred, void *arg, int64_t timeout_ns) COND_REQUIRES(*cond);
#endif

/* ---- Close, cancel, stop: end waits ---------------------------------------------------------------------- */

/*
 * Three calls end waits. The wait returns ECANCELED, with the lock held. It returns 0 instead if the predicate of
 * the waiter is true, or if the waiter has no predicate and a notify chose it before.
 *
 *     cond_close()     all waits on a condition, now and later. Caller must hold the lock
 *     cond_cancel()    the waits that carry a token. Caller must hold the lock
 *     cond_stop()      one wait, from any thread, without the lock
 */
#ifndef CONDVAR_NO_CANCEL
/**
 * Close the condition for good: all waits on it end, now and later. Caller must hold the lock. A wait whose
 * predicate is true still returns 0, so that consumers can take what is left. All other calls work as before.
 * To open the condition again, when all its waits have returned, call cond_destroy() and cond_init().
 * cond_reinit_after_fork() leaves it closed.
 * A second call returns 0. No system call on a private lock (but see cond_notify()).
 * EINVAL: NULL, destroyed. EPERM: the caller does not hold the lock.
 * ENOTRECOVERABLE: a shared lock was released after EOWNERDEAD without cond_recover().
 */
COND_API int cond_close(cond_t *cond) COND_REQUIRES(*cond);

/** True if the condition is closed. False if it is NULL or destroyed. Exact if the caller holds the lock. */
COND_API bool cond_closed(const cond_t *cond);

/* A token for cond_cancel(), for one waiter or a group of waiters. All zero bits: not cancelled. It must
   outlive the waits that carry it, and needs no destroy. */
typedef struct cond_token {
    uint32_t cancelled_; /* private: atomic, written under the lock */
} cond_token_t;

/* For cond_stop(): each waiter has its own. Two waits must not use one at the same time. All zero bits: not stopped. It
   must outlive the wait and each cond_stop() of it, and needs no destroy. */
typedef struct cond_stop_node cond_stop_t;

/* The options of cond_wait_with(). A member that is 0 has no effect. */
typedef struct cond_wait_options {
    cond_pred_t *pred;   /* wait until pred(arg) is true, as cond_wait_for(). NULL: until a notify chooses the caller */
    void *arg;
    int64_t deadline_ns; /* in the time of cond_now(): cond_deadline(COND_MS(50)). 0: no deadline */
    cond_token_t *token; /* cond_cancel() with this token ends the wait */
    bool unnotified;     /* wait as cond_await(); needs pred */
    cond_stop_t *stop;   /* cond_stop() ends the wait. Not together with a token */
} cond_wait_options_t;

/**
 * Wait with the given options. Caller must hold the lock. The other waits are short forms of this call, with
 * the same results.
 * ECANCELED: the condition is closed, the token was cancelled, or the wait was stopped. If there is a predicate, it
 * is false. If there is none, no notify had chosen the caller before. The lock is held.
 * EINVAL: options is NULL; `unnotified` without `pred`; both `token` and `stop`.
 * EBUSY: another wait uses `stop`.
 * ENOTSUP: `token` or `stop` with a shared lock; `unnotified` with a shared or a foreign lock.
 * Other errors: as cond_wait().
 */
COND_API int cond_wait_with(cond_t *cond, const cond_wait_options_t *options) COND_REQUIRES(*cond);

/**
 * End the waits on this condition that carry the token. Caller must hold the lock. Each later wait that carries
 * the token ends at once, on any condition. If a cancelled waiter was chosen and its predicate is false, its
 * notification goes to the next waiter. The time that the call takes grows with the number of waiters of the
 * condition and with the number of chosen waiters of its lock. It makes a system call where cond_notify() does.
 * EINVAL: NULL, destroyed. EPERM: the caller does not hold the lock. ENOTSUP: the lock is shared (or
 * ENOTRECOVERABLE, if it is also unusable: cond_recover()).
 */
COND_API int cond_cancel(cond_t *cond, cond_token_t *token) COND_REQUIRES(*cond);

/**
 * End the wait that carries `stop`. Each later wait that carries it ends at once. A notify skips a stopped waiter,
 * as it skips an expired one. Any thread may call this at any time, whatever locks it holds: the call needs no
 * lock and never blocks. A second call returns 0.
 * EINVAL: NULL.
 */
COND_API int cond_stop(cond_stop_t *stop);
#endif

/* ---- State of a condition -------------------------------------------------------------------------------- */

/** True if the lock is held, or is reserved for a starving thread. False if cond is NULL or destroyed. */
COND_API bool cond_locked(const cond_t *cond);

/**
 * True if the calling thread holds the lock. For a foreign lock without an `owned` function, and for a
 * normal pthread mutex: true if any thread holds it. (Without glibc, for other types of pthread mutexes too:
 * cond_lock_init_pthread().) False if cond is NULL or destroyed.
 */
COND_API bool cond_owned(const cond_t *cond);

/**
 * The number of waiters that have not been chosen. Exact if the caller holds the lock. An expired waiter is
 * counted until it holds the lock again, or until a notify skips it. 0 if cond is NULL or destroyed.
 */
COND_API size_t cond_waiters(const cond_t *cond);

/** The condition's lock. NULL if cond is NULL or destroyed, or its lock is destroyed. */
COND_API cond_lock_t *cond_get_lock(cond_t *cond);

/* ---- Locks ----------------------------------------------------------------------------------------------- */

/*
 * Use a cond_lock_t if several conditions use one lock, or if conditions use a lock that the program has already.
 *
 *     static cond_lock_t lock = COND_RLOCK_INIT;          // recursive; the same as all zero bits
 *     static cond_lock_t lock = COND_MUTEX_INIT;          // not recursive
 *     static cond_t not_empty = COND_INIT_WITH(&lock);
 *     static cond_t not_full = COND_INIT_WITH(&lock);
 */

/**
 * Initialise a lock. `flags`: COND_RLOCK or COND_MUTEX, or-ed with COND_SHARED for a shared lock. The lock must
 * not be in use.
 * EINVAL: NULL, unknown flags.
 * ENOTSUP: COND_SHARED on a system that has no robust process-shared mutexes.
 * EBUSY: there is a shared lock in this memory already. It is ready to use, and stays as it is.
 * EAGAIN: another process is initialising a shared lock in this memory. Until it is done, this call may be repeated,
 * but no other call may use the lock.
 */
COND_API int cond_lock_init(cond_lock_t *lock, unsigned flags);

/*
 * The operations of a foreign lock. `object` is the argument of cond_lock_init_foreign(). All functions except `owned`
 * return 0 or a positive errno value. They are called by the thread that acquires or releases. On Linux and POSIX
 * thread cancellation is disabled meanwhile; with other ports they must not be cancellation points. They must return
 * normally: no longjmp(), no exception, no pthread_exit().
 */
typedef struct cond_lock_ops {
    /* Acquire the lock, or return ETIMEDOUT when cond_now() reaches deadline_ns. If the deadline has passed already,
       try once. When a wait acquires the lock again, deadline_ns is COND_FOREVER. Then return an error only if nobody
       can ever hold the lock again. EOWNERDEAD counts as acquired. */
    int (*acquire)(void *object, int64_t deadline_ns);
    /* Release one level. EPERM if the caller is known not to hold the lock. */
    int (*release)(void *object);
    /* True if the calling thread holds the lock. A recursive lock needs this function. NULL: if the
       library cannot acquire the lock at once, the caller counts as the holder, as in Python's Condition. */
    bool (*owned)(void *object);
    /* Release all levels, and store their number for acquire_restore. This function and the next may be NULL: then
       a wait calls release and acquire. */
    int (*release_save)(void *object, unsigned *depth);
    /* Acquire the lock without a deadline, `depth` levels deep. */
    int (*acquire_restore)(void *object, unsigned depth);
} cond_lock_ops_t;

#ifndef CONDVAR_NO_FOREIGN
/**
 * Make a handle for a foreign lock. `ops` and `object` must outlive the handle. The program may still acquire
 * and release the lock directly. The library cannot see such a release, so a notify wakes the first chosen
 * waiter at once, by a system call.
 *
 * Without `owned`, the library cannot detect one misuse: a thread waits or notifies while another thread holds the
 * lock. The behaviour is then undefined.
 *
 * EINVAL: NULL; `acquire` or `release` is NULL; only one of `release_save` and `acquire_restore` is NULL.
 */
COND_API int cond_lock_init_foreign(cond_lock_t *lock, const cond_lock_ops_t *ops, void *object);
#endif

#ifdef COND_HAVE_PTHREAD_
/**
 * Make a handle for a pthread mutex of any type. A wait releases and restores all levels of a recursive one.
 *
 * POSIX has no call for the owner of a mutex. So if the caller of a wait or a notify does not hold it:
 * - Normal mutex: EPERM if nobody holds it. Undefined if another thread holds it, because the queue is then
 *   changed without the lock. The same is true for a release by a thread that does not hold it.
 * - Errorcheck or recursive mutex on Linux with glibc: EPERM.
 * - Errorcheck mutex on other systems: as a normal mutex.
 * - Recursive mutex on other systems: undefined if another thread holds it. If nobody holds it, the caller counts as
 *   the holder: a notify does not detect the misuse, and a wait returns EPERM. (On these systems, if the holder calls
 *   cond_locked(), the result is false.)
 * - A release of an errorcheck or recursive mutex by a thread that does not hold it returns EPERM on all systems.
 *
 * While a thread waits, its priority must not rise above the ceiling of a mutex with PTHREAD_PRIO_PROTECT. It could
 * not acquire the mutex again, and the lock would be lost (cond_wait()).
 *
 * Avoid robust mutexes: use COND_SHARED instead. Some calls, such as cond_locked(), test a mutex by acquiring and
 * releasing it. If the holder of a robust mutex has died, this makes the mutex unrecoverable (ENOTRECOVERABLE). glibc
 * (2.36) may then leave threads asleep for ever.
 *
 * EINVAL: NULL. (On a system without pthreads the function is not declared.)
 */
COND_API int cond_lock_init_pthread(cond_lock_t *lock, pthread_mutex_t *mutex);
#endif

/**
 * Destroy a lock. For a foreign lock, this destroys the cond_lock_t only. Never blocks. Other calls may run at the
 * same time: each takes effect before the destroy, or returns EINVAL. The memory must stay until they have
 * returned. If the caller does not hold a foreign lock, no thread may begin to wait during the destroy.
 * EINVAL: NULL, destroyed.
 * EBUSY: a thread or a task waits on a condition on this lock; or the lock is held. (A foreign lock that is held
 * is no error. A shared lock counts only the waiters of the condition that contains it: see "Processes".)
 */
COND_API int cond_lock_destroy(cond_lock_t *lock);

/* The calls on a condition, for a lock by itself. The errors are the same. */

/** As cond_acquire(). */
COND_API int cond_lock_acquire(cond_lock_t *lock) COND_ACQUIRES_(*lock);
/** As cond_try_acquire(). */
COND_API int cond_lock_try_acquire(cond_lock_t *lock) COND_TRIES_(*lock);
/** As cond_acquire_timed(). */
COND_API int cond_lock_acquire_timed(cond_lock_t *lock, int64_t timeout_ns) COND_TRIES_(*lock);
/** As cond_acquire_until(). */
COND_API int cond_lock_acquire_until(cond_lock_t *lock, int64_t deadline_ns) COND_TRIES_(*lock);
/** As cond_release(). */
COND_API int cond_lock_release(cond_lock_t *lock) COND_RELEASES_(*lock);
/** As cond_locked(). */
COND_API bool cond_lock_locked(const cond_lock_t *lock);
/** As cond_owned(). */
COND_API bool cond_lock_owned(const cond_lock_t *lock);

/* ---- Texts and versions ---------------------------------------------------------------------------------- */

#ifndef CONDVAR_NO_TEXT
/**
 * Write a description of the condition to text: kind, holder and depth of its lock, number of waiters, closed
 * or not. Python: repr(). At most `size` bytes are written, the final zero included. Exact if the caller holds
 * the lock.
 * Returns the length of the whole text, as snprintf() does; -EINVAL if cond is NULL or destroyed, or if text is
 * NULL and size is not 0.
 */
COND_API int cond_describe(const cond_t *cond, char *text, size_t size);

/** Write a description of the lock to text; as cond_describe(). */
COND_API int cond_lock_describe(const cond_lock_t *lock, char *text, size_t size);

/** The meaning of an error that this library has returned, in English. Never NULL. Must not be freed. */
COND_API const char *cond_strerror(int error);
#endif

/* The version of this header. COND_VERSION is one number, to be compared: 200 is 0.2.0, and 10203 is 1.2.3. */
#define COND_VERSION_MAJOR 0
#define COND_VERSION_MINOR 1
#define COND_VERSION_PATCH 0
#define COND_VERSION (COND_VERSION_MAJOR * 10000 + COND_VERSION_MINOR * 100 + COND_VERSION_PATCH)

/** The version of the linked library, such as "0.1.0". Never NULL. Must not be freed. */
COND_API const char *cond_version(void);

/* ---- Tasks: wait without a thread ------------------------------------------------------------------------ */

#ifndef CONDVAR_NO_TASKS
/*
 * A task is something that an event loop runs piece by piece: a coroutine, a connection, a state machine. A
 * task uses a condition as a thread does, but never blocks. Threads and tasks may use the same condition at the
 * same time. If a request cannot be done at once, the call returns EINPROGRESS, and the callback `ready` is
 * called when it is done. This is asyncio.Condition for any loop
 * (https://docs.python.org/3/library/asyncio-sync.html#asyncio.Condition).
 *
 *     void on_ready(cond_task_t *task, int result)       // may run on any thread
 *     {
 *         loop_post(cond_task_user(task), result);       // the loop of the task continues it
 *     }
 *
 * Requests
 * - A request is an acquire or a wait. It has one result. Either the call returns the result, or the call
 *   returns EINPROGRESS and `ready` gets the result, once.
 * - Result 0: the task holds the lock.
 * - Result ECANCELED of a wait: it was cancelled, or the condition was closed. The task holds the lock.
 * - Result ECANCELED of an acquire: it was cancelled, or the lock was destroyed before the task got it. The task
 *   does not hold the lock.
 * - The call that made the request never calls `ready` for it. But `ready` may run on another thread before the
 *   call has returned.
 * - A wait releases the lock, and this can run callbacks of other tasks. If one of them notifies or cancels the
 *   waiting task, the wait may return the result itself.
 * - A request has no timeout. Use a timer of the loop that calls cond_task_cancel().
 *
 * The lock
 * - The holder of the lock is the task, not the thread that runs it. A task may acquire the lock on one thread
 *   and release it on another.
 * - A task cannot block to wait for the lock. So a release makes the task the holder at once: it hands the lock
 *   to the task. The lock stays held until the loop runs the task and the task releases the lock.
 * - Calls of one task must not run at the same time. Only cond_task_cancel() may be called at any time.
 * - Private locks only. Shared and foreign locks return ENOTSUP.
 *
 * The callback `ready`
 * - It runs on a thread that released or destroyed the lock, or made or cancelled a request for it. If several
 *   callbacks are due on one thread, each runs after the one before has returned.
 * - It may call any cond_task function, and may free the task.
 * - It should post to the loop and return. Callbacks of other tasks may be due on the same thread, and run only
 *   after it has returned. These tasks may hold locks already.
 * - It must not block, not even to acquire a lock of this library: that lock may already be handed to a task
 *   whose callback is due on the same thread.
 * - It must return normally: no longjmp(), no exception, no pthread_exit(). On Linux and POSIX thread cancellation is
 *   disabled meanwhile, so it may call cancellation points; with other ports it must not.
 */
typedef struct cond_task cond_task_t;

/* The callback of a task. `result` is 0 or ECANCELED. */
typedef void cond_task_ready_t(cond_task_t *task, int result);

/**
 * Initialise a task. The memory is the caller's. It must stay until the task holds no lock and has no request.
 * There is no destroy. `user` is for the caller: cond_task_user().
 * EINVAL: task or ready is NULL.
 */
COND_API int cond_task_init(cond_task_t *task, cond_task_ready_t *ready, void *user);

/**
 * Acquire the condition's lock for the task, or one more level of it if it is recursive and the task holds it.
 * Tasks get the lock in the order of their requests. While a thread starves (cond_acquire()), every second
 * release leaves the lock to starving threads.
 * EINPROGRESS: ready() will report the result. 0 or ECANCELED: this is the result.
 * EINVAL: NULL, destroyed, task not initialised.
 * ENOTSUP: a shared or a foreign lock.
 * EDEADLK: the lock is a mutex, and the task holds it.
 * EAGAIN: the task holds the lock COND_DEPTH_MAX levels deep.
 * EBUSY: the task has a request in progress.
 */
COND_API int cond_task_acquire(cond_t *cond, cond_task_t *task);

/**
 * Release all levels of the lock, and wait until a notify chooses the task. The task must hold the lock. After
 * the wait it holds the same number of levels again.
 * EINPROGRESS: ready() will report the result. 0 or ECANCELED: this is the result.
 * EPERM: the task does not hold the lock. EINVAL, ENOTSUP, EBUSY: as cond_task_acquire().
 */
COND_API int cond_task_wait(cond_t *cond, cond_task_t *task);

/**
 * As cond_task_wait(), until pred(arg) is true: see cond_wait_for(). If it is true already, the call returns 0
 * and the lock is not released. EINVAL: pred is NULL. Other errors: as cond_task_wait().
 */
COND_API int cond_task_wait_for(cond_t *cond, cond_task_t *task, cond_pred_t *pred, void *arg);

/** Release one level of the lock. EPERM: the task does not hold it. EINVAL, ENOTSUP: as cond_task_acquire(). */
COND_API int cond_task_release(cond_t *cond, cond_task_t *task);

/**
 * As cond_task_acquire() and cond_task_release(), with a lock in place of a condition. They are for a task whose
 * condition was destroyed after a notify chose the task (cond_destroy()), and for locks without a condition.
 */
COND_API int cond_task_lock_acquire(cond_lock_t *lock, cond_task_t *task);
/** As cond_task_release(), by the lock. */
COND_API int cond_task_lock_release(cond_lock_t *lock, cond_task_t *task);

/**
 * Choose the first n waiters, threads and tasks: as cond_notify(). The task must hold the lock.
 * EPERM: it does not. EINVAL, ENOTSUP: as cond_task_acquire().
 */
COND_API int cond_task_notify(cond_t *cond, cond_task_t *task, size_t n);

/** Choose all waiters; as cond_task_notify(). */
COND_API int cond_task_notify_all(cond_t *cond, cond_task_t *task);

/**
 * Cancel the request of the task. Any thread may call this at any time while the memory of the task exists.
 * If the call returns 0, the result of the request is ECANCELED:
 * - A wait ends when the task holds the lock again. If a notify had chosen the task, the next waiter is chosen
 *   instead.
 * - An acquire ends at a later release of the lock. The task does not get the lock.
 * While the request is in progress, a second call also returns 0.
 * EINVAL: NULL; there is no request; or it is too late, because another result is decided.
 */
COND_API int cond_task_cancel(cond_task_t *task);

/** The `user` of cond_task_init(). NULL if task is NULL. */
COND_API void *cond_task_user(const cond_task_t *task);

#ifndef CONDVAR_NO_AWAIT
/** As cond_task_wait_for(), but without a notify: see cond_await(). */
COND_API int cond_task_await(cond_t *cond, cond_task_t *task, cond_pred_t *pred, void *arg);
#endif

#ifndef CONDVAR_NO_CANCEL
/** As cond_close(). EPERM: the task does not hold the lock. EINVAL, ENOTSUP: as cond_task_acquire(). */
COND_API int cond_task_close(cond_t *cond, cond_task_t *task);
#endif
#endif

/* ---- Processes ------------------------------------------------------------------------------------------- */

/*
 * Shared conditions
 *
 * With COND_SHARED a lock and its conditions are in memory that several processes share. Each process maps the memory
 * by mmap() with MAP_SHARED: a file, memory of shm_open(), and so on. The addresses may differ. A lock and the
 * conditions on it must be in one mapping. All processes must be in one PID namespace, because a robust mutex
 * identifies its holder by a number of that namespace. (By default each container has its own.)
 *
 * Initialising
 * - One process calls cond_init() or cond_lock_init(). If another process calls it too, the call returns EBUSY and
 *   changes nothing. While the first call is in progress, the other one returns EAGAIN: call again a little
 *   later.
 * - So memory that outlives its processes must be cleared, or its objects destroyed, before it is initialised
 *   again. If a process is killed during an init or a destroy, the memory must be cleared. Otherwise each later
 *   init returns EAGAIN or EBUSY.
 *
 * When a holder is killed
 * - The next thread to acquire the lock gets EOWNERDEAD. It holds the lock, but the guarded state may be half
 *   changed. It repairs the state and calls cond_recover() or cond_lock_recover().
 * - A recover wakes all waiters: plain waits return 0, and waiters with predicates call their predicates again.
 *   For the condition of the call this happens at once. For other conditions on the lock it happens within
 *   100 ms, or at the next wait or notify there.
 * - A wait can return EOWNERDEAD too, with the lock held as deep as before. If the holder waits before it has called
 *   recover, the wait returns EOWNERDEAD at once and does not release the lock.
 * - If the lock is released before a recover, each later acquire, wait and notify returns ENOTRECOVERABLE. Waits
 *   that are in progress return it too, within 100 ms, and do not hold the lock. cond_waiters() no longer counts
 *   them. Once these calls have returned, the condition and the lock can be destroyed and initialised again.
 * - The kernel frees at most 2,048 robust locks of a killed thread. Further ones stay held.
 *
 * When a waiter is killed
 * - No notification is lost, but one may be delayed by 100 ms. If a thread is killed while it acquires the lock,
 *   other acquires may be delayed by 100 ms, too.
 * - cond_waiters() may count killed waiters until a cond_notify_all(), even if that call returns
 *   ENOTRECOVERABLE. Until then cond_destroy() may return EBUSY.
 * - To find out whether the holder was killed, a waiter tries to acquire the lock from time to time, and releases
 *   it again at once. So cond_try_acquire() and cond_destroy() may return EBUSY although nobody uses the lock.
 *
 * Notify
 * - A notify chooses at least min(n, waiters), sometimes more. So cond_wait() may return 0 too often (a spurious
 *   wakeup).
 * - The order of waiters is not promised. The waiter itself calls its predicate.
 * - If waiters have different real-time priorities, a notify may reach its waiter 100 ms late. The kernel wakes
 *   the waiter with the highest priority first, even if it came later or its predicate is false. A notify may
 *   also be 100 ms late if the thread of an earlier one was suspended before it had woken its waiters.
 * - A notify makes a system call if the lock is a separate one: the release of such a lock cannot find the
 *   condition.
 *
 * Destroy
 * - A woken waiter reads the condition before it returns, and cond_destroy() does not detect such a waiter. So the
 *   memory of a condition, and of its own lock, must stay until all waits have returned.
 * - A waiter, or a thread in an acquire, that finds the lock destroyed returns EINVAL without the lock. The memory must
 *   stay, and must not be initialised again, until these calls have returned.
 * - The condition may be destroyed without its lock, if the lock is a separate one. A waiter that returns later returns
 *   with the lock held, and must release it by cond_lock_release(). If its predicate is false, or if cond_close() has
 *   ended its wait, it returns EINVAL.
 *
 * Private conditions in shared memory
 *
 * A condition of all zero bits is private, whatever memory it is in. Two processes must not use it.
 * - Part of this misuse is detected. While the first process has waiters, a wait or a notify by the second one
 *   returns EINVAL. A woken waiter that finds waiters of another process in the queue returns EINVAL too, with
 *   the lock held.
 * - The rest is not detected. The processes cannot wake each other, so a thread may sleep for ever at the lock. A
 *   holder is identified by the address of its thread control block, which is the same in a forked child. So the
 *   child's thread counts as the holder, too. Tasks of two processes are not distinguished.
 */

/**
 * Make a shared lock usable again after EOWNERDEAD, as pthread_mutex_consistent(). Caller must hold the lock.
 * EINVAL: NULL, destroyed; nothing to recover (always so for a lock that is not shared).
 * EPERM: the caller does not hold the lock.
 */
COND_API int cond_recover(cond_t *cond) COND_REQUIRES(*cond);

/** As cond_recover(), for a lock by itself. */
COND_API int cond_lock_recover(cond_lock_t *lock) COND_REQUIRES(*lock);

/**
 * Reset a condition in the child of a fork(). The only thread of the child is the one that called fork(). So the call
 * removes all waiters, and frees the lock, even if another thread held it. Call it for each condition on a lock before
 * any of them is used, also if the child's thread held the lock at the fork: other threads may have waited for it. A
 * foreign lock itself stays as it is. A shared condition stays as it is, because its
 * users exist in other processes. Python: Condition._at_fork_reinit().
 *
 * Requests of tasks end without a callback. Do not cancel them. Call cond_task_init() before the child uses such a
 * task again, and clear a cond_stop_t that a wait of the parent carried.
 * EINVAL: NULL, destroyed.
 */
COND_API int cond_reinit_after_fork(cond_t *cond);

/** As cond_reinit_after_fork(), for a lock without conditions. */
COND_API int cond_lock_reinit_after_fork(cond_lock_t *lock);

/* ---- Statistics ------------------------------------------------------------------------------------------ */

#ifdef CONDVAR_OBSERVER
/*
 * The observer is a function of the program, which the library calls for each of these events. It can count them
 * by lock: examples/statistics.c. There is an observer only if the library and the program are compiled with
 * CONDVAR_OBSERVER (-Dobserver=enabled). Otherwise it costs nothing.
 */
enum {
    COND_EVENT_CONTENDED, /* a thread could not acquire a private lock at once. cond: NULL. value: 1 if it is a waiter
                             that a release has woken, else 0. (A failed cond_try_acquire(), or a task, may have no
                             event) */
    COND_EVENT_WAIT,      /* a wait begins. value: its deadline, or COND_FOREVER */
    COND_EVENT_AGAIN,     /* a woken waiter waits again, because its predicate is false. value: its deadline. (On a
                             shared condition also if another waiter has used the notification) */
    COND_EVENT_WAKE,      /* a wait has ended. value: its result, such as 0 or ETIMEDOUT */
    COND_EVENT_HANDOVER,  /* a waiter is woken, or a task becomes the holder. value: the address of the task. For a
                             thread the value has no meaning. cond: NULL for a task that acquires. Not for shared
                             locks */
    COND_EVENT_NOTIFY,    /* a notify. value: n, or -1 for all */
    COND_EVENT_CANCEL,    /* a cancel. value: the address of the token, or 0 for a close */
};

/*
 * An observer. The thread of the event calls it, so several threads may be in it at the same time. It must ignore
 * unknown events, since later versions may have more.
 *
 * - The lock is held during the call, except at CONTENDED and at a WAKE that returns without the lock (cond_wait()).
 *   Other threads wait for the lock. So an observer must be short.
 * - At WAKE the condition may be destroyed already, and also the lock if it is not held. So use `cond` and `lock` as
 *   addresses only.
 * - It must not call this library, except cond_now(). It may acquire a lock that is not of this library. Then no
 *   thread that holds that lock may call this library.
 * - It must return normally: no longjmp(), no exception, no pthread_exit(), and no cancellation point.
 * - Waits of tasks have no WAIT, AGAIN and WAKE.
 */
typedef void cond_observer_t(int event, const cond_t *cond, const cond_lock_t *lock, int64_t value);

/**
 * Set the observer of all conditions and locks of the program. NULL: none, as at the start. Any thread may call
 * this at any time. Other threads may still be in the old observer when this call returns.
 */
COND_API void cond_set_observer(cond_observer_t *observer);
#endif

/* ---- Static analysis ------------------------------------------------------------------------------------- */

/*
 * clang -Wthread-safety finds a wait, a notify or a release without the lock, and a lock that is not released
 * on every path. It analyses one function at a time, without its callers. Two macros add what is missing:
 *
 *     void push(struct queue *q, int item) COND_REQUIRES(q->cond);    // the caller must hold the lock of q->cond
 *     COND_HELD(&not_full);     // the lock is held from here on
 *
 * COND_HELD() is for a lock that was acquired through another condition, or without this library.
 *
 * For the analysis each condition has a lock of its own. If several conditions use one lock, name each condition
 * that a function uses:
 *
 *     cond_acquire(&q->not_full);
 *     COND_HELD(&q->not_empty);    // the same lock. For the analysis it is held until the function ends
 *
 *     void push(struct queue *q, int item) COND_REQUIRES(q->not_full, q->not_empty);
 *
 * The analysis assumes that cond_acquire() succeeds, and that locks are not recursive. It follows the errors of
 * the try and timed calls. If you check the error of an acquire, use cond_acquire_timed(cond, COND_FOREVER).
 * (In C, members of structs cannot have these attributes before clang 19.)
 */

/* ---- Leaving out features -------------------------------------------------------------------------------- */

/*
 * Small systems can leave out features by these macros. They must be the same in all files of a program, and
 * when the library is compiled. A feature that is left out costs nothing.
 *
 *     CONDVAR_NO_TASKS     no cond_task_...()
 *     CONDVAR_NO_SHARED    no shared locks: COND_SHARED returns ENOTSUP
 *     CONDVAR_NO_PTHREAD   no cond_lock_init_pthread()
 *     CONDVAR_NO_FOREIGN   no cond_lock_init_foreign(), no cond_lock_init_pthread()
 *     CONDVAR_NO_TEXT      no cond_describe(), cond_lock_describe(), cond_strerror()
 *     CONDVAR_NO_AWAIT     no cond_await(), cond_task_await()
 *     CONDVAR_NO_CANCEL    no cond_close(), cond_closed(), cond_cancel(), cond_stop(), cond_wait_with(),
 *                          cond_task_close()
 */

/* ======== Private: layout and macros ====================================================================== */

/*
 * Users need not read on: layouts and the bodies of macros follow, and may change. The comments name the guard of each
 * member: "fixed by init", "under the lock", "by the owner". Members marked `atomic` have plain types, because C++
 * has no _Atomic. Accesses that may be concurrent use the functions of src/atomic.h.
 */

/* ---- Error numbers of Linux, for systems without <errno.h> ---- */

#ifndef EPERM
#  define EPERM 1
#endif
#ifndef EAGAIN
#  define EAGAIN 11
#endif
#ifndef EBUSY
#  define EBUSY 16
#endif
#ifndef EINVAL
#  define EINVAL 22
#endif
#ifndef EDEADLK
#  define EDEADLK 35
#endif
#ifndef ENOTSUP
#  define ENOTSUP 95
#endif
#ifndef ETIMEDOUT
#  define ETIMEDOUT 110
#endif
#ifndef EINPROGRESS
#  define EINPROGRESS 115
#endif
#ifndef ECANCELED
#  define ECANCELED 125
#endif
#ifndef EOWNERDEAD
#  define EOWNERDEAD 130
#endif
#ifndef ENOTRECOVERABLE
#  define ENOTRECOVERABLE 131
#endif

/* ---- cond_lock_t ---- */

#define COND_CAPABILITY_ COND_ANALYSIS_(capability("lock"))

struct cond_waiter;
struct cond_task;

/* The maximum size of a robust mutex in words of 64 bits; src/port/robust.c checks it. */
#if defined(__aarch64__)
#  define COND_ROBUST_WORDS_ 6
#elif UINTPTR_MAX > 0xFFFFFFFFu
#  define COND_ROBUST_WORDS_ 5
#else
#  define COND_ROBUST_WORDS_ 4
#endif

struct cond_private_lock_ { /* the part of a private lock */
    uint32_t word;           /* atomic: held or free, src/mutex.c */
#if UINTPTR_MAX > 0xFFFFFFFFu /* on 64-bit systems, where it uses padding */
#  define COND_NO_HOLDER_PRED_ 0,
    uint32_t holder_pred;    /* under the lock: hash of the holder's last predicate, src/waitq.c */
#else
#  define COND_NO_HOLDER_PRED_
#endif
    uintptr_t owner;         /* atomic, written under the lock: the owner, or 0 */
#ifndef CONDVAR_NO_TASKS
    struct cond_task *tasks; /* atomic: a stack of tasks that want the lock, src/taskq.c */
#endif
};

struct cond_foreign_lock_ { /* the part of a foreign lock */
    const cond_lock_ops_t *ops; /* fixed by init */
    void *object;               /* fixed by init */
};

struct COND_CAPABILITY_ cond_lock {
    uint8_t kind_;   /* atomic, written by init, destroy and a loss; src/object.h has the kinds */
    uint8_t flags_;  /* atomic, written under the lock */
    uint16_t spin_;  /* atomic: the spin budget, src/park.h. COND_SHARED: the number of recoveries */
    uint32_t depth_; /* atomic, written by the owner: the levels, src/object.h. Lost foreign lock: the error */
    union {
        struct cond_local_lock_ {
            struct cond_waiter *notified; /* under the lock: the list of notified waiters, src/waitq.h */
            uint32_t active_waits;        /* atomic, written under the lock: waits that have not ended */
#ifndef CONDVAR_NO_SHARED
            uint32_t process;             /* under the lock: the process of the notified waiters */
#endif
            union {
                struct cond_private_lock_ mine;
                struct cond_foreign_lock_ foreign;
            } as;
        } local;
#ifndef CONDVAR_NO_SHARED
        uint64_t robust[COND_ROBUST_WORDS_]; /* COND_SHARED: a robust, process-shared pthread mutex */
#endif
    } u_;
};

#ifdef __cplusplus
#  define COND_RLOCK_INIT {}
#else
#  define COND_RLOCK_INIT {0}
#endif
#define COND_MUTEX_INIT {COND_MUTEX, 0, 0, 0, {{NULL, 0, COND_NO_PROCESS_ {{0, COND_NO_HOLDER_PRED_ 0 COND_NO_TASK_}}}}}
#ifndef CONDVAR_NO_SHARED
#  define COND_NO_PROCESS_ 0,
#else
#  define COND_NO_PROCESS_
#endif
#ifndef CONDVAR_NO_TASKS
#  define COND_NO_TASK_ , NULL
#else
#  define COND_NO_TASK_
#endif

/* ---- cond_t ---- */

/* A 64-bit number. Small systems align it like a pointer, to save the padding around it. */
#if defined(CONDVAR_NO_SHARED) && defined(__GNUC__) && UINTPTR_MAX <= 0xFFFFFFFFu
typedef uint64_t cond_arrivals_t_ __attribute__((aligned(4)));
#else
typedef uint64_t cond_arrivals_t_;
#endif

#ifndef CONDVAR_NO_SHARED
struct cond_shared_queue_ { /* the part of a condition with COND_SHARED: written under the lock; src/shared.c */
    uint32_t sequence;     /* atomic: the word that waiters sleep on. They set its lowest bit without the lock */
    uint32_t arrivals;     /* atomic: the ticket of the next waiter */
    uint32_t free_below;   /* atomic: tickets below it are free. Their waiters may return, and need no grant */
    uint32_t notified_below; /* atomic: the other tickets below it are old. Their waiters may return with a grant */
    uint32_t grants;       /* atomic: how many waiters with old tickets may return */
    uint32_t old_waiters;  /* how many waiters have old tickets */
    uint16_t laps;         /* atomic: how often `arrivals` has wrapped */
    uint16_t spin;         /* atomic, not under the lock: the spin budget, src/park.h */
    uint16_t recoveries;   /* atomic: the number of recoveries of the lock at the last repair */
    uint16_t owed;         /* if the lock is own_: how many waiters its release has to wake */
};
#endif

struct COND_CAPABILITY_ cond {
    cond_lock_t *lock_; /* fixed by init. NULL: own_. COND_SHARED: the distance in bytes from this condition */
    uint32_t state_;    /* atomic, written by init, destroy and close; src/object.h */
    uint32_t waiters_;  /* atomic, written under the lock: waiters that have not been chosen */
    union {
        struct cond_local_queue_ {
            struct cond_waiter *waiters; /* under the lock: the queue of waiters, in order of arrival */
            cond_arrivals_t_ arrivals;   /* under the lock: waits begun; the place of the next waiter */
#ifndef CONDVAR_NO_SHARED
            uint32_t process;            /* under the lock: the process of the waiters */
#endif
        } local;
#ifndef CONDVAR_NO_SHARED
        struct cond_shared_queue_ shared;
#endif
    } u_;
    cond_lock_t own_;
};

/* On a shared lock COND_INIT_WITH() compiles, but each call on the condition except cond_destroy() returns EINVAL. */
#define COND_INIT COND_RLOCK_INIT
#ifdef __cplusplus
#  define COND_INIT_WITH(lock) {(lock), 0, 0, {}, {}}
#else
#  define COND_INIT_WITH(lock) {(lock), 0, 0, {{NULL, COND_NO_PROCESS_ 0}}, {0}}
#endif

/* ---- Waiters, tokens and tasks ---- */

/* A waiter: on a thread's stack, in its cond_stop_t, or in a cond_task_t. src/waitq.h has the states. */
struct cond_waiter {
    uint32_t state;           /* atomic, written by the waiter, the holder, cond_stop() and cond_task_cancel() */
    uint32_t timed : 1;       /* fixed: it can expire (it has a deadline, can be stopped, or is a task) */
    uint32_t task : 1;        /* fixed: part of a struct cond_task */
    uint32_t passes_on : 1;   /* under the lock: chosen by notify(n), not by notify_all */
    uint32_t queue : 2;       /* under the lock: WAITER_UNQUEUED, ... */
    uint32_t skipped : 1;     /* under the lock: a waiter that was notified later was woken before it */
    uint32_t awaits : 1;      /* fixed: needs no notify */
    uint32_t cancelled : 1;   /* under the lock: a close or a cancel has ended the wait */
    uint32_t horizon : 24;    /* under the lock: how many waiters arrived after it and before its notify */
    struct cond_waiter *next; /* under the lock: the next waiter in its circular list */
    struct cond_waiter *prev; /* under the lock */
    uint64_t arrival;         /* fixed by waitq_begin_wait(): its place */
    cond_t *cond;             /* fixed: the condition that it waits on */
    cond_pred_t *pred;        /* fixed: NULL in a plain wait */
    void *arg;                /* fixed */
};

#ifndef CONDVAR_NO_CANCEL
struct cond_stop_node { /* (in C++ the function would hide a struct cond_stop) */
    struct cond_waiter waiter_;  /* the node of the wait. cond_stop() accesses its `state` only */
    const cond_token_t *token_;  /* waiter_ and token_ have the layout of struct waitq_thread in src/waitq.h */
    cond_token_t stopped_;       /* set by cond_stop(), for good. token_ points to it */
    uint32_t busy_;              /* atomic: a wait uses it */
};
#endif

#ifndef CONDVAR_NO_TASKS
struct cond_task {
    struct cond_waiter waiter_;
    struct cond_task *next_;   /* in the stack of tasks that want the lock, or in the list of due callbacks */
    cond_lock_t *lock_;        /* fixed for a request */
    void *loop_;               /* fixed for a request: the struct taskq_dispatcher of the call, or NULL; src/taskq.h */
    cond_task_ready_t *ready_; /* fixed by init */
    void *user_;               /* fixed by init */
};
#endif

/* ---- COND_WITH and COND_GUARD ---- */

#define COND_WITH(object)                                                                                \
    for (cond_lock_t *COND_WITH_NAME_(__LINE__) COND_WITH_CLEANUP_ = COND_WITH_ENTER_(object);           \
         COND_WITH_NAME_(__LINE__) != NULL COND_WITH_LEFT_(COND_WITH_NAME_(__LINE__), object);           \
         cond_with_leave_(&COND_WITH_NAME_(__LINE__)))

#if defined(__cplusplus)
#  define COND_GUARD(object) cond_guard_ COND_WITH_NAME_(__LINE__)(COND_WITH_ENTER_(object))
#elif defined(__GNUC__)
#  define COND_GUARD(object) cond_lock_t *COND_WITH_NAME_(__LINE__) COND_WITH_CLEANUP_ = COND_WITH_ENTER_(object)
#else
#  define COND_GUARD(object) _Static_assert(0, "COND_GUARD needs GCC, Clang or C++: use COND_WITH")
#endif

#define COND_WITH_NAME_(line) COND_WITH_PASTE_(line)
#define COND_WITH_PASTE_(line) cond_with_##line##_
#if defined(__GNUC__)
#  define COND_WITH_CLEANUP_ __attribute__((cleanup(cond_with_leave_), unused))
#else
#  define COND_WITH_CLEANUP_
#endif

/* For a condition or a lock: overloads in C++. */
#ifdef __cplusplus
#  define COND_WITH_ENTER_(object) cond_with_enter_(object)
#  define COND_WITH_LEAVES_(object) cond_with_left_(object)
#else
#  define COND_WITH_ENTER_(object) \
      _Generic((object), cond_t *: cond_with_enter_, cond_lock_t *: cond_lock_with_enter_)(object)
#  define COND_WITH_LEAVES_(object) \
      _Generic((object), cond_t *: cond_with_left_, cond_lock_t *: cond_lock_with_left_)(object)
#endif

/* For clang's analysis: cond_with_enter_() asserts that the lock is held in the block. cond_with_left_() declares that
   it is not held after the block. cond_with_left_() is never called: the condition before it is false whenever it is
   reached. So `object` is evaluated once. */
#if defined(__clang__)
#  define COND_WITH_LEFT_(name, object) || ((name) != NULL && COND_WITH_LEAVES_(object) && false)
#else
#  define COND_WITH_LEFT_(name, object)
#endif

#define COND_ASSERTS_(object) COND_ANALYSIS_(assert_capability(object))
#define COND_UNSEEN_ COND_ANALYSIS_(no_thread_safety_analysis)

static inline void cond_held_(const cond_t *cond) COND_ASSERTS_(*cond);
static inline cond_lock_t *cond_with_enter_(cond_t *cond) COND_ASSERTS_(*cond);
static inline cond_lock_t *cond_lock_with_enter_(cond_lock_t *lock) COND_ASSERTS_(*lock);
static inline bool cond_with_left_(const cond_t *cond) COND_RELEASES_(*cond);
static inline bool cond_lock_with_left_(const cond_lock_t *lock) COND_RELEASES_(*lock);

static inline COND_UNSEEN_ void cond_held_(const cond_t *cond)
{
    (void)cond;
}

static inline COND_UNSEEN_ bool cond_with_left_(const cond_t *cond)
{
    (void)cond;
    return false;
}

static inline COND_UNSEEN_ bool cond_lock_with_left_(const cond_lock_t *lock)
{
    (void)lock;
    return false;
}

static inline COND_UNSEEN_ cond_lock_t *cond_lock_with_enter_(cond_lock_t *lock)
{
    int error = cond_lock_acquire(lock);
    return error == 0 || error == EOWNERDEAD ? lock : NULL;
}

static inline COND_UNSEEN_ cond_lock_t *cond_with_enter_(cond_t *cond)
{
    return cond_lock_with_enter_(cond_get_lock(cond));
}

static inline COND_UNSEEN_ void cond_with_leave_(cond_lock_t **lock)
{
    if (*lock != NULL)
        (void)cond_lock_release(*lock);
    *lock = NULL;
}

#ifdef __cplusplus
extern "C++" {
static inline cond_lock_t *cond_with_enter_(cond_lock_t *lock) COND_ASSERTS_(*lock);
static inline bool cond_with_left_(const cond_lock_t *lock) COND_RELEASES_(*lock);

static inline COND_UNSEEN_ cond_lock_t *cond_with_enter_(cond_lock_t *lock)
{
    return cond_lock_with_enter_(lock);
}

static inline COND_UNSEEN_ bool cond_with_left_(const cond_lock_t *lock)
{
    return cond_lock_with_left_(lock);
}

/* The variable of COND_GUARD. */
class cond_guard_ {
public:
    explicit cond_guard_(cond_lock_t *lock) : lock_(lock) {}
    ~cond_guard_() { cond_with_leave_(&lock_); }
    cond_guard_(const cond_guard_ &) = delete;
    cond_guard_ &operator=(const cond_guard_ &) = delete;

private:
    cond_lock_t *lock_;
};
}
#endif

#ifdef __cplusplus
}
#endif

#endif
