/* SPDX-License-Identifier: BSD-2-Clause */
/* mm_access.c: an address space from outside: reading and writing it (/proc/PID/mem), holding its pages. */
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/page.h"
#include "kernel/thread.h"
#include "kernel/vma.h"
#include "lib/string.h"

/* The page that maps va with a reference, faulted in when need be; NULL: none can be had. mm.lock is held. */
static struct page *access_page(struct vma *v, vaddr_t va, bool write, size_t *off)
{
    for (unsigned tries = 0; tries < 8; tries++) {
        struct mm *mm = v->mm;
        unsigned prot = 0, access = FAULT_USER | (write ? FAULT_WRITE : 0);
        bool huge, there;
        paddr_t pa;
        int code;

        spin_lock(&mm->pt_lock);
        there = pt_lookup(mm, va, &pa, &prot, &huge);
        if (there && (!write || (prot & VM_WRITE))) {
            struct page *p = pfn_page((huge ? ALIGN_DOWN(pa, HUGE_SIZE) : pa) >> PAGE_SHIFT);

            *off = huge ? va & (HUGE_SIZE - 1) : va & (PAGE_SIZE - 1);
            page_get(p);
            spin_unlock(&mm->pt_lock);
            return p;
        }
        spin_unlock(&mm->pt_lock);
        if (fault_in(v, va, access | (there ? FAULT_PRESENT : 0), &code))
            break;
    }
    return NULL;
}

ssize_t mm_access(struct mm *mm, vaddr_t addr, void *buf, size_t len, bool write)
{
    size_t done = 0;

    rw_read_lock(&mm->lock);
    while (done < len) {
        vaddr_t va = addr + done;
        size_t n = MIN(len - done, PAGE_SIZE - (va & (PAGE_SIZE - 1))), off;
        struct vma *v = va < USER_MAX ? vma_find(mm, va) : NULL;
        struct page *p;

        if (!v || v->start > va || !(v->flags & (write ? VM_WRITE : VM_READ)))
            break;
        p = access_page(v, va, write, &off);
        if (!p)
            break;
        if (write)
            memcpy((char *)page_virt(p) + off, (char *)buf + done, n);
        else
            memcpy((char *)buf + done, (char *)page_virt(p) + off, n);
        page_put(p);
        done += n;
    }
    rw_read_unlock(&mm->lock);
    return done ? (ssize_t)done : len ? -EIO : 0;
}

/* The page that maps va alone, with a reference; NULL: none can be had. mm.lock is held. */
static struct page *pin_page(struct vma *v, vaddr_t va)
{
    struct mm *mm = v->mm;
    vaddr_t base = ALIGN_DOWN(va, HUGE_SIZE);
    struct page *p;
    unsigned prot;
    paddr_t pa;
    bool huge;

    for (unsigned tries = 0; tries < 8; tries++) {
        size_t off;

        spin_lock(&mm->pt_lock);
        if (pt_lookup(mm, va, &pa, &prot, &huge)) {
            if (huge) {
                vma_split_huge(mm, base + PAGE_SIZE);
                pt_protect(mm, base, base + PAGE_SIZE, prot & VM_PROT,
                           true); /* a part of it: the table splits */
            }
            p = pfn_page(pa >> PAGE_SHIFT);
            page_get(p);
            spin_unlock(&mm->pt_lock);
            return p;
        }
        spin_unlock(&mm->pt_lock);
        p = access_page(v, va, false, &off); /* which brings it in */
        if (!p)
            break;
        page_put(p);
    }
    return NULL;
}

unsigned mm_pin(vaddr_t addr, size_t len, struct page **pages, unsigned max)
{
    struct mm *mm = current->mm;
    unsigned n = 0;

    if (!len || addr >= USER_MAX || len > USER_MAX - addr)
        return 0;
    rw_read_lock(&mm->lock);
    for (vaddr_t va = ALIGN_DOWN(addr, PAGE_SIZE); va < addr + len && n < max; va += PAGE_SIZE) {
        struct vma *v = vma_find(mm, va);

        /* pages of devices and of the kernel have no owner to be held for */
        if (!v || v->start > va || !(v->flags & VM_READ) || v->special)
            break;
        pages[n] = pin_page(v, va);
        if (!pages[n])
            break;
        n++;
    }
    rw_read_unlock(&mm->lock);
    return n;
}
