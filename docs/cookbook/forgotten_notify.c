/* SPDX-License-Identifier: MIT */
/* A wait for a change that no thread notifies. (docs/cookbook.md) */
#include <condvar.h>
#include <stdio.h>

static cond_t account = COND_INIT;
static int balance; /* under its lock; changed in many places, without a notify */

static bool is_rich(void *arg) { return *(int *)arg >= 100; }

static void *earn(void *arg)
{
    for (int i = 0; i < 50; i++) {
        cond_acquire(&account);
        balance += 7;
        cond_release(&account); /* calls is_rich() */
    }
    return arg;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, earn, NULL);
    cond_acquire(&account);
    int error = cond_await(&account, is_rich, &balance, COND_FOREVER);
    printf("%d, rich: %s\n", error, balance >= 100 ? "yes" : "no");
    cond_release(&account);
    return pthread_join(thread, NULL);
}

/* Prints:
0, rich: yes
 */
