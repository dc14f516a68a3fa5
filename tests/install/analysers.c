/* SPDX-License-Identifier: MIT */
/* Errors that the analysers must find, for analysers.sh. This file is never compiled. */
#include <stddef.h>
#include <stdlib.h>

int through_null(const int *place);
int through_null(const int *place)
{
    if (place == NULL)
        return *place; /* the static analyser: dereference of a null pointer */
    return 0;
}

int past_the_end(void);
int past_the_end(void)
{
    int places[4] = {0};
    return places[4]; /* cppcheck: out of bounds */
}

int nothing(int value);
int nothing(int value)
{
    return value - value; /* clang-tidy: the same on both sides */
}
