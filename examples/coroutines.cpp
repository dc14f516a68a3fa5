/* SPDX-License-Identifier: MIT */
/*
 * coroutines.cpp - producers and consumers as C++20 coroutines, on loops of epoll and an eventfd, and a thread
 *
 * Two producers are coroutines of one loop and three consumers of another, each loop on a thread of its own; the main
 * thread is the third producer. Between them are a buffer of 10 places and one condition. No loop is ever blocked: a
 * coroutine that waits is suspended, and posted to its loop when its wait is over. When all is taken, the consumers are
 * stopped by a std::stop_token. Why it is done in this way: docs/tasks.md. Exits 0 if each item was taken exactly once, 1
 * if not, and 2 for bad arguments.
 */
#include <condvar.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <queue>
#include <stop_token>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <vector>

/* ---- What would be the same in any program: a loop, and the coroutines that it runs ---- */

class loop {
public:
    /* Any thread, maybe with locks held: so it resumes nothing, but puts it into the queue. That is all that the library
       wants of an executor. */
    void post(std::coroutine_handle<> next)
    {
        std::lock_guard hold(mutex_); /* to the end: after that the loop may take the last one, and be destroyed */
        ready_.push_back(next);
        eventfd_write(wakeup_, 1);
    }

    void run()
    {
        epoll_event event = {.events = EPOLLIN, .data = {}}; /* a server's sockets would be in this epoll, too */
        const int epoll = epoll_create1(EPOLL_CLOEXEC);
        if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup_, &event) != 0)
            std::terminate();
        while (running > 0) {
            eventfd_t posts; /* how many: not needed, they are in the queue */
            if (epoll_wait(epoll, &event, 1, -1) == 1)
                eventfd_read(wakeup_, &posts); /* before the queue is taken, or a post may be overlooked */
            std::unique_lock hold(mutex_);
            const auto now = std::exchange(ready_, {});
            hold.unlock();
            for (std::coroutine_handle<> next : now)
                next.resume();
        }
        close(epoll);
    }

    int running = 0; /* by its thread, and before that runs: coroutines that have not ended */

private:
    int wakeup_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); /* never closed */
    std::mutex mutex_; /* guards ready_ */
    std::vector<std::coroutine_handle<>> ready_;
};

/* A coroutine whose first parameter is its loop, which begins it. */
struct job {
    struct promise_type {
        loop &where;
        template <class... Rest> explicit promise_type(loop &l, Rest &&...) : where(l) {}
        job get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
        std::suspend_always initial_suspend() { return where.running++, std::suspend_always(); }
        std::suspend_never final_suspend() noexcept { return where.running--, std::suspend_never(); }
        void return_void() {}
        void unhandled_exception() { std::terminate(); } /* the library's exceptions say what is wrong */
    };
    std::coroutine_handle<promise_type> handle;
};

/* ---- The buffer, and who uses it ---- */

enum { PRODUCERS = 3, CONSUMERS = 3, CAPACITY = 10 };

static condvar::condition changed; /* an item was put in or taken out. Its lock guards what follows */
static std::queue<int> items;
static std::vector<int> seen; /* by item: how often it was taken */
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
    } /* hold's destructor releases the lock */
}

static job consume(loop &l, std::stop_token stop)
{
    for (;;) {
        auto hold = co_await changed.async_acquire(l, stop);
        if (!hold || !co_await changed.async_wait_for(hold, stop, has_item))
            co_return; /* stopped, and nothing is left */
        seen[static_cast<std::size_t>(items.front())]++;
        items.pop();
        taken++;
        changed.notify_all(hold);
    }
}

int main(int argc, char **argv)
{
    const char *usage = "usage: coroutines [--items N]    N of each producer, 1 to 1000000; 100 without";
    char *end = nullptr;
    const long count = argc == 3 && std::strcmp(argv[1], "--items") == 0 ? std::strtol(argv[2], &end, 10) : 100;
    if (argc == 2 && std::strcmp(argv[1], "--help") == 0)
        return std::puts(usage) < 0;
    if ((argc != 1 && end == nullptr) || (end != nullptr && (*end != '\0' || count < 1 || count > 1000000)))
        return std::fprintf(stderr, "coroutines: bad arguments\n%s\n", usage), 2;

    const int each = static_cast<int>(count), total = PRODUCERS * each;
    std::stop_source done;
    loop producing, consuming;
    seen.resize(static_cast<std::size_t>(total));
    for (int i = 0; i < PRODUCERS - 1; i++)
        producing.post(produce(producing, i * each, each).handle);
    for (int i = 0; i < CONSUMERS; i++)
        consuming.post(consume(consuming, done.get_token()).handle);
    std::thread one([&] { producing.run(); }), two([&] { consuming.run(); });
    for (int item = total - each; item < total; item++) { /* the same on a thread, which may block */
        std::lock_guard hold(changed);
        changed.wait_for(has_room);
        items.push(item);
        changed.notify_all();
    }
    changed.acquire();
    changed.await([&] { return taken == total; });
    done.request_stop(); /* it never blocks, and the lock may be held */
    changed.release();
    one.join();
    two.join();
    const bool right = std::ranges::all_of(seen, [](int times) { return times == 1; });
    std::printf("produced %d, consumed %d, left %zu\neach item taken exactly once: %s\n", total, taken, items.size(),
                right ? "yes" : "no");
    return right ? 0 : 1;
}
