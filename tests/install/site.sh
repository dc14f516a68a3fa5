#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The site: Doxygen makes it without a warning, no link is dead, no picture is missing, and the reference is complete.
. "$(dirname -- "$0")/common.sh"

# Without Doxygen: one sentence.
! PATH=$tmp /bin/sh "$SOURCE/docs/site/make.sh" 0 "$tmp/nothing" >"$tmp/said" 2>&1 || fail 'made without Doxygen'
echo 'The site needs Doxygen: install the package doxygen.' | diff - "$tmp/said" >&2 || fail 'an unexpected message'
need doxygen

meson setup "$tmp/a site" "$SOURCE" -Dtests=disabled -Dexamples=false >"$tmp/said" || fail "$(cat "$tmp/said")"
meson compile -C "$tmp/a site" docs >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
! grep -iE '(warning|error):' "$tmp/said" >&2 || fail 'Doxygen prints warnings'
html="$tmp/a site/docs/html"

# ---- Links and pictures. The control: a page with three that are dead, and three that are not ----

links() { python3 "$SOURCE/tests/install/site_links.py" "$1"; }
links "$html" >&2 || fail 'dead links'
mkdir "$tmp/control"
cat >"$tmp/control/page.html" <<'HTML'
<h1 id="here">A page</h1>
<a href="#here">.</a> <a href="page.html#here">.</a> <a href="https://example.org/">.</a>
<a href="gone.html">.</a> <a href="#gone">.</a> <img src="gone.svg" alt="">
HTML
! links "$tmp/control" >"$tmp/dead" || fail 'no dead link was detected'
printf 'page.html leads to %s\n' '#gone' gone.html gone.svg | diff - "$tmp/dead" >&2 || fail 'the control is wrong'

# ---- The reference ----

cd "$html"
grep '^COND_API ' "$SOURCE/include/condvar.h" | sed -E 's/^[^(]*[ *]([a-z_0-9]+)\(.*/\1/' >"$tmp/names"
[ "$(wc -l <"$tmp/names")" -gt 50 ] || fail 'condvar.h has lost its calls'
printf '%s\n' COND_WITH COND_GUARD COND_FOREVER >>"$tmp/names"
while read -r name; do
    grep -E "</span>$name(\(\))?</h2>" group__c__*.html >/dev/null || fail "the reference has no $name"
done <"$tmp/names"
describes() { # CLASS FILE: the page has its constructors and the calls of its base class
    local name
    for name in "$1" acquire try_acquire acquire_until release lock try_lock try_lock_for try_lock_until unlock; do
        grep -E "</span>${name//__/_}\(\)" "$2" >/dev/null || return
    done
}
for class in condition lock__handle; do
    describes $class "classcondvar_1_1$class.html" || fail "the reference of $class is not complete"
    for name in "$class" lock; do
        sed "/<\/span>${name//__/_}()/d" "classcondvar_1_1$class.html" >"$tmp/less.html"
        ! describes $class "$tmp/less.html" || fail "not noticed: $class has no $name()"
    done
done
# What stands in comments of its own: the rules, processes, static analysis.
grep -q 'No call changes errno' group__reference.html || fail 'the site has no rules'
grep -q 'When a holder is killed' group__c__processes.html || fail 'the site has no section on processes'
grep -q 'Wthread-safety' group__c__static__analysis.html || fail 'the site has no section on static analysis'
# Nothing private.
! grep -lE '(cancelled_|kind_|COND_CAPABILITY_|COND_ROBUST_WORDS_|COND_WITH_NAME_)' group__*.html class*.html >&2 ||
    fail 'the reference has private names'
! ls | grep -E '^(struct|union)' | grep -vx structcond__lock__ops.html >&2 || fail 'pages of private structs'

# The start page has the plot that matters. (That pictures exist is tested above.)
grep -q 'data="[^"]*buffer\.svg"' index.html || fail 'the start page has no plot'

# For a phone and in the dark; a wide table scrolls.
for page in *.html; do
    if ! grep -q '<meta name="viewport"' "$page" || ! grep -q 'href="style.css"' "$page"; then
        fail "$page: no viewport or style"
    fi
done
grep -q 'prefers-color-scheme: dark' style.css || fail 'no dark colours'
sed -n '/^table/,/^}/p' style.css | grep -q 'overflow-x: auto' || fail 'a wide table does not scroll'

# The order of the menu.
expected='index readme tutorial cookbook tasks from-pthreads reference-misuse design porting testing performance '
expected+='tracing files changelog '
order=$(sed -n '/<nav>/,/<\/nav>/s/.*href="\([a-z-]*\)\.html".*/\1/p' index.html | tr '\n' ' ')
[ "$order" = "$expected" ] || fail "the menu has another order: $order"
# It has each section of condvar.h, in the order of the header.
sed -n '/<nav>/,/<\/nav>/s/.*href="\(group__c__.*\)".*/\1/p' index.html >"$tmp/menu"
sed -n '/^.\* ======== Private/q;s/^.\* ---- \([^:]*[a-z]\)\(:.*\)\{0,1\} -*- \*.$/\1/p' \
    "$SOURCE/include/condvar.h" | tr '[:upper:]' '[:lower:]' | sed -E 's/[^a-z]+/__/g; s/.*/group__c__&.html/' |
    diff - "$tmp/menu" >&2 || fail 'the menu does not have the sections of condvar.h'
