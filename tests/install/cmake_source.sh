#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A CMake project builds the library from its sources: by add_subdirectory() and by FetchContent, as a library and as
# one header. The lines are those of src/package/README.md. Wrong versions and features are refused. The names of
# folders have spaces.
. "$(dirname -- "$0")/common.sh"

need cmake git
# CMake 3.16 is enough. Debian has a later one, so at least nothing in our files may be newer than 3.16.
newer='cmake_path|cmake_language|block *\(|file *\((REAL_PATH|CONFIGURE|ARCHIVE_|CHMOD|COPY_FILE)|string *\(JSON'
newer+='|ZIP_LISTS|PROPAGATE|PROJECT_IS_TOP_LEVEL|DEPFILE|TARGET_RUNTIME_DLLS|FILE_SET'
! grep -rnE "$newer" "$SOURCE/src/package/cmake" || fail 'this needs a newer CMake than 3.16'

version=$(sed -n "s/^ *version: '\(.*\)',/\1/p" "$SOURCE/meson.build")
repository_copy "$tmp/source"
rm -f "$tmp/source/condvar_single.h" # (a release's tarball has it)
command git -C "$tmp/source" tag "v$version"

block text >"$tmp/expected"
mkdir "$tmp/app" "$tmp/app/single"
block c >"$tmp/app/app.c"
sed 's/<condvar\.h>/"condvar_single.h"/' "$tmp/app/app.c" >"$tmp/app/single/app.c"
printf '#define CONDVAR_IMPLEMENTATION\n#include "condvar_single.h"\n' >"$tmp/app/single/condvar.c"

# lines N: the Nth block of CMake in src/package/README.md, with the copy as the repository.
lines() {
    awk -v wanted="$1" '
        $0 == "```" && inside { inside = 0 }
        inside && n == wanted { print }
        $0 == "```cmake" { inside = 1; n++ }' "$SOURCE/src/package/README.md" |
        sed -E "s|GIT_REPOSITORY .*|GIT_REPOSITORY file://$tmp/source|" >"$tmp/lines"
    [ -s "$tmp/lines" ] || fail "src/package/README.md has no block $1 of CMake"
    cat "$tmp/lines"
}

# project NAME: a project with the text on stdin. It asks for the policies of the oldest CMake that is supported.
project() {
    mkdir -p "$tmp/$1 app"
    {
        printf '%s\n' 'cmake_minimum_required(VERSION 3.16)' 'project(app C)' "add_executable(app $tmp/app/app.c)"
        cat
    } >"$tmp/$1 app/CMakeLists.txt"
}
configure() { # NAME [OPTIONS...]
    local name=$1
    shift
    env CC="$CC" cmake -S "$tmp/$name app" -B "$tmp/$name app/build" -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_C_FLAGS='-Wall -Wextra -Werror' "$@" >"$tmp/said" 2>&1
}
configured() { configure "$@" || fail "$(cat "$tmp/said")"; }
runs() { # NAME PROGRAM
    cmake --build "$tmp/$1 app/build" >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
    expect "$tmp/expected" "$tmp/$1 app/build/$2"
}
refused() { # NAME SENTENCE [OPTIONS...]
    local name=$1 sentence=$2
    shift 2
    ! configure "$name" "$@" || fail "was configured: $name $*"
    tr '\n' ' ' <"$tmp/said" | tr -s ' ' | grep -F -- "$sentence" >/dev/null ||
        fail "does not say '$sentence':" "$(cat "$tmp/said")"
}

# ---- add_subdirectory(), with both targets, static and shared ----

sources_in() { lines 1 | sed "s|add_subdirectory(libcondvar/\([^ ]*\)|add_subdirectory(\"$1/\1\"|"; } # FOLDER
single_program() {
    echo "add_executable(single $tmp/app/single/app.c $tmp/app/single/condvar.c)"
    echo 'target_link_libraries(single PRIVATE condvar::single)'
}
ln -s "$tmp/source" "$tmp/the sources"
{
    sources_in "$tmp/the sources"
    single_program
    # Programs that create threads link what that needs.
    echo 'foreach(target condvar::condvar condvar::single)'
    echo '  get_target_property(libraries ${target} INTERFACE_LINK_LIBRARIES)'
    echo '  if(NOT "Threads::Threads" IN_LIST libraries)'
    echo '    message(FATAL_ERROR "${target} links only ${libraries}")'
    echo '  endif()'
    echo 'endforeach()'
    # The version of the library that was found.
    echo 'if(condvar_VERSION VERSION_LESS NEEDED)'
    echo '  message(FATAL_ERROR "condvar ${condvar_VERSION} is older than ${NEEDED}")'
    echo 'endif()'
} | project subdirectory
configured subdirectory "-DNEEDED=$version"
runs subdirectory app
runs subdirectory single
! objdump -p "$tmp/subdirectory app/build/app" | grep 'NEEDED.*condvar' || fail 'not linked statically'
refused subdirectory "condvar $version is older than 9.9" -DNEEDED=9.9
refused subdirectory "there is no feature 'taks'" -DNEEDED=0 -Dcondvar_WITHOUT=taks

# A shared library of the program can contain the static one.
{
    sources_in "$tmp/the sources"
    echo "add_library(plugin SHARED $tmp/app/app.c)"
    echo 'target_link_libraries(plugin PRIVATE condvar::condvar)'
} | project plugin
configured plugin -DCMAKE_C_FLAGS=-fno-pie -DCMAKE_EXE_LINKER_FLAGS=-no-pie # as compilers without that default
runs plugin app

rm -r "$tmp/subdirectory app/build"
configured subdirectory -DNEEDED=0 -DBUILD_SHARED_LIBS=ON '-Dcondvar_WITHOUT=tasks;shared' \
    -Dcondvar_OBSERVER=ON
runs subdirectory app
runs subdirectory single
objdump -p "$tmp/subdirectory app/build/app" | grep -E 'NEEDED +libcondvar\.so\.0$' >/dev/null ||
    fail 'not linked with libcondvar.so.0'
library=$(find "$tmp/subdirectory app/build" -name "libcondvar.so.$version")
[ -f "$library" ] || fail "no libcondvar.so.$version"
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' >"$tmp/exported"
! grep -v '^cond_' "$tmp/exported" || fail 'other names are exported'
grep -q cond_set_observer "$tmp/exported" || fail 'condvar_OBSERVER has no effect'
! grep 'cond_task_' "$tmp/exported" || fail 'condvar_WITHOUT has no effect'

# A change of a source makes the single header anew.
echo '/* changed */' >>"$tmp/source/src/text.c"
runs subdirectory single
grep -rF '/* changed */' "$tmp/subdirectory app/build" --include=condvar_single.h >/dev/null ||
    fail 'condvar_single.h is not made anew'
command git -C "$tmp/source" checkout --quiet src/text.c

# ---- Without Python there is no single header, and a sentence says so; the release's tarball has the header ----

{
    sources_in "$tmp/source"
    echo 'if(TARGET condvar::single)'
    single_program
    echo 'endif()'
} | project python
python=-DCMAKE_DISABLE_FIND_PACKAGE_Python3=ON
configured python $python
grep -F 'condvar::single is left out: Python 3 was not found' "$tmp/said" >/dev/null || fail "$(cat "$tmp/said")"
runs python app
[ ! -e "$tmp/python app/build/single" ] || fail 'condvar::single without Python'
python3 "$SOURCE/src/single_header.py" "$tmp/source/condvar_single.h" "$version" "$SOURCE/LICENSE"
configured python $python
runs python single
rm "$tmp/source/condvar_single.h"

# ---- A compiler without <stdatomic.h> is refused in a sentence ----

rm -r "$tmp/python app/build"
refused python "libcondvar needs gcc or clang" -DCMAKE_C_COMPILER_FORCED=1 -DCMAKE_C_COMPILER_ID=MSVC

# ---- FetchContent ----

lines 2 | project fetched
grep -qF "GIT_TAG v$version" "$tmp/lines" || fail "src/package/README.md does not fetch v$version"
configured fetched
runs fetched app

# The same for find_package(), with a version. CMake has it from 3.24 on.
if cmake --version | awk 'NR == 1 { split($3, v, "."); exit !(v[1] > 3 || v[2] >= 24) }'; then
    for request in "${version%.*}" 9.9; do
        lines 2 | sed "s/SOURCE_SUBDIR/OVERRIDE_FIND_PACKAGE SOURCE_SUBDIR/
            s/^FetchContent_MakeAvailable.*/find_package(condvar $request REQUIRED)/" | project "found$request"
    done
    configured "found${version%.*}"
    runs "found${version%.*}" app
    refused found9.9 'version "9.9"'
fi

# ---- A tree whose version is not one ----

sed -i 's/define COND_VERSION_MINOR .*/define COND_VERSION_MINOR 77/' "$tmp/source/include/condvar.h"
refused subdirectory "include/condvar.h has version '0.77." -DNEEDED=0
