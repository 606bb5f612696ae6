/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI tables as VMMs write them, and damaged in every byte: nothing outside the machine's memory is read. */
#include "test.h"

#include "kernel/acpi.c"
#include "kernel/boot.h"
#include "shim.h"

#include "drivers/virtio/mmio_arg.h"

#define BASE LOW_MEMORY /* where the tables' memory begins: what lies below may always be read */
#define SIZE 2048

static uint8_t *block, *mem; /* mem: the end of a block of its own, so that ASan sees a read past it */
static unsigned top;

static void w32(unsigned at, uint32_t v)
{
    memcpy(mem + at, &v, 4);
}
static void w64(unsigned at, uint64_t v)
{
    memcpy(mem + at, &v, 8);
}

static unsigned table(const char *signature, unsigned length)
{
    unsigned at = top;

    memcpy(mem + at, signature, 4);
    w32(at + 4, length);
    mem[at + 8] = 6;
    top += ALIGN_UP(length, 4u);
    return at;
}

static void bytes(unsigned *at, const void *p, size_t n)
{
    memcpy(mem + *at, p, n);
    *at += n;
}

/* One device as QEMU's microvm describes it: Memory32Fixed and an extended interrupt. */
static void device(unsigned *at, uint32_t base, uint32_t gsi)
{
    static const uint8_t memory[] = { 0x11, 0x1a, 0x0a, 0x17, RES_MEMORY32, 9, 0, 1 },
                         irq[] = { RES_INTERRUPT, 6, 0, 1, 1 };
    uint32_t size = 0x200;

    bytes(at, "\x5b\x82\x30VR00\x08_HID\x0dLNRO0005", 21);
    (*at)++;
    bytes(at, "\x08_CRS", 5);
    bytes(at, memory, sizeof(memory));
    bytes(at, &base, 4);
    bytes(at, &size, 4);
    bytes(at, irq, sizeof(irq));
    bytes(at, &gsi, 4);
    bytes(at, "\x79\0", 2);
}

static void build(void)
{
    unsigned madt, fadt_at, dsdt_at, xsdt, mcfg, at;

    if (!block)
        block = calloc(1, BASE + SIZE);
    mem = block + BASE;
    memset(mem, 0, SIZE);
    direct_map = (char *)block;
    memset(&boot_info, 0, sizeof(boot_info));
    boot_info.mem[0] = (struct boot_range){ BASE, BASE + SIZE, BOOT_MEM_ACPI };
    boot_info.nr_mem = 1;
    boot_info.rsdp = BASE + 16;
    top = 64;
    xsdt = table("XSDT", 36 + 3 * 8);
    madt = table("APIC", 44 + 12 + 12 + 10);
    mem[madt + 44] = MADT_IOAPIC;
    mem[madt + 45] = 12;
    w32(madt + 48, 0xfec00000);
    mem[madt + 56] = MADT_IOAPIC;
    mem[madt + 57] = 12;
    w32(madt + 60, 0xfec10000);
    w32(madt + 64, 24);
    mem[madt + 68] = MADT_OVERRIDE;
    mem[madt + 69] = 10;
    mem[madt + 71] = 4;
    w32(madt + 72, 20);
    mem[madt + 76] = 0x0d;
    fadt_at = table("FACP", 268);
    w32(fadt_at + FADT_PM1A_CNT, 0x604);
    w32(fadt_at + FADT_PM_TIMER, 0x608);
    w32(fadt_at + FADT_FLAGS, FLAG_RESET_REG);
    mem[fadt_at + FADT_RESET_REG] = GAS_SPACE_IO;
    w64(fadt_at + FADT_RESET_REG + 4, 0xcf9);
    mem[fadt_at + FADT_RESET_VALUE] = 0x0f;
    mcfg = table("MCFG", 60);
    w64(mcfg + MCFG_ENTRY, 0xb0000000);
    mem[mcfg + MCFG_ENTRY + 11] = 255;
    dsdt_at = table("DSDT", 400);
    w64(fadt_at + FADT_X_DSDT, BASE + dsdt_at);
    at = dsdt_at + 36;
    bytes(&at, "\x08_S5_\x12\x06\x04\x0a\x05\x01\0\0", 13);
    device(&at, 0xfeb02a00, 45);
    device(&at, 0xfeb02c00, 46);
    memcpy(mem + 16, "RSD PTR ", 8);
    mem[16 + 15] = 2;
    w64(16 + 24, BASE + xsdt);
    w64(xsdt + 36, BASE + madt);
    w64(xsdt + 44, BASE + fadt_at);
    w64(xsdt + 52, BASE + mcfg);
}

static unsigned nr_found;
static uint64_t found_base[8], found_gsi[8];
static void on_mmio(void *arg, paddr_t base, size_t len, unsigned gsi)
{
    if (nr_found < 8) {
        found_base[nr_found] = base;
        found_gsi[nr_found++] = gsi;
    }
}
static void on_ioapic(void *arg, paddr_t base, unsigned gsi)
{
    on_mmio(arg, base, 0, gsi);
}

TEST(tables_are_understood)
{
    struct acpi_power p;
    unsigned gsi, bus;
    bool level;

    build();
    nr_found = 0;
    CHECK(acpi_each_ioapic(on_ioapic, NULL) == 2 && found_base[1] == 0xfec10000 && found_gsi[1] == 24);
    acpi_isa_irq(4, &gsi, &level);
    CHECK(gsi == 20 && level);
    acpi_isa_irq(3, &gsi, &level);
    CHECK(gsi == 3 && !level);
    CHECK(acpi_pm_timer_port() == 0x608 && !acpi_no_cmos_rtc());
    acpi_power(&p);
    CHECK(p.pm1a_port == 0x604 && !p.pm1b_port && p.s5_known && p.slp_typa == 5 && p.slp_typb == 1);
    CHECK(p.reset_known && p.reset_is_port && p.reset_reg == 0xcf9 && p.reset_value == 0x0f && !p.sleep_reg);
    CHECK(acpi_ecam(&bus) == 0xb0000000 && bus == 255);
    nr_found = 0;
    acpi_each_virtio_mmio(on_mmio, NULL);
    CHECK(nr_found == 2 && found_base[0] == 0xfeb02a00 && found_gsi[0] == 45);
    CHECK(found_base[1] == 0xfeb02c00 && found_gsi[1] == 46);
    CHECK(!acpi_find("HPET"));
}

static void use_all(void)
{
    struct acpi_power p;
    unsigned gsi, bus;
    bool level;

    nr_found = 0;
    acpi_each_ioapic(on_ioapic, NULL);
    acpi_isa_irq(4, &gsi, &level);
    acpi_pm_timer_port();
    acpi_no_cmos_rtc();
    acpi_power(&p);
    acpi_ecam(&bus);
    acpi_each_virtio_mmio(on_mmio, NULL);
}

TEST(without_tables_nothing_is_known)
{
    unsigned gsi, bus;
    bool level;

    build();
    boot_info.rsdp = 0;
    use_all();
    acpi_isa_irq(4, &gsi, &level);
    CHECK(nr_found == 0 && gsi == 4 && !acpi_ecam(&bus));
}

TEST(damage_in_any_byte_reads_nothing_outside)
{
    static const uint8_t values[] = { 0, 1, 2, 0x7f, 0x80, 0xff };

    build();
    for (unsigned i = 0; i < top; i++)
        for (unsigned v = 0; v < ARRAY_SIZE(values); v++) {
            uint8_t was = mem[i];

            mem[i] = values[v];
            use_all();
            mem[i] = was;
        }
}

TEST(random_damage_reads_nothing_outside)
{
    uint64_t seed = 88172645463325252ull;

    for (unsigned round = 0; round < 20000; round++) {
        build();
        for (unsigned n = 0; n < 1 + round % 8; n++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            mem[seed % top] = seed >> 32;
        }
        boot_info.mem[0].end -= seed >> 40 & 1 ? seed % SIZE : 0;
        use_all();
    }
    free(block);
    block = NULL;
}

TEST(mmio_devices_of_the_command_line)
{
    static const struct {
        const char *text;
        uint64_t size, base;
        uint32_t irq;
    } good[] = {
        { "512@0xfeb00e00:12", 512, 0xfeb00e00, 12 },
        { "4K@0xd0001000:6", 4096, 0xd0001000, 6 },
        { "0x200@0xa003e00:47:3", 512, 0xa003e00, 47 },
        { "1M@1048576:0", 1 << 20, 1 << 20, 0 },
    };
    static const char *const bad[] = { "",
                                       "512",
                                       "512@",
                                       "512@0xfeb00e00",
                                       "512@0xfeb00e00:",
                                       "@0x1:2",
                                       "512@0x1000:5x",
                                       "512@0x1000:99999",
                                       "512@0x1001:5",
                                       "1@0x1000:5",
                                       "4G@0x1000:5",
                                       "512@0:5",
                                       "512@0x1000:5:",
                                       "512@-1:5",
                                       "512@0xfffffffffffffffff:5",
                                       "512@0xfffffffffffffff0:5",
                                       "512 @0x1000:5" };
    struct mmio_arg a;

    for (unsigned i = 0; i < ARRAY_SIZE(good); i++)
        CHECK(mmio_arg_parse(good[i].text, &a) && a.size == good[i].size && a.base == good[i].base &&
              a.irq == good[i].irq);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK(!mmio_arg_parse(bad[i], &a));
}
