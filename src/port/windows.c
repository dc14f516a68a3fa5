/* SPDX-License-Identifier: MIT */
/* The port to Windows 8 and later, by WaitOnAddress() in the library `synchronization`. */
#ifndef _WIN32_WINNT
#  define _WIN32_WINNT 0x0602
#endif
#include "../port.h"
#include <limits.h>
#include <windows.h>
#include "../port_shared.h"
#include "condvar.h"

/* The timeout until the deadline, in milliseconds, rounded up. (INFINITE is the largest DWORD.) */
static DWORD port_milliseconds_until(int64_t deadline_ns)
{
    if (deadline_ns == COND_FOREVER) /* M:windows-deadline */
        return INFINITE;
    int64_t left_ns = deadline_ns - port_now();
    int64_t left_ms = left_ns > 0 ? left_ns / 1000000 + (left_ns % 1000000 != 0) : 0;
    return left_ms < INFINITE - 1 ? (DWORD)left_ms : INFINITE - 1;
}

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    DWORD saved = GetLastError();
    (void)WaitOnAddress((volatile void *)(uintptr_t)word, &expected, sizeof expected, /* M:windows-compare */
                        deadline_ns > 0 ? port_milliseconds_until(deadline_ns) : 0);
    SetLastError(saved);
}

/* Windows wakes one thread or all. If it wakes too many, the others return early. */
void port_wake(const uint32_t *word, uint32_t count)
{
    if (count == 1)
        WakeByAddressSingle((void *)(uintptr_t)word);
    else if (count > 1)
        WakeByAddressAll((void *)(uintptr_t)word);
}

/* The counter times 10^9 could overflow, so whole seconds are converted separately. */
int64_t port_now(void)
{
    LARGE_INTEGER ticks, per_second;
    (void)QueryPerformanceCounter(&ticks);
    (void)QueryPerformanceFrequency(&per_second);
    int64_t s = ticks.QuadPart / per_second.QuadPart;
    int64_t rest = ticks.QuadPart % per_second.QuadPart;
    return s * 1000000000 + rest * 1000000000 / per_second.QuadPart; /* M:windows-clock */
}

/* Twice the thread's number, since the result must be even. */
uintptr_t port_self(void)
{
    return (uintptr_t)GetCurrentThreadId() * 2;
}

void **port_local(void)
{
    static _Thread_local void *place;
    return &place;
}

uint32_t port_process(void)
{
    return (uint32_t)GetCurrentProcessId();
}
