/* SPDX-License-Identifier: MIT */
/*
 * word_count.c - count lines, words and bytes of files, with one reader and several workers
 *
 * A reader thread takes empty chunks, fills them from the files, and puts them into a bounded buffer; workers
 * take the filled ones, count, and give them back; the main thread prints each file's line as soon as it is
 * counted. One lock, and a condition on it for each of the three things that are waited for.
 *
 *     examples/run word_count FILE...          as `LC_ALL=C wc FILE...`
 *     examples/run word_count < FILE
 *
 * A word is what POSIX says: a string of bytes that are not white space. (Older versions of GNU wc pass over
 * the bytes that cannot be printed, and so find fewer words in what is not plain text.) Exits 0 if all files
 * could be read, 1 if one could not (the others are counted), and 2 for options, of which there are none.
 */
#define _POSIX_C_SOURCE 200809L

#include <condvar.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_SIZE = 128 * 1024, CHUNKS = 32, WORKERS_MAX = 16 };

struct counts {
    uint64_t lines;
    uint64_t words;
    uint64_t bytes;
};

struct input {
    const char *name;     /* NULL: standard input, which is printed without a name */
    int open_error;       /* an errno value, or 0; by the reader until is_read */
    int read_error;       /* likewise */
    bool is_read;         /* under the lock: the reader is through with it */
    size_t uncounted;     /* under the lock: how many chunks of it the workers still have to count */
    struct counts counts; /* under the lock */
};

struct chunk {
    struct chunk *next; /* under the lock: in the list of empty ones */
    struct input *input;
    size_t size;
    /* The byte before these, then these: without it, a word that goes on here would be counted again. */
    unsigned char bytes[1 + CHUNK_SIZE];
};

static struct chunk chunks[CHUNKS];
static struct input *inputs; /* fixed, with the next one, before the threads start */
static size_t input_count;

/* Everything below is guarded by the lock. */
static cond_lock_t lock = COND_MUTEX_INIT;
static cond_t emptied = COND_INIT_WITH(&lock); /* the reader waits here, for an empty chunk */
static cond_t filled = COND_INIT_WITH(&lock);  /* the workers wait here, for a filled one */
static cond_t counted = COND_INIT_WITH(&lock); /* the main thread waits here, for a file */
static struct chunk *empty;                    /* a list */
static struct chunk *full[CHUNKS];             /* a ring, first come, first served */
static size_t full_first;
static size_t full_count;
static bool all_read; /* no more filled chunks will come */

static void check(int error, const char *call)
{
    if (error == 0)
        return;
    fprintf(stderr, "word_count: %s: %s\n", call, cond_strerror(error));
    exit(1);
}

static void acquire(void)
{
    check(cond_lock_acquire(&lock), "cond_lock_acquire");
}

static void release(void)
{
    check(cond_lock_release(&lock), "cond_lock_release");
}

/* ---- The predicates --------------------------------------------------------------------------------- */

static bool is_chunk_empty(void *arg)
{
    (void)arg;
    return empty != NULL;
}

static bool is_chunk_full_or_end(void *arg)
{
    (void)arg;
    return full_count > 0 || all_read;
}

static bool is_input_counted(void *arg)
{
    const struct input *input = arg;
    return input->is_read && input->uncounted == 0;
}

/* ---- The reader ------------------------------------------------------------------------------------- */

static struct chunk *take_empty(void)
{
    acquire();
    check(cond_wait_for(&emptied, is_chunk_empty, NULL, COND_FOREVER), "cond_wait_for");
    struct chunk *chunk = empty;
    empty = chunk->next;
    release();
    return chunk;
}

/* With the lock held. */
static void put_empty(struct chunk *chunk)
{
    chunk->next = empty;
    empty = chunk;
    check(cond_notify(&emptied, 1), "cond_notify");
}

static void put_full(struct chunk *chunk)
{
    acquire();
    chunk->input->uncounted++;
    full[(full_first + full_count) % CHUNKS] = chunk;
    full_count++;
    check(cond_notify(&filled, 1), "cond_notify");
    release();
}

static bool is_standard_input(const struct input *input)
{
    return input->name == NULL || strcmp(input->name, "-") == 0;
}

static void read_chunks(struct input *input, int file)
{
    unsigned char before = '\n';

    for (;;) {
        struct chunk *chunk = take_empty();
        ssize_t size;
        do
            size = read(file, chunk->bytes + 1, CHUNK_SIZE);
        while (size < 0 && errno == EINTR);
        if (size <= 0) {
            input->read_error = size < 0 ? errno : 0;
            acquire();
            put_empty(chunk);
            release();
            return;
        }
        chunk->input = input;
        chunk->size = (size_t)size;
        chunk->bytes[0] = before;
        before = chunk->bytes[size];
        put_full(chunk);
    }
}

static void *reader(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < input_count; i++) {
        struct input *input = &inputs[i];
        if (is_standard_input(input)) {
            read_chunks(input, STDIN_FILENO);
        } else {
            int file = open(input->name, O_RDONLY | O_CLOEXEC);
            if (file < 0) {
                input->open_error = errno;
            } else {
                read_chunks(input, file);
                close(file);
            }
        }
        acquire();
        input->is_read = true;
        all_read = i + 1 == input_count;
        if (all_read)
            check(cond_notify_all(&filled), "cond_notify_all");
        check(cond_notify(&counted, 1), "cond_notify");
        release();
    }
    return NULL;
}

/* ---- The workers ------------------------------------------------------------------------------------ */

static inline unsigned is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct counts count_chunk(const struct chunk *chunk)
{
    const unsigned char *bytes = chunk->bytes + 1;
    struct counts counts = {.bytes = chunk->size};

    for (size_t i = 0; i < chunk->size; i++) {
        counts.lines += bytes[i] == '\n';
        counts.words += is_space(chunk->bytes[i]) & (is_space(bytes[i]) ^ 1u); /* a word begins */
    }
    return counts;
}

static void add(struct counts *sum, const struct counts *counts)
{
    sum->lines += counts->lines;
    sum->words += counts->words;
    sum->bytes += counts->bytes;
}

static void *worker(void *arg)
{
    (void)arg;
    acquire();
    for (;;) {
        check(cond_wait_for(&filled, is_chunk_full_or_end, NULL, COND_FOREVER), "cond_wait_for");
        if (full_count == 0)
            break;
        struct chunk *chunk = full[full_first];
        full_first = (full_first + 1) % CHUNKS;
        full_count--;
        release();

        struct counts counts = count_chunk(chunk);

        acquire();
        struct input *input = chunk->input;
        add(&input->counts, &counts);
        input->uncounted--;
        put_empty(chunk);
        check(cond_notify(&counted, 1), "cond_notify");
    }
    release();
    return NULL;
}

/* ---- The output ------------------------------------------------------------------------------------- */

/* As GNU wc: wide enough for the sizes of all files together; at least 7 if one of them is not a file. */
static int number_width(void)
{
    uint64_t total = 0;
    int minimum = 1;
    int width = 1;

    for (size_t i = 0; i < input_count; i++) {
        struct stat status;
        bool is_standard = is_standard_input(&inputs[i]);
        if ((is_standard ? fstat(STDIN_FILENO, &status) : stat(inputs[i].name, &status)) != 0)
            continue;
        if (S_ISREG(status.st_mode))
            total += (uint64_t)status.st_size;
        else
            minimum = 7;
    }
    for (; total >= 10; total /= 10)
        width++;
    return width < minimum ? minimum : width;
}

static void print_counts(const struct counts *counts, int width, const char *name)
{
    printf("%*" PRIu64 " %*" PRIu64 " %*" PRIu64, width, counts->lines, width, counts->words, width,
           counts->bytes);
    if (name != NULL)
        printf(" %s", name);
    putchar('\n');
}

static bool print_input(const struct input *input, int width)
{
    int error = input->open_error != 0 ? input->open_error : input->read_error;
    if (error != 0) {
        fflush(stdout);
        fprintf(stderr, "word_count: %s: %s\n", input->name != NULL ? input->name : "standard input",
                strerror(error));
    }
    if (input->open_error == 0)
        print_counts(&input->counts, width, input->name);
    return error == 0;
}

/* Returns false if one of the inputs could not be read. */
static bool print_all(void)
{
    const int width = number_width();
    struct counts total = {0};
    bool all_good = true;

    for (size_t i = 0; i < input_count; i++) {
        acquire();
        check(cond_wait_for(&counted, is_input_counted, &inputs[i], COND_FOREVER), "cond_wait_for");
        release();
        all_good = print_input(&inputs[i], width) && all_good;
        add(&total, &inputs[i].counts);
    }
    if (input_count > 1)
        print_counts(&total, width, "total");
    return all_good;
}

/* ---- The threads ------------------------------------------------------------------------------------ */

static size_t worker_count(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < 1 ? 1 : processors > WORKERS_MAX ? WORKERS_MAX : (size_t)processors;
}

static pthread_t start(void *(*thread)(void *))
{
    pthread_t id;
    int error = pthread_create(&id, NULL, thread, NULL);
    if (error != 0) {
        fprintf(stderr, "word_count: pthread_create: %s\n", strerror(error));
        exit(1);
    }
    return id;
}

static void set_inputs(int argc, char **argv)
{
    int first = 1;
    if (first < argc && strcmp(argv[first], "--") == 0)
        first++;
    else if (first < argc && argv[first][0] == '-' && argv[first][1] != '\0') {
        bool help = strcmp(argv[first], "--help") == 0;
        if (!help)
            fprintf(stderr, "word_count: unknown option '%s'\n", argv[first]);
        fprintf(help ? stdout : stderr, "usage: word_count [FILE...]\n"
                "Lines, words and bytes of each file, or of standard input, as wc prints them.\n");
        exit(help ? 0 : 2);
    }
    input_count = first < argc ? (size_t)(argc - first) : 1;
    inputs = calloc(input_count, sizeof *inputs);
    if (inputs == NULL) {
        fprintf(stderr, "word_count: not enough memory\n");
        exit(1);
    }
    for (int i = first; i < argc; i++)
        inputs[i - first].name = argv[i];
}

int main(int argc, char **argv)
{
    pthread_t workers[WORKERS_MAX];
    const size_t count = worker_count();

    set_inputs(argc, argv);
    for (size_t i = 0; i < CHUNKS; i++) {
        chunks[i].next = empty;
        empty = &chunks[i];
    }
    for (size_t i = 0; i < count; i++)
        workers[i] = start(worker);
    pthread_t the_reader = start(reader);

    bool all_good = print_all();

    pthread_join(the_reader, NULL);
    for (size_t i = 0; i < count; i++)
        pthread_join(workers[i], NULL);
    check(cond_destroy(&emptied), "cond_destroy");
    check(cond_destroy(&filled), "cond_destroy");
    check(cond_destroy(&counted), "cond_destroy");
    check(cond_lock_destroy(&lock), "cond_lock_destroy");
    free(inputs);

    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "word_count: write error: %s\n", strerror(errno));
        return 1;
    }
    return all_good ? 0 : 1;
}
