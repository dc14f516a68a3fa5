#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A CMake project with the lines of README.md: shared, static, and with versions that do not exist.
. "$(dirname -- "$0")/common.sh"

need cmake
install_build
version=$(pkg-config --modversion condvar)
minor=${version%.*}
prefix=${libdir%/lib*} # of the installed tree, which was made for another place

mkdir "$tmp/app"
block c >"$tmp/app/app.c"
block text >"$tmp/expected"
block cmake >"$tmp/lines"
grep -qF "find_package(condvar $minor REQUIRED)" "$tmp/lines" || fail "README.md does not require $minor in CMake"

# configure NAME REQUEST [ARGS...]: a project that requires the version REQUEST.
configure() {
    local name=$1 request=$2
    shift 2
    {
        echo 'cmake_minimum_required(VERSION 3.16)'
        echo 'project(app C)'
        echo 'add_executable(app app.c)'
        sed "s/find_package(condvar [^ ]* /find_package(condvar $request /" "$tmp/lines"
    } >"$tmp/app/CMakeLists.txt"
    env -u LDFLAGS CC="$CC" cmake -S "$tmp/app" -B "$tmp/$name" "-DCMAKE_PREFIX_PATH=$prefix" "$@" \
        >"$tmp/said" 2>&1
}

# builds_and_runs NAME
builds_and_runs() {
    cmake --build "$tmp/$1" >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
    expect "$tmp/expected" "$tmp/$1/app"
}

if [ -f "$libdir/libcondvar.so" ]; then
    configure shared "$minor" || fail "$(cat "$tmp/said")"
    builds_and_runs shared
    objdump -p "$tmp/shared/app" | grep -E 'NEEDED +libcondvar\.so\.0$' >/dev/null || fail 'not linked with libcondvar.so.0'
fi

# Where /lib is a link to /usr/lib, CMake may find the package in /lib.
top=${libdir#"$prefix/"}
top=${top%%/*}
mkdir "$tmp/root"
ln -s "$prefix" "$tmp/root/usr"
ln -s "usr/$top" "$tmp/root/$top"
configure linked "$minor" "-DCMAKE_PREFIX_PATH=$tmp/root" || fail "$(cat "$tmp/said")"
builds_and_runs linked

if [ -f "$libdir/libcondvar.a" ]; then
    configure static "$minor" -Dcondvar_USE_STATIC_LIBS=ON || fail "$(cat "$tmp/said")"
    builds_and_runs static
    ! objdump -p "$tmp/static/app" | grep 'NEEDED.*condvar' || fail 'not linked statically'

    # An installation without the shared library.
    find "$libdir" -name 'libcondvar.so*' -exec rm {} +
    configure only_static "$minor" || fail "$(cat "$tmp/said")"
    builds_and_runs only_static

    # An installation without any library.
    rm "$libdir/libcondvar.a"
    ! configure nothing "$minor" || fail 'a missing library was found'
    grep -q 'no libcondvar in' "$tmp/said" || fail 'no message about the missing library:' "$(cat "$tmp/said")"
fi

# Refused, with a message that names both versions: another major version, a later version, an earlier range.
for request in 1.0 9.9 "${version%%.*}.99" "$version.1" 0.0...0.0.9; do
    ! configure refused "$request" || fail "version $request was found"
    tr '\n' ' ' <"$tmp/said" | tr -s ' ' >"$tmp/said1"
    grep -qF "$request" "$tmp/said1" || fail "the message does not name the required version $request:" "$(cat "$tmp/said")"
    grep -qF "version: $version" "$tmp/said1" || fail 'the message does not name the installed version:' "$(cat "$tmp/said")"
done
# Accepted: earlier versions of this major version, and ranges that contain this version.
touch "$libdir/libcondvar.a"
for request in "${version%%.*}" 0.0 "$version EXACT" "0.0...<1" "$minor...$version"; do
    configure accepted "$request" || fail "$version was refused for $request:" "$(cat "$tmp/said")"
done

# pkg-config refuses a later version too.
! pkg-config --print-errors --exists "condvar >= 9.9" 2>"$tmp/said" || fail 'pkg-config has found version 9.9'
grep -q '9\.9' "$tmp/said" && grep -qF "$version" "$tmp/said" || fail 'pkg-config does not name both versions'
