#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An unused feature costs nothing: instructions, counted by valgrind, of a library built as users build it.
#
# - Tasks: an uncontended acquire and release takes at most 5 % more with task support than without. (With some
#   compilers it takes fewer, because they inline other calls.)
# - cond_await(), on a lock without awaiting waiters: an uncontended acquire and release, and a wait with its notify and
#   its handoff, take at most 1 % and 3 % more than in a library without it.
# - cond_set_observer(), while no observer is set: a pair takes no instruction more than in a library without it, a wait
#   that times out at once at most 40 more, the waits and hand-overs of eight tasks at most 3 %.
#
# Its code adds no more bytes than docs/tracing.md says.
#
# Controls: a release that always takes the slow path, one awaiting waiter, and an observer, are detected.
. "$(dirname -- "$0")/common.sh"

need valgrind

cat >"$tmp/pairs.c" <<'END'
#include <stdlib.h>
#include "condvar.h"

static cond_t cond = COND_INIT;

#ifndef CONDVAR_NO_TASKS
enum { TASKS = 8 };

static cond_task_t tasks[TASKS];
static int notified;
static bool is_notified(void *arg) { return *(int *)arg; }
static void ready(cond_task_t *task, int result) { *(int *)cond_task_user(task) += result == 0; }

/* Waits with and without predicates. All are notified, and each is handed the lock by the one before it. */
static int hand_over(void)
{
    int woken = 0;
    notified = 0;
    for (int i = 0; i < TASKS; i++)
        if (cond_task_init(&tasks[i], ready, &woken) != 0 || cond_task_acquire(&cond, &tasks[i]) != 0 ||
            (i % 2 == 0 ? cond_task_wait(&cond, &tasks[i])
                        : cond_task_wait_for(&cond, &tasks[i], is_notified, &notified)) != EINPROGRESS)
            return 1;
    notified = 1;
    if (cond_acquire(&cond) != 0 || cond_notify_all(&cond) != 0 || cond_release(&cond) != 0)
        return 1;
    for (int i = 0; i < TASKS; i++)
        if (woken != i + 1 || cond_task_release(&cond, &tasks[i]) != 0)
            return 1;
    return 0;
}

#  ifndef CONDVAR_NO_AWAIT
#    define HAVE_AWAITING
static cond_task_t waiting;
static bool never(void *arg) { return arg != NULL; }

static int begin_await(void)
{
    return cond_task_init(&waiting, ready, NULL) != 0 || cond_task_acquire(&cond, &waiting) != 0 ||
           cond_task_await(&cond, &waiting, never, NULL) != EINPROGRESS;
}
#  endif
#endif

#ifdef CONDVAR_OBSERVER
static int events;

static void observe(int event, const cond_t *about, const cond_lock_t *lock, int64_t value)
{
    events += event != 0 && about != NULL && lock != NULL && value != -7;
}
#endif

/* pairs PAIRS [ROUNDS [WAITS [HOW]]]: so many pairs of acquire and release, rounds of hand-overs, and waits that time
   out at once. HOW is `awaiting`: one task awaits; `observed`: with an observer. */
int main(int argc, char **argv)
{
    const char *how = argc > 4 ? argv[4] : "";
#ifdef HAVE_AWAITING
    if (*how == 'a' && begin_await() != 0)
        return 1;
#endif
#ifdef CONDVAR_OBSERVER
    if (*how == 'o')
        cond_set_observer(observe);
#endif
    (void)how;
    for (long i = argc > 1 ? atol(argv[1]) : 0; i > 0; i--)
        if (cond_acquire(&cond) != 0 || cond_release(&cond) != 0)
            return 1;
#ifndef CONDVAR_NO_TASKS
    for (long i = argc > 2 ? atol(argv[2]) : 0; i > 0; i--)
        if (hand_over() != 0)
            return 1;
#endif
    for (long i = argc > 3 ? atol(argv[3]) : 0; i > 0; i--)
        if (cond_acquire(&cond) != 0 || cond_wait(&cond, 0) != ETIMEDOUT || cond_release(&cond) != 0)
            return 1;
    return 0;
}
END

# build NAME SOURCES [OPTIONS...]: the program and its library.
# shellcheck disable=SC2086 # CC is a command with its options
build() {
    local name=$1 sources=$2
    shift 2
    $CC -std=gnu11 -O3 -fPIC -fvisibility=hidden -fno-semantic-interposition -shared -o "$tmp/$name.so" "$@" \
        -I"$SOURCE/include" "$sources/all.c" -pthread
    $CC -std=gnu11 -O3 "$@" -I"$SOURCE/include" -o "$tmp/$name" "$tmp/pairs.c" "$tmp/$name.so" -Wl,-z,now
}

# instructions NAME ARGUMENTS...: the instructions of the program.
instructions() {
    local name=$1
    shift
    valgrind --tool=callgrind --callgrind-out-file="$tmp/out" --toggle-collect=main "$tmp/$name" "$@" \
        >"$tmp/said" 2>&1 || return
    sed -n 's/^summary: //p' "$tmp/out" | grep .
}

# pays A B PERCENT: A is more than PERCENT larger than B.
pays() { [ $((100 * ($1 - $2))) -gt $(($3 * $2)) ]; }

# shellcheck source=tests/mutate.sh
. "$SOURCE/tests/mutate.sh"
make_mutated_source "$SOURCE" "$tmp" 'handoff_release()' 'handoff_release_contended(lock);' ||
    fail 'the mutation for the control does not apply'

build without "$SOURCE/src" -DCONDVAR_NO_TASKS
build with "$SOURCE/src"
build more "$tmp/src"
build without_await "$SOURCE/src" -DCONDVAR_NO_AWAIT
build observer "$SOURCE/src" -DCONDVAR_OBSERVER

# docs/tracing.md says how many bytes an observer adds.
text() { size "$tmp/$1.so" | awk 'NR == 2 { print $1 }'; }
[ $(($(text observer) - $(text with))) -le 767 ] || fail "the observer's code is larger than 0.7 KiB"

if ! without=$(instructions without 1000); then
    echo 'skipped: valgrind does not run:'
    cat "$tmp/said"
    exit 77
fi
with=$(instructions with 1000)
more=$(instructions more 1000)
echo "1000 pairs of acquire and release: $without instructions without tasks, $with with them, $more in the control"
pays "$more" "$without" 5 || fail 'the control is not detected: this test proves nothing'
! pays "$with" "$without" 5 || fail 'task support costs too many instructions'

# compare_await WHAT PAIRS ROUNDS PERCENT. $with stays: the instructions of the default build.
compare_await() {
    local what=$1 percent=$4 without awaiting
    without=$(instructions without_await "$2" "$3")
    with=$(instructions with "$2" "$3")
    awaiting=$(instructions with "$2" "$3" 0 awaiting)
    echo "$what: $without instructions without await, $with with it, $awaiting beside one awaiting waiter"
    pays "$awaiting" "$without" 1 || fail 'the awaiting waiter is not detected: this test proves nothing'
    ! pays "$with" "$without" "$percent" || fail 'cond_await() costs too many instructions'
}
compare_await '1000 pairs of acquire and release' 1000 0 1
compare_await '1000 rounds of 8 waits' 0 1000 3

# compare_observer WHAT PAIRS ROUNDS WAITS MORE: at most so many instructions more.
compare_observer() {
    local what=$1 more=$5 without with observed
    without=$(instructions with "$2" "$3" "$4")
    with=$(instructions observer "$2" "$3" "$4")
    observed=$(instructions observer "$2" "$3" "$4" observed)
    echo "$what: $without instructions without an observer's support, $with with it, $observed with an observer"
    [ "$2" != 0 ] || [ "$observed" -gt $((with + 10000)) ] || fail 'the observer is not called: this test proves nothing'
    [ "$with" -le $((without + more)) ] || fail 'cond_set_observer() costs too many instructions'
}
compare_observer '1000 pairs of acquire and release' 1000 0 0 200
compare_observer '1000 waits that time out at once' 0 0 1000 40000
compare_observer '1000 rounds of 8 waits' 0 1000 0 $((3 * with / 100))
