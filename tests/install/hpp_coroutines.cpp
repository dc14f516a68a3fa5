/* SPDX-License-Identifier: MIT */
/* Coroutines on conditions: on event loops of several threads, beside threads, stopped, closed, and with exceptions. */
#include <condvar.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>
#include "check.hpp"

using namespace std::chrono_literals;

#if !defined(CONDVAR_COROUTINES_) || !defined(CONDVAR_STOP_TOKEN_)
int main()
{
    std::puts("no coroutines here");
    return 77;
}
#else

/* A coroutine that begins at once. No other waits for it. */
struct fiber {
    struct promise_type {
        fiber get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_never initial_suspend() { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
    std::coroutine_handle<promise_type> handle;
};

/* An event loop: any thread posts, one thread runs. */
class loop {
public:
    explicit loop(std::atomic<int> &left) : left_(left), thread_([this] { run(); }) {}
    ~loop() { thread_.join(); }

    void post(std::coroutine_handle<> next)
    {
        std::lock_guard hold(mutex_);
        ready_.push_back(next);
        posted_.notify();
    }

    std::thread::id id() const { return thread_.get_id(); }

    /* co_await loop.here(): continue on this loop. */
    auto here()
    {
        struct hop {
            loop &where;
            bool await_ready() { return false; }
            void await_suspend(std::coroutine_handle<> next) { where.post(next); }
            void await_resume() {}
        };
        return hop{*this};
    }

private:
    void run()
    {
        for (;;) {
            std::coroutine_handle<> next;
            {
                std::lock_guard hold(mutex_);
                while (!posted_.wait_for([this] { return !ready_.empty(); }, 1ms))
                    if (left_ == 0)
                        return;
                next = ready_.front();
                ready_.pop_front();
            }
            next.resume();
        }
    }

    std::atomic<int> &left_; /* coroutines that have not ended */
    condvar::lock mutex_{COND_MUTEX};
    condvar::condition posted_{mutex_};
    std::deque<std::coroutine_handle<>> ready_;
    std::thread thread_;
};

struct buffer {
    condvar::lock lock;
    condvar::condition not_empty{lock}, not_full{lock};
    int items = 0, put = 0, taken = 0; /* under the lock */
    static constexpr int capacity = 3;
};

enum { EACH = 300 };

static fiber produce(buffer &b, loop &where, std::atomic<int> &left)
{
    co_await where.here();
    for (int i = 0; i < EACH; i++) {
        auto hold = co_await b.not_full.async_acquire(where);
        CHECK(std::this_thread::get_id() == where.id());
        co_await b.not_full.async_wait_for(hold, [&b] { return b.items < b.capacity; });
        CHECK(std::this_thread::get_id() == where.id());
        CHECK(b.items < b.capacity);
        b.items++;
        b.put++;
        if (i % 2 == 0)
            b.not_empty.notify(hold);
        else
            b.not_empty.notify_all(hold);
    }
    left--;
}

static fiber consume(buffer &b, loop &where, std::atomic<int> &left)
{
    co_await where.here();
    for (int i = 0; i < EACH; i++) {
        auto hold = co_await b.not_empty.async_acquire(where);
        if (i % 2 == 0)
            co_await b.not_empty.async_await(hold, [&b] { return b.items > 0; });
        else
            co_await b.not_empty.async_wait_for(hold, [&b] { return b.items > 0; });
        CHECK(b.items > 0);
        b.items--;
        b.taken++;
        b.not_full.notify_one(hold);
        auto moved = std::move(hold); /* the owner may be moved */
        CHECK(moved && !hold && hold.native_handle() == nullptr);
        moved.release();
        CHECK(!moved);
    }
    left--;
}

/* Two loops and two threads on one buffer. */
static void check_buffer()
{
    buffer b;
    std::atomic<int> left{6};
    {
        loop one(left), two(left);
        for (int i = 0; i < 3; i++) {
            produce(b, one, left);
            consume(b, i == 0 ? one : two, left);
        }
        std::thread producer([&] {
            for (int i = 0; i < EACH; i++) {
                std::lock_guard hold(b.not_full);
                b.not_full.wait_for([&] { return b.items < b.capacity; });
                b.items++;
                b.put++;
                b.not_empty.notify();
            }
        });
        std::thread consumer([&] {
            for (int i = 0; i < EACH; i++) {
                std::lock_guard hold(b.not_empty);
                b.not_empty.wait_for([&] { return b.items > 0; });
                b.items--;
                b.taken++;
                b.not_full.notify();
            }
        });
        producer.join();
        consumer.join();
    }
    CHECK(left == 0 && b.items == 0 && b.put == 4 * EACH && b.taken == 4 * EACH && !b.lock.locked());
}

/* ---- An executor that resumes at once, on the thread that completes the request ---- */

struct inline_executor {
    std::vector<int> *calls; /* touched after the call: the copy outlives the coroutine */
    void operator()(std::coroutine_handle<> next) const
    {
        next.resume();
        calls->push_back(1);
    }
};

static fiber wait_once(condvar::condition &cond, std::vector<int> *calls, int &state)
{
    {
        auto hold = co_await cond.async_acquire(inline_executor{calls});
        state = 1;
        co_await cond.async_wait(hold);
        state = 2;
    }
    state = 3;
}

static void check_inline()
{
    condvar::condition cond;
    std::vector<int> calls;
    int states[3] = {};
    for (int &state : states)
        wait_once(cond, &calls, state);
    CHECK(states[2] == 1 && calls.empty()); /* a request that completes at once needs no executor */
    {
        std::lock_guard hold(cond);
        CHECK(cond.waiters() == 3);
        cond.notify();
        CHECK(states[0] == 1);
    }
    CHECK(states[0] == 3 && states[1] == 1);
    CHECK(calls.size() == 1);
    {
        std::lock_guard hold(cond);
        int late = 0;
        wait_once(cond, &calls, late); /* acquires when the lock is released */
        CHECK(late == 0);
        cond.notify_all();
        cond.release();
        CHECK(late == 1);
        cond.acquire();
        cond.notify_all();
        cond.release();
        CHECK(late == 3);
        cond.acquire();
    }
    CHECK(states[1] == 3 && states[2] == 3 && !cond.locked());
}

/* ---- What ends a wait ---- */

/* `source` is stopped by the coroutine, before it waits; or NULL. */
static fiber wait_stoppably(condvar::condition &cond, std::stop_token stop, std::stop_source *source,
                            std::vector<int> *calls, int how, int &items, int &result)
{
    auto hold = co_await cond.async_acquire(inline_executor{calls}, stop);
    if (!hold) {
        result = -1;
        co_return;
    }
    if (source != nullptr)
        source->request_stop();
    const auto has_item = [&items] { return items > 0; };
    bool ok;
    if (how == 0)
        ok = co_await cond.async_wait(hold, stop);
    else if (how == 1)
        ok = co_await cond.async_wait_for(hold, stop, has_item);
    else
        ok = co_await cond.async_await(hold, stop, has_item);
    result = ok ? 1 : 0;
    CHECK(hold);
    hold.release(); /* it was held, whatever the result is */
}

static void check_stop()
{
    for (int how = 0; how < 3; how++) {
        condvar::condition cond(COND_MUTEX);
        std::vector<int> calls;
        for (int by = 0; by < 6; by++) {
            int items = 0, result = -2;
            std::stop_source source;
            std::unique_lock hold(cond, std::defer_lock);
            if (by == 0) /* before it begins, though the lock is free */
                source.request_stop();
            if (by == 1)
                hold.lock(); /* while it acquires */
            wait_stoppably(cond, source.get_token(), by == 5 ? &source : nullptr, &calls, how, items, result);
            if (by >= 2 && by != 5)
                CHECK(result == -2 && cond.waiters() == 1);
            if (by == 3)
                hold.lock(); /* by the holder */
            if (by == 4)
                hold.lock(), items = 1; /* and the predicate is true meanwhile */
            source.request_stop();
            if (hold.owns_lock())
                hold.unlock();
            CHECK(result == (by < 2 ? -1 : by == 4 && how != 0 ? 1 : 0));
            CHECK(!cond.locked() && cond.waiters() == 0);
        }
    }
}

static fiber wait_and_catch(condvar::condition &cond, std::vector<int> *calls, int how, int &result)
{
    auto hold = co_await cond.async_acquire(inline_executor{calls});
    try {
        if (how == 0)
            co_await cond.async_wait(hold);
        else if (how == 1)
            co_await cond.async_wait_for(hold, []() -> bool { throw std::runtime_error("7"); });
        else if (how == 2)
            co_await cond.async_wait_for(hold, [calls = 0]() mutable -> bool { return ++calls > 1 ? throw 8 : false; });
        else if (how == 3) {
            condvar::async_hold empty;
            co_await cond.async_wait(empty);
        } else {
            hold.release();
            auto again = co_await cond.async_acquire(inline_executor{calls});
            again.release();
            cond.notify(again);
        }
    } catch (const std::system_error &error) {
        result = error.code() == std::errc::operation_canceled ? 1 : error.code() == std::errc::invalid_argument ? 2 : 3;
    } catch (const std::runtime_error &) {
        result = 7;
    } catch (int number) {
        result = number;
    }
}

static void check_exceptions()
{
    condvar::condition cond;
    std::vector<int> calls;
    int results[5] = {};
    for (int how = 0; how < 5; how++)
        wait_and_catch(cond, &calls, how, results[how]);
    CHECK(results[0] == 0 && results[1] == 7 && results[2] == 0 && results[3] == 2 && results[4] == 2);
    cond.acquire();
    cond.notify(2);
    cond.release();
    CHECK(results[2] == 8);
    std::stop_source source;
    int items = 0, result = -2;
    wait_stoppably(cond, source.get_token(), nullptr, &calls, 1, items, result);
    items = 1;
    cond.acquire();
    cond.close();
    cond.release();
    CHECK(result == 1); /* drained */
    results[0] = 0;
    wait_and_catch(cond, &calls, 0, results[0]);
    CHECK(results[0] == 1 && !cond.locked());
}

/* ---- Requests to stop at any time, from other threads ---- */

static fiber stormed(condvar::condition &cond, loop &where, std::vector<std::stop_source> &sources, std::mutex &mutex,
                     std::size_t self, int &items, std::atomic<int> &left)
{
    co_await where.here();
    for (int i = 0; i < 2 * EACH; i++) {
        std::stop_source source;
        {
            std::lock_guard guard(mutex);
            sources[self] = source;
        }
        auto hold = co_await cond.async_acquire(where, source.get_token());
        if (!hold)
            continue;
        CHECK(std::this_thread::get_id() == where.id());
        if (co_await cond.async_wait_for(hold, source.get_token(), [&items] { return items > 0; })) {
            CHECK(items > 0);
            items--;
        }
        CHECK(std::this_thread::get_id() == where.id());
    }
    left--;
}

static void storm()
{
    condvar::condition cond;
    int items = 0;
    std::atomic<int> left{6};
    std::mutex mutex;
    std::vector<std::stop_source> sources(6);
    loop one(left), two(left);
    for (std::size_t i = 0; i < 6; i++)
        stormed(cond, i % 2 == 0 ? one : two, sources, mutex, i, items, left);
    for (std::size_t i = 0; left > 0; i++) {
        std::stop_source source;
        {
            std::lock_guard guard(mutex);
            source = sources[i % 6];
        }
        if (i % 2 == 0) {
            source.request_stop();
        } else {
            std::lock_guard hold(cond);
            if (i % 5 == 0)
                items++;
            cond.notify();
            source.request_stop();
        }
        std::this_thread::yield();
    }
}

/* ---- Destroyed while it waits ---- */

static fiber parks(condvar::condition &cond, std::vector<int> *calls, std::coroutine_handle<> &self)
{
    struct me {
        std::coroutine_handle<> &out;
        bool await_ready() { return false; }
        bool await_suspend(std::coroutine_handle<> handle) { return out = handle, false; }
        void await_resume() {}
    };
    co_await me{self};
    auto hold = co_await cond.async_acquire(inline_executor{calls});
    co_await cond.async_wait(hold);
}

/* A coroutine that waits by a hold outside its frame. */
template <class Executor>
static fiber parks_by(condvar::condition &cond, Executor executor, condvar::async_hold &hold, int &result)
{
    try {
        if (!hold)
            hold = co_await cond.async_acquire(std::move(executor));
        co_await cond.async_wait(hold);
        result = 1;
    } catch (const std::system_error &error) {
        result = error.code() == std::errc::operation_not_permitted ? 2 : 3;
    }
}

static void check_destroyed()
{
    for (const bool hold_only : {false, true}) {
        const pid_t child = fork();
        if (child == 0) {
            std::set_terminate([] { _exit(33); });
            condvar::condition cond;
            std::vector<int> calls;
            if (hold_only) {
                int result = 0;
                condvar::async_hold hold;
                parks_by(cond, inline_executor{&calls}, hold, result);
                hold = condvar::async_hold();
            } else {
                std::coroutine_handle<> self;
                parks(cond, &calls, self);
                self.destroy();
            }
            _exit(0);
        }
        int status = 0;
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 33);
    }
}

/* ---- Two coroutines with one hold: the second one gets an error, and the first one is woken ---- */

static void check_second()
{
    condvar::condition cond;
    std::vector<int> calls;
    condvar::async_hold hold;
    int results[3] = {};
    parks_by(cond, inline_executor{&calls}, hold, results[0]);
    parks_by(cond, inline_executor{&calls}, hold, results[1]);
    CHECK(results[0] == 0 && results[1] == 2 && cond.waiters() == 1);
    for (const int first : {0, 2}) {
        cond.acquire();
        cond.notify();
        cond.release();
        CHECK(results[first] == 1 && cond.locked());
        if (first == 0)
            parks_by(cond, inline_executor{&calls}, hold, results[2]); /* the hold can be used again */
    }
    hold.release();
    CHECK(!cond.locked());
}

/* Also when the hold has the lock again, and its coroutine is still in the queue of its loop. */
static void check_second_release()
{
    condvar::condition cond;
    std::vector<std::coroutine_handle<>> queue;
    condvar::async_hold hold;
    int result = 0;
    bool refused = false;
    parks_by(cond, [&queue](std::coroutine_handle<> next) { queue.push_back(next); }, hold, result);
    cond.acquire();
    cond.notify();
    cond.release();
    CHECK(queue.size() == 1 && cond.locked());
    try {
        hold.release();
    } catch (const std::system_error &error) {
        refused = error.code() == std::errc::operation_not_permitted;
    }
    CHECK(refused && cond.locked());
    queue[0].resume();
    CHECK(result == 1);
    hold.release();
    CHECK(!cond.locked());
}

/* ---- The condition is destroyed while the coroutine holds its lock ---- */

static fiber outlives(condvar::condition &cond, std::vector<int> *calls, bool by_call, int &ended)
{
    {
        auto hold = co_await cond.async_acquire(inline_executor{calls});
        co_await cond.async_wait(hold);
        if (by_call)
            hold.release();
    }
    ended++;
}

static void check_outlives()
{
    condvar::lock lock;
    std::optional<condvar::condition> cond(std::in_place, lock);
    std::vector<int> calls;
    int ended = 0;
    for (const bool by_call : {false, true})
        outlives(*cond, &calls, by_call, ended);
    {
        std::lock_guard hold(lock);
        cond->notify_all();
        cond.reset();
    }
    CHECK(ended == 2 && !lock.locked());
}

int main()
{
    check_destroyed();
    check_second();
    check_second_release();
    check_outlives();
    check_inline();
    check_stop();
    check_exceptions();
    check_buffer();
    storm();
    return 0;
}
#endif
