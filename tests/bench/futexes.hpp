/* SPDX-License-Identifier: MIT */
#ifndef BENCH_FUTEXES_HPP
#define BENCH_FUTEXES_HPP

#include <cstdint>

/*
 * futexes.hpp - counts the futex calls of all threads of this process
 *
 * A seccomp filter turns each futex call into a signal, and its handler counts the call and makes it. So it counts all
 * real calls, also those of the C library. It needs no rights and no other process, and threads do not wait for each
 * other, as they would under a tracer. But each call takes a microsecond longer, and the filter stays: a process that
 * counts must not measure time.
 */

/* For all threads that are made from now on. Returns false if the system does not support it. */
bool count_futexes();

/* The calling thread's calls so far. */
std::uint64_t futexes_of_thread();

#endif
