#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The choice of a port, and the message if it is not available. The port in docs/porting.md works.
. "$(dirname -- "$0")/common.sh"

setup() { meson setup "$tmp/build" "$SOURCE" -Dtests=disabled "$@" >"$tmp/output" 2>&1; }

# refused SENTENCE OPTIONS...: the configuration stops with a message that holds the sentence.
refused() {
    local sentence=$1
    shift
    rm -rf "$tmp/build"
    ! setup "$@" || fail "was configured: $*"
    grep -q "ERROR: .*$sentence" "$tmp/output" || fail "no message '$sentence': $*" "$(tail -n 3 "$tmp/output")"
}

# The complete port of the documentation, and one without port_wake().
awk '/^```C$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$SOURCE/docs/porting.md" >"$tmp/port.c"
sed 's/port_wake/port_other/' "$tmp/port.c" >"$tmp/incomplete.c"
grep -q port_other "$tmp/incomplete.c" || fail 'no port in docs/porting.md'

refused 'amiga.*Possible choices are.*custom' -Dport=amiga
refused 'set -Dport_sources=FILE' -Dport=custom
refused "there is no file $tmp/absent.c. Give paths" -Dport=custom "-Dport_sources=$tmp/absent.c"
refused 'no port_wake(). Write it: docs/porting.md' -Dport=custom "-Dport_sources=$tmp/incomplete.c"
refused 'needs WaitOnAddress().*Choose another' -Dport=windows
refused 'needs the system call futex.*Choose another' -Dport=linux -Dc_args=-Dsyscall=no_such_function
refused 'needs POSIX threads.*Choose another' -Dport=posix -Dc_args=-Dpthread_atfork=no_such_function

# The complete one: an example runs on it, and functions that it does not support are not declared.
rm -rf "$tmp/build"
setup -Dport=custom "-Dport_sources=$tmp/port.c" || fail 'the port in docs/porting.md was refused' "$(cat "$tmp/output")"
meson compile -C "$tmp/build" >"$tmp/output" 2>&1 || fail 'it could not be built' "$(cat "$tmp/output")"
"$tmp/build/examples/bounded_buffer" >"$tmp/output" || fail 'bounded_buffer has failed on it'
grep -q '^produced 20, consumed 10, left 10' "$tmp/output" || fail 'bounded_buffer prints a wrong result'
DESTDIR=$tmp/image meson install -C "$tmp/build" --no-rebuild --quiet
grep -rq -e '^Cflags:.*-DCONDVAR_NO_PTHREAD' "$tmp/image" --include=condvar.pc || fail 'condvar.pc does not define it'
grep -rq -e 'DEFINITIONS.*CONDVAR_NO_PTHREAD' "$tmp/image" --include=condvarConfig.cmake || fail 'the CMake package does not define it'
