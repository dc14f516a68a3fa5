#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# record - write down the library's binary interface: tests/install/abi/record.sh [LIBRARY [FILE]]
#
# What programs rely on that were compiled yesterday: the exported functions, their parameters, and the sizes
# of the structs. Kept for each machine in tests/install/abi/MACHINE.abi, and compared by tests/install/abi.sh.
# To be run after an intended change of condvar.h. Once 0.1.0 is out such a change also needs, in src/, another
# soversion and another name in condvar.map, unless it only adds functions.
#
# LIBRARY is a libcondvar.so with debugging information; without it one is built, in .build/abi. FILE is where
# to write.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$(dirname -- "$(dirname -- "$here")")")

if [ $# -gt 0 ]; then
    library=$1
else
    build=$root/.build/abi
    [ -f "$build/build.ninja" ] ||
        CC=${CC:-gcc} meson setup "$build" "$root" --buildtype=debugoptimized -Dtests=disabled -Dexamples=false
    meson compile -C "$build"
    library=$build/src/libcondvar.so
fi

# Without what is the library's own business, and without what differs from one place of building to another.
abidw --headers-dir "$root/include" --drop-private-types --exported-interfaces-only \
    --no-corpus-path --no-comp-dir-path --no-show-locs --type-id-style hash \
    "$library" >"${2-$here/$(uname -m).abi}"
