/* SPDX-License-Identifier: BSD-2-Clause */
/* elf.c: reads a program's headers and maps its segments, from the page cache, into an address space. */
#include "linux/elf.h"
#include "abi/errno.h"
#include "fs/vfs.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/mm.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"

static int read_exactly(struct file *f, void *buf, size_t len, uint64_t pos)
{
    ssize_t n = file_read_kernel(f, buf, len, pos);

    if (n < 0)
        return n;
    return (size_t)n == len ? 0 : -EIO;
}

int elf_open(struct elf_file *e, struct file *file, const char *name)
{
    struct elf_ehdr eh;
    const char *why = "not an ELF program for this machine";
    size_t len;
    int err;

    *e = (struct elf_file){ .file = file };
    err = read_exactly(file, &eh, sizeof(eh), 0);
    if (!err)
        err = elf_check_header(&eh, arch_elf_machine);
    if (err)
        goto bad;
    len = eh.phnum * sizeof(struct elf_phdr);
    e->ph = kmalloc(len);
    err = -ENOMEM;
    if (!e->ph)
        goto fail;
    err = read_exactly(file, e->ph, len, eh.phoff);
    why = "truncated: the program headers lie beyond the file";
    if (err == -EIO)
        goto bad;
    if (!err)
        err = elf_parse(&eh, e->ph, file->inode->size, &e->layout, &why);
    if (err)
        goto bad;
    if (e->layout.truncated) /* Linux runs it all the same */
        log_warn("exec: %s: truncated: the file ends before its segments do", name);
    e->phnum = eh.phnum;
    e->type = eh.type;
    return 0;
bad:
    if (err == -ENOEXEC || err == -EIO) {
        log_warn("exec: %s: %s", name, why);
        err = -ENOEXEC;
    }
fail:
    elf_close(e);
    return err;
}

void elf_close(struct elf_file *e)
{
    kfree(e->ph);
    if (e->file)
        file_put(e->file);
    e->ph = NULL;
    e->file = NULL;
}

static unsigned segment_prot(const struct elf_phdr *p)
{
    return (p->flags & ELF_PF_R ? VM_READ : 0) | (p->flags & ELF_PF_W ? VM_WRITE : 0) |
           (p->flags & ELF_PF_X ? VM_EXEC : 0);
}

#define MAY_ALL (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

static int map_file_part(struct elf_file *e, struct mm *mm, const struct elf_phdr *p, vaddr_t start,
                         vaddr_t end)
{
    struct mmap_args a = { .addr = start,
                           .len = end - start,
                           .fixed = true,
                           .vm_flags = segment_prot(p) | MAY_ALL,
                           .pgoff = p->offset >> PAGE_SHIFT,
                           .file = e->file,
                           .fops = &file_vma_ops };
    int err;

    if (!e->file->ops->mmap)
        return -ENOEXEC;
    err = e->file->ops->mmap(e->file, &a);
    if (err)
        return err;
    long at = mm_map(mm, &a);

    return at < 0 ? at : 0;
}

static bool is_mapped(struct mm *mm, vaddr_t va)
{
    struct vma *v;
    bool mapped;

    rw_read_lock(&mm->lock);
    v = vma_find(mm, va);
    mapped = v && v->start <= va;
    rw_read_unlock(&mm->lock);
    return mapped;
}

/* Memory beyond the file part: the rest of its last page is cleared, further pages are anonymous. */
static int map_bss(struct mm *mm, const struct elf_phdr *p, vaddr_t from, vaddr_t end)
{
    struct mmap_args a = { .addr = ALIGN_UP(from, PAGE_SIZE),
                           .fixed = true,
                           .vm_flags = segment_prot(p) | MAY_ALL };
    long at;

    if (from < a.addr && !is_mapped(mm, from))
        a.addr -= PAGE_SIZE; /* no file page there: a fresh one */
    else if (from < a.addr && (p->flags & ELF_PF_W) && clear_user((void __user *)from, a.addr - from))
        return -EFAULT; /* a segment that may not be written keeps the file's bytes there, as on Linux */
    end = ALIGN_UP(end, PAGE_SIZE);
    if (end <= a.addr)
        return 0;
    a.len = end - a.addr;
    at = mm_map(mm, &a);
    return at < 0 ? at : 0;
}

int elf_map(struct elf_file *e, struct mm *mm, vaddr_t bias)
{
    for (unsigned i = 0; i < e->phnum; i++) {
        const struct elf_phdr *p = &e->ph[i];
        vaddr_t start = bias + p->vaddr, file_end = start + p->filesz, mem_end = start + p->memsz;
        int err = 0;

        if (p->type != ELF_PT_LOAD || !p->memsz)
            continue;
        if (p->filesz)
            err = map_file_part(e, mm, p, ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(file_end, PAGE_SIZE));
        if (!err && mem_end > file_end)
            err = map_bss(mm, p, file_end, mem_end);
        if (err)
            return err;
    }
    return 0;
}
