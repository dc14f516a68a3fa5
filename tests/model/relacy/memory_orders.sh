#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# memory_orders.sh - does the simulated machine (machine.h) detect a memory order in src/ that is too weak?
#
#     memory_orders.sh SOURCE-ROOT MACHINE-OBJECT COMPILER... [-- MOST | -- --some]
#
# It weakens each acquire and each release in src/ to relaxed, one at a time, in a copy. Some scenario must then fail,
# unless the allowlist has the change. (probe.c is left out: the scenarios have no observer.) It must also fail with
# each of a few mutations of sleeping and waking, which no memory order can repair. MACHINE-OBJECT is the compiled
# machine.cpp. MOST: how many schedules of each scenario run before a mutation counts as not detected. --some, the short
# test: every sixth mutation, and none of the allowlist.
set -euo pipefail
root=$1
machine=$2
shift 2
compiler=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    compiler+=("$1")
    shift
done
[ $# -eq 0 ] || shift
some=false
most=20000
case ${1:-} in
--some)
    some=true
    most=5000 ;;
?*) most=$1 ;;
esac
here=$root/tests/model/relacy
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/model/relacy/build.sh
. "$here/build.sh"
# shellcheck source=tests/mutate.sh
. "$root/tests/mutate.sh"
compile "$root/src" "$here/scenarios.c" "$work/scenarios.o"

detected=0
allowed_count=0
missed=0
count=0

# allowed WHERE: the allowlist. Prints why no scenario detects a change. WHERE is FILE:FUNCTION:CHANGE.
allowed() {
    local strong='stronger than needed:'
    case $1 in
    handoff.c:handoff_release_contended:acquire* | handoff.c:handoff_request:* | mutex.c:mutex_close:acquire*)
        echo 'the simulator finds the latest value for each read-modify-write, whatever its order' ;;
    object.h:lock_set_more_levels:release*)
        echo 'no scenario needs it: a holder sets levels between the count of a wake-up by another and its port_wake()' ;;
    object.h:lock_has_shared_kind:acquire* | shared.c:shared_lock_make:release*)
        echo 'it orders the bytes of a pthread mutex, and the mutex of the machine has none' ;;
    shared.c:shared_set_pending:release*)
        echo 'no scenario destroys a shared condition while a waiter on it times out' ;;
    shared.c:shared_close:release*)
        echo 'no scenario has a process that first sees a condition after another one has closed it' ;;
    park.h:park_wake:'acq_rel -> release'*) echo "$strong a waker reads nothing that the waiter wrote" ;;
    park.h:park_sleep:'acquire of success'*) echo "$strong the waiter then acquires the lock" ;;
    task.c:cond_task_cancel:'acquire -> '* | task.c:cond_task_cancel:'acquire of failure'*)
        echo "$strong the compare-exchange acquires" ;;
    *) return 1 ;;
    esac
}

# detect NAME [WHERE]: $work/src is a copy of src/ with a mutation.
detect() {
    if ! compile "$work/src" "$here/unit.c" "$work/unit.o" 2>"$work/reason"; then
        cat "$work/reason"
        echo "$1: does not compile"
        missed=$((missed + 1))
        return
    fi
    g++ "$work/unit.o" "$work/scenarios.o" "$machine" -o "$work/machine"
    local schedules last=$most is_allowed=false
    if allowed "${2:-}" >"$work/reason"; then
        is_allowed=true
        last=2000 # enough to see whether the allowlist is still right
    fi
    for schedules in 300 "$last"; do
        if ! "$work/machine" all "$schedules" >"$work/out" 2>&1; then
            if $is_allowed; then
                echo "$1: detected, although the allowlist has it"
                missed=$((missed + 1))
                return
            fi
            printf '%-58s %s\n' "$1:" "$(grep -m 1 ': failed: ' "$work/out" || echo 'crashed')"
            detected=$((detected + 1))
            return
        fi
    done
    if $is_allowed; then
        printf '%-58s %s\n' "$1:" "not detected: $(cat "$work/reason")"
        allowed_count=$((allowed_count + 1))
        return
    fi
    echo "$1: NOT detected"
    missed=$((missed + 1))
}

is_selected() {
    count=$((count + 1))
    ! $some || [ $((count % 6)) -eq 1 ]
}

# function_of FILE LINE: the name of the function that has this line.
function_of() {
    head -n "$2" "$root/src/$1" | sed -nE 's/^[A-Za-z][^;=#]*[ *]([a-z_0-9]+)\(([^;]*[^;])?$/\1/p' | tail -n 1
}

# weaken FILE LINE FROM TO NTH [OF]: the NTH word FROM in that line becomes TO.
weaken() {
    local change="$3${6:+ $6} -> $4" where
    where="$1:$(function_of "$1" "$2"):$change"
    if $some && allowed "$where" >/dev/null; then
        return 0 # it would run all schedules
    fi
    is_selected || return 0
    rm -rf "$work/src"
    cp -R "$root/src" "$work/src"
    awk -v line="$2" -v from="$3" -v to="$4" -v nth="$5" '
        NR == line {
            out = ""
            rest = $0
            for (i = 1; match(rest, "[ (]" from "[,)]"); i++) {
                word = i == nth ? to : from
                out = out substr(rest, 1, RSTART) word
                rest = substr(rest, RSTART + RLENGTH - 1)
            }
            $0 = out rest
        }
        { print }' "$root/src/$1" >"$work/src/$1"
    ! cmp -s "$root/src/$1" "$work/src/$1" || { echo "$1:$2: nothing to weaken" && exit 1; }
    detect "$1:$2 $change" "$where"
}

# mutation NAME TARGET REPLACEMENT: tests/mutate.sh says what they are.
mutation() {
    is_selected || return 0
    if ! make_mutated_source "$root" "$work" "$2" "$3"; then
        missed=$((missed + 1))
        return
    fi
    detect "$1"
}

while IFS=: read -r file line text; do
    if [[ $text =~ [\ \(]acq_rel[,\)] ]]; then
        weaken "$file" "$line" acq_rel acquire 1
        weaken "$file" "$line" acq_rel release 1
    elif [[ $text =~ [\ \(]acquire,\ acquire\) ]]; then
        weaken "$file" "$line" acquire relaxed 1 'of success'
        weaken "$file" "$line" acquire relaxed 2 'of failure'
    elif [[ $text =~ [\ \(]acquire[,\)] ]]; then
        weaken "$file" "$line" acquire relaxed 1
    else
        weaken "$file" "$line" release relaxed 1
    fi
done < <(cd "$root/src" && grep -nE '\ba_[a-z_]+\(.*[ (](acquire|release|acq_rel)[,)]' ./*.[ch] |
    sed 's,^\./,,' | grep -vE '^(atomic\.h|probe\.c):')

mutation 'the waker looks for a sleeper, then sets GO' 'park_wake()' \
    'uint32_t *state = &waiter->state;
    uint32_t old = a_load(state, relaxed);
    a_store(state, WAITER_GO, release);
    if (old & WAITER_ASLEEP)
        port_wake(state, 1);'
mutation 'the waker wakes, then sets GO' 'park_wake()' \
    'uint32_t *state = &waiter->state;
    if (a_load(state, acquire) & WAITER_ASLEEP)
        port_wake(state, 1);
    (void)a_exchange(state, WAITER_GO, acq_rel);'
mutation 'the waiter announces its sleep by a store' announce \
    'if (a_store(&waiter->state, state | WAITER_ASLEEP, release), true)'
mutation 'the waiter sleeps without announcing it' announce \
    'if (port_wait(&waiter->state, state, state & WAITER_CHOSEN ? COND_FOREVER : deadline_ns),
        state = a_load(&waiter->state, acquire), false)'
mutation 'the lock is freed by a store' 'handoff_release()' \
    'if (lock->u_.local.notified != NULL || a_load(lock_word(lock), relaxed) != MUTEX_HELD)
        handoff_release_contended(lock);
    else
        a_store(lock_word(lock), 0, release);'
mutation 'a waiter expires by a store' expire \
    'if (a_store(&waiter->state, state | WAITER_EXPIRED, release), true)'
mutation 'destroy marks the condition by a plain store' destroyed \
    'uint32_t before = cond->state_; cond->state_ = CONDI_DESTROYED;'

echo "$detected mutations detected, $allowed_count allowed, $missed not detected"
[ "$missed" -eq 0 ] && [ "$detected" -gt 0 ]
