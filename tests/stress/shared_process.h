/* SPDX-License-Identifier: MIT */
#ifndef SHARED_PROCESS_H
#define SHARED_PROCESS_H

/*
 * Shared by the programs with real processes, on top of stress.h. Only the first process starts, stops and kills
 * others. It has no threads, so that it may fork under each sanitizer. No process kills it, and whenever it waits for
 * something, it checks that no child has failed.
 */

#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include "stress.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#  include <sys/prctl.h>
#endif

enum { EXIT_SKIP = 77 };

/* Takes `name N` out of the arguments, before stress_begin(). */
static inline unsigned take_option(int *argc, char **argv, const char *name, unsigned otherwise)
{
    unsigned value = otherwise;
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], name) != 0) {
            argv[kept++] = argv[i];
            continue;
        }
        char *end = argv[i];
        unsigned long number = i + 1 < *argc ? strtoul(argv[++i], &end, 10) : 0;
        if (end == argv[i] || *end != '\0' || number == 0 || number > UINT_MAX) {
            fprintf(stderr, "%s needs a number\n", name);
            exit(2);
        }
        value = (unsigned)number;
    }
    *argc = kept;
    return value;
}

/* Zeroed memory that the processes share. Pages that are not used cost nothing. */
static inline void *share_memory(size_t size)
{
    int kind = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, kind, -1, 0);
    CHECK(memory != MAP_FAILED, "cannot map %zu bytes", size);
    return memory;
}

/* A condition for processes. Skips the test if the system has none. */
static inline void make_shared(cond_t *cond)
{
    int error = cond_init(cond, NULL, COND_SHARED);
    if (error == ENOTSUP) {
        puts("skipped: this system has no robust mutexes that processes share");
        exit(EXIT_SKIP);
    }
    CHECK_OK(error);
    stress_describe(cond);
}

static inline pid_t start_process(void (*run)(unsigned number), unsigned number)
{
    pid_t parent = getpid();
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0, "cannot fork: %s", strerror(errno));
    if (child == 0) {
#ifdef __linux__
        /* The child ends with the first process. */
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
        if (getppid() != parent)
            _Exit(1);
        run(number);
        _Exit(0);
    }
    return child;
}

/* No child ends by itself, unless a check has failed. */
static inline void check_children(void)
{
    int status;
    pid_t child = waitpid(-1, &status, WNOHANG);
    CHECK(child == 0, "child %d ended by itself, status 0x%x", (int)child, (unsigned)status);
}

static inline void nap(int64_t ns) { stress_sleep_until(cond_now() + ns); }

/* Until the children have made `condition` true, which is read without the lock. */
#define AWAIT(condition)                                                                                    \
    while (!(condition)) {                                                                                  \
        check_children();                                                                               \
        nap(COND_US(50));                                                                               \
    }

/* The child is killed, by any process. */
static inline void await_kill(pid_t child)
{
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "child %d ended by itself, status 0x%x",
          (int)child, (unsigned)status);
}

static inline void kill_process(pid_t child)
{
    CHECK_EQ(kill(child, SIGKILL), 0);
    await_kill(child);
#ifdef STRESS_COUNTED
    stress_killed();
#endif
}

/* Returns when the child does not run. */
static inline void stop_process(pid_t child)
{
    int status;
    CHECK_EQ(kill(child, SIGSTOP), 0);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status), "child %d ended by itself, status 0x%x", (int)child, (unsigned)status);
}

static inline void await_end(pid_t child)
{
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(status == 0, "child %d: status 0x%x", (int)child, (unsigned)status);
}

#endif
