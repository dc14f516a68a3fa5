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
 * Measures a row's candidates in this process, which is made for it and ends with it. Its number among the processes
 * of this row decides which candidate comes first. It writes lines of fields, separated by tabs; the first field is
 * the kind:
 *
 *      at CANDIDATE                    this one begins, and may take long, or for ever
 *      is CANDIDATE METRIC VALUE       of one repetition
 *      wrong CANDIDATE                 its work is wrong
 *      uncounted                       futex calls cannot be counted on this system
 *      refused                         it cannot be pinned to one core
 */
void measure_row(const Row &row, World world, const std::vector<bool> &left_out, const Plan &plan,
                 unsigned process, std::FILE *report);

#endif
