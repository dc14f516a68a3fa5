/* SPDX-License-Identifier: MIT */
#ifndef PAGE_H
#define PAGE_H

/*
 * A table of a test that is a part of docs/reference/misuse.md too. After unit.h.
 *
 *      PROGRAM --markdown      prints the table
 *      PROGRAM --check PAGE    fails if the page has another one
 */

/* The whole of a stream, with a closing zero. */
static char *contents_of(FILE *file)
{
    size_t size = 0, length = 0;
    char *text = NULL;
    do {
        size += 65536;
        text = realloc(text, size);
        REQUIRE(text != NULL);
        length += fread(text + length, 1, size - length - 1, file);
    } while (length == size - 1);
    text[length] = '\0';
    return text;
}

/* The table must stand between the two marks. */
static int page_check(const char *page, const char *begin_mark, const char *end_mark, void (*print)(FILE *out))
{
    FILE *file = fopen(page, "r"), *printed = tmpfile();
    if (file == NULL) {
        (void)fprintf(stderr, "%s cannot be read: %s\n", page, strerror(errno));
        return 1;
    }
    REQUIRE(printed != NULL);
    print(printed);
    rewind(printed);
    char *text = contents_of(file), *table = contents_of(printed);
    (void)fclose(file);
    (void)fclose(printed);
    char *begin = strstr(text, begin_mark);
    char *end = begin != NULL ? strstr(begin, end_mark) : NULL;
    bool same = false;
    if (end != NULL) {
        begin += strlen(begin_mark);
        same = (size_t)(end - begin) == strlen(table) && memcmp(begin, table, strlen(table)) == 0;
    }
    if (!same)
        (void)fprintf(stderr,
                      "%s: the table differs from what --markdown prints,\n"
                      "which belongs between these lines:\n%s%s",
                      page, begin_mark, end_mark + 1);
    free(text);
    free(table);
    return same ? 0 : 1;
}

/* --markdown or --check: the exit status. Else -1. */
static int page_command(int argc, char *argv[], const char *name, void (*print)(FILE *out))
{
    char begin_mark[100];
    (void)snprintf(begin_mark, sizeof begin_mark, "<!-- printed by tests/unit/%s --markdown -->\n", name);
    if (argc == 2 && strcmp(argv[1], "--markdown") == 0) {
        print(stdout);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        return page_check(argv[2], begin_mark, "\n<!-- end of what it prints -->\n", print);
    return -1;
}

#endif
