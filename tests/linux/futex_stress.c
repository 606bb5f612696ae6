/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * futex_stress.c [THREADS [ROUNDS [SEED]]]: locks, semaphores, conditions and priority inheritance made of bare futexes,
 * used at random by many threads. What they count must come out, whatever the timing.
 */
#include "futex.h"

#define LOCKS 4
#define MAX   64

static int nr_threads = 8, rounds = 3000;
static unsigned seed = 1;
static _Thread_local unsigned rnd_state;

static unsigned rnd(unsigned n)
{
    rnd_state = rnd_state * 1664525 + 1013904223;
    return (rnd_state >> 8) % n;
}

static void dither(void)
{
    switch (rnd(40)) {
    case 0:
        usleep(rnd(200));
        break;
    case 1 ... 4:
        sched_yield();
        break;
    }
}

/* ---- a lock of three states: free, taken, contended ---- */

static _Alignas(64) atomic_uint locks[LOCKS];
static long counters[LOCKS];

static void lock(atomic_uint *l)
{
    unsigned was = 0;

    if (atomic_compare_exchange_strong(l, &was, 1))
        return;
    while (atomic_exchange(l, 2)) {
        struct timespec ts = { 0, rnd(300000) };

        futex(l, FUTEX_WAIT | PRIV, 2, rnd(3) ? NULL : &ts, NULL, 0);
    }
}

static void unlock(atomic_uint *l)
{
    if (atomic_exchange(l, 0) == 2)
        futex(l, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0);
}

static void use_lock(void)
{
    int i = rnd(LOCKS);

    lock(&locks[i]);
    long was = counters[i];
    dither();
    counters[i] = was + 1;
    unlock(&locks[i]);
}

/* ---- a lock with priority inheritance ---- */

static _Alignas(64) atomic_uint pi_locks[LOCKS];
static long pi_counters[LOCKS];

static void pi_lock(atomic_uint *l)
{
    unsigned was = 0;

    while (!atomic_compare_exchange_strong(l, &was, my_tid())) {
        struct timespec ts = after_ms(CLOCK_REALTIME, rnd(3));

        if (!futex(l, FUTEX_LOCK_PI | PRIV, 0, rnd(3) ? NULL : &ts, NULL, 0))
            return;
        was = 0;
    }
}

static void pi_unlock(atomic_uint *l)
{
    unsigned me = my_tid();

    if (!atomic_compare_exchange_strong(l, &me, 0) && futex(l, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0))
        abort();
}

static void use_pi_lock(void)
{
    int i = rnd(LOCKS - 1), nested = !rnd(4); /* in one order, for no deadlock */

    pi_lock(&pi_locks[i]);
    if (nested)
        pi_lock(&pi_locks[LOCKS - 1]);
    long was = pi_counters[i];
    dither();
    pi_counters[i] = was + 1;
    if (nested) {
        pi_counters[LOCKS - 1]++;
        pi_unlock(&pi_locks[LOCKS - 1]);
    }
    pi_unlock(&pi_locks[i]);
}

/* ---- a semaphore: bits tell apart two kinds of waiters that the same word serves ---- */

static _Alignas(64) atomic_uint tokens = 3;

static void use_token(void)
{
    uint32_t bits = 1 << rnd(2);
    unsigned have;

    for (;;) {
        have = tokens;
        if (have && atomic_compare_exchange_strong(&tokens, &have, have - 1))
            break;
        if (!have) {
            struct timespec ts = after_ms(CLOCK_MONOTONIC, rnd(2));

            futex(&tokens, FUTEX_WAIT_BITSET | PRIV, 0, rnd(2) ? NULL : &ts, NULL, bits);
        }
    }
    dither();
    atomic_fetch_add(&tokens, 1);
    futex(&tokens, FUTEX_WAKE_BITSET | PRIV, INT_MAX, NULL, NULL, 1);
    futex(&tokens, FUTEX_WAKE_BITSET | PRIV, INT_MAX, NULL, NULL, 2);
}

/* ---- a queue with a condition: one is woken, the others move to the lock ---- */

static _Alignas(64) atomic_uint queue_lock, queue_seq;
static long queued, put_total, got_total;

static void put_item(void)
{
    lock(&queue_lock);
    queued++;
    put_total++;
    unsigned seq = atomic_fetch_add(&queue_seq, 1) + 1;
    atomic_store(&queue_lock, 2); /* who moves there does not know that it is contended */
    while (futex(&queue_seq, FUTEX_CMP_REQUEUE | PRIV, 1, (void *)INT_MAX, &queue_lock, seq) < 0)
        seq = queue_seq;
    unlock(&queue_lock);
}

/* must: waits until there is one; else not for long. */
static bool get_item(bool must)
{
    struct timespec ts = { 0, rnd(1000000) };
    bool got;

    lock(&queue_lock);
    for (int tries = 0; !queued && (must || tries < 2); tries++) {
        unsigned seq = queue_seq;

        unlock(&queue_lock);
        futex(&queue_seq, FUTEX_WAIT | PRIV, seq, must && rnd(2) ? NULL : &ts, NULL, 0);
        lock(&queue_lock);
        atomic_store(&queue_lock, 2); /* one of those who moved */
    }
    got = queued;
    if (got) {
        queued--;
        got_total++;
    }
    unlock(&queue_lock);
    return got;
}

/* ---- several words at once ---- */

static _Alignas(64) atomic_uint bells[4];
static atomic_long rung, heard;

static void ring(void)
{
    int i = rnd(4);

    atomic_fetch_add(&bells[i], 1);
    rung++;
    futex(&bells[i], FUTEX_WAKE | PRIV, INT_MAX, NULL, NULL, 0);
}

static void listen(void)
{
    struct timespec ts = after_ms(CLOCK_MONOTONIC, rnd(3));
    struct futex_waitv v[4];

    for (int i = 0; i < 4; i++)
        v[i] = (struct futex_waitv){ bells[i], (uintptr_t)&bells[i], FUTEX_32 | PRIV, 0 };
    long r = syscall(SYS_futex_waitv, v, 4, 0, &ts, CLOCK_MONOTONIC);

    if (r >= 4 || (r < 0 && errno != ETIMEDOUT && errno != EAGAIN))
        abort();
    heard++;
}

static long uses[MAX][3];

static void *work(void *arg)
{
    long id = (long)arg, items = 0;

    rnd_state = seed * 7919 + id;
    for (int i = 0; i < rounds; i++) {
        switch (rnd(6)) {
        case 0:
            use_lock();
            uses[id][0]++;
            break;
        case 1:
            use_pi_lock();
            uses[id][1]++;
            break;
        case 2:
            use_token();
            break;
        case 3:
            put_item();
            items++;
            break;
        case 4:
            items -= get_item(items > 0 && rnd(2));
            break;
        default:
            if (rnd(2))
                ring();
            else
                listen();
        }
    }
    for (; items < 0; items++)
        put_item();
    for (; items > 0; items--)
        get_item(true);
    return NULL;
}

int main(int argc, char **argv)
{
    long want[2] = { 0 }, got[2] = { 0 };
    pthread_t t[MAX];

    if (argc > 1)
        nr_threads = atoi(argv[1]);
    if (argc > 2)
        rounds = atoi(argv[2]);
    if (argc > 3)
        seed = atoi(argv[3]);
    for (long i = 0; i < nr_threads; i++)
        if (pthread_create(&t[i], NULL, work, (void *)i))
            return 98;
    for (int i = 0; i < nr_threads; i++)
        pthread_join(t[i], NULL);
    for (int i = 0; i < nr_threads; i++)
        want[0] += uses[i][0], want[1] += uses[i][1];
    for (int i = 0; i < LOCKS; i++)
        got[0] += counters[i], got[1] += i < LOCKS - 1 ? pi_counters[i] : 0;
    report(got[0] == want[0], "locks");
    report(got[1] == want[1], "locks with priority inheritance");
    for (int i = 0; i < LOCKS; i++) {
        CHECK_EQ(locks[i], 0);
        CHECK_EQ(pi_locks[i], 0);
    }
    CHECK_EQ(tokens, 3);
    CHECK_EQ(queued, 0);
    report(put_total == got_total, "as many items taken as put");
    return report_done();
}
