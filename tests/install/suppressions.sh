#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# helgrind, DRD and memcheck with an ordinary shared library, and the module and the suppressions that are installed for
# them: they report nothing about a correct program, and still report a race in a program's own data, or its use of
# memory that was never written.
. "$(dirname -- "$0")/common.sh"
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

need valgrind
valgrind --tool=helgrind --error-exitcode=9 -q true >/dev/null 2>&1 || skip 'valgrind does not run here'
install_build
[ -f "$libdir/libcondvar.so" ] || skip 'this build has no shared library'
suppressions=$(find "$tmp/image" -path '*/share/condvar/condvar.supp')
[ -f "$suppressions" ] || fail 'condvar.supp is not installed'
export LD_LIBRARY_PATH=$libdir

# build NAME [OPTION [SOURCE]]
build() {
    # shellcheck disable=SC2046,SC2086 # lists of options
    $CC -g -O1 ${2:-} -Wall -Wextra -Werror -o "$tmp/$1" "$here/${3:-valgrind}.c" \
        $(pkg-config --cflags --libs condvar)
}

# status TOOL PROGRAM [MODULE [SUPPRESSIONS]]: 9 if something was reported.
status() {
    local status=0
    LD_PRELOAD=${3:-} valgrind --tool="$1" --error-exitcode=9 -q ${4:+--suppressions="$4"} "$tmp/$2" \
        >"$tmp/said" 2>&1 || status=$?
    echo $status
}

# ---- memcheck ----

build fresh '' memcheck
build wrong -DWRONG memcheck
[ "$(status memcheck fresh '' "$suppressions")" = 0 ] ||
    fail 'memcheck complains about a correct program:' "$(head -n 60 "$tmp/said")"
[ "$(status memcheck wrong '' "$suppressions")" = 9 ] || fail 'memcheck does not report the error'
[ "$(status memcheck fresh)" = 9 ] || grep 'no COND_SHARED' "$tmp/said" >/dev/null ||
    fail 'memcheck needs no suppressions'

# ---- helgrind and DRD ----

module=$libdir/condvar/condvar-valgrind.so
[ -f "$module" ] || skip 'this build has no module for Valgrind: its headers are missing'
build right
build race -DRACE
build late -DRACE_LATE

for tool in helgrind drd; do
    [ "$(status $tool right "$module" "$suppressions")" = 0 ] ||
        fail "$tool complains about a correct program:" "$(head -n 60 "$tmp/said")"
    for wrong in race late; do
        [ "$(status $tool $wrong "$module" "$suppressions")" = 9 ] || fail "$tool does not find the race ($wrong)"
        grep -E '(tries|consume) \(valgrind\.c' "$tmp/said" >/dev/null || fail "$tool does not say where ($wrong)"
    done
    # Both are needed.
    [ "$(status $tool right "$module")" = 9 ] || fail "$tool needs no suppressions"
    [ "$(status $tool right '' "$suppressions")" = 9 ] || fail "$tool needs no module"
done

# No suppression is about the program.
! grep -E '^ +(obj|fun):' "$suppressions" |
    grep -vE 'obj:\*(/libcondvar\.so\*|vgpreload_(helgrind|drd)\*)|fun:(mem\*|cond_(lock_)?init\*)' >&2 ||
    fail 'a suppression that is not about the library'
