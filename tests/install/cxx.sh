#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The header in C++ compiles without a warning, links, and works as in C.
. "$(dirname -- "$0")/common.sh"

need "$CXX"
install_build
export LD_LIBRARY_PATH=$libdir
for standard in c++11 c++17 c++20; do
    # shellcheck disable=SC2046 # a list of options
    "$CXX" "-std=$standard" -Wall -Wextra -Wpedantic -Werror -o "$tmp/cxx" "$SOURCE/tests/install/cxx.cpp" \
        $(pkg-config --cflags --libs condvar)
    "$tmp/cxx"
done
