/* SPDX-License-Identifier: MIT */
/*
 * word_count.c - count lines, words and bytes of files as `LC_ALL=C wc` does, with several threads
 *
 *     examples/run word_count FILE...
 *     examples/run word_count < FILE
 *
 * The main thread reads the files into a ring of chunks, and workers count the full chunks. Workers wait on the
 * condition `filled`. The main thread waits on the condition `emptied`: for an empty chunk, and, at the end of a file,
 * until all chunks are counted. Both conditions use the same lock.
 *
 * The numbers are those of wc; each column is at least 7 characters wide. A word is a sequence of bytes that are not
 * white space, as in POSIX. If a file cannot be read, the program counts the other files and exits with 1.
 */
#include "common.h"

#include <inttypes.h>
#include <unistd.h>

enum { CHUNK_SIZE = 128 * 1024, CHUNKS = 32, WORKERS = 4 };

struct counts {
    uint64_t lines, words, bytes;
};

static cond_lock_t lock = COND_MUTEX_INIT;     /* guards all that follows */
static cond_t filled = COND_INIT_WITH(&lock);  /* closed after the last file */
static cond_t emptied = COND_INIT_WITH(&lock);
static size_t read_chunks, taken_chunks, counted_chunks; /* so far, of all files */
static struct counts counts;                             /* of the file that is being read */

/* The bytes need no lock: the main thread fills an empty chunk, and one worker reads a full chunk. */
static struct chunk {
    size_t size;                         /* 0: empty */
    unsigned char bytes[1 + CHUNK_SIZE]; /* the last byte of the chunk before, then the bytes to count */
} chunks[CHUNKS];

static bool is_empty(void *arg) { return ((struct chunk *)arg)->size == 0; }
static bool has_full(void *arg) { return (void)arg, taken_chunks < read_chunks; }
static bool are_all_counted(void *arg) { return (void)arg, counted_chunks == read_chunks; }

/* ---- The workers ------------------------------------------------------------------------------------ */

static unsigned is_space(unsigned char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static struct counts count_chunk(const struct chunk *chunk)
{
    struct counts found = {.bytes = chunk->size};
    for (size_t i = 1; i <= chunk->size; i++) {
        found.lines += chunk->bytes[i] == '\n';
        found.words += is_space(chunk->bytes[i - 1]) & !is_space(chunk->bytes[i]); /* a word begins */
    }
    return found;
}

static void add(struct counts *sum, const struct counts *more)
{
    sum->lines += more->lines;
    sum->words += more->words;
    sum->bytes += more->bytes;
}

static void *worker(void *arg)
{
    int error;
    CHECK(cond_lock_acquire(&lock));
    while ((error = cond_wait_for(&filled, has_full, NULL, COND_FOREVER)) == 0) {
        struct chunk *chunk = &chunks[taken_chunks++ % CHUNKS];
        CHECK(cond_lock_release(&lock));
        struct counts found = count_chunk(chunk);
        CHECK(cond_lock_acquire(&lock));
        add(&counts, &found);
        counted_chunks++;
        chunk->size = 0;
        CHECK(cond_notify(&emptied, 1));
    }
    CHECK(cond_lock_release(&lock));
    check(error == ECANCELED ? 0 : error, "cond_wait_for");
    return arg;
}

/* ---- The main thread -------------------------------------------------------------------------------- */

/* Returns 0 or an errno value. *result receives the counts of what could be read. */
static int count_file(int file, struct counts *result)
{
    unsigned char before = '\n';
    ssize_t size;
    do {
        struct chunk *chunk = &chunks[read_chunks % CHUNKS]; /* only this thread changes read_chunks */
        COND_WITH(&lock)
            CHECK(cond_wait_for(&emptied, is_empty, chunk, COND_FOREVER));
        while ((size = read(file, chunk->bytes + 1, CHUNK_SIZE)) < 0 && errno == EINTR)
            ;
        if (size > 0) {
            chunk->bytes[0] = before;
            before = chunk->bytes[size];
            COND_WITH(&lock) {
                chunk->size = (size_t)size;
                read_chunks++;
                CHECK(cond_notify(&filled, 1));
            }
        }
    } while (size > 0);
    int error = size < 0 ? errno : 0;
    COND_WITH(&lock) {
        CHECK(cond_wait_for(&emptied, are_all_counted, NULL, COND_FOREVER));
        *result = counts;
        counts = (struct counts){0};
    }
    return error;
}

/* `name` is NULL for standard input without a name. */
static void print_counts(const struct counts *c, const char *name)
{
    printf("%7" PRIu64 " %7" PRIu64 " %7" PRIu64 "%s%s\n", c->lines, c->words, c->bytes, name != NULL ? " " : "",
           name != NULL ? name : "");
}

/* Returns false if the file could not be read. */
static bool count_input(const char *name, struct counts *total)
{
    struct counts found = {0};
    int file = name == NULL || strcmp(name, "-") == 0 ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    int error = file < 0 ? errno : count_file(file, &found);
    if (error != 0) {
        fflush(stdout);
        fprintf(stderr, "word_count: %s: %s\n", name != NULL ? name : "standard input", strerror(error));
    }
    if (file >= 0)
        print_counts(&found, name);
    if (file > STDIN_FILENO)
        close(file);
    add(total, &found);
    return error == 0;
}

int main(int argc, char **argv)
{
    static char *standard_input[] = {NULL};
    struct number_option no_options = {0};
    int first = read_options(argc, argv, " [FILE]...", "Counts lines, words and bytes as wc does.", &no_options);
    int count = first < argc ? argc - first : 1;
    char **names = first < argc ? argv + first : standard_input;

    pthread_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start_thread(worker, NULL);

    struct counts total = {0};
    bool all_read = true;
    for (int i = 0; i < count; i++)
        all_read = count_input(names[i], &total) && all_read;
    if (count > 1)
        print_counts(&total, "total");

    COND_WITH(&lock)
        CHECK(cond_close(&filled));
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i], NULL);
    int status = end_program(true);
    return all_read ? status : 1;
}
