#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# record.sh - record the library's binary interface: tests/install/abi/record.sh [LIBRARY [FILE]]
#
# It has the exported functions, their parameters, and the sizes of the structs, on which compiled programs depend. It is
# in tests/install/abi/MACHINE.abi, and abi.sh compares with it. Run it after an intended change of condvar.h. After the
# release of 0.1.0 a change also needs another soversion and another name in condvar.map, unless it only adds functions.
#
# LIBRARY is a libcondvar.so with debugging information; without it, one is built in .build/abi. FILE is the output.
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

# Without private types, and without what depends on the build folder.
abidw --headers-dir "$root/include" --drop-private-types --exported-interfaces-only \
    --no-corpus-path --no-comp-dir-path --no-show-locs --type-id-style hash \
    "$library" >"${2-$here/$(uname -m).abi}"
