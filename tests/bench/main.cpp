/* SPDX-License-Identifier: MIT */
/*
 * main.cpp - this library beside its peers and beside what is possible: how fast it is, and what that costs
 *
 *      bench [--quick] [--filter REGEX] [--without REGEX] [--processes N] [--repetitions N] [--seconds S]
 *            [--cores N] [--output FILE] [--list]
 *
 *      --quick          each row in a few seconds: one process, and measurements of 0.02 s
 *      --filter REGEX   only rows whose name has it: --filter '^turns$'
 *      --without REGEX  no peers and limits whose name has it: --without 'C\+\+|nsync'
 *      --processes N    how many processes measure each row, one after the other; 3
 *      --repetitions N  how often each of these measures each candidate; 5
 *      --seconds S      how long each of these takes, about; 0.1
 *      --cores N        with so many of the machine's cores, and no rows of their own number
 *      --output FILE    writes all medians and quartiles to it too, for tests/bench/report
 *      --list           only the names of the rows
 *
 * Each row has processes of its own, each of which measures all its candidates. Several, because it may depend
 * on where the system has put the threads at first, and stay so. In another process the futex calls are
 * counted. If one hangs or dies, the candidate that it was at is named, and the row is done again without it:
 * a peer's lost wake-up is a result too, and must not cost the rest.
 *
 * Printed are medians over the repetitions, with the quartiles in brackets, and for the ratios those of the
 * ratios within each repetition. Exits 0, or 1 if a candidate of ours has failed.
 */
#include <algorithm>
#include <benchmark/benchmark.h>
#include <cerrno>
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
    Child(const Row &row, const std::vector<bool> &left_out, const Plan &plan, unsigned number)
    {
        int ends[2];
        if (pipe(ends) != 0)
            fail("pipe");
        std::fflush(nullptr);
        pid_ = fork();
        if (pid_ < 0)
            fail("fork");
        if (pid_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* if it hangs and nobody looks after it any more */
            close(ends[0]);
            std::FILE *report = fdopen(ends[1], "w");
            setvbuf(report, nullptr, _IOLBF, BUFSIZ);
            measure_row(row, left_out, plan, number, report);
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

    Child child(row, left_out, plan, number);
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

Outcome measure(const Row &row, const Plan &plan, const std::string &where, const Progress &progress)
{
    Outcome outcome = {&row, {}, std::vector<std::string>(row.candidates.size())};
    measure_in_children(outcome, plan, where, progress);

    Plan counting = plan;
    counting.counting = true;
    counting.processes = 1;
    Outcome counted = {&row, {}, outcome.failures};
    measure_in_children(counted, counting, where, progress);
    for (std::size_t i = 0; i < row.candidates.size(); i++)
        for (const auto &[metric, values] : counted.samples[i])
            outcome.samples[i][metric] = values;
    progress.say("");
    return outcome;
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
        {"cores", required_argument, nullptr, 'c'}, {"output", required_argument, nullptr, 'o'},
        {"list", no_argument, nullptr, 'l'}, {nullptr, 0, nullptr, 0},
    };
    Plan plan = {.seconds = 0.1, .repetitions = 5, .processes = 3};
    std::regex filter("."), without("^$");
    const char *output = nullptr;
    bool list = false, quick = false;

    for (int chosen; (chosen = getopt_long(argc, argv, "", options, nullptr)) != -1;)
        switch (chosen) {
        case 'q': quick = true; plan.seconds = 0.02; plan.processes = 1; break;
        case 'f': filter = parse_regex(optarg); break;
        case 'w': without = parse_regex(optarg); break;
        case 'p': plan.processes = static_cast<unsigned>(parse(optarg, 1, 1000)); break;
        case 'r': plan.repetitions = static_cast<unsigned>(parse(optarg, 1, 1000)); break;
        case 's': plan.seconds = parse(optarg, 0.001, 100); break;
        case 'c': plan.cores = static_cast<unsigned>(parse(optarg, 1, 1024)); break;
        case 'o': output = optarg; break;
        case 'l': list = true; break;
        default:
            std::fputs("usage: bench [--quick] [--filter REGEX] [--without REGEX] [--processes N]\n"
                       "             [--repetitions N] [--seconds S] [--cores N] [--output FILE] [--list]\n",
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
        if (std::regex_search(row.name, filter) && (plan.cores == 0 || row.cores == 0))
            rows.push_back(row);
    }
    if (list) {
        for (const Row &row : rows)
            std::puts(row.name.c_str());
        return 0;
    }
    if (rows.empty()) {
        std::fputs("bench: no row has such a name\n", stderr);
        return 2;
    }

    std::FILE *file = output == nullptr ? nullptr : std::fopen(output, "w");
    if (output != nullptr && file == nullptr)
        fail(output);
    int no_arguments = 1;
    benchmark::Initialize(&no_arguments, argv);
#ifdef HAVE_ABSL
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); /* as in its release builds */
#endif

    double load = 0; /* of what else runs here */
    if (getloadavg(&load, 1) == 1 && load > 0.5)
        std::fprintf(stderr, "bench: other programs are busy here (load %.2f): look at ratios only\n", load);

    Progress progress;
    std::vector<Outcome> outcomes;
    bool failed = false;
    for (std::size_t i = 0; i < rows.size(); i++) {
        std::string where = std::to_string(i + 1) + "/" + std::to_string(rows.size()) + " " + rows[i].name;
        outcomes.push_back(measure(rows[i], plan, where, progress));
        print_row(outcomes.back());
        std::fflush(stdout);
        for (std::size_t c = 0; c < rows[i].candidates.size(); c++)
            failed |= rows[i].candidates[c].role == Role::ours && !outcomes.back().failures[c].empty();
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
