/* SPDX-License-Identifier: MIT */
#ifndef STEPPER_H
#define STEPPER_H

/*
 * One thread runs the library in single steps, by the processor's trap flag. It stops before a chosen instruction
 * until another thread or process continues it. Functions that the library calls, and everything after the stop, run
 * at full speed. x86-64 Linux only: STEPPER_HERE says so. (tests/known_bugs/step.h counts all instructions. Here only
 * those of the library count, and those of a loop only twice, so that few runs stop before each of them.)
 *
 * The struct is in shared memory, since the thread may belong to another process. Only one thread at a time may step.
 */

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__linux__)
#  define STEPPER_HERE 1
#else
#  define STEPPER_HERE 0
#endif

enum {
    STEPPER_NEVER = INT_MAX, /* count the instructions, do not stop */
    STEPPER_ON_WAKING = -1,  /* stop at the end of the sleep that stepper_wakes() has announced */
    STEPPER_ASLEEP = -2,     /* do not stop: the observer acts while the thread sleeps */
};

struct stepper {
    int at;             /* fixed: stop before this instruction of the library, or one of the above */
    bool kill;          /* fixed: the process kills itself there */
    atomic_int thread;  /* its number, for /proc */
    atomic_int seen;    /* instructions of the library that it has run */
    atomic_int outside; /* it runs a function that the library called */
    atomic_int woken;   /* the observer is about to end its sleep */
    bool again;         /* fixed: stop a second time, on waking */
    atomic_int stopped; /* how often it has stopped */
    atomic_int go;      /* how often it may continue; STEPPER_NEVER: it never stops again */
};

/* Of the stepping process: the library's code, and how often each instruction ran. */
enum { STEPPER_TEXT_MAX = 1 << 18, STEPPER_VISITS = 2 };
static struct {
    struct stepper *stepper;
    uintptr_t text_begin, text_end;
    uintptr_t returns_to; /* the return address of the function that the library called */
    bool was_in_text;
    uint8_t visits[STEPPER_TEXT_MAX];
} stepping;

static inline void stepper_futex(atomic_int *word, int operation, int value)
{
    (void)syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

/* Continue the thread once, or for ever. */
static inline void stepper_let_go(struct stepper *stepper, bool for_good)
{
    atomic_store(&stepper->go, for_good ? STEPPER_NEVER : 1);
    stepper_futex(&stepper->go, FUTEX_WAKE, 1);
}

#if STEPPER_HERE
enum { STEPPER_TRAP_FLAG = 0x100 };

static inline void stepper_stop(struct stepper *stepper, greg_t *registers)
{
    if (stepper->kill)
        (void)kill(getpid(), SIGKILL);
    int stopped = atomic_load(&stepper->stopped);
    int go;
    atomic_store(&stepper->stopped, stopped + 1);
    while ((go = atomic_load(&stepper->go)) <= stopped)
        stepper_futex(&stepper->go, FUTEX_WAIT, go);
    if (stepper->again && stopped == 0 && go == 1)
        stepper->at = STEPPER_ON_WAKING;
    else
        registers[REG_EFL] &= ~(greg_t)STEPPER_TRAP_FLAG;
}

/* Functions that the library calls return here, and the handler continues. */
__asm__(".pushsection .text\n"
        ".globl stepper_return\n"
        ".type stepper_return, @function\n"
        "stepper_return:\n"
        "\tint3\n"
        "\tud2\n"
        ".size stepper_return, .-stepper_return\n"
        ".popsection");
extern const char stepper_return[];

static inline bool stepper_in_text(uintptr_t address)
{
    return address >= stepping.text_begin && address < stepping.text_end;
}

/* The library has called a function: it runs at full speed and returns to stepper_return. */
static inline void stepper_leave_text(struct stepper *stepper, greg_t *registers)
{
    uintptr_t *top = (uintptr_t *)registers[REG_RSP];
    if (!stepping.was_in_text || stepper->at == STEPPER_ON_WAKING)
        return;
    stepping.returns_to = *top;
    *top = (uintptr_t)stepper_return;
    registers[REG_EFL] &= ~(greg_t)STEPPER_TRAP_FLAG;
}

static inline void stepper_trapped(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    struct stepper *stepper = stepping.stepper;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t next = (uintptr_t)registers[REG_RIP];
    if (next == (uintptr_t)stepper_return + 1) {
        next = stepping.returns_to;
        registers[REG_RIP] = (greg_t)next;
        registers[REG_EFL] |= STEPPER_TRAP_FLAG;
    }
    bool in_text = stepper_in_text(next);
    if (stepper->at == STEPPER_ON_WAKING && atomic_load(&stepper->woken) != 0 &&
        atomic_load(&stepper->go) != STEPPER_NEVER) {
        stepper_stop(stepper, registers);
        return;
    }
    if (in_text) {
        uint8_t *visits = &stepping.visits[next - stepping.text_begin];
        atomic_store(&stepper->outside, 0);
        if (*visits < STEPPER_VISITS) {
            int seen = atomic_load_explicit(&stepper->seen, memory_order_relaxed);
            ++*visits;
            atomic_store_explicit(&stepper->seen, seen + 1, memory_order_relaxed);
            if (seen == stepper->at && atomic_load(&stepper->go) != STEPPER_NEVER) {
                stepper_stop(stepper, registers);
                return;
            }
        }
    } else if (stepping.was_in_text) {
        atomic_store(&stepper->outside, 1);
        stepper_leave_text(stepper, registers);
    }
    stepping.was_in_text = in_text;
}

static inline void stepper_begin(struct stepper *stepper)
{
    struct sigaction action = {.sa_sigaction = stepper_trapped, .sa_flags = SA_SIGINFO};
    stepping.stepper = stepper;
    (void)sigaction(SIGTRAP, &action, NULL);
    atomic_store(&stepper->thread, (int)syscall(SYS_gettid));
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
}

static inline void stepper_end(void)
{
    __asm__ volatile("pushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq" ::: "memory", "cc");
}
#else
static inline void stepper_begin(struct stepper *stepper) { (void)stepper; }

static inline void stepper_end(void) {}
#endif

/* Whether the thread sleeps in a system call, and has not stopped. */
static inline bool stepper_sleeps(struct stepper *stepper, pid_t process)
{
    char path[64], text[256];
    int thread = atomic_load(&stepper->thread), seen = atomic_load(&stepper->seen);
    if (thread == 0 || atomic_load(&stepper->outside) == 0)
        return false;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)process, thread);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    const char *state = text;
    for (const char *at = text; *at != '\0'; at++)
        if (*at == ')')
            state = at + 1; /* the name may contain any character */
    return state[0] == ' ' && state[1] == 'S' && atomic_load(&stepper->outside) != 0 &&
           atomic_load(&stepper->seen) == seen;
}

#endif
