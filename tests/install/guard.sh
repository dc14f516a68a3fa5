#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# COND_WITH and COND_GUARD accept a condition or a lock, in C and C++, without a warning. Anything else does not
# compile. The control: the same program with a condition or a lock compiles.
. "$(dirname -- "$0")/common.sh"

cat >"$tmp/program.h" <<'END'
#include "condvar.h"
#include <stddef.h>
#include <stdio.h>

static cond_t cond = COND_INIT, conds[2];
static cond_lock_t lock = COND_RLOCK_INIT;
static int number;

static int held(cond_t *c, cond_lock_t *l)
{
    int sum = 0;
    COND_GUARD(c);
    for (int i = 0; i < 3; i++) {
        COND_GUARD(l);
        COND_WITH(OBJECT) {
            COND_WITH(OBJECT)
                sum++;
        }
        if (i == 1)
            return sum;
    }
    return -1;
}

int main(void)
{
    (void)cond, (void)conds, (void)number;
    if (held(&cond, &lock) != 2 || cond_locked(&cond) || cond_lock_locked(&lock))
        return puts("wrong");
    return 0;
}
END
printf '#include "program.h"\n' | tee "$tmp/program.c" >"$tmp/program.cpp"
install_build
export LD_LIBRARY_PATH=$libdir

# compiles COMPILER SOURCE OBJECT
# shellcheck disable=SC2046,SC2086 # lists
compiles() {
    $1 -Wall -Wextra -Wpedantic -Wshadow -Werror -I"$tmp" "-DOBJECT=$3" -o "$tmp/program" "$tmp/$2" \
        $(pkg-config --cflags --libs condvar) >"$tmp/said" 2>&1
}

compilers=("$CC -std=c11 -D_GNU_SOURCE:program.c")
if command -v "$CXX" >/dev/null; then
    compilers+=("$CXX -std=c++11:program.cpp" "$CXX -std=c++20:program.cpp")
fi
for each in "${compilers[@]}"; do
    compiler=${each%:*} source=${each#*:}
    for object in '&cond' '&lock' 'c' 'l' 'conds' '&conds[1]'; do
        compiles "$compiler" "$source" "$object" || fail "$compiler: $object is refused" "$(cat "$tmp/said")"
        "$tmp/program" || fail "$compiler: $object"
    done
    for object in 'cond' 'lock' '&number' 'NULL' '0' '(void *)c' '(const cond_t *)c' '"cond"'; do
        ! compiles "$compiler" "$source" "$object" || fail "$compiler: $object is accepted"
    done
done
