#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each file says under which licence it is, and `reuse lint` finds nothing missing.
. "$(dirname -- "$0")/common.sh"

if ! command -v git >/dev/null; then
    echo 'no git here'
    exit 77
fi
repository_copy "$tmp/repository"
cd "$tmp/repository"

# What can hold a comment has the line itself; prose, records and what tools make are in .reuse/dep5.
git ls-files | grep -vE '\.(md|abi|svg|json)$|^LICENSE$|^docs/man/link\.in$|^tests/fuzz/corpus/' | while read -r file; do
    head -n 3 "$file" | grep 'SPDX-License-Identifier: MIT' >/dev/null || fail "$file does not say its licence"
done

if ! command -v reuse >/dev/null; then
    echo 'no reuse here'
    exit 77
fi
# (Its rules want the text of the licence in a folder for licences. Here it is where everybody looks first: LICENSE.)
mkdir LICENSES
cp LICENSE LICENSES/MIT.txt
reuse lint >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
