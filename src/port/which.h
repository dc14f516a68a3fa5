/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_WHICH_H
#define CONDVAR_WHICH_H

/* Choose the port for the system, unless the build defines one of these macros. */

#if !defined(CONDVAR_PORT_LINUX) && !defined(CONDVAR_PORT_POSIX) && !defined(CONDVAR_PORT_WINDOWS) && \
    !defined(CONDVAR_PORT_CUSTOM)
#  if defined(__linux__)
#    define CONDVAR_PORT_LINUX
#  elif defined(_WIN32)
#    define CONDVAR_PORT_WINDOWS
#  elif defined(__unix__) || defined(__APPLE__) || defined(__CYGWIN__) || defined(__HAIKU__)
#    define CONDVAR_PORT_POSIX
#  else
#    error "There is no port for this system: write one (docs/porting.md) and define CONDVAR_PORT_CUSTOM."
#  endif
#endif

#endif
