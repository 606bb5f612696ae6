/* SPDX-License-Identifier: BSD-2-Clause */
/* smp.c: the CPUs beside the first: how many there are, and their start (SDM vol. 3A §9.4, without its long waits). */
#include "kernel/smp.h"
#include "abi/errno.h"
#include "arch/cpu.h"
#include "arch/early.h"
#include "arch/fpu.h"
#include "arch/paging.h"
#include "arch/traps.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/mptable.h"
#include "kernel/acpi.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/log.h"
#include "kernel/slab.h"
#include "kernel/thread.h"
#include "lib/string.h"

#define TRAMPOLINE PAGE_SIZE /* boot_info.low_reserved begins with the page before */
#define EFER_LME   0x100
#define EFER_NXE   0x800

extern char trampoline_start[], trampoline_end[], trampoline_data[];

struct trampoline_data { /* in trampoline.S */
    uint32_t cr3, efer;
    uint16_t gdt_limit;
    uint32_t gdt_base;
    uint16_t pad0;
    uint32_t long_mode;
    uint16_t selector, pad1;
    struct trampoline_cpu *table;
    void (*entry)(struct cpu *);
    uint32_t nr, ticket;
} __packed;

struct trampoline_cpu {
    struct cpu *cpu;
    vaddr_t stack;
};

static struct trampoline_cpu table[MAX_CPUS];
static uint32_t apic_ids[MAX_CPUS]; /* of all CPUs but this one */
static unsigned nr_found;

/* ---- which there are ---- */

static void found(void *unused, uint32_t id)
{
    if (id != this_cpu()->arch.apic_id && nr_found < MAX_CPUS - 1)
        apic_ids[nr_found++] = id;
}

unsigned arch_cpus_find(void)
{
    bool many = (cpu_features.l1_ebx >> 16 & 0xff) > 1; /* CPUID counts those of this package */

    if (boot_info.low_reserved < TRAMPOLINE_PAGES * PAGE_SIZE + PAGE_SIZE)
        return 1;
    if (!acpi_each_cpu(found, NULL) && many)
        mptable_each_cpu(found, NULL);
    return nr_found + 1;
}

/* ---- start ---- */

int arch_cpu_prepare(struct cpu *c, struct thread *idle)
{
    void *fatal = kmalloc(FATAL_STACK_SIZE), *irq = kmalloc(IRQ_STACK_SIZE);

    if (!fatal || !irq || !IS_ALIGNED((vaddr_t)fatal, FATAL_STACK_SIZE)) {
        kfree(fatal);
        kfree(irq);
        return -ENOMEM;
    }
    cpu_set_stacks(c, fatal, irq);
    arch_thread_init(idle, NULL, NULL);
    return 0;
}

static void cpu_entry(struct cpu *c)
{
    cpu_load(c);
    idt_load();
    fpu_init_cpu();
    arch_set_current(c->idle);
    apic_init_cpu();
    clock_init_cpu();
    smp_cpu_main();
}

/* The page, a table for the lower 512 GiB and one for the lower GiB: what is below 2 MiB maps to itself while CPUs
 * start. */
static void prepare_trampoline(paddr_t at)
{
    char *code = phys_virt(at);
    uint64_t *pdpt = phys_virt(at + PAGE_SIZE), *pd = phys_virt(at + 2 * PAGE_SIZE);
    struct trampoline_data *d = (void *)(code + (trampoline_data - trampoline_start));

    memcpy(code, trampoline_start, trampoline_end - trampoline_start);
    memset(pdpt, 0, 2 * PAGE_SIZE);
    pdpt[0] = (at + 2 * PAGE_SIZE) | PTE_P | PTE_W;
    pd[0] = PTE_P | PTE_W | PTE_PS;
    d->cr3 = image_phys(kernel_pml4);
    d->efer = EFER_LME | (pte_nx ? EFER_NXE : 0);
    d->gdt_base += at;
    d->long_mode += at;
    d->table = table;
    d->entry = cpu_entry;
    d->nr = nr_cpus - 1;
}

/* A CPU that comes later than this stops at its first instruction in long mode, before it took a ticket. */
void arch_cpus_settle(void)
{
    kernel_pml4[0] = 0;
}

static void send_startup(void)
{
    for (unsigned i = 0; i < nr_cpus - 1; i++)
        apic_send_startup(apic_ids[i], TRAMPOLINE >> PAGE_SHIFT);
}

/* One that has started ignores it. */
void arch_cpus_start_again(void)
{
    send_startup();
}

void arch_cpus_start(void)
{
    arch_direct_map_extend(0, boot_info.low_reserved);
    for (unsigned i = 1; i < nr_cpus; i++)
        table[i - 1] =
            (struct trampoline_cpu){ cpus[i], cpus[i]->idle->arch.kstack_top - sizeof(struct user_regs) - 8 };
    prepare_trampoline(TRAMPOLINE);
    kernel_pml4[0] = (TRAMPOLINE + PAGE_SIZE) | PTE_P | PTE_W;
    for (unsigned i = 0; i < nr_cpus - 1; i++)
        apic_send_init(apic_ids[i]);
    send_startup();
}
