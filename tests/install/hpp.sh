#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# condvar.hpp is installed, compiles without a warning, works, and has clear error messages.
. "$(dirname -- "$0")/common.sh"

need "$CXX"
install_build
export LD_LIBRARY_PATH=$libdir
for standard in c++17 c++20; do
    # shellcheck disable=SC2046 # a list of options
    "$CXX" "-std=$standard" -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -o "$tmp/hpp" \
        "$SOURCE/tests/install/hpp.cpp" $(pkg-config --cflags --libs condvar)
    "$tmp/hpp"
done

# C++20: stop tokens and coroutines. Threads race in them, so also with the library's source under ThreadSanitizer.
# build20 PROGRAM [OPTIONS...]
build20() {
    local program=$1
    shift
    "$CXX" -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -o "$tmp/$program" \
        "$SOURCE/tests/install/$program.cpp" "$@"
}
# ThreadSanitizer of gcc 12 needs memory at known places.
fixed=(setarch "$(uname -m)" --addr-no-randomize)
"${fixed[@]}" true 2>/dev/null || fixed=()
# shellcheck disable=SC2086 # CC is a command with its options
thread_sanitizer() {
    printf 'int main(void) { return 0; }' >"$tmp/empty.c"
    $CC -fsanitize=thread -o "$tmp/empty" "$tmp/empty.c" 2>/dev/null && "${fixed[@]}" "$tmp/empty" 2>/dev/null &&
        $CC -std=gnu11 -O1 -g -fsanitize=thread -DCONDVAR_PORT_LINUX -I"$SOURCE/include" -c "$SOURCE/src/all.c" \
            -o "$tmp/sanitized.o" 2>/dev/null
}
if thread_sanitizer; then sanitized=yes; else sanitized=no; fi
for program in hpp_stop hpp_coroutines; do
    # shellcheck disable=SC2046 # a list of options
    build20 $program -pthread $(pkg-config --cflags --libs condvar)
    status=0
    "$tmp/$program" || status=$?
    case $status in
    0) ;;
    77) continue ;; # not in this compiler
    *) fail "$program" ;;
    esac
    if [ $sanitized = yes ]; then
        # shellcheck disable=SC2046 # a list of options
        build20 $program -O1 -g -fsanitize=thread -pthread $(pkg-config --cflags condvar) "$tmp/sanitized.o"
        TSAN_OPTIONS=halt_on_error=1 "${fixed[@]}" "$tmp/$program" 500 || fail "$program under ThreadSanitizer"
    fi
done

# The controls of hpp_stop: a missed request, and a request that acquires the lock, must hang.
installed=$(dirname "$(find "$tmp/image" -name condvar.hpp)")
if timeout 60 "${fixed[@]}" "$tmp/hpp_stop" 1 >/dev/null; then
    while read -r wrong; do
        mkdir -p "$tmp/wrong"
        cp "$installed/condvar.h" "$tmp/wrong"
        sed "s/{ (void)cond_stop(stop); }/$wrong/; s/stopper{&stop}/stopper{\&stop, cond}/; s/cond_stop_t \*stop;/& cond_t *cond;/" \
            "$installed/condvar.hpp" >"$tmp/wrong/condvar.hpp"
        # shellcheck disable=SC2046 # a list of options
        build20 hpp_stop -pthread -I"$tmp/wrong" $(pkg-config --cflags --libs condvar)
        status=0
        timeout 5 "$tmp/hpp_stop" 1 || status=$?
        [ $status = 124 ] || fail "hpp_stop does not hang (status $status) with: $wrong"
    done <<'END'
{ (void)cond, (void)stop; }
{ (void)cond_acquire(cond), (void)cond_stop(stop), (void)cond_release(cond); }
END
fi

# What a user of <condition_variable> may try first: one error, which says what to write instead.
# says WHAT CALL
says() {
    printf '%s\n' '#include <condvar.hpp>' '#include <mutex>' 'using namespace std::chrono_literals;' \
        'void f(condvar::condition &cond, std::unique_lock<condvar::condition> &hold, bool &ok) {' \
        'auto pred = [&] { return ok; };' 'auto later = std::chrono::steady_clock::now();' \
        '(void)pred, (void)later, (void)hold;' "$2; }" >"$tmp/says.cpp"
    # shellcheck disable=SC2046 # a list of options
    ! "$CXX" -std=c++17 -Wall -Wextra -fsyntax-only $(pkg-config --cflags condvar) "$tmp/says.cpp" 2>"$tmp/said" ||
        fail "compiles: $2"
    grep -F "error: static" "$tmp/said" | grep -qF "condvar: $1" || fail "no message '$1' for: $2" "$(cat "$tmp/said")"
    [ "$(grep -c 'error:' "$tmp/said")" = 1 ] || fail "more than one error for: $2" "$(cat "$tmp/said")"
    [ "$(wc -l <"$tmp/said")" -le 14 ] || fail "too many lines of errors for: $2" "$(cat "$tmp/said")"
}
first='a predicate comes first: wait_for(pred, time). For a time alone write wait(time), or wait_until(time)'
says "$first" 'cond.wait_for(5ms)'
says "$first" 'cond.wait_for(later)'
says "$first" 'cond.await(5ms)'
says "$first" '(void)cond.await(5ms, 5ms)'
says 'a predicate is called without arguments, and returns a bool' 'cond.wait_for(ok)'
says 'a predicate is called without arguments, and returns a bool' '(void)cond.wait_for(hold, 5ms)'
says 'a predicate is called without arguments, and returns a bool' 'cond.wait_for([](int) { return true; })'
for call in 'wait(pred)' 'wait(hold)' 'wait(hold, pred)' 'wait(later)' 'wait(5)'; do
    says 'write wait(), wait(duration) or wait_until(time_point); with a predicate wait_for(pred)' "cond.$call"
done
for call in 'wait_until(later, pred)' 'wait_until(5ms)' 'wait_until(hold, later)'; do
    says 'write wait_until(time_point); with a predicate wait_for_until(pred, time_point)' "cond.$call"
done
for call in 'wait_for(5ms, pred)' 'wait_for(hold, 5ms, pred)' 'wait_for(pred, later)'; do
    says 'write wait_for(pred), wait_for(pred, duration) or wait_for_until(pred, time_point)' "cond.$call"
done

# Ignored results: one warning each.
cat >"$tmp/ignores.cpp" <<'END'
#include <condvar.hpp>
using namespace std::chrono_literals;
void f(condvar::condition &cond, condvar::lock &lock, condvar::token &token)
{
    cond.acquire(1s);
    cond.acquire_until(std::chrono::steady_clock::now());
    cond.try_acquire();
    cond.try_lock();
    cond.wait_for([] { return true; }, 1s);
    cond.wait(token);
    cond.closed();
    lock.try_lock_for(1s);
    lock.owned();
}
END
# shellcheck disable=SC2046 # a list of options
"$CXX" -std=c++17 -fsyntax-only $(pkg-config --cflags condvar) "$tmp/ignores.cpp" 2>"$tmp/said"
[ "$(grep -c 'warning: ignoring' "$tmp/said")" = 9 ] || fail 'not 9 warnings for ignored results' "$(cat "$tmp/said")"

# The result of a coroutine's wait with a stop token likewise, if the compiler looks behind co_await. g++ 12 does not.
cat >"$tmp/ignores.cpp" <<'END'
#include <condvar.hpp>
#if defined(CONDVAR_COROUTINES_) && defined(CONDVAR_STOP_TOKEN_)
template <bool has_result> struct awaiter {
    bool await_ready() { return true; }
    void await_suspend(std::coroutine_handle<>) {}
    [[nodiscard]] auto await_resume()
    {
        if constexpr (has_result)
            return true;
    }
};
struct task {
    struct promise_type {
        task get_return_object() { return {}; }
        std::suspend_never initial_suspend() { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() {}
    };
};
task f(condvar::condition &cond, condvar::async_hold &hold, std::stop_token stop)
{
    co_await awaiter<true>();  // compiler
    co_await awaiter<false>(); // never
    co_await cond.async_wait(hold, stop); // library
    co_await cond.async_wait_for(hold, stop, [] { return true; }); // library
    co_await cond.async_wait(hold); // never
    co_await cond.async_wait_for(hold, [] { return true; }); // never
}
#endif
END
# shellcheck disable=SC2046 # a list of options
"$CXX" -std=c++20 -fsyntax-only $(pkg-config --cflags condvar) "$tmp/ignores.cpp" 2>"$tmp/said" ||
    fail "$(cat "$tmp/said")"
noticed() {
    sed -n 's/.*ignores.cpp:\([0-9]*\):.*warning: ignoring.*/\1p/p' "$tmp/said" | sed -nf - "$tmp/ignores.cpp" |
        grep -c "// $1"
}
if [ "$(noticed library)" != $((2 * $(noticed compiler))) ] || [ "$(noticed never)" != 0 ]; then
    fail "other warnings than expected for ignored results of co_await" "$(cat "$tmp/said")"
fi

# The features that a small system leaves out.
parts='TASKS SHARED PTHREAD FOREIGN TEXT AWAIT CANCEL'
for without in $parts "$parts"; do
    # shellcheck disable=SC2046,SC2086 # lists of options
    echo '#include <condvar.hpp>
        void f(condvar::condition &cond, std::chrono::steady_clock::time_point time)
        {
            cond.acquire();
            cond.wait_for([] { return true; });
            cond.notify_one();
            (void)cond.wait_for_until([] { return true; }, time);
#ifndef CONDVAR_NO_AWAIT
            (void)cond.await_until([] { return true; }, time);
#endif
        }' |
        "$CXX" -std=c++20 -Wall -Wextra -Werror -x c++ -fsyntax-only $(pkg-config --cflags condvar) \
            $(printf -- '-DCONDVAR_NO_%s ' $without) - || fail "condvar.hpp does not compile without $without"
done

# With an older C++ there is a clear error.
# shellcheck disable=SC2046 # a list of options
! echo '#include <condvar.hpp>' | "$CXX" -std=c++14 -x c++ -fsyntax-only $(pkg-config --cflags condvar) - \
    2>"$tmp/old" || fail 'condvar.hpp compiles as C++14'
grep -q 'condvar.hpp needs C++17' "$tmp/old" || fail 'condvar.hpp does not say that it needs C++17'
