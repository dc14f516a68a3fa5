/* SPDX-License-Identifier: MIT */
/* Processes that are killed: one atomic store commits a change. (docs/cookbook.md) */
#define _GNU_SOURCE
#include <condvar.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PLACES = 100 };

struct log {
    cond_t appended;
    atomic_uint committed; /* the number of valid entries: the store to it commits an entry */
    int entries[PLACES];
    long sum;              /* can be computed again from the entries */
};

enum kill { NO_KILL, KILL_BEFORE, KILL_AFTER };

static bool has_two(void *arg) { return ((struct log *)arg)->committed >= 2; }

/* The lock is held, but its last holder was killed, perhaps between two stores. */
static int repair(struct log *log)
{
    log->sum = 0;
    for (unsigned i = 0; i < log->committed; i++)
        log->sum += log->entries[i];
    return cond_recover(&log->appended); /* wakes all waiters, so no notify is missed */
}

static int acquire(struct log *log)
{
    int error = cond_acquire(&log->appended);
    return error == EOWNERDEAD ? repair(log) : error;
}

static int append(struct log *log, int entry, enum kill kill)
{
    int error = acquire(log);
    if (error != 0)
        return error;
    unsigned count = log->committed;
    log->entries[count] = entry; /* no process reads it before the commit */
    if (kill == KILL_BEFORE)
        raise(SIGKILL);
    log->committed = count + 1; /* the one store */
    if (kill == KILL_AFTER)
        raise(SIGKILL);
    log->sum += entry;
    cond_notify(&log->appended, 1);
    return cond_release(&log->appended);
}

static int wait_for_two(struct log *log)
{
    int error;
    while ((error = cond_wait_for(&log->appended, has_two, log, COND_FOREVER)) == EOWNERDEAD)
        if ((error = repair(log)) != 0)
            break;
    return error;
}

int main(void)
{
    struct log *log = mmap(NULL, sizeof *log, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (log == MAP_FAILED || cond_init(&log->appended, NULL, COND_SHARED) != 0)
        return 1;
    for (int i = 0; i < 3; i++)
        if (fork() == 0)
            _exit(append(log, 1 + i, (enum kill)i));
    if (acquire(log) != 0 || wait_for_two(log) != 0)
        return 1;
    cond_release(&log->appended);
    while (wait(NULL) > 0)
        ;
    if (acquire(log) != 0)
        return 1;
    printf("%u entries, their sum is %ld\n", (unsigned)log->committed, log->sum);
    return cond_release(&log->appended);
}

/* Prints:
2 entries, their sum is 4
 */
