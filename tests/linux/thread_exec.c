/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec with several threads: whichever calls it goes on alone, as the first thread. The program runs itself in turn
 * (argument: which step) and says what it finds.
 */
#include "threads.h"
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/timerfd.h>

static const char *self_path;
static int sleep_fds[2];

static void *spin(struct worker *w)
{
    for (;;)
        ;
    return NULL;
}

static void *read_long(struct worker *w)
{
    char c;

    read(sleep_fds[0], &c, 1);
    return NULL;
}

static void *sleep_long(struct worker *w)
{
    for (;;)
        sleep(1000);
    return NULL;
}

static void *wait_long(struct worker *w)
{
    sigset_t s = set_of(SIGRTMIN + 9, 0);
    int sig;

    block(SIGRTMIN + 9, 0);
    sigwait(&s, &sig);
    return NULL;
}

static void *poll_long(struct worker *w)
{
    struct pollfd p = { sleep_fds[0], POLLIN, 0 };

    for (;;)
        poll(&p, 1, -1);
    return NULL;
}

static void *lock_long(struct worker *w)
{
    static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock(&m);
    pthread_mutex_lock(&m);
    return NULL;
}

static void *make_threads(struct worker *w)
{
    for (;;) {
        struct worker *x = calloc(1, sizeof(*x));
        pthread_attr_t a;

        pthread_attr_init(&a);
        pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
        x->fn = read_long;
        if (w->result++ < 20)
            pthread_create(&x->thread, &a, worker_main, x);
        sched_yield();
    }
    return NULL;
}

static void run_step(const char *step, int pid)
{
    char number[16];
    char *args[] = { (char *)self_path, (char *)step, number, NULL };

    snprintf(number, sizeof(number), "%d", pid);
    execv(self_path, args);
}

static int count_threads(void)
{
    char *at = strstr(get_file("/proc/self/status"), "\nThreads:");

    return at ? atoi(at + 9) : -1;
}

static void others(void)
{
    static struct worker w[8];

    MUST(pipe2(sleep_fds, O_CLOEXEC));
    spawn(&w[0], spin, NULL);
    spawn(&w[1], read_long, NULL);
    spawn(&w[2], sleep_long, NULL);
    spawn(&w[3], wait_long, NULL);
    spawn(&w[4], poll_long, NULL);
    spawn(&w[5], lock_long, NULL);
    wait_asleep(w[1].tid), wait_asleep(w[3].tid), wait_asleep(w[5].tid);
}

/* Leaves things to the next program, some of which it must not find. */
static void *exec_worker(struct worker *w)
{
    stack_t st = { .ss_sp = malloc(65536), .ss_size = 65536 };
    union sigval v = { .sival_int = 11 };
    struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 3 };
    siginfo_t si = { .si_code = SI_QUEUE };
    timer_t t;

    kill(getpid(), SIGUSR1);    /* the process's */
    send_to(my_tid(), SIGUSR2); /* the thread's: stay pending */
    sigqueue(getpid(), SIGRTMIN + 1, v);
    si.si_value.sival_int = 22;
    syscall(SYS_rt_tgsigqueueinfo, getpid(), my_tid(), SIGRTMIN + 2, &si);
    sigaltstack(&st, NULL);
    prctl(PR_SET_NAME, "the-worker");
    setpriority(PRIO_PROCESS, 0, 4);
    timer_create(CLOCK_MONOTONIC, &ev, &t);
    struct itimerspec its = { .it_value.tv_sec = 1000 };
    timer_settime(t, 0, &its, NULL);
    struct itimerval itv = { .it_value.tv_sec = 2000 };
    setitimer(ITIMER_REAL, &itv, NULL);
    errno = 0;
    CHECK_ERR(execl("/does/not/exist", "x", NULL), ENOENT);
    CHECK_EQ(count_threads(), 8); /* nothing has happened to the others */
    run_step("second", getpid());
    return NULL;
}

static void first(void)
{
    struct worker w;

    block(SIGUSR1, SIGUSR2);
    block(SIGRTMIN + 1, SIGRTMIN + 2);
    block(SIGRTMIN + 3, SIGALRM);
    others();
    spawn(&w, exec_worker, NULL);
    for (;;)
        pause();
}

static void *exec_after_first(struct worker *w)
{
    while (thread_state(getpid()) != 'Z')
        usleep(300);
    run_step("third", getpid());
    return NULL;
}

static void check_alone(int pid)
{
    CHECK(getpid() == pid && my_tid() == pid);
    CHECK_EQ(count_threads(), 1);
    CHECK_EQ(thread_state(pid), 'R');
}

static void second(int pid)
{
    static struct worker w;
    sigset_t s, now;
    siginfo_t si;
    stack_t st;
    struct itimerval itv;
    char name[16];
    struct timespec zero = { 0 };

    check_alone(pid);
    prctl(PR_GET_NAME, name);
    CHECK(!strcmp(name, "thread_exec"));
    sigpending(&s);
    CHECK(sigismember(&s, SIGUSR1) && sigismember(&s, SIGUSR2));
    CHECK(sigismember(&s, SIGRTMIN + 1) && sigismember(&s, SIGRTMIN + 2));
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    CHECK(sigismember(&now, SIGUSR1) && sigismember(&now, SIGALRM) && !sigismember(&now, SIGRTMIN + 9));
    s = set_of(SIGRTMIN + 1, 0);
    CHECK(sigtimedwait(&s, &si, &zero) == SIGRTMIN + 1 && si.si_value.sival_int == 11);
    s = set_of(SIGRTMIN + 2, 0);
    CHECK(sigtimedwait(&s, &si, &zero) == SIGRTMIN + 2 && si.si_value.sival_int == 22);
    s = set_of(SIGUSR1, SIGUSR2);
    CHECK(sigtimedwait(&s, &si, &zero) == SIGUSR1 || si.si_signo == SIGUSR2);
    CHECK(sigtimedwait(&s, &si, &zero) > 0);
    CHECK_ERR(sigtimedwait(&s, &si, &zero), EAGAIN);
    sigaltstack(NULL, &st);
    CHECK(st.ss_flags == SS_DISABLE);
    CHECK_EQ(getpriority(PRIO_PROCESS, 0), 4); /* the thread's that called exec */
    getitimer(ITIMER_REAL, &itv);
    CHECK(itv.it_value.tv_sec > 1000);
    memset(&itv, 0, sizeof(itv));
    setitimer(ITIMER_REAL, &itv, NULL);
    struct itimerspec its;
    CHECK_ERR(syscall(SYS_timer_gettime, 0, &its), EINVAL);
    others();
    spawn(&w, exec_after_first, NULL);
    pthread_exit(NULL); /* the first thread is gone when the other calls exec */
}

static volatile int start;

static void *exec_race(struct worker *w)
{
    wait_for(&start, 1);
    run_step("fourth", getpid());
    for (;;)
        pause(); /* another was first: this one ends */
    return NULL;
}

static void third(int pid)
{
    static struct worker w[5];

    check_alone(pid);
    others();
    spawn(&w[4], make_threads, NULL);
    for (int i = 0; i < 4; i++)
        spawn(&w[i], exec_race, NULL);
    start = 1;
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    self_path = argv[0];
    if (argc < 3)
        first();
    int pid = atoi(argv[2]);
    note("step: %s", argv[1]);
    if (!strcmp(argv[1], "second"))
        second(pid);
    if (!strcmp(argv[1], "third"))
        third(pid);
    check_alone(pid);
    others();
    return report_done();
}
