/* SPDX-License-Identifier: MIT */
#ifndef BENCH_TABLE_HPP
#define BENCH_TABLE_HPP

#include <cstdio>
#include <map>
#include <string>
#include <vector>
#include "work.hpp"

/* What was measured of one row in one world. A metric's samples are in the order of the repetitions. */
struct Outcome {
    const Row *row;
    World world;
    std::vector<std::map<std::string, std::vector<double>>> samples; /* of each candidate */
    std::vector<std::string> failures;                               /* of each candidate; empty: none */
    std::string refused; /* why the world was not in force; then nothing else counts. Empty: it was */
    Shares shares;
};

/* Everything about the row, for people. */
void print_row(const Outcome &outcome);

/* One line for each row and world: this library beside the best peer, and beside the best limit. */
void print_summary(const std::vector<Outcome> &outcomes);

/* For programs: a line for each candidate and metric, under a line of headings, tabs in between. */
void write_rows(const std::vector<Outcome> &outcomes, std::FILE *file);

#endif
