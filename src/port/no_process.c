/* SPDX-License-Identifier: MIT */
/* For systems on which all programs are one process. */
#include "../port_shared.h"

uint32_t port_process(void)
{
    return 1;
}
