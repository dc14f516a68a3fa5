#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A default build is installed. A program compiles with the options of pkg-config: shared, then static.
. "$(dirname -- "$0")/common.sh"

meson setup "$tmp/build" "$SOURCE" --prefix="$tmp/prefix" -Dtests=disabled -Dexamples=false
meson install -C "$tmp/build"
use_installed "$tmp/prefix"

block c >"$tmp/app.c"
block text >"$tmp/expected"

# Shared: the program needs the library by its soname, and runs with the installed one.
# shellcheck disable=SC2046,SC2086 # lists of options
$CC -o "$tmp/shared" "$tmp/app.c" $(pkg-config --cflags --libs condvar)
objdump -p "$libdir/libcondvar.so" | grep -E 'SONAME +libcondvar\.so\.0$' >/dev/null || fail 'the soname is not libcondvar.so.0'
objdump -p "$tmp/shared" | grep -E 'NEEDED +libcondvar\.so\.0$' >/dev/null || fail 'the program is not linked with libcondvar.so.0'
expect "$tmp/expected" env LD_LIBRARY_PATH="$libdir" "$tmp/shared"

# Static: the program runs without the shared library.
# shellcheck disable=SC2046,SC2086 # lists of options
$CC -static -o "$tmp/static" "$tmp/app.c" $(pkg-config --static --cflags --libs condvar)
! objdump -p "$tmp/static" | grep NEEDED || fail 'the program is not linked statically'
expect "$tmp/expected" "$tmp/static"

# The version is the same everywhere.
version=$(meson introspect "$tmp/build" --projectinfo | sed -E 's/.*"version": "([^"]*)".*/\1/')
[ "$(pkg-config --modversion condvar)" = "$version" ] || fail "condvar.pc is not of version $version"
[ -f "$libdir/libcondvar.so.$version" ] || fail "there is no libcondvar.so.$version"
