/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memfd.c: files in memory without a name (memfd_create(2)), and the seals that forbid changes to them.
 *
 * Such a file is tmpfs's; its operations are tmpfs's with a look at the seals before them. The seals are bits of
 * inode.flags, changed under inode.rwsem.
 */
#include "linux/memfd.h"
#include "fs/tmpfs/tmpfs.h"
#include "kernel/mm.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/files.h"
#include "linux/syscall.h"
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>

#define SEAL_SHIFT  16
#define ALL_SEALS   (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define NO_WRITE    (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)
#define NAME_PREFIX "/memfd:"
#define NAME_SUFFIX " (deleted)"
#define NAME_LIMIT  249 /* NAME_MAX less "memfd:" */
#define HUGE_SIZES  (MFD_HUGE_MASK << MFD_HUGE_SHIFT)

static unsigned seals(const struct inode *i)
{
    return READ_ONCE(i->flags) >> SEAL_SHIFT;
}

static ssize_t memfd_write(struct file *f, struct iov *v, uint64_t *pos)
{
    unsigned s = seals(f->inode);

    if (s & NO_WRITE)
        return -EPERM;
    if (s & F_SEAL_GROW) {
        uint64_t size = READ_ONCE(f->inode->size), at = f->flags & O_APPEND || v->append ? size : *pos;

        if (v->count && (at > size || v->count > size - at))
            return -EPERM;
    }
    return tmp_file_ops.write(f, v, pos);
}

static int memfd_mmap(struct file *f, struct mmap_args *a)
{
    if ((seals(f->inode) & NO_WRITE) && (a->vm_flags & VM_SHARED)) {
        if (a->vm_flags & VM_WRITE)
            return -EPERM;
        a->vm_flags &= ~VM_MAYWRITE;
    }
    return tmp_file_ops.mmap(f, a);
}

static int memfd_setattr(struct inode *i, const struct iattr *a)
{
    if (a->valid & ATTR_SIZE) {
        unsigned s = seals(i);

        if (((s & F_SEAL_SHRINK) && a->size < i->size) || ((s & F_SEAL_GROW) && a->size > i->size))
            return -EPERM;
    }
    return tmp_setattr(i, a);
}

static int memfd_fallocate(struct inode *i, int mode, uint64_t off, uint64_t len)
{
    unsigned s = seals(i);

    if ((mode & FALLOC_FL_PUNCH_HOLE) && (s & NO_WRITE))
        return -EPERM;
    if (!(mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) && (s & F_SEAL_GROW) && off + len > i->size)
        return -EPERM;
    return tmp_fallocate(i, mode, off, len);
}

/* tmpfs's operations with ours in their places; made by the first memfd. */
static struct file_ops memfd_file_ops;
static struct inode_ops memfd_inode_ops;

/* Opening /proc/self/fd/N of one: tmpfs would give its own operations. */
static int memfd_open(struct inode *i, struct file *f)
{
    f->ops = &memfd_file_ops;
    return 0;
}

static void operations_init(const struct inode *i)
{
    struct inode_ops io = *i->ops;
    struct file_ops fo = tmp_file_ops;

    if (memfd_file_ops.write)
        return;
    io.setattr = memfd_setattr;
    io.fallocate = memfd_fallocate;
    io.open = memfd_open;
    fo.write = memfd_write;
    fo.mmap = memfd_mmap;
    memfd_inode_ops = io; /* whoever is at it too writes the same */
    memfd_file_ops = fo;
}

static bool is_memfd(const struct file *f)
{
    return f->inode->ops == &memfd_inode_ops && memfd_file_ops.write;
}

static int add_seals(struct inode *i, unsigned add)
{
    int err = 0;

    rw_write_lock(&i->rwsem);
    if (seals(i) & F_SEAL_SEAL)
        err = -EPERM;
    else if ((add & F_SEAL_WRITE) && !(seals(i) & F_SEAL_WRITE) && atomic_load(&i->mapping->writable))
        err = -EBUSY;
    else
        WRITE_ONCE(i->flags, i->flags | add << SEAL_SHIFT);
    rw_write_unlock(&i->rwsem);
    return err;
}

long memfd_fcntl(struct file *f, unsigned cmd, unsigned long arg)
{
    if (!is_memfd(f))
        return -EINVAL;
    if (cmd == F_GET_SEALS)
        return seals(f->inode);
    if (!(f->fmode & FMODE_WRITE))
        return -EPERM;
    if (arg & ~(unsigned long)ALL_SEALS)
        return -EINVAL;
    return add_seals(f->inode, arg);
}

/* name: the prefix, len bytes of the program's, and room for the suffix. */
static long make(char *name, size_t len, unsigned flags)
{
    struct inode *i;
    struct file *f;
    int err;

    memcpy(name + sizeof(NAME_PREFIX) - 1 + len, NAME_SUFFIX, sizeof(NAME_SUFFIX));
    err = tmpfs_new_file(name, O_RDWR | O_LARGEFILE, &f);
    if (err)
        return err;
    i = f->inode;
    operations_init(i);
    i->ops = &memfd_inode_ops;
    i->fops = &memfd_file_ops;
    f->ops = &memfd_file_ops;
    if (!(flags & MFD_ALLOW_SEALING))
        i->flags |= F_SEAL_SEAL << SEAL_SHIFT;
    return fd_install_new(f, flags & MFD_CLOEXEC ? O_CLOEXEC : 0);
}

SYSCALL2(memfd_create, const char __user *, uname, unsigned, flags)
{
    char *name;
    ssize_t len;
    long fd;

    if (flags &
        ~(unsigned)(MFD_CLOEXEC | MFD_ALLOW_SEALING | (flags & MFD_HUGETLB ? MFD_HUGETLB | HUGE_SIZES : 0)))
        return -EINVAL;
    name = kmalloc(sizeof(NAME_PREFIX) + NAME_LIMIT + sizeof(NAME_SUFFIX));
    if (!name)
        return -ENOMEM;
    memcpy(name, NAME_PREFIX, sizeof(NAME_PREFIX));
    len = strncpy_from_user(name + sizeof(NAME_PREFIX) - 1, uname, NAME_LIMIT + 1);
    if (len < 0)
        fd = len == -ENAMETOOLONG ? -EINVAL : len;
    else if (flags & MFD_HUGETLB) /* no page is set aside for it */
        fd = -ENOMEM;
    else
        fd = make(name, len, flags);
    kfree(name);
    return fd;
}
