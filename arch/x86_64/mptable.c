/* SPDX-License-Identifier: BSD-2-Clause */
/* mptable.c: the CPUs that the MultiProcessor Specification's table lists (version 1.4 §4), where there is no ACPI. */
#include "arch/x86_64/mptable.h"
#include "kernel/arch.h"
#include "kernel/page.h"
#include "lib/string.h"

struct mp_pointer {
    char signature[4];
    uint32_t table;
    uint8_t length, revision, checksum, features[5]; /* length in 16 bytes */
} __packed;

struct mp_table {
    char signature[4];
    uint16_t length;
    uint8_t revision, checksum;
    char oem[8], product[12];
    uint32_t oem_table;
    uint16_t oem_size, nr_entries;
    uint32_t apic;
    uint16_t ext_length;
    uint8_t ext_checksum, reserved;
} __packed;
static_assert(sizeof(struct mp_pointer) == 16 && sizeof(struct mp_table) == 44, "MP 1.4 §4.1, §4.2");

#define ENTRY_CPU      0 /* of 20 bytes; all other kinds have 8 */
#define CPU_ENTRY_SIZE 20
#define ENTRY_SIZE     8
#define CPU_ENABLED    1
#define LOW_END        0x100000u

static bool sums_to_zero(const void *p, size_t len)
{
    const uint8_t *b = p;
    uint8_t sum = 0;

    while (len--)
        sum += *b++;
    return !sum;
}

static const struct mp_pointer *scan(paddr_t at, size_t len)
{
    const struct mp_pointer *p = phys_virt(at), *end = phys_virt(at + len);

    for (; p < end; p++)
        if (!memcmp(p->signature, "_MP_", 4) && p->length == 1 && sums_to_zero(p, sizeof(*p)))
            return p;
    return NULL;
}

/* §4: the first KiB of the extended BIOS data area, the last of base memory, the BIOS. */
static const struct mp_pointer *find(void)
{
    uint16_t segment;
    memcpy(&segment, phys_virt(0x40e), sizeof(segment));
    paddr_t ebda = (paddr_t)segment << 4;
    const struct mp_pointer *p = NULL;

    if (ebda >= 0x400 && ebda <= LOW_END - 1024)
        p = scan(ebda, 1024);
    if (!p)
        p = scan(639 * 1024, 1024);
    return p ? p : scan(0xf0000, 0x10000);
}

unsigned mptable_each_cpu(void (*fn)(void *arg, uint32_t apic_id), void *arg)
{
    unsigned n = 0;

    if (arch_direct_map_extend(0, LOW_END))
        return 0;
    const struct mp_pointer *p = find();
    if (!p || !p->table || p->table > LOW_END - sizeof(struct mp_table))
        return 0;
    const struct mp_table *t = phys_virt(p->table);
    if (memcmp(t->signature, "PCMP", 4) || t->length > LOW_END - p->table || !sums_to_zero(t, t->length))
        return 0;
    const uint8_t *e = (const uint8_t *)(t + 1), *end = (const uint8_t *)t + t->length;

    /* To the table's end, as Linux does: some firmware leaves the number of entries zero. */
    while (end - e >= ENTRY_SIZE) {
        if (e[0] != ENTRY_CPU) {
            e += ENTRY_SIZE;
            continue;
        }
        if (end - e < CPU_ENTRY_SIZE)
            break;
        if (e[3] & CPU_ENABLED) {
            fn(arg, e[1]);
            n++;
        }
        e += CPU_ENTRY_SIZE;
    }
    return n;
}
