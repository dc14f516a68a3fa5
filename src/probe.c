/* SPDX-License-Identifier: MIT */
/* The observer of the program (condvar.h), if the library is compiled with CONDVAR_OBSERVER. There is one for all
   conditions and locks. Any thread may set it, and any thread calls it. */
#include "probe.h"
#include "atomic.h"

#ifdef CONDVAR_OBSERVER
static uintptr_t probe_observer; /* atomic: the address of the function, or 0 */

void cond_set_observer(cond_observer_t *observer)
{
    /* Release: partner is the acquire in probe_observe(). The observer sees what the caller has written before. */
    a_store_address(&probe_observer, (uintptr_t)observer, release);
}

void probe_observe(int event, const cond_t *cond, const cond_lock_t *lock, int64_t value)
{
    /* Acquire: partner is the release in cond_set_observer(). */
    cond_observer_t *observer = (cond_observer_t *)a_load_address(&probe_observer, acquire);
    if (observer != NULL)
        observer(event, cond, lock, value);
}
#endif
