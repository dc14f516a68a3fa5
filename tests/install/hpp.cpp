/* SPDX-License-Identifier: MIT */
/* condvar.hpp as a C++ programmer uses it: locks of <mutex>, lambdas, durations, exceptions. */
#include <condvar.hpp>

#include <cfloat>
#include <chrono>
#include <cmath>
#include <csignal>
#include <functional>
#include <mutex>
#include <new>
#include <queue>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include "check.hpp"

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

/* Whether this throws a system_error that means `expected`. */
template <class Call> static bool throws(std::errc expected, Call &&call)
{
    try {
        call();
    } catch (const std::system_error &error) {
        return error.code() == expected;
    }
    return false;
}

/* ---- Compile-time checks ---- */

#if __cplusplus >= 202002L
constinit
#endif
static condvar::condition constant;
static_assert(!std::is_copy_constructible_v<condvar::condition> && !std::is_move_constructible_v<condvar::condition>);
static_assert(!std::is_copy_constructible_v<condvar::lock> && !std::is_move_assignable_v<condvar::lock>);
static_assert(!std::is_convertible_v<unsigned, condvar::condition> && !std::is_convertible_v<unsigned, condvar::lock>);
static_assert(std::is_same_v<decltype(constant.wait()), void>);
static_assert(std::is_same_v<decltype(constant.wait(1s)), bool>);
static_assert(std::is_same_v<decltype(constant.try_acquire()), bool>);
static_assert(std::is_same_v<decltype(constant.wait_for(std::declval<bool (&)()>())), void>);
static_assert(std::is_same_v<decltype(constant.await(std::declval<bool (&)()>(), 1s)), bool>);
static_assert(!std::is_copy_constructible_v<condvar::token> && !std::is_copy_assignable_v<condvar::token>);

using condvar::detail::timeout_ns;
template <class Rep, class Period = std::ratio<1>> using unit = std::chrono::duration<Rep, Period>;
static_assert(timeout_ns(0s) == 0 && timeout_ns(-1ns) == 0 && timeout_ns(std::chrono::hours::min()) == 0);
static_assert(timeout_ns(1ns) == 1 && timeout_ns(3us) == 3000 && timeout_ns(2min) == 120'000'000'000);
static_assert(timeout_ns(unit<int, std::pico>(1)) == 1 && timeout_ns(unit<int, std::pico>(2001)) == 3);
static_assert(timeout_ns(unit<long, std::ratio<1, 3>>(1)) == 333'333'334);
static_assert(timeout_ns(unit<long, std::ratio<1, 3>>(3)) == 1'000'000'000);
static_assert(timeout_ns(unit<unsigned char>(255)) == 255'000'000'000);
static_assert(timeout_ns(std::chrono::nanoseconds::max()) == COND_FOREVER);
static_assert(timeout_ns(std::chrono::nanoseconds::max() - 1ns) == COND_FOREVER - 1);
static_assert(timeout_ns(std::chrono::seconds(9'223'372'036)) == 9'223'372'036'000'000'000);
static_assert(timeout_ns(std::chrono::seconds(9'223'372'037)) == COND_FOREVER);
static_assert(timeout_ns(std::chrono::hours::max()) == COND_FOREVER);
static_assert(timeout_ns(unit<unsigned long long, std::pico>(~0ull)) == COND_FOREVER);
static_assert(timeout_ns(unit<unsigned long long>(~0ull)) == COND_FOREVER);

static void check_fractions()
{
    CHECK(timeout_ns(unit<double>(0.0000000015)) == 2);
    CHECK(timeout_ns(unit<float, std::milli>(0.5f)) == 500'000);
    CHECK(timeout_ns(unit<double>(-0.5)) == 0);
    CHECK(timeout_ns(unit<double>(std::nan(""))) == 0);
    CHECK(timeout_ns(unit<double>(HUGE_VAL)) == COND_FOREVER);
    CHECK(timeout_ns(unit<double>(-HUGE_VAL)) == 0);
    CHECK(timeout_ns(unit<double>(DBL_MAX)) == COND_FOREVER);
}

/* ---- Points in time ---- */

/* A manual clock that counts how often it is read. */
struct wall_clock {
    using duration = std::chrono::seconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<wall_clock>;
    static constexpr bool is_steady = false;
    static inline rep seconds = 1000, step = 0;
    static time_point now()
    {
        seconds += step;
        return time_point(duration(seconds));
    }
};

template <class Clock, class Duration> using point = std::chrono::time_point<Clock, Duration>;

static void check_points()
{
    using condvar::detail::left_ns;
    using wall = wall_clock;
    const auto at = [](auto time) { return left_ns(point<wall, decltype(time)>(time)); };
    CHECK(at(1000s) == 0 && at(999s) == 0 && at(-5s) == 0 && at(0s) == 0);
    CHECK(at(1001s) == 1'000'000'000 && at(1'000'000'000'001ns) == 1);
    CHECK(at(unit<double>(1000.5)) == 500'000'000 && at(unit<double>(-1e300)) == 0);
    CHECK(at(std::chrono::hours::max()) == COND_FOREVER && at(std::chrono::hours::min()) == 0);
    CHECK(at(std::chrono::nanoseconds::max()) == COND_FOREVER && at(std::chrono::nanoseconds::min()) == 0);
    CHECK(at(unit<double>(HUGE_VAL)) == COND_FOREVER && at(unit<double>(std::nan(""))) == 0);
    CHECK(at(unit<unsigned>(1001)) == 1'000'000'000);
    wall::seconds = -1000;
    CHECK(at(-1000s) == 0 && at(-999s) == 1'000'000'000 && at(0s) == 1'000'000'000'000);
    CHECK(at(std::chrono::nanoseconds::max()) == COND_FOREVER);

    /* No wait ends early by this clock: each of its three reads takes one second of it, and no real time. */
    condvar::condition cond;
    std::lock_guard hold(cond);
    wall::seconds = 0;
    wall::step = 1;
    CHECK(!cond.wait_until(wall::time_point(1s)));
    CHECK(wall::seconds >= 1);
    wall::step = 0;
}

/* ---- The locks of <mutex> ---- */

static int destroy(cond_t *cond) { return cond_destroy(cond); }
static int destroy(cond_lock_t *lock) { return cond_lock_destroy(lock); }

template <class Lockable> static void check_lockable(Lockable &object)
{
    {
        std::lock_guard hold(object);
        CHECK(object.owned());
    }
    CHECK(!object.locked());
    {
        std::unique_lock hold(object, std::defer_lock);
        CHECK(hold.try_lock());
        hold.unlock();
        CHECK(hold.try_lock_for(1h));
        hold.unlock();
        CHECK(hold.try_lock_until(std::chrono::system_clock::now() + 1h));
        hold.unlock();
        CHECK(hold.try_lock_until(clock_type::time_point::min()));
        hold.unlock();
        hold.lock();
        std::thread([&] {
            CHECK(object.locked() && !object.owned());
            CHECK(!object.try_lock() && !object.try_acquire());
            const auto before = clock_type::now();
            CHECK(!object.try_lock_for(2ms));
            CHECK(!object.acquire(2ms));
            CHECK(!object.try_lock_until(clock_type::now() + 2ms));
            CHECK(!object.try_lock_until(std::chrono::system_clock::now() + 2ms));
            CHECK(!object.acquire_until(clock_type::now() + 2ms));
            CHECK(!object.acquire_until(clock_type::time_point::min()));
            CHECK(clock_type::now() - before >= 10ms);
            CHECK(throws(std::errc::operation_not_permitted, [&] { object.unlock(); }));
            CHECK(throws(std::errc::operation_not_permitted, [&] { object.release(); }));
        }).join();
        CHECK(object.owned());
    }
    CHECK(!object.locked());
    {
        condvar::condition other;
        std::scoped_lock hold(object, other);
        CHECK(object.owned() && other.owned());
    }
    object.acquire();
    CHECK(object.acquire(0ns) && object.try_acquire()); /* recursive */
    CHECK(object.acquire_until(clock_type::time_point::max()));
    CHECK(object.acquire_until(point<std::chrono::system_clock, std::chrono::hours>(std::chrono::hours::max())));
    CHECK(object.describe().find("locked rlock") != std::string::npos);
    {
        Lockable gone;
        (void)gone.describe(); /* leaves a text on the stack */
        CHECK(destroy(gone.native_handle()) == 0 && gone.describe().empty());
    }
    object.release();
    object.release();
    object.release();
    object.release();
    object.release();
    CHECK(!object.locked());
}

static void check_mutex()
{
    condvar::condition cond(COND_MUTEX);
    condvar::lock mutex(COND_MUTEX);
    std::scoped_lock hold(cond, mutex);
    CHECK(throws(std::errc::resource_deadlock_would_occur, [&] { cond.acquire(); }));
    CHECK(throws(std::errc::resource_deadlock_would_occur, [&] { mutex.lock(); }));
    CHECK(throws(std::errc::invalid_argument, [] { condvar::condition nonsense(99); }));
    CHECK(throws(std::errc::invalid_argument, [] { condvar::lock nonsense(99); }));
}

/* ---- Waiting ---- */

static void check_wait(condvar::condition &cond)
{
    CHECK(throws(std::errc::operation_not_permitted, [&] { cond.wait(); }));
    CHECK(throws(std::errc::operation_not_permitted, [&] { cond.wait(1s); }));
    CHECK(throws(std::errc::operation_not_permitted, [&] { cond.wait_for([] { return true; }); }));
    CHECK(throws(std::errc::operation_not_permitted, [&] { cond.notify(); }));
    CHECK(throws(std::errc::operation_not_permitted, [&] { cond.notify_all(); }));

    std::unique_lock hold(cond);
    const auto before = clock_type::now();
    CHECK(!cond.wait(3ms));
    CHECK(!cond.wait(0s) && !cond.wait(-1h));
    CHECK(!cond.wait_for([] { return false; }, 3ms));
    CHECK(!cond.wait_for([] { return false; }, unit<double>(0.003)));
    CHECK(clock_type::now() - before >= 9ms);
    CHECK(!cond.wait_until(clock_type::now() + 3ms) && !cond.wait_until(std::chrono::system_clock::now() + 3ms));
    CHECK(!cond.wait_for_until([] { return false; }, clock_type::now() + 3ms));
    CHECK(!cond.await([] { return false; }, 3ms) && !cond.await_until([] { return false; }, clock_type::now() + 3ms));
    CHECK(clock_type::now() - before >= 24ms);
    CHECK(cond.wait_for_until([] { return true; }, clock_type::time_point::min()));
    cond.await([] { return true; });
    CHECK(cond.wait_for([] { return true; }, -1s));
    CHECK(cond.owned());

    /* A wait without a predicate, one with a timeout, one with a predicate: three notifications. */
    int turns = 0;
    std::thread other([&] {
        std::lock_guard guard(cond);
        turns = 1;
        cond.notify_one();
        cond.await([&] { return turns == 2; }); /* without a notify */
        turns = 3;
        cond.notify_all();
        CHECK(cond.wait_for([&] { return turns == 4; }, 1min));
    });
    cond.wait();
    CHECK(turns == 1);
    turns = 2;
    CHECK(cond.wait(1min));
    CHECK(turns == 3);
    turns = 4;
    cond.notify(1);
    hold.unlock();
    other.join();
}

static bool always() { return true; }

static void check_callables()
{
    std::lock_guard hold(constant);
    const auto fixed = [] { return true; };
    int calls = 0;
    auto counts = [calls]() mutable { return ++calls == 1; };
    std::function<bool()> function = always;
    constant.wait_for(always);
    constant.wait_for(&always);
    constant.wait_for(fixed);
    constant.wait_for(function);
    constant.wait_for(std::not_fn([] { return false; }));
    constant.wait_for([]() noexcept -> const void * { return &constant; });
    constant.wait_for(counts);
    CHECK(constant.describe().find("<cond(<locked rlock") == 0);
    CHECK(constant.waiters() == 0 && cond_owned(constant.native_handle()));
}

/* An exception of a predicate reaches the waiting thread, whichever thread called the predicate, with the lock held. */
static void check_exceptions(condvar::condition &cond)
{
    std::unique_lock hold(cond);
    bool broken = false;
    const std::thread::id self = std::this_thread::get_id();
    std::thread other([&] {
        std::lock_guard guard(cond);
        broken = true;
        cond.notify();
    });
    std::thread::id thrown_by = self;
    try {
        cond.wait_for([&] {
            if (broken) {
                thrown_by = std::this_thread::get_id();
                throw std::runtime_error("broken");
            }
            return false;
        });
        CHECK(false); /* wait_for has returned */
    } catch (const std::runtime_error &error) {
        CHECK(std::string(error.what()) == "broken");
    }
    CHECK(cond.owned());
    CHECK(cond.waiters() == 0);
    CHECK(thrown_by == other.get_id()); /* it woke the waiter */
    hold.unlock();
    other.join();

    hold.lock();
    try {
        (void)cond.wait_for([]() -> bool { throw 7; }, 1s);
        CHECK(false); /* wait_for has returned */
    } catch (int seven) {
        CHECK(seven == 7 && cond.owned());
    }
}

/* ---- What ends a wait ---- */

static bool never() { return false; }

static void check_cancel(condvar::condition &cond)
{
    condvar::token token;
    CHECK(throws(std::errc::operation_not_permitted, [&] { cond.cancel(token); }));
    std::unique_lock hold(cond);
    CHECK(!cond.wait(token, 1ms) && !cond.wait_until(token, clock_type::now() + 1ms));
    CHECK(!cond.wait_for(token, never, 1ms) && !cond.wait_for_until(token, never, clock_type::now() + 1ms));
    CHECK(!cond.await(token, never, 1ms) && !cond.await_until(token, never, clock_type::now() + 1ms));
    CHECK(!token.cancelled());
    int waiting = 0;
    std::thread others[3];
    for (int how = 0; how < 3; how++)
        others[how] = std::thread([&, how] {
            std::lock_guard guard(cond);
            waiting++;
            CHECK(!(how == 0 ? cond.wait(token) : how == 1 ? cond.wait_for(token, never) : cond.await(token, never)));
            CHECK(cond.owned() && token.cancelled());
        });
    cond.await([&] { return waiting == 3; });
    cond.cancel(token);
    hold.unlock();
    for (std::thread &other : others)
        other.join();
    hold.lock();
    CHECK(!cond.wait(token) && !cond.wait_for(token, never, 1h));
    CHECK(cond.wait_for(token, [] { return true; }) && cond.await(token, [] { return true; }));
    const auto error = [] {
        try {
            condvar::token other;
            condvar::condition alone;
            std::lock_guard guard(alone);
            (void)alone.wait_for(other, []() -> bool { throw 7; });
        } catch (int seven) {
            return seven;
        }
        return 0;
    };
    CHECK(error() == 7);
}

static void check_close()
{
    condvar::condition cond;
    condvar::token token;
    CHECK(throws(std::errc::operation_not_permitted, [&] { cond.close(); }));
    int items = 1, taken = 0;
    std::thread consumer([&] {
        CHECK(throws(std::errc::operation_canceled, [&] {
            for (;;) {
                std::lock_guard hold(cond);
                cond.wait_for([&] { return items > 0; });
                items--;
                taken++;
            }
        }));
    });
    std::unique_lock hold(cond);
    cond.await([&] { return taken == 1; });
    CHECK(!cond.closed());
    items = 2;
    cond.close();
    hold.unlock();
    consumer.join();
    CHECK(taken == 3 && cond.closed());
    hold.lock();
    for (int how = 0; how < 6; how++)
        CHECK(throws(std::errc::operation_canceled, [&] {
            switch (how) {
            case 0: cond.wait(); break;
            case 1: (void)cond.wait(1h); break;
            case 2: cond.await(never); break;
            case 3: (void)cond.wait(token); break;
            case 4: (void)cond.wait_for_until(never, clock_type::now() + 1h); break;
            default: (void)cond.await_until(never, clock_type::now() + 1h);
            }
        }));
}

/* ---- Foreign locks ---- */

static void check_adopted()
{
    std::mutex mutex; /* the program's own, older than its conditions */
    condvar::lock handle(*mutex.native_handle());
    condvar::condition not_empty(handle), not_full(handle);
    std::queue<int> jobs;
    long sum = 0;
    std::thread consumer([&] {
        for (int i = 0; i < 1000; i++) {
            std::lock_guard hold(mutex);
            not_empty.wait_for([&] { return !jobs.empty(); });
            sum += jobs.front();
            jobs.pop();
            not_full.notify();
        }
    });
    for (int i = 1; i <= 1000; i++) {
        std::lock_guard hold(not_full);
        CHECK(not_full.wait_for([&] { return jobs.size() < 3; }, 1min));
        jobs.push(i);
        not_empty.notify();
    }
    consumer.join();
    CHECK(sum == 500500);
}

/* A lock that returns EOWNERDEAD once. */
static int dead_acquire(void *object, std::int64_t) { return std::exchange(*static_cast<int *>(object), 0); }
static int dead_release(void *) { return 0; }

static void check_dead_owner()
{
    const cond_lock_ops_t ops = {dead_acquire, dead_release, nullptr, nullptr, nullptr};
    int answer = EOWNERDEAD;
    condvar::lock lock(ops, &answer);
    CHECK(throws(std::errc::owner_dead, [&] { lock.acquire(); }));
    answer = EOWNERDEAD;
    std::lock_guard(static_cast<condvar::lock &>(lock)); /* does not throw */
    answer = ENOTRECOVERABLE;
    CHECK(throws(std::errc::state_not_recoverable, [&] { std::lock_guard<condvar::lock> hold(lock); }));
}

/* A lock that cannot be acquired again: wait() throws, and neither destructor terminates while the stack is unwound. */
static int lost_acquire(void *object, std::int64_t) { return (*static_cast<int *>(object))++ == 0 ? 0 : EIO; }
static bool lost_owned(void *) { return true; }

static void check_lost_lock()
{
    const cond_lock_ops_t ops = {lost_acquire, dead_release, lost_owned, nullptr, nullptr};
    for (int guard = 0; guard < 3; guard++) {
        int times = 0;
        CHECK(throws(std::errc::io_error, [&] {
            condvar::lock lock(ops, &times);
            condvar::condition cond(lock);
            std::unique_lock by_lock(lock, std::defer_lock);
            std::unique_lock by_cond(cond, std::defer_lock);
            guard == 0 ? cond.acquire() : guard == 1 ? by_lock.lock() : by_cond.lock();
            cond.wait(1ms);
        }));
    }
}

/* ---- Shared memory ---- */

/* Constructing a shared object again throws, in any process, and leaves it as it is. */
template <class Object, class... Args> static void check_constructed_twice(void *memory, Args &&...args)
{
    Object *object = new (memory) Object(args...);
    object->acquire();
    const auto construct = [&] {
        CHECK(throws(std::errc::device_or_resource_busy, [&] { new (memory) Object(args...); }));
        CHECK(object->locked());
    };
    construct();
    CHECK(object->owned());
    const pid_t child = fork();
    if (child == 0) {
        construct();
        _exit(0);
    }
    int status = 1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    object->release();
    object->~Object();
    object = new (memory) Object(args...); /* after destroy it may be constructed again */
    object->~Object();
}

static void check_shared()
{
    struct place {
        alignas(condvar::lock) char lock[sizeof(condvar::lock)];
        alignas(condvar::condition) char cond[sizeof(condvar::condition)];
    };
    void *memory = mmap(nullptr, sizeof(place), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    place &shared = *static_cast<place *>(memory);
    check_constructed_twice<condvar::condition>(shared.cond, static_cast<unsigned>(COND_SHARED));
    check_constructed_twice<condvar::lock>(shared.lock, static_cast<unsigned>(COND_SHARED));
    condvar::lock &lock = *new (shared.lock) condvar::lock(COND_SHARED | COND_MUTEX);
    check_constructed_twice<condvar::condition>(shared.cond, lock);
    lock.~lock_handle();
    munmap(memory, sizeof(place));
}

/* A holder dies, and the next one releases the lock without recover(): a wait throws, and its guard is unwound. */
static void check_shared_loss()
{
    void *memory = mmap(nullptr, sizeof(condvar::condition), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    condvar::condition &cond = *new (memory) condvar::condition(COND_SHARED);
    const pid_t child = fork();
    if (child == 0) {
        const auto wait = [&] {
            std::lock_guard hold(cond);
            cond.wait();
        };
        _exit(throws(std::errc::state_not_recoverable, wait) ? 33 : 1);
    }
    while (cond.waiters() == 0)
        std::this_thread::yield();
    cond.acquire();
    kill(child, SIGSTOP); /* so that this process gets EOWNERDEAD */
    int status = 0;
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    cond.release();
    std::thread([&] { cond.acquire(); }).join(); /* the thread ends with the lock */
    cond.lock();
    cond.unlock();
    CHECK(throws(std::errc::operation_not_permitted, [&] { cond.unlock(); }));
    CHECK(throws(std::errc::state_not_recoverable, [&] { std::lock_guard hold(cond); }));
    kill(child, SIGCONT);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 33);
    cond.~condition();
    munmap(memory, sizeof(condvar::condition));
}

/* ---- Destroyed too early ---- */

template <class Object> static void check_destructor()
{
    const pid_t child = fork();
    if (child == 0) {
        std::set_terminate([] { _exit(33); });
        {
            Object object;
            object.acquire();
        }
        _exit(0);
    }
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 33);
}

int main()
{
    check_fractions();
    check_points();
    condvar::condition own, mutex(COND_MUTEX);
    condvar::lock lock;
    condvar::condition elsewhere(lock);
    check_lockable(own);
    check_lockable(lock);
    check_lockable(elsewhere);
    check_mutex();
    for (condvar::condition *cond : {&constant, &own, &mutex, &elsewhere}) {
        check_wait(*cond);
        check_exceptions(*cond);
        check_cancel(*cond);
    }
    check_close();
    check_callables();
    check_adopted();
    check_dead_owner();
    check_lost_lock();
    check_shared();
    check_shared_loss();
    check_destructor<condvar::condition>();
    check_destructor<condvar::lock>();
    return 0;
}
