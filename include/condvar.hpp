/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_HPP
#define CONDVAR_HPP

/*
 * condvar.hpp - condvar.h for C++17 and later: the same objects and rules, as classes
 *
 *     #include <condvar.hpp>
 *     #include <mutex>
 *     #include <queue>
 *
 *     condvar::condition cond;                     // constexpr: a static one needs no start-up code
 *     std::queue<int> jobs;                        // guarded by the lock of cond
 *
 *     void take_job()                              // called by the consumers
 *     {
 *         std::unique_lock hold(cond);
 *         cond.wait_for([&] { return !jobs.empty(); });
 *         jobs.pop();                              // the predicate is true, and the lock is held
 *     }
 *
 *     void add_job(int job)                        // called by the producers
 *     {
 *         std::lock_guard hold(cond);
 *         jobs.push(job);
 *         cond.notify();
 *     }
 *
 *
 * Rules: those of condvar.h, and these
 *
 * - Locking. Both classes are Lockable and TimedLockable, so std::unique_lock, std::lock_guard, std::scoped_lock
 *   and std::lock take them. lock() is acquire(), and unlock() is release().
 * - Time is any duration of <chrono>, rounded up to nanoseconds. A duration of 0 or less, or NaN, polls. A duration
 *   that is too long to be represented never expires. The calls whose names end in _until take a time_point of any
 *   clock. They never time out early, even if that clock is set back meanwhile.
 * - Timeouts. A wait or an acquire that times out returns false.
 * - Tokens. A wait may have a token as its first argument: a condvar::token, or in C++20 a std::stop_token. If the
 *   token ends the wait, the wait returns false, with the lock held. If the predicate is true, it returns true.
 *   Caller of condition::cancel() must hold the lock. Any thread may call request_stop(), whatever locks it holds. The
 *   call returns at once, before the wait has ended.
 * - Errors. Any other error throws std::system_error. Its code() is an errno value of condvar.h, to be compared with
 *   std::errc: operation_not_permitted if the caller does not hold the lock, resource_deadlock_would_occur if the
 *   owner of a mutex acquires it again, operation_canceled if the condition is closed, and so on.
 * - A wait that throws holds the lock again, except after operation_not_permitted (the caller did not hold it),
 *   state_not_recoverable, invalid_argument if a shared lock was destroyed during the wait, and the errors of a lost
 *   foreign lock (cond_wait()). Such an exception must leave the scope of std::lock_guard or std::unique_lock, whose
 *   destructor then finds that the lock is not held. Or call the release() of std::unique_lock.
 * - Predicates are called without arguments and return a bool. A thread that releases the lock may call the predicate
 *   while the waiter sleeps. So a predicate must not use thread_local variables or std::this_thread, must not block,
 *   and must not call the condition.
 * - Exceptions of a predicate end the wait. wait_for() throws them in the thread that waits, with the lock held.
 *   (If a notify chose this waiter, its notification is used up.)
 * - Destructors cannot throw. If a condition or a lock is still held or waited on, its destructor calls
 *   std::terminate(). (The destructor of a std::thread does the same if the thread was not joined.)
 * - Processes. Construct shared conditions (COND_SHARED) in the shared memory by placement new. If another process has
 *   done so before, the constructor throws device_or_resource_busy and changes nothing: cast the address instead.
 *   (Compilers may remove a memset() of the memory just before. Clear it in another way.) On EOWNERDEAD acquire(),
 *   wait() and wait_for() throw, with the lock held. lock() and its variants return normally, because otherwise
 *   std::lock_guard would not release the lock. So call recover() after lock(). It returns false if there was nothing
 *   to recover. Only the last process runs the destructor.
 * - Coroutines (C++20) wait without blocking a thread: see async_hold.
 */

#if __cplusplus < 201703L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 201703L)
#  error "condvar.hpp needs C++17; condvar.h does not"
#endif

#include "condvar.h"

#if (__cplusplus >= 202002L || (defined(_MSVC_LANG) && _MSVC_LANG >= 202002L)) && !defined(CONDVAR_NO_CANCEL)
#  if __has_include(<stop_token>)
#    include <stop_token>
#    ifdef __cpp_lib_jthread
#      define CONDVAR_STOP_TOKEN_ 1
#    endif
#  endif
#endif
#if defined(__cpp_impl_coroutine) && !defined(CONDVAR_NO_TASKS)
#  if __has_include(<coroutine>)
#    include <atomic>
#    include <coroutine>
#    include <optional>
#    define CONDVAR_COROUTINES_ 1
#  endif
#endif

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

/* clang's -Wthread-safety does not see that std::lock_guard acquires a condition, so it would warn here. */
#if defined(__clang__)
#  pragma clang diagnostic push
#  pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

namespace condvar {

/* Private, and declared here for the classes: the definitions are at the end. */
namespace detail {

inline void check(int error);               /* throws unless 0 */
inline bool check(int error, int expected); /* false if `expected`, true if 0; else throws */
inline int held(int error);                 /* EOWNERDEAD becomes 0 */

template <class Rep, class Period> constexpr std::int64_t timeout_ns(const std::chrono::duration<Rep, Period> &time);
template <class Clock, class Duration, class Call>
int until(const std::chrono::time_point<Clock, Duration> &time, Call &&call);

template <class T> inline constexpr bool is_token = false;
template <class T> using bare = std::remove_cv_t<std::remove_reference_t<T>>;
template <class T> using if_token = std::enable_if_t<is_token<bare<T>>, int>;

template <class... Args> struct is_misused_wait;
template <class... Args> struct is_misused_wait_until;
template <class... Args> struct is_misused_wait_for;

struct coroutine_task;

} // namespace detail

/* ---- Acquire and release: members of both classes -------------------------------------------------------- */

namespace detail {

/**
 * The calls on the lock: members of condition and of lock_handle. `Self` has acquire_(timeout_ns),
 * acquire_by_(deadline_ns), try_acquire_() and release_().
 */
template <class Self> class lockable {
public:
    /** As cond_acquire() and cond_lock_acquire(). */
    void acquire() { check(self().acquire_(COND_FOREVER)); }

    /** The same with a timeout: false if it timed out. */
    template <class Rep, class Period> [[nodiscard]] bool acquire(const std::chrono::duration<Rep, Period> &time)
    {
        return check(self().acquire_(timeout_ns(time)), ETIMEDOUT);
    }

    /** The same with a deadline. */
    template <class Clock, class Duration>
    [[nodiscard]] bool acquire_until(const std::chrono::time_point<Clock, Duration> &time)
    {
        return check(acquire_until_(time), ETIMEDOUT);
    }

    /** False if the lock is not free. */
    [[nodiscard]] bool try_acquire() { return check(self().try_acquire_(), EBUSY); }

    /** Release one level. Caller must hold the lock. */
    void release() { check(self().release_()); }

    /* Lockable and TimedLockable. EOWNERDEAD is not thrown. */
    void lock() { check(held(self().acquire_(COND_FOREVER))); }

    [[nodiscard]] bool try_lock() { return check(held(self().try_acquire_()), EBUSY); }

    template <class Rep, class Period> [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period> &time)
    {
        return check(held(self().acquire_(timeout_ns(time))), ETIMEDOUT);
    }

    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration> &time)
    {
        return check(held(acquire_until_(time)), ETIMEDOUT);
    }

    /* Does not throw while an exception unwinds the stack: a wait may have lost the lock. The destructor of
       std::lock_guard then calls unlock(), and an exception from it would call std::terminate(). */
    void unlock()
    {
        const int error = self().release_();
        if (std::uncaught_exceptions() == 0)
            check(error);
    }

private:
    Self &self() { return static_cast<Self &>(*this); }

    template <class Clock, class Duration>
    int acquire_until_(const std::chrono::time_point<Clock, Duration> &time)
    {
        return until(time, [this](std::int64_t deadline_ns) { return self().acquire_by_(deadline_ns); });
    }
};

} // namespace detail

/* ---- A lock by itself ------------------------------------------------------------------------------------ */

/** For several conditions on one lock, and for a lock that the program has already: cond_lock_t. */
class lock_handle : public detail::lockable<lock_handle> {
public:
    /** Recursive. */
    constexpr lock_handle() noexcept : lock_ COND_RLOCK_INIT {}

    /** COND_RLOCK or COND_MUTEX, and COND_SHARED or not: as cond_lock_init(). */
    explicit lock_handle(unsigned flags) { detail::check(cond_lock_init(&lock_, flags)); }

#ifndef CONDVAR_NO_FOREIGN
    /** A foreign lock, which must outlive this object: as cond_lock_init_foreign(). */
    lock_handle(const cond_lock_ops_t &ops, void *object) : lock_ COND_RLOCK_INIT
    {
        detail::check(cond_lock_init_foreign(&lock_, &ops, object));
    }
#endif

#ifdef COND_HAVE_PTHREAD_
    /** A pthread mutex: as cond_lock_init_pthread(). For a std::mutex it is *mutex.native_handle(). */
    explicit lock_handle(pthread_mutex_t &mutex) : lock_ COND_RLOCK_INIT
    {
        detail::check(cond_lock_init_pthread(&lock_, &mutex));
    }
#endif

    ~lock_handle()
    {
        if (cond_lock_destroy(&lock_) == EBUSY)
            std::terminate();
    }

    lock_handle(const lock_handle &) = delete;
    lock_handle &operator=(const lock_handle &) = delete;

    /** As cond_lock_locked(), cond_lock_owned() and cond_lock_describe(). */
    [[nodiscard]] bool locked() const noexcept { return cond_lock_locked(&lock_); }
    [[nodiscard]] bool owned() const noexcept { return cond_lock_owned(&lock_); }
#ifndef CONDVAR_NO_TEXT
    [[nodiscard]] std::string describe() const
    {
        char text[256] = ""; /* stays empty after an error */
        cond_lock_describe(&lock_, text, sizeof text);
        return text;
    }
#endif

    /** As cond_lock_recover(). False if there was nothing to recover. Caller must hold the lock. */
    bool recover() { return detail::check(cond_lock_recover(&lock_), EINVAL); }

    /** For the calls of condvar.h that have no counterpart here. */
    cond_lock_t *native_handle() noexcept { return &lock_; }

private:
    friend class detail::lockable<lock_handle>;

    int acquire_(std::int64_t timeout_ns)
    {
        return timeout_ns == COND_FOREVER ? cond_lock_acquire(&lock_) : cond_lock_acquire_timed(&lock_, timeout_ns);
    }
    int acquire_by_(std::int64_t deadline_ns) { return cond_lock_acquire_until(&lock_, deadline_ns); }
    int try_acquire_() { return cond_lock_try_acquire(&lock_); }
    int release_() { return cond_lock_release(&lock_); }

    cond_lock_t lock_; /* not cleared before cond_lock_init(), which may find a shared lock of another process here */
};

using lock = lock_handle; /* (C++ does not allow a class with a member function of its own name.) */

/* ---- A token --------------------------------------------------------------------------------------------- */

#ifndef CONDVAR_NO_CANCEL
/** Ends the waits that carry it: condition::cancel(). One for each waiter or group of waiters. It must outlive them. */
class token {
public:
    constexpr token() noexcept : token_{} {}
    token(const token &) = delete;
    token &operator=(const token &) = delete;

    /** True after a cancel() with this token. Exact if the caller holds the condition's lock. */
    [[nodiscard]] bool cancelled() const noexcept
    {
#ifdef __GNUC__
        return __atomic_load_n(&token_.cancelled_, __ATOMIC_RELAXED) != 0;
#else
        return *static_cast<const volatile std::uint32_t *>(&token_.cancelled_) != 0;
#endif
    }

    cond_token_t *native_handle() noexcept { return &token_; }

private:
    cond_token_t token_;
};
#endif

/* ---- A condition ----------------------------------------------------------------------------------------- */

#ifdef CONDVAR_COROUTINES_
class async_hold;
#endif

/** A condition and its lock: cond_t. Caller must hold the lock for each wait, notify, cancel and close. */
class condition : public detail::lockable<condition> {
public:
    /** With its own recursive lock. */
    constexpr condition() noexcept : cond_ COND_INIT {}

    /** With its own lock: COND_RLOCK or COND_MUTEX, and COND_SHARED or not. As cond_init(). */
    explicit condition(unsigned flags) { detail::check(cond_init(&cond_, nullptr, flags)); }

    /** On a separate lock, which must outlive the condition. */
    explicit condition(lock_handle &lock) { detail::check(cond_init(&cond_, lock.native_handle(), 0)); }

    ~condition()
    {
        if (cond_destroy(&cond_) == EBUSY)
            std::terminate();
    }

    condition(const condition &) = delete;
    condition &operator=(const condition &) = delete;

    /** Wait for a notify that chooses the caller: as cond_wait(). */
    void wait() { detail::check(cond_wait(&cond_, COND_FOREVER)); }

    /** The same with a timeout: false if it timed out. */
    template <class Rep, class Period> bool wait(const std::chrono::duration<Rep, Period> &time)
    {
        return detail::check(cond_wait(&cond_, detail::timeout_ns(time)), ETIMEDOUT);
    }

    /** The same with a deadline. */
    template <class Clock, class Duration> bool wait_until(const std::chrono::time_point<Clock, Duration> &time)
    {
        return detail::check(
            detail::until(time, [this](std::int64_t deadline_ns) { return cond_wait_until(&cond_, deadline_ns); }),
            ETIMEDOUT);
    }

    /** Wait until the predicate is true: as cond_wait_for(). */
    template <class Pred> void wait_for(Pred &&pred) { detail::check(wait_for_(pred, COND_FOREVER)); }

    /** The same with a timeout: false if it timed out and the predicate is false. */
    template <class Pred, class Rep, class Period>
    [[nodiscard]] bool wait_for(Pred &&pred, const std::chrono::duration<Rep, Period> &time)
    {
        return detail::check(wait_for_(pred, detail::timeout_ns(time)), ETIMEDOUT);
    }

    /** The same with a deadline. */
    template <class Pred, class Clock, class Duration>
    [[nodiscard]] bool wait_for_until(Pred &&pred, const std::chrono::time_point<Clock, Duration> &time)
    {
        return detail::check(wait_for_until_(pred, time), ETIMEDOUT);
    }

    /** Choose the first n waiters: as cond_notify(). */
    void notify(std::size_t n = 1) { detail::check(cond_notify(&cond_, n)); }
    void notify_one() { notify(); }

    /** Choose all waiters: as cond_notify_all(). */
    void notify_all() { detail::check(cond_notify_all(&cond_)); }

#ifndef CONDVAR_NO_AWAIT
    /** As wait_for(), but without a notify: cond_await(). */
    template <class Pred> void await(Pred &&pred) { detail::check(await_(pred, COND_FOREVER)); }

    template <class Pred, class Rep, class Period>
    [[nodiscard]] bool await(Pred &&pred, const std::chrono::duration<Rep, Period> &time)
    {
        return detail::check(await_(pred, detail::timeout_ns(time)), ETIMEDOUT);
    }

    template <class Pred, class Clock, class Duration>
    [[nodiscard]] bool await_until(Pred &&pred, const std::chrono::time_point<Clock, Duration> &time)
    {
        const auto call = [&](std::int64_t deadline_ns) {
            return await_(pred, deadline_ns == COND_FOREVER ? COND_FOREVER : deadline_ns - cond_now());
        };
        return detail::check(detail::until(time, call), ETIMEDOUT);
    }
#endif

#ifndef CONDVAR_NO_CANCEL
    /** Close the condition: as cond_close(). All waits throw std::errc::operation_canceled, now and later, unless their
        predicate is true. */
    void close() { detail::check(cond_close(&cond_)); }

    /** As cond_closed(). */
    [[nodiscard]] bool closed() const noexcept { return cond_closed(&cond_); }

    /** End the waits on this condition that carry the token: as cond_cancel(). */
    void cancel(token &token) { detail::check(cond_cancel(&cond_, token.native_handle())); }

    /* The same waits with a token: a condvar::token or a std::stop_token. They return false if the token has ended the
       wait, or if it has timed out. The lock is held, and the predicate, if there is one, is false. */

    template <class Token, detail::if_token<Token> = 0> [[nodiscard]] bool wait(Token &&token)
    {
        return wait_with_(token, nullptr, COND_FOREVER, false);
    }

    template <class Token, class Rep, class Period, detail::if_token<Token> = 0>
    [[nodiscard]] bool wait(Token &&token, const std::chrono::duration<Rep, Period> &time)
    {
        return wait_with_(token, nullptr, cond_deadline(detail::timeout_ns(time)), false);
    }

    template <class Token, class Clock, class Duration, detail::if_token<Token> = 0>
    [[nodiscard]] bool wait_until(Token &&token, const std::chrono::time_point<Clock, Duration> &time)
    {
        return wait_with_(token, nullptr, time, false);
    }

    template <class Token, class Pred, detail::if_token<Token> = 0>
    [[nodiscard]] bool wait_for(Token &&token, Pred &&pred)
    {
        return wait_with_(token, &pred, COND_FOREVER, false);
    }

    template <class Token, class Pred, class Rep, class Period, detail::if_token<Token> = 0>
    [[nodiscard]] bool wait_for(Token &&token, Pred &&pred, const std::chrono::duration<Rep, Period> &time)
    {
        return wait_with_(token, &pred, cond_deadline(detail::timeout_ns(time)), false);
    }

    template <class Token, class Pred, class Clock, class Duration, detail::if_token<Token> = 0>
    [[nodiscard]] bool wait_for_until(Token &&token, Pred &&pred, const std::chrono::time_point<Clock, Duration> &time)
    {
        return wait_with_(token, &pred, time, false);
    }

#ifndef CONDVAR_NO_AWAIT
    template <class Token, class Pred, detail::if_token<Token> = 0> [[nodiscard]] bool await(Token &&token, Pred &&pred)
    {
        return wait_with_(token, &pred, COND_FOREVER, true);
    }

    template <class Token, class Pred, class Rep, class Period, detail::if_token<Token> = 0>
    [[nodiscard]] bool await(Token &&token, Pred &&pred, const std::chrono::duration<Rep, Period> &time)
    {
        return wait_with_(token, &pred, cond_deadline(detail::timeout_ns(time)), true);
    }

    template <class Token, class Pred, class Clock, class Duration, detail::if_token<Token> = 0>
    [[nodiscard]] bool await_until(Token &&token, Pred &&pred, const std::chrono::time_point<Clock, Duration> &time)
    {
        return wait_with_(token, &pred, time, true);
    }
#endif
#endif

    /** As cond_locked(), cond_owned(), cond_waiters() and cond_describe(). */
    [[nodiscard]] bool locked() const noexcept { return cond_locked(&cond_); }
    [[nodiscard]] bool owned() const noexcept { return cond_owned(&cond_); }
    [[nodiscard]] std::size_t waiters() const noexcept { return cond_waiters(&cond_); }
#ifndef CONDVAR_NO_TEXT
    [[nodiscard]] std::string describe() const
    {
        char text[256] = ""; /* stays empty after an error */
        cond_describe(&cond_, text, sizeof text);
        return text;
    }
#endif

    /** As cond_recover(). False if there was nothing to recover. Caller must hold the lock. */
    bool recover() { return detail::check(cond_recover(&cond_), EINVAL); }

    /** For the calls of condvar.h that have no counterpart here. */
    cond_t *native_handle() noexcept { return &cond_; }

#ifdef CONDVAR_COROUTINES_
    /* For coroutines: see async_hold. */

    /** co_await returns an async_hold: as cond_task_acquire(). `executor` resumes the coroutine. */
    template <class Executor> auto async_acquire(Executor &&executor);

    /** co_await waits for a notify that chooses the coroutine: as cond_task_wait(). */
    auto async_wait(async_hold &hold);

    /** co_await waits until the predicate is true: as cond_task_wait_for(). It keeps a copy of the predicate. */
    template <class Pred> auto async_wait_for(async_hold &hold, Pred pred);

#ifndef CONDVAR_NO_AWAIT
    /** As async_wait_for(), but without a notify: cond_task_await(). */
    template <class Pred> auto async_await(async_hold &hold, Pred pred);
#endif

#ifdef CONDVAR_STOP_TOKEN_
    /* The same with a stop token. If a stop is requested before the call or ends its wait, async_acquire() returns an
       empty hold. A wait that a stop ends returns false, with the lock held, or true if the predicate is true. */
    template <class Executor> auto async_acquire(Executor &&executor, std::stop_token token);
    auto async_wait(async_hold &hold, std::stop_token token);
    template <class Pred> auto async_wait_for(async_hold &hold, std::stop_token token, Pred pred);
#ifndef CONDVAR_NO_AWAIT
    template <class Pred> auto async_await(async_hold &hold, std::stop_token token, Pred pred);
#endif
#endif

    /** As cond_task_notify(), cond_task_notify_all() and cond_task_close(). */
    void notify(async_hold &hold, std::size_t n = 1);
    void notify_one(async_hold &hold) { notify(hold); }
    void notify_all(async_hold &hold);
#ifndef CONDVAR_NO_CANCEL
    void close(async_hold &hold);
#endif
#endif

    /* Wrong arguments do not compile, and the error says what to write instead. */

    template <class... Args, std::enable_if_t<detail::is_misused_wait<Args...>::value, int> = 0> void wait(Args &&...)
    {
        static_assert(sizeof...(Args) == 0, "condvar: write wait(), wait(duration) or wait_until(time_point); "
                                            "with a predicate wait_for(pred). The lock is inside");
    }

    template <class... Args, std::enable_if_t<detail::is_misused_wait_until<Args...>::value, int> = 0>
    void wait_until(Args &&...)
    {
        static_assert(sizeof...(Args) > 99, "condvar: write wait_until(time_point); with a predicate "
                                            "wait_for_until(pred, time_point). The lock is inside");
    }

    template <class... Args, std::enable_if_t<detail::is_misused_wait_for<Args...>::value, int> = 0>
    void wait_for(Args &&...)
    {
        static_assert(sizeof...(Args) > 99, "condvar: write wait_for(pred), wait_for(pred, duration) or "
                                            "wait_for_until(pred, time_point). The lock is inside");
    }

private:
    friend class detail::lockable<condition>;

    int acquire_(std::int64_t timeout_ns)
    {
        return timeout_ns == COND_FOREVER ? cond_acquire(&cond_) : cond_acquire_timed(&cond_, timeout_ns);
    }
    int acquire_by_(std::int64_t deadline_ns) { return cond_acquire_until(&cond_, deadline_ns); }
    int try_acquire_() { return cond_try_acquire(&cond_); }
    int release_() { return cond_release(&cond_); }

    template <class Pred, class Call> static int with_predicate_(Pred &pred, Call &&call);
    template <class Pred> int wait_for_(Pred &pred, std::int64_t timeout_ns);
    template <class Pred, class Clock, class Duration>
    int wait_for_until_(Pred &pred, const std::chrono::time_point<Clock, Duration> &time);
    template <class Pred> int await_(Pred &pred, std::int64_t timeout_ns);
    template <class Token, class Pred>
    int wait_once_with_(Token &token, Pred pred, std::int64_t deadline_ns, bool unnotified);
    template <class Token> static bool token_result_(const Token &token, int error);
    template <class Token, class Pred>
    bool wait_with_(Token &token, Pred pred, std::int64_t deadline_ns, bool unnotified);
    template <class Token, class Pred, class Clock, class Duration>
    bool wait_with_(Token &&token, Pred pred, const std::chrono::time_point<Clock, Duration> &time, bool unnotified);

    cond_t cond_; /* not cleared before cond_init(), as lock_handle::lock_ */
};

/* ---- Coroutines ------------------------------------------------------------------------------------------ */

#ifdef CONDVAR_COROUTINES_
/**
 * The lock, held by a coroutine. A coroutine uses a condition as a thread does, but never blocks a thread: condvar.h,
 * "Tasks".
 *
 *     task consumer(condvar::condition &cond, loop &loop, std::queue<int> &jobs)
 *     {
 *         auto hold = co_await cond.async_acquire(loop);
 *         co_await cond.async_wait_for(hold, [&] { return !jobs.empty(); });
 *         jobs.pop();                               // the predicate is true, and the lock is held
 *     }                                             // the destructor of hold releases the lock
 *
 * - The executor resumes the coroutine. It is a function that takes a std::coroutine_handle<>, or an object with a
 *   function post() that takes one. It is called on any thread, possibly with locks held. So it must put the
 *   handle into a queue, and a loop that takes the handle out resumes the coroutine. It must not throw.
 * - If the executor is an lvalue, the hold has a reference to it. Then the executor must outlive the hold and all calls
 *   of it. Such a call may still run on another thread when the coroutine has ended: so a loop's post() wakes the loop
 *   before it unlocks the queue. If the executor is an rvalue, the hold has a copy.
 * - The holder of the lock is the hold, not the coroutine and not a thread. Each async_acquire() gives a new hold, and
 *   allocates the cond_task_t of the hold. A hold may be moved, and it may be released or destroyed on any thread.
 * - A hold is empty after release(), after a move from it, and if a stop was requested before async_acquire() or
 *   ended its wait.
 * - co_await throws the same errors as the calls of threads, and the exceptions of the predicate. If a wait throws,
 *   the lock is held as before.
 *   std::errc::operation_canceled: the condition is closed, or cond_task_cancel() was called.
 * - A coroutine must not be destroyed while it waits, and neither must its hold. This calls std::terminate(). Meanwhile
 *   the hold does not hold the lock: if a second coroutine uses it, co_await and release() throw
 *   operation_not_permitted.
 */
class [[nodiscard]] async_hold {
public:
    async_hold() noexcept;
    async_hold(async_hold &&other) noexcept;
    async_hold &operator=(async_hold &&other) noexcept;

    /** Releases the lock, unless the hold is empty. */
    ~async_hold();

    /** False if the hold is empty. */
    explicit operator bool() const noexcept { return task_ != nullptr; }

    /** As cond_task_lock_release(). So the condition may be destroyed before, if its lock is a separate one. */
    void release();

    /** For the calls of condvar.h on tasks; nullptr if the hold is empty. Levels of a recursive lock that such calls
        add must be released by such calls: release() and the destructor release one level. */
    cond_task_t *native_handle() noexcept;

private:
    friend class condition;
    template <class Stop> friend class async_acquire_request;
    template <class Wait, class Stop> friend class async_wait_request;

    explicit async_hold(std::unique_ptr<detail::coroutine_task> task) noexcept;
    void drop_() noexcept;

    std::unique_ptr<detail::coroutine_task> task_;
};
#endif

/* ======== Private ========================================================================================= */

namespace detail {

/* ---- Errors ---- */

[[noreturn]] inline void throw_error(int error)
{
#ifdef CONDVAR_NO_TEXT
    throw std::system_error(error, std::generic_category());
#else
    throw std::system_error(error, std::generic_category(), cond_strerror(error));
#endif
}

inline void check(int error)
{
    if (error != 0)
        throw_error(error);
}

inline bool check(int error, int expected)
{
    if (error != expected)
        check(error);
    return error == 0;
}

inline int held(int error)
{
    return error == EOWNERDEAD ? 0 : error;
}

/* ---- Time ---- */

/* Rounded up, because a wait never times out early. */
template <class Rep, class Period> constexpr std::int64_t timeout_ns(const std::chrono::duration<Rep, Period> &time)
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

/* The time that is left until a point of time, as a timeout: 0 if it has passed. Both times saturate before they are
   compared, because a time_point may be too far from its epoch to be converted. */
template <class Clock, class Duration> std::int64_t left_ns(const std::chrono::time_point<Clock, Duration> &time)
{
    using scale = std::ratio_divide<typename Duration::period, std::nano>;
    const auto since = time.time_since_epoch();
    std::int64_t then = timeout_ns(since);
    if (since < Duration::zero()) {
        const long double ns = static_cast<long double>(since.count()) * scale::num / scale::den;
        then = ns > -9e18L ? static_cast<std::int64_t>(std::ceil(ns)) : std::numeric_limits<std::int64_t>::min();
    }
    const std::int64_t now = std::chrono::floor<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
    if (then <= now)
        return 0;
    const std::uint64_t left = static_cast<std::uint64_t>(then) - static_cast<std::uint64_t>(now);
    return then != COND_FOREVER && left < COND_FOREVER ? static_cast<std::int64_t>(left) : COND_FOREVER;
}

/* The result of call(deadline). If it times out before `Clock` has reached the time, it is called again. */
template <class Clock, class Duration, class Call>
int until(const std::chrono::time_point<Clock, Duration> &time, Call &&call)
{
    for (;;) {
        const int error = call(cond_deadline(left_ns(time)));
        if (error != ETIMEDOUT || left_ns(time) == 0)
            return error;
    }
}

/* ---- Predicates ---- */

template <class T> struct is_duration_of : std::false_type {};
template <class Rep, class Period> struct is_duration_of<std::chrono::duration<Rep, Period>> : std::true_type {};
template <class T> struct is_time_point_of : std::false_type {};
template <class Clock, class Duration>
struct is_time_point_of<std::chrono::time_point<Clock, Duration>> : std::true_type {};

template <class T> inline constexpr bool is_duration = is_duration_of<bare<T>>::value;
template <class T> inline constexpr bool is_time_point = is_time_point_of<bare<T>>::value;

template <class T, class = void> struct is_predicate_of : std::false_type {};
template <class T>
struct is_predicate_of<T, std::enable_if_t<std::is_constructible_v<bool, std::invoke_result_t<T &>>>>
    : std::true_type {};
template <class T> inline constexpr bool is_predicate = is_predicate_of<std::remove_reference_t<T>>::value;

/* True for a predicate. Otherwise the compiler says what to write instead. */
template <class Pred> constexpr bool check_predicate()
{
    constexpr bool is_time = is_duration<Pred> || is_time_point<Pred>;
    static_assert(!is_time, "condvar: a predicate comes first: wait_for(pred, time). "
                            "For a time alone write wait(time), or wait_until(time)");
    static_assert(is_time || is_predicate<Pred>,
                  "condvar: a predicate is called without arguments, and returns a bool");
    return is_predicate<Pred>;
}

/* A predicate for C. It keeps an exception that is thrown in another thread, for the thread that waits. */
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

    void rethrow()
    {
        if (thrown)
            std::rethrow_exception(std::move(thrown));
    }
};

/* ---- Tokens ---- */

#ifndef CONDVAR_NO_CANCEL
template <> inline constexpr bool is_token<token> = true;

inline bool requested(const token &token) { return token.cancelled(); }

inline int wait_with(cond_t *cond, cond_wait_options_t &options, token &token)
{
    options.token = token.native_handle();
    return cond_wait_with(cond, &options);
}
#endif

#ifdef CONDVAR_STOP_TOKEN_
template <> inline constexpr bool is_token<std::stop_token> = true;

inline bool requested(const std::stop_token &token) { return token.stop_requested(); }

/*
 * The callback runs in request_stop(), on a thread that may hold this lock, another one, or none. It calls
 * cond_stop(), which takes no lock, never blocks, and cannot fail. So:
 *
 * - No deadlock. If the callback runs on another thread, the destructor of `callback` waits until it ends. This thread
 *   holds the lock meanwhile. But the callback does not need the lock, so it always ends.
 * - No request is lost. If the request is made before the constructor of `callback`, the constructor runs the callback,
 *   and the wait finds that it was stopped. If it is made later, request_stop() runs the callback, which ends the wait.
 * - No access after the end. `callback` is destroyed before `stop`, and does not run afterwards.
 */
inline int wait_with(cond_t *cond, cond_wait_options_t &options, const std::stop_token &token)
{
    struct stopper {
        cond_stop_t *stop;
        void operator()() const noexcept { (void)cond_stop(stop); }
    };
    cond_stop_t stop{};
    options.stop = &stop;
    const std::stop_callback<stopper> callback(token, stopper{&stop});
    return cond_wait_with(cond, &options);
}
#endif

/* ---- Wrong arguments of a wait ---- */

/* True if the arguments are a `Time`, or a token and a `Time`. */
template <template <class> class Time, class... Args> struct is_time_of : std::false_type {};
template <template <class> class Time, class T> struct is_time_of<Time, T> : Time<bare<T>> {};
template <template <class> class Time, class Token, class T>
struct is_time_of<Time, Token, T> : std::conjunction<std::bool_constant<is_token<bare<Token>>>, Time<bare<T>>> {};

template <class... Args>
struct is_misused_wait
    : std::bool_constant<(sizeof...(Args) > 0) && !is_time_of<is_duration_of, Args...>::value &&
                         !(sizeof...(Args) == 1 && (is_token<bare<Args>> && ...))> {};

template <class... Args>
struct is_misused_wait_until : std::bool_constant<!is_time_of<is_time_point_of, Args...>::value> {};

template <class... Args> struct is_misused_wait_for : std::false_type {};
template <class First, class Second, class... Args>
struct is_misused_wait_for<First, Second, Args...>
    : std::bool_constant<!is_token<bare<First>> && !(sizeof...(Args) == 0 && is_duration<Second>)> {};

} // namespace detail

/* ---- The waits of a condition ---- */

/* `call` is a wait. It is called with a predicate for C: a function and its argument. */
template <class Pred, class Call> int condition::with_predicate_(Pred &pred, Call &&call)
{
    detail::predicate<Pred> adapter{pred};
    const int error = call(detail::predicate<Pred>::call, &adapter);
    adapter.rethrow();
    return error;
}

template <class Pred> int condition::wait_for_(Pred &pred, std::int64_t timeout_ns)
{
    if constexpr (detail::check_predicate<Pred>())
        return with_predicate_(pred, [&](cond_pred_t *function, void *arg) {
            return cond_wait_for(&cond_, function, arg, timeout_ns);
        });
    else
        return 0;
}

template <class Pred, class Clock, class Duration>
int condition::wait_for_until_(Pred &pred, const std::chrono::time_point<Clock, Duration> &time)
{
    if constexpr (detail::check_predicate<Pred>())
        return detail::until(time, [&](std::int64_t deadline_ns) {
            return with_predicate_(pred, [&](cond_pred_t *function, void *arg) {
                return cond_wait_for_until(&cond_, function, arg, deadline_ns);
            });
        });
    else
        return 0;
}

#ifndef CONDVAR_NO_AWAIT
template <class Pred> int condition::await_(Pred &pred, std::int64_t timeout_ns)
{
    if constexpr (detail::check_predicate<Pred>())
        return with_predicate_(pred, [&](cond_pred_t *function, void *arg) {
            return cond_await(&cond_, function, arg, timeout_ns);
        });
    else
        return 0;
}
#endif

#ifndef CONDVAR_NO_CANCEL
/* cond_wait_with(). `pred` is the address of a predicate, or nullptr. */
template <class Token, class Pred>
int condition::wait_once_with_(Token &token, Pred pred, std::int64_t deadline_ns, bool unnotified)
{
    cond_wait_options_t options{};
    options.deadline_ns = deadline_ns;
    options.unnotified = unnotified;
    int error = 0;
    if constexpr (std::is_null_pointer_v<Pred>) {
        (void)pred;
        error = detail::wait_with(&cond_, options, token);
    } else if constexpr (detail::check_predicate<std::remove_pointer_t<Pred>>()) {
        error = with_predicate_(*pred, [&](cond_pred_t *function, void *arg) {
            options.pred = function;
            options.arg = arg;
            return detail::wait_with(&cond_, options, token);
        });
    }
    return error;
}

/* False if the token has ended the wait, or it timed out. If the condition is closed, ECANCELED is thrown. */
template <class Token> bool condition::token_result_(const Token &token, int error)
{
    return detail::check(error == ECANCELED && detail::requested(token) ? ETIMEDOUT : error, ETIMEDOUT);
}

template <class Token, class Pred>
bool condition::wait_with_(Token &token, Pred pred, std::int64_t deadline_ns, bool unnotified)
{
    return token_result_(token, wait_once_with_(token, pred, deadline_ns, unnotified));
}

template <class Token, class Pred, class Clock, class Duration>
bool condition::wait_with_(Token &&token, Pred pred, const std::chrono::time_point<Clock, Duration> &time,
                           bool unnotified)
{
    return token_result_(token, detail::until(time, [&](std::int64_t deadline_ns) {
        return wait_once_with_(token, pred, deadline_ns, unnotified);
    }));
}
#endif

/* ---- Coroutines ---- */

#ifdef CONDVAR_COROUTINES_
namespace detail {

/* A task, and the coroutine that it belongs to. */
struct coroutine_task {
    coroutine_task() { check(cond_task_init(&task, ready, this)); }
    virtual ~coroutine_task() = default;
    coroutine_task(const coroutine_task &) = delete;
    coroutine_task &operator=(const coroutine_task &) = delete;

    /* Let the executor resume the coroutine. */
    virtual void post() noexcept = 0;

    /* Relaxed: without misuse, only the coroutine that waits changes the phase from or to IDLE. */
    bool waits() const noexcept { return phase.load(std::memory_order_relaxed) != IDLE; }

    /*
     * The callback of the task. It may run on another thread before the call that made the request has returned.
     * The later one of ready() and await_suspend() resumes the coroutine. The earlier one does not touch the task
     * afterwards.
     *
     *      phase:  IDLE: no request
     *                  |
     *              REQUESTED ---(await_suspend)---> SUSPENDED ---(ready)---> post(): the executor resumes it
     *                  |
     *                  +--------(ready)-----------> READY ---(await_suspend)---> returns false: it continues at once
     *
     * When the coroutine continues, the phase becomes IDLE again.
     */
    static void ready(cond_task_t *task, int result) noexcept
    {
        coroutine_task *self = static_cast<coroutine_task *>(cond_task_user(task));
        self->result = result;
        /* acq_rel: partner is the exchange in await_suspend(). */
        if (self->phase.exchange(READY, std::memory_order_acq_rel) == SUSPENDED)
            self->post();
    }

    enum { IDLE, REQUESTED, SUSPENDED, READY };

    cond_task_t task{};
    cond_lock_t *lock = nullptr; /* set when the lock is acquired: the hold releases it */
    std::coroutine_handle<> coroutine;
    std::atomic<int> phase{IDLE};
    int result = 0;
};

/* `Executor` is a reference, or the type of a copy. */
template <class Executor> struct coroutine_task_on final : coroutine_task {
    explicit coroutine_task_on(Executor &&executor_) : executor(std::forward<Executor>(executor_)) {}

    void post() noexcept override
    {
        const std::coroutine_handle<> next = coroutine;
        Executor copy = executor; /* the coroutine may run and destroy *this before the executor returns */
        if constexpr (std::is_invocable_v<Executor &, std::coroutine_handle<>>)
            copy(next);
        else
            copy.post(next);
    }

    Executor executor;
};

/* In place of a stop token. */
struct no_stop {};

/* The base of what co_await waits for. `Self` has begin(), which makes the request. */
template <class Self, class Stop> class [[nodiscard]] async_request {
public:
    async_request(const async_request &) = delete;
    async_request &operator=(const async_request &) = delete;

    bool await_ready() const noexcept { return false; }

    bool await_suspend(std::coroutine_handle<> coroutine) noexcept
    {
        if (task_ == nullptr) {
            result_ = EINVAL; /* the hold is empty */
            return false;
        }
        int phase = coroutine_task::IDLE;
        /* Acquire: partner is the release in end_request(). */
        if (!task_->phase.compare_exchange_strong(phase, coroutine_task::REQUESTED, std::memory_order_acquire,
                                                  std::memory_order_relaxed)) {
            result_ = EPERM; /* another coroutine waits: the task does not hold the lock */
            return false;
        }
        task_->coroutine = coroutine;
        waits_ = true;
        result_ = static_cast<Self *>(this)->begin();
        if (result_ != EINPROGRESS) {
            end_request();
            return false;
        }
        /* After begin(): if a stop is requested already, this runs the callback at once, and the callback needs a
           request to cancel. It calls cond_task_cancel(), which takes no lock and never blocks. */
        begin_stop();
        /* acq_rel: partner is the exchange in ready(). *this may be destroyed from here on. */
        return task_->phase.exchange(coroutine_task::SUSPENDED, std::memory_order_acq_rel) != coroutine_task::READY;
    }

protected:
    async_request(coroutine_task *task, Stop stop) : task_(task), stop_(std::move(stop)) {}

    ~async_request()
    {
        if (waits_)
            std::terminate();
    }

    /* The result of the request. No stop callback touches the task afterwards. */
    int end() noexcept
    {
#ifdef CONDVAR_STOP_TOKEN_
        callback_.reset();
#endif
        if (waits_) {
            result_ = task_->result;
            end_request();
        }
        return result_;
    }

    bool stopped() const noexcept
    {
#ifdef CONDVAR_STOP_TOKEN_
        if constexpr (std::is_same_v<Stop, std::stop_token>)
            return stop_.stop_requested();
#endif
        return false;
    }

    coroutine_task *task_;

private:
    struct canceller {
        cond_task_t *task;
        void operator()() const noexcept { (void)cond_task_cancel(task); } /* EINVAL: too late, the result is decided */
    };

    void end_request() noexcept
    {
        waits_ = false;
        /* Release: partner is the acquire in await_suspend(). */
        task_->phase.store(coroutine_task::IDLE, std::memory_order_release);
    }

    void begin_stop() noexcept
    {
#ifdef CONDVAR_STOP_TOKEN_
        if constexpr (std::is_same_v<Stop, std::stop_token>)
            callback_.emplace(stop_, canceller{&task_->task});
#endif
    }

    Stop stop_;
#ifdef CONDVAR_STOP_TOKEN_
    std::optional<std::stop_callback<canceller>> callback_;
#endif
    int result_ = 0;
    bool waits_ = false;
};

} // namespace detail

inline async_hold::async_hold() noexcept = default;
inline async_hold::async_hold(async_hold &&other) noexcept = default;
inline async_hold::async_hold(std::unique_ptr<detail::coroutine_task> task) noexcept : task_(std::move(task)) {}
inline async_hold::~async_hold() { drop_(); }

inline async_hold &async_hold::operator=(async_hold &&other) noexcept
{
    if (this != &other) {
        drop_();
        task_ = std::move(other.task_);
    }
    return *this;
}

inline void async_hold::release()
{
    if (task_ && task_->waits())
        detail::throw_error(EPERM); /* also if it has the lock already, but its coroutine does not run yet */
    detail::check(cond_task_lock_release(task_ ? task_->lock : nullptr, native_handle()));
    task_.reset();
}

inline cond_task_t *async_hold::native_handle() noexcept { return task_ ? &task_->task : nullptr; }

inline void async_hold::drop_() noexcept
{
    if (task_) {
        if (task_->waits())
            std::terminate();
        (void)cond_task_lock_release(task_->lock, &task_->task);
    }
    task_.reset();
}

template <class Stop>
class [[nodiscard]] async_acquire_request : public detail::async_request<async_acquire_request<Stop>, Stop> {
public:
    async_acquire_request(cond_t *cond, std::unique_ptr<detail::coroutine_task> task, Stop stop)
        : detail::async_request<async_acquire_request<Stop>, Stop>(task.get(), std::move(stop)), cond_(cond),
          owned_(std::move(task))
    {
    }

    int begin() noexcept
    {
        if (this->stopped())
            return ECANCELED; /* also if the lock is free */
        owned_->lock = cond_get_lock(cond_);
        return cond_task_lock_acquire(owned_->lock, &owned_->task);
    }

    async_hold await_resume()
    {
        const int error = this->end();
        if (error == ECANCELED && this->stopped())
            return async_hold();
        detail::check(error);
        return async_hold(std::move(owned_));
    }

private:
    cond_t *cond_;
    std::unique_ptr<detail::coroutine_task> owned_;
};

namespace detail {

struct task_wait {
    int begin(cond_t *cond, cond_task_t *task) noexcept { return cond_task_wait(cond, task); }
    bool satisfied() { return false; }
    void rethrow() {}
};

template <class Pred> class task_wait_for {
public:
    task_wait_for(Pred &&pred, bool awaits) : pred_(std::move(pred)), awaits_(awaits) {}

    int begin(cond_t *cond, cond_task_t *task) noexcept
    {
#ifndef CONDVAR_NO_AWAIT
        if (awaits_)
            return cond_task_await(cond, task, predicate<Pred>::call, &adapter_);
#endif
        return cond_task_wait_for(cond, task, predicate<Pred>::call, &adapter_);
    }

    bool satisfied()
    {
        const bool is_true = predicate<Pred>::call(&adapter_);
        rethrow();
        return is_true;
    }

    void rethrow() { adapter_.rethrow(); }

private:
    Pred pred_;
    predicate<Pred> adapter_{pred_};
    bool awaits_;
};

} // namespace detail

template <class Wait, class Stop>
class [[nodiscard]] async_wait_request : public detail::async_request<async_wait_request<Wait, Stop>, Stop> {
public:
    template <class... Args>
    async_wait_request(cond_t *cond, async_hold &hold, Stop stop, Args &&...args)
        : detail::async_request<async_wait_request<Wait, Stop>, Stop>(hold.task_.get(), std::move(stop)), cond_(cond),
          wait_{std::forward<Args>(args)...}
    {
    }

    int begin() noexcept { return wait_.begin(cond_, &this->task_->task); }

    /* Nothing, or with a token false if the stop was requested first. */
    [[nodiscard]] auto await_resume()
    {
        int error = this->end();
        wait_.rethrow();
        /* The request was cancelled, and the lock is held. The predicate may have become true meanwhile. */
        if (error == ECANCELED && wait_.satisfied())
            error = 0;
        if constexpr (std::is_same_v<Stop, detail::no_stop>)
            detail::check(error);
        else
            return detail::check(error == ECANCELED && this->stopped() ? ETIMEDOUT : error, ETIMEDOUT);
    }

private:
    cond_t *cond_;
    Wait wait_;
};

template <class Pred, class Stop> using async_predicate_request = async_wait_request<detail::task_wait_for<Pred>, Stop>;

template <class Executor> auto condition::async_acquire(Executor &&executor)
{
    return async_acquire_request<detail::no_stop>(
        &cond_, std::make_unique<detail::coroutine_task_on<Executor>>(std::forward<Executor>(executor)), {});
}

inline auto condition::async_wait(async_hold &hold)
{
    return async_wait_request<detail::task_wait, detail::no_stop>(&cond_, hold, {});
}

template <class Pred> auto condition::async_wait_for(async_hold &hold, Pred pred)
{
    if constexpr (detail::check_predicate<Pred>())
        return async_predicate_request<Pred, detail::no_stop>(&cond_, hold, {}, std::move(pred), false);
}

#ifndef CONDVAR_NO_AWAIT
template <class Pred> auto condition::async_await(async_hold &hold, Pred pred)
{
    if constexpr (detail::check_predicate<Pred>())
        return async_predicate_request<Pred, detail::no_stop>(&cond_, hold, {}, std::move(pred), true);
}
#endif

#ifdef CONDVAR_STOP_TOKEN_
template <class Executor> auto condition::async_acquire(Executor &&executor, std::stop_token token)
{
    return async_acquire_request<std::stop_token>(
        &cond_, std::make_unique<detail::coroutine_task_on<Executor>>(std::forward<Executor>(executor)),
        std::move(token));
}

inline auto condition::async_wait(async_hold &hold, std::stop_token token)
{
    return async_wait_request<detail::task_wait, std::stop_token>(&cond_, hold, std::move(token));
}

template <class Pred> auto condition::async_wait_for(async_hold &hold, std::stop_token token, Pred pred)
{
    if constexpr (detail::check_predicate<Pred>())
        return async_predicate_request<Pred, std::stop_token>(&cond_, hold, std::move(token), std::move(pred), false);
}

#ifndef CONDVAR_NO_AWAIT
template <class Pred> auto condition::async_await(async_hold &hold, std::stop_token token, Pred pred)
{
    if constexpr (detail::check_predicate<Pred>())
        return async_predicate_request<Pred, std::stop_token>(&cond_, hold, std::move(token), std::move(pred), true);
}
#endif
#endif

inline void condition::notify(async_hold &hold, std::size_t n)
{
    detail::check(cond_task_notify(&cond_, hold.native_handle(), n));
}

inline void condition::notify_all(async_hold &hold)
{
    detail::check(cond_task_notify_all(&cond_, hold.native_handle()));
}

#ifndef CONDVAR_NO_CANCEL
inline void condition::close(async_hold &hold)
{
    detail::check(cond_task_close(&cond_, hold.native_handle()));
}
#endif
#endif

} // namespace condvar

#if defined(__clang__)
#  pragma clang diagnostic pop
#endif

#endif
