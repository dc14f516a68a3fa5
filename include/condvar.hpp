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
 *   is too long to represent never expires. A wait or an acquire whose time is over returns false. The calls whose
 *   names end in _until take a time_point of any clock; a clock that was set back meanwhile is looked at again.
 * - A wait can take something that ends it, as its first argument: a condvar::token (cancel() with the lock held), or
 *   in C++20 a std::stop_token. Then it returns false, with the lock held, unless its predicate is true. request_stop()
 *   may be called by any thread, whatever locks it holds: it never blocks here. A closed condition is an exception,
 *   std::errc::operation_canceled.
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
 * - In C++20 coroutines wait without a thread: async_acquire() and what follows it, below.
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

/* clang's -Wthread-safety is told about C's calls, and does not know std::lock_guard: it has nothing to say here. */
#if defined(__clang__)
#  pragma clang diagnostic push
#  pragma clang diagnostic ignored "-Wthread-safety-analysis"
#endif

namespace condvar {

namespace detail {

[[noreturn]] inline void misuse(int error)
{
#ifdef CONDVAR_NO_TEXT
    throw std::system_error(error, std::generic_category());
#else
    throw std::system_error(error, std::generic_category(), cond_strerror(error));
#endif
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

/* From now to a point of time, as a timeout: 0 if it has passed. Both are saturated before they are compared, since a
   time_point may be too far from its epoch to be converted. */
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

/* `call` with the deadline that stands for this point of time; again, if its clock says that it has not come yet. */
template <class Clock, class Duration, class Call>
int until(const std::chrono::time_point<Clock, Duration> &time, Call &&call)
{
    for (;;) {
        const int error = call(cond_deadline(left_ns(time)));
        if (error != ETIMEDOUT || left_ns(time) == 0)
            return error;
    }
}

/* ---- What an argument is, and what to write instead ---- */

template <class T> using bare = std::remove_cv_t<std::remove_reference_t<T>>;

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

/* Whether it is one. If not, the compiler says what to write. */
template <class Pred> constexpr bool check_predicate()
{
    constexpr bool is_time = is_duration<Pred> || is_time_point<Pred>;
    static_assert(!is_time, "condvar: a predicate comes first: wait_for(pred, time). "
                            "For a time alone write wait(time), or wait_until(time)");
    static_assert(is_time || is_predicate<Pred>,
                  "condvar: a predicate is called without arguments, and returns a bool");
    return is_predicate<Pred>;
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
    template <class Rep, class Period> [[nodiscard]] bool acquire(const std::chrono::duration<Rep, Period> &time)
    {
        return answer(self().acquire_(timeout_ns(time)), ETIMEDOUT);
    }

    /** The same until a point of time. */
    template <class Clock, class Duration>
    [[nodiscard]] bool acquire_until(const std::chrono::time_point<Clock, Duration> &time)
    {
        return answer(acquire_until_(time), ETIMEDOUT);
    }

    /** Whether that was possible at once. */
    [[nodiscard]] bool try_acquire() { return answer(self().try_acquire_(), EBUSY); }

    /** By one level. The holder. */
    void release() { must(self().release_()); }

    void lock() { must(held(self().acquire_(COND_FOREVER))); }

    [[nodiscard]] bool try_lock() { return answer(held(self().try_acquire_()), EBUSY); }

    template <class Rep, class Period> [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period> &time)
    {
        return answer(held(self().acquire_(timeout_ns(time))), ETIMEDOUT);
    }

    template <class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(const std::chrono::time_point<Clock, Duration> &time)
    {
        return answer(held(acquire_until_(time)), ETIMEDOUT);
    }

    void unlock() { release(); }

private:
    Self &self() { return static_cast<Self &>(*this); }

    template <class Clock, class Duration>
    int acquire_until_(const std::chrono::time_point<Clock, Duration> &time)
    {
        return until(time, [this](std::int64_t deadline_ns) { return self().acquire_by_(deadline_ns); });
    }
};

} // namespace detail

#ifndef CONDVAR_NO_CANCEL
/* Ends the waits that carry it: condition::cancel(). One for each waiter or group of them; it must outlive these waits. */
class token {
public:
    constexpr token() noexcept : token_{} {}
    token(const token &) = delete;
    token &operator=(const token &) = delete;

    /** Whether a cancel() with it was called. Exact if the caller holds the condition's lock. */
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

namespace detail {

/* ---- What ends a wait ---- */

/* Nothing: in place of a token. */
struct no_token {};

template <class T> inline constexpr bool is_token = false;

#ifndef CONDVAR_NO_CANCEL
inline int wait_with(cond_t *cond, cond_wait_options_t &options, const no_token &)
{
    return cond_wait_with(cond, &options);
}

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
 * The callback runs in request_stop(), on a thread that may hold this lock, another one, or none. It calls cond_stop(),
 * which takes no lock and waits for nobody, and cannot fail. So:
 *
 * - No deadlock. The callback always ends. The destructor of `callback` waits for it, if it runs on another thread just
 *   then, with the lock held, and the callback does not need the lock.
 * - No request is missed. A request before the constructor of `callback` runs it there, before the wait; cond_stop() is
 *   for good, so the wait finds it. A request from then on runs it in request_stop(), which ends the wait that has
 *   begun, or the one that begins.
 * - Nothing is touched too late. `callback` is destroyed before `stop`, and after that it does not run.
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

template <class T> using if_token = std::enable_if_t<is_token<bare<T>>, int>;

/* Whether the arguments of a wait are `Time` and no more, behind a token or not: else it is one for misused_...(). */
template <template <class> class Time, class... Args> struct is_time_of : std::false_type {};
template <template <class> class Time, class T> struct is_time_of<Time, T> : Time<bare<T>> {};
template <template <class> class Time, class Token, class T>
struct is_time_of<Time, Token, T> : std::conjunction<std::bool_constant<is_token<bare<Token>>>, Time<bare<T>>> {};

} // namespace detail

/* A lock by itself: for several conditions on one lock, and for a lock that exists. */
class lock_handle : public detail::lockable<lock_handle> {
public:
    /** Recursive. */
    constexpr lock_handle() noexcept : lock_ COND_RLOCK_INIT {}

    /** COND_RLOCK or COND_MUTEX, and COND_SHARED; as cond_lock_init(). */
    explicit lock_handle(unsigned flags) : lock_ COND_RLOCK_INIT { detail::must(cond_lock_init(&lock_, flags)); }

#ifndef CONDVAR_NO_FOREIGN
    /** Somebody else's lock, which must outlive this; as cond_lock_init_foreign(). */
    lock_handle(const cond_lock_ops_t &ops, void *object) : lock_ COND_RLOCK_INIT
    {
        detail::must(cond_lock_init_foreign(&lock_, &ops, object));
    }
#endif

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

    [[nodiscard]] bool locked() const noexcept { return cond_lock_locked(&lock_); }
    [[nodiscard]] bool owned() const noexcept { return cond_lock_owned(&lock_); }

#ifndef CONDVAR_NO_TEXT
    /** As cond_lock_describe(). */
    [[nodiscard]] std::string describe() const
    {
        char text[256];
        cond_lock_describe(&lock_, text, sizeof text);
        return text;
    }
#endif

    /** Whether a holder had died; the lock is in order now. The holder. */
    bool recover() { return detail::answer(cond_lock_recover(&lock_), EINVAL); }

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

    cond_lock_t lock_;
};

using lock = lock_handle; /* (a class cannot have a member function of its own name) */

#ifdef CONDVAR_COROUTINES_
class async_hold;
#endif

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

    /** The same; false if none has chosen it by then. */
    template <class Clock, class Duration> bool wait_until(const std::chrono::time_point<Clock, Duration> &time)
    {
        return detail::answer(
            detail::until(time, [this](std::int64_t deadline_ns) { return cond_wait_until(&cond_, deadline_ns); }),
            ETIMEDOUT);
    }

    /** Wait until the predicate is true; as cond_wait_for(). The holder. */
    template <class Pred> void wait_for(Pred &&pred)
    {
        if constexpr (detail::check_predicate<Pred>())
            detail::must(wait_for_(pred, COND_FOREVER));
    }

    /** The same; false if it is false at the end of this time. */
    template <class Pred, class Rep, class Period>
    [[nodiscard]] bool wait_for(Pred &&pred, const std::chrono::duration<Rep, Period> &time)
    {
        if constexpr (detail::check_predicate<Pred>())
            return detail::answer(wait_for_(pred, detail::timeout_ns(time)), ETIMEDOUT);
        else
            return false;
    }

    /** The same; false if it is false then. */
    template <class Pred, class Clock, class Duration>
    [[nodiscard]] bool wait_for_until(Pred &&pred, const std::chrono::time_point<Clock, Duration> &time)
    {
        if constexpr (detail::check_predicate<Pred>())
            return detail::answer(detail::until(time,
                                                [&](std::int64_t deadline_ns) {
                                                    return with_predicate_(pred, [&](cond_pred_t *function, void *arg) {
                                                        return cond_wait_for_until(&cond_, function, arg, deadline_ns);
                                                    });
                                                }),
                                  ETIMEDOUT);
        else
            return false;
    }

#ifndef CONDVAR_NO_AWAIT
    /** As wait_for(), but nobody has to notify; as cond_await(). The holder. */
    template <class Pred> void await(Pred &&pred)
    {
        if constexpr (detail::check_predicate<Pred>())
            detail::must(await_(pred, COND_FOREVER));
    }

    template <class Pred, class Rep, class Period>
    [[nodiscard]] bool await(Pred &&pred, const std::chrono::duration<Rep, Period> &time)
    {
        if constexpr (detail::check_predicate<Pred>())
            return detail::answer(await_(pred, detail::timeout_ns(time)), ETIMEDOUT);
        else
            return false;
    }
#endif

#ifndef CONDVAR_NO_CANCEL
    /* The same with something that ends the wait: a condvar::token or a std::stop_token. All return false, with the lock
       held, if it has ended the wait, and wherever those above do. The predicate, if there is one, is false then. */

    template <class Token, detail::if_token<Token> = 0> [[nodiscard]] bool wait(Token &&token)
    {
        return answer_(token, ask_(token, nullptr, COND_FOREVER, false));
    }

    template <class Token, class Rep, class Period, detail::if_token<Token> = 0>
    [[nodiscard]] bool wait(Token &&token, const std::chrono::duration<Rep, Period> &time)
    {
        return answer_(token, ask_(token, nullptr, cond_deadline(detail::timeout_ns(time)), false));
    }

    template <class Token, class Clock, class Duration, detail::if_token<Token> = 0>
    [[nodiscard]] bool wait_until(Token &&token, const std::chrono::time_point<Clock, Duration> &time)
    {
        return answer_(token, ask_until_(token, nullptr, time, false));
    }

    template <class Token, class Pred, detail::if_token<Token> = 0>
    [[nodiscard]] bool wait_for(Token &&token, Pred &&pred)
    {
        if constexpr (detail::check_predicate<Pred>())
            return answer_(token, ask_(token, &pred, COND_FOREVER, false));
        else
            return false;
    }

    template <class Token, class Pred, class Rep, class Period, detail::if_token<Token> = 0>
    [[nodiscard]] bool wait_for(Token &&token, Pred &&pred, const std::chrono::duration<Rep, Period> &time)
    {
        if constexpr (detail::check_predicate<Pred>())
            return answer_(token, ask_(token, &pred, cond_deadline(detail::timeout_ns(time)), false));
        else
            return false;
    }

    template <class Token, class Pred, class Clock, class Duration, detail::if_token<Token> = 0>
    [[nodiscard]] bool wait_for_until(Token &&token, Pred &&pred, const std::chrono::time_point<Clock, Duration> &time)
    {
        if constexpr (detail::check_predicate<Pred>())
            return answer_(token, ask_until_(token, &pred, time, false));
        else
            return false;
    }

#ifndef CONDVAR_NO_AWAIT
    template <class Pred, class Clock, class Duration>
    [[nodiscard]] bool await_until(Pred &&pred, const std::chrono::time_point<Clock, Duration> &time)
    {
        if constexpr (detail::check_predicate<Pred>())
            return detail::answer(ask_until_(detail::no_token(), &pred, time, true), ETIMEDOUT);
        else
            return false;
    }

    template <class Token, class Pred, detail::if_token<Token> = 0> [[nodiscard]] bool await(Token &&token, Pred &&pred)
    {
        if constexpr (detail::check_predicate<Pred>())
            return answer_(token, ask_(token, &pred, COND_FOREVER, true));
        else
            return false;
    }

    template <class Token, class Pred, class Rep, class Period, detail::if_token<Token> = 0>
    [[nodiscard]] bool await(Token &&token, Pred &&pred, const std::chrono::duration<Rep, Period> &time)
    {
        if constexpr (detail::check_predicate<Pred>())
            return answer_(token, ask_(token, &pred, cond_deadline(detail::timeout_ns(time)), true));
        else
            return false;
    }

    template <class Token, class Pred, class Clock, class Duration, detail::if_token<Token> = 0>
    [[nodiscard]] bool await_until(Token &&token, Pred &&pred, const std::chrono::time_point<Clock, Duration> &time)
    {
        if constexpr (detail::check_predicate<Pred>())
            return answer_(token, ask_until_(token, &pred, time, true));
        else
            return false;
    }
#endif

    /** End the waits that carry this token; as cond_cancel(). The holder. */
    void cancel(token &token) { detail::must(cond_cancel(&cond_, token.native_handle())); }

    /** End all waits, now and later: they throw std::errc::operation_canceled, unless their predicate is true. As
        cond_close(). The holder. */
    void close() { detail::must(cond_close(&cond_)); }

    [[nodiscard]] bool closed() const noexcept { return cond_closed(&cond_); }
#endif

    /** Choose the first n waiters; as cond_notify(). The holder. */
    void notify(std::size_t n = 1) { detail::must(cond_notify(&cond_, n)); }
    void notify_one() { notify(); }

    /** Choose all. The holder. */
    void notify_all() { detail::must(cond_notify_all(&cond_)); }

    [[nodiscard]] bool locked() const noexcept { return cond_locked(&cond_); }
    [[nodiscard]] bool owned() const noexcept { return cond_owned(&cond_); }
    [[nodiscard]] std::size_t waiters() const noexcept { return cond_waiters(&cond_); }

#ifndef CONDVAR_NO_TEXT
    /** As cond_describe(). */
    [[nodiscard]] std::string describe() const
    {
        char text[256];
        cond_describe(&cond_, text, sizeof text);
        return text;
    }
#endif

    /** Whether a holder had died; the lock is in order now. The holder. */
    bool recover() { return detail::answer(cond_recover(&cond_), EINVAL); }

    /** For the calls of condvar.h that have no counterpart here. */
    cond_t *native_handle() noexcept { return &cond_; }

#ifdef CONDVAR_COROUTINES_
    /* ---- In a coroutine, by the hold that async_acquire() has given it: see async_hold. ---- */

    /** co_await gives an async_hold; as cond_task_acquire(). `executor` resumes the coroutine. */
    template <class Executor> auto async_acquire(Executor &&executor);

    /** co_await waits for a notify that chooses the coroutine; as cond_task_wait(). */
    auto async_wait(async_hold &hold);

    /** co_await waits until the predicate, of which it keeps a copy, is true; as cond_task_wait_for(). */
    template <class Pred> auto async_wait_for(async_hold &hold, Pred pred);

#ifndef CONDVAR_NO_AWAIT
    /** As async_wait_for(), but nobody has to notify; as cond_task_await(). */
    template <class Pred> auto async_await(async_hold &hold, Pred pred);
#endif

#ifdef CONDVAR_STOP_TOKEN_
    /* The same, ended by a request to stop: an empty hold, or false and the lock is held, unless the predicate is true. */
    template <class Executor> auto async_acquire(Executor &&executor, std::stop_token token);
    auto async_wait(async_hold &hold, std::stop_token token);
    template <class Pred> auto async_wait_for(async_hold &hold, std::stop_token token, Pred pred);
#ifndef CONDVAR_NO_AWAIT
    template <class Pred> auto async_await(async_hold &hold, std::stop_token token, Pred pred);
#endif
#endif

    void notify(async_hold &hold, std::size_t n = 1);
    void notify_one(async_hold &hold) { notify(hold); }
    void notify_all(async_hold &hold);
#ifndef CONDVAR_NO_CANCEL
    void close(async_hold &hold);
#endif
#endif

    /* ---- What does not compile, and says what to write instead ---- */

    template <class... Args, std::enable_if_t<(sizeof...(Args) > 0), int> = 0,
              std::enable_if_t<!detail::is_time_of<detail::is_duration_of, Args...>::value, int> = 0,
              std::enable_if_t<!(sizeof...(Args) == 1 && (detail::is_token<detail::bare<Args>> && ...)), int> = 0>
    void wait(Args &&...)
    {
        static_assert(sizeof...(Args) == 0, "condvar: write wait(), wait(duration) or wait_until(time_point); "
                                            "with a predicate wait_for(pred). The lock is inside");
    }

    template <class... Args, std::enable_if_t<!detail::is_time_of<detail::is_time_point_of, Args...>::value, int> = 0>
    void wait_until(Args &&...)
    {
        static_assert(sizeof...(Args) > 99, "condvar: write wait_until(time_point); with a predicate "
                                            "wait_for_until(pred, time_point). The lock is inside");
    }

    template <class First, class Second, class... Args,
              std::enable_if_t<!detail::is_token<detail::bare<First>> &&
                                   !(sizeof...(Args) == 0 && detail::is_duration<Second>), int> = 0>
    void wait_for(First &&, Second &&, Args &&...)
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

    /* `call`, a wait, with the predicate as C knows it. */
    template <class Pred, class Call> static int with_predicate_(Pred &pred, Call &&call)
    {
        detail::predicate<Pred> through_c{pred};
        const int error = call(detail::predicate<Pred>::call, &through_c);
        if (through_c.thrown)
            std::rethrow_exception(std::move(through_c.thrown));
        return error;
    }

    template <class Pred> int wait_for_(Pred &pred, std::int64_t timeout_ns)
    {
        return with_predicate_(pred, [&](cond_pred_t *function, void *arg) {
            return cond_wait_for(&cond_, function, arg, timeout_ns);
        });
    }

#ifndef CONDVAR_NO_AWAIT
    template <class Pred> int await_(Pred &pred, std::int64_t timeout_ns)
    {
        return with_predicate_(pred, [&](cond_pred_t *function, void *arg) {
            return cond_await(&cond_, function, arg, timeout_ns);
        });
    }
#endif

#ifndef CONDVAR_NO_CANCEL
    /* cond_wait_with(). `pred` is the address of a predicate, or nullptr. */
    template <class Token, class Pred> int ask_(Token &token, Pred pred, std::int64_t deadline_ns, bool unnotified)
    {
        cond_wait_options_t options{};
        options.deadline_ns = deadline_ns;
        options.unnotified = unnotified;
        if constexpr (std::is_null_pointer_v<Pred>) {
            (void)pred;
            return detail::wait_with(&cond_, options, token);
        } else {
            return with_predicate_(*pred, [&](cond_pred_t *function, void *arg) {
                options.pred = function;
                options.arg = arg;
                return detail::wait_with(&cond_, options, token);
            });
        }
    }

    template <class Token, class Pred, class Clock, class Duration>
    int ask_until_(Token &&token, Pred pred, const std::chrono::time_point<Clock, Duration> &time, bool unnotified)
    {
        return detail::until(
            time, [&](std::int64_t deadline_ns) { return ask_(token, pred, deadline_ns, unnotified); });
    }

    /* A wait that its token has ended is false; one that ended because the condition is closed is an error. */
    template <class Token> static bool answer_(const Token &token, int error)
    {
        return detail::answer(error == ECANCELED && detail::requested(token) ? ETIMEDOUT : error, ETIMEDOUT);
    }
#endif

    cond_t cond_;
};

#ifdef CONDVAR_COROUTINES_
/* ---- Coroutines ---- */

/*
 * A coroutine uses the condition as a thread does, and never blocks one: condvar.h, "Tasks".
 *
 *     task consumer(condvar::condition &cond, loop &loop, std::queue<int> &jobs)
 *     {
 *         auto hold = co_await cond.async_acquire(loop);
 *         co_await cond.async_wait_for(hold, [&] { return !jobs.empty(); });
 *         jobs.pop();                               // the predicate is true, the lock is held
 *     }                                             // hold's destructor releases it
 *
 * - An executor is called with the std::coroutine_handle<> to be resumed, or has a member function post() that is. It is
 *   called on any thread, maybe with locks held: so it puts the handle into a queue, and the coroutine is resumed by the
 *   loop that takes it out. It must not throw. An lvalue is referred to, and must outlive the hold; of an rvalue each hold
 *   has a copy.
 * - The owner of the lock is the hold: one for each time that the lock is acquired, and not for each coroutine. It contains
 *   the cond_task_t, allocated by async_acquire(), and may be moved. release() or its destructor may be called on
 *   another thread than the one on which the lock was acquired.
 * - An await throws what the calls of threads throw. What a predicate throws comes out of the co_await, with the lock held.
 *   ECANCELED is std::errc::operation_canceled: the condition is closed, or cond_task_cancel() was called.
 * - A coroutine must not be destroyed while it waits. That ends in std::terminate().
 */

namespace detail {

/* A task, and how its coroutine goes on. */
struct coroutine_task {
    coroutine_task() { must(cond_task_init(&task, ready, this)); }
    virtual ~coroutine_task() = default;
    coroutine_task(const coroutine_task &) = delete;
    coroutine_task &operator=(const coroutine_task &) = delete;

    virtual void post() noexcept = 0;

    /*
     * The outcome of a request, on any thread, maybe before the call that made it has returned. The coroutine is resumed
     * by the second of the two, this callback and await_suspend(), so that nobody touches the task behind its back:
     *
     *      phase:  REQUESTED ---(await_suspend)---> SUSPENDED ---(ready)---> post: the executor resumes it
     *                  |
     *                  +--------(ready)-----------> READY ---(await_suspend)---> returns false: it goes on at once
     */
    static void ready(cond_task_t *task, int result) noexcept
    {
        coroutine_task *self = static_cast<coroutine_task *>(cond_task_user(task));
        self->result = result;
        /* acq_rel: partner is the exchange in await_suspend(). */
        if (self->phase.exchange(READY, std::memory_order_acq_rel) == SUSPENDED)
            self->post();
    }

    enum { REQUESTED, SUSPENDED, READY };

    cond_task_t task{};
    cond_lock_t *lock = nullptr; /* set when the lock is acquired: the hold releases it */
    std::coroutine_handle<> coroutine;
    std::atomic<int> phase{REQUESTED};
    int result = 0;
};

/* `Executor` is a reference, or the type of a copy. */
template <class Executor> struct coroutine_task_on final : coroutine_task {
    explicit coroutine_task_on(Executor &&executor_) : executor(std::forward<Executor>(executor_)) {}

    void post() noexcept override
    {
        const std::coroutine_handle<> next = coroutine;
        Executor copy = executor; /* the coroutine may have gone on, and destroyed this, before the executor returns */
        if constexpr (std::is_invocable_v<Executor &, std::coroutine_handle<>>)
            copy(next);
        else
            copy.post(next);
    }

    Executor executor;
};

/* Where no request to stop can come. */
struct no_stop {};

/* What co_await waits for. `Self` has begin(), which makes the request. */
template <class Self, class Stop> class [[nodiscard]] async_request {
public:
    async_request(const async_request &) = delete;
    async_request &operator=(const async_request &) = delete;

    bool await_ready() const noexcept { return false; }

    bool await_suspend(std::coroutine_handle<> coroutine) noexcept
    {
        if (task_ == nullptr) {
            result_ = EINVAL; /* a hold that was moved from */
            return false;
        }
        task_->coroutine = coroutine;
        task_->phase.store(coroutine_task::REQUESTED, std::memory_order_relaxed); /* nobody else has the task */
        waits_ = true;
        result_ = static_cast<Self *>(this)->begin();
        if (result_ != EINPROGRESS) {
            waits_ = false;
            return false;
        }
        /* The request is under way, so that a request to stop before this finds something to cancel. The callback calls
           cond_task_cancel(), which takes no lock and waits for nobody. */
        begin_stop();
        /* acq_rel: partner is the exchange in ready(). From here on this may be gone. */
        return task_->phase.exchange(coroutine_task::SUSPENDED, std::memory_order_acq_rel) != coroutine_task::READY;
    }

protected:
    async_request(coroutine_task *task, Stop stop) : task_(task), stop_(std::move(stop)) {}

    ~async_request()
    {
        if (waits_)
            std::terminate();
    }

    /* The outcome. Afterwards no request to stop touches the task. */
    int end() noexcept
    {
#ifdef CONDVAR_STOP_TOKEN_
        callback_.reset();
#endif
        if (waits_)
            result_ = task_->result;
        waits_ = false;
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
        void operator()() const noexcept { (void)cond_task_cancel(task); } /* EINVAL: too late, its outcome is known */
    };

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

/* The lock, held by a coroutine. Empty if it was released, moved from, or not acquired since a stop was requested. */
class [[nodiscard]] async_hold {
public:
    async_hold() noexcept = default;
    async_hold(async_hold &&other) noexcept = default;

    async_hold &operator=(async_hold &&other) noexcept
    {
        if (this != &other) {
            drop_();
            task_ = std::move(other.task_);
        }
        return *this;
    }

    ~async_hold() { drop_(); }

    explicit operator bool() const noexcept { return task_ != nullptr; }

    /** As cond_task_lock_release(). So the condition may be destroyed before, if its lock is elsewhere. */
    void release()
    {
        detail::must(cond_task_lock_release(task_ ? task_->lock : nullptr, native_handle()));
        task_.reset();
    }

    /** For the calls of condvar.h on tasks; nullptr if it is empty. */
    cond_task_t *native_handle() noexcept { return task_ ? &task_->task : nullptr; }

private:
    friend class condition;
    template <class Stop> friend class async_acquire_request;
    template <class Wait, class Stop> friend class async_wait_request;

    explicit async_hold(std::unique_ptr<detail::coroutine_task> task) noexcept : task_(std::move(task)) {}

    void drop_() noexcept
    {
        if (task_)
            (void)cond_task_lock_release(task_->lock, &task_->task);
        task_.reset();
    }

    std::unique_ptr<detail::coroutine_task> task_;
};

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
        owned_->lock = cond_get_lock(cond_);
        return cond_task_lock_acquire(owned_->lock, &owned_->task);
    }

    async_hold await_resume()
    {
        const int error = this->end();
        if (error == ECANCELED && this->stopped())
            return async_hold();
        detail::must(error);
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
};

template <class Pred> class task_wait_for {
public:
    task_wait_for(Pred &&pred, bool awaits) : pred_(std::move(pred)), awaits_(awaits) {}

    int begin(cond_t *cond, cond_task_t *task) noexcept
    {
#ifndef CONDVAR_NO_AWAIT
        if (awaits_)
            return cond_task_await(cond, task, predicate<Pred>::call, &through_c_);
#endif
        return cond_task_wait_for(cond, task, predicate<Pred>::call, &through_c_);
    }

    bool satisfied()
    {
        const bool is_true = predicate<Pred>::call(&through_c_);
        rethrow();
        return is_true;
    }

    void rethrow()
    {
        if (through_c_.thrown)
            std::rethrow_exception(std::move(through_c_.thrown));
    }

private:
    Pred pred_;
    predicate<Pred> through_c_{pred_};
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

    auto await_resume()
    {
        int error = this->end();
        if constexpr (!std::is_same_v<Wait, detail::task_wait>)
            wait_.rethrow();
        /* Cancelled, and the lock is held: the predicate may have become true meanwhile. */
        if (error == ECANCELED && wait_.satisfied())
            error = 0;
        if constexpr (std::is_same_v<Stop, detail::no_stop>)
            detail::must(error);
        else
            return detail::answer(error == ECANCELED && this->stopped() ? ETIMEDOUT : error, ETIMEDOUT);
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
    detail::must(cond_task_notify(&cond_, hold.native_handle(), n));
}

inline void condition::notify_all(async_hold &hold)
{
    detail::must(cond_task_notify_all(&cond_, hold.native_handle()));
}

#ifndef CONDVAR_NO_CANCEL
inline void condition::close(async_hold &hold)
{
    detail::must(cond_task_close(&cond_, hold.native_handle()));
}
#endif
#endif

} // namespace condvar

#if defined(__clang__)
#  pragma clang diagnostic pop
#endif

#endif
