#!/bin/sh
# counters_mutations.sh SOURCE-ROOT COMPILER...: a test of tests whose counters begin near their end (tests/counters.h)
# SPDX-License-Identifier: MIT
#
# They must detect a counter of the library that is too narrow. tests/known_bugs/counters_mutation.sh is another such
# mutation.
set -eu
root=$1
shift
# shellcheck source=tests/mutate.sh
. "$root/tests/mutate.sh"
mutations_begin

# mutation NAME PROGRAM TARGET REPLACEMENT COMPILER...
mutation() {
    program=$2
    put_mutation "$1" "$3" "$4" || return 0
    shift 4
    schedules=$root/tests/schedules
    # shellcheck disable=SC2046,SC2086 # lists
    if [ "$program" = schedules ]; then # a search of schedules: stress programs seldom hit this window
        set -- "$@" -std=c11 -O1 -D_GNU_SOURCE= -DCONDVAR_STEP -DTUNING_SPIN_MAX=1u -DTUNING_LOCK_SPIN=1u \
            -DCONDVAR_NO_PTHREAD -I"$root/include" -I"$work/src"
        "$@" -c -include "$root/tests/counters.h" -o "$work/program.o" "$schedules/schedules.c"
        "$@" -o "$work/program" "$work/program.o" "$schedules/scripted.c" "$schedules/coroutine_ucontext.c" \
            $(core_sources "$root" | sed "s|^|$work/src/|")
        args='lock 1 0 15000'
    else
        set -- "$@" -std=gnu11 -O1 -D_GNU_SOURCE= -DCONDVAR_PORT_LINUX -I"$root/include"
        "$@" -c -include "$root/tests/counters.h" -o "$work/program.o" "$root/tests/stress/$program.c"
        "$@" -o "$work/program" "$work/program.o" "$work/src/all.c" -pthread
        args='--scale 0.5'
        [ "$program" != scenarios ] || args='--scale 5 --only passes_on'
    fi
    # (A hang counts as detected. Each attempt has another seed: on a busy machine one may miss the window.)
    attempt=1
    # shellcheck disable=SC2086 # a list
    while [ $attempt -le 5 ] && timeout 20 "$work/program" $args >"$work/out" 2>&1; do
        attempt=$((attempt + 1))
    done
    if [ $attempt -gt 5 ]; then
        not_detected "NOT detected by $program"
    else
        is_detected " by $program: $(tail -n 1 "$work/out" | cut -c 1-160)"
    fi
}

mutation 'arrivals have 32 bits' scenarios 'waitq_begin_wait()' \
    'WAITQ_SET_PROCESS(waiter->cond, port_process());
    a_store_32(&lock->u_.local.active_waits, a_load_32(&lock->u_.local.active_waits) + 1);
    waiter->arrival = (uint32_t)waiter->cond->u_.local.arrivals++;
    waitq_enqueue(waiter->cond, waiter->cond->u_.local.waiters, waiter);' "$@"
mutation 'wake-ups are counted up to the end' schedules 'mutex_count_wakeup()' \
    'uint32_t old = a_load(mutex_wakeups(lock), relaxed);
    a_store(mutex_wakeups(lock), old < UINT32_MAX - LOCK_WAKEUP ? old + LOCK_WAKEUP : old, release);' "$@"
# (A sequence that stops at its end is not detected: the heartbeat wakes the waiters.)
mutation 'tickets of a shared condition are compared by size' shared_waiters 'shared_before()' \
    '(void)free_below; return a < b;' "$@"
mutations_end
