#!/bin/sh
# soak_mutations.sh [--one] SOURCE-ROOT SOAK COMPILER...: the soak must detect these; --one: the first
# SPDX-License-Identifier: MIT
set -eu
one=false
if [ "$1" = --one ]; then
    one=true
    shift
fi
root=$1
soak=$2
shift 2
# shellcheck source=tests/mutate.sh
. "$root/tests/mutate.sh"
mutations_begin

# mutation NAME TARGET REPLACEMENT COMPILER...: the soak must end with a violation.
mutation() {
    put_library "$@" || return 0
    # Until it is detected; the caller has a limit on time.
    if LD_PRELOAD=$work/libcondvar.so "$soak" --minutes 1000 --hang 5 >"$work/out" 2>"$work/err"; then
        not_detected 'NOT detected'
    elif ! grep -q '^violation: ' "$work/err"; then
        not_detected 'the soak itself has failed:'
        tail -n 20 "$work/err"
    else
        is_detected ": $(tail -n 1 "$work/out")"
        echo "    $(grep '^violation: ' "$work/err")"
        grep '\.c:[0-9]*: \|^  <cond' "$work/err" | head -n 2 | sed 's/^/    /'
    fi
}

"$soak" --runs 30 --hang 5 # without a mutation it must pass
mutation 'a notify is spent on an expired waiter' choose-expired always "$@"
$one || mutation 'an owner that died is not reported' owner-died 'return 0;' "$@"
$one || mutation 'a sleeping waiter is not woken' wake-asleep delete "$@"
mutations_end
