/* SPDX-License-Identifier: MIT */
/*
 * process_buffer.c - producers and consumers as processes, with one buffer that they share, and some killed
 *
 * The program of bounded_buffer.c, in memory that processes share: a producer makes 20 items, a consumer
 * uses 10 of them, the buffer holds at most 10; making an item takes 1 second and using one takes 3, times
 * --scale. All wait on the same condition, which is COND_SHARED, and notify(1) it.
 *
 *     examples/run process_buffer                                  short pauses
 *     examples/run process_buffer --producers 4 --consumers 3 --items 1000 --capacity 1 --scale 0
 *     examples/run process_buffer --kill 10                        and kill 10 of them while they run
 *     examples/run process_buffer --classic-two                    two consumers wait for notify(2)
 *
 * A process can be killed anywhere, so everything here can be cut short between any two steps. That is what
 * EOWNERDEAD is for: acquire and wait return it, with the lock held, to the first one that comes after a
 * holder was killed. It looks what the dead one was about to do, puts the buffer in order, and calls
 * cond_recover(). To make that possible each change of the buffer
 *
 *     1. is written down (`step`),
 *     2. is prepared where nobody looks yet,
 *     3. happens, with one store: of `produced`, or of `consumed`,
 *     4. is crossed out.
 *
 * So recovery finds a change that has happened, or one that has not, and never half of one. What a consumer
 * had taken out when it was killed is gone with it; that is at most one item for each kill, and everything
 * else is seen exactly once.
 *
 * Exits 0 if that is so, 1 if not, and 2 for arguments that make no sense.
 */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L

#include <condvar.h>

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAKING_S 1.0 /* how long a producer works on an item, before --scale */
#define USING_S 3.0  /* and a consumer */

/* Processes are numbers: producers from 0, consumers from MOST, and the first one, who started the rest. */
enum { MOST = 1000, MAIN = 2 * MOST };

struct settings {
    double scale;
    size_t producers;
    size_t consumers;
    size_t items;    /* for each producer */
    size_t to_take;  /* for all consumers together */
    size_t capacity;
    size_t kills;
    bool classic_two;
};

enum what { NOTHING, PUT, TAKE };

/* What processes share. Atomic, not because of other processes, of which the lock keeps us free, but because
   the compiler then keeps the order of the stores, and a kill falls between two of them. */
struct buffer {
    cond_t changed; /* an item was put in or taken out; its lock guards everything below */
    atomic_size_t produced; /* items put in, ever */
    atomic_size_t consumed; /* items taken out, ever: the difference is in the buffer */
    size_t most;            /* the highest difference that there has been */
    size_t may_consume;     /* with --kill: until the next kill */
    struct {
        _Atomic enum what what;
        atomic_size_t who, item, place; /* `place` is what produced or consumed was before */
    } step;
    atomic_size_t made[MOST];     /* by producer: how many of its items it has put in */
    atomic_size_t in_hand[MOST];  /* by consumer: the item it works on, counted from 1; 0: none */
    atomic_uchar *seen;           /* by item: how often it was used up; written without the lock, too */
    atomic_uchar *lost;           /* by item: whether it was in the hand of a consumer that was killed */
    size_t *ring;                 /* at `place` modulo the capacity */
};

/* All fixed before the processes start; they inherit them. */
static struct settings settings = {
    .scale = 0.01, .producers = 1, .consumers = 1, .items = 20, .to_take = 10, .capacity = 10};
static struct buffer *buffer;
static pid_t main_process;

static pid_t processes[MAIN]; /* of the first process only: by number; 0: not running */

/* ---- Saying something: each line is one write, so that lines of different processes do not mix ---- */

static const char *name_of(size_t who, char name[32])
{
    if (who == MAIN)
        snprintf(name, 32, "main");
    else
        snprintf(name, 32, "%s %zu", who < MOST ? "producer" : "consumer", who % MOST + 1);
    return name;
}

/* The end of a process that cannot go on. If it is the first one, the others notice that it is gone. */
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
        perror("process_buffer: standard output");
        stop();
    }
}

/* Stops the program if a call has failed. */
static void check(int error, const char *call)
{
    if (error == 0)
        return;
    fprintf(stderr, "process_buffer: %s: %s\n", call, cond_strerror(error));
    stop();
}

static void work_for(double seconds)
{
    double whole_s = (double)(time_t)(seconds * settings.scale);
    struct timespec left = {.tv_sec = (time_t)whole_s,
                            .tv_nsec = (long)((seconds * settings.scale - whole_s) * 1e9)};
    if (left.tv_sec == 0 && left.tv_nsec == 0)
        return;
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* ---- The lock: what bounded_buffer.c has in one line each ---- */

static size_t in_buffer(const struct buffer *b)
{
    return b->produced - b->consumed;
}

/* Finish what the dead holder had begun. If this one is killed in here, the next one does it again. */
static void recover(struct buffer *b, size_t who)
{
    char name[32];
    enum what what = b->step.what;
    bool happened = (what == PUT ? b->produced : b->consumed) != b->step.place;
    size_t dead = b->step.who, item = b->step.item;

    if (what == NOTHING) {
        say(who, "recovers: %zu items in the buffer", in_buffer(b));
    } else {
        if (what == PUT && happened)
            b->made[dead] = item % settings.items + 1;
        if (what == TAKE && !happened)
            b->in_hand[dead - MOST] = 0;
        say(who, "recovers, %s had %s%s item %zu: %zu items in the buffer", name_of(dead, name),
            happened ? "" : "not ", what == PUT ? "put" : "taken", item + 1, in_buffer(b));
    }
    b->step.what = NOTHING;
    check(cond_recover(&b->changed), "cond_recover");
}

static void acquire(struct buffer *b, size_t who)
{
    int error = cond_acquire(&b->changed);
    if (error == EOWNERDEAD)
        recover(b, who);
    else
        check(error, "cond_acquire");
}

static void release(struct buffer *b)
{
    check(cond_release(&b->changed), "cond_release");
}

static void look_after_processes(void);

/* Once a second each process looks whether it is still needed. */
static void wait_for(struct buffer *b, size_t who, cond_pred_t *pred, void *arg)
{
    int error;
    while ((error = cond_wait_for(&b->changed, pred, arg, COND_SEC(1))) != 0)
        if (error == EOWNERDEAD)
            recover(b, who); /* the lock is held, but the predicate may be false: wait again */
        else if (error != ETIMEDOUT)
            check(error, "cond_wait_for");
        else if (who == MAIN)
            look_after_processes();
        else if (getppid() != main_process)
            _exit(1);
}

/* ---- The buffer ------------------------------------------------------------------------------------- */

static bool has_room(void *arg)
{
    return in_buffer(arg) < settings.capacity;
}

static bool has_item(void *arg)
{
    return in_buffer(arg) > 0;
}

static bool may_take_or_end(void *arg)
{
    const struct buffer *b = arg;
    return (has_item(arg) && b->consumed < b->may_consume) || b->consumed == settings.to_take;
}

static void begin_step(struct buffer *b, enum what what, size_t who, size_t item, size_t place)
{
    b->step.who = who;
    b->step.item = item;
    b->step.place = place;
    b->step.what = what;
}

/* Puts the producer's next item in; returns false if there is none: whoever it replaces had put the last. */
static bool put(struct buffer *b, size_t who)
{
    acquire(b, who);
    if (b->made[who] == settings.items) {
        release(b);
        return false;
    }
    if (!has_room(b))
        say(who, "waits, the buffer is full: %zu items in the buffer", in_buffer(b));
    wait_for(b, who, has_room, b);

    size_t item = who * settings.items + b->made[who];
    begin_step(b, PUT, who, item, b->produced);
    b->ring[b->produced % settings.capacity] = item;
    b->produced++;
    b->made[who]++;
    if (b->most < in_buffer(b))
        b->most = in_buffer(b);
    say(who, "put item %zu: %zu items in the buffer", item + 1, in_buffer(b));
    b->step.what = NOTHING;

    check(cond_notify(&b->changed, 1), "cond_notify");
    release(b);
    return true;
}

/* Takes an item out, into the consumer's hand; returns false if there will be none. */
static bool take(struct buffer *b, size_t who)
{
    acquire(b, who);
    if (!may_take_or_end(b) && !has_item(b))
        say(who, "waits, the buffer is empty: %zu items in the buffer", in_buffer(b));
    wait_for(b, who, may_take_or_end, b);
    if (b->consumed == settings.to_take) {
        release(b);
        return false;
    }

    size_t item = b->ring[b->consumed % settings.capacity];
    begin_step(b, TAKE, who, item, b->consumed);
    b->in_hand[who - MOST] = item + 1;
    b->consumed++;
    say(who, "took item %zu: %zu items in the buffer", item + 1, in_buffer(b));
    b->step.what = NOTHING;

    check(b->consumed == settings.to_take ? cond_notify_all(&b->changed) : cond_notify(&b->changed, 1),
          "cond_notify");
    release(b);
    return true;
}

/* ---- The processes ---------------------------------------------------------------------------------- */

static void produce(size_t who)
{
    do
        work_for(MAKING_S);
    while (put(buffer, who));
}

static void consume(size_t who)
{
    atomic_size_t *in_hand = &buffer->in_hand[who - MOST];
    while (take(buffer, who)) {
        work_for(USING_S);
        buffer->seen[*in_hand - 1]++;
        *in_hand = 0;
    }
}

static void start(size_t who, void (*run)(size_t who))
{
    pid_t id = fork();
    if (id < 0) {
        perror("process_buffer: fork");
        stop();
    }
    if (id == 0) {
        run(who);
        _exit(0);
    }
    processes[who] = id;
}

/* What the end of a process means; returns whether it was killed, as it should be. */
static bool has_ended(size_t who, int status, bool kill_expected)
{
    char name[32];
    processes[who] = 0;
    if (status == 0)
        return false;
    if (kill_expected && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    fprintf(stderr, "process_buffer: %s has failed: status %d\n", name_of(who, name), status);
    stop();
}

static void look_after_processes(void)
{
    for (size_t who = 0; who < MAIN; who++) {
        int status;
        if (processes[who] != 0 && waitpid(processes[who], &status, WNOHANG) > 0)
            (void)has_ended(who, status, false);
    }
}

/* In the order in which they end, since others may hang when one has failed. */
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

static bool is_due(void *arg)
{
    return buffer->consumed >= *(const size_t *)arg;
}

/* Somebody always runs: the consumers, as long as the last kill has not been. */
static size_t anybody(void)
{
    size_t running = 0, chosen = MOST;
    for (size_t who = 0; who < MAIN; who++)
        if (processes[who] != 0 && rand() % (int)++running == 0)
            chosen = who;
    return chosen;
}

/* One that is changing the buffer right now, or, if none is for a while, any. */
static size_t the_one_inside(void)
{
    for (int64_t deadline_ns = cond_now() + COND_MS(5); cond_now() < deadline_ns; sched_yield()) {
        size_t who = buffer->step.who;
        if (buffer->step.what != NOTHING && processes[who] != 0)
            return who;
    }
    return anybody();
}

/* Kill `who` and start another in its place; returns false if it was done before. */
static bool replace(struct buffer *b, size_t who)
{
    int status;
    bool is_producer = who < MOST;
    char name[32];

    if (kill(processes[who], SIGKILL) != 0 || waitpid(processes[who], &status, 0) < 0) {
        perror("process_buffer: kill");
        stop();
    }
    if (!has_ended(who, status, true))
        return false;

    acquire(b, MAIN); /* after a recovery, if that is needed: `in_hand` is right */
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

/* How many items are consumed when kill number n, from 0, is due: the kills are spread evenly. */
static size_t due_at(size_t n)
{
    return (size_t)((double)settings.to_take * (double)n / (double)settings.kills);
}

/* The consumers wait where the killer is too late, so that it finds somebody to kill. */
static size_t may_consume(size_t killed)
{
    size_t limit = killed < settings.kills ? due_at(killed + 1) : settings.to_take;
    return killed < settings.kills && limit == settings.to_take ? limit - 1 : limit;
}

static void kill_some(struct buffer *b)
{
    size_t killed = 0;
    srand((unsigned)cond_now());
    while (killed < settings.kills) {
        size_t due = due_at(killed);
        acquire(b, MAIN);
        wait_for(b, MAIN, is_due, &due);
        release(b);

        /* Any moment is a good one, and the worst is while it holds the lock. */
        struct timespec moment = {.tv_nsec = rand() % 200000};
        if (killed % 2 != 0)
            nanosleep(&moment, NULL);
        if (!replace(b, killed % 2 == 0 ? the_one_inside() : anybody()))
            continue;
        killed++;
        acquire(b, MAIN);
        b->may_consume = may_consume(killed);
        check(cond_notify_all(&b->changed), "cond_notify_all");
        release(b);
    }
}

/* ---- The tally -------------------------------------------------------------------------------------- */

/* Whether every item was used once, or is left in the buffer, or was in the hand of one that was killed. */
static bool tally(struct buffer *b)
{
    const size_t total = settings.producers * settings.items;
    size_t lost = 0;
    bool right = true;

    for (size_t place = b->consumed; place < b->produced; place++)
        b->seen[b->ring[place % settings.capacity]]++;
    for (size_t item = 0; item < total; item++) {
        lost += b->lost[item];
        if (b->seen[item] + b->lost[item] != 1) {
            const char *what = b->seen[item] == 0 ? "lost" : "seen twice";
            fprintf(stderr, "process_buffer: item %zu was %s\n", item + 1, what);
            right = false;
        }
    }
    printf("produced %zu, consumed %zu, left %zu", b->produced, b->consumed - lost, in_buffer(b));
    if (settings.kills != 0)
        printf(", lost %zu", lost);
    printf("\nat most %zu in the buffer of %zu, each %sitem seen exactly once: %s\n", b->most,
           settings.capacity, settings.kills != 0 ? "other " : "", right ? "yes" : "no");
    if (settings.kills != 0)
        printf("killed %zu, and replaced them\n", settings.kills);
    return right && b->produced == total && b->consumed == settings.to_take &&
           in_buffer(b) == total - settings.to_take && b->most <= settings.capacity && lost <= settings.kills;
}

/* ---- The classic program: two consumers wait, and are notified both at once ------------------------- */

static void wait_and_take(size_t who)
{
    struct buffer *b = buffer;
    acquire(b, who);
    say(who, "waits");
    wait_for(b, who, has_item, b);
    b->consumed++;
    say(who, "was notified, and has its item");
    release(b);
}

static bool classic_two(struct buffer *b)
{
    start(MOST, wait_and_take);
    start(MOST + 1, wait_and_take);
    for (acquire(b, MAIN); cond_waiters(&b->changed) < 2; acquire(b, MAIN)) {
        release(b);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        look_after_processes();
    }
    b->produced += 2;
    say(MAIN, "2 wait; makes 2 items and notifies 2");
    check(cond_notify(&b->changed, 2), "cond_notify");
    release(b);
    wait_for_processes();

    bool right = b->consumed == 2;
    printf("both were notified: %s\n", right ? "yes" : "no");
    return right;
}

/* ---- The arguments ---------------------------------------------------------------------------------- */

static const char usage[] =
    "usage: process_buffer [--scale S] [--producers N] [--consumers N] [--items N] [--capacity N]\n"
    "                      [--kill N]\n"
    "       process_buffer --classic-two\n"
    "\n"
    "Without arguments: 1 producer of 20 items, 1 consumer of 10, a buffer of at most 10. Each of\n"
    "them is a process.\n"
    "\n"
    "  --scale S      how long the pauses of 1 and 3 seconds really last, in seconds for each\n"
    "                 second; 1 is real time, 0 is no pauses; default 0.01\n"
    "\n"
    "With any of the following, the consumers take everything that is produced, and nothing is left.\n"
    "\n"
    "  --producers N  how many producers, 1 to 1000; default 1\n"
    "  --consumers N  how many consumers, 1 to 1000; default 1\n"
    "  --items N      how many items each producer makes, 1 to 1000000; default 20\n"
    "  --capacity N   how many items the buffer holds, 1 to 1000000; default 10\n"
    "  --kill N       kill N of them at random while they run, 1 to 100000, each of which is\n"
    "                 replaced by another\n"
    "\n"
    "  --classic-two  something else: two consumers wait, and are notified by one notify(2)\n";

static _Noreturn void bad_argument(const char *option, const char *text, const char *wanted)
{
    fprintf(stderr, "process_buffer: --%s wants %s, not '%s'\n", option, wanted, text);
    exit(2);
}

static size_t parse_count(const char *option, const char *text, unsigned long max)
{
    char *end = NULL;
    char wanted[64];
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < 1 || n > max) {
        snprintf(wanted, sizeof wanted, "a number from 1 to %lu", max);
        bad_argument(option, text, wanted);
    }
    return (size_t)n;
}

static double parse_scale(const char *option, const char *text)
{
    char *end = NULL;
    double scale = strtod(text, &end);
    if (end == text || *end != '\0' || !(scale >= 0.0 && scale <= 1000.0))
        bad_argument(option, text, "a number from 0 to 1000");
    return scale;
}

static void parse_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"scale", required_argument, NULL, 's'},     {"producers", required_argument, NULL, 'p'},
        {"consumers", required_argument, NULL, 'c'}, {"items", required_argument, NULL, 'i'},
        {"capacity", required_argument, NULL, 'k'},  {"kill", required_argument, NULL, 'x'},
        {"classic-two", no_argument, NULL, '2'},     {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    bool general = false;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        general = general || strchr("pcikx", option) != NULL;
        switch (option) {
        case 's': settings.scale = parse_scale("scale", optarg); break;
        case 'p': settings.producers = parse_count("producers", optarg, MOST); break;
        case 'c': settings.consumers = parse_count("consumers", optarg, MOST); break;
        case 'i': settings.items = parse_count("items", optarg, 1000000); break;
        case 'k': settings.capacity = parse_count("capacity", optarg, 1000000); break;
        case 'x': settings.kills = parse_count("kill", optarg, 100000); break;
        case '2': settings.classic_two = true; break;
        case 'h': fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(2); /* getopt_long has said why */
        }
    }
    if (optind < argc) {
        fprintf(stderr, "process_buffer: unexpected argument '%s'\n%s", argv[optind], usage);
        exit(2);
    }
    if (settings.classic_two && general) {
        fprintf(stderr, "process_buffer: --classic-two has no other options\n");
        exit(2);
    }
    if (settings.producers * settings.items > 100000000) {
        fprintf(stderr, "process_buffer: more than 100000000 items in all\n");
        exit(2);
    }
    if (general)
        settings.to_take = settings.producers * settings.items;
}

/* Memory that all have, full of zeros. */
static void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "process_buffer: not enough memory\n");
        exit(1);
    }
    return memory;
}

int main(int argc, char **argv)
{
    bool right;

    parse_arguments(argc, argv);
    main_process = getpid();
    buffer = share(sizeof *buffer);
    buffer->seen = share(settings.producers * settings.items);
    buffer->lost = share(settings.producers * settings.items);
    buffer->ring = share(settings.capacity * sizeof *buffer->ring);
    check(cond_init(&buffer->changed, NULL, COND_SHARED), "cond_init");

    buffer->may_consume = may_consume(0);
    if (settings.classic_two) {
        right = classic_two(buffer);
    } else {
        for (size_t i = 0; i < settings.consumers; i++)
            start(MOST + i, consume);
        for (size_t i = 0; i < settings.producers; i++)
            start(i, produce);
        kill_some(buffer);
        wait_for_processes();
        right = tally(buffer);
    }

    /* Waiters that were killed are counted until the next notify_all. */
    acquire(buffer, MAIN);
    check(cond_notify_all(&buffer->changed), "cond_notify_all");
    release(buffer);
    check(cond_destroy(&buffer->changed), "cond_destroy");
    if (fflush(stdout) != 0) {
        perror("process_buffer: standard output");
        return 1;
    }
    if (!right)
        fprintf(stderr, "process_buffer: the tally is wrong\n");
    return right ? 0 : 1;
}
