#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# counters_mutation.sh SOURCE-ROOT COMPILER... - the peer of counters.c: this library with a mutation
#
# Its tickets are compared by size. Builds a copy with that, runs it, and exits as it does.
set -euo pipefail
root=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/mutate.sh
. "$root/tests/mutate.sh"
make_mutated_source "$root" "$work" 'shared_before()' '(void)free_below; return a < b;' || exit 99
"$@" -std=gnu11 -O2 -I"$root/include" -o "$work/counters" \
    "$root/tests/known_bugs/counters.c" "$work/src/all.c" -pthread
status=0
"$work/counters" ours || status=$?
exit $status
