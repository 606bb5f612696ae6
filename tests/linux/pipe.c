/* SPDX-License-Identifier: BSD-2-Clause */
/* Pipes: order, capacity, ends, packet mode, size, signals, readiness. */
#include "report.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

static int got_sigpipe;
static char buf[1 << 17];

static void on_sigpipe(int sig)
{
    got_sigpipe++;
}

static int revents(int fd, int events)
{
    struct pollfd p = { .fd = fd, .events = events };

    poll(&p, 1, 0);
    return p.revents;
}

static void test_basics(void)
{
    int p[2], q[2], n;
    struct stat st;

    MUST(pipe(p));
    CHECK_EQ(write(p[1], "hello world", 11), 11);
    CHECK_EQ(ioctl(p[0], FIONREAD, &n), 0);
    CHECK_EQ(n, 11);
    CHECK_EQ(read(p[0], buf, 5), 5);
    CHECK(!memcmp(buf, "hello", 5));
    CHECK_EQ(read(p[0], buf, 100), 6);
    CHECK(!memcmp(buf, " world", 6));
    CHECK_EQ(write(p[1], buf, 0), 0);
    CHECK_EQ(read(p[0], buf, 0), 0);
    CHECK_ERR(write(p[0], "x", 1), EBADF);
    CHECK_ERR(read(p[1], buf, 1), EBADF);
    CHECK_ERR(lseek(p[0], 0, SEEK_CUR), ESPIPE);
    CHECK_ERR(pread(p[0], buf, 1, 0), ESPIPE);
    CHECK_ERR(pwrite(p[1], buf, 1, 0), ESPIPE);
    CHECK_ERR(ftruncate(p[1], 0), EINVAL);
    CHECK_ERR(fsync(p[1]), EINVAL);
    CHECK_EQ(fstat(p[0], &st), 0);
    CHECK(S_ISFIFO(st.st_mode));
    CHECK_EQ(st.st_size, 0);
    CHECK_EQ(st.st_mode & 07777, 0600);
    CHECK_EQ(fcntl(p[0], F_GETFL), O_RDONLY);
    CHECK_EQ(fcntl(p[1], F_GETFL), O_WRONLY);
    CHECK_EQ(fcntl(p[0], F_GETFD), 0);

    struct iovec iov[3] = { { "ab", 2 }, { "", 0 }, { "cde", 3 } };
    CHECK_EQ(writev(p[1], iov, 3), 5);
    struct iovec riov[2] = { { buf, 3 }, { buf + 10, 10 } };
    CHECK_EQ(readv(p[0], riov, 2), 5);
    CHECK(!memcmp(buf, "abc", 3) && !memcmp(buf + 10, "de", 2));

    CHECK_EQ(pipe2(q, O_CLOEXEC | O_NONBLOCK), 0);
    CHECK_EQ(fcntl(q[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(q[1], F_GETFL), O_WRONLY | O_NONBLOCK);
    CHECK_ERR(read(q[0], buf, 1), EAGAIN);
    CHECK_ERR(pipe2(q, O_APPEND), EINVAL);
    CHECK_ERR(pipe2((int *)8, 0), EFAULT);
    close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}

static void test_capacity(void)
{
    int p[2];
    long total = 0, n;

    MUST(pipe2(p, O_NONBLOCK));
    CHECK_EQ(fcntl(p[1], F_GETPIPE_SZ), 65536);
    while ((n = write(p[1], buf, 4096)) > 0)
        total += n;
    CHECK_EQ(total, 65536);
    CHECK_EQ(revents(p[1], POLLOUT), 0);
    CHECK_EQ(revents(p[0], POLLIN), POLLIN);
    CHECK_ERR(write(p[1], buf, 1), EAGAIN);
    CHECK_EQ(read(p[0], buf, 4095), 4095);
    CHECK_ERR(write(p[1], buf, 2), EAGAIN); /* the slot is not free before its last byte is read */
    CHECK_EQ(read(p[0], buf, 1), 1);
    CHECK_EQ(revents(p[1], POLLOUT), POLLOUT);
    CHECK_EQ(write(p[1], buf, 8192), 4096); /* more than PIPE_BUF: partial */
    CHECK_EQ(read(p[0], buf, sizeof(buf)), 65536);
    CHECK_EQ(write(p[1], buf, sizeof(buf)), 65536);
    CHECK_EQ(read(p[0], buf, 60000), 60000);
    CHECK_EQ(read(p[0], buf, 60000), 5536);
    CHECK_EQ(fcntl(p[1], F_SETPIPE_SZ, 4096), 4096);
    CHECK_EQ(fcntl(p[0], F_GETPIPE_SZ), 4096);
    CHECK_EQ(write(p[1], buf, 4096), 4096);
    CHECK_ERR(write(p[1], buf, 1), EAGAIN);
    CHECK_EQ(fcntl(p[1], F_SETPIPE_SZ, 100000), 131072);
    CHECK_EQ(write(p[1], buf, sizeof(buf)), 131072 - 4096);
    CHECK_ERR(fcntl(p[1], F_SETPIPE_SZ, 4096), EBUSY);
    CHECK_ERR(fcntl(p[1], F_SETPIPE_SZ, -1), EINVAL);
    CHECK_EQ(fcntl(p[0], F_GETPIPE_SZ), 131072);
    close(p[0]), close(p[1]);
    CHECK_ERR(fcntl(0, F_GETPIPE_SZ + 1000), EINVAL);
}

static void test_ends(void)
{
    int p[2];
    struct sigaction sa = { .sa_handler = on_sigpipe };

    MUST(pipe(p));
    MUST(write(p[1], "tail", 4));
    close(p[1]);
    CHECK_EQ(revents(p[0], POLLIN), POLLIN | POLLHUP);
    CHECK_EQ(read(p[0], buf, 100), 4);
    CHECK_EQ(revents(p[0], POLLIN), POLLHUP);
    CHECK_EQ(read(p[0], buf, 100), 0);
    close(p[0]);

    MUST(pipe(p));
    close(p[0]);
    CHECK_EQ(revents(p[1], POLLOUT), POLLOUT | POLLERR);
    sigaction(SIGPIPE, &sa, NULL);
    CHECK_ERR(write(p[1], "x", 1), EPIPE);
    CHECK_EQ(got_sigpipe, 1);
    CHECK_EQ(write(p[1], "x", 0), 0);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERR(write(p[1], "x", 1), EPIPE);
    CHECK_EQ(got_sigpipe, 1);
    close(p[1]);
}

static void test_packets(void)
{
    int p[2];

    MUST(pipe2(p, O_DIRECT | O_NONBLOCK));
    CHECK_EQ(write(p[1], "one", 3), 3);
    CHECK_EQ(write(p[1], "three", 5), 5);
    CHECK_EQ(read(p[0], buf, 100), 3);
    CHECK_EQ(read(p[0], buf, 2), 2); /* the packet's rest is lost */
    CHECK_ERR(read(p[0], buf, 100), EAGAIN);
    CHECK_EQ(write(p[1], buf, 5000), 5000); /* two packets: PIPE_BUF and the rest */
    CHECK_EQ(read(p[0], buf, 100000), 4096);
    CHECK_EQ(read(p[0], buf, 100000), 904);
    CHECK_EQ(fcntl(p[1], F_GETFL), O_WRONLY | O_DIRECT | O_NONBLOCK);
    close(p[0]), close(p[1]);
}

static void test_fifo(void)
{
    int r, w, rw;
    struct stat st;

    scratch();
    CHECK_EQ(mkfifo("fifo", 0644), 0);
    CHECK_ERR(mkfifo("fifo", 0644), EEXIST);
    CHECK_EQ(stat("fifo", &st), 0);
    CHECK_EQ(st.st_mode, (S_IFIFO | 0644));
    CHECK_ERR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    r = MUST(open("fifo", O_RDONLY | O_NONBLOCK));
    CHECK_EQ(read(r, buf, 1), 0); /* no writer yet */
    CHECK_EQ(revents(r, POLLIN), 0);
    w = MUST(open("fifo", O_WRONLY | O_NONBLOCK));
    CHECK_ERR(read(r, buf, 1), EAGAIN);
    CHECK_EQ(write(w, "named", 5), 5);
    CHECK_EQ(read(r, buf, 10), 5);
    close(w);
    CHECK_EQ(revents(r, POLLIN), POLLHUP);
    rw = MUST(open("fifo", O_RDWR));
    CHECK_EQ(write(rw, "self", 4), 4);
    CHECK_EQ(read(rw, buf, 10), 4);
    CHECK_EQ(unlink("fifo"), 0);
    close(r), close(rw);
}

/* Reopening through /proc makes a new end of the same pipe. */
static void test_reopen(void)
{
    int p[2], fd;
    char path[64];

    MUST(pipe(p));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", p[1]);
    fd = MUST(open(path, O_WRONLY));
    CHECK_EQ(write(fd, "again", 5), 5);
    CHECK_EQ(read(p[0], buf, 10), 5);
    close(p[1]);
    CHECK_EQ(revents(p[0], POLLIN), 0);
    close(fd);
    CHECK_EQ(revents(p[0], POLLIN), POLLHUP);
    close(p[0]);
}

int main(void)
{
    test_basics();
    test_capacity();
    test_ends();
    test_packets();
    test_fifo();
    test_reopen();
    return report_done();
}
