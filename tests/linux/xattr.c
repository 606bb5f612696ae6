/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes on tmpfs (the trusted class; user attributes came with Linux 6.6). */
#include "report.h"
#include <sys/xattr.h>

static void print_list(const char *path)
{
    char list[256];
    ssize_t n = listxattr(path, list, sizeof(list));
    const char *a = NULL, *b = NULL;

    /* the order is the file system's own */
    for (ssize_t at = 0; at < n; at += strlen(list + at) + 1) {
        if (!strcmp(list + at, "trusted.a"))
            a = "trusted.a";
        else if (!strcmp(list + at, "trusted.b"))
            b = "trusted.b";
        else
            note("  %s", list + at);
    }
    note("  %d bytes: %s %s", (int)n, a ? a : "-", b ? b : "-");
}

int main(void)
{
    char buf[64];
    static char big[70000];
    int fd;

    scratch();
    put_file("f", "x");
    MUST(symlink("f", "l"));
    print_list("f");
    CHECK_EQ(setxattr("f", "trusted.a", "value", 5, 0), 0);
    CHECK_EQ(getxattr("f", "trusted.a", buf, sizeof(buf)), 5);
    CHECK(!memcmp(buf, "value", 5));
    CHECK_EQ(getxattr("f", "trusted.a", NULL, 0), 5);
    CHECK_ERR(getxattr("f", "trusted.a", buf, 3), ERANGE);
    CHECK_ERR(getxattr("f", "trusted.none", buf, 3), ENODATA);
    CHECK_ERR(setxattr("f", "trusted.a", "v", 1, XATTR_CREATE), EEXIST);
    CHECK_ERR(setxattr("f", "trusted.n", "v", 1, XATTR_REPLACE), ENODATA);
    CHECK_ERR(setxattr("f", "trusted.n", "v", 1, 8), EINVAL);
    CHECK_EQ(setxattr("f", "trusted.a", "new", 3, XATTR_REPLACE), 0);
    CHECK_EQ(getxattr("f", "trusted.a", buf, sizeof(buf)), 3);
    CHECK_EQ(setxattr("f", "trusted.b", "", 0, XATTR_CREATE), 0);
    CHECK_EQ(getxattr("f", "trusted.b", buf, sizeof(buf)), 0);
    print_list("f");
    CHECK_EQ(listxattr("f", NULL, 0), 20);
    CHECK_ERR(listxattr("f", buf, 5), ERANGE);
    CHECK_EQ(getxattr("l", "trusted.a", buf, sizeof(buf)), 3);
    CHECK_ERR(lgetxattr("l", "trusted.a", buf, sizeof(buf)), ENODATA);
    CHECK_EQ(lsetxattr("l", "trusted.l", "L", 1, 0), 0);
    CHECK_EQ(lgetxattr("l", "trusted.l", buf, sizeof(buf)), 1);
    fd = MUST(open("f", O_RDWR));
    CHECK_EQ(fsetxattr(fd, "trusted.b", "fd", 2, 0), 0);
    CHECK_EQ(fgetxattr(fd, "trusted.b", buf, sizeof(buf)), 2);
    CHECK_EQ(flistxattr(fd, buf, sizeof(buf)), 20);
    CHECK_EQ(fremovexattr(fd, "trusted.b"), 0);
    CHECK_ERR(fremovexattr(fd, "trusted.b"), ENODATA);
    CHECK_EQ(removexattr("f", "trusted.a"), 0);
    CHECK_ERR(lremovexattr("l", "trusted.a"), ENODATA);
    CHECK_EQ(listxattr("f", buf, sizeof(buf)), 0);
    CHECK_ERR(setxattr("f", "nonsense", "v", 1, 0), EOPNOTSUPP);
    CHECK_ERR(setxattr("f", "", "v", 1, 0), ERANGE);
    CHECK_ERR(setxattr("f", "trusted.", "v", 1, 0), EINVAL);
    CHECK_ERR(setxattr("f", "trusted.big", big, 65537, 0), E2BIG);
    CHECK_EQ(setxattr("f", "trusted.big", big, 4000, 0), 0);
    memset(big, 'n', 300), memcpy(big, "trusted.", 8);
    CHECK_ERR(setxattr("f", big, "v", 1, 0), ERANGE);
    CHECK_ERR(setxattr("none", "trusted.a", "v", 1, 0), ENOENT);
    CHECK_ERR(getxattr("none", "trusted.a", buf, 1), ENOENT);
    CHECK_ERR(fgetxattr(-1, "trusted.a", buf, 1), EBADF);
    return report_done();
}
