/* SPDX-License-Identifier: MIT */
/*
 * A thread notifies all waiters and destroys the condition, as it may, since no thread waits any more. A woken waiter
 * that has not returned yet must not touch the condition.
 *
 * The waiters of std::condition_variable_any unlock its internal mutex after they were notified. The C++ standard
 * still allows the destruction (https://eel.is/c++draft/thread.condition.condvarany,
 * https://eel.is/c++draft/thread.condition.condvar), so each waiter of libstdc++ shares ownership of that mutex. The
 * peer `model` does not share it, and shows that the detector works.
 *
 * In this library a chosen waiter does not touch the condition again, if the lock is outside the condition
 * (src/waitq.c).
 *
 * The condition has a page of memory for itself, which is unmapped after the destruction. Meanwhile the waiter is
 * stopped before each single instruction of its return (step.h).
 */
#include "case.h"
#include <sys/mman.h>
#include "destroyed_any.h"
#include "step.h"

static cond_lock_t lock = COND_RLOCK_INIT;

static void make_ours(void *memory) { REQUIRE(cond_init(memory, &lock, 0) == 0); }
static void destroy_ours(void *memory) { REQUIRE(cond_destroy(memory) == 0); }
static void acquire_ours(void) { REQUIRE(cond_lock_acquire(&lock) == 0); }
static void release_ours(void) { REQUIRE(cond_lock_release(&lock) == 0); }
static void wait_ours(void *memory) { REQUIRE(cond_wait(memory, COND_FOREVER) == 0); }
static void notify_all_ours(void *memory) { REQUIRE(cond_notify_all(memory) == 0); }

static const struct kind ours = {"ours",       sizeof(cond_t), make_ours, destroy_ours,
                                 acquire_ours, release_ours,   wait_ours, notify_all_ours};

static const struct kind *kind;
static void *memory;
static bool waits; /* under the lock */

static void *wait_once(void *arg)
{
    kind->acquire();
    waits = true;
    step_begin();
    kind->wait(memory);
    step_end();
    kind->release();
    return arg;
}

static void touched(int signal)
{
    static const char text[] = "a woken waiter touches the condition after its destruction\n";
    (void)signal;
    (void)!write(STDOUT_FILENO, text, sizeof text - 1);
    _exit(SHOWN);
}

int main(int argc, char **argv)
{
    const struct kind *const kinds[] = {&ours, &libstdcxx_any, &model_any};
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (who_is(argc, argv, kinds[i]->name))
            kind = kinds[i];
    if (kind == NULL)
        return CANNOT;
    if (!STEP_HERE)
        verdict(CANNOT, "single steps are for x86-64 only");
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED && kind->size <= page);
    REQUIRE(signal(SIGSEGV, touched) != SIG_ERR);
    for (int at = 0;; at++) {
        kind->make(memory);
        waits = false;
        /* A destroy may wait for the woken waiter, so the waiter must run some time. */
        step_prepare(at, COND_MS(20));
        pthread_t waiter = start(wait_once, NULL);
        for (bool there = false; !there; kind->release()) {
            kind->acquire();
            there = waits;
            if (there) {
                atomic_store(&step.counts, 1);
                kind->notify_all(memory);
            }
        }
        kind->destroy(memory);
        REQUIRE(mprotect(memory, page, PROT_NONE) == 0);
        atomic_store(&step.may_go, 1);
        REQUIRE(pthread_join(waiter, NULL) == 0);
        REQUIRE(mprotect(memory, page, PROT_READ | PROT_WRITE) == 0);
        if (atomic_load(&step.held_up) == 0)
            verdict(WORKS, "not touched again, with a woken waiter stopped at each of %d instructions", at);
    }
}
