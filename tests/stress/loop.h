/* SPDX-License-Identifier: MIT */
#ifndef STRESS_LOOP_H
#define STRESS_LOOP_H

/*
 * The smallest event loop for tasks: a thread that runs what was posted to it, in order. Any thread may post. The
 * caller owns the memory of a post.
 */

#include "stress.h"

struct post {
    struct post *next;
    void (*run)(struct post *post);
};

struct loop {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    struct post *first, *last; /* under the mutex, as `over` */
    bool over;
};

static inline void loop_post(struct loop *loop, struct post *post)
{
    CHECK_EQ(pthread_mutex_lock(&loop->mutex), 0);
    post->next = NULL;
    if (loop->first == NULL)
        loop->first = post;
    else
        loop->last->next = post;
    loop->last = post;
    CHECK_EQ(pthread_cond_signal(&loop->filled), 0);
    CHECK_EQ(pthread_mutex_unlock(&loop->mutex), 0);
}

/* The loop ends after it has run all earlier posts. */
static inline void loop_stop(struct loop *loop)
{
    CHECK_EQ(pthread_mutex_lock(&loop->mutex), 0);
    loop->over = true;
    CHECK_EQ(pthread_cond_signal(&loop->filled), 0);
    CHECK_EQ(pthread_mutex_unlock(&loop->mutex), 0);
}

static inline void *loop_run(void *arg)
{
    struct loop *loop = arg;
    CHECK_EQ(pthread_mutex_lock(&loop->mutex), 0);
    for (;;) {
        struct post *post = loop->first;
        if (post != NULL) {
            loop->first = post->next;
            CHECK_EQ(pthread_mutex_unlock(&loop->mutex), 0);
            post->run(post);
            CHECK_EQ(pthread_mutex_lock(&loop->mutex), 0);
        } else if (loop->over) {
            break;
        } else {
            CHECK_EQ(pthread_cond_wait(&loop->filled, &loop->mutex), 0);
        }
    }
    CHECK_EQ(pthread_mutex_unlock(&loop->mutex), 0);
    return NULL;
}

static inline void loop_start(struct loop *loop)
{
    loop->first = NULL;
    loop->over = false;
    CHECK_EQ(pthread_mutex_init(&loop->mutex, NULL), 0);
    CHECK_EQ(pthread_cond_init(&loop->filled, NULL), 0);
    loop->thread = stress_start(loop_run, loop);
}

static inline void loop_join(struct loop *loop)
{
    stress_join(loop->thread);
    CHECK(loop->first == NULL, "posted to a loop that had ended");
    CHECK_EQ(pthread_cond_destroy(&loop->filled), 0);
    CHECK_EQ(pthread_mutex_destroy(&loop->mutex), 0);
}

#endif
