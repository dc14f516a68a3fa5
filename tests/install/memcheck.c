/* SPDX-License-Identifier: MIT */
/* Shared conditions and locks in memory that was never written, for valgrind.sh and suppressions.sh. Memcheck must
   report nothing. With -DWRONG it must report a use of such memory. */
#include <condvar.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    struct both {
        cond_t own, on_lock;
        cond_lock_t lock;
    } *both = malloc(sizeof *both);
    if (both == NULL)
        return 1;
#ifdef WRONG
    (void)cond_destroy(&both->own);
#endif
    int error = cond_init(&both->own, NULL, COND_SHARED);
    if (error == ENOTSUP) {
        puts("no COND_SHARED");
    } else {
        if (error != 0 || cond_lock_init(&both->lock, COND_SHARED) != 0 || cond_init(&both->on_lock, &both->lock, 0) != 0)
            return 1;
        for (int i = 0; i < 2; i++) {
            cond_t *cond = i ? &both->on_lock : &both->own;
            if (cond_acquire(cond) != 0 || cond_acquire(cond) != 0 || cond_wait(cond, COND_MS(1)) != ETIMEDOUT ||
                cond_notify(cond, 1) != 0 || cond_release(cond) != 0 || cond_release(cond) != 0 || cond_destroy(cond) != 0)
                return 1;
        }
        if (cond_lock_destroy(&both->lock) != 0)
            return 1;
    }
    free(both);
    return 0;
}
