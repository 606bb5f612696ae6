/* SPDX-License-Identifier: BSD-2-Clause */
/* flock, POSIX record locks, open-file-description locks, as far as one process can see them. */
#include "report.h"
#include <sys/file.h>

#define OFD_GETLK 36
#define OFD_SETLK 37

static struct flock lk(int type, long start, long len)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };
}

static int set(int fd, int cmd, int type, long start, long len)
{
    struct flock l = lk(type, start, len);

    return fcntl(fd, cmd, &l);
}

static void get(int fd, int cmd, int type, long start, long len)
{
    struct flock l = lk(type, start, len);
    const char *names[] = { "read", "write", "none" };

    if (fcntl(fd, cmd, &l))
        note("  getlk fails: %s", strerror(errno));
    else
        note("  would block: %s at %ld, %ld bytes", names[l.l_type],
             (long)(l.l_type == F_UNLCK ? 0 : l.l_start), (long)(l.l_type == F_UNLCK ? 0 : l.l_len));
}

int main(void)
{
    int a, b, ro;

    scratch();
    a = MUST(open("f", O_CREAT | O_RDWR, 0644));
    b = MUST(open("f", O_RDWR));
    ro = MUST(open("f", O_RDONLY));

    CHECK_EQ(flock(a, LOCK_EX), 0);
    CHECK_ERR(flock(b, LOCK_SH | LOCK_NB), EAGAIN);
    CHECK_ERR(flock(b, LOCK_EX | LOCK_NB), EAGAIN);
    int a2 = MUST(dup(a));
    CHECK_EQ(flock(a2, LOCK_EX | LOCK_NB), 0); /* the same description */
    CHECK_EQ(flock(a, LOCK_SH), 0);
    CHECK_EQ(flock(b, LOCK_SH | LOCK_NB), 0);
    CHECK_ERR(flock(a, LOCK_EX | LOCK_NB), EAGAIN);
    CHECK_EQ(flock(a, LOCK_UN), 0);
    CHECK_EQ(flock(b, LOCK_EX | LOCK_NB), 0);
    close(b);
    CHECK_EQ(flock(a, LOCK_EX | LOCK_NB), 0); /* closing unlocked */
    CHECK_EQ(flock(a2, LOCK_UN), 0);
    CHECK_ERR(flock(-1, LOCK_EX), EBADF);

    b = MUST(open("f", O_RDWR));
    CHECK_EQ(set(a, F_SETLK, F_WRLCK, 0, 10), 0);
    CHECK_EQ(set(b, F_SETLK, F_WRLCK, 0, 10), 0); /* the process owns them, not the descriptor */
    get(b, F_GETLK, F_WRLCK, 0, 0);
    get(b, OFD_GETLK, F_WRLCK, 0, 0);
    CHECK_ERR(set(b, OFD_SETLK, F_RDLCK, 5, 1), EAGAIN);
    CHECK_EQ(set(b, OFD_SETLK, F_RDLCK, 10, 5), 0);
    CHECK_EQ(set(a, OFD_SETLK, F_RDLCK, 12, 5), 0);
    CHECK_ERR(set(a, OFD_SETLK, F_WRLCK, 12, 5), EAGAIN);
    get(a, F_GETLK, F_WRLCK, 0, 0);
    get(a, OFD_GETLK, F_WRLCK, 12, 1);
    CHECK_EQ(set(a, F_SETLK, F_UNLCK, 3, 4), 0); /* splits */
    get(b, OFD_GETLK, F_WRLCK, 3, 4);
    get(b, OFD_GETLK, F_WRLCK, 0, 5);
    get(b, OFD_GETLK, F_WRLCK, 5, 4);
    CHECK_EQ(set(b, F_SETLK, F_RDLCK, 2, 6), 0); /* joins and changes */
    get(b, OFD_GETLK, F_WRLCK, 0, 10);
    get(b, OFD_GETLK, F_WRLCK, 2, 10);
    CHECK_ERR(set(ro, F_SETLK, F_WRLCK, 0, 1), EBADF);
    CHECK_EQ(set(ro, F_SETLK, F_RDLCK, 100, 1), 0);
    CHECK_ERR(set(a, F_SETLK, 77, 0, 1), EINVAL);
    CHECK_ERR(set(a, F_SETLK, F_WRLCK, -1, 1), EINVAL);
    CHECK_EQ(set(a, F_SETLK, F_WRLCK, 50, -10), 0); /* 40 to 49 */
    get(b, OFD_GETLK, F_WRLCK, 30, 100);
    CHECK_ERR(set(a, F_SETLK, F_WRLCK, 5, -10), EINVAL);
    CHECK_ERR(set(-1, F_SETLK, F_WRLCK, 0, 1), EBADF);
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1, .l_pid = 5 };
    CHECK_ERR(fcntl(a, OFD_SETLK, &l), EINVAL); /* l_pid must be 0 */
    /* closing any descriptor of the file drops the process's POSIX locks, not the OFD locks */
    close(ro);
    get(a, OFD_GETLK, F_WRLCK, 0, 9);
    get(a, OFD_GETLK, F_WRLCK, 9, 10);
    return report_done();
}
