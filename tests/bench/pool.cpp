/* SPDX-License-Identifier: MIT */
#include "pool.hpp"

#include <algorithm>
#include <sched.h>
#include <sys/resource.h>
#include "futexes.hpp"
#include "peers.hpp"
#include "raw.hpp"

namespace {

double switches_of_thread()
{
    rusage usage = {};
    getrusage(RUSAGE_THREAD, &usage);
    return static_cast<double>(usage.ru_nvcsw + usage.ru_nivcsw);
}

/* Where threads may run on few cores, the same number is always the same core. */
void stay_on_core(unsigned number)
{
    cpu_set_t all, one;
    if (sched_getaffinity(0, sizeof all, &all) != 0)
        return;
    number %= static_cast<unsigned>(CPU_COUNT(&all));
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &all) && number-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof one, &one);
        }
}

} // namespace

Pool::Pool(unsigned threads, bool apart) : mine_(threads)
{
    for (unsigned i = 0; i < threads; i++)
        threads_.emplace_back(&Pool::serve, this, i, apart);
}

Pool::~Pool()
{
    over_ = true;
    round_++;
    futex_wake(round_, INT_MAX);
    for (std::thread &thread : threads_)
        thread.join();
}

/* Each thread measures itself, from when it runs: what lets them go and what collects them is not in it. */
void Pool::serve(unsigned number, bool apart)
{
    if (apart)
        stay_on_core(number);
    Mine &mine = mine_[number];
    for (std::uint32_t done = 0;;) {
        while (round_ == done)
            futex_wait(round_, done);
        if (over_)
            return;
        done++;

        std::uint64_t futexes = futexes_of_thread();
        double switches = switches_of_thread();
        std::int64_t cpu_ns = now_on(CLOCK_THREAD_CPUTIME_ID);
        mine.start_ns = now_on(CLOCK_MONOTONIC);
        work_->run(number);
        mine.end_ns = now_on(CLOCK_MONOTONIC);
        mine.cost.cpu_ns = static_cast<double>(now_on(CLOCK_THREAD_CPUTIME_ID) - cpu_ns);
        mine.cost.switches = switches_of_thread() - switches;
        mine.cost.futexes = static_cast<double>(futexes_of_thread() - futexes);

        if (--busy_ == 0)
            futex_wake(busy_, 1);
    }
}

Cost Pool::run(Work &work)
{
    work_ = &work;
    busy_ = static_cast<std::uint32_t>(threads_.size());
    round_++;
    futex_wake(round_, INT_MAX);
    for (std::uint32_t busy; (busy = busy_) != 0;)
        futex_wait(busy_, busy);

    Cost sum;
    std::int64_t start_ns = INT64_MAX, end_ns = 0;
    for (const Mine &mine : mine_) {
        start_ns = std::min(start_ns, mine.start_ns);
        end_ns = std::max(end_ns, mine.end_ns);
        sum.cpu_ns += mine.cost.cpu_ns;
        sum.switches += mine.cost.switches;
        sum.futexes += mine.cost.futexes;
    }
    sum.time_ns = static_cast<double>(end_ns - start_ns);
    return sum;
}
