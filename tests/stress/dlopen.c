/* SPDX-License-Identifier: MIT */
/*
 * A program that is not linked with the library loads a plugin that is, and unloads it, again and again.
 *
 *      dlopen LIBRARY PLUGIN
 *      dlopen --refused LIBRARY        the control: this library cannot be loaded by dlopen()
 *
 * Threads that started before the library was loaded use it, and new ones, tasks, processes and a forked child. Then
 * the plugin is unloaded; the threads that have used it run on, and the process forks again. With glibc the library
 * must be unloaded by then; other C libraries may keep it.
 */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOADS = 100, THREADS = 3, LOADS_WITH_THREADS = 10 };

typedef void use_t(void);

static pthread_barrier_t loaded, used, unloaded;
static use_t *use_alone; /* written while the threads are at `loaded` */

static void require(int condition, const char *what)
{
    if (condition)
        return;
    const char *reason = dlerror();
    fprintf(stderr, "%s%s%s\n", what, reason != NULL ? ": " : "", reason != NULL ? reason : "");
    _Exit(1);
}

/* Starts before the library is loaded, uses it, and ends after it was unloaded. */
static void *outlive_library(void *arg)
{
    (void)pthread_barrier_wait(&loaded);
    use_alone();
    (void)pthread_barrier_wait(&used);
    (void)pthread_barrier_wait(&unloaded);
    return arg;
}

static use_t *find(void *library, const char *name)
{
    use_t *function;
    *(void **)&function = dlsym(library, name);
    require(function != NULL, name);
    return function;
}

static void fork_and(use_t *use)
{
    int status;
    pid_t child = fork();
    require(child >= 0, "fork failed");
    if (child == 0) {
        if (use != NULL)
            use();
        _Exit(0);
    }
    require(waitpid(child, &status, 0) == child && status == 0, "the child has failed");
}

/* The library alone, as a foreign-function interface loads it. */
static void load_library(const char *path)
{
    int64_t (*now)(void);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    require(library != NULL, "the library cannot be loaded");
    *(void **)&now = dlsym(library, "cond_now");
    require(now != NULL && now() > 0, "cond_now");
    require(dlclose(library) == 0, "the library cannot be closed");
}

static void load_plugin(const char *path, int with_threads)
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; with_threads && i < THREADS; i++)
        require(pthread_create(&threads[i], NULL, outlive_library, NULL) == 0, "no thread");
    void *plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    require(plugin != NULL, "the plugin cannot be loaded");
    use_alone = find(plugin, "plugin_use_alone");
    use_alone();
    if (with_threads) {
        find(plugin, "plugin_use")();
        (void)pthread_barrier_wait(&loaded);
        (void)pthread_barrier_wait(&used);
        fork_and(find(plugin, "plugin_after_fork"));
    }
    require(dlclose(plugin) == 0, "the plugin cannot be closed");
#ifdef __GLIBC__
    require(dlopen(path, RTLD_NOW | RTLD_NOLOAD) == NULL, "the plugin is still loaded");
#endif
    if (with_threads) {
        fork_and(NULL);
        (void)pthread_barrier_wait(&unloaded);
        for (unsigned i = 0; i < THREADS; i++)
            (void)pthread_join(threads[i], NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: dlopen LIBRARY PLUGIN, dlopen --refused LIBRARY\n");
        return 2;
    }
    if (strcmp(argv[1], "--refused") == 0) {
        require(dlopen(argv[2], RTLD_NOW | RTLD_LOCAL) == NULL, "was not refused");
        printf("refused: %s\n", dlerror());
        return 0;
    }
    for (unsigned i = 0; i < 3; i++) {
        pthread_barrier_t *barrier = i == 0 ? &loaded : i == 1 ? &used : &unloaded;
        (void)pthread_barrier_init(barrier, NULL, THREADS + 1);
    }
    for (unsigned i = 0; i < LOADS; i++) {
        load_library(argv[1]);
        load_plugin(argv[2], i < LOADS_WITH_THREADS);
#ifdef __GLIBC__
        require(dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == NULL, "the library is still loaded");
#endif
    }
    printf("loaded %d times\n", LOADS);
    return 0;
}
