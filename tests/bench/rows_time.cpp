/* SPDX-License-Identifier: MIT */
/* rows_time.cpp - waits that run out of time (those that never do are among the turns) */

#include <algorithm>
#include "peers.hpp"

namespace {

constexpr std::int64_t timeout_ns = 100000;

/* How late each of a thread's waits has ended. Early is below zero. */
class Expiring : public Work {
protected:
    std::vector<double> late_ns_;

    explicit Expiring(std::size_t n) { late_ns_.reserve(n); }

    virtual void wait() = 0;

public:
    void run(unsigned) override
    {
        while (late_ns_.size() < late_ns_.capacity()) {
            std::int64_t start_ns = now_on(CLOCK_MONOTONIC);
            wait();
            late_ns_.push_back(static_cast<double>(now_on(CLOCK_MONOTONIC) - start_ns - timeout_ns));
        }
    }
    std::map<std::string, double> extras() const override
    {
        std::vector<double> sorted = late_ns_;
        std::sort(sorted.begin(), sorted.end());
        auto early = std::lower_bound(sorted.begin(), sorted.end(), 0.0) - sorted.begin();
        return {{"lateness", sorted[sorted.size() / 2]},
                {"early", static_cast<double>(early) / static_cast<double>(sorted.size())}};
    }
};

/* A predicate that stays false. */
template <class Peer> class Expire : public Expiring {
    struct Never {
        bool operator()() const { return false; }
    };

    typename Peer::Monitor monitor_;
    Never never_;
    bool came_true_ = false;

    void wait() override
    {
        monitor_.lock();
        came_true_ |= monitor_.wait_for(never_, timeout_ns);
        monitor_.unlock();
    }

public:
    explicit Expire(std::size_t n) : Expiring(n) {}
    bool right() const override { return !came_true_; }
};

class Sleep : public Expiring {
    void wait() override
    {
        timespec time = to_timespec(timeout_ns);
        clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nullptr);
    }

public:
    explicit Sleep(std::size_t n) : Expiring(n) {}
};

} // namespace

void add_time_rows(Rows &rows)
{
    Row row{.name = "expire", .operation = "wait of 100 us", .threads = 1,
            .worlds = only(World::idle), .compared = "lateness"};
    add_peers<Expire>(row, Everybody{});
    add_limit<Sleep>(row, "clock_nanosleep");
    rows.push_back(row);
}
