/* SPDX-License-Identifier: MIT */
/*
 * A system that has no robust mutexes that processes share: the library over src/port/no_shared.c, or compiled with
 * CONDVAR_NO_SHARED. COND_SHARED is ENOTSUP, and all else works. The port is as simple as it may be.
 */
#include "unit.h"
#include "../cross/spinning_port.c"

TEST(shared_is_not_supported)
{
    for (unsigned flags = COND_RLOCK; flags <= COND_MUTEX; flags++) {
        cond_t cond;
        cond_lock_t lock;
        memset(&cond, 0, sizeof cond);
        memset(&lock, 0, sizeof lock);
        assert_int_equal(cond_lock_init(&lock, COND_SHARED | flags), ENOTSUP);
        assert_int_equal(cond_lock_acquire(&lock), EINVAL);
        assert_int_equal(cond_init(&cond, NULL, COND_SHARED | flags), ENOTSUP);
        assert_int_equal(cond_acquire(&cond), EINVAL);
        assert_int_equal(cond_wait(&cond, 0), EINVAL);
        assert_int_equal(cond_destroy(&cond), EINVAL);
        assert_int_equal(cond_init(&cond, NULL, COND_SHARED | flags), ENOTSUP); /* not EBUSY */
    }
}

TEST(private_conditions_work)
{
    cond_t cond;
    OK(cond_init(&cond, NULL, COND_RLOCK));
    OK(cond_acquire(&cond));
    assert_int_equal(cond_wait(&cond, COND_MS(1)), ETIMEDOUT);
    OK(cond_notify_all(&cond));
    assert_int_equal(cond_recover(&cond), EINVAL);
    OK(cond_release(&cond));
    OK(cond_destroy(&cond));
}

static bool never(void *arg) { (void)arg; return false; }

/* The calls that were not left out work. An option cannot ask for the others. */
TEST(await_and_cancel)
{
    cond_t cond = COND_INIT;
    OK(cond_acquire(&cond));
    assert_int_equal(cond_wait_for_until(&cond, never, NULL, cond_deadline(COND_MS(1))), ETIMEDOUT);
#ifndef CONDVAR_NO_AWAIT
    assert_int_equal(cond_await(&cond, never, NULL, COND_MS(1)), ETIMEDOUT);
#endif
#ifndef CONDVAR_NO_CANCEL
    cond_token_t token = {0};
    cond_wait_options_t options = {.pred = never, .unnotified = true, .deadline_ns = cond_now()};
#  ifdef CONDVAR_NO_AWAIT
    assert_int_equal(cond_wait_with(&cond, &options), ENOTSUP);
#  else
    assert_int_equal(cond_wait_with(&cond, &options), ETIMEDOUT);
#  endif
    OK(cond_cancel(&cond, &token));
    options = (cond_wait_options_t){.token = &token};
    assert_int_equal(cond_wait_with(&cond, &options), ECANCELED);
    assert_false(cond_closed(&cond));
    OK(cond_close(&cond));
    assert_true(cond_closed(&cond));
    assert_int_equal(cond_wait(&cond, COND_FOREVER), ECANCELED);
#endif
    OK(cond_release(&cond));
    OK(cond_destroy(&cond));
}

int main(void) { return RUN_TESTS("no_shared"); }
