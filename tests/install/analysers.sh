#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# clang's static analyser, clang-tidy (checks: .clang-tidy) and cppcheck find nothing in the library's sources for a
# POSIX system. As a control, each of them finds its error in analysers.c.
. "$(dirname -- "$0")/common.sh"

need clang-tidy cppcheck
cd "$SOURCE"

# The files for other systems need their headers. all.c includes the same files again.
sources=()
for file in src/*.c src/port/*.c; do
    case $file in
    src/all.c | src/port/windows.c) ;;
    *) sources+=("$file") ;;
    esac
done
[ ${#sources[@]} -gt 10 ] || fail "sources are missing: ${sources[*]}"

tidy() {
    clang-tidy --quiet "$@" -- -std=c11 -Iinclude -Isrc -DHAVE_PTHREAD_MUTEX_CLOCKLOCK 2>"$tmp/stderr"
}
check() {
    cppcheck --std=c11 --platform=unix64 --enable=warning,performance,portability --inline-suppr --quiet \
        --error-exitcode=1 -Iinclude -Isrc -D__linux__=1 -D__x86_64__=1 -DHAVE_PTHREAD_MUTEX_CLOCKLOCK "$@" 2>&1
}

# finds TEXT COMMAND...: the command fails and prints TEXT.
finds() {
    local text=$1
    shift
    ! "$@" >"$tmp/said" || fail "finds nothing in analysers.c: $1"
    grep -F -- "$text" "$tmp/said" >/dev/null || fail "does not find '$text': $1" "$(cat "$tmp/said")"
}
finds 'clang-analyzer-core.NullDereference' tidy tests/install/analysers.c
finds 'misc-redundant-expression' tidy tests/install/analysers.c
finds 'out of bounds' check tests/install/analysers.c

tidy "${sources[@]}" >"$tmp/said" || fail 'clang-tidy:' "$(cat "$tmp/said" "$tmp/stderr")"
check "${sources[@]}" >"$tmp/said" || fail 'cppcheck:' "$(cat "$tmp/said")"
