# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# common.sh - shared by the tests of this folder; to be sourced
#
# Meson sets CC, CXX, SOURCE and BUILD. The tests work in $tmp, which is removed at the end.
set -euo pipefail

tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp" || true; rm -rf "$tmp"' EXIT

# As on a user's machine: without options of this machine, and without another libcondvar. Messages are in English,
# other users may read what is made, and nothing is signed.
unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS LD_LIBRARY_PATH DESTDIR PKG_CONFIG_PATH
export LC_ALL=C.UTF-8 GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=commit.gpgsign GIT_CONFIG_VALUE_0=false \
    GIT_CONFIG_KEY_1=tag.gpgsign GIT_CONFIG_VALUE_1=false
umask 022

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

skip() {
    echo "$*"
    exit 77
}

# need COMMAND...: skips the test unless these are here.
need() {
    local command
    for command; do
        command -v "$command" >/dev/null || skip "$command is not installed"
    done
}

# expect FILE COMMAND...: the command prints what is in FILE.
expect() {
    local file=$1
    shift
    "$@" >"$tmp/output"
    diff -u "$file" "$tmp/output" >&2 || fail "unexpected output: $*"
}

# Skips the test unless gdb is here, has Python, and may run programs.
need_gdb() {
    need gdb
    if ! gdb -nx -batch -ex 'python print("has", "python")' -ex run /bin/true 2>&1 | tr '\n' ' ' >"$tmp/able" ||
        ! grep 'has python.*exited normally' "$tmp/able" >/dev/null; then
        skip 'gdb has no Python, or must not run programs'
    fi
}

# Skips the test unless valgrind is here and runs.
need_valgrind() {
    need valgrind
    valgrind --tool=helgrind --error-exitcode=9 -q true >/dev/null 2>&1 || skip 'valgrind does not run here'
}

# for_valgrind NAME [OPTION [SOURCE]]: builds $tmp/NAME from SOURCE.c of this folder, or from valgrind.c, with the
# installed library.
for_valgrind() {
    # shellcheck disable=SC2046,SC2086 # lists of options
    $CC -g -O1 ${2:-} -Wall -Wextra -Werror -o "$tmp/$1" "$SOURCE/tests/install/${3:-valgrind}.c" \
        $(pkg-config --cflags --libs condvar)
}

# valgrind_status TOOL NAME [MODULE [SUPPRESSIONS]]: prints the exit status, which is 9 if something was reported. What
# was reported is in $tmp/said.
valgrind_status() {
    local status=0
    LD_PRELOAD=${3:-} valgrind --tool="$1" --error-exitcode=9 -q ${4:+--suppressions="$4"} "$tmp/$2" \
        >"$tmp/said" 2>&1 || status=$?
    echo $status
}

# use_installed ROOT: pkg-config finds only the library that is installed below ROOT. Sets libdir.
# shellcheck disable=SC2034 # libdir is for those who source this
use_installed() {
    local pc
    pc=$(find "$1" -name condvar.pc)
    [ -n "$pc" ] || fail "no condvar.pc in $1"
    export PKG_CONFIG_LIBDIR=${pc%/condvar.pc}
    libdir=$(dirname "$PKG_CONFIG_LIBDIR")
}

# Installs the build under test.
install_build() {
    meson install -C "$BUILD" --no-rebuild --quiet --destdir "$tmp/image"
    use_installed "$tmp/image"
    export PKG_CONFIG_SYSROOT_DIR=$tmp/image
}

# Installs a user's build with the options of a distribution, to a prefix that several of these tests share and do not
# change.
installed_prefix() {
    local build=$BUILD/package
    mkdir -p "$build"
    exec 9>"$build/lock" # one test at a time
    flock 9 2>/dev/null || true
    if [ ! -f "$build/build/build.ninja" ]; then
        meson setup "$build/build" "$SOURCE" --prefix="$build/prefix" --buildtype=debugoptimized -Dtests=disabled \
            -Dexamples=false
    fi >"$build/setup.txt" 2>&1 || fail "$(cat "$build/setup.txt")"
    # Only after a change: other tests may use what is there.
    if [ ! -f "$build/installed" ] || [ -n "$(find "$SOURCE"/{meson.build,meson_options.txt,include,src,docs} \
        -newer "$build/installed" -print -quit)" ]; then
        : >"$build/begun"
        meson install -C "$build/build" >"$build/install.txt" 2>&1 || fail "$(cat "$build/install.txt")"
        mv "$build/begun" "$build/installed"
    fi
    exec 9>&-
    # shellcheck disable=SC2034 # for those who source this
    prefix=$build/prefix
    use_installed "$prefix"
}

# repository_copy DIRECTORY: the source tree without build results, committed to a new repository there. It also works
# in a tarball.
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
