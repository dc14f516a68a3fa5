# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# ports.sh - builds every port and runs its tests: tests/run ports [NAME...]; to be sourced by it
#
# Without NAME it tests all ports, with names those with these names in the first column of the table below, and with
# -NAME all others. Each is built in .build/ports/NAME. A bare-metal program has a script of its own, which counts as
# one test. The output ends with a table of the results.

# ---- The ports, and where they run ----

# TOOLS: see packages.sh. MACHINE: machine files in tests/cross or tests/builds. They are cross files, or native files
# if the first one is `small`.
read -r -d '' port_table <<'END' || true
name       | port                | architecture | tools                               | machine    | options
linux      | linux               | x86-64       | gcc                                 | small      | -Dport=linux
header     | linux, one header   | x86-64       | gcc                                 | small      | -Dsingle_header=true
i386       | linux               | i386         | i686-linux-gnu-gcc                  | i386       |
old-i386   | linux before 5.1    | i386         | i686-linux-gnu-gcc                  | i386       |
aarch64    | linux               | aarch64      | aarch64-linux-gnu-gcc qemu-aarch64  | aarch64    |
armhf      | linux               | armhf        | arm-linux-gnueabihf-gcc qemu-arm    | armhf      |
riscv64    | linux               | riscv64      | riscv64-linux-gnu-gcc qemu-riscv64  | riscv64    |
s390x      | linux               | s390x        | s390x-linux-gnu-gcc qemu-s390x      | s390x      |
musl       | linux, musl         | x86-64       | musl-gcc                            | musl       |
posix      | posix               | x86-64       | gcc                                 | small      | -Dport=posix
posix-tsan | posix, tsan         | x86-64       | gcc                                 | small tsan | -Dport=posix
posix-asan | posix, asan, ubsan  | x86-64       | gcc                                 | small asan | -Dport=posix
macos      | posix, as for macOS | x86-64       | gcc                                 | small      | -Dport=posix
windows    | windows             | x86-64       | x86_64-w64-mingw32-gcc wine64       | mingw64    |
custom     | custom, spins       | x86-64       | gcc                                 | small      | -Dport=custom -Dport_sources=tests/cross/spinning_port.c
cortex-m3  | custom, bare metal  | ARMv7-M      | arm-none-eabi-gcc qemu-system-arm   |            |
END

run_ports() {
    local selected=" $* " rows=() cmocka_missing=''
    local name port architecture tools machine options passed_before failed_before skipped_before
    for name in "$@"; do
        if ! grep -q "^${name#-} " <<<"$port_table"; then
            echo "tests/run: unknown port: '$name'" >&2
            exit 2
        fi
    done
    export PATH=$PATH:/usr/lib/wine # Debian's wine64
    export WINEPREFIX=$root/.build/ports/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
    # A child that qemu has forked hangs in GLib's allocator if another thread was in it at the fork: before QEMU 8.0 with
    # GLib before 2.76 (QEMU's issue 285). With this, GLib uses malloc(), which works in such a child.
    export G_SLICE=always-malloc
    mkdir -p "$root/.build/ports"

    while IFS='|' read -r name port architecture tools machine options; do
        if [[ $selected == *" -$name "* || ($selected == *" "[a-z]* && $selected != *" $name "*) ]]; then
            continue
        fi
        passed_before=$passed failed_before=$failed skipped_before=$skipped
        test_port "$name" "$tools" "$machine" "$options"
        rows+=("$(printf '%-20s %-13s %5d %7d %7d %8d' "$port" "$architecture" \
            $((passed - passed_before + failed - failed_before)) $((passed - passed_before)) \
            $((failed - failed_before)) $((skipped - skipped_before)))")
    done < <(sed '1d;s/ *| */|/g' <<<"$port_table")

    printf '\n%-20s %-13s %5s %7s %7s %8s\n' port architecture run passed failed skipped
    printf '%s\n' "${rows[@]}"
    [ -z "$cmocka_missing" ] || echo "Without unit tests, because CMocka is not available: $cmocka_missing"
}

# test_port NAME TOOLS MACHINE OPTIONS: counts the results. If nothing could be tested, it is at least one failure.
test_port() {
    # shellcheck disable=SC2034 # count.sh uses test_options
    local name=$1 tools=$2 machine=$3 dir=$root/.build/ports/$1 kind=cross file options=() test_options=()
    # shellcheck disable=SC2086 # a list of tools
    if ! need_packages $tools; then
        failed=$((failed + 1))
        return
    fi
    if [ "$name" = cortex-m3 ]; then
        test_script "$name" "$root/tests/examples/cortex_m"
        return
    fi
    [ "${machine%% *}" != small ] || kind=native
    for file in tests $machine; do
        [ ! -f "$root/tests/cross/$file.ini" ] || options+=("--$kind-file=$root/tests/cross/$file.ini")
        [ ! -f "$root/tests/builds/$file.ini" ] || options+=("--$kind-file=$root/tests/builds/$file.ini")
    done
    options+=("--native-file=$root/tests/builds/gcc.ini" "$werror")
    # shellcheck disable=SC2206 # a list of options
    options+=($4)
    if [ $kind = cross ]; then
        if cmocka_for "${tools%% *}"; then
            options+=("--cross-file=$root/.build/ports/cmocka/${tools%% *}/cmocka.ini")
        else
            cmocka_missing+=" $name"
            options+=(-Dtests=auto)
        fi
    fi
    case $name in
    old-i386)
        dir=$root/.build/ports/i386 # they are the same programs
        test_options=("--wrapper=$root/.build/ports/no_time64")
        if ! gcc -O1 -o "$root/.build/ports/no_time64" "$root/tests/cross/no_time64.c" ||
            ! "$root/.build/ports/no_time64" true; then
            echo "$name: this kernel cannot hide a system call (seccomp)"
            failed=$((failed + 1))
            return
        fi ;;
    macos)
        # (The mutations of the port to POSIX are compiled without these c_args.)
        printf "[built-in options]\nc_args = ['-include', '%s']\n[properties]\ncondvar_port_mutations = false\n" \
            "$root/tests/cross/as_macos.h" >"$dir.ini"
        options+=("--native-file=$dir.ini") ;;
    windows)
        export WINEPATH="Z:${dir//\//\\}\\src" # the folder of our DLL
        # Keep one server running. Otherwise it ends with its last program, and a program that connects then fails.
        mkdir -p "$WINEPREFIX"
        { wineserver -k && wineserver -w || true; wineserver -p && wine64 wineboot --init; } >"$dir.txt" 2>&1 ||
            cat "$dir.txt" ;;
    esac
    if [[ $name == *i386 ]] && ! runs_i386 "$root/.build/ports"; then
        build_only "$name" "${dir##*/}" 'this machine runs no 32-bit programs, and with threads qemu-i386 7.2 hangs' \
            "${options[@]}"
        return
    fi
    test_build "ports/${dir##*/}" "${options[@]}" --
    [ "$name" != windows ] || wineserver -k || true
}

# runs_i386 DIRECTORY: whether the processor and the kernel run 32-bit programs. Some virtual machines do not.
runs_i386() {
    echo 'int main(void) { return 0; }' >"$1/nothing.c"
    i686-linux-gnu-gcc -o "$1/nothing" "$1/nothing.c" && "$1/nothing" 2>/dev/null
}

# build_only NAME BUILD WHY MESON-OPTIONS...: a port that cannot run here. It counts as one skipped test, or as one
# failed test.
build_only() {
    local name=$1 build=$2 why=$3
    shift 3
    if compile "ports/$build" "$@" --; then
        skipped=$((skipped + 1))
        echo "$name is built; its tests are skipped: $why"
    else
        failed=$((failed + 1))
    fi
}

# test_script NAME SCRIPT: one test. Its tools are installed, so it fails if it skips itself.
test_script() {
    local output=$root/.build/ports/$1.txt
    if "$2" >"$output" 2>&1; then
        passed=$((passed + 1))
        echo "$1: 1 passed"
    else
        failed=$((failed + 1))
        echo "$1: 1 failed: exit status $?"
        cat "$output"
    fi
}

# ---- CMocka for other systems ----

# cmocka_for COMPILER: sees to it that .build/ports/cmocka/COMPILER/cmocka.ini is a cross file with CMocka for this
# compiler.
cmocka_for() {
    local dir=$root/.build/ports/cmocka
    [ -f "$dir/$1/cmocka.ini" ] || make_cmocka "$dir" "$1" >"$dir.txt" 2>&1
}

# make_cmocka DIRECTORY COMPILER: compiles the one source file of CMocka, which Debian has.
make_cmocka() {
    local dir=$1 compiler=$2
    mkdir -p "$dir/$compiler"
    if [ ! -d "$dir/source" ]; then
        fetch_cmocka "$dir" || return
    fi
    "$compiler" -w -g -O1 -D_GNU_SOURCE -DHAVE_INTTYPES_H -DHAVE_MALLOC_H -DHAVE_SIGNAL_H -DHAVE_STRINGS_H \
        -DHAVE_STRUCT_TIMESPEC -DHAVE_GCC_THREAD_LOCAL_STORAGE -I"$dir/source/include" \
        -c "$dir/source/src/cmocka.c" -o "$dir/$compiler/cmocka.o" &&
        rm -f "$dir/$compiler/libcmocka.a" &&
        ar rcs "$dir/$compiler/libcmocka.a" "$dir/$compiler/cmocka.o" || return
    cat >"$dir/$compiler/cmocka.pc" <<END
Name: cmocka
Description: CMocka for the tests of libcondvar
Version: 1.1.5
Cflags: -I$dir/source/include
Libs: -L$dir/$compiler -lcmocka
END
    cat >"$dir/$compiler/cmocka.ini" <<END
[binaries]
pkgconfig = 'pkg-config'
[properties]
pkg_config_libdir = '$dir/$compiler'
END
}

# fetch_cmocka DIRECTORY: downloads its source. The list of source packages is our own; the system's does not change.
fetch_cmocka() {
    local dir=$1 list
    command -v apt-get >/dev/null || return
    need_packages xz || return
    rm -rf "$dir/apt" "$dir/unpacked"
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/sources"
    for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
        [ ! -f "$list" ] || sed 's/^deb /deb-src /; s/^Types:.*/Types: deb-src/' "$list" \
            >"$dir/apt/sources/$(basename "$list")"
    done
    local apt=(apt-get -q -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$dir/apt/sources"
        -o "Dir::State::lists=$dir/apt/lists" -o 'APT::Sandbox::User=root')
    "${apt[@]}" update || true # another source may be the one that failed
    (cd "$dir/apt" && "${apt[@]}" source --download-only cmocka) || return
    mkdir "$dir/unpacked" && tar -xf "$dir"/apt/cmocka_*.orig.tar.?z -C "$dir/unpacked" --strip-components=1 &&
        mv "$dir/unpacked" "$dir/source" && rm -r "$dir/apt"
}
