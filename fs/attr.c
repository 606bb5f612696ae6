/* SPDX-License-Identifier: BSD-2-Clause */
/* attr.c: what a file is, and changing it: stat, access, mode, owner, times, size, links' targets, xattrs. */
#include "abi/fs.h"
#include "fs/dcache.h"
#include "fs/file.h"
#include "fs/walk.h"
#include "lib/string.h"

int vfs_stat(const struct path *p, struct kstat *st)
{
    struct inode *i = p->dentry->inode;

    if (unlikely(p->dentry == later_root)) /* its directories count */
        later_all();
    if (i->ops->getattr)
        return i->ops->getattr(i, st);
    inode_fill_stat(i, st);
    return 0;
}

int vfs_access(const struct path *p, int mask, const struct cred *cred)
{
    struct inode *i = p->dentry->inode;

    if ((mask & MAY_EXEC) && S_ISREG(i->mode) && (p->mnt->flags & MS_NOEXEC))
        return -EACCES;
    if ((mask & MAY_WRITE) && path_readonly(p) && (S_ISREG(i->mode) || S_ISDIR(i->mode) || S_ISLNK(i->mode)))
        return -EROFS;
    return inode_permission(i, mask, cred);
}

ssize_t vfs_readlink(const struct path *p, char *buf, size_t size)
{
    struct inode *i = p->dentry->inode;
    size_t len;

    if (!S_ISLNK(i->mode) || !i->ops->readlink) {
        if (!S_ISLNK(i->mode) || !i->link)
            return -EINVAL;
    }
    if (i->ops->readlink)
        return i->ops->readlink(i, buf, size);
    len = MIN(strlen(i->link), size);
    memcpy(buf, i->link, len);
    return len;
}

/* A mode after a change by somebody without privilege: set-user-ID goes, and so does set-group-ID where it means
 * execution or the group is none of the caller's. */
mode_t mode_without_suid(const struct inode *i)
{
    mode_t mode = i->mode & ~S_ISUID;

    if ((mode & S_IXGRP) || (!fs_in_group(i->gid) && !fs_capable(CAP_FSETID)))
        mode &= ~S_ISGID;
    return mode;
}

/* ---- changing attributes: setattr's rules of notify_change() ---- */

static int may_setattr(struct inode *i, const struct iattr *a)
{
    const struct cred *c = fs_cred();
    bool owner = c->fsuid == i->uid || fs_capable(CAP_FOWNER);

    if (i->flags & (INODE_IMMUTABLE | INODE_APPEND))
        return -EPERM;
    if (a->valid & (ATTR_UID | ATTR_GID)) {
        if ((a->valid & ATTR_UID) && (c->fsuid != i->uid || a->uid != i->uid) && !fs_capable(CAP_CHOWN))
            return -EPERM;
        if ((a->valid & ATTR_GID) && !(c->fsuid == i->uid && (fs_in_group(a->gid) || a->gid == i->gid)) &&
            !fs_capable(CAP_CHOWN))
            return -EPERM;
    }
    if ((a->valid & ATTR_MODE) && !owner)
        return -EPERM;
    if ((a->valid & (ATTR_ATIME | ATTR_MTIME)) && !owner)
        return a->valid & ATTR_TOUCH ? inode_permission(i, MAY_WRITE, c) : -EPERM;
    return 0;
}

static void complete_attr(struct inode *i, struct iattr *a)
{
    bool chown = a->valid & (ATTR_UID | ATTR_GID);

    if (a->valid & ATTR_MODE) {
        a->mode = (i->mode & S_IFMT) | (a->mode & 07777);
        if ((a->mode & S_ISGID) && !fs_in_group(a->valid & ATTR_GID ? a->gid : i->gid) &&
            !fs_capable(CAP_FSETID))
            a->mode &= ~S_ISGID;
    } else if (chown && !S_ISDIR(i->mode) && (i->mode & (S_ISUID | S_ISGID))) {
        a->mode = mode_without_suid(i);
        a->valid |= ATTR_MODE;
    }
}

static uint32_t notify_mask(unsigned valid)
{
    uint32_t mask = 0;

    if (valid & (ATTR_UID | ATTR_GID | ATTR_MODE))
        mask |= IN_ATTRIB;
    if (valid & ATTR_SIZE)
        mask |= IN_MODIFY;
    if ((valid & (ATTR_ATIME | ATTR_MTIME)) == (ATTR_ATIME | ATTR_MTIME))
        mask |= IN_ATTRIB;
    else if (valid & ATTR_ATIME)
        mask |= IN_ACCESS;
    else if (valid & ATTR_MTIME)
        mask |= IN_MODIFY;
    return mask;
}

int inode_setattr(struct inode *i, const struct iattr *given)
{
    struct iattr a = *given;
    int err;

    if (i->sb && (i->sb->flags & MS_RDONLY))
        return -EROFS;
    rw_write_lock(&i->rwsem);
    err = may_setattr(i, &a);
    if (!err && a.valid) {
        complete_attr(i, &a);
        err = i->ops->setattr ? i->ops->setattr(i, &a) : -EPERM;
    }
    rw_write_unlock(&i->rwsem);
    return err;
}

int vfs_setattr(const struct path *p, const struct iattr *a)
{
    int err = path_readonly(p) ? -EROFS : inode_setattr(p->dentry->inode, a);
    uint32_t mask = notify_mask(a->valid);

    if (!err && mask)
        path_notify(p, mask);
    return err;
}

/* A set of attributes into the inode's fields: what most filesystems do with them. */
void inode_apply_attr(struct inode *i, const struct iattr *a)
{
    struct timespec64 now = fs_now();

    if (a->valid & ATTR_MODE)
        i->mode = (i->mode & S_IFMT) | (a->mode & 07777);
    if (a->valid & ATTR_UID)
        i->uid = a->uid;
    if (a->valid & ATTR_GID)
        i->gid = a->gid;
    if (a->valid & ATTR_ATIME)
        i->atime = a->atime;
    if (a->valid & ATTR_MTIME)
        i->mtime = a->mtime;
    i->ctime = now;
}

int vfs_truncate(struct inode *i, uint64_t size)
{
    struct iattr a = { .valid = ATTR_SIZE, .size = size };
    int err;

    if (S_ISDIR(i->mode))
        return -EISDIR;
    if (!S_ISREG(i->mode))
        return -EINVAL;
    if (i->sb && (i->sb->flags & MS_RDONLY))
        return -EROFS;
    if (i->flags & INODE_IMMUTABLE)
        return -EPERM;
    rw_write_lock(&i->rwsem);
    if ((i->mode & (S_ISUID | S_ISGID)) && !fs_capable(CAP_FSETID)) {
        a.mode = mode_without_suid(i);
        a.valid |= ATTR_MODE;
    }
    err = i->ops->setattr ? i->ops->setattr(i, &a) : -EPERM;
    rw_write_unlock(&i->rwsem);
    return err;
}

/* ---- extended attributes ---- */

static bool has_prefix(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

static int xattr_permission(struct inode *i, const char *name, bool write)
{
    const char *dot = strchr(name, '.');

    if (dot && !dot[1]) /* a namespace and no name */
        return -EINVAL;
    if (write && i->sb && (i->sb->flags & MS_RDONLY))
        return -EROFS;
    if (write && (i->flags & (INODE_IMMUTABLE | INODE_APPEND)))
        return -EPERM;
    if (has_prefix(name, "security.") || has_prefix(name, "system.")) {
        if (write && has_prefix(name, "security.") && !fs_capable(CAP_SYS_ADMIN) &&
            strcmp(name, "security.capability"))
            return -EPERM;
        return 0;
    }
    if (has_prefix(name, "trusted."))
        return fs_capable(CAP_SYS_ADMIN) ? 0 : write ? -EPERM : -ENODATA;
    if (!has_prefix(name, "user."))
        return -EOPNOTSUPP;
    if (!S_ISREG(i->mode) && !S_ISDIR(i->mode))
        return write ? -EPERM : -ENODATA;
    if (write && S_ISDIR(i->mode) && (i->mode & S_ISVTX) && fs_cred()->fsuid != i->uid &&
        !fs_capable(CAP_FOWNER))
        return -EPERM;
    return inode_permission(i, write ? MAY_WRITE : MAY_READ, fs_cred());
}

ssize_t vfs_getxattr(struct inode *i, const char *name, void *buf, size_t size)
{
    int err = xattr_permission(i, name, false);

    if (err)
        return err;
    return i->ops->getxattr ? i->ops->getxattr(i, name, buf, size) : -EOPNOTSUPP;
}

int vfs_setxattr(struct inode *i, const char *name, const void *value, size_t size, int flags)
{
    int err = xattr_permission(i, name, true);

    if (err)
        return err;
    if (!i->ops->setxattr)
        return -EOPNOTSUPP;
    rw_write_lock(&i->rwsem);
    err = i->ops->setxattr(i, name, value, size, flags);
    rw_write_unlock(&i->rwsem);
    if (!err)
        fs_notify(i, IN_ATTRIB, NULL);
    return err;
}

ssize_t vfs_listxattr(struct inode *i, char *buf, size_t size)
{
    return i->ops->listxattr ? i->ops->listxattr(i, buf, size) : 0;
}

int vfs_removexattr(struct inode *i, const char *name)
{
    int err = xattr_permission(i, name, true);

    if (err)
        return err;
    if (!i->ops->removexattr)
        return -EOPNOTSUPP;
    rw_write_lock(&i->rwsem);
    err = i->ops->removexattr(i, name);
    rw_write_unlock(&i->rwsem);
    if (!err)
        fs_notify(i, IN_ATTRIB, NULL);
    return err;
}
