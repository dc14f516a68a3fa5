#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Helgrind, DRD and memcheck report nothing for a correct program, with a library that is built for them, and with the
# single header. As a control, they report the errors of a wrong program.
. "$(dirname -- "$0")/common.sh"

need valgrind
# shellcheck disable=SC2086 # a list of words
echo '#include <valgrind/helgrind.h>' | $CC -E - >/dev/null 2>&1 || skip 'the headers of Valgrind are not installed'
valgrind --tool=helgrind --error-exitcode=9 -q true >/dev/null 2>&1 || skip 'valgrind does not run here'

meson setup "$tmp/build" "$SOURCE" --prefix="$tmp/prefix" --buildtype=debugoptimized -Dvalgrind=enabled -Dtests=disabled \
    -Dexamples=false >"$tmp/said" || fail "$(cat "$tmp/said")"
meson install -C "$tmp/build" >"$tmp/said" || fail "$(cat "$tmp/said")"
use_installed "$tmp/prefix"
export LD_LIBRARY_PATH=$libdir

# build NAME [OPTION [SOURCE]]
build() {
    # shellcheck disable=SC2046,SC2086 # lists of options
    $CC -g -O1 ${2:-} -Wall -Wextra -Werror -o "$tmp/$1" "$SOURCE/tests/install/${3:-valgrind}.c" \
        $(pkg-config --cflags --libs condvar) -pthread
}
build fresh '' memcheck
build wrong -DWRONG memcheck
valgrind --error-exitcode=9 -q "$tmp/fresh" >"$tmp/said" 2>&1 ||
    fail 'memcheck reports an error in a correct program:' "$(head -n 60 "$tmp/said")"
status=0
valgrind --error-exitcode=9 -q "$tmp/wrong" >"$tmp/said" 2>&1 || status=$?
[ $status = 9 ] || fail "memcheck does not report the error: $status"

build right
build race -DRACE
build late -DRACE_LATE
# The single header, with the macro.
python3 "$SOURCE/src/single_header.py" "$tmp/condvar_single.h" 0.0.0 "$SOURCE/LICENSE"
printf '#include "condvar_single.h"\n' >"$tmp/condvar.h"
printf '#define CONDVAR_IMPLEMENTATION\n#include "condvar_single.h"\n' >"$tmp/condvar.c"
for option in RIGHT RACE; do
    # shellcheck disable=SC2086 # a command with its options
    $CC -g -O1 -Wall -Wextra -Werror -D$option -DCONDVAR_VALGRIND -o "$tmp/single_$option" "$SOURCE/tests/install/valgrind.c" "-I$tmp" \
        "$tmp/condvar.c" -pthread
done
for tool in helgrind drd; do
    for right in right single_RIGHT; do
        valgrind --tool=$tool --error-exitcode=9 -q "$tmp/$right" >"$tmp/said" 2>&1 ||
            fail "$tool reports an error in a correct program ($right):" "$(head -n 60 "$tmp/said")"
    done
    for wrong in race late single_RACE; do
        status=0
        valgrind --tool=$tool --error-exitcode=9 -q "$tmp/$wrong" >"$tmp/said" 2>&1 || status=$?
        [ $status = 9 ] || fail "$tool does not report the error ($wrong): $status"
    done
done
