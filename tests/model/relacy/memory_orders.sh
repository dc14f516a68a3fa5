#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# orders - does the machine (machine.h) see when a memory order in src/ is too weak?
#
#     orders SOURCE-ROOT MACHINE-OBJECT COMPILER... [-- MOST | -- --some]
#
# Weakens each acquire and each release in src/ to relaxed, one at a time, in a copy; some scenario must then
# fail, unless the allowlist has it. So it must with each of a few mutations in the protocol around sleeping and
# waking, for which no order makes up. MACHINE-OBJECT is machine.cpp, compiled. MOST: how many orders of each
# scenario are tried before a mutation counts as not seen. --some: only every sixth mutation is tried, and none
# that the allowlist has: the short test.
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

# The list of flags is in build.sh, for Meson and for this.
# shellcheck source=tests/model/relacy/build.sh
. "$here/build.sh"
compile "$root/src" "$here/scenarios.c" "$work/scenarios.o"

detected=0
allowed_count=0
missed=0
count=0

# allowed FILE CHANGE TEXT: the allowlist: why no scenario sees it if the orders in this line are weakened so. FILE, CHANGE
# and TEXT are looked for in what detect() is given.
allowed() {
    local words='the simulator finds the latest value for any read-modify-write, whatever its order'
    local strong='stronger than needed:'
    case $1:$2:$3 in
    handoff.c:acquire*'old % MUTEX_TASKS'* | handoff.c:release*'&old, requested, release'* | \
        handoff.c:*'requested | MUTEX_HELD'* | mutex.c:*'MUTEX_HELD | MUTEX_DESTROYED, acquire'*) echo "$words" ;;
    object.h:release*'~LOCK_LEVELS'*)
        echo 'no scenario needs it: a holder sets levels between the count of a wake-up by another and its port_wake()' ;;
    object.h:acquire*'lock->kind_, acquire'* | shared.c:release*'lock->kind_, kind, release'*)
        echo 'what they order are the bytes of a pthread mutex, and the mutex of the machine has none' ;;
    shared.c:release*'u_.shared.grants, release'*)
        echo 'no scenario destroys a shared condition while a waiter on it expires' ;;
    shared.c:release*'COND_CLOSED_SHARED, release'*)
        echo 'no scenario has a process that first sees a condition after another one has closed it' ;;
    park.h:'acq_rel -> release':*) echo "$strong a waker reads nothing that the waiter wrote" ;;
    park.h:'acquire of success'*) echo "$strong what the waiter does next it does with the lock" ;;
    task.c:acquire*'a_load(&task->waiter_.state, acquire)'* | task.c:'acquire of failure'*)
        echo "$strong the compare-exchange acquires" ;;
    *) return 1 ;;
    esac
}

# detect NAME FILE CHANGE TEXT: there is a copy of src/ in $work/src, with a mutation in FILE.
detect() {
    if cmp -s "$root/src/$2" "$work/src/$2"; then
        echo "$1: the mutation does not apply to $2 any more"
        missed=$((missed + 1))
        return
    fi
    if ! compile "$work/src" "$here/unit.c" "$work/unit.o" 2>"$work/reason"; then
        cat "$work/reason"
        echo "$1: does not compile"
        missed=$((missed + 1))
        return
    fi
    g++ "$work/unit.o" "$work/scenarios.o" "$machine" -o "$work/machine"
    local orders last=$most
    if allowed "$2" "$3" "$4" >/dev/null && [ "$most" -gt 2000 ]; then
        last=2000 # all would be tried: this is to see whether the allowlist is still right
    fi
    for orders in 300 "$last"; do
        if ! "$work/machine" all "$orders" >"$work/out" 2>&1; then
            if allowed "$2" "$3" "$4" >/dev/null; then
                echo "$1: is seen, though the allowlist has it"
                missed=$((missed + 1))
                return
            fi
            printf '%-58s %s\n' "$1:" "$(grep -m 1 ': failed: ' "$work/out" || echo 'crashed')"
            detected=$((detected + 1))
            return
        fi
    done
    if allowed "$2" "$3" "$4" >"$work/reason"; then
        printf '%-58s %s\n' "$1:" "not seen: $(cat "$work/reason")"
        allowed_count=$((allowed_count + 1))
        return
    fi
    echo "$1: NOT seen"
    missed=$((missed + 1))
}

fresh() {
    rm -rf "$work/src"
    cp -R "$root/src" "$work/src"
}

chosen() {
    count=$((count + 1))
    ! $some || [ $((count % 6)) -eq 1 ]
}

# weaken FILE LINE FROM TO NTH: the NTH word FROM in that line becomes TO.
weaken() {
    local change="$3${6:+ $6} -> $4" text
    text=$(sed -n "$2p" "$root/src/$1")
    if $some && allowed "$1" "$change" "$text" >/dev/null; then
        return 0 # it would take all orders to find that nothing is seen
    fi
    chosen || return 0
    fresh
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
    detect "$1:$2 $change" "$1" "$change" "$text"
}

# mutation NAME FILE SED-EXPRESSION
mutation() {
    chosen || return 0
    fresh
    sed "$3" "$root/src/$2" >"$work/src/$2"
    detect "$1" "$2" mutation ''
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
    sed 's,^\./,,' | grep -v '^atomic\.h:')

mutation 'the waker looks for a sleeper, then sets GO' park.h \
    's/if (a_exchange(state, WAITER_GO, acq_rel) & WAITER_ASLEEP)/uint32_t old = a_load(state, relaxed); a_store(state, WAITER_GO, release);\n    if (old \& WAITER_ASLEEP)/'
mutation 'the waiter announces its sleep by a store' park.h \
    's/if (a_cas(&waiter->state, &state, state | WAITER_ASLEEP, acquire, acquire))/a_store(\&waiter->state, state | WAITER_ASLEEP, release);/'
mutation 'the waker wakes, then sets GO' park.h \
    's/if (a_exchange(state, WAITER_GO, acq_rel) & WAITER_ASLEEP)/if (a_load(state, acquire) \& WAITER_ASLEEP)\n        port_wake(state, 1);\n    if (a_exchange(state, WAITER_GO, acq_rel) == 77)/'
mutation 'the waiter sleeps without announcing it' park.h \
    's/if (a_cas(&waiter->state, &state, state | WAITER_ASLEEP, acquire, acquire))$/if (true)/
     s/port_wait(&waiter->state, state,/port_wait(\&waiter->state, state \& ~(uint32_t)WAITER_ASLEEP,/'
mutation 'the lock is freed by a store' handoff.h \
    's/!a_cas(lock_word(lock), &held, 0, release, relaxed))/(a_load(lock_word(lock), relaxed) != held || (a_store(lock_word(lock), 0, release), false)))/'
mutation 'a waiter expires by a store' park.h \
    's/if (a_cas(&waiter->state, &state, state | WAITER_EXPIRED, acquire, acquire))/if (a_store(\&waiter->state, state | WAITER_EXPIRED, release), true)/'
mutation 'destroy marks the condition by a plain store' cond.c \
    's/a_store_32(&cond->state_, COND_DESTROYED);/cond->state_ = COND_DESTROYED;/'

echo "$detected mutations detected, $allowed_count allowed, $missed not seen"
[ "$missed" -eq 0 ] && [ "$detected" -gt 0 ]
