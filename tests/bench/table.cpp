/* SPDX-License-Identifier: MIT */
/* table.cpp - medians, quartiles and ratios of what was measured */

#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace {

struct Spread {
    double median, low, high; /* quartiles */
};

std::optional<Spread> spread_of(std::vector<double> values)
{
    if (values.empty())
        return std::nullopt;
    std::sort(values.begin(), values.end());
    std::size_t last = values.size() - 1;
    return Spread{values[last / 2], values[last / 4], values[last - last / 4]};
}

const std::vector<double> &samples_of(const Outcome &outcome, std::size_t candidate, const std::string &metric)
{
    static const std::vector<double> none;
    const auto &metrics = outcome.samples[candidate];
    auto found = metrics.find(metric);
    return found == metrics.end() || !outcome.failures[candidate].empty() ? none : found->second;
}

std::optional<Spread> spread_of(const Outcome &outcome, std::size_t candidate, const std::string &metric)
{
    return spread_of(samples_of(outcome, candidate, metric));
}

/* Ours divided by this candidate's, within each repetition. */
std::optional<Spread> ratio_to(const Outcome &outcome, std::size_t candidate, const std::string &metric)
{
    std::size_t ours = 0;
    while (outcome.row->candidates[ours].role != Role::ours)
        ours++;
    const std::vector<double> &a = samples_of(outcome, ours, metric);
    const std::vector<double> &b = samples_of(outcome, candidate, metric);
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); i++)
        if (b[i] > 0)
            ratios.push_back(a[i] / b[i]);
    return spread_of(ratios);
}

/* The candidate in this role with the lowest median. */
std::optional<std::size_t> best_of(const Outcome &outcome, Role role, const std::string &metric)
{
    std::optional<std::size_t> best;
    double lowest = INFINITY;
    for (std::size_t i = 0; i < outcome.row->candidates.size(); i++) {
        std::optional<Spread> spread = spread_of(outcome, i, metric);
        if (outcome.row->candidates[i].role == role && spread && spread->median < lowest) {
            best = i;
            lowest = spread->median;
        }
    }
    return best;
}

/* Three digits, whatever the size. */
std::string digits(double value)
{
    char text[32];
    int after = value >= 100 || value == 0 ? 0 : value >= 10 ? 1 : 2;
    std::snprintf(text, sizeof text, "%.*f", after, value);
    return text;
}

std::string median_text(const std::optional<Spread> &spread) { return spread ? digits(spread->median) : "-"; }

std::string spread_text(const std::optional<Spread> &spread)
{
    if (!spread)
        return "-";
    return digits(spread->median) + " [" + digits(spread->low) + ", " + digits(spread->high) + "]";
}

const char *role_name(Role role)
{
    return role == Role::ours ? "ours" : role == Role::peer ? "peer" : "limit";
}

} // namespace

void print_row(const Outcome &outcome)
{
    const Row &row = *outcome.row;
    std::printf("\n%s, %s: ", row.name.c_str(), name_of(outcome.world));
    if (!outcome.refused.empty()) {
        std::printf("not measured: %s\n", outcome.refused.c_str());
        return;
    }
    std::printf("ns for each %s, %u thread%s. Of the cores' time the load used %.0f %%, others %.0f %%%s\n",
                row.operation.c_str(), row.threads, row.threads == 1 ? "" : "s", 100 * outcome.shares.load,
                100 * outcome.shares.others, outcome.shares.others > most_others ? ": too much" : "");
    std::printf("  %-18s %26s %9s %9s %9s   %s\n", "", "time", "CPU time", "switches", "futexes",
                "condvar's, divided by this");
    for (std::size_t i = 0; i < row.candidates.size(); i++) {
        const Candidate &candidate = row.candidates[i];
        if (!outcome.failures[i].empty()) {
            std::printf("  %-18s %s\n", candidate.name.c_str(), outcome.failures[i].c_str());
            continue;
        }
        std::printf("  %-18s %26s %9s %9s %9s", candidate.name.c_str(),
                    spread_text(spread_of(outcome, i, "time")).c_str(),
                    median_text(spread_of(outcome, i, "cpu")).c_str(),
                    median_text(spread_of(outcome, i, "switches")).c_str(),
                    median_text(spread_of(outcome, i, "futexes")).c_str());
        if (candidate.role != Role::ours)
            std::printf("   %s", spread_text(ratio_to(outcome, i, row.compared)).c_str());
        for (const auto &[metric, values] : outcome.samples[i])
            if (metric != "time" && metric != "cpu" && metric != "switches" && metric != "futexes")
                std::printf("   %s %s", metric.c_str(), spread_text(spread_of(values)).c_str());
        std::putchar('\n');
    }
}

void print_summary(const std::vector<Outcome> &outcomes)
{
    std::printf("\n%-22s %-9s %-9s %-25s %-22s %-22s %s\n", "condvar's, divided by", "", "", "the best peer's", "",
                "the best limit's", "the least CPU time of a peer");
    for (const Outcome &outcome : outcomes) {
        const Row &row = *outcome.row;
        if (!outcome.refused.empty())
            continue;
        auto peer = best_of(outcome, Role::peer, row.compared);
        auto limit = best_of(outcome, Role::limit, row.compared);
        auto thrifty = best_of(outcome, Role::peer, "cpu");
        std::printf("%-22s %-9s %-9s %-25s %-22s %-22s %s\n", row.name.c_str(), name_of(outcome.world),
                    row.compared == "time" ? "" : "(wait)",
                    peer ? spread_text(ratio_to(outcome, *peer, row.compared)).c_str() : "-",
                    peer ? row.candidates[*peer].name.c_str() : "-",
                    limit ? spread_text(ratio_to(outcome, *limit, row.compared)).c_str() : "-",
                    thrifty ? spread_text(ratio_to(outcome, *thrifty, "cpu")).c_str() : "-");
    }
}

void write_rows(const std::vector<Outcome> &outcomes, std::FILE *file)
{
    /* Of a world that was not in force there is one line, with the reason as its metric. */
    std::fputs("row\tworld\tload\tothers\tfamily\toperation\tthreads\tcompared\tcandidate\trole\tmetric\t"
               "median\tlow\thigh\tratio\tratio_low\tratio_high\n", file);
    for (const Outcome &outcome : outcomes) {
        const Row &row = *outcome.row;
        char shares[64];
        std::snprintf(shares, sizeof shares, "%.4f\t%.4f", outcome.shares.load, outcome.shares.others);
        std::string start = row.name + "\t" + name_of(outcome.world) + "\t" + shares + "\t" +
                            (row.family.empty() ? "-" : row.family) + "\t" + row.operation + "\t" +
                            std::to_string(row.threads) + "\t" + row.compared + "\t";
        if (!outcome.refused.empty()) {
            std::fprintf(file, "%s-\t-\t%s\t-\t-\t-\t-\t-\t-\n", start.c_str(), outcome.refused.c_str());
            continue;
        }
        for (std::size_t i = 0; i < row.candidates.size(); i++) {
            std::string head = start + row.candidates[i].name + "\t" + role_name(row.candidates[i].role);
            if (!outcome.failures[i].empty())
                std::fprintf(file, "%s\t%s\t-\t-\t-\t-\t-\t-\n", head.c_str(), outcome.failures[i].c_str());
            for (const auto &[metric, values] : outcome.samples[i]) {
                std::optional<Spread> spread = spread_of(outcome, i, metric);
                if (!spread)
                    continue;
                std::fprintf(file, "%s\t%s\t%.6g\t%.6g\t%.6g", head.c_str(), metric.c_str(), spread->median,
                             spread->low, spread->high);
                if (auto ratio = ratio_to(outcome, i, metric))
                    std::fprintf(file, "\t%.6g\t%.6g\t%.6g\n", ratio->median, ratio->low, ratio->high);
                else
                    std::fputs("\t-\t-\t-\n", file);
            }
        }
    }
}
