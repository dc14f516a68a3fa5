#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The tests under test: each of these faults, put into a copy of the library, must be detected by the scenario that is
# named beside it, else its orders prove nothing. tests/faulty.sh says what a fault is. Prints each fault's name, and
# what detects it.
#
# usage: faults SOURCE-ROOT COMPILER...
#        faults --by-calls STEPS SOURCE-ROOT COMPILER...
#        faults --copy NAME DIRECTORY SOURCE-ROOT
#
# With --by-calls they are held against random calls and the reference model instead (calls.h), of which at most so
# many are made for each. That must detect all but those that are marked below, with the reason why it can't. With
# --by-calls and fewer than 100000 steps, only a few faults are tried, which are seen that soon. With --copy nothing is run: DIRECTORY/src
# is a copy of the library with this fault, for others to try.
set -eu
steps=0
copy=
case $1 in
--by-calls)
    steps=$2
    shift 2 ;;
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
unseen=0
# shellcheck source=tests/faulty.sh
. "$root/tests/faulty.sh"

program=schedules
# shellcheck disable=SC2086 # a command and its arguments
build() {
    if [ "$steps" = 0 ] && [ $program = test_waitq ]; then
        set -- "$root/tests/unit/$program.c" -lcmocka
    elif [ "$steps" = 0 ]; then
        set -- "$schedules/$program.c"
    else
        set -- "$fuzz/fuzz.c" "$fuzz/calls.c" "$fuzz/reference.c" -I"$schedules"
    fi
    $compiler -std=c11 -O1 -DCONDVAR_STEP -DTUNING_SPIN_MAX=1u -DTUNING_LOCK_SPIN=1u -DCONDVAR_NO_PTHREAD -D_DEFAULT_SOURCE \
        -I"$root/include" -I"$work/src" -o "$work/program" "$schedules/scripted.c" "$schedules/coroutine_ucontext.c" \
        $(core_sources "$root" | sed "s|^|$work/src/|") "$@"
}

# Whether all is well with what is in $work/src. The program's words are in $work/out.
passes() {
    if [ "$steps" = 0 ] && [ $program = test_waitq ]; then
        "$work/program" || ! grep -q "FAILED.*$1" "$work/out"
    elif [ "$steps" = 0 ]; then
        "$work/program" "$1" 1 0 5000
    else
        # (A loop that never ends in a list that is broken is a detection, too.)
        (cd "$work" && timeout 600 ./program --steps "$steps")
    fi >"$work/out" 2>&1
}

# unseen_by_calls WHY: they cannot see the fault that follows.
why=
unseen_by_calls() { why=$1; }

# fault NAME SCENARIO TARGET REPLACEMENT: the scenario is one that must fail; -: none does, but calls.
fault() {
    not_seen=$why
    why=
    if [ -n "$copy" ] && [ "$1" != "$copy" ]; then
        return
    fi
    if [ "$steps" != 0 ]; then
        case $1 in
        'a notified waiter is not woken' | 'last come, first served' | 'a foreign chain breaks' | \
            'no release drains the tasks') ;;
        *) [ "$steps" -ge 100000 ] || return 0 ;;
        esac
        if [ -n "$not_seen" ]; then
            echo "$1: not seen by calls: $not_seen"
            unseen=$((unseen + 1))
            return
        fi
    fi
    if [ "$2$steps$copy" = -0 ]; then
        echo "$1: by calls only"
        return
    fi
    if ! why_not=$(make_faulty_source "$root" "$work" "$3" "$4"); then
        echo "$1: $why_not"
        failed=$((failed + 1))
        return
    fi
    if [ -n "$copy" ]; then
        exit 0
    fi
    by=$([ "$steps" = 0 ] && echo "'$2' of $program" || echo calls)
    build
    status=0
    passes "$2" || status=$?
    if [ $status = 0 ]; then
        echo "$1: NOT detected by $by"
        failed=$((failed + 1))
    elif [ $status = 2 ]; then
        echo "$1: there is no scenario $by"
        failed=$((failed + 1))
    else
        echo "$1: detected by $by: $(grep -a -m 1 -o 'failed: .*\|FAILED.*' "$work/out" || echo crashed)"
        detected=$((detected + 1))
    fi
}

fault 'the deadline is not raced for' 'timeout race' 'waitq_beat_deadline()' '(void)waiter; return true;'
fault 'expiry is stored, not compared' 'timeout race' expire \
    'if (a_store(&waiter->state, WAITER_EXPIRED, relaxed), 1)'
unseen_by_calls 'the model stops no waits'
fault 'a stopped waiter sleeps on' 'stop race' stopped never
unseen_by_calls 'the model stops no waits'
fault 'a stopped waiter is not woken' 'stop race' wake-stopped delete
unseen_by_calls 'the model stops no waits'
fault 'a waiter that was chosen is stopped' 'stop race' stop-chosen 'next = old | WAITER_EXPIRED;'
unseen_by_calls 'the model stops no waits'
fault 'a waiter that goes back does not look whether it was stopped' 'stop, overtaken' looks-again delete
fault 'a notify is spent on an expired waiter' 'timeout race' choose-expired always
fault 'a notify chooses everybody' 'timeout race' notify-count delete
fault 'an expired waiter stays in its queue' 'timeout race' 'waitq_leave()' '(void)lock, waiter->queue = WAITER_UNQUEUED;'
fault 'waits end early' 'put back' 'deadline_passed()' 'return deadline_ns != COND_FOREVER;'
fault 'a notified waiter is not woken' 'notify each' wake-next delete
fault 'a sleeping waiter is not woken' 'notify each' wake-asleep delete
fault 'the waiter sleeps without announcing it' 'notify each' announce \
    'if (port_wait(&waiter->state, state, deadline_ns), state = a_load(&waiter->state, acquire), false)'
fault 'notify chooses one too many' 'exact and in order' notify-limit \
    'for (n++; n > 0 && cond->u_.local.waiters != NULL;) {'
fault 'last come, first served' 'exact and in order' enqueue-last 'waitq_enqueue(waiter->cond, NULL, waiter);'
fault 'nothing is passed on' 'pass on' 'waitq_pass_on()' '(void)waiter, (void)lock;'
fault 'an expired waiter passes nothing on' 'expired hands on' expired-passes-on delete
fault 'nothing is passed on to who came later' "expired takes another's" pass-on-later \
    'if (was_there && waitq_choose(candidate, lock, true, horizon))'
fault 'an overtaken waiter goes to sleep unqueued' 'overtaken' 'waitq_requeue()' '(void)waiter, (void)lock;'
fault 'an overtaken waiter returns 0' 'overtaken' satisfied \
    'satisfied = error == 0 || (error == ETIMEDOUT && pred != NULL && check_pred(lock, pred, waiter->arg));'
fault 'a sleeper forgets the others' 'lock' duty-sleepers never
fault 'a release wakes nobody' 'lock' wake-sleeper delete
fault 'a release wakes no starving thread' 'lock, starving' wake-starving delete
fault 'the number of starving threads only grows' 'lock, starving' duty-starving never
unseen_by_calls 'the model promises no fairness'
fault 'barging never ends' 'overtaking ends' 'mutex_may_take()' 'return self != NULL && !(word & MUTEX_HELD);'
unseen_by_calls 'the model promises no fairness'
fault 'it is never the turn of starving threads' 'turns beside an acquirer' 'handoff_take_turn()' \
    'return (void)lock, false;'
unseen_by_calls 'the model promises no fairness'
fault 'a waiter is picked at the turn of a starving thread' 'turns beside an acquirer' starving-turn 'if (next == NULL && !has_looked) {'
fault 'it is always the turn of starving threads' - 'handoff_take_turn()' \
    'return (void)lock, (word & (MUTEX_SLEEPERS | MUTEX_STARVING_ALL)) != 0;'
unseen_by_calls 'the model promises no fairness'
fault 'a free lock is kept for ever' 'a free lock is not kept' sleep-until-starving \
    'port_wait(mutex_wakeups(lock), wakeups, deadline_ns);'
unseen_by_calls 'time passes, and then the sleeper wakes by itself'
fault 'a wake-up is not counted' 'lock' 'mutex_count_wakeup()' '(void)lock;'
fault 'a lock that is held is taken' 'lock' 'mutex_may_take()' 'return self->was_chosen || self->has_starved || !(word & MUTEX_STARVING_ALL);'
fault 'the lock is touched when it is free' 'destroyed by the woken' wake-next '{ park_wake(next); lock->flags_ &= 3; }'
fault 'destroy does not look twice' 'destroyed too early' destroy-again never
fault 'late arrivals sleep on a destroyed lock' 'destroyed too early' acquire-destroyed never
fault 'one thread only learns of the destroy' 'destroyed beside sleepers' destroyed-wakes-all never
fault 'a waiter is counted out, and then leaves its queue' 'destroyed by asking' 'waitq_remove()' \
    'bool is_queued = waiter->queue == WAITER_QUEUED;
    if (is_queued || (waitq_awaits(waiter) && waiter->queue == WAITER_NOTIFIED && !waitq_is_cancelled(waiter)))
        waitq_count_out(waiter->cond);
    (void)a_load(&waiter->state, relaxed);
    waitq_unlink(is_queued ? &waiter->cond->u_.local.waiters : &lock->u_.local.notified, waiter);
    waiter->queue = WAITER_UNQUEUED;'
fault 'a call looks twice whether the condition is alive' 'foreign, destroyed beside calls' state-once \
    'else if (cond_state(cond) == COND_ALIVE)'
fault 'who finds the lock lost takes nobody along' 'foreign, lost' lost-wakes-all delete
fault 'who finds the lock lost stays counted' 'foreign, lost' lost-ends delete
fault 'all try a lock that is lost' 'foreign, lost' lost-is-not-tried never
fault 'a lost lock is not noticed by destroy and notify' 'foreign, lost' lost-is-noticed always
fault 'who takes the others along is not counted meanwhile' 'foreign, lost' lost-counts \
    'waitq_notify_all(cond, lock); return;'
fault 'wait releases one level only' 'recursion' save-depth \
    'unsigned depth = rlock_depth(lock); if (depth > 1) { (void)rlock_release(lock, who); return depth; }'
fault 'wait restores one level only' 'recursion' restore-depth 'lock_set_owner(lock, who, 1 + 0 * depth);'
fault 'a foreign chain breaks' 'foreign, exact' chain delete
unseen_by_calls 'random calls seldom have three that await, of which the last is woken in vain'
fault 'an awaiting waiter goes back in front of all' 'await, in order' await-place never
fault 'an awaiting waiter goes to sleep unqueued' 'buffer, await' 'waitq_await_again()' '(void)waiter, (void)lock;'
fault 'an awaiting waiter is put back where a notify would have to find it' 'buffer, await' await-false 'return WAITQ_FALSE;'
fault 'an awaiting waiter stays counted' 'await, timed' await-counts never
unseen_by_calls 'the model does not say how often a predicate is called'
fault 'a predicate is called twice in a release' 'await, in order' look-once delete
fault 'a close does not end those in the lock'"'"'s list' 'close' cancel-marks delete
fault 'a close chooses, and does not end' 'close' cancel-chooses delete
fault 'a closed condition can be waited on' 'close, while they arrive' closed-begins 'int error = 0;'
fault 'a cancel ignores its token' 'cancel' 'waitq_has_token()' 'return waiter != NULL || token != NULL;'
fault 'a cancelled token is waited with' 'cancel after notify' token-ends never
fault 'a cancelled waiter loses what it was given' 'cancel after notify' cancel-keeps 'if (waitq_is_cancelled(waiter))'
unseen_by_calls 'random calls seldom cancel between a notify and the release after it'
fault 'a cancelled waiter passes nothing on' 'cancel passes on' close-keeps always

program=task_schedules
fault 'no release drains the tasks' 'lock' first-pushed never
unseen_by_calls 'it touches a lock that is destroyed, which random calls seldom do at that moment'
fault 'each task requests a release' 'destroyed by the last' first-pushed always
fault 'a release does not see the tasks' 'lock' 'taskq_drain()' '(void)lock;'
fault 'a release sees the tasks too late' 'lock' free-word 'if (a_store(word, old & ~(uint32_t)MUTEX_HELD, release), 1)'
unseen_by_calls 'random calls seldom cancel between a notify and the release after it'
fault 'a cancelled task keeps what it was given' 'cancel' cancelled-passes-on delete
fault 'a cancelled task stays in its queue' 'cancel' 'waitq_leave()' '(void)lock, waiter->queue = WAITER_UNQUEUED;'
unseen_by_calls 'random calls seldom meet in the few steps that matter'
fault 'cancel does not race' 'cancel' cancel-race \
    '} while (a_store(&task->waiter_.state, state | WAITER_EXPIRED, relaxed), 0);'
unseen_by_calls 'random calls seldom meet in the few steps that matter'
fault 'a task is picked without a race' 'cancel' judge-race \
    'return waitq_is_task(waiter) || waitq_beat_deadline(waiter) ? WAITQ_GOES : WAITQ_EXPIRED;'
fault 'a cancelled acquire gets the lock' 'cancel an acquire' grant-cancelled 'bool was_cancelled = false;'
fault 'a claimed wake-up is dropped before a task' 'a task beside a sleeper' wake-sleeper \
    'if (next == NULL || !waitq_is_task(next)) port_wake(wakeups, 1);'
fault 'a task is not told of the close' 'close' grant-closed never
unseen_by_calls 'a condition is not made anew there before all tasks are through'
fault 'a task passes on what it was given before the close' 'made anew after the close' close-keeps never
fault 'callbacks in callbacks' 'chain' nested-dispatch never
fault 'called back within the call' 'within the call' own-request never
unseen_by_calls 'the model promises no fairness'
fault 'a task is picked at the turn of a starving thread' 'expired beside tasks' starving-turn 'if (next == NULL && !has_looked) {'

# Here the scenario is one of the unit test's.
if echo '#include <cmocka.h>' | $compiler -E -include stdarg.h -include setjmp.h -include stdint.h - >"$work/out" 2>&1; then
    program=test_waitq
    unseen_by_calls 'there is one process'
    fault 'a waiter goes back among those of another process' another_process_waits back-among-ours \
        'return a_load_32(&waiter->cond->state_) == COND_ALIVE && lock != NULL;'
    fault 'a false waiter goes back in front of all' agrees_with_the_model place-found never
fi

program=shared_schedules
unseen_by_calls 'the model lets a shared notify wake more, and does not say who'
fault 'a newcomer takes what was granted before' 'nobody steals' newcomers never
fault 'a waiter that is woken takes its grant with it' 'a waiter is killed' woken-claim \
    'enum claim claim = port_now() > 0 ? FREE : NOTHING; depart(&ticket, cond, GRANT);'
unseen_by_calls 'so old they are made once in a run only'
fault 'tickets grow too old' 'polls, old' old-tickets never
fault 'nobody looks by himself' 'a waiter is killed' heartbeat \
    'port_wait_shared(sequence, seen, heartbeat_ns == 0 ? 0 : deadline_ns);'
fault 'nobody looks whether the holder lives' 'a holder is killed' holder-lives delete
fault 'the release does not pay' 'notify each' pay-owed never
unseen_by_calls 'who sleeps finds it at the next heartbeat'
fault 'a notify elsewhere wakes nobody' 'notify each, elsewhere' wake-elsewhere delete
unseen_by_calls 'the model promises that for plain waits only, of a shared lock'
fault 'who cannot use it wakes nobody' 'chain' pass-grant never
fault 'an owner that died is not reported' 'lock, killed' owner-died 'return 0;'
unseen_by_calls 'who sleeps finds it at the next heartbeat'
fault 'a close wakes nobody' 'close' close-wakes delete
fault 'a close is not kept' 'close' close-shared delete
fault 'a close ends the waits until the next one' 'close' closed-stays \
    'if (cond_is_closed(cond) && (a_store(&cond->state_, COND_ALIVE_SHARED, relaxed), true))'
fault 'a repair sets nobody free' 'a producer is killed' repair-frees delete
unseen_by_calls 'they destroy no shared condition that others use'
fault 'a destroyed shared lock is acquired' 'destroyed' enter-destroyed never
unseen_by_calls 'the same'
fault 'a destroyed shared lock elsewhere is acquired' 'destroyed, elsewhere' enter-destroyed never
unseen_by_calls 'they lose the lock of one condition only, which is its own'
fault 'who is told that the lock is lost stays counted' 'lost, elsewhere' lost-frees delete
unseen_by_calls 'who sleeps finds it at the next heartbeat'
fault 'who gives the lock up wakes nobody' 'lost, promptly' give-up-frees delete
unseen_by_calls 'nobody is stopped for so long'
fault 'an old ticket looks like a future one' 'stopped for long' pending \
    'if ((int32_t)(ticket->number - free_below) < 0)'
unseen_by_calls 'nobody is stopped for so long'
fault 'an old ticket looks like a pending one' 'stopped for a lap' pending 'if (!before(ticket->number, arrivals, free_below))'
unseen_by_calls 'they make each lock once'
fault 'init over a living lock' 'begun by two' lock-alive 'if (!a_cas(&lock->depth_, &before, LOCK_SHARED_MARK, relaxed, relaxed))'

if [ -n "$copy" ]; then
    echo "no such fault: $copy"
    exit 2
fi
echo "$detected faults detected, $failed not$([ "$unseen" = 0 ] || echo "; $unseen cannot be seen")"
[ "$failed" -eq 0 ]
