/* SPDX-License-Identifier: MIT */
#ifndef STRESS_QUIET_H
#define STRESS_QUIET_H

/*
 * When a wake-up is lost, and when it is only late. A thread that has been woken can run, and the system says
 * so (state R in /proc), however long it must wait for a core. So a wake-up is lost when all that could bring
 * it about are asleep, at each of many looks: then nobody is on the way.
 */

#include <sys/syscall.h>
#include <unistd.h>
#include "stress.h"

enum { QUIET_LOOKS = 30 };
#define QUIET_BETWEEN_LOOKS_NS COND_MS(100) /* 30 times: 3 s */

static inline pid_t quiet_thread(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* What the system says of a thread of some process: R, S, D, T... */
static inline char quiet_state(pid_t process, pid_t thread)
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
    return name_ends != NULL && name_ends[1] == ' ' ? name_ends[2] : '?';
}

#endif
