#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The documents: every block of C and C++ compiles, every program prints what stands below it, every named call and
# every link target exists. site.sh tests the site that is made of them.
. "$(dirname -- "$0")/common.sh"

install_build
export LD_LIBRARY_PATH=$libdir
header=$(find "$tmp/image" -name condvar.h)
cd "$SOURCE"
documents=(README.md CHANGELOG.md docs/*.md docs/*/*.md)

# ---- Code. blocks/NAME.N.LANGUAGE, with the line numbers of the document for the compiler's messages ----

mkdir "$tmp/blocks"
for document in "${documents[@]}"; do
    awk -v base="$tmp/blocks/$(basename "$document" .md)" -v document="$document" '
        /^```/ && inside { inside = 0; next }
        /^```(c|cpp|text)$/ {
            inside = 1
            file = sprintf("%s.%03d.%s", base, ++n, substr($0, 4))
            if ($0 != "```text")
                printf "#line %d \"%s\"\n", NR + 1, document >file
            next
        }
        inside { print >file }' "$document"
done
[ "$(find "$tmp/blocks" -name 'tutorial.*.c' | wc -l)" -ge 6 ] || fail 'docs/tutorial.md has lost its programs'

# A recipe links its program in docs/cookbook/ and quotes it: each block stands in the program, line by line.
python3 - docs/cookbook.md docs/cookbook/*.c <<'END' || fail 'a recipe and its program differ'
import pathlib, re, sys
page, unquoted = pathlib.Path(sys.argv[1]), set(sys.argv[2:])
for section in page.read_text().split("\n## ")[1:]:
    title = section.splitlines()[0]
    program = re.search(r"\((cookbook/\w+\.c)\)", section)
    blocks = re.findall(r"^```c\n(.*?)^```$", section, re.M | re.S)
    if not program or not blocks:
        sys.exit(f"{page}: '{title}' does not quote a program")
    program = page.parent / program[1]
    unquoted.discard(str(program))
    for block in blocks:
        if "\n" + block not in "\n" + program.read_text():
            sys.exit(f"{page}: '{title}': not in {program}:\n{block}")
if unquoted:
    sys.exit(f"{page} does not quote {unquoted}")
END
rm "$tmp"/blocks/cookbook.*.c
for program in docs/cookbook/*.c; do
    block=$tmp/blocks/recipe-$(basename "$program" .c).001.c
    printf '#line 1 "%s"\n' "$program" | cat - "$program" >"$block"
    sed -n '/^\/\* Prints:$/,/^ \*\/$/{/^\/\* Prints:$/d;/^ \*\/$/d;p;}' "$program" >"${block%1.c}2.text"
done

programs=0
for block in "$tmp"/blocks/*.c "$tmp"/blocks/*.cpp; do
    case $block in
    *.c) compile=($CC -std=c11 "-I$SOURCE/src") ;; # (a port includes its contract)
    *.cpp)
        command -v "$CXX" >/dev/null || continue
        if grep co_await "$block" >/dev/null; then compile=("$CXX" -std=c++20); else compile=("$CXX" -std=c++17); fi
        [ "$CXX" != g++ ] || compile+=(-Wno-subobject-linkage) ;; # clang does not know it
    esac
    # shellcheck disable=SC2207 # a list of options
    compile+=(-Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags condvar) -D_GNU_SOURCE)
    if ! grep 'int main(' "$block" >/dev/null; then
        "${compile[@]}" -fsyntax-only "$block" || fail "does not compile: $(head -n 1 "$block")"
        continue
    fi
    # shellcheck disable=SC2046 # a list of options
    "${compile[@]}" -U_GNU_SOURCE -o "$tmp/program" "$block" $(pkg-config --libs condvar) -pthread ||
        fail "does not compile: $(head -n 1 "$block")"
    # The next block is its output.
    name=${block%.*}
    expected=$(printf '%s.%03d.text' "${name%.*}" $((10#${name##*.} + 1)))
    [ -f "$expected" ] || fail "its output does not follow: $(head -n 1 "$block")"
    for _ in 1 2 3 4 5; do
        expect "$expected" timeout 60 "$tmp/program"
    done
    programs=$((programs + 1))
done
[ $programs -ge 20 ] || fail "only $programs programs"

# ---- Names: each name with the prefix of the library exists ----

grep -ohE '\b(cond_[a-z_]+\(|COND_[A-Z_]+[A-Z]\b)' "${documents[@]}" | tr -d '(' | sort -u | while read -r name; do
    grep -rqE "\b$name\b" "$header" src || fail "no such name in condvar.h: $name"
done
# The second column of the comparison in README.md names calls without parentheses.
sed -n '/^## If you come from/,/^```/p' README.md | awk -F ' *[|] *' '$3 ~ /^`(cond|COND)_[A-Za-z_]+`$/ { print $3 }' |
    tr -d '`' | sort -u >"$tmp/mapped"
[ "$(wc -l <"$tmp/mapped")" -ge 12 ] || fail 'README.md has lost its table of calls'
while read -r name; do
    grep -E "\b$name\b" "$header" >/dev/null || fail "README.md maps to $name, which is not in condvar.h"
done <"$tmp/mapped"
for name in cond_acquire cond_release cond_wait cond_wait_for cond_notify cond_notify_all cond_init cond_destroy; do
    grep -qx "$name" "$tmp/mapped" || fail "README.md has no row for $name"
done

# ---- Links: [text](target#anchor) and [label]: target#anchor, relative to the document. Anchors are headings as forges
# spell them ----

anchors() {
    awk '/^```/ { code = !code } /^#+ / && !code' "$1" | sed -E 's/^#+ +//; s/`//g; s/\[([^]]*)\]\([^)]*\)/\1/g' |
        tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'
}
for document in "${documents[@]}" docs/performance/*/*.md src/package/README.md src/package/embedded/README.md; do
    awk '/^```/ { code = !code } !code' "$document" | sed -E 's/^\[[^]]+\]: +([^ ]+)$/](\1)/' |
        { grep -oE '\]\([^)]+\)' || true; } | sed -E 's/^\]\((.*)\)$/\1/' | sort -u |
        while read -r target; do
            case $target in
            http://* | https://*) continue ;;
            esac
            file=${target%%#*}
            path=$document
            [ -z "$file" ] || path=$(dirname "$document")/$file
            [ -e "$path" ] || fail "$document leads to $target, which does not exist"
            if [ "$target" != "$file" ]; then
                anchors "$path" | grep -x -- "${target#*#}" >/dev/null || fail "$document leads to $target: no such heading"
            fi
        done
done
# The version.
version=$(sed -n "s/^ *version: '\(.*\)',/\1/p" meson.build)
grep -F "single_header.py condvar_single.h $version LICENSE" docs/porting.md >/dev/null ||
    fail "docs/porting.md does not have version $version"
# Each page can be reached from README.md, and each page of a folder from a page.
for page in docs/*.md; do
    grep -F "($page" README.md >/dev/null || fail "README.md does not lead to $page"
done
for page in docs/*/*.md; do
    grep -F "${page#docs/}" README.md docs/*.md >/dev/null || fail "no page leads to $page"
done
for drawing in docs/drawings/*.svg; do
    grep -F "(drawings/$(basename "$drawing"))" docs/*.md >/dev/null || fail "no page shows $drawing"
    python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$drawing" || fail "$drawing is no SVG"
done
