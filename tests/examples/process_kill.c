/* SPDX-License-Identifier: MIT */
/*
 * process_kill.c - producers and consumers as processes, of which some are killed; tests/examples/check runs it
 *
 * The processes share a buffer and a COND_SHARED condition. All wait on this condition, and all call cond_notify(1).
 * Half of the kills are aimed at a process that is changing the buffer and holds the lock.
 *
 * A kill can end a process between any two steps, so each change of the buffer
 *
 *     1. is recorded in `step`,
 *     2. is prepared where no other process reads,
 *     3. happens by one store, of `produced` or of `consumed`,
 *     4. is removed from `step`.
 *
 * After a kill, the next acquire or wait returns EOWNERDEAD. Its caller finds in `step` which change was in progress,
 * and in the counter whether it has happened. It prints what the killed process may not have printed, and calls
 * cond_recover(). So the output has every event, and the check can replay it exactly.
 *
 * An item that a consumer has taken and not yet used when it is killed is lost: at most one item for each kill.
 */
#include "../../examples/common.h"

#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each process has a number: producers from 0, consumers from MOST; and MAIN is the process that starts the others. */
enum { MOST = 1000, MAIN = 2 * MOST };

enum what { NOTHING, PUT, TAKE };

/* In shared memory. The members are atomic so that the compiler keeps the order of the stores: a kill can come
   between two of them. */
struct buffer {
    cond_t changed; /* an item was put or taken; its lock guards all that follows, except `seen` */
    atomic_size_t produced; /* items put so far */
    atomic_size_t consumed; /* items taken so far */
    size_t max_count;       /* the highest number of items in the buffer so far */
    size_t may_consume;     /* with --kill: consumers may take so many items before the next kill */
    struct {
        _Atomic enum what what;
        atomic_size_t who, item, place; /* `place` is `produced` or `consumed` before the change */
    } step;
    atomic_size_t made[MOST];     /* by producer: how many of its items it has put */
    atomic_size_t in_hand[MOST];  /* by consumer: the item that it uses, counted from 1; 0: none */
    atomic_uchar *seen;           /* by item: how many times it was used; written without the lock, too */
    atomic_uchar *lost;           /* by item: whether its consumer was killed while it used the item */
    size_t *ring;                 /* item number n put is at place n modulo the capacity */
};

/* Fixed before the other processes start; they inherit the values. */
static double scale = 0.01; /* of the pauses */
static size_t producers = 1, consumers = 1, items = 20, capacity = 10, kills;
static size_t to_take; /* by all consumers together: all items */
static struct buffer *buffer;
static pid_t main_process;

static pid_t processes[MAIN]; /* only in MAIN; by number; 0: not running */

/* ---- Output: each line is one write, so lines of different processes do not mix ---------------------- */

static const char *name_of(size_t who, char name[32])
{
    if (who == MAIN)
        snprintf(name, 32, "main");
    else
        snprintf(name, 32, "%s %zu", who < MOST ? "producer" : "consumer", who % MOST + 1);
    return name;
}

/* Ends this process, after an error. MAIN kills the others; the others end when MAIN is gone (wait_for). */
static _Noreturn void stop(void)
{
    if (getpid() == main_process)
        for (size_t who = 0; who < MAIN; who++)
            if (processes[who] > 0)
                kill(processes[who], SIGKILL);
    _exit(1);
}

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static void say(size_t who, const char *format, ...)
{
    char name[32], line[256];
    va_list values;
    va_start(values, format);
    int length = snprintf(line, sizeof line, "%s: ", name_of(who, name));
    length += vsnprintf(line + length, sizeof line - (size_t)length - 1, format, values);
    va_end(values);
    line[length++] = '\n';
    if (write(STDOUT_FILENO, line, (size_t)length) != length) {
        fprintf(stderr, "%s: write error: %s\n", program_name, strerror(errno));
        stop();
    }
}

/* Ends the program with a message if the call returns an error. */
static void check_or_stop(int error, const char *call)
{
    if (error == 0)
        return;
    fprintf(stderr, "%s: %s: %s\n", program_name, call, cond_strerror(error));
    stop();
}

#define CHECK_OR_STOP(call) check_or_stop((call), #call)

/* ---- The lock --------------------------------------------------------------------------------------- */

static size_t in_buffer(const struct buffer *b) { return b->produced - b->consumed; }

/* Finishes the change of a holder that was killed. If this process is killed in here, the next holder does the same. */
static void recover(struct buffer *b, size_t who)
{
    char name[32];
    enum what what = b->step.what;
    bool happened = (what == PUT ? b->produced : b->consumed) != b->step.place;
    size_t killed = b->step.who, item = b->step.item;

    if (what == NOTHING) {
        say(who, "recovers: %zu items in the buffer", in_buffer(b));
    } else {
        if (what == PUT && happened)
            b->made[killed] = item % items + 1;
        if (what == TAKE && !happened)
            b->in_hand[killed - MOST] = 0;
        say(who, "recovers, %s had %s%s item %zu: %zu items in the buffer", name_of(killed, name),
            happened ? "" : "not ", what == PUT ? "put" : "taken", item + 1, in_buffer(b));
    }
    b->step.what = NOTHING;
    CHECK_OR_STOP(cond_recover(&b->changed));
}

static void acquire(struct buffer *b, size_t who)
{
    int error = cond_acquire(&b->changed);
    if (error == EOWNERDEAD)
        recover(b, who);
    else
        check_or_stop(error, "cond_acquire");
}

static void release(struct buffer *b) { CHECK_OR_STOP(cond_release(&b->changed)); }

static void check_processes(void);

/* Once a second MAIN checks whether a process has failed, and the others check whether MAIN is still there. */
static void wait_for(struct buffer *b, size_t who, cond_pred_t *pred, void *arg)
{
    int error;
    while ((error = cond_wait_for(&b->changed, pred, arg, COND_SEC(1))) != 0)
        if (error == EOWNERDEAD)
            recover(b, who); /* the lock is held, but the predicate may be false: wait again */
        else if (error != ETIMEDOUT)
            check_or_stop(error, "cond_wait_for");
        else if (who == MAIN)
            check_processes();
        else if (getppid() != main_process)
            _exit(1);
}

/* ---- The buffer ------------------------------------------------------------------------------------- */

static bool has_room(void *arg) { return in_buffer(arg) < capacity; }
static bool has_item(void *arg) { return in_buffer(arg) > 0; }

static bool may_take_or_end(void *arg)
{
    const struct buffer *b = arg;
    return (has_item(arg) && b->consumed < b->may_consume) || b->consumed == to_take;
}

static void begin_step(struct buffer *b, enum what what, size_t who, size_t item, size_t place)
{
    b->step.who = who;
    b->step.item = item;
    b->step.place = place;
    b->step.what = what;
}

/* Puts the next item of the producer. Returns false if all its items were put, perhaps by a process that was killed. */
static bool put(struct buffer *b, size_t who)
{
    acquire(b, who);
    if (b->made[who] == items) {
        release(b);
        return false;
    }
    if (!has_room(b))
        say(who, "waits, the buffer is full: %zu items in the buffer", in_buffer(b));
    wait_for(b, who, has_room, b);

    size_t item = who * items + b->made[who];
    begin_step(b, PUT, who, item, b->produced);
    b->ring[b->produced % capacity] = item;
    b->produced++;
    b->made[who]++;
    if (b->max_count < in_buffer(b))
        b->max_count = in_buffer(b);
    say(who, "put item %zu: %zu items in the buffer", item + 1, in_buffer(b));
    b->step.what = NOTHING;

    CHECK_OR_STOP(cond_notify(&b->changed, 1));
    release(b);
    return true;
}

/* Takes an item. Returns false if all items were taken. */
static bool take(struct buffer *b, size_t who)
{
    acquire(b, who);
    if (!may_take_or_end(b) && !has_item(b))
        say(who, "waits, the buffer is empty: %zu items in the buffer", in_buffer(b));
    wait_for(b, who, may_take_or_end, b);
    if (b->consumed == to_take) {
        release(b);
        return false;
    }

    size_t item = b->ring[b->consumed % capacity];
    begin_step(b, TAKE, who, item, b->consumed);
    b->in_hand[who - MOST] = item + 1;
    b->consumed++;
    say(who, "took item %zu: %zu items in the buffer", item + 1, in_buffer(b));
    b->step.what = NOTHING;

    CHECK_OR_STOP(b->consumed == to_take ? cond_notify_all(&b->changed) : cond_notify(&b->changed, 1));
    release(b);
    return true;
}

/* ---- The processes ---------------------------------------------------------------------------------- */

static void produce(size_t who)
{
    do
        sleep_seconds(1 * scale);
    while (put(buffer, who));
}

static void consume(size_t who)
{
    atomic_size_t *in_hand = &buffer->in_hand[who - MOST];
    while (take(buffer, who)) {
        sleep_seconds(3 * scale);
        buffer->seen[*in_hand - 1]++;
        *in_hand = 0;
    }
}

static void start(size_t who, void (*run)(size_t who))
{
    pid_t id = fork();
    if (id < 0) {
        fprintf(stderr, "%s: fork: %s\n", program_name, strerror(errno));
        stop();
    }
    if (id == 0) {
        run(who);
        _exit(0);
    }
    processes[who] = id;
}

/* Checks how a process has ended. Returns whether it was killed, which must be expected. */
static bool has_ended(size_t who, int status, bool kill_expected)
{
    char name[32];
    processes[who] = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    if (kill_expected && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s: %s: %s\n", program_name, name_of(who, name), strsignal(WTERMSIG(status)));
    else
        fprintf(stderr, "%s: %s: exit status %d\n", program_name, name_of(who, name), WEXITSTATUS(status));
    stop();
}

static void check_processes(void)
{
    for (size_t who = 0; who < MAIN; who++) {
        int status;
        if (processes[who] != 0 && waitpid(processes[who], &status, WNOHANG) > 0)
            (void)has_ended(who, status, false);
    }
}

/* Waits in the order in which the processes end: when one has failed, others may never end. */
static void wait_for_processes(void)
{
    pid_t id;
    int status;
    while ((id = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
        for (size_t who = 0; id > 0 && who < MAIN; who++)
            if (processes[who] == id)
                (void)has_ended(who, status, false);
}

/* ---- Killing ---------------------------------------------------------------------------------------- */

static bool is_due(void *arg) { return buffer->consumed >= *(const size_t *)arg; }

/* Returns a random running process. The consumers run at least until the last kill. */
static size_t random_process(void)
{
    size_t running = 0, chosen = MOST;
    for (size_t who = 0; who < MAIN; who++)
        if (processes[who] != 0 && rand() % (int)++running == 0)
            chosen = who;
    return chosen;
}

/* Returns a process that is changing the buffer; after 5 ms without one, a random process. */
static size_t process_inside(void)
{
    for (int64_t deadline_ns = cond_now() + COND_MS(5); cond_now() < deadline_ns; sched_yield()) {
        size_t who = buffer->step.who;
        if (buffer->step.what != NOTHING && processes[who] != 0)
            return who;
    }
    return random_process();
}

/* Kills a process and starts another in its place. Returns false if it had ended before. */
static bool replace(struct buffer *b, size_t who)
{
    int status;
    bool is_producer = who < MOST;
    char name[32];

    if (kill(processes[who], SIGKILL) != 0 || waitpid(processes[who], &status, 0) < 0) {
        fprintf(stderr, "%s: kill: %s\n", program_name, strerror(errno));
        stop();
    }
    if (!has_ended(who, status, true))
        return false;

    acquire(b, MAIN); /* and recover, if the process held the lock: then `in_hand` is right */
    size_t item = is_producer ? 0 : b->in_hand[who - MOST];
    if (item != 0 && b->seen[item - 1] == 0) {
        b->lost[item - 1] = 1;
        say(MAIN, "killed %s, which had item %zu in hand", name_of(who, name), item);
    } else {
        say(MAIN, "killed %s", name_of(who, name));
    }
    if (!is_producer)
        b->in_hand[who - MOST] = 0;
    release(b);
    start(who, is_producer ? produce : consume);
    return true;
}

/* Kill number n, from 0, is due when so many items are consumed. The kills are spread evenly. */
static size_t due_at(size_t n) { return (size_t)((double)to_take * (double)n / (double)kills); }

/* The consumers wait at this number of items for the next kill, so they do not end before the last kill. */
static size_t may_consume(size_t killed)
{
    size_t limit = killed < kills ? due_at(killed + 1) : to_take;
    return killed < kills && limit == to_take ? limit - 1 : limit;
}

static void kill_some(struct buffer *b)
{
    size_t killed = 0;
    srand((unsigned)cond_now());
    while (killed < kills) {
        size_t due = due_at(killed);
        acquire(b, MAIN);
        wait_for(b, MAIN, is_due, &due);
        release(b);

        /* Every second kill comes at a random time; the others hit a process that holds the lock. */
        if (killed % 2 != 0)
            sleep_seconds(rand() % 200 * 1e-6);
        if (!replace(b, killed % 2 == 0 ? process_inside() : random_process()))
            continue;
        killed++;
        acquire(b, MAIN);
        b->may_consume = may_consume(killed);
        CHECK_OR_STOP(cond_notify_all(&b->changed));
        release(b);
    }
}

/* ---- The result ------------------------------------------------------------------------------------- */

/* Returns whether each item was used once, is left in the buffer, or was lost by a kill. */
static bool is_right(struct buffer *b)
{
    const size_t total = producers * items;
    size_t lost = 0;
    bool right = true;

    for (size_t place = b->consumed; place < b->produced; place++)
        b->seen[b->ring[place % capacity]]++;
    for (size_t item = 0; item < total; item++) {
        lost += b->lost[item];
        if (b->seen[item] + b->lost[item] != 1) {
            const char *what = b->seen[item] == 0 ? "lost" : "seen twice";
            fprintf(stderr, "%s: item %zu was %s\n", program_name, item + 1, what);
            right = false;
        }
    }
    printf("produced %zu, consumed %zu, left %zu", b->produced, b->consumed - lost, in_buffer(b));
    if (kills != 0)
        printf(", lost %zu", lost);
    printf("\nat most %zu in the buffer of %zu, each %sitem seen exactly once: %s\n", b->max_count, capacity,
           kills != 0 ? "other " : "", right ? "yes" : "no");
    if (kills != 0)
        printf("killed %zu processes, and replaced each of them\n", kills);
    return right && b->produced == total && b->consumed == to_take &&
           in_buffer(b) == total - to_take && b->max_count <= capacity && lost <= kills;
}

/* ---- With --notify-two: two consumers wait, and one notify(2) wakes both ---------------------------- */

static void wait_and_take(size_t who)
{
    struct buffer *b = buffer;
    acquire(b, who);
    say(who, "waits");
    wait_for(b, who, has_item, b);
    b->consumed++;
    say(who, "was notified and takes its item");
    release(b);
}

static bool notify_two(struct buffer *b)
{
    start(MOST, wait_and_take);
    start(MOST + 1, wait_and_take);
    for (acquire(b, MAIN); cond_waiters(&b->changed) < 2; acquire(b, MAIN)) {
        release(b);
        sleep_seconds(0.001);
        check_processes();
    }
    b->produced += 2;
    say(MAIN, "two processes wait; puts two items and calls notify(2)");
    CHECK_OR_STOP(cond_notify(&b->changed, 2));
    release(b);
    wait_for_processes();

    bool right = b->consumed == 2;
    printf("both were notified: %s\n", right ? "yes" : "no");
    return right;
}

/* Returns memory that all processes share. All its bytes are 0. */
static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        fail("mmap", strerror(errno));
    return memory;
}

int main(int argc, char **argv)
{
    size_t left = 0, notify_two_wanted = 0;
    struct number_option options[] = {
        {"producers", "number of producers", &producers, NULL, 1, MOST, false},
        {"consumers", "number of consumers", &consumers, NULL, 1, MOST, false},
        {"items", "items that each producer puts", &items, NULL, 1, 100000, false},
        {"capacity", "items that the buffer holds", &capacity, NULL, 1, 1000000, false},
        {"left", "items that stay in the buffer at the end", &left, NULL, 0, 1000, false},
        {"kill", "number of processes to kill", &kills, NULL, 0, 100000, false},
        {"scale", "length of the pauses, times 1 s and 3 s", NULL, &scale, 0, 1000, false},
        {"notify-two", "1: two consumers wait, and are notified at once", &notify_two_wanted, NULL, 0, 1, false},
        {0},
    };
    read_options(argc, argv, NULL, "Processes share a buffer of limited size. Some of them are killed.", options);
    to_take = producers * items - left;

    main_process = getpid();
    buffer = share(sizeof *buffer);
    buffer->seen = share(producers * items);
    buffer->lost = share(producers * items);
    buffer->ring = share(capacity * sizeof *buffer->ring);
    CHECK(cond_init(&buffer->changed, NULL, COND_SHARED));
    buffer->may_consume = may_consume(0);

    bool right;
    if (notify_two_wanted != 0) {
        right = notify_two(buffer);
    } else {
        for (size_t i = 0; i < consumers; i++)
            start(MOST + i, consume);
        for (size_t i = 0; i < producers; i++)
            start(i, produce);
        kill_some(buffer);
        wait_for_processes();
        right = is_right(buffer);
    }

    /* Waiters that were killed are counted until the next notify_all. */
    acquire(buffer, MAIN);
    CHECK(cond_notify_all(&buffer->changed));
    release(buffer);
    CHECK(cond_destroy(&buffer->changed));
    return end_program(right);
}
