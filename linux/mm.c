/* SPDX-License-Identifier: BSD-2-Clause */
/* mm.c: the memory system calls: flags and permissions are checked here, kernel/mm.h does the rest. */
#include "kernel/mm.h"
#include "fs/vfs.h"
#include "linux/exec.h"
#include "linux/files.h"
#include "linux/process.h"
#include "linux/syscall.h"
#include <asm/resource.h>
#include <linux/mman.h>

#define CAP_IPC_LOCK      14
#define READ_IMPLIES_EXEC 0x0400000 /* personality(2) */
#define LOW_2G            0x80000000ul
#define PROT_ALL          (PROT_READ | PROT_WRITE | PROT_EXEC)
#define MAP_KNOWN                                                                                        \
    (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | \
     MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB |                \
     MAP_FIXED_NOREPLACE)

void process_update_limits(struct process *p)
{
    struct mm *mm = p->mm;

    if (!mm)
        return;
    mm->limit_as = p->rlimits[RLIMIT_AS].cur;
    mm->limit_data = p->rlimits[RLIMIT_DATA].cur;
    mm->limit_stack = p->rlimits[RLIMIT_STACK].cur;
    mm->limit_memlock = fs_capable(CAP_IPC_LOCK) ? UINT64_MAX : p->rlimits[RLIMIT_MEMLOCK].cur;
}

static struct mm *this_mm(void)
{
    return current->mm;
}

static bool may_lock(void)
{
    return this_mm()->limit_memlock != 0;
}

/* What the open mode of the file allows, into a->vm_flags. */
static int check_file(struct file *f, int prot, int flags, struct mmap_args *a)
{
    if (!(f->fmode & FMODE_READ))
        return -EACCES;
    if (a->vm_flags & VM_SHARED) {
        if ((prot & PROT_WRITE) && !(f->fmode & FMODE_WRITE))
            return -EACCES;
        if (!(f->fmode & FMODE_WRITE))
            a->vm_flags &= ~VM_MAYWRITE;
        if ((flags & MAP_TYPE) == MAP_SHARED_VALIDATE && (flags & ~MAP_KNOWN))
            return -EOPNOTSUPP;
    }
    if (!f->ops->mmap)
        return -ENODEV;
    if (flags & MAP_GROWSDOWN)
        return -EINVAL;
    a->file = f;
    a->fops = &file_vma_ops;
    return f->ops->mmap(f, a);
}

static int flags_to_args(int prot, int flags, struct mmap_args *a)
{
    int type = flags & MAP_TYPE;

    if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE)
        return -EINVAL;
    if ((prot & PROT_READ) && (current_process()->personality & READ_IMPLIES_EXEC))
        prot |= PROT_EXEC;
    a->vm_flags = (prot & PROT_ALL) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
    if (type != MAP_PRIVATE)
        a->vm_flags |= VM_SHARED;
    if (flags & MAP_GROWSDOWN)
        a->vm_flags |= VM_GROWSDOWN;
    if (flags & MAP_NORESERVE)
        a->vm_flags |= VM_NORESERVE;
    if (flags & MAP_LOCKED) {
        if (!may_lock())
            return -EPERM;
        a->vm_flags |= VM_LOCKED;
    }
    a->fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    a->noreplace = flags & MAP_FIXED_NOREPLACE;
    a->populate = (flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
    a->below = flags & MAP_32BIT ? LOW_2G : 0;
    return 0;
}

SYSCALL6(mmap, unsigned long, addr, size_t, len, int, prot, int, flags, int, fd, off_t, off)
{
    struct mmap_args a = { .addr = addr, .len = len, .pgoff = (uint64_t)off >> PAGE_SHIFT };
    struct file *f = NULL;
    long at;

    if (off & ~PAGE_MASK)
        return -EINVAL;
    if (!(flags & MAP_ANONYMOUS)) {
        f = fd_get(fd);
        if (!f)
            return -EBADF;
    }
    at = -EINVAL;
    if (!len)
        goto out;
    at = flags_to_args(prot, flags, &a);
    if (at)
        goto out;
    at = -ENOMEM;
    if (ALIGN_UP(len, PAGE_SIZE) < len || (flags & MAP_HUGETLB)) /* no pool of huge pages is kept */
        goto out;
    at = -EOVERFLOW;
    if ((uint64_t)off + len < (uint64_t)off)
        goto out;
    if (!a.fixed)
        a.addr &= PAGE_MASK;
    if (f)
        at = check_file(f, prot, flags, &a);
    else
        at = (a.vm_flags & VM_SHARED) && (flags & MAP_GROWSDOWN) ? -EINVAL : 0;
    if (!at)
        at = mm_map(this_mm(), &a);
out:
    if (f)
        file_put(f);
    return at;
}

SYSCALL2(munmap, unsigned long, addr, size_t, len)
{
    return mm_unmap(this_mm(), addr, len);
}

SYSCALL3(mprotect, unsigned long, addr, size_t, len, unsigned long, prot)
{
    unsigned long grow = prot & (PROT_GROWSDOWN | PROT_GROWSUP);

    prot &= ~(PROT_GROWSDOWN | PROT_GROWSUP);
    if ((grow & PROT_GROWSUP) || (prot & ~(unsigned long)(PROT_ALL | PROT_SEM)))
        return -EINVAL; /* no mapping grows upwards */
    if ((prot & PROT_READ) && (current_process()->personality & READ_IMPLIES_EXEC))
        prot |= PROT_EXEC;
    return mm_protect(this_mm(), addr, len, prot & PROT_ALL, grow ? VM_GROWSDOWN : 0);
}

SYSCALL5(mremap, unsigned long, addr, size_t, old_len, size_t, new_len, unsigned long, flags, unsigned long,
         new_addr)
{
    if (flags > UINT32_MAX)
        return -EINVAL;
    return mm_remap(this_mm(), addr, old_len, new_len, flags, new_addr);
}

SYSCALL3(madvise, unsigned long, addr, size_t, len, int, advice)
{
    return mm_advise(this_mm(), addr, len, advice);
}

SYSCALL1(brk, unsigned long, brk)
{
    return mm_brk(this_mm(), brk);
}

SYSCALL3(msync, unsigned long, addr, size_t, len, int, flags)
{
    if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
        return -EINVAL;
    return mm_sync(this_mm(), addr, len, flags);
}

SYSCALL3(mincore, unsigned long, addr, size_t, len, unsigned char __user *, vec)
{
    return mm_incore(this_mm(), addr, len, vec);
}

SYSCALL2(mlock, unsigned long, addr, size_t, len)
{
    return may_lock() ? mm_lock_range(this_mm(), addr, len, true, false) : -EPERM;
}

SYSCALL3(mlock2, unsigned long, addr, size_t, len, int, flags)
{
    if (flags & ~MLOCK_ONFAULT)
        return -EINVAL;
    return may_lock() ? mm_lock_range(this_mm(), addr, len, true, flags & MLOCK_ONFAULT) : -EPERM;
}

SYSCALL2(munlock, unsigned long, addr, size_t, len)
{
    return mm_lock_range(this_mm(), addr, len, false, false);
}

SYSCALL1(mlockall, int, flags)
{
    if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
        return -EINVAL;
    if (!may_lock())
        return -EPERM;
    return mm_lock_all(this_mm(), flags & MCL_CURRENT, flags & MCL_FUTURE, flags & MCL_ONFAULT);
}

SYSCALL0(munlockall)
{
    return mm_lock_all(this_mm(), false, false, false);
}
