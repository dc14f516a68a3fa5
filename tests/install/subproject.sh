#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A Meson project with the lines of README.md, and the library in its folder subprojects: as a copy, then by README.md's
# wrap file.
. "$(dirname -- "$0")/common.sh"

copy=$tmp/app/subprojects/condvar
mkdir -p "$copy"
cp -R "$SOURCE"/{LICENSE,meson.build,meson_options.txt,include,src,examples,tests,docs} "$copy"
block c >"$tmp/app/app.c"
block text >"$tmp/expected"
{
    echo "project('app', 'c', default_options: ['c_std=c11'])"
    block meson
} >"$tmp/app/meson.build"

meson setup "$tmp/build" "$tmp/app" --force-fallback-for=condvar
meson compile -C "$tmp/build"
expect "$tmp/expected" "$tmp/build/app"

# Only the program is built, without our tests and examples.
strangers=$(meson introspect "$tmp/build" --targets --indent | sed -nE 's/^ *"name": "(.*)",$/\1/p' |
    grep -vE '^(app|condvar.*)$' || true)
[ -z "$strangers" ] || fail "targets that the program does not need:" "$strangers"

# The same from a repository, by its tag. (Its address differs from README.md's.)
if ! command -v git >/dev/null; then
    echo 'git is not installed: not tried with a wrap file'
    exit
fi
mv "$copy" "$tmp/repository"
git() { command git -C "$tmp/repository" -c user.name=x -c user.email=x@example.org "$@"; }
version=$(meson introspect "$BUILD" --projectinfo | sed -E 's/.*"version": "([^"]*)".*/\1/')
git init --quiet
git add .
git commit --quiet -m 'as it is'
git tag "v$version"

block ini >"$tmp/wrap"
grep -qx "revision = v$version" "$tmp/wrap" || fail "README.md's wrap file is not for version $version"
sed "s|^url = .*|url = file://$tmp/repository|" "$tmp/wrap" >"$tmp/app/subprojects/condvar.wrap"
meson setup "$tmp/wrapped" "$tmp/app" --wrap-mode=forcefallback
meson compile -C "$tmp/wrapped"
expect "$tmp/expected" "$tmp/wrapped/app"
