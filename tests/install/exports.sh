#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The header (COND_API), src/condvar.map and the exports of the libraries have the same functions, and no others.
. "$(dirname -- "$0")/common.sh"

install_build
# cond_set_observer() is in a build with -Dobserver=enabled only: probes.sh looks for it.
header=$tmp/header.h
grep -v 'cond_set_observer(' "$(find "$tmp/image" -name condvar.h)" >"$header"
library=$libdir/libcondvar.so
archive=$libdir/libcondvar.a

grep '^COND_API ' "$header" | sed -E 's/^[^(]*[ *]([a-z_0-9]+)\(.*/\1/' | LC_ALL=C sort >"$tmp/declared"
sed -nE 's/^ +([a-z_0-9]+);$/\1/p' "$SOURCE/src/condvar.map" >"$tmp/mapped"

# Each function has a COND_API, at the beginning of a line.
marks=$(grep COND_API "$header" | grep -vcE '^# *define COND_API')
[ "$marks" = "$(wc -l <"$tmp/declared")" ] || fail 'a COND_API in the header is not at the beginning of a line'
! grep -E '^[a-z].*\bcond_[a-z_]+\(.*;' "$header" | grep -vE '^(typedef|static) ' >&2 || fail 'no COND_API'
grep -qx cond_wait_for "$tmp/declared" || fail 'cond_wait_for is not declared, or was not found'
! grep -v '^cond_' "$tmp/declared" || fail 'a function without the prefix cond_'

diff -u "$tmp/declared" "$tmp/mapped" >&2 || fail 'the header declares (-) and condvar.map names (+) other functions'

compared=0
if [ -f "$library" ]; then
    nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | LC_ALL=C sort >"$tmp/exported"
    # Each has its version, if this linker supports versions.
    if grep -q @ "$tmp/exported"; then
        ! grep -v '@@CONDVAR_0$' "$tmp/exported" >&2 || fail 'exported without its version'
    else
        echo 'this linker does not support versions'
    fi
    sed 's/@.*//' "$tmp/exported" | diff -u "$tmp/declared" - >&2 ||
        fail 'the header declares (-) and the shared library exports (+) other functions'
    compared=$((compared + 1))
fi
if [ -f "$archive" ]; then
    # Each program with probes has _.stapsdt.base.
    nm -g --defined-only "$archive" | awk 'NF == 3 && $3 != "_.stapsdt.base" { print $3 }' | LC_ALL=C sort | diff -u "$tmp/declared" - >&2 ||
        fail 'the header declares (-) and the static library has (+) other functions'
    compared=$((compared + 1))
fi
[ $compared != 0 ] || fail 'no library is installed'
