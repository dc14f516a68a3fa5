#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Threads do not pay for tasks: an uncontended acquire and release takes at most 5 % more instructions with
# task support than without, as valgrind counts them in a library built as users build it. (With some compilers
# it takes fewer: they inline other calls then.) Its own control: a release that always takes the long way is
# found.
. "$(dirname -- "$0")/package.sh"

if ! command -v valgrind >/dev/null; then
    echo 'skipped: there is no valgrind here (Debian: apt-get install valgrind)'
    exit 77
fi

cat >"$tmp/pairs.c" <<'END'
#include <stdlib.h>
#include "condvar.h"

int main(int argc, char **argv)
{
    static cond_t cond = COND_INIT;
    for (long i = argc > 1 ? atol(argv[1]) : 0; i > 0; i--)
        if (cond_acquire(&cond) != 0 || cond_release(&cond) != 0)
            return 1;
    return 0;
}
END

# instructions NAME SOURCES [OPTIONS...]: those of 1000 pairs, and a few more.
# shellcheck disable=SC2086 # CC is a command with its options
instructions() {
    local name=$1 sources=$2
    shift 2
    $CC -std=gnu11 -O3 -fPIC -fvisibility=hidden -fno-semantic-interposition -shared -o "$tmp/$name.so" "$@" \
        -I"$SOURCE/include" "$sources/all.c" -pthread
    $CC -std=gnu11 -O3 "$@" -I"$SOURCE/include" -o "$tmp/$name" "$tmp/pairs.c" "$tmp/$name.so" -Wl,-z,now
    valgrind --tool=callgrind --callgrind-out-file="$tmp/out" --toggle-collect=main "$tmp/$name" 1000 \
        >"$tmp/said" 2>&1 || return
    sed -n 's/^summary: //p' "$tmp/out" | grep .
}

# pays A B: A is more than 5 % more than B.
pays() { [ $((20 * ($1 - $2))) -gt "$2" ]; }

# shellcheck source=tests/faulty.sh
. "$SOURCE/tests/faulty.sh"
make_faulty_source "$SOURCE" "$tmp" 'handoff_release()' 'handoff_release_contended(lock);' ||
    fail 'the control does not apply any more'

if ! without=$(instructions without "$SOURCE/src" -DCONDVAR_NO_TASKS); then
    echo 'skipped: valgrind does not run here:'
    cat "$tmp/said"
    exit 77
fi
with=$(instructions with "$SOURCE/src")
more=$(instructions more "$tmp/src")
echo "instructions of 1000 pairs: $without without tasks, $with with them, $more in the control"

pays "$more" "$without" || fail 'the control is not found: this test proves nothing'
! pays "$with" "$without" || fail 'threads pay for tasks'
