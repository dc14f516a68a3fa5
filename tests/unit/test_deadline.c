/* SPDX-License-Identifier: MIT */
/* deadline.h: timeouts and deadlines, also odd ones. */
#include "unit.h"
#include "deadline.h"

TEST(polls_at_zero_and_below)
{
    static const int64_t now_ns[] = {INT64_MIN, -1, 0, 1, COND_SEC(1), INT64_MAX - 1, INT64_MAX};
    static const int64_t timeout_ns[] = {0, -1, -COND_SEC(1), INT64_MIN + 1, INT64_MIN};
    for (size_t i = 0; i < LENGTH(now_ns); i++)
        for (size_t k = 0; k < LENGTH(timeout_ns); k++)
            assert_true(deadline_from(now_ns[i], timeout_ns[k]) == DEADLINE_PASSED);
}

TEST(adds_what_can_be_added)
{
    assert_true(deadline_from(0, 1) == 1);
    assert_true(deadline_from(COND_SEC(5), COND_MS(1)) == COND_SEC(5) + COND_MS(1));
    assert_true(deadline_from(-10, 3) == -7);
    assert_true(deadline_from(-1, INT64_MAX - 1) == INT64_MAX - 2);
    assert_true(deadline_from(1, INT64_MAX - 2) == INT64_MAX - 1); /* the last deadline */
}

TEST(saturates)
{
    static const int64_t now_ns[] = {1, 2, COND_SEC(1), INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < LENGTH(now_ns); i++) {
        int64_t last_ns = INT64_MAX - now_ns[i]; /* the first timeout that is too far */
        if (last_ns > 1)
            assert_true(deadline_from(now_ns[i], last_ns - 1) == INT64_MAX - 1);
        if (last_ns > 0)
            assert_true(deadline_from(now_ns[i], last_ns) == COND_FOREVER);
        assert_true(deadline_from(now_ns[i], last_ns + 1) == COND_FOREVER);
        assert_true(deadline_from(now_ns[i], INT64_MAX - 1) == COND_FOREVER);
    }
}

TEST(forever_is_forever)
{
    static const int64_t now_ns[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
    for (size_t i = 0; i < LENGTH(now_ns); i++)
        assert_true(deadline_from(now_ns[i], COND_FOREVER) == COND_FOREVER);
    assert_true(deadline_after(COND_FOREVER) == COND_FOREVER);
    assert_false(deadline_passed(COND_FOREVER));
}

TEST(counts_from_the_monotonic_clock)
{
    int64_t before_ns = port_now();
    int64_t deadline_ns = deadline_after(COND_SEC(100));
    int64_t after_ns = port_now();
    assert_true(before_ns > 0);
    assert_true(before_ns + COND_SEC(100) <= deadline_ns && deadline_ns <= after_ns + COND_SEC(100));
    assert_true(deadline_after(INT64_MAX - 1) == COND_FOREVER);
    assert_true(deadline_after(0) == DEADLINE_PASSED);
    assert_true(deadline_after(INT64_MIN) == DEADLINE_PASSED);
}

TEST(passes_at_its_time)
{
    assert_true(deadline_passed(DEADLINE_PASSED));
    assert_true(deadline_passed(INT64_MIN + 1));
    assert_true(deadline_passed(-1));
    assert_true(deadline_passed(0));
    assert_true(deadline_passed(port_now()));
    assert_false(deadline_passed(INT64_MAX - 1));
    /* Not early: the clock agrees. */
    int64_t deadline_ns = port_now() + COND_US(50);
    while (!deadline_passed(deadline_ns))
        assert_true(port_now() > 0);
    assert_true(port_now() >= deadline_ns);
}

TEST(units)
{
    assert_true(COND_US(3) == 3000);
    assert_true(COND_MS(3) == 3000000);
    assert_true(COND_SEC(3) == INT64_C(3000000000)); /* more than an int holds */
    assert_true(COND_MS(-1) == -1000000);
    assert_true(COND_SEC(1 + 1) == COND_SEC(2));
}

int main(void) { return RUN_TESTS("deadline"); }
