/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_HPP
#define CONDVAR_HPP

/*
 * condvar.hpp - condvar.h for C++17: the same objects, the same rules, in C++'s words
 *
 *     condvar::condition cond;                     // constexpr: a static one needs no start-up code
 *     std::queue<int> jobs;
 *
 *     void worker()                                // one thread
 *     {
 *         std::unique_lock hold(cond);
 *         cond.wait_for([&] { return !jobs.empty(); });
 *         jobs.pop();                              // the predicate is true, the lock is held
 *     }
 *
 *     void submit(int job)                         // another thread
 *     {
 *         std::lock_guard hold(cond);
 *         jobs.push(job);
 *         cond.notify();
 *     }
 *
 * What condvar.h says holds here too. In addition:
 *
 * - Both classes are Lockable and TimedLockable: std::unique_lock, std::lock_guard, std::scoped_lock and
 *   std::lock take them. lock() is acquire(), unlock() is release().
 * - Time is any duration of <chrono>. It is rounded up to nanoseconds; zero, less, and not a number poll; what
 *   is too long to represent never expires. A wait or an acquire whose time is over returns false.
 * - Every other error is a std::system_error whose code() compares with std::errc: operation_not_permitted for
 *   a caller who does not hold the lock, resource_deadlock_would_occur for a mutex that its owner acquires
 *   again, and so on: the errno values of condvar.h.
 * - A predicate is anything that can be called without arguments and whose answer is true or false. It may be
 *   called by another thread, one that is about to release the lock, while its own thread sleeps. So it must
 *   not look at what belongs to a thread (thread_local, std::this_thread), must not block, and must not call
 *   the condition. If it throws, the exception is kept, the waiter is let go, and wait_for() throws it, in the
 *   thread that waits, with the lock held. (The notification that made it look is spent.)
 * - A destructor cannot throw. To destroy what is still held or waited on would leave threads in memory that is
 *   gone, so it ends in std::terminate(), as for a std::thread that was not joined.
 * - Conditions of processes (COND_SHARED) are made in the shared memory by placement new. acquire(), wait() and
 *   wait_for() throw EOWNERDEAD with the lock held; lock() and its like just hold it then, since a
 *   std::lock_guard must: call recover() first thing. Run the destructor in the last process only.
 */

#if __cplusplus < 201703L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 201703L)
#  error "condvar.hpp needs C++17; condvar.h does not"
#endif

#include "condvar.h"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <ratio>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

/* clang's -Wthread-safety is told about C's calls, and does not know std::lock_guard: it has nothing to say here. */
#if defined(__clang__)
#  pragma clang diagnostic push
#  pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

namespace condvar {

namespace detail {

[[noreturn]] inline void misuse(int error)
{
    throw std::system_error(error, std::generic_category(), cond_strerror(error));
}

/* 0 is true, `no` is false, anything else is thrown. */
inline bool answer(int error, int no)
{
    if (error != 0 && error != no)
        misuse(error);
    return error == 0;
}

inline void must(int error)
{
    if (error != 0)
        misuse(error);
}

inline int held(int error)
{
    return error == EOWNERDEAD ? 0 : error;
}

/* Rounded up, since a wait never returns early. */
template <class Rep, class Period>
constexpr std::int64_t timeout_ns(const std::chrono::duration<Rep, Period> &time)
{
    using scale = std::ratio_divide<Period, std::nano>;
    constexpr std::int64_t most = COND_FOREVER;
    if (!(time.count() > Rep(0)))
        return 0;
    if constexpr (std::chrono::treat_as_floating_point_v<Rep> || scale::den > most / scale::num) {
        const long double ns = static_cast<long double>(time.count()) * scale::num / scale::den;
        return ns < static_cast<long double>(most) ? static_cast<std::int64_t>(std::ceil(ns)) : most;
    } else {
        if constexpr (std::is_integral_v<Rep>)
            if (static_cast<std::uintmax_t>(time.count()) > static_cast<std::uintmax_t>(most))
                return most;
        const std::int64_t count = static_cast<std::int64_t>(time.count());
        const std::int64_t whole = count / scale::den;
        const std::int64_t part = (count % scale::den * scale::num + scale::den - 1) / scale::den;
        return whole > (most - part) / scale::num ? most : whole * scale::num + part;
    }
}

/* A predicate under way through C: what it throws in another thread is kept for its own. */
template <class Pred> struct predicate {
    Pred &function;
    std::exception_ptr thrown = nullptr;

    static bool call(void *arg) noexcept
    {
        predicate &self = *static_cast<predicate *>(arg);
        if (self.thrown)
            return true;
        try {
            return static_cast<bool>(self.function());
        } catch (...) {
            self.thrown = std::current_exception();
            return true;
        }
    }
};

/* lock() and its relations, from acquire_(timeout_ns), try_acquire_() and release_() of `Self`. */
template <class Self> class lockable {
public:
    /** As cond_acquire() and cond_lock_acquire(). */
    void acquire() { must(self().acquire_(COND_FOREVER)); }

    /** The same within a time; false when it is over. */
    template <class Rep, class Period> bool acquire(const std::chrono::duration<Rep, Period> &time)
    {
        return answer(self().acquire_(timeout_ns(time)), ETIMEDOUT);
    }

    /** Whether that was possible at once. */
    bool try_acquire() { return answer(self().try_acquire_(), EBUSY); }

    /** By one level. The holder. */
    void release() { must(self().release_()); }

    void lock() { must(held(self().acquire_(COND_FOREVER))); }

    bool try_lock() { return answer(held(self().try_acquire_()), EBUSY); }

    template <class Rep, class Period> bool try_lock_for(const std::chrono::duration<Rep, Period> &time)
    {
        return answer(held(self().acquire_(timeout_ns(time))), ETIMEDOUT);
    }

    /** A clock that was set back in between is looked at again. */
    template <class Clock, class Duration>
    bool try_lock_until(const std::chrono::time_point<Clock, Duration> &time)
    {
        for (;;) {
            const auto now = Clock::now();
            if (!(now < time))
                return try_lock();
            if (try_lock_for(time - now))
                return true;
        }
    }

    void unlock() { release(); }

private:
    Self &self() { return static_cast<Self &>(*this); }
};

} // namespace detail

/* A lock by itself: for several conditions on one lock, and for a lock that exists. */
class lock_handle : public detail::lockable<lock_handle> {
public:
    /** Recursive. */
    constexpr lock_handle() noexcept : lock_ COND_RLOCK_INIT {}

    /** COND_RLOCK or COND_MUTEX, and COND_SHARED; as cond_lock_init(). */
    explicit lock_handle(unsigned flags) : lock_ COND_RLOCK_INIT { detail::must(cond_lock_init(&lock_, flags)); }

    /** Somebody else's lock, which must outlive this; as cond_lock_init_foreign(). */
    lock_handle(const cond_lock_ops_t &ops, void *object) : lock_ COND_RLOCK_INIT
    {
        detail::must(cond_lock_init_foreign(&lock_, &ops, object));
    }

#ifdef COND_HAVE_PTHREAD_
    /** A pthread mutex (for a std::mutex, *mutex.native_handle()); as cond_lock_init_pthread(). */
    explicit lock_handle(pthread_mutex_t &mutex) : lock_ COND_RLOCK_INIT
    {
        detail::must(cond_lock_init_pthread(&lock_, &mutex));
    }
#endif

    ~lock_handle()
    {
        if (cond_lock_destroy(&lock_) == EBUSY)
            std::terminate();
    }

    lock_handle(const lock_handle &) = delete;
    lock_handle &operator=(const lock_handle &) = delete;

    bool locked() const noexcept { return cond_lock_locked(&lock_); }
    bool owned() const noexcept { return cond_lock_owned(&lock_); }

    /** Whether a holder had died; the lock is in order now. The holder. */
    bool recover() { return detail::answer(cond_lock_recover(&lock_), EINVAL); }

    cond_lock_t *native_handle() noexcept { return &lock_; }

private:
    friend class detail::lockable<lock_handle>;

    int acquire_(std::int64_t timeout_ns)
    {
        return timeout_ns == COND_FOREVER ? cond_lock_acquire(&lock_) : cond_lock_acquire_timed(&lock_, timeout_ns);
    }
    int try_acquire_() { return cond_lock_try_acquire(&lock_); }
    int release_() { return cond_lock_release(&lock_); }

    cond_lock_t lock_;
};

using lock = lock_handle; /* (a class cannot have a member function of its own name) */

class condition : public detail::lockable<condition> {
public:
    /** On a recursive lock of its own. */
    constexpr condition() noexcept : cond_ COND_INIT {}

    /** On a lock of its own: COND_RLOCK or COND_MUTEX, and COND_SHARED; as cond_init(). */
    explicit condition(unsigned flags) : cond_ COND_INIT { detail::must(cond_init(&cond_, nullptr, flags)); }

    /** On a lock elsewhere, which must outlive it. */
    explicit condition(lock_handle &lock) : cond_ COND_INIT
    {
        detail::must(cond_init(&cond_, lock.native_handle(), 0));
    }

    ~condition()
    {
        if (cond_destroy(&cond_) == EBUSY)
            std::terminate();
    }

    condition(const condition &) = delete;
    condition &operator=(const condition &) = delete;

    /** Wait for a notify that chooses the caller; as cond_wait(). The holder. */
    void wait() { detail::must(cond_wait(&cond_, COND_FOREVER)); }

    /** The same; false if none has chosen it in this time. */
    template <class Rep, class Period> bool wait(const std::chrono::duration<Rep, Period> &time)
    {
        return detail::answer(cond_wait(&cond_, detail::timeout_ns(time)), ETIMEDOUT);
    }

    /** Wait until the predicate is true; as cond_wait_for(). The holder. */
    template <class Pred> void wait_for(Pred &&pred) { detail::must(wait_for_(pred, COND_FOREVER)); }

    /** The same; false if it is false at the end of this time. */
    template <class Pred, class Rep, class Period>
    bool wait_for(Pred &&pred, const std::chrono::duration<Rep, Period> &time)
    {
        return detail::answer(wait_for_(pred, detail::timeout_ns(time)), ETIMEDOUT);
    }

    /** Choose the first n waiters; as cond_notify(). The holder. */
    void notify(std::size_t n = 1) { detail::must(cond_notify(&cond_, n)); }

    /** Choose all. The holder. */
    void notify_all() { detail::must(cond_notify_all(&cond_)); }

    bool locked() const noexcept { return cond_locked(&cond_); }
    bool owned() const noexcept { return cond_owned(&cond_); }
    std::size_t waiters() const noexcept { return cond_waiters(&cond_); }

    /** As cond_describe(). */
    std::string describe() const
    {
        char text[256];
        cond_describe(&cond_, text, sizeof text);
        return text;
    }

    /** Whether a holder had died; the lock is in order now. The holder. */
    bool recover() { return detail::answer(cond_recover(&cond_), EINVAL); }

    /** For the calls of condvar.h that have no counterpart here. */
    cond_t *native_handle() noexcept { return &cond_; }

private:
    friend class detail::lockable<condition>;

    int acquire_(std::int64_t timeout_ns)
    {
        return timeout_ns == COND_FOREVER ? cond_acquire(&cond_) : cond_acquire_timed(&cond_, timeout_ns);
    }
    int try_acquire_() { return cond_try_acquire(&cond_); }
    int release_() { return cond_release(&cond_); }

    template <class Pred> int wait_for_(Pred &pred, std::int64_t timeout_ns)
    {
        detail::predicate<Pred> call{pred};
        const int error = cond_wait_for(&cond_, detail::predicate<Pred>::call, &call, timeout_ns);
        if (call.thrown)
            std::rethrow_exception(std::move(call.thrown));
        return error;
    }

    cond_t cond_;
};

} // namespace condvar

#if defined(__clang__)
#  pragma clang diagnostic pop
#endif

#endif
