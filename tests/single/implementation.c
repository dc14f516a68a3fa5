/* SPDX-License-Identifier: MIT */
/* For a build with -Dsingle_header=true: the library. */
#define CONDVAR_IMPLEMENTATION
#include "condvar_single.h"
