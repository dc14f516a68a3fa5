/* SPDX-License-Identifier: MIT */
#include <condvar.h>

static cond_t cond = COND_INIT;

int main(void)
{
    int error = cond_acquire(&cond);
    if (error == 0)
        error = cond_wait(&cond, COND_MS(1)) == ETIMEDOUT ? 0 : 1;
    return error == 0 ? cond_release(&cond) : error;
}
