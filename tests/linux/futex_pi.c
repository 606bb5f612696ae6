/* SPDX-License-Identifier: BSD-2-Clause */
/* futex_pi.c: futexes with priority inheritance, requeueing to them, and the death of owners. */
#include "futex.h"

static _Alignas(64) atomic_uint lock, lock2, cond;

/* ---- threads that do one call after another ---- */

struct peer {
    pthread_t thread;
    int prio, tid;
    atomic_int todo;
    volatile void *addr, *addr2;
    int op;
    uint32_t val, val3;
    const void *time;
    long result;
    bool exits; /* by exit(2): leaves everything as it is */
};
enum { IDLE, CALL, STOP };

static long call(struct peer *p)
{
    long r = futex(p->addr, p->op, p->val, p->time, p->addr2, p->val3);

    return r < 0 ? -errno : r;
}

static void *peer_main(void *arg)
{
    struct peer *p = arg;
    struct sched_param sp = { .sched_priority = p->prio };

    if (p->prio)
        syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &sp);
    p->tid = my_tid();
    p->todo = IDLE;
    for (;;) {
        while (p->todo == IDLE)
            usleep(500);
        if (p->todo == STOP)
            break;
        p->result = call(p);
        p->todo = IDLE;
    }
    return NULL;
}

static void peer_start(struct peer *p, int prio)
{
    *p = (struct peer){ .prio = prio, .todo = CALL };
    if (pthread_create(&p->thread, NULL, peer_main, p))
        exit(98);
    while (p->todo != IDLE)
        usleep(500);
}

static void begin(struct peer *p, volatile void *addr, int op, const void *time)
{
    p->addr = addr;
    p->op = op;
    p->time = time;
    p->todo = CALL;
}

static long finish(struct peer *p)
{
    while (p->todo != IDLE)
        usleep(500);
    return p->result;
}

static long do_call(struct peer *p, volatile void *addr, int op)
{
    begin(p, addr, op, NULL);
    return finish(p);
}

static void peer_stop(struct peer *p)
{
    p->todo = STOP;
    pthread_join(p->thread, NULL);
}

/* p waits in the kernel for the lock whose word this is: it says so, and the thread sleeps there. */
static void begin_wait(struct peer *p, atomic_uint *word, const void *time)
{
    begin(p, word, FUTEX_LOCK_PI | PRIV, time);
    while (!(*word & FUTEX_WAITERS))
        usleep(500);
    usleep(20000);
    await_sleep(p->tid);
}

static bool owned(atomic_uint word, struct peer *p)
{
    return (word & FUTEX_TID_MASK) == (unsigned)p->tid;
}

/* ---- */

static void errors(void)
{
    struct timespec bad = { 0, -1 }, past = { 0, 0 };
    uint32_t *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned me = my_tid();

    CHECK_EQ(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    CHECK(lock == me);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), EDEADLK);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI2 | PRIV, 0, NULL, NULL, 0), EDEADLK);
    CHECK_ERR(futex(&lock, FUTEX_TRYLOCK_PI | PRIV, 0, NULL, NULL, 0), EDEADLK);
    CHECK_EQ(futex(&lock, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    CHECK(lock == 0);
    CHECK_ERR(futex(&lock, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), EPERM);
    CHECK_EQ(futex(&lock, FUTEX_TRYLOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    CHECK(lock == me);
    lock = me | FUTEX_WAITERS;
    CHECK_EQ(futex(&lock, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    CHECK(lock == 0);
    lock = FUTEX_OWNER_DIED;
    CHECK_EQ(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    CHECK(lock == (me | FUTEX_OWNER_DIED));
    lock = FUTEX_WAITERS;
    CHECK_EQ(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    CHECK(lock == me);
    lock = 0x3ffffff0;
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), ESRCH);
    CHECK(lock == (0x3ffffff0 | FUTEX_WAITERS));
    CHECK_ERR(futex(&lock, FUTEX_TRYLOCK_PI | PRIV, 0, NULL, NULL, 0), ESRCH);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, &bad, NULL, 0), EINVAL);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, (void *)8, NULL, 0), EFAULT);
    lock = 0;
    CHECK_EQ(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, &past, NULL, 0), 0);
    lock = 0;
    CHECK_ERR(futex(NULL, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex(NULL, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex(NULL, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex((char *)&lock + 1, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(ro, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), EFAULT);
    CHECK_ERR(futex(ro, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EFAULT);
    munmap(ro, 4096);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI | PRIV | REAL, 0, NULL, NULL, 0), ENOSYS);
    CHECK_ERR(futex(&lock, FUTEX_UNLOCK_PI | PRIV | REAL, 0, NULL, NULL, 0), ENOSYS);
    /* requeue */
    CHECK_ERR(futex(&cond, FUTEX_WAIT_REQUEUE_PI | PRIV, 0, NULL, &cond, 0), EINVAL);
    CHECK_ERR(futex(&cond, FUTEX_WAIT_REQUEUE_PI | PRIV, 1, NULL, &lock, 0), EAGAIN);
    CHECK_ERR(futex(&cond, FUTEX_WAIT_REQUEUE_PI | PRIV, 0, &past, &lock, 0), ETIMEDOUT);
    CHECK_ERR(futex(&cond, FUTEX_WAIT_REQUEUE_PI | PRIV | REAL, 0, &past, &lock, 0), ETIMEDOUT);
    CHECK_ERR(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 1, (void *)1, &cond, 0), EINVAL);
    CHECK_ERR(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 2, (void *)1, &lock, 0), EINVAL);
    CHECK_ERR(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 0, (void *)1, &lock, 0), EINVAL);
    CHECK_ERR(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 1, (void *)-1l, &lock, 0), EINVAL);
    CHECK_ERR(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 1, (void *)1, &lock, 3), EAGAIN);
    CHECK_EQ(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 1, (void *)1, &lock, 0), 0);
}

static void handing_over(void)
{
    struct peer a, b;
    struct timespec soon;
    unsigned me = my_tid();

    note("- handing over");
    peer_start(&a, 0), peer_start(&b, 0);
    CHECK_EQ(do_call(&a, &lock, FUTEX_LOCK_PI | PRIV), 0);
    CHECK(lock == (unsigned)a.tid);
    CHECK_ERR(futex(&lock, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), EPERM);
    CHECK_ERR(futex(&lock, FUTEX_TRYLOCK_PI | PRIV, 0, NULL, NULL, 0), EAGAIN);
    CHECK(lock == (a.tid | FUTEX_WAITERS));
    soon = after_ms(CLOCK_REALTIME, 20);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, &soon, NULL, 0), ETIMEDOUT);
    soon = after_ms(CLOCK_MONOTONIC, 20);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI2 | PRIV, 0, &soon, NULL, 0), ETIMEDOUT);
    soon = after_ms(CLOCK_REALTIME, 20);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI2 | PRIV | REAL, 0, &soon, NULL, 0), ETIMEDOUT);
    begin_wait(&b, &lock, NULL);
    CHECK_ERR(futex(&lock, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(&lock, FUTEX_REQUEUE | PRIV, 1, (void *)1, &lock2, 0), EINVAL);
    CHECK_EQ(do_call(&a, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK_EQ(finish(&b), 0);
    CHECK(lock == (b.tid | FUTEX_WAITERS));
    CHECK_EQ(do_call(&a, &lock, FUTEX_UNLOCK_PI | PRIV), -EPERM);
    CHECK_EQ(do_call(&b, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK(lock == 0);
    CHECK_EQ(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    begin_wait(&a, &lock, NULL);
    CHECK_EQ(futex(&lock, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    CHECK_EQ(finish(&a), 0);
    CHECK_ERR(futex(&lock, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), EPERM);
    /* a word that says otherwise than the kernel knows */
    begin_wait(&b, &lock, NULL);
    lock = me | FUTEX_WAITERS;
    CHECK_ERR(futex(&lock, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), EINVAL);
    lock = 0;
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), EINVAL);
    lock = a.tid | FUTEX_WAITERS;
    CHECK_EQ(do_call(&a, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK_EQ(finish(&b), 0);
    CHECK_EQ(do_call(&b, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    /* plain waiters are no waiters of the lock */
    begin(&b, &lock, FUTEX_WAIT | PRIV, NULL);
    await_waiters(&lock, PRIV, 1);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), EINVAL);
    lock = me;
    CHECK_ERR(futex(&lock, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), EINVAL);
    CHECK_EQ(futex(&lock, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), 1);
    CHECK_EQ(finish(&b), 0);
    lock = 0;
    peer_stop(&a), peer_stop(&b);
}

static long prio_of(struct peer *p)
{
    return task_stat(p->tid, 18);
}

/* Waiters get the lock by priority, and its owner runs with the greatest among them. */
static void priorities(void)
{
    static const int prio[4] = { 0, 5, 30, 10 }, order[4] = { 2, 3, 1, 0 }, lent[4] = { -11, -6, 20, 20 };
    struct sched_param sp = { .sched_priority = 40 };
    struct peer owner, w[4];

    note("- priorities");
    peer_start(&owner, 0);
    CHECK_EQ(do_call(&owner, &lock, FUTEX_LOCK_PI | PRIV), 0);
    CHECK_EQ(prio_of(&owner), 20);
    for (int i = 0; i < 4; i++) {
        peer_start(&w[i], prio[i]);
        begin_wait(&w[i], &lock, NULL);
        report(prio_of(&owner) == (i == 0   ? 20
                                   : i == 1 ? -6
                                            : -31),
               "the owner's priority with waiter %d", i);
    }
    CHECK_EQ(syscall(SYS_sched_getscheduler, owner.tid), SCHED_OTHER);
    syscall(SYS_sched_setscheduler, w[1].tid, SCHED_FIFO, &sp);
    CHECK_EQ(prio_of(&owner), -41);
    sp.sched_priority = 5;
    syscall(SYS_sched_setscheduler, w[1].tid, SCHED_FIFO, &sp);
    CHECK_EQ(prio_of(&owner), -31);
    CHECK_EQ(do_call(&owner, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK_EQ(prio_of(&owner), 20);
    for (int i = 0; i < 4; i++) {
        struct peer *p = &w[order[i]];
        long own = p->prio ? -1 - p->prio : 20, want = own < lent[i] ? own : lent[i];

        CHECK_EQ(finish(p), 0);
        report(owned(lock, p) && prio_of(p) == want, "waiter %d gets the lock, priority %ld", order[i], want);
        CHECK_EQ(do_call(p, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    }
    CHECK(lock == 0);
    for (int i = 0; i < 4; i++)
        peer_stop(&w[i]);
    peer_stop(&owner);
}

/* a has lock, b has lock2 and waits for lock, c waits for lock2. */
static void chain(void)
{
    struct timespec soon;
    struct peer a, b, c;

    note("- chain");
    peer_start(&a, 0), peer_start(&b, 0), peer_start(&c, 20);
    CHECK_EQ(do_call(&a, &lock, FUTEX_LOCK_PI | PRIV), 0);
    CHECK_EQ(do_call(&b, &lock2, FUTEX_LOCK_PI | PRIV), 0);
    begin_wait(&b, &lock, NULL);
    CHECK_EQ(do_call(&a, &lock2, FUTEX_LOCK_PI | PRIV), -EDEADLK);
    CHECK_EQ(do_call(&a, &lock2, FUTEX_TRYLOCK_PI | PRIV), -EAGAIN);
    soon = after_ms(CLOCK_REALTIME, 300);
    begin_wait(&c, &lock2, &soon);
    CHECK_EQ(prio_of(&b), -21);
    CHECK_EQ(prio_of(&a), -21);
    CHECK_EQ(finish(&c), -ETIMEDOUT);
    CHECK_EQ(prio_of(&b), 20);
    CHECK_EQ(prio_of(&a), 20);
    begin_wait(&c, &lock2, NULL);
    CHECK_EQ(prio_of(&a), -21);
    CHECK_EQ(do_call(&a, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK_EQ(finish(&b), 0);
    CHECK_EQ(prio_of(&a), 20);
    CHECK_EQ(prio_of(&b), -21);
    CHECK_EQ(do_call(&b, &lock2, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK_EQ(finish(&c), 0);
    CHECK_EQ(prio_of(&b), 20);
    CHECK_EQ(do_call(&b, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK_EQ(do_call(&c, &lock2, FUTEX_UNLOCK_PI | PRIV), 0);
    peer_stop(&a), peer_stop(&b), peer_stop(&c);
}

/* ---- owners that die ---- */

static void deaths(void)
{
    struct peer a, b, c;

    note("- death");
    peer_start(&a, 0), peer_start(&b, 0), peer_start(&c, 7);
    CHECK_EQ(do_call(&a, &lock, FUTEX_LOCK_PI | PRIV), 0);
    begin_wait(&b, &lock, NULL);
    begin_wait(&c, &lock, NULL);
    peer_stop(&a);
    CHECK_EQ(finish(&c), 0);
    CHECK(lock == (c.tid | FUTEX_WAITERS | FUTEX_OWNER_DIED));
    CHECK_EQ(do_call(&c, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK_EQ(finish(&b), 0);
    CHECK(lock == (b.tid | FUTEX_WAITERS));
    peer_stop(&b);
    CHECK_ERR(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), ESRCH);
    peer_stop(&c);
    lock = 0;
}

/* The kernel's side of robust lists, by hand */
static struct node {
    struct robust_list list;
    atomic_uint word;
} nodes[4];
static struct robust_list_head head;

static void *dies(void *arg)
{
    unsigned me = my_tid();

    head.futex_offset = offsetof(struct node, word);
    head.list.next = &nodes[0].list;
    nodes[0].list.next = (void *)((uintptr_t)&nodes[1].list | 1);
    nodes[1].list.next = &nodes[2].list;
    nodes[2].list.next = &head.list;
    nodes[0].word = me;
    nodes[1].word = me | FUTEX_WAITERS;
    nodes[2].word = 1; /* another's */
    nodes[3].word = me | FUTEX_WAITERS;
    head.list_op_pending = &nodes[3].list;
    syscall(SYS_set_robust_list, &head, sizeof(head));
    return NULL;
}

static void *dies_in_ring(void *arg)
{
    head.list.next = &nodes[0].list;
    nodes[0].list.next = &nodes[1].list;
    nodes[1].list.next = &nodes[0].list;
    nodes[0].word = nodes[1].word = my_tid();
    nodes[3].word = 0;
    syscall(SYS_set_robust_list, &head, sizeof(head));
    return NULL;
}

static void *dies_wildly(void *arg)
{
    head.list.next = arg;
    head.list_op_pending = arg;
    syscall(SYS_set_robust_list, arg ? &head : (void *)8, sizeof(head));
    return NULL;
}

static void robust_lists(void)
{
    struct robust_list_head *h;
    struct peer w;
    pthread_t t;
    size_t len;

    note("- robust lists");
    CHECK_ERR(syscall(SYS_set_robust_list, &head, sizeof(head) - 1), EINVAL);
    CHECK_ERR(syscall(SYS_get_robust_list, 0, 8, &len), EFAULT);
    CHECK_ERR(syscall(SYS_get_robust_list, 0x3ffffff0, &h, &len), ESRCH);
    CHECK_EQ(syscall(SYS_get_robust_list, 0, &h, &len), 0);
    CHECK_EQ(len, sizeof(head));
    pthread_create(&t, NULL, dies, NULL);
    pthread_join(t, NULL);
    CHECK(nodes[0].word == FUTEX_OWNER_DIED);
    CHECK(nodes[1].word == (FUTEX_OWNER_DIED | FUTEX_WAITERS));
    CHECK(nodes[2].word == 1);
    CHECK(nodes[3].word == (FUTEX_OWNER_DIED | FUTEX_WAITERS));
    peer_start(&w, 0);
    begin(&w, &nodes[3].word, FUTEX_WAIT, NULL); /* the pending one is free, but nobody was woken yet */
    nodes[3].word = w.val = 0;
    await_waiters(&nodes[3].word, 0, 1);
    pthread_create(&t, NULL, dies_in_ring, NULL);
    pthread_join(t, NULL);
    CHECK(nodes[0].word == FUTEX_OWNER_DIED && nodes[1].word == FUTEX_OWNER_DIED);
    CHECK_EQ(finish(&w), 0);
    for (long a = 0; a < 3; a++) {
        pthread_create(&t, NULL, dies_wildly, (void *)(a == 1 ? 0x1000 : a == 2 ? -8l : 0));
        pthread_join(t, NULL);
    }
    peer_stop(&w);
}

/* ---- requeueing ---- */

static void cond_wait(struct peer *p, const void *time)
{
    p->addr2 = &lock;
    p->val = cond;
    begin(p, &cond, FUTEX_WAIT_REQUEUE_PI | PRIV, time);
    usleep(20000);
    await_sleep(p->tid);
}

static void requeueing(void)
{
    struct timespec soon;
    struct peer a, b, c;
    unsigned me = my_tid();

    note("- requeue");
    peer_start(&a, 0), peer_start(&b, 9), peer_start(&c, 3);
    cond_wait(&a, NULL), cond_wait(&b, NULL), cond_wait(&c, NULL);
    CHECK_ERR(futex(&cond, FUTEX_WAKE | PRIV, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERR(futex(&cond, FUTEX_REQUEUE | PRIV, 1, NULL, &lock2, 0), EINVAL);
    CHECK_ERR(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 1, (void *)1, &lock2, 0), EINVAL);
    CHECK_ERR(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 1, (void *)1, &lock, 1), EAGAIN);
    CHECK_EQ(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 1, (void *)0, &lock, 0),
             1); /* free: the first one has it */
    CHECK_EQ(finish(&b), 0);
    CHECK(lock == (unsigned)b.tid);
    CHECK_EQ(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 1, (void *)INT_MAX, &lock, 0), 2);
    CHECK(lock == (b.tid | FUTEX_WAITERS));
    CHECK_EQ(do_call(&b, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK_EQ(finish(&c), 0);
    CHECK(lock == (c.tid | FUTEX_WAITERS));
    CHECK_EQ(do_call(&c, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK_EQ(finish(&a), 0);
    CHECK_EQ(do_call(&a, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK(lock == 0);
    /* with the lock held, as signallers do; the time ends before and after the move */
    CHECK_EQ(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    soon = after_ms(CLOCK_MONOTONIC, 50);
    cond_wait(&a, &soon);
    CHECK_EQ(finish(&a), -ETIMEDOUT);
    soon = after_ms(CLOCK_MONOTONIC, 400);
    cond_wait(&a, &soon), cond_wait(&b, NULL), cond_wait(&c, NULL);
    CHECK_EQ(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 1, (void *)1, &lock, 0), 2);
    CHECK(lock == (me | FUTEX_WAITERS));
    CHECK_EQ(task_stat(me, 18), -10);
    CHECK_EQ(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 1, (void *)INT_MAX, &lock, 0), 1);
    CHECK_EQ(finish(&a), -ETIMEDOUT);
    CHECK_EQ(futex(&lock, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    CHECK_EQ(finish(&b), 0);
    peer_stop(&b); /* with the lock */
    CHECK_EQ(finish(&c), 0);
    CHECK(lock == (c.tid | FUTEX_WAITERS | FUTEX_OWNER_DIED));
    CHECK_EQ(do_call(&c, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    peer_stop(&a), peer_stop(&c);
    lock = 0;
}

/* ---- signals ---- */

static atomic_int handled;
static void handler(int sig)
{
    handled++;
}

static void signal_peer(struct peer *p)
{
    int before = handled;

    syscall(SYS_tgkill, getpid(), p->tid, SIGUSR1);
    while (handled == before)
        usleep(1000);
    usleep(5000);
}

static void signals(void)
{
    struct sigaction sa = { .sa_handler = handler };
    struct peer a;

    note("- signals");
    sigaction(SIGUSR1, &sa, NULL);
    peer_start(&a, 0);
    CHECK_EQ(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    begin_wait(&a, &lock, NULL);
    signal_peer(&a); /* restarted though the handler is not SA_RESTART's */
    CHECK_EQ(futex(&lock, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    CHECK_EQ(finish(&a), 0);
    CHECK_EQ(do_call(&a, &lock, FUTEX_UNLOCK_PI | PRIV), 0);
    CHECK_EQ(futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    cond_wait(&a, NULL);
    signal_peer(&a);
    await_sleep(a.tid);
    CHECK_EQ(futex(&cond, FUTEX_CMP_REQUEUE_PI | PRIV, 1, (void *)1, &lock, 0), 1);
    signal_peer(&a);
    CHECK_EQ(finish(&a), -EAGAIN);
    CHECK_EQ(futex(&lock, FUTEX_UNLOCK_PI | PRIV, 0, NULL, NULL, 0), 0);
    CHECK(lock == 0);
    peer_stop(&a);
}

static void *blocks(void *arg)
{
    futex(arg, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0);
    return NULL;
}

int main(void)
{
    pthread_t t;

    errors();
    handing_over();
    priorities();
    chain();
    deaths();
    robust_lists();
    requeueing();
    signals();
    /* exits while another waits for this thread */
    futex(&lock, FUTEX_LOCK_PI | PRIV, 0, NULL, NULL, 0);
    pthread_create(&t, NULL, blocks, &lock);
    while (!(lock & FUTEX_WAITERS))
        usleep(500);
    return report_done();
}
