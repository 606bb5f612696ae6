/* SPDX-License-Identifier: BSD-2-Clause */
/* elf.h: the parts of the ELF-64 format that loading a program needs (System V gABI, chapters 4 and 5). */
#ifndef ABI_ELF_H
#define ABI_ELF_H

#include <stdint.h>

enum { ELF_CLASS_64 = 2, ELF_DATA_LITTLE = 1, ELF_IDENT_CLASS = 4, ELF_IDENT_DATA = 5 };
enum { ELF_EXEC = 2, ELF_DYN = 3 };
enum {
    ELF_PT_LOAD = 1,
    ELF_PT_DYNAMIC = 2,
    ELF_PT_INTERP = 3,
    ELF_PT_NOTE = 4,
    ELF_PT_TLS = 7,
    ELF_PT_GNU_STACK = 0x6474e551
};
enum { ELF_PF_X = 1, ELF_PF_W = 2, ELF_PF_R = 4 };

struct elf_ehdr {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

_Static_assert(sizeof(struct elf_ehdr) == 64, "gABI: Elf64_Ehdr");
_Static_assert(sizeof(struct elf_phdr) == 56, "gABI: Elf64_Phdr");

/* The auxiliary vector: what the kernel tells a program at its start (getauxval(3)). */
enum {
    AUX_NULL = 0,
    AUX_PHDR = 3,
    AUX_PHENT,
    AUX_PHNUM,
    AUX_PAGESZ,
    AUX_BASE,
    AUX_FLAGS,
    AUX_ENTRY,
    AUX_UID = 11,
    AUX_EUID,
    AUX_GID,
    AUX_EGID,
    AUX_PLATFORM,
    AUX_HWCAP,
    AUX_CLKTCK,
    AUX_SECURE = 23,
    AUX_RANDOM = 25,
    AUX_HWCAP2,
    AUX_RSEQ_FEATURE_SIZE,
    AUX_RSEQ_ALIGN,
    AUX_EXECFN = 31,
    AUX_SYSINFO_EHDR = 33,
    AUX_MINSIGSTKSZ = 51,
};

#endif
