/* SPDX-License-Identifier: BSD-2-Clause */
/* micro: kernel micro-benchmarks in one static program, for Linux and for
 * Linux-compatible unikernels.   gcc -O2 -static -pthread -o micro micro.c
 *
 *   micro [all]            every test, default iterations: one line each
 *   micro NAME N [FILE]    one test, N iterations (N and 2N under an
 *                               instruction counter; the difference / N is the cost)
 *   micro none             nothing (start-up cost only)
 *
 * Line:  MB name n=N ns_per_op=X.X unit       and at the end   MB done
 * Runs as init: needs no /proc, no /dev but an inherited stdout. FILE (fileread,
 * read4k) is created (64 MB of data) if it cannot be opened; default /mb.dat.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MB64 (64ul << 20)
static const char *file = "/mb.dat";

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}
static void die(const char *what)
{
    char b[128];
    int n = snprintf(b, sizeof b, "MB FAIL %s: %s\n", what, strerror(errno));
    if (write(1, b, n)) {
    }
    _exit(1);
}
#define CK(x)        \
    do {             \
        if ((x) < 0) \
            die(#x); \
    } while (0)
static long futex(atomic_int *a, int op, int v)
{
    return syscall(SYS_futex, a, op | FUTEX_PRIVATE_FLAG, v, NULL, NULL, 0);
}

/* --- one thread --- */
static void t_null(long n)
{
    while (n--)
        syscall(SYS_getppid);
}
static void t_clock(long n)
{
    struct timespec t;
    while (n--)
        clock_gettime(CLOCK_MONOTONIC, &t);
}
static void t_pipe1(long n) /* op: write 1 byte + read 1 byte */
{
    int p[2];
    char c = 'x';
    CK(pipe(p));
    while (n--) {
        if (write(p[1], &c, 1) != 1 || read(p[0], &c, 1) != 1)
            die("pipe1");
    }
    close(p[0]);
    close(p[1]);
}
static void t_eventfd(long n) /* op: write + epoll_wait + read */
{
    int e = eventfd(0, EFD_NONBLOCK), ep = epoll_create1(0);
    uint64_t v = 1;
    struct epoll_event ev = { .events = EPOLLIN }, out;
    CK(e);
    CK(ep);
    CK(epoll_ctl(ep, EPOLL_CTL_ADD, e, &ev));
    while (n--) {
        if (write(e, &v, 8) != 8 || epoll_wait(ep, &out, 1, -1) != 1 || read(e, &v, 8) != 8)
            die("eventfd");
    }
    close(e);
    close(ep);
}
static void touch(long n, int adv) /* op: mmap 64 MB, write 1 byte in each 4 KB, munmap */
{
    while (n--) {
        size_t len = MB64 + (2ul << 20);
        char *m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (m == MAP_FAILED)
            die("mmap");
        char *a = (char *)(((uintptr_t)m + (2ul << 20) - 1) & ~((2ul << 20) - 1));
        if (adv)
            madvise(a, MB64, adv);
        for (size_t i = 0; i < MB64; i += 4096)
            ((volatile char *)a)[i] = 1;
        munmap(m, len);
    }
}
static void t_touch(long n)
{
    touch(n, MADV_NOHUGEPAGE);
}
static void t_touchthp(long n)
{
    touch(n, MADV_HUGEPAGE);
}
static void t_mmap4k(long n) /* op: mmap 4 KB, touch, munmap */
{
    while (n--) {
        char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (m == MAP_FAILED)
            die("mmap");
        *(volatile char *)m = 1;
        munmap(m, 4096);
    }
}
static volatile sig_atomic_t caught;
static void on_signal(int sig)
{
    caught = caught + 1;
}
static void t_sigself(long n) /* op: signal to the calling thread, its handler, sigreturn */
{
    struct sigaction a = { .sa_handler = on_signal };
    long pid = getpid(), tid = syscall(SYS_gettid), had = caught, want = n;
    CK(sigaction(SIGUSR1, &a, NULL));
    while (n--)
        syscall(SYS_tgkill, pid, tid, SIGUSR1);
    if (caught - had != want)
        die("sigself");
}
static void mkfile(void)
{
    static char b[65536];
    struct stat st;
    if (stat(file, &st) == 0 && st.st_size >= (off_t)MB64)
        return;
    int fd = open(file, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (fd < 0)
        die(file);
    memset(b, 'm', sizeof b);
    for (size_t i = 0; i < MB64; i += sizeof b)
        if (write(fd, b, sizeof b) != sizeof b)
            die("write file");
    close(fd);
}
static void rd(long n, size_t chunk) /* op: read 64 MB of the file in chunks */
{
    static char b[65536];
    int fd = open(file, O_RDONLY);
    if (fd < 0)
        die(file);
    while (n--) {
        CK(lseek(fd, 0, SEEK_SET));
        for (size_t i = 0; i < MB64; i += chunk)
            if (read(fd, b, chunk) != (ssize_t)chunk)
                die("read file");
    }
    close(fd);
}
static void t_fileread(long n)
{
    rd(n, 65536);
}
static void t_read4k(long n)
{
    rd(n, 4096);
}
static void p_file(void)
{
    mkfile();
    rd(1, 65536);
}
static void t_openclose(long n) /* op: open + fstat + close */
{
    struct stat st;
    while (n--) {
        int fd = open(file, O_RDONLY);
        if (fd < 0)
            die(file);
        fstat(fd, &st);
        close(fd);
    }
}

/* --- two threads --- */
static long peer_n;
static int pa[2], pb[2], sa, sb;
static atomic_int fa, fb;
static void *futex_peer(void *x)
{
    for (long i = 0; i < peer_n; i++) {
        while (!atomic_load(&fa))
            futex(&fa, FUTEX_WAIT, 0);
        atomic_store(&fa, 0);
        atomic_store(&fb, 1);
        futex(&fb, FUTEX_WAKE, 1);
    }
    return x;
}
static void t_futex(long n) /* op: round trip, 2 wakes, 2 switches */
{
    pthread_t t;
    peer_n = n;
    fa = fb = 0;
    if (pthread_create(&t, NULL, futex_peer, NULL))
        die("pthread_create");
    while (n--) {
        atomic_store(&fa, 1);
        futex(&fa, FUTEX_WAKE, 1);
        while (!atomic_load(&fb))
            futex(&fb, FUTEX_WAIT, 0);
        atomic_store(&fb, 0);
    }
    pthread_join(t, NULL);
}
static void *pipe_peer(void *x)
{
    char c;
    for (long i = 0; i < peer_n; i++)
        if (read(pa[0], &c, 1) != 1 || write(pb[1], &c, 1) != 1)
            die("pipe peer");
    return x;
}
static void t_ctxpipe(long n) /* op: round trip, 2 switches, 2 reads, 2 writes */
{
    pthread_t t;
    char c = 'x';
    peer_n = n;
    CK(pipe(pa));
    CK(pipe(pb));
    if (pthread_create(&t, NULL, pipe_peer, NULL))
        die("pthread_create");
    while (n--)
        if (write(pa[1], &c, 1) != 1 || read(pb[0], &c, 1) != 1)
            die("ctxpipe");
    pthread_join(t, NULL);
    close(pa[0]);
    close(pa[1]);
    close(pb[0]);
    close(pb[1]);
}
static void *nop(void *x)
{
    return x;
}
static void t_thread(long n) /* op: pthread_create + join */
{
    pthread_t t;
    while (n--) {
        if (pthread_create(&t, NULL, nop, NULL))
            die("pthread_create");
        pthread_join(t, NULL);
    }
}
static void *sock_peer(void *x)
{
    char c;
    for (long i = 0; i < peer_n; i++)
        if (read(sb, &c, 1) != 1 || write(sb, &c, 1) != 1)
            die("sock peer");
    return x;
}
static void sockpp(long n)
{
    pthread_t t;
    char c = 'x';
    peer_n = n;
    if (pthread_create(&t, NULL, sock_peer, NULL))
        die("pthread_create");
    while (n--)
        if (write(sa, &c, 1) != 1 || read(sa, &c, 1) != 1)
            die("sock");
    pthread_join(t, NULL);
    close(sa);
    close(sb);
}
static void t_unix(long n) /* op: round trip of 1 byte on a unix socket pair */
{
    int s[2];
    CK(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    sa = s[0];
    sb = s[1];
    sockpp(n);
}
static void t_tcplo(long n) /* op: round trip of 1 byte on loopback TCP, TCP_NODELAY */
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t al = sizeof a;
    int one = 1, l = socket(AF_INET, SOCK_STREAM, 0);
    struct ifreq ifr = { .ifr_name = "lo" };
    CK(l);
    if (ioctl(l, SIOCGIFFLAGS, &ifr) == 0 && !(ifr.ifr_flags & IFF_UP)) {
        ifr.ifr_flags |= IFF_UP;
        ioctl(l, SIOCSIFFLAGS, &ifr);
    }
    CK(bind(l, (void *)&a, sizeof a));
    CK(listen(l, 1));
    CK(getsockname(l, (void *)&a, &al));
    sa = socket(AF_INET, SOCK_STREAM, 0);
    CK(sa);
    CK(connect(sa, (void *)&a, sizeof a));
    sb = accept(l, NULL, NULL);
    CK(sb);
    setsockopt(sa, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(sb, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockpp(n);
    close(l);
}
/* ---- io_uring by raw system calls: one enter for `batch` requests of one kind ---- */
static struct uring {
    int fd;
    uint32_t *sq_tail, *sq_array, *cq_head, *cq_tail;
    struct io_uring_sqe *sqes;
} ur;
static void uring_open(void)
{
    struct io_uring_params p = { 0 };
    char *m;
    ur.fd = syscall(SYS_io_uring_setup, 32, &p);
    CK(ur.fd);
    m = mmap(NULL, p.sq_off.array + 128, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ur.fd, 0);
    ur.sqes = mmap(NULL, 32 * 64, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ur.fd, IORING_OFF_SQES);
    if (m == MAP_FAILED || (void *)ur.sqes == MAP_FAILED)
        die("mmap io_uring");
    ur.sq_tail = (void *)(m + p.sq_off.tail);
    ur.sq_array = (void *)(m + p.sq_off.array);
    ur.cq_head = (void *)(m + p.cq_off.head);
    ur.cq_tail = (void *)(m + p.cq_off.tail);
    for (int i = 0; i < 32; i++)
        ur.sq_array[i] = i;
}
static void uring_batch(long n, int batch)
{
    for (long i = 0; i < n; i++) {
        *ur.sq_tail += batch;
        CK(syscall(SYS_io_uring_enter, ur.fd, batch, batch, IORING_ENTER_GETEVENTS, NULL, 0));
        *ur.cq_head = *ur.cq_tail;
    }
}
static void t_uringnop(long n)
{
    uring_open();
    uring_batch(n, 1);
}
static void t_uringnop32(long n) /* op: one enter with 32 NOPs */
{
    uring_open();
    uring_batch(n, 32);
}
static char page[4096];
static void t_uringread(long n) /* op: one enter with a read of 4 KB at 0 */
{
    int fd = open(file, O_RDONLY);
    CK(fd);
    uring_open();
    for (int i = 0; i < 32; i++) {
        ur.sqes[i].opcode = IORING_OP_READ;
        ur.sqes[i].fd = fd;
        ur.sqes[i].addr = (uintptr_t)page;
        ur.sqes[i].len = sizeof(page);
    }
    uring_batch(n, 1);
}
static void t_pread4k(long n)
{
    int fd = open(file, O_RDONLY);
    CK(fd);
    for (long i = 0; i < n; i++)
        CK(pread(fd, page, sizeof(page), 0));
}
static void t_none(long n)
{
    (void)n;
}

static const struct test {
    const char *name;
    void (*fn)(long);
    void (*prep)(void);
    long n;
    const char *unit;
} T[] = {
    { "null", t_null, NULL, 200000, "getppid" },
    { "clock", t_clock, NULL, 200000, "clock_gettime(MONOTONIC)" },
    { "pipe1", t_pipe1, NULL, 50000, "write+read 1 byte, same thread" },
    { "eventfd", t_eventfd, NULL, 50000, "write+epoll_wait+read" },
    { "futex", t_futex, NULL, 20000, "futex round trip, 2 threads" },
    { "ctxpipe", t_ctxpipe, NULL, 20000, "pipe round trip, 2 threads (2 switches)" },
    { "unix", t_unix, NULL, 10000, "unix socket round trip, 2 threads" },
    { "tcplo", t_tcplo, NULL, 5000, "loopback TCP round trip, 2 threads" },
    { "thread", t_thread, NULL, 5000, "pthread_create+join" },
    { "sigself", t_sigself, NULL, 20000, "signal to own thread and back" },
    { "mmap4k", t_mmap4k, NULL, 20000, "mmap+touch+munmap 4 KB" },
    { "touch", t_touch, NULL, 4, "mmap+touch+munmap 64 MB, 4 KB pages" },
    { "touchthp", t_touchthp, NULL, 4, "same, MADV_HUGEPAGE" },
    { "openclose", t_openclose, p_file, 20000, "open+fstat+close" },
    { "fileread", t_fileread, p_file, 4, "read 64 MB cached file, 64 KB reads" },
    { "read4k", t_read4k, p_file, 4, "read 64 MB cached file, 4 KB reads" },
    { "pread4k", t_pread4k, p_file, 50000, "pread of 4 KB of a cached file" },
    { "uringnop", t_uringnop, NULL, 50000, "io_uring_enter with a NOP" },
    { "uringnop32", t_uringnop32, NULL, 5000, "io_uring_enter with 32 NOPs" },
    { "uringread", t_uringread, p_file, 50000, "io_uring_enter with a 4 KB READ of a cached file" },
    { "none", t_none, NULL, 1, "nothing" },
};
static void run(const struct test *t, long n)
{
    char b[192];
    if (t->prep)
        t->prep();
    uint64_t a = now();
    t->fn(n);
    uint64_t d = now() - a;
    int k = snprintf(b, sizeof b, "MB %s n=%ld ns_per_op=%.1f %s\n", t->name, n, (double)d / n, t->unit);
    if (write(1, b, k)) {
    }
}
int main(int c, char **v)
{
    size_t nt = sizeof T / sizeof *T;
    if (c > 3)
        file = v[3];
    for (size_t i = 0; i < nt; i++) {
        if (c < 2 || !strcmp(v[1], "all")) {
            run(&T[i], T[i].n);
            continue;
        }
        if (!strcmp(v[1], T[i].name))
            run(&T[i], c > 2 ? atol(v[2]) : T[i].n);
    }
    if (write(1, "MB done\n", 8)) {
    }
    return 0;
}
