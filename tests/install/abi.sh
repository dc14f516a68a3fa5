#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The library's binary interface has not changed: programs that were compiled with the recorded header still run.
. "$(dirname -- "$0")/common.sh"

record=$SOURCE/tests/install/abi/$(uname -m).abi
need abidiff
[ -f "$record" ] || skip "no ABI was recorded for $(uname -m)"
[ -f "$BUILD/src/libcondvar.so" ] || skip 'this build has no shared library'
readelf -S "$BUILD/src/libcondvar.so" | grep '\.debug_info' >/dev/null || skip 'this build has no debugging information'

status=0
abidiff --no-show-locs --headers-dir2 "$SOURCE/include" --drop-private-types \
    "$record" "$BUILD/src/libcondvar.so" >"$tmp/changes" 2>&1 || status=$?
[ $status = 0 ] || fail 'The ABI has changed. If that is intended: tests/install/abi/record.sh' "$(cat "$tmp/changes")"
