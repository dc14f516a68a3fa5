/* SPDX-License-Identifier: MIT */
#ifndef MACHINE_H
#define MACHINE_H

/*
 * The library on a machine with a weak memory: Relacy's simulator of the C11 memory model
 * (https://github.com/dvyukov/relacy). It runs one schedule of the threads after another. An atomic load may return a
 * value that is not the latest, as far as the memory orders allow it.
 *
 * src/ itself runs on it, unchanged, with src/atomic.h. The compiler instruments it as for ThreadSanitizer
 * (-fsanitize=thread), but it is linked with machine.cpp in place of that library. Atomic operations become those of
 * the simulator. Plain accesses are executed at once and checked for data races by the simulator's happens-before:
 * two accesses to the same byte, at least one of them a write and not both atomic, that are not ordered.
 *
 * machine.cpp also has the port. Its sleeping and waking have no memory order, which is all that port.h requires.
 *
 * Scenarios are C and instrumented too, so the data that they guard by the lock is checked in the same way.
 */

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MACHINE_THREADS = 3 }; /* at most, in a scenario */

struct scenario {
    const char *name;
    unsigned threads;              /* 2 or 3 */
    void (*setup)(void);           /* before each schedule; happens before all that the threads do */
    void (*body)(unsigned thread); /* thread 0, 1, ... */
    void (*check)(void);           /* after all threads have ended; all that they did happens before it */
};

extern const struct scenario scenarios[];
extern const unsigned scenarios_count;

/* In a scenario: if the condition is false, print it and end this schedule. */
#define EXPECT(condition) ((condition) ? (void)0 : machine_fail(#condition))
void machine_fail(const char *what);

/* One of `count` choices. */
unsigned machine_choose(unsigned count);

/* In a loop that waits for others. */
void machine_yield(void);

#ifdef __cplusplus
}
#endif

#endif
