#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# relacy.sh SOURCE-ROOT SCHEDULES [all|some] - the library on a machine with a weak memory (machine.h)
#
# Runs so many schedules of each scenario, which must all pass. Then it runs them with mutations, which must be detected
# (memory_orders.sh): all mutations, or every sixth. Exit status 77 if Relacy's headers are not installed.
set -euo pipefail
root=$1
number=$2
which=${3:-some}
here=$root/tests/model/relacy
compiler=(gcc)

if ! echo '#include <relacy/relacy.hpp>' | g++ -x c++ -E - >/dev/null 2>&1; then
    echo 'Relacy is not installed (Debian: relacy-dev), or g++ is not.'
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/model/relacy/build.sh
. "$here/build.sh"
g++ -std=gnu++17 -O1 -w -c "$here/machine.cpp" -o "$work/machine.o"
compile "$root/src" "$here/unit.c" "$work/unit.o"
compile "$root/src" "$here/scenarios.c" "$work/scenarios.o"
g++ "$work/unit.o" "$work/scenarios.o" "$work/machine.o" -o "$work/machine"
"$work/machine" all "$number"
if [ "$which" = all ]; then
    "$here/memory_orders.sh" "$root" "$work/machine.o" "${compiler[@]}" -- 100000
else
    "$here/memory_orders.sh" "$root" "$work/machine.o" "${compiler[@]}" -- --some
fi
