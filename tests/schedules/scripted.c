/* SPDX-License-Identifier: MIT */
#include "scripted.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "condvar.h"
#include "coroutine.h"
#include "port.h"
#include "port_shared.h"

void condvar_step(void); /* called by src/atomic.h */

enum { CHOICES_MAX = 1 << 16 };

struct thread {
    struct coroutine *coroutine;
    enum { READY, SLEEPING, UNTIL, DONE } state;
    bool killed;
    bool (*true_now)(void); /* while UNTIL */
    const uint32_t *word; /* while SLEEPING */
    uint32_t expected;
    int64_t deadline_ns;
    uint64_t since; /* the number of this sleep: sleepers are woken first in, first out */
    unsigned system_calls;
    void *local; /* port_local() */
};

/* The last one, beyond the scenario's threads, runs quiet(). */
static struct thread threads[SCHED_THREADS_MAX + 1];
static struct coroutine *scheduler;
static struct thread *running; /* NULL: outside */
static const struct scenario *scenario;
static unsigned thread_count;
static int64_t now_ns;
static uint64_t sleeps;
static unsigned preemptions_left, early_returns_left, kills_left;
/* How often no thread was ready before a deadline; and this number at the last wake-up, and when threads last made
   progress. */
static unsigned stalls, stalls_at_wakeup, stalls_at_progress;
static bool quiet_done;
static unsigned deeper;

/* A port that breaks its contract, or does only what the contract asks for. */
static bool port_is_early;    /* port_wait() always returns early, when no other thread can run */
static bool port_is_mute;     /* port_wake() wakes no thread */
static bool port_is_timeless; /* port_wait() ignores deadlines */

/* The robust mutexes of this schedule: the owner's port_self(), and whether the last owner died. */
struct robust {
    uint32_t owner;
    uint32_t died;
};
static struct robust *robust_mutexes[SCHED_ROBUST_MAX];
static unsigned robust_count;

/* The schedule: each choice, and out of how many. */
static struct { uint16_t chosen, of; } choices[CHOICES_MAX];
static unsigned choice_count, replay_count;
static bool random_mode;
static uint64_t random_state;

/* Or a script. It may choose all that a random schedule may. */
static uint8_t (*script)(void);
enum { STEPS_MAX = 1 << 25 };
static unsigned long steps;
static unsigned script_steps; /* so many steps until the script chooses the next thread */
static bool preemptible = true;
static unsigned long switches;

void (*sched_failed)(void);
static uint32_t process = 1;

static uint64_t next_random(void)
{
    /* xorshift64*, Vigna 2016 */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

static void print_schedule(void)
{
    fprintf(stderr, "schedule of %s:", scenario->name);
    for (unsigned i = 0; i < choice_count && i < 400; i++)
        fprintf(stderr, " %u", choices[i].chosen);
    fprintf(stderr, "\n");
}

_Noreturn void sched_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
    for (unsigned i = 0; i < thread_count; i++)
        fprintf(stderr, "thread %u: %s\n", i,
                threads[i].state == DONE ? "done" : threads[i].state == SLEEPING ? "sleeps in the port"
                : threads[i].state == UNTIL ? "waits for the test" : "ready");
    if (choice_count > 0)
        print_schedule();
    if (sched_failed != NULL)
        sched_failed();
    fflush(stderr);
    _Exit(1);
}

/* Returns one of 0 to `of` - 1. The search begins with 0. */
static unsigned choose(unsigned of)
{
    unsigned chosen = 0;
    if (of < 2)
        return 0;
    if (script != NULL)
        return script() % of;
    if (choice_count == CHOICES_MAX)
        sched_fail(__FILE__, __LINE__, "the schedule is too long: threads that never end?");
    if (random_mode)
        chosen = (unsigned)(next_random() >> 33) % of;
    else if (choice_count < replay_count)
        chosen = choices[choice_count].chosen;
    choices[choice_count].chosen = (uint16_t)chosen;
    choices[choice_count].of = (uint16_t)of;
    choice_count++;
    return chosen;
}

/* ---- Coroutines ---- */

static void thread_main(void *arg)
{
    struct thread *self = arg;
    if (self == &threads[SCHED_THREADS_MAX])
        scenario->quiet();
    else
        scenario->body((unsigned)(self - threads));
    self->state = DONE;
    stalls_at_wakeup = stalls;
    running = NULL;
    coroutine_leave(scheduler);
}

static void thread_start(struct thread *thread)
{
    if (scheduler == NULL)
        scheduler = coroutine_new();
    if (thread->coroutine == NULL)
        thread->coroutine = coroutine_new();
    thread->state = READY;
    thread->killed = false;
    thread->system_calls = 0;
    coroutine_start(thread->coroutine, thread_main, thread);
}

/* Switches from the scheduler to a thread, until the thread yields. */
static void thread_resume(struct thread *thread)
{
    running = thread;
    coroutine_switch(thread->coroutine);
}

/* Switches back to the scheduler, which runs this thread again when it is chosen. */
static void yield(void)
{
    running = NULL;
    coroutine_switch(scheduler);
}

/* ---- Scheduling ---- */

static struct thread *quiet_thread(void) { return &threads[SCHED_THREADS_MAX]; }

static bool is_ready(struct thread *thread)
{
    if (thread->state == UNTIL && thread->true_now())
        thread->state = READY;
    return thread->state == READY;
}

/* Frees its robust mutexes. Their next owner gets EOWNERDEAD. */
static void orphan_mutexes(const struct thread *thread)
{
    uint32_t self = (uint32_t)(16 + 16 * (thread - threads));
    for (unsigned i = 0; i < robust_count; i++) {
        if (robust_mutexes[i]->owner == self) {
            robust_mutexes[i]->owner = 0;
            robust_mutexes[i]->died = 1;
        }
        /* The kernel also does this for a thread that dies between its wake-up and its compare-exchange. */
        if (robust_mutexes[i]->owner == 0)
            (void)port_wake_shared(&robust_mutexes[i]->owner, 1);
    }
}

static void kill_thread(struct thread *thread)
{
    thread->state = DONE;
    thread->killed = true;
    kills_left--;
    orphan_mutexes(thread);
}

void sched_die_and_go_on(void)
{
    orphan_mutexes(running);
    sched_step();
}

/* A thread may die now. */
static void maybe_kill(void)
{
    struct thread *options[SCHED_THREADS_MAX];
    unsigned count = 0;
    if (kills_left == 0 || (random_mode && next_random() % 16 != 0))
        return;
    for (unsigned i = 0; i < scenario->mortal; i++)
        if (threads[i].state != DONE)
            options[count++] = &threads[i];
    unsigned chosen = choose(count + 1);
    if (chosen > 0)
        kill_thread(options[chosen - 1]);
}

/* The longest sleeper, if it may return early now. The caller has no ready thread, so that the scheduler is fair. A
   deadline comes first once all threads have returned early in vain. */
static struct thread *next_early(const struct thread *with_deadline)
{
    struct thread *longest = NULL;
    if (!port_is_early || (with_deadline != NULL && stalls - stalls_at_wakeup > 2 * thread_count))
        return NULL;
    for (unsigned i = 0; i < thread_count; i++)
        if (threads[i].state == SLEEPING && (longest == NULL || threads[i].since < longest->since))
            longest = &threads[i];
    return longest;
}

/* The script's choice out of `count`, and for how many steps it lasts: none, a few, or many. */
static unsigned choose_by_script(unsigned count)
{
    unsigned byte = script();
    unsigned length = byte / 8;
    script_steps = length == 0 ? 4096 : length < 20 ? length - 1 : 1u << (length - 16);
    return byte % 8 % count;
}

/* Chooses what happens next: a ready thread runs, or a sleeper's deadline passes. If `current` is ready it is the
   first option, and the others are preemptions. Ready threads come before deadlines. */
static struct thread *next_thread(struct thread *current)
{
    struct thread *options[SCHED_THREADS_MAX + 1], *early = NULL;
    unsigned count = 0, timers = 0;
    maybe_kill();
    bool on = current != NULL && is_ready(current);
    if (on)
        options[count++] = current;
    if (!on || preemptions_left > 0 || random_mode) {
        for (unsigned i = 0; i <= SCHED_THREADS_MAX; i++) {
            if (i >= thread_count && i != SCHED_THREADS_MAX)
                continue;
            if (&threads[i] != current && is_ready(&threads[i]))
                options[count++] = &threads[i];
        }
        timers = count;
        struct thread *earliest = NULL;
        unsigned at = timers;
        for (unsigned i = 0; i < thread_count; i++) {
            if (threads[i].state != SLEEPING || threads[i].deadline_ns == COND_FOREVER)
                continue;
            if (random_mode)
                options[count++] = &threads[i]; /* a thread may also wake up after its deadline */
            if (earliest == NULL || threads[i].deadline_ns < earliest->deadline_ns) {
                earliest = &threads[i];
                at = count - 1;
            }
        }
        if (earliest != NULL && !random_mode) {
            options[count++] = earliest;
        } else if (earliest != NULL) {
            /* The earliest first, so that a script that has ended is fair to all threads with a heartbeat. */
            options[at] = options[timers];
            options[timers] = earliest;
        }
        if (timers == 0 && (early = next_early(earliest)) != NULL) {
            options[0] = early;
            count = 1;
        }
        /* A deadline before a ready thread is a preemption of all ready threads. */
        if (timers > 0 && preemptions_left == 0 && !random_mode)
            count = timers;
    }
    if (count == 0)
        return NULL;
    stalls += timers == 0 && !on;
    /* A heartbeat that finds nothing is no progress. Two waiters of a shared condition may wake each other at each
       heartbeat: there is a grant, and both predicates are false. Those wake-ups are no progress either. */
    if (stalls - stalls_at_wakeup > 4 * thread_count ||
        (script != NULL && stalls - stalls_at_progress > 64 * thread_count)) {
        sched_progress();
        return NULL;
    }
    unsigned chosen;
    if (script != NULL)
        chosen = choose_by_script(count);
    else if (random_mode && on && next_random() % 4 != 0)
        chosen = 0; /* long runs of one thread find more than uniform choices */
    else
        chosen = choose(count);
    struct thread *next = options[chosen];
    switches += next != current;
    if (!random_mode && ((on && chosen != 0) || (!on && timers > 0 && chosen >= timers)))
        preemptions_left--;
    if (next->state == SLEEPING) {
        if (next->deadline_ns > now_ns && early == NULL)
            now_ns = next->deadline_ns;
        next->state = READY;
    }
    return next;
}

static void run_schedule(void)
{
    thread_count = scenario->threads;
    now_ns = COND_SEC(1000);
    sleeps = 0;
    choice_count = 0;
    preemptions_left = scenario->preemptions + deeper;
    early_returns_left = scenario->early_returns;
    kills_left = scenario->kills;
    stalls = stalls_at_wakeup = stalls_at_progress = 0;
    robust_count = 0;
    switches = steps = 0;
    script_steps = 0;
    preemptible = true;
    process = 1;
    quiet_done = false;
    quiet_thread()->state = DONE;
    scenario->setup();
    for (unsigned i = 0; i < thread_count; i++)
        thread_start(&threads[i]);

    struct thread *current = NULL;
    for (;;) {
        current = next_thread(current);
        if (current == NULL) {
            bool all_done = quiet_thread()->state == DONE;
            for (unsigned i = 0; i < thread_count; i++)
                all_done = all_done && threads[i].state == DONE;
            if (all_done)
                break;
            if (scenario->quiet == NULL || (quiet_done && script == NULL) || quiet_thread()->state != DONE)
                sched_fail(__FILE__, __LINE__, "a thread sleeps that no thread will wake");
            quiet_done = true;
            current = quiet_thread();
            thread_start(current);
        }
        thread_resume(current);
    }
    if (scenario->check != NULL)
        scenario->check();
}

/* The next schedule of the search: the last choice that has an option left takes it. */
static bool next_schedule(void)
{
    while (choice_count > 0) {
        choice_count--;
        if (choices[choice_count].chosen + 1u < choices[choice_count].of) {
            choices[choice_count].chosen++;
            replay_count = choice_count + 1;
            return true;
        }
    }
    return false;
}

struct exploration {
    uint64_t seed;
    unsigned more_preemptions;
    unsigned long at_most;
};

static void explore(const struct scenario *what, const struct exploration *how)
{
    unsigned long limit = how->at_most > 0 ? how->at_most : (unsigned long)-1;
    unsigned long schedules = 0;
    scenario = what;
    deeper = what->preemptions > 0 ? how->more_preemptions : 0;
    if (scenario->threads > SCHED_THREADS_MAX)
        sched_fail(__FILE__, __LINE__, "too many threads");
    random_mode = false;
    replay_count = 0;
    bool more = scenario->preemptions > 0;
    while (more && schedules < limit) {
        run_schedule();
        schedules++;
        more = next_schedule();
    }
    if (schedules > 0)
        printf("%-28s %9lu schedules: %s with at most %u preemptions\n", scenario->name, schedules,
               more ? "the first" : "all", scenario->preemptions + deeper);
    fflush(stdout);
    random_mode = true;
    for (schedules = 0; schedules < scenario->random_schedules && schedules < limit; schedules++) {
        random_state = (how->seed + schedules) * UINT64_C(0x9E3779B97F4A7C15) + 1;
        run_schedule();
    }
    if (schedules > 0)
        printf("%-28s %9lu schedules: random, from seed %llu\n", scenario->name, schedules,
               (unsigned long long)how->seed);
    fflush(stdout);
}

int sched_main(int argc, char **argv, const struct scenario *scenarios, unsigned count)
{
    const char *only = argc > 1 ? argv[1] : "all";
    struct exploration how = {
        .seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1,
        .more_preemptions = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 0,
        .at_most = argc > 4 ? strtoul(argv[4], NULL, 0) : 0,
    };
    const char *port = argc > 5 ? argv[5] : "";
    port_is_early = strstr(port, "early") != NULL;
    port_is_mute = strstr(port, "mute") != NULL;
    port_is_timeless = strstr(port, "timeless") != NULL;
    bool found = false;
    for (unsigned i = 0; i < count; i++)
        if (strcmp(only, "all") == 0 || strcmp(only, scenarios[i].name) == 0)
            explore(&scenarios[i], &how), found = true;
    if (!found)
        fprintf(stderr, "usage: %s [SCENARIO | all] [SEED] [MORE-PREEMPTIONS] [AT-MOST-SCHEDULES] [PORT]\n", argv[0]);
    return found ? 0 : 2;
}

void sched_run_once(const struct scenario *what)
{
    scenario = what;
    deeper = 0;
    random_mode = false;
    replay_count = 0;
    run_schedule();
    printf("%s: passed\n", scenario->name);
}

void sched_run_script(const struct scenario *what, uint8_t (*next_byte)(void))
{
    scenario = what;
    deeper = 0;
    random_mode = true;
    script = next_byte;
    run_schedule();
    script = NULL;
}

void sched_preemptible(bool yes) { preemptible = yes; }
unsigned long sched_switches(void) { return switches; }
void sched_be_process(uint32_t number) { process = number; }

void sched_step(void)
{
    if (running == NULL || (preemptions_left == 0 && !random_mode))
        return;
    if (script != NULL) {
        if (++steps > STEPS_MAX)
            sched_fail(__FILE__, __LINE__, "the schedule is too long: threads that never end?");
        if (!preemptible || script_steps > 0) {
            script_steps -= script_steps > 0;
            return;
        }
    }
    yield();
}

void condvar_step(void) { sched_step(); }

void sched_advance(int64_t ns)
{
    sched_step();
    now_ns += ns;
}

void sched_progress(void)
{
    stalls_at_wakeup = stalls_at_progress = stalls;
}

void sched_until(bool (*true_now)(void))
{
    while (!true_now()) {
        running->state = UNTIL;
        running->true_now = true_now;
        yield();
    }
}

bool sched_ended(unsigned thread) { return threads[thread].state == DONE; }
bool sched_killed(unsigned thread) { return threads[thread].killed; }
bool sched_blocked(unsigned thread) { return threads[thread].state == SLEEPING; }

bool sched_blocked_on(unsigned thread, const uint32_t *word)
{
    return sched_blocked(thread) && threads[thread].word == word;
}

unsigned sched_stalls(void)
{
    return port_is_early ? 0 : stalls; /* an early port never counts as prompt */
}

unsigned sched_system_calls(void) { return running != NULL ? running->system_calls : 0; }

/* ---- The fake kernel ---- */

void port_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    struct thread *self = running;
    if (self == NULL)
        sched_fail(__FILE__, __LINE__, "sleeping outside of a thread");
    self->system_calls++;
    sched_step();
    if (port_is_timeless)
        deadline_ns = COND_FOREVER;
    if (*word != expected || deadline_ns <= now_ns)
        return;
    if (port_is_early && (self->word != word || self->expected != expected))
        stalls_at_wakeup = stalls; /* the last early return was of use */
    if (early_returns_left > 0 && choose(2) == 1) {
        early_returns_left--;
        return;
    }
    self->state = SLEEPING;
    self->word = word;
    self->expected = expected;
    self->deadline_ns = deadline_ns;
    self->since = ++sleeps;
    yield();
}

uint32_t port_wake_shared(const uint32_t *word, uint32_t count)
{
    uint32_t woken = 0;
    for (; woken < count; woken++) {
        struct thread *longest = NULL;
        for (unsigned i = 0; i <= thread_count; i++) {
            struct thread *thread = i < thread_count ? &threads[i] : quiet_thread();
            if (thread->state == SLEEPING && thread->word == word &&
                (longest == NULL || thread->since < longest->since))
                longest = thread;
        }
        if (longest == NULL)
            break;
        stalls_at_wakeup = stalls;
        if (port_is_mute)
            break;
        longest->state = READY;
    }
    return woken;
}

void port_wake(const uint32_t *word, uint32_t count)
{
    if (running != NULL)
        running->system_calls++;
    sched_step();
    (void)port_wake_shared(word, count);
}

void port_wait_shared(const uint32_t *word, uint32_t expected, int64_t deadline_ns)
{
    port_wait(word, expected, deadline_ns);
}

/* ---- The fake robust mutex ---- */

int robust_init(void *mutex)
{
    if (robust_count == SCHED_ROBUST_MAX)
        return ENOMEM;
    *(struct robust *)mutex = (struct robust){0, 0};
    robust_mutexes[robust_count++] = mutex;
    return 0;
}

void robust_destroy(void *mutex)
{
    for (unsigned i = 0; i < robust_count; i++)
        if (robust_mutexes[i] == mutex)
            robust_mutexes[i] = robust_mutexes[--robust_count];
}

void sched_holders_die(void)
{
    for (unsigned i = 0; i < robust_count; i++)
        if (robust_mutexes[i]->owner != 0)
            *robust_mutexes[i] = (struct robust){.owner = 0, .died = 1};
}

int robust_acquire(void *mutex, int64_t deadline_ns)
{
    struct robust *robust = mutex;
    uint32_t self = (uint32_t)port_self();
    sched_step();
    if (robust->owner == self)
        return EDEADLK;
    while (robust->owner != 0) {
        if (deadline_ns <= now_ns)
            return ETIMEDOUT;
        port_wait(&robust->owner, robust->owner, deadline_ns);
    }
    robust->owner = self;
    bool died = robust->died != 0;
    robust->died = 0;
    return died ? EOWNERDEAD : 0;
}

int robust_release(void *mutex)
{
    struct robust *robust = mutex;
    if (robust->owner != (uint32_t)port_self())
        return EPERM;
    robust->owner = 0;
    (void)port_wake_shared(&robust->owner, 1);
    sched_step();
    return 0;
}

uint32_t port_process(void) { return process; }
int64_t port_now(void) { return now_ns; }
uintptr_t port_self(void) { return running != NULL ? 16 + 16 * (uintptr_t)(running - threads) : 8; }

void **port_local(void)
{
    static void *outside;
    return running != NULL ? &running->local : &outside;
}
