/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_H
#define CONDVAR_H

/*
 * condvar.h - a condition variable that carries its lock
 *
 * A condition is a place where threads wait until another thread says that something has changed. Here it
 * is one object with its lock inside: acquire it, look at the state that it guards, wait if the state is
 * not the one you need, release it. The calls and their meaning are those of Python's threading.Condition
 * (https://docs.python.org/3/library/threading.html#condition-objects); the speed is C's.
 *
 *     static cond_t cond = COND_INIT;              // all zero bits: ready to use
 *     static int jobs;
 *
 *     static bool have_job(void *arg) { (void)arg; return jobs > 0; }
 *
 *     void worker(void)                            // one thread
 *     {
 *         cond_acquire(&cond);
 *         cond_wait_for(&cond, have_job, NULL, COND_FOREVER);
 *         jobs--;                                  // the predicate is true, the lock is held
 *         cond_release(&cond);
 *     }
 *
 *     void submit(void)                            // another thread
 *     {
 *         cond_acquire(&cond);
 *         jobs++;
 *         cond_notify(&cond, 1);
 *         cond_release(&cond);
 *     }
 *
 * The rules
 *
 * - Every call returns 0 or a positive errno value and says below which; where a call returns an error,
 *   nothing has changed, except where it says otherwise. No call touches errno, allocates, prints or aborts.
 *   The whole table of misuses and answers is in docs/misuse.md.
 * - Time is int64_t nanoseconds on the monotonic clock; setting the wall clock changes nothing. Timeouts are
 *   relative, deadlines absolute. A timeout of zero or less polls, COND_FOREVER never expires, and a deadline
 *   too far to represent never expires either. A wait never returns early, and signals neither end nor
 *   prolong it.
 * - wait gives the lock back entirely, however deep it was held, and returns with it held as deep again,
 *   whatever the reason of its return.
 * - A notification chooses waiters in the order of their arrival, and is never lost: a waiter that has
 *   expired is passed over. Chosen waiters are woken in that order; which of those that are awake gets the lock
 *   first is not promised. There are no spurious wake-ups.
 * - Nothing here is a cancellation point: a pending pthread_cancel stays pending (as for C++'s waits).
 * - After destroy, every call on the object answers EINVAL (or false, 0, NULL) while its memory is there.
 * - Where a call takes a condition or a lock, it may be called by any thread, unless it says "the holder".
 *   None may be called from a signal handler.
 *
 * Small systems can leave things out, by macros that must be the same in all files of a program and when the
 * library is compiled. What is left out costs nothing.
 *
 *     CONDVAR_NO_TASKS     no cond_task_*
 *     CONDVAR_NO_SHARED    no memory that processes share: COND_SHARED is answered ENOTSUP
 *     CONDVAR_NO_PTHREAD   no cond_lock_init_pthread()
 *     CONDVAR_NO_FOREIGN   no cond_lock_init_foreign(), nor cond_lock_init_pthread()
 *     CONDVAR_NO_TEXT      no cond_describe(), cond_lock_describe() and cond_strerror()
 *     CONDVAR_NO_AWAIT     no cond_await() and cond_task_await()
 *     CONDVAR_NO_CANCEL    no cond_close(), cond_cancel(), cond_stop() and cond_wait_with()
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__has_include)
#  if __has_include(<errno.h>)
#    include <errno.h>
#  endif
#  if __STDC_HOSTED__ && __has_include(<pthread.h>) && !defined(CONDVAR_NO_PTHREAD) && \
      !defined(CONDVAR_NO_FOREIGN)
#    include <pthread.h>
#    define COND_HAVE_PTHREAD_ 1
#  endif
#else
#  include <errno.h>
#endif

/* Where there is no <errno.h>, as on bare metal: Linux's numbers. */
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

/*
 * CONDVAR_NO_TASKS and CONDVAR_NO_SHARED change the size of a lock. So the functions that every program needs to make or
 * to release a lock have other names then: cond_release_CONDVAR_NO_TASKS(). A file and a library that were compiled with
 * different ones of these macros do not link, and the name of the missing function says which macro it is.
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
#  define cond_lock_release COND_LAYOUT_(cond_lock_release)
#  define cond_task_release COND_LAYOUT_(cond_task_release)
#  define cond_task_lock_release COND_LAYOUT_(cond_task_lock_release)
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#  define COND_API __attribute__((visibility("default")))
#else
#  define COND_API
#endif

/*
 * clang -Wthread-safety finds a wait, a notify or a release without the lock, and a lock that is not released
 * on every path. It looks at one function at a time, and has to be told what it cannot see there:
 *
 *     void push(struct queue *q, int item) COND_REQUIRES(q->cond);   // called with the lock of q->cond held
 *     COND_HELD(&not_full);   // from here on: the lock was acquired by another name, because two conditions
 *                             // are on it, or because it is a lock of the program's own
 *
 * It takes cond_acquire() for always successful, and follows the errors of try and timed ones: where an error
 * is to be looked at, cond_acquire_timed(cond, COND_FOREVER) does the same. It knows no recursion.
 * (The attributes name parameters, not members: in C, members can't have them before clang 19.)
 */
#if defined(__clang__) && defined(__has_attribute)
#  if __has_attribute(assert_capability)
#    define COND_ANALYSIS_(attribute) __attribute__((attribute))
#  endif
#endif
#ifdef COND_ANALYSIS_
#  define COND_REQUIRES(object) COND_ANALYSIS_(requires_capability(object))
#  define COND_HELD(cond) cond_held_(cond)
#else
#  define COND_ANALYSIS_(attribute)
#  define COND_REQUIRES(object)
#  define COND_HELD(cond) ((void)(cond))
#endif
#define COND_CAPABILITY_ COND_ANALYSIS_(capability("lock"))
#define COND_ACQUIRES_(object) COND_ANALYSIS_(acquire_capability(object))
#define COND_TRIES_(object) COND_ANALYSIS_(try_acquire_capability(0, object))
#define COND_RELEASES_(object) COND_ANALYSIS_(release_capability(object))
#define COND_ASSERTS_(object) COND_ANALYSIS_(assert_capability(object))
#define COND_UNSEEN_ COND_ANALYSIS_(no_thread_safety_analysis)

/* ---- The version ------------------------------------------------------------------------------------ */

/* Of this header. COND_VERSION is one number, to be compared: #if COND_VERSION >= 200 is 0.2.0 or later. */
#define COND_VERSION_MAJOR 0
#define COND_VERSION_MINOR 1
#define COND_VERSION_PATCH 0
#define COND_VERSION (COND_VERSION_MAJOR * 10000 + COND_VERSION_MINOR * 100 + COND_VERSION_PATCH)

/** The version of the library that is linked: "0.1.0". Never NULL, never to be freed. */
COND_API const char *cond_version(void);

/* ---- Time ------------------------------------------------------------------------------------------- */

/* Timeouts and deadlines are nanoseconds. These convert integers and fractions: COND_SEC(0.5) is half a second. */
#define COND_FOREVER INT64_MAX                           /* a timeout or a deadline that never comes */
#define COND_US(n) ((int64_t)((n) * INT64_C(1000)))       /* microseconds */
#define COND_MS(n) ((int64_t)((n) * INT64_C(1000000)))    /* milliseconds */
#define COND_SEC(n) ((int64_t)((n) * INT64_C(1000000000))) /* seconds */

/** The monotonic clock now, in nanoseconds: what deadlines are compared with. POSIX's CLOCK_MONOTONIC. */
COND_API int64_t cond_now(void);

/**
 * The deadline timeout_ns from now, for the calls whose names end in `_until`. What is too far ahead, and COND_FOREVER,
 * is COND_FOREVER. Never 0, which means no deadline in cond_wait_options_t.
 */
COND_API int64_t cond_deadline(int64_t timeout_ns);

/* ---- The lock --------------------------------------------------------------------------------------- */

/*
 * A lock handle: a mutex, a recursive lock, or a lock that somebody else made. A condition has one of its
 * own; a lock by itself is for several conditions on one lock, and for adopting a lock that exists.
 * The members of the structs in this header are the library's own; their sizes are not part of any promise.
 */
typedef struct cond_lock cond_lock_t;

/* Kinds of lock, as flags for cond_lock_init() and cond_init(). */
enum {
    COND_RLOCK = 0,  /* recursive: its owner may acquire it again (Python's RLock) */
    COND_MUTEX = 1,  /* not recursive: its owner acquiring it again is told EDEADLK (Python's Lock) */
    COND_SHARED = 2, /* to be or-ed in: for memory that several processes have mapped, anywhere */
};

/* How deep a recursive lock can be held. More than the return addresses that fit on an 8 MiB stack. */
#define COND_DEPTH_MAX 0xFFFFFu

/*
 * Somebody else's lock, as five functions over `object`. The first two are needed, the others may be NULL.
 * The functions return 0 or a positive errno value, and are called by the thread that acquires or releases, with
 * cancellation disabled. They must return normally: no longjmp, no exception, no pthread_exit.
 */
typedef struct cond_lock_ops {
    /* Acquire it, at the latest at deadline_ns (as cond_now() counts), else ETIMEDOUT; a deadline that has
       passed means: try once. With COND_FOREVER it may fail only if nobody has the lock and nobody can ever have
       it again. EOWNERDEAD counts as acquired. */
    int (*acquire)(void *object, int64_t deadline_ns);
    /* Release it, by one level if it is recursive. EPERM if the caller is known not to hold it. */
    int (*release)(void *object);
    /* Whether the calling thread holds it. Needed for recursive locks. Without it the answer is Python's: if
       it can't be acquired, it is the caller's. */
    bool (*owned)(void *object);
    /* Release it entirely, and say how deep it was held, for acquire_restore. Both or none. Without them,
       wait() uses release and acquire. */
    int (*release_save)(void *object, unsigned *depth);
    /* Acquire it without a time limit and hold it `depth` deep again. */
    int (*acquire_restore)(void *object, unsigned depth);
} cond_lock_ops_t;

struct cond_waiter; /* who waits: a thread, on its own stack, or a task */
struct cond_task;   /* see cond_task_init() */

/* The bytes of a lock that processes share, mostly a pthread_mutex_t; src/port/robust.c checks them. */
#if defined(__aarch64__)
#  define COND_ROBUST_WORDS_ 6
#elif UINTPTR_MAX > 0xFFFFFFFFu
#  define COND_ROBUST_WORDS_ 5
#else
#  define COND_ROBUST_WORDS_ 4
#endif

struct COND_CAPABILITY_ cond_lock {
    uint8_t kind_;   /* fixed by init; src/object.h has the kinds */
    uint8_t flags_;  /* under the lock */
    uint16_t spin_;  /* atomic: how long spinning has been worth it; COND_SHARED: how often it was recovered */
    uint32_t depth_; /* atomic, written by the owner only: how often it holds it; src/object.h for a private one, src/lock.c for one
                        that was foreign and is lost */
    union {
        struct cond_local_lock_ {
            struct cond_waiter *notified; /* under the lock: the notified waiters, in order; src/waitq.h */
            uint32_t active_waits;        /* atomic, written under the lock: waits that have not ended */
#ifndef CONDVAR_NO_SHARED
            uint32_t process;             /* under the lock: whose the notified waiters are */
#endif
            union {
                struct cond_private_lock_ {
                    uint32_t word;           /* atomic: the lock itself, src/mutex.c */
#if UINTPTR_MAX > 0xFFFFFFFFu /* where it fills a gap */
#  define COND_NO_HOLDER_PRED_ 0,
                    uint32_t holder_pred;    /* under the lock: the predicate that its holder last waited for; src/waitq.h */
#else
#  define COND_NO_HOLDER_PRED_
#endif
                    uintptr_t owner;         /* atomic, written by the owner only: itself, or 0 */
#ifndef CONDVAR_NO_TASKS
                    struct cond_task *tasks; /* atomic: those that want the lock, latest first; src/taskq.c */
#endif
                } mine;
                struct cond_foreign_lock_ {
                    const cond_lock_ops_t *ops; /* fixed by init */
                    void *object;               /* fixed by init */
                } foreign;
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

/**
 * Make a lock. Static ones can be initialised by COND_RLOCK_INIT (all zero bits) or COND_MUTEX_INIT.
 * Not to be called on a lock in use. A shared one that is alive is left as it is: with COND_SHARED the call first looks at
 * the memory, which must have been cleared, or have held something else.
 * EINVAL: NULL or unknown flags. ENOTSUP: COND_SHARED on a system without robust mutexes between processes.
 * With COND_SHARED also EBUSY: a shared lock is alive there already, and ready; EAGAIN: another process is making one
 * just now (until that is done, other calls answer EINVAL).
 */
COND_API int cond_lock_init(cond_lock_t *lock, unsigned flags);

#ifndef CONDVAR_NO_FOREIGN
/**
 * Make a handle for a lock that exists. `ops` and `object` must outlive the handle. The program may go on
 * acquiring and releasing the lock directly: what the library keeps is guarded by it.
 * A lock that cannot tell its owner (`owned` NULL) does not answer EPERM to a wait or notify by a thread that does not hold
 * it while another one does: that is undefined. Waking a waiter costs a system call at notify, since the release is not seen.
 * EINVAL: NULL, `acquire` or `release` missing, or one of release_save and acquire_restore without the other.
 */
COND_API int cond_lock_init_foreign(cond_lock_t *lock, const cond_lock_ops_t *ops, void *object);
#endif

#ifdef COND_HAVE_PTHREAD_
/**
 * Make a handle for a pthread mutex. A PTHREAD_MUTEX_RECURSIVE one is released entirely by wait, and
 * restored. POSIX gives no way to ask who holds a mutex. So:
 * - Of a normal one, a wait or notify by a thread that does not hold it is answered EPERM when nobody does. When another
 *   thread does, it is undefined, as a release is: the queues are touched without the lock.
 * - Of an errorcheck or recursive one it is always answered EPERM on Linux with glibc, whose mutexes tell. Elsewhere as
 *   above, and a recursive one counts as the caller's even when nobody holds it, and cond_locked() says false to its holder.
 *   A release by a thread that does not hold it is EPERM everywhere.
 * A robust mutex whose holder has died is given up (ENOTRECOVERABLE) by a call that only looks at it, and glibc (2.36) may
 * leave threads asleep for ever on a robust mutex that was given up. COND_SHARED has none of this.
 * EINVAL: NULL. ENOTSUP: on a system without pthreads.
 */
COND_API int cond_lock_init_pthread(cond_lock_t *lock, pthread_mutex_t *mutex);
#endif

/**
 * End a lock's life; of a foreign one only the handle's. Never blocks. Other calls may be under way, as for
 * cond_destroy(): each has its effect before, or is answered EINVAL, and the memory must stay until it has returned.
 * EINVAL: NULL, destroyed. EBUSY: somebody waits on a condition on it, or it is held (a foreign one may be).
 */
COND_API int cond_lock_destroy(cond_lock_t *lock);

/**
 * Acquire the lock, once more if it is recursive and the caller has it. A running thread may get a free private lock
 * before one that was woken for it. But a thread that has waited for about a millisecond (asleep, after a notify or
 * after its deadline) is overtaken by later ones a few times only, however long they hold the lock: once for each such
 * thread before it, and a few times more. A free lock is kept for it for a millisecond at most. (Meanwhile a try, and
 * an acquire with a shorter timeout, fail.)
 * EINVAL: NULL, destroyed. EDEADLK: a mutex that the caller holds. EAGAIN: held COND_DEPTH_MAX deep.
 * A foreign lock's own errors are passed on.
 */
COND_API int cond_lock_acquire(cond_lock_t *lock) COND_ACQUIRES_(*lock);

/** Acquire the lock if that is possible at once. Errors of cond_lock_acquire(), and EBUSY: another has it. */
COND_API int cond_lock_try_acquire(cond_lock_t *lock) COND_TRIES_(*lock);

/** Acquire the lock within timeout_ns. Errors of cond_lock_acquire(), and ETIMEDOUT. */
COND_API int cond_lock_acquire_timed(cond_lock_t *lock, int64_t timeout_ns) COND_TRIES_(*lock);

/** The same with a deadline, in the time of cond_now(). */
COND_API int cond_lock_acquire_until(cond_lock_t *lock, int64_t deadline_ns) COND_TRIES_(*lock);

/**
 * Release the lock by one level. The holder. EINVAL: NULL, destroyed. EPERM: the caller does not hold it.
 * A thread must not end while it holds a private lock: a new thread that the system gives its control block to has its
 * number, and would count as the owner.
 */
COND_API int cond_lock_release(cond_lock_t *lock) COND_RELEASES_(*lock);

/** Whether anybody holds the lock, or it is kept for a thread that has waited for it too long. */
COND_API bool cond_lock_locked(const cond_lock_t *lock);

/** Whether the calling thread holds the lock; for a foreign lock without `owned`, whether anybody does. */
COND_API bool cond_lock_owned(const cond_lock_t *lock);

/**
 * Make a shared lock usable again after acquire or wait has returned EOWNERDEAD. The holder.
 * EINVAL: NULL, destroyed, or nothing to recover: always so for a lock that is not shared. EPERM: not held.
 */
COND_API int cond_lock_recover(cond_lock_t *lock) COND_REQUIRES(*lock);

/**
 * In the child of a fork, whose only thread is the one that called fork: free the lock, whoever held it. A foreign lock
 * itself is left as it is; a shared lock is left alone, since its holder lives on. For a lock with conditions on it,
 * cond_reinit_after_fork() of each does the same. EINVAL: NULL, destroyed.
 */
COND_API int cond_lock_reinit_after_fork(cond_lock_t *lock);

#ifndef CONDVAR_NO_TEXT
/**
 * Write to text whether the lock is held, its kind, its owner and its depth. At most `size` bytes with the closing zero
 * are written. Returns the length of the whole text, as snprintf does, or -EINVAL for NULL and for a destroyed lock.
 * Exact if the caller holds the lock; otherwise the values may have changed already.
 */
COND_API int cond_lock_describe(const cond_lock_t *lock, char *text, size_t size);
#endif

/*
 * Shared locks and conditions
 *
 * With COND_SHARED a lock and its conditions live in memory that several processes have mapped (mmap with
 * MAP_SHARED, shm_open, memfd_create), at the same or at different addresses. Several conditions on one
 * shared lock must be in one mapping with it. All these processes must be in one PID namespace, for a robust
 * mutex knows its holder by the number there (containers have their own). What is different:
 *
 * - If a holder is killed, the next one to acquire the lock is told EOWNERDEAD: it holds the lock, but what
 *   the lock guards may be half changed. It puts that right and calls recover, or releases the lock without:
 *   then acquire, wait and notify are answered ENOTRECOVERABLE for ever, and those who wait are answered so within a
 *   tenth of a second, without the lock; nobody stays counted, and the condition and the lock can be destroyed and made
 *   anew. wait can return EOWNERDEAD too, with the lock held as deep as before; waiting again before recover is answered
 *   EOWNERDEAD at once. recover lets all waiters go: those of the condition that it is called on at once, those of other
 *   conditions on the same lock within a tenth of a second, or at the next wait or notify there.
 * - A notify lets at least min(n, waiters) go, sometimes more, so a plain wait may return without need; a
 *   killed waiter costs no notification, though it may delay one by a tenth of a second, as one that is killed
 *   while it waits for the lock may delay the others that do.
 * - Predicates are called by the waiter itself. Order is not promised. Where waiters, with predicates or without, have
 *   different real-time priorities, a notify may take a tenth of a second to reach the one that it is for: the kernel
 *   wakes the highest priority first, be it that this one came later or that its predicate is false.
 * - A woken waiter looks at the condition before it returns. So the condition's memory, and a lock of its own,
 *   must stay until the waiters are through; cond_destroy() does not find out that some are on their way. A waiter that
 *   finds its lock destroyed is answered EINVAL and does not hold it, as is one that was asleep in acquire; so their
 *   memory must stay, and may be made into something new, only when these calls have returned. A waiter that finds only
 *   its condition destroyed, on a lock elsewhere, holds the lock (with EINVAL if it would have to wait on), and releases
 *   it by cond_lock_release().
 * - A notify costs a system call if the lock lives elsewhere: its release does not know the condition.
 * - The kernel frees the first 2,048 robust locks that a killed thread holds. What it held beyond these stays held.
 * - Waiters look now and then whether the holder of the lock lives, so cond_try_acquire() and
 *   cond_destroy() may find a lock busy that no one uses.
 * - Waiters that were killed are counted by cond_waiters(), and keep cond_destroy() from its work, until the
 *   next notify_all (on a lock that was given up, even by one that is answered ENOTRECOVERABLE).
 * - cond_init() and cond_lock_init() by a second process on what is alive are EBUSY, and change nothing, whether it is
 *   held or free; while the first process is not done yet they are EAGAIN, to be called again a little later. So memory
 *   that outlives its processes must be cleared, or what is in it destroyed, before it is used anew. And it must be
 *   cleared when a process was killed in one of these or in destroy: then EAGAIN does not end.
 * - A condition of all zero bits is a private one, wherever it is. To use it from two processes is a mistake, of which a
 *   part is noticed: a second process that waits or notifies while the first one has waiters is answered EINVAL, and so is
 *   a waiter that finds those of another process when it comes back. But the two cannot wake each other, so a process may
 *   well sleep for ever on such a lock; the threads of a forked child count as those of its parent; and tasks of two
 *   processes on one lock are not told apart.
 */

/* ---- The condition ---------------------------------------------------------------------------------- */

typedef struct cond cond_t;

/*
 * What a waiter waits for: true once it has come. It is called with the lock held, by the waiter or by a
 * thread that is about to release the lock and would let the waiter go. So it must depend on `arg` and on
 * the state that the lock guards only, must not block, and must not call the library. It must return normally: no longjmp,
 * no exception, no pthread_exit, and no cancellation point, for a thread that ended in it would hold the lock for ever.
 */
typedef bool cond_pred_t(void *arg);

/* A 64-bit number, which small systems align like a pointer: that saves them the padding around it. */
#if defined(CONDVAR_NO_SHARED) && defined(__GNUC__) && UINTPTR_MAX <= 0xFFFFFFFFu
typedef uint64_t cond_arrivals_t_ __attribute__((aligned(4)));
#else
typedef uint64_t cond_arrivals_t_;
#endif

struct COND_CAPABILITY_ cond {
    cond_lock_t *lock_; /* fixed by init; NULL: own_. COND_SHARED: how many bytes from here, as a pointer */
    uint32_t state_;    /* atomic, written by init, destroy and close; src/object.h */
    uint32_t waiters_;  /* atomic, written under the lock: how many wait and have not been chosen */
    union {
        struct cond_local_queue_ {
            struct cond_waiter *waiters; /* under the lock: who waits, in order of arrival */
            cond_arrivals_t_ arrivals;   /* under the lock: waits begun, the next waiter's place */
#ifndef CONDVAR_NO_SHARED
            uint32_t process;            /* under the lock: whose the waiters are */
#endif
        } local;
#ifndef CONDVAR_NO_SHARED
        struct cond_shared_queue_ { /* COND_SHARED: all written under the lock; src/shared.c */
            uint32_t sequence;     /* atomic: what waiters sleep on */
            uint32_t arrivals;     /* atomic: the next waiter's ticket */
            uint32_t free_below;   /* atomic: only those who have a ticket from this one on must still wait */
            uint32_t notified_below; /* atomic: and of those up to this one */
            uint32_t grants;       /* atomic: this many may go */
            uint32_t old_waiters;  /* how many have a ticket below notified_below */
            uint16_t laps;         /* atomic: how often `arrivals` has begun anew */
            uint16_t spin;         /* atomic: how long waiting awake has been worth it */
            uint16_t recoveries;   /* atomic: the lock's, when this was last put in order */
            uint16_t owed;         /* own lock: how many its release is to wake */
        } shared;
#endif
    } u_;
    cond_lock_t own_;
};

/* COND_INIT_WITH(lock) is for private and foreign locks. A shared condition needs cond_init(): on a shared lock the
   initialiser compiles, and every call on the condition is answered EINVAL. */
#define COND_INIT COND_RLOCK_INIT
#ifdef __cplusplus
#  define COND_INIT_WITH(lock) {(lock), 0, 0, {}, {}}
#else
#  define COND_INIT_WITH(lock) {(lock), 0, 0, {{NULL, COND_NO_PROCESS_ 0}}, {0}}
#endif

/**
 * Make a condition: on `lock`, which it does not own and which must outlive it, or, if that is NULL, on a
 * lock of its own made from `flags`. Static ones can be initialised by COND_INIT (all zero bits) or
 * COND_INIT_WITH(lock). Not to be called on a condition in use.
 * EINVAL: NULL, unknown flags, a destroyed lock, or flags other than 0 that are not those of `lock`.
 * ENOTSUP: as cond_lock_init(). EBUSY: a shared condition is alive there already, and ready. EAGAIN: another process is
 * making one there just now (until that is done, other calls answer EINVAL).
 */
COND_API int cond_init(cond_t *cond, cond_lock_t *lock, unsigned flags);

/**
 * End a condition's life, and its own lock's with it. Never blocks. It may be called as soon as nobody waits:
 * a waiter that a notify has chosen does not touch the condition again, if the lock lives elsewhere (and if,
 * should it be in cond_wait_for, its predicate stays true until it is through, and, should it be a task, it
 * is not cancelled any more). Such a waiter returns with the lock held, and must release it by the lock: by
 * cond_lock_release(), a task by cond_task_lock_release(). A waiter that cond_close() has woken does not touch the condition
 * either. One in cond_await that a release has woken is as one in cond_wait_for that a notify has chosen.
 * Other calls may be under way: each has its effect before the destroy, or is answered EINVAL. There are two rules. Where
 * the lock is elsewhere and is not held by the caller, no thread may begin to wait meanwhile. And the memory must stay
 * until these calls have returned, except for waits that nobody waits in any more: those that were chosen, and those that
 * cond_waiters() has ceased to count.
 * EINVAL: NULL, destroyed. EBUSY: somebody waits, or the condition's own lock is held or on its way to a
 * waiter.
 */
COND_API int cond_destroy(cond_t *cond);

/** Acquire the condition's lock; as cond_lock_acquire(). */
COND_API int cond_acquire(cond_t *cond) COND_ACQUIRES_(*cond);

/** As cond_lock_try_acquire(). */
COND_API int cond_try_acquire(cond_t *cond) COND_TRIES_(*cond);

/** As cond_lock_acquire_timed(). */
COND_API int cond_acquire_timed(cond_t *cond, int64_t timeout_ns) COND_TRIES_(*cond);

/** As cond_lock_acquire_until(). */
COND_API int cond_acquire_until(cond_t *cond, int64_t deadline_ns) COND_TRIES_(*cond);

/** Release the condition's lock by one level; as cond_lock_release(). The holder. */
COND_API int cond_release(cond_t *cond) COND_RELEASES_(*cond);

/**
 * Release the lock entirely, wait for a notify that chooses the caller, and acquire the lock again as deep
 * as it was held. The holder.
 * EINVAL: NULL, destroyed. EPERM: not held. ETIMEDOUT: no notify chose the caller in timeout_ns; the lock is
 * held again. ECANCELED: the condition is closed, or was closed before a notify chose the caller; the lock is held (again).
 * An error of a foreign lock that could not be acquired again is passed on: the lock is then
 * not held. It is lost: nobody can have it any more, so the others that wait on the condition are woken, and get the same
 * error. (Those that wait on another condition of that lock get it when a notify, a wait or cond_destroy() is called on
 * theirs; so do those of a lock that says ENOTRECOVERABLE to such a call.) The handle answers EINVAL from then on, and its
 * memory must stay until these waits have returned. The condition can be destroyed at once.
 * Of a shared lock: EOWNERDEAD, a holder was killed; the lock is held, to be recovered. ENOTRECOVERABLE, the lock was
 * given up, before or meanwhile: it is not held.
 */
COND_API int cond_wait(cond_t *cond, int64_t timeout_ns) COND_REQUIRES(*cond);

/** The same with a deadline, in the time of cond_now(). */
COND_API int cond_wait_until(cond_t *cond, int64_t deadline_ns) COND_REQUIRES(*cond);

/**
 * Wait until pred(arg) is true. The holder. Returns 0 with the predicate true (at once, if it is), and
 * ETIMEDOUT if it is false at the end of timeout_ns; the lock is held either way. The waiter is left asleep,
 * and keeps its place, as long as its predicate is false.
 * ECANCELED: the condition is closed, and the predicate is false.
 * EINVAL, EPERM, EOWNERDEAD, ENOTRECOVERABLE and a foreign lock's errors as for cond_wait(), and EINVAL: pred is NULL.
 */
COND_API int cond_wait_for(cond_t *cond, cond_pred_t *pred, void *arg, int64_t timeout_ns) COND_REQUIRES(*cond);

/** The same with a deadline, in the time of cond_now(). */
COND_API int cond_wait_for_until(cond_t *cond, cond_pred_t *pred, void *arg, int64_t deadline_ns) COND_REQUIRES(*cond);

#ifndef CONDVAR_NO_AWAIT
/**
 * The same as cond_wait_for(), but nobody has to notify: every release of the lock calls the predicate, whatever has
 * changed, and wakes the caller when it is true. The price: each release that wakes nobody calls the predicates of all
 * that await on the lock. Those are woken in the order of arrival; cond_waiters() counts them, cond_notify() does not
 * choose them. Abseil's Mutex::Await and nsync's nsync_mu_wait do the same.
 * Errors of cond_wait_for(), and ENOTSUP: a shared or a foreign lock, which may be released unseen.
 */
COND_API int cond_await(cond_t *cond, cond_pred_t *pred, void *arg, int64_t timeout_ns) COND_REQUIRES(*cond);
#endif

#ifndef CONDVAR_NO_CANCEL
/** Ends the waits that carry it: cond_cancel(). All zero bits: not cancelled. It must outlive these waits, and needs no
    destroy. One for each waiter, or for each group of them. */
typedef struct cond_token {
    uint32_t cancelled_; /* atomic, set under the lock */
} cond_token_t;

/** Ends one wait, by any thread, without the lock: cond_stop(). All zero bits: not stopped. One for each waiter, and for one
    wait at a time. It must outlive the wait and every cond_stop() of it, and needs no destroy. */
typedef struct cond_stop_node cond_stop_t; /* (C++ has one name for a struct and a function) */

/** What cond_wait_with() does. Members that are 0 mean "without". */
typedef struct cond_wait_options {
    cond_pred_t *pred;   /* wait until pred(arg) is true, as cond_wait_for(); NULL: until a notify chooses the caller */
    void *arg;
    int64_t deadline_ns; /* in the time of cond_now(): cond_deadline(COND_MS(50)); 0: no deadline */
    cond_token_t *token; /* cond_cancel() with this token ends the wait with ECANCELED */
    bool unnotified;     /* as cond_await(); needs pred */
    cond_stop_t *stop;   /* cond_stop() ends the wait with ECANCELED; not with a token */
} cond_wait_options_t;

/**
 * Wait, with all that can be asked for: the other waits are short forms of this one, with the same results.
 * ECANCELED: the token was cancelled before a notify chose the caller, and the predicate, if there is one, is false; the
 * lock is held. The same for `stop`. EINVAL: options is NULL, `unnotified` without `pred`, or both `token` and `stop`.
 * EBUSY: another wait uses `stop`. ENOTSUP: a token or `stop` with a shared lock; `unnotified` with a shared or a foreign
 * lock.
 */
COND_API int cond_wait_with(cond_t *cond, const cond_wait_options_t *options) COND_REQUIRES(*cond);

/**
 * End the waits on this condition that carry the token, with ECANCELED, or 0 if their predicate is true. Every later wait
 * with the token ends in the same way, at once, on any condition. A waiter without a predicate that a notify has chosen
 * before returns 0; one with a predicate that is false passes its notification on. Looks at each waiter of the condition
 * and at each notified waiter of its lock. The holder. No system call, unless the lock is foreign.
 * EINVAL: NULL, destroyed. EPERM: not held. ENOTSUP: a shared lock.
 */
COND_API int cond_cancel(cond_t *cond, cond_token_t *token) COND_REQUIRES(*cond);

/**
 * End the wait that carries `stop`, now or later, as if its deadline were now: with ECANCELED, or 0 if its predicate is true.
 * Every later wait with it ends in the same way, at once. A waiter without a predicate that a notify has chosen before
 * returns 0; a notify skips one that was stopped. Any thread, at any time, holding whatever lock: it needs no lock and never
 * blocks. 0 too if it was called before. EINVAL: NULL.
 */
COND_API int cond_stop(cond_stop_t *stop);

/**
 * Close the condition, for good: every wait on it, now and later, ends with ECANCELED, with the lock held. A wait whose
 * predicate is true still returns 0, so consumers can drain what is there. A waiter without a predicate that a notify has
 * chosen before returns 0. All other calls work as before. To open it again takes cond_destroy() and cond_init();
 * cond_reinit_after_fork() leaves it closed. The holder. 0 too if it is closed already. No system call on a private lock.
 * EINVAL: NULL, destroyed. EPERM: not held.
 */
COND_API int cond_close(cond_t *cond) COND_REQUIRES(*cond);

/** Whether the condition is closed; false for NULL and a destroyed one. Exact if the caller holds the lock. */
COND_API bool cond_closed(const cond_t *cond);
#endif

/**
 * Choose the first n waiters, or all if there are fewer. Each release of the lock then wakes one of them, in the order
 * of arrival, whether or not those woken before have the lock by then. Which of the woken ones gets the lock first is
 * not promised. One that waits in cond_wait_for, and whose predicate is false when its turn comes, stays, and the
 * next waiter that was there at the time of the notify is chosen in its stead. The holder.
 * No system call, unless the lock is foreign, or shared and not the condition's own. EINVAL: NULL, destroyed. EPERM: not
 * held. ENOTRECOVERABLE: a shared lock that was given up.
 */
COND_API int cond_notify(cond_t *cond, size_t n) COND_REQUIRES(*cond);

/** Choose all waiters. As cond_notify(). */
COND_API int cond_notify_all(cond_t *cond) COND_REQUIRES(*cond);

/** Whether anybody holds the condition's lock; as cond_lock_locked(). */
COND_API bool cond_locked(const cond_t *cond);

/** Whether the calling thread does; as cond_lock_owned(). */
COND_API bool cond_owned(const cond_t *cond);

/**
 * How many wait and have not been chosen. A glimpse, unless the caller holds the lock. A waiter that has expired leaves the
 * queue when it has the lock again, and is counted until then: a notify does not choose it.
 */
COND_API size_t cond_waiters(const cond_t *cond);

/** The condition's lock; NULL if there is none to give (cond is NULL or destroyed). */
COND_API cond_lock_t *cond_get_lock(cond_t *cond);

/** As cond_lock_recover(). The holder. */
COND_API int cond_recover(cond_t *cond) COND_REQUIRES(*cond);

/**
 * In the child of a fork, whose only thread is the one that called fork: forget the waiters that do not
 * exist here, and free the lock, whoever held it (a foreign lock itself is left as it is). Do so for each
 * condition on a lock before using any. As Python's Condition._at_fork_reinit().
 * EINVAL: NULL, destroyed.
 */
COND_API int cond_reinit_after_fork(cond_t *cond);

#ifndef CONDVAR_NO_TEXT
/**
 * Write what Python's repr() would tell to text: kind, holder and depth of the lock, how many wait. At
 * most `size` bytes with the closing zero are written. Returns the length of the whole text, as snprintf
 * does, or -EINVAL for NULL and for a destroyed condition. Without the lock held it is a glimpse.
 */
COND_API int cond_describe(const cond_t *cond, char *text, size_t size);

/** What an error returned by this library means, in English. Never NULL, never to be freed. */
COND_API const char *cond_strerror(int error);
#endif

/*
 * COND_WITH(&cond) { ... } holds the lock for the block, like Python's `with cond:`. COND_GUARD(&cond); holds it from there
 * to the end of the enclosing block. Both take a cond_t * or a cond_lock_t *; anything else does not compile.
 *
 * - The lock is released by one level however the block is left: at its end, by break, continue, return or goto. (COND_WITH
 *   with C compilers other than GCC and Clang: at its end and by continue only; COND_GUARD needs GCC, Clang or C++.)
 * - COND_WITH is a loop of one round. So a `break` or `continue` in it leaves the block, and not the loop around it. Where
 *   that matters, use COND_GUARD, which has no loop.
 * - With EOWNERDEAD the lock is held: call cond_recover(). If the lock cannot be acquired for another reason (cond_acquire()
 *   has them), the block of COND_WITH is not entered, and COND_GUARD does nothing. To tell, set a flag in the block of
 *   COND_WITH, and call cond_owned() after COND_GUARD; or use cond_acquire().
 * - It is the lock that is released, found when it is acquired. So a condition whose lock is elsewhere may be destroyed
 *   within the block, or while the block waits in it and has been chosen.
 */
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

/* For a condition or a lock: by overloads in C++. */
#ifdef __cplusplus
#  define COND_WITH_ENTER_(object) cond_with_enter_(object)
#  define COND_WITH_LEAVES_(object) cond_with_left_(object)
#else
#  define COND_WITH_ENTER_(object) \
      _Generic((object), cond_t *: cond_with_enter_, cond_lock_t *: cond_lock_with_enter_)(object)
#  define COND_WITH_LEAVES_(object) \
      _Generic((object), cond_t *: cond_with_left_, cond_lock_t *: cond_lock_with_left_)(object)
#endif

/* What clang's analysis is told: in the block the lock is held, by an assertion that need not be undone; behind
   it, it is not. (The name is NULL there, so `object` is evaluated once only, in spite of appearances.) */
#if defined(__clang__)
#  define COND_WITH_LEFT_(name, object) || ((name) != NULL && COND_WITH_LEAVES_(object) && false)
#else
#  define COND_WITH_LEFT_(name, object)
#endif

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

/* ---- Tasks: waiting without a thread ---------------------------------------------------------------- */

/* Who waits. The library's own, here only because a task contains one; src/waitq.h tells what it means. */
struct cond_waiter {
    uint32_t state;           /* atomic: what the waiter and the holder of the lock race for */
    uint32_t timed : 1;       /* fixed: has a deadline, or is a task, and may give up */
    uint32_t task : 1;        /* fixed: it is part of a struct cond_task */
    uint32_t passes_on : 1;   /* under the lock: chosen by notify(n), not by notify_all */
    uint32_t queue : 2;       /* under the lock: WAITER_UNQUEUED, ... */
    uint32_t skipped : 1;     /* under the lock: one that was notified later was woken before it */
    uint32_t awaits : 1;      /* fixed: needs no notify */
    uint32_t cancelled : 1;   /* under the lock: a close or a cancel has ended the wait */
    uint32_t horizon : 24;    /* under the lock: how many had arrived after it when it was notified */
    struct cond_waiter *next; /* under the lock: in the circular queue that it is in */
    struct cond_waiter *prev; /* under the lock */
    uint64_t arrival;         /* fixed by waitq_begin_wait(): its place */
    cond_t *cond;             /* fixed: where it is put back */
    cond_pred_t *pred;        /* fixed: NULL in a plain wait */
    void *arg;                /* fixed */
};

#ifndef CONDVAR_NO_CANCEL
struct cond_stop_node {
    struct cond_waiter waiter_;  /* the wait's node: `state` is all of it that cond_stop() touches */
    const cond_token_t *token_;  /* with waiter_: struct waitq_thread of src/waitq.h */
    cond_token_t stopped_;       /* for good. What token_ is */
    uint32_t busy_;              /* atomic: a wait uses it */
};
#endif

#ifndef CONDVAR_NO_TASKS
/*
 * A task is something that an event loop runs piece by piece: a coroutine, a connection, a state machine. It
 * uses a condition as a thread does, the same one and at the same time as threads, but never blocks. What
 * cannot be done at once answers EINPROGRESS, and when it is done, `ready` is called. That is
 * asyncio.Condition (https://docs.python.org/3/library/asyncio-sync.html#asyncio.Condition) for any loop.
 *
 *     void on_ready(cond_task_t *task, int result)       // on whichever thread has let the task go
 *     {
 *         loop_post(cond_task_user(task), result);       // go on, on the task's own loop
 *     }
 *
 * - The lock's owner is the task, not the thread that runs it: a task may acquire on one thread and release on
 *   another. One task's calls must not run at the same time; cond_task_cancel() may, at any time.
 * - A request (acquire, wait, wait_for) has one outcome. Either the call returns it, or the call returns
 *   EINPROGRESS and `ready` is called with it, once: 0, and the task holds the lock; or ECANCELED, which also
 *   tells a task that has asked for a lock while that was being destroyed. `ready` is never called by the call
 *   that made the request, but maybe by another thread before that call has returned. What happens within the
 *   call itself is returned by it: so a wait may answer 0 or ECANCELED, if a callback that it has run has
 *   notified or cancelled it.
 * - `ready` runs where the lock was released, or where the task was cancelled, on any thread; of callbacks
 *   that are due on one thread at the same time the second runs after the first has returned. It may call any
 *   cond_task function, and free the task. It should post to the loop and return: its thread, and maybe the
 *   holder of another lock, waits for it. It must not block, not even for a lock of this library (that may
 *   have been handed to a task whose callback is due on this very thread), and must return normally: no
 *   longjmp, no exception, no pthread_exit. It runs with cancellation disabled, so it may be a cancellation point.
 * - A task is handed the lock, since it cannot sleep for it: the lock is held from then on, until the loop runs
 *   the task and the task releases it.
 * - A task waits for as long as it takes. A timeout is a timer of the loop that cancels.
 * - Private locks only: COND_RLOCK and COND_MUTEX. Others are answered ENOTSUP.
 */
typedef struct cond_task cond_task_t;

/* Called when a request is done: result is 0 (the task holds the lock) or ECANCELED. */
typedef void cond_task_ready_t(cond_task_t *task, int result);

struct cond_task {
    struct cond_waiter waiter_;
    struct cond_task *next_;   /* in the list of those that want the lock, or whose callbacks are due */
    cond_lock_t *lock_;        /* fixed for a request: what it is about */
    void *loop_;               /* fixed for a request: what its call runs callbacks in, or NULL; src/taskq.c */
    cond_task_ready_t *ready_; /* fixed by init */
    void *user_;               /* fixed by init */
};

/**
 * Make a task. The storage is the caller's, and must stay until the task holds nothing and waits for nothing.
 * There is nothing to destroy. `user` is for the caller: cond_task_user().
 * EINVAL: task or ready is NULL.
 */
COND_API int cond_task_init(cond_task_t *task, cond_task_ready_t *ready, void *user);

/**
 * Acquire the condition's lock for the task, once more if it is recursive and the task has it. 0: the task
 * holds it. EINPROGRESS: ready() will say. Tasks are served in the order of their requests. While a thread has waited
 * for the lock for about a millisecond, every second release leaves the lock to such threads.
 * EINVAL: NULL, destroyed, a task without init. ENOTSUP: a shared or a foreign lock. EDEADLK: a mutex that the task holds.
 * EAGAIN: held COND_DEPTH_MAX deep. EBUSY: the task has a request under way.
 */
COND_API int cond_task_acquire(cond_t *cond, cond_task_t *task);

/**
 * Release the lock entirely and wait for a notify that chooses the task; ready(task, 0) then has the lock as
 * deep as it was held. The holder.
 * EINPROGRESS, or the outcome if it was decided within the call. EPERM: the
 * task does not hold the lock. EINVAL, ENOTSUP, EBUSY: as cond_task_acquire().
 */
COND_API int cond_task_wait(cond_t *cond, cond_task_t *task);

/**
 * The same until pred(arg) is true, as cond_wait_for(): the predicate is called by whoever holds the lock, on
 * any thread. 0 at once if it is true already: the lock has been held all the time.
 */
COND_API int cond_task_wait_for(cond_t *cond, cond_task_t *task, cond_pred_t *pred, void *arg);

#ifndef CONDVAR_NO_AWAIT
/** As cond_task_wait_for(), but nobody has to notify: cond_await(). */
COND_API int cond_task_await(cond_t *cond, cond_task_t *task, cond_pred_t *pred, void *arg);
#endif

/** Release the lock by one level. The holder. EPERM: the task does not hold it. EINVAL, ENOTSUP. */
COND_API int cond_task_release(cond_t *cond, cond_task_t *task);

/**
 * cond_task_acquire() and cond_task_release() by the lock, for when there is no condition, or none any more: a task that a
 * notify has chosen gets the lock, and the condition may have been destroyed meanwhile (cond_destroy()). Same answers.
 */
COND_API int cond_task_lock_acquire(cond_lock_t *lock, cond_task_t *task);
COND_API int cond_task_lock_release(cond_lock_t *lock, cond_task_t *task);

/** Choose the first n waiters, threads and tasks alike; as cond_notify(). EPERM, EINVAL, ENOTSUP. */
COND_API int cond_task_notify(cond_t *cond, cond_task_t *task, size_t n);

/** Choose all waiters; as cond_task_notify(). */
COND_API int cond_task_notify_all(cond_t *cond, cond_task_t *task);

#ifndef CONDVAR_NO_CANCEL
/** Close the condition; as cond_close(). EPERM: the task does not hold the lock. EINVAL, ENOTSUP. */
COND_API int cond_task_close(cond_t *cond, cond_task_t *task);
#endif

/**
 * Give up the task's request. Any thread, at any time, as long as the task's storage is there. After 0, the
 * outcome is ECANCELED: of a wait with the lock held as deep as before, as soon as it can be had, and if a
 * notify had chosen the task, the next waiter is chosen in its stead; of an acquire without the lock, when
 * the lock is next released. Once more is 0 too.
 * EINVAL: NULL, or there is no request, or it is too late: its outcome is decided.
 */
COND_API int cond_task_cancel(cond_task_t *task);

/** What was given to cond_task_init(); NULL for NULL. */
COND_API void *cond_task_user(const cond_task_t *task);
#endif

#ifdef __cplusplus
}
#endif

#endif
