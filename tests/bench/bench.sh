# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# bench.sh - the benchmark beside other libraries: tests/run bench [ARGS...]; to be sourced by it
#
# With ARGS it measures only. Without ARGS it measures everything, checks the result, and writes docs/performance.md
# and docs/performance/MACHINE/ (report.py).

# shellcheck disable=SC2154 # tests/run sets root, tests, bin and failed
run_bench() {
    local dir=$root/.build/programs
    need_packages benchmark gnuplot || exit 1
    need_packages nsync || echo 'nsync is not installed: it is not measured.'
    need_packages absl || echo 'Abseil is not installed: it is not measured.'
    programs bench || return 0
    if [ $# -gt 0 ]; then
        count "$bin/bench/bench" "$@"
        return
    fi
    local commit
    commit=$(git -C "$root" describe --always --dirty '--exclude=*' 2>/dev/null) || commit=unknown
    count "$bin/bench/bench" --output "$dir/bench.tsv"
    count "$tests/bench/worlds.py" "$bin/bench/bench"
    if [ "$failed" = 0 ]; then
        sed -i "1i # commit\t$commit" "$dir/bench.tsv"
        run_bench-shared >"$dir/bench-shared.txt" # it shows its progress on stderr
        cat "$dir/bench-shared.txt"
        "$tests/bench/report.py" "$dir" || failed=$((failed + 1))
    fi
}
