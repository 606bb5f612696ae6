/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vfs.h: superblocks, inodes, dentries, mounts, open files, and path walking.
 *
 * Path names here are kernel strings; linux/ copies them from user space. Permission checks use the current
 * thread's credentials (fs_cred()). Everything may sleep unless said. All errors are -errno as Linux gives them.
 */
#ifndef FS_VFS_H
#define FS_VFS_H

#include "kernel/iov.h"
#include "kernel/lock.h"
#include "kernel/mapping.h"
#include "kernel/thread.h"
#include "lib/atomic.h"
#include "lib/list.h"

#define NAME_MAX 255
#define PATH_MAX 4096

struct inode;
struct path;
struct mmap_args;
struct dentry;
struct file;
struct mount;
struct super;

struct timespec64 {
    int64_t sec;
    uint32_t nsec;
};

struct kstat { /* what statx(2) reports */
    uint32_t mode, nlink, uid, gid, blksize;
    uint64_t ino, size, blocks;
    dev_t dev, rdev;
    struct timespec64 atime, mtime, ctime, btime;
    uint32_t attributes;
    uint32_t has_btime;
};

/* setattr: which fields of iattr hold */
#define ATTR_MODE  1
#define ATTR_UID   2
#define ATTR_GID   4
#define ATTR_SIZE  8
#define ATTR_ATIME 16
#define ATTR_MTIME 32
#define ATTR_TOUCH 64 /* times are "now": write permission suffices */
struct iattr {
    unsigned valid;
    uint32_t mode, uid, gid;
    uint64_t size;
    struct timespec64 atime, mtime;
};

struct kstatfs {
    uint64_t type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen, frsize, flags;
};

/* ---- inodes ---- */

struct dir_context { /* readdir: actor returns false when the buffer is full */
    bool (*actor)(struct dir_context *, const char *name, unsigned len, uint64_t off, ino_t ino,
                  unsigned type);
    uint64_t pos;
};

struct inode_ops {
    /* Finds name in dir: *out gets a referenced inode. 0 or -ENOENT ... */
    int (*lookup)(struct inode *dir, const char *name, unsigned len, struct inode **out);
    int (*create)(struct inode *dir, const char *name, unsigned len, mode_t mode, dev_t rdev,
                  struct inode **out);
    int (*mkdir)(struct inode *dir, const char *name, unsigned len, mode_t mode, struct inode **out);
    int (*symlink)(struct inode *dir, const char *name, unsigned len, const char *target, struct inode **out);
    int (*link)(struct inode *inode, struct inode *dir, const char *name, unsigned len);
    int (*unlink)(struct inode *dir, const char *name, unsigned len, struct inode *victim);
    int (*rmdir)(struct inode *dir, const char *name, unsigned len, struct inode *victim);
    int (*rename)(struct inode *odir, const char *oname, unsigned olen, struct inode *victim_or_null,
                  struct inode *ndir, const char *nname, unsigned nlen, struct inode *moved, unsigned flags);
    int (*tmpfile)(struct inode *dir, mode_t mode, struct inode **out); /* O_TMPFILE */
    int (*setattr)(struct inode *, const struct iattr *);
    int (*getattr)(struct inode *, struct kstat *); /* NULL: from the inode's fields */
    /* The link's target, or for /proc's magic links a path. buf has PATH_MAX bytes; returns length. */
    ssize_t (*readlink)(struct inode *, char *buf, size_t size);
    /* Magic links (/proc/self/fd/N): goes straight to the object. */
    int (*follow)(struct inode *, struct path *out);
    int (*open)(struct inode *,
                struct file *); /* sets file->ops, file->private when not the inode's default */
    int (*permission)(struct inode *, int mask); /* NULL: mode bits */
    ssize_t (*getxattr)(struct inode *, const char *name, void *buf, size_t size);
    int (*setxattr)(struct inode *, const char *name, const void *value, size_t size, int flags);
    ssize_t (*listxattr)(struct inode *, char *buf, size_t size);
    int (*removexattr)(struct inode *, const char *name);
    int (*fallocate)(struct inode *, int mode, uint64_t off, uint64_t len);
    /* d_revalidate: false makes path walking look the name up again (procfs) */
    bool (*revalidate)(struct inode *dir, struct dentry *d);
};

struct inode {
    const struct inode_ops *ops;
    const struct file_ops *fops;
    struct super *sb;
    refcount_t refs;
    uint32_t mode;            /* S_IF* and permissions [rwsem] */
    uint32_t uid, gid, nlink; /* [rwsem] */
    ino_t ino;
    union {
        dev_t rdev;        /* devices */
        struct pipe *pipe; /* FIFOs: while open */
        char
            *link; /* symbolic links: the target, once known; from kmalloc, freed by the VFS; never changes */
    };
    uint64_t size;   /* [rwsem to change] */
    uint64_t blocks; /* of 512 bytes */
    struct timespec64 atime, mtime, ctime, btime;
    struct rwlock rwsem;     /* directories: entries; files: size and data writers */
    struct mapping *mapping; /* page cache, or NULL */
    union {
        struct {
            struct inode_locks *locks;     /* flock, POSIX and OFD locks; NULL until used */
            struct inode_watches *watches; /* inotify; NULL until used */
        };
        struct rcu_head rcu; /* once dead */
    };
    struct inode *hash_next; /* inode_find() */
    void *private;
    uint32_t flags;  /* INODE_* */
    int32_t writers; /* open files that write; below 0: programs that run from it [a] */
};
#define INODE_HASHED    1
#define INODE_LINKABLE  32 /* no name yet, may get one: O_TMPFILE without O_EXCL */
#define INODE_DEAD      16 /* a removed directory: nothing can be made in it [rwsem] */
#define INODE_APPEND    2  /* chattr +a, +i */
#define INODE_IMMUTABLE 4
#define INODE_NOATIME   8 /* reading leaves no trace (pseudo files, pipes) */

/* Writing to a file and running it exclude each other: -ETXTBSY. */
static inline int inode_get_write(struct inode *i)
{
    int32_t n = atomic_load(&i->writers);

    do {
        if (n < 0)
            return -ETXTBSY;
    } while (!__atomic_compare_exchange_n(&i->writers, &n, n + 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return 0;
}
static inline void inode_put_write(struct inode *i)
{
    atomic_sub(&i->writers, 1);
}
static inline int inode_deny_write(struct inode *i)
{
    int32_t n = atomic_load(&i->writers);

    do {
        if (n > 0)
            return -ETXTBSY;
    } while (!__atomic_compare_exchange_n(&i->writers, &n, n - 1, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return 0;
}
static inline void inode_allow_write(struct inode *i)
{
    atomic_inc(&i->writers);
}

struct super_ops {
    struct slab_cache *inode_cache; /* of a structure that begins with struct inode; NULL: plain ones */
    void (*evict)(
        struct inode *); /* last reference gone: release what it holds; the VFS frees the structure */
    int (*statfs)(struct super *, struct kstatfs *);
    int (*sync)(struct super *);
    void (*unmount)(struct super *);
    size_t (*show_options)(struct super *, char *buf, size_t size); /* ",size=64k" for /proc/mounts */
};

struct super {
    const struct super_ops *ops;
    const struct filesystem *fs;
    struct dentry *root;
    dev_t dev;
    uint32_t flags; /* MS_RDONLY ... */
    uint32_t block_size;
    void *private;
    refcount_t refs;
};

/* One per filesystem type; the list is init/filesystems.c. */
struct filesystem {
    const char *name;
    bool nodev; /* needs no block device */
    /* source: device name or NULL; data: option string. */
    int (*mount)(const struct filesystem *fs, const char *source, unsigned flags, const char *data,
                 struct super **out);
};
extern const struct filesystem *const filesystems[];

struct inode *inode_new(struct super *sb, mode_t mode); /* refs 1, nlink 1, times now; all else zero */
/* Owner, group and mode of a new object in dir: set-group-ID directories hand down their group. */
void inode_init_owner(struct inode *i, const struct inode *dir, mode_t mode);
/* Inodes that must be one per object (hard links): the cached inode (sb, ino) with a reference, or NULL. */
struct inode *inode_find(struct super *sb, ino_t ino);
/* Makes i findable; when another was faster, drops i and returns that one. */
struct inode *inode_hash(struct inode *i);
void inode_hash_each(struct super *sb, void (*fn)(struct inode *)); /* fn must not sleep */
void inode_get(struct inode *i);
void inode_put(struct inode *i);
void inode_fill_stat(struct inode *i, struct kstat *st);
struct timespec64 fs_now(void);
/* 0 or -EACCES, -EROFS: MAY_* bits for the given credentials. */
struct cred;
int inode_permission(struct inode *i, int mask, const struct cred *c);

/* ---- dentries and mounts ---- */

struct dentry; /* fs/dcache.h */

struct path {
    struct mount *mnt;
    struct dentry *dentry;
};
void path_get(const struct path *p);
void path_put(const struct path *p);
struct inode *path_inode(const struct path *p);

/* root, cwd and umask of a process */
struct fs_context {
    refcount_t refs;
    struct spinlock lock;
    struct path root, cwd; /* [lock] */
    mode_t umask;
};
struct fs_context *fs_context_new(void);
struct fs_context *fs_context_copy(struct fs_context *);
static inline void fs_context_get(struct fs_context *fs)
{
    ref_get(&fs->refs);
}
void fs_context_put(struct fs_context *);

struct cred {
    refcount_t refs;
    struct rcu_head rcu;
    uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
    uint64_t cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
    uint32_t nr_groups;
    uint32_t groups[32];
    uint32_t securebits;
    bool no_new_privs;
};
/* linux/ installs where the current thread's are found. */
void fs_set_current(struct fs_context *(*context)(void), const struct cred *(*cred)(void));
struct fs_context *fs_current(void);
const struct cred *fs_cred(void);
bool fs_capable(int cap);
bool fs_in_group(uint32_t gid);

#define LOOKUP_FOLLOW    1 /* follow a final symlink */
#define LOOKUP_DIRECTORY 2 /* must be one */
#define LOOKUP_EMPTY     4 /* "" means the base itself (AT_EMPTY_PATH) */
#define LOOKUP_PARENT    8
#define LOOKUP_NEW       16 /* hardly cached yet: no quick attempt first */
/* base: NULL for the current directory; ignored for absolute names. *out is referenced. */
int path_lookup(const struct path *base, const char *name, unsigned flags, struct path *out);
/* The absolute name as the process sees it, into buf; returns a pointer within buf, or ERR_PTR(-ENAMETOOLONG);
 * " (deleted)" is appended for unlinked files. */
char *path_name(const struct path *p, char *buf, size_t size);
bool path_deleted(const struct path *p);

/* ---- operations by name: what the *at system calls are made of ---- */
struct open_how_k {
    int flags; /* O_* */
    mode_t mode;
    unsigned resolve; /* RESOLVE_* of openat2(2) */
};
int vfs_open(const struct path *base, const char *name, const struct open_how_k *how, struct file **out);
int vfs_mknod(const struct path *base, const char *name, mode_t mode, dev_t rdev);
int vfs_mkdir(const struct path *base, const char *name, mode_t mode);
int vfs_symlink(const char *target, const struct path *base, const char *name);
int vfs_link(const struct path *obase, const char *oname, const struct path *nbase, const char *nname,
             int at_flags);
int vfs_unlink(const struct path *base, const char *name);
int vfs_rmdir(const struct path *base, const char *name);
int vfs_rename(const struct path *obase, const char *oname, const struct path *nbase, const char *nname,
               unsigned flags);
int vfs_access(const struct path *p, int mask, const struct cred *cred);
int vfs_setattr(const struct path *p, const struct iattr *a); /* checks ownership and permission */
int inode_setattr(struct inode *i, const struct iattr *a);    /* the same for files without a path */
int vfs_stat(const struct path *p, struct kstat *st);
/* Extended attributes with the namespaces' permission rules; -EOPNOTSUPP where the filesystem has none. */
ssize_t vfs_getxattr(struct inode *i, const char *name, void *buf, size_t size);
int vfs_setxattr(struct inode *i, const char *name, const void *value, size_t size, int flags);
ssize_t vfs_listxattr(struct inode *i, char *buf, size_t size);
int vfs_removexattr(struct inode *i, const char *name);
void vfs_sync_all(void);
/* Before power-off: writes everything back and takes the mounts down, youngest first; busy ones when they are left. */
void vfs_shutdown(void);
/* Sets mode, owner and times into the fields, and ctime: what most setattr operations do with them. */
void inode_apply_attr(struct inode *i, const struct iattr *a);
ssize_t vfs_readlink(const struct path *p, char *buf, size_t size);
int vfs_truncate(struct inode *i, uint64_t size); /* the caller, who knows the name, notifies IN_MODIFY */
int vfs_statfs(const struct path *p, struct kstatfs *st);
int file_statfs(struct file *f, struct kstatfs *st); /* anonymous files: as Linux's pipefs, anon_inodefs */
int vfs_mount(const char *fs, const char *source, const struct path *at, unsigned flags, const char *data);
int vfs_umount(const struct path *at, unsigned flags);
/* The first mount: becomes the root of the current fs_context. */
int vfs_mount_root(const char *fs, const char *source, unsigned flags, const char *data);
/* What vfs_mount() is to mount when a name first leads there: up to 64 absolute paths, parents first; a missing
 * directory is made. The table stays the caller's; the root is the current one. */
struct mount_later {
    const char *fs, *at, *data;
    mode_t mode;
};
void vfs_mount_later(const struct mount_later *table, unsigned nr);
/* One line per mount for /proc/mounts (mountinfo false) and /proc/self/mountinfo. */
size_t vfs_show_mounts(char *buf, size_t size, bool mountinfo);
/* Drops up to nr unused cached names (and with them inodes and their pages); returns how many. Sleeps. */
size_t vfs_shrink(size_t nr);

/* ---- open files ---- */

struct poll_table;

struct pktfrag;
struct file_ops {
    /* *pos is file->pos or a private copy (pread); streams ignore it. iov describes user or kernel memory. */
    ssize_t (*read)(struct file *, struct iov *, uint64_t *pos);
    ssize_t (*write)(struct file *, struct iov *, uint64_t *pos);
    off_t (*seek)(struct file *, off_t off, int whence);           /* NULL: -ESPIPE */
    long (*ioctl)(struct file *, unsigned cmd, unsigned long arg); /* -ENOTTY when unknown */
    /* Ready EPOLL* bits now; when pt is not NULL also registers on the wait queues concerned. */
    unsigned (*poll)(struct file *, struct poll_table *pt);
    int (*readdir)(struct file *, struct dir_context *);
    /* Fills mapping/pgoff or special of args (file and fops are set by the caller). NULL: -ENODEV */
    int (*mmap)(struct file *, struct mmap_args *);
    int (*fsync)(struct file *, bool data_only);
    void (*flush)(struct file *);   /* at each close(2) */
    void (*release)(struct file *); /* last reference */
    void (*fasync)(struct file *, bool on);
    size_t (*fdinfo)(struct file *, char *buf, size_t size); /* extra lines for /proc/self/fdinfo/N */
    int (*splice_ready)(struct file *);
    /* As write, by reference to pages, which it takes references to; more: more follows at once. -EOPNOTSUPP: it cannot. */
    ssize_t (*write_pages)(struct file *, const struct pktfrag *, unsigned nr, bool more);
};

struct file {
    const struct file_ops *ops;
    refcount_t refs;
    uint32_t flags; /* O_* (status flags may change) */
    uint32_t fmode; /* FMODE_* */
    uint64_t pos;   /* [pos_lock when shared] */
    struct mutex pos_lock;
    struct path path;    /* empty for anonymous files */
    struct inode *inode; /* path's, or an anonymous inode */
    void *private;
    struct list epitems; /* epoll watches on this file [linux/epoll.c] */
    int owner_pid, owner_sig;
    char *anon_name; /* of an anonymous file, NULL for pipes */
    struct rcu_head rcu;
};
#define FMODE_READ   1
#define FMODE_WRITE  2
#define FMODE_STREAM 4 /* no position, no pos_lock */
#define FMODE_PATH   8 /* O_PATH */
#define FMODE_EXEC   16

/* An open file without a name ("anon_inode:[eventfd]", "pipe:[..]", "/memfd:x (deleted)"): refs = 1. */
struct file *file_new_anon(const char *name, const struct file_ops *ops, void *private, int flags,
                           mode_t mode);
/* What /proc/self/fd/N and maps show: as path_name(), or an anonymous file's name. */
char *file_name(struct file *f, char *buf, size_t size);
/* Where f is, referenced. An anonymous file gets a place outside every tree, through which it can be looked at, and
 * opened again if its inode knows how (pipes). 0 or -ENOMEM. */
int file_path(struct file *f, struct path *out);
/* Opens an already found object. */
int file_open_path(const struct path *p, int flags, struct file **out);
static inline void file_get(struct file *f)
{
    ref_get(&f->refs);
}
void file_free(struct file *f);
static inline void file_put(struct file *f)
{
    if (unlikely(ref_put(&f->refs)))
        file_free(f);
}
extern const struct vma_file_ops file_vma_ops;

extern bool fs_watched; /* somebody uses inotify: else nothing need be told */
void file_notify(struct file *f, uint32_t mask);
/* Common bodies. file_read/file_write check mode, position and limits, then call the operation. */
ssize_t file_no_read(struct file *f); /* why not */
ssize_t file_no_write(struct file *f);
static inline ssize_t file_read(struct file *f, struct iov *v, uint64_t *pos)
{
    ssize_t n;

    if (unlikely(!(f->fmode & FMODE_READ) || !f->ops->read))
        return file_no_read(f);
    n = f->ops->read(f, v, pos);
    if (unlikely(fs_watched) && n > 0)
        file_notify(f, 1 /* IN_ACCESS */);
    return n;
}
static inline ssize_t file_write(struct file *f, struct iov *v, uint64_t *pos)
{
    ssize_t n;

    if (unlikely(!(f->fmode & FMODE_WRITE) || !f->ops->write))
        return file_no_write(f);
    n = f->ops->write(f, v, pos);
    if (unlikely(fs_watched) && n > 0)
        file_notify(f, 2 /* IN_MODIFY */);
    return n;
}
/* getdents64(2): -ENOTDIR, -ENOENT in a removed directory, else the operation's result. pos_lock held. */
int file_readdir(struct file *f, struct dir_context *ctx);
/* Kernel-buffer forms, for exec and boot. */
ssize_t file_read_kernel(struct file *f, void *buf, size_t len, uint64_t pos);
ssize_t file_write_kernel(struct file *f, const void *buf, size_t len, uint64_t pos);
/* File operations of regular files over the page cache. */
ssize_t mapping_file_read(struct file *f, struct iov *v, uint64_t *pos);
ssize_t mapping_file_write(struct file *f, struct iov *v, uint64_t *pos);
int mapping_file_mmap(struct file *f, struct mmap_args *a);
off_t generic_seek(struct file *f, off_t off, int whence); /* SEEK_DATA and SEEK_HOLE: all of it is data */
off_t mapping_seek(struct file *f, off_t off, int whence); /* with holes where the mapping has no page */
/* "." and "..": positions 0 and 1. false: the buffer is full. */
bool dir_emit_dots(struct file *f, struct dir_context *ctx);
/* Reading leaves its time, as mount options say (relatime). */
void file_accessed(struct file *f);
int fsync_nothing(struct file *f, bool data_only); /* memory is all there is */
int no_open(struct inode *i, struct file *f);      /* -ENXIO: sockets, unknown devices */

/* ---- poll ---- */
struct poll_table {
    /* registers on wq; called by ops->poll through poll_wait() */
    void (*add)(struct poll_table *, struct file *, struct waitq *);
};
/* linux/ installs what takes a file out of the epolls that watch it, before its last reference goes. */
extern void (*file_unwatch)(struct file *f);
static inline void poll_wait(struct file *f, struct waitq *wq, struct poll_table *pt)
{
    if (pt)
        pt->add(pt, f, wq);
}

/* ---- events for inotify: linux/ installs the receiver ---- */
struct notify_ops {
    /* cookie joins the two halves of a move; IN_EXCL_UNLINK in mask: name is not in the directory any more. Called
     * with sleeping locks held; must not sleep. */
    void (*event)(struct inode *i, uint32_t mask, const char *name, uint32_t cookie);
    /* Drops a reference to an inode with watches, which hold one of their own: true when done, false when the last
     * watch went meanwhile. */
    bool (*put)(struct inode *i);
};
void fs_set_notify(const struct notify_ops *ops);
void fs_notify(struct inode *i, uint32_t mask, const char *name); /* IN_* */
void fs_notify_move(struct inode *i, uint32_t mask, const char *name, uint32_t cookie);
uint32_t fs_move_cookie(void); /* never 0 */
/* The same for an object found by name: its directory is told first, then itself. IN_ISDIR is added. */
void path_notify(const struct path *p, uint32_t mask);

/* In-memory trees (procfs, sysfs, devfs) are built on fs/pseudo.h. */
void vfs_init(void);

#endif
