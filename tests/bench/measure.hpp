/* SPDX-License-Identifier: MIT */
#ifndef BENCH_MEASURE_HPP
#define BENCH_MEASURE_HPP

#include <cstdio>
#include <vector>
#include "work.hpp"

struct Plan {
    double seconds;        /* that each measurement takes, about */
    unsigned repetitions;  /* in one process */
    unsigned processes;
    double enough_seconds; /* once they took so long, a process begins no more repetitions */
    bool counting = false; /* of futex calls, and then of nothing else: see futexes.hpp */
};

/*
 * Measures a row's candidates in this process, which should be made for it and end with it; its number among
 * those for this row says who comes first. What it finds it
 * writes, line by line, fields separated by tabs, the first of which says what follows:
 *
 *      at CANDIDATE                    it is at this one now, which may take a while, or for ever
 *      is CANDIDATE METRIC VALUE       of one repetition
 *      wrong CANDIDATE                 it has not done its work
 *      uncounted                       futex calls cannot be counted here
 *      refused                         it cannot be pinned to one core
 */
void measure_row(const Row &row, World world, const std::vector<bool> &left_out, const Plan &plan,
                 unsigned process, std::FILE *report);

#endif
