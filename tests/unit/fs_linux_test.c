/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random file operations on our tmpfs, and on the writable layer over an EROFS image, beside the same calls on the
 * host's own file system inside a chroot: Linux is the oracle for values and error numbers. Skipped without root.
 */
#include "fs.h"

#include <errno.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static uint64_t seed = 1;
static bool as_users;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static char work[] = "/tmp/fs-linux-test-XXXXXX";
static long op_nr;
static char op_text[2000];

#define SAY(...) snprintf(op_text, sizeof(op_text), __VA_ARGS__)

static void mismatch(const char *what, long ours, long theirs)
{
    static unsigned said;

    test_failures++;
    if (said++ < 20)
        printf("    #%ld %.150s: %s: ours %ld, Linux %ld\n", op_nr, op_text, what, ours, theirs);
}

static void same(const char *what, long ours, long theirs)
{
    if (ours != theirs)
        mismatch(what, ours, theirs);
}

static long e(long r)
{
    return r < 0 ? -errno : r;
}

/* ---- names ---- */

static const char *component(void)
{
    static const char *const names[] = { "a", "b", "c", "dd", "a", "b", "link", "x1", ".", "..", "f" };

    return names[rnd() % (sizeof(names) / sizeof(names[0]))];
}

static void random_name(char *buf, bool may_be_absolute)
{
    unsigned n = 1 + rnd() % 3 + (rnd() % 8 == 0 ? 2 : 0);

    buf[0] = 0;
    if (may_be_absolute && rnd() % 4 == 0)
        strcpy(buf, "/");
    for (unsigned i = 0; i < n; i++) {
        strcat(buf, component());
        if (i + 1 < n)
            strcat(buf, rnd() % 20 ? "/" : "//");
    }
    if (rnd() % 10 == 0)
        strcat(buf, "/");
    if (rnd() % 200 == 0)
        buf[0] = 0;
    if (rnd() % 200 == 0)
        memset(buf, 'L', 300), buf[256 + rnd() % 2] = 0, buf[255 + rnd() % 2] = 0;
}

/* ---- comparing ---- */

static void compare_kstat(const struct kstat *k, const struct stat *st)
{
    same("mode", k->mode, st->st_mode);
    same("uid", k->uid, st->st_uid);
    same("gid", k->gid, st->st_gid);
    if (!S_ISDIR(k->mode)) {
        same("nlink", k->nlink, st->st_nlink);
        same("size", k->size, st->st_size);
    }
}

struct names {
    struct dir_context ctx;
    unsigned nr;
    char name[64][260];
};

static bool name_actor(struct dir_context *ctx, const char *name, unsigned len, uint64_t off, ino_t ino,
                       unsigned type)
{
    struct names *l = (struct names *)ctx;

    snprintf(l->name[l->nr++], 260, "%.*s%c", (int)len, name, 'A' + type);
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void do_list(const char *name)
{
    static struct names ours, theirs;
    struct file *f;
    DIR *d = opendir(name);
    int err = v_open(name, O_RDONLY | O_DIRECTORY, 0, &f);

    same("opendir", err, d ? 0 : -errno);
    ours = theirs = (struct names){ .ctx.actor = name_actor };
    if (!err) {
        CHECK(!f->ops->readdir(f, &ours.ctx));
        file_put(f);
    }
    if (!d)
        return;
    for (struct dirent *x; (x = readdir(d));)
        name_actor(&theirs.ctx, x->d_name, strlen(x->d_name), 0, 0, x->d_type);
    closedir(d);
    qsort(ours.name, ours.nr, 260, by_name);
    qsort(theirs.name, theirs.nr, 260, by_name);
    same("entries", ours.nr, theirs.nr);
    for (unsigned i = 0; i < ours.nr && i < theirs.nr; i++)
        same("entry", strcmp(ours.name[i], theirs.name[i]), 0);
}

static void do_stat(const char *name)
{
    bool follow = rnd() % 2;
    struct kstat k;
    struct stat st;
    int ours = v_stat(name, follow, &k), theirs = e(follow ? stat(name, &st) : lstat(name, &st));

    SAY("%s %s", follow ? "stat" : "lstat", name);
    same("result", ours, theirs);
    if (!ours && !theirs)
        compare_kstat(&k, &st);
}

static void do_open(const char *name)
{
    static const int bits[] = { O_CREAT,    O_CREAT,  O_EXCL, O_TRUNC,  O_DIRECTORY,
                                O_NOFOLLOW, O_APPEND, O_PATH, O_NOATIME };
    int flags = rnd() % 3, fd;
    mode_t mode = rnd() % 4 ? 0644 : rnd() % 010000;
    char a[200], b[200];
    struct file *f;
    struct stat st;
    struct kstat k;
    int err;

    for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if (rnd() % 5 == 0)
            flags |= bits[i];
    if (rnd() % 40 == 0)
        flags |= O_TMPFILE;
    SAY("open %s flags %#o mode %o", name, flags, mode);
    if (flags & O_PATH) /* as sys_open does */
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
    if ((flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY) && !(flags & O_PATH))
        flags &= ~O_DIRECTORY; /* kernels differ: 6.4 made it an error */
    fd = e(open(name, flags, mode));
    err = v_open(name, flags, mode, &f);
    same("result", err, fd < 0 ? fd : 0);
    if (err || fd < 0) {
        if (!err)
            file_put(f);
        if (fd >= 0)
            close(fd);
        return;
    }
    if (!(flags & O_PATH)) {
        size_t len = rnd() % sizeof(a);
        uint64_t pos = rnd() % 9000;
        struct iov v;

        memset(a, 'a' + rnd() % 26, sizeof(a));
        iov_kernel(&v, a, len);
        same("pwrite", file_write(f, &v, &pos), e(pwrite(fd, a, len, pos)));
        pos = rnd() % 9000;
        iov_kernel(&v, a, sizeof(a));
        uint64_t at = pos;
        ssize_t n = file_read(f, &v, &pos), m = e(pread(fd, b, sizeof(b), at));

        same("pread", n, m);
        if (n > 0 && n == m)
            same("content", memcmp(a, b, n), 0);
        if (rnd() % 4 == 0 && (f->fmode & FMODE_WRITE) && S_ISREG(f->inode->mode)) {
            at = rnd() % 20000;
            same("ftruncate", vfs_truncate(f->inode, at), e(ftruncate(fd, at)));
        }
    }
    if (f->path.dentry && !vfs_stat(&f->path, &k) && !fstat(fd, &st))
        compare_kstat(&k, &st);
    file_put(f);
    close(fd);
}

static void do_truncate(const char *name)
{
    uint64_t size = rnd() % 30000;
    struct path p;
    int err = path_lookup(NULL, name, LOOKUP_FOLLOW, &p);

    SAY("truncate %s %llu", name, (unsigned long long)size);
    if (!err) {
        err = S_ISDIR(path_inode(&p)->mode) ? 0 : vfs_access(&p, MAY_WRITE, &test_cred);
        if (!err)
            err = vfs_truncate(path_inode(&p), size);
        path_put(&p);
    }
    same("result", err, e(truncate(name, size)));
}

static void do_chmod(const char *name)
{
    struct iattr a = { .valid = ATTR_MODE, .mode = rnd() % 010000 };
    struct path p;
    int err = path_lookup(NULL, name, LOOKUP_FOLLOW, &p);

    if (as_users) /* sysctl fs.protected_* guard sticky directories on most hosts, and are off here */
        a.mode &= ~S_ISVTX;
    SAY("chmod %s %o", name, a.mode);
    if (!err) {
        err = vfs_setattr(&p, &a);
        path_put(&p);
    }
    same("result", err, e(chmod(name, a.mode)));
}

static void do_chown(const char *name)
{
    struct iattr a = { .valid = ATTR_UID | ATTR_GID, .uid = rnd() % 3 * 1000, .gid = rnd() % 3 * 1000 };
    struct path p;
    int err = path_lookup(NULL, name, LOOKUP_FOLLOW, &p);

    SAY("chown %s %u %u", name, a.uid, a.gid);
    if (!err) {
        err = vfs_setattr(&p, &a);
        path_put(&p);
    }
    same("result", err, e(chown(name, a.uid, a.gid)));
}

static void do_readlink(const char *name)
{
    char a[4096], b[4096];
    struct path p;
    ssize_t n = path_lookup(NULL, name, 0, &p), m = e(readlink(name, b, sizeof(b)));

    SAY("readlink %s", name);
    if (!n) {
        n = vfs_readlink(&p, a, sizeof(a));
        path_put(&p);
    }
    same("result", n, m);
    if (n > 0 && n == m)
        same("target", memcmp(a, b, n), 0);
}

static void two_names(const char *a, const char *b)
{
    static const unsigned flags[] = { 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
    unsigned f = flags[rnd() % 5];
    char target[300];

    switch (rnd() % 6) {
    case 0:
        if (test_cred.fsuid) /* fs.protected_hardlinks */
            break;
        f = rnd() % 3 ? 0 : AT_SYMLINK_FOLLOW;
        SAY("link %s %s %u", a, b, f);
        same("result", vfs_link(NULL, a, NULL, b, f), e(linkat(AT_FDCWD, a, AT_FDCWD, b, f)));
        break;
    case 1:
        strcpy(target, a);
        SAY("symlink %s %s", target, b);
        same("result", vfs_symlink(target, NULL, b), e(symlink(target, b)));
        break;
    default:
        SAY("rename %s %s %u", a, b, f);
        same("result", vfs_rename(NULL, a, NULL, b, f),
             e(syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, f)));
    }
}

static void one_op(void)
{
    char a[700], b[700];

    random_name(a, true);
    random_name(b, true);
    switch (rnd() % 16) {
    case 0:
    case 1:
        SAY("mkdir %s", a);
        same("result", vfs_mkdir(NULL, a, 0755), e(mkdir(a, 0755)));
        break;
    case 2:
        SAY("rmdir %s", a);
        same("result", vfs_rmdir(NULL, a), e(rmdir(a)));
        break;
    case 3:
        SAY("unlink %s", a);
        same("result", vfs_unlink(NULL, a), e(unlink(a)));
        break;
    case 4:
        SAY("mknod %s", a);
        same("result", vfs_mknod(NULL, a, S_IFIFO | 0600, 0), e(mknod(a, S_IFIFO | 0600, 0)));
        if (!vfs_unlink(NULL, a)) /* opening one would block */
            unlink(a);
        break;
    case 5:
        SAY("list %s", a);
        do_list(a);
        break;
    case 6:
        do_truncate(a);
        break;
    case 7:
        do_chmod(a);
        break;
    case 8:
        do_readlink(a);
        break;
    case 9:
    case 10:
        do_stat(a);
        break;
    case 11:
        do_chown(a);
        break;
    case 12:
    case 13:
        do_open(a);
        break;
    default:
        two_names(a, b);
    }
    if (rnd() % 50 == 0)
        vfs_shrink(rnd() % 100);
    if (op_nr % 64 == 0)
        sched_yield_current();
}

static void set_user(uid_t uid)
{
    static gid_t none[1];

    setgroups(0, none);
    if (uid) {
        setfsgid(uid);
        setfsuid(uid);
    } else {
        setfsuid(0);
        setfsgid(0);
    }
    test_cred.uid = test_cred.euid = test_cred.fsuid = uid;
    test_cred.gid = test_cred.egid = test_cred.fsgid = uid;
    test_cred.cap_effective = uid ? 0 : ~0ull;
    /* setfsuid() takes the file capabilities alone, which is what matters here */
}

static void run(long ops, bool users)
{
    as_users = users;
    for (op_nr = 0; op_nr < ops; op_nr++) {
        if (users && op_nr % 16 == 0)
            set_user(rnd() % 3 ? 0 : 1000);
        one_op();
    }
    set_user(0);
}

/* In a child: chroot is for good. */
static void in_chroot(const char *dir, const char *type, long ops, bool users)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        test_failures = 0;
        umask(0);
        if (chroot(dir) || chdir("/")) {
            puts("    (not root: skipped)");
            fflush(stdout);
            _exit(0);
        }
        fs_start(type, "vda", strcmp(type, "tmpfs") ? "" : "mode=777");
        run(ops, users);
        fs_end();
        if (shim_live_pages > 0)
            CHECK(!"pages leaked");
        fflush(stdout);
        _exit(test_failures != 0);
    }
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && !WEXITSTATUS(status));
}

static void new_dir(char *path)
{
    char cmd[300];

    if (strstr(work, "XXXXXX"))
        CHECK(mkdtemp(work));
    snprintf(path, 80, "%s/root", work);
    snprintf(cmd, sizeof(cmd), "rm -rf %s && mkdir %s", path, path);
    CHECK(!system(cmd));
    CHECK(!chmod(path, 0777));
}

static void against_linux(const char *type, uint64_t s, bool users)
{
    char dir[80], cmd[300];

    new_dir(dir);
    if (!strcmp(type, "overlay")) {
        snprintf(
            cmd, sizeof(cmd),
            "cd %s && mkdir -p a/b/c dd/a b && echo hello >f && echo deep >a/b/f && seq 9000 >dd/c && ln f b/x1 &&"
            " ln -s ../f a/link && ln -s a/b link && ln -s /dd c &&"
            " mkfs.erofs -zlz4 %s/image . >/dev/null 2>&1",
            dir, work);
        CHECK(!system(cmd));
        snprintf(cmd, sizeof(cmd), "%s/image", work);
        disk_open(cmd);
    }
    seed = s;
    in_chroot(dir, type, 20000, users);
}

TEST(tmpfs_as_linux)
{
    against_linux("tmpfs", 1, false);
}
TEST(tmpfs_as_linux_again)
{
    against_linux("tmpfs", 77777, false);
}
TEST(tmpfs_as_linux_for_users)
{
    against_linux("tmpfs", 4711, true);
}
TEST(overlay_as_linux)
{
    against_linux("overlay", 2, false);
}
TEST(overlay_as_linux_again)
{
    against_linux("overlay", 990099, false);
}
TEST(overlay_as_linux_for_users)
{
    against_linux("overlay", 31337, true);
}

TEST(remove_files)
{
    char cmd[300];

    snprintf(cmd, sizeof(cmd), "rm -rf %s", work);
    CHECK(!system(cmd));
}
