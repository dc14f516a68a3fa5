#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mutations.sh - do the tests detect mutations of the library?
#
# usage: mutations.sh SOURCE-ROOT COMPILER...
#        mutations.sh --by-calls STEPS SOURCE-ROOT COMPILER...
#        mutations.sh --compile SOURCE-ROOT COMPILER...
#        mutations.sh --copy NAME DIRECTORY SOURCE-ROOT
#
# Each mutation below is put into a copy of the library. The scenario beside it (tests/schedules) must detect it, or its
# schedules prove nothing. tests/mutate.sh says what a mutation is. The output names what detects each of them.
#
# --by-calls: random calls and the reference model (tests/fuzz) must detect it, with at most STEPS calls. Some mutations
# cannot be detected so, or seldom: the reason stands beside them. With fewer than 100000 steps only a few are tried.
# --compile: each mutation must apply and compile. --copy: DIRECTORY/src becomes a copy of the library with the
# mutation.
set -eu
steps=0
copy=
judge=true
case $1 in
--by-calls)
    steps=$2
    shift 2 ;;
--compile)
    judge=false
    shift ;;
--copy)
    copy=$2
    work=$3
    shift 3 ;;
*) ;;
esac
root=$1
shift
compiler="$*"
if [ -z "$copy" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
schedules=$root/tests/schedules
fuzz=$root/tests/fuzz
failed=0
detected=0
undetectable=0
# shellcheck source=tests/mutate.sh
. "$root/tests/mutate.sh"

program=schedules

# compile OBJECT FILE: with the headers in $work/src.
# shellcheck disable=SC2086 # a command and its arguments
compile() {
    $compiler -std=c11 -O1 -DCONDVAR_STEP -DTUNING_SPIN_MAX=1u -DTUNING_LOCK_SPIN=1u -DCONDVAR_NO_PTHREAD \
        -I"$root/include" -I"$work/src" -I"$schedules" -c -o "$1" "$2"
}

# build CHANGED-FILE: the program on what is in $work/src. Objects of files without the mutation are kept for the others
# in $work/kept. A mutation of a header is in all objects.
build() {
    objects=$work/kept
    case $1 in *.h) objects=$work/mutated && rm -rf "$objects" ;; esac
    mkdir -p "$objects"
    library=
    if [ "$steps" != 0 ]; then
        files="$fuzz/fuzz.c $fuzz/calls.c $fuzz/reference.c"
    elif [ $program = test_waitq ]; then
        files=$root/tests/unit/$program.c
        library=-lcmocka
    else
        files=$schedules/$program.c
    fi
    changed=$1
    set --
    for file in "$schedules/scripted.c" "$schedules/coroutine_ucontext.c" $files \
        $(core_sources "$root" | sed "s|^|$work/src/|"); do
        object=$objects/$(basename "$file" .c).o
        [ "$file" != "$changed" ] || object=$work/mutated.o
        if [ "$file" = "$changed" ] || [ ! -f "$object" ]; then
            compile "$object" "$file"
        fi
        set -- "$@" "$object"
    done
    rm -f "$work/program"
    # shellcheck disable=SC2086 # a command and its arguments
    $compiler -o "$work/program" "$@" $library
}

# passes SCENARIO: the program does not fail with what is in $work/src. Its output is $work/out. An endless loop, in a list
# that is broken, is a failure too: 124.
passes() {
    if [ "$steps" != 0 ]; then
        (cd "$work" && timeout 600 ./program --steps "$steps")
    elif [ $program = test_waitq ]; then
        timeout 60 "$work/program" || ! grep -q "FAILED.*$1" "$work/out"
    else
        timeout 20 "$work/program" "$1" 1 0 5000
    fi >"$work/out" 2>&1
}

# mutation NAME SCENARIO TARGET REPLACEMENT [REASON]: SCENARIO must fail; -: only random calls detect it. REASON: why
# random calls do not.
mutation() {
    if [ -n "$copy" ] && [ "$1" != "$copy" ]; then
        return
    fi
    if [ "$steps" != 0 ]; then
        case $1 in
        'a notified waiter is not woken' | 'waiters are queued last in, first out' | 'no release drains the tasks' | \
            'a waiter of a foreign lock does not wake the next one') ;;
        *) [ "$steps" -ge 100000 ] || return 0 ;;
        esac
        if [ -n "${5:-}" ]; then
            echo "$1: not by random calls: $5"
            undetectable=$((undetectable + 1))
            return
        fi
    fi
    if [ "$2$steps$copy" = -0 ]; then
        echo "$1: by random calls only"
        return
    fi
    if ! reason=$(make_mutated_source "$root" "$work" "$3" "$4"); then
        echo "$1: $reason"
        failed=$((failed + 1))
        return
    fi
    if [ -n "$copy" ]; then
        exit 0
    fi
    by=$([ "$steps" = 0 ] && echo "'$2' of $program" || echo 'random calls')
    build "$(cat "$work/changed_file")"
    $judge || return 0
    status=0
    passes "$2" || status=$?
    if [ $status = 0 ]; then
        echo "$1: NOT detected by $by"
        failed=$((failed + 1))
    elif [ $status = 2 ]; then
        echo "$1: there is no scenario $by"
        failed=$((failed + 1))
    else
        case $status in
        124) how='an endless loop' ;;
        *) how=$(grep -a -m 1 -o 'failed: .*\|FAILED.*' "$work/out" || echo crashed) ;;
        esac
        echo "$1: detected by $by: $how"
        detected=$((detected + 1))
    fi
}

mutation 'a notify does not race with the deadline' 'timeout race' 'waitq_beat_deadline()' '(void)waiter; return true;'
mutation 'a waiter expires by a store' 'timeout race' expire 'if (a_store(&waiter->state, WAITER_EXPIRED, relaxed), 1)'
mutation 'a stopped waiter stays asleep' 'stop race' stopped never
mutation 'a stopped waiter is not woken' 'stop race' wake-stopped delete
mutation 'a chosen waiter is stopped' 'stop race' stop-chosen 'next = old | WAITER_EXPIRED;'
mutation 'a stopped waiter times out' 'stop race' stop-result never
mutation 'a waiter that goes back does not check for a stop' 'stop, barged' looks-again delete
mutation 'a notify chooses an expired waiter' 'timeout race' choose-expired always
mutation 'a notify chooses all waiters' 'timeout race' notify-count delete
mutation 'an expired waiter stays in its queue' 'timeout race' 'waitq_leave()' \
    '(void)lock, waiter->queue = WAITER_UNQUEUED;'
mutation 'waits time out early' 'put back' 'deadline_passed()' 'return deadline_ns != COND_FOREVER;'
mutation 'a notified waiter is not woken' 'notify each' wake-next delete
mutation 'a sleeping waiter is not woken' 'notify each' wake-asleep delete
mutation 'the waiter sleeps without announcing it' 'notify each' announce \
    'if (port_wait(&waiter->state, state, deadline_ns), state = a_load(&waiter->state, acquire), false)'
mutation 'a notify chooses one waiter too many' 'exact and in order' notify-limit \
    'for (n++; n > 0 && cond->u_.local.waiters != NULL;) {'
mutation 'waiters are queued last in, first out' 'exact and in order' enqueue-last \
    'waitq_enqueue(waiter->cond, NULL, waiter);'
mutation 'no notification is passed on' 'pass on' 'waitq_pass_on()' '(void)waiter, (void)lock;'
mutation 'an expired waiter does not pass its notification on' 'expired passes on' expired-passes-on delete
mutation 'a notification is not passed on to a later waiter' "expired takes another's" pass-on-later \
    'if (was_there && waitq_choose(candidate, lock, true, horizon))'
mutation 'a waiter that goes back sleeps unqueued' 'barged' 'waitq_requeue()' '(void)waiter, (void)lock;'
mutation 'a waiter returns 0 although its predicate is false' 'barged' satisfied \
    'satisfied = error == 0 || (error == ETIMEDOUT && pred != NULL && condi_check_pred(lock, pred, waiter->arg));'
mutation 'a woken sleeper does not set SLEEPERS again' 'lock' duty-sleepers never
mutation 'a release wakes no sleeper' 'lock' wake-sleeper delete
mutation 'a release wakes no starving thread' 'lock, starving' wake-starving delete
mutation 'the number of starving threads only grows' 'lock, starving' duty-starving never
mutation 'uncounted starving threads are not woken' 'more starve than counted' wake-uncounted never \
    'the reference model has few threads'
mutation 'destroy wakes one uncounted starving thread only' 'more starve, destroyed' destroyed-wakes-uncounted never \
    'the reference model has few threads'
mutation 'barging never ends' 'barging ends' 'mutex_may_take()' \
    'return self != NULL && !(word & MUTEX_HELD);' 'the reference model has no fairness'
mutation 'starving threads never get their turn' 'turns beside an acquirer' 'handoff_take_turn()' \
    'return (void)lock, false;' 'the reference model has no fairness'
mutation 'a waiter is picked at the turn of a starving thread' 'turns beside an acquirer' starving-turn \
    'if (next == NULL && !has_searched) {' 'the reference model has no fairness'
mutation 'starving threads always get their turn' - 'handoff_take_turn()' \
    'return (void)lock, (word & (MUTEX_SLEEPERS | MUTEX_STARVING_ALL)) != 0;'
mutation 'a free lock stays reserved for ever' 'a free lock is not kept' sleep-until-starving \
    'port_wait(mutex_wakeups(lock), wakeups, deadline_ns);' 'the reference model has no fairness'
mutation 'a wake-up is not counted' 'lock' 'mutex_count_wakeup()' \
    '(void)lock;' 'time passes, and the sleeper wakes up by itself'
mutation 'a held lock is acquired' 'lock' 'mutex_may_take()' \
    'return self->was_chosen || self->past_threshold || !(word & MUTEX_STARVING_ALL);'
mutation 'the lock is touched after it was freed' 'destroyed by the woken' wake-next \
    '{ park_wake(next); lock->flags_ &= 3; }'
mutation 'destroy does not check again' 'destroyed too early' destroy-again never
mutation 'threads sleep on a destroyed lock' 'destroyed too early' acquire-destroyed never
mutation 'destroy wakes one sleeper only' 'destroyed beside sleepers' destroyed-wakes-all never
mutation 'a waiter is counted out before it leaves its queue' 'destroyed without the lock' 'waitq_remove()' \
    'bool is_queued = waiter->queue == WAITER_QUEUED;
    if (is_queued || (waitq_awaits(waiter) && waiter->queue == WAITER_NOTIFIED && !waitq_is_cancelled(waiter)))
        waitq_count_out(waiter->cond);
    (void)a_load(&waiter->state, relaxed);
    waitq_unlink(is_queued ? &waiter->cond->u_.local.waiters : &lock->u_.local.notified, waiter);
    waiter->queue = WAITER_UNQUEUED;'
mutation 'a call reads the state of the condition twice' 'foreign, destroyed beside calls' state-once \
    'else if (condi_state(cond) == CONDI_ALIVE)'
mutation 'a close makes a destroyed condition usable' 'destroyed by two' close-alive \
    'a_store(&cond->state_, CONDI_CLOSED, relaxed);' 'no condition is destroyed beside another call'
mutation 'two threads destroy one condition' 'destroyed by two' destroyed \
    'uint32_t before = cond->state_; a_store(&cond->state_, CONDI_DESTROYED, relaxed);' \
    'no condition is destroyed beside another call'
mutation 'two threads destroy one lock' 'foreign, destroyed by two' destroyed-lock \
    'uint32_t before = a_load(&lock->depth_, relaxed); a_store(&lock->depth_, LOCK_DEPTH_DESTROYED, relaxed);' \
    'no lock is destroyed beside another call'
mutation 'a waiter that finds the lock lost wakes no other waiter' 'foreign, lost' lost-wakes-all delete
mutation 'a waiter that finds the lock lost stays counted' 'foreign, lost' lost-ends delete
mutation 'all waiters try to acquire a lost lock' 'foreign, lost' lost-is-not-tried never
mutation 'destroy and notify do not notice a lost lock' 'foreign, lost' lost-is-noticed always
mutation 'a waiter that wakes the others of a lost lock is not counted' 'foreign, lost' lost-counts \
    'waitq_notify_all(cond, lock); return;'
mutation 'wait releases one level only' 'recursion' save-depth \
    'unsigned depth = rlock_depth(lock); if (depth > 1) { (void)rlock_release(lock, who); return depth; }'
mutation 'wait restores one level only' 'recursion' restore-depth 'lock_set_owner(lock, who, 1 + 0 * depth);'
mutation 'a waiter of a foreign lock does not wake the next one' 'foreign, exact' chain delete
mutation 'an awaiting waiter goes back to the front' 'await, in order' await-place never \
    'three waiters that await, the last woken in vain, are rare'
mutation 'an awaiting waiter sleeps unqueued' 'buffer, await' 'waitq_await_again()' '(void)waiter, (void)lock;'
mutation 'an awaiting waiter is put back into the queue of the condition' 'buffer, await' await-false \
    'return WAITQ_FALSE;'
mutation 'an awaiting waiter stays counted' 'await, timed' await-counts never
mutation 'a predicate is called twice in a release' 'await, in order' look-once delete \
    'the reference model allows any number of predicate calls'
mutation 'a close does not end the waits in the list of the lock' 'close' cancel-marks delete
mutation 'a close chooses waiters, but does not cancel them' 'close' cancel-chooses delete
mutation 'a wait on a closed condition begins' 'close, while they arrive' closed-begins 'int error = 0;'
mutation 'a cancel ignores its token' 'cancel' 'waitq_has_token()' 'return waiter != NULL || token != NULL;'
mutation 'a wait with a cancelled token begins' 'cancel after notify' token-ends never
mutation 'a cancelled waiter loses its notification' 'cancel after notify' cancel-keeps \
    'if (waitq_is_cancelled(waiter))'
mutation 'a cancelled waiter does not pass its notification on' 'cancel passes on' close-keeps always \
    'a cancel between a notify and its release is rare'

program=task_schedules
mutation 'no release drains the tasks' 'lock' first-pushed never
mutation 'each task requests a release' 'destroyed by the last' first-pushed always 'a destroy at that step is rare'
mutation 'a release does not see the tasks' 'lock' 'taskq_drain()' '(void)lock;'
mutation 'a release sees the tasks too late' 'lock' free-word \
    'if (a_store(word, old & ~(uint32_t)MUTEX_HELD, release), 1)'
mutation 'a cancelled task keeps its notification' 'cancel' cancelled-passes-on delete \
    'a cancel between a notify and its release is rare'
mutation 'a cancelled task stays in its queue' 'cancel' 'waitq_leave()' '(void)lock, waiter->queue = WAITER_UNQUEUED;'
mutation 'cancel does not race' 'cancel' cancel-race \
    '} while (a_store(&task->waiter_.state, state | WAITER_EXPIRED, relaxed), 0);' 'the few steps that matter are rare'
mutation 'a task is picked without a race' 'cancel' judge-race \
    'return waitq_is_task(waiter) || waitq_beat_deadline(waiter) ? WAITQ_GOES : WAITQ_EXPIRED;' \
    'the few steps that matter are rare'
mutation 'a cancelled acquire gets the lock' 'cancel an acquire' grant-cancelled 'bool was_cancelled = false;'
mutation 'a claimed wake-up is dropped before a task' 'a task beside a sleeper' wake-sleeper \
    'if (next == NULL || !waitq_is_task(next)) port_wake(wakeups, 1);'
mutation 'the callback of a task does not report the close' 'close' grant-closed never
mutation 'a task passes on a notification from before the close' 'initialised again after the close' close-keeps never \
    'no condition is initialised again before all tasks have ended'
mutation 'callbacks run inside callbacks' 'chain' nested-dispatch never
mutation 'the callback runs inside the call that made the request' 'within the call' own-request never
mutation 'a task is picked at the turn of a starving thread' 'expired beside tasks' starving-turn \
    'if (next == NULL && !has_searched) {' 'the reference model has no fairness'

# The scenarios of these are tests of the unit test.
if printf '#include <%s>\n' stdarg.h setjmp.h stddef.h stdint.h cmocka.h | $compiler -E - >"$work/out" 2>&1; then
    program=test_waitq
    mutation 'a waiter goes back into a queue of another process' another_process_waits back-among-ours \
        'return a_load_32(&waiter->cond->state_) == CONDI_ALIVE && lock != NULL;' 'there is one process'
    mutation 'a release picks a waiter of another process' another_process_was_notified notified-are-ours always \
        'there is one process'
    mutation 'a waiter whose predicate is false goes back to the front' agrees_with_the_model place-found never
fi

program=shared_schedules
mutation 'a new arrival takes an earlier grant' 'no notification is stolen' newcomers never \
    'the reference model lets a shared notify wake more waiters'
mutation 'a waiter that is woken takes its grant with it' 'a waiter is killed' woken-claim \
    'enum shared_claim claim = port_now() > 0 ? SHARED_FREE : SHARED_NOTHING; shared_depart(&ticket, cond, SHARED_GRANT);'
mutation 'tickets grow too old' 'polls, old' old-tickets never 'tickets become that old once in a run'
mutation 'waiters have no heartbeat' 'a waiter is killed' heartbeat \
    'port_wait_shared(sequence, seen, heartbeat_ns == 0 ? 0 : deadline_ns);'
mutation 'waiters do not check whether the holder is alive' 'a holder is killed' holder-lives delete
mutation 'a release does not make the owed wake-ups' 'notify each' pay-owed never
mutation 'a notify on a lock outside the condition wakes no waiter' 'notify each, elsewhere' wake-elsewhere delete \
    'a sleeper finds it at its next heartbeat'
mutation 'a waiter that cannot use its grant wakes no other waiter' 'chain' pass-grant never \
    'on a shared lock the model has it only for waits without a predicate'
mutation 'an owner that died is not reported' 'lock, killed' owner-died 'return 0;'
mutation 'a close wakes no waiter' 'close' close-wakes delete 'a sleeper finds it at its next heartbeat'
mutation 'a close is not stored' 'close' close-shared delete
mutation 'a close ends the waits until the next one' 'close' closed-stays \
    'if (condi_is_closed(cond) && (a_store(&cond->state_, CONDI_ALIVE_SHARED, relaxed), true))'
mutation 'a waiter does not find that a closed condition was destroyed' 'closed and destroyed early' sleeps-closed \
    'if (deadline_passed(deadline_ns) || condi_is_closed(cond))' 'no random call destroys a shared condition in use'
mutation 'a repair frees no waiter' 'a producer is killed' repair-frees delete
mutation 'a destroyed shared lock is acquired' 'destroyed' enter-destroyed always \
    'no random call destroys a shared condition in use'
mutation 'a destroyed shared lock outside the condition is acquired' 'destroyed, elsewhere' enter-destroyed always \
    'no random call destroys a shared condition in use'
mutation 'a shared lock is destroyed twice' 'destroyed by two, elsewhere' enter-destroyed always \
    'no random call destroys a shared lock in use'
mutation 'a waiter that returns because the lock is lost stays counted' 'lost, elsewhere' lost-frees delete \
    'they lose only the lock that the condition owns'
mutation 'a release that gives the lock up wakes no waiter' 'lost, promptly' give-up-frees delete \
    'a sleeper finds it at its next heartbeat'
mutation 'an old ticket looks like a future one' 'stopped for long' pending \
    'if ((int32_t)(ticket->number - free_below) < 0)' 'no thread stops for that long'
mutation 'an old ticket looks like a pending one' 'stopped for a lap' pending \
    'if (!shared_before(ticket->number, arrivals, free_below))' 'no thread stops for that long'
mutation 'init overwrites a lock in use' 'begun by two' lock-alive \
    'if (!a_cas(&lock->depth_, &before, LOCK_SHARED_MARK, relaxed, relaxed))' 'each lock is initialised once'

if [ -n "$copy" ]; then
    echo "no such mutation: $copy"
    exit 2
fi
echo "$detected mutations detected, $failed not$([ "$undetectable" = 0 ] || echo "; $undetectable not by random calls")"
[ "$failed" -eq 0 ]
