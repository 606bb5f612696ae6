/* SPDX-License-Identifier: BSD-2-Clause */
/* fs.h: a VFS on the build host: a process context, credentials, mounts, and a block device made of a file. */
#ifndef TESTS_UNIT_FS_H
#define TESTS_UNIT_FS_H

#include "test.h"

#include "abi/fs.h"
#include "fs/dcache.h"
#include "fs/filesystems.h"
#include "fs/vfs.h"
#include "kernel/arch.h"
#include "kernel/blkdev.h"
#include "kernel/thread.h"
#include "lib/string.h"
#include "shim.h"
#include <sys/mman.h>
#include <unistd.h>

const struct filesystem *const filesystems[] = { &tmpfs_filesystem, &overlay_filesystem, &erofs_filesystem,
                                                 &devfs_filesystem, &sysfs_filesystem,   NULL };

static struct fs_context *test_context;
static struct cred test_cred = { .refs = { 1 }, .cap_effective = ~0ull, .cap_permitted = ~0ull };

static struct fs_context *context(void)
{
    return test_context;
}
static const struct cred *cred(void)
{
    return &test_cred;
}

static void fs_start(const char *type, const char *source, const char *data)
{
    static bool ready;
    int err;

    if (!ready)
        vfs_init();
    ready = true;
    fs_set_current(context, cred);
    test_context = fs_context_new();
    test_context->umask = 0;
    err = vfs_mount_root(type, source, 0, data);
    CHECK(!err);
    if (err)
        exit(1);
}

static void fs_end(void)
{
    fs_context_put(test_context);
    vfs_shutdown();
    sched_yield_current(); /* deferred frees */
}

/* ---- a block device over an image in memory ---- */

static struct {
    struct blkdev dev;
    uint8_t *image;
    unsigned requests;
    uint64_t bad_sector; /* reads of it fail */
} disk;

static int disk_submit(struct blkdev *d, struct bio *b)
{
    uint64_t at = b->sector;

    disk.requests++;
    for (unsigned i = 0; i < b->nr_segs; i++) {
        uint64_t n = b->segs[i].len >> SECTOR_SHIFT;

        if (at + n > d->nr_sectors || (disk.bad_sector >= at && disk.bad_sector < at + n))
            return -EIO;
        memcpy(phys_virt(b->segs[i].addr), disk.image + (at << SECTOR_SHIFT), b->segs[i].len);
        at += n;
    }
    return BIO_DONE;
}

static const struct blkdev_ops disk_ops = { .submit = disk_submit };

static void disk_set(uint8_t *image, size_t len)
{
    static bool added;

    disk.dev.ops = &disk_ops;
    disk.dev.nr_sectors = len >> SECTOR_SHIFT;
    disk.dev.block_size = 512;
    disk.dev.max_segs = BIO_MAX_SEGS;
    disk.bad_sector = UINT64_MAX;
    strcpy(disk.dev.name, "vda");
    if (!added)
        blkdev_add(&disk.dev);
    added = true;
    disk.image = image;
}

static void disk_open(const char *file)
{
    int fd = open(file, O_RDONLY);
    struct stat st;

    if (fd < 0 || fstat(fd, &st)) {
        perror(file);
        exit(1);
    }
    disk_set(mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), st.st_size);
    close(fd);
}

static int v_open(const char *name, int flags, mode_t mode, struct file **f)
{
    struct open_how_k how = { .flags = flags, .mode = mode };

    return vfs_open(NULL, name, &how, f);
}

static int v_stat(const char *name, bool follow, struct kstat *k)
{
    struct path p;
    int err = path_lookup(NULL, name, follow ? LOOKUP_FOLLOW : 0, &p);

    if (err)
        return err;
    err = vfs_stat(&p, k);
    path_put(&p);
    return err;
}

#endif
