#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a program links: the threads, by pkg-config, Meson and CMake. And no library whose locks have another size than
# the program's: the linker then names the macro that differs.
. "$(dirname -- "$0")/common.sh"

# ---- Threads ----

install_build
for what in cflags libs; do
    pkg-config "--$what" condvar | grep -e -pthread >/dev/null || fail "pkg-config --$what condvar has no -pthread"
done
grep 'INTERFACE_LINK_LIBRARIES "Threads::Threads"' "$libdir/cmake/condvar/condvarConfig.cmake" >/dev/null ||
    fail 'condvar::condvar has no Threads::Threads'
mkdir -p "$tmp/app/subprojects"
ln -s "$SOURCE" "$tmp/app/subprojects/condvar"
block c >"$tmp/app/app.c"
printf "%s\n" "project('app', 'c')" "executable('app', 'app.c', dependencies: dependency('condvar'))" \
    >"$tmp/app/meson.build"
meson setup "$tmp/built" "$tmp/app" --force-fallback-for=condvar >"$tmp/said" || fail "$(cat "$tmp/said")"
for what in 'c_COMPILER' 'c_LINKER'; do
    grep -A9 "^build .*app.*: $what" "$tmp/built/build.ninja" | grep -e -pthread >/dev/null ||
        fail "Meson's dependency gives no -pthread to the $what"
done

# ---- Layouts ----

cd "$tmp"
cat >app.c <<'CODE'
#include <condvar.h>
static cond_t cond = COND_INIT;
int main(void)
{
#ifdef BLOCK
    COND_WITH (&cond)
        (void)cond_notify(&cond, 1);
    return 0;
#else
    int error = cond_acquire(&cond);
    return error != 0 ? error : cond_release(&cond);
#endif
}
CODE
cp "$SOURCE/docs/cookbook/static_on_pthread.c" .
layouts=('' TASKS SHARED 'TASKS SHARED')
options() { # TASKS...: the macros, for a compiler
    local name
    for name in $1; do
        printf -- '-DCONDVAR_NO_%s ' "$name"
    done
}
compile() { # OPTIONS FILES...
    # shellcheck disable=SC2046,SC2086 # lists of options
    $CC -std=c11 -Wall -Wextra -Werror "-I$SOURCE/include" "$@"
}
for layout in "${layouts[@]}"; do
    # shellcheck disable=SC2046 # a list of options
    compile $(options "$layout") "-I$SOURCE/src" -fPIC -fvisibility=hidden -c "$SOURCE/src/all.c" -o all.o
    ar rcs "lib${layout/ /_}.a" all.o
    compile -shared all.o "-Wl,--version-script=$SOURCE/src/condvar.map" -o "lib${layout/ /_}.so" -pthread
done
for program in "${layouts[@]}"; do
    # (The only call of the last one that gets another name is cond_lock_init_pthread().)
    for source in app.c '-DBLOCK app.c' static_on_pthread.c; do
        # shellcheck disable=SC2046,SC2086 # lists of options
        compile $(options "$program") $source -c -o app.o
        for library in "${layouts[@]}"; do
            for kind in a so; do
                file=lib${library/ /_}.$kind
                if [ "$program" = "$library" ]; then
                    compile app.o "./$file" -o program -pthread
                    ./program >/dev/null || fail "with $file: exit status $?"
                    # The text for the linker is in no program.
                    ! grep -a 'compiled with CONDVAR_NO_' ./program || fail "the text is in a program with $file"
                    continue
                fi
                ! compile app.o "./$file" -o program -pthread 2>said || fail "'$program' links with $file"
                grep -E "CONDVAR_NO_${program##* }|compiled with CONDVAR_NO_" said >/dev/null ||
                    ! $CC -Wl,--version 2>/dev/null | grep 'GNU ld' >/dev/null ||
                    fail "does not say what differs: '$program', $file" "$(cat said)"
            done
        done
    done
done

# In the default build no function has another name, and the library does not have the text. (Others have it.)
! nm lib.a | grep CONDVAR_NO_ || fail 'names in the default build'
! grep -a 'compiled with CONDVAR_NO_' lib.a || fail 'the text is in the default build'
grep -a 'compiled with CONDVAR_NO_' libTASKS.a >/dev/null || fail 'the text is in no library'
