/* SPDX-License-Identifier: MIT */
/*
 * measure.cpp - a row's candidates, in turn
 *
 * Google Benchmark measures, with its manual time, because the working threads are not its own. It finds how many
 * iterations take long enough; that first time is the warm-up and does not count. Then each repetition measures all
 * candidates, one directly after the other, beginning with another one each time, so that they can be compared within
 * it. (Google Benchmark can interleave by itself, but at random over the whole run. Measurements that are minutes
 * apart differ for other reasons.)
 */
#include "measure.hpp"

#include <algorithm>
#include <benchmark/benchmark.h>
#include "futexes.hpp"
#include "peers.hpp"
#include "pool.hpp"

namespace {

/* Keeps what was measured last. */
class Keeper : public benchmark::BenchmarkReporter {
public:
    Run last;

    bool ReportContext(const Context &) override { return true; }
    void ReportRuns(const std::vector<Run> &runs) override { last = runs.back(); }
};

class Measurement {
    const Row &row_;
    const Plan &plan_;
    std::FILE *report_;
    Pool pool_;
    Keeper keeper_;
    std::vector<benchmark::IterationCount> iterations_; /* of each candidate; 0: not known yet */

    void run_work(benchmark::State &state, const Candidate &candidate)
    {
        auto iterations = static_cast<std::size_t>(state.max_iterations);
        while (state.KeepRunningBatch(state.max_iterations)) {
            std::unique_ptr<Work> work = candidate.make(iterations);
            Cost cost = pool_.run(*work);
            if (!work->right()) {
                state.SkipWithError("it was not done right");
                return;
            }
            state.SetIterationTime(cost.time_ns / 1e9);
            double operations = static_cast<double>(iterations * row_.operations);
            state.counters["time"] = cost.time_ns / operations;
            state.counters["cpu"] = cost.cpu_ns / operations;
            state.counters["switches"] = cost.switches / operations;
            if (plan_.counting)
                state.counters["futexes"] = cost.futexes / operations;
            for (const auto &[name, value] : work->extras())
                state.counters[name] = value;
        }
    }

public:
    Measurement(const Row &row, const Plan &plan, std::FILE *report)
        : row_(row), plan_(plan), report_(report), pool_(row.threads, row.apart),
          iterations_(row.candidates.size())
    {
    }

    /* False if it was not done right. */
    bool measure(std::size_t number)
    {
        const Candidate &candidate = row_.candidates[number];
        bool known = iterations_[number] != 0;
        std::fprintf(report_, "at\t%zu\n", number);

        benchmark::ClearRegisteredBenchmarks();
        auto *registered = benchmark::RegisterBenchmark(
            candidate.name.c_str(), [&](benchmark::State &state) { run_work(state, candidate); });
        registered->UseManualTime();
        if (known)
            registered->Iterations(iterations_[number]);
        else
            registered->MinTime(std::max(plan_.seconds, row_.least_seconds));
        benchmark::RunSpecifiedBenchmarks(&keeper_, ".");

        const benchmark::BenchmarkReporter::Run &run = keeper_.last;
        if (run.error_occurred) {
            std::fprintf(report_, "wrong\t%zu\n", number);
            return false;
        }
        iterations_[number] = run.iterations;
        if (known)
            for (const auto &[name, counter] : run.counters)
                if ((name == "futexes") == plan_.counting)
                    std::fprintf(report_, "is\t%zu\t%s\t%.9g\n", number, name.c_str(), counter.value);
        return true;
    }
};

} // namespace

void measure_row(const Row &row, World world, const std::vector<bool> &left_out, const Plan &plan,
                 unsigned process, std::FILE *report)
{
    if (world == World::one_core && !use_cores(1)) {
        std::fputs("refused\n", report);
        return;
    }
    if (plan.counting && !count_futexes()) {
        std::fputs("uncounted\n", report);
        return;
    }

    Measurement measurement(row, plan, report);
    std::vector<std::size_t> taking_part;
    for (std::size_t number = 0; number < row.candidates.size(); number++)
        if (!left_out[number] && measurement.measure(number))
            taking_part.push_back(number);
    std::int64_t start_ns = now_on(CLOCK_MONOTONIC);
    for (unsigned repetition = 0; repetition < plan.repetitions; repetition++) {
        for (std::size_t i = 0; i < taking_part.size(); i++) {
            std::size_t first = process * plan.repetitions + repetition;
            measurement.measure(taking_part[(first + i) % taking_part.size()]);
        }
        if (static_cast<double>(now_on(CLOCK_MONOTONIC) - start_ns) / ns_per_s >= plan.enough_seconds)
            break;
    }
}
