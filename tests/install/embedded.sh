#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `ninja embedded` makes a bundle for microcontrollers. Its manifests keep the rules of their tools, its ports work on
# imitations of FreeRTOS, ESP-IDF and Zephyr, and the release's tarball has the single header.
. "$(dirname -- "$0")/common.sh"
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

version=$(sed -n "s/^ *version: '\(.*\)',/\1/p" "$SOURCE/meson.build")
meson setup "$tmp/build" "$SOURCE" -Dtests=disabled -Dexamples=false >"$tmp/said" || fail "$(cat "$tmp/said")"
"$(command -v ninja || command -v ninja-build || command -v samu)" -C "$tmp/build" embedded >"$tmp/said" ||
    fail "$(cat "$tmp/said")"
bundle=$(find "$tmp/build" -name "condvar-embedded-$version.tar.gz")
[ -f "$bundle" ] || fail "no condvar-embedded-$version.tar.gz"
tar -xzf "$bundle" -C "$tmp"
folder=$tmp/condvar-embedded-$version
cd "$tmp"

(cd "$folder" && find . -type f | LC_ALL=C sort) >files
LC_ALL=C sort >expected <<'LIST'
./CMakeLists.txt
./LICENSE
./README.md
./idf_component.yml
./libcondvar.condvar.pdsc
./library.json
./library.properties
./ports/port.h
./ports/port_freertos.c
./ports/port_zephyr.c
./src/condvar.c
./src/condvar.h
./src/condvar_single.h
./zephyr/CMakeLists.txt
./zephyr/Kconfig
./zephyr/module.yml
LIST
diff -u expected files >&2 || fail 'other files than expected'
! grep -rE '@[A-Z]+@' "$folder" || fail 'a value was not put in'
grep -F "\"version\": \"$version\"" "$folder/library.json" >/dev/null || fail "library.json has not version $version"

# ---- The manifests ----

rules=$here/embedded_rules.py
python3 "$rules" "$folder" >&2 || fail 'a manifest breaks a rule'

# broken FILE SED SENTENCE: with this change a rule is broken, and the rules say so.
broken() {
    cp "$folder/$1" saved
    sed "$2" saved >"$folder/$1"
    ! cmp -s saved "$folder/$1" || fail "changes nothing: $1 $2"
    ! python3 "$rules" "$folder" >said || fail "not noticed: $1 $2"
    grep -F -- "$1: $3" said >/dev/null || fail "does not say '$1: $3':" "$(cat said)"
    cp saved "$folder/$1"
}
broken library.json 's/"license"/"licence"/' 'unknown field licence'
broken library.json 's/"version": "[^"]*"/"version": "new"/' version
broken library.json 's/"headers": "condvar.h"/"headers": "conds.h"/' 'headers: no src/conds.h'
broken library.json 's/condition variable/C_V/' 'keyword'
broken library.properties 's/^category=.*/category=Threads/' category
broken library.properties '/^maintainer/d' 'no maintainer'
broken library.properties 's/^name=/name=Arduino /' name
broken idf_component.yml 's/^license: .*/license: "free"/' license
broken idf_component.yml 's/">=5.0"/"new"/' dependencies
broken CMakeLists.txt 's/condvar\.c/cond.c/' 'no src/cond.c'
broken libcondvar.condvar.pdsc 's/<url.>//' 'no url'
broken libcondvar.condvar.pdsc 's/<vendor>libcondvar/<vendor>lib condvar/' 'its name'
broken libcondvar.condvar.pdsc 's/Cgroup="Condition Variables" Cvar/Cvar/' 'no Cgroup'
broken libcondvar.condvar.pdsc 's/category="source"/category="code"/' 'category: code'
broken libcondvar.condvar.pdsc 's/condition id="Atomics"/condition id="Atomic"/' 'no condition Atomics'
broken libcondvar.condvar.pdsc 's/Dcore="Cortex-M1"/Dcore="M1"/' 'Dcore: M1'
broken libcondvar.condvar.pdsc 's/custom="true"/own="true"/' 'unknown in <component>: own'
broken libcondvar.condvar.pdsc 's/release version="[^"]*"/release version="9.9.9"/' 'no release'
broken libcondvar.condvar.pdsc 's/"Own kernel"/"FreeRTOS"/' 'a component is there twice'
broken libcondvar.condvar.pdsc 's/src.condvar.c"/src\/cond.c"/' 'no src/cond.c'
broken libcondvar.condvar.pdsc 's/<.files>/<files>/' 'not XML'
broken zephyr/module.yml 's/cmake: .*/cmake: cmake/' cmake
broken zephyr/module.yml 's/kconfig:/Kconfig:/' 'unknown field build: Kconfig'
broken zephyr/CMakeLists.txt 's/ AWAIT / SLEEP /' uses

# ---- The code ----

cp -R "$SOURCE/tests/cross/freertos" freertos
mkdir -p esp/freertos
printf '#include "../../freertos/FreeRTOS.h"\n' >esp/freertos/FreeRTOS.h
cat >esp/freertos/task.h <<'CODE'
#include "../../freertos/task.h"
typedef int portMUX_TYPE;
#define portMUX_INITIALIZER_UNLOCKED 0
#undef taskENTER_CRITICAL
#undef taskEXIT_CRITICAL
#define taskENTER_CRITICAL(lock) ((void)(lock), imitation_enter_critical())
#define taskEXIT_CRITICAL(lock) ((void)(lock), imitation_exit_critical())
CODE

# program NAME OPTIONS [FILES]: the bundle's one file and embedded.c.
program() {
    local name=$1 options=$2
    shift 2
    # shellcheck disable=SC2086 # lists of options
    $CC -std=gnu11 -O1 -Wall -Wextra -Werror $options "-I$folder/src" -o "$name" "$folder/src/condvar.c" \
        "$here/embedded.c" "$@" -pthread
}
imitation=freertos/freertos.c
program on_freertos '-DCONDVAR_FREERTOS -DCONDVAR_NO_TASKS -Ifreertos' $imitation
program on_esp '-DESP_PLATFORM -DCONDVAR_NO_TASKS -Iesp -Ifreertos' $imitation
zephyr="-D__ZEPHYR__=1 -I$SOURCE/tests/cross/zephyr"
program on_zephyr "$zephyr"
program on_zephyr_objects "$zephyr -DCONFIG_OBJ_CORE_CONDVAR"

# The same for the component of the CMSIS pack: its header's folder, its source, and its lines before each file.
cat >pack.py <<'CODE'
import os, sys, xml.etree.ElementTree as xml
component = xml.parse(sys.argv[1]).find(".//component[@Cvariant='FreeRTOS']")
print(component.findtext('Pre_Include_Global_h'), file=open('pack.h', 'w'))
for file in component.iter('file'):
    name = os.path.join(os.path.dirname(sys.argv[1]), file.get('name'))
    print({'header': '-I' + os.path.dirname(name), 'source': name}.get(file.get('category'), ''))
CODE
python3 pack.py "${folder##*/}/libcondvar.condvar.pdsc" >pack # (relative: no spaces)
$CC -std=gnu11 -DCONDVAR_NO_TASKS -Ifreertos -o on_pack.o -c $imitation
# shellcheck disable=SC2046 # lists of options
$CC -std=gnu11 -O1 -Wall -Wextra -Werror -include pack.h -Ifreertos -o on_pack $(cat pack) "$here/embedded.c" \
    on_pack.o -pthread

exits_with() { # STATUS PROGRAM
    local status=0
    timeout 120 "./$2" || status=$?
    [ $status = "$1" ] || fail "$2: exit status $status, not $1"
}
for name in freertos esp zephyr zephyr_objects pack; do
    exits_with 0 on_$name
done
# A library that is not told of the ticks ends timeouts early, and the program notices.
program early "$zephyr -DTUNING_CLOCK_TICK_NS=INT64_C(0)"
exits_with 2 early

# So is a condition variable of Zephyr's that is left in a list of its kernel.
cp -R "$folder" links
sed -i '/k_obj_core_unlink/d' links/ports/port_zephyr.c
folder=links program left "$zephyr -DCONFIG_OBJ_CORE_CONDVAR"
exits_with 3 left

# What the ports need is said: of FreeRTOS a notification and a call, of other systems the functions that README.md
# names.
freertos='-DCONDVAR_FREERTOS -DCONDVAR_NO_TASKS -Ifreertos'
refused() { # SENTENCE COMMAND...
    local sentence=$1
    shift
    ! "$@" 2>said || fail "compiles: $*"
    grep -F -- "$sentence" said >/dev/null || fail "does not say '$sentence':" "$(cat said)"
}
for entries in 1 '2 -DCONDVAR_NOTIFICATION=2'; do
    refused 'set configTASK_NOTIFICATION_ARRAY_ENTRIES' program needs \
        "$freertos -DconfigTASK_NOTIFICATION_ARRAY_ENTRIES=$entries" $imitation
done
program enough "$freertos -DconfigTASK_NOTIFICATION_ARRAY_ENTRIES=1 -DCONDVAR_NOTIFICATION=0" $imitation
program enough "$freertos -DINCLUDE_xTaskGetCurrentTaskHandle=0 -DconfigUSE_MUTEXES=1" $imitation
refused 'set INCLUDE_xTaskGetCurrentTaskHandle' program needs "$freertos -DINCLUDE_xTaskGetCurrentTaskHandle=0" \
    $imitation
for without in '' -DCONDVAR_NO_TASKS; do
    ! program own "$without" 2>said || fail 'no port is needed'
    grep -o 'undefined.*port_[a-z]*' said | grep -o 'port_[a-z]*' | sort -u >needed
    printf 'port_%s\n' $([ -n "$without" ] || echo local) now self wait wake | diff - needed >&2 ||
        fail "other functions than README.md names, with '$without'"
done
for name in local now self wait wake; do
    grep '^| your own kernel' "$folder/README.md" | grep -F "port_$name()" >/dev/null ||
        fail "README.md: no port_$name()"
done

# In C++, and for a Cortex-M, where a uint32_t is a long. A Cortex-M0 has no atomic operations.
printf '#include <condvar.h>\ncond_t cond = COND_INIT;\n' >sketch.cpp
if command -v "$CXX" >/dev/null; then
    "$CXX" -std=c++17 -Wall -Wextra -Werror -DESP_PLATFORM -Iesp -Ifreertos "-I$folder/src" -c sketch.cpp -o sketch.o
fi
if command -v arm-none-eabi-gcc >/dev/null; then
    arm() { # CPU OPTIONS...
        local cpu=$1
        shift
        arm-none-eabi-gcc -std=c11 -Wall -Wextra -Werror -ffreestanding "-mcpu=$cpu" -mthumb -Os "-I$folder/src" \
            "$@" -c "$folder/src/condvar.c" -o condvar.o
    }
    for port in -DCONDVAR_NO_TASKS -DCONDVAR_FREERTOS; do
        arm cortex-m3 $port -Ifreertos
        refused 'this processor has no atomic operations' arm cortex-m0 $port -Ifreertos
        arm cortex-m0 $port -Ifreertos -DCONDVAR_ATOMIC_CALLS
    done
    arm cortex-m0 -DESP_PLATFORM -Iesp -Ifreertos # ESP-IDF has functions for atomic operations
fi
