#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# condvar.hpp: is installed, compiles without a warning, and does what it says.
. "$(dirname -- "$0")/package.sh"

if ! command -v "$CXX" >/dev/null; then
    echo "no $CXX here"
    exit 77
fi
install_build
export LD_LIBRARY_PATH=$libdir
for standard in c++17 c++20; do
    # shellcheck disable=SC2046 # a list of options
    "$CXX" "-std=$standard" -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -o "$tmp/hpp" \
        "$SOURCE/tests/package/hpp.cpp" $(pkg-config --cflags --libs condvar)
    "$tmp/hpp"
done

# An older C++ is told so.
# shellcheck disable=SC2046 # a list of options
! echo '#include <condvar.hpp>' | "$CXX" -std=c++14 -x c++ -fsyntax-only $(pkg-config --cflags condvar) - \
    2>"$tmp/old" || fail 'condvar.hpp compiles as C++14'
grep -q 'condvar.hpp needs C++17' "$tmp/old" || fail 'condvar.hpp does not say that it needs C++17'
