/* SPDX-License-Identifier: MIT */
/*
 * The scenarios for the machine of machine.h. Each one is minimal for the memory orders that it needs; together they
 * need every memory order in src/ (memory_orders.sh).
 *
 * The data that the lock guards is plain memory, so the machine detects whether the lock orders it. A lost wake-up is a
 * deadlock, which it also detects. A destroyed object is overwritten at once, so a later access is a data race.
 */
#include "condvar.h"
#include "machine.h"

static struct {
    cond_t cond;
    cond_lock_t lock;
    cond_t other;
    int turn, tokens, arrived, through; /* under the lock */
    int chosen, answered, expired;      /* under the lock */
    bool cancelled;                     /* under the lock */
    unsigned word;                      /* of a foreign lock: atomic */
} s;

static void make(void)
{
    s.turn = s.tokens = s.arrived = s.through = s.chosen = s.answered = s.expired = 0;
    s.cancelled = false;
    s.word = 0;
    s.cond = (cond_t)COND_INIT;
    s.other = (cond_t)COND_INIT;
    s.lock = (cond_lock_t)COND_RLOCK_INIT;
}

#define OK(call) EXPECT((call) == 0)

/* ---- The lock ---- */

static void count_up(unsigned thread)
{
    for (int i = 0; i < 2; i++) {
        OK(cond_acquire(&s.cond));
        s.through++;
        OK(cond_release(&s.cond));
        (void)thread;
    }
}

static void counted(void) { EXPECT(s.through == 6); }

/* The same, two levels deep: the levels are in one word with the number of wake-ups. */
static void count_up_twice(unsigned thread)
{
    (void)thread;
    for (int i = 0; i < 2; i++) {
        OK(cond_acquire(&s.cond));
        OK(cond_acquire(&s.cond));
        s.through++;
        OK(cond_release(&s.cond));
        OK(cond_release(&s.cond));
    }
}

/* One of them times out. */
static void count_up_timed(unsigned thread)
{
    for (int i = 0; i < 2; i++) {
        int error = thread == 0   ? cond_acquire_timed(&s.cond, 1)
                    : thread == 1 ? cond_try_acquire(&s.cond)
                                  : cond_acquire(&s.cond);
        EXPECT(error == 0 || error == (thread == 0 ? ETIMEDOUT : EBUSY));
        if (error != 0)
            continue;
        s.through++;
        OK(cond_release(&s.cond));
    }
}

static void counted_at_least(void) { EXPECT(s.through >= 2 && s.through <= 6); }

/* ---- Wait and notify ---- */

static bool my_turn(void *turn) { return s.turn == *(int *)turn; }

static void take_turns(unsigned thread, int threads, bool predicate)
{
    int mine = (int)thread;
    for (int i = 0; i < 2; i++) {
        OK(cond_acquire(&s.cond));
        if (predicate)
            OK(cond_wait_for(&s.cond, my_turn, &mine, COND_FOREVER));
        else
            while (s.turn != mine)
                OK(cond_wait(&s.cond, COND_FOREVER));
        EXPECT(s.turn == mine);
        s.turn = (s.turn + 1) % threads;
        s.through++;
        OK(threads > 2 ? cond_notify_all(&s.cond) : cond_notify(&s.cond, 1));
        OK(cond_release(&s.cond));
    }
}

static void take_turns_plainly(unsigned thread) { take_turns(thread, 2, false); }
static void take_turns_by_predicate(unsigned thread) { take_turns(thread, 3, true); }

static void turns_are_taken(void)
{
    EXPECT(s.through == (s.turn == 0 ? s.through : -1));
    EXPECT(cond_waiters(&s.cond) == 0);
    OK(cond_destroy(&s.cond));
}

/* One token among three, held two levels deep. */
static void pass_a_token(unsigned thread)
{
    (void)thread;
    OK(cond_acquire(&s.cond));
    OK(cond_acquire(&s.cond));
    while (s.tokens == 0)
        OK(cond_wait(&s.cond, COND_FOREVER));
    s.tokens--;
    OK(cond_release(&s.cond));
    OK(cond_release(&s.cond));

    OK(cond_acquire(&s.cond));
    s.tokens++;
    s.through++;
    OK(cond_notify(&s.cond, 1));
    OK(cond_release(&s.cond));
}

static void make_token(void)
{
    make();
    s.tokens = 1;
}

static void token_is_back(void)
{
    EXPECT(s.tokens == 1 && s.through == 3);
    OK(cond_destroy(&s.cond));
}

/* Two waiters with deadlines, and a notify: exactly the chosen waits return 0. */
static void race_a_deadline(unsigned thread)
{
    OK(cond_acquire(&s.cond));
    if (thread == 0) {
        size_t waiting = cond_waiters(&s.cond);
        OK(cond_notify(&s.cond, 1));
        s.chosen += (int)(waiting - cond_waiters(&s.cond));
    } else {
        int error = cond_wait(&s.cond, 1);
        EXPECT(error == 0 || error == ETIMEDOUT);
        s.answered += error == 0;
        s.expired += error != 0;
    }
    OK(cond_release(&s.cond));
}

/* An expired waiter that was still in the queue has left it without being chosen. */
static void all_are_told(void)
{
    EXPECT(s.answered + s.expired == 2);
    EXPECT(s.answered <= 1 && s.answered <= s.chosen);
    OK(cond_destroy(&s.cond));
}

/* The woken thread destroys the condition with its lock, and reuses the memory. */
static void destroy_when_woken(unsigned thread)
{
    OK(cond_acquire(&s.cond));
    if (thread == 0) {
        while (s.turn == 0)
            OK(cond_wait(&s.cond, COND_FOREVER));
        OK(cond_release(&s.cond));
        OK(cond_destroy(&s.cond));
        s.cond = (cond_t){.waiters_ = 77};
    } else {
        s.turn = 1;
        OK(cond_notify(&s.cond, 1));
        OK(cond_release(&s.cond));
    }
}

/* The notifier destroys the condition with its lock, once destroy does not return EBUSY. */
static void destroy_by_notifier(unsigned thread)
{
    OK(cond_acquire(&s.cond));
    if (thread == 0) {
        s.arrived = 1;
        while (s.turn == 0)
            OK(cond_wait(&s.cond, COND_FOREVER));
        OK(cond_release(&s.cond));
        return;
    }
    while (s.arrived == 0) {
        OK(cond_release(&s.cond));
        machine_yield();
        OK(cond_acquire(&s.cond));
    }
    s.turn = 1;
    OK(cond_notify(&s.cond, 1));
    OK(cond_release(&s.cond));
    for (int error; (error = cond_destroy(&s.cond)) != 0; machine_yield())
        EXPECT(error == EBUSY);
    s.cond = (cond_t){.waiters_ = 77};
}

/* The lock is outside the condition, and the waiter times out. The other thread does not acquire the lock: it calls
   destroy until nobody waits any more, and then the waiter has done with the condition. */
static void make_elsewhere(void)
{
    make();
    OK(cond_init(&s.cond, &s.lock, 0));
}

static void destroy_by_asking(unsigned thread)
{
    OK(cond_lock_acquire(&s.lock));
    if (thread == 0) {
        s.arrived = 1;
        int error = cond_wait(&s.cond, 1);
        EXPECT(error == ETIMEDOUT);
        OK(cond_lock_release(&s.lock));
        return;
    }
    while (s.arrived == 0) {
        OK(cond_lock_release(&s.lock));
        machine_yield();
        OK(cond_lock_acquire(&s.lock));
    }
    OK(cond_lock_release(&s.lock));
    for (int error; (error = cond_destroy(&s.cond)) != 0; machine_yield())
        EXPECT(error == EBUSY);
    s.cond = (cond_t){.waiters_ = 77};
}

/* Destroy races with other calls. The memory stays, so they return, and there is no data race. */
static void destroy_beside_calls(unsigned thread)
{
    cond_t *cond = thread != 2 ? &s.cond : &s.other;
    int error = cond_acquire(cond);
    EXPECT(error == 0 || error == EINVAL);
    if (error == 0) {
        EXPECT(cond_waiters(cond) == 0);
        error = cond_lock_release(&s.lock);
        EXPECT(error == 0);
    }
    error = thread == 0 ? cond_destroy(cond) : thread == 1 ? cond_destroy(&s.other) : 0;
    EXPECT(error == 0);
}

static void make_two(void)
{
    make_elsewhere();
    OK(cond_init(&s.other, &s.lock, 0));
}

static void destroy_own_beside_calls(unsigned thread)
{
    int error = cond_acquire(&s.cond);
    EXPECT(error == 0 || error == EINVAL);
    if (error == 0)
        OK(cond_release(&s.cond));
    if (thread == 0) {
        error = cond_destroy(&s.cond);
        EXPECT(error == 0 || error == EBUSY);
    }
}

/* ---- A foreign lock: a spinlock, with its usual memory orders ---- */

static int spin_acquire(void *object, int64_t deadline_ns)
{
    unsigned *word = object;
    while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE) != 0) {
        if (deadline_ns != COND_FOREVER)
            return ETIMEDOUT;
        machine_yield();
    }
    return 0;
}

static int spin_release(void *object)
{
    __atomic_store_n((unsigned *)object, 0, __ATOMIC_RELEASE);
    return 0;
}

static const cond_lock_ops_t spin_lock = {.acquire = spin_acquire, .release = spin_release};

static void make_foreign(void)
{
    make();
    OK(cond_lock_init_foreign(&s.lock, &spin_lock, &s.word));
    OK(cond_init(&s.cond, &s.lock, 0));
}

/* The lock is lost while two wait, who find that out at about the same time: what they do to the queue is ordered all
   the same, though the lock orders nothing any more. */
static int losing_acquire(void *object, int64_t deadline_ns)
{
    int error = spin_acquire(object, deadline_ns);
    if (error == 0 && s.through != 0) {
        (void)spin_release(object);
        error = EIO;
    }
    return error;
}

static const cond_lock_ops_t losing_lock = {.acquire = losing_acquire, .release = spin_release};

static void make_losing(void)
{
    make();
    OK(cond_lock_init_foreign(&s.lock, &losing_lock, &s.word));
    OK(cond_init(&s.cond, &s.lock, 0));
}

static void lose_the_lock(unsigned thread)
{
    (void)spin_acquire(&s.word, COND_FOREVER);
    if (thread == 2) {
        s.through = 1;
        (void)spin_release(&s.word);
        return;
    }
    if (s.through != 0) {
        (void)spin_release(&s.word);
        return;
    }
    int error = cond_wait(&s.cond, 1);
    EXPECT(error == EIO || error == ETIMEDOUT);
    if (error == ETIMEDOUT)
        (void)spin_release(&s.word);
}

static void all_have_left(void) { EXPECT(s.cond.waiters_ == 0 && s.lock.u_.local.active_waits == 0); }

/* The handle is destroyed when no thread waits. The lock itself belongs to the program, which releases it directly. */
static void destroy_foreign(unsigned thread)
{
    OK(spin_acquire(&s.word, COND_FOREVER));
    if (thread == 0) {
        if (s.turn == 0)
            OK(cond_wait(&s.cond, COND_FOREVER));
        OK(spin_release(&s.word));
        return;
    }
    s.turn = 1;
    OK(cond_notify(&s.cond, 1));
    OK(spin_release(&s.word));
    for (int error; (error = cond_lock_destroy(&s.lock)) != 0; machine_yield())
        EXPECT(error == EBUSY);
    s.lock = (cond_lock_t){.depth_ = 77};
}

/* ---- Shared: the same between processes ---- */

static void make_shared(void)
{
    make();
    OK(cond_init(&s.other, NULL, COND_SHARED));
}

static void take_turns_shared(unsigned thread)
{
    for (int i = 0; i < 2; i++) {
        OK(cond_acquire(&s.other));
        while (s.turn != (int)thread)
            OK(cond_wait(&s.other, COND_FOREVER));
        s.turn = 1 - s.turn;
        s.through++;
        OK(cond_notify(&s.other, 1));
        OK(cond_release(&s.other));
    }
}

static void turns_are_taken_shared(void) { EXPECT(s.through == 4); }

/* Each of two processes initialises it, or finds that the other has, and uses it as soon as it is initialised. */
static void begin_shared(unsigned thread)
{
    (void)thread;
    int error = cond_init(&s.other, NULL, COND_SHARED);
    EXPECT(error == 0 || error == EBUSY || error == EAGAIN);
    while ((error = cond_acquire(&s.other)) == EINVAL)
        machine_yield();
    OK(error);
    s.through++;
    OK(cond_release(&s.other));
}

/* The same with a lock by itself. (All zero bits would be a private lock.) */
static void make_no_lock(void)
{
    make();
    s.lock.kind_ = 0xDD; /* LOCK_DESTROYED */
}

static void begin_shared_lock(unsigned thread)
{
    (void)thread;
    int error = cond_lock_init(&s.lock, COND_SHARED);
    EXPECT(error == 0 || error == EBUSY || error == EAGAIN);
    while ((error = cond_lock_acquire(&s.lock)) == EINVAL)
        machine_yield();
    OK(error);
    s.through++;
    OK(cond_lock_release(&s.lock));
}

static void begun_shared(void) { EXPECT(s.through == 2); }

/* ---- Tasks: the next step of each, until it has finished ---- */

static struct job {
    cond_task_t task;
    bool (*step)(struct job *job, int result); /* true: the task has finished */
    int steps;
} jobs[2];

static void go_on(struct job *job, int result)
{
    while (result != EINPROGRESS && !job->step(job, result))
        result = cond_task_wait(&s.cond, &job->task);
}

static void ready(cond_task_t *task, int result) { go_on((struct job *)task, result); }

static void make_jobs(bool (*step)(struct job *job, int result))
{
    make();
    for (int i = 0; i < 2; i++) {
        OK(cond_task_init(&jobs[i].task, ready, NULL));
        jobs[i].step = step;
        jobs[i].steps = 0;
    }
}

static void begin_job(struct job *job)
{
    int result = cond_task_acquire(&s.cond, &job->task);
    EXPECT(result == 0 || result == EINPROGRESS || result == ECANCELED);
    go_on(job, result);
}

/* A finished task is overwritten: its memory belongs to the caller again. */
static bool take_once(struct job *job, int result)
{
    OK(result);
    s.through++;
    OK(cond_task_release(&s.cond, &job->task));
    *job = (struct job){.steps = 77};
    return true;
}

static void make_takers(void) { make_jobs(take_once); }

static void acquire_as_tasks(unsigned thread)
{
    if (thread < 2) {
        begin_job(&jobs[thread]);
        return;
    }
    OK(cond_acquire(&s.cond));
    s.through++;
    OK(cond_release(&s.cond));
}

static void all_are_through(void)
{
    EXPECT(s.through == 3);
    OK(cond_destroy(&s.cond));
}

/* A task waits until a thread notifies. */
static bool wait_once(struct job *job, int result)
{
    OK(result);
    if (s.turn == 0)
        return false;
    s.through++;
    OK(cond_task_release(&s.cond, &job->task));
    *job = (struct job){.steps = 77};
    return true;
}

static void make_waiters(void) { make_jobs(wait_once); }

static void notify_tasks(unsigned thread)
{
    if (thread < 2) {
        begin_job(&jobs[thread]);
        return;
    }
    OK(cond_acquire(&s.cond));
    s.turn = 1;
    s.through++;
    OK(cond_notify_all(&s.cond));
    OK(cond_release(&s.cond));
}

/* A task waits, twice; one thread cancels it, another one notifies. A cancel that means the first wait may hit the
   second one. */
static bool wait_to_be_cancelled(struct job *job, int result)
{
    EXPECT(result == 0 || result == ECANCELED);
    if (job->steps++ == 0)
        return result != 0; /* cancelled during the acquire, it does not hold the lock */
    s.answered += result == 0;
    s.expired += result == ECANCELED;
    if (job->steps == 2)
        return false;
    OK(cond_task_release(&s.cond, &job->task));
    return true;
}

static void make_cancelled(void) { make_jobs(wait_to_be_cancelled); }

static void cancel(unsigned thread)
{
    if (thread == 0) {
        begin_job(&jobs[0]);
    } else if (thread == 1) {
        int error = cond_task_cancel(&jobs[0].task);
        EXPECT(error == 0 || error == EINVAL);
        OK(cond_acquire(&s.cond));
        s.cancelled = error == 0;
        OK(cond_release(&s.cond));
    } else {
        OK(cond_acquire(&s.cond));
        s.chosen += (int)cond_waiters(&s.cond);
        OK(cond_notify(&s.cond, 1));
        OK(cond_release(&s.cond));
    }
}

static void is_cancelled(void)
{
    /* If it was not woken yet, it still waits. */
    EXPECT(s.expired <= s.cancelled);
    EXPECT(s.answered <= s.chosen);
}

/* Two tasks request a lock while it is destroyed. Each request ends. */
static void make_dying(void)
{
    make();
    OK(cond_init(&s.cond, &s.lock, 0));
}

static void told(cond_task_t *task, int result)
{
    EXPECT(result == 0 || result == ECANCELED);
    if (result == 0)
        OK(cond_task_release(&s.cond, task));
    *task = (cond_task_t){.user_ = task};
}

static void destroy_beside_tasks(unsigned thread)
{
    static cond_task_t tasks[2];
    cond_task_t *task = &tasks[thread % 2];
    if (thread == 2) {
        for (int error; (error = cond_lock_destroy(&s.lock)) != 0; machine_yield())
            EXPECT(error == EBUSY);
        return;
    }
    OK(cond_task_init(task, told, NULL));
    int error = cond_task_acquire(&s.cond, task);
    EXPECT(error == 0 || error == EINPROGRESS || error == EINVAL || error == ECANCELED);
    if (error == 0 || error == ECANCELED)
        told(task, error);
}

/* ---- A wait that another thread stops, without the lock ---- */

static cond_stop_t stop;
static int before_stop; /* plain memory: the stopped thread sees what was written before the stop */

static void make_stop(void)
{
    make();
    stop = (cond_stop_t){.busy_ = 0};
    before_stop = 0;
}

static bool has_one(void *arg) { (void)arg; return s.tokens > 0; }

/* Meanwhile a notify wakes the waiter in vain. A missed stop is a deadlock. */
static void stop_a_wait(unsigned thread)
{
    if (thread == 0) {
        OK(cond_acquire(&s.cond));
        int result = cond_wait_with(&s.cond, &(cond_wait_options_t){.pred = has_one, .stop = &stop});
        EXPECT(result == 0 ? s.tokens == 1 : result == ECANCELED && before_stop == 1);
        s.through = 1;
        OK(cond_release(&s.cond));
    } else if (thread == 1) {
        OK(cond_acquire(&s.cond));
        s.tokens = 1;
        OK(cond_notify(&s.cond, 1));
        OK(cond_release(&s.cond));
        OK(cond_acquire(&s.cond));
        if (s.through == 0)
            s.tokens = 0;
        OK(cond_release(&s.cond));
    } else {
        before_stop = 1;
        OK(cond_stop(&stop));
    }
}

/* ---- */

const struct scenario scenarios[] = {
    {"lock", 3, make, count_up, counted},
    {"lock, recursive", 3, make, count_up_twice, counted},
    {"lock, timed", 3, make, count_up_timed, counted_at_least},
    {"turns", 2, make, take_turns_plainly, turns_are_taken},
    {"turns, predicates", 3, make, take_turns_by_predicate, turns_are_taken},
    {"token", 3, make_token, pass_a_token, token_is_back},
    {"timeout race", 3, make, race_a_deadline, all_are_told},
    {"stopped", 3, make_stop, stop_a_wait, NULL},
    {"destroyed by the woken", 2, make, destroy_when_woken, NULL},
    {"destroyed by the notifier", 2, make, destroy_by_notifier, NULL},
    {"destroyed by asking", 2, make_elsewhere, destroy_by_asking, NULL},
    {"destroyed beside calls", 3, make_two, destroy_beside_calls, NULL},
    {"destroyed beside calls, with its lock", 2, make, destroy_own_beside_calls, NULL},
    {"foreign, destroyed", 2, make_foreign, destroy_foreign, NULL},
    {"foreign, lost", 3, make_losing, lose_the_lock, all_have_left},
    {"shared, turns", 2, make_shared, take_turns_shared, turns_are_taken_shared},
    {"shared, begun", 2, make, begin_shared, begun_shared},
    {"shared, lock begun", 2, make_no_lock, begin_shared_lock, begun_shared},
    {"tasks, lock", 3, make_takers, acquire_as_tasks, all_are_through},
    {"tasks, notified", 3, make_waiters, notify_tasks, all_are_through},
    {"tasks, cancelled", 3, make_cancelled, cancel, is_cancelled},
    {"tasks, destroyed", 3, make_dying, destroy_beside_tasks, NULL},
};

const unsigned scenarios_count = sizeof scenarios / sizeof *scenarios;
