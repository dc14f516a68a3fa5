# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# coverage.sh - how much of src/ the tests run: tests/run coverage; to be sourced by it
#
# The suite runs in a build with gcov (.build/coverage). gcovr prints a table of lines and a table of branches. It
# fails if a test fails, if a branch is not taken that tests/coverage.allow does not list, or if less than this runs:
coverage_lines=98    # percent
coverage_branches=90

# Only the files of this system's library count. Left out are the same files compiled with other settings: a macro that
# is a constant there has a branch that cannot run (and gcovr 5.2 cannot handle two definitions of one function). Also
# left out are the stand-ins src/port/no_*.c.
coverage_of=(--filter 'src/' --exclude 'src/port/no_.*')
for variant in left_out no_tasks no_shared observer statistics ended_tasks coarse_clock lifetimes; do
    coverage_of+=(--exclude-directories ".*$variant.*")
done

# shellcheck disable=SC2154 # tests/run sets root, tests, werror and options
run_coverage() {
    local dir=$root/.build/coverage
    need_packages gcovr || exit 1
    if [ -d "$dir" ]; then
        find "$dir" -name '*.gcda' -delete
    fi
    native tests gcc coverage
    test_build coverage "${options[@]}" "$werror" -- "$@"
    if ! gcovr --root "$root" "${coverage_of[@]}" "$dir" --json "$dir/coverage.json" ||
        ! gcovr --root "$root" --add-tracefile "$dir/coverage.json" ||
        ! gcovr --root "$root" --add-tracefile "$dir/coverage.json" --branches \
            --fail-under-line $coverage_lines --fail-under-branch $coverage_branches; then
        echo "The minimum is $coverage_lines % of lines and $coverage_branches % of branches."
        failed=$((failed + 1))
    fi
    cd "$root" || exit
    count "$tests/coverage.py" branches "$dir/coverage.json" "$tests/coverage.allow"
    echo 'The corpus of random calls alone:'
    count corpus_runs_all "$dir"
}

# corpus_runs_all DIRECTORY: every line of the library above its port.
corpus_runs_all() {
    find "$1" -name '*.gcda' -delete
    meson test -C "$1" --no-rebuild corpus >/dev/null &&
        gcovr --root "$root" --filter 'src/[^/]*$' "$1/tests/schedules" --json "$1/corpus.json" &&
        "$tests/coverage.py" lines "$1/corpus.json" "$tests/fuzz/corpus.allow"
}
