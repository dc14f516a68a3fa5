# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# faulty.sh - copies of the library with a fault in them, for the tests of the tests; to be sourced
#
# A fault is a sed expression. One that changes nothing does not apply any more, and is itself a failure: a test
# of a test that tests nothing.

# make_faulty_source ROOT WORK FILE SED-EXPRESSION: WORK/src is ROOT/src with the fault in FILE. 1 if it changes
# nothing.
make_faulty_source() {
    rm -rf "$2/src"
    cp -R "$1/src" "$2/src"
    sed "$4" "$1/src/$3" >"$2/src/$3"
    ! cmp -s "$1/src/$3" "$2/src/$3"
}

# make_library ROOT WORK COMPILER...: WORK/libcondvar.so of WORK/src, to be put before the real one of a program
# by LD_PRELOAD: it has its name. Linux only.
make_library() {
    root_=$1
    work_=$2
    shift 2
    "$@" -std=c11 -O1 -fPIC -shared -pthread -fvisibility=hidden -DCONDVAR_PORT_LINUX \
        -I"$root_/include" -I"$work_/src" \
        -Wl,-soname,libcondvar.so.0 "-Wl,--version-script=$work_/src/condvar.map" \
        -o "$work_/libcondvar.so" "$work_/src/all.c"
}
