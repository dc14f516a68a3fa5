# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# How the library and the scenarios are compiled for the machine (machine.h); to be sourced. The compiler is
# ${compiler[@]}, the repository is $root.

# compile SRC FILE OBJECT: SRC is src/, or a copy of it.
# shellcheck disable=SC2154 # the variables are the caller's
compile() {
    "${compiler[@]}" -std=c11 -O1 -fsanitize=thread -fno-omit-frame-pointer -fno-optimize-sibling-calls \
        -DTUNING_SPIN_MAX=1u -DTUNING_LOCK_SPIN=1u -DCONDVAR_NO_PTHREAD -DCONDVAR_PORT_CUSTOM \
        -I"$root/include" -I"$1" -c "$2" -o "$3"
}
