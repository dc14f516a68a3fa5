#!/bin/sh
# await_mutations.sh SOURCE-ROOT AWAITS SHARED_CLOSE COMPILER...: awaits and shared_close must detect these
# SPDX-License-Identifier: MIT
set -eu
root=$1
awaits=$2
shared_close=$3
shift 3
# shellcheck source=tests/mutate.sh
. "$root/tests/mutate.sh"
mutations_begin

# mutation NAME PROGRAM TARGET REPLACEMENT COMPILER...: the program must fail, or hang for 10 seconds.
mutation() {
    name=$1
    program=$2
    shift 2
    put_library "$name" "$@" || return 0
    if LD_PRELOAD=$work/libcondvar.so timeout 10 "$program" >"$work/out" 2>&1; then
        not_detected "NOT detected by $(basename "$program")"
    else
        is_detected " by $(basename "$program"): $(grep -m 1 '\.c:[0-9]*: ' "$work/out" || echo 'it hangs')"
    fi
}

mutation 'an awaiting waiter goes to sleep unqueued' "$awaits" 'waitq_await_again()' '(void)waiter, (void)lock;' "$@"
mutation 'an awaiting waiter is queued where a notify must find it' "$awaits" await-false 'return WAITQ_FALSE;' "$@"
mutation 'a close does not end those in the list' "$awaits" cancel-marks delete "$@"
mutation 'a close is not kept' "$shared_close" close-shared delete "$@"
mutation 'a close ends the waits until the next one' "$shared_close" closed-stays \
    'if (condi_is_closed(cond) && (a_store(&cond->state_, CONDI_ALIVE_SHARED, relaxed), true))' "$@"
mutations_end
