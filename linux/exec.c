/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * exec.c: replaces the current process's program.
 *
 * Everything that can be judged beforehand is judged while the old program stands: the files, their headers, the
 * size of the arguments. From install_mm() on there is no way back: a failure kills with SIGSEGV, as on Linux.
 */
#include "linux/exec.h"
#include "abi/errno.h"
#include "kernel/arch.h"
#include "kernel/log.h"
#include "kernel/random.h"
#include "kernel/slab.h"
#include "kernel/vma.h"
#include "lib/string.h"
#include "linux/cred.h"
#include "linux/family.h"
#include "linux/files.h"
#include "linux/futex.h"
#include "linux/io_uring.h"
#include "linux/itimer.h"
#include <asm/resource.h>
#include <linux/fcntl.h>

#define MAX_REWRITES    5 /* scripts that name scripts */
#define STACK_LIMIT     (8ul << 20)
#define ARG_MAX_BYTES   131072ul /* always allowed */
#define STACK_EXTRA     131072ul /* mapped below the arguments from the start */
#define STACK_RND_PAGES 0x3ffffful
#define MMAP_RND_BITS   28
#define BRK_RND         0x2000000ul
#define PIE_BASE        (ALIGN_DOWN(USER_MAX / 3 * 2, PAGE_SIZE))
#define ALTSTACK_NONE   2         /* SS_DISABLE */
#define NO_RANDOMIZE    0x0040000 /* personality(2): ADDR_NO_RANDOMIZE */
#define MODE_TYPE       0170000
#define MODE_REGULAR    0100000
#define ACCESS_EXEC     1

int exec_open(const struct path *base, const char *name, int at_flags, struct file **out)
{
    struct path p;
    struct inode *inode;
    int err;

    err = path_lookup(base, name,
                      LOOKUP_NEW | (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
                          (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
                      &p);
    if (err)
        return err;
    inode = path_inode(&p);
    err = -EACCES;
    if ((inode->mode & MODE_TYPE) == 0120000)
        err = -ELOOP;
    else if ((inode->mode & MODE_TYPE) == MODE_REGULAR)
        err = vfs_access(&p, ACCESS_EXEC, fs_cred());
    if (!err) {
        err = inode_deny_write(inode); /* being written to: -ETXTBSY, for scripts too */
        if (!err)
            inode_allow_write(inode);
    }
    if (!err)
        err = file_open_path(&p, O_RDONLY, out);
    path_put(&p);
    return err;
}

static int read_head(struct exec *x)
{
    ssize_t n = file_read_kernel(x->file, x->head, SCRIPT_HEAD, 0);

    if (n < 0)
        return n;
    x->head_len = n;
    x->head[n] = '\0';
    return 0;
}

/* Follows "#!" lines until an ELF program stands there. */
static int find_program(struct exec *x, bool hidden)
{
    for (int depth = 0;; depth++) {
        int err = read_head(x);

        if (!err && depth > MAX_REWRITES)
            err = -ELOOP;
        if (err)
            return err;
        if (x->head_len < 2 || x->head[0] != '#' || x->head[1] != '!')
            return 0;
        err = hidden ? -ENOENT : script_load(x);
        if (err)
            return err;
    }
}

static int open_interpreter(struct exec *x)
{
    const struct elf_layout *l = &x->prog.layout;
    struct file *f;
    ssize_t n;
    char *name;
    int err;

    if (!l->interp_len)
        return 0;
    name = kmalloc(l->interp_len);
    if (!name)
        return -ENOMEM;
    n = file_read_kernel(x->prog.file, name, l->interp_len, l->interp_off);
    err = n < 0 ? n : -EIO;
    if (n != (ssize_t)l->interp_len)
        goto out;
    err = -ENOEXEC;
    if (name[n - 1] != '\0')
        goto out;
    err = exec_open(NULL, name, 0, &f);
    if (err) {
        log_warn("exec: %s: its program interpreter %s cannot be opened (error %d)", x->name, name, -err);
        goto out;
    }
    err = elf_open(&x->interp, f, name);
    if (err == -ENOEXEC)
        err = -ELIBBAD;
    x->has_interp = !err;
out:
    kfree(name);
    return err;
}

/* Are there too many arguments? A quarter of the stack's limit, as on Linux. */
static int check_args(struct exec *x)
{
    uint64_t limit = MIN(rlimit_cur(RLIMIT_STACK) / 4, STACK_LIMIT / 4 * 3);
    uint64_t need = x->len_bytes + strlen(x->execfn) + 1 + (uint64_t)(x->argc + x->envc) * sizeof(void *);

    return need > MAX(limit, ARG_MAX_BYTES) ? -E2BIG : 0;
}

static bool want_random(void)
{
    return vm_settings.randomize_va_space && !(current_process()->personality & NO_RANDOMIZE);
}

static vaddr_t random_pages(unsigned bits)
{
    return (random_u64() & ((1ul << bits) - 1)) << PAGE_SHIFT;
}

/* Where the stack ends and the mmap area begins below it. */
static void place_areas(struct mm *mm, bool randomize)
{
    uint64_t gap = rlimit_cur(RLIMIT_STACK), pad = (STACK_RND_PAGES << PAGE_SHIFT) + (256 << PAGE_SHIFT);

    mm->stack_top = USER_MAX;
    if (randomize)
        mm->stack_top -= (random_u64() & STACK_RND_PAGES) << PAGE_SHIFT;
    if (gap + pad > gap)
        gap += randomize ? pad : 256 << PAGE_SHIFT;
    gap = MIN(MAX(gap, 128ul << 20), USER_MAX / 6 * 5);
    mm->mmap_base = ALIGN_DOWN(USER_MAX - gap - (randomize ? random_pages(MMAP_RND_BITS) : 0), PAGE_SIZE);
}

static int map_stack(struct exec *x, struct mm *mm)
{
    bool exec_stack = x->prog.layout.exec_stack;
    size_t len =
        x->len_bytes + strlen(x->execfn) + (x->argc + x->envc + 70) * sizeof(void *) + 8192 + STACK_EXTRA;
    struct mmap_args a = {
        .fixed = true,
        .vm_flags = VM_READ | VM_WRITE | (exec_stack ? VM_EXEC : 0) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC |
                    VM_GROWSDOWN | VM_STACK,
        .name = "[stack]",
    };
    long at;

    a.len = ALIGN_UP(len, PAGE_SIZE);
    a.addr = mm->stack_top - a.len;
    at = mm_map(mm, &a);
    return at < 0 ? at : 0;
}

static int map_vdso(struct mm *mm)
{
    const struct vdso *v = arch_vdso();
    struct mmap_args a = { .fixed = true, .vm_flags = VM_READ | VM_MAYREAD | VM_SPECIAL | VM_DONTDUMP };
    long at;

    if (!v)
        return 0;
    at = mm_find_gap(mm, v->nr_pages * PAGE_SIZE, PAGE_SIZE);
    if (at < 0)
        return at;
    a.addr = at;
    a.len = v->nr_data * PAGE_SIZE;
    a.special = v->pages;
    a.name = "[vvar]";
    if (a.len)
        at = mm_map(mm, &a);
    if (at < 0)
        return at;
    a.addr += a.len;
    a.len = (v->nr_pages - v->nr_data) * PAGE_SIZE;
    a.special = v->pages + v->nr_data;
    a.name = "[vdso]";
    a.vm_flags |= VM_EXEC | VM_MAYEXEC;
    mm->vdso_base = a.addr;
    at = mm_map(mm, &a);
    return at < 0 ? at : 0;
}

/* What to add to the addresses of e. */
static int choose_bias(struct mm *mm, struct elf_file *e, bool pie_base, bool randomize, vaddr_t *bias)
{
    const struct elf_layout *l = &e->layout;
    struct vma *v;
    vaddr_t at;
    long gap;

    *bias = 0;
    if (l->fixed) { /* must not run into the stack */
        v = vma_find(mm, l->low);
        return v && v->start < l->high ? -EEXIST : 0;
    }
    if (pie_base) {
        at = ALIGN_DOWN(PIE_BASE + (randomize ? random_pages(MMAP_RND_BITS) : 0), l->align);
    } else {
        gap = mm_find_gap(mm, l->high - l->low, l->align);
        if (gap < 0)
            return gap;
        at = gap;
    }
    *bias = at - ALIGN_DOWN(l->low, l->align);
    return 0;
}

static void set_code_and_data(struct mm *mm, const struct elf_file *e, vaddr_t bias)
{
    mm->code_start = UINT64_MAX;
    for (unsigned i = 0; i < e->phnum; i++) {
        const struct elf_phdr *p = &e->ph[i];
        vaddr_t start = bias + p->vaddr, end = start + p->filesz;

        if (p->type != ELF_PT_LOAD)
            continue;
        mm->code_start = MIN(mm->code_start, start);
        mm->data_start = MAX(mm->data_start, start);
        if (p->flags & ELF_PF_X)
            mm->code_end = MAX(mm->code_end, end);
        mm->data_end = MAX(mm->data_end, end);
    }
}

static void place_break(struct exec *x, struct mm *mm, vaddr_t bias, bool randomize)
{
    vaddr_t brk = ALIGN_UP(bias + x->prog.layout.end, PAGE_SIZE);

    if (randomize && vm_settings.randomize_va_space > 1) {
        if (!x->prog.layout.fixed && !x->has_interp) /* a static PIE sits among the mappings: no room there */
            brk = PIE_BASE;
        brk += random_u64() % (BRK_RND >> PAGE_SHIFT) << PAGE_SHIFT;
    }
    mm->brk_start = mm->brk = brk;
}

/* Fills the new, current address space. */
static int load(struct exec *x, struct mm *mm)
{
    bool randomize = want_random();
    vaddr_t bias = 0, interp_bias = 0;
    int err;

    err = map_stack(x, mm);
    if (!err)
        err = choose_bias(mm, &x->prog, x->has_interp, randomize, &bias);
    if (!err)
        err = elf_map(&x->prog, mm, bias);
    if (err)
        return err;
    place_break(x, mm, bias, randomize);
    set_code_and_data(mm, &x->prog, bias);
    x->phdr = x->prog.layout.phdr ? bias + x->prog.layout.phdr : 0;
    x->entry = x->prog_entry = bias + x->prog.layout.entry;
    if (x->has_interp) {
        err = choose_bias(mm, &x->interp, false, randomize, &interp_bias);
        if (!err)
            err = elf_map(&x->interp, mm, interp_bias);
        if (err)
            return err;
        x->interp_base = interp_bias;
        x->entry = interp_bias + x->interp.layout.entry;
    }
    if (x->entry >= USER_MAX)
        return -EINVAL;
    err = map_vdso(mm);
    return err ? err : exec_build_stack(x, mm, randomize);
}

/* Signals: caught ones go back to their default, what is ignored stays so; no alternate stack. */
static void reset_signals(struct process *p)
{
    struct sighand *sh = p->sighand;
    struct uthread *u = current_uthread();

    spin_lock(&sh->lock);
    for (int i = 0; i < NR_SIGNALS; i++) {
        struct ksigaction *ka = &sh->actions[i];

        *ka = (struct ksigaction){ .handler = ka->handler == (vaddr_t)SIG_IGN ? ka->handler : 0 };
    }
    spin_unlock(&sh->lock);
    u->altstack_sp = 0;
    u->altstack_size = 0;
    u->altstack_flags = ALTSTACK_NONE;
}

static void reset_thread(void)
{
    struct uthread *u = current_uthread();

    u->rseq = 0;
    u->rseq_sig = 0;
    u->restart_fn = NULL;
}

static void set_names(struct exec *x, struct process *p)
{
    const char *slash = strrchr(x->execfn, '/');

    str_copy(p->comm, slash ? slash + 1 : x->execfn, sizeof(p->comm));
    str_copy(current->name, p->comm, sizeof(current->name));
}

/* The program's file may not be written to while an address space runs it. */
static void exe_put(void *file)
{
    inode_allow_write(((struct file *)file)->inode);
    file_put(file);
}
static void exe_get(void *file)
{
    file_get(file);
    inode_deny_write(((struct file *)file)->inode); /* it is denied already: succeeds */
}
static const struct vma_file_ops exe_ops = { .get = exe_get, .put = exe_put };

/* The point of no return: mm is the process's address space from here. */
static void install_mm(struct exec *x, struct mm *mm)
{
    struct process *p = current_process();
    struct mm *old = p->mm;
    struct file *old_exe = p->exe;
    unsigned long flags;

    uring_task_exit(current_uthread()); /* requests mean the old program's memory */
    file_get(x->prog.file);
    file_get(x->prog.file);
    mm->exe_file = x->prog.file;
    mm->exe_ops = &exe_ops; /* inode_deny_write() was prepare()'s */
    mutex_lock(&p->lock);
    spin_lock(&tasks_lock);
    p->mm = mm;
    spin_unlock(&tasks_lock);
    p->exe = x->prog.file;
    p->execed = true;
    exec_commit_creds(x);
    mutex_unlock(&p->lock);
    flags = spin_lock_irqsave(&p->sighand->lock); /* usage_of() looks at a thread's memory under it */
    mm_activate(mm);
    spin_unlock_irqrestore(&p->sighand->lock, flags);
    process_update_limits(p);
    vfork_done(p);
    if (old) { /* the first program of a process has nothing to leave */
        mm_put(old);
        fd_close_on_exec();
        itimer_exec(current_process());
    }
    if (old_exe)
        file_put(old_exe);
    reset_signals(p);
    reset_thread();
    set_names(x, p);
}

static int prepare(struct exec *x, struct exec_args *a)
{
    int err = exec_open(a->base, a->path, a->at_flags, &x->file);
    if (!err)
        err = find_program(x, a->hidden);
    if (!err)
        err = check_args(x);
    if (err)
        return err;
    file_get(x->file);
    err = elf_open(&x->prog, x->file, x->name);
    if (!err)
        err = open_interpreter(x);
    if (!err)
        err = exec_prepare_creds(x);
    return err ? err : inode_deny_write(x->prog.file->inode);
}

static void exec_free(struct exec *x)
{
    if (x->file)
        file_put(x->file);
    elf_close(&x->prog);
    elf_close(&x->interp);
    cred_put(x->cred);
    kfree(x->own_strings);
    kfree(x->own_name);
    kfree(x);
}

int process_exec(struct exec_args *a)
{
    struct exec *x = kzalloc(sizeof(*x));
    struct mm *mm;
    vaddr_t entry, sp;
    int err;

    if (!x)
        return -ENOMEM;
    x->name = x->execfn = a->execfn ? a->execfn : a->path;
    x->argc = a->argc;
    x->envc = a->envc;
    x->strings = a->strings;
    x->len_bytes = a->len_bytes;
    err = prepare(x, a);
    if (err)
        goto free_x;
    err = -ENOMEM;
    mm = mm_new();
    if (!mm)
        goto allow_write;
    err = process_become_single();
    if (!err)
        err = fd_unshare();
    if (err) {
        mm_put(mm);
        goto allow_write;
    }
    futex_exec_thread(current_uthread());
    place_areas(mm, want_random());
    install_mm(x, mm);
    err = load(x, mm);
    entry = x->entry;
    sp = x->sp;
    if (err)
        log_err("exec: %s: could not be loaded (error %d)", x->execfn, -err);
    exec_free(x);
    if (err)
        process_exit(SIGSEGV);
    arch_exec_start(entry, sp);
    return 0;
allow_write:
    inode_allow_write(x->prog.file->inode);
free_x:
    exec_free(x);
    return err;
}
