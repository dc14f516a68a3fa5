/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_H
#define KERNEL_H

/*
 * A small preemptive kernel for one Cortex-M3 core: threads with priorities, a clock, and one way to sleep: on a word,
 * while the word has a given value. Threads of equal priority take turns every millisecond.
 */

#include <stdint.h>

#define KERNEL_FOREVER INT64_MAX

/* Makes a thread. At most KERNEL_THREADS, all before kernel_run(). Priorities are 1 and more; the highest runs. */
enum { KERNEL_THREADS = 8, KERNEL_STACK_WORDS = 256 };
void kernel_thread(void (*run)(void *), void *arg, unsigned priority);

/* Runs the threads. Ends the program with status 3 if all threads sleep without a deadline. */
_Noreturn void kernel_run(void);

/* Returns a number that identifies the calling thread: the address of its control block. */
uintptr_t kernel_self(void);

/* Nanoseconds since the start. */
int64_t kernel_now(void);

/* If *word is `expected`, sleeps until kernel_wake(word) or until kernel_now() reaches deadline_ns. */
void kernel_sleep_on(const uint32_t *word, uint32_t expected, int64_t deadline_ns);

/* Wakes at most `count` threads that sleep on the word: the highest priority first, then the longest sleep first. */
void kernel_wake(const uint32_t *word, uint32_t count);

/* ---- Services of the debugger, here of QEMU: semihosting ---- */

void console_write(const char *text);
void console_write_number(uint32_t number);
_Noreturn void program_exit(int status);

#endif
