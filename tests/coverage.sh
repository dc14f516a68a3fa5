# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# coverage.sh - how much of src/ the tests run: tests/run coverage; to be sourced by it
#
# The suite runs in a build that counts (.build/coverage), and gcovr prints a table of lines and one of branches. What
# the tests need not reach is excused where it stands, by a comment with gcovr's GCOVR_EXCL_LINE and the reason.
# Fails if a test does, or if less is run than this:
coverage_lines=98    # percent
coverage_branches=90

# Counted is what this system's library is made of. Not counted are the same files compiled for a small system, with parts
# left out, of which gcovr (5.2) cannot tell two definitions of one function apart; nor the ports' stand-ins for
# what other systems lack.
coverage_of=(--filter 'src/' --exclude 'src/port/no_.*'
    --exclude-directories '.*left_out.*' --exclude-directories '.*no_tasks.*')

# shellcheck disable=SC2154 # tests/run has root
run_coverage() {
    local dir=$root/.build/coverage
    need_packages gcovr || exit 1
    if [ -d "$dir" ]; then
        find "$dir" -name '*.gcda' -delete
    fi
    # What users do with the library is not about its lines.
    test_build coverage gcc '' '-Db_coverage=true -Doptimization=0' --no-suite package --no-suite examples "$@"
    if ! gcovr --root "$root" "${coverage_of[@]}" "$dir" --json "$dir/coverage.json" ||
        ! gcovr --root "$root" --add-tracefile "$dir/coverage.json" ||
        ! gcovr --root "$root" --add-tracefile "$dir/coverage.json" --branches \
            --fail-under-line $coverage_lines --fail-under-branch $coverage_branches; then
        echo "The bar is $coverage_lines % of lines and $coverage_branches % of branches."
        failed=$((failed + 1))
    fi
}
