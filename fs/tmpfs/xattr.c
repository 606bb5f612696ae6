/* SPDX-License-Identifier: BSD-2-Clause */
/* xattr.c: extended attributes in memory: a list, since files rarely have more than a few. */
#include "fs/tmpfs/tmpfs.h"
#include "kernel/slab.h"
#include "lib/string.h"

#define XATTR_MAX_BYTES 65536 /* a value (xattr(7)) */
#ifndef XATTR_CREATE
#define XATTR_CREATE  1
#define XATTR_REPLACE 2
#endif

void tmp_xattr_free(struct tmp_inode *t)
{
    while (t->xattrs) {
        struct tmp_xattr *x = t->xattrs;

        t->xattrs = x->next;
        kfree(x);
    }
}

static struct tmp_xattr **find(struct tmp_inode *t, const char *name)
{
    struct tmp_xattr **p = &t->xattrs;

    while (*p && strcmp((*p)->name, name))
        p = &(*p)->next;
    return p;
}

static struct tmp_xattr *xattr_new(const char *name, const void *value, size_t size)
{
    size_t len = strlen(name);
    struct tmp_xattr *x = kmalloc(sizeof(*x) + len + 1 + size);

    if (!x)
        return NULL;
    x->size = size;
    x->name_len = len;
    memcpy(x->name, name, len + 1);
    if (size)
        memcpy(x->name + len + 1, value, size);
    return x;
}

static int copy_one(struct tmp_inode *t, const char *name, void *value)
{
    ssize_t n = t->lower->ops->getxattr(t->lower, name, value, XATTR_MAX_BYTES);
    struct tmp_xattr *x = n < 0 ? NULL : xattr_new(name, value, n);

    if (!x)
        return n < 0 ? n : -ENOMEM;
    x->next = t->xattrs;
    t->xattrs = x;
    return 0;
}

/* Before the first change: the lower file's attributes become our own. */
static int own(struct tmp_inode *t)
{
    struct inode *low = t->lower;
    char *names = NULL, *value = NULL;
    ssize_t n;
    int err = 0;

    tmp_pin(&t->i);
    if (t->own_xattrs || !low || !low->ops->listxattr)
        goto done;
    n = low->ops->listxattr(low, NULL, 0);
    if (n > 0) {
        names = kmalloc(n);
        value = kmalloc(XATTR_MAX_BYTES);
        err = names && value ? 0 : -ENOMEM;
        if (!err)
            n = low->ops->listxattr(low, names, n);
        for (char *s = names; !err && n > 0 && s < names + n; s += strlen(s) + 1)
            err = copy_one(t, s, value);
        kfree(names);
        kfree(value);
        if (err)
            tmp_xattr_free(t);
    }
    if (n < 0)
        err = n;
done:
    t->own_xattrs = !err;
    return err;
}

ssize_t tmp_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
    struct tmp_inode *t = tmp_i(i);
    ssize_t n = -ENODATA;
    struct tmp_xattr *x;

    if (!strncmp(name, "system.", 7))
        return -EOPNOTSUPP;
    rw_read_lock(&i->rwsem);
    if (t->lower && !t->own_xattrs) {
        if (t->lower->ops->getxattr)
            n = t->lower->ops->getxattr(t->lower, name, buf, size);
    } else if ((x = *find(t, name))) {
        n = x->size;
        if (size && size < x->size)
            n = -ERANGE;
        else if (size)
            memcpy(buf, x->name + x->name_len + 1, x->size);
    }
    rw_read_unlock(&i->rwsem);
    return n;
}

int tmp_setxattr(struct inode *i, const char *name, const void *value, size_t size, int flags)
{
    struct tmp_inode *t = tmp_i(i);
    struct tmp_xattr **p, *x;
    int err;

    if (!strncmp(name, "system.", 7))
        return -EOPNOTSUPP;
    err = own(t);
    if (err)
        return err;
    p = find(t, name);
    if (*p && (flags & XATTR_CREATE))
        return -EEXIST;
    if (!*p && (flags & XATTR_REPLACE))
        return -ENODATA;
    x = xattr_new(name, value, size);
    if (!x)
        return -ENOMEM;
    x->next = *p ? (*p)->next : NULL;
    kfree(*p);
    *p = x;
    i->ctime = fs_now();
    return 0;
}

ssize_t tmp_listxattr(struct inode *i, char *buf, size_t size)
{
    struct tmp_inode *t = tmp_i(i);
    size_t n = 0;

    rw_read_lock(&i->rwsem);
    if (t->lower && !t->own_xattrs) {
        n = t->lower->ops->listxattr ? t->lower->ops->listxattr(t->lower, buf, size) : 0;
        rw_read_unlock(&i->rwsem);
        return n;
    }
    for (struct tmp_xattr *x = t->xattrs; x; x = x->next) {
        if (!strncmp(x->name, "trusted.", 8) && !fs_capable(CAP_SYS_ADMIN))
            continue;
        if (size && n + x->name_len + 1 <= size)
            memcpy(buf + n, x->name, x->name_len + 1);
        n += x->name_len + 1;
    }
    rw_read_unlock(&i->rwsem);
    return size && n > size ? -ERANGE : (ssize_t)n;
}

int tmp_removexattr(struct inode *i, const char *name)
{
    struct tmp_inode *t = tmp_i(i);
    struct tmp_xattr **p, *x;
    int err;

    if (!strncmp(name, "system.", 7))
        return -EOPNOTSUPP;
    err = own(t);
    if (err)
        return err;
    p = find(t, name);
    x = *p;
    if (!x)
        return -ENODATA;
    *p = x->next;
    kfree(x);
    i->ctime = fs_now();
    return 0;
}
