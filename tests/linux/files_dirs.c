/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading directories: getdents64, seeking, changes while reading, types. */
#include "report.h"
#include <dirent.h>

struct dent {
    uint64_t ino, off;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Prints a folder's names and types, sorted. */
static void list(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    char *names[100];
    int n = 0;

    while (d && (e = readdir(d)) && n < 100) {
        char *s = malloc(300);
        sprintf(s, "%s type %d", e->d_name, e->d_type);
        names[n++] = s;
    }
    qsort(names, n, sizeof(*names), by_name);
    for (int i = 0; i < n; i++)
        note("  %s", names[i]), free(names[i]);
    if (d)
        closedir(d);
}

static int count(int fd)
{
    char buf[512] __attribute__((aligned(8)));
    int n = 0;
    long got;

    while ((got = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
        for (long at = 0; at < got; at += ((struct dent *)(buf + at))->reclen)
            n++;
    return got < 0 ? -1 : n;
}

static void test_types(void)
{
    note("an empty folder:");
    list(".");
    MUST(mkdir("dir", 0755)), put_file("file", "x"), MUST(symlink("file", "link"));
    MUST(mkfifo("fifo", 0600)), MUST(mknod("sock", S_IFSOCK | 0600, 0)),
        MUST(mknod("char", S_IFCHR | 0600, 0x103));
    note("all kinds:");
    list(".");
}

static void test_records(void)
{
    char buf[1024] __attribute__((aligned(8)));
    int fd = MUST(open(".", O_RDONLY | O_DIRECTORY));
    long n = MUST(syscall(SYS_getdents64, fd, buf, sizeof(buf)));
    struct stat st;
    struct dent *d = (struct dent *)buf;

    fstat(fd, &st);
    CHECK(!strcmp(d->name, ".") && d->type == DT_DIR && d->ino == st.st_ino && d->reclen == 24);
    d = (struct dent *)(buf + d->reclen);
    CHECK(!strcmp(d->name, "..") && d->type == DT_DIR && d->reclen == 24);
    int ok = 1;
    for (long at = 0; at < n; at += d->reclen) {
        d = (struct dent *)(buf + at);
        ok &= d->reclen % 8 == 0 && d->reclen >= 19 + strlen(d->name) + 1;
        if (fstatat(fd, d->name, &st, AT_SYMLINK_NOFOLLOW) || (at >= 48 && st.st_ino != d->ino))
            ok = 0;
    }
    report(ok, "records are aligned and name inodes");
    CHECK_EQ(syscall(SYS_getdents64, fd, buf, sizeof(buf)), 0);
    lseek(fd, 0, SEEK_SET);
    CHECK_ERR(syscall(SYS_getdents64, fd, buf, 10), EINVAL); /* no room for one */
    CHECK_ERR(syscall(SYS_getdents64, fd, 16, 1000), EFAULT);
    CHECK_ERR(syscall(SYS_getdents64, -1, buf, 1000), EBADF);
    int file = MUST(open("file", O_RDONLY));
    CHECK_ERR(syscall(SYS_getdents64, file, buf, 1000), ENOTDIR);
    close(file), close(fd);
    fd = MUST(open(".", O_RDONLY | O_DIRECTORY));
    MUST(mkdir("dir/gone", 0755));
    int gone = MUST(open("dir/gone", O_RDONLY | O_DIRECTORY));
    MUST(rmdir("dir/gone"));
    CHECK_ERR(syscall(SYS_getdents64, gone, buf, 1000), ENOENT);
    close(gone), close(fd);
}

static void test_many(void)
{
    char name[32];
    static char seen[1000];
    int fd, ok = 1;
    DIR *d;
    struct dirent *e;

    MUST(mkdir("many", 0755)), MUST(chdir("many"));
    for (int i = 0; i < 1000; i++) {
        sprintf(name, "file-%d", i);
        close(MUST(open(name, O_CREAT | O_WRONLY, 0644)));
    }
    fd = MUST(open(".", O_RDONLY | O_DIRECTORY));
    CHECK_EQ(count(fd), 1002);
    CHECK_EQ(count(fd), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(count(fd), 1002);
    close(fd);
    /* removing what was read, as rm -r does: each name comes once, none is missed */
    d = opendir(".");
    while ((e = readdir(d))) {
        int i;
        if (sscanf(e->d_name, "file-%d", &i) != 1)
            continue;
        ok &= !seen[i]++;
        unlink(e->d_name);
    }
    closedir(d);
    for (int i = 0; i < 1000; i++)
        ok &= seen[i] == 1;
    report(ok, "each name is seen once while names are removed");
    MUST(chdir(".."));
    CHECK_EQ(rmdir("many"), 0);
}

static void test_telldir(void)
{
    DIR *d;
    struct dirent *e;
    long where[10];
    char names[10][20];
    int n = 0, ok = 1;

    MUST(mkdir("tell", 0755)), MUST(chdir("tell"));
    for (int i = 0; i < 8; i++) {
        char name[2] = { 'a' + i, 0 };
        put_file(name, "");
    }
    d = opendir(".");
    for (;;) {
        where[n] = telldir(d);
        if (n == 10 || !(e = readdir(d)))
            break;
        strcpy(names[n++], e->d_name);
    }
    CHECK_EQ(n, 10);
    for (int i = 9; i >= 0; i--) {
        seekdir(d, where[i]);
        e = readdir(d);
        ok &= e && !strcmp(e->d_name, names[i]);
    }
    report(ok, "seekdir returns to each entry");
    closedir(d);
    MUST(chdir(".."));
}

int main(void)
{
    scratch();
    test_types();
    test_records();
    test_many();
    test_telldir();
    return report_done();
}
