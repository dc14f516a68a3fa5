/* SPDX-License-Identifier: MIT */
/* text.c: descriptions and error texts. */
#include "unit.h"
#include <inttypes.h>
#include "object.h"
#include "port.h"

/* The whole text, the text cut at each length, and the length that is returned. */
static void assert_describes(const cond_t *cond, const char *expected)
{
    char text[256];
    int length = (int)strlen(expected);
    assert_int_equal(cond_describe(cond, text, sizeof text), length);
    assert_string_equal(text, expected);
    assert_int_equal(cond_describe(cond, NULL, 0), length);
    for (int size = 0; size <= length + 2; size++) {
        memset(text, '#', sizeof text);
        assert_int_equal(cond_describe(cond, text, (size_t)size), length);
        int written = size == 0 ? 0 : size <= length ? size - 1 : length;
        assert_memory_equal(text, expected, (size_t)written);
        if (size > 0)
            assert_int_equal(text[written++], '\0');
        assert_int_equal(text[written], '#');
    }
}

TEST(describe_private)
{
    static const unsigned levels[] = {0, 1, 2, 10, 1234};
    static const unsigned waiters[] = {0, 1, 9, 10, 4096, UINT32_MAX};
    for (unsigned kind = COND_RLOCK; kind <= COND_MUTEX; kind++)
        for (size_t i = 0; i < LENGTH(levels) && (kind == COND_RLOCK || levels[i] <= 1); i++)
            for (size_t k = 0; k < LENGTH(waiters); k++) {
                cond_t cond;
                char expected[256];
                OK(cond_init(&cond, NULL, kind));
                for (unsigned level = 0; level < levels[i]; level++)
                    OK(cond_acquire(&cond));
                cond.waiters_ = waiters[k];
                (void)snprintf(expected, sizeof expected,
                               "<cond(<%s %s owner=0x%" PRIxPTR " depth=%u at 0x%" PRIxPTR ">, %u)>",
                               levels[i] != 0 ? "locked" : "unlocked", kind == COND_MUTEX ? "mutex" : "rlock",
                               levels[i] != 0 ? port_self() : 0, levels[i], (uintptr_t)cond_get_lock(&cond),
                               waiters[k]);
                assert_describes(&cond, expected);
            }
}

/* A condition with its lock elsewhere describes that lock. */
TEST(describe_elsewhere)
{
    cond_lock_t lock = COND_MUTEX_INIT;
    cond_t cond = COND_INIT_WITH(&lock);
    char expected[256];
    (void)snprintf(expected, sizeof expected,
                   "<cond(<unlocked mutex owner=0x0 depth=0 at 0x%" PRIxPTR ">, 0)>", (uintptr_t)&lock);
    assert_describes(&cond, expected);
}

TEST(describe_foreign)
{
    struct spinlock spinlock = {.recursive = false};
    cond_lock_t lock;
    cond_t cond;
    char expected[256];
    OK(cond_lock_init_foreign(&lock, &spinlock_ops_required, &spinlock));
    OK(cond_init(&cond, &lock, 0));
    for (int held = 0; held < 2; held++) {
        (void)snprintf(expected, sizeof expected, "<cond(<%s foreign lock at 0x%" PRIxPTR ">, 0)>",
                       held ? "locked" : "unlocked", (uintptr_t)&spinlock);
        assert_describes(&cond, expected);
        assert_int_equal(held ? cond_release(&cond) : cond_acquire(&cond), 0);
    }
}

TEST(describe_closed)
{
    char expected[256];
    cond_t cond = COND_INIT;
    OK(cond_acquire(&cond));
    OK(cond_close(&cond));
    OK(cond_release(&cond));
    (void)snprintf(expected, sizeof expected, "<cond(<unlocked rlock owner=0x0 depth=0 at 0x%" PRIxPTR ">, 0, closed)>",
                   (uintptr_t)cond_get_lock(&cond));
    assert_describes(&cond, expected);
}

TEST(describe_refuses_wrong_arguments)
{
    cond_t cond = COND_INIT;
    char text[4] = "###";
    assert_int_equal(cond_describe(NULL, text, sizeof text), -EINVAL);
    assert_int_equal(cond_describe(&cond, NULL, 1), -EINVAL);
    OK(cond_destroy(&cond));
    assert_int_equal(cond_describe(&cond, text, sizeof text), -EINVAL);
    assert_string_equal(text, "###");
}

TEST(strerror_has_a_text_for_each)
{
    static const int errors[] = {0,         EINVAL,  EPERM,   EDEADLK,    EAGAIN,
                                 EBUSY,     ETIMEDOUT, ENOTSUP, EOWNERDEAD, ENOTRECOVERABLE, EINPROGRESS, ECANCELED,
                                 12345678 /* not an error of the library */};
    for (size_t i = 0; i < LENGTH(errors); i++) {
        const char *words = cond_strerror(errors[i]);
        assert_non_null(words);
        assert_true(strlen(words) > 3);
        assert_ptr_equal(words, cond_strerror(errors[i]));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(words, cond_strerror(errors[k]));
    }
    static const int unknown[] = {-1, -EINVAL, INT_MIN, INT_MAX};
    for (size_t i = 0; i < LENGTH(unknown); i++)
        assert_string_equal(cond_strerror(unknown[i]), "Unknown error: the foreign lock's own error");
}

int main(void) { return RUN_TESTS("text"); }
