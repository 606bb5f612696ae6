/* SPDX-License-Identifier: BSD-2-Clause */
/* /dev: null, zero, full, random, urandom, fd, stdin..., tty, and what lies around them. */
#include "report.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

static char buf[70000];

static void device(const char *path, int major, int minor)
{
    struct stat st;
    int ok = !stat(path, &st) && S_ISCHR(st.st_mode) && (int)major(st.st_rdev) == major &&
             (int)minor(st.st_rdev) == minor;

    report(ok && (st.st_mode & 0777) == 0666, "%s is %d:%d, for all", path, major, minor);
}

int main(void)
{
    int fd, p[2];
    char link[64] = "";

    device("/dev/null", 1, 3);
    device("/dev/zero", 1, 5);
    device("/dev/full", 1, 7);
    device("/dev/random", 1, 8);
    device("/dev/urandom", 1, 9);
    device("/dev/tty", 5, 0);
    device("/dev/ptmx", 5, 2);

    fd = MUST(open("/dev/null", O_RDWR));
    CHECK_EQ(read(fd, buf, 100), 0);
    CHECK_EQ(write(fd, buf, sizeof(buf)), (long)sizeof(buf));
    CHECK_EQ(lseek(fd, 100, SEEK_SET), 0);
    CHECK_ERR(ftruncate(fd, 0), EINVAL);
    CHECK_ERR(ioctl(fd, 0x5401, buf), ENOTTY);
    close(fd);
    CHECK_EQ(close(open("/dev/null", O_WRONLY | O_TRUNC | O_CREAT, 0644)), 0);
    fd = MUST(open("/dev/zero", O_RDWR));
    memset(buf, 1, sizeof(buf));
    CHECK_EQ(read(fd, buf, sizeof(buf)), (long)sizeof(buf));
    CHECK(!buf[0] && !buf[sizeof(buf) - 1]);
    CHECK_EQ(write(fd, buf, 10), 10);
    CHECK_EQ(pread(fd, buf, 10, 1l << 40), 10);
    close(fd);
    fd = MUST(open("/dev/full", O_RDWR));
    CHECK_EQ(read(fd, buf, 10), 10);
    CHECK_ERR(write(fd, buf, 1), ENOSPC);
    close(fd);
    fd = MUST(open("/dev/urandom", O_RDWR));
    CHECK_EQ(read(fd, buf, 60000), 60000);
    int counts[256] = { 0 }, even = 1;
    for (int i = 0; i < 60000; i++)
        counts[(unsigned char)buf[i]]++;
    for (int i = 0; i < 256; i++)
        even &= counts[i] > 130 && counts[i] < 350;
    report(even, "urandom's bytes are evenly spread");
    CHECK_EQ(write(fd, "seed", 4), 4);
    close(fd);
    fd = MUST(open("/dev/random", O_RDONLY));
    CHECK_EQ(read(fd, buf, 32), 32);
    close(fd);

    CHECK(readlink("/dev/fd", link, 63) > 0 && !strcmp(link, "/proc/self/fd"));
    memset(link, 0, sizeof(link));
    CHECK(readlink("/dev/stdin", link, 63) > 0 && !strcmp(link, "/proc/self/fd/0"));
    CHECK_EQ(access("/dev/stdout", F_OK), 0);
    CHECK_EQ(access("/dev/stderr", F_OK), 0);
    MUST(pipe(p));
    MUST(dup2(p[0], 0));
    MUST(write(p[1], "in", 2));
    fd = MUST(open("/dev/stdin", O_RDONLY));
    CHECK_EQ(read(fd, buf, 10), 2);
    close(fd);
    fd = open("/dev/stdout", O_WRONLY);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "ok written through /dev/stdout\n", 31), 31);
    CHECK_EQ(access("/dev/pts", X_OK), 0);
    CHECK_EQ(access("/dev/shm", W_OK), 0);
    struct pollfd pf = { MUST(open("/dev/null", O_RDWR)), POLLIN | POLLOUT, 0 };
    CHECK_EQ(poll(&pf, 1, 0), 1);
    CHECK_EQ(pf.revents, POLLIN | POLLOUT);
    return report_done();
}
