#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# known_bugs.sh SOURCE-ROOT BUILD - bugs of other condition variables, tried on them and on this library: a table
#
# BUILD has the programs (the targets known_bugs-cases and stress-linearizable). Each row is a case; its file explains
# it, and docs/testing/known-bugs.md lists all. The table names what is not installed.
#
# The result of a peer is `shown`, `not shown`, or why it cannot be tried. Some peers are known to have the bug in this
# version: if it is not shown, the detector is broken, and so is the row. Exit status 0 if no row is broken and this
# library has never failed.
set -euo pipefail
root=$1
build=$2
here=$root/tests/known_bugs
bin=$build/tests/known_bugs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
broken=0
rows=0

have() { command -v "$1" >/dev/null 2>&1; }

# before VERSION OTHER: whether VERSION is older.
before() { [ "$1" != "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# try COMMAND...: sets verdict (works, shown, cannot, broken) and said.
try() {
    local status=0
    "$bin/known_bugs-watch" "$@" >"$work/said" 2>&1 || status=$?
    said=$(tail -n 1 "$work/said")
    case $status in
    0) verdict=works ;;
    1 | 3) verdict=shown ;;
    77) verdict=cannot ;;
    *) verdict=broken ;;
    esac
}

# row CASE PEER KNOWN PEER-COMMAND OURS-COMMAND: KNOWN is `has` if this peer is known to have the
# bug. An empty PEER-COMMAND: it is not installed. The commands are lists of words.
row() {
    local peers ours
    rows=$((rows + 1))
    printf '%s\n' "$1" >&2
    if [ -z "$4" ]; then
        peers='not installed'
    else
        # shellcheck disable=SC2086 # a list of words
        try $4
        case $verdict:$3 in
        shown:has) peers="shown, as expected: $said" ;;
        shown:*) peers="shown: $said" ;;
        works:has)
            peers="NOT SHOWN, although this version has it: the detector is broken: $said"
            broken=$((broken + 1)) ;;
        works:*) peers="not shown by this version: $said" ;;
        cannot:*) peers="cannot be tried here: $said" ;;
        *)
            peers="BROKEN: $said"
            broken=$((broken + 1)) ;;
        esac
    fi
    # shellcheck disable=SC2086 # a list of words
    try $5
    case $verdict in
    works) ours="passes: $said" ;;
    cannot) ours="cannot be tried here: $said" ;;
    *)
        ours="FAILS: $said"
        broken=$((broken + 1)) ;;
    esac
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$peers" "$ours" >>"$work/table"
}

# ---- Versions ----

glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed 's/^glibc //')
libc="C library${glibc:+: glibc $glibc}"
python=$(python3 -c 'import platform; print(platform.python_version())' 2>/dev/null || true)
libstdcxx=$(g++ -dumpfullversion 2>/dev/null || true)
musl=$( (/lib/ld-musl-"$(uname -m)".so.1 2>&1 || true) | sed -n 's/^Version //p')

# has WORD...: `has`, if this command succeeds.
has() { if "$@"; then echo has; else echo unknown; fi; }
has_glibc() { [ -n "$glibc" ]; }
glibc_before() { has_glibc && before "$glibc" "$1"; }

# ---- The cases ----

row 'a wake-up is stolen (glibc bug 25847)' "$libc" "$(has glibc_before 2.41)" \
    "$build/tests/stress/stress-linearizable --peer glibc" \
    "$build/tests/stress/stress-linearizable --disturb aimed --scale 3"
row 'a timeout swallows a notification' "threading.Condition${python:+, Python $python}" has \
    "${python:+python3 $here/python_timeout.py}" "$bin/known_bugs-timeout_swallows ours"
row 'a cancel loses a notification' "asyncio.Condition${python:+, Python $python}" \
    "$(has before "${python:-99}" 3.12)" \
    "${python:+python3 $here/asyncio_cancel.py}" "$bin/known_bugs-cancel_loses ours"
row 'a killed waiter blocks the notifier' "multiprocessing.Condition${python:+, Python $python}" has \
    "${python:+python3 $here/multiprocessing_dies.py KILL}" "$bin/known_bugs-waiter_dies ours-killed"
row 'a stopped waiter blocks the notifier' "multiprocessing.Condition${python:+, Python $python}" has \
    "${python:+python3 $here/multiprocessing_dies.py STOP}" "$bin/known_bugs-waiter_dies ours-stopped"
row 'a killed sleeper loses a wake-up' "robust mutex, $libc" "$(has has_glibc)" \
    "$bin/known_bugs-robust_forgets pthread" "$bin/known_bugs-robust_forgets ours"
row 'touched after destroy' "condition_variable_any, libstdc++ $libstdcxx" fixed \
    "${libstdcxx:+$bin/known_bugs-destroyed libstdc++}" "$bin/known_bugs-destroyed ours"
row 'touched after destroy' 'a model without shared ownership' has \
    "${libstdcxx:+$bin/known_bugs-destroyed model}" "$bin/known_bugs-destroyed ours"
row 'only one of two levels is released' "recursive mutex, $libc" has \
    "$bin/known_bugs-recursive_lock pthread" "$bin/known_bugs-recursive_lock ours"
row 'only one of two levels is released' "recursive mutex, $libc" has \
    "$bin/known_bugs-recursive_lock pthread" "$bin/known_bugs-recursive_lock ours-adopted"
row 'the wall clock steps during a wait' "pthread_cond_timedwait, $libc" has \
    "$bin/known_bugs-clock_step pthread" "$bin/known_bugs-clock_step ours"
row 'a timeout is not counted' "a model of tinycthread's for Windows" has \
    "$bin/known_bugs-timeout_counts model" "$bin/known_bugs-timeout_counts ours"
if have musl-gcc && musl-gcc -static -std=gnu11 -O2 -I"$root/include" -o "$work/leaving" "$here/leaving.c" \
    "$root/src/all.c" >"$work/said" 2>&1; then
    leaving_musl=$work/leaving
fi
row 'a signaller waits for a waiter that leaves' "musl $musl" has \
    "${leaving_musl:+$leaving_musl pthread}" "$bin/known_bugs-leaving ours"
row 'a signaller waits for a waiter that leaves' "$libc" unknown \
    "$bin/known_bugs-leaving pthread" "$bin/known_bugs-leaving ours"
row 'destroy hangs in a forked child' "$libc" "$(has has_glibc)" \
    "$bin/known_bugs-fork_destroy pthread" "$bin/known_bugs-fork_destroy ours"
row 'counters wrap' 'ours, with tickets compared by size' has \
    "$here/counters_mutation.sh $root ${CC:-gcc}" "$bin/known_bugs-counters ours"

# ---- The table ----

printf '\n%s\n%s\n' 'case | peer | result of the peer | ours' '--- | --- | --- | ---'
awk -F '\t' '{ printf "%s | %s | %s | %s\n", $1, $2, $3, $4 }' "$work/table"
printf '\n%d cases, %d broken\n' "$rows" "$broken"
[ "$broken" -eq 0 ]
