/* SPDX-License-Identifier: BSD-2-Clause */
/* acpi.c: reading ACPI tables (ACPI 6.5 §5.2) without trust, and known patterns in AML without an interpreter. */
#include "kernel/acpi.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/page.h"
#include "lib/string.h"

struct rsdp { /* §5.2.5.3 */
    char signature[8];
    uint8_t checksum;
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t ext_checksum, reserved[3];
} __packed;

#define RSDP_V1_SIZE 20
#define TABLE_MAX    (1024 * 1024)
#define TABLES_MAX   256ul
#define LOW_MEMORY   0x100000

static uint32_t get32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static bool machine_has(paddr_t start, paddr_t end)
{
    if (end <= LOW_MEMORY) /* where firmware keeps tables, listed or not */
        return true;
    for (unsigned i = 0; i < boot_info.nr_mem; i++)
        if (start >= boot_info.mem[i].start && end <= boot_info.mem[i].end)
            return true;
    return false;
}

/* Physical memory that the machine's map has, made reachable; NULL when it is not there. */
static const void *acpi_memory(paddr_t pa, size_t len)
{
    paddr_t start = ALIGN_DOWN(pa, PAGE_SIZE), end = ALIGN_UP(pa + len, PAGE_SIZE);

    if (!pa || end <= start || !machine_has(pa, pa + len) || arch_direct_map_extend(start, end))
        return NULL;
    return phys_virt(pa);
}

static const struct acpi_header *acpi_table(paddr_t pa)
{
    const struct acpi_header *h = acpi_memory(pa, sizeof(*h));

    if (!h || h->length < sizeof(*h) || h->length > TABLE_MAX || !acpi_memory(pa, h->length))
        return NULL;
    return h;
}

/* The table of tables; entry: size of its pointers. */
static const struct acpi_header *acpi_root(unsigned *entry)
{
    const struct acpi_header *h = NULL;

    if (!boot_info.rsdp)
        return NULL;
    const struct rsdp *r = acpi_memory(boot_info.rsdp, RSDP_V1_SIZE);

    if (!r || memcmp(r->signature, "RSD PTR ", 8))
        return NULL;
    if (r->revision >= 2 && acpi_memory(boot_info.rsdp, sizeof(*r)))
        h = acpi_table(r->xsdt);
    *entry = h ? 8 : 4;
    return h ? h : acpi_table(r->rsdt);
}

const struct acpi_header *acpi_find(const char *signature)
{
    unsigned entry;
    const struct acpi_header *root = acpi_root(&entry);

    if (!root)
        return NULL;
    const uint8_t *p = (const uint8_t *)(root + 1);
    unsigned nr = MIN((root->length - sizeof(*root)) / entry, TABLES_MAX);

    for (; nr--; p += entry) {
        const struct acpi_header *h = acpi_table(entry == 8 ? get64(p) : get32(p));

        if (h && !memcmp(h->signature, signature, 4))
            return h;
    }
    return NULL;
}

/* ---- MADT, §5.2.12 ---- */

#define MADT_FIRST    44
#define MADT_APIC     0
#define MADT_IOAPIC   1
#define MADT_X2APIC   9
#define MADT_ENABLED  1u
#define MADT_OVERRIDE 2

/* The next entry of the type at or after offset *at (0 starts), of at least size bytes; NULL at the end. */
static const uint8_t *madt_next(uint32_t *at, unsigned type, unsigned size)
{
    const struct acpi_header *h = acpi_find("APIC");
    const uint8_t *t = (const uint8_t *)h;

    if (!h)
        return NULL;
    if (!*at)
        *at = MADT_FIRST;
    while (*at < h->length && h->length - *at >= 2) {
        const uint8_t *e = t + *at;

        if (e[1] < 2 || e[1] > h->length - *at)
            return NULL;
        *at += e[1];
        if (e[0] == type && e[1] >= size)
            return e;
    }
    return NULL;
}

/* Ids from 255 on have entries of the second kind, §5.2.12.12. */
unsigned acpi_each_cpu(void (*fn)(void *arg, uint32_t apic_id), void *arg)
{
    const uint8_t *e;
    uint32_t at = 0;
    unsigned n = 0;

    while ((e = madt_next(&at, MADT_APIC, 8)))
        if (get32(e + 4) & MADT_ENABLED && e[3] != 0xff)
            fn(arg, e[3]), n++;
    at = 0;
    while ((e = madt_next(&at, MADT_X2APIC, 16)))
        if (get32(e + 8) & MADT_ENABLED)
            fn(arg, get32(e + 4)), n++;
    return n;
}

unsigned acpi_each_ioapic(void (*fn)(void *arg, paddr_t base, unsigned first_gsi), void *arg)
{
    uint32_t at = 0;
    unsigned n = 0;
    const uint8_t *e;

    for (; (e = madt_next(&at, MADT_IOAPIC, 12)); n++)
        fn(arg, get32(e + 4), get32(e + 8));
    return n;
}

void acpi_isa_irq(unsigned irq, unsigned *gsi, bool *level)
{
    uint32_t at = 0;
    const uint8_t *e;

    *gsi = irq;
    *level = false;
    while ((e = madt_next(&at, MADT_OVERRIDE, 10)))
        if (e[2] == 0 && e[3] == irq) {
            *gsi = get32(e + 4);
            *level = (e[8] & 0x0c) == 0x0c; /* MPS INTI flags: trigger mode */
        }
}

/* ---- FADT, §5.2.9 ---- */

enum {
    FADT_DSDT = 40,
    FADT_PM1A_CNT = 64,
    FADT_PM1B_CNT = 68,
    FADT_PM_TIMER = 76,
    FADT_BOOT_ARCH = 109,
    FADT_FLAGS = 112,
    FADT_RESET_REG = 116,
    FADT_RESET_VALUE = 128,
    FADT_X_DSDT = 140,
    FADT_SLEEP_CONTROL = 244,
};
#define BOOT_ARCH_NO_RTC (1u << 5)
#define FLAG_RESET_REG   (1u << 10)
#define FLAG_HW_REDUCED  (1u << 20)
#define GAS_SIZE         12 /* generic address: space, width, offset, access, address */
#define GAS_SPACE_MEMORY 0
#define GAS_SPACE_IO     1
#define AML_OP_PACKAGE   0x12
#define AML_OP_BYTE      0x0a

/* The FADT if it reaches as far as end, else NULL. */
static const uint8_t *fadt(uint32_t end)
{
    const struct acpi_header *h = acpi_find("FACP");

    return h && h->length >= end ? (const uint8_t *)h : NULL;
}

static const struct acpi_header *dsdt(void)
{
    const uint8_t *f = fadt(FADT_X_DSDT + 8);
    const struct acpi_header *h = f ? acpi_table(get64(f + FADT_X_DSDT)) : NULL;

    if (!h && (f = fadt(FADT_DSDT + 4)))
        h = acpi_table(get32(f + FADT_DSDT));
    return h && !memcmp(h->signature, "DSDT", 4) ? h : NULL;
}

uint32_t acpi_pm_timer_port(void)
{
    const uint8_t *f = fadt(FADT_PM_TIMER + 4);

    return f && get32(f + FADT_PM_TIMER) < 0x10000 ? get32(f + FADT_PM_TIMER) : 0;
}

bool acpi_no_cmos_rtc(void)
{
    const uint8_t *f = fadt(FADT_FLAGS);
    const struct acpi_header *h = (const void *)f;

    return f && h->revision >= 4 && (f[FADT_BOOT_ARCH] & BOOT_ARCH_NO_RTC);
}

static const uint8_t *find(const uint8_t *p, const uint8_t *end, const char *pattern, size_t len)
{
    while ((size_t)(end - p) >= len) {
        p = memchr(p, pattern[0], end - p - len + 1);
        if (!p)
            break;
        if (!memcmp(p, pattern, len))
            return p;
        p++;
    }
    return NULL;
}

/* A small AML integer at *p; false when it is none. */
static bool aml_small(const uint8_t **p, const uint8_t *end, uint8_t *v)
{
    if (end - *p < 2)
        return false;
    if (**p == AML_OP_BYTE) {
        *v = (*p)[1];
        *p += 2;
        return true;
    }
    *v = **p; /* ZeroOp, OneOp */
    (*p)++;
    return *v <= 1;
}

/* Name(_S5_, Package() { type a, type b, ... }) anywhere in the DSDT, §7.4.2 */
static bool find_s5(uint8_t *a, uint8_t *b)
{
    const struct acpi_header *h = dsdt();

    if (!h)
        return false;
    const uint8_t *p = (const uint8_t *)(h + 1), *end = (const uint8_t *)h + h->length;

    while ((p = find(p, end, "_S5_", 4))) {
        p += 4;
        if (end - p < 8 || p[0] != AML_OP_PACKAGE)
            continue;
        const uint8_t *q = p + 2 + (p[1] >> 6); /* package length: 1 to 4 bytes */

        if (end - q < 1 || *q++ < 1)
            continue;
        if (!aml_small(&q, end, a))
            continue;
        if (!aml_small(&q, end, b))
            *b = *a;
        return true;
    }
    return false;
}

void acpi_power(struct acpi_power *p)
{
    const uint8_t *f = fadt(FADT_PM1B_CNT + 4);

    memset(p, 0, sizeof(*p));
    if (!f)
        return;
    p->pm1a_port = get32(f + FADT_PM1A_CNT);
    p->pm1b_port = get32(f + FADT_PM1B_CNT);
    p->s5_known = find_s5(&p->slp_typa, &p->slp_typb);
    f = fadt(FADT_RESET_VALUE + 1);
    if (f && (get32(f + FADT_FLAGS) & FLAG_RESET_REG) && f[FADT_RESET_REG] <= GAS_SPACE_IO) {
        p->reset_known = true;
        p->reset_is_port = f[FADT_RESET_REG] == GAS_SPACE_IO;
        p->reset_reg = get64(f + FADT_RESET_REG + 4);
        p->reset_value = f[FADT_RESET_VALUE];
    }
    f = fadt(FADT_SLEEP_CONTROL + GAS_SIZE);
    if (f && (get32(f + FADT_FLAGS) & FLAG_HW_REDUCED) && f[FADT_SLEEP_CONTROL] <= GAS_SPACE_IO) {
        p->sleep_is_port = f[FADT_SLEEP_CONTROL] == GAS_SPACE_IO;
        p->sleep_reg = get64(f + FADT_SLEEP_CONTROL + 4);
    }
}

/* ---- PCI configuration space by memory ---- */

#define MCFG_ENTRY    44 /* PCI Firmware 3.2 §4.1.2: base u64, segment u16, first and last bus u8 */
#define ECAM_MASK     0xfffffull
#define AML_OP_RETURN 0xa4
#define AML_OP_DWORD  0x0c
#define AML_OP_QWORD  0x0e

/* PCI Firmware 3.2 §4.1.3: _CBA is a method that returns a constant, or a constant. */
static paddr_t find_cba(void)
{
    const struct acpi_header *h = dsdt();

    if (!h)
        return 0;
    const uint8_t *end = (const uint8_t *)h + h->length;
    const uint8_t *p = find((const uint8_t *)(h + 1), end, "_CBA", 4);

    if (!p || end - p < 4 + 2 + 9)
        return 0;
    p += p[5] == AML_OP_RETURN ? 6 : 4;
    return *p == AML_OP_DWORD ? get32(p + 1) : *p == AML_OP_QWORD ? get64(p + 1) : 0;
}

paddr_t acpi_ecam(unsigned *last_bus)
{
    if (!boot_info.rsdp)
        return 0;
    const struct acpi_header *h = acpi_find("MCFG");
    const uint8_t *e = (const uint8_t *)h + MCFG_ENTRY;
    paddr_t base;

    *last_bus = 255;
    if (h && h->length >= MCFG_ENTRY + 16) {
        base = e[10] == 0 && e[8] == 0 && e[9] == 0 ? get64(e) : 0; /* segment 0 from bus 0 on */
        *last_bus = e[11];
    } else {
        base = find_cba();
    }
    return base & ECAM_MASK || base >> 52 ? 0 : base;
}

/* ---- virtio-mmio in the DSDT ---- */

#define HID_VIRTIO    "LNRO0005"
#define DEVICE_SPAN   160  /* bytes of AML that one such device takes, with room */
#define RES_MEMORY32  0x86 /* §6.4.3.4: fixed 32-bit memory: tag, length 9, info, base, length */
#define RES_QWORD     0x8a /* §6.4.3.5.1: address space: tag, length 43, type, ... minimum at 14, length at 38 */
#define RES_INTERRUPT 0x89 /* §6.4.3.6: tag, length, flags, count, first interrupt */

struct mmio_found {
    paddr_t base;
    uint64_t len;
    uint32_t gsi;
    bool has_memory, has_irq;
};

static void scan_resources(const uint8_t *p, const uint8_t *end, struct mmio_found *r)
{
    for (; end - p >= 9 && !(r->has_memory && r->has_irq); p++) {
        if (!r->has_memory && p[0] == RES_MEMORY32 && p[1] == 9 && p[2] == 0 && end - p >= 12) {
            r->base = get32(p + 4);
            r->len = get32(p + 8);
            r->has_memory = true;
            p += 11;
        } else if (!r->has_memory && p[0] == RES_QWORD && p[1] == 43 && p[2] == 0 && p[3] == 0 &&
                   end - p >= 46) {
            r->base = get64(p + 14);
            r->len = get64(p + 38);
            r->has_memory = true;
            p += 45;
        } else if (!r->has_irq && p[0] == RES_INTERRUPT && p[1] >= 6 && p[2] == 0 && p[4] >= 1) {
            r->gsi = get32(p + 5);
            r->has_irq = true;
            p += 8;
        }
    }
}

void acpi_each_virtio_mmio(void (*fn)(void *arg, paddr_t base, size_t len, unsigned gsi), void *arg)
{
    const struct acpi_header *h = dsdt();

    if (!h)
        return;
    const uint8_t *p = (const uint8_t *)(h + 1), *end = (const uint8_t *)h + h->length;

    p = find(p, end, HID_VIRTIO, 8);
    while (p) {
        const uint8_t *next = find(p + 8, end, HID_VIRTIO, 8), *stop = next ? next : end;
        struct mmio_found r = { 0 };

        if (stop - p > DEVICE_SPAN)
            stop = p + DEVICE_SPAN;
        scan_resources(p + 8, stop, &r);
        if (r.has_memory && r.has_irq && r.base)
            fn(arg, r.base, r.len, r.gsi);
        p = next;
    }
}
