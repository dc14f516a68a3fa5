/* SPDX-License-Identifier: MIT */
#ifndef PLUGIN_H
#define PLUGIN_H

/* What plugin.c gives to the program that loads it. Each ends the process if something is wrong. */

#if defined(__GNUC__)
#  define PLUGIN_API __attribute__((visibility("default")))
#else
#  define PLUGIN_API
#endif

PLUGIN_API void plugin_use(void);        /* with threads, tasks and processes, for a moment */
PLUGIN_API void plugin_use_alone(void);  /* with the calling thread only; by several at a time, too */
PLUGIN_API void plugin_after_fork(void); /* the same in the child of a fork */

#endif
