/* SPDX-License-Identifier: MIT */
/*
 * Runs a command in a second PID namespace, as a container does: pid_namespace COMMAND [ARGS...]
 *
 * The command is process 1 there. Its threads and children have small numbers, which threads outside have as well.
 * Exits with the command's status, or with 77 if the system does not allow it. For Linux.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int status;
    if (argc < 2) {
        fprintf(stderr, "usage: pid_namespace COMMAND [ARGS...]\n");
        return 2;
    }
    /* As root, or in a user namespace of its own. */
    if (unshare(CLONE_NEWPID) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) {
        printf("skipped: no second PID namespace: %s\n", strerror(errno));
        return 77;
    }
    pid_t child = fork(); /* process 1 there; this process stays outside */
    if (child < 0 && (errno == ENOSPC || errno == EPERM)) {
        printf("skipped: no process in a second PID namespace: %s\n", strerror(errno));
        return 77;
    }
    if (child == 0) {
        if (getpid() != 1) {
            fprintf(stderr, "pid_namespace: process %d is in no namespace of its own\n", (int)getpid());
            return 2;
        }
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        return 2;
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("pid_namespace");
        return 2;
    }
    if (!WIFEXITED(status))
        fprintf(stderr, "pid_namespace: %s: status 0x%x\n", argv[1], (unsigned)status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
