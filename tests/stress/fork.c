/* SPDX-License-Identifier: MIT */
/*
 * fork while threads of the parent wait, and while the lock is held by the forking thread, by another one, or
 * by nobody. The child has none of these threads: it reinitialises the conditions, and uses them. The parent
 * notices nothing.
 */
#include "stress.h"
#include <sys/wait.h>
#include <unistd.h>

enum { WAITERS = 4 };

enum held { BY_NOBODY, BY_ME, BY_ANOTHER, HELDS };

struct game {
    struct place place;
    cond_t second;       /* on the same lock */
    bool open;           /* under the lock, as all below */
    unsigned through;
    atomic_bool holding; /* the other holder has it */
    atomic_bool let_go;  /* and shall release it */
};

static bool is_open(void *arg)
{
    return ((const struct game *)arg)->open;
}

static void *wait_for_open(void *arg)
{
    struct game *game = arg;
    CHECK_OK(cond_acquire(&game->place.cond));
    CHECK_OK(cond_wait_for(&game->place.cond, is_open, game, COND_FOREVER));
    game->through++;
    CHECK_OK(cond_release(&game->place.cond));
    return NULL;
}

static void *wait_plainly(void *arg)
{
    struct game *game = arg;
    CHECK_OK(cond_acquire(&game->second));
    while (!game->open)
        CHECK_OK(cond_wait(&game->second, COND_SEC(100000)));
    game->through++;
    CHECK_OK(cond_release(&game->second));
    return NULL;
}

static void *hold(void *arg)
{
    struct game *game = arg;
    CHECK_OK(cond_acquire(&game->place.cond));
    atomic_store(&game->holding, true);
    while (!atomic_load(&game->let_go))
        stress_yield();
    CHECK_OK(cond_release(&game->place.cond));
    return NULL;
}

static void start_waiters(struct game *game, pthread_t *threads)
{
    for (unsigned i = 0; i < WAITERS; i++)
        threads[i] = stress_start(i % 2 ? wait_plainly : wait_for_open, game);
    ACQUIRE_WHEN(&game->place.cond, cond_waiters(&game->place.cond) + cond_waiters(&game->second) == WAITERS);
}

static void let_through(struct game *game, pthread_t *threads)
{
    game->open = true;
    CHECK_OK(cond_notify_all(&game->place.cond));
    CHECK_OK(cond_notify_all(&game->second));
    CHECK_OK(cond_release(&game->place.cond));
    for (unsigned i = 0; i < WAITERS; i++)
        stress_join(threads[i]);
    CHECK_EQ(game->through, WAITERS);
}

static void be_child(struct game *game)
{
    cond_t *cond = &game->place.cond;
    /* It does not block, whatever it answers. */
    CHECK_RESULT(cond_destroy(cond), EBUSY);
    CHECK_OK(cond_reinit_after_fork(cond));
    CHECK_OK(cond_reinit_after_fork(&game->second));
    CHECK_EQ(cond_waiters(cond) + cond_waiters(&game->second), 0);
    if (game->place.kind < PRIVATE_KINDS) {
        CHECK(!cond_locked(cond) && !cond_owned(cond), "held after reinit");
        CHECK_RESULT(cond_release(cond), EPERM);
    }
    CHECK_OK(cond_acquire(cond));
    CHECK_RESULT(cond_wait(cond, COND_US(100)), ETIMEDOUT);
    CHECK_RESULT(cond_wait_for(&game->second, is_open, game, COND_US(100)), ETIMEDOUT);
    CHECK_OK(cond_notify_all(cond));
    CHECK_OK(cond_release(cond));
#if !defined(STRESS_TSAN) && !defined(STRESS_EMULATED) /* which have no threads in such a child */
    pthread_t threads[WAITERS];
    start_waiters(game, threads);
    let_through(game, threads);
#endif
    CHECK_OK(cond_destroy(&game->second));
    place_unmake(&game->place);
    _Exit(0);
}

static void play(enum kind kind, enum held held)
{
    static struct game game;
    pthread_t threads[WAITERS], holder = pthread_self();
    memset((void *)&game, 0, sizeof game);
    place_make(&game.place, kind);
    CHECK_OK(cond_init(&game.second, cond_get_lock(&game.place.cond), 0));
    start_waiters(&game, threads);
    if (held != BY_ME)
        CHECK_OK(cond_release(&game.place.cond));
    else if (kind_is_recursive(kind))
        CHECK_OK(cond_acquire(&game.place.cond));
    if (held == BY_ANOTHER) {
        holder = stress_start(hold, &game);
        while (!atomic_load(&game.holding))
            stress_yield();
    }

    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0, "fork failed");
    if (child == 0)
        be_child(&game);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);

    if (held == BY_ANOTHER) {
        atomic_store(&game.let_go, true);
        stress_join(holder);
    }
    if (held != BY_ME)
        CHECK_OK(cond_acquire(&game.place.cond));
    else if (kind_is_recursive(kind))
        CHECK_OK(cond_release(&game.place.cond));
    CHECK_EQ(cond_waiters(&game.place.cond) + cond_waiters(&game.second), WAITERS);
    let_through(&game, threads);
    CHECK_OK(cond_destroy(&game.second));
    place_unmake(&game.place);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    for (unsigned round = 0; round < stress_rounds(15); round++) {
        for (enum kind kind = 0; kind < KINDS; kind++) {
            /* A pthread mutex that is held stays held in the child: that is its owner's affair. */
            for (enum held held = 0; held < (kind < PRIVATE_KINDS ? HELDS : BY_ME); held++)
                play(kind, held);
        }
    }
    return 0;
}
