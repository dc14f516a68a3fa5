# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# packages.sh - install the tools that a command needs with the system's package manager; to be sourced
#
#     . tests/packages.sh
#     need_packages compiler meson ninja || exit 1
#
# need_packages prints nothing if all tools are there. Otherwise one line lists the packages that it installs. If that
# fails, it names the packages on stderr and returns 1.
#
# A new tool needs a line in have_tool_ and a line in the table of packages_of_.

have_command_() { command -v "$1" >/dev/null 2>&1; }

# has_header_ HEADER COMPILER...: a compiler without its headers is of no use.
has_header_() {
    header_=$1
    shift
    echo "#include <$header_>" | "$@" -E - >/dev/null 2>&1
}

# The same with any compiler.
have_header_() {
    has_header_ "$1" cc || has_header_ "$1" gcc || has_header_ "$1" clang
} 2>/dev/null

has_compiler_() {
    if [ -n "${CC:-}" ]; then
        # shellcheck disable=SC2086 # it may hold options
        has_header_ pthread.h $CC
    else
        has_header_ pthread.h cc || has_header_ pthread.h gcc || has_header_ pthread.h clang
    fi
}

# clang's fuzzer has a package of its own, so link a program with it.
has_libfuzzer_() {
    echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' |
        clang -fsanitize=fuzzer,undefined -o /dev/null -x c - >/dev/null 2>&1
}

have_tool_() {
    case $1 in
    compiler) has_compiler_ ;; # the one that Meson would find
    gcc) has_header_ pthread.h gcc ;;
    clang) has_header_ pthread.h clang ;;
    g++) has_header_ thread g++ -x c++ ;;
    meson) have_command_ meson ;;
    ninja) have_command_ ninja || have_command_ ninja-build || have_command_ samu ;;
    pkg-config) have_command_ pkg-config || have_command_ pkgconf ;;
    cmocka) pkg-config --exists cmocka 2>/dev/null ;;
    benchmark) pkg-config --exists benchmark 2>/dev/null ;;
    absl) pkg-config --exists absl_synchronization 2>/dev/null ;;
    nsync) has_header_ nsync.h gcc ;;
    gnuplot) have_command_ gnuplot ;;
    cmake | mandoc | abidiff | gdb | reuse | doxygen | git | valgrind | clang-tidy | cppcheck) have_command_ "$1" ;;
    python3 | faketime | spin) have_command_ "$1" ;;
    relacy) has_header_ relacy/relacy.hpp g++ -x c++ ;;
    gcovr) have_command_ gcovr ;;
    libfuzzer) has_libfuzzer_ ;;
    afl) have_command_ afl-fuzz && { have_command_ afl-clang-fast || have_command_ afl-gcc-fast; } ;;
    sdt) have_header_ sys/sdt.h ;;
    xz) have_command_ xz ;;
    qemu-*) have_command_ "$1" ;;
    arm-none-eabi-gcc) have_command_ "$1" ;;
    wine64) have_command_ wine64 || have_command_ /usr/lib/wine/wine64 ;;
    x86_64-w64-mingw32-gcc) has_header_ pthread.h "$1" && has_header_ windows.h "$1" ;;
    musl-gcc | *-linux-gnu*-gcc) has_header_ pthread.h "$1" ;;
    libuv) pkg-config --exists libuv 2>/dev/null ;;
    *) echo "packages.sh: unknown tool: $1" >&2; return 1 ;;
    esac
}

# packages_of_ TOOL: its packages, one a line. A dash in the table: this system has none that we know.
packages_of_() {
    while read -r row_ apt_ dnf_ pacman_ zypper_ apk_ brew_; do
        [ "$row_" = "$1" ] || continue
        case $manager_ in
        dnf) echo "$dnf_" ;;
        pacman) echo "$pacman_" ;;
        zypper) echo "$zypper_" ;;
        apk) echo "$apk_" ;;
        brew) echo "$brew_" ;;
        *) echo "$apt_" ;; # also if there is no known manager
        esac | tr , '\n' | sed '/^-$/d'
    done <<'END'
tool        apt-get            dnf                     pacman      zypper               apk             brew
compiler    gcc,libc6-dev      gcc                     gcc         gcc                  gcc,musl-dev    gcc
gcc         gcc,libc6-dev      gcc                     gcc         gcc                  gcc,musl-dev    gcc
clang       clang,libc6-dev    clang                   clang       clang                clang,musl-dev  llvm
g++         g++                gcc-c++                 gcc         gcc-c++              g++             gcc
meson       meson              meson                   meson       meson                meson           meson
ninja       ninja-build        ninja-build             ninja       ninja                samurai         ninja
pkg-config  pkg-config         pkgconf-pkg-config      pkgconf     pkgconf-pkg-config   pkgconf         pkgconf
cmocka      libcmocka-dev      libcmocka-devel         cmocka      libcmocka-devel      cmocka-dev      cmocka
benchmark   libbenchmark-dev   google-benchmark-devel  benchmark   benchmark-devel      benchmark-dev   google-benchmark
absl        libabsl-dev        abseil-cpp-devel        abseil-cpp  abseil-cpp-devel     abseil-cpp-dev  abseil
nsync       libnsync-dev       -                       -           -                    -               -
gnuplot     gnuplot-nox        gnuplot-minimal         gnuplot     gnuplot              gnuplot         gnuplot
cmake       cmake              cmake                   cmake       cmake                cmake           cmake
git         git                git                     git         git                  git             git
mandoc      mandoc             mandoc                  mandoc      mandoc               mandoc          mandoc
abidiff     abigail-tools      libabigail              -           libabigail-tools     libabigail      -
gdb         gdb                gdb                     gdb         gdb                  gdb             gdb
reuse       reuse              reuse                   reuse       python3-reuse        reuse           reuse
doxygen     doxygen            doxygen                 doxygen     doxygen              doxygen         doxygen
valgrind    valgrind           valgrind                valgrind    valgrind             valgrind        valgrind
clang-tidy  clang-tidy         clang-tools-extra       clang       clang-tools          clang-extra-tools  llvm
cppcheck    cppcheck           cppcheck                cppcheck    cppcheck             cppcheck        cppcheck
spin        spin               -                       -           -                    -               spin
sdt         systemtap-sdt-dev  systemtap-sdt-devel     systemtap   systemtap-sdt-devel  -               -
libuv       libuv1-dev         libuv-devel             libuv       libuv-devel          libuv-dev       libuv
gcovr       gcovr              gcovr                   -           python3-gcovr        gcovr           gcovr
libfuzzer   libclang-rt-dev,clang  compiler-rt      compiler-rt clang                compiler-rt     llvm
afl         afl++,clang        american-fuzzy-lop-clang  afl++     afl                  aflplusplus     afl++
python3     python3            python3                 python      python3              python3         python3
faketime    faketime           libfaketime             libfaketime libfaketime          libfaketime     libfaketime
relacy      relacy-dev         -                       -           -                    -               -
xz          xz-utils           xz                      xz          xz                   xz              xz
i686-linux-gnu-gcc         gcc-i686-linux-gnu,libc6-dev-i386-cross        -  -  -  -  -
aarch64-linux-gnu-gcc      gcc-aarch64-linux-gnu,libc6-dev-arm64-cross    -  -  -  -  -
arm-linux-gnueabihf-gcc    gcc-arm-linux-gnueabihf,libc6-dev-armhf-cross  -  -  -  -  -
riscv64-linux-gnu-gcc      gcc-riscv64-linux-gnu,libc6-dev-riscv64-cross  -  -  -  -  -
s390x-linux-gnu-gcc        gcc-s390x-linux-gnu,libc6-dev-s390x-cross      -  -  -  -  -
qemu-aarch64               qemu-user                                      -  -  -  -  -
qemu-arm                   qemu-user                                      -  -  -  -  -
qemu-riscv64               qemu-user                                      -  -  -  -  -
qemu-s390x                 qemu-user                                      -  -  -  -  -
arm-none-eabi-gcc          gcc-arm-none-eabi                              -  -  -  -  -
qemu-system-arm            qemu-system-arm                                -  -  -  -  -
musl-gcc                   musl-tools                                     -  -  -  -  -
x86_64-w64-mingw32-gcc     gcc-mingw-w64-x86-64-win32                     -  -  -  -  -
wine64                     wine64                                         -  -  -  -  -
END
}

find_manager_() {
    for manager_ in apt-get dnf pacman zypper apk brew none; do
        ! have_command_ "$manager_" || return 0
    done
}

# Prints the tools that are missing.
missing_tools_() {
    for tool_ in "$@"; do
        have_tool_ "$tool_" || printf '%s ' "$tool_"
    done
}

# The command that installs packages, without their names.
install_command_() {
    case $manager_ in
    apt-get) echo 'apt-get install -y --no-install-recommends' ;;
    pacman) echo 'pacman -S --noconfirm --needed' ;;
    zypper) echo 'zypper --non-interactive install' ;;
    apk) echo 'apk add' ;;
    brew) echo 'brew install' ;;
    *) echo "$manager_ install -y" ;;
    esac
}

as_root_() {
    if [ "$(id -u)" = 0 ] || [ "$manager_" = brew ]; then
        env "$@"
    else
        sudo env "$@"
    fi
}

# shellcheck disable=SC2046,SC2086 # lists of words
install_() {
    # Package lists become outdated, and a fresh machine has none. If some cannot be updated, the installation may still
    # succeed.
    wait_=
    case $manager_ in
    apt-get)
        wait_='-o DPkg::Lock::Timeout=300' # for a system that updates itself
        as_root_ apt-get update ;;
    pacman) as_root_ pacman -Sy ;;
    esac || echo 'packages.sh: some package lists could not be updated'
    as_root_ DEBIAN_FRONTEND=noninteractive $(install_command_) $wait_ "$@"
}

# shellcheck disable=SC2046,SC2086 # lists of words
need_packages() {
    missing_=$(missing_tools_ "$@")
    [ -n "$missing_" ] || return 0

    find_manager_
    packages_=$(for tool_ in $missing_; do packages_of_ "$tool_"; done | sort -u | paste -sd ' ' -)
    if [ -z "$packages_" ]; then
        echo "$manager_ has no known package for: $missing_" >&2
        return 1
    fi
    if [ "$manager_" = none ]; then
        echo "No known package manager. Please install (names in Debian): $packages_" >&2
        return 1
    fi
    by_hand_="Please install, as root: $(install_command_) $packages_"
    if [ "$manager_" != brew ] && [ "$(id -u)" != 0 ] && ! have_command_ sudo; then
        echo "You are not root, and there is no sudo. $by_hand_" >&2
        return 1
    fi

    echo "Installing with $manager_: $packages_" >&2
    # A server may be updated just now: a second time.
    if ! log_=$(install_ $packages_ 2>&1) && ! { sleep 10 && log_=$(install_ $packages_ 2>&1); }; then
        printf '%s\n' "$log_" "The installation failed. $by_hand_" >&2
        return 1
    fi
    missing_=$(missing_tools_ "$@")
    if [ -n "$missing_" ]; then
        echo "Still missing: ${missing_% }. $by_hand_" >&2
        return 1
    fi
}
