#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A Meson project with the library in its subprojects/ folder, and README.md's lines in its meson.build.
. "$(dirname -- "$0")/package.sh"

mkdir -p "$tmp/app/subprojects/condvar"
cp -R "$SOURCE"/{meson.build,meson_options.txt,include,src,examples,tests} "$tmp/app/subprojects/condvar"
block c >"$tmp/app/app.c"
block text >"$tmp/expected"
{
    echo "project('app', 'c', default_options: ['c_std=c11'])"
    block meson
} >"$tmp/app/meson.build"

meson setup "$tmp/build" "$tmp/app" --force-fallback-for=condvar
meson compile -C "$tmp/build"
expect "$tmp/expected" "$tmp/build/app"

# The program is built, and not our tests and examples with it.
strangers=$(meson introspect "$tmp/build" --targets --indent | sed -nE 's/^ *"name": "(.*)",$/\1/p' |
    grep -vE '^(app|condvar.*)$' || true)
[ -z "$strangers" ] || fail "targets that the program did not ask for:" "$strangers"
