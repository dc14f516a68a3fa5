/* SPDX-License-Identifier: MIT */
/*
 * Four producers and four consumers, all processes, with one shared bounded buffer. Every few milliseconds a random one
 * gets SIGKILL, and a new one starts:
 *
 *      shared_kill [--kills N] [--seed S]
 *
 * No process hangs; after each recover the buffer is consistent; and each published item is consumed exactly once,
 * except for those in the hand of a killed consumer: at most one a kill. In the first half the processes use
 * cond_wait_for and notify one; in the second they wait in a loop and notify all.
 *
 * How the buffer survives. Items are numbers 1, 2, 3... and number n is in slot n % CAPACITY. One store into the slot
 * publishes it, one store takes it; `made` and `taken` can be computed again from the slots. A consumer writes the
 * number into its hand before it takes the item, and clears its hand after it has recorded, without the lock, that it
 * is consumed.
 */
#include "shared_process.h"

enum { PROCESSES = 8, CAPACITY = 10, ITEMS_PER_KILL = 20000, KILLS_PER_CHECK = 16 };

struct memory {
    cond_t cond;
    _Atomic uint32_t slots[CAPACITY]; /* under the lock: 0 is free */
    _Atomic uint32_t made, taken;     /* under the lock: how many; the first process reads it without */
    bool closed;                      /* under the lock: no more items */
    bool by_hand;                     /* under the lock: wait in a loop, and notify all */
    atomic_uint recoveries, recoveries_in_wait;
    _Atomic uint32_t hands[PROCESSES]; /* by its owner; by the first process after the owner was killed */
    uint32_t limit;                    /* fixed: the maximum number of items */
    atomic_uchar consumed[];           /* how often each */
};

static struct memory *memory;

/* Checks what is true whenever the lock is free. */
static void check_buffer(void)
{
    uint32_t made = memory->made, taken = memory->taken;
    CHECK(taken <= made && made - taken <= CAPACITY, "%u made, %u taken", made, taken);
    for (uint32_t i = 1; i <= CAPACITY; i++) {
        uint32_t number = taken + i;
        CHECK_EQ(memory->slots[number % CAPACITY], number <= made ? number : 0);
    }
}

/* The last holder was killed, at any point. This process may be killed too, so each step can be repeated. */
static void recover(void)
{
    uint32_t first = UINT32_MAX, last = 0;
    for (unsigned i = 0; i < CAPACITY; i++) {
        uint32_t number = memory->slots[i];
        if (number != 0 && number < first)
            first = number;
        if (number > last)
            last = number;
    }
    /* At most one step is missing. */
    if (last > memory->made) {
        CHECK_EQ(last, memory->made + 1);
        memory->made = last;
    }
    uint32_t taken = last != 0 ? first - 1 : memory->made;
    if (taken != memory->taken) {
        CHECK_EQ(taken, memory->taken + 1);
        memory->taken = taken;
    }
    check_buffer();
    CHECK_OK(cond_recover(&memory->cond));
    memory->recoveries++;
}

static void enter(void)
{
    int error = cond_acquire(&memory->cond);
    if (error == EOWNERDEAD)
        recover();
    else
        CHECK_OK(error);
}

static bool have_room(void *arg)
{
    (void)arg;
    return memory->closed || memory->made - memory->taken < CAPACITY;
}

static bool have_item(void *arg)
{
    (void)arg;
    return memory->closed || memory->made != memory->taken;
}

static void wait_until(cond_pred_t *pred, struct rng *rng)
{
    while (!pred(NULL)) {
        bool by_hand = memory->by_hand;
        int64_t timeout_ns = rng_timeout(rng, 10, COND_MS(1));
        int error = by_hand ? cond_wait(&memory->cond, timeout_ns)
                            : cond_wait_for(&memory->cond, pred, NULL, timeout_ns);
        CHECK(error != 0 || by_hand || pred(NULL), "wait_for returned 0 for a false predicate");
        if (error == EOWNERDEAD) {
            recover();
            memory->recoveries_in_wait++;
        } else {
            CHECK(error == 0 || error == ETIMEDOUT, "wait returned %d (%s)", error, cond_strerror(error));
        }
    }
}

/* Producers and consumers wait on one condition, so a notify may choose the wrong kind. With predicates it is passed
   on; without them all must be notified. */
static void notify(void)
{
    CHECK_OK(memory->by_hand ? cond_notify_all(&memory->cond) : cond_notify(&memory->cond, 1));
}

static void produce(struct rng *rng)
{
    for (;;) {
        enter();
        wait_until(have_room, rng);
        if (memory->closed)
            break;
        uint32_t number = memory->made + 1;
        if (number <= memory->limit) {
            CHECK_EQ(memory->slots[number % CAPACITY], 0);
            memory->slots[number % CAPACITY] = number; /* published */
            memory->made = number;
            notify();
        }
        CHECK_OK(cond_release(&memory->cond));
        if (number > memory->limit)
            nap(COND_MS(1)); /* no more items: check again later whether this is the end */
    }
    CHECK_OK(cond_release(&memory->cond));
}

static void consume(unsigned process, struct rng *rng)
{
    for (;;) {
        enter();
        wait_until(have_item, rng);
        if (memory->made == memory->taken)
            break;
        uint32_t number = memory->taken + 1;
        CHECK_EQ(memory->slots[number % CAPACITY], number);
        memory->hands[process] = number;
        memory->slots[number % CAPACITY] = 0; /* taken */
        memory->taken = number;
        notify();
        CHECK_OK(cond_release(&memory->cond));
        CHECK_EQ(atomic_fetch_add(&memory->consumed[number], 1), 0);
        memory->hands[process] = 0;
    }
    CHECK_OK(cond_release(&memory->cond));
}

/* `number` modulo 8 is the index of the process; the rest counts its restarts. */
static void work(unsigned number)
{
    struct rng rng = rng_make(number + 1);
    unsigned process = number % PROCESSES;
    if (process % 2)
        consume(process, &rng);
    else
        produce(&rng);
}

static void print_progress(unsigned kills)
{
    printf("  %u kills, %u published, %u taken, %u recoveries (%u of them in wait)\n", kills, memory->made,
           memory->taken, memory->recoveries, memory->recoveries_in_wait);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    unsigned kills = take_option(&argc, argv, "--kills", 150);
    stress_begin(argc, argv);
    kills = stress_rounds(kills);
    uint32_t limit = kills < UINT32_MAX / ITEMS_PER_KILL - 1 ? (kills + 1) * ITEMS_PER_KILL : UINT32_MAX - 1;
    memory = share_memory(sizeof *memory + (size_t)limit + 1);
    memory->limit = limit;
    make_shared(&memory->cond);

    struct rng rng = rng_make(0);
    pid_t processes[PROCESSES];
    bool *lost_by_kill = calloc((size_t)limit + 1, 1); /* was in the hand of a killed consumer */
    CHECK(lost_by_kill != NULL, "out of memory");
    for (unsigned i = 0; i < PROCESSES; i++)
        processes[i] = start_process(work, i);

    int64_t next_print_ns = cond_now() + COND_SEC(1);
    for (unsigned i = 1; i <= kills; i++) {
        nap(rng_between(&rng, COND_US(200), COND_MS(4)));
        unsigned victim = (unsigned)rng_between(&rng, 0, PROCESSES - 1);
        kill_process(processes[victim]);
        lost_by_kill[memory->hands[victim]] = true;
        memory->hands[victim] = 0;
        processes[victim] = start_process(work, victim + i * PROCESSES);
        check_children();
        if (i == kills / 2 + 1) {
            enter();
            memory->by_hand = true;
            CHECK_OK(cond_notify_all(&memory->cond));
            CHECK_OK(cond_release(&memory->cond));
        }
        if (i % KILLS_PER_CHECK == 0) {
            /* A kill may wake a stuck process, so now and then there are no kills, and the processes must make
               progress. */
            uint32_t before = memory->taken;
            AWAIT(memory->taken - before >= 5 * CAPACITY || memory->made == memory->limit);
        }
        if (cond_now() >= next_print_ns) {
            print_progress(i);
            next_print_ns += COND_SEC(1);
        }
    }

    /* No more kills: the processes consume the rest and end. */
    enter();
    memory->closed = true;
    CHECK_OK(cond_notify_all(&memory->cond));
    CHECK_OK(cond_release(&memory->cond));
    for (unsigned i = 0; i < PROCESSES; i++)
        await_end(processes[i]);

    enter();
    check_buffer();
    CHECK_EQ(memory->made, memory->taken);
    unsigned lost = 0;
    for (uint32_t number = 1; number <= memory->made; number++) {
        if (memory->consumed[number] == 0 && lost_by_kill[number])
            lost++;
        else
            CHECK(memory->consumed[number] == 1, "item %u of %u was consumed %u times", number, memory->made,
                  memory->consumed[number]);
    }
    CHECK(lost <= kills, "%u items lost in %u kills", lost, kills);
    CHECK_OK(cond_notify_all(&memory->cond)); /* uncounts the killed */
    CHECK_EQ(cond_waiters(&memory->cond), 0);
    CHECK_OK(cond_release(&memory->cond));
    CHECK_OK(cond_destroy(&memory->cond));
    print_progress(kills);
    printf("  each item was consumed once, except for %u in the hands of killed consumers\n", lost);
    free(lost_by_kill);
    return 0;
}
