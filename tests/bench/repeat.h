/* SPDX-License-Identifier: MIT */
#ifndef BENCH_REPEAT_H
#define BENCH_REPEAT_H

/*
 * What shared.c and tasks.c have in common: checks, arguments, and the statistics of repeated measurements. The
 * includer has set _GNU_SOURCE.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_REPETITIONS = 1000 };

static void check(int error, const char *call)
{
    if (error != 0) {
        fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, call, strerror(error));
        exit(1);
    }
}

#define CHECK(call) check((call), #call)
#define CHECK_ERRNO(call) check((call) < 0 ? errno : 0, #call)

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* The value below which so many percent of the values are; sorts them. */
static double percentile(double *values, size_t n, size_t percent)
{
    qsort(values, n, sizeof *values, compare);
    return values[(n - 1) * percent / 100];
}

/* The median of the ratios and their quartiles; sorts them. */
static void print_ratios(double *ratios, size_t n)
{
    printf("   %.2f [%.2f, %.2f]", percentile(ratios, n, 50), percentile(ratios, n, 25), percentile(ratios, n, 75));
}

static size_t parse(const char *text, unsigned long max)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < 1 || n > max) {
        fprintf(stderr, "%s: not a number from 1 to %lu: '%s'\n", program_invocation_short_name, max, text);
        exit(2);
    }
    return n;
}

#endif
