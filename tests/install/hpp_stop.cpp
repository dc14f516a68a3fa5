/* SPDX-License-Identifier: MIT */
/*
 * std::stop_token: a request ends the wait, from any thread and with any lock held. No request is missed, and none
 * deadlocks. This also runs under ThreadSanitizer.
 */
#include <condvar.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>
#include "check.hpp"

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

#ifndef CONDVAR_STOP_TOKEN_
#  include <cstdio>
int main()
{
    std::puts("no std::stop_token here");
    return 77;
}
#else

/* A condition on each kind of lock that supports stopping. */
struct place {
    explicit place(unsigned number)
    {
        if (number == 4)
            handle.emplace(*mutex.native_handle());
        else if (number >= 2)
            handle.emplace(number == 2 ? COND_RLOCK : COND_MUTEX);
        if (handle)
            cond.emplace(*handle);
        else
            cond.emplace(number == 0 ? COND_RLOCK : COND_MUTEX);
        awaits = number != 4;
    }

    static constexpr unsigned kinds = 5;
    std::mutex mutex; /* the program's own */
    std::optional<condvar::lock> handle;
    std::optional<condvar::condition> cond;
    bool awaits; /* its lock supports await() */
    int waiting = 0, items = 0;
};

enum how { WAIT, WAIT_TIMED, WAIT_UNTIL, WAIT_FOR, WAIT_FOR_TIMED, WAIT_FOR_UNTIL, AWAIT, AWAIT_TIMED, AWAIT_UNTIL, HOWS };

/* With the lock held. */
static bool wait(place &p, how how, const std::stop_token &stop)
{
    condvar::condition &cond = *p.cond;
    const auto has_item = [&] { return p.items > 0; };
    const auto later = clock_type::now() + 1h;
    p.waiting++;
    switch (how) {
    case WAIT: return cond.wait(stop);
    case WAIT_TIMED: return cond.wait(stop, 1h);
    case WAIT_UNTIL: return cond.wait_until(stop, later);
    case WAIT_FOR: return cond.wait_for(stop, has_item);
    case WAIT_FOR_TIMED: return cond.wait_for(stop, has_item, 1h);
    case WAIT_FOR_UNTIL: return cond.wait_for_until(stop, has_item, std::chrono::system_clock::now() + 1h);
    case AWAIT: return cond.await(stop, has_item);
    case AWAIT_TIMED: return cond.await(stop, has_item, 1h);
    default: return cond.await_until(stop, has_item, later);
    }
}

static void until_waiting(place &p, int count)
{
    for (;; std::this_thread::yield()) {
        std::lock_guard hold(*p.cond);
        if (p.waiting == count)
            return;
    }
}

/* The requesting thread holds no lock, the waiter's lock, or another lock that the holder of the waiter's lock wants.
   The last deadlocks if the request needs the waiter's lock. */
enum by { NOBODY, HOLDER, HOLDER_OF_ANOTHER, BYS };

static void check_request(unsigned kind, how how, by by)
{
    place p(kind);
    std::stop_source source;
    std::thread waiter([&] {
        std::lock_guard hold(*p.cond);
        CHECK(!wait(p, how, source.get_token()));
        CHECK(kind == 4 || p.cond->owned());
        p.waiting = 0;
    });
    until_waiting(p, 1);
    if (by == NOBODY) {
        CHECK(source.request_stop());
    } else if (by == HOLDER) {
        std::lock_guard hold(*p.cond);
        CHECK(source.request_stop());
        CHECK(p.waiting == 1);
    } else {
        std::mutex another;
        std::atomic<int> step{0};
        std::unique_lock mine(another); /* before the holder can have it */
        std::thread holder([&] {
            std::lock_guard hold(*p.cond);
            step = 1;
            step.notify_all();
            std::lock_guard second(another); /* after the request */
        });
        step.wait(0);
        CHECK(source.request_stop());
        mine.unlock();
        holder.join();
    }
    waiter.join();
    CHECK(p.waiting == 0 && p.cond->waiters() == 0);
}

/* A request before the wait, a token without a source, a true predicate, an exception. */
static void check_others(unsigned kind)
{
    place p(kind);
    std::stop_source source;
    std::unique_lock hold(*p.cond);
    CHECK(!p.cond->wait(std::stop_token(), 1ms));
    CHECK(!p.cond->wait(source.get_token(), 1ms));
    CHECK(!p.cond->wait_until(source.get_token(), clock_type::now()));
    CHECK(p.cond->wait_for(std::stop_token(), [] { return true; }));
    source.request_stop();
    for (int how = WAIT; how < (p.awaits ? HOWS : AWAIT); how++)
        CHECK(!wait(p, static_cast<enum how>(how), source.get_token()));
    p.items = 1;
    for (int how = WAIT_FOR; how < (p.awaits ? HOWS : AWAIT); how++)
        CHECK(wait(p, static_cast<enum how>(how), source.get_token()));
    try {
        (void)p.cond->wait_for(source.get_token(), []() -> bool { throw 7; });
        CHECK(false); /* wait_for has returned */
    } catch (int seven) {
        CHECK(seven == 7);
    }
    p.cond->close();
    std::stop_source fresh;
    try {
        (void)p.cond->wait(fresh.get_token());
        CHECK(false); /* wait has returned */
    } catch (const std::system_error &error) {
        CHECK(error.code() == std::errc::operation_canceled);
    }
    CHECK(!p.cond->wait(source.get_token())); /* both: stopped */
}

static void check_shared()
{
    condvar::condition shared(COND_SHARED);
    std::lock_guard hold(shared);
    try {
        (void)shared.wait(std::stop_source().get_token(), 1ms);
        CHECK(false); /* wait has returned */
    } catch (const std::system_error &error) {
        CHECK(error.code() == std::errc::not_supported || error.code() == std::errc::operation_not_supported);
    }
}

/* Waits end by notify, timeout and request. Requests come from threads with and without the lock, at any time of a
   wait. A stopped wait must return: after a missed request the test hangs. */
static void storm(unsigned kind, unsigned rounds)
{
    place p(kind);
    constexpr unsigned threads = 4;
    std::atomic<unsigned> left{threads};
    std::mutex mutex; /* guards `sources` */
    std::vector<std::stop_source> sources(threads);
    std::vector<std::thread> all;
    long given = 0, taken = 0; /* under the lock */
    for (unsigned t = 0; t < threads; t++)
        all.emplace_back([&, t] {
            for (unsigned i = 0; i < rounds; i++) {
                std::stop_source source;
                {
                    std::lock_guard guard(mutex);
                    sources[t] = source;
                }
                std::lock_guard hold(*p.cond);
                const int how = static_cast<int>((i * 7 + t) % (p.awaits ? HOWS : AWAIT));
                if (wait(p, static_cast<enum how>(how), source.get_token()) && how >= WAIT_FOR) {
                    CHECK(p.items > 0);
                    p.items--;
                    taken++;
                }
            }
            left--;
        });
    std::thread giver([&] {
        for (unsigned i = 0; left > 0; i++) {
            {
                std::lock_guard hold(*p.cond);
                if (p.items < 2) {
                    p.items++;
                    given++;
                }
                i % 3 == 0 ? p.cond->notify_all() : p.cond->notify();
            }
            std::this_thread::yield();
        }
    });
    for (unsigned i = 0; left > 0; i++) {
        std::stop_source source;
        {
            std::lock_guard guard(mutex);
            source = sources[i % threads];
        }
        if (i % 2 == 0) {
            source.request_stop();
        } else {
            std::lock_guard hold(*p.cond);
            source.request_stop();
        }
        std::this_thread::yield();
    }
    giver.join();
    for (std::thread &thread : all)
        thread.join();
    CHECK(given - taken == p.items && p.cond->waiters() == 0);
}

int main(int argc, char **argv)
{
    const unsigned rounds = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 2000;
    for (unsigned kind = 0; kind < place::kinds; kind++) {
        for (int how = WAIT; how < (kind == 4 ? AWAIT : HOWS); how++)
            for (int by = NOBODY; by < BYS; by++)
                check_request(kind, static_cast<enum how>(how), static_cast<enum by>(by));
        check_others(kind);
        storm(kind, rounds);
    }
    check_shared();
    return 0;
}
#endif
