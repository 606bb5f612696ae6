/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/boot.h"
#include "kernel/arch.h"
#include "lib/string.h"

struct boot_info boot_info;

void boot_step(const char *name)
{
    if (boot_info.nr_steps < BOOT_MAX_STEPS)
        boot_info.steps[boot_info.nr_steps++] = (struct boot_step){ name, arch_ticks() };
}

static bool is_space(char c)
{
    return (unsigned char)c <= ' ' && c;
}

/* Copies a word, without the double quotes in it, and returns what follows. */
static const char *copy_word(const char *p, char *buf, size_t size)
{
    bool quoted = false;
    size_t n = 0;

    for (; *p && (quoted || !is_space(*p)); p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (n + 1 < size)
            buf[n++] = *p;
    }
    if (size)
        buf[n] = 0;
    return p;
}

bool boot_arg(const char *name, unsigned nth, char *buf, size_t size)
{
    const char *p = boot_info.cmdline;
    size_t len = strlen(name);

    for (;; p = copy_word(p, NULL, 0)) {
        while (is_space(*p))
            p++;
        if (!*p || !strncmp(p, "-- ", 3)) /* what follows "--" is not ours */
            return false;
        if (strncmp(p, name, len) || (p[len] != '=' && (unsigned char)p[len] > ' '))
            continue;
        if (!nth--)
            break;
    }
    p += len;
    copy_word(p + (*p == '='), buf, size);
    return true;
}

uint64_t boot_arg_u64(const char *name, uint64_t dflt)
{
    char buf[32];
    const char *s = buf;
    uint64_t v;

    return boot_arg(name, 0, buf, sizeof(buf)) && str_size(&s, &v) && !*s ? v : dflt;
}
