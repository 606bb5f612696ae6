/* SPDX-License-Identifier: BSD-2-Clause */
/* io_uring(7): rings, submission, completion, chains, draining, timeouts, cancellation. */
#include "uring.h"

static void setup_params(void)
{
    struct io_uring_params p = { 0 };
    struct ring r;

    CHECK_ERR(sys_setup(0, &p), EINVAL);
    CHECK_ERR(sys_setup(32769, &p), EINVAL);
    CHECK_ERR(sys_setup(8, NULL), EFAULT);
    CHECK_ERR(sys_setup(8, (void *)8), EFAULT);
    p.resv[1] = 1;
    CHECK_ERR(sys_setup(8, &p), EINVAL);
    CHECK_ERR(ring_try(&r, 8, 1u << 30, 0), EINVAL);
    CHECK_ERR(ring_try(&r, 8, IORING_SETUP_TASKRUN_FLAG, 0), EINVAL);
    CHECK_ERR(ring_try(&r, 8, IORING_SETUP_DEFER_TASKRUN, 0), EINVAL);
    CHECK_ERR(ring_try(&r, 8, IORING_SETUP_SQ_AFF, 0), EINVAL);
    CHECK_ERR(ring_try(&r, 8, 0, 4), EINVAL);
    CHECK_ERR(ring_try(&r, 8, 0, 65537), EINVAL);
    CHECK_ERR(ring_try(&r, 8, IORING_SETUP_CQSIZE, 0), EINVAL);
    memset(&p, 0, sizeof(p)), p.flags = IORING_SETUP_ATTACH_WQ, p.wq_fd = 1234;
    CHECK_ERR(sys_setup(8, &p), ENXIO);
    p.wq_fd = 0;
    CHECK_ERR(sys_setup(8, &p), EINVAL);
    MUST(ring_try(&r, 5, 0, 0));
    report(r.p.sq_entries == 8 && r.p.cq_entries == 16, "entries are rounded up");
    CHECK_EQ(fcntl(r.fd, F_GETFD), FD_CLOEXEC);
    close(r.fd);
    MUST(ring_try(&r, 5, 0, 33));
    report(r.p.sq_entries == 8 && r.p.cq_entries == 64, "the completion queue's too");
    close(r.fd);
    MUST(ring_try(&r, 100000, IORING_SETUP_CLAMP, 1000000));
    report(r.p.sq_entries == 32768 && r.p.cq_entries == 65536, "clamped");
    ring_map(&r);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 5);
    go(&r, 1, "the largest ring");
    ring_close(&r);
    ring_open(&r, 4, 0);
    unsigned want = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE |
                    IORING_FEAT_RW_CUR_POS | IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_FAST_POLL |
                    IORING_FEAT_POLL_32BITS | IORING_FEAT_EXT_ARG | IORING_FEAT_NATIVE_WORKERS |
                    IORING_FEAT_RSRC_TAGS | IORING_FEAT_CQE_SKIP | IORING_FEAT_LINKED_FILE;
    report((r.p.features & want) == want, "features");
    ring_close(&r);
}

static void mapping(void)
{
    struct ring r;
    char path[64], link[64];
    struct stat st;

    ring_open(&r, 4, 0);
    char *cq = mmap(NULL, 4096, PROT_READ, MAP_SHARED, r.fd, IORING_OFF_CQ_RING);
    report(cq != MAP_FAILED && *(uint32_t *)(cq + r.p.cq_off.ring_entries) == 8, "the rings at both offsets");
    CHECK_EQ(*(uint32_t *)(r.mem + r.p.sq_off.ring_entries), 4);
    CHECK_EQ(*(uint32_t *)(r.mem + r.p.sq_off.ring_mask), 3);
    CHECK_EQ(*(uint32_t *)(r.mem + r.p.cq_off.ring_mask), 7);
    munmap(cq, 4096);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", r.fd);
    memset(link, 0, sizeof(link));
    MUST(readlink(path, link, sizeof(link) - 1));
    note("the ring is %s", link);
    MUST(fstat(r.fd, &st));
    report(st.st_size == 0, "its size is 0");
    char c;
    CHECK_ERR(read(r.fd, &c, 1), EINVAL);
    CHECK_ERR(write(r.fd, &c, 1), EINVAL);
    CHECK_ERR(lseek(r.fd, 0, SEEK_SET), ESPIPE);
    int fd = dup(r.fd);
    close(r.fd);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1);
    CHECK_EQ(sys_enter(fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), 1);
    say(&r, "through a duplicate");
    close(fd);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 2); /* the memory stays */
    CHECK_ERR(sys_enter(fd, 1, 0, 0, NULL, 0), EBADF);
    munmap(r.mem, r.mem_len), munmap(r.sqes, r.sqes_len);
}

static void entering(void)
{
    struct ring r;
    struct io_uring_getevents_arg arg = { 0 };
    struct __kernel_timespec ts = { 0, 1000000 }, bad = { 0, 2000000000 };
    sigset_t set;

    ring_open(&r, 4, 0);
    CHECK_ERR(sys_enter(r.fd, 0, 0, 1u << 20, NULL, 0), EINVAL);
    CHECK_ERR(sys_enter(-1, 0, 0, 0, NULL, 0), EBADF);
    CHECK_ERR(sys_enter(1, 0, 0, 0, NULL, 0), EOPNOTSUPP);
    CHECK_EQ(sys_enter(r.fd, 0, 0, 0, NULL, 0), 0);
    CHECK_EQ(sys_enter(r.fd, 3, 0, 0, NULL, 0), 0);
    CHECK_EQ(sys_enter(r.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0), 0);
    for (int i = 0; i < 4; i++)
        sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, i);
    CHECK_EQ(sys_enter(r.fd, 2, 0, 0, NULL, 0), 2);
    CHECK_EQ(*r.sq_tail - *r.sq_head, 2);
    CHECK_EQ(sys_enter(r.fd, 100, 100, IORING_ENTER_GETEVENTS, NULL, 0), 2);
    say(&r, "four");
    CHECK_ERR(sys_enter(r.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, 8), EINVAL);
    CHECK_ERR(sys_enter(r.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, NULL, sizeof(arg)),
              EFAULT);
    arg.ts = (uintptr_t)&ts;
    CHECK_ERR(sys_enter(r.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)), ETIME);
    arg.ts = 1;
    CHECK_ERR(sys_enter(r.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)),
              EFAULT);
    (void)bad;
    sigemptyset(&set);
    arg.ts = 0, arg.sigmask = (uintptr_t)&set, arg.sigmask_sz = 4;
    CHECK_ERR(sys_enter(r.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)),
              EINVAL);
    CHECK_ERR(sys_enter(r.fd, 0, 1, IORING_ENTER_GETEVENTS, &set, 4), EINVAL);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 9);
    CHECK_EQ(sys_enter(r.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0), 1);
    arg.sigmask_sz = 8, arg.ts = (uintptr_t)&ts;
    CHECK_EQ(sys_enter(r.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)), 0);
    CHECK_EQ(sys_enter(r.fd, 0, 2, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)), 0);
    say(&r, "one");
    r.sq_array[*r.sq_tail & 3] = 77; /* no such entry */
    ++*r.sq_tail;
    CHECK_EQ(sys_enter(r.fd, 1, 0, 0, NULL, 0), 0);
    CHECK_EQ(*r.sq_dropped, 1);
    CHECK_EQ(*r.sq_tail - *r.sq_head, 0);
    ring_close(&r);
}

static int signals;
static void on_signal(int sig)
{
    signals++;
}

static void interrupted(void)
{
    struct ring r;
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    struct itimerval it = { { 0, 0 }, { 0, 20000 } };
    sigset_t set, none;
    struct io_uring_getevents_arg arg = { 0 };

    sigaction(SIGALRM, &sa, NULL);
    ring_open(&r, 4, 0);
    setitimer(ITIMER_REAL, &it, NULL);
    CHECK_ERR(sys_enter(r.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0), EINTR);
    CHECK_EQ(signals, 1);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1);
    setitimer(ITIMER_REAL, &it, NULL);
    CHECK_EQ(sys_enter(r.fd, 1, 2, IORING_ENTER_GETEVENTS, NULL, 0), 1);
    CHECK_EQ(signals, 2);
    say(&r, "submitted, then interrupted");
    sigemptyset(&none), sigemptyset(&set), sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    arg.sigmask = (uintptr_t)&none, arg.sigmask_sz = 8;
    CHECK_ERR(sys_enter(r.fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg)), EINTR);
    CHECK_EQ(signals, 3);
    sigprocmask(SIG_BLOCK, NULL, &none);
    report(sigismember(&none, SIGALRM), "the mask is restored");
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    ring_close(&r);
}

static void wrong_entries(void)
{
    struct ring r;
    struct io_uring_sqe *s;

    for (int all = 0; all < 2; all++) {
        ring_open(&r, 8, all ? IORING_SETUP_SUBMIT_ALL : 0);
        sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1);
        sqe(&r, 250, -1, 0, 0, 0, 2);
        sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3);
        go(&r, 0, "an unknown operation");
        go(&r, 0, "the rest");
        s = sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 4), s->flags = 0x80;
        go(&r, 0, "an unknown flag");
        s = sqe(&r, IORING_OP_TIMEOUT, -1, 0, 0, 0, 5), s->ioprio = 1;
        go(&r, 0, "a priority where none may be");
        s = sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 6), s->personality = 1;
        go(&r, 0, "a personality that is not registered");
        s = sqe(&r, IORING_OP_FSYNC, 0, 0, 0, 0, 7), s->flags = IOSQE_BUFFER_SELECT;
        go(&r, 0, "a buffer for what needs none");
        sqe(&r, IORING_OP_READ, -1, &r, 1, 0, 8);
        sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 9);
        go(&r, 2, "a bad descriptor");
        s = sqe(&r, IORING_OP_READ, 0, &r, 1, 0, 10), s->flags = IOSQE_FIXED_FILE;
        go(&r, 1, "no registered file");
        ring_close(&r);
    }
}

static void reading(void)
{
    struct ring r;
    char buf[100], big[10000];
    struct iovec v[12];
    struct io_uring_sqe *s;
    int fd = MUST(open("file", O_RDWR | O_CREAT | O_TRUNC, 0644)), ro = MUST(open("file", O_RDONLY)), p[2];
    int dir = MUST(open(".", O_RDONLY)), path = MUST(open("file", O_PATH));

    ring_open(&r, 8, 0);
    sqe(&r, IORING_OP_WRITE, fd, "hello world", 11, 0, 1);
    CHECK_EQ(one(&r), 11);
    memset(buf, 0, sizeof(buf));
    sqe(&r, IORING_OP_READ, fd, buf, 5, 6, 1);
    CHECK_EQ(one(&r), 5);
    report(!memcmp(buf, "world", 6), "what was written");
    sqe(&r, IORING_OP_READ, fd, buf, 50, 6, 1), CHECK_EQ(one(&r), 5);
    sqe(&r, IORING_OP_READ, fd, buf, 50, 600, 1), CHECK_EQ(one(&r), 0);
    sqe(&r, IORING_OP_READ, fd, buf, 0, 0, 1), CHECK_EQ(one(&r), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    sqe(&r, IORING_OP_READ, fd, buf, 5, -1, 1), CHECK_EQ(one(&r), 5);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
    sqe(&r, IORING_OP_WRITE, fd, "X", 1, -1, 1), CHECK_EQ(one(&r), 1);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
    sqe(&r, IORING_OP_READ, fd, buf, 5, -2, 1), CHECK_EQ(one(&r), -EINVAL);
    sqe(&r, IORING_OP_WRITE, ro, "X", 1, 0, 1), CHECK_EQ(one(&r), -EBADF);
    sqe(&r, IORING_OP_READ, dir, buf, 1, 0, 1), CHECK_EQ(one(&r), -EISDIR);
    sqe(&r, IORING_OP_READ, path, buf, 1, 0, 1), CHECK_EQ(one(&r), -EBADF);
    sqe(&r, IORING_OP_READ, fd, (void *)8, 1, 0, 1), CHECK_EQ(one(&r), -EFAULT);
    sqe(&r, IORING_OP_READ, fd, (void *)-4096ul, 1, 0, 1), CHECK_EQ(one(&r), -EFAULT);
    sqe(&r, IORING_OP_WRITE, fd, (void *)8, 1, 0, 1), CHECK_EQ(one(&r), -EFAULT);
    s = sqe(&r, IORING_OP_READ, fd, buf, 1, 0, 1), s->rw_flags = 1 << 20, CHECK_EQ(one(&r), -EOPNOTSUPP);
    s = sqe(&r, IORING_OP_WRITE, fd, "end", 3, 0, 1), s->rw_flags = RWF_APPEND, CHECK_EQ(one(&r), 3);
    s = sqe(&r, IORING_OP_WRITE, fd, "X", 1, 0, 1), s->rw_flags = RWF_DSYNC, CHECK_EQ(one(&r), 1);
    report(!strcmp(get_file("file"), "Xello worldend") || !strcmp(get_file("file"), "XelloXworldend"),
           "the file: %s", get_file("file"));
    memset(big, 'b', sizeof(big));
    for (int i = 0; i < 12; i++)
        v[i] = (struct iovec){ big + i * 800, 800 };
    sqe(&r, IORING_OP_WRITEV, fd, v, 12, 100, 1), CHECK_EQ(one(&r), 9600);
    memset(big, 0, sizeof(big));
    sqe(&r, IORING_OP_READV, fd, v, 12, 100, 1), CHECK_EQ(one(&r), 9600);
    report(big[0] == 'b' && big[9599] == 'b' && !big[9600], "twelve pieces");
    sqe(&r, IORING_OP_READV, fd, v, 2, 9000, 1), CHECK_EQ(one(&r), 700);
    sqe(&r, IORING_OP_READV, fd, v, 0, 0, 1), CHECK_EQ(one(&r), 0);
    sqe(&r, IORING_OP_READV, fd, v, 1025, 0, 1), CHECK_EQ(one(&r), -EINVAL);
    sqe(&r, IORING_OP_READV, fd, (void *)8, 1, 0, 1), CHECK_EQ(one(&r), -EFAULT);
    MUST(pipe(p));
    sqe(&r, IORING_OP_WRITE, p[1], "abc", 3, 12345, 1), CHECK_EQ(one(&r), 3);
    sqe(&r, IORING_OP_READ, p[0], buf, 10, 0, 1), CHECK_EQ(one(&r), 3);
    s = sqe(&r, IORING_OP_READ, p[0], buf, 10, 0, 1), s->rw_flags = RWF_NOWAIT, CHECK_EQ(one(&r), -EAGAIN);
    fcntl(p[0], F_SETFL, O_NONBLOCK);
    sqe(&r, IORING_OP_READ, p[0], buf, 10, 0, 1);
    go(&r, 0, "a file that must not block is waited for nonetheless");
    MUST(write(p[1], "x", 1));
    go(&r, 1, "so");
    signal(SIGPIPE, on_signal), signals = 0;
    close(p[0]);
    sqe(&r, IORING_OP_WRITE, p[1], "abc", 3, 0, 1), CHECK_EQ(one(&r), -EPIPE);
    CHECK_EQ(signals, 1);
    close(p[1]), close(fd), close(ro), close(dir), close(path);
    ring_close(&r);
}

static void waiting_reads(void)
{
    struct ring r;
    int p[2], q[2];
    char a[10] = "", b[10] = "";
    struct iovec v[2] = { { a, 2 }, { b, 2 } };
    struct io_uring_sqe *s;
    uint64_t one64 = 1;

    ring_open(&r, 8, 0);
    MUST(pipe(p)), MUST(pipe(q));
    sqe(&r, IORING_OP_READV, p[0], v, 2, 0, 1);
    sqe(&r, IORING_OP_READ, q[0], b + 4, 4, 0, 2);
    go(&r, 0, "two reads of empty pipes");
    memset(v, 0, sizeof(v)); /* the vector was copied */
    MUST(write(p[1], "1234", 4));
    go(&r, 1, "the first");
    report(!memcmp(a, "12", 3) && !memcmp(b, "34", 3), "in pieces");
    close(q[1]);
    go(&r, 1, "the end of the second");
    s = sqe(&r, IORING_OP_READ, p[0], a, 1, 0, 3), s->flags = IOSQE_ASYNC;
    go(&r, 0, "asynchronously");
    MUST(write(p[1], "x", 1));
    go(&r, 1, "it");
    sqe(&r, IORING_OP_READ, p[0], (void *)8, 1, 0, 4);
    go(&r, 0, "a bad buffer, nothing to read");
    MUST(write(p[1], "x", 1));
    go(&r, 1, "something to read");
    int e = MUST(syscall(SYS_eventfd2, 0, 0));
    sqe(&r, IORING_OP_READ, e, &one64, 8, 0, 5);
    go(&r, 0, "an eventfd");
    one64 = 7;
    MUST(write(e, &one64, 8));
    go(&r, 1, "its count");
    CHECK_EQ(one64, 7);
    /* A pipe that is full */
    fcntl(p[1], F_SETPIPE_SZ, 4096);
    char *page = calloc(1, 8192);
    while (read(p[0], page, 1) == 0)
        ;
    sqe(&r, IORING_OP_WRITE, p[1], page, 4096, 0, 6);
    go(&r, 1, "as much as fits");
    sqe(&r, IORING_OP_WRITE, p[1], page, 4096, 0, 7);
    go(&r, 0, "more");
    MUST(read(p[0], page, 4096));
    go(&r, 1, "after a read");
    close(p[0]), close(p[1]), close(q[0]), close(e);
    ring_close(&r);
}

static void chains(void)
{
    struct ring r;
    struct io_uring_sqe *s;
    int fd = MUST(open("chain", O_RDWR | O_CREAT | O_TRUNC, 0644)), p[2];
    char buf[16] = "";

    ring_open(&r, 16, 0);
    MUST(pipe(p));
    sqe(&r, IORING_OP_WRITE, fd, "one", 3, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_WRITE, fd, "two", 3, 3, 2)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_READ, fd, buf, 6, 0, 3);
    go(&r, 3, "a chain");
    report(!strcmp(buf, "onetwo"), "in order");
    sqe(&r, IORING_OP_READ, fd, buf, 100, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 2)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 4);
    go(&r, 4, "a short read breaks one");
    sqe(&r, IORING_OP_READ, fd, buf, 100, 0, 1)->flags = IOSQE_IO_HARDLINK;
    sqe(&r, IORING_OP_READ, -1, buf, 1, 0, 2)->flags = IOSQE_IO_HARDLINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3);
    go(&r, 3, "but not a hard one");
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1)->flags = IOSQE_IO_LINK;
    go(&r, 1, "a chain without an end");
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1)->flags = IOSQE_IO_LINK;
    s = sqe(&r, IORING_OP_TIMEOUT, -1, 0, 7, 0, 2), s->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3);
    go(&r, 3, "a wrong entry inside");
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, 99, -1, 0, 7, 0, 2);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3);
    go(&r, 2, "a wrong entry at the end");
    go(&r, 1, "what was left");
    sqe(&r, IORING_OP_READ, p[0], buf, 4, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_WRITE, fd, buf, 4, 0, 2);
    go(&r, 0, "a chain that waits");
    MUST(write(p[1], "pipe", 4));
    go(&r, 2, "and goes on");
    report(!strncmp(get_file("chain"), "pipetwo", 4), "what was read is written");
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1)->flags = IOSQE_CQE_SKIP_SUCCESS;
    sqe(&r, IORING_OP_READ, -1, 0, 0, 0, 2)->flags = IOSQE_CQE_SKIP_SUCCESS;
    go(&r, 1, "only failures are reported");
    sqe(&r, IORING_OP_READ, -1, 0, 0, 0, 1)->flags = IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 2)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3);
    go(&r, 1, "a failure in silence's place");
    sqe(&r, IORING_OP_READ, -1, 0, 0, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 2)->flags = IOSQE_CQE_SKIP_SUCCESS;
    go(&r, 2, "a silent one is cancelled");
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1)->flags = IOSQE_IO_DRAIN;
    go(&r, 1, "draining after silence");
    close(fd), close(p[0]), close(p[1]);
    ring_close(&r);
}

static void draining(void)
{
    struct ring r;
    int p[2];
    char c;

    ring_open(&r, 16, 0);
    MUST(pipe(p));
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1)->flags = IOSQE_IO_DRAIN;
    go(&r, 1, "nothing to drain");
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 2);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3)->flags = IOSQE_IO_DRAIN;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 4);
    go(&r, 0, "a read, and draining behind it");
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 5);
    go(&r, 0, "one more");
    MUST(write(p[1], "x", 1));
    go(&r, 4, "the read completes");
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 6);
    go(&r, 1, "as before");
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 7);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 8)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 9)->flags = IOSQE_IO_DRAIN;
    go(&r, 0, "a draining chain");
    MUST(write(p[1], "x", 1));
    go(&r, 3, "it completes");
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 10);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 11)->flags = IOSQE_IO_DRAIN;
    submit_wait(&r, 0);
    ring_close(&r); /* with both */
    close(p[0]), close(p[1]);
}

static void overflowing(void)
{
    struct ring r;

    MUST(ring_try(&r, 4, 0, 4));
    ring_map(&r);
    for (int i = 0; i < 10; i++) {
        sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, i);
        MUST(sys_enter(r.fd, 1, 0, 0, NULL, 0));
    }
    CHECK_EQ(cq_ready(&r), 4);
    report(*r.sq_flags & IORING_SQ_CQ_OVERFLOW, "the ring says that there are more");
    CHECK_EQ(*r.cq_overflow, 0);
    say(&r, "the first");
    CHECK_EQ(sys_enter(r.fd, 0, 0, IORING_ENTER_GETEVENTS, NULL, 0), 0);
    say(&r, "the next");
    CHECK_EQ(sys_enter(r.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0), 0);
    say(&r, "the last");
    report(!(*r.sq_flags & IORING_SQ_CQ_OVERFLOW), "no more");
    *r.cq_head -= 1000; /* nonsense */
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1);
    MUST(sys_enter(r.fd, 1, 0, 0, NULL, 0));
    *r.cq_head = *r.cq_tail;
    *r.sq_tail += 1 << 30;
    CHECK_EQ(sys_enter(r.fd, 1000, 0, 0, NULL, 0), 4);
    ring_close(&r);
}

static void timeouts(void)
{
    struct ring r;
    struct io_uring_sqe *s;
    struct __kernel_timespec ts = { 0, 5000000 }, later = { 100, 0 }, neg = { -1, 0 }, abs;
    long long t0;

    ring_open(&r, 16, 0);
    t0 = now_ns(CLOCK_MONOTONIC);
    sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 1);
    submit_wait(&r, 0);
    ts.tv_nsec = 0, ts.tv_sec = 1000; /* it was read at submission */
    go(&r, 1, "a timeout");
    ts.tv_sec = 0, ts.tv_nsec = 5000000;
    sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 1);
    go(&r, 1, "a timeout");
    report(now_ns(CLOCK_MONOTONIC) - t0 >= 5000000, "it took its time");
    s = sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 2), s->timeout_flags = IORING_TIMEOUT_ETIME_SUCCESS;
    s->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3);
    go(&r, 2, "and success");
    sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 2)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3);
    go(&r, 2, "no success");
    for (int clock = 0; clock < 3; clock++) {
        static const unsigned flag[] = { 0, IORING_TIMEOUT_REALTIME, IORING_TIMEOUT_BOOTTIME };
        static const clockid_t id[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };
        long long when = now_ns(id[clock]) + 3000000;

        abs.tv_sec = when / 1000000000, abs.tv_nsec = when % 1000000000;
        s = sqe(&r, IORING_OP_TIMEOUT, -1, &abs, 1, 0, 4),
        s->timeout_flags = flag[clock] | IORING_TIMEOUT_ABS;
        go(&r, 1, "absolute");
        report(now_ns(id[clock]) >= when, "not before");
    }
    s = sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 5);
    s->timeout_flags = IORING_TIMEOUT_REALTIME | IORING_TIMEOUT_BOOTTIME, CHECK_EQ(one(&r), -EINVAL);
    s = sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 5), s->timeout_flags = 1 << 20, CHECK_EQ(one(&r), -EINVAL);
    sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 2, 0, 5), CHECK_EQ(one(&r), -EINVAL);
    sqe(&r, IORING_OP_TIMEOUT, -1, (void *)8, 1, 0, 5), CHECK_EQ(one(&r), -EFAULT);
    sqe(&r, IORING_OP_TIMEOUT, -1, &neg, 1, 0, 5), CHECK_EQ(one(&r), -EINVAL);
    /* counting completions */
    sqe(&r, IORING_OP_TIMEOUT, -1, &later, 1, 2, 1);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 2);
    go(&r, 1, "a timeout of two completions, and one");
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3);
    go(&r, 2, "another");
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1);
    sqe(&r, IORING_OP_TIMEOUT, -1, &later, 1, 1, 2);
    go(&r, 2, "one of the same submission counts");
    sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 50, 1);
    go(&r, 1, "too few completions");
    sqe(&r, IORING_OP_TIMEOUT, -1, &ts, 1, 0, 1);
    CHECK_EQ(submit_wait(&r, 8), 1);
    say(&r, "a timeout ends the waiting for more");
    /* removing and changing */
    sqe(&r, IORING_OP_TIMEOUT, -1, &later, 1, 0, 1);
    submit_wait(&r, 0);
    sqe(&r, IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, 0, 2);
    go(&r, 2, "removed");
    sqe(&r, IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, 0, 2), CHECK_EQ(one(&r), -ENOENT);
    sqe(&r, IORING_OP_TIMEOUT, -1, &later, 1, 0, 1);
    submit_wait(&r, 0);
    s = sqe(&r, IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, (uintptr_t)&ts, 2);
    s->timeout_flags = IORING_TIMEOUT_UPDATE;
    go(&r, 2, "changed");
    s = sqe(&r, IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, (uintptr_t)&ts, 2);
    s->timeout_flags = IORING_TIMEOUT_UPDATE, CHECK_EQ(one(&r), -ENOENT);
    s = sqe(&r, IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, 8, 2);
    s->timeout_flags = IORING_TIMEOUT_UPDATE, CHECK_EQ(one(&r), -EFAULT);
    s = sqe(&r, IORING_OP_TIMEOUT_REMOVE, -1, (void *)1, 0, 0, 2);
    s->timeout_flags = IORING_TIMEOUT_ABS, CHECK_EQ(one(&r), -EINVAL);
    sqe(&r, IORING_OP_TIMEOUT, -1, &later, 1, 0, 1);
    submit_wait(&r, 0);
    ring_close(&r);
}

static void linked_timeouts(void)
{
    struct ring r;
    struct io_uring_sqe *s;
    struct __kernel_timespec ts = { 0, 5000000 }, later = { 100, 0 };
    int p[2];
    char c;

    ring_open(&r, 16, 0);
    MUST(pipe(p));
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_LINK_TIMEOUT, -1, &ts, 1, 0, 2);
    go(&r, 2, "a read with a limit");
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_LINK_TIMEOUT, -1, &later, 1, 0, 2);
    submit_wait(&r, 0);
    MUST(write(p[1], "x", 1));
    go(&r, 2, "in time");
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_LINK_TIMEOUT, -1, &later, 1, 0, 2)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3);
    go(&r, 3, "at once, with a link behind");
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_LINK_TIMEOUT, -1, &ts, 1, 0, 2)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 3);
    go(&r, 3, "too late, with a link behind");
    sqe(&r, IORING_OP_LINK_TIMEOUT, -1, &ts, 1, 0, 2), CHECK_EQ(one(&r), -EINVAL);
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 0)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_LINK_TIMEOUT, -1, &ts, 1, 0, 2);
    go(&r, 3, "in the middle of a chain");
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_LINK_TIMEOUT, -1, &later, 1, 0, 2);
    submit_wait(&r, 0);
    s = sqe(&r, IORING_OP_TIMEOUT_REMOVE, -1, (void *)2, 0, (uintptr_t)&ts, 3);
    s->timeout_flags = IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE;
    go(&r, 3, "the limit is changed");
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_LINK_TIMEOUT, -1, &later, 1, 0, 2);
    submit_wait(&r, 0);
    sqe(&r, IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 3);
    go(&r, 3, "the limited one is cancelled");
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_LINK_TIMEOUT, -1, &later, 1, 0, 2);
    submit_wait(&r, 0);
    ring_close(&r);
    close(p[0]), close(p[1]);
}

static void cancelling(void)
{
    struct ring r;
    struct io_uring_sqe *s;
    struct __kernel_timespec later = { 100, 0 };
    int p[2], q[2];
    char c;

    ring_open(&r, 16, 0);
    MUST(pipe(p)), MUST(pipe(q));
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1);
    submit_wait(&r, 0);
    sqe(&r, IORING_OP_ASYNC_CANCEL, -1, (void *)7, 0, 0, 2), CHECK_EQ(one(&r), -ENOENT);
    sqe(&r, IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 2);
    go(&r, 2, "a read");
    sqe(&r, IORING_OP_TIMEOUT, -1, &later, 1, 0, 1);
    submit_wait(&r, 0);
    sqe(&r, IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 2);
    go(&r, 2, "a timeout");
    for (int i = 1; i < 4; i++)
        sqe(&r, IORING_OP_READ, i < 3 ? p[0] : q[0], &c, 1, 0, i);
    sqe(&r, IORING_OP_POLL_ADD, q[0], 0, 0, 0, 4)->poll32_events = 1;
    submit_wait(&r, 0);
    s = sqe(&r, IORING_OP_ASYNC_CANCEL, p[0], 0, 0, 0, 9);
    s->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
    go(&r, 3, "all of one file");
    s = sqe(&r, IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0, 9),
    s->cancel_flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
    go(&r, 3, "everything");
    s = sqe(&r, IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0, 9),
    s->cancel_flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL;
    CHECK_EQ(one(&r), 0);
    s = sqe(&r, IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0, 9), s->cancel_flags = IORING_ASYNC_CANCEL_FD;
    CHECK_EQ(one(&r), -EBADF);
    s = sqe(&r, IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0, 9), s->cancel_flags = 1 << 20,
    CHECK_EQ(one(&r), -EINVAL);
    s = sqe(&r, IORING_OP_ASYNC_CANCEL, 0, 0, 0, 0, 9);
    s->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ANY, CHECK_EQ(one(&r), -EINVAL);
    sqe(&r, IORING_OP_ASYNC_CANCEL, -1, 0, 0, 1, 9), CHECK_EQ(one(&r), -EINVAL);
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1);
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1);
    submit_wait(&r, 0);
    s = sqe(&r, IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 9), s->cancel_flags = IORING_ASYNC_CANCEL_ALL;
    go(&r, 3, "two of one name");
    struct io_uring_sync_cancel_reg sc = { .addr = 1, .fd = -1, .timeout = { -1, -1 } };
    CHECK_ERR(sys_register(r.fd, IORING_REGISTER_SYNC_CANCEL, &sc, 1), ENOENT);
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1);
    submit_wait(&r, 0);
    CHECK_EQ(sys_register(r.fd, IORING_REGISTER_SYNC_CANCEL, &sc, 1), 0);
    go(&r, 1, "at once");
    sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, 1)->flags = IOSQE_IO_LINK;
    sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, 2);
    submit_wait(&r, 0);
    sqe(&r, IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0, 0, 3);
    go(&r, 3, "a chain");
    for (int i = 0; i < 10; i++)
        sqe(&r, IORING_OP_READ, p[0], &c, 1, 0, i);
    submit_wait(&r, 0);
    ring_close(&r);
    MUST(write(p[1], "x", 1));
    CHECK_EQ(read(p[0], &c, 1), 1); /* nobody else takes it */
    close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}

static void shapes(void)
{
    static const unsigned flags[] = { IORING_SETUP_SQE128,
                                      IORING_SETUP_CQE32,
                                      IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
                                      IORING_SETUP_COOP_TASKRUN,
                                      IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
                                      IORING_SETUP_SINGLE_ISSUER,
                                      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };
    struct ring r;
    int p[2];
    char buf[4];

    MUST(pipe(p));
    for (unsigned i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
        ring_open(&r, 64, flags[i]);
        for (int round = 0; round < 3; round++) {
            for (int n = 0; n < 50; n++)
                sqe(&r, IORING_OP_NOP, -1, 0, 0, 0, n);
            CHECK_EQ(submit_wait(&r, 50), 50);
            int ok = 1;
            for (int n = 0; n < 50; n++)
                ok &= cqe(&r).user_data == (unsigned)n;
            report(ok, "shape %x: fifty in order", flags[i]);
        }
        sqe(&r, IORING_OP_READ, p[0], buf, 4, 0, 1);
        submit_wait(&r, 0);
        MUST(write(p[1], "abcd", 4));
        go(&r, 1, "a read that waited");
        ring_close(&r);
    }
    close(p[0]), close(p[1]);
}

int main(void)
{
    scratch();
    setup_params();
    mapping();
    entering();
    interrupted();
    wrong_entries();
    reading();
    waiting_reads();
    chains();
    draining();
    overflowing();
    timeouts();
    linked_timeouts();
    cancelling();
    shapes();
    return report_done();
}
