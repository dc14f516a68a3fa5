/* SPDX-License-Identifier: MIT */
#ifndef BENCH_WORLDS_HPP
#define BENCH_WORLDS_HPP

/*
 * worlds.hpp - what else the cores do while a row is measured
 *
 *      idle        nothing: a core may fall asleep, and then waking a thread on it takes longer
 *      awake       a loop of the idle class (SCHED_IDLE) on each core: no core falls asleep, and the loop gives
 *                  way to every other thread
 *      busy        a loop of the normal class on each core: it takes its share of the core
 *      one-core    nothing, and all threads that are measured are pinned to one core
 */

#include <iterator>
#include <string>
#include <sys/types.h>
#include <vector>

enum class World { idle, awake, busy, one_core };

inline constexpr World all_worlds[] = {World::idle, World::awake, World::busy, World::one_core};

const char *name_of(World world);

/* A set of worlds. */
using Worlds = unsigned;

constexpr Worlds only(World world) { return 1u << static_cast<unsigned>(world); }
constexpr Worlds every_world = (1u << std::size(all_worlds)) - 1;

/* Of "idle,busy" and the like; 0 if one of the names is unknown. */
Worlds parse_worlds(const std::string &list);

/* Allows this process, and all threads and processes that it makes, so many of its cores. False: refused. */
bool use_cores(unsigned most);

/* What the cores did between two moments, as shares of the time of all of them. */
struct Shares {
    double load;   /* the load of the world */
    double others; /* programs that have nothing to do with the benchmark, and other virtual machines */
};

/* With more load of others than this, no world is valid. tests/bench/report.py has the same number. */
constexpr double most_others = 0.2;

/*
 * The load of a world: a child process for each core that this process may use, pinned to it. It is killed and
 * reaped at the end, and the kernel kills it if this process dies.
 */
class Load {
    struct Child {
        pid_t pid;
        double start_s; /* its CPU time when the measurement began */
    };

    World world_;
    std::vector<Child> children_;
    double start_s_, start_used_s_, start_own_s_;
    std::string refused_;

    void start(unsigned cpu);
    void begin();

public:
    explicit Load(World world);
    ~Load();
    Load(const Load &) = delete;
    Load &operator=(const Load &) = delete;

    /* Whether the world is in force now. */
    bool started() const { return refused_.empty(); }

    /*
     * Why the world was not in force from the beginning until now; empty if it was. A loop of the normal class must
     * have run in the meantime. One of the idle class need not, where the threads that are measured never sleep.
     */
    std::string refused() const;

    Shares shares() const;
};

#endif
