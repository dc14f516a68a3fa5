/* SPDX-License-Identifier: MIT */
/* The header from C++: static initialisers, a wait over two threads, and COND_WITH with all ways out of it. */
#include <condvar.h>

#include <stdexcept>
#include <thread>
#include "check.hpp"

static cond_t own = COND_INIT;
static cond_lock_t mutex = COND_MUTEX_INIT;
static cond_lock_t rlock = COND_RLOCK_INIT;
static cond_t on_mutex = COND_INIT_WITH(&mutex);
static cond_t on_rlock = COND_INIT_WITH(&rlock);

/* The initialisers make the right kinds. */
static void check_locks()
{
    CHECK(cond_get_lock(&on_mutex) == &mutex);
    CHECK(cond_acquire(&on_mutex) == 0);
    CHECK(cond_lock_acquire(&mutex) == EDEADLK);
    CHECK(cond_lock_release(&mutex) == 0);

    for (cond_t *cond : {&own, &on_rlock}) {
        CHECK(cond_acquire(cond) == 0);
        CHECK(cond_acquire(cond) == 0);
        CHECK(cond_release(cond) == 0);
        CHECK(cond_release(cond) == 0);
    }
    CHECK(cond_get_lock(&on_rlock) == &rlock);
    CHECK(cond_get_lock(&own) != nullptr);
}

static int leave_by_return(cond_t *cond)
{
    COND_WITH(cond) {
        CHECK(cond_owned(cond));
        return 1;
    }
    return 0;
}

static void leave_by_exception(cond_t *cond)
{
    COND_WITH(cond) {
        throw std::runtime_error("out of the block");
    }
}

static bool is_set(void *arg) { return *static_cast<int *>(arg) != 0; }

static void check_blocks(cond_t *cond)
{
    int blocks = 0;

    COND_WITH(cond) {
        CHECK(cond_owned(cond));
        blocks++;
    }
    CHECK(!cond_locked(cond));

    COND_WITH(cond) {
        blocks++;
        break;
    }
    CHECK(!cond_locked(cond));

    COND_WITH(cond) {
        blocks++;
        continue;
    }
    CHECK(!cond_locked(cond));

    blocks += leave_by_return(cond);
    CHECK(!cond_locked(cond));
    CHECK(blocks == 4);

    try {
        leave_by_exception(cond);
        blocks++;
    } catch (const std::runtime_error &) {
    }
    CHECK(!cond_locked(cond));
    CHECK(blocks == 4);
}

static void check_wait(cond_t *cond)
{
    int set = 0;
    std::thread setter([&] {
        COND_WITH(cond) {
            set = 1;
            CHECK(cond_notify_all(cond) == 0);
        }
    });
    COND_WITH(cond) {
        CHECK(cond_wait_for(cond, is_set, &set, COND_SEC(60)) == 0);
        CHECK(set == 1);
    }
    setter.join();
}

int main()
{
    check_locks();
    for (cond_t *cond : {&own, &on_mutex, &on_rlock}) {
        check_blocks(cond);
        check_wait(cond);
        CHECK(cond_destroy(cond) == 0);
    }
    return 0;
}
