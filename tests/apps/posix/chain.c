/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * chain.c: linked to each test of the POSIX test suite: when the test ends, it says with what status, and executes the
 * next one that chain.txt names in its place. So many tests run one after the other where there is one process only.
 * With -DCHAIN_START it is the program that begins.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#define OUTPUT 200 /* tests close and replace the standard descriptors */

/* The name of test number at; "" behind the last. */
static void name_of(int at, char *name, size_t size)
{
    FILE *list = fopen("chain.txt", "r");

    for (int i = 0; i <= at; i++) {
        if (!list || !fgets(name, size, list)) {
            name[0] = 0;
            break;
        }
    }
    if (list)
        fclose(list);
    name[strcspn(name, "\n")] = 0;
}

static void reset(void)
{
    struct itimerval off = { { 0, 0 }, { 0, 0 } };
    struct sched_param normal = { 0 };
    sigset_t all;

    sigfillset(&all); /* what is pending for the old program is no business of the new one */
    sigprocmask(SIG_BLOCK, &all, NULL);
    for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++)
        setitimer(which, &off, NULL);
    for (int sig = 1; sig < NSIG; sig++) {
        signal(sig, SIG_IGN);
        signal(sig, SIG_DFL);
    }
    sigemptyset(&all);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
    sched_setscheduler(0, SCHED_OTHER, &normal);
    setpriority(PRIO_PROCESS, 0, 0);
}

static void run(int at)
{
    char name[128], number[16], path[160];
    char *args[] = { path, NULL };

    name_of(at, name, sizeof(name));
    if (!name[0])
        return;
    snprintf(number, sizeof(number), "%d", at);
    setenv("CHAIN_AT", number, 1);
    snprintf(path, sizeof(path), "./%s", name);
    reset();
    execv(path, args);
    dprintf(OUTPUT, "== %s cannot be executed\n", name);
    run(at + 1);
}

#ifdef CHAIN_START
int main(void)
{
    char dir[4096];

    dup2(1, OUTPUT);
    if (getcwd(dir, sizeof(dir)))
        setenv("CHAIN_DIR", dir, 1);
    run(0);
    return 0;
}
#else
void __real__exit(int status) __attribute__((noreturn));

static void ended(int status, void *unused)
{
    const char *dir = getenv("CHAIN_DIR"), *number = getenv("CHAIN_AT");
    int at = number ? atoi(number) : 0;
    char name[128];

    if (!dir || chdir(dir))
        __real__exit(status);
    name_of(at, name, sizeof(name));
    dprintf(OUTPUT, "== %s status %d\n", name, status);
    for (int fd = 3; fd < OUTPUT; fd++)
        close(fd);
    run(at + 1);
    __real__exit(0);
}

void __wrap__exit(int status)
{
    ended(status, NULL);
    __real__exit(status);
}

__attribute__((constructor)) static void begin(void)
{
    on_exit(ended, NULL);
}
#endif
