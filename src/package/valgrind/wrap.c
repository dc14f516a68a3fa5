/* SPDX-License-Identifier: MIT */
/*
 * For helgrind and DRD with an ordinary shared library: what the library orders. These tools do not understand C11
 * atomics, so they see no order between a release of a lock and the next acquire, and report each access to the data
 * that the lock guards. This module is loaded by LD_PRELOAD. Valgrind then calls the wrappers below in place of the
 * library's functions (https://valgrind.org/docs/manual/manual-core-adv.html, "Function wrapping").
 *
 *     a thread            declares
 *     releases or waits   that what it did so far happens before the next acquire
 *     acquires            that it happens after the last release
 *     calls a predicate   both, for it holds the lock then
 *
 * Without Valgrind nothing here is called. condvar.supp suppresses what the tools report inside the library. Tasks are
 * not covered: for them, build the library with -Dvalgrind=enabled.
 */
#define CONDVAR_VALGRIND
#include "annotate.h"
#include "condvar.h"

/* The functions of the shared library, by its soname: libcondvar.so* (Zd is a dot, Za a star). */
#define WRAP(name) I_WRAP_SONAME_FNNAME_ZU(libcondvarZdsoZa, name)

/* An argument as Valgrind passes it. Its macros for s390x take nothing but words. */
#define WORD(argument) ((unsigned long)(argument))

/* The order belongs to the lock, so its address names it. It is read before a wait, since the condition may be
   destroyed during the wait. Weak: a program without the library can have the module, too. */
__extension__ extern __typeof__(cond_get_lock) cond_get_lock __attribute__((weak));

static const void *key_of(const cond_t *cond)
{
    return cond_get_lock((cond_t *)(uintptr_t)cond);
}

static bool holds_after(int result)
{
    return result == 0 || result == EOWNERDEAD;
}

/* ---- Acquiring and releasing ---- */

#define ACQUIRE(name, type, key)                                                                          \
    int WRAP(name)(type *object);                                                                         \
    int WRAP(name)(type *object)                                                                          \
    {                                                                                                     \
        OrigFn original;                                                                                  \
        int result;                                                                                       \
        VALGRIND_GET_ORIG_FN(original);                                                                   \
        CALL_FN_W_W(result, original, WORD(object));                                                      \
        if (holds_after(result))                                                                          \
            annotate_after(key);                                                                          \
        return result;                                                                                    \
    }
#define ACQUIRE_UNTIL(name, type, key)                                                                    \
    int WRAP(name)(type *object, int64_t time_ns);                                                        \
    int WRAP(name)(type *object, int64_t time_ns)                                                         \
    {                                                                                                     \
        OrigFn original;                                                                                  \
        int result;                                                                                       \
        VALGRIND_GET_ORIG_FN(original);                                                                   \
        CALL_FN_W_WW(result, original, WORD(object), WORD(time_ns));                                      \
        if (holds_after(result))                                                                          \
            annotate_after(key);                                                                          \
        return result;                                                                                    \
    }
#define RELEASE(name, type, key)                                                                          \
    int WRAP(name)(type *object);                                                                         \
    int WRAP(name)(type *object)                                                                          \
    {                                                                                                     \
        OrigFn original;                                                                                  \
        int result;                                                                                       \
        VALGRIND_GET_ORIG_FN(original);                                                                   \
        annotate_before(key);                                                                             \
        CALL_FN_W_W(result, original, WORD(object));                                                      \
        return result;                                                                                    \
    }

ACQUIRE(cond_acquire, cond_t, key_of(object))
ACQUIRE(cond_try_acquire, cond_t, key_of(object))
ACQUIRE_UNTIL(cond_acquire_timed, cond_t, key_of(object))
ACQUIRE_UNTIL(cond_acquire_until, cond_t, key_of(object))
RELEASE(cond_release, cond_t, key_of(object))
ACQUIRE(cond_lock_acquire, cond_lock_t, object)
ACQUIRE(cond_lock_try_acquire, cond_lock_t, object)
ACQUIRE_UNTIL(cond_lock_acquire_timed, cond_lock_t, object)
ACQUIRE_UNTIL(cond_lock_acquire_until, cond_lock_t, object)
RELEASE(cond_lock_release, cond_lock_t, object)

/* ---- Waiting ---- */

#define WAIT(name)                                                                                        \
    int WRAP(name)(cond_t *cond, int64_t time_ns);                                                        \
    int WRAP(name)(cond_t *cond, int64_t time_ns)                                                         \
    {                                                                                                     \
        OrigFn original;                                                                                  \
        int result;                                                                                       \
        const void *key = key_of(cond);                                                                   \
        VALGRIND_GET_ORIG_FN(original);                                                                   \
        annotate_before(key);                                                                             \
        CALL_FN_W_WW(result, original, WORD(cond), WORD(time_ns));                                        \
        annotate_after(key);                                                                              \
        return result;                                                                                    \
    }

WAIT(cond_wait)
WAIT(cond_wait_until)

/* A predicate is called by the waiter or by a releasing thread, with the lock held. */
struct wrapped_pred {
    cond_pred_t *pred;
    void *arg;
    const void *key;
};

static bool call_pred(void *arg)
{
    const struct wrapped_pred *wrapped = arg;
    annotate_after(wrapped->key);
    bool result = wrapped->pred(wrapped->arg);
    annotate_before(wrapped->key);
    return result;
}

#define WAIT_FOR(name)                                                                                    \
    int WRAP(name)(cond_t *cond, cond_pred_t *pred, void *arg, int64_t time_ns);                          \
    int WRAP(name)(cond_t *cond, cond_pred_t *pred, void *arg, int64_t time_ns)                           \
    {                                                                                                     \
        OrigFn original;                                                                                  \
        int result;                                                                                       \
        struct wrapped_pred wrapped = {pred, arg, key_of(cond)};                                          \
        VALGRIND_GET_ORIG_FN(original);                                                                   \
        annotate_before(wrapped.key);                                                                     \
        CALL_FN_W_WWWW(result, original, WORD(cond), WORD(pred != NULL ? call_pred : NULL),               \
                       WORD(&wrapped), WORD(time_ns));                                                    \
        annotate_after(wrapped.key);                                                                      \
        return result;                                                                                    \
    }

WAIT_FOR(cond_wait_for)
WAIT_FOR(cond_wait_for_until)
WAIT_FOR(cond_await)

int WRAP(cond_wait_with)(cond_t *cond, const cond_wait_options_t *options);
int WRAP(cond_wait_with)(cond_t *cond, const cond_wait_options_t *options)
{
    OrigFn original;
    int result;
    struct wrapped_pred wrapped = {NULL, NULL, key_of(cond)};
    cond_wait_options_t own;
    if (options != NULL && options->pred != NULL) {
        own = *options;
        wrapped.pred = own.pred;
        wrapped.arg = own.arg;
        own.pred = call_pred;
        own.arg = &wrapped;
        options = &own;
    }
    VALGRIND_GET_ORIG_FN(original);
    annotate_before(wrapped.key);
    CALL_FN_W_WW(result, original, WORD(cond), WORD(options));
    annotate_after(wrapped.key);
    return result;
}
