/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shm.c: System V's shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2).
 *
 * A segment's memory is a file of tmpfs without a name. To a VMA that maps it the segment itself is the file: each VMA
 * holds one reference, so that the number of references is shm_nattch. A segment that was removed goes with the last.
 */
#include "linux/shm.h"
#include "fs/tmpfs/tmpfs.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "kernel/vma.h"
#include "lib/list.h"
#include "lib/string.h"
#include "linux/cred.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <asm/resource.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/shm.h>

/* The kernel's own, in no header for programs. */
#define SHM_DEST   01000
#define SHM_LOCKED 02000

#define PERMISSIONS           0777
#define MAY_READ_IT           0444 /* shmflg's bits as ipcperms() of Linux asks for them */
#define MAY_READ_AND_WRITE_IT 0666
#define MAY_EXECUTE_IT        0111
#define NAME_SIZE             32

/* An identifier is this times the place's generation, plus the place. */
#define PLACES SHM_MOST

struct segment {
    struct list link;
    struct shmid64_ds ds; /* shm_nattch: the references */
    int id;
    struct file *file;
};

struct shm_limits shm_limits = { UINT64_MAX - (1 << 24), UINT64_MAX - (1 << 24), SHMMNI };

static struct spinlock lock = SPINLOCK_INIT(RANK_OBJECT); /* the list, and what is in a segment */
static struct list segments = LIST_INIT(segments);        /* by place */
static uint64_t total_pages;
static unsigned nr_segments, generation;
static int last_place = -1;

static uint64_t pages_of(const struct segment *s)
{
    return ALIGN_UP((uint64_t)s->ds.shm_segsz, PAGE_SIZE) >> PAGE_SHIFT;
}

static void segment_free(struct segment *s)
{
    if (s->file)
        file_put(s->file);
    kfree(s);
}

/* Takes it off the list when it was removed and nobody has it mapped: then the caller frees it, without the lock. */
static bool ended_locked(struct segment *s)
{
    if (s->ds.shm_nattch || !(s->ds.shm_perm.mode & SHM_DEST))
        return false;
    list_remove(&s->link);
    total_pages -= pages_of(s);
    nr_segments--;
    return true;
}

static int this_pid(void)
{
    return current_process() ? current_process()->pid : 0;
}

/* ---- as the file of a VMA ---- */

static void shm_get(void *file)
{
    struct segment *s = file;

    spin_lock(&lock);
    s->ds.shm_nattch++;
    s->ds.shm_atime = fs_now().sec;
    s->ds.shm_lpid = this_pid();
    spin_unlock(&lock);
}

static void shm_put(void *file)
{
    struct segment *s = file;
    bool ended;

    spin_lock(&lock);
    s->ds.shm_nattch--;
    s->ds.shm_dtime = fs_now().sec;
    s->ds.shm_lpid = this_pid();
    ended = ended_locked(s);
    spin_unlock(&lock);
    if (ended)
        segment_free(s);
}

static uint64_t shm_size(void *file)
{
    return ((struct segment *)file)->ds.shm_segsz;
}

static size_t shm_name(void *file, char *buf, size_t size)
{
    return file_vma_ops.name(((struct segment *)file)->file, buf, size);
}

static void shm_ident(void *file, dev_t *dev, ino_t *ino)
{
    struct segment *s = file;

    file_vma_ops.ident(s->file, dev, ino);
    *ino = s->id;
}

static void shm_accessed(void *file)
{
}

static const struct vma_file_ops shm_vma_ops = {
    .get = shm_get,
    .put = shm_put,
    .size = shm_size,
    .name = shm_name,
    .ident = shm_ident,
    .accessed = shm_accessed,
};

/* ---- finding and making them ---- */

static struct segment *at_place_locked(int place)
{
    struct segment *s;

    list_for_each (s, &segments, link)
        if (s->id % PLACES == place)
            return s;
    return NULL;
}

static struct segment *find_locked(int id)
{
    struct segment *s = id < 0 ? NULL : at_place_locked(id % PLACES);

    if (!s)
        return ERR_PTR(-EINVAL);
    return s->id == id ? s : ERR_PTR(-EIDRM);
}

/* wanted: bits of a mode, of any of the three classes. */
static int may_locked(const struct segment *s, unsigned wanted)
{
    const struct ipc64_perm *p = &s->ds.shm_perm;
    unsigned granted = p->mode, euid = current_cred()->euid;

    wanted = wanted >> 6 | wanted >> 3 | wanted;
    if (euid == p->cuid || euid == p->uid)
        granted >>= 6;
    else if (fs_in_group(p->cgid) || fs_in_group(p->gid))
        granted >>= 3;
    return wanted & ~granted & 7 && !fs_capable(CAP_IPC_OWNER) ? -EACCES : 0;
}

static bool owner_locked(const struct segment *s)
{
    unsigned euid = current_cred()->euid;

    return euid == s->ds.shm_perm.uid || euid == s->ds.shm_perm.cuid;
}

/* The identifier of the one with this key; -ENOENT: there is none. */
static long existing_locked(int key, size_t size, int flags)
{
    struct segment *s;
    long err;

    if (key == IPC_PRIVATE)
        return -ENOENT;
    list_for_each (s, &segments, link) {
        if (s->ds.shm_perm.key != key)
            continue;
        if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
            return -EEXIST;
        if (size > s->ds.shm_segsz)
            return -EINVAL;
        err = may_locked(s, flags);
        return err ? err : s->id;
    }
    return -ENOENT;
}

static struct segment *segment_new(int key, size_t size, int flags)
{
    const struct cred *c = current_cred();
    struct segment *s = kzalloc(sizeof(*s));
    char name[NAME_SIZE];
    int err;

    if (!s)
        return ERR_PTR(-ENOMEM);
    snprintf(name, sizeof(name), "/SYSV%08x (deleted)", (unsigned)key);
    err = tmpfs_new_file(name, O_RDWR, &s->file);
    if (err) {
        kfree(s);
        return ERR_PTR(err);
    }
    s->file->inode->size = size;
    s->ds.shm_segsz = size;
    s->ds.shm_perm.key = key;
    s->ds.shm_perm.uid = s->ds.shm_perm.cuid = c->euid;
    s->ds.shm_perm.gid = s->ds.shm_perm.cgid = c->egid;
    s->ds.shm_perm.mode = flags & PERMISSIONS;
    s->ds.shm_cpid = this_pid();
    s->ds.shm_ctime = fs_now().sec;
    return s;
}

/* Puts it at the lowest free place; its identifier, one that was not used lately. */
static long link_locked(struct segment *n)
{
    struct segment *s;
    int place = 0;

    if (nr_segments >= shm_limits.segments || pages_of(n) > shm_limits.all ||
        total_pages > shm_limits.all - pages_of(n))
        return -ENOSPC;
    list_for_each (s, &segments, link) {
        if (s->id % PLACES != place)
            break;
        place++;
    }
    if (place <= last_place)
        generation = (generation + 1) % (INT32_MAX / PLACES + 1);
    last_place = place;
    n->id = generation * PLACES + place;
    n->ds.shm_perm.seq = generation;
    list_append(&s->link, &n->link); /* before the one that has a higher place, or last */
    total_pages += pages_of(n);
    nr_segments++;
    return n->id;
}

SYSCALL3(shmget, int, key, size_t, size, int, flags)
{
    struct segment *n;
    long id;

    spin_lock(&lock);
    id = existing_locked(key, size, flags);
    spin_unlock(&lock);
    if (id != -ENOENT || (key != IPC_PRIVATE && !(flags & IPC_CREAT)))
        return id;
    if (!size || size > shm_limits.max)
        return -EINVAL;
    if (ALIGN_UP(size, PAGE_SIZE) < size)
        return -ENOSPC;
    if (flags & SHM_HUGETLB) /* no page is set aside for it */
        return -ENOMEM;
    n = segment_new(key, size, flags);
    if (IS_ERR(n))
        return PTR_ERR(n);
    spin_lock(&lock);
    id = existing_locked(key, size, flags);
    if (id == -ENOENT) {
        id = link_locked(n);
        if (id >= 0)
            n = NULL;
    }
    spin_unlock(&lock);
    if (n)
        segment_free(n);
    return id;
}

/* ---- mapping them ---- */

/* Where and how, but for the segment. */
static int attach_args(struct mmap_args *a, int flags)
{
    a->fixed = a->addr;
    a->noreplace = a->fixed && !(flags & SHM_REMAP);
    if (a->addr & ~PAGE_MASK && !(flags & SHM_RND))
        return -EINVAL;
    a->addr &= PAGE_MASK;
    if (!a->addr && flags & SHM_REMAP)
        return -EINVAL;
    a->vm_flags = VM_SHARED | VM_READ | VM_MAYREAD | VM_MAYEXEC;
    if (!(flags & SHM_RDONLY))
        a->vm_flags |= VM_WRITE | VM_MAYWRITE;
    if (flags & SHM_EXEC)
        a->vm_flags |= VM_EXEC;
    return 0;
}

SYSCALL3(shmat, int, id, vaddr_t, addr, int, flags)
{
    struct mmap_args a = { .addr = addr, .fops = &shm_vma_ops };
    unsigned wanted =
        (flags & SHM_RDONLY ? MAY_READ_IT : MAY_READ_AND_WRITE_IT) | (flags & SHM_EXEC ? MAY_EXECUTE_IT : 0);
    struct segment *s;
    bool ended;
    long at = id < 0 ? -EINVAL : attach_args(&a, flags);

    if (at)
        return at;
    spin_lock(&lock);
    s = find_locked(id);
    at = IS_ERR(s) ? PTR_ERR(s) : may_locked(s, wanted);
    if (!at)
        s->ds.shm_nattch++; /* it stays while it is mapped */
    spin_unlock(&lock);
    if (at)
        return at;
    a.file = s;
    a.mapping = s->file->inode->mapping;
    a.len = s->ds.shm_segsz;
    at = mm_map(current->mm, &a);
    if (at == -EEXIST)
        at = -EINVAL;
    spin_lock(&lock);
    s->ds.shm_nattch--;
    ended = ended_locked(s);
    spin_unlock(&lock);
    if (ended)
        segment_free(s);
    return at;
}

SYSCALL1(shmdt, vaddr_t, addr)
{
    struct mm *mm = current->mm;
    struct segment *s = NULL;
    struct vma *v, *next;
    uint64_t size = 0;
    long err = -EINVAL;

    if (addr & ~PAGE_MASK)
        return -EINVAL;
    rw_write_lock(&mm->lock);
    for (v = vma_find(mm, addr); v; v = next) {
        vaddr_t start = v->start, end = v->end;

        next = vma_next(v);
        if (v->fops != &shm_vma_ops || start < addr || (start - addr) >> PAGE_SHIFT != v->pgoff ||
            (s && v->file != s))
            continue;
        if (!s) {
            s = v->file; /* the first piece says which; it may be gone after that, and is only compared */
            size = ALIGN_UP(shm_size(s), PAGE_SIZE);
        }
        if (end - addr > size)
            break;
        err = mm_unmap_locked(mm, start, end - start);
        if (err)
            break;
    }
    rw_write_unlock(&mm->lock);
    return err;
}

/* ---- asking about them ---- */

static int last_place_locked(void)
{
    struct segment *s = list_last(&segments, struct segment, link);

    return s ? s->id % PLACES : 0;
}

static long ipc_info(void __user *to)
{
    struct shminfo64 info = {
        .shmmax = shm_limits.max,
        .shmmin = 1,
        .shmmni = shm_limits.segments,
        .shmseg = shm_limits.segments,
        .shmall = shm_limits.all,
    };
    long last;

    spin_lock(&lock);
    last = last_place_locked();
    spin_unlock(&lock);
    return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : last;
}

static long shm_info(void __user *to)
{
    struct shm_info info = { 0 };
    struct segment *s;
    long last;

    spin_lock(&lock);
    last = last_place_locked();
    info.used_ids = nr_segments;
    info.shm_tot = total_pages;
    list_for_each (s, &segments, link)
        info.shm_rss += READ_ONCE(s->file->inode->mapping->nr_pages);
    spin_unlock(&lock);
    return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : last;
}

static long shm_stat(int id, int cmd, void __user *to)
{
    struct shmid64_ds ds;
    struct segment *s;
    long err;

    spin_lock(&lock);
    if (cmd == IPC_STAT) {
        s = find_locked(id);
    } else {
        s = at_place_locked(id);
        if (!s)
            s = ERR_PTR(-EINVAL);
    }
    err = IS_ERR(s) ? PTR_ERR(s) : cmd == SHM_STAT_ANY ? 0 : may_locked(s, MAY_READ_IT);
    if (!err) {
        ds = s->ds;
        id = s->id;
    }
    spin_unlock(&lock);
    if (err)
        return err;
    return copy_to_user(to, &ds, sizeof(ds)) ? -EFAULT : cmd == IPC_STAT ? 0 : id;
}

static long set_locked(struct segment *s, const struct shmid64_ds *ds)
{
    struct ipc64_perm *p = &s->ds.shm_perm;

    if (ds->shm_perm.uid == UINT32_MAX || ds->shm_perm.gid == UINT32_MAX)
        return -EINVAL;
    p->uid = ds->shm_perm.uid;
    p->gid = ds->shm_perm.gid;
    p->mode = (p->mode & ~PERMISSIONS) | (ds->shm_perm.mode & PERMISSIONS);
    s->ds.shm_ctime = fs_now().sec;
    return 0;
}

/* Memory never leaves it: only the mark is kept. */
static long lock_locked(struct segment *s, bool on)
{
    if (!fs_capable(CAP_IPC_LOCK)) {
        if (!owner_locked(s) || (on && !rlimit_cur(RLIMIT_MEMLOCK)))
            return -EPERM;
    }
    s->ds.shm_perm.mode = (s->ds.shm_perm.mode & ~SHM_LOCKED) | (on ? SHM_LOCKED : 0);
    return 0;
}

static long change(int id, int cmd, const struct shmid64_ds *ds)
{
    struct segment *s;
    bool ended = false;
    long err = 0;

    spin_lock(&lock);
    s = find_locked(id);
    if (IS_ERR(s)) {
        err = PTR_ERR(s);
    } else if (cmd == SHM_LOCK || cmd == SHM_UNLOCK) {
        err = lock_locked(s, cmd == SHM_LOCK);
    } else if (!owner_locked(s) && !fs_capable(CAP_SYS_ADMIN)) {
        err = -EPERM;
    } else if (cmd == IPC_SET) {
        err = set_locked(s, ds);
    } else {
        s->ds.shm_perm.mode |= SHM_DEST;
        s->ds.shm_perm.key = IPC_PRIVATE;
        ended = ended_locked(s);
    }
    spin_unlock(&lock);
    if (ended)
        segment_free(s);
    return err;
}

SYSCALL3(shmctl, int, id, int, cmd, void __user *, arg)
{
    struct shmid64_ds ds;

    if (id < 0 || cmd < 0)
        return -EINVAL;
    switch (cmd) {
    case IPC_INFO:
        return ipc_info(arg);
    case SHM_INFO:
        return shm_info(arg);
    case IPC_STAT:
    case SHM_STAT:
    case SHM_STAT_ANY:
        return shm_stat(id, cmd, arg);
    case IPC_SET:
        if (copy_from_user(&ds, arg, sizeof(ds)))
            return -EFAULT;
        return change(id, cmd, &ds);
    case IPC_RMID:
    case SHM_LOCK:
    case SHM_UNLOCK:
        return change(id, cmd, NULL);
    default:
        return -EINVAL;
    }
}
