// SPDX-License-Identifier: MIT
//
// The machine of machine.h: ThreadSanitizer's functions and the library's port over Relacy, and the program
// that runs the scenarios on it.
//
// Each accessed byte has a cell with its last accesses, in the simulator's vector clocks. A word that is accessed
// atomically also has the simulator's record of its values. The record begins with the value in memory and ends with
// the next plain write, since each wait has a new waiter node on the same stack.
#define RL_DO_ASSERT 1
#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef errno
#include <cerrno>
#include <cstdio>
#include "machine.h"

namespace {

enum { GRANULE = 8, BUCKETS = 4096, HISTORY = rl::atomic_history_size };

typedef uint32_t ticks; // the simulator's time stamps of one schedule are small

struct cell {
    unsigned writer;
    ticks written; // 0: never
    ticks read[MACHINE_THREADS], atomic_written[MACHINE_THREADS], atomic_read[MACHINE_THREADS];
};

// The values of a word, and the simulator's record of which thread may read which.
struct word {
    rl::atomic_data *record; // or NULL
    size_t size;
    uint64_t values[HISTORY];
    uint64_t latest;
};

struct granule {
    uintptr_t address; // 0: unused
    cell cells[GRANULE];
    word words[GRANULE]; // by their first byte
};

granule granules[BUCKETS];
unsigned used[BUCKETS], used_count;

struct sleeper {
    const uint32_t *word; // NULL: awake
};

struct mutex { // robust, for processes that do not die
    const void *address;
    int owner; // -1: free
    rl::timestamp_t order[MACHINE_THREADS];
};

struct {
    const scenario *what;
    void (*unseen)(rl::atomic_data *record, unsigned index);
    sleeper sleepers[MACHINE_THREADS];
    mutex mutexes[4];
    unsigned mutex_count;
    int64_t now_ns;
    bool early; // in this schedule, the port may return early
    bool patient; // in this schedule, no sleep for a lock ends by TUNING_STARVATION_NS, which would hide a lost wake-up
    unsigned delayed, delayed_at, delay; // in this schedule: the thread, the step before which it stops, and for how long
    unsigned steps[MACHINE_THREADS];
    unsigned depth[MACHINE_THREADS];
    void *local[MACHINE_THREADS];
} machine;

unsigned self() { return rl::ctx().threadx_->index_; }
void fail(const char *what, rl::test_result_e result) { rl::ctx().fail_test(what, result, RL_INFO); }

// ---- The printed history of a schedule ----

struct event {
    const char *what;
    const void *address;
    unsigned size;
    uint64_t value;
    const void *place;

    void output(std::ostream &out) const
    {
        out << what << " " << size << " bytes at " << address << ": " << value << " (from " << place << ")";
    }
};

void log(const char *what, const volatile void *address, unsigned size, uint64_t value, const void *place)
{
    rl::context &c = rl::ctx();
    if (c.collecting_history()) {
        event e = {what, const_cast<const void *>(address), size, value, place};
        c.exec_log(RL_INFO, e);
    }
}

// ---- Cells ----

granule &granule_of(uintptr_t address)
{
    uintptr_t base = address / GRANULE * GRANULE;
    unsigned i = (unsigned)(base / GRANULE * 2654435761u) % BUCKETS;
    while (granules[i].address != base) {
        if (granules[i].address == 0) {
            RL_VERIFY(used_count < BUCKETS / 2);
            granules[i].address = base;
            used[used_count++] = i;
            break;
        }
        i = (i + 1) % BUCKETS;
    }
    return granules[i];
}

cell &cell_of(uintptr_t address)
{
    return granule_of(address).cells[address % GRANULE];
}

bool unordered(unsigned other, ticks when)
{
    return when != 0 && other != self() && rl::ctx().threadx_->acq_rel_order_[other] < when;
}

bool any_unordered(const ticks *when)
{
    for (unsigned other = 0; other != MACHINE_THREADS; other++)
        if (other < machine.what->threads && unordered(other, when[other]))
            return true;
    return false;
}

// A new point in the thread's own time. Others may have seen its earlier steps without this one.
ticks tick()
{
    return (ticks)++rl::ctx().threadx_->own_acq_rel_order_;
}

// A word does not extend into the next granule.
void end_words(uintptr_t address, size_t size)
{
    for (uintptr_t base = address / GRANULE * GRANULE; base < address + size; base += GRANULE) {
        granule &g = granule_of(base);
        for (unsigned i = 0; i != GRANULE; i++) {
            word &w = g.words[i];
            if (w.record != NULL && base + i < address + size && base + i + w.size > address) {
                rl::ctx().atomic_dtor(w.record);
                w.record = NULL;
            }
        }
    }
}

void plain_read(const volatile void *p, size_t size, const void *place)
{
    uintptr_t address = (uintptr_t)p;
    ticks now = tick();
    log("read", p, (unsigned)size, 0, place);
    for (size_t i = 0; i != size; i++) {
        cell &c = cell_of(address + i);
        if (unordered(c.writer, c.written) || any_unordered(c.atomic_written))
            fail("a plain read races with a write", rl::test_result_data_race);
        c.read[self()] = now;
    }
}

void plain_write(const volatile void *p, size_t size, const void *place)
{
    uintptr_t address = (uintptr_t)p;
    ticks now = tick();
    log("write", p, (unsigned)size, 0, place);
    for (size_t i = 0; i != size; i++) {
        cell &c = cell_of(address + i);
        if (unordered(c.writer, c.written) || any_unordered(c.read) || any_unordered(c.atomic_read) ||
            any_unordered(c.atomic_written))
            fail("a plain write races with another access", rl::test_result_data_race);
        c = cell();
        c.writer = self();
        c.written = now;
    }
    end_words(address, size);
}

// The frames below this address have ended, and the next call reuses their memory.
void stack_is_free(uintptr_t below)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    for (unsigned i = 0; i != used_count; i++) {
        granule &g = granules[used[i]];
        if (g.address < below && g.address > here - 8192)
            plain_write((void *)g.address, GRANULE, NULL);
    }
}

// ---- Steps ----

// Other threads may run here. Relacy chooses at each step, so one thread seldom makes many steps while another makes
// none. So in some schedules one thread stops for a while, like a preempted thread.
void step()
{
    rl::context &c = rl::ctx();
    if (machine.steps[self()]++ == machine.delayed_at && self() == machine.delayed)
        for (unsigned i = 0; i != machine.delay; i++)
            c.sched();
    c.sched();
}

// ---- Words ----

uint64_t in_memory(const volatile void *p, size_t size)
{
    uint64_t value = 0;
    memcpy(&value, const_cast<const void *>(p), size);
    return value;
}

word &word_of(const volatile void *p, size_t size)
{
    uintptr_t address = (uintptr_t)p;
    for (size_t i = 0; i != size; i++) {
        cell &c = cell_of(address + i);
        if (unordered(c.writer, c.written))
            fail("an atomic operation races with a plain write", rl::test_result_data_race);
    }
    word &w = granule_of(address).words[address % GRANULE];
    if (w.record == NULL) {
        w.record = rl::ctx().atomic_ctor(&w);
        w.size = size;
        w.latest = in_memory(p, size);
        unsigned index = rl::ctx().threadx_->atomic_init(w.record);
        w.values[index] = w.latest;
        machine.unseen(w.record, index);
    }
    return w;
}

enum access { READ, WRITE };

void accessed(const volatile void *p, size_t size, access how)
{
    ticks now = (ticks)rl::ctx().threadx_->own_acq_rel_order_;
    for (size_t i = 0; i != size; i++) {
        cell &c = cell_of((uintptr_t)p + i);
        (how == WRITE ? c.atomic_written : c.atomic_read)[self()] = now;
    }
}

// A plain read of an atomic write is a race like any other.
uint64_t written(word &w, volatile void *p, size_t size, unsigned index, uint64_t value)
{
    uint64_t before = w.latest;
    w.values[index] = w.latest = value;
    memcpy(const_cast<void *>(p), &value, size);
    accessed(p, size, WRITE);
    return before;
}

bool acquires(int order)
{
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

bool releases(int order)
{
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

// The library has no sequentially consistent operation, so this does not support one.
void know(int order) { RL_VERIFY(order != __ATOMIC_SEQ_CST && order != __ATOMIC_CONSUME); }

uint64_t load(const volatile void *p, size_t size, int order, const void *place)
{
    know(order);
    step();
    word &w = word_of(p, size);
    rl::thread_info_base &thread = *rl::ctx().threadx_;
    unsigned index =
        acquires(order) ? thread.atomic_load_acquire(w.record) : thread.atomic_load_relaxed(w.record);
    accessed(p, size, READ);
    log(acquires(order) ? "load acquire" : "load relaxed", p, (unsigned)size, w.values[index], place);
    return w.values[index];
}

void store(volatile void *p, size_t size, uint64_t value, int order, const void *place)
{
    know(order);
    step();
    word &w = word_of(p, size);
    rl::thread_info_base &thread = *rl::ctx().threadx_;
    log(releases(order) ? "store release" : "store relaxed", p, (unsigned)size, value, place);
    unsigned index =
        releases(order) ? thread.atomic_store_release(w.record) : thread.atomic_store_relaxed(w.record);
    (void)written(w, p, size, index, value);
}

unsigned modify(word &w, int order)
{
    rl::thread_info_base &thread = *rl::ctx().threadx_;
    bool aba;
    if (acquires(order) && releases(order))
        return thread.atomic_rmw_acq_rel(w.record, aba);
    if (acquires(order))
        return thread.atomic_rmw_acquire(w.record, aba);
    return releases(order) ? thread.atomic_rmw_release(w.record, aba) : thread.atomic_rmw_relaxed(w.record, aba);
}

uint64_t exchange(volatile void *p, size_t size, uint64_t value, int order, const void *place)
{
    know(order);
    step();
    word &w = word_of(p, size);
    log("exchange", p, (unsigned)size, value, place);
    return written(w, p, size, modify(w, order), value);
}

bool compare_exchange(volatile void *p, size_t size, void *expected, uint64_t value, int order, int failure,
                      bool weak, const void *place)
{
    know(order);
    step();
    word &w = word_of(p, size);
    rl::context &c = rl::ctx();
    uint64_t wanted = in_memory(expected, size);
    if (w.latest == wanted && !(weak && c.rand(4, rl::sched_type_cas_fail) == 0)) {
        log("compare-exchange, done", p, (unsigned)size, value, place);
        (void)written(w, p, size, modify(w, order), value);
        return true;
    }
    if (acquires(failure))
        (void)c.threadx_->atomic_load_acquire_rmw(w.record);
    else
        (void)c.threadx_->atomic_load_relaxed_rmw(w.record);
    accessed(p, size, READ);
    memcpy(expected, &w.latest, size);
    log("compare-exchange, failed", p, (unsigned)size, w.latest, place);
    return false;
}

} // namespace

// ---- What the compiler calls ----

#define PLACE __builtin_return_address(0)

extern "C" {

void __tsan_init(void) {}

void __tsan_func_entry(void *)
{
    if (rl::is_ctx() && machine.what != NULL)
        machine.depth[self()]++;
}

// The outermost function of the library returns: its stack frame and those below have ended.
void __tsan_func_exit(void)
{
    if (--machine.depth[self()] == 1)
        stack_is_free((uintptr_t)__builtin_frame_address(1));
}

#define PLAIN(size)                                                                                     \
    void __tsan_read##size(void *p) { plain_read(p, size, PLACE); }                                     \
    void __tsan_write##size(void *p) { plain_write(p, size, PLACE); }                                   \
    void __tsan_unaligned_read##size(void *p) { plain_read(p, size, PLACE); }                           \
    void __tsan_unaligned_write##size(void *p) { plain_write(p, size, PLACE); }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *p, size_t size) { plain_read(p, size, PLACE); }
void __tsan_write_range(void *p, size_t size) { plain_write(p, size, PLACE); }

void *__tsan_memset(void *p, int value, size_t size)
{
    plain_write(p, size, PLACE);
    return memset(p, value, size);
}

void *__tsan_memcpy(void *to, const void *from, size_t size)
{
    plain_read(from, size, PLACE);
    plain_write(to, size, PLACE);
    return memcpy(to, from, size);
}

#define ATOMIC(bits)                                                                                    \
    uint##bits##_t __tsan_atomic##bits##_load(const volatile void *p, int order)                        \
    {                                                                                                   \
        return (uint##bits##_t)load(p, bits / 8, order, PLACE);                                         \
    }                                                                                                   \
    void __tsan_atomic##bits##_store(volatile void *p, uint##bits##_t value, int order)                 \
    {                                                                                                   \
        store(p, bits / 8, value, order, PLACE);                                                        \
    }                                                                                                   \
    uint##bits##_t __tsan_atomic##bits##_exchange(volatile void *p, uint##bits##_t value, int order)    \
    {                                                                                                   \
        return (uint##bits##_t)exchange(p, bits / 8, value, order, PLACE);                              \
    }                                                                                                   \
    int __tsan_atomic##bits##_compare_exchange_strong(volatile void *p, void *expected,                 \
                                                      uint##bits##_t value, int order, int failure)     \
    {                                                                                                   \
        return compare_exchange(p, bits / 8, expected, value, order, failure, false, PLACE);            \
    }                                                                                                   \
    int __tsan_atomic##bits##_compare_exchange_weak(volatile void *p, void *expected,                   \
                                                    uint##bits##_t value, int order, int failure)       \
    {                                                                                                   \
        return compare_exchange(p, bits / 8, expected, value, order, failure, true, PLACE);             \
    }
ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

// ---- The port ----

static const int64_t forever_ns = INT64_MAX;

// The word is compared with its latest value: a waker changes it first. This orders nothing else.
static void wait_on(const uint32_t *word, uint32_t expected, bool timed, int64_t deadline_ns)
{
    rl::context &c = rl::ctx();
    step();
    if (*word != expected)
        return;
    log(timed ? "sleep, with a deadline" : "sleep", word, 4, expected, PLACE);
    machine.sleepers[self()].word = word;
    rl::unpark_reason reason = c.park_current_thread(timed, machine.early, false, RL_INFO);
    machine.sleepers[self()].word = NULL;
    if (reason == rl::unpark_reason_timeout && machine.now_ns < deadline_ns)
        machine.now_ns = deadline_ns;
}

static uint32_t wake_on(const uint32_t *word, uint32_t count)
{
    rl::context &c = rl::ctx();
    uint32_t woken = 0;
    step();
    log("wake", word, 4, count, PLACE);
    for (; woken < count; woken++) {
        unsigned asleep[MACHINE_THREADS], n = 0;
        for (unsigned i = 0; i != machine.what->threads; i++)
            if (machine.sleepers[i].word == word)
                asleep[n++] = i;
        if (n == 0)
            break;
        unsigned chosen = asleep[n == 1 ? 0 : c.rand(n, rl::sched_type_user)];
        machine.sleepers[chosen].word = NULL;
        c.unpark_thread(chosen, false, RL_INFO);
    }
    return woken;
}

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    bool timed = deadline_ns != forever_ns && !(machine.patient && deadline_ns - machine.now_ns > 500000);
    wait_on(word, expected, timed, timed ? deadline_ns : 0);
}

void port_wake(const uint32_t *word, uint32_t count) { (void)wake_on(word, count); }

// Time may pass between any two reads of the clock. A millisecond is the starvation threshold.
int64_t port_now(void)
{
    static const int64_t passes_ns[] = {0, 0, 1, 1000000};
    return machine.now_ns += passes_ns[rl::ctx().rand(4, rl::sched_type_user)];
}

uintptr_t port_self(void) { return 2 * (uintptr_t)(self() + 1); }
void **port_local(void) { return &machine.local[self()]; }

// A heartbeat is the library's own deadline. It would hide what these scenarios must detect, so it never comes.
void port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    bool timed = deadline_ns - machine.now_ns < 50000000;
    wait_on(word, expected, timed, timed ? deadline_ns : 0);
}

uint32_t port_wake_shared(const uint32_t *word, uint32_t count) { return wake_on(word, count); }
uint32_t port_process(void) { return 1; }

int robust_init(void *address)
{
    RL_VERIFY(machine.mutex_count < sizeof machine.mutexes / sizeof *machine.mutexes);
    mutex &m = machine.mutexes[machine.mutex_count++];
    m.address = address;
    m.owner = -1;
    memset(m.order, 0, sizeof m.order);
    return 0;
}

void robust_destroy(void *) {}

static mutex &mutex_at(const void *address)
{
    for (unsigned i = 0; i != machine.mutex_count; i++)
        if (machine.mutexes[i].address == address)
            return machine.mutexes[i];
    RL_VERIFY(false);
    return machine.mutexes[0];
}

int robust_acquire(void *address, int64_t deadline_ns)
{
    rl::context &c = rl::ctx();
    mutex &m = mutex_at(address);
    step();
    while (m.owner != -1) {
        if (m.owner == (int)self())
            return EDEADLK;
        if (deadline_ns != forever_ns && deadline_ns <= machine.now_ns)
            return ETIMEDOUT;
        machine.sleepers[self()].word = (const uint32_t *)address;
        (void)c.park_current_thread(deadline_ns != forever_ns, false, false, RL_INFO);
        machine.sleepers[self()].word = NULL;
        if (deadline_ns != forever_ns && machine.now_ns < deadline_ns)
            machine.now_ns = deadline_ns;
    }
    m.owner = (int)self();
    tick();
    for (unsigned i = 0; i != machine.what->threads; i++)
        if (c.threadx_->acq_rel_order_[i] < m.order[i])
            c.threadx_->acq_rel_order_[i] = m.order[i];
    return 0;
}

int robust_release(void *address)
{
    rl::context &c = rl::ctx();
    mutex &m = mutex_at(address);
    step();
    if (m.owner != (int)self())
        return EPERM;
    tick();
    for (unsigned i = 0; i != machine.what->threads; i++)
        m.order[i] = c.threadx_->acq_rel_order_[i];
    m.owner = -1;
    (void)wake_on((const uint32_t *)address, UINT32_MAX);
    return 0;
}

// ---- For scenarios ----

void machine_fail(const char *what) { fail(what, rl::test_result_user_assert_failed); }
unsigned machine_choose(unsigned count) { return rl::ctx().rand(count, rl::sched_type_user); }
void machine_yield(void) { rl::ctx().yield(1, RL_INFO); }

} // extern "C"

// ---- The program ----

template<rl::thread_id_t threads> struct suite : rl::test_suite<suite<threads>, threads> {
    // No thread has read a word's first value yet. (Relacy's atomic_init() does not reset that field.)
    static void unseen(rl::atomic_data *record, unsigned index)
    {
        rl::atomic_data_impl<threads> *data = static_cast<rl::atomic_data_impl<threads> *>(record);
        for (unsigned i = 0; i != threads; i++)
            data->history_[index].first_seen_order_[i] = (rl::timestamp_t)-1;
    }

    void before()
    {
        for (unsigned i = 0; i != used_count; i++)
            granules[used[i]] = granule();
        used_count = 0;
        const scenario *what = machine.what;
        memset(&machine, 0, sizeof machine);
        machine.what = what;
        machine.unseen = unseen;
        machine.now_ns = 1000;
        machine.early = rl::rand(4) == 0;
        machine.patient = rl::rand(2) == 0;
        machine.delayed = rl::rand(threads);
        machine.delayed_at = rl::rand(48);
        machine.delay = rl::rand(2) * 100;
        what->setup();
    }

    void thread(unsigned index)
    {
        machine.depth[index] = 0;
        machine.what->body(index);
    }

    void after()
    {
        if (machine.what->check != NULL)
            machine.what->check();
        for (unsigned i = 0; i != used_count; i++)
            for (unsigned j = 0; j != GRANULE; j++)
                if (granules[used[i]].words[j].record != NULL)
                    rl::ctx().atomic_dtor(granules[used[i]].words[j].record);
    }
};

template<rl::thread_id_t threads> rl::test_result_e simulate(rl::test_params &params)
{
    std::ostringstream state;
    return rl::run_test<suite<threads>, rl::random_scheduler<threads> >(params, state, false);
}

// With `history`, the schedule that failed runs again and is printed.
static bool run(const scenario &what, unsigned long schedules, unsigned long first, bool history)
{
    std::ostream silent(NULL);
    rl::test_params params;
    params.iteration_count = first + schedules - 1;
    params.initial_state = std::to_string(first);
    params.progress_stream = &silent;
    params.output_stream = history ? &std::cout : &silent;
    params.collect_history = history;
    params.execution_depth_limit = 20000;
    machine.what = &what;
    rl::test_result_e result = what.threads == 2 ? simulate<2>(params) : simulate<3>(params);
    if (result == rl::test_result_success) {
        printf("%-28s %8lu schedules\n", what.name, schedules);
    } else if (!history) {
        printf("%s: failed: %s, in schedule %lu\n", what.name, rl::test_result_str(result),
               (unsigned long)params.stop_iteration);
    }
    fflush(stdout);
    return result == rl::test_result_success;
}

int main(int argc, char **argv)
{
    bool history = argc > 1 && strcmp(argv[1], "--history") == 0;
    argc -= history;
    argv += history;
    const char *name = argc > 1 ? argv[1] : "all";
    unsigned long schedules = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000;
    unsigned long first = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
    unsigned ran = 0;
    for (unsigned i = 0; i != scenarios_count; i++) {
        if (strcmp(name, "all") != 0 && strcmp(name, scenarios[i].name) != 0)
            continue;
        ran++;
        if (!run(scenarios[i], history ? 1 : schedules, first, history))
            return 1;
    }
    if (ran == 0 || argc > 4) {
        fprintf(stderr, "usage: machine [SCENARIO|all [SCHEDULES [FIRST]]]\n"
                        "       machine --history SCENARIO 1 ORDER\n");
        return 2;
    }
    return 0;
}
