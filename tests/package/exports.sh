#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shared library exports what the header declares with COND_API, and nothing else.
. "$(dirname -- "$0")/package.sh"

install_build
header=$(find "$tmp/image" -name condvar.h)
library=$libdir/libcondvar.so
if [ ! -f "$library" ]; then
    echo 'this build has no shared library'
    exit 77
fi

grep '^COND_API ' "$header" | sed -E 's/^[^(]*[ *]([a-z_0-9]+)\(.*/\1/' | LC_ALL=C sort >"$tmp/declared"
nm -D --defined-only "$library" | awk '{ print $3 }' | LC_ALL=C sort >"$tmp/exported"

# No COND_API was overlooked, and no function has none.
marks=$(grep COND_API "$header" | grep -vcE '^# *define COND_API')
[ "$marks" = "$(wc -l <"$tmp/declared")" ] || fail 'a COND_API in the header is not at the beginning of a line'
! grep -E '^[a-z].*\bcond_[a-z_]+\(.*;' "$header" | grep -vE '^(typedef|static) ' >&2 || fail 'no COND_API'
grep -qx cond_wait_for "$tmp/declared" || fail 'cond_wait_for is not declared, or was not found'

diff -u "$tmp/declared" "$tmp/exported" >&2 || fail 'the header declares (-) and the library exports (+) other functions'
