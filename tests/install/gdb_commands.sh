#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# gdb's commands `condvar list` and `condvar deadlocks`, in programs with the static library and with the single header,
# while they run and from a core file. The script is loaded by hand, as docs/tracing.md says.
. "$(dirname -- "$0")/common.sh"
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

need_gdb
install_build
script=$(find "$tmp/image" -path '*/share/condvar/gdb.py')
[ -f "$script" ] || fail 'gdb.py is not installed'
grep -F 'source /usr/local/share/condvar/gdb.py' "$SOURCE/docs/tracing.md" >/dev/null ||
    fail 'docs/tracing.md does not say where gdb.py is'
cd "$tmp"

# ---- Programs: with the static library, in a deadlock; with the single header, without debugging information ----

source_file=$here/gdb_commands.c
single=$(dirname "$(find image -name condvar_single.h)")
printf '#define CONDVAR_IMPLEMENTATION\n#include "condvar_single.h"\n' >library.c
# shellcheck disable=SC2046,SC2086 # lists of options
compile() { $CC -std=gnu11 -Wall -Wextra -Werror "$@"; }
programs=(single)
compile "-I$single" -O1 -c library.c -o library.o
compile -g -DSINGLE "-I$single" "$source_file" library.o -o single -pthread
if [ -f "$libdir/libcondvar.a" ]; then
    # shellcheck disable=SC2046 # a list of options
    compile -g -DDEADLOCK $(pkg-config --cflags condvar) "$source_file" "$libdir/libcondvar.a" -o static -pthread
    programs+=(static)
fi

look() { # OUTPUT ARGS...: of gdb
    local output=$1
    shift
    gdb -nx -batch -iex 'set debuginfod enabled off' -iex "source $script" "$@" >"$output" 2>&1 || true
    sed -E 's/0x[0-9a-f]+/ADDRESS/g' "$output" >"$output.text"
}
# says FILE LINE...: each is a whole line of the output, as a pattern.
says() {
    local file=$1 line
    shift
    for line in "$@"; do
        grep -Ex -- "$line" "$file.text" >/dev/null || fail "$file: not what gdb says: $line" "$(cat "$file")"
    done
}
for program in "${programs[@]}"; do
    look "$program.said" -ex 'break look_here' -ex run -ex 'condvar list' -ex 'condvar deadlocks' \
        -ex "generate-core-file $program.core" "./$program"
    says "$program.said" \
        "condition ADDRESS <queue>: \{kind = rlock, owner = thread 1 \"$program\", depth = 1, waiters = 1\}" \
        '    thread [0-9]+ "waits-1" waits, was chosen' \
        '    thread [0-9]+ "waits-2" waits' \
        '    thread [0-9]+ "acquires" acquires the lock' \
        'condition ADDRESS <on_lock>: \{.*awaiting = 1\}' \
        '    thread [0-9]+ "awaits" waits' \
        'condition ADDRESS <by_task>: \{.*awaiting = 1\}' \
        '    task ADDRESS waits' \
        'condition ADDRESS <shared>: \{kind = shared rlock,.* waiters = 1\}' \
        '    thread [0-9]+ "in-shared" waits' \
        'condition ADDRESS <on_mutex>: \{kind = foreign,.* waiters = 1\}' \
        '    thread [0-9]+ "in-foreign" waits' \
        "thread 1 \"$program\" holds ADDRESS <queue \+ [0-9]+>; holds ADDRESS <shared_lock>" \
        "thread [0-9]+ \"waits-1\" waits for ADDRESS <queue \+ [0-9]+>, held by thread 1 \"$program\"" \
        'thread [0-9]+ "waits-2" waits on condition ADDRESS <queue>' \
        "thread [0-9]+ \"gets-shared\" waits for ADDRESS <shared_lock>, held by thread 1 \"$program\"" \
        "thread [0-9]+ \"acquires\" waits for ADDRESS <queue \+ [0-9]+>, held by thread 1 \"$program\""
    ! grep '<idle>' "$program.said" || fail 'lists a condition that nobody waits on'
done
says single.said 'No deadlock: no cycle among these locks\.'
if [ -f static ]; then
    says static.said 'thread 2 "one" holds ADDRESS <first>; waits for ADDRESS <second>, held by thread 3 "two"' \
        'thread 3 "two" holds ADDRESS <second>; waits for ADDRESS <first>, held by thread 2 "one"' \
        'thread 4 "three" waits for ADDRESS <first>, held by thread 2 "one"' \
        'deadlock: thread 2 "one" -> thread 3 "two" -> thread 2 "one"'
    [ "$(grep -c '^deadlock' static.said)" = 1 ] || fail 'more than one deadlock' "$(cat static.said)"

    # A core file says the same. (It has no names of threads.)
    [ -f static.core ] || fail 'no core file'
    look core.said -ex 'condvar list' -ex 'condvar deadlocks' ./static static.core
    lines='/^(condition|    thread|thread [0-9]+ [hw]|deadlock)/p'
    sed -E -n "s/(thread [0-9]+) \"[^\"]*\"/\1/g; $lines" static.said >expected
    sed -E -n "$lines" core.said >found
    [ -s expected ] || fail 'nothing to compare'
    diff -u expected found >&2 || fail 'a core file says something else'
fi

# What does not work is said in a sentence.
look still.said -ex 'condvar list' ./single
says still.said 'The program does not run, and there is no core file\.'
compile -g "$here/gdb_commands.c" -DSINGLE "-I$single" -g0 library.o -o bare -pthread
look bare.said -ex 'break look_here' -ex run -ex 'condvar deadlocks' ./bare
says bare.said 'There is no debugging information about struct cond.*'
