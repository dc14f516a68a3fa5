/* SPDX-License-Identifier: MIT */
/* One wait of many is cancelled. (docs/cookbook.md) */
#include <condvar.h>
#include <stdio.h>

struct client {
    cond_token_t token;
    bool is_answered; /* guarded by the lock */
    int error;        /* what its wait returned */
};

static cond_t answered = COND_INIT;

static bool is_answered(void *arg) { return ((struct client *)arg)->is_answered; }

static void *wait_for_answer(void *arg)
{
    struct client *client = arg;
    cond_wait_options_t options = {
        .pred = is_answered,
        .arg = client,
        .deadline_ns = cond_deadline(COND_SEC(60)),
        .token = &client->token,
    };
    cond_acquire(&answered);
    client->error = cond_wait_with(&answered, &options);
    cond_release(&answered);
    return NULL;
}

int main(void)
{
    static struct client clients[3]; /* all zero bits: no token is cancelled */
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, wait_for_answer, &clients[i]);

    cond_acquire(&answered);
    cond_cancel(&answered, &clients[1].token); /* works whether it waits already or not */
    cond_release(&answered);
    pthread_join(threads[1], NULL);

    cond_acquire(&answered);
    clients[0].is_answered = clients[2].is_answered = true;
    cond_notify_all(&answered);
    cond_release(&answered);
    pthread_join(threads[0], NULL);
    pthread_join(threads[2], NULL);
    for (int i = 0; i < 3; i++)
        printf("client %d: %s\n", i, clients[i].error == 0           ? "answered"
                                     : clients[i].error == ECANCELED ? "cancelled"
                                                                     : "timed out");
    return 0;
}

/* Prints:
client 0: answered
client 1: cancelled
client 2: answered
 */
