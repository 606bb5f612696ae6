/* SPDX-License-Identifier: BSD-2-Clause */
/* rtc.c: the wall clock at boot: given on the command line, by KVM, or by the CMOS clock (MC146818). */
#include "arch/io.h"
#include "arch/x86_64/clock.h"
#include "kernel/acpi.h"
#include "kernel/arch.h"
#include "kernel/boot.h"
#include "kernel/clock.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71
enum { RTC_SEC, RTC_MIN = 2, RTC_HOUR = 4, RTC_DAY = 7, RTC_MONTH, RTC_YEAR, RTC_A, RTC_B, NR_RTC };
#define CMOS_NONE  0xff /* what a port without a device reads */
#define A_UPDATING 0x80
#define B_24_HOUR  0x02
#define B_BINARY   0x04
#define HOUR_PM    0x80

static uint8_t cmos(unsigned reg)
{
    outb(CMOS_INDEX, reg);
    return inb(CMOS_DATA);
}

static unsigned from_bcd(uint8_t v, bool bcd)
{
    return bcd ? (v >> 4) * 10 + (v & 15) : v;
}

/* Days since 1970-01-01 of the Gregorian calendar (Hinnant's arithmetic: March starts the year). */
static uint64_t days(unsigned y, unsigned m, unsigned d)
{
    y -= m <= 2;
    unsigned era_year = y % 400;
    unsigned day = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

    return (uint64_t)(y / 400) * 146097 + era_year * 365 + era_year / 4 - era_year / 100 + day - 719468;
}

/* One reading; false when the clock was about to change meanwhile. */
static bool rtc_read(uint8_t *r)
{
    static const uint8_t regs[] = { RTC_SEC, RTC_MIN, RTC_HOUR, RTC_DAY, RTC_MONTH, RTC_YEAR, RTC_B };

    if (cmos(RTC_A) & A_UPDATING)
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(regs); i++)
        r[regs[i]] = cmos(regs[i]);
    return cmos(RTC_SEC) == r[RTC_SEC];
}

uint64_t rtc_seconds(void)
{
    uint8_t r[NR_RTC];
    int tries = 0;

    if (cmos(RTC_A) == CMOS_NONE || acpi_no_cmos_rtc())
        return 0;
    while (!rtc_read(r))
        if (++tries == 10000) /* an update takes 2 ms */
            return 0;
    bool bcd = !(r[RTC_B] & B_BINARY);
    unsigned hour = from_bcd(r[RTC_HOUR] & ~HOUR_PM, bcd), month = from_bcd(r[RTC_MONTH], bcd);
    unsigned day = from_bcd(r[RTC_DAY], bcd), min = from_bcd(r[RTC_MIN], bcd),
             sec = from_bcd(r[RTC_SEC], bcd);

    if (!(r[RTC_B] & B_24_HOUR))
        hour = hour % 12 + (r[RTC_HOUR] & HOUR_PM ? 12 : 0);
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || min > 59 || sec > 60)
        return 0;
    return days(2000 + from_bcd(r[RTC_YEAR], bcd), month, day) * 86400 + hour * 3600 + min * 60 + sec;
}

uint64_t arch_boot_epoch_ns(void)
{
    uint64_t ns = boot_arg_u64("epoch_ns", 0), s;

    if (ns)
        return ns;
    ns = kvmclock_epoch_ns(boot_info.entry_ticks);
    if (ns)
        return ns;
    s = rtc_seconds();
    return s ? s * NSEC_PER_SEC - arch_clock_ns() : 0;
}
