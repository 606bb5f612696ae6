/* SPDX-License-Identifier: BSD-2-Clause */
/* File operations while allocations fail: errors come out, nothing crashes, and unmounting leaves nothing behind. */
#include "fs.h"

#include "fs/pipe.h"
#include "fs/splice.h"

static uint64_t seed = 5;
static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void name(char *buf)
{
    static const char *const names[] = { "a", "b", "c", "d", "link", "file" };

    buf[0] = 0;
    for (unsigned i = 0, n = 1 + rnd() % 3; i < n; i++) {
        strcat(buf, "/");
        strcat(buf, names[rnd() % 6]);
    }
}

static void use_file(const char *a)
{
    char buf[9000];
    struct file *f;
    struct iov v;
    uint64_t pos = rnd() % 50000;

    if (v_open(a, O_RDWR | O_CREAT | (rnd() % 8 ? 0 : O_TRUNC), 0600, &f))
        return;
    memset(buf, 1, sizeof(buf));
    iov_kernel(&v, buf, rnd() % sizeof(buf));
    file_write(f, &v, &pos);
    file_read_kernel(f, buf, sizeof(buf), rnd() % 50000);
    if (f->inode->ops->fallocate)
        f->inode->ops->fallocate(f->inode, rnd() % 4, rnd() % 60000, 1 + rnd() % 60000);
    vfs_setxattr(f->inode, "user.x", buf, rnd() % 100, 0);
    file_put(f);
}

static void use_pipe(const char *a)
{
    struct file *r, *w, *f;
    char buf[100] = "through";
    struct iov v;
    uint64_t pos = 0;

    if (pipe_new(&r, &w, O_NONBLOCK))
        return;
    iov_kernel(&v, buf, rnd() % sizeof(buf));
    file_write(w, &v, &w->pos);
    if (!v_open(a, O_RDWR, 0, &f)) {
        file_splice(f, &pos, w, NULL, 20000, SPLICE_NONBLOCK);
        file_splice(r, NULL, f, &pos, 5000, SPLICE_NONBLOCK);
        file_put(f);
    }
    iov_kernel(&v, buf, sizeof(buf));
    file_read(r, &v, &r->pos);
    file_put(r);
    file_put(w);
}

static bool ignore(struct dir_context *ctx, const char *n, unsigned len, uint64_t off, ino_t ino,
                   unsigned type)
{
    return true;
}

static void one_op(void)
{
    struct dir_context ctx = { .actor = ignore };
    char a[40], b[40];
    struct file *f;

    name(a);
    name(b);
    fail_alloc_at(rnd() % 12);
    switch (rnd() % 9) {
    case 0:
        vfs_mkdir(NULL, a, 0755);
        break;
    case 1:
        vfs_unlink(NULL, a);
        break;
    case 2:
        vfs_rmdir(NULL, a);
        break;
    case 3:
        vfs_rename(NULL, a, NULL, b, rnd() % 3 ? 0 : RENAME_EXCHANGE);
        break;
    case 4:
        vfs_link(NULL, a, NULL, b, 0);
        break;
    case 5:
        vfs_symlink(a, NULL, b);
        break;
    case 6:
        if (!v_open(a, O_RDONLY | O_DIRECTORY, 0, &f)) {
            file_readdir(f, &ctx);
            file_put(f);
        }
        break;
    case 7:
        use_pipe(a);
        break;
    default:
        use_file(a);
    }
    fail_alloc_at(-1);
    if (rnd() % 64 == 0)
        vfs_shrink(rnd() % 50);
    sched_yield_current();
}

static void run(const char *type, const char *data)
{
    long objects, pages;

    for (int round = 0; round < 3; round++) { /* the first fills what is made once */
        sched_yield_current();
        objects = shim_live_objects;
        pages = shim_live_pages;
        fs_start(type, "vda", data);
        for (unsigned n = 0; n < 20000; n++)
            one_op();
        fs_end();
        for (int i = 0; i < 4; i++)
            sched_yield_current();
        if (round) {
            CHECK(shim_live_pages == pages);
            CHECK(shim_live_objects == objects);
        }
    }
}

TEST(tmpfs_without_memory)
{
    run("tmpfs", "");
}

TEST(tmpfs_that_is_full)
{
    run("tmpfs", "size=200k,nr_inodes=30");
}

TEST(overlay_without_memory)
{
    CHECK(!system(
        "d=$(mktemp -d) && cd $d && mkdir -p t/a/b t/c && seq 20000 >t/file && cp t/file t/a/b/c && ln t/file t/b &&"
        " ln -s a t/link && mkfs.erofs -zlz4 /tmp/fs-oom-image t >/dev/null 2>&1; rm -rf $d"));
    disk_open("/tmp/fs-oom-image");
    unlink("/tmp/fs-oom-image");
    run("overlay", "");
}
