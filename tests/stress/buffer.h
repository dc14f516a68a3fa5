/* SPDX-License-Identifier: MIT */
#ifndef STRESS_BUFFER_H
#define STRESS_BUFFER_H

/*
 * A bounded buffer that checks its use: each item is put once and taken once, in the order of its producer, and one
 * thread at a time is in the critical section. All of it is under the lock, and nothing is atomic: these checks and
 * ThreadSanitizer detect a lock that two threads hold.
 */

#include "stress.h"

#ifndef BUFFER_PRODUCERS_MAX
#  define BUFFER_PRODUCERS_MAX 16
#endif

enum { PRODUCERS_MAX = BUFFER_PRODUCERS_MAX, CAPACITY_MAX = 16 };

struct buffer {
    unsigned capacity, producers; /* fixed */
    uint64_t total;               /* fixed: items from all producers */
    unsigned per_producer;        /* fixed */
    struct {
        unsigned producer, number;
    } items[CAPACITY_MAX];
    unsigned first, count;
    unsigned next_put[PRODUCERS_MAX], next_taken[PRODUCERS_MAX];
    uint64_t taken;
    unsigned inside; /* threads in the critical section */
};

static inline void buffer_make(struct buffer *buffer, unsigned capacity, unsigned producers,
                               unsigned per_producer)
{
    *buffer = (struct buffer){
        .capacity = capacity,
        .producers = producers,
        .per_producer = per_producer,
        .total = (uint64_t)producers * per_producer,
    };
}

/* After each acquire and before each release; a wait is both. */
static inline void buffer_enter(struct buffer *buffer) { CHECK_EQ(buffer->inside++, 0); }
static inline void buffer_leave(struct buffer *buffer) { CHECK_EQ(--buffer->inside, 0); }
static inline bool buffer_is_full(const struct buffer *buffer) { return buffer->count == buffer->capacity; }
static inline bool buffer_is_done(const struct buffer *buffer) { return buffer->taken == buffer->total; }

/* Predicates: of a buffer. */
static inline bool can_put(void *buffer) { return !buffer_is_full(buffer); }
static inline bool can_take(void *buffer) { return ((const struct buffer *)buffer)->count > 0 || buffer_is_done(buffer); }

static inline void buffer_put(struct buffer *buffer, unsigned producer)
{
    CHECK(buffer->count < buffer->capacity, "put into a full buffer");
    unsigned at = (buffer->first + buffer->count++) % buffer->capacity;
    buffer->items[at].producer = producer;
    buffer->items[at].number = buffer->next_put[producer]++;
}

static inline void buffer_take(struct buffer *buffer)
{
    CHECK(buffer->count > 0, "taken from an empty buffer");
    unsigned producer = buffer->items[buffer->first].producer;
    CHECK_EQ(buffer->items[buffer->first].number, buffer->next_taken[producer]);
    buffer->next_taken[producer]++;
    buffer->first = (buffer->first + 1) % buffer->capacity;
    buffer->count--;
    buffer->taken++;
}

/* After all threads have ended. */
static inline void buffer_check(const struct buffer *buffer)
{
    CHECK_EQ(buffer->inside, 0);
    CHECK_EQ(buffer->count, 0);
    CHECK_EQ(buffer->taken, buffer->total);
    for (unsigned i = 0; i < buffer->producers; i++) {
        CHECK_EQ(buffer->next_put[i], buffer->per_producer);
        CHECK_EQ(buffer->next_taken[i], buffer->per_producer);
    }
}

#endif
