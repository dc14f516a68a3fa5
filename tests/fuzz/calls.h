/* SPDX-License-Identifier: MIT */
#ifndef CALLS_H
#define CALLS_H

/*
 * Calls of the whole interface by several threads and tasks. A string of bytes chooses the calls, their arguments,
 * and the thread switches (over the scripted port, scripted.h). Any string is valid. The reference model
 * (reference.h) checks each call.
 *
 * If the library breaks its contract, the calls that led there are printed and calls_failed() is called, if it is
 * set. Then the program ends with status 1.
 */

#include <stddef.h>
#include <stdint.h>

void calls_run(const uint8_t *bytes, size_t size);

extern void (*calls_failed)(const uint8_t *bytes, size_t size);

/* Print each call when it is made. */
void calls_print(int yes);

/* How many calls were made so far; and in how many runs the model had too many states, so that it stopped checking. */
unsigned long calls_made(void);
unsigned long calls_given_up(void);

#endif
