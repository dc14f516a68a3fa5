/* SPDX-License-Identifier: MIT */
/*
 * The kernel. It disables interrupts while it uses what threads share. On one core this is a lock.
 *
 * It handles three exceptions:
 *
 *     Reset     starts the program.
 *     SysTick   comes every millisecond. It wakes the threads whose deadline has passed, and requests PendSV.
 *     PendSV    switches to the next thread. Its priority is the lowest, so no other exception is active then. The
 *               hardware has saved half of the registers on the stack of the thread (PSP); the handler saves the rest.
 *
 * An exception clears the exclusive monitor of the core. So an atomic operation that an exception interrupts fails, and
 * the thread repeats it when it runs again.
 *
 * main() becomes the idle thread. It runs when no other thread can run, and waits for an interrupt.
 */
#include "kernel.h"
#include <stdbool.h>
#include <stddef.h>

/* ---- The registers of the core (ARMv7-M Architecture Reference Manual, B3) ---- */

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR REGISTER(0xE000E010)  /* SysTick: control */
#define SYST_RVR REGISTER(0xE000E014)  /* the counter starts here and counts down */
#define SYST_CVR REGISTER(0xE000E018)  /* its value now */
#define ICSR REGISTER(0xE000ED04)      /* pending exceptions */
#define SHPR3 REGISTER(0xE000ED20)     /* priority of PendSV and SysTick */
enum { ICSR_PENDSVSET = 1 << 28, ICSR_PENDSTSET = 1 << 26 };

/* The clock of the board has 25 MHz, so one count takes 40 ns. */
enum { CLOCK_NS = 40, TICK_NS = 1000000, TICK_COUNTS = TICK_NS / CLOCK_NS };

static uint32_t interrupts_off(void)
{
    uint32_t before;
    __asm__ volatile("mrs %0, primask\n\tcpsid i" : "=r"(before) : : "memory");
    return before;
}

static void interrupts_restore(uint32_t before)
{
    __asm__ volatile("msr primask, %0\n\tisb" : : "r"(before) : "memory");
}

/* ---- Threads ---- */

struct thread {
    uint32_t *stack;         /* while it does not run: its stack pointer */
    unsigned priority;       /* fixed; 0: the idle thread */
    bool asleep;
    const uint32_t *word;    /* while asleep */
    int64_t deadline_ns;     /* while asleep */
    uint32_t asleep_since;   /* while asleep: the value of `sleeps` before */
};

static struct thread threads[KERNEL_THREADS + 1]; /* the idle thread is the first */
static unsigned thread_count = 1;
static _Alignas(8) uint32_t stacks[KERNEL_THREADS + 1][KERNEL_STACK_WORDS];
static struct thread *current = &threads[0];
static int64_t ticks;
static uint32_t sleeps;

static void thread_ended(void)
{
    static const uint32_t never;
    for (;;)
        kernel_sleep_on(&never, 0, KERNEL_FOREVER);
}

void kernel_thread(void (*run)(void *), void *arg, unsigned priority)
{
    if (thread_count > KERNEL_THREADS)
        program_exit(2);
    /* The stack is as if an exception had interrupted the thread before its first instruction. */
    uint32_t *stack = &stacks[thread_count][KERNEL_STACK_WORDS - 16];
    stack[8] = (uint32_t)arg;              /* r0; below it r4 to r11 */
    stack[13] = (uint32_t)thread_ended;    /* lr: the return address */
    stack[14] = (uint32_t)run & ~1u;       /* pc */
    stack[15] = 1u << 24;                  /* xpsr: Thumb */
    threads[thread_count++] = (struct thread){.stack = stack, .priority = priority};
}

/* Returns the thread to run next: the one with the highest priority. Threads of equal priority take turns: the search
   begins after the thread that has run. */
static struct thread *next_thread(void)
{
    struct thread *best = NULL;
    size_t place = (size_t)(current - threads);
    for (unsigned i = 0; i < thread_count; i++) {
        place = place + 1 < thread_count ? place + 1 : 0;
        struct thread *thread = &threads[place];
        if (!thread->asleep && (best == NULL || thread->priority > best->priority))
            best = thread;
    }
    return best;
}

uint32_t *kernel_switch(uint32_t *stack);
uint32_t *kernel_switch(uint32_t *stack)
{
    current->stack = stack;
    current = next_thread();
    return current->stack;
}

void pendsv_handler(void);
__attribute__((naked)) void pendsv_handler(void)
{
    __asm__("mrs r0, psp\n\t"
            "stmdb r0!, {r4-r11}\n\t"
            "push {r3, lr}\n\t"
            "cpsid i\n\t"
            "bl kernel_switch\n\t"
            "cpsie i\n\t"
            "pop {r3, lr}\n\t"
            "ldmia r0!, {r4-r11}\n\t"
            "msr psp, r0\n\t"
            "bx lr");
}

static void wake(struct thread *thread)
{
    thread->asleep = false;
    ICSR = ICSR_PENDSVSET;
}

void systick_handler(void);
void systick_handler(void)
{
    uint32_t before = interrupts_off();
    ticks++;
    for (unsigned i = 1; i < thread_count; i++)
        if (threads[i].asleep && threads[i].deadline_ns <= ticks * TICK_NS)
            wake(&threads[i]);
    ICSR = ICSR_PENDSVSET; /* threads of equal priority take turns */
    interrupts_restore(before);
}

_Noreturn void kernel_run(void)
{
    /* PendSV and SysTick get the lowest priority. From here on this is a thread with its own stack (PSP). */
    SHPR3 = 0xFFFF0000;
    __asm__ volatile("msr psp, %0\n\t"
                     "msr control, %1\n\t"
                     "isb" : : "r"(&stacks[0][KERNEL_STACK_WORDS]), "r"(2) : "memory");
    SYST_RVR = TICK_COUNTS - 1;
    SYST_CVR = 0;
    SYST_CSR = 7; /* enabled, with its exception, at the clock of the core */
    for (;;) {
        bool can_run_again = false;
        uint32_t before = interrupts_off();
        for (unsigned i = 1; i < thread_count; i++)
            can_run_again |= !threads[i].asleep || threads[i].deadline_ns != KERNEL_FOREVER;
        interrupts_restore(before);
        if (!can_run_again) {
            console_write("deadlock: all threads sleep without a deadline\n");
            program_exit(3);
        }
        __asm__ volatile("wfi");
    }
}

/* ---- What port.c needs ---- */

uintptr_t kernel_self(void)
{
    return (uintptr_t)current;
}

/* A tick that came while interrupts were off is pending and not yet in `ticks`, so it is added here. When the counter
   is at 0, the tick that it causes is already included. */
int64_t kernel_now(void)
{
    uint32_t before = interrupts_off();
    uint32_t left = SYST_CVR;
    int64_t now = ticks;
    if (ICSR & ICSR_PENDSTSET) {
        left = SYST_CVR;
        now++;
    }
    interrupts_restore(before);
    return now * TICK_NS + (left != 0 ? (int64_t)(TICK_COUNTS - left) * CLOCK_NS : 0);
}

/* With interrupts off no other thread runs, so comparing and falling asleep are one step. When interrupts are on again,
   PendSV switches to another thread; this thread continues after it is woken. A deadline takes effect at the first
   tick at or after it. */
void kernel_sleep_on(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    bool passed = deadline_ns != KERNEL_FOREVER && kernel_now() >= deadline_ns;
    uint32_t before = interrupts_off();
    if (*(const volatile uint32_t *)word == expected && !passed) {
        current->word = word;
        current->deadline_ns = deadline_ns;
        current->asleep_since = sleeps++;
        current->asleep = true;
        ICSR = ICSR_PENDSVSET;
    }
    interrupts_restore(before);
}

void kernel_wake(const uint32_t *word, uint32_t count)
{
    uint32_t before = interrupts_off();
    for (; count > 0; count--) {
        struct thread *best = NULL;
        for (unsigned i = 1; i < thread_count; i++) {
            struct thread *thread = &threads[i];
            if (!thread->asleep || thread->word != word)
                continue;
            if (best == NULL || thread->priority > best->priority ||
                (thread->priority == best->priority && (int32_t)(thread->asleep_since - best->asleep_since) < 0))
                best = thread;
        }
        if (best == NULL)
            break;
        wake(best);
    }
    interrupts_restore(before);
}

/* ---- Semihosting: a breakpoint that the debugger or QEMU handles ---- */

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

static uint32_t semihosting(uint32_t operation, const void *parameter)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = parameter;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void console_write(const char *text)
{
    (void)semihosting(SYS_WRITE0, text);
}

void console_write_number(uint32_t number)
{
    char digits[11], *first = &digits[10];
    *first = '\0';
    do
        *--first = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    console_write(first);
}

_Noreturn void program_exit(int status)
{
    const uint32_t how[] = {APPLICATION_EXIT, (uint32_t)status};
    for (;;)
        (void)semihosting(SYS_EXIT_EXTENDED, how);
}

/* ---- Reset, faults and the vector table ---- */

extern uint32_t data_in_flash[], data_begin[], data_end[], bss_begin[], bss_end[], stack_end[]; /* program.ld */
int main(void);

void reset_handler(void);
void reset_handler(void)
{
    for (uint32_t *from = data_in_flash, *to = data_begin; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_begin; to < bss_end;)
        *to++ = 0;
    program_exit(main());
}

void fault_handler(void);
void fault_handler(void)
{
    console_write("fault\n");
    program_exit(4);
}

struct vectors {
    uint32_t *stack;
    void (*handlers[15])(void);
};

extern const struct vectors vectors;
__attribute__((section(".vectors"), used)) const struct vectors vectors = {
    stack_end,
    {reset_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, NULL, NULL, NULL, NULL,
     fault_handler, fault_handler, NULL, pendsv_handler, systick_handler},
};

/* The compiler generates calls of these, even without a C library. */
void *memset(void *to, int value, size_t size);
void *memset(void *to, int value, size_t size)
{
    for (unsigned char *byte = to; size > 0; size--)
        *byte++ = (unsigned char)value;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    const unsigned char *source = from;
    for (unsigned char *byte = to; size > 0; size--)
        *byte++ = *source++;
    return to;
}
