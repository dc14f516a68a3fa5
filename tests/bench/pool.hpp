/* SPDX-License-Identifier: MIT */
#ifndef BENCH_POOL_HPP
#define BENCH_POOL_HPP

/* pool.hpp - threads that do a Work together, and measure what it took */

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>
#include "work.hpp"

/* What a Work took, all its threads together. */
struct Cost {
    double time_ns = 0;  /* from when the first began to when the last was through */
    double cpu_ns = 0;   /* user and system */
    double switches = 0; /* of context, whether asked for or not */
    double futexes = 0;  /* calls, where they are counted */
};

class Pool {
    struct alignas(apart) Mine {
        std::int64_t start_ns = 0, end_ns = 0;
        Cost cost;
    };

    std::atomic<std::uint32_t> round_{0}, busy_{0};
    std::atomic<bool> over_{false};
    Work *work_ = nullptr;
    std::vector<Mine> mine_;
    std::vector<std::thread> threads_;

    void serve(unsigned number, bool apart);

public:
    Pool(unsigned threads, bool apart);
    ~Pool();

    /* Sleeps until they have done it. */
    Cost run(Work &work);
};

#endif
