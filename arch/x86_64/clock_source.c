/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock_source.c: who tells the frequency of the TSC: the command line, KVM's clock, CPUID; else timers of known
 * frequency are counted against it.
 */
#include "arch/io.h"
#include "arch/x86_64/apic.h"
#include "arch/x86_64/clock.h"
#include "kernel/acpi.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/clock.h"
#include "kernel/page.h"
#include "kernel/slab.h"
#include "lib/string.h"

/* ---- KVM's clock: pages that the host fills; read once ---- */

#define MSR_KVM_WALL_CLOCK  0x4b564d00
#define MSR_KVM_SYSTEM_TIME 0x4b564d01
#define KVM_CPUID_FEATURES  0x40000001
#define KVM_CLOCKSOURCE2    (1u << 3)

struct pvclock_time { /* KVM's msr.rst, pvclock_vcpu_time_info */
    uint32_t version, pad;
    uint64_t tsc, system_ns;
    uint32_t mul;
    int8_t shift;
    uint8_t flags, pad2[2];
} __packed;

struct pvclock_wall {
    uint32_t version, sec, nsec;
} __packed;

static bool on_kvm(void)
{
    return !strcmp(cpu_features.hypervisor, "KVMKVMKVM") &&
           (cpuid(KVM_CPUID_FEATURES, 0).eax & KVM_CLOCKSOURCE2);
}

/* The host's view of time and TSC; false when it gave none. */
static bool kvmclock_read(struct pvclock_time *out)
{
    struct pvclock_time *t = kzalloc(64); /* naturally aligned: stays in its page */

    if (!t)
        return false;
    wrmsr(MSR_KVM_SYSTEM_TIME, virt_phys(t) | 1);
    *out =
        *(volatile struct pvclock_time *)t; /* written by the MSR's emulation, and at entries to the guest */
    wrmsr(MSR_KVM_SYSTEM_TIME, 0);
    kfree(t);
    return out->mul && !(out->version & 1);
}

static uint64_t kvmclock_khz(void)
{
    struct pvclock_time t;
    uint64_t khz;

    if (!on_kvm() || !kvmclock_read(&t))
        return 0;
    /* ns = (ticks << shift) * mul >> 32 */
    khz = (1000000ull << 32) / t.mul;
    return t.shift < 0 ? khz << -t.shift : khz >> t.shift;
}

uint64_t kvmclock_epoch_ns(uint64_t tsc)
{
    struct pvclock_time t;
    struct pvclock_wall *w;
    uint64_t ns = 0;

    if (!on_kvm() || !kvmclock_read(&t))
        return 0;
    w = kzalloc(64);
    if (!w)
        return 0;
    wrmsr(MSR_KVM_WALL_CLOCK, virt_phys(w)); /* the wall clock when system_ns was 0 */
    if (w->sec) {
        int64_t ticks = tsc - t.tsc;
        bool before = ticks < 0;
        uint64_t d = before ? -ticks : ticks;

        d = t.shift < 0 ? d >> -t.shift : d << t.shift;
        d = ((unsigned __int128)d * t.mul) >> 32;
        ns = w->sec * NSEC_PER_SEC + w->nsec + t.system_ns + (before ? -d : d);
    }
    kfree(w);
    return ns;
}

/* ---- CPUID ---- */

#define HYPER_TIMING_LEAF 0x40000010 /* VMware's, also KVM's: eax TSC, ebx APIC timer, kHz */
#define EMULATED_APIC_KHZ 1000000    /* QEMU's and KVM's APIC timers: 1 GHz */

static uint64_t cpuid_khz(uint64_t *apic_khz)
{
    if (cpu_features.hyper_max_leaf >= HYPER_TIMING_LEAF) {
        struct cpuid r = cpuid(HYPER_TIMING_LEAF, 0);

        if (r.ebx)
            *apic_khz = r.ebx;
        if (r.eax)
            return r.eax;
    }
    if (cpu_features.max_leaf >= 0x15) { /* SDM vol. 3B §19.7.3: TSC = crystal * ebx / eax */
        struct cpuid r = cpuid(0x15, 0);

        if (r.eax && r.ebx && r.ecx) {
            if (!*apic_khz)
                *apic_khz = r.ecx / 1000;
            return (uint64_t)r.ecx * r.ebx / r.eax / 1000;
        }
    }
    return 0;
}

uint64_t clock_known_khz(uint64_t *apic_khz)
{
    uint64_t khz = boot_arg_u64("tsc_khz", 0), found;

    if (!strcmp(cpu_features.hypervisor, "TCGTCGTCGTCG") || !strcmp(cpu_features.hypervisor, "KVMKVMKVM"))
        *apic_khz = EMULATED_APIC_KHZ;
    if (khz >= 1000 && khz < 100000000)
        return khz;
    found = kvmclock_khz();
    return found ? found : cpuid_khz(apic_khz);
}

/* ---- hardware timers: nothing else is known ---- */

#define PM_TIMER_HZ    3579545
#define PIT_HZ         1193182
#define PIT_CHANNEL0   0x40
#define PIT_COMMAND    0x43
#define PIT_LATCH      0x00
#define PIT_COUNT_DOWN 0x30         /* channel 0, both bytes, mode 0 */
#define MEASURE_RATE   100          /* a hundredth of a second: each end may be some microseconds off */
#define MEASURE_TICKS  200000000ull /* gives up: a timer that stands still */

/* Waits until the PM timer has counted n; returns what it counted, 0 when it stands still. */
static uint32_t pm_wait(uint16_t port, uint32_t n)
{
    uint32_t start = inl(port), passed = 0;
    uint64_t give_up = arch_ticks() + MEASURE_TICKS;

    while (passed < n) {
        passed = (inl(port) - start) & 0xffffff; /* 24 bits are always there */
        if (arch_ticks() > give_up)
            return 0;
    }
    return passed;
}

static uint16_t pit_count(void)
{
    uint8_t low;

    outb(PIT_COMMAND, PIT_LATCH);
    low = inb(PIT_CHANNEL0);
    return inb(PIT_CHANNEL0) << 8 | low;
}

/* The same with the PIT's channel 0, whose interrupt nobody hears. */
static uint32_t pit_wait(uint32_t n)
{
    uint64_t give_up = arch_ticks() + MEASURE_TICKS;
    uint16_t start, passed = 0;

    outb(PIT_COMMAND, PIT_COUNT_DOWN);
    outb(PIT_CHANNEL0, 0xff);
    outb(PIT_CHANNEL0, 0xff);
    start = pit_count();
    while (passed < n) {
        passed = start - pit_count();
        if (arch_ticks() > give_up)
            return 0;
    }
    return passed;
}

bool clock_measure(uint64_t *tsc_khz, uint64_t *apic_khz)
{
    uint16_t port = acpi_pm_timer_port();
    uint32_t n = 0, hz = PM_TIMER_HZ, apic;
    uint64_t tsc, ticks;

    apic_timer_init_cpu(APIC_PERIODIC);
    apic_timer_set_count(0xffffffff);
    apic = apic_timer_count();
    tsc = arch_ticks();
    if (port)
        n = pm_wait(port, PM_TIMER_HZ / MEASURE_RATE);
    if (!n) {
        hz = PIT_HZ;
        apic = apic_timer_count();
        tsc = arch_ticks();
        n = pit_wait(PIT_HZ / MEASURE_RATE);
    }
    if (!n)
        return false;
    ticks = arch_ticks() - tsc;
    *tsc_khz = ticks * hz / n / 1000;
    if (!*apic_khz)
        *apic_khz = (uint64_t)(apic - apic_timer_count()) * hz / n / 1000;
    return *tsc_khz > 0;
}
