#!/bin/sh
# SPDX-License-Identifier: MIT
#
# missing_rows.sh - do the page and its tables show each row that a run has left out, or whose candidate has failed? And
# do the plots have units, a grid, titles of their own, and say what is better?
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
ring-2 idle
ring-4 idle
ring-8 idle
await-buffer-1x1 idle awake busy one-core
await-buffer-4x4 idle awake busy one-core'
END
chmod +x "$work/run/tests/bench/bench"

# row NAME WORLD CANDIDATE ROLE METRIC MEDIAN RATIO [FAMILY THREADS]
row() {
    printf '%s\t' "$1" "$2" 0 0.01 "${8:--}" turn "${9:-2}" time "$3" "$4" "$5" "$6" "$6" "$6" "$7" "$7"
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
    # A plot, if it can be drawn.
    for n in $(! command -v gnuplot >/dev/null || echo 2 4 8); do
        row ring-$n idle condvar ours time $((n * 500)) - ring $n
        row ring-$n idle glibc peer time $((n * 600)) 0.83 ring $n
    done
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

# The plots of both have units, a grid, and say what is better; no two of a machine have one title.
# has_all FILES...
has_all() {
    for drawn; do
        for needed in 'Lower is better\. (Points: medians; vertical lines: from quartile to quartile|Medians)\.' \
            '>[0-9.]+ (ns|µs|ms|s)<' 'class="gridline"'; do
            grep -qE "$needed" "$drawn" || { echo "$drawn: no $needed"; return 1; }
        done
    done
    twice=$(for drawn; do grep -A1 'font-size="16.00"' "$drawn" | grep -o '<text>.*</text>'; done | sort | uniq -d)
    [ -z "$twice" ] || { echo "twice: $twice"; return 1; }
}

shows_missing "$root/tests/bench/report.py"
for folder in "$root"/docs/performance/*/ "$work"/root/docs/performance/*/; do
    set -- "$folder"*.svg
    [ ! -e "$1" ] || has_all "$@"
done
[ -e "$1" ] || ! command -v gnuplot >/dev/null || { echo 'no plot was drawn'; exit 1; }
# The controls: a plot without units, another sentence, no grid, and one plot twice.
for plot in "$root"/docs/performance/*/*-ring.svg; do
    has_all "$plot"
    for wrong in 's/ (n|µ|m)?s</</' 's/Lower/Higher/' 's/gridline/line/'; do
        sed -E "$wrong" "$plot" >"$work/wrong.svg"
        grep -q '</svg>' "$work/wrong.svg"
        ! has_all "$work/wrong.svg" >/dev/null || { echo "not detected: $wrong"; exit 1; }
    done
    ! has_all "$plot" "$plot" >/dev/null || { echo 'not detected: one title twice'; exit 1; }
done
sed '/# M:missing-rows$/s/.*/    pass/' "$root/tests/bench/report.py" >"$work/faulty"
! cmp -s "$work/faulty" "$root/tests/bench/report.py" || { echo 'the mutation for the control does not apply'; exit 1; }
if shows_missing "$work/faulty" >/dev/null; then
    echo 'the control is not detected'
    exit 1
fi
