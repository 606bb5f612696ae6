/* SPDX-License-Identifier: BSD-2-Clause */
/* mm_access.c: reading and writing an address space from outside, for /proc/PID/mem and what is like it. */
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/page.h"
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
        vma_put_page(p);
        done += n;
    }
    rw_read_unlock(&mm->lock);
    return done ? (ssize_t)done : len ? -EIO : 0;
}
