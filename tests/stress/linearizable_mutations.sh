#!/bin/sh
# linearizable_mutations.sh SOURCE-ROOT PROGRAM COMPILER...: a test of `linearizable`, which must detect each of these
# SPDX-License-Identifier: MIT
set -eu
root=$1
program=$2
shift 2
# shellcheck source=tests/mutate.sh
. "$root/tests/mutate.sh"
mutations_begin

# mutation NAME TARGET REPLACEMENT COMPILER...: the history of events, or a lost notification, must show it.
mutation() {
    put_library "$@" || return 0
    # Until it is detected; the caller has a limit on time. Now and then a mutated library crashes or loops first.
    for _ in 1 2 3; do
        if timeout 200 env LD_PRELOAD="$work/libcondvar.so" "$program" --scale 100000 >"$work/out" 2>"$work/err"; then
            not_detected 'NOT detected'
            return 0
        fi
        if grep -q ': \(mixed\|tickets\|predicates\): ' "$work/err"; then
            is_detected ": $(sed -n 's/^.*linearizable\.c:[0-9]*: //p' "$work/err")"
            return 0
        fi
    done
    not_detected 'something else is found:'
    tail -n 20 "$work/err"
}

# Without a mutation it must pass.
cp -R "$root/src" "$work/src"
make_library "$root" "$work" "$@"
LD_PRELOAD=$work/libcondvar.so "$program" --scale 0.5

mutation 'a waiter goes to sleep though it has just been woken' announce \
    'if (a_store(&waiter->state, state | WAITER_ASLEEP, relaxed), 1)' "$@"
mutation 'expiry is stored, not compared' expire 'if (a_store(&waiter->state, WAITER_EXPIRED, relaxed), 1)' "$@"
mutation 'a notify is spent on an expired waiter' choose-expired always "$@"
mutation 'notify chooses one too many' notify-limit 'for (n++; n > 0 && cond->u_.local.waiters != NULL;) {' "$@"
mutation 'a notify chooses an awaiting waiter' await-false 'return WAITQ_FALSE;' "$@"
mutation 'last come, first served' enqueue-last 'waitq_enqueue(waiter->cond, NULL, waiter);' "$@"
mutation 'a shared condition forgets a grant' grant-count \
    'a_store(&queue->grants, queue->grants + (n > 1), relaxed);' "$@"
mutations_end
