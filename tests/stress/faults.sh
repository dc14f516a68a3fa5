# shellcheck shell=sh
# faults.sh - for the *_faults scripts, to be sourced with $root set: tests of tests, by faults in a copy of the library
# SPDX-License-Identifier: MIT
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
detected=0
# shellcheck source=tests/faulty.sh disable=SC2154 # root is set
. "$root/tests/faulty.sh"

# put_fault NAME TARGET REPLACEMENT [FILE]: the library with this fault is in $work/src. tests/faulty.sh explains target
# and replacement.
put_fault() {
    name=$1
    shift
    if ! why_not=$(make_faulty_source "$root" "$work" "$@"); then
        fault_failed "$why_not"
        return 1
    fi
}

fault_failed() {
    echo "$name: $1"
    failed=$((failed + 1))
}

fault_detected() {
    echo "$name: detected$1"
    detected=$((detected + 1))
}

# The end of the script: its exit status is 0 if each fault was detected.
faults_end() {
    echo "$detected faults detected, $failed not"
    [ "$failed" -eq 0 ]
}
