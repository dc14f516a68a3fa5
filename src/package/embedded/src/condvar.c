/* SPDX-License-Identifier: MIT */
/* The library and its port. This is the only file to compile. */
#define CONDVAR_IMPLEMENTATION
#include "condvar.h"

#if defined(CONDVAR_FREERTOS)
#  include "../ports/port_freertos.c"
#elif defined(CONDVAR_ZEPHYR)
#  include "../ports/port_zephyr.c"
#endif
