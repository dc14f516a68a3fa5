/* SPDX-License-Identifier: MIT */
/*
 * watch [--shown] COMMAND... - runs a case (case.h) and detects whether it hangs
 *
 * Its exit status is that of the command; 3 if it hung; 4 if a signal ended it. With --shown it is 0 if the bug was
 * shown, also by a hang, and 1 if not.
 *
 * A time limit would be too short on some machine. So a command hangs if for five seconds all its threads and those
 * of its children sleep and none has run, by the kernel's counts. A thread that waits for a processor does not sleep.
 * Then all its processes are killed.
 */
#ifndef _GNU_SOURCE
#  define _GNU_SOURCE
#endif
#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 100, QUIET_LOOKS = 50 };

/* The session of a process, 0 if the process has ended. */
static long session_of(const char *pid)
{
    char path[300], text[1024];
    long session = 0;
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    const char *rest = strrchr(text, ')'); /* names may have anything in them */
    if (rest == NULL || sscanf(rest + 1, " %*c %*d %*d %ld", &session) != 1)
        return 0;
    return session;
}

static uint64_t mix(uint64_t sum, uint64_t value) { return (sum ^ value) * UINT64_C(0x9E3779B97F4A7C15) + 1; }

/* Whether a thread runs or waits for a processor. Adds its counts to the sum. */
static bool look_at_thread(const char *pid, const char *tid, uint64_t *sum)
{
    char path[600], line[256], state = '?';
    snprintf(path, sizeof path, "/proc/%s/task/%s/status", pid, tid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return true;
    while (fgets(line, sizeof line, file) != NULL) {
        uint64_t switches;
        (void)sscanf(line, "State: %c", &state);
        if (sscanf(line, "voluntary_ctxt_switches: %" SCNu64, &switches) == 1 ||
            sscanf(line, "nonvoluntary_ctxt_switches: %" SCNu64, &switches) == 1)
            *sum = mix(*sum, switches);
    }
    fclose(file);
    *sum = mix(*sum, strtoul(tid, NULL, 10));
    return strchr("STtZX", state) == NULL;
}

static bool look_at_process(const char *pid, uint64_t *sum)
{
    char path[300];
    bool runs = false;
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL)
        return true;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;)
        if (task->d_name[0] != '.')
            runs = look_at_thread(pid, task->d_name, sum) || runs;
    closedir(tasks);
    return runs;
}

/* Whether any process of the session runs. Or kills them all. */
static bool look(pid_t session, uint64_t *sum, bool kill_them)
{
    bool runs = false;
    DIR *processes = opendir("/proc");
    if (processes == NULL)
        exit(99);
    for (struct dirent *process; (process = readdir(processes)) != NULL;) {
        const char *pid = process->d_name;
        if (pid[0] < '1' || pid[0] > '9' || session_of(pid) != session)
            continue;
        if (kill_them)
            (void)kill((pid_t)strtol(pid, NULL, 10), SIGKILL);
        else
            runs = look_at_process(pid, sum) || runs;
    }
    closedir(processes);
    return runs;
}

/* Its exit status. */
static int watch(char **argv)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)setsid();
        execvp(argv[0], argv);
        perror(argv[0]);
        _exit(99);
    }
    uint64_t before = 0;
    int status = 0;
    for (unsigned quiet = 0; quiet < QUIET_LOOKS;) {
        if (waitpid(child, &status, WNOHANG) == child) {
            (void)look(child, &before, true); /* kill its children */
            return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
        }
        uint64_t sum = 0;
        bool runs = look(child, &sum, false);
        quiet = runs || sum != before ? 0 : quiet + 1;
        before = sum;
        struct timespec pause = {0, LOOK_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
    (void)look(child, &before, true);
    (void)waitpid(child, &status, 0);
    printf("hangs: all its threads have slept for %d s\n", LOOK_MS * QUIET_LOOKS / 1000);
    return 3;
}

int main(int argc, char **argv)
{
    bool shown = argc > 1 && strcmp(argv[1], "--shown") == 0;
    if (argc < 2 + shown) {
        fprintf(stderr, "usage: watch [--shown] COMMAND...\n");
        return 2;
    }
    int status = watch(argv + 1 + shown);
    if (shown && (status == 0 || status == 1 || status == 3))
        return status == 0;
    return status;
}
