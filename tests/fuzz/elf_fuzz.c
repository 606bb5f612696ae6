/* SPDX-License-Identifier: BSD-2-Clause */
/* elf_fuzz.c: hostile ELF headers: whatever they say, what elf_parse() lets through is safe to map. */
#include "test.h"

#include "linux/elf_parse.c"

#define ROUNDS 300000

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Numbers at the edges of what arithmetic bears. */
static uint64_t nasty(void)
{
    static const uint64_t edges[] = { 0,
                                      1,
                                      4095,
                                      4096,
                                      4097,
                                      USER_MAX,
                                      USER_MAX - 1,
                                      USER_MAX + 4096,
                                      1ull << 63,
                                      UINT64_MAX,
                                      UINT64_MAX - 4095,
                                      0x400000,
                                      1ull << 32 };

    switch (rnd() % 4) {
    case 0:
        return rnd();
    case 1:
        return rnd() % 0x1000000;
    default:
        return edges[rnd() % ARRAY_SIZE(edges)] + (rnd() % 4 ? 0 : rnd() % 5 - 2);
    }
}

static void good_program(struct elf_ehdr *eh, struct elf_phdr *ph)
{
    memset(eh, 0, sizeof(*eh));
    memcpy(eh->ident, "\177ELF\2\1\1", 7);
    eh->type = ELF_DYN;
    eh->machine = 62;
    eh->phoff = 64;
    eh->phentsize = sizeof(*ph);
    eh->phnum = 4;
    eh->entry = 0x1000;
    ph[0] = (struct elf_phdr){ ELF_PT_INTERP, ELF_PF_R, 0x300, 0x300, 0x300, 28, 28, 1 };
    ph[1] = (struct elf_phdr){ ELF_PT_LOAD, ELF_PF_R | ELF_PF_X, 0, 0, 0, 0x2000, 0x2000, 0x1000 };
    ph[2] =
        (struct elf_phdr){ ELF_PT_LOAD, ELF_PF_R | ELF_PF_W, 0x2010, 0x3010, 0x3010, 0x300, 0x900, 0x1000 };
    ph[3] = (struct elf_phdr){ ELF_PT_GNU_STACK, ELF_PF_R | ELF_PF_W, 0, 0, 0, 0, 0, 16 };
}

static void check_safe(const struct elf_ehdr *eh, const struct elf_phdr *ph, uint64_t size,
                       const struct elf_layout *l)
{
    CHECK(l->low < l->high && l->high <= USER_MAX + PAGE_SIZE && l->end <= USER_MAX);
    CHECK(!(l->low % PAGE_SIZE) && !(l->high % PAGE_SIZE) && l->align >= PAGE_SIZE &&
          !(l->align & (l->align - 1)));
    CHECK(l->interp_len <= 4096);
    for (unsigned i = 0; i < eh->phnum; i++) {
        if (ph[i].type != ELF_PT_LOAD || !ph[i].memsz)
            continue;
        CHECK(ph[i].vaddr >= l->low && ph[i].vaddr + ph[i].memsz <= l->high);
        CHECK(ph[i].filesz <= ph[i].memsz && ph[i].offset + ph[i].filesz >= ph[i].filesz);
        CHECK(l->truncated || ph[i].offset + ph[i].filesz <= size);
    }
}

TEST(elf_good_program_passes)
{
    struct elf_ehdr eh;
    struct elf_phdr ph[4];
    struct elf_layout l;
    const char *why;

    good_program(&eh, ph);
    CHECK(elf_check_header(&eh, 62) == 0 && elf_check_header(&eh, 183) == -ENOEXEC);
    CHECK(elf_parse(&eh, ph, 0x4000, &l, &why) == 0 && !why);
    CHECK(l.low == 0 && l.high == 0x4000 && l.end == 0x3910 && l.phdr == 64 && l.interp_len == 28 &&
          !l.exec_stack);
    CHECK(!l.truncated && elf_parse(&eh, ph, 0x2200, &l, &why) == 0 && l.truncated);
}

TEST(elf_mutated_headers_are_safe)
{
    uint64_t passed = 0;

    for (unsigned n = 0; n < ROUNDS; n++) {
        struct elf_ehdr eh;
        struct elf_phdr ph[4];
        struct elf_layout l;
        const char *why;
        uint64_t size = rnd() % 4 ? 0x4000 : nasty() >> 1;

        good_program(&eh, ph);
        for (unsigned k = 1 + rnd() % 3; k--;) {
            struct elf_phdr *p = &ph[rnd() % 4];
            uint64_t *fields[] = { &p->offset, &p->vaddr, &p->filesz, &p->memsz,
                                   &p->align,  &eh.phoff, &eh.entry };

            if (rnd() % 6 == 0)
                p->type = rnd() % 8;
            else if (rnd() % 12 == 0)
                ((uint8_t *)&eh)[rnd() % sizeof(eh)] = rnd();
            else
                *fields[rnd() % ARRAY_SIZE(fields)] = nasty();
        }
        if (elf_check_header(&eh, 62) || eh.phnum > 4)
            continue;
        if (elf_parse(&eh, ph, size, &l, &why)) {
            CHECK(why);
            continue;
        }
        CHECK(!why);
        check_safe(&eh, ph, size, &l);
        passed++;
    }
    CHECK(passed > ROUNDS / 100);
}
