/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors: dup, dup2, dup3, fcntl, close_range, flags shared and not shared, /proc/self/fd. */
#include "report.h"
#include <dirent.h>
#include <sys/ioctl.h>

#undef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#undef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC       4
#define close_range_(a, b, flags) syscall(436, (unsigned)(a), (unsigned)(b), flags)

static int is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void test_dup(void)
{
    int fd = MUST(open("f", O_CREAT | O_RDWR | O_CLOEXEC, 0644)), d, e;

    d = MUST(dup(fd));
    CHECK_EQ(fcntl(d, F_GETFD), 0);
    CHECK_EQ(write(fd, "abc", 3), 3);
    CHECK_EQ(lseek(d, 0, SEEK_CUR), 3); /* one position for both */
    e = MUST(open("f", O_RDONLY));
    CHECK_EQ(lseek(e, 0, SEEK_CUR), 0);
    CHECK_EQ(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK), 0);
    CHECK_EQ(fcntl(d, F_GETFL) & (O_APPEND | O_NONBLOCK), O_APPEND | O_NONBLOCK);
    CHECK_EQ(fcntl(fd, F_SETFL, O_WRONLY | O_CREAT), 0); /* access mode and creation flags do not change */
    CHECK_EQ(fcntl(d, F_GETFL) & ~0100000, O_RDWR);
    CHECK_EQ(dup2(fd, 50), 50);
    CHECK_EQ(fcntl(50, F_GETFD), 0);
    CHECK_EQ(dup2(fd, fd), fd);
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC); /* dup2 onto itself changes nothing */
    CHECK_ERR(dup3(fd, fd, 0), EINVAL);
    CHECK_EQ(dup3(fd, 51, O_CLOEXEC), 51);
    CHECK_EQ(fcntl(51, F_GETFD), FD_CLOEXEC);
    CHECK_ERR(dup3(fd, 52, O_NONBLOCK), EINVAL);
    CHECK_ERR(dup2(999, 52), EBADF);
    CHECK_ERR(dup2(fd, -1), EBADF);
    CHECK_ERR(dup(-1), EBADF);
    CHECK_EQ(dup2(e, 50), 50); /* closes what was there */
    CHECK_EQ(lseek(50, 1, SEEK_SET), 1);
    CHECK_EQ(lseek(e, 0, SEEK_CUR), 1);
    CHECK_EQ(fcntl(fd, F_DUPFD, 60), 60);
    CHECK_EQ(fcntl(fd, F_DUPFD, 60), 61);
    CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 60), 62);
    CHECK_EQ(fcntl(62, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(62, F_SETFD, 0), 0);
    CHECK_EQ(fcntl(62, F_GETFD), 0);
    CHECK_ERR(fcntl(fd, F_DUPFD, -1), EINVAL);
    CHECK_ERR(fcntl(fd, 9999), EINVAL);
    CHECK_ERR(fcntl(77, F_GETFD), EBADF);
    int on = 1;
    CHECK_EQ(ioctl(e, FIONBIO, &on), 0);
    CHECK_EQ(fcntl(e, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    CHECK_EQ(ioctl(e, FIOCLEX), 0);
    CHECK_EQ(fcntl(e, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(ioctl(e, FIONCLEX), 0);
    CHECK_EQ(fcntl(e, F_GETFD), 0);
    CHECK_ERR(ioctl(e, 0x5401, &on), ENOTTY);
    CHECK_ERR(ioctl(-1, 0x5401, &on), EBADF);
}

static void test_close_range(void)
{
    CHECK_EQ(close_range_(60, 61, 0), 0);
    CHECK(!is_open(60) && !is_open(61) && is_open(62));
    CHECK_EQ(close_range_(62, 62, CLOSE_RANGE_CLOEXEC), 0);
    CHECK_EQ(fcntl(62, F_GETFD), FD_CLOEXEC);
    CHECK_ERR(close_range_(5, 4, 0), EINVAL);
    CHECK_ERR(close_range_(50, 60, 64), EINVAL);
    CHECK_EQ(close_range_(50, ~0u, CLOSE_RANGE_UNSHARE), 0);
    CHECK(!is_open(50) && !is_open(51) && !is_open(62));
    CHECK_EQ(close_range_(3, ~0u, 0), 0);
    CHECK_EQ(open("f", O_RDONLY), 3);
    CHECK_EQ(dup2(3, 700), 700); /* the table grows */
    CHECK_EQ(fcntl(3, F_DUPFD, 1000), 1000);
    CHECK_EQ(close(700), 0);
    CHECK_EQ(close(1000), 0);
}

static void test_proc(void)
{
    DIR *d = opendir("/proc/self/fd");
    struct dirent *e;
    int n = 0, dots = 0;
    char path[64], target[256] = "";

    while (d && (e = readdir(d)))
        *e->d_name == '.' ? dots++ : n++;
    CHECK_EQ(dots, 2);
    CHECK_EQ(n, 5); /* 0 1 2 3 and the folder's own */
    closedir(d);
    CHECK_EQ(dup2(3, 9), 9);
    CHECK(readlink("/proc/self/fd/9", target, sizeof(target)) > 2);
    CHECK(strstr(target, "/f"));
    CHECK_ERR(readlink("/proc/self/fd/8", target, sizeof(target)), ENOENT);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", 9);
    lseek(9, 2, SEEK_SET);
    int again = MUST(open(path, O_RDONLY));
    CHECK_EQ(lseek(again, 0, SEEK_CUR), 0); /* a new opening */
    snprintf(path, sizeof(path), "/dev/fd/%d", 9);
    CHECK_EQ(close(open(path, O_RDONLY)), 0);
    close(again);
    char *info = get_file("/proc/self/fdinfo/9");
    CHECK(!strncmp(info, "pos:\t2\nflags:\t", 14));
    CHECK(strstr(info, "\nmnt_id:\t"));
    int p[2];
    MUST(pipe(p));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
    memset(target, 0, sizeof(target));
    readlink(path, target, sizeof(target) - 1);
    CHECK(!strncmp(target, "pipe:[", 6));
}

static void test_owner(void)
{
    int p[2];
    struct {
        int type, pid;
    } own = { 1, 0 };

    MUST(pipe(p));
    CHECK_EQ(fcntl(p[0], F_GETOWN), 0);
    CHECK_EQ(fcntl(p[0], F_SETOWN, getpid()), 0);
    CHECK(fcntl(p[0], F_GETOWN) == getpid());
    CHECK_ERR(fcntl(p[0], F_SETOWN, 0x3ffffff), ESRCH);
    CHECK_ERR(fcntl(p[0], F_SETOWN, -0x3ffffff), ESRCH);
    CHECK_ERR(fcntl(p[0], F_SETOWN, INT_MIN), EINVAL);
    CHECK(fcntl(p[0], F_GETOWN) == getpid());
    CHECK_EQ(fcntl(p[0], 16, &own), 0); /* F_GETOWN_EX */
    CHECK(own.type == 1 && own.pid == getpid());
    CHECK_EQ(fcntl(p[0], 10, SIGUSR1), 0); /* F_SETSIG */
    CHECK_EQ(fcntl(p[0], 11), SIGUSR1);
}

int main(void)
{
    scratch();
    close_range_(3, ~0u, 0);
    test_dup();
    test_close_range();
    test_proc();
    test_owner();
    return report_done();
}
