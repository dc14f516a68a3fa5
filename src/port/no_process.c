/* SPDX-License-Identifier: MIT */
/* For systems on which everything is one process. */
#ifndef CONDVAR_NO_SHARED
#include "../port_shared.h"

uint32_t port_process(void)
{
    return 1;
}

#else
typedef int condvar_no_process_port; /* ISO C wants a declaration in each file */
#endif
