// SPDX-License-Identifier: MIT
// The peers of destroyed.c.
#include "destroyed_any.h"
#include <condition_variable>
#include <mutex>
#include <new>

namespace {

std::mutex mutex;

void acquire() { mutex.lock(); }
void release() { mutex.unlock(); }

// As libstdc++'s was at first, and as one would write it.
class with_own_mutex {
    std::mutex own;
    std::condition_variable cond;

public:
    template<typename lock> void wait(lock &outer)
    {
        {
            std::unique_lock<std::mutex> hold(own);
            outer.unlock();
            cond.wait(hold);
        }
        outer.lock();
    }

    void notify_all()
    {
        std::lock_guard<std::mutex> hold(own);
        cond.notify_all();
    }
};

template<typename condition> struct calls {
    static void make(void *memory) { new (memory) condition; }
    static void destroy(void *memory) { static_cast<condition *>(memory)->~condition(); }
    static void wait(void *memory) { static_cast<condition *>(memory)->wait(mutex); }
    static void notify_all(void *memory) { static_cast<condition *>(memory)->notify_all(); }
};

template<typename condition> constexpr kind kind_of(const char *name)
{
    return {name,    sizeof(condition), calls<condition>::make, calls<condition>::destroy,
            acquire, release,           calls<condition>::wait, calls<condition>::notify_all};
}

} // namespace

const kind libstdcxx_any = kind_of<std::condition_variable_any>("libstdc++");
const kind model_any = kind_of<with_own_mutex>("model");
