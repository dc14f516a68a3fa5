#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The installed library has the probes that docs/tracing.md lists, with these arguments, and a debugger stops at them. A
# library that was built without probes has none.
. "$(dirname -- "$0")/common.sh"

# shellcheck disable=SC2086 # a list of words
echo '#include <sys/sdt.h>' | $CC -E - >/dev/null 2>&1 || skip 'sys/sdt.h is not installed'
installed_prefix
[ -f "$libdir/libcondvar.so" ] || skip 'this build has no shared library'

# Prints each probe in a library: its name and the number of arguments.
probes_of() {
    readelf -n "$1" | awk '
        $1 == "Provider:" { ours = $2 == "condvar" }
        $1 == "Name:" && ours { name = $2 }
        $1 == "Arguments:" && ours { print name, NF - 1 }' | LC_ALL=C sort -u
}
sed -nE 's/^\| `condvar:([a-z]+)` \| (.*) \|.*\|$/\1 \2/p' "$SOURCE/docs/tracing.md" |
    awk '{ print $1, gsub(/`[a-z_]+`/, "") }' | LC_ALL=C sort >"$tmp/documented"
[ "$(wc -l <"$tmp/documented")" -ge 5 ] || fail 'docs/tracing.md has no table of probes'
for library in "$libdir/libcondvar.so" "$libdir/libcondvar.a"; do
    [ -f "$library" ] || continue
    probes_of "$library" | diff -u "$tmp/documented" - >&2 || fail "docs/tracing.md (-) and $library (+) have other probes"
done

meson setup "$tmp/without" "$SOURCE" -Dprobes=disabled -Dobserver=enabled -Dtests=disabled -Dexamples=false >"$tmp/said"
grep 'probes.*left out: disabled' "$tmp/said" >/dev/null || fail 'no message of Meson that the probes are left out'
meson compile -C "$tmp/without" >"$tmp/said" || fail "$(cat "$tmp/said")"
[ -z "$(probes_of "$tmp/without/src/libcondvar.so")" ] || fail 'a library without probes has some'

# The observer, another receiver of the same events, is in that library, and in no other.
nm -D --defined-only "$tmp/without/src/libcondvar.so" | grep ' cond_set_observer' >/dev/null ||
    fail 'a library with an observer does not export cond_set_observer()'
grep -e '-DCONDVAR_OBSERVER' "$tmp/without/meson-private/condvar.pc" >/dev/null ||
    fail 'condvar.pc has no -DCONDVAR_OBSERVER'
! nm "$libdir/libcondvar.a" | grep -i observe || fail 'a library without an observer has a part of it'

# ---- Are they passed? Each stop prints the probe's name and its last argument. ----

command -v gdb >/dev/null || skip 'no gdb here: whether the probes are passed was not looked at'
gdb -nx -batch -ex run /bin/true 2>&1 | grep 'exited normally' >/dev/null || skip 'gdb may not run programs here'
# shellcheck disable=SC2046,SC2086 # lists of options
$CC -g -o "$tmp/app" "$SOURCE/tests/install/probes.c" $(pkg-config --cflags --libs condvar) -pthread
{
    echo 'set breakpoint pending on'
    echo 'break main'
    echo 'run'
    while read -r name arguments; do
        echo "break -probe-stap condvar:$name"
        echo commands
        echo silent
        echo "printf \"passed $name %lld %lld\n\", (long long)\$_probe_arg0, (long long)\$_probe_arg$((arguments - 1))"
        echo continue
        echo end
    done <"$tmp/documented"
    echo continue
} >"$tmp/commands"
LD_LIBRARY_PATH=$libdir gdb -nx -batch -iex 'set debuginfod enabled off' -x "$tmp/commands" "$tmp/app" >"$tmp/said" 2>&1 ||
    fail "$(cat "$tmp/said")"
passed() {
    [ "$(grep -cE "^passed $2\$" "$tmp/said")" = "$1" ] || fail "not passed $1 times: $2" "$(cat "$tmp/said")"
}
passed 6 'wait [0-9]+ -?[0-9]+'
passed 5 "wait [0-9]+ $((2 ** 63 - 1))" # COND_FOREVER
passed 1 "again [0-9]+ $((2 ** 63 - 1))"
passed 3 'wake [0-9]+ 0'
passed 1 'wake [0-9]+ 110' # ETIMEDOUT
passed 2 'wake [0-9]+ 125' # ECANCELED
passed 1 'notify [0-9]+ -1'
passed 1 'cancel [0-9]+ [1-9][0-9]*'
passed 1 'cancel [0-9]+ 0' # a close
passed 4 'handover [0-9]+ [0-9]+'
[ "$(grep -cE '^passed contended ' "$tmp/said")" -ge 1 ] || fail 'contended was not passed' "$(cat "$tmp/said")"
# All of them name the same condition.
[ "$(sed -nE '/^passed contended /d; s/^passed [a-z]+ ([0-9]+) .*/\1/p' "$tmp/said" | sort -u | wc -l)" = 1 ] ||
    fail 'the probes name several conditions' "$(cat "$tmp/said")"
