/* SPDX-License-Identifier: BSD-2-Clause */
/* open, openat, openat2, creat, close: flags, modes, errors. */
#include "report.h"

struct how {
    uint64_t flags, mode, resolve;
};

static long openat2_(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct how how = { flags, mode, resolve };

    return syscall(437, dir, path, &how, sizeof(how));
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) ? 0 : st.st_mode;
}

static void test_create(void)
{
    int fd;
    char c;

    CHECK_ERR(open("none", O_RDONLY), ENOENT);
    CHECK_ERR(open("", O_RDONLY), ENOENT);
    CHECK_ERR(open("none/x", O_CREAT | O_WRONLY, 0644), ENOENT);
    fd = MUST(open("a", O_CREAT | O_EXCL | O_RDWR, 0666));
    CHECK_EQ(mode_of("a"), (S_IFREG | 0644));
    CHECK_ERR(open("a", O_CREAT | O_EXCL | O_RDWR, 0666), EEXIST);
    CHECK_EQ(write(fd, "12345", 5), 5);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(read(fd, &c, 1), 1);
    CHECK_EQ(c, '1');
    close(fd);
    CHECK_ERR(read(fd, &c, 1), EBADF);
    CHECK_ERR(close(fd), EBADF);
    CHECK_ERR(close(-1), EBADF);
    CHECK_ERR(close(1000000), EBADF);

    fd = MUST(creat("c", 0777));
    CHECK_EQ(mode_of("c"), (S_IFREG | 0755));
    CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
    CHECK_ERR(read(fd, &c, 1), EBADF);
    close(fd);
    umask(0);
    close(MUST(open("s", O_CREAT | O_WRONLY, 07777)));
    CHECK_EQ(mode_of("s"), (S_IFREG | 07777));
    umask(077);
    CHECK_EQ(umask(022), 077);
    fd = MUST(open("r", O_CREAT | O_RDWR, 0)); /* the mode binds later opens only */
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_EQ(mode_of("r"), S_IFREG);
    close(fd);
}

static void test_access_modes(void)
{
    int fd;
    char c;

    fd = MUST(open("a", O_RDONLY));
    CHECK_ERR(write(fd, "x", 1), EBADF);
    CHECK_ERR(ftruncate(fd, 0), EINVAL);
    close(fd);
    fd = MUST(open("a", O_WRONLY));
    CHECK_ERR(read(fd, &c, 1), EBADF);
    close(fd);
    fd = MUST(open("a", 3)); /* neither reads nor writes, ioctl only */
    CHECK_ERR(read(fd, &c, 1), EBADF);
    CHECK_ERR(write(fd, &c, 1), EBADF);
    close(fd);
    fd = MUST(open("a", O_RDWR | O_TRUNC));
    CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
    close(fd);
    fd = MUST(open("a", O_WRONLY | O_APPEND));
    CHECK_EQ(write(fd, "one", 3), 3);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(write(fd, "two", 3), 3);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
    CHECK_EQ(pwrite(fd, "xxx", 3, 0), 3); /* appends too, on Linux */
    CHECK_EQ(lseek(fd, 0, SEEK_END), 9);
    close(fd);
    CHECK(!strcmp(get_file("a"), "onetwoxxx"));
    CHECK_EQ(fcntl(MUST(open("a", O_RDONLY | O_CLOEXEC)), F_GETFD), FD_CLOEXEC);
    fd = MUST(open("a", O_RDWR | O_NONBLOCK | O_SYNC | O_NOATIME));
    CHECK_EQ(fcntl(fd, F_GETFL) & ~0100000, O_RDWR | O_NONBLOCK | O_SYNC | O_NOATIME);
    close(fd);
}

static void test_lowest_fd(void)
{
    int a = MUST(open("a", O_RDONLY)), b = MUST(open("a", O_RDONLY)), c = MUST(open("a", O_RDONLY));

    CHECK(b == a + 1 && c == b + 1);
    close(b);
    CHECK_EQ(open("a", O_RDONLY) - a, 1);
    close(a), close(b), close(c);
}

static void test_kinds(void)
{
    int fd, dir;
    char c;

    MUST(mkdir("d", 0755));
    MUST(symlink("a", "link"));
    MUST(symlink("nowhere", "dangling"));
    MUST(symlink("loop2", "loop1"));
    MUST(symlink("loop1", "loop2"));
    CHECK_ERR(open("d", O_WRONLY), EISDIR);
    CHECK_ERR(open("d", O_RDWR), EISDIR);
    CHECK_ERR(open("d", O_CREAT | O_RDONLY, 0644), EISDIR);
    CHECK_ERR(open("a", O_DIRECTORY), ENOTDIR);
    CHECK_ERR(open("a/", O_RDONLY), ENOTDIR);
    CHECK_ERR(open("a/b", O_RDONLY), ENOTDIR);
    CHECK_ERR(open("a/.", O_RDONLY), ENOTDIR);
    CHECK_ERR(open("new/", O_CREAT | O_WRONLY, 0644), EISDIR);
    CHECK_ERR(open("link", O_NOFOLLOW), ELOOP);
    CHECK_ERR(open("dangling", O_RDONLY), ENOENT);
    CHECK_ERR(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
    CHECK_ERR(open("loop1", O_RDONLY), ELOOP);
    CHECK_ERR(open("loop1", O_CREAT | O_RDWR, 0644), ELOOP);
    close(MUST(open("dangling", O_CREAT | O_RDWR, 0644)));
    CHECK_EQ(mode_of("nowhere"), (S_IFREG | 0644));
    dir = MUST(open("d", O_RDONLY | O_DIRECTORY));
    CHECK_ERR(read(dir, &c, 1), EISDIR);
    CHECK_ERR(write(dir, &c, 1), EBADF);
    CHECK_ERR(ftruncate(dir, 0), EINVAL);
    fd = MUST(openat(dir, "in", O_CREAT | O_RDWR, 0600));
    CHECK_EQ(mode_of("d/in"), (S_IFREG | 0600));
    close(fd);
    CHECK_EQ(close(openat(dir, "../a", O_RDONLY)), 0);
    CHECK_EQ(close(openat(-5, "/", O_RDONLY)), 0); /* absolute: the folder does not matter */
    CHECK_ERR(openat(-5, "in", O_RDONLY), EBADF);
    fd = MUST(open("a", O_RDONLY));
    CHECK_ERR(openat(fd, "in", O_RDONLY), ENOTDIR);
    close(fd), close(dir);
    CHECK_ERR(open((char *)1, O_RDONLY), EFAULT);
    CHECK_ERR(open(NULL, O_RDONLY), EFAULT);
}

static void test_path_fd(void)
{
    int fd = MUST(open("a", O_PATH)), ln;
    char c;
    struct stat st;

    CHECK_ERR(read(fd, &c, 1), EBADF);
    CHECK_ERR(lseek(fd, 0, SEEK_SET), EBADF);
    CHECK_ERR(syscall(SYS_fchmod, fd, 0644), EBADF);
    CHECK_ERR(ftruncate(fd, 0), EBADF);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 9);
    CHECK_EQ(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EBADF);
    ln = MUST(open("link", O_PATH | O_NOFOLLOW));
    CHECK_EQ(fstat(ln, &st), 0);
    CHECK(S_ISLNK(st.st_mode));
    char target[8] = "";
    CHECK_EQ(readlinkat(ln, "", target, sizeof(target)), 1);
    CHECK_EQ(target[0], 'a');
    close(ln), close(fd);
}

static void test_tmpfile(void)
{
    int fd = MUST(open(".", O_TMPFILE | O_RDWR, 0640));
    struct stat st;
    char path[64];

    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_mode, (S_IFREG | 0640));
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(write(fd, "hidden", 6), 6);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CHECK_EQ(linkat(AT_FDCWD, path, AT_FDCWD, "shown", AT_SYMLINK_FOLLOW), 0);
    CHECK(!strcmp(get_file("shown"), "hidden"));
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_nlink, 1);
    close(fd);
    fd = MUST(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CHECK_ERR(linkat(AT_FDCWD, path, AT_FDCWD, "never", AT_SYMLINK_FOLLOW), ENOENT);
    close(fd);
    CHECK_ERR(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
    CHECK_ERR(open("a", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
    CHECK_ERR(open("none", O_TMPFILE | O_RDWR, 0600), ENOENT);
}

enum { NO_SYMLINKS = 4, BENEATH = 8, IN_ROOT = 16 };

static void test_openat2(void)
{
    long fd;
    struct how how = { .flags = O_RDONLY };

    fd = openat2_(AT_FDCWD, "a", O_RDONLY, 0, 0);
    CHECK(fd >= 0);
    close(fd);
    CHECK_ERR(openat2_(AT_FDCWD, "a", 1ull << 40, 0, 0), EINVAL);
    CHECK_ERR(openat2_(AT_FDCWD, "a", O_RDONLY, 0644, 0), EINVAL); /* a mode without O_CREAT */
    CHECK_ERR(openat2_(AT_FDCWD, "a", O_RDONLY, 0, 1u << 30), EINVAL);
    CHECK_ERR(syscall(437, AT_FDCWD, "a", &how, 8), EINVAL);
    CHECK_ERR(openat2_(AT_FDCWD, "link", O_RDONLY, 0, NO_SYMLINKS), ELOOP);
    CHECK_ERR(openat2_(AT_FDCWD, "..", O_RDONLY, 0, BENEATH), EXDEV);
    CHECK_ERR(openat2_(AT_FDCWD, "/etc", O_RDONLY, 0, BENEATH), EXDEV);
    fd = openat2_(AT_FDCWD, "d/../a", O_RDONLY, 0, BENEATH);
    CHECK(fd >= 0);
    close(fd);
    fd = openat2_(AT_FDCWD, "/a", O_RDONLY, 0, IN_ROOT);
    CHECK(fd >= 0);
    close(fd);
}

static void test_names(void)
{
    static char name[300], path[5000];

    memset(name, 'n', 255);
    close(MUST(open(name, O_CREAT | O_WRONLY, 0644)));
    CHECK_EQ(unlink(name), 0);
    memset(name, 'n', 256);
    CHECK_ERR(open(name, O_CREAT | O_WRONLY, 0644), ENAMETOOLONG);
    CHECK_ERR(open(name, O_RDONLY), ENAMETOOLONG);
    memset(path, '/', 4095);
    CHECK_EQ(close(open(path, O_RDONLY)), 0);
    memset(path, '/', 4096);
    CHECK_ERR(open(path, O_RDONLY), ENAMETOOLONG);
    for (int i = 0; i < 2000; i++)
        memcpy(path + 2 * i, "./", 3);
    CHECK_EQ(close(open(path, O_RDONLY)), 0);
    CHECK_EQ(close(open("//d//.././/a", O_RDONLY)), -1);
    CHECK_EQ(close(open(".//d//.././/a", O_RDONLY)), 0);
}

static void test_limit(void)
{
    struct rlimit {
        uint64_t cur, max;
    } r = { 20, 4096 }, old;
    int n = 0, fd;

    MUST(syscall(SYS_prlimit64, 0, 7, &r, &old)); /* RLIMIT_NOFILE */
    while ((fd = open("a", O_RDONLY)) >= 0)
        n = fd;
    CHECK_EQ(errno, EMFILE);
    CHECK_EQ(n, 19);
    CHECK_ERR(dup(0), EMFILE);
    CHECK_ERR(dup2(0, 20), EBADF);
    CHECK_ERR(fcntl(0, F_DUPFD, 20), EINVAL);
    CHECK_ERR(fcntl(0, F_DUPFD, 19), EMFILE);
    r.cur = 1024;
    MUST(syscall(SYS_prlimit64, 0, 7, &r, NULL));
    CHECK_EQ(open("a", O_RDONLY), 20);
}

int main(void)
{
    scratch();
    test_create();
    test_access_modes();
    test_lowest_fd();
    test_kinds();
    test_path_fd();
    test_tmpfile();
    test_openat2();
    test_names();
    test_limit();
    return report_done();
}
