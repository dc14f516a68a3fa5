/* SPDX-License-Identifier: MIT */
/*
 * Coroutines with ucontext.h. swapcontext() sets the signal mask, by a system call, and is ten times as slow as
 * _longjmp(). So setcontext() only begins a coroutine, and _longjmp() continues it.
 */
#ifndef _DEFAULT_SOURCE
#  define _DEFAULT_SOURCE
#endif
#undef _FORTIFY_SOURCE /* it forbids a longjmp() to another stack */
#include "coroutine.h"
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <ucontext.h>

/* AddressSanitizer must be told about each stack switch. */
#if defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define COROUTINE_ASAN 1
#  endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#  define COROUTINE_ASAN 1
#endif
#ifdef COROUTINE_ASAN
#  include <sanitizer/common_interface_defs.h>
#endif

enum { STACK_SIZE = 128 * 1024 };

struct coroutine {
    ucontext_t context;
    bool has_begun;
    jmp_buf left; /* if it has begun and does not run: where it continues */
    char *stack;  /* NULL: the program's own */
    void (*run)(void *arg);
    void *arg;
#ifdef COROUTINE_ASAN
    void *fake_stack;
#endif
};

static struct coroutine *running;

struct coroutine *coroutine_new(void)
{
    struct coroutine *coroutine = calloc(1, sizeof *coroutine);
    if (coroutine == NULL)
        abort();
    if (running == NULL) {
        running = coroutine;
        coroutine->has_begun = true;
    } else {
        coroutine->stack = malloc(STACK_SIZE);
        if (coroutine->stack == NULL)
            abort();
    }
    return coroutine;
}

/* Returns when another coroutine continues `from`. */
static void change_stacks(struct coroutine *from, struct coroutine *to)
{
#ifdef COROUTINE_ASAN /* _longjmp() confuses it */
    (void)swapcontext(&from->context, &to->context);
#else
    if (_setjmp(from->left) != 0)
        return;
    if (to->has_begun)
        _longjmp(to->left, 1);
    to->has_begun = true;
    (void)setcontext(&to->context);
#endif
}

static void hand_over(struct coroutine *to, bool for_good)
{
    struct coroutine *from = running;
    running = to;
    (void)for_good;
#ifdef COROUTINE_ASAN
    static const void *main_stack;
    static size_t main_size;
    bool known = to->stack != NULL;
    __sanitizer_start_switch_fiber(for_good ? NULL : &from->fake_stack, known ? to->stack : main_stack,
                                   known ? STACK_SIZE : main_size);
#endif
    change_stacks(from, to);
#ifdef COROUTINE_ASAN
    const void *left;
    size_t left_size;
    __sanitizer_finish_switch_fiber(from->fake_stack, &left, &left_size);
    if (from->stack != NULL && main_stack == NULL)
        main_stack = left, main_size = left_size;
#endif
}

static void begin(void)
{
#ifdef COROUTINE_ASAN
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
    running->run(running->arg);
}

void coroutine_start(struct coroutine *coroutine, void (*run)(void *arg), void *arg)
{
    coroutine->run = run;
    coroutine->arg = arg;
    coroutine->has_begun = false;
    (void)getcontext(&coroutine->context);
    coroutine->context.uc_stack.ss_sp = coroutine->stack;
    coroutine->context.uc_stack.ss_size = STACK_SIZE;
    coroutine->context.uc_link = NULL;
    makecontext(&coroutine->context, begin, 0);
}

void coroutine_switch(struct coroutine *to) { hand_over(to, false); }

_Noreturn void coroutine_leave(struct coroutine *to)
{
    hand_over(to, true);
    abort();
}
