/* SPDX-License-Identifier: MIT */
#include "futexes.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>
#include <unistd.h>

namespace {

thread_local std::uint64_t calls;

/* Where a trapped call's arguments and its result are, which each kind of machine keeps elsewhere. */
#if defined(__x86_64__) && !defined(__ILP32__)
constexpr unsigned arch = AUDIT_ARCH_X86_64;
long argument(const ucontext_t *at, int i)
{
    static constexpr int registers[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
    return at->uc_mcontext.gregs[registers[i]];
}
void set_result(ucontext_t *at, long result) { at->uc_mcontext.gregs[REG_RAX] = result; }
#elif defined(__aarch64__)
constexpr unsigned arch = AUDIT_ARCH_AARCH64;
long argument(const ucontext_t *at, int i) { return static_cast<long>(at->uc_mcontext.regs[i]); }
void set_result(ucontext_t *at, long result)
{
    at->uc_mcontext.regs[0] = static_cast<unsigned long long>(result);
}
#else
constexpr unsigned arch = 0;
long argument(const ucontext_t *, int) { return 0; }
void set_result(ucontext_t *, long) {}
#endif

/*
 * The handler's own call must pass the filter. It is known by its fifth argument, which waiting and waking do
 * not look at. Those that do (they move waiters from one word to another) are counted as others are, but
 * cannot be made.
 */
constexpr std::uint32_t mark = 0xC0DE0F;

bool has_second_word(long operation)
{
    switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
    case FUTEX_WAKE_OP:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_CMP_REQUEUE_PI: return true;
    default: return false;
    }
}

void on_futex(int, siginfo_t *, void *context)
{
    auto *at = static_cast<ucontext_t *>(context);
    int saved = errno;
    calls++;
    if (has_second_word(argument(at, 1)))
        std::abort();
    long result = syscall(SYS_futex, argument(at, 0), argument(at, 1), argument(at, 2), argument(at, 3),
                          static_cast<long>(mark), argument(at, 5));
    set_result(at, result < 0 ? -errno : result);
    errno = saved;
}

} // namespace

bool count_futexes()
{
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[4])), /* its lower half */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mark, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program = {sizeof filter / sizeof *filter, filter};
    struct sigaction action = {};

    action.sa_sigaction = on_futex;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    return arch != 0 && sigaction(SIGSYS, &action, nullptr) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

std::uint64_t futexes_of_thread() { return calls; }
