# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# fuzz.sh - random calls for longer: tests/run fuzz [--steps N] [--seconds N]; to be sourced by it
#
# N random calls, 10 million by default; the mutations that they must detect; and libFuzzer and AFL++ for so many
# seconds each, 60 by default.

# shellcheck disable=SC2154 # tests/run sets root, tests and bin
run_fuzz() {
    local steps=10000000 seconds=60 fuzzer
    while [ $# -gt 0 ]; do
        case $1 in
        --steps) steps=$2 ;;
        --seconds) seconds=$2 ;;
        *)
            echo 'usage: tests/run fuzz [--steps N] [--seconds N]' >&2
            exit 2 ;;
        esac
        shift 2
    done
    programs fuzz || return 0
    count "$bin/fuzz/fuzz" --steps "$steps"
    count "$tests/mutations/mutations.sh" --by-calls 4000000 "$root" gcc
    for fuzzer in libfuzzer afl; do
        need_packages $fuzzer || true
        count "$tests/fuzz/fuzzers.sh" "$root" "$root/.build/fuzzers" "$seconds" $fuzzer
    done
}
