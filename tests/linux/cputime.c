/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPU time in user mode and in the kernel: a thread that only computes and one that only makes system calls show it in
 * getrusage(2), times(2), /proc/PID/stat and the clocks; the parts are sampled, so the bounds are wide.
 */
#include "report.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/times.h>
#include <time.h>

struct usage {
    double user, system; /* seconds */
};

static double seconds(struct timeval t)
{
    return t.tv_sec + t.tv_usec / 1e6;
}

static struct usage usage_of(int who)
{
    struct rusage r;

    getrusage(who, &r);
    return (struct usage){ seconds(r.ru_utime), seconds(r.ru_stime) };
}

static struct usage usage_times(void)
{
    struct tms t;
    double hz = sysconf(_SC_CLK_TCK);

    times(&t);
    return (struct usage){ t.tms_utime / hz, t.tms_stime / hz };
}

static struct usage usage_stat(void)
{
    char buf[1024];
    unsigned long user = 0, system = 0;
    int fd = open("/proc/self/stat", O_RDONLY);
    ssize_t n = read(fd, buf, sizeof(buf) - 1);

    close(fd);
    buf[n > 0 ? n : 0] = 0;
    sscanf(strrchr(buf, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (struct usage){ user / (double)sysconf(_SC_CLK_TCK), system / (double)sysconf(_SC_CLK_TCK) };
}

static double cpu_clock(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* 0.6 s of CPU time each; time is looked at rarely, and without a system call in most turns. */
static void *compute(void *arg)
{
    double end = cpu_clock(CLOCK_THREAD_CPUTIME_ID) + 0.6;

    do
        for (volatile int i = 0; i < 3000000; i++)
            ;
    while (cpu_clock(CLOCK_THREAD_CPUTIME_ID) < end);
    return NULL;
}

static void *call(void *arg)
{
    static char buf[1 << 20];
    double end = cpu_clock(CLOCK_THREAD_CPUTIME_ID) + 0.6;
    int fd = open("/dev/zero", O_RDONLY);

    do
        for (int i = 0; i < 20; i++)
            read(fd, buf, sizeof(buf));
    while (cpu_clock(CLOCK_THREAD_CPUTIME_ID) < end);
    close(fd);
    return NULL;
}

static void judge(const char *what, struct usage a, struct usage b, int in_kernel)
{
    double user = b.user - a.user, system = b.system - a.system;
    double share = in_kernel ? system / (user + system) : user / (user + system);

    printf("%s: %s, %s\n", what, user + system > 0.5 ? "all there" : "time is missing",
           share > 0.7 ? "mostly where it was spent" : "in the wrong place");
    if (share <= 0.7)
        printf("user %.3f system %.3f\n", user, system);
}

/* Neither part ever shrinks, however often one looks. */
static void monotonic(void)
{
    struct usage was = usage_of(RUSAGE_SELF), is;
    double end = cpu_clock(CLOCK_PROCESS_CPUTIME_ID) + 0.2;
    int shrunk = 0;

    while (cpu_clock(CLOCK_PROCESS_CPUTIME_ID) < end) {
        is = usage_of(RUSAGE_SELF);
        shrunk += is.user < was.user || is.system < was.system;
        was = is;
    }
    printf("shrunk: %d\n", shrunk);
}

static void run(const char *name, void *(*fn)(void *), int in_kernel)
{
    struct usage self = usage_of(RUSAGE_SELF), thread = usage_of(RUSAGE_THREAD), t = usage_times(),
                 stat = usage_stat();
    pthread_t other;

    printf("--- %s\n", name);
    fn(NULL);
    judge("getrusage, process", self, usage_of(RUSAGE_SELF), in_kernel);
    judge("getrusage, thread", thread, usage_of(RUSAGE_THREAD), in_kernel);
    judge("times", t, usage_times(), in_kernel);
    judge("/proc/self/stat", stat, usage_stat(), in_kernel);
    self = usage_of(RUSAGE_SELF);
    pthread_create(&other, NULL, fn, NULL);
    pthread_join(other, NULL);
    judge("a thread that ended", self, usage_of(RUSAGE_SELF), in_kernel);
}

int main(void)
{
    run("computing", compute, 0);
    run("system calls", call, 1);
    monotonic();
    return 0;
}
