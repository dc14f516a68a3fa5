/* SPDX-License-Identifier: MIT */
/*
 * main.cpp - this library beside its peers and beside what is possible: how fast it is, and what that costs
 *
 *      bench [--quick] [--worlds LIST] [--filter REGEX] [--without REGEX] [--processes N] [--repetitions N]
 *            [--seconds S] [--cores N] [--output FILE] [--list]
 *
 *      --quick          each row in a few seconds: one process, and measurements of 0.02 s
 *      --worlds LIST    only in these worlds: some of idle,awake,busy,one-core (worlds.hpp says what they are)
 *      --filter REGEX   only rows whose name matches: --filter '^turns$'
 *      --without REGEX  without peers and limits whose name matches: --without 'C\+\+|nsync'
 *      --processes N    how many processes measure each row, one after the other; 3
 *      --repetitions N  how often each of these measures each candidate; 5
 *      --seconds S      how long each of these takes, about; 0.05
 *      --cores N        with so many of the machine's cores
 *      --output FILE    writes all medians and quartiles to it too, for tests/bench/report.py
 *      --list           only the names of the rows, each with its worlds
 *
 * If a world was not in force during a whole row, the row shows the reason in place of results. If other programs used
 * much of the cores, the row is measured again, at most twice, and not with --quick. If it happens again, this is
 * printed, and tests/bench/report.py leaves the row out.
 *
 * Each row has several processes of its own, each of which measures all its candidates, because the first placement of
 * the threads on the cores may matter for a whole process. Another process counts the futex calls. If a process hangs
 * or dies, its candidate is named, and the row is measured again without it: a peer's lost wake-up is a result too, and
 * must not prevent the other results.
 *
 * Printed are medians over the repetitions with the quartiles in brackets, and for ratios those of the ratios within
 * each repetition. Exit status 0, or 1 if a candidate of this library has failed.
 */
#include <algorithm>
#include <bit>
#include <benchmark/benchmark.h>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>
#include <poll.h>
#include <regex>
#include <signal.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "measure.hpp"
#include "peers.hpp"
#include "table.hpp"

#ifdef HAVE_ABSL
#include <absl/synchronization/mutex.h>
#endif

namespace {

/* Nothing that is measured takes so long, on any machine. */
constexpr int patience_ms = 60000;

[[noreturn]] void fail(const char *what)
{
    std::fprintf(stderr, "bench: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

/* A process that measures a row, and what has come from it so far. */
class Child {
    int pipe_;
    pid_t pid_;
    std::string text_; /* not yet a line */

public:
    Child(const Row &row, World world, const std::vector<bool> &left_out, const Plan &plan, unsigned number)
    {
        int ends[2];
        if (pipe(ends) != 0)
            fail("pipe");
        std::fflush(nullptr);
        pid_ = fork();
        if (pid_ < 0)
            fail("fork");
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* if it hangs and its parent has ended */
            close(ends[0]);
            std::FILE *report = fdopen(ends[1], "w");
            setvbuf(report, nullptr, _IOLBF, BUFSIZ);
            measure_row(row, world, left_out, plan, number, report);
            std::_Exit(0);
        }
        close(ends[1]);
        pipe_ = ends[0];
    }

    enum class Event { line, end, silence };

    Event next(std::string &line)
    {
        for (;;) {
            if (std::size_t end = text_.find('\n'); end != std::string::npos) {
                line = text_.substr(0, end);
                text_.erase(0, end + 1);
                return Event::line;
            }
            pollfd ready = {pipe_, POLLIN, 0};
            if (poll(&ready, 1, patience_ms) == 0)
                return Event::silence;
            char chunk[4096];
            ssize_t size = read(pipe_, chunk, sizeof chunk);
            if (size <= 0)
                return Event::end;
            text_.append(chunk, static_cast<std::size_t>(size));
        }
    }

    /* Ends it, if it has not ended. How it did: as waitpid says. */
    int finish(bool by_force)
    {
        int status = 0;
        if (by_force)
            kill(pid_, SIGKILL);
        waitpid(pid_, &status, 0);
        close(pipe_);
        return status;
    }
};

std::vector<std::string> fields_of(const std::string &line)
{
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, '\t');)
        fields.push_back(field);
    return fields;
}

class Progress {
    bool wanted_ = isatty(STDERR_FILENO);

public:
    void say(const std::string &text) const
    {
        if (wanted_)
            std::fprintf(stderr, "\r\033[K%s", text.c_str());
    }
};

/* Adds what a process finds. False if it hung or died: the candidate is then marked. */
bool measure_in_child(Outcome &outcome, const Plan &plan, unsigned number, const std::string &where,
                      const Progress &progress)
{
    const Row &row = *outcome.row;
    std::vector<bool> left_out;
    for (const std::string &failure : outcome.failures)
        left_out.push_back(!failure.empty());

    Child child(row, outcome.world, left_out, plan, number);
    std::size_t at = row.candidates.size(), done = 0;
    for (;;) {
        std::string line;
        Child::Event event = child.next(line);
        if (event != Child::Event::line) {
            int status = child.finish(event == Child::Event::silence);
            if (status == 0)
                return true;
            if (at == row.candidates.size())
                fail("a process that measures has died");
            outcome.failures[at] = event == Child::Event::silence ? "hangs" : "dies";
            return false;
        }
        std::vector<std::string> fields = fields_of(line);
        if (fields[0] == "uncounted")
            continue;
        if (fields[0] == "refused") {
            outcome.refused = "cannot be pinned to one core";
            continue;
        }
        std::size_t candidate = std::stoul(fields.at(1));
        if (fields[0] == "at") {
            at = candidate;
            progress.say(where + (plan.counting ? ", futex calls, " : ", ") + std::to_string(++done) + "/" +
                         std::to_string((plan.repetitions + 1) * row.candidates.size()) + ": " +
                         row.candidates[at].name);
        } else if (fields[0] == "wrong") {
            outcome.failures[candidate] = "wrong result";
        } else {
            outcome.samples[candidate][fields.at(2)].push_back(std::stod(fields.at(3)));
        }
    }
}

/* As long as a candidate fails, again without it: a repetition is worth something only as a whole. */
void measure_in_children(Outcome &outcome, const Plan &plan, const std::string &where, const Progress &progress)
{
    for (unsigned number = 0; number < plan.processes; number++) {
        if (number == 0)
            outcome.samples.assign(outcome.row->candidates.size(), {});
        std::string process = plan.processes == 1 ? "" : ", process " + std::to_string(number + 1);
        if (!measure_in_child(outcome, plan, number, where + process, progress))
            number = UINT_MAX;
    }
}

Outcome measure(const Row &row, World world, const Plan &plan, const std::string &where, const Progress &progress)
{
    Outcome outcome = {&row, world, {}, std::vector<std::string>(row.candidates.size()), "", {}};
    Load load(world);
    if (!load.started()) {
        outcome.refused = load.refused();
        return outcome;
    }
    measure_in_children(outcome, plan, where, progress);

    Plan counting = plan;
    counting.counting = true;
    counting.processes = 1;
    counting.repetitions = std::min(plan.repetitions, 2u);
    Outcome counted = {&row, world, {}, outcome.failures, "", {}};
    measure_in_children(counted, counting, where, progress);
    for (std::size_t i = 0; i < row.candidates.size(); i++)
        for (const auto &[metric, values] : counted.samples[i])
            outcome.samples[i][metric] = values;
    progress.say("");
    if (outcome.refused.empty())
        outcome.refused = load.refused();
    outcome.shares = load.shares();
    return outcome;
}

/*
 * How many seconds it takes, about. A measurement takes 1.4 times what was asked for, and finding out how many
 * iterations that are takes twice as long. Very slow candidates take up to enough_seconds a process.
 */
double estimate(const Rows &rows, const Plan &plan)
{
    double sum = 0;
    for (const Row &row : rows) {
        double each = 1.4 * std::max(plan.seconds, row.least_seconds);
        double measurements = plan.processes * (plan.repetitions + 2.0) + std::min(plan.repetitions, 2u) + 2.0;
        double slow = row.threads >= 128 ? 2 * plan.enough_seconds * (plan.processes + 1) : 0;
        double worlds = std::popcount(row.worlds);
        sum += worlds * (std::max(each * measurements * static_cast<double>(row.candidates.size()), slow) + 0.1);
    }
    return sum;
}

double parse(const char *text, double least, double most)
{
    char *end;
    double value = std::strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= least && value <= most)) {
        std::fprintf(stderr, "bench: not a number from %g to %g: '%s'\n", least, most, text);
        std::exit(2);
    }
    return value;
}

std::regex parse_regex(const char *text)
{
    try {
        return std::regex(text, std::regex::extended);
    } catch (const std::regex_error &) {
        std::fprintf(stderr, "bench: not a regular expression: '%s'\n", text);
        std::exit(2);
    }
}

} // namespace

int main(int argc, char **argv)
{
    static const option options[] = {
        {"quick", no_argument, nullptr, 'q'},       {"filter", required_argument, nullptr, 'f'},
        {"without", required_argument, nullptr, 'w'}, {"processes", required_argument, nullptr, 'p'},
        {"repetitions", required_argument, nullptr, 'r'}, {"seconds", required_argument, nullptr, 's'},
        {"cores", required_argument, nullptr, 'c'}, {"worlds", required_argument, nullptr, 'W'},
        {"output", required_argument, nullptr, 'o'}, {"list", no_argument, nullptr, 'l'},
        {nullptr, 0, nullptr, 0},
    };
    Plan plan = {.seconds = 0.05, .repetitions = 5, .processes = 3, .enough_seconds = 6};
    Worlds worlds = every_world;
    unsigned cores = 0;
    std::regex filter("."), without("^$");
    const char *output = nullptr;
    bool list = false, quick = false;

    for (int chosen; (chosen = getopt_long(argc, argv, "", options, nullptr)) != -1;)
        switch (chosen) {
        case 'q': quick = true; plan.seconds = 0.02; plan.processes = 1; plan.enough_seconds = 1; break;
        case 'f': filter = parse_regex(optarg); break;
        case 'w': without = parse_regex(optarg); break;
        case 'p': plan.processes = static_cast<unsigned>(parse(optarg, 1, 1000)); break;
        case 'r': plan.repetitions = static_cast<unsigned>(parse(optarg, 1, 1000)); break;
        case 's': plan.seconds = parse(optarg, 0.001, 100); break;
        case 'c': cores = static_cast<unsigned>(parse(optarg, 1, 1024)); break;
        case 'W':
            if (worlds = parse_worlds(optarg); worlds == 0) {
                std::fprintf(stderr, "bench: not a list of worlds: '%s'\n", optarg);
                return 2;
            }
            break;
        case 'o': output = optarg; break;
        case 'l': list = true; break;
        default:
            std::fputs("usage: bench [--quick] [--worlds LIST] [--filter REGEX] [--without REGEX]\n"
                       "             [--processes N] [--repetitions N] [--seconds S] [--cores N] [--output FILE]\n"
                       "             [--list]\n",
                       stderr);
            return 2;
        }

    Rows all, rows;
    add_lock_rows(all);
    add_turn_rows(all);
    add_buffer_rows(all);
    add_time_rows(all);
    for (Row &row : all) {
        std::erase_if(row.candidates, [&](const Candidate &candidate) {
            return candidate.role != Role::ours && std::regex_search(candidate.name, without);
        });
        if (quick)
            row.least_seconds /= 5;
        row.worlds &= worlds;
        if (std::regex_search(row.name, filter) && row.worlds != 0)
            rows.push_back(row);
    }
    if (list) {
        for (const Row &row : rows) {
            std::fputs(row.name.c_str(), stdout);
            for (World world : all_worlds)
                if ((row.worlds & only(world)) != 0)
                    std::printf(" %s", name_of(world));
            std::putchar('\n');
        }
        return 0;
    }
    if (rows.empty()) {
        std::fputs("bench: no row has such a name in these worlds\n", stderr);
        return 2;
    }

    if (cores != 0 && !use_cores(cores))
        fail("cannot be pinned to so many cores");

    std::FILE *file = output == nullptr ? nullptr : std::fopen(output, "w");
    if (output != nullptr && file == nullptr)
        fail(output);
    int no_arguments = 1;
    benchmark::Initialize(&no_arguments, argv);
#ifdef HAVE_ABSL
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); /* as in its release builds */
#endif

    double load = 0; /* of other programs */
    if (getloadavg(&load, 1) == 1 && load > 0.5)
        std::fprintf(stderr, "bench: other programs are busy here (load %.2f): look at ratios only\n", load);

    std::size_t count = 0, number = 0;
    for (const Row &row : rows)
        count += static_cast<std::size_t>(std::popcount(row.worlds));
    std::fprintf(stderr, "bench: %zu rows, %zu with their worlds: about %.0f minutes\n", rows.size(), count,
                 std::ceil(estimate(rows, plan) / 60));

    Progress progress;
    std::vector<Outcome> outcomes;
    bool failed = false;
    for (const Row &row : rows)
        for (World world : all_worlds) {
            if ((row.worlds & only(world)) == 0)
                continue;
            std::string where = std::to_string(++number) + "/" + std::to_string(count) + " " + row.name + ", " +
                                name_of(world);
            Outcome outcome = measure(row, world, plan, where, progress);
            for (unsigned again = 0; again < 2 && !quick && outcome.shares.others > most_others; again++)
                outcome = measure(row, world, plan, where + ", again", progress);
            outcomes.push_back(outcome);
            print_row(outcome);
            std::fflush(stdout);
            for (std::size_t c = 0; c < row.candidates.size(); c++)
                failed |= row.candidates[c].role == Role::ours && !outcome.failures[c].empty();
        }
    print_summary(outcomes);
    if (*missing_peers != '\0')
        std::printf("\nWithout peers whose library was not there: %s\n", missing_peers);
    if (file != nullptr) {
        std::fprintf(file, "# processes\t%u\n# repetitions\t%u\n# seconds\t%g\n# load\t%.2f\n# missing\t%s\n",
                     plan.processes, plan.repetitions, plan.seconds, load, missing_peers);
        write_rows(outcomes, file);
        if (std::fclose(file) != 0)
            fail(output);
    }
    return failed ? 1 : 0;
}
