#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An unusual build and installation: one compiler, no optional tool, no network, a user who is not root, DESTDIR, and
# spaces in the names of all folders.
. "$(dirname -- "$0")/common.sh"

block c >"$tmp/app.c"
block text >"$tmp/expected"
chmod 755 "$tmp"

# A machine with only what the build needs: no pkg-config, CMocka, SystemTap, mandoc, ... The header that Meson looks
# for may be installed here, so another one hides it that does not compile.
needed=(env sh bash uname cat sed grep mkdir rm cp ln chmod expr dirname basename sort paste tr id
    python3 meson ninja samu ar gcc-ar llvm-ar ranlib ld as strip)
mkdir -p "$tmp/bin" "$tmp/manager" "$tmp/include/sys"
echo '#error "not on this machine"' >"$tmp/include/sys/sdt.h"
for tool in "${needed[@]}"; do
    path=$(command -v "$tool") || continue
    ln -s "$path" "$tmp/bin/$tool"
done

# Not root, if possible.
unprivileged=()
if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
    unprivileged=(setpriv --reuid=65534 --regid=65534 --clear-groups)
elif [ "$(id -u)" = 0 ]; then
    echo 'setpriv is not installed: installed as root'
fi

# Without a network, if possible.
offline=()
if unshare --net true 2>/dev/null; then
    offline=("$(command -v unshare)" --net)
else
    echo 'this user may not leave the network'
fi

# The source, owned by another user, and read only.
source="$tmp/the source"
mkdir "$source"
cp -R "$SOURCE"/{meson.build,meson_options.txt,LICENSE,include,src,examples,tests,docs} "$source"
chmod -R a+rX,a-w "$source"

# as_stranger COMPILER COMMAND...: on that machine, with this compiler only.
as_stranger() {
    local compiler=$1
    shift
    rm -rf "$tmp/one"
    mkdir "$tmp/one"
    ln -s "$(command -v "$compiler")" "$tmp/one/$compiler"
    env -i HOME="$tmp/home" LANG=C.UTF-8 PATH="$tmp/one:$tmp/manager:$tmp/bin" "${offline[@]}" \
        "${unprivileged[@]/#setpriv/$(command -v setpriv)}" "$@"
}

tried=0
for compiler in gcc clang; do
    command -v $compiler >/dev/null || continue
    tried=$((tried + 1))
    place="$tmp/$compiler/a place with spaces"
    mkdir -p "$tmp/home" "$place"
    chmod 777 "$tmp/home" "$tmp/$compiler" "$place"

    set_up() {
        as_stranger $compiler meson setup "$@" "$source" --prefix="$place/the prefix" --libdir=lib \
            --buildtype=plain -Dc_args="-I$tmp/include" >"$tmp/said" 2>&1 ||
            fail "with $compiler alone:" "$(cat "$tmp/said")"
    }
    set_up "$place/everything"
    # Meson reports what is left out.
    grep 'unit tests *: left out: CMocka was not found' "$tmp/said" >/dev/null || fail 'no message that the unit tests are left out'
    grep 'module for Valgrind *: ' "$tmp/said" >/dev/null || fail 'no message about the module for Valgrind'
    grep 'probes *: left out: sys/sdt.h was not found' "$tmp/said" >/dev/null || fail 'no message that the probes are left out'

    as_stranger $compiler ninja -C "$place/everything" examples/bounded_buffer >"$tmp/said" 2>&1 ||
        fail "with $compiler alone:" "$(cat "$tmp/said")"
    set_up -Dtests=disabled -Dexamples=false "$place/build"
    as_stranger $compiler ninja -C "$place/build" embedded >"$tmp/said" 2>&1 || fail 'embedded:' "$(cat "$tmp/said")"
    [ -n "$(find "$place/build" -name 'condvar-embedded-*.tar.gz')" ] || fail 'no bundle in a folder with spaces'
    as_stranger $compiler meson install -C "$place/build" >"$tmp/said" 2>&1 ||
        fail "with $compiler alone:" "$(cat "$tmp/said")"
    [ "${#unprivileged[@]}" = 0 ] || [ "$(stat -c %u "$place/the prefix")" != 0 ] || fail 'it was installed by root'

    # Used from there. (pkg-config escapes spaces, for a Makefile or eval.)
    use_installed "$place/the prefix"
    eval "$compiler -o '$tmp/app' '$tmp/app.c' $(pkg-config --cflags --libs condvar) -pthread"
    expect "$tmp/expected" env LD_LIBRARY_PATH="$libdir" "$tmp/app"
    eval "$compiler -static -o '$tmp/app' '$tmp/app.c' $(pkg-config --static --cflags --libs condvar) -pthread"
    expect "$tmp/expected" "$tmp/app"

    # The tests name what is missing, in one sentence; the last one, if something tried to install it.
    missing() { # PATTERN: of the last line
        ! as_stranger $compiler "$source/tests/run" >"$tmp/said" 2>&1 || fail 'the tests ran without their tools'
        tail -n 1 "$tmp/said" | grep "$1.*libcmocka-dev" >/dev/null ||
            fail "tests/run does not say '$1':" "$(cat "$tmp/said")"
    }
    missing '^No known package manager. Please install (names in Debian): '
    [ "$(wc -l <"$tmp/said")" = 1 ] || fail 'more than a sentence:' "$(cat "$tmp/said")"
    by_hand='Please install, as root: apt-get install -y --no-install-recommends '
    printf '#!/bin/sh\n[ "$1" = update ]\n' >"$tmp/manager/apt-get" # all that it does is fail
    chmod 755 "$tmp/manager/apt-get"
    [ "${#unprivileged[@]}" = 0 ] || missing "^You are not root, and there is no sudo. $by_hand"
    printf '#!/bin/sh\nexec "$@"\n' >"$tmp/manager/sudo"
    chmod 755 "$tmp/manager/sudo"
    missing "^The installation failed. $by_hand"
    printf '#!/bin/sh\n' >"$tmp/manager/apt-get" # it installs nothing
    missing "^Still missing: .*cmocka.*$by_hand"
    rm "$tmp"/manager/*

    # The same files below DESTDIR, as for a package. They are used there, without the prefix.
    as_stranger $compiler env DESTDIR="$place/image" meson install -C "$place/build" >"$tmp/said" 2>&1 ||
        fail "with $compiler alone:" "$(cat "$tmp/said")"
    (cd "$place/the prefix" && find . | LC_ALL=C sort) >"$tmp/files"
    (cd "$place/image$place/the prefix" && find . | LC_ALL=C sort) | diff -u "$tmp/files" - >&2 ||
        fail 'other files are installed to the prefix (-) than below DESTDIR (+)'
    mv "$place/the prefix" "$place/gone"
    if command -v cmake >/dev/null; then
        mkdir -p "$tmp/cmake"
        cp "$tmp/app.c" "$tmp/cmake"
        {
            printf '%s\n' 'cmake_minimum_required(VERSION 3.16)' 'project(app C)' 'add_executable(app app.c)'
            block cmake
        } >"$tmp/cmake/CMakeLists.txt"
        {
            CC=$compiler cmake -S "$tmp/cmake" -B "$place/app" -DCMAKE_PREFIX_PATH="$place/image$place/the prefix" &&
                cmake --build "$place/app"
        } >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
        expect "$tmp/expected" "$place/app/app"
    fi
done
[ $tried != 0 ] || fail 'neither gcc nor clang'
