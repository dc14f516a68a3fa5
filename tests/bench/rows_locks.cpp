/* SPDX-License-Identifier: MIT */
/*
 * rows_locks.cpp - one lock: alone, held by another, and wanted by all
 *
 * Where only one thread works there is still a second one, which sleeps: a process with one thread only would
 * be spared the atomic instructions by glibc.
 */

#include <algorithm>
#include <atomic>
#include <cerrno>
#include "peers.hpp"
#include "raw.hpp"

namespace {

/* Acquire and release, this deep. */
template <class Peer> class Acquire : public Work {
    std::size_t n_;
    unsigned depth_;
    typename Peer::Lock lock_;

public:
    Acquire(std::size_t n, unsigned depth) : n_(n), depth_(depth) {}
    void run(unsigned) override
    {
        if (depth_ == 1) {
            for (std::size_t i = 0; i < n_; i++) {
                lock_.lock();
                lock_.unlock();
            }
            return;
        }
        for (std::size_t i = 0; i < n_; i++) {
            for (unsigned deep = 0; deep < depth_; deep++)
                lock_.lock();
            for (unsigned deep = 0; deep < depth_; deep++)
                lock_.unlock();
        }
    }
};

/* The least that a lock can do: one compare-exchange to take it, one exchange to give it back. */
class BareLock : public Work {
    std::size_t n_;
    alignas(apart) std::atomic<std::uint32_t> word_{0};

public:
    explicit BareLock(std::size_t n) : n_(n) {}
    void run(unsigned) override
    {
        for (std::size_t i = 0; i < n_; i++) {
            std::uint32_t free = 0;
            while (!word_.compare_exchange_strong(free, 1, std::memory_order_acquire))
                free = 0;
            word_.exchange(0, std::memory_order_release);
        }
    }
};

/*
 * The same in a function that the compiler cannot inline, as in a shared library, with an owner: the minimum for a
 * lock in a library that reports misuse. Calls go through pointers, as those into a shared library do.
 */
struct CalledLock {
    alignas(apart) std::atomic<std::uint32_t> word{0};
    std::atomic<std::uintptr_t> owner{0};

    static std::uintptr_t self()
    {
        static thread_local char here;
        return reinterpret_cast<std::uintptr_t>(&here);
    }
    static int acquire(CalledLock *lock)
    {
        std::uint32_t free = 0;
        if (lock->owner.load(std::memory_order_relaxed) == self() ||
            !lock->word.compare_exchange_strong(free, 1, std::memory_order_acquire))
            return EDEADLK;
        lock->owner.store(self(), std::memory_order_relaxed);
        return 0;
    }
    static int release(CalledLock *lock)
    {
        if (lock->owner.load(std::memory_order_relaxed) != self())
            return EPERM;
        lock->owner.store(0, std::memory_order_relaxed);
        lock->word.exchange(0, std::memory_order_release);
        return 0;
    }
    static int notify_nobody(CalledLock *lock)
    {
        return lock->owner.load(std::memory_order_relaxed) == self() ? 0 : EPERM;
    }
};
int (*volatile called_acquire)(CalledLock *) = CalledLock::acquire;
int (*volatile called_release)(CalledLock *) = CalledLock::release;
int (*volatile called_notify)(CalledLock *) = CalledLock::notify_nobody;

class BareCalledLock : public Work {
    std::size_t n_, errors_ = 0;
    bool notify_;
    CalledLock lock_;

public:
    BareCalledLock(std::size_t n, bool notify) : n_(n), notify_(notify) {}
    void run(unsigned) override
    {
        for (std::size_t i = 0; i < n_; i++) {
            errors_ += called_acquire(&lock_) != 0;
            if (notify_)
                errors_ += called_notify(&lock_) != 0;
            errors_ += called_release(&lock_) != 0;
        }
    }
    bool right() const override { return errors_ == 0; }
};

/* The least that asking the kernel for anything costs. */
class EmptySyscall : public Work {
    std::size_t n_;

public:
    explicit EmptySyscall(std::size_t n) : n_(n) {}
    void run(unsigned) override
    {
        for (std::size_t i = 0; i < n_; i++)
            syscall(SYS_getppid);
    }
};

/* Acquire, notify without a waiter, release. */
template <class Peer> class NotifyNobody : public Work {
    std::size_t n_;
    typename Peer::Monitor monitor_;

public:
    explicit NotifyNobody(std::size_t n) : n_(n) {}
    void run(unsigned) override
    {
        for (std::size_t i = 0; i < n_; i++) {
            monitor_.lock();
            monitor_.notify_one();
            monitor_.unlock();
        }
    }
};

/* Find the lock held: by the thread that makes the work. */
template <class Peer> class TryHeld : public Work {
    std::size_t n_, got_ = 0;
    typename Peer::Lock lock_;

public:
    explicit TryHeld(std::size_t n) : n_(n) { lock_.lock(); }
    ~TryHeld() override { lock_.unlock(); }
    void run(unsigned) override
    {
        for (std::size_t i = 0; i < n_; i++)
            if (lock_.try_lock())
                got_++;
    }
    bool right() const override { return got_ == 0; }
};

/*
 * All threads want one lock, all the time, until together they have had it n times. The clock is read around
 * each acquire only if the longest wait is what is asked for: reading it costs as much as the lock.
 */
template <class Peer> class Hammer : public Work {
    struct alignas(apart) Mine {
        std::size_t had = 0;
        std::int64_t longest_ns = 0;
    };

    std::size_t n_;
    bool timed_;
    alignas(apart) typename Peer::Lock lock_;
    alignas(apart) std::size_t done_ = 0;
    std::vector<Mine> threads_;

public:
    Hammer(std::size_t n, unsigned threads, bool timed) : n_(n), timed_(timed), threads_(threads) {}
    void run(unsigned thread) override
    {
        Mine mine;
        for (bool more = true; more;) {
            std::int64_t start_ns = timed_ ? now_on(CLOCK_MONOTONIC) : 0;
            lock_.lock();
            if (timed_)
                mine.longest_ns = std::max(mine.longest_ns, now_on(CLOCK_MONOTONIC) - start_ns);
            if (done_ < n_) {
                done_++;
                mine.had++;
            } else {
                more = false;
            }
            lock_.unlock();
        }
        threads_[thread] = mine;
    }
    bool right() const override
    {
        std::size_t sum = 0;
        for (const Mine &mine : threads_)
            sum += mine.had;
        return sum == n_;
    }
    std::map<std::string, double> extras() const override
    {
        std::size_t least = n_;
        std::int64_t longest_ns = 0;
        for (const Mine &mine : threads_) {
            least = std::min(least, mine.had);
            longest_ns = std::max(longest_ns, mine.longest_ns);
        }
        if (!timed_)
            return {};
        double mean = static_cast<double>(n_) / static_cast<double>(threads_.size());
        return {{"longest_wait", static_cast<double>(longest_ns)},
                {"slowest_share", static_cast<double>(least) / mean}};
    }
};

using Recursive = List<Condvar, PthreadRecursive, CxxAny>;

} // namespace

void add_lock_rows(Rows &rows)
{
    Row mutex{.name = "acquire", .operation = "pair", .threads = 1, .worlds = only(World::idle)};
    add_peers<Acquire>(mutex, Joined<List<CondvarMutex, Pthread>, Joined<NsyncLocks, AbslLocks>>{}, 1u);
    add_limit<BareLock>(mutex, "CAS + exchange");
    add_limit<BareCalledLock>(mutex, "called, with owner", false);
    rows.push_back(mutex);

    Row recursive{.name = "acquire-recursive", .operation = "pair", .threads = 1, .worlds = only(World::idle)};
    add_peers<Acquire>(recursive, Recursive{}, 1u);
    add_limit<BareLock>(recursive, "CAS + exchange");
    rows.push_back(recursive);

    Row deep{.name = "acquire-depth-3", .operation = "3 pairs", .threads = 1, .worlds = only(World::idle)};
    add_peers<Acquire>(deep, Recursive{}, 3u);
    add_limit<BareLock>(deep, "CAS + exchange");
    rows.push_back(deep);

    Row nobody{.name = "notify-nobody", .operation = "notify", .threads = 1, .worlds = only(World::idle)};
    add_peers<NotifyNobody>(nobody, Joined<List<CondvarMutex>, OtherNotifiers>{});
    add_limit<BareLock>(nobody, "CAS + exchange");
    add_limit<BareCalledLock>(nobody, "called, with owner", true);
    add_limit<EmptySyscall>(nobody, "empty syscall");
    rows.push_back(nobody);

    Row foreign{.name = "notify-nobody-foreign", .operation = "notify", .threads = 1,
                .worlds = only(World::idle)};
    add_peers<NotifyNobody>(foreign, Foreigners{});
    add_limit<BareLock>(foreign, "CAS + exchange");
    rows.push_back(foreign);

    Row held{.name = "try-held", .operation = "try", .threads = 1, .worlds = only(World::idle)};
    add_peers<TryHeld>(held, Joined<List<Condvar>, OtherNotifiers>{});
    rows.push_back(held);

    for (unsigned threads : {2u, 4u, 8u, 16u}) {
        Row hammer{.name = "hammer-" + std::to_string(threads), .operation = "pair", .threads = threads};
        hammer.family = "hammer";
        add_peers<Hammer>(hammer, Joined<List<Condvar>, OtherNotifiers>{}, threads, false);
        rows.push_back(hammer);
    }
    for (unsigned threads : {4u, 16u}) {
        Row longest{.name = "longest-" + std::to_string(threads), .operation = "pair", .threads = threads};
        longest.family = "longest";
        longest.compared = "longest_wait";
        longest.least_seconds = 0.5;
        add_peers<Hammer>(longest, Joined<List<Condvar>, OtherNotifiers>{}, threads, true);
        rows.push_back(longest);
    }
}
