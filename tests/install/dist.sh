#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `meson dist` makes a complete tarball: all files of the repository and condvar_single.h. Unpacked elsewhere it builds
# and passes its unit tests and examples. Its configuration needs nothing newer than the Meson that it requires.
. "$(dirname -- "$0")/common.sh"

need git

# The working tree in a new repository, so that this works in a tarball too.
repository_copy "$tmp/repository"
meson setup "$tmp/build" "$tmp/repository" -Dtests=disabled -Dexamples=false >"$tmp/said" || fail "$(cat "$tmp/said")"
(cd "$tmp/build" && meson dist --formats gztar --no-tests) >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
tarball=$(find "$tmp/build/meson-dist" -name 'condvar-*.tar.gz')
[ -f "$tarball" ] || fail 'no tarball' "$(cat "$tmp/said")"

mkdir "$tmp/elsewhere"
tar -xzf "$tarball" -C "$tmp/elsewhere"
(cd "$tmp/repository" && command git ls-files && echo condvar_single.h) | LC_ALL=C sort -u >"$tmp/expected"
(cd "$tmp/elsewhere/"condvar-* && find . -type f | sed 's|^\./||' | LC_ALL=C sort) | diff -u "$tmp/expected" - >&2 ||
    fail 'the repository (-) and the tarball (+) have other files'
rm -rf "$tmp/repository" "$tmp/build"
cd "$tmp/elsewhere/"condvar-*
tests=enabled
pkg-config --exists cmocka || tests=auto
env -u PKG_CONFIG_LIBDIR meson setup "$tmp/built" . "-Dtests=$tests" --buildtype=debug >"$tmp/said" 2>&1 ||
    fail "$(cat "$tmp/said")"
! grep 'uses feature' "$tmp/said" >&2 || fail 'the Meson that meson.build requires is too old'

# The programs of these suites: `meson test` would build those of all suites. (The test cortex_m has no program. It is
# the same here as in the tree.)
cat >"$tmp/programs.py" <<'PYTHON'
import json, os, sys
top, tests, programs = sys.argv[1:]
intro = {name: json.load(open(f'{top}/meson-info/intro-{name}.json')) for name in ('tests', 'targets')}
files = {target['id']: target['filename'] for target in intro['targets']}
with open(tests, 'w') as tests, open(programs, 'w') as programs:
    for test in intro['tests']:
        if {'condvar:unit', 'condvar:examples'} & set(test['suite']) and test['depends']:
            print(test['name'], end='\0', file=tests)
            for target in test['depends']:
                print(*(os.path.relpath(file, top) for file in files[target]), sep='\n', file=programs)
PYTHON
python3 "$tmp/programs.py" "$tmp/built" "$tmp/tests" "$tmp/programs"
grep -x examples/bounded_buffer "$tmp/programs" >/dev/null || fail 'the examples are not among the programs'
ninja=$(command -v ninja || command -v ninja-build || command -v samu)
xargs "$ninja" -C "$tmp/built" <"$tmp/programs" >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
xargs -0 meson test -C "$tmp/built" --no-rebuild --timeout-multiplier 3 --suite unit --suite examples <"$tmp/tests" \
    >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"

# The control: an incomplete tarball does not build.
rm src/waitq.c
! xargs "$ninja" -C "$tmp/built" <"$tmp/programs" >"$tmp/said" 2>&1 || fail 'it builds without src/waitq.c'
