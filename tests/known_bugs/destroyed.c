/* SPDX-License-Identifier: MIT */
/*
 * A thread notifies all, and destroys the condition, which it may: nobody waits any more. A woken waiter that
 * is still on its way out of wait() must not touch it.
 *
 * std::condition_variable_any has a mutex of its own, which its waiters unlock on their way out, after they
 * have been notified. The C++ standard allows the destruction all the same, for it
 * (https://eel.is/c++draft/thread.condition.condvarany) as for its sister
 * (https://eel.is/c++draft/thread.condition.condvar), so libstdc++ shares that mutex's ownership with each
 * waiter. The peer `model` does not: it is how one would write it, and shows that the detector sees it.
 *
 * Here a waiter that a notify has chosen does not touch the condition again, if its lock lives elsewhere
 * (src/waitq.c).
 *
 * The condition has a page of memory for itself, which is taken away after its destruction. The waiter is
 * held up before each single instruction of its way out (step.h), while that happens.
 */
#include "case.h"
#include <sys/mman.h>
#include "destroyed_any.h"
#include "step.h"

static cond_lock_t lock = COND_RLOCK_INIT;

static void make_ours(void *memory)
{
    REQUIRE(cond_init(memory, &lock, 0) == 0);
}

static void destroy_ours(void *memory)
{
    REQUIRE(cond_destroy(memory) == 0);
}

static void acquire_ours(void)
{
    REQUIRE(cond_lock_acquire(&lock) == 0);
}

static void release_ours(void)
{
    REQUIRE(cond_lock_release(&lock) == 0);
}

static void wait_ours(void *memory)
{
    REQUIRE(cond_wait(memory, COND_FOREVER) == 0);
}

static void notify_all_ours(void *memory)
{
    REQUIRE(cond_notify_all(memory) == 0);
}

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
        /* (A destroy may wait for the woken ones: then the waiter must go on some time.) */
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
            verdict(WELL, "not touched again, wherever a woken waiter was held up: %d instructions", at);
    }
}
