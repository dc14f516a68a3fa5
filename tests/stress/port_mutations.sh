#!/bin/sh
# port_mutations.sh SOURCE-ROOT PORT COMPILER...: a test of the port's tests
# SPDX-License-Identifier: MIT
#
# They must detect each mutation of a copy of the port, by failing or by hanging. The port without a mutation must pass.
set -eu
root=$1
port=$2
shift 2
patience_s=300 # for programs that must pass
# shellcheck source=tests/mutate.sh
. "$root/tests/mutate.sh"
mutations_begin

# The files of each port, and its mutations.
fast_clock='return timespec_ns(now) * 5 / 4;'
coarse_clock='return timespec_ns(now) / 10000000 * 10000000;'
no_deadline=always
case $port in
linux)
    parts='linux pthread pthread_until robust'
    programs='port timeouts large_pages no_clocklock clocklock_refuses'
    no_deadline='bool limited = false;'
    compares='futex_sleep()'
    does_not='return syscall(call, word, FUTEX_OP_WAIT_BITSET | scope, *(const volatile uint32_t *)word + 0 * expected,
        deadline, NULL, UINT32_MAX);' ;;
posix)
    parts='posix pthread pthread_until no_shared'
    programs='port timeouts no_clocklock clocklock_refuses'
    compares=posix-compare
    does_not='if (deadline_ns > port_now()) {' ;;
windows)
    parts='windows no_shared'
    programs='port timeouts'
    compares=windows-compare
    does_not='(void)WaitOnAddress((volatile void *)(uintptr_t)word, (void *)(uintptr_t)word, sizeof expected,
        deadline_ns > 0 ? port_milliseconds_until(deadline_ns) : 0);'
    fast_clock='return s * 1250000000 + rest * 1250000000 / per_second.QuadPart;'
    coarse_clock='' ;; # WaitOnAddress() takes a duration: it ends no earlier when cond_now() is coarse
esac

# build PROGRAM COMPILER...: with the library in $work/src. What no mutation changes is compiled once.
build() {
    program=$1
    shift
    set -- "$@" -std=c11 -O1 -I"$root/include" -I"$work/src" -pthread
    [ "$port" != windows ] || set -- "$@" -DCONDVAR_NO_PTHREAD
    if [ ! -d "$work/core" ]; then
        mkdir "$work/core"
        for file in "$work"/src/*.c; do
            [ "$file" = "$work/src/all.c" ] || "$@" -c -o "$work/core/$(basename "$file" .c).o" "$file" || return
        done
    fi
    file=$program
    case $program in # as in meson.build
    large_pages) set -- "$@" -Dmadvise=fake_madvise -Dsysconf=fake_sysconf -Dgetpid=fake_getpid ;;
    no_clocklock) set -- "$@" -include "$root/tests/cross/no_clocklock.h" ;;
    clocklock_refuses)
        file=no_clocklock
        set -- "$@" -DCLOCKLOCK_REFUSES -include "$root/tests/cross/no_clocklock.h" ;;
    esac
    [ -f "$work/$program.o" ] || "$@" -c -o "$work/$program.o" "$root/tests/stress/$file.c" || return
    set -- "$@" -o "$work/program.exe" "$work/$program.o" "$work"/core/*.o
    for file in $parts; do
        set -- "$@" "$work/src/port/$file.c"
    done
    [ "$port" != windows ] || set -- "$@" -static -lsynchronization
    "$@"
}

# run_on PROGRAM COMPILER...: 0 if it passes; 2 if it cannot be built.
run_on() {
    build "$@" >"$work/out" 2>&1 || return 2
    # shellcheck disable=SC2086 # an emulator may have arguments
    timeout $patience_s ${MESON_EXE_WRAPPER:-} "$work/program.exe" --scale 0.1 >"$work/out" 2>&1 || return 1
}

# mutation NAME PROGRAM TARGET REPLACEMENT COMPILER...: the function of a target is that of this port, or of the file
# $part.
part=
mutation() {
    program=$2
    put_mutation "$1" "$3" "$4" "port/${part:-$port}.c" || return 0
    shift 4
    status=0
    run_on "$program" "$@" || status=$?
    case $status in
    1) is_detected " by $program: $(grep -m 1 '\.c:[0-9]*: ' "$work/out" || echo 'it hangs, or crashes')" ;;
    0) not_detected "NOT detected by $program" ;;
    *)
        not_detected 'cannot be built'
        cat "$work/out" ;;
    esac
}

cp -R "$root/src" "$work/src"
for program in $programs; do
    if ! run_on "$program" "$@"; then
        echo "$program does not pass without a mutation"
        cat "$work/out"
        exit 1
    fi
done

patience_s=10 # for programs that must hang
mutation 'all threads are one' port 'port_self()' 'return 16;' "$@"
mutation 'port_wait() knows no deadline' timeouts "$port-deadline" "$no_deadline" "$@"
mutation 'port_wake() wakes nobody' timeouts 'port_wake()' '(void)word, (void)count;' "$@"
mutation 'port_wait() does not compare' port "$compares" "$does_not" "$@"
mutation 'the clock is fast' timeouts "$port-clock" "$fast_clock" "$@"
[ -z "$coarse_clock" ] ||
    mutation 'the clock is coarse, and does not say so' timeouts "$port-clock" "$coarse_clock" "$@"
case $port in
linux)
    mutation 'errno is touched' timeouts linux-errno delete "$@"
    mutation 'the kernel clears whole pages, whatever their size' large_pages linux-page 'bool fits = true;' "$@" ;;
posix)
    mutation 'port_wake() wakes another' port posix-word never "$@"
    mutation 'waiting is a cancellation point' cancel posix-cancel \
        '(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &cancel_state);' "$@" ;;
esac

case $port in
linux | posix)
    part=pthread_until
    mutation 'a thread sleeps until a time of the wall clock' no_clocklock no-clocklock 'struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until = timespec_of(timespec_ns(until) + COND_MS(50));
        int error = pthread_mutex_timedlock(mutex, &until);' "$@"
    mutation 'a mutex that pthread_mutex_clocklock() refuses is not acquired' clocklock_refuses clocklock-refuses \
        'if (true)' "$@" ;;
esac
mutations_end
