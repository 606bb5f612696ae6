/* SPDX-License-Identifier: BSD-2-Clause */
/* rename, link, unlink, symlink, readlink, mkdir, rmdir, mknod, chdir, getcwd and their *at forms. */
#include "report.h"

#define NOREPLACE               1
#define EXCHANGE                2
#define renameat2_(a, b, flags) syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags)

static int exists(const char *path)
{
    struct stat st;

    return !lstat(path, &st);
}

static int links(const char *path)
{
    struct stat st;

    return lstat(path, &st) ? -1 : (int)st.st_nlink;
}

static void test_link(void)
{
    struct stat a, b;

    put_file("a", "aaa");
    CHECK_EQ(link("a", "b"), 0);
    CHECK_EQ(links("a"), 2);
    stat("a", &a), stat("b", &b);
    CHECK(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
    CHECK_ERR(link("a", "b"), EEXIST);
    CHECK_ERR(link("none", "c"), ENOENT);
    CHECK_ERR(link("a", "none/c"), ENOENT);
    MUST(mkdir("dir", 0755));
    CHECK_ERR(link("dir", "c"), EPERM);
    MUST(symlink("a", "sl"));
    CHECK_EQ(link("sl", "sl2"), 0); /* links the symlink itself */
    lstat("sl2", &b);
    CHECK(S_ISLNK(b.st_mode));
    CHECK_EQ(linkat(AT_FDCWD, "sl", AT_FDCWD, "sl3", AT_SYMLINK_FOLLOW), 0);
    CHECK_EQ(links("a"), 3);
    CHECK_ERR(linkat(AT_FDCWD, "a", AT_FDCWD, "x", 0x10000), EINVAL);
    CHECK_EQ(unlink("b"), 0);
    CHECK_EQ(links("a"), 2);
    CHECK_EQ(unlink("sl"), 0);
    CHECK_EQ(unlink("sl2"), 0);
    CHECK_EQ(unlink("sl3"), 0);
    CHECK(exists("a"));
}

static void test_unlink(void)
{
    int fd;
    char buf[8];
    struct stat st;

    CHECK_ERR(unlink("none"), ENOENT);
    CHECK_ERR(unlink("dir"), EISDIR);
    CHECK_ERR(unlink("a/"), ENOTDIR);
    CHECK_ERR(unlink("a/b"), ENOTDIR);
    CHECK_ERR(unlink(""), ENOENT);
    CHECK_ERR(unlinkat(AT_FDCWD, "a", AT_REMOVEDIR), ENOTDIR);
    CHECK_ERR(unlinkat(AT_FDCWD, "a", 4), EINVAL);
    put_file("gone", "still here");
    fd = MUST(open("gone", O_RDWR));
    CHECK_EQ(unlink("gone"), 0);
    CHECK(!exists("gone"));
    CHECK_EQ(read(fd, buf, 5), 5);
    CHECK(!memcmp(buf, "still", 5));
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(pwrite(fd, "y", 1, 100000), 1);
    char path[64], target[PATH_MAX] = "";
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    readlink(path, target, sizeof(target) - 1);
    CHECK(strstr(target, "/gone (deleted)"));
    close(fd);
}

static void test_directories(void)
{
    CHECK_ERR(mkdir("dir", 0755), EEXIST);
    CHECK_ERR(mkdir("a", 0755), EEXIST);
    CHECK_ERR(mkdir("none/x", 0755), ENOENT);
    CHECK_ERR(mkdir("a/x", 0755), ENOTDIR);
    CHECK_ERR(mkdir("/", 0755), EEXIST);
    CHECK_ERR(mkdir(".", 0755), EEXIST);
    CHECK_EQ(mkdir("slash/", 0700), 0);
    CHECK_EQ(rmdir("slash/"), 0);
    CHECK_EQ(links("dir"), 2);
    CHECK_EQ(mkdir("dir/sub", 0755), 0);
    CHECK_EQ(links("dir"), 3);
    CHECK_ERR(rmdir("dir"), ENOTEMPTY);
    CHECK_ERR(rmdir("dir/."), EINVAL);
    CHECK_ERR(rmdir("dir/sub/.."), ENOTEMPTY);
    CHECK_ERR(rmdir("a"), ENOTDIR);
    CHECK_ERR(rmdir("none"), ENOENT);
    CHECK_ERR(rmdir("/"), EBUSY);
    MUST(symlink("dir", "dirlink"));
    CHECK_ERR(rmdir("dirlink"), ENOTDIR);
    CHECK_EQ(mkdir("dirlink/two", 0755), 0);
    CHECK_EQ(rmdir("dir/two"), 0);
    CHECK_EQ(rmdir("dir/sub"), 0);
    CHECK_EQ(links("dir"), 2);
    CHECK_EQ(unlink("dirlink"), 0);
    CHECK_ERR(mkdir("", 0755), ENOENT);
}

static void test_symlinks(void)
{
    char buf[PATH_MAX];
    static char longer[5000];
    struct stat st;

    CHECK_EQ(symlink("some/where", "s"), 0);
    CHECK_ERR(symlink("x", "s"), EEXIST);
    CHECK_ERR(symlink("", "t"), ENOENT);
    CHECK_ERR(symlink("x", "none/t"), ENOENT);
    CHECK_EQ(readlink("s", buf, sizeof(buf)), 10);
    CHECK(!memcmp(buf, "some/where", 10));
    CHECK_EQ(readlink("s", buf, 4), 4);
    CHECK_ERR(readlink("s", buf, 0), EINVAL);
    CHECK_ERR(readlink("a", buf, sizeof(buf)), EINVAL);
    CHECK_ERR(readlink("none", buf, sizeof(buf)), ENOENT);
    CHECK_EQ(lstat("s", &st), 0);
    CHECK_EQ(st.st_size, 10);
    CHECK_EQ(st.st_mode, (S_IFLNK | 0777));
    memset(longer, 'x', 4095);
    CHECK_EQ(symlink(longer, "long"), 0);
    CHECK_EQ(readlink("long", buf, sizeof(buf)), 4095);
    memset(longer, 'x', 4096);
    CHECK_ERR(symlink(longer, "longer"), ENAMETOOLONG);
    unlink("long"), unlink("s");
    /* forty in a row are followed, more are not */
    put_file("l0", "deep");
    for (int i = 1; i <= 41; i++) {
        char from[8], to[8];
        sprintf(to, "l%d", i - 1), sprintf(from, "l%d", i);
        MUST(symlink(to, from));
    }
    CHECK(!strcmp(get_file("l40"), "deep"));
    CHECK_ERR(open("l41", O_RDONLY), ELOOP);
    for (int i = 0; i <= 41; i++) {
        sprintf(buf, "l%d", i);
        unlink(buf);
    }
}

static void test_rename(void)
{
    put_file("x", "xxx"), put_file("y", "yyy");
    CHECK_EQ(rename("x", "y"), 0);
    CHECK(!exists("x"));
    CHECK(!strcmp(get_file("y"), "xxx"));
    CHECK_ERR(rename("none", "z"), ENOENT);
    CHECK_ERR(rename("y", "none/z"), ENOENT);
    CHECK_ERR(rename("y", "dir"), EISDIR);
    CHECK_ERR(rename("dir", "y"), ENOTDIR);
    CHECK_ERR(rename("y", "z/"), ENOTDIR);
    CHECK_EQ(rename("y", "y"), 0);
    CHECK_EQ(link("y", "y2"), 0);
    CHECK_EQ(rename("y", "y2"), 0); /* the same file: nothing happens */
    CHECK(exists("y") && exists("y2"));
    unlink("y2");
    MUST(mkdir("d1", 0755)), MUST(mkdir("d2", 0755)), MUST(mkdir("d1/in", 0755));
    CHECK_ERR(rename("d1", "d1/in/x"), EINVAL);
    CHECK_ERR(rename("d1/in", "d1"), ENOTEMPTY);
    CHECK_EQ(rename("d1", "d2"), 0);
    CHECK(exists("d2/in") && !exists("d1"));
    CHECK_ERR(rename("dir", "d2"), ENOTEMPTY);
    CHECK_ERR(rename("d2/.", "d3"), EBUSY);
    CHECK_ERR(rename(".", "d3"), EBUSY);
    CHECK_EQ(links("d2"), 3);
    CHECK_EQ(rename("d2/in", "in"), 0);
    CHECK_EQ(links("d2"), 2);
    put_file("p", "P"), put_file("q", "Q");
    CHECK_ERR(renameat2_("p", "q", NOREPLACE), EEXIST);
    CHECK_EQ(renameat2_("p", "p2", NOREPLACE), 0);
    CHECK_EQ(renameat2_("p2", "q", EXCHANGE), 0);
    CHECK(!strcmp(get_file("q"), "P") && !strcmp(get_file("p2"), "Q"));
    CHECK_EQ(renameat2_("q", "d2", EXCHANGE), 0);
    CHECK(!strcmp(get_file("d2"), "P"));
    CHECK_ERR(renameat2_("q", "none", EXCHANGE), ENOENT);
    CHECK_ERR(renameat2_("q", "d2", EXCHANGE | NOREPLACE), EINVAL);
    CHECK_ERR(renameat2_("q", "d2", 64), EINVAL);
    int dir = MUST(open("in", O_DIRECTORY));
    CHECK_EQ(renameat(AT_FDCWD, "p2", dir, "p3"), 0);
    CHECK(exists("in/p3"));
    CHECK_EQ(renameat(dir, "p3", AT_FDCWD, "p2"), 0);
    close(dir);
}

static void test_mknod(void)
{
    struct stat st;

    CHECK_EQ(mknod("fifo", S_IFIFO | 0600, 0), 0);
    CHECK_EQ(mknod("reg", S_IFREG | 0640, 0), 0);
    CHECK_EQ(mknod("reg0", 0600, 0), 0);
    CHECK_EQ(mknod("sock", S_IFSOCK | 0600, 0), 0);
    CHECK_ERR(mknod("reg", S_IFREG | 0640, 0), EEXIST);
    CHECK_ERR(mknod("dirnode", S_IFDIR | 0755, 0), EPERM);
    CHECK_ERR(mknod("bad", S_IFLNK | 0755, 0), EINVAL);
    CHECK_EQ(mknod("null", S_IFCHR | 0666, 1 << 8 | 3), 0);
    CHECK_EQ(stat("null", &st), 0);
    CHECK_EQ(st.st_rdev, 0x103);
    CHECK_EQ(st.st_mode, (S_IFCHR | 0644));
    CHECK_EQ(lstat("sock", &st), 0);
    CHECK(S_ISSOCK(st.st_mode));
    CHECK_ERR(open("sock", O_RDWR), ENXIO);
}

static void test_cwd(void)
{
    char start[PATH_MAX], here[PATH_MAX];

    MUST((long)getcwd(start, sizeof(start)) ? 0 : -1);
    MUST(mkdir("c1", 0755)), MUST(mkdir("c1/c2", 0755));
    CHECK_EQ(chdir("c1/c2"), 0);
    getcwd(here, sizeof(here));
    CHECK(!strcmp(here + strlen(start), "/c1/c2"));
    CHECK_EQ(syscall(SYS_getcwd, here, sizeof(here)), (long)strlen(start) + 7);
    CHECK_ERR(syscall(SYS_getcwd, here, 5), ERANGE);
    CHECK_ERR(syscall(SYS_getcwd, 8, 4096), EFAULT);
    int fd = MUST(open(".", O_RDONLY));
    CHECK_EQ(chdir(".."), 0);
    CHECK_EQ(fchdir(fd), 0);
    getcwd(here, sizeof(here));
    CHECK(!strcmp(here + strlen(start), "/c1/c2"));
    CHECK_ERR(chdir("none"), ENOENT);
    MUST(chdir(start));
    CHECK_ERR(chdir("a"), ENOTDIR);
    int file = MUST(open("a", O_RDONLY));
    CHECK_ERR(fchdir(file), ENOTDIR);
    CHECK_ERR(fchdir(-1), EBADF);
    close(file), close(fd);
    MUST(chdir("c1/c2"));
    MUST(rmdir("../c2"));
    CHECK_ERR(syscall(SYS_getcwd, here, sizeof(here)), ENOENT);
    CHECK_ERR(open("x", O_CREAT | O_RDWR, 0644), ENOENT);
    CHECK_ERR(mkdir("x", 0755), ENOENT);
    CHECK_EQ(chdir(".."), 0);
    MUST(chdir(start));
    CHECK_EQ(chdir("/../.."), 0);
    CHECK(getcwd(here, sizeof(here)) && !strcmp(here, "/"));
    MUST(chdir(start));
}

/* A path deeper than PATH_MAX, reached step by step */
static void test_deep(void)
{
    char start[PATH_MAX], here[PATH_MAX * 2];
    char name[201];
    int depth = 0;

    MUST((long)getcwd(start, sizeof(start)) ? 0 : -1);
    memset(name, 'd', 200), name[200] = 0;
    while (depth < 25 && !mkdir(name, 0755) && !chdir(name))
        depth++;
    CHECK_EQ(depth, 25);
    CHECK_ERR(syscall(SYS_getcwd, here, 4096), ENAMETOOLONG);
    close(MUST(open("leaf", O_CREAT | O_RDWR, 0644)));
    CHECK_EQ(unlink("leaf"), 0);
    while (depth > 0 && !chdir("..") && !rmdir(name))
        depth--;
    CHECK_EQ(depth, 0);
    getcwd(here, sizeof(here));
    CHECK(!strcmp(here, start));
}

int main(void)
{
    scratch();
    test_link();
    test_unlink();
    test_directories();
    test_symlinks();
    test_rename();
    test_mknod();
    test_cwd();
    test_deep();
    return report_done();
}
