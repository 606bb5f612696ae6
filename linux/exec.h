/* SPDX-License-Identifier: BSD-2-Clause */
/* exec.h: the parts of exec, between the files that make it up. */
#ifndef LINUX_EXEC_H
#define LINUX_EXEC_H

#include "linux/elf.h"
#include "linux/process.h"
#include "linux/script.h"

/* One exec under way. */
struct exec {
    struct file *file;  /* what is about to be run; referenced */
    const char *name;   /* by which it was found */
    const char *execfn; /* AT_EXECFN: the name given to the system call */
    unsigned argc, envc;
    char *strings; /* argv then envp, terminated, back to back */
    size_t len_bytes;
    char *own_strings; /* strings, when a script made new ones */
    char *own_name;    /* name, when a script gave it */
    char head[SCRIPT_HEAD + 1];
    size_t head_len;
    struct elf_file prog, interp;
    bool has_interp;
    struct cred *cred; /* of the new program, until they are its process's */
    bool secure;       /* AT_SECURE: it has more rights than its caller */
    /* results of mapping */
    vaddr_t entry, prog_entry, interp_base, phdr, sp;
};

/* Opens name for execution. -ENOENT, -EACCES, -ETXTBSY ... */
int exec_open(const struct path *base, const char *name, int at_flags, struct file **out);
/* x->head begins with "#!": replaces file and arguments by the interpreter's. */
int script_load(struct exec *x);
/* Writes strings, auxiliary vector and pointers to the new stack of the current address space; sets x->sp. */
int exec_build_stack(struct exec *x, struct mm *mm, bool randomize);
/* Works out x->cred. 0 or -ENOMEM. */
int exec_prepare_creds(struct exec *x);
/* Gives them to the process. */
void exec_commit_creds(struct exec *x);
/* The process's resource limits as the address space enforces them. */
void process_update_limits(struct process *p);

#endif
