#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# helgrind, DRD and memcheck with an ordinary shared library, and the module and the suppressions that are installed for
# them: they report nothing about a correct program, and still report a race in a program's own data, or its use of
# memory that was never written.
. "$(dirname -- "$0")/common.sh"

need_valgrind
install_build
[ -f "$libdir/libcondvar.so" ] || skip 'this build has no shared library'
suppressions=$(find "$tmp/image" -path '*/share/condvar/condvar.supp')
[ -f "$suppressions" ] || fail 'condvar.supp is not installed'
export LD_LIBRARY_PATH=$libdir

# ---- memcheck ----

for_valgrind fresh '' memcheck
for_valgrind wrong -DWRONG memcheck
[ "$(valgrind_status memcheck fresh '' "$suppressions")" = 0 ] ||
    fail 'memcheck complains about a correct program:' "$(head -n 60 "$tmp/said")"
[ "$(valgrind_status memcheck wrong '' "$suppressions")" = 9 ] || fail 'memcheck does not report the error'
[ "$(valgrind_status memcheck fresh)" = 9 ] || grep 'no COND_SHARED' "$tmp/said" >/dev/null ||
    fail 'memcheck needs no suppressions'

# ---- helgrind and DRD ----

module=$libdir/condvar/condvar-valgrind.so
[ -f "$module" ] || skip 'this build has no module for Valgrind: its headers are missing'
for_valgrind right
for_valgrind race -DRACE
for_valgrind late -DRACE_LATE

for tool in helgrind drd; do
    [ "$(valgrind_status $tool right "$module" "$suppressions")" = 0 ] ||
        fail "$tool complains about a correct program:" "$(head -n 60 "$tmp/said")"
    for wrong in race late; do
        [ "$(valgrind_status $tool $wrong "$module" "$suppressions")" = 9 ] ||
            fail "$tool does not find the race ($wrong)"
        grep -E '(tries|consume) \(valgrind\.c' "$tmp/said" >/dev/null || fail "$tool does not say where ($wrong)"
    done
    # Both are needed.
    [ "$(valgrind_status $tool right "$module")" = 9 ] || fail "$tool needs no suppressions"
    [ "$(valgrind_status $tool right '' "$suppressions")" = 9 ] || fail "$tool needs no module"
done

# No suppression is about the program.
! grep -E '^ +(obj|fun):' "$suppressions" |
    grep -vE 'obj:\*(/libcondvar\.so\*|vgpreload_(helgrind|drd)\*)|fun:(mem\*|cond_(lock_)?init\*)' >&2 ||
    fail 'a suppression that is not about the library'
