#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The manual pages: every function has one, with the declaration of the header. They are well formed, their references
# exist, and their examples compile.
. "$(dirname -- "$0")/common.sh"

install_build
header=$(find "$tmp/image" -name condvar.h)
man=$(dirname "$(dirname "$(find "$tmp/image" -name condvar.7)")")
cd "$man" # `.so` names start here

# ---- The header's declarations, and those of the pages, one a line: "int cond_notify(cond_t *cond, size_t n);" ----

# Without the attributes for clang's analysis.
grep '^COND_API ' "$header" | sed -E 's/^COND_API //; s/ COND_[A-Z]+_?\(\*[a-z]+\);$/;/' | LC_ALL=C sort >"$tmp/declared"
grep -q cond_wait "$tmp/declared" || fail 'no declarations found in the header'

# A quoted argument is one word. .Fo to .Fc is a function, .Ft before it its type.
awk '
    { argument = $0; sub(/^\.F[a-z] */, "", argument); gsub(/"/, "", argument) }
    $1 == ".Ft" { type = argument ~ /\*$/ ? argument : argument " " }
    $1 == ".Fo" { name = argument; arguments = "" }
    $1 == ".Fa" && name != "" { arguments = arguments (arguments == "" ? "" : ", ") argument }
    $1 == ".Fc" { print type name "(" arguments ");"; name = "" }
' man3/*.3 | LC_ALL=C sort >"$tmp/documented"
diff -u "$tmp/declared" "$tmp/documented" >&2 || fail 'the header (-) and the manual pages (+) differ'

# ---- Each has a page of its own name, which shows it ----

sed -E 's/^[^(]*[ *]([a-z_0-9]+)\(.*/\1/' "$tmp/declared" | while read -r name; do
    page=man3/$name.3
    [ -f "$page" ] || fail "no page for $name"
    if grep -q '^\.so ' "$page"; then
        page=$(sed -n 's/^\.so //p' "$page")
        [ -f "$page" ] || fail "the page for $name refers to $page, which does not exist"
    fi
    grep -qx "\.Fo $name" "$page" || fail "$page does not show $name"
    grep -qE "^\.Nm $name( ,)?\$" "$page" || fail "$page is not called $name"
    echo "$name" >>"$tmp/names"
done
if command -v man >/dev/null; then
    # shellcheck disable=SC2046 # a list of names
    man -M "$man" -w $(cat "$tmp/names") 7 condvar >"$tmp/found" || fail 'man does not find them all'
fi

# ---- Form ----

pages=(man7/condvar.7)
for page in man3/*.3; do
    if grep -q '^\.so ' "$page"; then
        [ -f "$(sed -n 's/^\.so //p' "$page")" ] || fail "the target of $page does not exist"
    else
        pages+=("$page")
        for section in NAME SYNOPSIS DESCRIPTION 'RETURN VALUES' EXAMPLES ERRORS 'SEE ALSO'; do
            grep -qx "\.Sh $section" "$page" || fail "$page has no $section"
        done
        grep -q "^\.Xr $(basename "$page" .3) 3" man7/condvar.7 || fail "condvar.7 does not name $page"
    fi
done
for reference in $(sed -nE 's/^\.Xr (cond[a-z_]*) ([37]).*/man\2\/\1.\2/p' "${pages[@]}" | sort -u); do
    [ -f "$reference" ] || fail "a page refers to $reference, which does not exist"
done

# ---- Examples: each block is a C file. (One block in condvar.7's SYNOPSIS is a command.) ----

for page in "${pages[@]}"; do
    rm -f "$tmp"/example*.c
    awk -v base="$tmp/example" '
        /^\.Sh / { examples = $2 == "EXAMPLES" }
        /^\.Ed/ { inside = 0 }
        inside { gsub(/\\e/, "\\"); print >file }
        /^\.Bd -literal/ && examples { inside = 1; file = base (++n) ".c"; print "#include <condvar.h>" >file }' "$page"
    [ -f "$tmp/example1.c" ] || fail "$page has no example"
    for example in "$tmp"/example*.c; do
        # shellcheck disable=SC2046,SC2086 # lists of options
        $CC -std=gnu11 -Wall -Wextra -Wpedantic -Werror -Wno-unused-variable -Wno-unused-function -fsyntax-only \
            -DCONDVAR_OBSERVER $(pkg-config --cflags condvar) "$example" || fail "an example of $page does not compile"
    done
done

command -v mandoc >/dev/null || skip 'mandoc is not installed: the form of the pages was not checked'
# References to other projects' pages are not checked.
for page in "${pages[@]}"; do
    mandoc -T lint "$page" 2>&1 || true
done | grep -vE 'referenced manual not found|outdated mandoc.db' >"$tmp/lint" || true
[ ! -s "$tmp/lint" ] || fail "$(cat "$tmp/lint")"
