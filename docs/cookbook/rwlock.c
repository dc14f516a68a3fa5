/* SPDX-License-Identifier: MIT */
/* A reader-writer lock that prefers writers. (docs/cookbook.md) */
#include <condvar.h>
#include <stdio.h>

/* ---- The lock ---- */

struct rwlock {
    cond_t changed;
    unsigned readers, writers_waiting; /* under the condition's lock */
    bool is_written;
};

static bool may_read(void *arg)
{
    const struct rwlock *lock = arg;
    return !lock->is_written && lock->writers_waiting == 0;
}

static bool may_write(void *arg)
{
    const struct rwlock *lock = arg;
    return !lock->is_written && lock->readers == 0;
}

static void read_acquire(struct rwlock *lock)
{
    COND_WITH(&lock->changed) {
        cond_wait_for(&lock->changed, may_read, lock, COND_FOREVER);
        lock->readers++;
    }
}

static void read_release(struct rwlock *lock)
{
    COND_WITH(&lock->changed)
        if (--lock->readers == 0)
            cond_notify(&lock->changed, 1); /* finds a writer */
}

static void write_acquire(struct rwlock *lock)
{
    COND_WITH(&lock->changed) {
        lock->writers_waiting++;
        cond_wait_for(&lock->changed, may_write, lock, COND_FOREVER);
        lock->writers_waiting--;
        lock->is_written = true;
    }
}

static void write_release(struct rwlock *lock)
{
    COND_WITH(&lock->changed) {
        lock->is_written = false;
        cond_notify_all(&lock->changed); /* a writer, or all readers */
    }
}

/* ---- A program that uses it ---- */

static struct rwlock lock;
static int a, b, torn; /* a and b are equal while no thread writes */

static void *read_both(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        read_acquire(&lock);
        *(int *)arg += a != b;
        read_release(&lock);
    }
    return NULL;
}

static void *write_both(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        write_acquire(&lock);
        a++;
        b++;
        write_release(&lock);
    }
    return arg;
}

int main(void)
{
    pthread_t threads[4];
    int torn_too = 0;
    pthread_create(&threads[0], NULL, read_both, &torn);
    pthread_create(&threads[1], NULL, write_both, NULL);
    pthread_create(&threads[2], NULL, read_both, &torn_too);
    pthread_create(&threads[3], NULL, write_both, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("%d and %d, unequal: %d\n", a, b, torn + torn_too);
    return 0;
}

/* Prints:
2000 and 2000, unequal: 0
 */
