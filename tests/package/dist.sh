#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `meson dist` makes a tarball of everything that is needed: unpacked elsewhere it builds, and passes its unit tests,
# which link the library as it is shipped and as it is inside.
. "$(dirname -- "$0")/package.sh"

if ! command -v git >/dev/null; then
    echo 'no git here'
    exit 77
fi

# The working tree as it is, in a repository of its own: so this works in a tarball too.
repository_copy "$tmp/repository"
meson setup "$tmp/build" "$tmp/repository" -Dtests=disabled -Dexamples=false >"$tmp/said" || fail "$(cat "$tmp/said")"
(cd "$tmp/build" && meson dist --formats gztar --no-tests) >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
tarball=$(find "$tmp/build/meson-dist" -name 'condvar-*.tar.gz')
[ -f "$tarball" ] || fail 'no tarball' "$(cat "$tmp/said")"

mkdir "$tmp/elsewhere"
tar -xzf "$tarball" -C "$tmp/elsewhere"
rm -rf "$tmp/repository" "$tmp/build"
cd "$tmp/elsewhere/"condvar-*
for file in README.md LICENSE CHANGELOG.md include/condvar.h include/condvar.hpp tests/run examples/run .ci/run; do
    [ -f "$file" ] || fail "the tarball has no $file"
done
tests=enabled
pkg-config --exists cmocka || tests=auto
env -u PKG_CONFIG_LIBDIR meson setup "$tmp/built" . "-Dtests=$tests" --buildtype=debug >"$tmp/said" 2>&1 ||
    fail "$(cat "$tmp/said")"
meson test -C "$tmp/built" --suite unit --suite examples >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"

# And one that lacks a file is not taken for a whole one.
rm src/waitq.c
! meson compile -C "$tmp/built" >"$tmp/said" 2>&1 || fail 'it builds without src/waitq.c'
