/* SPDX-License-Identifier: MIT */
#ifndef DESTROYED_ANY_H
#define DESTROYED_ANY_H

/* The conditions of destroyed.c, each in memory that it is given, on a lock that lives elsewhere. */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kind {
    const char *name;
    size_t size;
    void (*make)(void *memory);
    void (*destroy)(void *memory);
    void (*acquire)(void);
    void (*release)(void);
    void (*wait)(void *memory);
    void (*notify_all)(void *memory);
};

extern const struct kind libstdcxx_any; /* std::condition_variable_any of the C++ library that is here */
extern const struct kind model_any;     /* one whose mutex is in the object itself */

#ifdef __cplusplus
}
#endif

#endif
