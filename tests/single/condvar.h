/* SPDX-License-Identifier: MIT */
/* For a build with -Dsingle_header=true: what the tests and the examples include as <condvar.h>. */
#include "condvar_single.h"
