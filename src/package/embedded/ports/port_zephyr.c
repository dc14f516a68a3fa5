/* SPDX-License-Identifier: MIT */
/*
 * The port to Zephyr, from its API reference (https://docs.zephyrproject.org/latest/kernel/services/): k_mutex,
 * k_condvar, k_uptime_ticks(). The tests run it on an imitation of these calls. It was not run on Zephyr here.
 *
 * It needs CONFIG_MULTITHREADING, and <zephyr/kernel.h>, which Zephyr 3.1 and later have. The library must know the
 * length of a tick: TUNING_CLOCK_TICK_NS is 1000000000 / CONFIG_SYS_CLOCK_TICKS_PER_SEC, rounded up. Threads in user
 * mode cannot use it.
 */
#include <zephyr/kernel.h>
#include <stdbool.h>
#include <stddef.h>
#include "port.h"

#define PORT_TICKS_PER_S CONFIG_SYS_CLOCK_TICKS_PER_SEC

/* A thread in port_wait(), on its own stack. All fields are under condvar_port_mutex. */
struct port_sleeper {
    const uint32_t *word;
    struct port_sleeper *next;
    struct k_condvar woken;
    bool listed;
};

K_MUTEX_DEFINE(condvar_port_mutex);
static struct port_sleeper *port_sleepers; /* in order of arrival */

/* Rounded up, and an hour at most: the multiplication must not overflow, and port_wait() may return early. */
static k_timeout_t port_timeout_until(int64_t deadline_ns)
{
    const int64_t longest_ns = INT64_C(3600) * 1000000000;
    if (deadline_ns == INT64_MAX)
        return K_FOREVER;
    int64_t left_ns = deadline_ns > 0 ? deadline_ns - port_now() : 0;
    if (left_ns <= 0)
        return K_NO_WAIT;
    if (left_ns > longest_ns)
        left_ns = longest_ns;
    int64_t s = left_ns / 1000000000, ns = left_ns % 1000000000;
    return K_TICKS(s * PORT_TICKS_PER_S + (ns * PORT_TICKS_PER_S + 999999999) / 1000000000);
}

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    (void)k_mutex_lock(&condvar_port_mutex, K_FOREVER);
    if (__atomic_load_n(word, __ATOMIC_RELAXED) == expected) {
        struct port_sleeper self = {.word = word, .listed = true};
        struct port_sleeper **link = &port_sleepers;
        (void)k_condvar_init(&self.woken);
        while (*link != NULL)
            link = &(*link)->next;
        *link = &self;
        (void)k_condvar_wait(&self.woken, &condvar_port_mutex, port_timeout_until(deadline_ns));
        for (link = &port_sleepers; self.listed; link = &(*link)->next)
            if (*link == &self) {
                *link = self.next;
                self.listed = false;
                break;
            }
#ifdef CONFIG_OBJ_CORE_CONDVAR
        k_obj_core_unlink(K_OBJ_CORE(&self.woken)); /* k_condvar_init() has put it into a list of the kernel */
#endif
    }
    (void)k_mutex_unlock(&condvar_port_mutex);
}

/* A woken thread returns only when it has condvar_port_mutex. So its node stays until the signal has returned. */
void port_wake(const uint32_t *word, uint32_t count)
{
    (void)k_mutex_lock(&condvar_port_mutex, K_FOREVER);
    for (struct port_sleeper **link = &port_sleepers; *link != NULL && count > 0;) {
        struct port_sleeper *sleeper = *link;
        if (sleeper->word == word) {
            *link = sleeper->next;
            sleeper->listed = false;
            (void)k_condvar_signal(&sleeper->woken);
            count--;
        } else {
            link = &sleeper->next;
        }
    }
    (void)k_mutex_unlock(&condvar_port_mutex);
}

/* Rounded down. In two parts, so that nothing overflows: k_ticks_to_ns_floor64() can after days. */
int64_t port_now(void)
{
    int64_t ticks = k_uptime_ticks();
    return ticks / PORT_TICKS_PER_S * 1000000000 + ticks % PORT_TICKS_PER_S * 1000000000 / PORT_TICKS_PER_S;
}

uintptr_t port_self(void)
{
    return (uintptr_t)k_current_get();
}
