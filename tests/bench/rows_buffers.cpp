/* SPDX-License-Identifier: MIT */
/* rows_buffers.cpp - producers and consumers: a buffer of ten places, one without limit, and a herd for one item */

#include <atomic>
#include "peers.hpp"

namespace {

constexpr std::size_t places = 10;

/* Items 1 to n, each put by one of the producers and taken by one of the consumers: what must come out. */
constexpr std::uint64_t sum_of(std::uint64_t n) { return n * (n + 1) / 2; }

/* The ring itself, under some lock. */
struct Ring {
    std::size_t first = 0, count = 0;
    std::uint64_t items[places] = {};

    void push(std::uint64_t item) { items[(first + count++) % places] = item; }
    std::uint64_t pop()
    {
        std::uint64_t item = items[first];
        first = (first + 1) % places;
        count--;
        return item;
    }
};

struct HasRoom {
    const Ring *ring;
    bool operator()() const { return ring->count < places; }
};

struct HasItem {
    const Ring *ring;
    bool operator()() const { return ring->count > 0; }
};

/* What one and two conditions have in common. Threads are first the producers, then as many consumers. */
class Buffer : public Work {
protected:
    std::size_t n_;
    unsigned side_;
    alignas(apart) Ring ring_;
    HasRoom has_room_{&ring_};
    HasItem has_item_{&ring_};
    alignas(apart) std::atomic<std::uint64_t> sum_{0};

    virtual void put(std::uint64_t first, std::uint64_t end) = 0;
    virtual std::uint64_t take(std::size_t n) = 0;

public:
    Buffer(std::size_t n, unsigned side) : n_(n), side_(side) {}
    void run(unsigned thread) override
    {
        if (thread >= side_) {
            sum_ += take(share_of(n_, thread - side_, side_));
            return;
        }
        std::uint64_t first = 1;
        for (unsigned before = 0; before < thread; before++)
            first += share_of(n_, before, side_);
        put(first, first + share_of(n_, thread, side_));
    }
    bool right() const override { return sum_ == sum_of(n_) && ring_.count == 0; }
};

/* One condition for both sides. With one thread on each side, the waiter is the one to notify. */
template <class Peer> class OneCondition : public Buffer {
    alignas(apart) typename Peer::Monitor monitor_;

    void leave()
    {
        notify_and_unlock<Peer>(monitor_, side_ > 1, [this] {
            if (side_ == 1)
                monitor_.notify_one();
            else
                monitor_.notify_fitting();
        });
    }
    void put(std::uint64_t first, std::uint64_t end) override
    {
        for (std::uint64_t item = first; item < end; item++) {
            monitor_.lock();
            monitor_.wait(has_room_);
            ring_.push(item);
            leave();
        }
    }
    std::uint64_t take(std::size_t n) override
    {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < n; i++) {
            monitor_.lock();
            monitor_.wait(has_item_);
            sum += ring_.pop();
            leave();
        }
        return sum;
    }

public:
    using Buffer::Buffer;
};

/* A condition for each side, on one lock. */
template <class Peer> class TwoConditions : public Buffer {
    alignas(apart) typename Peer::Lock lock_;
    typename Peer::Condition not_full_{lock_}, not_empty_{lock_};

    void put(std::uint64_t first, std::uint64_t end) override
    {
        for (std::uint64_t item = first; item < end; item++) {
            lock_.lock();
            not_full_.wait(has_room_);
            ring_.push(item);
            notify_and_unlock<Peer>(lock_, side_ > 1, [this] { not_empty_.notify_one(); });
        }
    }
    std::uint64_t take(std::size_t n) override
    {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < n; i++) {
            lock_.lock();
            not_empty_.wait(has_item_);
            sum += ring_.pop();
            notify_and_unlock<Peer>(lock_, side_ > 1, [this] { not_full_.notify_one(); });
        }
        return sum;
    }

public:
    using Buffer::Buffer;
};

/* Without limit only consumers wait. Its memory is there and has been touched before the start. */
template <class Peer> class Unlimited : public Work {
    struct NotEmpty {
        const Unlimited *work;
        bool operator()() const { return work->taken_ < work->put_; }
    };

    std::size_t n_;
    unsigned side_;
    std::vector<std::uint64_t> queue_;
    alignas(apart) typename Peer::Monitor monitor_;
    alignas(apart) std::size_t put_ = 0; /* under the monitor's lock, as the rest */
    std::size_t taken_ = 0;
    NotEmpty not_empty_{this};
    alignas(apart) std::atomic<std::uint64_t> sum_{0};

public:
    Unlimited(std::size_t n, unsigned side) : n_(n), side_(side), queue_(n, 0) {}
    void run(unsigned thread) override
    {
        if (thread < side_) {
            std::uint64_t item = 1;
            for (unsigned before = 0; before < thread; before++)
                item += share_of(n_, before, side_);
            for (std::size_t left = share_of(n_, thread, side_); left > 0; left--, item++) {
                monitor_.lock();
                queue_[put_++] = item;
                notify_and_unlock<Peer>(monitor_, false, [this] { monitor_.notify_one(); });
            }
            return;
        }
        std::uint64_t sum = 0;
        for (std::size_t left = share_of(n_, thread - side_, side_); left > 0; left--) {
            monitor_.lock();
            monitor_.wait(not_empty_);
            sum += queue_[taken_++];
            monitor_.unlock();
        }
        sum_ += sum;
    }
    bool right() const override { return sum_ == sum_of(n_); }
};

/*
 * The first thread makes one item at a time, notifies all that wait for one, and waits until it has been taken. Two
 * conditions on one lock.
 */
template <class Peer> class Herd : public Work {
    struct HasWork {
        const Herd *work;
        bool operator()() const { return work->item_ != 0 || work->over_; }
    };
    struct IsTaken {
        const Herd *work;
        bool operator()() const { return work->item_ == 0; }
    };

    std::size_t n_;
    alignas(apart) typename Peer::Lock lock_;
    typename Peer::Condition made_{lock_}, taken_{lock_};
    alignas(apart) std::uint64_t item_ = 0; /* 0: none. Under the lock, as the rest */
    std::uint64_t sum_ = 0;
    bool over_ = false;
    HasWork has_work_{this};
    IsTaken is_taken_{this};

    void make()
    {
        for (std::uint64_t item = 1; item <= n_ + 1; item++) {
            lock_.lock();
            taken_.wait(is_taken_);
            if (item <= n_)
                item_ = item;
            else
                over_ = true;
            notify_and_unlock<Peer>(lock_, false, [this] { made_.notify_all(); });
        }
    }
    void take()
    {
        for (;;) {
            lock_.lock();
            made_.wait(has_work_);
            if (item_ == 0)
                break;
            sum_ += item_;
            item_ = 0;
            notify_and_unlock<Peer>(lock_, false, [this] { taken_.notify_one(); });
        }
        lock_.unlock();
    }

public:
    explicit Herd(std::size_t n) : n_(n) {}
    void run(unsigned thread) override
    {
        if (thread == 0)
            make();
        else
            take();
    }
    bool right() const override { return sum_ == sum_of(n_) && item_ == 0; }
};

Row row_of(const char *family, unsigned side)
{
    std::string number = std::to_string(side);
    return {.name = family + ("-" + number) + "x" + number, .operation = "item", .threads = 2 * side,
            .family = family};
}

} // namespace

void add_buffer_rows(Rows &rows)
{
    for (unsigned side : {1u, 4u, 32u}) {
        Row row = row_of("buffer", side);
        add_peers<OneCondition>(row, Everybody{}, side);
        rows.push_back(row);
    }
    for (unsigned side : {1u, 4u, 32u}) {
        Row row = row_of("buffer-two", side);
        add_peers<TwoConditions>(row, Everybody{}, side);
        rows.push_back(row);
    }
    for (unsigned side : {1u, 4u, 32u}) {
        Row row = row_of("await-buffer", side);
        add_peers<OneCondition>(row, Awaiters{}, side);
        rows.push_back(row);
    }
    Row foreign = row_of("buffer-two-foreign", 4);
    add_peers<TwoConditions>(foreign, Foreigners{}, 4u);
    rows.push_back(foreign);

    for (unsigned side : {1u, 4u}) {
        Row row = row_of("unlimited", side);
        add_peers<Unlimited>(row, Everybody{}, side);
        rows.push_back(row);
    }
    for (unsigned waiters : {4u, 16u, 64u}) {
        Row herd{.name = "herd-" + std::to_string(waiters), .operation = "item", .threads = waiters + 1};
        herd.family = "herd";
        add_peers<Herd>(herd, Everybody{});
        rows.push_back(herd);
    }
}
