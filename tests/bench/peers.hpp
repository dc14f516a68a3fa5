/* SPDX-License-Identifier: MIT */
#ifndef BENCH_PEERS_HPP
#define BENCH_PEERS_HPP

/*
 * peers.hpp - this library and its peers, each behind the same few calls
 *
 * A peer is a struct with a name, a role, and
 *
 *      Lock                    lock(), unlock(), try_lock()
 *      Condition(Lock &)       one of several conditions on a lock, with the calls below
 *      Monitor                 a lock with one condition: the calls of both
 *
 *      wait(pred)              the lock is held; returns when pred() is true. pred outlives the call, and
 *                              equal preds are the same object: some peers ask equal ones only once
 *      wait_for(pred, ns)      the same with a time limit; returns what pred() is
 *      notify_one()            any of the waiters will do
 *      notify_fitting()        only some waiters can use the change: at least one of them must be woken. With
 *                              delegated predicates one notification finds it. Other peers must wake all.
 *      notify_all()
 *
 *      order                   what comes first, the notify or the release: see notify_and_unlock()
 *
 * Each is what an expert in that peer would write. All are called like a shared library.
 */

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <pthread.h>
#include "condvar.h"
#include "work.hpp"

constexpr std::int64_t ns_per_s = 1000000000;

inline std::int64_t now_on(clockid_t clock)
{
    timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * ns_per_s + time.tv_nsec;
}

inline timespec to_timespec(std::int64_t ns)
{
    return {static_cast<time_t>(ns / ns_per_s), static_cast<long>(ns % ns_per_s)};
}

/* A lock with one condition, for peers that don't have that in one piece. */
template <class Lock, class Condition> class Pair {
    Lock lock_;
    Condition condition_{lock_};

public:
    void lock() { lock_.lock(); }
    void unlock() { lock_.unlock(); }
    template <class Pred> void wait(Pred &pred) { condition_.wait(pred); }
    template <class Pred> bool wait_for(Pred &pred, std::int64_t ns) { return condition_.wait_for(pred, ns); }
    void notify_one() { condition_.notify_one(); }
    void notify_fitting() { condition_.notify_fitting(); }
    void notify_all() { condition_.notify_all(); }
};

/* The waits of conditions that know no predicates: sleep(), and sleep_until(), which returns false if it times out. */
template <class Self> struct Looping {
    Self &self() { return static_cast<Self &>(*this); }
    template <class Pred> void wait(Pred &pred)
    {
        while (!pred())
            self().sleep();
    }
    template <class Pred> bool wait_for(Pred &pred, std::int64_t ns)
    {
        auto deadline = Self::deadline_in(ns);
        while (!pred())
            if (!self().sleep_until(deadline))
                return pred();
        return true;
    }
    void notify_fitting() { self().notify_all(); }
};

/* For conditions whose waits need no notify. */
struct Unnotified {
    void notify_one() {}
    void notify_fitting() {}
    void notify_all() {}
};

/*
 * When to notify. If the notifier holds the lock, a woken waiter may have to wait for the lock at once. After the
 * release, another thread may take the lock, and the item, before the waiter has woken up. Measured both ways, the
 * latter is better or no worse for all peers, with one exception: where several producers and consumers share a
 * buffer, pthread and C++ are faster under the lock.
 */
enum class Order { notify_first, unlock_first, notify_first_in_a_crowd };

template <Role R, Order O> struct As {
    static constexpr Role role = R;
    static constexpr Order order = O;
};

template <class Peer, class Lock, class Notify> void notify_and_unlock(Lock &lock, bool crowd, Notify notify)
{
    bool first = Peer::order == Order::notify_first || (Peer::order == Order::notify_first_in_a_crowd && crowd);
    if (first)
        notify();
    lock.unlock();
    if (!first)
        notify();
}

/* ---- This library ---- */

template <class Pred> bool call_pred(void *pred) { return (*static_cast<Pred *>(pred))(); }

template <unsigned Flags> struct CondvarWith : As<Role::ours, Order::notify_first> {
    struct Lock {
        cond_lock_t handle;

        Lock() { cond_lock_init(&handle, Flags); }
        ~Lock() { cond_lock_destroy(&handle); }
        void lock() { cond_lock_acquire(&handle); }
        void unlock() { cond_lock_release(&handle); }
        bool try_lock() { return cond_lock_try_acquire(&handle) == 0; }
    };

    /* What a condition can do, with or without a lock of its own. */
    struct Calls {
        cond_t cond;

        ~Calls() { cond_destroy(&cond); }
        template <class Pred> void wait(Pred &pred)
        {
            cond_wait_for(&cond, call_pred<Pred>, &pred, COND_FOREVER);
        }
        template <class Pred> bool wait_for(Pred &pred, std::int64_t ns)
        {
            return cond_wait_for(&cond, call_pred<Pred>, &pred, ns) == 0;
        }
        void notify_one() { cond_notify(&cond, 1); }
        void notify_fitting() { cond_notify(&cond, 1); }
        void notify_all() { cond_notify_all(&cond); }
    };

    struct Condition : Calls {
        explicit Condition(Lock &lock) { cond_init(&this->cond, &lock.handle, 0); }
    };

    struct Monitor : Calls {
        Monitor() { cond_init(&this->cond, nullptr, Flags); }
        void lock() { cond_acquire(&this->cond); }
        void unlock() { cond_release(&this->cond); }
    };
};

/* What COND_INIT gives: recursive. */
struct Condvar : CondvarWith<COND_RLOCK> {
    static constexpr const char *name = "condvar";
};

struct CondvarMutex : CondvarWith<COND_MUTEX> {
    static constexpr const char *name = "condvar";
};

/* Its waits that need no notify. */
struct CondvarAwait : As<Role::ours, Order::notify_first> {
    static constexpr const char *name = "condvar";

    class Monitor : public Unnotified {
        cond_t cond_ = COND_INIT;

    public:
        ~Monitor() { cond_destroy(&cond_); }
        void lock() { cond_acquire(&cond_); }
        void unlock() { cond_release(&cond_); }
        template <class Pred> void wait(Pred &pred) { cond_await(&cond_, call_pred<Pred>, &pred, COND_FOREVER); }
        template <class Pred> bool wait_for(Pred &pred, std::int64_t ns)
        {
            return cond_await(&cond_, call_pred<Pred>, &pred, ns) == 0;
        }
    };
};

/* On a mutex that the program has and goes on to lock by itself. */
struct CondvarForeign : As<Role::ours, Order::notify_first> {
    static constexpr const char *name = "condvar";

    struct Lock {
        pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        cond_lock_t handle;

        Lock() { cond_lock_init_pthread(&handle, &mutex); }
        ~Lock() { cond_lock_destroy(&handle); }
        void lock() { pthread_mutex_lock(&mutex); }
        void unlock() { pthread_mutex_unlock(&mutex); }
        bool try_lock() { return pthread_mutex_trylock(&mutex) == 0; }
    };

    struct Condition : Condvar::Calls {
        explicit Condition(Lock &lock) { cond_init(&this->cond, &lock.handle, 0); }
    };

    using Monitor = Pair<Lock, Condition>;
};

/* ---- glibc, or whatever the system's pthreads are ---- */

template <int Kind> struct PthreadWith : As<Role::peer, Order::notify_first_in_a_crowd> {
    struct Lock {
        pthread_mutex_t mutex;

        Lock()
        {
            pthread_mutexattr_t kind;
            pthread_mutexattr_init(&kind);
            pthread_mutexattr_settype(&kind, Kind);
            pthread_mutex_init(&mutex, &kind);
        }
        ~Lock() { pthread_mutex_destroy(&mutex); }
        void lock() { pthread_mutex_lock(&mutex); }
        void unlock() { pthread_mutex_unlock(&mutex); }
        bool try_lock() { return pthread_mutex_trylock(&mutex) == 0; }
    };

    class Condition : public Looping<Condition> {
        pthread_mutex_t &mutex_;
        pthread_cond_t cond_;

    public:
        explicit Condition(Lock &lock) : mutex_(lock.mutex)
        {
            pthread_condattr_t clock;
            pthread_condattr_init(&clock);
            pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
            pthread_cond_init(&cond_, &clock);
        }
        ~Condition() { pthread_cond_destroy(&cond_); }
        static timespec deadline_in(std::int64_t ns) { return to_timespec(now_on(CLOCK_MONOTONIC) + ns); }
        void sleep() { pthread_cond_wait(&cond_, &mutex_); }
        bool sleep_until(const timespec &deadline)
        {
            return pthread_cond_timedwait(&cond_, &mutex_, &deadline) != ETIMEDOUT;
        }
        void notify_one() { pthread_cond_signal(&cond_); }
        void notify_all() { pthread_cond_broadcast(&cond_); }
    };

    using Monitor = Pair<Lock, Condition>;
};

struct Pthread : PthreadWith<PTHREAD_MUTEX_NORMAL> {
    static constexpr const char *name = "pthread";
};

struct PthreadRecursive : PthreadWith<PTHREAD_MUTEX_RECURSIVE> {
    static constexpr const char *name = "pthread recursive";
};

/* ---- C++'s own, with a recursive lock, or with any other ---- */

template <class Any> struct CxxWith : As<Role::peer, Order::notify_first_in_a_crowd> {
    static constexpr const char *name = "C++ any";

    using Lock = Any;

    class Condition : public Looping<Condition> {
        Lock &lock_;
        std::condition_variable_any cond_;

    public:
        explicit Condition(Lock &lock) : lock_(lock) {}
        static auto deadline_in(std::int64_t ns)
        {
            return std::chrono::steady_clock::now() + std::chrono::nanoseconds(ns);
        }
        void sleep() { cond_.wait(lock_); }
        template <class Time> bool sleep_until(Time deadline)
        {
            return cond_.wait_until(lock_, deadline) != std::cv_status::timeout;
        }
        void notify_one() { cond_.notify_one(); }
        void notify_all() { cond_.notify_all(); }
    };

    using Monitor = Pair<Lock, Condition>;
};

using CxxAny = CxxWith<std::recursive_mutex>;
using CxxForeign = CxxWith<Pthread::Lock>;

/* ---- nsync ---- */

#ifdef HAVE_NSYNC

/*
 * Its headers, seen by a C++ compiler, declare what libnsync_cpp has. This gives them the names of the C
 * library instead, which sleeps on futexes. Then the overloads for C++'s clocks must go.
 */
#define NSYNC_PUBLIC_NSYNC_CPP_H_
#define NSYNC_CPP_START_ extern "C" {
#define NSYNC_CPP_END_ }
#define NSYNC_CPP_USING_
#include <nsync_time.h>
#undef NSYNC_CV_CPP_OVERLOAD_
#undef NSYNC_MU_WAIT_CPP_OVERLOAD_
#define NSYNC_CV_CPP_OVERLOAD_
#define NSYNC_MU_WAIT_CPP_OVERLOAD_
#include <nsync_cv.h>
#include <nsync_mu.h>
#include <nsync_mu_wait.h>

struct NsyncLock {
    nsync_mu mu = NSYNC_MU_INIT;

    void lock() { nsync_mu_lock(&mu); }
    void unlock() { nsync_mu_unlock(&mu); }
    bool try_lock() { return nsync_mu_trylock(&mu) != 0; }
};

inline nsync_time nsync_deadline(std::int64_t ns) { return to_timespec(now_on(CLOCK_REALTIME) + ns); }

struct NsyncCv : As<Role::peer, Order::unlock_first> {
    static constexpr const char *name = "nsync cv";

    using Lock = NsyncLock;

    class Condition : public Looping<Condition> {
        nsync_mu &mu_;
        nsync_cv cv_ = NSYNC_CV_INIT;

    public:
        explicit Condition(Lock &lock) : mu_(lock.mu) {}
        static nsync_time deadline_in(std::int64_t ns) { return nsync_deadline(ns); }
        void sleep() { nsync_cv_wait(&cv_, &mu_); }
        bool sleep_until(nsync_time deadline)
        {
            return nsync_cv_wait_with_deadline(&cv_, &mu_, deadline, nullptr) == 0;
        }
        void notify_one() { nsync_cv_signal(&cv_); }
        void notify_all() { nsync_cv_broadcast(&cv_); }
    };

    using Monitor = Pair<Lock, Condition>;
};

/* Its condition on any other lock. */
struct NsyncForeign : As<Role::peer, Order::unlock_first> {
    static constexpr const char *name = "nsync cv";

    using Lock = Pthread::Lock;

    class Condition : public Looping<Condition> {
        Lock &lock_;
        nsync_cv cv_ = NSYNC_CV_INIT;

        static void acquire(void *lock) { static_cast<Lock *>(lock)->lock(); }
        static void release(void *lock) { static_cast<Lock *>(lock)->unlock(); }

    public:
        explicit Condition(Lock &lock) : lock_(lock) {}
        static nsync_time deadline_in(std::int64_t ns) { return nsync_deadline(ns); }
        void sleep() { (void)sleep_until(nsync_time_no_deadline); }
        bool sleep_until(nsync_time deadline)
        {
            return nsync_cv_wait_with_deadline_generic(&cv_, &lock_, acquire, release, deadline, nullptr) == 0;
        }
        void notify_one() { nsync_cv_signal(&cv_); }
        void notify_all() { nsync_cv_broadcast(&cv_); }
    };

    using Monitor = Pair<Lock, Condition>;
};

/* Waits for predicates on the lock itself, without a notify. */
struct NsyncMuWait : As<Role::peer, Order::unlock_first> {
    static constexpr const char *name = "nsync mu_wait";

    using Lock = NsyncLock;

    class Condition : public Unnotified {
        nsync_mu &mu_;

        template <class Pred> static int call(const void *pred)
        {
            return (*static_cast<const Pred *>(pred))();
        }

    public:
        explicit Condition(Lock &lock) : mu_(lock.mu) {}
        template <class Pred> void wait(Pred &pred) { nsync_mu_wait(&mu_, call<Pred>, &pred, nullptr); }
        template <class Pred> bool wait_for(Pred &pred, std::int64_t ns)
        {
            return nsync_mu_wait_with_deadline(&mu_, call<Pred>, &pred, nullptr, nsync_deadline(ns),
                                               nullptr) == 0;
        }
    };

    using Monitor = Pair<Lock, Condition>;
};

using NsyncLocks = List<NsyncCv>;
using NsyncWaits = List<NsyncMuWait>;
using NsyncForeigners = List<NsyncForeign>;
#else
using NsyncLocks = List<>;
using NsyncWaits = List<>;
using NsyncForeigners = List<>;
#endif

/* ---- Abseil ---- */

#ifdef HAVE_ABSL
#include <absl/synchronization/mutex.h>
#include <absl/time/clock.h>

struct AbslLock {
    absl::Mutex mutex;

    void lock() { mutex.Lock(); }
    void unlock() { mutex.Unlock(); }
    bool try_lock() { return mutex.TryLock(); }
};

struct AbslCondVar : As<Role::peer, Order::unlock_first> {
    static constexpr const char *name = "Abseil CondVar";

    using Lock = AbslLock;

    class Condition : public Looping<Condition> {
        absl::Mutex &mutex_;
        absl::CondVar cond_;

    public:
        explicit Condition(Lock &lock) : mutex_(lock.mutex) {}
        static absl::Time deadline_in(std::int64_t ns) { return absl::Now() + absl::Nanoseconds(ns); }
        void sleep() { cond_.Wait(&mutex_); }
        bool sleep_until(absl::Time deadline) { return !cond_.WaitWithDeadline(&mutex_, deadline); }
        void notify_one() { cond_.Signal(); }
        void notify_all() { cond_.SignalAll(); }
    };

    using Monitor = Pair<Lock, Condition>;
};

/* As nsync's mu_wait. */
struct AbslAwait : As<Role::peer, Order::unlock_first> {
    static constexpr const char *name = "Abseil Await";

    using Lock = AbslLock;

    class Condition : public Unnotified {
        absl::Mutex &mutex_;

        template <class Pred> static bool call(Pred *pred) { return (*pred)(); }

    public:
        explicit Condition(Lock &lock) : mutex_(lock.mutex) {}
        template <class Pred> void wait(Pred &pred) { mutex_.Await(absl::Condition(call<Pred>, &pred)); }
        template <class Pred> bool wait_for(Pred &pred, std::int64_t ns)
        {
            return mutex_.AwaitWithTimeout(absl::Condition(call<Pred>, &pred), absl::Nanoseconds(ns));
        }
    };

    using Monitor = Pair<Lock, Condition>;
};

using AbslLocks = List<AbslCondVar>;
using AbslWaits = List<AbslAwait>;
#else
using AbslLocks = List<>;
using AbslWaits = List<>;
#endif

/* ---- Who takes part ---- */

/* Those with something to notify; their locks are all locks that there are. */
using OtherNotifiers = Joined<List<Pthread, CxxAny>, Joined<NsyncLocks, AbslLocks>>;

using Others = Joined<OtherNotifiers, Joined<NsyncWaits, AbslWaits>>;
using Everybody = Joined<List<Condvar>, Others>;

/* Those whose waits need no notify. */
using Awaiters = Joined<List<CondvarAwait>, Joined<NsyncWaits, AbslWaits>>;

/* Those whose conditions can be on a pthread mutex that the program has. */
using Foreigners = Joined<List<CondvarForeign, Pthread, CxxForeign>, NsyncForeigners>;

/* Those that were not there when this was built, each with a space behind it. */
constexpr const char *missing_peers = ""
#ifndef HAVE_NSYNC
    "nsync "
#endif
#ifndef HAVE_ABSL
    "Abseil "
#endif
    ;

#endif
