/* SPDX-License-Identifier: MIT */
/* A thread waits for whichever of several things comes first. (docs/cookbook.md) */
#include <condvar.h>
#include <stdio.h>

enum { SOURCES = 3, LINES = 2 };

static cond_t changed = COND_INIT; /* one condition for all events */
static int lines[SOURCES];         /* under its lock: the lines that each source has */
static bool is_reload_wanted;

static int source_with_line(void)
{
    for (int i = 0; i < SOURCES; i++)
        if (lines[i] > 0)
            return i;
    return -1;
}

static bool has_anything(void *arg)
{
    (void)arg;
    return is_reload_wanted || source_with_line() >= 0;
}

static void *write_lines(void *arg)
{
    int *count = arg;
    for (int i = 0; i < LINES; i++)
        COND_WITH(&changed) {
            ++*count;
            cond_notify(&changed, 1);
        }
    return NULL;
}

static void *reload(void *arg)
{
    COND_WITH(&changed) {
        is_reload_wanted = true;
        cond_notify(&changed, 1);
    }
    return arg;
}

int main(void)
{
    pthread_t threads[SOURCES + 1];
    int taken[SOURCES] = {0}, reloads = 0, error;
    for (int i = 0; i < SOURCES; i++)
        pthread_create(&threads[i], NULL, write_lines, &lines[i]);
    pthread_create(&threads[SOURCES], NULL, reload, NULL);

    cond_acquire(&changed);
    for (int i = 0; i < SOURCES * LINES + 1; i++) {
        cond_wait_for(&changed, has_anything, NULL, COND_FOREVER);
        if (is_reload_wanted) { /* check the most important event first */
            is_reload_wanted = false;
            reloads++;
        } else {
            int source = source_with_line();
            lines[source]--;
            taken[source]++;
        }
    }
    error = cond_wait_for(&changed, has_anything, NULL, COND_MS(10));
    cond_release(&changed);
    printf("lines: %d %d %d, reloads: %d, then timed out: %d\n", taken[0], taken[1], taken[2],
           reloads, error == ETIMEDOUT);
    for (int i = 0; i <= SOURCES; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

/* Prints:
lines: 2 2 2, reloads: 1, then timed out: 1
 */
