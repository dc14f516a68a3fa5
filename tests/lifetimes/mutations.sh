#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `lifetimes` under test: with each of these faults in the library it must fail where it does not without.
#
# usage: faults SOURCE-ROOT PROGRAM COMPILER [ARGS...]
set -eu
root=$1
program=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
detected=0
# shellcheck source=tests/faulty.sh
. "$root/tests/faulty.sh"

# fault NAME CASE EVERY TARGET REPLACEMENT COMPILER...: must be detected in a case that has CASE in its name, at each
# EVERY-th instruction. tests/faulty.sh says what target and replacement are.
fault() {
    name=$1
    case_=$2
    every=$3
    if ! why_not=$(make_faulty_source "$root" "$work" "$4" "$5"); then
        echo "$name: $why_not"
        failed=$((failed + 1))
        return
    fi
    shift 5
    make_library "$root" "$work" "$@" -Wl,-z,now
    if LD_PRELOAD=$work/libcondvar.so "$program" --control --seed 1 --only "$case_" --every "$every" \
        >"$work/out" 2>&1; then
        echo "$name: detected: $(grep -m 1 -e ' --at ' "$work/out")"
        detected=$((detected + 1))
    else
        echo "$name: NOT detected:"
        tail -n 3 "$work/out"
        failed=$((failed + 1))
    fi
}

fault 'a released lock is touched' release/destroy/own-mutex 1 'handoff_release()' \
    'a_store(lock_word(lock), 0, release); a_store_8(&lock->flags_, 0);' "$@"
fault 'a satisfied waiter touches the condition' wait/destroy-held/elsewhere 16 chain \
    '(void)a_load(&waiter->cond->state_, relaxed); lock_wake_next(lock);' "$@"
fault 'a wait never ends, for destroy' wait/destroy/own-mutex 100 'waitq_end_wait()' '(void)lock;' "$@"
fault 'who acquires does not see that the lock is destroyed' acquire/destroy/own-mutex 100 acquire-destroyed never "$@"
fault 'a notify is spent on an expired waiter' wait-expires/notify/own-mutex 4 choose-expired always "$@"
fault 'a sleeper does not look for a dead holder' wait/holder-killed/shared-own-mutex 100 holder-lives delete "$@"
fault 'that the holder has died is not noted' acquire/holder-killed/shared-own-mutex 100 owner-died 'return 0;' "$@"

echo "$detected faults detected, $failed not"
[ "$failed" -eq 0 ]
