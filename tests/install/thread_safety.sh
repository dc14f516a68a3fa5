#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# clang -Wthread-safety warns of each error in thread_safety.c, and of nothing else.
. "$(dirname -- "$0")/common.sh"

need clang
install_build
sample=$SOURCE/tests/install/thread_safety.c
# shellcheck disable=SC2207 # a list of options
options=(-Wall -Wextra -Wpedantic -Wthread-safety -fsyntax-only $(pkg-config --cflags condvar))

clang -std=c11 -Werror "${options[@]}" "$sample" || fail 'clang warns of correct code'
clang -std=c++17 -x c++ -Werror "${options[@]}" "$sample" || fail 'clang warns of correct code in C++'
clang -std=c++17 -x c++ -Werror "${options[@]}" "$SOURCE/tests/install/hpp.cpp" || fail 'clang warns of condvar.hpp'

# A warning for each line with an error, and for no other line.
sed -nE 's/.*\/\* says: (.*) \*\/$/\1/p' "$sample" >"$tmp/wanted"
grep -n '/\* says: ' "$sample" | cut -d: -f1 >"$tmp/wanted_lines"
clang -std=c11 -DMISUSE "${options[@]}" "$sample" 2>&1 | grep 'warning: ' |
    sed -E 's/^[^:]*:([0-9]+):[0-9]+: warning: (.*)$/\1 \2/' >"$tmp/said"
cut -d' ' -f1 "$tmp/said" | sort -n | uniq | diff -u "$tmp/wanted_lines" - >&2 ||
    fail 'the warnings (+) are not for the lines with errors (-):' "$(cat "$tmp/said")"
paste "$tmp/wanted_lines" "$tmp/wanted" | while read -r line text; do
    grep "^$line " "$tmp/said" | grep -F -- "$text" >/dev/null || fail "no warning for line $line: $text"
done
