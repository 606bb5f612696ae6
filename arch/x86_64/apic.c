/* SPDX-License-Identifier: BSD-2-Clause */
/* apic.c: the local APIC (SDM vol. 3A §11), through its page or, as x2APIC, through MSRs. */
#include "arch/x86_64/apic.h"
#include "arch/io.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/cpu.h"
#include "kernel/irq.h"
#include "kernel/log.h"
#include "kernel/smp.h"
#include "kernel/thread.h"

/* Register offsets of the page; as MSRs they are 0x800 + offset / 16. */
enum {
    APIC_ID = 0x20,
    APIC_EOI = 0xb0,
    APIC_SVR = 0xf0,
    APIC_ICR = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_ERROR = 0x370,
    APIC_TIMER_INIT = 0x380,
    APIC_TIMER_COUNT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};
#define APIC_BASE_X2APIC   (1u << 10)
#define APIC_BASE_ENABLE   (1u << 11)
#define SVR_ENABLE         0x100
#define LVT_MASKED         0x10000
#define LVT_PERIODIC       0x20000
#define LVT_TSC_DEADLINE   0x40000
#define ICR_PENDING        0x1000
#define ICR_ASSERT         0x4000
#define ICR_NMI            0x400
#define ICR_INIT           0x500
#define ICR_STARTUP        0x600
#define DIVIDE_BY_1        0xb
#define X2APIC_MSR(offset) (0x800 + ((offset) >> 4))

#define PIC1_DATA 0x21
#define PIC2_DATA 0xa1

static volatile char *apic_page; /* NULL: x2APIC */

static uint32_t apic_read(unsigned reg)
{
    return apic_page ? mmio_read32(apic_page + reg) : (uint32_t)rdmsr(X2APIC_MSR(reg));
}

static void apic_write(unsigned reg, uint32_t v)
{
    if (apic_page)
        mmio_write32(apic_page + reg, v);
    else
        wrmsr(X2APIC_MSR(reg), v);
}

uint32_t apic_id(void)
{
    return apic_page ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID);
}

bool apic_timer_has_deadline(void)
{
    return cpu_features.l1_ecx & CPU_L1C_TSC_DL;
}

void apic_timer_init_cpu(enum apic_timer_mode mode)
{
    if (mode == APIC_DEADLINE) {
        apic_write(APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR_TIMER);
        /* SDM vol. 3A §11.5.4.1: the write to the page must come before the write to the MSR */
        __asm__ volatile("mfence" ::: "memory");
        return;
    }
    apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, (mode == APIC_PERIODIC ? LVT_PERIODIC : 0) | VECTOR_TIMER);
}

void apic_timer_set_count(uint32_t count)
{
    apic_write(APIC_TIMER_INIT, count);
}

uint32_t apic_timer_count(void)
{
    return apic_read(APIC_TIMER_COUNT);
}

void apic_init_cpu(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);
    uint64_t want = base | APIC_BASE_ENABLE | (apic_page ? 0 : APIC_BASE_X2APIC);

    if (base != want)
        wrmsr(MSR_APIC_BASE, want);
    apic_write(APIC_LVT_LINT0, LVT_MASKED); /* where firmware lets the PIC in */
    apic_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
    this_cpu()->arch.apic_id = apic_id();
}

void apic_init(void)
{
    uint64_t base = rdmsr(MSR_APIC_BASE);

    /* Where there is no PIC the writes go nowhere. */
    outb(PIC1_DATA, 0xff);
    outb(PIC2_DATA, 0xff);
    if (!(cpu_features.l1_ecx & CPU_L1C_X2APIC)) {
        apic_page = arch_ioremap(base & 0xffffff000ull, PAGE_SIZE);
        if (!apic_page)
            panic("no address space for the local APIC");
    }
    apic_init_cpu();
}

static void send(uint32_t dest, uint32_t command)
{
    if (!apic_page) {
        /* SDM vol. 3A §11.12.3: the MSR is not ordered behind stores before it */
        __asm__ volatile("mfence" ::: "memory");
        wrmsr(X2APIC_MSR(APIC_ICR), (uint64_t)dest << 32 | ICR_ASSERT | command);
        return;
    }
    while (apic_read(APIC_ICR) & ICR_PENDING)
        arch_pause();
    apic_write(APIC_ICR_HIGH, dest << 24);
    apic_write(APIC_ICR, ICR_ASSERT | command);
}

void apic_send_ipi(uint32_t dest, unsigned vector)
{
    send(dest, vector);
}

void apic_send_nmi(uint32_t dest)
{
    send(dest, ICR_NMI);
}

void apic_send_init(uint32_t dest)
{
    send(dest, ICR_INIT);
}

void apic_send_startup(uint32_t dest, unsigned page)
{
    send(dest, ICR_STARTUP | page);
}

/* ---- what kernel/irq.c asks for ---- */

void arch_irq_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

void arch_irq_local(unsigned vector)
{
    switch (vector) {
    case VECTOR_SPURIOUS: /* SDM vol. 3A §11.9: no EOI */
        return;
    case VECTOR_TIMER:
        clock_timer_interrupt();
        break;
    case VECTOR_IPI: /* wakes the CPU: threads for it are looked for on the way out */
        smp_call_poll(this_cpu());
        sched_kicked(this_cpu());
        break;
    }
    arch_irq_eoi();
}

void arch_kick_cpu(unsigned cpu)
{
    unsigned long flags = arch_irq_save();

    apic_send_ipi(cpus[cpu]->arch.apic_id, VECTOR_IPI);
    arch_irq_restore(flags);
}

int arch_irq_route(unsigned gsi, bool level, unsigned cpu, unsigned vector)
{
    return ioapic_route(gsi, level, cpus[cpu]->arch.apic_id, vector);
}

/* SDM vol. 3A §11.11 */
void arch_irq_msi(unsigned cpu, unsigned vector, struct msi_msg *msg)
{
    msg->addr = 0xfee00000ull | (uint64_t)(cpus[cpu]->arch.apic_id & 0xff) << 12;
    msg->data = vector;
}

void arch_irq_init(void)
{
    apic_init();
    clock_start_reference();
}
