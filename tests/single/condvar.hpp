/* SPDX-License-Identifier: MIT */
/* For a build with -Dsingle_header=true: the C++ header over the single one, as a program has it that owns both. */
#include "condvar_single.h"

#include "../../include/condvar.hpp"
