/* SPDX-License-Identifier: MIT */
/*
 * port_process() on kernels with pages of 4, 16 and 64 KiB, wherever the linker puts the library's variables. A model
 * plays the kernel: madvise(MADV_WIPEONFORK) refuses a start inside a page, rounds the length up to whole pages, and
 * clears them in each forked child. It must clear only what was asked, because other variables of the program follow. A
 * child always has a number of its own.
 *
 * The port is compiled with fake_madvise, fake_sysconf and fake_getpid instead of the real functions. For Linux.
 */
#define _GNU_SOURCE
#include "stress.h"
#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "port_shared.h"

enum { OBJECT_SIZE = 4096 }; /* and its alignment, in the port to Linux */

static size_t page_size, offset_in_page; /* fixed in each process, which tests one layout */
static void *wiped;                      /* what is cleared in forked children */
static size_t wiped_size;
static unsigned asked; /* system calls for the process's number */

int fake_madvise(void *start, size_t length, int advice);
long fake_sysconf(int name);
pid_t fake_getpid(void);

int fake_madvise(void *start, size_t length, int advice)
{
    if (advice != MADV_WIPEONFORK || offset_in_page != 0) {
        errno = EINVAL;
        return -1;
    }
    size_t whole = (length + page_size - 1) / page_size * page_size;
    CHECK(whole == length, "with pages of %zu bytes, a forked child loses %zu bytes behind the object", page_size,
          whole - length);
    wiped = start;
    wiped_size = length;
    return 0;
}

long fake_sysconf(int name)
{
    CHECK_EQ(name, _SC_PAGESIZE);
    return (long)page_size;
}

pid_t fake_getpid(void)
{
    asked++;
    return (pid_t)syscall(SYS_getpid);
}

static pid_t fork_here(void)
{
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0, "fork failed");
    if (child == 0 && wiped != NULL)
        memset(wiped, 0, wiped_size);
    return child;
}

static void join_child(pid_t child)
{
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

/* In a process that has not called port_process() yet. */
static void test_layout(void)
{
    uint32_t parent = port_process();
    CHECK_EQ(parent, (uint32_t)syscall(SYS_getpid));
    for (unsigned i = 0; i < 10; i++)
        CHECK_EQ(port_process(), parent);
    if (page_size == OBJECT_SIZE)
        CHECK(asked == 1, "a second system call, though the kernel clears the number");

    pid_t child = fork_here();
    if (child == 0) {
        CHECK_EQ(port_process(), (uint32_t)syscall(SYS_getpid));
        CHECK(port_process() != parent, "a child has its parent's number");
        _Exit(0);
    }
    join_child(child);
    CHECK_EQ(port_process(), parent);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {4096, 16384, 65536};
    unsigned layouts = 0;
    stress_begin(argc, argv);
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t offset = 0; offset < sizes[i]; offset += OBJECT_SIZE, layouts++) {
            page_size = sizes[i];
            offset_in_page = offset;
            pid_t child = fork_here();
            if (child == 0) {
                test_layout();
                _Exit(0);
            }
            join_child(child);
        }
    }
    printf("  %u layouts; pages have %lu bytes here\n", layouts, getauxval(AT_PAGESZ));
    return 0;
}
