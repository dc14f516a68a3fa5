#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# condvar_single.h in a program of two files, one with the implementation: with each installed compiler, for the port
# of its system, for a custom port, and without optional features. There is no warning, no clash with the program's
# names, and a clear error if it is included too late.
. "$(dirname -- "$0")/common.sh"

install_build
cp "$(find "$tmp/image" -name condvar_single.h)" "$tmp" || fail 'condvar_single.h is not installed'
cd "$tmp"

# Short names of the program's own, which must not be names of the implementation; names of system headers after it;
# macros that must be undefined after it.
cat >one.c <<'END'
#define CONDVAR_IMPLEMENTATION
#include "condvar_single.h"
#if HOSTED
#  include <errno.h>
#  include <signal.h>
#  include <stdio.h>
#  include <stdlib.h>
#  if !defined(_WIN32)
#    include <sys/wait.h>
#  endif
#endif
#if defined(INTERNAL) || defined(COLD) || defined(a_load) || defined(TUNING_SPIN_MIN) || defined(PROBE_WAIT) || \
    defined(HAVE_TASKS) || defined(lock_is_shared)
#  error "a macro of the implementation is left"
#endif
#define first(x) (x)
#define COLD 1
struct text { int put; };
struct node { struct node *next; int at; };
struct task { int wait; };
struct waiter { int timed; };
struct ticket { int number; };
enum claim { FREE, GRANT, NOTHING, UNCOUNTED, HELD, SLEEPERS, SHARED, ALIVE, CLOSED, DESTROYED, TASKS };
static int notify(struct text text) { return first(text.put) - COLD; }
static int take(struct node *node) { return node->at; }
static int put(struct ticket ticket) { return ticket.number; }
static int enter(enum claim claim) { return claim == FREE ? 0 : 1; }
static int leave(struct waiter waiter) { return waiter.timed; }
static int lock(int depth) { return depth; }
static int unlock(int depth) { return -depth; }
static int wake(struct task task) { int wait = task.wait; return wait; }
int one(cond_t *cond);
int two(cond_t *cond);
int one(cond_t *cond)
{
    struct node node = {NULL, FREE};
    return notify((struct text){1}) + take(&node) + put((struct ticket){0}) + enter(FREE) + leave((struct waiter){0}) +
           lock(1) + unlock(1) + wake((struct task){0}) + two(cond);
}
#include "condvar_single.h"
END
cat >two.c <<'END'
#include "condvar_single.h"
int two(cond_t *cond);
#ifdef CONDVAR_OBSERVER
static int waits;
static void observe(int event, const cond_t *cond, const cond_lock_t *lock, int64_t value)
{
    waits += event == COND_EVENT_WAIT && cond != NULL && lock != NULL && value != 0;
}
#endif
static bool never(void *arg)
{
    return arg != NULL;
}
int two(cond_t *cond)
{
#ifdef CONDVAR_OBSERVER
    cond_set_observer(observe);
#endif
    int error = cond_acquire(cond);
    if (error == 0)
        error = cond_notify(cond, 1);
    if (error == 0)
        error = cond_wait(cond, COND_MS(1)) == ETIMEDOUT ? 0 : EINVAL;
    if (error == 0)
        error = cond_wait_for_until(cond, never, NULL, cond_deadline(1)) == ETIMEDOUT ? 0 : EINVAL;
#ifndef CONDVAR_NO_AWAIT
    if (error == 0)
        error = cond_await(cond, never, NULL, 0) == ETIMEDOUT ? 0 : EINVAL;
#endif
#ifndef CONDVAR_NO_CANCEL
    if (error == 0)
        error = cond_close(cond);
    if (error == 0)
        error = cond_wait(cond, COND_FOREVER) == ECANCELED ? 0 : EINVAL;
#endif
    COND_WITH(cond)
        error += (int)cond_waiters(cond);
    if (error == 0)
        error = cond_release(cond);
#ifdef CONDVAR_OBSERVER
    cond_set_observer(NULL);
    if (waits < 3)
        error = EINVAL;
#endif
    return error;
}
END
cat >main.c <<'END'
#include "condvar_single.h"
int one(cond_t *cond);
int main(void)
{
    static cond_t cond = COND_INIT;
    return COND_VERSION >= 100 && cond_version()[1] == '.' ? one(&cond) : 1;
}
END
# A port for one thread that does not sleep.
cat >port.c <<'END'
#include "condvar_single.h"
void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    (void)word, (void)expected, (void)deadline_ns;
}
void port_wake(const uint32_t *word, uint32_t count)
{
    (void)word, (void)count;
}
int64_t port_now(void)
{
    static int64_t now;
    return now += 1000;
}
uintptr_t port_self(void)
{
    return 2;
}
#ifndef CONDVAR_NO_TASKS
void **port_local(void)
{
    static void *place;
    return &place;
}
#endif
END

flags='-std=c11 -Wall -Wextra -Wpedantic -Werror'
everything='-DCONDVAR_NO_TASKS -DCONDVAR_NO_SHARED -DCONDVAR_NO_FOREIGN -DCONDVAR_NO_TEXT -DCONDVAR_NO_AWAIT
    -DCONDVAR_NO_CANCEL'
tried=0

# compile COMPILER OPTIONS FILES...: makes ./program, without a warning.
compile() {
    rm -f program program.exe
    # shellcheck disable=SC2086 # lists of words
    "$1" $flags $2 "${@:3}" >said 2>&1 || fail "$1 $2:" "$(cat said)"
    [ ! -s said ] || fail "$1 $2:" "$(cat said)"
    tried=$((tried + 1))
}

# ---- Programs for this system ----

for compiler in $(printf '%s\n' "${CC%% *}" gcc clang | sort -u); do
    command -v "$compiler" >/dev/null || continue
    for options in -O2 -DCONDVAR_NO_SHARED -DCONDVAR_NO_AWAIT -DCONDVAR_NO_CANCEL \
        '-DCONDVAR_PORT_POSIX -DCONDVAR_OBSERVER' "$everything"; do
        compile "$compiler" "-DHOSTED $options -o program -pthread" one.c two.c main.c
        ./program || fail "$compiler $options: exit status $?"
    done
    for left_out in '' "$everything"; do
        compile "$compiler" "-DCONDVAR_PORT_CUSTOM $left_out -o program" one.c two.c main.c port.c
        ./program || fail "$compiler, custom port, $left_out: exit status $?"
    done

    # Warnings that a program may have for its own code.
    printf '#define CONDVAR_IMPLEMENTATION\n#include "condvar_single.h"\n' >alone.c
    case $compiler in *clang*) analysis=-Wthread-safety ;; *) analysis= ;; esac
    for features in -DCONDVAR_OBSERVER -DCONDVAR_PORT_POSIX -DCONDVAR_PORT_CUSTOM "$everything"; do
        compile "$compiler" "$features -Wc++-compat $analysis -c -o alone.o" alone.c
    done

    # Included too late; and the correct order.
    printf '#include <stdio.h>\n#define CONDVAR_IMPLEMENTATION\n#include "condvar_single.h"\n' >late.c
    if echo '#include <features.h>' | $compiler -E -dM - 2>/dev/null | grep __GLIBC__ >/dev/null; then
        # shellcheck disable=SC2086
        ! $compiler $flags -c late.c -o late.o >said 2>&1 || fail "$compiler: no error for a header before it"
        grep -q 'Include condvar_single.h before all others' said || fail "$compiler has no clear error:" "$(cat said)"
        [ "$(grep -c 'error:' said)" = 1 ] || fail "$compiler: more than one error" "$(cat said)"
        compile "$compiler" '-D_GNU_SOURCE -c -o late.o' late.c
    fi
done

# ---- Programs for other systems, run if possible ----

if command -v x86_64-w64-mingw32-gcc >/dev/null; then
    for left_out in '' "$everything"; do
        compile x86_64-w64-mingw32-gcc "-DHOSTED $left_out -o program.exe" one.c two.c main.c -lsynchronization
    done
fi
if command -v arm-none-eabi-gcc >/dev/null; then
    bare='-ffreestanding -mcpu=cortex-m3 -mthumb -Os -DCONDVAR_PORT_CUSTOM'
    for left_out in '' "$everything"; do
        for file in one two port; do
            compile arm-none-eabi-gcc "$bare $left_out -c -o $file.o" $file.c
        done
    done
    # It needs only the port, and the functions that compilers always call.
    arm-none-eabi-nm -u one.o | awk '{ print $2 }' | grep -vxE 'port_(wait|wake|now|self)|mem(set|cpy|move|cmp)|two|__aeabi_.*' >others || true
    [ ! -s others ] || fail 'the implementation needs more than the port:' "$(cat others)"
    # And only these headers. (A leading underscore is the compiler's.)
    # shellcheck disable=SC2086
    arm-none-eabi-gcc $flags $bare -M one.c | tr -s ' \\' '\n' | sed -n 's|.*/||; s/-gcc\.h$/.h/; /\.h$/p' | LC_ALL=C sort -u >headers
    ! grep -vxE '(condvar_single|stdint|stdbool|stddef|stdatomic|limits|syslimits|_.*|errno)\.h' headers >&2 ||
        fail 'more headers than the freestanding ones'
fi

# C++ may include it without the implementation.
if command -v "$CXX" >/dev/null; then
    printf '#include "condvar_single.h"\nint use(cond_t *cond) { return cond_notify(cond, 1); }\n' >use.cpp
    "$CXX" -std=c++17 -Wall -Wextra -Wpedantic -Werror -c use.cpp -o use.o || fail "$CXX"
    printf '#define CONDVAR_IMPLEMENTATION\n#include "condvar_single.h"\n' >use.cpp
    ! "$CXX" -std=c++17 -c use.cpp -o use.o 2>said || fail "$CXX has compiled the implementation"
    grep -q 'CONDVAR_IMPLEMENTATION is C' said || fail "$CXX has no clear error:" "$(cat said)"
    [ "$(grep -c 'error:' said)" = 1 ] || fail "$CXX: more than one error" "$(cat said)"
fi
echo "$tried programs"
