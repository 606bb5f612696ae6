/* SPDX-License-Identifier: BSD-2-Clause */
/* vdso.c: the vDSO as programs get it: the clock's page, then the ELF file that vdso/ builds. */
#include "arch/x86_64/clock.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/clock.h"
#include "kernel/page.h"
#include "lib/atomic.h"

#define IMAGE_PAGES_MAX 4

union vdso_page vdso_page __aligned(4096) __attribute__((section(".bss.page_aligned")));

extern const char vdso_image[], vdso_image_end[]; /* page-aligned, whole pages: vdso_image.S */
extern const char kernel_start[];                 /* loaded at boot_info.kernel_start */

static struct page *image_page(const void *va)
{
    return pfn_page((boot_info.kernel_start + ((const char *)va - kernel_start)) >> PAGE_SHIFT);
}

const struct vdso *arch_vdso(void)
{
    static struct page *pages[1 + IMAGE_PAGES_MAX];
    static struct vdso v;

    if (!v.image) {
        v.image_bytes = vdso_image_end - vdso_image;
        v.pages = pages;
        v.nr_data = 1;
        v.nr_pages = 1 + v.image_bytes / PAGE_SIZE;
        pages[0] = image_page(&vdso_page);
        for (unsigned i = 1; i < v.nr_pages; i++)
            pages[i] = image_page(vdso_image + (i - 1) * PAGE_SIZE);
        v.image = vdso_image;
    }
    return &v;
}

void arch_vdso_update(void)
{
    atomic_store(&vdso_page.data.real_offset, clock_real_offset_ns());
}
