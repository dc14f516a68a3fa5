/* SPDX-License-Identifier: MIT */
/*
 * coroutines.cpp - producers and consumers as C++20 coroutines on event loops of epoll and an eventfd, and a thread
 *
 *     examples/run coroutines --items 1000
 *
 * Two producers are coroutines of one loop, three consumers are coroutines of another loop, and the main thread is the
 * third producer. Each loop runs on its own thread. All use one buffer of 10 places and one condition. A wait suspends
 * the coroutine and does not block its loop. At the end of the wait the coroutine is posted to the loop. When all items
 * are taken, a std::stop_token stops the consumers. docs/tasks.md explains the parts.
 */
#include "common.h"

#include <condvar.hpp>

#include <algorithm>
#include <mutex>
#include <queue>
#include <stop_token>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <vector>

/* ---- The same in any program: a loop and its coroutines ---------------------------------------------- */

class loop {
public:
    /* All that the library needs from a loop. Any thread may call it, with any locks held. So it does not resume the
       coroutine; it puts the coroutine into the queue. */
    void post(std::coroutine_handle<> next)
    {
        std::lock_guard hold(mutex_); /* until the end: after the unlock the loop may be destroyed */
        ready_.push_back(next);
        eventfd_write(wakeup_, 1);
    }

    void run()
    {
        epoll_event event = {.events = EPOLLIN, .data = {}}; /* a server would add its sockets to this epoll */
        const int epoll = epoll_create1(EPOLL_CLOEXEC);
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup_, &event) != 0)
            std::terminate();
        while (running > 0) {
            eventfd_t count; /* not needed: the queue has the coroutines */
            if (epoll_wait(epoll, &event, 1, -1) == 1)
                eventfd_read(wakeup_, &count); /* before the queue is taken, or a post could be missed */
            std::unique_lock hold(mutex_);
            const auto now = std::exchange(ready_, {});
            hold.unlock();
            for (std::coroutine_handle<> next : now)
                next.resume();
        }
        close(epoll);
    }

    int running = 0; /* coroutines that have not ended; only for the thread of the loop, and before it starts */

private:
    int wakeup_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); /* never closed */
    std::mutex mutex_;                                    /* guards ready_ */
    std::vector<std::coroutine_handle<>> ready_;
};

/* The type of the coroutines. The first parameter of a coroutine is its loop, which starts it. */
struct job {
    struct promise_type {
        loop &on;
        template <class... Rest> explicit promise_type(loop &l, Rest &&...) : on(l) {}
        job get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() { return on.running++, std::suspend_always(); }
        std::suspend_never final_suspend() noexcept { return on.running--, std::suspend_never(); }
        void return_void() {}
        void unhandled_exception() { std::terminate(); } /* prints the message of the library's exception */
    };
    std::coroutine_handle<promise_type> handle;
};

/* ---- The buffer, the producers and the consumers ----------------------------------------------------- */

enum { PRODUCERS = 3, CONSUMERS = 3, CAPACITY = 10 };

static condvar::condition changed; /* an item was put or taken; its lock guards all that follows */
static std::queue<int> items;
static std::vector<int> seen; /* by item: how many times it was taken */
static int taken;

static bool has_room() { return items.size() < CAPACITY; }
static bool has_item() { return !items.empty(); }

static job produce(loop &l, int first, int count)
{
    for (int item = first; item < first + count; item++) {
        auto hold = co_await changed.async_acquire(l);
        co_await changed.async_wait_for(hold, has_room);
        items.push(item);
        changed.notify_all(hold);
    } /* the destructor of `hold` releases the lock */
}

static job consume(loop &l, std::stop_token stop)
{
    for (;;) {
        auto hold = co_await changed.async_acquire(l, stop);
        if (!hold || !co_await changed.async_wait_for(hold, stop, has_item))
            co_return; /* stopped. If `hold` holds the lock, its destructor releases it */
        seen[static_cast<std::size_t>(items.front())]++;
        items.pop();
        taken++;
        changed.notify_all(hold);
    }
}

int main(int argc, char **argv)
{
    std::size_t count = 100;
    number_option options[] = {{"items", "items that each producer puts", &count, nullptr, 1, 1000000, false}, {}};
    read_options(argc, argv, nullptr, "Coroutines of two event loops and a thread share a buffer.", options);

    const int each = static_cast<int>(count), total = PRODUCERS * each;
    std::stop_source done;
    loop producing, consuming;
    seen.resize(static_cast<std::size_t>(total));
    for (int i = 0; i < PRODUCERS - 1; i++)
        producing.post(produce(producing, i * each, each).handle);
    for (int i = 0; i < CONSUMERS; i++)
        consuming.post(consume(consuming, done.get_token()).handle);
    std::thread one([&] { producing.run(); }), two([&] { consuming.run(); });
    for (int item = total - each; item < total; item++) { /* the same on a thread. A thread may block */
        std::lock_guard hold(changed);
        changed.wait_for(has_room);
        items.push(item);
        changed.notify_all();
    }
    changed.acquire();
    changed.await([&] { return taken == total; });
    done.request_stop(); /* never blocks, so the lock may be held */
    changed.release();
    one.join();
    two.join();
    const bool right = std::ranges::all_of(seen, [](int times) { return times == 1; });
    std::printf("produced %d, consumed %d, left %zu\n", total, taken, items.size());
    std::printf("each item taken exactly once: %s\n", right ? "yes" : "no");
    return end_program(right);
}
