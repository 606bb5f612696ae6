/* SPDX-License-Identifier: BSD-2-Clause */
/* maps.c: /proc/PID/{maps,smaps,smaps_rollup,mem,pagemap}: an address space, seen from outside. */
#include "abi/fs.h"
#include "kernel/arch.h"
#include "kernel/slab.h"
#include "kernel/vma.h"
#include "lib/string.h"
#include "linux/proc/proc.h"

#define NAME_COLUMN 73

/* Newlines would end the entry. */
static void show_name(struct seq *s, const char *name)
{
    for (const char *c = name; *c; c++) {
        if (*c == '\n')
            seq_puts(s, "\\012");
        else
            seq_write(s, c, 1);
    }
}

static void show_vma(struct seq *s, struct vma *v, char *buf)
{
    size_t start = s->len;
    const char *name = v->name;
    dev_t dev = 0;
    ino_t ino = 0;

    if (v->file) {
        v->fops->ident(v->file, &dev, &ino);
        name = v->fops->name(v->file, buf, PATH_MAX) ? buf : NULL;
    }
    seq_printf(s, "%08lx-%08lx %c%c%c%c %08llx %02x:%02x %lu ", (unsigned long)v->start,
               (unsigned long)v->end, v->flags & VM_READ ? 'r' : '-', v->flags & VM_WRITE ? 'w' : '-',
               v->flags & VM_EXEC ? 'x' : '-', v->flags & VM_SHARED ? 's' : 'p',
               v->file ? (unsigned long long)v->pgoff << PAGE_SHIFT : 0ull, DEV_MAJOR(dev), DEV_MINOR(dev),
               (unsigned long)ino);
    if (name) {
        while (s->len - start < NAME_COLUMN && !s->failed)
            seq_puts(s, " ");
        show_name(s, name);
    }
    seq_puts(s, "\n");
}

/* Calls show for each mapping, under mm.lock. */
static int each_vma(struct seq *s, struct inode *i, void (*show)(struct seq *, struct vma *, char *))
{
    struct mm *mm = proc_mm(i);
    char *buf;

    if (!mm)
        return 0;
    buf = kmalloc(PATH_MAX);
    if (!buf) {
        mm_put(mm);
        return -ENOMEM;
    }
    rw_read_lock(&mm->lock);
    for (struct vma *v = vma_first(mm); v; v = vma_next(v))
        show(s, v, buf);
    rw_read_unlock(&mm->lock);
    kfree(buf);
    mm_put(mm);
    return 0;
}

int proc_show_maps(struct seq *s, struct inode *i)
{
    return each_vma(s, i, show_vma);
}

/* ---- smaps ---- */

static void show_kb(struct seq *s, const char *name, uint64_t bytes)
{
    seq_printf(s, "%-16s%8llu kB\n", name, (unsigned long long)bytes >> 10);
}

/* No page is in two programs yet: what is shared is shared with the cache alone, and counts in full. */
static void show_usage(struct seq *s, const struct vma_usage *u, uint64_t locked)
{
    show_kb(s, "Rss:", u->rss);
    show_kb(s, "Pss:", u->rss);
    show_kb(s, "Pss_Dirty:", u->dirty);
    show_kb(s, "Shared_Clean:", u->shared_clean);
    show_kb(s, "Shared_Dirty:", u->shared_dirty);
    show_kb(s, "Private_Clean:", u->private_clean);
    show_kb(s, "Private_Dirty:", u->private_dirty);
    show_kb(s, "Referenced:", u->referenced);
    show_kb(s, "Anonymous:", u->anon);
    show_kb(s, "LazyFree:", 0);
    show_kb(s, "AnonHugePages:", u->huge);
    show_kb(s, "ShmemPmdMapped:", 0);
    show_kb(s, "FilePmdMapped:", 0);
    show_kb(s, "Shared_Hugetlb:", 0);
    seq_puts(s, "Private_Hugetlb:       0 kB\n");
    show_kb(s, "Swap:", 0);
    show_kb(s, "SwapPss:", 0);
    show_kb(s, "Locked:", locked);
}

static bool may_be_huge(const struct vma *v)
{
    return !v->mapping && !v->special && !(v->flags & VM_NOHUGE) && !v->mm->no_huge &&
           (vm_settings.huge_pages == THP_ALWAYS ||
            (vm_settings.huge_pages == THP_MADVISE && (v->flags & VM_HUGE))) &&
           ALIGN_UP(v->start, HUGE_SIZE) + HUGE_SIZE <= v->end;
}

static void show_vm_flags(struct seq *s, const struct vma *v)
{
    static const struct {
        uint32_t flag;
        char name[4];
    } names[] = {
        /* in Linux's order */
        { VM_READ, "rd " },     { VM_WRITE, "wr " },    { VM_EXEC, "ex " },     { VM_SHARED, "sh " },
        { VM_MAYREAD, "mr " },  { VM_MAYWRITE, "mw " }, { VM_MAYEXEC, "me " },  { VM_GROWSDOWN, "gd " },
        { VM_SPECIAL, "pf " },  { VM_LOCKED, "lo " },   { VM_DONTFORK, "dc " }, { VM_NORESERVE, "nr " },
        { VM_WIPEFORK, "wf " }, { VM_DONTDUMP, "dd " }, { VM_HUGE, "hg " },     { VM_NOHUGE, "nh " }
    };

    seq_puts(s, "VmFlags: ");
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (v->flags & names[i].flag)
            seq_puts(s, names[i].name);
        if (names[i].flag == VM_MAYEXEC && (v->flags & VM_SHARED))
            seq_puts(s, "ms ");
    }
    seq_puts(s, "\n");
}

static void show_smap(struct seq *s, struct vma *v, char *buf)
{
    struct vma_usage u;

    vma_get_usage(v, &u);
    show_vma(s, v, buf);
    show_kb(s, "Size:", v->end - v->start);
    show_kb(s, "KernelPageSize:", PAGE_SIZE);
    show_kb(s, "MMUPageSize:", PAGE_SIZE);
    show_usage(s, &u, v->flags & VM_LOCKED ? u.rss : 0);
    seq_printf(s, "THPeligible:    %d\n", may_be_huge(v));
    show_vm_flags(s, v);
}

int proc_show_smaps(struct seq *s, struct inode *i)
{
    return each_vma(s, i, show_smap);
}

static void add_usage(struct vma_usage *sum, const struct vma_usage *u)
{
    sum->rss += u->rss;
    sum->anon += u->anon;
    sum->dirty += u->dirty;
    sum->shared_clean += u->shared_clean;
    sum->shared_dirty += u->shared_dirty;
    sum->private_clean += u->private_clean;
    sum->private_dirty += u->private_dirty;
    sum->referenced += u->referenced;
    sum->huge += u->huge;
}

/* Linux splits the proportional size by kind here. */
static void show_rollup(struct seq *s, const struct vma_usage *u, uint64_t file, uint64_t shmem,
                        uint64_t locked)
{
    struct seq whole = { 0 };
    char *rest;

    show_usage(&whole, u, locked);
    seq_write(&whole, "", 1);
    rest = whole.failed ? NULL : strstr(whole.buf, "Shared_Clean:");
    if (rest) {
        seq_write(s, whole.buf, rest - whole.buf);
        show_kb(s, "Pss_Anon:", u->anon);
        show_kb(s, "Pss_File:", file);
        show_kb(s, "Pss_Shmem:", shmem);
        seq_puts(s, rest);
    } else {
        s->failed = true;
    }
    seq_free(&whole);
}

int proc_show_smaps_rollup(struct seq *s, struct inode *i)
{
    struct mm *mm = proc_mm(i);
    struct vma_usage sum = { 0 };
    uint64_t locked = 0, first = 0, last = 0, shmem;
    size_t start = s->len;

    if (!mm)
        return -ESRCH;
    rw_read_lock(&mm->lock);
    for (struct vma *v = vma_first(mm); v; v = vma_next(v)) {
        struct vma_usage u;

        if (!first)
            first = v->start;
        last = v->end;
        vma_get_usage(v, &u);
        add_usage(&sum, &u);
        locked += v->flags & VM_LOCKED ? u.rss : 0;
    }
    rw_read_unlock(&mm->lock);
    shmem = mm->rss_shmem << PAGE_SHIFT;
    mm_put(mm);
    seq_printf(s, "%08lx-%08lx ---p 00000000 00:00 0 ", (unsigned long)first, (unsigned long)last);
    while (s->len - start < NAME_COLUMN && !s->failed)
        seq_puts(s, " ");
    seq_puts(s, "[rollup]\n");
    show_rollup(s, &sum, sum.rss - sum.anon > shmem ? sum.rss - sum.anon - shmem : 0, shmem, locked);
    return 0;
}

/* ---- mem ---- */

static ssize_t mem_rw(struct file *f, struct iov *v, uint64_t *pos, bool write)
{
    struct mm *mm = proc_mm(f->inode);
    char *buf;
    ssize_t done = 0, n = 0;

    if (!mm)
        return 0;
    buf = kmalloc(PAGE_SIZE);
    if (!buf) {
        mm_put(mm);
        return -ENOMEM;
    }
    while (v->count && !n) {
        size_t want = MIN(v->count, PAGE_SIZE - (*pos & (PAGE_SIZE - 1)));

        if (write && iov_get(v, buf, want) != want) {
            n = -EFAULT;
            break;
        }
        n = mm_access(mm, *pos, buf, want, write);
        if (n <= 0)
            break;
        if (!write && iov_put(v, buf, n) != (size_t)n) {
            n = -EFAULT;
            break;
        }
        done += n;
        *pos += n;
        n = (size_t)n < want;
    }
    kfree(buf);
    mm_put(mm);
    return done ? done : n;
}

static ssize_t mem_read(struct file *f, struct iov *v, uint64_t *pos)
{
    return mem_rw(f, v, pos, false);
}

static ssize_t mem_write(struct file *f, struct iov *v, uint64_t *pos)
{
    return mem_rw(f, v, pos, true);
}

/* Addresses above 2^63 are positions too, so only whence is checked. */
static off_t mem_seek(struct file *f, off_t off, int whence)
{
    if (whence == SEEK_CUR)
        off += f->pos;
    else if (whence != SEEK_SET)
        return -EINVAL;
    f->pos = off;
    return off;
}

const struct file_ops proc_mem_ops = { .read = mem_read, .write = mem_write, .seek = mem_seek };

/* ---- pagemap: Documentation/admin-guide/mm/pagemap.rst; page frame numbers read as 0, as without privilege ---- */

#define PM_FILE    (1ull << 61)
#define PM_PRESENT (1ull << 63)

static uint64_t pagemap_entry(struct mm *mm, vaddr_t va)
{
    unsigned prot;
    paddr_t pa;
    bool huge;

    if (va >= USER_MAX || !pt_lookup(mm, va, &pa, &prot, &huge))
        return 0;
    pa = huge ? ALIGN_DOWN(pa, HUGE_SIZE) : pa;
    return PM_PRESENT | (pfn_page(pa >> PAGE_SHIFT)->flags & PG_ANON ? 0 : PM_FILE);
}

static ssize_t pagemap_read(struct file *f, struct iov *v, uint64_t *pos)
{
    struct mm *mm;
    ssize_t done = 0;

    if ((*pos | v->count) & 7)
        return -EINVAL;
    if (*pos / 8 >= USER_MAX >> PAGE_SHIFT)
        return 0;
    mm = proc_mm(f->inode);
    if (!mm)
        return 0;
    while (v->count) {
        uint64_t e[32];
        size_t n = MIN(v->count / 8, ARRAY_SIZE(e));

        rw_read_lock(&mm->lock);
        spin_lock(&mm->pt_lock);
        for (size_t k = 0; k < n; k++)
            e[k] = pagemap_entry(mm, (*pos / 8 + k) << PAGE_SHIFT);
        spin_unlock(&mm->pt_lock);
        rw_read_unlock(&mm->lock);
        if (iov_put(v, e, n * 8) != n * 8) {
            done = done ? done : -EFAULT;
            break;
        }
        done += n * 8;
        *pos += n * 8;
        cond_resched();
    }
    mm_put(mm);
    return done;
}

const struct file_ops proc_pagemap_ops = { .read = pagemap_read, .seek = mem_seek };
