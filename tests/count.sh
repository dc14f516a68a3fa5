# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# count.sh - builds for tests/run and the other scripts that it sources, and counts their results
#
# The results of all tests are added to $passed, $failed and $skipped. The caller sets $root.
passed=0
failed=0
skipped=0
test_options=() # more options of `meson test`

# compile NAME MESON-OPTIONS -- [TARGETS...]: builds .build/NAME, everything if no target is named. Prints the output
# only if this fails.
compile() {
    local dir=$root/.build/$1 options=() inputs again=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    # Meson reads a machine file once, and keeps options. So the folder is new if one of them changed.
    inputs=$(printf '%s\n' "${options[@]}")
    inputs+=$(sed -nE 's/^--(native|cross)-file=(.*)/\2/p' <<<"$inputs" | tr '\n' '\0' | xargs -0 cat)
    if [ "$inputs" != "$(cat "$dir/inputs.txt" 2>/dev/null)" ]; then
        rm -rf "$dir"
        mkdir -p "$dir"
        echo "$inputs" >"$dir/inputs.txt"
    fi
    [ ! -f "$dir/meson-private/coredata.dat" ] || again=(--reconfigure) # a tool may have been installed
    if ! { meson setup "${again[@]}" "${options[@]}" "$dir" "$root" &&
        meson compile -C "$dir" "$@"; } >"$dir/output.txt" 2>&1; then
        echo 'could not be built:'
        cat "$dir/output.txt"
        return 1
    fi
}

# test_build NAME MESON-OPTIONS -- [ARGS of meson test...]: builds .build/NAME, runs its tests and prints one line.
# With ARGS, `meson test` prints to the screen too. A failed build, and a build without tests, are one failed test.
test_build() {
    local name=$1 dir=$root/.build/$1 start=$SECONDS status=0 options=() ok bad skip
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    printf '%-8s ' "$name"
    if ! compile "${options[@]}" --; then
        failed=$((failed + 1))
        return
    fi
    printf 'built in %d s; ' $((SECONDS - start))

    start=$SECONDS
    rm -f "$dir"/meson-logs/testlog*.json
    # One more than there are cores: some tests sleep most of the time.
    local jobs=${MESON_TESTTHREADS:-$(($(getconf _NPROCESSORS_ONLN) + 1))}
    local test=(meson test -C "$dir" --num-processes "$jobs" --print-errorlogs "${test_options[@]}")
    if [ $# -gt 0 ]; then
        echo
        "${test[@]}" "$@" || status=$?
        printf '%-8s ' "$name"
    else
        "${test[@]}" --quiet >"$dir/output.txt" 2>&1 || status=$?
    fi
    ok=$(results 'OK|EXPECTEDFAIL' "$dir" | wc -l)
    skip=$(results SKIP "$dir" | wc -l)
    bad=$(($(results '[A-Z]+' "$dir" | wc -l) - ok - skip))
    printf '%d passed, %d failed, %d skipped in %d s\n' "$ok" "$bad" "$skip" $((SECONDS - start))
    [ "$skip" = 0 ] || echo "         skipped: $(results SKIP "$dir" | paste -sd ,)"

    if [ $((ok + bad)) = 0 ]; then
        echo 'No test ran.'
        bad=1
    elif [ $status != 0 ] && [ "$bad" = 0 ]; then
        echo "meson test: exit status $status"
        bad=1
    fi
    [ "$bad" = 0 ] || [ $# != 0 ] || cat "$dir/output.txt"
    passed=$((passed + ok))
    failed=$((failed + bad))
    skipped=$((skipped + skip))
}

# results RESULT DIRECTORY: the names of the tests in Meson's log with this result, each on a line. (In what a test has
# printed, the quotes are escaped.)
results() {
    { cat "$2"/meson-logs/testlog*.json 2>/dev/null || true; } |
        sed -nE 's/^\{"name": "([^"]*)".*[{ ]"result": "('"$1"')".*$/\1/p'
}

# count COMMAND [ARGS...]: counts as one test. Exit status 77: it was skipped.
count() { count_status 0 "$@"; }

# count_status EXPECTED COMMAND [ARGS...]: passes if the command exits with this status.
count_status() {
    local expected=$1 status=0
    shift
    "$@" || status=$?
    if [ $status = "$expected" ]; then
        passed=$((passed + 1))
    elif [ $status = 77 ]; then
        echo "skipped: $*"
        skipped=$((skipped + 1))
    else
        echo "exit status $status: $*"
        failed=$((failed + 1))
    fi
}
