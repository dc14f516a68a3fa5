/* SPDX-License-Identifier: MIT */
/* For systems on which everything is one process. */
#include "../port_shared.h"

uint32_t port_process(void)
{
    return 1;
}
