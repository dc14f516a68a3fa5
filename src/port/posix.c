/* SPDX-License-Identifier: MIT */
/*
 * The port to POSIX threads and C11, for systems without a call to sleep on a word. A sleeping thread is a node on its
 * own stack, in one of a fixed number of lists. The address of the word determines the list.
 *
 *      port_wait(word, expected)               port_wake(word)
 *      1. lock the list                        (the word was changed before)
 *      2. *word == expected?                   1. lock the list
 *      3. join the list as its last            2. remove the first node with this word, signal it
 *      4. wait, which unlocks the list         3. unlock the list
 *
 * The comparison and the sleep are one step, because the waker locks the list after the word was changed. If the waker
 * locks it first, step 2 reads the new word. If the sleeper locks it first, the waker finds the node. Each node has its
 * own condition variable, so that a wake-up wakes exactly the chosen threads, in order. The waker signals it while the
 * list is locked: the sleeper cannot return, and end the lifetime of its node, before it has locked the list again.
 *
 * If a process forked while another thread had locked a list, the list would stay locked in the child. So fork locks
 * all lists first. In the child they are empty: its only thread is not asleep.
 */
#ifndef _POSIX_C_SOURCE
#  define _POSIX_C_SOURCE 200809L
#endif
#include "../port.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>
#include "../atomic.h"
#include "../port_shared.h"
#include "condvar.h"
#include "timespec.h"

struct sleepers_node {
    const uint32_t *word; /* fixed. Used as an address only */
    pthread_cond_t woken;
    bool listed;          /* under the list's mutex, as `next` */
    struct sleepers_node *next;
};

struct sleepers_list {
    pthread_mutex_t mutex;
    struct sleepers_node *first, *last; /* under the mutex */
};

enum { SLEEPERS_LISTS = 64 };

#define SLEEPERS_FOUR(x) x, x, x, x
static struct sleepers_list sleepers_lists[SLEEPERS_LISTS] = {
    SLEEPERS_FOUR(SLEEPERS_FOUR(SLEEPERS_FOUR({.mutex = PTHREAD_MUTEX_INITIALIZER})))};

static pthread_once_t sleepers_prepared = PTHREAD_ONCE_INIT;
static pthread_condattr_t sleepers_clock; /* fixed by sleepers_prepare() */
static uint32_t sleepers_process;         /* fixed by sleepers_prepare(), and in a forked child */

/* ---- Fork ---- */

static void sleepers_before_fork(void)
{
    for (unsigned i = 0; i < SLEEPERS_LISTS; i++)
        (void)pthread_mutex_lock(&sleepers_lists[i].mutex);
}

static void sleepers_after_fork(void)
{
    for (unsigned i = SLEEPERS_LISTS; i-- > 0;)
        (void)pthread_mutex_unlock(&sleepers_lists[i].mutex);
}

static void sleepers_after_fork_in_child(void)
{
    sleepers_process = (uint32_t)getpid();
    for (unsigned i = 0; i < SLEEPERS_LISTS; i++)
        sleepers_lists[i].first = sleepers_lists[i].last = NULL;
    sleepers_after_fork();
}

static void sleepers_prepare(void)
{
    (void)pthread_condattr_init(&sleepers_clock);
#ifndef __APPLE__
    (void)pthread_condattr_setclock(&sleepers_clock, CLOCK_MONOTONIC);
#endif
    sleepers_process = (uint32_t)getpid();
    (void)pthread_atfork(sleepers_before_fork, sleepers_after_fork, sleepers_after_fork_in_child);
}

/* ---- The lists. Caller must hold the list's mutex. ---- */

/* The low bits of the addresses are similar, since words are in structs of a few sizes. So hash the address. */
static struct sleepers_list *sleepers_list_of(const uint32_t *word)
{
    uint32_t mixed = (uint32_t)((uintptr_t)word >> 2) * UINT32_C(0x9E3779B1); /* 2^32 / the golden ratio */
    return &sleepers_lists[mixed / (UINT32_MAX / SLEEPERS_LISTS + 1)];
}

static void sleepers_join(struct sleepers_list *list, struct sleepers_node *sleeper)
{
    *(list->last != NULL ? &list->last->next : &list->first) = sleeper;
    list->last = sleeper;
    sleeper->listed = true;
}

/* `before` is the node before it, or NULL. */
static void sleepers_take_out(struct sleepers_list *list, struct sleepers_node *sleeper, struct sleepers_node *before)
{
    *(before != NULL ? &before->next : &list->first) = sleeper->next;
    if (list->last == sleeper)
        list->last = before;
    sleeper->listed = false;
}

static void sleepers_leave(struct sleepers_list *list, struct sleepers_node *sleeper)
{
    struct sleepers_node *before = NULL;
    for (struct sleepers_node *other = list->first; other != sleeper; other = other->next)
        before = other;
    sleepers_take_out(list, sleeper, before);
}

/* Sleep until the node is signalled or the deadline has passed. It may return earlier. */
static void sleepers_sleep(struct sleepers_list *list, struct sleepers_node *sleeper, int64_t deadline_ns)
{
    if (deadline_ns == COND_FOREVER) { /* M:posix-deadline */
        (void)pthread_cond_wait(&sleeper->woken, &list->mutex);
        return;
    }
#ifdef __APPLE__ /* has no monotonic deadlines, but timeouts */
    int64_t left_ns = deadline_ns - port_now();
    struct timespec left = timespec_of(left_ns > 0 ? left_ns : 0);
    (void)pthread_cond_timedwait_relative_np(&sleeper->woken, &list->mutex, &left);
#else
    struct timespec until = timespec_of(deadline_ns);
    (void)pthread_cond_timedwait(&sleeper->woken, &list->mutex, &until);
#endif
}

/* ---- The port ---- */

/* pthread_cond_wait() is a cancellation point, and port_wait() is not. */
void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    int saved = errno;
    int cancel_state;
    struct sleepers_node self = {.word = word};
    struct sleepers_list *list = sleepers_list_of(word);
    (void)pthread_once(&sleepers_prepared, sleepers_prepare);
    if (pthread_cond_init(&self.woken, &sleepers_clock) != 0) {
        errno = saved; /* some systems allocate memory for it, and there was none: return early */
        return;
    }
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state); /* M:posix-cancel */
    (void)pthread_mutex_lock(&list->mutex);
    /* Relaxed: a waker that has locked the list before has changed the word before, and the mutex orders that. */
    if (a_load(word, relaxed) == expected && deadline_ns > port_now()) { /* M:posix-compare */
        sleepers_join(list, &self);
        do
            sleepers_sleep(list, &self, deadline_ns);
        while (self.listed && deadline_ns > port_now());
        if (self.listed)
            sleepers_leave(list, &self);
    }
    (void)pthread_mutex_unlock(&list->mutex);
    (void)pthread_cond_destroy(&self.woken);
    (void)pthread_setcancelstate(cancel_state, NULL);
    errno = saved;
}

void port_wake(const uint32_t *word, uint32_t count)
{
    int saved = errno;
    struct sleepers_list *list = sleepers_list_of(word);
    (void)pthread_once(&sleepers_prepared, sleepers_prepare);
    (void)pthread_mutex_lock(&list->mutex);
    struct sleepers_node *before = NULL, *next;
    for (struct sleepers_node *sleeper = list->first; sleeper != NULL && count > 0; sleeper = next) {
        next = sleeper->next;
        if (sleeper->word != word) { /* M:posix-word */
            before = sleeper;
        } else {
            sleepers_take_out(list, sleeper, before);
            (void)pthread_cond_signal(&sleeper->woken);
            count--;
        }
    }
    (void)pthread_mutex_unlock(&list->mutex);
    errno = saved;
}

int64_t port_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return timespec_ns(now); /* M:posix-clock */
}

/* Each thread has one, at its own address. */
static _Thread_local void *port_own_place;

uintptr_t port_self(void)
{
    return (uintptr_t)&port_own_place;
}

void **port_local(void)
{
    return &port_own_place;
}

uint32_t port_process(void)
{
    (void)pthread_once(&sleepers_prepared, sleepers_prepare);
    return sleepers_process;
}
