/* SPDX-License-Identifier: MIT */
/* For systems without robust mutexes between processes: COND_SHARED returns ENOTSUP, and nothing calls the rest. */
#include <errno.h>
#include "../port_shared.h"

int robust_init(void *mutex)
{
    (void)mutex;
    return ENOTSUP;
}

void robust_destroy(void *mutex)
{
    (void)mutex;
}

int robust_acquire(void *mutex, int64_t deadline_ns)
{
    (void)mutex, (void)deadline_ns;
    return ENOTSUP;
}

int robust_release(void *mutex)
{
    (void)mutex;
    return ENOTSUP;
}

void port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    (void)word, (void)expected, (void)deadline_ns;
}

uint32_t port_wake_shared(const uint32_t *word, uint32_t count)
{
    (void)word, (void)count;
    return 0;
}
