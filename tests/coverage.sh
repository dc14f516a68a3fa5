# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# coverage.sh - how much of src/ the tests run: tests/run coverage; to be sourced by it
#
# The suite runs in a build that counts (.build/coverage), and gcovr prints a table of lines and one of branches. Lines that
# the tests need not reach are excused where they stand, by a comment with gcovr's GCOVR_EXCL_LINE and the reason,
# and branches in tests/uncovered. Fails if a test does, if another branch is not taken, or if less is run than this:
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
    test_build coverage gcc '' '-Db_coverage=true -Doptimization=0' --no-suite install --no-suite examples "$@"
    if ! gcovr --root "$root" "${coverage_of[@]}" "$dir" --json "$dir/coverage.json" ||
        ! gcovr --root "$root" --add-tracefile "$dir/coverage.json" ||
        ! gcovr --root "$root" --add-tracefile "$dir/coverage.json" --branches \
            --fail-under-line $coverage_lines --fail-under-branch $coverage_branches; then
        echo "The bar is $coverage_lines % of lines and $coverage_branches % of branches."
        failed=$((failed + 1))
    fi
    count_test excuse branches "$dir/coverage.json" "$root/tests/uncovered"
    echo 'The corpus of random calls, by itself:'
    count_test corpus_runs_all "$dir"
}

# corpus_runs_all DIRECTORY: each line of the library above its port.
corpus_runs_all() {
    find "$1" -name '*.gcda' -delete
    meson test -C "$1" --no-rebuild corpus >/dev/null &&
        gcovr --root "$root" --filter 'src/[^/]*$' "$1/tests/schedules" --json "$1/corpus.json" &&
        excuse lines "$1/corpus.json" "$root/tests/fuzz/corpus.uncovered"
}

# excuse KIND COVERAGE EXCUSES: prints each of the branches, or lines, that is not taken and not excused, and each excuse for
# code that is not there.
excuse() {
    (cd "$root" && python3 - "$@") <<'END'
import json, sys

excused = {}
kind = sys.argv[1]
for line in open(sys.argv[3]):
    if line.strip() and not line.startswith("#"):
        file, rest = line.rstrip("\n").split(" | ", 1)
        code, why = rest.rsplit(" | ", 1) # there may be one in the code
        excused[file, code] = why
problems = []
for file, code in excused:
    if code not in (line.split("/*")[0].strip() for line in open(file)):
        problems.append(f"{file} has no such line any more: {code}")
count = 0
for file in json.load(open(sys.argv[2]))["files"]:
    source = open(file["file"]).read().splitlines()
    for line in file["lines"]:
        missed = [part for part in (line["branches"] if kind == "branches" else [line]) if part["count"] == 0]
        code = source[line["line_number"] - 1].split("/*")[0].strip()
        if missed and not line.get("gcovr/noncode"):
            count += len(missed)
            if (file["file"], code) not in excused:
                problems.append(f"{file['file']}:{line['line_number']}: not all {kind} taken: {code}")
print(*problems, f"{count} {kind} are not taken; {len(problems)} problems", sep="\n")
sys.exit(1 if problems or count == 0 else 0)
END
}
