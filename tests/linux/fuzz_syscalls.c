/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random system calls with random arguments: nothing but this program may come to harm. For Proa only: run as
 * root on a real machine it would do damage. Arguments: seed, number of calls.
 *
 * Left out are the calls by which the program would end, lose its signals or replace itself.
 */
#include "report.h"

#define ARENA (64 * 4096ul)

static char *arena;
static uint64_t state;

static const short excluded[] = {
    SYS_exit,
    SYS_exit_group,
    SYS_reboot,
    SYS_kill,
    SYS_tkill,
    SYS_tgkill,
    SYS_rt_sigreturn,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigsuspend,
    SYS_setitimer,
    SYS_alarm,
    SYS_execve,
    SYS_execveat,
    SYS_arch_prctl,
    SYS_prlimit64,
    SYS_setrlimit,
    SYS_rseq,
    SYS_prctl,
    SYS_personality,
    SYS_fork,
    SYS_vfork,
    SYS_clone,
    435,
    SYS_timer_create,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_brk,
    SYS_close_range,
    SYS_rt_sigtimedwait,
    SYS_ppoll,
    SYS_pselect6,
    SYS_epoll_pwait,
    441,
    SYS_seccomp,
    SYS_set_tid_address,
    SYS_chroot,
    SYS_pivot_root,
    SYS_shmat,
    SYS_setgroups,
    SYS_process_vm_writev,
    SYS_umount2,
};

static uint64_t rnd(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static const char *const paths[] = { ".",
                                     "..",
                                     "/",
                                     "f",
                                     "d",
                                     "d/x",
                                     "l",
                                     "/proc",
                                     "/proc/self",
                                     "/dev/null",
                                     "/dev/zero",
                                     "/dev/full",
                                     "/dev/ptmx",
                                     "/proc/self/maps",
                                     "/proc/self/fd",
                                     "none",
                                     "",
                                     "/tmp" };

static uint64_t argument(void)
{
    static const uint64_t edges[] = {
        0,          1,          7,          4095,         4096,           4097,
        65536,      0x7fffffff, 0x80000000, 0xffffffff,   1ull << 32,     1ull << 47,
        1ull << 62, 1ull << 63, ~0ull,      ~0ull - 4095, 0x7ffffffff000, 0xffff888000000000
    };
    switch (rnd() % 8) {
    case 0:
        return edges[rnd() % (sizeof(edges) / sizeof(*edges))];
    case 1:
    case 2:
        return rnd() % 40;
    case 3:
        return (uint64_t)paths[rnd() % (sizeof(paths) / sizeof(*paths))];
    case 4:
        return (uint64_t)arena + rnd() % ARENA;
    case 5:
        return (uint64_t)arena + (rnd() % 64) * 4096;
    case 6:
        return 1ull << rnd() % 64;
    default:
        return rnd() % 5 ? rnd() % 4096 : rnd();
    }
}

static int harmless(long nr, uint64_t *a)
{
    for (size_t i = 0; i < sizeof(excluded) / sizeof(*excluded); i++)
        if (nr == excluded[i])
            return 0;
    switch (nr) {
    case SYS_close:
    case SYS_shutdown:
        return (uint32_t)a[0] > 2;
    case SYS_dup2:
    case SYS_dup3:
        return (uint32_t)a[1] > 2;
    case SYS_munmap: /* its own memory only: elsewhere it would pull the rug from under itself */
    case SYS_mprotect:
    case SYS_madvise:
    case SYS_mremap:
    case 440: /* process_madvise */
    case SYS_remap_file_pages:
    case 329: /* pkey_mprotect */
        a[0] = (uint64_t)arena + (rnd() % 64) * 4096, a[1] = (rnd() % 8) * 4096;
        if (nr == SYS_mremap)
            a[2] = (rnd() % 8) * 4096, a[3] &= 1, a[4] = 0;
        return 1;
    case SYS_mmap:
        a[3] &= ~0x100010ull; /* not MAP_FIXED */
        return a[1] < 1ull << 20;
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
    case SYS_flock:
        return 0;
    case SYS_fcntl:
        return a[1] != F_SETLKW && a[1] != 38;
    case SYS_ioctl:
        return (uint32_t)a[0] > 2;
    case SYS_read:
    case SYS_readv:
    case SYS_preadv:
        return (uint32_t)a[0] != 0;
    case SYS_write:
    case SYS_writev:
    case SYS_pwritev:
    case SYS_pwritev2:
    case SYS_pwrite64:
    case SYS_sendfile:
    case SYS_tee:
    case SYS_vmsplice:
        return (uint32_t)a[0] > 2;
    case SYS_splice:
        return (uint32_t)a[2] > 2;
    case SYS_copy_file_range:
        return (uint32_t)a[2] > 2;
    case SYS_futex:
        return 0;
    }
    return 1;
}

static void on_alarm(int sig)
{
}

int main(int argc, char **argv)
{
    int calls = argc > 2 ? atoi(argv[2]) : 1000, done = 0, worked = 0;
    struct sigaction sa = { .sa_handler = on_alarm };
    struct itimerval it = { { 0, 2000 }, { 0, 2000 } };

    state = (argc > 1 ? atoi(argv[1]) : 1) * 0x9e3779b97f4a7c15ull + 1;
    scratch();
    put_file("f", "text"), MUST(mkdir("d", 0755)), MUST(symlink("f", "l"));
    signal(SIGPIPE, SIG_IGN), signal(SIGXFSZ, SIG_IGN), signal(SIGHUP, SIG_IGN), signal(SIGIO, SIG_IGN);
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    while (done < calls) {
        long nr = rnd() % 460;
        uint64_t a[6];

        if (done % 64 == 0) {
            arena = mmap(arena, ARENA, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | (arena ? MAP_FIXED : 0), -1, 0);
            for (size_t i = 0; i < ARENA / 8; i += 1 + rnd() % 64)
                ((uint64_t *)arena)[i] = argument();
        }
        for (int i = 0; i < 6; i++)
            a[i] = argument();
        if (!harmless(nr, a))
            continue;
        if (done % 500 == 499)
            for (int fd = 3; fd < 1024; fd++)
                close(fd);
        if (argc > 3) /* a third argument: say each call before it is made, to find the one that does harm */
            dprintf(2, "%d: %ld(%lx, %lx, %lx, %lx, %lx, %lx)\n", done, nr, a[0], a[1], a[2], a[3], a[4],
                    a[5]);
        long r = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
        worked += r != -1;
        done++;
    }
    it = (struct itimerval){ 0 };
    setitimer(ITIMER_REAL, &it, NULL);
    note("%d calls, some worked: %d", done, worked > 0);
    return report_done();
}
