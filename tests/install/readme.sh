#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# README.md's program compiles without a warning and prints what stands below it.
. "$(dirname -- "$0")/common.sh"

install_build
block c >"$tmp/readme.c"
block text >"$tmp/expected"

lines=$(wc -l <"$tmp/readme.c")
[ "$lines" -le 30 ] || fail "README.md's program has $lines lines, more than 30"

# shellcheck disable=SC2046,SC2086 # lists of options
$CC -std=c11 -Wall -Wextra -Wpedantic -Werror -o "$tmp/readme" "$tmp/readme.c" $(pkg-config --cflags --libs condvar)
export LD_LIBRARY_PATH=$libdir
for _ in $(seq 100); do
    expect "$tmp/expected" "$tmp/readme"
done

# README.md shows the commands, and they exist.
for command in examples/run tests/run; do
    grep -qx "    $command *#.*" "$SOURCE/README.md" || fail "README.md does not show $command"
    [ -x "$SOURCE/$command" ] || fail "no such command: $command"
done
