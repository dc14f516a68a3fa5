/* SPDX-License-Identifier: MIT */
/*
 * A condition on somebody else's lock, whose other users know nothing of the library: they acquire and
 * release it directly, and wait on the condition all the same. The locks: pthread mutexes of three types,
 * and a ticket lock that has only what cond_lock_ops_t asks for.
 */
#include "buffer.h"

/* ---- The ticket lock: strictly in order, and no way to ask who has it ---- */

struct ticket_lock {
    pthread_mutex_t mutex;
    bool held; /* under the mutex, as all below */
    unsigned next, serving;
};

static int ticket_acquire(void *object, int64_t deadline_ns)
{
    struct ticket_lock *lock = object;
    CHECK_EQ(pthread_mutex_lock(&lock->mutex), 0);
    if (deadline_ns != COND_FOREVER) {
        /* It cannot give a ticket back, so it does not take one unless it is served at once. */
        while (lock->held || lock->next != lock->serving) {
            CHECK_EQ(pthread_mutex_unlock(&lock->mutex), 0);
            if (cond_now() >= deadline_ns)
                return ETIMEDOUT;
            stress_yield();
            CHECK_EQ(pthread_mutex_lock(&lock->mutex), 0);
        }
    }
    unsigned ticket = lock->next++;
    while (lock->held || lock->serving != ticket) {
        CHECK_EQ(pthread_mutex_unlock(&lock->mutex), 0);
        stress_yield();
        CHECK_EQ(pthread_mutex_lock(&lock->mutex), 0);
    }
    lock->held = true;
    CHECK_EQ(pthread_mutex_unlock(&lock->mutex), 0);
    return 0;
}

static int ticket_release(void *object)
{
    struct ticket_lock *lock = object;
    CHECK_EQ(pthread_mutex_lock(&lock->mutex), 0);
    bool was_held = lock->held;
    lock->held = false;
    lock->serving += was_held;
    CHECK_EQ(pthread_mutex_unlock(&lock->mutex), 0);
    return was_held ? 0 : EPERM;
}

static const cond_lock_ops_t ticket_ops = {.acquire = ticket_acquire, .release = ticket_release};

/* ---- The buffer ---- */

enum type {
    TICKET,
    NORMAL,
    RECURSIVE,
    ERRORCHECK,
    TYPES
};

static const char *const type_names[TYPES] = {"ticket", "normal", "recursive", "errorcheck"};

struct game {
    enum type type;
    pthread_mutex_t mutex;
    struct ticket_lock tickets;
    cond_lock_t lock;
    cond_t cond;
    struct buffer buffer;
    bool one; /* notify(1), with predicates only */
};

struct worker {
    struct game *game;
    unsigned number;
    bool direct; /* knows the foreign lock only */
    struct rng rng;
    pthread_t thread;
};

static bool can_put(void *arg)
{
    return !buffer_is_full(arg);
}

static bool can_take(void *arg)
{
    const struct buffer *buffer = arg;
    return buffer->count > 0 || buffer_is_done(buffer);
}

static void acquire_once(struct worker *self)
{
    struct game *game = self->game;
    if (!self->direct)
        CHECK_OK(rng_chance(&self->rng, 50) ? cond_acquire(&game->cond)
                                            : cond_acquire_timed(&game->cond, COND_SEC(100000)));
    else if (game->type == TICKET)
        CHECK_EQ(ticket_acquire(&game->tickets, COND_FOREVER), 0);
    else
        CHECK_EQ(pthread_mutex_lock(&game->mutex), 0);
}

static unsigned acquire(struct worker *self)
{
    unsigned depth = self->game->type == RECURSIVE ? (unsigned)rng_between(&self->rng, 1, 4) : 1;
    for (unsigned i = 0; i < depth; i++)
        acquire_once(self);
    buffer_enter(&self->game->buffer);
    return depth;
}

static void release(struct worker *self, unsigned depth)
{
    struct game *game = self->game;
    buffer_leave(&game->buffer);
    for (; depth > 0; depth--) {
        if (!self->direct)
            CHECK_OK(cond_release(&game->cond));
        else if (game->type == TICKET)
            CHECK_EQ(ticket_release(&game->tickets), 0);
        else
            CHECK_EQ(pthread_mutex_unlock(&game->mutex), 0);
    }
}

static void wait_until(struct worker *self, cond_pred_t *ready)
{
    struct game *game = self->game;
    struct buffer *buffer = &game->buffer;
    while (!ready(buffer)) {
        int64_t timeout_ns = rng_timeout(&self->rng, 20, COND_US(100));
        bool with_predicate = game->one || rng_chance(&self->rng, 50);
        buffer_leave(buffer);
        int error = with_predicate ? cond_wait_for(&game->cond, ready, buffer, timeout_ns)
                                   : cond_wait(&game->cond, timeout_ns);
        buffer_enter(buffer);
        CHECK(error == 0 || (error == ETIMEDOUT && timeout_ns != COND_FOREVER), "answered %d", error);
        if (with_predicate)
            CHECK((error == 0) == ready(buffer), "answered %d, and the predicate is %d", error,
                  ready(buffer));
    }
}

static void notify(struct worker *self)
{
    CHECK_OK(self->game->one ? cond_notify(&self->game->cond, 1) : cond_notify_all(&self->game->cond));
}

static void *produce(void *arg)
{
    struct worker *self = arg;
    struct buffer *buffer = &self->game->buffer;
    for (unsigned i = 0; i < buffer->per_producer; i++) {
        unsigned depth = acquire(self);
        wait_until(self, can_put);
        buffer_put(buffer, self->number);
        notify(self);
        release(self, depth);
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct worker *self = arg;
    struct buffer *buffer = &self->game->buffer;
    for (bool done = false; !done;) {
        unsigned depth = acquire(self);
        wait_until(self, can_take);
        done = buffer_is_done(buffer);
        if (!done)
            buffer_take(buffer);
        if (buffer_is_done(buffer))
            CHECK_OK(cond_notify_all(&self->game->cond));
        else
            notify(self);
        release(self, depth);
    }
    return NULL;
}

static void play(enum type type, bool one, struct rng *rng)
{
    enum { CONSUMERS = 4, PRODUCERS = 4 };
    struct game game;
    struct worker workers[PRODUCERS + CONSUMERS];
    game.type = type;
    game.one = one;
    buffer_make(&game.buffer, (unsigned)rng_between(rng, 1, 5), PRODUCERS, stress_rounds(4000) / PRODUCERS);
    game.tickets = (struct ticket_lock){.held = false};
    pthread_mutex_make(&game.tickets.mutex, PTHREAD_MUTEX_NORMAL);
    pthread_mutex_make(&game.mutex, type == RECURSIVE    ? PTHREAD_MUTEX_RECURSIVE
                                    : type == ERRORCHECK ? PTHREAD_MUTEX_ERRORCHECK
                                                         : PTHREAD_MUTEX_NORMAL);
    CHECK_OK(type == TICKET ? cond_lock_init_foreign(&game.lock, &ticket_ops, &game.tickets)
                            : stress_adopt(&game.lock, &game.mutex));
    CHECK_OK(cond_init(&game.cond, &game.lock, 0));
    for (unsigned i = 0; i < PRODUCERS + CONSUMERS; i++) {
        workers[i] = (struct worker){
            .game = &game, .number = i, .direct = i % 2, .rng = rng_make(rng_next(rng))};
        workers[i].thread = stress_start(i < PRODUCERS ? produce : consume, &workers[i]);
    }
    for (unsigned i = 0; i < PRODUCERS + CONSUMERS; i++)
        stress_join(workers[i].thread);
    buffer_check(&game.buffer);
#if !defined(__GLIBC__) || !defined(__linux__)
    if (type != RECURSIVE) /* which cannot be told from one that the caller has */
#endif
        CHECK_RESULT(cond_notify_all(&game.cond), EPERM); /* nobody has the lock */
    CHECK_OK(cond_destroy(&game.cond));
    CHECK_OK(cond_lock_destroy(&game.lock));
    CHECK_EQ(pthread_mutex_destroy(&game.mutex), 0);
    CHECK_EQ(pthread_mutex_destroy(&game.tickets.mutex), 0);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    struct rng rng = rng_make(0);
    for (enum type type = 0; type < (KINDS > PRIVATE_KINDS ? TYPES : NORMAL); type++) {
        printf("  %s\n", type_names[type]);
        fflush(stdout);
        play(type, false, &rng);
        play(type, true, &rng);
    }
    return 0;
}
