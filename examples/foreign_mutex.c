/* SPDX-License-Identifier: MIT */
/*
 * foreign_mutex.c - a program that has its pthread_mutex_t already, and keeps it
 *
 * The account below was written long ago, and many functions lock its mutex directly. Now some threads
 * want to wait until there is enough money on it. The condition is put on the mutex that is there:
 * cond_lock_init_pthread() makes a handle for it, cond_init() a condition on that handle. No locking changes;
 * deposit() gets one line more, withdraw() may wait, audit() does not know about any of this.
 *
 *     examples/run foreign_mutex
 *
 * Exits 0 if no money was lost or made, 1 if it was.
 */
#define _POSIX_C_SOURCE 200809L

#include <condvar.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPOSITORS = 2, DEPOSITS = 300, WITHDRAWERS = 3, WITHDRAWALS = 100, AUDITS = 200, AMOUNT = 10 };

/* ---- The program as it was -------------------------------------------------------------------------- */

struct account {
    pthread_mutex_t mutex; /* guards the balance */
    long balance;
    long deposited;
    long withdrawn;
    long waited; /* new: how many withdrawals had to wait */
    cond_lock_t lock; /* new: the handle for the mutex */
    cond_t more;      /* new: there is more money now */
};

static struct account account = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void check(int error, const char *call)
{
    if (error == 0)
        return;
    fprintf(stderr, "foreign_mutex: %s: %s\n", call, cond_strerror(error));
    exit(1);
}

static void deposit(struct account *a, long amount)
{
    pthread_mutex_lock(&a->mutex);
    a->balance += amount;
    a->deposited += amount;
    check(cond_notify(&a->more, 1), "cond_notify"); /* new */
    pthread_mutex_unlock(&a->mutex);
}

static bool audit(struct account *a)
{
    pthread_mutex_lock(&a->mutex);
    bool right = a->balance == a->deposited - a->withdrawn && a->balance >= 0;
    pthread_mutex_unlock(&a->mutex);
    return right;
}

/* ---- What is new ------------------------------------------------------------------------------------ */

struct demand {
    const struct account *account;
    long amount;
};

static bool is_covered(void *arg)
{
    const struct demand *demand = arg;
    return demand->account->balance >= demand->amount;
}

/* Waits until there is enough. */
static void withdraw(struct account *a, long amount)
{
    struct demand demand = {.account = a, .amount = amount};

    pthread_mutex_lock(&a->mutex);
    a->waited += !is_covered(&demand);
    check(cond_wait_for(&a->more, is_covered, &demand, COND_FOREVER), "cond_wait_for");
    a->balance -= amount;
    a->withdrawn += amount;
    pthread_mutex_unlock(&a->mutex);
}

/* ---- The threads ------------------------------------------------------------------------------------ */

static void *depositor(void *arg)
{
    for (int i = 0; i < DEPOSITS; i++)
        deposit(arg, AMOUNT);
    return NULL;
}

static void *withdrawer(void *arg)
{
    for (int i = 0; i < WITHDRAWALS; i++)
        withdraw(arg, 2 * AMOUNT);
    return NULL;
}

static void *auditor(void *arg)
{
    for (int i = 0; i < AUDITS; i++)
        if (!audit(arg)) {
            fprintf(stderr, "foreign_mutex: the balance is wrong\n");
            exit(1);
        }
    return NULL;
}

static pthread_t start(void *(*thread)(void *))
{
    pthread_t id;
    int error = pthread_create(&id, NULL, thread, &account);
    if (error != 0) {
        fprintf(stderr, "foreign_mutex: pthread_create: %s\n", strerror(error));
        exit(1);
    }
    return id;
}

int main(void)
{
    pthread_t threads[WITHDRAWERS + DEPOSITORS + 1];
    size_t count = 0;

    check(cond_lock_init_pthread(&account.lock, &account.mutex), "cond_lock_init_pthread");
    check(cond_init(&account.more, &account.lock, 0), "cond_init");

    for (int i = 0; i < WITHDRAWERS; i++)
        threads[count++] = start(withdrawer);
    for (int i = 0; i < DEPOSITORS; i++)
        threads[count++] = start(depositor);
    threads[count++] = start(auditor);
    while (count > 0)
        pthread_join(threads[--count], NULL);

    check(cond_destroy(&account.more), "cond_destroy");
    check(cond_lock_destroy(&account.lock), "cond_lock_destroy");
    pthread_mutex_destroy(&account.mutex);

    printf("deposited %ld, withdrawn %ld, left %ld\n", account.deposited, account.withdrawn, account.balance);
    printf("%ld of %d withdrawals had to wait\n", account.waited, WITHDRAWERS * WITHDRAWALS);
    bool right = account.deposited == (long)DEPOSITORS * DEPOSITS * AMOUNT &&
                 account.withdrawn == (long)WITHDRAWERS * WITHDRAWALS * 2 * AMOUNT && account.balance == 0;
    if (!right)
        fprintf(stderr, "foreign_mutex: the sums are wrong\n");
    return right && fflush(stdout) == 0 ? 0 : 1;
}
