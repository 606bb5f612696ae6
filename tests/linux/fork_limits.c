/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest does when processes or memory run out: a fork bomb, a child that eats all memory, thousands of short lives. */
#include "report.h"
#include <sys/sysinfo.h>
#include <sys/wait.h>

/* Everybody forks until nobody can: the bomb ends by itself, in errors and not in a hang. */
static void bomb(void)
{
    int p[2], n = 0;
    char buf[512];
    ssize_t got;

    MUST(pipe(p));
    if (!MUST(fork())) {
        close(p[0]);
        for (;;) {
            pid_t c = fork();

            if (c < 0) {
                write(p[1], errno == EAGAIN ? "a" : errno == ENOMEM ? "m" : "?", 1);
                _exit(0);
            }
        }
    }
    close(p[1]);
    while ((got = read(p[0], buf, sizeof(buf))) > 0)
        for (ssize_t i = 0; i < got; i++) {
            n++;
            CHECK_QUIET(buf[i] != '?');
        }
    report(n > 10, "a fork bomb ends");
    close(p[0]);
    while (wait(NULL) > 0)
        ;
    report(errno == ECHILD, "all of it has been waited for");
}

static void eat(void)
{
    int st;
    pid_t p = MUST(fork());

    if (!p)
        for (;;) {
            char *m = malloc(1 << 20);

            if (m)
                memset(m, 1, 1 << 20);
        }
    MUST(waitpid(p, &st, 0));
    report(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL, "the child that eats all memory dies");
}

static unsigned long free_kb(void)
{
    char line[200];
    FILE *f = fopen("/proc/meminfo", "r");
    unsigned long kb = 0;

    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "MemFree: %lu", &kb) == 1)
            break;
    fclose(f);
    return kb;
}

static void lives(int nr)
{
    int st, ok = 1;

    for (int i = 0; i < nr; i++) {
        pid_t p = fork();

        if (!p) {
            char *m = malloc(100000);

            memset(m, 1, 100000);
            if (i % 7 == 0)
                fork();
            _exit(open("/dev/null", O_RDONLY) < 0);
        }
        ok &= p > 0 && waitpid(p, &st, 0) == p && st == 0;
    }
    while (wait(NULL) > 0)
        ;
    report(ok, "%d short lives", nr);
}

int main(void)
{
    unsigned long before, after;

    lives(200); /* what the first ones leave in caches stays */
    before = free_kb();
    lives(2000);
    after = free_kb();
    report(after + 512 > before, "no memory is lost");
    if (after + 512 <= before)
        note("%lu kB before, %lu kB after", before, after);
    bomb();
    eat();
    lives(100);
    after = free_kb();
    report(after + 4096 > before, "no memory is lost to bombs and gluttons");
    if (after + 4096 <= before)
        note("%lu kB before, %lu kB after", before, after);
    return report_done();
}
