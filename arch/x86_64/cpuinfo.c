/* SPDX-License-Identifier: BSD-2-Clause */
/* cpuinfo.c: /proc/cpuinfo in Linux's words, from CPUID (SDM vol. 2A, CPUID; APM vol. 3 appendix E). */
#include "kernel/arch.h"
#include "kernel/cpu.h"
#include "lib/string.h"

enum leaf { L1_EDX, X1_EDX, L1_ECX, X1_ECX, LD1_EAX, L7_EBX, L7_ECX, L7_EDX, L6_EAX, X7_EDX, LEAVES };

/* Names by bit, "" for what has none in Linux; each register's end with its last known bit. In the order of Linux's
 * capability words, which is the order of its output. */
static const char *const names[LEAVES] = {
    [L1_EDX] =
        "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx "
        "fxsr sse sse2 ss ht tm ia64 pbe",
    [X1_EDX] = "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm "
               "3dnowext 3dnow",
    [L1_ECX] =
        "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca "
        "sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor",
    [X1_ECX] =
        "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt "
        "- lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx",
    [LD1_EAX] = "xsaveopt xsavec xgetbv1 xsaves",
    [L7_EBX] =
        "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq "
        "rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw "
        "avx512vl",
    [L6_EAX] = "dtherm ida arat",
    [L7_ECX] =
        "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme "
        "avx512_vpopcntdq - la57 - - - - - rdpid - bus_lock_detect cldemote - movdiri movdir64b enqcmd",
    [L7_EDX] = "- - avx512_4vnniw avx512_4fmaps fsrm - - - avx512_vp2intersect - md_clear - - - serialize - "
               "tsxldtrk - pconfig arch_lbr ibt - amx_bf16 avx512_fp16 amx_tile amx_int8",
    [X7_EDX] = "- - - - - - - - constant_tsc",
};

/* What the CPU could do but the kernel does not use is not a program's either. */
#define CR4_LA57     (1ul << 12)
#define CR4_PKE      (1ul << 22)
#define CPU_L7C_PKU  (1u << 3)
#define CPU_L7C_LA57 (1u << 16)

struct out {
    char *buf;
    size_t size, len;
};

static __printf(2, 3) void put(struct out *o, const char *fmt, ...)
{
    size_t left = o->size - o->len;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(o->buf + o->len, left, fmt, ap);
    va_end(ap);
    o->len += MIN((size_t)n, left - 1);
}

static void put_flags(struct out *o, const char *list, uint32_t bits)
{
    for (; *list; bits >>= 1) {
        const char *end = strchr(list, ' ');
        size_t n = end ? (size_t)(end - list) : strlen(list);

        if ((bits & 1) && *list != '-')
            put(o, " %.*s", (int)n, list);
        list += n + (end ? 1 : 0);
    }
}

static uint32_t leaf(uint32_t n, uint32_t sub, uint32_t max, unsigned reg)
{
    struct cpuid r = { 0 };

    if (n <= max)
        r = cpuid(n, sub);
    return reg == 0 ? r.eax : reg == 1 ? r.ebx : reg == 2 ? r.ecx : r.edx;
}

static void put_all_flags(struct out *o, uint32_t max, uint32_t xmax)
{
    uint32_t off[LEAVES] = { 0 }, bits[LEAVES] = {
        [L1_EDX] = cpu_features.l1_edx,   [X1_EDX] = cpu_features.x1_edx,
        [L1_ECX] = cpu_features.l1_ecx,   [X1_ECX] = cpu_features.x1_ecx,
        [LD1_EAX] = leaf(0xd, 1, max, 0), [L7_EBX] = cpu_features.l7_ebx,
        [L7_ECX] = cpu_features.l7_ecx,   [L7_EDX] = cpu_features.l7_edx,
        [L6_EAX] = leaf(6, 0, max, 0),    [X7_EDX] = leaf(0x80000007, 0, xmax, 3),
    };

    if (!(read_cr4() & CR4_LA57))
        off[L7_ECX] |= CPU_L7C_LA57;
    if (!(read_cr4() & CR4_PKE))
        off[L7_ECX] |= CPU_L7C_PKU;
    put(o, "flags\t\t:");
    for (unsigned i = 0; i < LEAVES; i++)
        put_flags(o, names[i], bits[i] & ~off[i]);
    put(o, "\nbugs\t\t:\n");
}

static void put_model_name(struct out *o, uint32_t xmax)
{
    char name[49] = "";

    for (unsigned i = 0; i < 3 && xmax >= 0x80000004; i++) {
        struct cpuid r = cpuid(0x80000002 + i, 0);

        memcpy(name + 16 * i, &r, sizeof(r));
    }
    put(o, "model name\t: %s\n", name[0] ? name : "unknown");
}

static void put_identity(struct out *o, unsigned cpu, uint32_t xmax)
{
    struct cpuid r = cpuid(0, 0);
    uint32_t sig = cpu_features.l1_eax, family = sig >> 8 & 15, model = sig >> 4 & 15;
    char vendor[13] = "";

    memcpy(vendor, &r.ebx, 4);
    memcpy(vendor + 4, &r.edx, 4);
    memcpy(vendor + 8, &r.ecx, 4);
    if (family >= 6)
        model += (sig >> 16 & 15) << 4;
    if (family == 15)
        family += sig >> 20 & 255;
    put(o, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", cpu, vendor, family, model);
    put_model_name(o, xmax);
    put(o, "stepping\t: %u\n", sig & 15);
}

size_t arch_cpuinfo(unsigned cpu, char *buf, size_t size)
{
    uint32_t max = cpu_features.max_leaf, xmax = cpuid(0x80000000, 0).eax, apic = cpus[cpu]->arch.apic_id,
             line, bits;
    uint64_t khz = (1000000ull << 30) / MAX(arch_ticks_ns(1ull << 30), (uint64_t)1);
    struct out o = { buf, size, 0 };

    put_identity(&o, cpu, xmax);
    put(&o, "cpu MHz\t\t: %llu.%03llu\n", (unsigned long long)khz / 1000, (unsigned long long)khz % 1000);
    if (xmax >= 0x80000006)
        put(&o, "cache size\t: %u KB\n", cpuid(0x80000006, 0).ecx >> 16);
    put(&o,
        "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\ninitial apicid\t: %u\n",
        nr_cpus, cpu, nr_cpus, apic, apic);
    put(&o, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\n", max);
    put_all_flags(&o, max, xmax);
    line = (cpu_features.l1_ebx >> 8 & 255) * 8;
    bits = leaf(0x80000008, 0, xmax, 0);
    put(&o, "bogomips\t: %llu.%02llu\nclflush size\t: %u\ncache_alignment\t: %u\n",
        (unsigned long long)khz / 500, (unsigned long long)khz / 5 % 100, line, line);
    put(&o, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n", bits & 255,
        read_cr4() & CR4_LA57 ? 57 : 48);
    return o.len;
}
