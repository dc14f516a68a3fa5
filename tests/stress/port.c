/* SPDX-License-Identifier: MIT */
/*
 * The port without the library above it: what src/port.h promises, as far as a test can see. A sleep may always return
 * early, so nothing is said of early returns; but each thread that must be woken returns.
 */
#include "stress.h"
#include <errno.h>
#include "atomic.h"
#include "port.h"

enum { WORDS = 100, THREADS = 8 };

static void sleep_until_it_is(const uint32_t *word, uint32_t value)
{
    for (uint32_t now; (now = a_load(word, acquire)) != value;)
        port_wait(word, now, COND_FOREVER);
}

/* ---- Alone ---- */

/* Each of these returns by itself. */
static void check_returns(void)
{
    static const int64_t past[] = {INT64_MIN, -1, 0, 1};
    uint32_t word = 1;
    errno = ENOTTY;
    port_wait(&word, 2, COND_FOREVER);
    port_wait(&word, 2, port_now() + COND_SEC(1000000));
    for (size_t i = 0; i < sizeof past / sizeof *past; i++)
        port_wait(&word, 1, past[i]);
    for (int64_t ns = 1; ns < COND_MS(50); ns *= 7) {
        int64_t deadline_ns = port_now() + ns;
        while (port_now() < deadline_ns)
            port_wait(&word, 1, deadline_ns);
    }
    CHECK_EQ(errno, ENOTTY);
    CHECK_EQ(word, 1);
}

/* No thread sleeps there, or no memory is there: it is only an address. */
static void check_wakes_none(void)
{
    uint32_t word = 1;
    errno = ENOTTY;
    port_wake(&word, 0);
    port_wake(&word, 1);
    port_wake(&word, UINT32_MAX);
    port_wake((const uint32_t *)(uintptr_t)4096, 1);
    CHECK_EQ(errno, ENOTTY);
}

/* ---- Numbers and places of threads ---- */

struct identity {
    pthread_t thread;
    atomic_bool *stops;
    _Atomic uintptr_t self;
    void *local;
};

static void *check_identity(void *arg)
{
    struct identity *identity = arg;
    uintptr_t self = port_self();
    CHECK(*port_local() == NULL, "a new thread's place is not empty");
    *port_local() = identity;
    atomic_store(&identity->self, self);
    while (!atomic_load(identity->stops))
        stress_yield();
    CHECK(port_self() == self, "a thread has two numbers");
    identity->local = *port_local();
    return NULL;
}

static void check_identities(void)
{
    atomic_bool stops = false;
    struct identity identities[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        identities[i].stops = &stops;
        atomic_init(&identities[i].self, 0);
        identities[i].thread = stress_start(check_identity, &identities[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        while (atomic_load(&identities[i].self) == 0)
            stress_yield();
        uintptr_t self = atomic_load(&identities[i].self);
        CHECK(self % 2 == 0, "an odd number");
        CHECK(self != port_self(), "two threads have one number");
        for (unsigned j = 0; j < i; j++)
            CHECK(self != atomic_load(&identities[j].self), "two threads have one number");
    }
    atomic_store(&stops, true);
    for (unsigned i = 0; i < THREADS; i++) {
        stress_join(identities[i].thread);
        CHECK(identities[i].local == &identities[i], "two threads have one place");
    }
}

/* ---- Many on many words ---- */

/* Each thread sleeps on a word of its own; there are more words than a port may have queues. They are woken one by one.
   */
static uint32_t words[WORDS];

static void *sleep_on_it(void *arg)
{
    uint32_t *word = arg;
    a_store(word, 1, release); /* about to sleep */
    for (uint32_t now; (now = a_load(word, acquire)) != 2;)
        port_wait(word, now, word - words < WORDS / 2 ? COND_FOREVER : port_now() + COND_SEC(1000000));
    return NULL;
}

static void check_each_by_itself(void)
{
    pthread_t threads[WORDS];
    for (unsigned i = 0; i < WORDS; i++) {
        words[i] = 0;
        threads[i] = stress_start(sleep_on_it, &words[i]);
    }
    for (unsigned i = 0; i < WORDS; i++)
        while (a_load(&words[i], acquire) == 0)
            stress_yield();
    stress_sleep_until(cond_now() + COND_MS(20)); /* so that most are asleep; the test is right without it */
    for (unsigned i = WORDS; i-- > 0;) {
        a_store(&words[i], 2, release);
        port_wake(&words[i], 1);
        stress_join(threads[i]);
    }
}

/* Many threads sleep on one word. They are woken one at a time, and then all at once. */
static uint32_t tokens; /* not taken yet */
static uint32_t taken;

static void *take_token(void *arg)
{
    (void)arg;
    for (uint32_t now = a_load(&tokens, acquire);;) {
        if (now == 0) {
            port_wait(&tokens, 0, COND_FOREVER);
            now = a_load(&tokens, acquire);
        } else if (a_cas_weak(&tokens, &now, now - 1, acq_rel, acquire)) {
            (void)atomic_fetch_add((_Atomic uint32_t *)&taken, 1);
            return NULL;
        }
    }
}

static void check_one_at_a_time(bool all)
{
    pthread_t threads[THREADS];
    tokens = taken = 0;
    for (unsigned i = 0; i < THREADS; i++)
        threads[i] = stress_start(take_token, NULL);
    stress_sleep_until(cond_now() + COND_MS(5));
    for (unsigned i = 0; i < THREADS && !all; i++) {
        (void)atomic_fetch_add((_Atomic uint32_t *)&tokens, 1);
        port_wake(&tokens, 1);
        while (a_load(&taken, acquire) != i + 1)
            stress_yield();
    }
    if (all) {
        a_store(&tokens, THREADS, release);
        port_wake(&tokens, UINT32_MAX);
    }
    stress_join_all(threads, THREADS);
}

/* Two threads and two words: a wake-up between the read and the sleep is not lost. */
struct side {
    uint32_t *mine, *other;
    unsigned rounds;
};

static void *bounce(void *arg)
{
    const struct side *side = arg;
    for (uint32_t round = 1; round <= side->rounds; round++) {
        sleep_until_it_is(side->mine, round);
        a_store(side->other, round + (side->other < side->mine), release);
        port_wake(side->other, 1);
    }
    return NULL;
}

static void check_no_wake_up_is_lost(void)
{
    static uint32_t ball[2];
    unsigned rounds = stress_rounds(20000);
    struct side sides[2] = {{&ball[0], &ball[1], rounds}, {&ball[1], &ball[0], rounds}};
    ball[0] = 1;
    ball[1] = 0;
    pthread_t threads[2];
    for (unsigned i = 0; i < 2; i++)
        threads[i] = stress_start(bounce, &sides[i]);
    stress_join_all(threads, 2);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    check_returns();
    check_wakes_none();
    check_identities();
    for (unsigned round = 0; round < stress_rounds(10); round++) {
        check_each_by_itself();
        check_one_at_a_time(false);
        check_one_at_a_time(true);
    }
    check_no_wake_up_is_lost();
    return 0;
}
