/* SPDX-License-Identifier: MIT */
/*
 * foreign_mutex.c - add a condition to a pthread_mutex_t that the program already has
 *
 * The account below has a mutex, and its functions lock it directly. Now some threads must wait until there is enough
 * money in the account. cond_lock_init_pthread() makes a lock handle for the existing mutex, and cond_init() makes a
 * condition on this handle. The locking does not change: deposit() gets one more line, audit() stays as it is, and
 * the new function withdraw() waits.
 *
 *     examples/run foreign_mutex
 */
#include "common.h"

enum { DEPOSITORS = 2, DEPOSITS = 300, WITHDRAWERS = 3, WITHDRAWALS = 100, AUDITS = 200, AMOUNT = 10 };

/* ---- The program as it was, with new lines ---------------------------------------------------------- */

struct account {
    pthread_mutex_t mutex; /* guards all other members */
    long balance;
    long deposited;
    long withdrawn;
    long waits;       /* new: withdrawals that had to wait */
    cond_lock_t lock; /* new: the handle for the mutex */
    cond_t increased; /* new: notified after each deposit */
};

static void deposit(struct account *a, long amount)
{
    pthread_mutex_lock(&a->mutex);
    a->balance += amount;
    a->deposited += amount;
    CHECK(cond_notify(&a->increased, 1)); /* new */
    pthread_mutex_unlock(&a->mutex);
}

static bool audit(struct account *a)
{
    pthread_mutex_lock(&a->mutex);
    bool right = a->balance == a->deposited - a->withdrawn && a->balance >= 0;
    pthread_mutex_unlock(&a->mutex);
    return right;
}

/* ---- The new part ----------------------------------------------------------------------------------- */

struct withdrawal {
    const struct account *account;
    long amount;
};

static bool is_covered(void *arg)
{
    const struct withdrawal *withdrawal = arg;
    return withdrawal->account->balance >= withdrawal->amount;
}

/* Waits until the balance is at least the amount. */
static void withdraw(struct account *a, long amount)
{
    struct withdrawal withdrawal = {.account = a, .amount = amount};

    pthread_mutex_lock(&a->mutex);
    a->waits += !is_covered(&withdrawal);
    CHECK(cond_wait_for(&a->increased, is_covered, &withdrawal, COND_FOREVER));
    a->balance -= amount;
    a->withdrawn += amount;
    pthread_mutex_unlock(&a->mutex);
}

/* ---- The threads ------------------------------------------------------------------------------------ */

static void *make_deposits(void *arg)
{
    for (int i = 0; i < DEPOSITS; i++)
        deposit(arg, AMOUNT);
    return NULL;
}

static void *make_withdrawals(void *arg)
{
    for (int i = 0; i < WITHDRAWALS; i++)
        withdraw(arg, 2 * AMOUNT);
    return NULL;
}

static void *make_audits(void *arg)
{
    for (int i = 0; i < AUDITS; i++)
        if (!audit(arg))
            fail("audit", "the balance is wrong");
    return NULL;
}

int main(int argc, char **argv)
{
    static struct account account = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct number_option no_options = {0};
    pthread_t threads[WITHDRAWERS + DEPOSITORS + 1];
    size_t count = 0;
    read_options(argc, argv, NULL, "Threads wait with a condition on an existing pthread_mutex_t.", &no_options);

    CHECK(cond_lock_init_pthread(&account.lock, &account.mutex));
    CHECK(cond_init(&account.increased, &account.lock, 0));

    for (int i = 0; i < WITHDRAWERS; i++)
        threads[count++] = start_thread(make_withdrawals, &account);
    for (int i = 0; i < DEPOSITORS; i++)
        threads[count++] = start_thread(make_deposits, &account);
    threads[count++] = start_thread(make_audits, &account);
    while (count > 0)
        pthread_join(threads[--count], NULL);

    CHECK(cond_destroy(&account.increased));
    CHECK(cond_lock_destroy(&account.lock));
    pthread_mutex_destroy(&account.mutex);

    printf("deposited %ld, withdrawn %ld, left %ld\n", account.deposited, account.withdrawn, account.balance);
    printf("%ld of %d withdrawals had to wait\n", account.waits, WITHDRAWERS * WITHDRAWALS);
    return end_program(account.deposited == (long)DEPOSITORS * DEPOSITS * AMOUNT &&
                       account.withdrawn == (long)WITHDRAWERS * WITHDRAWALS * 2 * AMOUNT && account.balance == 0);
}
