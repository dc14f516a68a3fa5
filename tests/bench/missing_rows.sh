#!/bin/sh
# SPDX-License-Identifier: MIT
#
# missing_rows.sh - do the page and its tables show each row that a run has left out, or whose candidate has failed?
#
#     tests/bench/missing_rows.sh ROOT
#
# Exit status 0 if it does, else 1. The benchmark and its results are invented. The control: a report that does not
# use the benchmark's list leaves rows out of its tables, and is detected.
set -eu

root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/root/tests/bench" "$work/run/tests/bench"
cp -R "$root/docs" "$root/src" "$root/include" "$work/root"
cp "$root/tests/bench/plots.py" "$work/root/tests/bench"
rm -r "$work"/root/docs/performance/*

cat >"$work/run/tests/bench/bench" <<'END'
#!/bin/sh
echo 'acquire idle
await-ring-16 idle awake busy one-core
await-buffer-1x1 idle awake busy one-core
await-buffer-4x4 idle awake busy one-core'
END
chmod +x "$work/run/tests/bench/bench"

# row NAME WORLD CANDIDATE ROLE METRIC MEDIAN RATIO
row() {
    printf '%s\t' "$1" "$2" 0 0.01 - turn 2 time "$3" "$4" "$5" "$6" "$6" "$6" "$7" "$7"
    printf '%s\n' "$7"
}
{
    printf '# %s\t%s\n' processes 1 repetitions 5 seconds 0.02 missing ''
    printf '%s\t' row world load others family operation threads compared candidate role metric median low high ratio \
        ratio_low
    printf 'ratio_high\n'
    row await-buffer-1x1 idle condvar ours time 90 -
    row await-buffer-1x1 idle 'Abseil Await' peer time 100 0.9
    row await-buffer-4x4 idle condvar ours hangs - -
    row await-buffer-4x4 idle 'Abseil Await' peer time 100 -
} >"$work/run/bench.tsv"

# shows_missing REPORT: this report, run on it, shows all rows.
shows_missing() {
    cp "$1" "$work/root/tests/bench/report.py"
    python3 "$work/root/tests/bench/report.py" "$work/run" >/dev/null
    cat "$work/root/docs/performance.md" "$work"/root/docs/performance/*/tables.md >"$work/shown"
    for line in '`acquire` | not measured | – | – | –' '`await-ring-16` | – | – | – | –' \
        '`await-ring-16` | ≤ 1.1 × the best peer | – | not measured' \
        '`await-ring-16`, busy | ≤ 1.1 × the best peer | – | not measured' \
        '`await-buffer-1x1` | ≤ 1 × Abseil Await | 0.90 [0.90, 0.90] | yes' \
        '`await-buffer-4x4` | ≤ 1 × Abseil Await | – | hangs'; do
        grep -qxF "| $line |" "$work/shown" || { echo "no line | $line |"; return 1; }
    done
}

shows_missing "$root/tests/bench/report.py"
sed '/# M:missing-rows$/s/.*/    pass/' "$root/tests/bench/report.py" >"$work/faulty"
! cmp -s "$work/faulty" "$root/tests/bench/report.py" || { echo 'the mutation for the control does not apply'; exit 1; }
if shows_missing "$work/faulty" >/dev/null; then
    echo 'the control is not detected'
    exit 1
fi
