/* SPDX-License-Identifier: MIT */
#ifndef CALLS_H
#define CALLS_H

/*
 * Calls of the whole interface, by several threads and tasks, as a string of bytes says: which calls, with what
 * arguments, and where one thread is left for another (over the scripted port, scripted.h). Each is held against the
 * reference model (reference.h). calls.c has the bytes' meaning; any bytes mean something.
 *
 * If the library does what it must not, calls_failed() is called, if it is set, after the calls that led there were
 * printed; else the program ends with status 1.
 */

#include <stddef.h>
#include <stdint.h>

void calls_run(const uint8_t *bytes, size_t size);

extern void (*calls_failed)(const uint8_t *bytes, size_t size);

/* Print each call when it is made, for one who reads it. */
void calls_print(int yes);

/* How many calls were made and held against the model so far; and how many runs the model gave up on, since it had
   too many states: those were run to their end without it. */
unsigned long calls_made(void);
unsigned long calls_given_up(void);

#endif
