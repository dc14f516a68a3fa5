/* SPDX-License-Identifier: MIT */
#ifndef CONDVAR_ATOMIC_H
#define CONDVAR_ATOMIC_H

/*
 * The atomic operations of the library, with their memory order: a_load(p, acquire).
 *
 * The public structs contain plain integers, since C++ has no _Atomic. Only this file accesses them as atomics. Words
 * have 32 bits, the size of a pointer, or less: no target needs 64-bit atomics. There are no stand-alone fences, since
 * ThreadSanitizer does not support them.
 *
 * Tests that choose the schedule define CONDVAR_STEP. Then each operation first calls condvar_step(), which can run
 * another thread. With CONDVAR_VALGRIND, Helgrind and DRD see what the operation orders (annotate.h).
 */

#include <stdatomic.h>
#include <stdint.h>
#include "annotate.h"

_Static_assert(sizeof(_Atomic uint8_t) == sizeof(uint8_t), "an atomic byte is no larger than a plain one");
_Static_assert(sizeof(_Atomic uint16_t) == sizeof(uint16_t), "an atomic 16-bit word is no larger than a plain one");
_Static_assert(sizeof(_Atomic uint32_t) == sizeof(uint32_t), "an atomic 32-bit word is no larger than a plain one");
_Static_assert(sizeof(_Atomic uintptr_t) == sizeof(uintptr_t), "an atomic address is no larger than a plain one");

#ifdef CONDVAR_STEP
void condvar_step(void);
#  define A_STEP_() condvar_step()
#else
#  define A_STEP_() ((void)0)
#endif

#define A_32_(p) ((_Atomic uint32_t *)(uintptr_t)(p))
#define A_8_(p) ((_Atomic uint8_t *)(uintptr_t)(p))
#define A_16_(p) ((_Atomic uint16_t *)(uintptr_t)(p))
#define A_PTR_(p) ((_Atomic uintptr_t *)(uintptr_t)(p))

/* Operations that return a value; stores. */
#define A_VALUE_(p, order, operation) ANNOTATE_VALUE(p, order, (A_STEP_(), (operation)))
#define A_VOID_(p, order, operation) ANNOTATE_VOID(p, order, (A_STEP_(), (operation)))

#define a_load(p, order) A_VALUE_(p, order, atomic_load_explicit(A_32_(p), memory_order_##order))
#define a_store(p, value, order) A_VOID_(p, order, atomic_store_explicit(A_32_(p), (value), memory_order_##order))
#define a_exchange(p, value, order)                                                                     \
    A_VALUE_(p, order, atomic_exchange_explicit(A_32_(p), (value), memory_order_##order))

/* Compare-exchange. True: *p was *expected and is now `value`. False: *expected is now the value of *p. The weak one
   may fail spuriously, so it belongs in a loop. */
#define a_cas(p, expected, value, success, failure)                                                     \
    A_VALUE_(p, success, atomic_compare_exchange_strong_explicit(A_32_(p), (expected), (value),         \
                                                                 memory_order_##success, memory_order_##failure))
#define a_cas_weak(p, expected, value, success, failure)                                                \
    A_VALUE_(p, success, atomic_compare_exchange_weak_explicit(A_32_(p), (expected), (value),           \
                                                               memory_order_##success, memory_order_##failure))

/* The same for an address, as a uintptr_t. */
#define a_load_address(p, order) A_VALUE_(p, order, atomic_load_explicit(A_PTR_(p), memory_order_##order))
#define a_store_address(p, value, order)                                                                \
    A_VOID_(p, order, atomic_store_explicit(A_PTR_(p), (value), memory_order_##order))
#define a_exchange_ptr(p, value, order)                                                                 \
    A_VALUE_(p, order, atomic_exchange_explicit(A_PTR_(p), (value), memory_order_##order))
#define a_cas_ptr_weak(p, expected, value, success, failure)                                            \
    A_VALUE_(p, success, atomic_compare_exchange_weak_explicit(A_PTR_(p), (expected), (value),          \
                                                               memory_order_##success, memory_order_##failure))

/* For words that one thread at a time writes, and that others read as a hint. These operations do not call
   condvar_step(). Relaxed, except the kind of a lock: it is written after the lock is initialised (object.h). */
#define A_HINT_(p, type) ANNOTATE_VALUE(p, relaxed, atomic_load_explicit(type(p), memory_order_relaxed))
#define A_SET_(p, type, value) \
    ANNOTATE_VOID(p, relaxed, atomic_store_explicit(type(p), (value), memory_order_relaxed))
#define a_load_32(p) A_HINT_(p, A_32_)
#define a_store_32(p, value) A_SET_(p, A_32_, value)
#define a_load_8(p) A_HINT_(p, A_8_)
#define a_store_8(p, value) A_SET_(p, A_8_, (uint8_t)(value))
#define a_load_byte(p, order) ANNOTATE_VALUE(p, order, atomic_load_explicit(A_8_(p), memory_order_##order))
#define a_store_byte(p, value, order) \
    ANNOTATE_VOID(p, order, atomic_store_explicit(A_8_(p), (uint8_t)(value), memory_order_##order))
#define a_load_16(p) A_HINT_(p, A_16_)
#define a_store_16(p, value) A_SET_(p, A_16_, (uint16_t)(value))
#define a_load_ptr(p) A_HINT_(p, A_PTR_)
#define a_store_ptr(p, value) A_SET_(p, A_PTR_, value)

/* The processor's instruction for a spin loop. */
static inline void a_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__ARM_ARCH) && __ARM_ARCH >= 7)
    __asm__ __volatile__("yield");
#endif
}

#endif
