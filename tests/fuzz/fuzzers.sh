#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# fuzzers.sh - libFuzzer or AFL++ makes calls (calls.h), guided by coverage, from the corpus in the repository
#
# usage: fuzzers.sh SOURCE-ROOT DIRECTORY SECONDS libfuzzer|afl
#
# The fuzzer must first detect a mutation of the library. Then it runs the library as it is for so many seconds. A
# failure is printed with the calls that led to it and the name of the input. Inputs that cover more are left in
# DIRECTORY. Exit status 77 if the fuzzer is not installed.
set -euo pipefail
root=$1
work=$2
seconds=$3
here=$root/tests/fuzz
schedules=$root/tests/schedules
mutation='a notified waiter is not woken'
failed=0
# shellcheck source=tests/mutate.sh
. "$root/tests/mutate.sh"

mkdir -p "$work"
args=(-std=c11 -O1 -g -DCONDVAR_STEP -DTUNING_SPIN_MAX=1u -DTUNING_LOCK_SPIN=1u -DCONDVAR_NO_PTHREAD
    -I"$root/include" -I"$schedules" -Wno-unused-parameter)

# build OUTPUT SOURCES COMPILER [ARGS...]: SOURCES is the library's folder.
# shellcheck disable=SC2046 # one word for each file
build() {
    local output=$1 src=$2
    shift 2
    "$@" "${args[@]}" -I"$src" -o "$output" \
        "$here"/{fuzz,calls,reference}.c "$schedules"/{scripted,coroutine_ucontext}.c \
        $(core_sources "$root" | sed "s|^|$src/|")
}

say() { printf '%s: %s\n' "$1" "$2"; }

# control NAME FOLDER PATTERN: the mutation is detected if there is an input that crashes.
control() {
    if [ -n "$(find "$2" -name "$3" -print -quit)" ]; then
        say "$1" "detects '$mutation'"
    else
        say "$1" "does NOT detect '$mutation'"
        failed=1
    fi
}

"$root/tests/mutations/mutations.sh" --copy "$mutation" "$work" "$root"

libfuzzer() {
    local name=libFuzzer out=$work/libfuzzer
    # Without AddressSanitizer, which makes stack switches a hundred times slower. The suite runs the same calls under
    # it.
    local flags=(-DFUZZ_LIBFUZZER "-fsanitize=fuzzer,undefined" -fno-sanitize-recover=all)
    rm -rf "$out"
    mkdir -p "$out/found" "$out/control"
    build "$out/mutant" "$work/src" clang "${flags[@]}"
    build "$out/fuzz" "$root/src" clang "${flags[@]}"
    "$out/mutant" -max_total_time="$((seconds * 4))" -artifact_prefix="$out/control/" -max_len=4096 \
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
    # Do not check the machine's settings for core dumps and clock speeds. Print a log, not a screen.
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
    AFL_QUIET=1 build "$out/mutant" "$work/src" "$compiler" -DFUZZ_AFL
    AFL_QUIET=1 build "$out/fuzz" "$root/src" "$compiler" -DFUZZ_AFL
    # AFL++ refuses to begin with inputs that crash, unless it ignores seed problems.
    AFL_BENCH_UNTIL_CRASH=1 AFL_IGNORE_SEED_PROBLEMS=1 afl_for "$((seconds * 4))" "$out/mutant" "$out/control" \
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
        say $name "$(sed -n 's/^execs_done *: */runs: /p' "$out/found/default/fuzzer_stats") in $seconds s; no failure"
    fi
}

case $4 in
libfuzzer)
    echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
        clang -w -fsanitize=fuzzer -o /dev/null -x c - >/dev/null 2>&1 || exit 77
    libfuzzer ;;
afl)
    command -v afl-fuzz >/dev/null || exit 77
    afl ;;
esac
exit $failed
