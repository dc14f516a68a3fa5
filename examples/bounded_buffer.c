/* SPDX-License-Identifier: MIT */
/*
 * bounded_buffer.c - producers and consumers with a buffer of limited size, and one condition for both
 *
 * The cookbook program: a producer makes 20 items, a consumer uses 10 of them, the buffer holds at most 10.
 * Making an item takes 1 second and using one takes 3, times --scale. Both sides wait on the same
 * condition and notify(1) it: with cond_wait_for() that is enough, since a notification that meets a waiter
 * whose predicate is false (a producer, say, while the buffer is full) goes on to one who can use it.
 *
 *     examples/run bounded_buffer                                  short pauses
 *     examples/run bounded_buffer --scale 1                        real time, about 31 seconds
 *     examples/run bounded_buffer --producers 4 --consumers 3 --items 1000 --capacity 1 --scale 0
 *
 * Exits 0 if each item was seen exactly once, 1 if not, and 2 for arguments that make no sense.
 */
#define _POSIX_C_SOURCE 200809L

#include <condvar.h>

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAKING_S 1.0 /* how long a producer works on an item, before --scale */
#define USING_S 3.0  /* and a consumer */

struct settings {
    double scale;
    size_t producers;
    size_t consumers;
    size_t items;    /* for each producer */
    size_t to_take;  /* for all consumers together */
    size_t capacity;
};

struct buffer {
    cond_t changed; /* an item was put in or taken out; its lock guards everything below */
    size_t *ring;
    size_t first;
    size_t count;
    size_t most;     /* the highest count that there has been */
    size_t produced;
    size_t claimed;  /* how many items consumers have taken, or have begun to wait for */
    size_t consumed;
    unsigned char *seen; /* by item: how often it was taken */
};

/* The first two are fixed before the threads start. */
static struct settings settings = {
    .scale = 0.01, .producers = 1, .consumers = 1, .items = 20, .to_take = 10, .capacity = 10};
static size_t numbers[1000]; /* 1, 2, 3...: the names of the threads */
static struct buffer buffer;

/* Stops the program if a call has failed. */
static void check(int error, const char *call)
{
    if (error == 0)
        return;
    fprintf(stderr, "bounded_buffer: %s: %s\n", call, cond_strerror(error));
    exit(1);
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

/* ---- The buffer ------------------------------------------------------------------------------------- */

static bool has_room(void *arg)
{
    const struct buffer *b = arg;
    return b->count < settings.capacity;
}

static bool has_item(void *arg)
{
    const struct buffer *b = arg;
    return b->count > 0;
}

/* The lines are printed with the lock held, so that they come in the order of the events. */
static void put(struct buffer *b, size_t producer, size_t item)
{
    check(cond_acquire(&b->changed), "cond_acquire");
    if (!has_room(b))
        printf("producer %zu: waits, the buffer is full: %zu items in the buffer\n", producer, b->count);
    check(cond_wait_for(&b->changed, has_room, b, COND_FOREVER), "cond_wait_for");

    b->ring[(b->first + b->count) % settings.capacity] = item;
    b->count++;
    b->produced++;
    if (b->most < b->count)
        b->most = b->count;
    printf("producer %zu: put item %zu: %zu items in the buffer\n", producer, item + 1, b->count);

    check(cond_notify(&b->changed, 1), "cond_notify");
    check(cond_release(&b->changed), "cond_release");
}

/* Returns false, without an item, if the other consumers take all that is still to be taken. */
static bool take(struct buffer *b, size_t consumer)
{
    check(cond_acquire(&b->changed), "cond_acquire");
    if (b->claimed == settings.to_take) {
        check(cond_release(&b->changed), "cond_release");
        return false;
    }
    b->claimed++;
    if (!has_item(b))
        printf("consumer %zu: waits, the buffer is empty: %zu items in the buffer\n", consumer, b->count);
    check(cond_wait_for(&b->changed, has_item, b, COND_FOREVER), "cond_wait_for");

    size_t item = b->ring[b->first];
    b->first = (b->first + 1) % settings.capacity;
    b->count--;
    b->consumed++;
    if (b->seen[item] < 2)
        b->seen[item]++;
    printf("consumer %zu: took item %zu: %zu items in the buffer\n", consumer, item + 1, b->count);

    check(cond_notify(&b->changed, 1), "cond_notify");
    check(cond_release(&b->changed), "cond_release");
    return true;
}

/* ---- The threads ------------------------------------------------------------------------------------ */

static void *producer(void *arg)
{
    const size_t number = *(const size_t *)arg;
    for (size_t i = 0; i < settings.items; i++) {
        work_for(MAKING_S);
        put(&buffer, number, (number - 1) * settings.items + i);
    }
    return NULL;
}

static void *consumer(void *arg)
{
    const size_t number = *(const size_t *)arg;
    while (take(&buffer, number))
        work_for(USING_S);
    return NULL;
}

static pthread_t start(void *(*thread)(void *), size_t *number)
{
    pthread_t id;
    int error = pthread_create(&id, NULL, thread, number);
    if (error != 0) {
        fprintf(stderr, "bounded_buffer: pthread_create: %s\n", strerror(error));
        exit(1);
    }
    return id;
}

/* Whether every item was taken once or is left in the buffer, and the buffer was never overfull. */
static bool tally(struct buffer *b)
{
    const size_t total = settings.producers * settings.items;
    bool right = true;

    for (size_t i = 0; i < b->count; i++) {
        size_t item = b->ring[(b->first + i) % settings.capacity];
        if (b->seen[item] < 2)
            b->seen[item]++;
    }
    for (size_t item = 0; item < total; item++)
        if (b->seen[item] != 1) {
            const char *what = b->seen[item] == 0 ? "lost" : "seen twice";
            fprintf(stderr, "bounded_buffer: item %zu was %s\n", item + 1, what);
            right = false;
        }
    printf("produced %zu, consumed %zu, left %zu\n", b->produced, b->consumed, b->count);
    printf("at most %zu in the buffer of %zu, each item seen exactly once: %s\n", b->most, settings.capacity,
           right ? "yes" : "no");
    return right && b->produced == total && b->consumed == settings.to_take &&
           b->count == total - settings.to_take && b->most <= settings.capacity;
}

/* ---- The arguments ---------------------------------------------------------------------------------- */

static const char usage[] =
    "usage: bounded_buffer [--scale S] [--producers N] [--consumers N] [--items N] [--capacity N]\n"
    "\n"
    "Without arguments: 1 producer of 20 items, 1 consumer of 10, a buffer of at most 10.\n"
    "\n"
    "  --scale S      how long the pauses of 1 and 3 seconds really last, in seconds for each\n"
    "                 second; 1 is real time, 0 is no pauses; default 0.01\n"
    "\n"
    "With any of the following, the consumers take everything that is produced, and nothing is left.\n"
    "\n"
    "  --producers N  how many producers, 1 to 1000; default 1\n"
    "  --consumers N  how many consumers, 1 to 1000; default 1\n"
    "  --items N      how many items each producer makes, 1 to 1000000; default 20\n"
    "  --capacity N   how many items the buffer holds, 1 to 1000000; default 10\n";

static _Noreturn void bad_argument(const char *option, const char *text, const char *wanted)
{
    fprintf(stderr, "bounded_buffer: --%s wants %s, not '%s'\n", option, wanted, text);
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
        {"capacity", required_argument, NULL, 'k'},  {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    bool general = false;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        general = general || strchr("pcik", option) != NULL;
        switch (option) {
        case 's': settings.scale = parse_scale("scale", optarg); break;
        case 'p': settings.producers = parse_count("producers", optarg, 1000); break;
        case 'c': settings.consumers = parse_count("consumers", optarg, 1000); break;
        case 'i': settings.items = parse_count("items", optarg, 1000000); break;
        case 'k': settings.capacity = parse_count("capacity", optarg, 1000000); break;
        case 'h': fputs(usage, stdout); exit(0);
        default: fputs(usage, stderr); exit(2); /* getopt_long has said why */
        }
    }
    if (optind < argc) {
        fprintf(stderr, "bounded_buffer: unexpected argument '%s'\n%s", argv[optind], usage);
        exit(2);
    }
    if (settings.producers * settings.items > 100000000) {
        fprintf(stderr, "bounded_buffer: more than 100000000 items in all\n");
        exit(2);
    }
    if (general)
        settings.to_take = settings.producers * settings.items;
}

int main(int argc, char **argv)
{
    static pthread_t producers[1000], consumers[1000];

    parse_arguments(argc, argv);
    check(cond_init(&buffer.changed, NULL, COND_RLOCK), "cond_init");
    buffer.ring = malloc(settings.capacity * sizeof *buffer.ring);
    buffer.seen = calloc(settings.producers * settings.items, sizeof *buffer.seen);
    if (buffer.ring == NULL || buffer.seen == NULL) {
        fprintf(stderr, "bounded_buffer: not enough memory\n");
        return 1;
    }

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        numbers[i] = i + 1;
    for (size_t i = 0; i < settings.consumers; i++)
        consumers[i] = start(consumer, &numbers[i]);
    for (size_t i = 0; i < settings.producers; i++)
        producers[i] = start(producer, &numbers[i]);
    for (size_t i = 0; i < settings.producers; i++)
        pthread_join(producers[i], NULL);
    for (size_t i = 0; i < settings.consumers; i++)
        pthread_join(consumers[i], NULL);

    bool right = tally(&buffer);
    check(cond_destroy(&buffer.changed), "cond_destroy");
    free(buffer.ring);
    free(buffer.seen);
    if (fflush(stdout) != 0) {
        perror("bounded_buffer: standard output");
        return 1;
    }
    if (!right)
        fprintf(stderr, "bounded_buffer: the tally is wrong\n");
    return right ? 0 : 1;
}
