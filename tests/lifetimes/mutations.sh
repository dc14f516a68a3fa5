#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mutations.sh - does `lifetimes` detect mutations of the library?
#
# usage: mutations.sh SOURCE-ROOT PROGRAM COMPILER [ARGS...]
set -eu
root=$1
program=$2
shift 2
# shellcheck source=tests/mutate.sh
. "$root/tests/mutate.sh"
mutations_begin

# mutation NAME CASE EVERY TARGET REPLACEMENT COMPILER...: a case with CASE in its name must detect it, at each EVERY-th
# instruction. tests/mutate.sh says what TARGET and REPLACEMENT are.
mutation() {
    name=$1
    case_=$2
    every=$3
    shift 3
    put_library "$name" "$@" -Wl,-z,now || return 0
    if LD_PRELOAD=$work/libcondvar.so "$program" --control --seed 1 --only "$case_" --every "$every" \
        >"$work/out" 2>&1; then
        is_detected ": $(grep -m 1 -e ' --at ' "$work/out")"
    else
        not_detected 'NOT detected:'
        tail -n 3 "$work/out"
    fi
}

mutation 'a released lock is touched' release/destroy/own-mutex 1 'handoff_release()' \
    'a_store(lock_word(lock), 0, release); a_store_8(&lock->flags_, 0);' "$@"
mutation 'a satisfied waiter touches the condition' wait/destroy-held/elsewhere 16 chain \
    '(void)a_load(&waiter->cond->state_, relaxed); lock_wake_next(lock);' "$@"
mutation 'a wait stays counted for destroy' wait/destroy/own-mutex 100 'waitq_end_wait()' '(void)lock;' "$@"
mutation 'an acquire does not see that the lock is destroyed' acquire/destroy/own-mutex 100 acquire-destroyed never "$@"
mutation 'an acquire of a shared lock does not see that it is destroyed' acquire/destroy/shared-own-mutex 100 \
    enter-destroyed always "$@"
mutation 'a close does not end the wait of an awaiting waiter' await/close/own-mutex 100 cancel-marks delete "$@"
mutation 'a stopped waiter is not woken' wait-stop/stop/own-mutex 100 wake-stopped delete "$@"
mutation 'a notify chooses an expired waiter' wait-expires/notify/own-mutex 4 choose-expired always "$@"
mutation 'a sleeper does not check for a dead holder' wait/holder-killed/shared-own-mutex 100 holder-lives delete "$@"
mutation 'the death of the holder is not recorded' acquire/holder-killed/shared-own-mutex 100 owner-died 'return 0;' "$@"

mutations_end
