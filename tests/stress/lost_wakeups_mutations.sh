#!/bin/sh
# lost_wakeups_mutations.sh SOURCE-ROOT PORT COMPILER...: a test of lost_wakeups.c
# SPDX-License-Identifier: MIT
#
# It must hang, and report that, where a woken sleeper does not set SLEEPERS again.
set -eu
root=$1
port=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mutation='a woken sleeper does not set SLEEPERS again'
"$root/tests/mutations/mutations.sh" --copy "$mutation" "$work" "$root" "$@"
"$@" -std=gnu11 -O1 "-DCONDVAR_PORT_$port" '-DTUNING_STARVATION_NS=INT64_C(100000000000000)' \
    '-DHANGS_NS=COND_SEC(5)' \
    -I"$root/include" -I"$work/src" -I"$root/tests/stress" \
    -o "$work/program" "$root/tests/stress/lost_wakeups.c" -pthread
if "$work/program" --scale 5 >"$work/out" 2>&1; then
    echo "$mutation: NOT detected by lost_wakeups"
    exit 1
fi
grep 'sleeps and is not woken' "$work/out"
