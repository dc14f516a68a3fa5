/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_CANCEL_H
#define CONDVAR_CANCEL_H

/*
 * Functions of the user run in the middle of calls of the library, which are no cancellation points. If such a function is
 * one, by a write() say, then a thread that was cancelled would end in it, and leave behind what the library was doing. So
 * cancellation is disabled meanwhile, where a system has it.
 */

#if defined(__STDC_HOSTED__) && __STDC_HOSTED__ && defined(__has_include) && !defined(_WIN32) && !defined(CONDVAR_PORT_CUSTOM)
#  if __has_include(<pthread.h>)
#    include <pthread.h>
#  endif
#endif

/* Returns what port_enable_cancel() needs. */
static inline int port_disable_cancel(void)
{
    int state = 0;
#ifdef PTHREAD_CANCEL_DISABLE
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
#endif
    return state;
}

static inline void port_enable_cancel(int state)
{
#ifdef PTHREAD_CANCEL_DISABLE
    (void)pthread_setcancelstate(state, NULL);
#else
    (void)state;
#endif
}

#endif
