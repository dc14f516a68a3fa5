#!/bin/sh
# SPDX-License-Identifier: MIT
# make.sh VERSION FOLDER - makes the site in FOLDER/html; `meson compile docs` runs it
set -eu

if ! command -v doxygen >/dev/null; then
    echo 'The site needs Doxygen: install the package doxygen.' >&2
    exit 1
fi
mkdir -p "$2"
folder=$(cd "$2" && pwd)
rm -rf "$folder/html"
cd -P "$(dirname -- "$0")/../.."
export PWD VERSION="$1" # for pages.awk
{
    cat docs/site/Doxyfile
    printf 'PROJECT_NUMBER = "%s"\nOUTPUT_DIRECTORY = "%s"\n' "$1" "$folder"
} | doxygen -
