/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * elf.h: ELF programs: judging their headers (pure, also compiled for the build host) and mapping them.
 */
#ifndef LINUX_ELF_H
#define LINUX_ELF_H

#include "abi/elf.h"
#include "lib/types.h"

#define ELF_MAX_PHDRS (65536 / sizeof(struct elf_phdr)) /* Linux's limit: 64 KiB of program headers */

/* What the headers say, checked: sums do not overflow, segments lie within the address space. */
struct elf_layout {
    vaddr_t low, high; /* span of the PT_LOAD segments, page-aligned, without bias */
    vaddr_t end;       /* of the highest segment's memory: the break starts after it */
    vaddr_t entry;
    vaddr_t phdr;        /* where the program headers will be in memory; 0: nowhere */
    uint64_t align;      /* largest alignment asked for, a power of two, at least a page */
    uint64_t interp_off; /* PT_INTERP's name in the file; interp_len 0: none */
    size_t interp_len;   /* with its terminator */
    bool exec_stack;     /* PT_GNU_STACK asks for it */
    bool truncated;      /* the file ends before its segments do: it runs, and dies where it touches that */
    bool fixed;          /* ELF_EXEC */
};

/* Is this the header of a program for machine? 0 or -ENOEXEC. */
int elf_check_header(const struct elf_ehdr *eh, uint16_t machine);
/* Fills *out from eh, already checked, and its program headers. 0 or -ENOEXEC; *why names the fault. */
int elf_parse(const struct elf_ehdr *eh, const struct elf_phdr *ph, uint64_t file_size,
              struct elf_layout *out, const char **why);

struct file;
struct mm;
struct elf_file {
    struct file *file; /* referenced */
    uint16_t phnum;
    uint16_t type;
    struct elf_phdr *ph; /* kmalloc'ed */
    struct elf_layout layout;
};
/* Reads and judges the headers; takes over the reference to file in any case. -ENOEXEC, -EIO, -ENOMEM. */
int elf_open(struct elf_file *e, struct file *file, const char *name);
void elf_close(struct elf_file *e);
/* Maps the segments into the current address space at bias. */
int elf_map(struct elf_file *e, struct mm *mm, vaddr_t bias);

#endif
