/* SPDX-License-Identifier: MIT */
#ifndef BENCH_FUTEXES_HPP
#define BENCH_FUTEXES_HPP

#include <cstdint>

/*
 * futexes.hpp - how many futex calls the threads of this process make, whoever makes them
 *
 * The kernel is asked to turn each futex call into a signal (a seccomp filter), whose handler counts it and
 * then makes it. So the count is of real calls, also of those inside the C library; nothing outside the process
 * is needed, no rights, and threads do not wait for each other, as they would under a tracer. But each call
 * takes a microsecond longer, and there is no way back: a process that counts is none to take the time in.
 */

/* For all threads that are made from now on. False where the system has no such thing. */
bool count_futexes();

/* The calling thread's calls so far. */
std::uint64_t futexes_of_thread();

#endif
