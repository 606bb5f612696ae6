/* SPDX-License-Identifier: BSD-2-Clause */
/* elf.h: what the tool must know of an ELF file: can the guest run it, and what does its loader want. */
#ifndef HOST_ELF_H
#define HOST_ELF_H

#include "host/mem.h"
#include <stdbool.h>

struct elf {
    int type;      /* ET_EXEC, ET_DYN */
    bool dynamic;  /* has PT_DYNAMIC */
    char *interp;  /* PT_INTERP, or NULL */
    char *rpath;   /* DT_RPATH, NULL when absent or overridden by DT_RUNPATH */
    char *runpath; /* DT_RUNPATH, or NULL */
    bool nodeflib; /* DF_1_NODEFLIB */
    struct strv needed;
};

/*
 * Reads the headers. 0; 1 if the file is no ELF file at all; -1 if it cannot be run or is damaged, and *why then
 * says it (the caller's to free).
 */
int elf_read(const char *path, struct elf *elf, char **why);
void elf_free(struct elf *elf);
#define _cleanup_elf_ _cleanup_(elf_free)

#endif
