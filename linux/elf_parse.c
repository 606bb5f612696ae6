/* SPDX-License-Identifier: BSD-2-Clause */
/* elf_parse.c: judges the headers of an ELF file. Pure: whatever the bytes are, the result is safe to map. */
#include "abi/errno.h"
#include "arch/mm.h" /* USER_MAX */
#include "lib/string.h"
#include "linux/elf.h"

int elf_check_header(const struct elf_ehdr *eh, uint16_t machine)
{
    if (memcmp(eh->ident, "\177ELF", 4) || eh->ident[ELF_IDENT_CLASS] != ELF_CLASS_64 ||
        eh->ident[ELF_IDENT_DATA] != ELF_DATA_LITTLE)
        return -ENOEXEC;
    if (eh->machine != machine || (eh->type != ELF_EXEC && eh->type != ELF_DYN))
        return -ENOEXEC;
    if (eh->phentsize != sizeof(struct elf_phdr) || !eh->phnum || eh->phnum > ELF_MAX_PHDRS)
        return -ENOEXEC;
    return 0;
}

static const char *check_load(const struct elf_phdr *p)
{
    if (p->filesz > p->memsz)
        return "a segment is larger in the file than in memory";
    if (p->memsz > USER_MAX || p->vaddr > USER_MAX - p->memsz)
        return "a segment lies outside the address space";
    if ((p->vaddr ^ p->offset) & (PAGE_SIZE - 1) && p->filesz)
        return "a segment's file offset does not fit its address";
    if (p->offset > INT64_MAX - USER_MAX)
        return "a segment's file offset is out of range";
    return NULL;
}

static void add_load(const struct elf_ehdr *eh, const struct elf_phdr *p, struct elf_layout *out)
{
    vaddr_t start = ALIGN_DOWN(p->vaddr, PAGE_SIZE), end = p->vaddr + p->memsz;

    out->low = MIN(out->low, start);
    out->high = MAX(out->high, ALIGN_UP(end, PAGE_SIZE));
    out->end = MAX(out->end, end);
    if (p->align && !(p->align & (p->align - 1)) && p->align < USER_MAX / 2)
        out->align = MAX(out->align, (uint64_t)p->align);
    if (p->offset <= eh->phoff && eh->phoff - p->offset < p->filesz)
        out->phdr = p->vaddr + (eh->phoff - p->offset);
}

int elf_parse(const struct elf_ehdr *eh, const struct elf_phdr *ph, uint64_t file_size,
              struct elf_layout *out, const char **why)
{
    *out = (struct elf_layout){
        .low = UINT64_MAX, .align = PAGE_SIZE, .entry = eh->entry, .fixed = eh->type == ELF_EXEC
    };
    *why = NULL;
    for (unsigned i = 0; i < eh->phnum && !*why; i++) {
        const struct elf_phdr *p = &ph[i];

        switch (p->type) {
        case ELF_PT_LOAD:
            *why = check_load(p);
            if (*why || !p->memsz)
                break;
            add_load(eh, p, out);
            out->truncated |= p->filesz > file_size || p->offset > file_size - p->filesz;
            break;
        case ELF_PT_INTERP:
            if (out->interp_len) /* Linux looks at the first only */
                break;
            if (p->filesz < 2 || p->filesz > 4096)
                *why = "the interpreter's name is damaged";
            out->interp_off = p->offset;
            out->interp_len = p->filesz;
            break;
        case ELF_PT_GNU_STACK:
            out->exec_stack = p->flags & ELF_PF_X;
            break;
        }
    }
    if (!*why && out->low >= out->high)
        *why = "nothing to load";
    if (!*why && !out->fixed && out->high - out->low > USER_MAX / 2)
        *why = "it spans more than the address space";
    return *why ? -ENOEXEC : 0;
}
