/* SPDX-License-Identifier: MIT */
/*
 * For hours: all other stress programs, again and again, several at a time, each with a seed and a length of its own,
 * on one core or on all, some of them stopped and continued at random.
 *
 *      soak [--minutes N] [--runs N] [--hang SECONDS] [--seed S] [--results FILE]
 *
 * It prints its progress now and then. The first violation ends it: it prints the output of the program, with its
 * conditions described, and its name and seed. A program that hangs gets SIGQUIT and describes its conditions too.
 * A line with the figures is appended to FILE: seed, runs, hand-offs, timeouts, cancels, kills, longest wait in
 * seconds, and `passed` or `violation`.
 *
 * A program hangs if for a minute (--hang) all its threads are asleep at each look, use no CPU time and stay the same.
 * Its first thread, which waits for the others by looking, may have used a second or more: that is enough to have
 * looked. A program also hangs if it takes half an hour for what should take seconds.
 */
#include "quiet.h"
#include "shared_process.h"
#include <dirent.h>
#include <fcntl.h>

static const char *const programs[] = {SOAK_PROGRAMS}; /* by meson.build: the first MANY_HANDOFFS make many */

enum { PROGRAMS = sizeof programs / sizeof *programs, JOBS_MAX = 16 };
#define LOOK_EVERY_NS COND_MS(5)
#define HANG_AWAKE_NS COND_SEC(1800)
enum { LOOKED_TICKS = 100 }; /* a second */

/* How long each program takes, as far as is known. */
static struct {
    double ns_per_scale; /* 0: not known */
    unsigned long runs;
} known[PROGRAMS];

struct job {
    pid_t process; /* 0: none */
    unsigned program;
    double scale;
    uint64_t seed;
    int core; /* or -1 */
    bool is_stopped_at_times;
    int output; /* its output, to be printed if it fails */
    int64_t start_ns;
    int64_t asleep_since_ns;       /* or 0 */
    unsigned long long progress;   /* by then: the ticks of all threads but the first, and the sum of their numbers */
    unsigned long long first_used; /* by then: the ticks of the first thread */
};

static struct {
    char folder[PATH_MAX];
    struct stress_counters *counters;
    struct job jobs[JOBS_MAX];
    unsigned jobs_count;
    cpu_set_t cores;
    struct rng rng;
    unsigned schedule[PROGRAMS]; /* of this round */
    unsigned next;
    unsigned long started, finished, skipped;
    int64_t start_ns, hang_ns;
    const char *results; /* the name of a file, or NULL */
} soak;

/* ---- Whether a program hangs ---- */

/* Whether all threads of a process but `except` sleep. Adds the time that they have used, and their numbers: a new
   thread is progress too. */
static bool process_sleeps(pid_t process, pid_t except, unsigned long long *progress)
{
    char path[64];
    bool asleep = true;
    (void)snprintf(path, sizeof path, "/proc/%d/task", (int)process);
    DIR *threads = opendir(path);
    if (threads == NULL)
        return true; /* it has ended */
    for (const struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        if (thread != 0 && thread != except) {
            asleep = quiet_look(process, thread, progress) == 'S' && asleep;
            *progress += (unsigned)thread;
        }
    }
    (void)closedir(threads);
    return asleep;
}

/* The same of its children. They have no children. */
static bool children_sleep(pid_t process, unsigned long long *progress)
{
    char path[80];
    int child;
    bool asleep = true;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)process, (int)process);
    FILE *children = fopen(path, "r");
    while (children != NULL && fscanf(children, "%d", &child) == 1)
        asleep = process_sleeps(child, 0, progress) && asleep;
    if (children != NULL)
        (void)fclose(children);
    return asleep;
}

static bool job_hangs(struct job *job, int64_t now_ns)
{
    unsigned long long progress = 0, first_used = 0;
    bool first_asleep = quiet_look(job->process, job->process, &first_used) == 'S';
    bool asleep = process_sleeps(job->process, job->process, &progress);
    asleep = children_sleep(job->process, &progress) && asleep;
    if (!asleep || job->asleep_since_ns == 0 || progress != job->progress) {
        job->asleep_since_ns = asleep ? now_ns : 0;
        job->progress = progress;
        job->first_used = first_used;
    }
    /* If the first thread had no core all the time, it is no hang. */
    bool looked =
        (first_asleep && first_used == job->first_used) || first_used - job->first_used >= LOOKED_TICKS;
    return (job->asleep_since_ns != 0 && now_ns - job->asleep_since_ns > soak.hang_ns && looked) ||
           now_ns - job->start_ns > HANG_AWAKE_NS;
}

/* ---- Progress ---- */

static void print_progress(void)
{
    const struct stress_counters *counters = soak.counters;
    int64_t s = (cond_now() - soak.start_ns) / 1000000000;
    printf("%3d:%02d:%02d  %lu runs, %llu hand-offs, %llu timeouts, %llu cancels, %llu kills, longest wait "
           "%.1f s\n",
           (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60), soak.finished, counters->handovers,
           counters->timeouts, counters->cancels, counters->kills, (double)counters->longest_wait_ns / 1e9);
    fflush(stdout);
}

static void append_result(const char *result)
{
    const struct stress_counters *counters = soak.counters;
    if (soak.results == NULL)
        return;
    FILE *file = fopen(soak.results, "a");
    CHECK(file != NULL, "cannot write %s: %s", soak.results, strerror(errno));
    fprintf(file, "%" PRIu64 "\t%lu\t%llu\t%llu\t%llu\t%llu\t%.1f\t%s\n", stress.seed, soak.finished,
            counters->handovers, counters->timeouts, counters->cancels, counters->kills,
            (double)counters->longest_wait_ns / 1e9, result);
    (void)fclose(file);
}

static void show_output(const struct job *job)
{
    char text[4096];
    off_t end = lseek(job->output, 0, SEEK_END);
    ssize_t length = pread(job->output, text, sizeof text - 1, end > 4095 ? end - 4095 : 0);
    text[length > 0 ? length : 0] = '\0';
    fprintf(stderr, "%s\n", text);
}

static _Noreturn void violation(struct job *job, const char *what)
{
    print_progress();
    show_output(job);
    fprintf(stderr, "violation: stress-%s --seed %" PRIu64 " --scale %g %s; on %s%s\n", programs[job->program],
            job->seed, job->scale, what, job->core >= 0 ? "one core" : "all cores",
            job->is_stopped_at_times ? ", stopped at times" : "");
    for (unsigned i = 0; i < soak.jobs_count; i++)
        if (soak.jobs[i].process != 0)
            (void)kill(soak.jobs[i].process, SIGKILL);
    append_result("violation");
    fprintf(stderr, "soak --seed %" PRIu64 " has failed after %lu runs\n", stress.seed, soak.finished);
    exit(1);
}

/* ---- Jobs ---- */

/* Each once. Then, two runs of three are of a program that makes many hand-offs; the others go on through all programs,
   each once in each round, in random order. */
static unsigned choose_program(void)
{
    if (soak.started >= PROGRAMS && rng_chance(&soak.rng, 67))
        return (unsigned)rng_between(&soak.rng, 0, MANY_HANDOFFS - 1);
    if (soak.next == 0) {
        for (unsigned i = 0; i < PROGRAMS; i++) {
            unsigned other = (unsigned)rng_between(&soak.rng, 0, i);
            soak.schedule[i] = soak.schedule[other];
            soak.schedule[other] = i;
        }
    }
    unsigned program = soak.schedule[soak.next];
    soak.next = (soak.next + 1) % PROGRAMS;
    return program;
}

/* Short at first, later some seconds. */
static double choose_scale(unsigned program)
{
    if (known[program].ns_per_scale <= 0)
        return 0.05;
    double wanted_ns = (double)rng_between(&soak.rng, COND_MS(200), COND_SEC(10));
    double scale = wanted_ns / known[program].ns_per_scale;
    return scale < 0.01 ? 0.01 : scale > 1000 ? 1000 : scale;
}

static int choose_core(void)
{
    if (rng_chance(&soak.rng, 70))
        return -1;
    int64_t left = rng_between(&soak.rng, 1, CPU_COUNT(&soak.cores));
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET((size_t)core, &soak.cores) && --left == 0)
            return core;
    return -1;
}

static void run_program(const struct job *job)
{
    char path[PATH_MAX + 64], seed[32], scale[32];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (job->core >= 0) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET((size_t)job->core, &one);
        (void)sched_setaffinity(0, sizeof one, &one);
    }
    (void)snprintf(path, sizeof path, "%s/stress-%s", soak.folder, programs[job->program]);
    (void)snprintf(seed, sizeof seed, "%" PRIu64, job->seed);
    (void)snprintf(scale, sizeof scale, "%g", job->scale);
    if (dup2(job->output, 1) >= 0 && dup2(job->output, 2) >= 0)
        (void)execl(path, path, "--seed", seed, "--scale", scale, (char *)NULL);
    fprintf(stderr, "cannot run %s: %s\n", path, strerror(errno));
    _Exit(1);
}

static void start_job(struct job *job)
{
    unsigned program = choose_program();
    *job = (struct job){.program = program, .scale = choose_scale(program), .core = choose_core()};
    job->seed = rng_next(&soak.rng) % 1000000007;
    job->is_stopped_at_times = rng_chance(&soak.rng, 20);
    job->output = memfd_create("output", MFD_CLOEXEC);
    CHECK(job->output >= 0, "no memory for the output");
    job->start_ns = cond_now();
    fflush(stdout);
    job->process = fork();
    CHECK(job->process >= 0, "cannot fork: %s", strerror(errno));
    if (job->process == 0)
        run_program(job);
    soak.started++;
}

/* True if it has ended without a failure. */
static bool job_has_ended(struct job *job)
{
    int status;
    pid_t ended = waitpid(job->process, &status, WNOHANG);
    if (ended == 0)
        return false;
    CHECK_EQ(ended, job->process);
    job->process = 0;
    bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP;
    if (status != 0 && !skipped)
        violation(job, WIFSIGNALED(status) ? "crashed" : "failed");
    double took_ns = (double)(cond_now() - job->start_ns);
    double *ns_per_scale = &known[job->program].ns_per_scale;
    *ns_per_scale = *ns_per_scale > 0 ? (*ns_per_scale + took_ns / job->scale) / 2 : took_ns / job->scale;
    known[job->program].runs++;
    soak.finished++;
    soak.skipped += skipped;
    (void)close(job->output);
    return true;
}

static void end_hanging(struct job *job)
{
    (void)kill(job->process, SIGQUIT); /* then it describes its conditions */
    nap(COND_SEC(5));
    violation(job, "hangs");
}

static void disturb(struct job *job)
{
    if (!job->is_stopped_at_times || !rng_chance(&soak.rng, 30))
        return;
    CHECK_EQ(kill(job->process, SIGSTOP), 0);
    nap(rng_between(&soak.rng, COND_US(10), COND_MS(5)));
    CHECK_EQ(kill(job->process, SIGCONT), 0);
}

static void begin(const char *self)
{
    char path[64];
    ssize_t length = readlink("/proc/self/exe", soak.folder, sizeof soak.folder - 1);
    CHECK(length > 0, "cannot find the folder of %s", self);
    soak.folder[length] = '\0';
    *strrchr(soak.folder, '/') = '\0';
    int file = memfd_create("counters", 0); /* the programs inherit it */
    CHECK(file >= 0 && ftruncate(file, sizeof *soak.counters) == 0, "no memory for the counters");
    soak.counters = mmap(NULL, sizeof *soak.counters, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(soak.counters != MAP_FAILED, "cannot map the counters");
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    CHECK_EQ(setenv(STRESS_COUNTERS, path, 1), 0);
    CHECK_EQ(sched_getaffinity(0, sizeof soak.cores, &soak.cores), 0);
    unsigned cores = (unsigned)CPU_COUNT(&soak.cores);
    soak.jobs_count = cores < JOBS_MAX ? cores : JOBS_MAX;
    soak.rng = rng_make(0);
    soak.start_ns = cond_now();
}

int main(int argc, char **argv)
{
    unsigned minutes = take_option(&argc, argv, "--minutes", 0);
    unsigned long runs = take_option(&argc, argv, "--runs", 0);
    soak.results = stress_take(&argc, argv, "--results");
    soak.hang_ns = COND_SEC(1) * (int64_t)take_option(&argc, argv, "--hang", 60);
    stress_begin(argc, argv);
    begin(argv[0]);
    if (minutes == 0 && runs == 0)
        minutes = 10;
    int64_t end_ns = minutes > 0 ? soak.start_ns + COND_SEC(60) * (int64_t)minutes : INT64_MAX;
    int64_t print_ns = soak.start_ns + COND_SEC(10), look_ns = soak.start_ns;
    for (bool busy = true; busy;) {
        int64_t now_ns = cond_now();
        bool look = now_ns >= look_ns;
        bool more = now_ns < end_ns && (runs == 0 || soak.started < runs);
        busy = false;
        for (unsigned i = 0; i < soak.jobs_count; i++) {
            struct job *job = &soak.jobs[i];
            if (job->process != 0 && !job_has_ended(job)) {
                disturb(job);
                if (look && job_hangs(job, now_ns))
                    end_hanging(job);
            }
            if (job->process == 0 && more)
                start_job(job);
            busy = busy || job->process != 0;
        }
        if (look)
            look_ns = now_ns + COND_SEC(1);
        if (now_ns >= print_ns) {
            print_progress();
            print_ns += COND_SEC(10);
        }
        nap(LOOK_EVERY_NS);
    }
    print_progress();
    append_result("passed");
    printf("no violation in %lu runs of %u programs (%lu were skipped)\n", soak.finished, (unsigned)PROGRAMS,
           soak.skipped);
    return 0;
}
