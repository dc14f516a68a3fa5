/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_CANCEL_H
#define CONDVAR_CANCEL_H

/*
 * The library calls functions of the user. Its own calls are no cancellation points. If a function of the user
 * contained one, such as write(), a cancelled thread would end in it and leave the library's data half changed. So
 * cancellation is disabled meanwhile, where the system has it.
 */

#if defined(__STDC_HOSTED__) && __STDC_HOSTED__ && defined(__has_include) && !defined(_WIN32) && \
    !defined(CONDVAR_PORT_CUSTOM)
#  if __has_include(<pthread.h>)
#    include <pthread.h>
#  endif
#endif

/* Returns the argument of port_enable_cancel(). */
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
