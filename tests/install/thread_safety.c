/* SPDX-License-Identifier: MIT */
/* For clang -Wthread-safety. With -DMISUSE it has errors, with the expected warning in each line. */
#include <condvar.h>
#include <stdlib.h>

static cond_t cond = COND_INIT;
static cond_lock_t lock = COND_RLOCK_INIT;
static int jobs;

static bool has_job(void *arg) { return *(int *)arg > 0; }

static void check(int error)
{
    if (error != 0)
        abort();
}

struct queue {
    cond_t not_empty, not_full;
    int items;
};

void push_locked(struct queue *queue, int item) COND_REQUIRES(queue->not_empty);
void push_locked(struct queue *queue, int item)
{
    queue->items += item;
    cond_notify(&queue->not_empty, 1);
}

void push_if_room(struct queue *queue, int item) COND_REQUIRES(queue->not_full, queue->not_empty);
void push_if_room(struct queue *queue, int item)
{
    cond_wait(&queue->not_full, COND_FOREVER);
    push_locked(queue, item);
}

/* ---- Correct ---- */

void waits(void);
void waits(void)
{
    cond_acquire(&cond);
    while (jobs == 0)
        cond_wait(&cond, COND_FOREVER);
    cond_notify(&cond, 1);
    cond_release(&cond);
}

void checks(void);
void checks(void)
{
    check(cond_acquire(&cond));
    check(cond_wait_for(&cond, has_job, &jobs, COND_SEC(1)));
    check(cond_wait_until(&cond, cond_now()));
    check(cond_notify_all(&cond));
    check(cond_release(&cond));
}

int tries(void);
int tries(void)
{
    if (cond_try_acquire(&cond) != 0)
        return -1;
    cond_notify(&cond, 1);
    return cond_release(&cond);
}

int takes_time(void);
int takes_time(void)
{
    int error = cond_acquire_timed(&cond, COND_MS(1));
    if (error == 0) {
        cond_wait(&cond, 0);
        cond_release(&cond);
    }
    return error;
}

int looks_at_the_error(void);
int looks_at_the_error(void)
{
    int error = cond_acquire_timed(&cond, COND_FOREVER);
    if (error != 0)
        return error;
    cond_notify(&cond, 1);
    return cond_release(&cond);
}

int blocks(void);
int blocks(void)
{
    for (int i = 0; i < 3; i++)
        COND_WITH(&cond) {
            if (jobs == 1)
                return 1;
            if (jobs == 2)
                break;
            if (jobs == 3)
                continue;
            if (jobs == 4)
                goto out;
            cond_wait(&cond, 0);
            cond_notify(&cond, 1);
        }
    COND_WITH(&cond)
        cond_notify_all(&cond);
    cond_acquire(&cond);
    cond_release(&cond);
out:
    return 0;
}

void block_in_block(struct queue *a, struct queue *b);
void block_in_block(struct queue *a, struct queue *b)
{
    COND_WITH(&a->not_empty) {
        COND_WITH(&b->not_empty) {
            push_locked(a, 1);
            push_locked(b, 1);
        }
        cond_notify(&a->not_empty, 1);
    }
}

void by_another_name(struct queue *queue);
void by_another_name(struct queue *queue)
{
    cond_acquire(&queue->not_full);
    COND_HELD(&queue->not_empty);
    push_locked(queue, 1);
    push_if_room(queue, 1);
    cond_notify(&queue->not_full, 1);
    cond_release(&queue->not_full);
}

void lock_alone(void);
void lock_alone(void)
{
    cond_lock_acquire(&lock);
    cond_lock_release(&lock);
    if (cond_lock_try_acquire(&lock) == 0)
        cond_lock_release(&lock);
    if (!cond_lock_acquire_timed(&lock, 0))
        cond_lock_release(&lock);
}

/* ---- Errors ---- */

#ifdef MISUSE
void without(struct queue *queue);
void without(struct queue *queue)
{
    cond_wait(&cond, 0); /* says: 'cond_wait' requires holding */
    cond_wait_until(&cond, 0); /* says: 'cond_wait_until' requires holding */
    cond_wait_for(&cond, has_job, &jobs, 0); /* says: 'cond_wait_for' requires holding */
    cond_notify(&cond, 1); /* says: 'cond_notify' requires holding */
    cond_notify_all(&cond); /* says: 'cond_notify_all' requires holding */
    cond_recover(&cond); /* says: 'cond_recover' requires holding */
    cond_release(&cond); /* says: that was not held */
    cond_lock_release(&lock); /* says: that was not held */
    push_locked(queue, 1); /* says: 'push_locked' requires holding */
}

int forgets(void);
int forgets(void)
{
    cond_acquire(&cond);
    if (jobs == 0)
        return -1;
    jobs--;
    cond_release(&cond);
    return 0;
} /* says: is not held on every path */

void never_releases(void);
void never_releases(void)
{
    cond_lock_acquire(&lock);
} /* says: is still held at the end of function */

void twice(void);
void twice(void)
{
    cond_acquire(&cond);
    cond_release(&cond);
    cond_release(&cond); /* says: that was not held */
}

void too_late(void);
void too_late(void)
{
    COND_WITH(&cond)
        jobs++;
    cond_notify(&cond, 1); /* says: 'cond_notify' requires holding */
    cond_acquire(&cond);
    cond_release(&cond);
    cond_wait(&cond, 0); /* says: 'cond_wait' requires holding */
}

void the_other_one(struct queue *a, struct queue *b);
void the_other_one(struct queue *a, struct queue *b)
{
    COND_WITH(&a->not_empty)
        cond_notify(&b->not_empty, 1); /* says: 'cond_notify' requires holding */
}

void one_of_two(struct queue *queue);
void one_of_two(struct queue *queue)
{
    cond_acquire(&queue->not_full);
    push_if_room(queue, 1); /* says: requires holding lock 'queue->not_empty' */
    cond_release(&queue->not_full);
}

void does_not_look(void);
void does_not_look(void)
{
    cond_try_acquire(&cond);
    cond_notify(&cond, 1); /* says: 'cond_notify' requires holding */
}
#endif
