/* SPDX-License-Identifier: MIT */
#ifndef BENCH_WORK_HPP
#define BENCH_WORK_HPP

/*
 * work.hpp - what is measured: rows, each with its candidates
 *
 * A row is one kind of work, such as a buffer between 4 producers and 4 consumers. A candidate is a way to do
 * it: with this library, with a peer, or with bare hands, which is the limit. To add a row: write a class
 * that is a Work, most often a template over the peers of peers.hpp, and add it to a Row in one of rows_*.cpp.
 */

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>
#include "worlds.hpp"

/* At least the size of a cache line, and of two lines that are fetched together. */
constexpr std::size_t apart = 128;

/*
 * The work of one measurement, done once. Its construction and destruction are not measured. All candidates of a row
 * use the same threads, which start at the same time.
 */
class Work {
public:
    virtual ~Work() = default;

    /* The part of one of the row's threads, the first of which is number 0. */
    virtual void run(unsigned thread) = 0;

    /* Whether it was done right, asked after all threads are through: being wrong must not count as fast. */
    virtual bool right() const { return true; }

    /* What else it has measured, by name. */
    virtual std::map<std::string, double> extras() const { return {}; }
};

enum class Role { ours, peer, limit };

struct Candidate {
    std::string name;
    Role role;
    std::function<std::unique_ptr<Work>(std::size_t iterations)> make;
};

struct Row {
    std::string name;      /* what --filter is matched against */
    std::string operation; /* what the numbers are for one of */
    unsigned threads;
    Worlds worlds = every_world;       /* in which of them it means something */
    bool apart = false;                /* each thread stays on a core of its own, as long as there are any */
    std::size_t operations = 1;        /* in one iteration, below which measuring makes no sense */
    double least_seconds = 0;          /* for what takes its time to show */
    std::string compared = "time";     /* or one of the extras */
    std::vector<Candidate> candidates = {};

    /* Rows that differ only in their number of threads, and are one plot. */
    std::string family = "";
};

using Rows = std::vector<Row>;

/* In rows_*.cpp. */
void add_lock_rows(Rows &rows);
void add_turn_rows(Rows &rows);
void add_buffer_rows(Rows &rows);
void add_time_rows(Rows &rows);

/* How many of n things fall to this one of some threads. */
inline std::size_t share_of(std::size_t n, unsigned thread, unsigned threads)
{
    return n / threads + (thread < n % threads ? 1 : 0);
}

template <class... Peers> struct List {};

template <class... A, class... B> List<A..., B...> joined(List<A...>, List<B...>);
template <class A, class B> using Joined = decltype(joined(A{}, B{}));

/* Adds Shape<Peer> for each peer of the list to the row, made from the iterations and the arguments. */
template <template <class> class Shape, class... Peers, class... Arguments>
void add_peers(Row &row, List<Peers...>, Arguments... arguments)
{
    (row.candidates.push_back({Peers::name, Peers::role,
                               [=](std::size_t iterations) -> std::unique_ptr<Work> {
                                   return std::make_unique<Shape<Peers>>(iterations, arguments...);
                               }}),
     ...);
}

/* Adds a Work that knows no peer: a limit. */
template <class Limit, class... Arguments>
void add_limit(Row &row, const char *name, Arguments... arguments)
{
    row.candidates.push_back({name, Role::limit, [=](std::size_t iterations) -> std::unique_ptr<Work> {
                                  return std::make_unique<Limit>(iterations, arguments...);
                              }});
}

#endif
