# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# ports.sh - the part of tests/run that builds each port and runs its tests; to be sourced by it
#
#     tests/run ports [NAME...]      all, or those with these names in the first column of the table below
#
# Each is built in .build/ports/NAME, but what runs on bare metal: that has a script of its own, which counts as one
# test. The last thing that is printed is a table of what has run.

# ---- The ports, and what they are run on ----

# TOOLS are those of install.sh. MACHINE is a file in tests/cross/: its compiler makes programs for another system,
# or, if it is `small`, this one's does. SETUP is one of tests/meson.build.
read -r -d '' port_table <<'END' || true
name       | port                | architecture | tools                               | machine | setup | options
linux      | linux               | x86-64       | gcc                                 | small   |       | -Dport=linux
header     | linux, one header   | x86-64       | gcc                                 | small   |       | -Dsingle_header=true
i386       | linux               | i386         | i686-linux-gnu-gcc                  | i386    |       |
old-i386   | linux before 5.1    | i386         | i686-linux-gnu-gcc                  | i386    |       |
aarch64    | linux               | aarch64      | aarch64-linux-gnu-gcc qemu-aarch64  | aarch64 |       |
armhf      | linux               | armhf        | arm-linux-gnueabihf-gcc qemu-arm    | armhf   |       |
riscv64    | linux               | riscv64      | riscv64-linux-gnu-gcc qemu-riscv64  | riscv64 |       |
s390x      | linux               | s390x        | s390x-linux-gnu-gcc qemu-s390x      | s390x   |       |
musl       | linux, musl         | x86-64       | musl-gcc                            | musl    |       |
posix      | posix               | x86-64       | gcc                                 | small   |       | -Dport=posix
posix-tsan | posix, tsan         | x86-64       | gcc                                 | small   | tsan  | -Dport=posix -Db_sanitize=thread
posix-asan | posix, asan, ubsan  | x86-64       | gcc                                 | small   | asan  | -Dport=posix -Db_sanitize=address,undefined -Dc_args=-fno-sanitize-recover=all
macos      | posix, as for macOS | x86-64       | gcc                                 | small   |       | -Dport=posix
windows    | windows             | x86-64       | x86_64-w64-mingw32-gcc wine64       | mingw64 |       |
custom     | custom, spins       | x86-64       | gcc                                 | small   |       | -Dport=custom -Dport_sources=tests/cross/spinning_port.c
cortex-m3  | custom, bare metal  | ARMv7-M      | arm-none-eabi-gcc qemu-system-arm   |         |       |
END

run_ports() {
    local chosen=" $* " results=() cmocka_missing=''
    local name port architecture tools machine setup options
    for name in "$@"; do
        if ! grep -q "^$name " <<<"$port_table"; then
            echo "tests/run: no such port: '$name'" >&2
            exit 2
        fi
    done
    export PATH=$PATH:/usr/lib/wine # where Debian has wine64
    export WINEPREFIX=$root/.build/ports/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
    mkdir -p "$root/.build/ports"

    while IFS='|' read -r name port architecture tools machine setup options; do
        name=${name// /}
        if [ "$chosen" != '  ' ] && [ "${chosen/ $name /}" = "$chosen" ]; then
            continue
        fi
        local passed_before=$passed failed_before=$failed skipped_before=$skipped
        test_port "$name" "$tools" "${machine// /}" "${setup// /}" "$options"
        results+=("$(printf '%-20s %-13s %5d %7d %7d %8d' "$port" "$architecture" \
            $((passed - passed_before + failed - failed_before)) $((passed - passed_before)) \
            $((failed - failed_before)) $((skipped - skipped_before)))")
    done < <(sed 1d <<<"$port_table" | sed 's/ *| */|/g')

    printf '\n%-20s %-13s %5s %7s %7s %8s\n' port architecture run passed failed skipped
    printf '%s\n' "${results[@]}"
    [ -z "$cmocka_missing" ] || echo "Without unit tests, since CMocka could not be had: $cmocka_missing"
}

# test_port NAME TOOLS MACHINE SETUP OPTIONS: adds to the sums, at least one failure if nothing could be tested.
test_port() {
    local name=$1 tools=$2 machine=$3 setup=$4 options=$5 file=$root/tests/cross/$3.ini
    local dir=$root/.build/ports/$1 test_wrapper=()
    mkdir -p "$dir"
    # shellcheck disable=SC2086 # a list of tools
    if ! need_packages $tools; then
        failed=$((failed + 1))
        return
    fi
    if [ "$name" = cortex-m3 ]; then
        test_by_script "ports/$name" "$root/tests/examples/cortex_m"
        return
    fi
    if [ "$machine" = small ]; then
        options="--native-file=$file $options"
    else
        options="--cross-file=$file $options $(cmocka_options "${tools%% *}")" || cmocka_missing+=" $name"
    fi
    case $name in
    old-i386)
        test_wrapper=("$root/.build/ports/no_time64")
        if ! gcc -O1 -o "${test_wrapper[0]}" "$root/tests/cross/no_time64.c" || ! "${test_wrapper[0]}" true; then
            echo "$name: this kernel cannot hide a system call (seccomp)"
            failed=$((failed + 1))
            return
        fi ;;
    macos)
        printf "[built-in options]\nc_args = ['-include', '%s']\n" "$root/tests/cross/as_macos.h" >"$dir.ini"
        options="$options --native-file=$dir.ini" ;;
    windows)
        export WINEPATH="Z:${dir//\//\\}\\src" # where our DLL is
        # A server that stays: else it ends when no program runs, and whoever connects just then is cut off.
        mkdir -p "$WINEPREFIX"
        { wineserver -k && wineserver -w || true; wineserver -p && wine64 wineboot --init; } >"$dir/wine.txt" 2>&1 ||
            cat "$dir/wine.txt" ;;
    esac
    # Meson looks at machine files once.
    if [ "$options" != "$(cat "$dir/options.txt" 2>/dev/null)" ]; then
        rm -rf "$dir"
        mkdir "$dir"
        echo "$options" >"$dir/options.txt"
    fi
    if [[ $name == *i386 ]] && ! runs_i386 "$root/.build/ports"; then
        [ "$name" = i386 ] || options="$options -Dtests=disabled" # the same programs
        only_build "ports/$name" gcc "$options" \
            'its tests are skipped: this machine runs no 32-bit programs, and with threads qemu-i386 7.2 hangs'
        return
    fi
    test_build "ports/$name" gcc "$setup" "$options"
    if [ "$name" = windows ]; then
        wineserver -k || true
    fi
}

# runs_i386 DIRECTORY: whether the processor and the kernel run 32-bit programs. Those of some virtual machines do not.
runs_i386() {
    echo 'int main(void) { return 0; }' >"$1/nothing.c"
    i686-linux-gnu-gcc -o "$1/nothing" "$1/nothing.c" && "$1/nothing" 2>/dev/null
}

# only_build NAME COMPILER OPTIONS WHY: of a port that cannot be run here. One skipped test, or one that has failed.
only_build() {
    local name=$1 dir=$root/.build/$1 start=$SECONDS
    # shellcheck disable=SC2086 # a list of options
    if build "$dir" "$2" $3 >"$dir/tests-run.txt" 2>&1; then
        skipped=$((skipped + 1))
        echo "$name built in $((SECONDS - start)) s; $4"
    else
        failed=$((failed + 1))
        echo "$name could not be built:"
        cat "$dir/tests-run.txt"
    fi
}

# test_by_script NAME SCRIPT: which is one test. The tools are there, so one that skips has failed.
test_by_script() {
    local name=$1 start=$SECONDS said=$root/.build/$1/tests-run.txt
    if "$2" >"$said" 2>&1; then
        passed=$((passed + 1))
        echo "$name 1 passed in $((SECONDS - start)) s"
    else
        failed=$((failed + 1))
        echo "$name 1 failed: exit status $?"
        cat "$said"
    fi
}

# ---- CMocka for other systems ----

# cmocka_options COMPILER: prints the options of `meson setup` with which the build finds a CMocka for this compiler,
# or does without; then it returns 1.
cmocka_options() {
    local dir=$root/.build/ports/cmocka
    if ! { [ -f "$dir/$1/cmocka.ini" ] || make_cmocka "$dir" "$1"; } >"$dir.txt" 2>&1; then
        echo '-Dtests=auto'
        return 1
    fi
    echo "--cross-file=$dir/$1/cmocka.ini"
}

# make_cmocka DIRECTORY COMPILER: it is one file, whose source Debian has.
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

# fetch_cmocka DIRECTORY: with a list of source packages of its own, so that the system's is left as it is.
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
    "${apt[@]}" update || true # of some other source, maybe
    (cd "$dir/apt" && "${apt[@]}" source --download-only cmocka) || return
    mkdir "$dir/unpacked" && tar -xf "$dir"/apt/cmocka_*.orig.tar.?z -C "$dir/unpacked" --strip-components=1 &&
        mv "$dir/unpacked" "$dir/source" && rm -r "$dir/apt"
}
