/* SPDX-License-Identifier: BSD-2-Clause */
/* cpu.c: what this CPU can do, and its descriptor tables and control registers. */
#include "arch/cpu.h"
#include "arch/copy.h"
#include "arch/early.h"
#include "arch/fpu.h"
#include "arch/paging.h"
#include "arch/traps.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/cpu.h"
#include "kernel/log.h"
#include "kernel/thread.h"
#include "lib/string.h"

static_assert(offsetof(struct arch_cpu, self) == CPU_SELF, "offsets.h");
static_assert(offsetof(struct arch_cpu, running) == CPU_CURRENT, "offsets.h");
static_assert(offsetof(struct arch_cpu, kframe) == CPU_KFRAME, "offsets.h");
static_assert(offsetof(struct arch_cpu, user_sp) == CPU_USER_SP, "offsets.h");
static_assert(offsetof(struct arch_cpu, irq_stack_top) == CPU_IRQ_STACK, "offsets.h");
static_assert(offsetof(struct arch_cpu, view) == CPU_VIEW, "offsets.h");
static_assert(offsetof(struct thread, arch.sp) == THREAD_SP, "offsets.h");
static_assert(offsetof(struct thread, arch.kstack_top) == THREAD_KSTACK_TOP, "offsets.h");
static_assert(offsetof(struct thread, work) == THREAD_WORK, "offsets.h");
static_assert(offsetof(struct thread, mm) == THREAD_MM, "offsets.h");
static_assert(sizeof(struct user_regs) == REGS_SIZE, "offsets.h");
static_assert(offsetof(struct user_regs, orig_rax) == REGS_ORIG, "offsets.h");
static_assert(offsetof(struct cpu, in_irq) == CPU_IN_IRQ, "offsets.h");
static_assert(sizeof(struct tss) == 104, "SDM vol. 3A figure 8-11");

#define CR4_OSFXSR              (1ul << 9)
#define CR4_OSXMM               (1ul << 10)
#define CR4_UMIP                (1ul << 11)
#define CR4_FSGSBASE            (1ul << 16)
#define CR4_OSXSAVE             (1ul << 18)
#define CR4_SMEP                (1ul << 20)
#define CR4_SMAP                (1ul << 21)
#define EFER_SCE                1
#define RFLAGS_CLEAR_AT_SYSCALL 0x257fd5        /* all but the reserved bit: IF, DF, AC, TF, NT, IOPL ... */
#define TSS_TYPE                (0x89ull << 40) /* present, available 64-bit TSS */

struct cpu_features cpu_features;
bool arch_is_emulated;
uint8_t copy_mode;

static char irq_stack[IRQ_STACK_SIZE] __aligned(16);
/* Double faults, NMI and machine checks: none returns, so one stack does. Its last word finds the CPU. */
static char fatal_stack[FATAL_STACK_SIZE] __aligned(FATAL_STACK_SIZE);

/* Runs identity-mapped and unrelocated. */
void cpu_features_read(void)
{
    struct cpu_features *f = &cpu_features;
    struct cpuid r = cpuid(0, 0);

    f->max_leaf = r.eax;
    r = cpuid(1, 0);
    f->l1_eax = r.eax, f->l1_ebx = r.ebx, f->l1_ecx = r.ecx, f->l1_edx = r.edx;
    if (f->max_leaf >= 7) {
        r = cpuid(7, 0);
        f->l7_ebx = r.ebx, f->l7_ecx = r.ecx, f->l7_edx = r.edx;
    }
    r = cpuid(0x80000001, 0);
    f->x1_ecx = r.ecx, f->x1_edx = r.edx;
    if (f->l1_ecx & CPU_L1C_HYPER) {
        r = cpuid(0x40000000, 0);
        f->hyper_max_leaf = r.eax;
        uint32_t name[3] = { r.ebx, r.ecx, r.edx };
        memcpy(f->hypervisor, name, sizeof(name));
        arch_is_emulated = r.ebx == 0x54474354; /* "TCGT" */
    }
    if (f->l7_ebx & CPU_L7B_ERMS || f->l7_edx & CPU_L7D_FSRM)
        copy_mode = COPY_BYTES;
}

static uint64_t wanted_cr4(void)
{
    uint64_t cr4 = read_cr4() | CR4_PGE | CR4_OSFXSR | CR4_OSXMM;

    if (cpu_features.l1_ecx & CPU_L1C_XSAVE)
        cr4 |= CR4_OSXSAVE;
    if (cpu_features.l7_ebx & CPU_L7B_FSGSBASE)
        cr4 |= CR4_FSGSBASE;
    if (cpu_features.l7_ebx & CPU_L7B_SMEP)
        cr4 |= CR4_SMEP;
    if (cpu_features.l7_ebx & CPU_L7B_SMAP)
        cr4 |= CR4_SMAP;
    if (cpu_features.l7_ecx & CPU_L7C_UMIP)
        cr4 |= CR4_UMIP;
    return cr4;
}

static void load_descriptor_tables(struct arch_cpu *c)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __packed gdtr = { sizeof(c->gdt) - 1, (uint64_t)c->gdt };
    uint64_t tss = (uint64_t)&c->tss;

    c->gdt[SEL_KERNEL_CODE / 8] = 0x00af9b000000ffff;
    c->gdt[SEL_KERNEL_DATA / 8] = 0x00cf93000000ffff;
    c->gdt[SEL_USER_DATA / 8] = 0x00cff3000000ffff;
    c->gdt[SEL_USER_CODE / 8] = 0x00affb000000ffff;
    c->gdt[SEL_TSS / 8] =
        (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | TSS_TYPE | (tss >> 24 & 0xff) << 56;
    c->gdt[SEL_TSS / 8 + 1] = tss >> 32;
    c->tss.iomap_base = sizeof(struct tss);
    __asm__ volatile("lgdt %0" ::"m"(gdtr));
    __asm__ volatile("pushq %0; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1:" ::"i"(SEL_KERNEL_CODE)
                     : "rax", "memory");
    __asm__ volatile("ltr %w0" ::"r"(SEL_TSS));
    __asm__ volatile(
        "mov %0, %%ss" ::"r"(SEL_KERNEL_DATA)); /* as SYSCALL leaves it: see KERNEL_SS in entry.S */
}

void cpu_set_stacks(struct cpu *cpu, char *fatal, char *irq)
{
    struct arch_cpu *c = &cpu->arch;

    c->self = cpu;
    c->irq_stack_top = (vaddr_t)irq + IRQ_STACK_SIZE;
    *(struct cpu **)(fatal + FATAL_STACK_SIZE - 16) = cpu;
    c->tss.ist[FATAL_IST - 1] = (vaddr_t)fatal + FATAL_STACK_SIZE - 16;
}

void cpu_load(struct cpu *cpu)
{
    struct arch_cpu *c = &cpu->arch;

    load_descriptor_tables(c);
    wrmsr(MSR_GS_BASE, (uint64_t)c);
    write_cr4(wanted_cr4());
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
    wrmsr(MSR_STAR, (uint64_t)(SEL_SYSRET_BASE | 3) << 48 | (uint64_t)SEL_KERNEL_CODE << 32);
    wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
    wrmsr(MSR_SFMASK, RFLAGS_CLEAR_AT_SYSCALL);
}

static paddr_t boot_params_pa;
static unsigned boot_protocol;

void boot_main(paddr_t params, unsigned protocol)
{
    boot_params_pa = params;
    boot_protocol = protocol;
    kernel_main();
}

void arch_early_init(void)
{
    cpus[0] = &boot_cpu;
    cpu_set_stacks(&boot_cpu, fatal_stack, irq_stack);
    cpu_load(&boot_cpu);
    idt_init();
    fpu_init();
    paging_init();
    boot_params_read(boot_params_pa, boot_protocol);
}
