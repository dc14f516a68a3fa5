/* SPDX-License-Identifier: MIT */
/*
 * process_buffer.c - a producer and consumers that are processes; with --kill, some consumers are killed
 *
 *     examples/run process_buffer --kill 10        send SIGKILL to 10 consumers, and replace each of them
 *
 * The condition and the buffer are in memory that the processes share. The condition is COND_SHARED.
 * If a process is killed while it holds the lock, the next acquire or wait returns EOWNERDEAD, with the lock held. Its
 * caller repairs what the killed process left half done, and calls cond_recover(). Here nothing needs repair, because
 * one store commits each change:
 *
 *     the producer first writes the item into a free place of the ring, then increments `produced`
 *     a consumer first reads the item from the ring, then increments `consumed`
 *
 * So a kill finds each change complete or not done. An item is lost only if its consumer is killed after the commit and
 * before it has used the item: at most one item for each kill.
 */
#include "common.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONSUMERS = 3, ITEMS = 40, CAPACITY = 10 };

/* In shared memory. The counters are atomic so that the compiler keeps the order of the stores. */
static struct buffer {
    cond_t changed; /* an item was put or taken; its lock guards the counters and the ring */
    atomic_int produced, consumed;
    int ring[CAPACITY];
    atomic_int used[ITEMS]; /* how many times a consumer has used the item; not guarded by the lock */
} *buffer;

static int in_buffer(void) { return buffer->produced - buffer->consumed; }
static bool has_room(void *arg) { return (void)arg, in_buffer() < CAPACITY; }
static bool has_item(void *arg) { return (void)arg, in_buffer() > 0; }

/* A holder was killed, and the caller holds the lock now. cond_recover() also wakes all waiters. */
static void recover(void)
{
    printf("recovery: a process was killed while it held the lock: %d items in the buffer\n", in_buffer());
    CHECK(cond_recover(&buffer->changed));
}

static void acquire(void)
{
    int error = cond_acquire(&buffer->changed);
    if (error == EOWNERDEAD)
        recover();
    else
        check(error, "cond_acquire");
}

/* Returns false if the predicate is false and the condition is closed. */
static bool wait_for(cond_pred_t *pred)
{
    int error;
    while ((error = cond_wait_for(&buffer->changed, pred, NULL, COND_SEC(60))) == EOWNERDEAD)
        recover(); /* the predicate may be false: wait again */
    check(error == ECANCELED ? 0 : error, "cond_wait_for"); /* timed out: another process has failed */
    return error == 0;
}

static void put(int item)
{
    acquire();
    wait_for(has_room);
    buffer->ring[item % CAPACITY] = item;
    buffer->produced++; /* the commit */
    printf("producer 1: put item %d: %d items in the buffer\n", item + 1, in_buffer());
    CHECK(cond_notify(&buffer->changed, 1));
    CHECK(cond_release(&buffer->changed));
}

/* Returns false if the buffer is empty and the condition is closed. */
static bool take(int consumer, int *item)
{
    acquire();
    bool taken = wait_for(has_item);
    if (taken) {
        *item = buffer->ring[buffer->consumed % CAPACITY];
        buffer->consumed++; /* the commit */
        printf("consumer %d: took item %d: %d items in the buffer\n", consumer + 1, *item + 1, in_buffer());
        CHECK(cond_notify(&buffer->changed, 1));
    }
    CHECK(cond_release(&buffer->changed));
    return taken;
}

static pid_t start(int consumer)
{
    pid_t process = fork();
    if (process < 0)
        fail("fork", strerror(errno));
    if (process == 0) {
        for (int item; take(consumer, &item); buffer->used[item]++)
            sleep_seconds(0.03);
        _exit(0);
    }
    return process;
}

/* Returns whether the consumer ended with status 0 or by SIGKILL. */
static bool wait_for_end(pid_t process)
{
    int status;
    if (waitpid(process, &status, 0) < 0)
        fail("waitpid", strerror(errno));
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        fprintf(stderr, "%s: a consumer was killed by a signal: %s\n", program_name, strsignal(WTERMSIG(status)));
    return WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    pid_t processes[CONSUMERS];
    size_t kills = 0, killed = 0;
    bool right = true;
    struct number_option options[] = {{"kill", "number of consumers to kill", &kills, NULL, 0, 1000, false}, {0}};
    read_options(argc, argv, NULL, "Processes share a buffer of limited size. Some of them can be killed.", options);

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* each line is one write: lines of different processes do not mix */
    buffer = mmap(NULL, sizeof *buffer, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED)
        fail("mmap", strerror(errno));
    CHECK(cond_init(&buffer->changed, NULL, COND_SHARED));
    for (int i = 0; i < CONSUMERS; i++)
        processes[i] = start(i);

    for (int item = 0; item < ITEMS; item++) {
        sleep_seconds(0.01);
        put(item);
        for (; killed < kills * (size_t)(item + 1) / ITEMS; killed++) { /* the kills are spread evenly */
            const int i = (int)(killed % CONSUMERS);
            printf("main: kills consumer %d\n", i + 1);
            kill(processes[i], SIGKILL);
            right = wait_for_end(processes[i]) && right;
            processes[i] = start(i);
        }
    }
    acquire();
    CHECK(cond_close(&buffer->changed));
    CHECK(cond_release(&buffer->changed));
    for (int i = 0; i < CONSUMERS; i++)
        right = wait_for_end(processes[i]) && right;

    int lost = 0;
    for (int item = 0; item < ITEMS; item++) {
        lost += buffer->used[item] == 0;
        right = right && buffer->used[item] <= 1;
    }
    int consumed = buffer->consumed - lost;
    printf("produced %d, consumed %d, left %d, lost %d\n", buffer->produced, consumed, in_buffer(), lost);
    printf("killed %zu consumers, and replaced each of them\n", killed);
    return end_program(right && buffer->consumed == ITEMS && lost <= (int)killed);
}
