/* SPDX-License-Identifier: MIT */
/* What people read: cond_describe() and cond_strerror(). No stdio: it must work where there is none. */
#include "atomic.h"
#include "lock.h"
#include "rlock.h"

#if HAVE_TEXT
/* Text that grows to the right of what fits: `length` counts on when `size` is reached. */
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
        text_put(text, lock->kind_ & COND_MUTEX ? "mutex" : "rlock");
        if (lock_is_private(lock)) {
            uintptr_t owner = lock_owner(lock);
            text_put(text, owner & LOCK_OWNER_TASK ? " owner=task at 0x" : " owner=0x");
            text_put_number(text, owner & ~(uintptr_t)LOCK_OWNER_TASK, 16);
        }
        text_put(text, " depth=");
        /* (A free shared lock keeps the depth of its last holder.) */
        uint32_t shared_depth = is_locked ? a_load_32(&lock->depth_) & LOCK_LEVELS : 0;
        text_put_number(text, lock_is_private(lock) ? rlock_depth(lock) : shared_depth, 10);
        text_put(text, " at 0x");
        text_put_number(text, (uintptr_t)lock, 16);
    }
    text_put(text, ">");
}

/* The closing zero, and the result of snprintf(). */
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
    case 0: return "no error";
    case EINVAL: return "invalid argument: NULL, destroyed, or unknown flags";
    case EPERM: return "the caller does not hold the lock";
    case EDEADLK: return "the caller holds this mutex already";
    case EAGAIN: return "held as deep as it can be, or being made by another process";
    case EBUSY: return "in use: held, waited on, or requested already";
    case ETIMEDOUT: return "timed out";
    case ENOTSUP: return "not supported by this kind of lock, or on this system";
    case EOWNERDEAD: return "the last holder of the lock died: call cond_recover()";
    case ENOTRECOVERABLE: return "the lock was released without a recover after its holder had died";
    case EINPROGRESS: return "in progress: the callback will report the result";
    case ECANCELED: return "cancelled, or the condition is closed";
    default: return "not an error of this library";
    }
}

#endif
