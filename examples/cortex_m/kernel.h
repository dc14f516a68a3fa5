/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_H
#define KERNEL_H

/*
 * A preemptive kernel for one Cortex-M3 core, as small as it can be: threads with priorities, of which equal ones take
 * turns every millisecond, a clock, and one way to sleep: on a word, as long as it has a value.
 */

#include <stdint.h>

#define KERNEL_FOREVER INT64_MAX

/* Make a thread; before kernel_run(), and up to KERNEL_THREADS. The higher priority runs; they begin at 1. */
enum { KERNEL_THREADS = 8, KERNEL_STACK_WORDS = 256 };
void kernel_thread(void (*run)(void *), void *arg, unsigned priority);

/* Run the threads, for ever. If all of them sleep and nothing will ever wake one, the program ends with status 3. */
_Noreturn void kernel_run(void);

/* A number of the calling thread that no other one has: its control block's address. */
uintptr_t kernel_self(void);

/* Nanoseconds since the start. */
int64_t kernel_now(void);

/* Sleep, if *word is `expected`, until a wake of that word, or until deadline_ns by kernel_now(). */
void kernel_sleep_on(const uint32_t *word, uint32_t expected, int64_t deadline_ns);

/* Wake up to `count` threads that sleep on word: the highest priority first, and of equal ones who came first. */
void kernel_wake(const uint32_t *word, uint32_t count);

/* ---- The debugger's services, here those of QEMU: semihosting ---- */

void console_write(const char *text);
void console_write_number(uint32_t number);
_Noreturn void program_exit(int status);

#endif
