/* SPDX-License-Identifier: BSD-2-Clause */
/* io_uring(7) and threads: a ring shared, one ring a thread, waiters, ends of threads. */
#include "uring.h"
#include <pthread.h>
#include <sys/eventfd.h>

#define THREADS 4
#define ROUNDS  300

static struct ring shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t threads[THREADS];

static void run(void *(*fn)(void *), int n)
{
    for (long i = 0; i < n; i++)
        if (pthread_create(&threads[i], NULL, fn, (void *)i))
            report(0, "a thread");
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
}

/* Each adds an entry under a lock, enters without it. */
static void *submitter(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&lock);
        sqe(&shared, IORING_OP_NOP, -1, 0, 0, 0, (long)arg + 1);
        pthread_mutex_unlock(&lock);
        sys_enter(shared.fd, 1, 0, 0, NULL, 0);
    }
    return NULL;
}

static void *reaper(void *arg)
{
    static unsigned count[THREADS + 1];
    unsigned total = 0;

    while (total < THREADS * ROUNDS) {
        if (sys_enter(shared.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
            break;
        while (cq_ready(&shared))
            count[cqe(&shared).user_data % (THREADS + 1)]++, total++;
    }
    for (int i = 1; i <= THREADS; i++)
        report(count[i] == ROUNDS, "all of thread %d", i);
    return NULL;
}

static void sharing(void)
{
    pthread_t reap;

    MUST(ring_try(&shared, 64, 0, 0));
    ring_map(&shared);
    pthread_create(&reap, NULL, reaper, NULL);
    run(submitter, THREADS);
    while (*shared.sq_tail != *shared.sq_head) /* an entry that another thread's call did not see yet */
        sys_enter(shared.fd, 64, 0, 0, NULL, 0);
    pthread_join(reap, NULL);
    ring_close(&shared);
}

/* A ring and pipe for each; writes wake reads that wait. */
static void *echo(void *arg)
{
    struct ring r;
    int p[2];
    unsigned sum = 0;
    unsigned char in = 0, out;

    ring_open(&r, 8, (long)arg & 1 ? IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN : 0);
    MUST(pipe(p));
    for (int i = 0; i < ROUNDS; i++) {
        out = i;
        sqe(&r, IORING_OP_READ, p[0], &in, 1, 0, 1);
        submit_wait(&r, 0);
        sqe(&r, IORING_OP_WRITE, p[1], &out, 1, 0, 2);
        submit_wait(&r, 2);
        cqe(&r), cqe(&r);
        sum += in == out;
    }
    ring_close(&r);
    close(p[0]), close(p[1]);
    report(sum == ROUNDS, "all echoes");
    return NULL;
}

/* Thread 0 reads what the others write. */
static int chan[2];

static void *crossing(void *arg)
{
    struct ring r;
    char c = 'x';

    ring_open(&r, 8, 0);
    if (!arg) {
        int n = 0;

        for (; n < (THREADS - 1) * ROUNDS; n++) {
            sqe(&r, IORING_OP_READ, chan[0], &c, 1, 0, 1);
            submit_wait(&r, 1);
            if (cqe(&r).res != 1)
                break;
        }
        report(n == (THREADS - 1) * ROUNDS, "everything crossed");
    } else {
        for (int i = 0; i < ROUNDS; i++) {
            sqe(&r, IORING_OP_WRITE, chan[1], &c, 1, 0, 1);
            submit_wait(&r, 1);
            cqe(&r);
        }
    }
    ring_close(&r);
    return NULL;
}

/* Messages in a circle. */
static struct ring circle[THREADS];

static void *messenger(void *arg)
{
    long me = (long)arg;
    unsigned got = 0;

    for (int i = 0; i < ROUNDS; i++) {
        sqe(&circle[me], IORING_OP_MSG_RING, circle[(me + 1) % THREADS].fd, 0, i, 1000, 1)->flags =
            IOSQE_CQE_SKIP_SUCCESS;
        submit_wait(&circle[me], 0);
        while (cq_ready(&circle[me]))
            got += cqe(&circle[me]).user_data == 1000;
    }
    while (got < ROUNDS) {
        submit_wait(&circle[me], 1);
        while (cq_ready(&circle[me]))
            got += cqe(&circle[me]).user_data == 1000;
    }
    report(got == ROUNDS, "all messages");
    return NULL;
}

/* Leaves a read, a poll and a timeout behind. */
static void *leaver(void *arg)
{
    static struct __kernel_timespec ts = { 1000, 0 };
    static char c;
    struct io_uring_sqe *s;

    sqe(&shared, IORING_OP_READ, chan[0], &c, 1, 0, 1);
    s = sqe(&shared, IORING_OP_POLL_ADD, chan[0], 0, 0, 0, 2), s->poll32_events = 1;
    sqe(&shared, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 3);
    submit_wait(&shared, 0);
    return NULL;
}

/* Requests of one thread, cancelled by another. */
static void *canceller(void *arg)
{
    sqe(&shared, IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0, 9)->cancel_flags = IORING_ASYNC_CANCEL_ANY;
    submit_wait(&shared, 1);
    return NULL;
}

static void *waker(void *arg)
{
    uint64_t one = 1;

    usleep(20000);
    MUST(write((int)(long)arg, &one, 8));
    return NULL;
}

static void waking(void)
{
    struct ring r;
    pthread_t t;
    uint64_t n = 0;
    int e = MUST(eventfd(0, 0));

    ring_open(&r, 8, 0);
    sqe(&r, IORING_OP_READ, e, &n, 8, 0, 1);
    submit_wait(&r, 0);
    pthread_create(&t, NULL, waker, (void *)(long)e);
    while (!cq_ready(&r)) /* interrupted by the other's write */
        ;
    say(&r, "while it ran");
    pthread_join(t, NULL);
    sqe(&r, IORING_OP_READ, e, &n, 8, 0, 2);
    submit_wait(&r, 0);
    pthread_create(&t, NULL, waker, (void *)(long)e);
    submit_wait(&r, 1);
    say(&r, "while it waited");
    pthread_join(t, NULL);
    ring_close(&r);
    close(e);
}

int main(void)
{
    scratch();
    sharing();
    run(echo, THREADS);
    MUST(pipe(chan));
    run(crossing, THREADS);
    for (int i = 0; i < THREADS; i++)
        ring_open(&circle[i], 512, 0);
    run(messenger, THREADS);
    for (int i = 0; i < THREADS; i++)
        ring_close(&circle[i]);
    waking();
    ring_open(&shared, 16, 0);
    run(leaver, 1);
    run(canceller, 1); /* Proa cancelled the requests of a thread that ended already, Linux does not */
    ring_close(&shared);
    ring_open(&shared, 16, 0);
    leaver(NULL);
    run(canceller, 1);
    go(&shared, 3, "cancelled by another thread");
    leaver(NULL);
    ring_close(&shared);
    return report_done();
}
