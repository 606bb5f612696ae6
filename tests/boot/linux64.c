/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linux64.c: a boot loader that starts a kernel by Linux's 64-bit boot protocol, as Firecracker does: long mode, the
 * first GiB identity-mapped, RSI = boot_params, at the ELF file's entry point. It is started by PVH itself and passes
 * on what it was given. The kernel lies in memory already (qemu -device loader,file=...); ENTRY is its entry point.
 */
#include <asm/bootparam.h>
#include <stdint.h>

struct start_info {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modules, cmdline, rsdp, memmap;
    uint32_t nr_memmap, reserved;
};
struct module {
    uint64_t start, size, cmdline, reserved;
};
struct range {
    uint64_t start, size;
    uint32_t type, reserved;
};

#define TABLE __attribute__((aligned(4096)))
char stack[4096];
static struct boot_params params TABLE;
static uint64_t pml4[512] TABLE, pdpt[512] TABLE, pd[512] TABLE;
/* __BOOT_CS is 0x10, __BOOT_DS 0x18 */
static const uint64_t gdt[] = { 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff };

void loader(const struct start_info *si);
void go(uint32_t cr3, void *gdtr, void *boot_params);

#define TEXT(x)  TEXT_(x)
#define TEXT_(x) #x
__asm__(".pushsection .note.pvh, \"a\", @note\n"
        "    .long 4, 4, 18\n"
        "    .asciz \"Xen\"\n"
        "    .long start\n"
        ".popsection\n"
        "    .globl start\n"
        "start:\n"
        "    mov $stack + 4096, %esp\n"
        "    push %ebx\n"
        "    call loader\n"
        "go: mov 4(%esp), %eax\n"
        "    mov %eax, %cr3\n"
        "    mov 8(%esp), %eax\n"
        "    lgdt (%eax)\n"
        "    mov 12(%esp), %esi\n"
        "    mov $0x20, %eax\n" /* CR4.PAE */
        "    mov %eax, %cr4\n"
        "    mov $0xc0000080, %ecx\n"
        "    xor %edx, %edx\n"
        "    mov $0x100, %eax\n" /* EFER.LME */
        "    wrmsr\n"
        "    mov $0x80000011, %eax\n" /* CR0.PG, PE */
        "    mov %eax, %cr0\n"
        "    ljmp $0x10, $1f\n"
        "    .code64\n"
        "1:  mov $0x18, %eax\n"
        "    mov %eax, %ss\n"
        "    mov %eax, %ds\n"
        "    mov %eax, %es\n"
        "    mov $" TEXT(ENTRY) ", %eax\n"
                                "    jmp *%rax\n"
                                "    .code32\n");

void loader(const struct start_info *si)
{
    const struct module *m = (void *)(uint32_t)si->modules;
    const struct range *r = (void *)(uint32_t)si->memmap;
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) gdtr = { sizeof(gdt) - 1, (uint32_t)gdt };

    params.hdr.cmd_line_ptr = si->cmdline;
    params.acpi_rsdp_addr = si->rsdp;
    if (si->nr_modules) {
        params.hdr.ramdisk_image = m->start;
        params.hdr.ramdisk_size = m->size;
    }
    for (unsigned i = 0; i < si->nr_memmap; i++)
        params.e820_table[i] = (struct boot_e820_entry){ r[i].start, r[i].size, r[i].type };
    params.e820_entries = si->nr_memmap;
    for (unsigned i = 0; i < 512; i++)
        pd[i] = (uint64_t)i << 21 | 0x83;
    pdpt[0] = (uint32_t)pd | 3;
    pml4[0] = (uint32_t)pdpt | 3;
    go((uint32_t)pml4, &gdtr, &params);
}
