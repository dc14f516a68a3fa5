/* SPDX-License-Identifier: MIT */
/* The control of dlopen.c: a library with a thread-local variable in the static TLS block. */
void **fixed_tls_place(void);

void **fixed_tls_place(void)
{
    static _Thread_local void *subject;
    return &subject;
}
