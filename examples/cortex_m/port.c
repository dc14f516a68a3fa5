/* SPDX-License-Identifier: MIT */
/* The library on this kernel: its implementation, and the four functions that it needs from the system. */
#define CONDVAR_IMPLEMENTATION
#include "condvar_single.h"
#include "kernel.h"

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    kernel_sleep_on(word, expected, deadline_ns);
}

void port_wake(const uint32_t *word, uint32_t count)
{
#ifdef WAKE_NOBODY /* a fault, to test that the program detects it */
    (void)word, (void)count;
#else
    kernel_wake(word, count);
#endif
}

int64_t port_now(void)
{
    return kernel_now();
}

uintptr_t port_self(void)
{
    return kernel_self();
}
