/* SPDX-License-Identifier: MIT */
/* The waiter with the highest priority goes first. (docs/cookbook.md) */
#include <condvar.h>
#include <stdio.h>

struct request {
    int priority;
    struct request *next;
};

static cond_t changed = COND_INIT; /* its lock guards the rest */
static struct request *first;      /* a list: the highest priority first, then the earliest */
static unsigned connections = 1;   /* how many are free */

static bool is_my_turn(void *arg) { return connections > 0 && first == arg; }

/* 0, or ETIMEDOUT. */
static int get(int priority, int64_t timeout_ns)
{
    struct request mine = {priority, NULL}, **place = &first;
    cond_acquire(&changed);
    while (*place != NULL && (*place)->priority >= priority)
        place = &(*place)->next;
    mine.next = *place;
    *place = &mine;
    int error = cond_wait_for(&changed, is_my_turn, &mine, timeout_ns);
    if (error == 0)
        connections--;
    for (place = &first; *place != &mine; place = &(*place)->next)
        ;
    *place = mine.next;
    cond_notify(&changed, 1); /* another request is first now */
    cond_release(&changed);
    return error;
}

static void put_back(void)
{
    cond_acquire(&changed);
    connections++;
    cond_notify(&changed, 1);
    cond_release(&changed);
}

static void *use(void *arg)
{
    int priority = *(int *)arg;
    if (get(priority, COND_FOREVER) == 0) {
        printf("priority %d\n", priority);
        put_back();
    }
    return NULL;
}

static bool three_wait(void *arg)
{
    (void)arg;
    return first != NULL && first->next != NULL && first->next->next != NULL;
}

int main(void)
{
    pthread_t threads[3];
    int priorities[3] = {1, 9, 5};
    get(0, COND_FOREVER);
    printf("timed out: %d\n", get(9, COND_MS(1)) == ETIMEDOUT);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, use, &priorities[i]);
    cond_acquire(&changed);
    cond_await(&changed, three_wait, NULL, COND_FOREVER);
    cond_release(&changed);
    put_back();
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

/* Prints:
timed out: 1
priority 9
priority 5
priority 1
 */
