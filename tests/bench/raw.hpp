/* SPDX-License-Identifier: MIT */
#ifndef BENCH_RAW_HPP
#define BENCH_RAW_HPP

/* raw.hpp - what the limits are made of: the system's bare calls */

#include <atomic>
#include <climits>
#include <cstdint>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The older call is enough on a 32-bit system, since no call here has a timeout. */
inline void futex_wait(std::atomic<std::uint32_t> &word, std::uint32_t expected)
{
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

inline void futex_wake(std::atomic<std::uint32_t> &word, int count)
{
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

inline void pause_briefly()
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

#endif
