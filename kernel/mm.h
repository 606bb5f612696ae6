/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mm.h: a program's address space: a tree of VMAs over page tables.
 *
 * mm.lock (reader/writer, sleeping) guards the tree: faults take it for reading, changes for writing. pt_lock
 * guards page-table changes. Everything may sleep unless said. Errors are those of mmap(2) and friends.
 */
#ifndef KERNEL_MM_H
#define KERNEL_MM_H

#include "arch/mm.h" /* struct arch_mm, USER_MIN, USER_MAX */
#include "kernel/lock.h"
#include "lib/atomic.h"
#include "lib/list.h"
#include "lib/rbtree.h"

struct mapping;
struct page;
struct vma;

/* vma.flags: PROT_READ/WRITE/EXEC in the low bits (1, 2, 4), then: */
#define VM_SHARED    0x00010
#define VM_GROWSDOWN 0x00020
#define VM_MAYREAD   0x00040
#define VM_MAYWRITE  0x00080
#define VM_MAYEXEC   0x00100
#define VM_LOCKED    0x00200
#define VM_NORESERVE 0x00400
#define VM_HUGE      0x00800 /* MADV_HUGEPAGE */
#define VM_NOHUGE    0x01000
#define VM_DONTDUMP  0x02000
#define VM_DONTFORK  0x04000
#define VM_WIPEFORK  0x08000
#define VM_HEAP      0x10000
#define VM_STACK     0x20000
#define VM_SPECIAL   0x40000 /* fixed pages (vDSO): no faulting in, no merging, no remapping of protection up */
#define VM_PROT      0x7
#define VM_READ      0x1
#define VM_WRITE     0x2
#define VM_EXEC      0x4

/* What a VMA needs from the file it maps; fs/ provides it (struct file). */
struct vma_file_ops {
    void (*get)(void *file);
    void (*put)(void *file);
    uint64_t (*size)(void *file); /* bytes: faults beyond raise SIGBUS */
    /* path for /proc/self/maps and reports; returns length */
    size_t (*name)(void *file, char *buf, size_t size);
    void (*ident)(void *file, dev_t *dev, ino_t *ino);
    void (*accessed)(void *file);
};

struct vma {
    struct rb_node node;
    vaddr_t start, end;
    uint32_t flags;
    struct mm *mm;
    struct mapping *mapping; /* NULL: private anonymous (or special) */
    uint64_t pgoff;          /* page index in the mapping at start */
    void *file;              /* referenced; NULL for anonymous */
    const struct vma_file_ops *fops;
    struct list mapping_link; /* in mapping.vmas */
    const char *name;         /* "[vdso]", "[stack]", "[heap]" or NULL; static */
    struct page **special;    /* VM_SPECIAL: its pages, not referenced */
};

/* Where one CPU places what a program with several threads maps. */
struct mm_window {
    vaddr_t small; /* 2 MiB for small mappings; 0: none yet */
    vaddr_t large; /* the last larger mapping, and its length */
    size_t large_len;
};

struct mm {
    struct arch_mm arch;
    struct rwlock lock;
    struct spinlock pt_lock;
    refcount_t users;
    struct rb_root vmas;    /* [lock] */
    struct vma *last;       /* last hit [hint] */
    unsigned nr_vmas;       /* [lock] */
    uint32_t default_flags; /* of every new mapping: VM_LOCKED after mlockall(MCL_FUTURE) [lock] */
    bool lock_on_fault;     /* MCL_ONFAULT: locked pages are not brought in at once [lock] */
    bool no_huge;           /* PR_SET_THP_DISABLE */
    bool has_huge;          /* some 2 MiB page may be mapped [pt_lock] */
    uint32_t membarrier;    /* commands of membarrier(2) that are registered [a] */
    bool oom_killed;        /* memory ended: the process dies of SIGKILL, be it by WORK_KILL */
    vaddr_t gap_from;       /* see vma_find_gap() [lock] */
    size_t gap_max;
    struct mm_window *windows; /* of each CPU; NULL: one thread, or one CPU. vma_find_gap_apart() [lock] */
    vaddr_t mmap_base;         /* top of the mmap area: new mappings go below */
    vaddr_t brk_start, brk, stack_top;
    vaddr_t arg_start, arg_end, env_start, env_end, code_start, code_end, data_start, data_end;
    vaddr_t stack_start; /* the stack pointer that the program began with */
    uint64_t total_pages, locked_pages, data_pages, stack_pages; /* virtual [lock] */
    uint64_t peak_pages;                                         /* the most total_pages ever was [lock] */
    uint64_t rss_anon, rss_file, rss_shmem, peak_rss;            /* present [pt_lock] */
    uint64_t limit_as, limit_data, limit_stack, limit_memlock;   /* bytes, from rlimits; UINT64_MAX none */
    uint64_t auxv[64];
    unsigned nr_auxv;
    void *exe_file; /* struct file, referenced through exe_ops */
    const struct vma_file_ops *exe_ops;
    vaddr_t vdso_base;
};

/* The tunables of /proc/sys/vm that this part honours. */
struct vm_settings {
    unsigned max_map_count;
    unsigned overcommit_memory; /* 0 heuristic, 1 always, 2 strict: as 0 */
    unsigned overcommit_ratio;
    uint64_t mmap_min_addr;
    unsigned randomize_va_space; /* 0 none, 1 mappings and stack, 2 the break too */
    enum { THP_NEVER, THP_MADVISE, THP_ALWAYS } huge_pages;
};
extern struct vm_settings vm_settings;

/* At boot, before the first program: the page cache offers itself for reclaim. */
void mm_init(void);
struct mm *mm_new(void); /* NULL when out of memory; users = 1 */
/* A copy for a child process, private pages copied on write; NULL when out of memory. */
struct mm *mm_fork(struct mm *mm);
void mm_get(struct mm *mm);
void mm_put(struct mm *mm); /* the last reference unmaps everything */
/* The current thread's mm is about to get a second thread. */
void mm_share(struct mm *mm);
void mm_activate(struct mm *mm); /* loads it on this CPU for the current thread */

/* Memory has ended for a thread with this address space. OOM_OTHER: another process was killed (or is on its way out), and
 * a moment has passed: try again. linux/ installs who decides; without it each decides for itself. Sleeps. */
enum oom_choice { OOM_SELF, OOM_OTHER };
void mm_set_oom(enum oom_choice (*kill)(struct mm *mm));

/* What to map where. */
struct mmap_args {
    vaddr_t addr; /* hint, or the place when fixed; 0: choose */
    size_t len;
    unsigned vm_flags; /* VM_* incl. protection */
    bool fixed, noreplace;
    bool populate;
    vaddr_t below; /* the chosen place must end at or below this (MAP_32BIT); 0: anywhere */
    struct mapping *mapping;
    uint64_t pgoff;
    void *file; /* a reference is taken */
    const struct vma_file_ops *fops;
    const char *name;
    struct page **special;
};
/* The address, or -errno in a negative long. */
long mm_map(struct mm *mm, const struct mmap_args *a);
/* A free place for len bytes, aligned, where mm_map() would choose; -ENOMEM. For exec: nobody else may map. */
long mm_find_gap(struct mm *mm, size_t len, size_t align);
int mm_unmap(struct mm *mm, vaddr_t addr, size_t len);
/* grow: 0, or VM_GROWSDOWN to reach down to the start of the stack (PROT_GROWSDOWN). */
int mm_protect(struct mm *mm, vaddr_t addr, size_t len, unsigned prot, unsigned grow);
long mm_remap(struct mm *mm, vaddr_t old, size_t old_len, size_t new_len, unsigned flags, vaddr_t new_addr);
int mm_advise(struct mm *mm, vaddr_t addr, size_t len, int advice);
long mm_brk(struct mm *mm, vaddr_t brk); /* the new break */
int mm_lock_range(struct mm *mm, vaddr_t addr, size_t len, bool lock, bool on_fault);
int mm_lock_all(struct mm *mm, bool now, bool future, bool on_fault);
int mm_sync(struct mm *mm, vaddr_t addr, size_t len, int flags);
int mm_incore(struct mm *mm, vaddr_t addr, size_t len, unsigned char __user *vec);
/* The VMA that contains addr or the next above it; mm.lock held. */
struct vma *vma_find(struct mm *mm, vaddr_t addr);
static inline struct vma *vma_first(struct mm *mm)
{
    struct rb_node *n = rb_first(&mm->vmas);
    return n ? container_of(n, struct vma, node) : NULL;
}
struct vma *vma_next(struct vma *v);

#define FAULT_PRESENT 1 /* protection, not absence */
#define FAULT_WRITE   2
#define FAULT_USER    4 /* from user mode; else from a uaccess function */
#define FAULT_EXEC    16
/* Called by the page-fault trap with interrupts on. 0: retry the access. Otherwise the signal to raise:
 * code gets SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR...; returns SIGSEGV, SIGBUS or SIGKILL (out of memory). */
int vm_fault(struct mm *mm, vaddr_t addr, unsigned access, int *code);
/* Makes [addr, addr+len) present (MAP_POPULATE, mlock), as far as it can be: the first error, -EFAULT or -ENOMEM. */
int mm_populate(struct mm *mm, vaddr_t addr, size_t len);
/* Copies from or to any address space as its program could: the bytes done before the first that it could not reach,
 * or -EIO. buf is kernel memory. */
ssize_t mm_access(struct mm *mm, vaddr_t addr, void *buf, size_t len, bool write);
/* The pages that hold [addr, addr + len) of the current process, one reference each, at most max: how many from the
 * front. They stay when the program unmaps them. Huge pages become single ones first, since those can be held one by one. */
unsigned mm_pin(vaddr_t addr, size_t len, struct page **pages, unsigned max);
/* Page count of the writable mapping of a program: exact figures for /proc/self/smaps of one VMA. */
struct vma_usage {
    uint64_t rss, anon, dirty, shared_clean, private_clean, shared_dirty, private_dirty, referenced,
        huge; /* bytes */
};
void vma_get_usage(struct vma *v, struct vma_usage *u);

#endif
