# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# package.sh - what the tests of this folder share; to be sourced
#
# Meson gives them CC, CXX, SOURCE and BUILD. They work in $tmp, which is removed in the end.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# A user's machine: no options of this one's, and no other libcondvar.
unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS LD_LIBRARY_PATH DESTDIR PKG_CONFIG_PATH

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Runs what stands after the file name, and fails unless it prints what the file holds.
expect() {
    local file=$1
    shift
    "$@" >"$tmp/output"
    diff -u "$file" "$tmp/output" >&2 || fail "not what was expected: $*"
}

# use_installed ROOT: pkg-config finds the library that is installed below ROOT and nothing else; sets libdir.
# shellcheck disable=SC2034 # libdir is for those who source this
use_installed() {
    local pc
    pc=$(find "$1" -name condvar.pc)
    [ -n "$pc" ] || fail "no condvar.pc in $1"
    export PKG_CONFIG_LIBDIR=${pc%/condvar.pc}
    libdir=$(dirname "$PKG_CONFIG_LIBDIR")
}

# Installs the build that is being tested.
install_build() {
    meson install -C "$BUILD" --no-rebuild --quiet --destdir "$tmp/image"
    use_installed "$tmp/image"
    export PKG_CONFIG_SYSROOT_DIR=$tmp/image
}

# Installs what a user would build, with the options of a distribution, to a place that several of these tests have in
# common and do not change.
installed_prefix() {
    local build=$BUILD/package
    mkdir -p "$build"
    exec 9>"$build/lock" # (one test at a time)
    flock 9 2>/dev/null || true
    if [ ! -f "$build/build/build.ninja" ]; then
        meson setup "$build/build" "$SOURCE" --prefix="$build/prefix" --buildtype=debugoptimized -Dtests=disabled \
            -Dexamples=false
    fi >"$build/setup.txt" 2>&1 || fail "$(cat "$build/setup.txt")"
    meson install -C "$build/build" >"$build/install.txt" 2>&1 || fail "$(cat "$build/install.txt")"
    exec 9>&-
    # shellcheck disable=SC2034 # for those who source this
    prefix=$build/prefix
    use_installed "$prefix"
}

# repository_copy DIRECTORY: the source tree as it stands, without what is built, committed to a repository there. Works
# in a tarball too.
repository_copy() {
    mkdir "$1"
    if command git -C "$SOURCE" rev-parse --show-toplevel 2>/dev/null | grep -Fx -- "$SOURCE" >/dev/null; then
        (cd "$SOURCE" && command git ls-files --cached --others --exclude-standard -z |
            while IFS= read -r -d '' file; do [ ! -f "$file" ] || printf '%s\0' "$file"; done |
            tar -cf - --null --files-from=-) | tar -xf - -C "$1"
    else
        (cd "$SOURCE" && tar -cf - --exclude=./.build .) | tar -xf - -C "$1"
    fi
    command git -C "$1" init --quiet
    command git -C "$1" add .
    command git -C "$1" -c user.name=x -c user.email=x@example.org commit --quiet -m 'as it is'
}

# block LANGUAGE: the first block of code in this language in README.md.
block() {
    awk -v fence="\`\`\`$1" '
        $0 == "```" && inside { exit }
        inside { print }
        $0 == fence { inside = 1 }' "$SOURCE/README.md" >"$tmp/block"
    [ -s "$tmp/block" ] || fail "README.md has no block of $1"
    cat "$tmp/block"
}
