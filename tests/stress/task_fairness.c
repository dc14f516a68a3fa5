/* SPDX-License-Identifier: MIT */
/*
 * No thread and no task starves while tasks hand each other the lock and threads want it all the time. 16 tasks on a
 * loop acquire again as soon as they have released, so a release always finds a task. Threads acquire again at once, or
 * with a timeout that they never reach, or wait and are notified by the tasks. All continue until each has had its
 * share. If one starves, this program does not end. It prints how long they waited; starvation.c judges that.
 */
#include "loop.h"

enum { TASKS = 16, THREADS_MAX = 12 };
enum { WAITER, TIMED, HAMMERER, PARTS };

static const char *const part_names[PARTS] = {"a notified thread", "acquire_timed", "threads that hammer"};

struct test {
    struct subject subject;
    struct loop loop;
    unsigned share;      /* fixed: how often each must acquire the lock */
    int64_t hold_ns;     /* fixed: how long a thread holds the lock */
    unsigned inside;     /* under the lock, as all below */
    unsigned hungry;     /* tasks and threads without their share */
    unsigned tasks_left; /* which have not ended */
};

struct client {
    struct post post;
    cond_task_t task;
    struct test *test;
    unsigned had;
};

struct member {
    struct test *test;
    pthread_t thread;
    unsigned part, had;
    struct spread waited;
};

/* Caller must hold the lock. */
static void use_lock(struct test *test, unsigned *had)
{
    CHECK_EQ(test->inside++, 0);
    if (++*had == test->share)
        test->hungry--;
    if (*had % 16 == 0)
        stress_yield(); /* as if its time slice ended while it holds the lock */
    CHECK_EQ(--test->inside, 0);
}

/* The task holds the lock. This is called again when it holds it again. */
static void run_client(struct post *post)
{
    struct client *self = (struct client *)((uintptr_t)post - offsetof(struct client, post));
    struct test *test = self->test;
    cond_t *cond = &test->subject.cond;
    use_lock(test, &self->had);
    CHECK_OK(cond_task_notify(cond, &self->task, 1));
    bool over = test->hungry == 0;
    bool last = over && --test->tasks_left == 0;
    CHECK_OK(cond_task_release(cond, &self->task));
    if (last)
        loop_stop(&test->loop);
    if (over)
        return;
    int answer = cond_task_acquire(cond, &self->task);
    if (answer == EINPROGRESS)
        return;
    CHECK_OK(answer);
    loop_post(&test->loop, &self->post);
}

static void on_ready(cond_task_t *task, int result)
{
    struct client *self = cond_task_user(task);
    CHECK_OK(result);
    loop_post(&self->test->loop, &self->post);
}

static void *run_thread(void *arg)
{
    struct member *self = arg;
    struct test *test = self->test;
    cond_t *cond = &test->subject.cond;
    for (bool over = false; !over;) {
        int64_t before_ns = cond_now();
        if (self->part == TIMED)
            CHECK_OK(cond_acquire_timed(cond, COND_SEC(100000)));
        else
            CHECK_OK(cond_acquire(cond));
        if (self->part == WAITER)
            CHECK_OK(cond_wait(cond, COND_FOREVER));
        if (self->had < test->share)
            spread_add(&self->waited, cond_now() - before_ns);
        use_lock(test, &self->had);
        if (test->hold_ns > 0)
            stress_spin_until(cond_now() + test->hold_ns);
        /* A waiter ends with its share: it could wait for ever when the tasks have ended. */
        over = test->hungry == 0 || (self->part == WAITER && self->had >= test->share);
        CHECK_OK(cond_release(cond));
    }
    return NULL;
}

static void run_case(enum kind kind, unsigned threads, unsigned share, int64_t hold_ns)
{
    struct test test = {
        .share = share, .hold_ns = hold_ns, .hungry = TASKS + threads, .tasks_left = TASKS};
    struct client clients[TASKS];
    struct member members[THREADS_MAX];
    subject_make(&test.subject, kind);
    loop_start(&test.loop);
    /* All tasks want the lock before the first one runs. */
    CHECK_OK(cond_acquire(&test.subject.cond));
    for (unsigned i = 0; i < TASKS; i++) {
        clients[i] = (struct client){.post = {.run = run_client}, .test = &test};
        CHECK_OK(cond_task_init(&clients[i].task, on_ready, &clients[i]));
        CHECK_RESULT(cond_task_acquire(&test.subject.cond, &clients[i].task), EINPROGRESS);
    }
    TEAM_START(members, threads, run_thread, .test = &test, .part = i < HAMMERER ? i : HAMMERER);
    CHECK_OK(cond_release(&test.subject.cond));
    TEAM_JOIN(members, threads);
    loop_join(&test.loop);
    for (unsigned i = 0; i < TASKS; i++)
        CHECK(clients[i].had >= test.share, "task %u had the lock %u times", i, clients[i].had);
    subject_unmake(&test.subject);
    for (unsigned part = 0; part < PARTS; part++) {
        struct spread all = {NULL, 0, 0};
        for (unsigned i = 0; i < threads; i++)
            for (size_t j = 0; members[i].part == part && j < members[i].waited.count; j++)
                spread_add(&all, members[i].waited.values[j]);
        spread_print(&all, part_names[part]);
    }
    for (unsigned i = 0; i < threads; i++)
        free(members[i].waited.values);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    for (enum kind kind = 0; kind < PRIVATE_KINDS; kind++) {
        printf("  %s:\n", kind_names[kind]);
        fflush(stdout); /* this is what hangs, if it hangs */
        run_case(kind, 4, stress_rounds(50), 0);
        /* So many, and for so long, that a thread always starves. */
        run_case(kind, THREADS_MAX, stress_rounds(10), COND_US(200));
    }
    return 0;
}
