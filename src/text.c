/* SPDX-License-Identifier: MIT */
/* Texts: cond_describe() and cond_strerror(). No stdio: small systems have none. Any thread may call these
   functions. */
#include "atomic.h"
#include "lock.h"
#include "rlock.h"

#if HAVE_TEXT
/* A text in a buffer of `size` bytes. `length` is the length of the whole text, even if it does not fit. */
struct text_buffer {
    char *at;
    size_t size;
    size_t length;
};

static void text_put(struct text_buffer *text, const char *string)
{
    for (; *string != '\0'; string++, text->length++)
        if (text->length + 1 < text->size)
            text->at[text->length] = *string;
}

static void text_put_number(struct text_buffer *text, uintptr_t number, unsigned base)
{
    char digits[sizeof number * CHAR_BIT / 3 + 2];
    char *first = &digits[sizeof digits - 1];
    *first = '\0';
    do
        *--first = "0123456789abcdef"[number % base];
    while ((number /= base) != 0);
    text_put(text, first);
}

static void text_put_lock(struct text_buffer *text, const cond_lock_t *lock)
{
    bool is_locked = cond_lock_locked(lock);
    text_put(text, is_locked ? "<locked " : "<unlocked ");
    if (lock_is_foreign(lock)) {
        text_put(text, "foreign lock at 0x");
        text_put_number(text, (uintptr_t)lock_foreign(lock)->object, 16);
    } else {
        if (lock_is_shared(lock))
            text_put(text, "shared ");
        text_put(text, a_load_8(&lock->kind_) & COND_MUTEX ? "mutex" : "rlock");
        if (lock_is_private(lock)) {
            uintptr_t owner = lock_owner(lock);
            text_put(text, owner & LOCK_OWNER_TASK ? " owner=task at 0x" : " owner=0x");
            text_put_number(text, owner & ~(uintptr_t)LOCK_OWNER_TASK, 16);
        }
        text_put(text, " depth=");
        /* (A free shared lock still has the depth of its last holder.) */
        uint32_t shared_depth = is_locked ? a_load_32(&lock->depth_) & LOCK_LEVELS : 0;
        text_put_number(text, lock_is_private(lock) ? rlock_depth(lock) : shared_depth, 10);
        text_put(text, " at 0x");
        text_put_number(text, (uintptr_t)lock, 16);
    }
    text_put(text, ">");
}

/* Write the terminating zero. Returns what snprintf() would return. */
static int text_end(struct text_buffer *text)
{
    if (text->size != 0)
        text->at[text->length < text->size ? text->length : text->size - 1] = '\0';
    return (int)text->length;
}

int cond_lock_describe(const cond_lock_t *lock, char *text, size_t size)
{
    if (!lock_is_valid(lock) || (text == NULL && size != 0))
        return -EINVAL;
    struct text_buffer out = {.at = text, .size = size};
    text_put_lock(&out, lock);
    return text_end(&out);
}

int cond_describe(const cond_t *cond, char *text, size_t size)
{
    const cond_lock_t *lock = lock_of(cond);
    if (lock == NULL || (text == NULL && size != 0))
        return -EINVAL;
    struct text_buffer out = {.at = text, .size = size};
    text_put(&out, "<cond(");
    text_put_lock(&out, lock);
    text_put(&out, ", ");
    text_put_number(&out, cond_waiters(cond), 10);
    text_put(&out, condi_is_closed(cond) ? ", closed)>" : ")>");
    return text_end(&out);
}

const char *cond_strerror(int error)
{
    switch (error) {
    case 0: return "Success";
    case EINVAL: return "Invalid argument: NULL, destroyed, or unknown flags";
    case EPERM: return "Operation not permitted: the caller does not hold the lock";
    case EDEADLK: return "Resource deadlock avoided: the caller already holds this mutex";
    case EAGAIN: return "Resource temporarily unavailable: too many levels, or another process initialises it";
    case EBUSY: return "Resource busy: held, waited on, or already requested";
    case ETIMEDOUT: return "Timed out";
    case ENOTSUP: return "Operation not supported by this kind of lock, or on this system";
    case EOWNERDEAD: return "Owner died: call cond_recover()";
    case ENOTRECOVERABLE: return "State not recoverable: the lock was released without cond_recover()";
    case EINPROGRESS: return "Operation now in progress: the callback will report the result";
    case ECANCELED: return "Operation canceled, or the condition is closed";
    default: return "Unknown error: the foreign lock's own error";
    }
}

#endif
