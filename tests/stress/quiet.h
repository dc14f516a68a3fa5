/* SPDX-License-Identifier: MIT */
#ifndef STRESS_QUIET_H
#define STRESS_QUIET_H

/*
 * Whether a wake-up is lost or only late. The system says that a woken thread can run (state R in /proc), however long
 * it waits for a core. So a wake-up is lost if all threads that could cause it are asleep at each of many looks.
 */

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include <sys/syscall.h>
#include <unistd.h>
#include "stress.h"

enum { QUIET_LOOKS = 30 };
#define QUIET_BETWEEN_LOOKS_NS COND_MS(100) /* 30 times: 3 s */

static inline pid_t quiet_thread(void) { return (pid_t)syscall(SYS_gettid); }

/* The state of a thread: R, S, D, T... Adds its CPU time, in ticks. */
static inline char quiet_look(pid_t process, pid_t thread, unsigned long long *used)
{
    char path[64], text[256];
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)process, (int)thread);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return '?';
    size_t length = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[length] = '\0';
    const char *name_ends = strrchr(text, ')'); /* "NUMBER (NAME) STATE ..." */
    char state = '?';
    unsigned long long user, system;
    if (name_ends == NULL || sscanf(name_ends, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu %llu", &state,
                                    &user, &system) != 3)
        return '?';
    *used += user + system;
    return state;
}

#endif
