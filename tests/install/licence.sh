#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Each file names its licence, and `reuse lint` finds nothing missing. No file has an unresolved merge conflict.
. "$(dirname -- "$0")/common.sh"

need git
repository_copy "$tmp/repository"
cd "$tmp/repository"

# A file that can hold a comment has the line itself. Prose, records and generated files are in .reuse/dep5.
git ls-files | grep -vE '\.(md|abi|svg|json)$|^LICENSE$|^docs/man/link\.in$|^tests/fuzz/corpus/' | while read -r file; do
    head -n 3 "$file" | grep 'SPDX-License-Identifier: MIT' >/dev/null || fail "$file does not name its licence"
done

# The control: a file with a conflict is found.
conflicts='^(<{7}|>{7})( |$)'
printf '%s\n' ' a' '<<<<<<< HEAD' ' b' '=======' ' c' '>>>>>>> main' >"$tmp/conflict"
grep -qE "$conflicts" "$tmp/conflict" || fail 'a merge conflict was not found'
! git grep -nE "$conflicts" >"$tmp/said" || fail 'there are merge conflicts:' "$(cat "$tmp/said")"

need reuse
# reuse requires a folder LICENSES. Here the text is in LICENSE.
mkdir LICENSES
cp LICENSE LICENSES/MIT.txt
reuse lint >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
