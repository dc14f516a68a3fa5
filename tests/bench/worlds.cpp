/* SPDX-License-Identifier: MIT */
#include "worlds.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <sched.h>
#include <signal.h>
#include <sstream>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/* How long a loop must have run before a measurement begins, and how long that may take on a crowded machine. */
constexpr double warm_s = 0.001, patience_s = 10;

double seconds(clockid_t clock)
{
    timespec time = {};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/* The CPU time of another process; below 0 if there is none. */
double cpu_seconds_of(pid_t pid)
{
    clockid_t clock;
    return clock_getcpuclockid(pid, &clock) == 0 ? seconds(clock) : -1;
}

std::vector<unsigned> allowed_cores()
{
    std::vector<unsigned> cores;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET(cpu, &set))
                cores.push_back(cpu);
    return cores;
}

/* The time that these cores were in use by anybody, other virtual machines too, since the system started. */
double used_seconds(const std::vector<unsigned> &cores)
{
    double sum = 0;
    std::FILE *stat = std::fopen("/proc/stat", "r");
    if (stat == nullptr)
        return 0;
    char line[512];
    while (std::fgets(line, sizeof line, stat) != nullptr) {
        unsigned cpu;
        double user, nice, system, idle, wait, irq, softirq, steal;
        if (std::sscanf(line, "cpu%u %lf %lf %lf %lf %lf %lf %lf %lf", &cpu, &user, &nice, &system, &idle, &wait,
                        &irq, &softirq, &steal) != 9)
            continue;
        for (unsigned core : cores)
            if (core == cpu)
                sum += (user + nice + system + irq + softirq + steal) / static_cast<double>(sysconf(_SC_CLK_TCK));
    }
    std::fclose(stat);
    return sum;
}

/* Of this process and of its children that have been reaped: those that measure. */
double own_seconds()
{
    double sum = 0;
    for (int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage usage = {};
        getrusage(who, &usage);
        sum += static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    }
    return sum;
}

int policy_of(World world) { return world == World::awake ? SCHED_IDLE : SCHED_OTHER; }

/* In the child. Writes 0, or the error if the core or the class was refused, and never returns. */
[[noreturn]] void run_loop(World world, unsigned cpu, pid_t parent, int report)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "bench-load");
    if (getppid() != parent)
        _exit(1);

    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_param none = {};
    int error = 0;
    if (sched_setaffinity(0, sizeof one, &one) != 0 || sched_setscheduler(0, policy_of(world), &none) != 0)
        error = errno;
    if (write(report, &error, sizeof error) != sizeof error || error != 0)
        _exit(1);
    for (std::atomic<unsigned> count{0};;)
        count.fetch_add(1, std::memory_order_relaxed);
}

} // namespace

const char *name_of(World world)
{
    switch (world) {
    case World::awake: return "awake";
    case World::busy: return "busy";
    case World::one_core: return "one-core";
    default: return "idle";
    }
}

Worlds parse_worlds(const std::string &list)
{
    Worlds worlds = 0;
    std::istringstream stream(list);
    for (std::string name; std::getline(stream, name, ',');) {
        Worlds found = 0;
        for (World world : all_worlds)
            if (name == name_of(world))
                found = only(world);
        if (found == 0)
            return 0;
        worlds |= found;
    }
    return worlds;
}

bool use_cores(unsigned most)
{
    cpu_set_t some;
    CPU_ZERO(&some);
    for (unsigned cpu : allowed_cores())
        if (static_cast<unsigned>(CPU_COUNT(&some)) < most)
            CPU_SET(cpu, &some);
    cpu_set_t now;
    return sched_setaffinity(0, sizeof some, &some) == 0 && sched_getaffinity(0, sizeof now, &now) == 0 &&
           CPU_EQUAL(&some, &now);
}

Load::Load(World world) : world_(world)
{
    if (world == World::awake || world == World::busy)
        for (unsigned cpu : allowed_cores())
            if (refused_.empty())
                start(cpu);
    begin();
}

Load::~Load()
{
    for (const Child &child : children_)
        kill(child.pid, SIGKILL);
    for (const Child &child : children_)
        waitpid(child.pid, nullptr, 0);
}

/* Returns when the loop runs, or has set refused_. */
void Load::start(unsigned cpu)
{
    int ends[2];
    if (pipe(ends) != 0) {
        refused_ = std::string("no pipe: ") + std::strerror(errno);
        return;
    }
    std::fflush(nullptr);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        run_loop(world_, cpu, parent, ends[1]);
    int error = pid < 0 ? errno : EIO;
    close(ends[1]);
    if (pid > 0) {
        children_.push_back({pid, 0});
        if (read(ends[0], &error, sizeof error) != sizeof error)
            error = EIO;
    }
    close(ends[0]);
    if (error != 0) {
        refused_ = "no loop on core " + std::to_string(cpu) + ": " + std::strerror(error);
        return;
    }
    for (double start = seconds(CLOCK_MONOTONIC); cpu_seconds_of(pid) < warm_s;) {
        if (seconds(CLOCK_MONOTONIC) - start > patience_s) {
            refused_ = "the loop on core " + std::to_string(cpu) + " does not run";
            return;
        }
        usleep(1000);
    }
}

void Load::begin()
{
    for (Child &child : children_)
        child.start_s = cpu_seconds_of(child.pid);
    start_s_ = seconds(CLOCK_MONOTONIC);
    start_used_s_ = used_seconds(allowed_cores());
    start_own_s_ = own_seconds();
}

std::string Load::refused() const
{
    if (!refused_.empty())
        return refused_;
    for (const Child &child : children_) {
        siginfo_t info = {}; /* the loops never end by themselves */
        if (waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0)
            return "a loop has ended";
        if (sched_getscheduler(child.pid) != policy_of(world_))
            return "a loop has another scheduling class";
        cpu_set_t set;
        if (sched_getaffinity(child.pid, sizeof set, &set) != 0 || CPU_COUNT(&set) != 1)
            return "a loop is not pinned";
        if (world_ == World::busy && cpu_seconds_of(child.pid) <= child.start_s)
            return "a loop has not run";
    }
    return "";
}

Shares Load::shares() const
{
    std::vector<unsigned> cores = allowed_cores();
    double load_s = 0, all_s = (seconds(CLOCK_MONOTONIC) - start_s_) * static_cast<double>(cores.size());
    for (const Child &child : children_)
        load_s += cpu_seconds_of(child.pid) - child.start_s;
    double others_s = used_seconds(cores) - start_used_s_ - (own_seconds() - start_own_s_) - load_s;
    return {load_s / all_s, others_s > 0 ? others_s / all_s : 0};
}
