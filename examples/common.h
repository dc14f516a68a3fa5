/* SPDX-License-Identifier: MIT */
/*
 * common.h - what the examples share: options, checked calls, the exit status
 *
 * Nothing in this file is about conditions. Every example exits with
 *
 *     0   the result is right
 *     1   the result is wrong, a call failed, or the output could not be written
 *     2   the command line is wrong
 *
 * Include this file first: it selects what the system's headers declare.
 */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#ifndef _POSIX_C_SOURCE
#  define _POSIX_C_SOURCE 200809L
#endif
#ifndef _DEFAULT_SOURCE
#  define _DEFAULT_SOURCE
#endif

#include <condvar.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *program_name = "example"; /* begins each message; read_options() sets it */

/* ---- Checked calls ---------------------------------------------------------------------------------- */

static inline void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", program_name, what, why);
    exit(1);
}

static inline void check(int error, const char *call)
{
    if (error != 0)
        fail(call, cond_strerror(error));
}

/* Ends the program with a message if the call returns an error. */
#define CHECK(call) check((call), #call)

static inline pthread_t start_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, arg);
    if (error != 0)
        fail("pthread_create", strerror(error));
    return thread;
}

static inline void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL)
        fail("calloc", strerror(ENOMEM));
    return memory;
}

static inline void sleep_seconds(double seconds)
{
    struct timespec left;
    left.tv_sec = (time_t)seconds;
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while ((left.tv_sec > 0 || left.tv_nsec > 0) && nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* ---- Options ---------------------------------------------------------------------------------------- */

/* One option with a number: `--name N` or `--name=N`. A table of options ends with an option without a name. */
struct number_option {
    const char *name;
    const char *meaning; /* for --help */
    size_t *whole;       /* holds the default, receives a whole number; or NULL: */
    double *fraction;    /* the same for a number with a fraction */
    size_t min, max;     /* of the number */
    bool given;          /* set if the command line has the option */
};

/* Flushes the output. Returns the exit status of the program. */
static inline int end_program(bool right)
{
    bool failed = ferror(stdout) != 0; /* an earlier write; its errno is lost */
    errno = 0;
    if (fflush(stdout) != 0 || failed) {
        int error = errno;
        fprintf(stderr, "%s: write error", program_name);
        if (error != 0)
            fprintf(stderr, ": %s", strerror(error));
        fputc('\n', stderr);
        return 1;
    }
    if (!right)
        fprintf(stderr, "%s: the result is wrong\n", program_name);
    return right ? 0 : 1;
}

static inline void print_help(const char *operands, const char *about, const struct number_option *options)
{
    printf("usage: %s [OPTION]...%s\n%s\n\n", program_name, operands != NULL ? operands : "", about);
    for (; options->name != NULL; options++) {
        int padding = 10 - (int)strlen(options->name);
        printf("  --%s N%*s  %s, %zu to %zu", options->name, padding > 0 ? padding : 0, "", options->meaning,
               options->min, options->max);
        if (options->whole != NULL)
            printf(" (default: %zu)\n", *options->whole);
        else
            printf(" (default: %g)\n", *options->fraction);
    }
    printf("  --help          print this text and exit\n");
}

/* Ends the program after a message about the command line. */
static inline void exit_wrong_usage(void)
{
    fprintf(stderr, "Try '%s --help' for more information.\n", program_name);
    exit(2);
}

/* Reads the value of an option. `text` is NULL if the command line ends before the value. */
static inline void read_number(struct number_option *option, const char *text)
{
    char *end = NULL;
    bool valid = false;
    errno = 0;
    if (text == NULL) {
        fprintf(stderr, "%s: option '--%s' requires an argument\n", program_name, option->name);
        exit_wrong_usage();
    } else if (option->whole != NULL) {
        unsigned long value = strtoul(text, &end, 10);
        *option->whole = (size_t)value;
        valid = text[0] >= '0' && text[0] <= '9' && value >= option->min && value <= option->max;
    } else {
        double value = strtod(text, &end);
        *option->fraction = value;
        valid = end != text && value >= (double)option->min && value <= (double)option->max; /* false for NaN */
    }
    if (!valid || errno != 0 || *end != '\0') {
        fprintf(stderr, "%s: invalid argument '%s' for '--%s': expected a number from %zu to %zu\n", program_name,
                text, option->name, option->min, option->max);
        exit_wrong_usage();
    }
    option->given = true;
}

/* Reads the option at argv[place] and returns the place of its last word. */
static inline int read_option(int place, char **argv, struct number_option *options)
{
    const char *word = argv[place] + 2; /* without the dashes */
    size_t length = strcspn(word, "=");
    for (; strncmp(argv[place], "--", 2) == 0 && options->name != NULL; options++)
        if (strlen(options->name) == length && strncmp(options->name, word, length) == 0) {
            if (word[length] == '=') {
                read_number(options, word + length + 1);
                return place;
            }
            read_number(options, argv[place + 1]);
            return place + 1;
        }
    fprintf(stderr, "%s: unrecognized option '%s'\n", program_name, argv[place]);
    exit_wrong_usage();
    return place;
}

/*
 * Sets program_name and reads the options. With --help, prints the help and exits. `operands` is the text for the
 * operands in the help, such as " [FILE]..."; NULL: operands are refused. Returns the place of the first operand.
 */
static inline int read_options(int argc, char **argv, const char *operands, const char *about,
                               struct number_option *options)
{
    int place;
    for (const char *at = program_name = argv[0]; *at != '\0'; at++)
        if (*at == '/' || *at == '\\')
            program_name = at + 1;
    for (place = 1; place < argc && argv[place][0] == '-' && argv[place][1] != '\0'; place++) {
        if (strcmp(argv[place], "--help") == 0) {
            print_help(operands, about, options);
            exit(end_program(true));
        }
        if (strcmp(argv[place], "--") == 0) {
            place++;
            break;
        }
        place = read_option(place, argv, options);
    }
    if (place < argc && operands == NULL) {
        fprintf(stderr, "%s: extra operand '%s'\n", program_name, argv[place]);
        exit_wrong_usage();
    }
#ifdef F_GETFD /* POSIX */
    /* If standard output is closed, the next file to be opened would get its number, and the output would go there. */
    if (fcntl(1, F_GETFD) < 0)
        fail("write error", strerror(errno));
#endif
    return place;
}

#endif
