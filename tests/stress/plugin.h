/* SPDX-License-Identifier: MIT */
#ifndef PLUGIN_H
#define PLUGIN_H

/* The functions of plugin.c. Each ends the process if a check fails. */

#if defined(__GNUC__)
#  define PLUGIN_API __attribute__((visibility("default")))
#else
#  define PLUGIN_API
#endif

PLUGIN_API void plugin_use(void);        /* with threads, tasks and processes */
PLUGIN_API void plugin_use_alone(void);  /* with the calling thread only; several threads may call it */
PLUGIN_API void plugin_after_fork(void); /* the same in a forked child */

#endif
