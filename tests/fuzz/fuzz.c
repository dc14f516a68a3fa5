/* SPDX-License-Identifier: MIT */
/*
 * fuzz - makes the calls of calls.h from inputs
 *
 *     fuzz [FILE or FOLDER...]            runs these inputs, and the files of these folders
 *     fuzz --steps N [--seed N]           runs random inputs until N calls were made, and shows its progress
 *     fuzz --print FILE                   prints each call
 *
 * With FUZZ_LIBFUZZER it is only the function that libFuzzer calls. With FUZZ_AFL it is a program that reads its
 * inputs from afl-fuzz, or without afl-fuzz one input from a file.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "calls.h"

enum { INPUT_MAX = 1 << 16 };

/* A fuzzer detects a crash and keeps its input. */
#if defined(FUZZ_LIBFUZZER) || defined(FUZZ_AFL)
static void crash(const uint8_t *bytes, size_t size)
{
    (void)bytes, (void)size;
    abort();
}
#endif

#ifdef FUZZ_LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    calls_failed = crash;
    calls_run(bytes, size);
    return 0;
}
#else

static uint8_t input[INPUT_MAX];
static const char *input_name;

static int run_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    if (file == NULL) {
        perror(name);
        return 1;
    }
    size_t size = fread(input, 1, sizeof input, file);
    (void)fclose(file);
    input_name = name;
    calls_run(input, size);
    return 0;
}

#  ifdef FUZZ_AFL
__AFL_FUZZ_INIT();

int main(int argc, char **argv)
{
    calls_failed = crash;
    if (argc > 1)
        return run_file(argv[1]);
    __AFL_INIT();
    const uint8_t *bytes = __AFL_FUZZ_TESTCASE_BUF;
    while (__AFL_LOOP(100000))
        calls_run(bytes, (size_t)__AFL_FUZZ_TESTCASE_LEN);
    return 0;
}
#  else

static void save_input(const uint8_t *bytes, size_t size)
{
    if (input_name == NULL) {
        input_name = "fuzz-failed.bin";
        FILE *file = fopen(input_name, "wb");
        if (file == NULL || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
            perror(input_name);
    }
    fprintf(stderr, "the input, %zu bytes: %s\n", size, input_name);
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t random_state;

static uint64_t next_random(void)
{
    /* xorshift64*, Vigna 2016 */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717) >> 16;
}

static void run_random(unsigned long steps, uint64_t seed)
{
    double began = seconds(), shown = began;
    bool progress = isatty(STDERR_FILENO) || steps > 1000000;
    unsigned long runs = 0;
    for (; calls_made() < steps; runs++) {
        random_state = (seed + runs) * UINT64_C(0x9E3779B97F4A7C15) + 1;
        size_t size = (size_t)(16 + next_random() % (next_random() % 4 == 0 ? 4000 : 400));
        for (size_t i = 0; i < size; i++)
            input[i] = (uint8_t)next_random();
        calls_run(input, size);
        double now = seconds();
        if (progress && now - shown >= 1) {
            fprintf(stderr, "\r%lu of %lu steps in %.0f s, %.0f steps/s ", calls_made(), steps, now - began,
                    (double)calls_made() / (now - began));
            shown = now;
        }
    }
    if (progress)
        fprintf(stderr, "\n");
    printf(
        "%lu steps in %lu random runs from seed %llu, all as in the reference model; %lu runs had too many states to "
        "check; %.0f steps/s\n",
        calls_made(), runs, (unsigned long long)seed, calls_given_up(),
        (double)calls_made() / (seconds() - began));
}

static unsigned run_folder(DIR *folder, const char *name, int *failed)
{
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
        *failed |= run_file(path);
        count++;
    }
    (void)closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    unsigned long steps = 0;
    uint64_t seed = 1;
    unsigned files = 0;
    int failed = 0;
    calls_failed = save_input;
    for (int i = 1; i < argc; i++) {
        DIR *folder;
        if (strcmp(argv[i], "--steps") == 0 && i + 1 < argc)
            steps = strtoul(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 0);
        else if (strcmp(argv[i], "--print") == 0)
            calls_print(1);
        else if ((folder = opendir(argv[i])) != NULL)
            files += run_folder(folder, argv[i], &failed);
        else
            failed |= run_file(argv[i]), files++;
    }
    if (files > 0)
        printf("%lu steps in %u inputs, all as in the reference model\n", calls_made(), files);
    if (steps > 0) {
        input_name = NULL;
        run_random(steps, seed);
    }
    if (files == 0 && steps == 0) {
        fprintf(stderr, "usage: %s [--steps N] [--seed N] [--print] [INPUT...]\n", argv[0]);
        failed = 2;
    }
    return failed;
}
#  endif
#endif
