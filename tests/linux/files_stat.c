/* SPDX-License-Identifier: BSD-2-Clause */
/* The stat family, statx, statfs, access, chmod, chown, times. */
#include "report.h"
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

/* struct statx, as in the kernel's UAPI: not every libc has it */
struct sx_time {
    int64_t sec;
    uint32_t nsec;
    int32_t pad;
};
struct sx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad;
    uint64_t ino, size, blocks, attributes_mask;
    struct sx_time atime, btime, ctime, mtime;
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t spare[14];
};
#define BASIC 0x7ff

static long sx_(int dir, const char *path, int flags, unsigned mask, struct sx *x)
{
    memset(x, 0xaa, sizeof(*x));
    return syscall(332, dir, path, flags, mask, x);
}

static void test_stat(void)
{
    struct stat st;

    put_file("f", "0123456789");
    MUST(symlink("f", "l"));
    MUST(symlink("none", "dangling"));
    memset(&st, 0xaa, sizeof(st));
    CHECK_EQ(stat("f", &st), 0);
    CHECK_EQ(st.st_size, 10);
    CHECK_EQ(st.st_mode, (S_IFREG | 0644));
    CHECK_EQ(st.st_nlink, 1);
    CHECK_EQ(st.st_uid, getuid());
    CHECK_EQ(st.st_gid, getgid());
    CHECK_EQ(st.st_blksize, 4096);
    CHECK_EQ(st.st_rdev, 0);
    CHECK(st.st_ino != 0);
    CHECK_EQ(st.st_blocks, 8);
    CHECK_EQ(stat("l", &st), 0);
    CHECK_EQ(st.st_size, 10);
    CHECK_EQ(lstat("l", &st), 0);
    CHECK(S_ISLNK(st.st_mode) && st.st_size == 1);
    CHECK_ERR(stat("dangling", &st), ENOENT);
    CHECK_EQ(lstat("dangling", &st), 0);
    CHECK_ERR(stat("f/", &st), ENOTDIR);
    CHECK_ERR(stat("", &st), ENOENT);
    CHECK_ERR(fstat(-1, &st), EBADF);
    CHECK_EQ(stat("/dev/null", &st), 0);
    CHECK(S_ISCHR(st.st_mode));
    CHECK_EQ(st.st_rdev, makedev(1, 3));
    CHECK_EQ(fstatat(AT_FDCWD, "l", &st, AT_SYMLINK_NOFOLLOW), 0);
    CHECK(S_ISLNK(st.st_mode));
    CHECK_ERR(fstatat(AT_FDCWD, "l", &st, 0x40000), EINVAL);
    int fd = MUST(open("f", O_RDONLY));
    CHECK_EQ(fstatat(fd, "", &st, AT_EMPTY_PATH), 0);
    CHECK_EQ(st.st_size, 10);
    CHECK_ERR(fstatat(fd, "", &st, 0), ENOENT);
    CHECK_ERR(fstatat(fd, "x", &st, 0), ENOTDIR);
    close(fd);
}

static void test_statx(void)
{
    struct sx x;
    struct stat st;

    CHECK_EQ(sx_(AT_FDCWD, "f", 0, BASIC, &x), 0);
    stat("f", &st);
    CHECK_EQ(x.mask & BASIC, BASIC);
    CHECK_EQ(x.size, 10);
    CHECK_EQ(x.mode, (S_IFREG | 0644));
    CHECK(x.ino == st.st_ino && x.nlink == 1 && x.blocks == 8 && x.blksize == 4096);
    CHECK(x.mtime.sec == st.st_mtim.tv_sec && x.mtime.nsec == (uint32_t)st.st_mtim.tv_nsec);
    CHECK(makedev(x.dev_major, x.dev_minor) == st.st_dev);
    CHECK_EQ(sx_(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, BASIC, &x), 0);
    CHECK(S_ISLNK(x.mode));
    CHECK_EQ(sx_(0, "", AT_EMPTY_PATH, BASIC, &x), 0);
    CHECK_ERR(sx_(AT_FDCWD, "f", 0, 0x80000000u, &x), EINVAL);
    CHECK_ERR(sx_(AT_FDCWD, "f", 0x40000, BASIC, &x), EINVAL);
    CHECK_ERR(sx_(AT_FDCWD, "f", 0x6000, BASIC, &x), EINVAL); /* force and don't sync */
    CHECK_ERR(sx_(AT_FDCWD, "none", 0, BASIC, &x), ENOENT);
    CHECK_ERR(sx_(AT_FDCWD, "", 0, BASIC, &x), ENOENT);
    CHECK_ERR(syscall(332, AT_FDCWD, "f", 0, BASIC, 8), EFAULT);
    CHECK_EQ(sx_(AT_FDCWD, "/dev/zero", 0, BASIC, &x), 0);
    CHECK(x.rdev_major == 1 && x.rdev_minor == 5);
}

static void test_statfs(void)
{
    struct statfs s;

    CHECK_EQ(statfs(".", &s), 0);
    CHECK_EQ(s.f_type, 0x01021994);
    CHECK_EQ(s.f_bsize, 4096);
    CHECK_EQ(s.f_namelen, 255);
    CHECK(s.f_bfree <= s.f_blocks && s.f_bavail <= s.f_bfree);
    CHECK_ERR(statfs("none", &s), ENOENT);
    CHECK_ERR(fstatfs(-1, &s), EBADF);
    CHECK_EQ(statfs("/proc", &s), 0);
    CHECK_EQ(s.f_type, 0x9fa0);
    int p[2];
    MUST(pipe(p));
    CHECK_EQ(fstatfs(p[0], &s), 0);
    CHECK_EQ(s.f_type, 0x50495045);
}

static void test_chmod(void)
{
    struct stat st;
    int fd;

    CHECK_EQ(chmod("f", 07751), 0);
    stat("f", &st);
    CHECK_EQ(st.st_mode, (S_IFREG | 07751));
    fd = MUST(open("f", O_RDONLY));
    CHECK_EQ(fchmod(fd, 0600), 0);
    fstat(fd, &st);
    CHECK_EQ(st.st_mode & 07777, 0600);
    close(fd);
    CHECK_EQ(fchmodat(AT_FDCWD, "l", 0640, 0), 0);
    stat("f", &st);
    CHECK_EQ(st.st_mode & 07777, 0640);
    CHECK_ERR(chmod("none", 0644), ENOENT);
    CHECK_ERR(fchmod(-1, 0644), EBADF);
    MUST(mkdir("d", 0755));
    CHECK_EQ(chmod("d", 01777), 0);
    stat("d", &st);
    CHECK_EQ(st.st_mode, (S_IFDIR | 01777));
}

static void test_chown(void)
{
    struct stat st;

    CHECK_EQ(chown("f", 1000, 2000), 0);
    stat("f", &st);
    CHECK(st.st_uid == 1000 && st.st_gid == 2000);
    CHECK_EQ(chown("f", -1, 3), 0);
    stat("f", &st);
    CHECK(st.st_uid == 1000 && st.st_gid == 3);
    CHECK_EQ(lchown("l", 5, 6), 0);
    lstat("l", &st);
    CHECK(st.st_uid == 5 && st.st_gid == 6);
    stat("l", &st);
    CHECK_EQ(st.st_uid, 1000);
    CHECK_EQ(fchownat(AT_FDCWD, "l", 7, 7, 0), 0);
    stat("f", &st);
    CHECK_EQ(st.st_uid, 7);
    CHECK_ERR(fchownat(AT_FDCWD, "l", 7, 7, 0x40000), EINVAL);
    MUST(chmod("f", 06755));
    MUST(chown("f", 8, 8)); /* takes the set-id bits away */
    stat("f", &st);
    CHECK_EQ(st.st_mode & 07777, 0755);
    CHECK_ERR(chown("none", 0, 0), ENOENT);
    int fd = MUST(open("f", O_RDONLY));
    CHECK_EQ(fchown(fd, 0, 0), 0);
    close(fd);
}

static void test_access(void)
{
    MUST(chmod("f", 0600));
    CHECK_EQ(access("f", F_OK), 0);
    CHECK_EQ(access("f", R_OK | W_OK), 0);
    CHECK_ERR(access("f", X_OK), EACCES); /* nobody's x bit: not even root */
    CHECK_ERR(access("f", 8), EINVAL);
    CHECK_ERR(access("none", F_OK), ENOENT);
    CHECK_ERR(access("f/x", F_OK), ENOTDIR);
    MUST(chmod("f", 0100));
    CHECK_EQ(access("f", X_OK), 0);
    MUST(chmod("f", 0644));
    CHECK_EQ(faccessat(AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW), 0);
    CHECK_ERR(syscall(439, AT_FDCWD, "f", F_OK, 0x40000), EINVAL);
}

static void test_times(void)
{
    struct stat st, before;
    struct timespec ts[2] = { { 1000, 1 }, { 2000, 999999999 } };
    int fd;

    CHECK_EQ(utimensat(AT_FDCWD, "f", ts, 0), 0);
    stat("f", &st);
    CHECK(st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 1);
    CHECK(st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 999999999);
    ts[0].tv_nsec = UTIME_OMIT, ts[1].tv_sec = 3000;
    CHECK_EQ(utimensat(AT_FDCWD, "f", ts, 0), 0);
    stat("f", &st);
    CHECK(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 3000);
    ts[1].tv_nsec = 1000000000;
    CHECK_ERR(utimensat(AT_FDCWD, "f", ts, 0), EINVAL);
    ts[0].tv_nsec = UTIME_NOW, ts[1].tv_nsec = UTIME_OMIT;
    CHECK_EQ(utimensat(AT_FDCWD, "f", ts, 0), 0);
    stat("f", &st);
    CHECK(st.st_atim.tv_sec > 1000000000 && st.st_mtim.tv_sec == 3000);
    CHECK_EQ(utimensat(AT_FDCWD, "f", NULL, 0), 0);
    stat("f", &st);
    CHECK(st.st_mtim.tv_sec > 1000000000);
    CHECK_ERR(utimensat(AT_FDCWD, "none", NULL, 0), ENOENT);
    ts[0].tv_sec = 77, ts[0].tv_nsec = 0, ts[1] = ts[0];
    CHECK_EQ(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW), 0);
    lstat("l", &st);
    CHECK_EQ(st.st_mtim.tv_sec, 77);
    fd = MUST(open("f", O_RDWR));
    CHECK_EQ(futimens(fd, ts), 0);
    fstat(fd, &before);
    CHECK_EQ(before.st_mtim.tv_sec, 77);
    CHECK(before.st_ctim.tv_sec > 1000000000);
    CHECK_EQ(pwrite(fd, "x", 1, 0), 1);
    fstat(fd, &st);
    CHECK(st.st_mtim.tv_sec > 1000000000 && st.st_atim.tv_sec == 77);
    struct timeval tv[2] = { { 5, 6 }, { 7, 8 } };
    CHECK_EQ(utimes("f", tv), 0);
    fstat(fd, &st);
    CHECK(st.st_atim.tv_nsec == 6000 && st.st_mtim.tv_sec == 7);
    /* a change in a folder moves the folder's times */
    MUST(utimensat(AT_FDCWD, "d", ts, 0));
    put_file("d/new", "");
    stat("d", &st);
    CHECK(st.st_mtim.tv_sec > 1000000000);
    struct timespec big[2] = { { 1ll << 33, 0 }, { -1, 5 } };
    CHECK_EQ(futimens(fd, big), 0);
    fstat(fd, &st);
    CHECK(st.st_atim.tv_sec == 1ll << 33 && st.st_mtim.tv_sec == -1);
    close(fd);
}

int main(void)
{
    scratch();
    test_stat();
    test_statx();
    test_statfs();
    test_chmod();
    test_chown();
    test_access();
    test_times();
    return report_done();
}
