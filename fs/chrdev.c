/* SPDX-License-Identifier: BSD-2-Clause */
/* chrdev.c: the table of character devices. */
#include "fs/chrdev.h"
#include "abi/fs.h"
#include "fs/devfs/mem.h"
#include "fs/file.h"

static struct chrdev *devices = mem_devices; /* added at boot or under lock; never removed */
static struct spinlock lock = SPINLOCK_INIT(RANK_DCACHE);

void chrdev_add(struct chrdev *c)
{
    struct chrdev **p;

    spin_lock(&lock);
    for (p = &devices; *p; p = &(*p)->next)
        ;
    c->next = NULL;
    atomic_store_release(p, c);
    spin_unlock(&lock);
}

struct chrdev *chrdev_next(struct chrdev *c)
{
    return c ? c->next : devices;
}

int chrdev_open(struct inode *i, struct file *f)
{
    unsigned major = DEV_MAJOR(i->rdev), minor = DEV_MINOR(i->rdev);
    struct chrdev *c;

    for (c = devices; c; c = c->next)
        if (c->major == major && minor >= c->minor && minor - c->minor < MAX(c->nr_minors, 1u))
            break;
    if (!c)
        return -ENXIO;
    f->ops = c->ops;
    if (c->open) {
        int err = c->open(i, f);

        if (err)
            return err;
    }
    if (!f->ops->seek)
        f->fmode |= FMODE_STREAM;
    return 0;
}
