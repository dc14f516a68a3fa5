/* SPDX-License-Identifier: MIT */
/*
 * A plugin that uses the library: threads, tasks and processes, each for a short time. The program that loads it
 * (dlopen.c) does not use the library. Compiled with PLUGIN_MAIN it is a program by itself, to be linked statically.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "loop.h"
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "plugin.h"

enum { ITEMS = 100, ROOM = 3 };

static struct {
    cond_t changed;
    unsigned items, taken; /* under the lock, as all below */
} buffer = {.changed = COND_INIT};

static bool has_room(void *arg) { (void)arg; return buffer.items < ROOM; }

static bool has_item(void *arg) { (void)arg; return buffer.items > 0; }

static void *produce(void *arg)
{
    for (unsigned i = 0; i < ITEMS; i++) {
        CHECK_OK(cond_acquire(&buffer.changed));
        CHECK_OK(cond_wait_for(&buffer.changed, has_room, NULL, COND_FOREVER));
        buffer.items++;
        CHECK_OK(cond_notify(&buffer.changed, 1));
        CHECK_OK(cond_release(&buffer.changed));
    }
    return arg;
}

/* ---- A thread as the consumer, and a task ---- */

static void use_threads(void)
{
    pthread_t producer = stress_start(produce, NULL);
    CHECK_OK(cond_acquire(&buffer.changed));
    for (unsigned i = 0; i < ITEMS; i++) {
        CHECK_OK(cond_wait_for(&buffer.changed, has_item, NULL, COND_FOREVER));
        buffer.items--;
        CHECK_OK(cond_notify(&buffer.changed, 1));
    }
    CHECK_RESULT(cond_wait(&buffer.changed, COND_US(100)), ETIMEDOUT);
    CHECK_OK(cond_release(&buffer.changed));
    stress_join(producer);
}

struct client {
    struct post post;
    cond_task_t task;
    struct loop loop;
    int result; /* of the request that was posted */
    bool holds;
};

static void ready(cond_task_t *task, int result)
{
    struct client *client = cond_task_user(task);
    client->result = result;
    loop_post(&client->loop, &client->post);
}

/* On the loop, after a request: continue until one is in progress. */
static void run_client(struct post *post)
{
    struct client *client = (struct client *)post; /* its first member */
    for (int result = client->result; result != EINPROGRESS;) {
        CHECK_OK(result);
        if (!client->holds) {
            client->holds = true;
        } else {
            buffer.items--;
            CHECK_OK(cond_task_notify(&buffer.changed, &client->task, 1));
            if (++buffer.taken == ITEMS) {
                CHECK_OK(cond_task_release(&buffer.changed, &client->task));
                loop_stop(&client->loop);
                return;
            }
        }
        result = cond_task_wait_for(&buffer.changed, &client->task, has_item, NULL);
    }
}

static void begin(struct post *post)
{
    struct client *client = (struct client *)post;
    client->post.run = run_client;
    client->result = cond_task_acquire(&buffer.changed, &client->task);
    if (client->result != EINPROGRESS)
        run_client(post);
}

static void use_tasks(void)
{
    struct client client = {.post = {.run = begin}};
    CHECK_OK(cond_task_init(&client.task, ready, &client));
    buffer.taken = 0;
    loop_start(&client.loop);
    loop_post(&client.loop, &client.post);
    pthread_t producer = stress_start(produce, NULL);
    stress_join(producer);
    loop_join(&client.loop);
    CHECK_EQ(buffer.items, 0);
}

/* ---- Processes ---- */

struct shared {
    cond_t cond;
    bool ready; /* under the lock */
};

static bool is_ready(void *arg) { return ((struct shared *)arg)->ready; }

/* The child sets what the parent waits for. */
static void use_processes(void)
{
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED, "cannot map memory");
    int error = cond_init(&shared->cond, NULL, COND_SHARED);
    if (error == 0) {
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0, "fork failed");
        if (child == 0) {
            CHECK_OK(cond_acquire(&shared->cond));
            shared->ready = true;
            CHECK_OK(cond_notify_all(&shared->cond));
            CHECK_OK(cond_release(&shared->cond));
            _Exit(0);
        }
        CHECK_OK(cond_acquire(&shared->cond));
        CHECK_OK(cond_wait_for(&shared->cond, is_ready, shared, COND_FOREVER));
        CHECK_OK(cond_release(&shared->cond));
        int status;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        CHECK_OK(cond_destroy(&shared->cond));
    } else {
        CHECK_RESULT(error, ENOTSUP);
    }
    CHECK_EQ(munmap(shared, sizeof *shared), 0);
}

/* ---- What the program calls ---- */

void plugin_use(void)
{
    use_threads();
    use_tasks();
    use_processes();
}

/* Without threads: in the child of a process with threads, sanitizers and emulators cannot start any. */
void plugin_use_alone(void)
{
    CHECK_OK(cond_acquire(&buffer.changed));
    CHECK_RESULT(cond_wait_for(&buffer.changed, has_item, NULL, COND_US(100)), ETIMEDOUT);
    CHECK_OK(cond_notify_all(&buffer.changed));
    CHECK_OK(cond_release(&buffer.changed));
}

void plugin_after_fork(void)
{
    CHECK_OK(cond_reinit_after_fork(&buffer.changed));
    plugin_use_alone();
}

#ifdef PLUGIN_MAIN
int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    for (unsigned round = 0; round < stress_rounds(10); round++) {
        plugin_use();
        pid_t child = fork();
        CHECK(child >= 0, "fork failed");
        if (child == 0) {
            plugin_after_fork();
            _Exit(0);
        }
        int status;
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, 0);
        plugin_use_alone();
    }
    return 0;
}
#endif
