/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * namei.c: the system calls that make, remove and rename names: thin bodies over the vfs_ operations.
 */
#include "fs/vfs.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/calls.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/stat.h>

/* A name with the place it is relative to. */
struct at_name {
    const char *name;
    char *own; /* copied from user space; NULL: the caller's */
    struct path path;
    const struct path *base;
};

static int at_name_set(struct at_name *a, int dirfd, const char *name)
{
    a->name = name;
    a->own = NULL;
    return at_base(dirfd, name, &a->path, &a->base);
}

static int at_name_get(struct at_name *a, int dirfd, const char __user *uname)
{
    char *name = getname(uname);
    int err;

    if (IS_ERR(name))
        return PTR_ERR(name);
    err = at_name_set(a, dirfd, name);
    a->own = name;
    if (err)
        putname(name);
    return err;
}

static void at_name_put(struct at_name *a)
{
    at_put(a->base);
    if (a->own)
        putname(a->own);
}

/* Two names from user space. */
struct names {
    char *first, *second;
};

static long names_get(struct names *n, const char __user *first, const char __user *second)
{
    n->second = NULL;
    n->first = getname(first);
    if (IS_ERR(n->first))
        return PTR_ERR(n->first);
    n->second = getname(second);
    if (!IS_ERR(n->second))
        return 0;
    putname(n->first);
    return PTR_ERR(n->second);
}

static void names_put(struct names *n)
{
    putname(n->first);
    putname(n->second);
}

/* ---- making ---- */

static long do_mknod(int dirfd, const char __user *uname, mode_t mode, unsigned dev)
{
    struct at_name a;
    long err;

    if (!(mode & S_IFMT))
        mode |= S_IFREG;
    if (S_ISDIR(mode))
        return -EPERM;
    if (!S_ISREG(mode) && !S_ISCHR(mode) && !S_ISBLK(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode))
        return -EINVAL;
    err = at_name_get(&a, dirfd, uname);
    if (err)
        return err;
    err = vfs_mknod(a.base, a.name, mode, dev);
    at_name_put(&a);
    return err;
}

SYSCALL3(mknod, const char __user *, name, mode_t, mode, unsigned, dev)
{
    return do_mknod(AT_FDCWD, name, mode, dev);
}

SYSCALL4(mknodat, int, dirfd, const char __user *, name, mode_t, mode, unsigned, dev)
{
    return do_mknod(dirfd, name, mode, dev);
}

static long mkdir_at(struct at_name *a, long err, mode_t mode)
{
    if (err)
        return err;
    err = vfs_mkdir(a->base, a->name, mode & 01777);
    at_name_put(a);
    return err;
}

long name_mkdir(int dirfd, const char *name, mode_t mode)
{
    struct at_name a;

    return mkdir_at(&a, at_name_set(&a, dirfd, name), mode);
}

static long do_mkdir(int dirfd, const char __user *uname, mode_t mode)
{
    struct at_name a;

    return mkdir_at(&a, at_name_get(&a, dirfd, uname), mode);
}

SYSCALL2(mkdir, const char __user *, name, mode_t, mode)
{
    return do_mkdir(AT_FDCWD, name, mode);
}

SYSCALL3(mkdirat, int, dirfd, const char __user *, name, mode_t, mode)
{
    return do_mkdir(dirfd, name, mode);
}

static long symlink_at(const char *target, struct at_name *a, long err)
{
    if (err)
        return err;
    err = vfs_symlink(target, a->base, a->name);
    at_name_put(a);
    return err;
}

long name_symlink(const char *target, int dirfd, const char *name)
{
    struct at_name a;

    return symlink_at(target, &a, target[0] ? at_name_set(&a, dirfd, name) : -ENOENT);
}

static long do_symlink(const char __user *utarget, int dirfd, const char __user *uname)
{
    struct at_name a;
    char *target = getname(utarget);
    long err;

    if (IS_ERR(target))
        return PTR_ERR(target);
    err = symlink_at(target, &a, target[0] ? at_name_get(&a, dirfd, uname) : -ENOENT);
    putname(target);
    return err;
}

SYSCALL2(symlink, const char __user *, target, const char __user *, name)
{
    return do_symlink(target, AT_FDCWD, name);
}

SYSCALL3(symlinkat, const char __user *, target, int, dirfd, const char __user *, name)
{
    return do_symlink(target, dirfd, name);
}

static long link_allowed(int flags)
{
    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    return (flags & AT_EMPTY_PATH) && !fs_capable(CAP_DAC_READ_SEARCH) ? -ENOENT : 0;
}

long name_link(int odirfd, const char *oname, int ndirfd, const char *nname, int flags)
{
    struct at_name o, n;
    long err = link_allowed(flags);

    if (!err)
        err = at_name_set(&o, odirfd, oname);
    if (err)
        return err;
    err = at_name_set(&n, ndirfd, nname);
    if (!err) {
        err = vfs_link(o.base, o.name, n.base, n.name, flags);
        at_name_put(&n);
    }
    at_name_put(&o);
    return err;
}

static long do_link(int odirfd, const char __user *uoname, int ndirfd, const char __user *unname, int flags)
{
    struct names n;
    long err = link_allowed(flags);

    if (!err)
        err = names_get(&n, uoname, unname);
    if (err)
        return err;
    err = name_link(odirfd, n.first, ndirfd, n.second, flags);
    names_put(&n);
    return err;
}

SYSCALL2(link, const char __user *, oname, const char __user *, nname)
{
    return do_link(AT_FDCWD, oname, AT_FDCWD, nname, 0);
}

SYSCALL5(linkat, int, odirfd, const char __user *, oname, int, ndirfd, const char __user *, nname, int, flags)
{
    return do_link(odirfd, oname, ndirfd, nname, flags);
}

/* ---- removing and renaming ---- */

static long unlink_at(struct at_name *a, long err, bool dir)
{
    if (err)
        return err;
    err = dir ? vfs_rmdir(a->base, a->name) : vfs_unlink(a->base, a->name);
    at_name_put(a);
    return err;
}

long name_unlink(int dirfd, const char *name, bool dir)
{
    struct at_name a;

    return unlink_at(&a, at_name_set(&a, dirfd, name), dir);
}

static long do_unlink(int dirfd, const char __user *uname, bool dir)
{
    struct at_name a;

    return unlink_at(&a, at_name_get(&a, dirfd, uname), dir);
}

SYSCALL1(unlink, const char __user *, name)
{
    return do_unlink(AT_FDCWD, name, false);
}

SYSCALL1(rmdir, const char __user *, name)
{
    return do_unlink(AT_FDCWD, name, true);
}

SYSCALL3(unlinkat, int, dirfd, const char __user *, name, int, flags)
{
    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    return do_unlink(dirfd, name, flags & AT_REMOVEDIR);
}

static bool rename_flags_ok(unsigned flags)
{
    return !(flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) &&
           !((flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) && (flags & RENAME_EXCHANGE));
}

long name_rename(int odirfd, const char *oname, int ndirfd, const char *nname, unsigned flags)
{
    struct at_name o, n;
    long err = rename_flags_ok(flags) ? at_name_set(&o, odirfd, oname) : -EINVAL;

    if (err)
        return err;
    err = at_name_set(&n, ndirfd, nname);
    if (!err) {
        err = vfs_rename(o.base, o.name, n.base, n.name, flags);
        at_name_put(&n);
    }
    at_name_put(&o);
    return err;
}

static long do_rename(int odirfd, const char __user *uoname, int ndirfd, const char __user *unname,
                      unsigned flags)
{
    struct names n;
    long err = rename_flags_ok(flags) ? names_get(&n, uoname, unname) : -EINVAL;

    if (err)
        return err;
    err = name_rename(odirfd, n.first, ndirfd, n.second, flags);
    names_put(&n);
    return err;
}

SYSCALL2(rename, const char __user *, oname, const char __user *, nname)
{
    return do_rename(AT_FDCWD, oname, AT_FDCWD, nname, 0);
}

SYSCALL4(renameat, int, odirfd, const char __user *, oname, int, ndirfd, const char __user *, nname)
{
    return do_rename(odirfd, oname, ndirfd, nname, 0);
}

SYSCALL5(renameat2, int, odirfd, const char __user *, oname, int, ndirfd, const char __user *, nname,
         unsigned, flags)
{
    return do_rename(odirfd, oname, ndirfd, nname, flags);
}

/* ---- where the process stands ---- */

SYSCALL2(getcwd, char __user *, buf, size_t, size)
{
    struct fs_context *fs = fs_current();
    char *tmp = kmalloc(PATH_MAX), *name;
    struct path cwd;
    long n;

    if (!tmp)
        return -ENOMEM;
    spin_lock(&fs->lock);
    cwd = fs->cwd;
    path_get(&cwd);
    spin_unlock(&fs->lock);
    name = path_deleted(&cwd) ? ERR_PTR(-ENOENT) : path_name(&cwd, tmp, PATH_MAX);
    n = IS_ERR(name) ? PTR_ERR(name) : (long)strlen(name) + 1;
    if (n > 0 && (size_t)n > size)
        n = -ERANGE;
    if (n > 0 && copy_to_user(buf, name, n))
        n = -EFAULT;
    path_put(&cwd);
    kfree(tmp);
    return n;
}

/* The path's reference moves into the context. */
static long set_place(struct path *slot, const struct path *p)
{
    struct fs_context *fs = fs_current();
    struct path old;

    spin_lock(&fs->lock);
    old = *slot;
    *slot = *p;
    spin_unlock(&fs->lock);
    path_put(&old);
    return 0;
}

static long lookup_dir(const char __user *uname, struct path *p)
{
    char *name = getname(uname);
    long err;

    if (IS_ERR(name))
        return PTR_ERR(name);
    err = path_lookup(NULL, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, p);
    putname(name);
    if (!err) {
        err = vfs_access(p, 1 /* MAY_EXEC */, fs_cred());
        if (err)
            path_put(p);
    }
    return err;
}

SYSCALL1(chdir, const char __user *, name)
{
    struct path p;
    long err = lookup_dir(name, &p);

    return err ? err : set_place(&fs_current()->cwd, &p);
}

SYSCALL1(fchdir, int, fd)
{
    struct file *f = fd_get_path(fd);
    struct path p;
    long err;

    if (!f)
        return -EBADF;
    err = f->path.dentry && S_ISDIR(f->inode->mode) ? 0 : -ENOTDIR;
    if (!err)
        err = vfs_access(&f->path, 1 /* MAY_EXEC */, fs_cred());
    if (!err) {
        p = f->path;
        path_get(&p);
        set_place(&fs_current()->cwd, &p);
    }
    file_put(f);
    return err;
}

SYSCALL1(chroot, const char __user *, name)
{
    struct path p;
    long err = lookup_dir(name, &p);

    if (err)
        return err;
    if (!fs_capable(CAP_SYS_CHROOT)) {
        path_put(&p);
        return -EPERM;
    }
    return set_place(&fs_current()->root, &p);
}

SYSCALL1(umask, mode_t, mask)
{
    struct fs_context *fs = fs_current();
    mode_t old = fs->umask;

    fs->umask = mask & 0777;
    return old;
}

/* ---- mounts ---- */

static char *optional_name(const char __user *u)
{
    return u ? getname(u) : NULL;
}

static void optional_put(char *s)
{
    if (s && !IS_ERR(s))
        putname(s);
}

SYSCALL5(mount, const char __user *, usource, const char __user *, utarget, const char __user *, utype,
         unsigned long, flags, const char __user *, udata)
{
    char *source = optional_name(usource), *type = optional_name(utype), *data = optional_name(udata);
    char *target = getname(utarget);
    struct path p;
    long err;

    err = IS_ERR(source)   ? PTR_ERR(source)
          : IS_ERR(type)   ? PTR_ERR(type)
          : IS_ERR(data)   ? PTR_ERR(data)
          : IS_ERR(target) ? PTR_ERR(target)
                           : 0;
    if (!err && !fs_capable(CAP_SYS_ADMIN))
        err = -EPERM;
    if (!err)
        err = path_lookup(NULL, target, LOOKUP_FOLLOW, &p);
    if (!err) {
        err = type ? vfs_mount(type, source, &p, flags, data) : -EINVAL;
        path_put(&p);
    }
    optional_put(source);
    optional_put(type);
    optional_put(data);
    optional_put(target);
    return err;
}

SYSCALL2(umount2, const char __user *, uname, unsigned, flags)
{
    char *name;
    struct path p;
    long err;

    if (flags & ~0xfu)
        return -EINVAL;
    if (!fs_capable(CAP_SYS_ADMIN))
        return -EPERM;
    name = getname(uname);
    if (IS_ERR(name))
        return PTR_ERR(name);
    err = path_lookup(NULL, name, flags & 8 /* UMOUNT_NOFOLLOW */ ? 0 : LOOKUP_FOLLOW, &p);
    if (!err) {
        err = vfs_umount(&p, flags);
        path_put(&p);
    }
    putname(name);
    return err;
}
