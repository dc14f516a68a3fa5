/* SPDX-License-Identifier: MIT */
/* libcondvar 0.1.0 */
/*
 * condvar_single.h - the whole of libcondvar in one file
 *
 * Copy it into a program, and include it wherever conditions are used. In exactly one C file, before anything else:
 *
 *     #define CONDVAR_IMPLEMENTATION
 *     #include "condvar_single.h"
 *
 * That file is compiled as C11 or later. With pthreads, link them (-pthread); on Windows, -lsynchronization.
 *
 * The port is that of the system that the compiler compiles for, or one of these, defined for that file:
 *
 *     CONDVAR_PORT_LINUX, CONDVAR_PORT_POSIX, CONDVAR_PORT_WINDOWS
 *     CONDVAR_PORT_CUSTOM: four functions of your own, port_wait(), port_wake(), port_now() and port_self(), and
 *         for tasks port_local(). What they must do stands below, by their names. Needed then are <limits.h>,
 *         <stdatomic.h>, <stdbool.h>, <stddef.h> and <stdint.h>, and atomic operations on words of the size of a
 *         pointer; and memset() and memcpy(), which compilers take for granted.
 *
 * The macros CONDVAR_NO_*, which leave things out, must be the same in all files: best on the compiler's command line.
 *
 * Made by src/single_header.py from include/condvar.h and src/: changes belong there.
 */
#if defined(CONDVAR_IMPLEMENTATION) && !defined(CONDVAR_IMPLEMENTED_)
#  if defined(__cplusplus)
#    error "CONDVAR_IMPLEMENTATION is C: define it in a file that is compiled as C11. C++ can include the header without."
#  endif
#ifndef CONDVAR_WHICH_H
#define CONDVAR_WHICH_H

/* Which port the library is built with, if the build does not say so by one of these macros. */

#if !defined(CONDVAR_PORT_LINUX) && !defined(CONDVAR_PORT_POSIX) && !defined(CONDVAR_PORT_WINDOWS) && \
    !defined(CONDVAR_PORT_CUSTOM)
#  if defined(__linux__)
#    define CONDVAR_PORT_LINUX
#  elif defined(_WIN32)
#    define CONDVAR_PORT_WINDOWS
#  elif defined(__unix__) || defined(__APPLE__) || defined(__CYGWIN__) || defined(__HAIKU__)
#    define CONDVAR_PORT_POSIX
#  else
#    error "No port to this system is known: write one (docs/porting.md), and define CONDVAR_PORT_CUSTOM."
#  endif
#endif

#endif
#  if defined(CONDVAR_PORT_LINUX) || defined(CONDVAR_PORT_POSIX)
/* (By glibc's macros: which functions it declares is settled by the first of its headers.) */
#    if defined(_FEATURES_H) && defined(__GLIBC__) && !defined(__USE_GNU)
#      error "Include condvar_single.h before all others where CONDVAR_IMPLEMENTATION is defined, or compile that file with -D_GNU_SOURCE: a header before it has settled that functions which it needs are not declared."
#    endif
#    ifndef _GNU_SOURCE
#      define _GNU_SOURCE
#    endif
#  elif defined(CONDVAR_PORT_WINDOWS)
#    if defined(_WIN32_WINNT) && _WIN32_WINNT < 0x0602
#      error "Include condvar_single.h before all others where CONDVAR_IMPLEMENTATION is defined, or compile that file with -D_WIN32_WINNT=0x0602: WaitOnAddress() is in Windows 8 and later only."
#    endif
#    ifndef _WIN32_WINNT
#      define _WIN32_WINNT 0x0602
#    endif
#  endif
#endif

/* Where these are not the port's locks, their header may be there all the same. */
#if !defined(CONDVAR_NO_PTHREAD) && !defined(CONDVAR_PORT_LINUX) && !defined(CONDVAR_PORT_POSIX)
#  if defined(CONDVAR_PORT_CUSTOM) || defined(CONDVAR_PORT_WINDOWS) || \
      !(defined(__linux__) || defined(__unix__) || defined(__APPLE__) || defined(__HAIKU__))
#    define CONDVAR_NO_PTHREAD
#  endif
#endif

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
 *   expired is passed over. There are no spurious wake-ups.
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
 *     CONDVAR_NO_TEXT      no cond_describe() and cond_strerror()
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

/* ---- Time ------------------------------------------------------------------------------------------- */

#define COND_FOREVER INT64_MAX                          /* a timeout or a deadline that never comes */
#define COND_US(n) ((int64_t)(n) * INT64_C(1000))       /* microseconds, in nanoseconds */
#define COND_MS(n) ((int64_t)(n) * INT64_C(1000000))    /* milliseconds, in nanoseconds */
#define COND_SEC(n) ((int64_t)(n) * INT64_C(1000000000)) /* seconds, in nanoseconds */

/** The monotonic clock now, in nanoseconds: what deadlines are compared with. POSIX's CLOCK_MONOTONIC. */
COND_API int64_t cond_now(void);

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
 * The functions return 0 or a positive errno value, and are called by the thread that acquires or releases.
 */
typedef struct cond_lock_ops {
    /* Acquire it, at the latest at deadline_ns (as cond_now() counts), else ETIMEDOUT; a deadline that has
       passed means: try once. With COND_FOREVER it may fail only if nobody can ever have the lock again.
       EOWNERDEAD counts as acquired. */
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
    uint8_t kind_;   /* fixed by init; src/lock.h has the kinds */
    uint8_t flags_;  /* under the lock */
    uint16_t spin_;  /* atomic: how long waiting awake has been worth it */
    uint32_t depth_; /* atomic, written by the owner only: how often it holds it; a private one, beyond once */
    union {
        struct cond_local_lock_ {
            struct cond_waiter *notified; /* under the lock: who is let go next, in order; src/waiter.h */
            uint32_t waits;               /* atomic, written under the lock: waits that have not ended */
#ifndef CONDVAR_NO_SHARED
            uint32_t process;             /* under the lock: whose the notified waiters are */
#endif
            union {
                struct cond_private_lock_ {
                    uint32_t word;           /* atomic: the lock itself, src/mutex.c */
#if UINTPTR_MAX > 0xFFFFFFFFu /* where it fills a gap */
#  define COND_NO_ASKED_ 0,
                    uint32_t asked;          /* under the lock: what its holder has waited for; src/waiter.h */
#else
#  define COND_NO_ASKED_
#endif
                    uintptr_t owner;         /* atomic, written by the owner only: itself, or 0 */
#ifndef CONDVAR_NO_TASKS
                    struct cond_task *tasks; /* atomic: those that want the lock, latest first; src/task.c */
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
#define COND_MUTEX_INIT {COND_MUTEX, 0, 0, 0, {{NULL, 0, COND_NO_PROCESS_ {{0, COND_NO_ASKED_ 0 COND_NO_TASK_}}}}}
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
 * Not to be called on a lock in use.
 * EINVAL: NULL or unknown flags. ENOTSUP: COND_SHARED on a system without robust mutexes between processes.
 */
COND_API int cond_lock_init(cond_lock_t *lock, unsigned flags);

#ifndef CONDVAR_NO_FOREIGN
/**
 * Make a handle for a lock that exists. `ops` and `object` must outlive the handle. The program may go on
 * acquiring and releasing the lock directly: what the library keeps is guarded by it.
 * A lock that cannot tell its owner (`owned` NULL) cannot answer EPERM to a thread that does not hold it
 * while another one does. Waking a waiter costs a system call at notify, since the release is not seen.
 * EINVAL: NULL, `acquire` or `release` missing, or one of release_save and acquire_restore without the other.
 */
COND_API int cond_lock_init_foreign(cond_lock_t *lock, const cond_lock_ops_t *ops, void *object);
#endif

#ifdef COND_HAVE_PTHREAD_
/**
 * Make a handle for a pthread mutex. A PTHREAD_MUTEX_RECURSIVE one is released entirely by wait, and
 * restored. POSIX gives no way to ask who holds a mutex. So a wait or notify by a thread that does not hold
 * it is told EPERM when nobody does, and cannot be told so when another thread does; on a recursive one not
 * even when nobody does. Of a release the same is true, but recursive and errorcheck mutexes always answer.
 * cond_locked() says false to the holder of a recursive one. A robust mutex whose holder has
 * died is given up (ENOTRECOVERABLE) by a call that only looks at it, and glibc (2.36) may leave threads
 * asleep for ever on a robust mutex that was given up. COND_SHARED has none of this.
 * EINVAL: NULL. ENOTSUP: on a system without pthreads.
 */
COND_API int cond_lock_init_pthread(cond_lock_t *lock, pthread_mutex_t *mutex);
#endif

/**
 * End a lock's life; of a foreign one only the handle's. Never blocks.
 * EINVAL: NULL, destroyed. EBUSY: somebody waits on a condition on it, or it is held (a foreign one may be).
 */
COND_API int cond_lock_destroy(cond_lock_t *lock);

/**
 * Acquire the lock, once more if it is recursive and the caller has it. Whoever has waited for about a
 * millisecond goes before threads that come later.
 * EINVAL: NULL, destroyed. EDEADLK: a mutex that the caller holds. EAGAIN: held COND_DEPTH_MAX deep.
 * A foreign lock's own errors are passed on.
 */
COND_API int cond_lock_acquire(cond_lock_t *lock) COND_ACQUIRES_(*lock);

/** Acquire the lock if that is possible at once. Errors of cond_lock_acquire(), and EBUSY: another has it. */
COND_API int cond_lock_try_acquire(cond_lock_t *lock) COND_TRIES_(*lock);

/** Acquire the lock within timeout_ns. Errors of cond_lock_acquire(), and ETIMEDOUT. */
COND_API int cond_lock_acquire_timed(cond_lock_t *lock, int64_t timeout_ns) COND_TRIES_(*lock);

/** Release the lock by one level. The holder. EINVAL: NULL, destroyed. EPERM: the caller does not hold it. */
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

/*
 * Shared locks and conditions
 *
 * With COND_SHARED a lock and its conditions live in memory that several processes have mapped (mmap with
 * MAP_SHARED, shm_open, memfd_create), at the same or at different addresses. Several conditions on one
 * shared lock must be in one mapping with it. What is different:
 *
 * - If a holder is killed, the next one to acquire the lock is told EOWNERDEAD: it holds the lock, but what
 *   the lock guards may be half changed. It puts that right and calls recover, or releases the lock without:
 *   then all are told ENOTRECOVERABLE for ever. wait can return EOWNERDEAD too, with the lock held as deep
 *   as before; waiting again before recover is answered EOWNERDEAD at once. recover lets all waiters go.
 * - A notify lets at least min(n, waiters) go, sometimes more, so a plain wait may return without need; a
 *   killed waiter costs no notification, though it may delay one by a tenth of a second.
 * - Predicates are called by the waiter itself. Order is not promised.
 * - A woken waiter looks at the condition before it returns. So the condition's memory, and a lock of its own,
 *   must stay until the waiters are through; cond_destroy() does not find out that some are on their way.
 * - Waiters look now and then whether the holder of the lock lives, so cond_try_acquire() and
 *   cond_destroy() may find a lock busy that no one uses.
 * - Waiters that were killed are counted by cond_waiters(), and keep cond_destroy() from its work, until the
 *   next notify_all.
 * - cond_init() by a second process on a living shared condition is EBUSY, and changes nothing; so memory that
 *   outlives its processes must be cleared, or the condition destroyed, before it is used anew.
 * - A condition of all zero bits is a private one, wherever it is. A second process that waits or notifies
 *   while the first one has waiters is answered EINVAL, and nothing is corrupted; but the two cannot wake
 *   each other, so a process may well sleep for ever on such a lock.
 */

/* ---- The condition ---------------------------------------------------------------------------------- */

typedef struct cond cond_t;

/*
 * What a waiter waits for: true once it has come. It is called with the lock held, by the waiter or by a
 * thread that is about to release the lock and would let the waiter go. So it must depend on `arg` and on
 * the state that the lock guards only, must not block, and must not call the library.
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
    uint32_t state_;    /* fixed by init, until destroy; src/lock.h */
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
            uint32_t arrivals;     /* the next waiter's ticket */
            uint32_t free_below;   /* atomic: waiters with a ticket below this one may go */
            uint32_t notified_below; /* atomic: and of those up to this one */
            uint32_t grants;       /* atomic: this many may go */
            uint32_t old_waiters;  /* how many have a ticket below notified_below */
            uint32_t new_waiters;  /* how many have one from there on */
            uint16_t recoveries;   /* atomic: the lock's, when this was last put in order */
            uint16_t owed;         /* own lock: how many its release is to wake */
        } shared;
#endif
    } u_;
    cond_lock_t own_;
};

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
 * ENOTSUP: as cond_lock_init(). EBUSY: a shared condition that is alive there already, or that another process
 * is making just now (then it answers EINVAL until that is done).
 */
COND_API int cond_init(cond_t *cond, cond_lock_t *lock, unsigned flags);

/**
 * End a condition's life, and its own lock's with it. Never blocks. It may be called as soon as nobody waits:
 * a waiter that a notify has chosen does not touch the condition again, if the lock lives elsewhere (and if,
 * should it be in cond_wait_for, its predicate stays true until it is through, and, should it be a task, it
 * is not cancelled any more).
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

/** Release the condition's lock by one level; as cond_lock_release(). The holder. */
COND_API int cond_release(cond_t *cond) COND_RELEASES_(*cond);

/**
 * Release the lock entirely, wait for a notify that chooses the caller, and acquire the lock again as deep
 * as it was held. The holder.
 * EINVAL: NULL, destroyed. EPERM: not held. ETIMEDOUT: no notify chose the caller in timeout_ns; the lock is
 * held again. An error of a foreign lock that could not be acquired again is passed on: the lock is then
 * not held, and its handle answers EINVAL from then on, since nobody can have that lock any more.
 */
COND_API int cond_wait(cond_t *cond, int64_t timeout_ns) COND_REQUIRES(*cond);

/** The same with a deadline, in the time of cond_now(). */
COND_API int cond_wait_until(cond_t *cond, int64_t deadline_ns) COND_REQUIRES(*cond);

/**
 * Wait until pred(arg) is true. The holder. Returns 0 with the predicate true (at once, if it is), and
 * ETIMEDOUT if it is false at the end of timeout_ns; the lock is held either way. The waiter is left asleep,
 * and keeps its place, as long as its predicate is false.
 * EINVAL, EPERM and a foreign lock's errors as for cond_wait().
 */
COND_API int cond_wait_for(cond_t *cond, cond_pred_t *pred, void *arg, int64_t timeout_ns) COND_REQUIRES(*cond);

/**
 * Choose the first n waiters, or all if there are fewer; they go on one after the other as the lock becomes
 * free. One that waits in cond_wait_for, and whose predicate is false when its turn comes, stays, and the
 * next waiter that was there at the time of the notify is chosen in its stead. The holder.
 * No system call, unless the lock is foreign. EINVAL: NULL, destroyed. EPERM: not held.
 */
COND_API int cond_notify(cond_t *cond, size_t n) COND_REQUIRES(*cond);

/** Choose all waiters. As cond_notify(). */
COND_API int cond_notify_all(cond_t *cond) COND_REQUIRES(*cond);

/** Whether anybody holds the condition's lock; as cond_lock_locked(). */
COND_API bool cond_locked(const cond_t *cond);

/** Whether the calling thread does; as cond_lock_owned(). */
COND_API bool cond_owned(const cond_t *cond);

/** How many wait and have not been chosen. A glimpse, unless the caller holds the lock. */
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
 * COND_WITH(&cond) { ... } holds the lock for the block, like Python's `with cond:`. If the lock cannot be
 * acquired the block is not entered (with EOWNERDEAD it is: the lock is held; call cond_recover in it).
 * With GCC and Clang (C and C++) the lock is released by one level however the block is left: at its end, by
 * break, continue, return or goto. With other compilers: at its end and by continue only.
 */
#define COND_WITH(cond)                                                                                 \
    for (cond_t *COND_WITH_NAME_(__LINE__) COND_WITH_CLEANUP_ = cond_with_enter_(cond);                 \
         COND_WITH_NAME_(__LINE__) != NULL COND_WITH_LEFT_(COND_WITH_NAME_(__LINE__), cond);            \
         cond_with_leave_(&COND_WITH_NAME_(__LINE__)))

#define COND_WITH_NAME_(line) COND_WITH_PASTE_(line)
#define COND_WITH_PASTE_(line) cond_with_##line##_
#if defined(__GNUC__)
#  define COND_WITH_CLEANUP_ __attribute__((cleanup(cond_with_leave_)))
#else
#  define COND_WITH_CLEANUP_
#endif

/* What clang's analysis is told: in the block the lock is held, by an assertion that need not be undone; behind
   it, it is not. (The name is NULL there, so `cond` is evaluated once only, in spite of appearances.) */
#if defined(__clang__)
#  define COND_WITH_LEFT_(name, cond) || ((name) != NULL && cond_with_left_(cond) && false)
#else
#  define COND_WITH_LEFT_(name, cond)
#endif

static inline void cond_held_(const cond_t *cond) COND_ASSERTS_(*cond);
static inline cond_t *cond_with_enter_(cond_t *cond) COND_ASSERTS_(*cond);
static inline bool cond_with_left_(const cond_t *cond) COND_RELEASES_(*cond);

static inline COND_UNSEEN_ void cond_held_(const cond_t *cond)
{
    (void)cond;
}

static inline COND_UNSEEN_ bool cond_with_left_(const cond_t *cond)
{
    (void)cond;
    return false;
}

static inline COND_UNSEEN_ cond_t *cond_with_enter_(cond_t *cond)
{
    int error = cond_acquire(cond);
    return error == 0 || error == EOWNERDEAD ? cond : NULL;
}

static inline COND_UNSEEN_ void cond_with_leave_(cond_t **cond)
{
    if (*cond != NULL)
        (void)cond_release(*cond);
    *cond = NULL;
}

/* ---- Tasks: waiting without a thread ---------------------------------------------------------------- */

/* Who waits. The library's own, here only because a task contains one; src/waiter.h tells what it means. */
struct cond_waiter {
    uint32_t state;           /* atomic: what the waiter and the holder of the lock race for */
    uint32_t timed : 1;       /* fixed: has a deadline, or is a task, and may give up */
    uint32_t task : 1;        /* fixed: it is part of a struct cond_task */
    uint32_t passes_on : 1;   /* under the lock: chosen by notify(n), not by notify_all */
    uint32_t where : 2;       /* under the lock: WAITER_NOWHERE, ... */
    uint32_t overtaken : 1;   /* under the lock: one that was notified later was let go before it */
    uint32_t later : 24;      /* under the lock: how many had arrived after it when it was notified */
    struct cond_waiter *next; /* under the lock: in the circular queue that it is in */
    struct cond_waiter *prev; /* under the lock */
    uint64_t arrival;         /* fixed by waiter_arrive(): its place */
    cond_t *cond;             /* fixed: where it is put back */
    cond_pred_t *pred;        /* fixed: NULL in a plain wait */
    void *arg;                /* fixed */
};

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
 *   longjmp, no exception.
 * - A task that is let go is handed the lock, since it cannot sleep for it: the lock is held from then on,
 *   until the loop gets round to the task and the task releases it.
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
    void *loop_;               /* fixed for a request: what its call runs callbacks in, or NULL; src/task.c */
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
 * holds it. EINPROGRESS: ready() will say. Tasks are served in the order of their requests.
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

/** Release the lock by one level. The holder. EPERM: the task does not hold it. EINVAL, ENOTSUP. */
COND_API int cond_task_release(cond_t *cond, cond_task_t *task);

/** Choose the first n waiters, threads and tasks alike; as cond_notify(). EPERM, EINVAL, ENOTSUP. */
COND_API int cond_task_notify(cond_t *cond, cond_task_t *task, size_t n);

/** Choose all waiters; as cond_task_notify(). */
COND_API int cond_task_notify_all(cond_t *cond, cond_task_t *task);

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

#ifdef CONDVAR_PORT_CUSTOM
#  ifdef __cplusplus
extern "C" {
#  endif
#ifndef CONDVAR_PORT_DECLARED_
#define CONDVAR_PORT_DECLARED_
/*
 * What the library needs of a system: four functions, and a fifth for tasks, implemented by one file in
 * port/. They know words, time and threads, and nothing of conditions. None of them may touch errno, as seen
 * by the caller.
 */

/*
 * Sleep while *word == expected, until port_wake() on the same word, or until the monotonic clock reaches
 * deadline_ns (COND_FOREVER: no limit). Comparing and falling asleep are one step, as seen by port_wake().
 * It may return early for any reason: callers look at their word and at the clock themselves.
 */
void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns);

/*
 * Wake up to `count` threads that sleep on word, those that have slept longest first if the system can.
 * The word is used as an address only: its memory may be in other use, or gone.
 */
void port_wake(const uint32_t *word, uint32_t count);

/* The monotonic clock, in nanoseconds. */
int64_t port_now(void);

/* An even number other than 0 that no two living threads share, and that a thread keeps: its control block's
   address, say. In the child of a fork the forking thread keeps its number. */
uintptr_t port_self(void);

#ifndef CONDVAR_NO_TASKS
/* A place for a pointer, NULL at first, of which each thread has one for itself. Only for tasks. */
void **port_local(void);
#endif
#endif
#  ifdef __cplusplus
}
#  endif
#endif

#if defined(CONDVAR_IMPLEMENTATION) && !defined(CONDVAR_IMPLEMENTED_)
#define CONDVAR_IMPLEMENTED_
/* ---- src/all.c ---- */

/* The library as one unit, see internal.h. The port comes last, since it includes the system's headers. */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#ifdef CONDVAR_PORT_CUSTOM
/* Its functions are in the user's own files, so they alone cannot be static. */
/* ---- src/port.h ---- */

#ifndef CONDVAR_PORT_H
#define CONDVAR_PORT_H
/*
 * What the library needs of a system: four functions, and a fifth for tasks, implemented by one file in
 * port/. They know words, time and threads, and nothing of conditions. None of them may touch errno, as seen
 * by the caller.
 */

#include <stdint.h>
/* ---- src/internal.h ---- */

#ifndef CONDVAR_INTERNAL_H
#define CONDVAR_INTERNAL_H
/*
 * How functions that one file of the library has and others call are declared. The library is compiled as
 * one unit (all.c), in which they are static: a static library then has no names but the public ones, and
 * the compiler sees through the calls. Tests that reach inside compile each file by itself.
 */
#ifndef CONDVAR_INTERNAL
#  define CONDVAR_INTERNAL
#endif

/* A function that is rarely called: kept out of those that call it, so that their short ways stay short. */
#if defined(__GNUC__)
#  define CONDVAR_COLD __attribute__((noinline, cold))
#else
#  define CONDVAR_COLD
#endif

/* Whether to be small (-Os) goes before being fast: then short ways beside the general ones are not worth their room,
   nor copies of a function in its callers. */
#ifdef __OPTIMIZE_SIZE__
enum { CONDVAR_SMALL = 1 };
#  define CONDVAR_INLINE __attribute__((noinline, unused))
#else
enum { CONDVAR_SMALL = 0 };
#  define CONDVAR_INLINE inline
#endif
#endif

/*
 * Sleep while *word == expected, until port_wake() on the same word, or until the monotonic clock reaches
 * deadline_ns (COND_FOREVER: no limit). Comparing and falling asleep are one step, as seen by port_wake().
 * It may return early for any reason: callers look at their word and at the clock themselves.
 */
CONDVAR_INTERNAL void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns);

/*
 * Wake up to `count` threads that sleep on word, those that have slept longest first if the system can.
 * The word is used as an address only: its memory may be in other use, or gone.
 */
CONDVAR_INTERNAL void port_wake(const uint32_t *word, uint32_t condvar_count);

/* The monotonic clock, in nanoseconds. */
CONDVAR_INTERNAL int64_t port_now(void);

/* An even number other than 0 that no two living threads share, and that a thread keeps: its control block's
   address, say. In the child of a fork the forking thread keeps its number. */
CONDVAR_INTERNAL uintptr_t port_self(void);

#ifndef CONDVAR_NO_TASKS
/* A place for a pointer, NULL at first, of which each thread has one for itself. Only for tasks. */
CONDVAR_INTERNAL void **port_local(void);
#endif
#endif

#  undef CONDVAR_INTERNAL
#endif

#define CONDVAR_INTERNAL static
/* ---- src/cond.c ---- */

/*
 * The condition: wait, notify, and its life. Everything happens with the condition's lock held, except the
 * sleep itself:
 *
 *      wait:   arrive in the queue | release all levels -> sleep (park.h) -> acquire all levels |
 *              let go:   clear the lock's in-flight mark, look at the predicate
 *              expired:  leave whatever queue the node is in, pass on what it does not use
 */
/* ---- src/deadline.h ---- */

#define CONDVAR_DEADLINE_H
/*
 * Deadlines: nanoseconds on the monotonic clock. COND_FOREVER never passes; DEADLINE_PASSED has, without
 * a look at the clock.
 */

#include <stdbool.h>
#include <stdint.h>
/* ---- src/port.h ---- */

#ifndef CONDVAR_PORT_H
#define CONDVAR_PORT_H
/*
 * What the library needs of a system: four functions, and a fifth for tasks, implemented by one file in
 * port/. They know words, time and threads, and nothing of conditions. None of them may touch errno, as seen
 * by the caller.
 */

#include <stdint.h>
/* ---- src/internal.h ---- */

#ifndef CONDVAR_INTERNAL_H
#define CONDVAR_INTERNAL_H
/*
 * How functions that one file of the library has and others call are declared. The library is compiled as
 * one unit (all.c), in which they are static: a static library then has no names but the public ones, and
 * the compiler sees through the calls. Tests that reach inside compile each file by itself.
 */
#ifndef CONDVAR_INTERNAL
#  define CONDVAR_INTERNAL
#endif

/* A function that is rarely called: kept out of those that call it, so that their short ways stay short. */
#if defined(__GNUC__)
#  define CONDVAR_COLD __attribute__((noinline, cold))
#else
#  define CONDVAR_COLD
#endif

/* Whether to be small (-Os) goes before being fast: then short ways beside the general ones are not worth their room,
   nor copies of a function in its callers. */
#ifdef __OPTIMIZE_SIZE__
enum { CONDVAR_SMALL = 1 };
#  define CONDVAR_INLINE __attribute__((noinline, unused))
#else
enum { CONDVAR_SMALL = 0 };
#  define CONDVAR_INLINE inline
#endif
#endif

/*
 * Sleep while *word == expected, until port_wake() on the same word, or until the monotonic clock reaches
 * deadline_ns (COND_FOREVER: no limit). Comparing and falling asleep are one step, as seen by port_wake().
 * It may return early for any reason: callers look at their word and at the clock themselves.
 */
CONDVAR_INTERNAL void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns);

/*
 * Wake up to `count` threads that sleep on word, those that have slept longest first if the system can.
 * The word is used as an address only: its memory may be in other use, or gone.
 */
CONDVAR_INTERNAL void port_wake(const uint32_t *word, uint32_t condvar_count);

/* The monotonic clock, in nanoseconds. */
CONDVAR_INTERNAL int64_t port_now(void);

/* An even number other than 0 that no two living threads share, and that a thread keeps: its control block's
   address, say. In the child of a fork the forking thread keeps its number. */
CONDVAR_INTERNAL uintptr_t port_self(void);

#ifndef CONDVAR_NO_TASKS
/* A place for a pointer, NULL at first, of which each thread has one for itself. Only for tasks. */
CONDVAR_INTERNAL void **port_local(void);
#endif
#endif

#define CONDVAR_DEADLINE_PASSED INT64_MIN

/* The deadline timeout_ns after now_ns. What lies too far ahead is COND_FOREVER. */
static inline int64_t condvar_deadline_from(int64_t now_ns, int64_t timeout_ns)
{
    if (timeout_ns <= 0)
        return CONDVAR_DEADLINE_PASSED;
    if (now_ns > 0 && timeout_ns >= COND_FOREVER - now_ns)
        return COND_FOREVER;
    return timeout_ns == COND_FOREVER ? COND_FOREVER : now_ns + timeout_ns;
}

/* The deadline timeout_ns from now, with a look at the clock only if it matters. */
static inline int64_t condvar_deadline_after(int64_t timeout_ns)
{
    bool known = timeout_ns <= 0 || timeout_ns == COND_FOREVER;
    return condvar_deadline_from(known ? 0 : port_now(), timeout_ns);
}

static CONDVAR_INLINE bool condvar_deadline_passed(int64_t deadline_ns)
{
    if (deadline_ns == CONDVAR_DEADLINE_PASSED || deadline_ns == COND_FOREVER)
        return deadline_ns == CONDVAR_DEADLINE_PASSED;
    return port_now() >= deadline_ns;
}

/* ---- src/lock.h ---- */

#define CONDVAR_LOCK_H
/* The lock handle as the rest of the library sees it: one of the kinds, each with the same calls. */

#include <stdbool.h>
/* ---- src/atomic.h ---- */

#define CONDVAR_ATOMIC_H
/*
 * The atomic operations of the library, with their memory order in plain sight: a_load(p, acquire).
 *
 * The public structs hold plain integers, since C++ knows no _Atomic; here alone they are seen as atomics.
 * Only 32-bit words, pointer-sized words and smaller ones are used, so no target needs 64-bit atomics.
 * There are no stand-alone fences: ThreadSanitizer does not see them.
 *
 * With CONDVAR_STEP defined (by tests that choose the interleaving), condvar_step() is called before each
 * operation, so that another thread can be run at that very point. With CONDVAR_VALGRIND, helgrind and DRD are
 * told what the operation orders (told.h).
 */

#include <stdatomic.h>
#include <stdint.h>
/* ---- src/told.h ---- */

#define CONDVAR_TOLD_H
/*
 * helgrind and DRD know pthreads, and nothing of C's atomic operations: to them a lock made of a word is a
 * race, and so is everything that it guards. Here they are told, by all operations in atomic.h, that this
 * word is meant to be touched by several threads, and what happens before what: a release, before each later
 * acquire of the same word.
 *
 * That costs some instructions even where nobody listens. So it is an option (-Dvalgrind=enabled), as it is for
 * ThreadSanitizer; without it nothing is left of this.
 */

#ifdef CONDVAR_VALGRIND
#  include <valgrind/drd.h>
#  include <valgrind/helgrind.h>

/* Both tools' requests: each ignores the other's. */
static inline void condvar_told_word(const void *word, unsigned size)
{
    VALGRIND_HG_DISABLE_CHECKING(word, size);
    VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DRD_START_SUPPRESSION, word, size, 0, 0, 0);
}

static inline void condvar_told_before(const void *word)
{
    DO_CREQ_v_W(_VG_USERREQ__HG_USERSO_SEND_PRE, void *, word);
    VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DRD_ANNOTATE_HAPPENS_BEFORE, word, 0, 0, 0, 0);
}

static inline void condvar_told_after(const void *word)
{
    DO_CREQ_v_W(_VG_USERREQ__HG_USERSO_RECV_POST, void *, word);
    VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DRD_ANNOTATE_HAPPENS_AFTER, word, 0, 0, 0, 0);
}

#  define condvar_TOLD_BEFORE_relaxed(p) ((void)0)
#  define condvar_TOLD_BEFORE_acquire(p) ((void)0)
#  define condvar_TOLD_BEFORE_release(p) condvar_told_before(p)
#  define condvar_TOLD_BEFORE_acq_rel(p) condvar_told_before(p)
#  define condvar_TOLD_AFTER_relaxed(p) ((void)0)
#  define condvar_TOLD_AFTER_acquire(p) condvar_told_after(p)
#  define condvar_TOLD_AFTER_release(p) ((void)0)
#  define condvar_TOLD_AFTER_acq_rel(p) condvar_told_after(p)

#  define CONDVAR_A_TOLD_VALUE_(p, order, operation)                                                            \
      __extension__({                                                                                   \
          condvar_told_word((p), sizeof *(p));                                                                  \
          TOLD_BEFORE_##order(p);                                                                       \
          __typeof__(operation) told_value_ = (operation);                                              \
          TOLD_AFTER_##order(p);                                                                        \
          told_value_;                                                                                  \
      })
#  define CONDVAR_A_TOLD_VOID_(p, order, operation)                                                             \
      (condvar_told_word((p), sizeof *(p)), TOLD_BEFORE_##order(p), (operation), TOLD_AFTER_##order(p))
#else
#  define CONDVAR_A_TOLD_VALUE_(p, order, operation) (operation)
#  define CONDVAR_A_TOLD_VOID_(p, order, operation) (operation)
#endif

_Static_assert(sizeof(_Atomic uint8_t) == sizeof(uint8_t), "an atomic byte is no larger than a plain one");
_Static_assert(sizeof(_Atomic uint16_t) == sizeof(uint16_t), "an atomic 16-bit word is no larger than a plain one");
_Static_assert(sizeof(_Atomic uint32_t) == sizeof(uint32_t), "an atomic 32-bit word is no larger than a plain one");
_Static_assert(sizeof(_Atomic uintptr_t) == sizeof(uintptr_t), "an atomic address is no larger than a plain one");

#ifdef CONDVAR_STEP
void condvar_step(void);
#  define CONDVAR_A_STEP_() condvar_step()
#else
#  define CONDVAR_A_STEP_() ((void)0)
#endif

#define CONDVAR_A_32_(p) ((_Atomic uint32_t *)(uintptr_t)(p))
#define CONDVAR_A_8_(p) ((_Atomic uint8_t *)(uintptr_t)(p))
#define CONDVAR_A_16_(p) ((_Atomic uint16_t *)(uintptr_t)(p))
#define CONDVAR_A_PTR_(p) ((_Atomic uintptr_t *)(uintptr_t)(p))

/* Those that have a value, and stores. */
#define CONDVAR_A_VALUE_(p, order, operation) CONDVAR_A_TOLD_VALUE_(p, order, (CONDVAR_A_STEP_(), (operation)))
#define CONDVAR_A_VOID_(p, order, operation) CONDVAR_A_TOLD_VOID_(p, order, (CONDVAR_A_STEP_(), (operation)))

#define condvar_a_load(p, order) CONDVAR_A_VALUE_(p, order, atomic_load_explicit(CONDVAR_A_32_(p), memory_order_##order))
#define condvar_a_store(p, value, order) CONDVAR_A_VOID_(p, order, atomic_store_explicit(CONDVAR_A_32_(p), (value), memory_order_##order))
#define condvar_a_exchange(p, value, order)                                                                     \
    CONDVAR_A_VALUE_(p, order, atomic_exchange_explicit(CONDVAR_A_32_(p), (value), memory_order_##order))

/* Compare-exchange: true if *p was *expected and is now `value`; else *expected is what it was. The weak
   one may fail for no reason, and belongs in a loop. */
#define condvar_a_cas(p, expected, value, success, failure)                                                     \
    CONDVAR_A_VALUE_(p, success, atomic_compare_exchange_strong_explicit(CONDVAR_A_32_(p), (expected), (value),         \
                                                                 memory_order_##success, memory_order_##failure))
#define condvar_a_cas_weak(p, expected, value, success, failure)                                                \
    CONDVAR_A_VALUE_(p, success, atomic_compare_exchange_weak_explicit(CONDVAR_A_32_(p), (expected), (value),           \
                                                               memory_order_##success, memory_order_##failure))

/* The same for a word that holds an address, as a uintptr_t. */
#define condvar_a_exchange_ptr(p, value, order)                                                                 \
    CONDVAR_A_VALUE_(p, order, atomic_exchange_explicit(CONDVAR_A_PTR_(p), (value), memory_order_##order))
#define condvar_a_cas_ptr_weak(p, expected, value, success, failure)                                            \
    CONDVAR_A_VALUE_(p, success, atomic_compare_exchange_weak_explicit(CONDVAR_A_PTR_(p), (expected), (value),          \
                                                               memory_order_##success, memory_order_##failure))

/* Relaxed words that one thread at a time writes, and others read as a hint: no step is made of them, since
   nothing hangs on when they are read. */
#define CONDVAR_A_HINT_(p, type) CONDVAR_A_TOLD_VALUE_(p, relaxed, atomic_load_explicit(type(p), memory_order_relaxed))
#define CONDVAR_A_SET_(p, type, value) \
    CONDVAR_A_TOLD_VOID_(p, relaxed, atomic_store_explicit(type(p), (value), memory_order_relaxed))
#define condvar_a_load_32(p) CONDVAR_A_HINT_(p, CONDVAR_A_32_)
#define condvar_a_store_32(p, value) CONDVAR_A_SET_(p, CONDVAR_A_32_, value)
#define condvar_a_load_8(p) CONDVAR_A_HINT_(p, CONDVAR_A_8_)
#define condvar_a_store_8(p, value) CONDVAR_A_SET_(p, CONDVAR_A_8_, (uint8_t)(value))
#define condvar_a_load_16(p) CONDVAR_A_HINT_(p, CONDVAR_A_16_)
#define condvar_a_store_16(p, value) CONDVAR_A_SET_(p, CONDVAR_A_16_, (uint16_t)(value))
#define condvar_a_load_ptr(p) CONDVAR_A_HINT_(p, CONDVAR_A_PTR_)
#define condvar_a_store_ptr(p, value) CONDVAR_A_SET_(p, CONDVAR_A_PTR_, value)

/* Tell the core that this is a loop waiting for another core. */
static inline void condvar_a_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__ARM_ARCH) && __ARM_ARCH >= 7)
    __asm__ __volatile__("yield");
#endif
}

/* cond_lock_t.kind_: COND_RLOCK or COND_MUTEX, with COND_SHARED or without, or one of these. */
enum {
    CONDVAR_LOCK_OWN_SHARED = 4, /* to a shared kind: it is cond_t.own_ of a condition */
    CONDVAR_LOCK_FOREIGN = 16,
    CONDVAR_LOCK_FOREIGN_VAGUE = 17, /* its `owned` says yes to a free recursive lock too (port/pthread.c) */
    CONDVAR_LOCK_DESTROYED = 0xDD,
};

/* cond_lock_t.flags_, under the lock. */
enum {
    CONDVAR_LOCK_IN_FLIGHT = 1,     /* a waiter was let go and does not have the lock yet; it clears the mark itself */
    CONDVAR_LOCK_SLEEPERS_TURN = 2, /* when both wait: the next release wakes a sleeper too (mutex.c) */

    /* Shared locks have these instead (shared.c). */
    CONDVAR_LOCK_OWNER_DIED = 1, /* and nobody has called recover yet */
    CONDVAR_LOCK_LOST = 2,       /* it was released so */
    CONDVAR_LOCK_RECOVERY = 4,   /* the rest of the byte counts recoveries */
};

/* cond_t.state_. The shared ones are numbers that no memory has by chance. */
enum {
    COND_ALIVE = 0,
    COND_DESTROYED = 0xDD,
    COND_ALIVE_SHARED = 0x5EC04D17,
    COND_INIT_SHARED = 0x5EC04D18, /* a process is in cond_init() */
};

static inline bool condvar_lock_is_private(const cond_lock_t *lock)
{
    return condvar_a_load_8(&lock->kind_) <= COND_MUTEX;
}

static inline bool condvar_lock_is_shared(const cond_lock_t *lock)
{
#ifdef CONDVAR_NO_SHARED
    (void)lock;
    return false;
#else
    return (condvar_a_load_8(&lock->kind_) & ~(COND_MUTEX | CONDVAR_LOCK_OWN_SHARED)) == COND_SHARED;
#endif
}

static inline bool condvar_lock_is_foreign(const cond_lock_t *lock)
{
#ifdef CONDVAR_NO_FOREIGN
    (void)lock;
    return false;
#else
    return (condvar_a_load_8(&lock->kind_) & ~1) == CONDVAR_LOCK_FOREIGN;
#endif
}

/* Of a lock that is valid and not shared: whether it is private. */
static inline bool condvar_lock_is_not_foreign(const cond_lock_t *lock)
{
#ifdef CONDVAR_NO_FOREIGN
    (void)lock;
    return true;
#else
    return condvar_lock_is_private(lock);
#endif
}

/* Whether there are locks that are not private. */
#if defined(CONDVAR_NO_SHARED) && defined(CONDVAR_NO_FOREIGN)
enum { CONDVAR_LOCK_OTHERS = 0 };
#else
enum { CONDVAR_LOCK_OTHERS = 1 };
#endif

/* Whether there is a lock to work with. */
static inline bool condvar_lock_is_valid(const cond_lock_t *lock)
{
    return lock != NULL && (condvar_lock_is_private(lock) || condvar_lock_is_shared(lock) || condvar_lock_is_foreign(lock));
}

static inline bool cond_is_alive(const cond_t *cond)
{
    return cond->state_ == COND_ALIVE || cond->state_ == COND_ALIVE_SHARED;
}

/* The condition's lock if it is a private one, else NULL: the short way of most calls. */
static inline cond_lock_t *cond_private_lock(const cond_t *cond)
{
    if (cond == NULL || cond->state_ != COND_ALIVE)
        return NULL;
    cond_lock_t *lock = cond->lock_ != NULL ? cond->lock_ : (cond_lock_t *)(uintptr_t)&cond->own_;
    return condvar_lock_is_private(lock) ? lock : NULL;
}

/* The condition's lock, or NULL if there is nothing to work with. */
CONDVAR_INTERNAL cond_lock_t *cond_valid_lock(const cond_t *cond);

/* Whether a lock is held after an attempt to acquire it has answered this. */
static inline bool condvar_lock_is_held_after(int error)
{
    return error == 0 || error == EOWNERDEAD;
}

/* Release entirely; 0 and the depth, or an error with nothing changed. */
CONDVAR_INTERNAL int condvar_lock_release_save(cond_lock_t *lock, unsigned *depth);

/* Hold again as deep. Only a foreign lock fails; with EOWNERDEAD it is held. */
CONDVAR_INTERNAL int condvar_lock_acquire_restore(cond_lock_t *lock, unsigned depth);

/* A foreign lock that could not be acquired again: nobody can have it any more, nor touch what it guarded. So
   its handle is of no more use; any thread may say so. */
CONDVAR_INTERNAL void condvar_lock_give_up(cond_lock_t *lock);

/* On a lock whose release is not seen: let one notified waiter go now. Under the lock. */
CONDVAR_INTERNAL void condvar_lock_let_go(cond_lock_t *lock);

/* Back to the state after init. For the child of a fork. */
CONDVAR_INTERNAL void condvar_lock_reinit(cond_lock_t *lock);

/* ---- src/park.h ---- */

#define CONDVAR_PARK_H
/*
 * Sleeping and waking: the handshake between a waiter and the thread that lets it go, over waiter->state,
 * and waiting awake for a while before it.
 *
 *      the waiter                              the thread that lets it go
 *      1. state |= ASLEEP  (compare-exchange)  1. old = exchange(state, GO)
 *      2. port_wait(state)                     2. if old has ASLEEP: port_wake(state)
 *
 * If GO comes before 1 the compare-exchange fails, and nobody sleeps; if it comes between 1 and 2,
 * port_wait() sees another value and returns; if it comes after 2, the waker has seen ASLEEP and wakes.
 */

/* ---- src/tuning.h ---- */

#define CONDVAR_TUNING_H
/* Every number that was chosen by measuring rather than by reasoning. */

/* A thread that has waited this long for a lock, and is still overtaken, asks that nobody overtakes any
   more (MUTEX_FIFO). Go's sync.Mutex and nsync chose about the same. */
#define CONDVAR_TUNING_PATIENCE_NS INT64_C(1000000)

/* A small system has one core, mostly: there, to look in vain is all that waiting awake does. */
#ifdef CONDVAR_PORT_CUSTOM
#  ifndef CONDVAR_TUNING_LOCK_SPIN
#    define CONDVAR_TUNING_LOCK_SPIN 0u
#  endif
#  ifndef CONDVAR_TUNING_SPIN_MAX
#    define CONDVAR_TUNING_SPIN_MAX 0u
#  endif
#endif

/* How many times a thread looks at a lock's word before it sleeps: with pauses, about a microsecond, which outlasts
   a short critical section. With 100, 16 threads on two busy cores took 3 times as long for a turn at the lock as
   with 30 or 10 (tests/bench, row hammer-16), since they looked while its holder was not running. */
#ifndef CONDVAR_TUNING_LOCK_SPIN
#  define CONDVAR_TUNING_LOCK_SPIN 20u
#endif

/* How many times a waiter looks whether it is let go, at most; and at least, if it looks at all. */
#ifndef CONDVAR_TUNING_SPIN_MAX
#  define CONDVAR_TUNING_SPIN_MAX 200u
#endif
#define CONDVAR_TUNING_SPIN_MIN 20u

/* After this many looks in vain in a row, waiters sleep at once, for this many sleeps. Then one looks again, at
   most: a core may be idle now. If not, the next pause is twice as long, up to 64 times. */
#define CONDVAR_TUNING_SPIN_FAILURES 4u
#define CONDVAR_TUNING_SPIN_PAUSE 16u

/* So many that wait for the same as the holder are passed over, to find one that waits for something else. With 16, a
   buffer of 10 places between 32 producers and 32 consumers lets go 0.4 threads for an item; with none 0.75. */
#define CONDVAR_TUNING_ALIKE 16u

/* How often a waiter on a shared condition looks whether something was lost to a kill (shared.c): the longest
   time that a kill can delay a notification, against idle wake-ups of each sleeper. */
#define CONDVAR_TUNING_HEARTBEAT_NS INT64_C(100000000)

/* ---- src/waiter.h ---- */

#define CONDVAR_WAITER_H
/*
 * A waiter is a thread in wait, as a node on its own stack, or a task; waiter.c says who is let go next.
 *
 * The lock protects the queue: everything here but `state` is touched by the holder of the lock only, so
 * there is nothing to order and nothing to retry. A waiter is in one of two queues, or in none:
 *
 *                          notify                    release, one at a time
 *      cond->u_.local.waiters  ------------------>  lock->u_.local.notified  ------------------>  let go
 *      in order of   <------------------  in the order
 *        arrival       predicate false,   of notification
 *                      back in its place
 *
 * `state` is the one word that the waiter and the holder race for, and the word that the waiter sleeps on:
 *
 *      0 ---(holder)---> CHOSEN ----(holder)---> GO          the waiter takes the lock and returns
 *      |                                          ^
 *      +---(holder, no deadline: at once)---------+
 *      |
 *      +---(waiter)----> EXPIRED                             the waiter takes the lock and leaves its queue
 *
 * ASLEEP joins any of them when the waiter announces that it sleeps. CHOSEN and EXPIRED exclude each other:
 * one compare-exchange decides. A waiter without a deadline cannot expire, and needs no CHOSEN.
 * When a waiter with a predicate is chosen its deadline still counts, until its predicate has been seen
 * true by the thread that lets it go: only then it is CHOSEN. So a waiter that is put back in its place
 * expires by itself, like any other. A task is chosen as late as that too, and EXPIRED says that it was
 * cancelled: then it has to be handed the lock like any that wants it (task.c).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CONDVAR_WAITER_ASLEEP = 1,  /* set by the waiter: a wake-up must go through the system */
    CONDVAR_WAITER_CHOSEN = 2,  /* set by the holder: its deadline no longer counts */
    CONDVAR_WAITER_EXPIRED = 4, /* set by the waiter: no notify can have it any more */
    CONDVAR_WAITER_GO = 8,      /* set by the thread that lets it go, who does not touch the node after */

    /* Tasks only. Between requests such a word is CHOSEN: there is nothing to cancel. */
    CONDVAR_WAITER_ACQUIRES = 16, /* fixed for a request: it wants the lock, and waits in no condition */
    CONDVAR_WAITER_DEPTH = 256, /* fixed for a request: from here on, how deep it is to hold the lock */
};

/* cond_waiter.where: in no queue, in the condition's, in the lock's. WANTS_LOCK: in the lock's too, but it
   waits for nothing else: a task that acquires, or whose wait was cancelled (task.c). */
enum { CONDVAR_WAITER_NOWHERE, CONDVAR_WAITER_QUEUED, CONDVAR_WAITER_NOTIFIED, CONDVAR_WAITER_WANTS_LOCK };

/* Whether it is part of a cond_task_t. */
static inline bool condvar_waiter_is_task(const struct cond_waiter *waiter)
{
#ifdef CONDVAR_NO_TASKS
    (void)waiter;
    return false;
#else
    return waiter->task;
#endif
}

/* All of these: the holder of the lock, only. */

/* Whether the waiters of this condition and the lock's notified ones, if there are any, are of this process:
   then their nodes may be touched. A private condition in memory that several processes have mapped is a
   mistake, but one that must not make a process write to its own stack at another's addresses. */
CONDVAR_INTERNAL bool condvar_waiter_are_ours(const cond_t *cond, const cond_lock_t *lock);

/* Join the condition's queue as its last. */
CONDVAR_INTERNAL void condvar_waiter_arrive(struct cond_waiter *waiter, cond_lock_t *lock);

/* Move the first n waiters that have not expired to the lock's queue. Complexity: those it passes. */
CONDVAR_INTERNAL void condvar_waiter_notify(cond_t *cond, cond_lock_t *lock, size_t n);
CONDVAR_INTERNAL void condvar_waiter_notify_all(cond_t *cond, cond_lock_t *lock);

#ifndef CONDVAR_NO_TASKS
/* Join the lock's queue as its last, to be handed the lock. A task that is in no queue. */
CONDVAR_INTERNAL void condvar_waiter_want_lock(struct cond_waiter *waiter, cond_lock_t *lock);
#endif

/* The first of the lock's queue; NULL if there is none, or not of this process. */
CONDVAR_INTERNAL const struct cond_waiter *condvar_waiter_first(const cond_lock_t *lock);

/* The holder of a private lock has waited for this, or would have if it were not true already: condvar_waiter_pick() is
   to know. */
CONDVAR_INTERNAL void condvar_waiter_asked(cond_lock_t *lock, cond_pred_t *pred, const void *arg);

/*
 * Take the first notified waiter that can go out of the queue, and, if it is a thread, mark the lock: one
 * waiter is on its way. Those whose predicate is false go back to their places, and pass on what notify(n) gave
 * them. NULL if there is none, or if one is on its way, or if they are not of this process. Each predicate is
 * called once, and false ones are not looked at again until the next notify.
 *
 * Those who wait for the same as the holder has waited for are passed over, once each: if it runs on, a producer fills
 * the buffer before the producer that it would let go has begun to run, and that one has woken up for nothing.
 */
CONDVAR_INTERNAL struct cond_waiter *condvar_waiter_pick(cond_lock_t *lock);

/* The same without a look at predicates, for a lock whose release cannot be seen. */
CONDVAR_INTERNAL struct cond_waiter *condvar_waiter_pick_blindly(cond_lock_t *lock);

/* By a waiter that was let go and has the lock now: the next one may be let go. */
CONDVAR_INTERNAL void condvar_waiter_landed(cond_lock_t *lock);

/* The last thing that a wait does to the lock: from here on the lock may be destroyed, when it is free. */
CONDVAR_INTERNAL void condvar_waiter_end(cond_lock_t *lock);

/* By a waiter that was let go in vain: its predicate is false again. Back to its place. */
CONDVAR_INTERNAL void condvar_waiter_return(struct cond_waiter *waiter, cond_lock_t *lock);

/* A waiter that gives up, or has expired, leaves the queue it is in, if any. */
CONDVAR_INTERNAL void condvar_waiter_leave(struct cond_waiter *waiter, cond_lock_t *lock);

/* If the waiter was given something by notify(n), and does not use it: it goes to the next waiter after it
   that was there at that time. */
CONDVAR_INTERNAL void condvar_waiter_pass_on(struct cond_waiter *waiter, cond_lock_t *lock);

/*
 * Waiting awake. To be let go within a microsecond is worth looking for it: a sleep and a wake-up cost
 * several. To look in vain costs as much as that, on each core that does, and on one core it is always in
 * vain. So the lock learns how long its waiters had to look. Its `spin_` is either of:
 *
 *      failed (6 bits, below SPIN_OFF) | usual (10 bits)    look, for at most a few times as long as usual
 *      SPIN_OFF + patience             | left               don't, `left` sleeps long; then try again
 *
 * All zero bits is a fresh lock, which hopes for the best. Relaxed throughout: it is a guess, any value is
 * right, and a lost update does no harm.
 */
enum { CONDVAR_SPIN_FIELD = 1024, CONDVAR_SPIN_OFF = CONDVAR_TUNING_SPIN_FAILURES, CONDVAR_SPIN_PATIENCE_MAX = 6 };

static inline unsigned condvar_spin_budget(const cond_lock_t *lock)
{
#if !CONDVAR_TUNING_SPIN_MAX
    (void)lock;
    return 0;
#else
    unsigned learned = condvar_a_load_16(&lock->spin_), low = learned % CONDVAR_SPIN_FIELD;
    if (learned / CONDVAR_SPIN_FIELD >= CONDVAR_SPIN_OFF)
        return low == 0 ? CONDVAR_TUNING_SPIN_MAX : 0;
    unsigned budget = low == 0 ? CONDVAR_TUNING_SPIN_MAX : CONDVAR_TUNING_SPIN_MIN + 3 * low;
    return budget < CONDVAR_TUNING_SPIN_MAX ? budget : CONDVAR_TUNING_SPIN_MAX;
#endif
}

/* It was let go while it looked for the `looks`th time. */
static inline void condvar_spin_rewarded(cond_lock_t *lock, unsigned looks)
{
    unsigned learned = condvar_a_load_16(&lock->spin_);
    unsigned usual = learned / CONDVAR_SPIN_FIELD < CONDVAR_SPIN_OFF ? learned % CONDVAR_SPIN_FIELD : looks;
    usual = (3 * usual + looks) / 4 + 1;
    condvar_a_store_16(&lock->spin_, usual < CONDVAR_SPIN_FIELD ? usual : CONDVAR_SPIN_FIELD - 1);
}

/* It has to sleep, after that many looks. */
static inline void condvar_spin_in_vain(cond_lock_t *lock, unsigned looks)
{
    unsigned learned = condvar_a_load_16(&lock->spin_);
    unsigned high = learned / CONDVAR_SPIN_FIELD, low = learned % CONDVAR_SPIN_FIELD;
    if (looks == 0) {
        if (high >= CONDVAR_SPIN_OFF && low > 0)
            low--;
    } else {
        high = high < CONDVAR_SPIN_OFF + CONDVAR_SPIN_PATIENCE_MAX ? high + 1 : high;
        if (high >= CONDVAR_SPIN_OFF)
            low = (CONDVAR_TUNING_SPIN_PAUSE << (high - CONDVAR_SPIN_OFF)) - 1;
    }
    condvar_a_store_16(&lock->spin_, high * CONDVAR_SPIN_FIELD + low);
}

/* ---- The handshake ---- */

/* By the thread that lets the waiter go, after it has freed the lock, or with it. The node may be gone as
   soon as GO is in it. Release: partner is the acquire in condvar_park_sleep(), so that the waiter reuses its stack
   only after the last access here. */
static inline void condvar_park_wake(struct cond_waiter *waiter)
{
    uint32_t *state = &waiter->state;
    if (condvar_a_exchange(state, CONDVAR_WAITER_GO, acq_rel) & CONDVAR_WAITER_ASLEEP)
        port_wake(state, 1);
}

/* By the waiter, without the lock: until it is let go (true), or its deadline has passed and no notify
   had chosen it by then (false). */
static inline bool condvar_park_sleep(struct cond_waiter *waiter, cond_lock_t *lock, int64_t deadline_ns)
{
    unsigned budget = deadline_ns == CONDVAR_DEADLINE_PASSED ? 0 : condvar_spin_budget(lock);
    for (unsigned i = 0; i < budget; i++) {
        /* Acquire: partner is condvar_park_wake(). */
        if (condvar_a_load(&waiter->state, acquire) & CONDVAR_WAITER_GO) {
            condvar_spin_rewarded(lock, i);
            return true;
        }
        condvar_a_pause();
    }
    if (CONDVAR_TUNING_SPIN_MAX && deadline_ns != CONDVAR_DEADLINE_PASSED)
        condvar_spin_in_vain(lock, budget);

    uint32_t state = condvar_a_load(&waiter->state, acquire);
    while (!(state & CONDVAR_WAITER_GO)) {
        if (!(state & CONDVAR_WAITER_CHOSEN) && condvar_deadline_passed(deadline_ns)) {
            /* Partner: condvar_beat_deadline(). Exactly one of the two succeeds; the other sees its bit. */
            if (condvar_a_cas(&waiter->state, &state, state | CONDVAR_WAITER_EXPIRED, acquire, acquire))
                return false;
        } else if (!(state & CONDVAR_WAITER_ASLEEP)) {
            if (condvar_a_cas(&waiter->state, &state, state | CONDVAR_WAITER_ASLEEP, acquire, acquire))
                state |= CONDVAR_WAITER_ASLEEP;
        } else {
            port_wait(&waiter->state, state, state & CONDVAR_WAITER_CHOSEN ? COND_FOREVER : deadline_ns);
            state = condvar_a_load(&waiter->state, acquire);
        }
    }
    return true;
}

/* ---- src/probe.h ---- */

#define CONDVAR_PROBE_H
/*
 * Where a tracer can look in (docs/tracing.md): one instruction that does nothing, and a note in the file
 * that says where it is and in which registers the arguments are. Without CONDVAR_PROBES not even that. The
 * arguments are addresses and numbers that are at hand: nothing is computed or read for a probe.
 */

#ifdef CONDVAR_PROBES
#  include <sys/sdt.h>
#  if defined(__clang__) /* whose pedantry looks into the macros of that header */
#    pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#  endif
#  define CONDVAR_PROBE_(name, a, b, c) DTRACE_PROBE3(condvar, name, a, b, c)
#else
#  define CONDVAR_PROBE_(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif

/* A wait begins, with the lock held. COND_FOREVER: without a deadline. */
#define CONDVAR_PROBE_WAIT(cond, lock, deadline_ns) CONDVAR_PROBE_(wait, cond, lock, deadline_ns)

/* It has ended, with this result (0, ETIMEDOUT, ...). The addresses may be those of objects that are gone. */
#define CONDVAR_PROBE_WAKE(cond, lock, result) CONDVAR_PROBE_(wake, cond, lock, result)

/* A notify, of at most n; all of them: SIZE_MAX. */
#define CONDVAR_PROBE_NOTIFY(cond, lock, n) CONDVAR_PROBE_(notify, cond, lock, n)

/* A thread did not get a private lock at once; `veteran`: it comes from a wait. */
#define CONDVAR_PROBE_CONTENDED(lock, deadline_ns, veteran) CONDVAR_PROBE_(contended, lock, deadline_ns, (int)(veteran))

/* A notified waiter is let go: the lock, or the first attempt at it, is its own. */
#define CONDVAR_PROBE_HANDOVER(cond, lock, waiter) CONDVAR_PROBE_(handover, cond, lock, waiter)

/* ---- src/rlock.h ---- */

#define CONDVAR_RLOCK_H
/*
 * Owner and depth over a private lock: how often its owner holds it, and releasing all of that at once and
 * restoring it (what wait does). A mutex is the same with the depth limited to one.
 *
 * `owner` is 0, or who holds the lock: a thread, by its number, or a task, by its address and RLOCK_TASK. Any
 * thread may look at it, relaxed: a thread finds its own number there only if it has written it itself, and
 * has not taken it away. A task's is written when it is handed the lock, and it knows so by being called
 * back. `depth_` says how often the owner holds the lock beyond once, is written by the owner only, and is 0
 * whenever the lock is free, so that the first level costs no store. Others read it for cond_describe().
 */

#include <stdbool.h>
/* ---- src/mutex.h ---- */

#define CONDVAR_MUTEX_H
/*
 * The private lock without owner and depth: one word, and what a release owes to the notified waiters.
 * mutex.c has the states and the argument. The short ways are here, to be compiled into their callers.
 */

enum {
    CONDVAR_MUTEX_HELD = 1,     /* somebody has it */
    CONDVAR_MUTEX_SLEEPERS = 2, /* somebody may sleep on the word, and must be woken by a release */
    CONDVAR_MUTEX_FIFO = 4,     /* somebody has waited too long: newcomers queue. Set by a thread that has slept,
                           and cleared by the same thread when it has the lock or gives up */
    CONDVAR_MUTEX_DEAD = 8,     /* with HELD, for ever: it was destroyed */
    CONDVAR_MUTEX_TASKS = 256,  /* from here on: 0, or the process of a task that wants the lock and waits for a
                           release; set by condvar_mutex_knock() */
};

/* Whether the lock was free and is now the caller's. Acquire: partner is the release in condvar_mutex_release(). */
static inline bool condvar_mutex_try(cond_lock_t *lock)
{
    uint32_t free = 0;
    return condvar_a_cas(&lock->u_.local.as.mine.word, &free, CONDVAR_MUTEX_HELD, acquire, relaxed);
}

/* Acquire it, or ETIMEDOUT, or EINVAL if it is dead. A veteran has waited in the condition, and may go before
   newcomers. */
CONDVAR_INTERNAL int condvar_mutex_acquire_contended(cond_lock_t *lock, int64_t deadline_ns, bool veteran);

CONDVAR_INTERNAL void condvar_mutex_release_contended(cond_lock_t *lock);

#ifndef CONDVAR_NO_TASKS
/* By the first task to join lock->tasks: see that a release looks there, by making one if the lock is free. */
CONDVAR_INTERNAL void condvar_mutex_knock(cond_lock_t *lock);
#endif

/* The holder: nobody gets it any more. Who came too late to see that it is being destroyed is told. */
CONDVAR_INTERNAL void condvar_mutex_kill(cond_lock_t *lock);

/* Release: partner is the acquire of whoever has the lock next. The lock may be gone when it is free. */
static inline void condvar_mutex_release(cond_lock_t *lock)
{
    uint32_t held = CONDVAR_MUTEX_HELD;
    if (CONDVAR_SMALL || lock->u_.local.notified != NULL ||
        !condvar_a_cas(&lock->u_.local.as.mine.word, &held, 0, release, relaxed))
        condvar_mutex_release_contended(lock);
}

enum { CONDVAR_RLOCK_TASK = 1 }; /* in `owner`, the lowest bit: the rest is a cond_task_t's address */

static inline bool condvar_rlock_owned_by(const cond_lock_t *lock, uintptr_t who)
{
    return condvar_a_load_ptr(&lock->u_.local.as.mine.owner) == who;
}

static inline bool condvar_rlock_owned(const cond_lock_t *lock)
{
    return condvar_rlock_owned_by(lock, port_self());
}

/* For the owner, and a glimpse for others. */
static inline unsigned condvar_rlock_depth(const cond_lock_t *lock)
{
    return condvar_a_load_ptr(&lock->u_.local.as.mine.owner) != 0 ? condvar_a_load_32(&lock->depth_) + 1 : 0;
}

/* condvar_rlock_acquire() when it is not free. */
CONDVAR_INTERNAL int condvar_rlock_acquire_slowly(cond_lock_t *lock, uintptr_t who, int64_t deadline_ns);

/* `who` is the caller in these: port_self(), or a task with RLOCK_TASK. */

/* 0, EDEADLK (a mutex that the caller has), EAGAIN (too deep), ETIMEDOUT: at once if the deadline is
   DEADLINE_PASSED, which makes it a try. */
static inline int condvar_rlock_acquire(cond_lock_t *lock, uintptr_t who, int64_t deadline_ns)
{
    bool hopeless = deadline_ns == CONDVAR_DEADLINE_PASSED && condvar_a_load_32(&lock->u_.local.as.mine.word) != 0;
    if (CONDVAR_SMALL || condvar_rlock_owned_by(lock, who) || hopeless || !condvar_mutex_try(lock))
        return condvar_rlock_acquire_slowly(lock, who, deadline_ns);
    condvar_a_store_ptr(&lock->u_.local.as.mine.owner, who);
    return 0;
}

/* One level. 0, EPERM. */
static inline int condvar_rlock_release(cond_lock_t *lock, uintptr_t who)
{
    if (!condvar_rlock_owned_by(lock, who))
        return EPERM;
    uint32_t more = condvar_a_load_32(&lock->depth_);
    if (more != 0) {
        condvar_a_store_32(&lock->depth_, more - 1);
    } else {
        condvar_a_store_ptr(&lock->u_.local.as.mine.owner, 0);
        condvar_mutex_release(lock);
    }
    return 0;
}

/* All levels: how many there were, or 0 if the caller does not hold the lock. */
CONDVAR_INTERNAL unsigned condvar_rlock_release_save(cond_lock_t *lock, uintptr_t who);

/* The way back; only for a thread that has waited in a condition. */
CONDVAR_INTERNAL void condvar_rlock_acquire_restore(cond_lock_t *lock, uintptr_t who, unsigned depth);

#ifndef CONDVAR_NO_TASKS
/* The holder, that is whoever releases the lock: make it somebody else's instead of free. */
CONDVAR_INTERNAL void condvar_rlock_give(cond_lock_t *lock, uintptr_t who, unsigned depth);
#endif

/* ---- src/shared.h ---- */

#define CONDVAR_SHARED_H
/* Locks and conditions in memory that processes share; shared.c has the argument. The lock's calls are
   those of rlock.h, with two more answers: EOWNERDEAD (held, in need of recover) and ENOTRECOVERABLE. */

#include <stdbool.h>

#ifndef CONDVAR_NO_SHARED

CONDVAR_INTERNAL int condvar_shared_lock_init(cond_lock_t *lock, unsigned flags);
CONDVAR_INTERNAL int condvar_shared_lock_destroy(cond_lock_t *lock); /* EBUSY */
CONDVAR_INTERNAL int condvar_shared_lock_acquire(cond_lock_t *lock, int64_t deadline_ns);
CONDVAR_INTERNAL int condvar_shared_lock_release(cond_lock_t *lock);
CONDVAR_INTERNAL bool condvar_shared_lock_owned(const cond_lock_t *lock);
CONDVAR_INTERNAL bool condvar_shared_lock_locked(const cond_lock_t *lock);
CONDVAR_INTERNAL int condvar_shared_lock_recover(cond_lock_t *lock); /* the holder; EINVAL: nothing to recover */

/* The holder. As condvar_wait() in cond.c; pred may be NULL. */
CONDVAR_INTERNAL int condvar_shared_wait(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg, int64_t deadline_ns);

/* The holder. Let at least min(n, waiters) go. */
CONDVAR_INTERNAL void condvar_shared_notify(cond_t *cond, cond_lock_t *lock, size_t n);

/* The holder, after recover: the condition's own fields may be half changed. Lets everybody go. */
CONDVAR_INTERNAL void condvar_shared_repair(cond_t *cond, cond_lock_t *lock);

#else /* no lock can be made shared, so the rest is never called */

static inline int condvar_shared_lock_init(cond_lock_t *lock, unsigned flags)
{
    *lock = (cond_lock_t){.kind_ = 0xDD}; /* LOCK_DESTROYED */
    (void)flags;
    return ENOTSUP;
}
static inline int condvar_shared_lock_destroy(cond_lock_t *lock) { (void)lock; return ENOTSUP; }
static inline int condvar_shared_lock_acquire(cond_lock_t *lock, int64_t deadline_ns)
{
    (void)lock, (void)deadline_ns;
    return ENOTSUP;
}
static inline int condvar_shared_lock_release(cond_lock_t *lock) { (void)lock; return ENOTSUP; }
static inline bool condvar_shared_lock_owned(const cond_lock_t *lock) { (void)lock; return false; }
static inline bool condvar_shared_lock_locked(const cond_lock_t *lock) { (void)lock; return false; }
static inline int condvar_shared_lock_recover(cond_lock_t *lock) { (void)lock; return ENOTSUP; }
static inline int condvar_shared_wait(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg, int64_t deadline_ns)
{
    (void)cond, (void)lock, (void)pred, (void)arg, (void)deadline_ns;
    return ENOTSUP;
}
static inline void condvar_shared_notify(cond_t *cond, cond_lock_t *lock, size_t n) { (void)cond, (void)lock, (void)n; }
static inline void condvar_shared_repair(cond_t *cond, cond_lock_t *lock) { (void)cond, (void)lock; }

#endif

_Static_assert(sizeof(cond_t) <= (COND_ROBUST_WORDS_ > 5 ? 104 : 96),
               "a condition with its lock is at most 96 bytes, or 104 where a pthread mutex has 48");

/* ---- Life ---- */

#ifndef CONDVAR_NO_SHARED
/* A condition that processes share may be alive already, made by another of them: only memory that
   is not is begun, and by one process only. */
static int condvar_init_shared(cond_t *cond, cond_lock_t *lock, unsigned flags)
{
    /* Acquire: partner is the release below, for a process that uses what another has made. */
    uint32_t condvar_before = condvar_a_load(&cond->state_, acquire);
    if (condvar_before == COND_ALIVE_SHARED || condvar_before == COND_INIT_SHARED ||
        !condvar_a_cas(&cond->state_, &condvar_before, COND_INIT_SHARED, relaxed, relaxed))
        return EBUSY;
    if (lock == NULL) {
        int error = cond_lock_init(&cond->own_, flags);
        if (error != 0) {
            condvar_a_store(&cond->state_, COND_DESTROYED, relaxed);
            return error;
        }
        cond->own_.kind_ |= CONDVAR_LOCK_OWN_SHARED;
    }
    cond->lock_ = lock != NULL ? (cond_lock_t *)((uintptr_t)lock - (uintptr_t)cond) : NULL;
    cond->waiters_ = 0;
    cond->u_.shared = (struct cond_shared_queue_){0};
    condvar_a_store(&cond->state_, COND_ALIVE_SHARED, release);
    return 0;
}
#else
static int condvar_init_shared(cond_t *cond, cond_lock_t *lock, unsigned flags)
{
    (void)lock, (void)flags;
    cond->state_ = COND_DESTROYED;
    return ENOTSUP;
}
#endif

int cond_init(cond_t *cond, cond_lock_t *lock, unsigned flags)
{
    if (cond == NULL || flags > (COND_SHARED | COND_MUTEX) ||
        (lock != NULL && (!condvar_lock_is_valid(lock) || (flags != 0 && flags != (lock->kind_ & ~CONDVAR_LOCK_OWN_SHARED)))))
        return EINVAL;
    if (lock != NULL ? condvar_lock_is_shared(lock) : (flags & COND_SHARED) != 0)
        return condvar_init_shared(cond, lock, flags);
    *cond = (cond_t){.lock_ = lock};
    return lock == NULL ? cond_lock_init(&cond->own_, flags) : 0;
}

int cond_destroy(cond_t *cond)
{
    if (cond == NULL || !cond_is_alive(cond))
        return EINVAL;
    /* Relaxed, as in cond_waiters(). A lock elsewhere is not looked at: it may be gone. */
    if (condvar_a_load_32(&cond->waiters_) != 0)
        return EBUSY;
    if (cond->lock_ == NULL) {
        int error = cond_lock_destroy(&cond->own_);
        if (error != 0)
            return error;
    }
    cond->state_ = COND_DESTROYED;
    return 0;
}

int cond_reinit_after_fork(cond_t *cond)
{
    cond_lock_t *lock = cond_valid_lock(cond);
    if (lock == NULL)
        return EINVAL;
    if (condvar_lock_is_shared(lock))
        return 0; /* its waiters and its holder live on in other processes */
    condvar_lock_reinit(lock);
    cond->u_.local.waiters = NULL;
    cond->waiters_ = 0;
    return 0;
}

/* ---- The lock ---- */

int cond_acquire(cond_t *cond)
{
    cond_lock_t *lock = CONDVAR_SMALL ? NULL : cond_private_lock(cond);
    return lock != NULL ? condvar_rlock_acquire(lock, port_self(), COND_FOREVER)
                        : cond_lock_acquire(cond_valid_lock(cond));
}

int cond_try_acquire(cond_t *cond)
{
    return cond_lock_try_acquire(cond_valid_lock(cond));
}

int cond_acquire_timed(cond_t *cond, int64_t timeout_ns)
{
    return cond_lock_acquire_timed(cond_valid_lock(cond), timeout_ns);
}

int cond_release(cond_t *cond)
{
    cond_lock_t *lock = CONDVAR_SMALL ? NULL : cond_private_lock(cond);
    return lock != NULL ? condvar_rlock_release(lock, port_self()) : cond_lock_release(cond_valid_lock(cond));
}

bool cond_locked(const cond_t *cond)
{
    return cond_lock_locked(cond_valid_lock(cond));
}

bool cond_owned(const cond_t *cond)
{
    return cond_lock_owned(cond_valid_lock(cond));
}

int cond_recover(cond_t *cond)
{
    cond_lock_t *lock = cond_valid_lock(cond);
    int error = cond_lock_recover(lock);
    if (error == 0)
        condvar_shared_repair(cond, lock);
    return error;
}

cond_lock_t *cond_get_lock(cond_t *cond)
{
    return cond_valid_lock(cond);
}

static CONDVAR_COLD int condvar_held_other_lock(cond_t *cond, cond_lock_t **lock)
{
    *lock = cond_valid_lock(cond);
    if (!CONDVAR_LOCK_OTHERS || *lock == NULL)
        return EINVAL;
    if (!cond_lock_owned(*lock))
        return EPERM;
    return condvar_lock_is_shared(*lock) || condvar_waiter_are_ours(cond, *lock) ? 0 : EINVAL;
}

/* The lock of a condition on which the caller may wait or notify. */
static int condvar_held_lock(cond_t *cond, cond_lock_t **lock)
{
    *lock = cond_private_lock(cond);
    if (*lock == NULL)
        return condvar_held_other_lock(cond, lock);
    if (!condvar_rlock_owned(*lock))
        return EPERM;
    return condvar_waiter_are_ours(cond, *lock) ? 0 : EINVAL;
}

/* ---- Wait ---- */

static bool condvar_ask(cond_lock_t *lock, cond_pred_t *pred, void *arg)
{
    condvar_waiter_asked(lock, pred, arg);
    return pred(arg);
}

/*
 * One wait of a node that is in the queue: 0 when it was let go, ETIMEDOUT when it has expired, with the
 * lock held either way and the node in no queue. Or an error of a foreign lock: held with EOWNERDEAD, else
 * lost. A lost lock is one that nobody can have any more, so nobody will look at the node again, and nobody
 * may touch the queue that it is in.
 */
static int condvar_wait_once(struct cond_waiter *waiter, cond_lock_t *lock, int64_t deadline_ns, bool *lost)
{
    unsigned depth;
    int error = condvar_lock_release_save(lock, &depth);
    if (error != 0) {
        /* The lock knows better than cond_lock_owned() who holds it: nothing has happened. */
        condvar_waiter_leave(waiter, lock);
        return error;
    }
    bool went = condvar_park_sleep(waiter, lock, deadline_ns);
    error = condvar_lock_acquire_restore(lock, depth);
    *lost = !condvar_lock_is_held_after(error);
    if (*lost) {
        condvar_lock_give_up(lock);
        return error;
    }
    if (went)
        condvar_waiter_landed(lock);
    else
        condvar_waiter_leave(waiter, lock);
    return error != 0 ? error : went ? 0 : ETIMEDOUT;
}

static int condvar_wait(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg, int64_t deadline_ns)
{
    struct cond_waiter waiter = {
        .cond = cond, .pred = pred, .arg = arg, .timed = deadline_ns != COND_FOREVER};
    int error;
    bool content, lost = false;
    condvar_waiter_arrive(&waiter, lock);
    for (;;) {
        error = condvar_wait_once(&waiter, lock, deadline_ns, &lost);
        if (lost)
            return error;
        content = pred == NULL ? error == 0 : (error == 0 || error == ETIMEDOUT) && condvar_ask(lock, pred, arg);
        if (!content && error == 0 && cond->state_ != COND_ALIVE)
            error = EINVAL; /* destroyed too early: there is no place to go back to */
        if (content || error != 0)
            break;
        /* Let go, but somebody was faster: back to its place. */
        condvar_a_store(&waiter.state, 0, relaxed); /* nobody knows the node now */
        condvar_waiter_return(&waiter, lock);
        condvar_lock_let_go(lock);
    }
    /* What it was given and does not use goes to another, and so does its place at the lock. The condition
       may be gone by now, unless something was given that can be passed on. */
    if (!content)
        condvar_waiter_pass_on(&waiter, lock);
    condvar_lock_let_go(lock);
    condvar_waiter_end(lock);
    return content ? 0 : error;
}

static int condvar_wait_any(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg, int64_t deadline_ns)
{
    CONDVAR_PROBE_WAIT(cond, lock, deadline_ns);
    int error = condvar_lock_is_shared(lock) ? condvar_shared_wait(cond, lock, pred, arg, deadline_ns)
                                     : condvar_wait(cond, lock, pred, arg, deadline_ns);
    CONDVAR_PROBE_WAKE(cond, lock, error);
    return error;
}

int cond_wait_until(cond_t *cond, int64_t deadline_ns)
{
    cond_lock_t *lock;
    int error = condvar_held_lock(cond, &lock);
    return error != 0 ? error : condvar_wait_any(cond, lock, NULL, NULL, deadline_ns);
}

int cond_wait(cond_t *cond, int64_t timeout_ns)
{
    return cond_wait_until(cond, condvar_deadline_after(timeout_ns));
}

int cond_wait_for(cond_t *cond, cond_pred_t *pred, void *arg, int64_t timeout_ns)
{
    cond_lock_t *lock;
    if (pred == NULL)
        return EINVAL;
    int error = condvar_held_lock(cond, &lock);
    if (error != 0 || condvar_ask(lock, pred, arg))
        return error;
    return condvar_wait_any(cond, lock, pred, arg, condvar_deadline_after(timeout_ns));
}

/* ---- Notify ---- */

static CONDVAR_COLD int condvar_notify_other(cond_t *cond, size_t n, bool all)
{
    cond_lock_t *lock;
    int error = condvar_held_lock(cond, &lock);
    if (error != 0)
        return error;
    if (condvar_lock_is_shared(lock)) {
        condvar_shared_notify(cond, lock, n);
        return 0;
    }
    if (all)
        condvar_waiter_notify_all(cond, lock);
    else
        condvar_waiter_notify(cond, lock, n);
    condvar_lock_let_go(lock);
    return 0;
}

static inline int condvar_notify(cond_t *cond, size_t n, bool all)
{
    cond_lock_t *lock = CONDVAR_SMALL ? NULL : cond_private_lock(cond);
    if (lock == NULL)
        return condvar_notify_other(cond, n, all);
    if (!condvar_rlock_owned(lock))
        return EPERM;
    if (cond->u_.local.waiters == NULL) {
        CONDVAR_PROBE_NOTIFY(cond, lock, n);
        return 0;
    }
    if (!condvar_waiter_are_ours(cond, lock))
        return EINVAL;
    if (all)
        condvar_waiter_notify_all(cond, lock);
    else
        condvar_waiter_notify(cond, lock, n);
    return 0;
}

int cond_notify(cond_t *cond, size_t n)
{
    return condvar_notify(cond, n, false);
}

int cond_notify_all(cond_t *cond)
{
    return condvar_notify(cond, SIZE_MAX, true);
}

size_t cond_waiters(const cond_t *cond)
{
    /* Relaxed: a glimpse, or exact under the lock. Partner: condvar_count() in waiter.c. */
    return cond_valid_lock(cond) != NULL ? condvar_a_load_32(&cond->waiters_) : 0;
}

/* ---- src/lock.c ---- */

/* The lock handle: the calls of the header, handed on to the kind of lock. Private ones are rlock.c's. */
/* ---- src/task.h ---- */

#define CONDVAR_TASK_H
/*
 * Tasks, as the lock's release sees them: waiters that are handed the lock and called back. task.c has the
 * whole story. With CONDVAR_NO_TASKS nothing of it is left.
 */

#include <stdbool.h>
#include <stddef.h>

/* Tasks whose callbacks are due, the first first. On the stack of the thread that will call them. */
struct condvar_task_calls {
    struct cond_task *condvar_first, *last;
};

#define CONDVAR_TASK_NO_CALLS {NULL, NULL}

#ifndef CONDVAR_NO_TASKS

/* The holder: those that have asked for the lock join its queue. */
CONDVAR_INTERNAL void condvar_task_drain(cond_lock_t *lock);

/* The holder: end the request of a waiter that was taken out of the lock's queue. True: the lock is the
   task's from now on. False: it has given up, and does not want it. Its callback is due either way. */
CONDVAR_INTERNAL bool condvar_task_take(struct cond_waiter *waiter, cond_lock_t *lock, struct condvar_task_calls *calls);

/* Anybody, after the lock was released or handed over: see to the callbacks, now or when those under way
   on this thread have returned. */
CONDVAR_INTERNAL void condvar_task_call(struct condvar_task_calls *calls);

/* The lock is dead: tell those that have asked for it. By whoever has killed it, or has knocked too late. */
CONDVAR_INTERNAL void condvar_task_abandon(cond_lock_t *lock);

/* The holder: whether tasks have asked for the lock that it does not know yet. */
static inline bool condvar_task_any(const cond_lock_t *lock)
{
    return condvar_a_load_ptr(&lock->u_.local.as.mine.tasks) != 0; /* relaxed: a knock tells for sure */
}

#else

static inline void condvar_task_drain(cond_lock_t *lock) { (void)lock; }
static inline void condvar_task_abandon(cond_lock_t *lock) { (void)lock; }
static inline bool condvar_task_take(struct cond_waiter *waiter, cond_lock_t *lock, struct condvar_task_calls *calls)
{
    (void)waiter, (void)lock, (void)calls;
    return false;
}
static inline void condvar_task_call(struct condvar_task_calls *calls) { (void)calls; }
static inline bool condvar_task_any(const cond_lock_t *lock) { (void)lock; return false; }

#endif

_Static_assert(sizeof(cond_lock_t) <= 64, "a lock is at most one cache line of 64 bytes");

/* A shared condition may be mapped anywhere, so it keeps the distance of its lock. */
cond_lock_t *cond_valid_lock(const cond_t *cond)
{
    cond_lock_t *lock = cond_private_lock(cond);
    if (!CONDVAR_LOCK_OTHERS || lock != NULL || cond == NULL || !cond_is_alive(cond))
        return lock;
    if (cond->lock_ == NULL)
        lock = (cond_lock_t *)(uintptr_t)&cond->own_;
    else if (cond->state_ == COND_ALIVE)
        lock = cond->lock_;
    else
        lock = (cond_lock_t *)((uintptr_t)cond + (uintptr_t)cond->lock_);
    return condvar_lock_is_valid(lock) && condvar_lock_is_shared(lock) == (cond->state_ == COND_ALIVE_SHARED) ? lock : NULL;
}

int64_t cond_now(void)
{
    return port_now();
}

/* ---- Foreign locks ---- */

static int condvar_foreign_acquire(const cond_lock_t *lock, int64_t deadline_ns)
{
    return lock->u_.local.as.foreign.ops->acquire(lock->u_.local.as.foreign.object, deadline_ns);
}

static int condvar_foreign_release(const cond_lock_t *lock)
{
    return lock->u_.local.as.foreign.ops->release(lock->u_.local.as.foreign.object);
}

/* Whether it is held, as far as trying to acquire it tells: not one that is free or lost. */
static bool condvar_foreign_is_busy(const cond_lock_t *lock)
{
    int error = condvar_foreign_acquire(lock, CONDVAR_DEADLINE_PASSED);
    if (condvar_lock_is_held_after(error))
        (void)condvar_foreign_release(lock);
    return error == ETIMEDOUT || error == EBUSY || error == EDEADLK;
}

/* As Python's Condition does for a lock that cannot tell: if it can't be acquired, it is the caller's. */
static bool condvar_foreign_owned(const cond_lock_t *lock)
{
    const cond_lock_ops_t *ops = lock->u_.local.as.foreign.ops;
    return ops->owned != NULL ? ops->owned(lock->u_.local.as.foreign.object) : condvar_foreign_is_busy(lock);
}

/* A recursive one can be acquired by its owner, so ask that first, if it can tell. */
static bool condvar_foreign_locked(const cond_lock_t *lock)
{
    return (lock->kind_ == CONDVAR_LOCK_FOREIGN && condvar_foreign_owned(lock)) || condvar_foreign_is_busy(lock);
}

/* ---- What conditions need ---- */

int condvar_lock_release_save(cond_lock_t *lock, unsigned *depth)
{
    if (condvar_lock_is_not_foreign(lock)) {
        *depth = condvar_rlock_release_save(lock, port_self());
        return *depth != 0 ? 0 : EPERM;
    }
    const cond_lock_ops_t *ops = lock->u_.local.as.foreign.ops;
    *depth = 1;
    return ops->release_save != NULL ? ops->release_save(lock->u_.local.as.foreign.object, depth)
                                     : condvar_foreign_release(lock);
}

int condvar_lock_acquire_restore(cond_lock_t *lock, unsigned depth)
{
    if (condvar_lock_is_not_foreign(lock)) {
        condvar_rlock_acquire_restore(lock, port_self(), depth);
        return 0;
    }
    const cond_lock_ops_t *ops = lock->u_.local.as.foreign.ops;
    return ops->acquire_restore != NULL ? ops->acquire_restore(lock->u_.local.as.foreign.object, depth)
                                        : condvar_foreign_acquire(lock, COND_FOREVER);
}

void condvar_lock_give_up(cond_lock_t *lock)
{
    condvar_a_store_8(&lock->kind_, CONDVAR_LOCK_DESTROYED);
}

void condvar_lock_let_go(cond_lock_t *lock)
{
    if (condvar_lock_is_not_foreign(lock))
        return; /* its release sees to it */
    struct cond_waiter *next = condvar_waiter_pick_blindly(lock);
    if (next != NULL)
        condvar_park_wake(next);
}

void condvar_lock_reinit(cond_lock_t *lock)
{
    struct cond_foreign_lock_ foreign = lock->u_.local.as.foreign;
    *lock = (cond_lock_t){.kind_ = lock->kind_};
    if (condvar_lock_is_foreign(lock))
        lock->u_.local.as.foreign = foreign;
}

/* ---- The calls of the header ---- */

int cond_lock_init(cond_lock_t *lock, unsigned flags)
{
    if (lock == NULL || (flags & ~(unsigned)(COND_MUTEX | COND_SHARED)) != 0)
        return EINVAL;
    if (flags & COND_SHARED)
        return condvar_shared_lock_init(lock, flags);
    *lock = (cond_lock_t){.kind_ = (uint8_t)flags};
    return 0;
}

#ifndef CONDVAR_NO_FOREIGN
int cond_lock_init_foreign(cond_lock_t *lock, const cond_lock_ops_t *ops, void *object)
{
    if (lock == NULL || ops == NULL || ops->acquire == NULL || ops->release == NULL ||
        (ops->release_save == NULL) != (ops->acquire_restore == NULL))
        return EINVAL;
    *lock = (cond_lock_t){.kind_ = CONDVAR_LOCK_FOREIGN, .u_.local.as.foreign = {.ops = ops, .object = object}};
    return 0;
}
#endif

int cond_lock_destroy(cond_lock_t *lock)
{
    if (!condvar_lock_is_valid(lock))
        return EINVAL;
    if (condvar_lock_is_shared(lock))
        return condvar_shared_lock_destroy(lock);
    /* Acquire: partner is condvar_waiter_end(). A lock that is not free is not waited for. */
    const uint32_t *waits = &lock->u_.local.waits;
    bool is_private = condvar_lock_is_not_foreign(lock);
    if (condvar_a_load(waits, acquire) != 0 || (is_private && !condvar_mutex_try(lock)))
        return EBUSY;
    if (is_private && (condvar_a_load_32(waits) != 0 || condvar_waiter_first(lock) != NULL || condvar_task_any(lock))) {
        condvar_mutex_release(lock); /* somebody has begun to wait in between, or wants the lock */
        return EBUSY;
    }
    condvar_a_store_8(&lock->kind_, CONDVAR_LOCK_DESTROYED);
    if (is_private)
        condvar_mutex_kill(lock);
    return 0;
}

/* Those of locks that are not private, or not valid: out of the way of the others. */
static CONDVAR_COLD int condvar_acquire_other(cond_lock_t *lock, int64_t deadline_ns)
{
    if (!CONDVAR_LOCK_OTHERS || lock == NULL)
        return EINVAL;
    if (condvar_lock_is_shared(lock))
        return condvar_shared_lock_acquire(lock, deadline_ns);
    return condvar_lock_is_foreign(lock) ? condvar_foreign_acquire(lock, deadline_ns) : EINVAL;
}

static CONDVAR_COLD int condvar_release_other(cond_lock_t *lock)
{
    if (!CONDVAR_LOCK_OTHERS || lock == NULL)
        return EINVAL;
    if (condvar_lock_is_shared(lock))
        return condvar_shared_lock_release(lock);
    return condvar_lock_is_foreign(lock) ? condvar_foreign_release(lock) : EINVAL;
}

static int condvar_acquire_until(cond_lock_t *lock, int64_t deadline_ns)
{
    return lock != NULL && condvar_lock_is_private(lock) ? condvar_rlock_acquire(lock, port_self(), deadline_ns)
                                                 : condvar_acquire_other(lock, deadline_ns);
}

int cond_lock_acquire(cond_lock_t *lock)
{
    return condvar_acquire_until(lock, COND_FOREVER);
}

int cond_lock_try_acquire(cond_lock_t *lock)
{
    int error = condvar_acquire_until(lock, CONDVAR_DEADLINE_PASSED);
    return error == ETIMEDOUT ? EBUSY : error;
}

int cond_lock_acquire_timed(cond_lock_t *lock, int64_t timeout_ns)
{
    return condvar_acquire_until(lock, condvar_deadline_after(timeout_ns));
}

int cond_lock_release(cond_lock_t *lock)
{
    return lock != NULL && condvar_lock_is_private(lock) ? condvar_rlock_release(lock, port_self()) : condvar_release_other(lock);
}

bool cond_lock_locked(const cond_lock_t *lock)
{
    if (!condvar_lock_is_valid(lock))
        return false;
    if (condvar_lock_is_shared(lock))
        return condvar_shared_lock_locked(lock);
    if (condvar_lock_is_foreign(lock))
        return condvar_foreign_locked(lock);
    return (condvar_a_load_32(&lock->u_.local.as.mine.word) & (CONDVAR_MUTEX_HELD | CONDVAR_MUTEX_FIFO)) != 0;
}

bool cond_lock_owned(const cond_lock_t *lock)
{
    if (!condvar_lock_is_valid(lock))
        return false;
    if (condvar_lock_is_shared(lock))
        return condvar_shared_lock_owned(lock);
    return condvar_lock_is_foreign(lock) ? condvar_foreign_owned(lock) : condvar_rlock_owned(lock);
}

int cond_lock_recover(cond_lock_t *lock)
{
    if (!condvar_lock_is_valid(lock))
        return EINVAL;
    if (!cond_lock_owned(lock))
        return EPERM;
    return condvar_lock_is_shared(lock) ? condvar_shared_lock_recover(lock) : EINVAL;
}

/* ---- src/mutex.c ---- */

/*
 * The private lock's word, as bits (mutex.h):
 *
 *      0                       free
 *      HELD                    held, nobody sleeps
 *      HELD|SLEEPERS           held, and a release must wake one that sleeps on the word
 *           SLEEPERS           free, with sleepers left asleep: a notified waiter was let go instead, and
 *                              its release will see to them
 *      ...|FIFO                the same, with overtaking forbidden
 *      ...|process * TASKS     the same, and that process's next release drains lock->tasks (task.c); free only
 *                              with FIFO, or with a process that has nothing to do here
 *      HELD|DEAD               destroyed, for ever
 *
 * Who sleeps on the word has set SLEEPERS before. A release that wakes one clears the bit, so that releases
 * until then wake nobody; a thread that has slept sets it again when it takes the lock, when it goes back to
 * sleep and when it gives up, since it does not know who else sleeps. So:
 *
 *      (1) If a thread sleeps on the word, then SLEEPERS is set, or a thread is awake that will set it or
 *          has been woken and will take the lock.
 *
 * Overtaking makes a lock fast, since it is not idle while a woken thread is on its way, and starves. A
 * thread that has slept, and is overtaken though it has waited for TUNING_PATIENCE_NS, sets FIFO. From then
 * on only threads that have slept take the lock, mostly in the order in which the system wakes them, and
 * waiters that are let go; newcomers queue up. The thread that has set FIFO clears it. While FIFO is set
 * and the lock is free, then
 *
 *      (2) a thread that may take the lock is awake: by (1), because whoever sets FIFO sets SLEEPERS with it
 *          and newcomers cannot take the lock without it.
 *
 * Waiters that a condition has notified do not sleep on the word but on their node, and are let go by a
 * release, one at a time (waiter.c). They may overtake newcomers even under FIFO. When there is somebody
 * to let go and somebody asleep on the word too, the sleepers get every second release.
 *
 * A task that is let go does not come for the lock but is handed it, HELD staying set. Then a sleeper cannot
 * be woken to take it; so under FIFO, when by (2) somebody will come for a free lock, every second release
 * frees it and leaves the task to the next. And for FIFO to be set, every second hand-over before that wakes
 * a sleeper.
 */
/* ---- src/port_shared.h ---- */

#define CONDVAR_PORT_SHARED_H
/*
 * What COND_SHARED needs of a system, on top of port.h: a robust mutex in shared memory, which tells its
 * next holder that the last one died, and sleeping on a word in shared memory. A system that lacks either
 * links port/no_shared.c, where condvar_robust_init() answers ENOTSUP and nothing else is ever called.
 * The same memory may be mapped at different addresses, in one process too.
 */

#include <stdbool.h>
#include <stdint.h>

#ifndef CONDVAR_NO_SHARED

/* 0, ENOTSUP, or another error of the system. `mutex` is cond_lock_t.u_.robust. */
CONDVAR_INTERNAL int condvar_robust_init(void *mutex);
CONDVAR_INTERNAL void condvar_robust_destroy(void *mutex);

/* 0; EOWNERDEAD: held, and already fit for use again; EDEADLK: the caller has it; ETIMEDOUT. */
CONDVAR_INTERNAL int condvar_robust_acquire(void *mutex, int64_t deadline_ns);

/* 0, EPERM: the caller does not have it. */
CONDVAR_INTERNAL int condvar_robust_release(void *mutex);

/* As port_wait() and port_wake(), between processes. The latter returns how many it has woken. */
CONDVAR_INTERNAL void condvar_port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns);
CONDVAR_INTERNAL uint32_t condvar_port_wake_shared(const uint32_t *word, uint32_t condvar_count);

/* A number other than 0 that no two living processes share; a forked child has another than its parent.
   This one is called for private conditions too, to find out that they are used by two processes. Where there
   are no processes, port/no_process.c has it. */
CONDVAR_INTERNAL uint32_t condvar_port_process(void);

#else

static inline uint32_t condvar_port_process(void) { return 1; }

#endif

/* What a thread remembers while it waits for the lock. */
struct condvar_attempt {
    bool veteran;     /* has slept, on the word or in a condition: FIFO does not hold it back */
    bool slept;       /* has slept on the word: answers for SLEEPERS */
    bool fifo;        /* has set FIFO: answers for it */
    int64_t since_ns; /* when it first went to sleep, once it has slept */
};

/* The word with the caller's duties done: see (1), and FIFO's last sentence. */
static uint32_t condvar_settled(const struct condvar_attempt *self, uint32_t word)
{
    if (self->slept)
        word |= CONDVAR_MUTEX_SLEEPERS;
    if (self->fifo)
        word &= ~(uint32_t)CONDVAR_MUTEX_FIFO;
    return word;
}

static bool condvar_may_take(const struct condvar_attempt *self, uint32_t word)
{
    return !(word & CONDVAR_MUTEX_HELD) && (self->veteran || !(word & CONDVAR_MUTEX_FIFO));
}

/* Wait awake for a while: the lock is mostly held for less time than it takes to sleep. Acquire: partner is
   condvar_mutex_release(). */
static bool condvar_take_awake(struct condvar_attempt *self, uint32_t *word)
{
    for (unsigned i = 0; i != CONDVAR_TUNING_LOCK_SPIN; i++) {
        uint32_t old = condvar_a_load(word, relaxed);
        if (condvar_may_take(self, old) && condvar_a_cas_weak(word, &old, old | CONDVAR_MUTEX_HELD, acquire, relaxed))
            return true;
        condvar_a_pause();
    }
    return false;
}

static bool condvar_out_of_patience(struct condvar_attempt *self)
{
    if (!self->slept) {
        self->since_ns = port_now();
        return false;
    }
    return !self->fifo && port_now() - self->since_ns >= CONDVAR_TUNING_PATIENCE_NS;
}

int condvar_mutex_acquire_contended(cond_lock_t *lock, int64_t deadline_ns, bool veteran)
{
    uint32_t *word = &lock->u_.local.as.mine.word;
    struct condvar_attempt self = {.veteran = veteran};

    CONDVAR_PROBE_CONTENDED(lock, deadline_ns, veteran);
    if (deadline_ns != CONDVAR_DEADLINE_PASSED && condvar_take_awake(&self, word))
        return 0;
    for (;;) {
        uint32_t old = condvar_a_load(word, relaxed);
        if (old & CONDVAR_MUTEX_DEAD)
            return EINVAL;
        if (condvar_may_take(&self, old)) {
            /* Acquire: partner is condvar_mutex_release(). */
            if (condvar_a_cas_weak(word, &old, condvar_settled(&self, old | CONDVAR_MUTEX_HELD), acquire, relaxed))
                return 0;
        } else if (condvar_deadline_passed(deadline_ns)) {
            /* Relaxed, as all below: the bits carry no data. */
            bool indebted = self.slept || self.fifo;
            if (!indebted || condvar_a_cas_weak(word, &old, condvar_settled(&self, old), relaxed, relaxed))
                return ETIMEDOUT;
        } else {
            uint32_t marked = old | CONDVAR_MUTEX_SLEEPERS;
            bool fifo = condvar_out_of_patience(&self) && !(old & CONDVAR_MUTEX_FIFO);
            if (fifo)
                marked |= CONDVAR_MUTEX_FIFO;
            if (marked != old && !condvar_a_cas_weak(word, &old, marked, relaxed, relaxed))
                continue;
            self.fifo = self.fifo || fifo;
            port_wait(word, marked, deadline_ns);
            self.slept = self.veteran = true;
        }
    }
}

/* Whether to leave the lock to those who sleep on the word, though a task comes next. */
static bool condvar_leave_to_sleepers(cond_lock_t *lock, uint32_t word)
{
    const struct cond_waiter *next = condvar_waiter_first(lock);
    if (!(word & CONDVAR_MUTEX_FIFO) || next == NULL || !condvar_waiter_is_task(next))
        return false;
    lock->flags_ ^= CONDVAR_LOCK_SLEEPERS_TURN;
    return !(lock->flags_ & CONDVAR_LOCK_SLEEPERS_TURN);
}

/* The lock was handed to a task. Somebody who sleeps on the word must wake up now and then to find out that
   it is out of patience: every second time. Its callback is still to come, so the lock stays. Relaxed: HELD
   stays. */
static void condvar_wake_beside_task(cond_lock_t *lock, uint32_t old)
{
    uint32_t *word = &lock->u_.local.as.mine.word;
    if ((old & (CONDVAR_MUTEX_SLEEPERS | CONDVAR_MUTEX_FIFO)) != CONDVAR_MUTEX_SLEEPERS)
        return;
    lock->flags_ ^= CONDVAR_LOCK_SLEEPERS_TURN;
    if (lock->flags_ & CONDVAR_LOCK_SLEEPERS_TURN)
        return;
    while (!condvar_a_cas_weak(word, &old, old & ~(uint32_t)CONDVAR_MUTEX_SLEEPERS, relaxed, relaxed))
        ;
    port_wake(word, 1);
}

/* Who is let go by this release, or NULL. A task has the lock then. */
static struct cond_waiter *condvar_pick(cond_lock_t *lock, struct condvar_task_calls *calls)
{
    struct cond_waiter *next;
    do
        next = condvar_waiter_pick(lock);
    while (next != NULL && condvar_waiter_is_task(next) && !condvar_task_take(next, lock, calls));
    return next;
}

/* Whether tasks of this process want the lock. Those of others are no business of ours (waiter_are_ours). */
static bool condvar_have_tasks(uint32_t word)
{
#ifdef CONDVAR_NO_TASKS
    (void)word;
    return false;
#else
    return word >= CONDVAR_MUTEX_TASKS && word / CONDVAR_MUTEX_TASKS == condvar_port_process();
#endif
}

void condvar_mutex_release_contended(cond_lock_t *lock)
{
    uint32_t *word = &lock->u_.local.as.mine.word;
    struct condvar_task_calls calls = CONDVAR_TASK_NO_CALLS;
    struct cond_waiter *next = NULL;
    bool both_turn = false;
    bool wake_sleeper = false;
    uint32_t freed;
    uint32_t old = condvar_a_load(word, relaxed);
    for (;;) {
        if (condvar_have_tasks(old)) {
            /* Acquire: partner is condvar_mutex_knock(). */
            if (!condvar_a_cas_weak(word, &old, old % CONDVAR_MUTEX_TASKS, acquire, relaxed))
                continue;
            old %= CONDVAR_MUTEX_TASKS;
            condvar_task_drain(lock);
        }
        if (next == NULL && !condvar_leave_to_sleepers(lock, old)) {
            next = condvar_pick(lock, &calls);
            if (next != NULL && condvar_waiter_is_task(next)) {
                condvar_wake_beside_task(lock, old);
                condvar_task_call(&calls);
                return;
            }
            both_turn = (lock->flags_ & CONDVAR_LOCK_SLEEPERS_TURN) != 0;
            if (next != NULL)
                lock->flags_ ^= CONDVAR_LOCK_SLEEPERS_TURN;
        }
        wake_sleeper = (old & CONDVAR_MUTEX_SLEEPERS) && (next == NULL || both_turn);
        freed = old - old % CONDVAR_MUTEX_TASKS + (old & CONDVAR_MUTEX_FIFO);
        if (!wake_sleeper)
            freed |= old & CONDVAR_MUTEX_SLEEPERS;
        /* Release: partner is the acquire of the next holder, who may destroy the lock. So from here on
           the lock is an address, and nothing in it is looked at. */
        if (condvar_a_cas_weak(word, &old, freed, release, relaxed))
            break;
    }
    if (next != NULL)
        condvar_park_wake(next);
    if (wake_sleeper)
        port_wake(word, 1);
    condvar_task_call(&calls);
}

#ifndef CONDVAR_NO_TASKS
void condvar_mutex_knock(cond_lock_t *lock)
{
    uint32_t *word = &lock->u_.local.as.mine.word;
    uint32_t knock = condvar_port_process() * CONDVAR_MUTEX_TASKS;
    uint32_t old = condvar_a_load(word, relaxed);
    for (;;) {
        uint32_t knocked = old % CONDVAR_MUTEX_TASKS | knock;
        if (old & CONDVAR_MUTEX_DEAD) {
            condvar_task_abandon(lock);
            return;
        }
        if (old & (CONDVAR_MUTEX_HELD | CONDVAR_MUTEX_FIFO)) {
            /* Release: partner is the release of the lock, which is then to see the task. */
            if (condvar_a_cas_weak(word, &old, knocked, release, relaxed))
                return;
            /* Acquire: partner is condvar_mutex_release(), as for any holder. */
        } else if (condvar_a_cas_weak(word, &old, knocked | CONDVAR_MUTEX_HELD, acq_rel, relaxed)) {
            condvar_mutex_release_contended(lock);
            return;
        }
    }
}
#endif

/* Acquire: partner is condvar_mutex_knock(). Who knocks later finds DEAD. */
void condvar_mutex_kill(cond_lock_t *lock)
{
    uint32_t *word = &lock->u_.local.as.mine.word;
    uint32_t old = condvar_a_exchange(word, CONDVAR_MUTEX_HELD | CONDVAR_MUTEX_DEAD, acquire);
    if (condvar_have_tasks(old))
        condvar_task_abandon(lock);
    if (old & CONDVAR_MUTEX_SLEEPERS)
        port_wake(word, UINT32_MAX);
}

/* ---- src/rlock.c ---- */

/* Recursion over mutex.c. All functions: any thread; what they write is the caller's once it has the lock. */

static void condvar_set_owner(cond_lock_t *lock, uintptr_t owner, unsigned depth)
{
    condvar_a_store_ptr(&lock->u_.local.as.mine.owner, owner);
    if (depth > 1)
        condvar_a_store_32(&lock->depth_, depth - 1);
}

int condvar_rlock_acquire_slowly(cond_lock_t *lock, uintptr_t who, int64_t deadline_ns)
{
    if (condvar_rlock_owned_by(lock, who)) {
        uint32_t more = condvar_a_load_32(&lock->depth_);
        if (lock->kind_ == COND_MUTEX)
            return EDEADLK;
        if (more == COND_DEPTH_MAX - 1)
            return EAGAIN;
        condvar_a_store_32(&lock->depth_, more + 1);
        return 0;
    }
    int error = condvar_mutex_acquire_contended(lock, deadline_ns, false);
    if (error == 0)
        condvar_set_owner(lock, who, 1);
    return error;
}

unsigned condvar_rlock_release_save(cond_lock_t *lock, uintptr_t who)
{
    if (!condvar_rlock_owned_by(lock, who))
        return 0;
    unsigned depth = condvar_rlock_depth(lock);
    condvar_a_store_ptr(&lock->u_.local.as.mine.owner, 0);
    if (depth > 1)
        condvar_a_store_32(&lock->depth_, 0);
    condvar_mutex_release(lock);
    return depth;
}

void condvar_rlock_acquire_restore(cond_lock_t *lock, uintptr_t who, unsigned depth)
{
    if (CONDVAR_SMALL || !condvar_mutex_try(lock))
        (void)condvar_mutex_acquire_contended(lock, COND_FOREVER, true);
    condvar_set_owner(lock, who, depth);
}

#ifndef CONDVAR_NO_TASKS
void condvar_rlock_give(cond_lock_t *lock, uintptr_t who, unsigned depth)
{
    condvar_set_owner(lock, who, depth);
}
#endif

/* ---- src/shared.c ---- */

/*
 * COND_SHARED: the lock is a robust pthread mutex, and waiters are numbers instead of nodes, since a node on
 * a stack means nothing to another process, and is gone with a killed one.
 *
 * Each waiter draws a ticket when it arrives. A notify does not choose waiters; it grants that some of those
 * who have a ticket by now may go:
 *
 *      tickets    0 ......... free_below ......... notified_below ......... arrivals
 *                   may go        old: `grants`            new: not notified yet
 *                                 of them may go
 *
 * A waiter takes its grant with the lock held, on its way out. So a waiter that is killed before that, or
 * stopped, has taken nothing with it: the grant is there for the next. And a waiter that arrives after a
 * notify cannot take what was granted before it came, which is how notifications get stolen (glibc's bug
 * 25847). Only when a notify finds grants that nobody has taken yet, and newcomers too, all the old ones are
 * set free, so that the newcomers' notify cannot be taken by the old ones, nor theirs by newcomers: then more
 * wake than were asked for, never fewer. When as many are granted as there are waiters, all are set free too;
 * at this point waiters that have died without a word are forgotten.
 *
 * Waiters sleep in the kernel on `sequence`, which changes with each notify; its lowest bit says that some
 * may sleep. The kernel forgets who is killed. Whoever is woken looks whether there is something for it
 * (without the lock), and only then takes the lock. Three things can be lost to a kill, and only these: a
 * woken waiter does not come; a notifier has granted and not woken yet; a holder dies, and since all others
 * sleep nobody acquires the lock and is told. So sleepers look by themselves every TUNING_HEARTBEAT_NS: at
 * the grants, and whether the lock's holder lives.
 *
 * A waiter with a predicate takes the lock and looks for itself. If the predicate is false it leaves the
 * grant where it is and wakes the next sleeper; the kernel wakes in order, so the chain ends at a waiter that
 * has looked since that notify.
 *
 * A holder that is killed may leave the fields half changed. cond_recover() counts, and every condition of
 * the lock that finds the count changed sets all its waiters free and begins anew. (The count has six bits. A
 * condition on which nobody waits or notifies for exactly 64 recoveries misses them; its next notify_all
 * puts it right.)
 */
#ifndef CONDVAR_NO_SHARED

/* ---- The lock. Its flags are under the mutex, and `depth_` is written under it. ---- */

/* The flags as others may read them: relaxed, they are written under the mutex. */
static uint8_t condvar_flags_of(const cond_lock_t *lock)
{
    return condvar_a_load_8(&lock->flags_);
}

static uint16_t condvar_recoveries_of(const cond_lock_t *lock)
{
    return condvar_flags_of(lock) / CONDVAR_LOCK_RECOVERY;
}

static void *condvar_mutex_of(const cond_lock_t *lock)
{
    return (void *)(uintptr_t)lock->u_.robust;
}

int condvar_shared_lock_init(cond_lock_t *lock, unsigned flags)
{
    *lock = (cond_lock_t){.kind_ = (uint8_t)flags};
    int error = condvar_robust_init(condvar_mutex_of(lock));
    if (error != 0)
        lock->kind_ = CONDVAR_LOCK_DESTROYED;
    return error;
}

/* Get the mutex and see what its last holder left; 0 and EOWNERDEAD: held. */
static int condvar_enter(cond_lock_t *lock, int64_t deadline_ns)
{
    int error = condvar_robust_acquire(condvar_mutex_of(lock), deadline_ns);
    if (error == EOWNERDEAD)
        condvar_a_store_8(&lock->flags_, condvar_flags_of(lock) | CONDVAR_LOCK_OWNER_DIED);
    else if (error != 0)
        return error;
    if (condvar_flags_of(lock) & CONDVAR_LOCK_LOST) {
        (void)condvar_robust_release(condvar_mutex_of(lock));
        return ENOTRECOVERABLE;
    }
    return condvar_flags_of(lock) & CONDVAR_LOCK_OWNER_DIED ? EOWNERDEAD : 0;
}

/* The condition whose own lock this is: LOCK_OWN_SHARED. */
static cond_t *cond_of(cond_lock_t *lock)
{
    return (cond_t *)((uintptr_t)lock - offsetof(cond_t, own_));
}

/* By the owner. What notifies owe to sleepers is paid when the lock is free: woken before, they would only
   run into the lock, and on one core at once. The condition is used as an address only by then. */
static int condvar_unlock(cond_lock_t *lock)
{
    const uint32_t *sequence = NULL;
    uint16_t owed = 0;
    if (lock->kind_ & CONDVAR_LOCK_OWN_SHARED) {
        cond_t *cond = cond_of(lock);
        sequence = &cond->u_.shared.sequence;
        owed = cond->u_.shared.owed;
        cond->u_.shared.owed = 0;
    }
    int error = condvar_robust_release(condvar_mutex_of(lock));
    if (owed != 0)
        (void)condvar_port_wake_shared(sequence, owed < UINT16_MAX ? owed : UINT32_MAX);
    return error;
}

/* 0, EPERM. */
static int condvar_leave(cond_lock_t *lock)
{
    if (!condvar_shared_lock_owned(lock))
        return EPERM;
    if (condvar_flags_of(lock) & CONDVAR_LOCK_OWNER_DIED)
        condvar_a_store_8(&lock->flags_, condvar_flags_of(lock) | CONDVAR_LOCK_LOST);
    return condvar_unlock(lock);
}

int condvar_shared_lock_acquire(cond_lock_t *lock, int64_t deadline_ns)
{
    int error = condvar_enter(lock, deadline_ns);
    if (condvar_lock_is_held_after(error)) {
        condvar_a_store_32(&lock->depth_, 1);
    } else if (error == EDEADLK && !(lock->kind_ & COND_MUTEX)) {
        if (condvar_a_load_32(&lock->depth_) == COND_DEPTH_MAX)
            return EAGAIN;
        condvar_a_store_32(&lock->depth_, condvar_a_load_32(&lock->depth_) + 1);
        return 0;
    }
    return error;
}

int condvar_shared_lock_release(cond_lock_t *lock)
{
    /* Relaxed: for the owner the depth is its own; for others the mutex answers. */
    if (condvar_a_load_32(&lock->depth_) <= 1)
        return condvar_leave(lock);
    if (!condvar_shared_lock_owned(lock))
        return EPERM;
    condvar_a_store_32(&lock->depth_, condvar_a_load_32(&lock->depth_) - 1);
    return 0;
}

/* Try the mutex: EDEADLK is the caller's own. If it was free it is put back as it was; that its holder died
   is noted in the flags, for the next one. */
static int condvar_probe(const cond_lock_t *lock)
{
    cond_lock_t *tried = (cond_lock_t *)(uintptr_t)lock;
    int error = condvar_robust_acquire(condvar_mutex_of(lock), CONDVAR_DEADLINE_PASSED);
    if (error == EOWNERDEAD)
        condvar_a_store_8(&tried->flags_, condvar_flags_of(tried) | CONDVAR_LOCK_OWNER_DIED);
    if (condvar_lock_is_held_after(error))
        (void)condvar_robust_release(condvar_mutex_of(lock));
    return error;
}

bool condvar_shared_lock_owned(const cond_lock_t *lock)
{
    return condvar_probe(lock) == EDEADLK;
}

bool condvar_shared_lock_locked(const cond_lock_t *lock)
{
    return !condvar_lock_is_held_after(condvar_probe(lock));
}

int condvar_shared_lock_recover(cond_lock_t *lock)
{
    if (!(condvar_flags_of(lock) & CONDVAR_LOCK_OWNER_DIED))
        return EINVAL;
    condvar_a_store_8(&lock->flags_, (uint8_t)((condvar_flags_of(lock) & ~CONDVAR_LOCK_OWNER_DIED) + CONDVAR_LOCK_RECOVERY));
    return 0;
}

int condvar_shared_lock_destroy(cond_lock_t *lock)
{
    int error = condvar_robust_acquire(condvar_mutex_of(lock), CONDVAR_DEADLINE_PASSED);
    if (!condvar_lock_is_held_after(error))
        return EBUSY;
    if ((lock->kind_ & CONDVAR_LOCK_OWN_SHARED) && condvar_a_load_32(&cond_of(lock)->waiters_) != 0) {
        (void)condvar_unlock(lock); /* somebody has begun to wait in between */
        return EBUSY;
    }
    lock->kind_ = CONDVAR_LOCK_DESTROYED;
    (void)condvar_robust_release(condvar_mutex_of(lock));
    condvar_robust_destroy(condvar_mutex_of(lock));
    return 0;
}

/* ---- The condition. Under the lock, except where it says otherwise. ---- */

enum { CONDVAR_SEQUENCE_SLEEPERS = 1, CONDVAR_SEQUENCE_STEP = 2 };

/* Tickets wrap; a is before b if it is less than half the numbers away. */
static bool condvar_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

static void condvar_count_waiters(cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    condvar_a_store_32(&cond->waiters_, queue->old_waiters + queue->new_waiters - queue->grants);
}

/* Wake up to n sleepers, if there may be any: by the release of the condition's own lock, or now. Relaxed, here
   and where waiters announce themselves: what makes this safe is that the kernel compares the word again
   when they go to sleep. */
static void condvar_wake(cond_t *cond, uint32_t n, uint32_t announced)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (!(announced & CONDVAR_SEQUENCE_SLEEPERS))
        return;
    if (cond->lock_ != NULL)
        (void)condvar_port_wake_shared(&queue->sequence, n);
    else
        queue->owed = (uint16_t)(n < (uint32_t)UINT16_MAX - queue->owed ? queue->owed + n : UINT16_MAX);
}

/* Change the sequence, so that nobody falls asleep who has not seen this, and wake up to n. Only when all
   are woken nobody is left who sleeps. */
static void condvar_announce(cond_t *cond, uint32_t n)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    uint32_t old = condvar_a_load(&queue->sequence, relaxed);
    uint32_t next;
    do
        next = (n == UINT32_MAX ? old & ~(uint32_t)CONDVAR_SEQUENCE_SLEEPERS : old) + CONDVAR_SEQUENCE_STEP;
    /* Release: partner is the acquire in condvar_sleep_until_granted(); who sees it, sees the grants. */
    while (!condvar_a_cas_weak(&queue->sequence, &old, next, release, relaxed));
    condvar_wake(cond, n, old);
}

/* Everybody who has a ticket by now may go; the counts begin anew. */
static void condvar_set_all_free(cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    /* In this order: a kill in between takes nothing from anybody. */
    condvar_a_store(&queue->free_below, queue->arrivals, relaxed);
    condvar_a_store(&queue->notified_below, queue->arrivals, relaxed);
    condvar_a_store(&queue->grants, 0, relaxed);
    queue->old_waiters = queue->new_waiters = 0;
}

void condvar_shared_repair(cond_t *cond, cond_lock_t *lock)
{
    condvar_a_store_16(&cond->u_.shared.recoveries, condvar_recoveries_of(lock));
    condvar_set_all_free(cond);
    condvar_count_waiters(cond);
    condvar_announce(cond, UINT32_MAX);
}

static void condvar_repair_if_needed(cond_t *cond, cond_lock_t *lock)
{
    if (condvar_a_load_16(&cond->u_.shared.recoveries) != condvar_recoveries_of(lock))
        condvar_shared_repair(cond, lock);
}

void condvar_shared_notify(cond_t *cond, cond_lock_t *lock, size_t n)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    uint32_t waiting, woken = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    CONDVAR_PROBE_NOTIFY(cond, lock, n);
    condvar_repair_if_needed(cond, lock);
    waiting = queue->old_waiters + queue->new_waiters;
    if (n == 0 || waiting == 0)
        return;
    if (queue->grants > 0 && queue->new_waiters > 0) {
        condvar_a_store(&queue->free_below, queue->notified_below, relaxed);
        condvar_a_store(&queue->grants, 0, relaxed);
        queue->old_waiters = 0;
        waiting = queue->new_waiters;
        woken = UINT32_MAX;
    }
    if (n >= waiting - queue->grants) {
        condvar_set_all_free(cond);
        woken = UINT32_MAX;
    } else {
        condvar_a_store(&queue->grants, queue->grants + (uint32_t)n, relaxed);
        condvar_a_store(&queue->notified_below, queue->arrivals, relaxed);
        queue->old_waiters = waiting;
        queue->new_waiters = 0;
    }
    condvar_count_waiters(cond);
    condvar_announce(cond, woken);
}

/* What a waiter carries. */
struct condvar_ticket {
    uint32_t number;
    uint32_t looked; /* the sequence at which its predicate was last false */
    bool has_looked;
};

static void condvar_arrive(struct condvar_ticket *condvar_ticket, cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (queue->arrivals - queue->free_below > UINT32_MAX / 4) {
        /* Tickets wrap, so none may grow too old: once in a billion waits all are set free. */
        bool anybody = queue->old_waiters + queue->new_waiters > 0;
        condvar_set_all_free(cond);
        if (anybody)
            condvar_announce(cond, UINT32_MAX);
    }
    condvar_ticket->number = queue->arrivals++;
    condvar_ticket->has_looked = false;
    queue->new_waiters++;
    condvar_count_waiters(cond);
}

enum condvar_claim { CONDVAR_NOTHING, CONDVAR_GRANT, CONDVAR_FREE };

/* What there is for this ticket. Without the lock it is a guess, to be made sure of with it: grants last. */
static enum condvar_claim condvar_claim_of(const struct condvar_ticket *condvar_ticket, cond_t *cond)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (condvar_before(condvar_ticket->number, condvar_a_load(&queue->free_below, relaxed)))
        return CONDVAR_FREE;
    if (condvar_before(condvar_ticket->number, condvar_a_load(&queue->notified_below, relaxed)) &&
        condvar_a_load(&queue->grants, relaxed) > 0)
        return CONDVAR_GRANT;
    return CONDVAR_NOTHING;
}

/* Leave with what there was. */
static void condvar_depart(const struct condvar_ticket *condvar_ticket, cond_t *cond, enum condvar_claim condvar_claim)
{
    struct cond_shared_queue_ *queue = &cond->u_.shared;
    if (condvar_claim == CONDVAR_FREE)
        return; /* no longer counted */
    if (condvar_before(condvar_ticket->number, queue->notified_below))
        queue->old_waiters--;
    else
        queue->new_waiters--;
    if (condvar_claim == CONDVAR_GRANT)
        condvar_a_store(&queue->grants, queue->grants - 1, relaxed);
    else if (queue->grants > queue->old_waiters)
        condvar_a_store(&queue->grants, queue->old_waiters, relaxed);
    condvar_count_waiters(cond);
}

/* Without the lock: until there seems to be something for this ticket, or the deadline has passed. */
static void condvar_sleep_until_granted(const struct condvar_ticket *condvar_ticket, cond_t *cond, cond_lock_t *lock,
                                int64_t deadline_ns)
{
    uint32_t *sequence = &cond->u_.shared.sequence;
    uint32_t spins = deadline_ns == CONDVAR_DEADLINE_PASSED ? 0 : condvar_spin_budget(lock);
    uint32_t spun = 0;
    for (;;) {
        /* Acquire: partner is condvar_announce(). */
        uint32_t seen = condvar_a_load(sequence, acquire);
        enum condvar_claim condvar_claim = condvar_claim_of(condvar_ticket, cond);
        bool looked = condvar_ticket->has_looked && (seen & ~(uint32_t)CONDVAR_SEQUENCE_SLEEPERS) == condvar_ticket->looked;
        if (condvar_claim == CONDVAR_FREE || (condvar_claim == CONDVAR_GRANT && !looked)) {
            if (spun > 0 && spun < spins)
                condvar_spin_rewarded(lock, spun);
            return;
        }
        if (condvar_deadline_passed(deadline_ns))
            return;
        /* Relaxed: a recover is seen at the latest at the next heartbeat. */
        if (condvar_a_load_16(&cond->u_.shared.recoveries) != condvar_recoveries_of(lock))
            return;
        if (spun < spins) {
            spun++;
            condvar_a_pause();
            if (spun == spins)
                condvar_spin_in_vain(lock, spins);
            continue;
        }
        if (spins == 0 && spun == 0) {
            spun++; /* so that waiting awake is tried again some time */
            condvar_spin_in_vain(lock, 0);
        }
        if (!(seen & CONDVAR_SEQUENCE_SLEEPERS)) {
            if (!condvar_a_cas(sequence, &seen, seen | CONDVAR_SEQUENCE_SLEEPERS, relaxed, relaxed))
                continue;
            seen |= CONDVAR_SEQUENCE_SLEEPERS;
        }
        int64_t heartbeat_ns = port_now() + CONDVAR_TUNING_HEARTBEAT_NS;
        condvar_port_wait_shared(sequence, seen, heartbeat_ns < deadline_ns ? heartbeat_ns : deadline_ns);
        if (port_now() >= heartbeat_ns) {
            (void)condvar_probe(lock);
            if (condvar_flags_of(lock) & CONDVAR_LOCK_OWNER_DIED) /* (which stays when it is lost) */
                return;
        }
    }
}

int condvar_shared_wait(cond_t *cond, cond_lock_t *lock, cond_pred_t *pred, void *arg, int64_t deadline_ns)
{
    struct condvar_ticket condvar_ticket;
    unsigned depth = condvar_a_load_32(&lock->depth_);
    if (condvar_flags_of(lock) & CONDVAR_LOCK_OWNER_DIED)
        return EOWNERDEAD; /* recover first: to wait is to release */
    condvar_repair_if_needed(cond, lock);
    condvar_arrive(&condvar_ticket, cond);
    for (;;) {
        (void)condvar_unlock(lock);
        condvar_sleep_until_granted(&condvar_ticket, cond, lock, deadline_ns);
        int error = condvar_enter(lock, COND_FOREVER);
        if (!condvar_lock_is_held_after(error))
            return error;
        condvar_a_store_32(&lock->depth_, depth);
        if (error != 0)
            return error; /* recover will set everything right, this waiter's count too */
        condvar_repair_if_needed(cond, lock);

        enum condvar_claim condvar_claim = condvar_claim_of(&condvar_ticket, cond);
        bool content = pred != NULL ? pred(arg) : condvar_claim != CONDVAR_NOTHING;
        bool expired = !content && condvar_deadline_passed(deadline_ns);
        if (content || expired) {
            condvar_depart(&condvar_ticket, cond, content || condvar_claim == CONDVAR_FREE ? condvar_claim : CONDVAR_NOTHING);
            if (expired && condvar_claim == CONDVAR_GRANT)
                condvar_wake(cond, 1, condvar_a_load(&cond->u_.shared.sequence, relaxed));
            return content ? 0 : ETIMEDOUT;
        }
        if (condvar_claim == CONDVAR_FREE)
            condvar_arrive(&condvar_ticket, cond); /* set free for nothing: its predicate is false */
        condvar_ticket.looked = condvar_a_load(&cond->u_.shared.sequence, relaxed) & ~(uint32_t)CONDVAR_SEQUENCE_SLEEPERS;
        condvar_ticket.has_looked = true;
        if (condvar_claim == CONDVAR_GRANT)
            condvar_wake(cond, 1, condvar_a_load(&cond->u_.shared.sequence, relaxed));
    }
}

#else
typedef int condvar_no_shared; /* ISO C wants a declaration in each file */
#endif

/* ---- src/task.c ---- */

/*
 * Tasks: waiters that are called back instead of woken up (condvar.h). In a condition's queue and in the
 * lock's, a task is a waiter like any other. What is different is how it gets the lock:
 *
 *      cond_task_acquire,        lock->tasks          lock->notified
 *      cond_task_cancel   ---->  a stack, latest ---> in order  --------->  owner = task, ready(task, result)
 *      (without the lock) push   first         drain            pick
 *                                              `----- by the holder, in a release -----'
 *
 * A thread sleeps until the lock is free. A task can't, so it leaves word, and whoever releases the lock does
 * not free it but makes the task its owner. Tasks come without the lock, so the stack they join is the one
 * place that the lock does not protect: push is a compare-exchange, and only the holder takes things out, all
 * at once.
 *
 * The first to join an empty stack knocks (mutex.c): it marks the lock's word, so that the holder's release
 * drains the stack, or takes the free lock itself and releases it at once, with the same effect. Those who
 * find others there leave that to the first. So there is one knock for each time that the stack is
 * drained, it comes after the push and before the drain, and until then no task of that stack can be
 * let go: the lock is safe from destruction until the knock, the last access of a joining task.
 *
 * `state` of a task's waiter is what its holder and a cancel race for:
 *
 *      CHOSEN ----(request)---> 0 or ACQUIRES ----(holder)---> CHOSEN                    result 0
 *                                     |
 *                                     +--(cancel)---> EXPIRED ----(holder)---> CHOSEN    result ECANCELED
 *
 *
 * Callbacks are called in a loop, in condvar_task_call(), and what they set off in turn is called by the same loop,
 * after they have returned: the stack does not grow. The loop knows that it is there by port_local(). A
 * request is such a loop, too, and the task knows it: so what comes of the request within its call is
 * returned by it.
 */
#ifndef CONDVAR_NO_TASKS

_Static_assert(sizeof(void *) != 8 || sizeof(cond_task_t) <= 96, "a task is at most 96 bytes");

static uintptr_t condvar_owner_of(const cond_task_t *task)
{
    return (uintptr_t)task | CONDVAR_RLOCK_TASK;
}

static struct cond_task *condvar_task_of(struct cond_waiter *waiter)
{
    return (struct cond_task *)((uintptr_t)waiter - offsetof(struct cond_task, waiter_));
}

/* ---- Callbacks ---- */

/* The loop that calls. */
struct condvar_loop {
    struct condvar_task_calls calls;
    const cond_task_t *caller; /* whose request this is, or NULL */
    int result;                /* of it: EINPROGRESS until it is known */
};

static void condvar_append_call(struct condvar_task_calls *calls, struct cond_task *task)
{
    task->next_ = NULL;
    if (calls->condvar_first == NULL)
        calls->condvar_first = task;
    else
        calls->last->next_ = task;
    calls->last = task;
}

static struct cond_task *condvar_take_call(struct condvar_task_calls *calls)
{
    struct cond_task *task = calls->condvar_first;
    if (task != NULL)
        calls->condvar_first = task->next_;
    return task;
}

static bool condvar_begin_loop(struct condvar_loop *condvar_loop)
{
    void **current = port_local();
    if (*current != NULL)
        return false;
    *current = condvar_loop;
    return true;
}

/* After `ready` a task is not touched: it may be gone. So may the loop's caller by now, and another task be
   at its address, or the caller may have made another request elsewhere: but only a request that was made in
   this very loop names it, since no other loop has its address meanwhile. */
static void condvar_end_loop(struct condvar_loop *condvar_loop)
{
    struct cond_task *task;
    while ((task = condvar_take_call(&condvar_loop->calls)) != NULL) {
        /* Relaxed: the holder, this thread, has decided it. */
        int result = condvar_a_load(&task->waiter_.state, relaxed) & CONDVAR_WAITER_EXPIRED ? ECANCELED : 0;
        if (task == condvar_loop->caller && task->loop_ == condvar_loop)
            condvar_loop->result = result;
        else
            task->ready_(task, result);
    }
    *port_local() = NULL;
}

void condvar_task_call(struct condvar_task_calls *calls)
{
    struct cond_task *task;
    if (calls->condvar_first == NULL)
        return;
    struct condvar_loop mine = {.caller = NULL};
    bool is_mine = condvar_begin_loop(&mine);
    struct condvar_loop *condvar_loop = *port_local();
    while ((task = condvar_take_call(calls)) != NULL)
        condvar_append_call(&condvar_loop->calls, task);
    if (is_mine)
        condvar_end_loop(&mine);
}

/* ---- Requests ---- */

/* Release: partner is the acquire in cond_task_cancel(), which needs the lock's address. */
static void condvar_begin_request(cond_task_t *task, cond_lock_t *lock, void *condvar_loop, uint32_t acquires, uint32_t depth)
{
    task->lock_ = lock;
    task->loop_ = condvar_loop;
    task->waiter_.where = CONDVAR_WAITER_NOWHERE;
    task->waiter_.passes_on = false;
    condvar_a_store(&task->waiter_.state, depth * CONDVAR_WAITER_DEPTH | acquires, release);
}

/* By the task, or by who cancels it: join those that want the lock. The task may be let go, and gone, as soon
   as it has joined; and the lock after the knock. Release: partner is condvar_task_drain(). */
static void condvar_join(cond_task_t *task, cond_lock_t *lock)
{
    struct cond_task **stack = &lock->u_.local.as.mine.tasks;
    uintptr_t latest = condvar_a_load_ptr(stack);
    do
        task->next_ = (struct cond_task *)latest;
    while (!condvar_a_cas_ptr_weak(stack, &latest, (uintptr_t)task, release, relaxed));
    if (latest == 0)
        condvar_mutex_knock(lock);
}

void condvar_task_drain(cond_lock_t *lock)
{
    /* Acquire: partner is condvar_join(). */
    struct cond_task *latest =
        (struct cond_task *)condvar_a_exchange_ptr(&lock->u_.local.as.mine.tasks, 0, acquire);
    struct cond_task *earliest = NULL;
    while (latest != NULL) {
        struct cond_task *condvar_before = latest->next_;
        latest->next_ = earliest;
        earliest = latest;
        latest = condvar_before;
    }
    for (struct cond_task *task = earliest; task != NULL; task = task->next_) {
        struct cond_waiter *waiter = &task->waiter_;
        /* Relaxed: this bit is fixed. */
        if (!(condvar_a_load(&waiter->state, relaxed) & CONDVAR_WAITER_ACQUIRES)) {
            condvar_waiter_leave(waiter, lock); /* a wait that was cancelled */
            condvar_waiter_pass_on(waiter, lock);
        }
        condvar_waiter_want_lock(waiter, lock);
    }
}

void condvar_task_abandon(cond_lock_t *lock)
{
    struct condvar_task_calls calls = CONDVAR_TASK_NO_CALLS;
    /* Acquire: partner is condvar_join(). */
    struct cond_task *task = (struct cond_task *)condvar_a_exchange_ptr(&lock->u_.local.as.mine.tasks, 0, acquire);
    while (task != NULL) {
        struct cond_task *condvar_before = task->next_;
        /* Relaxed: a cancel at the same time has the same outcome. */
        condvar_a_store(&task->waiter_.state, CONDVAR_WAITER_EXPIRED | CONDVAR_WAITER_CHOSEN, relaxed);
        condvar_append_call(&calls, task);
        task = condvar_before;
    }
    condvar_task_call(&calls);
}

bool condvar_task_take(struct cond_waiter *waiter, cond_lock_t *lock, struct condvar_task_calls *calls)
{
    struct cond_task *task = condvar_task_of(waiter);
    /* Relaxed, as in condvar_beat_deadline(). Partner: cond_task_cancel(). */
    uint32_t state = condvar_a_load(&waiter->state, relaxed);
    while (!(state & CONDVAR_WAITER_CHOSEN) &&
           !condvar_a_cas_weak(&waiter->state, &state, state | CONDVAR_WAITER_CHOSEN, relaxed, relaxed))
        ;
    bool acquires = (state & CONDVAR_WAITER_ACQUIRES) != 0;
    bool given_up = acquires && (state & CONDVAR_WAITER_EXPIRED);
    if (!given_up)
        condvar_rlock_give(lock, condvar_owner_of(task), state / CONDVAR_WAITER_DEPTH);
    if (!acquires)
        condvar_waiter_end(lock);
    condvar_append_call(calls, task);
    return !given_up;
}

/* ---- The calls of the header ---- */

int cond_task_init(cond_task_t *task, cond_task_ready_t *ready, void *user)
{
    if (task == NULL || ready == NULL)
        return EINVAL;
    *task = (cond_task_t){
        .waiter_ = {.state = CONDVAR_WAITER_CHOSEN, .timed = 1, .task = 1}, .ready_ = ready, .user_ = user};
    return 0;
}

void *cond_task_user(const cond_task_t *task)
{
    return task != NULL ? task->user_ : NULL;
}

/* The lock that a task can use. */
static int condvar_usable_lock(cond_t *cond, const cond_task_t *task, cond_lock_t **lock)
{
    *lock = cond_valid_lock(cond);
    if (*lock == NULL || task == NULL || task->ready_ == NULL)
        return EINVAL;
    return condvar_lock_is_private(*lock) ? 0 : ENOTSUP;
}

/* The same for the owner of the lock. */
static int condvar_held_lock_of(cond_t *cond, const cond_task_t *task, cond_lock_t **lock)
{
    int error = condvar_usable_lock(cond, task, lock);
    if (error != 0)
        return error;
    if (!condvar_rlock_owned_by(*lock, condvar_owner_of(task)))
        return EPERM;
    return condvar_waiter_are_ours(cond, *lock) ? 0 : EINVAL;
}

/* Relaxed: only the task's own calls begin a request, and a request that has ended does not begin again. */
static bool condvar_is_busy(const cond_task_t *task)
{
    return !(condvar_a_load(&task->waiter_.state, relaxed) & CONDVAR_WAITER_CHOSEN);
}

/* Make a request and see whether its outcome is known at the end: `act` joins a queue. */
static int condvar_request(cond_t *cond, cond_task_t *task, cond_lock_t *lock, uint32_t acquires)
{
    struct condvar_loop condvar_loop = {.caller = task, .result = EINPROGRESS};
    bool is_mine = condvar_begin_loop(&condvar_loop);
    condvar_begin_request(task, lock, is_mine ? &condvar_loop : NULL, acquires, acquires ? 1 : condvar_rlock_depth(lock));
    if (acquires) {
        condvar_join(task, lock);
    } else {
        task->waiter_.cond = cond;
        condvar_waiter_arrive(&task->waiter_, lock);
        (void)condvar_rlock_release_save(lock, condvar_owner_of(task));
    }
    if (is_mine)
        condvar_end_loop(&condvar_loop);
    return condvar_loop.result;
}

int cond_task_acquire(cond_t *cond, cond_task_t *task)
{
    cond_lock_t *lock;
    int error = condvar_usable_lock(cond, task, &lock);
    if (error != 0)
        return error;
    if (condvar_is_busy(task))
        return EBUSY;
    error = condvar_rlock_acquire(lock, condvar_owner_of(task), CONDVAR_DEADLINE_PASSED);
    return error == ETIMEDOUT ? condvar_request(cond, task, lock, CONDVAR_WAITER_ACQUIRES) : error;
}

static int condvar_wait_as_task(cond_t *cond, cond_task_t *task, cond_pred_t *pred, void *arg)
{
    cond_lock_t *lock;
    int error = condvar_held_lock_of(cond, task, &lock);
    if (error != 0)
        return error;
    if (condvar_is_busy(task))
        return EBUSY;
    if (pred != NULL && pred(arg))
        return 0;
    task->waiter_.pred = pred;
    task->waiter_.arg = arg;
    return condvar_request(cond, task, lock, 0);
}

int cond_task_wait(cond_t *cond, cond_task_t *task)
{
    return condvar_wait_as_task(cond, task, NULL, NULL);
}

int cond_task_wait_for(cond_t *cond, cond_task_t *task, cond_pred_t *pred, void *arg)
{
    return pred != NULL ? condvar_wait_as_task(cond, task, pred, arg) : EINVAL;
}

int cond_task_release(cond_t *cond, cond_task_t *task)
{
    cond_lock_t *lock;
    int error = condvar_usable_lock(cond, task, &lock);
    return error != 0 ? error : condvar_rlock_release(lock, condvar_owner_of(task));
}

int cond_task_notify(cond_t *cond, cond_task_t *task, size_t n)
{
    cond_lock_t *lock;
    int error = condvar_held_lock_of(cond, task, &lock);
    if (error == 0)
        condvar_waiter_notify(cond, lock, n);
    return error;
}

int cond_task_notify_all(cond_t *cond, cond_task_t *task)
{
    cond_lock_t *lock;
    int error = condvar_held_lock_of(cond, task, &lock);
    if (error == 0)
        condvar_waiter_notify_all(cond, lock);
    return error;
}

int cond_task_cancel(cond_task_t *task)
{
    if (task == NULL || task->ready_ == NULL)
        return EINVAL;
    /* Acquire: partner is condvar_begin_request(). */
    uint32_t state = condvar_a_load(&task->waiter_.state, acquire);
    do {
        if (state & CONDVAR_WAITER_CHOSEN)
            return EINVAL;
        if (state & CONDVAR_WAITER_EXPIRED)
            return 0;
        /* Partners: condvar_task_take() and condvar_beat_deadline(). Exactly one succeeds; the other sees its bit. */
    } while (!condvar_a_cas_weak(&task->waiter_.state, &state, state | CONDVAR_WAITER_EXPIRED, acquire, acquire));
    /* An acquire is among those that want the lock, and may be gone. A wait stays until it has joined them. */
    if (!(state & CONDVAR_WAITER_ACQUIRES))
        condvar_join(task, task->lock_);
    return 0;
}

#else
typedef int condvar_no_tasks; /* ISO C wants a declaration in each file */
#endif

/* ---- src/text.c ---- */

/* What people read: cond_describe() and cond_strerror(). No stdio: it must work where there is none. */
#ifndef CONDVAR_NO_TEXT

/* Text that grows to the right of what fits: `length` counts on when `size` is reached. */
struct condvar_text {
    char *at;
    size_t size;
    size_t length;
};

static void condvar_put(struct condvar_text *condvar_text, const char *string)
{
    for (; *string != '\0'; string++, condvar_text->length++)
        if (condvar_text->length + 1 < condvar_text->size)
            condvar_text->at[condvar_text->length] = *string;
}

static void condvar_put_number(struct condvar_text *condvar_text, uintmax_t number, unsigned base)
{
    char digits[sizeof number * CHAR_BIT / 3 + 2];
    char *condvar_first = &digits[sizeof digits - 1];
    *condvar_first = '\0';
    do
        *--condvar_first = "0123456789abcdef"[number % base];
    while ((number /= base) != 0);
    condvar_put(condvar_text, condvar_first);
}

static void condvar_put_lock(struct condvar_text *condvar_text, const cond_lock_t *lock)
{
    condvar_put(condvar_text, cond_lock_locked(lock) ? "<locked " : "<unlocked ");
    if (condvar_lock_is_foreign(lock)) {
        condvar_put(condvar_text, "foreign lock at 0x");
        condvar_put_number(condvar_text, (uintptr_t)lock->u_.local.as.foreign.object, 16);
    } else {
        if (condvar_lock_is_shared(lock))
            condvar_put(condvar_text, "shared ");
        condvar_put(condvar_text, lock->kind_ & COND_MUTEX ? "mutex" : "rlock");
        if (condvar_lock_is_private(lock)) {
            uintptr_t owner = condvar_a_load_ptr(&lock->u_.local.as.mine.owner);
            condvar_put(condvar_text, owner & CONDVAR_RLOCK_TASK ? " owner=task at 0x" : " owner=0x");
            condvar_put_number(condvar_text, owner & ~(uintptr_t)CONDVAR_RLOCK_TASK, 16);
        }
        condvar_put(condvar_text, " depth=");
        condvar_put_number(condvar_text, condvar_lock_is_private(lock) ? condvar_rlock_depth(lock) : condvar_a_load_32(&lock->depth_), 10);
        condvar_put(condvar_text, " at 0x");
        condvar_put_number(condvar_text, (uintptr_t)lock, 16);
    }
    condvar_put(condvar_text, ">");
}

int cond_describe(const cond_t *cond, char *condvar_text, size_t size)
{
    const cond_lock_t *lock = cond_valid_lock(cond);
    if (lock == NULL || (condvar_text == NULL && size != 0))
        return -EINVAL;
    struct condvar_text out = {.at = condvar_text, .size = size};
    condvar_put(&out, "<cond(");
    condvar_put_lock(&out, lock);
    condvar_put(&out, ", ");
    condvar_put_number(&out, cond_waiters(cond), 10);
    condvar_put(&out, ")>");
    if (size != 0)
        condvar_text[out.length < size ? out.length : size - 1] = '\0';
    return (int)out.length;
}

const char *cond_strerror(int error)
{
    switch (error) {
    case 0: return "no error";
    case EINVAL: return "no such object: NULL, destroyed, or made from flags that do not exist";
    case EPERM: return "the calling thread does not hold the lock";
    case EDEADLK: return "the calling thread holds this mutex already, and it is not recursive";
    case EAGAIN: return "the recursive lock cannot be held any deeper";
    case EBUSY: return "held or waited on by somebody";
    case ETIMEDOUT: return "the time is over";
    case ENOTSUP: return "this version, or this system, cannot do that";
    case EOWNERDEAD: return "the lock is held now, but its last holder died with it: recover or give it up";
    case ENOTRECOVERABLE: return "the lock was given up after its holder had died";
    case EINPROGRESS: return "under way: the task will be told";
    case ECANCELED: return "the task was cancelled";
    default: return "not an error of this library";
    }
}

#else
typedef int condvar_no_text; /* ISO C wants a declaration in each file */
#endif

/* ---- src/waiter.c ---- */

/*
 * Who is let go next. waiter.h has the drawing. Invariants, whenever the lock is free:
 *
 * - cond->u_.local.waiters is in order of arrival, and holds exactly cond->waiters_ nodes.
 * - lock->u_.local.notified is in the order of notification.
 * - A node is in at most one of them, and `where` says in which.
 * - LOCK_IN_FLIGHT is set from the moment that a waiter is picked until that waiter has the lock.
 * - If lock->u_.local.notified is not empty then somebody holds the lock or is on its way to it, and will pick.
 * - A task in lock->u_.local.notified is handed the lock by whoever picks it, and is never in flight.
 */

/* ---- The circular queue: a queue is a pointer to its last node, or NULL. ---- */

static struct cond_waiter *condvar_first(struct cond_waiter *queue)
{
    return queue != NULL ? queue->next : NULL;
}

/* The node after this one in `queue`, or NULL. */
static struct cond_waiter *condvar_following(struct cond_waiter *queue, struct cond_waiter *waiter)
{
    return waiter != queue ? waiter->next : NULL;
}

/* Insert after `place`, or as the first where that is NULL. */
static void condvar_insert_after(struct cond_waiter **queue, struct cond_waiter *place, struct cond_waiter *waiter)
{
    if (*queue == NULL) {
        waiter->next = waiter->prev = waiter;
        *queue = waiter;
        return;
    }
    struct cond_waiter *condvar_before = place != NULL ? place : *queue;
    waiter->prev = condvar_before;
    waiter->next = condvar_before->next;
    condvar_before->next->prev = waiter;
    condvar_before->next = waiter;
    if (place == *queue)
        *queue = waiter;
}

static void condvar_append(struct cond_waiter **queue, struct cond_waiter *waiter)
{
    condvar_insert_after(queue, *queue, waiter);
}

static void condvar_unlink_from(struct cond_waiter **queue, struct cond_waiter *waiter)
{
    if (waiter->next == waiter) {
        *queue = NULL;
        return;
    }
    waiter->prev->next = waiter->next;
    waiter->next->prev = waiter->prev;
    if (*queue == waiter)
        *queue = waiter->prev;
}

/* ---- The condition's queue, with its count. ---- */

/* Relaxed: written under the lock only; cond_waiters() reads it at any time, as a glimpse. */
static void condvar_count(cond_t *cond, uint32_t difference)
{
    condvar_a_store_32(&cond->waiters_, condvar_a_load_32(&cond->waiters_) + difference);
}

static CONDVAR_INLINE void condvar_enqueue_after(cond_t *cond, struct cond_waiter *place, struct cond_waiter *waiter)
{
    condvar_insert_after(&cond->u_.local.waiters, place, waiter);
    waiter->where = CONDVAR_WAITER_QUEUED;
    waiter->passes_on = false;
    condvar_count(cond, 1);
}

static CONDVAR_INLINE void condvar_dequeue(cond_t *cond, struct cond_waiter *waiter)
{
    condvar_unlink_from(&cond->u_.local.waiters, waiter);
    waiter->where = CONDVAR_WAITER_NOWHERE;
    condvar_count(cond, (uint32_t)-1);
}

/* The process whose nodes are in the queue of a condition or a lock. Without COND_SHARED there is only one. */
#ifndef CONDVAR_NO_SHARED
#  define condvar_process_of(owner) ((owner)->u_.local.process)
#  define condvar_set_process(owner, number) ((owner)->u_.local.process = (number))
#else
#  define condvar_process_of(owner) ((void)(owner), condvar_port_process())
#  define condvar_set_process(owner, number) ((void)(owner), (void)(number))
#endif

static bool condvar_notified_are_ours(const cond_lock_t *lock)
{
    return !condvar_lock_is_private(lock) || lock->u_.local.notified == NULL ||
           condvar_process_of(lock) == condvar_port_process();
}

bool condvar_waiter_are_ours(const cond_t *cond, const cond_lock_t *lock)
{
    return (cond->u_.local.waiters == NULL || condvar_process_of(cond) == condvar_port_process()) &&
           condvar_notified_are_ours(lock);
}

void condvar_waiter_arrive(struct cond_waiter *waiter, cond_lock_t *lock)
{
    condvar_set_process(waiter->cond, condvar_port_process());
    condvar_a_store_32(&lock->u_.local.waits, condvar_a_load_32(&lock->u_.local.waits) + 1);
    waiter->arrival = waiter->cond->u_.local.arrivals++;
    condvar_enqueue_after(waiter->cond, waiter->cond->u_.local.waiters, waiter);
}

/* ---- Choosing ---- */

/* Decide that the waiter's deadline counts no longer; false if it has expired. Relaxed: what the winner
   and the loser do next, they do with the lock. Partner: the waiter's compare-exchange in condvar_park_sleep(). */
static bool condvar_beat_deadline(struct cond_waiter *waiter)
{
    if (!waiter->timed)
        return true;
    uint32_t state = condvar_a_load(&waiter->state, relaxed);
    do {
        if (state & (CONDVAR_WAITER_EXPIRED | CONDVAR_WAITER_CHOSEN))
            return (state & CONDVAR_WAITER_CHOSEN) != 0;
    } while (!condvar_a_cas_weak(&waiter->state, &state, state | CONDVAR_WAITER_CHOSEN, relaxed, relaxed));
    return true;
}

static bool condvar_has_expired(struct cond_waiter *waiter)
{
    return waiter->timed && (condvar_a_load(&waiter->state, relaxed) & CONDVAR_WAITER_EXPIRED) != 0;
}

enum { CONDVAR_UNCOUNTED = 0xFFFFFF }; /* cond_waiter.later, at most */

/* Move one waiter of a condition's queue to the lock's, unless it has expired: then it is in no queue, and
   has nothing to do with the condition any more. `later`: how many had arrived after it by then. */
static bool condvar_choose(struct cond_waiter *waiter, cond_lock_t *lock, bool passes_on, uint32_t later)
{
    uint32_t cond_process = condvar_process_of(waiter->cond);
    condvar_dequeue(waiter->cond, waiter);
    if (waiter->pred != NULL || condvar_waiter_is_task(waiter) ? condvar_has_expired(waiter) : !condvar_beat_deadline(waiter))
        return false;
    condvar_append(&lock->u_.local.notified, waiter);
    condvar_set_process(lock, cond_process);
    waiter->where = CONDVAR_WAITER_NOTIFIED;
    waiter->passes_on = passes_on;
    waiter->overtaken = false;
    waiter->later = later & CONDVAR_UNCOUNTED;
    return true;
}

/* How many have arrived after it. If they are too many to be counted, what it passes on may go to one that came
   after the notify. */
static uint32_t condvar_later_than(const struct cond_waiter *waiter)
{
    uint64_t later = waiter->cond->u_.local.arrivals - waiter->arrival - 1;
    return later < CONDVAR_UNCOUNTED ? (uint32_t)later : CONDVAR_UNCOUNTED;
}

void condvar_waiter_notify(cond_t *cond, cond_lock_t *lock, size_t n)
{
    CONDVAR_PROBE_NOTIFY(cond, lock, n);
    while (n > 0 && cond->u_.local.waiters != NULL) {
        struct cond_waiter *waiter = condvar_first(cond->u_.local.waiters);
        if (condvar_choose(waiter, lock, true, condvar_later_than(waiter)))
            n--;
    }
}

void condvar_waiter_notify_all(cond_t *cond, cond_lock_t *lock)
{
    CONDVAR_PROBE_NOTIFY(cond, lock, SIZE_MAX);
    while (cond->u_.local.waiters != NULL)
        (void)condvar_choose(condvar_first(cond->u_.local.waiters), lock, false, 0);
}

void condvar_waiter_pass_on(struct cond_waiter *waiter, cond_lock_t *lock)
{
    cond_t *cond = waiter->cond;
    if (!waiter->passes_on || cond->state_ != COND_ALIVE)
        return;
    waiter->passes_on = false;
    struct cond_waiter *next = waiter->where == CONDVAR_WAITER_QUEUED ? condvar_following(cond->u_.local.waiters, waiter)
                                                              : condvar_first(cond->u_.local.waiters);
    while (next != NULL) {
        struct cond_waiter *candidate = next;
        next = condvar_following(cond->u_.local.waiters, next);
        if (candidate->arrival <= waiter->arrival)
            continue;
        uint64_t distance = candidate->arrival - waiter->arrival;
        bool uncounted = waiter->later == CONDVAR_UNCOUNTED;
        if (!uncounted && distance > waiter->later)
            return;
        if (condvar_choose(candidate, lock, true, uncounted ? CONDVAR_UNCOUNTED : waiter->later - (uint32_t)distance))
            return;
    }
}

/* ---- Letting go ---- */

/*
 * Back to its place in the condition's queue, and what notify(n) gave it to the next. `hint` is a node that
 * was put back just before, or NULL: a broadcast to N waiters puts them back in order, so that each finds
 * its place at once.
 */
static void condvar_put_back(struct cond_waiter *waiter, cond_lock_t *lock, struct cond_waiter *hint)
{
    cond_t *cond = waiter->cond;
    struct cond_waiter *place = NULL;
    struct cond_waiter *next = condvar_first(cond->u_.local.waiters);
    if (hint != NULL && hint->cond == cond && hint->where == CONDVAR_WAITER_QUEUED && hint->arrival < waiter->arrival) {
        place = hint;
        next = condvar_following(cond->u_.local.waiters, hint);
    }
    while (next != NULL && next->arrival < waiter->arrival) {
        place = next;
        next = condvar_following(cond->u_.local.waiters, next);
    }
    bool passes_on = waiter->passes_on;
    condvar_enqueue_after(cond, place, waiter);
    waiter->passes_on = passes_on;
    condvar_waiter_pass_on(waiter, lock);
}

static struct cond_waiter *condvar_let_go(struct cond_waiter *waiter, cond_lock_t *lock)
{
    CONDVAR_PROBE_HANDOVER(waiter->cond, lock, waiter);
    condvar_unlink_from(&lock->u_.local.notified, waiter);
    waiter->where = CONDVAR_WAITER_NOWHERE;
    if (!condvar_waiter_is_task(waiter))
        lock->flags_ |= CONDVAR_LOCK_IN_FLIGHT;
    return waiter;
}

#ifndef CONDVAR_NO_TASKS
void condvar_waiter_want_lock(struct cond_waiter *waiter, cond_lock_t *lock)
{
    condvar_append(&lock->u_.local.notified, waiter);
    waiter->where = CONDVAR_WAITER_WANTS_LOCK;
    condvar_set_process(lock, condvar_port_process());
}
#endif

const struct cond_waiter *condvar_waiter_first(const cond_lock_t *lock)
{
    return condvar_notified_are_ours(lock) ? condvar_first(lock->u_.local.notified) : NULL;
}

#if UINTPTR_MAX > 0xFFFFFFFFu
enum { CONDVAR_ASKED = 1 };

/* The thread and what it has asked for, as one number that is not 0. If two have the same, then somebody may be
   passed over without need, no more. */
static uint32_t condvar_question(cond_pred_t *pred, const void *arg)
{
    uint64_t mixed = ((uintptr_t)pred + 31 * (uint64_t)(uintptr_t)arg) ^ port_self() << 1;
    return (uint32_t)(mixed * UINT64_C(0x9E3779B97F4A7C15) >> 32) | 1;
}

void condvar_waiter_asked(cond_lock_t *lock, cond_pred_t *pred, const void *arg)
{
    if (condvar_lock_is_private(lock))
        lock->u_.local.as.mine.asked = condvar_question(pred, arg);
}

/* Whether the waiter waits for what the holder has waited for, and may be passed over for that. */
static bool condvar_is_like_holder(const struct cond_waiter *waiter, const cond_lock_t *lock)
{
    return waiter->pred != NULL && !waiter->overtaken &&
           lock->u_.local.as.mine.asked == condvar_question(waiter->pred, waiter->arg);
}
#else
enum { CONDVAR_ASKED = 0 };

void condvar_waiter_asked(cond_lock_t *lock, cond_pred_t *pred, const void *arg)
{
    (void)lock, (void)pred, (void)arg;
}

static bool condvar_is_like_holder(const struct cond_waiter *waiter, const cond_lock_t *lock)
{
    (void)waiter, (void)lock;
    return false;
}
#endif

/* The first that can go; or only among those that are unlike the holder, and come before many that are like it. */
static struct cond_waiter *condvar_first_to_go(cond_lock_t *lock, bool unlike_holder)
{
    struct cond_waiter *stays = NULL; /* the last one looked at that is still there: it has expired, or is like
                                         the holder */
    struct cond_waiter *condvar_put = NULL;   /* the last one that was put back */
    unsigned alike = 0;
    for (;;) {
        struct cond_waiter *waiter =
            stays != NULL ? condvar_following(lock->u_.local.notified, stays) : condvar_first(lock->u_.local.notified);
        if (waiter == NULL || alike == CONDVAR_TUNING_ALIKE)
            return NULL;
        if (condvar_waiter_is_task(waiter) && waiter->where == CONDVAR_WAITER_WANTS_LOCK)
            return waiter;
        if (condvar_has_expired(waiter)) {
            stays = waiter;
        } else if (unlike_holder && condvar_is_like_holder(waiter, lock)) {
            stays = waiter;
            alike++;
        } else if (waiter->pred == NULL || waiter->pred(waiter->arg) || waiter->cond->state_ != COND_ALIVE) {
            /* (A condition that was destroyed too early has no place to go back to.) */
            if (condvar_beat_deadline(waiter))
                return waiter;
            stays = waiter;
        } else {
            condvar_unlink_from(&lock->u_.local.notified, waiter);
            condvar_put_back(waiter, lock, condvar_put);
            condvar_put = waiter;
        }
    }
}

struct cond_waiter *condvar_waiter_pick(cond_lock_t *lock)
{
    if ((lock->flags_ & CONDVAR_LOCK_IN_FLIGHT) || !condvar_notified_are_ours(lock))
        return NULL;
    struct cond_waiter *waiter = CONDVAR_ASKED ? condvar_first_to_go(lock, true) : NULL;
    if (waiter == NULL)
        waiter = condvar_first_to_go(lock, false);
    if (waiter == NULL)
        return NULL;
    for (struct cond_waiter *passed = condvar_first(lock->u_.local.notified); CONDVAR_ASKED && passed != waiter;
         passed = passed->next)
        passed->overtaken = true;
    return condvar_let_go(waiter, lock);
}

struct cond_waiter *condvar_waiter_pick_blindly(cond_lock_t *lock)
{
    struct cond_waiter *waiter = condvar_first(lock->u_.local.notified);
    if (lock->flags_ & CONDVAR_LOCK_IN_FLIGHT)
        return NULL;
    while (waiter != NULL && !condvar_beat_deadline(waiter))
        waiter = condvar_following(lock->u_.local.notified, waiter);
    return waiter != NULL ? condvar_let_go(waiter, lock) : NULL;
}

void condvar_waiter_end(cond_lock_t *lock)
{
    /* Release: partner is the acquire in cond_lock_destroy(). */
    condvar_a_store(&lock->u_.local.waits, condvar_a_load_32(&lock->u_.local.waits) - 1, release);
}

void condvar_waiter_landed(cond_lock_t *lock)
{
    lock->flags_ &= (uint8_t)~CONDVAR_LOCK_IN_FLIGHT;
}

void condvar_waiter_return(struct cond_waiter *waiter, cond_lock_t *lock)
{
    condvar_put_back(waiter, lock, NULL);
}

void condvar_waiter_leave(struct cond_waiter *waiter, cond_lock_t *lock)
{
    if (waiter->where == CONDVAR_WAITER_QUEUED)
        condvar_dequeue(waiter->cond, waiter);
    else if (waiter->where != CONDVAR_WAITER_NOWHERE)
        condvar_unlink_from(&lock->u_.local.notified, waiter);
    waiter->where = CONDVAR_WAITER_NOWHERE;
}

#if defined(CONDVAR_PORT_LINUX)
/* ---- src/port/linux.c ---- */

/*
 * The port to Linux: futexes, as man 2 futex has them. 64-bit systems have one call, SYS_futex. 32-bit ones
 * have another beside it since Linux 5.1, SYS_futex_time64, whose deadline can lie beyond 2^31 seconds; the
 * newest of them (riscv32) have no other.
 */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
/* ---- src/port/timespec.h ---- */

#ifndef CONDVAR_TIMESPEC_H
#define CONDVAR_TIMESPEC_H
/* Times as POSIX has them. */

#include <stdint.h>
#include <time.h>

/* Of a time that is not negative. What a 32-bit time_t cannot hold becomes the last second that it can: for a deadline that
   is early, and the caller looks at the clock again. */
static inline struct timespec condvar_timespec_of(int64_t ns)
{
    int64_t s = ns / 1000000000;
    if (sizeof(time_t) < sizeof s && s > INT32_MAX)
        s = INT32_MAX;
    return (struct timespec){.tv_sec = (time_t)s, .tv_nsec = (long)(ns % 1000000000)};
}

static inline int64_t condvar_timespec_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
#endif

/* The kernel's numbers, which never change. Its own header <linux/futex.h> is not everywhere (musl). */
enum { CONDVAR_OP_WAKE = 1, CONDVAR_OP_WAIT_BITSET = 9, CONDVAR_OP_PRIVATE = 128 };

/* Between the threads of one process, or between processes: the kernel then finds the word by its page. */
enum { CONDVAR_ONE_PROCESS = CONDVAR_OP_PRIVATE, CONDVAR_PROCESSES = 0 };

#ifndef SYS_futex
#  define SYS_futex SYS_futex_time64
#endif

/* What SYS_futex counts time in, whatever the C library's time_t is. */
#if defined(__x86_64__) /* x32 too */
typedef int64_t condvar_kernel_long;
#else
typedef long condvar_kernel_long;
#endif

/* This way to wait takes the deadline itself, on the monotonic clock; the plain one would take a timeout, and
   prolong it with each signal. NULL is no deadline. */
static long condvar_futex_sleep(long call, const uint32_t *word, uint32_t expected, const void *deadline, int scope)
{
    const uint32_t any = UINT32_MAX;
    return syscall(call, word, CONDVAR_OP_WAIT_BITSET | scope, expected, deadline, NULL, any);
}

/* Until the deadline, or a little earlier where the kernel cannot count as far. */
static void condvar_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns, int scope)
{
    int saved = errno;
    bool limited = deadline_ns != COND_FOREVER;
    int64_t s = deadline_ns > 0 ? deadline_ns / 1000000000 : 0;
    long ns = deadline_ns > 0 ? (long)(deadline_ns % 1000000000) : 0;
    bool done = false;
#ifdef SYS_futex_time64
    struct {
        int64_t s, ns;
    } until64 = {s, ns};
    /* An older kernel does not know this call (ENOSYS), nor do some sandboxes (EPERM). */
    done = condvar_futex_sleep(SYS_futex_time64, word, expected, limited ? &until64 : NULL, scope) == 0 ||
           (errno != ENOSYS && errno != EPERM);
#endif
    const int64_t max_s = sizeof(condvar_kernel_long) < sizeof s ? INT32_MAX : INT64_MAX;
    struct {
        condvar_kernel_long s, ns;
    } until = {(condvar_kernel_long)(s < max_s ? s : max_s), ns};
    if (!done)
        (void)condvar_futex_sleep(SYS_futex, word, expected, limited ? &until : NULL, scope);
    errno = saved;
}

/* (There is no time in a wake-up: where there are two calls, both do it alike.) */
static uint32_t condvar_futex_wake(const uint32_t *word, uint32_t condvar_count, int scope)
{
    int saved = errno;
    long woken = syscall(SYS_futex, word, CONDVAR_OP_WAKE | scope, condvar_count < INT_MAX ? (int)condvar_count : INT_MAX, NULL, NULL, 0);
    errno = saved;
    return woken > 0 ? (uint32_t)woken : 0;
}

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    condvar_futex_wait(word, expected, deadline_ns, CONDVAR_ONE_PROCESS);
}

void port_wake(const uint32_t *word, uint32_t condvar_count)
{
    (void)condvar_futex_wake(word, condvar_count, CONDVAR_ONE_PROCESS);
}

#ifndef CONDVAR_NO_SHARED
void condvar_port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    condvar_futex_wait(word, expected, deadline_ns, CONDVAR_PROCESSES);
}

uint32_t condvar_port_wake_shared(const uint32_t *word, uint32_t condvar_count)
{
    return condvar_futex_wake(word, condvar_count, CONDVAR_PROCESSES);
}
#endif

int64_t port_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return condvar_timespec_ns(now);
}

/* The thread control block's address; the child's thread keeps that of the forking one. On x86-64 the block begins
   with its own address, by the ABI (Drepper, "ELF Handling For Thread-Local Storage", 3.4.6), and on AArch64 a register
   has it: no call is needed. */
uintptr_t port_self(void)
{
#if defined(__x86_64__) && defined(__LP64__) && defined(__GNUC__)
    uintptr_t self;
    __asm__("movq %%fs:0, %0" : "=r"(self));
    return self;
#elif defined(__aarch64__) && defined(__GNUC__)
    return (uintptr_t)__builtin_thread_pointer();
#else
    return (uintptr_t)pthread_self();
#endif
}

#ifndef CONDVAR_NO_TASKS
/* At a fixed distance from the thread's control block, so that no call is needed to find it; the few bytes are
   there even for a library that is loaded late. */
void **port_local(void)
{
#if defined(__GNUC__)
    __attribute__((tls_model("initial-exec")))
#endif
    static _Thread_local void *place;
    return &place;
}
#endif

#ifndef CONDVAR_NO_SHARED
/* The process's number, kept where the kernel clears it in a forked child, since asking for it is a system
   call. Where the kernel cannot do that (before 4.14, or with larger pages) it is asked each time. */
uint32_t condvar_port_process(void)
{
    static struct {
        _Alignas(4096) _Atomic uint32_t number;
    } page;
    uint32_t number = atomic_load_explicit(&page.number, memory_order_relaxed);
    if (number == 0) {
        int saved = errno;
        number = (uint32_t)getpid();
        if (madvise(&page, sizeof page, MADV_WIPEONFORK) == 0)
            atomic_store_explicit(&page.number, number, memory_order_relaxed);
        errno = saved;
    }
    return number;
}
#endif

/* ---- src/port/pthread.c ---- */

/*
 * A pthread mutex as a foreign lock. POSIX does not tell who holds a mutex, nor its type, but a thread can
 * find out what wait needs: a mutex that it holds, and can acquire again without blocking, is recursive, and
 * a recursive one answers EPERM to a release that is one too many.
 */
#ifdef COND_HAVE_PTHREAD_
#include <errno.h>
#include <pthread.h>
/* ---- src/port/pthread_until.h ---- */

#ifndef CONDVAR_PTHREAD_UNTIL_H
#define CONDVAR_PTHREAD_UNTIL_H
/* Lock a pthread mutex until a deadline on the monotonic clock, which POSIX has only since 2024. */

#include <pthread.h>
#include <stdint.h>

/* What pthread_mutex_lock() returns, or ETIMEDOUT; with a deadline that has passed: after one try. A mutex
   that tells its owner answers EDEADLK to it, however short the deadline. */
CONDVAR_INTERNAL int condvar_mutex_acquire_until(pthread_mutex_t *mutex, int64_t deadline_ns);
#endif

static int condvar_adopted_acquire(void *object, int64_t deadline_ns)
{
    return condvar_mutex_acquire_until(object, deadline_ns);
}

/* EBUSY: somebody holds it, perhaps the caller. Acquired twice: it is recursive, and either was the caller's
   or was free, which cannot be told apart without releasing it. Acquired once: it was free. */
static bool condvar_adopted_owned(void *object)
{
    int error = pthread_mutex_trylock(object);
    if (error != 0 && error != EOWNERDEAD)
        return error != ENOTRECOVERABLE;
    bool recursive = pthread_mutex_trylock(object) == 0;
    if (recursive)
        (void)pthread_mutex_unlock(object);
    (void)pthread_mutex_unlock(object);
    return recursive;
}

/* To release a normal mutex that nobody holds is undefined. */
static int condvar_adopted_release(void *object)
{
    return condvar_adopted_owned(object) ? pthread_mutex_unlock(object) : EPERM;
}

static int condvar_adopted_release_save(void *object, unsigned *depth)
{
    if (pthread_mutex_trylock(object) != 0) {
        /* Not recursive, since the caller holds it; or too deep to be acquired again (EAGAIN). */
        *depth = 1;
        return pthread_mutex_unlock(object);
    }
    /* Recursive: one level is ours. A mutex of another type cannot come here, since the caller was found
       to hold it: condvar_adopted_owned(). */
    unsigned levels = 0;
    while (pthread_mutex_unlock(object) == 0)
        levels++;
    *depth = levels - 1;
    return levels > 1 ? 0 : EPERM;
}

static int condvar_adopted_acquire_restore(void *object, unsigned depth)
{
    int error = pthread_mutex_lock(object);
    for (unsigned level = 1; level < depth; level++)
        (void)pthread_mutex_lock(object);
    return error;
}

int cond_lock_init_pthread(cond_lock_t *lock, pthread_mutex_t *mutex)
{
    static const cond_lock_ops_t ops = {
        .acquire = condvar_adopted_acquire,
        .release = condvar_adopted_release,
        .owned = condvar_adopted_owned,
        .release_save = condvar_adopted_release_save,
        .acquire_restore = condvar_adopted_acquire_restore,
    };
    int error = mutex != NULL ? cond_lock_init_foreign(lock, &ops, mutex) : EINVAL;
    if (error == 0)
        lock->kind_ = CONDVAR_LOCK_FOREIGN_VAGUE;
    return error;
}

#else
typedef int condvar_no_pthread; /* ISO C wants a declaration in each file */
#endif

#  if !defined(CONDVAR_NO_SHARED) || defined(COND_HAVE_PTHREAD_)
/* ---- src/port/pthread_until.c ---- */

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE /* pthread_mutex_clocklock */
#endif
/* ---- src/port/pthread_until.h ---- */

#ifndef CONDVAR_PTHREAD_UNTIL_H
#define CONDVAR_PTHREAD_UNTIL_H
/* Lock a pthread mutex until a deadline on the monotonic clock, which POSIX has only since 2024. */

#include <pthread.h>
#include <stdint.h>

/* What pthread_mutex_lock() returns, or ETIMEDOUT; with a deadline that has passed: after one try. A mutex
   that tells its owner answers EDEADLK to it, however short the deadline. */
CONDVAR_INTERNAL int condvar_mutex_acquire_until(pthread_mutex_t *mutex, int64_t deadline_ns);
#endif

#include <errno.h>
#include <time.h>
/* ---- src/port/timespec.h ---- */

#ifndef CONDVAR_TIMESPEC_H
#define CONDVAR_TIMESPEC_H
/* Times as POSIX has them. */

#include <stdint.h>
#include <time.h>

/* Of a time that is not negative. What a 32-bit time_t cannot hold becomes the last second that it can: for a deadline that
   is early, and the caller looks at the clock again. */
static inline struct timespec condvar_timespec_of(int64_t ns)
{
    int64_t s = ns / 1000000000;
    if (sizeof(time_t) < sizeof s && s > INT32_MAX)
        s = INT32_MAX;
    return (struct timespec){.tv_sec = (time_t)s, .tv_nsec = (long)(ns % 1000000000)};
}

static inline int64_t condvar_timespec_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
#endif

/* The build may know; glibc tells, where _GNU_SOURCE is in force. (ThreadSanitizer of gcc 12 does not know this function,
   and takes what it guards for races.) */
#if !defined(CONDVAR_HAVE_PTHREAD_MUTEX_CLOCKLOCK) && defined(__GLIBC_PREREQ) && defined(__USE_GNU) && \
    !defined(__SANITIZE_THREAD__)
#  if __GLIBC_PREREQ(2, 30)
#    define CONDVAR_HAVE_PTHREAD_MUTEX_CLOCKLOCK
#  endif
#  if defined(__has_feature)
#    if __has_feature(thread_sanitizer)
#      undef CONDVAR_HAVE_PTHREAD_MUTEX_CLOCKLOCK
#    endif
#  endif
#endif

#if defined(CONDVAR_HAVE_PTHREAD_MUTEX_CLOCKLOCK)
static int condvar_lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    struct timespec until = condvar_timespec_of(deadline_ns);
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
}
#else
/* How long to wait without a look at the clock. */
static int64_t condvar_piece_until(int64_t deadline_ns, int64_t longest_ns)
{
    int64_t left_ns = deadline_ns - port_now();
    return left_ns < 0 ? 0 : left_ns < longest_ns ? left_ns : longest_ns;
}

#  ifdef __APPLE__
/* There is no deadline at all for a mutex: so look at it now and then. (The owner of a mutex that tells is not
   told EDEADLK, but ETIMEDOUT.) Sleeping is a cancellation point, and acquiring a lock is not. */
static int condvar_lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    int saved = errno;
    int cancel_state;
    struct timespec piece = condvar_timespec_of(condvar_piece_until(deadline_ns, COND_MS(1)));
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    (void)nanosleep(&piece, NULL);
    (void)pthread_setcancelstate(cancel_state, NULL);
    errno = saved;
    int error = pthread_mutex_trylock(mutex);
    return error == EBUSY ? ETIMEDOUT : error;
}
#  else
/* There is only a deadline on the wall clock, which may be set while we wait: so wait in short pieces, after each
   of which the caller looks at the monotonic clock. */
static int condvar_lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until = condvar_timespec_of(condvar_timespec_ns(until) + condvar_piece_until(deadline_ns, COND_MS(50)));
    return pthread_mutex_timedlock(mutex, &until);
}
#  endif
#endif

int condvar_mutex_acquire_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    if (deadline_ns == COND_FOREVER)
        return pthread_mutex_lock(mutex);
    int error = pthread_mutex_trylock(mutex);
    if (error != EBUSY)
        return error;
    do
        error = condvar_lock_until(mutex, deadline_ns > 0 ? deadline_ns : 0);
    while (error == ETIMEDOUT && !condvar_deadline_passed(deadline_ns));
    return error;
}

#  endif
/* ---- src/port/robust.c ---- */

/*
 * A robust mutex that processes share, of pthreads: POSIX's PTHREAD_MUTEX_ROBUST. It is of the errorcheck
 * type, since that one tells its owner from others without a system call; recursion is counted above it.
 *
 * A thread's robust mutexes are in a list, for the kernel to find when the thread dies. On 32-bit systems that
 * of glibc can be followed one way only: to release a mutex is to go through it, and look for the address by
 * which the mutex was acquired. By another mapping it is never found. So there that address is remembered.
 */
#ifndef CONDVAR_NO_SHARED
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
/* ---- src/port/pthread_until.h ---- */

#ifndef CONDVAR_PTHREAD_UNTIL_H
#define CONDVAR_PTHREAD_UNTIL_H
/* Lock a pthread mutex until a deadline on the monotonic clock, which POSIX has only since 2024. */

#include <pthread.h>
#include <stdint.h>

/* What pthread_mutex_lock() returns, or ETIMEDOUT; with a deadline that has passed: after one try. A mutex
   that tells its owner answers EDEADLK to it, however short the deadline. */
CONDVAR_INTERNAL int condvar_mutex_acquire_until(pthread_mutex_t *mutex, int64_t deadline_ns);
#endif

#if defined(__PTHREAD_MUTEX_HAVE_PREV) && !__PTHREAD_MUTEX_HAVE_PREV
#  define CONDVAR_ROBUST_ONE_WAY 1
#endif

struct condvar_robust_mutex {
    pthread_mutex_t mutex;
#ifdef CONDVAR_ROBUST_ONE_WAY
    pthread_mutex_t *acquired_as; /* written and read by the owner only */
#endif
};

_Static_assert(sizeof(struct condvar_robust_mutex) <= sizeof ((cond_lock_t *)0)->u_.robust,
               "COND_ROBUST_WORDS_ in condvar.h is too small for this system's pthread_mutex_t");

int condvar_robust_init(void *mutex)
{
    pthread_mutexattr_t kind;
    int error = pthread_mutexattr_init(&kind);
    if (error != 0)
        return error;
    if (pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED) != 0 ||
        pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) != 0 ||
        pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK) != 0)
        error = ENOTSUP;
    if (error == 0)
        error = pthread_mutex_init(mutex, &kind);
    (void)pthread_mutexattr_destroy(&kind);
    return error;
}

void condvar_robust_destroy(void *mutex)
{
    (void)pthread_mutex_destroy(mutex);
}

/* The library remembers in its own flags that the last holder died, so the mutex itself is made fit for use
   at once. A holder that dies before it has noted this down leaves it owner-dead again. */
int condvar_robust_acquire(void *mutex, int64_t deadline_ns)
{
    int error = condvar_mutex_acquire_until(mutex, deadline_ns);
    if (error == EOWNERDEAD)
        (void)pthread_mutex_consistent(mutex);
#ifdef CONDVAR_ROBUST_ONE_WAY
    if (error == 0 || error == EOWNERDEAD)
        ((struct condvar_robust_mutex *)mutex)->acquired_as = mutex;
#endif
    return error;
}

int condvar_robust_release(void *mutex)
{
#ifdef CONDVAR_ROBUST_ONE_WAY
    /* To anybody else that address means nothing. */
    if (pthread_mutex_trylock(mutex) == EDEADLK)
        mutex = ((struct condvar_robust_mutex *)mutex)->acquired_as;
#endif
    return pthread_mutex_unlock(mutex);
}

#else
typedef int condvar_no_robust_port; /* ISO C wants a declaration in each file */
#endif

#elif defined(CONDVAR_PORT_POSIX)
/* ---- src/port/no_shared.c ---- */

/* For systems without robust mutexes that processes share: COND_SHARED is ENOTSUP, and nothing else of
   this can be reached. */
#ifndef CONDVAR_NO_SHARED
#include <errno.h>

int condvar_robust_init(void *mutex)
{
    (void)mutex;
    return ENOTSUP;
}

void condvar_robust_destroy(void *mutex)
{
    (void)mutex;
}

int condvar_robust_acquire(void *mutex, int64_t deadline_ns)
{
    (void)mutex, (void)deadline_ns;
    return ENOTSUP;
}

int condvar_robust_release(void *mutex)
{
    (void)mutex;
    return ENOTSUP;
}

void condvar_port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    (void)word, (void)expected, (void)deadline_ns;
}

uint32_t condvar_port_wake_shared(const uint32_t *word, uint32_t condvar_count)
{
    (void)word, (void)condvar_count;
    return 0;
}

#else
typedef int condvar_no_shared_port; /* ISO C wants a declaration in each file */
#endif

/* ---- src/port/posix.c ---- */

/*
 * The port to POSIX threads and C11, for systems that have nothing to sleep on a word with. Whoever sleeps is a
 * node on its own stack, in one of a fixed number of sleeper_lists; the word's address says in which.
 *
 *      port_wait(word, expected)               port_wake(word)
 *      1. lock the list                        (the word was changed before)
 *      2. *word == expected?                   1. lock the list
 *      3. join the list as its last            2. take the first node with this word out, signal it
 *      4. wait, which unlocks the list         3. unlock the list
 *
 * Comparing and falling asleep are one step, because the waker locks the list after it has changed the word: if
 * it is first, 2 sees the new word; if it is second, it finds the node. Each node has a condition variable of its
 * own, so that exactly those are woken who are meant, in order; it is signalled with the list locked, because
 * the node is gone when the sleeper has the list's lock again.
 *
 * A list that another thread had locked when the process forked would be locked in the child for ever. So a fork waits
 * for all sleeper_lists, and in the child they are empty: its only thread is not asleep.
 */
#ifndef _POSIX_C_SOURCE
#  define _POSIX_C_SOURCE 200809L
#endif
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>
/* ---- src/port/timespec.h ---- */

#ifndef CONDVAR_TIMESPEC_H
#define CONDVAR_TIMESPEC_H
/* Times as POSIX has them. */

#include <stdint.h>
#include <time.h>

/* Of a time that is not negative. What a 32-bit time_t cannot hold becomes the last second that it can: for a deadline that
   is early, and the caller looks at the clock again. */
static inline struct timespec condvar_timespec_of(int64_t ns)
{
    int64_t s = ns / 1000000000;
    if (sizeof(time_t) < sizeof s && s > INT32_MAX)
        s = INT32_MAX;
    return (struct timespec){.tv_sec = (time_t)s, .tv_nsec = (long)(ns % 1000000000)};
}

static inline int64_t condvar_timespec_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
#endif

struct condvar_sleeper {
    const uint32_t *word; /* fixed: an address only */
    pthread_cond_t woken;
    bool listed;          /* under the list's lock, as all below */
    struct condvar_sleeper *next;
};

struct condvar_sleeper_list {
    pthread_mutex_t mutex;
    struct condvar_sleeper *condvar_first, *last;
};

enum { CONDVAR_LISTS = 64 };

#define CONDVAR_FOUR(x) x, x, x, x
static struct condvar_sleeper_list condvar_sleeper_lists[CONDVAR_LISTS] = {CONDVAR_FOUR(CONDVAR_FOUR(CONDVAR_FOUR({.mutex = PTHREAD_MUTEX_INITIALIZER})))};

static pthread_once_t condvar_prepared = PTHREAD_ONCE_INIT;
static pthread_condattr_t condvar_monotonic; /* fixed by condvar_prepare() */
static uint32_t condvar_this_process;        /* fixed by condvar_prepare(), and in a forked child */

/* ---- Fork ---- */

static void condvar_before_fork(void)
{
    for (unsigned i = 0; i < CONDVAR_LISTS; i++)
        (void)pthread_mutex_lock(&condvar_sleeper_lists[i].mutex);
}

static void condvar_after_fork(void)
{
    for (unsigned i = CONDVAR_LISTS; i-- > 0;)
        (void)pthread_mutex_unlock(&condvar_sleeper_lists[i].mutex);
}

static void condvar_after_fork_in_child(void)
{
    condvar_this_process = (uint32_t)getpid();
    for (unsigned i = 0; i < CONDVAR_LISTS; i++)
        condvar_sleeper_lists[i].condvar_first = condvar_sleeper_lists[i].last = NULL;
    condvar_after_fork();
}

static void condvar_prepare(void)
{
    (void)pthread_condattr_init(&condvar_monotonic);
#ifndef __APPLE__
    (void)pthread_condattr_setclock(&condvar_monotonic, CLOCK_MONOTONIC);
#endif
    condvar_this_process = (uint32_t)getpid();
    (void)pthread_atfork(condvar_before_fork, condvar_after_fork, condvar_after_fork_in_child);
}

/* ---- The lists. Under the list's lock. ---- */

/* Words lie in structs of a few sizes, so the low bits of their addresses are much the same. */
static struct condvar_sleeper_list *condvar_list_of(const uint32_t *word)
{
    uint32_t mixed = (uint32_t)((uintptr_t)word >> 2) * UINT32_C(0x9E3779B1); /* 2^32 / the golden ratio */
    return &condvar_sleeper_lists[mixed / (UINT32_MAX / CONDVAR_LISTS + 1)];
}

static void condvar_list_join(struct condvar_sleeper_list *list, struct condvar_sleeper *condvar_sleeper)
{
    *(list->last != NULL ? &list->last->next : &list->condvar_first) = condvar_sleeper;
    list->last = condvar_sleeper;
    condvar_sleeper->listed = true;
}

/* `before` is the one in front of it, or NULL. */
static void condvar_list_take_out(struct condvar_sleeper_list *list, struct condvar_sleeper *condvar_sleeper, struct condvar_sleeper *condvar_before)
{
    *(condvar_before != NULL ? &condvar_before->next : &list->condvar_first) = condvar_sleeper->next;
    if (list->last == condvar_sleeper)
        list->last = condvar_before;
    condvar_sleeper->listed = false;
}

static void condvar_list_leave(struct condvar_sleeper_list *list, struct condvar_sleeper *condvar_sleeper)
{
    struct condvar_sleeper *condvar_before = NULL;
    for (struct condvar_sleeper *other = list->condvar_first; other != condvar_sleeper; other = other->next)
        condvar_before = other;
    condvar_list_take_out(list, condvar_sleeper, condvar_before);
}

/* Until it is signalled, or the deadline; or not as long. */
static void condvar_list_sleep(struct condvar_sleeper_list *list, struct condvar_sleeper *condvar_sleeper, int64_t deadline_ns)
{
    if (deadline_ns == COND_FOREVER) {
        (void)pthread_cond_wait(&condvar_sleeper->woken, &list->mutex);
        return;
    }
#ifdef __APPLE__ /* has no monotonic deadlines, but timeouts */
    int64_t left_ns = deadline_ns - port_now();
    struct timespec left = condvar_timespec_of(left_ns > 0 ? left_ns : 0);
    (void)pthread_cond_timedwait_relative_np(&condvar_sleeper->woken, &list->mutex, &left);
#else
    struct timespec until = condvar_timespec_of(deadline_ns);
    (void)pthread_cond_timedwait(&condvar_sleeper->woken, &list->mutex, &until);
#endif
}

/* ---- The port ---- */

/* Waiting on a pthread condition is a cancellation point, and waiting here is not. */
void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    int saved = errno;
    int cancel_state;
    struct condvar_sleeper self = {.word = word};
    struct condvar_sleeper_list *list = condvar_list_of(word);
    (void)pthread_once(&condvar_prepared, condvar_prepare);
    if (pthread_cond_init(&self.woken, &condvar_monotonic) != 0) {
        errno = saved; /* on some systems it takes memory: this is an early return then */
        return;
    }
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    (void)pthread_mutex_lock(&list->mutex);
    /* Relaxed: the mutex orders it after the change of whoever has looked for sleepers before. */
    if (condvar_a_load(word, relaxed) == expected && deadline_ns > port_now()) {
        condvar_list_join(list, &self);
        do
            condvar_list_sleep(list, &self, deadline_ns);
        while (self.listed && deadline_ns > port_now());
        if (self.listed)
            condvar_list_leave(list, &self);
    }
    (void)pthread_mutex_unlock(&list->mutex);
    (void)pthread_cond_destroy(&self.woken);
    (void)pthread_setcancelstate(cancel_state, NULL);
    errno = saved;
}

void port_wake(const uint32_t *word, uint32_t condvar_count)
{
    int saved = errno;
    struct condvar_sleeper_list *list = condvar_list_of(word);
    (void)pthread_once(&condvar_prepared, condvar_prepare);
    (void)pthread_mutex_lock(&list->mutex);
    struct condvar_sleeper *condvar_before = NULL, *next;
    for (struct condvar_sleeper *condvar_sleeper = list->condvar_first; condvar_sleeper != NULL && condvar_count > 0; condvar_sleeper = next) {
        next = condvar_sleeper->next;
        if (condvar_sleeper->word != word) {
            condvar_before = condvar_sleeper;
        } else {
            condvar_list_take_out(list, condvar_sleeper, condvar_before);
            (void)pthread_cond_signal(&condvar_sleeper->woken);
            condvar_count--;
        }
    }
    (void)pthread_mutex_unlock(&list->mutex);
    errno = saved;
}

int64_t port_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return condvar_timespec_ns(now);
}

/* Of each thread one, at an address of its own. */
static _Thread_local void *condvar_own_place;

uintptr_t port_self(void)
{
    return (uintptr_t)&condvar_own_place;
}

#ifndef CONDVAR_NO_TASKS
void **port_local(void)
{
    return &condvar_own_place;
}
#endif

#ifndef CONDVAR_NO_SHARED
uint32_t condvar_port_process(void)
{
    (void)pthread_once(&condvar_prepared, condvar_prepare);
    return condvar_this_process;
}
#endif

/* ---- src/port/pthread.c ---- */

/*
 * A pthread mutex as a foreign lock. POSIX does not tell who holds a mutex, nor its type, but a thread can
 * find out what wait needs: a mutex that it holds, and can acquire again without blocking, is recursive, and
 * a recursive one answers EPERM to a release that is one too many.
 */
#ifdef COND_HAVE_PTHREAD_
#include <errno.h>
#include <pthread.h>
/* ---- src/port/pthread_until.h ---- */

#ifndef CONDVAR_PTHREAD_UNTIL_H
#define CONDVAR_PTHREAD_UNTIL_H
/* Lock a pthread mutex until a deadline on the monotonic clock, which POSIX has only since 2024. */

#include <pthread.h>
#include <stdint.h>

/* What pthread_mutex_lock() returns, or ETIMEDOUT; with a deadline that has passed: after one try. A mutex
   that tells its owner answers EDEADLK to it, however short the deadline. */
CONDVAR_INTERNAL int condvar_mutex_acquire_until(pthread_mutex_t *mutex, int64_t deadline_ns);
#endif

static int condvar_adopted_acquire(void *object, int64_t deadline_ns)
{
    return condvar_mutex_acquire_until(object, deadline_ns);
}

/* EBUSY: somebody holds it, perhaps the caller. Acquired twice: it is recursive, and either was the caller's
   or was free, which cannot be told apart without releasing it. Acquired once: it was free. */
static bool condvar_adopted_owned(void *object)
{
    int error = pthread_mutex_trylock(object);
    if (error != 0 && error != EOWNERDEAD)
        return error != ENOTRECOVERABLE;
    bool recursive = pthread_mutex_trylock(object) == 0;
    if (recursive)
        (void)pthread_mutex_unlock(object);
    (void)pthread_mutex_unlock(object);
    return recursive;
}

/* To release a normal mutex that nobody holds is undefined. */
static int condvar_adopted_release(void *object)
{
    return condvar_adopted_owned(object) ? pthread_mutex_unlock(object) : EPERM;
}

static int condvar_adopted_release_save(void *object, unsigned *depth)
{
    if (pthread_mutex_trylock(object) != 0) {
        /* Not recursive, since the caller holds it; or too deep to be acquired again (EAGAIN). */
        *depth = 1;
        return pthread_mutex_unlock(object);
    }
    /* Recursive: one level is ours. A mutex of another type cannot come here, since the caller was found
       to hold it: condvar_adopted_owned(). */
    unsigned levels = 0;
    while (pthread_mutex_unlock(object) == 0)
        levels++;
    *depth = levels - 1;
    return levels > 1 ? 0 : EPERM;
}

static int condvar_adopted_acquire_restore(void *object, unsigned depth)
{
    int error = pthread_mutex_lock(object);
    for (unsigned level = 1; level < depth; level++)
        (void)pthread_mutex_lock(object);
    return error;
}

int cond_lock_init_pthread(cond_lock_t *lock, pthread_mutex_t *mutex)
{
    static const cond_lock_ops_t ops = {
        .acquire = condvar_adopted_acquire,
        .release = condvar_adopted_release,
        .owned = condvar_adopted_owned,
        .release_save = condvar_adopted_release_save,
        .acquire_restore = condvar_adopted_acquire_restore,
    };
    int error = mutex != NULL ? cond_lock_init_foreign(lock, &ops, mutex) : EINVAL;
    if (error == 0)
        lock->kind_ = CONDVAR_LOCK_FOREIGN_VAGUE;
    return error;
}

#else
typedef int condvar_no_pthread; /* ISO C wants a declaration in each file */
#endif

#  ifdef COND_HAVE_PTHREAD_
/* ---- src/port/pthread_until.c ---- */

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE /* pthread_mutex_clocklock */
#endif
/* ---- src/port/pthread_until.h ---- */

#ifndef CONDVAR_PTHREAD_UNTIL_H
#define CONDVAR_PTHREAD_UNTIL_H
/* Lock a pthread mutex until a deadline on the monotonic clock, which POSIX has only since 2024. */

#include <pthread.h>
#include <stdint.h>

/* What pthread_mutex_lock() returns, or ETIMEDOUT; with a deadline that has passed: after one try. A mutex
   that tells its owner answers EDEADLK to it, however short the deadline. */
CONDVAR_INTERNAL int condvar_mutex_acquire_until(pthread_mutex_t *mutex, int64_t deadline_ns);
#endif

#include <errno.h>
#include <time.h>
/* ---- src/port/timespec.h ---- */

#ifndef CONDVAR_TIMESPEC_H
#define CONDVAR_TIMESPEC_H
/* Times as POSIX has them. */

#include <stdint.h>
#include <time.h>

/* Of a time that is not negative. What a 32-bit time_t cannot hold becomes the last second that it can: for a deadline that
   is early, and the caller looks at the clock again. */
static inline struct timespec condvar_timespec_of(int64_t ns)
{
    int64_t s = ns / 1000000000;
    if (sizeof(time_t) < sizeof s && s > INT32_MAX)
        s = INT32_MAX;
    return (struct timespec){.tv_sec = (time_t)s, .tv_nsec = (long)(ns % 1000000000)};
}

static inline int64_t condvar_timespec_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}
#endif

/* The build may know; glibc tells, where _GNU_SOURCE is in force. (ThreadSanitizer of gcc 12 does not know this function,
   and takes what it guards for races.) */
#if !defined(CONDVAR_HAVE_PTHREAD_MUTEX_CLOCKLOCK) && defined(__GLIBC_PREREQ) && defined(__USE_GNU) && \
    !defined(__SANITIZE_THREAD__)
#  if __GLIBC_PREREQ(2, 30)
#    define CONDVAR_HAVE_PTHREAD_MUTEX_CLOCKLOCK
#  endif
#  if defined(__has_feature)
#    if __has_feature(thread_sanitizer)
#      undef CONDVAR_HAVE_PTHREAD_MUTEX_CLOCKLOCK
#    endif
#  endif
#endif

#if defined(CONDVAR_HAVE_PTHREAD_MUTEX_CLOCKLOCK)
static int condvar_lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    struct timespec until = condvar_timespec_of(deadline_ns);
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
}
#else
/* How long to wait without a look at the clock. */
static int64_t condvar_piece_until(int64_t deadline_ns, int64_t longest_ns)
{
    int64_t left_ns = deadline_ns - port_now();
    return left_ns < 0 ? 0 : left_ns < longest_ns ? left_ns : longest_ns;
}

#  ifdef __APPLE__
/* There is no deadline at all for a mutex: so look at it now and then. (The owner of a mutex that tells is not
   told EDEADLK, but ETIMEDOUT.) Sleeping is a cancellation point, and acquiring a lock is not. */
static int condvar_lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    int saved = errno;
    int cancel_state;
    struct timespec piece = condvar_timespec_of(condvar_piece_until(deadline_ns, COND_MS(1)));
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    (void)nanosleep(&piece, NULL);
    (void)pthread_setcancelstate(cancel_state, NULL);
    errno = saved;
    int error = pthread_mutex_trylock(mutex);
    return error == EBUSY ? ETIMEDOUT : error;
}
#  else
/* There is only a deadline on the wall clock, which may be set while we wait: so wait in short pieces, after each
   of which the caller looks at the monotonic clock. */
static int condvar_lock_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until = condvar_timespec_of(condvar_timespec_ns(until) + condvar_piece_until(deadline_ns, COND_MS(50)));
    return pthread_mutex_timedlock(mutex, &until);
}
#  endif
#endif

int condvar_mutex_acquire_until(pthread_mutex_t *mutex, int64_t deadline_ns)
{
    if (deadline_ns == COND_FOREVER)
        return pthread_mutex_lock(mutex);
    int error = pthread_mutex_trylock(mutex);
    if (error != EBUSY)
        return error;
    do
        error = condvar_lock_until(mutex, deadline_ns > 0 ? deadline_ns : 0);
    while (error == ETIMEDOUT && !condvar_deadline_passed(deadline_ns));
    return error;
}

#  endif
#elif defined(CONDVAR_PORT_WINDOWS)
/* ---- src/port/no_shared.c ---- */

/* For systems without robust mutexes that processes share: COND_SHARED is ENOTSUP, and nothing else of
   this can be reached. */
#ifndef CONDVAR_NO_SHARED
#include <errno.h>

int condvar_robust_init(void *mutex)
{
    (void)mutex;
    return ENOTSUP;
}

void condvar_robust_destroy(void *mutex)
{
    (void)mutex;
}

int condvar_robust_acquire(void *mutex, int64_t deadline_ns)
{
    (void)mutex, (void)deadline_ns;
    return ENOTSUP;
}

int condvar_robust_release(void *mutex)
{
    (void)mutex;
    return ENOTSUP;
}

void condvar_port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    (void)word, (void)expected, (void)deadline_ns;
}

uint32_t condvar_port_wake_shared(const uint32_t *word, uint32_t condvar_count)
{
    (void)word, (void)condvar_count;
    return 0;
}

#else
typedef int condvar_no_shared_port; /* ISO C wants a declaration in each file */
#endif

/* ---- src/port/windows.c ---- */

/* The port to Windows 8 and later: WaitOnAddress() and its relatives, in the library `synchronization`. */
#ifndef _WIN32_WINNT
#  define _WIN32_WINNT 0x0602
#endif
#include <limits.h>
#include <windows.h>

/* The timeout to a deadline, rounded up to the milliseconds that Windows counts in. (INFINITE is the largest.) */
static DWORD condvar_milliseconds_until(int64_t deadline_ns)
{
    if (deadline_ns == COND_FOREVER)
        return INFINITE;
    int64_t left_ns = deadline_ns - port_now();
    int64_t left_ms = left_ns > 0 ? left_ns / 1000000 + (left_ns % 1000000 != 0) : 0;
    return left_ms < INFINITE - 1 ? (DWORD)left_ms : INFINITE - 1;
}

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    DWORD saved = GetLastError();
    (void)WaitOnAddress((volatile void *)(uintptr_t)word, &expected, sizeof expected,
                        deadline_ns > 0 ? condvar_milliseconds_until(deadline_ns) : 0);
    SetLastError(saved);
}

/* Windows wakes one or all; to those that were not meant it is an early return. */
void port_wake(const uint32_t *word, uint32_t condvar_count)
{
    if (condvar_count == 1)
        WakeByAddressSingle((void *)(uintptr_t)word);
    else if (condvar_count > 1)
        WakeByAddressAll((void *)(uintptr_t)word);
}

/* The counter may be close to overflow when multiplied, so the whole seconds are multiplied by themselves. */
int64_t port_now(void)
{
    LARGE_INTEGER ticks, per_second;
    (void)QueryPerformanceCounter(&ticks);
    (void)QueryPerformanceFrequency(&per_second);
    int64_t s = ticks.QuadPart / per_second.QuadPart;
    int64_t rest = ticks.QuadPart % per_second.QuadPart;
    return s * 1000000000 + rest * 1000000000 / per_second.QuadPart;
}

/* Even, as port.h asks for. Windows's own numbers are small. */
uintptr_t port_self(void)
{
    return (uintptr_t)GetCurrentThreadId() * 2;
}

#ifndef CONDVAR_NO_TASKS
void **port_local(void)
{
    static _Thread_local void *place;
    return &place;
}
#endif

#ifndef CONDVAR_NO_SHARED
uint32_t condvar_port_process(void)
{
    return (uint32_t)GetCurrentProcessId();
}
#endif

#else
/* ---- src/port/no_process.c ---- */

/* For systems on which everything is one process. */
#ifndef CONDVAR_NO_SHARED

uint32_t condvar_port_process(void)
{
    return 1;
}

#else
typedef int condvar_no_process_port; /* ISO C wants a declaration in each file */
#endif

/* ---- src/port/no_shared.c ---- */

/* For systems without robust mutexes that processes share: COND_SHARED is ENOTSUP, and nothing else of
   this can be reached. */
#ifndef CONDVAR_NO_SHARED
#include <errno.h>

int condvar_robust_init(void *mutex)
{
    (void)mutex;
    return ENOTSUP;
}

void condvar_robust_destroy(void *mutex)
{
    (void)mutex;
}

int condvar_robust_acquire(void *mutex, int64_t deadline_ns)
{
    (void)mutex, (void)deadline_ns;
    return ENOTSUP;
}

int condvar_robust_release(void *mutex)
{
    (void)mutex;
    return ENOTSUP;
}

void condvar_port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    (void)word, (void)expected, (void)deadline_ns;
}

uint32_t condvar_port_wake_shared(const uint32_t *word, uint32_t condvar_count)
{
    (void)word, (void)condvar_count;
    return 0;
}

#else
typedef int condvar_no_shared_port; /* ISO C wants a declaration in each file */
#endif

#endif

#undef CONDVAR_ATOMIC_H
#undef CONDVAR_A_16_
#undef CONDVAR_A_32_
#undef CONDVAR_A_8_
#undef CONDVAR_A_HINT_
#undef CONDVAR_A_PTR_
#undef CONDVAR_A_SET_
#undef CONDVAR_A_STEP_
#undef CONDVAR_A_TOLD_VALUE_
#undef CONDVAR_A_TOLD_VOID_
#undef CONDVAR_A_VALUE_
#undef CONDVAR_A_VOID_
#undef CONDVAR_COLD
#undef CONDVAR_DEADLINE_H
#undef CONDVAR_DEADLINE_PASSED
#undef CONDVAR_FOUR
#undef CONDVAR_HAVE_PTHREAD_MUTEX_CLOCKLOCK
#undef CONDVAR_INLINE
#undef CONDVAR_INTERNAL
#undef CONDVAR_INTERNAL_H
#undef CONDVAR_LOCK_H
#undef CONDVAR_MUTEX_H
#undef CONDVAR_PARK_H
#undef CONDVAR_PORT_H
#undef CONDVAR_PORT_SHARED_H
#undef CONDVAR_PROBE_
#undef CONDVAR_PROBE_CONTENDED
#undef CONDVAR_PROBE_H
#undef CONDVAR_PROBE_HANDOVER
#undef CONDVAR_PROBE_NOTIFY
#undef CONDVAR_PROBE_WAIT
#undef CONDVAR_PROBE_WAKE
#undef CONDVAR_PTHREAD_UNTIL_H
#undef CONDVAR_RLOCK_H
#undef CONDVAR_ROBUST_ONE_WAY
#undef CONDVAR_SHARED_H
#undef CONDVAR_TASK_H
#undef CONDVAR_TASK_NO_CALLS
#undef CONDVAR_TIMESPEC_H
#undef CONDVAR_TOLD_H
#undef CONDVAR_TUNING_ALIKE
#undef CONDVAR_TUNING_H
#undef CONDVAR_TUNING_HEARTBEAT_NS
#undef CONDVAR_TUNING_LOCK_SPIN
#undef CONDVAR_TUNING_PATIENCE_NS
#undef CONDVAR_TUNING_SPIN_FAILURES
#undef CONDVAR_TUNING_SPIN_MAX
#undef CONDVAR_TUNING_SPIN_MIN
#undef CONDVAR_TUNING_SPIN_PAUSE
#undef CONDVAR_WAITER_H
#undef condvar_TOLD_AFTER_acq_rel
#undef condvar_TOLD_AFTER_acquire
#undef condvar_TOLD_AFTER_relaxed
#undef condvar_TOLD_AFTER_release
#undef condvar_TOLD_BEFORE_acq_rel
#undef condvar_TOLD_BEFORE_acquire
#undef condvar_TOLD_BEFORE_relaxed
#undef condvar_TOLD_BEFORE_release
#undef condvar_a_cas
#undef condvar_a_cas_ptr_weak
#undef condvar_a_cas_weak
#undef condvar_a_exchange
#undef condvar_a_exchange_ptr
#undef condvar_a_load
#undef condvar_a_load_16
#undef condvar_a_load_32
#undef condvar_a_load_8
#undef condvar_a_load_ptr
#undef condvar_a_store
#undef condvar_a_store_16
#undef condvar_a_store_32
#undef condvar_a_store_8
#undef condvar_a_store_ptr
#undef condvar_process_of
#undef condvar_set_process
#endif

/*
 * MIT License
 *
 * Copyright (c) 2026 The libcondvar authors
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to deal
 * in the Software without restriction, including without limitation the rights
 * to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
 * copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 */
