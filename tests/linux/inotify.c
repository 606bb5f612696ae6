/* SPDX-License-Identifier: BSD-2-Clause */
/* inotify: which events come, in which order, with which names and cookies. */
#include "report.h"
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

static int in;
static unsigned last_cookie;

static const struct {
    unsigned bit;
    const char *name;
} names[] = {
    { IN_ACCESS, "ACCESS" },         { IN_MODIFY, "MODIFY" },
    { IN_ATTRIB, "ATTRIB" },         { IN_CLOSE_WRITE, "CLOSE_WRITE" },
    { IN_CLOSE_NOWRITE, "CLOSE" },   { IN_OPEN, "OPEN" },
    { IN_MOVED_FROM, "MOVED_FROM" }, { IN_MOVED_TO, "MOVED_TO" },
    { IN_CREATE, "CREATE" },         { IN_DELETE, "DELETE" },
    { IN_DELETE_SELF, "DEL_SELF" },  { IN_MOVE_SELF, "MOVE_SELF" },
    { IN_UNMOUNT, "UNMOUNT" },       { IN_Q_OVERFLOW, "OVERFLOW" },
    { IN_IGNORED, "IGNORED" },       { IN_ISDIR, "ISDIR" },
};

static void drain(const char *after)
{
    char buf[4096] __attribute__((aligned(8))), text[200];
    ssize_t n;

    note("%s:", after);
    while ((n = read(in, buf, sizeof(buf))) > 0) {
        for (ssize_t at = 0; at < n;) {
            struct inotify_event *e = (void *)(buf + at);
            int len = sprintf(text, "  wd %d", e->wd);
            for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
                if (e->mask & names[i].bit)
                    len += sprintf(text + len, " %s", names[i].name);
            if (e->len)
                len += sprintf(text + len, " '%s' (%u bytes)", e->name, e->len);
            if (e->cookie)
                len += sprintf(text + len, " %s cookie", e->cookie == last_cookie ? "same" : "new");
            last_cookie = e->cookie;
            note("%s", text);
            at += sizeof(*e) + e->len;
        }
    }
}

int main(void)
{
    int fd, wd, n;
    char c;

    scratch();
    in = MUST(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    MUST(mkdir("d", 0755));
    CHECK_EQ(wd = inotify_add_watch(in, "d", IN_ALL_EVENTS), 1);
    drain("nothing");
    fd = MUST(open("d/file", O_CREAT | O_RDWR, 0644));
    drain("create");
    MUST(write(fd, "x", 1));
    MUST(write(fd, "y", 1)); /* equal neighbours are merged */
    drain("write twice");
    MUST(pread(fd, &c, 1, 0));
    drain("read");
    MUST(fchmod(fd, 0600));
    MUST(ftruncate(fd, 0));
    drain("chmod, truncate");
    close(fd);
    drain("close");
    close(MUST(open("d/file", O_RDONLY)));
    drain("open, close");
    MUST(rename("d/file", "d/a-much-longer-name-than-before"));
    drain("rename");
    MUST(rename("d/a-much-longer-name-than-before", "out"));
    drain("move away");
    MUST(link("out", "d/link")), MUST(symlink("x", "d/sym"));
    drain("link, symlink");
    MUST(mkdir("d/sub", 0755));
    drain("mkdir");
    MUST(rmdir("d/sub")), MUST(unlink("d/link")), MUST(unlink("d/sym"));
    drain("remove");

    CHECK_EQ(inotify_add_watch(in, "out", IN_MODIFY | IN_DELETE_SELF | IN_ATTRIB), 2);
    put_file("out", "text");
    drain("a file's own watch: truncate and write");
    CHECK_EQ(inotify_add_watch(in, "out", IN_OPEN), 2); /* replaces the mask */
    close(MUST(open("out", O_RDONLY)));
    drain("new mask: open");
    CHECK_EQ(inotify_add_watch(in, "out", IN_DELETE_SELF | IN_MASK_ADD | IN_ATTRIB), 2);
    MUST(unlink("out"));
    drain("unlink");
    put_file("d/one", "");
    CHECK_EQ(inotify_add_watch(in, "d/one", IN_OPEN | IN_ONESHOT), 3);
    drain("before");
    close(MUST(open("d/one", O_RDONLY)));
    drain("one-shot");
    CHECK_EQ(ioctl(in, FIONREAD, &n), 0);
    CHECK_EQ(n, 0);
    MUST(rename("d", "e"));
    drain("the folder moves");
    CHECK_EQ(inotify_rm_watch(in, wd), 0);
    drain("rm_watch");
    CHECK_ERR(inotify_rm_watch(in, wd), EINVAL);
    CHECK_EQ(inotify_add_watch(in, "e", IN_DELETE_SELF), 4);
    MUST(unlink("e/one")), MUST(rmdir("e"));
    drain("rmdir");

    CHECK_ERR(inotify_add_watch(in, "none", IN_OPEN), ENOENT);
    CHECK_ERR(inotify_add_watch(in, ".", 0), EINVAL);
    put_file("f", "");
    CHECK_ERR(inotify_add_watch(in, "f", IN_OPEN | IN_ONLYDIR), ENOTDIR);
    CHECK_ERR(inotify_add_watch(0, ".", IN_OPEN), EINVAL);
    CHECK_ERR(inotify_add_watch(-1, ".", IN_OPEN), EBADF);
    CHECK_ERR(inotify_init1(64), EINVAL);
    CHECK_EQ(inotify_add_watch(in, "f", IN_OPEN), 5);
    CHECK_ERR(inotify_add_watch(in, "f", IN_OPEN | 0x10000000), EEXIST); /* IN_MASK_CREATE */
    close(MUST(open("f", O_RDONLY)));
    struct pollfd p = { in, POLLIN, 0 };
    CHECK_EQ(poll(&p, 1, 0), 1);
    CHECK_ERR(read(in, &c, 1), EINVAL); /* no room for one event */
    CHECK_EQ(ioctl(in, FIONREAD, &n), 0);
    CHECK_EQ(n, 16);
    drain("kept");
    CHECK_ERR(write(in, &c, 1), EBADF);
    return report_done();
}
