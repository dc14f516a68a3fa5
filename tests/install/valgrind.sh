#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Helgrind, DRD and memcheck report nothing for a correct program, with a library that is built for them, and with the
# single header. As a control, they report the errors of a wrong program.
. "$(dirname -- "$0")/common.sh"

need_valgrind
# shellcheck disable=SC2086 # a list of words
echo '#include <valgrind/helgrind.h>' | $CC -E - >/dev/null 2>&1 || skip 'the headers of Valgrind are not installed'

meson setup "$tmp/build" "$SOURCE" --prefix="$tmp/prefix" --buildtype=debugoptimized -Dvalgrind=enabled -Dtests=disabled \
    -Dexamples=false >"$tmp/said" || fail "$(cat "$tmp/said")"
meson install -C "$tmp/build" >"$tmp/said" || fail "$(cat "$tmp/said")"
use_installed "$tmp/prefix"
export LD_LIBRARY_PATH=$libdir

for_valgrind fresh '' memcheck
for_valgrind wrong -DWRONG memcheck
[ "$(valgrind_status memcheck fresh)" = 0 ] ||
    fail 'memcheck reports an error in a correct program:' "$(head -n 60 "$tmp/said")"
[ "$(valgrind_status memcheck wrong)" = 9 ] || fail 'memcheck does not report the error'

for_valgrind right
for_valgrind race -DRACE
for_valgrind late -DRACE_LATE
# The single header, with the macro.
python3 "$SOURCE/src/single_header.py" "$tmp/condvar_single.h" 0.0.0 "$SOURCE/LICENSE"
printf '#include "condvar_single.h"\n' >"$tmp/condvar.h"
printf '#define CONDVAR_IMPLEMENTATION\n#include "condvar_single.h"\n' >"$tmp/condvar.c"
for option in RIGHT RACE; do
    # shellcheck disable=SC2086 # a command with its options
    $CC -g -O1 -Wall -Wextra -Werror -D$option -DCONDVAR_VALGRIND -o "$tmp/single_$option" \
        "$SOURCE/tests/install/valgrind.c" "-I$tmp" "$tmp/condvar.c" -pthread
done
for tool in helgrind drd; do
    for right in right single_RIGHT; do
        [ "$(valgrind_status $tool $right)" = 0 ] ||
            fail "$tool reports an error in a correct program ($right):" "$(head -n 60 "$tmp/said")"
    done
    for wrong in race late single_RACE; do
        [ "$(valgrind_status $tool $wrong)" = 9 ] || fail "$tool does not report the error ($wrong)"
    done
done
