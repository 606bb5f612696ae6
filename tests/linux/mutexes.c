/* SPDX-License-Identifier: BSD-2-Clause */
/* mutexes.c: what POSIX threads wait with: mutexes of every kind, condition variables, barriers, locks, semaphores. */
#include "futex.h"
#include <semaphore.h>

#define THREADS 4

static pthread_mutex_t mutex;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long counter;

static int mutex_make(int type, int protocol, int robust, int shared)
{
    pthread_mutexattr_t a;
    int err = pthread_mutexattr_init(&a);

    err = err ? err : pthread_mutexattr_settype(&a, type);
    err = err ? err : pthread_mutexattr_setprotocol(&a, protocol);
    err = err ? err : pthread_mutexattr_setrobust(&a, robust);
    err = err ? err : pthread_mutexattr_setpshared(&a, shared);
    return err ? err : pthread_mutex_init(&mutex, &a);
}

static void *counts(void *arg)
{
    for (int i = 0; i < 500; i++) {
        if (pthread_mutex_lock(&mutex))
            abort();
        long was = counter;
        if (i % 10 == 0)
            sched_yield();
        if (i % 100 == 0)
            usleep(100);
        counter = was + 1;
        if (pthread_mutex_unlock(&mutex))
            abort();
    }
    return NULL;
}

static void run(int n, void *(*fn)(void *))
{
    pthread_t t[n];

    for (long i = 0; i < n; i++)
        if (pthread_create(&t[i], NULL, fn, (void *)i))
            abort();
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
}

static void *times_out(void *arg)
{
    struct timespec ts = after_ms(CLOCK_REALTIME, 20);

    CHECK_EQ(pthread_mutex_timedlock(&mutex, &ts), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
#ifdef __GLIBC__
    ts = after_ms(CLOCK_MONOTONIC, 20);
    CHECK_EQ(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &ts), ETIMEDOUT);
    ts = after_ms(CLOCK_REALTIME, 20);
    CHECK_EQ(pthread_mutex_clocklock(&mutex, CLOCK_REALTIME, &ts), ETIMEDOUT);
#endif
    return NULL;
}

static volatile int locked;

static void *locks_and_dies(void *arg)
{
    pthread_mutex_lock(&mutex);
    locked = 1;
    usleep(10000);
    return NULL;
}

static void *takes_over(void *arg)
{
    int err = pthread_mutex_lock(&mutex);

    if (err == EOWNERDEAD)
        err = pthread_mutex_consistent(&mutex) ? EIO : 0;
    if (!err)
        counter++;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void robustness(void)
{
    run(1, locks_and_dies);
    CHECK_EQ(pthread_mutex_trylock(&mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    run(1, locks_and_dies);
    CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
    pthread_mutex_destroy(&mutex);
}

/* Some wait when the owner dies: each gets the lock, one of them with the news. */
static void robust_waiters(void)
{
    pthread_t dying, t[THREADS];

    counter = locked = 0;
    pthread_create(&dying, NULL, locks_and_dies, NULL);
    while (!locked)
        usleep(1000);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, takes_over, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    pthread_join(dying, NULL);
    CHECK_EQ(counter, THREADS);
    CHECK_EQ(pthread_mutex_trylock(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
}

static void mutexes(int protocol, int robust, int shared, const char *what)
{
    note("- mutexes, %s", what);
    CHECK_EQ(mutex_make(PTHREAD_MUTEX_ERRORCHECK, protocol, robust, shared), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), EDEADLK);
    run(1, times_out);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    pthread_mutex_destroy(&mutex);
    CHECK_EQ(mutex_make(PTHREAD_MUTEX_RECURSIVE, protocol, robust, shared), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    run(1, times_out);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    pthread_mutex_destroy(&mutex);
    CHECK_EQ(mutex_make(PTHREAD_MUTEX_NORMAL, protocol, robust, shared), 0);
    counter = 0;
    run(THREADS, counts);
    CHECK_EQ(counter, THREADS * 500);
    if (robust == PTHREAD_MUTEX_ROBUST) {
        robust_waiters();
        robustness();
    }
}

/* ---- condition variables ---- */

static int items, taken, produced;

static void *consumes(void *arg)
{
    for (;;) {
        pthread_mutex_lock(&mutex);
        while (!items && produced < 1000)
            pthread_cond_wait(&cond, &mutex);
        if (!items) {
            pthread_mutex_unlock(&mutex);
            return NULL;
        }
        items--;
        taken++;
        pthread_mutex_unlock(&mutex);
    }
}

static void *produces(void *arg)
{
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&mutex);
        items++;
        produced++;
        if (i % 7 && i < 999)
            pthread_cond_signal(&cond);
        else
            pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
        if (i % 50 == 0)
            usleep(100);
    }
    return NULL;
}

static void *either(void *arg)
{
    return arg ? consumes(arg) : produces(arg);
}

static void *waits_for_ever(void *arg)
{
    pthread_mutex_lock(&mutex);
    pthread_cleanup_push((void (*)(void *))pthread_mutex_unlock, &mutex);
    for (;;)
        pthread_cond_wait(&cond, &mutex);
    pthread_cleanup_pop(0);
    return NULL;
}

static void conditions(int protocol, const char *what)
{
    struct timespec ts = after_ms(CLOCK_REALTIME, 20);
    pthread_condattr_t a;
    pthread_cond_t mono;
    pthread_t t;
    void *result;

    note("- conditions, %s", what);
    CHECK_EQ(mutex_make(PTHREAD_MUTEX_ERRORCHECK, protocol, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE),
             0);
    pthread_mutex_lock(&mutex);
    CHECK_EQ(pthread_cond_timedwait(&cond, &mutex, &ts), ETIMEDOUT);
    pthread_condattr_init(&a);
    CHECK_EQ(pthread_condattr_setclock(&a, CLOCK_MONOTONIC), 0);
    pthread_cond_init(&mono, &a);
    ts = after_ms(CLOCK_MONOTONIC, 20);
    CHECK_EQ(pthread_cond_timedwait(&mono, &mutex, &ts), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    items = taken = produced = 0;
    run(THREADS, either);
    CHECK_EQ(taken, 1000);
    pthread_create(&t, NULL, waits_for_ever, NULL);
    usleep(5000);
    CHECK_EQ(pthread_cancel(t), 0);
    CHECK_EQ(pthread_join(t, &result), 0);
    CHECK(result == PTHREAD_CANCELED);
    CHECK_EQ(pthread_mutex_trylock(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
}

/* ---- the others ---- */

static pthread_barrier_t barrier;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t sem, tokens;
static atomic_int serial, arrived, wrong, readers;

static void *meets(void *arg)
{
    for (int i = 1; i <= 100; i++) {
        arrived++;
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
            serial++;
        if (arrived < i * THREADS)
            wrong++;
        if (i % 20 == (long)arg)
            usleep(200);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void *reads_and_writes(void *arg)
{
    for (int i = 0; i < 400; i++) {
        if ((i + (long)arg) % 4) {
            pthread_rwlock_rdlock(&rwlock);
            readers++;
            if (i % 30 == 0)
                sched_yield();
            readers--;
        } else {
            pthread_rwlock_wrlock(&rwlock);
            if (readers)
                wrong++;
            long was = counter;
            if (i % 20 == 0)
                usleep(50);
            counter = was + 1;
        }
        pthread_rwlock_unlock(&rwlock);
    }
    return NULL;
}

static void *uses_tokens(void *arg)
{
    for (int i = 0; i < 300; i++) {
        while (sem_wait(&tokens))
            ;
        if (++arrived > 2)
            wrong++;
        if (i % 40 == 0)
            usleep(50);
        arrived--;
        sem_post(&tokens);
    }
    return NULL;
}

static void *locked_out(void *arg)
{
    struct timespec ts = after_ms(CLOCK_REALTIME, 20);

    CHECK_EQ(pthread_rwlock_timedrdlock(&rwlock, &ts), ETIMEDOUT);
    CHECK_EQ(pthread_rwlock_timedwrlock(&rwlock, &ts), ETIMEDOUT);
    CHECK_EQ(pthread_rwlock_tryrdlock(&rwlock), EBUSY);
    return NULL;
}

static void others(void)
{
    struct timespec ts = after_ms(CLOCK_REALTIME, 20);

    note("- barriers, locks, semaphores");
    pthread_barrier_init(&barrier, NULL, THREADS);
    run(THREADS, meets);
    CHECK_EQ(serial, 100);
    CHECK_EQ(arrived, 100 * THREADS);
    counter = 0;
    run(THREADS, reads_and_writes);
    CHECK_EQ(counter, THREADS * 100);
    pthread_rwlock_wrlock(&rwlock);
    run(1, locked_out);
    pthread_rwlock_unlock(&rwlock);
    arrived = 0;
    sem_init(&tokens, 0, 2);
    run(THREADS, uses_tokens);
    sem_init(&sem, 0, 0);
    CHECK_ERR(sem_trywait(&sem), EAGAIN);
    CHECK_ERR(sem_timedwait(&sem, &ts), ETIMEDOUT);
    CHECK_EQ(sem_post(&sem), 0);
    CHECK_EQ(sem_wait(&sem), 0);
    CHECK_EQ(wrong, 0);
}

int main(void)
{
    mutexes(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE, "plain");
    mutexes(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED, "shared");
    mutexes(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE, "robust");
    mutexes(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED, "robust and shared");
    mutexes(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE, "inheriting");
    mutexes(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE, "inheriting, robust");
    mutexes(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED,
            "inheriting, robust and shared");
    conditions(PTHREAD_PRIO_NONE, "plain");
    conditions(PTHREAD_PRIO_INHERIT, "inheriting");
    others();
    return report_done();
}
