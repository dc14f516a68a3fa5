/* SPDX-License-Identifier: MIT */
#ifndef MACHINE_H
#define MACHINE_H

/*
 * The library on a machine with a weak memory. The machine is Relacy's simulator of the C11 memory model
 * (https://github.com/dvyukov/relacy): one order of the threads' steps after another, and each atomic load may
 * return a value that is no longer the latest, as far as the orders given allow it.
 *
 * What runs on it is src/ itself, unchanged, src/atomic.h included. The compiler instruments it as it does for
 * ThreadSanitizer (-fsanitize=thread), but it is not linked with that: the functions that it calls for each
 * access to memory are those of machine.cpp. Atomic operations become the simulator's. Plain accesses are done
 * at once, and checked for data races by the simulator's own happens-before: two accesses to the same byte, at
 * least one of them a write and not both atomic, that nothing orders.
 *
 * The port is machine.cpp's too. Sleeping and waking order nothing, which is as little as port.h asks for.
 *
 * Scenarios are C, instrumented as well: so what they guard by the lock is checked in the same way.
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
    void (*setup)(void);           /* before each order; ordered before all that the threads do */
    void (*body)(unsigned thread); /* thread 0, 1, ... */
    void (*check)(void);           /* after all threads have ended; all that they did is ordered before */
};

extern const struct scenario scenarios[];
extern const unsigned scenarios_count;

/* In a scenario: say what is wrong, and end this order. */
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
