/* SPDX-License-Identifier: BSD-2-Clause */
/* Ways to end: each argument is one, and its status is compared. */
#include "report.h"

static int deep(volatile char *p)
{
    volatile char frame[4000];

    frame[0] = *p;
    return deep(frame) + frame[0];
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    volatile char c = 0;

    note("before");
    fprintf(stderr, "on stderr\n");
    printf("buffered");
    if (!strcmp(how, "exit"))
        exit(atoi(argv[2]));
    if (!strcmp(how, "_exit"))
        _exit(300);
    if (!strcmp(how, "segv"))
        *(volatile int *)16 = 1;
    if (!strcmp(how, "recursion"))
        return deep(&c);
    if (!strcmp(how, "abort"))
        abort();
    if (!strcmp(how, "ill"))
        asm volatile("ud2");
    if (!strcmp(how, "fpe"))
        asm volatile("xor %%ecx, %%ecx; mov $1, %%eax; cltd; idivl %%ecx" ::: "eax", "ecx", "edx");
    if (!strcmp(how, "pipe")) {
        int p[2];
        MUST(pipe(p));
        close(p[0]);
        MUST(write(p[1], "x", 1));
    }
    if (!strcmp(how, "kill"))
        kill(getpid(), atoi(argv[2]));
    if (!strcmp(how, "alarm")) {
        struct itimerval it = { .it_value = { 0, 10000 } };
        setitimer(ITIMER_REAL, &it, NULL);
        for (;;)
            pause();
    }
    if (!strcmp(how, "cpu")) {
        uint64_t r[2] = { 1, 2 };
        MUST(syscall(SYS_setrlimit, 0, r));
        for (;;)
            c++;
    }
    if (!strcmp(how, "stack-gone")) { /* no room for the signal frame: the handler cannot run */
        struct sigaction sa = { .sa_handler = (void (*)(int))exit };
        sigaction(SIGSEGV, &sa, NULL);
        asm volatile("mov $4096, %%rsp; push %%rax" ::: "memory");
    }
    if (!strcmp(how, "blocked-segv")) { /* a blocked synchronous fault kills */
        sigset_t s;
        signal(SIGSEGV, (void (*)(int))exit);
        sigfillset(&s);
        sigprocmask(SIG_BLOCK, &s, NULL);
        *(volatile int *)16 = 1;
    }
    if (!strcmp(how, "ignored-segv")) {
        signal(SIGSEGV, SIG_IGN);
        *(volatile int *)16 = 1;
    }
    if (!strcmp(how, "bad-sigreturn")) {
        asm volatile("mov $4096, %%rsp; mov $15, %%eax; syscall" ::: "memory");
    }
    if (!strcmp(how, "memory")) /* for Proa alone: more than the machine has */
        for (size_t n = 0; n < 1ul << 36; n += 1 << 20) {
            char *m = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (m == MAP_FAILED) {
                note("mmap fails: %s", strerror(errno));
                return 3;
            }
            memset(m, 1, 1 << 20);
        }
    if (!strcmp(how, "tmpfs")) { /* for Proa alone: a full tmpfs says so */
        static char block[1 << 20];
        int fd = MUST(open("/tmp/big", O_CREAT | O_WRONLY, 0644));
        ssize_t n;
        memset(block, 1, sizeof(block));
        while ((n = write(fd, block, sizeof(block))) > 0)
            ;
        CHECK_EQ(errno, ENOSPC);
        MUST(ftruncate(fd, 0));
        CHECK_EQ(write(fd, block, sizeof(block)), (long)sizeof(block));
        return report_done();
    }
    return 0;
}
