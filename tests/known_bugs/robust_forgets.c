/* SPDX-License-Identifier: MIT */
/*
 * Two processes sleep on a robust mutex. A release wakes the first one. Before it runs, another process acquires the
 * mutex, and the first one is killed. The mutex is released and is now free, but the second process stays asleep.
 *
 * Each part is correct by itself. A bit in glibc's mutex says that there may be sleepers. The release clears the bit,
 * and the woken process sets it again for the others. A process that finds the mutex free does not know of them. The
 * kernel passes on the wake-up of a dead process, but only while the mutex is free (handle_futex_death() in
 * https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/tree/kernel/futex/core.c;
 * https://sourceware.org/git/?p=glibc.git;a=blob;f=nptl/pthread_mutex_lock.c;hb=glibc-2.36).
 *
 * In this library a shared lock is such a mutex, but its sleepers have a heartbeat (src/port/robust.c).
 *
 * The woken process must not run before it is killed. So all processes are on one processor, and it has the
 * scheduling class that runs only when no other process wants to. If it runs nevertheless, the mutex works, and the
 * test tries again.
 */
#include "case.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { TRIES = 20 };

static struct memory {
    pthread_mutex_t mutex;
    cond_lock_t lock;
    atomic_int begins[2], has_had[2];
} *memory;

static bool peer;

static int acquire(void)
{
    return peer ? pthread_mutex_lock(&memory->mutex) : cond_lock_acquire(&memory->lock);
}

static int try_acquire(void)
{
    return peer ? pthread_mutex_trylock(&memory->mutex) : cond_lock_try_acquire(&memory->lock);
}

static void release(void)
{
    REQUIRE((peer ? pthread_mutex_unlock(&memory->mutex) : cond_lock_release(&memory->lock)) == 0);
}

static int make(void)
{
    pthread_mutexattr_t kind;
    memset(memory, 0, sizeof *memory);
    REQUIRE(pthread_mutexattr_init(&kind) == 0);
    REQUIRE(pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED) == 0);
    REQUIRE(pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) == 0);
    return peer ? pthread_mutex_init(&memory->mutex, &kind)
                : cond_lock_init(&memory->lock, COND_SHARED | COND_MUTEX);
}

/* What the kernel says of a process: R, S for asleep... */
static char state_of(pid_t process)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    FILE *file = fopen(path, "r");
    REQUIRE(file != NULL);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    const char *name_end = strrchr(text, ')');
    REQUIRE(name_end != NULL && name_end[1] == ' ');
    return name_end[2];
}

/* A process that acquires what is held, and is asleep when this returns. */
static pid_t start_sleeper(int number)
{
    pid_t process = fork();
    REQUIRE(process >= 0);
    if (process == 0) {
        const struct sched_param none = {0};
        if (number == 0 && sched_setscheduler(0, SCHED_IDLE, &none) != 0)
            _exit(1);
        atomic_store(&memory->begins[number], 1);
        int error = acquire();
        if (error != 0 && error != EOWNERDEAD) /* the first one was killed with the mutex held, which works too */
            _exit(1);
        atomic_store(&memory->has_had[number], 1);
        release();
        _exit(0);
    }
    await(&memory->begins[number], 1);
    while (state_of(process) != 'S')
        pause_ns(COND_US(200));
    return process;
}

static void end(pid_t process)
{
    REQUIRE(kill(process, SIGKILL) == 0);
    REQUIRE(waitpid(process, NULL, 0) == process);
}

int main(int argc, char **argv)
{
    cpu_set_t one;
    peer = is_peer(argc, argv, "pthread");
    memory = mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    if (make() == ENOTSUP)
        verdict(CANNOT, "there are no such mutexes on this system");
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);

    int overtaken = 0;
    for (int i = 0; i < TRIES; i++) {
        REQUIRE(make() == 0);
        REQUIRE(acquire() == 0);
        pid_t first = start_sleeper(0), second = start_sleeper(1);
        release();
        int error = try_acquire();
        end(first);
        if (error == 0)
            release();
        overtaken += error == 0 && atomic_load(&memory->has_had[0]) == 0;
        bool has_had = comes_true(&memory->has_had[1], 1);
        end(second);
        if (!has_had)
            verdict(SHOWN, "the mutex is free, and a process sleeps on it");
    }
    REQUIRE(overtaken > 0);
    verdict(WORKS, "%d times of %d the woken process was killed while another held the lock, and the next one got it", overtaken,
            TRIES);
}
