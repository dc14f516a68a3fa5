#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Random calls against the reference model (calls.h), led by what they cover: by libFuzzer and by AFL++, from the corpus
# in the repository. Each must first convict a library with a fault, which they get from `faults`. Then each has
# so many seconds for the library as it is. A failure is printed with the calls that led to it and the name
# of the input that has them. What was found that covers more is left in DIRECTORY.
#
# usage: fuzzers SOURCE-ROOT DIRECTORY SECONDS [libfuzzer | afl]
set -euo pipefail
root=$1
work=$2
seconds=$3
here=$root/tests/fuzz
schedules=$root/tests/schedules
fault='a notified waiter is not woken'
failed=0
# shellcheck source=tests/faulty.sh
. "$root/tests/faulty.sh"

mkdir -p "$work"
args=(-std=c11 -O1 -g -DCONDVAR_STEP -DTUNING_SPIN_MAX=1u -DTUNING_LOCK_SPIN=1u -DCONDVAR_NO_PTHREAD -D_DEFAULT_SOURCE
    -I"$root/include" -I"$schedules" -Wno-unused-parameter)

# build OUTPUT SOURCES COMPILER [ARGS...]: SOURCES is the library's folder.
# shellcheck disable=SC2046 # one word for each file
build() {
    local output=$1 src=$2
    shift 2
    "$@" "${args[@]}" -I"$src" -o "$output" \
        "$here"/{fuzz,calls,reference}.c "$schedules"/{scripted,coroutine_ucontext}.c $(core_sources "$root" | sed "s|^|$src/|")
}

say() { printf '%s: %s\n' "$1" "$2"; }

# control NAME FOLDER PATTERN: the faulty library was convicted, if there is an input that crashes.
control() {
    if [ -n "$(find "$2" -name "$3" -print -quit)" ]; then
        say "$1" "convicts '$fault'"
    else
        say "$1" "does NOT convict '$fault'"
        failed=1
    fi
}

# The fault is the same for both.
"$root/tests/mutations/mutations.sh" --copy "$fault" "$work" "$root"

libfuzzer() {
    local name=libFuzzer out=$work/libfuzzer
    # (AddressSanitizer makes changes of stacks a hundred times slower. In the suite it sees the same calls.)
    local flags=(-DFUZZ_LIBFUZZER "-fsanitize=fuzzer,undefined" -fno-sanitize-recover=all)
    rm -rf "$out"
    mkdir -p "$out/found" "$out/control"
    build "$out/faulty" "$work/src" clang "${flags[@]}"
    build "$out/fuzz" "$root/src" clang "${flags[@]}"
    "$out/faulty" -max_total_time="$((seconds * 4))" -artifact_prefix="$out/control/" -max_len=4096 \
        "$out/control" "$here/corpus" >"$out/control.txt" 2>&1 || true
    control $name "$out/control" 'crash-*'
    if "$out/fuzz" -max_total_time="$seconds" -artifact_prefix="$out/failed-" -max_len=4096 -print_final_stats=1 \
        "$out/found" "$here/corpus" 2>&1 | tee "$out/said.txt" | grep --line-buffered -aE 'pulse|DONE|failed'; then
        say $name "$(grep -a number_of_executed_units "$out/said.txt") in $seconds s; nothing found"
    else
        sed -n '/failed:/,$p' "$out/said.txt"
        say $name "a failure; the input is $(echo "$out"/failed-*)"
        failed=1
    fi
}

# afl_for SECONDS PROGRAM OUTPUT [ARGS...]
afl_for() {
    local seconds=$1 program=$2 output=$3
    shift 3
    # (It would like to be asked about the machine's settings for core dumps and clock speeds; and has a screen of its
    # own, which a log is not.)
    AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_NO_UI=1 \
        timeout --signal=INT $((seconds * 4 + 60)) \
        afl-fuzz -V "$seconds" -t 20000 -i "$here/corpus" -o "$output" "$@" -- "$program"
}

afl() {
    local name=AFL++ out=$work/afl
    local compiler=afl-clang-fast
    command -v "$compiler" >/dev/null || compiler=afl-gcc-fast
    rm -rf "$out"
    mkdir -p "$out"
    AFL_QUIET=1 build "$out/faulty" "$work/src" "$compiler" -DFUZZ_AFL
    AFL_QUIET=1 build "$out/fuzz" "$root/src" "$compiler" -DFUZZ_AFL
    # (An input of the corpus that convicts it is one with which AFL++ does not like to begin, but does.)
    AFL_BENCH_UNTIL_CRASH=1 AFL_IGNORE_SEED_PROBLEMS=1 afl_for "$((seconds * 4))" "$out/faulty" "$out/control" \
        >"$out/control.txt" 2>&1 || true
    control $name "$out/control" 'id:*,sig:*'
    afl_for "$seconds" "$out/fuzz" "$out/found" >"$out/said.txt" 2>&1 || {
        tail -20 "$out/said.txt"
        failed=1
    }
    local crash
    crash=$(find "$out/found" -path '*crashes/id:*' -print -quit)
    if [ -n "$crash" ]; then
        "$out/fuzz" "$crash" || true
        say $name "a failure; the input is $crash"
        failed=1
    else
        say $name "$(sed -n 's/^execs_done *: */runs: /p' "$out/found/default/fuzzer_stats") in $seconds s; nothing found"
    fi
}

case ${4:-both} in
libfuzzer) libfuzzer ;;
afl) afl ;;
*)
    libfuzzer
    afl ;;
esac
exit $failed
