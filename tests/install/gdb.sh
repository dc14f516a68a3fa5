#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gdb prints conditions and locks in words, with a script that it finds beside the installed library.
. "$(dirname -- "$0")/common.sh"

need_gdb
installed_prefix
[ -f "$libdir/libcondvar.so" ] || skip 'this build has no shared library'

# shellcheck disable=SC2046,SC2086 # lists of options
$CC -g -O0 -Wall -Wextra -Werror -o "$tmp/app" "$SOURCE/tests/install/gdb.c" $(pkg-config --cflags --libs condvar) -pthread

# The line for .gdbinit from docs/tracing.md, for a prefix other than /usr.
scripts=$prefix/share/gdb/auto-load
[ -d "$scripts" ] || fail "no scripts in $scripts"
names=(idle held mutex elsewhere on_elsewhere foreign on_foreign shared both.lock both.cond gone gone.own_ closed both.closed busy
    busy.own_ '(&elsewhere)' '(&both.lock)' '(&adopted)')
LD_LIBRARY_PATH=$libdir gdb -nx -batch -iex 'set debuginfod enabled off' \
    -iex "add-auto-load-scripts-directory $scripts" -iex "add-auto-load-safe-path $scripts" \
    -ex 'break look_here' -ex run "${names[@]/#/-ex=print }" "$tmp/app" >"$tmp/said" 2>&1

# says NUMBER TEXT: TEXT is a pattern.
says() {
    grep -E "^\\\$$1 = $2\$" "$tmp/said" >/dev/null || fail "unexpected output of gdb for ${names[$1 - 1]}: $2" "$(cat "$tmp/said")"
}
says 1 '\{kind = rlock, owner = nobody, depth = 0, waiters = 0\}'
says 2 '\{kind = rlock, owner = thread 4 "deep", depth = 3, waiters = 2\}'
says 3 '\{kind = mutex, owner = thread 1 "app", depth = 1, waiters = 0\}'
says 4 '\{kind = rlock, owner = nobody, depth = 0\}'
says 5 '\{kind = rlock, owner = nobody, depth = 0, lock = 0x[0-9a-f]+, waiters = 0\}'
says 6 '\{kind = foreign, object = 0x[0-9a-f]+\}'
says 7 '\{kind = foreign, object = 0x[0-9a-f]+, lock = 0x[0-9a-f]+, waiters = 0\}'
says 8 '\{kind = shared mutex, owner = thread 1 "app", depth = 1, waiters = 0\}'
says 9 '\{kind = shared rlock, owner = nobody, depth = 0\}'
says 10 '\{kind = shared rlock, owner = nobody, depth = 0, lock = 0x[0-9a-f]+, waiters = 0\}'
says 11 '\{kind = destroyed\}'
says 12 '\{kind = destroyed\}'
says 13 '\{kind = rlock, owner = nobody, depth = 0, waiters = 0, closed = true\}'
says 14 '\{kind = shared rlock, owner = nobody, depth = 0, lock = 0x[0-9a-f]+, waiters = 0, closed = true\}'
says 15 '\{kind = rlock, owner = thread 1 "app", depth = 1, waiters = 2, awaiting = 1, cancelled = 1\}'
says 16 '\{kind = rlock, owner = thread 1 "app", depth = 1\}'

# The addresses are correct: as gdb and the library print them.
for pair in '17 5' '18 10' '19 6'; do
    address=$(grep "^\\\$${pair% *} = " "$tmp/said" | grep -oE '0x[0-9a-f]+' | head -n 1)
    grep -E "^\\\$${pair#* } = .* = $address[,}]" "$tmp/said" >/dev/null || fail "another address than $address" \
        "$(cat "$tmp/said")"
done
