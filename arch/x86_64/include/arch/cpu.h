/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpu.h: this CPU: its part of struct cpu (reached by gs), interrupt flag, and the privileged operations. All of
 * these are here, so that a paravirtual platform can replace them.
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include "arch/io.h"
#include "arch/offsets.h"
#include "lib/types.h"

#define MAX_CPUS 64

struct cpu;
struct thread;
struct pt_view;

extern bool arch_is_emulated; /* the hypervisor is an emulator without fast string instructions (TCG) */

/* SDM vol. 3A §8.7 */
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7]; /* IST1 is ist[0] */
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t iomap_base;
} __packed;

struct arch_cpu {
    struct cpu *self;
    struct thread *running;
    vaddr_t kframe;  /* where a system call puts the current thread's user registers */
    vaddr_t user_sp; /* scratch of the system-call entry */
    vaddr_t irq_stack_top;
    struct pt_view *view;      /* of the program, loaded; NULL: its common tables are */
    struct thread *user_owner; /* whose FPU, FS and user GS are loaded; NULL: nobody's of interest */
    uint32_t apic_id;
    uint32_t tlb_state; /* enum in tlb.c: of entries of the lower half [a] */
    uint64_t gdt[10] __aligned(16);
    struct tss tss __aligned(16);
    uint64_t user_gs; /* what was loaded, or when saved; nothing without user_owner */
};

static inline struct cpu *arch_this_cpu(void)
{
    struct cpu *c;
    __asm__ volatile("movq %%gs:%c1, %0" : "=r"(c) : "i"(CPU_SELF));
    return c;
}
/* The same for the whole life of a thread: the compiler may keep it. */
static inline struct thread *arch_current(void)
{
    struct thread *t;
    __asm__("movq %%gs:%c1, %0" : "=r"(t) : "i"(CPU_CURRENT));
    return t;
}

static inline void arch_set_current(struct thread *t)
{
    __asm__ volatile("movq %0, %%gs:%c1" ::"r"(t), "i"(CPU_CURRENT) : "memory");
}

/* ---- interrupt flag ---- */
#define RFLAGS_IF (1ul << 9)
static inline unsigned long arch_flags(void)
{
    unsigned long f;
    __asm__ volatile("pushfq; popq %0" : "=r"(f)::"memory");
    return f;
}
static inline void arch_irq_enable(void)
{
    __asm__ volatile("sti" ::: "memory");
}
static inline void arch_irq_disable(void)
{
    __asm__ volatile("cli" ::: "memory");
}
static inline bool arch_irqs_on(void)
{
    return arch_flags() & RFLAGS_IF;
}
static inline unsigned long arch_irq_save(void)
{
    unsigned long f = arch_flags();
    arch_irq_disable();
    return f;
}
static inline void arch_irq_restore(unsigned long f)
{
    if (f & RFLAGS_IF)
        arch_irq_enable();
}
/* STI takes effect after the next instruction: no interrupt is lost in between. */
static inline void arch_halt(void)
{
    __asm__ volatile("sti; hlt" ::: "memory");
}
static inline void arch_pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}
#define PORT_POST 0x80 /* diagnostics: reading it does nothing, on any machine */

/* Our writes are visible to devices before what we read next is read. An emulator may run a lone CPU's barriers and locked
 * instructions as ordinary ones, although its devices are other threads: what it does for a port takes the lock that they
 * work under. */
static inline void arch_device_fence(void)
{
    __asm__ volatile("mfence" ::: "memory");
    if (arch_is_emulated)
        inb(PORT_POST);
}
static inline uint64_t arch_ticks(void)
{
    uint32_t lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

/* ---- CPUID and what it said ---- */
struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};
static inline struct cpuid cpuid(uint32_t leaf, uint32_t sub)
{
    struct cpuid r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(sub));
    return r;
}
/* Each CPUID traps under a hypervisor, so the leaves in use are read once. Read-only after arch_early_init(). */
struct cpu_features {
    uint32_t max_leaf, hyper_max_leaf; /* hyper: 0x40000000 and up; 0 when no hypervisor says so */
    uint32_t l1_eax, l1_ebx, l1_ecx, l1_edx;
    uint32_t l7_ebx, l7_ecx, l7_edx;
    uint32_t x1_ecx, x1_edx; /* leaf 0x80000001 */
    char hypervisor[13];     /* "KVMKVMKVM", "TCGTCGTCGTCG", or "" */
};
extern struct cpu_features cpu_features;

#define CPU_L1C_PCID     (1u << 17)
#define CPU_L1C_X2APIC   (1u << 21)
#define CPU_L1C_TSC_DL   (1u << 24)
#define CPU_L1C_XSAVE    (1u << 26)
#define CPU_L1C_AVX      (1u << 28)
#define CPU_L1C_RDRAND   (1u << 30)
#define CPU_L1C_HYPER    (1u << 31)
#define CPU_L1D_FXSR     (1u << 24)
#define CPU_L7B_FSGSBASE (1u << 0)
#define CPU_L7B_SMEP     (1u << 7)
#define CPU_L7B_ERMS     (1u << 9)
#define CPU_L7B_RDSEED   (1u << 18)
#define CPU_L7B_SMAP     (1u << 20)
#define CPU_L7C_UMIP     (1u << 2)
#define CPU_L7D_FSRM     (1u << 4)
#define CPU_X1D_NX       (1u << 20)
#define CPU_X1D_1G       (1u << 26)
#define CPU_X1D_RDTSCP   (1u << 27)
#define CPU_X1D_LM       (1u << 29)

/* ---- model-specific registers ---- */
#define MSR_APIC_BASE      0x1b
#define MSR_TSC_DEADLINE   0x6e0
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_SFMASK         0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
    return (uint64_t)hi << 32 | lo;
}
static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

/* ---- control registers, TLB ---- */
static inline uint64_t read_cr2(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr2, %0" : "=r"(v)::"memory");
    return v;
}
static inline uint64_t read_cr3(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr3, %0" : "=r"(v)::"memory");
    return v;
}
static inline void write_cr3(uint64_t v)
{
    __asm__ volatile("movq %0, %%cr3" ::"r"(v) : "memory");
}
static inline uint64_t read_cr4(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr4, %0" : "=r"(v)::"memory");
    return v;
}
static inline void write_cr4(uint64_t v)
{
    __asm__ volatile("movq %0, %%cr4" ::"r"(v) : "memory");
}
#define CR4_PGE (1ul << 7)
static inline void tlb_flush_page(vaddr_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

#endif
