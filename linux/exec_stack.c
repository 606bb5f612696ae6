/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec_stack.c: what a new program finds on its stack, in Linux's order (System V ABI AMD64, 3.4.1):
 *
 *     (top) 8 zero bytes | AT_EXECFN | envp strings | argv strings | platform | 16 random bytes |
 *     auxiliary vector | NULL | envp | NULL | argv | argc (sp, 16-byte aligned)
 */
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "kernel/uaccess.h"
#include "lib/string.h"
#include "linux/cred.h"
#include "linux/exec.h"

#define CLOCKS_PER_SEC_USER 100
#define RSEQ_SIZE           20 /* of struct rseq without its tail (Linux's feature size) */
#define RSEQ_ALIGNMENT      32
#define RANDOM_BYTES        16

static void aux_add(struct mm *mm, uint64_t type, uint64_t value)
{
    mm->auxv[mm->nr_auxv++] = type;
    mm->auxv[mm->nr_auxv++] = value;
}

static void fill_aux(struct exec *x, struct mm *mm, vaddr_t execfn, vaddr_t platform, vaddr_t random)
{
    const struct cred *c = current_cred();

    mm->nr_auxv = 0;
    if (mm->vdso_base)
        aux_add(mm, AUX_SYSINFO_EHDR, mm->vdso_base);
    aux_add(mm, AUX_MINSIGSTKSZ, arch_minsigstksz());
    aux_add(mm, AUX_HWCAP, arch_hwcap());
    aux_add(mm, AUX_PAGESZ, PAGE_SIZE);
    aux_add(mm, AUX_CLKTCK, CLOCKS_PER_SEC_USER);
    aux_add(mm, AUX_PHDR, x->phdr);
    aux_add(mm, AUX_PHENT, sizeof(struct elf_phdr));
    aux_add(mm, AUX_PHNUM, x->prog.phnum);
    aux_add(mm, AUX_BASE, x->interp_base);
    aux_add(mm, AUX_FLAGS, 0);
    aux_add(mm, AUX_ENTRY, x->prog_entry);
    aux_add(mm, AUX_UID, c->uid);
    aux_add(mm, AUX_EUID, c->euid);
    aux_add(mm, AUX_GID, c->gid);
    aux_add(mm, AUX_EGID, c->egid);
    aux_add(mm, AUX_SECURE, x->secure);
    aux_add(mm, AUX_RANDOM, random);
    aux_add(mm, AUX_HWCAP2, arch_hwcap2());
    aux_add(mm, AUX_EXECFN, execfn);
    aux_add(mm, AUX_PLATFORM, platform);
    aux_add(mm, AUX_RSEQ_FEATURE_SIZE, RSEQ_SIZE);
    aux_add(mm, AUX_RSEQ_ALIGN, RSEQ_ALIGNMENT);
    aux_add(mm, AUX_NULL, 0);
}

static int push(vaddr_t *sp, const void *data, size_t len)
{
    *sp -= len;
    return copy_to_user((void __user *)*sp, data, len);
}

/* argc, argv, envp and the vector as words to w; strings: where argv[0] begins. */
static void fill_table(struct exec *x, struct mm *mm, vaddr_t strings, uint64_t *w)
{
    const char *s = x->strings;

    *w++ = x->argc;
    for (unsigned i = 0; i < x->argc + x->envc; i++) {
        size_t len = strlen(s) + 1;

        if (i == x->argc) {
            *w++ = 0;
            mm->env_start = strings;
        }
        *w++ = strings;
        strings += len;
        s += len;
    }
    if (!x->envc) {
        *w++ = 0;
        mm->env_start = strings;
    }
    mm->arg_end = mm->env_start;
    mm->env_end = strings;
    *w++ = 0;
    memcpy(w, mm->auxv, mm->nr_auxv * sizeof(*w));
}

int exec_build_stack(struct exec *x, struct mm *mm, bool randomize)
{
    vaddr_t top = mm->stack_top - sizeof(void *), execfn, platform, random, sp;
    size_t platform_len = strlen(arch_platform) + 1, words;
    char *low; /* the part from sp to top: it goes in one piece */
    int err;

    err = push(&top, x->execfn, strlen(x->execfn) + 1);
    execfn = top;
    if (!err)
        err = push(&top, x->strings, x->len_bytes);
    if (err)
        return err;
    mm->arg_start = top;
    if (randomize)
        top -= random_u64() % 8192;
    top &= ~15ul;
    platform = top - platform_len;
    random = platform - RANDOM_BYTES;
    fill_aux(x, mm, execfn, platform, random);
    words = 1 + x->argc + 1 + x->envc + 1 + mm->nr_auxv;
    sp = (random - words * sizeof(uint64_t)) & ~15ul;
    low = kzalloc(top - sp);
    if (!low)
        return -ENOMEM;
    fill_table(x, mm, mm->arg_start, (uint64_t *)low);
    random_bytes(low + (random - sp), RANDOM_BYTES);
    memcpy(low + (platform - sp), arch_platform, platform_len);
    err = copy_to_user((void __user *)sp, low, top - sp);
    kfree(low);
    x->sp = mm->stack_start = sp;
    return err;
}
